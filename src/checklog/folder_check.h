/* folder_check.h - a folder with a manifest of ours: all its logs, and the cut over them.  */
#ifndef CHECKLOG_FOLDER_CHECK_H
#define CHECKLOG_FOLDER_CHECK_H

#include "checklog/log_check.h"

/* Prints what is in the folder. with_fix: what is damaged, and all that needs it, is left out: the cut over what is whole is
 * found anew and sealed in a new manifest, the old one is copied aside, no log is changed. Returns the exit status.  */
int folder_check(const char *path, enum log_detail detail, bool with_fix);

#endif
