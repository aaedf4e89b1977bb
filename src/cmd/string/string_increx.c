/* string_increx.c - INCREX: a counter with bounds, and its time to live.
 *
 * Threads    The holder of the key's baton.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/core/effects.h"
#include "cmd/core/find.h"
#include "cmd/string/string_options.h"
#include "cmd/string/string_rows.h"
#include "exec/exec.h"

#include <float.h>
#include <math.h>

/* Beside those of set_flag. */
enum increx_flag {
    INCREX_BYINT = 1 << 16,
    INCREX_BYFLOAT = 1 << 17,
    INCREX_LBOUND = 1 << 18,
    INCREX_UBOUND = 1 << 19,
    INCREX_SATURATE = 1 << 20,
    INCREX_ENX = 1 << 21,
};
_Static_assert((int)INCREX_BYINT > (int)SET_IFDNE, "both kinds of flags fit into one word");

static const struct option increx_options[] = {
    {"BYINT", .sets = INCREX_BYINT, .excludes = INCREX_BYINT | INCREX_BYFLOAT, .has_value = true},
    {"BYFLOAT", .sets = INCREX_BYFLOAT, .excludes = INCREX_BYINT | INCREX_BYFLOAT, .has_value = true},
    {"LBOUND", .sets = INCREX_LBOUND, .excludes = INCREX_LBOUND, .has_value = true},
    {"UBOUND", .sets = INCREX_UBOUND, .excludes = INCREX_UBOUND, .has_value = true},
    {"SATURATE", .sets = INCREX_SATURATE},
    STRING_TIME_OPTIONS,
    {"PERSIST", .sets = SET_PERSIST, .excludes = SET_TIME | INCREX_ENX},
    {"ENX", .sets = INCREX_ENX, .excludes = SET_PERSIST},
    {0},
};

/* A whole number, or one with a fraction. */
struct number {
    int64_t whole;
    long double real;
};

struct increx {
    struct set_request request;
    bool is_real;          /* BYFLOAT: `real` of these counts, otherwise `whole` */
    struct number amount, low, high;
};

/* --- words --- */

/* Reads argv[index], if that is not 0. */
static bool read_number(struct exec *exec, uint32_t index, bool is_real, struct number *out)
{
    if (index == 0) {
        return true;
    }
    if (!is_real) {
        return exec_int64_argument(exec, index, &out->whole);
    }
    if (!long_double_parse(exec->argv[index], &out->real) || isinf(out->real)) {
        reply_error(exec->reply, ERROR_NOT_FLOAT);
        return false;
    }
    return true;
}

static bool read_words(struct exec *exec, struct increx *out)
{
    struct option_walk walk = {.at = 2};
    uint32_t amount_at = 0, low_at = 0, high_at = 0;
    *out = (struct increx){.amount = {1, 1}, .low = {INT64_MIN, -LDBL_MAX}, .high = {INT64_MAX, LDBL_MAX}};
    while (option_next(exec, increx_options, &walk)) {
        const uint32_t sets = walk.option->sets;
        amount_at = (sets & (INCREX_BYINT | INCREX_BYFLOAT)) != 0 ? walk.value : amount_at;
        low_at = (sets & INCREX_LBOUND) != 0 ? walk.value : low_at;
        high_at = (sets & INCREX_UBOUND) != 0 ? walk.value : high_at;
        out->request.time_index = (sets & SET_TIME) != 0 ? walk.value : out->request.time_index;
    }
    if (walk.at < exec->argc || ((walk.flags & INCREX_ENX) != 0 && (walk.flags & SET_TIME) == 0)) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    out->request.flags = walk.flags;
    out->is_real = (walk.flags & INCREX_BYFLOAT) != 0;
    if (!read_number(exec, amount_at, out->is_real, &out->amount) || !read_number(exec, low_at, out->is_real, &out->low) ||
        !read_number(exec, high_at, out->is_real, &out->high)) {
        return false;
    }
    if (out->is_real ? out->low.real > out->high.real : out->low.whole > out->high.whole) {
        reply_error(exec->reply, "ERR LBOUND must not be greater than UBOUND");
        return false;
    }
    return string_read_time(exec, &out->request);
}

/* --- adding --- */

enum sum { SUM_FITS, SUM_REFUSED, SUM_WRONG };

/* *value becomes the sum, *delta what was added. SUM_REFUSED: it is out of bounds; SUM_WRONG: an error was replied. */
static enum sum add_whole(struct exec *exec, const struct increx *increx, int64_t *value, int64_t *delta)
{
    const int64_t old = *value;
    __int128 sum = (__int128)old + increx->amount.whole;
    const bool is_low = sum < increx->low.whole;
    if (is_low || sum > increx->high.whole) {
        if ((increx->request.flags & INCREX_SATURATE) == 0) {
            return SUM_REFUSED;
        }
        sum = is_low ? increx->low.whole : increx->high.whole;
    }
    *value = (int64_t)sum;
    if (__builtin_sub_overflow(*value, old, delta)) {
        reply_error(exec->reply, ERROR_OVERFLOW);
        return SUM_WRONG;
    }
    return SUM_FITS;
}

static enum sum add_real(struct exec *exec, const struct increx *increx, long double *value, long double *delta)
{
    const long double old = *value;
    const long double sum = old + increx->amount.real;
    *value = sum;
    *delta = increx->amount.real;
    if (sum < increx->low.real || sum > increx->high.real) {
        if ((increx->request.flags & INCREX_SATURATE) == 0) {
            return SUM_REFUSED;
        }
        *value = sum < increx->low.real ? increx->low.real : increx->high.real;
        *delta = *value - old;
    }
    if (isnan(sum) || isinf(*delta)) {
        reply_error(exec->reply, ERROR_NAN);
        return SUM_WRONG;
    }
    return SUM_FITS;
}

/* What `entry` (NULL: 0) holds. False: no such number, which was replied. */
static bool read_old(struct exec *exec, const struct entry *entry, bool is_real, struct number *out)
{
    char scratch[STRING_SCRATCH];
    *out = (struct number){0, 0};
    if (entry == NULL) {
        return true;
    }
    const struct bytes text = entry_string(entry, scratch);
    if (is_real ? long_double_parse(text, &out->real) : int64_parse(text, &out->whole)) {
        return true;
    }
    reply_error(exec->reply, is_real ? ERROR_NOT_FLOAT : ERROR_NOT_INTEGER);
    return false;
}

/* --- storing --- */

/* Puts `text` at the key, with the expiry that the options ask for. False: memory was refused, which was replied. */
static bool store(struct exec *exec, struct key key, struct entry *existing, const struct increx *increx, struct bytes text)
{
    const uint32_t flags = increx->request.flags;
    struct keyspace *ks = exec_keyspace(exec, key);
    const int64_t old_expiry_ms = existing == NULL ? KEYSPACE_NO_EXPIRY : keyspace_expiry_ms(ks, existing);
    const bool sets_time = (flags & SET_TIME) != 0 && ((flags & INCREX_ENX) == 0 || old_expiry_ms == KEYSPACE_NO_EXPIRY);
    const bool is_persist = (flags & SET_PERSIST) != 0 && old_expiry_ms != KEYSPACE_NO_EXPIRY;
    const enum expiry_mode mode = sets_time ? EXPIRY_SET : is_persist ? EXPIRY_CLEAR : EXPIRY_KEEP;
    const enum result result = keyspace_put_string(ks, key, existing, text, mode, increx->request.expiry_ms);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return false;
    }
    exec_changed(exec, key, increx->is_real ? EVENT_INCRBYFLOAT : EVENT_INCRBY);
    if (sets_time || is_persist) {
        exec_event(exec, key, sets_time ? EVENT_EXPIRE : EVENT_PERSIST);
    }
    exec_effect_set(exec, exec->db, key, text, sets_time ? increx->request.expiry_ms : is_persist ? KEYSPACE_NO_EXPIRY : old_expiry_ms);
    return true;
}

static struct bytes real_text(long double number, char out[LONG_DOUBLE_TEXT_MAX])
{
    return (struct bytes){out, long_double_format_human(number, out)};
}

static void increase_real(struct exec *exec, struct key key, struct entry *existing, const struct increx *increx, struct number old)
{
    char value_text[LONG_DOUBLE_TEXT_MAX], delta_text[LONG_DOUBLE_TEXT_MAX];
    long double value = old.real, delta = 0;
    const enum sum sum = add_real(exec, increx, &value, &delta);
    if (sum == SUM_WRONG) {
        return;
    }
    const struct bytes text = real_text(sum == SUM_FITS ? value : old.real, value_text);
    if (sum == SUM_FITS && !store(exec, key, existing, increx, text)) {
        return;
    }
    reply_array(exec->reply, 2);
    reply_double_text(exec->reply, text);
    reply_double_text(exec->reply, real_text(sum == SUM_FITS ? delta : 0, delta_text));
}

static void increase_whole(struct exec *exec, struct key key, struct entry *existing, const struct increx *increx, struct number old)
{
    char digits[INT64_TEXT_MAX];
    int64_t value = old.whole, delta = 0;
    const enum sum sum = add_whole(exec, increx, &value, &delta);
    if (sum == SUM_WRONG) {
        return;
    }
    if (sum == SUM_FITS && !store(exec, key, existing, increx, (struct bytes){digits, int64_format(value, digits)})) {
        return;
    }
    reply_array(exec->reply, 2);
    reply_integer(exec->reply, value);
    reply_integer(exec->reply, delta);
}

static void command_increx(struct exec *exec)
{
    struct increx increx;
    struct number old;
    if (!read_words(exec, &increx)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *existing = exec_find_write(exec, key);
    if (!check_string(exec, existing) || !read_old(exec, existing, increx.is_real, &old)) {
        return;
    }
    if (increx.is_real) {
        increase_real(exec, key, existing, &increx, old);
    } else {
        increase_whole(exec, key, existing, &increx, old);
    }
}

const struct command_spec string_increx_commands[] = {
    {.name = "increx", .run = command_increx, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "8.8.0", .group = "string", .complexity = "O(1)",
     .summary = "Adds a number to the number that a key holds, within bounds, and sets its expiry.",
     .syntax = "key [BYFLOAT increment|BYINT increment] [LBOUND lowerbound] [UBOUND upperbound] [SATURATE] [" STRING_TIME_SYNTAX "|PERSIST] [ENX]",
     .key_flags = "RW access update"},
    {0},
};
