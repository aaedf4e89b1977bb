/* quicklist.h - a long list: nodes in a ring without an end, each one block of listpack entries.
 *
 *   node    link to both neighbours, room, start, len, count, form | gap | entries | gap
 *
 * A node is one block of the heap, at most node_bytes_max as a whole, and it grows from one of the heap's block sizes to the
 * next. The entries are those of a listpack without header and end byte; they may begin behind a gap, so that pushing and popping
 * at either end moves nothing. An item that does not fit into a node has a plain one of its own. Nodes further than
 * compress_depth from both ends are compressed when that saves something (never the two ends themselves).
 *
 * Threads    Under the baton of the shard whose heap it is in.
 * Memory     Items are lent until the next change; those of a walk through a compressed node until the walk's next step.
 * Invariant  No node is empty; an empty list has no nodes. The first and the last node are not compressed. `count` is the sum of
 *            the nodes' counts, and base.bytes of their blocks.
 * Limits     QUICKLIST_NODE_MAX bytes and QUICKLIST_ITEMS_MAX items a node.
 * Read on    quicklist_node.c, quicklist_walk.c, quicklist.c, quicklist_whole.c.  */
#ifndef ENCODING_QUICKLIST_H
#define ENCODING_QUICKLIST_H

#include "base/attributes.h"
#include "base/result.h"
#include "encoding/collection.h"
#include "encoding/item.h"

enum { QUICKLIST_NODE_MAX = 65536, QUICKLIST_ITEMS_MAX = 32767 };
_Static_assert(QUICKLIST_ITEMS_MAX <= UINT16_MAX, "a node counts its items in 16 bits");

enum list_end { LIST_HEAD, LIST_TAIL };

struct quicklist_node;

struct quicklist {
    struct collection base;
    uint64_t count;                          /* items */
    struct quicklist_node *ends[2];          /* by enum list_end; NULL when empty */
    uint64_t node_count;
    struct quicklist_node *defrag_next;      /* where defragmentation goes on; NULL: nowhere */
    uint32_t node_bytes_max;                 /* of new and growing nodes; kept since the list was made, as the next two are */
    uint16_t node_items_max;
    uint16_t compress_depth;                 /* nodes at each end that are not compressed; 0: none is */
};

/* An empty list. NULL: refused. Gives: collection_destroy. */
struct quicklist *quicklist_create(struct heap *heap, const struct encoding_limits *limits);

/* Items that are put in are not lent from the list; text is kept as text: packed_item says what Redis would keep for it.
 * RESULT_NO_MEMORY: as before.  */
MUST_USE enum result quicklist_push(struct quicklist *list, enum list_end end, const struct item *item);
/* The item at an end of a list that has one: lent. */
struct item quicklist_end_item(const struct quicklist *list, enum list_end end);
/* Removes it. RESULT_NO_MEMORY (the next node must be opened): as before. */
MUST_USE enum result quicklist_drop_end(struct quicklist *list, enum list_end end);

/* --- walking, in either direction, from any item on --- */

struct quicklist_walk {
    const struct quicklist *list;
    struct quicklist_node *node;  /* NULL: at the end */
    struct bytes entries;         /* of the node, opened; one byte stands for the item of a plain one */
    size_t at;                    /* the next item begins there; towards the head: ends there */
    size_t item_at;               /* where the item handed out last begins */
    uint64_t to_skip;             /* items that seek has yet to go over */
    enum list_end from;           /* LIST_HEAD: walks to the tail; LIST_TAIL: to the head */
    enum list_end seek_from;
    bool is_sought;               /* the first item is reached */
    bool is_refused;              /* no memory to open a compressed node: the walk ended there */
    char *opened;                 /* of a compressed node: thread_alloc */
    size_t opened_room;
};

/* Begins at item `index` (counted from the head; when there is none: at the end), and goes away from the end `from`. Ends with
 * quicklist_walk_end. The list must not change until then, but for one change at the walk's place. */
void quicklist_walk_begin(struct quicklist_walk *walk, const struct quicklist *list, uint64_t index, enum list_end from);
/* Goes over at most nodes_max nodes towards that item. True: it is there (or refused). Only for those who cannot afford that
 * quicklist_walk_next goes all the way at once.  */
bool quicklist_walk_seek(struct quicklist_walk *walk, uint64_t nodes_max);
/* False at the end, and when memory was refused (is_refused). */
bool quicklist_walk_next(struct quicklist_walk *walk, struct item *out);
/* Does nothing for a zeroed walk. */
void quicklist_walk_end(struct quicklist_walk *walk);

/* --- changes at places; a place is good until the list changes --- */

struct quicklist_place {
    struct quicklist_node *node;
    size_t at;
};

/* Of the item that a walk handed out last. */
static inline struct quicklist_place quicklist_walk_place(const struct quicklist_walk *walk)
{
    return (struct quicklist_place){walk->node, walk->item_at};
}

/* Puts an item before (LIST_HEAD) or behind (LIST_TAIL) the one at `place`. RESULT_NO_MEMORY: the items are as before. */
MUST_USE enum result quicklist_insert(struct quicklist *list, struct quicklist_place place, enum list_end side,
                                      const struct item *item);
MUST_USE enum result quicklist_replace(struct quicklist *list, struct quicklist_place place, const struct item *item);
/* Removes the items at these places, which are in the order of the list; the array is used up. RESULT_NO_MEMORY: as before. */
MUST_USE enum result quicklist_delete_places(struct quicklist *list, struct quicklist_place *places, size_t count);

/* --- many at once --- */

/* Removes `count` items from `first` on; so many are there. Whole nodes of them are moved to `removed`, an empty list in the same
 * heap, for the caller to free in steps (NULL: they are freed here). RESULT_NO_MEMORY: as before. O(nodes up to the last).  */
MUST_USE enum result quicklist_cut(struct quicklist *list, uint64_t first, uint64_t count, struct quicklist *removed);
/* Removes all but `count` items from `first` on (count > 0; so many are there) in the same way. */
MUST_USE enum result quicklist_keep(struct quicklist *list, uint64_t first, uint64_t count, struct quicklist *removed);
/* Two lists of one heap change their items. O(1). */
void quicklist_swap(struct quicklist *a, struct quicklist *b);

/* True and the entries when they are all in one node, neither plain nor compressed: so they may stand in a key's entry. */
bool quicklist_single(const struct quicklist *list, struct bytes *entries);

#endif
