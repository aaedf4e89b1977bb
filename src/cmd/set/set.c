/* set.c - SADD, SREM and the commands that ask about members.
 *
 * Threads    The holder of the keys' batons.
 * Read on    set_all.c, set_random.c, set_algebra.c.  */
#include "cmd/core/effects.h"
#include "cmd/set/set_private.h"
#include "cmd/set/set_rows.h"

/* --- members in and out --- */

static void command_sadd(struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    const struct encoding_limits limits = exec_limits(exec);
    struct value value;
    if (!open_set(exec, key, &value)) {
        return;
    }
    int64_t added = 0;
    uint32_t at = 2;
    enum result result = RESULT_OK;
    for (; at < exec->argc && result == RESULT_OK; at++) {
        const struct item member = set_member(exec->argv[at]);
        bool is_new = false;
        result = set_add(&value, &limits, &member, &is_new);
        added += result == RESULT_OK && is_new;
    }
    const enum result closed = value_close(&value);
    if (added > 0 && closed == RESULT_OK) {
        exec_changed_by(exec, key, EVENT_SADD, (uint64_t)added);
        if (UNLIKELY(result != RESULT_OK)) {
            exec_effect_begun(exec, key, at - 1);
        }
    }
    result = result == RESULT_OK ? closed : result;
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
    } else {
        reply_integer(exec->reply, added);
    }
}

static void command_srem(struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_set(exec, key, &value)) {
        return;
    }
    int64_t removed = 0;
    uint64_t left = set_value_count(&value);
    uint32_t at = 2;
    enum result result = RESULT_OK;
    for (; at < exec->argc && left > 0 && result == RESULT_OK; at++) {
        const struct item member = set_member(exec->argv[at]);
        bool was_there;
        result = set_remove(&value, &member, &was_there);
        removed += result == RESULT_OK && was_there;
        left -= result == RESULT_OK && was_there;
    }
    if (removed > 0) {
        const enum result closed = close_after_removal(exec, key, &value, EVENT_SREM, (uint64_t)removed);
        if (UNLIKELY(result != RESULT_OK)) {
            exec_effect_begun(exec, key, at - 1);
        }
        result = result == RESULT_OK ? closed : result;
    }
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
    } else {
        reply_integer(exec->reply, removed);
    }
}

/* --- from one to another --- */

static enum result add_one(struct exec *exec, struct key key, const struct item *member, bool *is_new)
{
    const struct encoding_limits limits = exec_limits(exec);
    struct value value;
    value_open(&value, exec_keyspace(exec, key), key, exec_find_write(exec, key));
    const enum result result = set_add(&value, &limits, member, is_new);
    const enum result closed = value_close(&value);
    return result == RESULT_OK ? closed : result;
}

/* Takes the member out without any report: *is_empty says that the key is gone. */
static enum result remove_one(struct exec *exec, struct key key, const struct item *member, bool *is_empty)
{
    struct value value;
    bool was_there;
    value_open(&value, exec_keyspace(exec, key), key, exec_find_write(exec, key));
    const enum result result = set_remove(&value, member, &was_there);
    *is_empty = set_value_count(&value) == 0;
    if (*is_empty) {
        value_remove(&value);
        return result;
    }
    const enum result closed = value_close(&value);
    return result == RESULT_OK ? closed : result;
}

/* Reports that the member argv[3] has gone from argv[1] to argv[2]. Two shards repeat it each by its own part. */
static void report_move(struct exec *exec, bool is_empty, bool is_new)
{
    const struct key from = exec_key(exec, 1);
    const struct key to = exec_key(exec, 2);
    exec_changed(exec, from, EVENT_SREM);
    if (is_empty) {
        exec_event(exec, from, EVENT_DEL);
    }
    if (exec->is_spread) {
        exec_effect(exec, from, (const struct bytes[]){BYTES("SREM"), from.name, exec->argv[3]}, 3);
    }
    if (!is_new) {
        return;
    }
    exec_changed(exec, to, EVENT_SADD);
    if (exec->is_spread) {
        exec_effect(exec, to, (const struct bytes[]){BYTES("SADD"), to.name, exec->argv[3]}, 3);
    }
}

/* Adds first: what may be refused comes before anything is lost. */
static void move_member(struct exec *exec, struct key from, struct key to, const struct item *member)
{
    bool is_new = false;
    bool is_empty = false;
    enum result result = add_one(exec, to, member, &is_new);
    if (result == RESULT_OK) {
        result = remove_one(exec, from, member, &is_empty);
        if (UNLIKELY(result != RESULT_OK && is_new)) {
            bool is_gone;
            (void)remove_one(exec, to, member, &is_gone);
        }
    }
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return;
    }
    report_move(exec, is_empty, is_new);
    reply_integer(exec->reply, 1);
}

static void command_smove(struct exec *exec)
{
    const struct key from = exec_key(exec, 1);
    const struct key to = exec_key(exec, 2);
    const struct entry *target = exec_find_write(exec, to);
    const struct entry *source = exec_find_write(exec, from);
    if (source == NULL) {
        reply_integer(exec->reply, 0);
        return;
    }
    if (!check_set(exec, source) || !check_set(exec, target)) {
        return;
    }
    const struct item member = set_member(exec->argv[3]);
    const bool is_there = set_contains(source, &member);
    if (!is_there || source == target) {
        reply_integer(exec->reply, is_there);
        return;
    }
    move_member(exec, from, to, &member);
}

/* --- questions --- */

static void command_sismember(struct exec *exec)
{
    const struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_set(exec, entry)) {
        return;
    }
    const struct item member = set_member(exec->argv[2]);
    reply_integer(exec->reply, entry != NULL && set_contains(entry, &member));
}

static void command_smismember(struct exec *exec)
{
    const struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_set(exec, entry)) {
        return;
    }
    reply_array(exec->reply, exec->argc - 2);
    for (uint32_t i = 2; i < exec->argc; i++) {
        const struct item member = set_member(exec->argv[i]);
        reply_integer(exec->reply, entry != NULL && set_contains(entry, &member));
    }
}

static void command_scard(struct exec *exec)
{
    const struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (check_set(exec, entry)) {
        reply_integer(exec->reply, entry == NULL ? 0 : (int64_t)set_count(entry));
    }
}

const struct command_spec set_commands[] = {
    {.name = "sadd", .run = command_sadd, .arity = -3, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1}, .since = "1.0.0", .group = "set",
     .complexity = "O(1) for each member", .summary = "Adds members to a set, which is made if need be.",
     .syntax = "key member [member ...]", .key_flags = "RW insert"},
    {.name = "srem", .run = command_srem, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(1) for each member",
     .summary = "Removes members from a set; an empty set goes.", .syntax = "key member [member ...]",
     .key_flags = "RW delete"},
    {.name = "smove", .run = command_smove, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 2, 1}, .since = "1.0.0", .group = "set", .complexity = "O(1)",
     .summary = "Moves a member from one set to another.", .syntax = "source destination member",
     .key_flags = "RW access delete | RW insert"},
    {.name = "sismember", .run = command_sismember, .arity = 3, .scope = SCOPE_KEYS,
     .flags = COMMAND_READONLY | COMMAND_FAST, .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(1)",
     .summary = "Tells whether a set has a member.", .syntax = "key member", .key_flags = "RO"},
    {.name = "smismember", .run = command_smismember, .arity = -3, .scope = SCOPE_KEYS,
     .flags = COMMAND_READONLY | COMMAND_FAST, .keys = {1, 1, 1}, .since = "6.2.0", .group = "set",
     .complexity = "O(1) for each member", .summary = "Tells of each word whether it is a member of a set.",
     .syntax = "key member [member ...]"},
    {.name = "scard", .run = command_scard, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(1)",
     .summary = "Returns how many members a set has.", .syntax = "key", .key_flags = "RO"},
    {0},
};
