/* intset.c - against a sorted array; the layout byte for byte; bytes that are no intset.  */
#include "encoding/intset.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { VALUES_MAX = 400, ROOM = INTSET_HEADER + 8 * (VALUES_MAX + 1) };

static uint64_t random_state;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

struct model {
    char data[ROOM];
    size_t len;
    int64_t values[VALUES_MAX];
    uint32_t count;
};

static void check(const struct model *model)
{
    const struct bytes set = {model->data, model->len};
    cr_assert_eq(intset_count(set), model->count);
    cr_assert_eq(intset_is_valid(set), model->count > 0);
    for (uint32_t i = 0; i < model->count; i++) {
        cr_assert_eq(intset_at(set, i), model->values[i]);
    }
}

static int64_t random_value(unsigned bits)
{
    return (int64_t)random_u64() >> (64 - 1 - random_u64() % bits);
}

static void step(struct model *model, int64_t value)
{
    const struct bytes set = {model->data, model->len};
    uint32_t index;
    uint32_t at = 0;
    while (at < model->count && model->values[at] < value) {
        at++;
    }
    const bool is_there = at < model->count && model->values[at] == value;
    cr_assert_eq(intset_find(set, value, &index), is_there);
    cr_assert_eq(index, at);
    const size_t later = (model->count - at) * sizeof value;
    if (is_there) {
        memmove(&model->values[at], &model->values[at + 1], later - sizeof value);
        model->count--;
        model->len = intset_remove(model->data, model->len, index);
    } else if (model->count < VALUES_MAX) {
        const size_t wanted = intset_len_with(set, value);
        memmove(&model->values[at + 1], &model->values[at], later);
        model->values[at] = value;
        model->count++;
        model->len = intset_insert(model->data, model->len, value, index);
        cr_assert_eq(model->len, wanted);
    }
    check(model);
}

Test(intset, is_what_a_sorted_array_is)
{
    static const unsigned bits[] = {8, 16, 32, 63};
    random_state = (uint64_t)time(NULL) * 2654435761u + 1;
    printf("seed %llu\n", (unsigned long long)random_state);
    for (unsigned round = 0; round < 16; round++) {
        static struct model model;
        model = (struct model){0};
        for (unsigned i = 0; i < 600; i++) {
            step(&model, random_value(i < 300 ? bits[round % 4] : bits[round / 4]));
        }
    }
}

Test(intset, has_the_layout_of_redis)
{
    static struct model model;
    step(&model, 3);
    step(&model, -2);
    static const char narrow[] = "\x02\0\0\0\x02\0\0\0\xfe\xff\x03\0";
    cr_assert_arr_eq(model.data, narrow, sizeof narrow - 1);
    step(&model, INT32_MIN);
    static const char middle[] = "\x04\0\0\0\x03\0\0\0\0\0\0\x80\xfe\xff\xff\xff\x03\0\0\0";
    cr_assert_arr_eq(model.data, middle, sizeof middle - 1);
    cr_assert_eq(model.len, sizeof middle - 1);
    step(&model, INT64_MAX);
    cr_assert_eq(model.len, INTSET_HEADER + 4 * 8);
    step(&model, INT64_MAX);
    cr_assert_eq(model.len, INTSET_HEADER + 3 * 8, "the width stays");
}

Test(intset, refuses_what_is_no_intset)
{
    static const struct { struct bytes bytes; bool is_valid; } rows[] = {
        {BYTES(""), false},
        {BYTES("\x02\0\0\0\0\0\0"), false},
        {BYTES("\x02\0\0\0\0\0\0\0"), false},                             /* nothing in it */
        {BYTES("\x02\0\0\0\x01\0\0\0\x05\0"), true},
        {BYTES("\x03\0\0\0\x01\0\0\0\x05\0\0"), false},                   /* width */
        {BYTES("\x02\0\0\0\x02\0\0\0\x05\0"), false},                     /* too short */
        {BYTES("\x02\0\0\0\x01\0\0\0\x05\0\0"), false},                   /* too long */
        {BYTES("\x02\0\0\0\x02\0\0\0\x05\0\x05\0"), false},               /* twice */
        {BYTES("\x02\0\0\0\x02\0\0\0\x05\0\x04\0"), false},               /* order */
        {BYTES("\x08\0\0\0\xff\xff\xff\xff\x05\0\0\0\0\0\0\0"), false},
        {BYTES("\x02\0\0\0\x02\0\0\0\xff\xff\x04\0"), true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(intset_is_valid(rows[i].bytes), rows[i].is_valid, "row %zu", i);
    }
}
