/* The equality index against a naive sorted array, and its memory. */
#include "table/hash_index.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { MODEL_MAX = 20000 };

static struct heap *heap;

static void setup(void)
{
    heap = heap_create();
    cr_assert_not_null(heap);
}

static void teardown(void)
{
    heap_destroy(heap);
}

TestSuite(hash_index, .init = setup, .fini = teardown);

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 20;
}

static void check(const struct hash_index *index)
{
    uint64_t bytes = 0;
    uint64_t count = 0;
    cr_assert(hash_index_audit(index, &bytes, &count));
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_TABLE_INDEX], (int64_t)index->bytes);
}

/* All rows of a hash, by as many calls as it takes. */
static size_t read_all(const struct hash_index *index, uint32_t hash, uint32_t *rows, size_t max)
{
    size_t count = 0;
    uint32_t from = 0;
    bool is_end = false;
    while (!is_end) {
        count += hash_index_rows(index, hash_index_entry(hash, from), rows + count, max - count, &is_end);
        from = count > 0 ? rows[count - 1] + 1 : from;
    }
    return count;
}

struct model {
    uint64_t entries[MODEL_MAX];
    size_t count;
};

static void model_compare(const struct model *model, const struct hash_index *index, uint32_t hash)
{
    static uint32_t rows[MODEL_MAX + 1];
    size_t found = read_all(index, hash, rows, MODEL_MAX + 1);
    size_t expected = 0;
    for (size_t i = 0; i < model->count; i++) {
        expected += model->entries[i] >> 32 == hash;
    }
    cr_assert_eq(found, expected);
    for (size_t i = 1; i < found; i++) {
        cr_assert_lt(rows[i - 1], rows[i]);
    }
}

/* hash_bits: how many different hashes there are; few of them make long runs of duplicates. */
static void random_run(uint64_t seed, int hash_bits, size_t limit, int steps)
{
    static struct model model;
    model.count = 0;
    struct hash_index index = {0};
    uint64_t state = seed;
    cr_log_info("seed %lu, %d bits", seed, hash_bits);
    for (int step = 0; step < steps; step++) {
        bool wants_more = (step / (steps / 4)) % 2 == 0;
        bool is_insert = model.count == 0 || (model.count < limit && next_random(&state) % 10 < (wants_more ? 8u : 2u));
        if (is_insert) {
            uint32_t hash = (uint32_t)(next_random(&state) & ((1ull << hash_bits) - 1)) << (32 - hash_bits);
            uint64_t entry = hash_index_entry(hash, (uint32_t)step);
            cr_assert(hash_index_insert(&index, heap, entry));
            model.entries[model.count++] = entry;
        } else {
            size_t at = next_random(&state) % model.count;
            hash_index_remove(&index, heap, model.entries[at]);
            model.entries[at] = model.entries[--model.count];
        }
        if (step % 997 == 0) {
            check(&index);
            model_compare(&model, &index, model.count > 0 ? (uint32_t)(model.entries[0] >> 32) : 0);
        }
    }
    check(&index);
    cr_assert_eq(index.count, model.count);
    while (model.count > 0) {
        hash_index_remove(&index, heap, model.entries[--model.count]);
    }
    cr_assert_null(index.root);
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_TABLE_INDEX], 0);
}

Test(hash_index, agrees_with_a_list_after_random_changes)
{
    random_run(1, 32, MODEL_MAX, 60000);
    random_run(2, 3, MODEL_MAX, 60000);
    random_run(3, 1, 600, 20000);
}

Test(hash_index, keeps_a_hundred_thousand_rows_of_one_value)
{
    struct hash_index index = {0};
    for (uint32_t row = 0; row < 100000; row++) {
        cr_assert(hash_index_insert(&index, heap, hash_index_entry(7, row * 37u % 100003u)));
    }
    cr_assert(hash_index_insert(&index, heap, hash_index_entry(6, 1)));
    cr_assert(hash_index_insert(&index, heap, hash_index_entry(8, 1)));
    check(&index);
    uint32_t *rows = malloc(100001 * sizeof *rows);
    cr_assert_eq(read_all(&index, 7, rows, 100001), 100000);
    cr_assert_eq(read_all(&index, 9, rows, 100001), 0);
    free(rows);
    while (!hash_index_free(&index, heap, 10)) {
    }
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_TABLE_INDEX], 0);
}

Test(hash_index, costs_at_most_ten_bytes_a_row)
{
    struct hash_index index = {0};
    uint64_t state = 99;
    for (uint32_t row = 0; row < 50000; row++) {
        cr_assert(hash_index_insert(&index, heap, hash_index_entry((uint32_t)next_random(&state), row)));
    }
    cr_log_info("%.2f bytes a row", (double)index.bytes / 50000);
    cr_assert_leq(index.bytes, 50000 * 10);
    cr_assert(hash_index_free(&index, heap, SIZE_MAX));
}

Test(hash_index, survives_refused_allocations)
{
    static uint64_t kept[5000];
    size_t count = 0;
    struct hash_index index = {0};
    uint64_t state = 5;
    for (uint32_t row = 0; row < 5000; row++) {
        uint64_t entry = hash_index_entry((uint32_t)next_random(&state), row);
        heap_fail_after(heap, (int64_t)(next_random(&state) % 2));
        if (hash_index_insert(&index, heap, entry)) {
            kept[count++] = entry;
        }
        heap_fail_after(heap, -1);
        if (row % 100 == 0) {
            check(&index);
        }
    }
    cr_assert_eq(index.count, count);
    heap_fail_after(heap, 0);
    while (count > 0) {
        hash_index_remove(&index, heap, kept[--count]);
        if (count % 100 == 0) {
            check(&index);
        }
    }
    cr_assert_null(index.root);
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_TABLE_INDEX], 0);
}
