/* list.h - the value of type list: a listpack in its entry, or a struct quicklist apart.
 *
 * Lists of up to LIST_PACKED_MAX bytes stand in the entry; one that became much smaller returns there. Both are reported as
 * "quicklist". The listpack's own header says how long it is: the entry's value may be longer, when giving back was refused.
 *
 * Threads    Under the baton of the keyspace's shard.
 * Memory     Items are lent until the list changes.  */
#ifndef DATA_LIST_H
#define DATA_LIST_H

#include "data/value.h"
#include "encoding/quicklist.h"

enum {
    LIST_PACKED_MAX = 1024, /* bytes of a listpack in an entry */
    LIST_PACKED_AGAIN_MAX = LIST_PACKED_MAX / 4,
};

/* --- reading; `entry` is a list --- */

uint64_t list_count(const struct entry *entry);
/* The item at an end. */
struct item list_end_item(const struct entry *entry, enum list_end end);

struct list_walk {
    bool is_packed;
    enum list_end from;
    struct bytes entries;      /* packed */
    size_t at;
    size_t item_at;
    struct quicklist_walk far; /* otherwise */
};

/* Begins at item `index`, counted from the head, and goes away from the end `from`. A walk through a pinned list may go on from
 * step to step; list_walk_end ends it, always.  */
void list_walk_begin(struct list_walk *walk, const struct entry *entry, uint64_t index, enum list_end from);
/* Begins at the first item of a list apart, pinned by the caller. */
void list_walk_begin_apart(struct list_walk *walk, const struct quicklist *list);
/* False at the end, or when memory to open a compressed node was refused (list_walk_is_refused). */
bool list_walk_next(struct list_walk *walk, struct item *out);
bool list_walk_is_refused(const struct list_walk *walk);
/* Does nothing for a zeroed walk. */
void list_walk_end(struct list_walk *walk);

/* As quicklist_walk_seek: for lists of very many nodes. */
bool list_walk_seek(struct list_walk *walk, uint64_t nodes_max);
/* Where the item is that a walk handed out last: good until the list changes. */
struct quicklist_place list_walk_place(const struct list_walk *walk);
/* Blocks to go over, at worst, to any item. */
uint64_t list_node_count(const struct entry *entry);

/* --- changing; `value` is open, and a list (or nothing yet, where that is said). RESULT_NO_MEMORY: as before. What removes
 * items may leave an empty list: then the caller calls value_remove. --- */

/* Adds an item at an end; makes the list when there is none. */
MUST_USE enum result list_push(struct value *value, const struct encoding_limits *limits, enum list_end end, struct bytes text);
/* Removes the item at an end; there is one. */
MUST_USE enum result list_drop(struct value *value, enum list_end end);
/* Removes `count` items from `first` on; they are there. */
MUST_USE enum result list_delete(struct value *value, uint64_t first, uint64_t count);
/* Removes all but `count` items from `first` on; they are there. */
MUST_USE enum result list_keep(struct value *value, uint64_t first, uint64_t count);
MUST_USE enum result list_replace(struct value *value, const struct encoding_limits *limits, struct quicklist_place place,
                                  struct bytes text);
/* LIST_HEAD: before the item at `place`, LIST_TAIL: behind it. */
MUST_USE enum result list_insert(struct value *value, const struct encoding_limits *limits, struct quicklist_place place,
                                 enum list_end side, struct bytes text);
/* Removes the items at these places, which are in the order of the list; the array is used up. */
MUST_USE enum result list_delete_places(struct value *value, struct quicklist_place *places, size_t count);
/* Replaces all items of a list that is apart by those of `items`, a list of the same heap, which is taken. */
void list_exchange(struct value *value, struct quicklist *items);
/* Frees a list that is no key's, lazily when it is long. NULL is allowed. */
void list_lazy_free(struct keyspace *ks, struct quicklist *list);

#endif
