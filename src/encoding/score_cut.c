/* score_cut.c - many members leave a sorted set at once: subtrees of the B+tree are cut out whole, and freed in steps later.
 *
 * A cut goes from the first leaf of which all members leave to the last one. The ways to these two leaves part at a node, and
 * below it whatever lies between them goes: at each level the children behind the left way and those before the right way.
 *
 *            [ a  b | c d | e  f ]          b is on the left way, e on the right one; c and d go
 *                 /         \
 *         [ g h | i ]     [ j | k l ]       leaves: i is the first that goes, j the last
 *
 * What was cut out waits in the set's remains: score_remains.c.
 *
 * Threads    Under the baton of the shard whose heap it is in.  */
#include "encoding/score_set.h"

#include "encoding/score_set_private.h"

#include <assert.h>

/* Children that go from one node. */
struct group {
    struct score_inner *node;
    uint32_t first, end;
    unsigned height; /* of the children */
};

enum { GROUPS_MAX = 2 * SCORE_HEIGHT_MAX };

/* What shall go, and what stays beside it. */
struct cut {
    struct score_path left, right; /* to the first leaf that goes and to the last one */
    unsigned left_depth;           /* the left way's nodes at this level and above stay */
    unsigned right_depth;
    struct group groups[GROUPS_MAX];
    unsigned group_count;
};

/* --- planning --- */

static void add_group(struct cut *cut, const struct score_set *set, unsigned level, struct group group)
{
    if (group.first < group.end) {
        assert(cut->group_count < GROUPS_MAX);
        assert(group.end <= group.node->count);
        group.height = set->height - level - 1u;
        cut->groups[cut->group_count++] = group;
    }
}

/* What goes below `fork` behind the left way. Returns the first child of the fork that goes as a whole. */
static uint32_t plan_left(const struct score_set *set, struct cut *cut, unsigned fork)
{
    const struct score_step *steps = cut->left.steps;
    unsigned level = set->height - 1u;
    uint32_t first = steps[level].index;
    cut->left_depth = level;
    for (; level > fork; level--) {
        struct score_inner *node = steps[level].node;
        if (first == 0) {
            first = steps[level - 1].index;
            cut->left_depth = level - 1;
        } else {
            add_group(cut, set, level, (struct group){.node = node, .first = first, .end = node->count});
            first = steps[level - 1].index + 1;
        }
    }
    return first;
}

/* What goes below `fork` before the right way. Returns the child of the fork behind the last one that goes as a whole. */
static uint32_t plan_right(const struct score_set *set, struct cut *cut, unsigned fork)
{
    struct score_step *steps = cut->right.steps;
    unsigned level = set->height - 1u;
    uint32_t end = steps[level].index + 1;
    cut->right_depth = level;
    for (; level > fork; level--) {
        struct score_inner *node = steps[level].node;
        if (end == node->count) {
            end = steps[level - 1].index + 1;
            cut->right_depth = level - 1;
        } else {
            add_group(cut, set, level, (struct group){.node = node, .first = 0, .end = end});
            steps[level].index = 0;
            end = steps[level - 1].index;
        }
    }
    return end;
}

static void plan(const struct score_set *set, struct cut *cut)
{
    unsigned fork = 0;
    while (cut->left.steps[fork].index == cut->right.steps[fork].index) {
        fork++;
    }
    uint32_t first = plan_left(set, cut, fork);
    uint32_t end = plan_right(set, cut, fork);
    while (first == 0 && end == cut->left.steps[fork].node->count) {
        assert(fork > 0);
        fork--;
        first = cut->left.steps[fork].index;
        end = first + 1;
        cut->left_depth = cut->right_depth = fork;
    }
    add_group(cut, set, fork, (struct group){.node = cut->left.steps[fork].node, .first = first, .end = end});
    cut->right.steps[fork].index -= cut->right_depth > fork ? end - first : 0;
}

/* --- cutting --- */

static void take_group(struct score_remains *remains, const struct group *group)
{
    struct score_inner *node = group->node;
    void **children = score_inner_children(node);
    uint32_t *counts = score_inner_counts(node);
    assert(group->end - group->first <= remains->capacity - remains->count);
    for (uint32_t i = group->first; i < group->end; i++) {
        remains->pieces[remains->count++] = (struct score_piece){children[i], group->height};
        remains->members += counts[i];
    }
    const uint32_t behind = node->count - group->end;
    memmove(node->scores + group->first, node->scores + group->end, behind * sizeof(double));
    memmove(children + group->first, children + group->end, behind * sizeof *children);
    memmove(counts + group->first, counts + group->end, behind * sizeof *counts);
    node->count = (uint16_t)(group->first + behind);
}

/* Makes what stands above the path's node at `level` true again. */
static void refresh(struct score_path *path, unsigned level)
{
    for (; level > 0; level--) {
        struct score_inner *node = path->steps[level].node;
        const struct score_step *parent = &path->steps[level - 1];
        parent->node->scores[parent->index] = node->scores[0];
        score_inner_counts(parent->node)[parent->index] = score_inner_total(node);
    }
}

/* Cuts out the leaves from `left` to `right`, which are different ones. */
static bool cut_leaves(struct score_set *set, struct cut *cut)
{
    plan(set, cut);
    uint32_t pieces = 0;
    for (unsigned i = 0; i < cut->group_count; i++) {
        pieces += cut->groups[i].end - cut->groups[i].first;
    }
    struct score_remains *remains = collection_alloc(&set->collection, score_remains_bytes(pieces));
    if (remains == NULL) {
        return false;
    }
    *remains = (struct score_remains){.capacity = pieces};
    for (unsigned i = 0; i < cut->group_count; i++) {
        take_group(remains, &cut->groups[i]);
    }
    refresh(&cut->left, cut->left_depth);
    refresh(&cut->right, cut->right_depth);
    assert(remains->members < set->count);
    score_tree_lower_root(set);
    set->count -= (uint32_t)remains->members;
    set->remains = remains;
    return true;
}

bool score_set_cut(struct score_set *set, uint64_t rank, uint64_t count)
{
    assert(set->remains == NULL);
    assert(rank + count <= set->count);
    assert(count < set->count);
    struct cut cut = {.group_count = 0};
    const uint32_t before = set->count;
    score_tree_seek_rank(set, rank, &cut.left);
    score_tree_seek_rank(set, rank + count, &cut.right);
    uint64_t first = rank, end = rank + count;
    if (cut.left.index > 0) {
        first += cut.left.leaf->count - cut.left.index;
        (void)score_path_next_leaf(set, &cut.left);
    }
    if (cut.right.index < cut.right.leaf->count) {
        end -= cut.right.index;
        (void)score_path_previous_leaf(set, &cut.right);
    }
    if (first < end && cut.left.leaf != cut.right.leaf && !cut_leaves(set, &cut)) {
        return false;
    }
    score_set_remove_range(set, rank, count - (before - set->count));
    return true;
}
