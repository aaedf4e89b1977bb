/* statement.h - a TABLE.SELECT, UPDATE or DELETE: read from its words, and run at once when it is small.
 *
 * What a client is told is not this room's: whoever runs a statement gives it functions for that (struct statement_replies).
 *
 * Threads    Under the batons of the shards it works on.
 * Read on    statement_job.h, for those that are not small.  */
#ifndef QUERY_STATEMENT_H
#define QUERY_STATEMENT_H

#include "exec/exec.h"
#include "query/found.h"
#include "query/gather.h"
#include "query/returning.h"
#include "query/row_work.h"
#include "query/select_run.h"
#include "query/select_words.h"
#include "query/slice_locks.h"
#include "query/unique_check.h"
#include "table/definition.h"

enum statement_kind { STATEMENT_SELECT, STATEMENT_UPDATE, STATEMENT_DELETE };

enum { STATEMENT_ALL_SHARDS = -1 };

struct statement {
    enum statement_kind kind;
    struct table *table;
    const struct schema *schema;
    struct where where;
    struct assignment *set; /* UPDATE */
    uint32_t set_count;
    const struct assignment *computed; /* UPDATE: words of set_words.h, the last one first; statement_plan makes `work` of them */
    uint32_t computed_count;
    bool moves_rows;        /* sets the routing column, and there are several shards */
    bool sets_unique;       /* sets a unique column */
    int64_t scan_limit;     /* table-max-scan-rows; 0: none */
    struct select_words words; /* SELECT: its other clauses; UPDATE, DELETE: RETURNING */
    struct select *select;  /* what they mean (statement_plan); NULL: whole rows, all of them */
    const struct select *returning; /* UPDATE, DELETE: what is told of each row (statement_plan); NULL: how many there were */
    const struct row_work *work; /* what is asked of rows besides `where`, and SET that is computed, beside `set`; NULL: neither */
    struct table_fault fault; /* which word statement_parse has refused */
};

/* How the outcome of a statement is told. SELECT: `rows` once, then `row` or `items` for each; UPDATE, DELETE: `changed`, or with RETURNING `rows`
 * once, then `items` for each; or `refuse`, or `fault`, which throw away what was told before.  */
struct statement_replies {
    /* statement: its limit and its fault; NULL: it was not read */
    void (*refuse)(struct exec *exec, enum table_result result, const struct statement *statement);
    void (*rows)(struct exec *exec, size_t count);
    /* Under the slice's lock or baton. */
    void (*row)(struct exec *exec, const struct statement *statement, const struct found_row *row);
    /* The values of select->items: of a SELECT, or of RETURNING. */
    void (*items)(struct exec *exec, const struct select *select, const struct scalar *items);
    void (*changed)(struct exec *exec, size_t count);
    void (*fault)(struct exec *exec, const struct sql_fault *fault);
};

/* Splits a field, <col>=<value>, and finds the column: `bad_field` when it is none, TABLE_UNKNOWN_COLUMN, TABLE_BAD_VALUE; *fault says more. */
MUST_USE enum table_result field_parse(const struct schema *schema, struct bytes word, enum table_result bad_field,
                                       struct assignment *out, struct table_fault *fault);

/* The table named by argv[1]; NULL: there is none. Under a baton, or inside an epoch section. */
struct table *statement_table(const struct exec *exec);

/* What statement_parse needs for the command's words. */
size_t statement_bytes(const struct exec *exec);
/* Reads argv[2] and on; `memory`: statement_bytes, aligned as malloc does. Values borrow argv. On errors only statement->fault and
 * ->scan_limit have a meaning. */
MUST_USE enum table_result statement_parse(struct statement *statement, const struct exec *exec, enum statement_kind kind,
                                           struct table *table, void *memory);
/* Makes the plan of a SELECT's other clauses, or of SET that is computed and of RETURNING, if it has any, in the arena. TABLE_NO_MEMORY;
 * TABLE_FAULT: *fault says what is wrong.  */
MUST_USE enum table_result statement_plan(struct statement *statement, const struct exec *exec, struct arena *arena, struct sql_fault *fault);
/* The words argv[from] to argv[end - 1] as what SET of an UPDATE gives: statement->set, which is in the arena, and ->work, whose expressions may
 * name `excluded`, too (row_names_find_upsert). All else of the statement but its table and its schema is zero. TABLE_FAULT: *fault is set; on
 * other errors statement->fault.  */
MUST_USE enum table_result statement_parse_upsert(struct statement *statement, const struct exec *exec, uint32_t from, uint32_t end,
                                                  struct arena *arena, struct sql_fault *fault);
/* TABLE_OK, TABLE_NO_MEMORY or TABLE_FAULT. */
enum table_result statement_result_of(enum sql_fault_kind kind);
/* The one shard that can have rows for it, or STATEMENT_ALL_SHARDS. */
int32_t statement_shard(const struct statement *statement, const struct exec *exec);

/* The shards that a statement works on. */
struct shard_range statement_range(const struct statement *statement, int32_t shard);

/* Refused before it begins: table-require-index, and table-max-scan-rows for scans. */
MUST_USE enum table_result statement_check(const struct statement *statement, const struct exec *exec,
                                           struct shard_range range);
/* The rows that were looked at so far are within table-max-scan-rows. */
bool statement_is_within_limit(const struct statement *statement, uint64_t examined);

/* Another statement's lock is in its way, or others wait for one: true, and exec_wait_for was called. */
MUST_USE bool statement_must_wait(const struct statement *statement, struct exec *exec, struct shard_range range);

/* Begins to find its rows in a slice: those that the conditions let through, but for some that a LIMIT of a SELECT in order cannot tell. */
void statement_begin_gather(const struct statement *statement, const struct table_slice *slice, struct gather *gather);
/* Rows that the conditions have let through: leaves those that the statement works on. False: *failure says why. */
static inline bool statement_keep(const struct statement *statement, const struct table_slice *slice, uint32_t *rows, uint32_t *count,
                                  struct row_failure *failure)
{
    return statement->work == NULL || *count == 0 || row_work_keep(statement->work, slice, rows, count, failure);
}
/* Of such a failure: TABLE_NO_MEMORY, or TABLE_FAULT, and *fault is set. */
MUST_USE enum table_result statement_keep_result(const struct statement *statement, const struct row_failure *failure, struct sql_fault *fault);

/* Runs it completely and tells its outcome, when that takes about 50 us at most. False: it is bigger; nothing was changed or told.
 * The batons of the range are held, and statement_must_wait has said no.  */
MUST_USE bool statement_run_small(const struct statement *statement, struct exec *exec, struct shard_range range,
                                  const struct statement_replies *replies);

/* --- for jobs, too --- */

/* What an UPDATE gives its rows. */
struct unique_update statement_update(const struct statement *statement);

/* Tells a row of a select_run, or its items. */
void statement_tell_row(const struct statement *statement, struct exec *exec, const struct found_row *row, const struct scalar *items,
                        const struct statement_replies *replies);
/* RETURNING: tells a row that was found and is not changed yet. TABLE_NO_MEMORY, also where the reply has no room; TABLE_FAULT: *fault is set. */
MUST_USE enum table_result statement_tell_returned(const struct statement *statement, struct exec *exec, struct returning *returning,
                                                   const struct found_row *row, const struct statement_replies *replies, struct sql_fault *fault);
/* Of a run that has failed: TABLE_NO_MEMORY, or TABLE_FAULT, and *fault is set. */
MUST_USE enum table_result statement_run_result(const struct select_run *run, struct sql_fault *fault);
/* Counts changes of rows. The rows' slices have told of each, and how to repeat it (table/slice_owner.h). */
void statement_count_rows(struct exec *exec, uint64_t count);
/* UPDATE: in place, or to the shard of its new routing value (both batons held). DELETE: removes it. */
MUST_USE enum table_result statement_apply(const struct statement *statement, const struct exec *exec,
                                           const struct found_row *row);

#endif
