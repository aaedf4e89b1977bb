/* raw_burial.c - a very long string whose key is gone: its pages go back to the system from the end on, slice after slice, which
 * takes about 0.1 ms a MiB. What is buried is a collection of this kind, that has the string as its only block.  */
#include "data/entry_private.h"
#include "data/keyspace_private.h"
#include "encoding/collection.h"

#include <assert.h>

enum { BURIED_RAW_MIN = 2 << 20, SLICE_BYTES = 512 << 10, SLICE_COST = 64 };
_Static_assert(BURIED_RAW_MIN - SLICE_BYTES >= (int)HEAP_DIRECT_MIN, "what is cut off goes back without a copy");

struct raw_burial {
    struct collection collection;
    void *block;
    size_t size;
};

static bool free_slice(struct collection *collection, size_t *limit)
{
    struct raw_burial *burial = (struct raw_burial *)collection;
    while (burial->size >= BURIED_RAW_MIN) {
        if (*limit == 0) {
            return false;
        }
        *limit -= *limit < SLICE_COST ? *limit : SLICE_COST;
        void *shorter = collection_realloc(collection, burial->block, burial->size, burial->size - SLICE_BYTES);
        if (shorter == NULL) {
            break;
        }
        burial->block = shorter;
        burial->size -= SLICE_BYTES;
    }
    collection_free_block(collection, burial->block, burial->size);
    heap_free(collection->heap, MEM_STRING, burial, sizeof *burial);
    return true;
}

static const struct collection_type burial_type = {.which = MEM_STRING, .free_slice = free_slice};

void keyspace_release_raw(struct keyspace *ks, struct raw_string *raw)
{
    assert(raw->len <= raw->capacity);
    assert(raw->pins == 0);
    const size_t size = raw_string_bytes(raw->capacity);
    struct raw_burial *burial = NULL;
    if (UNLIKELY(size >= BURIED_RAW_MIN) && ks->owner->bury != NULL) {
        burial = heap_alloc(ks->heap, MEM_STRING, sizeof *burial);
    }
    if (LIKELY(burial == NULL)) {
        keyspace_raw_free(ks, raw);
        return;
    }
    const uint64_t bytes = heap_block_bytes(sizeof *burial) + heap_block_bytes(size);
    *burial = (struct raw_burial){
        .collection = {.bytes = bytes, .heap = ks->heap, .type = &burial_type},
        .block = raw,
        .size = size,
    };
    ks->owner->bury(ks->owner->context, &burial->collection);
}
