/* filter.c - see filter.h.
 *
 * A condition compares a whole column of the page, also slots without a value, in loops that the compiler turns into
 * vector instructions; the column's bits then mask the result. Texts, and long lists, are looked at row by row. AND and OR work on the
 * bits; a right side that can change nothing any more is skipped.  */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3") /* gcc's -O2 leaves loops of unknown length as they are */
#endif

#include "query/filter.h"

#include "expression/compare.h"

#include <assert.h>
#include <string.h>

enum {
    FEW_VALUES = 8,      /* of a list are looked for one by one */
    SHORT_TEXT_MAX = 15, /* with its length in front of it, two words */
};

/* LESS, EQUAL and LESS_EQUAL are computed; the other three are their opposites among the rows with a value. */
struct outcome {
    enum comparison computed;
    bool is_inverted;
};

static struct outcome outcome_of(enum comparison comparison)
{
    switch (comparison) {
    case COMPARE_NOT_EQUAL:
        return (struct outcome){COMPARE_EQUAL, true};
    case COMPARE_GREATER_EQUAL:
        return (struct outcome){COMPARE_LESS, true};
    case COMPARE_GREATER:
        return (struct outcome){COMPARE_LESS_EQUAL, true};
    default:
        return (struct outcome){comparison, false};
    }
}

/* style: one body for five types of array; a function cannot take a type. */
#define DEFINE_COMPARE(name, type)                                                                                     \
    static void name(const type *values, uint32_t count, enum comparison comparison, type constant, uint8_t *results)  \
    {                                                                                                                  \
        if (comparison == COMPARE_EQUAL) {                                                                             \
            for (uint32_t i = 0; i < count; i++) {                                                                     \
                results[i] = values[i] == constant;                                                                    \
            }                                                                                                          \
        } else if (comparison == COMPARE_LESS) {                                                                       \
            for (uint32_t i = 0; i < count; i++) {                                                                     \
                results[i] = values[i] < constant;                                                                     \
            }                                                                                                          \
        } else {                                                                                                       \
            for (uint32_t i = 0; i < count; i++) {                                                                     \
                results[i] = values[i] <= constant;                                                                    \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_COMPARE(compare_int8, int8_t)
DEFINE_COMPARE(compare_int16, int16_t)
DEFINE_COMPARE(compare_int32, int32_t)
DEFINE_COMPARE(compare_int64, int64_t)
DEFINE_COMPARE(compare_double, double)

/* Eight bytes of 0 and 1 become eight bits. */
static void pack(const uint8_t results[PAGE_WORDS * 64], struct page_bits *bits)
{
    for (uint32_t word = 0; word < PAGE_WORDS; word++) {
        uint64_t packed = 0;
        for (uint32_t i = 0; i < 8; i++) {
            uint64_t eight;
            memcpy(&eight, results + word * 64 + i * 8, sizeof eight);
            packed |= (eight * UINT64_C(0x0102040810204080) >> 56) << (i * 8);
        }
        bits->words[word] = packed;
    }
}

/* A constant outside of what `width` bytes can differ from the base: all rows are on the same side of it. */
static void compare_outside(bool is_above, enum comparison comparison, uint8_t *results)
{
    memset(results, is_above && comparison != COMPARE_EQUAL ? 1 : 0, PAGE_WORDS * 64);
}

static void compare_integers(const struct cells *cells, uint32_t count, enum comparison comparison, int64_t constant,
                             uint8_t *results)
{
    int64_t difference = 0;
    if (cells->width == 8) {
        compare_int64(cells->block, count, comparison, constant, results);
        return;
    }
    int64_t limit = INT64_C(1) << (cells->width * 8 - 1);
    if (__builtin_sub_overflow(constant, cells->base, &difference)) {
        compare_outside(constant > cells->base, comparison, results);
    } else if (difference >= limit || difference < -limit) {
        compare_outside(difference > 0, comparison, results);
    } else if (cells->width == 1) {
        compare_int8(cells->block, count, comparison, (int8_t)difference, results);
    } else if (cells->width == 2) {
        compare_int16(cells->block, count, comparison, (int16_t)difference, results);
    } else {
        compare_int32(cells->block, count, comparison, (int32_t)difference, results);
    }
}

static bool compare_text(struct bytes text, enum comparison comparison, struct bytes constant)
{
    if (comparison == COMPARE_EQUAL) {
        return bytes_equal(text, constant);
    }
    int order = bytes_compare(text, constant);
    return comparison == COMPARE_LESS ? order < 0 : order <= 0;
}

/* A short constant, not empty: the first 16 bytes of a record, its length in front, say all. */
static void find_short_text(const struct cells *cells, const uint64_t *bits, uint32_t capacity, struct bytes constant, uint8_t *results)
{
    uint64_t expected[2] = {0};
    uint64_t mask[2] = {0};
    uint64_t words[2];
    const uint16_t *offsets = cells->block;
    ((uint8_t *)expected)[0] = (uint8_t)constant.len;
    memcpy((uint8_t *)expected + 1, constant.data, constant.len);
    memset(mask, 0xff, constant.len + 1);
    for (uint32_t word = 0; word < (capacity + 63) / 64; word++) {
        for (uint64_t rest = bits[word]; rest != 0; rest &= rest - 1) {
            const uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(rest);
            const uint32_t offset = offsets[slot];
            if (LIKELY(offset + sizeof words <= cells->arena_capacity)) {
                memcpy(words, cells->arena + offset, sizeof words);
                results[slot] = (((words[0] ^ expected[0]) & mask[0]) | ((words[1] ^ expected[1]) & mask[1])) == 0;
            } else {
                results[slot] = bytes_equal(cells_text(cells, slot), constant);
            }
        }
    }
}

static void compare_texts(const struct cells *cells, uint32_t capacity, enum comparison comparison, struct bytes constant,
                          uint8_t *results)
{
    const uint64_t *bits = cells_bits(cells, capacity);
    if (comparison == COMPARE_EQUAL && constant.len > 0 && constant.len <= SHORT_TEXT_MAX) {
        find_short_text(cells, bits, capacity, constant, results);
        return;
    }
    for (uint32_t word = 0; word < (capacity + 63) / 64; word++) {
        for (uint64_t rest = bits[word]; rest != 0; rest &= rest - 1) {
            uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(rest);
            results[slot] = compare_text(cells_text(cells, slot), comparison, constant);
        }
    }
}

static void compare_value(const struct cells *cells, const struct page *page, enum comparison comparison,
                          const struct typed_value *value, uint8_t *results)
{
    switch (cells->kind) {
    case CELLS_INTEGER:
        compare_integers(cells, page->used, comparison, value->integer, results);
        break;
    case CELLS_FLOAT:
        compare_double(cells->block, page->used, comparison, value->number, results);
        break;
    default:
        compare_texts(cells, page->capacity, comparison, typed_value_text(value), results);
        break;
    }
}

/* --- lists and patterns --- */

static bool list_has(const struct condition_list *list, enum column_type type, const struct typed_value *value)
{
    uint32_t first = 0;
    for (uint32_t count = list->count; count > 0;) {
        const uint32_t half = count / 2;
        const int order = typed_value_compare(type, &list->values[first + half], value);
        if (order == 0) {
            return true;
        }
        first += order < 0 ? half + 1 : 0;
        count = order < 0 ? count - half - 1 : half;
    }
    return false;
}

/* Does the value, which is not null, fit a list or a pattern? */
static bool value_fits(const struct condition *condition, const struct typed_value *value)
{
    return condition->kind == CONDITION_IN ? list_has(&condition->list, (enum column_type)condition->type, value)
                                           : like_matches(&condition->pattern->like, value->text);
}

/* A list of few numbers: each of them beside the whole column. */
static void compare_few(const struct condition *condition, const struct cells *cells, const struct page *page, uint8_t *results)
{
    uint8_t equal[PAGE_WORDS * 64] = {0};
    for (uint32_t i = 0; i < condition->list.count; i++) {
        compare_value(cells, page, COMPARE_EQUAL, &condition->list.values[i], equal);
        for (uint32_t slot = 0; slot < sizeof equal; slot++) {
            results[slot] |= equal[slot];
        }
    }
}

static void fit_values(const struct condition *condition, const struct cells *cells, const struct page *page, uint8_t *results)
{
    const uint64_t *bits = cells_bits(cells, page->capacity);
    if (condition->kind == CONDITION_IN && condition->list.count <= FEW_VALUES && cells->kind != CELLS_TEXT) {
        compare_few(condition, cells, page, results);
        return;
    }
    for (uint32_t word = 0; word < (page->capacity + 63u) / 64; word++) {
        for (uint64_t rest = bits[word]; rest != 0; rest &= rest - 1) {
            const uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(rest);
            const struct typed_value value = cells_get(cells, page->capacity, slot);
            results[slot] = value_fits(condition, &value);
        }
    }
}

/* --- two columns --- */

/* Values of two columns that can be compared, neither null. */
static int order_values(const struct condition *condition, const struct typed_value *left, const struct typed_value *right)
{
    if (condition->type == condition->other.type) {
        return typed_value_compare((enum column_type)condition->type, left, right);
    }
    const bool is_left_integer = condition->type == COLUMN_INTEGER;
    const struct scalar integer = scalar_integer(is_left_integer ? left->integer : right->integer);
    const struct scalar number = scalar_float(is_left_integer ? right->number : left->number);
    const int order = scalar_compare(&integer, &number);
    return is_left_integer ? order : -order;
}

static bool order_is(int order, enum comparison comparison)
{
    switch (comparison) {
    case COMPARE_EQUAL:
        return order == 0;
    case COMPARE_NOT_EQUAL:
        return order != 0;
    case COMPARE_LESS:
        return order < 0;
    case COMPARE_LESS_EQUAL:
        return order <= 0;
    case COMPARE_GREATER:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* The column's cells, the row ids for COLUMN_ROW_ID; NULL: all rows of the page are null there. */
static const struct cells *cells_of(const struct page *page, uint16_t column, uint16_t slot)
{
    return LIKELY(column != COLUMN_ROW_ID) ? page_cells(page, slot) : &page->ids;
}

static void compare_two_integers(const struct cells *left, const struct cells *right, uint32_t count, enum comparison comparison,
                                 uint8_t *results)
{
    int64_t a[PAGE_WORDS * 64];
    int64_t b[PAGE_WORDS * 64];
    page_widen_integers(left, count, a);
    page_widen_integers(right, count, b);
    for (uint32_t i = 0; i < count && comparison == COMPARE_EQUAL; i++) {
        results[i] = a[i] == b[i];
    }
    for (uint32_t i = 0; i < count && comparison == COMPARE_LESS; i++) {
        results[i] = a[i] < b[i];
    }
    for (uint32_t i = 0; i < count && comparison == COMPARE_LESS_EQUAL; i++) {
        results[i] = a[i] <= b[i];
    }
}

/* `both`: the rows that have a value in both columns. */
static void compare_columns(const struct condition *condition, const struct page *page, enum comparison comparison,
                            const struct page_bits *both, uint8_t *results)
{
    const struct cells *left = cells_of(page, condition->column, condition->slot);
    const struct cells *right = cells_of(page, condition->other.column, condition->other.slot);
    if (left->kind == CELLS_INTEGER && right->kind == CELLS_INTEGER) {
        compare_two_integers(left, right, page->used, comparison, results);
        return;
    }
    for (uint32_t word = 0; word < PAGE_WORDS; word++) {
        for (uint64_t rest = both->words[word]; rest != 0; rest &= rest - 1) {
            const uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(rest);
            const struct typed_value a = cells_get(left, page->capacity, slot);
            const struct typed_value b = cells_get(right, page->capacity, slot);
            results[slot] = order_is(order_values(condition, &a, &b), comparison);
        }
    }
}

/* --- a page --- */

static void filter_null(const struct condition *condition, const struct page *page, struct page_bits *matches)
{
    const struct page_bits present = page_bits_of(cells_of(page, condition->column, condition->slot), page);
    const struct page_bits live = page_bits_of(&page->ids, page);
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        matches->words[i] = condition->is_inverted ? present.words[i] : live.words[i] & ~present.words[i];
    }
}

/* The rows whose value the condition is asked of. */
static struct page_bits asked_rows(const struct condition *condition, const struct page *page)
{
    struct page_bits rows = page_bits_of(cells_of(page, condition->column, condition->slot), page);
    if (condition->kind == CONDITION_COLUMN) {
        const struct page_bits others = page_bits_of(cells_of(page, condition->other.column, condition->other.slot), page);
        for (uint32_t i = 0; i < PAGE_WORDS; i++) {
            rows.words[i] &= others.words[i];
        }
    }
    return rows;
}

void filter_condition(const struct condition *condition, const struct page *page, struct page_bits *matches)
{
    uint8_t results[PAGE_WORDS * 64] = {0};
    struct outcome outcome = {COMPARE_EQUAL, condition->is_inverted};
    if (condition->kind == CONDITION_NULL) {
        filter_null(condition, page, matches);
        return;
    }
    const struct page_bits rows = asked_rows(condition, page);
    if (page_bits_are_empty(&rows)) {
        *matches = rows;
        return;
    }
    const struct cells *cells = cells_of(page, condition->column, condition->slot);
    switch ((enum condition_kind)condition->kind) {
    case CONDITION_VALUE:
        outcome = outcome_of((enum comparison)condition->comparison);
        compare_value(cells, page, outcome.computed, &condition->value, results);
        break;
    case CONDITION_COLUMN:
        outcome = outcome_of((enum comparison)condition->comparison);
        compare_columns(condition, page, outcome.computed, &rows, results);
        break;
    case CONDITION_IN:
    case CONDITION_LIKE:
        fit_values(condition, cells, page, results);
        break;
    case CONDITION_NULL:
    case CONDITION_NEVER:
        break;
    }
    pack(results, matches);
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        matches->words[i] = (outcome.is_inverted ? ~matches->words[i] : matches->words[i]) & rows.words[i];
    }
}

static void bits_join(struct page_bits *left, const struct page_bits *right, enum where_kind kind)
{
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        left->words[i] = kind == WHERE_AND ? left->words[i] & right->words[i] : left->words[i] | right->words[i];
    }
}

void filter_page(const struct where *where, const struct page *page, struct page_bits *matches)
{
    struct page_bits stack[WHERE_STACK_MAX];
    uint32_t height = 0;
    if (where->node_count == 0) {
        *matches = page_bits_of(&page->ids, page);
        return;
    }
    for (uint32_t i = 0; i < where->node_count; i++) {
        const struct where_node *node = &where->nodes[i];
        if (node->right_of != 0 && where->nodes[node->right_of].kind == WHERE_AND && page_bits_are_empty(&stack[height - 1])) {
            i = node->right_of; /* nothing AND anything is nothing */
            continue;
        }
        if (node->kind == WHERE_CONDITION) {
            assert(height < WHERE_STACK_MAX);
            filter_condition(&where->conditions[node->condition], page, &stack[height++]);
        } else {
            height--;
            bits_join(&stack[height - 1], &stack[height], (enum where_kind)node->kind);
        }
    }
    assert(height == 1);
    *matches = stack[0];
}

/* --- a row --- */

static struct typed_value value_of(const struct page *page, uint16_t column, uint16_t column_slot, uint32_t slot)
{
    const struct cells *cells = cells_of(page, column, column_slot);
    return cells == NULL ? (struct typed_value){.is_null = true} : cells_get(cells, page->capacity, slot);
}

static bool condition_matches(const struct condition *condition, const struct page *page, uint32_t slot)
{
    const struct typed_value value = value_of(page, condition->column, condition->slot, slot);
    const enum comparison comparison = (enum comparison)condition->comparison;
    if (value.is_null || condition->kind == CONDITION_NULL) {
        return condition->kind == CONDITION_NULL && value.is_null != condition->is_inverted;
    }
    switch ((enum condition_kind)condition->kind) {
    case CONDITION_VALUE:
        if (comparison == COMPARE_EQUAL && column_type_is_text((enum column_type)condition->type)) {
            return bytes_equal(value.text, typed_value_text(&condition->value));
        }
        return order_is(typed_value_compare((enum column_type)condition->type, &value, &condition->value), comparison);
    case CONDITION_COLUMN: {
        const struct typed_value other = value_of(page, condition->other.column, condition->other.slot, slot);
        return !other.is_null && order_is(order_values(condition, &value, &other), comparison);
    }
    case CONDITION_IN:
    case CONDITION_LIKE:
        return value_fits(condition, &value) != condition->is_inverted;
    default:
        return condition->is_inverted; /* NEVER */
    }
}

bool filter_row(const struct where *where, const struct page *page, uint32_t slot)
{
    bool stack[WHERE_STACK_MAX];
    uint32_t height = 0;
    for (uint32_t i = 0; i < where->node_count; i++) {
        const struct where_node *node = &where->nodes[i];
        if (node->right_of != 0 && stack[height - 1] == (where->nodes[node->right_of].kind == WHERE_OR)) {
            i = node->right_of; /* the left side decides */
            continue;
        }
        if (node->kind == WHERE_CONDITION) {
            assert(height < WHERE_STACK_MAX);
            stack[height++] = condition_matches(&where->conditions[node->condition], page, slot);
        } else {
            height--;
            stack[height - 1] = node->kind == WHERE_AND ? stack[height - 1] && stack[height] : stack[height - 1] || stack[height];
        }
    }
    return height == 0 || stack[0];
}
