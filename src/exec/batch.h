/* batch.h - the calls of one round for one shard, or of one position of its chain.
 *
 * Threads    Its maker's; whoever runs it, from batch_submit until it is home again.  */
#ifndef EXEC_BATCH_H
#define EXEC_BATCH_H

#include "exec/call.h"
#include "exec/window.h"
#include "shard/inbox.h"
#include "shard/message.h"

struct chain;
struct round;
struct shard;
struct thread;

struct batch {
    struct message message;          /* back to its maker */
    struct inbox_item handed;        /* in its shard's inbox */
    struct round *round;
    struct chain *chain;             /* NULL: it goes back when it has run */
    struct thread *home;
    struct shard *shard;
    struct call *first, *last;
    uint32_t count;
    struct buffer replies;
};

/* The call goes to the batch's shard, behind the others. */
static inline void batch_add_call(struct batch *batch, struct call *call)
{
    call_enter(call, CALL_QUEUED);
    call->next = NULL;
    if (batch->last == NULL) {
        batch->first = call;
    } else {
        batch->last->next = call;
    }
    batch->last = call;
    batch->count++;
    call->window->queued++;
}

#endif
