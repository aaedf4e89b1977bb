/* keyspace_raw.c - the blocks of raw strings.  */
#include "data/keyspace_private.h"

#include <assert.h>

struct raw_string *keyspace_raw_create(struct keyspace *ks, size_t capacity)
{
    const size_t request = entry_block_request(raw_string_bytes(capacity));
    struct raw_string *raw = heap_alloc(ks->heap, MEM_STRING, request);
    if (raw != NULL) {
        *raw = (struct raw_string){0};
        raw_string_set_capacity(raw, request);
    }
    return raw;
}

void keyspace_raw_free(struct keyspace *ks, struct raw_string *raw)
{
    assert(raw->len <= raw->capacity);
    assert(raw->pins == 0);
    heap_free(ks->heap, MEM_STRING, raw, raw_string_bytes(raw->capacity));
}
