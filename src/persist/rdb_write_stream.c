/* rdb_write_stream.c - a stream: its nodes, its counters, its consumer groups.
 *
 *   nodes      count, then per node: the id under which it is kept (a string of 16 bytes, high byte first), its listpack
 *   counters   entries, last id, first id, highest deleted id (two lengths each), entries ever added
 *   groups     count, then per group: name, last id, entries read,
 *                pending entries: count, then id (16 bytes, high byte first), time (8), deliveries
 *                consumers: count, then per consumer: name, when last seen (8), pending entries: count, ids
 *
 *   states     NODE -> (counters) -> GROUP -> PENDING -> CONSUMER -> OWNED -> CONSUMER ... -> GROUP ... -> the end  */
#include "persist/rdb_write_private.h"

static bool write_raw_id(struct buffer *out, struct stream_id id)
{
    const uint64_t words[2] = {__builtin_bswap64(id.ms), __builtin_bswap64(id.seq)};
    return buffer_append(out, (struct bytes){(const char *)words, sizeof words});
}

static bool write_id(struct buffer *out, struct stream_id id)
{
    return rdb_write_length(out, id.ms) && rdb_write_length(out, id.seq);
}

static bool write_counters(const struct stream *stream, struct buffer *out)
{
    return rdb_write_length(out, stream->length) && write_id(out, stream->last_id) && write_id(out, stream->first_id) &&
           write_id(out, stream->max_deleted_id) && rdb_write_length(out, stream->entries_added) &&
           rdb_write_length(out, stream->group_count);
}

/* A node, or behind the last one the counters. */
static bool write_node(struct rdb_writer *all, struct buffer *out)
{
    struct stream_writer *writer = &all->walk.stream;
    const struct stream *stream = writer->stream;
    if (!writer->is_begun) {
        writer->is_begun = true;
        writer->cursor = id_tree_first(&stream->nodes);
        if (!rdb_write_length(out, stream->nodes.count)) {
            return false;
        }
    }
    if (writer->cursor.leaf == NULL) {
        writer->state = WRITING_GROUP;
        return write_counters(stream, out);
    }
    const bool is_written = rdb_write_length(out, sizeof(struct stream_id)) &&
                            write_raw_id(out, id_cursor_id(writer->cursor)) &&
                            rdb_put_text(all, out, stream_listpack(stream, writer->cursor));
    id_cursor_next(&writer->cursor);
    return is_written;
}

static bool write_group(struct rdb_writer *all, struct buffer *out)
{
    struct stream_writer *writer = &all->walk.stream;
    const struct stream_group *group = writer->stream->groups[writer->group];
    writer->cursor = id_tree_first(&group->pending);
    writer->consumer = 0;
    writer->state = WRITING_PENDING;
    return rdb_write_text(out, stream_group_name(group), all->packing) && write_id(out, group->last_id) &&
           rdb_write_length(out, (uint64_t)group->entries_read) && rdb_write_length(out, group->pending.count);
}

/* A pending entry, or behind the last one how many consumers follow. */
static bool write_pending(struct rdb_writer *all, struct buffer *out)
{
    struct stream_writer *writer = &all->walk.stream;
    const struct stream_group *group = writer->stream->groups[writer->group];
    if (writer->cursor.leaf == NULL) {
        writer->state = WRITING_CONSUMER;
        return rdb_write_length(out, group->consumer_count);
    }
    const struct stream_nack *nack = id_cursor_value(&group->pending, writer->cursor);
    const bool is_written = write_raw_id(out, id_cursor_id(writer->cursor)) &&
                            rdb_write_word(out, (uint64_t)nack->delivery_ms) && rdb_write_length(out, nack->delivery_count);
    id_cursor_next(&writer->cursor);
    return is_written;
}

static bool write_consumer(struct rdb_writer *all, struct buffer *out)
{
    struct stream_writer *writer = &all->walk.stream;
    const struct stream_group *group = writer->stream->groups[writer->group];
    if (writer->consumer == group->consumer_count) {
        writer->group++;
        writer->state = WRITING_GROUP;
        return true;
    }
    const struct stream_consumer *consumer = group->consumers[writer->consumer++];
    writer->cursor = id_tree_first(&consumer->pending);
    writer->state = WRITING_OWNED;
    return rdb_write_text(out, stream_consumer_name(consumer), all->packing) && rdb_write_word(out, (uint64_t)consumer->seen_ms) &&
           rdb_write_length(out, consumer->pending.count);
}

static bool write_owned(struct rdb_writer *all, struct buffer *out)
{
    struct stream_writer *writer = &all->walk.stream;
    if (writer->cursor.leaf == NULL) {
        writer->state = WRITING_CONSUMER;
        return true;
    }
    const bool is_written = write_raw_id(out, id_cursor_id(writer->cursor));
    id_cursor_next(&writer->cursor);
    return is_written;
}

void rdb_stream_begin(struct rdb_writer *writer, const struct entry *entry, const struct encoding_limits *limits)
{
    (void)limits;
    writer->kind = WRITE_STREAM;
    writer->walk.stream.stream = stream_of_collection(entry_collection(entry));
}

enum rdb_status rdb_stream_step(struct rdb_writer *writer, struct buffer *out)
{
    static bool (*const writes[])(struct rdb_writer *all, struct buffer *to) = {
        [WRITING_NODE] = write_node,         [WRITING_GROUP] = write_group, [WRITING_PENDING] = write_pending,
        [WRITING_CONSUMER] = write_consumer, [WRITING_OWNED] = write_owned,
    };
    struct stream_writer *stream_writer = &writer->walk.stream;
    while (rdb_takes_item(writer)) {
        if (stream_writer->state == WRITING_GROUP && stream_writer->group == stream_writer->stream->group_count) {
            return RDB_DONE;
        }
        if (!writes[stream_writer->state](writer, out)) {
            return RDB_NO_MEMORY;
        }
    }
    return RDB_MORE;
}
