/* key_top.c - the list of the biggest keys against a scan of all of them, through inserts, growth, deletes and swaps.  */
#include "data/key_top.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t now_ms = INT64_C(1700000000000);
enum { DATABASES = 3, NAMES = 3000 };

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
    struct keyspace databases[DATABASES];
    struct key_top *top;
};

static void open(struct fixture *f)
{
    f->heap = heap_create();
    cr_assert(hash_secret_draw(&f->secret));
    for (unsigned i = 0; i < DATABASES; i++) {
        keyspace_init(&f->databases[i], f->heap, &f->secret);
    }
    f->top = key_top_create(f->heap, f->databases, DATABASES);
    cr_assert_not_null(f->top);
}

static void close_all(struct fixture *f)
{
    for (unsigned i = 0; i < DATABASES; i++) {
        keyspace_clear(&f->databases[i]);
    }
    key_top_destroy(f->top);
    cr_assert_eq(mem_counters_total(heap_counters(f->heap)), 0);
    heap_destroy(f->heap);
}

static struct key key_of(const struct fixture *f, unsigned number, char text[16])
{
    const struct bytes name = {text, (size_t)snprintf(text, 16, "key:%u", number)};
    return (struct key){name, hash_bytes(&f->secret, name)};
}

static void put(struct fixture *f, unsigned db, unsigned number, size_t len)
{
    static char value[20000];
    char text[16];
    const struct key key = key_of(f, number, text);
    struct keyspace *ks = &f->databases[db];
    memset(value, 'v', len);
    struct entry *entry = keyspace_find(ks, key, now_ms);
    cr_assert_eq(keyspace_put_string(ks, key, entry, (struct bytes){value, len}, EXPIRY_CLEAR, 0), RESULT_OK);
}

static void append(struct fixture *f, unsigned db, unsigned number, size_t len)
{
    static char value[20000];
    char text[16];
    const struct key key = key_of(f, number, text);
    struct keyspace *ks = &f->databases[db];
    struct entry *entry = keyspace_find(ks, key, now_ms);
    size_t new_len;
    if (entry != NULL) {
        cr_assert_eq(keyspace_string_append(ks, key, entry, (struct bytes){value, len}, &new_len), RESULT_OK);
    }
}

/* All sizes, the biggest first. */
static uint64_t sizes[DATABASES * NAMES];
static size_t size_count;

static void collect(struct entry *entry, void *arg)
{
    (void)arg;
    sizes[size_count++] = entry_memory_bytes(entry);
}

static int bigger_first(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Returns how many fills it took. */
static unsigned check(struct fixture *f, uint32_t limit)
{
    struct key_top_item items[KEY_TOP_COUNT_MAX];
    uint32_t count;
    unsigned fills = 0;
    while (!key_top_read(f->top, VALUE_STRING, now_ms, limit, items, &count)) {
        fills++;
        cr_assert_leq(fills, 2);
        while (!key_top_fill_step(f->top, 10)) {
        }
    }
    size_count = 0;
    for (unsigned i = 0; i < DATABASES; i++) {
        uint64_t cursor = 0;
        do {
            keyspace_scan(&f->databases[i], &cursor, 100, now_ms, collect, NULL);
        } while (cursor != 0);
    }
    qsort(sizes, size_count, sizeof sizes[0], bigger_first);
    cr_assert_eq(count, size_count < limit ? size_count : limit);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(items[i].bytes, sizes[i], "place %u of %u", i, count);
        const struct entry *entry = key_top_find(f->top, items[i].hash, items[i].db, now_ms);
        cr_assert_not_null(entry);
        cr_assert_eq(entry_memory_bytes(entry), items[i].bytes);
    }
    return fills;
}

static void swap(struct fixture *f, unsigned a, unsigned b)
{
    const struct keyspace keep = f->databases[a];
    f->databases[a] = f->databases[b];
    f->databases[b] = keep;
    key_top_swapped(f->top, a, b);
}

Test(key_top, agrees_with_a_scan_through_random_changes)
{
    struct fixture f;
    open(&f);
    for (unsigned step = 0; step < 60000; step++) {
        const unsigned db = (unsigned)random_below(DATABASES), number = (unsigned)random_below(NAMES);
        const unsigned what = (unsigned)random_below(10);
        const bool is_shrinking = step / 15000 % 2 == 1;
        char text[16];
        if (what < (is_shrinking ? 2u : 6u)) {
            put(&f, db, number, random_below(random_below(100) == 0 ? 20000 : 300));
        } else if (what == 6) {
            append(&f, db, number, random_below(2000));
        } else {
            keyspace_delete(&f.databases[db], key_of(&f, number, text), now_ms);
        }
        if (step % 997 == 0) {
            check(&f, 1 + (uint32_t)random_below(KEY_TOP_COUNT_MAX));
        }
        if (step % 5003 == 0) {
            swap(&f, db, (db + 1) % DATABASES);
        }
        if (random_below(50) == 0) {
            key_top_tend(f.top, now_ms);
            (void)!key_top_fill_step(f.top, 30);
        }
    }
    check(&f, KEY_TOP_COUNT_MAX);
    close_all(&f);
}

Test(key_top, needs_no_walk_while_keys_only_come_and_grow)
{
    struct fixture f;
    open(&f);
    for (unsigned i = 0; i < NAMES; i++) {
        put(&f, 0, i, i * 5); /* each the biggest so far */
    }
    cr_assert_eq(check(&f, KEY_TOP_COUNT_MAX), 0);
    for (unsigned i = 0; i < NAMES; i++) {
        append(&f, 0, i, random_below(15000));
    }
    cr_assert_eq(check(&f, KEY_TOP_COUNT_MAX), 0);
    cr_assert_eq(f.top->fills, 0);
    close_all(&f);
}

Test(key_top, is_content_with_keys_of_one_size)
{
    struct fixture f;
    open(&f);
    for (unsigned i = 0; i < NAMES; i++) {
        put(&f, 1, i, 30);
    }
    for (unsigned i = 0; i < 100; i++) {
        key_top_tend(f.top, now_ms);
    }
    cr_assert_eq(check(&f, KEY_TOP_COUNT_MAX), 0);
    cr_assert_eq(f.top->fills, 0);
    close_all(&f);
}

Test(key_top, tending_begins_a_walk_when_the_biggest_are_gone)
{
    struct fixture f;
    open(&f);
    for (unsigned i = 0; i < NAMES; i++) {
        put(&f, 0, i, 10 + i * 5);
    }
    for (unsigned i = NAMES / 2; i < NAMES; i++) {
        char text[16];
        cr_assert(keyspace_delete(&f.databases[0], key_of(&f, i, text), now_ms));
    }
    for (unsigned i = 0; i < VALUE_TYPE_COUNT; i++) {
        key_top_tend(f.top, now_ms);
    }
    cr_assert_eq(f.top->fills, 1);
    while (!key_top_fill_step(f.top, 10)) {
    }
    cr_assert_eq(check(&f, KEY_TOP_COUNT_MAX), 0);
    close_all(&f);
}
