/* hash_value.h - hashes: packed field, value, field, value in the entry in the order of their arrival, or a table apart.
 *
 * A hash takes the large form when it has more fields than hash-max-listpack-entries, or a field or value longer than
 * hash-max-listpack-value, and never goes back. It does so, too, when its bytes would pass COLLECTION_INLINE_MAX; then it goes on
 * reporting "listpack" until one of the limits is passed.
 *
 * Threads    Under the baton of the keyspace's shard.
 * Memory     Items are lent until the hash changes. Fields and values given must not be lent from the same hash.
 * Limits     As member_table.h.  */
#ifndef DATA_HASH_VALUE_H
#define DATA_HASH_VALUE_H

#include "data/value.h"
#include "encoding/member_table.h"
#include "encoding/packed.h"

/* In all of these `entry` and `value` hold a hash; a value may also be VALUE_FORM_NONE. */

/* How many fields. O(1) for a large hash, otherwise a walk. Never 0, for none is left with a key. */
uint64_t hash_count(const struct entry *entry);
/* The value of a field; false: there is none. `out` may be NULL. */
bool hash_get(const struct entry *entry, struct bytes field, struct item *out);

/* Sets a field. *is_new: it was not there. RESULT_NO_MEMORY: as before, but perhaps in the large form. The value may be
 * detached: so a hash is built.  */
MUST_USE enum result hash_put(struct value *value, const struct encoding_limits *limits, struct bytes field, struct bytes text,
                              bool *is_new);
/* Removes a field; *was_there. *is_empty: that was the last: the caller ends with value_remove. RESULT_NO_MEMORY: as before. */
MUST_USE enum result hash_remove(struct value *value, struct bytes field, bool *was_there, bool *is_empty);

/* All fields, in the order of their arrival when the hash is small. May go on in a later step while the hash is unchanged (a
 * large one pinned; a small one must be read in one step).  */
struct hash_walk {
    struct bytes run;        /* small */
    size_t at;
    struct member_walk large;
    bool is_large;
};
void hash_walk_begin(struct hash_walk *walk, const struct entry *entry);
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
