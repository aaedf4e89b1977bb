/* defrag.c - after a random mass delete a defragmentation cycle leaves dense pages, the same bytes and the same counts.  */
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 200000, SIZE_MAX_HERE = 700 };

struct block {
    unsigned char *data;
    size_t size;
    unsigned char fill;
};

static struct block *blocks_create(struct heap *heap)
{
    struct block *blocks = calloc(BLOCKS, sizeof *blocks);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i].size = 1 + (size_t)rand() % (rand() % 8 == 0 ? SIZE_MAX_HERE : 64);
        blocks[i].fill = (unsigned char)rand();
        blocks[i].data = heap_alloc(heap, MEM_STRING, blocks[i].size);
        memset(blocks[i].data, blocks[i].fill, blocks[i].size);
    }
    return blocks;
}

static void free_some(struct heap *heap, struct block *blocks, int percent)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        if (blocks[i].data != NULL && rand() % 100 < percent) {
            heap_free(heap, MEM_STRING, blocks[i].data, blocks[i].size);
            blocks[i].data = NULL;
        }
    }
}

static void check_contents(const struct block *blocks)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        for (size_t j = 0; blocks[i].data != NULL && j < blocks[i].size; j++) {
            cr_assert_eq(blocks[i].data[j], blocks[i].fill);
        }
    }
}

static size_t move_all(struct heap *heap, struct block *blocks)
{
    size_t moved = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        if (blocks[i].data != NULL) {
            unsigned char *before = blocks[i].data;
            const bool was_sparse = heap_is_sparse(heap, before);
            blocks[i].data = heap_move(heap, MEM_STRING, before, blocks[i].size);
            cr_assert_eq(was_sparse, blocks[i].data != before);
            moved += was_sparse;
        }
    }
    return moved;
}

Test(defrag, a_cycle_after_a_mass_delete_leaves_dense_pages)
{
    struct heap *heap = heap_create();
    srand(7);
    struct block *blocks = blocks_create(heap);
    free_some(heap, blocks, 90);
    const struct mem_counters before = *heap_counters(heap);
    for (int cycle = 0; cycle < 3; cycle++) {
        const uint64_t free_bytes = heap_defrag_begin(heap, 80);
        if (free_bytes == 0) {
            break; /* this build's heap has no pages, or nothing is sparse any more */
        }
        const size_t moved = move_all(heap, blocks);
        printf("cycle %d: %llu bytes free in sparse pages, %zu blocks moved\n", cycle, (unsigned long long)free_bytes, moved);
        heap_defrag_end(heap);
    }
    heap_collect(heap);
    check_contents(blocks);
    cr_assert(memcmp(&before, heap_counters(heap), sizeof before) == 0);
    struct heap_walk walk;
    if (heap_walk(heap, &walk)) {
        printf("used %llu, committed %llu\n", (unsigned long long)walk.used_bytes, (unsigned long long)walk.committed_bytes);
        cr_assert_eq((int64_t)walk.used_bytes, mem_counters_total(heap_counters(heap)));
        cr_assert_lt((double)walk.committed_bytes, 1.3 * (double)walk.used_bytes);
    }
    free_some(heap, blocks, 100);
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
    heap_destroy(heap);
    free(blocks);
}

Test(defrag, without_memory_blocks_stay_where_they_are)
{
    struct heap *heap = heap_create();
    struct block *blocks = blocks_create(heap);
    free_some(heap, blocks, 90);
    if (heap_defrag_begin(heap, 80) > 0) {
        heap_fail_after(heap, 0);
        for (size_t i = 0; i < BLOCKS; i++) {
            if (blocks[i].data != NULL) {
                cr_assert_eq(heap_move(heap, MEM_STRING, blocks[i].data, blocks[i].size), (void *)blocks[i].data);
            }
        }
        heap_fail_after(heap, -1);
        heap_defrag_end(heap);
    }
    check_contents(blocks);
    free_some(heap, blocks, 100);
    heap_destroy(heap);
    free(blocks);
}
