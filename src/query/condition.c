/* condition.c - see condition.h.  */
#include "query/condition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- operators --- */

bool comparison_begins(char c)
{
    return c == '=' || c == '<' || c == '>' || c == '!';
}

size_t comparison_at(struct bytes text, enum comparison *comparison)
{
    static const struct {
        struct bytes text;
        enum comparison comparison;
    } operators[] = {
        {BYTES("!="), COMPARE_NOT_EQUAL},  {BYTES("<>"), COMPARE_NOT_EQUAL},     {BYTES("<="), COMPARE_LESS_EQUAL},
        {BYTES(">="), COMPARE_GREATER_EQUAL}, {BYTES("="), COMPARE_EQUAL},       {BYTES("<"), COMPARE_LESS},
        {BYTES(">"), COMPARE_GREATER},
    };
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        size_t len = operators[i].text.len;
        if (text.len >= len && memcmp(text.data, operators[i].text.data, len) == 0) {
            *comparison = operators[i].comparison;
            return len;
        }
    }
    return 0;
}

bool comparison_split(struct bytes word, struct bytes *name, enum comparison *comparison, struct bytes *rest)
{
    for (size_t at = 0; at < word.len; at++) {
        if (!comparison_begins(word.data[at])) {
            continue;
        }
        size_t len = comparison_at((struct bytes){word.data + at, word.len - at}, comparison);
        if (len == 0) {
            continue; /* a lone '!' */
        }
        *name = (struct bytes){word.data, at};
        *rest = (struct bytes){word.data + at + len, word.len - at - len};
        return at > 0;
    }
    return false;
}

static enum comparison opposite(enum comparison comparison)
{
    static const uint8_t opposites[] = {
        [COMPARE_EQUAL] = COMPARE_NOT_EQUAL,     [COMPARE_NOT_EQUAL] = COMPARE_EQUAL, [COMPARE_LESS] = COMPARE_GREATER_EQUAL,
        [COMPARE_LESS_EQUAL] = COMPARE_GREATER,  [COMPARE_GREATER] = COMPARE_LESS_EQUAL,
        [COMPARE_GREATER_EQUAL] = COMPARE_LESS,
    };
    return (enum comparison)opposites[comparison];
}

/* --- columns --- */

bool condition_find_column(const struct schema *schema, struct bytes name, struct column_place *place)
{
    const uint32_t column = schema_find_column(schema, name);
    if (column != COLUMN_NONE) {
        const struct column_form form = column_form(&schema->columns[column]);
        *place = (struct column_place){.column = (uint16_t)column, .slot = schema->columns[column].slot, .type = form.type, .digits = form.digits, .scale = form.scale};
        return true;
    }
    *place = (struct column_place){.column = COLUMN_ROW_ID, .type = COLUMN_INTEGER};
    return bytes_equal(name, BYTES("_id"));
}

struct condition condition_of(const struct column_place *place)
{
    return (struct condition){
        .column = place->column, .slot = place->slot, .type = place->type, .digits = place->digits, .scale = place->scale};
}

static bool is_number(uint8_t type)
{
    return type == COLUMN_INTEGER || type == COLUMN_FLOAT;
}

bool condition_set_column(struct condition *condition, enum comparison comparison, const struct column_place *other)
{
    condition->kind = CONDITION_COLUMN;
    condition->comparison = (uint8_t)comparison;
    condition->other = *other;
    return (condition->type == other->type && condition->scale == other->scale) || (is_number(condition->type) && is_number(other->type));
}

/* --- values --- */

void condition_set_value(struct condition *condition, enum comparison comparison, const struct operand *operand)
{
    condition->kind = CONDITION_VALUE;
    condition->value = operand->value;
    condition->comparison = (uint8_t)comparison;
    if (operand->side == 0) {
        return;
    }
    const bool is_above = operand->side > 0;
    switch (comparison) {
    case COMPARE_EQUAL:
    case COMPARE_NOT_EQUAL:
        condition->kind = CONDITION_NEVER;
        condition->is_inverted = comparison == COMPARE_NOT_EQUAL;
        break;
    case COMPARE_LESS:
    case COMPARE_LESS_EQUAL:
        condition->comparison = is_above ? COMPARE_LESS_EQUAL : COMPARE_LESS;
        break;
    case COMPARE_GREATER:
    case COMPARE_GREATER_EQUAL:
        condition->comparison = is_above ? COMPARE_GREATER : COMPARE_GREATER_EQUAL;
        break;
    }
}

size_t condition_list_bytes(size_t count)
{
    return count * sizeof(struct typed_value) + ARENA_ALIGN;
}

static int order_values(const void *a, const void *b, void *type)
{
    return typed_value_compare((enum column_type) * (const uint8_t *)type, a, b);
}

void condition_set_list(struct condition *condition, struct typed_value *values, uint32_t count)
{
    uint32_t kept = 0;
    qsort_r(values, count, sizeof *values, order_values, &condition->type);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || typed_value_compare((enum column_type)condition->type, &values[kept - 1], &values[i]) != 0) {
            values[kept++] = values[i];
        }
    }
    condition->comparison = COMPARE_EQUAL;
    if (kept == 0) {
        condition->kind = CONDITION_NEVER;
    } else if (kept == 1) {
        condition->kind = CONDITION_VALUE;
        condition->value = values[0];
    } else {
        condition->kind = CONDITION_IN;
        condition->list = (struct condition_list){values, kept};
    }
}

/* --- patterns --- */

size_t condition_pattern_bytes(struct bytes pattern)
{
    size_t pieces = 1;
    for (size_t i = 0; i < pattern.len; i++) {
        pieces += pattern.data[i] == '%' ? 1 : 0;
    }
    return sizeof(struct condition_pattern) + pieces * sizeof(struct like_piece) + 3 * (pattern.len + 1) + 5 * (size_t)ARENA_ALIGN;
}

/* The least text above all that begin with the prefix; null: there is none. False: no memory. */
static bool text_above(struct bytes prefix, struct arena *arena, struct typed_value *out)
{
    size_t len = prefix.len;
    while (len > 0 && (unsigned char)prefix.data[len - 1] == 0xff) {
        len--;
    }
    *out = (struct typed_value){.is_null = len == 0};
    if (len == 0) {
        return true;
    }
    char *text = arena_alloc(arena, len);
    if (text == NULL) {
        return false;
    }
    memcpy(text, prefix.data, len);
    text[len - 1] = (char)((unsigned char)text[len - 1] + 1);
    out->text = (struct bytes){text, len};
    return true;
}

enum table_result condition_set_pattern(struct condition *condition, struct bytes text, struct arena *arena)
{
    bool is_exact;
    struct condition_pattern *pattern = arena_alloc_zeroed(arena, sizeof *pattern);
    if (pattern == NULL) {
        return TABLE_NO_MEMORY;
    }
    const enum expression_result result = like_read(text, '\\', arena, &pattern->like);
    if (result != EXPRESSION_OK) {
        return result == EXPRESSION_NO_MEMORY ? TABLE_NO_MEMORY : TABLE_BAD_PATTERN;
    }
    const struct bytes prefix = like_prefix(&pattern->like, &pattern->is_prefix, &is_exact);
    pattern->from = (struct typed_value){.text = prefix};
    if (is_exact) {
        condition_set_value(condition, COMPARE_EQUAL, &(struct operand){.value = pattern->from});
        return TABLE_OK;
    }
    if (pattern->is_prefix && prefix.len == 0) {
        condition->kind = CONDITION_NEVER;
        condition->is_inverted = true;
        return TABLE_OK;
    }
    condition->kind = CONDITION_LIKE;
    condition->pattern = pattern;
    return text_above(prefix, arena, &pattern->below) ? TABLE_OK : TABLE_NO_MEMORY;
}

void condition_negate(struct condition *condition)
{
    if (condition->kind == CONDITION_VALUE || condition->kind == CONDITION_COLUMN) {
        condition->comparison = (uint8_t)opposite((enum comparison)condition->comparison);
    } else {
        condition->is_inverted = !condition->is_inverted;
    }
}
