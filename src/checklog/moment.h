/* moment.h - a folder with a manifest of which a moment is looked for.  */
#ifndef CHECKLOG_MOMENT_H
#define CHECKLOG_MOMENT_H

#include "aof/until.h"

#define SEVERAL_LOGS "it has several logs, with the names of several appendfilename: move the files of one to a folder of their own"

enum { EXIT_GOOD = 0, EXIT_DAMAGED = 1, EXIT_REFUSED = 2 };

struct moment_source {
    const char *path;
    struct aof_folder *folder;
    struct aof_files files;
    struct aof_manifest manifest;
    int64_t earliest_ms; /* earliest.h */
};

/* Reads the manifest, and looks for the bases. EXIT_GOOD: moment_close is to be called. Anything else: it has said why. Borrows
 * `path`.  */
int moment_open(const char *path, struct moment_source *out) MUST_USE;
void moment_close(struct moment_source *source);
/* AOF_RECOVERY_OK: *out is there, aof_until_release it. Anything else: it has said why. */
MUST_USE enum aof_recovery_status moment_find(const struct moment_source *source, int64_t until_ms, struct aof_until *out);
/* The latest moment at or before *until_ms that is whole: before all damage. */
MUST_USE enum aof_recovery_status moment_find_latest(const struct moment_source *source, int64_t *until_ms, struct aof_until *out);

#endif
