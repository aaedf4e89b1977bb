/* zset_private.h - what the files of the sorted set commands share.  */
#ifndef CMD_ZSET_PRIVATE_H
#define CMD_ZSET_PRIVATE_H

#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/reply_item.h"
#include "data/zset.h"
#include "exec/exec.h"

enum {
    ZSET_STEPS_MIN = 500,       /* more members are replied in steps */
    ZSET_MEMBERS_PER_LOOK = 32, /* a step looks at the clock after so many */
};

/* find.h, for sorted sets. */
static inline bool check_zset(struct exec *exec, const struct entry *entry)
{
    return check_type(exec, entry, VALUE_ZSET);
}

/* The sorted set at argv[1], for reading; false: replied that it is something else. *out NULL: there is none. */
static inline bool find_zset(struct exec *exec, struct entry **out)
{
    *out = exec_find_read(exec, exec_key(exec, 1));
    return check_zset(exec, *out);
}

static inline bool open_zset(struct exec *exec, struct key key, struct value *value)
{
    return open_of_type(exec, key, VALUE_ZSET, value);
}

/* Ends a removal of `count` members: closes the value, or removes the key when it became empty; reports `event` unless `count` is 0,
 * and "del". False: memory was refused, which was replied.  */
bool close_zset_removal(struct exec *exec, struct value *value, enum result result, enum event event, uint64_t count);

/* --- intervals of the commands, zset_interval.c --- */

/* What the members of a command are chosen by. */
enum zset_by { ZSET_BY_RANK, ZSET_BY_SCORE, ZSET_BY_LEX };

struct zset_interval {
    enum zset_by by;
    int64_t start, stop;           /* ranks: as asked for, negative ones from the end */
    bool is_reverse;               /* ranks count from the highest score */
    struct zset_score_range score;
    struct zset_lex_range lex;
};

/* Reads the interval's ends, argv[min] and argv[max]; replies the error. */
MUST_USE bool zset_read_interval(struct exec *exec, uint32_t min, uint32_t max, struct zset_interval *interval);
/* The ranks of the members within, counted from the lowest score whatever the direction. */
struct zset_ranks zset_interval_ranks(const struct entry *entry, const struct zset_interval *interval);

/* Do all members have the same score, so that an interval of members means something? `entry` has members. */
bool zset_has_one_score(const struct entry *entry);

#endif
