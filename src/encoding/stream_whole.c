/* stream_whole.c - a stream as one collection: made, freed and checked, entries and groups together.  */
#include "encoding/stream.h"

#include "encoding/stream_copy.h"
#include "encoding/stream_group.h"

static void free_node_value(struct collection *owner, void *value)
{
    stream_node_free(value, owner);
}

static bool free_step(struct collection *collection, size_t *limit)
{
    struct stream *stream = stream_of_collection(collection);
    if (!id_tree_free_step(&stream->nodes, collection, free_node_value, limit)) {
        return false;
    }
    while (stream->group_count > 0) {
        if (!stream_group_free_step(stream, stream->groups[stream->group_count - 1], limit)) {
            return false;
        }
        stream->group_count--;
    }
    collection_free_block(collection, stream->groups, stream->group_capacity * sizeof(struct stream_group *));
    heap_free(collection->heap, collection->type->which, stream, sizeof *stream);
    return true;
}

static const char *nodes_fault(const struct stream *stream, uint64_t *bytes)
{
    uint64_t length = 0;
    const char *fault = id_tree_fault(&stream->nodes);
    struct stream_id last = STREAM_ID_MIN;
    for (struct id_cursor cursor = id_tree_first(&stream->nodes); fault == NULL && cursor.leaf != NULL;
         id_cursor_next(&cursor)) {
        struct stream_node_facts facts;
        const struct stream_node *node = id_cursor_value(&stream->nodes, cursor);
        const struct stream_id base = id_cursor_id(cursor);
        if (!stream_node_check(stream_listpack(stream, cursor), base, &facts) || facts.live != node->live) {
            return "a node of a stream is malformed";
        }
        if (facts.live + facts.deleted == 0 || stream_id_compare(facts.first_id, base) != 0 ||
            (length > 0 && stream_id_compare(base, last) <= 0)) {
            return "a stream's nodes are not in order";
        }
        last = facts.live > 0 ? facts.last_live_id : last;
        length += node->live;
        *bytes += heap_block_bytes(node->capacity);
    }
    if (fault == NULL && stream_id_compare(last, stream->last_id) > 0) {
        return "an entry is behind the last id of its stream";
    }
    return fault != NULL || length == stream->length ? fault : "a stream's length is wrong";
}

static const char *stream_fault(const struct collection *collection)
{
    const struct stream *stream = (const struct stream *)collection;
    uint64_t bytes = heap_block_bytes(sizeof *stream) + stream->nodes.bytes;
    const char *fault = nodes_fault(stream, &bytes);
    if (stream->group_capacity > 0) {
        bytes += heap_block_bytes(stream->group_capacity * sizeof(struct stream_group *));
    }
    for (uint32_t i = 0; fault == NULL && i < stream->group_count; i++) {
        fault = stream_group_fault(stream->groups[i], &bytes);
        if (i > 0 && bytes_compare(stream_group_name(stream->groups[i - 1]), stream_group_name(stream->groups[i])) >= 0) {
            return "a stream's groups are not in order";
        }
    }
    return fault != NULL || bytes == collection->bytes ? fault : "a stream's bytes are wrong";
}

static const struct collection_type stream_type = {
    .which = MEM_STREAM, .free_step = free_step, .copy = stream_copy_all, .fault = stream_fault, .defrag = stream_defrag};

struct stream *stream_create(struct heap *heap)
{
    return stream_create_typed(heap, &stream_type);
}
