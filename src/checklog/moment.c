/* moment.c - see moment.h.  */
#include "checklog/moment.h"

#include "checklog/earliest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { DAMAGES_MAX = 1000 }; /* that are gone back behind */

static void print_warning(void *context, const char *text)
{
    (void)context;
    printf("%s\n", text);
}

static int check_bases(const struct moment_source *source)
{
    for (uint32_t i = 0; i < source->manifest.base_count; i++) {
        struct aof_source file;
        const struct aof_base *base = &source->manifest.bases[i];
        const int error = source->files.open(source->files.context, base->name, &file);
        if (error != 0) {
            printf("%s: %s\n", base->name, strerror(error));
            return EXIT_DAMAGED;
        }
        const uint64_t bytes = file.bytes;
        source->files.close(source->files.context, &file);
        if (bytes != base->bytes) {
            printf("%s: DAMAGE: it has %" PRIu64 " bytes, the manifest says %" PRIu64 "\n", base->name, bytes, base->bytes);
            return EXIT_DAMAGED;
        }
    }
    return EXIT_GOOD;
}

static int read_manifest(struct moment_source *source)
{
    const char *fault;
    uint32_t line;
    const int error = aof_files_read_manifest(&source->files, &source->manifest, &fault, &line);
    if (error == ENOENT) {
        printf("%s: there is no log: a log's folder has a " AOF_MANIFEST_NAME "\n", source->path);
        return EXIT_REFUSED;
    }
    if (error != 0) {
        printf("%s: line %u: %s%s\n", AOF_MANIFEST_NAME, line, fault != NULL ? "DAMAGE: " : "", fault != NULL ? fault : strerror(error));
        return fault != NULL ? EXIT_DAMAGED : EXIT_REFUSED;
    }
    const int status = check_bases(source);
    if (status != EXIT_GOOD) {
        aof_manifest_destroy(&source->manifest);
        return status;
    }
    source->earliest_ms = earliest_moment(&source->files, &source->manifest);
    return EXIT_GOOD;
}

int moment_open(const char *path, struct moment_source *out)
{
    *out = (struct moment_source){.path = path, .folder = aof_folder_open_only_log(path)};
    if (out->folder == NULL) {
        printf("%s: %s\n", path, errno == ENOTUNIQ ? SEVERAL_LOGS : strerror(errno));
        return EXIT_REFUSED;
    }
    out->files = aof_folder_files(out->folder);
    const int status = read_manifest(out);
    if (status != EXIT_GOOD) {
        aof_folder_close(out->folder);
    }
    return status;
}

void moment_close(struct moment_source *source)
{
    aof_manifest_destroy(&source->manifest);
    aof_folder_close(source->folder);
}

enum aof_recovery_status moment_find(const struct moment_source *source, int64_t until_ms, struct aof_until *out)
{
    const struct aof_recovery_options options = {.until_ms = until_ms, .warn = print_warning};
    const enum aof_recovery_status status = aof_until_find(out, &source->manifest, &source->files, &options);
    if (status == AOF_RECOVERY_DAMAGE) {
        printf("%s: offset %" PRIu64 ": DAMAGE: %s\n", out->file, out->offset, out->fault);
    } else if (status != AOF_RECOVERY_OK) {
        printf("%s: %s\n", status == AOF_RECOVERY_SYSTEM ? out->file : source->path,
               status == AOF_RECOVERY_SYSTEM ? strerror(out->error) : "no memory");
    }
    return status;
}

/* False: no moment before the damage is known. */
static bool go_back(const struct moment_source *source, const struct aof_until *until, int64_t *until_ms)
{
    const int64_t before_ms = until->before_ms;
    if (before_ms == INT64_MIN || before_ms > *until_ms || before_ms <= source->earliest_ms || before_ms <= 1) {
        return false;
    }
    *until_ms = before_ms - 1;
    return true;
}

enum aof_recovery_status moment_find_latest(const struct moment_source *source, int64_t *until_ms, struct aof_until *out)
{
    enum aof_recovery_status status = moment_find(source, *until_ms, out);
    for (unsigned i = 0; i < DAMAGES_MAX && status == AOF_RECOVERY_DAMAGE && go_back(source, out, until_ms); i++) {
        status = moment_find(source, *until_ms, out);
    }
    return status;
}
