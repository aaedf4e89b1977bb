/* The hash table of a join: entries are found again, by chains of theirs and others; its limit; refused memory; memory to the byte. */
#include "query/join_hash.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ENTRIES = 20000, HASHES = 3000 };

static struct join_entry entries[ENTRIES];
static uint64_t state;

static uint64_t next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 20;
}

static int64_t query_bytes(void)
{
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    return total.class_bytes[MEM_QUERY_BUFFER];
}

/* One a number; half of them differ above the bits that choose a bucket. */
static uint64_t hash_of(uint64_t number)
{
    return number % 2 == 0 ? number / 2 : number << 40 | number / 7;
}

static uint32_t count_of(const struct join_hash *hash, uint64_t of)
{
    uint32_t count = 0;
    for (const struct join_entry *entry = join_hash_find(hash, of); entry != NULL; entry = entry->next) {
        cr_assert(entry >= entries && entry < entries + ENTRIES);
        count += entry->hash == of;
    }
    return count;
}

/* What a table of so many entries may take: its pages, and their directory. */
static uint64_t most_bytes(uint64_t count)
{
    uint64_t buckets = 4096;
    while (buckets < count) {
        buckets *= 2;
    }
    return (buckets + buckets / 4096) * sizeof(void *);
}

Test(join_hash, finds_each_entry_by_its_hash)
{
    static uint32_t counts[HASHES];
    static const uint32_t sizes[] = {1, 4096, 4097, ENTRIES};
    const int64_t before = query_bytes();
    for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
        struct join_memory memory = {.limit_bytes = 0};
        struct join_hash hash;
        state = size;
        memset(counts, 0, sizeof counts);
        cr_assert_eq(join_hash_create(&hash, sizes[size], &memory), JOIN_HASH_OK);
        for (uint32_t i = 0; i < sizes[size]; i++) {
            const uint32_t number = (uint32_t)(next_random() % HASHES);
            entries[i] = (struct join_entry){.hash = hash_of(number), .row = {.shard = i % 4, .row = i}};
            cr_assert_eq(join_hash_add(&hash, &entries[i], &memory), JOIN_HASH_OK);
            counts[number]++;
        }
        for (uint32_t number = 0; number < HASHES; number++) {
            cr_assert_eq(count_of(&hash, hash_of(number)), counts[number], "%u entries, number %u", sizes[size], number);
        }
        cr_assert_eq(count_of(&hash, UINT64_MAX), 0);
        cr_assert_leq(memory.used_bytes, most_bytes(sizes[size]));
        cr_assert_leq(query_bytes() - before, (int64_t)most_bytes(sizes[size]) * 5 / 4);
        cr_assert_gt(query_bytes(), before);
        join_hash_release(&hash);
        cr_assert_eq(query_bytes(), before);
    }
}

Test(join_hash, finds_nothing_where_there_is_nothing)
{
    struct join_hash hash = {0};
    struct join_memory memory = {.limit_bytes = 0};
    cr_assert_null(join_hash_find(&hash, 7));
    join_hash_release(&hash);
    cr_assert_eq(join_hash_create(&hash, 100, &memory), JOIN_HASH_OK);
    cr_assert_null(join_hash_find(&hash, 7));
    join_hash_release(&hash);
    cr_assert_null(join_hash_find(&hash, 7));
    join_hash_release(&hash);
}

Test(join_hash, says_when_the_limit_is_met)
{
    struct join_memory memory = {.limit_bytes = 100000};
    struct join_hash hash;
    uint32_t added = 0;
    enum join_hash_result result;
    cr_assert(join_memory_take(&memory, 100000));
    cr_assert_not(join_memory_take(&memory, 1));
    memory = (struct join_memory){.limit_bytes = 7};
    cr_assert_eq(join_hash_create(&hash, 4096, &memory), JOIN_HASH_LIMIT);
    cr_assert_null(hash.pages);
    memory = (struct join_memory){.limit_bytes = 100000};
    cr_assert_eq(join_hash_create(&hash, ENTRIES, &memory), JOIN_HASH_OK);
    do { /* each in a page of its own */
        entries[added] = (struct join_entry){.hash = (uint64_t)added * 4096};
        result = join_hash_add(&hash, &entries[added], &memory);
        added += result == JOIN_HASH_OK;
    } while (result == JOIN_HASH_OK && added < 8);
    cr_assert_eq(result, JOIN_HASH_LIMIT);
    cr_assert_eq(added, 3);
    cr_assert_eq(count_of(&hash, 2 * 4096), 1);
    cr_assert_eq(count_of(&hash, 3 * 4096), 0);
    join_hash_release(&hash);
}

#if defined(TESSERA_DEBUG_ASSERT)
Test(join_hash, is_as_it_was_where_memory_is_refused)
{
    struct join_memory memory = {.limit_bytes = 0};
    struct join_hash hash;
    const int64_t before = query_bytes();
    thread_heap_refuse_after(0);
    cr_assert_eq(join_hash_create(&hash, ENTRIES, &memory), JOIN_HASH_NO_MEMORY);
    cr_assert_null(join_hash_find(&hash, 1));
    cr_assert_eq(query_bytes(), before);
    thread_heap_refuse_after(-1);
    cr_assert_eq(join_hash_create(&hash, ENTRIES, &memory), JOIN_HASH_OK);
    entries[0] = (struct join_entry){.hash = 1};
    thread_heap_refuse_after(0);
    cr_assert_eq(join_hash_add(&hash, &entries[0], &memory), JOIN_HASH_NO_MEMORY);
    cr_assert_eq(count_of(&hash, 1), 0);
    thread_heap_refuse_after(-1);
    cr_assert_eq(join_hash_add(&hash, &entries[0], &memory), JOIN_HASH_OK);
    cr_assert_eq(count_of(&hash, 1), 1);
    join_hash_release(&hash);
    cr_assert_eq(query_bytes(), before);
}
#endif
