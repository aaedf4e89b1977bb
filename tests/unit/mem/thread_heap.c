/* thread_heap.c - what threads allocate for themselves: counted by thread, exact in sum.  */
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

static struct mem_counters totals(void)
{
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    return total;
}

Test(thread_heap, counts_what_a_registered_thread_takes_and_gives)
{
    struct mem_counters *own = thread_heap_register();
    cr_assert_not_null(own);
    cr_assert_eq(thread_heap_register(), own, "registering twice is the same record");
    for (size_t size = 1; size < 3000000; size = size * 2 + 3) {
        char *block = thread_alloc(MEM_CLIENT, size);
        memset(block, 1, size);
        cr_assert_eq(own->class_bytes[MEM_CLIENT], (int64_t)thread_block_bytes(size));
        block = thread_realloc(MEM_CLIENT, block, size, size * 3);
        cr_assert_eq(block[size - 1], 1);
        cr_assert_eq(own->class_bytes[MEM_CLIENT], (int64_t)thread_block_bytes(size * 3));
        cr_assert_eq(own->class_blocks[MEM_CLIENT], 1);
        thread_free(MEM_CLIENT, block, size * 3);
        cr_assert_eq(own->class_bytes[MEM_CLIENT], 0);
        cr_assert_eq(own->class_blocks[MEM_CLIENT], 0);
    }
}

/* Takes a block that the next thread frees. */
static void *register_and_pass_on(void *block)
{
    if (thread_heap_register() == NULL) {
        return NULL;
    }
    thread_free(MEM_CLIENT, block, 100);
    return thread_alloc(MEM_CLIENT, 100);
}

Test(thread_heap, has_records_for_any_number_of_threads_one_after_the_other)
{
    enum { THREADS = 1000 };
    const struct mem_counters before = totals();
    void *block = thread_alloc(MEM_CLIENT, 100);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, register_and_pass_on, block), 0);
        cr_assert_eq(pthread_join(thread, &block), 0);
        cr_assert_not_null(block, "thread %d has no record", i);
    }
    cr_assert_eq(totals().class_bytes[MEM_CLIENT], before.class_bytes[MEM_CLIENT] + (int64_t)thread_block_bytes(100));
    thread_free(MEM_CLIENT, block, 100);
    cr_assert_eq(totals().class_blocks[MEM_CLIENT], before.class_blocks[MEM_CLIENT]);
}

/* What lies behind a block is taken, so that it has to move, each time from another place within a page table. */
Test(thread_heap, moves_long_blocks_with_all_that_is_in_them)
{
    enum { STEP = 700000, STEPS = 24 };
    size_t size = 3000000;
    char *behind[STEPS];
    unsigned char *block = thread_alloc(MEM_CLIENT, size);
    memset(block, 1, size);
    for (int i = 0; i < STEPS; i++) {
        behind[i] = thread_alloc(MEM_SERVER, 600000); /* the system maps below what it mapped last, or into a gap */
        memset(behind[i], 0xee, 600000);
        block = thread_realloc(MEM_CLIENT, block, size, size + STEP);
        cr_assert_not_null(block);
        memset(block + size, i + 2, STEP);
        size += STEP;
        for (size_t at = 0; at < size; at += 4096) {
            cr_assert_eq(block[at], at < 3000000 ? 1 : (at - 3000000) / STEP + 2);
        }
    }
    for (int i = 0; i < STEPS; i++) {
        for (size_t at = 0; at < 600000; at += 4096) {
            cr_assert_eq((unsigned char)behind[i][at], 0xee);
        }
        thread_free(MEM_SERVER, behind[i], 600000);
    }
    thread_free(MEM_CLIENT, block, size);
    cr_assert_eq(totals().class_bytes[MEM_CLIENT], 0);
}

Test(thread_heap, counts_a_thread_that_did_not_register)
{
    void *block = thread_alloc_zeroed(MEM_SERVER, 100);
    cr_assert_eq(totals().class_bytes[MEM_SERVER], (int64_t)thread_block_bytes(100));
    thread_free(MEM_SERVER, block, 100);
    cr_assert_eq(totals().class_bytes[MEM_SERVER], 0);
}

Test(thread_heap, may_use_all_that_is_counted)
{
    for (size_t size = 1; size < 2000000; size += 1 + size / 37) {
        const size_t bytes = thread_block_bytes(size);
        cr_assert_geq(bytes, size);
        cr_assert_eq(thread_block_bytes(bytes), bytes, "size %zu", size);
        char *block = thread_alloc(MEM_SERVER, bytes);
        memset(block, 1, bytes);
        thread_free(MEM_SERVER, block, bytes);
    }
}

Test(thread_heap, refuses_absurd_sizes)
{
    cr_assert_null(thread_alloc(MEM_SERVER, (size_t)PTRDIFF_MAX + 1));
    void *block = thread_alloc(MEM_SERVER, 10);
    cr_assert_null(thread_realloc(MEM_SERVER, block, 10, SIZE_MAX));
    thread_free(MEM_SERVER, block, 10);
    thread_free(MEM_SERVER, NULL, 10);
    cr_assert_eq(totals().class_bytes[MEM_SERVER], 0);
}

static void *allocate_in_thread(void *arg)
{
    cr_assert_not_null(thread_heap_register());
    void **block = arg;
    *block = thread_alloc(MEM_OUTPUT_BUFFER, 5000);
    return NULL;
}

Test(thread_heap, stays_exact_in_sum_when_blocks_travel_and_threads_end)
{
    struct mem_counters *own = thread_heap_register();
    for (int i = 0; i < 20; i++) {
        void *block = NULL;
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, allocate_in_thread, &block), 0);
        pthread_join(thread, NULL);
        cr_assert_eq(totals().class_bytes[MEM_OUTPUT_BUFFER], (int64_t)thread_block_bytes(5000));
        thread_free(MEM_OUTPUT_BUFFER, block, 5000);
        cr_assert_lt(own->class_bytes[MEM_OUTPUT_BUFFER], 0);
        cr_assert_eq(totals().class_bytes[MEM_OUTPUT_BUFFER], 0);
        cr_assert_eq(totals().class_blocks[MEM_OUTPUT_BUFFER], 0);
    }
}

static int64_t used_by_all(struct heap *const heaps[2])
{
    struct mem_counters sum = totals();
    mem_counters_add(&sum, heap_counters(heaps[0]));
    mem_counters_add(&sum, heap_counters(heaps[1]));
    return mem_counters_total(&sum);
}

Test(thread_heap, adds_heaps_and_threads_up_to_the_process)
{
    struct heap *heaps[2] = {heap_create(), heap_create()};
    const int64_t before = used_by_all(heaps);
    void *first = heap_alloc(heaps[0], MEM_STRING, 100);
    void *second = heap_alloc(heaps[1], MEM_HASH, 1000000);
    void *third = thread_alloc(MEM_CLIENT, 300);
    cr_assert_eq(used_by_all(heaps) - before,
                 (int64_t)(heap_block_bytes(100) + heap_block_bytes(1000000) + thread_block_bytes(300)));
    heap_free(heaps[0], MEM_STRING, first, 100);
    heap_free(heaps[1], MEM_HASH, second, 1000000);
    thread_free(MEM_CLIENT, third, 300);
    thread_heap_collect();
    cr_assert_eq(used_by_all(heaps), before);
    heap_destroy(heaps[0]);
    heap_destroy(heaps[1]);
}

static void *free_lazily(void *unused)
{
    const size_t size = (size_t)THREAD_LAZY_MIN_BYTES + 3 * 4096;
    struct mem_counters *own = thread_heap_register();
    thread_heap_be_lazy();
    void *blocks[2] = {thread_alloc(MEM_OUTPUT_BUFFER, size), thread_alloc(MEM_QUERY_BUFFER, size)};
    void *small = thread_alloc(MEM_OUTPUT_BUFFER, 1 << 20);
    thread_free(MEM_OUTPUT_BUFFER, small, 1 << 20);
    cr_expect_eq(own->class_bytes[MEM_SERVER], 0, "short blocks go at once");
    thread_free(MEM_OUTPUT_BUFFER, blocks[0], size);
    thread_free(MEM_QUERY_BUFFER, blocks[1], size);
    cr_expect_eq(own->class_bytes[MEM_OUTPUT_BUFFER] + own->class_bytes[MEM_QUERY_BUFFER], 0);
    int64_t left = own->class_bytes[MEM_SERVER];
    cr_expect_eq(left, 2 * (int64_t)size);
    int steps = 1;
    for (; thread_heap_unmap_step(1 << 20); steps++) {
        cr_expect_leq(left - own->class_bytes[MEM_SERVER], 1 << 20);
        left = own->class_bytes[MEM_SERVER];
    }
    cr_expect_eq(steps, 10, "5 steps a block");
    cr_expect_eq(own->class_bytes[MEM_SERVER], 0);
    cr_expect_not(thread_heap_unmap_step(4096), "nothing is left");
    return unused;
}

Test(thread_heap, gives_long_blocks_back_in_steps)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, free_lazily, NULL), 0);
    pthread_join(thread, NULL);
}
