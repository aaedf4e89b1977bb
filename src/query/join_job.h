/* join_job.h - a SELECT over several tables, or with queries in its expressions, as a job.
 *
 * It locks the slices of all its tables for reading, in one step, so that it sees one moment of all of them. Then it has a round for each query in
 * its expressions, which gives values, and the last one for itself, which is told. A round reads the tables but the first one into hash tables,
 * joins the first one's rows with them as they are found, in parts, and gives or tells the rows.
 *
 *   START --> READ --> LINK --> READ --> ... --> SETTLE --> REPLY --> END --> done
 *     |         ^                                    +----> TAKE --.
 *     |         +------------------- PLAN <------------------------'
 *     +-- refused: done          (any of the others: END when something is refused)
 *
 * Threads    START, PLAN and END: all batons; LINK, SETTLE, TAKE, REPLY: none, the parts of READ (join_run.h) neither.
 * Limits     table-join-memory: of each round, and of all values together. JOIN_LOCKS_MAX tables.  */
#ifndef QUERY_JOIN_JOB_H
#define QUERY_JOIN_JOB_H

#include "expression/query_value.h"
#include "query/join.h"

enum { JOIN_LOCKS_MAX = 64 };

struct join_lock {
    struct table *table;
    struct shard_range range;
};

/* One SELECT of a statement, read when it is its turn. */
struct join_round {
    struct join *join;
    bool is_last;              /* its rows are told; else ... */
    enum sql_kind kind;        /* ... they are what this expression asks for: SQL_IN_QUERY, SQL_EXISTS or SQL_QUERY; */
    struct query_value value;  /* ... its place and type, without rows */
    uint32_t query_count;      /* how many rounds come before the last one */
    struct join_lock locks[JOIN_LOCKS_MAX]; /* of the whole statement: the same in each round */
    uint32_t lock_count;
};

/* Reads the command's words, under all batons: the round behind those that have given `known`. *out is in the arena. TABLE_FAULT: *fault says what is
 * wrong.  */
typedef enum table_result join_read_fn(struct join_round *out, const struct exec *exec, const struct query_values *known, struct arena *arena,
                                       struct sql_fault *fault);

/* `replies`: rows, items, refuse and fault are called; lent until the job is over. */
void join_job_start(struct exec *exec, join_read_fn *read, const struct statement_replies *replies);

#endif
