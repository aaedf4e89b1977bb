/* epoch.h - reading the table catalogue without a baton: what was published is not freed while somebody is inside a section.
 *
 * Threads    epoch_enter, epoch_leave: a shard thread, for itself; a section is short and waits for nothing. server_wait_readers (server.h): any.  */
#ifndef SHARD_EPOCH_H
#define SHARD_EPOCH_H

#include "shard/server.h"
#include "shard/thread.h"

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

static inline void epoch_enter(struct thread *thread)
{
    ck_epoch_begin(&thread->epoch, NULL);
}

static inline void epoch_leave(struct thread *thread)
{
    EPOCH_LEAVES(thread->server->epoch);
    ck_epoch_end(&thread->epoch, NULL);
}

#endif
