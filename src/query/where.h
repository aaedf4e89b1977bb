/* where.h - the words after WHERE, as a tree of conditions.
 *
 *   WHERE     = term { (AND | OR) term }         AND binds tighter, or both alike from the left (table-where-precedence)
 *   term      = condition | "(" WHERE ")"        parentheses are words of their own
 *   condition = <col><op><value> | <col> <op> <value>
 *   op        = "=" | "!=" | "<>" | "<" | "<=" | ">" | ">="
 *
 * In a condition of one word the first operator after the column's name counts: the value may hold any characters. In one
 * of three words the value may be any word.
 *
 * Memory     One block of the caller's, where_bytes(words) long. Values borrow the words.
 * Invariant  W1 nodes stand in postorder: the right side of node i is node i - 1, its left side the node before the first
 *            one of its right side; the last node is the root. No conditions, no nodes: every row matches.
 * Limits     WHERE_CONDITIONS_MAX, WHERE_DEPTH_MAX; no recursion.  */
#ifndef QUERY_WHERE_H
#define QUERY_WHERE_H

#include "table/schema.h"

enum { WHERE_CONDITIONS_MAX = 256, WHERE_DEPTH_MAX = 64, WHERE_STACK_MAX = 3 * (WHERE_DEPTH_MAX + 1) };

enum comparison {
    COMPARE_EQUAL,
    COMPARE_NOT_EQUAL,
    COMPARE_LESS,
    COMPARE_LESS_EQUAL,
    COMPARE_GREATER,
    COMPARE_GREATER_EQUAL,
};

struct condition {
    uint16_t column, slot;
    uint8_t type;             /* enum column_type */
    uint8_t comparison;
    bool is_required;         /* no row can match without it: it stands below ANDs only */
    struct typed_value value; /* not null */
};

enum where_kind { WHERE_CONDITION, WHERE_AND, WHERE_OR };

struct where_node {
    uint8_t kind;
    bool is_required;
    uint16_t first;     /* the first node of its side of the tree; a condition: itself */
    uint16_t condition; /* WHERE_CONDITION: which */
    uint16_t right_of;  /* the AND or OR whose right side begins here; 0: none */
};

struct where {
    struct condition *conditions;
    struct where_node *nodes;
    uint16_t condition_count, node_count;
};

struct where_source {
    const struct schema *schema;
    const struct bytes *words; /* those behind the word WHERE */
    uint32_t count;
    bool is_left_to_right;
    const struct bytes *ends;  /* words that end it where AND or OR could stand; case ignored */
    uint32_t end_count;
};

/* What where_parse needs for this many words. */
size_t where_bytes(uint32_t words);
/* `memory`: where_bytes(source->count), aligned as malloc does. *used: words read. On errors *where has no meaning. */
MUST_USE enum table_result where_parse(struct where *where, const struct where_source *source, void *memory, uint32_t *used);
/* Every row matches. */
void where_init(struct where *where);

/* The first required equality on a column; NULL: none. */
const struct condition *where_equality(const struct where *where, uint32_t column);
/* True when there is an equality, required or not, on a column without an index. */
bool where_needs_index(const struct where *where, const struct schema *schema);

/* Splits <name><op><rest> at the first operator behind the name. False: no operator, or no name. */
MUST_USE bool comparison_split(struct bytes word, struct bytes *name, enum comparison *comparison, struct bytes *rest);

#endif
