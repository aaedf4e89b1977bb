/* Arenas: aligned blocks, the limit, counted bytes, and what is left after emptying. */
#include "mem/arena.h"
#include "mem/heap.h"

#include <criterion/criterion.h>

static int64_t counted(void)
{
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    return total.class_bytes[MEM_SCRIPT];
}

Test(arena, gives_aligned_blocks_that_do_not_overlap)
{
    struct arena arena;
    arena_init(&arena, MEM_SCRIPT, 1 << 20);
    char *blocks[300];
    for (size_t i = 0; i < 300; i++) {
        blocks[i] = arena_alloc(&arena, i + 1);
        cr_assert(blocks[i] != NULL && (uintptr_t)blocks[i] % ARENA_ALIGN == 0);
        memset(blocks[i], (int)(i % 251), i + 1);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t at = 0; at <= i; at++) {
            cr_assert_eq((unsigned char)blocks[i][at], i % 251);
        }
    }
    arena_release(&arena);
}

Test(arena, is_counted_and_gives_everything_back)
{
    struct arena arena;
    const int64_t before = counted();
    arena_init(&arena, MEM_SCRIPT, 10 << 20);
    for (int i = 0; i < 100; i++) {
        cr_assert(arena_alloc(&arena, 10000) != NULL);
    }
    cr_assert_eq(counted() - before, (int64_t)arena.used_bytes);
    cr_assert_geq(arena.used_bytes, 1000000);
    arena_empty(&arena);
    cr_assert_eq(counted() - before, (int64_t)arena.used_bytes);
    cr_assert_leq(arena.used_bytes, 1 << 19);
    cr_assert(arena_alloc(&arena, 100) != NULL);
    arena_release(&arena);
    cr_assert_eq(counted(), before);
}

Test(arena, refuses_what_passes_its_limit_and_stays_usable)
{
    struct arena arena;
    arena_init(&arena, MEM_SCRIPT, 100000);
    cr_assert(arena_alloc(&arena, 200000) == NULL);
    cr_assert_eq(arena.used_bytes, 0);
    size_t given = 0;
    while (arena_alloc(&arena, 1000) != NULL) {
        given += 1000;
    }
    cr_assert(given > 60000 && arena.used_bytes <= 100000, "%zu, %zu", given, arena.used_bytes);
    arena_empty(&arena);
    cr_assert(arena_alloc(&arena, 1000) != NULL);
    cr_assert(arena_alloc(&arena, SIZE_MAX) == NULL);
    cr_assert(arena_alloc(&arena, SIZE_MAX - 8) == NULL);
    arena_release(&arena);
}

Test(arena, copies_texts_with_a_nul)
{
    struct arena arena;
    arena_init(&arena, MEM_SCRIPT, 10000);
    cr_assert_str_eq(arena_copy(&arena, BYTES("abc")), "abc");
    cr_assert_str_eq(arena_copy(&arena, (struct bytes){NULL, 0}), "");
    const char *zeros = arena_alloc_zeroed(&arena, 100);
    cr_assert(zeros[0] == 0 && zeros[99] == 0);
    arena_release(&arena);
}
