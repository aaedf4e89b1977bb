/* collection.h - what all large collections begin with: a list, set, hash, sorted set or stream outside of its entry.
 *
 * Threads    Under the baton of the shard whose heap it is in.
 * Memory     `bytes` is the sum of heap_block_bytes over all of its blocks, its own included, after every change: so the
 *            memory of a key is known in O(1).  */
#ifndef ENCODING_COLLECTION_H
#define ENCODING_COLLECTION_H

#include "base/attributes.h"
#include "base/check.h"
#include "base/hash.h"
#include "mem/heap.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What OBJECT ENCODING says: by Redis's rules, whatever stands inside. */
enum encoding_name {
    ENCODING_QUICKLIST,
    ENCODING_LISTPACK,
    ENCODING_INTSET,
    ENCODING_HASHTABLE,
    ENCODING_SKIPLIST,
    ENCODING_STREAM,
    ENCODING_LISTPACK_EX, /* a small hash some of whose fields have times */
    ENCODING_NAME_COUNT
};
_Static_assert(ENCODING_NAME_COUNT <= UINT8_MAX, "collection.encoding holds any");

struct collection;

/* Where a walk of defragmentation stands in a collection; all 0: at its beginning. The fields' meaning is the type's own. */
struct collection_cursor {
    bool is_inside;      /* there is more to come; the rest is read only then */
    uint8_t stage;
    uint32_t part, inner;
    uint64_t at, at_low;
};

struct collection_type {
    enum mem_class which; /* of all its blocks */
    size_t head_bytes;    /* of its first block, for types that share functions; otherwise 0 */
    /* Frees about *limit items and counts them off; true when all is gone, *collection included. Until then only this
     * function may be called. `bytes` need not be kept meanwhile. */
    bool (*free_step)(struct collection *collection, size_t *limit);
    /* A copy in `heap` that shares nothing; NULL: refused, nothing is kept. */
    struct collection *(*copy)(const struct collection *collection, struct heap *heap);
    /* Walks everything: NULL when the invariants hold and the blocks add up to `bytes`; otherwise what does not. */
    const char *(*fault)(const struct collection *collection);
    /* Defragmentation (mem/heap.h): hands its blocks to heap_move from *cursor on, at least one of them, and counts the work off
     * *limit (collection_move_block); sets cursor->is_inside. A cursor of another time or collection does no harm, and what comes
     * or goes between two calls may be left out. Returns where the collection is now. Not called while it is pinned.  */
    struct collection *(*defrag)(struct collection *collection, struct collection_cursor *cursor, size_t *limit);
};

struct collection {
    uint64_t bytes;                     /* of all blocks, this one included */
    struct heap *heap;
    const struct collection_type *type;
    uint32_t pins;                      /* jobs that go over it in steps: meanwhile nobody else may change or free it */
    uint8_t encoding;                   /* enum encoding_name: what OBJECT ENCODING says */
};

/* A block of the collection's class, counted in its bytes; NULL: refused. */
static inline MUST_USE void *collection_alloc(struct collection *collection, size_t size)
{
    void *block = heap_alloc(collection->heap, collection->type->which, size);
    if (LIKELY(block != NULL)) {
        collection->bytes += heap_block_bytes(size);
    }
    return block;
}

/* `size`: what it was asked for, or anything with the same heap_block_bytes. */
static inline void collection_free_block(struct collection *collection, void *block, size_t size)
{
    if (block != NULL) {
        collection->bytes -= heap_block_bytes(size);
        heap_free(collection->heap, collection->type->which, block, size);
    }
}

/* As heap_realloc; NULL: refused, and nothing has changed. */
static inline MUST_USE void *collection_realloc(struct collection *collection, void *block, size_t old_size, size_t new_size)
{
    void *moved = heap_realloc(collection->heap, collection->type->which, block, old_size, new_size);
    if (LIKELY(moved != NULL)) {
        collection->bytes += heap_block_bytes(new_size) - (block == NULL ? 0 : heap_block_bytes(old_size));
    }
    return moved;
}

/* heap_move_within for a block of the collection. */
static inline MUST_USE void *collection_move_block(const struct collection *collection, void *block, size_t size, size_t *limit)
{
    assert(collection->pins == 0);
    return heap_move_within(collection->heap, collection->type->which, block, size, limit);
}

/* For debug asserts, after a change: whether the invariants hold. Walks a long collection at some changes only (base/check.h). */
static inline bool collection_is_valid(const struct collection *collection)
{
    return !check_is_due(collection->bytes, collection->bytes) || collection->type->fault(collection) == NULL;
}

/* Frees all of it at once. NULL is allowed. */
static inline void collection_destroy(struct collection *collection)
{
    size_t limit = SIZE_MAX;
    while (collection != NULL && !collection->type->free_step(collection, &limit)) {
    }
}

/* The limits below which collections stay small, and how they are written as bytes, from the configuration (Redis's names and meanings). */
struct encoding_limits {
    int64_t hash_max_listpack_entries, hash_max_listpack_value;
    int64_t set_max_intset_entries;
    int64_t zset_max_listpack_entries, zset_max_listpack_value;
    int64_t list_max_listpack_size; /* negative: -1 .. -5 are 4, 8, 16, 32, 64 KiB a node */
    int64_t list_compress_depth;
    int64_t stream_node_max_bytes, stream_node_max_entries;
    bool texts_stay_plain;          /* in files and payloads: rdbcompression no */
};

/* A collection in its entry is at most so long, whatever the limits say: beyond it takes the large form (and keeps the name
 * of the small one while the limits allow it), so that no conversion takes long.  */
enum { COLLECTION_INLINE_MAX = 65536 };

#endif
