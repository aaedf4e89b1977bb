/* id_tree.c - a B+tree from stream ids to values of a fixed size; see id_tree.h.  */
#include "encoding/id_tree.h"

#include <assert.h>
#include <string.h>

enum { CHILD_BYTES = sizeof(struct id_tree_node *) };

/* The way from a leaf up to the root. */
struct path {
    struct id_tree_node *nodes[ID_TREE_LEVELS_MAX]; /* by level */
    uint32_t at[ID_TREE_LEVELS_MAX];                /* the place taken in each; in the leaf, where the id is or would be */
};

/* --- nodes --- */

static size_t value_bytes(const struct id_tree *tree, unsigned level)
{
    return level == 0 ? tree->value_bytes : CHILD_BYTES;
}

static uint16_t capacity_of_block(const struct id_tree *tree, unsigned level, size_t block_bytes)
{
    const size_t item = sizeof(struct stream_id) + value_bytes(tree, level);
    const size_t capacity = (block_bytes - sizeof(struct id_tree_node)) / item;
    return (uint16_t)(capacity == 0 ? 1 : capacity);
}

static size_t node_bytes(const struct id_tree *tree, unsigned level, uint16_t capacity)
{
    return sizeof(struct id_tree_node) + capacity * (sizeof(struct stream_id) + value_bytes(tree, level));
}

static uint16_t full_capacity(const struct id_tree *tree, unsigned level)
{
    return capacity_of_block(tree, level, ID_TREE_BLOCK_BYTES);
}

static char *values_of(const struct id_tree_node *node)
{
    return (char *)(uintptr_t)(node->ids + node->capacity);
}

static struct id_tree_node *child_at(const struct id_tree_node *node, uint32_t at)
{
    struct id_tree_node *child;
    memcpy(&child, values_of(node) + (size_t)at * CHILD_BYTES, sizeof child);
    return child;
}

static struct id_tree_node *node_create(struct id_tree *tree, struct collection *owner, unsigned level, uint16_t capacity)
{
    const size_t bytes = node_bytes(tree, level, capacity);
    struct id_tree_node *node = collection_alloc(owner, bytes);
    if (LIKELY(node != NULL)) {
        node->next = NULL;
        node->previous = NULL;
        node->count = 0;
        node->capacity = capacity;
        node->level = (uint8_t)level;
        tree->bytes += heap_block_bytes(bytes);
    }
    return node;
}

static void node_free(struct id_tree *tree, struct collection *owner, struct id_tree_node *node)
{
    const size_t bytes = node_bytes(tree, node->level, node->capacity);
    tree->bytes -= heap_block_bytes(bytes);
    collection_free_block(owner, node, bytes);
}

static void node_put(const struct id_tree *tree, struct id_tree_node *node, uint32_t at, struct stream_id id)
{
    const size_t size = value_bytes(tree, node->level);
    const size_t behind = node->count - at;
    assert(node->count < node->capacity);
    assert(at <= node->count);
    memmove(node->ids + at + 1, node->ids + at, behind * sizeof node->ids[0]);
    memmove(values_of(node) + (at + 1) * size, values_of(node) + at * size, behind * size);
    node->ids[at] = id;
    memset(values_of(node) + at * size, 0, size);
    node->count++;
}

static void node_put_child(const struct id_tree *tree, struct id_tree_node *node, uint32_t at, struct id_tree_node *child)
{
    node_put(tree, node, at, child->ids[0]);
    memcpy(values_of(node) + (size_t)at * CHILD_BYTES, &child, sizeof child);
}

static void node_take(const struct id_tree *tree, struct id_tree_node *node, uint32_t at)
{
    assert(at < node->count);
    const size_t size = value_bytes(tree, node->level);
    const size_t behind = node->count - at - 1u;
    memmove(node->ids + at, node->ids + at + 1, behind * sizeof node->ids[0]);
    memmove(values_of(node) + at * size, values_of(node) + (at + 1) * size, behind * size);
    node->count--;
}

/* Moves what is in `from` from place `at` on to the end of `to`. */
static void node_move(const struct id_tree *tree, struct id_tree_node *to, struct id_tree_node *from, uint32_t at)
{
    const size_t size = value_bytes(tree, from->level);
    const size_t moved = from->count - at;
    assert(from->level == to->level);
    assert(at <= from->count);
    assert(to->count + moved <= to->capacity);
    memcpy(to->ids + to->count, from->ids + at, moved * sizeof from->ids[0]);
    memcpy(values_of(to) + to->count * size, values_of(from) + at * size, moved * size);
    to->count = (uint16_t)(to->count + moved);
    from->count = (uint16_t)at;
}

static void link_behind(struct id_tree *tree, struct id_tree_node *node, struct id_tree_node *created)
{
    created->previous = node;
    created->next = node->next;
    if (node->next != NULL) {
        node->next->previous = created;
    }
    node->next = created;
    if (node == tree->last) {
        tree->last = created;
    }
}

static void unlink_node(struct id_tree *tree, struct id_tree_node *node)
{
    if (node->previous != NULL) {
        node->previous->next = node->next;
    }
    if (node->next != NULL) {
        node->next->previous = node->previous;
    }
    if (node == tree->first) {
        tree->first = node->next;
    }
    if (node == tree->last) {
        tree->last = node->previous;
    }
}

/* --- finding --- */

/* How many ids of the node are below `id`. */
static uint32_t count_below(const struct id_tree_node *node, struct stream_id id)
{
    uint32_t low = 0;
    uint32_t high = node->count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (stream_id_compare(node->ids[middle], id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The child in whose range `id` is. */
static uint32_t child_for(const struct id_tree_node *node, struct stream_id id)
{
    const uint32_t below = count_below(node, id);
    if (below < node->count && stream_id_compare(node->ids[below], id) == 0) {
        return below;
    }
    return below == 0 ? 0 : below - 1;
}

static struct id_tree_node *leaf_for(const struct id_tree *tree, struct stream_id id)
{
    struct id_tree_node *node = tree->root;
    if (node != NULL && stream_id_compare(id, tree->last->ids[0]) >= 0) {
        return tree->last;
    }
    while (node != NULL && node->level > 0) {
        node = child_at(node, child_for(node, id));
    }
    return node;
}

static void path_to(const struct id_tree *tree, struct stream_id id, struct path *path)
{
    struct id_tree_node *node = tree->root;
    assert(node->level < ID_TREE_LEVELS_MAX);
    while (node->level > 0) {
        const uint32_t at = child_for(node, id);
        path->nodes[node->level] = node;
        path->at[node->level] = at;
        node = child_at(node, at);
    }
    path->nodes[0] = node;
    path->at[0] = count_below(node, id);
}

struct id_cursor id_tree_first(const struct id_tree *tree)
{
    return (struct id_cursor){tree->first, 0};
}

struct id_cursor id_tree_last(const struct id_tree *tree)
{
    return (struct id_cursor){tree->last, tree->last == NULL ? 0 : tree->last->count - 1u};
}

bool id_cursor_next(struct id_cursor *cursor)
{
    if (++cursor->at >= cursor->leaf->count) {
        *cursor = (struct id_cursor){cursor->leaf->next, 0};
    }
    return cursor->leaf != NULL;
}

bool id_cursor_previous(struct id_cursor *cursor)
{
    if (cursor->at > 0) {
        cursor->at--;
        return true;
    }
    struct id_tree_node *leaf = cursor->leaf->previous;
    *cursor = (struct id_cursor){leaf, leaf == NULL ? 0 : leaf->count - 1u};
    return leaf != NULL;
}

struct id_cursor id_tree_at_least(const struct id_tree *tree, struct stream_id id)
{
    struct id_tree_node *leaf = leaf_for(tree, id);
    if (leaf == NULL) {
        return (struct id_cursor){NULL, 0};
    }
    const uint32_t at = count_below(leaf, id);
    return at < leaf->count ? (struct id_cursor){leaf, at} : (struct id_cursor){leaf->next, 0};
}

struct id_cursor id_tree_at_most(const struct id_tree *tree, struct stream_id id)
{
    struct id_cursor cursor = id_tree_at_least(tree, id);
    if (cursor.leaf == NULL) {
        return id_tree_last(tree);
    }
    if (stream_id_compare(id_cursor_id(cursor), id) != 0) {
        id_cursor_previous(&cursor);
    }
    return cursor;
}

struct id_cursor id_tree_find(const struct id_tree *tree, struct stream_id id)
{
    struct id_tree_node *leaf = leaf_for(tree, id);
    if (leaf != NULL) {
        const uint32_t at = count_below(leaf, id);
        if (at < leaf->count && stream_id_compare(leaf->ids[at], id) == 0) {
            return (struct id_cursor){leaf, at};
        }
    }
    return (struct id_cursor){NULL, 0};
}

uint64_t id_tree_count_from(const struct id_tree *tree, struct stream_id id)
{
    const struct id_cursor cursor = id_tree_at_least(tree, id);
    uint64_t count = 0;
    for (const struct id_tree_node *leaf = cursor.leaf; leaf != NULL; leaf = leaf->next) {
        count += leaf->count;
    }
    return count - cursor.at;
}

/* --- inserting --- */

/* The only leaf, with a block of another size; false: no memory, all as before. */
static bool resize_only_leaf(struct id_tree *tree, struct collection *owner, uint16_t capacity)
{
    struct id_tree_node *old = tree->root;
    struct id_tree_node *leaf = node_create(tree, owner, 0, capacity);
    if (leaf == NULL) {
        return false;
    }
    node_move(tree, leaf, old, 0);
    node_free(tree, owner, old);
    tree->root = leaf;
    tree->first = leaf;
    tree->last = leaf;
    return true;
}

static uint16_t grown_capacity(const struct id_tree *tree, uint16_t capacity)
{
    size_t block = ID_TREE_FIRST_BYTES;
    while (capacity_of_block(tree, 0, block) <= capacity) {
        block *= 2;
    }
    return capacity_of_block(tree, 0, block);
}

/* Room for an id in an empty tree or in its only leaf. */
static bool make_small_room(struct id_tree *tree, struct collection *owner)
{
    if (tree->root == NULL) {
        struct id_tree_node *leaf = node_create(tree, owner, 0, capacity_of_block(tree, 0, ID_TREE_FIRST_BYTES));
        tree->root = leaf;
        tree->first = leaf;
        tree->last = leaf;
        return leaf != NULL;
    }
    const bool is_small = tree->root->level == 0 && tree->root->count == tree->root->capacity &&
                          tree->root->capacity < full_capacity(tree, 0);
    return !is_small || resize_only_leaf(tree, owner, grown_capacity(tree, tree->root->capacity));
}

/* The nodes that an insertion needs, one for each level that is full, and perhaps a root: all or none. */
static bool make_spares(struct id_tree *tree, struct collection *owner, const struct path *path,
                        struct id_tree_node *spares[ID_TREE_LEVELS_MAX + 1])
{
    const unsigned height = tree->root->level + 1u;
    unsigned count = 0;
    while (count < height && path->nodes[count]->count == path->nodes[count]->capacity) {
        count++;
    }
    count += count == height; /* a new root */
    assert(count <= ID_TREE_LEVELS_MAX);
    for (unsigned level = 0; level < count; level++) {
        spares[level] = node_create(tree, owner, level, full_capacity(tree, level));
        if (spares[level] == NULL) {
            while (level > 0) {
                node_free(tree, owner, spares[--level]);
            }
            return false;
        }
    }
    return true;
}

/* The first id of an inner node is not above any in its first child, whatever comes in. */
static void lower_first_ids(struct path *path, unsigned height, struct stream_id id)
{
    for (unsigned level = 1; level < height; level++) {
        struct stream_id *first = &path->nodes[level]->ids[0];
        *first = stream_id_compare(id, *first) < 0 ? id : *first;
    }
}

/* Splits the full node for an id at place *at, which is then one of the node that is returned. */
static struct id_tree_node *split(struct id_tree *tree, struct id_tree_node *node, struct id_tree_node *spare, uint32_t *at)
{
    const bool is_append = node->next == NULL && *at == node->count;
    const uint32_t middle = is_append ? node->count : node->count / 2u;
    link_behind(tree, node, spare);
    node_move(tree, spare, node, middle);
    if (*at < middle || (*at == middle && !is_append)) {
        return node;
    }
    *at -= middle;
    return spare;
}

enum result id_tree_insert(struct id_tree *tree, struct collection *owner, struct stream_id id, struct id_cursor *out)
{
    struct path path;
    struct id_tree_node *spares[ID_TREE_LEVELS_MAX + 1];
    if (UNLIKELY(!make_small_room(tree, owner))) {
        return RESULT_NO_MEMORY;
    }
    path_to(tree, id, &path);
    if (UNLIKELY(!make_spares(tree, owner, &path, spares))) {
        return RESULT_NO_MEMORY;
    }
    lower_first_ids(&path, tree->root->level + 1u, id);
    debug_assert(path.at[0] == path.nodes[0]->count || stream_id_compare(path.nodes[0]->ids[path.at[0]], id) != 0);
    struct id_tree_node *node = path.nodes[0];
    const bool is_leaf_full = node->count == node->capacity;
    uint32_t at = path.at[0];
    struct id_tree_node *into = is_leaf_full ? split(tree, node, spares[0], &at) : node;
    node_put(tree, into, at, id);
    *out = (struct id_cursor){into, at};
    tree->count++;
    /* The new nodes go into their parents, from below. */
    for (unsigned level = 1; is_leaf_full; level++) {
        struct id_tree_node *created = spares[level - 1];
        if (level > tree->root->level) {
            node_put_child(tree, spares[level], 0, tree->root);
            node_put_child(tree, spares[level], 1, created);
            tree->root = spares[level];
            break;
        }
        node = path.nodes[level];
        at = path.at[level] + 1;
        if (node->count < node->capacity) {
            node_put_child(tree, node, at, created);
            break;
        }
        into = split(tree, node, spares[level], &at);
        node_put_child(tree, into, at, created);
    }
    debug_assert(id_tree_is_valid(tree));
    return RESULT_OK;
}

/* --- removing --- */

/* Inner roots with one child go. */
static void lower_root(struct id_tree *tree, struct collection *owner)
{
    while (tree->root != NULL && tree->root->level > 0 && tree->root->count == 1) {
        struct id_tree_node *child = child_at(tree->root, 0);
        node_free(tree, owner, tree->root);
        tree->root = child;
    }
}

/* Gives a root leaf that is nearly empty a smaller block, when memory for it is not refused. */
static void shrink_only_leaf(struct id_tree *tree, struct collection *owner)
{
    const struct id_tree_node *leaf = tree->root;
    if (leaf == NULL || leaf->level > 0 || leaf->count > leaf->capacity / 4) {
        return;
    }
    const uint16_t capacity = grown_capacity(tree, leaf->count);
    if (capacity < leaf->capacity && !resize_only_leaf(tree, owner, capacity)) {
        return;
    }
}

/* True: node at path->at[level] of its parent was emptied into a neighbour, or the neighbour behind it into it; *gone is the
 * one that is empty now, *at its place in the parent.  */
static bool merge(const struct id_tree *tree, struct id_tree_node *parent, uint32_t *at, struct id_tree_node **gone)
{
    struct id_tree_node *node = child_at(parent, *at);
    const unsigned room = node->capacity * 3u / 4u;
    if (node->count >= node->capacity / 4) {
        return false;
    }
    if (*at + 1 < parent->count) {
        struct id_tree_node *behind = child_at(parent, *at + 1);
        if ((unsigned)behind->count + node->count <= room) {
            node_move(tree, node, behind, 0);
            *gone = behind;
            ++*at;
            return true;
        }
    }
    if (*at > 0) {
        struct id_tree_node *before = child_at(parent, *at - 1);
        if ((unsigned)before->count + node->count <= room) {
            node_move(tree, before, node, 0);
            *gone = node;
            return true;
        }
    }
    return false;
}

/* Takes empty nodes out of their parents, and merges those that have become small. */
static void settle(struct id_tree *tree, struct collection *owner, const struct path *path)
{
    for (unsigned level = 0;; level++) {
        struct id_tree_node *node = path->nodes[level];
        if (node == tree->root) {
            break;
        }
        struct id_tree_node *parent = path->nodes[level + 1];
        struct id_tree_node *gone = node;
        uint32_t at = path->at[level + 1];
        if (node->count > 0 && !merge(tree, parent, &at, &gone)) {
            break;
        }
        unlink_node(tree, gone);
        node_free(tree, owner, gone);
        node_take(tree, parent, at);
    }
    if (tree->root->count == 0) {
        node_free(tree, owner, tree->root);
        tree->root = NULL;
        tree->first = NULL;
        tree->last = NULL;
    }
    lower_root(tree, owner);
    shrink_only_leaf(tree, owner);
}

bool id_tree_remove(struct id_tree *tree, struct collection *owner, struct stream_id id)
{
    struct path path;
    if (tree->root == NULL) {
        return false;
    }
    path_to(tree, id, &path);
    struct id_tree_node *leaf = path.nodes[0];
    const uint32_t at = path.at[0];
    if (at == leaf->count || stream_id_compare(leaf->ids[at], id) != 0) {
        return false;
    }
    node_take(tree, leaf, at);
    tree->count--;
    if (leaf->count < leaf->capacity / 4 || leaf->count == 0) {
        settle(tree, owner, &path);
    }
    debug_assert(id_tree_is_valid(tree));
    return true;
}

void id_tree_give_first_leaf(struct id_tree *from, struct collection *from_owner, struct id_tree *to,
                             struct collection *to_owner)
{
    struct path path;
    struct id_tree_node *leaf = from->first;
    assert(from->root->level > 0);
    assert(from_owner->heap == to_owner->heap);
    assert(from->value_bytes == to->value_bytes);
    path_to(from, leaf->ids[0], &path);
    const size_t bytes = heap_block_bytes(node_bytes(from, 0, leaf->capacity));
    from->bytes -= bytes;
    from_owner->bytes -= bytes;
    from->count -= leaf->count;
    to->bytes += bytes;
    to_owner->bytes += bytes;
    to->count += leaf->count;
    unlink_node(from, leaf);
    leaf->next = NULL;
    leaf->previous = to->last;
    if (to->last == NULL) {
        to->root = leaf;
        to->first = leaf;
    } else {
        to->last->next = leaf;
    }
    to->last = leaf;
    node_take(from, path.nodes[1], 0);
    path.nodes[0] = path.nodes[1];
    for (unsigned level = 1; path.nodes[level] != from->root && path.nodes[level]->count == 0; level++) {
        unlink_node(from, path.nodes[level]);
        node_free(from, from_owner, path.nodes[level]);
        node_take(from, path.nodes[level + 1], 0);
    }
    lower_root(from, from_owner);
    debug_assert(id_tree_is_valid(from));
}

/* --- defragmentation --- */

/* Where the node is now: its neighbours know, its parent does not yet. */
static struct id_tree_node *move_node(struct id_tree *tree, const struct collection *owner, struct id_tree_node *node,
                                      size_t *limit)
{
    struct id_tree_node *moved = collection_move_block(owner, node, node_bytes(tree, node->level, node->capacity), limit);
    if (moved == node) {
        return node;
    }
    if (moved->next != NULL) {
        moved->next->previous = moved;
    }
    if (moved->previous != NULL) {
        moved->previous->next = moved;
    }
    if (moved->level == 0) {
        tree->first = moved->previous == NULL ? moved : tree->first;
        tree->last = moved->next == NULL ? moved : tree->last;
    }
    return moved;
}

struct id_cursor id_tree_move_path(struct id_tree *tree, const struct collection *owner, struct stream_id id, size_t *limit)
{
    const struct id_cursor place = id_tree_at_least(tree, id);
    if (place.leaf == NULL) {
        return place;
    }
    struct path path;
    path_to(tree, id_cursor_id(place), &path);
    tree->root = move_node(tree, owner, tree->root, limit);
    struct id_tree_node *node = tree->root;
    while (node->level > 0) {
        const uint32_t at = path.at[node->level];
        struct id_tree_node *child = move_node(tree, owner, child_at(node, at), limit);
        memcpy(values_of(node) + (size_t)at * CHILD_BYTES, &child, sizeof child);
        node = child;
    }
    debug_assert(id_tree_is_valid(tree));
    return (struct id_cursor){node, path.at[0]};
}

/* --- freeing, checking --- */

static void free_values(struct collection *owner, const struct id_tree *tree, const struct id_tree_node *leaf,
                        id_tree_free_fn *free_value)
{
    for (uint32_t i = 0; free_value != NULL && i < leaf->count; i++) {
        free_value(owner, values_of(leaf) + (size_t)i * tree->value_bytes);
    }
}

/* Level by level from above: `root` is the first node that is left of its level, `last` the first one of the level below. */
bool id_tree_free_step(struct id_tree *tree, struct collection *owner, id_tree_free_fn *free_value, size_t *limit)
{
    while (tree->root != NULL) {
        struct id_tree_node *node = tree->root;
        const size_t cost = node->level == 0 && free_value != NULL ? node->count + 1u : 1u;
        if (*limit == 0) {
            return false;
        }
        *limit -= cost < *limit ? cost : *limit;
        if (node->level == 0) {
            free_values(owner, tree, node, free_value);
        } else if (node->previous == NULL) {
            tree->last = child_at(node, 0);
        }
        tree->root = node->next != NULL || node->level == 0 ? node->next : tree->last;
        node_free(tree, owner, node);
    }
    tree->count = 0;
    tree->first = NULL;
    tree->last = NULL;
    return true;
}

static const char *check_node(const struct id_tree *tree, const struct id_tree_node *node, uint64_t *counts)
{
    if (node->count == 0 || node->count > node->capacity) {
        return "a node of an id tree is empty or overfull";
    }
    counts[0] += node->level == 0 ? node->count : 0;
    counts[1] += heap_block_bytes(node_bytes(tree, node->level, node->capacity));
    for (uint32_t i = 1; i < node->count; i++) {
        if (stream_id_compare(node->ids[i - 1], node->ids[i]) >= 0) {
            return "ids do not ascend in a node";
        }
    }
    if (node->next != NULL && (node->next->previous != node || node->next->level != node->level)) {
        return "the chain of a level is broken";
    }
    const struct stream_id last = node->ids[node->count - 1];
    if (node->level == 0 && node->next != NULL && stream_id_compare(last, node->next->ids[0]) >= 0) {
        return "ids do not ascend over the leaves";
    }
    for (uint32_t i = 0; node->level > 0 && i < node->count; i++) {
        const struct id_tree_node *child = child_at(node, i);
        if (child->level + 1 != node->level || stream_id_compare(node->ids[i], child->ids[0]) > 0) {
            return "an inner node does not fit its child";
        }
        if (child->previous != NULL &&
            stream_id_compare(child->previous->ids[child->previous->count - 1], node->ids[i]) >= 0) {
            return "an inner node does not part its children";
        }
    }
    return NULL;
}

const char *id_tree_fault(const struct id_tree *tree)
{
    uint64_t counts[2] = {0, 0}; /* ids, bytes */
    const struct id_tree_node *first = tree->root;
    while (first != NULL) {
        const struct id_tree_node *below = first->level == 0 ? NULL : child_at(first, 0);
        if (first->previous != NULL || (first->level == 0 && first != tree->first)) {
            return "an id tree does not begin with its first leaf";
        }
        for (const struct id_tree_node *node = first; node != NULL; node = node->next) {
            const char *fault = check_node(tree, node, counts);
            if (fault != NULL) {
                return fault;
            }
            if (node->level == 0 && node->next == NULL && node != tree->last) {
                return "an id tree does not end with its last leaf";
            }
        }
        first = below;
    }
    if (counts[0] != tree->count) {
        return "an id tree's count is wrong";
    }
    return counts[1] == tree->bytes ? NULL : "an id tree's bytes are wrong";
}
