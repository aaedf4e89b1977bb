/* quicklist_whole.c - a quicklist as a whole: made, freed in steps, copied, checked.  */
#include "encoding/lzf_text.h"
#include "encoding/quicklist_private.h"

#include <assert.h>

enum {
    NODE_BYTES_OF_COUNT = 8192, /* when list-max-listpack-size counts items */
    NODE_BYTES_FIRST = 4096,    /* -1; each step further doubles it */
    NODE_BYTES_STEPS = 5,
};
_Static_assert(NODE_BYTES_FIRST << (NODE_BYTES_STEPS - 1) == QUICKLIST_NODE_MAX, "-5 is the largest node");
_Static_assert((int)NODE_BYTES_OF_COUNT <= (int)QUICKLIST_NODE_MAX, "a node that counts items is none of the largest");

static bool free_step(struct collection *collection, size_t *limit)
{
    struct quicklist *list = (struct quicklist *)collection;
    while (list->ends[LIST_HEAD] != NULL) {
        struct quicklist_node *node = list->ends[LIST_HEAD];
        if (*limit == 0) {
            return false;
        }
        *limit -= node->count < *limit ? node->count : *limit;
        list->ends[LIST_HEAD] = node->links[LIST_TAIL];
        node_free(list, node);
    }
    heap_free(list->base.heap, MEM_LIST, list, sizeof *list);
    return true;
}

/* An empty list with the limits of another. */
static struct quicklist *create_like(struct heap *heap, const struct quicklist *like)
{
    struct quicklist *list = heap_alloc(heap, MEM_LIST, sizeof *list);
    if (list == NULL) {
        return NULL;
    }
    *list = (struct quicklist){
        .base = {.bytes = heap_block_bytes(sizeof *list), .heap = heap, .type = like->base.type,
                 .encoding = ENCODING_QUICKLIST},
        .node_bytes_max = like->node_bytes_max,
        .node_items_max = like->node_items_max,
        .compress_depth = like->compress_depth,
    };
    return list;
}

static struct collection *copy(const struct collection *collection, struct heap *heap)
{
    const struct quicklist *from = (const struct quicklist *)collection;
    struct quicklist *list = create_like(heap, from);
    if (list == NULL) {
        return NULL;
    }
    for (const struct quicklist_node *node = from->ends[LIST_HEAD]; node != NULL; node = node->links[LIST_TAIL]) {
        struct quicklist_node *copied = node_copy(list, node);
        if (copied == NULL) {
            collection_destroy(&list->base);
            return NULL;
        }
        node_link(list, copied, list->ends[LIST_TAIL], LIST_TAIL);
        list->count += copied->count;
    }
    assert(list->count == from->count);
    debug_assert(collection_is_valid(&list->base));
    return &list->base;
}

/* --- checking --- */

static const char *entries_fault(const struct quicklist_node *node, struct bytes entries)
{
    size_t count;
    if (!listpack_entries_are_valid(entries, &count)) {
        return "a list node's entries are damaged";
    }
    return count == node->count ? NULL : "a list node miscounts its items";
}

static const char *compressed_fault(const struct quicklist_node *node)
{
    if (node->links[LIST_HEAD] == NULL || node->links[LIST_TAIL] == NULL) {
        return "the end of a list is compressed";
    }
    char opened[QUICKLIST_NODE_MAX]; /* asks for no memory: debug asserts look in the middle of what may be refused */
    if (!lzf_text_decompress((struct bytes){node->data, node->len}, opened, node->opened_len)) {
        return "a compressed list node is damaged";
    }
    return entries_fault(node, (struct bytes){opened, node->opened_len});
}

static const char *node_fault(const struct quicklist_node *node)
{
    if (node->count == 0) {
        return "a list node is empty";
    }
    if (node->form == NODE_PLAIN) {
        return node->count == 1 ? NULL : "a plain list node has several items";
    }
    if (node->form == NODE_LZF) {
        return compressed_fault(node);
    }
    return node->start + node->len > node->room ? "a list node is overfull" : entries_fault(node, node_entries(node));
}

static const char *fault(const struct collection *collection)
{
    const struct quicklist *list = (const struct quicklist *)collection;
    const struct quicklist_node *before = NULL;
    uint64_t bytes = heap_block_bytes(sizeof *list);
    uint64_t count = 0;
    uint64_t node_count = 0;
    for (const struct quicklist_node *node = list->ends[LIST_HEAD]; node != NULL; node = node->links[LIST_TAIL]) {
        const char *found = node_fault(node);
        if (found != NULL) {
            return found;
        }
        if (node->links[LIST_HEAD] != before) {
            return "a list node's link is wrong";
        }
        bytes += heap_block_bytes(node_request(node));
        count += node->count;
        node_count++;
        before = node;
    }
    if (list->ends[LIST_TAIL] != before || list->node_count != node_count) {
        return "a list's nodes are not what it says";
    }
    if (list->count != count) {
        return "a list miscounts its items";
    }
    return list->base.bytes == bytes ? NULL : "a list miscounts its bytes";
}

static const struct collection_type quicklist_type = {
    .which = MEM_LIST, .free_step = free_step, .copy = copy, .fault = fault, .defrag = quicklist_defrag};

struct quicklist *quicklist_create(struct heap *heap, const struct encoding_limits *limits)
{
    const int64_t size = limits->list_max_listpack_size;
    const int64_t depth = limits->list_compress_depth;
    const int64_t steps = size < -NODE_BYTES_STEPS ? NODE_BYTES_STEPS : -size;
    const int64_t items = size > QUICKLIST_ITEMS_MAX || size < 0 ? QUICKLIST_ITEMS_MAX : size;
    const struct quicklist like = {
        .base = {.type = &quicklist_type},
        .node_bytes_max = size < 0 ? (uint32_t)(NODE_BYTES_FIRST << (steps - 1)) : (uint32_t)NODE_BYTES_OF_COUNT,
        .node_items_max = items == 0 ? 1 : (uint16_t)items,
        .compress_depth = depth < 0 ? 0 : depth > UINT16_MAX ? UINT16_MAX : (uint16_t)depth,
    };
    return create_like(heap, &like);
}

void quicklist_swap(struct quicklist *a, struct quicklist *b)
{
    assert(a->base.heap == b->base.heap);
    const struct quicklist was = *a;
    a->base.bytes = b->base.bytes;
    a->count = b->count;
    a->ends[LIST_HEAD] = b->ends[LIST_HEAD];
    a->ends[LIST_TAIL] = b->ends[LIST_TAIL];
    a->node_count = b->node_count;
    b->base.bytes = was.base.bytes;
    b->count = was.count;
    b->ends[LIST_HEAD] = was.ends[LIST_HEAD];
    b->ends[LIST_TAIL] = was.ends[LIST_TAIL];
    b->node_count = was.node_count;
    a->defrag_next = NULL;
    b->defrag_next = NULL;
    debug_assert(collection_is_valid(&a->base));
    debug_assert(collection_is_valid(&b->base));
}

bool quicklist_single(const struct quicklist *list, struct bytes *entries)
{
    if (list->node_count != 1 || list->ends[LIST_HEAD]->form != NODE_RAW) {
        return false;
    }
    *entries = node_entries(list->ends[LIST_HEAD]);
    return true;
}
