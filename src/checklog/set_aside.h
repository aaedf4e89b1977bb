/* set_aside.h - what is done to a file before and when it is repaired.  */
#ifndef CHECKLOG_SET_ASIDE_H
#define CHECKLOG_SET_ASIDE_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

/* Copies the file to "<path>.before-fix", or with a number behind it when that is there, and syncs the copy. False: it has said
 * why. Says what it has done.  */
MUST_USE bool set_aside(const char *path);
/* Cuts the file off there, and syncs it. False: it has said why. */
MUST_USE bool cut_off(const char *path, uint64_t offset);

#endif
