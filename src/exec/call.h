/* call.h - one command that is under way.
 *
 *   READY -----------------> QUEUED <--------.        in a batch: run.c has it until the batch is back
 *     |  '----> PLACED ---------^            |        it has its position in the window, whose calls go to batches as a whole: chain.c
 *     |            ^            |            |
 *     |            |            v            |
 *     |            '--- DEFERRED, WAITING, REROUTE    not run, and none behind it: it is given to a round again
 *     |
 *     '-- run at once ---.      |
 *                        v      v
 *                    STARTED, ABROAD                  its handler has left a job, or a call of all threads
 *                     |   ^       |                   STARTED behind a call that is not answered: DEFERRED again (jobs_withdraw)
 *                     |   '-------|                   the end of the call of all threads may leave a job
 *                     v           |
 *                    JOB          |                   the job runs in steps: job.c
 *                     |           v
 *                     '-------> DONE <-- BLOCKED        the reply is there; READY, QUEUED and DEFERRED ones get there directly. BLOCKED: the handler has
 *                                                  found nothing and waits for keys, wherever it ran: block.c
 *
 * Threads    The connection's; whoever runs the call's batch while it is QUEUED.
 * Invariant  Every change of `state` is made by call_enter, which asserts that it is in the drawing.  */
#ifndef EXEC_CALL_H
#define EXEC_CALL_H

#include "base/bytes.h"
#include "mem/buffer.h"
#include "shard/logged.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct call;
struct command_spec;
struct job;
struct prepared;
struct ticket;
struct transaction;
struct window;

/* What goes on with a call elsewhere, as a job, a call of all threads or a blocked client, begins with this. */
struct call_link {
    struct call *call; /* where it is now; NULL: it is gone, and nobody waits for a reply */
};

enum call_state {
    CALL_READY,    /* parsed, to be given to a batch */
    CALL_PLACED,   /* it has its position in the window, which is given to batches as a whole: chain.c */
    CALL_QUEUED,   /* in a batch */
    CALL_DONE,     /* the reply is there */
    CALL_DEFERRED, /* not run: too many replies wait, or an earlier one of its connection waits */
    CALL_WAITING,  /* not run: something is locked; it has a ticket */
    CALL_REROUTE,  /* not run: the catalogue changed since it was routed */
    CALL_STARTED,  /* its handler has started a job, which the connection's thread has not taken up yet */
    CALL_JOB,      /* the job is under way */
    CALL_ABROAD,   /* a call of all threads is under way */
    CALL_BLOCKED,  /* it waits until a key has something, or its time is over */
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
    uint64_t routed_number, routed_of;
    uint64_t route_version;
    uint32_t shard;
    uint16_t position;               /* in the round's chain */
    uint8_t state;                   /* enum call_state: call_enter */
    uint8_t protocol;
    bool is_routed;
    bool is_exclusive;               /* needs several shards, or none: client/dispatch.c */
    bool is_silent;                  /* CLIENT REPLY OFF/SKIP */
    bool is_no_touch;
    uint8_t tracked;                 /* enum tracked_call: what it does for its connection's cache; 0: nothing */
    bool is_error;
    bool ends_connection;            /* its reply is the last one: the connection is closed behind it */
    bool is_broken;                  /* its reply could not be made: the connection is closed without it */
    uint64_t ticks;                  /* how long it ran */
    size_t request_bytes;            /* of the command, as it was sent */
    struct log_mark logged;          /* what its reply waits for, if replies do */
    const struct buffer *replies;    /* where the reply is: a batch's buffer ... */
    size_t reply_start, reply_len;
    struct buffer own;               /* ... or its own, when capacity > 0 */
    union {
        struct job *job;             /* STARTED */
        struct call_link *elsewhere; /* JOB: in a struct job_run; ABROAD: in a struct threads_call; BLOCKED: in a struct blocked */
    };
    struct transaction *transaction; /* EXEC's: transaction.h; NULL: another command */
    const struct prepared *prepared; /* COMMAND_NAMES_PREPARED: prepared.h; NULL: its text has to be read; other commands: not set */
    struct ticket *ticket;           /* its place in a queue: waiting.h; NULL: it has not waited */
    struct bytes *own_words;         /* argv that did not fit into the round */
    uint32_t own_words_capacity;
};

#define CALL_FROM(state) (1u << (state))

/* The states from which `state` may be entered. */
static inline unsigned call_states_before(enum call_state state)
{
    const unsigned held_back = CALL_FROM(CALL_DEFERRED) | CALL_FROM(CALL_WAITING) | CALL_FROM(CALL_REROUTE);
    const unsigned not_run = CALL_FROM(CALL_READY) | held_back;
    switch (state) {
    case CALL_READY:
        return 0;
    case CALL_PLACED:
        return not_run;
    case CALL_QUEUED:
        return not_run | CALL_FROM(CALL_PLACED);
    case CALL_DEFERRED:
        return not_run | CALL_FROM(CALL_QUEUED) | CALL_FROM(CALL_STARTED);
    case CALL_WAITING:
    case CALL_REROUTE:
        return not_run | CALL_FROM(CALL_QUEUED);
    case CALL_STARTED:
        return not_run | CALL_FROM(CALL_QUEUED) | CALL_FROM(CALL_ABROAD);
    case CALL_ABROAD:
        return not_run;
    case CALL_BLOCKED:
        return not_run | CALL_FROM(CALL_QUEUED);
    case CALL_JOB:
        return CALL_FROM(CALL_STARTED);
    case CALL_DONE:
        return not_run | CALL_FROM(CALL_QUEUED) | CALL_FROM(CALL_STARTED) | CALL_FROM(CALL_JOB) | CALL_FROM(CALL_ABROAD) |
               CALL_FROM(CALL_BLOCKED);
    }
    return 0;
}

/* The one place where a call's state changes. `state` is a constant, or the test is not folded into one. */
static inline void call_enter(struct call *call, enum call_state state)
{
    assert((call_states_before(state) & CALL_FROM(call->state)) != 0);
    call->state = (uint8_t)state;
}

#endif
