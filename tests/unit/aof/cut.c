/* cut.c - the largest consistent cut, against a fixpoint over everything.  */
#include "aof/cut.h"

#include "base/random.h"
#include "mem/heap.h"

#include <criterion/criterion.h>

enum { SHARDS = 4, UNITS = 60 };

struct unit {
    struct aof_participant list[SHARDS];
    uint32_t count;
};

/* Lowers shards until nothing changes. */
static void naive_cut(const struct unit *units, uint32_t count, const uint64_t *durable, uint64_t *cut)
{
    memcpy(cut, durable, SHARDS * sizeof *cut);
    for (bool is_changed = true; is_changed;) {
        is_changed = false;
        for (uint32_t i = 0; i < count; i++) {
            bool is_broken = false;
            for (uint32_t k = 0; k < units[i].count; k++) {
                is_broken = is_broken || units[i].list[k].sequence > cut[units[i].list[k].shard];
            }
            for (uint32_t k = 0; k < units[i].count && is_broken; k++) {
                const struct aof_participant *part = &units[i].list[k];
                if (part->sequence <= cut[part->shard]) {
                    cut[part->shard] = part->sequence - 1;
                    is_changed = true;
                }
            }
        }
    }
}

static bool make_unit(uint64_t *random, const uint64_t *open, struct unit *out)
{
    out->count = 0;
    for (uint32_t i = 0; i < SHARDS; i++) {
        if (random_below(random, 2) == 0) {
            out->list[out->count] = (struct aof_participant){i, open[i]};
            out->count++;
        }
    }
    return out->count > 1;
}

Test(cut, is_the_one_that_a_fixpoint_over_all_units_finds)
{
    for (uint64_t seed = 1; seed <= 400; seed++) {
        uint64_t random = seed;
        uint64_t open[SHARDS] = {1, 1, 1, 1};
        uint64_t durable[SHARDS] = {0};
        uint64_t expected[SHARDS];
        struct unit units[UNITS];
        uint32_t count = 0;
        uint32_t moved[SHARDS];
        struct aof_cut *cut = aof_cut_create(SHARDS);
        while (count < UNITS) {
            const uint32_t shard = (uint32_t)random_below(&random, SHARDS);
            const uint64_t kind = random_below(&random, 3);
            if (kind == 0 && make_unit(&random, open, &units[count])) {
                cr_assert(aof_cut_add_unit(cut, units[count].list, units[count].count));
                count++;
            } else if (kind == 1) {
                open[shard]++;
            } else if (durable[shard] + 1 < open[shard]) {
                durable[shard] += 1 + random_below(&random, open[shard] - durable[shard] - 1);
                aof_cut_durable(cut, shard, durable[shard], moved);
            }
            naive_cut(units, count, durable, expected);
            for (uint32_t i = 0; i < SHARDS; i++) {
                cr_assert_eq(aof_cut_committed(cut, i), expected[i], "seed %lu", (unsigned long)seed);
            }
        }
        aof_cut_destroy(cut);
    }
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(cut, waits_for_what_the_participants_of_a_unit_wait_for)
{
    uint32_t moved[3];
    struct aof_cut *cut = aof_cut_create(3);
    const struct aof_participant first[] = {{0, 1}, {1, 1}};
    const struct aof_participant second[] = {{1, 1}, {2, 1}};
    cr_assert(aof_cut_add_unit(cut, first, 2));
    cr_assert(aof_cut_add_unit(cut, second, 2));
    cr_assert_eq(aof_cut_durable(cut, 0, 1, moved), 0);
    cr_assert_eq(aof_cut_durable(cut, 1, 1, moved), 0); /* shard 2 has not got the second unit */
    cr_assert_eq(aof_cut_waiting(cut, 1), 2);
    cr_assert_eq(aof_cut_durable(cut, 2, 1, moved), 3);
    cr_assert_eq(aof_cut_waiting(cut, 1), 0);
    cr_assert_eq(aof_cut_durable(cut, 2, 7, moved), 1);
    cr_assert_eq(moved[0], 2);
    cr_assert_eq(aof_cut_committed(cut, 2), 7);
    aof_cut_destroy(cut);
}

Test(cut, begins_where_recovery_knows_it_to_be)
{
    uint32_t moved[2];
    struct aof_cut *cut = aof_cut_create(2);
    aof_cut_start(cut, 0, 5);
    aof_cut_start(cut, 1, 2);
    const struct aof_participant old[] = {{0, 5}, {1, 3}}; /* shard 0 has forgotten it */
    const struct aof_participant lost[] = {{0, 9}, {1, 6}};
    cr_assert(aof_cut_add_entry(cut, 1, old, 2));
    cr_assert(aof_cut_add_entry(cut, 1, lost, 2));
    aof_cut_durable(cut, 0, 8, moved);
    aof_cut_durable(cut, 1, 7, moved);
    cr_assert_eq(aof_cut_committed(cut, 0), 8);
    cr_assert_eq(aof_cut_committed(cut, 1), 5);
    aof_cut_destroy(cut);
}

#if defined(TESSERA_DEBUG_ASSERT)
Test(cut, that_gets_no_memory_is_as_before)
{
    const struct aof_participant list[] = {{0, 1}, {1, 1}};
    for (int64_t i = 0;; i++) {
        uint32_t moved[2];
        thread_heap_refuse_after(i);
        struct aof_cut *cut = aof_cut_create(2);
        const bool is_added = cut != NULL && aof_cut_add_unit(cut, list, 2);
        thread_heap_refuse_after(-1);
        if (cut != NULL && !is_added) {
            cr_assert_eq(aof_cut_waiting(cut, 0) + aof_cut_waiting(cut, 1), 0);
            cr_assert_eq(aof_cut_durable(cut, 0, 1, moved), 1);
        }
        aof_cut_destroy(cut);
        cr_assert_eq(thread_heaps_bytes(), 0);
        if (is_added) {
            cr_assert_geq(i, 4);
            break;
        }
    }
}
#endif
