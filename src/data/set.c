/* set.c - the three forms of a set; see set.h.
 *
 *   VALUE_FORM_SET_INTSET   encoding/intset.h
 *   VALUE_FORM_SET_PACKED   encoding/packed.h, SET_PACKED_MEMBERS_MAX members of SET_PACKED_MEMBER_LEN_MAX bytes
 *   VALUE_FORM_SET          encoding/member_table.h; named intset while it is one that is too long for an entry
 *
 * A set never goes back to a smaller form.  */
#include "data/set.h"

#include "base/random.h"
#include "data/value_edit.h"
#include "encoding/intset.h"
#include "encoding/packed.h"

#include <assert.h>

enum {
    MEMBER_BYTES_MAX = SET_PACKED_MEMBER_LEN_MAX + PACKED_HEAD_MAX,
    PACKED_BYTES_MAX = SET_PACKED_MEMBERS_MAX * MEMBER_BYTES_MAX,
};
_Static_assert((int)PACKED_BYTES_MAX <= (int)COLLECTION_INLINE_MAX, "packed sets stay in their entries");

struct item set_member(struct bytes text)
{
    return packed_item(text);
}

static struct member_table *table_of(const struct entry *entry)
{
    return member_table_of(entry_collection(entry));
}

/* --- reading --- */

struct set_view set_view(const struct entry *entry)
{
    if (entry_form(entry) == VALUE_FORM_SET) {
        return (struct set_view){.table = table_of(entry)};
    }
    return (struct set_view){.bytes = entry_packed(entry), .is_intset = entry_form(entry) == VALUE_FORM_SET_INTSET};
}

uint64_t set_view_count(const struct set_view *view)
{
    if (view->table != NULL) {
        return member_table_count(view->table);
    }
    return view->is_intset ? intset_count(view->bytes) : packed_count(view->bytes);
}

bool set_view_contains(const struct set_view *view, uint64_t hash, const struct item *member)
{
    uint32_t index;
    size_t at, place;
    if (view->table != NULL) {
        return member_table_find_hashed(view->table, hash, member, NULL);
    }
    if (view->is_intset) {
        return item_is_integer(member) && intset_find(view->bytes, member->integer, &index);
    }
    return packed_find(view->bytes, 1, member, &at, &place);
}

/* A place is the table's own, an index, or an offset. */
uint64_t set_view_random(const struct set_view *view, uint64_t *random_state)
{
    if (view->table != NULL) {
        return member_table_random(view->table, random_state);
    }
    const uint64_t index = random_below(random_state, set_view_count(view));
    return view->is_intset ? index : packed_skip(view->bytes, 0, index);
}

struct item set_view_at(const struct set_view *view, uint64_t place)
{
    if (view->table != NULL) {
        struct item member;
        member_table_at(view->table, place, &member, NULL);
        return member;
    }
    return view->is_intset ? item_of_integer(intset_at(view->bytes, (uint32_t)place)) : packed_read(view->bytes.data + place);
}

uint64_t set_count(const struct entry *entry)
{
    const struct set_view view = set_view(entry);
    return set_view_count(&view);
}

bool set_contains(const struct entry *entry, const struct item *member)
{
    const struct set_view view = set_view(entry);
    return set_view_contains(&view, view.table == NULL ? 0 : member_hash(view.table->secret, member), member);
}

enum encoding_name set_encoding(const struct entry *entry)
{
    const struct set_view view = set_view(entry);
    if (view.table != NULL) {
        return (enum encoding_name)view.table->collection.encoding;
    }
    return view.is_intset ? ENCODING_INTSET : ENCODING_HASHTABLE;
}

void set_walk_begin_view(struct set_walk *walk, const struct set_view *view)
{
    *walk = (struct set_walk){.view = *view};
    if (view->table != NULL) {
        member_walk_begin(&walk->table, view->table);
    }
}

void set_walk_begin(struct set_walk *walk, const struct entry *entry)
{
    const struct set_view view = set_view(entry);
    set_walk_begin_view(walk, &view);
}

bool set_walk_next(struct set_walk *walk, struct item *member)
{
    const struct set_view *view = &walk->view;
    if (view->table != NULL) {
        return member_walk_next(&walk->table, member, NULL);
    }
    if (!view->is_intset) {
        return packed_next(view->bytes, &walk->at, member);
    }
    if (walk->at == intset_count(view->bytes)) {
        return false;
    }
    *member = item_of_integer(intset_at(view->bytes, (uint32_t)walk->at++));
    return true;
}

uint64_t set_value_count(const struct value *value)
{
    return value->entry == NULL ? 0 : set_count(value->entry);
}

/* --- adding --- */

static bool is_intset_allowed(const struct encoding_limits *limits, uint64_t count)
{
    enum { INTSET_COUNT_MAX = 1 << 30 };
    const int64_t limit = limits->set_max_intset_entries;
    return count <= (limit > INTSET_COUNT_MAX ? INTSET_COUNT_MAX : (uint64_t)limit);
}

static bool fits_packed(const struct item *member, uint64_t count)
{
    return count <= SET_PACKED_MEMBERS_MAX &&
           (member == NULL || item_is_integer(member) || member->len <= SET_PACKED_MEMBER_LEN_MAX);
}

/* Makes the value, which has `member` not yet (NULL: none is added), a table with it. */
static enum result grow_to_table(struct value *value, const struct item *member, enum encoding_name encoding)
{
    struct member_table *table = member_table_create(value->heap, value->secret, &member_set_type, encoding);
    if (table == NULL) {
        return RESULT_NO_MEMORY;
    }
    bool is_new;
    enum result result = member == NULL ? RESULT_OK : member_table_put(table, member, NULL, &is_new);
    if (value->entry != NULL) {
        struct set_walk walk;
        struct item old;
        set_walk_begin(&walk, value->entry);
        while (result == RESULT_OK && set_walk_next(&walk, &old)) {
            result = member_table_put(table, &old, NULL, &is_new);
        }
    }
    if (result == RESULT_OK) {
        result = value_set_collection(value, VALUE_FORM_SET, member_table_collection(table));
    }
    if (result != RESULT_OK) {
        collection_destroy(member_table_collection(table));
    }
    return result;
}

/* Makes an intset packed, in the same way. */
static enum result grow_to_packed(struct value *value, const struct item *member)
{
    char run[PACKED_BYTES_MAX];
    size_t len = 0;
    if (value->entry != NULL) {
        struct set_walk walk;
        struct item old;
        for (set_walk_begin(&walk, value->entry); set_walk_next(&walk, &old);) {
            len += packed_write(run + len, &old);
        }
    }
    len += member == NULL ? 0 : packed_write(run + len, member);
    assert(len <= sizeof run);
    const enum result result = value_resize(value, VALUE_FORM_SET_PACKED, len);
    if (result == RESULT_OK) {
        memcpy(value_data(value), run, len);
    }
    return result;
}

static enum result grow_from_intset(struct value *value, const struct item *member, uint64_t count)
{
    return fits_packed(member, count) ? grow_to_packed(value, member) : grow_to_table(value, member, ENCODING_HASHTABLE);
}

/* Adds to an intset or to nothing. */
static enum result add_to_intset(struct value *value, const struct encoding_limits *limits, const struct item *member,
                                 bool *is_new)
{
    const size_t len = value_len(value);
    const struct bytes set = {len == 0 ? NULL : value_data(value), len};
    const uint64_t count = intset_count(set) + UINT64_C(1);
    uint32_t index;
    *is_new = !item_is_integer(member) || !intset_find(set, member->integer, &index);
    if (!*is_new) {
        return RESULT_OK;
    }
    if (!item_is_integer(member) || !is_intset_allowed(limits, count)) {
        return grow_from_intset(value, member, count);
    }
    const size_t new_len = intset_len_with(set, member->integer);
    if (new_len > COLLECTION_INLINE_MAX) {
        return grow_to_table(value, member, ENCODING_INTSET);
    }
    const enum result result = value_resize(value, VALUE_FORM_SET_INTSET, new_len);
    if (LIKELY(result == RESULT_OK)) {
        intset_insert(value_data(value), len, member->integer, index);
    }
    return result;
}

static enum result add_to_packed(struct value *value, const struct item *member, bool *is_new)
{
    size_t at, count;
    *is_new = !packed_find((struct bytes){value_data(value), value_len(value)}, 1, member, &at, &count);
    if (!*is_new) {
        return RESULT_OK;
    }
    if (!fits_packed(member, count + 1)) {
        return grow_to_table(value, member, ENCODING_HASHTABLE);
    }
    return value_edit(value, VALUE_FORM_SET_PACKED, &(struct packed_edit){.at = value_len(value), .items = member, .count = 1});
}

enum result set_add(struct value *value, const struct encoding_limits *limits, const struct item *member, bool *is_new)
{
    const enum value_form form = value_form(value);
    if (form == VALUE_FORM_NONE || form == VALUE_FORM_SET_INTSET) {
        return add_to_intset(value, limits, member, is_new);
    }
    if (form == VALUE_FORM_SET_PACKED) {
        return add_to_packed(value, member, is_new);
    }
    struct member_table *table = table_of(value->entry);
    const enum result result = member_table_put(table, member, NULL, is_new);
    if (result == RESULT_OK && table->collection.encoding == ENCODING_INTSET &&
        (!item_is_integer(member) || !is_intset_allowed(limits, table->count))) {
        table->collection.encoding = ENCODING_HASHTABLE;
    }
    return result;
}

enum result set_make_hashtable(struct value *value)
{
    if (value_form(value) == VALUE_FORM_SET) {
        entry_collection(value->entry)->encoding = ENCODING_HASHTABLE;
    }
    return value_form(value) != VALUE_FORM_SET_INTSET ? RESULT_OK : grow_from_intset(value, NULL, set_count(value->entry));
}

/* --- removing --- */

static enum result remove_from_intset(struct value *value, const struct item *member, bool *was_there)
{
    char *data = value_data(value);
    const size_t len = value_len(value);
    uint32_t index;
    *was_there = item_is_integer(member) && intset_find((struct bytes){data, len}, member->integer, &index);
    if (!*was_there) {
        return RESULT_OK;
    }
    const size_t new_len = intset_remove(data, len, index);
    const enum result result = value_resize(value, VALUE_FORM_SET_INTSET, new_len);
    if (UNLIKELY(result != RESULT_OK)) {
        intset_insert(data, new_len, member->integer, index);
    }
    return result;
}

static enum result remove_from_packed(struct value *value, const struct item *member, bool *was_there)
{
    const struct bytes run = {value_data(value), value_len(value)};
    size_t at, index;
    *was_there = packed_find(run, 1, member, &at, &index);
    if (!*was_there) {
        return RESULT_OK;
    }
    return value_edit(value, VALUE_FORM_SET_PACKED, &(struct packed_edit){.at = at, .old_len = packed_size(run.data + at)});
}

enum result set_remove(struct value *value, const struct item *member, bool *was_there)
{
    switch (value_form(value)) {
    case VALUE_FORM_NONE:
        *was_there = false;
        return RESULT_OK;
    case VALUE_FORM_SET_INTSET:
        return remove_from_intset(value, member, was_there);
    case VALUE_FORM_SET_PACKED:
        return remove_from_packed(value, member, was_there);
    default:
        *was_there = member_table_remove(table_of(value->entry), member);
        return RESULT_OK;
    }
}
