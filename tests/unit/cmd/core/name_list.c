/* name_list.c - bulk strings put by and moved into a reply.  */
#include "cmd/core/name_list.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t output_bytes(void)
{
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    return total.class_bytes[MEM_OUTPUT_BUFFER];
}

/* A name whose bytes follow from its number; of any length, some longer than a block. */
static struct bytes name_make(unsigned number, char *text)
{
    size_t len = number % 1000 == 999 ? 300000 : (number * 7919u) % 90;
    memset(text, 'a' + (int)(number % 26), len);
    return (struct bytes){text, len};
}

Test(name_list, moves_every_name_in_order_and_frees_its_blocks)
{
    static char text[300000];
    int64_t before = output_bytes();
    struct name_list list = {0};
    enum { COUNT = 20000 };
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert(name_list_add(&list, name_make(i, text)));
    }
    cr_assert_eq(list.count, COUNT);
    struct buffer shared = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    struct reply reply;
    reply_begin(&reply, &shared, 2);
    size_t bytes = list.bytes;
    reply_reserve(&reply, bytes);
    const char *place = reply.out->data;
    while (name_list_move_block(&list, &reply)) {
    }
    cr_assert_eq(list.bytes, 0);
    cr_assert_eq(reply_len(&reply), bytes);
    cr_assert_eq(reply.out->data, place, "a reserved reply does not move");
    const char *at = reply.out->data;
    for (unsigned i = 0; i < COUNT; i++) {
        char header[32];
        struct bytes name = name_make(i, text);
        int header_len = snprintf(header, sizeof header, "$%zu\r\n", name.len);
        cr_assert_eq(memcmp(at, header, (size_t)header_len), 0, "name %u", i);
        at += header_len;
        cr_assert_eq(memcmp(at, name.data, name.len), 0, "name %u", i);
        at += name.len;
        cr_assert_eq(memcmp(at, "\r\n", 2), 0, "name %u", i);
        at += 2;
    }
    cr_assert_eq((size_t)(at - reply.out->data), bytes);
    buffer_release(&reply.own);
    buffer_release(&shared);
    name_list_release(&list);
    cr_assert_eq(output_bytes(), before);
}

Test(name_list, released_half_way_gives_everything_back)
{
    static char text[300000];
    int64_t before = output_bytes();
    struct name_list list = {0};
    name_list_release(&list);
    for (unsigned i = 0; i < 3000; i++) {
        cr_assert(name_list_add(&list, name_make(i, text)));
    }
    struct buffer shared = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    struct reply reply;
    reply_begin(&reply, &shared, 2);
    cr_assert(name_list_move_block(&list, &reply));
    name_list_release(&list);
    cr_assert_not(name_list_move_block(&list, &reply));
    buffer_release(&reply.own);
    buffer_release(&shared);
    cr_assert_eq(output_bytes(), before);
}

Test(name_list, reads_every_name_in_order_and_keeps_them)
{
    static char text[300000];
    struct name_list list = {0};
    enum { COUNT = 5000 };
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert(name_list_add(&list, name_make(i, text)));
    }
    const size_t bytes = list.bytes;
    for (int time = 0; time < 2; time++) {
        struct name_reader reader = {0};
        struct bytes name;
        for (unsigned i = 0; i < COUNT; i++) {
            cr_assert(name_list_read(&list, &reader, &name), "name %u", i);
            const struct bytes expected = name_make(i, text);
            cr_assert_eq(name.len, expected.len, "name %u", i);
            cr_assert_eq(memcmp(name.data, expected.data, name.len), 0, "name %u", i);
        }
        cr_assert_not(name_list_read(&list, &reader, &name));
        cr_assert_not(name_list_read(&list, &reader, &name));
    }
    cr_assert_eq(list.count, COUNT);
    cr_assert_eq(list.bytes, bytes);
    name_list_release(&list);
}
