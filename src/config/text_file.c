/* text_file.c - see text_file.h.  */
#include "config/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum result text_file_read_descriptor(int descriptor, struct buffer *out)
{
    enum { CHUNK_BYTES = 16384 };
    for (;;) {
        if (!buffer_reserve(out, CHUNK_BYTES)) {
            return RESULT_NO_MEMORY;
        }
        ssize_t count = read(descriptor, out->data + out->len, CHUNK_BYTES);
        if (count == 0) {
            return RESULT_OK;
        }
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return RESULT_SYSTEM;
        }
        out->len += (size_t)count;
        if (out->len > TEXT_FILE_BYTES_MAX) {
            return RESULT_TOO_LONG;
        }
    }
}

enum result text_file_read(const char *path, struct buffer *out, mode_t *mode)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return RESULT_SYSTEM;
    }
    struct stat status;
    enum result result = fstat(descriptor, &status) == 0 ? text_file_read_descriptor(descriptor, out) : RESULT_SYSTEM;
    int error = errno;
    *mode = status.st_mode & 07777;
    close(descriptor);
    errno = error;
    return result;
}

static bool write_all(int descriptor, struct bytes text)
{
    while (text.len > 0) {
        ssize_t count = write(descriptor, text.data, text.len);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return false;
        }
        text.data += count;
        text.len -= (size_t)count;
    }
    return true;
}

/* Makes the rename itself durable. */
static bool sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        strcpy(folder, ".");
    } else {
        slash[slash == folder] = '\0';
    }
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    bool is_done = fsync(descriptor) == 0;
    int error = errno;
    close(descriptor);
    errno = error;
    return is_done;
}

enum result text_file_replace(const char *path, mode_t mode, struct bytes text)
{
    char temporary[PATH_MAX + 16];
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int descriptor = mkostemp(temporary, O_CLOEXEC);
    if (descriptor < 0) {
        return RESULT_SYSTEM;
    }
    bool is_done = write_all(descriptor, text) && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0;
    int error = errno;
    close(descriptor);
    if (is_done) {
        is_done = rename(temporary, path) == 0;
        error = errno;
    }
    if (!is_done) {
        unlink(temporary);
        errno = error;
        return RESULT_SYSTEM;
    }
    return sync_folder_of(path) ? RESULT_OK : RESULT_SYSTEM;
}
