/* buffer.c - a growing run of bytes: contents against a naive model, and bytes counted.  */
#include "mem/buffer.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t counted(enum mem_class which)
{
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    return total.class_bytes[which];
}

Test(buffer, starts_empty_without_memory)
{
    struct buffer buffer = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    cr_assert_eq(buffer_bytes(&buffer).len, 0);
    cr_assert_null(buffer.data);
    buffer_release(&buffer);
    cr_assert_eq(counted(MEM_QUERY_BUFFER), 0);
}

Test(buffer, tells_places_with_and_without_memory)
{
    struct buffer buffer = BUFFER_EMPTY(MEM_CLIENT);
    cr_assert_eq(buffer_at(&buffer, 0), NULL);
    cr_assert(buffer_append(&buffer, BYTES("abc")));
    cr_assert_eq(buffer_at(&buffer, 0), buffer.data);
    cr_assert_eq(buffer_at(&buffer, 3), buffer.data + 3);
    buffer_release(&buffer);
}

Test(buffer, appends_nothing_from_a_null_pointer)
{
    struct buffer buffer = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    cr_assert(buffer_append(&buffer, (struct bytes){NULL, 0}));
    cr_assert_eq(buffer.capacity, 0);
}

Test(buffer, counts_its_capacity_under_its_class_and_gives_all_back)
{
    struct buffer buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    for (size_t size = 1; size < 3000000; size = size * 3 + 1) {
        cr_assert(buffer_reserve(&buffer, size));
        cr_assert_geq(buffer.capacity, size);
        cr_assert_eq(counted(MEM_OUTPUT_BUFFER), (int64_t)buffer.capacity, "capacity %zu", buffer.capacity);
    }
    buffer_release(&buffer);
    cr_assert_eq(counted(MEM_OUTPUT_BUFFER), 0);
    cr_assert_eq(buffer.which, MEM_OUTPUT_BUFFER);
}

Test(buffer, grows_by_doubling_then_by_a_quarter)
{
    struct buffer buffer = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    unsigned moves = 0;
    size_t capacity = 0;
    for (size_t i = 0; i < 4 * 1024 * 1024; i++) {
        cr_assert(buffer_append(&buffer, BYTES("x")));
        moves += buffer.capacity != capacity;
        capacity = buffer.capacity;
    }
    cr_assert_leq(moves, 24, "%u reallocations", moves);
    cr_assert_leq(buffer.capacity, 4 * 1024 * 1024 / 4 * 5 + 1024 * 1024);
    buffer_release(&buffer);
}

Test(buffer, reserves_exactly_what_the_allocator_gives_for_it)
{
    struct buffer buffer = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    for (size_t len = 0; len < 600000; len += 16384) {
        cr_assert(buffer_reserve_exactly(&buffer, 16384));
        cr_assert_eq(buffer.capacity, thread_block_bytes(len + 16384));
        memset(buffer.data + len, 'x', 16384);
        buffer.len += 16384;
    }
    const size_t capacity = buffer.capacity;
    cr_assert(buffer_reserve_exactly(&buffer, buffer.capacity - buffer.len));
    cr_assert_not(buffer_reserve_exactly(&buffer, SIZE_MAX - buffer.len));
    cr_assert_eq(buffer.capacity, capacity);
    buffer_release(&buffer);
    cr_assert_eq(counted(MEM_QUERY_BUFFER), 0);
}

Test(buffer, refuses_absurd_sizes_and_stays_as_it_was)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)PTRDIFF_MAX, (size_t)PTRDIFF_MAX / 2};
    struct buffer buffer = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    cr_assert(buffer_append(&buffer, BYTES("kept")));
    const size_t capacity = buffer.capacity;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cr_assert_not(buffer_reserve(&buffer, sizes[i]));
        cr_assert(bytes_equal(buffer_bytes(&buffer), BYTES("kept")));
        cr_assert_eq(buffer.capacity, capacity);
    }
    buffer_release(&buffer);
}

Test(buffer, formats_text_of_every_length_around_its_free_space)
{
    for (int width = 1; width < 300; width++) {
        struct buffer buffer = BUFFER_EMPTY(MEM_SERVER);
        char expected[700];
        const int len = snprintf(expected, sizeof expected, "<%*d>%s|%*d", width, 7, "text", width, -1);
        cr_assert(buffer_append_format(&buffer, "<%*d>%s", width, 7, "text"));
        cr_assert(buffer_append_format(&buffer, "|%*d", width, -1));
        cr_assert(bytes_equal(buffer_bytes(&buffer), (struct bytes){expected, (size_t)len}), "width %d", width);
        buffer_release(&buffer);
    }
    cr_assert_eq(counted(MEM_SERVER), 0);
}

Test(buffer, shrinks_only_when_the_content_fits)
{
    struct buffer buffer = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    cr_assert(buffer_reserve(&buffer, 100000));
    cr_assert(buffer_append(&buffer, BYTES("0123456789")));
    const size_t before = buffer.capacity;
    buffer_shrink(&buffer, 9);
    cr_assert_eq(buffer.capacity, before);
    buffer_shrink(&buffer, 1024);
    cr_assert_eq(buffer.capacity, thread_block_bytes(1024));
    cr_assert(bytes_equal(buffer_bytes(&buffer), BYTES("0123456789")));
    buffer_consume(&buffer, 10);
    buffer_shrink(&buffer, 0);
    cr_assert_null(buffer.data);
    cr_assert_eq(counted(MEM_QUERY_BUFFER), 0);
}

/* One random step on both the buffer and the model (a plain array with a length). */
static void random_step(struct buffer *buffer, char *model, size_t *model_len)
{
    const size_t amount = (size_t)(random() % 200);
    switch (random() % 5) {
    case 0:
    case 1:
        for (size_t i = 0; i < amount; i++) {
            model[*model_len + i] = (char)random();
        }
        cr_assert(buffer_append(buffer, (struct bytes){model + *model_len, amount}));
        *model_len += amount;
        break;
    case 2: {
        const size_t count = amount < *model_len ? amount : *model_len;
        buffer_consume(buffer, count);
        memmove(model, model + count, *model_len - count);
        *model_len -= count;
        break;
    }
    case 3:
        buffer_shrink(buffer, amount * 4);
        break;
    default:
        cr_assert(buffer_append_format(buffer, "%zu", amount));
        *model_len += (size_t)sprintf(model + *model_len, "%zu", amount);
        break;
    }
}

Test(buffer, behaves_as_a_naive_model_under_random_use)
{
    const unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srandom(seed);
    static char model[4000000];
    size_t model_len = 0;
    struct buffer buffer = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    for (int i = 0; i < 20000; i++) {
        random_step(&buffer, model, &model_len);
        cr_assert(bytes_equal(buffer_bytes(&buffer), (struct bytes){model, model_len}), "seed %u step %d", seed, i);
        cr_assert_eq(counted(MEM_QUERY_BUFFER), (int64_t)buffer.capacity);
    }
    buffer_release(&buffer);
    cr_assert_eq(counted(MEM_QUERY_BUFFER), 0);
}
