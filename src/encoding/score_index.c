/* score_index.c - from a member's hash to its score: extendible hashing with sorted leaves; layout in score_set_private.h.
 *
 * Hashes are evenly spread, so that in a sorted leaf the place of one is known within a few entries.
 *
 * Threads    Under the baton of the shard whose heap it is in.
 * Cost       Doubling the directory copies 8 bytes for about 180 members.  */
#include "encoding/score_set_private.h"

#include <assert.h>

enum { HASH_BITS = 32, ENTRY_BYTES = sizeof(double) + sizeof(uint32_t), INDEX_SLACK = 16, CAPACITY_MASK = (1 << 27) - 1 };

/* As many entries as a block for `count` can have. */
static uint32_t leaf_capacity(uint32_t count)
{
    return (uint32_t)((heap_block_bytes(index_leaf_bytes(count)) - sizeof(struct index_leaf)) / ENTRY_BYTES);
}

static struct index_leaf *leaf_make(struct score_set *set, uint32_t count, uint32_t depth)
{
    const uint32_t capacity = leaf_capacity(count);
    assert(capacity <= CAPACITY_MASK);
    assert(depth <= SCORE_DEPTH_MAX);
    struct index_leaf *leaf = collection_alloc(&set->collection, index_leaf_bytes(capacity));
    if (leaf != NULL) {
        leaf->count = 0;
        leaf->capacity = capacity & CAPACITY_MASK;
        leaf->depth = depth & 31u;
    }
    return leaf;
}

static void leaf_free(struct score_set *set, struct index_leaf *leaf)
{
    collection_free_block(&set->collection, leaf, index_leaf_bytes(leaf->capacity));
}

/* The leaf's first place, and how many it has. */
static uint64_t leaf_places(const struct score_set *set, struct index_leaf *leaf, uint32_t hash, uint64_t *count)
{
    assert(leaf->depth <= set->depth);
    *count = UINT64_C(1) << (set->depth - leaf->depth);
    return index_place_of(set, hash) & ~(*count - 1);
}

/* The first entry whose hash is not below `hash`: where an even spread puts it, and from there on step by step. */
static uint32_t leaf_seek(struct index_leaf *leaf, uint32_t hash)
{
    const uint32_t *hashes = index_leaf_hashes(leaf);
    const uint32_t within = (uint32_t)((uint64_t)hash << leaf->depth);
    uint32_t index = (uint32_t)((uint64_t)within * leaf->count >> HASH_BITS);
    while (index > 0 && hashes[index - 1] >= hash) {
        index--;
    }
    while (index < leaf->count && hashes[index] < hash) {
        index++;
    }
    return index;
}

/* For debug asserts: whether the hashes ascend. */
bool index_leaf_is_sorted(struct index_leaf *leaf)
{
    const uint32_t *hashes = index_leaf_hashes(leaf);
    for (uint32_t i = 1; i < leaf->count; i++) {
        if (hashes[i - 1] > hashes[i]) {
            return false;
        }
    }
    return true;
}

/* --- growing --- */

static bool directory_double(struct score_set *set)
{
    struct index_leaf **wider = collection_alloc(&set->collection, index_directory_bytes(set->depth + 1u));
    if (wider == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < UINT64_C(1) << set->depth; i++) {
        wider[2 * i] = wider[2 * i + 1] = set->directory[i];
    }
    collection_free_block(&set->collection, set->directory, index_directory_bytes(set->depth));
    set->directory = wider;
    set->depth++;
    set->deepest = 0;
    return true;
}

static void set_places(struct score_set *set, uint64_t first, uint64_t count, struct index_leaf *leaf)
{
    for (uint64_t i = first; i < first + count; i++) {
        set->directory[i] = leaf;
    }
}

/* Gives the leaf of `hash` a block for `count` entries (>= its own). False: refused, it is as before. */
static bool leaf_resize(struct score_set *set, uint32_t hash, uint32_t count)
{
    struct index_leaf *leaf = set->directory[index_place_of(set, hash)];
    const uint32_t old_capacity = leaf->capacity;
    const uint32_t capacity = leaf_capacity(count);
    assert(count >= leaf->count);
    const size_t hash_bytes = leaf->count * sizeof(uint32_t);
    if (capacity < old_capacity) {
        memmove(&leaf->scores[capacity], &leaf->scores[old_capacity], hash_bytes);
    }
    struct index_leaf *moved =
        collection_realloc(&set->collection, leaf, index_leaf_bytes(old_capacity), index_leaf_bytes(capacity));
    if (moved == NULL) {
        if (capacity < old_capacity) {
            memmove(&leaf->scores[old_capacity], &leaf->scores[capacity], hash_bytes);
        }
        return false;
    }
    if (capacity > old_capacity) {
        memmove(&moved->scores[capacity], &moved->scores[old_capacity], hash_bytes);
    }
    moved->capacity = capacity & CAPACITY_MASK;
    if (moved != leaf) {
        uint64_t places;
        const uint64_t first = leaf_places(set, moved, hash, &places);
        set_places(set, first, places, moved);
    }
    return true;
}

/* Divides the leaf of `hash` by its next bit. */
static bool leaf_split(struct score_set *set, uint32_t hash)
{
    struct index_leaf *leaf = set->directory[index_place_of(set, hash)];
    if (leaf->depth == set->depth && !directory_double(set)) {
        return false;
    }
    uint64_t places;
    const uint64_t first = leaf_places(set, leaf, hash, &places);
    const uint32_t middle = (uint32_t)((first + places / 2) << (HASH_BITS - set->depth));
    const uint32_t *hashes = index_leaf_hashes(leaf);
    uint32_t keep = 0;
    while (keep < leaf->count && hashes[keep] < middle) {
        keep++;
    }
    const uint32_t moved = leaf->count - keep;
    struct index_leaf *right = leaf_make(set, moved + 1, leaf->depth + 1u);
    if (right == NULL) {
        return false;
    }
    memcpy(right->scores, leaf->scores + keep, moved * sizeof(double));
    memcpy(index_leaf_hashes(right), hashes + keep, moved * sizeof(uint32_t));
    right->count = moved;
    leaf->count = keep;
    leaf->depth++;
    if (leaf->depth == set->depth) {
        set->deepest += 2;
    }
    assert(places >= 2);
    set_places(set, first + places / 2, places / 2, right);
    if (leaf_capacity(keep + 1) < leaf->capacity) {
        (void)!leaf_resize(set, middle - 1, keep + 1);
    }
    return true;
}

static bool make_first(struct score_set *set)
{
    struct index_leaf *leaf = leaf_make(set, 1, 0);
    if (leaf == NULL) {
        return false;
    }
    set->directory = collection_alloc(&set->collection, index_directory_bytes(0));
    if (set->directory == NULL) {
        leaf_free(set, leaf);
        return false;
    }
    set->directory[0] = leaf;
    set->depth = 0;
    set->deepest = 1;
    return true;
}

bool score_index_reserve(struct score_set *set, uint32_t hash)
{
    if (UNLIKELY(set->directory == NULL) && !make_first(set)) {
        return false;
    }
    while (true) {
        struct index_leaf *leaf = set->directory[index_place_of(set, hash)];
        if (LIKELY(leaf->count < leaf->capacity)) {
            return true;
        }
        if (leaf->count < SCORE_INDEX_MAX || leaf->depth == SCORE_DEPTH_MAX) {
            return leaf->count < CAPACITY_MASK / 2 && leaf_resize(set, hash, leaf->count + 1);
        }
        if (!leaf_split(set, hash)) {
            return false;
        }
    }
}

void score_index_add(struct score_set *set, uint32_t hash, double score)
{
    struct index_leaf *leaf = set->directory[index_place_of(set, hash)];
    assert(leaf->count < leaf->capacity);
    uint32_t *hashes = index_leaf_hashes(leaf);
    const uint32_t index = leaf_seek(leaf, hash);
    const uint32_t behind = leaf->count - index;
    memmove(leaf->scores + index + 1, leaf->scores + index, behind * sizeof(double));
    memmove(hashes + index + 1, hashes + index, behind * sizeof(uint32_t));
    leaf->scores[index] = score;
    hashes[index] = hash;
    leaf->count++;
    debug_assert(index_leaf_is_sorted(leaf));
}

/* --- shrinking --- */

/* While no leaf is as deep as the directory, half of it is enough. */
static void directory_halve(struct score_set *set)
{
    while (set->deepest == 0 && set->depth > 0) {
        const unsigned depth = set->depth - 1u;
        struct index_leaf **smaller = collection_alloc(&set->collection, index_directory_bytes(depth));
        if (smaller == NULL) {
            return;
        }
        for (uint64_t i = 0; i < UINT64_C(1) << depth; i++) {
            smaller[i] = set->directory[2 * i];
            set->deepest += smaller[i]->depth == depth;
        }
        collection_free_block(&set->collection, set->directory, index_directory_bytes(set->depth));
        set->directory = smaller;
        set->depth = (uint8_t)depth;
    }
}

/* The leaf of `hash` and its neighbour under the same prefix become one when they are small. */
static bool join_neighbour(struct score_set *set, uint32_t hash)
{
    struct index_leaf *leaf = set->directory[index_place_of(set, hash)];
    if (leaf->depth == 0) {
        return false;
    }
    uint64_t places;
    const uint64_t left_place = leaf_places(set, leaf, hash, &places) & ~places;
    struct index_leaf *left = set->directory[left_place];
    struct index_leaf *right = set->directory[left_place + places];
    const uint32_t count = left->count + right->count;
    if (left->depth != right->depth || count > SCORE_INDEX_JOINED_MAX) {
        return false;
    }
    if (left->capacity < count) {
        const uint32_t left_hash = (uint32_t)(left_place << (HASH_BITS - set->depth));
        if (!leaf_resize(set, left_hash, count)) {
            return false;
        }
        left = set->directory[left_place];
    }
    memcpy(left->scores + left->count, right->scores, right->count * sizeof(double));
    memcpy(index_leaf_hashes(left) + left->count, index_leaf_hashes(right), right->count * sizeof(uint32_t));
    left->count = count;
    if (left->depth == set->depth) {
        assert(set->deepest >= 2);
        set->deepest -= 2;
    }
    left->depth--;
    leaf_free(set, right);
    set_places(set, left_place + places, places, left);
    directory_halve(set);
    return true;
}

/* The entry with this hash and score, which is there. */
static uint32_t leaf_find(struct index_leaf *leaf, uint32_t hash, double score)
{
    const uint32_t *hashes = index_leaf_hashes(leaf);
    uint32_t index = leaf_seek(leaf, hash);
    for (;; index++) {
        assert(index < leaf->count);
        assert(hashes[index] == hash);
        if (leaf->scores[index] == score) {
            return index;
        }
    }
}

void score_index_remove(struct score_set *set, uint32_t hash, double score)
{
    struct index_leaf *leaf = set->directory[index_place_of(set, hash)];
    uint32_t *hashes = index_leaf_hashes(leaf);
    const uint32_t index = leaf_find(leaf, hash, score);
    const uint32_t behind = leaf->count - index - 1;
    memmove(leaf->scores + index, leaf->scores + index + 1, behind * sizeof(double));
    memmove(hashes + index, hashes + index + 1, behind * sizeof(uint32_t));
    leaf->count--;
    if (leaf->count < SCORE_INDEX_JOINED_MAX / 2 && join_neighbour(set, hash)) {
        return;
    }
    if (leaf_capacity(leaf->count + INDEX_SLACK) < leaf->capacity) {
        (void)!leaf_resize(set, hash, leaf->count + INDEX_SLACK);
    }
}

void score_index_move(struct score_set *set, uint32_t hash, double old_score, double score)
{
    struct index_leaf *leaf = set->directory[index_place_of(set, hash)];
    leaf->scores[leaf_find(leaf, hash, old_score)] = score;
}

/* --- seeking --- */

struct index_cursor score_index_seek(const struct score_set *set, uint32_t hash)
{
    if (set->directory == NULL) {
        return (struct index_cursor){0};
    }
    struct index_leaf *leaf = set->directory[index_place_of(set, hash)];
    return (struct index_cursor){leaf, leaf_seek(leaf, hash)};
}

uint64_t score_index_leaf_end(const struct score_set *set, uint32_t hash)
{
    uint64_t places;
    const uint64_t first = leaf_places(set, set->directory[index_place_of(set, hash)], hash, &places);
    return (first + places) << (HASH_BITS - set->depth);
}

/* --- freeing and checking --- */

bool score_index_free_step(struct score_set *set, size_t *limit)
{
    if (set->directory == NULL) {
        return true;
    }
    while (set->freed_places < UINT64_C(1) << set->depth) {
        if (*limit == 0) {
            return false;
        }
        struct index_leaf *leaf = set->directory[set->freed_places];
        const size_t work = 1 + leaf->count / 32;
        *limit -= work < *limit ? work : *limit;
        set->freed_places += UINT64_C(1) << (set->depth - leaf->depth);
        leaf_free(set, leaf);
    }
    collection_free_block(&set->collection, set->directory, index_directory_bytes(set->depth));
    set->directory = NULL;
    return true;
}

static const char *index_leaf_fault(const struct score_set *set, struct index_leaf *leaf, uint64_t place)
{
    const uint64_t places = UINT64_C(1) << (set->depth - leaf->depth);
    if (leaf->depth > set->depth || leaf->count > leaf->capacity || leaf->capacity != leaf_capacity(leaf->capacity)) {
        return "an index leaf of a sorted set is overfull or too deep";
    }
    for (uint64_t i = 0; i < places; i++) {
        if (place % places != 0 || set->directory[place + i] != leaf) {
            return "the directory of a sorted set leads to the wrong leaf";
        }
    }
    const uint32_t *hashes = index_leaf_hashes(leaf);
    for (uint32_t i = 0; i < leaf->count; i++) {
        if (index_place_of(set, hashes[i]) < place || index_place_of(set, hashes[i]) >= place + places ||
            (i > 0 && hashes[i] < hashes[i - 1])) {
            return "hashes of a sorted set are out of order";
        }
    }
    return NULL;
}

const char *score_index_fault(const struct score_set *set, uint64_t *bytes, uint64_t *count)
{
    if (set->directory == NULL) {
        return NULL;
    }
    *bytes += heap_block_bytes(index_directory_bytes(set->depth));
    uint32_t deepest = 0;
    for (uint64_t place = 0; place < UINT64_C(1) << set->depth;) {
        struct index_leaf *leaf = set->directory[place];
        const char *fault = index_leaf_fault(set, leaf, place);
        if (fault != NULL) {
            return fault;
        }
        *bytes += heap_block_bytes(index_leaf_bytes(leaf->capacity));
        *count += leaf->count;
        deepest += leaf->depth == set->depth;
        place += UINT64_C(1) << (set->depth - leaf->depth);
    }
    return deepest == set->deepest ? NULL : "the index of a sorted set counts its deepest leaves wrong";
}
