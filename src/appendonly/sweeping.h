/* sweeping.h - files of the log's folder that no manifest names: a crash between a new manifest and the end of the old files, or a base that was
 * given up, has left them.
 *
 * They go at the start, when the manifest that names the logs that are written from now on is on disk: no other can come back after that. What is
 * not named exactly as this log names its files is somebody else's, and stays. While a manifest that a repair has set aside is there
 * (tools/check-log --fix) all stays, since the files that it names may still be wanted.
 *
 * Threads    One at a time.  */
#ifndef APPENDONLY_SWEEPING_H
#define APPENDONLY_SWEEPING_H

#include "appendonly/log_set.h"

/* Removes what appendonly->manifest, which is on disk, does not name; one line of the log says which. */
void appendonly_sweep(struct appendonly *appendonly);
/* There is no manifest: generations of which there are files all the same are not written again, so what lies there stays. */
void appendonly_note_files(struct appendonly *appendonly);

#endif
