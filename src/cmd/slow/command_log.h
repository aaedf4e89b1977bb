/* command_log.h - the most recent commands that cost much, newest first: three lists, of those that took long, were long, or had long replies.
 *
 * Threads    Any; it locks itself. Only costly commands come here, so the lock is rarely wanted.
 * Memory     An entry is one block of class MEM_SERVER with copies of all that it shows.
 * Limits     Each list has as many entries as its parameter says; COMMAND_LOG_WORDS_MAX words of at most COMMAND_LOG_WORD_BYTES_MAX bytes each.  */
#ifndef CMD_COMMAND_LOG_H
#define CMD_COMMAND_LOG_H

#include "base/attributes.h"
#include "shard/observer.h"
#include "shard/server.h"

enum { COMMAND_LOG_WORDS_MAX = 32, COMMAND_LOG_WORD_BYTES_MAX = 128 };

enum command_log_list { COMMAND_LOG_SLOW, COMMAND_LOG_LARGE_REQUEST, COMMAND_LOG_LARGE_REPLY, COMMAND_LOG_LISTS };

/* NULL: no memory. */
struct command_log *command_log_create(void);
void command_log_destroy(struct command_log *log);

/* The cost that the list is about. */
uint64_t command_log_cost(const struct costly_command *command, enum command_log_list which);
/* Adds a command and drops the oldest ones beyond `limit`. On its connection's thread. No memory: it is
 * not logged.  */
void command_log_add(struct command_log *log, enum command_log_list which, const struct costly_command *command, uint64_t limit);
void command_log_clear(struct command_log *log, enum command_log_list which);
uint64_t command_log_count(struct command_log *log, enum command_log_list which);

/* What an entry shows. */
struct command_log_entry {
    uint64_t id;             /* counts up from 0 since start, in each list */
    int64_t ended_seconds;   /* wall clock */
    uint64_t cost;           /* microseconds; bytes of the request; bytes of the reply */
    struct bytes address, name; /* of the connection */
    size_t word_count;
    const struct bytes *words; /* the command's; the last may say how many are left out */
};

/* Visits the newest `limit` entries, newest first, under the lock: `visit` is short and calls nothing of this file. */
typedef void command_log_visit_fn(const struct command_log_entry *entry, void *arg);
void command_log_visit(struct command_log *log, enum command_log_list which, uint64_t limit, command_log_visit_fn *visit, void *arg);

#endif
