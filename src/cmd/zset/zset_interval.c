/* zset_interval.c - which members of a sorted set a command means: ranks, scores or members from one to another.
 *
 * Threads    The holder of the key's baton.  */
#include "cmd/zset/zset_private.h"

#include <math.h>
#include <stdlib.h>

enum { END_TEXT_MAX = 128 }; /* longer ends are read from scratch memory */

/* One end of scores, as strtod reads it: "(1.5", " 7", "inf", and "" as 0. False: it is none, or no memory. */
static bool read_score_end(struct exec *exec, struct bytes text, double *out, bool *is_exclusive)
{
    char few[END_TEXT_MAX];
    *is_exclusive = text.len > 0 && text.data[0] == '(';
    const size_t skip = *is_exclusive ? 1 : 0;
    const size_t len = text.len - skip;
    char *copy = len < sizeof few ? few : exec_scratch(exec, len + 1);
    if (copy == NULL) {
        return false;
    }
    if (len > 0) {
        memcpy(copy, text.data + skip, len);
    }
    copy[len] = '\0';
    char *end;
    *out = strtod(copy, &end);
    return *end == '\0' && !isnan(*out);
}

/* One end of members: "-", "+", "[text", "(text". */
static bool read_lex_end(struct bytes text, struct bytes *out, enum lex_bound *bound)
{
    if (text.len == 0) {
        return false;
    }
    const bool is_single = text.len == 1 || text.data[1] == '\0';
    *out = (struct bytes){text.data + 1, text.len - 1};
    switch (text.data[0]) {
    case '-':
        *bound = LEX_LOWEST;
        return is_single;
    case '+':
        *bound = LEX_HIGHEST;
        return is_single;
    case '(':
        *bound = LEX_EXCLUSIVE;
        return true;
    case '[':
        *bound = LEX_INCLUSIVE;
        return true;
    default:
        return false;
    }
}

static bool read_scores(struct exec *exec, uint32_t min, uint32_t max, struct zset_score_range *range)
{
    if (!read_score_end(exec, exec->argv[min], &range->min, &range->is_min_exclusive) ||
        !read_score_end(exec, exec->argv[max], &range->max, &range->is_max_exclusive)) {
        reply_error(exec->reply, "ERR min or max is not a float");
        return false;
    }
    return true;
}

static bool read_members(struct exec *exec, uint32_t min, uint32_t max, struct zset_lex_range *range)
{
    if (!read_lex_end(exec->argv[min], &range->min, &range->min_bound) ||
        !read_lex_end(exec->argv[max], &range->max, &range->max_bound)) {
        reply_error(exec->reply, "ERR min or max not valid string range item");
        return false;
    }
    return true;
}

bool zset_read_interval(struct exec *exec, uint32_t min, uint32_t max, struct zset_interval *interval)
{
    switch (interval->by) {
    case ZSET_BY_SCORE:
        return read_scores(exec, min, max, &interval->score);
    case ZSET_BY_LEX:
        interval->lex.is_backward = interval->is_reverse;
        return read_members(exec, min, max, &interval->lex);
    default:
        return exec_int64_argument(exec, min, &interval->start) && exec_int64_argument(exec, max, &interval->stop);
    }
}

static struct zset_ranks ranks_of_ranks(int64_t count, int64_t start, int64_t stop, bool is_reverse)
{
    start = start < 0 ? start + count : start;
    stop = stop < 0 ? stop + count : stop;
    start = start < 0 ? 0 : start;
    stop = stop >= count ? count - 1 : stop;
    if (start > stop || start >= count) {
        return (struct zset_ranks){0, 0};
    }
    if (is_reverse) {
        return (struct zset_ranks){(uint64_t)(count - 1 - stop), (uint64_t)(count - start)};
    }
    return (struct zset_ranks){(uint64_t)start, (uint64_t)stop + 1};
}

struct zset_ranks zset_interval_ranks(const struct entry *entry, const struct zset_interval *interval)
{
    switch (interval->by) {
    case ZSET_BY_SCORE:
        return zset_ranks_by_score(entry, &interval->score);
    case ZSET_BY_LEX:
        return zset_ranks_by_lex(entry, &interval->lex);
    default:
        return ranks_of_ranks((int64_t)zset_count(entry), interval->start, interval->stop, interval->is_reverse);
    }
}

bool zset_has_one_score(const struct entry *entry)
{
    struct zset_walk walk;
    struct item member;
    double lowest = 0, highest = 0;
    zset_walk_begin(&walk, entry, 0);
    zset_walk_next(&walk, &member, &lowest);
    zset_walk_begin(&walk, entry, zset_count(entry));
    zset_walk_previous(&walk, &member, &highest);
    return lowest == highest;
}
