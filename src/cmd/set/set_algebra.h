/* set_algebra.h - one intersection, union or difference.
 *
 * Threads    The holder of the keys' batons.  */
#ifndef CMD_SET_ALGEBRA_H
#define CMD_SET_ALGEBRA_H

#include "cmd/core/name_list.h"
#include "cmd/set/set_private.h"

enum algebra_operation { OPERATION_INTERSECTION, OPERATION_UNION, OPERATION_DIFFERENCE };

enum algebra_output {
    OUTPUT_REPLY, /* right into the reply, when little is walked */
    OUTPUT_NAMES, /* the same in steps: to be replied when their number is known */
    OUTPUT_VALUE, /* a set to be replied, when little is walked */
    OUTPUT_TABLE, /* the same in steps */
    OUTPUT_COUNT,
    OUTPUT_STORE,
};

struct algebra_source {
    struct set_view view; /* bytes.data: lent from the entry, or a copy of the job's */
    bool is_missing;      /* no such key: an empty set */
    struct pin pin;
};

struct algebra {
    enum algebra_operation operation;
    enum algebra_output output;
    uint32_t target_at;       /* OUTPUT_STORE: argv index; else 0 */
    uint32_t sources_at;      /* argv index of the first */
    uint32_t source_count;
    struct algebra_source *sources;
    uint32_t walked;          /* the source that is walked */
    struct set_walk walk;
    uint64_t first_count;     /* of a difference: members of the first set */
    uint64_t limit;           /* OUTPUT_COUNT: stop there; 0: never */
    uint64_t count;           /* members of the result so far */
    struct name_list names;
    struct member_table *table; /* OUTPUT_TABLE */
    bool has_text;            /* OUTPUT_TABLE, or is_subtraction: a member that is no integer */
    bool is_subtraction;      /* a difference that Redis makes by removing from a copy of the first set, which it shows in the
                                 encoding of what is stored */
    struct value result;      /* OUTPUT_STORE, OUTPUT_VALUE */
    struct encoding_limits limits;
    bool is_walking;
    bool is_late;             /* OUTPUT_STORE: the sources may have changed since the result was made of them */
};

enum algebra_progress { ALGEBRA_MORE, ALGEBRA_DONE, ALGEBRA_REFUSED };

/* Makes what the output needs; false: memory refused, and nothing was made. */
MUST_USE bool algebra_prepare(struct algebra *algebra, struct exec *exec);
/* Begins to walk; false: there is nothing to walk. */
bool algebra_begin(struct algebra *algebra);
/* A batch of members. */
enum algebra_progress algebra_step(struct algebra *algebra, struct exec *exec);
/* Stores what was made under the target's key, or removes that when it is empty, and replies. */
void algebra_store(struct algebra *algebra, struct exec *exec);
/* Replies OUTPUT_TABLE when it is integers, set-max-intset-entries at most. False: memory refused, nothing was replied. */
MUST_USE bool algebra_reply_integers(struct algebra *algebra, struct exec *exec);
/* Frees what is left of the output. The baton of its heap is held. */
void algebra_release_output(struct algebra *algebra, struct exec *exec);

/* Does it all at once, and replies. */
void algebra_run_at_once(struct algebra *algebra, struct exec *exec);

#endif
