/* Unit tests of net/output: a chain of chunks against one long string. */
#include "net/output.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int64_t used_bytes(void)
{
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    return mem_counters_total(&total);
}

/* Sends at most `most` bytes: compares them with the model and confirms them. */
static size_t send_some(struct output *output, struct chunk_pool *pool, const char *model, size_t most)
{
    struct iovec pieces[OUTPUT_GATHER_MAX];
    int count = output_gather(output, most, pieces);
    size_t sent = 0;
    for (int i = 0; i < count && sent < most; i++) {
        size_t here = pieces[i].iov_len < most - sent ? pieces[i].iov_len : most - sent;
        cr_assert_eq(memcmp(pieces[i].iov_base, model + sent, here), 0);
        sent += here;
    }
    output_sent(output, pool, sent);
    return sent;
}

Test(output, sends_what_was_added_in_order_and_gives_all_memory_back)
{
    unsigned seed = 20261121;
    enum { TOTAL = 1 << 20 };
    char *model = malloc(TOTAL);
    size_t added = 0, sent = 0;
    struct output output = {0};
    struct chunk_pool pool = {0};
    cr_assert(chunk_pool_open(&pool));
    while (sent < TOTAL) {
        size_t len = (size_t)rand_r(&seed) % (rand_r(&seed) % 8 == 0 ? 40000 : 300) + 1;
        len = len < TOTAL - added ? len : TOTAL - added;
        for (size_t i = 0; i < len; i++) {
            model[added + i] = (char)rand_r(&seed);
        }
        struct bytes text = {model + added, len};
        if (len > 0 && rand_r(&seed) % 4 == 0) {
            struct buffer buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
            cr_assert(buffer_append(&buffer, text));
            cr_assert(output_take(&output, &pool, &buffer));
            cr_assert_eq(buffer.capacity, 0);
        } else if (len > 0) {
            cr_assert(output_append(&output, &pool, text));
        }
        added += len;
        cr_assert_eq(output.bytes, added - sent);
        if (rand_r(&seed) % 3 == 0 || added == TOTAL) {
            sent += send_some(&output, &pool, model + sent, (size_t)rand_r(&seed) % 60000 + 1);
        }
    }
    cr_assert_eq(output.bytes, 0, "seed 20261121");
    cr_assert_eq(output.chunks, 0);
    cr_assert_eq(output_memory_bytes(&output), 0);
    chunk_pool_close(&pool);
    cr_assert_eq(used_bytes(), 0);
    free(model);
}

Test(output, clears_with_everything_unsent)
{
    struct output output = {0};
    struct chunk_pool pool = {0};
    char text[50000];
    memset(text, 'x', sizeof text);
    cr_assert(chunk_pool_open(&pool));
    cr_assert(output_append(&output, &pool, (struct bytes){text, 100}));
    cr_assert(output_append(&output, &pool, (struct bytes){text, sizeof text}));
    cr_assert(output_append(&output, &pool, (struct bytes){text, CHUNK_BYTES}));
    output_clear(&output, &pool);
    cr_assert_eq(output.bytes, 0);
    chunk_pool_close(&pool);
    cr_assert_eq(used_bytes(), 0);
}

/* What stays after many chunks went through the pool and nobody needs them: as much as at the start. */
Test(output, gives_back_chunks_that_nobody_needs)
{
    enum { CHUNKS = CHUNK_POOL_MAX / 2 };
    struct output output = {0};
    struct chunk_pool pool = {0};
    char text[CHUNK_BYTES / 2];
    memset(text, 'x', sizeof text);
    cr_assert(chunk_pool_open(&pool));
    const int64_t at_start = used_bytes();
    for (int i = 0; i < 2 * CHUNKS; i++) {
        cr_assert(output_append(&output, &pool, (struct bytes){text, sizeof text}));
    }
    chunk_pool_trim(&pool);
    output_clear(&output, &pool);
    const int64_t filled = used_bytes();
    chunk_pool_trim(&pool);
    cr_assert_eq(used_bytes(), filled, "all of them were in use since the call before");
    for (int i = 0; i < CHUNKS; i++) {
        chunk_pool_trim(&pool);
    }
    cr_assert_eq(used_bytes(), at_start);
    chunk_pool_close(&pool);
    cr_assert_eq(used_bytes(), 0);
}
