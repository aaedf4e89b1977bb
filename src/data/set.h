/* set.h - the value of a set key: a small intset or packed members in the entry, or a member table.
 *
 * The form follows the content; OBJECT ENCODING says "intset" while all members that there ever were since it was made are
 * integers, set-max-intset-entries at most; otherwise "hashtable".
 *
 * Threads    Under the baton of the shard that has the key.
 * Memory     What is lent is lent until the set changes.
 * Read on    value.h, encoding/intset.h, encoding/packed.h, encoding/member_table.h.  */
#ifndef DATA_SET_H
#define DATA_SET_H

#include "data/value.h"
#include "encoding/item.h"
#include "encoding/member_table.h"

enum {
    SET_PACKED_MEMBERS_MAX = 128,
    SET_PACKED_MEMBER_LEN_MAX = 64,
};

/* What a member's text is kept as: always given so to the functions below. */
struct item set_member(struct bytes text);

/* --- reading: `entry` is a set --- */

/* A set as readers see it: good until the set changes. A job may keep one of a large set that is pinned, or make one of a copy
 * of the bytes.  */
struct set_view {
    const struct member_table *table; /* NULL: a form in the entry */
    struct bytes bytes;               /* of such a form */
    bool is_intset;
};

struct set_view set_view(const struct entry *entry);
uint64_t set_view_count(const struct set_view *view);
/* `hash`: member_hash with the secret of all sets; not looked at in small forms. */
bool set_view_contains(const struct set_view *view, uint64_t hash, const struct item *member);

/* A place of a member: different for different members. One at random, each as likely as any other; the set has members. O(1), in
 * the packed form O(members).  */
uint64_t set_view_random(const struct set_view *view, uint64_t *random_state);
/* The member there, lent. */
struct item set_view_at(const struct set_view *view, uint64_t place);

uint64_t set_count(const struct entry *entry);
bool set_contains(const struct entry *entry, const struct item *member);
/* As Redis names it: ENCODING_INTSET or ENCODING_HASHTABLE. */
enum encoding_name set_encoding(const struct entry *entry);

static inline bool set_is_large(const struct entry *entry)
{
    return entry_form(entry) == VALUE_FORM_SET;
}

/* Walks all members; an intset's in ascending order. May go on as long as the view is good. */
struct set_walk {
    struct set_view view;
    size_t at;                /* forms in the entry: index or offset */
    struct member_walk table;
};

void set_walk_begin_view(struct set_walk *walk, const struct set_view *view);
void set_walk_begin(struct set_walk *walk, const struct entry *entry);
/* False at the end. */
bool set_walk_next(struct set_walk *walk, struct item *member);

/* --- changing: `value` is open and holds a set or nothing --- */

uint64_t set_value_count(const struct value *value);
/* *is_new: false when it was there already. RESULT_NO_MEMORY: nothing has changed. A value with nothing in it becomes a set. */
MUST_USE enum result set_add(struct value *value, const struct encoding_limits *limits, const struct item *member, bool *is_new);
/* From now on the set is named "hashtable", as if it had had other members. RESULT_NO_MEMORY: nothing has changed. */
MUST_USE enum result set_make_hashtable(struct value *value);
/* Who took the last one calls value_remove. RESULT_NO_MEMORY (a smaller block was refused): nothing has changed. */
MUST_USE enum result set_remove(struct value *value, const struct item *member, bool *was_there);

#endif
