/* string_many.c - MGET, MSET, MSETNX: several strings at once.
 *
 * Very many of them, or long ones, are a job with all keys locked (core/words.h).
 *
 * Threads    The holder of the keys' batons; the keys may live in several shards.  */
#include "cmd/core/answers.h"
#include "cmd/core/effects.h"
#include "cmd/core/find.h"
#include "cmd/core/words.h"
#include "cmd/string/string_rows.h"
#include "cmd/string/string_work.h"

/* --- MGET --- */

enum { MGET_AT_ONCE_MAX = 1024 * 1024 }; /* bytes of reply: longer ones are a job's */

struct get_words {
    struct words words;
    uint32_t counted;        /* so many words have been counted as hits or misses before */
    struct bulk_steps reply; /* of the string at words.at, if it is long */
};

static bool begin_mget(struct words *words, struct exec *exec)
{
    (void)words;
    reply_array(exec->reply, exec->argc - 1);
    return true;
}

/* False: the string is long, and the step over. */
static bool reply_word(struct get_words *work, struct exec *exec, struct entry *entry)
{
    if (entry == NULL || entry_type(entry) != VALUE_STRING) {
        reply_null(exec->reply);
        return true;
    }
    if (!string_reply_is_long(entry)) {
        string_reply(exec, entry);
        return true;
    }
    char scratch[STRING_SCRATCH];
    work->reply.text = entry_string(entry, scratch); /* it may have moved since the last step */
    if (!bulk_steps_run(&work->reply, exec)) {
        return false;
    }
    work->reply = (struct bulk_steps){0};
    return true;
}

static bool get_some(struct words *words, struct exec *exec, uint32_t end)
{
    struct get_words *work = (struct get_words *)words;
    for (; words->at < end; words->at++) {
        const struct key key = exec_key(exec, words->at);
        const bool is_counted = words->at < work->counted || work->reply.is_begun;
        struct entry *entry = is_counted ? keyspace_find(exec_keyspace(exec, key), key, exec->now_ms) : exec_find_read(exec, key);
        if (!reply_word(work, exec, entry) || exec_step_is_over(exec)) {
            words->at += !work->reply.is_begun;
            return true;
        }
    }
    return true;
}

static const struct words_kind mget_kind = {
    .size = sizeof(struct get_words), .mode = KEY_LOCK_SHARED, .are_keys = true, .begin = begin_mget, .run = get_some};

static void start_mget(struct exec *exec, uint32_t counted)
{
    const struct get_words work = {.words = {.first = 1, .step = 1}, .counted = counted};
    words_start(exec, &mget_kind, &work.words);
}

static void command_mget(struct exec *exec)
{
    if (words_are_many(exec)) {
        start_mget(exec, 0);
        return;
    }
    struct key keys[KEY_BLOCK];
    reply_array(exec->reply, exec->argc - 1);
    for (uint32_t i = 1; i < exec->argc; i += KEY_BLOCK) {
        uint32_t count = load_keys(exec, i, exec->argc, 1, keys);
        for (uint32_t j = 0; j < count; j++) {
            struct entry *entry = exec_find_read(exec, keys[j]);
            if (entry == NULL || entry_type(entry) != VALUE_STRING) {
                reply_null(exec->reply);
                continue;
            }
            if (UNLIKELY(reply_len(exec->reply) + entry_string_len(entry) > MGET_AT_ONCE_MAX)) {
                start_mget(exec, i + j + 1);
                return;
            }
            string_reply(exec, entry);
        }
    }
}

/* --- MSET, MSETNX --- */

/* Keys on several shards are told one by one. */
static void report_pair(struct exec *exec, struct key key, uint32_t value)
{
    exec_changed(exec, key, EVENT_SET);
    if (UNLIKELY(exec->is_spread)) {
        exec_effect_set(exec, exec->db, key, exec->argv[value], KEYSPACE_NO_EXPIRY);
    }
}

/* Puts argv[value], which is short, at `key`, and reports it. False: memory was refused, which was replied. */
static bool put_pair(struct exec *exec, struct key key, uint32_t value)
{
    const enum result result = keyspace_put_string(exec_keyspace(exec, key), key, exec_find_write(exec, key), exec->argv[value],
                                                   EXPIRY_CLEAR, KEYSPACE_NO_EXPIRY);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return false;
    }
    report_pair(exec, key, value);
    return true;
}

/* Puts all pairs of MSET and MSETNX; false when memory was refused (the pairs before stay), which was replied. */
static bool put_pairs(struct exec *exec)
{
    struct key keys[KEY_BLOCK];
    for (uint32_t i = 1; i < exec->argc; i += 2 * KEY_BLOCK) {
        uint32_t count = load_keys(exec, i, exec->argc, 2, keys);
        for (uint32_t j = 0; j < count; j++) {
            if (!put_pair(exec, keys[j], i + 2 * j + 1)) {
                if (!exec->is_spread && i + j > 1) {
                    exec_effect_begun(exec, keys[j], i + 2 * j);
                }
                return false;
            }
        }
    }
    return true;
}

/* False: a key has no value, which was replied. */
static bool check_pairs(struct exec *exec)
{
    if (exec->argc % 2 == 1) {
        return true;
    }
    reply_arity_error(exec->reply, exec->spec);
    return false;
}

/* --- the same for very many pairs, or long values --- */

struct put_words {
    struct words words;
    bool is_msetnx;
    bool is_looking;       /* MSETNX: whether one of the keys is there */
    struct text_copy copy; /* of the value of the key at words.at, if it is long */
};

static bool look_at_keys(struct words *words, struct exec *exec, uint32_t end)
{
    for (; words->at < end; words->at += 2) {
        if (exec_find_write(exec, exec_key(exec, words->at)) != NULL) {
            return false;
        }
    }
    if (words->at >= exec->argc) {
        ((struct put_words *)words)->is_looking = false;
        words->at = words->first;
    }
    return true;
}

/* Stores a long value. *is_done false: the step is over. */
static enum result put_long(struct put_words *work, struct exec *exec, struct key key, bool *is_done)
{
    const struct bytes value = exec->argv[work->words.at + 1];
    enum result result = RESULT_OK;
    *is_done = false;
    if (work->copy.ks == NULL) {
        result = text_copy_begin(&work->copy, exec_keyspace(exec, key), value.len);
    }
    if (result != RESULT_OK || !text_copy_run(&work->copy, exec, value)) {
        return result;
    }
    *is_done = true;
    return text_copy_store(&work->copy, key, exec_find_write(exec, key), EXPIRY_CLEAR, KEYSPACE_NO_EXPIRY);
}

static bool put_some(struct words *words, struct exec *exec, uint32_t end)
{
    struct put_words *work = (struct put_words *)words;
    if (work->is_looking) {
        return look_at_keys(words, exec, end);
    }
    bool is_done = true;
    for (; words->at < end && is_done; words->at += is_done ? 2 : 0) {
        const struct key key = exec_key(exec, words->at);
        const struct bytes value = exec->argv[words->at + 1];
        words->tally.result = value.len > TEXT_AT_ONCE_MAX
                                  ? put_long(work, exec, key, &is_done)
                                  : keyspace_put_string(exec_keyspace(exec, key), key, exec_find_write(exec, key), value,
                                                        EXPIRY_CLEAR, KEYSPACE_NO_EXPIRY);
        if (words->tally.result != RESULT_OK) {
            return false;
        }
        if (is_done) {
            report_pair(exec, key, words->at + 1);
        }
        if (is_done && !exec->is_spread) {
            exec_effect_none(exec); /* at the end, all at once: see give_words */
        }
    }
    return true;
}

/* The words repeat what was done; if memory was refused, those before words->at. */
static void give_words(struct words *words, struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    if (words->tally.result == RESULT_OK) {
        exec_effect(exec, key, exec->argv, exec->argc);
    } else if (words->at > words->first) {
        exec_effect_begun(exec, key, words->at);
    }
}

static void finish_put(struct words *words, struct exec *exec)
{
    const struct put_words *work = (const struct put_words *)words;
    if (!exec->is_spread && !work->is_looking) {
        give_words(words, exec);
    }
    if (words->tally.result != RESULT_OK) {
        reply_result_error(exec->reply, words->tally.result);
    } else if (work->is_msetnx) {
        reply_integer(exec->reply, !work->is_looking);
    } else {
        reply_ok(exec->reply);
    }
}

static void release_put(struct words *words, struct exec *exec)
{
    (void)exec;
    text_copy_discard(&((struct put_words *)words)->copy);
}

static const struct words_kind put_kind = {.size = sizeof(struct put_words), .mode = KEY_LOCK_EXCLUSIVE, .are_keys = true,
                                           .run = put_some, .finish = finish_put, .release = release_put};

/* True: a job does it. */
static bool start_put(struct exec *exec, bool is_msetnx)
{
    bool is_long = words_are_many(exec);
    for (uint32_t i = 2; i < exec->argc && !is_long; i += 2) {
        is_long = exec->argv[i].len > TEXT_AT_ONCE_MAX;
    }
    if (is_long) {
        const struct put_words work = {.words = {.first = 1, .step = 2}, .is_msetnx = is_msetnx, .is_looking = is_msetnx};
        words_start(exec, &put_kind, &work.words);
    }
    return is_long;
}

static void command_mset(struct exec *exec)
{
    if (check_pairs(exec) && !start_put(exec, false) && put_pairs(exec)) {
        reply_ok(exec->reply);
    }
}

static void command_msetnx(struct exec *exec)
{
    if (!check_pairs(exec) || start_put(exec, true)) {
        return;
    }
    for (uint32_t i = 1; i < exec->argc; i += 2) {
        if (exec_find_write(exec, exec_key(exec, i)) != NULL) {
            reply_integer(exec->reply, 0);
            return;
        }
    }
    if (put_pairs(exec)) {
        reply_integer(exec->reply, 1);
    }
}

const struct command_spec string_many_commands[] = {
    {.name = "mget", .run = command_mget, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, -1, 1}, .since = "1.0.0", .group = "string", .complexity = "O(N), N the number of keys",
     .summary = "Returns the strings of several keys, null for those that hold none.", .syntax = "key [key ...]",
     .tips = "request_policy:multi_shard", .locks_when_long = true},
    {.name = "mset", .run = command_mset, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, -1, 2}, .since = "1.0.1", .group = "string", .complexity = "O(N), N the number of keys",
     .summary = "Stores several strings in one step.", .syntax = "key value [key value ...]",
     .tips = "request_policy:multi_shard response_policy:all_succeeded", .key_flags = "OW update", .locks_when_long = true},
    {.name = "msetnx", .run = command_msetnx, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, -1, 2}, .since = "1.0.1", .group = "string", .complexity = "O(N), N the number of keys",
     .summary = "Stores several strings, or none of them when one of the keys exists.",
     .syntax = "key value [key value ...]",
     .tips = "request_policy:multi_shard response_policy:agg_min", .key_flags = "OW insert", .locks_when_long = true},
    {0},
};
