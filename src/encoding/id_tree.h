/* id_tree.h - an ordered map from stream ids to values of a fixed size: a B+tree.
 *
 * A stream keeps three kinds of them: its nodes, a group's pending entries, a consumer's pending entries (without values).
 *
 *   node, 2 KiB:  | next previous | count capacity level | id ... | value or child ... |
 *
 * A tree of one leaf has a block of 64 bytes at first, doubled as it grows. What is appended in order leaves full leaves
 * behind. A node that falls below a quarter is merged with a neighbour that has room for it.
 *
 * Threads    Under the baton of the shard whose heap it is in.
 * Memory     Blocks are the owning collection's; `bytes` is what the heap counts for those of this tree.
 * Invariant  T1 ids ascend within a node and over the chain of each level; T2 an id in an inner node is not above any in the
 *            child behind it, and above all in the children before it; T3 no node is empty; T4 count is the sum over the leaves.
 * Limits     ID_TREE_LEVELS_MAX levels.  */
#ifndef ENCODING_ID_TREE_H
#define ENCODING_ID_TREE_H

#include "base/result.h"
#include "encoding/collection.h"
#include "encoding/stream_id.h"

enum { ID_TREE_LEVELS_MAX = 16, ID_TREE_BLOCK_BYTES = 2048, ID_TREE_FIRST_BYTES = 64 };
_Static_assert(ID_TREE_BLOCK_BYTES % ID_TREE_FIRST_BYTES == 0, "a first leaf is doubled up to a whole one");

struct id_tree_node {
    struct id_tree_node *next, *previous; /* of the same level */
    uint16_t count, capacity;
    uint8_t level;                        /* 0: a leaf */
    struct stream_id ids[];               /* `capacity` of them, then as many values or children */
};

struct id_tree {
    struct id_tree_node *root;            /* NULL: empty */
    struct id_tree_node *first, *last;    /* leaves */
    uint64_t count;
    uint64_t bytes;
    uint32_t value_bytes;                 /* a multiple of 8, or 0 */
};

/* A place in a tree; leaf NULL: none. Good until an id comes or goes. */
struct id_cursor {
    struct id_tree_node *leaf;
    uint32_t at;
};

static inline void id_tree_init(struct id_tree *tree, uint32_t value_bytes)
{
    assert(value_bytes % sizeof(uint64_t) == 0);
    *tree = (struct id_tree){.value_bytes = value_bytes};
}

static inline struct stream_id id_cursor_id(struct id_cursor cursor)
{
    debug_assert(cursor.at < cursor.leaf->count);
    return cursor.leaf->ids[cursor.at];
}

/* Lent until an id comes or goes. */
static inline void *id_cursor_value(const struct id_tree *tree, struct id_cursor cursor)
{
    debug_assert(cursor.at < cursor.leaf->count);
    return (char *)(cursor.leaf->ids + cursor.leaf->capacity) + (size_t)cursor.at * tree->value_bytes;
}

struct id_cursor id_tree_first(const struct id_tree *tree);
struct id_cursor id_tree_last(const struct id_tree *tree);
/* The first id that is not below `id`; the last that is not above it. O(log n). */
struct id_cursor id_tree_at_least(const struct id_tree *tree, struct stream_id id);
struct id_cursor id_tree_at_most(const struct id_tree *tree, struct stream_id id);
/* To the neighbour; false: there is none (then the cursor has no leaf any more). */
bool id_cursor_next(struct id_cursor *cursor);
bool id_cursor_previous(struct id_cursor *cursor);

/* How many ids are not below `id`. O(leaves). */
uint64_t id_tree_count_from(const struct id_tree *tree, struct stream_id id);

/* The place of `id`; leaf NULL: it is not there. O(log n). */
struct id_cursor id_tree_find(const struct id_tree *tree, struct stream_id id);
/* Puts an id in that is not there; its value is at *out, zeroed. RESULT_NO_MEMORY: as before. O(log n). */
MUST_USE enum result id_tree_insert(struct id_tree *tree, struct collection *owner, struct stream_id id,
                                    struct id_cursor *out);
/* Takes an id out; false: it was not there. Never needs memory. O(log n). */
bool id_tree_remove(struct id_tree *tree, struct collection *owner, struct stream_id id);

/* Moves the whole first leaf of `from` to the end of `to`, of another collection in the same heap, which is only to be freed by
 * id_tree_free_step. `from` has at least two leaves. O(log n).  */
void id_tree_give_first_leaf(struct id_tree *from, struct collection *from_owner, struct id_tree *to,
                             struct collection *to_owner);

/* Defragmentation: hands the leaf that has the first id not below `id`, and the nodes above it, to collection_move_block. Returns
 * the place of that id; leaf NULL: there is none. O(log n).  */
struct id_cursor id_tree_move_path(struct id_tree *tree, const struct collection *owner, struct stream_id id, size_t *limit);

/* Frees about *limit values (by `free_value`, NULL: nothing to do) and nodes, and counts them off. True when all is gone; until
 * then no other function may be called for the tree.  */
typedef void id_tree_free_fn(struct collection *owner, void *value);
MUST_USE bool id_tree_free_step(struct id_tree *tree, struct collection *owner, id_tree_free_fn *free_value, size_t *limit);

/* NULL when T1-T4 hold and the blocks add up; otherwise what does not. */
const char *id_tree_fault(const struct id_tree *tree);
/* For debug asserts, after a change: a long tree is walked after some changes only (base/check.h). */
static inline bool id_tree_is_valid(const struct id_tree *tree)
{
    return !check_is_due(tree->bytes, tree->count) || id_tree_fault(tree) == NULL;
}

#endif
