/* select_run.h - a SELECT with clauses at work: rows of slices go in, result rows come out.
 *
 *     select_run_create
 *         select_part_take ... --> select_part_settle      of each part: a slice's rows, on any thread, parts side by side
 *     select_run_settle                                    one thread from here on: groups are merged, HAVING, order
 *     select_run_left, then select_run_next ...
 *     select_run_release
 *
 * Threads    A part has one owner at a time. The slices do not change until select_run_release: they are locked, or it is all one step.
 * Memory     thread_alloc, class MEM_QUERY_BUFFER: groups and texts that were made, SELECT_BYTES_MAX a part at most; and found.h's.
 * Limits     SELECT_BYTES_MAX.  */
#ifndef QUERY_SELECT_RUN_H
#define QUERY_SELECT_RUN_H

#include "expression/evaluate.h"
#include "query/merge.h"
#include "query/page_values.h"
#include "query/select.h"
#include "table/definition.h"

enum { SELECT_BYTES_MAX = 1 << 30 };

struct select_part;

struct select_run {
    const struct select *select;
    const struct table *table;
    const struct table *const *joined; /* of a join: one a table of its scope, set by its owner, and lent; NULL: it is `table` */
    struct select_part *parts;
    uint32_t count;
    enum expression_result failed;
    uint32_t failed_at;          /* in the statement's text */
    /* settling */
    uint8_t stage;
    uint32_t merged;             /* parts whose groups have been taken into those of the first one */
    uint64_t next_place;         /* in a part's groups */
    struct group_shape distinct_shape;
    struct groups distinct;      /* items of groups that have been listed */
    struct found result;         /* groups that are told: their ids are places among the first part's groups */
    /* reading */
    struct merge merge;          /* of the parts, or of `result` alone */
    uint64_t skipped, left;
};

/* `parts` of them, each for rows of one slice or of several. now_us: wall clock, what now() is. The plan and the table are lent until
 * select_run_release. False: no memory, *run is all zero.  */
MUST_USE bool select_run_create(struct select_run *run, const struct select *select, const struct table *table, uint32_t parts, int64_t now_us);
/* All zero is allowed, too, and what it is afterwards. */
void select_run_release(struct select_run *run);

/* Rows of a slice that match. False: the part has failed. */
MUST_USE bool select_part_take(const struct select_run *run, uint32_t part, uint32_t shard, const uint32_t *rows, uint32_t count);
/* Rows of a page of the slice. Cost: where columns alone say it all (group_pages.h, order_cut.h), that of the columns. */
MUST_USE bool select_part_take_page(const struct select_run *run, uint32_t part, uint32_t shard, const struct page *page,
                                    const struct page_bits *matches);
/* Rows of a join: where the row of a table stands. */
struct row_ref {
    uint32_t shard, row;
};
enum { ROW_REF_NONE = UINT32_MAX }; /* as a shard: a LEFT JOIN has found no row */

/* The part's slots, lent as long as the part: the values of a row of a join are put there, ... */
struct scalar *select_part_slots(const struct select_run *run, uint32_t part);
/* ... and taken from there; `rows`: where they come from, one a table of the scope. False: the part has failed. */
MUST_USE bool select_part_take_joined(const struct select_run *run, uint32_t part, const struct row_ref *rows);
/* What was computed before a row could be taken has failed, at this place of the text. Returns false. */
bool select_part_fail(const struct select_run *run, uint32_t part, enum expression_result result, uint32_t position);
/* What now() is. */
int64_t select_run_now(const struct select_run *run);
/* Bytes that its rows and groups take, and that sorting them will. */
uint64_t select_part_bytes(const struct select_run *run, uint32_t part);

/* It needs no more rows: LIMIT without ORDER BY or groups. */
bool select_part_is_full(const struct select_run *run, uint32_t part);

enum select_status { SELECT_MORE, SELECT_DONE, SELECT_FAILED };

/* Behind a part's last row: about `limit` steps of a few nanoseconds. FOUND_NO_MEMORY: the part has failed. */
enum found_status select_part_settle(const struct select_run *run, uint32_t part, size_t limit);
/* When all parts are settled, or one has failed: about `limit` steps of up to a microsecond. SELECT_FAILED: run->failed says why; every kind but
 * EXPRESSION_NO_MEMORY is the statement's own, and run->failed_at its place.  */
enum select_status select_run_settle(struct select_run *run, size_t limit);

/* How many rows are to be told. */
static inline uint64_t select_run_left(const struct select_run *run)
{
    return run->left;
}

/* SELECT_MORE: the next row. Without items *found is it; else items are select->item_count values, lent until the next call. SELECT_DONE: there is
 * none. SELECT_FAILED: an item could not be computed.  */
enum select_status select_run_next(struct select_run *run, const struct found_row **found, const struct scalar **items);

#endif
