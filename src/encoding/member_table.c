/* member_table.c - finding, adding and removing members; leaves split and merge, the directory doubles and halves.
 *
 * Read on    member_leaf.h for what is in a leaf.  */
#include "encoding/member_table.h"

#include "encoding/member_leaf.h"

#include <assert.h>

enum {
    /* The directory doubles when a place of it leads to so many members, or bytes, on average. */
    PLACE_ITEMS_MIN = 56,
    PLACE_BYTES_MIN = 2048,
    /* Two buddies with no more than this together become one leaf. */
    MERGED_ITEMS_MAX = LEAF_ITEMS / 2,
    MERGED_BYTES_MAX = LEAF_BYTES / 2,
};

_Static_assert((int)MERGED_ITEMS_MAX < (int)LEAF_ITEMS, "what was merged is not split at once");
_Static_assert((int)MERGED_BYTES_MAX < (int)LEAF_BYTES, "what was merged is not split at once");

static size_t directory_size(unsigned depth)
{
    return sizeof(struct member_leaf *) << depth;
}

struct member_table *member_table_create(struct heap *heap, const struct hash_secret *secret,
                                         const struct collection_type *type, enum encoding_name encoding)
{
    assert(type->head_bytes >= sizeof(struct member_table));
    struct member_table *table = heap_alloc_zeroed(heap, type->which, type->head_bytes);
    if (table == NULL) {
        return NULL;
    }
    table->collection = (struct collection){
        .bytes = heap_block_bytes(type->head_bytes), .heap = heap, .type = type, .encoding = (uint8_t)encoding};
    table->secret = secret;
    table->has_values = type != &member_set_type;
    table->directory = &table->only;
    table->only = leaf_create(&table->collection, LEAF_MIN_BYTES, 0);
    if (table->only == NULL) {
        heap_free(heap, type->which, table, type->head_bytes);
        return NULL;
    }
    table->leaves_of_depth[0] = 1;
    return table;
}

/* --- places --- */

static size_t place_of(const struct member_table *table, uint64_t hash)
{
    return (size_t)(hash >> 1 >> (63 - table->depth));
}

/* Puts a leaf into all places of the prefix that it stands for. */
static void set_places(struct member_table *table, uint64_t hash, struct member_leaf *leaf)
{
    assert(leaf->depth <= table->depth);
    const size_t span = (size_t)1 << (table->depth - leaf->depth);
    const size_t first = place_of(table, hash) & ~(span - 1);
    for (size_t i = 0; i < span; i++) {
        table->directory[first + i] = leaf;
    }
}

/* --- the directory --- */

static bool double_directory(struct member_table *table)
{
    if (table->depth == MEMBER_DEPTH_MAX) {
        return false;
    }
    struct member_leaf **doubled = collection_alloc(&table->collection, directory_size(table->depth + 1u));
    if (doubled == NULL) {
        return false;
    }
    for (size_t i = 0; i < (size_t)1 << table->depth; i++) {
        doubled[2 * i] = table->directory[i];
        doubled[2 * i + 1] = table->directory[i];
    }
    if (table->depth > 0) {
        collection_free_block(&table->collection, table->directory, directory_size(table->depth));
    }
    table->directory = doubled;
    table->depth++;
    return true;
}

/* Halves the directory while no leaf needs its last bit; where a smaller one is refused it stays. */
static void halve_directory(struct member_table *table)
{
    while (table->depth > 0 && table->leaves_of_depth[table->depth] == 0) {
        struct member_leaf **halved = &table->only;
        if (table->depth > 1) {
            halved = collection_alloc(&table->collection, directory_size(table->depth - 1u));
            if (halved == NULL) {
                return;
            }
        }
        for (size_t i = 0; i < (size_t)1 << (table->depth - 1); i++) {
            halved[i] = table->directory[2 * i];
        }
        collection_free_block(&table->collection, table->directory, directory_size(table->depth));
        table->directory = halved;
        table->depth--;
    }
}

/* --- splitting --- */

static bool is_doubling_due(const struct member_table *table)
{
    return table->count >> table->depth >= PLACE_ITEMS_MIN || table->collection.bytes >> table->depth >= PLACE_BYTES_MIN;
}

static void note_leaf(struct member_table *table, const struct member_leaf *leaf)
{
    if (leaf->count > table->largest_leaf) {
        table->largest_leaf = leaf->count;
    }
}

/* Which items of a leaf have the bit behind its prefix set; their bytes. */
struct split_plan {
    bool is_upper[UINT8_MAX + 1];
    unsigned count[2];
    size_t used[2];
};

static void plan_split(const struct member_table *table, const struct member_leaf *leaf, struct split_plan *plan)
{
    memset(plan->count, 0, sizeof plan->count);
    memset(plan->used, 0, sizeof plan->used);
    for (unsigned i = 0; i < leaf->count; i++) {
        struct item member;
        leaf_item(leaf, i, table->has_values, &member, NULL);
        plan->is_upper[i] = (member_hash(table->secret, &member) << leaf->depth >> 63) != 0;
        plan->count[plan->is_upper[i]]++;
        plan->used[plan->is_upper[i]] += leaf_cell_len(leaf, i);
    }
}

/* Divides the leaf that `hash` leads to. False: memory refused, or as deep as can be; nothing has changed. */
static bool split_leaf(struct member_table *table, uint64_t hash)
{
    struct member_leaf *leaf = member_table_leaf(table, hash);
    const unsigned depth = leaf->depth;
    if (depth == table->depth && !double_directory(table)) {
        return false;
    }
    struct split_plan plan;
    plan_split(table, leaf, &plan);
    struct member_leaf *halves[2];
    halves[0] = leaf_create(&table->collection, leaf_bytes(plan.count[0], plan.used[0]), depth + 1);
    halves[1] = halves[0] == NULL ? NULL : leaf_create(&table->collection, leaf_bytes(plan.count[1], plan.used[1]), depth + 1);
    if (halves[1] == NULL) {
        if (halves[0] != NULL) {
            leaf_free(&table->collection, halves[0]);
        }
        halve_directory(table);
        return false;
    }
    for (unsigned i = 0; i < leaf->count; i++) {
        leaf_append_copy(halves[plan.is_upper[i]], leaf, i);
    }
    const uint64_t bit = UINT64_C(1) << (63 - depth);
    set_places(table, hash & ~bit, halves[0]);
    set_places(table, hash | bit, halves[1]);
    leaf_free(&table->collection, leaf);
    assert(table->leaves_of_depth[depth] > 0);
    table->leaves_of_depth[depth]--;
    table->leaves_of_depth[depth + 1] += 2;
    return true;
}

/* --- merging --- */

/* Makes the leaf smaller when a third of it is free; where a smaller one is refused it stays. */
static void trim_leaf(struct member_table *table, uint64_t hash)
{
    struct member_leaf *leaf = member_table_leaf(table, hash);
    const size_t bytes = leaf_bytes(leaf->count, leaf->used);
    if (LIKELY((leaf->capacity - bytes) * 3 <= leaf->capacity) || leaf->capacity <= LEAF_MIN_BYTES) {
        return;
    }
    struct member_leaf *moved = leaf_move(&table->collection, leaf, bytes);
    if (moved != NULL) {
        set_places(table, hash, moved);
    }
}

/* Merges the leaf with its buddy if both together are small. False: not done. */
static bool merge_leaf(struct member_table *table, uint64_t hash)
{
    struct member_leaf *leaf = member_table_leaf(table, hash);
    if (leaf->depth == 0 || leaf->count > MERGED_ITEMS_MAX || leaf->used > MERGED_BYTES_MAX) {
        return false;
    }
    const unsigned depth = leaf->depth;
    struct member_leaf *buddy = member_table_leaf(table, hash ^ UINT64_C(1) << (64 - depth));
    const unsigned count = (unsigned)leaf->count + buddy->count;
    const size_t bytes = leaf_bytes(count, (size_t)leaf->used + buddy->used);
    if (buddy->depth != depth || count > MERGED_ITEMS_MAX || bytes > MERGED_BYTES_MAX) {
        return false;
    }
    struct member_leaf *merged = leaf_create(&table->collection, bytes, depth - 1);
    if (merged == NULL) {
        return false;
    }
    for (unsigned i = 0; i < leaf->count; i++) {
        leaf_append_copy(merged, leaf, i);
    }
    for (unsigned i = 0; i < buddy->count; i++) {
        leaf_append_copy(merged, buddy, i);
    }
    set_places(table, hash, merged);
    leaf_free(&table->collection, leaf);
    leaf_free(&table->collection, buddy);
    assert(table->leaves_of_depth[depth] >= 2);
    table->leaves_of_depth[depth] -= 2;
    table->leaves_of_depth[depth - 1]++;
    note_leaf(table, merged);
    return true;
}

/* After something went out of a leaf. */
static void tidy_leaf(struct member_table *table, uint64_t hash)
{
    bool has_merged = false;
    while (merge_leaf(table, hash)) {
        has_merged = true;
    }
    if (has_merged) {
        halve_directory(table);
    } else {
        trim_leaf(table, hash);
    }
    if (table->depth == 0) {
        table->largest_leaf = table->only->count;
    }
}

/* --- members --- */

bool member_table_find_hashed(const struct member_table *table, uint64_t hash, const struct item *member, struct item *value)
{
    assert(value == NULL || table->has_values);
    struct leaf_content wanted;
    leaf_encode(&wanted, member, NULL, table->has_values);
    const struct member_leaf *leaf = member_table_leaf(table, hash);
    const uint32_t index = leaf_find(leaf, leaf_tag(hash), &wanted, table->has_values);
    if (index == LEAF_ABSENT) {
        return false;
    }
    if (value != NULL) {
        struct item found;
        leaf_item(leaf, index, table->has_values, &found, value);
    }
    return true;
}

bool member_table_find(const struct member_table *table, const struct item *member, struct item *value)
{
    return member_table_find_hashed(table, member_hash(table->secret, member), member, value);
}

/* A member on its way into the table. */
struct placing {
    uint64_t hash;
    struct leaf_content content;
    size_t content_len;
    size_t cell_len;
    uint32_t index; /* of the item that it replaces, or LEAF_ABSENT */
};

static bool is_apart(const struct placing *placing)
{
    return placing->content_len > LEAF_CELL_MAX;
}

/* Items and bytes of the leaf once the member is in. */
static size_t leaf_bytes_with(const struct member_leaf *leaf, const struct placing *placing, unsigned *count)
{
    if (placing->index == LEAF_ABSENT) {
        *count = leaf->count + 1u;
        return leaf_bytes(*count, leaf->used + placing->cell_len);
    }
    *count = leaf->count;
    return leaf_bytes(*count, leaf->used - leaf_cell_len(leaf, placing->index) + placing->cell_len);
}

/* Finds the member's leaf and makes room in it, splitting it where it would be too large. NULL: refused. */
static struct member_leaf *make_room(struct member_table *table, struct placing *placing)
{
    for (;;) {
        struct member_leaf *leaf = member_table_leaf(table, placing->hash);
        placing->index = leaf_find(leaf, leaf_tag(placing->hash), &placing->content, table->has_values);
        unsigned count;
        const size_t bytes = leaf_bytes_with(leaf, placing, &count);
        const bool is_large = bytes > leaf->capacity && (count > LEAF_ITEMS || bytes > LEAF_BYTES);
        const bool is_too_large = count > LEAF_ITEMS_MAX || bytes > LEAF_BYTES_MAX;
        const bool is_split_due = is_too_large || (is_large && (leaf->depth < table->depth || is_doubling_due(table)));
        if (UNLIKELY(is_split_due)) {
            if (leaf->count > 1 && split_leaf(table, placing->hash)) {
                continue;
            }
            if (is_too_large) {
                return NULL;
            }
        }
        if (LIKELY(bytes <= leaf->capacity)) {
            return leaf;
        }
        struct member_leaf *moved = leaf_move(&table->collection, leaf, bytes);
        if (moved != NULL) {
            set_places(table, placing->hash, moved);
        }
        return moved;
    }
}

/* Writes the content's cell: itself, or the address of where it is. */
static void write_cell(const struct placing *placing, char *cell, char *apart)
{
    if (apart != NULL) {
        const uint64_t address = (uint64_t)(uintptr_t)apart;
        memcpy(cell, &address, sizeof address);
    } else {
        leaf_content_write(&placing->content, cell);
    }
}

enum result member_table_put(struct member_table *table, const struct item *member, const struct item *value, bool *is_new)
{
    assert((value != NULL) == table->has_values);
    struct placing placing = {.hash = member_hash(table->secret, member)};
    leaf_encode(&placing.content, member, value, table->has_values);
    placing.content_len = leaf_content_len(&placing.content);
    placing.cell_len = is_apart(&placing) ? sizeof(uint64_t) : placing.content_len;
    if (!table->has_values &&
        leaf_find(member_table_leaf(table, placing.hash), leaf_tag(placing.hash), &placing.content, false) != LEAF_ABSENT) {
        *is_new = false;
        return RESULT_OK;
    }
    char *apart = NULL;
    if (is_apart(&placing)) {
        apart = leaf_apart_create(&table->collection, &placing.content);
        if (apart == NULL) {
            return RESULT_NO_MEMORY;
        }
    }
    struct member_leaf *leaf = make_room(table, &placing);
    if (UNLIKELY(leaf == NULL)) {
        if (apart != NULL) {
            leaf_apart_free(&table->collection, apart);
        }
        debug_assert(collection_is_valid(&table->collection));
        return RESULT_NO_MEMORY;
    }
    const unsigned flags = (placing.content.is_integer ? LEAF_INTEGER : 0u) | (apart != NULL ? LEAF_APART : 0u);
    *is_new = placing.index == LEAF_ABSENT;
    if (*is_new) {
        write_cell(&placing, leaf_append(leaf, leaf_tag(placing.hash), placing.cell_len, flags), apart);
        table->count++;
        note_leaf(table, leaf);
    } else {
        leaf_free_apart_item(&table->collection, leaf, placing.index);
        write_cell(&placing, leaf_replace(leaf, placing.index, placing.cell_len, flags), apart);
        trim_leaf(table, placing.hash);
    }
    debug_assert(collection_is_valid(&table->collection));
    return RESULT_OK;
}

bool member_table_remove(struct member_table *table, const struct item *member)
{
    const uint64_t hash = member_hash(table->secret, member);
    struct leaf_content wanted;
    leaf_encode(&wanted, member, NULL, table->has_values);
    struct member_leaf *leaf = member_table_leaf(table, hash);
    const uint32_t index = leaf_find(leaf, leaf_tag(hash), &wanted, table->has_values);
    if (index == LEAF_ABSENT) {
        return false;
    }
    leaf_free_apart_item(&table->collection, leaf, index);
    leaf_remove(leaf, index);
    assert(table->count > 0);
    table->count--;
    tidy_leaf(table, hash);
    debug_assert(collection_is_valid(&table->collection));
    return true;
}
