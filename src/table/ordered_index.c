/* ordered_index.c - see ordered_index.h.
 *
 * Making room splits full nodes on its way down, so that a parent always has room and a refused allocation leaves a valid tree. A
 * removal merges on its way up, where both halves fit well into one node; a merge that gets no memory is left out. The keys of inner
 * nodes follow the first keys of leaves at once: a text is in its row's cell only, so a key of a row that is gone could not be compared.  */
#include "table/ordered_index.h"

#include "base/check.h"

#include <assert.h>
#include <string.h>

enum {
    LEAF_FEW = 64,
    LEAF_MERGE = 192,
    INNER_FEW = 16,
    INNER_MERGE = 48,
};

_Static_assert((int)LEAF_MERGE < (int)LEAF_KEYS_MAX, "a leaf that was merged has room for more");
_Static_assert((int)INNER_MERGE < (int)INNER_KEYS_MAX, "a node that was merged has room for more");

void ordered_index_init(struct ordered_index *index, enum column_type type, uint32_t slot)
{
    *index = (struct ordered_index){.type = (uint8_t)type, .slot = (uint16_t)slot};
}

static bool is_text(const struct ordered_index *index)
{
    return column_type_is_text((enum column_type)index->type);
}

static struct key_source source_of(const struct ordered_index *index, struct page *const *pages)
{
    return (struct key_source){.pages = pages, .slot = index->slot, .is_text = is_text(index)};
}

static struct ordered_key key_of(const struct ordered_index *index, const struct typed_value *value, uint64_t row)
{
    assert(!value->is_null);
    if (is_text(index)) {
        return (struct ordered_key){.text = typed_value_text(value), .row = row};
    }
    return (struct ordered_key){.number = ordered_number((enum column_type)index->type, value), .row = row};
}

/* The key of an item; a text is lent from its row's cell. */
static struct ordered_key key_at(const struct ordered_node *node, uint32_t at, const struct key_source *source)
{
    const uint32_t row = node_rows(node)[at];
    if (source->is_text) {
        return (struct ordered_key){.text = ordered_key_text(source, row), .row = row};
    }
    return (struct ordered_key){.number = ordered_node_number(node, at), .row = row};
}

/* --- blocks --- */

static void count_bytes(struct ordered_index *index, size_t added, size_t removed)
{
    const uint64_t bytes = index->bytes + (added == 0 ? 0 : heap_block_bytes(added)) - (removed == 0 ? 0 : heap_block_bytes(removed));
    __atomic_store_n(&index->bytes, bytes, __ATOMIC_RELAXED);
}

static struct ordered_node *create(struct ordered_index *index, struct heap *heap, const struct node_shape *shape)
{
    struct ordered_node *node = ordered_node_create(heap, MEM_TABLE_INDEX, shape);
    if (node != NULL) {
        count_bytes(index, ordered_node_bytes(node), 0);
    }
    return node;
}

static void destroy(struct ordered_index *index, struct heap *heap, struct ordered_node *node)
{
    const size_t size = ordered_node_bytes(node);
    heap_free(heap, MEM_TABLE_INDEX, node, size);
    count_bytes(index, 0, size);
}

/* The shape for `count` of the node's keys as they lie now. */
static struct node_shape shape_of(const struct ordered_node *node, const struct key_source *source, uint32_t count)
{
    struct node_shape shape = {.is_leaf = node->is_leaf, .is_text = source->is_text, .count = count};
    if (source->is_text) {
        shape.skip = node->count > node_first(node) ? node->skip : node->room * 8u;
    } else if (node->is_leaf) {
        shape.least = node->base;
        shape.most = node->base + (UINT64_MAX >> (64 - node->width * 8));
    }
    return shape;
}

/* The same, with a key that does not fit, which is less or greater than all. There is room for more keys on the side where it is. */
static void shape_include(struct node_shape *shape, const struct ordered_node *node, uint64_t number)
{
    if (node->count == 0) {
        shape->least = shape->most = number;
        return;
    }
    const uint64_t first = ordered_node_number(node, 0);
    const uint64_t last = ordered_node_number(node, node->count - 1u);
    shape->least = number < first ? number : first;
    shape->most = number > last ? number : last;
    if (number < node->base) {
        const uint64_t span = shape->most - shape->least;
        const uint64_t range = span <= UINT8_MAX ? UINT8_MAX : span <= UINT16_MAX ? UINT16_MAX : span <= UINT32_MAX ? UINT32_MAX : UINT64_MAX;
        shape->least = shape->most > range ? shape->most - range : 0;
    }
}

/* Puts the node's keys into a block of that shape, which has room for them. False: no memory, unchanged. */
static bool remake(struct ordered_index *index, const struct index_host *host, struct ordered_node **link,
                   const struct node_shape *shape)
{
    struct ordered_node *old = *link;
    struct ordered_node *node = create(index, host->heap, shape);
    if (node == NULL) {
        return false;
    }
    ordered_node_append(node, old, 0, old->count);
    if (shape->is_text && shape->skip > old->skip) {
        const struct key_source source = source_of(index, host->pages);
        ordered_node_encode_texts(node, &source);
    }
    destroy(index, host->heap, old);
    *link = node;
    return true;
}

/* Room for one more item in an inner node. */
static bool reserve_item(struct ordered_index *index, const struct index_host *host, struct ordered_node **link)
{
    if ((*link)->count < (*link)->capacity) {
        return true;
    }
    const struct key_source source = source_of(index, host->pages);
    const struct node_shape shape = shape_of(*link, &source, (*link)->count + 1u);
    return remake(index, host, link, &shape);
}

/* Room for the key in its leaf, which is not full. */
static bool reserve_key(struct ordered_index *index, const struct index_host *host, struct ordered_node **link,
                        const struct key_source *source, const struct ordered_key *key)
{
    struct ordered_node *leaf = *link;
    const bool fits = ordered_node_fits(leaf, source, key);
    if (!fits && source->is_text) {
        ordered_node_narrow(leaf, key->text);
    }
    if (leaf->count < leaf->capacity && (fits || source->is_text)) {
        return true;
    }
    struct node_shape shape = shape_of(leaf, source, leaf->count + 1u);
    if (!fits && !source->is_text) {
        shape_include(&shape, leaf, key->number);
    }
    return remake(index, host, link, &shape);
}

static bool is_smaller(const struct node_shape *shape, const struct ordered_node *node)
{
    return heap_block_bytes(ordered_node_shape_bytes(shape)) < heap_block_bytes(ordered_node_bytes(node));
}

/* Cuts the node when its block is too big for what it holds, with an eighth to spare. */
static void trim(struct ordered_index *index, const struct index_host *host, struct ordered_node **link)
{
    const struct key_source source = source_of(index, host->pages);
    const struct node_shape shape = shape_of(*link, &source, (*link)->count + (*link)->count / 8u + 1);
    if (shape.count < (*link)->capacity && is_smaller(&shape, *link)) {
        const bool is_cut = remake(index, host, link, &shape);
        (void)is_cut; /* without memory it stays as it is */
    }
}

/* --- finding --- */

/* The child below which the key belongs: the last whose least key is not greater. */
static uint32_t child_for(const struct ordered_node *node, const struct key_source *source, const struct ordered_key *key)
{
    struct ordered_key behind = *key;
    behind.row++;
    return ordered_node_position(node, source, &behind) - 1;
}

static void find_path(const struct ordered_index *index, const struct key_source *source, const struct ordered_key *key,
                      struct ordered_path *path)
{
    struct ordered_node *node = index->root;
    for (uint32_t level = index->height; level > 0; level--) {
        path->nodes[level] = node;
        path->at[level] = (uint8_t)child_for(node, source, key);
        node = node_children(node)[path->at[level]];
    }
    path->nodes[0] = node;
    path->at[0] = (uint8_t)ordered_node_position(node, source, key);
}

/* Of the least key below nodes[level]: the inner node above that has it gets the new one. */
static void set_least(const struct ordered_index *index, const struct key_source *source, const struct ordered_path *path,
                      uint32_t level, const struct ordered_key *key)
{
    while (++level <= index->height) {
        if (path->at[level] > 0) {
            ordered_node_set_key(path->nodes[level], path->at[level], source, key);
            return;
        }
    }
}

/* --- making room --- */

/* What the part from item `at` on has in common, or its numbers. */
static struct node_shape shape_of_tail(const struct ordered_node *node, const struct key_source *source, uint32_t at)
{
    struct node_shape shape = {.is_leaf = node->is_leaf, .is_text = source->is_text, .count = node->count - at + 1u};
    const uint32_t first = node->is_leaf || at + 1u == node->count ? at : at + 1u;
    if (source->is_text) {
        const struct bytes last = ordered_key_text(source, node_rows(node)[node->count - 1]);
        shape.skip = ordered_texts_in_common(ordered_key_text(source, node_rows(node)[first]), last);
    } else if (node->is_leaf) {
        shape.least = ordered_node_number(node, at);
        shape.most = ordered_node_number(node, node->count - 1u);
    }
    return shape;
}

/* The left half after a split: cut, and with more in common than the whole had. */
static void cut_left(struct ordered_index *index, const struct index_host *host, struct ordered_node **link)
{
    const struct key_source source = source_of(index, host->pages);
    const struct ordered_node *left = *link;
    if (left->count == node_first(left)) {
        return;
    }
    struct node_shape shape = shape_of_tail(left, &source, 0);
    shape.count = left->count + left->count / 8u + 1;
    shape.count = shape.count < left->capacity ? shape.count : left->capacity;
    if (is_smaller(&shape, left) || shape.skip > left->skip) {
        const bool is_cut = remake(index, host, link, &shape);
        (void)is_cut; /* without memory it stays as it is */
    }
}

/* Moves what is behind the first `keep` items of child `at` into a new node; the parent has room for one more. */
static bool split_child(struct ordered_index *index, const struct index_host *host, struct ordered_node *parent, uint32_t at,
                        uint32_t keep)
{
    const struct key_source source = source_of(index, host->pages);
    struct ordered_node *left = node_children(parent)[at];
    const struct node_shape shape = shape_of_tail(left, &source, keep);
    struct ordered_node *right = create(index, host->heap, &shape);
    if (right == NULL) {
        return false;
    }
    assert(keep > 0);
    assert(keep < left->count);
    const struct ordered_key key = key_at(left, keep, &source);
    ordered_node_append(right, left, keep, left->count - keep);
    if (source.is_text && shape.skip != left->skip) {
        ordered_node_encode_texts(right, &source);
    }
    left->count = (uint8_t)keep;
    ordered_node_open(parent, at + 1);
    node_children(parent)[at + 1] = right;
    node_below(parent)[at] = (uint32_t)ordered_node_total(left);
    node_below(parent)[at + 1] = (uint32_t)ordered_node_total(right);
    ordered_node_set_key(parent, at + 1, &source, &key);
    cut_left(index, host, &node_children(parent)[at]);
    return true;
}

/* Where a full node is split: in the middle; or so that what is added at one end leaves full nodes behind. */
static uint32_t split_point(const struct ordered_node *node, const struct key_source *source, const struct ordered_key *key)
{
    const uint32_t at = node->is_leaf ? ordered_node_position(node, source, key) : child_for(node, source, key);
    if (at + (node->is_leaf ? 0 : 1) >= node->count) {
        return node->count - 1u;
    }
    return at == 0 ? 1 : node->count / 2u;
}

static bool is_full(const struct ordered_node *node)
{
    return node->count == (node->is_leaf ? LEAF_KEYS_MAX : INNER_KEYS_MAX);
}

static bool grow_root(struct ordered_index *index, const struct index_host *host, uint32_t keep)
{
    const struct key_source source = source_of(index, host->pages);
    struct node_shape shape = {.is_text = source.is_text, .count = 2};
    assert(index->height < ORDERED_HEIGHT_MAX);
    if (source.is_text) {
        const struct bytes text = ordered_key_text(&source, node_rows(index->root)[keep]);
        shape.skip = ordered_texts_in_common(text, text);
    }
    struct ordered_node *root = create(index, host->heap, &shape);
    if (root == NULL) {
        return false;
    }
    root->count = 1;
    node_children(root)[0] = index->root;
    if (!split_child(index, host, root, 0, keep)) {
        destroy(index, host->heap, root);
        return false;
    }
    index->root = root;
    index->height++;
    return true;
}

static bool create_root(struct ordered_index *index, const struct index_host *host, const struct ordered_key *key)
{
    struct node_shape shape = {.is_leaf = true, .is_text = is_text(index), .count = 1};
    if (shape.is_text) {
        shape.skip = ordered_texts_in_common(key->text, key->text);
    } else {
        shape.least = shape.most = key->number;
    }
    index->root = create(index, host->heap, &shape);
    index->height = 0;
    index->ready.nodes[0] = index->root;
    index->ready.at[0] = 0;
    return index->root != NULL;
}

bool ordered_index_prepare(struct ordered_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row)
{
    const struct key_source source = source_of(index, host->pages);
    const struct ordered_key key = key_of(index, value, row);
    if (index->root == NULL) {
        return create_root(index, host, &key);
    }
    if (is_full(index->root) && !grow_root(index, host, split_point(index->root, &source, &key))) {
        return false;
    }
    struct ordered_node **link = &index->root;
    for (uint32_t level = index->height; level > 0; level--) {
        uint32_t at = child_for(*link, &source, &key);
        const struct ordered_node *child = node_children(*link)[at];
        if (UNLIKELY(is_full(child))) {
            if (!reserve_item(index, host, link) || !split_child(index, host, *link, at, split_point(child, &source, &key))) {
                return false;
            }
            at = child_for(*link, &source, &key);
        }
        index->ready.nodes[level] = *link;
        index->ready.at[level] = (uint8_t)at;
        link = &node_children(*link)[at];
    }
    if (!reserve_key(index, host, link, &source, &key)) {
        return false;
    }
    index->ready.nodes[0] = *link;
    index->ready.at[0] = (uint8_t)ordered_node_position(*link, &source, &key);
    return true;
}

/* --- adding --- */

static void add_below(const struct ordered_index *index, const struct ordered_path *path, uint32_t count)
{
    for (uint32_t level = 1; level <= index->height; level++) {
        node_below(path->nodes[level])[path->at[level]] += count;
    }
}

static void put_at(struct ordered_index *index, const struct key_source *source, const struct ordered_path *path,
                   const struct ordered_key *key)
{
    struct ordered_node *leaf = path->nodes[0];
    assert(leaf->count < leaf->capacity);
    ordered_node_open(leaf, path->at[0]);
    ordered_node_set_key(leaf, path->at[0], source, key);
    add_below(index, path, 1);
    if (path->at[0] == 0) {
        set_least(index, source, path, 0, key);
    }
    index->count++;
}

/* The way that was kept is still the way to the key. */
static bool is_ready_for(const struct ordered_index *index, const struct key_source *source, const struct ordered_key *key)
{
    struct ordered_path path;
    find_path(index, source, key, &path);
    for (uint32_t level = 0; level <= index->height; level++) {
        if (path.nodes[level] != index->ready.nodes[level] || path.at[level] != index->ready.at[level]) {
            return false;
        }
    }
    return true;
}

void ordered_index_put(struct ordered_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row)
{
    const struct key_source source = source_of(index, host->pages);
    const struct ordered_key key = key_of(index, value, row);
    debug_assert(is_ready_for(index, &source, &key));
    put_at(index, &source, &index->ready, &key);
}

/* --- removing --- */

/* Takes the key out of its leaf. True: it was the first one there. */
static bool take(struct ordered_index *index, const struct key_source *source, const struct ordered_path *path,
                 const struct ordered_key *key)
{
    struct ordered_node *leaf = path->nodes[0];
    assert(path->at[0] < leaf->count);
    assert(node_rows(leaf)[path->at[0]] == key->row);
    assert(source->is_text || ordered_node_number(leaf, path->at[0]) == key->number);
    assert(index->count > 0);
    ordered_node_close(leaf, path->at[0]);
    add_below(index, path, UINT32_MAX); /* one less */
    index->count--;
    return path->at[0] == 0;
}

/* The shape for the keys of children `at` and `at` + 1 together. */
static struct node_shape shape_of_both(const struct ordered_node *left, const struct ordered_node *right,
                                       const struct key_source *source, uint32_t separator_row)
{
    struct node_shape shape = {.is_leaf = left->is_leaf, .is_text = source->is_text, .count = left->count + (uint32_t)right->count};
    if (!source->is_text) {
        shape.least = left->is_leaf ? ordered_node_number(left, 0) : 0;
        shape.most = left->is_leaf ? ordered_node_number(right, right->count - 1u) : 0;
        return shape;
    }
    const uint32_t first = left->count > node_first(left) ? node_rows(left)[node_first(left)] : separator_row;
    const uint32_t last = right->count > node_first(right) ? node_rows(right)[right->count - 1] : separator_row;
    shape.skip = ordered_texts_in_common(ordered_key_text(source, first), ordered_key_text(source, last));
    return shape;
}

/* Joins children `at` and `at` + 1 of `parent` when they are few enough together and memory is there. */
static bool merge_children(struct ordered_index *index, const struct index_host *host, struct ordered_node *parent, uint32_t at)
{
    const struct key_source source = source_of(index, host->pages);
    struct ordered_node *left = node_children(parent)[at];
    struct ordered_node *right = node_children(parent)[at + 1];
    if (left->count + (uint32_t)right->count > (left->is_leaf ? LEAF_MERGE : INNER_MERGE)) {
        return false;
    }
    const struct node_shape shape = shape_of_both(left, right, &source, node_rows(parent)[at + 1]);
    struct ordered_node *both = create(index, host->heap, &shape);
    if (both == NULL) {
        return false;
    }
    const struct ordered_key separator = key_at(parent, at + 1, &source);
    const bool is_alike = left->is_leaf && shape.skip == left->skip && ordered_node_begins_alike(left, right);
    ordered_node_append(both, left, 0, left->count);
    ordered_node_append(both, right, 0, right->count);
    if (!left->is_leaf) {
        node_rows(both)[left->count] = (uint32_t)separator.row;
    }
    if (source.is_text && !is_alike) {
        ordered_node_encode_texts(both, &source);
    } else if (!left->is_leaf) {
        ordered_node_set_key(both, left->count, &source, &separator);
    }
    node_below(parent)[at] += node_below(parent)[at + 1];
    node_children(parent)[at] = both;
    ordered_node_close(parent, at + 1);
    destroy(index, host->heap, left);
    destroy(index, host->heap, right);
    return true;
}

/* After child `at` of `parent`, which is not empty, has lost something: merges or cuts it. */
static void rebalance_child(struct ordered_index *index, const struct index_host *host, struct ordered_node *parent, uint32_t at)
{
    const struct ordered_node *child = node_children(parent)[at];
    if (child->count < (child->is_leaf ? LEAF_FEW : INNER_FEW)) {
        if ((at + 1u < parent->count && merge_children(index, host, parent, at)) ||
            (at > 0 && merge_children(index, host, parent, at - 1))) {
            return;
        }
    }
    trim(index, host, &node_children(parent)[at]);
}

/* An inner root with one child gives way to it; an empty leaf to nothing. */
static void rebalance_root(struct ordered_index *index, const struct index_host *host)
{
    while (index->height > 0 && index->root->count == 1) {
        struct ordered_node *only = node_children(index->root)[0];
        destroy(index, host->heap, index->root);
        index->root = only;
        index->height--;
    }
    if (index->root->count == 0) {
        destroy(index, host->heap, index->root);
        index->root = NULL;
        index->height = 0;
        return;
    }
    trim(index, host, &index->root);
}

/* After a key was taken out: the least keys above are made right, empty nodes go, sparse ones are merged. */
static void settle(struct ordered_index *index, const struct index_host *host, const struct ordered_path *path, bool was_first)
{
    const struct key_source source = source_of(index, host->pages);
    bool is_least_new = was_first && path->nodes[0]->count > 0; /* below the child that the loop has come to */
    struct ordered_key least = {.row = 0};
    if (is_least_new) {
        least = key_at(path->nodes[0], 0, &source);
    }
    for (uint32_t level = 1; level <= index->height; level++) {
        struct ordered_node *parent = path->nodes[level];
        const uint32_t at = path->at[level];
        struct ordered_node *child = node_children(parent)[at];
        if (child->count == 0) {
            destroy(index, host->heap, child);
            ordered_node_close(parent, at);
            is_least_new = at == 0 && parent->count > 0;
            if (is_least_new) {
                least = key_at(parent, 0, &source); /* it was that of item 1 */
            }
            continue;
        }
        if (is_least_new && at > 0) {
            ordered_node_set_key(parent, at, &source, &least);
            is_least_new = false;
        }
        rebalance_child(index, host, parent, at);
    }
    rebalance_root(index, host);
}

void ordered_index_remove(struct ordered_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row)
{
    struct ordered_path path;
    const struct key_source source = source_of(index, host->pages);
    const struct ordered_key key = key_of(index, value, row);
    assert(index->root != NULL);
    find_path(index, &source, &key, &path);
    settle(index, host, &path, take(index, &source, &path, &key));
}

bool ordered_index_renumber(struct ordered_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row,
                            uint32_t new_row)
{
    struct ordered_path path;
    const struct key_source source = source_of(index, host->pages);
    const struct ordered_key old_key = key_of(index, value, row);
    const struct ordered_key key = key_of(index, value, new_row);
    assert(index->root != NULL);
    find_path(index, &source, &old_key, &path);
    struct ordered_node *leaf = path.nodes[0];
    const uint32_t at = path.at[0];
    assert(at < leaf->count);
    assert(node_rows(leaf)[at] == row);
    if (at == 0 || at + 1u == leaf->count) {
        return false;
    }
    const uint32_t position = ordered_node_position(leaf, &source, &key); /* the old key counts, if it is less */
    if (position != (new_row > row ? at + 1 : at)) {
        return false;
    }
    node_rows(leaf)[at] = new_row;
    return true;
}

void ordered_index_begin_change(struct ordered_index *index, const struct index_host *host, const struct typed_value *old,
                                uint32_t row, struct ordered_change *change)
{
    const struct key_source source = source_of(index, host->pages);
    change->has_from = !old->is_null;
    if (change->has_from) {
        const struct ordered_key old_key = key_of(index, old, row);
        find_path(index, &source, &old_key, &change->from);
        change->was_first = take(index, &source, &change->from, &old_key);
    }
}

void ordered_index_end_change(struct ordered_index *index, const struct index_host *host, const struct typed_value *value,
                              uint32_t row, struct ordered_change *change)
{
    const struct key_source source = source_of(index, host->pages);
    const struct ordered_key key = key_of(index, value, row);
    struct ordered_path *to = &index->ready;
    to->at[0] = (uint8_t)ordered_node_position(to->nodes[0], &source, &key); /* the old key may have been in this leaf */
    put_at(index, &source, to, &key);
    if (change->has_from) {
        settle(index, host, &change->from, change->was_first);
    }
}

/* --- building --- */

static struct ordered_node *leaf_of(struct ordered_index *index, const struct index_host *host, const uint64_t *numbers,
                                    const uint32_t *rows, uint32_t count)
{
    const struct key_source source = source_of(index, host->pages);
    struct node_shape shape = {.is_leaf = true, .is_text = source.is_text, .count = count};
    if (source.is_text) {
        shape.skip = ordered_texts_in_common(ordered_key_text(&source, rows[0]), ordered_key_text(&source, rows[count - 1]));
    } else {
        shape.least = numbers[0];
        shape.most = numbers[count - 1];
    }
    struct ordered_node *leaf = create(index, host->heap, &shape);
    if (leaf == NULL) {
        return NULL;
    }
    leaf->count = (uint8_t)count;
    memcpy(node_rows(leaf), rows, count * sizeof rows[0]);
    if (source.is_text) {
        ordered_node_encode_texts(leaf, &source);
        return leaf;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct ordered_key key = {.number = numbers[i], .row = rows[i]};
        ordered_node_set_key(leaf, i, &source, &key);
    }
    return leaf;
}

/* Makes room for one more leaf at the right edge. False: no memory; the tree is valid. */
static bool reserve_right_edge(struct ordered_index *index, const struct index_host *host)
{
    if (is_full(index->root) && !grow_root(index, host, index->root->count - 1u)) {
        return false;
    }
    struct ordered_node **link = &index->root;
    for (uint32_t level = index->height; level > 0; level--) {
        if (level > 1) {
            const uint32_t last = (*link)->count - 1u;
            const struct ordered_node *child = node_children(*link)[last];
            if (is_full(child) && (!reserve_item(index, host, link) || !split_child(index, host, *link, last, child->count - 1u))) {
                return false;
            }
            link = &node_children(*link)[(*link)->count - 1];
        } else if (!reserve_item(index, host, link)) {
            return false;
        }
    }
    return true;
}

/* A root above the one leaf that there is. */
static bool raise_root(struct ordered_index *index, const struct index_host *host, const struct ordered_key *key)
{
    struct node_shape shape = {.is_text = is_text(index), .count = 2};
    if (shape.is_text) {
        shape.skip = ordered_texts_in_common(key->text, key->text);
    }
    struct ordered_node *root = create(index, host->heap, &shape);
    if (root == NULL) {
        return false;
    }
    root->count = 1;
    node_children(root)[0] = index->root;
    node_below(root)[0] = index->root->count;
    index->root = root;
    index->height = 1;
    return true;
}

bool ordered_index_append(struct ordered_index *index, const struct index_host *host, const uint64_t *numbers, const uint32_t *rows,
                          uint32_t count)
{
    const struct key_source source = source_of(index, host->pages);
    assert(count > 0);
    assert(count <= ORDERED_APPEND_MAX);
    struct ordered_node *leaf = leaf_of(index, host, numbers, rows, count);
    if (leaf == NULL) {
        return false;
    }
    const struct ordered_key key = key_at(leaf, 0, &source);
    if (index->count == 0) {
        const bool is_empty = ordered_index_free(index, host->heap, SIZE_MAX); /* room may have been made for a first key */
        assert(is_empty);
        index->root = leaf;
        index->count = count;
        return true;
    }
    if (!(index->height == 0 ? raise_root(index, host, &key) : reserve_right_edge(index, host))) {
        destroy(index, host->heap, leaf);
        return false;
    }
    struct ordered_node *node = index->root;
    for (uint32_t level = index->height; level > 1; level--) {
        node_below(node)[node->count - 1] += count;
        node = node_children(node)[node->count - 1];
    }
    const uint32_t at = node->count;
    ordered_node_open(node, at);
    node_children(node)[at] = leaf;
    node_below(node)[at] = count;
    ordered_node_set_key(node, at, &source, &key);
    index->count += count;
    return true;
}

/* --- asking --- */

static uint64_t sum_below(const struct ordered_node *node, uint32_t count)
{
    const uint32_t *below = node_below(node);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += below[i];
    }
    return sum;
}

/* The leaf of a key, and how many keys are before that leaf. */
static const struct ordered_node *find_leaf(const struct ordered_index *index, const struct key_source *source,
                                            const struct ordered_key *key, uint64_t *before)
{
    const struct ordered_node *node = index->root;
    *before = 0;
    for (uint32_t level = index->height; level > 0; level--) {
        const uint32_t at = child_for(node, source, key);
        *before += sum_below(node, at);
        node = node_children(node)[at];
    }
    return node;
}

uint64_t ordered_index_rank(const struct ordered_index *index, struct page *const *pages, const struct typed_value *value, uint64_t row)
{
    const struct key_source source = source_of(index, pages);
    const struct ordered_key key = key_of(index, value, row);
    uint64_t before;
    if (index->root == NULL) {
        return 0;
    }
    const struct ordered_node *leaf = find_leaf(index, &source, &key, &before);
    return before + ordered_node_position(leaf, &source, &key);
}

struct ordered_range ordered_index_range(const struct ordered_index *index, struct page *const *pages, struct ordered_bound lower,
                                         struct ordered_bound upper)
{
    const struct key_source source = source_of(index, pages);
    struct ordered_range range = {0, index->count};
    const struct ordered_node *leaf = NULL;
    uint64_t before = 0;
    if (index->root == NULL) {
        return range;
    }
    if (lower.value != NULL) {
        const struct ordered_key key = key_of(index, lower.value, lower.is_inclusive ? 0 : ROW_PAST_ALL);
        leaf = find_leaf(index, &source, &key, &before);
        range.first = before + ordered_node_position(leaf, &source, &key);
    }
    if (upper.value != NULL) {
        const struct ordered_key key = key_of(index, upper.value, upper.is_inclusive ? ROW_PAST_ALL : 0);
        uint32_t at = leaf == NULL ? 0 : ordered_node_position(leaf, &source, &key);
        if (leaf == NULL || at == leaf->count) { /* the range goes on behind the leaf */
            leaf = find_leaf(index, &source, &key, &before);
            at = ordered_node_position(leaf, &source, &key);
        }
        range.end = before + at;
    }
    range.end = range.end < range.first ? range.first : range.end;
    return range;
}

size_t ordered_index_rows(const struct ordered_index *index, uint64_t rank, enum ordered_direction direction, uint32_t *rows, size_t max)
{
    const struct ordered_node *node = index->root;
    assert(rank < index->count);
    while (!node->is_leaf) {
        const uint32_t *below = node_below(node);
        uint32_t at = 0;
        while (rank >= below[at]) {
            rank -= below[at++];
        }
        node = node_children(node)[at];
    }
    const uint32_t *from = node_rows(node) + rank;
    if (direction == ORDERED_UP) {
        const size_t count = node->count - rank < max ? node->count - rank : max;
        memcpy(rows, from, count * sizeof *rows);
        return count;
    }
    const size_t count = rank + 1 < max ? rank + 1 : max;
    for (size_t i = 0; i < count; i++) {
        rows[i] = from[-(ptrdiff_t)i];
    }
    return count;
}

/* --- the whole tree --- */

bool ordered_index_move(struct ordered_index *index, struct heap *heap, uint64_t *rank, size_t *limit)
{
    struct ordered_node **link = &index->root;
    if (*rank >= index->count) {
        return true;
    }
    uint64_t left = *rank;
    for (;;) {
        *link = heap_move_within(heap, MEM_TABLE_INDEX, *link, ordered_node_bytes(*link), limit);
        if ((*link)->is_leaf) {
            break;
        }
        const uint32_t *below = node_below(*link);
        uint32_t at = 0;
        while (left >= below[at]) {
            left -= below[at++];
        }
        link = &node_children(*link)[at];
    }
    *rank += (*link)->count - left;
    return *rank >= index->count;
}

bool ordered_index_free(struct ordered_index *index, struct heap *heap, size_t limit)
{
    index->count = 0;
    for (size_t freed = 0; index->root != NULL && freed < limit; freed++) {
        struct ordered_node *parent = NULL;
        struct ordered_node *node = index->root;
        while (!node->is_leaf && node->count > 0) {
            parent = node;
            node = node_children(node)[node->count - 1];
        }
        destroy(index, heap, node);
        if (parent == NULL) {
            index->root = NULL;
            index->height = 0;
        } else {
            parent->count--;
        }
    }
    return index->root == NULL;
}

/* --- checking --- */

struct audit {
    const struct key_source *source;
    bool deep;
    uint64_t count, bytes;
    const struct ordered_node *previous; /* leaf */
};

/* The first key of the leaf is behind the last one of the leaf before. */
static bool follows(const struct ordered_node *leaf, const struct audit *audit)
{
    if (audit->previous == NULL || (audit->source->is_text && !audit->deep)) {
        return true;
    }
    const struct ordered_key last = key_at(audit->previous, audit->previous->count - 1u, audit->source);
    const struct ordered_key first = key_at(leaf, 0, audit->source);
    const int order = audit->source->is_text ? bytes_compare(last.text, first.text)
                                             : (last.number > first.number) - (last.number < first.number);
    return order < 0 || (order == 0 && last.row < first.row);
}

static bool audit_node(const struct ordered_node *node, uint32_t level, struct audit *audit)
{
    audit->bytes += heap_block_bytes(ordered_node_bytes(node));
    if (node->is_leaf != (level == 0) || !ordered_node_is_valid(node, audit->source, audit->deep)) {
        return false;
    }
    if (level == 0 && node->count > 0) {
        if (!follows(node, audit)) {
            return false;
        }
        audit->count += node->count;
        audit->previous = node;
    }
    return true;
}

static const struct ordered_node *first_leaf(const struct ordered_node *node)
{
    while (!node->is_leaf) {
        node = node_children(node)[0];
    }
    return node;
}

/* O4 of one item. */
static bool item_is_valid(const struct ordered_node *node, uint32_t at)
{
    const struct ordered_node *child = node_children(node)[at];
    return node_below(node)[at] == ordered_node_total(child) && (at == 0 || node_rows(node)[at] == node_rows(first_leaf(child))[0]);
}

bool ordered_index_audit(const struct ordered_index *index, struct page *const *pages, bool deep, uint64_t *bytes, uint64_t *count)
{
    const struct key_source source = source_of(index, pages);
    struct audit audit = {.source = &source, .deep = deep};
    const struct ordered_node *path[ORDERED_HEIGHT_MAX + 1] = {0};
    uint32_t next[ORDERED_HEIGHT_MAX + 1] = {0};
    uint32_t level = index->height;
    path[level] = index->root;
    bool is_valid = index->root == NULL || (audit_node(index->root, level, &audit) && (level == 0 || index->root->count > 1));
    while (is_valid && index->height > 0 && level <= index->height) {
        const struct ordered_node *node = path[level];
        if (next[level] == node->count) {
            level++;
            continue;
        }
        const uint32_t at = next[level]++;
        const struct ordered_node *child = node_children(node)[at];
        is_valid = child->count > 0 && audit_node(child, level - 1, &audit) && item_is_valid(node, at);
        if (level > 1) {
            level--;
            path[level] = child;
            next[level] = 0;
        }
    }
    *bytes += audit.bytes;
    *count += audit.count;
    return is_valid && audit.count == index->count && audit.bytes == index->bytes;
}
