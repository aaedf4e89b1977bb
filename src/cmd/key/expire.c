/* expire.c - when keys end: EXPIRE and its kin, TTL and its kin, PERSIST.
 *
 * Threads    The holder of the key's baton.
 * Limits     A wrong option is repeated in the error up to ECHO_MAX bytes.  */
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/option.h"
#include "cmd/key/key_rows.h"
#include "exec/exec.h"

/* How a command counts time. */
struct time_kind {
    int64_t unit_ms;
    bool is_absolute; /* since 1970; otherwise from now on */
};

enum { ECHO_MAX = 4096 };

enum expire_flag { EXPIRE_NX = 1 << 0, EXPIRE_XX = 1 << 1, EXPIRE_GT = 1 << 2, EXPIRE_LT = 1 << 3 };

static const struct option expire_options[] = {
    {"NX", .sets = EXPIRE_NX},
    {"XX", .sets = EXPIRE_XX},
    {"GT", .sets = EXPIRE_GT},
    {"LT", .sets = EXPIRE_LT},
    {0},
};

/* Combinations that contradict themselves, in the order in which Redis looks. */
static const struct {
    uint32_t one, others;
    const char *error;
} expire_contradictions[] = {
    {EXPIRE_NX, EXPIRE_XX | EXPIRE_GT | EXPIRE_LT, "ERR NX and XX, GT or LT options at the same time are not compatible"},
    {EXPIRE_GT, EXPIRE_LT, "ERR GT and LT options at the same time are not compatible"},
};

/* Repeats the word up to its first zero byte and without line ends behind it, as Redis does. */
static void reply_unsupported(struct exec *exec, struct bytes word)
{
    size_t len = strnlen(word.data, word.len < ECHO_MAX ? word.len : ECHO_MAX);
    while (len > 0 && (word.data[len - 1] == '\r' || word.data[len - 1] == '\n')) {
        len--;
    }
    reply_errorf(exec->reply, "ERR Unsupported option %.*s", (int)len, word.data);
}

/* Reads argv[3...]; replies the error. */
static bool expire_read_options(struct exec *exec, uint32_t *flags)
{
    struct option_walk walk = {.at = 3};
    while (option_next(exec, expire_options, &walk)) {
    }
    if (walk.at < exec->argc) {
        reply_unsupported(exec, exec->argv[walk.at]);
        return false;
    }
    for (size_t i = 0; i < sizeof(expire_contradictions) / sizeof(expire_contradictions[0]); i++) {
        bool has_one = (walk.flags & expire_contradictions[i].one) != 0;
        if (has_one && (walk.flags & expire_contradictions[i].others) != 0) {
            reply_error(exec->reply, expire_contradictions[i].error);
            return false;
        }
    }
    *flags = walk.flags;
    return true;
}

/* argv[2] as absolute milliseconds; negative times are times in the past. Replies the error. */
static bool expire_read_time(struct exec *exec, struct time_kind kind, int64_t *out)
{
    int64_t time;
    if (!exec_int64_argument(exec, 2, &time)) {
        return false;
    }
    int64_t base_ms = kind.is_absolute ? 0 : exec->now_ms;
    if (__builtin_mul_overflow(time, kind.unit_ms, &time) || __builtin_add_overflow(time, base_ms, &time)) {
        reply_errorf(exec->reply, "ERR invalid expire time in '%s' command", exec->spec->name);
        return false;
    }
    *out = time;
    return true;
}

/* Do the options allow `expiry_ms` in place of `current_ms`? No expiry counts as an infinite one. */
static bool expire_is_allowed(uint32_t flags, int64_t current_ms, int64_t expiry_ms)
{
    if (current_ms == KEYSPACE_NO_EXPIRY) {
        return (flags & (EXPIRE_XX | EXPIRE_GT)) == 0;
    }
    return (flags & EXPIRE_NX) == 0 && !((flags & EXPIRE_GT) != 0 && expiry_ms <= current_ms) &&
           !((flags & EXPIRE_LT) != 0 && expiry_ms >= current_ms);
}

static void expire_key(struct exec *exec, struct time_kind kind)
{
    uint32_t flags;
    int64_t expiry_ms;
    if (!expire_read_options(exec, &flags) || !expire_read_time(exec, kind, &expiry_ms)) {
        return;
    }
    struct key key = exec_key(exec, 1);
    struct keyspace *ks = exec_keyspace(exec, key);
    struct entry *entry = exec_find_write(exec, key);
    if (entry == NULL || !expire_is_allowed(flags, keyspace_expiry_ms(ks, entry), expiry_ms)) {
        reply_integer(exec->reply, 0);
        return;
    }
    if (exec_is_past(exec, expiry_ms)) {
        delete_found(exec, key);
        reply_integer(exec->reply, 1);
        return;
    }
    enum result result = keyspace_set_expiry(ks, &entry, expiry_ms);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, key, EVENT_EXPIRE);
    exec_effect_expiry(exec, key, expiry_ms);
    reply_integer(exec->reply, 1);
}

static void command_expire(struct exec *exec)
{
    expire_key(exec, (struct time_kind){1000, false});
}

static void command_expireat(struct exec *exec)
{
    expire_key(exec, (struct time_kind){1000, true});
}

static void command_pexpire(struct exec *exec)
{
    expire_key(exec, (struct time_kind){1, false});
}

static void command_pexpireat(struct exec *exec)
{
    expire_key(exec, (struct time_kind){1, true});
}

/* Replies the expiry: -2 without a key, -1 without an expiry, else rounded to the unit. */
static void reply_expiry(struct exec *exec, struct time_kind kind)
{
    struct key key = exec_key(exec, 1);
    struct entry *entry = find_read_untouched(exec, key);
    if (entry == NULL) {
        reply_integer(exec->reply, -2);
        return;
    }
    int64_t expiry_ms = keyspace_expiry_ms(exec_keyspace(exec, key), entry);
    if (expiry_ms == KEYSPACE_NO_EXPIRY) {
        reply_integer(exec->reply, -1);
        return;
    }
    int64_t time_ms = kind.is_absolute ? expiry_ms : expiry_ms - exec->now_ms;
    if (time_ms < 0) {
        time_ms = 0;
    }
    int64_t rounds_up = time_ms % kind.unit_ms >= (kind.unit_ms + 1) / 2 && kind.unit_ms > 1;
    reply_integer(exec->reply, time_ms / kind.unit_ms + rounds_up);
}

static void command_ttl(struct exec *exec)
{
    reply_expiry(exec, (struct time_kind){1000, false});
}

static void command_pttl(struct exec *exec)
{
    reply_expiry(exec, (struct time_kind){1, false});
}

static void command_expiretime(struct exec *exec)
{
    reply_expiry(exec, (struct time_kind){1000, true});
}

static void command_pexpiretime(struct exec *exec)
{
    reply_expiry(exec, (struct time_kind){1, true});
}

static void command_persist(struct exec *exec)
{
    struct key key = exec_key(exec, 1);
    struct keyspace *ks = exec_keyspace(exec, key);
    struct entry *entry = exec_find_write(exec, key);
    if (entry == NULL || keyspace_expiry_ms(ks, entry) == KEYSPACE_NO_EXPIRY) {
        reply_integer(exec->reply, 0);
        return;
    }
    enum result result = keyspace_set_expiry(ks, &entry, KEYSPACE_NO_EXPIRY);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, key, EVENT_PERSIST);
    reply_integer(exec->reply, 1);
}

#define EXPIRE_ROW .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST, .keys = {1, 1, 1}, \
                   .group = "generic", .complexity = "O(1)"
#define TTL_ROW .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST, .keys = {1, 1, 1}, \
                .group = "generic", .complexity = "O(1)"

const struct command_spec expire_commands[] = {
    {.name = "expire", .run = command_expire, EXPIRE_ROW, .since = "1.0.0",
     .summary = "Lets a key end after some seconds.", .syntax = "key seconds [NX|XX|GT|LT]"},
    {.name = "expireat", .run = command_expireat, EXPIRE_ROW, .since = "1.2.0",
     .summary = "Lets a key end at a time given in seconds since 1970.", .syntax = "key unix-time-seconds [NX|XX|GT|LT]"},
    {.name = "expiretime", .run = command_expiretime, TTL_ROW, .since = "7.0.0",
     .summary = "Returns when a key ends, in seconds since 1970.", .syntax = "key"},
    {.name = "persist", .run = command_persist, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "2.2.0", .group = "generic", .complexity = "O(1)",
     .summary = "Takes the expiry from a key.", .syntax = "key"},
    {.name = "pexpire", .run = command_pexpire, EXPIRE_ROW, .since = "2.6.0",
     .summary = "Lets a key end after some milliseconds.", .syntax = "key milliseconds [NX|XX|GT|LT]"},
    {.name = "pexpireat", .run = command_pexpireat, EXPIRE_ROW, .since = "2.6.0",
     .summary = "Lets a key end at a time given in milliseconds since 1970.",
     .syntax = "key unix-time-milliseconds [NX|XX|GT|LT]"},
    {.name = "pexpiretime", .run = command_pexpiretime, TTL_ROW, .since = "7.0.0",
     .summary = "Returns when a key ends, in milliseconds since 1970.", .syntax = "key"},
    {.name = "pttl", .run = command_pttl, TTL_ROW, .since = "2.6.0",
     .summary = "Returns how many milliseconds a key has left.", .syntax = "key",
     .tips = "nondeterministic_output"},
    {.name = "ttl", .run = command_ttl, TTL_ROW, .since = "1.0.0",
     .summary = "Returns how many seconds a key has left.", .syntax = "key",
     .tips = "nondeterministic_output"},
    {0},
};
