/* list_pop.c - LPOP, RPOP, LMPOP, BLPOP, BRPOP, BLMPOP: items leave a list at its ends.
 *
 * Threads    The holder of the keys' batons.  */
#include "cmd/core/answers.h"
#include "cmd/core/effects.h"
#include "cmd/core/option.h"
#include "cmd/core/reply_item.h"
#include "cmd/list/list_rows.h"
#include "cmd/list/list_task.h"
#include "exec/exec.h"

/* --- several --- */

struct pop_task {
    struct list_task task;
    uint64_t count;
    bool has_name;           /* LMPOP: the key's name comes first */
};

static void pop_begin(struct list_task *task, struct exec *exec)
{
    const struct pop_task *pop = (const struct pop_task *)task;
    if (pop->has_name) {
        reply_array(exec->reply, 2);
        reply_bulk(exec->reply, exec->argv[task->key_at]);
    }
    reply_array(exec->reply, (size_t)pop->count);
}

static bool pop_look(struct list_task *task, struct exec *exec, const struct item *item)
{
    (void)task;
    reply_item(exec->reply, item);
    return true;
}

static enum event pop_event(enum list_end end)
{
    return end == LIST_HEAD ? EVENT_LPOP : EVENT_RPOP;
}

/* LMPOP is repeated as a pop of the key that it has found. */
static void give_pop(struct exec *exec, const struct pop_task *pop, struct key key)
{
    if (pop->has_name) {
        exec_effect_number(exec, key, pop->task.from == LIST_HEAD ? BYTES("LPOP") : BYTES("RPOP"), (int64_t)pop->count);
    }
}

static bool pop_finish(struct list_task *task, struct exec *exec)
{
    const struct pop_task *pop = (const struct pop_task *)task;
    const struct key key = exec_key(exec, task->key_at);
    struct entry *entry = list_task_take(task, exec);
    if (entry == NULL) {
        return true; /* it has expired while it was read: the items are gone all the same */
    }
    const uint64_t items = list_count(entry);
    if (pop->count == items) {
        list_delete_key(exec, key, pop_event(task->from), pop->count);
        give_pop(exec, pop, key);
        return true;
    }
    struct value value;
    value_open(&value, exec_keyspace(exec, key), key, entry);
    const enum result result = list_delete(&value, task->from == LIST_HEAD ? 0 : items - pop->count, pop->count);
    if (result != RESULT_OK) {
        reply_rewind(exec->reply);
    }
    if (list_end_change(exec, &value, result, pop_event(task->from), pop->count)) {
        give_pop(exec, pop, key);
    }
    return true;
}

static const struct list_task_kind pop_kind = {
    .size = sizeof(struct pop_task), .replies_at_once = true, .changes = true,
    .begin = pop_begin, .look = pop_look, .finish = pop_finish,
};

/* Pops up to `count` (> 0) items of the list whose key is at argv[key_at]. */
static void pop_many(struct exec *exec, uint32_t key_at, struct entry *entry, enum list_end end, uint64_t count)
{
    const uint64_t items = list_count(entry);
    struct pop_task pop = {
        .task = {.kind = &pop_kind, .key_at = key_at, .from = end, .first = end == LIST_HEAD ? 0 : items - 1},
        .count = count < items ? count : items,
        .has_name = exec->spec->keys.first != (int16_t)key_at,
    };
    pop.task.left = pop.count;
    list_task_run(exec, &pop.task, entry);
}

/* --- LPOP, RPOP --- */

static void pop_one(struct exec *exec, struct key key, struct entry *entry, enum list_end end)
{
    const struct item item = list_end_item(entry, end);
    reply_item(exec->reply, &item);
    struct value value;
    value_open(&value, exec_keyspace(exec, key), key, entry);
    const enum result result = list_drop(&value, end);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_rewind(exec->reply);
    }
    list_end_change(exec, &value, result, pop_event(end), 1);
}

static void pop(struct exec *exec, enum list_end end)
{
    if (exec->argc > 3) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    const bool has_count = exec->argc == 3;
    int64_t count = 0;
    if (has_count && (!int64_parse(exec->argv[2], &count) || count < 0)) {
        reply_error(exec->reply, "ERR value is out of range, must be positive");
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (entry == NULL) {
        if (has_count) {
            reply_null_array(exec->reply);
        } else {
            reply_null(exec->reply);
        }
        return;
    }
    if (!check_list(exec, entry)) {
        return;
    }
    if (!has_count) {
        pop_one(exec, key, entry, end);
    } else if (count == 0) {
        reply_array(exec->reply, 0);
    } else {
        pop_many(exec, 1, entry, end, (uint64_t)count);
    }
}

static void command_lpop(struct exec *exec)
{
    pop(exec, LIST_HEAD);
}

static void command_rpop(struct exec *exec)
{
    pop(exec, LIST_TAIL);
}

/* --- LMPOP --- */

/* A number that is not less than 1; otherwise replies `error`. */
static bool read_positive(struct exec *exec, uint32_t index, const char *error, int64_t *out)
{
    if (!int64_parse(exec->argv[index], out) || *out < 1) {
        reply_error(exec->reply, error);
        return false;
    }
    return true;
}

enum { MPOP_COUNT = 1 };

static const struct option mpop_options[] = {
    {"COUNT", .sets = MPOP_COUNT, .excludes = MPOP_COUNT, .has_value = true},
    {0},
};

/* What the words of LMPOP and BLMPOP say. */
struct mpop {
    uint32_t first_key, key_count;
    enum list_end end;
    int64_t count;
};

/* Reads what is behind the keys, from argv[at] on; replies the error. */
static bool read_mpop_end(struct exec *exec, uint32_t at, enum list_end *end, int64_t *count)
{
    if (!list_end_argument(exec, at, end)) {
        return false;
    }
    struct option_walk options = {.at = at + 1};
    while (option_next(exec, mpop_options, &options)) {
        if (!read_positive(exec, options.value, "ERR count should be greater than 0", count)) {
            return false;
        }
    }
    if (options.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return true;
}

/* The number of keys is argv[count_at]; replies the error. */
static bool read_mpop(struct exec *exec, uint32_t count_at, struct mpop *out)
{
    int64_t key_count;
    *out = (struct mpop){.first_key = count_at + 1, .count = 1};
    if (!read_positive(exec, count_at, "ERR numkeys should be greater than 0", &key_count)) {
        return false;
    }
    if (key_count >= (int64_t)exec->argc - count_at - 1) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    out->key_count = (uint32_t)key_count;
    return read_mpop_end(exec, out->first_key + out->key_count, &out->end, &out->count);
}

/* Pops from the first key that has a list. False: none has. */
static bool pop_first(struct exec *exec, const struct mpop *mpop)
{
    for (uint32_t i = mpop->first_key; i < mpop->first_key + mpop->key_count; i++) {
        struct entry *entry = exec_find_write(exec, exec_key(exec, i));
        if (!check_list(exec, entry)) {
            return true;
        }
        if (entry != NULL) {
            pop_many(exec, i, entry, mpop->end, (uint64_t)mpop->count);
            return true;
        }
    }
    return false;
}

static void command_lmpop(struct exec *exec)
{
    struct mpop mpop;
    if (read_mpop(exec, 1, &mpop) && !pop_first(exec, &mpop)) {
        reply_null_array(exec->reply);
    }
}

/* --- BLPOP, BRPOP, BLMPOP --- */

static void command_blmpop(struct exec *exec)
{
    struct mpop mpop;
    struct block block = {.count_at = 2, .type = VALUE_LIST};
    if (!read_mpop(exec, 2, &mpop) || !exec_timeout_argument(exec, 1, &block.timeout_ms) || pop_first(exec, &mpop)) {
        return;
    }
    block.first_key = mpop.first_key;
    block.key_count = mpop.key_count;
    if (!exec_block(exec, &block)) {
        reply_null_array(exec->reply);
    }
}

/* One item, behind the key's name. It is repeated as a pop of the key that has one. */
static void pop_named(struct exec *exec, uint32_t key_at, struct entry *entry, enum list_end end)
{
    const struct key key = exec_key(exec, key_at);
    reply_array(exec->reply, 2);
    reply_bulk(exec->reply, key.name);
    pop_one(exec, key, entry, end);
    if (exec->effects != EFFECTS_NONE) {
        const struct bytes words[] = {end == LIST_HEAD ? BYTES("LPOP") : BYTES("RPOP"), key.name};
        exec_effect(exec, key, words, 2);
    }
}

static void pop_or_block(struct exec *exec, enum list_end end)
{
    struct block block = {.first_key = 1, .key_count = exec->argc - 2, .type = VALUE_LIST};
    if (!exec_timeout_argument(exec, exec->argc - 1, &block.timeout_ms)) {
        return;
    }
    for (uint32_t i = 1; i < exec->argc - 1; i++) {
        struct entry *entry = exec_find_write(exec, exec_key(exec, i));
        if (!check_list(exec, entry)) {
            return;
        }
        if (entry != NULL) {
            pop_named(exec, i, entry, end);
            return;
        }
    }
    if (!exec_block(exec, &block)) {
        reply_null_array(exec->reply);
    }
}

static void command_blpop(struct exec *exec)
{
    pop_or_block(exec, LIST_HEAD);
}

static void command_brpop(struct exec *exec)
{
    pop_or_block(exec, LIST_TAIL);
}

#define POP_ROW                                                                                                               \
    .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST, .keys = {1, 1, 1}, .since = "1.0.0",             \
    .group = "list", .complexity = "O(N), N the items returned", .syntax = "key [count]", .key_flags = "RW access delete"

static const struct command_key_spec mpop_keys[] = {
    {.flags = "RW access delete", .index = 1, .search = KEYS_COUNTED, .count_index = 0, .first = 1, .step = 1},
    {0},
};

static const struct command_key_spec blmpop_keys[] = {
    {.flags = "RW access delete", .index = 2, .search = KEYS_COUNTED, .count_index = 0, .first = 1, .step = 1},
    {0},
};

#define BLOCKING_POP_ROW                                                                                                      \
    .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_NOSCRIPT | COMMAND_BLOCKING, .keys = {1, -2, 1},       \
    .since = "2.0.0", .group = "list", .complexity = "O(N), N the keys given", .syntax = "key [key ...] timeout",             \
    .key_flags = "RW access delete"

const struct command_spec list_pop_commands[] = {
    {.name = "blmpop", .run = command_blmpop, .arity = -5, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_BLOCKING | COMMAND_MOVABLE_KEYS, .since = "7.0.0", .group = "list",
     .complexity = "O(N+M), N the keys given, M the items returned",
     .summary = "As LMPOP, and waits until a list exists, for so many seconds at most.",
     .syntax = "timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]", .key_specs = blmpop_keys},
    {.name = "blpop", .run = command_blpop, BLOCKING_POP_ROW,
     .summary = "Removes the first item of the first of several lists that exists, and waits for one, for so many seconds at most."},
    {.name = "brpop", .run = command_brpop, BLOCKING_POP_ROW,
     .summary = "Removes the last item of the first of several lists that exists, and waits for one, for so many seconds at most."},
    {.name = "lmpop", .run = command_lmpop, .arity = -4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_MOVABLE_KEYS,
     .since = "7.0.0", .group = "list", .complexity = "O(N+M), N the keys given, M the items returned",
     .summary = "Removes items from an end of the first of several lists that exists, and returns them.",
     .syntax = "numkeys key [key ...] LEFT|RIGHT [COUNT count]", .key_specs = mpop_keys},
    {.name = "lpop", .run = command_lpop, POP_ROW, .summary = "Removes the first item of a list, or several, and returns it."},
    {.name = "rpop", .run = command_rpop, POP_ROW, .summary = "Removes the last item of a list, or several, and returns it."},
    {0},
};
