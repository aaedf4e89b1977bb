/* list.c - lists in their entries and apart; see list.h.  */
#include "data/list.h"

#include "encoding/listpack.h"

#include <assert.h>

enum { LAZY_FREE_ITEMS = 1024 }; /* so many removed items may be worth lazy free */

static struct quicklist *far_list(const struct entry *entry)
{
    return (struct quicklist *)entry_collection(entry);
}

static bool is_packed(const struct entry *entry)
{
    return entry_form(entry) == VALUE_FORM_LIST_PACKED;
}

/* --- reading --- */

uint64_t list_count(const struct entry *entry)
{
    return is_packed(entry) ? listpack_count(entry_packed(entry).data) : far_list(entry)->count;
}

uint64_t list_node_count(const struct entry *entry)
{
    return is_packed(entry) ? 1 : far_list(entry)->node_count;
}

struct item list_end_item(const struct entry *entry, enum list_end end)
{
    if (!is_packed(entry)) {
        return quicklist_end_item(far_list(entry), end);
    }
    const struct bytes entries = listpack_entries(entry_packed(entry).data);
    size_t at = end == LIST_HEAD ? 0 : entries.len;
    struct item item = {0};
    const bool is_there = end == LIST_HEAD ? listpack_next(entries, &at, &item) : listpack_previous(entries, &at, &item);
    assert(is_there);
    (void)is_there;
    return item;
}

void list_walk_begin(struct list_walk *walk, const struct entry *entry, uint64_t index, enum list_end from)
{
    *walk = (struct list_walk){.from = from};
    if (!is_packed(entry)) {
        quicklist_walk_begin(&walk->far, far_list(entry), index, from);
        return;
    }
    const char *listpack = entry_packed(entry).data;
    walk->is_packed = true;
    walk->entries = listpack_entries(listpack);
    const bool is_there = index < listpack_count(listpack);
    walk->at = is_there ? listpack_place(listpack, (int64_t)index) : walk->entries.len;
    if (from == LIST_TAIL) {
        walk->at = is_there ? walk->at + listpack_size_at(walk->entries.data + walk->at) : 0;
    }
}

void list_walk_begin_apart(struct list_walk *walk, const struct quicklist *list)
{
    *walk = (struct list_walk){.from = LIST_HEAD};
    quicklist_walk_begin(&walk->far, list, 0, LIST_HEAD);
}

bool list_walk_next(struct list_walk *walk, struct item *out)
{
    if (!walk->is_packed) {
        return quicklist_walk_next(&walk->far, out);
    }
    if (walk->from == LIST_HEAD) {
        walk->item_at = walk->at;
        return listpack_next(walk->entries, &walk->at, out);
    }
    const bool is_there = listpack_previous(walk->entries, &walk->at, out);
    walk->item_at = walk->at;
    return is_there;
}

bool list_walk_is_refused(const struct list_walk *walk)
{
    return walk->far.is_refused;
}

bool list_walk_seek(struct list_walk *walk, uint64_t nodes_max)
{
    return walk->is_packed || quicklist_walk_seek(&walk->far, nodes_max);
}

struct quicklist_place list_walk_place(const struct list_walk *walk)
{
    return walk->is_packed ? (struct quicklist_place){NULL, walk->item_at} : quicklist_walk_place(&walk->far);
}

void list_walk_end(struct list_walk *walk)
{
    quicklist_walk_end(&walk->far);
}

/* --- between the forms --- */

void list_lazy_free(struct keyspace *ks, struct quicklist *list)
{
    if (list != NULL && ks != NULL) {
        keyspace_lazy_free(ks, &list->base);
    } else if (list != NULL) {
        collection_destroy(&list->base);
    }
}

/* The list of a value in its entry, or none, becomes one apart, with `item` added at `end` (NULL: as it is). */
static enum result unpack(struct value *value, const struct encoding_limits *limits, enum list_end end,
                          const struct item *item)
{
    struct quicklist *list = quicklist_create(value->heap, limits);
    if (list == NULL) {
        return RESULT_NO_MEMORY;
    }
    enum result result = RESULT_OK;
    if (value_form(value) == VALUE_FORM_LIST_PACKED) {
        const struct bytes entries = listpack_entries(value_data(value));
        struct item old;
        for (size_t at = 0; result == RESULT_OK && listpack_next(entries, &at, &old);) {
            result = quicklist_push(list, LIST_TAIL, &old);
        }
    }
    if (result == RESULT_OK && item != NULL) {
        result = quicklist_push(list, end, item);
    }
    if (result == RESULT_OK) {
        result = value_set_collection(value, VALUE_FORM_LIST, &list->base);
    }
    if (result != RESULT_OK) {
        collection_destroy(&list->base);
    }
    return result;
}

/* The same, for a change at `place`, which is then one of the list apart. */
static enum result unpack_at(struct value *value, const struct encoding_limits *limits, struct quicklist_place *place)
{
    const struct bytes before = {listpack_entries(value_data(value)).data, place->at};
    const uint64_t index = listpack_count_entries(before);
    enum result result = unpack(value, limits, LIST_TAIL, NULL);
    if (result != RESULT_OK) {
        return result;
    }
    struct quicklist_walk walk;
    struct item item;
    quicklist_walk_begin(&walk, far_list(value->entry), index, LIST_HEAD);
    result = quicklist_walk_next(&walk, &item) ? RESULT_OK : RESULT_NO_MEMORY;
    *place = quicklist_walk_place(&walk);
    quicklist_walk_end(&walk);
    return result;
}

/* After items went: a list apart that became small returns to its entry, if memory for that is there. */
static void pack_small(struct value *value)
{
    struct bytes entries;
    const struct quicklist *list = far_list(value->entry);
    if (!quicklist_single(list, &entries) || entries.len + LISTPACK_EMPTY > LIST_PACKED_AGAIN_MAX) {
        return;
    }
    char listpack[LIST_PACKED_AGAIN_MAX];
    memcpy(listpack + LISTPACK_HEADER, entries.data, entries.len);
    listpack_frame(listpack, entries.len, (size_t)list->count);
    const struct bytes bytes = {listpack, entries.len + LISTPACK_EMPTY};
    const enum result result = value_set_packed(value, VALUE_FORM_LIST_PACKED, bytes);
    (void)result; /* refused: it stays apart */
}

/* --- changing --- */

/* Gives back what a list in its entry no longer takes: now, or when that is refused at the next chance. */
static void fit_packed(struct value *value)
{
    const size_t len = listpack_bytes(value_data(value));
    if (len > LISTPACK_EMPTY) {
        const enum result result = value_resize(value, VALUE_FORM_LIST_PACKED, len);
        (void)result;
    }
}

/* An edit of a list in its entry, or of none. What makes it shorter is never refused. */
static enum result edit_packed(struct value *value, const struct listpack_edit *edit)
{
    const bool is_new = value_form(value) == VALUE_FORM_NONE;
    const size_t new_len = listpack_edit_new_len(edit);
    if (new_len < edit->old_len) {
        listpack_apply(value_data(value), edit);
        fit_packed(value);
        return RESULT_OK;
    }
    const size_t old_bytes = is_new ? (size_t)LISTPACK_EMPTY : listpack_bytes(value_data(value));
    const enum result result = value_resize(value, VALUE_FORM_LIST_PACKED, old_bytes - edit->old_len + new_len);
    if (result == RESULT_OK) {
        if (is_new) {
            listpack_init(value_data(value));
        }
        listpack_apply(value_data(value), edit);
    }
    return result;
}

/* Longer items never stand in an entry. */
static bool is_long(const struct item *item)
{
    return item->data != NULL && item->len > LIST_PACKED_MAX;
}

enum result list_push(struct value *value, const struct encoding_limits *limits, enum list_end end, struct bytes text)
{
    const struct item item = packed_item(text);
    if (value_form(value) != VALUE_FORM_LIST) {
        const size_t len = value->entry == NULL ? 0 : listpack_entries(value_data(value)).len;
        if (!is_long(&item) && LISTPACK_EMPTY + len + listpack_entry_size(&item) <= LIST_PACKED_MAX) {
            const struct listpack_edit edit = {.at = end == LIST_TAIL ? len : 0, .items = &item, .count = 1};
            return edit_packed(value, &edit);
        }
        return unpack(value, limits, end, &item);
    }
    return quicklist_push(far_list(value->entry), end, &item);
}

enum result list_drop(struct value *value, enum list_end end)
{
    if (value_form(value) == VALUE_FORM_LIST) {
        const enum result result = quicklist_drop_end(far_list(value->entry), end);
        if (result == RESULT_OK) {
            pack_small(value);
        }
        return result;
    }
    const struct bytes entries = listpack_entries(value_data(value));
    const size_t size = end == LIST_HEAD ? listpack_size_at(entries.data) : listpack_size_before(entries.data + entries.len);
    const size_t at = end == LIST_HEAD ? 0 : entries.len - size;
    return edit_packed(value, &(struct listpack_edit){.at = at, .old_len = size, .old_count = 1});
}

/* The edit that removes items of a listpack in its entry. */
static struct listpack_edit packed_deletion(const struct value *value, uint64_t first, uint64_t count)
{
    const char *listpack = value_data(value);
    const size_t at = listpack_place(listpack, (int64_t)first);
    const size_t end = listpack_place(listpack, (int64_t)(first + count));
    return (struct listpack_edit){.at = at, .old_len = end - at, .old_count = (size_t)count};
}

/* Where many removed items go; NULL: they are few, or memory is short. */
static struct quicklist *create_bin(struct value *value, uint64_t count)
{
    static const struct encoding_limits no_limits = {0};
    return count < LAZY_FREE_ITEMS ? NULL : quicklist_create(value->heap, &no_limits);
}

static enum result end_removal(struct value *value, struct quicklist *bin, enum result result)
{
    list_lazy_free(value->ks, bin);
    if (result == RESULT_OK) {
        pack_small(value);
    }
    return result;
}

enum result list_delete(struct value *value, uint64_t first, uint64_t count)
{
    if (value_form(value) == VALUE_FORM_LIST) {
        struct quicklist *bin = create_bin(value, count);
        return end_removal(value, bin, quicklist_cut(far_list(value->entry), first, count, bin));
    }
    const struct listpack_edit edit = packed_deletion(value, first, count);
    return edit_packed(value, &edit);
}

enum result list_keep(struct value *value, uint64_t first, uint64_t count)
{
    const uint64_t all = list_count(value->entry);
    if (value_form(value) == VALUE_FORM_LIST) {
        struct quicklist *bin = create_bin(value, all - count);
        return end_removal(value, bin, quicklist_keep(far_list(value->entry), first, count, bin));
    }
    const struct listpack_edit tail = packed_deletion(value, first + count, all - first - count);
    listpack_apply(value_data(value), &tail);
    const struct listpack_edit head = packed_deletion(value, 0, first);
    listpack_apply(value_data(value), &head);
    fit_packed(value);
    return RESULT_OK;
}

/* An item that takes the place of `old_len` bytes may be too much for the entry: then the list is made one apart, and so is the
 * place.  */
static enum result prepare_place(struct value *value, const struct encoding_limits *limits, const struct item *item,
                                 size_t old_len, struct quicklist_place *place)
{
    const size_t others = listpack_bytes(value_data(value)) - old_len;
    const bool is_fit = !is_long(item) && others + listpack_entry_size(item) <= LIST_PACKED_MAX;
    return is_fit ? RESULT_OK : unpack_at(value, limits, place);
}

enum result list_replace(struct value *value, const struct encoding_limits *limits, struct quicklist_place place,
                         struct bytes text)
{
    const struct item item = packed_item(text);
    if (value_form(value) == VALUE_FORM_LIST_PACKED) {
        const size_t old_len = listpack_size_at(listpack_entries(value_data(value)).data + place.at);
        const enum result result = prepare_place(value, limits, &item, old_len, &place);
        if (result != RESULT_OK) {
            return result;
        }
        if (place.node == NULL) {
            return edit_packed(value, &(struct listpack_edit){place.at, old_len, 1, &item, 1});
        }
    }
    const enum result result = quicklist_replace(far_list(value->entry), place, &item);
    if (result == RESULT_OK) {
        pack_small(value);
    }
    return result;
}

enum result list_insert(struct value *value, const struct encoding_limits *limits, struct quicklist_place place,
                        enum list_end side, struct bytes text)
{
    const struct item item = packed_item(text);
    if (value_form(value) == VALUE_FORM_LIST_PACKED) {
        const enum result result = prepare_place(value, limits, &item, 0, &place);
        if (result != RESULT_OK) {
            return result;
        }
        if (place.node == NULL) {
            const char *here = listpack_entries(value_data(value)).data + place.at;
            const size_t at = place.at + (side == LIST_HEAD ? 0 : listpack_size_at(here));
            return edit_packed(value, &(struct listpack_edit){.at = at, .items = &item, .count = 1});
        }
    }
    return quicklist_insert(far_list(value->entry), place, side, &item);
}

enum result list_delete_places(struct value *value, struct quicklist_place *places, size_t count)
{
    if (value_form(value) == VALUE_FORM_LIST) {
        return end_removal(value, NULL, quicklist_delete_places(far_list(value->entry), places, count));
    }
    for (size_t i = count; i-- > 0;) {
        const size_t old_len = listpack_size_at(listpack_entries(value_data(value)).data + places[i].at);
        const struct listpack_edit edit = {.at = places[i].at, .old_len = old_len, .old_count = 1};
        listpack_apply(value_data(value), &edit);
    }
    fit_packed(value);
    return RESULT_OK;
}

void list_exchange(struct value *value, struct quicklist *items)
{
    quicklist_swap(far_list(value->entry), items);
    list_lazy_free(value->ks, items);
    pack_small(value);
}
