/* string_number.c - strings as counters.
 *
 * Threads    The holder of the key's baton.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/string/string_rows.h"
#include "exec/exec.h"

#include <math.h>

/* The number that `entry` (NULL: 0) holds; false: it holds none. */
static bool read_counter(const struct entry *entry, int64_t *out)
{
    if (entry == NULL) {
        *out = 0;
        return true;
    }
    if (LIKELY(entry_integer(entry, out))) {
        return true;
    }
    char scratch[STRING_SCRATCH];
    return int64_parse(entry_string(entry, scratch), out);
}

static void add_to_counter(struct exec *exec, int64_t amount)
{
    struct key key = exec_key(exec, 1);
    struct entry *existing = exec_find_write(exec, key);
    if (!check_string(exec, existing)) {
        return;
    }
    int64_t value;
    if (!read_counter(existing, &value)) {
        reply_error(exec->reply, ERROR_NOT_INTEGER);
        return;
    }
    if (__builtin_add_overflow(value, amount, &value)) {
        reply_error(exec->reply, ERROR_OVERFLOW);
        return;
    }
    enum result result = keyspace_put_integer(exec_keyspace(exec, key), key, existing, value);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, key, EVENT_INCRBY);
    reply_integer(exec->reply, value);
}

static void command_incr(struct exec *exec)
{
    add_to_counter(exec, 1);
}

static void command_decr(struct exec *exec)
{
    add_to_counter(exec, -1);
}

static void command_incrby(struct exec *exec)
{
    int64_t amount;
    if (exec_int64_argument(exec, 2, &amount)) {
        add_to_counter(exec, amount);
    }
}

static void command_decrby(struct exec *exec)
{
    int64_t amount;
    if (!exec_int64_argument(exec, 2, &amount)) {
        return;
    }
    if (amount == INT64_MIN) { /* has no negative */
        reply_error(exec->reply, "ERR decrement would overflow");
        return;
    }
    add_to_counter(exec, -amount);
}

static void command_incrbyfloat(struct exec *exec)
{
    struct key key = exec_key(exec, 1);
    struct entry *existing = exec_find_write(exec, key);
    if (!check_string(exec, existing)) {
        return;
    }
    char scratch[STRING_SCRATCH];
    long double value = 0;
    long double amount;
    if ((existing != NULL && !long_double_parse(entry_string(existing, scratch), &value)) ||
        !long_double_parse(exec->argv[2], &amount)) {
        reply_error(exec->reply, ERROR_NOT_FLOAT);
        return;
    }
    value += amount;
    if (isnan(value) || isinf(value)) {
        reply_error(exec->reply, ERROR_NAN);
        return;
    }
    char text[LONG_DOUBLE_TEXT_MAX];
    struct bytes number = {text, long_double_format_human(value, text)};
    enum result result = keyspace_put_text(exec_keyspace(exec, key), key, existing, number);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, key, EVENT_INCRBYFLOAT);
    exec_effect(exec, key, (const struct bytes[]){BYTES("SET"), key.name, number, BYTES("KEEPTTL")}, 4);
    reply_bulk(exec->reply, number);
}

#define COUNTER_ROW .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1}, \
                    .group = "string", .complexity = "O(1)", .key_flags = "RW access update"

const struct command_spec string_number_commands[] = {
    {.name = "decr", .run = command_decr, .arity = 2, COUNTER_ROW, .since = "1.0.0",
     .summary = "Takes one from the integer that a key holds, 0 when there is no key.", .syntax = "key"},
    {.name = "decrby", .run = command_decrby, .arity = 3, COUNTER_ROW, .since = "1.0.0",
     .summary = "Takes a number from the integer that a key holds, 0 when there is no key.", .syntax = "key decrement"},
    {.name = "incr", .run = command_incr, .arity = 2, COUNTER_ROW, .since = "1.0.0",
     .summary = "Adds one to the integer that a key holds, 0 when there is no key.", .syntax = "key"},
    {.name = "incrby", .run = command_incrby, .arity = 3, COUNTER_ROW, .since = "1.0.0",
     .summary = "Adds a number to the integer that a key holds, 0 when there is no key.", .syntax = "key increment"},
    {.name = "incrbyfloat", .run = command_incrbyfloat, .arity = 3, COUNTER_ROW, .since = "2.6.0",
     .summary = "Adds a floating-point number to the number that a key holds, 0 when there is no key.",
     .syntax = "key increment"},
    {0},
};
