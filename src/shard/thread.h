/* thread.h - the core of a shard thread: what every room above needs of it.
 *
 * What a room keeps for a thread stands in a struct of the room's own, to which the core has a typed pointer: exec/executor.h
 * (commands under way), client/clients.h (connections); the loop's own (background work) nobody below sees. loop/worker.h has them all
 * in one block.
 *
 * Threads    Fields are grouped by who touches them.  */
#ifndef SHARD_THREAD_H
#define SHARD_THREAD_H

#include "net/ring.h"
#include "shard/error_stats.h"
#include "shard/link.h"
#include "shard/logged.h"
#include "shard/shard_set.h"
#include "shard/thread_stats.h"

#include <ck_epoch.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct clients;
struct executor;
struct server;
struct shard;

/* What a use of a key writes into its access field: data/access.h, access_clock.h. */
struct access_clock {
    uint32_t now;                    /* what a use writes, or a new key begins with */
    bool is_lfu;                     /* `now` is of that kind */
    uint32_t lfu_log_factor, lfu_decay_minutes;
    uint64_t lfu_random;
};

struct thread {
    /* its own */
    struct server *server;
    struct shard *shard;             /* the one whose background work is done here */
    struct executor *executor;
    struct clients *clients;
    uint32_t number;
    int64_t now_ms;                  /* wall, of this turn */
    struct access_clock access;
    struct shard_set travelling;     /* inbox.c: it has pushed something on to these shards and not looked whether it was taken */
    struct logged_thread logged;     /* what commands have left in the log of changes */
    struct ring ring;
    struct mem_counters *counters;
    struct command_stats *command_stats;
    struct error_stats error_stats;
    ck_epoch_record_t epoch;
    /* any thread reads, relaxed */
    _Alignas(CACHE_LINE_BYTES) struct thread_stats stats;
    /* any thread writes */
    _Alignas(CACHE_LINE_BYTES) struct link_stack mailbox;
    _Atomic bool is_asleep;          /* seq_cst: set before the last look at mailbox and inbox, cleared by whoever wakes it */
};

/* The shard thread that calls: for what happens below the commands, where nobody hands it down. */
struct thread *thread_self(void);

/* Begins and ends its part in the server (statistics, memory counters, epochs); the ring is the caller's. On the thread itself, whose
 * `server` and `number` are set. False: no memory; errno.  */
MUST_USE bool thread_open(struct thread *thread);
void thread_close(struct thread *thread);
/* What of it others may have read until all threads have ended. */
void thread_free_stats(struct thread *thread);

#endif
