/* listpack.c - exact bytes, both directions, edits against a naive model, what is refused.  */
#include "encoding/listpack.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { MODEL_ITEMS_MAX = 80, MODEL_TEXT_MAX = 5000, ROOM = 1 << 20 };

static uint64_t random_state;

static void seed_random(void)
{
    random_state = (uint64_t)time(NULL) * 2654435761u + 1;
    printf("seed %llu\n", (unsigned long long)random_state);
}

static size_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % limit);
}

Test(listpack, has_the_bytes_that_redis_writes)
{
    static const struct {
        struct bytes texts[3];
        size_t count;
        struct bytes bytes;
    } rows[] = {
        {{{NULL, 0}}, 0, BYTES("\x07\x00\x00\x00\x00\x00\xff")},
        {{BYTES("a")}, 1, BYTES("\x0a\x00\x00\x00\x01\x00\x81" "a\x02\xff")},
        {{BYTES("1"), BYTES("-1"), BYTES("4096")}, 3,
         BYTES("\x10\x00\x00\x00\x03\x00\x01\x01\xdf\xff\x02\xf1\x00\x10\x03\xff")},
        {{BYTES(""), BYTES("01")}, 2, BYTES("\x0d\x00\x00\x00\x02\x00\x80\x01\x82" "01\x03\xff")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char listpack[100];
        listpack_init(listpack);
        for (size_t k = 0; k < rows[i].count; k++) {
            const struct item item = packed_item(rows[i].texts[k]);
            listpack_append(listpack, &item);
        }
        const struct bytes written = {listpack, listpack_bytes(listpack)};
        size_t count;
        cr_expect(bytes_equal(written, rows[i].bytes), "row %zu", i);
        cr_expect(listpack_is_valid(written, &count) && count == rows[i].count, "row %zu", i);
        cr_expect_eq(listpack_count(listpack), rows[i].count, "row %zu", i);
    }
}

Test(listpack, back_lengths_grow_where_those_of_redis_do)
{
    static const struct {
        size_t text_len, head, back;
    } rows[] = {
        {0, 1, 1},      {63, 1, 1},      {64, 2, 1},       {125, 2, 1},      {126, 2, 2},       {4095, 2, 2},
        {4096, 5, 2},   {16377, 5, 2},   {16378, 5, 3},    {16379, 5, 3},    {2097145, 5, 3},   {2097146, 5, 4},
    };
    static char room[2200000];
    static char text[2200000];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct item item = {.data = text, .len = rows[i].text_len};
        const size_t size = rows[i].head + rows[i].text_len + rows[i].back;
        cr_expect_eq(listpack_entry_size(&item), size, "row %zu", i);
        cr_expect_eq(listpack_write_entry(room, &item), size, "row %zu", i);
        cr_expect_eq(listpack_size_at(room), size, "row %zu", i);
        cr_expect_eq(listpack_size_before(room + size), size, "row %zu", i);
        size_t count;
        cr_expect(listpack_entries_are_valid((struct bytes){room, size}, &count), "row %zu", i);
    }
}

Test(listpack, places_are_found_from_both_ends)
{
    char listpack[1000];
    listpack_init(listpack);
    for (int i = 0; i < 100; i++) {
        listpack_append(listpack, &(struct item){.integer = i * 100});
    }
    const struct bytes entries = listpack_entries(listpack);
    for (int64_t i = -100; i < 100; i++) {
        const struct item item = packed_read(entries.data + listpack_place(listpack, i));
        cr_expect_eq(item.integer, (i < 0 ? i + 100 : i) * 100);
    }
    static const int64_t beyond[] = {100, -101, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < COUNT(beyond); i++) {
        cr_expect_eq(listpack_place(listpack, beyond[i]), entries.len);
    }
    cr_expect_eq(listpack_skip(entries, 0, 1000), entries.len);
    cr_expect_eq(listpack_skip_back(entries, entries.len, 1000), 0);
}

Test(listpack, count_is_found_by_walking_when_the_header_cannot_say_it)
{
    static char listpack[200000];
    listpack_init(listpack);
    for (int i = 0; i < 65534; i++) {
        listpack_append(listpack, &(struct item){.integer = 1});
    }
    cr_expect_eq(listpack[4] & 0xFF, 0xFE);
    for (int i = 65535; i < 65600; i++) {
        listpack_append(listpack, &(struct item){.integer = 1});
        cr_expect_eq(listpack_count(listpack), (size_t)i);
    }
    cr_expect_eq(listpack[4] & 0xFF, 0xFF);
    size_t count;
    cr_expect(listpack_is_valid((struct bytes){listpack, listpack_bytes(listpack)}, &count));
    cr_expect_eq(count, 65599);
    const struct listpack_edit edit = {.old_len = listpack_entries(listpack).len, .old_count = count};
    cr_expect_eq(listpack_apply(listpack, &edit), LISTPACK_EMPTY);
    cr_expect_eq(listpack_count(listpack), 0);
}

Test(listpack, find_takes_an_integer_that_was_kept_as_text)
{
    char listpack[100];
    listpack_init(listpack);
    const struct item items[] = {
        item_of_text(BYTES("x")), item_of_text(BYTES("7")), item_of_integer(8), item_of_text(BYTES("x")),
    };
    for (size_t i = 0; i < COUNT(items); i++) {
        listpack_append(listpack, &items[i]);
    }
    const struct bytes entries = listpack_entries(listpack);
    static const struct {
        struct bytes wanted;
        unsigned stride;
        size_t from, place;
    } rows[] = {
        {BYTES("x"), 1, 0, 0}, {BYTES("x"), 1, 1, 3}, {BYTES("x"), 2, 0, 0}, {BYTES("7"), 1, 0, 1}, {BYTES("8"), 1, 0, 2},
        {BYTES("7"), 2, 0, 4}, {BYTES("8"), 2, 0, 2}, {BYTES("y"), 1, 0, 4}, {BYTES(""), 1, 0, 4},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct item wanted = packed_item(rows[i].wanted);
        size_t at = listpack_skip(entries, 0, rows[i].from);
        const bool is_there = listpack_find(entries, rows[i].stride, &wanted, &at);
        cr_expect_eq(is_there, rows[i].place < COUNT(items), "row %zu", i);
        cr_expect_eq(at, listpack_skip(entries, 0, rows[i].place), "row %zu", i);
    }
}

/* --- against a model --- */

struct model {
    struct {
        char text[MODEL_TEXT_MAX];
        size_t len;
    } items[MODEL_ITEMS_MAX * 2];
    size_t count;
};

static size_t random_text(char *out)
{
    static const size_t lengths[] = {0, 1, 2, 10, 63, 64, 125, 126, 127, 4095, 4096, 4999};
    if (random_below(2) == 0) {
        const int64_t wide = (int64_t)((uint64_t)random_below(SIZE_MAX) >> random_below(64));
        return int64_format(random_below(2) == 0 ? wide : -wide, out);
    }
    const size_t len = lengths[random_below(COUNT(lengths))];
    memset(out, (int)random_below(256), len);
    return len;
}

static struct bytes model_text(const struct model *model, size_t i)
{
    return (struct bytes){model->items[i].text, model->items[i].len};
}

static void model_replace(struct model *model, size_t at, size_t old_count, size_t count)
{
    memmove(&model->items[at + count], &model->items[at + old_count],
            (model->count - at - old_count) * sizeof model->items[0]);
    model->count = model->count - old_count + count;
    for (size_t i = at; i < at + count; i++) {
        model->items[i].len = random_text(model->items[i].text);
    }
}

static void check(const struct model *model, const char *listpack)
{
    const struct bytes entries = listpack_entries(listpack);
    char scratch[ITEM_SCRATCH];
    struct item item;
    size_t count;
    size_t at = 0;
    cr_assert(listpack_is_valid((struct bytes){listpack, listpack_bytes(listpack)}, &count));
    cr_assert_eq(count, model->count);
    cr_assert_eq(listpack_count(listpack), model->count);
    for (size_t i = 0; i < model->count; i++) {
        cr_assert(listpack_next(entries, &at, &item));
        cr_assert(bytes_equal(item_text(&item, scratch), model_text(model, i)));
    }
    cr_assert(!listpack_next(entries, &at, &item));
    for (size_t i = model->count; i-- > 0;) {
        cr_assert(listpack_previous(entries, &at, &item));
        cr_assert(bytes_equal(item_text(&item, scratch), model_text(model, i)));
    }
    cr_assert(!listpack_previous(entries, &at, &item));
}

Test(listpack, edits_agree_with_a_naive_model)
{
    seed_random();
    struct model *model = calloc(1, sizeof *model);
    char *listpack = malloc(ROOM);
    listpack_init(listpack);
    for (int step = 0; step < 4000; step++) {
        const size_t first = random_below(model->count + 1);
        const size_t old_count = random_below(2) == 0 ? 0 : random_below(model->count - first + 1) % 7;
        const size_t count = model->count > MODEL_ITEMS_MAX - 5 ? 0 : random_below(5);
        const struct bytes entries = listpack_entries(listpack);
        const size_t at = listpack_skip(entries, 0, first);
        const size_t old_len = listpack_skip(entries, at, old_count) - at;
        model_replace(model, first, old_count, count);
        struct item items[5];
        for (size_t i = 0; i < count; i++) {
            items[i] = packed_item(model_text(model, first + i));
        }
        const struct listpack_edit edit = {at, old_len, old_count, items, count};
        const size_t expected = listpack_edited_bytes(listpack, &edit);
        cr_assert_eq(listpack_apply(listpack, &edit), expected);
        cr_assert_eq(listpack_bytes(listpack), expected);
        check(model, listpack);
    }
    free(listpack);
    free(model);
}

/* --- bytes from outside --- */

Test(listpack, refuses_what_is_not_a_whole_listpack)
{
    static const struct bytes rows[] = {
        BYTES(""),
        BYTES("\x07\x00\x00\x00\x00\x00"),
        BYTES("\x07\x00\x00\x00\x00\x00\xfe"),
        BYTES("\x08\x00\x00\x00\x00\x00\xff"),
        BYTES("\x07\x00\x00\x00\x01\x00\xff"),
        BYTES("\x09\x00\x00\x00\x02\x00\x01\x01\xff"),             /* one item, not two */
        BYTES("\x09\x00\x00\x00\x01\x00\x01\x02\xff"),             /* back length */
        BYTES("\x08\x00\x00\x00\x01\x00\x01\xff"),                 /* no back length */
        BYTES("\x0a\x00\x00\x00\x01\x00\x82" "a\x02\xff"),         /* text too long */
        BYTES("\x0a\x00\x00\x00\x01\x00\xf5\x01\x02\xff"),         /* no such item */
        BYTES("\x0a\x00\x00\x00\x01\x00\xff\x01\x02\xff"),
        BYTES("\x0d\x00\x00\x00\x01\x00\xf0\xff\xff\xff\xff\x05\xff"),
        BYTES("\x08\x00\x00\x00\x01\x00\xf4\xff"),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t count;
        cr_expect(!listpack_is_valid(rows[i], &count), "row %zu", i);
    }
}

Test(listpack, takes_items_that_are_not_in_their_shortest_form)
{
    static const struct bytes rows[] = {
        BYTES("\x0b\x00\x00\x00\x01\x00\xf1\x01\x00\x03\xff"),
        BYTES("\x0b\x00\x00\x00\xff\xff\xf1\x01\x00\x03\xff"),
        BYTES("\x0a\x00\x00\x00\x01\x00\x81" "1\x02\xff"),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t count;
        cr_assert(listpack_is_valid(rows[i], &count) && count == 1, "row %zu", i);
        const struct item one = item_of_integer(1);
        size_t at = 0;
        cr_expect(listpack_find(listpack_entries(rows[i].data), 1, &one, &at), "row %zu", i);
    }
}
