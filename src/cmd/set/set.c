/* set.c - SADD, SREM and the commands that ask about members.
 *
 * Threads    The holder of the keys' batons.
 * Read on    set_all.c, set_random.c, set_algebra.c.  */
#include "cmd/core/effects.h"
#include "cmd/core/words.h"
#include "cmd/set/set_private.h"
#include "cmd/set/set_rows.h"

/* --- members in and out --- */

/* Adds argv[from] up to `end` to the set, and closes it. */
static void add_members(struct exec *exec, struct value *value, uint32_t from, uint32_t end, struct word_tally *tally)
{
    const struct encoding_limits limits = exec_limits(exec);
    const int64_t before = tally->count;
    enum result result = RESULT_OK;
    for (uint32_t i = from; i < end && result == RESULT_OK; i++) {
        const struct item member = set_member(exec->argv[i]);
        bool is_new = false;
        result = set_add(value, &limits, &member, &is_new);
        tally->count += result == RESULT_OK && is_new;
        tally->end = i;
    }
    const enum result closed = value_close(value);
    tally->count = closed == RESULT_OK ? tally->count : before;
    tally->result = result == RESULT_OK ? closed : result;
}

static void finish_add(struct exec *exec, const struct word_tally *tally)
{
    report_tally(exec, tally, EVENT_SADD, (uint64_t)tally->count);
    reply_tally(exec, tally);
}

static bool begin_write(struct words *words, struct exec *exec)
{
    (void)words;
    return check_set(exec, exec_find_write(exec, exec_key(exec, 1)));
}

static bool add_words(struct words *words, struct exec *exec, uint32_t end)
{
    struct value value;
    if (!open_set(exec, exec_key(exec, 1), &value)) {
        return false;
    }
    add_members(exec, &value, words->at, end, &words->tally);
    words->at = end;
    return words->tally.result == RESULT_OK;
}

static void finish_add_words(struct words *words, struct exec *exec)
{
    finish_add(exec, &words->tally);
}

static const struct words_kind add_kind = {
    .mode = KEY_LOCK_EXCLUSIVE, .begin = begin_write, .run = add_words, .finish = finish_add_words};
static const struct words members = {.first = 2, .step = 1};

static void command_sadd(struct exec *exec)
{
    if (words_are_many(exec)) {
        words_start(exec, &add_kind, &members);
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_set(exec, key, &value)) {
        return;
    }
    struct word_tally tally = {0};
    add_members(exec, &value, 2, exec->argc, &tally);
    finish_add(exec, &tally);
}

/* Takes argv[from] up to `end` out of the set, until nothing is left in it. */
static void take_members(struct exec *exec, struct value *value, uint32_t from, uint32_t end, struct word_tally *tally)
{
    uint64_t left = set_value_count(value);
    for (uint32_t i = from; i < end && left > 0 && tally->result == RESULT_OK; i++) {
        const struct item member = set_member(exec->argv[i]);
        bool was_there;
        tally->result = set_remove(value, &member, &was_there);
        tally->count += tally->result == RESULT_OK && was_there;
        tally->end = i;
        left -= tally->result == RESULT_OK && was_there;
    }
}

static bool take_words(struct words *words, struct exec *exec, uint32_t end)
{
    struct value value;
    if (!open_set(exec, exec_key(exec, 1), &value)) {
        return false;
    }
    take_members(exec, &value, words->at, end, &words->tally);
    words->at = end;
    const bool is_empty = set_value_count(&value) == 0;
    if (is_empty && value.entry != NULL) {
        value_remove(&value);
    } else if (!is_empty) {
        const enum result closed = value_close(&value);
        words->tally.result = words->tally.result == RESULT_OK ? closed : words->tally.result;
    }
    return !is_empty && words->tally.result == RESULT_OK;
}

static void finish_take_words(struct words *words, struct exec *exec)
{
    words_finish_removal(words, exec, EVENT_SREM);
}

static const struct words_kind take_kind = {
    .mode = KEY_LOCK_EXCLUSIVE, .begin = begin_write, .run = take_words, .finish = finish_take_words};

static void command_srem(struct exec *exec)
{
    if (words_are_many(exec)) {
        words_start(exec, &take_kind, &members);
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_set(exec, key, &value)) {
        return;
    }
    struct word_tally tally = {0};
    take_members(exec, &value, 2, exec->argc, &tally);
    if (tally.count > 0) {
        const enum result closed = close_after_removal(exec, key, &value, EVENT_SREM, (uint64_t)tally.count);
        if (UNLIKELY(tally.result != RESULT_OK)) {
            exec_effect_begun(exec, key, tally.end);
        }
        tally.result = tally.result == RESULT_OK ? closed : tally.result;
    }
    reply_tally(exec, &tally);
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

static void reply_are_members(struct exec *exec, const struct entry *entry, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++) {
        const struct item member = set_member(exec->argv[i]);
        reply_integer(exec->reply, entry != NULL && set_contains(entry, &member));
    }
}

static bool begin_ask(struct words *words, struct exec *exec)
{
    (void)words;
    if (!check_set(exec, exec_find_read(exec, exec_key(exec, 1)))) {
        return false;
    }
    reply_array(exec->reply, exec->argc - 2);
    return true;
}

static bool ask_words(struct words *words, struct exec *exec, uint32_t end)
{
    reply_are_members(exec, words_entry(exec), words->at, end);
    words->at = end;
    return true;
}

static const struct words_kind ask_kind = {.mode = KEY_LOCK_SHARED, .begin = begin_ask, .run = ask_words};

static void command_smismember(struct exec *exec)
{
    if (words_are_many(exec)) {
        words_start(exec, &ask_kind, &members);
        return;
    }
    const struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_set(exec, entry)) {
        return;
    }
    reply_array(exec->reply, exec->argc - 2);
    reply_are_members(exec, entry, 2, exec->argc);
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
     .syntax = "key member [member ...]", .key_flags = "RW insert", .locks_when_long = true},
    {.name = "srem", .run = command_srem, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(1) for each member",
     .summary = "Removes members from a set; an empty set goes.", .syntax = "key member [member ...]",
     .key_flags = "RW delete", .locks_when_long = true},
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
     .syntax = "key member [member ...]", .locks_when_long = true},
    {.name = "scard", .run = command_scard, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(1)",
     .summary = "Returns how many members a set has.", .syntax = "key", .key_flags = "RO"},
    {0},
};
