/* stream_value.c - streams as values of keys; see stream_value.h.  */
#include "data/stream_value.h"

#include <assert.h>

enum result stream_value_open(struct value *value, struct keyspace *ks, struct key key, struct entry *existing,
                              struct stream **out)
{
    value_open(value, ks, key, existing);
    if (existing != NULL) {
        *out = entry_stream(existing);
        return RESULT_OK;
    }
    struct stream *stream = stream_create(ks->heap);
    if (stream == NULL) {
        return RESULT_NO_MEMORY;
    }
    const enum result result = value_set_collection(value, VALUE_FORM_STREAM, &stream->collection);
    if (result != RESULT_OK) {
        collection_destroy(&stream->collection);
        return result;
    }
    *out = stream;
    return RESULT_OK;
}

void stream_value_close(struct value *value)
{
    const enum result result = value_close(value);
    assert(result == RESULT_OK);
}

void stream_value_lazy_free(struct keyspace *ks, struct stream *remains)
{
    if (remains != NULL) {
        keyspace_lazy_free(ks, &remains->collection);
    }
}
