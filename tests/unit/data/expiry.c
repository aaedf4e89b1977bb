/* expiry.c - the index of expiries against a naive model, its memory, and what happens when memory is refused.  */
#include "data/expiry.h"

#include "data/entry_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NOW_MS = 1700000000 };
static const int64_t now_ms = (int64_t)NOW_MS * 1000;

static uint64_t random_state = 1;

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

/* An entry as the keyspace makes them, and what the model knows of it. */
struct slot {
    _Alignas(16) char block[48];
    int64_t expiry_ms;
    bool is_in;
};

struct fixture {
    struct heap *heap;
    struct expiry_index index;
    struct slot *slots;
    unsigned count;
    uint64_t in_count;
};

static struct entry *entry_of(struct slot *slot)
{
    return (struct entry *)slot->block;
}

static struct fixture fixture_make(unsigned count)
{
    struct fixture f = {.heap = heap_create(), .count = count};
    cr_assert_not_null(f.heap);
    f.slots = aligned_alloc(16, count * sizeof *f.slots);
    memset(f.slots, 0, count * sizeof *f.slots);
    expiry_init(&f.index, f.heap);
    expiry_note_time(&f.index, now_ms);
    return f;
}

static void fixture_unmake(struct fixture *f)
{
    cr_assert_eq(f->index.bytes, 0);
    cr_assert_null(f->index.root);
    cr_assert_eq(heap_counters(f->heap)->class_bytes[MEM_EXPIRY_INDEX], 0);
    heap_destroy(f->heap);
    free(f->slots);
}

static bool put_in(struct fixture *f, struct slot *slot, int64_t expiry_ms)
{
    const struct entry_plan plan = {.key = BYTES("k"), .kind = ENTRY_INTEGER, .expiry_ms = expiry_ms,
                                    .reference_ms = f->index.reference_ms};
    struct expiry_spare spare;
    if (!expiry_reserve(&f->index, expiry_ms, entry_of(slot), &spare)) {
        return false;
    }
    size_t own_bytes;
    entry_write(entry_of(slot), entry_plan_head(&plan, &own_bytes), &plan);
    expiry_insert(&f->index, expiry_ms, entry_of(slot), &spare);
    slot->expiry_ms = expiry_ms;
    slot->is_in = true;
    f->in_count++;
    return true;
}

static void take_out(struct fixture *f, struct slot *slot)
{
    expiry_remove(&f->index, slot->expiry_ms, entry_of(slot));
    slot->is_in = false;
    f->in_count--;
}

static void count_visit(struct entry *entry, void *arg)
{
    (void)entry;
    ++*(uint64_t *)arg;
}

static void check(const struct fixture *f)
{
    uint64_t visited = 0;
    const char *fault = expiry_fault(&f->index, count_visit, &visited);
    cr_assert_null(fault, "%s", fault);
    cr_assert_eq(visited, f->in_count);
    cr_assert_eq(f->index.count, f->in_count);
    cr_assert_eq((int64_t)f->index.bytes, heap_counters(f->heap)->class_bytes[MEM_EXPIRY_INDEX]);
    int64_t earliest_ms = INT64_MAX;
    for (unsigned i = 0; i < f->count; i++) {
        if (f->slots[i].is_in && f->slots[i].expiry_ms < earliest_ms) {
            earliest_ms = f->slots[i].expiry_ms;
        }
    }
    struct entry *first[EXPIRY_LEAF_MAX];
    const size_t first_count = expiry_first(&f->index, first);
    cr_assert_eq(first_count == 0, f->in_count == 0);
    bool has_earliest = f->in_count == 0;
    for (size_t i = 0; i < first_count; i++) {
        has_earliest |= entry_expiry_near(first[i], f->index.reference_ms) == earliest_ms;
    }
    cr_assert(has_earliest);
    cr_assert_leq(f->index.earliest_ms, earliest_ms);
}

static void take_all_out(struct fixture *f)
{
    for (unsigned i = 0; i < f->count; i++) {
        if (f->slots[i].is_in) {
            take_out(f, &f->slots[i]);
        }
    }
}

/* --- when keys expire --- */

static int64_t expiry_random(unsigned i)
{
    (void)i;
    return now_ms + (int64_t)(random_u64() % 3600000);
}

static int64_t expiry_one(unsigned i)
{
    (void)i;
    return now_ms + 5000;
}

static int64_t expiry_rising(unsigned i)
{
    return now_ms + i / 3;
}

static int64_t expiry_falling(unsigned i)
{
    return now_ms + 100000000 - i;
}

static int64_t expiry_rising_with_outliers(unsigned i)
{
    return random_u64() % 100 == 0 ? now_ms + (int64_t)(random_u64() % 300000000) : now_ms + i / 3;
}

static int64_t expiry_far(unsigned i)
{
    (void)i;
    return (int64_t)(random_u64() >> (1 + random_u64() % 40));
}

static const struct family {
    const char *name;
    int64_t (*expiry)(unsigned i);
} families[] = {
    {"random", expiry_random},
    {"all in one millisecond", expiry_one},
    {"rising", expiry_rising},
    {"falling", expiry_falling},
    {"rising with outliers", expiry_rising_with_outliers},
    {"far apart", expiry_far},
};
enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

Test(expiry, agrees_with_a_model_while_it_grows_and_shrinks)
{
    seed_random();
    for (unsigned family = 0; family < FAMILY_COUNT; family++) {
        static const unsigned percents[] = {90, 30, 98, 5, 60, 1, 80};
        struct fixture f = fixture_make(20000);
        unsigned next = 0;
        for (unsigned phase = 0; phase < sizeof percents / sizeof percents[0]; phase++) {
            for (unsigned step = 0; step < 40000; step++) {
                struct slot *slot = &f.slots[random_u64() % f.count];
                const bool wants_in = random_u64() % 100 < percents[phase];
                if (wants_in && !slot->is_in) {
                    cr_assert(put_in(&f, slot, families[family].expiry(next++)));
                } else if (!wants_in && slot->is_in) {
                    take_out(&f, slot);
                }
                if (step % 8000 == 0) {
                    check(&f);
                }
            }
            check(&f);
        }
        take_all_out(&f);
        check(&f);
        fixture_unmake(&f);
    }
}

Test(expiry, gives_up_its_earliest_first)
{
    seed_random();
    for (unsigned family = 0; family < FAMILY_COUNT; family++) {
        struct fixture f = fixture_make(5000);
        for (unsigned i = 0; i < f.count; i++) {
            cr_assert(put_in(&f, &f.slots[i], families[family].expiry(i)));
        }
        int64_t last_ms = 0;
        while (f.in_count > 0) {
            struct entry *first[EXPIRY_LEAF_MAX];
            const size_t count = expiry_first(&f.index, first);
            int64_t highest_ms = 0;
            for (size_t i = 0; i < count; i++) {
                struct slot *slot = (struct slot *)((char *)first[i] - offsetof(struct slot, block));
                cr_assert_geq(slot->expiry_ms, last_ms);
                highest_ms = slot->expiry_ms > highest_ms ? slot->expiry_ms : highest_ms;
                take_out(&f, slot);
            }
            last_ms = highest_ms;
        }
        fixture_unmake(&f);
    }
}

/* How large the index of 200,000 keys gets. */
static double bytes_a_key(int64_t (*expiry)(unsigned i))
{
    struct fixture f = fixture_make(200000);
    for (unsigned i = 0; i < f.count; i++) {
        /* Slots in random order: addresses neither rise nor fall. */
        struct slot *slot = &f.slots[(uint64_t)i * 77777777 % f.count];
        cr_assert(put_in(&f, slot, expiry(i)));
    }
    const double each = (double)f.index.bytes / f.count;
    check(&f);
    take_all_out(&f);
    fixture_unmake(&f);
    return each;
}

/* On average over some draws: where the first outliers fall decides how full the leaves behind them get, so with outliers one draw comes to
 * 8.7 in most cases and to 9.8 in one of forty.  */
Test(expiry, needs_few_bytes_a_key)
{
    enum { DRAWS = 5 };
    static const struct {
        const char *name;
        int64_t (*expiry)(unsigned i);
        double bytes_max;
    } limits[] = {
        {"random", expiry_random, 12},
        {"one millisecond", expiry_one, 12},
        {"rising", expiry_rising, 8.6},
        {"rising with outliers", expiry_rising_with_outliers, 9.6},
    };
    seed_random();
    for (unsigned l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        double each = 0;
        for (int draw = 0; draw < DRAWS; draw++) {
            each += bytes_a_key(limits[l].expiry) / DRAWS;
        }
        printf("%s: %.2f bytes a key\n", limits[l].name, each);
        cr_assert_leq(each, limits[l].bytes_max, "%s: %.2f", limits[l].name, each);
    }
}

Test(expiry, stays_small_when_keys_are_renewed_again_and_again)
{
    seed_random();
    struct fixture f = fixture_make(50000);
    for (unsigned i = 0; i < f.count; i++) {
        cr_assert(put_in(&f, &f.slots[i], now_ms + i / 5));
    }
    for (unsigned i = 0; i < 8 * f.count; i++) {
        struct slot *slot = &f.slots[random_u64() % f.count];
        take_out(&f, slot);
        cr_assert(put_in(&f, slot, now_ms + (f.count + i) / 5));
    }
    const double each = (double)f.index.bytes / f.count;
    printf("renewed: %.2f bytes a key\n", each);
    cr_assert_leq(each, 13);
    check(&f);
    take_all_out(&f);
    fixture_unmake(&f);
}

Test(expiry, begins_with_64_bytes)
{
    struct fixture f = fixture_make(20);
    for (unsigned i = 0; i < 7; i++) {
        cr_assert(put_in(&f, &f.slots[i], expiry_random(i)));
        cr_assert_eq(f.index.bytes, 64);
    }
    for (unsigned i = 7; i < 15; i++) {
        cr_assert(put_in(&f, &f.slots[i], expiry_random(i)));
        cr_assert_eq(f.index.bytes, 128);
    }
    for (unsigned i = 0; i < 13; i++) {
        take_out(&f, &f.slots[i]);
    }
    cr_assert_eq(f.index.bytes, 64);
    take_all_out(&f);
    fixture_unmake(&f);
}

Test(expiry, reserves_enough_for_an_entry_that_leaves_and_comes_back)
{
    seed_random();
    for (unsigned family = 0; family < FAMILY_COUNT; family++) {
        struct fixture f = fixture_make(4000);
        for (unsigned i = 0; i < f.count; i++) {
            cr_assert(put_in(&f, &f.slots[i], families[family].expiry(i)));
        }
        for (unsigned i = 0; i < 40000; i++) {
            struct slot *slot = &f.slots[random_u64() % f.count];
            if (!slot->is_in) {
                continue;
            }
            if (random_u64() % 16 == 0) {
                take_out(&f, slot);
                continue;
            }
            const int64_t expiry_ms = families[family].expiry(i);
            struct expiry_spare spare;
            cr_assert(expiry_reserve(&f.index, expiry_ms, entry_of(slot), &spare));
            heap_fail_after(f.heap, 0);
            expiry_remove(&f.index, slot->expiry_ms, entry_of(slot));
            const struct entry_plan plan = {.key = BYTES("k"), .kind = ENTRY_INTEGER, .expiry_ms = expiry_ms,
                                            .reference_ms = f.index.reference_ms};
            size_t own_bytes;
            entry_write(entry_of(slot), entry_plan_head(&plan, &own_bytes), &plan);
            expiry_insert(&f.index, expiry_ms, entry_of(slot), &spare);
            heap_fail_after(f.heap, -1);
            slot->expiry_ms = expiry_ms;
        }
        check(&f);
        take_all_out(&f);
        fixture_unmake(&f);
    }
}

Test(expiry, keeps_what_it_had_when_memory_is_refused)
{
    seed_random();
    for (unsigned family = 0; family < FAMILY_COUNT; family++) {
        struct fixture f = fixture_make(20000);
        unsigned refused = 0;
        for (unsigned i = 0; i < f.count; i++) {
            heap_fail_after(f.heap, (int64_t)(random_u64() % 4));
            refused += !put_in(&f, &f.slots[i], families[family].expiry(i));
            heap_fail_after(f.heap, -1);
            if (random_u64() % 2000 == 0) {
                check(&f);
            }
        }
        cr_assert_gt(refused, 0);
        check(&f);
        take_all_out(&f);
        fixture_unmake(&f);
    }
}

Test(expiry, frees_itself_in_steps_without_reading_entries)
{
    for (unsigned count = 0; count < 30000; count = count * 5 + 1) {
        struct fixture f = fixture_make(count + 1);
        for (unsigned i = 0; i < count; i++) {
            cr_assert(put_in(&f, &f.slots[i], expiry_random(i)));
        }
        memset(f.slots, 0xff, f.count * sizeof *f.slots);
        bool is_gone = false;
        while (!is_gone) {
            const uint64_t before = f.index.bytes;
            size_t limit = 3;
            is_gone = expiry_free_step(&f.index, &limit);
            cr_assert(is_gone || limit == 0);
            cr_assert_leq(before - f.index.bytes, 3 * 1024);
        }
        fixture_unmake(&f);
    }
}

/* --- the reference of the 4-byte expiries --- */

Test(expiry, moves_its_reference_only_where_no_entry_is_misread)
{
    struct fixture f = fixture_make(3);
    const int64_t day_ms = 86400000;
    cr_assert(put_in(&f, &f.slots[0], now_ms + 3 * day_ms));
    cr_assert(put_in(&f, &f.slots[1], now_ms + 12 * day_ms));
    static const int days[] = {1, 9, -5, 14, 20, 40, 200, -300, 30};
    for (unsigned i = 0; i < sizeof days / sizeof days[0]; i++) {
        expiry_note_time(&f.index, now_ms + days[i] * day_ms);
        cr_assert_eq(entry_expiry_near(entry_of(&f.slots[0]), f.index.reference_ms), now_ms + 3 * day_ms);
        cr_assert_eq(entry_expiry_near(entry_of(&f.slots[1]), f.index.reference_ms), now_ms + 12 * day_ms);
    }
    check(&f);
    take_all_out(&f);
    expiry_note_time(&f.index, now_ms - 300 * day_ms);
    cr_assert_eq(f.index.reference_ms, now_ms - 300 * day_ms);
    fixture_unmake(&f);
}
