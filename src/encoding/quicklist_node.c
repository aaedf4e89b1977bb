/* quicklist_node.c - one node of a quicklist: its block, its gaps, its compression.  */
#include "encoding/lzf_text.h"
#include "encoding/quicklist_private.h"

#include <assert.h>

enum {
    COMPRESS_LEN_MIN = 48,  /* shorter entries are not worth it */
    COMPRESS_GAIN_MIN = 8,  /* nor is it worth less */
};

size_t node_request(const struct quicklist_node *node)
{
    return NODE_HEADER + (node->form == NODE_PLAIN ? node->len : node->room);
}

static struct quicklist_node *alloc_with_room(struct quicklist *list, size_t len)
{
    const size_t request = heap_block_bytes(NODE_HEADER + len);
    assert(request <= QUICKLIST_NODE_MAX);
    struct quicklist_node *node = collection_alloc(&list->base, request);
    if (node != NULL) {
        *node = (struct quicklist_node){.room = (uint16_t)(request - NODE_HEADER)};
    }
    return node;
}

struct quicklist_node *node_create(struct quicklist *list, size_t len, enum list_end gap)
{
    struct quicklist_node *node = alloc_with_room(list, len);
    if (node != NULL) {
        node->form = NODE_RAW;
        node->start = gap == LIST_HEAD ? node->room : 0;
    }
    return node;
}

struct quicklist_node *node_create_plain(struct quicklist *list, struct bytes text)
{
    struct quicklist_node *node = collection_alloc(&list->base, NODE_HEADER + text.len);
    if (node != NULL) {
        *node = (struct quicklist_node){.len = text.len, .count = 1, .form = NODE_PLAIN};
        memcpy(node->data, text.data, text.len);
    }
    return node;
}

void node_free(struct quicklist *list, struct quicklist_node *node)
{
    collection_free_block(&list->base, node, node_request(node));
}

/* --- links --- */

void node_relink(struct quicklist *list, struct quicklist_node *node)
{
    for (enum list_end end = LIST_HEAD; end <= LIST_TAIL; end++) {
        struct quicklist_node *neighbour = node->links[end];
        if (neighbour == NULL) {
            list->ends[end] = node;
        } else {
            neighbour->links[other_end(end)] = node;
        }
    }
}

void node_link(struct quicklist *list, struct quicklist_node *node, struct quicklist_node *beside, enum list_end end)
{
    assert(beside != NULL || list->node_count == 0);
    node->links[end] = beside == NULL ? NULL : beside->links[end];
    node->links[other_end(end)] = beside;
    node_relink(list, node);
    list->node_count++;
}

void node_unlink(struct quicklist *list, struct quicklist_node *node)
{
    assert(list->node_count > 0);
    if (list->defrag_next == node) {
        list->defrag_next = node->links[LIST_TAIL];
    }
    for (enum list_end end = LIST_HEAD; end <= LIST_TAIL; end++) {
        struct quicklist_node *neighbour = node->links[end];
        if (neighbour == NULL) {
            list->ends[end] = node->links[other_end(end)];
        } else {
            neighbour->links[other_end(end)] = node->links[other_end(end)];
        }
    }
    list->node_count--;
}

void node_remove(struct quicklist *list, struct quicklist_node *node)
{
    node_unlink(list, node);
    node_free(list, node);
}

/* Puts `to`, which has the same items, into the place of `from`. */
static void take_place(struct quicklist *list, struct quicklist_node *to, struct quicklist_node *from)
{
    assert(to->count == from->count);
    to->links[LIST_HEAD] = from->links[LIST_HEAD];
    to->links[LIST_TAIL] = from->links[LIST_TAIL];
    node_relink(list, to);
    if (list->defrag_next == from) {
        list->defrag_next = to;
    }
    node_free(list, from);
}

/* --- room --- */

/* Writes the entries of `from` to `to`, which has the room, with all of the gap at `end`. They may be the same node. */
static void copy_entries(struct quicklist_node *to, const struct quicklist_node *from, enum list_end gap)
{
    assert(from->len <= to->room);
    const size_t start = gap == LIST_HEAD ? to->room - from->len : 0;
    memmove(to->data + start, from->data + from->start, from->len);
    to->start = (uint16_t)start;
    to->len = from->len;
    to->count = from->count;
}

enum result node_make_room(struct quicklist *list, struct quicklist_node **node, size_t size, enum list_end end)
{
    struct quicklist_node *old = *node;
    assert(old->form == NODE_RAW);
    const size_t gap = end == LIST_HEAD ? old->start : old->room - old->start - old->len;
    if (LIKELY(gap >= size)) {
        return RESULT_OK;
    }
    if (old->room - old->len >= size) {
        copy_entries(old, old, end);
        return RESULT_OK;
    }
    assert(old->len + size <= entries_max(list) || old->len + size <= old->room);
    struct quicklist_node *grown = node_create(list, old->len + size, end);
    if (grown == NULL) {
        return RESULT_NO_MEMORY;
    }
    copy_entries(grown, old, end);
    take_place(list, grown, old);
    *node = grown;
    return RESULT_OK;
}

void node_shrink(struct quicklist *list, struct quicklist_node **node)
{
    struct quicklist_node *old = *node;
    if (old->form != NODE_RAW || heap_block_bytes(NODE_HEADER + old->len) == heap_block_bytes(node_request(old))) {
        return;
    }
    struct quicklist_node *shrunk = node_create(list, old->len, LIST_TAIL);
    if (shrunk != NULL) {
        copy_entries(shrunk, old, LIST_TAIL);
        take_place(list, shrunk, old);
        *node = shrunk;
    }
}

struct quicklist_node *node_copy(struct quicklist *list, const struct quicklist_node *node)
{
    if (node->form == NODE_PLAIN) {
        return node_create_plain(list, (struct bytes){node->data, node->len});
    }
    struct quicklist_node *copy = alloc_with_room(list, node->len);
    if (copy == NULL) {
        return NULL;
    }
    copy->form = node->form;
    copy->len = node->len;
    copy->count = node->count;
    if (node->form == NODE_LZF) {
        copy->opened_len = node->opened_len;
        memcpy(copy->data, node->data, node->len);
    } else {
        memcpy(copy->data, node->data + node->start, node->len);
    }
    return copy;
}

/* --- compression --- */

enum result node_open(struct quicklist *list, struct quicklist_node **node)
{
    struct quicklist_node *old = *node;
    if (LIKELY(old->form != NODE_LZF)) {
        return RESULT_OK;
    }
    struct quicklist_node *opened = node_create(list, old->opened_len, LIST_TAIL);
    if (opened == NULL) {
        return RESULT_NO_MEMORY;
    }
    const bool is_whole = lzf_text_decompress((struct bytes){old->data, old->len}, opened->data, old->opened_len);
    assert(is_whole);
    (void)is_whole;
    opened->len = old->opened_len;
    opened->count = old->count;
    take_place(list, opened, old);
    *node = opened;
    return RESULT_OK;
}

void node_compress(struct quicklist *list, struct quicklist_node **node)
{
    struct quicklist_node *old = *node;
    if (old->form != NODE_RAW || old->len < COMPRESS_LEN_MIN) {
        return;
    }
    char scratch[QUICKLIST_NODE_MAX];
    const size_t len = lzf_text_compress(node_entries(old), scratch, old->len - COMPRESS_GAIN_MIN);
    struct quicklist_node *compressed = NULL;
    if (len > 0 && heap_block_bytes(NODE_HEADER + len) < heap_block_bytes(node_request(old))) {
        compressed = alloc_with_room(list, len);
    }
    if (compressed != NULL) {
        compressed->form = NODE_LZF;
        compressed->len = len;
        compressed->opened_len = (uint16_t)old->len;
        compressed->count = old->count;
        assert(len <= compressed->room);
        memcpy(compressed->data, scratch, len);
        take_place(list, compressed, old);
        *node = compressed;
    }
}
