/* due_heap.c - the heap of what is due against a sorted array: adding, removing anywhere, moving, and its invariants after each.  */
#include "encoding/due_heap.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 300, ROUNDS = 5000 };

static int64_t earliest_of(const struct due *nodes)
{
    int64_t earliest_ms = INT64_MAX;
    for (size_t i = 0; i < NODES; i++) {
        if (due_is_linked(&nodes[i]) && nodes[i].at_ms < earliest_ms) {
            earliest_ms = nodes[i].at_ms;
        }
    }
    return earliest_ms;
}

static void check(const struct due_heap *heap, const struct due *nodes, uint64_t count)
{
    const char *fault = due_heap_fault(heap);
    cr_assert_null(fault, "%s", fault);
    cr_assert_eq(heap->count, count);
    const struct due *first = due_heap_first(heap);
    cr_assert_eq(first == NULL ? INT64_MAX : first->at_ms, earliest_of(nodes));
}

/* Swaps the places of two nodes in the array, linked or not. */
static void move(struct due_heap *heap, struct due *nodes, size_t from, size_t to)
{
    struct due kept = nodes[from];
    if (from == to || due_is_linked(&nodes[to])) {
        return;
    }
    nodes[to] = kept;
    memset(&nodes[from], 0, sizeof nodes[from]);
    if (due_is_linked(&nodes[to])) {
        due_heap_moved(heap, &nodes[from], &nodes[to]);
    }
}

Test(due_heap, keeps_the_earliest_first_whatever_comes_goes_and_moves)
{
    static struct due nodes[NODES];
    struct due_heap heap = {0};
    uint64_t count = 0;
    srand(7);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const size_t at = (size_t)rand() % NODES;
        if (!due_is_linked(&nodes[at])) {
            due_heap_add(&heap, &nodes[at], rand() % 100);
            count++;
        } else if (rand() % 3 == 0) {
            move(&heap, nodes, at, (size_t)rand() % NODES);
        } else {
            due_heap_remove(&heap, &nodes[at]);
            count--;
        }
        check(&heap, nodes, count);
    }
}

Test(due_heap, gives_all_in_order_and_stays_low)
{
    static struct due nodes[NODES];
    struct due_heap heap = {0};
    for (unsigned i = 0; i < NODES; i++) {
        due_heap_add(&heap, &nodes[i], i * 37 % NODES);
    }
    cr_assert_leq(heap.root->rank, 9); /* log2 of the nodes */
    for (int64_t i = 0; i < NODES; i++) {
        cr_assert_eq(due_heap_first(&heap)->at_ms, i);
        due_heap_remove(&heap, due_heap_first(&heap));
    }
    cr_assert_null(due_heap_first(&heap));
}

Test(due_heap, finds_what_is_wrong)
{
    struct due nodes[2] = {{0}};
    struct due_heap heap = {0};
    due_heap_add(&heap, &nodes[0], 1);
    due_heap_add(&heap, &nodes[1], 2);
    nodes[1].at_ms = 0;
    cr_assert_str_eq(due_heap_fault(&heap), "D1: something is due before its parent");
    nodes[1].at_ms = 2;
    heap.count = 3;
    cr_assert_str_eq(due_heap_fault(&heap), "D3: the count is not the number of nodes");
}
