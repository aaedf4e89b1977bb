/* list_read.c - LRANGE, LINDEX, LPOS: what is in a list.
 *
 * Threads    The holder of the key's baton.  */
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/core/reply_item.h"
#include "cmd/list/list_rows.h"
#include "cmd/list/list_task.h"
#include "exec/exec.h"

/* --- LRANGE --- */

static void range_begin(struct list_task *task, struct exec *exec)
{
    reply_array(exec->reply, (size_t)task->left);
}

static bool range_look(struct list_task *task, struct exec *exec, const struct item *item)
{
    (void)task;
    reply_item(exec->reply, item);
    return true;
}

static const struct list_task_kind range_kind = {
    .size = sizeof(struct list_task), .replies_at_once = true, .begin = range_begin, .look = range_look,
};

static void command_lrange(struct exec *exec)
{
    int64_t first, last;
    if (!exec_int64_argument(exec, 2, &first) || !exec_int64_argument(exec, 3, &last)) {
        return;
    }
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_list(exec, entry)) {
        return;
    }
    struct list_range range = {0};
    if (entry != NULL) {
        range = list_range_of(list_count(entry), first, last);
    }
    if (range.count == 0) {
        reply_array(exec->reply, 0);
        return;
    }
    struct list_task task = {.kind = &range_kind, .key_at = 1, .first = range.first, .left = range.count};
    list_task_run(exec, &task, entry);
}

/* --- LINDEX --- */

static const struct list_task_kind index_kind = {.size = sizeof(struct list_task), .replies_at_once = true, .look = range_look};

static void command_lindex(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (entry == NULL) {
        reply_null(exec->reply);
        return;
    }
    int64_t index;
    if (!check_list(exec, entry) || !exec_int64_argument(exec, 2, &index)) {
        return;
    }
    struct list_task task = {.kind = &index_kind, .key_at = 1, .left = 1};
    if (!list_index_of(list_count(entry), index, &task.first)) {
        reply_null(exec->reply);
        return;
    }
    list_task_run(exec, &task, entry);
}

/* --- LPOS --- */

struct position_task {
    struct list_task task;
    struct list_word word;
    uint64_t items;          /* of the list */
    uint64_t seen;
    uint64_t rank;           /* matches, the one wanted first included, that are yet to come */
    uint64_t count;          /* positions wanted; 0: all */
    uint64_t found;
    size_t mark;
    bool has_count;
    bool is_rank_lowest;     /* the lowest integer has no opposite: Redis then takes the last match on, and no count */
};

static void position_begin(struct list_task *task, struct exec *exec)
{
    struct position_task *position = (struct position_task *)task;
    if (position->has_count) {
        position->mark = reply_deferred_begin(exec->reply);
    }
}

static bool position_look(struct list_task *task, struct exec *exec, const struct item *item)
{
    struct position_task *position = (struct position_task *)task;
    const uint64_t at = position->seen++;
    if (!list_is_word(item, &position->word, exec->argv[2])) {
        return true;
    }
    if (position->rank > 1) {
        position->rank--;
        return true;
    }
    position->found++;
    reply_integer(exec->reply, (int64_t)(task->from == LIST_HEAD ? at : position->items - 1 - at));
    return position->has_count && (position->count == 0 || position->found < position->count);
}

static bool position_finish(struct list_task *task, struct exec *exec)
{
    struct position_task *position = (struct position_task *)task;
    if (position->has_count) {
        reply_deferred_end(exec->reply, position->mark, '*', (size_t)position->found);
    } else if (position->found == 0) {
        reply_null(exec->reply);
    }
    return true;
}

static const struct list_task_kind position_kind = {
    .size = sizeof(struct position_task), .replies_at_once = true,
    .begin = position_begin, .look = position_look, .finish = position_finish,
};
/* The same for one position, whose reply comes last. */
static const struct list_task_kind first_position_kind = {
    .size = sizeof(struct position_task), .look = position_look, .finish = position_finish,
};

enum position_option { POSITION_RANK = 1 << 0, POSITION_COUNT = 1 << 1, POSITION_MAXLEN = 1 << 2 };

static const struct option position_options[] = {
    {"RANK", .sets = POSITION_RANK, .has_value = true},
    {"COUNT", .sets = POSITION_COUNT, .has_value = true},
    {"MAXLEN", .sets = POSITION_MAXLEN, .has_value = true},
    {0},
};

/* A number that is not negative; otherwise replies `error`. */
static bool read_natural(struct exec *exec, uint32_t index, const char *error, uint64_t *out)
{
    int64_t number;
    if (!int64_parse(exec->argv[index], &number) || number < 0) {
        reply_error(exec->reply, error);
        return false;
    }
    *out = (uint64_t)number;
    return true;
}

static bool read_rank(struct exec *exec, uint32_t index, struct position_task *position)
{
    int64_t rank;
    if (!exec_int64_argument(exec, index, &rank)) {
        return false;
    }
    if (rank == 0) {
        reply_error(exec->reply, "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
                                 "negative to start from the end of the list");
        return false;
    }
    position->task.from = rank < 0 ? LIST_TAIL : LIST_HEAD;
    position->rank = rank < 0 ? 0 - (uint64_t)rank : (uint64_t)rank;
    position->is_rank_lowest = rank == INT64_MIN;
    return true;
}

/* Reads one option's value; replies the error. */
static bool read_option(struct exec *exec, const struct option_walk *walk, struct position_task *position, uint64_t *max_len)
{
    switch (walk->option->sets) {
    case POSITION_RANK:
        return read_rank(exec, walk->value, position);
    case POSITION_COUNT:
        position->has_count = true;
        return read_natural(exec, walk->value, "ERR COUNT can't be negative", &position->count);
    default:
        return read_natural(exec, walk->value, "ERR MAXLEN can't be negative", max_len);
    }
}

static void command_lpos(struct exec *exec)
{
    struct position_task position = {.task = {.key_at = 1}, .rank = 1};
    uint64_t max_len = 0;
    struct option_walk options = {.at = 3};
    while (option_next(exec, position_options, &options)) {
        if (!read_option(exec, &options, &position, &max_len)) {
            return;
        }
    }
    if (options.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (entry == NULL) {
        if (position.has_count) {
            reply_array(exec->reply, 0);
        } else {
            reply_null(exec->reply);
        }
        return;
    }
    if (!check_list(exec, entry)) {
        return;
    }
    if (position.is_rank_lowest) {
        position.rank = 1;
        position.count = 0;
    }
    struct list_task *task = &position.task;
    position.items = list_count(entry);
    position.word = list_word_of(exec->argv[2]);
    task->left = max_len == 0 || max_len > position.items ? position.items : max_len;
    task->first = task->from == LIST_HEAD ? 0 : position.items - 1;
    task->kind = position.has_count ? &position_kind : &first_position_kind;
    list_task_run(exec, task, entry);
}

const struct command_spec list_read_commands[] = {
    {.name = "lindex", .run = command_lindex, .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "1.0.0", .group = "list", .complexity = "O(N), N the nodes of the list up to the item; O(1) at both ends",
     .summary = "Returns one item of a list by its index; negative ones count from the tail.", .syntax = "key index"},
    {.name = "lpos", .run = command_lpos, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "6.0.6", .group = "list", .complexity = "O(N), N the items that are looked at",
     .summary = "Returns where in a list an item is: the first match, or as many as are wanted.",
     .syntax = "key element [RANK rank] [COUNT num-matches] [MAXLEN len]"},
    {.name = "lrange", .run = command_lrange, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "1.0.0", .group = "list", .complexity = "O(S+N), S the nodes up to the first item, N the items returned",
     .summary = "Returns the items of a list between two indexes; negative ones count from the tail.",
     .syntax = "key start stop"},
    {0},
};
