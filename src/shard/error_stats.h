/* error_stats.h - how often each error code was replied: INFO errorstats.
 *
 * Threads    Each thread has a table of its own and alone adds rows to it; any thread reads, sums and resets.
 * Invariant  Rows 0 .. row_count-1 have a code, each code once, and never change it.
 * Limits     ERROR_STATS_MAX codes of ERROR_CODE_MAX characters; what does not fit is counted under "OTHER", the last row.  */
#ifndef SHARD_ERROR_STATS_H
#define SHARD_ERROR_STATS_H

#include "base/bytes.h"

#include <stdatomic.h>
#include <stdint.h>

enum { ERROR_STATS_MAX = 64, ERROR_CODE_MAX = 23 };

struct error_stats_row {
    char code[ERROR_CODE_MAX + 1]; /* "ERR", NUL-terminated; written before row_count shows the row */
    _Atomic uint64_t count;        /* relaxed */
};

struct error_stats {
    _Atomic uint32_t row_count;    /* released by the owner, acquired by readers */
    struct error_stats_row rows[ERROR_STATS_MAX];
};

/* Counts the error that begins a reply: `reply` is its text as sent, "-ERR syntax error\r\n". The code is its first word.
 * Anything that does not begin with '-' (an error inside an array) counts nothing. The owning thread only. O(codes). */
void error_stats_note(struct error_stats *stats, struct bytes reply);
/* into += from. `into` is the caller's own; `from` may be another thread's. */
void error_stats_add(struct error_stats *into, const struct error_stats *from);
/* Counts from 0 again. Any thread; errors replied at the same moment may be counted or not. */
void error_stats_reset(struct error_stats *stats);

#endif
