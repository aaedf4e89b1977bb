/* expiry.c - the B+tree over expiries: one path down, then blocks are split, evened out or merged along it.
 *
 * A leaf overflows in one of these ways:
 *   rising   the key inserted before this one is its neighbour below, and none is above: the leaf stays full, the new key
 *            begins the next one;
 *   parted   the same, but some are above, and expire later: they go to the next leaf, and the rising keys have this one
 *            for themselves;
 *   even     otherwise, when a neighbour below the same node has EVEN_ROOM free slots or more: the two share evenly;
 *   split    in the middle.
 * After a removal two neighbours with LEAF_MERGE_MAX entries or fewer become one; inner nodes likewise.  */
#include "data/expiry.h"

#include "base/random.h"
#include "data/entry_private.h"
#include "data/expiry_private.h"

#include <assert.h>
#include <string.h>

enum {
    LEAF_CAPACITY_MIN = 7,
    LEAF_MERGE_MAX = 60,
    INNER_MERGE_MAX = 36,
    EVEN_ROOM = 16,
    RISING_KEEP_MIN = 48,
};
_Static_assert((int)LEAF_MERGE_MAX < (int)EXPIRY_LEAF_MAX, "a leaf that was merged has room for more");
_Static_assert((int)INNER_MERGE_MAX < (int)EXPIRY_INNER_MAX, "a node that was merged has room for more");
_Static_assert(sizeof(struct expiry_inner) <= 1024, "an inner node fills a block of 1,024 bytes");
_Static_assert(sizeof(struct expiry_leaf) + EXPIRY_LEAF_MAX * sizeof(void *) == 512, "a leaf fills a block of 512 bytes");

void expiry_init(struct expiry_index *index, struct heap *heap)
{
    *index = (struct expiry_index){.heap = heap, .earliest_ms = INT64_MAX};
}

void expiry_move_reference(struct expiry_index *index, int64_t now_ms)
{
    const bool is_forward = now_ms > index->reference_ms && index->earliest_ms >= now_ms - ENTRY_EXPIRY_REACH_MS;
    if (index->count == 0 || is_forward) {
        index->reference_ms = now_ms;
    }
}

/* --- blocks --- */

static size_t leaf_bytes(uint32_t capacity)
{
    return sizeof(struct expiry_leaf) + capacity * sizeof(struct entry *);
}

static void *block_alloc(struct expiry_index *index, size_t size)
{
    void *block = heap_alloc(index->heap, MEM_EXPIRY_INDEX, size);
    if (block != NULL) {
        index->bytes += heap_block_bytes(size);
    }
    return block;
}

static void block_free(struct expiry_index *index, void *block, size_t size)
{
    index->bytes -= heap_block_bytes(size);
    heap_free(index->heap, MEM_EXPIRY_INDEX, block, size);
}

static void leaf_free(struct expiry_index *index, struct expiry_leaf *leaf)
{
    block_free(index, leaf, leaf_bytes(leaf->capacity));
}

static void inner_free(struct expiry_index *index, struct expiry_inner *inner)
{
    block_free(index, inner, sizeof *inner);
}

/* --- finding the way --- */

/* From the root to a leaf: at each inner node which child. */
struct path {
    struct expiry_inner *nodes[EXPIRY_HEIGHT_MAX];
    uint32_t children[EXPIRY_HEIGHT_MAX];
    struct expiry_leaf *leaf;
};

/* The last child whose bound is not above the key. */
static uint32_t child_of(const struct expiry_inner *inner, struct expiry_key key)
{
    uint32_t low = 0;
    uint32_t high = inner->count;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (expiry_key_is_below(key, inner->bounds[middle])) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return low;
}

static struct path find_path(const struct expiry_index *index, struct expiry_key key)
{
    struct path path;
    void *node = index->root;
    for (uint32_t level = 0; level < index->height; level++) {
        path.nodes[level] = node;
        path.children[level] = child_of(node, key);
        node = path.nodes[level]->children[path.children[level]];
    }
    path.leaf = node;
    return path;
}

size_t expiry_first(const struct expiry_index *index, struct entry *out[EXPIRY_LEAF_MAX])
{
    if (index->root == NULL) {
        return 0;
    }
    const void *node = index->root;
    for (uint32_t level = 0; level < index->height; level++) {
        node = ((const struct expiry_inner *)node)->children[0];
    }
    const struct expiry_leaf *leaf = node;
    memcpy(out, leaf->entries, leaf->count * sizeof out[0]);
    return leaf->count;
}

size_t expiry_sample(const struct expiry_index *index, uint64_t *random_state, struct entry **out, size_t limit)
{
    if (index->root == NULL) {
        return 0;
    }
    const void *node = index->root;
    for (uint32_t level = 0; level < index->height; level++) {
        const struct expiry_inner *inner = node;
        node = inner->children[random_below(random_state, inner->count)];
    }
    const struct expiry_leaf *leaf = node;
    const size_t count = leaf->count < limit ? leaf->count : limit;
    const size_t first = random_below(random_state, leaf->count);
    for (size_t i = 0; i < count; i++) {
        out[i] = leaf->entries[(first + i) % leaf->count];
    }
    return count;
}

/* --- reserving --- */

static bool reserve_leaf(struct expiry_index *index, struct expiry_spare *spare, uint32_t capacity)
{
    spare->leaf = block_alloc(index, leaf_bytes(capacity));
    spare->leaf_capacity = capacity;
    return spare->leaf != NULL;
}

void expiry_release(struct expiry_index *index, struct expiry_spare *spare)
{
    if (spare->leaf != NULL) {
        block_free(index, spare->leaf, leaf_bytes(spare->leaf_capacity));
    }
    while (spare->inner_count > 0) {
        inner_free(index, spare->inner[--spare->inner_count]);
    }
    spare->leaf = NULL;
}

static bool reserve_inner(struct expiry_index *index, struct expiry_spare *spare, uint32_t count)
{
    assert(count <= EXPIRY_HEIGHT_MAX);
    while (spare->inner_count < count) {
        void *inner = block_alloc(index, sizeof(struct expiry_inner));
        if (inner == NULL) {
            expiry_release(index, spare);
            return false;
        }
        spare->inner[spare->inner_count++] = inner;
    }
    return true;
}

bool expiry_reserve(struct expiry_index *index, int64_t expiry_ms, const struct entry *entry, struct expiry_spare *spare)
{
    *spare = (struct expiry_spare){0};
    if (index->count <= 1 && index->height == 0) {
        /* The removal in between may take the last leaf. */
        return reserve_leaf(index, spare, LEAF_CAPACITY_MIN);
    }
    const struct path path = find_path(index, (struct expiry_key){expiry_ms, (uintptr_t)entry});
    if (path.leaf->count == 1) {
        /* The removal may take this leaf, and any neighbour of it may be full, and all nodes above that. */
        return reserve_leaf(index, spare, EXPIRY_LEAF_MAX) && reserve_inner(index, spare, index->height + 1);
    }
    if (path.leaf->count < path.leaf->capacity) {
        return true;
    }
    if (path.leaf->capacity < EXPIRY_LEAF_MAX) {
        return reserve_leaf(index, spare, path.leaf->capacity * 2u + 1);
    }
    /* A node for each full one above the leaf, and a new root when all are. */
    uint32_t level = index->height;
    while (level > 0 && path.nodes[level - 1]->count == EXPIRY_INNER_MAX) {
        level--;
    }
    return reserve_leaf(index, spare, EXPIRY_LEAF_MAX) && reserve_inner(index, spare, index->height - level + (level == 0));
}

static struct expiry_leaf *take_leaf(struct expiry_spare *spare)
{
    struct expiry_leaf *leaf = spare->leaf;
    assert(leaf != NULL);
    leaf->count = 0;
    leaf->capacity = (uint16_t)spare->leaf_capacity;
    spare->leaf = NULL;
    return leaf;
}

static struct expiry_inner *take_inner(struct expiry_spare *spare)
{
    assert(spare->inner_count > 0);
    struct expiry_inner *inner = spare->inner[--spare->inner_count];
    inner->count = 0;
    return inner;
}

/* --- inserting --- */

static void inner_put(struct expiry_inner *inner, uint32_t at, struct expiry_key bound, void *child)
{
    assert(inner->count < EXPIRY_INNER_MAX);
    assert(at <= inner->count);
    memmove(&inner->bounds[at + 1], &inner->bounds[at], (inner->count - at) * sizeof inner->bounds[0]);
    memmove(&inner->children[at + 1], &inner->children[at], (inner->count - at) * sizeof inner->children[0]);
    inner->bounds[at] = bound;
    inner->children[at] = child;
    inner->count++;
}

/* Moves the children from `keep` on to the end of `to`, whose first bound is set by that. */
static void inner_move_tail(struct expiry_inner *from, uint32_t keep, struct expiry_inner *to)
{
    assert(keep <= from->count);
    assert(to->count + (from->count - keep) <= EXPIRY_INNER_MAX);
    const uint32_t moved = from->count - keep;
    memcpy(&to->bounds[to->count], &from->bounds[keep], moved * sizeof to->bounds[0]);
    memcpy(&to->children[to->count], &from->children[keep], moved * sizeof to->children[0]);
    to->count += moved;
    from->count = keep;
}

/* A new block stands right of the child that `path` took in its lowest node; full nodes split up to the root. */
static void attach(struct expiry_index *index, const struct path *path, struct expiry_key bound, void *child,
                   struct expiry_spare *spare)
{
    for (uint32_t level = index->height; level > 0; level--) {
        struct expiry_inner *inner = path->nodes[level - 1];
        const uint32_t at = path->children[level - 1] + 1;
        if (inner->count < EXPIRY_INNER_MAX) {
            inner_put(inner, at, bound, child);
            return;
        }
        struct expiry_inner *right = take_inner(spare);
        /* At the end keys may be rising: then the node stays full. */
        inner_move_tail(inner, at == EXPIRY_INNER_MAX ? at : EXPIRY_INNER_MAX / 2, right);
        if (at <= inner->count && at < EXPIRY_INNER_MAX) {
            inner_put(inner, at, bound, child);
        } else {
            inner_put(right, at - inner->count, bound, child);
        }
        bound = right->bounds[0];
        child = right;
    }
    assert(index->height < EXPIRY_HEIGHT_MAX);
    struct expiry_inner *root = take_inner(spare);
    inner_put(root, 0, (struct expiry_key){INT64_MIN, 0}, index->root);
    inner_put(root, 1, bound, child);
    index->root = root;
    index->height++;
}

/* A full leaf with the new entry, the expiries read. */
struct overflow {
    struct expiry_key keys[EXPIRY_LEAF_MAX + 1];
    struct expiry_key added;
};

static void overflow_read(const struct expiry_index *index, const struct expiry_leaf *leaf, struct expiry_key added,
                          struct overflow *out)
{
    for (uint32_t i = 0; i < leaf->count; i++) {
        __builtin_prefetch(leaf->entries[i]);
    }
    for (uint32_t i = 0; i < leaf->count; i++) {
        const struct entry *entry = leaf->entries[i];
        out->keys[i] = (struct expiry_key){entry_expiry_near(entry, index->reference_ms), (uintptr_t)entry};
    }
    out->keys[leaf->count] = added;
    out->added = added;
}

/* The bound between the first `rank` keys and the others, the lowest of which stands first. It takes in the whole millisecond
 * if none of that is below.  */
static struct expiry_key overflow_bound(const struct overflow *overflow, uint32_t rank)
{
    const struct expiry_key bound = overflow->keys[rank];
    for (uint32_t i = 0; i < rank; i++) {
        if (overflow->keys[i].expiry_ms == bound.expiry_ms) {
            return bound;
        }
    }
    return (struct expiry_key){bound.expiry_ms, 0};
}

/* Orders the keys so far that the first `rank` (1 .. all but one) are below the others (quickselect: Hoare, 1961). Returns the
 * bound between both.  */
static struct expiry_key overflow_partition(struct overflow *overflow, uint32_t rank)
{
    struct expiry_key *keys = overflow->keys;
    uint32_t low = 0;
    uint32_t high = EXPIRY_LEAF_MAX;
    while (low < high) {
        const struct expiry_key pivot = keys[low + (high - low) / 2];
        uint32_t i = low;
        uint32_t j = high;
        for (;;) {
            while (expiry_key_is_below(keys[i], pivot)) {
                i++;
            }
            while (expiry_key_is_below(pivot, keys[j])) {
                j--;
            }
            if (i >= j) {
                break;
            }
            const struct expiry_key swapped = keys[i];
            keys[i++] = keys[j];
            keys[j--] = swapped;
        }
        if (rank <= j) {
            high = j;
        } else {
            low = j + 1;
        }
    }
    return overflow_bound(overflow, rank);
}

/* How a leaf overflows. */
struct cut {
    uint32_t keep;         /* so many keys stay */
    bool is_shared;        /* the others go to the next leaf if it has room; otherwise they begin a new one */
    bool is_even;          /* in the middle: a neighbour with much room is better */
};

/* Where to cut a leaf: the keys that rise fill one leaf after the other, those that wait for a later time stay out of their
 * way.  */
static struct cut choose_cut(const struct expiry_index *index, const struct overflow *overflow)
{
    const struct cut middle = {(EXPIRY_LEAF_MAX + 1) / 2, true, true};
    const struct expiry_key last = {index->last_put_ms, index->last_put_address};
    const struct expiry_key added = overflow->added;
    bool is_last_put_here = false;
    bool is_next = true;
    uint32_t earlier = 0;
    uint32_t equal = 0;
    uint32_t below = 0;
    for (uint32_t i = 0; i < EXPIRY_LEAF_MAX; i++) {
        const struct expiry_key key = overflow->keys[i];
        if (key.expiry_ms > last.expiry_ms && key.expiry_ms < added.expiry_ms) {
            return middle;
        }
        is_last_put_here |= key.expiry_ms == last.expiry_ms;
        is_next &= !(expiry_key_is_below(last, key) && expiry_key_is_below(key, added));
        earlier += key.expiry_ms < added.expiry_ms;
        equal += key.expiry_ms == added.expiry_ms;
        below += expiry_key_is_below(key, added);
    }
    if (!is_last_put_here || last.expiry_ms > added.expiry_ms) {
        return middle;
    }
    if (equal > 0 && !(is_next && expiry_key_is_below(last, added))) {
        /* Many keys in a millisecond, not in the order of their addresses: it stays together, as more may come. */
        return earlier >= RISING_KEEP_MIN ? (struct cut){earlier, true, false} : middle;
    }
    return below == EXPIRY_LEAF_MAX ? (struct cut){below, false, false} : (struct cut){below + 1, true, false};
}

static void leaf_fill(struct expiry_leaf *leaf, const struct expiry_key *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        leaf->entries[leaf->count++] = (struct entry *)keys[i].address;
    }
    assert(leaf->count <= leaf->capacity);
}

/* Moves the keys from the cut on to the next leaf below the same node, or for an even cut as many as make both equal, to either
 * neighbour. False: no room there.  */
static bool leaf_share(const struct path *path, uint32_t height, struct overflow *overflow, struct cut cut)
{
    struct expiry_inner *parent = path->nodes[height - 1];
    const uint32_t at = path->children[height - 1];
    struct expiry_leaf *right = at + 1 < parent->count ? parent->children[at + 1] : NULL;
    struct expiry_leaf *left = at > 0 && cut.is_even ? parent->children[at - 1] : NULL;
    const uint32_t all = EXPIRY_LEAF_MAX + 1;
    const uint32_t room = cut.is_even ? EVEN_ROOM : all - cut.keep;
    if (right != NULL && right->count + room <= EXPIRY_LEAF_MAX) {
        const uint32_t keep = cut.is_even ? (all + right->count) / 2 : cut.keep;
        parent->bounds[at + 1] = overflow_partition(overflow, keep);
        path->leaf->count = 0;
        leaf_fill(path->leaf, overflow->keys, keep);
        leaf_fill(right, overflow->keys + keep, all - keep);
        return true;
    }
    if (left != NULL && left->count + room <= EXPIRY_LEAF_MAX) {
        const uint32_t give = all - (all + left->count) / 2;
        parent->bounds[at] = overflow_partition(overflow, give);
        path->leaf->count = 0;
        leaf_fill(path->leaf, overflow->keys + give, all - give);
        leaf_fill(left, overflow->keys, give);
        return true;
    }
    return false;
}

static void leaf_overflow(struct expiry_index *index, const struct path *path, struct expiry_key added,
                          struct expiry_spare *spare)
{
    struct overflow overflow;
    overflow_read(index, path->leaf, added, &overflow);
    const struct cut cut = choose_cut(index, &overflow);
    if (cut.is_shared && index->height > 0 && leaf_share(path, index->height, &overflow, cut)) {
        return;
    }
    const struct expiry_key bound = overflow_partition(&overflow, cut.keep);
    struct expiry_leaf *right = take_leaf(spare);
    path->leaf->count = 0;
    leaf_fill(path->leaf, overflow.keys, cut.keep);
    leaf_fill(right, overflow.keys + cut.keep, EXPIRY_LEAF_MAX + 1 - cut.keep);
    attach(index, path, bound, right, spare);
}

/* The only leaf of a small tree moves to another size. */
static void root_leaf_move(struct expiry_index *index, struct expiry_leaf *to)
{
    struct expiry_leaf *from = index->root;
    assert(from->count <= to->capacity);
    memcpy(to->entries, from->entries, from->count * sizeof from->entries[0]);
    to->count = from->count;
    leaf_free(index, from);
    index->root = to;
}

void expiry_insert(struct expiry_index *index, int64_t expiry_ms, const struct entry *entry, struct expiry_spare *spare)
{
    const struct expiry_key key = {expiry_ms, (uintptr_t)entry};
    if (index->root == NULL) {
        index->root = take_leaf(spare);
    }
    struct path path = find_path(index, key);
    if (path.leaf->count == path.leaf->capacity && path.leaf->capacity < EXPIRY_LEAF_MAX) {
        root_leaf_move(index, take_leaf(spare));
        path.leaf = index->root;
    }
    if (path.leaf->count < path.leaf->capacity) {
        leaf_fill(path.leaf, &key, 1);
    } else {
        leaf_overflow(index, &path, key, spare);
    }
    index->count++;
    index->last_put_ms = expiry_ms;
    index->last_put_address = key.address;
    if (expiry_ms < index->earliest_ms) {
        index->earliest_ms = expiry_ms;
    }
    expiry_release(index, spare);
}

/* --- removing --- */

static void inner_drop(struct expiry_inner *inner, uint32_t at)
{
    assert(at < inner->count);
    inner->count--;
    memmove(&inner->bounds[at], &inner->bounds[at + 1], (inner->count - at) * sizeof inner->bounds[0]);
    memmove(&inner->children[at], &inner->children[at + 1], (inner->count - at) * sizeof inner->children[0]);
}

/* Merges a node with a neighbour below the same parent if both are small. Returns which child of the parent is gone, or 0. */
static uint32_t inner_merge(struct expiry_index *index, struct expiry_inner *parent, uint32_t at)
{
    for (uint32_t right_at = at == 0 ? 1 : at; right_at <= at + 1 && right_at < parent->count; right_at++) {
        struct expiry_inner *left = parent->children[right_at - 1];
        struct expiry_inner *right = parent->children[right_at];
        if (left->count + right->count <= INNER_MERGE_MAX) {
            right->bounds[0] = parent->bounds[right_at];
            inner_move_tail(right, 0, left);
            inner_free(index, right);
            return right_at;
        }
    }
    return 0;
}

/* A root with one child is none. */
static void drop_thin_roots(struct expiry_index *index)
{
    while (index->height > 0) {
        struct expiry_inner *root = index->root;
        if (root->count > 1) {
            return;
        }
        index->root = root->count == 1 ? root->children[0] : NULL;
        index->height = root->count == 1 ? index->height - 1 : 0;
        inner_free(index, root);
    }
}

/* Child `at` of the lowest node of `path` is gone. */
static void detach(struct expiry_index *index, const struct path *path, uint32_t at)
{
    for (uint32_t level = index->height; level > 0; level--) {
        struct expiry_inner *inner = path->nodes[level - 1];
        inner_drop(inner, at);
        if (level == 1) {
            break;
        }
        at = path->children[level - 2];
        if (inner->count == 0) {
            inner_free(index, inner);
            continue;
        }
        at = inner_merge(index, path->nodes[level - 2], at);
        if (at == 0) {
            break;
        }
    }
    drop_thin_roots(index);
}

/* Merges a leaf with a neighbour below the same parent if both are small. Returns which child is gone, or 0. */
static uint32_t leaf_merge(struct expiry_index *index, struct expiry_inner *parent, uint32_t at)
{
    for (uint32_t right_at = at == 0 ? 1 : at; right_at <= at + 1 && right_at < parent->count; right_at++) {
        struct expiry_leaf *left = parent->children[right_at - 1];
        struct expiry_leaf *right = parent->children[right_at];
        if (left->count + right->count <= LEAF_MERGE_MAX) {
            assert(left->count + right->count <= left->capacity);
            memcpy(&left->entries[left->count], right->entries, right->count * sizeof right->entries[0]);
            left->count = (uint16_t)(left->count + right->count);
            leaf_free(index, right);
            return right_at;
        }
    }
    return 0;
}

/* The only leaf, a quarter full or less, takes a smaller block if there is one to be had. */
static void root_leaf_shrink(struct expiry_index *index)
{
    const struct expiry_leaf *leaf = index->root;
    if (leaf->capacity == LEAF_CAPACITY_MIN || leaf->count * 4 > leaf->capacity) {
        return;
    }
    struct expiry_spare spare;
    if (reserve_leaf(index, &spare, leaf->capacity / 2u)) {
        root_leaf_move(index, take_leaf(&spare));
    }
}

static void leaf_take_out(struct expiry_leaf *leaf, const struct entry *entry)
{
    uint32_t at = 0;
    while (at < leaf->count && leaf->entries[at] != entry) {
        at++;
    }
    assert(at < leaf->count);
    leaf->entries[at] = leaf->entries[--leaf->count];
}

void expiry_remove(struct expiry_index *index, int64_t expiry_ms, const struct entry *entry)
{
    assert(index->root != NULL);
    const struct path path = find_path(index, (struct expiry_key){expiry_ms, (uintptr_t)entry});
    leaf_take_out(path.leaf, entry);
    index->count--;
    if (path.leaf->count == 0) {
        leaf_free(index, path.leaf);
        if (index->height == 0) {
            index->root = NULL;
        } else {
            detach(index, &path, path.children[index->height - 1]);
        }
    } else if (index->height == 0) {
        root_leaf_shrink(index);
    } else {
        const uint32_t gone = leaf_merge(index, path.nodes[index->height - 1], path.children[index->height - 1]);
        if (gone != 0) {
            detach(index, &path, gone);
        }
    }
    if (index->count == 0) {
        assert(index->root == NULL);
        assert(index->height == 0);
        index->earliest_ms = INT64_MAX;
    }
}

/* --- freeing in steps --- */

/* Frees one block: the last leaf, or the last node that has lost all its children. */
static void free_last_block(struct expiry_index *index)
{
    struct expiry_inner *parent = NULL;
    void *node = index->root;
    bool is_leaf = index->height == 0;
    for (uint32_t level = 0; level < index->height; level++) {
        struct expiry_inner *inner = node;
        if (inner->count == 0) {
            break;
        }
        parent = inner;
        node = inner->children[inner->count - 1];
        is_leaf = level + 1 == index->height;
    }
    if (is_leaf) {
        leaf_free(index, node);
    } else {
        inner_free(index, node);
    }
    if (parent != NULL) {
        parent->count--;
    } else {
        index->root = NULL;
    }
}

bool expiry_free_step(struct expiry_index *index, size_t *limit)
{
    while (index->root != NULL) {
        if (*limit == 0) {
            return false;
        }
        --*limit;
        free_last_block(index);
    }
    assert(index->bytes == 0);
    const int64_t reference_ms = index->reference_ms;
    expiry_init(index, index->heap);
    index->reference_ms = reference_ms;
    return true;
}

/* --- defragmentation --- */

/* Moves the blocks on the way down to `key`. True: leaves follow, and *next is where. */
static bool move_path(struct expiry_index *index, struct expiry_key key, struct expiry_key *next)
{
    bool has_next = false;
    void **place = &index->root;
    for (uint32_t level = 0; level < index->height; level++) {
        struct expiry_inner *inner = heap_move(index->heap, MEM_EXPIRY_INDEX, *place, sizeof *inner);
        *place = inner;
        const uint32_t child = child_of(inner, key);
        if (child + 1 < inner->count) {
            *next = inner->bounds[child + 1];
            has_next = true;
        }
        place = &inner->children[child];
    }
    const struct expiry_leaf *leaf = *place;
    *place = heap_move(index->heap, MEM_EXPIRY_INDEX, *place, leaf_bytes(leaf->capacity));
    return has_next;
}

bool expiry_move_blocks(struct expiry_index *index, struct expiry_cursor *cursor, size_t limit)
{
    struct expiry_key key = {cursor->expiry_ms, cursor->address};
    bool is_end = index->root == NULL;
    for (; limit > 0 && !is_end; limit--) {
        is_end = !move_path(index, key, &key);
    }
    *cursor = is_end ? (struct expiry_cursor){0} : (struct expiry_cursor){key.expiry_ms, key.address};
    return is_end;
}
