/* hash_value.c - hashes against a naive model: both forms and the way between them, exact bytes, refused memory.  */
#include "data/hash_value.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { POOL = 300, TEXT_MAX = 120 };

static const int64_t now_ms = INT64_C(1700000000000);
static const struct encoding_limits default_limits = {.hash_max_listpack_entries = 128, .hash_max_listpack_value = 64};

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
    struct bytes name = BYTES("small-hash-1");
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

/* Puts one field and closes. */
static enum result put(struct world *world, const struct encoding_limits *limits, struct bytes field, struct bytes text,
                       bool *is_new)
{
    struct value value;
    value_open(&value, &world->ks, world->key, find(world));
    enum result result = hash_put(&value, limits, field, text, is_new);
    enum result closed = value_close(&value);
    return result != RESULT_OK ? result : closed;
}

/* Removes one field and closes. */
static enum result drop(struct world *world, struct bytes field, bool *was_there)
{
    struct value value;
    bool is_empty;
    value_open(&value, &world->ks, world->key, find(world));
    enum result result = hash_remove(&value, field, was_there, &is_empty);
    if (result == RESULT_OK && is_empty) {
        value_remove(&value);
        return result;
    }
    enum result closed = value_close(&value);
    return result != RESULT_OK ? result : closed;
}

static void check_audit(struct world *world)
{
    char finding[200];
    struct keyspace_tally seen = {0};
    cr_assert(keyspace_audit(&world->ks, &seen, finding), "%s", finding);
    cr_assert_eq(seen.entry_bytes, (uint64_t)heap_counters(world->heap)->class_bytes[MEM_HASH]);
}

static void put_ok(struct world *world, struct bytes field, struct bytes text)
{
    bool is_new;
    cr_assert_eq(put(world, &default_limits, field, text, &is_new), RESULT_OK);
}

Test(hash_value, ten_small_fields_cost_one_block_of_192_bytes)
{
    struct world world;
    world_make(&world);
    for (int i = 0; i < 10; i++) {
        char field[] = "field0";
        field[5] = (char)('0' + i);
        put_ok(&world, (struct bytes){field, 6}, BYTES("valuexyz"));
    }
    cr_assert_eq(entry_memory_bytes(find(&world)), 192);
    cr_assert_eq(hash_count(find(&world)), 10);
    world_end(&world);
}

Test(hash_value, changes_its_form_where_redis_does)
{
    static const struct {
        int64_t entries, value;
        size_t fields, field_len, text_len;
        const char *encoding;
    } rows[] = {
        {128, 64, 128, 4, 64, "listpack"}, {128, 64, 129, 4, 4, "hashtable"}, {128, 64, 1, 4, 65, "hashtable"},
        {128, 64, 1, 65, 4, "hashtable"},  {128, 64, 1, 64, 64, "listpack"},  {0, 64, 1, 4, 4, "hashtable"},
        {4, 0, 1, 1, 1, "hashtable"},      {4, 0, 1, 0, 0, "listpack"},       {20000, 64, 3000, 4, 64, "listpack"},
        {2999, 64, 3000, 4, 64, "hashtable"},
    };
    static const char zeros[TEXT_MAX] = {'0', '0', '0', '0', '0', '0', '0', '0'};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        world_make(&world);
        const struct encoding_limits limits = {
            .hash_max_listpack_entries = rows[i].entries, .hash_max_listpack_value = rows[i].value};
        for (size_t k = 0; k < rows[i].fields; k++) {
            char field[TEXT_MAX] = {0};
            snprintf(field, sizeof field, "%04zx", k);
            bool is_new;
            enum result result = put(&world, &limits, (struct bytes){field, rows[i].field_len},
                                     (struct bytes){zeros, rows[i].text_len}, &is_new);
            cr_assert(result == RESULT_OK && is_new);
        }
        cr_expect_str_eq(entry_encoding_name(find(&world)), rows[i].encoding, "row %zu", i);
        cr_expect_eq(hash_count(find(&world)), rows[i].fields, "row %zu", i);
        check_audit(&world);
        world_end(&world);
    }
}

Test(hash_value, small_hashes_keep_the_order_of_arrival)
{
    struct world world;
    world_make(&world);
    put_ok(&world, BYTES("b"), BYTES("1"));
    put_ok(&world, BYTES("a"), BYTES("2"));
    put_ok(&world, BYTES("7"), BYTES("3"));
    put_ok(&world, BYTES("b"), BYTES("long enough to move what is behind"));
    put_ok(&world, BYTES("a"), BYTES(""));
    static const char *const expected[] = {"b", "long enough to move what is behind", "a", "", "7", "3"};
    struct hash_walk walk;
    struct item items[2];
    hash_walk_begin(&walk, find(&world));
    for (size_t i = 0; i < 6; i += 2) {
        cr_assert(hash_walk_next(&walk, &items[0], &items[1]));
        for (size_t k = 0; k < 2; k++) {
            char scratch[ITEM_SCRATCH];
            cr_assert(bytes_equal(item_text(&items[k], scratch), bytes_of_string(expected[i + k])));
        }
    }
    cr_assert_not(hash_walk_next(&walk, &items[0], &items[1]));
    world_end(&world);
}

Test(hash_value, a_lowered_limit_counts_at_the_next_put)
{
    struct world world;
    world_make(&world);
    put_ok(&world, BYTES("a"), BYTES("1"));
    put_ok(&world, BYTES("b"), BYTES("1"));
    const struct encoding_limits limits = {.hash_max_listpack_entries = 1, .hash_max_listpack_value = 64};
    bool flag;
    cr_assert_eq(drop(&world, BYTES("nothing"), &flag), RESULT_OK);
    cr_assert_str_eq(entry_encoding_name(find(&world)), "listpack");
    cr_assert_eq(put(&world, &limits, BYTES("a"), BYTES("2"), &flag), RESULT_OK);
    cr_assert_not(flag);
    cr_assert_str_eq(entry_encoding_name(find(&world)), "hashtable");
    world_end(&world);
}

/* --- against a model --- */

struct model {
    bool is_there[POOL];
    char texts[POOL][TEXT_MAX];
    size_t lengths[POOL];
    uint64_t count;
};

/* Field number `i`: half of them integers, of all lengths up to 62. */
static struct bytes field_of(unsigned i, char out[TEXT_MAX])
{
    int len = i % 2 == 0 ? snprintf(out, TEXT_MAX, "%u", i * i * i) : snprintf(out, TEXT_MAX, "f%0*u", (int)(i % 60) + 1, i);
    return (struct bytes){out, (size_t)len};
}

static void check_model(struct world *world, const struct model *model)
{
    struct entry *entry = find(world);
    cr_assert_eq(entry == NULL, model->count == 0);
    if (entry == NULL) {
        return;
    }
    cr_assert_eq(hash_count(entry), model->count);
    for (unsigned i = 0; i < POOL; i++) {
        char field[TEXT_MAX];
        char scratch[ITEM_SCRATCH];
        struct item item;
        bool is_there = hash_get(entry, field_of(i, field), &item);
        cr_assert_eq(is_there, model->is_there[i]);
        cr_assert(!is_there ||
                  bytes_equal(item_text(&item, scratch), (struct bytes){model->texts[i], model->lengths[i]}));
    }
    struct hash_walk walk;
    struct item field, text;
    uint64_t walked = 0;
    hash_walk_begin(&walk, entry);
    while (hash_walk_next(&walk, &field, &text)) {
        walked++;
    }
    cr_assert_eq(walked, model->count);
}

static void random_put(struct world *world, struct model *model, unsigned i)
{
    char field[TEXT_MAX];
    char text[TEXT_MAX];
    size_t len = (size_t)random() % (random() % 200 == 0 ? 100 : 20);
    bool is_number = random() % 3 == 0;
    len = is_number ? (size_t)snprintf(text, sizeof text, "%ld", random() >> (random() % 31)) : len;
    memset(text, 'a' + (int)(random() % 3), is_number ? 0 : len);
    bool is_new;
    enum result result = put(world, &default_limits, field_of(i, field), (struct bytes){text, len}, &is_new);
    if (result != RESULT_OK) {
        return;
    }
    cr_assert_eq(is_new, !model->is_there[i]);
    model->count += is_new;
    model->is_there[i] = true;
    model->lengths[i] = len;
    memcpy(model->texts[i], text, len);
}

static void random_drop(struct world *world, struct model *model, unsigned i)
{
    if (find(world) == NULL) {
        return;
    }
    char field[TEXT_MAX];
    bool was_there;
    if (drop(world, field_of(i, field), &was_there) == RESULT_OK) {
        cr_assert_eq(was_there, model->is_there[i]);
        model->count -= was_there;
        model->is_there[i] = false;
    }
}

static void run_model(unsigned seed, bool is_refused_at_times)
{
    struct world world;
    world_make(&world);
    static struct model model;
    model = (struct model){0};
    srandom(seed);
    cr_log_info("seed %u", seed);
    for (int step = 0; step < 30000; step++) {
        /* Phases that let it grow past the limits, and shrink until it is gone. */
        bool is_growing = step / 1500 % 2 == 0;
        unsigned i = (unsigned)random() % (step / 3000 % 2 == 0 ? 20 : POOL);
        heap_fail_after(world.heap, is_refused_at_times ? random() % 3 : -1);
        if (random() % 10 < (is_growing ? 8 : 2)) {
            random_put(&world, &model, i);
        } else {
            random_drop(&world, &model, i);
        }
        heap_fail_after(world.heap, -1);
        if (step % 50 == 0) {
            check_model(&world, &model);
            check_audit(&world);
        }
    }
    check_model(&world, &model);
    world_end(&world);
}

Test(hash_value, follows_a_model)
{
    run_model(20240608, false);
}

Test(hash_value, is_as_before_when_memory_is_refused)
{
    run_model(20240609, true);
}
