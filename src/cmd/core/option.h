/* option.h - the optional words of a command ("NX", "EX 10"), read by a table.
 *
 * Threads    Any. Nothing is kept.  */
#ifndef CMD_OPTION_H
#define CMD_OPTION_H

#include "exec/exec.h"

#include <stdbool.h>
#include <stdint.h>

/* One option; a table of them ends with a row without a name. */
struct option {
    const char *name;  /* case is ignored */
    uint32_t sets;     /* flags */
    uint32_t excludes; /* flags that must not be set before it */
    bool has_value;    /* the next word is its value */
};

struct option_walk {
    uint32_t at;                 /* argv index of the next word: the caller sets the first */
    uint32_t flags;              /* all that was set so far */
    const struct option *option; /* the one just found */
    uint32_t value;              /* argv index of its value, when it has one */
};

/* Takes the next option. True: walk->option is it. False: no word is left (walk->at == argc), or the word at walk->at fits
 * no row, is excluded by an earlier one, or lacks its value. Redis looks at values in their turn, so callers do, too:
 * the first mistake from the left is the one reported.  */
bool option_next(const struct exec *exec, const struct option *rows, struct option_walk *walk);

#endif
