/* run.c - commands run here, under the baton of their shard.
 *
 * A batch whose shard is free and has no mail runs at once, on the thread that made it. Otherwise it goes into the shard's
 * inbox; then the baton is tried once more, because its holder may just have looked. Whoever releases a baton drains the
 * inbox before, and looks once more after: so a batch in an inbox is always seen by a holder (the exchange in baton_release and
 * the one in baton_try order the look against the push).
 *
 * Threads    Any shard thread, for any shard.
 * Invariant  Batches of one thread run in the order of their pushes.
 * Read on    docs/ARCHITECTURE.md, "The baton".  */
#include "base/clock.h"
#include "base/slot.h"
#include "exec/command_keys.h"
#include "shard/thread_private.h"

#include <assert.h>

/* --- one call --- */

void exec_prepare(struct exec *exec, struct thread *thread, const struct call *call, struct reply *reply)
{
    exec->server = thread->server;
    exec->thread = thread;
    exec->shard = NULL;
    exec->session = NULL;
    exec->spec = call->spec;
    exec->argv = call->argv;
    exec->argc = call->argc;
    exec->db = call->db;
    exec->first_key_hash = call->first_key_hash;
    exec->routed = call->routed;
    exec->routed_number = call->routed_number;
    exec->reply = reply;
    exec->now_ms = thread->now_ms;
    exec->job = NULL;
    exec->must_wait = false;
    exec->must_close = false;
    exec->is_no_touch = call->is_no_touch;
    exec->visit = NULL;
    exec->is_spread = call->is_alone && call->spec->scope == SCOPE_KEYS;
    exec->effects = EFFECTS_NONE;
    exec->unit = 0;
}

/* All of its runs and steps together. */
static void count_call(struct thread *thread, const struct call *call)
{
    struct command_stats *stats = &thread->command_stats[call->spec->index];
    stat_add(&stats->calls, 1);
    stat_add(&stats->ticks, call->ticks);
    uint32_t *bucket = &stats->latency[command_latency_bucket((uint64_t)((double)call->ticks * thread->ns_per_tick))];
    __atomic_store_n(bucket, __atomic_load_n(bucket, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
    stat_add(&thread->stats.commands_processed, 1);
    if (UNLIKELY(call->is_error)) {
        stat_add(&stats->failed, 1);
    }
}

static void count_error(struct thread *thread, const struct reply *reply)
{
    bool is_own = reply->out == &reply->own;
    const char *text = reply->out->data + (is_own ? 0 : reply->start);
    stat_add(&thread->stats.error_replies, 1);
    error_stats_note(&thread->error_stats, (struct bytes){text, reply_len(reply)});
}

/* The reply is complete: the call is done. */
void call_finish(struct thread *thread, struct call *call, struct reply *reply, uint64_t ticks)
{
    if (LIKELY(reply->out != &reply->own)) {
        call->replies = reply->out;
        call->reply_start = reply->start;
        call->reply_len = reply->out->len - reply->start;
    } else {
        call->own = reply->own;
        call->reply_len = call->own.len;
    }
    call->is_broken = reply->is_broken;
    call->is_error = reply->is_error;
    call->ticks += ticks;
    call->state = CALL_DONE;
    if (UNLIKELY(call->reply_len >= CHUNK_SMALL_BYTES)) {
        atomic_fetch_add_explicit(&call->window->reply_bytes, call->reply_len, memory_order_relaxed);
    }
    if (UNLIKELY(reply->is_error)) {
        count_error(thread, reply);
    }
    count_call(thread, call);
}

/* The handler has returned: done, or what else it asked for. */
static void call_conclude(struct thread *thread, struct exec *exec, struct call *call, uint64_t ticks)
{
    if (LIKELY(exec->job == NULL && !exec->must_wait && exec->visit == NULL)) {
        call->must_close = exec->must_close;
        call_finish(thread, call, exec->reply, ticks);
        return;
    }
    assert(exec->job == NULL || !exec->must_wait);
    assert(exec->effects == EFFECTS_NONE); /* what is run again, or goes on as a job, has changed nothing yet */
    reply_rewind(exec->reply);
    buffer_release(&exec->reply->own);
    call->ticks += ticks;
    call->job = exec->job;
    call->state = exec->must_wait ? CALL_WAITING : CALL_BUSY;
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
    uint64_t cut = atomic_load_explicit(&window->cut_shards, memory_order_relaxed);
    if (UNLIKELY((cut >> shard->number & 1) != 0)) {
        return CALL_DEFERRED;
    }
    const size_t unsent = atomic_load_explicit(&window->reply_bytes, memory_order_relaxed);
    if (UNLIKELY(thread_output_is_full(thread, unsent)) &&
        ((call->spec->flags & COMMAND_WRITE) == 0 || unsent > OUTPUT_WRITES_MAX)) {
        return CALL_DEFERRED;
    }
    if (UNLIKELY(call->is_routed && call->route_version != server_route_version(thread->server))) {
        return CALL_REROUTE;
    }
    return CALL_READY;
}

/* Room is made for a call that may need memory. EVICT_REFUSED: it is answered. */
static enum evict_verdict call_make_room(struct thread *thread, struct call *call, uint64_t held, struct buffer *replies)
{
    evict_for_buffers(thread, held);
    if ((call->spec->flags & COMMAND_DENYOOM) == 0) {
        return EVICT_FITS;
    }
    const enum evict_verdict verdict = evict_before_call(thread, call, held);
    if (UNLIKELY(verdict == EVICT_REFUSED)) {
        struct reply reply;
        reply_begin(&reply, replies, call->protocol);
        reply_error(&reply, "OOM command not allowed when used memory > 'maxmemory'.");
        call_finish_refused(thread, call, &reply);
        stat_add(&thread->command_stats[call->spec->index].rejected, 1);
    }
    return verdict;
}

/* From here on the window's calls on this shard wait: a command never passes an earlier one of its connection. In strict order
 * those on other shards wait, too. */
static void window_cut(struct window *window, const struct shard *shard)
{
    const uint64_t cut = window->is_spread ? ~UINT64_C(0) : UINT64_C(1) << shard->number;
    atomic_fetch_or_explicit(&window->cut_shards, cut, memory_order_relaxed);
}

static void batch_run(struct thread *thread, struct batch *batch) REQUIRES(batch->shard->baton)
{
    struct shard *shard = batch->shard;
    struct exec exec;
    struct reply reply;
    unsigned ahead = batch->chain == NULL ? 0 : batch->chain->prefetched[shard->number];
    uint64_t before = clock_ticks();
    uint64_t count = 0;
    shard_note_access(thread, shard);
    for (struct call *call = batch->first; call != NULL; call = call->next) {
        if (ahead == 0) {
            batch_prefetch(batch, call, RUN_PREFETCH);
            ahead = RUN_PREFETCH;
        }
        ahead--;
        count++;
        enum call_state obstacle = call_obstacle(thread, shard, call);
        if (UNLIKELY(obstacle != CALL_READY)) {
            call->state = (uint8_t)obstacle;
            window_cut(call->window, shard);
            continue;
        }
        if (UNLIKELY(shard->pinned_count > 0) && call_waits_for_pin(thread->server, call)) {
            call->state = CALL_WAITING;
            window_cut(call->window, shard);
            continue;
        }
        const enum evict_verdict verdict = call_make_room(thread, call, UINT64_C(1) << shard->number, &batch->replies);
        if (UNLIKELY(verdict != EVICT_FITS)) {
            if (verdict == EVICT_LATER) {
                call->state = CALL_WAITING;
                window_cut(call->window, shard);
            }
            before = clock_ticks();
            continue;
        }
        reply_begin(&reply, &batch->replies, call->protocol);
        exec_prepare(&exec, thread, call, &reply);
        exec.shard = shard;
        call->spec->run(&exec);
        if (UNLIKELY(exec.effects == EFFECTS_OWED)) {
            exec_report_words(&exec);
        }
        uint64_t after = clock_ticks();
        call_conclude(thread, &exec, call, after - before);
        before = after;
        if (UNLIKELY(call->state != CALL_DONE)) {
            window_cut(call->window, shard);
        }
    }
    if (batch->chain != NULL) {
        batch->chain->prefetched[shard->number] = (uint8_t)ahead;
    }
    stat_add(&shard->calls, count);
    scratch_reset(thread);
}

/* --- the baton and the inbox --- */

bool shard_has_mail(struct shard *shard)
{
    return !link_is_empty(&shard_inbox(shard)->batches);
}

void shard_take(struct shard *shard)
{
    baton_take(&shard->baton);
}

static struct batch *batch_of_link(struct link *link)
{
    return (struct batch *)((char *)link - offsetof(struct batch, inbox_link));
}

/* Runs what waits; the batches that ran are chained in *ran, to be sent back when the baton is free. */
static unsigned inbox_drain(struct thread *thread, struct shard *shard, struct batch **ran) REQUIRES(shard->baton)
{
    unsigned count = 0;
    struct link *next;
    for (struct link *link = link_take_all(&shard_inbox(shard)->batches); link != NULL; link = next) {
        next = link->next;
        struct batch *batch = batch_of_link(link);
        baton_assert_held(&batch->shard->baton);
        batch_run(thread, batch);
        batch->inbox_link.next = *ran == NULL ? NULL : &(*ran)->inbox_link;
        *ran = batch;
        count++;
    }
    stat_add(&thread->stats.batches_combined, count);
    return count;
}

/* Batches that have run go home; chains go on to the shard of their next position. */
static void send_on(struct thread *thread, struct batch *ran)
{
    while (ran != NULL) {
        struct batch *next = ran->inbox_link.next == NULL ? NULL : batch_of_link(ran->inbox_link.next);
        if (chain_next(ran)) {
            thread->travelling |= UINT64_C(1) << ran->shard->number;
            link_push(&shard_inbox(ran->shard)->batches, &ran->inbox_link);
        } else {
            mail_send(thread, ran->home, &ran->mail);
        }
        ran = next;
    }
}

/* Drains, releases, and looks once more: see the head. */
static void release_one(struct thread *thread, struct shard *shard) NO_THREAD_SAFETY_ANALYSIS
{
    struct batch *ran = NULL;
    unsigned drained = 0;
    for (;;) {
        if (shard_has_mail(shard)) {
            drained += inbox_drain(thread, shard, &ran);
        }
        baton_release(&shard->baton);
        if (LIKELY(!shard_has_mail(shard))) {
            break;
        }
        if (drained >= INBOX_DRAIN_MAX) {
            thread_wake(thread, server_thread(thread->server, shard->number));
            break;
        }
        if (!baton_try(&shard->baton)) {
            break;
        }
    }
    if (UNLIKELY(ran != NULL)) {
        send_on(thread, ran);
    }
}

/* Whoever has pushed a chain looks whether its shard is free, as for a batch of its own. */
static void chains_travel(struct thread *thread) NO_THREAD_SAFETY_ANALYSIS
{
    while (thread->travelling != 0) {
        struct shard *shard = &thread->server->shards[__builtin_ctzll(thread->travelling)];
        thread->travelling &= thread->travelling - 1;
        if (shard_has_mail(shard) && baton_try(&shard->baton)) {
            release_one(thread, shard);
        }
    }
}

void shard_release(struct thread *thread, struct shard *shard) NO_THREAD_SAFETY_ANALYSIS
{
    release_one(thread, shard);
    if (UNLIKELY(thread->travelling != 0)) {
        chains_travel(thread);
    }
}

void shard_drain_own(struct thread *thread) NO_THREAD_SAFETY_ANALYSIS
{
    if (shard_has_mail(thread->shard) && baton_try(&thread->shard->baton)) {
        shard_release(thread, thread->shard);
    }
}

/* Runs the batch at once when its shard is free. A chain takes batons often and for a microsecond or two each: it waits a little for
 * one before it is handed over, which costs more, and passes over what is in the inbox until it gives the baton back. */
static bool run_in_place(struct thread *thread, struct batch *batch) NO_THREAD_SAFETY_ANALYSIS
{
    struct shard *shard = batch->shard;
    const uint64_t wait_ticks = (uint64_t)(CHAIN_WAIT_US * thread->server->ticks_per_us);
    const bool is_free = batch->chain != NULL ? baton_try_for(&shard->baton, wait_ticks)
                                              : !shard_has_mail(shard) && baton_try(&shard->baton);
    if (UNLIKELY(!is_free)) {
        return false;
    }
    batch_run(thread, batch);
    stat_add(&thread->stats.batches_in_place, 1);
    shard_release(thread, shard);
    return true;
}

bool batch_submit(struct thread *thread, struct batch *batch) NO_THREAD_SAFETY_ANALYSIS
{
    do {
        if (UNLIKELY(!run_in_place(thread, batch))) {
            struct shard *shard = batch->shard;
            stat_add(&thread->stats.batches_handed, 1);
            link_push(&shard_inbox(shard)->batches, &batch->inbox_link);
            if (baton_try(&shard->baton)) {
                shard_release(thread, shard);
            }
            return false;
        }
    } while (chain_next(batch));
    return true;
}

/* --- several batons --- */

uint64_t shards_all(const struct server *server)
{
    return server->shard_count == 64 ? ~UINT64_C(0) : (UINT64_C(1) << server->shard_count) - 1;
}

void shards_release_set(struct thread *thread, uint64_t set) NO_THREAD_SAFETY_ANALYSIS
{
    for (; set != 0; set &= set - 1) {
        release_one(thread, &thread->server->shards[__builtin_ctzll(set)]);
    }
    chains_travel(thread);
}

void shards_take_set(struct thread *thread, uint64_t set) NO_THREAD_SAFETY_ANALYSIS
{
    struct shard *shards = thread->server->shards;
    uint64_t held = 0;
    for (uint64_t left = set; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        if (!baton_try(&shards[i].baton)) {
            break;
        }
        held |= 1ull << i;
    }
    if (LIKELY(held == set)) {
        return;
    }
    stat_add(&thread->stats.batches_waited, 1);
    shards_release_set(thread, held);
    for (uint64_t left = set; left != 0; left &= left - 1) {
        baton_take(&shards[__builtin_ctzll(left)].baton);
    }
}

/* --- commands that run alone --- */

/* The shards of a command's keys, as a bit set. */
static uint64_t call_shards(const struct server *server, const struct call *call)
{
    uint64_t set = 0;
    struct key_walk walk;
    uint32_t index;
    key_walk_begin(&walk, call->spec, call->argv, call->argc);
    while (key_walk_next(&walk, &index)) {
        set |= 1ull << slot_to_shard(slot_of_key(call->argv[index]), server->shard_count);
    }
    return set;
}

/* The batons of `set` are held; they are given up when the handler has returned. */
static void run_with_batons(struct thread *thread, struct call *call, uint64_t set, struct buffer *replies)
{
    struct exec exec;
    struct reply reply;
    reply_begin(&reply, replies, call->protocol);
    exec_prepare(&exec, thread, call, &reply);
    if (call->spec->scope != SCOPE_KEYS) {
        exec.session = &call->window->connection->session;
    }
    for (uint64_t left = set; left != 0; left &= left - 1) {
        shard_note_access(thread, &thread->server->shards[__builtin_ctzll(left)]);
    }
    uint64_t before = clock_ticks();
    if (set != 0 && UNLIKELY(call_waits_for_pin(thread->server, call))) {
        exec.must_wait = true;
    } else {
        call->spec->run(&exec);
    }
    if (UNLIKELY(exec.effects == EFFECTS_OWED)) {
        exec_report_words(&exec);
    }
    uint64_t ticks = clock_ticks() - before;
    shards_release_set(thread, set);
    scratch_reset(thread);
    call_conclude(thread, &exec, call, ticks);
}

void call_run_alone(struct thread *thread, struct call *call, struct buffer *replies)
{
    struct server *server = thread->server;
    uint64_t set = 0;
    if (call->spec->scope == SCOPE_ALL || call->spec->scope == SCOPE_ROUTED) {
        set = shards_all(server);
    } else if (call->spec->scope == SCOPE_KEYS) {
        set = call_shards(server, call);
    }
    if (set != 0) {
        shards_take_set(thread, set);
        stat_add(&thread->stats.steps_all, 1);
    }
    const enum evict_verdict verdict = call_make_room(thread, call, set, replies);
    if (UNLIKELY(verdict != EVICT_FITS)) {
        shards_release_set(thread, set);
        call->state = verdict == EVICT_LATER ? CALL_WAITING : call->state;
        return;
    }
    run_with_batons(thread, call, set, replies);
}
