/* compaction.c - see compaction.h.  */
#include "table/compaction.h"

enum {
    PERCENT_MIN = 5, /* of a core, where few slots are free, */
    PERCENT_MAX = 50,
    FULL_EFFORT = 50, /* percent of slots: with so many free ones it is the most */
};

static uint32_t percent_for(const struct table_slice *slice)
{
    const uint64_t percent = slice_free_slots(slice) * PERCENT_MAX * 100 / FULL_EFFORT / (slice->slot_count + 1);
    return percent < PERCENT_MIN ? PERCENT_MIN : percent > PERCENT_MAX ? PERCENT_MAX : (uint32_t)percent;
}

enum compaction_status catalogue_compact(const struct catalogue *catalogue, uint32_t shard, struct table_compaction *state, size_t limit)
{
    for (uint32_t i = 0; i < COMPACTION_TABLES; i++) {
        const struct table *table = catalogue_table_at(catalogue, state->table);
        if (table == NULL) {
            state->table = 0;
            return COMPACTION_NONE;
        }
        struct table_slice *slice = table->slices[shard];
        if (slice_wants_compaction(slice)) {
            state->percent = percent_for(slice);
            state->table += slice_compact(slice, table_schema(table), limit) ? 1 : 0;
            return COMPACTION_WORKED;
        }
        state->table++;
    }
    return COMPACTION_LOOKED;
}
