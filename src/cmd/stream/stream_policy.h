/* stream_policy.h - what becomes of the references that groups have to entries that go: KEEPREF, DELREF, ACKED.
 *
 *   KEEPREF  what is pending stays so
 *   DELREF   the ids are pending in no group any more
 *   ACKED    an entry goes only if no group needs it: it is pending in none, and each has got beyond it
 *
 * The effects are XACK and XDEL of what was done, so that a replay needs no policy.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_STREAM_POLICY_H
#define CMD_STREAM_POLICY_H

#include "cmd/stream/stream_effect.h"

enum stream_policy { STREAM_KEEPREF, STREAM_DELREF, STREAM_ACKED, STREAM_POLICY_COUNT };

/* Ids that are done together, at most; and looks at a stream and its groups until somebody else may have a turn, about. */
enum { STREAM_PIECE_IDS = GROUP_EFFECT_PIECE, STREAM_PIECE_LOOKS = 512, STREAM_LOOKS_AT_ONCE = 2048 };

/* Some ids, in any order. */
struct stream_piece {
    uint32_t count;
    struct stream_id ids[STREAM_PIECE_IDS];
};

/* False: `word` is no policy. */
bool stream_policy_parse(struct bytes word, enum stream_policy *out);
/* Is the entry pending in a group, or will it be delivered in one? O(groups log P). */
bool stream_is_needed(const struct stream *stream, struct stream_id id);
/* The ids are pending in no group any more, but for `spared` (NULL: none), and the effects say so. The stream at argv[1] is open for a change.
 * O(ids groups log P).  */
void stream_forget_pending(struct exec *exec, struct stream *stream, const struct stream_group *spared, const struct stream_piece *piece);
/* The entries with these ids were deleted from the stream at argv[1]: counts them, and tells the effect. No event. */
void stream_report_deleted(struct exec *exec, const struct stream_piece *piece);

#endif
