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

/* Can the column's index answer the condition? */
static bool is_answered(const struct condition *condition, const struct schema *schema)
{
    const struct column *column = &schema->columns[condition->column];
    if (!condition->is_required || column->index_at == COLUMN_NONE || condition->comparison == COMPARE_NOT_EQUAL) {
        return false;
    }
    return condition->comparison == COMPARE_EQUAL || column->index == INDEX_BTREE;
}

bool access_scans(const struct where *where, const struct schema *schema)
{
    for (uint32_t i = 0; i < where->condition_count; i++) {
        if (is_answered(&where->conditions[i], schema)) {
            return false;
        }
    }
    return true;
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

/* What the required conditions say of a column with an ordered index. */
static struct bounds bounds_of(const struct where *where, const struct schema *schema, uint32_t column)
{
    struct bounds bounds = {.conditions = 0};
    const enum column_type type = (enum column_type)schema->columns[column].type;
    for (uint32_t i = 0; i < where->condition_count; i++) {
        const struct condition *condition = &where->conditions[i];
        if (condition->column != column || !is_answered(condition, schema)) {
            continue;
        }
        const enum comparison comparison = (enum comparison)condition->comparison;
        if (comparison == COMPARE_EQUAL || comparison == COMPARE_GREATER || comparison == COMPARE_GREATER_EQUAL) {
            tighten(&bounds.lower, type, &condition->value, comparison != COMPARE_GREATER, 1);
        }
        if (comparison == COMPARE_EQUAL || comparison == COMPARE_LESS || comparison == COMPARE_LESS_EQUAL) {
            tighten(&bounds.upper, type, &condition->value, comparison != COMPARE_LESS, -1);
        }
        bounds.conditions++;
    }
    return bounds;
}

static struct access range_access(const struct table_slice *slice, const struct schema *schema, const struct where *where,
                                  uint32_t column)
{
    const struct bounds bounds = bounds_of(where, schema, column);
    const struct column_index *index = &slice->indexes[schema->columns[column].index_at];
    return (struct access){.kind = ACCESS_RANGE,
                           .is_exact = bounds.conditions == where->condition_count,
                           .index = index,
                           .range = ordered_index_range(&index->ordered, slice->pages, bounds.lower, bounds.upper)};
}

/* --- choosing --- */

struct choice {
    struct access access;
    uint64_t rows;
};

static void consider(struct choice *best, const struct access *access, uint64_t rows)
{
    if (rows < best->rows) {
        *best = (struct choice){.access = *access, .rows = rows};
    }
}

/* The first condition on the column that an index answers: the others belong to it, or, of a hash index, are alike. */
static bool is_first(const struct where *where, const struct schema *schema, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (where->conditions[i].column == where->conditions[at].column && is_answered(&where->conditions[i], schema)) {
            return false;
        }
    }
    return true;
}

/* Equalities (by either kind) or all other ranges. */
static bool is_equality(const struct condition *condition)
{
    return condition->comparison == COMPARE_EQUAL;
}

static void consider_condition(struct choice *best, const struct table_slice *slice, const struct schema *schema,
                               const struct where *where, const struct condition *condition)
{
    const struct column *column = &schema->columns[condition->column];
    const struct column_index *index = &slice->indexes[column->index_at];
    if (column->index == INDEX_BTREE) {
        const struct access access = range_access(slice, schema, where, condition->column);
        consider(best, &access, access.range.end - access.range.first);
        return;
    }
    const struct access access = {
        .kind = ACCESS_HASH,
        .index = index,
        .hash = (uint32_t)typed_value_hash(slice->secret, (enum column_type)condition->type, &condition->value)};
    consider(best, &access, hash_rows(index, access.hash));
}

/* Equalities first: one with few rows is as good as any. */
static struct choice choose(const struct table_slice *slice, const struct schema *schema, const struct where *where)
{
    struct choice best = {.rows = UINT64_MAX};
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < where->condition_count && best.rows > FEW_ROWS; i++) {
            const struct condition *condition = &where->conditions[i];
            const bool is_of_round = is_equality(condition) == (round == 0);
            if (is_of_round && is_answered(condition, schema) && (is_equality(condition) || is_first(where, schema, i))) {
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
        if (is_answered(&where->conditions[i], schema)) {
            only = &where->conditions[i];
            candidates++;
        }
    }
    if (candidates == 0) {
        return (struct access){.kind = ACCESS_SCAN};
    }
    if (candidates == 1 && schema->columns[only->column].index == INDEX_HASH) {
        return (struct access){.kind = ACCESS_HASH,
                               .index = &slice->indexes[schema->columns[only->column].index_at],
                               .hash = (uint32_t)typed_value_hash(slice->secret, (enum column_type)only->type, &only->value)};
    }
    struct access access = choose(slice, schema, where).access;
    const uint64_t rows = access.range.end - access.range.first;
    if (access.kind == ACCESS_RANGE && rows > SCAN_ROWS_MIN && rows > slice->row_count / SCAN_SHARE) {
        access.kind = ACCESS_SCAN;
        access.is_bounded = true;
    }
    return access;
}
