/* command_keys.h - which words of a call are keys, by the row of its command.
 *
 * Two readings: command_keys_find is Redis's, for COMMAND GETKEYS; key_walk goes over every word that a handler may take for a
 * key, even where the call is wrong, for routing and for pins: its handler replies the error, and must hold the baton until then.
 *
 * Threads    Any. Nothing is kept; argv is borrowed.
 * Invariant  No index at or beyond argc is handed out, whatever the words say.  */
#ifndef EXEC_COMMAND_KEYS_H
#define EXEC_COMMAND_KEYS_H

#include "exec/exec.h"

enum key_find {
    KEYS_FOUND,
    KEYS_NONE,    /* the keyword is not there; nothing wrong with that */
    KEYS_INVALID, /* they would lie outside of the call, or their number is none */
};
struct key_range {
    uint32_t first, last, step; /* indexes into argv; last is inclusive, step at least 1 */
};
/* The keys of one specification, as Redis finds them. *out is set on KEYS_FOUND only. */
enum key_find command_keys_find(const struct command_key_spec *spec, const struct bytes *argv, uint32_t argc,
                                struct key_range *out);

/* All possible keys of a call, one by one; the same word may come twice. Cost: O(argc) for each specification of the row.
 *
 *   struct key_walk walk;
 *   uint32_t index;
 *   key_walk_begin(&walk, spec, argv, argc);
 *   while (key_walk_next(&walk, &index)) ...  */
struct key_walk {
    uint32_t at, end, step;             /* words left of the range: at < end */
    const struct command_key_spec *row; /* the range is of this one, or comes after it; NULL: it is the last */
    uint32_t search;                    /* where the row's keyword is looked for again */
    uint32_t beyond;                    /* behind all that the row has given so far */
    const struct bytes *argv;
    uint32_t argc;
};
void key_walk_begin(struct key_walk *walk, const struct command_spec *spec, const struct bytes *argv, uint32_t argc);
/* The next range; false: there is none. */
bool key_walk_next_range(struct key_walk *walk);

static inline bool key_walk_next(struct key_walk *walk, uint32_t *index)
{
    while (walk->at >= walk->end) {
        if (!key_walk_next_range(walk)) {
            return false;
        }
    }
    *index = walk->at;
    walk->at = walk->end - walk->at > walk->step ? walk->at + walk->step : walk->end;
    return true;
}

/* The same with a function. */
typedef void command_keys_visit_fn(uint32_t index, void *arg);
static inline void command_keys_visit(const struct command_spec *spec, const struct bytes *argv, uint32_t argc,
                                      command_keys_visit_fn *visit, void *arg)
{
    struct key_walk walk;
    uint32_t index;
    key_walk_begin(&walk, spec, argv, argc);
    while (key_walk_next(&walk, &index)) {
        visit(index, arg);
    }
}

#endif
