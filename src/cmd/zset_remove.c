/* zset_remove.c - taking many members out of sorted sets: ZREMRANGEBY..., ZPOPMIN, ZPOPMAX, ZMPOP.
 *
 * Threads    The holder of the keys' batons.  */
#include "cmd/zset_private.h"

/* --- ranges --- */

static void remove_range(struct exec *exec, enum zset_by by, const char *event)
{
    struct zset_interval interval = {.by = by};
    struct value value;
    if (!zset_read_interval(exec, 2, 3, &interval) || !open_zset(exec, exec_key(exec, 1), &value)) {
        return;
    }
    struct zset_ranks ranks = {0};
    enum result result = RESULT_OK;
    if (value.entry != NULL) {
        ranks = zset_interval_ranks(value.entry, &interval);
        result = zset_remove_ranks(&value, ranks);
    }
    const bool is_changed = result == RESULT_OK && ranks.end > ranks.first;
    if (close_zset_removal(exec, &value, result, event, is_changed)) {
        reply_integer(exec->reply, (int64_t)(ranks.end - ranks.first));
    }
}

static void command_zremrangebyrank(struct exec *exec)
{
    remove_range(exec, ZSET_BY_RANK, "zremrangebyrank");
}

static void command_zremrangebyscore(struct exec *exec)
{
    remove_range(exec, ZSET_BY_SCORE, "zremrangebyscore");
}

static void command_zremrangebylex(struct exec *exec)
{
    remove_range(exec, ZSET_BY_LEX, "zremrangebylex");
}

/* --- popping --- */

/* How the members that are taken are replied. */
struct pop {
    bool is_max;     /* from the highest score */
    bool has_pairs;  /* each member with its score is an array */
    bool has_key;    /* behind the key's name */
    int64_t count;
};

/* Replies the members that pop takes from the key, and takes them. */
static void pop_from(struct exec *exec, struct value *value, const struct pop *pop)
{
    const uint64_t there = zset_value_count(value);
    const uint64_t count = (uint64_t)pop->count < there ? (uint64_t)pop->count : there;
    if (pop->has_key) {
        reply_array(exec->reply, 2);
        reply_bulk(exec->reply, value->key.name);
    }
    reply_array(exec->reply, pop->has_pairs ? count : count * 2);
    struct zset_walk walk;
    zset_walk_begin(&walk, value->entry, pop->is_max ? there : 0);
    for (uint64_t i = 0; i < count; i++) {
        struct item member = {0};
        double score = 0;
        if (pop->is_max) {
            zset_walk_previous(&walk, &member, &score);
        } else {
            zset_walk_next(&walk, &member, &score);
        }
        if (pop->has_pairs) {
            reply_array(exec->reply, 2);
        }
        reply_item(exec->reply, &member);
        reply_double(exec->reply, score);
    }
    const uint64_t first = pop->is_max ? there - count : 0;
    const enum result result = zset_remove_ranks(value, (struct zset_ranks){first, first + count});
    if (UNLIKELY(result != RESULT_OK)) {
        reply_rewind(exec->reply);
    }
    (void)close_zset_removal(exec, value, result, pop->is_max ? "zpopmax" : "zpopmin", result == RESULT_OK && count > 0);
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
    struct pop pop = {.is_max = is_max, .has_pairs = exec->argc > 2 && exec->reply->protocol == 3, .count = 1};
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
    pop->is_max = bytes_equal_ignore_case(exec->argv[at], BYTES("max"));
    bool is_right = pop->is_max || bytes_equal_ignore_case(exec->argv[at], BYTES("min"));
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

static void command_zmpop(struct exec *exec)
{
    int64_t keys;
    struct pop pop = {.has_pairs = true, .has_key = true, .count = 1};
    if (!read_count(exec, 1, 1, "ERR numkeys should be greater than 0", &keys)) {
        return;
    }
    if (keys >= (int64_t)exec->argc - 2) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    if (!read_pop_words(exec, (uint32_t)keys + 2, &pop)) {
        return;
    }
    for (uint32_t i = 2; i < (uint32_t)keys + 2; i++) {
        struct value value;
        if (!open_zset(exec, exec_key(exec, i), &value)) {
            return;
        }
        if (value.entry != NULL) {
            pop_from(exec, &value, &pop);
            return;
        }
    }
    reply_null_array(exec->reply);
}

static const struct command_key_spec counted_keys[] = {
    {.flags = "RW access delete", .index = 1, .search = KEYS_COUNTED, .count_index = 0, .first = 1, .step = 1},
    {0},
};

#define REMOVE_ROW                                                                                                             \
    .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE, .keys = {1, 1, 1}, .group = "sorted-set",                         \
    .complexity = "O(log(N)+M), N the members of the sorted set, M the members removed", .key_flags = "RW delete"
#define POP_ROW                                                                                                                \
    .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST, .keys = {1, 1, 1}, .since = "5.0.0",              \
    .group = "sorted-set", .complexity = "O(log(N)+M), N the members of the sorted set, M the members removed",                \
    .syntax = "key [count]", .key_flags = "RW access delete"

const struct command_spec zset_remove_commands[] = {
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
