/* condition.h - one condition on a column: what it asks of a row's value, in a form that filters and indexes take.
 *
 * A condition is made for a column (condition_of), then told what it asks; what comes to something simpler becomes that: IN of one value and
 * LIKE without % and _ are equalities, an integer is never equal to 29.5. No condition but IS NULL matches where there is no value, so that
 * negating one is asking the opposite of the rows that have one.
 *
 * Memory     Values borrow the words; lists and patterns lie in an arena of the caller's.
 * Threads    Any; one that is made is not changed.  */
#ifndef QUERY_CONDITION_H
#define QUERY_CONDITION_H

#include "expression/like.h"
#include "query/operand.h"
#include "table/schema.h"

enum {
    CONDITION_VALUES_MAX = 10000,
    COLUMN_ROW_ID = 0xfffe, /* the row's id, as if it were an integer column */
};

enum comparison {
    COMPARE_EQUAL,
    COMPARE_NOT_EQUAL,
    COMPARE_LESS,
    COMPARE_LESS_EQUAL,
    COMPARE_GREATER,
    COMPARE_GREATER_EQUAL,
};

enum condition_kind {
    CONDITION_VALUE,  /* <column> <comparison> <value> */
    CONDITION_COLUMN, /* <column> <comparison> <other> */
    CONDITION_IN,     /* <column> [NOT] IN <list> */
    CONDITION_LIKE,   /* <column> [NOT] LIKE <pattern> */
    CONDITION_NULL,   /* <column> IS [NOT] NULL */
    CONDITION_NEVER,  /* nothing matches; inverted: all that has a value */
};

/* A column of a schema, or the row's id. */
struct column_place {
    uint16_t column; /* or COLUMN_ROW_ID */
    uint16_t slot;
    uint8_t type;    /* enum column_type */
    uint8_t digits, scale; /* struct column_form */
};

struct condition_list {
    const struct typed_value *values; /* ascending, each once */
    uint32_t count;                   /* at least 2 */
};

struct condition_pattern {
    struct like like;
    struct typed_value from;  /* what matches is not below it; an empty text: this says nothing */
    struct typed_value below; /* what matches is below it; null: unknown */
    bool is_prefix;           /* these two say it all */
};

struct condition {
    uint16_t column, slot;
    uint8_t type;       /* enum column_type */
    uint8_t digits, scale; /* struct column_form */
    uint8_t kind;       /* enum condition_kind */
    uint8_t comparison; /* VALUE, COLUMN */
    bool is_inverted;   /* the others: NOT */
    bool is_required;   /* no row can match without it: it stands below ANDs only */
    struct column_place other; /* COLUMN */
    union {
        struct typed_value value; /* VALUE; not null */
        struct condition_list list;
        const struct condition_pattern *pattern;
    };
};

static inline struct column_form condition_form(const struct condition *condition)
{
    return (struct column_form){.type = condition->type, .digits = condition->digits, .scale = condition->scale};
}

/* The column of that name, or the row's id for "_id" where no column has this name. False: there is none. */
MUST_USE bool condition_find_column(const struct schema *schema, struct bytes name, struct column_place *place);
struct condition condition_of(const struct column_place *place);
/* What a condition on that column needs in the arena for a list of `count` values, or a pattern. */
size_t condition_list_bytes(size_t count);
size_t condition_pattern_bytes(struct bytes pattern);

/* Each tells the condition what it asks. */
void condition_set_value(struct condition *condition, enum comparison comparison, const struct operand *operand);
/* False: values of both columns cannot be compared. */
MUST_USE bool condition_set_column(struct condition *condition, enum comparison comparison, const struct column_place *other);
/* `values` are lent, and put in order. */
void condition_set_list(struct condition *condition, struct typed_value *values, uint32_t count);
/* The column is one of strings. TABLE_BAD_PATTERN: nothing stands behind the last backslash. TABLE_NO_MEMORY: the arena is too small. */
MUST_USE enum table_result condition_set_pattern(struct condition *condition, struct bytes pattern, struct arena *arena);
void condition_negate(struct condition *condition);

/* Is it <column> = <value>? */
static inline bool condition_is_equality(const struct condition *condition)
{
    return condition->kind == CONDITION_VALUE && condition->comparison == COMPARE_EQUAL;
}

/* Splits <name><op><rest> at the first operator behind the name. False: no operator, or no name. */
MUST_USE bool comparison_split(struct bytes word, struct bytes *name, enum comparison *comparison, struct bytes *rest);
/* The operator that `text` begins with; returns its length, 0: none. */
size_t comparison_at(struct bytes text, enum comparison *comparison);
bool comparison_begins(char c);

#endif
