/* keyspace_defrag.c - after a random mass delete the walk of defragmentation leaves the same keys in dense pages.  */
#include "data/keyspace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* libc's heap has no pages to make dense: there the walk only must not harm the keys. */
#if defined(TESSERA_LIBC_HEAP)
enum { KEYS = 15000 };
#else
enum { KEYS = 150000 };
#endif
enum { KEPT_OF_TEN = 1, STEP = 64, CYCLES_MAX = 4, TTL_MS = 100000000, LONG_VALUE = 1500 };

static const int64_t now_ms = INT64_C(1700000000000);

struct fixture {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
    char name[32];
};

static struct key key_of(struct fixture *f, unsigned number)
{
    const int len = snprintf(f->name, sizeof f->name, "key:%08u", number);
    const struct bytes name = {f->name, (size_t)len};
    return (struct key){name, hash_bytes(&f->secret, name)};
}

static bool is_long(unsigned number)
{
    return number % 40 == 0;
}

static bool is_expiring(unsigned number)
{
    return number % 3 == 0;
}

static struct bytes value_of(unsigned number, char text[LONG_VALUE])
{
    const size_t len = is_long(number) ? LONG_VALUE : 10 + number % 60;
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + (number + i) % 26);
    }
    return (struct bytes){text, len};
}

static void fill(struct fixture *f)
{
    char text[LONG_VALUE];
    for (unsigned i = 0; i < KEYS; i++) {
        const enum expiry_mode mode = is_expiring(i) ? EXPIRY_SET : EXPIRY_CLEAR;
        cr_assert_eq(keyspace_put_string(&f->ks, key_of(f, i), NULL, value_of(i, text), mode, now_ms + TTL_MS + i), RESULT_OK);
    }
}

static void check(struct fixture *f, const bool *is_there)
{
    char text[LONG_VALUE];
    for (unsigned i = 0; i < KEYS; i++) {
        const struct entry *entry = keyspace_find(&f->ks, key_of(f, i), now_ms);
        char scratch[STRING_SCRATCH];
        cr_assert_eq(entry != NULL, is_there[i]);
        if (entry != NULL) {
            cr_assert(bytes_equal(entry_string(entry, scratch), value_of(i, text)));
            cr_assert_eq(keyspace_expiry_ms(&f->ks, entry), is_expiring(i) ? now_ms + TTL_MS + i : KEYSPACE_NO_EXPIRY);
        }
    }
    struct keyspace_tally seen = {0};
    char finding[200];
    cr_assert(keyspace_audit(&f->ks, &seen, finding), "%s", finding);
}

/* One cycle; keys go between its steps. False: there was nothing to do. */
static bool run_cycle(struct fixture *f, bool *is_there)
{
    struct keyspace_defrag state = {0};
    if (heap_defrag_begin(f->heap, 80) == 0) {
        return false;
    }
    unsigned steps = 0;
    while (!keyspace_defrag_step(&f->ks, &state, STEP)) {
        const unsigned victim = (unsigned)rand() % KEYS;
        if (steps++ % 16 == 0 && is_there[victim]) {
            cr_assert(keyspace_delete(&f->ks, key_of(f, victim), now_ms));
            is_there[victim] = false;
        }
    }
    heap_defrag_end(f->heap);
    return true;
}

Test(keyspace_defrag, leaves_the_same_keys_in_dense_pages)
{
    struct fixture f = {.heap = heap_create()};
    bool *is_there = calloc(KEYS, sizeof *is_there);
    cr_assert(hash_secret_draw(&f.secret));
    keyspace_init(&f.ks, f.heap, &f.secret);
    srand(11);
    fill(&f);
    for (unsigned i = 0; i < KEYS; i++) {
        is_there[i] = rand() % 10 < KEPT_OF_TEN;
        cr_assert(is_there[i] || keyspace_delete(&f.ks, key_of(&f, i), now_ms));
    }
    unsigned cycles = 0;
    while (cycles < CYCLES_MAX && run_cycle(&f, is_there)) {
        cycles++;
        check(&f, is_there);
    }
    heap_collect(f.heap);
    check(&f, is_there);
    struct heap_walk walk;
    if (heap_walk(f.heap, &walk)) {
        printf("%u cycles: used %llu, committed %llu\n", cycles, (unsigned long long)walk.used_bytes,
               (unsigned long long)walk.committed_bytes);
        cr_assert_geq(cycles, 1u);
        cr_assert_lt((double)walk.committed_bytes, 1.2 * (double)walk.used_bytes);
    }
    keyspace_clear(&f.ks);
    cr_assert_eq(mem_counters_total(heap_counters(f.heap)), 0);
    heap_destroy(f.heap);
    free(is_there);
}
