/* reply.c - every kind of reply, byte by byte, in RESP2 and RESP3; long ones; broken ones.  */
#include "net/reply.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef void write_fn(struct reply *reply);

static void write_ok(struct reply *r) { reply_ok(r); }
static void write_simple(struct reply *r) { reply_simple(r, BYTES("PONG")); }
static void write_simple_empty(struct reply *r) { reply_simple(r, BYTES("")); }
static void write_error(struct reply *r) { reply_error(r, "ERR syntax error"); }
static void write_error_lines(struct reply *r) { reply_error(r, "ERR a\r\nb\nc\r"); }
static void write_errorf(struct reply *r) { reply_errorf(r, "ERR no '%s', %d", "x\ny", 7); }
static void write_zero(struct reply *r) { reply_integer(r, 0); }
static void write_min(struct reply *r) { reply_integer(r, INT64_MIN); }
static void write_max(struct reply *r) { reply_integer(r, INT64_MAX); }
static void write_minus_one(struct reply *r) { reply_integer(r, -1); }
static void write_bulk(struct reply *r) { reply_bulk(r, BYTES("a\r\n\0b")); }
static void write_bulk_empty(struct reply *r) { reply_bulk(r, (struct bytes){NULL, 0}); }
static void write_bulk_string(struct reply *r) { reply_bulk_string(r, "hello"); }
static void write_bulk_integer(struct reply *r) { reply_bulk_integer(r, -1234567890123); }
static void write_null(struct reply *r) { reply_null(r); }
static void write_null_array(struct reply *r) { reply_null_array(r); }
static void write_double(struct reply *r) { reply_double(r, 0.1); }
static void write_double_integer(struct reply *r) { reply_double(r, 3.0); }
static void write_double_infinite(struct reply *r) { reply_double(r, -__builtin_inf()); }
static void write_true(struct reply *r) { reply_bool(r, true); }
static void write_false(struct reply *r) { reply_bool(r, false); }
static void write_verbatim(struct reply *r) { reply_verbatim(r, "txt", BYTES("some text")); }
static void write_array(struct reply *r) { reply_array(r, 0); }
static void write_map(struct reply *r) { reply_map(r, 60); }
static void write_set(struct reply *r) { reply_set(r, 12345); }
static void write_push(struct reply *r) { reply_push(r, 3); }
static void write_raw(struct reply *r) { reply_raw(r, BYTES("*1\r\n:1\r\n")); }

static void write_deferred(struct reply *r)
{
    const size_t outer = reply_deferred_begin(r);
    reply_integer(r, 1);
    const size_t inner = reply_deferred_begin(r);
    reply_bulk_string(r, "x");
    reply_bulk_string(r, "y");
    reply_deferred_end(r, inner, '%', 1);
    const size_t empty = reply_deferred_begin(r);
    reply_deferred_end(r, empty, '~', 0);
    reply_deferred_end(r, outer, '*', 3);
}

static const struct {
    write_fn *write;
    struct bytes resp2, resp3; /* resp3 without data: the same */
} examples[] = {
    {write_ok, BYTES("+OK\r\n"), {0}},
    {write_simple, BYTES("+PONG\r\n"), {0}},
    {write_simple_empty, BYTES("+\r\n"), {0}},
    {write_error, BYTES("-ERR syntax error\r\n"), {0}},
    {write_error_lines, BYTES("-ERR a  b c \r\n"), {0}},
    {write_errorf, BYTES("-ERR no 'x y', 7\r\n"), {0}},
    {write_zero, BYTES(":0\r\n"), {0}},
    {write_min, BYTES(":-9223372036854775808\r\n"), {0}},
    {write_max, BYTES(":9223372036854775807\r\n"), {0}},
    {write_minus_one, BYTES(":-1\r\n"), {0}},
    {write_bulk, BYTES("$5\r\na\r\n\0b\r\n"), {0}},
    {write_bulk_empty, BYTES("$0\r\n\r\n"), {0}},
    {write_bulk_string, BYTES("$5\r\nhello\r\n"), {0}},
    {write_bulk_integer, BYTES("$14\r\n-1234567890123\r\n"), {0}},
    {write_null, BYTES("$-1\r\n"), BYTES("_\r\n")},
    {write_null_array, BYTES("*-1\r\n"), BYTES("_\r\n")},
    {write_double, BYTES("$19\r\n0.10000000000000001\r\n"), BYTES(",0.10000000000000001\r\n")},
    {write_double_integer, BYTES("$1\r\n3\r\n"), BYTES(",3\r\n")},
    {write_double_infinite, BYTES("$4\r\n-inf\r\n"), BYTES(",-inf\r\n")},
    {write_true, BYTES(":1\r\n"), BYTES("#t\r\n")},
    {write_false, BYTES(":0\r\n"), BYTES("#f\r\n")},
    {write_verbatim, BYTES("$9\r\nsome text\r\n"), BYTES("=13\r\ntxt:some text\r\n")},
    {write_array, BYTES("*0\r\n"), {0}},
    {write_map, BYTES("*120\r\n"), BYTES("%60\r\n")},
    {write_set, BYTES("*12345\r\n"), BYTES("~12345\r\n")},
    {write_push, BYTES("*3\r\n"), BYTES(">3\r\n")},
    {write_raw, BYTES("*1\r\n:1\r\n"), {0}},
    {write_deferred, BYTES("*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$1\r\ny\r\n*0\r\n"),
     BYTES("*3\r\n:1\r\n%1\r\n$1\r\nx\r\n$1\r\ny\r\n~0\r\n")},
};

enum { EXAMPLE_COUNT = sizeof examples / sizeof examples[0] };

static struct bytes reply_text(const struct reply *reply)
{
    return (struct bytes){reply->out->data + (reply->own.capacity > 0 ? 0 : reply->start), reply_len(reply)};
}

static void release(struct reply *reply, struct buffer *shared)
{
    buffer_release(&reply->own);
    buffer_release(shared);
}

Test(reply, writes_each_kind_behind_what_is_there)
{
    for (uint8_t protocol = 2; protocol <= 3; protocol++) {
        for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
            struct buffer shared = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
            cr_assert(buffer_append(&shared, BYTES("before")));
            struct reply reply;
            reply_begin(&reply, &shared, protocol);
            examples[i].write(&reply);
            const bool is_other = protocol == 3 && examples[i].resp3.data != NULL;
            const struct bytes expected = is_other ? examples[i].resp3 : examples[i].resp2;
            const struct bytes got = reply_text(&reply);
            cr_assert(bytes_equal(got, expected), "example %zu, RESP%d: %.*s", i, protocol, (int)got.len, got.data);
            cr_assert_eq(reply.is_error, expected.data[0] == '-');
            cr_assert(memcmp(shared.data, "before", 6) == 0);
            reply_rewind(&reply);
            cr_assert(bytes_equal(buffer_bytes(&shared), BYTES("before")));
            release(&reply, &shared);
        }
    }
}

Test(reply, formats_every_integer_around_powers_of_ten)
{
    for (int64_t power = 1; power <= 1000000000000000000; power *= 10) {
        for (int64_t value = power - 2; value <= power + 2; value++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                struct buffer shared = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
                struct reply reply;
                char expected[64];
                reply_begin(&reply, &shared, 2);
                reply_integer(&reply, sign * value);
                const int len = sprintf(expected, ":%lld\r\n", (long long)(sign * value));
                cr_assert(bytes_equal(reply_text(&reply), (struct bytes){expected, (size_t)len}), "%s", expected);
                release(&reply, &shared);
            }
        }
        if (power == 1000000000000000000) {
            break;
        }
    }
}

Test(reply, writes_bulks_of_every_length)
{
    static char value[40000], expected[40100];
    for (size_t i = 0; i < sizeof value; i++) {
        value[i] = (char)(i * 7 + i / 256);
    }
    for (size_t len = 0; len < sizeof value; len += len < 300 ? 1 : 997) {
        struct buffer shared = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
        struct reply reply;
        reply_begin(&reply, &shared, 2);
        reply_bulk(&reply, (struct bytes){value, len});
        size_t at = (size_t)sprintf(expected, "$%zu\r\n", len);
        memcpy(expected + at, value, len);
        memcpy(expected + at + len, "\r\n", 2);
        cr_assert(bytes_equal(reply_text(&reply), (struct bytes){expected, at + len + 2}), "length %zu", len);
        release(&reply, &shared);
    }
}

Test(reply, moves_to_its_own_buffer_when_it_gets_long)
{
    static char value[REPLY_OWN_MIN];
    struct buffer shared = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    cr_assert(buffer_append(&shared, BYTES("before")));
    struct reply reply;
    reply_begin(&reply, &shared, 2);
    reply_array(&reply, 3);
    reply_bulk(&reply, BYTES("small"));
    cr_assert_eq(reply.out, &shared);
    reply_bulk(&reply, (struct bytes){value, sizeof value});
    cr_assert_eq(reply.out, &reply.own);
    cr_assert(bytes_equal(buffer_bytes(&shared), BYTES("before")));
    reply_integer(&reply, 5);
    cr_assert_eq(reply_len(&reply), 4 + 11 + 8 + sizeof value + 2 + 4);
    cr_assert(memcmp(reply.own.data, "*3\r\n$5\r\nsmall\r\n$16384\r\n", 23) == 0);
    cr_assert(memcmp(reply.own.data + reply.own.len - 6, "\r\n:5\r\n", 6) == 0);
    release(&reply, &shared);
}

Test(reply, puts_a_deferred_header_before_what_moved)
{
    struct buffer shared = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    cr_assert(buffer_append(&shared, BYTES("before")));
    struct reply reply;
    reply_begin(&reply, &shared, 3);
    reply_integer(&reply, 1);
    const size_t mark = reply_deferred_begin(&reply);
    for (int i = 0; i < 10000; i++) {
        reply_integer(&reply, 7);
    }
    reply_deferred_end(&reply, mark, '~', 10000);
    cr_assert_eq(reply.out, &reply.own);
    cr_assert_eq(reply_len(&reply), 4 + 8 + 40000);
    cr_assert(memcmp(reply.own.data, ":1\r\n~10000\r\n:7\r\n", 16) == 0);
    reply_rewind(&reply);
    cr_assert_eq(reply_len(&reply), 0);
    reply_error(&reply, "ERR other");
    cr_assert(bytes_equal(reply_text(&reply), BYTES("-ERR other\r\n")));
    release(&reply, &shared);
}

Test(reply, is_broken_when_memory_is_refused_and_stays_so)
{
    struct buffer shared = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    cr_assert(buffer_append(&shared, BYTES("before")));
    struct reply reply;
    reply_begin(&reply, &shared, 2);
    reply_bulk(&reply, (struct bytes){"x", (size_t)PTRDIFF_MAX});
    cr_assert(reply.is_broken);
    reply_bulk(&reply, (struct bytes){"x", (size_t)PTRDIFF_MAX});
    reply_deferred_end(&reply, reply_deferred_begin(&reply), '*', 0);
    reply_error(&reply, "ERR x");
    cr_assert(reply.is_broken);
    cr_assert(memcmp(shared.data, "before", 6) == 0);
    release(&reply, &shared);
}

/* Random writes into several replies that share one buffer, against the same text made with sprintf. */
Test(reply, agrees_with_sprintf_under_random_use)
{
    const unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srandom(seed);
    static char model[400000], value[5000];
    memset(value, 'v', sizeof value);
    struct buffer shared = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    for (int round = 0; round < 500; round++) {
        struct reply reply;
        size_t model_len = 0;
        reply_begin(&reply, &shared, 2);
        for (long left = random() % 60; left > 0; left--) {
            const long long number = (long long)random() << (random() % 30);
            const size_t len = (size_t)(random() % (random() % 8 == 0 ? 5000 : 40));
            reply_integer(&reply, number);
            model_len += (size_t)sprintf(model + model_len, ":%lld\r\n", number);
            reply_bulk(&reply, (struct bytes){value, len});
            model_len += (size_t)sprintf(model + model_len, "$%zu\r\n%.*s\r\n", len, (int)len, value);
        }
        cr_assert(bytes_equal(reply_text(&reply), (struct bytes){model, model_len}), "seed %u round %d", seed, round);
        cr_assert_eq(reply.out == &reply.own, model_len > REPLY_OWN_MIN || reply.own.capacity > 0);
        buffer_release(&reply.own);
        if (shared.len > 100000) {
            buffer_consume(&shared, shared.len);
        }
    }
    buffer_release(&shared);
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    cr_assert_eq(total.class_bytes[MEM_OUTPUT_BUFFER], 0);
}
