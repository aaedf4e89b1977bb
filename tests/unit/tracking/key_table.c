/* The table of tracked keys against a naive model: for each key the set of its trackers, as bits. */
#include "base/number.h"
#include "mem/heap.h"
#include "tracking/key_table.h"
#include "tracking/tracker.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { KEYS = 3000, TRACKERS = 40, STEPS = 200000, FEW = 7 };

static struct tracker trackers[TRACKERS];
static uint64_t model[KEYS]; /* bit t: tracker t */

struct name {
    char text[16];
    struct bytes bytes;
    uint64_t hash;
};

/* Several keys have the same hash. */
static void name_key(uint32_t number, struct name *name)
{
    const int len = snprintf(name->text, sizeof name->text, "key:%u", number);
    name->bytes = (struct bytes){name->text, (size_t)len};
    name->hash = number / 3 * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t count_bits(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        count += (uint32_t)__builtin_popcountll(model[i]);
    }
    return count;
}

static uint32_t count_holds(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < TRACKERS; i++) {
        count += atomic_load(&trackers[i].holds) - 1;
    }
    return count;
}

static uint64_t trackers_of(const struct tracked_key *key)
{
    uint64_t bits = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; key != NULL && i < key->capacity; i++) {
        if (key->trackers[i] != NULL) {
            bits |= UINT64_C(1) << (key->trackers[i] - trackers);
            count++;
        }
    }
    cr_assert(key == NULL || count == key->count);
    return bits;
}

static void add(struct key_table *table, uint32_t number, uint32_t tracker)
{
    struct name name;
    name_key(number, &name);
    const uint64_t bit = UINT64_C(1) << tracker;
    const enum key_table_added expected = model[number] == 0           ? KEY_TABLE_NEW_KEY
                                          : (model[number] & bit) != 0 ? KEY_TABLE_KNOWN
                                                                       : KEY_TABLE_NEW_TRACKER;
    cr_assert_eq(key_table_add(table, name.hash, name.bytes, &trackers[tracker]), expected);
    model[number] |= bit;
}

static void look(const struct key_table *table, uint32_t number)
{
    struct name name;
    name_key(number, &name);
    const struct tracked_key *key = key_table_find(table, name.hash, name.bytes);
    cr_assert_eq(trackers_of(key), model[number]);
    cr_assert(key == NULL || bytes_equal(tracked_key_name(key), name.bytes));
}

static void forget(struct key_table *table, uint32_t number)
{
    struct name name;
    name_key(number, &name);
    struct tracked_key *key = key_table_find(table, name.hash, name.bytes);
    if (key != NULL) {
        key_table_remove(table, key);
    }
    model[number] = 0;
}

static void pick(struct key_table *table, const struct tracked_key *not_this)
{
    struct tracked_key *key = key_table_pick(table, (uint64_t)rand(), not_this);
    cr_assert_eq(key == NULL, table->count == 0);
    cr_assert(key != not_this || table->count <= 1);
    if (key != NULL) {
        const struct bytes name = tracked_key_name(key);
        int64_t number;
        cr_assert(int64_parse((struct bytes){name.data + 4, name.len - 4}, &number));
        key_table_remove(table, key);
        model[number] = 0;
    }
}

Test(key_table, says_who_tracks_what_after_random_steps)
{
    const unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
    for (uint32_t i = 0; i < TRACKERS; i++) {
        atomic_store(&trackers[i].holds, 1);
    }
    const int64_t bytes_before = thread_heaps_bytes();
    struct key_table table = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        const uint32_t keys = step / 20000 % 2 == 0 ? KEYS : FEW; /* it grows and shrinks */
        const uint32_t number = (uint32_t)rand() % keys;
        const uint32_t what = (uint32_t)rand() % 8;
        if (what < 4) {
            add(&table, number, (uint32_t)rand() % (what < 2 ? TRACKERS : FEW));
        } else if (what < 6) {
            look(&table, number);
        } else if (what < 7) {
            forget(&table, number);
        } else {
            pick(&table, step % 2 == 0 ? NULL : key_table_pick(&table, (uint64_t)rand(), NULL));
        }
        if (step % 1000 == 0) {
            cr_assert(key_table_is_valid(&table));
            cr_assert_eq(count_holds(), count_bits());
        }
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        look(&table, i);
    }
    key_table_clear(&table);
    cr_assert_eq(count_holds(), 0);
    cr_assert_eq(thread_heaps_bytes(), bytes_before);
}

Test(key_table, is_empty_again_when_the_last_key_has_gone)
{
    const int64_t bytes_before = thread_heaps_bytes();
    struct key_table table = {0};
    for (uint32_t i = 0; i < TRACKERS; i++) {
        atomic_store(&trackers[i].holds, 1);
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        add(&table, i, i % TRACKERS);
    }
    cr_assert(key_table_is_valid(&table));
    for (uint32_t i = 0; i < KEYS; i++) {
        forget(&table, i);
        cr_assert(i % 100 != 0 || key_table_is_valid(&table));
    }
    cr_assert_eq(table.place_count, 0);
    cr_assert_eq(thread_heaps_bytes(), bytes_before);
}
