/* access.c - see access.h.  */
#include "query/access.h"

#include <assert.h>

enum {
    HASH_DESCENTS = 4,  /* so many leaves are looked at to count the rows of a hash */
    HASH_ROWS = 255,    /* of each */
    FEW_ROWS = 16,      /* an equality with so few rows is taken without looking at others */
    SCAN_SHARE = 24,    /* a range that holds more than one row of so many is scanned: see docs/design/ordered-index.md */
    SCAN_ROWS_MIN = 512,
};

/* What an index can do for a condition; the kinds are looked at in this order. */
enum answer { ANSWER_EQUALITY, ANSWER_RANGE, ANSWER_LIST, ANSWER_NONE };

static enum answer kind_of_answer(const struct condition *condition)
{
    switch ((enum condition_kind)condition->kind) {
    case CONDITION_VALUE:
        return condition->comparison == COMPARE_EQUAL       ? ANSWER_EQUALITY
               : condition->comparison == COMPARE_NOT_EQUAL ? ANSWER_NONE
                                                            : ANSWER_RANGE;
    case CONDITION_LIKE:
        return condition->is_inverted || condition->pattern->from.text.len == 0 ? ANSWER_NONE : ANSWER_RANGE;
    case CONDITION_IN:
        return condition->is_inverted || condition->list.count > ACCESS_VALUES_MAX ? ANSWER_NONE : ANSWER_LIST;
    default:
        return ANSWER_NONE;
    }
}

/* What the column's index, or the index of row ids, can do for the condition. */
static enum answer answer_of(const struct condition *condition, const struct schema *schema)
{
    const enum answer answer = condition->is_required ? kind_of_answer(condition) : ANSWER_NONE;
    if (condition->column == COLUMN_ROW_ID) {
        return answer == ANSWER_RANGE ? ANSWER_NONE : answer;
    }
    const struct column *column = &schema->columns[condition->column];
    const bool is_answered = column->index == INDEX_BTREE || (column->index == INDEX_HASH && answer != ANSWER_RANGE);
    return is_answered && column->index_at != COLUMN_NONE ? answer : ANSWER_NONE;
}

bool access_scans(const struct where *where, const struct schema *schema)
{
    for (uint32_t i = 0; i < where->condition_count; i++) {
        if (answer_of(&where->conditions[i], schema) != ANSWER_NONE) {
            return false;
        }
    }
    return true;
}

bool access_filters(const struct where *where, const struct schema *schema)
{
    const struct condition *first = where->conditions;
    return where->condition_count > 1 ||
           (where->condition_count == 1 &&
            (answer_of(first, schema) == ANSWER_NONE || (first->kind == CONDITION_LIKE && !first->pattern->is_prefix)));
}

/* How many rows the index has with the hash, counted over HASH_DESCENTS leaves at most: the first may hold only the beginning of them. */
static uint64_t hash_rows(const struct column_index *index, uint32_t hash)
{
    uint32_t rows[HASH_ROWS];
    uint64_t from = hash_index_entry(hash, 0);
    uint64_t total = 0;
    bool is_end = false;
    for (int i = 0; i < HASH_DESCENTS && !is_end; i++) {
        const size_t count = hash_index_rows(&index->hash, from, rows, HASH_ROWS, &is_end);
        total += count;
        from = count > 0 ? hash_index_entry(hash, rows[count - 1] + 1) : from;
    }
    return total;
}

/* --- one value --- */

/* Of a column with an index, or of the row's id: the rows with one value, which are not counted yet but for ranges. */
static struct access value_access(const struct column_index *index, const struct table_slice *slice, enum column_type type,
                                  const struct typed_value *value)
{
    if (index == NULL) {
        return (struct access){.kind = ACCESS_ROW, .id = value->integer > 0 ? (uint64_t)value->integer : 0, .rows = 1};
    }
    if (index->kind == INDEX_HASH) {
        return (struct access){.kind = ACCESS_HASH, .index = index, .hash = (uint32_t)typed_value_hash(slice->secret, type, value)};
    }
    const struct ordered_bound bound = {value, true};
    struct access access = {
        .kind = ACCESS_RANGE, .index = index, .range = ordered_index_range(&index->ordered, slice->pages, bound, bound)};
    access.rows = access.range.end - access.range.first;
    return access;
}

/* NULL: the index of row ids. */
static const struct column_index *index_of(const struct condition *condition, const struct table_slice *slice,
                                           const struct schema *schema)
{
    return condition->column == COLUMN_ROW_ID ? NULL : &slice->indexes[schema->columns[condition->column].index_at];
}

static uint64_t count_rows(const struct access *access)
{
    return access->kind == ACCESS_HASH ? hash_rows(access->index, access->hash) : access->rows;
}

struct access access_to_value(const struct access *access, const struct table_slice *slice, uint32_t value)
{
    const struct condition *list = access->list;
    assert(value < list->list.count);
    struct access next = value_access(access->index, slice, (enum column_type)list->type, &list->list.values[value]);
    next.list = list;
    next.is_exact = access->is_exact;
    next.rows = access->rows;
    return next;
}

/* --- ranges --- */

struct bounds {
    struct ordered_bound lower, upper;
    uint32_t conditions; /* that these two stand for */
};

/* The bound of a condition comes to the one that is there: `side` is 1 for lower bounds, of which the greater one counts, -1 for upper. */
static void tighten(struct ordered_bound *bound, enum column_type type, const struct typed_value *value, bool is_inclusive, int side)
{
    const int order = bound->value == NULL ? 1 : typed_value_compare(type, value, bound->value) * side;
    if (order > 0) {
        *bound = (struct ordered_bound){value, is_inclusive};
    } else if (order == 0) {
        bound->is_inclusive = bound->is_inclusive && is_inclusive;
    }
}

static void add_bounds(struct bounds *bounds, const struct condition *condition)
{
    const enum column_type type = (enum column_type)condition->type;
    const enum comparison comparison = (enum comparison)condition->comparison;
    if (condition->kind == CONDITION_LIKE) {
        const struct condition_pattern *pattern = condition->pattern;
        tighten(&bounds->lower, type, &pattern->from, true, 1);
        if (!pattern->below.is_null) {
            tighten(&bounds->upper, type, &pattern->below, false, -1);
        }
        bounds->conditions += pattern->is_prefix ? 1 : 0;
        return;
    }
    if (comparison == COMPARE_EQUAL || comparison == COMPARE_GREATER || comparison == COMPARE_GREATER_EQUAL) {
        tighten(&bounds->lower, type, &condition->value, comparison != COMPARE_GREATER, 1);
    }
    if (comparison == COMPARE_EQUAL || comparison == COMPARE_LESS || comparison == COMPARE_LESS_EQUAL) {
        tighten(&bounds->upper, type, &condition->value, comparison != COMPARE_LESS, -1);
    }
    bounds->conditions++;
}

/* What the required conditions say of a column with an ordered index. */
static struct bounds bounds_of(const struct where *where, const struct schema *schema, uint32_t column)
{
    struct bounds bounds = {.conditions = 0};
    for (uint32_t i = 0; i < where->condition_count; i++) {
        const struct condition *condition = &where->conditions[i];
        if (condition->column == column && answer_of(condition, schema) < ANSWER_LIST) {
            add_bounds(&bounds, condition);
        }
    }
    return bounds;
}

struct access access_in_order(const struct table_slice *slice, const struct schema *schema, const struct where *where, uint32_t column,
                              bool *is_bounded)
{
    const struct bounds bounds = bounds_of(where, schema, column);
    const struct column_index *index = &slice->indexes[schema->columns[column].index_at];
    struct access access = {.kind = ACCESS_RANGE,
                            .is_exact = bounds.conditions == where->condition_count,
                            .index = index,
                            .range = ordered_index_range(&index->ordered, slice->pages, bounds.lower, bounds.upper)};
    access.rows = access.range.end - access.range.first;
    *is_bounded = bounds.lower.value != NULL || bounds.upper.value != NULL;
    return access;
}

/* --- choosing --- */

static void consider(struct access *best, const struct access *access)
{
    if (access->rows < best->rows) {
        *best = *access;
    }
}

/* The first condition on the column that its range comes from: the others belong to it, or, of a hash index, are alike. */
static bool is_first(const struct where *where, const struct schema *schema, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (where->conditions[i].column == where->conditions[at].column && answer_of(&where->conditions[i], schema) < ANSWER_LIST) {
            return false;
        }
    }
    return true;
}

/* Up to the best so far: what has more rows is not taken. */
static struct access list_access(const struct condition *condition, const struct column_index *index, const struct table_slice *slice,
                                 uint64_t best)
{
    const enum column_type type = (enum column_type)condition->type;
    struct access access = value_access(index, slice, type, &condition->list.values[0]);
    uint64_t rows = count_rows(&access);
    for (uint32_t i = 1; i < condition->list.count && rows < best; i++) {
        const struct access next = value_access(index, slice, type, &condition->list.values[i]);
        rows += count_rows(&next);
    }
    access.list = condition;
    access.rows = rows;
    return access;
}

static void consider_condition(struct access *best, const struct table_slice *slice, const struct schema *schema,
                               const struct where *where, const struct condition *condition)
{
    const struct column_index *index = index_of(condition, slice, schema);
    struct access access;
    if (answer_of(condition, schema) == ANSWER_LIST) {
        access = list_access(condition, index, slice, best->rows);
        access.is_exact = where->condition_count == 1;
    } else if (index != NULL && index->kind == INDEX_BTREE) {
        bool is_bounded;
        access = access_in_order(slice, schema, where, condition->column, &is_bounded);
    } else {
        access = value_access(index, slice, (enum column_type)condition->type, &condition->value);
        access.rows = count_rows(&access);
    }
    consider(best, &access);
}

/* Equalities first: one with few rows is as good as any. */
static struct access choose(const struct table_slice *slice, const struct schema *schema, const struct where *where)
{
    struct access best = {.rows = UINT64_MAX};
    for (int round = ANSWER_EQUALITY; round < ANSWER_NONE; round++) {
        for (uint32_t i = 0; i < where->condition_count && best.rows > FEW_ROWS; i++) {
            const struct condition *condition = &where->conditions[i];
            if ((int)answer_of(condition, schema) == round && (round != ANSWER_RANGE || is_first(where, schema, i))) {
                consider_condition(&best, slice, schema, where, condition);
            }
        }
    }
    return best;
}

struct access access_choose(const struct table_slice *slice, const struct schema *schema, const struct where *where)
{
    const struct condition *only = NULL;
    uint32_t candidates = 0;
    for (uint32_t i = 0; i < where->condition_count; i++) {
        if (answer_of(&where->conditions[i], schema) != ANSWER_NONE) {
            only = &where->conditions[i];
            candidates++;
        }
    }
    if (candidates == 0) {
        return (struct access){.kind = ACCESS_SCAN};
    }
    const struct column_index *index = index_of(only, slice, schema);
    if (candidates == 1 && condition_is_equality(only) && (index == NULL || index->kind == INDEX_HASH)) {
        return value_access(index, slice, (enum column_type)only->type, &only->value);
    }
    struct access access = choose(slice, schema, where);
    const bool may_be_long = access.kind == ACCESS_RANGE || access.list != NULL;
    if (may_be_long && access.rows > SCAN_ROWS_MIN && access.rows > slice->row_count / SCAN_SHARE) {
        return (struct access){.kind = ACCESS_SCAN, .is_bounded = true, .rows = access.rows};
    }
    return access;
}
