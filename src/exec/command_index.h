/* command_index.h - commands by name.
 *
 * Threads    server_find_command: any. The others: the main thread, while no shard thread runs.  */
#ifndef EXEC_COMMAND_INDEX_H
#define EXEC_COMMAND_INDEX_H

#include "base/bytes.h"
#include "shard/server.h"

/* Indexes server->commands. False: no memory. */
MUST_USE bool command_index_open(struct server *server);
void command_index_close(struct server *server);
/* Looks a command up by its name, case ignored; NULL. */
const struct command_spec *server_find_command(const struct server *server, struct bytes name);

#endif
