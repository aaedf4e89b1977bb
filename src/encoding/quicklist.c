/* quicklist.c - changing a quicklist: at its ends, at places, many items at once.
 *
 * Invariant  Whatever may be refused comes first: nodes are opened and made before items go.  */
#include "encoding/quicklist.h"

#include "encoding/quicklist_private.h"

#include <assert.h>

enum { BIG_LIST_NODES = 16 }; /* new nodes of such a list begin with half of their size */

/* --- depth --- */

static bool is_inner(const struct quicklist *list, const struct quicklist_node *node)
{
    const struct quicklist_node *near[2] = {list->ends[LIST_HEAD], list->ends[LIST_TAIL]};
    if (list->compress_depth == 0 || list->node_count <= 2 * (uint64_t)list->compress_depth) {
        return false;
    }
    for (uint32_t i = 0; i < list->compress_depth; i++) {
        if (near[LIST_HEAD] == node || near[LIST_TAIL] == node) {
            return false;
        }
        near[LIST_HEAD] = near[LIST_HEAD]->links[LIST_TAIL];
        near[LIST_TAIL] = near[LIST_TAIL]->links[LIST_HEAD];
    }
    return true;
}

void quicklist_compress_inner(struct quicklist *list, struct quicklist_node *node)
{
    if (list->compress_depth > 0 && node != NULL && is_inner(list, node)) {
        node_compress(list, &node);
    }
}

void quicklist_settle_ends(struct quicklist *list)
{
    for (enum list_end end = LIST_HEAD; list->compress_depth > 0 && end <= LIST_TAIL; end++) {
        struct quicklist_node *node = list->ends[end];
        for (uint32_t i = 0; i < list->compress_depth && node != NULL; i++) {
            const enum result result = node_open(list, &node);
            (void)result; /* refused: it is opened when it is needed */
            node = node->links[other_end(end)];
        }
        quicklist_compress_inner(list, node);
    }
}

/* --- ends --- */

/* True when an item needs a node of its own, whatever is in the others. */
static bool is_plain_size(const struct quicklist *list, const struct item *item)
{
    return item->data != NULL && item->len > entries_max(list) - PACKED_HEAD_MAX - LISTPACK_BACK_MAX;
}

/* A node with just this item, not linked. */
static struct quicklist_node *node_of_item(struct quicklist *list, const struct item *item, enum list_end gap)
{
    if (is_plain_size(list, item)) {
        return node_create_plain(list, (struct bytes){item->data, item->len});
    }
    const size_t size = listpack_entry_size(item);
    const size_t half = list->node_bytes_max / 2 - NODE_HEADER;
    const bool is_big = list->node_count >= BIG_LIST_NODES && list->node_items_max == QUICKLIST_ITEMS_MAX;
    struct quicklist_node *node = node_create(list, is_big && size < half ? half : size, gap);
    if (node != NULL) {
        node->start = (uint16_t)(gap == LIST_HEAD ? node->room - size : 0);
        node->len = size;
        node->count = 1;
        listpack_write_entry(node->data + node->start, item);
    }
    return node;
}

/* Adds an item of `size` bytes to a node that has the room. */
static void write_at_end(struct quicklist_node *node, enum list_end end, const struct item *item, size_t size)
{
    assert(size <= (end == LIST_HEAD ? node->start : node->room - node->start - node->len));
    if (end == LIST_HEAD) {
        node->start = (uint16_t)(node->start - size);
        listpack_write_entry(node->data + node->start, item);
    } else {
        listpack_write_entry(node->data + node->start + node->len, item);
    }
    node->len += size;
    node->count++;
}

/* Adds an item at the end of a node that may have it. */
static enum result push_into(struct quicklist *list, struct quicklist_node *node, enum list_end end, const struct item *item)
{
    const size_t size = listpack_entry_size(item);
    const enum result result = node_make_room(list, &node, size, end);
    if (LIKELY(result == RESULT_OK)) {
        write_at_end(node, end, item, size);
    }
    return result;
}

static bool may_take(const struct quicklist *list, const struct quicklist_node *node, const struct item *item)
{
    return !is_plain_size(list, item) && node_has_room_for(list, node, listpack_entry_size(item), 1);
}

enum result quicklist_push(struct quicklist *list, enum list_end end, const struct item *item)
{
    struct quicklist_node *node = list->ends[end];
    if (LIKELY(may_take(list, node, item))) {
        const enum result result = push_into(list, node, end, item);
        list->count += result == RESULT_OK;
        debug_assert(collection_is_valid(&list->base));
        return result;
    }
    struct quicklist_node *made = node_of_item(list, item, end);
    if (made == NULL) {
        return RESULT_NO_MEMORY;
    }
    if (node != NULL) {
        node_shrink(list, &node);
    }
    node_link(list, made, node, end);
    list->count++;
    quicklist_settle_ends(list);
    debug_assert(collection_is_valid(&list->base));
    return RESULT_OK;
}

struct item quicklist_end_item(const struct quicklist *list, enum list_end end)
{
    const struct quicklist_node *node = list->ends[end];
    assert(node != NULL);
    assert(node->form != NODE_LZF);
    if (node->form == NODE_PLAIN) {
        return (struct item){.data = node->data, .len = node->len};
    }
    const struct bytes entries = node_entries(node);
    const char *at = entries.data;
    if (end == LIST_TAIL) {
        at += entries.len - listpack_size_before(entries.data + entries.len);
    }
    return packed_read(at);
}

/* Opens a neighbour that is about to become an end. NULL is allowed. */
static enum result open_neighbour(struct quicklist *list, struct quicklist_node *node, enum list_end end)
{
    struct quicklist_node *neighbour = node->links[end];
    return neighbour == NULL ? RESULT_OK : node_open(list, &neighbour);
}

enum result quicklist_drop_end(struct quicklist *list, enum list_end end)
{
    struct quicklist_node *node = list->ends[end];
    assert(node != NULL);
    assert(node->form != NODE_LZF);
    if (node->count > 1) {
        const struct bytes entries = node_entries(node);
        const size_t size = end == LIST_HEAD ? listpack_size_at(entries.data) : listpack_size_before(entries.data + entries.len);
        node->start = (uint16_t)(node->start + (end == LIST_HEAD ? size : 0));
        node->len -= size;
        node->count--;
        list->count--;
        debug_assert(collection_is_valid(&list->base));
        return RESULT_OK;
    }
    const enum result result = open_neighbour(list, node, other_end(end));
    if (result == RESULT_OK) {
        node_remove(list, node);
        list->count--;
        quicklist_settle_ends(list);
    }
    debug_assert(collection_is_valid(&list->base));
    return result;
}

/* --- places --- */

static size_t size_of_place(const struct quicklist_place *place)
{
    assert(place->node->form == NODE_PLAIN || place->at < place->node->len);
    return place->node->form == NODE_PLAIN ? 1 : listpack_size_at(node_entries(place->node).data + place->at);
}

/* Removes the entry at a place; the node may be without items then. */
static void delete_entry(struct quicklist *list, struct quicklist_node *node, size_t at)
{
    assert(node->form != NODE_LZF);
    assert(node->count > 0);
    list->count--;
    node->count--;
    if (node->form == NODE_PLAIN) {
        return;
    }
    const struct listpack_edit edit = {.at = at, .old_len = listpack_size_at(node_entries_data(node) + at)};
    node->len = listpack_apply_to_entries(node_entries_data(node), node->len, &edit);
}

/* After items were deleted from `node`, which is raw, or plain and not empty: joins it with a neighbour when both are small. */
static void tidy(struct quicklist *list, struct quicklist_node *node)
{
    struct quicklist_node *next = node->links[LIST_TAIL];
    if (node->form != NODE_RAW) {
        return;
    }
    const bool is_joined = next != NULL && next->form == NODE_RAW && node->len + next->len <= entries_max(list) / 2 &&
                           node_has_room_for(list, node, next->len, next->count) &&
                           node_make_room(list, &node, next->len, LIST_TAIL) == RESULT_OK;
    if (is_joined) {
        memcpy(node_entries_data(node) + node->len, node_entries_data(next), next->len);
        node->len += next->len;
        node->count = (uint16_t)(node->count + next->count);
        node_remove(list, next);
    } else {
        node_shrink(list, &node);
    }
    quicklist_compress_inner(list, node);
}

/* The first place that is not in the node of places[0]. */
static size_t end_of_run(const struct quicklist_place *places, size_t count)
{
    size_t end = 1;
    while (end < count && places[end].node == places[0].node) {
        end++;
    }
    return end;
}

/* Opens the nodes of all places, and what may become an end. */
static enum result open_places(struct quicklist *list, struct quicklist_place *places, size_t count)
{
    enum result result = RESULT_OK;
    for (size_t at = 0; at < count && result == RESULT_OK;) {
        const size_t end = at + end_of_run(places + at, count - at);
        struct quicklist_node *node = places[at].node;
        result = node_open(list, &node);
        for (; at < end; at++) {
            places[at].node = node;
        }
    }
    return result;
}

/* The first node from an end on that keeps an item becomes that end: opens it. `places` as open_places left them. */
static enum result open_new_end(struct quicklist *list, const struct quicklist_place *places, size_t count, enum list_end end)
{
    struct quicklist_node *node = list->ends[end];
    size_t left = count;
    while (node != NULL && left > 0) {
        const struct quicklist_place *run = end == LIST_HEAD ? places + (count - left) : places + left - 1;
        size_t gone = 0;
        while (gone < left && (end == LIST_HEAD ? run[gone].node : (run - gone)->node) == node) {
            gone++;
        }
        if (gone < node->count) {
            break;
        }
        left -= gone;
        node = node->links[other_end(end)];
    }
    return node == NULL ? RESULT_OK : node_open(list, &node);
}

/* Frees the nodes of places that have no items any more, then tidies the others: what becomes an end is not compressed before. */
static void tidy_places(struct quicklist *list, struct quicklist_place *places, size_t count)
{
    size_t left = 0;
    for (size_t at = 0; at < count;) {
        const size_t end = at + end_of_run(places + at, count - at);
        if (places[at].node->count == 0) {
            node_remove(list, places[at].node);
        } else {
            places[left++] = places[at];
        }
        at = end;
    }
    /* From the tail on: tidying may free the node behind, where no place is left. */
    while (left-- > 0) {
        tidy(list, places[left].node);
    }
}

enum result quicklist_delete_places(struct quicklist *list, struct quicklist_place *places, size_t count)
{
    enum result result = open_places(list, places, count);
    for (enum list_end end = LIST_HEAD; result == RESULT_OK && end <= LIST_TAIL; end++) {
        result = open_new_end(list, places, count, end);
    }
    for (size_t i = count; result == RESULT_OK && i-- > 0;) {
        delete_entry(list, places[i].node, places[i].at);
    }
    tidy_places(list, places, count);
    quicklist_settle_ends(list);
    debug_assert(collection_is_valid(&list->base));
    return result;
}

/* --- putting in at a place --- */

/* What a place's `at` may be at most. */
static size_t span(const struct quicklist_node *node)
{
    return node->form == NODE_PLAIN ? 1 : node->len;
}

/* Moves the entries from `at` on, some but not all, into a new node behind. */
static enum result split(struct quicklist *list, struct quicklist_node **node, size_t at)
{
    struct quicklist_node *left = *node;
    assert(left->form == NODE_RAW);
    assert(at > 0 && at < left->len);
    const size_t right_len = left->len - at;
    struct quicklist_node *right = node_create(list, right_len, LIST_TAIL);
    if (right == NULL) {
        return RESULT_NO_MEMORY;
    }
    const struct bytes moved = {node_entries_data(left) + at, right_len};
    memcpy(right->data, moved.data, moved.len);
    right->len = right_len;
    right->count = (uint16_t)listpack_count_entries(moved);
    left->len = at;
    left->count = (uint16_t)(left->count - right->count);
    node_link(list, right, left, LIST_TAIL);
    node_shrink(list, node);
    return RESULT_OK;
}

/* Puts the item into the middle of a node that may have it. */
static enum result insert_into(struct quicklist *list, struct quicklist_place *place, const struct item *item)
{
    const struct listpack_edit edit = {.at = place->at, .items = item, .count = 1};
    const enum result result = node_make_room(list, &place->node, listpack_entry_size(item), LIST_TAIL);
    if (result == RESULT_OK) {
        struct quicklist_node *node = place->node;
        node->len = listpack_apply_to_entries(node_entries_data(node), node->len, &edit);
        node->count++;
    }
    return result;
}

/* Puts the item at the inner edge of `node`'s neighbour or into a node of its own beside it, and sets the place. */
static enum result insert_beside(struct quicklist *list, struct quicklist_place *place, enum list_end side,
                                 const struct item *item)
{
    struct quicklist_node *neighbour = place->node->links[side];
    if (may_take(list, neighbour, item)) {
        const struct quicklist_place inner = {neighbour, side == LIST_HEAD ? neighbour->len : 0};
        *place = inner;
        return insert_into(list, place, item);
    }
    struct quicklist_node *made = node_of_item(list, item, LIST_TAIL);
    if (made == NULL) {
        return RESULT_NO_MEMORY;
    }
    node_link(list, made, place->node, side);
    *place = (struct quicklist_place){made, 0};
    return RESULT_OK;
}

/* Puts the item between those that end and begin at place->at, in an opened node; *place is then its own place. */
static enum result insert_at(struct quicklist *list, struct quicklist_place *place, const struct item *item)
{
    enum result result;
    if (may_take(list, place->node, item)) {
        result = insert_into(list, place, item);
    } else if (place->at == 0) {
        result = insert_beside(list, place, LIST_HEAD, item);
    } else {
        result = place->at == span(place->node) ? RESULT_OK : split(list, &place->node, place->at);
        if (result == RESULT_OK && may_take(list, place->node, item)) {
            result = insert_into(list, place, item);
        } else if (result == RESULT_OK) {
            result = insert_beside(list, place, LIST_TAIL, item);
        }
    }
    list->count += result == RESULT_OK;
    return result;
}

/* After changes around `node`. */
static void settle_around(struct quicklist *list, struct quicklist_node *node)
{
    struct quicklist_node *before = node->links[LIST_HEAD];
    struct quicklist_node *behind = node->links[LIST_TAIL];
    quicklist_compress_inner(list, before);
    quicklist_compress_inner(list, behind);
    quicklist_compress_inner(list, node);
    quicklist_settle_ends(list);
}

enum result quicklist_insert(struct quicklist *list, struct quicklist_place place, enum list_end side, const struct item *item)
{
    enum result result = node_open(list, &place.node);
    if (result != RESULT_OK) {
        return result;
    }
    if (side == LIST_TAIL) {
        place.at += size_of_place(&place);
    }
    result = insert_at(list, &place, item);
    settle_around(list, place.node);
    debug_assert(collection_is_valid(&list->base));
    return result;
}

/* Puts the item in front of the one at `place`, and removes that. */
static enum result insert_and_delete(struct quicklist *list, struct quicklist_place *place, const struct item *item)
{
    enum result result = insert_at(list, place, item);
    if (result != RESULT_OK) {
        return result;
    }
    struct quicklist_place old = *place;
    old.at += size_of_place(&old);
    if (old.at == span(old.node)) {
        old = (struct quicklist_place){old.node->links[LIST_TAIL], 0};
    }
    delete_entry(list, old.node, old.at);
    if (old.node->count == 0) {
        node_remove(list, old.node);
    }
    return RESULT_OK;
}

enum result quicklist_replace(struct quicklist *list, struct quicklist_place place, const struct item *item)
{
    enum result result = node_open(list, &place.node);
    if (result != RESULT_OK) {
        return result;
    }
    const bool is_raw = place.node->form == NODE_RAW && !is_plain_size(list, item);
    const size_t old_size = size_of_place(&place);
    const size_t new_size = is_raw ? listpack_entry_size(item) : 0;
    if (is_raw && place.node->len - old_size + new_size <= entries_max(list)) {
        const struct listpack_edit edit = {.at = place.at, .old_len = old_size, .items = item, .count = 1};
        if (new_size > old_size) {
            result = node_make_room(list, &place.node, new_size - old_size, LIST_TAIL);
        }
        if (result == RESULT_OK) {
            place.node->len = listpack_apply_to_entries(node_entries_data(place.node), place.node->len, &edit);
        }
    } else {
        result = insert_and_delete(list, &place, item);
    }
    settle_around(list, place.node);
    debug_assert(collection_is_valid(&list->base));
    return result;
}

/* --- many at once --- */

/* The node with item `index`, which is there; *first is the index of the node's first. */
static struct quicklist_node *node_of_index(const struct quicklist *list, uint64_t index, uint64_t *first)
{
    assert(index < list->count);
    struct quicklist_node *node;
    uint64_t begin;
    if (index < list->count / 2) {
        begin = 0;
        for (node = list->ends[LIST_HEAD]; index - begin >= node->count; node = node->links[LIST_TAIL]) {
            begin += node->count;
        }
    } else {
        node = list->ends[LIST_TAIL];
        for (begin = list->count - node->count; begin > index; begin -= node->count) {
            node = node->links[LIST_HEAD];
        }
    }
    *first = begin;
    return node;
}

/* One side of a cut: the node that keeps an item next to it, opened. NULL: nothing stays on that side. */
struct edge {
    struct quicklist_node *node;
    size_t kept; /* items on its own side of the cut */
};

static enum result open_edge(struct quicklist *list, uint64_t index, enum list_end side, struct edge *out)
{
    uint64_t first;
    struct quicklist_node *node = node_of_index(list, index, &first);
    const enum result result = node_open(list, &node);
    const size_t before = (size_t)(index - first);
    *out = (struct edge){node, side == LIST_HEAD ? before + 1 : node->count - before};
    return result;
}

/* Takes away the items of an edge's node that are beyond the cut; `side`: where the items that stay are. */
static void trim_edge(struct quicklist *list, const struct edge *edge, enum list_end side)
{
    struct quicklist_node *node = edge->node;
    assert(edge->kept > 0 && edge->kept <= node->count);
    const size_t gone = node->count - edge->kept;
    if (gone == 0) {
        return;
    }
    const struct bytes entries = node_entries(node);
    const size_t at = side == LIST_HEAD ? listpack_skip_back(entries, entries.len, gone) : listpack_skip(entries, 0, gone);
    node->start = (uint16_t)(node->start + (side == LIST_HEAD ? 0 : at));
    node->len = side == LIST_HEAD ? at : entries.len - at;
    node->count = (uint16_t)edge->kept;
    list->count -= gone;
}

/* Where it stands which node follows `node` towards an end; NULL: which is the first from the other end. */
static struct quicklist_node **link_behind(struct quicklist *list, struct quicklist_node *node, enum list_end way)
{
    return node == NULL ? &list->ends[other_end(way)] : &node->links[way];
}

/* What some nodes are in sum. */
struct run {
    uint64_t nodes, items, bytes;
    bool has_defrag_next;
};

static void run_add(struct run *run, const struct quicklist *list, const struct quicklist_node *node)
{
    run->nodes++;
    run->items += node->count;
    run->bytes += heap_block_bytes(node_request(node));
    run->has_defrag_next |= node == list->defrag_next;
}

/* Of the nodes between two (NULL: between an end of the list and the other). O(those or the others, whatever is fewer). */
static struct run run_between(const struct quicklist *list, const struct quicklist_node *left, const struct quicklist_node *right)
{
    struct run inside = {0};
    struct run outside = {0};
    const struct quicklist_node *node = left == NULL ? list->ends[LIST_HEAD] : left->links[LIST_TAIL];
    const struct quicklist_node *other = left == NULL ? right : left;
    enum list_end way = left == NULL ? LIST_TAIL : LIST_HEAD;
    for (; node != right && other != NULL; node = node->links[LIST_TAIL]) {
        run_add(&inside, list, node);
        run_add(&outside, list, other);
        other = other->links[way];
        if (other == NULL && way == LIST_HEAD) {
            way = LIST_TAIL;
            other = right;
        }
    }
    if (node == right) {
        return inside;
    }
    return (struct run){list->node_count - outside.nodes, list->count - outside.items,
                        list->base.bytes - heap_block_bytes(sizeof *list) - outside.bytes,
                        list->defrag_next != NULL && !outside.has_defrag_next};
}

/* Moves the nodes between two of them, as above, to the end of `removed`. */
static void take_out(struct quicklist *list, struct quicklist_node *left, struct quicklist_node *right, struct quicklist *removed)
{
    const struct run run = run_between(list, left, right);
    struct quicklist_node *first = *link_behind(list, left, LIST_TAIL);
    struct quicklist_node *last = *link_behind(list, right, LIST_HEAD);
    if (run.nodes == 0) {
        return;
    }
    *link_behind(list, left, LIST_TAIL) = right;
    *link_behind(list, right, LIST_HEAD) = left;
    list->node_count -= run.nodes;
    list->count -= run.items;
    list->base.bytes -= run.bytes;
    if (run.has_defrag_next) {
        list->defrag_next = right;
    }
    assert(list->base.heap == removed->base.heap);
    struct quicklist_node *before = removed->ends[LIST_TAIL];
    first->links[LIST_HEAD] = before;
    last->links[LIST_TAIL] = NULL;
    *link_behind(removed, before, LIST_TAIL) = first;
    removed->ends[LIST_TAIL] = last;
    removed->node_count += run.nodes;
    removed->count += run.items;
    removed->base.bytes += run.bytes;
}

/* Removes what is between two edges in different nodes. */
static void cut_between(struct quicklist *list, const struct edge *left, const struct edge *right, struct quicklist *removed)
{
    if (removed != NULL) {
        take_out(list, left->node, right->node, removed);
    } else {
        struct quicklist_node *node = *link_behind(list, left->node, LIST_TAIL);
        while (node != right->node) {
            struct quicklist_node *next = node->links[LIST_TAIL];
            list->count -= node->count;
            node_remove(list, node);
            node = next;
        }
    }
    if (left->node != NULL) {
        trim_edge(list, left, LIST_HEAD);
    }
    if (right->node != NULL) {
        trim_edge(list, right, LIST_TAIL);
    }
}

/* Removes what is between two edges in one node. */
static void cut_within(struct quicklist *list, const struct edge *left, const struct edge *right)
{
    struct quicklist_node *node = left->node;
    const struct bytes entries = node_entries(node);
    const size_t gone = node->count - left->kept - right->kept;
    const size_t begin = listpack_skip(entries, 0, left->kept);
    const struct listpack_edit edit = {.at = begin, .old_len = listpack_skip(entries, begin, gone) - begin};
    node->len = listpack_apply_to_entries(node_entries_data(node), node->len, &edit);
    node->count = (uint16_t)(node->count - gone);
    list->count -= gone;
}

enum result quicklist_cut(struct quicklist *list, uint64_t first, uint64_t count, struct quicklist *removed)
{
    assert(first <= list->count);
    assert(count <= list->count - first);
    struct edge left = {0};
    struct edge right = {0};
    enum result result = RESULT_OK;
    if (count == 0) {
        return RESULT_OK;
    }
    if (first > 0) {
        result = open_edge(list, first - 1, LIST_HEAD, &left);
    }
    if (result == RESULT_OK && first + count < list->count) {
        result = open_edge(list, first + count, LIST_TAIL, &right);
    }
    if (result == RESULT_OK && left.node != NULL && left.node == right.node) {
        cut_within(list, &left, &right);
        right.node = NULL;
    } else if (result == RESULT_OK) {
        cut_between(list, &left, &right, removed);
    }
    if (right.node != NULL) {
        tidy(list, right.node);
    }
    if (left.node != NULL) {
        tidy(list, left.node);
    }
    quicklist_settle_ends(list);
    debug_assert(collection_is_valid(&list->base));
    return result;
}

enum result quicklist_keep(struct quicklist *list, uint64_t first, uint64_t count, struct quicklist *removed)
{
    assert(count > 0);
    assert(first <= list->count);
    assert(count <= list->count - first);
    static const struct edge none = {0};
    struct edge head, tail;
    enum result result = open_edge(list, first, LIST_TAIL, &head);
    if (result == RESULT_OK) {
        result = open_edge(list, first + count - 1, LIST_HEAD, &tail);
    }
    if (result == RESULT_OK) {
        cut_between(list, &tail, &none, removed);
        if (head.node == tail.node) {
            head.kept = (size_t)count;
        }
        cut_between(list, &none, &head, removed);
    }
    tidy(list, head.node);
    tidy(list, list->ends[LIST_TAIL]);
    quicklist_settle_ends(list);
    debug_assert(collection_is_valid(&list->base));
    return result;
}
