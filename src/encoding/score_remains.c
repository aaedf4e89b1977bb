/* score_remains.c - what a cut left of a sorted set: subtrees that are no part of it any more, freed in steps.
 *
 * The members stay in the index until score_set_clean comes to them. That does no harm: whoever finds a hash there looks for
 * its member in the tree. Should a member come again with the same score, there are two equal entries for a while, and either
 * will do.
 *
 * Threads    Under the baton of the shard whose heap it is in.
 * Read on    score_cut.c.  */
#include "encoding/score_set.h"

#include "encoding/score_set_private.h"

#include <assert.h>

bool score_set_clean(struct score_set *set, size_t *limit)
{
    struct score_remains *remains = set->remains;
    while (remains != NULL && remains->count > 0) {
        if (*limit == 0) {
            return false;
        }
        struct score_piece *piece = &remains->pieces[remains->count - 1];
        struct score_leaf *leaf = score_tree_take_leaf(set, &piece->root, piece->height);
        for (uint32_t i = 0; i < leaf->count; i++) {
            const struct score_item item = score_leaf_item(leaf, i);
            score_index_remove(set, (uint32_t)(hash_bytes(set->secret, item.member) >> 32), item.score);
        }
        assert(remains->members >= leaf->count);
        remains->members -= leaf->count;
        *limit -= leaf->count < *limit ? leaf->count : *limit;
        score_leaf_free(set, leaf);
        remains->count -= piece->root == NULL;
    }
    if (remains != NULL) {
        collection_free_block(&set->collection, remains, score_remains_bytes(remains->capacity));
        set->remains = NULL;
    }
    debug_assert(collection_is_valid(&set->collection));
    return true;
}

bool score_remains_free_step(struct score_set *set, size_t *limit)
{
    struct score_remains *remains = set->remains;
    while (score_tree_free_step(set, limit)) {
        if (remains == NULL || remains->count == 0) {
            collection_free_block(&set->collection, remains, remains == NULL ? 0 : score_remains_bytes(remains->capacity));
            set->remains = NULL;
            return true;
        }
        const struct score_piece piece = remains->pieces[--remains->count];
        set->root = piece.root;
        set->height = (uint8_t)piece.height;
    }
    return false;
}

const char *score_remains_fault(const struct score_set *set, uint64_t *bytes, uint64_t *count)
{
    const struct score_remains *remains = set->remains;
    if (remains == NULL) {
        return NULL;
    }
    *bytes += heap_block_bytes(score_remains_bytes(remains->capacity));
    const char *fault = NULL;
    for (uint32_t i = 0; fault == NULL && i < remains->count; i++) {
        fault = score_tree_fault(remains->pieces[i].root, remains->pieces[i].height, bytes, count);
    }
    return fault != NULL || *count == remains->members ? fault : "what was cut out of a sorted set is counted wrong";
}
