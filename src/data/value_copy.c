/* value_copy.c - walks a large collection and puts its items into another one.  */
#include "data/value_copy.h"

#include "data/keyspace_private.h"
#include "encoding/timed_table.h"

#include <assert.h>

enum { BYTES_AN_ITEM = 512 }; /* of a string */

bool value_copy_takes_steps(const struct entry *entry)
{
    const struct raw_string *raw = entry_long_string(entry);
    return raw != NULL ? raw->len > STRING_COPY_STEPS_MIN
                       : form_is_apart(entry_form(entry)) && entry_collection(entry)->bytes > VALUE_COPY_STEPS_MIN;
}

/* An empty list that will have nodes like those of `source`. */
static struct collection *list_like(const struct quicklist *source, struct heap *heap)
{
    static const struct encoding_limits any = {.list_max_listpack_size = -2};
    struct quicklist *list = quicklist_create(heap, &any);
    if (list == NULL) {
        return NULL;
    }
    list->node_bytes_max = source->node_bytes_max;
    list->node_items_max = source->node_items_max;
    list->compress_depth = source->compress_depth;
    return &list->base;
}

static enum result begin_collection(struct value_copy *copy, const struct entry *source, struct heap *heap,
                                    const struct hash_secret *secret)
{
    struct collection *from = entry_collection(source);
    *copy = (struct value_copy){.source = from, .form = entry_form(source)};
    if (copy->form == VALUE_FORM_ZSET) {
        struct score_set *set = score_set_create(heap, secret);
        copy->copy = set == NULL ? NULL : score_set_collection(set);
        score_walk_begin(&copy->walk.scores, score_set_of(from), 0);
    } else if (copy->form == VALUE_FORM_LIST) {
        copy->copy = list_like((const struct quicklist *)from, heap);
    } else if (copy->form == VALUE_FORM_STREAM) {
        struct stream_copy *stream = &copy->walk.stream;
        copy->copy = stream_copy_begin(stream, stream_of_collection(from), heap) != RESULT_OK ? NULL : &stream->to->collection;
    } else {
        struct member_table *table = member_table_create(heap, secret, from->type, (enum encoding_name)from->encoding);
        copy->copy = table == NULL ? NULL : member_table_collection(table);
        member_walk_begin(&copy->walk.members, member_table_of(from));
    }
    if (copy->copy == NULL) {
        return RESULT_NO_MEMORY;
    }
    copy->copy->encoding = from->encoding;
    if (copy->form == VALUE_FORM_LIST) {
        quicklist_walk_begin(&copy->walk.items, (const struct quicklist *)from, 0, LIST_HEAD);
    }
    return RESULT_OK;
}

enum result value_copy_begin(struct value_copy *copy, const struct entry *source, struct keyspace *ks)
{
    const struct raw_string *raw = entry_long_string(source);
    if (raw == NULL) {
        return begin_collection(copy, source, ks->heap, ks->secret);
    }
    *copy = (struct value_copy){.source = raw, .form = VALUE_FORM_STRING};
    return keyspace_string_create(ks, raw->len, &copy->string);
}

static void copy_bytes(struct value_copy *copy, size_t count, bool *is_done)
{
    const struct raw_string *from = copy->source;
    const size_t left = from->len - copy->walk.at;
    const size_t some = left / BYTES_AN_ITEM < count ? left : count * BYTES_AN_ITEM;
    memcpy(copy->string.data + copy->walk.at, from->data + copy->walk.at, some);
    copy->walk.at += some;
    *is_done = some == left;
}

/* The time of a field of a hash, if it has one. */
static enum result copy_time(struct value_copy *copy, const struct item *field)
{
    if (LIKELY(copy->copy->type != &timed_table_type)) {
        return RESULT_OK;
    }
    char scratch[ITEM_SCRATCH];
    const struct bytes name = item_text(field, scratch);
    const int64_t time_ms = timed_table_time(copy->source, name);
    return time_ms == TIMED_NONE ? RESULT_OK : timed_table_set(timed_table_of(copy->copy), name, time_ms);
}

/* Copies one item; *is_done: there was none left. */
static enum result copy_one(struct value_copy *copy, bool *is_done)
{
    struct item item, text;
    struct score_item scored;
    bool is_new;
    enum result result;
    switch (copy->form) {
    case VALUE_FORM_ZSET:
        *is_done = !score_walk_next(&copy->walk.scores, &scored);
        return *is_done ? RESULT_OK : score_set_append(score_set_of(copy->copy), scored.member, scored.score);
    case VALUE_FORM_LIST:
        *is_done = !quicklist_walk_next(&copy->walk.items, &item);
        if (*is_done) {
            return copy->walk.items.is_refused ? RESULT_NO_MEMORY : RESULT_OK;
        }
        return quicklist_push((struct quicklist *)copy->copy, LIST_TAIL, &item);
    case VALUE_FORM_SET:
        *is_done = !member_walk_next(&copy->walk.members, &item, NULL);
        return *is_done ? RESULT_OK : member_table_put(member_table_of(copy->copy), &item, NULL, &is_new);
    default:
        *is_done = !member_walk_next(&copy->walk.members, &item, &text);
        result = *is_done ? RESULT_OK : member_table_put(member_table_of(copy->copy), &item, &text, &is_new);
        return *is_done || result != RESULT_OK ? result : copy_time(copy, &item);
    }
}

enum result value_copy_step(struct value_copy *copy, size_t count, bool *is_done)
{
    enum result result = RESULT_OK;
    *is_done = false;
    if (copy->form == VALUE_FORM_STRING) {
        copy_bytes(copy, count, is_done);
        return RESULT_OK;
    }
    if (copy->form == VALUE_FORM_STREAM) {
        return stream_copy_step(&copy->walk.stream, count, is_done);
    }
    for (; count > 0 && !*is_done && result == RESULT_OK; count--) {
        result = copy_one(copy, is_done);
    }
    return result;
}

static void end_walk(struct value_copy *copy)
{
    if (copy->form == VALUE_FORM_LIST) {
        quicklist_walk_end(&copy->walk.items);
    }
}

/* RESULT_NO_MEMORY: it is gone. */
static enum result store_string(struct value_copy *copy, struct keyspace *ks, struct key key, struct entry *existing,
                                int64_t expiry_ms)
{
    const enum expiry_mode mode = expiry_ms == KEYSPACE_NO_EXPIRY ? EXPIRY_CLEAR : EXPIRY_SET;
    keyspace_string_set_len(&copy->string, copy->walk.at);
    const enum result result = keyspace_string_store(ks, key, existing, &copy->string, mode, expiry_ms);
    keyspace_string_discard(ks, &copy->string);
    return result;
}

enum result value_copy_store(struct value_copy *copy, struct keyspace *ks, struct key key, struct entry *existing,
                             int64_t expiry_ms)
{
    if (copy->form == VALUE_FORM_STRING) {
        return store_string(copy, ks, key, existing, expiry_ms);
    }
    assert(copy->copy != NULL);
    struct value value;
    value_open_detached_for(&value, ks);
    enum result result = value_set_collection(&value, copy->form, copy->copy);
    if (result != RESULT_OK) {
        value_copy_discard(copy, ks);
        return result;
    }
    end_walk(copy);
    copy->copy = NULL;
    result = value_store_with_expiry(&value, ks, key, existing, expiry_ms);
    if (result != RESULT_OK) {
        value_remove(&value);
    }
    return result;
}

void value_copy_discard(struct value_copy *copy, struct keyspace *ks)
{
    keyspace_string_discard(ks, &copy->string);
    if (copy->copy != NULL) {
        end_walk(copy);
        keyspace_release_collection(ks, copy->copy);
        copy->copy = NULL;
    }
}
