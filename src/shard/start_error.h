/* start_error.h - why the server does not start: to standard error, and into its log if that is a file of its own.
 *
 * Threads    Any.  */
#ifndef SHARD_START_ERROR_H
#define SHARD_START_ERROR_H

#include "base/attributes.h"
#include "config/config.h"

/* One line; longer ones than 1 KiB are cut. The process goes on. */
void start_error_say(struct config *config, const char *format, ...) PRINTF_LIKE(2, 3);
/* Of several threads that end the start, each for a reason of its own, the first one returns, and says its reason; the others wait for the
 * end of the process. Any thread; whoever has returned ends the process.  */
void start_error_be_first(void);

#endif
