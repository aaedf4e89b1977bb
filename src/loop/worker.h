/* worker.h - a shard thread whole: its core and what each room keeps for it, in one block.
 *
 * Threads    Each part says who may touch it.  */
#ifndef LOOP_WORKER_H
#define LOOP_WORKER_H

#include "client/clients.h"
#include "exec/executor.h"
#include "loop/background.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>

struct worker {
    struct thread thread;            /* first: a worker and its thread are the same address */
    struct executor executor;
    struct clients clients;
    struct background background;
    pthread_t handle;
};
_Static_assert(offsetof(struct worker, thread) == 0, "worker_of");

/* What all rings of the server are opened with. */
static inline enum ring_engine ring_engine_of(const struct server *server)
{
    return atomic_load_explicit(&server->config->io_engine, memory_order_relaxed) == IO_ENGINE_EPOLL ? RING_EPOLL : RING_URING;
}

static inline struct worker *worker_of(struct thread *thread)
{
    return (struct worker *)thread;
}

#endif
