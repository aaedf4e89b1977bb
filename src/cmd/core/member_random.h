/* member_random.h - what HRANDFIELD, SRANDMEMBER and ZRANDMEMBER have in common: everything but how a collection is read.
 *
 * Threads    The holder of the key's baton; a big collection is pinned meanwhile, a small one that is asked for much is copied.
 * Limits     A reply to a negative count that is longer than 1 GiB ends its connection.  */
#ifndef CMD_MEMBER_RANDOM_H
#define CMD_MEMBER_RANDOM_H

#include "encoding/item.h"
#include "exec/exec.h"

/* A member that was chosen, with what the option of its command asks for. */
struct random_member {
    struct item member;
    struct item text; /* a hash's */
    double score;     /* a sorted set's */
};

/* A collection to choose from; the first member of a kind's own structure, which may hold a walk. Each member has a place:
 * in a small collection its offset or, when `items` is 0, its index; in a large one what `draw` gives.  */
struct random_source {
    uint64_t count;     /* members */
    const void *large;  /* NULL: small */
    struct bytes small; /* lent; or a copy, while places are read */
    unsigned items;     /* small: packed items a member */
    bool is_walked;     /* large: a walk, whatever is wanted: of its members many are no choice */
};

struct random_kind {
    enum value_type type;
    struct bytes option;   /* "WITHVALUES"; no bytes: there is none */
    size_t source_bytes;   /* of the kind's own structure */
    unsigned at_once_max;  /* members looked at in one step */
    void (*open)(struct random_source *source, const struct entry *entry);
    /* A walk over all members, begun anew by walk_begin. */
    void (*walk_begin)(struct random_source *source, const struct entry *entry);
    bool (*walk_next)(struct random_source *source, struct random_member *out);
    /* A place of a large collection, each member's as likely as any other's; and what is at a place, lent. */
    uint64_t (*draw)(const struct random_source *source, uint64_t *random_state);
    void (*read)(const struct random_source *source, uint64_t place, struct random_member *out);
    void (*reply_extra)(struct reply *reply, const struct random_member *member); /* for the option */
};

/* The command: "key [count [option]]". `source`: room for the kind's structure, of no meaning before and afterwards. */
void member_random_run(struct exec *exec, const struct random_kind *kind, struct random_source *source);

#endif
