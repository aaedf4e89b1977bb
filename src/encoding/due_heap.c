/* due_heap.c - see due_heap.h.  */
#include "encoding/due_heap.h"

#include <assert.h>
#include <stddef.h>

static uint32_t rank_of(const struct due *due)
{
    return due == NULL ? 0 : due->rank;
}

static void swap(struct due **a, struct due **b)
{
    struct due *kept = *a;
    *a = *b;
    *b = kept;
}

static void count_add(struct due_heap *heap, uint64_t amount)
{
    __atomic_store_n(&heap->count, heap->count + amount, __ATOMIC_RELAXED);
}

/* D2 of one node whose children have their ranks. True: its rank has changed. */
static bool fix_rank(struct due *due)
{
    if (rank_of(due->left) < rank_of(due->right)) {
        swap(&due->left, &due->right);
    }
    const uint32_t rank = rank_of(due->right) + 1;
    const bool is_changed = rank != due->rank;
    due->rank = rank;
    return is_changed;
}

/* Makes two trees one, down their right sides and up again. */
static struct due *meld(struct due *a, struct due *b)
{
    struct due *root = NULL, *last = NULL;
    while (a != NULL && b != NULL) {
        if (b->at_ms < a->at_ms) {
            swap(&a, &b);
        }
        if (last == NULL) {
            root = a;
        } else {
            last->right = a;
        }
        a->parent = last;
        last = a;
        a = a->right;
    }
    struct due *rest = a != NULL ? a : b;
    if (rest != NULL) {
        rest->parent = last;
    }
    if (last == NULL) {
        return rest;
    }
    last->right = rest;
    for (; last != NULL; last = last->parent) {
        fix_rank(last);
    }
    return root;
}

/* `child` takes the place of `old` below `parent`, or as the root. */
static void set_child(struct due_heap *heap, struct due *parent, const struct due *old, struct due *child)
{
    if (parent == NULL) {
        assert(heap->root == old);
        heap->root = child;
    } else if (parent->left == old) {
        parent->left = child;
    } else {
        assert(parent->right == old);
        parent->right = child;
    }
    if (child != NULL) {
        child->parent = parent;
    }
}

void due_heap_add(struct due_heap *heap, struct due *due, int64_t at_ms)
{
    assert(!due_is_linked(due));
    *due = (struct due){.at_ms = at_ms, .rank = 1};
    heap->root = meld(heap->root, due);
    count_add(heap, 1);
}

void due_heap_remove(struct due_heap *heap, struct due *due)
{
    assert(due_is_linked(due));
    assert(heap->count > 0);
    struct due *parent = due->parent;
    set_child(heap, parent, due, meld(due->left, due->right));
    while (parent != NULL && fix_rank(parent)) {
        parent = parent->parent;
    }
    *due = (struct due){0};
    count_add(heap, (uint64_t)-1);
}

void due_heap_moved(struct due_heap *heap, const struct due *old, struct due *now)
{
    assert(due_is_linked(now));
    set_child(heap, now->parent, old, now);
    if (now->left != NULL) {
        now->left->parent = now;
    }
    if (now->right != NULL) {
        now->right->parent = now;
    }
}

/* --- checking --- */

static const char *node_fault(const struct due *due)
{
    if (due->parent != NULL && due->at_ms < due->parent->at_ms) {
        return "D1: something is due before its parent";
    }
    if (due->rank != rank_of(due->right) + 1 || rank_of(due->left) < rank_of(due->right)) {
        return "D2: a rank is wrong";
    }
    const bool has_left = due->left == NULL || due->left->parent == due;
    const bool has_right = due->right == NULL || due->right->parent == due;
    return has_left && has_right ? NULL : "D2: a child has another parent";
}

/* The next in the order of a walk that sees parents before children, left before right; NULL: that was the last. */
static const struct due *next_node(const struct due *due)
{
    if (due->left != NULL) {
        return due->left;
    }
    if (due->right != NULL) {
        return due->right;
    }
    while (due->parent != NULL && (due == due->parent->right || due->parent->right == NULL)) {
        due = due->parent;
    }
    return due->parent == NULL ? NULL : due->parent->right;
}

const char *due_heap_fault(const struct due_heap *heap)
{
    uint64_t count = 0;
    for (const struct due *due = heap->root; due != NULL; due = next_node(due)) {
        const char *fault = node_fault(due);
        if (fault != NULL) {
            return fault;
        }
        count++;
    }
    return count == heap->count ? NULL : "D3: the count is not the number of nodes";
}
