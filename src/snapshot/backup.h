/* backup.h - a backup: the data of one moment in a directory of their own, read back, with a manifest that is written last.
 *
 *   NONE --backups_start--> PREPARING: the directory -> WAITING: for its turn and the cut -> WRITING: the file -> CHECKING: it is read back -> DONE
 *                               '-------------------------'------------------------------'---------------------------'--> FAILED, and all is taken away
 *
 * Threads    Any. The work is done by a thread of its own, which may wait for the disk; nobody's connection is needed for it.
 * Memory     MEM_SNAPSHOT.
 * Invariant  B1 a directory with a manifest has the whole file that the manifest tells of, on the disk. B2 nothing that was there before is written
 *            to or removed.
 * Limits     One at a time.  */
#ifndef SNAPSHOT_BACKUP_H
#define SNAPSHOT_BACKUP_H

#include "base/bytes.h"
#include "snapshot/snapshot_copy.h"

struct backups;
struct server;

enum backup_state { BACKUP_NONE, BACKUP_PREPARING, BACKUP_WAITING, BACKUP_WRITING, BACKUP_CHECKING, BACKUP_DONE, BACKUP_FAILED };
enum { BACKUP_PATH_MAX = 1024, BACKUP_ERROR_MAX = 512 };

/* Of the last one. */
struct backup_status {
    uint64_t number;                 /* counts them; 0: there was none */
    enum backup_state state;
    struct copy_figures figures;     /* as far as it is */
    char directory[BACKUP_PATH_MAX]; /* as it was asked for */
    char error[BACKUP_ERROR_MAX];    /* FAILED */
};

/* NULL: no memory. */
MUST_USE struct backups *backups_create(struct server *server);
/* The one that runs is cancelled, and none begins any more: before the snapshots end. */
void backups_stop(struct backups *backups);
/* Waits for its thread, which has nothing to wait for when the snapshots have ended. NULL is allowed. */
void backups_destroy(struct backups *backups);

/* `directory`: below `dir`, relative, and either not there or empty; its parent is there. False: `error` has a sentence. Otherwise *number is its number. */
MUST_USE bool backups_start(struct backups *backups, struct bytes directory, uint64_t *number, char error[BACKUP_ERROR_MAX]);
/* It fails soon. False: none runs. */
bool backups_cancel(struct backups *backups);
void backups_status(struct backups *backups, struct backup_status *out);

#endif
