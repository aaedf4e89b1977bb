/* evict.h - maxmemory: before a command may take memory there is room for it, or it is refused.
 *
 * The limit is on the sum over all shards and threads; keys go where the memory is. Each shard has an allowance: up to so many
 * bytes of its own heap it may grow without a look at the sum. A command that needs more looks, and is given a new
 * allowance, at most a 400th of the limit over all shards together; when the sum has no room left, it first frees what its
 * shard has grown: from its own shard, and when there is nothing, from those whose batons are free. Likewise a thread frees as
 * much as its buffers have grown. So the sum stays within the limit, but for what one command takes more than its words say, and
 * for buffers when no keys are left. The threads evict from their own shards in the background, in steps: whoever sees that
 * there is too much divides it among the shards by what their keys take. What was evicted and is still being freed counts as
 * gone: nothing else goes for it.
 *
 * Threads    struct evict: under the shard's baton; what says so is read relaxed by any thread.
 * Read on    data/keyspace_evict.h (which key), docs/ARCHITECTURE.md, "Memory".  */
#ifndef SHARD_EVICT_H
#define SHARD_EVICT_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct server;
struct shard;
struct thread;

enum evict_verdict {
    EVICT_FITS,
    EVICT_LATER,   /* memory is about to be freed, or other shards must be asked: run the command again */
    EVICT_REFUSED, /* over maxmemory, and nothing can go: -OOM */
};

/* Makes room for a command with COMMAND_DENYOOM, under the batons that this thread holds: of `only`, or (NULL) of several shards or
 * none. Keys may go: nothing may be lent from a keyspace. Takes about as long as maxmemory-eviction-tenacity says at most (0.5 ms by
 * default). Cheap while there is room.  */
enum evict_verdict evict_before_call(struct thread *thread, struct shard *only, const struct bytes *argv, uint32_t argc);
/* When the thread's query and output buffers have grown, so much of what is too much goes at once, within the same time, under the
 * batons that this thread holds; nothing may be lent. Cheap while there is no limit.  */
void evict_for_buffers(struct thread *thread);
/* Is used_memory within a 16th of maxmemory, or above? Any thread. */
bool evict_is_near(struct server *server);
/* A step for the thread's own shard. True: more is to be done at once. Without a baton. */
bool evict_in_background(struct thread *thread);

/* Milliseconds that used_memory was above maxmemory: since start, and this time. Any thread. */
struct evict_exceeded {
    int64_t total_ms, current_ms;
};
struct evict_exceeded evict_exceeded(const struct server *server);
/* CONFIG RESETSTAT. */
void evict_reset_stats(struct server *server);

#endif
