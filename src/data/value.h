/* value.h - the value of a key as collections see it, opened for one step: it may grow, move, take another form, appear or go.
 *
 * A small collection stands in its entry, as `value_bytes` of a kind; a large one apart, behind a pointer. list.c, set.c,
 * hash_value.c, zset.c and stream.c know what is in them; this file knows where they are.
 *
 *   struct value value;
 *   value_open(&value, ks, key, entry);        entry from keyspace_find, NULL: there is none yet
 *   ... value_kind, value_data, value_resize, value_set_collection ...
 *   value_close(&value) or value_remove(&value)
 *
 * Threads    Under the baton of the keyspace's shard; from open to close nothing else may touch the keyspace.
 * Memory     A new key joins the keyspace in value_close. A detached value belongs to no key until value_store.
 * Invariant  After value_close the keyspace's entry_bytes is exact again.  */
#ifndef DATA_VALUE_H
#define DATA_VALUE_H

#include "data/keyspace.h"
#include "encoding/collection.h"

enum value_form {
    VALUE_FORM_NONE,          /* a new value: nothing there */
    VALUE_FORM_STRING,        /* int, inline or raw: not opened here */
    VALUE_FORM_LIST_PACKED,   /* in the entry: a listpack */
    VALUE_FORM_LIST,          /* apart: struct quicklist */
    VALUE_FORM_SET_INTSET,    /* in the entry: an intset */
    VALUE_FORM_SET_PACKED,    /* in the entry: packed members */
    VALUE_FORM_SET,           /* apart: struct member_table */
    VALUE_FORM_HASH_PACKED,   /* in the entry: packed field, value, field, value ... */
    VALUE_FORM_HASH,          /* apart: struct member_table */
    VALUE_FORM_ZSET_PACKED,   /* in the entry: packed member, score, member, score ... by (score, member) */
    VALUE_FORM_ZSET,          /* apart: struct score_set */
    VALUE_FORM_STREAM,        /* apart: struct stream */
    VALUE_FORM_COUNT
};

struct value {
    struct keyspace *ks;      /* NULL: detached */
    struct keyspace *home;    /* detached: buries a big collection that is thrown away; NULL: it is freed at once */
    struct heap *heap;
    const struct hash_secret *secret;
    struct key key;           /* borrowed until close; of no meaning when detached */
    struct entry *entry;      /* NULL: nothing there yet */
    uint64_t counted_bytes;   /* of this entry, in ks->entry_bytes */
    bool is_new;              /* not in the keyspace yet */
};

/* `entry`: what keyspace_find gave for `key` in this step, or NULL. */
void value_open(struct value *value, struct keyspace *ks, struct key key, struct entry *entry);
/* For a result that is not a key's yet, in the heap that it shall be stored in. */
void value_open_detached(struct value *value, struct heap *heap, const struct hash_secret *secret);
/* The same, in the heap of the keyspace where it shall be stored. */
static inline void value_open_detached_for(struct value *value, struct keyspace *ks)
{
    value_open_detached(value, ks->heap, ks->secret);
    value->home = ks;
}

/* A detached copy of `source`'s value, in any form (a small one costs a memcpy, a large one as much as it has items). Gives a
 * detached value; RESULT_NO_MEMORY: there is none.  */
MUST_USE enum result value_clone(struct value *value, struct heap *heap, const struct hash_secret *secret,
                                 const struct entry *source);

/* Reading, without opening. */
enum value_form entry_form(const struct entry *entry);
/* The bytes of an in-entry form (lent until the entry changes), or the collection of the others. */
struct bytes entry_packed(const struct entry *entry);
struct collection *entry_collection(const struct entry *entry);

/* True for forms that are a collection outside of the entry. */
static inline bool form_is_apart(enum value_form form)
{
    return form == VALUE_FORM_LIST || form == VALUE_FORM_SET || form == VALUE_FORM_HASH || form == VALUE_FORM_ZSET ||
           form == VALUE_FORM_STREAM;
}

static inline enum value_form value_form(const struct value *value)
{
    return value->entry == NULL ? VALUE_FORM_NONE : entry_form(value->entry);
}

/* In-entry forms: where the bytes are now (until the next resize), and how many. */
char *value_data(const struct value *value);
size_t value_len(const struct value *value);
/* Makes the value one of an in-entry `form` with `len` bytes (<= COLLECTION_INLINE_MAX + some KiB); the first min(old, new)
 * bytes of an in-entry value stay. The value must not be a collection. Cost: none when the block stays the same.
 * RESULT_NO_MEMORY: as before.  */
MUST_USE enum result value_resize(struct value *value, enum value_form form, size_t len);
/* Replaces an in-entry value (or nothing) by a collection, and takes it. RESULT_NO_MEMORY: as before, not taken. */
MUST_USE enum result value_set_collection(struct value *value, enum value_form form, struct collection *collection);
/* The value's collection has taken another place, as it does to get a larger first block. */
void value_note_moved(struct value *value, struct collection *collection);
/* Replaces a collection by an in-entry value with these bytes and destroys it (a zset or list that became small). */
MUST_USE enum result value_set_packed(struct value *value, enum value_form form, struct bytes bytes);

/* For debug asserts: whether the value, which is there, keeps its own invariants, as far as is looked (collection_is_valid). */
bool value_is_valid(const struct value *value);
/* Ends the step: a new value joins the keyspace (RESULT_NO_MEMORY: it is freed, nothing is there), bytes are settled. Detached
 * values are left as they are. A value that is still VALUE_FORM_NONE leaves nothing.  */
MUST_USE enum result value_close(struct value *value);
/* Ends the step and removes the key (the collection became empty); a new or detached value is freed. */
void value_remove(struct value *value);
/* Gives a detached value to `key`, in place of `existing` (of any type; NULL: none), without expiry. On RESULT_OK it is taken;
 * otherwise it is as before. The heap must be the keyspace's.  */
MUST_USE enum result value_store(struct value *value, struct keyspace *ks, struct key key, struct entry *existing);
/* The same with an expiry (absolute ms, or KEYSPACE_NO_EXPIRY). */
MUST_USE enum result value_store_with_expiry(struct value *value, struct keyspace *ks, struct key key,
                                             struct entry *existing, int64_t expiry_ms);

#endif
