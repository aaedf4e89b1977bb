/* file_limit.h - the process's limit of open files, in connections.
 *
 * Threads    Any. The limit is read and set in two steps: of two calls at once the setting that comes last stands.  */
#ifndef CONFIG_FILE_LIMIT_H
#define CONFIG_FILE_LIMIT_H

#include <stdint.h>

/* What the server itself opens: rings, listeners, log, timers (up to 64 shards; main.c asks for more). */
enum { FILE_LIMIT_RESERVED = 96 };

/* Raises the process's limit of open files until it allows `clients` (> 0) connections besides FILE_LIMIT_RESERVED. Returns how many
 * connections it allows now: `clients`, or fewer, but 1 at least. main calls it at start and lowers maxclients to what it
 * returns.  */
int64_t file_limit_raise(int64_t clients);

#endif
