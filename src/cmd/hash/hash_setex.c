/* hash_setex.c - HSETEX: sets fields with one condition and one time.
 *
 * Threads    The holder of the key's baton.
 * Source     Redis 8.0, t_hash.c.  */
#include "cmd/core/limits.h"
#include "cmd/hash/hash_change.h"
#include "cmd/hash/hash_rows.h"

/* --- one field --- */

static enum result apply_setex(struct exec *exec, struct value *value, struct hash_change *change, uint32_t at, enum field_code *code)
{
    const struct bytes field = exec->argv[at];
    bool is_known = false;
    if ((change->flags & CHANGE_TIME) != 0 && exec_is_past(exec, change->time_ms)) {
        if (change->is_empty) {
            return RESULT_OK;
        }
        const enum result result = hash_remove(value, field, &is_known, &change->is_empty);
        *code = is_known ? FIELD_DELETED : FIELD_KEPT;
        return result;
    }
    const struct encoding_limits limits = exec_limits(exec);
    const bool keeps_time = (change->flags & (CHANGE_KEEPTTL | CHANGE_TIME)) != 0;
    enum result result = keeps_time ? hash_put_keeping_time(value, &limits, field, exec->argv[at + 1], &is_known)
                                    : hash_put(value, &limits, field, exec->argv[at + 1], &is_known);
    if (result != RESULT_OK) {
        return result;
    }
    change->is_empty = false;
    if ((change->flags & CHANGE_TIME) != 0) {
        result = hash_set_time(value, field, change->time_ms);
    }
    *code = result == RESULT_OK ? FIELD_CHANGED : FIELD_WITHOUT_TIME;
    return result;
}

/* --- at the end --- */

/* HSETEX key [PXAT time|KEEPTTL] FIELDS numfields field value ... */
static void give_effect(struct exec *exec, const struct hash_change *change)
{
    char digits[INT64_TEXT_MAX];
    const bool has_time = (change->flags & CHANGE_TIME) != 0;
    const struct bytes head[] = {BYTES("HSETEX"), exec->argv[1], has_time ? BYTES("PXAT") : BYTES("KEEPTTL"),
                                 {digits, int64_format(change->time_ms, digits)}};
    const uint32_t head_count = has_time ? 4 : (change->flags & CHANGE_KEEPTTL) != 0 ? 3 : 2;
    change_effect(exec, change, head, head_count, FIELD_CHANGED, false);
}

static void finish_setex(struct exec *exec, const struct hash_change *change)
{
    const struct key key = exec_key(exec, 1);
    if (change->changed > 0) {
        exec_changed_by(exec, key, EVENT_HSET, change->changed);
        if ((change->flags & CHANGE_TIME) != 0) {
            exec_event(exec, key, EVENT_HEXPIRE);
        }
        give_effect(exec, change);
    }
    if (UNLIKELY(change->result != RESULT_OK) && change->done > 0 && change->codes[change->done - 1] == FIELD_WITHOUT_TIME) {
        const struct bytes head[] = {BYTES("HSETEX"), key.name, BYTES("KEEPTTL")};
        exec_changed(exec, key, EVENT_HSET);
        change_effect(exec, change, head, sizeof head / sizeof head[0], FIELD_WITHOUT_TIME, false);
    }
    if (change->deleted > 0) {
        exec_changed_by(exec, key, EVENT_HSET, change->deleted);
        exec_event(exec, key, EVENT_HDEL);
        if (change->is_gone) {
            exec_event(exec, key, EVENT_DEL);
        }
        change_effect_deleted(exec, change);
    }
    reply_integer(exec->reply, !change->is_refused);
}

/* --- words --- */

#define ANY_TIME (CHANGE_TIME | CHANGE_KEEPTTL)
#define ANY_CONDITION (CHANGE_ALL_THERE | CHANGE_NONE_THERE)
#define TWO_TIMES "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
#define TWO_CONDITIONS "ERR Only one of FXX or FNX arguments can be specified"

static const struct setex_option {
    const char *name;
    uint32_t sets, excludes;
    const char *error;    /* when one of `excludes` is set */
    int64_t unit_ms;      /* of the time behind it; 0: there is none */
    bool is_absolute;
} setex_options[] = {
    {"EX", CHANGE_TIME, ANY_TIME, TWO_TIMES, 1000, false},
    {"PX", CHANGE_TIME, ANY_TIME, TWO_TIMES, 1, false},
    {"EXAT", CHANGE_TIME, ANY_TIME, TWO_TIMES, 1000, true},
    {"PXAT", CHANGE_TIME, ANY_TIME, TWO_TIMES, 1, true},
    {"KEEPTTL", CHANGE_KEEPTTL, ANY_TIME, TWO_TIMES, 0, false},
    {"FXX", CHANGE_ALL_THERE, ANY_CONDITION, TWO_CONDITIONS, 0, false},
    {"FNX", CHANGE_NONE_THERE, ANY_CONDITION, TWO_CONDITIONS, 0, false},
};

/* The option at argv[*at], which goes on behind it; false: it is wrong, which was replied. */
static bool read_option(struct exec *exec, uint32_t *at, struct hash_change *change)
{
    const struct setex_option *option = NULL;
    for (size_t i = 0; i < sizeof setex_options / sizeof setex_options[0]; i++) {
        if (bytes_equal_ignore_case(exec->argv[*at], bytes_of_string(setex_options[i].name))) {
            option = &setex_options[i];
        }
    }
    if (option == NULL) {
        const struct bytes word = exec->argv[*at];
        reply_errorf(exec->reply, "ERR unknown argument: %.*s", (int)strnlen(word.data, word.len < 128 ? word.len : 128), word.data);
        return false;
    }
    if ((change->flags & option->excludes) != 0) {
        reply_error(exec->reply, option->error);
        return false;
    }
    change->flags |= option->sets;
    *at += 1;
    if (option->unit_ms == 0) {
        return true;
    }
    if (*at == exec->argc) {
        reply_error(exec->reply, "ERR missing expire time");
        return false;
    }
    const int64_t base_ms = option->is_absolute ? 0 : exec->now_ms;
    return change_read_time(exec, (*at)++, option->unit_ms, base_ms, &change->time_ms);
}

/* FIELDS numfields field value ... from argv[at] on. */
static bool read_fields(struct exec *exec, uint32_t at, struct hash_change *change)
{
    int64_t count;
    if (at + 3 >= exec->argc) {
        reply_arity_error(exec->reply, exec->spec);
        return false;
    }
    if (!int64_parse(exec->argv[at + 1], &count) || count < 1 || count > INT32_MAX) {
        reply_error(exec->reply, "ERR invalid number of fields");
        return false;
    }
    if (count * 2 != (int64_t)exec->argc - at - 2) {
        reply_arity_error(exec->reply, exec->spec);
        return false;
    }
    change->first = at + 2;
    return true;
}

static bool read_words(struct exec *exec, struct hash_change *change)
{
    uint32_t at = 2;
    while (at < exec->argc && !bytes_equal_ignore_case(exec->argv[at], BYTES("FIELDS"))) {
        if (!read_option(exec, &at, change)) {
            return false;
        }
    }
    return read_fields(exec, at, change);
}

static void command_hsetex(struct exec *exec)
{
    static const struct change_kind kind = {.apply = apply_setex, .finish = finish_setex};
    struct hash_change change = {.kind = &kind, .step = 2};
    struct value value;
    if (!read_words(exec, &change)) {
        return;
    }
    if (words_are_many(exec)) {
        change_start(exec, &change);
    } else if (open_hash(exec, exec_key(exec, 1), &value)) {
        change_run(exec, &change, &value);
    }
}

const struct command_spec hash_setex_commands[] = {
    {.name = "hsetex", .run = command_hsetex, .arity = -6, .scope = SCOPE_KEYS, .keys = {1, 1, 1}, .group = "hash",
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .since = "8.0.0", .complexity = "O(N), N the number of fields",
     .key_flags = "RW update", .locks_when_long = true, .summary = "Sets fields of a hash, all on one condition, and when they end.",
     .syntax = "key [FNX|FXX] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL] "
               "FIELDS numfields field value [field value ...]"},
    {0},
};
