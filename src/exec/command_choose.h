/* command_choose.h - which row of the command table words stand for.
 *
 * Threads    Any.  */
#ifndef EXEC_COMMAND_CHOOSE_H
#define EXEC_COMMAND_CHOOSE_H

#include "exec/exec.h"

/* row      what server_find_command gave for argv[0]; NULL: there is no such command
 * *chosen  the row, or that of the subcommand which argv[1] names; NULL: unknown
 * Returns  false when it may not run with these words (unknown, or too few or too many): Redis's error was replied  */
MUST_USE bool command_choose_slowly(const struct command_spec *row, const struct bytes *argv, uint32_t argc, struct reply *reply,
                                    const struct command_spec **chosen);

/* So many words, the name included. */
static inline bool command_takes(const struct command_spec *spec, uint32_t argc)
{
    return spec->arity >= 0 ? argc == (uint32_t)spec->arity : argc >= (uint32_t)-spec->arity;
}

/* The same; at once for a row without subcommands and words that are enough. */
MUST_USE static inline bool command_choose(const struct command_spec *row, const struct bytes *argv, uint32_t argc, struct reply *reply,
                                           const struct command_spec **chosen)
{
    if (LIKELY(row != NULL && row->subcommands == NULL && row->run != NULL && command_takes(row, argc))) {
        *chosen = row;
        return true;
    }
    return command_choose_slowly(row, argv, argc, reply, chosen);
}

#endif
