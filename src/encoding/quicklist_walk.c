/* quicklist_walk.c - going through a quicklist, from any item on and in both directions, without changing it.  */
#include "encoding/lzf_text.h"
#include "encoding/quicklist_private.h"

#include <assert.h>

void quicklist_walk_begin(struct quicklist_walk *walk, const struct quicklist *list, uint64_t index, enum list_end from)
{
    *walk = (struct quicklist_walk){.list = list, .from = from};
    if (index >= list->count) {
        walk->is_sought = true;
        return;
    }
    const uint64_t from_tail = list->count - 1 - index;
    walk->seek_from = index <= from_tail ? LIST_HEAD : LIST_TAIL;
    walk->to_skip = walk->seek_from == LIST_HEAD ? index : from_tail;
    walk->node = list->ends[walk->seek_from];
}

/* Makes room for `len` bytes in walk->opened. */
static bool take_room(struct quicklist_walk *walk, size_t len)
{
    if (walk->opened_room >= len) {
        return true;
    }
    thread_free(MEM_CLIENT, walk->opened, walk->opened_room);
    walk->opened = thread_alloc(MEM_CLIENT, len);
    walk->opened_room = walk->opened == NULL ? 0 : len;
    return walk->opened != NULL;
}

/* Lays the entries of walk->node ready. False: refused. */
static bool enter_node(struct quicklist_walk *walk)
{
    const struct quicklist_node *node = walk->node;
    if (LIKELY(node->form == NODE_RAW)) {
        walk->entries = node_entries(node);
        return true;
    }
    if (node->form == NODE_PLAIN) {
        walk->entries = (struct bytes){node->data, 1};
        return true;
    }
    if (!take_room(walk, node->opened_len) ||
        !lzf_text_decompress((struct bytes){node->data, node->len}, walk->opened, node->opened_len)) {
        walk->is_refused = true;
        walk->node = NULL;
        return false;
    }
    walk->entries = (struct bytes){walk->opened, node->opened_len};
    return true;
}

/* Where item `place` of the entered node begins. */
static size_t offset_of(const struct quicklist_walk *walk, size_t place)
{
    const struct quicklist_node *node = walk->node;
    assert(place < node->count);
    if (node->form == NODE_PLAIN) {
        return 0;
    }
    if (place < node->count / 2u) {
        return listpack_skip(walk->entries, 0, place);
    }
    return listpack_skip_back(walk->entries, walk->entries.len, node->count - place);
}

bool quicklist_walk_seek(struct quicklist_walk *walk, uint64_t nodes_max)
{
    if (walk->is_sought) {
        return true;
    }
    for (; walk->to_skip >= walk->node->count; nodes_max--) {
        if (nodes_max == 0) {
            return false;
        }
        walk->to_skip -= walk->node->count;
        walk->node = walk->node->links[other_end(walk->seek_from)];
    }
    walk->is_sought = true;
    if (enter_node(walk)) {
        const size_t skip = (size_t)walk->to_skip;
        size_t place = walk->seek_from == LIST_HEAD ? skip : walk->node->count - 1 - skip;
        if (walk->from == LIST_TAIL) {
            place++; /* it is handed out as the one that ends there */
        }
        walk->at = place == walk->node->count ? walk->entries.len : offset_of(walk, place);
    }
    return true;
}

/* Goes on to the next node. False: there is none, or refused. */
static bool next_node(struct quicklist_walk *walk)
{
    walk->node = walk->node->links[other_end(walk->from)];
    if (walk->node == NULL || !enter_node(walk)) {
        return false;
    }
    walk->at = walk->from == LIST_HEAD ? 0 : walk->entries.len;
    return true;
}

bool quicklist_walk_next(struct quicklist_walk *walk, struct item *out)
{
    if (UNLIKELY(!walk->is_sought)) {
        quicklist_walk_seek(walk, UINT64_MAX);
    }
    if (walk->node == NULL) {
        return false;
    }
    const bool is_at_end = walk->at == (walk->from == LIST_HEAD ? walk->entries.len : 0);
    if (UNLIKELY(is_at_end) && !next_node(walk)) {
        return false;
    }
    if (UNLIKELY(walk->node->form == NODE_PLAIN)) {
        *out = (struct item){.data = walk->node->data, .len = walk->node->len};
        walk->at = walk->from == LIST_HEAD ? 1 : 0;
        walk->item_at = 0;
    } else if (walk->from == LIST_HEAD) {
        walk->item_at = walk->at;
        listpack_next(walk->entries, &walk->at, out);
    } else {
        listpack_previous(walk->entries, &walk->at, out);
        walk->item_at = walk->at;
    }
    return true;
}

void quicklist_walk_end(struct quicklist_walk *walk)
{
    if (walk->opened != NULL) {
        thread_free(MEM_CLIENT, walk->opened, walk->opened_room);
    }
    *walk = (struct quicklist_walk){0};
}
