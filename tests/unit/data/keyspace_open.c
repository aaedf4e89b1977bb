/* keyspace_open.c - strings changed in place: room, zeros, exact bytes, refused memory.  */
#include "data/keyspace.h"

#include <criterion/criterion.h>

static const int64_t now_ms = INT64_C(1700000000000);

struct fixture {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
};

static void begin(struct fixture *f)
{
    f->heap = heap_create();
    cr_assert(hash_secret_draw(&f->secret));
    keyspace_init(&f->ks, f->heap, &f->secret);
}

static struct key key_of(const struct fixture *f, struct bytes name)
{
    return (struct key){name, hash_bytes(&f->secret, name)};
}

static struct entry *find(struct fixture *f, struct bytes name)
{
    return keyspace_find(&f->ks, key_of(f, name), now_ms);
}

static void check(struct fixture *f)
{
    struct keyspace_tally tally = {0};
    char finding[200];
    cr_assert(keyspace_audit(&f->ks, &tally, finding), "%s", finding);
    cr_assert_eq(tally.entry_bytes, (uint64_t)heap_counters(f->heap)->class_bytes[MEM_STRING]);
}

static void end(struct fixture *f)
{
    check(f);
    keyspace_clear(&f->ks);
    cr_assert_eq(mem_counters_total(heap_counters(f->heap)), 0);
    heap_destroy(f->heap);
}

static void put(struct fixture *f, struct bytes name, struct bytes text)
{
    cr_assert_eq(keyspace_put_string(&f->ks, key_of(f, name), find(f, name), text, EXPIRY_CLEAR, 0), RESULT_OK);
}

static void check_zero(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        cr_assert_eq(data[i], 0);
    }
}

/* What there is before a string is opened, and the room asked for: within its block, beyond it, and from short to long. */
static const struct {
    struct bytes text;
    bool is_new;
    size_t room;
} openings[] = {
    {BYTES(""), true, 1},      {BYTES(""), true, 5000},       {BYTES(""), true, 4000000}, {BYTES("12345"), false, 0},
    {BYTES("12345"), false, 9}, {BYTES("text"), false, 3000000}, {BYTES("text"), false, 700000},
    {BYTES("a text that is too long to be kept as embstr: it stands apart"), false, 10},
    {BYTES("a text that is too long to be kept as embstr: it stands apart"), false, 100000},
};

Test(keyspace_open, gives_room_and_zeros_behind_the_text)
{
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        struct fixture f;
        struct open_string string;
        begin(&f);
        const struct bytes text = openings[i].text;
        if (!openings[i].is_new) {
            put(&f, BYTES("key"), text);
        }
        for (size_t again = 0; again < 3; again++) { /* what was written beyond len is gone */
            const size_t room = openings[i].room * (again + 1);
            cr_assert_eq(keyspace_string_open(&f.ks, key_of(&f, BYTES("key")), find(&f, BYTES("key")), room, &string), RESULT_OK);
            cr_assert_eq(string.len, text.len);
            cr_assert_geq(string.room, room);
            cr_assert(text.len == 0 || memcmp(string.data, text.data, text.len) == 0);
            if (room > text.len) {
                check_zero(string.data + text.len, room - text.len);
                memset(string.data + text.len, 0xff, room - text.len);
            }
            cr_assert_str_eq(entry_encoding_name(find(&f, BYTES("key"))), "raw");
            check(&f);
        }
        keyspace_string_set_len(&string, openings[i].room);
        cr_assert_eq(entry_string_len(find(&f, BYTES("key"))), openings[i].room);
        end(&f);
    }
}

Test(keyspace_open, leaves_all_as_it_was_when_memory_is_refused)
{
    static const size_t rooms[] = {10, 100000, 5000000};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        for (int64_t allowed = 0; allowed < 2; allowed++) {
            struct fixture f;
            struct open_string string;
            begin(&f);
            put(&f, BYTES("key"), BYTES("text"));
            heap_fail_after(f.heap, allowed);
            enum result result = keyspace_string_open(&f.ks, key_of(&f, BYTES("key")), find(&f, BYTES("key")), rooms[i], &string);
            heap_fail_after(f.heap, -1);
            char scratch[STRING_SCRATCH];
            cr_assert(bytes_equal(entry_string(find(&f, BYTES("key")), scratch), BYTES("text")));
            cr_assert_str_eq(entry_encoding_name(find(&f, BYTES("key"))), result == RESULT_OK ? "raw" : "embstr");
            end(&f);
        }
    }
}

Test(keyspace_open, stores_or_discards_a_string_that_was_made_aside)
{
    struct fixture f;
    struct open_string string;
    char scratch[STRING_SCRATCH];
    begin(&f);
    put(&f, BYTES("key"), BYTES("text"));
    struct entry *entry = find(&f, BYTES("key"));
    cr_assert_eq(keyspace_set_expiry(&f.ks, &entry, now_ms + 1000), RESULT_OK);
    cr_assert_eq(keyspace_string_create(&f.ks, 10, &string), RESULT_OK);
    check_zero(string.data, 10);
    memcpy(string.data, "made aside", 10);
    keyspace_string_set_len(&string, 10);
    cr_assert_eq(keyspace_string_store(&f.ks, key_of(&f, BYTES("key")), find(&f, BYTES("key")), &string, EXPIRY_CLEAR, 0), RESULT_OK);
    cr_assert_null(string.raw);
    cr_assert(bytes_equal(entry_string(find(&f, BYTES("key")), scratch), BYTES("made aside")));
    cr_assert_eq(keyspace_expiry_ms(&f.ks, find(&f, BYTES("key"))), KEYSPACE_NO_EXPIRY);
    check(&f);
    cr_assert_eq(keyspace_string_create(&f.ks, 1000, &string), RESULT_OK);
    heap_fail_after(f.heap, 0);
    cr_assert_eq(keyspace_string_store(&f.ks, key_of(&f, BYTES("new")), NULL, &string, EXPIRY_CLEAR, 0), RESULT_NO_MEMORY);
    heap_fail_after(f.heap, -1);
    keyspace_string_discard(&f.ks, &string);
    keyspace_string_discard(&f.ks, &string);
    end(&f);
}
