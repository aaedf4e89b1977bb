/* list_task.c - runs tasks over lists, and what all list commands share; see list_task.h.  */
#include "cmd/list/list_task.h"

#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

enum { ITEMS_PER_LOOK = 32, NODES_PER_LOOK = 64 }; /* between two looks at the clock */

/* --- what list commands share --- */

bool check_list(struct exec *exec, const struct entry *entry)
{
    return check_type(exec, entry, VALUE_LIST);
}

bool list_end_change(struct exec *exec, struct value *value, enum result result, enum event event, uint64_t count)
{
    const struct key key = value->key;
    const bool is_empty = result == RESULT_OK && list_count(value->entry) == 0;
    if (is_empty) {
        value_remove(value);
    } else {
        const enum result close_result = value_close(value);
        result = result == RESULT_OK ? close_result : result;
    }
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return false;
    }
    exec_changed_by(exec, key, event, count);
    if (is_empty) {
        exec_event(exec, key, EVENT_DEL);
    }
    return true;
}

void list_delete_key(struct exec *exec, struct key key, enum event event, uint64_t count)
{
    keyspace_delete(exec_keyspace(exec, key), key, exec->now_ms);
    exec_changed_by(exec, key, event, count);
    exec_event(exec, key, EVENT_DEL);
}

bool list_end_argument(struct exec *exec, uint32_t index, enum list_end *out)
{
    const bool is_left = bytes_equal_ignore_case(exec->argv[index], BYTES("LEFT"));
    if (!is_left && !bytes_equal_ignore_case(exec->argv[index], BYTES("RIGHT"))) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    *out = is_left ? LIST_HEAD : LIST_TAIL;
    return true;
}

struct list_range list_range_of(uint64_t count, int64_t first, int64_t last)
{
    const int64_t items = (int64_t)count;
    first = first < 0 ? items + first : first;
    last = last < 0 ? items + last : last;
    first = first < 0 ? 0 : first;
    if (first > last || first >= items) {
        return (struct list_range){0, 0};
    }
    last = last >= items ? items - 1 : last;
    return (struct list_range){(uint64_t)first, (uint64_t)(last - first + 1)};
}

/* --- tasks --- */

static bool is_step_over(const struct list_task *task, const struct exec *exec)
{
    return task->entry == NULL && exec_step_is_over(exec);
}

/* Looks at items until none is wanted (true), a job's step is over, or `most` were seen. */
static bool look_at_some(struct list_task *task, struct exec *exec, uint64_t most)
{
    struct item item;
    for (uint64_t seen = 0; task->left > 0; seen++) {
        if (seen == most || (seen % ITEMS_PER_LOOK == ITEMS_PER_LOOK - 1 && is_step_over(task, exec))) {
            return false;
        }
        if (!list_walk_next(&task->walk, &item) || !task->kind->look(task, exec, &item)) {
            break;
        }
        task->left--;
    }
    return true;
}

/* Goes to the first item. False: a job's step is over. */
static bool seek(struct list_task *task, struct exec *exec)
{
    while (!list_walk_seek(&task->walk, NODES_PER_LOOK)) {
        if (is_step_over(task, exec)) {
            return false;
        }
    }
    return true;
}

static enum job_status run_some(struct list_task *task, struct exec *exec, uint64_t most)
{
    if (!task->is_begun && task->kind->begin != NULL) {
        task->kind->begin(task, exec);
    }
    task->is_begun = true;
    for (;; task->is_looked = false) {
        if (!task->is_looked && (!seek(task, exec) || !look_at_some(task, exec, most))) {
            return JOB_MORE;
        }
        task->is_looked = true;
        if (task->entry == NULL && task->kind->changes && !exec_claim(exec, exec_key(exec, task->key_at), &task->pin)) {
            return JOB_WAIT;
        }
        if (UNLIKELY(list_walk_is_refused(&task->walk))) {
            reply_rewind(exec->reply);
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
            return JOB_DONE;
        }
        if (task->kind->finish == NULL || task->kind->finish(task, exec)) {
            return JOB_DONE;
        }
    }
}

/* --- as a job --- */

static enum job_status step(struct job *job, struct exec *exec)
{
    return run_some((struct list_task *)job, exec, UINT64_MAX);
}

static void destroy(struct job *job, struct exec *exec)
{
    struct list_task *task = (struct list_task *)job;
    list_walk_end(&task->walk);
    if (task->kind->release != NULL) {
        task->kind->release(task, exec);
    }
    exec_unpin(exec, &task->pin);
    thread_free(MEM_CLIENT, task, task->kind->size);
}

/* What is left of the task becomes a job's. */
static void start_job(struct exec *exec, const struct list_task *task)
{
    struct list_task *copy = thread_alloc(MEM_CLIENT, task->kind->size);
    if (copy == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    memcpy(copy, task, task->kind->size);
    const struct key key = exec_key(exec, task->key_at);
    if (!exec_pin(exec, key, task->entry, &copy->pin)) {
        thread_free(MEM_CLIENT, copy, task->kind->size);
        return;
    }
    const struct shard *shard = exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key.name);
    copy->job = (struct job){step, destroy, (int32_t)shard->number};
    copy->entry = NULL;
    exec_start_job(exec, &copy->job);
}

void list_task_run(struct exec *exec, struct list_task *task, struct entry *entry)
{
    const bool is_far = list_node_count(entry) > LIST_TASK_NODES;
    const bool is_long = is_far || (task->kind->replies_at_once && task->left > LIST_TASK_ITEMS);
    const bool is_apart = entry_form(entry) == VALUE_FORM_LIST;
    task->entry = entry;
    task->collection = is_apart ? entry_collection(entry) : NULL;
    list_walk_begin(&task->walk, entry, task->first, task->from);
    const bool is_done =
        !(is_long && is_apart) && run_some(task, exec, is_apart ? (uint64_t)LIST_TASK_ITEMS : UINT64_MAX) == JOB_DONE;
    if (!is_done) {
        start_job(exec, task);
    }
    if (exec->job == NULL) {
        list_walk_end(&task->walk);
    }
}

void list_task_restart(struct list_task *task)
{
    list_walk_end(&task->walk);
    list_walk_begin_apart(&task->walk, (const struct quicklist *)task->collection);
}

struct entry *list_task_take(struct list_task *task, struct exec *exec)
{
    struct entry *entry = task->entry;
    list_walk_end(&task->walk);
    if (entry != NULL) {
        return entry;
    }
    exec_unpin(exec, &task->pin);
    entry = exec_find_write(exec, exec_key(exec, task->key_at));
    const bool is_same = entry != NULL && entry_form(entry) == VALUE_FORM_LIST && entry_collection(entry) == task->collection;
    return is_same ? entry : NULL;
}
