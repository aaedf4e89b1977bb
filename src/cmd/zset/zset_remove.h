/* zset_remove.h - members of a sorted set from one rank to another that leave it: at once, or when they are many as a job.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_ZSET_REMOVE_H
#define CMD_ZSET_REMOVE_H

#include "cmd/zset/zset_private.h"

/* More are not removed in one step, at 0.2 us each and as much for the reply, unless all go. */
enum { ZSET_REMOVED_AT_ONCE = 1500 };

struct zset_removal {
    struct zset_ranks ranks;
    enum event event;
    uint32_t key_at;     /* argv index of the key */
    bool is_pop;         /* they are replied; otherwise how many they were: */
    bool is_max;         /* from the highest score */
    bool has_pairs;      /* each member with its score is an array */
    bool has_key;        /* behind the key's name, */
    bool is_flat;        /* in one array with it */
    bool is_vague;       /* by members, where scores differ: another form of the set has other ones between them */
};

/* Starts the job; there are so many members in the large value of `entry`. */
void zset_removal_start(struct exec *exec, const struct zset_removal *removal, struct entry *entry);
/* Removes the key of an open value. */
void zset_remove_all(struct exec *exec, struct value *value, enum event event);
/* After the report of the change: how to repeat it, where the command's words would not do. */
void zset_removal_effect(struct exec *exec, const struct zset_removal *removal);

/* A pop's reply: what is before the members, a walk to the first one, each of them. */
void zset_pop_begin(struct exec *exec, const struct zset_removal *removal);
void zset_pop_walk(struct zset_walk *walk, const struct entry *entry, const struct zset_removal *removal);
void zset_pop_reply(struct exec *exec, struct zset_walk *walk, const struct zset_removal *removal);

#endif
