/* log_check.h - one log by itself: its header, frames, records, and where it ends.  */
#ifndef CHECKLOG_LOG_CHECK_H
#define CHECKLOG_LOG_CHECK_H

#include "aof/files.h"

/* What is shown beside the sums. */
enum log_detail { DETAIL_NONE, DETAIL_FRAMES, DETAIL_RECORDS };

struct log_check {
    bool is_good;
    uint64_t good_bytes; /* what is wrong begins there */
};

/* Prints what is in the log. `first`: the sequence of its first frame; 0: whatever it has. `limit`: what is behind does not
 * count; 0: all does. */
struct log_check log_check(const struct aof_files *files, const char *name, uint64_t first, uint64_t limit, enum log_detail detail);
/* The same for a file that is no part of a folder with a manifest; with_fix: copies it aside and cuts it off. Returns the exit
 * status. */
int log_check_file(const char *path, enum log_detail detail, bool with_fix);

#endif
