/* folder_restore.h - the data of an earlier moment, from a folder with a manifest to a new one.  */
#ifndef CHECKLOG_FOLDER_RESTORE_H
#define CHECKLOG_FOLDER_RESTORE_H

#include <stdint.h>

/* Copies to the folder `out`, which is new or empty, what was there at `until_ms`: bases whole, logs up to where they end then, and, when
 * all that is on disk, the manifest. The source is only read. What it has begun and cannot end is taken away. Returns the exit
 * status.  */
int folder_restore(const char *path, const char *out, int64_t until_ms);

#endif
