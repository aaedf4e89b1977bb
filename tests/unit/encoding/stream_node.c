/* stream_node.c - nodes of entries: Redis's bytes, walks both ways, marks, and what is refused of bytes from outside.  */
#include "encoding/stream_node.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool free_nothing(struct collection *collection, size_t *limit)
{
    (void)collection;
    (void)limit;
    return true;
}

static const struct collection_type owner_type = {.which = MEM_STREAM, .free_step = free_nothing};

struct world {
    struct heap *heap;
    struct collection owner;
    struct stream_node node;
};

static const struct stream_id base = {100, 5};

static void world_create(struct world *world, struct stream_words words)
{
    *world = (struct world){.heap = heap_create()};
    world->owner = (struct collection){.heap = world->heap, .type = &owner_type};
    cr_assert_eq(stream_node_create(&world->node, &world->owner, words), RESULT_OK);
}

static void world_destroy(struct world *world)
{
    cr_assert_eq(world->owner.bytes, heap_block_bytes(world->node.capacity));
    stream_node_free(&world->node, &world->owner);
    cr_assert_eq(world->owner.bytes, 0);
    heap_destroy(world->heap);
}

static void append(struct world *world, uint64_t ms, int64_t seq, struct stream_words words)
{
    const struct stream_id relative = {ms, (uint64_t)seq};
    cr_assert_eq(stream_node_append(&world->node, &world->owner, relative, words), RESULT_OK);
}

static struct bytes bytes_of(const struct world *world)
{
    return (struct bytes){world->node.data, stream_node_len(&world->node)};
}

static void check(const struct world *world, uint32_t live, uint32_t deleted)
{
    struct stream_node_facts facts;
    cr_assert(stream_node_check(bytes_of(world), base, &facts));
    cr_assert_eq(facts.live, live);
    cr_assert_eq(facts.deleted, deleted);
    cr_assert_eq(world->node.live, live);
    cr_assert_eq(stream_node_deleted_count(&world->node), deleted);
}

static const struct bytes first_words[] = {BYTES("a"), BYTES("1"), BYTES("bb"), BYTES("x")};
static const struct bytes other_words[] = {BYTES("c"), BYTES("-300")};

Test(stream_node, has_the_bytes_that_redis_writes)
{
    struct world world;
    world_create(&world, (struct stream_words){first_words, 2});
    append(&world, 0, 1, (struct stream_words){first_words, 2});
    append(&world, 1, -5, (struct stream_words){other_words, 1});
    /* DUMP of redis-server 7.0.15 after XADD s 100-5 a 1 bb x; XADD s 100-6 a 1 bb x; XADD s 101-0 c -300 */
    static const char expected[] = "\x41\0\0\0\x19\0"
                                   "\x03\x01\0\x01\x02\x01\x81"
                                   "a\x02\x82"
                                   "bb\x03\0\x01"
                                   "\x02\x01\0\x01\0\x01\x01\x01\x81"
                                   "x\x02\x05\x01"
                                   "\x02\x01\0\x01\x01\x01\x01\x01\x81"
                                   "x\x02\x05\x01"
                                   "\0\x01\x01\x01\xdf\xfb\x02\x01\x01\x81"
                                   "c\x02\xde\xd4\x02\x06\x01\xff";
    const struct bytes bytes = bytes_of(&world);
    cr_assert_eq(bytes.len, sizeof expected - 1);
    cr_assert_eq(memcmp(bytes.data, expected, bytes.len), 0);
    check(&world, 3, 0);
    world_destroy(&world);
}

static void check_walk(const struct world *world, const struct stream_id *ids, size_t count)
{
    struct stream_node_walk walk;
    struct stream_entry entry;
    stream_node_walk_begin(&walk, &world->node, base);
    for (size_t i = 0; i < count; i++) {
        cr_assert(stream_node_walk_next(&walk, &entry));
        cr_assert_eq(stream_id_compare(entry.id, ids[i]), 0);
        cr_assert_eq(entry.is_deleted, i % 3 == 1);
        struct item field, value;
        char scratch[ITEM_SCRATCH];
        stream_entry_next_pair(&entry, &field, &value);
        const bool is_first = i % 2 == 0;
        cr_assert(bytes_equal(item_text(&field, scratch), is_first ? first_words[0] : other_words[0]));
        cr_assert(bytes_equal(item_text(&value, scratch), is_first ? first_words[1] : other_words[1]));
        cr_assert_eq(entry.pair_count, is_first ? 2 : 1);
    }
    cr_assert_not(stream_node_walk_next(&walk, &entry));
    for (size_t i = count; i-- > 0;) {
        cr_assert(stream_node_walk_previous(&walk, &entry));
        cr_assert_eq(stream_id_compare(entry.id, ids[i]), 0);
    }
    cr_assert_not(stream_node_walk_previous(&walk, &entry));
}

/* Marks every third entry. */
static uint32_t mark_some(struct world *world)
{
    struct stream_node_walk walk;
    struct stream_entry entry;
    uint32_t marked = 0;
    cr_assert_eq(stream_node_reserve(&world->node, &world->owner, world->node.live), RESULT_OK);
    stream_node_walk_begin(&walk, &world->node, base);
    for (size_t i = 0; stream_node_walk_next(&walk, &entry); i++) {
        if (i % 3 == 1) {
            stream_node_mark_deleted(&world->node, &entry);
            marked++;
        }
    }
    stream_node_count_deleted(&world->node, marked);
    return marked;
}

/* Over 127 and 4095 the numbers of the master take more bytes. */
Test(stream_node, is_walked_both_ways_at_any_size)
{
    static const size_t counts[] = {1, 2, 126, 127, 128, 129, 4095, 4096, 4097};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct world world;
        struct stream_id *ids = calloc(counts[c], sizeof *ids);
        world_create(&world, (struct stream_words){first_words, 2});
        ids[0] = base;
        for (size_t i = 1; i < counts[c]; i++) {
            const struct stream_words words = {i % 2 == 0 ? first_words : other_words, i % 2 == 0 ? 2 : 1};
            ids[i] = (struct stream_id){base.ms + i / 2, i % 2 == 0 ? i : i + 5};
            append(&world, i / 2, (int64_t)(ids[i].seq - base.seq), words);
        }
        check(&world, (uint32_t)counts[c], 0);
        const uint32_t marked = mark_some(&world);
        check(&world, (uint32_t)counts[c] - marked, marked);
        check_walk(&world, ids, counts[c]);
        stream_node_shrink(&world.node, &world.owner);
        check_walk(&world, ids, counts[c]);
        free(ids);
        world_destroy(&world);
    }
}

Test(stream_node, keeps_words_of_any_length_and_kind)
{
    static const size_t lengths[] = {0, 1, 63, 64, 4095, 4096, 20000, 3000000};
    static const char *const numbers[] = {"0",     "127",   "128",        "-1",          "4095",                "4096", "-4096",
                                          "-4097", "32768", "-8388609",   "2147483648",  "9223372036854775807",
                                          "-9223372036854775808"};
    char *text = malloc(3000000);
    struct bytes words[2 * (sizeof lengths / sizeof lengths[0] + sizeof numbers / sizeof numbers[0])];
    uint32_t pairs = 0;
    memset(text, 'q', 3000000);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++, pairs++) {
        words[2 * pairs] = BYTES("len");
        words[2 * pairs + 1] = (struct bytes){text, lengths[i]};
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++, pairs++) {
        words[2 * pairs] = bytes_of_string(numbers[i]);
        words[2 * pairs + 1] = bytes_of_string(numbers[i]);
    }
    struct world world;
    world_create(&world, (struct stream_words){words, pairs});
    append(&world, 0, 1, (struct stream_words){words, pairs});
    append(&world, 0, 2, (struct stream_words){words + 2, pairs - 1});
    check(&world, 3, 0);
    struct stream_node_walk walk;
    struct stream_entry entry;
    stream_node_walk_begin(&walk, &world.node, base);
    for (uint32_t e = 0; e < 3; e++) {
        cr_assert(stream_node_walk_next(&walk, &entry));
        for (uint32_t i = e == 2; i < pairs; i++) {
            struct item field, value;
            char scratch[2][ITEM_SCRATCH];
            stream_entry_next_pair(&entry, &field, &value);
            cr_assert(bytes_equal(item_text(&field, scratch[0]), words[2 * i]));
            cr_assert(bytes_equal(item_text(&value, scratch[1]), words[2 * i + 1]));
        }
    }
    world_destroy(&world);
    free(text);
}

Test(stream_node, may_have_deleted_entries_above_live_ones)
{
    struct world world;
    struct stream_node_facts facts;
    world_create(&world, (struct stream_words){first_words, 2});
    append(&world, 0, 4, (struct stream_words){other_words, 1});
    append(&world, 0, 3, (struct stream_words){other_words, 1});
    cr_assert_not(stream_node_check(bytes_of(&world), base, &facts));
    mark_some(&world);
    check(&world, 2, 1);
    cr_assert(stream_node_check(bytes_of(&world), base, &facts));
    cr_assert_eq(facts.last_live_id.seq, base.seq + 3);
    world_destroy(&world);
}

/* Whatever is changed in a node: it is refused, or can be walked. */
Test(stream_node, survives_any_changed_byte)
{
    struct world world;
    unsigned accepted = 0;
    world_create(&world, (struct stream_words){first_words, 2});
    for (int64_t i = 1; i < 8; i++) {
        append(&world, (uint64_t)i * 200, i, (struct stream_words){i % 2 == 0 ? first_words : other_words, i % 2 == 0 ? 2 : 1});
    }
    mark_some(&world);
    const size_t len = stream_node_len(&world.node);
    char *copy = malloc(len);
    for (size_t at = 0; at < len; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct stream_node_facts facts;
            struct stream_node_walk walk;
            struct stream_entry entry;
            memcpy(copy, world.node.data, len);
            copy[at] = (char)byte;
            if (!stream_node_check((struct bytes){copy, len}, base, &facts)) {
                continue;
            }
            accepted++;
            const struct stream_node node = {copy, (uint32_t)len, facts.live};
            uint32_t entries = 0;
            stream_node_walk_begin(&walk, &node, base);
            while (stream_node_walk_next(&walk, &entry)) {
                entries++;
                for (uint64_t i = 0; i < entry.pair_count; i++) {
                    struct item field, value;
                    stream_entry_next_pair(&entry, &field, &value);
                }
            }
            cr_assert_eq(entries, facts.live + facts.deleted);
        }
    }
    for (size_t shorter = 0; shorter < len; shorter++) {
        struct stream_node_facts facts;
        cr_assert_not(stream_node_check((struct bytes){world.node.data, shorter}, base, &facts));
    }
    cr_assert_gt(accepted, len);
    free(copy);
    world_destroy(&world);
}

Test(stream_node, is_as_before_when_memory_is_refused)
{
    struct world world;
    struct stream_node none;
    world_create(&world, (struct stream_words){first_words, 2});
    heap_fail_after(world.heap, 0);
    cr_assert_eq(stream_node_create(&none, &world.owner, (struct stream_words){first_words, 2}), RESULT_NO_MEMORY);
    enum result result = RESULT_OK;
    uint32_t live = 1;
    for (int64_t i = 1; result == RESULT_OK; i++) {
        const struct stream_id relative = {0, (uint64_t)i};
        check(&world, live, 0);
        result = stream_node_append(&world.node, &world.owner, relative, (struct stream_words){other_words, 1});
        live += result == RESULT_OK;
    }
    cr_assert_eq(result, RESULT_NO_MEMORY);
    check(&world, live, 0);
    heap_fail_after(world.heap, -1);
    world_destroy(&world);
}
