/* stream_group.h - consumer groups: who reads a stream, and what each was given and has not acknowledged.
 *
 * Each pending entry is in two trees: the group's, with what is known of its delivery, and its consumer's, without a value.
 *
 * Threads    Under the baton of the shard whose heap the stream is in.
 * Memory     All blocks are counted in the stream's bytes. Groups and consumers stay at their addresses while
 *            nobody defragments the stream.
 * Invariant  G1 the group's pending ids are those of its consumers together, and each is its consumer's only; consumers ascend by
 *            name.  */
#ifndef ENCODING_STREAM_GROUP_H
#define ENCODING_STREAM_GROUP_H

#include "encoding/stream.h"

struct stream_consumer {
    int64_t seen_ms;
    struct id_tree pending;     /* no values */
    uint32_t name_len;
    char name[];
};

/* The value of a pending entry in its group's tree. */
struct stream_nack {
    int64_t delivery_ms;
    uint64_t delivery_count;
    struct stream_consumer *consumer;
};

struct stream_group {
    struct stream_id last_id;   /* the highest that was delivered */
    int64_t entries_read;       /* or STREAM_READ_UNKNOWN */
    struct id_tree pending;     /* values: struct stream_nack */
    struct stream_consumer **consumers; /* ascending by name */
    uint32_t consumer_count, consumer_capacity;
    uint32_t name_len;
    char name[];
};

static inline struct bytes stream_group_name(const struct stream_group *group)
{
    return (struct bytes){group->name, group->name_len};
}

static inline struct bytes stream_consumer_name(const struct stream_consumer *consumer)
{
    return (struct bytes){consumer->name, consumer->name_len};
}

/* NULL: there is none. O(log groups). */
struct stream_group *stream_find_group(const struct stream *stream, struct bytes name);
/* A group that is not there yet. RESULT_EXISTS: it is; RESULT_TOO_LONG: the name is over 4 GiB. O(groups) moves of a word. */
MUST_USE enum result stream_create_group(struct stream *stream, struct bytes name, struct stream_id last_id,
                                         int64_t entries_read, struct stream_group **out);
/* Takes a group out. One with many pending entries is given in *remains (otherwise NULL), for the caller to free. */
void stream_destroy_group(struct stream *stream, struct stream_group *group, struct stream **remains);

struct stream_consumer *stream_find_consumer(const struct stream_group *group, struct bytes name);
/* A consumer that is not there yet; results as for groups. */
MUST_USE enum result stream_create_consumer(struct stream *stream, struct stream_group *group, struct bytes name,
                                            int64_t seen_ms, struct stream_consumer **out);
/* Takes a consumer without pending entries out. */
void stream_destroy_consumer(struct stream *stream, struct stream_group *group, struct stream_consumer *consumer);

/* --- pending entries --- */

/* NULL: `id` is not pending. Lent until a pending entry comes or goes. */
struct stream_nack *stream_find_pending(const struct stream_group *group, struct stream_id id);
/* Makes `id` pending for nack->consumer, whoever had it before. RESULT_NO_MEMORY: as before. */
MUST_USE enum result stream_set_pending(struct stream *stream, struct stream_group *group, struct stream_id id,
                                        const struct stream_nack *nack);
/* False: it was not pending. */
bool stream_remove_pending(struct stream *stream, struct stream_group *group, struct stream_id id);

/* --- for stream_whole.c --- */

/* Frees about *limit items of the group; true when it is gone. */
MUST_USE bool stream_group_free_step(struct stream *stream, struct stream_group *group, size_t *limit);
/* What their blocks were asked for. */
static inline size_t stream_group_bytes(const struct stream_group *group)
{
    return sizeof *group + group->name_len;
}

static inline size_t stream_consumer_bytes(const struct stream_consumer *consumer)
{
    return sizeof *consumer + consumer->name_len;
}

/* stream_defrag.c */
struct collection *stream_defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit);

/* NULL, or what is wrong; adds the group's bytes to *bytes. */
const char *stream_group_fault(const struct stream_group *group, uint64_t *bytes);
/* For debug asserts, after a change: one with many pending entries is walked after some changes only (base/check.h). */
bool stream_group_is_valid(const struct stream_group *group);

#endif
