/* stream.c - streams and their groups against arrays: adding, both kinds of trimming, deleting, ranges both ways, and what
 * is pending.  */
#include "encoding/stream.h"
#include "encoding/stream_copy.h"
#include "encoding/stream_group.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ENTRIES_MAX = 3000, ROUNDS = 6000, GROUPS = 3, CONSUMERS = 4 };

static void seed_random(void)
{
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
}

static uint64_t random_below(uint64_t limit)
{
    return (uint64_t)rand() % limit;
}

/* --- the model: Redis's nodes as numbers --- */

struct model_entry {
    struct stream_id id;
    uint32_t value;
    uint32_t node;       /* entries of one node have the same number */
    bool is_deleted;
};

struct model {
    struct model_entry entries[ENTRIES_MAX];
    size_t count;        /* deleted ones included, as long as their node is there */
    uint32_t node;       /* of the last entry */
    uint64_t length;
    struct stream_id last_id, max_deleted_id;
};

struct world {
    struct heap *heap;
    struct stream *stream;
    struct encoding_limits limits;
    struct model model;
};

static struct world *world_create(int64_t entries_max)
{
    struct world *world = calloc(1, sizeof *world);
    world->heap = heap_create();
    world->stream = stream_create(world->heap);
    world->limits = (struct encoding_limits){.stream_node_max_entries = entries_max, .stream_node_max_bytes = 1 << 20};
    return world;
}

static void world_destroy(struct world *world)
{
    size_t limit = 5;
    while (!world->stream->collection.type->free_step(&world->stream->collection, &limit)) {
        limit = 5;
    }
    cr_assert_eq(heap_counters(world->heap)->class_bytes[MEM_STREAM], 0);
    heap_destroy(world->heap);
    free(world);
}

static size_t node_first(const struct model *model, size_t at)
{
    while (at > 0 && model->entries[at - 1].node == model->entries[at].node) {
        at--;
    }
    return at;
}

static size_t node_end(const struct model *model, size_t at)
{
    const uint32_t node = model->entries[at].node;
    while (at < model->count && model->entries[at].node == node) {
        at++;
    }
    return at;
}

static uint64_t live_in(const struct model *model, size_t first, size_t end)
{
    uint64_t live = 0;
    for (size_t i = first; i < end; i++) {
        live += !model->entries[i].is_deleted;
    }
    return live;
}

static void cut(struct model *model, size_t first, size_t end)
{
    model->length -= live_in(model, first, end);
    memmove(model->entries + first, model->entries + end, (model->count - end) * sizeof model->entries[0]);
    model->count -= end - first;
}

static void add(struct world *world)
{
    struct model *model = &world->model;
    if (model->count == ENTRIES_MAX) {
        return;
    }
    struct stream_id id = model->last_id;
    id.ms += random_below(3);
    id.seq = id.ms == model->last_id.ms ? id.seq + 1 + random_below(2) : random_below(3);
    const uint32_t value = (uint32_t)rand() % 100000;
    char text[16];
    const int len = snprintf(text, sizeof text, "%u", value);
    const struct bytes words[] = {rand() % 4 == 0 ? BYTES("other") : BYTES("field"), {text, (size_t)len}};
    cr_assert_eq(stream_append(world->stream, id, (struct stream_words){words, 1}, &world->limits), RESULT_OK);
    const bool is_first = model->count == 0;
    const size_t in_node = is_first ? 0 : model->count - node_first(model, model->count - 1);
    if (!is_first && in_node >= (size_t)world->limits.stream_node_max_entries) {
        model->node++;
    }
    model->node += is_first;
    model->entries[model->count++] = (struct model_entry){id, value, model->node, false};
    model->length++;
    model->last_id = id;
}

static struct stream_id random_id(const struct model *model)
{
    if (model->count > 0 && rand() % 4 != 0) {
        return model->entries[random_below(model->count)].id;
    }
    return (struct stream_id){random_below(model->last_id.ms + 2), random_below(6)};
}

static void drop(struct world *world)
{
    struct model *model = &world->model;
    const struct stream_id id = random_id(model);
    size_t at = 0;
    while (at < model->count && stream_id_compare(model->entries[at].id, id) != 0) {
        at++;
    }
    const bool is_there = at < model->count && !model->entries[at].is_deleted;
    cr_assert_eq(stream_has(world->stream, id), is_there);
    cr_assert_eq(stream_delete(world->stream, id), is_there ? RESULT_OK : RESULT_NOT_FOUND);
    if (!is_there) {
        return;
    }
    model->entries[at].is_deleted = true;
    model->length--;
    if (stream_id_compare(id, model->max_deleted_id) > 0) {
        model->max_deleted_id = id;
    }
    if (live_in(model, node_first(model, at), node_end(model, at)) == 0) {
        cut(model, node_first(model, at), node_end(model, at));
    }
}

/* May the model's first node go as a whole? */
static bool model_goes_whole(const struct model *model, const struct stream_trim *trim)
{
    const size_t end = node_end(model, 0);
    if (trim->by_id) {
        return stream_id_compare(model->entries[end - 1].id, trim->min_id) < 0;
    }
    return model->length - live_in(model, 0, end) >= trim->max_length;
}

static uint64_t model_trim_node(struct model *model, const struct stream_trim *trim)
{
    uint64_t gone = 0;
    for (size_t i = 0; i < node_end(model, 0); i++) {
        struct model_entry *entry = &model->entries[i];
        if (trim->by_id ? stream_id_compare(entry->id, trim->min_id) >= 0 : model->length <= trim->max_length) {
            break;
        }
        model->length -= !entry->is_deleted;
        gone += !entry->is_deleted;
        entry->is_deleted = true;
    }
    return gone;
}

static uint64_t model_trim(struct model *model, const struct stream_trim *trim)
{
    uint64_t gone = 0;
    while (model->count > 0 && (trim->by_id || model->length > trim->max_length)) {
        const uint64_t live = live_in(model, 0, node_end(model, 0));
        if (trim->limit > 0 && gone + live > trim->limit) {
            break;
        }
        if (!model_goes_whole(model, trim)) {
            return gone + (trim->is_approximate ? 0 : model_trim_node(model, trim));
        }
        gone += live;
        cut(model, 0, node_end(model, 0));
    }
    return gone;
}

static void trim(struct world *world)
{
    struct model *model = &world->model;
    struct stream_trim how = {.by_id = rand() % 2 == 0, .is_approximate = rand() % 2 == 0};
    struct stream *remains;
    how.min_id = random_id(model);
    how.max_length = model->length == 0 ? 0 : model->length - random_below(model->length < 30 ? model->length + 1 : 30);
    if (rand() % 50 == 0) {
        how.max_length = random_below(100);
    }
    how.limit = how.is_approximate && rand() % 2 == 0 ? random_below(40) : 0;
    const uint64_t expected = model_trim(model, &how);
    cr_assert_eq(stream_trim(world->stream, &how, &remains), expected);
    if (remains != NULL) {
        collection_destroy(&remains->collection);
    }
}

/* --- checks --- */

static void check_range(const struct world *world, bool is_reverse)
{
    const struct model *model = &world->model;
    const struct stream_id first = rand() % 3 == 0 ? STREAM_ID_MIN : random_id(model);
    const struct stream_id last = rand() % 3 == 0 ? STREAM_ID_MAX : random_id(model);
    struct stream_walk walk;
    struct stream_entry entry;
    uint64_t found = 0;
    stream_walk_begin(&walk, world->stream, first, last, is_reverse);
    for (size_t i = 0; i < model->count; i++) {
        const struct model_entry *expected = &model->entries[is_reverse ? model->count - 1 - i : i];
        if (expected->is_deleted || stream_id_compare(expected->id, first) < 0 || stream_id_compare(expected->id, last) > 0) {
            continue;
        }
        struct item field, value;
        cr_assert(stream_walk_next(&walk, &entry));
        cr_assert_eq(stream_id_compare(entry.id, expected->id), 0);
        stream_entry_next_pair(&entry, &field, &value);
        cr_assert_eq(value.integer, expected->value);
        found++;
    }
    cr_assert_not(stream_walk_next(&walk, &entry));
    cr_assert_not(stream_walk_next(&walk, &entry));
    cr_assert_eq(stream_count(world->stream, first, last), found);
    stream_walk_begin(&walk, world->stream, first, last, is_reverse);
    cr_assert(!stream_walk_is_short(&walk, UINT64_MAX) || found <= STREAM_SHORT_ENTRIES);
}

/* Redis's radix tree, built one byte after the other. */
struct radix_node {
    struct radix_node *children[256];
};

static void radix_insert(struct radix_node *root, struct stream_id id)
{
    for (unsigned i = 0; i < 16; i++) {
        const uint64_t half = i < 8 ? id.ms : id.seq;
        const unsigned byte = half >> (56 - 8 * (i % 8)) & 0xff;
        if (root->children[byte] == NULL) {
            root->children[byte] = calloc(1, sizeof *root);
        }
        root = root->children[byte];
    }
}

/* Nodes when chains of single children are one node. Frees what is below. */
static uint64_t radix_count(struct radix_node *node, bool is_in_chain)
{
    uint64_t nodes = 0;
    unsigned children = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        children += node->children[byte] != NULL;
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        if (node->children[byte] != NULL) {
            nodes += radix_count(node->children[byte], children == 1);
            free(node->children[byte]);
        }
    }
    return nodes + (children == 1 && is_in_chain ? 0 : 1);
}

static void check_radix(const struct world *world)
{
    struct radix_node root = {0};
    struct id_cursor cursor = id_tree_first(&world->stream->nodes);
    for (bool is_more = cursor.leaf != NULL; is_more; is_more = id_cursor_next(&cursor)) {
        radix_insert(&root, id_cursor_id(cursor));
    }
    cr_assert_eq(stream_radix_nodes(world->stream), radix_count(&root, false));
}

static void check(const struct world *world)
{
    const struct model *model = &world->model;
    const struct stream *stream = world->stream;
    const char *fault = stream->collection.type->fault(&stream->collection);
    cr_assert_null(fault, "%s", fault);
    cr_assert_eq((uint64_t)heap_counters(world->heap)->class_bytes[MEM_STREAM], stream->collection.bytes);
    cr_assert_eq(stream->length, model->length);
    cr_assert_eq(stream_id_compare(stream->last_id, model->last_id), 0);
    cr_assert_eq(stream_id_compare(stream->max_deleted_id, model->max_deleted_id), 0);
    struct stream_id first = STREAM_ID_MIN;
    uint64_t nodes = 0;
    for (size_t i = model->count; i-- > 0;) {
        first = model->entries[i].is_deleted ? first : model->entries[i].id;
        nodes += i == 0 || model->entries[i - 1].node != model->entries[i].node;
    }
    cr_assert_eq(stream_id_compare(stream->first_id, first), 0);
    cr_assert_eq(stream->nodes.count, nodes);
}

static void play(int64_t node_entries)
{
    struct world *world = world_create(node_entries);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const unsigned what = (unsigned)rand() % 100;
        if (what < 75) {
            add(world);
        } else if (what < 97) {
            drop(world);
        } else {
            trim(world);
        }
        if (round % 20 == 0) {
            check(world);
            check_range(world, false);
            check_range(world, true);
        }
        if (round % 500 == 0) {
            check_radix(world);
        }
    }
    check(world);
    world_destroy(world);
}

Test(stream, is_what_the_model_says_with_nodes_of_any_size)
{
    seed_random();
    play(1);
    play(3);
    play(10);
    play(100);
}

Test(stream, gives_many_nodes_away_at_once)
{
    struct world *world = world_create(1);
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        add(world);
    }
    const struct stream_trim how = {.max_length = 100};
    struct stream *remains;
    cr_assert_eq(model_trim(&world->model, &how), ENTRIES_MAX - 100);
    cr_assert_eq(stream_trim(world->stream, &how, &remains), ENTRIES_MAX - 100);
    cr_assert_not_null(remains);
    const int64_t counted = heap_counters(world->heap)->class_bytes[MEM_STREAM];
    cr_assert_eq((uint64_t)counted, world->stream->collection.bytes + remains->collection.bytes);
    cr_assert_lt(world->stream->collection.bytes, (uint64_t)counted / 10);
    collection_destroy(&remains->collection);
    check(world);
    check_range(world, false);
    world_destroy(world);
}

static const struct bytes two_words[] = {BYTES("f"), BYTES("v")};

static void add_id(struct world *world, uint64_t ms)
{
    cr_assert_eq(stream_append(world->stream, (struct stream_id){ms, 1}, (struct stream_words){two_words, 1}, &world->limits),
                 RESULT_OK);
}

Test(stream, begins_a_node_by_bytes_and_refuses_what_is_too_long)
{
    struct world *world = world_create(0);
    world->limits.stream_node_max_bytes = 50;
    add_id(world, 1);
    add_id(world, 2);
    add_id(world, 3);
    add_id(world, 4);
    cr_assert_eq(world->stream->nodes.count, 2);
    const char *text = "";
    const struct bytes words[] = {BYTES("f"), {text, STREAM_NODE_BYTES_MAX}};
    const uint64_t bytes = world->stream->collection.bytes;
    const struct stream_id id = {5, 0};
    cr_assert_eq(stream_append(world->stream, id, (struct stream_words){words, 1}, &world->limits), RESULT_TOO_LONG);
    cr_assert_eq(world->stream->collection.bytes, bytes);
    world_destroy(world);
}

static void check_fault(const struct world *world)
{
    const char *fault = world->stream->collection.type->fault(&world->stream->collection);
    cr_assert_null(fault, "%s", fault);
}

Test(stream, lets_ids_of_deleted_entries_come_again)
{
    struct world *world = world_create(3);
    for (uint64_t ms = 1; ms <= 5; ms++) {
        add_id(world, ms);
    }
    cr_assert_eq(stream_delete(world->stream, (struct stream_id){4, 1}), RESULT_OK);
    cr_assert_eq(stream_delete(world->stream, (struct stream_id){5, 1}), RESULT_OK); /* the second node is gone */
    cr_assert_eq(stream_delete(world->stream, (struct stream_id){3, 1}), RESULT_OK);
    stream_set_last_id(world->stream, (struct stream_id){2, 5});
    check_fault(world);
    add_id(world, 3);
    check_fault(world);
    cr_assert_eq(world->stream->length, 3);
    cr_assert_eq(world->stream->nodes.count, 2);
    cr_assert(stream_has(world->stream, (struct stream_id){3, 1}));
    cr_assert_eq(stream_delete(world->stream, (struct stream_id){3, 1}), RESULT_OK);
    cr_assert_eq(stream_delete(world->stream, (struct stream_id){3, 1}), RESULT_NOT_FOUND);
    /* The first node's last entry is a deleted 3-1: it does not go as a whole. */
    struct stream *remains;
    const struct stream_trim how = {.by_id = true, .is_approximate = true, .min_id = {3, 1}};
    cr_assert_eq(stream_trim(world->stream, &how, &remains), 0);
    check_fault(world);
    world_destroy(world);
}

Test(stream, is_as_before_when_memory_is_refused)
{
    struct world *world = world_create(3);
    seed_random();
    for (uint64_t ms = 1; ms < 500; ms++) {
        enum result result = RESULT_NO_MEMORY;
        for (int64_t allowed = 0; result != RESULT_OK; allowed++) {
            const uint64_t length = world->stream->length;
            heap_fail_after(world->heap, allowed);
            result = stream_append(world->stream, (struct stream_id){ms, 1}, (struct stream_words){two_words, 1}, &world->limits);
            const char *fault = world->stream->collection.type->fault(&world->stream->collection);
            cr_assert_null(fault, "%s", fault);
            cr_assert_eq(world->stream->length, length + (result == RESULT_OK));
            cr_assert_eq((uint64_t)heap_counters(world->heap)->class_bytes[MEM_STREAM], world->stream->collection.bytes);
        }
    }
    heap_fail_after(world->heap, -1);
    world_destroy(world);
}

/* --- groups --- */

/* Who has what, by the numbers of ids. */
struct group_model {
    int owner[ENTRIES_MAX]; /* -1: not pending */
    uint64_t counts[ENTRIES_MAX];
};

static struct stream_id id_of(unsigned number)
{
    return (struct stream_id){number / 3u, number % 3u};
}

static struct bytes name_of(unsigned number, char text[16])
{
    return (struct bytes){text, (size_t)snprintf(text, 16, "%u", number * 7919u)};
}

static void check_group(const struct stream_group *group, const struct group_model *model)
{
    uint64_t pending = 0;
    uint64_t of[CONSUMERS] = {0};
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        const struct stream_nack *nack = stream_find_pending(group, id_of(i));
        cr_assert_eq(nack != NULL, model->owner[i] >= 0);
        if (nack != NULL) {
            char text[16];
            cr_assert(bytes_equal(stream_consumer_name(nack->consumer), name_of((unsigned)model->owner[i], text)));
            cr_assert_eq(nack->delivery_count, model->counts[i]);
            pending++;
            of[model->owner[i]]++;
        }
    }
    cr_assert_eq(group->pending.count, pending);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        char text[16];
        const struct stream_consumer *consumer = stream_find_consumer(group, name_of(i, text));
        cr_assert_eq(consumer == NULL ? 0 : consumer->pending.count, of[i]);
    }
}

static void play_group(struct stream *stream, struct stream_group *group, struct group_model *model)
{
    for (unsigned round = 0; round < 300; round++) {
        const unsigned i = (unsigned)rand() % ENTRIES_MAX;
        if (rand() % 3 == 0) {
            cr_assert_eq(stream_remove_pending(stream, group, id_of(i)), model->owner[i] >= 0);
            model->owner[i] = -1;
            continue;
        }
        char text[16];
        const unsigned who = (unsigned)rand() % CONSUMERS;
        const struct bytes name = name_of(who, text);
        struct stream_consumer *consumer = stream_find_consumer(group, name);
        if (consumer == NULL) {
            cr_assert_eq(stream_create_consumer(stream, group, name, 5, &consumer), RESULT_OK);
            cr_assert_eq(stream_create_consumer(stream, group, name, 5, &consumer), RESULT_EXISTS);
            consumer = stream_find_consumer(group, name);
        }
        const struct stream_nack nack = {(int64_t)round, round, consumer};
        cr_assert_eq(stream_set_pending(stream, group, id_of(i), &nack), RESULT_OK);
        model->owner[i] = (int)who;
        model->counts[i] = round;
    }
}

Test(stream, keeps_groups_consumers_and_pending_entries)
{
    struct world *world = world_create(10);
    struct group_model *models = calloc(GROUPS, sizeof *models);
    struct stream_group *group;
    char text[16];
    seed_random();
    for (unsigned i = 0; i < GROUPS; i++) {
        memset(models[i].owner, 0xff, sizeof models[i].owner);
        cr_assert_eq(stream_create_group(world->stream, name_of(i, text), STREAM_ID_MIN, 0, &group), RESULT_OK);
        cr_assert_eq(stream_create_group(world->stream, name_of(i, text), STREAM_ID_MIN, 0, &group), RESULT_EXISTS);
    }
    for (unsigned round = 0; round < 100; round++) {
        const unsigned which = (unsigned)rand() % GROUPS;
        group = stream_find_group(world->stream, name_of(which, text));
        play_group(world->stream, group, &models[which]);
        check_group(group, &models[which]);
        const char *fault = world->stream->collection.type->fault(&world->stream->collection);
        cr_assert_null(fault, "%s", fault);
        cr_assert_eq((uint64_t)heap_counters(world->heap)->class_bytes[MEM_STREAM], world->stream->collection.bytes);
    }
    struct collection *copy = world->stream->collection.type->copy(&world->stream->collection, world->heap);
    for (unsigned i = 0; i < GROUPS; i++) {
        check_group(stream_find_group(stream_of_collection(copy), name_of(i, text)), &models[i]);
    }
    const char *fault = copy->type->fault(copy);
    cr_assert_null(fault, "%s", fault);
    collection_destroy(copy);
    for (unsigned i = 0; i < GROUPS; i++) {
        struct stream *remains;
        stream_destroy_group(world->stream, stream_find_group(world->stream, name_of(i, text)), &remains);
        const uint64_t rest = remains == NULL ? 0 : remains->collection.bytes;
        cr_assert_eq((uint64_t)heap_counters(world->heap)->class_bytes[MEM_STREAM], world->stream->collection.bytes + rest);
        collection_destroy(remains == NULL ? NULL : &remains->collection);
    }
    free(models);
    world_destroy(world);
}

static void check_copy(const struct world *world, struct collection *copy)
{
    const char *fault = copy->type->fault(copy);
    cr_assert_null(fault, "%s", fault);
    cr_assert_eq(stream_of_collection(copy)->length, world->stream->length);
    cr_assert_eq(stream_of_collection(copy)->nodes.count, world->stream->nodes.count);
    cr_assert_eq(stream_of_collection(copy)->groups[0]->pending.count, world->stream->groups[0]->pending.count);
    collection_destroy(copy);
}

Test(stream, copies_nothing_or_everything_and_in_steps)
{
    struct world *world = world_create(3);
    struct stream_group *group;
    struct stream_consumer *consumer;
    for (uint64_t ms = 1; ms < 40; ms++) {
        add_id(world, ms);
    }
    cr_assert_eq(stream_create_group(world->stream, BYTES("g"), STREAM_ID_MIN, 0, &group), RESULT_OK);
    cr_assert_eq(stream_create_consumer(world->stream, group, BYTES("c"), 0, &consumer), RESULT_OK);
    for (unsigned i = 0; i < 30; i++) {
        const struct stream_nack nack = {1, 1, consumer};
        cr_assert_eq(stream_set_pending(world->stream, group, id_of(i), &nack), RESULT_OK);
    }
    const int64_t before = heap_counters(world->heap)->class_bytes[MEM_STREAM];
    struct collection *copy = NULL;
    for (int64_t allowed = 0; copy == NULL; allowed++) {
        cr_assert_eq(heap_counters(world->heap)->class_bytes[MEM_STREAM], before);
        heap_fail_after(world->heap, allowed);
        copy = world->stream->collection.type->copy(&world->stream->collection, world->heap);
    }
    heap_fail_after(world->heap, -1);
    check_copy(world, copy);
    struct stream_copy in_steps;
    bool is_done = false;
    cr_assert_eq(stream_copy_begin(&in_steps, world->stream, world->heap), RESULT_OK);
    while (!is_done) {
        cr_assert_eq(stream_copy_step(&in_steps, 1, &is_done), RESULT_OK);
    }
    check_copy(world, &in_steps.to->collection);
    world_destroy(world);
}
