/* waits.h - queues of whoever waits for something in a shard: a pinned key, a locked table, memory; first come, first served.
 *
 * A queue belongs to a subject (struct wait_subject) and is there while somebody waits for it. Its first waiters are *called* when
 * something has changed: the first one, and those right behind it that may go at the same time, which are the ones of its group. A
 * called waiter tries again, while the queue keeps its place, so that nobody comes before it; then it leaves the queue, which calls
 * the next, or goes on waiting until it is called again. Whoever needs several subjects goes from one queue to another, and keeps the time
 * of its arrival in the first: it goes before all who came later, so the one that has waited longest of all waits for nobody who waits.
 *
 * Threads    Under the baton of the shard. `call` may not touch the queues; it hands the waiter to its own thread.
 * Memory     A waiter is its maker's, lent from waits_join until waits_leave.
 * Invariant  W1 a waiter is in one queue exactly while `waits` is not NULL; W2 a queue's waiters stand in the order of since_us, before them
 *            those that are HOLDING, in the order in which they joined; W3 waiter_count is the number of waiters in all queues.
 * Limits     None: the table of queues grows with their number; when memory is refused it gets slower instead.  */
#ifndef SHARD_WAITS_H
#define SHARD_WAITS_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

enum wait_kind {
    WAIT_KEY,     /* a job has pinned a key with this hash */
    WAIT_PINS,    /* jobs have pinned or locked keys of the shard */
    WAIT_LOCKS,   /* a job has locked keys; or it wants to, and others have pinned or locked them */
    WAIT_TABLE,   /* a statement has locked the table's slice */
    WAIT_MEMORY,  /* memory is being freed */
    WAIT_KINDS
};

struct wait_subject {
    uint64_t number; /* a key's hash, a table's number; 0 where there is only one in a shard */
    uint32_t kind;   /* enum wait_kind */
};

/* Who may go together: writers that run in one step, or jobs that pin. Whoever holds a pin or a lock of the subject itself, and waits for
 * those of others to be given up, is HOLDING: it goes before all who are not, since they wait for it.  */
enum wait_group { WAIT_ALONE, WAIT_WITH_WRITERS, WAIT_WITH_READERS, WAIT_HOLDING, WAIT_GROUPS };

struct waits;

struct waiter {
    struct waits *waits;             /* whose queue it is in; NULL: in none */
    struct waiter *next, *previous;  /* in its queue, which is a ring */
    struct waiter *next_queue;       /* of the first one: the next queue in the same place of the table */
    uint32_t in_group[WAIT_GROUPS];  /* of the first one: waiters of the queue */
    struct wait_subject subject;
    int64_t since_us;                /* monotonic: when it came, to this queue or to an earlier one */
    uint8_t group;                   /* enum wait_group */
    bool is_called;
    void (*call)(struct waiter *waiter, void *caller); /* `caller`: what waits_call was given */
};

struct waits {
    struct waiter **queues;          /* the first waiter of each queue, by hash of the subject */
    uint32_t queue_count, place_count;
    uint64_t waiter_count;           /* written under the baton, read relaxed by any thread; so are the next two */
    uint64_t of_kind[WAIT_KINDS];    /* of them */
    uint64_t longest_us;             /* that anybody has waited so far who is served */
};

/* All is 0 at first. Nobody may wait. */
void waits_close(struct waits *waits);

/* The waiter, which came at `since_us`, goes to its place in the subject's queue (W2), uncalled; the first one, too: it has just found that
 * it must wait. False: no memory for the very first queue. O(1) for whoever came last, else O(waiters that came later).  */
MUST_USE bool waits_join(struct waits *waits, struct waiter *waiter, struct wait_subject subject, int64_t since_us);
/* The waiter leaves its queue: served, or it has given up. If it was called, or the first one, those who are next are called. */
void waits_leave(struct waiter *waiter, int64_t now_us, void *caller);
/* Something has changed for the subject: those who are next are called. Does nothing when nobody waits. */
void waits_call(struct waits *waits, struct wait_subject subject, void *caller);
/* A called waiter has found that it must wait on, in its place. */
void waits_stay(struct waiter *waiter);

/* Does anybody wait there with whom one of `group` may not go together? Then a newcomer goes to the end. O(1). */
bool waits_has_others(const struct waits *waits, struct wait_subject subject, enum wait_group group);
/* The same of those who go before one that came at `since_us`. O(1) when there are no others at all, else O(waiters before it). */
bool waits_has_others_before(const struct waits *waits, struct wait_subject subject, enum wait_group group, int64_t since_us);

static inline bool waits_any(const struct waits *waits)
{
    return UNLIKELY(waits->waiter_count > 0);
}

/* How long the one has waited who waits longest now, in microseconds; 0: nobody waits. O(queues). */
int64_t waits_longest_now_us(const struct waits *waits, int64_t now_us);

#endif
