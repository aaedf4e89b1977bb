/* packed.c - runs of packed items: their exact bytes, edits against a naive model, what is refused.  */
#include "encoding/packed.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { MODEL_ITEMS_MAX = 60, MODEL_TEXT_MAX = 5000, RUN_MAX = 400000 };

Test(packed, items_have_the_bytes_of_listpack)
{
    static const struct {
        struct bytes text;
        struct bytes bytes;
    } rows[] = {
        {BYTES(""), BYTES("\x80")},
        {BYTES("a"), BYTES("\x81"
                           "a")},
        {BYTES("01"), BYTES("\x82"
                            "01")},
        {BYTES("-0"), BYTES("\x82-0")},
        {BYTES("1 "), BYTES("\x82"
                            "1 ")},
        {BYTES("0"), BYTES("\x00")},
        {BYTES("127"), BYTES("\x7f")},
        {BYTES("128"), BYTES("\xc0\x80")},
        {BYTES("4095"), BYTES("\xcf\xff")},
        {BYTES("-1"), BYTES("\xdf\xff")},
        {BYTES("-4096"), BYTES("\xd0\x00")},
        {BYTES("4096"), BYTES("\xf1\x00\x10")},
        {BYTES("-4097"), BYTES("\xf1\xff\xef")},
        {BYTES("32767"), BYTES("\xf1\xff\x7f")},
        {BYTES("32768"), BYTES("\xf2\x00\x80\x00")},
        {BYTES("-8388608"), BYTES("\xf2\x00\x00\x80")},
        {BYTES("8388608"), BYTES("\xf3\x00\x00\x80\x00")},
        {BYTES("-2147483648"), BYTES("\xf3\x00\x00\x00\x80")},
        {BYTES("2147483648"), BYTES("\xf4\x00\x00\x00\x80\x00\x00\x00\x00")},
        {BYTES("9223372036854775807"), BYTES("\xf4\xff\xff\xff\xff\xff\xff\xff\x7f")},
        {BYTES("-9223372036854775808"), BYTES("\xf4\x00\x00\x00\x00\x00\x00\x00\x80")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char at[PACKED_HEAD_MAX + 8];
        struct item item = packed_item(rows[i].text);
        struct bytes written = {at, packed_write(at, &item)};
        cr_expect(bytes_equal(written, rows[i].bytes), "row %zu", i);
        cr_expect_eq(packed_item_size(&item), written.len, "row %zu", i);
        cr_expect_eq(packed_size(at), written.len, "row %zu", i);
        struct item read = packed_read(at);
        char scratch[ITEM_SCRATCH];
        cr_expect(bytes_equal(item_text(&read, scratch), rows[i].text), "row %zu", i);
        size_t count;
        cr_expect(packed_is_valid(written, &count) && count == 1, "row %zu", i);
    }
}

Test(packed, text_of_every_length_is_read_back)
{
    static const size_t lengths[] = {0, 1, 62, 63, 64, 65, 4095, 4096, 70000};
    static const size_t heads[] = {1, 1, 1, 1, 2, 2, 2, 5, 5};
    static char text[70000];
    static char run[70010];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct item item = item_of_text((struct bytes){text, lengths[i]});
        size_t size = packed_write(run, &item);
        cr_expect_eq(size, heads[i] + lengths[i]);
        cr_expect_eq(packed_size(run), size);
        cr_expect(packed_is_at(run, &item));
        struct item read = packed_read(run);
        cr_expect_eq(read.len, lengths[i]);
        cr_expect_eq(read.data, run + heads[i]);
    }
}

Test(packed, ten_fields_of_a_small_hash_take_160_bytes)
{
    char run[200];
    struct bytes bytes = {run, 0};
    for (int i = 0; i < 10; i++) {
        char field[] = "field0";
        field[5] = (char)('0' + i);
        struct item items[] = {packed_item((struct bytes){field, 6}), packed_item(BYTES("valuexyz"))};
        struct packed_edit edit = {.at = bytes.len, .items = items, .count = 2};
        bytes.len = packed_apply(run, bytes.len, &edit);
    }
    cr_expect_eq(bytes.len, 160);
    cr_expect_eq(packed_count(bytes), 20);
}

Test(packed, find_looks_at_every_stride_th_item_only)
{
    char run[100];
    struct bytes bytes = {run, 0};
    static const struct bytes texts[] = {BYTES("a"), BYTES("b"), BYTES("7"), BYTES("a"), BYTES("b"), BYTES("300")};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct item item = packed_item(texts[i]);
        bytes.len += packed_write(run + bytes.len, &item);
    }
    static const struct {
        struct bytes wanted;
        unsigned stride;
        bool is_there;
        size_t at, index;
    } rows[] = {
        {BYTES("a"), 1, true, 0, 0},  {BYTES("b"), 1, true, 2, 1},     {BYTES("b"), 2, true, 7, 4},
        {BYTES("7"), 2, true, 4, 2},  {BYTES("300"), 2, false, 11, 6}, {BYTES("300"), 1, true, 9, 5},
        {BYTES("c"), 1, false, 11, 6}, {BYTES(""), 1, false, 11, 6},   {BYTES("07"), 1, false, 11, 6},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct item wanted = packed_item(rows[i].wanted);
        size_t at = 99;
        size_t index = 99;
        cr_expect_eq(packed_find(bytes, rows[i].stride, &wanted, &at, &index), rows[i].is_there, "row %zu", i);
        cr_expect_eq(at, rows[i].at, "row %zu: %zu", i, at);
        cr_expect_eq(index, rows[i].index, "row %zu: %zu", i, index);
    }
}

Test(packed, what_is_not_whole_or_not_shortest_is_refused)
{
    static const struct {
        struct bytes run;
        bool is_valid;
    } rows[] = {
        {BYTES(""), true},
        {BYTES("\x81"), false},
        {BYTES("\xc0"), false},
        {BYTES("\xc0\x7f"), false},
        {BYTES("\xe0"), false},
        {BYTES("\xe0\x01"), false},
        {BYTES("\xe0\x01"
               "a"),
         false},
        {BYTES("\xf0\x01\x00\x00\x00"
               "a"),
         false},
        {BYTES("\xf0\xff\xff\xff\xff"), false},
        {BYTES("\xf0\x01"), false},
        {BYTES("\xf1\x00"), false},
        {BYTES("\xf1\x00\x00"), false},
        {BYTES("\xf4\x00\x00\x00\x00\x00\x00\x00\x01"), true},
        {BYTES("\xf4\x00\x00\x00\x00\x00\x00\x00\x00"), false},
        {BYTES("\xf5"), false},
        {BYTES("\xff"), false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t count;
        cr_expect_eq(packed_is_valid(rows[i].run, &count), rows[i].is_valid, "row %zu", i);
    }
}

/* --- against a model --- */

struct model_item {
    char text[MODEL_TEXT_MAX];
    size_t len;
};

struct model {
    struct model_item *items[MODEL_ITEMS_MAX];
    size_t count;
};

static struct bytes random_text(char *out)
{
    static const size_t lengths[] = {0, 1, 2, 8, 62, 63, 64, 100, 4094, 4095, 4096, 4999};
    if (random() % 2 == 0) {
        uint64_t bits = (uint64_t)random() << 33 ^ (uint64_t)random() << 10 ^ (uint64_t)random();
        int64_t number = (int64_t)(bits >> (random() % 64));
        return (struct bytes){out, int64_format(random() % 2 == 0 ? number : -number, out)};
    }
    size_t len = lengths[(size_t)random() % (random() % 8 == 0 ? COUNT(lengths) : 6)];
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)(random() % (random() % 4 == 0 ? 256 : 3));
    }
    return (struct bytes){out, len};
}

/* The same edit in the model: `removed` items from `index` on give way to `texts`. */
static void model_edit(struct model *model, size_t index, size_t removed, const struct bytes *texts, size_t count)
{
    for (size_t i = 0; i < removed; i++) {
        free(model->items[index + i]);
    }
    memmove(model->items + index + count, model->items + index + removed,
            (model->count - index - removed) * sizeof *model->items);
    for (size_t i = 0; i < count; i++) {
        struct model_item *item = malloc(sizeof *item);
        memcpy(item->text, texts[i].data, texts[i].len);
        item->len = texts[i].len;
        model->items[index + i] = item;
    }
    model->count = model->count - removed + count;
}

static void check_equal(struct bytes run, const struct model *model)
{
    size_t count;
    cr_assert(packed_is_valid(run, &count));
    cr_assert_eq(count, model->count);
    cr_assert_eq(packed_count(run), model->count);
    size_t at = 0;
    struct item item;
    for (size_t i = 0; i < model->count; i++) {
        cr_assert_eq(packed_skip(run, 0, i), at);
        cr_assert(packed_next(run, &at, &item));
        char scratch[ITEM_SCRATCH];
        struct bytes wanted = {model->items[i]->text, model->items[i]->len};
        cr_assert(bytes_equal(item_text(&item, scratch), wanted));
        size_t found_at;
        size_t index;
        struct item same = packed_item(wanted);
        cr_assert(packed_find(run, 1, &same, &found_at, &index));
        cr_assert(index <= i && found_at == packed_skip(run, 0, index));
    }
    cr_assert_not(packed_next(run, &at, &item));
}

Test(packed, random_edits_agree_with_a_model)
{
    unsigned seed = 20240607;
    srandom(seed);
    cr_log_info("seed %u", seed);
    static char data[RUN_MAX];
    static char texts[2][MODEL_TEXT_MAX];
    struct model model = {0};
    size_t len = 0;
    for (int step = 0; step < 20000; step++) {
        struct bytes words[2] = {random_text(texts[0]), random_text(texts[1])};
        size_t count = (size_t)random() % 3;
        size_t index = (size_t)random() % (model.count + 1);
        size_t removed = (size_t)random() % 3;
        removed = removed > model.count - index ? model.count - index : removed;
        if (model.count - removed + count > MODEL_ITEMS_MAX) {
            continue;
        }
        struct item items[2] = {packed_item(words[0]), packed_item(words[1])};
        struct bytes run = {data, len};
        size_t at = packed_skip(run, 0, index);
        struct packed_edit edit = {at, packed_skip(run, at, removed) - at, items, count};
        size_t wanted_len = packed_edited_len(len, &edit);
        cr_assert_leq(wanted_len, sizeof data);
        len = packed_apply(data, len, &edit);
        cr_assert_eq(len, wanted_len);
        model_edit(&model, index, removed, words, count);
        if (step % 16 == 0) {
            check_equal((struct bytes){data, len}, &model);
        }
    }
    check_equal((struct bytes){data, len}, &model);
    model_edit(&model, 0, model.count, NULL, 0);
}
