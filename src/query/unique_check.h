/* unique_check.h - an UPDATE that sets unique columns: whether two rows would have the same value is found out before any row is changed.
 *
 *   unique_check_begin --> unique_check_row, for each row that was found --> unique_check_settle, until it is done --> unique_check_release
 *
 * Refused is a value that another row has, also if the UPDATE gives that row another one; and one that two rows would get. So the rows are in
 * order after each of them, in whatever order they are changed, and if the change ends half way.
 *
 * Threads    Under the batons of all shards that have rows of the table, or with their slices locked.
 * Memory     thread_alloc, class MEM_QUERY_BUFFER: where SET is computed, 48 bytes for each value.  */
#ifndef QUERY_UNIQUE_CHECK_H
#define QUERY_UNIQUE_CHECK_H

#include "mem/arena.h"
#include "query/fault.h"
#include "query/found.h"
#include "query/row_work.h"
#include "table/unique.h"

/* What an UPDATE gives its rows. */
struct unique_update {
    const struct table *table;
    const struct assignment *set; /* the same to all */
    uint32_t set_count;
    const struct row_work *work;  /* what is computed for each, besides; NULL: nothing */
};

/* All zero: nothing is checked. */
struct unique_check {
    struct unique_update update;
    struct found hashes;  /* where SET is computed; keys: the column, and the hash of what the row gets there */
    size_t next, run;     /* settling: the row to be looked at, and the first one with its keys */
    uint64_t row_count;   /* that were looked at */
    struct arena arena;   /* what was computed last */
};

/* What the update points to is lent until unique_check_release. */
void unique_check_begin(struct unique_check *check, const struct unique_update *update);
/* TABLE_OK, TABLE_NO_MEMORY; TABLE_NOT_UNIQUE: *fault says which value, which is lent until unique_check_release. */
MUST_USE enum table_result unique_check_row(struct unique_check *check, const struct found_row *row, struct table_fault *fault);
/* Looks for values that two rows would get: `limit` steps of found_sort, or `limit` values, at most. *is_done: there are none, or the result says
 * otherwise. */
MUST_USE enum table_result unique_check_settle(struct unique_check *check, size_t limit, bool *is_done, struct table_fault *fault);
void unique_check_release(struct unique_check *check);

/* The fault of TABLE_NOT_UNIQUE, and of TABLE_REPEATED. `value`, its text and the names of the table and the column are borrowed. */
struct table_fault unique_fault(const struct table *table, uint32_t column, const struct typed_value *value);

#endif
