/* keyspace_defrag.c - the walk of defragmentation through one keyspace, in steps.  */
#include "data/keyspace.h"

#include "data/keyspace_private.h"

enum { BATCH_ENTRIES = 16, BATCH_MAX = 256 };

enum defrag_stage { STAGE_ENTRIES, STAGE_SEGMENTS, STAGE_EXPIRIES, STAGE_END };

/* A few entries, taken out of the table's order: the table must not change while it is scanned. */
struct batch {
    struct entry *entries[BATCH_MAX];
    uint32_t count;
};

static void collect(void *element, void *arg)
{
    struct batch *batch = arg;
    if (batch->count < BATCH_MAX) {
        batch->entries[batch->count++] = element;
    }
}

static void write_word(struct entry *entry, const void *address)
{
    const uint64_t word = (uint64_t)(uintptr_t)address;
    memcpy(entry_value_data(entry), &word, sizeof word);
}

/* True when all of the value was looked at. */
static bool move_value(struct keyspace *ks, struct entry *entry, struct collection_cursor *inner, size_t *limit)
{
    const enum entry_kind kind = entry_kind(entry);
    if (kind == ENTRY_RAW) {
        struct raw_string *raw = entry_raw_string(entry);
        write_word(entry, heap_move(ks->heap, MEM_STRING, raw, raw_string_bytes(raw->capacity)));
    }
    if (LIKELY(!entry_kind_is_collection(kind))) {
        return true;
    }
    struct collection *collection = entry_collection_unchecked(entry);
    struct collection *moved = collection->type->defrag(collection, inner, limit);
    write_word(entry, moved);
    keyspace_times_moved(ks, collection, moved);
    return !inner->is_inside;
}

/* True at the end of the table. */
static bool move_entries(struct keyspace *ks, struct keyspace_defrag *state, size_t *limit)
{
    while (*limit > 0) {
        struct batch batch = {.count = 0};
        const uint64_t next = dict_scan(&ks->dict, state->elements, BATCH_ENTRIES, collect, &batch);
        for (; state->at < batch.count; state->at++) {
            struct entry *entry = batch.entries[state->at];
            *limit -= *limit > 0;
            if (entry_is_pinned(entry)) {
                continue;
            }
            if (!move_value(ks, entry, &state->inner, limit)) {
                return false;
            }
            keyspace_move_entry(ks, entry);
        }
        state->at = 0;
        state->elements = next;
        if (next == 0) {
            return true;
        }
    }
    return false;
}

bool keyspace_defrag_step(struct keyspace *ks, struct keyspace_defrag *state, size_t limit)
{
    bool is_done = false;
    switch ((enum defrag_stage)state->stage) {
    case STAGE_ENTRIES:
        is_done = move_entries(ks, state, &limit);
        break;
    case STAGE_SEGMENTS:
        is_done = dict_move_segments(&ks->dict, &state->segments, limit);
        break;
    case STAGE_EXPIRIES:
        is_done = expiry_move_blocks(&ks->expiry, &state->expiries, limit);
        break;
    case STAGE_END:
        break;
    }
    state->stage = (uint8_t)(state->stage + is_done);
    return state->stage >= STAGE_END;
}
