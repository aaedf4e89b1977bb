/* rdb_file.c - files made by hand, item by item; every opcode and type, whole, cut off at each byte, and in ranges.  */
#include "persist/rdb_file.h"

#include "mem/heap.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADER(version) "REDIS" version
#define NO_CRC "\0\0\0\0\0\0\0\0"
#define END "\xff" NO_CRC

/* A scan of a copy that ends where its memory ends, so that a sanitizer sees what reaches beyond. */
struct walked {
    struct rdb_scan scan;
    char *copy;
};

static bool begin(struct walked *walked, struct bytes file)
{
    walked->copy = malloc(file.len == 0 ? 1 : file.len);
    memcpy(walked->copy, file.data, file.len);
    return rdb_scan_begin(&walked->scan, (struct bytes){walked->copy, file.len});
}

static void end(struct walked *walked)
{
    rdb_scan_release(&walked->scan);
    free(walked->copy);
}

/* The one item of a file with an end mark. */
static struct rdb_item only_item(struct walked *walked, struct bytes file)
{
    struct rdb_item item, last;
    cr_assert(begin(walked, file), "%s", walked->scan.fault.sentence);
    cr_assert_eq(rdb_scan_next(&walked->scan, &item), RDB_SCAN_ITEM, "%s", walked->scan.fault.sentence);
    cr_assert_eq(item.at, RDB_FILE_HEADER);
    cr_assert_eq(item.end, file.len - sizeof END + 1);
    struct walked *rest = &(struct walked){0};
    rest->scan = walked->scan;
    rest->scan.rooms[0] = rest->scan.rooms[1] = BUFFER_EMPTY(MEM_CLIENT); /* what the item lends stays */
    cr_assert_eq(rdb_scan_next(&rest->scan, &last), RDB_SCAN_ITEM, "%s", rest->scan.fault.sentence);
    cr_assert_eq(last.kind, RDB_ITEM_END);
    cr_assert_eq(last.at, item.end);
    cr_assert_eq(rdb_scan_next(&rest->scan, &last), RDB_SCAN_OVER);
    cr_assert_eq(rdb_scan_next(&rest->scan, &last), RDB_SCAN_OVER);
    return item;
}

#define FILE_OF(item) BYTES(HEADER("0012") item END)

static void assert_text(struct bytes text, const char *expected)
{
    cr_assert(bytes_equal(text, bytes_of_string(expected)), "\"%.*s\" is not \"%s\"", (int)text.len, text.data, expected);
}

/* --- the header --- */

static const struct {
    struct bytes file;
    uint64_t at;
    const char *sentence; /* NULL: it is fine */
} headers[] = {
    {BYTES("REDIS0001" END), 0, NULL},
    {BYTES("REDIS0012" END), 0, NULL},
    {BYTES(""), 0, "the file is empty"},
    {BYTES("RED"), 3, "the file is cut off in its header"},
    {BYTES("REDIS001"), 8, "the file is cut off in its header"},
    {BYTES("*2\r\n$6\r\nSELECT\r\n"), 0, "this is no RDB file of Redis: it does not begin with REDIS"},
    {BYTES("redis0010" END), 0, "this is no RDB file of Redis: it does not begin with REDIS"},
    {BYTES("REDIS00x1" END), 5, "this is no RDB file of Redis: four digits were expected here"},
    {BYTES("REDIS0000" END), 5, "RDB version 0 is not supported: versions 1 to 12 are"},
    {BYTES("REDIS0013" END), 5, "RDB version 13 is not supported: versions 1 to 12 are"},
};

Test(rdb_file, looks_at_the_header)
{
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct walked walked;
        const bool is_fine = begin(&walked, headers[i].file);
        cr_assert_eq(is_fine, headers[i].sentence == NULL, "row %zu: %s", i, walked.scan.fault.sentence);
        if (!is_fine) {
            struct rdb_item item;
            cr_assert_str_eq(walked.scan.fault.sentence, headers[i].sentence);
            cr_assert_eq(walked.scan.fault.at, headers[i].at, "row %zu", i);
            cr_assert_eq(rdb_scan_next(&walked.scan, &item), RDB_SCAN_BAD);
        }
        end(&walked);
    }
}

/* --- opcodes --- */

Test(rdb_file, gives_aux_fields_as_text)
{
    static const struct {
        struct bytes file;
        const char *name, *value;
    } rows[] = {
        {FILE_OF("\xfa\x09redis-ver\x06" "7.0.15"), "redis-ver", "7.0.15"},
        {FILE_OF("\xfa\x0aredis-bits\xc0\x40"), "redis-bits", "64"},
        {FILE_OF("\xfa\x01" "a\xc1\xff\xff"), "a", "-1"},
        {FILE_OF("\xfa\x05" "ctime\xc2\x87\xd6\x12\x65"), "ctime", "1695733383"},
        {FILE_OF("\xfa\xc0\x07\x00"), "7", ""},
        {FILE_OF("\xfa\x01n\x40\x02hi"), "n", "hi"},
        {FILE_OF("\xfa\x01n\x80\0\0\0\x02hi"), "n", "hi"},
        {FILE_OF("\xfa\x01n\x81\0\0\0\0\0\0\0\x02hi"), "n", "hi"},
        {FILE_OF("\xfa\x01n\xc3\x05\x0a\x00z\xe0\x00\x00"), "n", "zzzzzzzzzz"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct walked walked;
        const struct rdb_item item = only_item(&walked, rows[i].file);
        cr_assert_eq(item.kind, RDB_ITEM_AUX);
        assert_text(item.aux.name, rows[i].name);
        assert_text(item.aux.value, rows[i].value);
        end(&walked);
    }
}

Test(rdb_file, gives_databases_and_their_sizes)
{
    struct walked walked;
    struct rdb_item item = only_item(&walked, FILE_OF("\xfe\x0f"));
    cr_assert_eq(item.kind, RDB_ITEM_SELECT_DB);
    cr_assert_eq(item.database, 15);
    end(&walked);

    item = only_item(&walked, FILE_OF("\xfb\x41\x00\x05"));
    cr_assert_eq(item.kind, RDB_ITEM_RESIZE_DB);
    cr_assert_eq(item.counts.keys, 256);
    cr_assert_eq(item.counts.expiring, 5);
    end(&walked);

    item = only_item(&walked, FILE_OF("\xf4\x7f\xff\x81\0\0\0\x01\0\0\0\0\x03"));
    cr_assert_eq(item.kind, RDB_ITEM_SLOT_INFO);
    cr_assert_eq(item.counts.slot, 16383);
    cr_assert_eq(item.counts.keys, UINT64_C(1) << 32);
    cr_assert_eq(item.counts.expiring, 3);
    end(&walked);
}

Test(rdb_file, gives_the_code_of_libraries)
{
    struct walked walked;
    const struct rdb_item item = only_item(&walked, FILE_OF("\xf5\x10#!lua name=mylib"));
    cr_assert_eq(item.kind, RDB_ITEM_FUNCTION);
    assert_text(item.code, "#!lua name=mylib");
    end(&walked);
}

/* "test-type", version 3. */
#define MODULE_ID "\x81\xb5\xeb\x2d\xfa\xdc\xa9\x78\x03"

Test(rdb_file, takes_module_ids_apart)
{
    /* Nine letters of six bits, and ten bits for the version. */
    const struct rdb_module first = rdb_module_of_id(0);
    cr_assert_str_eq(first.name, "AAAAAAAAA");
    cr_assert_eq(first.version, 0);
    const struct rdb_module last = rdb_module_of_id(UINT64_MAX);
    cr_assert_str_eq(last.name, "_________");
    cr_assert_eq(last.version, 1023);
    const uint64_t letters[] = {'A' - 'A', 'B' - 'A', 26, 51, 52, 61, 62, 63, 5};
    uint64_t id = 0;
    for (size_t i = 0; i < 9; i++) {
        id = id << 6 | letters[i];
    }
    const struct rdb_module module = rdb_module_of_id(id << 10 | 7);
    cr_assert_str_eq(module.name, "ABaz09-_F");
    cr_assert_eq(module.version, 7);
}

Test(rdb_file, passes_over_what_modules_left_beside_keys)
{
    struct walked walked;
    const struct rdb_item item = only_item(
        &walked, FILE_OF("\xf7" MODULE_ID "\x02\x02\x01\x01\x04\x00\x00\x80\x3f\x05\x02xy\x01\x07\x03" "abcd\x00"));
    cr_assert_eq(item.kind, RDB_ITEM_MODULE_AUX);
    cr_assert_str_eq(item.module_aux.module.name, "test-type");
    cr_assert_eq(item.module_aux.module.version, 3);
    cr_assert_eq(item.module_aux.value.len, 21);
    end(&walked);
}

Test(rdb_file, gives_a_key_with_all_that_stands_before_it)
{
    struct walked walked;
    struct rdb_item item =
        only_item(&walked, FILE_OF("\xfc\x10\x27\0\0\0\0\0\0\xf8\x41\x00\xf9\xff\x00\x03key\x05value"));
    cr_assert_eq(item.kind, RDB_ITEM_KEY);
    cr_assert_eq(item.key.type, RDB_STRING);
    assert_text(item.key.name, "key");
    assert_text(item.key.value, "\x05value");
    cr_assert(item.key.has_expiry && item.key.has_idle && item.key.has_frequency);
    cr_assert_eq(item.key.expiry_ms, 10000);
    cr_assert_eq(item.key.idle_s, 256);
    cr_assert_eq(item.key.frequency, 255);
    end(&walked);

    item = only_item(&walked, FILE_OF("\xfd\xff\xff\xff\x7f\x00\xc0\x07\x00"));
    assert_text(item.key.name, "7");
    cr_assert_eq(item.key.value.len, 1);
    cr_assert(item.key.has_expiry && !item.key.has_idle && !item.key.has_frequency);
    cr_assert_eq(item.key.expiry_ms, INT64_C(2147483647000));
    end(&walked);

    item = only_item(&walked, FILE_OF("\xfd\xfe\xff\xff\xff\x00\x00\x00"));
    cr_assert(item.key.has_expiry);
    cr_assert_eq(item.key.expiry_ms, -2000);
    cr_assert_eq(item.key.name.len, 0);
    end(&walked);

    item = only_item(&walked, FILE_OF("\xfc\xff\xff\xff\xff\xff\xff\xff\xff\x00\x01k\x00"));
    cr_assert(!item.key.has_expiry, "-1 is no expiry to Redis");
    end(&walked);
}

/* --- types: a value of each that is as long as its parts say --- */

#define ID "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"
#define WORD "\1\2\3\4\5\6\7\x8"

static const struct value_row {
    uint8_t type;
    const char *name;
    struct bytes value;
} values[] = {
    {RDB_STRING, "string", BYTES("\x01" "a")},
    {RDB_STRING, "string", BYTES("\xc2\xff\xff\xff\xff")},
    {RDB_LIST, "list", BYTES("\x02\x01" "a\xc0\x05")},
    {RDB_LIST, "list", BYTES("\x00")},
    {RDB_SET, "set", BYTES("\x01\x01" "a")},
    {RDB_ZSET_TEXT, "zset", BYTES("\x04\x01" "a\x03" "1.5\x01" "b\xfd\x01" "c\xfe\x01" "d\xff")},
    {RDB_HASH, "hash", BYTES("\x02\x01" "a\x01" "b\x01" "c\x01" "d")},
    {RDB_ZSET, "zset", BYTES("\x01\x01" "a" WORD)},
    {RDB_MODULE, "module", BYTES(MODULE_ID "\x00")},
    {RDB_MODULE, "module", BYTES(MODULE_ID "\x01\x05\x02\x41\x00\x03" "abcd" "\x04" WORD "\x05\x02hi\x00")},
    {RDB_HASH_ZIPMAP, "hash", BYTES("\x02zz")},
    {RDB_LIST_ZIPLIST, "list", BYTES("\x02zz")},
    {RDB_SET_INTSET, "set", BYTES("\x02zz")},
    {RDB_ZSET_ZIPLIST, "zset", BYTES("\x02zz")},
    {RDB_HASH_ZIPLIST, "hash", BYTES("\x02zz")},
    {RDB_LIST_QUICKLIST, "list", BYTES("\x02\x02zz\x01z")},
    {RDB_STREAM, "stream", BYTES("\x01\x10" ID "\x03lll" "\x01\x01\x02" "\x01" "\x01g\x01\x02" "\x01" ID WORD "\x01"
                                 "\x01" "\x01" "c" WORD "\x01" ID)},
    {RDB_HASH_LISTPACK, "hash", BYTES("\x02zz")},
    {RDB_ZSET_LISTPACK, "zset", BYTES("\x02zz")},
    {RDB_LIST_QUICKLIST_2, "list", BYTES("\x02\x01\x02zz\x02\x01z")},
    {RDB_STREAM_2, "stream", BYTES("\x00" "\x00\x01\x02\x03\x04\x05\x06\x07" "\x02" "\x01g\x01\x02\x03" "\x00"
                                   "\x01" "\x01" "c" WORD "\x00" "\x01h\x01\x02\x03" "\x00" "\x00")},
    {RDB_SET_LISTPACK, "set", BYTES("\x02zz")},
    {RDB_STREAM_3, "stream", BYTES("\x00" "\x00\x01\x02\x03\x04\x05\x06\x07" "\x01" "\x01g\x01\x02\x03" "\x02" ID WORD "\x01"
                                   ID WORD "\x02" "\x01" "\x01" "c" WORD WORD "\x02" ID ID)},
    {RDB_HASH_EXPIRING_OLD, "hash", BYTES("\x02\x00\x01" "a\x01" "b\x41\x00\x01" "c\x01" "d")},
    {RDB_HASH_EXPIRING_LISTPACK_OLD, "hash", BYTES("\x02zz")},
    {RDB_HASH_EXPIRING, "hash", BYTES(WORD "\x02\x00\x01" "a\x01" "b\x41\x00\x01" "c\x01" "d")},
    {RDB_HASH_EXPIRING_LISTPACK, "hash", BYTES(WORD "\x02zz")},
};

static size_t make_file(char *room, const struct value_row *row)
{
    size_t len = RDB_FILE_HEADER;
    memcpy(room, HEADER("0012"), len);
    room[len++] = (char)row->type;
    room[len++] = 1;
    room[len++] = 'k';
    memcpy(room + len, row->value.data, row->value.len);
    len += row->value.len;
    memcpy(room + len, END, sizeof END - 1);
    return len + sizeof END - 1;
}

Test(rdb_file, passes_over_values_of_each_type)
{
    bool has_row[256] = {false};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char room[512];
        struct walked walked;
        const struct rdb_item item = only_item(&walked, (struct bytes){room, make_file(room, &values[i])});
        cr_assert_eq(item.kind, RDB_ITEM_KEY);
        cr_assert_eq(item.key.type, values[i].type);
        cr_assert(bytes_equal(item.key.value, values[i].value), "row %zu", i);
        cr_assert_str_eq(rdb_type_name(values[i].type), values[i].name);
        cr_assert_str_eq(item.key.module.name, values[i].type == RDB_MODULE ? "test-type" : "");
        has_row[values[i].type] = true;
        end(&walked);
    }
    for (unsigned type = 0; type < 256; type++) {
        const bool is_refused = type == RDB_MODULE_OLD;
        cr_assert_eq(has_row[type], rdb_type_name((uint8_t)type) != NULL && !is_refused, "type %u", type);
    }
}

/* Scans until the end, which comes. */
static enum rdb_scan_status scan_all(struct rdb_scan *scan)
{
    struct rdb_item item;
    enum rdb_scan_status status;
    uint64_t before = scan->at;
    while ((status = rdb_scan_next(scan, &item)) == RDB_SCAN_ITEM) {
        cr_assert_gt(item.end, before);
        cr_assert_leq(item.end, scan->to);
        before = item.end;
    }
    return status;
}

Test(rdb_file, refuses_files_that_are_cut_off_at_any_byte)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char room[512];
        const size_t len = make_file(room, &values[i]);
        for (size_t cut = 0; cut < len; cut++) {
            struct walked walked;
            if (begin(&walked, (struct bytes){room, cut})) {
                cr_assert_eq(scan_all(&walked.scan), RDB_SCAN_BAD, "row %zu, %zu bytes", i, cut);
            }
            cr_assert_neq(walked.scan.fault.sentence[0], 0);
            cr_assert_leq(walked.scan.fault.at, cut);
            end(&walked);
        }
    }
}

/* --- what is refused --- */

static const struct {
    struct bytes file;
    uint64_t at;
    const char *sentence;
} faults[] = {
    {BYTES("REDIS0012"), 9, "the file is cut off: its end mark is missing"},
    {BYTES("REDIS0012\xff" "1234567"), 10, "the file is cut off in its checksum"},
    {FILE_OF("\xf3\x01"), 9, "byte 243 begins neither a key nor any other item that is known here"},
    {FILE_OF("\x08\x01k"), 9, "byte 8 begins neither a key nor any other item that is known here"},
    {FILE_OF("\x1a\x01k"), 9, "byte 26 begins neither a key nor any other item that is known here"},
    {FILE_OF("\xf6\x01k"), 9,
     "here is a function as release candidates of Redis 7.0 wrote it (opcode 246), which is not supported"},
    {FILE_OF("\x06\x01k"), 9,
     "here is a module's value as release candidates of Redis 4.0 wrote it (type 6), which is not supported"},
    {FILE_OF("\xfd\1\0\0\0\xfe\0"), 14, "a key was expected here, since its expiry, idle time or frequency stands before"},
    {FILE_OF("\xf8\xc0"), 9, "the file is cut off, or damaged: an idle time was expected here"},
    {BYTES("REDIS0012\xf9"), 9, "the file is cut off, or damaged: a frequency was expected here"},
    {BYTES("REDIS0012\xfc\1\2\3"), 9, "the file is cut off, or damaged: an expiry in milliseconds was expected here"},
    {BYTES("REDIS0012\xf9\1"), 11, "the file is cut off: a key was expected here"},
    {FILE_OF("\xfe\xc0\0"), 10, "the number of a database is damaged or cut off: a length was expected here"},
    {FILE_OF("\xfa\x01n\xc4"), 12, "an AUX field is damaged or cut off: a string was expected here"},
    {FILE_OF("\xfa\x01n\x81\x7f\xff\xff\xff\xff\xff\xff\xff"), 12,
     "an AUX field is damaged or cut off: a string was expected here"},
    {FILE_OF("\xf5\xc3\x03\x0a\x05zz"), 10, "a library of functions is damaged: its packed bytes do not unpack"},
    {FILE_OF("\x01\x02k\n\x02\x01" "a\xc5"), 16,
     "the value of key \"k?\" (list, type 1) is damaged or cut off: a string was expected here"},
    {FILE_OF("\x05\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01m" WORD), 31,
     "the value of key \"k\" (zset, type 5) is damaged or cut off: a string was expected here"},
    {FILE_OF("\x07\x01k" MODULE_ID "\x09"), 21,
     "the value of key \"k\" (module, type 7) is damaged or cut off: a part of a module's value was expected here"},
    {FILE_OF("\xf7" MODULE_ID "\x06"), 19,
     "data of module test-type is damaged or cut off: a part of a module's value was expected here"},
};

Test(rdb_file, says_in_a_sentence_what_is_wrong_and_where)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct walked walked;
        struct rdb_item item;
        cr_assert(begin(&walked, faults[i].file));
        cr_assert_eq(scan_all(&walked.scan), RDB_SCAN_BAD, "row %zu", i);
        cr_assert_str_eq(walked.scan.fault.sentence, faults[i].sentence);
        cr_expect_eq(walked.scan.fault.at, faults[i].at, "row %zu: %zu", i, (size_t)walked.scan.fault.at);
        cr_assert_eq(rdb_scan_next(&walked.scan, &item), RDB_SCAN_BAD, "it stays so");
        end(&walked);
    }
}

Test(rdb_file, allocates_nothing_for_a_length_that_is_only_claimed)
{
    /* 600 MiB out of 7 MiB of packed bytes: they could become so many, but names have a limit. */
    const size_t packed = 7 << 20;
    struct buffer file = BUFFER_EMPTY(MEM_CLIENT);
    cr_assert(buffer_append(&file, BYTES(HEADER("0012") "\x00\xc3\x80\x00\x70\x00\x00\x80\x25\x80\x00\x00")));
    cr_assert(buffer_reserve(&file, packed));
    memset(file.data + file.len, 0, packed);
    file.len += packed;
    cr_assert(buffer_append(&file, BYTES("\x00" END)));
    struct rdb_scan scan;
    struct rdb_item item;
    cr_assert(rdb_scan_begin(&scan, buffer_bytes(&file)));
    cr_assert_eq(rdb_scan_next(&scan, &item), RDB_SCAN_BAD);
    cr_assert_str_eq(scan.fault.sentence, "a key's name would have 629145600 bytes when unpacked: 536870912 are the limit");
    cr_assert_eq(scan.rooms[0].capacity, 0);
    rdb_scan_release(&scan);
    buffer_release(&file);
}

#if defined(TESSERA_DEBUG_ASSERT)
Test(rdb_file, says_that_memory_was_refused)
{
    static const struct bytes files[] = { /* 100 letters, packed: for fewer a buffer asks twice */
        FILE_OF("\xfa\x01n\xc3\x05\x40\x64\x00z\xe0\x5a\x00"),
        FILE_OF("\xf5\xc3\x05\x40\x64\x00z\xe0\x5a\x00"),
        FILE_OF("\x00\xc3\x05\x40\x64\x00z\xe0\x5a\x00\x00"),
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct walked walked;
        struct rdb_item item;
        cr_assert(begin(&walked, files[i]));
        thread_heap_refuse_after(0);
        const enum rdb_scan_status status = rdb_scan_next(&walked.scan, &item);
        thread_heap_refuse_after(-1);
        cr_assert_eq(status, RDB_SCAN_NO_MEMORY, "row %zu", i);
        cr_assert_eq(rdb_scan_next(&walked.scan, &item), RDB_SCAN_NO_MEMORY, "it stays so");
        end(&walked);
    }
}
#endif

/* --- the end --- */

Test(rdb_file, knows_which_files_have_a_checksum)
{
    static const struct {
        struct bytes file;
        bool has_crc;
        uint64_t crc, end;
    } rows[] = {
        {BYTES("REDIS0004\xff"), false, 0, 10},
        {BYTES("REDIS0004\xff" "trailing"), false, 0, 10},
        {BYTES("REDIS0005\xff" NO_CRC), false, 0, 18},
        {BYTES("REDIS0005\xff\1\0\0\0\0\0\0\x80" "more"), true, UINT64_C(0x8000000000000001), 18},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct walked walked;
        struct rdb_item item;
        cr_assert(begin(&walked, rows[i].file));
        cr_assert_eq(rdb_scan_next(&walked.scan, &item), RDB_SCAN_ITEM);
        cr_assert_eq(item.kind, RDB_ITEM_END);
        cr_assert_eq(item.last.has_crc, rows[i].has_crc, "row %zu", i);
        cr_assert_eq(item.last.crc, rows[i].crc);
        cr_assert_eq(item.last.summed, 10);
        cr_assert_eq(item.end, rows[i].end);
        cr_assert_eq(rdb_scan_next(&walked.scan, &item), RDB_SCAN_OVER);
        end(&walked);
    }
}

/* --- ranges --- */

#define CHUNK_1 "\xfe\x00\x00\x01" "a\x01x\x00\x01" "b\x01y"
#define CHUNK_2 "\xfe\x03\x00\x01" "c\x01z"

Test(rdb_file, scans_ranges_of_a_file)
{
    static const char file[] = HEADER("0010") CHUNK_1 CHUNK_2 END;
    const struct bytes bytes = {file, sizeof file - 1};
    const uint64_t cuts[] = {RDB_FILE_HEADER, RDB_FILE_HEADER + sizeof CHUNK_1 - 1, bytes.len};
    static const char *const names[] = {"a", "b", "c"};
    const size_t counts[] = {3, 3};
    size_t seen = 0;
    for (size_t i = 0; i < 2; i++) {
        struct rdb_scan scan;
        struct rdb_item item;
        size_t count = 0;
        cr_assert(rdb_scan_begin_range(&scan, bytes, cuts[i], cuts[i + 1]));
        while (rdb_scan_next(&scan, &item) == RDB_SCAN_ITEM) {
            cr_assert_eq(count == 0, item.kind == RDB_ITEM_SELECT_DB);
            if (item.kind == RDB_ITEM_KEY) {
                assert_text(item.key.name, names[seen++]);
            }
            count++;
        }
        cr_assert_str_eq(scan.fault.sentence, "");
        cr_assert_eq(count, counts[i]);
        rdb_scan_release(&scan);
    }
    cr_assert_eq(seen, 3);
}

Test(rdb_file, refuses_ranges_that_cut_items_or_reach_outside)
{
    static const char file[] = HEADER("0010") CHUNK_1 CHUNK_2 END;
    const struct bytes bytes = {file, sizeof file - 1};
    const uint64_t outside[][2] = {{0, 9}, {8, 20}, {20, 19}, {9, bytes.len + 1}, {UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        struct rdb_scan scan;
        cr_assert(!rdb_scan_begin_range(&scan, bytes, outside[i][0], outside[i][1]));
        cr_assert_eq(scan.fault.at, outside[i][0]);
        rdb_scan_release(&scan);
    }
    struct rdb_scan scan;
    cr_assert(rdb_scan_begin_range(&scan, bytes, RDB_FILE_HEADER, RDB_FILE_HEADER + sizeof CHUNK_1 - 2));
    cr_assert_eq(scan_all(&scan), RDB_SCAN_BAD);
    rdb_scan_release(&scan);
    cr_assert(rdb_scan_begin_range(&scan, bytes, bytes.len, bytes.len));
    cr_assert_eq(scan_all(&scan), RDB_SCAN_BAD, "the last range has the end mark");
    rdb_scan_release(&scan);
    cr_assert(rdb_scan_begin_range(&scan, bytes, 12, 12));
    cr_assert_eq(scan_all(&scan), RDB_SCAN_OVER, "an empty range");
    rdb_scan_release(&scan);
}
