/* member_table.h - large sets and hashes: members, each with a value or none, packed into small blocks that are found by hash.
 *
 * Extendible hashing (Fagin et al., 1979): the top `depth` bits of a member's hash choose a place of the directory, which leads
 * to a leaf, one block with up to about 64 items, without a pointer for each (member_leaf.h draws it). A leaf grows and shrinks
 * through the heap's sizes, splits into two, or merges with its buddy: so the table follows its content in both directions, and
 * no operation moves more than one leaf, except for the directory, which doubles by being copied: 8 bytes for about 56 to 112
 * members, that is 0.1 ms at a million members, about 10 ms at a hundred millions.
 *
 * Members are items as packed_item makes them (encoding/packed.h): an integer's text must be given as an integer. Values are
 * kept as they are given, as text or as integers. What is given must not be lent from the same table. What is handed out is lent
 * until the table changes.
 *
 * Threads    As struct collection.
 * Memory     A 14-byte member 19 bytes, an integer below a million 7, a field and value of 21 bytes 28, all included (100,000
 *            random ones; tests/unit/encoding/member_table.c).
 * Invariant  T1 every member is in the leaf of its hash's prefix, once, under its tag; T2 a leaf of depth d is in
 *            2^(depth - d) places one behind the other, and leaves_of_depth counts it; T3 count is the sum over the leaves;
 *            T4 `bytes` is the sum over the blocks.
 * Limits     2^27 places; more members than fit then are refused as memory is. Members and values below 2^32 bytes.
 * Read on    member_leaf.h, member_table.c, member_walk.c (random, scan, copy, freeing, checking).  */
#ifndef ENCODING_MEMBER_TABLE_H
#define ENCODING_MEMBER_TABLE_H

#include "base/attributes.h"
#include "base/hash.h"
#include "base/result.h"
#include "encoding/collection.h"
#include "encoding/item.h"
#include "encoding/member_hash.h"

#include <stdbool.h>
#include <stdint.h>

enum { MEMBER_DEPTH_MAX = 27, MEMBER_CURSOR_BITS = 48, MEMBER_PLACE_INDEX_BITS = 8 };

struct member_leaf;

struct member_table {
    struct collection collection;
    const struct hash_secret *secret;
    struct member_leaf **directory; /* 2^depth; &only when depth is 0 */
    struct member_leaf *only;
    uint64_t count;                 /* members */
    uint32_t drained_places;        /* while it is freed: how far that is */
    uint8_t depth;
    bool has_values;
    uint8_t largest_leaf;           /* no leaf has more items */
    uint32_t leaves_of_depth[MEMBER_DEPTH_MAX + 1];
};

/* Members only, counted as MEM_SET; members with values, counted as MEM_HASH. */
extern const struct collection_type member_set_type;
extern const struct collection_type member_hash_type;

/* An empty table. `type`: one of the two above, or timed_table_type. `secret` must outlive it. NULL: memory refused. Gives: collection_destroy. */
MUST_USE struct member_table *member_table_create(struct heap *heap, const struct hash_secret *secret,
                                                  const struct collection_type *type, enum encoding_name encoding);

static inline struct collection *member_table_collection(struct member_table *table)
{
    return &table->collection;
}

static inline struct member_table *member_table_of(struct collection *collection)
{
    return (struct member_table *)collection;
}

static inline uint64_t member_table_count(const struct member_table *table)
{
    return table->count;
}

/* --- one member --- */

/* True when it is there; then *value (NULL: not wanted; hashes only) is a view of its value. 30 to 60 ns. */
bool member_table_find(const struct member_table *table, const struct item *member, struct item *value);
/* The same with a hash that is known. */
bool member_table_find_hashed(const struct member_table *table, uint64_t hash, const struct item *member, struct item *value);

/* Adds the member, or replaces its value. `value`: NULL in sets, and only there. RESULT_NO_MEMORY: nothing has changed. */
MUST_USE enum result member_table_put(struct member_table *table, const struct item *member, const struct item *value,
                                      bool *is_new);
/* True when it was there. Never refused. */
bool member_table_remove(struct member_table *table, const struct item *member);

static inline struct member_leaf *member_table_leaf(const struct member_table *table, uint64_t hash)
{
    return table->directory[hash >> 1 >> (63 - table->depth)];
}

/* Hints for a batch of searches: first all of this one, later the searches. Inlined by force: gcc takes a function that only
 * prefetches for one without effect.  */
__attribute__((always_inline)) static inline void member_table_prefetch(const struct member_table *table, uint64_t hash)
{
    const char *leaf = (const char *)member_table_leaf(table, hash);
    __builtin_prefetch(leaf);
    __builtin_prefetch(leaf + CACHE_LINE_BYTES);
    __builtin_prefetch(leaf + (size_t)2 * CACHE_LINE_BYTES);
}

/* --- all of them --- */

/* A place of one member: valid until the table changes, and different for different members. One at random, each as likely as
 * any other; the table must not be empty. *random_state: any number, moved on. Expected cost: 2 to 4 leaves looked at.  */
uint64_t member_table_random(const struct member_table *table, uint64_t *random_state);
/* What is there. `value`: NULL: not wanted (hashes only). */
void member_table_at(const struct member_table *table, uint64_t place, struct item *member, struct item *value);

/* Walks all members in the order of their hashes. May go on later while the table is unchanged. */
struct member_walk {
    const struct member_table *table;
    uint64_t place;
};

static inline void member_walk_begin(struct member_walk *walk, const struct member_table *table)
{
    *walk = (struct member_walk){table, 0};
}

/* False at the end. `value`: NULL: not wanted (hashes only). */
bool member_walk_next(struct member_walk *walk, struct item *member, struct item *value);

typedef void member_visit_fn(const struct item *member, const struct item *value, void *arg);

/* Visits members from `cursor` (0 starts) until at least `count` were visited and their leaf is done; returns the cursor to go
 * on with, 0 at the end. A cursor is the top MEMBER_CURSOR_BITS bits of the lowest hash that is still to come: so a member that
 * is there throughout is visited at least once, whatever comes and goes between the calls. `value` is NULL in sets. `visit`
 * must not change the table. Cost O(count + one leaf).  */
MUST_USE uint64_t member_table_scan(const struct member_table *table, uint64_t cursor, size_t count, member_visit_fn *visit,
                                    void *arg);

#endif
