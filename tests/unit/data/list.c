/* list.c - lists in their entries and apart against a naive model; exact bytes; refused memory.  */
#include "data/list.h"

#include "encoding/listpack.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MODEL_ITEMS_MAX = 700, PLACES_MAX = 8 };

static const int64_t now_ms = INT64_C(1700000000000);
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

struct fixture {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
    struct encoding_limits limits;
    struct value value;     /* open between open() and close() */
    uint32_t items[MODEL_ITEMS_MAX];
    size_t count;
    char text[3000];
};

/* The text that a number stands for. */
static struct bytes text_of(struct fixture *f, uint32_t number)
{
    static const size_t lengths[] = {0, 1, 5, 16, 16, 30, 63, 64, 127, 300, 1020, 2999};
    const size_t len = lengths[number % 8 == 0 ? number / 8 % 12 : number % 6];
    if (number % 5 == 0) {
        return (struct bytes){f->text, int64_format((int64_t)number * 1000 - 40000, f->text)};
    }
    for (size_t i = 0; i < len; i++) {
        f->text[i] = (char)('a' + (number >> i % 20 & 1));
    }
    return (struct bytes){f->text, len};
}

static struct key the_key(const struct fixture *f)
{
    return (struct key){BYTES("key"), hash_bytes(&f->secret, BYTES("key"))};
}

static struct entry *find(struct fixture *f)
{
    return keyspace_find(&f->ks, the_key(f), now_ms);
}

static void open_key(struct fixture *f)
{
    value_open(&f->value, &f->ks, the_key(f), find(f));
}

/* Ends a change as commands do. */
static enum result close_key(struct fixture *f, enum result result)
{
    if (result == RESULT_OK && list_count(f->value.entry) == 0) {
        value_remove(&f->value);
        return RESULT_OK;
    }
    const enum result closed = value_close(&f->value);
    return result == RESULT_OK ? closed : result;
}

static struct fixture *fixture_make(int64_t size, int64_t depth)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->heap = heap_create();
    f->limits = (struct encoding_limits){.list_max_listpack_size = size, .list_compress_depth = depth};
    cr_assert(hash_secret_draw(&f->secret));
    keyspace_init(&f->ks, f->heap, &f->secret);
    return f;
}

static void fixture_unmake(struct fixture *f)
{
    keyspace_clear(&f->ks);
    cr_assert_eq(mem_counters_total(heap_counters(f->heap)), 0);
    heap_destroy(f->heap);
    free(f);
}

/* Is there a listpack, and behind it only what was not given back because memory was refused? */
static bool is_listpack(struct bytes packed)
{
    size_t count;
    const size_t len = listpack_bytes(packed.data);
    return len <= packed.len && listpack_is_valid((struct bytes){packed.data, len}, &count);
}

static void check_bytes(struct fixture *f)
{
    struct keyspace_tally seen = {0};
    char finding[200];
    cr_assert(keyspace_audit(&f->ks, &seen, finding), "%s", finding);
    cr_assert_eq(heap_counters(f->heap)->class_bytes[MEM_LIST], (int64_t)f->ks.entry_bytes);
    const struct entry *entry = find(f);
    cr_assert_eq(entry == NULL, f->count == 0);
    if (entry != NULL) {
        cr_assert_eq(entry_type(entry), VALUE_LIST);
        cr_assert_str_eq(entry_encoding_name(entry), "quicklist");
        cr_assert_eq(list_count(entry), f->count);
        cr_assert(entry_form(entry) == VALUE_FORM_LIST || is_listpack(entry_packed(entry)));
    }
}

static void check_items(struct fixture *f)
{
    for (enum list_end from = LIST_HEAD; f->count > 0 && from <= LIST_TAIL; from++) {
        const size_t first = random_below(f->count);
        const size_t expected = from == LIST_HEAD ? f->count - first : first + 1;
        struct list_walk walk;
        struct item item;
        size_t seen = 0;
        list_walk_begin(&walk, find(f), first, from);
        for (; list_walk_next(&walk, &item); seen++) {
            char scratch[ITEM_SCRATCH];
            const uint32_t number = f->items[from == LIST_HEAD ? first + seen : first - seen];
            cr_assert(bytes_equal(item_text(&item, scratch), text_of(f, number)));
        }
        cr_assert_eq(seen, expected);
        list_walk_end(&walk);
    }
}

static struct quicklist_place place_of(struct fixture *f, size_t index)
{
    struct list_walk walk;
    struct item item;
    list_walk_begin(&walk, f->value.entry, index, LIST_HEAD);
    cr_assert(list_walk_next(&walk, &item));
    const struct quicklist_place place = list_walk_place(&walk);
    list_walk_end(&walk);
    return place;
}

static void model_insert(struct fixture *f, size_t at, uint32_t number)
{
    memmove(f->items + at + 1, f->items + at, (f->count - at) * sizeof f->items[0]);
    f->items[at] = number;
    f->count++;
}

static void model_delete(struct fixture *f, size_t at, size_t count)
{
    memmove(f->items + at, f->items + at + count, (f->count - at - count) * sizeof f->items[0]);
    f->count -= count;
}

/* --- changes --- */

static enum result change_push(struct fixture *f, enum list_end end)
{
    const uint32_t number = (uint32_t)random_below(100000);
    const enum result result = close_key(f, list_push(&f->value, &f->limits, end, text_of(f, number)));
    if (result == RESULT_OK) {
        model_insert(f, end == LIST_HEAD ? 0 : f->count, number);
    }
    return result;
}

static enum result change_drop(struct fixture *f, enum list_end end)
{
    const enum result result = close_key(f, list_drop(&f->value, end));
    if (result == RESULT_OK) {
        model_delete(f, end == LIST_HEAD ? 0 : f->count - 1, 1);
    }
    return result;
}

static enum result change_place(struct fixture *f, bool is_insertion, enum list_end side)
{
    const uint32_t number = (uint32_t)random_below(100000);
    const size_t at = random_below(f->count);
    const struct quicklist_place place = place_of(f, at);
    const struct bytes text = text_of(f, number);
    enum result result = is_insertion ? list_insert(&f->value, &f->limits, place, side, text)
                                      : list_replace(&f->value, &f->limits, place, text);
    result = close_key(f, result);
    if (result == RESULT_OK && is_insertion) {
        model_insert(f, side == LIST_HEAD ? at : at + 1, number);
    } else if (result == RESULT_OK) {
        f->items[at] = number;
    }
    return result;
}

static enum result change_range(struct fixture *f, bool is_kept)
{
    const size_t first = random_below(f->count);
    const size_t left = f->count - first;
    const size_t count = 1 + (random_below(left) >> random_below(6));
    const enum result result = close_key(f, is_kept ? list_keep(&f->value, first, count) : list_delete(&f->value, first, count));
    if (result == RESULT_OK && is_kept) {
        model_delete(f, first + count, left - count);
        model_delete(f, 0, first);
    } else if (result == RESULT_OK) {
        model_delete(f, first, count);
    }
    return result;
}

static enum result change_places(struct fixture *f)
{
    size_t indexes[PLACES_MAX];
    struct quicklist_place places[PLACES_MAX];
    size_t count = 0;
    for (size_t at = random_below(f->count); at < f->count && count < PLACES_MAX; at += 1 + random_below(40)) {
        indexes[count] = at;
        places[count++] = place_of(f, at);
    }
    const enum result result = close_key(f, list_delete_places(&f->value, places, count));
    while (result == RESULT_OK && count-- > 0) {
        model_delete(f, indexes[count], 1);
    }
    return result;
}

static enum result change_all(struct fixture *f)
{
    struct quicklist *items = quicklist_create(f->heap, &f->limits);
    if (f->value.entry == NULL || entry_form(f->value.entry) != VALUE_FORM_LIST || items == NULL) {
        list_lazy_free(&f->ks, items);
        return items == NULL ? RESULT_NO_MEMORY : value_close(&f->value);
    }
    const struct item item = packed_item(text_of(f, 77));
    const enum result result = quicklist_push(items, LIST_HEAD, &item);
    if (result != RESULT_OK) {
        list_lazy_free(&f->ks, items);
        return result;
    }
    list_exchange(&f->value, items);
    f->count = 1;
    f->items[0] = 77;
    return close_key(f, RESULT_OK);
}

/* One random change; the list grows at first, later it shrinks, in turns. */
static enum result change(struct fixture *f, int step)
{
    const enum list_end end = random_below(2) == 0 ? LIST_HEAD : LIST_TAIL;
    const size_t choice = random_below(step / 300 % 2 == 0 ? 13 : 22);
    open_key(f);
    if (f->count == 0 || (choice < 5 && f->count < MODEL_ITEMS_MAX - 1)) {
        return change_push(f, end);
    }
    if (choice < 10 && f->count < MODEL_ITEMS_MAX - 1) {
        return change_place(f, choice < 8, end);
    }
    if (choice == 10 || choice == 11) {
        return change_places(f);
    }
    if (choice == 12 && random_below(10) == 0) {
        return random_below(3) == 0 ? change_all(f) : change_range(f, end == LIST_HEAD);
    }
    return change_drop(f, end);
}

static const struct {
    int64_t size, depth;
} limits_rows[] = {{-2, 0}, {-1, 1}, {3, 1}, {0, 0}};

Test(list, agrees_with_a_naive_model_in_both_forms)
{
    seed_random();
    for (size_t row = 0; row < sizeof limits_rows / sizeof limits_rows[0]; row++) {
        struct fixture *f = fixture_make(limits_rows[row].size, limits_rows[row].depth);
        unsigned forms[VALUE_FORM_COUNT] = {0};
        for (int step = 0; step < 4000; step++) {
            cr_assert_eq(change(f, step), RESULT_OK);
            check_bytes(f);
            check_items(f);
            forms[f->count == 0 ? VALUE_FORM_NONE : entry_form(find(f))]++;
        }
        printf("none %u, packed %u, apart %u\n", forms[VALUE_FORM_NONE], forms[VALUE_FORM_LIST_PACKED], forms[VALUE_FORM_LIST]);
        cr_expect(forms[VALUE_FORM_LIST_PACKED] > 100 && forms[VALUE_FORM_LIST] > 100);
        fixture_unmake(f);
    }
}

Test(list, is_as_before_when_memory_is_refused)
{
    seed_random();
    unsigned refused = 0;
    for (size_t row = 0; row < sizeof limits_rows / sizeof limits_rows[0]; row++) {
        struct fixture *f = fixture_make(limits_rows[row].size, limits_rows[row].depth);
        for (int step = 0; step < 4000; step++) {
            heap_fail_after(f->heap, (int64_t)random_below(5) - 1);
            refused += change(f, step) == RESULT_NO_MEMORY;
            heap_fail_after(f->heap, -1);
            check_bytes(f);
            check_items(f);
        }
        fixture_unmake(f);
    }
    cr_expect_gt(refused, 100u, "%u", refused);
}

Test(list, becomes_one_apart_and_returns)
{
    struct fixture *f = fixture_make(-2, 0);
    enum value_form form = VALUE_FORM_NONE;
    unsigned count = 0;
    for (; form != VALUE_FORM_LIST; count++) {
        open_key(f);
        cr_assert_eq(close_key(f, list_push(&f->value, &f->limits, LIST_TAIL, BYTES("16-byte-element!"))), RESULT_OK);
        form = entry_form(find(f));
    }
    cr_expect_eq(count, (LIST_PACKED_MAX - LISTPACK_EMPTY) / 18 + 1);
    for (; form == VALUE_FORM_LIST; count--) {
        open_key(f);
        cr_assert_eq(close_key(f, list_drop(&f->value, LIST_HEAD)), RESULT_OK);
        form = entry_form(find(f));
    }
    cr_expect_eq(count, (LIST_PACKED_AGAIN_MAX - LISTPACK_EMPTY) / 18);
    fixture_unmake(f);
}
