/* score_defrag.c - the blocks of a sorted set leave sparse pages: first the tree, in the order of the ranks, with the members
 * that are apart; then the index, in the order of the hashes.  */
#include "encoding/score_set_private.h"

#include <assert.h>

enum score_stage { STAGE_TREE, STAGE_INDEX };

/* Moves the nodes on the path, and sets the path to where they are. */
static void move_path(struct score_set *set, struct score_path *path, size_t *limit)
{
    void **place = &set->root;
    for (unsigned level = 0; level < set->height; level++) {
        struct score_step *step = &path->steps[level];
        step->node = collection_move_block(&set->collection, step->node, score_inner_bytes(step->node->capacity), limit);
        *place = step->node;
        place = &score_inner_children(step->node)[step->index];
    }
    path->leaf = collection_move_block(&set->collection, path->leaf, path->leaf->block_bytes, limit);
    *place = path->leaf;
}

static void move_apart(struct score_set *set, const struct score_stored *item, size_t *limit)
{
    struct score_apart *apart;
    assert(item->is_apart);
    memcpy(&apart, item->data, sizeof apart);
    apart = collection_move_block(&set->collection, apart, sizeof *apart + apart->len, limit);
    memcpy((char *)(uintptr_t)item->data, &apart, sizeof apart);
}

/* The leaf with the member at `rank`, from that member on: the rank to go on with. */
static uint64_t move_leaf(struct score_set *set, uint64_t rank, size_t *limit)
{
    struct score_path path;
    score_tree_seek_rank(set, rank, &path);
    move_path(set, &path, limit);
    for (uint32_t i = path.index; i < path.leaf->count; i++) {
        const struct score_stored item = score_leaf_stored(path.leaf, i);
        if (!item.is_apart) {
            continue;
        }
        move_apart(set, &item, limit);
        if (*limit == 0) {
            return rank + i + 1 - path.index;
        }
    }
    return rank + path.leaf->count - path.index;
}

/* The leaf for the hash: the hash to go on with, above all that there are at the end. */
static uint64_t move_index_leaf(struct score_set *set, uint32_t hash, size_t *limit)
{
    struct index_leaf *leaf = set->directory[index_place_of(set, hash)];
    struct index_leaf *moved = collection_move_block(&set->collection, leaf, index_leaf_bytes(leaf->capacity), limit);
    const uint64_t places = UINT64_C(1) << (set->depth - moved->depth);
    const uint64_t first = index_place_of(set, hash) & ~(places - 1);
    for (uint64_t i = first; moved != leaf && i < first + places; i++) {
        set->directory[i] = moved;
    }
    return score_index_leaf_end(set, hash);
}

/* True at the end. */
static bool move_some(struct score_set *set, struct collection_cursor *cursor, size_t *limit)
{
    do {
        if (cursor->stage == STAGE_TREE && cursor->at < set->count) {
            cursor->at = move_leaf(set, cursor->at, limit);
        } else if (set->directory == NULL) {
            return true;
        } else if (cursor->stage == STAGE_TREE) {
            *cursor = (struct collection_cursor){.is_inside = true, .stage = STAGE_INDEX};
            set->directory = collection_move_block(&set->collection, set->directory, index_directory_bytes(set->depth), limit);
        } else {
            cursor->at = move_index_leaf(set, (uint32_t)cursor->at, limit);
            if (cursor->at > UINT32_MAX) {
                return true;
            }
        }
    } while (*limit > 0);
    return false;
}

struct collection *score_set_defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit)
{
    struct score_set *set = score_set_of(collection);
    if (!cursor->is_inside) {
        *cursor = (struct collection_cursor){.is_inside = true};
    }
    cursor->is_inside = !move_some(set, cursor, limit);
    if (!cursor->is_inside) {
        set = collection_move_block(collection, set, sizeof *set, limit);
    }
    debug_assert(collection_is_valid(&set->collection));
    return &set->collection;
}
