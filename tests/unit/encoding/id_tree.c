/* id_tree.c - the ordered map of ids, against a sorted array.  */
#include "encoding/id_tree.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IDS_MAX = 4000, ROUNDS = 30000, CHECK_EVERY = 97 };

static bool free_nothing(struct collection *collection, size_t *limit)
{
    (void)collection;
    (void)limit;
    return true;
}

static const struct collection_type owner_type = {.which = MEM_STREAM, .free_step = free_nothing};

static void seed_random(void)
{
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
}

/* What the tree should hold. */
struct model {
    struct stream_id ids[IDS_MAX];
    size_t count;
};

struct world {
    struct heap *heap;
    struct collection owner;
    struct id_tree tree;
    struct model model;
};

static struct world *world_create(uint32_t value_bytes)
{
    struct world *world = calloc(1, sizeof *world);
    world->heap = heap_create();
    world->owner = (struct collection){.heap = world->heap, .type = &owner_type};
    id_tree_init(&world->tree, value_bytes);
    return world;
}

static void world_destroy(struct world *world)
{
    size_t limit = 3;
    unsigned steps = 0;
    while (!id_tree_free_step(&world->tree, &world->owner, NULL, &limit)) {
        cr_assert_eq(limit, 0);
        limit = 3;
        steps++;
    }
    cr_assert(steps > 0 || world->model.count < 1000);
    cr_assert_eq(world->owner.bytes, 0);
    cr_assert_eq(heap_counters(world->heap)->class_bytes[MEM_STREAM], 0);
    heap_destroy(world->heap);
    free(world);
}

static size_t model_place(const struct model *model, struct stream_id id)
{
    size_t at = 0;
    while (at < model->count && stream_id_compare(model->ids[at], id) < 0) {
        at++;
    }
    return at;
}

static bool model_has(const struct model *model, size_t at, struct stream_id id)
{
    return at < model->count && stream_id_compare(model->ids[at], id) == 0;
}

static uint64_t value_of(struct stream_id id)
{
    return id.ms * 31 + id.seq;
}

static void insert(struct world *world, struct stream_id id)
{
    struct id_cursor cursor;
    const size_t at = model_place(&world->model, id);
    if (model_has(&world->model, at, id) || world->model.count == IDS_MAX) {
        return;
    }
    cr_assert_eq(id_tree_insert(&world->tree, &world->owner, id, &cursor), RESULT_OK);
    cr_assert_eq(stream_id_compare(id_cursor_id(cursor), id), 0);
    if (world->tree.value_bytes > 0) {
        uint64_t *value = id_cursor_value(&world->tree, cursor);
        cr_assert_eq(*value, 0);
        *value = value_of(id);
    }
    memmove(world->model.ids + at + 1, world->model.ids + at, (world->model.count - at) * sizeof id);
    world->model.ids[at] = id;
    world->model.count++;
}

static void drop(struct world *world, struct stream_id id)
{
    const size_t at = model_place(&world->model, id);
    const bool is_there = model_has(&world->model, at, id);
    cr_assert_eq(id_tree_remove(&world->tree, &world->owner, id), is_there);
    if (is_there) {
        world->model.count--;
        memmove(world->model.ids + at, world->model.ids + at + 1, (world->model.count - at) * sizeof id);
    }
}

static void check_searches(const struct world *world, struct stream_id id)
{
    const struct model *model = &world->model;
    const size_t at = model_place(model, id);
    const bool is_there = model_has(model, at, id);
    const struct id_cursor found = id_tree_find(&world->tree, id);
    const struct id_cursor least = id_tree_at_least(&world->tree, id);
    const struct id_cursor most = id_tree_at_most(&world->tree, id);
    cr_assert_eq(found.leaf != NULL, is_there);
    cr_assert_eq(least.leaf != NULL, at < model->count);
    cr_assert_eq(most.leaf != NULL, is_there || at > 0);
    cr_assert_eq(id_tree_count_from(&world->tree, id), model->count - at);
    if (least.leaf != NULL) {
        cr_assert_eq(stream_id_compare(id_cursor_id(least), model->ids[at]), 0);
    }
    if (most.leaf != NULL) {
        cr_assert_eq(stream_id_compare(id_cursor_id(most), model->ids[is_there ? at : at - 1]), 0);
    }
}

/* Everything, both ways. */
static void check_all(const struct world *world)
{
    const char *fault = id_tree_fault(&world->tree);
    cr_assert_null(fault, "%s", fault);
    cr_assert_eq(world->tree.count, world->model.count);
    cr_assert_eq(world->owner.bytes, world->tree.bytes);
    cr_assert_eq((uint64_t)heap_counters(world->heap)->class_bytes[MEM_STREAM], world->tree.bytes);
    size_t at = 0;
    struct id_cursor cursor = id_tree_first(&world->tree);
    for (bool is_more = cursor.leaf != NULL; is_more; is_more = id_cursor_next(&cursor)) {
        cr_assert_eq(stream_id_compare(id_cursor_id(cursor), world->model.ids[at]), 0);
        if (world->tree.value_bytes > 0) {
            cr_assert_eq(*(uint64_t *)id_cursor_value(&world->tree, cursor), value_of(world->model.ids[at]));
        }
        at++;
    }
    cr_assert_eq(at, world->model.count);
    cursor = id_tree_last(&world->tree);
    for (bool is_more = cursor.leaf != NULL; is_more; is_more = id_cursor_previous(&cursor)) {
        cr_assert_eq(stream_id_compare(id_cursor_id(cursor), world->model.ids[--at]), 0);
    }
    cr_assert_eq(at, 0);
}

static struct stream_id random_id(void)
{
    return (struct stream_id){(uint64_t)(rand() % 900), (uint64_t)(rand() % 6)};
}

static void play(uint32_t value_bytes)
{
    struct world *world = world_create(value_bytes);
    unsigned inserts = 8;
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round % 1000 == 0) {
            inserts = 1 + (unsigned)rand() % 9; /* now it grows, now it shrinks */
        }
        if ((unsigned)rand() % 10 < inserts) {
            insert(world, random_id());
        } else {
            drop(world, random_id());
        }
        check_searches(world, random_id());
        if (round % CHECK_EVERY == 0) {
            check_all(world);
        }
    }
    check_all(world);
    world_destroy(world);
}

Test(id_tree, is_a_sorted_map_with_values)
{
    seed_random();
    play(24);
    play(16);
}

Test(id_tree, is_a_sorted_set_without_values)
{
    seed_random();
    play(0);
}

Test(id_tree, is_dense_when_ids_come_in_order_and_empty_when_they_go)
{
    struct world *world = world_create(24);
    for (uint64_t i = 0; i < IDS_MAX; i++) {
        insert(world, (struct stream_id){i, i % 3});
    }
    check_all(world);
    cr_assert_lt(world->tree.bytes, (uint64_t)IDS_MAX * 43);
    for (uint64_t i = 0; i < IDS_MAX; i++) {
        drop(world, (struct stream_id){i, i % 3});
        if (i % CHECK_EVERY == 0) {
            check_all(world);
        }
    }
    cr_assert_eq(world->tree.bytes, 0);
    world_destroy(world);
}

Test(id_tree, gives_whole_leaves_from_its_front)
{
    struct world *world = world_create(8);
    struct collection other = {.heap = world->heap, .type = &owner_type};
    struct id_tree taken;
    uint64_t count = 0;
    id_tree_init(&taken, 8);
    for (uint64_t i = 0; i < IDS_MAX; i++) {
        insert(world, (struct stream_id){i, 0});
    }
    while (world->tree.first != world->tree.last) {
        count += world->tree.first->count;
        id_tree_give_first_leaf(&world->tree, &world->owner, &taken, &other);
        const char *fault = id_tree_fault(&world->tree);
        cr_assert_null(fault, "%s", fault);
        cr_assert_eq(taken.count, count);
        cr_assert_eq(id_cursor_id(id_tree_first(&world->tree)).ms, count);
        cr_assert_eq((uint64_t)heap_counters(world->heap)->class_bytes[MEM_STREAM], world->owner.bytes + other.bytes);
    }
    size_t limit = SIZE_MAX;
    cr_assert(id_tree_free_step(&taken, &other, NULL, &limit));
    cr_assert_eq(other.bytes, 0);
    world->model.count = 0;
    world_destroy(world);
}

Test(id_tree, is_as_before_when_memory_is_refused)
{
    struct world *world = world_create(24);
    seed_random();
    for (unsigned i = 0; i < 3000; i++) {
        struct id_cursor cursor;
        const struct stream_id id = random_id();
        const size_t at = model_place(&world->model, id);
        if (model_has(&world->model, at, id)) {
            continue;
        }
        for (int64_t allowed = 0; allowed < 4; allowed++) {
            heap_fail_after(world->heap, allowed);
            const uint64_t bytes = world->owner.bytes;
            if (id_tree_insert(&world->tree, &world->owner, id, &cursor) == RESULT_OK) {
                id_tree_remove(&world->tree, &world->owner, id);
                break;
            }
            cr_assert_eq(world->tree.count, world->model.count);
            /* A first leaf that was made larger stays so. */
            cr_assert(world->owner.bytes == bytes || world->tree.root->level == 0);
            const char *fault = id_tree_fault(&world->tree);
            cr_assert_null(fault, "%s", fault);
        }
        heap_fail_after(world->heap, -1);
        insert(world, id);
    }
    check_all(world);
    world_destroy(world);
}
