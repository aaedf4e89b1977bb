/* reloading.h - DEBUG LOADAOF: the data are taken out, and made again from base and logs, while the server runs.
 *
 *   LOCKING: all shards are locked, who comes is answered LOADING --nobody has a key or a shard in use--> WRITING: what the logs
 *   have not in their files yet is written --> READY: the logs were read, and can be repeated --the data were taken out,
 *   reloading_load--> LOADING, as at a start --all is repeated--> over
 *
 * Up to READY an error leaves all as it was. From the locks on nothing is changed but by records, and what is in the files then is
 * all that was ever acknowledged: commands that had come before wait behind the locks, and run on what was loaded. The logs go on in
 * the files that they have.
 *
 * Threads    Under all batons, but the end, which is the first shard thread's.
 * Memory     MEM_SERVER; one at a time.  */
#ifndef APPENDONLY_RELOADING_H
#define APPENDONLY_RELOADING_H

#include "appendonly/log_set.h"
#include "exec/exec.h"

struct reloading;

enum reloading_status {
    RELOADING_WAITS,  /* exec_wait_for was called */
    RELOADING_PAUSES, /* for the disk, or another base, save or loading: try again in a while */
    RELOADING_READY,
    RELOADING_REFUSED, /* `error` says why; nothing is locked */
};
/* From a job's step, again and again until it is ready or refused. *out NULL: begins; it is set as soon as there is something that
 * reloading_give_up has to undo. The log is on.  */
enum reloading_status reloading_prepare(struct exec *exec, struct reloading **out, char error[APPENDONLY_ERROR_MAX]);
/* READY, and the data were taken out: they are loaded by all threads from now on, and the reloading is theirs. Files that cannot be
 * opened end the process, as at a start.  */
void reloading_load(struct reloading *reloading);
/* Before reloading_load: locks and refusals go. NULL is allowed. */
void reloading_give_up(struct thread *thread, struct reloading *reloading);

/* The first shard thread: all is repeated. */
void reloading_end(struct thread *thread, struct appendonly *appendonly);
/* The server ends in the middle of one. NULL is allowed. */
void reloading_destroy(struct reloading *reloading);

#endif
