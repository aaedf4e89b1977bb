/* stream_copy.c - copies a stream, at once or in steps: node by node, then group by group with its consumers and what is
 * pending.  */
#include "encoding/stream_copy.h"

#include "encoding/stream_group.h"

#include <assert.h>

enum result stream_copy_begin(struct stream_copy *copy, const struct stream *from, struct heap *heap)
{
    struct stream *to = stream_create_typed(heap, from->collection.type);
    if (to == NULL) {
        return RESULT_NO_MEMORY;
    }
    to->last_id = from->last_id;
    to->first_id = from->first_id;
    to->max_deleted_id = from->max_deleted_id;
    to->entries_added = from->entries_added;
    to->has_strays = from->has_strays;
    *copy = (struct stream_copy){.from = from, .to = to, .cursor = id_tree_first(&from->nodes)};
    return RESULT_OK;
}

static enum result copy_node(struct stream_copy *copy)
{
    struct stream_node node;
    struct id_cursor place;
    struct stream *to = copy->to;
    const struct stream_node *source = id_cursor_value(&copy->from->nodes, copy->cursor);
    enum result result =
        stream_node_copy(&node, &to->collection, stream_listpack(copy->from, copy->cursor), source->live);
    if (result != RESULT_OK) {
        return result;
    }
    result = id_tree_insert(&to->nodes, &to->collection, id_cursor_id(copy->cursor), &place);
    if (result != RESULT_OK) {
        stream_node_free(&node, &to->collection);
        return result;
    }
    *(struct stream_node *)id_cursor_value(&to->nodes, place) = node;
    to->length += node.live;
    id_cursor_next(&copy->cursor);
    return RESULT_OK;
}

static enum result copy_consumer(struct stream_copy *copy, const struct stream_consumer *source)
{
    struct stream_consumer *consumer;
    copy->consumer_at++;
    return stream_create_consumer(copy->to, copy->group, stream_consumer_name(source), source->seen_ms, &consumer);
}

static enum result copy_pending(struct stream_copy *copy, const struct stream_group *source)
{
    struct stream_nack nack = *(const struct stream_nack *)id_cursor_value(&source->pending, copy->cursor);
    const struct stream_id id = id_cursor_id(copy->cursor);
    nack.consumer = stream_find_consumer(copy->group, stream_consumer_name(nack.consumer));
    assert(nack.consumer != NULL);
    id_cursor_next(&copy->cursor);
    return stream_set_pending(copy->to, copy->group, id, &nack);
}

/* The next group, or one consumer or pending entry of the group at hand; *is_done: there was none left. */
static enum result copy_group_part(struct stream_copy *copy, bool *is_done)
{
    if (copy->group_at == copy->from->group_count) {
        debug_assert(collection_is_valid(&copy->to->collection));
        *is_done = true;
        return RESULT_OK;
    }
    const struct stream_group *source = copy->from->groups[copy->group_at];
    if (copy->group == NULL) {
        copy->consumer_at = 0;
        copy->cursor = id_tree_first(&source->pending);
        return stream_create_group(copy->to, stream_group_name(source), source->last_id, source->entries_read, &copy->group);
    }
    if (copy->consumer_at < source->consumer_count) {
        return copy_consumer(copy, source->consumers[copy->consumer_at]);
    }
    if (copy->cursor.leaf != NULL) {
        return copy_pending(copy, source);
    }
    copy->group = NULL;
    copy->group_at++;
    return RESULT_OK;
}

enum result stream_copy_step(struct stream_copy *copy, size_t count, bool *is_done)
{
    enum result result = RESULT_OK;
    *is_done = false;
    for (; count > 0 && !*is_done && result == RESULT_OK; count--) {
        if (copy->are_nodes_done) {
            result = copy_group_part(copy, is_done);
        } else if (copy->cursor.leaf != NULL) {
            result = copy_node(copy);
        } else {
            copy->are_nodes_done = true;
        }
    }
    return result;
}

struct collection *stream_copy_all(const struct collection *collection, struct heap *heap)
{
    struct stream_copy copy;
    bool is_done;
    if (stream_copy_begin(&copy, (const struct stream *)collection, heap) != RESULT_OK) {
        return NULL;
    }
    if (stream_copy_step(&copy, SIZE_MAX, &is_done) != RESULT_OK) {
        collection_destroy(&copy.to->collection);
        return NULL;
    }
    return &copy.to->collection;
}
