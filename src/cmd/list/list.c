/* list.c - LPUSH, RPUSH and the like, LLEN, LMOVE, RPOPLPUSH, BLMOVE, BRPOPLPUSH: what happens at the ends of lists.
 *
 * Threads    The holder of the keys' batons.  */
#include "cmd/core/answers.h"
#include "cmd/core/limits.h"
#include "cmd/core/words.h"
#include "cmd/list/list_rows.h"
#include "cmd/list/list_task.h"
#include "exec/exec.h"

/* --- pushing --- */

/* Pushes argv[from] up to argv[stop]; on refusal everything from argv[2] on leaves again. */
static enum result push_words(struct exec *exec, struct value *value, enum list_end end, uint32_t from, uint32_t stop)
{
    const struct encoding_limits limits = exec_limits(exec);
    for (uint32_t i = from; i < stop; i++) {
        const enum result result = list_push(value, &limits, end, exec->argv[i]);
        if (LIKELY(result == RESULT_OK)) {
            continue;
        }
        while (--i >= 2 && list_drop(value, end) == RESULT_OK) {
        }
        if (value->is_new || list_count(value->entry) == 0) {
            value_remove(value);
        }
        return result;
    }
    return RESULT_OK;
}

static enum event push_event(enum list_end end)
{
    return end == LIST_HEAD ? EVENT_LPUSH : EVENT_RPUSH;
}

/* --- the same for very many words --- */

struct pushing {
    struct words words;
    enum list_end end;
    bool must_exist;
};

static bool begin_push(struct words *words, struct exec *exec)
{
    const struct entry *entry = exec_find_write(exec, exec_key(exec, 1));
    if (!check_list(exec, entry)) {
        return false;
    }
    if (entry == NULL && ((struct pushing *)words)->must_exist) {
        reply_integer(exec->reply, 0);
        return false;
    }
    return true;
}

static bool push_some(struct words *words, struct exec *exec, uint32_t end)
{
    const struct key key = exec_key(exec, 1);
    struct value value;
    value_open(&value, exec_keyspace(exec, key), key, exec_find_write(exec, key));
    const enum result result = push_words(exec, &value, ((struct pushing *)words)->end, words->at, end);
    words->tally.count = result == RESULT_OK ? (int64_t)list_count(value.entry) : 0;
    const enum result closed = value_close(&value);
    words->tally.result = result == RESULT_OK ? closed : result;
    words->at = end;
    return words->tally.result == RESULT_OK;
}

static void finish_push(struct words *words, struct exec *exec)
{
    if (words->tally.result == RESULT_OK) {
        exec_changed_by(exec, exec_key(exec, 1), push_event(((struct pushing *)words)->end), exec->argc - 2);
    }
    reply_tally(exec, &words->tally);
}

static const struct words_kind push_kind = {.size = sizeof(struct pushing), .mode = KEY_LOCK_EXCLUSIVE, .begin = begin_push,
                                            .run = push_some, .finish = finish_push};

static void push(struct exec *exec, enum list_end end, bool must_exist)
{
    if (words_are_many(exec)) {
        const struct pushing work = {.words = {.first = 2, .step = 1}, .end = end, .must_exist = must_exist};
        words_start(exec, &push_kind, &work.words);
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_list(exec, entry)) {
        return;
    }
    if (entry == NULL && must_exist) {
        reply_integer(exec->reply, 0);
        return;
    }
    struct value value;
    value_open(&value, exec_keyspace(exec, key), key, entry);
    enum result result = push_words(exec, &value, end, 2, exec->argc);
    const uint64_t count = result == RESULT_OK ? list_count(value.entry) : 0;
    const enum result close_result = value_close(&value);
    result = result == RESULT_OK ? close_result : result;
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed_by(exec, key, push_event(end), exec->argc - 2);
    reply_integer(exec->reply, (int64_t)count);
}

static void command_lpush(struct exec *exec)
{
    push(exec, LIST_HEAD, false);
}

static void command_rpush(struct exec *exec)
{
    push(exec, LIST_TAIL, false);
}

static void command_lpushx(struct exec *exec)
{
    push(exec, LIST_HEAD, true);
}

static void command_rpushx(struct exec *exec)
{
    push(exec, LIST_TAIL, true);
}

static void command_llen(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (check_list(exec, entry)) {
        reply_integer(exec->reply, entry == NULL ? 0 : (int64_t)list_count(entry));
    }
}

/* --- moving --- */

static enum event pop_event(enum list_end end)
{
    return end == LIST_HEAD ? EVENT_LPOP : EVENT_RPOP;
}

/* Removes the item at an end of the list at `key`, which has one, without any report: *is_empty says that the key is gone. */
static enum result drop(struct exec *exec, struct key key, enum list_end end, bool *is_empty)
{
    struct keyspace *ks = exec_keyspace(exec, key);
    struct value value;
    value_open(&value, ks, key, keyspace_find(ks, key, exec->now_ms));
    const enum result result = list_drop(&value, end);
    *is_empty = result == RESULT_OK && list_count(value.entry) == 0;
    if (*is_empty) {
        value_remove(&value);
    } else {
        const enum result close_result = value_close(&value);
        (void)close_result; /* never refused: the value is not new */
    }
    return result;
}

/* Adds an item to the list at `key`. */
static enum result add(struct exec *exec, struct key key, enum list_end end, struct bytes text)
{
    const struct encoding_limits limits = exec_limits(exec);
    struct keyspace *ks = exec_keyspace(exec, key);
    struct value value;
    value_open(&value, ks, key, keyspace_find(ks, key, exec->now_ms));
    const enum result result = list_push(&value, &limits, end, text);
    const enum result close_result = value_close(&value);
    return result == RESULT_OK ? close_result : result;
}

/* The item at an end, as text that outlives changes. False: no memory. */
static bool copy_end(struct exec *exec, const struct entry *entry, enum list_end end, struct bytes *out)
{
    const struct item item = list_end_item(entry, end);
    char *copy = exec_scratch(exec, item_is_integer(&item) ? (size_t)ITEM_SCRATCH : item.len + 1);
    if (copy == NULL) {
        return false;
    }
    *out = item_text(&item, copy);
    if (out->data != copy) {
        memcpy(copy, out->data, out->len);
        out->data = copy;
    }
    return true;
}

static struct bytes end_name(enum list_end end)
{
    return end == LIST_HEAD ? BYTES("LEFT") : BYTES("RIGHT");
}

/* Reports that `text` has gone from argv[1] to argv[2]. Two shards repeat it each by its own part; a command that blocks is repeated as one
 * that does not. */
static void report_move(struct exec *exec, enum list_end from, enum list_end to, struct bytes text, bool is_empty)
{
    const struct key source = exec_key(exec, 1);
    const struct key target = exec_key(exec, 2);
    exec_changed(exec, target, push_event(to));
    if (exec->is_spread) {
        const struct bytes words[] = {to == LIST_HEAD ? BYTES("LPUSH") : BYTES("RPUSH"), target.name, text};
        exec_effect(exec, target, words, 3);
    }
    exec_event(exec, source, pop_event(from));
    if (is_empty) {
        exec_event(exec, source, EVENT_DEL);
    }
    if (exec->is_spread) {
        const struct bytes words[] = {from == LIST_HEAD ? BYTES("LPOP") : BYTES("RPOP"), source.name};
        exec_effect(exec, source, words, 2);
    } else if ((exec->spec->flags & COMMAND_BLOCKING) != 0) {
        const struct bytes words[] = {BYTES("LMOVE"), source.name, target.name, end_name(from), end_name(to)};
        exec_effect(exec, source, words, 5);
    }
}

/* An item of the list at argv[1], `entry`, goes to argv[2]. */
static void move_item(struct exec *exec, struct entry *entry, enum list_end from, enum list_end to)
{
    const struct key source = exec_key(exec, 1);
    const struct key target = exec_key(exec, 2);
    struct bytes text;
    if (!copy_end(exec, entry, from, &text)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (!check_list(exec, exec_find_write(exec, target))) {
        return;
    }
    bool is_empty = false;
    enum result result = add(exec, target, to, text);
    if (result == RESULT_OK) {
        result = drop(exec, source, from, &is_empty);
        if (result != RESULT_OK) {
            bool is_gone;
            const enum result undone = drop(exec, target, to, &is_gone);
            (void)undone;
        }
    }
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    report_move(exec, from, to, text, is_empty);
    reply_bulk(exec->reply, text);
}

static void move(struct exec *exec, enum list_end from, enum list_end to)
{
    struct entry *entry = exec_find_write(exec, exec_key(exec, 1));
    if (entry == NULL) {
        reply_null(exec->reply);
    } else if (check_list(exec, entry)) {
        move_item(exec, entry, from, to);
    }
}

/* The time-out is the last word. */
static void move_or_block(struct exec *exec, enum list_end from, enum list_end to)
{
    struct block block = {.first_key = 1, .key_count = 1, .type = VALUE_LIST};
    if (!exec_timeout_argument(exec, exec->argc - 1, &block.timeout_ms)) {
        return;
    }
    struct entry *entry = exec_find_write(exec, exec_key(exec, 1));
    if (entry == NULL) {
        if (!exec_block(exec, &block)) {
            reply_null(exec->reply);
        }
    } else if (check_list(exec, entry)) {
        move_item(exec, entry, from, to);
    }
}

static void command_blmove(struct exec *exec)
{
    enum list_end from, to;
    if (list_end_argument(exec, 3, &from) && list_end_argument(exec, 4, &to)) {
        move_or_block(exec, from, to);
    }
}

static void command_brpoplpush(struct exec *exec)
{
    move_or_block(exec, LIST_TAIL, LIST_HEAD);
}

static void command_lmove(struct exec *exec)
{
    enum list_end from, to;
    if (list_end_argument(exec, 3, &from) && list_end_argument(exec, 4, &to)) {
        move(exec, from, to);
    }
}

static void command_rpoplpush(struct exec *exec)
{
    move(exec, LIST_TAIL, LIST_HEAD);
}

#define PUSH_ROW                                                                                                              \
    .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1},             \
    .group = "list", .complexity = "O(N), N the items given", .syntax = "key element [element ...]",                          \
    .key_flags = "RW insert", .locks_when_long = true
#define MOVE_ROW                                                                                                              \
    .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM, .keys = {1, 2, 1}, .group = "list", .complexity = "O(1)",  \
    .key_flags = "RW access delete|RW insert"

#define BLOCKING_MOVE_ROW                                                                                                     \
    .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_NOSCRIPT | COMMAND_BLOCKING, .keys = {1, 2, 1},   \
    .group = "list", .complexity = "O(1)", .key_flags = "RW access delete|RW insert"

const struct command_spec list_commands[] = {
    {.name = "blmove", .run = command_blmove, .arity = 6, .since = "6.2.0", BLOCKING_MOVE_ROW,
     .summary = "As LMOVE, and waits until the list exists, for so many seconds at most.",
     .syntax = "source destination LEFT|RIGHT LEFT|RIGHT timeout"},
    {.name = "brpoplpush", .run = command_brpoplpush, .arity = 4, .since = "2.2.0", BLOCKING_MOVE_ROW,
     .summary = "As RPOPLPUSH, and waits until the list exists, for so many seconds at most.",
     .syntax = "source destination timeout"},
    {.name = "llen", .run = command_llen, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "list", .complexity = "O(1)", .summary = "Returns how many items a list has.",
     .syntax = "key", .key_flags = "RO"},
    {.name = "lmove", .run = command_lmove, .arity = 5, .since = "6.2.0", MOVE_ROW,
     .summary = "Moves the item at an end of one list to an end of another, and returns it.",
     .syntax = "source destination LEFT|RIGHT LEFT|RIGHT"},
    {.name = "lpush", .run = command_lpush, PUSH_ROW, .since = "1.0.0",
     .summary = "Puts items before the first one of a list, which is made when there is none."},
    {.name = "lpushx", .run = command_lpushx, PUSH_ROW, .since = "2.2.0",
     .summary = "Puts items before the first one of a list that exists."},
    {.name = "rpoplpush", .run = command_rpoplpush, .arity = 3, .since = "1.2.0", MOVE_ROW,
     .summary = "Moves the last item of one list to the head of another, and returns it.", .syntax = "source destination"},
    {.name = "rpush", .run = command_rpush, PUSH_ROW, .since = "1.0.0",
     .summary = "Puts items behind the last one of a list, which is made when there is none."},
    {.name = "rpushx", .run = command_rpushx, PUSH_ROW, .since = "2.2.0",
     .summary = "Puts items behind the last one of a list that exists."},
    {0},
};
