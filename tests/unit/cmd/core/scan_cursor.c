/* scan_cursor.c - the cursors of SCAN.  */
#include "cmd/core/scan_cursor.h"

#include <criterion/criterion.h>

Test(scan_cursor, cursors_are_read_as_redis_reads_them)
{
    static const struct {
        struct bytes text;
        bool is_cursor;
        uint64_t cursor;
    } rows[] = {
        {BYTES("0"), true, 0},
        {BYTES(""), true, 0},
        {BYTES("17"), true, 17},
        {BYTES("+17"), true, 17},
        {BYTES("-1"), true, UINT64_MAX},
        {BYTES("0017"), true, 17},
        {BYTES("18446744073709551615"), true, UINT64_MAX},
        {BYTES("18446744073709551616"), false, 0},
        {BYTES("-18446744073709551616"), false, 0},
        {BYTES(" 1"), false, 0},
        {BYTES("1 "), false, 0},
        {BYTES("1x"), false, 0},
        {BYTES("x"), false, 0},
        {BYTES("-"), false, 0},
        {BYTES("+-1"), false, 0},
        {BYTES("0x10"), false, 0},
        {BYTES("\0"), true, 0},
        {BYTES("17\0x"), true, 17},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t cursor = 4711;
        cr_expect_eq(scan_cursor_parse(rows[i].text, &cursor), rows[i].is_cursor, "'%s'", rows[i].text.data);
        cr_expect_eq(cursor, rows[i].is_cursor ? rows[i].cursor : 4711, "'%s'", rows[i].text.data);
    }
}

Test(scan_cursor, joined_cursors_keep_shard_and_place_apart)
{
    cr_expect_eq(scan_cursor_join(0, 0), 0);
    cr_expect_eq(scan_cursor_join(0, 5), 5);
    cr_expect_eq(scan_cursor_join(3, 0) >> 48, 3);
    cr_expect_eq(scan_cursor_join(63, (UINT64_C(1) << 48) - 1) >> 48, 63);
}
