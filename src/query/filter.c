/* filter.c - see filter.h.
 *
 * A condition compares a whole column of the page, also slots without a value, in loops that the compiler turns into
 * vector instructions; the column's bits then mask the result. AND and OR work on the bits; a right side that can change
 * nothing any more is skipped.  */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3") /* gcc's -O2 leaves loops of unknown length as they are */
#endif

#include "query/filter.h"

#include <assert.h>
#include <string.h>

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

static void compare_texts(const struct cells *cells, uint32_t capacity, enum comparison comparison, struct bytes constant,
                          uint8_t *results)
{
    const uint64_t *bits = cells_bits(cells, capacity);
    for (uint32_t word = 0; word < (capacity + 63) / 64; word++) {
        for (uint64_t rest = bits[word]; rest != 0; rest &= rest - 1) {
            uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(rest);
            results[slot] = compare_text(cells_text(cells, slot), comparison, constant);
        }
    }
}

static void filter_condition(const struct condition *condition, const struct page *page, struct page_bits *matches)
{
    uint8_t results[PAGE_WORDS * 64] = {0};
    const struct cells *cells = page_cells(page, condition->slot);
    *matches = (struct page_bits){{0}};
    if (cells == NULL) {
        return;
    }
    struct outcome outcome = outcome_of((enum comparison)condition->comparison);
    switch (cells->kind) {
    case CELLS_INTEGER:
        compare_integers(cells, page->used, outcome.computed, condition->value.integer, results);
        break;
    case CELLS_FLOAT:
        compare_double(cells->block, page->used, outcome.computed, condition->value.number, results);
        break;
    default:
        compare_texts(cells, page->capacity, outcome.computed, typed_value_text(&condition->value), results);
        break;
    }
    pack(results, matches);
    const uint64_t *bits = cells_bits(cells, page->capacity);
    for (uint32_t i = 0; i < (page->capacity + 63u) / 64; i++) {
        matches->words[i] = (outcome.is_inverted ? ~matches->words[i] : matches->words[i]) & bits[i];
    }
    for (uint32_t i = (page->capacity + 63u) / 64; i < PAGE_WORDS; i++) {
        matches->words[i] = 0;
    }
}

static bool bits_are_empty(const struct page_bits *bits)
{
    return (bits->words[0] | bits->words[1] | bits->words[2] | bits->words[3]) == 0;
}

static void bits_join(struct page_bits *left, const struct page_bits *right, enum where_kind kind)
{
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        left->words[i] = kind == WHERE_AND ? left->words[i] & right->words[i] : left->words[i] | right->words[i];
    }
}

static void live_rows(const struct page *page, struct page_bits *rows)
{
    const uint64_t *live = page_live_bits(page);
    *rows = (struct page_bits){{0}};
    for (uint32_t i = 0; live != NULL && i < (page->capacity + 63u) / 64; i++) {
        rows->words[i] = live[i];
    }
}

void filter_page(const struct where *where, const struct page *page, struct page_bits *matches)
{
    struct page_bits stack[WHERE_STACK_MAX];
    uint32_t height = 0;
    if (where->node_count == 0) {
        live_rows(page, matches);
        return;
    }
    for (uint32_t i = 0; i < where->node_count; i++) {
        const struct where_node *node = &where->nodes[i];
        if (node->right_of != 0 && where->nodes[node->right_of].kind == WHERE_AND && bits_are_empty(&stack[height - 1])) {
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

static bool condition_matches(const struct condition *condition, const struct page *page, uint32_t slot)
{
    const struct cells *cells = page_cells(page, condition->slot);
    struct typed_value value = cells == NULL ? (struct typed_value){.is_null = true} : cells_get(cells, page->capacity, slot);
    if (value.is_null) {
        return false;
    }
    if (condition->comparison == COMPARE_EQUAL && column_type_is_text((enum column_type)condition->type)) {
        return bytes_equal(value.text, typed_value_text(&condition->value));
    }
    int order = typed_value_compare((enum column_type)condition->type, &value, &condition->value);
    switch (condition->comparison) {
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
