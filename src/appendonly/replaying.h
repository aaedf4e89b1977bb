/* replaying.h - what the log has is repeated when the server starts, behind the base, by all shard threads at once.
 *
 *     WAITING for the base --> REPLAYING --all logs are at a barrier or an end--> STOPPED --the first thread--> REPLAYING ... --> OVER
 *
 * A log is read by one thread, in its order; a record runs inside (exec_run_inside), under the baton of the shard that it belongs to now. A barrier is a record of all shards, which the first thread repeats when every log has come to it.
 *
 * Threads    replaying_open, replaying_close: the main thread. replaying_step: each shard thread, in its turns.
 * Memory     MEM_SNAPSHOT.
 * Invariant  What is damaged ends the process with a sentence, in replaying_step, too: half of a log is never served.  */
#ifndef APPENDONLY_REPLAYING_H
#define APPENDONLY_REPLAYING_H

#include "aof/recovery.h"
#include "appendonly/log_set.h"

/* Reads where the logs end. Where the result is APPENDONLY_REFUSED `error` has a sentence. *out is to be closed in any case; NULL: no memory. */
enum appendonly_opened replaying_open(struct appendonly *appendonly, struct replaying **out, char error[APPENDONLY_ERROR_MAX]);
void replaying_close(struct replaying *replaying);
/* Takes one that is over, or NULL: it is closed with this one, since somebody may still look at its figures. */
void replaying_take_over(struct replaying *replaying, struct replaying *previous);
struct aof_recovery *replaying_recovery(struct replaying *replaying);

enum replaying_status {
    REPLAYING_WAITS,  /* for other threads, or for the base */
    REPLAYING_GOES_ON,
    REPLAYING_IS_OVER, /* the first thread only: all is repeated */
};
enum replaying_status replaying_step(struct thread *thread, struct replaying *replaying);

struct replaying_figures {
    uint64_t records, errors, bytes, total_bytes; /* bytes of logs: read so far, and in all */
    int64_t started_ms; /* wall */
};
/* Any thread. */
void replaying_figures(const struct replaying *replaying, struct replaying_figures *out);

#endif
