/* until.c - recoveries of one run each, in order, up to the one that the moment lies in.  */
#include "aof/until.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

/* A run of the manifest: generations [at, end). */
struct part {
    const struct aof_manifest *manifest;
    uint32_t at, end;
};

static struct part part_at(const struct aof_manifest *manifest, uint32_t at)
{
    struct part part = {manifest, at, at + 1};
    while (part.end < manifest->generation_count && aof_manifest_run_of(manifest, part.end) == at) {
        part.end++;
    }
    return part;
}

/* The run as a manifest of its own. */
static bool copy_part(const struct part *part, struct aof_manifest *out)
{
    bool is_copied = aof_manifest_create(out);
    for (uint32_t k = part->at; k < part->end && is_copied; k++) {
        is_copied = aof_manifest_add_copy(out, &part->manifest->generations[k]) != NULL;
    }
    if (!is_copied) {
        aof_manifest_destroy(out);
    }
    return is_copied;
}

/* The wall clock of the first header of the run that can be read: nothing of the run is earlier. INT64_MIN: none can. */
static int64_t begin_of(const struct part *part, const struct aof_files *files)
{
    const struct aof_generation *generation = &part->manifest->generations[part->at];
    int64_t begin_ms = INT64_MIN;
    for (uint32_t i = 0; i < generation->shard_count && begin_ms == INT64_MIN; i++) {
        struct aof_source source;
        struct aof_reader reader;
        if (files->open(files->context, generation->logs[i].name, &source) != 0) {
            continue;
        }
        if (aof_reader_open(&reader, &source, 0) == AOF_READ_OK && reader.header.file_id == generation->logs[i].file_id) {
            begin_ms = reader.header.wall_ms;
        }
        aof_reader_close(&reader);
        files->close(files->context, &source);
    }
    return begin_ms;
}

static bool counts(const struct aof_recovery *recovery, uint32_t generation)
{
    for (uint32_t i = 0; i < recovery->manifest.generations[generation].shard_count; i++) {
        if (recovery->ends[generation][i].cut_offset != AOF_HEADER_BYTES) {
            return true;
        }
    }
    return false;
}

/* The run with the ends that the recovery has found; its last generations only if something of them counts. */
static bool add_cut(struct aof_until *out, const struct aof_recovery *recovery)
{
    uint32_t end = recovery->manifest.generation_count;
    while (end > 0 && !counts(recovery, end - 1)) {
        end--;
    }
    end = end == 0 && out->manifest.generation_count == 0 ? 1 : end; /* a manifest has one at least */
    for (uint32_t k = 0; k < end; k++) {
        struct aof_generation *generation = aof_manifest_add_copy(&out->manifest, &recovery->manifest.generations[k]);
        if (generation == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < generation->shard_count; i++) {
            generation->logs[i].end = recovery->ends[k][i].cut;
            generation->logs[i].end_offset = recovery->ends[k][i].cut_offset;
        }
    }
    out->is_past = recovery->is_past;
    out->units_cut = recovery->units_cut;
    out->frames_cut = recovery->frames_cut;
    out->records_cut = recovery->records_cut;
    out->torn_count = recovery->torn_count;
    return true;
}

static void tell_place(struct aof_until *out, const struct aof_recovery *recovery, int64_t begin_ms)
{
    memcpy(out->file, recovery->file, sizeof out->file);
    out->offset = recovery->offset;
    out->fault = recovery->fault;
    out->error = recovery->error;
    out->before_ms = recovery->before_ms != INT64_MIN ? recovery->before_ms : begin_ms;
}

/* Reads the run, and adds it. */
static enum aof_recovery_status add_part(struct aof_until *out, const struct part *part, const struct aof_files *files,
                                         const struct aof_recovery_options *options, int64_t begin_ms)
{
    struct aof_manifest copy;
    struct aof_recovery recovery;
    const bool is_sealed = part->manifest->generations[part->at].logs[0].end_offset != 0;
    if (!copy_part(part, &copy)) {
        return AOF_RECOVERY_NO_MEMORY;
    }
    enum aof_recovery_status status = aof_recovery_open_manifest(&recovery, &copy, files, options);
    if (status != AOF_RECOVERY_OK) {
        tell_place(out, &recovery, begin_ms);
    } else if (recovery.is_past || !is_sealed) {
        status = add_cut(out, &recovery) ? status : AOF_RECOVERY_NO_MEMORY;
    } else {
        for (uint32_t k = part->at; k < part->end && status == AOF_RECOVERY_OK; k++) { /* what was decided stays so */
            const bool is_added = aof_manifest_add_copy(&out->manifest, &part->manifest->generations[k]) != NULL;
            status = is_added ? status : AOF_RECOVERY_NO_MEMORY;
        }
    }
    aof_recovery_close(&recovery);
    return status;
}

/* Nothing of the run counts. */
static bool leave_part(struct aof_until *out, const struct part *part)
{
    out->is_past = true;
    if (out->manifest.generation_count > 0) {
        return true;
    }
    struct aof_generation *first = aof_manifest_add_copy(&out->manifest, &part->manifest->generations[part->at]);
    for (uint32_t i = 0; first != NULL && i < first->shard_count; i++) {
        first->logs[i].end = first->logs[i].first - 1;
        first->logs[i].end_offset = AOF_HEADER_BYTES;
    }
    return first != NULL;
}

static enum aof_recovery_status add_parts(struct aof_until *out, const struct aof_manifest *manifest, const struct aof_files *files,
                                          const struct aof_recovery_options *options)
{
    enum aof_recovery_status status = AOF_RECOVERY_OK;
    struct part part = {.end = 0};
    while (part.end < manifest->generation_count && status == AOF_RECOVERY_OK && !out->is_past) {
        part = part_at(manifest, part.end);
        const int64_t begin_ms = begin_of(&part, files);
        if (begin_ms > options->until_ms) {
            status = leave_part(out, &part) ? status : AOF_RECOVERY_NO_MEMORY;
        } else {
            status = add_part(out, &part, files, options, begin_ms);
        }
    }
    return status;
}

enum aof_recovery_status aof_until_find(struct aof_until *out, const struct aof_manifest *manifest, const struct aof_files *files,
                                        const struct aof_recovery_options *options)
{
    const struct aof_recovery_options own = {.until_ms = options->until_ms, .warn = options->warn, .context = options->context};
    assert(options->until_ms != 0);
    *out = (struct aof_until){.before_ms = INT64_MIN};
    if (!aof_manifest_create(&out->manifest)) {
        return AOF_RECOVERY_NO_MEMORY;
    }
    memcpy(out->manifest.bases, manifest->bases, sizeof out->manifest.bases);
    out->manifest.base_count = manifest->base_count;
    const enum aof_recovery_status status = add_parts(out, manifest, files, &own);
    if (status != AOF_RECOVERY_OK) {
        aof_until_release(out);
    }
    return status;
}

void aof_until_release(struct aof_until *until)
{
    aof_manifest_destroy(&until->manifest);
}
