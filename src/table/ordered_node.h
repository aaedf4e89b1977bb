/* ordered_node.h - one node of an ordered index: up to 255 keys in order, each a value of a column and the number of its row.
 *
 * A key is not copied. Of a number the node keeps the difference to its base, in the fewest bytes of 1, 2, 4, 8 that hold all of the
 * node's: that is the whole value. Of a text it keeps a head, the first bytes behind those that all texts of the node begin with; where
 * heads are alike, the texts themselves are compared, in the cells of their rows, unless the heads are known to be all there is of them
 * (short texts). An inner node keeps for each child but the first the
 * least key below it, and how many keys are below.
 *
 * Layout     leaf    head of 16 bytes, heads[capacity] of `width` bytes each, rows[capacity], the common beginning (8 x room bytes)
 *            inner   head of 16 bytes, children[capacity], heads[capacity] of 8 bytes, rows[capacity], below[capacity], the common
 *                    beginning. heads[0] and rows[0] mean nothing.
 *
 * Threads    As the slice's.
 * Invariant  N1 keys ascend, by value and then by row, no two alike; N2 every text of the node begins with its `skip` bytes, and the
 *            heads are those of the texts, and all of them if is_whole; N3 count <= capacity; skip <= 8 x room.
 * Read on    ordered_index.h.  */
#ifndef TABLE_ORDERED_NODE_H
#define TABLE_ORDERED_NODE_H

#include "table/page.h"

enum {
    LEAF_KEYS_MAX = 255,
    INNER_KEYS_MAX = 63,
    TEXT_SKIP_MAX = 248, /* texts that have more in common are compared in their rows */
};

/* Where the texts of the rows are. */
struct key_source {
    struct page *const *pages; /* of the slice, by id */
    uint16_t slot;             /* of the column */
    bool is_text;
};

/* What is looked for: a place among the keys. */
struct ordered_key {
    union {
        uint64_t number;   /* of an integer, date, float: as integers in the same order */
        struct bytes text; /* borrowed */
    };
    uint64_t row;          /* 0: before all rows of the value; ROW_PAST_ALL: behind them */
};
#define ROW_PAST_ALL (UINT64_C(1) << 32)

struct ordered_node {
    uint8_t count, capacity;
    uint8_t width;        /* of a head */
    uint8_t room;         /* for the common beginning, in 8 bytes */
    uint8_t skip;         /* text: how long it is */
    bool is_leaf;
    bool is_whole;        /* text: the heads hold all that is behind the beginning, no zero bytes among it */
    uint64_t base;        /* numbers */
    unsigned char body[];
};

_Static_assert(sizeof(struct ordered_node) == 16, "the layout above");

/* The order of <, = and > among conditions (typed_value_compare), as that of integers. Not for texts. */
uint64_t ordered_number(enum column_type type, const struct typed_value *value);

/* --- parts of a node --- */

static inline size_t node_rows_offset(const struct ordered_node *node)
{
    return node->is_leaf ? ((size_t)node->width * node->capacity + 3) & ~(size_t)3 : (size_t)node->capacity * 16;
}

static inline uint32_t *node_rows(const struct ordered_node *node)
{
    return (uint32_t *)(uintptr_t)(node->body + node_rows_offset(node));
}

static inline struct ordered_node **node_children(const struct ordered_node *node)
{
    return (struct ordered_node **)(uintptr_t)node->body;
}

/* How many keys are below each child. */
static inline uint32_t *node_below(const struct ordered_node *node)
{
    return (uint32_t *)(uintptr_t)(node->body + (size_t)node->capacity * 20);
}

/* The first item that has a key. */
static inline uint32_t node_first(const struct ordered_node *node)
{
    return node->is_leaf ? 0 : 1;
}

/* A number's key. */
uint64_t ordered_node_number(const struct ordered_node *node, uint32_t at);
/* The text of a row. */
struct bytes ordered_key_text(const struct key_source *source, uint32_t row);
/* Keys in a leaf, or below an inner node. */
uint64_t ordered_node_total(const struct ordered_node *node);

/* --- blocks --- */

/* What a node is asked for: for `count` items, texts with `skip` bytes in common, or numbers from `least` to `most`. */
struct node_shape {
    bool is_leaf, is_text;
    uint32_t count;
    uint32_t skip;
    uint64_t least, most;
};

size_t ordered_node_bytes(const struct ordered_node *node);
/* What a node of the shape asks for. */
size_t ordered_node_shape_bytes(const struct node_shape *shape);
/* An empty node. NULL: no memory. The caller counts it. */
struct ordered_node *ordered_node_create(struct heap *heap, enum mem_class which, const struct node_shape *shape) MUST_USE;

/* --- finding --- */

/* How many items stand before the key; in an inner node the first item, which has no key, counts. */
uint32_t ordered_node_position(const struct ordered_node *node, const struct key_source *source, const struct ordered_key *key);
/* True when the node can take the key as it is. */
bool ordered_node_fits(const struct ordered_node *node, const struct key_source *source, const struct ordered_key *key);

/* --- changing --- */

/* Makes the common beginning so short that the text begins with it. */
void ordered_node_narrow(struct ordered_node *node, struct bytes text);
/* Writes the key of an item; the node fits it. Of an inner node: narrows it when it must. */
void ordered_node_set_key(struct ordered_node *node, uint32_t at, const struct key_source *source, const struct ordered_key *key);
/* Opens a gap before item `at` and closes it; children and what is below them move along. */
void ordered_node_open(struct ordered_node *node, uint32_t at);
void ordered_node_close(struct ordered_node *node, uint32_t at);
/* Copies `count` items of `from` to the end of `to`. Numbers fit; texts that have not the same common beginning in both are to be encoded
 * by the caller. An empty `to` takes that of `from`, if it has the room.  */
void ordered_node_append(struct ordered_node *to, const struct ordered_node *from, uint32_t at, uint32_t count);
/* Finds the longest common beginning of the node's texts (as far as it has room), and the heads again, from the rows. Not for numbers. */
void ordered_node_encode_texts(struct ordered_node *node, const struct key_source *source);
/* How many bytes of the texts first .. last have in common, up to TEXT_SKIP_MAX. */
uint32_t ordered_texts_in_common(struct bytes first, struct bytes last);
/* Both nodes' texts have the same common beginning. */
bool ordered_node_begins_alike(const struct ordered_node *a, const struct ordered_node *b);

/* N1-N3; with `deep`, N1 and N2 by the texts themselves. */
bool ordered_node_is_valid(const struct ordered_node *node, const struct key_source *source, bool deep);

#endif
