/* Any bytes as the nodes of a stream: they are refused, or can be walked both ways, and a stream made of them can be changed.
 *
 * The first byte chooses how the stream is changed. The rest is one node after the other, each behind two bytes of length.  */
#include "encoding/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODE_LEN_BYTES = 2 };

static void check(const struct stream *stream)
{
    const char *fault = stream->collection.type->fault(&stream->collection);
    assert(fault == NULL);
}

static uint64_t walk_all(const struct stream *stream, bool is_reverse)
{
    struct stream_walk walk;
    struct stream_entry entry;
    uint64_t count = 0;
    uint64_t bytes = 0;
    stream_walk_begin(&walk, stream, STREAM_ID_MIN, STREAM_ID_MAX, is_reverse);
    while (stream_walk_next(&walk, &entry)) {
        count++;
        for (uint64_t i = 0; i < entry.pair_count; i++) {
            struct item field, value;
            stream_entry_next_pair(&entry, &field, &value);
            bytes += field.len + value.len;
            for (size_t at = 0; value.data != NULL && at < value.len; at++) {
                bytes += (unsigned char)value.data[at] & 1;
            }
        }
    }
    assert(bytes < (uint64_t)1 << 40);
    return count;
}

/* Nodes are added under the ids 0-5, 1-5, 2-5 ... */
static void add_nodes(struct stream *stream, const char *data, size_t size)
{
    for (uint64_t ms = 0; size > NODE_LEN_BYTES; ms++) {
        uint16_t len;
        memcpy(&len, data, sizeof len);
        data += NODE_LEN_BYTES;
        size -= NODE_LEN_BYTES;
        len = len < size ? len : (uint16_t)size;
        const enum result result = stream_add_listpack(stream, (struct stream_id){ms, 5}, (struct bytes){data, len});
        assert(result == RESULT_OK || result == RESULT_SYNTAX);
        data += len;
        size -= len;
    }
}

static void change(struct stream *stream, unsigned how)
{
    static const struct bytes words[] = {BYTES("f"), BYTES("12")};
    const struct encoding_limits limits = {.stream_node_max_entries = 1000, .stream_node_max_bytes = 4096};
    struct stream_id id;
    struct stream *remains;
    if (stream_edge_id(stream, (how & 1) != 0, &id)) {
        const enum result result = stream_delete(stream, id);
        assert(result == RESULT_OK);
    }
    check(stream);
    if (stream_id_increment(&stream->last_id)) {
        const struct stream_id next = stream->last_id;
        stream_id_decrement(&stream->last_id);
        const enum result result = stream_append(stream, next, (struct stream_words){words, 1}, &limits);
        assert(result == RESULT_OK);
    }
    check(stream);
    const struct stream_trim trim = {.by_id = (how & 2) != 0, .min_id = {how / 16, 5}, .max_length = how / 8};
    stream_trim(stream, &trim, &remains);
    assert(remains == NULL);
    check(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct heap *heap;
    if (size == 0) {
        return 0;
    }
    heap = heap == NULL ? heap_create() : heap;
    struct stream *stream = stream_create(heap);
    add_nodes(stream, (const char *)data + 1, size - 1);
    if (!stream_edge_id(stream, true, &stream->last_id)) {
        stream->last_id = STREAM_ID_MIN;
    }
    if (!stream_edge_id(stream, false, &stream->first_id)) {
        stream->first_id = STREAM_ID_MIN;
    }
    check(stream);
    const uint64_t count = walk_all(stream, false);
    assert(count == stream->length && walk_all(stream, true) == count);
    assert(stream_count(stream, STREAM_ID_MIN, STREAM_ID_MAX) == count);
    change(stream, data[0]);
    collection_destroy(&stream->collection);
    return 0;
}
