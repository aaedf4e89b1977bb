/* rdb_read.c - values as they stand in files: the type apart, no footer, all bytes used; types of Redis 7.2 to 8.0; one reader
 * for many.  */
#include "persist/rdb_value.h"

#include "data/hash_value.h"
#include "data/keyspace.h"
#include "data/set.h"
#include "encoding/stream_group.h"
#include "mem/heap.h"
#include "persist/rdb_format.h"

#include <criterion/criterion.h>

static const struct hash_secret secret;
static const struct encoding_limits limits = {128, 64, 512, 128, 64, -2, 0, 4096, 100, false};

static int64_t heap_bytes(const struct heap *heap)
{
    return mem_counters_total(heap_counters(heap));
}

/* From a copy without a byte behind it. */
static enum rdb_status read_value(struct rdb_reader *reader, uint8_t type, struct bytes value, size_t items)
{
    char *copy = malloc(value.len == 0 ? 1 : value.len);
    memcpy(copy, value.data, value.len);
    enum rdb_status status;
    rdb_reader_begin(reader, type);
    do {
        status = rdb_reader_step_value(reader, (struct bytes){copy, value.len}, items);
    } while (status == RDB_MORE);
    free(copy);
    return status;
}

static struct rdb_reader *create_reader(struct heap *heap)
{
    struct rdb_reader *reader = rdb_reader_create(heap, &secret, &limits);
    cr_assert_not_null(reader);
    return reader;
}

#define WORD "\x00\x01\x02\x03\x04\x05\x00\x00"
#define FAR "\xff\xff\xff\xff\xff\x3f\x00\x00"
#define ID "\0\0\0\0\0\0\x03\xe8\0\0\0\0\0\0\0\0"
/* Entries 1000-0 and 1000-2, each a field and a value; 1000-1 is deleted. */
#define NODE "\x10" ID "33\x00\x00\x00\x14\x00\x02\x01\x01\x01\x01\x01\x81" "f\x02\x00\x01" \
    "\x02\x01\x00\x01\x00\x01\x81" "a\x02\x04\x01" "\x03\x01\x01\x01\x00\x01\x81" "b\x02\x04\x01" \
    "\x02\x01\x02\x01\x00\x01\x81" "c\x02\x04\x01\xff"
#define COUNTERS "\x02" "\x43\xea\x00" "\x43\xe8\x00" "\x43\xe9\x00" "\x03"

static const struct row {
    uint8_t type;
    struct bytes value;
    uint64_t count; /* of items; 0: it is refused */
    enum rdb_refusal refusal;
} rows[] = {
    {RDB_SET_LISTPACK, BYTES("\x0c\x0c\x00\x00\x00\x02\x00\x81" "a\x02\x07\x01\xff"), 2, 0},
    {RDB_SET_LISTPACK, BYTES("\x0a\x0a\x00\x00\x00\x02\x00\x07\x01\x08\x01\xff"), 0, RDB_REFUSAL_DAMAGED}, /* a wrong length */
    {RDB_SET_LISTPACK, BYTES("\x0b\x0b\x00\x00\x00\x02\x00\x07\x01\x08\x01\xff"), 2, 0},
    {RDB_SET_LISTPACK, BYTES("\x0b\x0b\x00\x00\x00\x02\x00\x07\x01\x07\x01\xff"), 0, RDB_REFUSAL_DAMAGED}, /* a member twice */
    {RDB_SET_LISTPACK, BYTES("\x07\x07\x00\x00\x00\x00\x00\xff"), 0, RDB_REFUSAL_EMPTY},
    {RDB_SET_LISTPACK, BYTES("\x07\x07\x00\x00\x00\x00\x00"), 0, RDB_REFUSAL_DAMAGED},
    {RDB_HASH_EXPIRING, BYTES(WORD "\x02\x00\x01" "a\x01" "b\x00\x01" "c\xc0\x07"), 2, 0},
    {RDB_HASH_EXPIRING, BYTES(WORD "\x02\x00\x01" "a\x01" "b\x01\x01" "c\xc0\x07"), 2, 0},
    {RDB_HASH_EXPIRING, BYTES(FAR "\x02\x00\x01" "a\x01" "b\x02\x01" "c\xc0\x07"), 0, RDB_REFUSAL_DAMAGED}, /* beyond the last time */
    {RDB_HASH_EXPIRING, BYTES(WORD "\x02\x00\x01" "a\x01" "b\x00\x01" "a\xc0\x07"), 0, RDB_REFUSAL_DAMAGED},
    {RDB_HASH_EXPIRING, BYTES(WORD "\x00"), 0, RDB_REFUSAL_EMPTY},
    {RDB_HASH_EXPIRING, BYTES("\x00\x01"), 0, RDB_REFUSAL_DAMAGED},
    {RDB_HASH_EXPIRING_LISTPACK, BYTES(WORD "\x10\x10\x00\x00\x00\x03\x00\x81" "a\x02\x81" "b\x02\x00\x01\x00\x01\xff"), 0,
     RDB_REFUSAL_DAMAGED}, /* a fourth item */
    {RDB_HASH_EXPIRING_LISTPACK, BYTES(WORD "\x0f\x0f\x00\x00\x00\x03\x00\x81" "a\x02\x81" "b\x02\x00\x01\xff"), 1, 0},
    {RDB_HASH_EXPIRING_LISTPACK, BYTES(WORD "\x0f\x0f\x00\x00\x00\x03\x00\x81" "a\x02\x81" "b\x02\x09\x01\xff"), 1, 0},
    {RDB_HASH_EXPIRING_LISTPACK, BYTES(WORD "\x10\x10\x00\x00\x00\x03\x00\x81" "a\x02\x81" "b\x02\x81" "x\x02\xff"), 0,
     RDB_REFUSAL_DAMAGED}, /* an expiry that is no number */
    {RDB_HASH_EXPIRING_LISTPACK, BYTES(WORD "\x0d\x0d\x00\x00\x00\x02\x00\x81" "a\x02\x81" "b\x02\xff"), 0, RDB_REFUSAL_DAMAGED},
    {RDB_HASH_EXPIRING_LISTPACK, BYTES(WORD "\x07\x07\x00\x00\x00\x00\x00\xff"), 0, RDB_REFUSAL_EMPTY},
    {RDB_STREAM_3, BYTES("\x01" NODE COUNTERS "\x01" "\x01g\x43\xea\x00\x03" "\x01" ID WORD "\x02"
                         "\x01" "\x01" "c" WORD WORD "\x01" ID), 2, 0},
    {RDB_STREAM_2, BYTES("\x01" NODE COUNTERS "\x01" "\x01g\x43\xea\x00\x03" "\x01" ID WORD "\x02"
                         "\x01" "\x01" "c" WORD "\x01" ID), 2, 0},
    {RDB_STREAM_3, BYTES("\x01" NODE COUNTERS "\x01" "\x01g\x43\xea\x00\x03" "\x01" ID WORD "\x02"
                         "\x01" "\x01" "c" WORD "\x01" ID), 0, RDB_REFUSAL_DAMAGED}, /* a time is missing */
    {RDB_LIST, BYTES("\x00"), 0, RDB_REFUSAL_EMPTY},
    {RDB_LIST_QUICKLIST_2, BYTES("\x01\x02\x07\x07\x00\x00\x00\x00\x00\xff"), 0, RDB_REFUSAL_EMPTY},
    {RDB_MODULE, BYTES("\x00\x00"), 0, RDB_REFUSAL_MODULE},
    {RDB_MODULE_OLD, BYTES("\x00"), 0, RDB_REFUSAL_MODULE},
    {RDB_HASH_EXPIRING_OLD, BYTES("\x02\x00\x01" "a\x01" "b\x09\x01" "c\x01" "d"), 2, 0},
    {RDB_HASH_EXPIRING_OLD, BYTES("\x01\x81\x00\x00\x40\x00\x00\x00\x00\x00\x01" "a\x01" "b"), 0, RDB_REFUSAL_DAMAGED},
    {RDB_HASH_EXPIRING_LISTPACK_OLD, BYTES("\x0f\x0f\x00\x00\x00\x03\x00\x81" "a\x02\x81" "b\x02\x09\x01\xff"), 1, 0},
    {8, BYTES("\x00"), 0, RDB_REFUSAL_TYPE},
    {255, BYTES("\x00"), 0, RDB_REFUSAL_TYPE},
};

static uint64_t count_items(const struct entry *entry)
{
    struct hash_walk hash;
    struct set_walk set;
    struct item item, text;
    uint64_t count = 0;
    switch (entry_type(entry)) {
    case VALUE_SET:
        for (set_walk_begin(&set, entry); set_walk_next(&set, &item);) {
            count++;
        }
        return count;
    case VALUE_HASH:
        for (hash_walk_begin(&hash, entry); hash_walk_next(&hash, &item, &text);) {
            count++;
        }
        return count;
    default:
        return ((const struct stream *)entry_collection(entry))->length;
    }
}

Test(rdb_read, takes_types_of_later_versions_or_says_why_not)
{
    struct heap *heap = heap_create();
    struct rdb_reader *reader = create_reader(heap);
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i / 2];
        const enum rdb_status status = read_value(reader, row->type, row->value, i % 2 == 0 ? 1 : SIZE_MAX);
        cr_assert_eq(status, row->count > 0 ? RDB_DONE : RDB_BAD, "row %zu", i / 2);
        if (status == RDB_DONE) {
            cr_assert_eq(count_items(rdb_reader_value(reader)->entry), row->count, "row %zu", i / 2);
        } else {
            cr_assert_eq(rdb_reader_refusal(reader), row->refusal, "row %zu", i / 2);
        }
    }
    rdb_reader_destroy(reader);
    cr_assert_eq(heap_bytes(heap), 0);
    heap_destroy(heap);
}

Test(rdb_read, uses_all_bytes_of_a_value_and_no_more)
{
    struct heap *heap = heap_create();
    struct rdb_reader *reader = create_reader(heap);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[256] = {0};
        memcpy(room, rows[i].value.data, rows[i].value.len);
        for (size_t len = 0; len <= rows[i].value.len + 1; len++) {
            const bool is_whole = rows[i].count > 0 && len == rows[i].value.len;
            const enum rdb_status status = read_value(reader, rows[i].type, (struct bytes){room, len}, SIZE_MAX);
            cr_assert_eq(status, is_whole ? RDB_DONE : RDB_BAD, "row %zu, %zu bytes", i, len);
        }
    }
    rdb_reader_destroy(reader);
    cr_assert_eq(heap_bytes(heap), 0);
    heap_destroy(heap);
}

Test(rdb_read, strings_are_lent_from_the_file_or_the_reader)
{
    static const struct {
        struct bytes value;
        const char *text;
    } strings[] = {
        {BYTES("\x02hi"), "hi"},
        {BYTES("\x00"), ""},
        {BYTES("\xc1\x00\x80"), "-32768"},
        {BYTES("\xc3\x05\x0a\x00z\xe0\x00\x00"), "zzzzzzzzzz"},
    };
    struct heap *heap = heap_create();
    struct rdb_reader *reader = create_reader(heap);
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        struct bytes text;
        rdb_reader_begin(reader, RDB_STRING);
        enum rdb_status status;
        do {
            status = rdb_reader_step_value(reader, strings[i].value, 1);
        } while (status == RDB_MORE);
        cr_assert_eq(status, RDB_DONE, "row %zu", i);
        cr_assert(rdb_reader_string(reader, strings[i].value, &text));
        cr_assert(bytes_equal(text, bytes_of_string(strings[i].text)), "row %zu", i);
    }
    rdb_reader_destroy(reader);
    heap_destroy(heap);
}

Test(rdb_read, one_reader_fills_a_keyspace)
{
    struct heap *heap = heap_create();
    struct keyspace ks;
    keyspace_init(&ks, heap, &secret);
    struct rdb_reader *reader = create_reader(heap);
    const struct bytes names[] = {BYTES("a"), BYTES("b"), BYTES("c")};
    for (size_t i = 0; i < 3; i++) {
        const struct key key = {names[i], hash_bytes(&secret, names[i])};
        cr_assert_eq(read_value(reader, RDB_SET, BYTES("\x02\x01" "x\x01" "y"), SIZE_MAX), RDB_DONE);
        cr_assert_eq(value_store(rdb_reader_value(reader), &ks, key, NULL), RESULT_OK);
        cr_assert_eq(read_value(reader, RDB_SET, BYTES("\x02\x01" "x\x01" "x"), SIZE_MAX), RDB_BAD, "between them one is refused");
    }
    rdb_reader_destroy(reader);
    for (size_t i = 0; i < 3; i++) {
        const struct key key = {names[i], hash_bytes(&secret, names[i])};
        const struct entry *entry = keyspace_find(&ks, key, 0);
        cr_assert(entry != NULL && count_items(entry) == 2);
    }
    keyspace_clear(&ks);
    cr_assert_eq(heap_bytes(heap), 0);
    heap_destroy(heap);
}

Test(rdb_read, refusals_have_a_text)
{
    for (enum rdb_refusal refusal = RDB_REFUSAL_DAMAGED; refusal <= RDB_REFUSAL_TYPE; refusal++) {
        cr_assert_not_null(rdb_refusal_text(refusal));
    }
    cr_assert_str_eq(rdb_refusal_text(RDB_REFUSAL_EMPTY), "the collection is empty");
}
