/* run.c - the manifest as it changes, on a copy that takes the place of the old one when it is on disk.  */
#include "aof/run.h"

#include <assert.h>
#include <errno.h>

enum { COPY_BYTES = 1 << 20 };

/* --- what was read is on disk --- */

static int write_again(const struct aof_files *files, const char *name, uint64_t from, uint64_t to)
{
    struct aof_source source;
    struct buffer bytes = BUFFER_EMPTY(MEM_SNAPSHOT);
    int error = files->open(files->context, name, &source);
    if (error != 0) {
        return error;
    }
    error = to <= source.bytes ? 0 : EIO;
    while (from < to && error == 0) {
        bytes.len = to - from < COPY_BYTES ? (size_t)(to - from) : COPY_BYTES;
        if (bytes.capacity < bytes.len) {
            const size_t len = bytes.len;
            bytes.len = 0;
            if (!buffer_reserve_exactly(&bytes, len)) {
                error = ENOMEM;
                break;
            }
            bytes.len = len;
        }
        error = source.read(source.context, from, bytes.data, bytes.len) ? 0 : errno;
        error = error != 0 ? error : files->write(files->context, name, from, buffer_bytes(&bytes));
        from += bytes.len;
    }
    files->close(files->context, &source);
    buffer_release(&bytes);
    return error;
}

static int secure_log(const struct aof_files *files, const char *name, const struct aof_log_end *end)
{
    int error = 0;
    if (end->cut_offset == AOF_HEADER_BYTES) {
        return 0; /* nothing of it counts, nobody will open it */
    }
    if (end->synced_offset < end->cut_offset) {
        error = write_again(files, name, end->synced_offset, end->cut_offset);
    }
    return error != 0 ? error : files->sync(files->context, name);
}

static int secure_and_seal(const struct aof_recovery *recovery, const struct aof_files *files, struct aof_manifest *manifest)
{
    for (uint32_t k = recovery->run; k < recovery->manifest.generation_count; k++) {
        for (uint32_t i = 0; i < manifest->generations[k].shard_count; i++) {
            const struct aof_log_end *end = &recovery->ends[k - recovery->run][i];
            struct aof_log *log = &manifest->generations[k].logs[i];
            const int error = secure_log(files, log->name, end);
            if (error != 0) {
                return error;
            }
            log->end = end->cut;
            log->end_offset = end->cut_offset;
        }
    }
    return 0;
}

/* --- changes --- */

int aof_run_create_logs(const struct aof_files *files, const struct aof_header *headers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[AOF_NAME_MAX + 1];
        aof_log_name(headers[i].generation, i, name);
        const int error = aof_files_create_log(files, name, &headers[i]);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

/* Adds the generation to the list. `first` NULL: it follows. */
static int list_generation(struct aof_manifest *manifest, const struct aof_header *headers, uint32_t count, const uint64_t *first)
{
    struct aof_generation *generation = aof_manifest_add(manifest, headers[0].generation, count);
    if (generation == NULL) {
        return manifest->generation_count == AOF_GENERATIONS_MAX ? E2BIG : ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        assert(headers[i].generation == headers[0].generation && headers[i].shard == i && headers[i].shard_count == count);
        generation->logs[i].file_id = headers[i].file_id;
        generation->logs[i].first = first == NULL ? 0 : first[i];
    }
    return 0;
}

static int add_generation(struct aof_manifest *manifest, const struct aof_files *files, const struct aof_header *headers, uint32_t count,
                          const uint64_t *first)
{
    const int error = list_generation(manifest, headers, count, first);
    return error != 0 ? error : aof_run_create_logs(files, headers, count);
}

/* The copy, if there is no error yet, goes to the disk and takes the place of *manifest. */
static int decide(struct aof_manifest *manifest, const struct aof_files *files, struct aof_manifest *copy, int error)
{
    error = error != 0 ? error : aof_files_replace_manifest(files, copy);
    if (error != 0) {
        aof_manifest_destroy(copy);
        return error;
    }
    aof_manifest_destroy(manifest);
    *manifest = *copy;
    return 0;
}

int aof_run_begin(const struct aof_recovery *recovery, const struct aof_files *files, const struct aof_header *headers, uint32_t count,
                  struct aof_manifest *out)
{
    struct aof_manifest copy;
    if (!aof_manifest_copy(&recovery->manifest, &copy)) {
        return ENOMEM;
    }
    uint64_t first[AOF_SHARDS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        first[i] = 1;
    }
    int error = secure_and_seal(recovery, files, &copy);
    if (error == 0) {
        aof_manifest_drop_empty(&copy); /* else a server that dies at its start again and again would use up all generations */
        error = add_generation(&copy, files, headers, count, first);
    }
    *out = (struct aof_manifest){0};
    error = decide(out, files, &copy, error);
    if (error == 0) {
        aof_run_remove(files, &recovery->manifest, out);
    }
    return error;
}

int aof_run_seal(const struct aof_recovery *recovery, const struct aof_files *files)
{
    struct aof_manifest copy;
    struct aof_manifest out = {0};
    if (!aof_manifest_copy(&recovery->manifest, &copy)) {
        return ENOMEM;
    }
    const int error = decide(&out, files, &copy, secure_and_seal(recovery, files, &copy));
    aof_manifest_destroy(&out);
    return error;
}

int aof_run_add(struct aof_manifest *manifest, const struct aof_files *files, const struct aof_header *headers)
{
    struct aof_manifest copy;
    assert(manifest->generation_count > 0);
    if (manifest->generation_count >= AOF_GENERATIONS_FOLLOW_MAX) {
        return E2BIG;
    }
    if (!aof_manifest_copy(manifest, &copy)) {
        return ENOMEM;
    }
    const uint32_t count = manifest->generations[manifest->generation_count - 1].shard_count;
    const int error = add_generation(&copy, files, headers, count, NULL);
    return decide(manifest, files, &copy, error);
}

/* Which generation has that number; generation_count: none. */
static uint32_t find_generation(const struct aof_manifest *manifest, uint64_t number)
{
    uint32_t at = 0;
    while (at < manifest->generation_count && manifest->generations[at].number != number) {
        at++;
    }
    return at;
}

/* Drops what the base has; the logs of the first generation that stays begin anew. */
static int put_base(struct aof_manifest *manifest, const struct aof_header *headers, const uint64_t *first)
{
    const uint32_t at = find_generation(manifest, headers[0].generation);
    const bool is_new = at == manifest->generation_count;
    aof_manifest_drop(manifest, at);
    if (is_new) {
        return list_generation(manifest, headers, headers[0].shard_count, first);
    }
    for (uint32_t i = 0; i < manifest->generations[0].shard_count; i++) {
        manifest->generations[0].logs[i].first = first[i];
    }
    return 0;
}

int aof_run_set_base(struct aof_manifest *manifest, const struct aof_files *files, const struct aof_cover *cover)
{
    struct aof_manifest copy;
    assert(cover->base_count <= AOF_BASES_MAX);
    if (!aof_manifest_copy(manifest, &copy)) {
        return ENOMEM;
    }
    memcpy(copy.bases, cover->bases, cover->base_count * sizeof *cover->bases);
    copy.base_count = cover->base_count;
    return decide(manifest, files, &copy, put_base(&copy, cover->headers, cover->first));
}

static bool has_base(const struct aof_manifest *manifest, const char *name)
{
    for (uint32_t i = 0; i < manifest->base_count; i++) {
        if (strcmp(manifest->bases[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void aof_run_remove(const struct aof_files *files, const struct aof_manifest *before, const struct aof_manifest *after)
{
    for (uint32_t i = 0; i < before->base_count; i++) {
        if (!has_base(after, before->bases[i].name)) {
            files->remove(files->context, before->bases[i].name);
        }
    }
    for (uint32_t k = 0; k < before->generation_count; k++) {
        const struct aof_generation *generation = &before->generations[k];
        const bool is_kept = find_generation(after, generation->number) < after->generation_count;
        for (uint32_t i = 0; i < generation->shard_count && !is_kept; i++) {
            files->remove(files->context, generation->logs[i].name);
        }
    }
}
