/* returning.h - RETURNING: items of each row that a statement adds, changes or removes, told in place of ids or of a number.
 *
 *   returning_begin --> returning_row, for each row --> returning_release
 *
 * A row that is to be changed is told as it will be: from its values, and from what SET gives it. So a row whose items fail is met before any row
 * is changed.
 *
 * Threads    One; it needs what reading the slices needs.
 * Memory     The plan: the caller's arena. A row's values and the texts that are made of them: thread_alloc, class MEM_QUERY_BUFFER, a row at a time.
 * Limits     SELECT_ITEMS_MAX items; no groups, no order, no limit.  */
#ifndef QUERY_RETURNING_H
#define QUERY_RETURNING_H

#include "mem/arena.h"
#include "query/select.h"
#include "query/select_words.h"
#include "query/unique_check.h"
#include "table/definition.h"

/* Items of SQL. As select_plan, with has_items. */
MUST_USE enum sql_fault_kind returning_plan(const struct select_source *source, struct arena *arena, struct select **out, struct sql_fault *fault);
/* Items that are words, as those of COLUMNS. As select_words_plan. */
MUST_USE enum sql_fault_kind returning_plan_words(const struct select_words *words, const struct bytes *argv, const struct schema *schema,
                                                  const struct hash_secret *secret, struct arena *arena, struct select **out,
                                                  struct sql_fault *fault);

/* All zero: it was not begun. */
struct returning {
    const struct select *select;
    const struct table *table;
    int64_t now_us;
    struct arena arena;
};

/* The plan and the table are lent until returning_release. now_us: wall clock, what now() is. */
void returning_begin(struct returning *returning, const struct select *select, const struct table *table, int64_t now_us);
void returning_release(struct returning *returning);

/* Computes the items of a row. update: what it is about to be given; NULL: nothing, it is told as it is. *items: select->item_count values, lent
 * until the next call. TABLE_NO_MEMORY; TABLE_FAULT: *fault says which item could not be computed.  */
MUST_USE enum table_result returning_row(struct returning *returning, uint32_t shard, uint32_t row, const struct unique_update *update,
                                         const struct scalar **items, struct sql_fault *fault);

#endif
