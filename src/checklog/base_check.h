/* base_check.h - a base: an RDB file, of which every value is read as tessera-check-rdb does.
 *
 * Threads    One; the program's.  */
#ifndef CHECKLOG_BASE_CHECK_H
#define CHECKLOG_BASE_CHECK_H

#include "base/attributes.h"

#include <stdbool.h>

/* Prints a line with what the file has, behind `name`, and one for each of the first faults, with their offsets. False: it is damaged, or cannot be
 * read.  */
MUST_USE bool base_check(const char *path, const char *name);

#endif
