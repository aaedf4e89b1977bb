/* hash_value.c - both forms of a hash, and the way from the small one to the large one.  */
#include "data/hash_value.h"

#include "data/value_edit.h"

#include <assert.h>

enum { PAIR = 2 };

/* --- reading --- */

uint64_t hash_count(const struct entry *entry)
{
    return hash_is_large(entry) ? member_table_count(hash_table_of(entry)) : packed_count(entry_packed(entry)) / PAIR;
}

bool hash_get(const struct entry *entry, struct bytes field, struct item *out)
{
    struct item wanted = packed_item(field);
    if (hash_is_large(entry)) {
        const struct timed_table *timed = hash_timed(entry);
        if (UNLIKELY(timed != NULL) && timed_table_hides(timed, field)) {
            return false;
        }
        return member_table_find(hash_table_of(entry), &wanted, out);
    }
    struct bytes run = entry_packed(entry);
    size_t at;
    size_t index;
    if (!packed_find(run, PAIR, &wanted, &at, &index)) {
        return false;
    }
    if (out != NULL) {
        *out = packed_read(run.data + packed_skip(run, at, 1));
    }
    return true;
}

uint64_t hash_shown_count(const struct entry *entry)
{
    const struct timed_table *timed = hash_timed(entry);
    const uint64_t hidden = timed == NULL ? 0 : timed_table_before(timed, timed->hidden_ms);
    return hash_count(entry) - hidden;
}

int64_t hash_time(const struct entry *entry, struct bytes field)
{
    const struct timed_table *timed = hash_timed(entry);
    return timed == NULL || timed_table_hides(timed, field) ? TIMED_NONE : timed_table_time(timed, field);
}

void hash_walk_begin(struct hash_walk *walk, const struct entry *entry)
{
    hash_walk_begin_all(walk, entry);
    const struct timed_table *timed = hash_timed(entry);
    if (UNLIKELY(timed != NULL) && timed->hidden_ms != 0) {
        walk->timed = timed;
        walk->hidden_ms = timed->hidden_ms;
    }
}

void hash_walk_begin_all(struct hash_walk *walk, const struct entry *entry)
{
    *walk = (struct hash_walk){.is_large = hash_is_large(entry)};
    if (walk->is_large) {
        member_walk_begin(&walk->large, hash_table_of(entry));
    } else {
        walk->run = entry_packed(entry);
    }
}

static bool is_passed_over(const struct hash_walk *walk, const struct item *field)
{
    char scratch[ITEM_SCRATCH];
    const int64_t time_ms = timed_table_time(walk->timed, item_text(field, scratch));
    return time_ms != TIMED_NONE && time_ms < walk->hidden_ms;
}

bool hash_walk_next(struct hash_walk *walk, struct item *field, struct item *text)
{
    if (walk->is_large) {
        while (UNLIKELY(walk->timed != NULL)) {
            if (!member_walk_next(&walk->large, field, text)) {
                return false;
            }
            if (!is_passed_over(walk, field)) {
                return true;
            }
        }
        return member_walk_next(&walk->large, field, text);
    }
    return packed_next(walk->run, &walk->at, field) && packed_next(walk->run, &walk->at, text);
}

/* --- from small to large --- */

/* Makes a small hash, or none, a large one that reports `encoding`. RESULT_NO_MEMORY: as before. */
static enum result make_large(struct value *value, const struct collection_type *type, enum encoding_name encoding)
{
    struct member_table *table = member_table_create(value->heap, value->secret, type, encoding);
    if (table == NULL) {
        return RESULT_NO_MEMORY;
    }
    enum result result = RESULT_OK;
    struct bytes run = value->entry == NULL ? BYTES("") : entry_packed(value->entry);
    size_t at = 0;
    struct item field, text;
    while (result == RESULT_OK && packed_next(run, &at, &field) && packed_next(run, &at, &text)) {
        bool is_new;
        result = member_table_put(table, &field, &text, &is_new);
        assert(result != RESULT_OK || is_new);
    }
    if (result == RESULT_OK) {
        result = value_set_collection(value, VALUE_FORM_HASH, member_table_collection(table));
    }
    if (result != RESULT_OK) {
        collection_destroy(member_table_collection(table));
    }
    return result;
}

/* --- changing --- */

static bool is_over(uint64_t number, int64_t limit)
{
    return number > (uint64_t)limit;
}

/* The edit that puts `pair` into a small hash. Returns how many fields there are afterwards; when the field is there this is
 * found out only if they may be more than `limit`, which may have been lowered: otherwise it is a lower bound.  */
static size_t plan_put(struct bytes run, const struct item pair[PAIR], int64_t limit, struct packed_edit *edit, bool *is_new)
{
    *edit = (struct packed_edit){.items = pair, .count = PAIR};
    size_t index;
    *is_new = !packed_find(run, PAIR, &pair[0], &edit->at, &index);
    if (*is_new) {
        return index / PAIR + 1;
    }
    size_t count = index / PAIR + 1;
    if (is_over(run.len / PAIR, limit)) {
        count = packed_count(run) / PAIR;
    }
    edit->at += packed_size(run.data + edit->at);
    edit->old_len = packed_size(run.data + edit->at);
    edit->items = &pair[1];
    edit->count = 1;
    return count;
}

/* A field and its new value. */
struct putting {
    struct item pair[PAIR];
    bool is_long;     /* beyond hash-max-listpack-value */
    bool keeps_time;
};

/* After the value was put: a time that stays, goes, or belonged to a field that counted as gone. */
static void settle_time(struct timed_table *timed, const struct putting *putting, bool *is_new)
{
    char scratch[ITEM_SCRATCH];
    const struct bytes field = item_text(&putting->pair[0], scratch);
    const bool was_hidden = timed_table_hides(timed, field);
    if (was_hidden || !putting->keeps_time) {
        timed_table_clear(timed, field);
    }
    *is_new |= was_hidden;
}

static enum result put_large(struct value *value, const struct encoding_limits *limits, const struct putting *putting, bool *is_new)
{
    struct member_table *table = hash_table_of(value->entry);
    enum result result = member_table_put(table, &putting->pair[0], &putting->pair[1], is_new);
    if (UNLIKELY(result != RESULT_OK)) {
        if (member_table_count(table) == 0) {
            value_remove(value); /* made by this call */
        }
        return result;
    }
    if (putting->is_long || is_over(member_table_count(table), limits->hash_max_listpack_entries)) {
        member_table_collection(table)->encoding = ENCODING_HASHTABLE;
    }
    if (UNLIKELY(member_table_collection(table)->type == &timed_table_type)) {
        settle_time(timed_table_of(member_table_collection(table)), putting, is_new);
    }
    return RESULT_OK;
}

static enum result put(struct value *value, const struct encoding_limits *limits, const struct putting *putting, bool *is_new)
{
    const enum value_form form = value_form(value);
    if (form == VALUE_FORM_HASH) {
        return put_large(value, limits, putting, is_new);
    }
    enum encoding_name encoding = ENCODING_HASHTABLE;
    if (!putting->is_long) {
        struct bytes run = form == VALUE_FORM_NONE ? BYTES("") : entry_packed(value->entry);
        struct packed_edit edit;
        size_t count = plan_put(run, putting->pair, limits->hash_max_listpack_entries, &edit, is_new);
        bool is_over_count = is_over(count, limits->hash_max_listpack_entries);
        if (LIKELY(!is_over_count && packed_edited_len(run.len, &edit) <= COLLECTION_INLINE_MAX)) {
            return value_edit(value, VALUE_FORM_HASH_PACKED, &edit);
        }
        encoding = is_over_count ? ENCODING_HASHTABLE : ENCODING_LISTPACK;
    }
    enum result result = make_large(value, &member_hash_type, encoding);
    return result == RESULT_OK ? put_large(value, limits, putting, is_new) : result;
}

static struct putting make_putting(const struct encoding_limits *limits, struct bytes field, struct bytes text)
{
    return (struct putting){
        .pair = {packed_item(field), packed_item(text)},
        .is_long = is_over(field.len, limits->hash_max_listpack_value) || is_over(text.len, limits->hash_max_listpack_value),
    };
}

enum result hash_put(struct value *value, const struct encoding_limits *limits, struct bytes field, struct bytes text,
                     bool *is_new)
{
    const struct putting putting = make_putting(limits, field, text);
    return put(value, limits, &putting, is_new);
}

enum result hash_put_keeping_time(struct value *value, const struct encoding_limits *limits, struct bytes field, struct bytes text,
                                  bool *is_new)
{
    struct putting putting = make_putting(limits, field, text);
    putting.keeps_time = true;
    return put(value, limits, &putting, is_new);
}

static enum result remove_small(struct value *value, const struct item *field, bool *was_there, bool *is_empty)
{
    struct bytes run = entry_packed(value->entry);
    struct packed_edit edit = {0};
    size_t index;
    *was_there = packed_find(run, PAIR, field, &edit.at, &index);
    if (!*was_there) {
        return RESULT_OK;
    }
    edit.old_len = packed_skip(run, edit.at, PAIR) - edit.at;
    *is_empty = edit.old_len == run.len;
    return *is_empty ? RESULT_OK : value_edit(value, VALUE_FORM_HASH_PACKED, &edit);
}

enum result hash_remove(struct value *value, struct bytes field, bool *was_there, bool *is_empty)
{
    struct item wanted = packed_item(field);
    *is_empty = false;
    if (!hash_is_large(value->entry)) {
        return remove_small(value, &wanted, was_there, is_empty);
    }
    struct member_table *table = hash_table_of(value->entry);
    struct timed_table *timed = hash_timed(value->entry);
    if (UNLIKELY(timed != NULL)) {
        if (timed_table_hides(timed, field)) {
            *was_there = false;
            return RESULT_OK;
        }
        timed_table_clear(timed, field);
    }
    *was_there = member_table_remove(table, &wanted);
    *is_empty = member_table_count(table) == 0;
    return RESULT_OK;
}

/* --- times --- */

/* Makes the hash one that has room for times. RESULT_NO_MEMORY: as before. */
static enum result make_timed(struct value *value)
{
    if (!hash_is_large(value->entry)) {
        return make_large(value, &timed_table_type, ENCODING_LISTPACK_EX);
    }
    struct timed_table *timed = timed_table_convert(hash_table_of(value->entry));
    if (timed == NULL) {
        return RESULT_NO_MEMORY;
    }
    value_note_moved(value, member_table_collection(&timed->table));
    return RESULT_OK;
}

enum result hash_set_time(struct value *value, struct bytes field, int64_t time_ms)
{
    debug_assert(hash_get(value->entry, field, NULL));
    if (hash_timed(value->entry) == NULL) {
        const enum result result = make_timed(value);
        if (result != RESULT_OK) {
            return result;
        }
    }
    return timed_table_set(hash_timed(value->entry), field, time_ms);
}

bool hash_clear_time(struct value *value, struct bytes field)
{
    struct timed_table *timed = hash_timed(value->entry);
    return timed != NULL && !timed_table_hides(timed, field) && timed_table_clear(timed, field);
}
