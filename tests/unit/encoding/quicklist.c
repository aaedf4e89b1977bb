/* quicklist.c - long lists against a naive model, for all kinds of nodes; exact bytes; refused memory.  */
#include "encoding/quicklist.h"

#include "encoding/packed.h"
#include "encoding/quicklist_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { MODEL_ITEMS_MAX = 3000, TEXT_MAX = 70000, PLACES_MAX = 20 };

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

/* --- the model: the items' texts by a number that makes them --- */

struct fixture {
    struct heap *heap;
    struct quicklist *list;
    uint32_t items[MODEL_ITEMS_MAX];
    size_t count;
    char text[TEXT_MAX];
};

/* The text that a number stands for: mostly short; now and then an integer, or longer than a node. */
static struct bytes text_of(struct fixture *f, uint32_t number)
{
    static const size_t lengths[] = {0, 1, 5, 16, 16, 16, 16, 30, 62, 63, 64, 126, 127, 300, 1000, 4000,
                                     4070, 8170, 20000, 69000};
    size_t len = lengths[number % 1000 < 940 ? number % 12 : number % COUNT(lengths)];
    if (number % 5 == 0) {
        const int64_t integer = (int64_t)((uint64_t)number * UINT64_C(0x9e3779b97f4a7c15)) >> number % 64;
        return (struct bytes){f->text, int64_format(integer, f->text)};
    }
    for (size_t i = 0; i < len; i++) {
        f->text[i] = (char)('a' + (number >> i % 20 & 1));
    }
    return (struct bytes){f->text, len};
}

static struct item item_of(struct fixture *f, uint32_t number)
{
    return packed_item(text_of(f, number));
}

static bool is_item(struct fixture *f, const struct item *item, uint32_t number)
{
    char scratch[ITEM_SCRATCH];
    return bytes_equal(item_text(item, scratch), text_of(f, number));
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

static void check_bytes(const struct fixture *f)
{
    const char *fault = f->list->base.type->fault(&f->list->base);
    cr_assert_null(fault, "%s", fault);
    cr_assert_eq((int64_t)f->list->base.bytes, heap_counters(f->heap)->class_bytes[MEM_LIST]);
    cr_assert_eq(f->list->count, f->count);
}

/* Walks `limit` items, or to the end. */
static void check_walk(struct fixture *f, size_t index, enum list_end from, size_t limit)
{
    struct quicklist_walk walk;
    struct item item;
    size_t seen = 0;
    quicklist_walk_begin(&walk, f->list, index, from);
    while (random_below(3) > 0 && !quicklist_walk_seek(&walk, 2)) {
    }
    for (; seen < limit && quicklist_walk_next(&walk, &item); seen++) {
        const size_t at = from == LIST_HEAD ? index + seen : index - seen;
        cr_assert(is_item(f, &item, f->items[at]), "item %zu", at);
    }
    const size_t all = index >= f->count ? 0 : from == LIST_HEAD ? f->count - index : index + 1;
    cr_assert_eq(seen, limit < all ? limit : all);
    cr_assert(!walk.is_refused);
    quicklist_walk_end(&walk);
}

static void check_all(struct fixture *f)
{
    check_bytes(f);
    check_walk(f, 0, LIST_HEAD, f->count + 1);
    if (f->count > 0) {
        check_walk(f, f->count - 1, LIST_TAIL, f->count + 1);
        const struct item head = quicklist_end_item(f->list, LIST_HEAD);
        const struct item tail = quicklist_end_item(f->list, LIST_TAIL);
        cr_assert(is_item(f, &head, f->items[0]) && is_item(f, &tail, f->items[f->count - 1]));
    }
}

/* The place of item `index`. */
static struct quicklist_place place_of(struct fixture *f, size_t index)
{
    struct quicklist_walk walk;
    struct item item;
    quicklist_walk_begin(&walk, f->list, index, random_below(2) == 0 ? LIST_HEAD : LIST_TAIL);
    cr_assert(quicklist_walk_next(&walk, &item));
    const struct quicklist_place place = quicklist_walk_place(&walk);
    quicklist_walk_end(&walk);
    return place;
}

static struct fixture *fixture_make(int64_t size, int64_t depth)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct encoding_limits limits = {.list_max_listpack_size = size, .list_compress_depth = depth};
    f->heap = heap_create();
    f->list = quicklist_create(f->heap, &limits);
    cr_assert_not_null(f->list);
    return f;
}

static void fixture_unmake(struct fixture *f)
{
    collection_destroy(&f->list->base);
    cr_assert_eq(mem_counters_total(heap_counters(f->heap)), 0);
    heap_destroy(f->heap);
    free(f);
}

/* --- one random change each; RESULT_NO_MEMORY leaves the model alone --- */

static enum result change_push(struct fixture *f)
{
    const uint32_t number = (uint32_t)random_below(100000);
    const struct item item = item_of(f, number);
    const enum list_end end = random_below(2) == 0 ? LIST_HEAD : LIST_TAIL;
    const enum result result = quicklist_push(f->list, end, &item);
    if (result == RESULT_OK) {
        model_insert(f, end == LIST_HEAD ? 0 : f->count, number);
    }
    return result;
}

static enum result change_drop(struct fixture *f)
{
    const enum list_end end = random_below(2) == 0 ? LIST_HEAD : LIST_TAIL;
    const enum result result = quicklist_drop_end(f->list, end);
    if (result == RESULT_OK) {
        model_delete(f, end == LIST_HEAD ? 0 : f->count - 1, 1);
    }
    return result;
}

static enum result change_insert(struct fixture *f)
{
    const uint32_t number = (uint32_t)random_below(100000);
    const size_t at = random_below(f->count);
    const enum list_end side = random_below(2) == 0 ? LIST_HEAD : LIST_TAIL;
    const struct item item = item_of(f, number);
    const enum result result = quicklist_insert(f->list, place_of(f, at), side, &item);
    if (result == RESULT_OK) {
        model_insert(f, side == LIST_HEAD ? at : at + 1, number);
    }
    return result;
}

static enum result change_replace(struct fixture *f)
{
    const uint32_t number = (uint32_t)random_below(100000);
    const size_t at = random_below(f->count);
    const struct item item = item_of(f, number);
    const enum result result = quicklist_replace(f->list, place_of(f, at), &item);
    if (result == RESULT_OK) {
        f->items[at] = number;
    }
    return result;
}

/* Half of the time a list for what is cut off; defragmentation was somewhere in the list that it comes from. */
static struct quicklist *begin_cut(struct fixture *f)
{
    static const struct encoding_limits none = {0};
    f->list->defrag_next = random_below(2) == 0 ? NULL : place_of(f, random_below(f->count)).node;
    return random_below(2) == 0 ? NULL : quicklist_create(f->heap, &none);
}

static void end_cut(struct fixture *f, struct quicklist *bin)
{
    const struct quicklist_node *node = f->list->ends[LIST_HEAD];
    while (node != NULL && node != f->list->defrag_next) {
        node = node->links[LIST_TAIL];
    }
    cr_assert_eq(node, f->list->defrag_next);
    if (bin == NULL) {
        return;
    }
    uint64_t nodes = 0;
    uint64_t items = 0;
    uint64_t bytes = heap_block_bytes(sizeof *bin);
    for (node = bin->ends[LIST_HEAD]; node != NULL; node = node->links[LIST_TAIL]) {
        cr_assert_eq(node->links[LIST_TAIL] == NULL, node == bin->ends[LIST_TAIL]);
        nodes++;
        items += node->count;
        bytes += heap_block_bytes(node_request(node));
    }
    cr_assert_eq(nodes, bin->node_count);
    cr_assert_eq(items, bin->count);
    cr_assert_eq(bytes, bin->base.bytes);
    collection_destroy(&bin->base);
}

static enum result change_cut(struct fixture *f)
{
    const size_t first = random_below(f->count + 1);
    const size_t count = random_below(f->count - first + 1) >> random_below(8);
    struct quicklist *bin = begin_cut(f);
    const enum result result = quicklist_cut(f->list, first, count, bin);
    end_cut(f, bin);
    if (result == RESULT_OK) {
        model_delete(f, first, count);
    }
    return result;
}

static enum result change_keep(struct fixture *f)
{
    const size_t first = random_below(f->count) >> random_below(6);
    const size_t left = f->count - first;
    const size_t count = left - (random_below(left) >> random_below(6));
    struct quicklist *bin = begin_cut(f);
    const enum result result = quicklist_keep(f->list, first, count, bin);
    end_cut(f, bin);
    if (result == RESULT_OK) {
        model_delete(f, first + count, left - count);
        model_delete(f, 0, first);
    }
    return result;
}

static enum result change_delete_places(struct fixture *f)
{
    size_t indexes[PLACES_MAX];
    struct quicklist_place places[PLACES_MAX];
    size_t count = 0;
    const size_t step = 1 + random_below(4) * random_below(100);
    for (size_t at = random_below(f->count); at < f->count && count < PLACES_MAX; at += 1 + random_below(step)) {
        indexes[count] = at;
        places[count++] = place_of(f, at);
    }
    const enum result result = quicklist_delete_places(f->list, places, count);
    while (result == RESULT_OK && count-- > 0) {
        model_delete(f, indexes[count], 1);
    }
    return result;
}

typedef enum result change_fn(struct fixture *f);

/* One change out of a mix that keeps a list at some hundreds of items. */
static enum result change(struct fixture *f)
{
    static change_fn *const changes[] = {
        change_push, change_push, change_push, change_push, change_drop, change_drop, change_insert, change_insert,
        change_insert, change_replace, change_replace, change_replace,
    };
    if (f->count == 0) {
        return change_push(f);
    }
    if (f->count > MODEL_ITEMS_MAX - 50 || random_below(800) == 0) {
        return random_below(2) == 0 ? change_keep(f) : change_cut(f);
    }
    if (random_below(40) == 0) {
        return change_delete_places(f);
    }
    if (random_below(20) == 0) {
        const size_t first = random_below(f->count);
        const size_t count = 1 + random_below(3);
        const bool fits = first + count <= f->count;
        const enum result result = fits ? quicklist_cut(f->list, first, count, NULL) : RESULT_OK;
        if (fits && result == RESULT_OK) {
            model_delete(f, first, count);
        }
        return result;
    }
    return changes[random_below(COUNT(changes))](f);
}

static const struct {
    int64_t size, depth;
} limits_rows[] = {{-2, 0}, {-2, 1}, {-1, 2}, {-5, 1}, {3, 0}, {3, 1}, {0, 1}, {100, 3}, {-100, 0}, {INT64_MAX, 1}};

Test(quicklist, agrees_with_a_naive_model)
{
    seed_random();
    for (size_t row = 0; row < COUNT(limits_rows); row++) {
        struct fixture *f = fixture_make(limits_rows[row].size, limits_rows[row].depth);
        for (int step = 0; step < 3000; step++) {
            cr_assert_eq(change(f), RESULT_OK);
            if (step % 16 == 0) {
                check_all(f);
                check_walk(f, random_below(f->count + 2), random_below(2) == 0 ? LIST_HEAD : LIST_TAIL, 10);
            }
        }
        check_all(f);
        printf("limits %lld %lld: %zu items in %llu nodes, %llu bytes\n", (long long)limits_rows[row].size,
               (long long)limits_rows[row].depth, f->count, (unsigned long long)f->list->node_count,
               (unsigned long long)f->list->base.bytes);
        fixture_unmake(f);
    }
}

Test(quicklist, is_as_before_when_memory_is_refused)
{
    unsigned refused = 0;
    seed_random();
    for (size_t row = 0; row < COUNT(limits_rows); row++) {
        struct fixture *f = fixture_make(limits_rows[row].size, limits_rows[row].depth);
        for (int step = 0; step < 3000; step++) {
            heap_fail_after(f->heap, step < 300 ? -1 : (int64_t)random_below(4));
            refused += change(f) == RESULT_NO_MEMORY;
            heap_fail_after(f->heap, -1);
            check_bytes(f);
            if (step % 16 == 0) {
                check_all(f);
            }
        }
        check_all(f);
        fixture_unmake(f);
    }
    cr_expect_gt(refused, 500u, "%u", refused);
}

Test(quicklist, a_copy_shares_nothing)
{
    seed_random();
    struct fixture *f = fixture_make(-1, 1);
    for (int step = 0; step < 1500; step++) {
        cr_assert_eq(change_push(f), RESULT_OK);
    }
    struct quicklist *original = f->list;
    struct quicklist *copy = (struct quicklist *)original->base.type->copy(&original->base, f->heap);
    cr_assert_not_null(copy);
    f->list = copy;
    collection_destroy(&original->base);
    check_all(f);
    for (int64_t allowed = 0;; allowed++) {
        heap_fail_after(f->heap, allowed);
        struct collection *again = copy->base.type->copy(&copy->base, f->heap);
        heap_fail_after(f->heap, -1);
        if (again != NULL) {
            collection_destroy(again);
            break;
        }
        check_bytes(f);
    }
    fixture_unmake(f);
}

Test(quicklist, is_freed_in_steps)
{
    struct fixture *f = fixture_make(-2, 0);
    for (uint32_t i = 0; i < 2500; i++) {
        const struct item item = item_of_text(BYTES("16-byte-element!"));
        cr_assert_eq(quicklist_push(f->list, LIST_TAIL, &item), RESULT_OK);
    }
    unsigned steps = 1;
    size_t limit = 500;
    while (!f->list->base.type->free_step(&f->list->base, &limit)) {
        limit = 500;
        steps++;
    }
    cr_expect_geq(steps, 3);
    cr_expect_eq(mem_counters_total(heap_counters(f->heap)), 0);
    heap_destroy(f->heap);
    free(f);
}

Test(quicklist, cut_hands_out_whole_nodes)
{
    struct fixture *f = fixture_make(-2, 1);
    const struct encoding_limits none = {0};
    struct quicklist *bin = quicklist_create(f->heap, &none);
    for (uint32_t i = 0; i < 2900; i++) {
        const struct item item = item_of_integer(i * 1000003);
        cr_assert_eq(quicklist_push(f->list, LIST_TAIL, &item), RESULT_OK);
    }
    cr_assert_eq(quicklist_keep(f->list, 1000, 50, bin), RESULT_OK);
    cr_expect_eq(f->list->count, 50);
    cr_expect_gt(bin->count, 0);
    cr_expect_leq(bin->count, 2850);
    const struct item first = quicklist_end_item(f->list, LIST_HEAD);
    cr_expect_eq(first.integer, 1000 * 1000003);
    cr_expect_null(f->list->base.type->fault(&f->list->base));
    cr_expect_eq((int64_t)(f->list->base.bytes + bin->base.bytes), heap_counters(f->heap)->class_bytes[MEM_LIST]);
    quicklist_swap(f->list, bin);
    cr_expect_eq(bin->count, 50);
    cr_expect_null(bin->base.type->fault(&bin->base));
    collection_destroy(&bin->base);
    cr_expect_eq((int64_t)f->list->base.bytes, heap_counters(f->heap)->class_bytes[MEM_LIST]);
    fixture_unmake(f);
}

Test(quicklist, an_item_of_16_bytes_takes_18_bytes_and_a_half_at_most)
{
    static const struct {
        int64_t size;
        enum list_end end;
    } rows[] = {{-2, LIST_TAIL}, {-2, LIST_HEAD}, {-1, LIST_TAIL}, {-5, LIST_HEAD}};
    for (size_t row = 0; row < COUNT(rows); row++) {
        struct fixture *f = fixture_make(rows[row].size, 0);
        for (uint32_t i = 0; i < 100000; i++) {
            char text[17];
            snprintf(text, sizeof text, "element:%08u", i);
            const struct item item = item_of_text((struct bytes){text, 16});
            cr_assert_eq(quicklist_push(f->list, rows[row].end, &item), RESULT_OK);
        }
        const double bytes = (double)f->list->base.bytes / 100000;
        printf("limit %d: %.2f bytes an item\n", (int)rows[row].size, bytes);
        cr_expect_leq(bytes, 18.5);
        f->count = 100000;
        check_bytes(f);
        fixture_unmake(f);
    }
}
