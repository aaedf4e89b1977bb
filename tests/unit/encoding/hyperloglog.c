/* hyperloglog.c - sparse and dense strings against plain registers, and against what Redis gives.  */
#include "encoding/hyperloglog.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROOM = 2 * HLL_SPARSE_BYTES_MAX, SPARSE_MAX = 3000 };

static void seed_random(void)
{
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
}

static struct bytes bytes_of(const struct hll *hll)
{
    return (struct bytes){hll->data, hll->len};
}

static struct hll create(char room[ROOM], size_t sparse_max)
{
    return (struct hll){.data = room, .len = hll_write_empty(room), .room = ROOM, .sparse_max = sparse_max};
}

static struct bytes number_text(uint64_t number, char out[24])
{
    return (struct bytes){out, (size_t)snprintf(out, 24, "%llu", (unsigned long long)number)};
}

/* Every register by itself. */
static void check_registers(const struct hll *hll, const uint8_t plain[HLL_REGISTERS])
{
    uint8_t found[HLL_REGISTERS] = {0};
    uint64_t count;
    cr_assert(hll_is_valid(bytes_of(hll)));
    cr_assert(hll_merge(bytes_of(hll), found));
    cr_assert_arr_eq(found, plain, HLL_REGISTERS);
    cr_assert(hll_count(bytes_of(hll), &count));
    cr_assert_eq(count, hll_count_registers(plain));
}

/* --- what redis-server 7.0.15 gives --- */

static const struct {
    struct bytes element;
    uint32_t index;
    uint8_t value;
} marks[] = {
    {BYTES(""), 5938, 2},        {BYTES("a"), 12711, 2},
    {BYTES("foo"), 7348, 5},     {BYTES("12345678"), 10579, 3},
    {BYTES("123456789abcdef"), 1977, 3},
};

Test(hyperloglog, marks_elements_as_redis_does)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const struct hll_mark mark = hll_mark_of(marks[i].element);
        cr_assert_eq(mark.index, marks[i].index);
        cr_assert_eq(mark.value, marks[i].value);
    }
}

/* After PFADD of 1 .. `added`. */
static const struct {
    uint64_t added, count;
    size_t len;
} growth[] = {{10, 10, 47},       {100, 100, 287},      {500, 503, 1061},      {1000, 1001, 1922},
              {3000, 3005, 12304}, {10000, 9988, 12304}, {100000, 99562, 12304}};

Test(hyperloglog, grows_and_estimates_as_redis_does)
{
    char room[ROOM];
    struct hll hll = create(room, SPARSE_MAX);
    uint64_t added = 0;
    for (size_t i = 0; i < sizeof growth / sizeof growth[0]; i++) {
        while (added < growth[i].added) {
            char digits[24];
            cr_assert_neq(hll_add(&hll, number_text(++added, digits)), HLL_CORRUPT);
        }
        uint64_t count;
        cr_assert(hll_count(bytes_of(&hll), &count));
        cr_assert_eq(count, growth[i].count);
        cr_assert_eq(hll.len, growth[i].len);
    }
}

Test(hyperloglog, begins_with_one_long_run)
{
    char room[ROOM];
    struct hll hll = create(room, SPARSE_MAX);
    const uint8_t none[HLL_REGISTERS] = {0};
    cr_assert_eq(hll.len, HLL_EMPTY_BYTES);
    cr_assert_arr_eq(room, "HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", HLL_EMPTY_BYTES);
    check_registers(&hll, none);
    cr_assert_eq(hll_count_registers(none), 0);
}

/* --- against plain registers --- */

static void raise_plain(uint8_t plain[HLL_REGISTERS], struct hll_mark mark)
{
    plain[mark.index] = plain[mark.index] > mark.value ? plain[mark.index] : mark.value;
}

Test(hyperloglog, agrees_with_plain_registers_under_any_limit)
{
    static const size_t limits[] = {0, 18, 20, 40, 200, 3000, 16000, ROOM};
    seed_random();
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        char room[ROOM];
        struct hll hll = create(room, limits[i]);
        uint8_t plain[HLL_REGISTERS] = {0};
        for (unsigned k = 0; k < 4000; k++) {
            char digits[24];
            const struct bytes element = number_text((uint64_t)rand() % 20000, digits);
            const struct hll_mark mark = hll_mark_of(element);
            const bool must_change = plain[mark.index] < mark.value;
            cr_assert_eq(hll_add(&hll, element), must_change ? HLL_CHANGED : HLL_SAME);
            raise_plain(plain, mark);
            cr_assert(hll.len == HLL_DENSE_BYTES || hll.len <= (limits[i] < HLL_EMPTY_BYTES ? HLL_EMPTY_BYTES : limits[i]));
            if (k % 400 == 0) {
                check_registers(&hll, plain);
            }
        }
        check_registers(&hll, plain);
        cr_assert(hll_make_dense(&hll));
        check_registers(&hll, plain);
    }
}

Test(hyperloglog, raising_many_registers_gives_the_string_of_raising_each)
{
    seed_random();
    for (unsigned round = 0; round < 60; round++) {
        char rooms[2][ROOM];
        struct hll all = create(rooms[0], SPARSE_MAX);
        struct hll each = create(rooms[1], SPARSE_MAX);
        uint8_t plain[HLL_REGISTERS] = {0};
        const int step = 1 + rand() % 40;
        for (int i = rand() % 3; i < HLL_REGISTERS; i += 1 + rand() % step) {
            plain[i] = (uint8_t)(1 + rand() % (round % 2 == 0 ? 3 : 32));
            uint8_t one[HLL_REGISTERS] = {0};
            one[i] = plain[i];
            cr_assert(hll_raise(&each, one));
        }
        cr_assert(hll_raise(&all, plain));
        check_registers(&all, plain);
        cr_assert_eq(all.len, each.len);
        cr_assert_arr_eq(all.data, each.data, all.len);
    }
}

Test(hyperloglog, caches_a_count_until_it_is_forgotten)
{
    char room[ROOM];
    struct hll hll = create(room, SPARSE_MAX);
    uint64_t count;
    cr_assert(hll_cached_count(bytes_of(&hll), &count));
    cr_assert_eq(count, 0);
    hll_set_cached_count(room, UINT64_C(0x0102030405060708));
    cr_assert(hll_cached_count(bytes_of(&hll), &count));
    cr_assert_eq(count, UINT64_C(0x0102030405060708));
    hll_forget_cached_count(room);
    cr_assert_not(hll_cached_count(bytes_of(&hll), &count));
}

/* --- mistakes --- */

#define HEADER "HYLL\x01\0\0\0\0\0\0\0\0\0\0\0"

static const struct bytes invalid[] = {
    BYTES(""), BYTES("HYLL"), BYTES("HYLL\x02\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"), BYTES("hyll\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"),
    BYTES("HYLL\0\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"),
};

static const struct bytes damaged[] = {
    BYTES(HEADER),                     /* no registers */
    BYTES(HEADER "\x7f\xfe"),          /* one too few */
    BYTES(HEADER "\x7f\xff\x00"),      /* one too many */
    BYTES(HEADER "\x7f\xff\x80"),
    BYTES(HEADER "\x7f"),              /* half a run */
    BYTES(HEADER "\x7f\xff\x7f\xff\x7f\xff\x7f\xff\x7f\xff"),
};

Test(hyperloglog, refuses_what_is_none)
{
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        cr_assert_not(hll_is_valid(invalid[i]));
    }
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        uint8_t registers[HLL_REGISTERS] = {0};
        char room[ROOM];
        uint64_t count;
        memcpy(room, damaged[i].data, damaged[i].len);
        struct hll hll = {.data = room, .len = damaged[i].len, .room = ROOM, .sparse_max = SPARSE_MAX};
        cr_assert(hll_is_valid(damaged[i]));
        cr_assert_not(hll_count(damaged[i], &count));
        cr_assert_not(hll_merge(damaged[i], registers));
        cr_assert_not(hll_make_dense(&hll));
        cr_assert_eq(hll.len, damaged[i].len);
        cr_assert_arr_eq(room, damaged[i].data, damaged[i].len);
    }
}
