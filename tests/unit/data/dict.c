/* dict.c - the table against a naive model, with hashes that are random and hashes that are as bad as can be.  */
#include "data/dict.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct item {
    _Alignas(16) uint64_t hash;
    bool is_in;
    bool was_in_throughout;
    unsigned seen;
};

static uint64_t item_hash(const void *element, const void *context)
{
    (void)context;
    return ((const struct item *)element)->hash;
}

static bool item_is(const void *element, const void *key)
{
    return element == key;
}

static const struct dict_type item_type = {.which = MEM_KEY_TABLE, .hash = item_hash};

static uint64_t random_state;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void seed_random(void)
{
    random_state = (uint64_t)time(NULL) * 2654435761u + 1;
    printf("seed %llu\n", (unsigned long long)random_state);
}

/* --- families of hashes --- */

static uint64_t hash_random(void)
{
    return random_u64();
}

static uint64_t hash_one_tag(void)
{
    return (random_u64() & ~UINT64_C(0xff0000)) | 0x2a0000;
}

static uint64_t hash_one_position(void)
{
    return (random_u64() & ~UINT64_C(0xffff)) | 0xfffe;
}

static uint64_t hash_last_positions(void)
{
    return random_u64() | 0xfff0;
}

static uint64_t hash_two_bits_above_the_tag(void)
{
    return random_u64() & UINT64_C(0xc000000000000003);
}

static uint64_t hash_one_prefix(void)
{
    return random_u64() >> 40 | UINT64_C(0xabcdef) << 40;
}

static uint64_t hash_few(void)
{
    return random_u64() % 5 * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t hash_skewed(void)
{
    return random_u64() >> (random_u64() & 31);
}

static const struct family {
    const char *name;
    uint64_t (*next)(void);
    unsigned count; /* of elements: the bad families make chains, so fewer */
} families[] = {
    {"random", hash_random, 60000},
    {"one tag", hash_one_tag, 30000},
    {"one position", hash_one_position, 9000},
    {"the last positions of a segment", hash_last_positions, 20000},
    {"sixteen hashes", hash_two_bits_above_the_tag, 4000},
    {"one prefix", hash_one_prefix, 20000},
    {"five hashes", hash_few, 3000},
    {"skewed", hash_skewed, 30000},
};
enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

/* --- what every test works on --- */

struct table {
    struct heap *heap;
    struct dict dict;
    struct item *items;
    unsigned count;
    uint64_t in_count;
};

static struct table table_make(const struct family *family)
{
    struct table table = {.heap = heap_create(), .count = family->count};
    cr_assert_not_null(table.heap);
    table.items = aligned_alloc(16, family->count * sizeof *table.items);
    for (unsigned i = 0; i < family->count; i++) {
        table.items[i] = (struct item){.hash = family->next()};
    }
    dict_init(&table.dict, table.heap, &item_type, NULL);
    return table;
}

static void table_unmake(struct table *table)
{
    cr_assert_eq(table->dict.count, 0);
    cr_assert_eq(dict_memory_bytes(&table->dict), 0);
    cr_assert_eq(heap_counters(table->heap)->class_bytes[MEM_KEY_TABLE], 0);
    heap_destroy(table->heap);
    free(table->items);
}

static void put_in(struct table *table, struct item *item)
{
    cr_assert(dict_insert(&table->dict, item->hash, item));
    item->is_in = true;
    table->in_count++;
}

static void take_out(struct table *table, struct item *item)
{
    cr_assert(dict_remove(&table->dict, item->hash, item));
    item->is_in = false;
    item->was_in_throughout = false;
    table->in_count--;
}

static void check(const struct table *table, const char *name)
{
    const char *fault = dict_fault(&table->dict);
    cr_assert_null(fault, "%s: %s", name, fault);
    cr_assert_eq(table->dict.count, table->in_count);
    cr_assert_eq((int64_t)dict_memory_bytes(&table->dict), heap_counters(table->heap)->class_bytes[MEM_KEY_TABLE]);
    for (unsigned i = 0; i < table->count; i++) {
        struct item *item = &table->items[i];
        cr_assert_eq(dict_find(&table->dict, item->hash, item_is, item), item->is_in ? item : NULL, "%s: item %u", name, i);
    }
}

/* Random insertions and removals, more of the former when `percent_in` is above 50. */
static void churn(struct table *table, unsigned steps, unsigned percent_in)
{
    for (unsigned i = 0; i < steps; i++) {
        struct item *item = &table->items[random_u64() % table->count];
        const bool wants_in = random_u64() % 100 < percent_in;
        if (wants_in && !item->is_in) {
            put_in(table, item);
        } else if (!wants_in && item->is_in) {
            take_out(table, item);
        }
    }
}

static void take_all_out(struct table *table)
{
    for (unsigned i = 0; i < table->count; i++) {
        if (table->items[i].is_in) {
            take_out(table, &table->items[i]);
        }
    }
}

Test(dict, has_no_memory_when_empty)
{
    struct table table = table_make(&families[0]);
    cr_assert_null(dict_find(&table.dict, 0, item_is, &table.items[0]));
    cr_assert_not(dict_remove(&table.dict, table.items[0].hash, &table.items[0]));
    cr_assert_eq(dict_scan(&table.dict, 0, 10, NULL, NULL), 0);
    cr_assert_null(dict_random(&table.dict, &random_state));
    put_in(&table, &table.items[0]);
    cr_assert_eq(dict_memory_bytes(&table.dict), 64);
    take_out(&table, &table.items[0]);
    table_unmake(&table);
}

Test(dict, takes_64_bytes_for_up_to_seven)
{
    struct table table = table_make(&families[0]);
    for (unsigned i = 0; i < 7; i++) {
        put_in(&table, &table.items[i]);
        cr_assert_eq(dict_memory_bytes(&table.dict), 64);
    }
    check(&table, "seven");
    take_all_out(&table);
    table_unmake(&table);
}

Test(dict, agrees_with_a_model_while_it_grows_and_shrinks)
{
    seed_random();
    for (unsigned f = 0; f < FAMILY_COUNT; f++) {
        struct table table = table_make(&families[f]);
        const unsigned n = table.count;
        static const unsigned percents[] = {70, 95, 40, 60, 10, 90, 3, 50};
        for (unsigned phase = 0; phase < sizeof percents / sizeof percents[0]; phase++) {
            churn(&table, n * 2, percents[phase]);
            check(&table, families[f].name);
        }
        take_all_out(&table);
        check(&table, families[f].name);
        table_unmake(&table);
    }
}

Test(dict, follows_elements_that_move)
{
    seed_random();
    struct table table = table_make(&families[2]);
    for (unsigned i = 0; i < 1000; i++) {
        put_in(&table, &table.items[i]);
    }
    for (unsigned i = 0; i < 1000; i++) {
        struct item *to = &table.items[1000 + i];
        to->hash = table.items[i].hash;
        dict_replace(&table.dict, to->hash, &table.items[i], to);
        table.items[i].is_in = false;
        to->is_in = true;
    }
    check(&table, "moved");
    take_all_out(&table);
    table_unmake(&table);
}

/* --- scan --- */

static void see(void *element, void *arg)
{
    (void)arg;
    ((struct item *)element)->seen++;
}

static void scan_begins(struct table *table)
{
    for (unsigned i = 0; i < table->count; i++) {
        table->items[i].seen = 0;
        table->items[i].was_in_throughout = table->items[i].is_in;
    }
}

static void scan_ends(const struct table *table, const char *name)
{
    for (unsigned i = 0; i < table->count; i++) {
        cr_assert(!table->items[i].was_in_throughout || table->items[i].seen > 0, "%s: item %u missed", name, i);
    }
}

Test(dict, scan_sees_everything_once_when_nothing_changes)
{
    seed_random();
    for (unsigned f = 0; f < FAMILY_COUNT; f++) {
        struct table table = table_make(&families[f]);
        churn(&table, table.count, 80);
        for (size_t step = 1; step < 100000; step = step * 7 + 3) {
            scan_begins(&table);
            uint64_t cursor = 0;
            unsigned calls = 0;
            do {
                cursor = dict_scan(&table.dict, cursor, step, see, NULL);
                cr_assert_eq(cursor >> DICT_CURSOR_BITS, 0);
                calls++;
            } while (cursor != 0);
            cr_assert_leq((uint64_t)(calls - 1) * step, table.in_count);
            for (unsigned i = 0; i < table.count; i++) {
                cr_assert_eq(table.items[i].seen, table.items[i].is_in, "%s", families[f].name);
            }
        }
        take_all_out(&table);
        table_unmake(&table);
    }
}

/* How many go in or out between two calls, and in which direction. */
static const struct weather {
    unsigned steps_per_call, percent_in;
} weathers[] = {{40, 95}, {40, 5}, {300, 90}, {300, 2}, {1000, 50}, {3000, 99}, {3000, 1}};

Test(dict, scan_misses_nothing_while_segments_split_and_merge)
{
    seed_random();
    for (unsigned f = 0; f < FAMILY_COUNT; f++) {
        struct table table = table_make(&families[f]);
        churn(&table, table.count / 2, 70);
        for (unsigned round = 0; round < 40; round++) {
            const struct weather *weather = &weathers[random_u64() % (sizeof weathers / sizeof weathers[0])];
            scan_begins(&table);
            uint64_t cursor = 0;
            do {
                cursor = dict_scan(&table.dict, cursor, 1 + random_u64() % 400, see, NULL);
                churn(&table, weather->steps_per_call, weather->percent_in);
            } while (cursor != 0);
            scan_ends(&table, families[f].name);
        }
        check(&table, families[f].name);
        take_all_out(&table);
        table_unmake(&table);
    }
}

Test(dict, takes_cursors_that_were_never_handed_out)
{
    seed_random();
    struct table table = table_make(&families[0]);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 20000; i++) {
            const uint64_t cursor = random_u64() >> (random_u64() & 63);
            cr_assert_eq(dict_scan(&table.dict, cursor, 3, see, NULL) >> DICT_CURSOR_BITS, 0);
        }
        cr_assert_eq(dict_scan(&table.dict, UINT64_MAX, 3, see, NULL) >> DICT_CURSOR_BITS, 0);
        churn(&table, round == 0 ? 10 : table.count, 90);
    }
    take_all_out(&table);
    table_unmake(&table);
}

/* --- one at random --- */

Test(dict, random_reaches_every_element)
{
    seed_random();
    static const unsigned counts[] = {1, 2, 5, 30, 2000};
    struct table table = table_make(&families[0]);
    for (unsigned c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        scan_begins(&table);
        for (unsigned i = 0; i < counts[c]; i++) {
            put_in(&table, &table.items[i]);
        }
        for (unsigned i = 0; i < counts[c] * 40; i++) {
            struct item *item = dict_random(&table.dict, &random_state);
            cr_assert(item->is_in);
            item->seen++;
        }
        for (unsigned i = 0; i < counts[c]; i++) {
            cr_assert_gt(table.items[i].seen, 0);
            cr_assert_lt(table.items[i].seen, 40 * 5);
        }
        take_all_out(&table);
    }
    table_unmake(&table);
}

Test(dict, random_finds_the_one_element_of_a_far_corner)
{
    struct table table = table_make(&families[5]);
    for (unsigned i = 0; i < table.count; i++) {
        put_in(&table, &table.items[i]);
    }
    for (unsigned i = 1; i < table.count; i++) {
        take_out(&table, &table.items[i]);
    }
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(dict_random(&table.dict, &random_state), &table.items[0]);
    }
    take_all_out(&table);
    table_unmake(&table);
}

/* --- memory --- */

Test(dict, keeps_what_it_had_when_memory_is_refused)
{
    seed_random();
    for (unsigned f = 0; f < FAMILY_COUNT; f++) {
        struct table table = table_make(&families[f]);
        unsigned refused = 0;
        for (unsigned i = 0; i < table.count; i++) {
            heap_fail_after(table.heap, (int64_t)(random_u64() % 3));
            if (dict_insert(&table.dict, table.items[i].hash, &table.items[i])) {
                table.items[i].is_in = true;
                table.in_count++;
            } else {
                refused++;
            }
            heap_fail_after(table.heap, -1);
            if (random_u64() % 1000 == 0) {
                check(&table, families[f].name);
            }
        }
        cr_assert_gt(refused, 0);
        heap_fail_after(table.heap, 0);
        for (unsigned i = 0; i < table.count - 1; i++) {
            if (table.items[i].is_in && table.in_count > 1) {
                take_out(&table, &table.items[i]);
            }
        }
        check(&table, families[f].name);
        heap_fail_after(table.heap, -1);
        take_all_out(&table);
        table_unmake(&table);
    }
}

static void count_released(void *element, void *arg)
{
    ((struct item *)element)->is_in = false;
    ++*(uint64_t *)arg;
}

Test(dict, frees_itself_in_steps)
{
    seed_random();
    for (unsigned f = 0; f < FAMILY_COUNT; f++) {
        struct table table = table_make(&families[f]);
        churn(&table, table.count, 80);
        uint64_t released = 0;
        bool is_gone = false;
        while (!is_gone) {
            const uint64_t before = released;
            const size_t limit = 1 + random_u64() % 500;
            size_t left = limit;
            is_gone = dict_free_step(&table.dict, &left, count_released, &released);
            cr_assert_eq(released - before, limit - left);
            cr_assert_eq((int64_t)dict_memory_bytes(&table.dict), heap_counters(table.heap)->class_bytes[MEM_KEY_TABLE]);
        }
        cr_assert_eq(released, table.in_count);
        put_in(&table, &table.items[0]);
        take_out(&table, &table.items[0]);
        table_unmake(&table);
    }
}

Test(dict, needs_at_most_11_6_bytes_an_element_at_any_large_size)
{
    static const struct family many = {"random", hash_random, 400000};
    seed_random();
    struct table table = table_make(&many);
    double worst = 0;
    for (unsigned i = 0; i < table.count; i++) {
        put_in(&table, &table.items[i]);
        const double each = (double)dict_memory_bytes(&table.dict) / (i + 1);
        if (i > 20000 && each > worst) {
            worst = each;
        }
    }
    printf("worst: %.2f bytes an element\n", worst);
    cr_assert_leq(worst, 11.6);
    const uint64_t full_bytes = dict_memory_bytes(&table.dict);
    for (unsigned i = 0; i < table.count; i++) {
        if (i % 10 != 0) {
            take_out(&table, &table.items[i]);
        }
    }
    printf("after nine tenths were removed: %.2f\n", (double)dict_memory_bytes(&table.dict) / (double)table.in_count);
    cr_assert_lt(dict_memory_bytes(&table.dict), full_bytes / 5);
    check(&table, "shrunk");
    take_all_out(&table);
    table_unmake(&table);
}

/* As many as expected, fewer, more, none. */
Test(dict, is_as_large_as_was_expected_and_no_larger_in_the_end)
{
    seed_random();
    static const unsigned shares[] = {0, 1, 10, 50, 100, 300};
    for (unsigned f = 0; f < FAMILY_COUNT; f++) {
        for (unsigned s = 0; s < sizeof shares / sizeof shares[0]; s++) {
            struct table table = table_make(&families[f]);
            dict_expect(&table.dict, shares[s] == 0 ? 1000000 : (uint64_t)table.count * 100 / shares[s]);
            for (unsigned i = 0; i < table.count && shares[s] > 0; i++) {
                put_in(&table, &table.items[i]);
            }
            check(&table, families[f].name);
            dict_expect(&table.dict, 5); /* nothing, since it is not empty */
            dict_expect_no_more(&table.dict);
            check(&table, families[f].name);
            churn(&table, table.count, 40);
            take_all_out(&table);
            check(&table, families[f].name);
            table_unmake(&table);
        }
    }
}

Test(dict, expected_elements_take_no_more_room_than_others)
{
    static const struct family many = {"random", hash_random, 400000};
    seed_random();
    for (unsigned count = 3000; count <= many.count; count = count * 5 / 4) {
        struct table table = table_make(&many);
        dict_expect(&table.dict, count);
        for (unsigned i = 0; i < count; i++) {
            put_in(&table, &table.items[i]);
        }
        dict_expect_no_more(&table.dict);
        cr_expect_leq((double)dict_memory_bytes(&table.dict) / count, 11.7, "%u: %.2f", count, (double)dict_memory_bytes(&table.dict) / count);
        check(&table, "expected");
        take_all_out(&table);
        table_unmake(&table);
    }
}
