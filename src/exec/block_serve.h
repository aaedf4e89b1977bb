/* block_serve.h - blocked clients are served: for keys that have changed their commands are run, in the order in which they came.
 *
 * As Redis does, right behind the command that has changed the key, before anybody else sees it. What cannot be done then (the other list of
 * a BLMOVE is on a shard that is busy, or is read by a job) the shard's own thread does soon.
 *
 * Threads    Whoever holds the batons; block_serve_late: the shard's own thread.  */
#ifndef EXEC_BLOCK_SERVE_H
#define EXEC_BLOCK_SERVE_H

#include "shard/blocked.h"
#include "shard/server.h"

struct thread;

/* Under the shard's baton, with no command under way in it. */
void block_serve_ready(struct thread *thread, struct shard *shard);
static inline void block_serve(struct thread *thread, struct shard *shard)
{
    if (shard_has_ready(&shard->blocked)) {
        block_serve_ready(thread, shard);
    }
}
/* The same under the batons of all shards of a set. */
void block_serve_set(struct thread *thread, const struct shard_set *set);
/* What is still ready in the thread's own shard. Without any baton. True: something is left. */
bool block_serve_late(struct thread *thread);

#endif
