/* zset_remove_job.c - many members leave a sorted set: a job in steps, and for everybody else in one step.
 *
 *   REPLY   what is popped is replied, while nothing has changed
 *   CUT     when no other job reads the set, the members go from its order: that is the change
 *   CLEAN   what is left of them is freed
 *
 * Threads    The holder of the key's baton; the key is pinned. A client that dies leaves the rest of CLEAN to those who write
 *            to the set next.  */
#include "cmd/zset/zset_remove.h"

#include "exec/exec.h"
#include "base/number.h"
#include "cmd/core/effects.h"
#include "mem/heap.h"
#include "shard/server.h"

enum phase { PHASE_REPLY, PHASE_CUT, PHASE_CLEAN };

struct removal_job {
    struct job job;
    struct zset_removal removal;
    struct pin pin;
    enum phase phase;
    bool is_begun;             /* replying */
    uint64_t left;             /* to be replied */
    struct zset_walk walk;
};

/* --- replies of pops --- */

void zset_pop_begin(struct exec *exec, const struct zset_removal *removal)
{
    const uint64_t count = removal->ranks.end - removal->ranks.first;
    if (removal->has_key) {
        reply_array(exec->reply, removal->is_flat ? 1 + count * 2 : 2);
        reply_bulk(exec->reply, exec->argv[removal->key_at]);
    }
    if (!removal->is_flat) {
        reply_array(exec->reply, removal->has_pairs ? count : count * 2);
    }
}

void zset_pop_walk(struct zset_walk *walk, const struct entry *entry, const struct zset_removal *removal)
{
    zset_walk_begin(walk, entry, removal->is_max ? removal->ranks.end : removal->ranks.first);
}

void zset_pop_reply(struct exec *exec, struct zset_walk *walk, const struct zset_removal *removal)
{
    struct item member = {0};
    double score = 0;
    if (removal->is_max) {
        zset_walk_previous(walk, &member, &score);
    } else {
        zset_walk_next(walk, &member, &score);
    }
    if (removal->has_pairs) {
        reply_array(exec->reply, 2);
    }
    reply_item(exec->reply, &member);
    reply_double(exec->reply, score);
}

/* --- steps --- */

static enum job_status finish(struct removal_job *work, struct exec *exec)
{
    exec_unpin(exec, &work->pin);
    if (!work->removal.is_pop) {
        reply_integer(exec->reply, (int64_t)(work->removal.ranks.end - work->removal.ranks.first));
    }
    return JOB_DONE;
}

static enum job_status reply_step(struct removal_job *work, struct exec *exec)
{
    if (!work->is_begun) {
        zset_pop_begin(exec, &work->removal);
        work->is_begun = true;
    }
    while (work->left > 0) {
        zset_pop_reply(exec, &work->walk, &work->removal);
        work->left--;
        if (work->left % ZSET_MEMBERS_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    work->phase = PHASE_CUT;
    return JOB_MORE;
}

/* Opens the set. False: it has expired meanwhile, and with it all that was to go. */
static bool open_pinned(const struct removal_job *work, struct exec *exec, struct value *value)
{
    const struct key key = exec_key(exec, work->removal.key_at);
    struct keyspace *ks = exec_keyspace(exec, key);
    struct entry *entry = keyspace_find(ks, key, exec->now_ms);
    if (entry == NULL || entry_form(entry) != VALUE_FORM_ZSET || entry_collection(entry) != work->pin.collection) {
        return false;
    }
    value_open(value, ks, key, entry);
    return true;
}

/* Cleans until the step is over; true when all is clean. */
static bool clean(struct exec *exec, struct value *value)
{
    for (;;) {
        size_t limit = ZSET_MEMBERS_PER_LOOK;
        if (zset_clean(value, &limit)) {
            return true;
        }
        if (exec_step_is_over(exec)) {
            return false;
        }
    }
}

/* Takes the members out, after what an earlier command may have left. True: done. */
static bool cut(const struct zset_removal *removal, struct exec *exec, struct value *value, enum result *result)
{
    if (!clean(exec, value)) {
        return false;
    }
    if (!zset_cut_ranks(value, removal->ranks)) {
        *result = zset_remove_ranks(value, removal->ranks); /* in one step, then */
    }
    return true;
}

static enum job_status cut_step(struct removal_job *work, struct exec *exec)
{
    const struct zset_removal *removal = &work->removal;
    const struct key key = exec_key(exec, removal->key_at);
    struct value value;
    if (!exec_claim(exec, key, &work->pin)) {
        return JOB_WAIT;
    }
    if (!open_pinned(work, exec, &value)) {
        return finish(work, exec);
    }
    if (removal->ranks.end - removal->ranks.first == zset_value_count(&value)) {
        exec_unpin(exec, &work->pin);
        zset_remove_all(exec, &value, removal->event);
        zset_removal_effect(exec, removal);
        return finish(work, exec);
    }
    enum result result = RESULT_OK;
    const bool is_cut = cut(removal, exec, &value, &result);
    const enum result closed = value_close(&value);
    result = result == RESULT_OK ? closed : result;
    if (UNLIKELY(result != RESULT_OK)) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, result);
        exec_unpin(exec, &work->pin);
        return JOB_DONE;
    }
    if (is_cut) {
        exec_changed_by(exec, key, removal->event, removal->ranks.end - removal->ranks.first);
        zset_removal_effect(exec, removal);
        work->phase = PHASE_CLEAN;
    }
    return JOB_MORE;
}

static enum job_status clean_step(struct removal_job *work, struct exec *exec)
{
    struct value value;
    if (!open_pinned(work, exec, &value)) {
        return finish(work, exec);
    }
    const bool is_clean = clean(exec, &value);
    const enum result result = value_close(&value);
    (void)result; /* an old value's: never refused */
    return is_clean ? finish(work, exec) : JOB_MORE;
}

static enum job_status step(struct job *job, struct exec *exec)
{
    struct removal_job *work = (struct removal_job *)job;
    switch (work->phase) {
    case PHASE_REPLY:
        return reply_step(work, exec);
    case PHASE_CUT:
        return cut_step(work, exec);
    default:
        return clean_step(work, exec);
    }
}

static void destroy(struct job *job, struct exec *exec)
{
    struct removal_job *work = (struct removal_job *)job;
    exec_unpin(exec, &work->pin);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

/* --- the parts that handlers use --- */

void zset_remove_all(struct exec *exec, struct value *value, enum event event)
{
    const struct key key = value->key;
    const uint64_t count = zset_value_count(value);
    value_remove(value);
    exec_changed_by(exec, key, event, count);
    exec_event(exec, key, EVENT_DEL);
}

/* ZMPOP is repeated as a pop of the key that it has found, what is vague by ranks. */
void zset_removal_effect(struct exec *exec, const struct zset_removal *removal)
{
    const struct key key = exec_key(exec, removal->key_at);
    const uint64_t count = removal->ranks.end - removal->ranks.first;
    if (removal->has_key) {
        exec_effect_number(exec, key, removal->is_max ? BYTES("ZPOPMAX") : BYTES("ZPOPMIN"), (int64_t)count);
    } else if (removal->is_vague && exec_wants_effects(exec)) {
        char first[INT64_TEXT_MAX], last[INT64_TEXT_MAX];
        const struct bytes words[] = {BYTES("ZREMRANGEBYRANK"), key.name,
                                      {first, int64_format((int64_t)removal->ranks.first, first)},
                                      {last, int64_format((int64_t)removal->ranks.end - 1, last)}};
        exec_effect(exec, key, words, 4);
    }
}

void zset_removal_start(struct exec *exec, const struct zset_removal *removal, struct entry *entry)
{
    struct removal_job *work = thread_alloc(MEM_CLIENT, sizeof *work);
    if (work == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    *work = (struct removal_job){.removal = *removal, .phase = removal->is_pop ? PHASE_REPLY : PHASE_CUT};
    const struct key key = exec_key(exec, removal->key_at);
    if (!exec_pin(exec, key, entry, &work->pin)) {
        thread_free(MEM_CLIENT, work, sizeof *work);
        return;
    }
    if (removal->is_pop) {
        zset_pop_walk(&work->walk, entry, removal);
        work->left = removal->ranks.end - removal->ranks.first;
    }
    const struct shard *shard = exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key.name);
    work->job = (struct job){step, destroy, (int32_t)shard->number};
    exec_start_job(exec, &work->job);
}
