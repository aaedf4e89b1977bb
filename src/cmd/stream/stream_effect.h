/* stream_effect.h - how to repeat what happens in a consumer group.
 *
 * What a delivery or a claim leaves behind depends on the time and on the configuration, so its effect says how things are
 * afterwards: where the group stands, when the consumer was seen, when and how often each entry was delivered. That is one command,
 * STREAM.APPLY; entries that are not pending any more are an XACK.
 *
 *   group_effect_begin --> group_effect_seen, _delivered, _removed ... --> group_effect_end
 *
 * Threads    The holder of the key's baton, within one step.
 * Memory     On the caller's stack; nothing is allocated, so no effect is ever lost.
 * Limits     GROUP_EFFECT_PIECE entries a command: more make several.  */
#ifndef CMD_STREAM_EFFECT_H
#define CMD_STREAM_EFFECT_H

#include "cmd/stream/stream_private.h"

enum { GROUP_EFFECT_PIECE = 64 };

struct group_effect {
    struct exec *exec;
    struct key key;
    const struct stream_group *group;
    const struct stream_consumer *consumer; /* NULL: none was seen */
    bool is_wanted;                         /* somebody listens */
    bool is_owed;                           /* the group's state, or the consumer's, is not told yet */
    uint32_t delivered_count, removed_count;
    struct group_delivery {
        struct stream_id id;
        int64_t delivery_ms;
        uint64_t delivery_count;
    } delivered[GROUP_EFFECT_PIECE];
    struct stream_id removed[GROUP_EFFECT_PIECE];
};

/* `group`, of the stream at `key`, is going to be changed. */
void group_effect_begin(struct group_effect *effect, struct exec *exec, struct key key, const struct stream_group *group);
/* The group's last id or its number of read entries has changed. */
static inline void group_effect_moved(struct group_effect *effect)
{
    effect->is_owed = true;
}
/* The one consumer that all deliveries are for was seen, or made. */
void group_effect_seen(struct group_effect *effect, const struct stream_consumer *consumer);
/* After the change: `id` is pending for the consumer, as `nack` says. */
void group_effect_delivered(struct group_effect *effect, struct stream_id id, const struct stream_nack *nack);
/* After the change: `id` is not pending any more. */
void group_effect_removed(struct group_effect *effect, struct stream_id id);
/* Reports what was not reported yet. Before the group, or the consumer, goes. */
void group_effect_end(struct group_effect *effect);

#endif
