/* thread.c - see thread.h.  */
#include "shard/thread.h"

#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>
#include <errno.h>

struct thread_stats *thread_stats(struct thread *thread)
{
    return &thread->stats;
}

struct command_stats *thread_command_stats(struct thread *thread)
{
    return thread->command_stats;
}

struct error_stats *thread_error_stats(struct thread *thread)
{
    return &thread->error_stats;
}

uint32_t thread_number(const struct thread *thread)
{
    return thread->number;
}

/* style: like a thread's name in baton.c this is the process's: expiry happens too deep down to hand it there. */
static _Thread_local struct thread *own_thread;

struct thread *thread_self(void)
{
    assert(own_thread != NULL);
    return own_thread;
}

bool thread_open(struct thread *thread)
{
    struct server *server = thread->server;
    assert(thread->number < server->shard_count);
    own_thread = thread;
    __atomic_store_n(&thread->counters, thread_heap_register(), __ATOMIC_RELEASE); /* others may look already: exec/pending.c */
    thread->command_stats = thread_alloc_zeroed(MEM_SERVER, server->command_count * sizeof *thread->command_stats);
    if (thread->counters == NULL || thread->command_stats == NULL) {
        errno = ENOMEM;
        return false;
    }
    ck_epoch_register(server->epoch, &thread->epoch, NULL);
    return true;
}

void thread_close(struct thread *thread)
{
    ck_epoch_unregister(&thread->epoch);
}

void thread_free_stats(struct thread *thread)
{
    if (thread->command_stats != NULL) {
        thread_free(MEM_SERVER, thread->command_stats, thread->server->command_count * sizeof *thread->command_stats);
        thread->command_stats = NULL;
    }
}
