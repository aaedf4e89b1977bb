/* list_move_many.c - LMOVEM, BLMOVEM: several items go from an end of one list to an end of another, or of the same.
 *
 *   PUSH    copies of the items are added to the target, some a step
 *   DROP    the items leave the source; the change is reported
 *   REPLY   the moved items, as they now stand in the target
 *
 * Up to MOVE_AT_ONCE items are moved in one step; more are a job that has both keys locked, so that nobody sees half of it.
 *
 * Threads    The holder of the keys' batons.
 * Source     The documentation of Redis 8.10.  */
#include "cmd/core/answers.h"
#include "cmd/core/effects.h"
#include "cmd/core/limits.h"
#include "cmd/core/reply_item.h"
#include "cmd/list/list_rows.h"
#include "cmd/list/list_task.h"
#include "exec/exec.h"
#include "mem/heap.h"

#include <assert.h>

enum {
    MOVE_AT_ONCE = 1024,
    MOVE_PER_LOOK = 32, /* items between two looks at the clock */
    EFFECT_ITEMS = 64,  /* in one LPUSH or RPUSH that repeats a part of the change */
};

/* What the words say. */
struct move_words {
    enum list_end from, to;
    uint64_t count;     /* items, at most or exactly */
    bool is_exact;      /* EXACTLY: that many or none */
    bool is_in_bulk;    /* BULK: the items keep their order; OBO: the first that is taken is the first that is added */
};

struct moving {
    struct move_words words;
    bool is_same;       /* both keys are one */
    bool is_ascending;  /* the items are added in the order in which they stand in the source */
    uint64_t count;     /* items that go */
    uint64_t source_count; /* before that */
    uint64_t done;      /* items that were added, then items that were replied */
};

/* --- words --- */

static bool read_count(struct exec *exec, uint32_t at, struct move_words *out)
{
    int64_t count;
    if (!int64_parse(exec->argv[at], &count) || count < 1) {
        reply_error(exec->reply, "ERR count should be greater than 0");
        return false;
    }
    out->count = (uint64_t)count;
    return true;
}

/* Reads the ends, and what begins at argv[at]: nothing, or COUNT|EXACTLY count OBO|BULK. False: the error was replied. */
static bool read_words(struct exec *exec, uint32_t at, struct move_words *out)
{
    *out = (struct move_words){.count = 1};
    if (!list_end_argument(exec, 3, &out->from) || !list_end_argument(exec, 4, &out->to)) {
        return false;
    }
    if (at == exec->argc) {
        return true;
    }
    out->is_exact = bytes_equal_ignore_case(exec->argv[at], BYTES("EXACTLY"));
    out->is_in_bulk = at + 2 < exec->argc && bytes_equal_ignore_case(exec->argv[at + 2], BYTES("BULK"));
    const bool is_right = at + 3 == exec->argc && (out->is_exact || bytes_equal_ignore_case(exec->argv[at], BYTES("COUNT"))) &&
                          (out->is_in_bulk || bytes_equal_ignore_case(exec->argv[at + 2], BYTES("OBO")));
    if (!is_right) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return read_count(exec, at + 1, out);
}

/* --- PUSH --- */

static struct entry *entry_at(struct exec *exec, uint32_t key_at)
{
    const struct key key = exec_key(exec, key_at);
    return keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
}

/* Where the item that is added next stands in the source: what was added to the head of the same list has moved it. */
static uint64_t next_index(const struct moving *moving)
{
    const uint64_t first = moving->words.from == LIST_HEAD ? 0 : moving->source_count - moving->count;
    const uint64_t moved = moving->is_same && moving->words.to == LIST_HEAD ? moving->done : 0;
    return first + moved + (moving->is_ascending ? moving->done : moving->count - 1 - moving->done);
}

/* A copy of the item that is next. RESULT_NO_MEMORY: there is none. */
static enum result copy_next(struct exec *exec, const struct moving *moving, struct bytes *out)
{
    struct list_walk walk;
    struct item item;
    list_walk_begin(&walk, entry_at(exec, 1), next_index(moving), LIST_HEAD);
    const bool is_there = list_walk_next(&walk, &item);
    char *copy = is_there ? exec_scratch(exec, item_is_integer(&item) ? (size_t)ITEM_SCRATCH : item.len + 1) : NULL;
    if (copy != NULL) {
        *out = item_text(&item, copy);
        if (out->data != copy) {
            memcpy(copy, out->data, out->len);
            out->data = copy;
        }
    }
    list_walk_end(&walk);
    return copy == NULL ? RESULT_NO_MEMORY : RESULT_OK;
}

static enum result push_next(struct exec *exec, struct moving *moving)
{
    const struct encoding_limits limits = exec_limits(exec);
    const struct key key = exec_key(exec, 2);
    struct bytes text;
    struct value value;
    enum result result = copy_next(exec, moving, &text);
    if (result != RESULT_OK) {
        return result;
    }
    value_open(&value, exec_keyspace(exec, key), key, entry_at(exec, 2));
    result = list_push(&value, &limits, moving->words.to, text);
    const enum result closed = value_close(&value);
    result = result == RESULT_OK ? closed : result;
    moving->done += result == RESULT_OK;
    return result;
}

/* What was added leaves again: all is as before. */
static void undo(struct exec *exec, struct moving *moving)
{
    const struct key key = exec_key(exec, 2);
    struct value value;
    enum result result = RESULT_OK;
    if (moving->done == 0) {
        return;
    }
    value_open(&value, exec_keyspace(exec, key), key, entry_at(exec, 2));
    for (; moving->done > 0 && result == RESULT_OK; moving->done--) {
        result = list_drop(&value, moving->words.to);
    }
    if (list_count(value.entry) == 0) {
        value_remove(&value);
    } else {
        result = value_close(&value);
    }
    (void)result; /* memory to take an item out of a compressed node: refused, the item stays */
}

/* --- DROP --- */

/* The items leave the source. *is_empty: the key is gone. */
static enum result drop(struct exec *exec, const struct moving *moving, bool *is_empty)
{
    const struct key key = exec_key(exec, 1);
    const uint64_t behind = moving->is_same && moving->words.to == LIST_HEAD ? moving->count : 0;
    const uint64_t first = moving->words.from == LIST_HEAD ? 0 : moving->source_count - moving->count;
    struct value value;
    value_open(&value, exec_keyspace(exec, key), key, entry_at(exec, 1));
    const enum result result = list_delete(&value, first + behind, moving->count);
    *is_empty = result == RESULT_OK && list_count(value.entry) == 0;
    if (*is_empty) {
        value_remove(&value);
        return result;
    }
    const enum result closed = value_close(&value);
    return result == RESULT_OK ? closed : result;
}

/* Where the moved items begin in the target, counted from its head. */
static uint64_t first_moved(struct exec *exec, const struct moving *moving)
{
    return moving->words.to == LIST_HEAD ? 0 : list_count(entry_at(exec, 2)) - moving->count;
}

/* The items were added to the target: told in the order in which they were, some at a time. */
static void give_pushes(struct exec *exec, const struct moving *moving)
{
    const struct key key = exec_key(exec, 2);
    const enum list_end to = moving->words.to;
    struct bytes words[2 + EFFECT_ITEMS] = {to == LIST_HEAD ? BYTES("LPUSH") : BYTES("RPUSH"), key.name};
    struct list_walk walk;
    struct item item;
    uint64_t left = moving->count;
    list_walk_begin(&walk, entry_at(exec, 2), to == LIST_HEAD ? left - 1 : first_moved(exec, moving),
                    to == LIST_HEAD ? LIST_TAIL : LIST_HEAD);
    while (left > 0) {
        uint32_t count = 2;
        for (; left > 0 && count < 2 + EFFECT_ITEMS; left--) {
            char *copy = NULL;
            if (list_walk_next(&walk, &item)) {
                copy = exec_scratch(exec, item_is_integer(&item) ? (size_t)ITEM_SCRATCH : item.len + 1);
            }
            if (copy == NULL) {
                list_walk_end(&walk);
                exec_effect_lost(exec);
                return;
            }
            words[count] = item_text(&item, copy);
            if (words[count].data != copy) {
                memcpy(copy, words[count].data, words[count].len);
                words[count].data = copy;
            }
            count++;
        }
        exec_effect(exec, key, words, count);
    }
    list_walk_end(&walk);
}

/* One that blocks is repeated as one that does not, and moves what it has moved. */
static void give_unblocked(struct exec *exec, const struct moving *moving)
{
    const struct move_words *said = &moving->words;
    char number[INT64_TEXT_MAX];
    const struct bytes words[] = {
        BYTES("LMOVEM"), exec->argv[1], exec->argv[2], said->from == LIST_HEAD ? BYTES("LEFT") : BYTES("RIGHT"),
        said->to == LIST_HEAD ? BYTES("LEFT") : BYTES("RIGHT"), BYTES("EXACTLY"),
        {number, int64_format((int64_t)moving->count, number)}, said->is_in_bulk ? BYTES("BULK") : BYTES("OBO"),
    };
    exec_effect(exec, exec_key(exec, 1), words, sizeof words / sizeof words[0]);
}

static void report(struct exec *exec, const struct moving *moving, bool is_empty)
{
    const struct key source = exec_key(exec, 1);
    const enum list_end from = moving->words.from;
    exec_changed_by(exec, exec_key(exec, 2), moving->words.to == LIST_HEAD ? EVENT_LPUSH : EVENT_RPUSH, moving->count);
    if (exec->is_spread && exec_wants_effects(exec)) {
        give_pushes(exec, moving);
    }
    exec_event(exec, source, from == LIST_HEAD ? EVENT_LPOP : EVENT_RPOP);
    if (is_empty) {
        exec_event(exec, source, EVENT_DEL);
    }
    if (exec->is_spread) {
        exec_effect_number(exec, source, from == LIST_HEAD ? BYTES("LPOP") : BYTES("RPOP"), (int64_t)moving->count);
    } else if ((exec->spec->flags & COMMAND_BLOCKING) != 0) {
        give_unblocked(exec, moving);
    }
}

/* All items were added. False: memory was refused, which is replied, and all is as before. */
static bool finish(struct exec *exec, struct moving *moving, enum result result)
{
    bool is_empty = false;
    if (result == RESULT_OK) {
        result = drop(exec, moving, &is_empty);
    }
    if (UNLIKELY(result != RESULT_OK)) {
        undo(exec, moving);
        reply_result_error(exec->reply, result);
        return false;
    }
    report(exec, moving, is_empty);
    moving->done = 0;
    return true;
}

/* --- REPLY --- */

/* True: all were replied; false: the step is over. `is_step`: it may be. */
static bool reply_moved(struct exec *exec, struct moving *moving, bool is_step)
{
    struct list_walk walk;
    struct item item;
    if (moving->done == 0) {
        reply_array(exec->reply, (size_t)moving->count);
    }
    list_walk_begin(&walk, entry_at(exec, 2), first_moved(exec, moving) + moving->done, LIST_HEAD);
    while (moving->done < moving->count && list_walk_next(&walk, &item)) {
        reply_item(exec->reply, &item);
        moving->done++;
        if (is_step && moving->done % MOVE_PER_LOOK == 0 && exec_step_is_over(exec)) {
            break;
        }
    }
    if (list_walk_is_refused(&walk)) {
        exec->reply->is_broken = true; /* the header said more */
        moving->done = moving->count;
    }
    list_walk_end(&walk);
    return moving->done == moving->count;
}

/* --- at once --- */

static void move_at_once(struct exec *exec, struct moving *moving)
{
    enum result result = RESULT_OK;
    while (moving->done < moving->count && result == RESULT_OK) {
        result = push_next(exec, moving);
    }
    if (finish(exec, moving, result)) {
        (void)reply_moved(exec, moving, false);
    }
}

/* --- in steps --- */

struct move_job {
    struct job job;
    struct moving moving;
    struct key_lock lock;
};

static bool plan(struct exec *exec, const struct move_words *words, struct moving *out);

static enum job_status reply_step(struct job *job, struct exec *exec)
{
    struct move_job *work = (struct move_job *)job;
    exec->now_ms = work->lock.granted_ms;
    return reply_moved(exec, &work->moving, true) ? JOB_DONE : JOB_MORE;
}

static enum job_status push_step(struct job *job, struct exec *exec)
{
    struct move_job *work = (struct move_job *)job;
    struct moving *moving = &work->moving;
    enum result result = RESULT_OK;
    exec->now_ms = work->lock.granted_ms;
    exec->must_finish = true;
    while (moving->done < moving->count && result == RESULT_OK) {
        result = push_next(exec, moving);
        if (result == RESULT_OK && moving->done % MOVE_PER_LOOK == 0 && moving->done < moving->count && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (!finish(exec, moving, result)) {
        return JOB_DONE;
    }
    job->step = reply_step;
    return JOB_MORE;
}

static enum job_status lock_step(struct job *job, struct exec *exec)
{
    struct move_job *work = (struct move_job *)job;
    if (!exec_lock(exec, &work->lock)) {
        return JOB_WAIT;
    }
    exec->now_ms = work->lock.granted_ms;
    const struct move_words words = work->moving.words;
    if (!plan(exec, &words, &work->moving)) { /* the lists are others than when the command came */
        return JOB_DONE;
    }
    job->step = push_step;
    return JOB_MORE;
}

static void destroy(struct job *job, struct exec *exec)
{
    struct move_job *work = (struct move_job *)job;
    exec_unlock(exec, &work->lock);
    key_lock_close(&work->lock);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

static void start_job(struct exec *exec, const struct moving *moving)
{
    struct move_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    if (work == NULL || !key_lock_open(&work->lock, 2, KEY_LOCK_EXCLUSIVE)) {
        if (work != NULL) {
            thread_free(MEM_CLIENT, work, sizeof *work);
        }
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    key_lock_add(&work->lock, exec_key(exec, 1));
    key_lock_add(&work->lock, exec_key(exec, 2));
    work->job = (struct job){lock_step, destroy, exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number};
    work->moving = *moving;
    exec_start_job(exec, &work->job);
}

/* --- LMOVEM, BLMOVEM --- */

/* Replies what stands for nothing moved. */
static void reply_none(struct exec *exec, const struct move_words *words)
{
    if (words->is_exact) {
        reply_null_array(exec->reply);
    } else {
        reply_array(exec->reply, 0);
    }
}

/* Has the list what is to be moved? NULL: there is none. */
static bool has_enough(const struct entry *entry, const struct move_words *words)
{
    return entry != NULL && (!words->is_exact || list_count(entry) >= words->count);
}

/* What is to be moved; false: nothing, which was replied, or an error. */
static bool plan(struct exec *exec, const struct move_words *words, struct moving *out)
{
    const struct key source = exec_key(exec, 1);
    const struct key target = exec_key(exec, 2);
    struct entry *entry = exec_find_write(exec, source);
    if (!check_list(exec, entry)) {
        return false;
    }
    if (!has_enough(entry, words)) {
        reply_none(exec, words);
        return false;
    }
    if (!check_list(exec, exec_find_write(exec, target))) {
        return false;
    }
    *out = (struct moving){.words = *words, .is_same = bytes_equal(source.name, target.name), .source_count = list_count(entry)};
    out->count = words->count < out->source_count ? words->count : out->source_count;
    out->is_ascending = words->is_in_bulk ? words->to == LIST_TAIL : words->from == LIST_HEAD;
    return true;
}

static void move_many(struct exec *exec, const struct move_words *words)
{
    struct moving moving;
    if (!plan(exec, words, &moving)) {
        return;
    }
    if (moving.count <= MOVE_AT_ONCE) {
        move_at_once(exec, &moving);
    } else {
        start_job(exec, &moving);
    }
}

static void command_lmovem(struct exec *exec)
{
    struct move_words words;
    if (read_words(exec, 5, &words)) {
        move_many(exec, &words);
    }
}

static void command_blmovem(struct exec *exec)
{
    struct block block = {.first_key = 1, .key_count = 1, .type = VALUE_LIST};
    struct move_words words;
    if (!read_words(exec, 6, &words) || !exec_timeout_argument(exec, 5, &block.timeout_ms)) {
        return;
    }
    struct entry *entry = exec_find_write(exec, exec_key(exec, 1));
    if (!check_list(exec, entry)) {
        return;
    }
    if (has_enough(entry, &words)) {
        move_many(exec, &words);
    } else if (!exec_block(exec, &block)) {
        reply_null_array(exec->reply);
    }
}

#define MOVE_MANY_ROW                                                                                                         \
    .scope = SCOPE_KEYS, .keys = {1, 2, 1}, .group = "list", .since = "8.10.0", .complexity = "O(N), N the items moved",      \
    .key_flags = "RW access delete|RW insert"

const struct command_spec list_move_many_commands[] = {
    {.name = "blmovem", .run = command_blmovem, .arity = -6, MOVE_MANY_ROW,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_BLOCKING,
     .summary = "As LMOVEM, and waits until the list has items, or as many as are wanted, for so many seconds at most.",
     .syntax = "source destination LEFT|RIGHT LEFT|RIGHT timeout [(COUNT count|EXACTLY count) OBO|BULK]"},
    {.name = "lmovem", .run = command_lmovem, .arity = -5, MOVE_MANY_ROW, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .summary = "Moves items from an end of one list to an end of another, and returns them.",
     .syntax = "source destination LEFT|RIGHT LEFT|RIGHT [(COUNT count|EXACTLY count) OBO|BULK]"},
    {0},
};
