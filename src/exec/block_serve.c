/* block_serve.c - see block_serve.h.  */
#include "exec/block_serve.h"

#include "base/clock.h"
#include "exec/block.h"
#include "exec/exec.h"
#include "exec/finish.h"
#include "exec/inside.h"
#include "exec/route.h"
#include "exec/scratch.h"
#include "shard/inbox.h"
#include "shard/message.h"

#include <assert.h>

enum {
    OTHER_WAIT_US = 12, /* for the baton of another shard that BLMOVE needs */
    SERVE_MAX = 1024,   /* clients of one key at a time; the shard's own thread goes on */
};

/* One round of serving. */
struct serving {
    struct shard_set held;      /* the shards whose ready queues are served, in the order in which they became ready */
    struct shard_set taken;     /* of those: the ones that were taken for a command of a client; given back at the end */
    struct blocked_queue *late; /* what could not be served */
};

enum outcome {
    OUTCOME_SERVED,
    OUTCOME_NOTHING, /* there is nothing for this client; or it is not blocked any more */
    OUTCOME_LATER,   /* it cannot be said now */
};

static bool bring_to(struct blocked *blocked, enum blocked_state from, enum blocked_state to)
{
    uint8_t state = (uint8_t)from;
    return atomic_compare_exchange_strong_explicit(&blocked->state, &state, (uint8_t)to, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* The words of the command for one key, in scratch. NULL: no memory. */
static struct bytes *words_for(struct thread *thread, const struct blocked_key *key, uint32_t *out_count)
{
    const struct blocked *blocked = key->owner;
    const uint32_t rest = blocked->has_ids ? 1 : blocked->after_count;
    *out_count = blocked->before_count + 1 + rest;
    struct bytes *words = scratch_take(thread->executor, *out_count * sizeof *words);
    if (words == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < blocked->before_count; i++) {
        words[i] = blocked->words[i];
    }
    words[blocked->before_count] = key->key.name;
    const struct bytes *after = blocked->words + blocked->before_count + (blocked->has_ids ? key - blocked->keys : 0);
    for (uint32_t i = 0; i < rest; i++) {
        words[blocked->before_count + 1 + i] = after[i];
    }
    return words;
}

/* The batons of other shards that the call needs: taken if they are free, or nearly, and kept until the round is over, since what the call
 * changes there may serve others. False: one is not free; none is taken.  */
static bool take_others(struct thread *thread, const struct call *call, struct serving *serving)
{
    struct shard_set taken = {0};
    const struct shard_set needed = call_key_shards(thread->server, call);
    bool is_free = true;
    for (uint32_t i = shard_set_next(&needed, 0); i != SHARD_NONE && is_free; i = shard_set_next(&needed, i + 1)) {
        struct baton *baton = &thread->server->shards[i].baton;
        if (baton_is_mine(baton)) {
            continue;
        }
        is_free = baton_try_for_one_of_several(baton, (uint64_t)(OTHER_WAIT_US * thread->server->ticks_per_us));
        if (is_free) {
            shard_set_add(&taken, i);
        }
    }
    if (!is_free) {
        shards_release_set(thread, &taken);
        return false;
    }
    for (uint32_t i = shard_set_next(&taken, 0); i != SHARD_NONE; i = shard_set_next(&taken, i + 1)) {
        shard_set_add(&serving->taken, i);
        shard_set_add(&serving->held, i);
    }
    return true;
}

/* Runs the command. The client is SERVING. */
static enum outcome run(struct thread *thread, struct blocked_key *key, struct call *call)
{
    struct blocked *blocked = key->owner;
    struct exec exec;
    reply_begin(&blocked->reply, &blocked->text, blocked->protocol);
    exec_prepare(&exec, thread, call, &blocked->reply);
    exec.depth = 1;
    exec.block_state = BLOCK_SERVED;
    exec.shard = call->is_exclusive ? NULL : &thread->server->shards[call->shard];
    const uint64_t step_ends_ticks = thread->executor->step_ends_ticks;
    const uint64_t before = clock_ticks();
    logged_begin(&thread->logged);
    const enum inside_outcome outcome = inside_run(&exec, call);
    logged_end_unit(&thread->logged, thread, &thread->server->logged);
    blocked->logged = thread->logged.mark;
    logged_begin(&thread->logged);
    blocked->ticks = clock_ticks() - before;
    thread->executor->step_ends_ticks = step_ends_ticks;
    if (outcome == INSIDE_RAN && exec.block_state == BLOCK_SERVED) {
        return OUTCOME_SERVED;
    }
    if (outcome == INSIDE_RAN) {
        atomic_store_explicit(&key->look_ms, exec.look_ms, memory_order_relaxed);
    }
    assert(exec.effects == EFFECTS_NONE);
    reply_rewind(&blocked->reply);
    buffer_release(&blocked->reply.own);
    return outcome == INSIDE_RAN ? OUTCOME_NOTHING : OUTCOME_LATER;
}

static enum outcome run_for_key(struct thread *thread, struct blocked_key *key, struct serving *serving)
{
    struct blocked *blocked = key->owner;
    struct call call = {.spec = blocked->spec, .db = blocked->db, .protocol = blocked->protocol, .is_no_touch = blocked->is_no_touch};
    call.argv = words_for(thread, key, &call.argc);
    if (call.argv == NULL) {
        return OUTCOME_LATER;
    }
    call_route(thread, &call);
    if (call.is_exclusive && !take_others(thread, &call, serving)) {
        return OUTCOME_LATER;
    }
    return run(thread, key, &call);
}

/* Has the key what the client waits for? */
static bool is_worth_it(const struct thread *thread, const struct blocked_key *key)
{
    const struct entry *entry = keyspace_find(&key->shard->databases[key->db], key->key, thread->now_ms);
    return key->hears_end || (entry != NULL && entry_type(entry) == (enum value_type)key->type);
}

static enum outcome serve(struct thread *thread, struct blocked_key *key, struct serving *serving)
{
    struct blocked *blocked = key->owner;
    if (!is_worth_it(thread, key)) {
        return OUTCOME_NOTHING;
    }
    if (!bring_to(blocked, BLOCKED_WAITING, BLOCKED_SERVING)) {
        const bool is_being_served = atomic_load_explicit(&blocked->state, memory_order_relaxed) == BLOCKED_SERVING;
        return is_being_served ? OUTCOME_LATER : OUTCOME_NOTHING; /* by the holder of another shard, perhaps in vain */
    }
    const struct scratch_mark mark = scratch_mark(thread->executor);
    const enum outcome outcome = run_for_key(thread, key, serving);
    scratch_return_to(thread->executor, mark);
    const bool is_mine = bring_to(blocked, BLOCKED_SERVING, outcome == OUTCOME_SERVED ? BLOCKED_SERVED : BLOCKED_WAITING);
    assert(is_mine);
    (void)is_mine;
    return outcome;
}

/* Its clients in their order; with the last one goes the queue. LATER: not all of them were looked at. */
static enum outcome serve_queue(struct thread *thread, struct blocked_queue *queue, struct serving *serving)
{
    struct blocked_key *next;
    uint32_t count = 0;
    for (struct blocked_key *key = queue->first; key != NULL; key = next) {
        const enum outcome outcome = count++ == SERVE_MAX ? OUTCOME_LATER : serve(thread, key, serving);
        next = key->next;
        if (outcome == OUTCOME_LATER) {
            return OUTCOME_LATER;
        }
        if (outcome == OUTCOME_SERVED) {
            struct blocked *blocked = key->owner;
            baton_assert_held(&key->shard->baton);
            blocked_key_remove(key);
            message_send(thread, blocked->home, &blocked->message);
        }
    }
    return OUTCOME_SERVED;
}

/* --- what is ready --- */

/* Of the shards' first ready queues the oldest, which leaves its list. NULL: none. */
static struct blocked_queue *take_oldest(const struct server *server, const struct shard_set *set)
{
    struct shard *found = NULL;
    for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE; i = shard_set_next(set, i + 1)) {
        struct shard *shard = &server->shards[i];
        baton_assert_held(&shard->baton);
        const struct blocked_queue *first = shard->blocked.ready_first;
        if (first != NULL && (found == NULL || first->ready_ticks < found->blocked.ready_first->ready_ticks)) {
            found = shard;
        }
    }
    return found == NULL ? NULL : blocked_take_ready(&found->blocked);
}

/* What could not be served is ready again, and the shards' own threads are told. */
static void leave_for_later(struct thread *thread, struct blocked_queue *late)
{
    struct blocked_queue *next;
    for (struct blocked_queue *queue = late; queue != NULL; queue = next) {
        next = queue->next_late;
        queue->is_late = false;
        struct shard *shard = queue->first->shard;
        baton_assert_held(&shard->baton);
        blocked_make_ready(&shard->blocked, queue);
        blocked_tell_late(thread, shard);
    }
}

static void serve_all(struct thread *thread, const struct shard_set *set)
{
    struct serving serving = {.held = *set};
    struct blocked_queue *queue;
    while ((queue = take_oldest(thread->server, &serving.held)) != NULL) {
        if (!queue->is_late && serve_queue(thread, queue, &serving) == OUTCOME_LATER) {
            queue->is_late = true;
            queue->next_late = serving.late;
            serving.late = queue;
        }
    }
    leave_for_later(thread, serving.late);
    shards_release_set(thread, &serving.taken);
}

void block_serve_ready(struct thread *thread, struct shard *shard)
{
    struct shard_set set = {0};
    shard_set_add(&set, shard->number);
    serve_all(thread, &set);
}

void block_serve_set(struct thread *thread, const struct shard_set *set)
{
    bool has_ready = false;
    for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE && !has_ready; i = shard_set_next(set, i + 1)) {
        has_ready = shard_has_ready(&thread->server->shards[i].blocked);
    }
    if (has_ready) {
        serve_all(thread, set);
    }
}

bool block_serve_late(struct thread *thread)
{
    const bool was_told = blocked_take_late(&thread->shard->blocked);
    if (LIKELY(!was_told && !shard_has_ready(&thread->shard->blocked))) {
        return false;
    }
    shards_take_all(thread);
    baton_assert_held(&thread->shard->baton);
    const struct shard_set all = shard_set_of_first(thread->server->shard_count);
    block_serve_set(thread, &all);
    const bool is_left = shard_has_ready(&thread->shard->blocked);
    shards_release_all(thread);
    return is_left;
}
