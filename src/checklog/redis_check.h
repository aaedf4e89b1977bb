/* redis_check.h - append-only files of Redis: RESP commands, and the manifest of several files (Redis 7).  */
#ifndef CHECKLOG_REDIS_CHECK_H
#define CHECKLOG_REDIS_CHECK_H

#include <stdbool.h>

/* Checks that the file is commands in RESP with transactions that end; with_fix: copies it aside and cuts it off behind the last
 * whole one. Of an RDB, or one in front of commands, it only says so. Returns the exit status.  */
int redis_check_file(const char *path, bool with_fix);
/* Checks the files that the manifest at `path` names; only the last one may be repaired, since what follows needs what is before
 * it. */
int redis_check_manifest(const char *path, bool with_fix);

#endif
