/* stream_trim.h - trimming of streams that have groups, by DELREF or ACKED, entry by entry and in steps.
 *
 * With ACKED entries that a group needs are passed over, those behind them are looked at. With an approximate trim what goes is in nodes that
 * lie over the threshold as a whole. An entry's effect is that of stream_policy.h, so max_deleted_id moves, as by XDEL: what is left may have gaps.
 *
 * Threads    The holder of the key's baton.
 * Limits     When memory is refused the rest of the entries stays, as with any trim.  */
#ifndef CMD_STREAM_TRIM_H
#define CMD_STREAM_TRIM_H

#include "cmd/stream/stream_policy.h"

struct group_trim {
    struct stream_trim trim;
    enum stream_policy policy;
    struct stream_id next;      /* entries below it were looked at, and stay or are gone */
    uint64_t gone;              /* entries */
    bool is_done;
};

/* Is a trim of the stream by this policy one for these functions? If not, stream_trim does it. */
static inline bool stream_has_references(const struct stream *stream, enum stream_policy policy)
{
    return policy != STREAM_KEEPREF && stream->group_count > 0;
}

/* Will the trim take one step only, when `added` more entries are there before? O(1) to O(STREAM_LOOKS_AT_ONCE). */
bool group_trim_is_short(const struct group_trim *trim, const struct stream *stream, uint64_t added);
/* Goes on with the stream at argv[1], which is open for a change: to the end; in a job, until its step is over. */
void group_trim_run(struct group_trim *trim, struct exec *exec, struct stream *stream);

#endif
