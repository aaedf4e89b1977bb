/* string_many.c - MGET, MSET, MSETNX, MSETEX: several strings at once.
 *
 * Very many of them, or long ones, are a job with all keys locked (core/words.h).
 *
 * Threads    The holder of the keys' batons; the keys may live in several shards.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/core/effects.h"
#include "cmd/core/find.h"
#include "cmd/core/words.h"
#include "cmd/string/string_options.h"
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

/* --- MSET, MSETNX, MSETEX --- */

/* What one of them shall do. */
struct pairs {
    uint32_t first, end;    /* argv: the first key, and behind the last value */
    struct set_request how; /* NX or XX, of all keys; the time that each gets */
    bool has_options;       /* MSETEX: other words than its own repeat it */
};

/* SET key argv[value], with the time that the pairs get. */
static void give_pair(struct exec *exec, const struct pairs *pairs, struct key key, uint32_t value)
{
    if ((pairs->how.flags & SET_KEEPTTL) != 0) {
        exec_effect(exec, key, (const struct bytes[]){BYTES("SET"), key.name, exec->argv[value], BYTES("KEEPTTL")}, 4);
        return;
    }
    const bool has_time = (pairs->how.flags & SET_TIME) != 0;
    exec_effect_set(exec, exec->db, key, exec->argv[value], has_time ? pairs->how.expiry_ms : KEYSPACE_NO_EXPIRY);
}

/* Keys on several shards are told one by one. */
static void report_pair(struct exec *exec, const struct pairs *pairs, struct key key, uint32_t value)
{
    exec_changed(exec, key, EVENT_SET);
    if ((pairs->how.flags & SET_TIME) != 0) {
        exec_event(exec, key, EVENT_EXPIRE);
    }
    if (UNLIKELY(exec->is_spread)) {
        give_pair(exec, pairs, key, value);
    }
}

/* MSETEX count key value ... [PXAT time|KEEPTTL], for the pairs before argv[end]. */
static void give_with_options(struct exec *exec, const struct pairs *pairs, uint32_t end)
{
    if (!exec_wants_effects(exec)) {
        return;
    }
    struct bytes *words = exec_scratch(exec, (end + 2) * sizeof *words);
    if (words == NULL) {
        exec_effect_lost(exec);
        return;
    }
    char count_digits[INT64_TEXT_MAX];
    char time_digits[INT64_TEXT_MAX];
    memcpy(words, exec->argv, end * sizeof *words);
    words[1] = (struct bytes){count_digits, int64_format((end - pairs->first) / 2, count_digits)};
    uint32_t count = end;
    if ((pairs->how.flags & SET_TIME) != 0) {
        words[count++] = BYTES("PXAT");
        words[count++] = (struct bytes){time_digits, int64_format(pairs->how.expiry_ms, time_digits)};
    } else if ((pairs->how.flags & SET_KEEPTTL) != 0) {
        words[count++] = BYTES("KEEPTTL");
    }
    exec_effect(exec, exec_key(exec, pairs->first), words, count);
}

/* On one shard: tells how to repeat the pairs before argv[end], which are done. */
static void give_pairs(struct exec *exec, const struct pairs *pairs, uint32_t end)
{
    if (end == pairs->first) {
        return;
    }
    if (pairs->has_options) {
        give_with_options(exec, pairs, end);
    } else if (end < exec->argc) {
        exec_effect_begun(exec, exec_key(exec, pairs->first), end);
    } else {
        exec_effect(exec, exec_key(exec, pairs->first), exec->argv, exec->argc);
    }
}

static enum result put_short(struct exec *exec, const struct pairs *pairs, struct key key, uint32_t value)
{
    return keyspace_put_string(exec_keyspace(exec, key), key, exec_find_write(exec, key), exec->argv[value],
                               string_expiry_mode(&pairs->how), pairs->how.expiry_ms);
}

/* Puts all pairs; false when memory was refused (the pairs before stay), which was replied. The words of MSET and MSETNX repeat them. */
static bool put_pairs(struct exec *exec, const struct pairs *pairs)
{
    struct key keys[KEY_BLOCK];
    for (uint32_t i = pairs->first; i < pairs->end; i += 2 * KEY_BLOCK) {
        uint32_t count = load_keys(exec, i, pairs->end, 2, keys);
        for (uint32_t j = 0; j < count; j++) {
            const uint32_t at = i + 2 * j;
            const enum result result = put_short(exec, pairs, keys[j], at + 1);
            if (UNLIKELY(result != RESULT_OK)) {
                reply_result_error(exec->reply, result);
                if (!exec->is_spread) {
                    give_pairs(exec, pairs, at);
                }
                return false;
            }
            report_pair(exec, pairs, keys[j], at + 1);
        }
    }
    if (pairs->has_options && !exec->is_spread) {
        give_with_options(exec, pairs, pairs->end);
    }
    return true;
}

/* Does NX or XX forbid it, for one of the keys in argv[from, end)? */
static bool are_refused(struct exec *exec, const struct pairs *pairs, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i += 2) {
        if (string_is_refused(&pairs->how, exec_find_write(exec, exec_key(exec, i)))) {
            return true;
        }
    }
    return false;
}

static bool have_condition(const struct pairs *pairs)
{
    return (pairs->how.flags & SET_WHEN) != 0;
}

/* --- the same for very many pairs, or long values --- */

struct put_words {
    struct words words;
    struct pairs pairs;
    bool is_looking;       /* whether NX or XX forbid it */
    struct text_copy copy; /* of the value of the key at words.at, if it is long */
};

static bool look_at_keys(struct put_words *work, struct exec *exec, uint32_t end)
{
    struct words *words = &work->words;
    if (are_refused(exec, &work->pairs, words->at, end)) {
        return false;
    }
    words->at = end;
    if (words->at >= words->end) {
        work->is_looking = false;
        words->at = words->first;
    }
    return true;
}

/* Stores a long value. *is_done false: the step is over. */
static enum result put_long(struct put_words *work, struct exec *exec, struct key key, bool *is_done)
{
    const struct bytes value = exec->argv[work->words.at + 1];
    const struct set_request *how = &work->pairs.how;
    enum result result = RESULT_OK;
    *is_done = false;
    if (work->copy.ks == NULL) {
        result = text_copy_begin(&work->copy, exec_keyspace(exec, key), value.len);
    }
    if (result != RESULT_OK || !text_copy_run(&work->copy, exec, value)) {
        return result;
    }
    *is_done = true;
    return text_copy_store(&work->copy, key, exec_find_write(exec, key), string_expiry_mode(how), how->expiry_ms);
}

static bool put_some(struct words *words, struct exec *exec, uint32_t end)
{
    struct put_words *work = (struct put_words *)words;
    if (work->is_looking) {
        return look_at_keys(work, exec, end);
    }
    bool is_done = true;
    for (; words->at < end && is_done; words->at += is_done ? 2 : 0) {
        const struct key key = exec_key(exec, words->at);
        const bool is_long = exec->argv[words->at + 1].len > TEXT_AT_ONCE_MAX;
        words->tally.result = is_long ? put_long(work, exec, key, &is_done) : put_short(exec, &work->pairs, key, words->at + 1);
        if (words->tally.result != RESULT_OK) {
            return false;
        }
        if (is_done) {
            report_pair(exec, &work->pairs, key, words->at + 1);
        }
        if (is_done && !exec->is_spread) {
            exec_effect_none(exec); /* at the end, all at once: see give_pairs */
        }
    }
    return true;
}

/* Replies that all pairs are there, or that NX or XX forbade it. */
static void reply_pairs(struct exec *exec, const struct pairs *pairs, bool are_put)
{
    if (have_condition(pairs) || pairs->has_options) {
        reply_integer(exec->reply, are_put);
    } else {
        reply_ok(exec->reply);
    }
}

static void finish_put(struct words *words, struct exec *exec)
{
    const struct put_words *work = (const struct put_words *)words;
    if (!exec->is_spread && !work->is_looking) {
        give_pairs(exec, &work->pairs, words->at);
    }
    if (words->tally.result != RESULT_OK) {
        reply_result_error(exec->reply, words->tally.result);
    } else {
        reply_pairs(exec, &work->pairs, !work->is_looking);
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
static bool start_put(struct exec *exec, const struct pairs *pairs)
{
    bool is_long = words_are_many(exec);
    for (uint32_t i = pairs->first + 1; i < pairs->end && !is_long; i += 2) {
        is_long = exec->argv[i].len > TEXT_AT_ONCE_MAX;
    }
    if (is_long) {
        const struct put_words work = {.words = {.first = pairs->first, .step = 2, .end = pairs->end}, .pairs = *pairs,
                                       .is_looking = have_condition(pairs)};
        words_start(exec, &put_kind, &work.words);
    }
    return is_long;
}

static void run_pairs(struct exec *exec, const struct pairs *pairs)
{
    if (start_put(exec, pairs)) {
        return;
    }
    const bool are_put = !have_condition(pairs) || !are_refused(exec, pairs, pairs->first, pairs->end);
    if (!are_put || put_pairs(exec, pairs)) {
        reply_pairs(exec, pairs, are_put);
    }
}

/* MSET, and with SET_NX MSETNX. */
static void put_all_words(struct exec *exec, uint32_t flags)
{
    if (exec->argc % 2 == 0) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    run_pairs(exec, &(struct pairs){.first = 1, .end = exec->argc, .how = {.flags = flags}});
}

static void command_mset(struct exec *exec)
{
    put_all_words(exec, 0);
}

static void command_msetnx(struct exec *exec)
{
    put_all_words(exec, SET_NX);
}

static const struct option msetex_options[] = {
    {"NX", .sets = SET_NX, .excludes = SET_XX},
    {"XX", .sets = SET_XX, .excludes = SET_NX},
    {"KEEPTTL", .sets = SET_KEEPTTL, .excludes = SET_TTL & ~SET_KEEPTTL},
    STRING_TIME_OPTIONS,
    {0},
};

static void command_msetex(struct exec *exec)
{
    int64_t count;
    if (!int64_parse(exec->argv[1], &count) || count < 1 || count > INT32_MAX) {
        reply_error(exec->reply, "ERR invalid numkeys value");
        return;
    }
    if (count > (exec->argc - 2) / 2) {
        reply_error(exec->reply, "ERR wrong number of key-value pairs");
        return;
    }
    struct pairs pairs = {.first = 2, .end = 2 + 2 * (uint32_t)count, .has_options = true};
    if (string_read_options(exec, pairs.end, msetex_options, &pairs.how) && string_read_time(exec, &pairs.how)) {
        run_pairs(exec, &pairs);
    }
}

static const struct command_key_spec msetex_keys[] = {
    {.flags = "OW update", .index = 1, .search = KEYS_COUNTED, .count_index = 0, .first = 1, .step = 2},
    {0},
};

const struct command_spec string_many_commands[] = {
    {.name = "mget", .run = command_mget, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, -1, 1}, .since = "1.0.0", .group = "string", .complexity = "O(N), N the number of keys",
     .summary = "Returns the strings of several keys, null for those that hold none.", .syntax = "key [key ...]",
     .tips = "request_policy:multi_shard", .locks_when_long = true},
    {.name = "mset", .run = command_mset, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, -1, 2}, .since = "1.0.1", .group = "string", .complexity = "O(N), N the number of keys",
     .summary = "Stores several strings in one step.", .syntax = "key value [key value ...]",
     .tips = "request_policy:multi_shard response_policy:all_succeeded", .key_flags = "OW update", .locks_when_long = true},
    {.name = "msetex", .run = command_msetex, .arity = -4, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_MOVABLE_KEYS, .key_specs = msetex_keys, .since = "8.4.0", .group = "string",
     .complexity = "O(N), N the number of keys", .summary = "Stores several strings, on a condition for all and with one expiry if wanted.",
     .syntax = "numkeys key value [key value ...] [NX|XX] [" STRING_TIME_SYNTAX "|KEEPTTL]",
     .tips = "request_policy:multi_shard response_policy:all_succeeded", .locks_when_long = true},
    {.name = "msetnx", .run = command_msetnx, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, -1, 2}, .since = "1.0.1", .group = "string", .complexity = "O(N), N the number of keys",
     .summary = "Stores several strings, or none of them when one of the keys exists.",
     .syntax = "key value [key value ...]",
     .tips = "request_policy:multi_shard response_policy:agg_min", .key_flags = "OW insert", .locks_when_long = true},
    {0},
};
