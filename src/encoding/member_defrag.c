/* member_defrag.c - the blocks of a member table leave sparse pages: the directory, the leaves, items that are apart.
 *
 * A cursor is a hash, as in a scan, and so keeps its meaning when the directory doubles; `inner` is an item of its leaf.  */
#include "encoding/member_defrag.h"

#include "encoding/member_leaf.h"
#include "encoding/member_table.h"

#include <assert.h>

static uint64_t leaf_span(const struct member_table *table, const struct member_leaf *leaf)
{
    assert(leaf->depth <= table->depth);
    return UINT64_C(1) << (table->depth - leaf->depth);
}

/* Moves the leaf that has place `at`, and its items that are apart from `*index` on. True: all of them. */
static bool move_leaf(struct member_table *table, uint64_t at, uint32_t *index, size_t *limit)
{
    const struct collection *owner = &table->collection;
    struct member_leaf *leaf = table->directory[at];
    const uint64_t span = leaf_span(table, leaf);
    struct member_leaf *moved = collection_move_block(owner, leaf, leaf->capacity, limit);
    for (uint64_t i = 0; moved != leaf && i < span; i++) {
        table->directory[(at & ~(span - 1)) + i] = moved;
    }
    while (*index < moved->count) {
        const uint32_t item = (*index)++;
        if ((leaf_end_word(moved, item) & LEAF_APART) == 0) {
            continue;
        }
        size_t size;
        char *apart = leaf_apart(moved, item, &size);
        leaf_set_apart(moved, item, collection_move_block(owner, apart, size, limit));
        if (*limit == 0) {
            return *index == moved->count;
        }
    }
    return true;
}

/* True at the end. */
static bool move_leaves(struct member_table *table, struct collection_cursor *cursor, size_t *limit)
{
    const unsigned shift = MEMBER_CURSOR_BITS - table->depth;
    const uint64_t places = UINT64_C(1) << table->depth;
    uint64_t at = (cursor->at & ((UINT64_C(1) << MEMBER_CURSOR_BITS) - 1)) >> shift;
    do {
        const uint64_t span = leaf_span(table, table->directory[at]);
        if (!move_leaf(table, at, &cursor->inner, limit)) {
            break;
        }
        cursor->inner = 0;
        at = (at & ~(span - 1)) + span;
    } while (at < places && *limit > 0);
    cursor->at = at << shift;
    return at >= places;
}

struct collection *member_table_defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit)
{
    struct member_table *table = member_table_of(collection);
    if (!cursor->is_inside) {
        *cursor = (struct collection_cursor){.is_inside = true};
        if (table->depth > 0) {
            table->directory =
                collection_move_block(collection, table->directory, sizeof table->directory[0] << table->depth, limit);
        }
    }
    cursor->is_inside = !move_leaves(table, cursor, limit);
    if (!cursor->is_inside) {
        table = collection_move_block(collection, table, collection->type->head_bytes, limit);
        if (table->depth == 0) {
            table->directory = &table->only;
        }
    }
    debug_assert(collection_is_valid(&table->collection));
    return &table->collection;
}
