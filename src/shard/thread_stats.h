/* thread_stats.h - what each thread counts.
 *
 * Threads    Written by one thread (and set back by CONFIG RESETSTAT), read relaxed by any.  */
#ifndef SHARD_THREAD_STATS_H
#define SHARD_THREAD_STATS_H

#include <stdint.h>

struct error_stats;
struct server;
struct thread;

/* Per command (and subcommand), per thread; written by the thread, read relaxed by any. */
enum { COMMAND_LATENCY_BUCKETS = 21 }; /* the last one: about a second and longer */
struct command_stats {
    uint64_t calls, ticks, rejected, failed;
    uint32_t latency[COMMAND_LATENCY_BUCKETS]; /* calls by duration: LATENCY HISTOGRAM */
};

/* Bucket k holds what took less than 1024 << k nanoseconds, and not less than the bucket before. */
static inline unsigned command_latency_bucket(uint64_t duration_ns)
{
    uint64_t units = duration_ns >> 10;
    unsigned bucket = units == 0 ? 0 : 64 - (unsigned)__builtin_clzll(units);
    return bucket < COMMAND_LATENCY_BUCKETS ? bucket : COMMAND_LATENCY_BUCKETS - 1;
}

/* What a connection may be sent unasked: MONITOR's lines, the stream of effects. client/feed.h */
enum feed { FEED_MONITOR, FEED_EFFECTS, FEED_COUNT };

/* Written by the thread, read relaxed by any. */
struct thread_stats {
    uint64_t connections_received, connections_current, connections_rejected;
    uint64_t commands_processed;
    uint64_t net_input_bytes, net_output_bytes;
    uint64_t reads_processed, writes_processed;    /* completions of recv and send */
    uint64_t keyspace_hits, keyspace_misses;
    uint64_t error_replies;
    uint64_t acl_denied_auth, acl_denied_command, acl_denied_key, acl_denied_channel; /* logins and commands that users were refused */
    uint64_t tls_handshakes, tls_resumed, tls_failed; /* handshakes that are over, those of them by a session, those that failed */
    uint64_t query_limit_disconnections, output_limit_disconnections, evicted_clients;
    uint64_t turns, sleeps, wakes_sent;
    uint64_t batches_in_place, batches_handed, batches_combined, batches_waited; /* INFO shards: DESIGN 4 */
    uint64_t steps_all;                            /* multi-shard steps */
    uint64_t part_steps;                           /* of parts of other threads' jobs: exec/part.h */
    uint64_t blocked_current, blocked_timed;       /* clients that are blocked, and those of them whose time ends: exec/block.c */
    uint64_t feeds_current[FEED_COUNT];            /* its sessions in each feed */
    uint64_t query_bytes_max, output_bytes_max;    /* biggest recent, for INFO clients */
    int64_t cpu_busy_ticks;                        /* between waking and sleeping */
    uint64_t expiry_ticks;                         /* of these, removing expired keys in the background */
    uint64_t crons;                                /* looks at what is due `hz` times a second */
    uint64_t cq_overflows;                         /* a level, likewise: turns that found the completion queue full */
    uint64_t spare_bytes;                          /* a level, of the last of these: buffers kept for reuse beyond what always is */
    uint64_t expiry_cuts;                          /* steps of that work which ended with keys left that were due */
};

static inline void stat_add(uint64_t *counter, uint64_t amount)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + amount, __ATOMIC_RELAXED);
}

static inline void stat_raise(uint64_t *counter, uint64_t value)
{
    if (value > __atomic_load_n(counter, __ATOMIC_RELAXED)) {
        __atomic_store_n(counter, value, __ATOMIC_RELAXED);
    }
}

/* The parts that others may read. */
struct thread_stats *thread_stats(struct thread *thread);
struct command_stats *thread_command_stats(struct thread *thread); /* server->command_count of them */
struct error_stats *thread_error_stats(struct thread *thread);     /* written through error_stats_note by that thread */
uint32_t thread_number(const struct thread *thread);

#endif
