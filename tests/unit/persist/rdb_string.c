/* rdb_string.c - lengths and strings: there and back, and what is cut off or claims too much.  */
#include "persist/rdb_string.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct buffer empty_buffer(void)
{
    return BUFFER_EMPTY(MEM_CLIENT);
}

Test(rdb_string, lengths_come_back)
{
    static const struct {
        uint64_t length;
        size_t bytes;
    } rows[] = {
        {0, 1}, {63, 1}, {64, 2}, {16383, 2}, {16384, 5}, {UINT32_MAX, 5}, {UINT64_C(1) << 32, 9}, {UINT64_MAX, 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer out = empty_buffer();
        cr_assert(rdb_write_length(&out, rows[i].length));
        cr_assert_eq(out.len, rows[i].bytes);
        struct rdb_input input = {buffer_bytes(&out), 0};
        uint64_t length;
        cr_assert(rdb_read_length(&input, &length));
        cr_assert_eq(length, rows[i].length);
        cr_assert_eq(rdb_left(&input), 0);
        for (size_t cut = 0; cut < out.len; cut++) {
            struct rdb_input part = {{out.data, cut}, 0};
            cr_assert_not(rdb_read_length(&part, &length));
        }
        buffer_release(&out);
    }
}

Test(rdb_string, texts_have_redis_forms)
{
    static const struct {
        struct bytes text, written;
    } rows[] = {
        {BYTES(""), BYTES("\x00")},
        {BYTES("a"), BYTES("\x01" "a")},
        {BYTES("0"), BYTES("\xc0\x00")},
        {BYTES("-128"), BYTES("\xc0\x80")},
        {BYTES("128"), BYTES("\xc1\x80\x00")},
        {BYTES("32768"), BYTES("\xc2\x00\x80\x00\x00")},
        {BYTES("-2147483648"), BYTES("\xc2\x00\x00\x00\x80")},
        {BYTES("2147483648"), BYTES("\x0a" "2147483648")},
        {BYTES("01"), BYTES("\x02" "01")},
        {BYTES("aaaaaaaaaaaaaaaaaaaa"), BYTES("\x14" "aaaaaaaaaaaaaaaaaaaa")},
        {BYTES("aaaaaaaaaaaaaaaaaaaaa"), BYTES("\xc3\x06\x15\x01" "aa\xe0\x0a\x00")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer out = empty_buffer(), room = empty_buffer();
        cr_assert(rdb_write_text(&out, rows[i].text, RDB_PACKED));
        cr_assert(bytes_equal(buffer_bytes(&out), rows[i].written), "row %zu", i);
        struct rdb_input input = {buffer_bytes(&out), 0};
        struct rdb_text text;
        cr_assert(rdb_read_text(&input, &text));
        cr_assert_eq(rdb_text_len(&text), rows[i].text.len);
        cr_assert_eq(rdb_text_unpack(&text, &room), RESULT_OK);
        char scratch[ITEM_SCRATCH];
        struct item item = text.bytes.data != NULL ? item_of_text(text.bytes) : item_of_integer(text.integer);
        cr_assert(bytes_equal(item_text(&item, scratch), rows[i].text), "row %zu", i);
        buffer_release(&out);
        buffer_release(&room);
    }
}

Test(rdb_string, refuses_what_is_cut_off_or_claims_too_much)
{
    static const struct bytes rows[] = {
        BYTES(""), BYTES("\x01"), BYTES("\x40"), BYTES("\x80\x00\x00\x00"), BYTES("\x81\x00"), BYTES("\x82\x00\x00\x00\x00"),
        BYTES("\xc0"), BYTES("\xc1\x00"), BYTES("\xc2\x00\x00\x00"), BYTES("\xc4"), BYTES("\xff"),
        BYTES("\xc3\x02\x80\x7f\xff\xff\xff" "ab"), /* two bytes that should become 2 GiB */
        BYTES("\xc3\x09\x15\x01" "aa"), BYTES("\xc3\x00\x00"), BYTES("\xc3\xc0\x01\x01" "a"),
        BYTES("\x81\xff\xff\xff\xff\xff\xff\xff\xff" "a"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rdb_input input = {rows[i], 0};
        struct rdb_text text;
        cr_assert_not(rdb_read_text(&input, &text), "row %zu", i);
    }
}

Test(rdb_string, random_texts_come_back)
{
    srand(17);
    struct buffer out = empty_buffer(), room = empty_buffer();
    char text[600];
    for (unsigned round = 0; round < 5000; round++) {
        size_t len = (size_t)rand() % sizeof text;
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)('a' + rand() % (1 + (int)(round % 26)));
        }
        out.len = 0;
        cr_assert(rdb_write_text(&out, (struct bytes){text, len}, RDB_PACKED));
        cr_assert(out.len <= len + 5);
        struct rdb_input input = {buffer_bytes(&out), 0};
        struct rdb_text back;
        cr_assert(rdb_read_text(&input, &back));
        cr_assert_eq(rdb_left(&input), 0);
        cr_assert_eq(rdb_text_unpack(&back, &room), RESULT_OK);
        cr_assert(bytes_equal(back.bytes, (struct bytes){text, len}), "seed 17, round %u", round);
    }
    buffer_release(&out);
    buffer_release(&room);
}
