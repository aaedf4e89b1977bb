/* hash_expiry.c - times of fields: both forms, against a naive model with exact bytes; expiry at a look and in time; keys that move, are
 * copied, freed, swapped; refused memory.  */
#include "data/hash_expiry.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIELDS = 40, ROUNDS = 4000, MANY = 1000 };

static const struct encoding_limits limits = {.hash_max_listpack_entries = 16, .hash_max_listpack_value = 64};

struct world {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
    struct keyspace_owner owner;
    struct key key;
    int64_t now_ms;
    uint64_t told;          /* fields, */
    uint64_t told_last;     /* and how often the last ones */
    bool keeps;
};

static void hear(void *context, struct keyspace *ks, struct key key, const struct bytes *fields, uint32_t count, bool is_last)
{
    struct world *world = context;
    cr_assert_eq(ks, &world->ks);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_neq(timed_table_time(hash_timed(keyspace_peek(ks, key)), fields[i]), TIMED_NONE);
    }
    world->told += count;
    world->told_last += is_last;
}

static bool keep(void *context, uint64_t hash, int64_t expiry_ms)
{
    (void)hash;
    (void)expiry_ms;
    return ((struct world *)context)->keeps;
}

static struct key key_named(const struct world *world, struct bytes name)
{
    return (struct key){name, hash_bytes(&world->secret, name)};
}

static void world_make(struct world *world)
{
    *world = (struct world){.heap = heap_create(), .now_ms = 1000};
    cr_assert(hash_secret_draw(&world->secret));
    keyspace_init(&world->ks, world->heap, &world->secret);
    world->owner = (struct keyspace_owner){.context = world, .fields_expired = hear, .keeps = keep};
    world->ks.owner = &world->owner;
    world->key = key_named(world, BYTES("hash"));
}

static void world_end(struct world *world)
{
    keyspace_clear(&world->ks);
    for (unsigned i = 0; i < MEM_CLASS_COUNT; i++) {
        cr_assert_eq(heap_counters(world->heap)->class_bytes[i], 0);
    }
    heap_destroy(world->heap);
}

static void check_audit(struct world *world)
{
    char finding[200];
    struct keyspace_tally seen = {0};
    cr_assert(keyspace_audit(&world->ks, &seen, finding), "%s", finding);
    const int64_t *bytes = heap_counters(world->heap)->class_bytes;
    cr_assert_eq(seen.entry_bytes, (uint64_t)(bytes[MEM_HASH] + bytes[MEM_STRING]));
}

static struct entry *look(struct world *world, struct key key)
{
    return hash_expire_now(&world->ks, key, keyspace_find(&world->ks, key, world->now_ms), world->now_ms);
}

static struct bytes field_name(unsigned number, char room[16])
{
    return (struct bytes){room, (size_t)snprintf(room, 16, number % 2 == 0 ? "field-%u" : "%u", number)};
}

/* Puts a field, with a time unless that is TIMED_NONE. */
static enum result put(struct world *world, struct key key, struct bytes field, int64_t time_ms)
{
    struct value value;
    bool is_new;
    value_open(&value, &world->ks, key, look(world, key));
    enum result result = hash_put(&value, &limits, field, BYTES("value"), &is_new);
    if (result == RESULT_OK && time_ms != TIMED_NONE) {
        result = hash_set_time(&value, field, time_ms);
    }
    const enum result closed = value_close(&value);
    return result != RESULT_OK ? result : closed;
}

static void drop(struct world *world, struct bytes field)
{
    struct value value;
    bool was_there, is_empty;
    value_open(&value, &world->ks, world->key, look(world, world->key));
    cr_assert_eq(hash_remove(&value, field, &was_there, &is_empty), RESULT_OK);
    if (is_empty) {
        value_remove(&value);
    } else {
        cr_assert_eq(value_close(&value), RESULT_OK);
    }
}

struct model {
    bool is_there[FIELDS];
    int64_t times[FIELDS];
};

static void check_model(struct world *world, const struct model *model)
{
    const struct entry *entry = look(world, world->key);
    uint64_t count = 0;
    for (unsigned i = 0; i < FIELDS; i++) {
        char room[16];
        const struct bytes field = field_name(i, room);
        const bool lives = model->is_there[i] && (model->times[i] == TIMED_NONE || model->times[i] >= world->now_ms);
        cr_assert_eq(entry != NULL && hash_get(entry, field, NULL), lives);
        cr_assert(!lives || hash_time(entry, field) == model->times[i]);
        count += lives;
    }
    cr_assert_eq(entry == NULL ? 0 : hash_shown_count(entry), count);
    struct hash_walk walk;
    struct item field, text;
    uint64_t walked = 0;
    for (hash_walk_begin(&walk, entry); entry != NULL && hash_walk_next(&walk, &field, &text);) {
        walked++;
    }
    cr_assert_eq(walked, count);
}

static void change_one(struct world *world, struct model *model)
{
    char room[16];
    const unsigned i = (unsigned)rand() % FIELDS;
    const struct bytes field = field_name(i, room);
    const int64_t time_ms = rand() % 3 == 0 ? TIMED_NONE : world->now_ms + rand() % 50;
    if (rand() % 4 == 0) {
        if (look(world, world->key) != NULL) {
            drop(world, field);
        }
        model->is_there[i] = false;
        return;
    }
    cr_assert_eq(put(world, world->key, field, time_ms), RESULT_OK);
    model->is_there[i] = true;
    model->times[i] = time_ms;
}

Test(hash_expiry, does_as_a_model_with_exact_bytes)
{
    static struct model model;
    struct world world;
    world_make(&world);
    srand(11);
    for (unsigned round = 0; round < ROUNDS; round++) {
        world.keeps = rand() % 5 == 0; /* what is due is hidden then */
        change_one(&world, &model);
        world.now_ms += rand() % 3;
        if (rand() % 10 == 0) {
            hash_expire_fields(&world.ks, world.now_ms, 4);
        }
        for (unsigned i = 0; i < FIELDS; i++) {
            model.is_there[i] = model.is_there[i] && (model.times[i] == TIMED_NONE || model.times[i] >= world.now_ms);
        }
        if (round % 16 == 0) {
            check_model(&world, &model);
            check_audit(&world);
        }
    }
    world_end(&world);
}

Test(hash_expiry, takes_the_key_with_its_last_field)
{
    struct world world;
    world_make(&world);
    cr_assert_eq(put(&world, world.key, BYTES("a"), 1000), RESULT_OK);
    cr_assert_eq(put(&world, world.key, BYTES("b"), 1001), RESULT_OK);
    cr_assert_not_null(look(&world, world.key)); /* a field lives through the millisecond of its time */
    cr_assert_eq(world.told, 0);
    world.now_ms = 1002;
    cr_assert_null(look(&world, world.key));
    cr_assert_eq(world.told, 2);
    cr_assert_eq(world.told_last, 1);
    cr_assert_eq(world.ks.timed_hashes.count, 0);
    cr_assert_eq(world.ks.expired_fields_total, 2);
    check_audit(&world);
    world_end(&world);
}

Test(hash_expiry, removes_in_time_in_steps_of_the_limit)
{
    struct world world;
    world_make(&world);
    for (unsigned i = 0; i < MANY; i++) {
        char room[16];
        cr_assert_eq(put(&world, world.key, field_name(i, room), 1000 + i), RESULT_OK);
    }
    world.now_ms = 1000 + MANY / 2;
    cr_assert_eq(hash_expire_fields(&world.ks, world.now_ms, 100), 100);
    cr_assert_eq(hash_count(keyspace_peek(&world.ks, world.key)), MANY - 100);
    cr_assert_eq(hash_shown_count(keyspace_peek(&world.ks, world.key)), MANY - MANY / 2);
    cr_assert_eq(hash_expire_fields(&world.ks, world.now_ms, MANY), MANY / 2 - 100);
    cr_assert_eq(hash_expire_fields(&world.ks, world.now_ms, MANY), 0);
    check_audit(&world);
    world.now_ms = 1000 + 2 * MANY;
    const struct entry *entry = look(&world, world.key);
    cr_assert_not_null(entry);
    cr_assert_eq(hash_count(entry), MANY / 2 - HASH_EXPIRY_AT_ONCE);
    cr_assert_eq(hash_shown_count(entry), 0);
    cr_assert_null(look(&world, world.key));
    world_end(&world);
}

Test(hash_expiry, leaves_a_hash_that_is_in_use)
{
    struct world world;
    world_make(&world);
    cr_assert_eq(put(&world, world.key, BYTES("a"), 1000), RESULT_OK);
    cr_assert_eq(put(&world, world.key, BYTES("b"), TIMED_NONE), RESULT_OK);
    world.now_ms = 1001;
    world.keeps = true;
    const struct entry *entry = look(&world, world.key);
    cr_assert_not(hash_get(entry, BYTES("a"), NULL));
    cr_assert_eq(hash_count(entry), 2);
    cr_assert_eq(hash_expire_fields(&world.ks, world.now_ms, 2), 1); /* looked at */
    cr_assert_eq(hash_expire_fields(&world.ks, world.now_ms, 2), 0); /* put off */
    world.keeps = false;
    cr_assert_eq(hash_expire_fields(&world.ks, world.now_ms + 200, 2), 1);
    cr_assert_eq(hash_count(keyspace_peek(&world.ks, world.key)), 1);
    world.owner.is_expiry_off = true;
    check_audit(&world);
    world_end(&world);
}

Test(hash_expiry, follows_copies_moves_and_replacements)
{
    struct world world;
    world_make(&world);
    const struct key other = key_named(&world, BYTES("other"));
    cr_assert_eq(put(&world, world.key, BYTES("a"), 5000), RESULT_OK);
    cr_assert_eq(keyspace_copy_from(&world.ks, other, &world.ks, keyspace_peek(&world.ks, world.key), 0), RESULT_OK);
    cr_assert_eq(world.ks.timed_hashes.count, 2);
    check_audit(&world);
    cr_assert_eq(keyspace_move_from(&world.ks, other, &world.ks, world.key, 0), RESULT_OK);
    cr_assert_eq(world.ks.timed_hashes.count, 1);
    cr_assert_eq(hash_time(keyspace_peek(&world.ks, other), BYTES("a")), 5000);
    check_audit(&world);
    struct value value;
    value_open(&value, &world.ks, other, keyspace_peek(&world.ks, other));
    cr_assert(hash_clear_time(&value, BYTES("a")));
    cr_assert_not(hash_clear_time(&value, BYTES("a")));
    cr_assert_eq(value_close(&value), RESULT_OK);
    cr_assert_eq(world.ks.timed_hashes.count, 0);
    check_audit(&world);
    cr_assert_eq(put(&world, other, BYTES("a"), 5000), RESULT_OK);
    cr_assert_eq(keyspace_put_string(&world.ks, other, keyspace_peek(&world.ks, other), BYTES("text"), EXPIRY_CLEAR, 0), RESULT_OK);
    cr_assert_eq(world.ks.timed_hashes.count, 0);
    check_audit(&world);
    world_end(&world);
}

Test(hash_expiry, walks_of_defragmentation_keep_the_heap_right)
{
    struct world world;
    world_make(&world);
    for (unsigned i = 0; i < MANY; i++) {
        char room[2][16];
        const struct key key = key_named(&world, field_name(i % 50, room[0]));
        cr_assert_eq(put(&world, key, field_name(i, room[1]), 5000 + i), RESULT_OK);
    }
    struct keyspace_defrag state = {0};
    while (!keyspace_defrag_step(&world.ks, &state, 16)) {
    }
    check_audit(&world);
    cr_assert_eq(world.ks.timed_hashes.count, 50);
    cr_assert_eq(hash_expire_fields(&world.ks, 5000 + MANY, 2 * MANY), MANY);
    cr_assert_eq(world.ks.key_count, 0);
    world_end(&world);
}
