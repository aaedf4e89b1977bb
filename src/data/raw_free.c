/* raw_free.c - a very long string whose key is gone: its pages go back to the system from the end on, step by step, which
 * takes about 0.1 ms a MiB. For lazy free it is a collection of this kind, that has the string as its only block.  */
#include "data/entry_private.h"
#include "data/keyspace_private.h"
#include "encoding/collection.h"

#include <assert.h>

enum { LAZY_FREE_RAW_MIN = 2 << 20, STEP_BYTES = 512 << 10, STEP_COST = 64 };
_Static_assert(LAZY_FREE_RAW_MIN - STEP_BYTES >= (int)HEAP_DIRECT_MIN, "what is cut off goes back without a copy");

struct raw_remains {
    struct collection collection;
    void *block;
    size_t size;
};

static bool free_step(struct collection *collection, size_t *limit)
{
    struct raw_remains *remains = (struct raw_remains *)collection;
    while (remains->size >= LAZY_FREE_RAW_MIN) {
        if (*limit == 0) {
            return false;
        }
        *limit -= *limit < STEP_COST ? *limit : STEP_COST;
        void *shorter = collection_realloc(collection, remains->block, remains->size, remains->size - STEP_BYTES);
        if (shorter == NULL) {
            break;
        }
        remains->block = shorter;
        remains->size -= STEP_BYTES;
    }
    collection_free_block(collection, remains->block, remains->size);
    heap_free(collection->heap, MEM_STRING, remains, sizeof *remains);
    return true;
}

static const struct collection_type raw_remains_type = {.which = MEM_STRING, .free_step = free_step};

void keyspace_release_raw(struct keyspace *ks, struct raw_string *raw)
{
    assert(raw->len <= raw->capacity);
    assert(raw->pins == 0);
    const size_t size = raw_string_bytes(raw->capacity);
    struct raw_remains *remains = NULL;
    if (UNLIKELY(size >= LAZY_FREE_RAW_MIN) && ks->owner->lazy_free != NULL) {
        remains = heap_alloc(ks->heap, MEM_STRING, sizeof *remains);
    }
    if (LIKELY(remains == NULL)) {
        keyspace_raw_free(ks, raw);
        return;
    }
    const uint64_t bytes = heap_block_bytes(sizeof *remains) + heap_block_bytes(size);
    *remains = (struct raw_remains){
        .collection = {.bytes = bytes, .heap = ks->heap, .type = &raw_remains_type},
        .block = raw,
        .size = size,
    };
    ks->owner->lazy_free(ks->owner->context, &remains->collection);
}
