/* rewriting.h - a new base and a new generation of logs, while commands go on: BGREWRITEAOF, by itself when the log has grown, behind a log that has
 * failed, and CONFIG SET appendonly yes.
 *
 *   NONE --rewriting_start--> PREPARING: files of the new logs, and while the log is good a manifest that has them
 *        --a copy is asked for (snapshot/snapshot_copy.h)--> WAITING --its cut: all logs go over to their new files--> COPYING the base
 *        --the manifest names the base--> SETTLING, by the first shard thread: what was before need not be written --> CLEANING: old files go --> NONE
 *
 * A log that has failed, or was off, does not follow: its new files are named by the manifest together with the base, and nothing in them is
 * committed before that.
 *
 * Threads    A thread of its own, which may wait for the disk, but for the cut and SETTLING. What others ask is under the lock.
 * Invariant  An error leaves a log that can be read: the old base and all logs since, or what the manifest had.  */
#ifndef APPENDONLY_REWRITING_H
#define APPENDONLY_REWRITING_H

#include "appendonly/log_set.h"

/* NULL: no memory. */
MUST_USE struct rewriting *rewriting_create(struct appendonly *appendonly);
/* The server ends: what is under way is given up. */
void rewriting_stop(struct rewriting *rewriting);
/* After rewriting_stop, and when nobody makes snapshots any more, so that its copy has ended. NULL is allowed. */
void rewriting_destroy(struct rewriting *rewriting);

/* False: one is under way, or no thread could be made. Any thread, without batons. */
MUST_USE bool rewriting_start(struct rewriting *rewriting);
/* Begins as soon as no snapshot is being saved. Any thread. */
void rewriting_schedule(struct rewriting *rewriting);
/* The first shard thread, every IDLE_US, without batons. */
void rewriting_tend(struct thread *thread, struct rewriting *rewriting);
bool rewriting_is_under_way(struct rewriting *rewriting);
/* None begins until rewriting_let_go. False: one is under way, or somebody has it held. Any thread. */
MUST_USE bool rewriting_hold(struct rewriting *rewriting);
void rewriting_let_go(struct rewriting *rewriting);
struct rewriting_figures {
    bool is_under_way, is_copying, is_scheduled, last_is_good; /* copying: the snapshot that is being written is the base */
    int64_t last_seconds, current_seconds; /* -1: there was none; there is none */
    uint64_t count, failures;              /* that succeeded since the start; that failed since */
};
/* Any thread. */
void rewriting_figures(struct rewriting *rewriting, struct rewriting_figures *out);

#endif
