/* hash_number.c - fields of hashes as counters.
 *
 * Threads    The holder of the key's baton.  */
#include "base/number.h"
#include "cmd/core/limits.h"
#include "cmd/hash/hash_private.h"
#include "cmd/hash/hash_rows.h"

#include <math.h>

/* Stores the sum and replies it; `value` is open. */
static bool put_sum(struct exec *exec, struct key key, struct value *value, struct bytes text, enum event event)
{
    const struct encoding_limits limits = exec_limits(exec);
    bool is_new;
    enum result result = hash_put_keeping_time(value, &limits, exec->argv[2], text, &is_new);
    if (!close_hash(exec, value, result)) {
        return false;
    }
    exec_changed(exec, key, event);
    return true;
}

static void command_hincrby(struct exec *exec)
{
    int64_t amount;
    if (!exec_int64_argument(exec, 3, &amount)) {
        return;
    }
    struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_hash(exec, key, &value)) {
        return;
    }
    struct item old = item_of_integer(0);
    if (value.entry != NULL && hash_get(value.entry, exec->argv[2], &old) && !item_is_integer(&old)) {
        reply_error(exec->reply, "ERR hash value is not an integer");
        return;
    }
    int64_t sum;
    if (__builtin_add_overflow(old.integer, amount, &sum)) {
        reply_error(exec->reply, ERROR_OVERFLOW);
        return;
    }
    char text[INT64_TEXT_MAX];
    if (put_sum(exec, key, &value, (struct bytes){text, int64_format(sum, text)}, EVENT_HINCRBY)) {
        reply_integer(exec->reply, sum);
    }
}

/* The number in a field, 0 when it is not there; false: it is none. */
static bool read_float(const struct value *value, struct bytes field, long double *out)
{
    struct item item;
    *out = 0;
    if (value->entry == NULL || !hash_get(value->entry, field, &item)) {
        return true;
    }
    if (item_is_integer(&item)) {
        *out = (long double)item.integer;
        return true;
    }
    return long_double_parse((struct bytes){item.data, item.len}, out);
}

/* HSET would take the field's time away. */
static void give_sum(struct exec *exec, struct key key, const struct value *value, struct bytes text)
{
    const struct bytes field = exec->argv[2];
    if (hash_time(value->entry, field) == TIMED_NONE) {
        exec_effect(exec, key, (const struct bytes[]){BYTES("HSET"), key.name, field, text}, 4);
        return;
    }
    const struct bytes words[] = {BYTES("HSETEX"), key.name, BYTES("KEEPTTL"), BYTES("FIELDS"), BYTES("1"), field, text};
    exec_effect(exec, key, words, sizeof words / sizeof words[0]);
}

static void command_hincrbyfloat(struct exec *exec)
{
    long double amount;
    if (!long_double_parse(exec->argv[3], &amount)) {
        reply_error(exec->reply, ERROR_NOT_FLOAT);
        return;
    }
    if (isinf(amount)) {
        reply_error(exec->reply, "ERR value is NaN or Infinity");
        return;
    }
    struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_hash(exec, key, &value)) {
        return;
    }
    long double sum;
    if (!read_float(&value, exec->argv[2], &sum)) {
        reply_error(exec->reply, "ERR hash value is not a float");
        return;
    }
    sum += amount;
    if (isnan(sum) || isinf(sum)) {
        reply_error(exec->reply, ERROR_NAN);
        return;
    }
    char scratch[LONG_DOUBLE_TEXT_MAX];
    struct bytes text = {scratch, long_double_format_human(sum, scratch)};
    if (put_sum(exec, key, &value, text, EVENT_HINCRBYFLOAT)) {
        give_sum(exec, key, &value, text);
        reply_bulk(exec->reply, text);
    }
}

#define COUNTER_ROW .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1}, \
                    .group = "hash", .complexity = "O(1)", .key_flags = "RW access update"

const struct command_spec hash_number_commands[] = {
    {.name = "hincrby", .run = command_hincrby, COUNTER_ROW, .since = "2.0.0",
     .summary = "Adds a number to the integer in a field of a hash, 0 when it is not there.", .syntax = "key field increment"},
    {.name = "hincrbyfloat", .run = command_hincrbyfloat, COUNTER_ROW, .since = "2.6.0",
     .summary = "Adds a floating-point number to the number in a field of a hash, 0 when it is not there.",
     .syntax = "key field increment"},
    {0},
};
