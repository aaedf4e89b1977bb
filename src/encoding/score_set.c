/* score_set.c - sorted sets: what the tree and the index do together, walks and scans.
 *
 * Scanning: the index knows hashes and scores, not members. A scan goes through the hashes in ascending order and finds each
 * one's member among those with its score: quick while few share a score. Where more than SCAN_RUN_MAX do, one pass over the
 * whole tree hashes every member and visits those whose hash is in the next 1/SCAN_PASSES of all hashes, so that a whole scan
 * costs at most SCAN_PASSES passes.
 *
 * The guarantee: a call with cursor c visits every member that is there now and whose hash is in c .. d - 1, and hands out
 * d (0 behind the last hash). The intervals of a scan from 0 to 0 cover all hashes, and a member's hash does not change. So a
 * member that is there throughout is there when the call comes whose interval holds its hash, and is visited by that one.
 *
 * Threads    Under the baton of the shard whose heap it is in.  */
#include "encoding/score_set.h"

#include "encoding/score_set_private.h"

#include <assert.h>

enum { SCAN_RUN_MAX = 64, SCAN_PASSES = 128 };
#define HASH_END (UINT64_C(1) << 32)
_Static_assert(SCORE_CURSOR_BITS == 32, "a cursor is a hash");

static uint32_t member_hash(const struct score_set *set, struct bytes member)
{
    return (uint32_t)(hash_bytes(set->secret, member) >> 32);
}

uint64_t score_set_count(const struct score_set *set)
{
    return set->count;
}

/* --- one member --- */

bool score_set_find(const struct score_set *set, struct bytes member, struct score_place *place)
{
    place->member = member;
    place->hash = member_hash(set, member);
    place->is_found = false;
    const struct index_cursor cursor = score_index_seek(set, place->hash);
    if (cursor.leaf == NULL) {
        return false;
    }
    const uint32_t *hashes = index_leaf_hashes(cursor.leaf);
    for (uint32_t i = cursor.index; i < cursor.leaf->count && hashes[i] == place->hash; i++) {
        if (score_tree_seek(set, cursor.leaf->scores[i], member, SCORE_SEEK_MEMBER, &place->path)) {
            place->is_found = true;
            place->score = place->path.leaf->scores[place->path.index];
            return true;
        }
    }
    return false;
}

uint64_t score_place_rank(const struct score_set *set, const struct score_place *place)
{
    assert(place->is_found);
    return score_path_rank(set, &place->path);
}

/* What a leaf shall keep of a member: long ones get a block of their own, to which *pointer leads. False: refused. */
static bool store_member(struct score_set *set, struct bytes member, double score, struct score_apart **pointer,
                         struct score_stored *out)
{
    assert(score == score);
    if (member.len <= SCORE_INLINE_MAX) {
        *out = (struct score_stored){member.data, (uint32_t)member.len, false, score};
        return true;
    }
    struct score_apart *apart = collection_alloc(&set->collection, sizeof *apart + member.len);
    if (apart == NULL) {
        return false;
    }
    apart->len = member.len;
    memcpy(apart->data, member.data, member.len);
    *pointer = apart;
    *out = (struct score_stored){(const char *)pointer, sizeof apart, true, score};
    return true;
}

/* What a cut has left and nobody has cleaned goes little by little, with every change. */
static void clean_some(struct score_set *set)
{
    size_t limit = 1;
    if (UNLIKELY(set->remains != NULL)) {
        (void)score_set_clean(set, &limit);
    }
}

/* Adds a member where `path` says. */
static enum result add_at(struct score_set *set, struct score_path *path, uint32_t hash, struct score_item item)
{
    struct score_apart *pointer;
    struct score_stored stored;
    if (!score_index_reserve(set, hash) || !store_member(set, item.member, item.score, &pointer, &stored)) {
        return RESULT_NO_MEMORY;
    }
    if (!score_tree_insert(set, path, &stored)) {
        score_apart_free(set, &stored);
        return RESULT_NO_MEMORY;
    }
    score_index_add(set, hash, item.score);
    clean_some(set);
    debug_assert(collection_is_valid(&set->collection));
    return RESULT_OK;
}

enum result score_set_add(struct score_set *set, const struct score_place *place, double score)
{
    assert(!place->is_found);
    struct score_path path;
    if (set->root != NULL) {
        (void)score_tree_seek(set, score, place->member, SCORE_SEEK_MEMBER, &path);
    }
    return add_at(set, &path, place->hash, (struct score_item){place->member, score});
}

static bool is_before(struct score_item a, struct score_item b)
{
    return a.score < b.score || (a.score == b.score && bytes_compare(a.member, b.member) < 0);
}

enum result score_set_append(struct score_set *set, struct bytes member, double score)
{
    struct score_path path;
    if (set->root != NULL) {
        score_tree_seek_rank(set, set->count, &path);
        debug_assert(is_before(score_leaf_item(path.leaf, path.index - 1), (struct score_item){member, score}));
    }
    return add_at(set, &path, member_hash(set, member), (struct score_item){member, score});
}

/* May the member at the path have `score` without leaving its place? Its neighbours in the leaf say so. */
static bool keeps_place(const struct score_path *path, double score)
{
    struct score_leaf *leaf = path->leaf;
    const struct score_item item = {score_leaf_item(leaf, path->index).member, score};
    return path->index > 0 && path->index + 1u < leaf->count &&
           is_before(score_leaf_item(leaf, path->index - 1), item) &&
           is_before(item, score_leaf_item(leaf, path->index + 1));
}

enum result score_set_move(struct score_set *set, const struct score_place *place, double score)
{
    assert(place->is_found);
    assert(score == score);
    struct score_path path = place->path;
    if (place->score == score) {
        return RESULT_OK;
    }
    if (keeps_place(&path, score)) {
        score_tree_set_score(set, &path, score);
        score_index_move(set, place->hash, place->score, score);
        debug_assert(collection_is_valid(&set->collection));
        return RESULT_OK;
    }
    /* The leaf may move: what it keeps is copied first. A member that is apart stays where it is. */
    char copy[SCORE_INLINE_MAX];
    struct score_stored stored = score_leaf_stored(path.leaf, path.index);
    memcpy(copy, stored.data, stored.len);
    stored.data = copy;
    stored.score = score;
    (void)score_tree_seek(set, score, place->member, SCORE_SEEK_MEMBER, &path);
    if (!score_tree_insert(set, &path, &stored)) {
        return RESULT_NO_MEMORY;
    }
    bool is_found = score_tree_seek(set, place->score, place->member, SCORE_SEEK_MEMBER, &path);
    assert(is_found);
    score_tree_remove(set, &path, 1);
    score_index_move(set, place->hash, place->score, score);
    clean_some(set);
    debug_assert(collection_is_valid(&set->collection));
    return RESULT_OK;
}

void score_set_remove(struct score_set *set, const struct score_place *place)
{
    assert(place->is_found);
    struct score_path path = place->path;
    const struct score_stored stored = score_leaf_stored(path.leaf, path.index);
    score_apart_free(set, &stored);
    score_tree_remove(set, &path, 1);
    score_index_remove(set, place->hash, place->score);
    clean_some(set);
    debug_assert(collection_is_valid(&set->collection));
}

enum result score_set_put(struct score_set *set, struct bytes member, double score)
{
    struct score_place place;
    if (score_set_find(set, member, &place)) {
        return score_set_move(set, &place, score);
    }
    return score_set_add(set, &place, score);
}

/* --- places in the order --- */

uint64_t score_set_rank_of_score(const struct score_set *set, double score, bool is_after)
{
    struct score_path path;
    if (set->root == NULL) {
        return 0;
    }
    (void)score_tree_seek(set, score, BYTES(""), is_after ? SCORE_SEEK_AFTER : SCORE_SEEK_BEFORE, &path);
    return score_path_rank(set, &path);
}

uint64_t score_set_rank_of(const struct score_set *set, double score, struct bytes member, bool is_after)
{
    struct score_path path;
    if (set->root == NULL) {
        return 0;
    }
    const bool is_found = score_tree_seek(set, score, member, SCORE_SEEK_MEMBER, &path);
    return score_path_rank(set, &path) + (is_found && is_after);
}

struct score_item score_set_at(const struct score_set *set, uint64_t rank)
{
    assert(rank < set->count);
    struct score_path path;
    score_tree_seek_rank(set, rank, &path);
    return score_leaf_item(path.leaf, path.index);
}

void score_walk_begin(struct score_walk *walk, const struct score_set *set, uint64_t rank)
{
    walk->set = set;
    walk->path.leaf = NULL;
    if (set->root != NULL) {
        score_tree_seek_rank(set, rank, &walk->path);
    }
}

bool score_walk_next(struct score_walk *walk, struct score_item *out)
{
    struct score_path *path = &walk->path;
    if (path->leaf == NULL || (path->index == path->leaf->count && !score_path_next_leaf(walk->set, path))) {
        return false;
    }
    *out = score_leaf_item(path->leaf, path->index);
    path->index++;
    return true;
}

bool score_walk_previous(struct score_walk *walk, struct score_item *out)
{
    struct score_path *path = &walk->path;
    if (path->leaf == NULL || (path->index == 0 && !score_path_previous_leaf(walk->set, path))) {
        return false;
    }
    path->index--;
    *out = score_leaf_item(path->leaf, path->index);
    return true;
}

void score_set_remove_range(struct score_set *set, uint64_t rank, uint64_t count)
{
    assert(rank <= set->count);
    assert(count <= set->count - rank);
    while (count > 0) {
        struct score_path path;
        score_tree_seek_rank(set, rank, &path);
        const uint32_t there = path.leaf->count - path.index;
        const uint32_t part = count < there ? (uint32_t)count : there;
        for (uint32_t i = path.index; i < path.index + part; i++) {
            const struct score_item item = score_leaf_item(path.leaf, i);
            const struct score_stored stored = score_leaf_stored(path.leaf, i);
            score_index_remove(set, member_hash(set, item.member), item.score);
            score_apart_free(set, &stored);
        }
        score_tree_remove(set, &path, part);
        count -= part;
    }
    debug_assert(collection_is_valid(&set->collection));
}

/* --- scan --- */

void score_scan_begin(struct score_scan *scan, const struct score_set *set, uint64_t cursor, uint64_t count)
{
    scan->set = set;
    scan->cursor = cursor;
    scan->wanted = count;
    scan->is_pass = false;
}

/* Goes on at `hash`; true when there is anything behind it. */
static bool scan_go_to(struct score_scan *scan, uint64_t hash)
{
    scan->cursor = hash >= HASH_END ? 0 : hash;
    return scan->cursor != 0;
}

static void pass_begin(struct score_scan *scan)
{
    uint64_t width = HASH_END / SCAN_PASSES;
    const double share = (double)scan->wanted / (double)scan->set->count;
    if (share * SCAN_PASSES > 1) {
        width = share < 1 ? (uint64_t)(share * (double)HASH_END) : HASH_END;
    }
    scan->end = scan->cursor + width < HASH_END ? scan->cursor + width : HASH_END;
    scan->is_pass = true;
    score_walk_begin(&scan->walk, scan->set, 0);
}

static bool pass_step(struct score_scan *scan, size_t limit, score_visit_fn *visit, void *arg)
{
    struct score_item item;
    for (; limit > 0; limit--) {
        if (!score_walk_next(&scan->walk, &item)) {
            scan->is_pass = false;
            (void)scan_go_to(scan, scan->end);
            return false;
        }
        const uint32_t hash = member_hash(scan->set, item.member);
        if (hash >= scan->cursor && hash < scan->end) {
            visit(&item, arg);
        }
    }
    return true;
}

/* Visits the members with this hash and score. False: too many share the score. */
static bool visit_hash(const struct score_set *set, uint32_t hash, double score, score_visit_fn *visit, void *arg)
{
    const uint64_t first = score_set_rank_of_score(set, score, false);
    const uint64_t count = score_set_rank_of_score(set, score, true) - first;
    if (count > SCAN_RUN_MAX) {
        return false;
    }
    struct score_walk walk;
    score_walk_begin(&walk, set, first);
    for (uint64_t i = 0; i < count; i++) {
        struct score_item item;
        if (score_walk_next(&walk, &item) && (count == 1 || member_hash(set, item.member) == hash)) {
            visit(&item, arg);
        }
    }
    return true;
}

/* Visits what has the hash of the entry at the cursor. False: a pass must do it. */
static bool visit_group(const struct score_set *set, struct index_cursor cursor, score_visit_fn *visit, void *arg)
{
    const uint32_t *hashes = index_leaf_hashes(cursor.leaf);
    const uint32_t hash = hashes[cursor.index];
    if (cursor.index + 1 < cursor.leaf->count && hashes[cursor.index + 1] == hash) {
        return false;
    }
    return visit_hash(set, hash, cursor.leaf->scores[cursor.index], visit, arg);
}

bool score_scan_step(struct score_scan *scan, size_t limit, score_visit_fn *visit, void *arg)
{
    const struct score_set *set = scan->set;
    if (set->count == 0 || scan->cursor >= HASH_END) {
        scan->cursor = 0;
        return false;
    }
    if (scan->is_pass) {
        return pass_step(scan, limit, visit, arg);
    }
    for (; limit > 0 && scan->wanted > 0; limit--) {
        const uint32_t hash = (uint32_t)scan->cursor;
        const struct index_cursor cursor = score_index_seek(set, hash);
        if (cursor.index == cursor.leaf->count) {
            if (!scan_go_to(scan, score_index_leaf_end(set, hash))) {
                return false;
            }
            continue;
        }
        scan->cursor = index_leaf_hashes(cursor.leaf)[cursor.index];
        if (!visit_group(set, cursor, visit, arg)) {
            pass_begin(scan);
            return true;
        }
        scan->wanted--;
        if (!scan_go_to(scan, scan->cursor + 1)) {
            return false;
        }
    }
    return scan->wanted > 0;
}

/* --- as a collection --- */

static bool set_free_step(struct collection *collection, size_t *limit)
{
    struct score_set *set = score_set_of(collection);
    if (!score_remains_free_step(set, limit) || !score_index_free_step(set, limit)) {
        return false;
    }
    heap_free(collection->heap, collection->type->which, set, sizeof *set);
    return true;
}

static struct collection *set_copy(const struct collection *collection, struct heap *heap)
{
    struct score_set *copy = score_set_copy((const struct score_set *)collection, heap);
    return copy == NULL ? NULL : score_set_collection(copy);
}

static const char *set_fault(const struct collection *collection)
{
    return score_set_fault((const struct score_set *)collection);
}

static const struct collection_type set_type = {
    .which = MEM_ZSET, .free_step = set_free_step, .copy = set_copy, .fault = set_fault, .defrag = score_set_defrag};

/* The times of a hash's fields. */
static const struct collection_type times_type = {
    .which = MEM_HASH, .free_step = set_free_step, .copy = set_copy, .fault = set_fault, .defrag = score_set_defrag};

struct score_set *score_set_create_in(struct heap *heap, const struct hash_secret *secret, enum mem_class which)
{
    assert(which == MEM_ZSET || which == MEM_HASH);
    struct score_set *set = heap_alloc_zeroed(heap, which, sizeof *set);
    if (set != NULL) {
        set->collection.heap = heap;
        set->collection.type = which == MEM_ZSET ? &set_type : &times_type;
        set->collection.encoding = ENCODING_SKIPLIST;
        set->collection.bytes = heap_block_bytes(sizeof *set);
        set->secret = secret;
    }
    return set;
}

struct score_set *score_set_create(struct heap *heap, const struct hash_secret *secret)
{
    return score_set_create_in(heap, secret, MEM_ZSET);
}

struct score_set *score_set_copy(const struct score_set *set, struct heap *heap)
{
    struct score_set *copy = score_set_create_in(heap, set->secret, set->collection.type->which);
    if (copy == NULL) {
        return NULL;
    }
    copy->collection.encoding = set->collection.encoding;
    struct score_walk walk;
    struct score_item item;
    score_walk_begin(&walk, set, 0);
    while (score_walk_next(&walk, &item)) {
        if (score_set_append(copy, item.member, item.score) != RESULT_OK) {
            collection_destroy(&copy->collection);
            return NULL;
        }
    }
    assert(copy->count == set->count);
    return copy;
}

const char *score_set_fault(const struct score_set *set)
{
    uint64_t bytes = heap_block_bytes(sizeof *set), in_tree = 0, in_index = 0;
    uint64_t in_remains = 0;
    const char *fault = score_tree_fault(set->root, set->height, &bytes, &in_tree);
    if (fault == NULL) {
        fault = score_remains_fault(set, &bytes, &in_remains);
    }
    if (fault == NULL) {
        fault = score_index_fault(set, &bytes, &in_index);
    }
    if (fault == NULL && set->height > 0 && ((struct score_inner *)set->root)->count == 1) {
        fault = "the root of a sorted set has one child";
    }
    if (fault != NULL) {
        return fault;
    }
    if (in_tree != set->count || in_index != set->count + in_remains) {
        return "a sorted set counts its members wrong";
    }
    struct score_walk walk;
    struct score_item item;
    score_walk_begin(&walk, set, 0);
    while (score_walk_next(&walk, &item)) {
        struct score_place place;
        if (!score_set_find(set, item.member, &place)) {
            return "a member of a sorted set is not in its index";
        }
    }
    return bytes == set->collection.bytes ? NULL : "a sorted set counts its bytes wrong";
}
