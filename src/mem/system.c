/* system.c - reads what the kernel says in files; see system.h.  */
#include "mem/system.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 8192, PATH_BYTES = 1024 };
/* Control groups of version 1 say "no limit" by a number near 2^63. */
#define NO_LIMIT (UINT64_C(1) << 60)

/* The file's beginning as text; false and "" when it cannot be read. */
static bool read_file(const char *root, const char *path, char text[TEXT_MAX])
{
    char name[2 * PATH_BYTES];
    text[0] = '\0';
    if (snprintf(name, sizeof name, "%s%s", root, path) >= (int)sizeof name) {
        return false;
    }
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const ssize_t got = read(fd, text, TEXT_MAX - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* "Name:   12 kB" of a table of such lines, in bytes; 0: none. */
static uint64_t read_kib(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10) * 1024;
}

/* --- the control group --- */

/* The least of the limits in `file` from the group `path` up to the top. */
static uint64_t limit_along(const char *root, const char *mount, char *path, const char *file)
{
    uint64_t least = 0;
    for (;;) {
        char name[PATH_BYTES], text[TEXT_MAX];
        if (snprintf(name, sizeof name, "%s%s/%s", mount, path, file) < (int)sizeof name && read_file(root, name, text)) {
            const uint64_t limit = strtoull(text, NULL, 10); /* "max" is 0 */
            if (limit > 0 && limit < NO_LIMIT && (least == 0 || limit < least)) {
                least = limit;
            }
        }
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            return least;
        }
        *slash = '\0';
    }
}

static uint64_t group_limit(const char *root)
{
    char text[TEXT_MAX];
    uint64_t least = 0;
    char *next = text;
    if (!read_file(root, "/proc/self/cgroup", text)) {
        return 0;
    }
    /* "0::/path" in version 2, "4:memory:/path" in version 1. */
    for (char *line; (line = strsep(&next, "\n")) != NULL;) {
        char *names = strchr(line, ':');
        char *path = names == NULL ? NULL : strchr(names + 1, ':');
        if (path == NULL) {
            continue;
        }
        *path++ = '\0';
        uint64_t limit = 0;
        if (names[1] == '\0') {
            limit = limit_along(root, "/sys/fs/cgroup", path, "memory.max");
        } else if (strcmp(names + 1, "memory") == 0) {
            limit = limit_along(root, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
        }
        if (limit > 0 && (least == 0 || limit < least)) {
            least = limit;
        }
    }
    return least;
}

/* --- all of it --- */

void mem_system_read(const char *root, struct mem_system *out)
{
    char text[TEXT_MAX];
    *out = (struct mem_system){.overcommit_mode = -1};
    if (read_file(root, "/proc/meminfo", text)) {
        out->machine_bytes = read_kib(text, "MemTotal:");
        out->commit_limit_bytes = read_kib(text, "CommitLimit:");
        out->committed_bytes = read_kib(text, "Committed_AS:");
    }
    if (read_file(root, "/proc/self/status", text)) {
        out->swapped_bytes = read_kib(text, "VmSwap:");
    }
    if (read_file(root, "/proc/sys/vm/overcommit_memory", text)) {
        out->overcommit_mode = atoi(text);
    }
    if (read_file(root, "/sys/kernel/mm/transparent_hugepage/enabled", text)) {
        out->are_huge_pages_always = strstr(text, "[always]") != NULL;
    }
    out->group_limit_bytes = group_limit(root);
}

uint64_t mem_system_limit(const struct mem_system *system)
{
    const uint64_t group = system->group_limit_bytes, machine = system->machine_bytes;
    return group > 0 && (group < machine || machine == 0) ? group : machine;
}
