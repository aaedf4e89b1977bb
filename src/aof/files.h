/* files.h - what the log needs of a folder, as a table of functions, and the two things that must be done in the right order:
 * making a log, and replacing the manifest.
 *
 * `aof_folder_open` gives the real one; tests have a simulated disk that forgets at a crash what was not synced.
 *
 * Threads    One at a time, but reads of different sources.  */
#ifndef AOF_FILES_H
#define AOF_FILES_H

#include "aof/manifest.h"
#include "aof/reader.h"

/* All return 0 or an errno, and take names without slashes. */
struct aof_files {
    void *context;
    /* Opens for reading; *out lends until close. */
    int (*open)(void *context, const char *name, struct aof_source *out);
    void (*close)(void *context, struct aof_source *source);
    /* A new file with this content, never the old one of that name, which may have another name: a crash in a rename may leave
     * both. Not synced. */
    int (*create)(void *context, const char *name, struct bytes content);
    /* Writes within a file that is there. */
    int (*write)(void *context, const char *name, uint64_t offset, struct bytes content);
    /* Its bytes, and how long it is, are on disk. */
    int (*sync)(void *context, const char *name);
    int (*rename)(void *context, const char *from, const char *to);
    int (*remove)(void *context, const char *name);
    /* The names are on disk. */
    int (*sync_folder)(void *context);
};

/* A file with a header and nothing else; synced, but not its name. */
int aof_files_create_log(const struct aof_files *files, const char *name, const struct aof_header *header) MUST_USE;
/* The new manifest is in place, and will be after a crash; or an errno, and it is the old one or the new one (E2BIG: the old one). Syncs the folder
 * first, too: all that it names has to be there.  */
int aof_files_replace_manifest(const struct aof_files *files, const struct aof_manifest *manifest) MUST_USE;
/* ENOENT: there is none. EBADMSG: *fault says what is wrong, *line where. */
int aof_files_read_manifest(const struct aof_files *files, struct aof_manifest *out, const char **fault, uint32_t *line) MUST_USE;

/* Of what stands in front of all names of a log's files in their folder. */
enum { AOF_PREFIX_MAX = 190 };

/* The files of a folder, of those whose names begin with `prefix` (AOF_PREFIX_MAX characters at most; "": the names alone). NULL: errno. */
struct aof_folder;
struct aof_folder *aof_folder_open(const char *path, const char *prefix) MUST_USE;
/* How many logs the folder has; `prefix` has that of one of them ("": none, or that is it), which ends with a point. */
unsigned aof_folder_find_logs(const char *path, char prefix[AOF_PREFIX_MAX + 1]);
/* With the prefix of the log that is there; ENOTUNIQ: there are several. */
struct aof_folder *aof_folder_open_only_log(const char *path) MUST_USE;
/* Calls `visit` for each name in the folder, as it is. `name` is lent. False: errno; the rest was not visited. */
typedef void aof_folder_visit_fn(void *context, const char *name);
MUST_USE bool aof_folder_visit(const struct aof_folder *folder, aof_folder_visit_fn *visit, void *context);
/* Lent until the folder is closed. */
const char *aof_folder_prefix(const struct aof_folder *folder);
void aof_folder_close(struct aof_folder *folder);
struct aof_files aof_folder_files(struct aof_folder *folder);

#endif
