/* hash_index.c - see hash_index.h.
 *
 * Insertion splits full nodes on its way down, so that a parent always has room and a refused allocation leaves a valid
 * tree. Removal merges on its way up, where both halves fit well into one node; a merge that gets no memory is left out.
 * Inner keys are lower bounds: keys[i] <= every entry below child i, and > every entry below child i - 1; keys[0] counts
 * as 0.  */
#include "table/hash_index.h"

#include "base/check.h"

#include <assert.h>
#include <string.h>

enum {
    NODE_HEAD = 8,
    LEAF_MAX = 255, /* 2,048 bytes */
    LEAF_FEW = 64,
    LEAF_MERGE = 192,
    INNER_MAX = 63, /* 1,016 bytes */
    INNER_FEW = 16,
    INNER_MERGE = 48,
    HEIGHT_MAX = 12,
};

struct index_node {
    uint16_t count, capacity;
    uint32_t unused;
    uint64_t words[]; /* leaf: entries; inner: child pointers, then keys */
};

_Static_assert(sizeof(struct index_node) == NODE_HEAD, "the layout in hash_index.h");
_Static_assert(sizeof(struct index_node *) == sizeof(uint64_t), "a child pointer is one word");
_Static_assert(NODE_HEAD + LEAF_MAX * 8 == 2048, "a full leaf fills its block");
_Static_assert((int)HASH_APPEND_MAX <= (int)LEAF_MAX, "what is appended is one leaf");
_Static_assert((int)LEAF_MERGE < (int)LEAF_MAX, "a leaf that was merged has room for more");
_Static_assert((int)INNER_MERGE < (int)INNER_MAX, "a node that was merged has room for more");

static struct index_node **children(struct index_node *node)
{
    return (struct index_node **)node->words;
}

static struct index_node *child_at(const struct index_node *node, uint32_t i)
{
    struct index_node *child;
    memcpy(&child, &node->words[i], sizeof child);
    return child;
}

static uint64_t *keys(struct index_node *node)
{
    return node->words + node->capacity;
}

/* --- blocks: leaves have one word an item, inner nodes two --- */

static size_t node_size(uint32_t capacity, bool is_leaf)
{
    return NODE_HEAD + (size_t)capacity * (is_leaf ? 8 : 16);
}

/* The capacity that fills the block which `count` items need. */
static uint16_t capacity_for(uint32_t count, bool is_leaf)
{
    size_t item = is_leaf ? 8 : 16;
    uint32_t most = is_leaf ? LEAF_MAX : INNER_MAX;
    size_t fits = (heap_block_bytes(NODE_HEAD + count * item) - NODE_HEAD) / item;
    return (uint16_t)(fits < most ? fits : most);
}

static void count_bytes(struct hash_index *index, size_t added, size_t removed)
{
    uint64_t bytes = index->bytes + (added == 0 ? 0 : heap_block_bytes(added)) - (removed == 0 ? 0 : heap_block_bytes(removed));
    __atomic_store_n(&index->bytes, bytes, __ATOMIC_RELAXED);
}

static enum mem_class mem_class_of(const struct hash_index *index)
{
    return index->counts_as_rows ? MEM_TABLE_ROW : MEM_TABLE_INDEX;
}

static struct index_node *node_create(struct hash_index *index, struct heap *heap, uint32_t count, bool is_leaf)
{
    uint16_t capacity = capacity_for(count, is_leaf);
    struct index_node *node = heap_alloc(heap, mem_class_of(index), node_size(capacity, is_leaf));
    if (node != NULL) {
        *node = (struct index_node){.count = 0, .capacity = capacity};
        count_bytes(index, node_size(capacity, is_leaf), 0);
    }
    return node;
}

static void node_destroy(struct hash_index *index, struct heap *heap, struct index_node *node, bool is_leaf)
{
    size_t size = node_size(node->capacity, is_leaf);
    heap_free(heap, mem_class_of(index), node, size);
    count_bytes(index, 0, size);
}

/* Gives *link the capacity that `count` items need (count >= what it holds). False: no memory, unchanged. */
static bool node_resize(struct hash_index *index, struct heap *heap, struct index_node **link, uint32_t count, bool is_leaf)
{
    struct index_node *node = *link;
    uint16_t capacity = capacity_for(count, is_leaf);
    assert(count >= node->count);
    if (capacity == node->capacity) {
        return true;
    }
    struct index_node *moved = heap_alloc(heap, mem_class_of(index), node_size(capacity, is_leaf));
    if (moved == NULL) {
        return false;
    }
    *moved = (struct index_node){.count = node->count, .capacity = capacity};
    memcpy(moved->words, node->words, (size_t)node->count * 8);
    if (!is_leaf) {
        memcpy(keys(moved), keys(node), (size_t)node->count * 8);
    }
    count_bytes(index, node_size(capacity, is_leaf), 0);
    node_destroy(index, heap, node, is_leaf);
    *link = moved;
    return true;
}

/* Cuts the node when its block is too big for what it holds, with an eighth to spare. */
static void node_trim(struct hash_index *index, struct heap *heap, struct index_node **link, bool is_leaf)
{
    struct index_node *node = *link;
    uint32_t wanted = node->count + node->count / 8u + 1;
    if (capacity_for(wanted, is_leaf) < node->capacity) {
        bool is_cut = node_resize(index, heap, link, wanted, is_leaf);
        (void)is_cut; /* without memory it stays as it is */
    }
}

/* --- finding --- */

/* Between which entries a leaf's lie, as the way down to it has shown. */
struct bounds {
    uint64_t least;  /* <= every entry of the leaf */
    uint64_t above;  /* > every entry; UINT64_MAX: nothing is known */
};

static const struct bounds no_bounds = {0, UINT64_MAX};

/* About where the entry stands: hashes are spread evenly. */
static uint32_t leaf_guess(const struct index_node *leaf, uint64_t entry, struct bounds bounds)
{
    uint64_t span = (bounds.above >> 32) - (bounds.least >> 32) + 1;
    uint64_t guess = entry < bounds.least ? 0 : ((entry >> 32) - (bounds.least >> 32)) * leaf->count / span;
    return guess < leaf->count ? (uint32_t)guess : leaf->count - 1u;
}

/* The first position in [low, high) whose entry is >= `entry`; high: none. */
static uint32_t lower_bound_between(const struct index_node *leaf, uint64_t entry, uint32_t low, uint32_t high)
{
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (leaf->words[middle] < entry) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The same in the whole leaf, begun at the guess: mostly one cache line of it is read. */
static uint32_t leaf_lower_bound(const struct index_node *leaf, uint64_t entry, struct bounds bounds)
{
    if (leaf->count == 0) {
        return 0;
    }
    uint32_t low = leaf_guess(leaf, entry, bounds);
    uint32_t high = low;
    uint32_t step = 2;
    if (leaf->words[low] < entry) {
        do {
            low = high;
            high = high + step < leaf->count ? high + step : leaf->count;
            step *= 4;
        } while (high < leaf->count && leaf->words[high] < entry);
        return lower_bound_between(leaf, entry, low + 1, high);
    }
    do {
        high = low;
        low = low > step ? low - step : 0;
        step *= 4;
    } while (low > 0 && leaf->words[low] >= entry);
    return lower_bound_between(leaf, entry, low, high);
}

/* The child below which `entry` belongs: the last whose key is <= entry. */
static uint32_t inner_find(const struct index_node *node, uint64_t entry)
{
    const uint64_t *node_keys = node->words + node->capacity;
    uint32_t low = 0;
    uint32_t length = node->count;
    while (length > 1) {
        uint32_t half = length / 2;
        low += node_keys[low + half] <= entry ? half : 0;
        length -= half;
    }
    return low;
}

/* What is known below child `i` of an inner node. */
static struct bounds bounds_below(const struct index_node *node, uint32_t i, struct bounds bounds)
{
    const uint64_t *node_keys = node->words + node->capacity;
    return (struct bounds){i > 0 ? node_keys[i] : bounds.least, i + 1 < node->count ? node_keys[i + 1] : bounds.above};
}

size_t hash_index_rows(const struct hash_index *index, uint64_t from, uint32_t *rows, size_t max, bool *is_end)
{
    uint32_t hash = (uint32_t)(from >> 32);
    while (index->root != NULL) {
        const struct index_node *node = index->root;
        struct bounds bounds = no_bounds;
        for (uint32_t level = index->height; level > 0; level--) {
            uint32_t i = inner_find(node, from);
            bounds = bounds_below(node, i, bounds);
            node = child_at(node, i);
        }
        size_t count = 0;
        uint32_t i = leaf_lower_bound(node, from, bounds);
        while (i < node->count && count < max && node->words[i] >> 32 == hash) {
            rows[count++] = (uint32_t)node->words[i++];
        }
        bool is_last = bounds.above == UINT64_MAX || bounds.above >> 32 != hash;
        *is_end = i < node->count ? node->words[i] >> 32 != hash : is_last;
        if (count > 0 || *is_end) {
            return count;
        }
        from = bounds.above;
    }
    *is_end = true;
    return 0;
}

/* --- inserting --- */

static void inner_insert(struct index_node *node, uint32_t at, struct index_node *child, uint64_t key)
{
    assert(node->count < node->capacity);
    assert(at <= node->count);
    uint32_t tail = node->count - at;
    memmove(children(node) + at + 1, children(node) + at, tail * sizeof child);
    memmove(keys(node) + at + 1, keys(node) + at, tail * sizeof key);
    children(node)[at] = child;
    keys(node)[at] = key;
    node->count++;
}

/* Splits child `at` of `parent`, which has room for one more. */
static bool split_child(struct hash_index *index, struct heap *heap, struct index_node *parent, uint32_t at, bool is_leaf)
{
    struct index_node *left = children(parent)[at];
    uint32_t keep = left->count / 2u;
    uint32_t moved = left->count - keep;
    struct index_node *right = node_create(index, heap, moved + 1, is_leaf);
    if (right == NULL) {
        return false;
    }
    memcpy(right->words, left->words + keep, (size_t)moved * 8);
    if (!is_leaf) {
        memcpy(keys(right), keys(left) + keep, (size_t)moved * 8);
    }
    right->count = (uint16_t)moved;
    left->count = (uint16_t)keep;
    inner_insert(parent, at + 1, right, is_leaf ? right->words[0] : keys(right)[0]);
    node_trim(index, heap, &children(parent)[at], is_leaf);
    return true;
}

static bool grow_root(struct hash_index *index, struct heap *heap)
{
    assert(index->height + 1 < HEIGHT_MAX);
    struct index_node *root = node_create(index, heap, 2, false);
    if (root == NULL) {
        return false;
    }
    inner_insert(root, 0, index->root, 0);
    if (!split_child(index, heap, root, 0, index->height == 0)) {
        node_destroy(index, heap, root, false);
        return false;
    }
    index->root = root;
    index->height++;
    return true;
}

/* Where the way down has come to. */
struct descent {
    struct index_node **link;
    struct bounds bounds;
    uint32_t level; /* of *link; 0: a leaf */
};

/* Goes to the child below which `entry` belongs, and makes sure that it can take one more. False: no memory. */
static bool step_down(struct hash_index *index, struct heap *heap, struct descent *descent, uint64_t entry)
{
    struct index_node **link = descent->link;
    bool is_leaf_below = descent->level == 1;
    uint32_t at = inner_find(*link, entry);
    if (children(*link)[at]->count == (is_leaf_below ? LEAF_MAX : INNER_MAX)) {
        if (!node_resize(index, heap, link, (*link)->count + 1u, false) ||
            !split_child(index, heap, *link, at, is_leaf_below)) {
            return false;
        }
        at = inner_find(*link, entry);
    }
    descent->bounds = bounds_below(*link, at, descent->bounds);
    descent->link = &children(*link)[at];
    descent->level--;
    return true;
}

bool hash_index_insert(struct hash_index *index, struct heap *heap, uint64_t entry)
{
    if (index->root == NULL) {
        index->root = node_create(index, heap, 1, true);
        index->height = 0;
        if (index->root == NULL) {
            return false;
        }
    }
    if (index->root->count == (index->height == 0 ? LEAF_MAX : INNER_MAX) && !grow_root(index, heap)) {
        return false;
    }
    struct descent descent = {&index->root, no_bounds, index->height};
    while (descent.level > 0) {
        if (!step_down(index, heap, &descent, entry)) {
            return false;
        }
    }
    struct index_node **link = descent.link;
    if ((*link)->count == (*link)->capacity && !node_resize(index, heap, link, (*link)->count + 1u, true)) {
        return false;
    }
    struct index_node *leaf = *link;
    uint32_t at = leaf_lower_bound(leaf, entry, descent.bounds);
    assert(at == leaf->count || leaf->words[at] != entry);
    memmove(leaf->words + at + 1, leaf->words + at, (size_t)(leaf->count - at) * 8);
    leaf->words[at] = entry;
    leaf->count++;
    index->count++;
    debug_assert(hash_index_is_valid(index));
    return true;
}

/* --- building --- */

/* A root above the one leaf that there is. */
static bool raise_root(struct hash_index *index, struct heap *heap)
{
    struct index_node *root = node_create(index, heap, 2, false);
    if (root == NULL) {
        return false;
    }
    inner_insert(root, 0, index->root, 0);
    index->root = root;
    index->height = 1;
    return true;
}

/* The last node above the leaves, with room for one more; NULL: no memory, the tree is valid. */
static struct index_node *open_right_edge(struct hash_index *index, struct heap *heap)
{
    if (index->height == 0 ? !raise_root(index, heap) : index->root->count == INNER_MAX && !grow_root(index, heap)) {
        return NULL;
    }
    struct index_node **link = &index->root;
    for (uint32_t level = index->height; level > 1; level--) {
        const uint32_t last = (*link)->count - 1u;
        if (children(*link)[last]->count == INNER_MAX &&
            (!node_resize(index, heap, link, (*link)->count + 1u, false) || !split_child(index, heap, *link, last, false))) {
            return NULL;
        }
        link = &children(*link)[(*link)->count - 1];
    }
    return node_resize(index, heap, link, (*link)->count + 1u, false) ? *link : NULL;
}

bool hash_index_append(struct hash_index *index, struct heap *heap, const uint64_t *entries, uint32_t count)
{
    assert(count > 0);
    assert(count <= HASH_APPEND_MAX);
    struct index_node *leaf = node_create(index, heap, count, true);
    if (leaf == NULL) {
        return false;
    }
    memcpy(leaf->words, entries, count * sizeof entries[0]);
    leaf->count = (uint16_t)count;
    if (index->root == NULL) {
        index->root = leaf;
        index->height = 0;
    } else {
        struct index_node *parent = open_right_edge(index, heap);
        if (parent == NULL) {
            node_destroy(index, heap, leaf, true);
            return false;
        }
        inner_insert(parent, parent->count, leaf, entries[0]);
    }
    index->count += count;
    debug_assert(hash_index_is_valid(index));
    return true;
}

/* --- removing --- */

static void inner_remove(struct index_node *node, uint32_t at)
{
    assert(at < node->count);
    uint32_t tail = node->count - at - 1u;
    memmove(children(node) + at, children(node) + at + 1, tail * 8);
    memmove(keys(node) + at, keys(node) + at + 1, tail * 8);
    node->count--;
}

/* Joins children `at` and `at` + 1 of `parent` when they are few enough together and memory is there. */
static void merge_children(struct hash_index *index, struct heap *heap, struct index_node *parent, uint32_t at, bool is_leaf)
{
    struct index_node **link = &children(parent)[at];
    struct index_node *right = children(parent)[at + 1];
    uint32_t together = (*link)->count + (uint32_t)right->count;
    if (together > (is_leaf ? LEAF_MERGE : INNER_MERGE) ||
        (together > (*link)->capacity && !node_resize(index, heap, link, together, is_leaf))) {
        return;
    }
    struct index_node *left = *link;
    assert(together <= left->capacity);
    memcpy(left->words + left->count, right->words, (size_t)right->count * 8);
    if (!is_leaf) {
        memcpy(keys(left) + left->count, keys(right), (size_t)right->count * 8);
        keys(left)[left->count] = keys(parent)[at + 1];
    }
    left->count = (uint16_t)together;
    node_destroy(index, heap, right, is_leaf);
    inner_remove(parent, at + 1);
}

/* After child `at` of `parent` has lost an item: drops, merges or cuts it. */
static void rebalance_child(struct hash_index *index, struct heap *heap, struct index_node *parent, uint32_t at, bool is_leaf)
{
    struct index_node *child = children(parent)[at];
    if (child->count == 0) {
        node_destroy(index, heap, child, is_leaf);
        inner_remove(parent, at);
        return;
    }
    uint32_t before = parent->count;
    if (child->count < (is_leaf ? LEAF_FEW : INNER_FEW)) {
        if (at + 1 < parent->count) {
            merge_children(index, heap, parent, at, is_leaf);
        }
        if (before == parent->count && at > 0) {
            merge_children(index, heap, parent, at - 1, is_leaf);
        }
    }
    if (before == parent->count) {
        node_trim(index, heap, &children(parent)[at], is_leaf);
    }
}

/* An inner root with one child gives way to it; an empty leaf to nothing. */
static void rebalance_root(struct hash_index *index, struct heap *heap)
{
    while (index->height > 0 && index->root->count == 1) {
        struct index_node *only = children(index->root)[0];
        node_destroy(index, heap, index->root, false);
        index->root = only;
        index->height--;
    }
    if (index->root->count == 0) {
        node_destroy(index, heap, index->root, index->height == 0);
        index->root = NULL;
        index->height = 0;
        return;
    }
    node_trim(index, heap, &index->root, index->height == 0);
}

void hash_index_remove(struct hash_index *index, struct heap *heap, uint64_t entry)
{
    struct index_node *path[HEIGHT_MAX];
    uint32_t at[HEIGHT_MAX];
    assert(index->root != NULL);
    struct index_node *node = index->root;
    struct bounds bounds = no_bounds;
    for (uint32_t level = index->height; level > 0; level--) {
        path[level] = node;
        at[level] = inner_find(node, entry);
        bounds = bounds_below(node, at[level], bounds);
        node = children(node)[at[level]];
    }
    uint32_t i = leaf_lower_bound(node, entry, bounds);
    assert(i < node->count);
    assert(node->words[i] == entry);
    assert(index->count > 0);
    memmove(node->words + i, node->words + i + 1, (size_t)(node->count - i - 1u) * 8);
    node->count--;
    index->count--;
    /* A node may move while its own parent rebalances it; the parents above follow, each rebalanced by its own parent. */
    for (uint32_t level = 1; level <= index->height; level++) {
        rebalance_child(index, heap, path[level], at[level], level == 1);
    }
    rebalance_root(index, heap);
    debug_assert(hash_index_is_valid(index));
}

/* --- renumbering --- */

bool hash_index_renumber(struct hash_index *index, uint64_t entry, uint32_t row)
{
    const uint64_t wanted = hash_index_entry((uint32_t)(entry >> 32), row);
    struct index_node *node = index->root;
    struct bounds bounds = no_bounds;
    assert(node != NULL);
    for (uint32_t level = index->height; level > 0; level--) {
        const uint32_t at = inner_find(node, entry);
        bounds = bounds_below(node, at, bounds);
        node = children(node)[at];
    }
    const uint32_t i = leaf_lower_bound(node, entry, bounds);
    assert(i < node->count);
    assert(node->words[i] == entry);
    const bool is_behind = i > 0 ? node->words[i - 1] < wanted : wanted >= bounds.least;
    const bool is_before = i + 1u < node->count ? wanted < node->words[i + 1] : bounds.above == UINT64_MAX || wanted < bounds.above;
    if (!is_behind || !is_before) {
        return false;
    }
    node->words[i] = wanted;
    debug_assert(hash_index_is_valid(index));
    return true;
}

/* --- the whole tree --- */

bool hash_index_move(struct hash_index *index, struct heap *heap, uint64_t *entry, size_t *limit)
{
    struct index_node **link = &index->root;
    struct bounds bounds = no_bounds;
    for (uint32_t left = index->root == NULL ? 0 : index->height + 1u; left > 0; left--) {
        const bool is_leaf = left == 1;
        *link = heap_move_within(heap, mem_class_of(index), *link, node_size((*link)->capacity, is_leaf), limit);
        if (!is_leaf) {
            const uint32_t at = inner_find(*link, *entry);
            bounds = bounds_below(*link, at, bounds);
            link = &children(*link)[at];
        }
    }
    *entry = bounds.above;
    return bounds.above == UINT64_MAX;
}

bool hash_index_free(struct hash_index *index, struct heap *heap, size_t limit)
{
    index->count = 0;
    for (size_t freed = 0; index->root != NULL && freed < limit; freed++) {
        struct index_node *parent = NULL;
        struct index_node *node = index->root;
        uint32_t level = index->height;
        while (level > 0 && node->count > 0) {
            parent = node;
            node = children(node)[node->count - 1];
            level--;
        }
        node_destroy(index, heap, node, level == 0);
        if (parent == NULL) {
            index->root = NULL;
            index->height = 0;
        } else {
            parent->count--;
        }
    }
    return index->root == NULL;
}

struct audit {
    uint64_t previous; /* the entry before */
    uint64_t count, bytes;
    bool has_previous;
};

static bool audit_leaf(const struct index_node *leaf, struct audit *audit)
{
    for (uint32_t i = 0; i < leaf->count; i++) {
        if (audit->has_previous && leaf->words[i] <= audit->previous) {
            return false;
        }
        audit->previous = leaf->words[i];
        audit->has_previous = true;
    }
    audit->count += leaf->count;
    audit->bytes += heap_block_bytes(node_size(leaf->capacity, true));
    return leaf->count > 0 && leaf->count <= leaf->capacity;
}

static bool audit_inner(const struct index_node *node, struct audit *audit)
{
    audit->bytes += heap_block_bytes(node_size(node->capacity, false));
    return node->count > 0 && node->count <= node->capacity;
}

bool hash_index_audit(const struct hash_index *index, uint64_t *bytes, uint64_t *count)
{
    struct audit audit = {0};
    const struct index_node *path[HEIGHT_MAX + 1] = {0};
    uint32_t next[HEIGHT_MAX + 1] = {0};
    bool is_valid = true;
    uint32_t level = index->height;
    path[level] = index->root;
    is_valid = level == 0 || audit_inner(index->root, &audit);
    while (index->root != NULL && is_valid && level <= index->height) {
        const struct index_node *node = path[level];
        if (level == 0) {
            is_valid = audit_leaf(node, &audit);
            level++;
        } else if (next[level] == node->count) {
            level++;
        } else {
            uint32_t i = next[level]++;
            is_valid = i == 0 || !audit.has_previous || node->words[node->capacity + i] > audit.previous;
            level--;
            path[level] = child_at(node, i);
            next[level] = 0;
            is_valid = is_valid && (level == 0 || audit_inner(path[level], &audit));
        }
    }
    *bytes += audit.bytes;
    *count += audit.count;
    return is_valid && audit.count == index->count && audit.bytes == index->bytes;
}

bool hash_index_is_valid(const struct hash_index *index)
{
    uint64_t bytes = 0;
    uint64_t count = 0;
    return !check_is_due(index->bytes, index->count) || hash_index_audit(index, &bytes, &count);
}
