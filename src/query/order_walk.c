/* order_walk.c - see order_walk.h.  */
#include "query/order_walk.h"

#include "query/filter.h"

#include <assert.h>
#include <string.h>

enum {
    WALK_SHARE = 128, /* a scan of so many rows is taken to cost as much as meeting one: docs/design/ordered-index.md */
    WALK_ROWS_MIN = 512,
    BATCH_START = 16,
};

/* --- ranks --- */

static uint64_t rows_left(const struct order_walk *walk)
{
    return walk->left.end - walk->left.first;
}

/* The rank of the row that is met `ahead` rows from here. */
static uint64_t rank_ahead(const struct order_walk *walk, uint64_t ahead)
{
    assert(ahead < rows_left(walk));
    return walk->is_descending ? walk->left.end - 1 - ahead : walk->left.first + ahead;
}

static enum ordered_direction direction_of(const struct order_walk *walk)
{
    return walk->is_descending ? ORDERED_DOWN : ORDERED_UP;
}

/* No row is needed behind those that are equal to this one, which is left or was just met. */
static void end_behind(struct order_walk *walk, uint32_t row)
{
    struct page *const *pages = walk->slice->pages;
    const struct typed_value value = slice_value(walk->slice, row, walk->index->ordered.slot);
    uint64_t rank = ordered_index_rank(&walk->index->ordered, pages, &value, walk->is_descending ? 0 : ROW_PAST_ALL);
    rank = rank < walk->left.first ? walk->left.first : rank;
    rank = rank > walk->left.end ? walk->left.end : rank;
    *(walk->is_descending ? &walk->left.first : &walk->left.end) = rank;
    walk->wanted = 0;
}

/* --- beginning --- */

/* COLUMN_NONE: no column with an ordered index has this slot. */
static uint32_t column_in_order(const struct schema *schema, uint16_t cells)
{
    uint32_t column = 0;
    while (column < schema->column_count && schema->columns[column].slot != cells) {
        column++;
    }
    if (column == schema->column_count || schema->columns[column].index != INDEX_BTREE || schema->columns[column].index_at == COLUMN_NONE) {
        return COLUMN_NONE;
    }
    return column;
}

/* All rows match: it is known now where the walk ends. False: at nulls, which only a scan finds. */
static bool end_exactly(struct order_walk *walk)
{
    if (rows_left(walk) < walk->wanted) {
        return !walk->has_nulls;
    }
    uint32_t row;
    const size_t count = ordered_index_rows(&walk->index->ordered, rank_ahead(walk, walk->wanted - 1), direction_of(walk), &row, 1);
    assert(count == 1);
    end_behind(walk, row);
    return true;
}

bool order_walk_begin(struct order_walk *walk, const struct table_slice *slice, const struct schema *schema, const struct where *where,
                      const struct access *access, const struct row_order *order)
{
    const uint32_t column = column_in_order(schema, order->cells);
    if (column == COLUMN_NONE || order->wanted == 0 || (access->kind != ACCESS_SCAN && (access->kind != ACCESS_RANGE || access->list != NULL))) {
        return false;
    }
    bool is_bounded;
    const struct access range = access_in_order(slice, schema, where, column, &is_bounded);
    if (access->kind == ACCESS_RANGE && access->index != range.index) {
        return false;
    }
    const uint64_t share = slice->row_count / WALK_SHARE;
    *walk = (struct order_walk){
        .slice = slice,
        .index = range.index,
        .left = range.range,
        .is_descending = order->is_descending,
        .is_exact = range.is_exact,
        .has_nulls = !is_bounded && range.index->ordered.count < slice->row_count,
        .last = ROW_NONE,
        .batch = order->wanted > BATCH_START ? UINT32_MAX : BATCH_START,
        .wanted = order->wanted,
        .budget = share > WALK_ROWS_MIN ? share : WALK_ROWS_MIN,
    };
    if (access->kind == ACCESS_RANGE) {
        walk->budget = UINT64_MAX; /* it would be read as a whole otherwise */
    }
    walk->has_rest = rows_left(walk) == 0 && walk->has_nulls;
    if ((walk->has_nulls && !order->nulls_last) || (walk->is_exact && !end_exactly(walk))) {
        return false;
    }
    return walk->is_exact ? rows_left(walk) <= walk->budget : walk->wanted <= walk->budget;
}

/* --- going on --- */

size_t order_walk_next(struct order_walk *walk, uint32_t *rows, size_t max)
{
    assert(!order_walk_is_over(walk));
    const uint64_t left = rows_left(walk) < walk->budget ? rows_left(walk) : walk->budget;
    max = max < walk->batch ? max : walk->batch;
    const size_t count = ordered_index_rows(&walk->index->ordered, rank_ahead(walk, 0), direction_of(walk), rows, left < max ? left : max);
    if (walk->is_descending) {
        walk->left.end -= count;
    } else {
        walk->left.first += count;
    }
    walk->budget -= walk->budget == UINT64_MAX ? 0 : count;
    walk->batch = walk->batch > UINT32_MAX / 2 ? UINT32_MAX : walk->batch * 2;
    walk->last = rows[count - 1];
    return count;
}

void order_walk_found(struct order_walk *walk, const uint32_t *rows, size_t count)
{
    if (walk->wanted > 0 && count >= walk->wanted) {
        end_behind(walk, rows[walk->wanted - 1]);
    } else if (walk->wanted > 0) {
        walk->wanted -= count;
    }
    walk->has_rest = rows_left(walk) > 0 || (walk->wanted > 0 && walk->has_nulls);
}

/* --- the rest --- */

/* The slots of the page whose rows, being equal to the row that was met last, come behind it. */
static struct page_bits slots_behind(const struct order_walk *walk, const struct page *page)
{
    struct page_bits bits = {{0}};
    const uint32_t last_page = row_page(walk->last);
    const uint32_t last_slot = row_slot(walk->last);
    for (uint32_t i = 0; i < PAGE_WORDS && page->id != last_page; i++) {
        bits.words[i] = (page->id < last_page) == walk->is_descending ? UINT64_MAX : 0;
    }
    for (uint32_t slot = 0; slot < page->used && page->id == last_page; slot++) {
        bits.words[slot / 64] |= (uint64_t)(walk->is_descending ? slot < last_slot : slot > last_slot) << slot % 64;
    }
    return bits;
}

void order_walk_leave_out(const struct order_walk *walk, const struct page *page, struct page_bits *matches)
{
    const uint16_t cells = walk->index->ordered.slot;
    struct condition condition = {.slot = cells, .type = walk->index->type, .kind = CONDITION_VALUE};
    struct page_bits beyond;
    struct page_bits equal;
    if (walk->last == ROW_NONE || page_cells(page, cells) == NULL) {
        return;
    }
    condition.value = slice_value(walk->slice, walk->last, cells);
    condition.comparison = walk->is_descending ? COMPARE_LESS : COMPARE_GREATER;
    filter_condition(&condition, page, &beyond);
    condition.comparison = COMPARE_EQUAL;
    filter_condition(&condition, page, &equal);
    const struct page_bits present = page_bits_of(page_cells(page, cells), page);
    const struct page_bits behind = slots_behind(walk, page);
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        matches->words[i] &= beyond.words[i] | (equal.words[i] & behind.words[i]) | ~present.words[i];
    }
}
