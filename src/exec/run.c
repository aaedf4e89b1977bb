/* run.c - see run.h.  */
#include "exec/run.h"

#include "base/clock.h"
#include "base/slot.h"
#include "exec/block.h"
#include "exec/block_serve.h"
#include "exec/chain.h"
#include "exec/command_keys.h"
#include "exec/finish.h"
#include "exec/paused.h"
#include "exec/pending.h"
#include "exec/pin.h"
#include "exec/route.h"
#include "exec/scratch.h"
#include "exec/tracked.h"
#include "exec/transaction.h"
#include "exec/transaction_route.h"
#include "exec/waiting.h"
#include "shard/access_clock.h"
#include "shard/evict.h"
#include "shard/inbox.h"
#include "shard/message.h"

#include <assert.h>

enum {
    CHAIN_WAIT_US = 12, /* for a baton, before a chain is handed over */
    RUN_PREFETCH = 16,  /* calls whose memory is asked for ahead */
};

#define ERROR_OOM "OOM command not allowed when used memory > 'maxmemory'."

/* --- one call --- */

/* The handler has returned, and the call is not done. */
static void go_on_later(struct exec *exec, struct call *call, uint64_t ticks)
{
    assert(exec->effects == EFFECTS_NONE); /* what is run again, or goes on as a job, has changed nothing yet */
    assert((exec->job != NULL) + exec->must_wait + (exec->elsewhere != NULL) == 1);
    reply_rewind(exec->reply);
    buffer_release(&exec->reply->own);
    call->ticks += ticks;
    call->ends_connection = false;
    if (exec->job != NULL) {
        call_enter(call, CALL_STARTED);
        call->job = exec->job;
    } else if (exec->elsewhere != NULL) {
        call_enter(call, exec->block_state == BLOCK_BLOCKED ? CALL_BLOCKED : CALL_ABROAD);
        call->elsewhere = exec->elsewhere;
    } else {
        call_enter(call, CALL_WAITING);
    }
}

/* The handler has returned: done, or what else it asked for. */
static inline void call_conclude(struct thread *thread, struct exec *exec, struct call *call, uint64_t ticks)
{
    if (LIKELY(exec->job == NULL && !exec->must_wait && exec->elsewhere == NULL)) {
        call_finish(thread, call, exec->reply, ticks);
    } else {
        go_on_later(exec, call, ticks);
    }
}

/* --- a batch --- */

static inline const struct call *call_after(const struct batch *batch, const struct call *call)
{
    /* A chain's positions are short: what it has on this shard next may be in later ones. */
    return LIKELY(batch->chain == NULL) ? call->next : chain_call_after_on_shard(batch->chain, call);
}

/* Inlined by force: to gcc a function that only prefetches has no effect, and it drops calls of it. */
__attribute__((always_inline)) static inline void batch_prefetch(const struct batch *batch, const struct call *call,
                                                                 unsigned count)
{
    const struct shard *shard = batch->shard;
    const struct call *at = call;
    for (unsigned i = 0; i < count && at != NULL; i++, at = call_after(batch, at)) {
        if (at->first_key_hash != 0) {
            keyspace_prefetch_bucket(&shard->databases[at->db], at->first_key_hash);
        }
    }
    at = call;
    for (unsigned i = 0; i < count && at != NULL; i++, at = call_after(batch, at)) {
        if (at->first_key_hash != 0) {
            keyspace_prefetch_entry(&shard->databases[at->db], at->first_key_hash);
        }
    }
}

/* What keeps this call from running now, or CALL_READY. */
static enum call_state call_obstacle(struct thread *thread, const struct shard *shard, const struct call *call)
{
    const struct window *window = call->window;
    if (UNLIKELY(window_is_cut(window, shard->number))) {
        return CALL_DEFERRED;
    }
    const size_t unsent = atomic_load_explicit(&window->reply_bytes, memory_order_relaxed);
    if (UNLIKELY(pending_is_full(thread, unsent)) &&
        ((call->spec->flags & COMMAND_WRITE) == 0 || unsent > OUTPUT_WRITES_MAX)) {
        return CALL_DEFERRED;
    }
    if (UNLIKELY(call->is_routed && call->route_version != server_route_version(thread->server))) {
        return CALL_REROUTE;
    }
    return CALL_READY;
}

/* It has been served, or does not wait any more. Under the baton of its ticket's shard. */
static void leave_queue(struct thread *thread, struct call *call)
{
    if (UNLIKELY(call->ticket != NULL)) {
        ticket_leave(call->ticket, thread);
        call->ticket = NULL;
    }
}

static bool call_may_change(const struct call *call)
{
    const uint32_t flags = call->transaction == NULL ? call->spec->flags : call->transaction->flags;
    return (flags & COMMAND_WRITE) != 0 || call->spec->scope == SCOPE_SCRIPT;
}

/* Nothing bounds what a call may add. */
static inline bool has_room(const struct thread *thread)
{
    const struct server *server = thread->server;
    return atomic_load_explicit(&server->logged.behind, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&server->config->maxmemory, memory_order_relaxed) == 0;
}

/* Room is made for a call that may need memory. EVICT_REFUSED: it is answered. `only`: see evict_before_call. */
static enum evict_verdict call_make_room(struct thread *thread, struct call *call, struct shard *only, struct buffer *replies)
{
    if (UNLIKELY(atomic_load_explicit(&thread->server->logged.behind, memory_order_relaxed) > 0) && call_may_change(call)) {
        return EVICT_LATER; /* the disk is slower than what comes in */
    }
    if (LIKELY(atomic_load_explicit(&thread->server->config->maxmemory, memory_order_relaxed) == 0)) {
        return EVICT_FITS;
    }
    evict_for_buffers(thread);
    const bool is_script = call->spec->scope == SCOPE_SCRIPT; /* it is told, and runs */
    const uint32_t flags = call->transaction == NULL ? call->spec->flags : call->transaction->flags;
    if ((flags & COMMAND_DENYOOM) == 0 && !is_script) {
        return EVICT_FITS;
    }
    const enum evict_verdict verdict = evict_before_call(thread, only, call->argv, call->argc);
    if (UNLIKELY(verdict == EVICT_REFUSED && !is_script)) {
        struct reply reply;
        leave_queue(thread, call);
        reply_begin(&reply, replies, call->protocol);
        reply_error(&reply, call->transaction == NULL ? ERROR_OOM : "EXECABORT Transaction discarded because of: " ERROR_OOM);
        call_finish_refused(thread, call, &reply);
        stat_add(&thread->command_stats[call->spec->index].rejected, 1);
    }
    return verdict;
}

/* --- calls that wait --- */

/* It waits as `exec` says, under the batons that its handler had. False: no memory for that, which was replied. */
static bool join_queue(struct exec *exec, struct call *call, struct thread *home)
{
    call->ticket = ticket_wait(exec, call->ticket, home, home->executor->session_is_due, call->window->session);
    if (call->ticket != NULL) {
        return true;
    }
    exec->must_wait = false;
    reply_rewind(exec->reply);
    reply_error(exec->reply, "ERR out of memory");
    return false;
}

/* Its connection has a cache, or it waits, or is blocked. */
__attribute__((noinline)) static void settle_seldom(struct exec *exec, struct call *call, struct thread *home)
{
    if (call->tracked != 0) {
        tracked_end(exec);
    }
    if (exec->must_wait) {
        (void)join_queue(exec, call, home);
        return;
    }
    leave_queue(exec->thread, call);
    if (UNLIKELY(exec->elsewhere != NULL)) {
        block_set_home(exec, home);
    }
}

/* The handler has returned, and the batons are still held. */
static void settle(struct exec *exec, struct call *call, struct thread *home)
{
    if (UNLIKELY((exec->must_wait | exec->block_state | call->tracked) != 0)) {
        settle_seldom(exec, call, home);
    } else {
        leave_queue(exec->thread, call);
    }
}

static bool is_untold(const struct call *call)
{
    return call->ticket != NULL && !ticket_is_told(call->ticket);
}

/* It does not run now, nor does what is behind it. Whoever has waited and cannot run for another reason loses its place. */
static void hold_back(struct thread *thread, struct call *call, enum call_state why, const struct shard *shard)
{
    assert(why == CALL_DEFERRED || why == CALL_WAITING || why == CALL_REROUTE);
    if (why != CALL_WAITING && !is_untold(call)) {
        leave_queue(thread, call);
    }
    call_enter(call, why);
    window_cut(call->window, shard->number);
}

/* The call waits, on or from now on; or it was answered, since there is no memory to wait. */
static void wait_in_batch(struct exec *exec, struct call *call, const struct batch *batch)
{
    if (join_queue(exec, call, batch->home)) {
        hold_back(exec->thread, call, CALL_WAITING, batch->shard);
    } else {
        call_finish_refused(exec->thread, call, exec->reply);
    }
}

/* A script has run long there, and the call (WATCH) may be answered in its middle. */
static bool may_run_beside(const struct shard *shard, const struct call *call)
{
    return shard->script == SHARD_SCRIPT_IS_BUSY && (call->spec->flags & COMMAND_ALLOW_BUSY) != 0;
}

/* A script has run so long on the shard that this is the call's answer. Its ticket was told, if it has one. */
static bool refuse_busy(struct thread *thread, const struct shard *shard, struct call *call, struct reply *reply)
{
    if (shard->script != SHARD_SCRIPT_IS_BUSY || (call->spec->flags & COMMAND_ALLOW_BUSY) != 0) {
        return false;
    }
    leave_queue(thread, call);
    reply_error(reply, ERROR_BUSY);
    call_finish_refused(thread, call, reply);
    stat_add(&thread->command_stats[call->spec->index].rejected, 1);
    return true;
}

/* What somebody has pinned or waits for, this call may not write now. True: it waits. */
static bool waits_for_others(struct exec *exec, struct call *call, const struct batch *batch)
{
    if (is_untold(call)) {
        hold_back(exec->thread, call, CALL_WAITING, batch->shard);
        return true;
    }
    if (UNLIKELY(batch->shard->script != SHARD_NO_SCRIPT)) {
        if (!refuse_busy(exec->thread, batch->shard, call, exec->reply)) {
            exec_wait_for(exec, batch->shard, WAIT_LOCKS, 0, WAIT_WITH_READERS);
            wait_in_batch(exec, call, batch);
        }
        return true;
    }
    if (exec_waits_for_pins(exec)) {
        wait_in_batch(exec, call, batch);
        return true;
    }
    return false;
}

/* The shard is not quiet, or the call's connection has a cache. False: it waits. */
static bool may_run(struct exec *exec, struct call *call, const struct batch *batch)
{
    if (waits_for_others(exec, call, batch)) {
        return false;
    }
    if (call->tracked != 0) {
        tracked_begin(exec, call);
    }
    return true;
}

/* Memory for the call is not there yet. True: it waits, or was refused. */
static bool waits_for_memory(struct exec *exec, struct call *call, struct batch *batch)
{
    if (LIKELY(has_room(exec->thread))) {
        return false;
    }
    const enum evict_verdict verdict = call_make_room(exec->thread, call, batch->shard, &batch->replies);
    if (LIKELY(verdict == EVICT_FITS)) {
        return false;
    }
    if (call->tracked != 0) {
        tracked_break_off(exec);
    }
    if (verdict == EVICT_LATER) {
        exec_wait_for(exec, batch->shard, WAIT_MEMORY, 0, WAIT_WITH_WRITERS);
        wait_in_batch(exec, call, batch);
    }
    return true;
}

/* Something has changed, and the command is done. */
static void report_and_serve(struct exec *exec, struct shard *shard)
{
    baton_assert_held(&shard->baton);
    if (exec->effects == EFFECTS_OWED) {
        exec_report_words(exec);
    }
    call_take_mark(exec->thread, exec->call);
    block_serve(exec->thread, shard);
}

static void batch_run(struct thread *thread, struct batch *batch) REQUIRES(batch->shard->baton)
{
    struct shard *shard = batch->shard;
    struct exec exec;
    struct reply reply;
    unsigned ahead = batch->chain == NULL ? 0 : batch->chain->prefetched[shard->number];
    uint64_t before = clock_ticks();
    uint64_t count = 0;
    shard_note_access(thread, batch->shard);
    logged_begin(&thread->logged);
    for (struct call *call = batch->first; call != NULL; call = call->next) {
        if (ahead == 0) {
            batch_prefetch(batch, call, RUN_PREFETCH);
            ahead = RUN_PREFETCH;
        }
        ahead--;
        count++;
        enum call_state obstacle = call_obstacle(thread, shard, call);
        if (UNLIKELY(obstacle != CALL_READY)) {
            hold_back(thread, call, obstacle, shard);
            continue;
        }
        reply_begin(&reply, &batch->replies, call->protocol);
        exec_prepare(&exec, thread, call, &reply);
        exec.shard = shard;
        const bool is_quiet = LIKELY((shard->pinned_count | shard->lock_count | shard->guard_count | call->tracked) == 0 && !waits_any(&shard->waits));
        if (!is_quiet && !may_run(&exec, call, batch)) {
            continue;
        }
        if (UNLIKELY(waits_for_memory(&exec, call, batch))) {
            before = clock_ticks();
            continue;
        }
        call->spec->run(&exec);
        settle(&exec, call, batch->home);
        if (UNLIKELY(exec.effects != EFFECTS_NONE)) {
            report_and_serve(&exec, shard);
        }
        call_take_mark(thread, call); /* rows and lost keys are not the command's own effects */
        uint64_t after = clock_ticks();
        call_conclude(thread, &exec, call, after - before);
        before = after;
        if (UNLIKELY(call->state != CALL_DONE)) {
            window_cut(call->window, shard->number);
        }
    }
    if (batch->chain != NULL) {
        batch->chain->prefetched[shard->number] = (uint8_t)ahead;
    }
    stat_add(&shard->calls, count);
    scratch_reset(thread->executor);
}

/* --- here or elsewhere --- */

static struct batch *batch_of_item(struct inbox_item *item)
{
    return (struct batch *)((char *)item - offsetof(struct batch, handed));
}

static void run_handed(struct thread *thread, struct shard *shard, struct inbox_item *item)
{
    struct batch *batch = batch_of_item(item);
    assert(batch->shard == shard);
    (void)shard;
    baton_assert_held(&batch->shard->baton);
    batch_run(thread, batch);
}

/* A batch that has run goes home; a chain goes on to the shard of its next position. */
static void send_on(struct thread *thread, struct inbox_item *item)
{
    struct batch *batch = batch_of_item(item);
    if (chain_next(batch)) {
        inbox_push_on(thread, batch->shard, item);
    } else {
        message_send(thread, batch->home, &batch->message);
    }
}

/* A chain takes batons often and for a microsecond or two each: it waits a little for one before it is handed over, which costs more, and
 * passes over what is in the inbox until it gives the baton back. */
static bool try_baton(const struct thread *thread, const struct batch *batch) TRY_ACQUIRE(true, batch->shard->baton)
{
    struct shard *shard = batch->shard;
    if (batch->chain != NULL) {
        return baton_try_for(&shard->baton, (uint64_t)(CHAIN_WAIT_US * thread->server->ticks_per_us));
    }
    return inbox_is_empty(shard) && baton_try(&shard->baton);
}

/* Runs the batch at once when its shard is free. */
static bool run_in_place(struct thread *thread, struct batch *batch)
{
    if (UNLIKELY(!try_baton(thread, batch))) {
        return false;
    }
    batch_run(thread, batch);
    stat_add(&thread->stats.batches_in_place, 1);
    shard_release(thread, batch->shard);
    return true;
}

bool batch_submit(struct thread *thread, struct batch *batch)
{
    do {
        if (UNLIKELY(!run_in_place(thread, batch))) {
            stat_add(&thread->stats.batches_handed, 1);
            batch->handed.run = run_handed;
            batch->handed.ran = send_on;
            inbox_push(thread, batch->shard, &batch->handed);
            return false;
        }
    } while (chain_next(batch));
    return true;
}

/* --- exclusive calls --- */

static void note_access_of(struct thread *thread, const struct shard_set *set)
{
    for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE; i = shard_set_next(set, i + 1)) {
        struct shard *shard = &thread->server->shards[i];
        baton_assert_held(&shard->baton);
        shard_note_access(thread, shard);
    }
}

/* One of the shards has a script that is busy, and the call does not wait for it. */
static bool runs_beside_script(const struct server *server, const struct call *call, const struct shard_set *set)
{
    bool is_found = false;
    if (LIKELY((call->spec->flags & COMMAND_ALLOW_BUSY) == 0)) {
        return false;
    }
    for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE && !is_found; i = shard_set_next(set, i + 1)) {
        is_found = may_run_beside(&server->shards[i], call);
    }
    return is_found;
}

/* The batons of `set` are held; they are given up when the handler has returned. */
static void run_with_batons(struct thread *thread, struct call *call, const struct shard_set *set, bool is_out_of_memory, struct buffer *replies)
{
    struct exec exec;
    struct reply reply;
    reply_begin(&reply, replies, call->protocol);
    exec_prepare(&exec, thread, call, &reply);
    if (call->spec->scope != SCOPE_KEYS) {
        exec.session = call->window->session;
    }
    exec.is_out_of_memory = is_out_of_memory;
    note_access_of(thread, set);
    logged_begin(&thread->logged);
    uint64_t before = clock_ticks();
    if (UNLIKELY(call->tracked != 0)) {
        tracked_begin(&exec, call);
    }
    if (shard_set_is_empty(set) || runs_beside_script(thread->server, call, set) || LIKELY(!exec_waits_for_pins(&exec))) {
        call->spec->run(&exec);
    }
    if (UNLIKELY(call->spec->scope == SCOPE_TRANSACTION)) {
        tracked_break_off(&exec); /* a command in it may have begun a cache */
    }
    if (UNLIKELY(exec.effects == EFFECTS_OWED)) {
        exec_report_words(&exec);
    }
    settle(&exec, call, thread);
    call_take_mark(thread, call);
    uint64_t ticks = clock_ticks() - before;
    block_serve_set(thread, set);
    shards_release_set(thread, set);
    scratch_reset(thread->executor);
    call_conclude(thread, &exec, call, ticks);
}

/* The only shard of the set, or NULL. */
static struct shard *only_shard(struct server *server, const struct shard_set *set)
{
    const uint32_t first = shard_set_next(set, 0);
    return first != SHARD_NONE && shard_set_next(set, first + 1) == SHARD_NONE ? &server->shards[first] : NULL;
}

/* Waits in the first shard of the set, whose batons are held; in the thread's own if it is empty. */
static void wait_for_memory_exclusive(struct thread *thread, struct call *call, struct shard_set *set, struct buffer *replies)
{
    struct exec exec;
    struct reply reply;
    if (shard_set_is_empty(set)) {
        shard_set_add(set, thread->number);
        shards_take_set(thread, set);
    }
    reply_begin(&reply, replies, call->protocol);
    exec_prepare(&exec, thread, call, &reply);
    exec_wait_for(&exec, &thread->server->shards[shard_set_next(set, 0)], WAIT_MEMORY, 0, WAIT_WITH_WRITERS);
    if (join_queue(&exec, call, thread)) {
        call_enter(call, CALL_WAITING);
    } else {
        call_finish_refused(thread, call, &reply);
    }
}

/* It may pause in its middle: paused.h. */
static void run_pausable(struct thread *thread, struct call *call, const struct shard_set *set, bool is_out_of_memory, struct buffer *replies)
{
    struct paused *paused = paused_open(thread);
    if (paused == NULL) {
        run_with_batons(thread, call, set, is_out_of_memory, replies);
        return;
    }
    struct exec *exec = paused_prepare(paused, thread, call);
    exec->session = call->window->session;
    exec->is_out_of_memory = is_out_of_memory;
    note_access_of(thread, set);
    logged_begin(&thread->logged);
    const uint64_t before = clock_ticks();
    if (UNLIKELY(call->tracked != 0)) {
        tracked_begin(exec, call);
    }
    const bool has_returned = paused_run(paused, thread, set, call);
    const uint64_t ticks = clock_ticks() - before;
    settle(exec, call, thread);
    call_take_mark(thread, call);
    if (LIKELY(has_returned)) {
        block_serve_set(thread, set);
    }
    shards_release_set(thread, set);
    scratch_reset(thread->executor);
    if (UNLIKELY(!has_returned)) {
        call->ticks += ticks;
        call_enter(call, CALL_STARTED);
        return;
    }
    struct reply reply;
    reply_begin(&reply, replies, call->protocol);
    paused_give_reply(paused, &reply);
    exec->reply = &reply;
    call_conclude(thread, exec, call, ticks);
    paused_close(thread, paused);
}

/* A script that goes on in steps has one of the shards. True: the call waits, or was answered BUSY; the batons are still held. */
static bool meets_script(struct thread *thread, struct call *call, const struct shard_set *set, struct buffer *replies)
{
    struct shard *found = NULL;
    for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE && found == NULL; i = shard_set_next(set, i + 1)) {
        struct shard *shard = &thread->server->shards[i];
        found = shard->script != SHARD_NO_SCRIPT && !may_run_beside(shard, call) ? shard : NULL;
    }
    if (LIKELY(found == NULL)) {
        return false;
    }
    struct exec exec;
    struct reply reply;
    reply_begin(&reply, replies, call->protocol);
    exec_prepare(&exec, thread, call, &reply);
    if (is_untold(call) || refuse_busy(thread, found, call, &reply)) {
        return true;
    }
    exec_wait_for(&exec, found, WAIT_LOCKS, 0, WAIT_WITH_READERS);
    if (join_queue(&exec, call, thread)) {
        call_enter(call, CALL_WAITING);
    } else {
        call_finish_refused(thread, call, &reply);
    }
    return true;
}

/* KEYS and its like read all shards in steps: while a script has some they look at all first. */
static bool looks_at_all(const struct server *server, const struct call *call)
{
    return UNLIKELY(atomic_load_explicit(&server->paused_scripts, memory_order_relaxed) > 0) &&
           (call->spec->flags & (COMMAND_READONLY | COMMAND_WRITE)) != 0;
}

/* What the call needs by its scope. */
static struct shard_set exclusive_shards(const struct server *server, const struct call *call)
{
    switch ((enum command_scope)call->spec->scope) {
    case SCOPE_ALL:
    case SCOPE_ROUTED:
        return shard_set_of_first(server->shard_count);
    case SCOPE_TRANSACTION:
        return transaction_shards(server, call->transaction);
    case SCOPE_SESSION_KEYS:
        return call_key_shards(server, call);
    case SCOPE_KEYS:
        /* By a job with all batons: none of its keys is looked at now. */
        return words_lock_keys(call->spec, call->argc) ? shard_set_of_first(server->shard_count) : call_key_shards(server, call);
    case SCOPE_SCRIPT:
        return call->spec->needs_all(server, call->argv, call->argc) ? shard_set_of_first(server->shard_count) : call_key_shards(server, call);
    case SCOPE_SESSION:
        if (looks_at_all(server, call)) {
            return shard_set_of_first(server->shard_count);
        }
        break;
    case SCOPE_INSTANT:
        break;
    }
    return (struct shard_set){0};
}

void call_run_exclusive(struct thread *thread, struct call *call, struct buffer *replies)
{
    struct server *server = thread->server;
    struct shard_set set = exclusive_shards(server, call);
    if (UNLIKELY(call->ticket != NULL)) {
        shard_set_add(&set, call->ticket->shard->number); /* where it stands in a queue: what it needs may be another now */
    }
    if (!shard_set_is_empty(&set)) {
        shards_take_set(thread, &set);
        stat_add(&thread->stats.steps_all, 1);
    }
    if (UNLIKELY(meets_script(thread, call, &set, replies))) {
        shards_release_set(thread, &set);
        return;
    }
    const enum evict_verdict verdict = call_make_room(thread, call, only_shard(server, &set), replies);
    const bool is_out_of_memory = verdict == EVICT_REFUSED && call->spec->scope == SCOPE_SCRIPT;
    if (UNLIKELY(verdict != EVICT_FITS && !is_out_of_memory)) {
        if (verdict == EVICT_LATER) {
            wait_for_memory_exclusive(thread, call, &set, replies);
        }
        shards_release_set(thread, &set);
        return;
    }
    if (UNLIKELY(call_may_pause(call))) {
        run_pausable(thread, call, &set, is_out_of_memory, replies);
    } else {
        run_with_batons(thread, call, &set, is_out_of_memory, replies);
    }
}
