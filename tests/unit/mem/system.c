/* system.c - what is read from a tree of files like /proc and /sys.  */
#include "mem/system.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Writes a file below `root`, and the folders above it. */
static void put(const char *root, const char *path, const char *text)
{
    char name[512];
    snprintf(name, sizeof name, "%s%s", root, path);
    for (char *at = name + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        mkdir(name, 0700);
        *at = '/';
    }
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_root(char root[64])
{
    strcpy(root, "/tmp/tessera-system-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void remove_root(const char *root)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    cr_assert_eq(system(command), 0);
}

Test(system, knows_nothing_of_an_empty_tree)
{
    char root[64];
    struct mem_system system;
    make_root(root);
    mem_system_read(root, &system);
    cr_assert_eq(system.machine_bytes + system.group_limit_bytes + system.swapped_bytes, 0);
    cr_assert_eq(system.overcommit_mode, -1);
    cr_assert_not(system.are_huge_pages_always);
    cr_assert_eq(mem_system_limit(&system), 0);
    remove_root(root);
}

Test(system, reads_every_figure)
{
    char root[64];
    struct mem_system system;
    make_root(root);
    put(root, "/proc/meminfo", "MemTotal:       1000 kB\nMemFree: 1 kB\nCommitLimit:   700 kB\nCommitted_AS:  600 kB\n");
    put(root, "/proc/self/status", "Name:\tx\nVmRSS:\t 5 kB\nVmSwap:\t      12 kB\n");
    put(root, "/proc/sys/vm/overcommit_memory", "2\n");
    put(root, "/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
    put(root, "/proc/self/cgroup", "0::/a/b\n");
    put(root, "/sys/fs/cgroup/a/memory.max", "500000\n");
    put(root, "/sys/fs/cgroup/a/b/memory.max", "max\n");
    mem_system_read(root, &system);
    cr_assert_eq(system.machine_bytes, 1024000);
    cr_assert_eq(system.commit_limit_bytes, 700 * 1024);
    cr_assert_eq(system.committed_bytes, 600 * 1024);
    cr_assert_eq(system.swapped_bytes, 12 * 1024);
    cr_assert_eq(system.overcommit_mode, 2);
    cr_assert(system.are_huge_pages_always);
    cr_assert_eq(system.group_limit_bytes, 500000);
    cr_assert_eq(mem_system_limit(&system), 500000);
    remove_root(root);
}

Test(system, reads_limits_of_version_1_and_ignores_those_that_are_none)
{
    char root[64];
    struct mem_system system;
    make_root(root);
    put(root, "/proc/meminfo", "MemTotal: 1000 kB\n");
    put(root, "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    put(root, "/proc/self/cgroup", "9:name=systemd:/x\n4:memory:/job\n0::/\n");
    put(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    mem_system_read(root, &system);
    cr_assert_eq(system.group_limit_bytes, 0);
    cr_assert_eq(mem_system_limit(&system), 1024000);
    cr_assert_not(system.are_huge_pages_always);
    put(root, "/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4096000\n");
    mem_system_read(root, &system);
    cr_assert_eq(system.group_limit_bytes, 4096000);
    cr_assert_eq(mem_system_limit(&system), 1024000);
    remove_root(root);
}
