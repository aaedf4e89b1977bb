/* save_rows.h - the rows of tables: page by page, each before it changes for the first time.
 *
 * Threads    Under the baton of the shard.  */
#ifndef SNAPSHOT_SAVE_ROWS_H
#define SNAPSHOT_SAVE_ROWS_H

#include "snapshot/save_state.h"

/* False: no memory. */
MUST_USE bool save_slices_begin(struct shard_save *save);
/* The next page. False: there is none left. */
bool save_rows_step(struct shard_save *save);
void save_slices_end(struct shard_save *save);

#endif
