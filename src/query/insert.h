/* insert.h - rows of one INSERT, which come together or not at all.
 *
 *     CHECK --> ADD --> [REPLY] --> TELL --> done    every row is read; then they are added, and nobody is told; then all is told
 *       |        +--------+----> taken back: refused   another row has the value of a unique column, memory was refused, or a slice is full
 *       +----------------------> refused               a value is wrong: no row id was taken
 *
 * REPLY is RETURNING: what is told of each row is computed before anyone is told of a change, so that all rows are taken back when that fails.
 *
 * Their slices are locked for writing meanwhile, so that nobody sees some of the rows. A row's values are looked for among the rows that are
 * there and those added before it; what is done when another row has them: conflict.h. Numbers of the auto column that were taken or given by
 * rows that are taken back are not taken again. More than EXEC_WORDS_MAX values are a job that takes these steps with pauses in between.
 *
 * Threads    The holder of the batons of all shards, or of the one that has the rows. CHECK and REPLY of a job: none; it has the locks.
 * Limits     When the connection of a job dies, rows of which nobody was told are taken back; once TELL has begun all are told.  */
#ifndef QUERY_INSERT_H
#define QUERY_INSERT_H

#include "exec/exec.h"
#include "query/conflict.h"
#include "query/fault.h"
#include "query/returning.h"
#include "table/definition.h"

/* What a command says before its first row. */
struct insert_head {
    struct table *table;
    uint32_t row_count;             /* at least 1 */
    uint32_t value_count;           /* in all */
    const struct conflict *conflict; /* what becomes of rows whose values others have, in memory of the reader's; NULL: they are refused */
    const struct select *returning; /* what is told of each row, in memory of the reader's; NULL: its id */
};

/* Where the rows come from, and how the outcome is told: `rows` once and then `row_id` or `items` for each, in their order; or `refuse` or `fault`,
 * which throw away what was told before. What the source knows of a command is its reader, all zero at first.  */
struct insert_source {
    size_t reader_bytes;
    /* Reads the command up to where its rows begin, under a baton; *head is set on TABLE_OK. Again for each try of a job: what was read before is
     * forgotten.  */
    enum table_result (*open)(void *reader, const struct exec *exec, struct insert_head *head);
    /* Row `at`, the same each time: a value for each column of the table, lent until the next call. Asked twice: only memory can fail the second
     * time. */
    /* TABLE_NULL_VALUE: no value for a column that must have one; the row may be left out (conflict.h). */
    enum table_result (*row)(void *reader, const struct exec *exec, uint32_t at, struct typed_value *values);
    void (*close)(void *reader);
    /* Why: what `open` or `row` has returned last, or TABLE_NO_MEMORY, TABLE_FULL, TABLE_NO_NUMBER; or TABLE_NOT_UNIQUE, and `fault` is not NULL. */
    void (*refuse)(struct exec *exec, enum table_result result, const struct table_fault *fault, const void *reader);
    void (*rows)(struct exec *exec, size_t count);
    void (*row_id)(struct exec *exec, uint64_t id);
    void (*items)(struct exec *exec, const struct select *select, const struct scalar *items);
    void (*fault)(struct exec *exec, const struct sql_fault *fault);
};

/* Runs the command. reader: reader_bytes, all zero; the caller closes it. A job has one of its own; `source` is lent until it is over. A single row
 * gets the id that its route has taken (exec->routed_number); when it has come to another shard than its own, which is so only when memory was
 * refused to its route, it is refused as that. */
void insert_run(struct exec *exec, const struct insert_source *source, void *reader);

#endif
