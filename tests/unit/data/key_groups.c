/* key_groups.c - each key is in one group, which stays the same while the dictionary grows, splits, shrinks and is emptied.  */
#include "data/key_groups.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMES = 60000 };

static uint64_t random_state = 88172645463325252u;

static size_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % limit);
}

struct fixture {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
    uint8_t is_there[NAMES];
    uint32_t visits[NAMES];
    struct key_groups groups;
    uint64_t group;          /* being visited */
    uint64_t visited, most;  /* keys in all, and in one group */
};

static struct fixture *open(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->heap = heap_create();
    cr_assert(hash_secret_draw(&f->secret));
    keyspace_init(&f->ks, f->heap, &f->secret);
    return f;
}

static void close_all(struct fixture *f)
{
    keyspace_clear(&f->ks);
    cr_assert_eq(mem_counters_total(heap_counters(f->heap)), 0);
    heap_destroy(f->heap);
    free(f);
}

static struct key key_of(const struct fixture *f, unsigned number, char text[16])
{
    const struct bytes name = {text, (size_t)snprintf(text, 16, "%u", number)};
    return (struct key){name, hash_bytes(&f->secret, name)};
}

static void set_there(struct fixture *f, unsigned number, bool is_there)
{
    char text[16];
    const struct key key = key_of(f, number, text);
    struct entry *entry = keyspace_find(&f->ks, key, 0);
    cr_assert_eq(entry != NULL, f->is_there[number] != 0);
    if (is_there) {
        cr_assert_eq(keyspace_put_string(&f->ks, key, entry, BYTES("value"), EXPIRY_CLEAR, 0), RESULT_OK);
    } else if (entry != NULL) {
        keyspace_delete(&f->ks, key, 0);
    }
    f->is_there[number] = is_there;
}

static void note(const struct entry *entry, uint64_t hash, void *arg)
{
    struct fixture *f = arg;
    char text[16];
    const struct bytes name = entry_key(entry);
    memcpy(text, name.data, name.len);
    text[name.len] = 0;
    cr_assert_eq(hash, hash_bytes(&f->secret, name));
    cr_assert_eq(key_groups_of(f->groups, hash), f->group);
    f->visits[strtoul(text, NULL, 10)]++;
    f->visited++;
}

/* All groups together have each key that is there once, and no other. */
static void check_groups(struct fixture *f)
{
    memset(f->visits, 0, sizeof f->visits);
    f->most = 0;
    for (f->group = 0; f->group < key_groups_count(f->groups); f->group++) {
        f->visited = 0;
        key_groups_visit(&f->ks, f->groups, f->group, note, f);
        f->most = f->visited > f->most ? f->visited : f->most;
    }
    for (unsigned i = 0; i < NAMES; i++) {
        cr_assert_eq(f->visits[i], f->is_there[i], "key %u: %u visits", i, f->visits[i]);
    }
}

Test(key_groups, have_each_key_once_and_few_of_them)
{
    enum { GROUP_KEYS = 16 };
    struct fixture *f = open();
    unsigned number = 0;
    for (unsigned count = 1; count < NAMES; count *= 3) {
        while (number < count) {
            set_there(f, number++, true);
        }
        f->groups = key_groups_choose(&f->ks);
        cr_assert_leq(count, GROUP_KEYS * key_groups_count(f->groups), "%u keys", count);
        cr_assert(count < 3000 || key_groups_count(f->groups) <= count / 4, "%u keys in %lu groups", count, key_groups_count(f->groups));
        check_groups(f);
        cr_assert_leq(f->most, 6 * GROUP_KEYS, "%u keys", count);
    }
    close_all(f);
}

/* Chosen once, as for a snapshot, from few keys or many. */
Test(key_groups, stay_while_keys_come_and_go)
{
    static const unsigned first_counts[] = {1, 500, 20000};
    for (size_t row = 0; row < sizeof first_counts / sizeof first_counts[0]; row++) {
        struct fixture *f = open();
        for (unsigned i = 0; i < first_counts[row]; i++) {
            set_there(f, (unsigned)random_below(NAMES), true);
        }
        f->groups = key_groups_choose(&f->ks);
        for (unsigned phase = 0; phase < 4; phase++) { /* many come, many go, twice */
            for (unsigned i = 0; i < 40000; i++) {
                set_there(f, (unsigned)random_below(NAMES), random_below(10) < (phase % 2 == 0 ? 9u : 1u));
            }
            check_groups(f);
        }
        close_all(f);
    }
}
