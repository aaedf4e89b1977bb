/* string.c - GET, SET and the commands that read or replace whole strings.
 *
 * Threads    The holder of the keys' batons.
 * Read on    string_work.h (long strings), string_many.c (MGET, MSET), string_range.c, string_number.c,
 *            string_lcs.c: parts of strings, counters, comparison.  */
#include "cmd/core/answers.h"
#include "cmd/core/effects.h"
#include "cmd/core/find.h"
#include "cmd/string/string_condition.h"
#include "cmd/string/string_options.h"
#include "cmd/string/string_rows.h"
#include "cmd/string/string_work.h"

/* --- options --- */

/* A repeated option is taken, as by Redis; the last value counts. */
static const struct option set_options[] = {
    {"NX", .sets = SET_NX, .excludes = SET_WHEN & ~SET_NX},
    {"XX", .sets = SET_XX, .excludes = SET_WHEN & ~SET_XX},
    {"IFEQ", .sets = SET_IFEQ, .excludes = SET_WHEN & ~SET_IFEQ, .has_value = true},
    {"IFNE", .sets = SET_IFNE, .excludes = SET_WHEN & ~SET_IFNE, .has_value = true},
    {"IFDEQ", .sets = SET_IFDEQ, .excludes = SET_WHEN & ~SET_IFDEQ, .has_value = true},
    {"IFDNE", .sets = SET_IFDNE, .excludes = SET_WHEN & ~SET_IFDNE, .has_value = true},
    {"GET", .sets = SET_GET},
    {"KEEPTTL", .sets = SET_KEEPTTL, .excludes = SET_TTL & ~SET_KEEPTTL},
    STRING_TIME_OPTIONS,
    {0},
};

static const struct option getex_options[] = {
    {"PERSIST", .sets = SET_PERSIST, .excludes = SET_TTL & ~SET_PERSIST},
    STRING_TIME_OPTIONS,
    {0},
};

/* --- reading --- */

/* A command that replies the old string and then goes on. */
struct replier {
    string_work_fn *run;
    struct string_work *work; /* what has been done */
    uint32_t value_at;        /* argv: what it stores; 0: nothing */
};

/* Replies the string at `key`, null when there is none. False: it is no string, which was replied, or is long: `run` is called again
 * when it has been replied.  */
static bool reply_old(struct exec *exec, struct entry *entry, const struct replier *replier)
{
    if (replier->work != NULL && replier->work->is_replied) {
        return true;
    }
    if (!check_string(exec, entry)) {
        return false;
    }
    if (entry == NULL) {
        reply_null(exec->reply);
        return true;
    }
    if (UNLIKELY(string_reply_is_long(entry)) && replier->work == NULL) {
        string_work_start(exec, replier->run, entry, replier->value_at);
        return false;
    }
    string_reply(exec, entry);
    return true;
}

static void command_get(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (UNLIKELY(entry == NULL)) {
        reply_null(exec->reply);
    } else if (LIKELY(check_string(exec, entry))) {
        char scratch[STRING_SCRATCH];
        string_reply_text(exec, entry, entry_string(entry, scratch));
    }
}

/* The entry at argv[1] for who has read it, unless that was counted before. */
static struct entry *find_old(struct exec *exec, struct key key, const struct string_work *work)
{
    return work == NULL ? exec_find_read(exec, key) : exec_find_write(exec, key);
}

static void run_getdel(struct exec *exec, struct string_work *work)
{
    struct key key = exec_key(exec, 1);
    struct entry *entry = find_old(exec, key, work);
    if (reply_old(exec, entry, &(struct replier){run_getdel, work, 0}) && entry != NULL) {
        delete_found(exec, key);
    }
}

static void command_getdel(struct exec *exec)
{
    run_getdel(exec, NULL);
}

/* Gives `entry`, whose value was replied, the expiry that GETEX asks for. */
static void getex_apply(struct exec *exec, struct key key, struct entry *entry, const struct set_request *request)
{
    struct keyspace *ks = exec_keyspace(exec, key);
    bool is_persist = (request->flags & SET_PERSIST) != 0;
    if (is_persist && keyspace_expiry_ms(ks, entry) == KEYSPACE_NO_EXPIRY) {
        return;
    }
    if (!is_persist && (request->flags & SET_ABSOLUTE) != 0 && exec_is_past(exec, request->expiry_ms)) {
        delete_found(exec, key);
        return;
    }
    int64_t expiry_ms = is_persist ? KEYSPACE_NO_EXPIRY : request->expiry_ms;
    enum result result = keyspace_set_expiry(ks, &entry, expiry_ms);
    if (result != RESULT_OK) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, key, is_persist ? EVENT_PERSIST : EVENT_EXPIRE);
    exec_effect_expiry(exec, key, expiry_ms);
}

static void run_getex(struct exec *exec, struct string_work *work)
{
    struct set_request request = {0};
    if (!string_read_options(exec, 2, getex_options, &request)) {
        return;
    }
    struct key key = exec_key(exec, 1);
    struct entry *entry = find_old(exec, key, work);
    if (entry == NULL && work == NULL) {
        reply_null(exec->reply);
        return;
    }
    if (!check_string(exec, entry) || !string_read_time(exec, &request)) {
        return;
    }
    if (reply_old(exec, entry, &(struct replier){run_getex, work, 0}) && entry != NULL &&
        (request.flags & (SET_TIME | SET_PERSIST)) != 0) {
        getex_apply(exec, key, entry, &request);
    }
}

static void command_getex(struct exec *exec)
{
    run_getex(exec, NULL);
}

/* --- writing --- */

/* What a command puts at a key. */
struct put {
    uint32_t value;           /* argv */
    string_work_fn *run;      /* of the command that does so, to be called again when a long value has been copied */
    struct string_work *work; /* what has been done */
};

/* Reports that argv[value] is at `key` now. A time is told as an absolute one. */
static void report_set(struct exec *exec, struct key key, uint32_t value, const struct set_request *request)
{
    const bool has_time = (request->flags & SET_TIME) != 0;
    exec_changed(exec, key, EVENT_SET);
    if (has_time) {
        exec_event(exec, key, EVENT_EXPIRE);
        exec_effect_set(exec, exec->db, key, exec->argv[value], request->expiry_ms);
    }
}

/* Puts the value at `key` in place of `existing` and reports it. False: it is long and copied first, or memory was refused; the error
 * has replaced the reply.  */
static bool put_value(struct exec *exec, struct key key, struct entry *existing, const struct put *put,
                      const struct set_request *request)
{
    const enum expiry_mode mode = string_expiry_mode(request);
    const struct bytes value = exec->argv[put->value];
    enum result result;
    if (UNLIKELY(value.len > TEXT_AT_ONCE_MAX)) {
        if (put->work == NULL) {
            string_work_start(exec, put->run, NULL, put->value);
            return false;
        }
        result = text_copy_store(&put->work->copy, key, existing, mode, request->expiry_ms);
    } else {
        result = keyspace_put_string(exec_keyspace(exec, key), key, existing, value, mode, request->expiry_ms);
    }
    if (UNLIKELY(result != RESULT_OK)) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, result);
        return false;
    }
    report_set(exec, key, put->value, request);
    return true;
}

/* The condition that the options name, CONDITION_NONE without one; replies the error. */
static bool read_condition(struct exec *exec, const struct set_request *request, struct string_condition *out)
{
    *out = (struct string_condition){0};
    if ((request->flags & SET_COMPARES) == 0) {
        return true;
    }
    const enum condition_kind kind = string_condition_kind(exec->argv[request->compare_index - 1]);
    return string_condition_read(exec, kind, request->compare_index, out);
}

/* Do the options let what is there be replaced? */
static bool may_set(const struct set_request *request, const struct string_condition *condition, const struct entry *existing)
{
    return !string_is_refused(request, existing) && (condition->kind == CONDITION_NONE || string_condition_holds(condition, existing));
}

/* SET with options. */
static void set_with_options(struct exec *exec, struct string_work *work)
{
    struct set_request request = {0};
    struct string_condition condition;
    if (!string_read_options(exec, 3, set_options, &request) || !string_read_time(exec, &request) || !read_condition(exec, &request, &condition)) {
        return;
    }
    struct key key = exec_key(exec, 1);
    bool is_get = (request.flags & SET_GET) != 0;
    struct entry *existing = is_get ? find_old(exec, key, work) : exec_find_write(exec, key);
    if (is_get && !reply_old(exec, existing, &(struct replier){set_with_options, work, 2})) {
        return;
    }
    if (condition.kind != CONDITION_NONE && !check_string(exec, existing)) {
        return;
    }
    if (!may_set(&request, &condition, existing)) {
        if (!is_get) {
            reply_null(exec->reply);
        }
        return;
    }
    if (put_value(exec, key, existing, &(struct put){2, set_with_options, work}, &request) && !is_get) {
        reply_ok(exec->reply);
    }
}

static void set_plainly(struct exec *exec, struct string_work *work)
{
    static const struct set_request plain = {0};
    struct key key = exec_key(exec, 1);
    if (LIKELY(put_value(exec, key, exec_find_write(exec, key), &(struct put){2, set_plainly, work}, &plain))) {
        reply_ok(exec->reply);
    }
}

static void command_set(struct exec *exec)
{
    if (UNLIKELY(exec->argc > 3)) {
        set_with_options(exec, NULL);
    } else {
        set_plainly(exec, NULL);
    }
}

static void run_setnx(struct exec *exec, struct string_work *work)
{
    static const struct set_request plain = {0};
    struct key key = exec_key(exec, 1);
    if (exec_find_write(exec, key) != NULL) {
        reply_integer(exec->reply, 0);
    } else if (put_value(exec, key, NULL, &(struct put){2, run_setnx, work}, &plain)) {
        reply_integer(exec->reply, 1);
    }
}

static void command_setnx(struct exec *exec)
{
    run_setnx(exec, NULL);
}

/* SETEX and PSETEX: key time value. */
static void set_with_time(struct exec *exec, uint32_t unit, const struct put *put)
{
    struct set_request request = {.flags = unit, .time_index = 2};
    if (!string_read_time(exec, &request)) {
        return;
    }
    struct key key = exec_key(exec, 1);
    if (put_value(exec, key, exec_find_write(exec, key), put, &request)) {
        reply_ok(exec->reply);
    }
}

static void run_setex(struct exec *exec, struct string_work *work)
{
    set_with_time(exec, SET_EX, &(struct put){3, run_setex, work});
}

static void command_setex(struct exec *exec)
{
    run_setex(exec, NULL);
}

static void run_psetex(struct exec *exec, struct string_work *work)
{
    set_with_time(exec, SET_PX, &(struct put){3, run_psetex, work});
}

static void command_psetex(struct exec *exec)
{
    run_psetex(exec, NULL);
}

static void run_getset(struct exec *exec, struct string_work *work)
{
    static const struct set_request plain = {0};
    struct key key = exec_key(exec, 1);
    struct entry *existing = find_old(exec, key, work);
    if (reply_old(exec, existing, &(struct replier){run_getset, work, 2})) {
        (void)put_value(exec, key, existing, &(struct put){2, run_getset, work}, &plain);
    }
}

static void command_getset(struct exec *exec)
{
    run_getset(exec, NULL);
}

const struct command_spec string_commands[] = {
    {.name = "get", .run = command_get, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "string", .complexity = "O(1)",
     .summary = "Returns the string that a key holds.", .syntax = "key"},
    {.name = "getdel", .run = command_getdel, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "6.2.0", .group = "string", .complexity = "O(1)",
     .summary = "Returns the string that a key holds and deletes the key.", .syntax = "key",
     .key_flags = "RW access delete"},
    {.name = "getex", .run = command_getex, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "6.2.0", .group = "string", .complexity = "O(1)",
     .summary = "Returns the string that a key holds and sets or removes the key's expiry.",
     .syntax = "key [" STRING_TIME_SYNTAX "|PERSIST]", .key_flags = "RW access update"},
    {.name = "getset", .run = command_getset, .arity = 3, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1}, .since = "1.0.0", .group = "string",
     .complexity = "O(1)", .summary = "Stores a string and returns the one that it replaces.", .syntax = "key value",
     .key_flags = "RW access update"},
    {.name = "psetex", .run = command_psetex, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "2.6.0", .group = "string", .complexity = "O(1)",
     .summary = "Stores a string that expires after some milliseconds.", .syntax = "key milliseconds value",
     .key_flags = "OW update"},
    {.name = "set", .run = command_set, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "string", .complexity = "O(1)",
     .summary = "Stores a string, on conditions and with an expiry if wanted.",
     .syntax = "key value [NX|XX|IFEQ value|IFNE value|IFDEQ digest|IFDNE digest] [GET] [" STRING_TIME_SYNTAX "|KEEPTTL]",
     .key_flags = "RW access update variable_flags"},
    {.name = "setex", .run = command_setex, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "2.0.0", .group = "string", .complexity = "O(1)",
     .summary = "Stores a string that expires after some seconds.", .syntax = "key seconds value",
     .key_flags = "OW update"},
    {.name = "setnx", .run = command_setnx, .arity = 3, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1}, .since = "1.0.0", .group = "string",
     .complexity = "O(1)", .summary = "Stores a string unless the key exists.", .syntax = "key value",
     .key_flags = "OW insert"},
    {0},
};
