/* base_check.h - a base: an RDB file, of which every value is read as tessera-check-rdb does.
 *
 * Threads    One; the program's.  */
#ifndef CHECKLOG_BASE_CHECK_H
#define CHECKLOG_BASE_CHECK_H

#include "aof/files.h"
#include "aof/manifest.h"

#include <stdbool.h>

/* Prints a line with what the file has, behind `name`, and one for each of the first faults, with their offsets. False: it is damaged, or cannot be
 * read.  */
MUST_USE bool base_check(const char *path, const char *name);
/* The same for a base of the log in the folder at `path`, which is also to have as many bytes as the manifest says. */
MUST_USE bool base_check_in(const char *path, const struct aof_folder *folder, const struct aof_base *base);

#endif
