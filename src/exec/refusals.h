/* refusals.h - what is said to whoever writes when no snapshot can be saved (stop-writes-on-bgsave-error): clients and scripts.  */
#ifndef EXEC_REFUSALS_H
#define EXEC_REFUSALS_H

#include <stdio.h>
#include <string.h>

#define ERROR_UNSAVED                                                                                                                     \
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the "      \
    "data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails "                \
    "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."


enum { UNLOGGED_TEXT_MAX = 128 };

/* Of a write while the log of changes cannot be written, with an errno; Redis's words. */
static inline const char *text_unlogged(int error, char text[UNLOGGED_TEXT_MAX])
{
    snprintf(text, UNLOGGED_TEXT_MAX, "MISCONF Errors writing to the AOF file: %s", strerror(error));
    return text;
}

#endif
