/* hash_time.c - HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME: when fields end.
 *
 * Threads    The holder of the key's baton.
 * Read on    hash_expire.c.  */
#include "cmd/core/words.h"
#include "cmd/hash/hash_private.h"
#include "cmd/hash/hash_rows.h"

enum { NO_FIELD = -2, NO_TIME = -1 };

struct time_words {
    struct words words;
    struct time_kind kind;
};

static int64_t time_in_units(const struct exec *exec, const struct time_kind *kind, int64_t time_ms)
{
    const int64_t left_ms = kind->is_absolute ? time_ms : time_ms - exec->now_ms;
    return (left_ms + kind->unit_ms - 1) / kind->unit_ms;
}

static void reply_times(struct exec *exec, const struct entry *entry, const struct time_kind *kind, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++) {
        if (entry == NULL || !hash_get(entry, exec->argv[i], NULL)) {
            reply_integer(exec->reply, NO_FIELD);
            continue;
        }
        const int64_t time_ms = hash_time(entry, exec->argv[i]);
        reply_integer(exec->reply, time_ms == TIMED_NONE ? NO_TIME : time_in_units(exec, kind, time_ms));
    }
}

static bool begin_times(struct words *words, struct exec *exec)
{
    struct entry *entry;
    (void)words;
    if (!find_hash(exec, &entry)) {
        return false;
    }
    reply_array(exec->reply, exec->argc - 4);
    return true;
}

static bool run_times(struct words *words, struct exec *exec, uint32_t end)
{
    const struct entry *entry = expire_fields(exec, exec_key(exec, 1), words_entry(exec));
    reply_times(exec, entry, &((struct time_words *)words)->kind, words->at, end);
    words->at = end;
    return true;
}

static const struct words_kind times_kind = {
    .size = sizeof(struct time_words), .mode = KEY_LOCK_SHARED, .begin = begin_times, .run = run_times};

/* Redis looks at the key before it looks at the words; of very many these come first. */
static void reply_field_times(struct exec *exec, struct time_kind kind)
{
    struct entry *entry = NULL;
    const bool is_many = words_are_many(exec);
    if ((!is_many && !find_hash(exec, &entry)) || !hash_check_fields(exec, 2, HASH_BAD_COUNT)) {
        return;
    }
    if (is_many) {
        const struct time_words words = {.words = {.first = 4, .step = 1}, .kind = kind};
        words_start(exec, &times_kind, &words.words);
        return;
    }
    reply_array(exec->reply, exec->argc - 4);
    reply_times(exec, entry, &kind, 4, exec->argc);
}

static void command_httl(struct exec *exec)
{
    reply_field_times(exec, (struct time_kind){1000, false});
}

static void command_hpttl(struct exec *exec)
{
    reply_field_times(exec, (struct time_kind){1, false});
}

static void command_hexpiretime(struct exec *exec)
{
    reply_field_times(exec, (struct time_kind){1000, true});
}

static void command_hpexpiretime(struct exec *exec)
{
    reply_field_times(exec, (struct time_kind){1, true});
}

#define TIME_ROW .arity = -5, .scope = SCOPE_KEYS, .keys = {1, 1, 1}, .group = "hash", .flags = COMMAND_READONLY | COMMAND_FAST, \
                 .since = "7.4.0", .complexity = "O(N), N the number of fields", .locks_when_long = true, \
                 .syntax = "key FIELDS numfields field [field ...]"

const struct command_spec hash_time_commands[] = {
    {.name = "hexpiretime", .run = command_hexpiretime, TIME_ROW, .summary = "Returns when fields of a hash end, in seconds since 1970."},
    {.name = "hpexpiretime", .run = command_hpexpiretime, TIME_ROW,
     .summary = "Returns when fields of a hash end, in milliseconds since 1970."},
    {.name = "hpttl", .run = command_hpttl, TIME_ROW, .summary = "Returns how many milliseconds fields of a hash have left.",
     .tips = "nondeterministic_output"},
    {.name = "httl", .run = command_httl, TIME_ROW, .summary = "Returns how many seconds fields of a hash have left.",
     .tips = "nondeterministic_output"},
    {0},
};
