/* keys.c - KEYS: a job with a part for each shard.
 *
 * The reply is of one moment. Few keys are looked at in one step under all batons; for more the job locks all keys first (shared: whoever
 * reads goes on, whoever writes waits until they have been seen).
 *
 * Each part walks over the keys of its shard and puts the names that match by; then they are moved into the reply, one shard after the
 * other, since their number stands in front of them.
 *
 * Threads    Parts: exec/part.h, under the baton of their shard. The rest: the connection's.
 * Memory     The job with its parts is one block; names are in blocks of their own.
 * Invariant  No part of a command, or of a transaction, is seen.
 * Limits     KEYS_AT_ONCE keys between two looks at the clock; KEYS_IN_ONE_STEP.  */
#include "cmd/key/keys.h"

#include "base/glob.h"
#include "cmd/core/answers.h"
#include "cmd/core/name_list.h"
#include "cmd/key/shards_in_sight.h"
#include "exec/part.h"
#include "mem/heap.h"
#include "shard/thread.h"

enum {
    KEYS_AT_ONCE = 64,
    KEYS_IN_ONE_STEP = 1024, /* 25 us */
    LONG_WALK_KEYS = 20000,  /* half a millisecond */
};

/* The names of one shard. */
struct keys_part {
    struct part part;
    uint32_t db;
    bool takes_all;       /* the pattern is "*" */
    bool is_refused;      /* memory was */
    struct bytes pattern; /* lent by the command */
    int64_t now_ms;       /* of the moment that is seen */
    uint64_t cursor;      /* the keyspace's */
    struct name_list names;
};

enum phase { PHASE_START, PHASE_UNLOCK, PHASE_COUNT, PHASE_REPLY };

struct keys_job {
    struct job job;
    enum phase phase;
    struct key_lock lock;
    bool is_locked; /* or the lock was asked for */
    uint32_t count;
    uint32_t next; /* REPLY: the part whose names are moved into the reply */
    struct keys_part parts[];
};

static size_t job_bytes(uint32_t count)
{
    return sizeof(struct keys_job) + count * sizeof(struct keys_part);
}

static void visit(struct entry *entry, void *arg)
{
    struct keys_part *part = arg;
    const struct bytes name = entry_key(entry);
    if ((part->takes_all || glob_match(part->pattern, name, false)) && !name_list_add(&part->names, name)) {
        part->is_refused = true;
    }
}

/* Looks at some keys. */
static enum part_status walk(struct keys_part *part, struct server *server, size_t count)
{
    struct keyspace *keyspace = &server->shards[part->part.shard].databases[part->db];
    keyspace_scan(keyspace, &part->cursor, count, part->now_ms, visit, part);
    if (part->is_refused) {
        return PART_FAILED;
    }
    return part->cursor == 0 ? PART_DONE : PART_MORE;
}

static enum part_status step_part(struct part *base, struct thread *thread)
{
    struct keys_part *part = (struct keys_part *)base;
    enum part_status status;
    do {
        status = walk(part, thread->server, KEYS_AT_ONCE);
    } while (status == PART_MORE && !part_step_is_over(thread));
    return status;
}

static enum job_status refuse(struct exec *exec)
{
    reply_result_error(exec->reply, RESULT_NO_MEMORY);
    return JOB_DONE;
}

static uint64_t count_keys(struct keys_job *keys, const struct exec *exec)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct shard *shard = &exec->server->shards[keys->parts[i].part.shard];
        count += __atomic_load_n(&shard->databases[exec->db].key_count, __ATOMIC_RELAXED);
    }
    return count;
}

static void walk_all(struct keys_job *keys, const struct exec *exec)
{
    enum part_status status = PART_DONE;
    for (uint32_t i = 0; i < keys->count && status == PART_DONE; i++) {
        status = walk(&keys->parts[i], exec->server, SIZE_MAX);
    }
}

/* Under all batons. */
static enum job_status step_start(struct keys_job *keys, struct exec *exec)
{
    const uint64_t count = count_keys(keys, exec);
    const bool is_short = count <= KEYS_IN_ONE_STEP || exec->depth > 0; /* inside another command nobody comes between the steps */
    if (is_short && !keys->is_locked && exec_waits_for_changes(exec)) {
        return JOB_WAIT;
    }
    if (!is_short || keys->is_locked) {
        keys->is_locked = true;
        if (!exec_lock(exec, &keys->lock)) {
            return JOB_WAIT;
        }
    }
    for (uint32_t i = 0; i < keys->count; i++) {
        keys->parts[i].pattern = exec->argv[1];
        keys->parts[i].takes_all = bytes_equal(exec->argv[1], BYTES("*"));
        keys->parts[i].now_ms = exec->now_ms;
    }
    if (!keys->is_locked) {
        walk_all(keys, exec);
        keys->phase = PHASE_COUNT;
        keys->job.shard = JOB_NO_SHARD;
        return JOB_MORE;
    }
    keys->phase = PHASE_UNLOCK;
    const enum parts_length length = count >= LONG_WALK_KEYS ? PARTS_LONG : PARTS_MAY_BE_SHORT;
    const bool has_begun = exec_start_parts(exec, &keys->parts[0].part, keys->count, sizeof keys->parts[0], length);
    return has_begun ? JOB_PARTS : refuse(exec);
}

/* Under all batons: what is seen has been seen. */
static enum job_status step_unlock(struct keys_job *keys, struct exec *exec)
{
    exec_unlock(exec, &keys->lock);
    keys->phase = PHASE_COUNT;
    keys->job.shard = JOB_NO_SHARD;
    return JOB_MORE;
}

static enum job_status step_reply(struct keys_job *keys, struct exec *exec)
{
    while (keys->next < keys->count) {
        struct name_list *names = &keys->parts[keys->next].names;
        if (!name_list_move_block(names, exec->reply)) {
            keys->next++;
        } else if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return JOB_DONE;
}

static enum job_status step_count(struct keys_job *keys, struct exec *exec)
{
    uint64_t count = 0;
    size_t bytes = 0;
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct keys_part *part = &keys->parts[i];
        if (part->is_refused) {
            return refuse(exec);
        }
        count += part->names.count;
        bytes += part->names.bytes;
    }
    reply_array(exec->reply, count);
    reply_reserve(exec->reply, bytes);
    keys->phase = PHASE_REPLY;
    return step_reply(keys, exec);
}

static enum job_status keys_step(struct job *job, struct exec *exec)
{
    static enum job_status (*const steps[])(struct keys_job *, struct exec *) = {
        [PHASE_START] = step_start, [PHASE_UNLOCK] = step_unlock, [PHASE_COUNT] = step_count, [PHASE_REPLY] = step_reply};
    struct keys_job *keys = (struct keys_job *)job;
    return steps[keys->phase](keys, exec);
}

static void keys_destroy(struct job *job, struct exec *exec)
{
    struct keys_job *keys = (struct keys_job *)job;
    exec_unlock(exec, &keys->lock);
    for (uint32_t i = 0; i < keys->count; i++) {
        name_list_release(&keys->parts[i].names);
    }
    thread_free(MEM_CLIENT, keys, job_bytes(keys->count));
}

void command_keys(struct exec *exec)
{
    const struct shards_in_sight range = shards_in_sight(exec);
    const uint32_t count = range.end - range.first;
    struct keys_job *keys = thread_alloc_zeroed(MEM_CLIENT, job_bytes(count));
    if (keys == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    keys->job = (struct job){keys_step, keys_destroy, JOB_ALL_SHARDS};
    key_lock_open_all(&keys->lock, KEY_LOCK_SHARED);
    keys->count = count;
    for (uint32_t i = 0; i < count; i++) {
        keys->parts[i].part = (struct part){.step = step_part, .shard = range.first + i, .takes_baton = true};
        keys->parts[i].db = exec->db;
    }
    exec_start_job(exec, &keys->job);
}
