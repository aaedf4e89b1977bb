/* transaction_run.c - see transaction_run.h.  */
#include "exec/transaction_run.h"

#include "exec/call.h"
#include "exec/exec.h"
#include "exec/finish.h"
#include "exec/pin.h"
#include "exec/transaction.h"
#include "shard/server.h"

/* Some command would have to wait for a job. True: exec_wait_for was called. */
static bool must_wait(struct exec *exec, const struct transaction *transaction)
{
    for (uint32_t i = 0; i < transaction->count && !exec->must_wait; i++) {
        const struct queued_command *command = &transaction->commands[i];
        struct exec inner = *exec;
        inner.spec = command->spec;
        inner.argv = command->words;
        inner.argc = command->word_count;
        if (exec_waits_for_keys(&inner) || (command->spec->waits != NULL && command->spec->waits(&inner))) {
            exec->must_wait = true;
            exec->wait = inner.wait;
        }
    }
    return exec->must_wait;
}

bool transaction_begin(struct exec *exec)
{
    struct transaction *transaction = exec->call == NULL ? NULL : exec->call->transaction;
    if (!transaction_is_open(transaction)) {
        reply_error(exec->reply, "ERR EXEC without MULTI");
        return false;
    }
    if (transaction->is_aborted) {
        reply_error(exec->reply, "EXECABORT Transaction discarded because of previous errors.");
        return false;
    }
    if (watcher_has_missed(&transaction->watcher, exec->now_ms)) {
        reply_null_array(exec->reply);
        return false;
    }
    if (must_wait(exec, transaction)) {
        return false;
    }
    transaction->has_run = true;
    reply_array(exec->reply, transaction->count);
    return true;
}

uint32_t transaction_count(const struct exec *exec)
{
    return exec->call->transaction->count;
}

void transaction_run_command(struct exec *exec, uint32_t number, uint8_t protocol, struct buffer *replies)
{
    const struct queued_command *command = &exec->call->transaction->commands[number];
    struct reply reply;
    replies->len = 0;
    reply_begin(&reply, replies, protocol);
    if (UNLIKELY(command->refusal != NULL)) {
        reply_error(&reply, command->refusal);
        call_count_error(exec->thread, &reply);
        stat_add(&exec->thread->command_stats[command->spec->index].rejected, 1);
    } else {
        exec_run_inside(exec, command->words, command->word_count, &reply);
    }
    reply_raw(exec->reply, buffer_bytes(reply.out));
    exec->reply->is_broken |= reply.is_broken;
    buffer_release(&reply.own);
}
