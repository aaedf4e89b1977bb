/* bits.c - bits and integers in bytes, against arrays of single bits.  */
#include "encoding/bits.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BYTES_MAX = 300, BITS_MAX = 8 * BYTES_MAX, ROUNDS = 4000 };

static void seed_random(void)
{
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
}

static uint64_t random_below(uint64_t limit)
{
    return ((uint64_t)rand() << 31 | (uint64_t)rand()) % limit;
}

/* A text and its bits one by one. Mostly runs of one kind, as searches want them. */
struct model {
    char data[BYTES_MAX];
    uint8_t bits[BITS_MAX];
    size_t len;
};

static void set_bits_of(struct model *model)
{
    for (size_t i = 0; i < 8 * model->len; i++) {
        model->bits[i] = (unsigned char)model->data[i / 8] >> (7 - i % 8) & 1;
    }
}

static void fill(struct model *model)
{
    const int kind = rand() % 3;
    model->len = 1 + random_below(BYTES_MAX);
    for (size_t i = 0; i < model->len; i++) {
        model->data[i] = (char)(kind == 0 ? rand() : kind == 1 ? 0 : 0xff);
    }
    for (uint64_t i = random_below(3); kind > 0 && i > 0; i--) {
        model->data[random_below(model->len)] = (char)(1u << random_below(8));
    }
    set_bits_of(model);
}

static struct bytes text_of(const struct model *model)
{
    return (struct bytes){model->data, model->len};
}

static void fill_range(const struct model *model, uint64_t *first, uint64_t *last)
{
    *first = random_below(8 * model->len);
    *last = *first + random_below(8 * model->len - *first);
}

Test(bits, are_counted_in_any_range)
{
    static struct model model;
    seed_random();
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t first, last;
        uint64_t expected = 0;
        fill(&model);
        fill_range(&model, &first, &last);
        for (uint64_t i = first; i <= last; i++) {
            expected += model.bits[i];
        }
        cr_assert_eq(bits_count_range(text_of(&model), first, last), expected);
        cr_assert_eq(bits_count(text_of(&model)), bits_count_range(text_of(&model), 0, 8 * model.len - 1));
    }
    cr_assert_eq(bits_count(BYTES("")), 0);
}

Test(bits, are_found_in_any_range)
{
    static struct model model;
    seed_random();
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t first, last;
        const bool is_set = round % 2 == 0;
        fill(&model);
        fill_range(&model, &first, &last);
        uint64_t expected = first;
        while (expected <= last && model.bits[expected] != is_set) {
            expected++;
        }
        cr_assert_eq(bits_find(text_of(&model), first, last, is_set), expected > last ? BITS_NONE : expected);
    }
}

Test(bits, are_combined_byte_by_byte)
{
    seed_random();
    for (unsigned round = 0; round < ROUNDS; round++) {
        char into[BYTES_MAX], from[BYTES_MAX], expected[BYTES_MAX];
        const size_t len = random_below(BYTES_MAX);
        for (size_t i = 0; i < BYTES_MAX; i++) {
            into[i] = (char)rand();
            from[i] = (char)rand();
        }
        memcpy(expected, into, sizeof expected);
        for (size_t i = 0; i < len; i++) {
            const char a = into[i];
            const char b = from[i];
            expected[i] = (char)(round % 4 == 0 ? a & b : round % 4 == 1 ? a | b : round % 4 == 2 ? a ^ b : ~a);
        }
        if (round % 4 == 3) {
            bits_invert(into, len);
        } else {
            bits_combine((enum bits_operation)(round % 4), into, from, len);
        }
        cr_assert_arr_eq(into, expected, sizeof expected);
    }
}

Test(bits, hold_integers_of_any_width_at_any_place)
{
    static struct model model;
    seed_random();
    for (unsigned round = 0; round < ROUNDS; round++) {
        const bool is_signed = rand() % 2 == 0;
        const struct bits_type type = {is_signed, (uint8_t)(1 + random_below(is_signed ? 64 : 63))};
        fill(&model);
        if (8 * model.len < type.width) {
            continue;
        }
        const uint64_t offset = random_below(8 * model.len - type.width + 1);
        const uint64_t number = random_below(UINT64_C(1) << 62) << 2 | random_below(4);
        bits_write(model.data, offset, type, (int64_t)number);
        for (unsigned i = 0; i < type.width; i++) {
            model.bits[offset + i] = number >> (type.width - 1 - i) & 1;
        }
        struct model after = model;
        set_bits_of(&after);
        cr_assert_arr_eq(after.bits, model.bits, 8 * model.len);
        const unsigned unused = 64u - type.width;
        const int64_t expected = is_signed ? (int64_t)(number << unused) >> unused : (int64_t)(number << unused >> unused);
        cr_assert_eq(bits_read(text_of(&model), offset, type), expected);
    }
}

Test(bits, beyond_the_text_are_zero)
{
    const struct bits_type byte = {false, 8};
    cr_assert_eq(bits_read(BYTES("\xff"), 4, byte), 0xf0);
    cr_assert_eq(bits_read(BYTES("\xff"), 8, byte), 0);
    cr_assert_eq(bits_read(BYTES(""), UINT64_C(1) << 40, byte), 0);
    cr_assert_eq(bits_read(BYTES("\xff"), 7, (struct bits_type){true, 64}), INT64_MIN);
}

static const struct {
    struct bits_type type;
    __int128 value;
    int64_t wrapped, saturated;
} too_large[] = {
    {{false, 8}, 256, 0, 255},       {{false, 8}, -1, 255, 0},    {{true, 8}, 128, -128, 127},
    {{true, 8}, -129, 127, -128},    {{true, 1}, 1, -1, 0},       {{false, 1}, 2, 0, 1},
    {{false, 63}, (__int128)1 << 63, 0, INT64_MAX},
    {{true, 64}, (__int128)1 << 63, INT64_MIN, INT64_MAX},
    {{true, 64}, -((__int128)1 << 63) - 1, INT64_MAX, INT64_MIN},
};

Test(bits, of_integers_that_do_not_fit_are_wrapped_saturated_or_refused)
{
    for (size_t i = 0; i < sizeof too_large / sizeof too_large[0]; i++) {
        int64_t number;
        cr_assert(bits_fit(too_large[i].type, too_large[i].value, BITS_WRAP, &number));
        cr_assert_eq(number, too_large[i].wrapped);
        cr_assert(bits_fit(too_large[i].type, too_large[i].value, BITS_SATURATE, &number));
        cr_assert_eq(number, too_large[i].saturated);
        cr_assert_not(bits_fit(too_large[i].type, too_large[i].value, BITS_FAIL, &number));
        cr_assert(bits_fit(too_large[i].type, too_large[i].saturated, BITS_FAIL, &number));
        cr_assert_eq(number, too_large[i].saturated);
    }
}
