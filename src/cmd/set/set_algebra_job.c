/* set_algebra_job.c - an intersection, union or difference in steps.
 *
 * States     begin -> work -> store; or -> reply of the names; or -> reply of the table; or, for a count, the end.
 * Threads    Each step holds the batons of all keys.
 * Memory     The job and its copies of small sets are the thread's own.  */
#include "cmd/set/set_algebra_job.h"

#include "exec/exec.h"
#include "cmd/core/store.h"
#include "mem/heap.h"
#include "shard/server.h"

enum {
    BATCHES_PER_LOOK = 2,
    INTSET_REPLY_MAX = 4096, /* more integers are not sorted for a reply */
};

enum phase { PHASE_BEGIN, PHASE_WORK, PHASE_STORE, PHASE_REPLY_NAMES, PHASE_REPLY_TABLE };

struct algebra_job {
    struct job job;
    struct algebra algebra;
    struct pin target_pin;
    struct member_walk reply_walk;
    enum phase phase;
};

static void release_sources(struct algebra *algebra, struct exec *exec)
{
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        struct algebra_source *source = &algebra->sources[i];
        exec_unpin(exec, &source->pin);
        if (source->view.bytes.data != NULL) {
            thread_free(MEM_CLIENT, (char *)(uintptr_t)source->view.bytes.data, source->view.bytes.len);
        }
        source->view = (struct set_view){0};
    }
}

/* Batons of all keys are held. */
static void release_work(struct algebra_job *work, struct exec *exec)
{
    algebra_release_output(&work->algebra, exec);
    release_sources(&work->algebra, exec);
    exec_unpin(exec, &work->target_pin);
}

static enum job_status finish(struct algebra_job *work, struct exec *exec)
{
    release_work(work, exec);
    return JOB_DONE;
}

static enum job_status fail(struct algebra_job *work, struct exec *exec)
{
    reply_result_error(exec->reply, RESULT_NO_MEMORY);
    return finish(work, exec);
}

static enum job_status begin_step(struct algebra_job *work, struct exec *exec)
{
    struct algebra *algebra = &work->algebra;
    if (!algebra_prepare(algebra, exec)) {
        algebra->output = OUTPUT_COUNT; /* nothing was made */
        return fail(work, exec);
    }
    algebra_begin(algebra);
    work->phase = PHASE_WORK;
    return JOB_MORE;
}

static bool is_intset(const struct algebra *algebra)
{
    return !algebra->has_text && algebra->count <= INTSET_REPLY_MAX &&
           (int64_t)algebra->count <= algebra->limits.set_max_intset_entries;
}

/* The result is there: what comes next. */
static enum job_status end_work(struct algebra_job *work, struct exec *exec)
{
    struct algebra *algebra = &work->algebra;
    switch (algebra->output) {
    case OUTPUT_NAMES:
        reply_set(exec->reply, algebra->names.count);
        reply_reserve(exec->reply, algebra->names.bytes);
        work->phase = PHASE_REPLY_NAMES;
        return JOB_MORE;
    case OUTPUT_TABLE:
        if (is_intset(algebra)) {
            return algebra_reply_integers(algebra, exec) ? finish(work, exec) : fail(work, exec);
        }
        reply_set(exec->reply, algebra->count);
        reply_reserve(exec->reply, reply_size_hint(algebra->table));
        member_walk_begin(&work->reply_walk, algebra->table);
        work->phase = PHASE_REPLY_TABLE;
        return JOB_MORE;
    case OUTPUT_STORE:
        work->phase = PHASE_STORE;
        return JOB_MORE;
    default:
        reply_integer(exec->reply, (int64_t)algebra->count);
        return finish(work, exec);
    }
}

static enum job_status work_step(struct algebra_job *work, struct exec *exec)
{
    for (unsigned i = 1;; i++) {
        const enum algebra_progress progress = algebra_step(&work->algebra, exec);
        if (progress == ALGEBRA_REFUSED) {
            return fail(work, exec);
        }
        if (progress == ALGEBRA_DONE) {
            return end_work(work, exec);
        }
        if (i % BATCHES_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
}

/* Are all sources still there, and pinned? */
static bool sources_stand(const struct algebra *algebra, const struct exec *exec)
{
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        const struct algebra_source *source = &algebra->sources[i];
        if (source->pin.shard == NULL ||
            (!source->is_missing && !pinned_stands(exec, exec_key(exec, algebra->sources_at + i)))) {
            return false;
        }
    }
    return true;
}

/* The sources are given up first: two jobs that each store where the other reads would wait for each other. */
static enum job_status store_step(struct algebra_job *work, struct exec *exec)
{
    struct algebra *algebra = &work->algebra;
    algebra->is_late = !sources_stand(algebra, exec);
    release_sources(algebra, exec);
    if (!exec_claim(exec, exec_key(exec, algebra->target_at), NULL)) {
        return JOB_WAIT;
    }
    exec_unpin(exec, &work->target_pin);
    algebra_store(algebra, exec);
    return finish(work, exec);
}

static enum job_status reply_names_step(struct algebra_job *work, struct exec *exec)
{
    while (name_list_move_block(&work->algebra.names, exec->reply)) {
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return finish(work, exec);
}

static enum job_status reply_table_step(struct algebra_job *work, struct exec *exec)
{
    struct item member;
    for (unsigned i = 1; member_walk_next(&work->reply_walk, &member, NULL); i++) {
        reply_item(exec->reply, &member);
        if (i % SET_MEMBERS_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return finish(work, exec);
}

static enum job_status algebra_job_step(struct job *job, struct exec *exec)
{
    static enum job_status (*const steps[])(struct algebra_job *, struct exec *) = {
        [PHASE_BEGIN] = begin_step,
        [PHASE_WORK] = work_step,
        [PHASE_STORE] = store_step,
        [PHASE_REPLY_NAMES] = reply_names_step,
        [PHASE_REPLY_TABLE] = reply_table_step,
    };
    struct algebra_job *work = (struct algebra_job *)job;
    return steps[work->phase](work, exec);
}

static void free_work(struct algebra_job *work)
{
    thread_free(MEM_CLIENT, work->algebra.sources, work->algebra.source_count * sizeof *work->algebra.sources);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

static void algebra_job_destroy(struct job *job, struct exec *exec)
{
    struct algebra_job *work = (struct algebra_job *)job;
    if (work->phase == PHASE_BEGIN) {
        work->algebra.output = OUTPUT_COUNT; /* nothing was made */
    }
    release_work(work, exec);
    free_work(work);
}

/* Pins a source, and copies what stands in its entry. False: a writer waits for it (*result RESULT_OK), or memory was refused. */
static bool keep_source(struct exec *exec, uint32_t index, struct algebra_source *source, enum result *result)
{
    const struct key key = exec_key(exec, index);
    struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    const struct bytes bytes = source->view.bytes;
    source->view.bytes = (struct bytes){0};
    if (!exec_pin(exec, key, entry, &source->pin)) {
        *result = RESULT_OK;
        return false;
    }
    if (bytes.data != NULL) {
        char *copy = thread_alloc(MEM_CLIENT, bytes.len);
        if (copy == NULL) {
            *result = RESULT_NO_MEMORY;
            return false;
        }
        memcpy(copy, bytes.data, bytes.len);
        source->view.bytes = (struct bytes){copy, bytes.len};
    }
    return true;
}

/* The sources from this one on were not copied: what they show is the entries'. */
static void forget_lent(struct algebra *algebra, uint32_t from)
{
    for (uint32_t i = from; i < algebra->source_count; i++) {
        algebra->sources[i].view = (struct set_view){0};
    }
}

/* Pins and copies all that the job will read. */
static bool keep_sources(struct algebra_job *work, struct exec *exec, enum result *result)
{
    struct algebra *algebra = &work->algebra;
    if (algebra->target_at != 0 && !exec_pin(exec, exec_key(exec, algebra->target_at), NULL, &work->target_pin)) {
        *result = RESULT_OK;
        forget_lent(algebra, 0);
        return false;
    }
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        if (!keep_source(exec, algebra->sources_at + i, &algebra->sources[i], result)) {
            forget_lent(algebra, i + 1);
            return false;
        }
    }
    return true;
}

void algebra_start_job(const struct algebra *algebra, struct exec *exec)
{
    const size_t size = algebra->source_count * sizeof *algebra->sources;
    struct algebra_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    struct algebra_source *sources = work == NULL ? NULL : thread_alloc(MEM_CLIENT, size);
    if (sources == NULL) {
        thread_free(MEM_CLIENT, work, sizeof *work);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    work->algebra = *algebra;
    work->algebra.sources = sources;
    memcpy(sources, algebra->sources, size);
    enum result result;
    if (!keep_sources(work, exec, &result)) {
        release_sources(&work->algebra, exec);
        exec_unpin(exec, &work->target_pin);
        free_work(work);
        if (result != RESULT_OK) {
            reply_result_error(exec->reply, result);
        }
        return;
    }
    work->job = (struct job){algebra_job_step, algebra_job_destroy,
                             exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number};
    exec_start_job(exec, &work->job);
}
