/* rdb_read_stream.c - a stream, in the order that rdb_write_stream.c draws; the old form (type 15) lacks first id, highest
 * deleted id, entries ever added and entries read; that of Redis 7.2 (type 21) has a second time behind a consumer's first.
 *
 * A group's pending entries come before its consumers, which say whose they are. Until then they wait in a tree of their own, and
 * none may be left over.
 *
 *   states     NODE -> (counters) -> GROUP -> PENDING -> CONSUMER -> OWNED -> CONSUMER ... -> GROUP ... -> the end  */
#include "persist/rdb_read_private.h"

#include "encoding/stream_group.h"
#include "mem/heap.h"

/* A pending entry that nobody owns yet. */
struct orphan {
    int64_t delivery_ms;
    uint64_t delivery_count;
};

enum stream_reading { READING_NODE, READING_GROUP, READING_PENDING, READING_CONSUMER, READING_OWNED };

struct stream_reader {
    struct stream *stream;
    enum stream_reading state;
    uint64_t nodes, groups, pending, consumers, owned; /* still to come */
    struct stream_group *group;
    struct stream_consumer *consumer;
    struct id_tree orphans;   /* values: struct orphan; blocks are counted in the stream's bytes */
};

static bool read_raw_id(struct rdb_input *input, struct stream_id *out)
{
    struct bytes raw;
    if (!rdb_read_raw(input, sizeof *out, &raw)) {
        return false;
    }
    memcpy(out, raw.data, sizeof *out);
    *out = (struct stream_id){__builtin_bswap64(out->ms), __builtin_bswap64(out->seq)};
    return true;
}

static bool read_id(struct rdb_input *input, struct stream_id *out)
{
    return rdb_read_length(input, &out->ms) && rdb_read_length(input, &out->seq);
}

static enum rdb_status read_name(struct rdb_reader *reader, struct rdb_input *input, struct bytes *out)
{
    struct item item;
    const enum rdb_status status = rdb_status_of_result(rdb_read_item(input, &reader->rooms[0], &item));
    if (status == RDB_DONE) {
        *out = item_text(&item, reader->digits);
    }
    return status;
}

/* --- nodes and counters --- */

static enum rdb_status read_node(struct rdb_reader *reader, struct rdb_input *input)
{
    struct stream_reader *streams = reader->stream;
    struct item key, listpack;
    enum rdb_status status = rdb_status_of_result(rdb_read_item(input, &reader->rooms[0], &key));
    if (status == RDB_DONE) {
        status = rdb_status_of_result(rdb_read_item(input, &reader->rooms[1], &listpack));
    }
    if (status != RDB_DONE) {
        return status;
    }
    struct rdb_input key_input = {{key.data, key.len}, 0};
    struct stream_id base;
    if (item_is_integer(&key) || item_is_integer(&listpack) || key.len != sizeof base || !read_raw_id(&key_input, &base)) {
        return RDB_BAD;
    }
    streams->nodes--;
    return rdb_status_of_result(stream_add_listpack(streams->stream, base, (struct bytes){listpack.data, listpack.len}));
}

/* What the old form does not say. */
static void reckon_counters(struct stream *stream)
{
    stream->max_deleted_id = STREAM_ID_MIN;
    stream->entries_added = stream->length;
    if (!stream_edge_id(stream, false, &stream->first_id)) {
        stream->first_id = STREAM_ID_MIN;
    }
}

/* What the last id must not be below: the last live entry, and the first of the last node, which ids are counted from. Deleted entries above it are
 * what XSETID leaves.  */
static struct stream_id lowest_last_id(const struct stream *stream, struct id_cursor last_node)
{
    struct stream_id top;
    const struct stream_id base = last_node.leaf != NULL ? id_cursor_id(last_node) : STREAM_ID_MIN;
    return stream_edge_id(stream, true, &top) && stream_id_compare(top, base) > 0 ? top : base;
}

/* The payload's own length is not taken over: streams that Redis 5 kept may say more than they have, and dumps carry that on. The
 * nodes were counted as they came. Only one that says entries without a single node is refused, by Redis, too.  */
static enum rdb_status read_counters(struct rdb_reader *reader, struct rdb_input *input)
{
    struct stream *stream = reader->stream->stream;
    uint64_t claimed_length;
    const struct id_cursor last = id_tree_last(&stream->nodes);
    if (!rdb_read_length(input, &claimed_length) || (claimed_length != 0 && last.leaf == NULL)) {
        return RDB_BAD;
    }
    if (!read_id(input, &stream->last_id) || stream_id_compare(stream->last_id, lowest_last_id(stream, last)) < 0) {
        return RDB_BAD;
    }
    if (!reader->plan->is_old_stream) {
        if (!read_id(input, &stream->first_id) || !read_id(input, &stream->max_deleted_id) ||
            !rdb_read_length(input, &stream->entries_added)) {
            return RDB_BAD;
        }
    } else {
        reckon_counters(stream);
    }
    reader->stream->state = READING_GROUP;
    return rdb_read_length(input, &reader->stream->groups) ? RDB_DONE : RDB_BAD;
}

/* --- groups --- */

static enum rdb_status read_group(struct rdb_reader *reader, struct rdb_input *input)
{
    struct stream_reader *streams = reader->stream;
    struct bytes name;
    struct stream_id last_id;
    const enum rdb_status status = read_name(reader, input, &name);
    if (status != RDB_DONE) {
        return status;
    }
    if (!read_id(input, &last_id)) {
        return RDB_BAD;
    }
    uint64_t entries_read = 0;
    if (reader->plan->is_old_stream) {
        entries_read = (uint64_t)stream_entries_read_at(streams->stream, last_id);
    } else if (!rdb_read_length(input, &entries_read)) {
        return RDB_BAD;
    }
    if (!rdb_read_length(input, &streams->pending)) {
        return RDB_BAD;
    }
    streams->groups--;
    streams->state = READING_PENDING;
    return rdb_status_of_result(
        stream_create_group(streams->stream, name, last_id, (int64_t)entries_read, &streams->group));
}

static enum rdb_status read_pending(struct stream_reader *streams, struct rdb_input *input)
{
    struct stream_id id;
    uint64_t delivery_ms, delivery_count;
    if (!read_raw_id(input, &id) || !rdb_read_word(input, &delivery_ms) || !rdb_read_length(input, &delivery_count) ||
        id_tree_find(&streams->orphans, id).leaf != NULL) {
        return RDB_BAD;
    }
    struct id_cursor place;
    const enum result result = id_tree_insert(&streams->orphans, &streams->stream->collection, id, &place);
    if (result == RESULT_OK) {
        struct orphan *orphan = id_cursor_value(&streams->orphans, place);
        *orphan = (struct orphan){(int64_t)delivery_ms, delivery_count};
        streams->pending--;
    }
    return rdb_status_of_result(result);
}

static enum rdb_status read_consumer(struct rdb_reader *reader, struct rdb_input *input)
{
    struct stream_reader *streams = reader->stream;
    struct bytes name;
    uint64_t seen_ms;
    const enum rdb_status status = read_name(reader, input, &name);
    if (status != RDB_DONE) {
        return status;
    }
    uint64_t active_ms; /* not kept: Redis 7.0 has no such time */
    if (!rdb_read_word(input, &seen_ms) || (reader->plan->has_active_time && !rdb_read_word(input, &active_ms)) ||
        !rdb_read_length(input, &streams->owned)) {
        return RDB_BAD;
    }
    streams->consumers--;
    streams->state = READING_OWNED;
    return rdb_status_of_result(
        stream_create_consumer(streams->stream, streams->group, name, (int64_t)seen_ms, &streams->consumer));
}

/* A pending entry finds its consumer. */
static enum rdb_status read_owned(struct stream_reader *streams, struct rdb_input *input)
{
    struct stream_id id;
    if (!read_raw_id(input, &id)) {
        return RDB_BAD;
    }
    const struct id_cursor place = id_tree_find(&streams->orphans, id);
    if (place.leaf == NULL) {
        return RDB_BAD;
    }
    const struct orphan *orphan = id_cursor_value(&streams->orphans, place);
    const struct stream_nack nack = {orphan->delivery_ms, orphan->delivery_count, streams->consumer};
    const enum result result = stream_set_pending(streams->stream, streams->group, id, &nack);
    if (result == RESULT_OK) {
        id_tree_remove(&streams->orphans, &streams->stream->collection, id);
        streams->owned--;
    }
    return rdb_status_of_result(result);
}

/* --- one thing after the other --- */

/* When nothing of the state is left: the next one. RDB_DONE: there is no next one; RDB_MORE: something was read or passed. */
static enum rdb_status end_state(struct stream_reader *streams, struct rdb_reader *reader, struct rdb_input *input)
{
    switch (streams->state) {
    case READING_NODE: {
        const enum rdb_status status = read_counters(reader, input);
        return status == RDB_DONE ? RDB_MORE : status;
    }
    case READING_GROUP:
        return RDB_DONE;
    case READING_PENDING:
        streams->state = READING_CONSUMER;
        return rdb_read_length(input, &streams->consumers) ? RDB_MORE : RDB_BAD;
    case READING_CONSUMER:
        streams->state = READING_GROUP;
        return streams->orphans.count == 0 ? RDB_MORE : RDB_BAD;
    case READING_OWNED:
        streams->state = READING_CONSUMER;
        return RDB_MORE;
    }
    return RDB_BAD;
}

static enum rdb_status read_one(struct rdb_reader *reader, struct rdb_input *input)
{
    struct stream_reader *streams = reader->stream;
    const uint64_t left[] = {streams->nodes, streams->groups, streams->pending, streams->consumers, streams->owned};
    if (left[streams->state] == 0) {
        return end_state(streams, reader, input);
    }
    enum rdb_status status = RDB_BAD;
    switch (streams->state) {
    case READING_NODE:
        status = read_node(reader, input);
        break;
    case READING_GROUP:
        status = read_group(reader, input);
        break;
    case READING_PENDING:
        status = read_pending(streams, input);
        break;
    case READING_CONSUMER:
        status = read_consumer(reader, input);
        break;
    case READING_OWNED:
        status = read_owned(streams, input);
        break;
    }
    return status == RDB_DONE ? RDB_MORE : status;
}

static enum rdb_status begin(struct rdb_reader *reader)
{
    struct stream *stream = stream_create(reader->value.heap);
    if (stream == NULL) {
        return RDB_NO_MEMORY;
    }
    if (value_set_collection(&reader->value, VALUE_FORM_STREAM, &stream->collection) != RESULT_OK) {
        collection_destroy(&stream->collection);
        return RDB_NO_MEMORY;
    }
    reader->stream = thread_alloc_zeroed(MEM_CLIENT, sizeof *reader->stream);
    if (reader->stream == NULL) {
        return RDB_NO_MEMORY;
    }
    reader->stream->stream = stream;
    reader->stream->nodes = reader->left;
    id_tree_init(&reader->stream->orphans, sizeof(struct orphan));
    return RDB_DONE;
}

enum rdb_status rdb_read_stream_step(struct rdb_reader *reader, struct rdb_input *input, size_t items)
{
    if (reader->stream == NULL) {
        const enum rdb_status status = begin(reader);
        if (status != RDB_DONE) {
            return status;
        }
    }
    enum rdb_status status = RDB_MORE;
    for (size_t i = 0; i < items && status == RDB_MORE; i++) {
        status = read_one(reader, input);
    }
    return status;
}

void rdb_read_stream_end(struct rdb_reader *reader)
{
    struct stream_reader *streams = reader->stream;
    if (streams == NULL) {
        return;
    }
    size_t limit = SIZE_MAX;
    while (!id_tree_free_step(&streams->orphans, &streams->stream->collection, NULL, &limit)) {
    }
    thread_free(MEM_CLIENT, streams, sizeof *streams);
    reader->stream = NULL;
}
