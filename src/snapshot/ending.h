/* ending.h - the end of the server, with a last snapshot and with its log written to the end: SIGTERM, SHUTDOWN.
 *
 *   NONE --ending_ask--> ASKED -> OPENING -> RUNNING --saved, and nothing has changed since--> LOGGING --all is on disk--> the server stops
 *     ^                    '---no snapshot is wanted----------------------------------------->   |
 *     '-- FAILED <--it cannot be saved, or the log cannot be written---------------------------'  (unless it was asked for by force: then it stops
 *                                                                                                  all the same)
 *
 * Commands that write wait from ASKED on, as under CLIENT PAUSE, so that nothing is acknowledged which neither the snapshot has nor the log; readers
 * go on. After a failure they go on, too.
 *
 * Threads    ending_takes_time, ending_is_under_way, ending_ask, ending_take_back, ending_has_failed: any. ending_work: the first shard thread.  */
#ifndef SNAPSHOT_ENDING_H
#define SNAPSHOT_ENDING_H

#include "base/attributes.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct ending;
struct server;
struct thread;

/* NULL: no memory. */
MUST_USE struct ending *ending_create(struct server *server);
void ending_destroy(struct ending *ending);

/* Does the end need a snapshot, as the configuration stands? */
bool ending_wants_save(struct config *config);
/* False: neither that nor a log keeps the server from stopping at once. */
bool ending_takes_time(const struct server *server);
/* Has somebody asked, and is it neither done nor given up? */
bool ending_is_under_way(const struct ending *ending);
/* The number of this wish; a second one while the first is under way is the same wish. `wants_save`: a snapshot, besides what the log needs; the last
 * one to ask says so. `is_forced`: a failure does not keep the server up.  */
uint64_t ending_ask(struct ending *ending, bool wants_save, bool is_forced);
/* False: nobody has asked. */
bool ending_take_back(struct ending *ending);
/* Has the wish come to nothing? */
bool ending_has_failed(struct ending *ending, uint64_t number);

/* A background task of the first thread. In so many microseconds it wants to be called again. */
int64_t ending_work(struct thread *thread);

#endif
