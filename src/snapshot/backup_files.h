/* backup_files.h - what a backup does in the file system, step by step.
 *
 *   tessera-backup 1
 *   file dump.rdb
 *   bytes 12345
 *   crc64 e8b1a0c5d2f30417                       the checksum at the end of the file; 0 with `rdbchecksum no`
 *   sha1 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12  of all its bytes
 *   keys 100
 *   rows 20
 *   started 2026-01-31T12:00:00.123Z             the moment of the data
 *   finished 2026-01-31T12:00:05.001Z
 *   server 0.1.0
 *   manifest da39a3ee5e6b4b0d3255bfef95601890afd80709  SHA-1 of the lines above
 *
 * Threads    Any that may wait for the disk.
 * Read on    tools/restore, which reads it.  */
#ifndef SNAPSHOT_BACKUP_FILES_H
#define SNAPSHOT_BACKUP_FILES_H

#include "base/sha1.h"
#include "snapshot/snapshot_copy.h"

#include <stdatomic.h>
#include <stddef.h>

#define BACKUP_DATA_FILE "dump.rdb"
#define BACKUP_MANIFEST_FILE "manifest"

struct backup_folder {
    char path[COPY_FOLDER_MAX]; /* absolute: `dir` may change meanwhile */
    bool is_made;               /* by us */
};

/* Makes the directory, or finds it empty. False: *what says what was wrong, and errno, 0: that says all. */
MUST_USE bool backup_folder_open(struct backup_folder *folder, const char *relative, const char **what);
/* Reads the file back. False: it is not what was written, cannot be read, or *is_cancelled. */
MUST_USE bool backup_file_check(const struct backup_folder *folder, const struct copy_figures *figures, const _Atomic bool *is_cancelled,
                                unsigned char digest[SHA1_BYTES], const char **what);
/* Makes it complete, and waits for the disk. */
MUST_USE bool backup_manifest_write(const struct backup_folder *folder, const struct copy_figures *figures, const unsigned char digest[SHA1_BYTES],
                                    const char **what);
/* Takes away what the others have made. */
void backup_folder_clear(const struct backup_folder *folder);

#endif
