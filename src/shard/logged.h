/* logged.h - what of the log of changes (src/appendonly) others need: how far each shard's has come, and what of it a call must wait for.
 *
 * Whoever runs a call notes nothing: the log's listener leaves a *mark* on the thread that runs it, the frame that the call's last record went into.
 * The call takes it along (logged_take); its reply is sent when that frame is committed.
 *
 * Threads    struct logged_thread: its thread's own. struct logged_progress: `appended` is written under the baton of the shard, `committed` by any
 *            thread; both are read by any.
 * Invariant  L1 a unit that is open on a thread is ended (logged_end_unit) before the batons are given up under which its records were
 *            made, or set apart (pause_unit) while its shards stay locked: exec/paused.c.  */
#ifndef SHARD_LOGGED_H
#define SHARD_LOGGED_H

#include "base/attributes.h"
#include "shard/shard_set.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct appendonly;
struct server;
struct thread;

/* A frame of a shard's log. With LOGGED_SEVERAL as its shard: all that the logs have by the time it is looked at. */
struct log_mark {
    uint64_t sequence; /* 0: nothing was logged */
    uint32_t shard;
};
enum { LOGGED_SEVERAL = UINT32_MAX };

/* What belongs together in the log; of one thread at a time. */
struct logged_unit {
    uint64_t next;              /* the number of the one that begins with the next record; 0: a record alone is none */
    uint64_t open;              /* its records have begun; 0: none */
    struct shard_set shards;    /* that have records of it */
    bool has_paused;            /* its records were set apart, and come to whatever frames are open when it ends */
};

struct logged_thread {
    struct log_mark mark;       /* since logged_begin */
    struct logged_unit unit;
    struct shard_set due;       /* shards whose logs this thread has to look at: it has appended, or a request of theirs has ended */
    bool is_urgent;             /* it is to look at once */
    uint32_t requests;          /* of logs, in this thread's ring */
    uint64_t due_bytes;         /* appended by this thread, */
    int64_t due_since_us;       /* since then, monotonic; 0: all of that is written, or being written */
    int64_t put_off_us;         /* since then, as due_since_us, a command that is half-way keeps it from being written; 0: none does */
    _Atomic bool has_held;      /* any thread: it has connections whose replies wait */
};

/* One a shard. */
struct logged_progress {
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t appended; /* the frame that the last record went into */
    _Atomic uint64_t committed;                            /* aof/cut.h */
};

/* Is all on disk that the logs have? */
enum logged_end {
    LOGGED_ALL,
    LOGGED_WAITS,    /* it is being written, or a command is half-way: ask again */
    LOGGED_REFUSED,  /* a log cannot be written */
};

struct logged {
    _Atomic bool counts;                    /* a manifest names the logs that are written */
    _Atomic uint64_t moves;                 /* counts how often `committed` of any shard has moved */
    _Atomic int64_t flushed_us;             /* monotonic: when frames of all shards were closed last; relaxed */
    _Atomic uint32_t behind;                /* shards whose logs have more to write than they may: writes wait; relaxed */
    _Atomic bool is_saving;                 /* a base or a snapshot is being written: no-appendfsync-on-rewrite */
    _Atomic int error;                      /* errno, with REFUSE_WRITES_UNLOGGED; relaxed */
    _Atomic bool has_given_up;              /* for so long that nobody waits for his reply any more: connections that do are closed */
    _Atomic bool syncs_all;                 /* the server is about to end: what is written is synced, whatever appendfsync says; relaxed */
    _Atomic uint64_t error_changes;         /* counts changes of what keeps any log from being written */
    struct logged_progress *progress;       /* of each shard */
    void (*end_unit)(struct thread *thread);   /* the log's, as the next; set before the shard threads start */
    void (*pause_unit)(struct thread *thread); /* under the batons of the open unit, whose shards stay locked: other frames do not wait for it */
    void (*drop_unit)(struct thread *thread);  /* the same, when the server ends before the unit does: nothing of it is logged */
    /* The log's, too; on a shard thread without batons. `has_waited`: frames are closed also when a command is half-way. */
    enum logged_end (*write_all)(struct thread *thread, bool has_waited);
    struct appendonly *appendonly;          /* of src/appendonly; NULL in a test's server */
};

/* A command, or a step of one, begins on the thread. */
static inline void logged_begin(struct logged_thread *own)
{
    own->mark.sequence = 0;
    own->unit.next = 0;
}

/* The command, or its step, has reported all its changes; its batons are still held. */
static inline void logged_end_unit(struct logged_thread *own, struct thread *thread, const struct logged *logged)
{
    own->unit.next = 0;
    if (UNLIKELY(own->unit.open != 0)) {
        logged->end_unit(thread);
    }
}

/* The marks of two changes. */
static inline struct log_mark log_mark_join(struct log_mark a, struct log_mark b)
{
    if (a.sequence == 0 || b.sequence == 0) {
        return a.sequence == 0 ? b : a;
    }
    if (a.shard != b.shard) {
        return (struct log_mark){1, LOGGED_SEVERAL};
    }
    return a.sequence > b.sequence ? a : b;
}

#endif
