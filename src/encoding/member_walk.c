/* member_walk.c - going over a whole member table: random members, walks, scans, copying, freeing, checking.
 *
 * A place is the leaf's first place in the directory, shifted by MEMBER_PLACE_INDEX_BITS, and the item's index in the leaf.  */
#include "base/random.h"
#include "encoding/member_defrag.h"
#include "encoding/member_leaf.h"
#include "encoding/member_table.h"
#include "encoding/member_whole.h"

#include <assert.h>

enum { INDEX_MASK = (1 << MEMBER_PLACE_INDEX_BITS) - 1, RANDOM_TRIES_MAX = 100000 };
_Static_assert((int)LEAF_ITEMS_MAX <= (int)INDEX_MASK, "an index has so many bits");

static uint64_t place_count(const struct member_table *table)
{
    return UINT64_C(1) << table->depth;
}

static uint64_t leaf_span(const struct member_table *table, const struct member_leaf *leaf)
{
    return UINT64_C(1) << (table->depth - leaf->depth);
}

/* --- random --- */

/* Only there so that a broken random number generator ends, too. */
static uint64_t first_place(const struct member_table *table)
{
    uint64_t at = 0;
    while (table->directory[at]->count == 0) {
        at += leaf_span(table, table->directory[at]);
        assert(at < place_count(table));
    }
    return at << MEMBER_PLACE_INDEX_BITS;
}

/* A leaf in s places is met s times as often, so each of its items is taken with 1/s of the chance: the number that is drawn
 * below s x largest_leaf must be the item's index.  */
uint64_t member_table_random(const struct member_table *table, uint64_t *random_state)
{
    assert(table->count > 0);
    for (unsigned tries = 0; tries < RANDOM_TRIES_MAX; tries++) {
        const uint64_t at = random_below(random_state, place_count(table));
        const struct member_leaf *leaf = table->directory[at];
        const uint64_t span = leaf_span(table, leaf);
        const uint64_t index = random_below(random_state, span * table->largest_leaf);
        if (index < leaf->count) {
            return (at & ~(span - 1)) << MEMBER_PLACE_INDEX_BITS | index;
        }
    }
    return first_place(table);
}

void member_table_at(const struct member_table *table, uint64_t place, struct item *member, struct item *value)
{
    assert(place >> MEMBER_PLACE_INDEX_BITS < place_count(table));
    const struct member_leaf *leaf = table->directory[place >> MEMBER_PLACE_INDEX_BITS];
    assert(((unsigned)place & INDEX_MASK) < leaf->count);
    leaf_item(leaf, (unsigned)place & INDEX_MASK, table->has_values, member, value);
}

/* --- walk and scan --- */

/* The leaf that a walk comes to in a while. Inlined by force: see member_table_prefetch. */
__attribute__((always_inline)) static inline void prefetch_leaf(const struct member_table *table, uint64_t at)
{
    if (at < place_count(table)) {
        const char *leaf = (const char *)table->directory[at];
        for (unsigned line = 0; line < 8; line++) {
            __builtin_prefetch(leaf + (size_t)line * CACHE_LINE_BYTES);
        }
    }
}

bool member_walk_next(struct member_walk *walk, struct item *member, struct item *value)
{
    const struct member_table *table = walk->table;
    uint64_t at = walk->place >> MEMBER_PLACE_INDEX_BITS;
    unsigned index = (unsigned)walk->place & INDEX_MASK;
    while (at < place_count(table)) {
        const struct member_leaf *leaf = table->directory[at];
        if (index < leaf->count) {
            leaf_item(leaf, index, table->has_values, member, value);
            walk->place = at << MEMBER_PLACE_INDEX_BITS | (index + 1);
            return true;
        }
        at += leaf_span(table, leaf);
        index = 0;
        prefetch_leaf(table, at + 1);
    }
    walk->place = at << MEMBER_PLACE_INDEX_BITS;
    return false;
}

static void visit_leaf(const struct member_table *table, const struct member_leaf *leaf, member_visit_fn *visit, void *arg)
{
    for (unsigned i = 0; i < leaf->count; i++) {
        struct item member;
        struct item value;
        leaf_item(leaf, i, table->has_values, &member, &value);
        visit(&member, table->has_values ? &value : NULL, arg);
    }
}

uint64_t member_table_scan(const struct member_table *table, uint64_t cursor, size_t count, member_visit_fn *visit, void *arg)
{
    _Static_assert((int)MEMBER_DEPTH_MAX <= (int)MEMBER_CURSOR_BITS, "a cursor holds any prefix");
    if (cursor >> MEMBER_CURSOR_BITS != 0) {
        return 0;
    }
    const unsigned shift = MEMBER_CURSOR_BITS - table->depth;
    uint64_t at = cursor >> shift;
    assert(at < place_count(table));
    size_t visited = 0;
    do {
        const struct member_leaf *leaf = table->directory[at];
        visit_leaf(table, leaf, visit, arg);
        visited += leaf->count;
        const uint64_t span = leaf_span(table, leaf);
        at = (at & ~(span - 1)) + span;
    } while (at < place_count(table) && visited < count);
    return at < place_count(table) ? at << shift : 0;
}

/* --- freeing --- */

bool member_table_free_step(struct collection *collection, size_t *limit)
{
    struct member_table *table = member_table_of(collection);
    while (table->drained_places < place_count(table)) {
        if (*limit == 0) {
            return false;
        }
        struct member_leaf *leaf = table->directory[table->drained_places];
        table->drained_places += (uint32_t)leaf_span(table, leaf);
        const size_t items = leaf->count + 1u;
        *limit -= items < *limit ? items : *limit;
        leaf_free_apart(collection, leaf);
        leaf_free(collection, leaf);
    }
    if (table->depth > 0) {
        collection_free_block(collection, table->directory, sizeof(struct member_leaf *) << table->depth);
    }
    heap_free(collection->heap, collection->type->which, table, collection->type->head_bytes);
    return true;
}

/* --- copying --- */

/* Adds a copy of an item that is apart. */
static bool append_apart(struct collection *owner, struct member_leaf *copy, const struct member_leaf *leaf, unsigned index)
{
    const struct leaf_content content = {.member = leaf_content(leaf, index)};
    const char *apart = leaf_apart_create(owner, &content);
    if (apart == NULL) {
        return false;
    }
    const uint64_t address = (uint64_t)(uintptr_t)apart;
    const unsigned flags = leaf_end_word(leaf, index) & ~(unsigned)LEAF_END_MASK;
    memcpy(leaf_append(copy, leaf->tags[index], sizeof address, flags), &address, sizeof address);
    return true;
}

static struct member_leaf *copy_leaf(struct collection *owner, const struct member_leaf *leaf)
{
    struct member_leaf *copy = leaf_create(owner, leaf_bytes(leaf->count, leaf->used), leaf->depth);
    if (copy == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < leaf->count; i++) {
        if ((leaf_end_word(leaf, i) & LEAF_APART) == 0) {
            leaf_append_copy(copy, leaf, i);
        } else if (!append_apart(owner, copy, leaf, i)) {
            leaf_free_apart(owner, copy);
            leaf_free(owner, copy);
            return NULL;
        }
    }
    return copy;
}

/* Frees a copy that has leaves in the first `end` places only. */
static void abandon_copy(struct member_table *copy, uint64_t end)
{
    for (uint64_t at = 0; at < end;) {
        struct member_leaf *leaf = copy->directory[at];
        at += leaf_span(copy, leaf);
        leaf_free_apart(&copy->collection, leaf);
        leaf_free(&copy->collection, leaf);
    }
    if (copy->depth > 0) {
        collection_free_block(&copy->collection, copy->directory, sizeof(struct member_leaf *) << copy->depth);
    }
    heap_free(copy->collection.heap, copy->collection.type->which, copy, copy->collection.type->head_bytes);
}

struct collection *member_table_copy(const struct collection *collection, struct heap *heap)
{
    const struct member_table *table = (const struct member_table *)collection;
    const size_t head_bytes = collection->type->head_bytes;
    struct member_table *copy = heap_alloc_zeroed(heap, collection->type->which, head_bytes);
    if (copy == NULL) {
        return NULL;
    }
    *copy = *table;
    copy->collection = (struct collection){.bytes = heap_block_bytes(head_bytes), .heap = heap,
                                           .type = collection->type, .encoding = collection->encoding};
    copy->directory = &copy->only;
    if (copy->depth > 0) {
        copy->directory = collection_alloc(&copy->collection, sizeof(struct member_leaf *) << copy->depth);
        if (copy->directory == NULL) {
            heap_free(heap, collection->type->which, copy, head_bytes);
            return NULL;
        }
    }
    for (uint64_t at = 0; at < place_count(table);) {
        const uint64_t span = leaf_span(table, table->directory[at]);
        struct member_leaf *leaf = copy_leaf(&copy->collection, table->directory[at]);
        if (leaf == NULL) {
            abandon_copy(copy, at);
            return NULL;
        }
        for (uint64_t i = 0; i < span; i++) {
            copy->directory[at + i] = leaf;
        }
        at += span;
    }
    debug_assert(collection_is_valid(&copy->collection));
    return &copy->collection;
}

/* --- checking --- */

/* What the walk over everything adds up. */
struct tally {
    uint64_t count;
    uint64_t bytes;
    uint32_t leaves_of_depth[MEMBER_DEPTH_MAX + 1];
};

static const char *item_fault(const struct member_table *table, const struct member_leaf *leaf, unsigned index, uint64_t at)
{
    struct item member;
    struct item value;
    leaf_item(leaf, index, table->has_values, &member, &value);
    const uint64_t hash = member_hash(table->secret, &member);
    if (table->directory[hash >> 1 >> (63 - table->depth)] != table->directory[at]) {
        return "T1: a member is not in the leaf of its hash";
    }
    if (leaf->tags[index] != leaf_tag(hash)) {
        return "T1: a member has another tag";
    }
    struct leaf_content wanted;
    leaf_encode(&wanted, &member, NULL, table->has_values);
    return leaf_find(leaf, leaf_tag(hash), &wanted, table->has_values) == index ? NULL : "T1: a member is there twice";
}

static const char *leaf_fault(const struct member_table *table, uint64_t at, struct tally *tally)
{
    const struct member_leaf *leaf = table->directory[at];
    if (leaf->capacity != heap_block_bytes(leaf->capacity) || leaf_bytes(leaf->count, leaf->used) > leaf->capacity) {
        return "a leaf is longer than its block";
    }
    if (leaf->count > table->largest_leaf) {
        return "a leaf has more items than the largest";
    }
    if (leaf->count > 0 && leaf_end(leaf, leaf->count - 1u) != leaf->used) {
        return "a leaf's cells do not add up";
    }
    tally->bytes += heap_block_bytes(leaf->capacity);
    for (unsigned i = 0; i < leaf->count; i++) {
        if (leaf_end(leaf, i) < leaf_behind(leaf, i)) {
            return "a leaf's ends do not ascend";
        }
        if ((leaf_end_word(leaf, i) & LEAF_APART) != 0) {
            tally->bytes += heap_block_bytes(leaf_content(leaf, i).len + sizeof(uint64_t));
        }
        const char *fault = item_fault(table, leaf, i, at);
        if (fault != NULL) {
            return fault;
        }
    }
    tally->count += leaf->count;
    return NULL;
}

const char *member_table_fault(const struct collection *collection, uint64_t other_bytes)
{
    const struct member_table *table = (const struct member_table *)collection;
    struct tally tally = {.bytes = heap_block_bytes(collection->type->head_bytes) + other_bytes};
    tally.bytes += table->depth == 0 ? 0 : heap_block_bytes(sizeof(struct member_leaf *) << table->depth);
    for (uint64_t at = 0; at < place_count(table);) {
        const struct member_leaf *leaf = table->directory[at];
        if (leaf->depth > table->depth || (at & (leaf_span(table, leaf) - 1)) != 0) {
            return "T2: a leaf's depth does not fit its place";
        }
        for (uint64_t i = 1; i < leaf_span(table, leaf); i++) {
            if (table->directory[at + i] != leaf) {
                return "T2: a leaf is not in all of its places";
            }
        }
        const char *fault = leaf_fault(table, at, &tally);
        if (fault != NULL) {
            return fault;
        }
        tally.leaves_of_depth[leaf->depth]++;
        at += leaf_span(table, leaf);
    }
    if (memcmp(tally.leaves_of_depth, table->leaves_of_depth, sizeof tally.leaves_of_depth) != 0) {
        return "T2: the leaves of some depth were miscounted";
    }
    if (tally.count != table->count) {
        return "T3: the count is not the sum over the leaves";
    }
    return tally.bytes == collection->bytes ? NULL : "T4: the bytes are not the sum over the blocks";
}

static const char *table_fault(const struct collection *collection)
{
    return member_table_fault(collection, 0);
}

#define TABLE_TYPE .head_bytes = sizeof(struct member_table), .free_step = member_table_free_step, .copy = member_table_copy, \
                   .fault = table_fault, .defrag = member_table_defrag

const struct collection_type member_set_type = {.which = MEM_SET, TABLE_TYPE};
const struct collection_type member_hash_type = {.which = MEM_HASH, TABLE_TYPE};
