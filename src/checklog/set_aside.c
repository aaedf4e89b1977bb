/* set_aside.c - see set_aside.h.  */
#include "checklog/set_aside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COPIES_MAX = 1000 };

static bool fail(const char *path, const char *what)
{
    printf("%s: %s: %s\n", path, what, strerror(errno));
    return false;
}

static bool copy_bytes(int from, int to)
{
    char bytes[1 << 16];
    for (;;) {
        const ssize_t got = read(from, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 && fsync(to) == 0;
        }
        for (ssize_t done = 0; done < got;) {
            const ssize_t more = write(to, bytes + done, (size_t)(got - done));
            if (more < 0 && errno != EINTR) {
                return false;
            }
            done += more > 0 ? more : 0;
        }
    }
}

/* A file that was not there before; -1: errno. */
static int create_copy(const char *path, char *name, size_t room)
{
    int file = -1;
    for (unsigned i = 0; i < COPIES_MAX && file < 0; i++) {
        const int len = i == 0 ? snprintf(name, room, "%s.before-fix", path) : snprintf(name, room, "%s.before-fix.%u", path, i);
        if (len < 0 || (size_t)len >= room) {
            errno = ENAMETOOLONG;
            return -1;
        }
        file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file < 0 && errno != EEXIST) {
            return -1;
        }
    }
    return file;
}

bool set_aside(const char *path)
{
    char name[PATH_MAX];
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    const int to = from < 0 ? -1 : create_copy(path, name, sizeof name);
    const bool is_done = to >= 0 && copy_bytes(from, to);
    if (!is_done) {
        fail(path, "cannot be copied");
    } else {
        printf("%s: copied to %s\n", path, name);
    }
    if (to >= 0) {
        close(to);
    }
    if (from >= 0) {
        close(from);
    }
    return is_done;
}

bool cut_off(const char *path, uint64_t offset)
{
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    const bool is_done = file >= 0 && ftruncate(file, (off_t)offset) == 0 && fsync(file) == 0;
    if (!is_done) {
        fail(path, "cannot be cut off");
    } else {
        printf("%s: cut off at offset %" PRIu64 "\n", path, offset);
    }
    if (file >= 0) {
        close(file);
    }
    return is_done;
}
