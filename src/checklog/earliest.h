/* earliest.h - the earliest moment that bases and logs can give: that of the bases.
 *
 * An RDB file says its second (its field `ctime`); the first frame behind it may say more exactly when the base was there already.
 * Without bases it is when the first logs were made.  */
#ifndef CHECKLOG_EARLIEST_H
#define CHECKLOG_EARLIEST_H

#include "aof/files.h"

/* Milliseconds since 1970: at that moment and later, what the bases hold had been done. INT64_MIN: nothing that can be read says when. */
int64_t earliest_moment(const struct aof_files *files, const struct aof_manifest *manifest) MUST_USE;

#endif
