/* zset_range.c - ranges of sorted sets: ZRANGE and its older forms, ZCOUNT, ZLEXCOUNT. Long ones go in steps.
 *
 * Threads    The holder of the key's baton; a big sorted set is pinned meanwhile.  */
#include "cmd/zset/zset_range.h"
#include "cmd/zset/zset_rows.h"

#include "cmd/core/option.h"
#include "cmd/core/pinned_job.h"

/* --- words --- */

enum range_option { RANGE_SCORES = 1 << 0, RANGE_REV = 1 << 1, RANGE_LEX = 1 << 2, RANGE_SCORE = 1 << 3, RANGE_LIMIT = 1 << 4 };

static const struct {
    const char *name;
    enum range_option option;
} range_words[] = {{"WITHSCORES", RANGE_SCORES}, {"REV", RANGE_REV}, {"BYLEX", RANGE_LEX}, {"BYSCORE", RANGE_SCORE},
                   {"LIMIT", RANGE_LIMIT}};

static unsigned range_option(struct bytes word)
{
    for (size_t i = 0; i < sizeof range_words / sizeof *range_words; i++) {
        if (bytes_equal_ignore_case(word, bytes_of_string(range_words[i].name))) {
            return range_words[i].option;
        }
    }
    return 0;
}

/* What may still be said after the command's name and the words so far. */
static unsigned options_allowed(const struct range_form *form, unsigned said)
{
    unsigned allowed = RANGE_LIMIT;
    allowed |= form->is_store ? 0 : RANGE_SCORES;
    allowed |= form->has_order || (said & RANGE_REV) != 0 ? 0 : RANGE_REV;
    allowed |= form->has_by || (said & (RANGE_LEX | RANGE_SCORE)) != 0 ? 0 : RANGE_LEX | RANGE_SCORE;
    return allowed;
}

static bool read_options(struct exec *exec, const struct range_form *form, struct range_request *request)
{
    unsigned said = 0;
    for (uint32_t at = form->source + 3; at < exec->argc; at++) {
        const unsigned option = range_option(exec->argv[at]) & options_allowed(form, said);
        if (option == 0 || (option == RANGE_LIMIT && exec->argc - at <= 2)) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
        if (option == RANGE_LIMIT) {
            if (!exec_int64_argument(exec, at + 1, &request->offset) || !exec_int64_argument(exec, at + 2, &request->limit)) {
                return false;
            }
            at += 2;
        }
        said |= option;
    }
    request->has_scores = (said & RANGE_SCORES) != 0;
    request->interval.is_reverse |= (said & RANGE_REV) != 0;
    if ((said & RANGE_LEX) != 0) {
        request->interval.by = ZSET_BY_LEX;
    } else if ((said & RANGE_SCORE) != 0) {
        request->interval.by = ZSET_BY_SCORE;
    }
    return true;
}

bool range_read(struct exec *exec, const struct range_form *form, struct range_request *request)
{
    *request = (struct range_request){.interval = {.by = form->by, .is_reverse = form->is_reverse}, .limit = -1};
    if (!read_options(exec, form, request)) {
        return false;
    }
    const enum zset_by by = request->interval.by;
    if (request->limit != -1 && by == ZSET_BY_RANK) {
        reply_error(exec->reply, "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
        return false;
    }
    if (request->has_scores && by == ZSET_BY_LEX) {
        reply_error(exec->reply, "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
        return false;
    }
    /* Backwards the higher end of scores and members comes first. */
    const uint32_t is_swapped = by != ZSET_BY_RANK && request->interval.is_reverse;
    return zset_read_interval(exec, form->source + 1 + is_swapped, form->source + 2 - is_swapped, &request->interval);
}

struct zset_ranks range_ranks(const struct entry *entry, const struct range_request *request)
{
    struct zset_ranks ranks = zset_interval_ranks(entry, &request->interval);
    if (request->interval.by == ZSET_BY_RANK) {
        return ranks;
    }
    const uint64_t count = ranks.end - ranks.first;
    const uint64_t skipped = request->offset < 0 || (uint64_t)request->offset > count ? count : (uint64_t)request->offset;
    const uint64_t left = count - skipped;
    const uint64_t wanted = request->limit < 0 || (uint64_t)request->limit > left ? left : (uint64_t)request->limit;
    if (request->interval.is_reverse) {
        ranks.end -= skipped;
        ranks.first = ranks.end - wanted;
    } else {
        ranks.first += skipped;
        ranks.end = ranks.first + wanted;
    }
    return ranks;
}

/* --- replies --- */

/* What is left of a reply. */
struct range_reply {
    struct zset_walk walk;
    uint64_t left;
    bool is_reverse;
    bool has_scores;
};

static void reply_header(struct reply *reply, const struct range_reply *range)
{
    reply_array(reply, range->has_scores && reply->protocol == 2 ? range->left * 2 : range->left);
}

/* Replies at most `most` members. */
static void reply_some(struct reply *reply, struct range_reply *range, uint64_t most)
{
    uint64_t count = range->left < most ? range->left : most;
    range->left -= count;
    for (; count > 0; count--) {
        struct item member = {0};
        double score = 0;
        if (range->is_reverse) {
            zset_walk_previous(&range->walk, &member, &score);
        } else {
            zset_walk_next(&range->walk, &member, &score);
        }
        if (range->has_scores && reply->protocol == 3) {
            reply_array(reply, 2);
        }
        reply_item(reply, &member);
        if (range->has_scores) {
            reply_double(reply, score);
        }
    }
}

struct range_job {
    struct pinned_job pinned;
    struct range_reply range;
    bool is_begun;
};

static enum job_status range_step(struct job *job, struct exec *exec)
{
    struct range_job *work = (struct range_job *)job;
    if (!work->is_begun) {
        work->is_begun = true;
        reply_header(exec->reply, &work->range);
    }
    while (work->range.left > 0) {
        reply_some(exec->reply, &work->range, ZSET_MEMBERS_PER_LOOK);
        if (exec_step_is_over(exec)) {
            return exec->reply->is_broken ? JOB_DONE : JOB_MORE;
        }
    }
    return JOB_DONE;
}

static void start_range(struct exec *exec, struct key key, struct entry *entry, const struct range_reply *range)
{
    struct range_job *work = pinned_job_create(exec, key, entry, range_step, sizeof *work);
    if (work != NULL) {
        work->range = *range;
        exec_start_job(exec, &work->pinned.job);
    }
}

static void reply_range(struct exec *exec, const struct range_form *form)
{
    struct range_request request;
    if (!range_read(exec, form, &request)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (!check_zset(exec, entry)) {
        return;
    }
    if (entry == NULL) {
        reply_array(exec->reply, 0);
        return;
    }
    const struct zset_ranks ranks = range_ranks(entry, &request);
    struct range_reply range = {
        .left = ranks.end - ranks.first, .is_reverse = request.interval.is_reverse, .has_scores = request.has_scores};
    if (range.left > 0) {
        zset_walk_begin(&range.walk, entry, range.is_reverse ? ranks.end : ranks.first);
    }
    if (range.left > ZSET_STEPS_MIN && entry_form(entry) == VALUE_FORM_ZSET) {
        start_range(exec, key, entry, &range);
        return;
    }
    reply_header(exec->reply, &range);
    reply_some(exec->reply, &range, range.left);
}

/* --- the commands --- */

static void command_zrange(struct exec *exec)
{
    reply_range(exec, &(struct range_form){.source = 1});
}

static void command_zrevrange(struct exec *exec)
{
    reply_range(exec, &(struct range_form){.source = 1, .has_by = true, .is_reverse = true, .has_order = true});
}

static void command_zrangebyscore(struct exec *exec)
{
    reply_range(exec, &(struct range_form){.source = 1, .by = ZSET_BY_SCORE, .has_by = true, .has_order = true});
}

static void command_zrevrangebyscore(struct exec *exec)
{
    reply_range(exec, &(struct range_form){
                          .source = 1, .by = ZSET_BY_SCORE, .has_by = true, .is_reverse = true, .has_order = true});
}

static void command_zrangebylex(struct exec *exec)
{
    reply_range(exec, &(struct range_form){.source = 1, .by = ZSET_BY_LEX, .has_by = true, .has_order = true});
}

static void command_zrevrangebylex(struct exec *exec)
{
    reply_range(exec, &(struct range_form){
                          .source = 1, .by = ZSET_BY_LEX, .has_by = true, .is_reverse = true, .has_order = true});
}

static void reply_count(struct exec *exec, enum zset_by by)
{
    struct zset_interval interval = {.by = by};
    struct entry *entry;
    if (!zset_read_interval(exec, 2, 3, &interval) || !find_zset(exec, &entry)) {
        return;
    }
    struct zset_ranks ranks = {0};
    if (entry != NULL) {
        ranks = zset_interval_ranks(entry, &interval);
    }
    reply_integer(exec->reply, (int64_t)(ranks.end - ranks.first));
}

static void command_zcount(struct exec *exec)
{
    reply_count(exec, ZSET_BY_SCORE);
}

static void command_zlexcount(struct exec *exec)
{
    reply_count(exec, ZSET_BY_LEX);
}

#define RANGE_ROW                                                                                                              \
    .arity = -4, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1}, .group = "sorted-set",                     \
    .complexity = "O(log(N)+M), N the members of the sorted set, M the members returned"
#define COUNT_ROW                                                                                                              \
    .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST, .keys = {1, 1, 1}, .group = "sorted-set",       \
    .complexity = "O(log(N)), N the members of the sorted set"

const struct command_spec zset_range_commands[] = {
    {.name = "zrange", .run = command_zrange, RANGE_ROW, .since = "1.2.0",
     .summary = "Returns members of a sorted set by their ranks, scores or names.",
     .syntax = "key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]"},
    {.name = "zrevrange", .run = command_zrevrange, RANGE_ROW, .since = "1.2.0",
     .summary = "Returns members of a sorted set by their ranks, from the highest score down.",
     .syntax = "key start stop [WITHSCORES]"},
    {.name = "zrangebyscore", .run = command_zrangebyscore, RANGE_ROW, .since = "1.0.5",
     .summary = "Returns the members of a sorted set with scores between two others.",
     .syntax = "key min max [WITHSCORES] [LIMIT offset count]"},
    {.name = "zrevrangebyscore", .run = command_zrevrangebyscore, RANGE_ROW, .since = "2.2.0",
     .summary = "Returns the members of a sorted set with scores between two others, from the highest score down.",
     .syntax = "key max min [WITHSCORES] [LIMIT offset count]"},
    {.name = "zrangebylex", .run = command_zrangebylex, RANGE_ROW, .since = "2.8.9",
     .summary = "Returns the members of a sorted set of one score that stand between two others.",
     .syntax = "key min max [LIMIT offset count]"},
    {.name = "zrevrangebylex", .run = command_zrevrangebylex, RANGE_ROW, .since = "2.8.9",
     .summary = "Returns the members of a sorted set of one score that stand between two others, the last first.",
     .syntax = "key max min [LIMIT offset count]"},
    {.name = "zcount", .run = command_zcount, COUNT_ROW, .since = "2.0.0",
     .summary = "Counts the members of a sorted set with scores between two others.", .syntax = "key min max"},
    {.name = "zlexcount", .run = command_zlexcount, COUNT_ROW, .since = "2.8.9",
     .summary = "Counts the members of a sorted set of one score that stand between two others.", .syntax = "key min max"},
    {0},
};
