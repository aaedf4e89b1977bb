/* memory_private.h - the subcommands of MEMORY that have a file of their own.  */
#ifndef CMD_MEMORY_PRIVATE_H
#define CMD_MEMORY_PRIVATE_H

#include "cmd/memory_figures.h"
#include "shard/exec.h"

command_fn memory_stats_run;  /* memory_stats.c */
command_fn memory_doctor_run; /* memory_doctor.c */
command_fn memory_audit_run;  /* memory_audit.c */

/* What MEMORY DOCTOR found out, handed to the text's writer. */
enum { DOCTOR_TOP_COUNT = 5, DOCTOR_NAME_MAX = 80 };

struct doctor_item {
    uint64_t bytes;
    uint64_t detail;             /* a table's index bytes */
    uint32_t db;
    uint32_t name_len;           /* of the whole name */
    const char *kind;            /* "string", "table" */
    char name[DOCTOR_NAME_MAX];  /* its beginning */
};

/* The biggest first; `count` of them. */
struct doctor_top {
    uint32_t count;
    struct doctor_item items[DOCTOR_TOP_COUNT];
};

struct doctor_report {
    struct memory_figures memory;
    struct heap_walk walks[SHARD_COUNT_MAX];
    struct doctor_top keys, tables, heavy_indexes;
    uint64_t key_count, table_count;
};

/* memory_doctor_text.c: writes the report for people; false when memory was refused. */
MUST_USE bool doctor_write(struct server *server, const struct doctor_report *report, struct buffer *out);

#endif
