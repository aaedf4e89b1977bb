/* keyspace_raw.c - the blocks of raw strings.  */
#include "data/keyspace_private.h"

struct raw_string *keyspace_raw_create(struct keyspace *ks, size_t capacity)
{
    const size_t request = entry_block_request(raw_string_bytes(capacity));
    struct raw_string *raw = heap_alloc(ks->heap, MEM_STRING, request);
    if (raw != NULL) {
        raw->len = 0;
        raw->capacity = request - sizeof *raw;
    }
    return raw;
}

void keyspace_raw_free(struct keyspace *ks, struct raw_string *raw)
{
    assert(raw->len <= raw->capacity);
    heap_free(ks->heap, MEM_STRING, raw, raw_string_bytes(raw->capacity));
}
