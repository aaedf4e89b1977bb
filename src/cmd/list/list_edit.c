/* list_edit.c - LSET, LINSERT, LREM, LTRIM: changes within a list.
 *
 * Threads    The holder of the key's baton. Long lists are searched in steps; what was found is changed in one step.  */
#include "cmd/core/answers.h"
#include "cmd/core/limits.h"
#include "cmd/list/list_rows.h"
#include "cmd/list/list_task.h"
#include "exec/exec.h"
#include "mem/heap.h"

#include <assert.h>

/* The key of a task, opened for its change; *value has no entry when the key has expired meanwhile. */
static void open_taken(struct list_task *task, struct exec *exec, struct value *value)
{
    const struct key key = exec_key(exec, task->key_at);
    struct entry *entry = list_task_take(task, exec);
    value_open(value, exec_keyspace(exec, key), key, entry);
}

/* The list at argv[1], for writing. NULL: there is none, so 0 was replied, or something else is there, which was replied. */
static struct entry *find_list_to_edit(struct exec *exec)
{
    struct entry *entry = exec_find_write(exec, exec_key(exec, 1));
    if (entry == NULL) {
        reply_integer(exec->reply, 0);
    }
    return check_list(exec, entry) ? entry : NULL;
}

/* --- LSET --- */

static bool set_look(struct list_task *task, struct exec *exec, const struct item *item)
{
    (void)task;
    (void)exec;
    (void)item;
    return false;
}

static bool set_finish(struct list_task *task, struct exec *exec)
{
    const struct quicklist_place place = list_walk_place(&task->walk);
    const struct encoding_limits limits = exec_limits(exec);
    struct value value;
    open_taken(task, exec, &value);
    if (value.entry == NULL) {
        reply_error(exec->reply, ERROR_NO_KEY);
        return true;
    }
    const enum result result = list_replace(&value, &limits, place, exec->argv[3]);
    if (list_end_change(exec, &value, result, EVENT_LSET, 1)) {
        reply_ok(exec->reply);
    }
    return true;
}

static const struct list_task_kind set_kind = {.size = sizeof(struct list_task), .changes = true, .look = set_look, .finish = set_finish};

static void command_lset(struct exec *exec)
{
    struct entry *entry = exec_find_write(exec, exec_key(exec, 1));
    if (entry == NULL) {
        reply_error(exec->reply, ERROR_NO_KEY);
        return;
    }
    int64_t index;
    if (!check_list(exec, entry) || !exec_int64_argument(exec, 2, &index)) {
        return;
    }
    struct list_task task = {.kind = &set_kind, .key_at = 1, .left = 1};
    if (!list_index_of(list_count(entry), index, &task.first)) {
        reply_error(exec->reply, ERROR_OUT_OF_RANGE);
        return;
    }
    list_task_run(exec, &task, entry);
}

/* --- LINSERT --- */

struct insert_task {
    struct list_task task;
    struct list_word pivot;
    enum list_end side;
    bool is_found;
};

static bool insert_look(struct list_task *task, struct exec *exec, const struct item *item)
{
    struct insert_task *insert = (struct insert_task *)task;
    insert->is_found = list_is_word(item, &insert->pivot, exec->argv[3]);
    return !insert->is_found;
}

static bool insert_finish(struct list_task *task, struct exec *exec)
{
    struct insert_task *insert = (struct insert_task *)task;
    if (!insert->is_found) {
        reply_integer(exec->reply, -1);
        return true;
    }
    const struct quicklist_place place = list_walk_place(&task->walk);
    const struct encoding_limits limits = exec_limits(exec);
    struct value value;
    open_taken(task, exec, &value);
    if (value.entry == NULL) {
        reply_integer(exec->reply, 0);
        return true;
    }
    const enum result result = list_insert(&value, &limits, place, insert->side, exec->argv[4]);
    if (list_end_change(exec, &value, result, EVENT_LINSERT, 1)) {
        reply_integer(exec->reply, (int64_t)list_count(value.entry));
    }
    return true;
}

static const struct list_task_kind insert_kind = {
    .size = sizeof(struct insert_task), .changes = true, .look = insert_look, .finish = insert_finish,
};

static void command_linsert(struct exec *exec)
{
    const bool is_before = bytes_equal_ignore_case(exec->argv[2], BYTES("BEFORE"));
    if (!is_before && !bytes_equal_ignore_case(exec->argv[2], BYTES("AFTER"))) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    struct entry *entry = find_list_to_edit(exec);
    if (entry == NULL) {
        return;
    }
    struct insert_task insert = {
        .task = {.kind = &insert_kind, .key_at = 1, .left = list_count(entry)},
        .pivot = list_word_of(exec->argv[3]),
        .side = is_before ? LIST_HEAD : LIST_TAIL,
    };
    list_task_run(exec, &insert.task, entry);
}

/* --- LREM --- */

/* More matches than this are not removed one by one: a new list is made of the others, in steps, and takes the place. */
enum { REMOVE_PLACES = LIST_TASK_ITEMS };

struct remove_task {
    struct list_task task;
    struct list_word word;
    uint64_t limit;          /* matches wanted; 0: all */
    uint64_t found;
    uint64_t items;          /* of the list */
    uint64_t at;             /* items looked at */
    struct quicklist *others;
    struct keyspace *ks;     /* whose heap `others` is in */
    bool is_refused;
    struct quicklist_place places[REMOVE_PLACES]; /* of the first matches */
};

static bool remove_look(struct list_task *task, struct exec *exec, const struct item *item)
{
    struct remove_task *remove = (struct remove_task *)task;
    remove->at++;
    if (!list_is_word(item, &remove->word, exec->argv[3])) {
        return true;
    }
    if (remove->found < REMOVE_PLACES) {
        remove->places[remove->found] = list_walk_place(&task->walk);
    }
    remove->found++;
    return remove->found != remove->limit;
}

/* Ends LREM: `change` does it. */
static void end_removal(struct remove_task *remove, struct exec *exec, struct value *value, enum result result)
{
    if (value->entry == NULL) {
        reply_integer(exec->reply, 0);
    } else if (list_end_change(exec, value, result, EVENT_LREM, remove->found)) {
        reply_integer(exec->reply, (int64_t)remove->found);
    }
}

static void remove_places(struct remove_task *remove, struct exec *exec)
{
    const size_t count = (size_t)remove->found;
    for (size_t i = 0; remove->task.from == LIST_TAIL && i < count / 2; i++) {
        const struct quicklist_place swapped = remove->places[i];
        remove->places[i] = remove->places[count - 1 - i];
        remove->places[count - 1 - i] = swapped;
    }
    struct value value;
    open_taken(&remove->task, exec, &value);
    enum result result = RESULT_OK;
    if (value.entry != NULL) {
        result = list_delete_places(&value, remove->places, count);
    }
    end_removal(remove, exec, &value, result);
}

/* The second time through the list: what stays. */
static bool keep_look(struct list_task *task, struct exec *exec, const struct item *item)
{
    struct remove_task *remove = (struct remove_task *)task;
    const uint64_t at = remove->items - task->left;
    const bool is_in_reach = task->from == LIST_HEAD ? at < remove->at : at >= remove->items - remove->at;
    if (is_in_reach && list_is_word(item, &remove->word, exec->argv[3])) {
        return true;
    }
    remove->is_refused = quicklist_push(remove->others, LIST_TAIL, item) != RESULT_OK;
    return !remove->is_refused;
}

static bool keep_finish(struct list_task *task, struct exec *exec)
{
    struct remove_task *remove = (struct remove_task *)task;
    struct value value;
    open_taken(task, exec, &value);
    if (value.entry != NULL && !remove->is_refused) {
        list_exchange(&value, remove->others);
        remove->others = NULL;
    }
    end_removal(remove, exec, &value, remove->is_refused ? RESULT_NO_MEMORY : RESULT_OK);
    return true;
}

static void remove_release(struct list_task *task, struct exec *exec)
{
    struct remove_task *remove = (struct remove_task *)task;
    (void)exec;
    list_lazy_free(remove->ks, remove->others);
}

static bool remove_finish(struct list_task *task, struct exec *exec);

static const struct list_task_kind remove_kind = {
    .size = sizeof(struct remove_task), .changes = true, .look = remove_look, .finish = remove_finish, .release = remove_release,
};
static const struct list_task_kind keep_kind = {
    .size = sizeof(struct remove_task), .changes = true, .look = keep_look, .finish = keep_finish, .release = remove_release,
};

static bool remove_finish(struct list_task *task, struct exec *exec)
{
    struct remove_task *remove = (struct remove_task *)task;
    if (remove->found == 0) {
        reply_integer(exec->reply, 0);
        return true;
    }
    if (remove->found <= REMOVE_PLACES) {
        remove_places(remove, exec);
        return true;
    }
    const struct encoding_limits limits = exec_limits(exec);
    remove->ks = exec_keyspace(exec, exec_key(exec, task->key_at));
    remove->others = quicklist_create(remove->ks->heap, &limits);
    if (remove->others == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return true;
    }
    list_task_restart(task);
    task->kind = &keep_kind;
    task->left = remove->items;
    return false;
}

static void command_lrem(struct exec *exec)
{
    int64_t count;
    if (!exec_int64_argument(exec, 2, &count)) {
        return;
    }
    struct entry *entry = find_list_to_edit(exec);
    if (entry == NULL) {
        return;
    }
    struct remove_task remove;
    memset(&remove, 0, offsetof(struct remove_task, places));
    remove.items = list_count(entry);
    remove.task.kind = &remove_kind;
    remove.task.key_at = 1;
    remove.task.from = count < 0 ? LIST_TAIL : LIST_HEAD;
    remove.task.first = count < 0 ? remove.items - 1 : 0;
    remove.task.left = remove.items;
    remove.word = list_word_of(exec->argv[3]);
    remove.limit = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    list_task_run(exec, &remove.task, entry);
}

/* --- LTRIM --- */

static void command_ltrim(struct exec *exec)
{
    int64_t first, last;
    if (!exec_int64_argument(exec, 2, &first) || !exec_int64_argument(exec, 3, &last)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_list(exec, entry)) {
        return;
    }
    if (entry == NULL) {
        reply_ok(exec->reply);
        return;
    }
    const uint64_t count = list_count(entry);
    const struct list_range range = list_range_of(count, first, last);
    if (range.count == 0) {
        list_delete_key(exec, key, EVENT_LTRIM, count);
        reply_ok(exec->reply);
        return;
    }
    enum result result = RESULT_OK;
    struct value value;
    value_open(&value, exec_keyspace(exec, key), key, entry);
    if (range.count < count) {
        result = list_keep(&value, range.first, range.count);
    }
    if (list_end_change(exec, &value, result, EVENT_LTRIM, count - range.count)) {
        reply_ok(exec->reply);
    }
}

const struct command_spec list_edit_commands[] = {
    {.name = "linsert", .run = command_linsert, .arity = 5, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "2.2.0", .group = "list", .complexity = "O(N), N the items before the pivot is found",
     .summary = "Puts an item before or behind another one, the pivot.", .syntax = "key BEFORE|AFTER pivot element",
     .key_flags = "RW insert"},
    {.name = "lrem", .run = command_lrem, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE, .keys = {1, 1, 1},
     .since = "1.0.0", .group = "list", .complexity = "O(N+M), N the items of the list, M those removed",
     .summary = "Removes items that equal a given one: so many from the head, from the tail (negative), or all (0).",
     .syntax = "key count element", .key_flags = "RW delete"},
    {.name = "lset", .run = command_lset, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "list",
     .complexity = "O(N), N the nodes of the list up to the item; O(1) at both ends",
     .summary = "Replaces the item of a list that has an index.", .syntax = "key index element"},
    {.name = "ltrim", .run = command_ltrim, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE, .keys = {1, 1, 1},
     .since = "1.0.0", .group = "list", .complexity = "O(N), N the nodes removed",
     .summary = "Removes all items but those between two indexes.", .syntax = "key start stop", .key_flags = "RW delete"},
    {0},
};
