/* commands.h - all commands in one table, which src/shard gets at start.
 *
 * A family is an array of rows ended by one without a name: those of a file, below their handlers, listed in its folder's
 * ..._rows.h.  */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#include "base/attributes.h"
#include "effect/effect.h"
#include "exec/exec.h"

struct row_change;

/* All families in one table: copies of the rows, subcommands right behind their container, index and parent set. */
struct command_table {
    const struct command_spec *const *rows; /* by index; NULL-ended */
    uint32_t count;
};
/* False: no memory. Gives: command_table_destroy, after the server that uses it. */
MUST_USE bool command_table_create(struct command_table *out);
void command_table_destroy(struct command_table *table);
/* Is it a command's own name? No subcommand's; case is ignored. Any thread, before the table is made as well. */
bool command_is_known(struct bytes name);

/* Whoever of this room listens to changes of data; ended by NULL. */
extern const struct effect_listener *const command_listeners[];
/* What they want at first, by the configuration; before the threads start. */
void command_listeners_begin(struct server *server);
/* Tells the listeners of changes of rows. */
void command_row_changed(void *shard, const struct row_change *change);

#endif
