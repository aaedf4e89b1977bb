/* command_index.h - commands by name.
 *
 * Threads    server_find_command: any. The others: the main thread, while no shard thread runs.  */
#ifndef EXEC_COMMAND_INDEX_H
#define EXEC_COMMAND_INDEX_H

#include "base/bytes.h"
#include "shard/server.h"

/* Indexes server->commands, by their own names and by those that the configuration gives them (config_command_name). False: no memory. */
MUST_USE bool command_index_open(struct server *server);
void command_index_close(struct server *server);
/* Looks a command up by the name that clients call it by, case ignored; NULL. */
const struct command_spec *server_find_command(const struct server *server, struct bytes name);
/* The same by its own name: for what the server itself has written, as its log. */
const struct command_spec *server_find_own_command(const struct server *server, struct bytes name);

#endif
