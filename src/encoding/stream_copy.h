/* stream_copy.h - a copy of a stream that may be made in steps, while the source does not change.
 *
 * Threads    Under the batons of both shards.
 * Memory     The copy is the caller's from the beginning, in whatever state it is; collection_destroy takes any.  */
#ifndef ENCODING_STREAM_COPY_H
#define ENCODING_STREAM_COPY_H

#include "encoding/stream.h"

struct stream_copy {
    const struct stream *from;
    struct stream *to;
    struct id_cursor cursor;        /* the next node; then the next pending entry of the group at hand */
    bool are_nodes_done;
    uint32_t group_at, consumer_at; /* the next ones of `from` */
    struct stream_group *group;     /* the copy of number group_at; NULL: not begun */
};

/* RESULT_NO_MEMORY: there is none. */
MUST_USE enum result stream_copy_begin(struct stream_copy *copy, const struct stream *from, struct heap *heap);
/* Copies up to `count` nodes, consumers and pending entries more, 0.1 to 0.5 us each. RESULT_NO_MEMORY: to be given up. */
MUST_USE enum result stream_copy_step(struct stream_copy *copy, size_t count, bool *is_done);
/* All of it, as collection_type.copy. */
struct collection *stream_copy_all(const struct collection *collection, struct heap *heap);

#endif
