/* words.c - see words.h.  */
#include "cmd/core/words.h"

#include "cmd/core/answers.h"
#include "cmd/core/effects.h"
#include "mem/heap.h"
#include "shard/server.h"

enum { WORDS_PER_LOOK = 32 }; /* between two looks at the clock */

static size_t size_of(const struct words_kind *kind)
{
    return kind->size == 0 ? sizeof(struct words) : kind->size;
}

/* --- RUN --- */

static enum job_status run_step(struct job *job, struct exec *exec)
{
    struct words *words = (struct words *)job;
    const struct words_kind *kind = words->kind;
    exec->now_ms = words->lock.granted_ms;
    if (!words->is_begun) {
        words->is_begun = true;
        if (kind->begin != NULL && !kind->begin(words, exec)) {
            return JOB_DONE;
        }
        exec->must_finish = kind->mode == KEY_LOCK_EXCLUSIVE;
    }
    bool goes_on = true;
    while (goes_on && words->at < words->end) {
        const uint32_t left = words->end - words->at;
        const uint32_t some = WORDS_PER_LOOK * words->step;
        goes_on = kind->run(words, exec, left < some ? words->end : words->at + some);
        if (goes_on && words->at < words->end && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (kind->finish != NULL) {
        kind->finish(words, exec);
    }
    return JOB_DONE;
}

/* --- LOCK --- */

static enum job_status lock_step(struct job *job, struct exec *exec)
{
    struct words *words = (struct words *)job;
    if (!exec_lock(exec, &words->lock)) {
        return JOB_WAIT;
    }
    words->at = words->first;
    job->step = run_step;
    return run_step(job, exec);
}

/* --- KEYS --- */

static enum job_status begin_lock(struct words *words)
{
    words->job.step = lock_step;
    words->job.shard = words->shard;
    return JOB_MORE;
}

static enum job_status keys_step(struct job *job, struct exec *exec)
{
    struct words *words = (struct words *)job;
    while (words->at < words->end) {
        for (uint32_t i = 0; i < WORDS_PER_LOOK && words->at < words->end; i++, words->at += words->step) {
            key_lock_add(&words->lock, exec_key_of(exec, exec->argv[words->at]));
        }
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return begin_lock(words);
}

static enum job_status begin_keys(struct words *words, struct exec *exec)
{
    const bool are_keys = words->kind->are_keys;
    if (!key_lock_open(&words->lock, are_keys ? (words->end - words->first) / words->step + 1 : 1, words->kind->mode)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return JOB_DONE;
    }
    if (!are_keys) {
        key_lock_add(&words->lock, exec_key(exec, 1));
        return begin_lock(words);
    }
    words->at = words->first;
    words->job.step = keys_step;
    return JOB_MORE;
}

/* --- CHECK --- */

static enum job_status check_step(struct job *job, struct exec *exec)
{
    struct words *words = (struct words *)job;
    while (words->kind->check != NULL && words->at < words->end) {
        for (uint32_t i = 0; i < WORDS_PER_LOOK && words->at < words->end; i++, words->at += words->step) {
            if (!words->kind->check(words, exec, words->at)) {
                return JOB_DONE;
            }
        }
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return begin_keys(words, exec);
}

/* --- start and end --- */

static void destroy(struct job *job, struct exec *exec)
{
    struct words *words = (struct words *)job;
    if (words->kind->release != NULL) {
        words->kind->release(words, exec);
    }
    exec_unlock(exec, &words->lock);
    key_lock_close(&words->lock);
    thread_free(MEM_CLIENT, words, size_of(words->kind));
}

void words_start(struct exec *exec, const struct words_kind *kind, const struct words *what)
{
    struct words *words = thread_alloc(MEM_CLIENT, size_of(kind));
    reply_rewind(exec->reply);
    if (words == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    memcpy(words, what, size_of(kind));
    words->kind = kind;
    words->job = (struct job){.step = check_step, .destroy = destroy, .shard = JOB_NO_SHARD};
    words->shard = exec->shard != NULL ? (int32_t)exec->shard->number : JOB_ALL_SHARDS;
    words->at = words->first;
    words->end = words->end == 0 ? exec->argc : words->end;
    exec_start_job(exec, &words->job);
}

void reply_tally(struct exec *exec, const struct word_tally *tally)
{
    if (UNLIKELY(tally->result != RESULT_OK)) {
        reply_result_error(exec->reply, tally->result);
    } else {
        reply_integer(exec->reply, tally->count);
    }
}

void report_tally(struct exec *exec, const struct word_tally *tally, enum event event, uint64_t changes)
{
    const struct key key = exec_key(exec, 1);
    if (changes > 0) {
        exec_changed_by(exec, key, event, changes);
        if (UNLIKELY(tally->result != RESULT_OK)) {
            exec_effect_begun(exec, key, tally->end);
        }
    }
}

void words_finish_removal(struct words *words, struct exec *exec, enum event event)
{
    report_tally(exec, &words->tally, event, (uint64_t)words->tally.count);
    if (words->tally.count > 0 && words_entry(exec) == NULL) {
        exec_event(exec, exec_key(exec, 1), EVENT_DEL);
    }
    reply_tally(exec, &words->tally);
}
