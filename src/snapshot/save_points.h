/* save_points.h - `save <seconds> <changes> ...`: when a snapshot is due.
 *
 * Threads    Any.  */
#ifndef SNAPSHOT_SAVE_POINTS_H
#define SNAPSHOT_SAVE_POINTS_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

/* Has any point so many seconds and changes, or fewer? */
bool save_points_due(struct config *config, uint64_t changes, int64_t seconds);
bool save_points_any(struct config *config);

#endif
