/* hash_value.h - hashes: packed field, value, field, value in the entry in the order of their arrival, or a table apart.
 *
 * A hash takes the large form when it has more fields than hash-max-listpack-entries, or a field or value longer than
 * hash-max-listpack-value, and never goes back. It does so, too, when its bytes would pass COLLECTION_INLINE_MAX; then it goes on
 * reporting "listpack" until one of the limits is passed.
 *
 * A hash some of whose fields have times has the large form, over a timed_table (encoding/timed_table.h): it becomes one with the first time,
 * and stays one. A field that the table hides, since its time has come, is not there for what is declared here, but counts in hash_count.
 *
 * Threads    Under the baton of the keyspace's shard.
 * Memory     Items are lent until the hash changes. Fields and values given must not be lent from the same hash.
 * Limits     As member_table.h.  */
#ifndef DATA_HASH_VALUE_H
#define DATA_HASH_VALUE_H

#include "data/value.h"
#include "encoding/member_table.h"
#include "encoding/packed.h"
#include "encoding/timed_table.h"

/* In all of these `entry` and `value` hold a hash; a value may also be VALUE_FORM_NONE. */

/* How many fields. O(1) for a large hash, otherwise a walk. Never 0, for none is left with a key. */
uint64_t hash_count(const struct entry *entry);
/* The value of a field; false: there is none. `out` may be NULL. */
bool hash_get(const struct entry *entry, struct bytes field, struct item *out);

/* Sets a field. *is_new: it was not there. RESULT_NO_MEMORY: as before, but perhaps in the large form. The value may be
 * detached: so a hash is built.  */
MUST_USE enum result hash_put(struct value *value, const struct encoding_limits *limits, struct bytes field, struct bytes text,
                              bool *is_new);
/* The same, but the field keeps its time. */
MUST_USE enum result hash_put_keeping_time(struct value *value, const struct encoding_limits *limits, struct bytes field,
                                           struct bytes text, bool *is_new);
/* Removes a field; *was_there. *is_empty: that was the last: the caller ends with value_remove. RESULT_NO_MEMORY: as before. */
MUST_USE enum result hash_remove(struct value *value, struct bytes field, bool *was_there, bool *is_empty);

/* --- times of fields --- */

/* The table of a hash some of whose fields have, or had, times; else NULL. `entry` may be of any type, or NULL. */
static inline struct timed_table *hash_timed(const struct entry *entry)
{
    if (LIKELY(entry == NULL || entry_form(entry) != VALUE_FORM_HASH)) {
        return NULL;
    }
    struct collection *collection = entry_collection(entry);
    return collection->type == &timed_table_type ? timed_table_of(collection) : NULL;
}

/* A field's time in ms, or TIMED_NONE: it has none, or is not there. */
int64_t hash_time(const struct entry *entry, struct bytes field);
/* Sets the time, 0 .. TIMED_MS_MAX, of a field that is there. RESULT_NO_MEMORY: as before, but perhaps in the large form. */
MUST_USE enum result hash_set_time(struct value *value, struct bytes field, int64_t time_ms);
/* Takes the time away. True: there was one. */
bool hash_clear_time(struct value *value, struct bytes field);
/* hash_count without the fields that are hidden: 0 when all are. */
uint64_t hash_shown_count(const struct entry *entry);

/* --- all fields --- */

/* All fields, in the order of their arrival when the hash is small. May go on in a later step while the hash is unchanged (a
 * large one pinned; a small one must be read in one step).  */
struct hash_walk {
    struct bytes run;        /* small */
    size_t at;
    struct member_walk large;
    bool is_large;
    const struct timed_table *timed; /* NULL: nothing is hidden */
    int64_t hidden_ms;       /* of the beginning: what is hidden later is walked */
};
/* Hidden fields are passed over. */
void hash_walk_begin(struct hash_walk *walk, const struct entry *entry);
/* With them: for who writes or compares what is kept. */
void hash_walk_begin_all(struct hash_walk *walk, const struct entry *entry);
bool hash_walk_next(struct hash_walk *walk, struct item *field, struct item *text);

static inline bool hash_is_large(const struct entry *entry)
{
    return entry_form(entry) == VALUE_FORM_HASH;
}

/* The table of a large one. */
static inline struct member_table *hash_table_of(const struct entry *entry)
{
    return member_table_of(entry_collection(entry));
}

#endif
