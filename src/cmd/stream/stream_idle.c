/* stream_idle.c - see stream_idle.h.  */
#include "cmd/stream/stream_idle.h"

#include "mem/heap.h"

#include <assert.h>

/* Has the entry at `cursor`, which the stream still has, been idle since `until_ms`? */
static bool is_idle(struct stream_place place, struct id_cursor cursor, int64_t until_ms)
{
    const struct stream_nack *nack = id_cursor_value(&place.group->pending, cursor);
    return nack->delivery_ms <= until_ms && stream_has(place.stream, id_cursor_id(cursor));
}

bool idle_is_any(struct stream_place place, int64_t until_ms, int64_t *next_ms)
{
    const struct id_tree *pending = &place.group->pending;
    *next_ms = INT64_MAX;
    for (struct id_cursor cursor = id_tree_first(pending); cursor.leaf != NULL; id_cursor_next(&cursor)) {
        const struct stream_nack *nack = id_cursor_value(pending, cursor);
        if (is_idle(place, cursor, until_ms)) {
            return true;
        }
        if (nack->delivery_ms > until_ms && nack->delivery_ms < *next_ms) {
            *next_ms = nack->delivery_ms;
        }
    }
    return false;
}

/* --- the heap --- */

static bool is_before(const struct idle_entry *one, const struct idle_entry *other)
{
    if (one->delivery_ms != other->delivery_ms) {
        return one->delivery_ms < other->delivery_ms;
    }
    return stream_id_compare(one->id, other->id) < 0;
}

static void sift_down(struct idle_list *list, uint64_t place)
{
    const struct idle_entry entry = list->entries[place];
    for (;;) {
        uint64_t child = 2 * place + 1;
        if (child >= list->count) {
            break;
        }
        if (child + 1 < list->count && is_before(&list->entries[child + 1], &list->entries[child])) {
            child++;
        }
        if (!is_before(&list->entries[child], &entry)) {
            break;
        }
        list->entries[place] = list->entries[child];
        place = child;
    }
    list->entries[place] = entry;
}

static uint64_t count_idle(struct stream_place place, int64_t until_ms)
{
    uint64_t count = 0;
    for (struct id_cursor cursor = id_tree_first(&place.group->pending); cursor.leaf != NULL; id_cursor_next(&cursor)) {
        count += is_idle(place, cursor, until_ms);
    }
    return count;
}

enum result idle_list_make(struct stream_place place, int64_t until_ms, struct idle_list *out)
{
    *out = (struct idle_list){.capacity = count_idle(place, until_ms)};
    if (out->capacity == 0) {
        return RESULT_OK;
    }
    out->entries = thread_alloc(MEM_CLIENT, out->capacity * sizeof *out->entries);
    if (out->entries == NULL) {
        out->capacity = 0;
        return RESULT_NO_MEMORY;
    }
    const struct id_tree *pending = &place.group->pending;
    for (struct id_cursor cursor = id_tree_first(pending); cursor.leaf != NULL; id_cursor_next(&cursor)) {
        if (is_idle(place, cursor, until_ms)) {
            const struct stream_nack *nack = id_cursor_value(pending, cursor);
            out->entries[out->count++] = (struct idle_entry){nack->delivery_ms, id_cursor_id(cursor)};
        }
    }
    assert(out->count == out->capacity);
    for (uint64_t place_of = out->count / 2; place_of > 0; place_of--) {
        sift_down(out, place_of - 1);
    }
    return RESULT_OK;
}

struct stream_id idle_list_take(struct idle_list *list)
{
    assert(list->count > 0);
    const struct stream_id id = list->entries[0].id;
    list->entries[0] = list->entries[--list->count];
    if (list->count > 0) {
        sift_down(list, 0);
    }
    return id;
}

void idle_list_release(struct idle_list *list)
{
    if (list->entries != NULL) {
        thread_free(MEM_CLIENT, list->entries, list->capacity * sizeof *list->entries);
    }
    *list = (struct idle_list){0};
}
