/* block.h - clients that are blocked: BLPOP that has found nothing.
 *
 *   exec_block: under the batons of all of its keys it takes its place in their queues (shard/blocked.h)
 *      |
 *   WAITING <---> SERVING    somebody who holds the baton of a key that has something runs the command for it (block_serve.h)
 *      |             |
 *      |             v
 *      |          SERVED     the reply is there, and on its way home as a message
 *      v
 *    ENDED                   its time is over, CLIENT UNBLOCK, or its connection has gone: at home, under the batons of all of its keys
 *
 * Threads    `state`: SERVING and SERVED under the baton of the key that is served, ENDED under those of all keys. All else is home's, but
 *            for what the one who serves reads, which does not change, and `reply`, which is its own while SERVING.
 * Memory     A block of its own, with copies of the words: freed at home, when it is in no queue and no message is under way.
 * Invariant  K1 a client is served at most once: whoever serves it has brought `state` from WAITING to SERVING; K2 while it is in a queue it
 *            is not freed.
 * Source     Redis 7.0, blocked.c.  */
#ifndef EXEC_BLOCK_H
#define EXEC_BLOCK_H

#include "base/attributes.h"
#include "exec/call.h"
#include "exec/exec.h"
#include "net/reply.h"
#include "shard/blocked.h"
#include "shard/message.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct command_spec;
struct executor;
struct thread;

enum blocked_state { BLOCKED_WAITING, BLOCKED_SERVING, BLOCKED_SERVED, BLOCKED_ENDED };

struct blocked {
    struct call_link at;          /* first: the call points to it */
    _Atomic uint8_t state;        /* enum blocked_state */
    bool is_no_touch, has_ids;
    uint8_t when_over;            /* enum block_over */
    uint8_t protocol;
    uint32_t db;
    const struct command_spec *spec;
    struct thread *home;
    struct message message;       /* home, when it has been served */
    /* home's: */
    bool is_back;                 /* the message has come */
    bool is_begun;                /* block_begin: it is counted, and timed if it has a deadline */
    int64_t deadline_ms;          /* wall; 0: none */
    int64_t due_ms;               /* the deadline, or before it when it is to be looked for something that no change tells of; 0: never */
    uint32_t place;               /* among the thread's deadlines */
    /* of whoever serves it, then home's: */
    struct reply reply;
    struct buffer text;           /* where the reply was begun */
    uint64_t ticks;
    struct log_mark logged;       /* what the reply waits for */
    /* the words, but for the keys and their ids, which are in `keys` and behind the words: */
    size_t bytes;                 /* of this block */
    uint32_t before_count, after_count; /* words before and behind the key */
    uint32_t key_count;           /* different ones */
    struct bytes *words;          /* before_count, after_count, and key_count ids when it has any */
    struct blocked_key keys[];
};

/* The handler has called exec_block: `home` is the thread of its connection. Before the batons are given up. */
static inline void block_set_home(const struct exec *exec, struct thread *home)
{
    if (exec->block_state == BLOCK_BLOCKED) {
        ((struct blocked *)exec->elsewhere)->home = home;
    }
}

/* --- at home, without any baton --- */

/* The call (the first of its parked window) is BLOCKED: its time begins to count. False: it has been served meanwhile, or there is no memory; it is DONE. */
MUST_USE bool block_begin(struct thread *thread, struct call *call);
/* The connection of a BLOCKED call ends; the caller makes the call DONE. */
void block_abandon(struct thread *thread, struct call *call);
/* CLIENT UNBLOCK: the reply is as if the time was over, or an error. False: it has been served. */
bool block_end(struct thread *thread, struct call *call, bool is_error);

/* Those whose time is over are answered, and those whose time to look has come are served, if there is anything, soon: once a turn. */
void blocks_end_due(struct thread *thread);
/* How long the thread may sleep before something is due for the first one, in milliseconds; INT64_MAX: never. */
int64_t blocks_wait_ms(const struct thread *thread);

#endif
