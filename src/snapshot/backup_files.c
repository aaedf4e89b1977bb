/* backup_files.c - see backup_files.h.  */
#include "snapshot/backup_files.h"

#include "mem/buffer.h"
#include "mem/heap.h"
#include "persist/crc64.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 20, CHECKSUM_BYTES = 8, TIME_TEXT = 64, BACKUP_FILE_MAX = COPY_FOLDER_MAX + 32 };

static const char manifest_temporary[] = BACKUP_MANIFEST_FILE ".part";

static bool fail(const char **what, const char *why, int error)
{
    *what = why;
    errno = error;
    return false;
}

/* --- the directory --- */

static bool is_empty(const char *path, const char **what)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return fail(what, "opening the directory", errno);
    }
    bool is_free = true;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        is_free = is_free && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    }
    closedir(directory);
    return is_free || fail(what, "the directory is not empty", 0);
}

bool backup_folder_open(struct backup_folder *folder, const char *relative, const char **what)
{
    char *absolute;
    folder->is_made = mkdir(relative, 0755) == 0;
    if (!folder->is_made && errno != EEXIST) {
        return fail(what, "making the directory", errno);
    }
    absolute = realpath(relative, NULL);
    if (absolute == NULL || strlen(absolute) >= sizeof folder->path) {
        const int error = absolute == NULL ? errno : ENAMETOOLONG;
        free(absolute);
        return fail(what, "finding the directory", error);
    }
    snprintf(folder->path, sizeof folder->path, "%s", absolute);
    free(absolute);
    return folder->is_made || is_empty(folder->path, what);
}

static void path_in(const struct backup_folder *folder, const char *name, char out[BACKUP_FILE_MAX])
{
    snprintf(out, BACKUP_FILE_MAX, "%s/%s", folder->path, name);
}

void backup_folder_clear(const struct backup_folder *folder)
{
    static const char *const names[] = {BACKUP_MANIFEST_FILE, manifest_temporary, BACKUP_DATA_FILE};
    char path[BACKUP_FILE_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_in(folder, names[i], path);
        (void)unlink(path);
    }
    if (folder->is_made) {
        (void)rmdir(folder->path);
    }
}

/* --- the file --- */

/* What was read so far. The checksum is of all but the last CHECKSUM_BYTES, so these stay behind. */
struct reading {
    struct sha1 sha1;
    uint64_t crc, bytes;
    unsigned char last[CHECKSUM_BYTES];
    size_t last_len;
};

static void take(struct reading *reading, struct bytes piece)
{
    sha1_add(&reading->sha1, piece);
    reading->bytes += piece.len;
    const size_t kept = piece.len < CHECKSUM_BYTES ? piece.len : CHECKSUM_BYTES;
    const size_t pushed = reading->last_len + kept > CHECKSUM_BYTES ? reading->last_len + kept - CHECKSUM_BYTES : 0;
    reading->crc = crc64(reading->crc, (struct bytes){(const char *)reading->last, pushed});
    memmove(reading->last, reading->last + pushed, reading->last_len - pushed);
    reading->last_len -= pushed;
    reading->crc = crc64(reading->crc, (struct bytes){piece.data, piece.len - kept});
    memcpy(reading->last + reading->last_len, piece.data + piece.len - kept, kept);
    reading->last_len += kept;
}

static bool read_all(struct reading *reading, int fd, char *piece, const _Atomic bool *is_cancelled, const char **what)
{
    for (;;) {
        const ssize_t got = read(fd, piece, READ_BYTES);
        if (got == 0) {
            return true;
        }
        if (got < 0 && errno != EINTR) {
            return fail(what, "reading the file back", errno);
        }
        if (got > 0) {
            take(reading, (struct bytes){piece, (size_t)got});
        }
        if (atomic_load_explicit(is_cancelled, memory_order_relaxed)) {
            return fail(what, "cancelled", ECANCELED);
        }
    }
}

static bool is_as_written(const struct reading *reading, const struct copy_figures *figures)
{
    uint64_t checksum = 0;
    for (size_t i = reading->last_len; i-- > 0;) {
        checksum = checksum << 8 | reading->last[i];
    }
    return reading->bytes == figures->bytes && reading->last_len == CHECKSUM_BYTES && checksum == figures->checksum &&
           (checksum == 0 || checksum == reading->crc);
}

bool backup_file_check(const struct backup_folder *folder, const struct copy_figures *figures, const _Atomic bool *is_cancelled,
                       unsigned char digest[SHA1_BYTES], const char **what)
{
    char path[BACKUP_FILE_MAX];
    struct reading reading = {0};
    path_in(folder, BACKUP_DATA_FILE, path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail(what, "opening the file", errno);
    }
    char *piece = thread_alloc(MEM_SNAPSHOT, READ_BYTES);
    sha1_begin(&reading.sha1);
    bool is_good = piece != NULL ? read_all(&reading, fd, piece, is_cancelled, what) : fail(what, "allocating", ENOMEM);
    const int error = errno;
    thread_free(MEM_SNAPSHOT, piece, READ_BYTES);
    close(fd);
    errno = error;
    if (is_good && !is_as_written(&reading, figures)) {
        is_good = fail(what, "the file is not what was written to it", 0);
    }
    sha1_end(&reading.sha1, digest);
    return is_good;
}

/* --- the manifest --- */

static void print_time(int64_t ms, char out[TIME_TEXT])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    snprintf(out, TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
             parts.tm_min, parts.tm_sec, (int)(ms % 1000));
}

static bool append_digest(struct buffer *out, const char *name, const unsigned char digest[SHA1_BYTES])
{
    bool is_written = buffer_append_format(out, "%s ", name);
    for (size_t i = 0; i < SHA1_BYTES; i++) {
        is_written = is_written && buffer_append_format(out, "%02x", digest[i]);
    }
    return is_written && buffer_append(out, BYTES("\n"));
}

static bool print_manifest(struct buffer *out, const struct copy_figures *figures, const unsigned char digest[SHA1_BYTES])
{
    char started[TIME_TEXT], finished[TIME_TEXT];
    unsigned char own[SHA1_BYTES];
    print_time(figures->started_ms, started);
    print_time(figures->finished_ms, finished);
    if (!buffer_append_format(out, "tessera-backup 1\nfile " BACKUP_DATA_FILE "\nbytes %llu\ncrc64 %016llx\n", (unsigned long long)figures->bytes,
                              (unsigned long long)figures->checksum) ||
        !append_digest(out, "sha1", digest) ||
        !buffer_append_format(out, "keys %llu\nrows %llu\nstarted %s\nfinished %s\nserver " TESSERA_VERSION "\n", (unsigned long long)figures->keys,
                              (unsigned long long)figures->rows, started, finished)) {
        return false;
    }
    sha1(buffer_bytes(out), own);
    return append_digest(out, "manifest", own);
}

static bool write_synced(const char *path, struct bytes text, const char **what)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return fail(what, "making the manifest", errno);
    }
    errno = 0;
    const ssize_t written = write(fd, text.data, text.len);
    bool is_good = written == (ssize_t)text.len || fail(what, "writing the manifest", errno != 0 ? errno : ENOSPC);
    is_good = is_good && (fsync(fd) == 0 || fail(what, "fsync of the manifest", errno));
    const int error = errno;
    close(fd);
    errno = error;
    return is_good;
}

static bool sync_folder(const char *path, const char **what)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_good = (fd >= 0 && fsync(fd) == 0) || fail(what, "fsync of the directory", errno);
    const int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return is_good;
}

bool backup_manifest_write(const struct backup_folder *folder, const struct copy_figures *figures, const unsigned char digest[SHA1_BYTES],
                           const char **what)
{
    char temporary[BACKUP_FILE_MAX], path[BACKUP_FILE_MAX], parent[BACKUP_FILE_MAX];
    struct buffer text = BUFFER_EMPTY(MEM_SNAPSHOT);
    path_in(folder, manifest_temporary, temporary);
    path_in(folder, BACKUP_MANIFEST_FILE, path);
    path_in(folder, "..", parent);
    const bool is_good = (print_manifest(&text, figures, digest) || fail(what, "allocating", ENOMEM)) &&
                         write_synced(temporary, buffer_bytes(&text), what) &&
                         (rename(temporary, path) == 0 || fail(what, "naming the manifest", errno)) &&
                         sync_folder(folder->path, what) && sync_folder(parent, what);
    const int error = errno;
    buffer_release(&text);
    errno = error;
    return is_good;
}
