/* heap.c - counted blocks: what is counted for each size, and that nothing is counted twice or forgotten.  */
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void check_walk(struct heap *heap)
{
    struct heap_walk walk;
    if (heap_walk(heap, &walk)) {
        cr_assert_eq((int64_t)walk.used_bytes, mem_counters_total(heap_counters(heap)));
        cr_assert_geq(walk.committed_bytes, walk.used_bytes);
        cr_assert_leq(walk.sparse_areas, walk.areas);
    }
}

static void check_empty(struct heap *heap)
{
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        cr_assert_eq(heap_counters(heap)->class_bytes[i], 0, "class %s", mem_class_name((enum mem_class)i));
        cr_assert_eq(heap_counters(heap)->class_blocks[i], 0);
    }
    check_walk(heap);
}

Test(heap, rounds_sizes_up_without_ever_going_down)
{
    size_t previous = 0;
    for (size_t size = 1; size < 3 * (size_t)HEAP_DIRECT_MIN; size += size < 4096 ? 1 : size / 97) {
        const size_t bytes = heap_block_bytes(size);
        cr_assert_geq(bytes, size);
        cr_assert_geq(bytes, previous);
        cr_assert_leq(bytes, size + size / 4 + (size > HEAP_TABLED_MAX ? HEAP_LARGE_STEP : 15), "size %zu", size);
        if (size < HEAP_DIRECT_MIN) {
            cr_assert_eq(heap_block_bytes(bytes), bytes);
        }
        previous = bytes;
    }
}

Test(heap, counts_for_every_size_what_the_allocator_gives)
{
    struct heap *heap = heap_create();
    cr_assert_not_null(heap);
    for (size_t size = 1; size < 2 * (size_t)HEAP_DIRECT_MIN; size += size < 2048 ? 1 : size / 61) {
        char *block = heap_alloc(heap, MEM_STRING, size);
        cr_assert_not_null(block);
        memset(block, 0x5a, size);
        cr_assert_eq(heap_counters(heap)->class_bytes[MEM_STRING], (int64_t)heap_block_bytes(size), "size %zu", size);
        cr_assert_eq(heap_counters(heap)->class_blocks[MEM_STRING], 1);
        check_walk(heap);
        heap_free(heap, MEM_STRING, block, size);
    }
    check_empty(heap);
    heap_destroy(heap);
}

Test(heap, aligns_blocks_to_16_and_whole_cache_lines_to_64)
{
    struct heap *heap = heap_create();
    for (size_t size = 1; size < 2 * (size_t)HEAP_DIRECT_MIN; size += size < 1024 ? 7 : size / 19) {
        void *block = heap_alloc(heap, MEM_LIST, size);
        const size_t alignment = heap_block_bytes(size) % 64 == 0 ? 64 : heap_block_bytes(size) == 8 ? 8 : 16;
        cr_assert_eq((uintptr_t)block % alignment, 0, "size %zu", size);
        heap_free(heap, MEM_LIST, block, size);
    }
    heap_destroy(heap);
}

Test(heap, hands_out_zeroed_blocks)
{
    static const size_t sizes[] = {1, 24, 1000, 70000, HEAP_DIRECT_MIN, 3000000};
    struct heap *heap = heap_create();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int round = 0; round < 2; round++) {
            char *block = heap_alloc_zeroed(heap, MEM_SET, sizes[i]);
            for (size_t at = 0; at < sizes[i]; at++) {
                cr_assert_eq(block[at], 0);
            }
            memset(block, 0xff, sizes[i]);
            heap_free(heap, MEM_SET, block, sizes[i]);
        }
    }
    check_empty(heap);
    heap_destroy(heap);
}

Test(heap, frees_nothing_for_null)
{
    struct heap *heap = heap_create();
    heap_free(heap, MEM_SET, NULL, 10);
    check_empty(heap);
    heap_destroy(heap);
    heap_destroy(NULL);
}

Test(heap, moves_a_block_from_class_to_class)
{
    struct heap *heap = heap_create();
    void *block = heap_alloc(heap, MEM_STRING, 100);
    heap_reclass(heap, MEM_STRING, MEM_HASH, 100);
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_STRING], 0);
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_HASH], (int64_t)heap_block_bytes(100));
    heap_free(heap, MEM_HASH, block, 100);
    check_empty(heap);
    heap_destroy(heap);
}

/* Between small blocks, large ones and mappings, whatever was behind the block before. */
Test(heap, grows_with_zeros)
{
    struct heap *heap = heap_create();
    static const size_t sizes[] = {1, 100, 5000, HEAP_DIRECT_MIN - 1, HEAP_DIRECT_MIN, HEAP_DIRECT_MIN + 1,
                                   HEAP_DIRECT_MIN + 4000, 3000000, 3000001};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t j = i; j < sizeof sizes / sizeof sizes[0]; j++) {
            char *block = heap_alloc(heap, MEM_STRING, sizes[j]);
            memset(block, 1, sizes[j]);
            block = heap_realloc(heap, MEM_STRING, block, sizes[j], sizes[i]);
            block = heap_realloc_zeroed(heap, MEM_STRING, block, sizes[i], sizes[j]);
            cr_assert_not_null(block);
            for (size_t at = 0; at < sizes[j]; at++) {
                cr_assert_eq(block[at], at < sizes[i], "%zu to %zu at %zu", sizes[i], sizes[j], at);
            }
            heap_free(heap, MEM_STRING, block, sizes[j]);
        }
    }
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
    heap_destroy(heap);
}

Test(heap, changes_nothing_when_memory_is_refused)
{
    struct heap *heap = heap_create();
    char *block = heap_alloc(heap, MEM_STRING, 100);
    memcpy(block, "content", 8);
    const struct mem_counters before = *heap_counters(heap);
    heap_fail_after(heap, 0);
    cr_assert_null(heap_alloc(heap, MEM_STRING, 10));
    cr_assert_null(heap_alloc_zeroed(heap, MEM_STRING, 1000000));
    cr_assert_null(heap_realloc(heap, MEM_STRING, block, 100, 1000));
    cr_assert_null(heap_realloc(heap, MEM_STRING, block, 100, 1000000));
    cr_assert_eq(memcmp(heap_counters(heap), &before, sizeof before), 0);
    cr_assert_str_eq(block, "content");
    heap_fail_after(heap, 1);
    void *last = heap_alloc(heap, MEM_STRING, 10);
    cr_assert_not_null(last);
    cr_assert_null(heap_alloc(heap, MEM_STRING, 10));
    heap_fail_after(heap, -1);
    cr_assert_null(heap_alloc(heap, MEM_STRING, (size_t)PTRDIFF_MAX + 1));
    heap_free(heap, MEM_STRING, last, 10);
    heap_free(heap, MEM_STRING, block, 100);
    check_empty(heap);
    heap_destroy(heap);
}

/* A block of the model: every byte of it is `fill`. */
struct model_block {
    char *data;
    size_t size;
    enum mem_class which;
    char fill;
};

enum { MODEL_BLOCKS = 300 };

static size_t random_size(void)
{
    const unsigned bits = (unsigned)(random() % 21);
    return 1 + (size_t)random() % ((size_t)1 << bits);
}

static void check_content(const struct model_block *block, size_t len)
{
    for (size_t i = 0; i < len; i += i < 64 || i + 64 > len ? 1 : 61) {
        cr_assert_eq(block->data[i], block->fill);
    }
}

static void random_step(struct heap *heap, struct model_block *block)
{
    const size_t size = random_size();
    if (block->data == NULL) {
        *block = (struct model_block){NULL, size, (enum mem_class)(random() % MEM_CLASS_COUNT), (char)random()};
        block->data = random() % 2 == 0 ? heap_alloc(heap, block->which, size) : heap_alloc_zeroed(heap, block->which, size);
        cr_assert_not_null(block->data);
        memset(block->data, block->fill, size);
        return;
    }
    check_content(block, block->size);
    if (random() % 2 == 0) {
        heap_free(heap, block->which, block->data, block->size);
        block->data = NULL;
        return;
    }
    char *moved = heap_realloc(heap, block->which, block->data, block->size, size);
    cr_assert_not_null(moved);
    const size_t kept = size < block->size ? size : block->size;
    block->data = moved;
    check_content(block, kept);
    memset(moved, block->fill, size);
    block->size = size;
}

static void check_model(struct heap *heap, const struct model_block *blocks)
{
    struct mem_counters expected = {0};
    for (int i = 0; i < MODEL_BLOCKS; i++) {
        if (blocks[i].data != NULL) {
            expected.class_bytes[blocks[i].which] += (int64_t)heap_block_bytes(blocks[i].size);
            expected.class_blocks[blocks[i].which]++;
        }
    }
    cr_assert_eq(memcmp(heap_counters(heap), &expected, sizeof expected), 0);
    check_walk(heap);
}

Test(heap, counts_exactly_under_random_use)
{
    const unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srandom(seed);
    struct heap *heap = heap_create();
    struct model_block blocks[MODEL_BLOCKS] = {0};
    for (int i = 0; i < 20000; i++) {
        random_step(heap, &blocks[random() % MODEL_BLOCKS]);
        if (i % 500 == 0) {
            check_model(heap, blocks);
        }
    }
    heap_collect(heap);
    check_model(heap, blocks);
    for (int i = 0; i < MODEL_BLOCKS; i++) {
        if (blocks[i].data != NULL) {
            heap_free(heap, blocks[i].which, blocks[i].data, blocks[i].size);
        }
    }
    check_empty(heap);
    heap_destroy(heap);
}

/* --- several threads that take turns --- */

struct shared {
    pthread_mutex_t lock;
    struct heap *heap;
    void *blocks[64];
};

static void *use_in_turn(void *arg)
{
    struct shared *shared = arg;
    unsigned random_state = (unsigned)(uintptr_t)&random_state;
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&shared->lock);
        void **block = &shared->blocks[rand_r(&random_state) % 64];
        if (*block == NULL) {
            *block = heap_alloc(shared->heap, MEM_ZSET, 500);
        } else {
            heap_free(shared->heap, MEM_ZSET, *block, 500);
            *block = NULL;
        }
        pthread_mutex_unlock(&shared->lock);
    }
    return NULL;
}

Test(heap, may_be_used_by_any_thread_in_turn)
{
    struct shared shared = {.lock = PTHREAD_MUTEX_INITIALIZER, .heap = heap_create()};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, use_in_turn, &shared), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 64; i++) {
        heap_free(shared.heap, MEM_ZSET, shared.blocks[i], 500);
    }
    check_empty(shared.heap);
    heap_destroy(shared.heap);
}

Test(heap, gives_directly_mapped_blocks_back_at_once)
{
    struct heap *heap = heap_create();
    struct mem_process before, during, after;
    mem_process_read(&before);
    enum { SIZE = 32 * 1024 * 1024 };
    char *block = heap_alloc(heap, MEM_STRING, SIZE);
    memset(block, 1, SIZE);
    mem_process_read(&during);
    heap_free(heap, MEM_STRING, block, SIZE);
    mem_process_read(&after);
    cr_assert_geq(during.resident_bytes, before.resident_bytes + SIZE);
    cr_assert_leq(after.resident_bytes, before.resident_bytes + SIZE / 2);
    cr_assert_leq(after.anonymous_bytes, after.resident_bytes);
    cr_assert_geq(after.peak_resident_bytes, during.resident_bytes - SIZE / 2);
    heap_destroy(heap);
}

/* --- a heap of several sub-heaps --- */

enum { MANY_BLOCKS = 150 << 10, MANY_SIZE = 1000 };

struct many {
    struct heap *heap;
    char *blocks[MANY_BLOCKS];
};

/* In an order that leaves each page with a block until nearly the end. */
static void *free_many(void *arg)
{
    struct many *many = arg;
    for (size_t i = 0; i < MANY_BLOCKS; i++) {
        const size_t at = i * 7919 % MANY_BLOCKS;
        heap_free(many->heap, MEM_STRING, many->blocks[at], MANY_SIZE);
    }
    return NULL;
}

/* Whoever frees them: nobody walks or collects the heap. */
static void check_pages_go_back(bool is_freed_elsewhere)
{
    struct many *many = calloc(1, sizeof *many);
    struct mem_process before, during, after;
    many->heap = heap_create();
    mem_process_read(&before);
    for (size_t i = 0; i < MANY_BLOCKS; i++) {
        many->blocks[i] = heap_alloc(many->heap, MEM_STRING, MANY_SIZE);
        memset(many->blocks[i], 1, MANY_SIZE);
    }
    mem_process_read(&during);
    const uint64_t added = during.anonymous_bytes - before.anonymous_bytes;
    pthread_t thread;
    if (!is_freed_elsewhere) {
        free_many(many);
    } else if (pthread_create(&thread, NULL, free_many, many) == 0) {
        pthread_join(thread, NULL);
    }
    mem_process_read(&after);
    struct heap_walk walk = {0};
    unsigned steps = 1;
    while (!heap_walk_sub_heap(many->heap, &walk)) {
        steps++;
    }
    if (walk.sub_heaps > 0) { /* not with libc's heap */
        const uint64_t left = after.anonymous_bytes > before.anonymous_bytes ? after.anonymous_bytes - before.anonymous_bytes : 0;
        printf("added %llu, left %llu of it\n", (unsigned long long)added, (unsigned long long)left);
        cr_assert_geq(added, (uint64_t)MANY_BLOCKS * MANY_SIZE);
        cr_assert_lt(left, added / 10);
        cr_assert_geq(steps, 2U);
        cr_assert_eq(heap_page_bytes_hint(many->heap), 0);
    }
    check_empty(many->heap);
    heap_destroy(many->heap);
    free(many);
}

Test(heap, gives_pages_back_with_their_last_blocks)
{
    check_pages_go_back(false);
}

Test(heap, gives_pages_back_that_another_thread_freed)
{
    check_pages_go_back(true);
}
