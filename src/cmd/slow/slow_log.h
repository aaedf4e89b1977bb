/* slow_log.h - the most recent commands that took long, newest first.
 *
 * Threads    Any; it locks itself. Only slow commands come here, so the lock is rarely wanted.
 * Memory     An entry is one block of class MEM_SERVER with copies of all that it shows.
 * Limits     slowlog-max-len entries; SLOW_LOG_WORDS_MAX words of at most SLOW_LOG_WORD_BYTES_MAX bytes each.  */
#ifndef CMD_SLOW_LOG_H
#define CMD_SLOW_LOG_H

#include "base/attributes.h"
#include "shard/observer.h"
#include "shard/server.h"

enum { SLOW_LOG_WORDS_MAX = 32, SLOW_LOG_WORD_BYTES_MAX = 128 };

/* NULL: no memory. */
struct slow_log *slow_log_create(void);
void slow_log_destroy(struct slow_log *log);

/* Adds a command and drops the oldest ones beyond `limit`. On its connection's thread. No memory: it is not logged. */
void slow_log_add(struct slow_log *log, const struct slow_command *command, uint64_t limit);
void slow_log_clear(struct slow_log *log);
uint64_t slow_log_count(struct slow_log *log);

/* What an entry shows. */
struct slow_log_entry {
    uint64_t id;             /* counts up from 0 since start */
    int64_t ended_seconds;   /* wall clock */
    uint64_t duration_us;
    struct bytes address, name; /* of the connection */
    size_t word_count;
    const struct bytes *words; /* the command's; the last may say how many are left out */
};

/* Visits the newest `limit` entries, newest first, under the lock: `visit` is short and calls nothing of this file. */
typedef void slow_log_visit_fn(const struct slow_log_entry *entry, void *arg);
void slow_log_visit(struct slow_log *log, uint64_t limit, slow_log_visit_fn *visit, void *arg);

#endif
