/* folder.c - a real folder, by its descriptor. Each name stands behind the folder's prefix there: "jobs.aof." and "log.7.0" are jobs.aof.log.7.0.  */
#include "aof/files.h"

#include "mem/heap.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct aof_folder {
    int file;
    char prefix[AOF_PREFIX_MAX + 1];
};

struct full_name {
    char text[AOF_PREFIX_MAX + AOF_NAME_MAX + 1];
};

static struct full_name full_name(const struct aof_folder *folder, const char *name)
{
    struct full_name out;
    const int len = snprintf(out.text, sizeof out.text, "%s%s", folder->prefix, name);
    assert(len > 0 && (size_t)len < sizeof out.text);
    (void)len;
    return out;
}

static bool folder_read(void *context, uint64_t offset, char *into, size_t len)
{
    const int file = (int)(intptr_t)context;
    while (len > 0) {
        const ssize_t got = pread(file, into, len, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            errno = got == 0 ? EIO : errno; /* it has become shorter */
            return false;
        }
        into += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return true;
}

static int folder_open(void *context, const char *name, struct aof_source *out)
{
    const struct aof_folder *folder = context;
    struct stat stat;
    const int file = openat(folder->file, full_name(folder, name).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 || fstat(file, &stat) != 0 || !S_ISREG(stat.st_mode)) {
        const int error = file < 0 ? errno : EINVAL;
        if (file >= 0) {
            close(file);
        }
        return error;
    }
    *out = (struct aof_source){.context = (void *)(intptr_t)file, .bytes = (uint64_t)stat.st_size, .read = folder_read};
    return 0;
}

static void folder_close(void *context, struct aof_source *source)
{
    (void)context;
    close((int)(intptr_t)source->context);
}

static int write_all(int file, struct bytes content)
{
    while (content.len > 0) {
        const ssize_t done = write(file, content.data, content.len);
        if (done < 0 && errno != EINTR) {
            return errno;
        }
        if (done > 0) {
            content.data += done;
            content.len -= (size_t)done;
        }
    }
    return 0;
}

static int folder_create(void *context, const char *name, struct bytes content)
{
    const struct aof_folder *folder = context;
    if (unlinkat(folder->file, full_name(folder, name).text, 0) != 0 && errno != ENOENT) {
        return errno;
    }
    const int file = openat(folder->file, full_name(folder, name).text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0) {
        return errno;
    }
    const int error = write_all(file, content);
    return close(file) != 0 && error == 0 ? errno : error;
}

static int folder_write(void *context, const char *name, uint64_t offset, struct bytes content)
{
    const struct aof_folder *folder = context;
    const int file = openat(folder->file, full_name(folder, name).text, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return errno;
    }
    int error = lseek(file, (off_t)offset, SEEK_SET) < 0 ? errno : 0;
    error = error != 0 ? error : write_all(file, content);
    return close(file) != 0 && error == 0 ? errno : error;
}

static int folder_sync(void *context, const char *name)
{
    const struct aof_folder *folder = context;
    const int file = openat(folder->file, full_name(folder, name).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return errno;
    }
    const int error = fsync(file) != 0 ? errno : 0;
    close(file);
    return error;
}

static int folder_rename(void *context, const char *from, const char *to)
{
    const struct aof_folder *folder = context;
    return renameat(folder->file, full_name(folder, from).text, folder->file, full_name(folder, to).text) != 0 ? errno : 0;
}

static int folder_remove(void *context, const char *name)
{
    const struct aof_folder *folder = context;
    return unlinkat(folder->file, full_name(folder, name).text, 0) != 0 ? errno : 0;
}

static int folder_sync_folder(void *context)
{
    const struct aof_folder *folder = context;
    return fsync(folder->file) != 0 ? errno : 0;
}

struct aof_folder *aof_folder_open(const char *path, const char *prefix)
{
    assert(strlen(prefix) <= AOF_PREFIX_MAX);
    struct aof_folder *folder = thread_alloc(MEM_SERVER, sizeof *folder);
    const int file = folder == NULL ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        const int error = folder == NULL ? ENOMEM : errno;
        thread_free(MEM_SERVER, folder, sizeof *folder);
        errno = error;
        return NULL;
    }
    folder->file = file;
    snprintf(folder->prefix, sizeof folder->prefix, "%s", prefix);
    return folder;
}

bool aof_folder_visit(const struct aof_folder *folder, aof_folder_visit_fn *visit, void *context)
{
    const int file = openat(folder->file, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = file < 0 ? NULL : fdopendir(file);
    if (names == NULL) {
        const int error = errno;
        if (file >= 0) {
            close(file);
        }
        errno = error;
        return false;
    }
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(names)) != NULL; errno = 0) {
        visit(context, entry->d_name);
    }
    const int error = errno;
    closedir(names);
    errno = error;
    return error == 0;
}

/* --- logs whose prefix is not known --- */

/* The name is a manifest's: *len has what stands in front of it. */
static bool is_manifest_name(const char *name, size_t *len)
{
    const size_t all = strlen(name);
    const size_t own = strlen(AOF_MANIFEST_NAME);
    *len = all < own ? 0 : all - own;
    return all >= own && strcmp(name + *len, AOF_MANIFEST_NAME) == 0 && *len <= AOF_PREFIX_MAX && (*len == 0 || name[*len - 1] == '.');
}

unsigned aof_folder_find_logs(const char *path, char prefix[AOF_PREFIX_MAX + 1])
{
    DIR *folder = opendir(path);
    unsigned count = 0;
    size_t len;
    prefix[0] = 0;
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (is_manifest_name(entry->d_name, &len)) {
            snprintf(prefix, AOF_PREFIX_MAX + 1, "%.*s", (int)len, entry->d_name);
            count++;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

struct aof_folder *aof_folder_open_only_log(const char *path)
{
    char prefix[AOF_PREFIX_MAX + 1];
    if (aof_folder_find_logs(path, prefix) > 1) {
        errno = ENOTUNIQ;
        return NULL;
    }
    return aof_folder_open(path, prefix);
}

const char *aof_folder_prefix(const struct aof_folder *folder)
{
    return folder->prefix;
}

void aof_folder_close(struct aof_folder *folder)
{
    if (folder != NULL) {
        close(folder->file);
        thread_free(MEM_SERVER, folder, sizeof *folder);
    }
}

struct aof_files aof_folder_files(struct aof_folder *folder)
{
    return (struct aof_files){folder,        folder_open,   folder_close,       folder_create, folder_write,
                              folder_sync, folder_rename, folder_remove, folder_sync_folder};
}
