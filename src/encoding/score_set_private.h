/* score_set_private.h - the two structures of a sorted set, for score_tree.c, score_index.c, score_remains.c, score_set.c and
 * score_cut.c.
 *
 * Leaf of the tree: one block, all of which may be used (block_bytes is what the heap gives).
 *
 *   | count, block_bytes | score 8 ... | end 2 ... | bytes of the members, one behind the other | free |
 *
 *   An end is where the member's bytes end, counted from where all bytes begin. With SCORE_END_APART set the bytes are a pointer
 *   to a block { len, bytes } of a member longer than SCORE_INLINE_MAX.
 *
 * Inner node: capacity follows from the block.
 *
 *   | count, capacity | score 8 ... | child 8 ... | members below 4 ... |
 *
 *   A score is that of the first member below the child. When it equals the score that is looked for, the first member itself is
 *   looked at: no member is kept twice.
 *
 * Leaf of the index:
 *
 *   | count, capacity, depth | score 8 ... | hash 4 ... |       sorted by hash
 *
 *   The directory has 2^depth places, one for each value of that many top bits of a hash; a leaf of a smaller depth has several
 *   places in a row.
 *
 * Invariants
 *   S1 The tree's members are in strictly ascending order; all of its leaves are `height` steps below the root.
 *   S2 Scores and counts of inner nodes are exact.
 *   S3 The index has, for every member and for every one that still stands in the remains of a cut, one entry with its hash and
 *      score, and no others.
 *   S4 No leaf or inner node is empty; an inner root has two children at least.
 *   S5 collection.bytes is the sum over all blocks.  */
#ifndef ENCODING_SCORE_SET_PRIVATE_H
#define ENCODING_SCORE_SET_PRIVATE_H

#include "encoding/score_set.h"

#include <string.h>

enum {
    SCORE_LEAF_MAX = 1024,       /* bytes of a leaf's block */
    SCORE_LEAF_SMALL = 400,      /* used bytes below which a leaf joins a neighbour */
    SCORE_LEAF_JOINED_MAX = 800, /* used bytes of two leaves that become one */
    SCORE_INLINE_MAX = 256,      /* bytes of a member in a leaf */
    SCORE_END_APART = 0x8000,
    SCORE_INNER_MAX = 76,        /* children: they fill a block of 1536 bytes */
    SCORE_INNER_SMALL = 20,
    SCORE_INNER_JOINED_MAX = 48,
    SCORE_INDEX_MAX = 255,       /* entries of an index leaf (a block of 3072 bytes), until it is SCORE_DEPTH_MAX deep */
    SCORE_INDEX_JOINED_MAX = 128,
    SCORE_DEPTH_MAX = 26,
};
_Static_assert(SCORE_LEAF_MAX <= SCORE_END_APART, "an end fits beside the flag");
_Static_assert(SCORE_LEAF_JOINED_MAX < SCORE_LEAF_MAX, "what was joined has room for more");
_Static_assert(2 * SCORE_LEAF_SMALL <= SCORE_LEAF_JOINED_MAX, "two small leaves may join");
_Static_assert(3 * SCORE_INLINE_MAX < SCORE_LEAF_MAX, "a leaf that is split has several members");
_Static_assert(2 * SCORE_INNER_SMALL <= SCORE_INNER_JOINED_MAX, "two small nodes may join");
_Static_assert(SCORE_INNER_JOINED_MAX < SCORE_INNER_MAX, "what was joined has room for more");
_Static_assert(SCORE_INDEX_JOINED_MAX < SCORE_INDEX_MAX, "what was joined has room for more");
_Static_assert(SCORE_DEPTH_MAX < 1 << 5, "index_leaf.depth has 5 bits");

struct score_leaf {
    uint16_t count;
    uint16_t block_bytes;
    uint32_t unused;
    double scores[]; /* count of them, then the ends, then the bytes */
};

struct score_inner {
    uint16_t count;
    uint16_t capacity;
    uint32_t unused;
    double scores[]; /* capacity of them, then the children, then the counts */
};

/* A member that is too long for a leaf. */
struct score_apart {
    size_t len;
    char data[];
};

struct index_leaf {
    uint32_t count;
    uint32_t capacity : 27;
    uint32_t depth : 5;
    double scores[]; /* capacity of them, then the hashes */
};

struct score_set {
    struct collection collection;
    const struct hash_secret *secret;
    void *root;                    /* struct score_leaf when height is 0, else struct score_inner; NULL: empty */
    struct index_leaf **directory; /* NULL: empty */
    uint32_t count;
    uint32_t deepest;              /* index leaves as deep as the directory */
    uint8_t height;
    uint8_t depth;
    uint64_t freed_places;         /* free_step: the directory up to here is done */
    struct score_remains *remains; /* of a cut: NULL: none */
};

/* What was cut out of a tree: whole trees of their own. Their members are still in the index. */
struct score_remains {
    uint64_t members;
    uint32_t count, capacity;      /* pieces */
    struct score_piece {
        void *root;
        unsigned height;
    } pieces[];
};

static inline size_t score_remains_bytes(uint32_t capacity)
{
    return sizeof(struct score_remains) + capacity * sizeof(struct score_piece);
}

static inline uint16_t *score_leaf_ends(struct score_leaf *leaf)
{
    return (uint16_t *)(void *)&leaf->scores[leaf->count];
}

static inline char *score_leaf_bytes(struct score_leaf *leaf)
{
    return (char *)(score_leaf_ends(leaf) + leaf->count);
}

static inline void **score_inner_children(struct score_inner *inner)
{
    return (void **)(void *)&inner->scores[inner->capacity];
}

static inline uint32_t *score_inner_counts(struct score_inner *inner)
{
    return (uint32_t *)(void *)(score_inner_children(inner) + inner->capacity);
}

static inline uint32_t *index_leaf_hashes(struct index_leaf *leaf)
{
    return (uint32_t *)(void *)&leaf->scores[leaf->capacity];
}

/* The members below it. */
static inline uint32_t score_inner_total(struct score_inner *inner)
{
    const uint32_t *counts = score_inner_counts(inner);
    uint32_t total = 0;
    for (uint32_t i = 0; i < inner->count; i++) {
        total += counts[i];
    }
    return total;
}

static inline size_t score_inner_bytes(uint32_t capacity)
{
    return sizeof(struct score_inner) + capacity * (sizeof(double) + sizeof(void *) + sizeof(uint32_t));
}

static inline size_t index_leaf_bytes(uint32_t capacity)
{
    return sizeof(struct index_leaf) + (size_t)capacity * (sizeof(double) + sizeof(uint32_t));
}

static inline size_t index_directory_bytes(unsigned depth)
{
    return sizeof(struct index_leaf *) << depth;
}

/* The directory's place for a hash. */
static inline uint64_t index_place_of(const struct score_set *set, uint32_t hash)
{
    return (uint64_t)hash << set->depth >> 32;
}

/* A member as a leaf keeps it: its own bytes, or the pointer to them. */
struct score_stored {
    const char *data;
    uint32_t len;      /* of data */
    bool is_apart;
    double score;
};

/* --- score_tree.c --- */

/* What is looked for among equal scores. */
enum score_seek { SCORE_SEEK_BEFORE, SCORE_SEEK_MEMBER, SCORE_SEEK_AFTER };

/* The way to the first member that is not before (score, member); with BEFORE and AFTER to the first with this score, or behind
 * the last with it. The path may stand behind the last member of its leaf. True: SEEK_MEMBER, and it is there. The set is not
 * empty.  */
bool score_tree_seek(const struct score_set *set, double score, struct bytes member, enum score_seek seek,
                     struct score_path *path);
/* The way to a rank <= count; the set is not empty. */
void score_tree_seek_rank(const struct score_set *set, uint64_t rank, struct score_path *path);
uint64_t score_path_rank(const struct score_set *set, const struct score_path *path);
/* Moves a path at the end of its leaf to the beginning of the next, or from the beginning to the end of the one before.
 * False: there is none.  */
bool score_path_next_leaf(const struct score_set *set, struct score_path *path);
bool score_path_previous_leaf(const struct score_set *set, struct score_path *path);

struct score_item score_leaf_item(struct score_leaf *leaf, uint32_t index);
struct score_stored score_leaf_stored(struct score_leaf *leaf, uint32_t index);

/* Puts an item where the path says (the root when the set is empty: then the path is not read). False: refused, nothing has
 * changed. Takes a block that is apart. Changes set->count.  */
MUST_USE bool score_tree_insert(struct score_set *set, struct score_path *path, const struct score_stored *item);
/* Takes `count` items out of the path's leaf from path->index on (all there), and joins what became small. Blocks that are
 * apart are the caller's. Changes set->count.  */
void score_tree_remove(struct score_set *set, struct score_path *path, uint32_t count);
/* Changes the score at the path; the order must allow it. */
void score_tree_set_score(struct score_set *set, struct score_path *path, double score);
/* A root with one child gives way to it. */
void score_tree_lower_root(struct score_set *set);
/* Unlinks the last leaf of a tree that is about to go, and frees what is above it alone. *root NULL: it was the last one. */
struct score_leaf *score_tree_take_leaf(struct score_set *set, void **root, unsigned height);
/* Frees leaves and what is above them from the right end on, counting members off *limit; true when all is gone. */
bool score_tree_free_step(struct score_set *set, size_t *limit);
void score_leaf_free(struct score_set *set, struct score_leaf *leaf);
void score_apart_free(struct score_set *set, const struct score_stored *item);
/* Checks the set's tree, or one of its remains. Adds what it found to *bytes and *count. */
const char *score_tree_fault(void *root, unsigned height, uint64_t *bytes, uint64_t *count);

/* --- score_index.c --- */

/* Makes room for one more entry of this hash. False: refused. */
MUST_USE bool score_index_reserve(struct score_set *set, uint32_t hash);
/* There is room (reserve). */
void score_index_add(struct score_set *set, uint32_t hash, double score);
/* The entry is there. Of several with the same hash and score any will do: they are the same. */
void score_index_remove(struct score_set *set, uint32_t hash, double score);
void score_index_move(struct score_set *set, uint32_t hash, double old_score, double score);

/* Entries with one hash, or from it on: a leaf with the first one that is >= hash, which may be behind its last. */
struct index_cursor {
    struct index_leaf *leaf; /* NULL: none at all */
    uint32_t index;
};
struct index_cursor score_index_seek(const struct score_set *set, uint32_t hash);
/* The first hash behind those of the leaf in which `hash` belongs; 2^32: it was the last leaf. */
uint64_t score_index_leaf_end(const struct score_set *set, uint32_t hash);
bool score_index_free_step(struct score_set *set, size_t *limit);
bool index_leaf_is_sorted(struct index_leaf *leaf);
const char *score_index_fault(const struct score_set *set, uint64_t *bytes, uint64_t *count);

/* --- score_remains.c --- */

/* Frees the tree and the remains as score_tree_free_step. */
bool score_remains_free_step(struct score_set *set, size_t *limit);
const char *score_remains_fault(const struct score_set *set, uint64_t *bytes, uint64_t *count);

/* --- score_defrag.c --- */

struct collection *score_set_defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit);

#endif
