/* snapshot_copy.h - a snapshot that is no save: all data of one moment in a file for whoever has asked (snapshots_ask): a file without a name,
 * for SYNC, or one in a directory, for a backup.
 *
 *   WAITING --its turn comes, and the cut is made--> RUNNING --the file is whole--> DONE
 *      '----- cancelled, or it could not be written ----'---------------------------> FAILED
 *
 * Threads    Any. What comes with a state is written before it, and stays.
 * Memory     Held by whoever asked and, until DONE or FAILED, by the snapshots. Who lets go of it last frees it; a file without a name is closed then,
 *            on a thread of its own, since its blocks are given back to the file system at that moment.
 * Invariant  A copy leaves what counts changes, and LASTSAVE, as they are.  */
#ifndef SNAPSHOT_SNAPSHOT_COPY_H
#define SNAPSHOT_SNAPSHOT_COPY_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

struct snapshot_copy;
struct thread;

enum copy_state { COPY_WAITING, COPY_RUNNING, COPY_DONE, COPY_FAILED };
enum { COPY_FOLDER_MAX = 4096, COPY_NAME_MAX = 256, COPY_ERROR_MAX = 256 };

struct copy_figures {
    uint64_t keys, rows;      /* at the cut */
    int64_t started_ms;       /* the cut; wall */
    int64_t finished_ms;      /* DONE */
    uint64_t bytes, checksum; /* DONE: of the file; the checksum is the one at its end, 0 with `rdbchecksum no` */
};

/* Held once. `folder` NULL: a file without a name, in `dir`; else the file is `name` in it, and is on the disk when it is DONE. NULL: no memory. */
MUST_USE struct snapshot_copy *snapshot_copy_create(const char *folder, const char *name);
/* Before it is asked for: `at_cut` is called when its cut is made, under all batons. */
void snapshot_copy_hear_cut(struct snapshot_copy *copy, void (*at_cut)(void *context, struct thread *thread), void *context);
void snapshot_copy_hold(struct snapshot_copy *copy);
/* NULL is allowed. */
void snapshot_copy_release(struct snapshot_copy *copy);

enum copy_state snapshot_copy_state(const struct snapshot_copy *copy);
/* It is FAILED soon, unless it is DONE. */
void snapshot_copy_cancel(struct snapshot_copy *copy);
/* From RUNNING on; all of it when it is DONE. */
struct copy_figures snapshot_copy_figures(const struct snapshot_copy *copy);
/* DONE, without a name: to be read from, by several at the same time (pread); lent. */
int snapshot_copy_fd(const struct snapshot_copy *copy);
/* FAILED: what could not be done, lent. */
const char *snapshot_copy_error(const struct snapshot_copy *copy);

#endif
