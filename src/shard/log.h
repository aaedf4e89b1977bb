/* log.h - the server's log: to standard output, or appended to `logfile`; with `syslog-enabled yes` to the system's log, too.
 *
 * Threads    Any; a line is one write.  */
#ifndef SHARD_LOG_H
#define SHARD_LOG_H

#include "base/attributes.h"
#include "config/config.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_VERBOSE, LOG_LEVEL_NOTICE, LOG_LEVEL_WARNING };

/* Opens the system's log, if it is wanted. The main thread, once, before the others are made and before the first line. */
void log_open(struct config *config);
/* "pid:M 21 Nov 2026 08:00:00.000 * text": Redis's form. Lines below `loglevel` are left out; longer ones than 1 KiB are cut. */
void log_write(struct config *config, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
