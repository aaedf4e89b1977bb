/* listener.h - effects become records.
 *
 * All that a command changes is one unit if it has more than one record, or reaches several shards: the first record that belongs to one opens it on the
 * thread, and whoever runs the command ends it (shard/logged.h).
 *
 * Threads    Whoever reports an effect, under the baton of its shard.  */
#ifndef APPENDONLY_LISTENER_H
#define APPENDONLY_LISTENER_H

#include "effect/effect.h"

struct thread;

/* Wants effects while the log is on. Its context is the server. */
extern const struct effect_listener appendonly_listener;
/* logged.end_unit, logged.pause_unit, logged.drop_unit. */
void appendonly_end_unit(struct thread *thread);
void appendonly_pause_unit(struct thread *thread);
void appendonly_drop_unit(struct thread *thread);

#endif
