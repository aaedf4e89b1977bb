/* stream_value.h - streams as values of keys: always apart from their entry, empty ones included.
 *
 * A change of a stream goes between stream_value_open and value_close, so that the keyspace's bytes stay exact.
 *
 * Threads    Under the baton of the keyspace's shard.  */
#ifndef DATA_STREAM_VALUE_H
#define DATA_STREAM_VALUE_H

#include "data/value.h"
#include "encoding/stream.h"

/* The stream of an entry of that type. */
static inline struct stream *entry_stream(const struct entry *entry)
{
    return stream_of_collection(entry_collection(entry));
}

/* Opens the key's stream for a change; `existing` NULL: a new, empty one. The caller ends it by value_close or value_remove.
 * RESULT_NO_MEMORY: as before, nothing is open.  */
MUST_USE enum result stream_value_open(struct value *value, struct keyspace *ks, struct key key, struct entry *existing,
                                       struct stream **out);
/* value_close for a stream whose key is there already: that is never refused. */
void stream_value_close(struct value *value);
/* Frees what was cut off a stream of this keyspace, lazily when it is large. NULL is allowed. */
void stream_value_lazy_free(struct keyspace *ks, struct stream *remains);

#endif
