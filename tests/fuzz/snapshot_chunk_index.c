/* Fuzz target of snapshot: any bytes as the end of a file. What is found as its index lies in it and ascends, and written again it is found again. */
#include "snapshot/chunk_index.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { END_BYTES = 9 }; /* FF and the checksum */

/* Behind a file of the same length. */
static void check_again(const struct found_chunks *found)
{
    struct chunk_index index = CHUNK_INDEX_EMPTY;
    struct buffer file = BUFFER_EMPTY(MEM_SNAPSHOT);
    static const char end[END_BYTES];
    bool is_made = buffer_reserve(&file, found->end);
    assert(is_made);
    memset(file.data, 0, found->end);
    file.len = found->end;
    for (uint64_t i = 0; i < found->count; i++) {
        const struct chunk_place place = chunk_index_at(found, i);
        is_made = chunk_index_add(&index, place.offset, place.shard);
        assert(is_made);
    }
    is_made = chunk_index_write(&index, found->end, found->shards, &file) && buffer_append(&file, (struct bytes){end, END_BYTES});
    assert(is_made);
    const struct found_chunks again = chunk_index_find(buffer_bytes(&file));
    assert(again.count == found->count && again.end == found->end && again.shards == found->shards && bytes_equal(again.rows, found->rows));
    chunk_index_release(&index);
    buffer_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes file = {(const char *)data, size};
    const struct found_chunks found = chunk_index_find(file);
    uint64_t before = 0;
    for (uint64_t i = 0; i < found.count; i++) {
        const struct chunk_place place = chunk_index_at(&found, i);
        assert(place.offset > before && place.offset < found.end && found.end < size && place.shard < found.shards);
        before = place.offset;
    }
    if (found.count > 0) {
        check_again(&found);
    }
    return 0;
}
