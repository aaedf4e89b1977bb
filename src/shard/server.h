/* server.h - a shard, and what all threads share.
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
#include "shard/blocked_state.h"
#include "shard/defrag_state.h"
#include "shard/evict_state.h"
#include "shard/logged.h"
#include "shard/rate_samples.h"
#include "shard/shard_set.h"
#include "shard/thread_stats.h"
#include "table/slice_owner.h"
#include "shard/waits.h"
#include "shard/watch_state.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct acl;           /* src/acl */
struct catalogue;     /* src/table */
struct command_observer;
struct command_spec;  /* src/exec */
struct backups;       /* src/snapshot */
struct ending;        /* src/snapshot */
struct inbox;
struct memory_history;
struct pubsub;        /* src/pubsub */
struct latency_log;   /* src/cmd */
struct loading;       /* src/snapshot */
struct pinned;
struct functions;     /* src/script */
struct script_engine;
struct command_log;   /* src/cmd */
struct snapshots;     /* src/snapshot */
struct thread;
struct tls;           /* src/tls */
struct tracking;      /* src/tracking */

/* Does a script that goes on in steps have the shard, or DEBUG LOADAOF? Then its lock is in `locks`. */
enum shard_script { SHARD_NO_SCRIPT, SHARD_HAS_SCRIPT, SHARD_SCRIPT_IS_BUSY };

/* A shard: everything below `baton` is touched under it only. */
struct shard {
    struct baton baton;
    uint32_t number;
    struct server *server;
    struct heap *heap;
    struct keyspace *databases;     /* config->databases of them */
    struct keyspace_owner owner;    /* theirs */
    void *snapshot;                 /* what owner.before_change works on, while it is set; NULL otherwise */
    /* While the shard is being saved: a command is going to write the key. May pin it, so that the command waits for it. True: it must wait for
     * memory, since more is written to the file than the disk takes. With may_wait false neither: the saving has no pin of the key afterwards.  */
    bool (*guard)(struct shard *shard, uint32_t db, struct key key, bool may_wait);
    struct slice_owner slice_owner; /* of the slices of tables */
    uint64_t unit;                  /* of the effects of rows: exec_begin_unit; 0: none */
    struct key_top *top;            /* the biggest keys of all databases: data/key_top.h */
    struct lazy_free *lazy_free;    /* detached keyspaces and tables, freed in steps by the shard's own thread */
    struct pinned *pinned;          /* keys that jobs read in steps: shard/pinned.h, exec/pin.c */
    uint32_t pinned_count;          /* written under the baton, read relaxed by any thread */
    uint32_t guard_count;           /* 1 while `guard` is set */
    uint32_t guarded_pins;          /* of pinned_count: the saving's own, which `guard` and owner.before_detach take away at once */
    uint32_t pinned_capacity;
    struct watches watches;         /* keys that connections watch: shard/watch.h */
    struct blocked_keys blocked;    /* keys for which clients are blocked: shard/blocked.h */
    struct waits waits;             /* calls and jobs that wait for something here: exec/waiting.h */
    struct key_lock **locks;        /* in the order of their asking: shard/key_lock.c */
    uint32_t lock_count, lock_capacity;
    uint32_t changing_statements;   /* that have slices of tables locked for writing here: query/statement_job.c */
    uint8_t script;                 /* enum shard_script: exec/paused.h */
    struct defrag defrag;
    struct evict evict;
    uint32_t initial_access;        /* what the keyspaces were given last: shard_note_access */
    uint64_t changes;               /* since the last save; read relaxed by any thread */
    uint64_t calls;                 /* commands of one shard that came here since start; read relaxed by any thread */
    uint64_t lazyfree_pending;      /* things that wait for lazy free; read relaxed by any thread */
    uint64_t lazyfree_bytes;        /* of those, as far as it is known; the same */
    uint64_t lazyfreed;             /* things that lazy free has freed since start; the same */
    bool is_expiry_off;             /* DEBUG SET-ACTIVE-EXPIRE 0 */
};

struct ck_epoch;
struct command_entry;

enum server_refusal {
    REFUSE_WHILE_LOADING = 1 << 0, /* all but those with COMMAND_LOADING */
    REFUSE_WRITES_UNSAVED = 1 << 1, /* stop-writes-on-bgsave-error */
    REFUSE_WRITES_UNLOGGED = 1 << 2, /* the log of changes cannot be written */
};

struct server {
    struct config *config;
    struct hash_secret secret;
    struct shard *shards;
    uint32_t shard_count;
    struct thread **threads;         /* shard_count of them */
    _Atomic(struct catalogue *) catalogue; /* replaced under all batons; read under any baton or inside an epoch section */
    const struct command_spec *const *commands; /* by index; NULL-ended */
    uint32_t command_count;          /* rows, subcommands included */
    struct command_entry *command_index; /* by hash of the name; see server_find_command */
    struct acl *acl;                 /* users, and what they may do; locks itself; set at start */
    const struct command_observer *observer; /* NULL: nobody listens */
    void (*row_changed)(void *shard, const struct row_change *change); /* of slice_owner, for all shards */
    struct tls *tls;                 /* what TLS connections begin with; locks itself; set at start */
    struct pubsub *pubsub;           /* locks itself */
    struct tracking *tracking;       /* the same */
    struct effects effects;          /* who listens to changes of data */
    uint64_t moves_unit;             /* the last one in which rows have moved: cmd/table/table_effect.c; under all batons */
    struct logged logged;            /* the log of changes, as far as others see it */
    struct {                         /* connections that watch keys: shard/watch.c */
        pthread_mutex_t lock;
        uint32_t count;
    } watchers;
    struct {                         /* clients that are blocked for keys: shard/blocked.c */
        pthread_mutex_t lock;
        uint32_t count;
    } blocked;
    struct inbox *inboxes;           /* one a shard: batches of other threads */
    struct ck_epoch *epoch;          /* readers of the catalogue */
    _Atomic uint32_t paused_scripts; /* that have shards locked between their steps; relaxed, as the next */
    _Atomic uint32_t busy_scripts;   /* of them, for which others are answered BUSY */
    _Atomic uint64_t route_version;  /* counts changes of the catalogue */
    int stop_fd;                     /* eventfd: wakes the acceptor */
    uint64_t rejected_connections;   /* written by the acceptor, read relaxed */
    _Atomic uint64_t prefix_jobs, prefix_keys_expected, prefix_keys_seen; /* of all MEMORY PREFIX that run now */
    struct memory_history *memory_history; /* taken by thread 0 every second; locks itself */
    struct script_engine *scripts;   /* of src/script; set at start */
    struct functions *functions;     /* the same */
    struct snapshots *snapshots;     /* of src/snapshot; set at start, locks itself */
    struct loading *_Atomic loading; /* the same; NULL: nothing was loaded since the start */
    struct ending *ending;           /* the same: SHUTDOWN, SIGTERM */
    struct backups *backups;         /* the same: BACKUP */
    _Atomic uint32_t refusals;       /* enum server_refusal: commands that are not run now; release */
    struct command_log *command_log; /* locks itself; set at start by src/cmd */
    struct latency_log *latency_log;
    char run_id[41];
    int64_t started_ms;              /* wall */
    double ticks_per_us;
    _Atomic uint32_t errand_count;   /* exec/errand.c; relaxed */
    _Atomic uint64_t next_client_id;
    _Atomic uint32_t clients_current;
    _Atomic uint32_t feeds_current[FEED_COUNT]; /* sessions in each feed: client/feed.h */
    _Atomic int64_t pause_until_ms;  /* CLIENT PAUSE; wall */
    _Atomic bool is_pause_for_writes_only;
    _Atomic bool is_end_paused;      /* the last snapshot is being saved: pause_until_ms is its own, and CLIENT PAUSE's is in the next */
    _Atomic int64_t pause_after_end_ms;
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

/* Replies wait until their frames are committed: `appendfsync always`. Any thread. */
static inline bool server_acknowledges_log(const struct server *server)
{
    return atomic_load_explicit(&server->logged.counts, memory_order_relaxed) &&
           atomic_load_explicit(&server->config->appendfsync, memory_order_relaxed) == APPENDFSYNC_ALWAYS;
}

/* A file is being loaded: there are no data to be asked yet. Any thread. */
static inline bool server_is_loading(const struct server *server)
{
    return (atomic_load_explicit(&server->refusals, memory_order_acquire) & REFUSE_WHILE_LOADING) != 0;
}

/* The shard of a key, by its hash slot. */
struct shard *server_shard_of_key(const struct server *server, struct bytes key);
struct thread *server_thread(const struct server *server, uint32_t number);

/* used_memory: all heaps and threads, exact. Any thread. Updates the peak. */
int64_t server_used_bytes(struct server *server);

/* Counts changes of what route functions read: whoever sees another number than before routes again. Any thread. */
static inline uint64_t server_route_version(const struct server *server)
{
    return atomic_load_explicit(&server->route_version, memory_order_acquire);
}

/* Returns when no thread is inside an epoch section (epoch.h) any more that began before the call: what was read there in the old
 * catalogue can be freed then. May be called with batons held (sections never wait).  */
void server_wait_readers(struct server *server);

/* Ends the server: threads finish their turn, send what they can and return. Any thread, also from a signal's reader. */
void server_stop(struct server *server);

#endif
