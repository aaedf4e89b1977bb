/* disk.c - files by sectors and versions.  */
#include "disk.h"

#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES_MAX = 512, NAMES_MAX = 512, NONE = UINT32_MAX };

struct version {
    uint64_t sector;
    uint64_t size; /* of the file then */
    char bytes[SECTOR];
};

struct content {
    char *bytes;
    uint64_t size, room;
};

struct file {
    struct content seen, kept;
    struct version *versions;
    size_t count, room;
    size_t in_flight; /* the versions from there on are of a write that is not done; SIZE_MAX: none */
    size_t syncing;   /* the sync that is under way covers so many */
};

struct name {
    char text[AOF_NAME_MAX + 1];
    uint32_t seen, kept; /* file, or NONE */
    uint32_t between[64]; /* what it was since the folder was synced */
    unsigned count;
};

struct disk {
    uint64_t random;
    enum fault fault;
    uint64_t operations_left;
    bool is_off;
    unsigned fail_of_thousand;
    struct file files[FILES_MAX];
    uint32_t file_count;
    struct name names[NAMES_MAX];
    uint32_t name_count;
};

static bool chance(struct disk *disk, uint64_t of_thousand)
{
    return random_below(&disk->random, 1000) < of_thousand;
}

/* 0, or why the operation fails: the power is off, or by chance. */
static int operate(struct disk *disk)
{
    if (disk->operations_left == 0) {
        disk->is_off = true;
    }
    if (disk->is_off) {
        return EIO;
    }
    disk->operations_left--;
    return chance(disk, disk->fail_of_thousand) ? EIO : 0;
}

struct disk *disk_create(uint64_t seed, enum fault fault)
{
    struct disk *disk = calloc(1, sizeof *disk);
    assert(disk != NULL);
    disk->random = seed;
    disk->fault = fault;
    disk->operations_left = UINT64_MAX;
    return disk;
}

void disk_destroy(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->file_count; i++) {
        free(disk->files[i].seen.bytes);
        free(disk->files[i].kept.bytes);
        free(disk->files[i].versions);
    }
    free(disk);
}

void disk_power_for(struct disk *disk, uint64_t operations)
{
    disk->operations_left = operations;
}

bool disk_is_off(const struct disk *disk)
{
    return disk->is_off;
}

void disk_fail_often(struct disk *disk, unsigned of_thousand)
{
    disk->fail_of_thousand = of_thousand;
}

/* --- content --- */

/* What is new is zeros. */
static void set_size(struct content *content, uint64_t size)
{
    if (size > content->room) {
        const uint64_t room = (size + 8 * SECTOR) / SECTOR * SECTOR * 2;
        content->bytes = realloc(content->bytes, room);
        assert(content->bytes != NULL);
        memset(content->bytes + content->room, 0, room - content->room);
        content->room = room;
    }
    if (size < content->size) {
        memset(content->bytes + size, 0, content->size - size);
    }
    content->size = size;
}

/* The sector as processes see it now becomes its newest version. */
static void add_version(struct file *file, uint64_t sector)
{
    if (file->count == file->room) {
        file->room = file->room == 0 ? 16 : file->room * 2;
        file->versions = realloc(file->versions, file->room * sizeof *file->versions);
        assert(file->versions != NULL);
    }
    struct version *version = &file->versions[file->count];
    version->sector = sector;
    version->size = file->seen.size;
    memset(version->bytes, 0, SECTOR);
    if (sector * SECTOR < file->seen.room) {
        memcpy(version->bytes, file->seen.bytes + sector * SECTOR, SECTOR);
    }
    file->count++;
}

static void put(struct file *file, uint64_t offset, struct bytes bytes)
{
    if (bytes.len == 0) {
        return;
    }
    const uint64_t end = offset + bytes.len;
    set_size(&file->seen, file->seen.size > end ? file->seen.size : end);
    memcpy(file->seen.bytes + offset, bytes.data, bytes.len);
    for (uint64_t sector = offset / SECTOR; sector <= (end - 1) / SECTOR; sector++) {
        add_version(file, sector);
    }
}

/* A version reaches the disk; how long the file is there does not depend on it. */
static void keep(struct file *file, const struct version *version)
{
    const uint64_t end = (version->sector + 1) * SECTOR;
    const uint64_t size = file->kept.size;
    set_size(&file->kept, size > end ? size : end);
    memcpy(file->kept.bytes + version->sector * SECTOR, version->bytes, SECTOR);
    file->kept.size = size > end ? size : end;
}

static void forget_versions(struct file *file, size_t count)
{
    file->count -= count;
    if (count > 0) {
        memmove(file->versions, file->versions + count, file->count * sizeof *file->versions);
    }
    file->in_flight = file->in_flight == SIZE_MAX ? SIZE_MAX : file->in_flight - count;
    file->syncing = file->syncing > count ? file->syncing - count : 0;
}

/* All of the first `count` versions are on disk. */
static void keep_all(struct file *file, size_t count)
{
    const uint64_t size = count == 0 ? file->kept.size : file->versions[count - 1].size;
    for (size_t i = 0; i < count; i++) {
        keep(file, &file->versions[i]);
    }
    set_size(&file->kept, size);
    forget_versions(file, count);
}

/* Of the first `count` versions each sector keeps one, or what it was. */
static void keep_some(struct disk *disk, struct file *file, size_t count)
{
    const uint64_t before = file->kept.size;
    const uint64_t mode = random_below(&disk->random, 4); /* none, all, else each on its own */
    if (mode == 1) {
        keep_all(file, count);
        return;
    }
    uint64_t size = before;
    for (size_t i = 0; i < count && mode > 1; i++) {
        if (chance(disk, 500)) {
            keep(file, &file->versions[i]);
        }
        size = chance(disk, 300) ? file->versions[i].size : size;
    }
    if (mode > 1 && count > 0 && chance(disk, 500)) {
        size = file->versions[count - 1].size;
    }
    set_size(&file->kept, size);
    forget_versions(file, count);
}

/* --- names --- */

static struct name *find_name(const struct disk *disk, const char *text)
{
    for (uint32_t i = 0; i < disk->name_count; i++) {
        if (strcmp(disk->names[i].text, text) == 0) {
            return (struct name *)(uintptr_t)&disk->names[i];
        }
    }
    return NULL;
}

static void set_name(struct disk *disk, const char *text, uint32_t file)
{
    struct name *name = find_name(disk, text);
    if (name == NULL) {
        assert(disk->name_count < NAMES_MAX);
        name = &disk->names[disk->name_count];
        disk->name_count++;
        snprintf(name->text, sizeof name->text, "%s", text);
        name->seen = NONE;
        name->kept = NONE;
    }
    name->seen = file;
    if (name->count < sizeof name->between / sizeof name->between[0]) {
        name->between[name->count] = file;
        name->count++;
    }
}

uint32_t disk_file(const struct disk *disk, const char *text)
{
    const struct name *name = find_name(disk, text);
    assert(name != NULL && name->seen != NONE);
    return name->seen;
}

/* --- the table of functions --- */

static bool source_read(void *context, uint64_t offset, char *into, size_t len)
{
    const struct file *file = context;
    assert(offset + len <= file->seen.size);
    if (len > 0) {
        memcpy(into, file->seen.bytes + offset, len);
    }
    return true;
}

static int files_open(void *context, const char *text, struct aof_source *out)
{
    struct disk *disk = context;
    const struct name *name = find_name(disk, text);
    if (disk->is_off) {
        return EIO;
    }
    if (name == NULL || name->seen == NONE) {
        return ENOENT;
    }
    *out = (struct aof_source){&disk->files[name->seen], disk->files[name->seen].seen.size, source_read};
    return 0;
}

static void files_close(void *context, struct aof_source *source)
{
    (void)context;
    (void)source;
}

static int files_create(void *context, const char *text, struct bytes content)
{
    struct disk *disk = context;
    const struct name *name = find_name(disk, text);
    const int error = operate(disk);
    if (disk->is_off) {
        return error;
    }
    if (disk->fault == FAULT_SAME_FILE && name != NULL && name->seen != NONE) {
        disk_truncate(disk, name->seen, 0);
        put(&disk->files[name->seen], 0, content);
        return error;
    }
    assert(disk->file_count < FILES_MAX);
    const uint32_t at = disk->file_count;
    disk->file_count++;
    disk->files[at].in_flight = SIZE_MAX;
    set_name(disk, text, at);
    put(&disk->files[at], 0, (struct bytes){content.data, error == 0 ? content.len : content.len / 2});
    return error;
}

static int files_write(void *context, const char *text, uint64_t offset, struct bytes content)
{
    struct disk *disk = context;
    const int error = operate(disk);
    if (error == 0 && disk->fault != FAULT_NO_WRITE_AGAIN) {
        put(&disk->files[disk_file(disk, text)], offset, content);
    }
    return error;
}

static bool is_sync_left_out(const struct disk *disk, const char *name)
{
    const bool is_log = strncmp(name, "log.", 4) == 0;
    const bool is_new = disk->files[disk_file(disk, name)].seen.size == AOF_HEADER_BYTES;
    switch (disk->fault) {
    case FAULT_NO_SYNC: return true;
    case FAULT_NO_TEMPORARY_SYNC: return strcmp(name, AOF_MANIFEST_TEMPORARY) == 0;
    case FAULT_NO_SEAL_SYNC: return is_log && !is_new;
    case FAULT_NO_HEADER_SYNC: return is_log && is_new;
    case FAULT_NO_BASE_SYNC: return strncmp(name, "base.", 5) == 0;
    default: return false;
    }
}

static int files_sync(void *context, const char *name)
{
    struct disk *disk = context;
    const int error = operate(disk);
    if (disk->is_off || is_sync_left_out(disk, name)) {
        return error;
    }
    struct file *file = &disk->files[disk_file(disk, name)];
    if (error != 0) {
        keep_some(disk, file, file->count);
    } else {
        keep_all(file, file->count);
    }
    return error;
}

static int files_rename(void *context, const char *from, const char *to)
{
    struct disk *disk = context;
    const int error = operate(disk);
    if (error == 0) {
        set_name(disk, to, disk_file(disk, from));
        set_name(disk, from, NONE);
    }
    return error;
}

static int files_remove(void *context, const char *name)
{
    struct disk *disk = context;
    const int error = operate(disk);
    if (error == 0 && find_name(disk, name) != NULL) {
        set_name(disk, name, NONE);
    }
    return error;
}

static int files_sync_folder(void *context)
{
    struct disk *disk = context;
    const int error = operate(disk);
    for (uint32_t i = 0; i < disk->name_count && error == 0 && disk->fault != FAULT_NO_FOLDER_SYNC; i++) {
        disk->names[i].kept = disk->names[i].seen;
        disk->names[i].count = 0;
    }
    return error;
}

struct aof_files disk_files(struct disk *disk)
{
    return (struct aof_files){disk,       files_open,   files_close,  files_create,     files_write,
                              files_sync, files_rename, files_remove, files_sync_folder};
}

/* --- what a log is written by --- */

int64_t disk_write(struct disk *disk, uint32_t at, uint64_t offset, struct bytes bytes)
{
    struct file *file = &disk->files[at];
    const int error = operate(disk);
    if (disk->is_off) {
        return -error;
    }
    const bool is_short = error != 0 || chance(disk, 50);
    const size_t len = is_short ? (size_t)random_below(&disk->random, bytes.len) : bytes.len;
    file->in_flight = file->count;
    put(file, offset, (struct bytes){bytes.data, len});
    if (error != 0) {
        return chance(disk, 700) ? -ENOSPC : -EIO;
    }
    return len == 0 ? -EINTR : (int64_t)len;
}

void disk_write_done(struct disk *disk, uint32_t at)
{
    disk->files[at].in_flight = SIZE_MAX;
}

int disk_truncate(struct disk *disk, uint32_t at, uint64_t bytes)
{
    struct file *file = &disk->files[at];
    const int error = operate(disk);
    if (error != 0) {
        return error;
    }
    const uint64_t sectors = (file->seen.size + SECTOR - 1) / SECTOR;
    set_size(&file->seen, bytes);
    for (uint64_t sector = bytes / SECTOR; sector < sectors; sector++) {
        add_version(file, sector);
    }
    return 0;
}

void disk_sync_begin(struct disk *disk, uint32_t at)
{
    struct file *file = &disk->files[at];
    file->syncing = file->in_flight == SIZE_MAX ? file->count : file->in_flight;
}

int disk_sync_end(struct disk *disk, uint32_t at)
{
    struct file *file = &disk->files[at];
    const int error = operate(disk);
    if (disk->is_off || disk->fault == FAULT_NO_SYNC) {
        return error;
    }
    if (error != 0) {
        keep_some(disk, file, file->syncing);
    } else {
        keep_all(file, file->syncing);
    }
    return error;
}

/* --- the end of a life --- */

static void forget_what_was_under_way(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->file_count; i++) {
        disk->files[i].in_flight = SIZE_MAX;
        disk->files[i].syncing = 0;
    }
    disk->is_off = false;
    disk->operations_left = UINT64_MAX;
    disk->fail_of_thousand = 0;
}

void disk_kill(struct disk *disk)
{
    forget_what_was_under_way(disk);
}

void disk_crash(struct disk *disk)
{
    forget_what_was_under_way(disk);
    for (uint32_t i = 0; i < disk->file_count; i++) {
        struct file *file = &disk->files[i];
        keep_some(disk, file, file->count);
        set_size(&file->seen, 0);
        set_size(&file->seen, file->kept.size);
        if (file->kept.size > 0) {
            memcpy(file->seen.bytes, file->kept.bytes, file->kept.size);
        }
    }
    const uint64_t mode = random_below(&disk->random, 4);
    for (uint32_t i = 0; i < disk->name_count; i++) {
        struct name *name = &disk->names[i];
        const uint64_t at = mode == 0 ? 0 : mode == 1 ? name->count : random_below(&disk->random, name->count + 1);
        name->kept = at == 0 ? name->kept : name->between[at - 1];
        name->seen = name->kept;
        name->count = 0;
    }
}
