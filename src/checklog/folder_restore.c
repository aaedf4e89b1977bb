/* folder_restore.c - see folder_restore.h.
 *
 * Invariant  The new folder has a manifest only when all that it names is on disk, and what was copied has been read back.  */
#include "checklog/folder_restore.h"

#include "aof/run.h"
#include "base/time_text.h"
#include "checklog/moment.h"
#include "checklog/span.h"
#include "mem/heap.h"
#include "persist/crc64.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 1 << 20,
    RDB_HEADER_BYTES = 9,
    RDB_CRC_BYTES = 8,
    RDB_END = 0xff,
};

/* --- copies --- */

struct copying {
    const struct aof_files *from, *to;
    const char *name;
    uint64_t bytes; /* from the first one on; the file has them */
    bool is_rdb;    /* its checksum is looked at */
};

/* What an RDB file ends with says that it is whole. */
struct rdb_end {
    unsigned char last[1 + RDB_CRC_BYTES]; /* the end's opcode, the checksum of all before it */
    uint64_t crc;
    bool is_wrong;
};

static uint64_t number_of(const unsigned char bytes[RDB_CRC_BYTES])
{
    uint64_t number = 0;
    for (unsigned i = RDB_CRC_BYTES; i > 0; i--) {
        number = number << 8 | bytes[i - 1];
    }
    return number;
}

/* A file that begins as an RDB file with a checksum does (version 5 and later). */
static bool has_rdb_header(const char *data, size_t len)
{
    return len > RDB_HEADER_BYTES && memcmp(data, "REDIS", 5) == 0 && memcmp(data + 5, "0005", 4) >= 0;
}

static int copy_pieces(const struct copying *copying, const struct aof_source *source, char *piece, struct rdb_end *end)
{
    const uint64_t summed = copying->bytes < RDB_CRC_BYTES ? 0 : copying->bytes - RDB_CRC_BYTES;
    int error = 0;
    uint64_t at = 0;
    bool is_rdb = copying->is_rdb;
    do {
        const size_t len = copying->bytes - at < PIECE_BYTES ? (size_t)(copying->bytes - at) : PIECE_BYTES;
        if (len > 0 && !source->read(source->context, at, piece, len)) {
            return errno;
        }
        is_rdb = is_rdb && (at > 0 || has_rdb_header(piece, len));
        if (at < summed && is_rdb) {
            end->crc = crc64(end->crc, (struct bytes){piece, summed - at < len ? (size_t)(summed - at) : len});
        }
        const struct bytes content = {piece, len};
        error = at == 0 ? copying->to->create(copying->to->context, copying->name, content)
                        : copying->to->write(copying->to->context, copying->name, at, content);
        at += len;
    } while (at < copying->bytes && error == 0);
    if (error == 0 && is_rdb) {
        const bool is_read = copying->bytes > sizeof end->last &&
                             source->read(source->context, copying->bytes - sizeof end->last, (char *)end->last, sizeof end->last);
        const uint64_t crc = number_of(end->last + 1);
        end->is_wrong = !is_read || end->last[0] != RDB_END || (crc != 0 && crc != end->crc);
    }
    return error;
}

/* Copies and syncs. False: it has said why; *status is the exit status. */
static bool copy_file(const struct copying *copying, int *status)
{
    struct aof_source source;
    struct rdb_end end = {.crc = 0};
    int error = copying->from->open(copying->from->context, copying->name, &source);
    if (error == 0) {
        char *piece = thread_alloc(MEM_SNAPSHOT, PIECE_BYTES);
        error = piece == NULL ? ENOMEM : source.bytes < copying->bytes ? EIO : copy_pieces(copying, &source, piece, &end);
        thread_free(MEM_SNAPSHOT, piece, PIECE_BYTES);
        copying->from->close(copying->from->context, &source);
    }
    error = error != 0 ? error : copying->to->sync(copying->to->context, copying->name);
    if (error != 0) {
        printf("%s: cannot be copied: %s\n", copying->name, strerror(error));
        *status = EXIT_REFUSED;
    } else if (end.is_wrong) {
        printf("%s: DAMAGE: it is no whole RDB file: its end or its checksum is wrong\n", copying->name);
        *status = EXIT_DAMAGED;
    }
    return *status == EXIT_GOOD;
}

/* All but the manifest. */
static int copy_files(const struct moment_source *source, const struct aof_files *to, const struct aof_manifest *manifest)
{
    int status = EXIT_GOOD;
    for (uint32_t i = 0; i < manifest->base_count; i++) {
        const struct copying copying = {&source->files, to, manifest->bases[i].name, manifest->bases[i].bytes, true};
        if (!copy_file(&copying, &status)) {
            return status;
        }
    }
    for (uint32_t k = 0; k < manifest->generation_count; k++) {
        for (uint32_t i = 0; i < manifest->generations[k].shard_count; i++) {
            const struct aof_log *log = &manifest->generations[k].logs[i];
            const struct copying copying = {&source->files, to, log->name, log->end_offset, false};
            if (log->end_offset != AOF_HEADER_BYTES && !copy_file(&copying, &status)) {
                return status;
            }
        }
    }
    return status;
}

static bool read_back(const struct aof_files *files, const struct aof_manifest *manifest, struct span *all)
{
    for (uint32_t k = 0; k < manifest->generation_count; k++) {
        if (!span_add_generation(all, files, manifest, k)) {
            return false;
        }
    }
    return true;
}

/* --- the new folder --- */

/* It is there and empty: 0; *is_new: it was made. Or an errno. */
static int make_folder(const char *path, bool *is_new)
{
    *is_new = mkdir(path, 0755) == 0;
    if (*is_new || errno != EEXIST) {
        return *is_new ? 0 : errno;
    }
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int error = folder == NULL ? errno : 0;
    while (folder != NULL && error == 0 && (entry = readdir(folder)) != NULL) {
        error = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ? 0 : ENOTEMPTY;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return error;
}

/* The folder's name is on disk. */
static int sync_parent(const char *path)
{
    const int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int parent = file < 0 ? -1 : openat(file, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int error = parent < 0 || fsync(parent) != 0 ? errno : 0;
    if (parent >= 0) {
        close(parent);
    }
    if (file >= 0) {
        close(file);
    }
    return error;
}

/* What was begun goes, the manifest first. */
static void take_away(const struct aof_files *files, const struct aof_manifest *manifest)
{
    static const struct aof_manifest none = {0};
    files->remove(files->context, AOF_MANIFEST_NAME);
    files->remove(files->context, AOF_MANIFEST_TEMPORARY);
    aof_run_remove(files, manifest, &none);
}

static int fill_folder(const struct moment_source *source, const struct aof_files *to, const char *out, const struct aof_until *until,
                       struct span *all)
{
    int status = copy_files(source, to, &until->manifest);
    if (status == EXIT_GOOD && !read_back(to, &until->manifest, all)) {
        status = EXIT_REFUSED;
    }
    if (status == EXIT_GOOD) {
        int error = sync_parent(out);
        error = error != 0 ? error : aof_files_replace_manifest(to, &until->manifest);
        if (error != 0) {
            printf("%s: %s\n", out, strerror(error));
            status = EXIT_REFUSED;
        }
    }
    return status;
}

static void print_restored(const char *out, int64_t until_ms, const struct aof_until *until, const struct span *all)
{
    char moment[TIME_TEXT_MAX];
    char last[TIME_TEXT_MAX];
    printf("%s: the data of %s: %u bases, %" PRIu64 " frames, %" PRIu64 " records", out, time_format(until_ms, moment),
           until->manifest.base_count, all->frames, all->records);
    if (all->frames > 0) {
        printf("; the last frame is of %s", time_format(all->latest_ms, last));
    }
    putchar('\n');
    if (!until->is_past) {
        printf("nothing in the logs is later: this is everything\n");
    }
    if (until->frames_cut > 0) {
        printf("left out, as they need what is %s: %" PRIu64 " frames, %" PRIu64 " records, %" PRIu64 " units\n",
               until->is_past ? "later" : "not there", until->frames_cut, until->records_cut, until->units_cut);
    }
}

static int restore_into(const struct moment_source *source, const char *out, int64_t until_ms, const struct aof_until *until)
{
    bool is_new;
    struct span all = {0};
    const int error = make_folder(out, &is_new);
    struct aof_folder *folder = error == 0 ? aof_folder_open(out, "") : NULL;
    if (folder == NULL) {
        printf("%s: %s\n", out, error == ENOTEMPTY ? "it is not empty: nothing is overwritten"
                               : error == ENOENT ? "it cannot be made: the directory that it is to be in is not there" : strerror(error != 0 ? error : errno));
        return EXIT_REFUSED;
    }
    const struct aof_files files = aof_folder_files(folder);
    const int status = fill_folder(source, &files, out, until, &all);
    if (status == EXIT_GOOD) {
        print_restored(out, until_ms, until, &all);
    } else {
        take_away(&files, &until->manifest);
    }
    aof_folder_close(folder);
    if (status != EXIT_GOOD && is_new) {
        rmdir(out);
    }
    return status;
}

/* Damage: something earlier may be whole. */
static void tell_latest(const struct moment_source *source, int64_t before_ms)
{
    struct aof_until until;
    char text[TIME_TEXT_MAX];
    int64_t latest_ms = before_ms > 1 ? before_ms - 1 : 0; /* 0: none */
    if (latest_ms >= source->earliest_ms && latest_ms > 0 && moment_find_latest(source, &latest_ms, &until) == AOF_RECOVERY_OK) {
        printf("%s: the latest moment before the damage that can be restored is %s\n", source->path, time_format(latest_ms, text));
        aof_until_release(&until);
    }
}

static int restore_moment(const struct moment_source *source, const char *out, int64_t until_ms)
{
    struct aof_until until;
    char text[TIME_TEXT_MAX];
    char moment[TIME_TEXT_MAX];
    if (until_ms < source->earliest_ms) {
        printf("%s: %s is before %s: the earliest moment that can be restored is %s\n", source->path, time_format(until_ms, moment),
               source->manifest.base_count > 0 ? "the base" : "the log", time_format(source->earliest_ms, text));
        return EXIT_REFUSED;
    }
    const enum aof_recovery_status status = moment_find(source, until_ms, &until);
    if (status == AOF_RECOVERY_OK) {
        const int exit_status = restore_into(source, out, until_ms, &until);
        aof_until_release(&until);
        return exit_status;
    }
    if (status == AOF_RECOVERY_DAMAGE) {
        tell_latest(source, until.before_ms);
    }
    return status == AOF_RECOVERY_DAMAGE ? EXIT_DAMAGED : EXIT_REFUSED;
}

int folder_restore(const char *path, const char *out, int64_t until_ms)
{
    struct moment_source source;
    int exit_status = moment_open(path, &source);
    if (exit_status == EXIT_GOOD) {
        exit_status = restore_moment(&source, out, until_ms);
        moment_close(&source);
    }
    return exit_status;
}
