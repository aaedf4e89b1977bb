/* hash.c - commands on single fields of hashes.
 *
 * Threads    The holder of the key's baton.
 * Read on    hash_number.c (counters), hash_all.c (whole hashes), hash_scan.c, hash_random.c; data/hash_value.h.  */
#include "cmd/core/effects.h"
#include "cmd/core/limits.h"
#include "cmd/hash/hash_private.h"
#include "cmd/hash/hash_rows.h"

/* --- writing --- */

/* What a write of several fields has done. */
struct written {
    enum event event;
    uint32_t end;   /* refused memory: the words before argv[end] */
    uint64_t count; /* changes; 0: nothing */
};

/* Ends it: closes the value and reports. False: memory was refused, which was replied. */
static bool end_change(struct exec *exec, struct value *value, enum result result, const struct written *written)
{
    const struct key key = value->key;
    const enum result closed = value_close(value);
    if (closed == RESULT_OK && written->count > 0) {
        exec_changed_by(exec, key, written->event, written->count);
        if (UNLIKELY(result != RESULT_OK)) {
            exec_effect_begun(exec, key, written->end);
        }
    }
    result = result == RESULT_OK ? closed : result;
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
    }
    return result == RESULT_OK;
}

/* Puts the pairs from argv[2] on; false: refused, which was replied. *created: fields that were not there. */
static bool put_fields(struct exec *exec, int64_t *created)
{
    if (UNLIKELY(exec->argc % 2 == 1)) {
        reply_arity_error(exec->reply, exec->spec);
        return false;
    }
    struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_hash(exec, key, &value)) {
        return false;
    }
    const struct encoding_limits limits = exec_limits(exec);
    enum result result = RESULT_OK;
    struct written written = {.event = EVENT_HSET, .end = 2};
    *created = 0;
    while (written.end < exec->argc && result == RESULT_OK) {
        bool is_new;
        result = hash_put(&value, &limits, exec->argv[written.end], exec->argv[written.end + 1], &is_new);
        if (LIKELY(result == RESULT_OK)) {
            *created += is_new;
            written.count++;
            written.end += 2;
        }
    }
    return end_change(exec, &value, result, &written);
}

static void command_hset(struct exec *exec)
{
    int64_t created;
    if (LIKELY(put_fields(exec, &created))) {
        reply_integer(exec->reply, created);
    }
}

static void command_hmset(struct exec *exec)
{
    int64_t created;
    if (put_fields(exec, &created)) {
        reply_ok(exec->reply);
    }
}

static void command_hsetnx(struct exec *exec)
{
    struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_hash(exec, key, &value)) {
        return;
    }
    if (value.entry != NULL && hash_get(value.entry, exec->argv[2], NULL)) {
        reply_integer(exec->reply, 0);
        return;
    }
    const struct encoding_limits limits = exec_limits(exec);
    bool is_new;
    enum result result = hash_put(&value, &limits, exec->argv[2], exec->argv[3], &is_new);
    if (close_hash(exec, &value, result)) {
        exec_changed(exec, key, EVENT_HSET);
        reply_integer(exec->reply, 1);
    }
}

static void command_hdel(struct exec *exec)
{
    struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_hash(exec, key, &value)) {
        return;
    }
    struct written written = {.event = EVENT_HDEL, .end = 2};
    bool is_empty = value.entry == NULL;
    enum result result = RESULT_OK;
    while (written.end < exec->argc && !is_empty && result == RESULT_OK) {
        bool was_there;
        result = hash_remove(&value, exec->argv[written.end], &was_there, &is_empty);
        if (LIKELY(result == RESULT_OK)) {
            written.count += was_there;
            written.end++;
        }
    }
    const bool is_last = is_empty && value.entry != NULL;
    if (is_last) {
        value_remove(&value);
        exec_changed_by(exec, key, EVENT_HDEL, written.count);
        exec_event(exec, key, EVENT_DEL);
    } else if (!end_change(exec, &value, result, &written)) {
        return;
    }
    reply_integer(exec->reply, (int64_t)written.count);
}

/* --- reading --- */

/* The hash at argv[1]; false: replied that it is something else. *out NULL: there is none. */
static bool find_hash(struct exec *exec, struct entry **out)
{
    *out = exec_find_read(exec, exec_key(exec, 1));
    return check_hash(exec, *out);
}

static void command_hget(struct exec *exec)
{
    struct entry *entry;
    if (UNLIKELY(!find_hash(exec, &entry))) {
        return;
    }
    struct item text;
    if (entry != NULL && hash_get(entry, exec->argv[2], &text)) {
        reply_item(exec->reply, &text);
    } else {
        reply_null(exec->reply);
    }
}

static void command_hmget(struct exec *exec)
{
    struct entry *entry;
    if (!find_hash(exec, &entry)) {
        return;
    }
    reply_array(exec->reply, exec->argc - 2);
    for (uint32_t i = 2; i < exec->argc; i++) {
        struct item text;
        if (entry != NULL && hash_get(entry, exec->argv[i], &text)) {
            reply_item(exec->reply, &text);
        } else {
            reply_null(exec->reply);
        }
    }
}

static void command_hexists(struct exec *exec)
{
    struct entry *entry;
    if (find_hash(exec, &entry)) {
        reply_integer(exec->reply, entry != NULL && hash_get(entry, exec->argv[2], NULL));
    }
}

static void command_hlen(struct exec *exec)
{
    struct entry *entry;
    if (find_hash(exec, &entry)) {
        reply_integer(exec->reply, entry == NULL ? 0 : (int64_t)hash_count(entry));
    }
}

static void command_hstrlen(struct exec *exec)
{
    struct entry *entry;
    if (!find_hash(exec, &entry)) {
        return;
    }
    struct item text;
    char scratch[ITEM_SCRATCH];
    bool is_there = entry != NULL && hash_get(entry, exec->argv[2], &text);
    reply_integer(exec->reply, is_there ? (int64_t)item_text(&text, scratch).len : 0);
}

#define HASH_ROW .scope = SCOPE_KEYS, .keys = {1, 1, 1}, .group = "hash"
#define WRITE_FLAGS .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST
#define READ_FLAGS .flags = COMMAND_READONLY | COMMAND_FAST

const struct command_spec hash_commands[] = {
    {.name = "hdel", .run = command_hdel, .arity = -3, HASH_ROW, .flags = COMMAND_WRITE | COMMAND_FAST, .since = "2.0.0",
     .complexity = "O(N), N the number of fields", .summary = "Removes fields from a hash and returns how many there were.",
     .syntax = "key field [field ...]", .key_flags = "RW delete"},
    {.name = "hexists", .run = command_hexists, .arity = 3, HASH_ROW, READ_FLAGS, .since = "2.0.0", .complexity = "O(1)",
     .summary = "Tells whether a hash has a field.", .syntax = "key field", .key_flags = "RO"},
    {.name = "hget", .run = command_hget, .arity = 3, HASH_ROW, READ_FLAGS, .since = "2.0.0", .complexity = "O(1)",
     .summary = "Returns the value of a field of a hash.", .syntax = "key field"},
    {.name = "hlen", .run = command_hlen, .arity = 2, HASH_ROW, READ_FLAGS, .since = "2.0.0", .complexity = "O(1)",
     .summary = "Returns the number of fields of a hash.", .syntax = "key", .key_flags = "RO"},
    {.name = "hmget", .run = command_hmget, .arity = -3, HASH_ROW, READ_FLAGS, .since = "2.0.0",
     .complexity = "O(N), N the number of fields", .summary = "Returns the values of several fields of a hash.",
     .syntax = "key field [field ...]"},
    {.name = "hmset", .run = command_hmset, .arity = -4, HASH_ROW, WRITE_FLAGS, .since = "2.0.0",
     .complexity = "O(N), N the number of fields", .summary = "Sets fields of a hash, as HSET does.",
     .syntax = "key field value [field value ...]", .key_flags = "RW update"},
    {.name = "hset", .run = command_hset, .arity = -4, HASH_ROW, WRITE_FLAGS, .since = "2.0.0",
     .complexity = "O(1) a field", .summary = "Sets fields of a hash and returns how many of them are new.",
     .syntax = "key field value [field value ...]", .key_flags = "RW update"},
    {.name = "hsetnx", .run = command_hsetnx, .arity = 4, HASH_ROW, WRITE_FLAGS, .since = "2.0.0", .complexity = "O(1)",
     .summary = "Sets a field of a hash unless it is there.", .syntax = "key field value", .key_flags = "RW insert"},
    {.name = "hstrlen", .run = command_hstrlen, .arity = 3, HASH_ROW, READ_FLAGS, .since = "3.2.0", .complexity = "O(1)",
     .summary = "Returns the length of the value of a field.", .syntax = "key field", .key_flags = "RO"},
    {0},
};
