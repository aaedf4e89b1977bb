/* order_cut.c - see order_cut.h.  */
#include "query/order_cut.h"

#include "expression/compare.h"

bool order_cut_fits(const struct select *select)
{
    bool fits = !select->is_grouped && select->order.count > 0 && select_wanted(select) != UINT64_MAX;
    for (uint32_t i = 0; i < select->order.count && fits; i++) {
        fits = program_is_slot(select->order_keys[i]);
    }
    return fits;
}

/* The first key of the last row that is kept; NULL: there are fewer than wanted. */
static const struct scalar *bound_of(const struct select *select, const struct found *found)
{
    const bool is_full = found->count > 0 && found->count == select_wanted(select);
    return is_full ? &found_at(found, 0)->keys[0] : NULL; /* F1 of found.h */
}

/* Ids ascend from this page on, so a row with the bound's key, the only one, comes behind it. */
static bool excludes_equal(const struct select *select, const struct found *found, const struct table_slice *slice, const struct page *page,
                           const struct page_bits *matches)
{
    uint32_t word = 0;
    while (matches->words[word] == 0) {
        word++;
    }
    const uint32_t first = word * 64 + (uint32_t)__builtin_ctzll(matches->words[word]);
    return select->order.count == 1 && slice->is_ordered && (uint64_t)cells_integer(&page->ids, first) > found_at(found, 0)->id;
}

/* `value <op> bound`, for rows that are not behind it. */
static struct condition condition_of_bound(const struct row_input *input, const struct scalar *bound, bool is_descending, bool is_strict)
{
    const bool is_id = input->cells == ROW_ID;
    struct condition condition = {.column = is_id ? COLUMN_ROW_ID : 0, .slot = is_id ? 0 : input->cells, .kind = CONDITION_VALUE};
    condition.comparison = is_descending ? (is_strict ? COMPARE_GREATER : COMPARE_GREATER_EQUAL) : (is_strict ? COMPARE_LESS : COMPARE_LESS_EQUAL);
    if (scalar_has_text(bound)) {
        condition.value.text = scalar_text(bound);
    } else if (bound->type == SCALAR_FLOAT) {
        condition.value.number = bound->number;
    } else {
        condition.value.integer = bound->integer;
    }
    return condition;
}

void order_cut_page(const struct select *select, const struct found *found, const struct table_slice *slice, const struct page *page,
                    struct page_bits *matches)
{
    const struct scalar *bound = bound_of(select, found);
    const struct found_key key = select->order.keys[0];
    const struct row_input *input = &select->inputs[select->order_keys[0]->result];
    if (bound == NULL || page_bits_are_empty(matches) || (bound->type == SCALAR_NULL && key.nulls_last)) {
        return;
    }
    const struct page_bits present = page_bits_of(row_input_cells(*input, page), page);
    struct page_bits kept = {{0}};
    if (bound->type != SCALAR_NULL) {
        const struct condition condition = condition_of_bound(input, bound, key.is_descending, excludes_equal(select, found, slice, page, matches));
        filter_condition(&condition, page, &kept);
    }
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        matches->words[i] &= key.nulls_last ? kept.words[i] : kept.words[i] | ~present.words[i];
    }
}
