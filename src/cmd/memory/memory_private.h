/* memory_private.h - the subcommands of MEMORY that have a file of their own.  */
#ifndef CMD_MEMORY_PRIVATE_H
#define CMD_MEMORY_PRIVATE_H

#include "client/sessions.h"
#include "cmd/memory/memory_figures.h"
#include "encoding/collection.h"
#include "exec/exec.h"
#include "mem/system.h"
#include "table/table.h"

command_fn memory_stats_run;  /* memory_stats.c */
command_fn memory_doctor_run; /* memory_doctor.c */
command_fn memory_audit_run;  /* memory_audit.c */
command_fn memory_top_run;    /* memory_top.c */
command_fn memory_prefix_run; /* memory_prefix.c */
command_fn memory_history_run; /* memory_history.c */

/* memory_top.c: the number in argv[index], 1 .. most; false: replied an error that names the word before it. */
MUST_USE bool memory_count_argument(struct exec *exec, uint32_t index, int64_t most, int64_t *out);

/* --- memory_tables.c: all tables in turn --- */

struct memory_table_walk {
    bool is_new;
    uint64_t version;      /* of the catalogue */
    uint32_t at, page;     /* the table's number there, and the page in the job's shard */
    uint64_t done;         /* tables that were handed out */
    uint32_t last_db;      /* of the last one that was */
    size_t last_len;
    char last_name[256];
    struct table_walk sum; /* of the table so far */
};
/* Under shard 0's baton. */
typedef void memory_table_fn(uint32_t db, const struct table *table, const struct table_walk *sum, void *arg);
/* Goes on in the job's shard, and says in job->shard where to go on; `walk` begins with is_new set and all else 0. True: all
 * tables were handed out, under shard 0's baton.  */
MUST_USE bool memory_table_walk_step(struct memory_table_walk *walk, struct job *job, struct exec *exec, memory_table_fn *visit,
                                      void *arg);

/* memory_misfit.c: collections that need much more memory than their items. */
enum memory_misfit {
    MISFIT_NONE,
    MISFIT_LARGE_FORM,      /* a hash, set or sorted set that stands apart though its small form would do */
    MISFIT_SMALL_NODES,     /* a long list with few and short items a node */
    MISFIT_DELETED_ENTRIES, /* a stream whose nodes hold many more deleted entries than others */
    MISFIT_COUNT
};
/* Walks 1,024 items or 64 nodes at most. */
MUST_USE enum memory_misfit memory_misfit(const struct entry *entry, const struct encoding_limits *limits);

/* --- what MEMORY DOCTOR found out, handed to the text's writer --- */

enum { DOCTOR_TOP_COUNT = 5, DOCTOR_NAME_MAX = 80 };

struct doctor_item {
    uint64_t bytes;
    uint64_t detail;             /* what the list says */
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

struct doctor_shard {
    struct heap_walk walk;
    int64_t used_bytes;
    uint64_t commands;           /* since start */
};

/* Misfits of one kind. */
struct doctor_misfits {
    uint64_t count, bytes;       /* among the biggest keys of their type: all of those are looked at */
    double all_count, all_bytes; /* of all keys, reckoned from a sample */
    struct doctor_top top;       /* those that were seen */
};

/* Of the log of changes. */
struct doctor_log {
    int error;                          /* errno: it cannot be written; 0 */
    int64_t error_seconds;              /* for so long */
    bool is_held_back;                  /* writes wait for the disk */
    int64_t held_back_ms, held_back_ago_s; /* for so long since the start; the last time, -1 never */
    int64_t pending_bytes;              /* that wait for the disk */
};

struct doctor_report {
    struct memory_figures memory;
    struct mem_system system;
    uint32_t shard_count;
    struct doctor_shard shards[SHARD_COUNT_MAX];
    struct doctor_top keys, tables;
    struct doctor_top heavy_indexes;    /* bytes: of the indexes; detail: of the rows */
    struct doctor_top sparse_tables;    /* bytes: in deleted rows; detail: those rows */
    struct doctor_misfits misfits[MISFIT_COUNT];
    uint64_t sample_keys;               /* how many keys the sample has */
    struct fed_clients fed;
    struct doctor_log log;
    uint64_t key_count, expiring_count, table_count;
    uint32_t clients;
    const char *policy;                 /* maxmemory-policy */
    bool is_policy_volatile;            /* it evicts keys with a TTL only */
    bool is_evicting_nothing;           /* noeviction */
    bool is_defrag_on;                  /* activedefrag */
};

/* memory_doctor_text.c: writes the report for people; false when memory was refused. Any thread. */
MUST_USE bool doctor_write(const struct doctor_report *report, struct buffer *out);

#endif
