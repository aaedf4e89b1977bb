/* quicklist_private.h - the nodes of a quicklist: quicklist_node.c keeps one, quicklist.c and quicklist_walk.c go by them.  */
#ifndef ENCODING_QUICKLIST_PRIVATE_H
#define ENCODING_QUICKLIST_PRIVATE_H

#include "encoding/listpack.h"
#include "encoding/quicklist.h"

enum node_form {
    NODE_RAW,   /* entries at data + start, `len` bytes of them */
    NODE_PLAIN, /* one item's text, `len` bytes */
    NODE_LZF,   /* compressed entries, `len` bytes, `opened_len` when opened */
};

struct quicklist_node {
    struct quicklist_node *links[2]; /* the neighbour towards each end, by enum list_end */
    uint64_t len;
    uint16_t room;  /* bytes of data; plain: unused */
    union {
        uint16_t start;
        uint16_t opened_len;
    };
    uint16_t count; /* items */
    uint8_t form;
    char data[];
};

enum { NODE_HEADER = offsetof(struct quicklist_node, data) };
_Static_assert(QUICKLIST_NODE_MAX - NODE_HEADER <= UINT16_MAX, "room fits");

static inline enum list_end other_end(enum list_end end)
{
    return end == LIST_HEAD ? LIST_TAIL : LIST_HEAD;
}

/* Bytes of entries that a node may have. */
static inline size_t entries_max(const struct quicklist *list)
{
    return list->node_bytes_max - NODE_HEADER;
}

static inline bool node_has_room_for(const struct quicklist *list, const struct quicklist_node *node, size_t size, size_t count)
{
    return node != NULL && node->form == NODE_RAW && node->len + size <= entries_max(list) &&
           node->count + count <= list->node_items_max;
}

/* Of a raw node. */
static inline char *node_entries_data(struct quicklist_node *node)
{
    return node->data + node->start;
}

static inline struct bytes node_entries(const struct quicklist_node *node)
{
    debug_assert(node->form == NODE_RAW);
    return (struct bytes){node->data + node->start, node->len};
}

/* What its block was asked for. */
size_t node_request(const struct quicklist_node *node);

/* All of these: NULL or RESULT_NO_MEMORY: refused, and the list is as it was. None of them changes list->count.
 *
 * A raw node without items, with room for `len` bytes of entries (<= entries_max), all a gap at the end `gap`. Not linked. */
struct quicklist_node *node_create(struct quicklist *list, size_t len, enum list_end gap);
struct quicklist_node *node_create_plain(struct quicklist *list, struct bytes text);
void node_free(struct quicklist *list, struct quicklist_node *node);
/* Puts a node beside `beside`, on the side of `end`; beside NULL: the list is empty. */
void node_link(struct quicklist *list, struct quicklist_node *node, struct quicklist_node *beside, enum list_end end);
void node_unlink(struct quicklist *list, struct quicklist_node *node);
/* Makes its neighbours, or the list, point to where a node is now. */
void node_relink(struct quicklist *list, struct quicklist_node *node);
/* Unlinks and frees. */
void node_remove(struct quicklist *list, struct quicklist_node *node);
/* Makes sure that a raw node has `size` more bytes in its gap at `end`; it may move. len + size <= entries_max. */
MUST_USE enum result node_make_room(struct quicklist *list, struct quicklist_node **node, size_t size, enum list_end end);
/* Gives back what a raw node's block has too much, if it can; it may move. */
void node_shrink(struct quicklist *list, struct quicklist_node **node);
/* Opens a compressed node; it moves. Others stay. */
MUST_USE enum result node_open(struct quicklist *list, struct quicklist_node **node);
/* Compresses a raw one if that saves enough and memory is there; it moves. Others stay. */
void node_compress(struct quicklist *list, struct quicklist_node **node);
/* A copy of the node in `list`, not linked. */
struct quicklist_node *node_copy(struct quicklist *list, const struct quicklist_node *node);

/* --- quicklist.c --- */

/* Compresses `node` when it is further from the ends than compress_depth; NULL is allowed. */
void quicklist_compress_inner(struct quicklist *list, struct quicklist_node *node);
/* After nodes came or went at the ends: opens what is near them, compresses what is no longer; as far as memory is there. */
void quicklist_settle_ends(struct quicklist *list);

/* --- quicklist_defrag.c --- */

struct collection *quicklist_defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit);

#endif
