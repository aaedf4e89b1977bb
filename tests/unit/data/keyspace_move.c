/* keyspace_move_from and keyspace_put_text: values that change hands, and integers kept as text.  */
#include "data/keyspace.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const int64_t now_ms = INT64_C(1700000000000);

/* Two keyspaces of one heap (two databases of a shard), and one of another heap (another shard). */
struct fixture {
    struct hash_secret secret;
    struct heap *heap, *other_heap;
    struct keyspace here, there, elsewhere;
};

static void fixture_make(struct fixture *f)
{
    cr_assert(hash_secret_draw(&f->secret));
    f->heap = heap_create();
    f->other_heap = heap_create();
    cr_assert(f->heap != NULL && f->other_heap != NULL);
    keyspace_init(&f->here, f->heap, &f->secret);
    keyspace_init(&f->there, f->heap, &f->secret);
    keyspace_init(&f->elsewhere, f->other_heap, &f->secret);
}

static void check_bytes(const struct fixture *f)
{
    const int64_t *ours = heap_counters(f->heap)->class_bytes;
    const int64_t *others = heap_counters(f->other_heap)->class_bytes;
    cr_assert_eq(ours[MEM_STRING], (int64_t)(f->here.entry_bytes + f->there.entry_bytes));
    cr_assert_eq(others[MEM_STRING], (int64_t)f->elsewhere.entry_bytes);
}

static void fixture_unmake(struct fixture *f)
{
    check_bytes(f);
    keyspace_clear(&f->here);
    keyspace_clear(&f->there);
    keyspace_clear(&f->elsewhere);
    cr_assert_eq(mem_counters_total(heap_counters(f->heap)), 0);
    cr_assert_eq(mem_counters_total(heap_counters(f->other_heap)), 0);
    heap_destroy(f->heap);
    heap_destroy(f->other_heap);
}

static struct key key_of(const struct fixture *f, const char *name)
{
    struct bytes text = bytes_of_string(name);
    return (struct key){text, hash_bytes(&f->secret, text)};
}

static void put(struct fixture *f, struct keyspace *ks, const char *name, struct bytes value, int64_t expiry_ms)
{
    struct key key = key_of(f, name);
    struct entry *existing = keyspace_find(ks, key, now_ms);
    cr_assert_eq(keyspace_put_string(ks, key, existing, value, expiry_ms < 0 ? EXPIRY_CLEAR : EXPIRY_SET, expiry_ms), RESULT_OK);
}

static void expect(struct fixture *f, struct keyspace *ks, const char *name, struct bytes value, int64_t expiry_ms)
{
    char scratch[STRING_SCRATCH];
    struct entry *entry = keyspace_find(ks, key_of(f, name), now_ms);
    cr_assert_not_null(entry);
    cr_assert(bytes_equal(entry_string(entry, scratch), value));
    cr_assert_eq(keyspace_expiry_ms(ks, entry), expiry_ms);
}

enum { LONG = 100000 };
static char long_text[LONG];

static struct bytes value_of(int kind)
{
    switch (kind) {
    case 0:
        return BYTES("12345");
    case 1:
        return BYTES("short");
    default:
        memset(long_text, 'x', LONG);
        return (struct bytes){long_text, LONG};
    }
}

Test(keyspace_move, carries_value_and_expiry_over_anything_anywhere)
{
    struct fixture f;
    fixture_make(&f);
    struct keyspace *targets[] = {&f.here, &f.there, &f.elsewhere};
    for (int target = 0; target < 3; target++) {
        for (int kind = 0; kind < 3; kind++) {
            for (int replaced = -1; replaced < 3; replaced++) {
                int64_t expiry_ms = kind == 1 ? KEYSPACE_NO_EXPIRY : now_ms + 5000;
                put(&f, &f.here, "from", value_of(kind), expiry_ms);
                if (replaced >= 0) {
                    put(&f, targets[target], "to", value_of(replaced), now_ms + 77);
                }
                cr_assert_eq(keyspace_move_from(targets[target], key_of(&f, "to"), &f.here, key_of(&f, "from"), now_ms),
                             RESULT_OK);
                cr_assert_null(keyspace_find(&f.here, key_of(&f, "from"), now_ms));
                expect(&f, targets[target], "to", value_of(kind), expiry_ms);
                check_bytes(&f);
                cr_assert(keyspace_delete(targets[target], key_of(&f, "to"), now_ms));
            }
        }
    }
    cr_assert_eq(f.here.key_count + f.there.key_count + f.elsewhere.key_count, 0);
    fixture_unmake(&f);
}

Test(keyspace_move, to_itself_changes_nothing)
{
    struct fixture f;
    fixture_make(&f);
    put(&f, &f.here, "from", value_of(2), now_ms + 5);
    cr_assert_eq(keyspace_move_from(&f.here, key_of(&f, "from"), &f.here, key_of(&f, "from"), now_ms), RESULT_OK);
    expect(&f, &f.here, "from", value_of(2), now_ms + 5);
    fixture_unmake(&f);
}

/* The expiries of 4 bytes are relative to the reference of the keyspace, which stays when the clock goes back. */
Test(keyspace_move, carries_the_exact_expiry_after_the_clock_was_set_back)
{
    static const int days_back[] = {0, 1, 13, 26, 60, 390, 4000};
    for (unsigned i = 0; i < sizeof days_back / sizeof days_back[0]; i++) {
        const int64_t back_ms = now_ms - days_back[i] * INT64_C(86400000);
        for (int kind = 0; kind < 3; kind++) {
            struct fixture f;
            fixture_make(&f);
            struct keyspace *targets[] = {&f.here, &f.there, &f.elsewhere};
            put(&f, &f.here, "from", value_of(kind), now_ms + 5000);
            for (int target = 0; target < 3; target++) {
                const struct entry *source = keyspace_find(&f.here, key_of(&f, "from"), back_ms);
                cr_assert_eq(keyspace_copy_from(targets[target], key_of(&f, "copy"), &f.here, source, back_ms), RESULT_OK);
                cr_assert_eq(keyspace_move_from(targets[target], key_of(&f, "to"), &f.here, key_of(&f, "from"), back_ms),
                             RESULT_OK);
                expect(&f, targets[target], "copy", value_of(kind), now_ms + 5000);
                expect(&f, targets[target], "to", value_of(kind), now_ms + 5000);
                cr_assert_eq(keyspace_move_from(&f.here, key_of(&f, "from"), targets[target], key_of(&f, "to"), back_ms),
                             RESULT_OK);
            }
            fixture_unmake(&f);
        }
    }
}

Test(keyspace_move, within_a_heap_copies_no_long_value)
{
    struct fixture f;
    fixture_make(&f);
    put(&f, &f.here, "from", value_of(2), KEYSPACE_NO_EXPIRY);
    char scratch[STRING_SCRATCH];
    const char *before = entry_string(keyspace_find(&f.here, key_of(&f, "from"), now_ms), scratch).data;
    cr_assert_eq(keyspace_move_from(&f.there, key_of(&f, "to"), &f.here, key_of(&f, "from"), now_ms), RESULT_OK);
    cr_assert_eq(entry_string(keyspace_find(&f.there, key_of(&f, "to"), now_ms), scratch).data, before);
    fixture_unmake(&f);
}

Test(keyspace_move, changes_nothing_when_memory_is_refused)
{
    struct fixture f;
    fixture_make(&f);
    put(&f, &f.here, "from", value_of(2), now_ms + 5000);
    enum result result = RESULT_NO_MEMORY;
    for (int64_t allocations = 0; result != RESULT_OK; allocations++) {
        cr_assert_lt(allocations, 20);
        heap_fail_after(f.heap, allocations);
        result = keyspace_move_from(&f.there, key_of(&f, "to"), &f.here, key_of(&f, "from"), now_ms);
        heap_fail_after(f.heap, -1);
        if (result != RESULT_OK) {
            expect(&f, &f.here, "from", value_of(2), now_ms + 5000);
            cr_assert_null(keyspace_find(&f.there, key_of(&f, "to"), now_ms));
        }
    }
    expect(&f, &f.there, "to", value_of(2), now_ms + 5000);
    fixture_unmake(&f);
}

Test(keyspace_put_text, keeps_digits_as_text_and_the_expiry)
{
    struct fixture f;
    fixture_make(&f);
    put(&f, &f.here, "n", BYTES("7"), now_ms + 5000);
    struct key key = key_of(&f, "n");
    cr_assert_eq(keyspace_put_text(&f.here, key, keyspace_find(&f.here, key, now_ms), BYTES("8")), RESULT_OK);
    expect(&f, &f.here, "n", BYTES("8"), now_ms + 5000);
    int64_t number;
    cr_assert_not(entry_integer(keyspace_find(&f.here, key, now_ms), &number));
    cr_assert_str_eq(entry_encoding_name(keyspace_find(&f.here, key, now_ms)), "embstr");
    cr_assert_eq(keyspace_put_text(&f.here, key_of(&f, "new"), NULL, value_of(2)), RESULT_OK);
    expect(&f, &f.here, "new", value_of(2), KEYSPACE_NO_EXPIRY);
    fixture_unmake(&f);
}
