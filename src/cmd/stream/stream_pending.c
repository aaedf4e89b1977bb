/* stream_pending.c - what consumers have not acknowledged: XPENDING XACK. Long lists are replied in steps, with the stream
 * pinned.
 *
 * Threads    The holder of the key's baton.
 * Memory     A job is the connection thread's own block.  */
#include "cmd/stream/stream_private.h"
#include "cmd/stream/stream_rows.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

enum {
    PENDING_SHORT = 500,      /* so many are replied at once */
    PENDING_SCAN_SHORT = 5000, /* and so many looked at */
    PENDING_PER_LOOK = 32,
};

/* --- walking over pending entries --- */

struct pending_range {
    const struct stream_group *group;
    const struct stream_consumer *consumer; /* NULL: of all */
    struct stream_interval ids;
    int64_t idle_min_ms;                    /* 0: all */
    int64_t now_ms;
    uint64_t count;
};

struct pending_walk {
    const struct id_tree *tree;
    struct id_cursor cursor;
    uint64_t left;
};

static void walk_begin(struct pending_walk *walk, const struct pending_range *range)
{
    walk->tree = range->consumer != NULL ? &range->consumer->pending : &range->group->pending;
    walk->cursor = id_tree_at_least(walk->tree, range->ids.first);
    walk->left = range->count;
}

static bool is_at_end(const struct pending_walk *walk, const struct pending_range *range)
{
    return walk->left == 0 || walk->cursor.leaf == NULL ||
           stream_id_compare(id_cursor_id(walk->cursor), range->ids.last) > 0;
}

/* What is known of the entry at the walk's place; NULL: it is not idle for so long. Then goes on. */
static const struct stream_nack *walk_take(struct pending_walk *walk, const struct pending_range *range, struct stream_id *id)
{
    *id = id_cursor_id(walk->cursor);
    const struct stream_nack *nack = range->consumer != NULL ? stream_find_pending(range->group, *id)
                                                             : id_cursor_value(walk->tree, walk->cursor);
    id_cursor_next(&walk->cursor);
    if (range->idle_min_ms != 0 && range->now_ms - nack->delivery_ms < range->idle_min_ms) {
        return NULL;
    }
    walk->left--;
    return nack;
}

static void reply_pending(struct reply *reply, struct stream_id id, const struct stream_nack *nack, int64_t now_ms)
{
    const int64_t idle_ms = now_ms - nack->delivery_ms;
    reply_array(reply, 4);
    reply_stream_id(reply, id);
    reply_bulk(reply, stream_consumer_name(nack->consumer));
    reply_integer(reply, idle_ms < 0 ? 0 : idle_ms);
    reply_integer(reply, (int64_t)nack->delivery_count);
}

/* --- as a job: first counted, then replied --- */

struct pending_job {
    struct job job;
    struct pending_range range;
    struct pending_walk walk;
    struct pin pin;
    uint64_t found;
    bool is_counted;
};

static enum job_status pending_step(struct job *job, struct exec *exec)
{
    struct pending_job *work = (struct pending_job *)job;
    for (unsigned i = 1; !is_at_end(&work->walk, &work->range); i++) {
        struct stream_id id;
        const struct stream_nack *nack = walk_take(&work->walk, &work->range, &id);
        work->found += nack != NULL;
        if (nack != NULL && work->is_counted) {
            reply_pending(exec->reply, id, nack, work->range.now_ms);
        }
        if (i % PENDING_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (work->is_counted) {
        return JOB_DONE;
    }
    reply_array(exec->reply, work->found);
    walk_begin(&work->walk, &work->range);
    work->is_counted = true;
    return JOB_MORE;
}

static void pending_destroy(struct job *job, struct exec *exec)
{
    struct pending_job *work = (struct pending_job *)job;
    exec_unpin(exec, &work->pin);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

static void start_job(struct exec *exec, struct entry *entry, const struct pending_range *range)
{
    struct pending_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    if (work == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    const struct key key = exec_key(exec, 1);
    work->job = (struct job){pending_step, pending_destroy, (int32_t)exec->shard->number};
    work->range = *range;
    walk_begin(&work->walk, range);
    if (exec_pin(exec, key, entry, &work->pin)) {
        exec_start_job(exec, &work->job);
    } else {
        pending_destroy(&work->job, exec);
    }
}

/* --- XPENDING --- */

static void reply_range(struct exec *exec, struct entry *entry, const struct pending_range *range)
{
    struct pending_walk walk;
    walk_begin(&walk, range);
    const uint64_t most = range->count < walk.tree->count ? range->count : walk.tree->count;
    if (most > PENDING_SHORT || (range->idle_min_ms != 0 && walk.tree->count > PENDING_SCAN_SHORT)) {
        start_job(exec, entry, range);
        return;
    }
    const size_t mark = reply_deferred_begin(exec->reply);
    size_t found = 0;
    while (!is_at_end(&walk, range)) {
        struct stream_id id;
        const struct stream_nack *nack = walk_take(&walk, range, &id);
        if (nack != NULL) {
            reply_pending(exec->reply, id, nack, range->now_ms);
            found++;
        }
    }
    reply_deferred_end(exec->reply, mark, '*', found);
}

static void reply_summary(struct reply *reply, const struct stream_group *group)
{
    reply_array(reply, 4);
    reply_integer(reply, (int64_t)group->pending.count);
    if (group->pending.count == 0) {
        reply_null(reply);
        reply_null(reply);
        reply_null_array(reply);
        return;
    }
    reply_stream_id(reply, id_cursor_id(id_tree_first(&group->pending)));
    reply_stream_id(reply, id_cursor_id(id_tree_last(&group->pending)));
    const size_t mark = reply_deferred_begin(reply);
    size_t busy = 0;
    for (uint32_t i = 0; i < group->consumer_count; i++) {
        const struct stream_consumer *consumer = group->consumers[i];
        if (consumer->pending.count > 0) {
            reply_array(reply, 2);
            reply_bulk(reply, stream_consumer_name(consumer));
            reply_bulk_integer(reply, (int64_t)consumer->pending.count);
            busy++;
        }
    }
    reply_deferred_end(reply, mark, '*', busy);
}

/* What stands behind the group's name. */
struct pending_words {
    struct pending_range range;
    uint32_t consumer_at; /* 0: none */
};

static bool read_range(struct exec *exec, struct pending_words *out)
{
    uint32_t first_at = 3;
    int64_t count;
    if (bytes_equal_ignore_case(exec->argv[first_at], BYTES("IDLE"))) {
        if (!exec_int64_argument(exec, first_at + 1, &out->range.idle_min_ms)) {
            return false;
        }
        if (exec->argc < 8) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
        first_at += 2;
    }
    if (!exec_int64_argument(exec, first_at + 2, &count) ||
        !exec_stream_interval(exec, first_at, first_at + 1, &out->range.ids)) {
        return false;
    }
    out->range.count = count < 0 ? 0 : (uint64_t)count;
    out->range.now_ms = exec->now_ms;
    out->consumer_at = first_at + 3 < exec->argc ? first_at + 3 : 0;
    return true;
}

static void command_xpending(struct exec *exec)
{
    struct pending_words words = {.consumer_at = 0};
    const bool is_summary = exec->argc == 3;
    if (!is_summary && (exec->argc < 6 || exec->argc > 9)) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    if (!is_summary && !read_range(exec, &words)) {
        return;
    }
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_stream(exec, entry)) {
        return;
    }
    struct pending_range *range = &words.range;
    range->group = entry == NULL ? NULL : stream_find_group(entry_stream(entry), exec->argv[2]);
    if (range->group == NULL) {
        reply_no_group(exec, exec->argv[1], exec->argv[2], "");
        return;
    }
    if (is_summary) {
        reply_summary(exec->reply, range->group);
        return;
    }
    if (words.consumer_at != 0) {
        range->consumer = stream_find_consumer(range->group, exec->argv[words.consumer_at]);
        if (range->consumer == NULL) {
            reply_array(exec->reply, 0);
            return;
        }
    }
    reply_range(exec, entry, range);
}

/* --- XACK --- */

static void command_xack(struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (!check_stream(exec, entry)) {
        return;
    }
    struct stream_group *group = entry == NULL ? NULL : stream_find_group(entry_stream(entry), exec->argv[2]);
    if (group == NULL) {
        reply_integer(exec->reply, 0);
        return;
    }
    const struct stream_id *ids = exec_stream_ids(exec, 3, exec->argc);
    if (ids == NULL) {
        return;
    }
    struct value value;
    uint64_t count = 0;
    value_open(&value, exec_keyspace(exec, key), key, entry);
    for (uint32_t i = 3; i < exec->argc; i++) {
        count += stream_remove_pending(entry_stream(entry), group, ids[i - 3]);
    }
    stream_value_close(&value);
    if (count > 0) {
        exec_count_changes(exec, count);
    }
    reply_integer(exec->reply, (int64_t)count);
}

const struct command_spec stream_pending_commands[] = {
    {.name = "xack", .run = command_xack, .arity = -4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "5.0.0", .group = "stream", .complexity = "O(log N) for each id",
     .summary = "Acknowledges entries, which are not pending any more, and returns how many were.",
     .syntax = "key group id [id ...]", .key_flags = "RW update"},
    {.name = "xpending", .run = command_xpending, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "5.0.0", .group = "stream",
     .complexity = "O(N), N the entries returned, or looked at with IDLE",
     .summary = "Returns what a group's consumers have not acknowledged: a summary, or entry by entry.",
     .syntax = "key group [[IDLE min-idle-time] start end count [consumer]]", .tips = "nondeterministic_output",
     .key_flags = "RO access"},
    {0},
};
