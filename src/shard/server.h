/* server.h - what all threads share, and what each thread counts.
 *
 * Threads    Each field says who may touch it.  */
#ifndef SHARD_SERVER_H
#define SHARD_SERVER_H

#include "base/attributes.h"
#include "base/hash.h"
#include "config/config.h"
#include "data/keyspace.h"
#include "effect/effect.h"
#include "mem/heap.h"
#include "shard/baton.h"
#include "shard/defrag.h"
#include "shard/error_stats.h"
#include "shard/evict.h"
#include "shard/exec.h"
#include "shard/feed.h"
#include "shard/rate_samples.h"
#include "table/slice_owner.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct catalogue;     /* src/table */
struct memory_history;
struct latency_log;   /* src/cmd */
struct slow_log;      /* src/cmd */
struct thread;

enum { SHARD_COUNT_MAX = 64 };

/* A shard: everything below `baton` is touched under it only. */
struct shard {
    struct baton baton;
    uint32_t number;
    struct server *server;
    struct heap *heap;
    struct keyspace *databases;     /* config->databases of them */
    struct keyspace_owner owner;    /* theirs */
    struct slice_owner slice_owner; /* of the slices of tables */
    uint64_t unit;                  /* of the effects of rows: exec_begin_unit; 0: none */
    struct key_top *top;            /* the biggest keys of all databases: data/key_top.h */
    struct graveyard *graveyard;    /* detached keyspaces and tables, freed in slices by the shard's own thread */
    struct pinned *pinned;          /* keys that jobs read in slices: shard/pin.c */
    uint32_t pinned_count, pinned_capacity;
    struct defrag defrag;
    struct evict evict;
    uint32_t initial_access;        /* what the keyspaces were given last: shard_note_access */
    uint64_t changes;               /* since the last save; read relaxed by any thread */
    uint64_t calls;                 /* commands of one shard that came here since start; read relaxed by any thread */
    uint64_t lazyfree_pending;      /* things in the graveyard; read relaxed by any thread */
    uint64_t buried_bytes;          /* of what is in there, as far as it is known; the same */
    uint64_t lazyfreed;             /* things freed from there since start; the same */
    bool is_expiry_off;             /* DEBUG SET-ACTIVE-EXPIRE 0 */
};

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

/* One command that took long. All is borrowed. */
struct slow_command {
    const struct command_spec *spec;
    const struct bytes *argv;
    uint32_t argc;
    uint64_t duration_us;
    int64_t now_ms;                  /* wall, when it ended */
    const struct session *session;   /* its connection; NULL when that is gone */
};

/* What the loop tells src/cmd about; set before the threads start. Each is called on the connection's own thread, without a
 * baton.  */
struct command_observer {
    /* A command took slowlog-log-slower-than or latency-monitor-threshold or longer (the callee looks which). */
    void (*slow_command)(struct server *server, const struct slow_command *what);
    /* True when argv[index] is a password: MONITOR shows "(redacted)" in its place. */
    bool (*argument_is_secret)(const struct command_spec *spec, const struct bytes *argv, uint32_t argc, uint32_t index);
    /* Something of the server itself took `duration_ms` ("expire-cycle"): any thread. */
    void (*slow_event)(struct server *server, const char *event, int64_t duration_ms);
};

/* Written by the thread, read relaxed by any. */
struct thread_stats {
    uint64_t connections_received, connections_current, connections_rejected;
    uint64_t commands_processed;
    uint64_t net_input_bytes, net_output_bytes;
    uint64_t reads_processed, writes_processed;    /* completions of recv and send */
    uint64_t keyspace_hits, keyspace_misses;
    uint64_t error_replies;
    uint64_t query_limit_disconnections, output_limit_disconnections, evicted_clients;
    uint64_t turns, sleeps, wakes_sent;
    uint64_t batches_in_place, batches_handed, batches_combined, batches_waited; /* INFO shards: DESIGN 4 */
    uint64_t steps_all;                            /* multi-shard steps */
    uint64_t feeds_current[FEED_COUNT];            /* its sessions in each feed */
    uint64_t query_bytes_max, output_bytes_max;    /* biggest recent, for INFO clients */
    int64_t cpu_busy_ticks;                        /* between waking and sleeping */
    uint64_t expiry_ticks;                         /* of these, removing expired keys in the background */
    uint64_t crons;                                /* looks at what is due `hz` times a second */
    uint64_t cq_overflows;                         /* a level, likewise: turns that found the completion queue full */
    uint64_t spare_bytes;                          /* a level, of the last of these: buffers kept for reuse beyond what always is */
    uint64_t expiry_cuts;                          /* slices of that work which ended with keys left that were due */
};

/* Connections that are sent to unasked (session_is_fed), as a thread found them when it last looked, `hz` times a second. */
struct fed_clients {
    uint64_t count, waiting_bytes;         /* unread output of all of them */
    uint64_t slowest_id, slowest_bytes;    /* the one with most of it */
};

struct inbox;
struct pinned;
struct ck_epoch;

struct server {
    struct config *config;
    struct hash_secret secret;
    struct shard *shards;
    uint32_t shard_count;
    struct thread *threads;          /* shard_count of them */
    _Atomic(struct catalogue *) catalogue; /* replaced under all batons; read under any baton or inside an epoch section */
    const struct command_spec *const *commands; /* by index; NULL-ended */
    uint32_t command_count;          /* rows, subcommands included */
    const struct command_spec **command_index; /* by hash of the name; see server_find_command */
    const struct command_observer *observer; /* NULL: nobody listens */
    void (*row_changed)(void *shard, const struct row_change *change); /* of slice_owner, for all shards */
    struct effects effects;          /* who listens to changes of data */
    struct inbox *inboxes;           /* one a shard: batches of other threads */
    struct ck_epoch *epoch;          /* readers of the catalogue */
    _Atomic uint64_t route_version;  /* counts changes of the catalogue */
    int stop_fd;                     /* eventfd: wakes the acceptor */
    uint64_t rejected_connections;   /* written by the acceptor, read relaxed */
    _Atomic uint64_t prefix_jobs, prefix_keys_expected, prefix_keys_seen; /* of all MEMORY PREFIX that run now */
    struct memory_history *memory_history; /* taken by thread 0 every second; locks itself */
    struct slow_log *slow_log;       /* locks itself; set at start by src/cmd */
    struct latency_log *latency_log;
    char run_id[41];
    int64_t started_ms;              /* wall */
    double ticks_per_us;
    _Atomic uint64_t next_client_id;
    _Atomic uint32_t clients_current;
    _Atomic uint32_t feeds_current[FEED_COUNT]; /* sessions in each feed */
    _Atomic int64_t pause_until_ms;  /* CLIENT PAUSE; wall */
    _Atomic bool is_pause_for_writes_only;
    _Atomic int is_stopping;         /* SIGTERM, SHUTDOWN: threads end after their turn */
    _Atomic int64_t used_bytes_peak; /* highest used_memory that a turn's end saw */
    _Atomic int64_t exceeded_us;     /* how long used_memory was above maxmemory before this time; these two: thread 0 writes */
    _Atomic int64_t exceeded_since_us; /* monotonic; 0: it is not now */
    _Atomic bool is_dividing_excess; /* evict.c: one thread at a time */
    _Atomic uint32_t client_token;   /* client_memory.c: 1 + the number of the thread that closes connections; 0: none does */
    _Atomic int64_t threads_bytes_peak; /* what threads (buffers, rounds) needed of late: evict.c keeps room for it */
    int64_t startup_used_bytes;      /* used_memory when the start was done */
    _Atomic int64_t last_save_ms;
    _Atomic uint32_t threads_started, quiet_threads; /* start and end of the shard threads */
    _Atomic int start_errno;         /* why a thread could not start; 0: none */
    struct rates rates;              /* taken by thread 0 every RATE_SAMPLE_MS: server_sample_rates */
};

struct server_options {
    struct config *config;           /* lent until server_destroy; `shards` is set */
    const struct command_spec *const *commands; /* lent; command_count rows by index */
    uint32_t command_count;
    const struct command_observer *observer;    /* may be NULL */
    const struct effect_listener *const *listeners; /* lent; ended by NULL: each is called with the server as its context */
    void (*row_changed)(void *shard, const struct row_change *change); /* may be NULL: table/slice.h, struct slice_owner */
};

/* Makes shards and heaps; no thread runs yet. NULL: no memory (the process is expected to end). */
struct server *server_create(const struct server_options *options);
/* Starts the shard threads and waits until each has its ring. False: errno. */
MUST_USE bool server_start_threads(struct server *server);
/* After server_stop. */
void server_join_threads(struct server *server);
void server_destroy(struct server *server);

/* Looks a command up by its name, case ignored; NULL. Any thread. */
const struct command_spec *server_find_command(const struct server *server, struct bytes name);
struct shard *server_shard_of_key(const struct server *server, struct bytes key);

/* What a slice's owner tells whoever listens, under the baton, when effects_wanted says that somebody does: an event of a row of the
 * table "ns.t", and how to repeat it.  */
void shard_report_row(struct shard *shard, uint32_t db, struct bytes table, uint64_t row, enum event event);
void shard_report_effect(struct shard *shard, uint32_t db, const struct bytes *words, uint32_t count);

/* One thread's parts that others may read. */
struct thread_stats *thread_stats(struct thread *thread);
struct command_stats *thread_command_stats(struct thread *thread); /* command_count of them */
struct error_stats *thread_error_stats(struct thread *thread);     /* written through error_stats_note by that thread */
struct thread *server_thread(struct server *server, uint32_t number);
uint32_t thread_number(const struct thread *thread);
/* Forgets all counts since start (CONFIG RESETSTAT). On a shard thread, without a baton. */
void server_reset_stats(struct thread *caller);
/* Adds up the threads. */
void server_total_stats(const struct server *server, struct thread_stats *out);
/* Of all threads together. Any thread. */
void server_total_fed(const struct server *server, struct fed_clients *out);
/* Takes one sample of each of server->rates. Thread 0, every RATE_SAMPLE_MS; `now_ms` is monotonic. */
void server_sample_rates(struct server *server, int64_t now_ms);
/* used_memory: all heaps and threads, exact. Any thread. Updates the peak. */
int64_t server_used_bytes(struct server *server);
/* Returns when no thread is inside a route function any more that began before the call: what such a function may have read in the
 * old catalogue can be freed then. May be called with batons held (route functions never wait).  */
void server_wait_readers(struct server *server);

/* Ends the server: threads finish their turn, send what they can and return. Any thread, also from a signal's reader. */
void server_stop(struct server *server);

#endif
