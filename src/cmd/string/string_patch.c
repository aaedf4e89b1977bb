/* string_patch.c - see string_patch.h.  */
#include "cmd/string/string_patch.h"

#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum { PATCH_LOOK_BYTES = 16384 }; /* between two looks at the clock */

struct patch_job {
    struct job job;
    struct key_lock lock;
    struct string_patch patch;
    size_t at;      /* in the string: where the word begins */
    size_t copied;
};

bool string_check_length(struct exec *exec, uint64_t len, uint64_t more)
{
    int64_t limit = atomic_load_explicit(&exec->server->config->proto_max_bulk_len, memory_order_relaxed);
    uint64_t total;
    if (__builtin_add_overflow(len, more, &total) || total > (uint64_t)limit) {
        reply_error(exec->reply, ERROR_TOO_LONG);
        return false;
    }
    return true;
}

bool string_patch_open(struct exec *exec, const struct string_patch *patch, struct open_string *string, size_t *at)
{
    const struct key key = exec_key(exec, 1);
    struct entry *existing = exec_find_write(exec, key);
    if (!check_string(exec, existing)) {
        return false;
    }
    const size_t len = existing == NULL ? 0 : entry_string_len(existing);
    const size_t more = exec->argv[patch->word].len;
    *at = patch->is_append ? len : patch->offset;
    if (!string_check_length(exec, *at, more)) {
        return false;
    }
    const size_t end = *at + more;
    const enum result result = keyspace_string_open(exec_keyspace(exec, key), key, existing, end, string);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return false;
    }
    if (end > string->len) {
        keyspace_string_set_len(string, end);
    }
    return true;
}

static void copy_some(struct patch_job *work, struct exec *exec, const struct open_string *string, struct bytes word)
{
    while (work->copied < word.len) {
        const size_t left = word.len - work->copied;
        const size_t some = left < PATCH_LOOK_BYTES ? left : PATCH_LOOK_BYTES;
        memcpy(string->data + work->at + work->copied, word.data + work->copied, some);
        work->copied += some;
        if (exec_step_is_over(exec)) {
            return;
        }
    }
}

static enum job_status copy_step(struct job *job, struct exec *exec)
{
    struct patch_job *work = (struct patch_job *)job;
    const struct key key = exec_key(exec, 1);
    const struct bytes word = exec->argv[work->patch.word];
    struct open_string string;
    exec->now_ms = work->lock.granted_ms;
    struct keyspace *ks = exec_keyspace(exec, key);
    const enum result result = keyspace_string_open(ks, key, keyspace_find(ks, key, exec->now_ms), 0, &string);
    assert(result == RESULT_OK); /* it is a raw string with that length */
    copy_some(work, exec, &string, word);
    if (work->copied < word.len) {
        return JOB_MORE;
    }
    exec_changed(exec, key, work->patch.event);
    reply_integer(exec->reply, (int64_t)string.len);
    return JOB_DONE;
}

static enum job_status lock_step(struct job *job, struct exec *exec)
{
    struct patch_job *work = (struct patch_job *)job;
    struct open_string string;
    if (!exec_lock(exec, &work->lock)) {
        return JOB_WAIT;
    }
    if (!string_patch_open(exec, &work->patch, &string, &work->at)) {
        return JOB_DONE;
    }
    exec->must_finish = true;
    job->step = copy_step;
    return JOB_MORE;
}

static void destroy(struct job *job, struct exec *exec)
{
    struct patch_job *work = (struct patch_job *)job;
    exec_unlock(exec, &work->lock);
    key_lock_close(&work->lock);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

void string_patch_start(struct exec *exec, const struct string_patch *patch)
{
    struct patch_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    if (work == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    work->job = (struct job){lock_step, destroy, (int32_t)exec->shard->number};
    work->patch = *patch;
    const bool is_open = key_lock_open(&work->lock, 1, KEY_LOCK_EXCLUSIVE);
    assert(is_open); /* one key asks for no memory */
    key_lock_add(&work->lock, exec_key(exec, 1));
    exec_start_job(exec, &work->job);
}
