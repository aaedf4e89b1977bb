/* command_choose.h - which row of the command table words stand for.
 *
 * Threads    Any.  */
#ifndef EXEC_COMMAND_CHOOSE_H
#define EXEC_COMMAND_CHOOSE_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct command_spec;
struct reply;

/* row      what server_find_command gave for argv[0]; NULL: there is no such command
 * *chosen  the row, or that of the subcommand which argv[1] names; NULL: unknown
 * Returns  false when it may not run with these words (unknown, or too few or too many): Redis's error was replied  */
MUST_USE bool command_choose(const struct command_spec *row, const struct bytes *argv, uint32_t argc, struct reply *reply,
                             const struct command_spec **chosen);

#endif
