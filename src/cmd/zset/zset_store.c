/* zset_store.c - ZRANGESTORE: a range of a sorted set becomes another one, long ranges in steps.
 *
 * The members are read from the source, pinned, into a value that is no key's yet; at the end it takes the destination's place.
 *
 * Threads    The holder of both keys' batons.  */
#include "cmd/core/limits.h"
#include "cmd/core/store.h"
#include "cmd/zset/zset_range.h"
#include "cmd/zset/zset_rows.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

/* Members on their way. */
struct storing {
    struct zset_walk walk;
    uint64_t left;
    bool is_reverse; /* in the order of the range, as it decides when the result leaves the small form */
    bool is_count_known; /* before the first member, to Redis */
    bool is_late;    /* the source may have changed since, or the command's words find another range in another form of it */
    struct encoding_limits limits;
    struct value value; /* detached, in the destination's heap */
};

/* Moves at most `most` members over. */
static enum result store_some(struct storing *storing, uint64_t most)
{
    enum result result = RESULT_OK;
    if (storing->is_count_known && storing->value.entry == NULL) {
        result = zset_start(&storing->value, &storing->limits, storing->left);
    }
    for (; storing->left > 0 && most > 0 && result == RESULT_OK; storing->left--, most--) {
        struct item member = {0};
        double score = 0;
        char scratch[ITEM_SCRATCH];
        if (storing->is_reverse) {
            zset_walk_previous(&storing->walk, &member, &score);
            result = zset_put(&storing->value, &storing->limits, item_text(&member, scratch), score);
        } else {
            zset_walk_next(&storing->walk, &member, &score);
            result = zset_append(&storing->value, &storing->limits, item_text(&member, scratch), score);
        }
    }
    return result;
}

/* Puts the value, `count` members, in the destination's place and replies. */
static void store_finish(struct exec *exec, struct storing *storing, uint64_t count)
{
    const struct key key = exec_key(exec, 1);
    struct entry *existing = exec_find_write(exec, key);
    if (count == 0) {
        if (existing != NULL) {
            delete_found(exec, key);
        }
        reply_integer(exec->reply, 0);
        return;
    }
    const enum result result = value_store(&storing->value, exec_keyspace(exec, key), key, existing);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, key, EVENT_ZRANGESTORE);
    give_stored(exec, key, storing->is_late);
    reply_integer(exec->reply, (int64_t)count);
}

/* --- in steps --- */

struct store_job {
    struct job job;
    struct pin source, destination;
    struct storing storing;
    uint64_t count;
};

static enum job_status store_step(struct job *job, struct exec *exec)
{
    struct store_job *work = (struct store_job *)job;
    while (work->storing.left > 0) {
        const enum result result = store_some(&work->storing, ZSET_MEMBERS_PER_LOOK);
        if (result != RESULT_OK) {
            reply_result_error(exec->reply, result);
            return JOB_DONE;
        }
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    const bool stands = work->source.shard != NULL && pinned_stands(exec, exec_key(exec, 2));
    work->storing.is_late = work->storing.is_late || !stands;
    exec_unpin(exec, &work->source);
    if (!exec_claim(exec, exec_key(exec, 1), NULL)) {
        return JOB_WAIT;
    }
    exec_unpin(exec, &work->destination);
    store_finish(exec, &work->storing, work->count);
    return JOB_DONE;
}

static void store_destroy(struct job *job, struct exec *exec)
{
    struct store_job *work = (struct store_job *)job;
    value_remove(&work->storing.value);
    exec_unpin(exec, &work->source);
    exec_unpin(exec, &work->destination);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

static void start_store(struct exec *exec, struct key source, struct entry *entry, const struct storing *storing)
{
    struct store_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    if (work == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (!exec_pin(exec, source, entry, &work->source) ||
        !exec_pin(exec, exec_key(exec, 1), NULL, &work->destination)) {
        exec_unpin(exec, &work->source);
        thread_free(MEM_CLIENT, work, sizeof *work);
        return;
    }
    work->job = (struct job){store_step, store_destroy, exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number};
    work->storing = *storing;
    work->count = storing->left;
    exec_start_job(exec, &work->job);
}

static void command_zrangestore(struct exec *exec)
{
    struct range_request request;
    if (!range_read(exec, &(struct range_form){.source = 2, .is_store = true}, &request)) {
        return;
    }
    const struct key key = exec_key(exec, 1), source = exec_key(exec, 2);
    struct entry *entry = exec_find_read(exec, source);
    if (!check_zset(exec, entry)) {
        return;
    }
    struct storing storing = {.limits = exec_limits(exec)};
    struct keyspace *ks = exec_keyspace(exec, key);
    value_open_detached_for(&storing.value, ks);
    if (entry != NULL) {
        const struct zset_ranks ranks = range_ranks(entry, &request);
        storing.left = ranks.end - ranks.first;
        storing.is_reverse = request.interval.is_reverse;
        zset_walk_begin(&storing.walk, entry, storing.is_reverse ? ranks.end : ranks.first);
        storing.is_count_known = request.interval.by == ZSET_BY_RANK;
        storing.is_late = request.interval.by == ZSET_BY_LEX && !zset_has_one_score(entry);
        if (storing.left > ZSET_STEPS_MIN && entry_form(entry) == VALUE_FORM_ZSET) {
            start_store(exec, source, entry, &storing);
            return;
        }
    }
    const uint64_t count = storing.left;
    const enum result result = store_some(&storing, count);
    if (result == RESULT_OK) {
        store_finish(exec, &storing, count);
    } else {
        reply_result_error(exec->reply, result);
    }
    value_remove(&storing.value);
}

static const struct command_key_spec store_keys[] = {
    {.flags = "OW update", .index = 1},
    {.flags = "RO access", .index = 2},
    {0},
};

const struct command_spec zset_store_commands[] = {
    {.name = "zrangestore", .run = command_zrangestore, .arity = -5, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM, .keys = {1, 2, 1}, .since = "6.2.0", .group = "sorted-set",
     .complexity = "O(log(N)+M), N the members of the source, M the members stored",
     .summary = "Stores a range of a sorted set as another one.",
     .syntax = "destination source min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]", .key_specs = store_keys},
    {0},
};
