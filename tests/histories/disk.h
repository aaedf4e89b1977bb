/* disk.h - a folder on a simulated disk, which keeps of what was not synced whatever its seed says.
 *
 * A file has what processes see and what is on disk. Each write leaves a version of every sector that it touches; a sync makes
 * the last versions of what had been written when it began the ones on disk. At a crash each sector becomes one of its versions,
 * each file as long as it was at some moment, each name what it was at some moment since the folder was synced; each on its own.
 * A sync that fails forgets the versions: some are on disk, the others never will be, though processes go on seeing them.  */
#ifndef TESTS_DISK_H
#define TESTS_DISK_H

#include "aof/files.h"

enum { SECTOR = 512 };

/* What a disk or those who use it can do wrong: see history.c and main.c. */
enum fault {
    FAULT_NONE,
    FAULT_NO_SYNC,             /* a sync does nothing */
    FAULT_NO_FOLDER_SYNC,
    FAULT_NO_TEMPORARY_SYNC,   /* of the manifest, before it is renamed */
    FAULT_NO_SEAL_SYNC,        /* of the logs that recovery has read */
    FAULT_NO_HEADER_SYNC,      /* of new logs */
    FAULT_NO_BASE_SYNC,
    FAULT_NO_WRITE_AGAIN,      /* recovery syncs, but does not write again */
    FAULT_FORGIVEN_SYNC,       /* a failed sync is taken for a good one */
    FAULT_EARLY_COMPLETION,    /* a write is taken for done before it is */
    FAULT_ACK_DURABLE,         /* changes are acknowledged when durable, not when committed */
    FAULT_ACK_BEFORE_BASE,     /* of a log that begins anew, before its base is there */
    FAULT_UNITS_UNTOLD,        /* the cut is not told of units */
    FAULT_NOT_FOLLOWING,       /* a new generation does not wait for the one before */
    FAULT_OLD_BASE,            /* the base is of a moment before the switch */
    FAULT_EARLY_REMOVAL,       /* old files go before the manifest */
    FAULT_SAME_FILE,           /* a file that is made anew is the old one, made empty */
    FAULT_PAUSED_EARLY,        /* a unit that pauses is acknowledged with the frame that was open then */
    FAULT_COUNT
};

struct disk;

struct disk *disk_create(uint64_t seed, enum fault fault);
void disk_destroy(struct disk *disk);
struct aof_files disk_files(struct disk *disk);

/* After so many operations the power is off: nothing works or happens. UINT64_MAX: never. */
void disk_power_for(struct disk *disk, uint64_t operations);
bool disk_is_off(const struct disk *disk);
/* How many of 1000 operations fail. */
void disk_fail_often(struct disk *disk, unsigned of_thousand);
/* The power is on again, with what has stayed. */
void disk_crash(struct disk *disk);
/* The process is gone, the machine is not. */
void disk_kill(struct disk *disk);

/* For who writes a log: by file, as names may go. */
uint32_t disk_file(const struct disk *disk, const char *name);
/* Bytes written, or -errno; part of the bytes may be there in both cases. A sync that begins before disk_write_done does not
 * have it. */
int64_t disk_write(struct disk *disk, uint32_t file, uint64_t offset, struct bytes bytes);
void disk_write_done(struct disk *disk, uint32_t file);
int disk_truncate(struct disk *disk, uint32_t file, uint64_t bytes);
void disk_sync_begin(struct disk *disk, uint32_t file);
int disk_sync_end(struct disk *disk, uint32_t file);

#endif
