/* zset_remove.c - taking many members out of sorted sets: ZREMRANGEBY..., ZPOPMIN, ZPOPMAX, ZMPOP, and those that block.
 *
 * Threads    The holder of the keys' batons; a job when there are very many.  */
#include "cmd/zset/zset_remove.h"
#include "cmd/zset/zset_rows.h"

/* True when a job is needed to remove so many in steps. */
static bool is_long(const struct value *value, const struct zset_removal *removal)
{
    const uint64_t count = removal->ranks.end - removal->ranks.first;
    const bool is_all = !removal->is_pop && count == zset_value_count(value);
    return count > ZSET_REMOVED_AT_ONCE && !is_all && value_form(value) == VALUE_FORM_ZSET;
}

/* --- ranges --- */

static void remove_range(struct exec *exec, enum zset_by by, enum event event)
{
    struct zset_interval interval = {.by = by};
    struct zset_removal removal = {.event = event, .key_at = 1};
    struct value value;
    if (!zset_read_interval(exec, 2, 3, &interval) || !open_zset(exec, exec_key(exec, 1), &value)) {
        return;
    }
    if (value.entry == NULL) {
        reply_integer(exec->reply, 0);
        return;
    }
    removal.ranks = zset_interval_ranks(value.entry, &interval);
    removal.is_vague = by == ZSET_BY_LEX && !zset_has_one_score(value.entry);
    if (is_long(&value, &removal)) {
        zset_removal_start(exec, &removal, value.entry);
        return;
    }
    const uint64_t count = removal.ranks.end - removal.ranks.first;
    bool is_done = true;
    if (count > 0 && count == zset_value_count(&value)) {
        zset_remove_all(exec, &value, event);
    } else {
        const enum result result = zset_remove_ranks(&value, removal.ranks);
        is_done = close_zset_removal(exec, &value, result, event, result == RESULT_OK ? count : 0);
    }
    if (is_done && count > 0) {
        zset_removal_effect(exec, &removal);
    }
    if (is_done) {
        reply_integer(exec->reply, (int64_t)count);
    }
}

static void command_zremrangebyrank(struct exec *exec)
{
    remove_range(exec, ZSET_BY_RANK, EVENT_ZREMRANGEBYRANK);
}

static void command_zremrangebyscore(struct exec *exec)
{
    remove_range(exec, ZSET_BY_SCORE, EVENT_ZREMRANGEBYSCORE);
}

static void command_zremrangebylex(struct exec *exec)
{
    remove_range(exec, ZSET_BY_LEX, EVENT_ZREMRANGEBYLEX);
}

/* --- popping --- */

/* What a pop's words say. */
struct pop {
    struct zset_removal removal;
    int64_t count;
};

/* Replies the members that pop takes from the key, and takes them. */
static void pop_from(struct exec *exec, struct value *value, struct pop *pop)
{
    struct zset_removal *removal = &pop->removal;
    const uint64_t there = zset_value_count(value);
    const uint64_t count = (uint64_t)pop->count < there ? (uint64_t)pop->count : there;
    removal->event = removal->is_max ? EVENT_ZPOPMAX : EVENT_ZPOPMIN;
    removal->ranks.first = removal->is_max ? there - count : 0;
    removal->ranks.end = removal->ranks.first + count;
    if (is_long(value, removal)) {
        zset_removal_start(exec, removal, value->entry);
        return;
    }
    struct zset_walk walk;
    zset_pop_begin(exec, removal);
    zset_pop_walk(&walk, value->entry, removal);
    for (uint64_t i = 0; i < count; i++) {
        zset_pop_reply(exec, &walk, removal);
    }
    const enum result result = zset_remove_ranks(value, removal->ranks);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_rewind(exec->reply);
    }
    if (close_zset_removal(exec, value, result, removal->event, result == RESULT_OK ? count : 0) && count > 0) {
        zset_removal_effect(exec, removal);
    }
}

/* A number that is `least` or more, or replies `error`. */
static bool read_count(struct exec *exec, uint32_t index, int64_t least, const char *error, int64_t *out)
{
    if (int64_parse(exec->argv[index], out) && *out >= least) {
        return true;
    }
    reply_error(exec->reply, error);
    return false;
}

static void pop_command(struct exec *exec, bool is_max)
{
    struct pop pop = {.removal = {.key_at = 1, .is_pop = true, .is_max = is_max}, .count = 1};
    pop.removal.has_pairs = exec->argc > 2 && exec->reply->protocol == 3;
    if (exec->argc > 3) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    if (exec->argc == 3 && !read_count(exec, 2, 0, "ERR value is out of range, must be positive", &pop.count)) {
        return;
    }
    struct value value;
    if (!open_zset(exec, exec_key(exec, 1), &value)) {
        return;
    }
    if (value.entry == NULL || pop.count == 0) {
        reply_array(exec->reply, 0);
        return;
    }
    pop_from(exec, &value, &pop);
}

static void command_zpopmin(struct exec *exec)
{
    pop_command(exec, false);
}

static void command_zpopmax(struct exec *exec)
{
    pop_command(exec, true);
}

/* Reads MIN or MAX and COUNT, from argv[at] on; replies the error. */
static bool read_pop_words(struct exec *exec, uint32_t at, struct pop *pop)
{
    pop->removal.is_max = bytes_equal_ignore_case(exec->argv[at], BYTES("max"));
    bool is_right = pop->removal.is_max || bytes_equal_ignore_case(exec->argv[at], BYTES("min"));
    if (is_right && at + 1 < exec->argc) {
        is_right = at + 2 < exec->argc && bytes_equal_ignore_case(exec->argv[at + 1], BYTES("count"));
        if (is_right && !read_count(exec, at + 2, 1, "ERR count should be greater than 0", &pop->count)) {
            return false;
        }
        is_right = is_right && at + 3 == exec->argc;
    }
    if (!is_right) {
        reply_error(exec->reply, ERROR_SYNTAX);
    }
    return is_right;
}

/* What the words of ZMPOP and BZMPOP say. */
struct mpop {
    struct pop pop;
    uint32_t first_key, key_count;
};

/* The number of keys is argv[count_at]; replies the error. */
static bool read_mpop(struct exec *exec, uint32_t count_at, struct mpop *out)
{
    int64_t keys;
    *out = (struct mpop){.pop = {.removal = {.is_pop = true, .has_pairs = true, .has_key = true}, .count = 1},
                         .first_key = count_at + 1};
    if (!read_count(exec, count_at, 1, "ERR numkeys should be greater than 0", &keys)) {
        return false;
    }
    if (keys >= (int64_t)exec->argc - count_at - 1) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    out->key_count = (uint32_t)keys;
    return read_pop_words(exec, out->first_key + out->key_count, &out->pop);
}

/* Pops from the first key that has a sorted set. False: none has. */
static bool pop_first(struct exec *exec, struct mpop *mpop)
{
    for (uint32_t i = mpop->first_key; i < mpop->first_key + mpop->key_count; i++) {
        struct value value;
        if (!open_zset(exec, exec_key(exec, i), &value)) {
            return true;
        }
        if (value.entry != NULL) {
            mpop->pop.removal.key_at = i;
            pop_from(exec, &value, &mpop->pop);
            return true;
        }
    }
    return false;
}

static void command_zmpop(struct exec *exec)
{
    struct mpop mpop;
    if (read_mpop(exec, 1, &mpop) && !pop_first(exec, &mpop)) {
        reply_null_array(exec->reply);
    }
}

/* --- BZPOPMIN, BZPOPMAX, BZMPOP --- */

static void pop_or_block(struct exec *exec, struct mpop *mpop, uint32_t timeout_at, uint32_t count_at)
{
    struct block block = {.first_key = mpop->first_key, .key_count = mpop->key_count, .count_at = count_at, .type = VALUE_ZSET};
    if (exec_timeout_argument(exec, timeout_at, &block.timeout_ms) && !pop_first(exec, mpop) && !exec_block(exec, &block)) {
        reply_null_array(exec->reply);
    }
}

static void command_bzmpop(struct exec *exec)
{
    struct mpop mpop;
    if (read_mpop(exec, 2, &mpop)) {
        pop_or_block(exec, &mpop, 1, 2);
    }
}

static void pop_one_or_block(struct exec *exec, bool is_max)
{
    struct mpop mpop = {.pop = {.removal = {.is_pop = true, .is_max = is_max, .has_key = true, .is_flat = true}, .count = 1},
                        .first_key = 1,
                        .key_count = exec->argc - 2};
    pop_or_block(exec, &mpop, exec->argc - 1, 0);
}

static void command_bzpopmin(struct exec *exec)
{
    pop_one_or_block(exec, false);
}

static void command_bzpopmax(struct exec *exec)
{
    pop_one_or_block(exec, true);
}

static const struct command_key_spec counted_keys[] = {
    {.flags = "RW access delete", .index = 1, .search = KEYS_COUNTED, .count_index = 0, .first = 1, .step = 1},
    {0},
};

static const struct command_key_spec bzmpop_keys[] = {
    {.flags = "RW access delete", .index = 2, .search = KEYS_COUNTED, .count_index = 0, .first = 1, .step = 1},
    {0},
};

#define BLOCKING_POP_ROW                                                                                                       \
    .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_NOSCRIPT | COMMAND_BLOCKING | COMMAND_FAST,             \
    .keys = {1, -2, 1}, .since = "5.0.0", .group = "sorted-set",                                                               \
    .complexity = "O(log(N)), N the members of the sorted set", .syntax = "key [key ...] timeout",                             \
    .key_flags = "RW access delete"
#define REMOVE_ROW                                                                                                             \
    .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE, .keys = {1, 1, 1}, .group = "sorted-set",                         \
    .complexity = "O(log(N)+M), N the members of the sorted set, M the members removed", .key_flags = "RW delete"
#define POP_ROW                                                                                                                \
    .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST, .keys = {1, 1, 1}, .since = "5.0.0",              \
    .group = "sorted-set", .complexity = "O(log(N)+M), N the members of the sorted set, M the members removed",                \
    .syntax = "key [count]", .key_flags = "RW access delete"

const struct command_spec zset_remove_commands[] = {
    {.name = "bzmpop", .run = command_bzmpop, .arity = -5, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_BLOCKING | COMMAND_MOVABLE_KEYS, .since = "7.0.0", .group = "sorted-set",
     .complexity = "O(K)+O(log(N)+M), K the keys, N the members of the sorted set, M the members removed",
     .summary = "As ZMPOP, and waits until a sorted set exists, for so many seconds at most.",
     .syntax = "timeout numkeys key [key ...] MIN|MAX [COUNT count]", .key_specs = bzmpop_keys},
    {.name = "bzpopmax", .run = command_bzpopmax, BLOCKING_POP_ROW,
     .summary = "Removes the member with the highest score of the first of several sorted sets that exists, and waits for one."},
    {.name = "bzpopmin", .run = command_bzpopmin, BLOCKING_POP_ROW,
     .summary = "Removes the member with the lowest score of the first of several sorted sets that exists, and waits for one."},
    {.name = "zremrangebyrank", .run = command_zremrangebyrank, REMOVE_ROW, .since = "2.0.0",
     .summary = "Removes the members of a sorted set from one rank to another.", .syntax = "key start stop"},
    {.name = "zremrangebyscore", .run = command_zremrangebyscore, REMOVE_ROW, .since = "1.2.0",
     .summary = "Removes the members of a sorted set with scores between two others.", .syntax = "key min max"},
    {.name = "zremrangebylex", .run = command_zremrangebylex, REMOVE_ROW, .since = "2.8.9",
     .summary = "Removes the members of a sorted set of one score that stand between two others.", .syntax = "key min max"},
    {.name = "zpopmin", .run = command_zpopmin, POP_ROW,
     .summary = "Removes and returns the members of a sorted set with the lowest scores."},
    {.name = "zpopmax", .run = command_zpopmax, POP_ROW,
     .summary = "Removes and returns the members of a sorted set with the highest scores."},
    {.name = "zmpop", .run = command_zmpop, .arity = -4, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_MOVABLE_KEYS, .since = "7.0.0", .group = "sorted-set",
     .complexity = "O(K)+O(log(N)+M), K the keys, N the members of the sorted set, M the members removed",
     .summary = "Removes and returns members with the lowest or highest scores of the first sorted set that has any.",
     .syntax = "numkeys key [key ...] MIN|MAX [COUNT count]", .key_specs = counted_keys},
    {0},
};
