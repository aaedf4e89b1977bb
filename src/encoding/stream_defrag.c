/* stream_defrag.c - the blocks of a stream leave sparse pages: the entries' nodes and their tree, then group by group what is
 * pending, and the consumers.
 *
 * A cursor is a stage, the number of a group and of a consumer, and the id that is next in a tree.  */
#include "encoding/stream_group.h"

#include <assert.h>

enum stream_stage {
    STAGE_NODES,
    STAGE_GROUP,            /* group number `part` itself, */
    STAGE_PENDING,          /* its tree, */
    STAGE_CONSUMER,         /* its consumer number `inner`, */
    STAGE_CONSUMER_PENDING, /* and that one's tree */
};

/* The pending entries lead to their consumer: one with more of them stays where it is, as 3.5 KiB are behind it. */
enum { CONSUMER_PENDING_MAX = 64, PENDING_PER_UNIT = 16 };

static struct stream_id id_of(const struct collection_cursor *cursor)
{
    return (struct stream_id){cursor->at, cursor->at_low};
}

/* Sets the cursor behind `id`. True: nothing can be there. */
static bool go_behind(struct collection_cursor *cursor, struct stream_id id)
{
    const bool is_more = stream_id_increment(&id);
    cursor->at = id.ms;
    cursor->at_low = id.seq;
    return !is_more;
}

static void go_to(struct collection_cursor *cursor, enum stream_stage stage, uint32_t group, uint32_t consumer)
{
    *cursor = (struct collection_cursor){.is_inside = true, .stage = (uint8_t)stage, .part = group, .inner = consumer};
}

/* One leaf of the tree; true at its end. */
static bool move_leaf(struct stream *stream, struct id_tree *tree, struct collection_cursor *cursor, size_t *limit)
{
    const struct id_cursor place = id_tree_move_path(tree, &stream->collection, id_of(cursor), limit);
    return place.leaf == NULL || go_behind(cursor, place.leaf->ids[place.leaf->count - 1]);
}

/* The same with the blocks that the values have. */
static bool move_nodes(struct stream *stream, struct collection_cursor *cursor, size_t *limit)
{
    struct id_cursor place = id_tree_move_path(&stream->nodes, &stream->collection, id_of(cursor), limit);
    if (place.leaf == NULL) {
        return true;
    }
    do {
        struct stream_node *node = id_cursor_value(&stream->nodes, place);
        node->data = collection_move_block(&stream->collection, node->data, node->capacity, limit);
    } while (*limit > 0 && ++place.at < place.leaf->count);
    const uint32_t last = place.at < place.leaf->count ? place.at : place.leaf->count - 1u;
    return go_behind(cursor, place.leaf->ids[last]);
}

static void move_group(struct stream *stream, uint32_t at, size_t *limit)
{
    const struct collection *owner = &stream->collection;
    if (at == 0) {
        stream->groups = collection_move_block(owner, stream->groups, stream->group_capacity * sizeof stream->groups[0], limit);
    }
    struct stream_group *group = stream->groups[at];
    group = collection_move_block(owner, group, stream_group_bytes(group), limit);
    stream->groups[at] = group;
    if (group->consumers != NULL) {
        const size_t size = group->consumer_capacity * sizeof group->consumers[0];
        group->consumers = collection_move_block(owner, group->consumers, size, limit);
    }
}

static void move_consumer(struct stream *stream, struct stream_group *group, uint32_t at, size_t *limit)
{
    struct stream_consumer *consumer = group->consumers[at];
    if (consumer->pending.count > CONSUMER_PENDING_MAX) {
        return;
    }
    struct stream_consumer *moved =
        collection_move_block(&stream->collection, consumer, stream_consumer_bytes(consumer), limit);
    if (moved == consumer) {
        return;
    }
    group->consumers[at] = moved;
    for (struct id_cursor cursor = id_tree_first(&moved->pending); cursor.leaf != NULL; id_cursor_next(&cursor)) {
        struct stream_nack *nack = stream_find_pending(group, id_cursor_id(cursor));
        assert(nack != NULL);
        nack->consumer = moved;
    }
    const size_t work = moved->pending.count / PENDING_PER_UNIT;
    *limit -= work < *limit ? work : *limit;
}

/* One step within the cursor's group. */
static void move_in_group(struct stream *stream, struct collection_cursor *cursor, size_t *limit)
{
    struct stream_group *group = stream->groups[cursor->part];
    const bool has_consumer = cursor->inner < group->consumer_count;
    switch ((enum stream_stage)cursor->stage) {
    case STAGE_GROUP:
        move_group(stream, cursor->part, limit);
        go_to(cursor, STAGE_PENDING, cursor->part, 0);
        break;
    case STAGE_PENDING:
        if (move_leaf(stream, &group->pending, cursor, limit)) {
            go_to(cursor, STAGE_CONSUMER, cursor->part, 0);
        }
        break;
    case STAGE_CONSUMER:
        if (has_consumer) {
            move_consumer(stream, group, cursor->inner, limit);
            go_to(cursor, STAGE_CONSUMER_PENDING, cursor->part, cursor->inner);
        } else {
            go_to(cursor, STAGE_GROUP, cursor->part + 1, 0);
        }
        break;
    default:
        if (!has_consumer || move_leaf(stream, &group->consumers[cursor->inner]->pending, cursor, limit)) {
            go_to(cursor, STAGE_CONSUMER, cursor->part, cursor->inner + 1);
        }
        break;
    }
}

struct collection *stream_defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit)
{
    struct stream *stream = stream_of_collection(collection);
    if (!cursor->is_inside) {
        go_to(cursor, STAGE_NODES, 0, 0);
    }
    do {
        if (cursor->stage == STAGE_NODES) {
            if (move_nodes(stream, cursor, limit)) {
                go_to(cursor, STAGE_GROUP, 0, 0);
            }
        } else if (cursor->part < stream->group_count) {
            move_in_group(stream, cursor, limit);
        } else {
            *cursor = (struct collection_cursor){0};
            stream = collection_move_block(collection, stream, sizeof *stream, limit);
            break;
        }
    } while (*limit > 0);
    debug_assert(collection_is_valid(&stream->collection));
    return &stream->collection;
}
