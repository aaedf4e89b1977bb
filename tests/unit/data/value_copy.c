/* value_copy.c - big collections of each kind, and long strings, are copied in steps: the same items, exact bytes, nothing kept when refused.  */
#include "data/value_copy.h"

#include "data/hash_value.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { ITEMS = 30000, STEP = 100 };

static const int64_t now_ms = INT64_C(1700000000000);
static const enum value_form forms[] = {VALUE_FORM_HASH, VALUE_FORM_SET, VALUE_FORM_ZSET, VALUE_FORM_LIST,
                                         VALUE_FORM_STREAM, VALUE_FORM_STRING};

struct world {
    struct heap *heaps[2];
    struct hash_secret secret;
    struct keyspace spaces[2]; /* of two shards */
    struct key key;
};

static void world_make(struct world *world)
{
    cr_assert(hash_secret_draw(&world->secret));
    for (int i = 0; i < 2; i++) {
        world->heaps[i] = heap_create();
        keyspace_init(&world->spaces[i], world->heaps[i], &world->secret);
    }
    struct bytes name = BYTES("big");
    world->key = (struct key){name, hash_bytes(&world->secret, name)};
}

static void world_end(struct world *world)
{
    for (int i = 0; i < 2; i++) {
        char finding[200];
        struct keyspace_tally seen = {0};
        cr_assert(keyspace_audit(&world->spaces[i], &seen, finding), "%s", finding);
        keyspace_clear(&world->spaces[i]);
        cr_assert_eq(mem_counters_total(heap_counters(world->heaps[i])), 0);
        heap_destroy(world->heaps[i]);
    }
}

static struct collection *make_empty(struct world *world, enum value_form form)
{
    static const struct encoding_limits limits = {.list_max_listpack_size = -1, .list_compress_depth = 1};
    struct heap *heap = world->heaps[0];
    switch (form) {
    case VALUE_FORM_ZSET:
        return score_set_collection(score_set_create(heap, &world->secret));
    case VALUE_FORM_LIST:
        return &quicklist_create(heap, &limits)->base;
    case VALUE_FORM_STREAM:
        return &stream_create(heap)->collection;
    default:
        return member_table_collection(member_table_create(
            heap, &world->secret, form == VALUE_FORM_SET ? &member_set_type : &member_hash_type, ENCODING_HASHTABLE));
    }
}

static enum result add(struct collection *collection, enum value_form form, unsigned number)
{
    char text[32];
    int len = snprintf(text, sizeof text, "member:%012u", number);
    struct item item = item_of_text((struct bytes){text, (size_t)len});
    struct item value = item_of_integer(number);
    const struct bytes words[2] = {BYTES("number"), {text, (size_t)len}};
    static const struct encoding_limits limits = {.stream_node_max_entries = 10};
    bool is_new;
    switch (form) {
    case VALUE_FORM_ZSET:
        return score_set_put(score_set_of(collection), (struct bytes){text, (size_t)len}, number % 100);
    case VALUE_FORM_LIST:
        return quicklist_push((struct quicklist *)collection, LIST_TAIL, &item);
    case VALUE_FORM_STREAM:
        return stream_append(stream_of_collection(collection), (struct stream_id){number + 1, 0}, (struct stream_words){words, 1},
                             &limits);
    default:
        return member_table_put(member_table_of(collection), &item, form == VALUE_FORM_HASH ? &value : NULL, &is_new);
    }
}

/* ITEMS times its own number, in binary. */
static void make_string(struct world *world)
{
    struct open_string string;
    cr_assert_eq(keyspace_string_create(&world->spaces[0], ITEMS * sizeof(unsigned) * 4, &string), RESULT_OK);
    for (unsigned i = 0; i < ITEMS * 4; i++) {
        memcpy(string.data + i * sizeof i, &i, sizeof i);
    }
    keyspace_string_set_len(&string, ITEMS * sizeof(unsigned) * 4);
    cr_assert_eq(keyspace_string_store(&world->spaces[0], world->key, NULL, &string, EXPIRY_CLEAR, KEYSPACE_NO_EXPIRY), RESULT_OK);
}

static void make_source(struct world *world, enum value_form form)
{
    if (form == VALUE_FORM_STRING) {
        make_string(world);
        return;
    }
    struct collection *collection = make_empty(world, form);
    for (unsigned i = 0; i < ITEMS; i++) {
        cr_assert_eq(add(collection, form, i), RESULT_OK);
    }
    struct value value;
    value_open(&value, &world->spaces[0], world->key, NULL);
    cr_assert_eq(value_set_collection(&value, form, collection), RESULT_OK);
    cr_assert_eq(value_close(&value), RESULT_OK);
}

static enum result copy_all(struct world *world, const struct entry *source, struct value_copy *copy)
{
    enum result result = value_copy_begin(copy, source, &world->spaces[1]);
    bool is_done = false;
    while (result == RESULT_OK && !is_done) {
        result = value_copy_step(copy, STEP, &is_done);
    }
    return result;
}

/* Both walks of the two give the same. */
static void check_same(const struct entry *source, const struct entry *copy)
{
    cr_assert_eq(entry_form(source), entry_form(copy));
    cr_assert_str_eq(entry_encoding_name(source), entry_encoding_name(copy));
    if (entry_form(source) == VALUE_FORM_STRING) {
        char scratch[2][STRING_SCRATCH];
        cr_assert(bytes_equal(entry_string(source, scratch[0]), entry_string(copy, scratch[1])));
        return;
    }
    const struct collection *collection = entry_collection(copy);
    cr_assert_null(collection->type->fault(collection));
    struct value_copy walks[2]; /* only their walks are used */
    const struct entry *entries[2] = {source, copy};
    struct heap *heap = heap_create();
    struct hash_secret secret = {0};
    struct keyspace ks;
    keyspace_init(&ks, heap, &secret);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(value_copy_begin(&walks[i], entries[i], &ks), RESULT_OK);
    }
    for (unsigned count = 0; entry_form(source) == VALUE_FORM_LIST; count++) {
        struct item a, b;
        bool is_there = quicklist_walk_next(&walks[0].walk.items, &a);
        cr_assert_eq(quicklist_walk_next(&walks[1].walk.items, &b), is_there);
        if (!is_there) {
            cr_assert_eq(count, ITEMS);
            break;
        }
        cr_assert(bytes_equal((struct bytes){a.data, a.len}, (struct bytes){b.data, b.len}));
    }
    for (unsigned count = 0; entry_form(source) == VALUE_FORM_ZSET; count++) {
        struct score_item a, b;
        bool is_there = score_walk_next(&walks[0].walk.scores, &a);
        cr_assert_eq(score_walk_next(&walks[1].walk.scores, &b), is_there);
        if (!is_there) {
            cr_assert_eq(count, ITEMS);
            break;
        }
        cr_assert(bytes_equal(a.member, b.member) && a.score == b.score);
    }
    struct item member, value, other;
    bool has_values = entry_form(source) == VALUE_FORM_HASH;
    while ((has_values || entry_form(source) == VALUE_FORM_SET) &&
           member_walk_next(&walks[0].walk.members, &member, has_values ? &value : NULL)) {
        cr_assert(member_table_find(member_table_of(entry_collection(copy)), &member, has_values ? &other : NULL));
        cr_assert(!has_values || value.integer == other.integer);
    }
    for (int i = 0; i < 2; i++) {
        value_copy_discard(&walks[i], &ks);
    }
    heap_destroy(heap);
}

Test(value_copy, a_copy_in_steps_equals_its_source)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct world world;
        world_make(&world);
        make_source(&world, forms[i]);
        struct entry *source = keyspace_find(&world.spaces[0], world.key, now_ms);
        cr_assert(value_copy_takes_steps(source));
        struct value_copy copy;
        cr_assert_eq(copy_all(&world, source, &copy), RESULT_OK);
        cr_assert_eq(value_copy_store(&copy, &world.spaces[1], world.key, NULL, now_ms + 1000), RESULT_OK);
        cr_assert_null(copy.copy);
        struct entry *stored = keyspace_find(&world.spaces[1], world.key, now_ms);
        cr_assert_eq(keyspace_expiry_ms(&world.spaces[1], stored), now_ms + 1000);
        check_same(source, stored);
        world_end(&world);
    }
}

Test(value_copy, a_copy_that_is_refused_or_given_up_leaves_nothing)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct world world;
        world_make(&world);
        make_source(&world, forms[i]);
        struct entry *source = keyspace_find(&world.spaces[0], world.key, now_ms);
        bool is_stored = false;
        for (int allocations = 0; !is_stored; allocations += 1 + allocations / 8) {
            struct value_copy copy;
            heap_fail_after(world.heaps[1], allocations);
            bool is_copied = copy_all(&world, source, &copy) == RESULT_OK;
            is_stored = is_copied &&
                        value_copy_store(&copy, &world.spaces[1], world.key, NULL, KEYSPACE_NO_EXPIRY) == RESULT_OK;
            heap_fail_after(world.heaps[1], -1);
            value_copy_discard(&copy, &world.spaces[1]);
            cr_assert_eq(keyspace_find(&world.spaces[1], world.key, now_ms) != NULL, is_stored);
        }
        world_end(&world);
    }
}
