/* hash_expire.c - HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT, HPERSIST, HGETEX: fields get times, or lose them.
 *
 * Threads    The holder of the key's baton.
 * Source     Redis 7.4 and 8.0, t_hash.c: replies, errors, and the order in which the words are looked at.  */
#include "cmd/hash/hash_change.h"
#include "cmd/hash/hash_rows.h"

static int64_t base_of(const struct exec *exec, const struct time_kind *kind)
{
    return kind->is_absolute ? 0 : exec->now_ms;
}

/* --- one field --- */

static bool is_there(const struct exec *exec, const struct value *value, const struct hash_change *change, uint32_t at)
{
    return !change->is_empty && hash_get(value->entry, exec->argv[at], NULL);
}

/* No time counts as one that is infinite, but to GT. */
static bool is_time_allowed(const struct hash_change *change, int64_t current_ms)
{
    if (current_ms == TIMED_NONE) {
        return (change->flags & (CHANGE_XX | CHANGE_GT)) == 0;
    }
    return (change->flags & CHANGE_NX) == 0 && !((change->flags & CHANGE_GT) != 0 && change->time_ms <= current_ms) &&
           !((change->flags & CHANGE_LT) != 0 && change->time_ms >= current_ms);
}

static enum result apply_expire(struct exec *exec, struct value *value, struct hash_change *change, uint32_t at, enum field_code *code)
{
    if (!is_there(exec, value, change, at)) {
        *code = FIELD_ABSENT;
        return RESULT_OK;
    }
    if (!is_time_allowed(change, hash_time(value->entry, exec->argv[at]))) {
        *code = FIELD_KEPT;
        return RESULT_OK;
    }
    return change_set_time(exec, value, change, at, code);
}

static enum result apply_persist(struct exec *exec, struct value *value, struct hash_change *change, uint32_t at, enum field_code *code)
{
    if (!is_there(exec, value, change, at)) {
        *code = FIELD_ABSENT;
    } else {
        *code = hash_clear_time(value, exec->argv[at]) ? FIELD_CHANGED : FIELD_WITHOUT_TIME;
    }
    return RESULT_OK;
}

static enum result apply_getex(struct exec *exec, struct value *value, struct hash_change *change, uint32_t at, enum field_code *code)
{
    reply_hash_fields(exec, change->is_empty ? NULL : value->entry, at, at + 1);
    if ((change->flags & CHANGE_TIME) != 0) {
        return apply_expire(exec, value, change, at, code);
    }
    return (change->flags & CHANGE_PERSIST) != 0 ? apply_persist(exec, value, change, at, code) : RESULT_OK;
}

/* --- at the end --- */

static void report_change(struct exec *exec, const struct hash_change *change)
{
    const struct key key = exec_key(exec, 1);
    const bool is_persist = (change->flags & CHANGE_PERSIST) != 0;
    if (change->changed > 0) {
        exec_changed_by(exec, key, is_persist ? EVENT_HPERSIST : EVENT_HEXPIRE, change->changed);
    }
    if (change->deleted > 0) {
        exec_changed_by(exec, key, EVENT_HDEL, change->deleted);
    }
    if (change->is_gone) {
        exec_event(exec, key, EVENT_DEL);
    }
    if (change->changed > 0 && is_persist) {
        const struct bytes head[] = {BYTES("HPERSIST"), key.name};
        change_effect(exec, change, head, 2, FIELD_CHANGED, false);
    } else if (change->changed > 0) {
        change_effect_times(exec, change);
    }
    if (change->deleted > 0) {
        change_effect_deleted(exec, change);
    }
}

static void finish_codes(struct exec *exec, const struct hash_change *change)
{
    report_change(exec, change);
    reply_array(exec->reply, change->done);
    for (uint32_t i = 0; i < change->done; i++) {
        reply_integer(exec->reply, change->codes[i]);
    }
}

static const struct change_kind expire_kind = {.apply = apply_expire, .finish = finish_codes};
static const struct change_kind persist_kind = {.apply = apply_persist, .finish = finish_codes};
static const struct change_kind getex_kind = {.apply = apply_getex, .finish = report_change, .replies_values = true};

/* --- the commands --- */

typedef bool read_words_fn(struct exec *exec, const struct time_kind *kind, struct hash_change *change);

/* Redis looks at the key before it looks at the words; of very many these come first. */
static void run(struct exec *exec, struct hash_change *change, read_words_fn *read_words, const struct time_kind *kind)
{
    struct value value;
    change->step = 1;
    if (words_are_many(exec)) {
        if (read_words(exec, kind, change)) {
            change_start(exec, change);
        }
    } else if (open_hash(exec, exec_key(exec, 1), &value) && read_words(exec, kind, change)) {
        change_run(exec, change, &value);
    }
}

/* time [NX|XX|GT|LT] FIELDS numfields field ... */
static bool read_expire_words(struct exec *exec, const struct time_kind *kind, struct hash_change *change)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } conditions[] = {{"NX", CHANGE_NX}, {"XX", CHANGE_XX}, {"GT", CHANGE_GT}, {"LT", CHANGE_LT}};
    if (!change_read_time(exec, 2, kind->unit_ms, base_of(exec, kind), &change->time_ms)) {
        return false;
    }
    uint32_t at = 3;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        if (at == 3 && bytes_equal_ignore_case(exec->argv[3], bytes_of_string(conditions[i].name))) {
            change->flags |= conditions[i].flag;
            at = 4;
        }
    }
    change->first = at + 2;
    return hash_check_fields(exec, at, "ERR Parameter `numFields` should be greater than 0");
}

static void expire_named_fields(struct exec *exec, struct time_kind kind)
{
    struct hash_change change = {.kind = &expire_kind, .flags = CHANGE_TIME};
    run(exec, &change, read_expire_words, &kind);
}

static void command_hexpire(struct exec *exec)
{
    expire_named_fields(exec, (struct time_kind){1000, false});
}

static void command_hexpireat(struct exec *exec)
{
    expire_named_fields(exec, (struct time_kind){1000, true});
}

static void command_hpexpire(struct exec *exec)
{
    expire_named_fields(exec, (struct time_kind){1, false});
}

static void command_hpexpireat(struct exec *exec)
{
    expire_named_fields(exec, (struct time_kind){1, true});
}

static bool read_persist_words(struct exec *exec, const struct time_kind *kind, struct hash_change *change)
{
    (void)kind;
    change->first = 4;
    return hash_check_fields(exec, 2, HASH_BAD_COUNT);
}

static void command_hpersist(struct exec *exec)
{
    struct hash_change change = {.kind = &persist_kind, .flags = CHANGE_PERSIST};
    run(exec, &change, read_persist_words, NULL);
}

/* [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] FIELDS numfields field ... */
static bool read_getex_words(struct exec *exec, const struct time_kind *kind, struct hash_change *change)
{
    static const struct {
        const char *name;
        struct time_kind kind;
    } times[] = {{"EX", {1000, false}}, {"PX", {1, false}}, {"EXAT", {1000, true}}, {"PXAT", {1, true}}};
    uint32_t at = 2;
    (void)kind;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        if (!bytes_equal_ignore_case(exec->argv[2], bytes_of_string(times[i].name))) {
            continue;
        }
        if (!change_read_time(exec, 3, times[i].kind.unit_ms, base_of(exec, &times[i].kind), &change->time_ms)) {
            return false;
        }
        change->flags |= CHANGE_TIME;
        at = 4;
    }
    if (bytes_equal_ignore_case(exec->argv[2], BYTES("PERSIST"))) {
        change->flags |= CHANGE_PERSIST;
        at = 3;
    }
    change->first = at + 2;
    return hash_check_fields(exec, at, HASH_BAD_COUNT);
}

static void command_hgetex(struct exec *exec)
{
    struct hash_change change = {.kind = &getex_kind};
    run(exec, &change, read_getex_words, NULL);
}

#define FIELDS_ROW .scope = SCOPE_KEYS, .keys = {1, 1, 1}, .group = "hash", .complexity = "O(N), N the number of fields", .locks_when_long = true
#define EXPIRE_ROW .arity = -6, FIELDS_ROW, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .since = "7.4.0", .key_flags = "RW update"

const struct command_spec hash_expire_commands[] = {
    {.name = "hexpire", .run = command_hexpire, EXPIRE_ROW, .summary = "Lets fields of a hash end after some seconds.",
     .syntax = "key seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]"},
    {.name = "hexpireat", .run = command_hexpireat, EXPIRE_ROW,
     .summary = "Lets fields of a hash end at a time given in seconds since 1970.",
     .syntax = "key unix-time-seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]"},
    {.name = "hgetex", .run = command_hgetex, .arity = -5, FIELDS_ROW, .flags = COMMAND_WRITE | COMMAND_FAST, .since = "8.0.0",
     .key_flags = "RW access update", .summary = "Returns the values of fields of a hash, and lets them end at a time, or not at all.",
     .syntax = "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] FIELDS numfields "
               "field [field ...]"},
    {.name = "hpersist", .run = command_hpersist, .arity = -5, FIELDS_ROW, .flags = COMMAND_WRITE | COMMAND_FAST, .since = "7.4.0",
     .key_flags = "RW update", .summary = "Takes the times from fields of a hash.", .syntax = "key FIELDS numfields field [field ...]"},
    {.name = "hpexpire", .run = command_hpexpire, EXPIRE_ROW, .summary = "Lets fields of a hash end after some milliseconds.",
     .syntax = "key milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]"},
    {.name = "hpexpireat", .run = command_hpexpireat, EXPIRE_ROW,
     .summary = "Lets fields of a hash end at a time given in milliseconds since 1970.",
     .syntax = "key unix-time-milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]"},
    {0},
};
