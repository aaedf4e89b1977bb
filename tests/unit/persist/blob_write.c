/* blob_write.c - listpacks and intsets as they are written: Redis's bytes, and what blob.h reads of them.  */
#include "persist/blob_write.h"

#include "mem/heap.h"
#include "persist/blob.h"
#include "persist/rdb_string.h"

#include <criterion/criterion.h>

/* Reads the string that was written, whose items must be `integers`, to the last byte. */
static void check_items(enum blob_form form, struct bytes written, const int64_t *integers, size_t count)
{
    struct buffer room = BUFFER_EMPTY(MEM_CLIENT);
    struct rdb_input input = {written, 0};
    struct item blob, item;
    struct blob_cursor cursor;
    cr_assert_eq(rdb_read_item(&input, &room, &blob), RESULT_OK);
    cr_assert_eq(rdb_left(&input), 0);
    const struct bytes bytes = {blob.data, blob.len};
    cr_assert(blob_begin(&cursor, form, bytes));
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(blob_next(&cursor, bytes, &item), BLOB_ITEM);
        cr_assert(item_is_integer(&item));
        cr_assert_eq(item.integer, integers[i]);
    }
    cr_assert_eq(blob_next(&cursor, bytes, &item), BLOB_END);
    buffer_release(&room);
}

Test(blob_write, intsets_are_sorted_and_as_wide_as_the_widest_integer_needs)
{
    static const struct {
        int64_t added[3], sorted[3];
        uint8_t width;
    } rows[] = {
        {{3, -1, 2}, {-1, 2, 3}, 2},
        {{INT16_MAX, 0, INT16_MIN}, {INT16_MIN, 0, INT16_MAX}, 2},
        {{INT16_MAX + 1, 0, 1}, {0, 1, INT16_MAX + 1}, 4},
        {{INT16_MIN - 1, 0, 1}, {INT16_MIN - 1, 0, 1}, 4},
        {{INT32_MAX, 0, INT32_MIN}, {INT32_MIN, 0, INT32_MAX}, 4},
        {{0, INT64_C(1) << 31, 1}, {0, 1, INT64_C(1) << 31}, 8},
        {{INT64_MAX, INT64_MIN, 0}, {INT64_MIN, 0, INT64_MAX}, 8},
    };
    struct blob_writer writer = BLOB_WRITER_EMPTY; /* one for all: it begins anew */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer out = BUFFER_EMPTY(MEM_CLIENT);
        for (size_t k = 0; k < 3; k++) {
            cr_assert(blob_add_integer(&writer, rows[i].added[k]));
        }
        cr_assert(rdb_write_text(&out, blob_end_intset(&writer), RDB_PACKED));
        check_items(BLOB_INTSET, buffer_bytes(&out), rows[i].sorted, 3);
        if (out.data[0] == 8 + 3 * rows[i].width) { /* not packed: length, then the width */
            cr_assert_eq(out.data[1], rows[i].width, "row %zu", i);
        }
        buffer_release(&out);
    }
    blob_writer_release(&writer);
}

Test(blob_write, listpacks_have_redis_bytes)
{
    struct blob_writer writer = BLOB_WRITER_EMPTY;
    for (int round = 0; round < 2; round++) { /* the second begins anew */
        struct buffer out = BUFFER_EMPTY(MEM_CLIENT);
        const struct item text = item_of_text(BYTES("ab"));
        const struct item integer = item_of_integer(5);
        cr_assert(blob_add_item(&writer, &text));
        cr_assert(blob_add_item(&writer, &integer));
        cr_assert(rdb_write_text(&out, blob_end_listpack(&writer), RDB_PACKED));
        const struct bytes expected = BYTES("\x0d" "\x0d\0\0\0" "\x02\0" "\x82" "ab\x03" "\x05\x01" "\xff");
        cr_assert(bytes_equal(buffer_bytes(&out), expected));
        buffer_release(&out);
    }
    blob_writer_release(&writer);
}

#if defined(TESSERA_DEBUG_ASSERT)
/* A buffer asks again for less when it is refused: what says that it is done must be whole. */
Test(blob_write, is_whole_or_says_that_memory_was_refused)
{
    enum { COUNT = 40 };
    int64_t integers[COUNT];
    int64_t succeeding = 0;
    bool is_done = false, was_refused = true;
    while (was_refused) {
        struct blob_writer writer = BLOB_WRITER_EMPTY;
        struct buffer listpack = BUFFER_EMPTY(MEM_CLIENT), intset = BUFFER_EMPTY(MEM_CLIENT);
        thread_heap_refuse_after(succeeding++);
        is_done = true;
        for (size_t i = 0; is_done && i < COUNT; i++) {
            integers[i] = INT64_MAX - COUNT + (int64_t)i;
            const struct item item = item_of_integer(integers[i]);
            is_done = blob_add_item(&writer, &item);
        }
        is_done = is_done && rdb_write_text(&listpack, blob_end_listpack(&writer), RDB_PACKED);
        for (size_t i = 0; is_done && i < COUNT; i++) {
            is_done = blob_add_integer(&writer, integers[i]);
        }
        is_done = is_done && rdb_write_text(&intset, blob_end_intset(&writer), RDB_PACKED);
        was_refused = thread_heap_refuse_left() < 0;
        thread_heap_refuse_after(-1);
        if (is_done) {
            check_items(BLOB_LISTPACK, buffer_bytes(&listpack), integers, COUNT);
            check_items(BLOB_INTSET, buffer_bytes(&intset), integers, COUNT);
        }
        cr_assert(is_done || was_refused);
        blob_writer_release(&writer);
        buffer_release(&listpack);
        buffer_release(&intset);
    }
    cr_assert(is_done);
    cr_assert_gt(succeeding, 5);
}
#endif
