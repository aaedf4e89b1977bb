/* system.h - what the machine says about memory: its size, the control group's limit, huge pages, overcommit, swap.
 *
 * Threads    Any; reads a few small files of /proc and /sys.  */
#ifndef MEM_SYSTEM_H
#define MEM_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes; 0 where a file is not there or says nothing. */
struct mem_system {
    uint64_t machine_bytes;      /* all of the machine's memory */
    uint64_t group_limit_bytes;  /* the control group's, or the least of those around it; 0: none */
    uint64_t swapped_bytes;      /* of this process */
    uint64_t commit_limit_bytes, committed_bytes; /* what may be promised to all processes, and what is */
    int overcommit_mode;         /* vm.overcommit_memory: 0, 1, 2; -1 unknown */
    bool are_huge_pages_always;  /* transparent_hugepage/enabled says [always] */
};

/* `root`: in front of /proc and /sys: "" but in tests. */
void mem_system_read(const char *root, struct mem_system *out);
/* The lesser of the machine's memory and the group's limit; 0 unknown. */
uint64_t mem_system_limit(const struct mem_system *system);

#endif
