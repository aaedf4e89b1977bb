/* thread_private.h - the inside of a shard thread: connections, rounds of commands, batches, mail.
 *
 * One command's way: connection.c receives bytes -> dispatch.c finds commands in them and routes each (a call) -> the calls
 * of a turn stand in a round, grouped in one batch a shard -> run.c runs a batch under the shard's baton, here or by whoever
 * holds it -> round.c puts the replies in order -> connection.c sends.
 *
 * Threads    Everything belongs to its thread, except where a field says otherwise. A batch (and its calls) that was handed
 *            to another thread belongs to whoever runs it until its mail is back.  */
#ifndef SHARD_THREAD_PRIVATE_H
#define SHARD_THREAD_PRIVATE_H

#include "client/session.h"
#include "net/output.h"
#include "net/parser.h"
#include "net/ring.h"
#include "shard/error_stats.h"
#include "shard/link.h"
#include "shard/server.h"

#include <ck_epoch.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    ROUND_CALLS = 256,
    ROUND_WORDS = 2048,
    ROUND_SPARE_MAX = 4,
    CHAIN_POSITIONS = 512,
    CHAIN_WAIT_US = 12,                  /* for a baton, before a chain is handed over */
    BATCH_REPLY_KEEP = 65536,            /* a batch's reply buffer is cut back to this */
    BATCH_REPLY_START = 8192,
    INBOX_DRAIN_MAX = 8,                 /* batches that a combiner runs for others before it leaves the rest */
    RUN_PREFETCH = 16,                   /* calls whose memory is asked for ahead */
    OUTPUT_SOFT = 1 << 20,               /* a connection with more unsent replies runs no commands */
    OUTPUT_SOFT_SHORT = 1 << 16,         /* the same while all clients' buffers are over clients-pending-limit */
    OUTPUT_SOFT_STRANGER = 1024,         /* the same before AUTH */
    OUTPUT_WRITES_MAX = 1 << 24,         /* the same for commands that write: their replies are short, their requests are not */
    PENDING_MAXMEMORY_PARTS = 2,         /* the part of maxmemory that clients-pending-limit may be */
    RECEIVE_BUFFERS = 128,               /* of RING_BUFFER_BYTES, a thread */
    TURN_EVENTS = 32,                    /* handled between two looks at what they brought */
    TURN_INPUT_BYTES = 1 << 18,          /* added to query buffers in a turn */
    TURN_ROUNDS_MAX = 8,                 /* rounds in a turn before the network is looked at again */
    TURN_CLOSING_US = 500,               /* for ending connections, in a turn */
    TURN_UNMAP_BYTES = 1 << 20,          /* of long blocks that were freed, given back in a turn */
    TURN_JOBS_US = 200,                  /* for steps of jobs, in a turn */
    TURN_BULK_BYTES = 1 << 18,           /* given to sends of long outputs in a turn, and one send more */
    BULK_OUTPUT_BYTES = 1 << 15,         /* an output is long from here on */
    EXPIRE_MS = 10,
    TOP_FILL_US = 10000,     /* between two slices of 50 us: half a percent of a core */
    TOP_IDLE_US = 200000,    /* between two looks whether enough of the biggest keys are known */
    DEFRAG_IDLE_US = 250000, /* between two looks whether the heap is worth a defragmentation cycle */
    WAITERS_MS = 1,
    SCRATCH_BLOCK_BYTES = 65536,
};

enum event_kind { EVENT_NONE, EVENT_WAKE, EVENT_RECEIVE, EVENT_SEND, EVENT_CANCEL };

/* A note from thread to thread; lent from mail_send until deliver runs on the receiver. */
struct mail {
    struct link link;
    void (*deliver)(struct thread *receiver, struct mail *mail);
};

enum call_state {
    CALL_READY,    /* parsed, to be given to a batch */
    CALL_PLACED,   /* it has its position in the window, which is given to batches as a whole: chain.c */
    CALL_QUEUED,   /* in a batch */
    CALL_DONE,     /* the reply is there */
    CALL_DEFERRED, /* not run: too many replies wait, or an earlier one of its connection waits */
    CALL_WAITING,  /* not run: something is locked */
    CALL_REROUTE,  /* not run: the catalogue changed since it was routed */
    CALL_BUSY,     /* a job, or a visit of all threads, is under way */
};

struct call {
    struct call *next;               /* in its batch, or its position of the chain */
    struct window *window;
    const struct command_spec *spec;
    struct bytes *argv;
    uint32_t argc;
    uint32_t db;
    uint64_t first_key_hash;
    void *routed;
    uint64_t routed_number;          /* of route_version */
    uint64_t route_version;
    uint32_t shard;
    uint16_t position;               /* in the round's chain */
    uint8_t state;                   /* enum call_state */
    uint8_t protocol;
    bool is_routed;
    bool is_alone;                   /* needs several shards, or none: see dispatch.c */
    bool is_silent;                  /* CLIENT REPLY OFF/SKIP */
    bool is_no_touch;
    bool is_error, must_close, is_broken;
    uint64_t ticks;                  /* how long it ran */
    const struct buffer *replies;    /* where the reply is: a batch's buffer ... */
    size_t reply_start, reply_len;
    struct buffer own;               /* ... or its own, when capacity > 0 */
    struct job *job;                 /* started by a handler in a batch, not yet taken up by the connection's thread */
    struct bytes *own_words;         /* argv that did not fit into the round */
    uint32_t own_words_capacity;
};

/* The commands of one connection that are under way: at most one window a connection. */
struct window {
    struct connection *connection;
    struct call *calls;
    uint32_t count, flushed;         /* calls, and how many of them have been answered */
    uint32_t queued;                 /* calls in batches that other threads have */
    uint16_t position, place;        /* of its last call that was placed: chain.c */
    bool is_spread;                  /* its placed calls are on several shards */
    bool has_placed;
    bool is_parked;                  /* this block is the connection's own, see round_park */
    bool is_listed;                  /* in the round's list */
    size_t parked_bytes;
    struct window *next;             /* in the round's list */
    /* any thread that runs a batch: */
    _Atomic size_t reply_bytes;      /* unsent replies of the connection and of this window; relaxed */
    _Atomic uint64_t cut_shards;     /* bit s: on shard s a call of this window could not run; relaxed (one holder at a time) */
};

/* The calls of one round for one shard, or of one position of its chain. */
struct batch {
    struct mail mail;                /* back to its maker */
    struct link inbox_link;
    struct round *round;
    struct chain *chain;             /* NULL: it goes back when it has run */
    struct thread *home;
    struct shard *shard;
    struct call *first, *last;
    uint32_t count;
    struct buffer replies;
};

/* The calls of a round whose windows are spread over shards, in an order that keeps each window's: chain.c. */
struct chain {
    struct batch batch;              /* the calls of one position; what travels from shard to shard */
    uint32_t position;               /* of batch */
    uint32_t call_count;
    uint64_t used[CHAIN_POSITIONS / 64];
    uint8_t prefetched[SHARD_COUNT_MAX]; /* calls on each shard that come next and whose memory was asked for */
    struct call *first[CHAIN_POSITIONS], *last[CHAIN_POSITIONS];
};

struct round {
    struct call calls[ROUND_CALLS];
    struct window windows[ROUND_CALLS];
    struct bytes words[ROUND_WORDS];
    uint32_t call_count, window_count, word_count;
    struct window *listed;           /* every window that has calls in this round, parked ones included */
    uint32_t batches_out;            /* handed to other threads */
    struct round *next;              /* spare list */
    struct buffer replies;           /* of calls that ran on this thread alone */
    struct chain chain;
    struct batch batches[];          /* one a shard */
};

/* Lists of connections to which something is to be done: commands run, commands tried again, tried after CLIENT PAUSE, looked at when
 * the turn ends (replies sent, reading on), long outputs sent on, ended. */
enum connection_list { LIST_READY, LIST_WAITING, LIST_PAUSED, LIST_DIRTY, LIST_BULK, LIST_CLOSING, CONNECTION_LISTS };

struct connection {
    struct session session;          /* first: sessions and connections are the same address */
    struct thread *thread;
    int fd;
    uint32_t requests;               /* receive, send and cancel requests in the ring, and deferred receive buffers */
    uint32_t visits;                 /* visits of threads under way for it */
    bool is_receiving, is_sending, is_cancelling;
    bool is_closing;                 /* no more commands; freed when nothing is under way */
    bool is_ending;                  /* its requests were told to end */
    bool close_after_replies;
    bool is_lingering;               /* close_after_replies, and not before the peer has read them: connection_refuse */
    bool is_shut;                    /* lingering: the peer was told that nothing more comes */
    bool is_input_ended;             /* the peer has sent all it will send */
    bool wants_more;                 /* its input may hold commands that were not looked at */
    bool waits_for_room;             /* its next command runs when fewer replies are unsent */
    bool is_paced;                   /* sends faster than its commands run: received piece by piece */
    bool is_deferring;               /* in deferred_input_take: one of its buffers waits on */
    uint8_t deferred;                /* its receive buffers in the thread's queue */
    struct connection *previous, *next;                    /* of its thread */
    struct connection *list_next[CONNECTION_LISTS];
    bool is_in_list[CONNECTION_LISTS];
    /* input: first what is left of a receive buffer, or the query buffer, never both */
    int32_t held;                    /* receive buffer whose bytes calls use, or that is not parsed yet; -1 none */
    uint32_t held_at, held_len;      /* its unparsed part */
    struct buffer query;
    size_t query_at;
    struct buffer backlog;           /* what came while calls of a window pointed into the input */
    struct parser parser;
    struct window *window;
    struct job_run *job;             /* of the window's first unanswered call */
    struct output output;
    struct iovec pieces[OUTPUT_GATHER_MAX];
    struct msghdr message;
    int64_t output_soft_since_ms;    /* over the soft limit since; 0 not */
    int64_t linger_until_ms;         /* wall */
    int64_t sent_ms;                 /* wall: when replies were last taken from it */
    size_t counted_bytes;            /* of its thread's clients_bytes */
};

/* A job under way: its command as the steps see it. */
struct job_run {
    struct exec exec;
    struct reply reply;
    struct buffer buffer;
    struct call *call;
    struct connection *connection;
    struct job_run *previous, *next; /* of its thread, in the order of their next steps */
    bool is_waiting;
};

/* A receive buffer whose connection has enough waiting. */
struct deferred_input {
    struct connection *connection;
    uint32_t len;
    uint16_t buffer;
};

struct scratch_block {
    struct scratch_block *next;
    size_t used, capacity;
};

struct thread {
    /* its own */
    struct server *server;
    uint32_t number;
    struct shard *shard;             /* the one whose background work is done here */
    struct ring ring;
    pthread_t handle;
    int64_t now_ms;                  /* wall, of this turn */
    int64_t cron_ms, expire_ms, waiters_ms, paused_ms, sampled_ms;
    int64_t paused_until_ms;         /* CLIENT PAUSE as it was when the list of the paused was last tried */
    bool was_paused_for_writes_only;
    struct connection *connections;
    struct connection *list_first[CONNECTION_LISTS], *list_last[CONNECTION_LISTS];
    struct deferred_input deferred[RECEIVE_BUFFERS]; /* oldest first: input.c */
    uint32_t deferred_count;
    uint32_t endings;                /* connections that are ending: connection.c */
    bool is_pending_too_much;        /* all clients' buffers were over clients-pending-limit at the last look */
    struct round *spare_rounds;
    uint32_t spare_count;
    uint32_t spare_least;            /* of spare_count since the last rounds_trim */
    struct round *round;             /* being filled */
    struct job_run *jobs, *jobs_last;
    struct chunk_pool chunks;
    struct scratch_block *scratch;
    uint64_t step_ends_ticks;        /* exec_slice_is_over */
    struct command_stats *command_stats;
    struct error_stats error_stats;
    struct mem_counters *counters;
    const struct command_spec *last_spec;
    char last_name[16];
    size_t last_name_len;
    bool is_defragmenting;           /* a cycle is running in the own shard */
    int64_t defrag_us;               /* monotonic: the next slice or look */
    uint32_t defrag_put_off;         /* turns that were too long for it, in a row */
    uint64_t turn_ticks;             /* when this turn began */
    bool is_filling_top;             /* the list of the shard's biggest keys is being filled: data/key_top.h */
    int64_t top_us, history_ms;      /* monotonic: the next slice or look there; the next sample of the memory */
    bool is_counting_clients;        /* maxmemory-clients is set: client_memory.c */
    int64_t evict_peak_ms;           /* when thread 0 last let the threads' peak decay */
    int64_t evict_wake_ms;           /* when it last woke the others to evict */
    size_t turn_input_bytes;         /* that were added to query buffers in this turn */
    uint32_t turn_events;            /* completions of this turn */
    uint64_t travelling;             /* bit s: it has left a chain with shard s and not looked whether somebody took it */
    uint64_t closing_since_ticks;    /* connections wait to be ended since; 0 none */
    int64_t evict_buffers_bytes;     /* its buffers when keys last went for them, or less */
    int64_t evict_buffers_limit;     /* the maxmemory that this was noted under */
    uint64_t evict_ticks_max;        /* the longest eviction since it was last reported */
    bool is_expiring;                /* the last slice did not find the end of what is due */
    bool is_retrying;                /* waiting commands and jobs try again in this turn */
    bool has_expiring;
    uint32_t expire_db;              /* where the next slice of expiry begins */
    uint64_t slow_ticks;             /* calls that took longer are reported */
    double ns_per_tick;
    uint32_t access_now;             /* what a use writes into the key, or a new key begins with: data/access.h */
    bool is_lfu;                     /* access_now is of that kind */
    uint32_t lfu_log_factor, lfu_decay_minutes;
    uint64_t lfu_random;
    ck_epoch_record_t epoch;
    /* any thread reads, relaxed */
    _Alignas(CACHE_LINE_BYTES) struct thread_stats stats;
    struct fed_clients fed;
    int64_t clients_bytes;           /* of its connections, while they are counted */
    int64_t client_bytes_max;        /* of the largest that may be closed, or more: C2 of client_memory.c */
    /* any thread writes */
    _Alignas(CACHE_LINE_BYTES) struct link_stack mailbox;
    _Atomic bool is_asleep;          /* seq_cst: set before the last look at mailbox and inbox, cleared by whoever wakes it */
    _Atomic bool must_retry_waiters;
    _Atomic uint8_t broken_feeds;    /* bit f: a session of its in that enum feed would have a gap */
    _Alignas(CACHE_LINE_BYTES) _Atomic uint32_t connection_count; /* given to it by the acceptor and not closed */
};

/* What is private in struct shard's surroundings: one a shard, beside the public part. */
struct inbox {
    _Alignas(CACHE_LINE_BYTES) struct link_stack batches;
};

/* server.c */
struct inbox *shard_inbox(struct shard *shard);
uint64_t server_route_version(const struct server *server);
ck_epoch_t *server_epoch(struct server *server);

/* counters: written by one thread (and set back by CONFIG RESETSTAT), read relaxed by others */
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

/* What a reader inside an epoch section saw happened before what a waiter does afterwards: ck's assembly hides that from
 * ThreadSanitizer. */
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#define EPOCH_LEAVES(epoch) __tsan_release(epoch)
#define EPOCH_IS_PASSED(epoch) __tsan_acquire(epoch)
#else
#define EPOCH_LEAVES(epoch) ((void)(epoch))
#define EPOCH_IS_PASSED(epoch) ((void)(epoch))
#endif

/* thread.c */
/* Puts mail into the box; wakes the receiver when it sleeps. `sender` NULL: not from a shard thread (the caller wakes). */
void mail_send(struct thread *sender, struct thread *receiver, struct mail *mail);
void thread_wake(struct thread *sender, struct thread *sleeper);
/* The shard thread that calls: for what happens below the commands, where nobody hands it down. */
struct thread *thread_self(void);
void *thread_main(void *thread);
MUST_USE bool thread_open(struct thread *thread, struct server *server, uint32_t number);
void thread_close(struct thread *thread);

/* connection.c */
struct connection *connection_create(struct thread *thread, int fd);
void connection_was_sent(struct thread *thread, struct connection *connection, const struct ring_event *event);
/* The window is answered: input that waited is next. */
void connection_window_ended(struct connection *connection);
/* No more commands and replies: freed when nothing is under way for it. */
void connection_close(struct connection *connection);
/* An error that ends it: sent behind the replies so far. What it still sends is read and dropped for up to LINGER_MS, so that its
 * own writes end and it sees the error. `text` with code, without CR LF. */
void connection_refuse(struct connection *connection, const char *text);
/* Closed when its replies are sent and read; for at most LINGER_MS. */
void connection_linger(struct connection *connection);
/* Goes on with its input or its window, if nothing is in the way. */
void connection_continue(struct connection *connection);
/* At the end of a turn: sends what waits. */
void connection_settle(struct connection *connection);
/* Sends on long outputs, TURN_BULK_BYTES in a turn, one connection after the other. */
void connections_send_bulk(struct thread *thread);
/* Ends connections that are closing, for TURN_CLOSING_US at most; hardly any while completions come in crowds. */
void connections_end(struct thread *thread);
void connection_list_add(struct connection *connection, enum connection_list list);
struct connection *connection_list_take(struct thread *thread, enum connection_list list);
/* May it run its next command now, as far as its output goes? */
bool connection_has_output_room(const struct connection *connection);
/* The same for that command. */
bool connection_has_room_for(const struct connection *connection, const struct command_spec *spec);
/* It must log in and has not. */
bool connection_is_stranger(const struct connection *connection);
/* It has not taken any of its replies for some time; they are many. */
bool connection_is_stuck(const struct connection *connection);
/* All clients' buffers are over clients-pending-limit: this one ends, with an error. */
void connection_refuse_stuck(struct connection *connection);
/* `hz` times a second: idle time-out, soft output limit. */
void connection_check_limits(struct connection *connection);

/* input.c */
void connection_received(struct thread *thread, struct connection *connection, const struct ring_event *event);
void connection_was_cancelled(struct thread *thread, struct connection *connection);
/* Unparsed input, and how to move past what was parsed. */
struct bytes connection_input(const struct connection *connection);
void connection_consume(struct connection *connection, size_t count);
/* What could not be parsed leaves the receive buffer, so that the kernel gets it back; what calls point to must be gone. */
void connection_keep_rest(struct connection *connection);
/* The same, unless it is run soon: the thread has few receive buffers, and who waits may wait for ever. */
void connection_release_held(struct connection *connection);
/* What could not be parsed leaves the receive buffer, and the backlog is input now. */
void connection_join_backlog(struct connection *connection);
/* Bytes that were received and not read yet. */
size_t connection_waiting_bytes(const struct connection *connection);
/* Reads on, or stops reading, as the input's rules say. */
void connection_adjust_receiving(struct connection *connection);
void connection_start_receiving(struct connection *connection);
void connection_stop_receiving(struct connection *connection);
/* It is closed after its replies: what waits is not wanted any more. No window may be left. */
void connection_drop_input(struct connection *connection);
/* A new look at clients-pending-limit. */
void thread_update_pending(struct thread *thread);
/* Has a connection so many unsent replies that it should run no commands? `thread`: the one that asks. */
bool thread_output_is_full(struct thread *thread, size_t unsent);
/* Takes the buffers that wait, where there is room now. */
void deferred_input_take(struct thread *thread);

/* dispatch.c */
/* The call is done with the error in `reply`: refused, not run. */
void call_finish_refused(struct thread *thread, struct call *call, struct reply *reply);
/* Takes as many commands from the connection's input as fit into the round. */
void dispatch_fill(struct thread *thread, struct connection *connection, struct round *round);
/* Gives calls of a parked window that may run again to the round. */
void dispatch_resume(struct thread *thread, struct window *window, struct round *round);

/* round.c */
struct round *round_get(struct thread *thread);
void round_put(struct thread *thread, struct round *round);
void round_destroy(struct thread *thread, struct round *round);
/* Called regularly: a spare round that nobody needed since the last call goes; the last one gives back what its replies grew to. */
void rounds_trim(struct thread *thread);
/* What spare rounds hold beyond one round as it was made. */
size_t rounds_spare_bytes(const struct thread *thread);
struct call *round_add_call(struct round *round, struct window *window);
struct window *round_add_window(struct round *round, struct connection *connection);
void round_list_window(struct round *round, struct window *window);
void round_queue_call(struct round *round, struct call *call);
/* Runs or hands over what the round has, and answers what is answered. */
void round_run(struct thread *thread, struct round *round);
/* Answers the window's finished calls in order; ends it, or sees to it that it goes on later. */
void window_flush(struct thread *thread, struct window *window);
void window_drop(struct window *window);
size_t window_memory_bytes(const struct window *window);

/* chain.c */
/* Does `pipeline-order strict` have anything to do here? */
bool chain_is_needed(const struct thread *thread);
/* Gives the call, which goes to call->shard, its position behind the window's others. */
void chain_place(struct thread *thread, struct window *window, struct call *call);
/* May the window have one more call, wherever that goes? */
bool chain_has_room(const struct thread *thread, const struct window *window);
/* The window's placed calls go to the round's batches, or to its chain when they are on several shards. */
void chain_queue_window(struct round *round, struct window *window);
/* Makes the first position with calls the chain's batch. */
void chain_begin(struct chain *chain);
/* The same with the next one; false: all have run. */
bool chain_next(struct batch *batch);
/* The next call behind `call` in the order of the positions; NULL: the first one. NULL: no more. */
struct call *chain_call_after(const struct chain *chain, const struct call *call);
/* The next call behind `call` on the same shard. */
struct call *chain_call_after_on_shard(const struct chain *chain, const struct call *call);
void chain_reset(struct chain *chain);

/* client_memory.c */
/* The connection's memory has changed; only counted while maxmemory-clients is set. */
void client_memory_note(struct connection *connection);
/* It is gone. */
void client_memory_forget(struct connection *connection);
/* Once a turn: closes the largest connections while all together are over maxmemory-clients. */
void client_memory_check(struct thread *thread);
/* client_memory_check has something to do: not to be slept over. */
MUST_USE bool client_memory_has_token(const struct thread *thread);

/* run.c */
/* Runs the batch now or leaves it to whoever holds the shard. True: it has run. */
bool batch_submit(struct thread *thread, struct batch *batch);
/* Runs the batches that wait in the inbox of the thread's own shard. */
void shard_drain_own(struct thread *thread);
bool shard_has_mail(struct shard *shard);
void shard_take(struct shard *shard) ACQUIRE(shard->baton);
void shard_release(struct thread *thread, struct shard *shard) RELEASE(shard->baton);
/* Every shard, as a bit set. */
uint64_t shards_all(const struct server *server);
/* The batons of a bit set: first all without waiting; if one is held, in ascending order: two holders of several can never wait for
 * each other. */
void shards_take_set(struct thread *thread, uint64_t set);
void shards_release_set(struct thread *thread, uint64_t set);
/* Runs a call that is alone (or instant) on this thread; its reply goes to `replies`. */
void call_run_alone(struct thread *thread, struct call *call, struct buffer *replies);
void call_finish(struct thread *thread, struct call *call, struct reply *reply, uint64_t ticks);
void exec_prepare(struct exec *exec, struct thread *thread, const struct call *call, struct reply *reply);

/* job.c */
/* The call's handler started a job: it becomes the connection's. False: no memory, the call was answered with an error. */
bool job_begin(struct thread *thread, struct call *call, struct job *job);
/* Steps of jobs for TURN_JOBS_US, one a job at most; who had none is the first next time. Returns true when some want to go on at
 * once. */
bool jobs_step(struct thread *thread);
/* Gives up the connection's job and those that its window's calls had started. */
void job_abandon(struct thread *thread, struct connection *connection);
/* A step of the visits of all threads; exec.c made it. */
struct visit;

/* exec.c */
/* A key is about to go by no command: EVENT_EVICTED, EVENT_EXPIRED. Under the baton; the name may be the entry's own. */
void shard_report_loss(struct shard *shard, const struct keyspace *ks, struct key key, enum event event);
/* The same as the keyspaces call it; `context` is the shard. */
void shard_key_expired(void *context, struct keyspace *ks, uint64_t hash, const struct entry *entry);
/* The command's words are reported as its effect: exec->effects is EFFECTS_OWED. Before the batons are given up. */
void exec_report_words(struct exec *exec);
/* New keys of the shard begin with this thread's second, or minute. Under the baton. */
void shard_note_access(struct thread *thread, struct shard *shard);
/* The first block is there from the start, so that a quiet server's memory does not move. False: no memory. */
MUST_USE bool scratch_open(struct thread *thread);
void scratch_reset(struct thread *thread);

/* True when a job has pinned a key with this hash. Under the baton. */
bool shard_has_pin(const struct shard *shard, uint64_t hash);
/* pin.c: true when the call writes a key that a job has pinned; the key is then wanted. Under the batons of its keys. */
bool call_waits_for_pin(const struct server *server, const struct call *call);
/* The shard's list, when there is no pin (left). */
void pins_free(struct shard *shard);
void scratch_free(struct thread *thread);

/* monitor.c */
void monitor_feed(struct thread *thread, const struct call *call);

#endif
