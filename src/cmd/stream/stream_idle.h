/* stream_idle.h - the pending entries of a group that have been idle for some time, the longest idle first.
 *
 * A group keeps its pending entries by id, so each of these functions looks at all of them: O(P), P the entries pending, in one step.
 * Entries that the stream does not have any more are passed over; they stay pending.
 *
 * Threads    The holder of the key's baton.
 * Memory     A list is a block of the thread's own, until idle_list_release.  */
#ifndef CMD_STREAM_IDLE_H
#define CMD_STREAM_IDLE_H

#include "cmd/stream/stream_private.h"

/* A binary heap: no entry is above the one on top, by the time of its delivery, then its id. */
struct idle_list {
    struct idle_entry {
        int64_t delivery_ms;
        struct stream_id id;
    } *entries;
    uint64_t count, capacity;
};

/* Was any entry delivered at `until_ms` (wall, milliseconds) or before? False: *next_ms is the delivery that comes first behind it;
 * INT64_MAX: there is none.  */
bool idle_is_any(struct stream_place place, int64_t until_ms, int64_t *next_ms);
/* All entries that were delivered at `until_ms` or before. RESULT_NO_MEMORY: *out is empty. */
MUST_USE enum result idle_list_make(struct stream_place place, int64_t until_ms, struct idle_list *out);
/* Takes the entry that has been idle for longest. O(log count). The list is not empty. */
struct stream_id idle_list_take(struct idle_list *list);
/* Frees the list, which is empty afterwards. A zeroed one is allowed. */
void idle_list_release(struct idle_list *list);

#endif
