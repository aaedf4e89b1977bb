/* zset.c - sorted sets against a naive model: both forms and the way between them, intervals, exact bytes, refused memory.  */
#include "data/zset.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { POOL = 400, TEXT_MAX = 120 };

static const int64_t now_ms = INT64_C(1700000000000);
static const struct encoding_limits default_limits = {.zset_max_listpack_entries = 128, .zset_max_listpack_value = 64};
static const struct encoding_limits wide_limits = {.zset_max_listpack_entries = 100000, .zset_max_listpack_value = 100000};

struct world {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
    struct key key;
};

static void world_make(struct world *world)
{
    world->heap = heap_create();
    cr_assert(hash_secret_draw(&world->secret));
    keyspace_init(&world->ks, world->heap, &world->secret);
    const struct bytes name = BYTES("sorted-set-1");
    world->key = (struct key){name, hash_bytes(&world->secret, name)};
}

static void world_end(struct world *world)
{
    keyspace_clear(&world->ks);
    for (unsigned i = 0; i < MEM_CLASS_COUNT; i++) {
        cr_assert_eq(heap_counters(world->heap)->class_bytes[i], 0);
    }
    heap_destroy(world->heap);
}

static struct entry *find(struct world *world)
{
    return keyspace_find(&world->ks, world->key, now_ms);
}

static struct value open_value(struct world *world)
{
    struct value value;
    value_open(&value, &world->ks, world->key, find(world));
    return value;
}

static enum result end_value(struct value *value, enum result result)
{
    if (value->entry != NULL && zset_is_empty(value)) {
        value_remove(value);
        return result;
    }
    const enum result closed = value_close(value);
    return result != RESULT_OK ? result : closed;
}

static enum result put(struct world *world, const struct encoding_limits *limits, struct bytes member, double score)
{
    struct value value = open_value(world);
    return end_value(&value, zset_put(&value, limits, member, score));
}

static enum result drop(struct world *world, struct bytes member, bool *was_there)
{
    struct value value = open_value(world);
    struct zset_place place;
    *was_there = zset_find(&value, member, &place);
    return end_value(&value, *was_there ? zset_remove(&value, &place) : RESULT_OK);
}

static void check_bytes(struct world *world)
{
    struct keyspace_tally seen = {0};
    char finding[200];
    cr_assert(keyspace_audit(&world->ks, &seen, finding), "%s", finding);
    const struct entry *entry = find(world);
    if (entry != NULL && entry_form(entry) == VALUE_FORM_ZSET) {
        const char *fault = score_set_fault(score_set_of(entry_collection(entry)));
        cr_assert_null(fault, "%s", fault);
    } else if (entry != NULL) {
        const char *fault = zset_packed_fault(entry_packed(entry));
        cr_assert_null(fault, "%s", fault);
    }
}

static uint64_t random_state = 1;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void seed_random(void)
{
    random_state = (uint64_t)time(NULL) * 2654435761u + 1;
    printf("seed %" PRIu64 "\n", random_state);
}

/* --- the model --- */

struct model {
    struct {
        bool is_there;
        double score;
        char text[TEXT_MAX];
        size_t len;
    } slots[POOL];
    unsigned order[POOL]; /* those that are there, in order */
    unsigned count;
};

static struct bytes slot_member(const struct model *model, unsigned i)
{
    return (struct bytes){model->slots[i].text, model->slots[i].len};
}

static void model_make(struct model *model, unsigned longest)
{
    memset(model, 0, sizeof *model);
    for (unsigned i = 0; i < POOL; i++) {
        const unsigned kind = i % 4;
        const int len = kind == 0   ? snprintf(model->slots[i].text, TEXT_MAX, "%u", i * i * i)
                        : kind == 1 ? snprintf(model->slots[i].text, TEXT_MAX, "member:%u", i)
                        : kind == 2 ? snprintf(model->slots[i].text, TEXT_MAX, "%0*u", (int)(longest / 2), i)
                                    : snprintf(model->slots[i].text, TEXT_MAX, "%0*u", (int)longest, i);
        model->slots[i].len = (size_t)len;
    }
}

static const struct model *sorting;

static int compare_slots(const void *a, const void *b)
{
    const unsigned i = *(const unsigned *)a, j = *(const unsigned *)b;
    if (sorting->slots[i].score != sorting->slots[j].score) {
        return sorting->slots[i].score < sorting->slots[j].score ? -1 : 1;
    }
    return bytes_compare(slot_member(sorting, i), slot_member(sorting, j));
}

static void model_sort(struct model *model)
{
    model->count = 0;
    for (unsigned i = 0; i < POOL; i++) {
        if (model->slots[i].is_there) {
            model->order[model->count++] = i;
        }
    }
    sorting = model;
    qsort(model->order, model->count, sizeof model->order[0], compare_slots);
}

static void check_walks(const struct model *model, const struct entry *entry)
{
    struct zset_walk walk;
    struct item member;
    double score;
    char scratch[ITEM_SCRATCH];
    zset_walk_begin(&walk, entry, 0);
    for (unsigned i = 0; i < model->count; i++) {
        cr_assert(zset_walk_next(&walk, &member, &score));
        cr_assert(bytes_equal(item_text(&member, scratch), slot_member(model, model->order[i])));
        cr_assert(score == model->slots[model->order[i]].score);
    }
    cr_assert_not(zset_walk_next(&walk, &member, &score));
    for (unsigned i = model->count; i-- > 0;) {
        cr_assert(zset_walk_previous(&walk, &member, &score));
        cr_assert(bytes_equal(item_text(&member, scratch), slot_member(model, model->order[i])));
    }
    cr_assert_not(zset_walk_previous(&walk, &member, &score));
    const unsigned rank = (unsigned)(random_u64() % (model->count + 1));
    zset_walk_begin(&walk, entry, rank);
    if (rank < model->count) {
        cr_assert(zset_walk_next(&walk, &member, &score) && zset_walk_previous(&walk, &member, &score));
        cr_assert(bytes_equal(item_text(&member, scratch), slot_member(model, model->order[rank])));
    }
}

static void check_intervals(const struct model *model, const struct entry *entry)
{
    const struct zset_score_range range = {
        (double)(random_u64() % 20) - 10, (double)(random_u64() % 20) - 10, random_u64() % 2 == 0, random_u64() % 2 == 0};
    uint64_t within = 0;
    for (unsigned i = 0; i < model->count; i++) {
        const double score = model->slots[model->order[i]].score;
        within += (range.is_min_exclusive ? score > range.min : score >= range.min) &&
                  (range.is_max_exclusive ? score < range.max : score <= range.max);
    }
    const struct zset_ranks ranks = zset_ranks_by_score(entry, &range);
    cr_assert_eq(ranks.end - ranks.first, within);
}

/* Compares everything; sorts the model. */
static void check_equal(struct world *world, struct model *model)
{
    check_bytes(world);
    model_sort(model);
    const struct entry *entry = find(world);
    cr_assert_eq(entry == NULL, model->count == 0);
    if (entry == NULL) {
        return;
    }
    cr_assert_eq(zset_count(entry), model->count);
    check_walks(model, entry);
    check_intervals(model, entry);
    for (unsigned i = 0; i < POOL; i += 7) {
        uint64_t rank;
        double score;
        cr_assert_eq(zset_rank(entry, slot_member(model, i), &rank, &score), model->slots[i].is_there);
        if (model->slots[i].is_there) {
            cr_assert_eq(model->order[rank], i);
            cr_assert(score == model->slots[i].score);
        }
    }
}

static double some_score(void)
{
    static const double special[] = {INFINITY, -INFINITY, 0, 1e300, -1e-300, 9223372036854775807.0, -9223372036854775808.0, 0.1};
    const uint64_t kind = random_u64() % 10;
    if (kind == 0) {
        return special[random_u64() % (sizeof special / sizeof *special)];
    }
    return kind < 7 ? (double)(random_u64() % 20) - 10 : (double)(int64_t)random_u64() / 1e17;
}

static void random_steps(const struct encoding_limits *limits, unsigned pool, unsigned longest)
{
    struct world world;
    struct model model;
    world_make(&world);
    model_make(&model, longest);
    for (unsigned step = 0; step < 6000; step++) {
        const unsigned i = (unsigned)(random_u64() % pool);
        const bool is_growing = (step / 1000) % 2 == 0;
        if (random_u64() % 10 < (is_growing ? 8u : 3u)) {
            const double score = some_score();
            cr_assert_eq(put(&world, limits, slot_member(&model, i), score), RESULT_OK);
            model.slots[i].is_there = true;
            model.slots[i].score = score;
        } else {
            bool was_there;
            cr_assert_eq(drop(&world, slot_member(&model, i), &was_there), RESULT_OK);
            cr_assert_eq(was_there, model.slots[i].is_there);
            model.slots[i].is_there = false;
        }
        if (step % 37 == 0) {
            check_equal(&world, &model);
        }
    }
    check_equal(&world, &model);
    world_end(&world);
}

Test(zset, equals_a_model_in_both_forms, .timeout = 120)
{
    seed_random();
    random_steps(&default_limits, 60, 20);
    random_steps(&default_limits, POOL, 20);
    random_steps(&default_limits, 100, 70);
    random_steps(&wide_limits, POOL, 100);
}

/* --- forms and names --- */

static enum encoding_name name_of(const struct entry *entry)
{
    return entry_form(entry) == VALUE_FORM_ZSET ? (enum encoding_name)entry_collection(entry)->encoding : ENCODING_LISTPACK;
}

Test(zset, leaves_the_small_form_as_redis_does)
{
    static const struct {
        unsigned members, longest;
        enum encoding_name name;
        enum value_form form;
    } rows[] = {
        {128, 10, ENCODING_LISTPACK, VALUE_FORM_ZSET_PACKED}, {129, 10, ENCODING_SKIPLIST, VALUE_FORM_ZSET},
        {5, 64, ENCODING_LISTPACK, VALUE_FORM_ZSET_PACKED},   {5, 65, ENCODING_SKIPLIST, VALUE_FORM_ZSET},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct world world;
        struct model model;
        world_make(&world);
        model_make(&model, rows[r].longest);
        for (unsigned i = 0; i < rows[r].members; i++) {
            cr_assert_eq(put(&world, &default_limits, slot_member(&model, i), i), RESULT_OK);
        }
        cr_assert_eq(entry_form(find(&world)), rows[r].form);
        cr_assert_eq(name_of(find(&world)), rows[r].name);
        world_end(&world);
    }
}

Test(zset, keeps_the_small_name_when_only_the_entry_is_full)
{
    struct world world;
    world_make(&world);
    char text[200];
    for (unsigned i = 0; i < 400; i++) {
        memset(text, 'x', sizeof text);
        memcpy(text, &i, sizeof i);
        cr_assert_eq(put(&world, &wide_limits, (struct bytes){text, sizeof text}, i + 0.5), RESULT_OK);
        check_bytes(&world);
    }
    cr_assert_eq(entry_form(find(&world)), VALUE_FORM_ZSET);
    cr_assert_eq(name_of(find(&world)), ENCODING_LISTPACK);
    cr_assert_eq(put(&world, &default_limits, BYTES("one more"), 1), RESULT_OK);
    cr_assert_eq(name_of(find(&world)), ENCODING_SKIPLIST);
    world_end(&world);
}

Test(zset, becomes_small_again_when_settled)
{
    struct world world;
    struct model model;
    world_make(&world);
    model_make(&model, 20);
    for (unsigned i = 0; i < 200; i++) {
        cr_assert_eq(put(&world, &default_limits, slot_member(&model, i), i % 7 + 0.25), RESULT_OK);
        model.slots[i].is_there = true;
        model.slots[i].score = i % 7 + 0.25;
    }
    struct value value = open_value(&world);
    model_sort(&model);
    for (unsigned i = 50; i < model.count; i++) {
        model.slots[model.order[i]].is_there = false;
    }
    cr_assert_eq(zset_remove_ranks(&value, (struct zset_ranks){50, 200}), RESULT_OK);
    cr_assert_eq(zset_settle(&value, &default_limits), RESULT_OK);
    cr_assert_eq(end_value(&value, RESULT_OK), RESULT_OK);
    cr_assert_eq(entry_form(find(&world)), VALUE_FORM_ZSET_PACKED);
    check_equal(&world, &model);
    world_end(&world);
}

/* --- intervals of members --- */

Test(zset, finds_intervals_of_members)
{
    static const struct {
        struct zset_lex_range range;
        uint64_t first, end;
    } rows[] = {
        {{.min_bound = LEX_LOWEST, .max_bound = LEX_HIGHEST}, 0, 200},
        {{.min_bound = LEX_HIGHEST, .max_bound = LEX_LOWEST}, 0, 0},
        {{.min_bound = LEX_LOWEST, .max_bound = LEX_LOWEST}, 0, 0},
        {{BYTES("010"), BYTES("020"), LEX_INCLUSIVE, LEX_INCLUSIVE, false}, 10, 21},
        {{BYTES("010"), BYTES("020"), LEX_EXCLUSIVE, LEX_EXCLUSIVE, false}, 11, 20},
        {{BYTES("0105"), BYTES("0205"), LEX_EXCLUSIVE, LEX_INCLUSIVE, false}, 11, 21},
        {{BYTES("020"), BYTES("010"), LEX_INCLUSIVE, LEX_INCLUSIVE, false}, 0, 0},
        {{BYTES(""), BYTES("zzz"), LEX_INCLUSIVE, LEX_INCLUSIVE, true}, 0, 200},
        {{.min = BYTES("150"), .min_bound = LEX_INCLUSIVE, .max_bound = LEX_HIGHEST}, 150, 200},
    };
    for (unsigned is_small = 0; is_small < 2; is_small++) {
        struct world world;
        world_make(&world);
        for (unsigned i = 0; i < 200; i++) {
            char text[16];
            const struct bytes member = {text, (size_t)snprintf(text, sizeof text, "%03u", i)};
            cr_assert_eq(put(&world, is_small ? &wide_limits : &default_limits, member, 5), RESULT_OK);
        }
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            const struct zset_ranks ranks = zset_ranks_by_lex(find(&world), &rows[r].range);
            cr_assert_eq(ranks.end - ranks.first, rows[r].end - rows[r].first, "row %zu", r);
            if (ranks.end > ranks.first) {
                cr_assert_eq(ranks.first, rows[r].first, "row %zu", r);
            }
        }
        world_end(&world);
    }
}

/* --- refused memory --- */

Test(zset, changes_nothing_when_memory_is_refused, .timeout = 120)
{
    seed_random();
    struct world world;
    struct model model;
    world_make(&world);
    model_make(&model, 20);
    for (unsigned step = 0; step < 1500; step++) {
        const unsigned i = (unsigned)(random_u64() % 160);
        const double score = some_score();
        const bool is_put = random_u64() % 3 != 0;
        enum result result = RESULT_NO_MEMORY;
        for (int64_t allowed = 0; result != RESULT_OK; allowed++) {
            bool was_there;
            heap_fail_after(world.heap, allowed);
            result = is_put ? put(&world, &default_limits, slot_member(&model, i), score)
                            : drop(&world, slot_member(&model, i), &was_there);
            heap_fail_after(world.heap, -1);
            if (result != RESULT_OK && step % 5 == 0) {
                check_equal(&world, &model);
            }
        }
        model.slots[i].is_there = is_put;
        model.slots[i].score = is_put ? score : 0;
    }
    check_equal(&world, &model);
    world_end(&world);
}
