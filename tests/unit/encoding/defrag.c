/* defrag.c - collections whose blocks all move, or leave sparse pages, while they change: always valid, the same content as a
 * twin that nobody moves, the same bytes.  */
#include "base/random.h"
#include "encoding/member_table.h"
#include "encoding/quicklist.h"
#include "encoding/score_set.h"
#include "encoding/stream_group.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TEXT_MAX = 6000,
    SMALL_ITEMS = 3000,  /* with a check after each step */
    LARGE_ITEMS = 250000,
    STEP_MAX = 40,
    STEPS_MAX = 1000000,
    GROUPS = 5,
    CONSUMERS = 7,
    KEPT_OF_TEN = 1,
    CYCLES_MAX = 5,
};

static struct hash_secret secret;
static uint64_t random_state;

static uint64_t random_u64(void)
{
    return random_next(&random_state);
}

static void start(void)
{
    random_state = UINT64_C(20240607);
    cr_assert(hash_secret_draw(&secret));
}

TestSuite(defrag, .init = start, .timeout = 240);

/* Text number `number`: mostly short, some longer than what stands in leaves, few very long. */
static struct bytes text_of(uint64_t number, char text[TEXT_MAX])
{
    size_t len = (size_t)snprintf(text, TEXT_MAX, "item:%llu", (unsigned long long)number);
    const size_t wanted = number % 701 == 5 ? 5000 : number % 53 == 5 ? 257 + number % 300 : number % 9 == 5 ? 60 : len;
    for (; len < wanted; len++) {
        text[len] = (char)('a' + (number + len) % 5);
    }
    return (struct bytes){text, len};
}

/* --- what is tested: a type, and changes of it that depend on the number only --- */

struct subject {
    const char *name;
    struct collection *(*create)(struct heap *heap);
    void (*add)(struct collection *collection, uint64_t number);
    void (*remove)(struct collection *collection, uint64_t number);
    void (*compare)(struct collection *a, struct collection *b);
};

static bool items_equal(const struct item *a, const struct item *b)
{
    char scratch[2][ITEM_SCRATCH];
    return bytes_equal(item_text(a, scratch[0]), item_text(b, scratch[1]));
}

/* Sets and hashes. */

static struct collection *set_create(struct heap *heap)
{
    return &member_table_create(heap, &secret, &member_set_type, ENCODING_HASHTABLE)->collection;
}

static struct collection *hash_create(struct heap *heap)
{
    return &member_table_create(heap, &secret, &member_hash_type, ENCODING_HASHTABLE)->collection;
}

static void member_add(struct collection *collection, uint64_t number)
{
    struct member_table *table = member_table_of(collection);
    char text[TEXT_MAX];
    char value_text[TEXT_MAX];
    const struct item member = item_of_text(text_of(number, text));
    const struct item value = item_of_text(text_of(number * 31, value_text));
    bool is_new;
    cr_assert_eq(member_table_put(table, &member, table->has_values ? &value : NULL, &is_new), RESULT_OK);
}

static void member_remove(struct collection *collection, uint64_t number)
{
    char text[TEXT_MAX];
    const struct item member = item_of_text(text_of(number, text));
    (void)member_table_remove(member_table_of(collection), &member);
}

static void member_compare(struct collection *a, struct collection *b)
{
    struct member_table *table = member_table_of(a);
    struct member_table *twin = member_table_of(b);
    cr_assert_eq(table->count, twin->count);
    struct member_walk walk;
    struct item member, value, twin_value;
    for (member_walk_begin(&walk, table); member_walk_next(&walk, &member, table->has_values ? &value : NULL);) {
        cr_assert(member_table_find(twin, &member, table->has_values ? &twin_value : NULL));
        cr_assert(!table->has_values || items_equal(&value, &twin_value));
    }
}

/* Sorted sets. */

static struct collection *zset_create(struct heap *heap)
{
    return score_set_collection(score_set_create(heap, &secret));
}

static void zset_add(struct collection *collection, uint64_t number)
{
    char text[TEXT_MAX];
    const double score = (double)(number * 7919 % 5003);
    cr_assert_eq(score_set_put(score_set_of(collection), text_of(number, text), score), RESULT_OK);
}

static void zset_remove(struct collection *collection, uint64_t number)
{
    char text[TEXT_MAX];
    struct score_place place;
    if (score_set_find(score_set_of(collection), text_of(number, text), &place)) {
        score_set_remove(score_set_of(collection), &place);
    }
}

static void zset_compare(struct collection *a, struct collection *b)
{
    struct score_walk walk, twin_walk;
    struct score_item item, twin_item;
    score_walk_begin(&walk, score_set_of(a), 0);
    score_walk_begin(&twin_walk, score_set_of(b), 0);
    while (score_walk_next(&walk, &item)) {
        cr_assert(score_walk_next(&twin_walk, &twin_item));
        cr_assert(item.score == twin_item.score && bytes_equal(item.member, twin_item.member));
    }
    cr_assert(!score_walk_next(&twin_walk, &twin_item));
}

/* Lists. */

static struct collection *list_create(struct heap *heap)
{
    const struct encoding_limits limits = {.list_max_listpack_size = -2};
    return &quicklist_create(heap, &limits)->base;
}

static struct collection *compressed_list_create(struct heap *heap)
{
    const struct encoding_limits limits = {.list_max_listpack_size = -1, .list_compress_depth = 1};
    return &quicklist_create(heap, &limits)->base;
}

static void list_add(struct collection *collection, uint64_t number)
{
    char text[TEXT_MAX];
    const struct item item = item_of_text(text_of(number, text));
    const enum list_end end = number % 3 == 0 ? LIST_HEAD : LIST_TAIL;
    cr_assert_eq(quicklist_push((struct quicklist *)collection, end, &item), RESULT_OK);
}

/* Ten in a row, and so with the next nine numbers none: many removals in the middle of a long list take long. */
static void list_remove(struct collection *collection, uint64_t number)
{
    struct quicklist *list = (struct quicklist *)collection;
    if (number % 10 == 0 && list->count > 10) {
        cr_assert_eq(quicklist_cut(list, number * 7919 % (list->count - 10), 10, NULL), RESULT_OK);
    }
}

static void list_compare(struct collection *a, struct collection *b)
{
    struct quicklist_walk walk, twin_walk;
    struct item item, twin_item;
    quicklist_walk_begin(&walk, (struct quicklist *)a, 0, LIST_HEAD);
    quicklist_walk_begin(&twin_walk, (struct quicklist *)b, 0, LIST_HEAD);
    while (quicklist_walk_next(&walk, &item)) {
        cr_assert(quicklist_walk_next(&twin_walk, &twin_item));
        cr_assert(items_equal(&item, &twin_item));
    }
    cr_assert(!quicklist_walk_next(&twin_walk, &twin_item));
    quicklist_walk_end(&walk);
    quicklist_walk_end(&twin_walk);
}

/* Streams: an entry a number, each third pending for a consumer; the first consumer of a group has most. */

static struct stream_group *group_of(struct stream *stream, uint64_t number)
{
    return stream->groups[number % GROUPS];
}

static struct collection *stream_create_with_groups(struct heap *heap)
{
    struct stream *stream = stream_create(heap);
    char name[32];
    for (int i = 0; i < GROUPS; i++) {
        struct stream_group *group;
        struct bytes text = {name, (size_t)snprintf(name, sizeof name, "group %d", i)};
        cr_assert_eq(stream_create_group(stream, text, STREAM_ID_MIN, 0, &group), RESULT_OK);
        for (int j = 0; j < CONSUMERS; j++) {
            struct stream_consumer *consumer;
            text = (struct bytes){name, (size_t)snprintf(name, sizeof name, "consumer %d of %d", j, i)};
            cr_assert_eq(stream_create_consumer(stream, group, text, 0, &consumer), RESULT_OK);
        }
    }
    return &stream->collection;
}

static struct stream_id id_of(uint64_t number)
{
    return (struct stream_id){1000 + number / 3, number % 3};
}

static void stream_add(struct collection *collection, uint64_t number)
{
    struct stream *stream = stream_of_collection(collection);
    const struct encoding_limits limits = {.stream_node_max_bytes = 400, .stream_node_max_entries = 10};
    char text[TEXT_MAX];
    struct bytes words[2] = {BYTES("field"), text_of(number, text)};
    if (stream_id_compare(id_of(number), stream->last_id) <= 0) {
        return;
    }
    cr_assert_eq(stream_append(stream, id_of(number), (struct stream_words){words, 1}, &limits), RESULT_OK);
    if (number % 3 == 0) {
        struct stream_group *group = group_of(stream, number / 3);
        const uint32_t at = (uint32_t)(number % 2 == 0 ? 0 : number / 16 % CONSUMERS);
        const struct stream_nack nack = {(int64_t)number, number, group->consumers[at]};
        cr_assert_eq(stream_set_pending(stream, group, id_of(number), &nack), RESULT_OK);
    }
}

static void stream_remove(struct collection *collection, uint64_t number)
{
    struct stream *stream = stream_of_collection(collection);
    const enum result result = stream_delete(stream, id_of(number));
    cr_assert(result == RESULT_OK || result == RESULT_NOT_FOUND);
    (void)stream_remove_pending(stream, group_of(stream, number / 3), id_of(number));
}

static void compare_pending(const struct stream_group *a, const struct stream_group *b)
{
    cr_assert_eq(a->pending.count, b->pending.count);
    struct id_cursor cursor = id_tree_first(&a->pending);
    for (; cursor.leaf != NULL; id_cursor_next(&cursor)) {
        const struct stream_nack *nack = id_cursor_value(&a->pending, cursor);
        const struct stream_nack *twin = stream_find_pending(b, id_cursor_id(cursor));
        cr_assert(twin != NULL && nack->delivery_count == twin->delivery_count);
        cr_assert(bytes_equal(stream_consumer_name(nack->consumer), stream_consumer_name(twin->consumer)));
    }
}

static void stream_compare(struct collection *a, struct collection *b)
{
    struct stream_walk walk, twin_walk;
    struct stream_entry entry, twin_entry;
    stream_walk_begin(&walk, stream_of_collection(a), STREAM_ID_MIN, STREAM_ID_MAX, false);
    stream_walk_begin(&twin_walk, stream_of_collection(b), STREAM_ID_MIN, STREAM_ID_MAX, false);
    while (stream_walk_next(&walk, &entry)) {
        struct item field, value, twin_value;
        cr_assert(stream_walk_next(&twin_walk, &twin_entry));
        cr_assert_eq(stream_id_compare(entry.id, twin_entry.id), 0);
        stream_entry_next_pair(&entry, &field, &value);
        stream_entry_next_pair(&twin_entry, &field, &twin_value);
        cr_assert(items_equal(&value, &twin_value));
    }
    cr_assert(!stream_walk_next(&twin_walk, &twin_entry));
    for (uint32_t i = 0; i < GROUPS; i++) {
        compare_pending(group_of(stream_of_collection(a), i), group_of(stream_of_collection(b), i));
    }
}

static const struct subject subjects[] = {
    {"set", set_create, member_add, member_remove, member_compare},
    {"hash", hash_create, member_add, member_remove, member_compare},
    {"sorted set", zset_create, zset_add, zset_remove, zset_compare},
    {"list", list_create, list_add, list_remove, list_compare},
    {"compressed list", compressed_list_create, list_add, list_remove, list_compare},
    {"stream", stream_create_with_groups, stream_add, stream_remove, stream_compare},
};
enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

/* --- a subject and its twin --- */

struct pair {
    const struct subject *subject;
    struct heap *heap, *twin_heap;
    struct collection *collection, *twin;
    uint64_t next; /* number */
};

static void pair_add(struct pair *pair, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        pair->subject->add(pair->collection, pair->next);
        pair->subject->add(pair->twin, pair->next);
        pair->next++;
    }
}

static void pair_remove(struct pair *pair, uint64_t number)
{
    pair->subject->remove(pair->collection, number);
    pair->subject->remove(pair->twin, number);
}

static struct pair pair_create(const struct subject *subject, uint64_t items)
{
    struct pair pair = {.subject = subject, .heap = heap_create(), .twin_heap = heap_create()};
    pair.collection = subject->create(pair.heap);
    pair.twin = subject->create(pair.twin_heap);
    pair_add(&pair, items);
    for (uint64_t i = 0; i < pair.next; i++) {
        if (random_u64() % 10 >= KEPT_OF_TEN) {
            pair_remove(&pair, i);
        }
    }
    return pair;
}

static void pair_check(const struct pair *pair)
{
    const char *fault = pair->collection->type->fault(pair->collection);
    cr_assert_null(fault, "%s: %s", pair->subject->name, fault);
    cr_assert_eq((int64_t)pair->collection->bytes, mem_counters_total(heap_counters(pair->heap)));
    pair->subject->compare(pair->collection, pair->twin);
}

static void pair_destroy(struct pair *pair)
{
    pair_check(pair);
    collection_destroy(pair->collection);
    collection_destroy(pair->twin);
    cr_assert_eq(mem_counters_total(heap_counters(pair->heap)), 0);
    heap_destroy(pair->heap);
    heap_destroy(pair->twin_heap);
}

static void change_a_little(struct pair *pair)
{
    for (uint64_t i = random_u64() % 4; i > 0; i--) {
        pair_add(pair, random_u64() % 3);
        pair_remove(pair, random_u64() % (pair->next + 1));
    }
}

/* A walk in small steps; `between` comes after each. */
static void walk_all(struct pair *pair, void (*between)(struct pair *))
{
    struct collection_cursor cursor = {0};
    unsigned steps = 0;
    do {
        size_t limit = random_u64() % STEP_MAX;
        pair->collection = pair->collection->type->defrag(pair->collection, &cursor, &limit);
        if (between != NULL) {
            between(pair);
        }
        cr_assert_lt(steps++, (unsigned)STEPS_MAX, "%s: a walk without end", pair->subject->name);
    } while (cursor.is_inside);
}

static void check_and_change(struct pair *pair)
{
    pair_check(pair);
    change_a_little(pair);
}

/* --- every block moves --- */

Test(defrag, every_block_may_move_at_any_time)
{
    static const uint64_t sizes[] = {0, 1, 30, 400, SMALL_ITEMS};
    for (size_t i = 0; i < SUBJECTS * sizeof sizes / sizeof sizes[0]; i++) {
        struct pair pair = pair_create(&subjects[i % SUBJECTS], sizes[i / SUBJECTS]);
        heap_defrag_begin_all(pair.heap);
        walk_all(&pair, check_and_change);
        walk_all(&pair, NULL);
        heap_defrag_end(pair.heap);
        pair_destroy(&pair);
    }
}

Test(defrag, a_whole_walk_moves_every_block)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct pair pair = pair_create(&subjects[i], SMALL_ITEMS);
        const uint64_t blocks = (uint64_t)heap_counters(pair.heap)->class_blocks[pair.collection->type->which];
        const struct heap_moves before = heap_moves(pair.heap);
        struct collection_cursor cursor = {0};
        size_t limit = SIZE_MAX;
        heap_defrag_begin_all(pair.heap);
        pair.collection = pair.collection->type->defrag(pair.collection, &cursor, &limit);
        heap_defrag_end(pair.heap);
        const struct heap_moves after = heap_moves(pair.heap);
        printf("%s: %llu blocks, %llu moves\n", subjects[i].name, (unsigned long long)blocks,
               (unsigned long long)(after.moved - before.moved));
        cr_assert(!cursor.is_inside);
        cr_assert_geq(after.moved - before.moved + (i == SUBJECTS - 1 ? GROUPS : 0), blocks);
        pair_destroy(&pair);
    }
}

Test(defrag, any_cursor_and_any_limit_will_do)
{
    for (size_t i = 0; i < SUBJECTS * 50; i++) {
        struct pair pair = pair_create(&subjects[i % SUBJECTS], 1 + random_u64() % 500);
        heap_defrag_begin_all(pair.heap);
        for (int j = 0; j < 20; j++) {
            const uint64_t words[] = {random_u64() >> random_u64() % 64, random_u64() >> random_u64() % 64};
            struct collection_cursor cursor = {.is_inside = random_u64() % 8 > 0, .stage = (uint8_t)(random_u64() % 7),
                .part = (uint32_t)(random_u64() % 9), .inner = (uint32_t)(random_u64() % 200), .at = words[0],
                .at_low = words[1]};
            size_t limit = random_u64() % 5;
            pair.collection = pair.collection->type->defrag(pair.collection, &cursor, &limit);
            change_a_little(&pair);
        }
        heap_defrag_end(pair.heap);
        pair_destroy(&pair);
    }
}

Test(defrag, without_memory_all_stays_where_it_is)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        for (int64_t allocations = 0; allocations < 400; allocations += 1 + allocations / 8) {
            struct pair pair = pair_create(&subjects[i], 400);
            heap_defrag_begin_all(pair.heap);
            heap_fail_after(pair.heap, allocations);
            walk_all(&pair, NULL);
            heap_fail_after(pair.heap, -1);
            heap_defrag_end(pair.heap);
            pair_destroy(&pair);
        }
    }
}

/* --- sparse pages --- */

static void change_now_and_then(struct pair *pair)
{
    if (random_u64() % 64 == 0) {
        change_a_little(pair);
    }
}

Test(defrag, after_a_mass_delete_the_pages_become_dense)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct heap *probe = heap_create();
        struct heap_walk walk;
        const bool has_pages = heap_walk(probe, &walk);
        heap_destroy(probe);
        if (!has_pages) {
            return; /* libc's heap */
        }
        struct pair pair = pair_create(&subjects[i], LARGE_ITEMS);
        cr_assert(heap_walk(pair.heap, &walk));
        printf("%s: used %llu, committed %.2f x", subjects[i].name, (unsigned long long)walk.used_bytes,
               (double)walk.committed_bytes / (double)walk.used_bytes);
        for (int cycle = 0; cycle < CYCLES_MAX && heap_defrag_begin(pair.heap, 90) > 0; cycle++) {
            walk_all(&pair, change_now_and_then);
            heap_defrag_end(pair.heap);
            heap_collect(pair.heap);
            cr_assert(heap_walk(pair.heap, &walk));
            printf(" %.2f", (double)walk.committed_bytes / (double)walk.used_bytes);
        }
        printf("\n");
        cr_assert_lt((double)walk.committed_bytes, 1.2 * (double)walk.used_bytes, "%s", subjects[i].name);
        pair_destroy(&pair);
    }
}
