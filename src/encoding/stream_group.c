/* stream_group.c - consumer groups and pending entries; see stream_group.h.  */
#include "encoding/stream_group.h"

#include <assert.h>
#include <string.h>

enum { NAMED_FIRST_CAPACITY = 1, LAZY_FREE_PENDING_MIN = 1024 };

/* --- groups and consumers: arrays of pointers, ascending by name --- */

static size_t group_bytes(size_t name_len)
{
    return sizeof(struct stream_group) + name_len;
}

static size_t consumer_bytes(size_t name_len)
{
    return sizeof(struct stream_consumer) + name_len;
}

static struct bytes group_name(const void *group)
{
    return stream_group_name(group);
}

static struct bytes consumer_name(const void *consumer)
{
    return stream_consumer_name(consumer);
}

/* Finds a name among `count` groups or consumers. *place: where it is, or would be. */
static bool find_place(const void *array, uint32_t count, struct bytes (*name_of)(const void *), struct bytes name,
                       uint32_t *place)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        const void *named;
        memcpy(&named, (const char *)array + middle * sizeof named, sizeof named);
        const int order = bytes_compare(name_of(named), name);
        if (order == 0) {
            *place = middle;
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *place = low;
    return false;
}

static bool find_group_place(const struct stream *stream, struct bytes name, uint32_t *place)
{
    return find_place(stream->groups, stream->group_count, group_name, name, place);
}

static bool find_consumer_place(const struct stream_group *group, struct bytes name, uint32_t *place)
{
    return find_place(group->consumers, group->consumer_count, consumer_name, name, place);
}

/* The array, or one with room for another pointer; NULL: no memory, all as before. */
static void *grow_array(struct stream *stream, void *array, uint32_t count, uint32_t *capacity)
{
    if (count < *capacity) {
        return array;
    }
    const uint32_t larger = *capacity == 0 ? NAMED_FIRST_CAPACITY : 2 * *capacity;
    void *grown = collection_realloc(&stream->collection, array, *capacity * sizeof(void *), larger * sizeof(void *));
    if (grown != NULL) {
        *capacity = larger;
    }
    return grown;
}

struct stream_group *stream_find_group(const struct stream *stream, struct bytes name)
{
    uint32_t place;
    return find_group_place(stream, name, &place) ? stream->groups[place] : NULL;
}

enum result stream_create_group(struct stream *stream, struct bytes name, struct stream_id last_id, int64_t entries_read,
                                struct stream_group **out)
{
    uint32_t place;
    if (find_group_place(stream, name, &place)) {
        return RESULT_EXISTS;
    }
    if (name.len > UINT32_MAX) {
        return RESULT_TOO_LONG;
    }
    struct stream_group **groups = grow_array(stream, stream->groups, stream->group_count, &stream->group_capacity);
    if (groups == NULL) {
        return RESULT_NO_MEMORY;
    }
    stream->groups = groups;
    struct stream_group *group = collection_alloc(&stream->collection, group_bytes(name.len));
    if (group == NULL) {
        return RESULT_NO_MEMORY;
    }
    *group = (struct stream_group){.last_id = last_id, .entries_read = entries_read, .name_len = (uint32_t)name.len};
    id_tree_init(&group->pending, sizeof(struct stream_nack));
    if (name.len > 0) {
        memcpy(group->name, name.data, name.len);
    }
    memmove(groups + place + 1, groups + place, (stream->group_count - place) * sizeof *groups);
    groups[place] = group;
    stream->group_count++;
    assert(stream->group_count <= stream->group_capacity);
    *out = group;
    return RESULT_OK;
}

struct stream_consumer *stream_find_consumer(const struct stream_group *group, struct bytes name)
{
    uint32_t place;
    return find_consumer_place(group, name, &place) ? group->consumers[place] : NULL;
}

enum result stream_create_consumer(struct stream *stream, struct stream_group *group, struct bytes name, int64_t seen_ms,
                                   struct stream_consumer **out)
{
    uint32_t place;
    if (find_consumer_place(group, name, &place)) {
        return RESULT_EXISTS;
    }
    if (name.len > UINT32_MAX) {
        return RESULT_TOO_LONG;
    }
    struct stream_consumer **consumers =
        grow_array(stream, group->consumers, group->consumer_count, &group->consumer_capacity);
    if (consumers == NULL) {
        return RESULT_NO_MEMORY;
    }
    group->consumers = consumers;
    struct stream_consumer *consumer = collection_alloc(&stream->collection, consumer_bytes(name.len));
    if (consumer == NULL) {
        return RESULT_NO_MEMORY;
    }
    *consumer = (struct stream_consumer){.seen_ms = seen_ms, .name_len = (uint32_t)name.len};
    id_tree_init(&consumer->pending, 0);
    if (name.len > 0) {
        memcpy(consumer->name, name.data, name.len);
    }
    memmove(consumers + place + 1, consumers + place, (group->consumer_count - place) * sizeof *consumers);
    consumers[place] = consumer;
    group->consumer_count++;
    assert(group->consumer_count <= group->consumer_capacity);
    debug_assert(stream_group_is_valid(group));
    *out = consumer;
    return RESULT_OK;
}

static void free_consumer(struct stream *stream, struct stream_consumer *consumer)
{
    collection_free_block(&stream->collection, consumer, consumer_bytes(consumer->name_len));
}

void stream_destroy_consumer(struct stream *stream, struct stream_group *group, struct stream_consumer *consumer)
{
    uint32_t place;
    const bool is_found = find_consumer_place(group, stream_consumer_name(consumer), &place);
    assert(is_found);
    assert(group->consumers[place] == consumer);
    assert(consumer->pending.count == 0);
    group->consumer_count--;
    memmove(group->consumers + place, group->consumers + place + 1,
            (group->consumer_count - place) * sizeof *group->consumers);
    free_consumer(stream, consumer);
}

bool stream_group_free_step(struct stream *stream, struct stream_group *group, size_t *limit)
{
    struct collection *owner = &stream->collection;
    if (!id_tree_free_step(&group->pending, owner, NULL, limit)) {
        return false;
    }
    while (group->consumer_count > 0) {
        struct stream_consumer *consumer = group->consumers[group->consumer_count - 1];
        if (*limit == 0 || !id_tree_free_step(&consumer->pending, owner, NULL, limit)) {
            return false;
        }
        *limit -= *limit > 0;
        free_consumer(stream, consumer);
        group->consumer_count--;
    }
    collection_free_block(owner, group->consumers, group->consumer_capacity * sizeof(struct stream_consumer *));
    collection_free_block(owner, group, group_bytes(group->name_len));
    return true;
}

/* What the heap counts for all blocks of the group. O(consumers). */
static uint64_t group_memory(const struct stream_group *group)
{
    uint64_t bytes = heap_block_bytes(group_bytes(group->name_len)) + group->pending.bytes;
    if (group->consumer_capacity > 0) {
        bytes += heap_block_bytes(group->consumer_capacity * sizeof(struct stream_consumer *));
    }
    for (uint32_t i = 0; i < group->consumer_count; i++) {
        const struct stream_consumer *consumer = group->consumers[i];
        bytes += heap_block_bytes(consumer_bytes(consumer->name_len)) + consumer->pending.bytes;
    }
    return bytes;
}

/* A stream that holds nothing but this group, to be freed; NULL: no memory. */
static struct stream *group_remains(struct stream *stream, struct stream_group *group)
{
    struct stream *remains = stream_create_typed(stream->collection.heap, stream->collection.type);
    if (remains == NULL) {
        return NULL;
    }
    remains->groups = grow_array(remains, NULL, 0, &remains->group_capacity);
    if (remains->groups == NULL) {
        collection_destroy(&remains->collection);
        return NULL;
    }
    const uint64_t bytes = group_memory(group);
    remains->groups[0] = group;
    remains->group_count = 1;
    remains->collection.bytes += bytes;
    stream->collection.bytes -= bytes;
    return remains;
}

void stream_destroy_group(struct stream *stream, struct stream_group *group, struct stream **remains)
{
    uint32_t place;
    const bool is_found = find_group_place(stream, stream_group_name(group), &place);
    assert(is_found);
    assert(stream->groups[place] == group);
    stream->group_count--;
    memmove(stream->groups + place, stream->groups + place + 1, (stream->group_count - place) * sizeof *stream->groups);
    *remains = NULL;
    if (group->pending.count + group->consumer_count >= LAZY_FREE_PENDING_MIN) {
        *remains = group_remains(stream, group);
    }
    if (*remains == NULL) {
        size_t limit = SIZE_MAX;
        const bool is_gone = stream_group_free_step(stream, group, &limit);
        assert(is_gone);
    }
}

/* --- pending entries --- */

struct stream_nack *stream_find_pending(const struct stream_group *group, struct stream_id id)
{
    const struct id_cursor cursor = id_tree_find(&group->pending, id);
    return cursor.leaf == NULL ? NULL : id_cursor_value(&group->pending, cursor);
}

enum result stream_set_pending(struct stream *stream, struct stream_group *group, struct stream_id id,
                               const struct stream_nack *nack)
{
    struct collection *owner = &stream->collection;
    struct id_cursor cursor;
    struct stream_nack *known = stream_find_pending(group, id);
    if (known != NULL && known->consumer == nack->consumer) {
        *known = *nack;
        return RESULT_OK;
    }
    enum result result = id_tree_insert(&nack->consumer->pending, owner, id, &cursor);
    if (result != RESULT_OK) {
        return result;
    }
    if (known != NULL) {
        id_tree_remove(&known->consumer->pending, owner, id);
        *known = *nack;
        debug_assert(stream_group_is_valid(group));
        return RESULT_OK;
    }
    result = id_tree_insert(&group->pending, owner, id, &cursor);
    if (result != RESULT_OK) {
        id_tree_remove(&nack->consumer->pending, owner, id);
        return result;
    }
    memcpy(id_cursor_value(&group->pending, cursor), nack, sizeof *nack);
    debug_assert(stream_group_is_valid(group));
    return RESULT_OK;
}

bool stream_remove_pending(struct stream *stream, struct stream_group *group, struct stream_id id)
{
    const struct stream_nack *nack = stream_find_pending(group, id);
    if (nack == NULL) {
        return false;
    }
    id_tree_remove(&nack->consumer->pending, &stream->collection, id);
    id_tree_remove(&group->pending, &stream->collection, id);
    debug_assert(stream_group_is_valid(group));
    return true;
}

/* --- checking --- */

static const char *consumer_fault(const struct stream_group *group, const struct stream_consumer *consumer)
{
    const char *fault = id_tree_fault(&consumer->pending);
    for (struct id_cursor cursor = id_tree_first(&consumer->pending); fault == NULL && cursor.leaf != NULL;
         id_cursor_next(&cursor)) {
        const struct stream_nack *nack = stream_find_pending(group, id_cursor_id(cursor));
        if (nack == NULL || nack->consumer != consumer) {
            return "a consumer's pending entry is not its own in the group";
        }
    }
    return fault;
}

const char *stream_group_fault(const struct stream_group *group, uint64_t *bytes)
{
    const char *fault = id_tree_fault(&group->pending);
    uint64_t pending = 0;
    for (uint32_t i = 0; fault == NULL && i < group->consumer_count; i++) {
        const struct stream_consumer *consumer = group->consumers[i];
        fault = consumer_fault(group, consumer);
        pending += consumer->pending.count;
        if (i > 0 && bytes_compare(stream_consumer_name(group->consumers[i - 1]), stream_consumer_name(consumer)) >= 0) {
            return "a group's consumers are not in order";
        }
    }
    *bytes += group_memory(group);
    return fault != NULL || pending == group->pending.count ? fault : "a group's pending entries are not its consumers'";
}

bool stream_group_is_valid(const struct stream_group *group)
{
    uint64_t bytes = 0;
    return !check_is_due(2 * group->pending.bytes, group->pending.count) || stream_group_fault(group, &bytes) == NULL;
}
