/* score_tree.c - the B+tree of a sorted set: seeking, inserting with splits, removing with joins; layout in
 * score_set_private.h.
 *
 * Threads    Under the baton of the shard whose heap it is in.
 * Memory     An insertion first asks for every block that it needs, then changes. Removing asks for none that it cannot do
 *            without: a leaf that may not shrink or join stays as it is.  */
#include "encoding/score_set_private.h"

#include <assert.h>

enum { ITEM_OVERHEAD = sizeof(double) + sizeof(uint16_t), LINE_BYTES = 64, LEAF_SLACK = 48 };
_Static_assert(sizeof(struct score_leaf) + 3 * (size_t)(ITEM_OVERHEAD + SCORE_INLINE_MAX) <= SCORE_LEAF_MAX,
               "a full leaf has a member for each side and one more");

/* --- leaves --- */

static uint32_t leaf_begin(struct score_leaf *leaf, uint32_t index)
{
    const uint16_t *ends = score_leaf_ends(leaf);
    return index == 0 ? 0 : ends[index - 1] & ~(uint32_t)SCORE_END_APART;
}

static size_t leaf_used(struct score_leaf *leaf)
{
    return sizeof *leaf + (size_t)leaf->count * ITEM_OVERHEAD + leaf_begin(leaf, leaf->count);
}

struct score_stored score_leaf_stored(struct score_leaf *leaf, uint32_t index)
{
    assert(index < leaf->count);
    const uint32_t begin = leaf_begin(leaf, index);
    const uint16_t end = score_leaf_ends(leaf)[index];
    return (struct score_stored){
        .data = score_leaf_bytes(leaf) + begin,
        .len = (end & ~(uint32_t)SCORE_END_APART) - begin,
        .is_apart = (end & SCORE_END_APART) != 0,
        .score = leaf->scores[index],
    };
}

static struct score_apart *stored_apart(const struct score_stored *item)
{
    struct score_apart *apart;
    memcpy(&apart, item->data, sizeof apart);
    return apart;
}

static struct bytes stored_member(const struct score_stored *item)
{
    if (UNLIKELY(item->is_apart)) {
        const struct score_apart *apart = stored_apart(item);
        return (struct bytes){apart->data, apart->len};
    }
    return (struct bytes){item->data, item->len};
}

struct score_item score_leaf_item(struct score_leaf *leaf, uint32_t index)
{
    const struct score_stored stored = score_leaf_stored(leaf, index);
    return (struct score_item){stored_member(&stored), stored.score};
}

void score_apart_free(struct score_set *set, const struct score_stored *item)
{
    if (item->is_apart) {
        struct score_apart *apart = stored_apart(item);
        collection_free_block(&set->collection, apart, sizeof *apart + apart->len);
    }
}

/* An empty leaf with room for `size` bytes in all. */
static struct score_leaf *leaf_make(struct score_set *set, size_t size)
{
    const size_t block_bytes = heap_block_bytes(size);
    assert(block_bytes <= SCORE_LEAF_MAX);
    struct score_leaf *leaf = collection_alloc(&set->collection, block_bytes);
    if (leaf != NULL) {
        *leaf = (struct score_leaf){.block_bytes = (uint16_t)block_bytes};
    }
    return leaf;
}

/* Puts an item in; the block has room. */
static void leaf_put(struct score_leaf *leaf, uint32_t index, const struct score_stored *item)
{
    assert(leaf_used(leaf) + ITEM_OVERHEAD + item->len <= leaf->block_bytes);
    assert(index <= leaf->count);
    const uint32_t count = leaf->count;
    const uint32_t begin = leaf_begin(leaf, index);
    const uint32_t total = leaf_begin(leaf, count);
    const uint16_t *old_ends = score_leaf_ends(leaf);
    const char *old_bytes = score_leaf_bytes(leaf);
    leaf->count = (uint16_t)(count + 1);
    uint16_t *ends = score_leaf_ends(leaf);
    char *bytes = score_leaf_bytes(leaf);
    /* Everything moves up: what is last first. */
    memmove(bytes + begin + item->len, old_bytes + begin, total - begin);
    memmove(bytes, old_bytes, begin);
    memmove(ends + index + 1, old_ends + index, (count - index) * sizeof *ends);
    memmove(ends, old_ends, index * sizeof *ends);
    for (uint32_t i = index + 1; i <= count; i++) {
        ends[i] = (uint16_t)(ends[i] + item->len);
    }
    ends[index] = (uint16_t)((begin + item->len) | (item->is_apart ? SCORE_END_APART : 0u));
    memmove(leaf->scores + index + 1, leaf->scores + index, (count - index) * sizeof *leaf->scores);
    leaf->scores[index] = item->score;
    memcpy(bytes + begin, item->data, item->len);
}

/* Takes `count` items out. */
static void leaf_cut(struct score_leaf *leaf, uint32_t index, uint32_t count)
{
    assert(index + count <= leaf->count);
    const uint32_t left = leaf->count - count;
    const uint32_t begin = leaf_begin(leaf, index);
    const uint32_t end = leaf_begin(leaf, index + count);
    const uint32_t total = leaf_begin(leaf, leaf->count);
    const uint16_t *old_ends = score_leaf_ends(leaf);
    const char *old_bytes = score_leaf_bytes(leaf);
    memmove(leaf->scores + index, leaf->scores + index + count, (left - index) * sizeof *leaf->scores);
    leaf->count = (uint16_t)left;
    uint16_t *ends = score_leaf_ends(leaf);
    memmove(ends, old_ends, index * sizeof *ends);
    memmove(ends + index, old_ends + index + count, (left - index) * sizeof *ends);
    for (uint32_t i = index; i < left; i++) {
        ends[i] = (uint16_t)(ends[i] - (end - begin));
    }
    char *bytes = score_leaf_bytes(leaf);
    memmove(bytes, old_bytes, begin);
    memmove(bytes + begin, old_bytes + end, total - end);
}

/* Puts the items of `from`, from `index` on, behind those of `leaf`; the block has room. */
static void leaf_append_rest(struct score_leaf *leaf, struct score_leaf *from, uint32_t index)
{
    const uint32_t count = leaf->count;
    const uint32_t more = from->count - index;
    const uint32_t total = leaf_begin(leaf, count);
    const uint32_t begin = leaf_begin(from, index);
    assert(index <= from->count);
    assert(leaf_used(leaf) + more * ITEM_OVERHEAD + leaf_begin(from, from->count) - begin <= leaf->block_bytes);
    const uint16_t *old_ends = score_leaf_ends(leaf);
    const char *old_bytes = score_leaf_bytes(leaf);
    leaf->count = (uint16_t)(count + more);
    uint16_t *ends = score_leaf_ends(leaf);
    char *bytes = score_leaf_bytes(leaf);
    memmove(bytes, old_bytes, total);
    memcpy(bytes + total, score_leaf_bytes(from) + begin, leaf_begin(from, from->count) - begin);
    memmove(ends, old_ends, count * sizeof *ends);
    const uint16_t *from_ends = score_leaf_ends(from) + index;
    for (uint32_t i = 0; i < more; i++) {
        ends[count + i] = (uint16_t)(from_ends[i] - begin + total);
    }
    memcpy(leaf->scores + count, from->scores + index, more * sizeof *leaf->scores);
}

/* --- inner nodes --- */

/* As many children as a block for `count` can have. */
static uint32_t inner_capacity(uint32_t count)
{
    const size_t room = heap_block_bytes(score_inner_bytes(count)) - sizeof(struct score_inner);
    const uint32_t capacity = (uint32_t)(room / (score_inner_bytes(1) - score_inner_bytes(0)));
    return capacity < SCORE_INNER_MAX ? capacity : SCORE_INNER_MAX;
}

static struct score_inner *inner_make(struct score_set *set, uint32_t count)
{
    const uint32_t capacity = inner_capacity(count);
    struct score_inner *inner = collection_alloc(&set->collection, score_inner_bytes(capacity));
    if (inner != NULL) {
        inner->count = 0;
        inner->capacity = (uint16_t)capacity;
    }
    return inner;
}

static void inner_free(struct score_set *set, struct score_inner *inner)
{
    if (inner != NULL) {
        collection_free_block(&set->collection, inner, score_inner_bytes(inner->capacity));
    }
}

/* Puts children of `from`, `count` from `index` on, behind those of `inner`, which has room. */
static void inner_append(struct score_inner *inner, struct score_inner *from, uint32_t index, uint32_t count)
{
    assert(index + count <= from->count);
    assert(inner->count + count <= inner->capacity);
    memcpy(inner->scores + inner->count, from->scores + index, count * sizeof(double));
    memcpy(score_inner_children(inner) + inner->count, score_inner_children(from) + index, count * sizeof(void *));
    memcpy(score_inner_counts(inner) + inner->count, score_inner_counts(from) + index, count * sizeof(uint32_t));
    inner->count = (uint16_t)(inner->count + count);
}

struct child {
    void *node;
    double score;
    uint32_t count;
};

static void inner_put(struct score_inner *inner, uint32_t index, const struct child *child)
{
    assert(inner->count < inner->capacity);
    assert(index <= inner->count);
    const uint32_t behind = inner->count - index;
    void **children = score_inner_children(inner);
    uint32_t *counts = score_inner_counts(inner);
    memmove(inner->scores + index + 1, inner->scores + index, behind * sizeof(double));
    memmove(children + index + 1, children + index, behind * sizeof *children);
    memmove(counts + index + 1, counts + index, behind * sizeof *counts);
    inner->scores[index] = child->score;
    children[index] = child->node;
    counts[index] = child->count;
    inner->count++;
}

static void inner_cut(struct score_inner *inner, uint32_t index)
{
    assert(index < inner->count);
    const uint32_t behind = inner->count - index - 1u;
    void **children = score_inner_children(inner);
    uint32_t *counts = score_inner_counts(inner);
    memmove(inner->scores + index, inner->scores + index + 1, behind * sizeof(double));
    memmove(children + index, children + index + 1, behind * sizeof *children);
    memmove(counts + index, counts + index + 1, behind * sizeof *counts);
    inner->count--;
}

/* --- seeking --- */

static void prefetch_scores(const void *node)
{
    for (int line = 0; line < 6; line++) {
        __builtin_prefetch((const char *)node + line * LINE_BYTES);
    }
}

/* How many of the ascending scores are below `score`. */
static uint32_t scores_below(const double *scores, uint32_t count, double score)
{
    uint32_t base = 0;
    while (count > 0) {
        const uint32_t half = count / 2;
        const bool is_below = scores[base + half] < score;
        base += is_below ? half + 1 : 0;
        count = is_below ? count - half - 1 : half;
    }
    return base;
}

/* How many of the ascending scores equal `score`, which none is below. */
static uint32_t scores_equal(const double *scores, uint32_t count, double score)
{
    uint32_t base = 0;
    while (count > 0) {
        const uint32_t half = count / 2;
        const bool is_equal = scores[base + half] <= score;
        base += is_equal ? half + 1 : 0;
        count = is_equal ? count - half - 1 : half;
    }
    return base;
}

static double first_score(void *node, unsigned height)
{
    return height == 0 ? ((struct score_leaf *)node)->scores[0] : ((struct score_inner *)node)->scores[0];
}

static struct bytes first_member(void *node, unsigned height)
{
    for (; height > 0; height--) {
        node = score_inner_children(node)[0];
    }
    return score_leaf_item(node, 0).member;
}

/* The child in which to go on; `below` is the children's height. */
static uint32_t inner_seek(struct score_inner *inner, unsigned below, double score, struct bytes member, enum score_seek seek)
{
    uint32_t low = scores_below(inner->scores, inner->count, score);
    if (seek != SCORE_SEEK_BEFORE && low < inner->count && inner->scores[low] == score) {
        uint32_t equal = scores_equal(inner->scores + low, inner->count - low, score);
        while (seek == SCORE_SEEK_MEMBER && equal > 0) {
            const uint32_t half = equal / 2;
            if (bytes_compare(first_member(score_inner_children(inner)[low + half], below), member) <= 0) {
                low += half + 1;
                equal -= half + 1;
            } else {
                equal = half;
            }
        }
        low += equal;
    }
    return low == 0 ? 0 : low - 1;
}

static bool leaf_seek(struct score_leaf *leaf, double score, struct bytes member, enum score_seek seek, uint32_t *index)
{
    uint32_t low = scores_below(leaf->scores, leaf->count, score);
    *index = low;
    if (seek == SCORE_SEEK_BEFORE || low == leaf->count || leaf->scores[low] != score) {
        return false;
    }
    uint32_t equal = scores_equal(leaf->scores + low, leaf->count - low, score);
    if (seek == SCORE_SEEK_AFTER) {
        *index = low + equal;
        return false;
    }
    bool is_found = false;
    while (equal > 0) {
        const uint32_t half = equal / 2;
        const int order = bytes_compare(score_leaf_item(leaf, low + half).member, member);
        is_found |= order == 0;
        low += order < 0 ? half + 1 : 0;
        equal = order < 0 ? equal - half - 1 : half;
    }
    *index = low;
    return is_found;
}

bool score_tree_seek(const struct score_set *set, double score, struct bytes member, enum score_seek seek,
                     struct score_path *path)
{
    void *node = set->root;
    assert(node != NULL);
    for (unsigned level = 0; level < set->height; level++) {
        struct score_inner *inner = node;
        const uint32_t index = inner_seek(inner, set->height - level - 1u, score, member, seek);
        path->steps[level] = (struct score_step){inner, index};
        node = score_inner_children(inner)[index];
        prefetch_scores(node);
    }
    path->leaf = node;
    return leaf_seek(path->leaf, score, member, seek, &path->index);
}

void score_tree_seek_rank(const struct score_set *set, uint64_t rank, struct score_path *path)
{
    assert(rank <= set->count);
    assert(set->root != NULL);
    void *node = set->root;
    for (unsigned level = 0; level < set->height; level++) {
        struct score_inner *inner = node;
        const uint32_t *counts = score_inner_counts(inner);
        uint32_t index = 0;
        while (rank >= counts[index] && index + 1u < inner->count) {
            rank -= counts[index];
            index++;
        }
        path->steps[level] = (struct score_step){inner, index};
        node = score_inner_children(inner)[index];
    }
    path->leaf = node;
    path->index = (uint32_t)rank;
    assert(path->index <= path->leaf->count);
}

uint64_t score_path_rank(const struct score_set *set, const struct score_path *path)
{
    uint64_t rank = path->index;
    for (unsigned level = 0; level < set->height; level++) {
        const struct score_step *step = &path->steps[level];
        const uint32_t *counts = score_inner_counts(step->node);
        for (uint32_t i = 0; i < step->index; i++) {
            rank += counts[i];
        }
    }
    return rank;
}

/* Steps of the path from `level` on lead to the first or the last leaf there; step `level` itself is set. */
static void descend(const struct score_set *set, struct score_path *path, unsigned level, bool is_to_last)
{
    void *node = score_inner_children(path->steps[level].node)[path->steps[level].index];
    for (level++; level < set->height; level++) {
        struct score_inner *inner = node;
        path->steps[level] = (struct score_step){inner, is_to_last ? inner->count - 1u : 0u};
        node = score_inner_children(inner)[path->steps[level].index];
    }
    path->leaf = node;
    path->index = is_to_last ? path->leaf->count : 0;
}

bool score_path_next_leaf(const struct score_set *set, struct score_path *path)
{
    for (unsigned level = set->height; level-- > 0;) {
        struct score_step *step = &path->steps[level];
        if (step->index + 1u < step->node->count) {
            step->index++;
            descend(set, path, level, false);
            return true;
        }
    }
    return false;
}

bool score_path_previous_leaf(const struct score_set *set, struct score_path *path)
{
    for (unsigned level = set->height; level-- > 0;) {
        struct score_step *step = &path->steps[level];
        if (step->index > 0) {
            step->index--;
            descend(set, path, level, true);
            return true;
        }
    }
    return false;
}

/* --- keeping what stands above a leaf true --- */

/* The node at the end of the path's first `level` steps is at another address. */
static void set_node(struct score_set *set, struct score_path *path, unsigned level, void *node)
{
    if (level == 0) {
        set->root = node;
    } else {
        struct score_step *step = &path->steps[level - 1];
        score_inner_children(step->node)[step->index] = node;
    }
}

/* The first score below the path's first `level` steps is another one. */
static void note_first(struct score_path *path, unsigned level, double score)
{
    while (level-- > 0) {
        struct score_step *step = &path->steps[level];
        step->node->scores[step->index] = score;
        if (step->index > 0) {
            return;
        }
    }
}

static void add_counts(struct score_path *path, unsigned levels, uint32_t more)
{
    for (unsigned level = 0; level < levels; level++) {
        score_inner_counts(path->steps[level].node)[path->steps[level].index] += more;
    }
}

static bool leaf_resize(struct score_set *set, struct score_path *path, size_t size)
{
    struct score_leaf *leaf = collection_realloc(&set->collection, path->leaf, path->leaf->block_bytes, heap_block_bytes(size));
    if (leaf == NULL) {
        return false;
    }
    leaf->block_bytes = (uint16_t)heap_block_bytes(size);
    path->leaf = leaf;
    set_node(set, path, set->height, leaf);
    return true;
}

/* Gives an inner node a block for `count` children. */
static bool inner_resize(struct score_set *set, struct score_path *path, unsigned level, uint32_t count)
{
    struct score_inner *old = path->steps[level].node;
    struct score_inner *inner = inner_make(set, count);
    if (inner == NULL) {
        return false;
    }
    inner_append(inner, old, 0, old->count);
    inner_free(set, old);
    path->steps[level].node = inner;
    set_node(set, path, level, inner);
    return true;
}

/* --- inserting --- */

/* What a split needs: asked for before anything changes. */
struct spares {
    struct score_leaf *leaf;
    struct score_inner *inner[SCORE_HEIGHT_MAX]; /* right halves, by level */
    struct score_inner *root;                    /* a new one above the old */
};

static void spares_free(struct score_set *set, struct spares *spares)
{
    for (unsigned level = 0; level < SCORE_HEIGHT_MAX; level++) {
        inner_free(set, spares->inner[level]);
    }
    inner_free(set, spares->root);
    if (spares->leaf != NULL) {
        collection_free_block(&set->collection, spares->leaf, spares->leaf->block_bytes);
    }
}

static bool is_last_step(const struct score_step *step)
{
    return step->index + 1u == step->node->count;
}

/* Where a full inner node is cut: what grows at its end stays full. */
static uint32_t inner_cut_place(const struct score_step *step)
{
    return is_last_step(step) ? step->node->count : step->node->count / 2u;
}

/* Room for one more child above the leaf: in the nodes that are there, or in spare ones. */
static bool reserve_inner(struct score_set *set, struct score_path *path, struct spares *spares)
{
    for (unsigned level = set->height; level-- > 0;) {
        const struct score_step *step = &path->steps[level];
        if (step->node->count < step->node->capacity) {
            return true;
        }
        if (step->node->capacity < SCORE_INNER_MAX) {
            return inner_resize(set, path, level, step->node->count + 1u);
        }
        spares->inner[level] = inner_make(set, step->node->count - inner_cut_place(step) + 1);
        if (spares->inner[level] == NULL) {
            return false;
        }
    }
    if (set->height == SCORE_HEIGHT_MAX) {
        return false;
    }
    spares->root = inner_make(set, 2);
    return spares->root != NULL;
}

/* Puts `child` behind the one on the path at `level`, splitting what is full: *child is then the new right half. Returns true
 * when there was room.  */
static bool put_child(struct score_path *path, unsigned level, struct spares *spares, struct child *child)
{
    struct score_step *step = &path->steps[level];
    if (step->node->count < step->node->capacity) {
        inner_put(step->node, step->index + 1, child);
        return true;
    }
    struct score_inner *right = spares->inner[level];
    spares->inner[level] = NULL;
    const uint32_t cut = inner_cut_place(step);
    inner_append(right, step->node, cut, step->node->count - cut);
    step->node->count = (uint16_t)cut;
    if (step->index + 1 < cut || (step->index + 1 == cut && right->count > 0)) {
        inner_put(step->node, step->index + 1, child);
    } else {
        inner_put(right, step->index + 1 - cut, child);
    }
    *child = (struct child){right, right->scores[0], score_inner_total(right)};
    return false;
}

/* The leaf's new right neighbour joins the tree. The item is in one of the two and counted nowhere yet. */
static void link_leaf(struct score_set *set, struct score_path *path, struct spares *spares, struct child child)
{
    add_counts(path, set->height, 1);
    uint32_t moved = child.count;
    for (unsigned level = set->height; level-- > 0;) {
        struct score_step *step = &path->steps[level];
        score_inner_counts(step->node)[step->index] -= moved;
        if (put_child(path, level, spares, &child)) {
            return;
        }
        moved = child.count;
    }
    assert(set->height < SCORE_HEIGHT_MAX);
    const struct child left = {set->root, 0, set->count + 1u - child.count};
    struct score_inner *root = spares->root;
    spares->root = NULL;
    inner_put(root, 0, &left);
    root->scores[0] = first_score(left.node, set->height);
    inner_put(root, 1, &child);
    set->root = root;
    set->height++;
}

/* How a full leaf is divided: so many of its items stay, and the new one goes to the left or to the right. */
struct division {
    uint32_t left_count;
    bool is_left;
    size_t left_bytes, right_bytes; /* of the blocks' contents */
};

static struct division divide(const struct score_set *set, const struct score_path *path, size_t item_bytes)
{
    struct score_leaf *leaf = path->leaf;
    const size_t all = leaf_used(leaf) - sizeof *leaf;
    bool is_begin = path->index == 0, is_end = path->index == leaf->count;
    for (unsigned level = 0; level < set->height; level++) {
        is_begin &= path->steps[level].index == 0;
        is_end &= is_last_step(&path->steps[level]);
    }
    /* What grows at an end leaves full leaves behind. */
    if (is_end) {
        return (struct division){leaf->count, false, leaf_used(leaf), sizeof *leaf + item_bytes};
    }
    if (is_begin) {
        return (struct division){0, true, sizeof *leaf + item_bytes, leaf_used(leaf)};
    }
    struct division division = {0};
    size_t left = 0;
    while (left * 2 < all + item_bytes) {
        if (division.left_count == path->index && !division.is_left) {
            division.is_left = true;
            left += item_bytes;
        } else {
            const uint32_t i = division.left_count++;
            left += ITEM_OVERHEAD + leaf_begin(leaf, i + 1) - leaf_begin(leaf, i);
        }
    }
    division.left_bytes = sizeof *leaf + left;
    division.right_bytes = sizeof *leaf + all + item_bytes - left;
    return division;
}

static bool split_and_put(struct score_set *set, struct score_path *path, const struct score_stored *item)
{
    const struct division division = divide(set, path, ITEM_OVERHEAD + item->len);
    if (division.left_bytes > path->leaf->block_bytes && !leaf_resize(set, path, division.left_bytes)) {
        return false;
    }
    struct spares spares = {0};
    struct score_leaf *right = leaf_make(set, division.right_bytes);
    if (right == NULL) {
        return false;
    }
    spares.leaf = right;
    if (!reserve_inner(set, path, &spares)) {
        spares_free(set, &spares);
        return false;
    }
    struct score_leaf *leaf = path->leaf;
    leaf_append_rest(right, leaf, division.left_count);
    leaf_cut(leaf, division.left_count, leaf->count - division.left_count);
    if (division.is_left) {
        leaf_put(leaf, path->index, item);
        if (path->index == 0) {
            note_first(path, set->height, item->score);
        }
    } else {
        leaf_put(right, path->index - division.left_count, item);
    }
    const size_t used = leaf_used(leaf);
    if (heap_block_bytes(used) < leaf->block_bytes) {
        (void)!leaf_resize(set, path, used);
    }
    link_leaf(set, path, &spares, (struct child){right, right->scores[0], right->count});
    set->count++;
    return true;
}

static bool put_first(struct score_set *set, const struct score_stored *item)
{
    struct score_leaf *leaf = leaf_make(set, sizeof *leaf + ITEM_OVERHEAD + item->len);
    if (leaf == NULL) {
        return false;
    }
    leaf_put(leaf, 0, item);
    set->root = leaf;
    set->count = 1;
    return true;
}

bool score_tree_insert(struct score_set *set, struct score_path *path, const struct score_stored *item)
{
    if (UNLIKELY(set->root == NULL)) {
        return put_first(set, item);
    }
    if (UNLIKELY(set->count == SCORE_SET_COUNT_MAX)) {
        return false;
    }
    const size_t needed = leaf_used(path->leaf) + ITEM_OVERHEAD + item->len;
    if (needed > SCORE_LEAF_MAX) {
        return split_and_put(set, path, item);
    }
    if (needed > path->leaf->block_bytes && !leaf_resize(set, path, needed)) {
        return false;
    }
    leaf_put(path->leaf, path->index, item);
    if (path->index == 0) {
        note_first(path, set->height, item->score);
    }
    add_counts(path, set->height, 1);
    set->count++;
    return true;
}

void score_tree_set_score(struct score_set *set, struct score_path *path, double score)
{
    path->leaf->scores[path->index] = score;
    if (path->index == 0) {
        note_first(path, set->height, score);
    }
}

/* --- removing --- */

void score_tree_lower_root(struct score_set *set)
{
    while (set->height > 0 && ((struct score_inner *)set->root)->count == 1) {
        struct score_inner *root = set->root;
        set->root = score_inner_children(root)[0];
        set->height--;
        inner_free(set, root);
    }
}

static bool join_inner(struct score_set *set, struct score_path *path, unsigned level, uint32_t left_index);

/* Two neighbours of a level that are small become one. True: the right one is gone from its parent. */
static bool join_small(struct score_set *set, struct score_path *path, unsigned level,
                       bool (*join)(struct score_set *, struct score_path *, unsigned, uint32_t))
{
    const struct score_step *parent = &path->steps[level - 1];
    if (parent->index + 1u < parent->node->count && join(set, path, level, parent->index)) {
        return true;
    }
    return parent->index > 0 && join(set, path, level, parent->index - 1);
}

/* Takes a child out of the node at `level`, and out of those above what becomes empty. */
static void drop_child(struct score_set *set, struct score_path *path, unsigned level, uint32_t index)
{
    struct score_inner *inner = path->steps[level].node;
    inner_cut(inner, index);
    while (inner->count == 0) {
        inner_free(set, inner);
        if (level == 0) {
            set->root = NULL;
            set->height = 0;
            return;
        }
        level--;
        inner = path->steps[level].node;
        index = path->steps[level].index;
        inner_cut(inner, index);
    }
    if (index == 0) {
        note_first(path, level, inner->scores[0]);
    }
    for (; level > 0 && path->steps[level].node->count < SCORE_INNER_SMALL; level--) {
        if (!join_small(set, path, level, join_inner)) {
            break;
        }
    }
    struct score_inner *last = path->steps[level].node;
    if (inner_capacity(last->count + 8u) < last->capacity) {
        (void)!inner_resize(set, path, level, last->count + 2u);
    }
    score_tree_lower_root(set);
}

/* The children at left_index and behind it, inner nodes of `level`, become one. The path must not be used below. */
static bool join_inner(struct score_set *set, struct score_path *path, unsigned level, uint32_t left_index)
{
    struct score_inner *parent = path->steps[level - 1].node;
    void **children = score_inner_children(parent);
    struct score_inner *left = children[left_index];
    struct score_inner *right = children[left_index + 1];
    const uint32_t count = (uint32_t)left->count + right->count;
    if (count > SCORE_INNER_JOINED_MAX) {
        return false;
    }
    if (left->capacity < count) {
        struct score_inner *wider = inner_make(set, count);
        if (wider == NULL) {
            return false;
        }
        inner_append(wider, left, 0, left->count);
        inner_free(set, left);
        children[left_index] = left = wider;
    }
    inner_append(left, right, 0, right->count);
    inner_free(set, right);
    uint32_t *counts = score_inner_counts(parent);
    counts[left_index] += counts[left_index + 1];
    inner_cut(parent, left_index + 1);
    return true;
}

static bool join_leaves(struct score_set *set, struct score_path *path, unsigned level, uint32_t left_index)
{
    struct score_inner *parent = path->steps[level - 1].node;
    void **children = score_inner_children(parent);
    struct score_leaf *left = children[left_index];
    struct score_leaf *right = children[left_index + 1];
    const size_t used = leaf_used(left) + leaf_used(right) - sizeof *right;
    if (used > SCORE_LEAF_JOINED_MAX) {
        return false;
    }
    if (left->block_bytes < used) {
        left = collection_realloc(&set->collection, left, left->block_bytes, heap_block_bytes(used));
        if (left == NULL) {
            return false;
        }
        left->block_bytes = (uint16_t)heap_block_bytes(used);
        children[left_index] = left;
    }
    leaf_append_rest(left, right, 0);
    collection_free_block(&set->collection, right, right->block_bytes);
    uint32_t *counts = score_inner_counts(parent);
    counts[left_index] += counts[left_index + 1];
    path->steps[level - 1].index = left_index;
    drop_child(set, path, level - 1, left_index + 1);
    return true;
}

void score_tree_remove(struct score_set *set, struct score_path *path, uint32_t count)
{
    struct score_leaf *leaf = path->leaf;
    assert(count > 0);
    assert(path->index + count <= leaf->count);
    set->count -= count;
    add_counts(path, set->height, 0u - count);
    if (count == leaf->count) {
        collection_free_block(&set->collection, leaf, leaf->block_bytes);
        if (set->height == 0) {
            set->root = NULL;
        } else {
            drop_child(set, path, set->height - 1u, path->steps[set->height - 1].index);
        }
        return;
    }
    leaf_cut(leaf, path->index, count);
    if (path->index == 0) {
        note_first(path, set->height, leaf->scores[0]);
    }
    const size_t used = leaf_used(leaf);
    if (used < SCORE_LEAF_SMALL && set->height > 0 && join_small(set, path, set->height, join_leaves)) {
        return;
    }
    if (heap_block_bytes(used + LEAF_SLACK) < leaf->block_bytes) {
        (void)!leaf_resize(set, path, used + LEAF_SLACK);
    }
}

/* --- freeing and checking --- */

struct score_leaf *score_tree_take_leaf(struct score_set *set, void **root, unsigned height)
{
    struct score_inner *above[SCORE_HEIGHT_MAX];
    void *node = *root;
    assert(node != NULL);
    assert(height <= SCORE_HEIGHT_MAX);
    for (unsigned level = 0; level < height; level++) {
        above[level] = node;
        node = score_inner_children(node)[above[level]->count - 1];
    }
    while (height > 0 && --above[height - 1]->count == 0) {
        height--;
        inner_free(set, above[height]);
    }
    if (height == 0) {
        *root = NULL;
    }
    return node;
}

void score_leaf_free(struct score_set *set, struct score_leaf *leaf)
{
    for (uint32_t i = 0; i < leaf->count; i++) {
        const struct score_stored item = score_leaf_stored(leaf, i);
        score_apart_free(set, &item);
    }
    collection_free_block(&set->collection, leaf, leaf->block_bytes);
}

bool score_tree_free_step(struct score_set *set, size_t *limit)
{
    while (set->root != NULL) {
        if (*limit == 0) {
            return false;
        }
        struct score_leaf *leaf = score_tree_take_leaf(set, &set->root, set->height);
        *limit -= leaf->count < *limit ? leaf->count : *limit;
        score_leaf_free(set, leaf);
    }
    return true;
}

/* What a check has seen so far. */
struct tally {
    uint64_t bytes, count;
    bool has_last;
    struct score_item last;
};

static const char *leaf_fault(struct score_leaf *leaf, struct tally *tally)
{
    if (leaf->count == 0 || leaf_used(leaf) > leaf->block_bytes || leaf->block_bytes > SCORE_LEAF_MAX) {
        return "a leaf of a sorted set is empty or overfull";
    }
    tally->bytes += leaf->block_bytes;
    for (uint32_t i = 0; i < leaf->count; i++) {
        const struct score_stored stored = score_leaf_stored(leaf, i);
        const struct score_item item = score_leaf_item(leaf, i);
        if (stored.is_apart != (item.member.len > SCORE_INLINE_MAX)) {
            return "a member of a sorted set stands where it should not";
        }
        tally->bytes += stored.is_apart ? heap_block_bytes(sizeof(struct score_apart) + item.member.len) : 0;
        if (tally->has_last && !(tally->last.score < item.score ||
                                 (tally->last.score == item.score && bytes_compare(tally->last.member, item.member) < 0))) {
            return "members of a sorted set are out of order";
        }
        tally->has_last = true;
        tally->last = item;
    }
    tally->count += leaf->count;
    return NULL;
}

/* style: calls itself, at most SCORE_HEIGHT_MAX deep. */
static const char *node_fault(void *node, unsigned height, struct tally *tally)
{
    if (height == 0) {
        return leaf_fault(node, tally);
    }
    struct score_inner *inner = node;
    if (inner->count == 0 || inner->count > inner->capacity || inner->capacity != inner_capacity(inner->capacity)) {
        return "a node of a sorted set is empty or overfull";
    }
    tally->bytes += heap_block_bytes(score_inner_bytes(inner->capacity));
    for (uint32_t i = 0; i < inner->count; i++) {
        void *child = score_inner_children(inner)[i];
        const double first = first_score(child, height - 1);
        const uint64_t before = tally->count;
        const char *fault = node_fault(child, height - 1, tally);
        if (fault != NULL) {
            return fault;
        }
        if (first != inner->scores[i] || tally->count - before != score_inner_counts(inner)[i]) {
            return "a node of a sorted set has a wrong score or count";
        }
    }
    return NULL;
}

const char *score_tree_fault(void *root, unsigned height, uint64_t *bytes, uint64_t *count)
{
    struct tally tally = {0};
    const char *fault = root == NULL ? NULL : node_fault(root, height, &tally);
    *bytes += tally.bytes;
    *count += tally.count;
    return fault;
}
