/* string_work.c - see string_work.h.  */
#include "cmd/string/string_work.h"

#include "cmd/core/answers.h"
#include "cmd/core/pinned_job.h"
#include "mem/heap.h"
#include "shard/server.h"

/* --- a reply, and no more --- */

struct text_job {
    struct pinned_job pinned;
    struct bulk_steps reply;
};

static enum job_status text_step(struct job *job, struct exec *exec)
{
    struct text_job *work = (struct text_job *)job;
    if (!bulk_steps_run(&work->reply, exec)) {
        return JOB_MORE;
    }
    pinned_job_return(&work->pinned);
    return JOB_DONE;
}

void string_reply_text(struct exec *exec, struct entry *entry, struct bytes text)
{
    if (LIKELY(text.len <= BULK_AT_ONCE_MAX)) {
        reply_bulk(exec->reply, text);
        return;
    }
    struct text_job *work = pinned_job_create(exec, exec_key(exec, 1), entry, text_step, sizeof *work);
    if (work == NULL) {
        return;
    }
    work->reply.text = text;
    pinned_job_leave_shard(&work->pinned);
    exec_start_job(exec, &work->pinned.job);
}

/* --- a reply, a value, and the rest of the command --- */

static enum job_status run_step(struct job *job, struct exec *exec)
{
    struct string_work *work = (struct string_work *)job;
    if (!exec_claim(exec, exec_key(exec, 1), &work->pin)) {
        return JOB_WAIT;
    }
    exec_unpin(exec, &work->pin);
    exec->now_ms = work->now_ms;
    work->run(exec, work);
    return JOB_DONE;
}

static enum job_status copy_step(struct job *job, struct exec *exec)
{
    struct string_work *work = (struct string_work *)job;
    if (work->reply.text.data != NULL && !work->is_replied) {
        work->is_replied = bulk_steps_run(&work->reply, exec);
        return JOB_MORE;
    }
    if (work->copy.ks != NULL && !text_copy_run(&work->copy, exec, exec->argv[work->value_at])) {
        return JOB_MORE;
    }
    job->step = run_step;
    job->shard = (int32_t)work->pin.shard->number;
    return JOB_MORE;
}

static void destroy(struct job *job, struct exec *exec)
{
    struct string_work *work = (struct string_work *)job;
    text_copy_discard(&work->copy);
    exec_unpin(exec, &work->pin);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

/* False: memory was refused, which was replied, or the command waits. */
static bool begin(struct string_work *work, struct exec *exec, struct entry *old)
{
    const struct key key = exec_key(exec, 1);
    if (work->value_at != 0 && exec->argv[work->value_at].len > TEXT_AT_ONCE_MAX &&
        text_copy_begin(&work->copy, exec_keyspace(exec, key), exec->argv[work->value_at].len) != RESULT_OK) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    if (!exec_pin(exec, key, old, &work->pin)) {
        return false;
    }
    if (old != NULL) {
        work->reply.text = raw_string_text(work->pin.raw);
    }
    return true;
}

void string_work_start(struct exec *exec, string_work_fn *run, struct entry *old, uint32_t value_at)
{
    struct string_work *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    reply_rewind(exec->reply);
    if (work == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    work->job = (struct job){copy_step, destroy, JOB_NO_SHARD};
    work->run = run;
    work->value_at = value_at;
    work->now_ms = exec->now_ms;
    if (begin(work, exec, old)) {
        exec_start_job(exec, &work->job);
    } else {
        destroy(&work->job, exec);
    }
}
