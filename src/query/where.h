/* where.h - the words after WHERE, as a tree of conditions.
 *
 *   WHERE     = term { (AND | OR) term }         AND binds tighter, or both alike from the left (table-where-precedence)
 *   term      = condition | "(" WHERE ")" | NOT term
 *   condition = <col> <op> <value>               one, two or three words, split before or behind the operator
 *             | <col> <op> COLUMN <col>
 *             | <col> [NOT] BETWEEN <value> AND <value>
 *             | <col> [NOT] IN "(" <value> { <value> } ")"
 *             | <col> [NOT] LIKE <pattern>
 *             | <col> IS [NOT] NULL
 *   op        = "=" | "!=" | "<>" | "<" | "<=" | ">" | ">="
 *
 * In a condition of one word the first operator after the column's name counts: the value may hold any characters. Where the value is a
 * word of its own it may be any word, but for "," and ")" in a list. Keywords and parentheses are words of their own; case is ignored.
 * Words that mean something already keep it: COLUMN is a value where no column's name can follow, as is nothing behind `name=` where the
 * next word is AND, OR, ")" or ends the conditions; NOT in front of an operator is a column.
 *
 * NOT goes down to the conditions when it is read (De Morgan's laws hold in three-valued logic, too), BETWEEN is two conditions: the tree
 * has AND and OR only, and a row matches when the root is true.
 *
 * Memory     One block of the caller's, where_bytes(words) long. Values borrow the words.
 * Invariant  W1 nodes stand in postorder: the right side of node i is node i - 1, its left side the node before the first
 *            one of its right side; the last node is the root. No conditions, no nodes: every row matches.
 * Limits     WHERE_CONDITIONS_MAX, WHERE_DEPTH_MAX, CONDITION_VALUES_MAX; no recursion.  */
#ifndef QUERY_WHERE_H
#define QUERY_WHERE_H

#include "query/condition.h"
#include "query/fault.h"

enum {
    WHERE_CONDITIONS_MAX = 256,
    WHERE_DEPTH_MAX = 64,
    WHERE_STACK_MAX = 3 * (WHERE_DEPTH_MAX + 1) + 1, /* a group waits with its "(", an OR and an AND; one more side is BETWEEN's */
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

/* What where_parse needs for these words, or for some of them. */
size_t where_bytes(const struct bytes *words, uint32_t count);
/* `memory`: where_bytes(source->words, source->count), aligned as malloc does. *used: words read. On errors *where has no meaning, and *fault
 * says which word it is; of TABLE_NO_MEMORY (never with that much memory) it says nothing.  */
MUST_USE enum table_result where_parse(struct where *where, const struct where_source *source, void *memory, uint32_t *used,
                                       struct table_fault *fault);
/* Every row matches. */
void where_init(struct where *where);
/* Only rows match from now on that match the condition, too. There is room for it in `conditions`, and for two nodes in `nodes`.  */
void where_require(struct where *where, const struct condition *condition);

/* The first required equality on a column; NULL: none. */
const struct condition *where_equality(const struct where *where, uint32_t column);
/* True when there is an equality or a list of them, required or not, on a column without an index. */
bool where_needs_index(const struct where *where, const struct schema *schema);

#endif
