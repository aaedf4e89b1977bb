/* errand.h - what a job has done on a thread of its own, since it must wait in the system: for another server, say.
 *
 *   OPEN --exec_send_errand, JOB_AWAY--> AWAY --it has run--> OPEN, and the job's next step comes
 *                                         |--errand_release: the job has ended--> GIVEN UP --it has run--> closed
 *
 * Each time it is sent a thread is made, which ends with `run`. Its last act is a write to an eventfd, for which the home thread's ring
 * waits. When the server stops, or the job ends, the errand is told to come back soon.
 *
 * Threads    `run`: its own thread, with no baton; it may touch what belongs to the errand only. All else: the job's thread.
 * Memory     Embedded as the first member of its maker's structure, which the errand closes and frees by `destroy`.
 * Invariant  executor->abroad_count counts errands that are away.
 * Limits     ERRANDS_MAX open in the server.  */
#ifndef EXEC_ERRAND_H
#define EXEC_ERRAND_H

#include "base/attributes.h"
#include "base/result.h"
#include "net/ring.h"

#include <stdatomic.h>
#include <stdbool.h>

struct exec;
struct server;
struct stepper;
struct thread;

enum { ERRANDS_MAX = 16 };

struct errand {
    struct ring_owner ring_owner;            /* first */
    void (*run)(struct errand *errand);
    void (*cancel)(struct errand *errand);   /* while it is away, once: it is to come back soon */
    void (*destroy)(struct errand *errand);  /* nobody needs it any more: frees the structure, whatever is in it */
    struct server *server;
    struct thread *home;
    struct stepper *waiting;                 /* away: the job that waits; NULL: the job has ended */
    int done_fd;                             /* eventfd */
    _Atomic bool has_run;                    /* release on its thread; the home thread's acquire */
    bool is_away, is_cancelled;
    bool has_failed;                         /* no thread could be made: it was not run */
};

/* In a step. RESULT_NOT_FOUND: ERRANDS_MAX are open already, and nobody tells when one is not; RESULT_SYSTEM: no descriptor. The functions
 * have been set.  */
MUST_USE enum result errand_open(struct exec *exec, struct errand *errand);
/* The job ends, or never sent it: `destroy` is called now, or when it is back. */
void errand_release(struct errand *errand);
/* In a step, which then returns JOB_AWAY: it goes when the batons have been given back. */
void exec_send_errand(struct exec *exec, struct errand *errand);

/* This room's own: it goes. False: no thread, has_failed is set, and the job goes on at once. */
MUST_USE bool errand_go(struct thread *thread, struct errand *errand, struct stepper *waiting);
/* The server stops. */
void errand_cancel(struct errand *errand);

#endif
