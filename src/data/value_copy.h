/* value_copy.h - a copy of a large collection or long string that is made in steps, while the source is pinned.
 *
 *   value_copy_begin, value_copy_step ... until it is done, then value_copy_store or value_copy_discard
 *
 * Threads    Steps: under the batons of both shards; those of a string: without. The source must not change in between.
 * Memory     The copy is in the heap that it shall be stored in, and nobody's until value_copy_store.  */
#ifndef DATA_VALUE_COPY_H
#define DATA_VALUE_COPY_H

#include "data/value.h"
#include "encoding/member_table.h"
#include "encoding/quicklist.h"
#include "encoding/score_set.h"
#include "encoding/stream_copy.h"

/* A collection of fewer bytes is copied at once, in less time than a step has; so is a string of fewer bytes, in 0.2 ms. */
enum { VALUE_COPY_STEPS_MIN = 65536, STRING_COPY_STEPS_MIN = 262144 };

/* NULL: stored, discarded or never begun. */
struct value_copy {
    const void *source;         /* collection or raw string */
    struct collection *copy;
    struct open_string string;  /* the copy of a string */
    enum value_form form;
    union {
        size_t at;              /* of a string: bytes copied */
        struct member_walk members;
        struct score_walk scores;
        struct quicklist_walk items;
        struct stream_copy stream;
    } walk;
};

/* True when the value should be copied so: a big collection, a long string. The others are copied by value_clone. */
bool value_copy_takes_steps(const struct entry *entry);

/* The copy is in the heap of `ks`, where it shall be stored. RESULT_NO_MEMORY: nothing is kept. */
MUST_USE enum result value_copy_begin(struct value_copy *copy, const struct entry *source, struct keyspace *ks);
/* Copies up to `count` items more (of a string: 512 bytes each). RESULT_NO_MEMORY: to be discarded. */
MUST_USE enum result value_copy_step(struct value_copy *copy, size_t count, bool *is_done);
/* Gives the finished copy to `key`, as value_store_with_expiry. RESULT_NO_MEMORY: it is gone. */
MUST_USE enum result value_copy_store(struct value_copy *copy, struct keyspace *ks, struct key key, struct entry *existing,
                                      int64_t expiry_ms);
/* Ends it at any time; `ks` is one of the heap's. Does nothing after value_copy_store. */
void value_copy_discard(struct value_copy *copy, struct keyspace *ks);

#endif
