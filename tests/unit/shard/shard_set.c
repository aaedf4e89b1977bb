/* shard_set.c - sets of shards against an array of bools.  */
#include "shard/shard_set.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(shard_set, knows_the_first_so_many)
{
    static const uint32_t counts[] = {0, 1, 2, 63, 64, 65, 127, 128, 129, 192, 255, 256};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const struct shard_set set = shard_set_of_first(counts[i]);
        for (uint32_t shard = 0; shard < SHARD_COUNT_MAX; shard++) {
            cr_assert_eq(shard_set_has(&set, shard), shard < counts[i], "shard %u of the first %u", shard, counts[i]);
        }
        cr_assert_eq(shard_set_is_empty(&set), counts[i] == 0);
    }
}

/* The walk gives exactly the members, in ascending order. */
static void check_walk(const struct shard_set *set, const bool model[SHARD_COUNT_MAX])
{
    uint32_t at = shard_set_next(set, 0);
    bool is_empty = true;
    for (uint32_t shard = 0; shard < SHARD_COUNT_MAX; shard++) {
        cr_assert_eq(shard_set_has(set, shard), model[shard]);
        if (model[shard]) {
            cr_assert_eq(at, shard);
            at = shard_set_next(set, at + 1);
            is_empty = false;
        }
    }
    cr_assert_eq(at, SHARD_NONE);
    cr_assert_eq(shard_set_is_empty(set), is_empty);
}

Test(shard_set, agrees_with_an_array_of_bools)
{
    enum { SEED = 20261201, SETS = 300, CHANGES = 60 };
    unsigned seed = SEED;
    for (int i = 0; i < SETS; i++) {
        struct shard_set set = {0};
        bool model[SHARD_COUNT_MAX] = {false};
        for (int change = 0; change < CHANGES; change++) {
            const uint32_t shard = (uint32_t)rand_r(&seed) % SHARD_COUNT_MAX;
            model[shard] = rand_r(&seed) % 3 != 0;
            if (model[shard]) {
                shard_set_add(&set, shard);
            } else {
                shard_set_remove(&set, shard);
            }
        }
        check_walk(&set, model);
    }
}
