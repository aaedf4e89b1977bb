/* timed_table.c - see timed_table.h.
 *
 * The times are a sorted set of their own, whose bytes are added to those of the table after each change.  */
#include "encoding/timed_table.h"

#include "encoding/member_defrag.h"
#include "encoding/member_leaf.h"
#include "encoding/member_whole.h"
#include "encoding/packed.h"

#include <assert.h>

static uint64_t times_bytes(const struct timed_table *timed)
{
    return timed->times == NULL ? 0 : score_set_collection(timed->times)->bytes;
}

/* After a change of the times, which had `old_bytes` before. */
static void settle_times(struct timed_table *timed, uint64_t old_bytes)
{
    if (timed->times != NULL && score_set_count(timed->times) == 0) {
        collection_destroy(score_set_collection(timed->times));
        timed->times = NULL;
    }
    timed->table.collection.bytes += times_bytes(timed) - old_bytes;
    debug_assert(collection_is_valid(&timed->table.collection));
}

struct timed_table *timed_table_convert(struct member_table *table)
{
    struct collection *old = member_table_collection(table);
    assert(old->type == &member_hash_type);
    assert(old->pins == 0);
    struct timed_table *timed = heap_alloc_zeroed(old->heap, MEM_HASH, sizeof *timed);
    if (timed == NULL) {
        return NULL;
    }
    timed->table = *table;
    if (table->depth == 0) {
        timed->table.directory = &timed->table.only;
    }
    struct collection *collection = member_table_collection(&timed->table);
    collection->type = &timed_table_type;
    collection->bytes += heap_block_bytes(sizeof *timed) - heap_block_bytes(sizeof *table);
    if (collection->encoding == ENCODING_LISTPACK) {
        collection->encoding = ENCODING_LISTPACK_EX;
    }
    heap_free(old->heap, MEM_HASH, table, sizeof *table);
    debug_assert(collection_is_valid(collection));
    return timed;
}

/* --- one field --- */

int64_t timed_table_time(const struct timed_table *timed, struct bytes field)
{
    struct score_place place;
    const bool is_timed = timed->times != NULL && score_set_find(timed->times, field, &place);
    return is_timed ? (int64_t)place.score : TIMED_NONE;
}

enum result timed_table_set(struct timed_table *timed, struct bytes field, int64_t time_ms)
{
    assert(time_ms >= 0 && time_ms <= TIMED_MS_MAX);
    const uint64_t old_bytes = times_bytes(timed);
    if (timed->times == NULL) {
        timed->times = score_set_create_in(timed->table.collection.heap, timed->table.secret, MEM_HASH);
    }
    if (timed->times == NULL) {
        return RESULT_NO_MEMORY;
    }
    const enum result result = score_set_put(timed->times, field, (double)time_ms);
    settle_times(timed, old_bytes);
    return result;
}

bool timed_table_clear(struct timed_table *timed, struct bytes field)
{
    struct score_place place;
    if (timed->times == NULL || !score_set_find(timed->times, field, &place)) {
        return false;
    }
    const uint64_t old_bytes = times_bytes(timed);
    score_set_remove(timed->times, &place);
    settle_times(timed, old_bytes);
    return true;
}

bool timed_table_hides(const struct timed_table *timed, struct bytes field)
{
    if (timed->hidden_ms == 0) {
        return false;
    }
    const int64_t time_ms = timed_table_time(timed, field);
    return time_ms != TIMED_NONE && time_ms < timed->hidden_ms;
}

/* --- the first ones --- */

int64_t timed_table_earliest(const struct timed_table *timed)
{
    return timed->times == NULL ? INT64_MAX : (int64_t)score_set_at(timed->times, 0).score;
}

uint64_t timed_table_timed(const struct timed_table *timed)
{
    return timed->times == NULL ? 0 : score_set_count(timed->times);
}

uint64_t timed_table_before(const struct timed_table *timed, int64_t time_ms)
{
    return timed->times == NULL ? 0 : score_set_rank_of_score(timed->times, (double)time_ms, false);
}

uint32_t timed_table_first(const struct timed_table *timed, int64_t time_ms, struct bytes *fields, uint32_t limit)
{
    uint32_t count = 0;
    struct score_walk walk;
    struct score_item item;
    if (timed->times == NULL) {
        return 0;
    }
    score_walk_begin(&walk, timed->times, 0);
    while (count < limit && score_walk_next(&walk, &item) && item.score < (double)time_ms) {
        fields[count++] = item.member;
    }
    return count;
}

void timed_table_remove_first(struct timed_table *timed, const struct bytes *fields, uint32_t count)
{
    const uint64_t old_bytes = times_bytes(timed);
    assert(count <= timed_table_timed(timed));
    timed->table.collection.bytes -= old_bytes; /* what each removal checks is the table alone */
    struct score_set *times = timed->times;
    timed->times = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct item field = packed_item(fields[i]);
        const bool was_there = member_table_remove(&timed->table, &field);
        assert(was_there);
    }
    timed->times = times;
    if (count > 0) {
        score_set_remove_range(times, 0, count);
    }
    settle_times(timed, 0);
}

/* --- the whole --- */

static bool free_step(struct collection *collection, size_t *limit)
{
    struct timed_table *timed = timed_table_of(collection);
    if (timed->times != NULL) {
        struct collection *times = score_set_collection(timed->times);
        if (!times->type->free_step(times, limit)) {
            return false;
        }
        timed->times = NULL;
    }
    return member_table_free_step(collection, limit);
}

static struct collection *copy(const struct collection *collection, struct heap *heap)
{
    const struct timed_table *timed = (const struct timed_table *)collection;
    struct collection *made = member_table_copy(collection, heap);
    if (made == NULL || timed->times == NULL) {
        return made;
    }
    timed_table_of(made)->times = score_set_copy(timed->times, heap);
    if (timed_table_of(made)->times == NULL) {
        collection_destroy(made);
        return NULL;
    }
    made->bytes += times_bytes(timed_table_of(made));
    debug_assert(collection_is_valid(made));
    return made;
}

static const char *fault(const struct collection *collection)
{
    const struct timed_table *timed = (const struct timed_table *)collection;
    const char *found = member_table_fault(collection, times_bytes(timed));
    if (found != NULL || timed->times == NULL) {
        return found;
    }
    if (score_set_count(timed->times) == 0) {
        return "H2: there are times, and no field has one";
    }
    struct score_walk walk;
    struct score_item item;
    score_walk_begin(&walk, timed->times, 0);
    while (score_walk_next(&walk, &item)) {
        const struct item field = packed_item(item.member);
        if (!member_table_find(&timed->table, &field, NULL)) {
            return "H1: a field that is not there has a time";
        }
    }
    return score_set_fault(timed->times);
}

/* In cursor->stage, beside what the sorted set keeps there: the times' blocks, which come first; and that the table begins. */
enum { STAGE_TIMES = 0x80, STAGE_TABLE = 0x40 };

static struct collection *defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit)
{
    struct timed_table *timed = timed_table_of(collection);
    const bool is_at_times = !cursor->is_inside || (cursor->stage & STAGE_TIMES) != 0;
    if (!is_at_times || timed->times == NULL) {
        cursor->is_inside = cursor->is_inside && !is_at_times && cursor->stage != STAGE_TABLE;
        return member_table_defrag(collection, cursor, limit);
    }
    cursor->stage &= (uint8_t)~STAGE_TIMES;
    struct collection *times = score_set_collection(timed->times);
    timed->times = score_set_of(times->type->defrag(times, cursor, limit));
    cursor->stage = cursor->is_inside ? cursor->stage | STAGE_TIMES : STAGE_TABLE;
    cursor->is_inside = true;
    return collection;
}

const struct collection_type timed_table_type = {
    .which = MEM_HASH, .head_bytes = sizeof(struct timed_table), .free_step = free_step, .copy = copy, .fault = fault, .defrag = defrag};
