/* group_pages.c - see group_pages.h.  */
#include "query/group_pages.h"

#include <assert.h>
#include <string.h>

enum {
    LOOKUP_START = 256,
    LOOKUP_ENTRIES_MAX = 1 << 16,
    PREFETCH_ENTRIES = 1 << 11, /* fewer are near by themselves */
    PROBES_MAX = 16,
    KEY_TEXT_MAX = 15,
};

#define LONG_TEXT UINT64_MAX /* as the second word, of a text that is too long for two: no length is 255 */

/* Rows of a page on their way into groups. */
struct rows {
    const struct page *page;
    const struct page_bits *matches;
    uint32_t count;
    uint8_t slots[PAGE_SLOTS];
    /* by row, not by slot: */
    uint64_t words[PAGE_SLOTS][2];
    struct group *groups[PAGE_SLOTS];
};

/* Has each of the rows a value in the cells? */
static bool have_all(const struct rows *rows, const struct cells *cells)
{
    const struct page_bits present = page_bits_of(cells, rows->page);
    uint64_t missing = 0;
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        missing |= rows->matches->words[i] & ~present.words[i];
    }
    return missing == 0;
}

/* --- which selects --- */

static bool is_of_integers(const struct row_input *input)
{
    return input->type == SCALAR_INTEGER || input->type == SCALAR_BOOLEAN || input->type == SCALAR_DATE || input->type == SCALAR_DATETIME ||
           input->type == SCALAR_DECIMAL;
}

static const struct row_input *input_of(const struct select *select, const struct program *program)
{
    return &select->inputs[program->result];
}

bool group_pages_fit(const struct select *select)
{
    const struct group_shape *shape = &select->shape;
    bool fits = select->is_grouped && shape->key_count <= 1;
    for (uint32_t i = 0; i < shape->key_count && fits; i++) {
        const struct row_input *input = program_is_slot(select->keys[i]) ? input_of(select, select->keys[i]) : NULL;
        fits = input != NULL && (is_of_integers(input) || input->type == SCALAR_STRING);
    }
    for (uint32_t i = 0; i < shape->aggregate_count && fits; i++) {
        fits = !shape->aggregates[i].is_distinct && (select->arguments[i] == NULL || program_is_slot(select->arguments[i]));
    }
    return fits;
}

/* --- the lookup --- */

static uint32_t place_of(uint32_t capacity, uint64_t low, uint64_t high)
{
    uint64_t mixed = (low ^ (high << 32 | high >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 32) * UINT64_C(0xff51afd7ed558ccd);
    return (uint32_t)(mixed >> 32) & (capacity - 1);
}

/* The entry of the words, or the free one where they belong. NULL: it is none of PROBES_MAX, so that nobody gains from words that meet. */
static inline struct lookup_entry *entry_of(struct lookup_entry *entries, uint32_t capacity, uint64_t low, uint64_t high)
{
    uint32_t at = place_of(capacity, low, high);
    for (uint32_t probes = 0; probes < PROBES_MAX; probes++) {
        struct lookup_entry *entry = &entries[at];
        if (entry->group == NULL || (entry->low == low && entry->high == high)) {
            return entry;
        }
        at = (at + 1) & (capacity - 1);
    }
    return NULL;
}

static void enter(struct group_pages *pages, const struct lookup_entry *known)
{
    struct lookup_entry *entry = entry_of(pages->entries, pages->capacity, known->low, known->high);
    if (entry != NULL) {
        *entry = *known;
        pages->count++;
    }
}

/* Room for one more; false: no memory. At LOOKUP_ENTRIES_MAX there may be none. */
static bool grow(struct group_pages *pages, struct arena *arena)
{
    if (pages->count + 1 < pages->capacity / 2 || pages->capacity == LOOKUP_ENTRIES_MAX) {
        return true;
    }
    const struct group_pages old = *pages;
    const uint32_t capacity = old.capacity == 0 ? LOOKUP_START : old.capacity * 2;
    struct lookup_entry *entries = arena_alloc_zeroed(arena, capacity * sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    pages->entries = entries;
    pages->capacity = capacity;
    pages->count = 0;
    for (uint32_t i = 0; i < old.capacity; i++) {
        if (old.entries[i].group != NULL) {
            enter(pages, &old.entries[i]);
        }
    }
    return true;
}

/* The group of a row that the lookup does not know. */
static enum expression_result find_group(const struct select *select, struct groups *groups, const struct page *page, uint32_t slot,
                                         struct group **out)
{
    struct scalar key = scalar_null();
    if (select->shape.key_count > 0) {
        row_load(input_of(select, select->keys[0]), 1, page, slot, &key);
    }
    return groups_find(groups, &key, select->copies, out);
}

/* The same, by its two words; from then on the lookup knows it, if it has room. */
static enum expression_result find_words(struct group_pages *pages, const struct select *select, struct groups *groups, struct rows *rows,
                                         uint32_t at)
{
    const uint64_t low = rows->words[at][0];
    const uint64_t high = rows->words[at][1];
    const struct lookup_entry *entry = entry_of(pages->entries, pages->capacity, low, high);
    if (LIKELY(entry != NULL && entry->group != NULL)) {
        rows->groups[at] = entry->group;
        return EXPRESSION_OK;
    }
    const enum expression_result result = find_group(select, groups, rows->page, rows->slots[at], &rows->groups[at]);
    if (result != EXPRESSION_OK || pages->count + 1 >= pages->capacity / 2) {
        return result;
    }
    enter(pages, &(struct lookup_entry){low, high, rows->groups[at]});
    return grow(pages, groups->arena) ? EXPRESSION_OK : EXPRESSION_NO_MEMORY;
}

static enum expression_result find_null(struct group_pages *pages, const struct select *select, struct groups *groups, struct rows *rows,
                                        uint32_t at)
{
    enum expression_result result = EXPRESSION_OK;
    if (pages->null_group == NULL) {
        result = find_group(select, groups, rows->page, rows->slots[at], &pages->null_group);
    }
    rows->groups[at] = pages->null_group;
    return result;
}

/* --- keys --- */

/* The keys are in the words: their entries are asked for together, before one of them is looked at, and so are their groups. */
static enum expression_result find_keys(struct group_pages *pages, const struct select *select, struct groups *groups, const struct cells *cells,
                                        struct rows *rows)
{
    enum expression_result result = EXPRESSION_OK;
    for (uint32_t i = 0; i < rows->count && pages->capacity >= PREFETCH_ENTRIES; i++) {
        __builtin_prefetch(&pages->entries[place_of(pages->capacity, rows->words[i][0], rows->words[i][1])]);
    }
    for (uint32_t i = 0; i < rows->count && result == EXPRESSION_OK; i++) {
        if (!cells_has_value(cells, rows->page->capacity, rows->slots[i])) {
            result = find_null(pages, select, groups, rows, i);
        } else if (cells->kind == CELLS_TEXT && rows->words[i][1] == LONG_TEXT) {
            result = find_group(select, groups, rows->page, rows->slots[i], &rows->groups[i]);
        } else {
            result = find_words(pages, select, groups, rows, i);
        }
        if (pages->capacity >= PREFETCH_ENTRIES && result == EXPRESSION_OK) {
            __builtin_prefetch((const char *)rows->groups[i] + sizeof(struct group) + sizeof(struct scalar));
        }
    }
    return result;
}

/* All rows have a value in the window, whose groups are known. False: not so, and the rows' groups mean nothing. */
static bool find_in_window(const struct group_pages *pages, struct rows *rows, const int64_t *values)
{
    bool has_all = true;
    for (uint32_t i = 0; i < rows->count && has_all; i++) {
        const uint64_t at = (uint64_t)values[rows->slots[i]] - (uint64_t)pages->window_base;
        rows->groups[i] = at < GROUP_WINDOW ? pages->window[at] : NULL;
        has_all = rows->groups[i] != NULL;
    }
    return has_all;
}

static bool open_window(struct group_pages *pages, int64_t first, struct arena *arena)
{
    if (pages->window == NULL) {
        pages->window = arena_alloc_zeroed(arena, GROUP_WINDOW * sizeof(struct group *));
        pages->window_base = (int64_t)((uint64_t)first - GROUP_WINDOW / 2);
    }
    return pages->window != NULL;
}

static enum expression_result find_integers(struct group_pages *pages, const struct select *select, struct groups *groups,
                                            const struct cells *cells, struct rows *rows)
{
    int64_t values[PAGE_SLOTS];
    page_widen_integers(cells, rows->page->used, values);
    if (!open_window(pages, values[rows->slots[0]], groups->arena)) {
        return EXPRESSION_NO_MEMORY;
    }
    if (have_all(rows, cells) && find_in_window(pages, rows, values)) {
        return EXPRESSION_OK;
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        rows->words[i][0] = (uint64_t)values[rows->slots[i]];
        rows->words[i][1] = 0;
    }
    const enum expression_result result = find_keys(pages, select, groups, cells, rows);
    for (uint32_t i = 0; i < rows->count && result == EXPRESSION_OK; i++) {
        const uint64_t at = rows->words[i][0] - (uint64_t)pages->window_base;
        if (at < GROUP_WINDOW && cells_has_value(cells, rows->page->capacity, rows->slots[i])) {
            pages->window[at] = rows->groups[i];
        }
    }
    return result;
}

/* The words of a text of up to KEY_TEXT_MAX bytes. */
static void read_text(const struct cells *cells, struct bytes text, uint64_t words[2])
{
    const bool has_room = text.data + 2 * sizeof *words <= cells->arena + cells->arena_capacity; /* bytes behind the text are there, too */
    words[0] = words[1] = 0;
    if (LIKELY(has_room)) {
        memcpy(words, text.data, 2 * sizeof *words);
        words[0] = text.len >= 8 ? words[0] : words[0] & ((UINT64_C(1) << text.len * 8) - 1);
        words[1] = text.len > 8 ? words[1] & ((UINT64_C(1) << (text.len - 8) * 8) - 1) : 0;
    } else if (text.len > 0) {
        memcpy(words, text.data, text.len);
    }
    words[1] |= (uint64_t)text.len << 56;
}

static void read_texts(const struct cells *cells, struct rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        rows->words[i][0] = rows->words[i][1] = LONG_TEXT;
        if (cells_has_value(cells, rows->page->capacity, rows->slots[i])) {
            const struct bytes text = cells_text(cells, rows->slots[i]);
            if (text.len <= KEY_TEXT_MAX) {
                read_text(cells, text, rows->words[i]);
            }
        }
    }
}

static enum expression_result find_groups(struct group_pages *pages, const struct select *select, struct groups *groups, struct rows *rows)
{
    const struct row_input *input = select->shape.key_count > 0 ? input_of(select, select->keys[0]) : NULL;
    const struct cells *cells = input != NULL ? row_input_cells(*input, rows->page) : NULL;
    rows->count = page_bits_slots(rows->matches, rows->slots);
    if (pages->entries == NULL && !grow(pages, groups->arena)) {
        return EXPRESSION_NO_MEMORY;
    }
    if (cells != NULL && is_of_integers(input)) {
        return find_integers(pages, select, groups, cells, rows);
    }
    if (cells != NULL) {
        read_texts(cells, rows);
        return find_keys(pages, select, groups, cells, rows);
    }
    enum expression_result result = EXPRESSION_OK;
    for (uint32_t i = 0; i < rows->count && result == EXPRESSION_OK; i++) {
        result = find_null(pages, select, groups, rows, i);
    }
    return result;
}

/* --- aggregates --- */

/* Values one by one, of any type. */
static enum expression_result add_each(const struct rows *rows, const struct row_input *input, uint32_t aggregate)
{
    enum expression_result result = EXPRESSION_OK;
    for (uint32_t i = 0; i < rows->count && result == EXPRESSION_OK; i++) {
        struct scalar value;
        row_load(input, 1, rows->page, rows->slots[i], &value);
        result = aggregate_add(&rows->groups[i]->aggregates[aggregate], &value);
    }
    return result;
}

static void count_each(const struct rows *rows, const struct cells *cells, uint32_t aggregate)
{
    const bool has_all = have_all(rows, cells);
    for (uint32_t i = 0; i < rows->count; i++) {
        rows->groups[i]->aggregates[aggregate].count += has_all || cells_has_value(cells, rows->page->capacity, rows->slots[i]);
    }
}

static enum expression_result add_integers(const struct rows *rows, const struct select *select, const struct cells *cells, uint32_t aggregate)
{
    int64_t values[PAGE_SLOTS];
    enum expression_result result = EXPRESSION_OK;
    const struct row_input *input = input_of(select, select->arguments[aggregate]);
    const uint8_t kind = select->shape.aggregates[aggregate].kind;
    page_widen_integers(cells, rows->page->used, values);
    if (input->type == SCALAR_INTEGER && (kind == AGGREGATE_SUM || kind == AGGREGATE_AVG) && have_all(rows, cells)) {
        for (uint32_t i = 0; i < rows->count; i++) {
            aggregate_sum_integer(&rows->groups[i]->aggregates[aggregate], values[rows->slots[i]]);
        }
        return EXPRESSION_OK;
    }
    for (uint32_t i = 0; i < rows->count && result == EXPRESSION_OK; i++) {
        if (cells_has_value(cells, rows->page->capacity, rows->slots[i])) {
            struct aggregate *into = &rows->groups[i]->aggregates[aggregate];
            result = aggregate_add_integer(into, (enum scalar_type)input->type, input->scale, values[rows->slots[i]]);
        }
    }
    return result;
}

static enum expression_result add_column(const struct rows *rows, const struct select *select, uint32_t aggregate)
{
    const struct program *argument = select->arguments[aggregate];
    const struct row_input *input = argument != NULL ? input_of(select, argument) : NULL;
    const struct cells *cells = input != NULL ? row_input_cells(*input, rows->page) : &rows->page->ids;
    if (cells == NULL) {
        return EXPRESSION_OK; /* nulls only */
    }
    if (select->shape.aggregates[aggregate].kind == AGGREGATE_COUNT) {
        count_each(rows, cells, aggregate);
        return EXPRESSION_OK;
    }
    return is_of_integers(input) ? add_integers(rows, select, cells, aggregate) : add_each(rows, input, aggregate);
}

/* --- without keys --- */

static bool counts_only(const struct group_shape *shape)
{
    bool does = shape->key_count == 0;
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        does = does && shape->aggregates[i].kind == AGGREGATE_COUNT;
    }
    return does;
}

/* Rows are counted by their bits. */
static void count_page(struct group *group, const struct select *select, const struct page *page, const struct page_bits *matches)
{
    for (uint32_t i = 0; i < select->shape.aggregate_count; i++) {
        const struct program *argument = select->arguments[i];
        const struct cells *cells = argument != NULL ? row_input_cells(*input_of(select, argument), page) : &page->ids;
        const struct page_bits present = page_bits_of(cells, page);
        const struct page_bits counted = page_bits_and(&present, matches);
        group->aggregates[i].count += page_bits_count(&counted);
    }
}

enum expression_result group_pages_take(struct group_pages *pages, const struct select *select, struct groups *groups,
                                        const struct page *page, const struct page_bits *matches)
{
    struct rows rows;
    enum expression_result result = EXPRESSION_OK;
    if (page_bits_are_empty(matches)) {
        return EXPRESSION_OK;
    }
    if (counts_only(&select->shape)) {
        if (pages->null_group == NULL) {
            result = find_group(select, groups, page, 0, &pages->null_group);
        }
        if (result == EXPRESSION_OK) {
            count_page(pages->null_group, select, page, matches);
        }
        return result;
    }
    rows.page = page;
    rows.matches = matches;
    result = find_groups(pages, select, groups, &rows);
    for (uint32_t i = 0; i < select->shape.aggregate_count && result == EXPRESSION_OK; i++) {
        result = add_column(&rows, select, i);
    }
    return result;
}
