/* compaction.h - which tables of a shard have too many free slots, and a step of work at one of them.
 *
 * Threads    Under the shard's baton; the state is the caller's.
 * Read on    slice.h (slice_compact), docs/design/table-compaction.md.  */
#ifndef TABLE_COMPACTION_H
#define TABLE_COMPACTION_H

#include "table/catalogue.h"

/* How far a walk over the tables has come; all 0 starts. */
struct table_compaction {
    uint32_t table;   /* by number in the catalogue: the one to be looked at next */
    uint32_t percent; /* how much of a core the table is worth that was worked at last, 1 .. 100 */
};

enum compaction_status {
    COMPACTION_NONE,   /* the walk came to its end */
    COMPACTION_LOOKED, /* as many tables as it may look at have enough rows in their pages */
    COMPACTION_WORKED,
};

/* Goes on with the walk, past COMPACTION_TABLES tables at most, and works at the first one that is worth it: about `limit` rows are moved.
 * `catalogue` may be NULL.  */
enum { COMPACTION_TABLES = 256 };
MUST_USE enum compaction_status catalogue_compact(const struct catalogue *catalogue, uint32_t shard, struct table_compaction *state, size_t limit);

#endif
