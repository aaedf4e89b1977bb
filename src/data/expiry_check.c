/* expiry_check.c - walks the expiry index and says what is wrong with it.
 *
 * The depth of the tree, not its size, limits the stack: one frame for all levels.  */
#include "base/check.h"
#include "data/entry_private.h"
#include "data/expiry_private.h"

/* What the walk has seen, and the bounds that hold at each level. */
struct walk {
    const struct expiry_index *index;
    expiry_visit_fn *visit;
    void *arg;
    uint64_t count;
    uint64_t bytes;
    struct expiry_key low, high; /* of the leaf at hand: low <= key < high */
};

static const char *leaf_fault(struct walk *walk, const struct expiry_leaf *leaf)
{
    walk->bytes += heap_block_bytes(sizeof *leaf + leaf->capacity * sizeof leaf->entries[0]);
    walk->count += leaf->count;
    if (leaf->count == 0 || leaf->count > leaf->capacity) {
        return "X2: a leaf of the expiry index is empty or too full";
    }
    for (uint32_t i = 0; i < leaf->count; i++) {
        const int64_t expiry_ms = entry_expiry_near(leaf->entries[i], walk->index->reference_ms);
        const struct expiry_key key = {expiry_ms, (uintptr_t)leaf->entries[i]};
        if (expiry_ms < 0) {
            return "X1: an entry in the expiry index has no expiry";
        }
        if (expiry_key_is_below(key, walk->low) || !expiry_key_is_below(key, walk->high)) {
            return "X1: an entry is out of the bounds of its leaf";
        }
        if (expiry_ms < walk->index->earliest_ms) {
            return "X3: an entry expires before the earliest expiry";
        }
        for (uint32_t j = 0; j < i; j++) {
            if (leaf->entries[j] == leaf->entries[i]) {
                return "X1: an entry is twice in its leaf";
            }
        }
        if (walk->visit != NULL) {
            walk->visit(leaf->entries[i], walk->arg);
        }
    }
    return NULL;
}

/* Goes over all leaves from left to right, with a stack of which child is next on each level. */
static const char *tree_fault(struct walk *walk)
{
    const struct expiry_inner *nodes[EXPIRY_HEIGHT_MAX];
    uint32_t next[EXPIRY_HEIGHT_MAX];
    struct expiry_key highs[EXPIRY_HEIGHT_MAX + 1];
    const uint32_t height = walk->index->height;
    const void *node = walk->index->root;
    uint32_t level = 0;
    highs[0] = (struct expiry_key){INT64_MAX, UINTPTR_MAX};
    walk->low = (struct expiry_key){INT64_MIN, 0};
    for (;;) {
        while (level < height) {
            nodes[level] = node;
            next[level] = 1;
            walk->bytes += heap_block_bytes(sizeof(struct expiry_inner));
            if (nodes[level]->count == 0 || nodes[level]->count > EXPIRY_INNER_MAX) {
                return "X2: a node of the expiry index is empty or too full";
            }
            highs[level + 1] = nodes[level]->count > 1 ? nodes[level]->bounds[1] : highs[level];
            node = nodes[level]->children[0];
            level++;
        }
        walk->high = highs[level];
        const char *fault = leaf_fault(walk, node);
        if (fault != NULL) {
            return fault;
        }
        while (level > 0 && next[level - 1] == nodes[level - 1]->count) {
            level--;
        }
        if (level == 0) {
            return NULL;
        }
        const struct expiry_inner *inner = nodes[level - 1];
        const uint32_t at = next[level - 1]++;
        walk->low = inner->bounds[at];
        highs[level] = at + 1 < inner->count ? inner->bounds[at + 1] : highs[level - 1];
        if (!expiry_key_is_below(walk->low, highs[level])) {
            return "X1: bounds of the expiry index are out of order";
        }
        node = inner->children[at];
    }
}

const char *expiry_fault(const struct expiry_index *index, expiry_visit_fn *visit, void *arg)
{
    struct walk walk = {.index = index, .visit = visit, .arg = arg};
    const char *fault = index->root == NULL ? NULL : tree_fault(&walk);
    if (fault != NULL) {
        return fault;
    }
    if (walk.count != index->count) {
        return "X2: the count of the expiry index is not the sum over its leaves";
    }
    return walk.bytes != index->bytes ? "X2: the bytes of the expiry index are not the sum of its blocks" : NULL;
}

bool expiry_is_valid(const struct expiry_index *index)
{
    return !check_is_due(2 * index->bytes, index->count) || expiry_fault(index, NULL, NULL) == NULL;
}
