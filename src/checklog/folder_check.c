/* folder_check.c - see folder_check.h.  */
#include "checklog/folder_check.h"

#include "aof/run.h"
#include "checklog/base_check.h"
#include "checklog/moment.h"
#include "checklog/set_aside.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

struct folder_state {
    const struct aof_files *files;
    struct aof_manifest manifest;
    bool is_good;
    uint32_t damaged; /* the first generation of the run that has damage; generation_count: none */
};

static void print_warning(void *context, const char *text)
{
    (void)context;
    printf("%s\n", text);
}

static void check_bases(struct folder_state *state, const char *path, const struct aof_folder *folder)
{
    for (uint32_t i = 0; i < state->manifest.base_count; i++) {
        state->is_good = base_check_in(path, folder, &state->manifest.bases[i]) && state->is_good;
    }
}

/* The sequence of the log's first frame; 0: whatever it has, as the one before is not sealed. */
static uint64_t first_of(const struct aof_manifest *manifest, uint32_t at, uint32_t shard)
{
    const struct aof_log *log = &manifest->generations[at].logs[shard];
    if (log->first != 0) {
        return log->first;
    }
    const struct aof_log *before = &manifest->generations[at - 1].logs[shard];
    return before->end_offset == 0 ? 0 : before->end + 1;
}

static void check_generations(struct folder_state *state, enum log_detail detail)
{
    const struct aof_manifest *manifest = &state->manifest;
    state->damaged = manifest->generation_count;
    for (uint32_t k = 0; k < manifest->generation_count; k++) {
        const struct aof_generation *generation = &manifest->generations[k];
        const bool is_sealed = generation->logs[0].end_offset != 0;
        printf("generation %" PRIu64 ": %u shards%s\n", generation->number, generation->shard_count, is_sealed ? ", sealed" : "");
        for (uint32_t i = 0; i < generation->shard_count; i++) {
            const struct aof_log *log = &generation->logs[i];
            if (log->end_offset == AOF_HEADER_BYTES) {
                printf("%s: nothing of it counts\n", log->name);
                continue;
            }
            const struct log_check check = log_check(state->files, log->name, first_of(manifest, k, i), log->end_offset, detail);
            if (is_sealed && !check.is_good && state->damaged == manifest->generation_count) {
                state->damaged = aof_manifest_run_of(manifest, k);
            }
        }
    }
    state->is_good = state->is_good && state->damaged == manifest->generation_count;
}

static void print_cut(const struct aof_recovery *recovery)
{
    for (uint32_t k = recovery->run; k < recovery->manifest.generation_count; k++) {
        for (uint32_t i = 0; i < recovery->manifest.generations[k].shard_count; i++) {
            const struct aof_log_end *end = &recovery->ends[k - recovery->run][i];
            printf("%s: the cut is behind frame %" PRIu64 ", at offset %" PRIu64 "\n", recovery->manifest.generations[k].logs[i].name, end->cut,
                   end->cut_offset);
        }
    }
    printf("cut off: %" PRIu64 " units, %" PRIu64 " whole frames, %" PRIu64 " records, %" PRIu64 " bytes of %u torn tails\n", recovery->units_cut,
           recovery->frames_cut, recovery->records_cut, recovery->torn_bytes, recovery->torn_count);
}

static void check_cut(struct folder_state *state)
{
    struct aof_recovery recovery;
    const struct aof_recovery_options options = {.goes_on = true, .warn = print_warning};
    const enum aof_recovery_status status = aof_recovery_open(&recovery, state->files, &options);
    if (status == AOF_RECOVERY_OK || status == AOF_RECOVERY_DAMAGE) {
        print_cut(&recovery);
    }
    if (status != AOF_RECOVERY_OK) {
        printf("%s: offset %" PRIu64 ": %s: %s\n", recovery.file, recovery.offset, status == AOF_RECOVERY_DAMAGE ? "DAMAGE" : "refused",
               status == AOF_RECOVERY_SYSTEM ? strerror(recovery.error) : recovery.fault == NULL ? "no memory" : recovery.fault);
    }
    if (status == AOF_RECOVERY_DAMAGE && state->damaged == state->manifest.generation_count) {
        state->damaged = recovery.run;
    }
    state->is_good = state->is_good && status == AOF_RECOVERY_OK;
    aof_recovery_close(&recovery);
}

/* The manifest without what comes behind the damaged run. */
static bool end_with_damaged(const struct folder_state *state, struct aof_manifest *out)
{
    const struct aof_manifest *manifest = &state->manifest;
    bool is_done = aof_manifest_create(out);
    memcpy(out->bases, manifest->bases, sizeof out->bases);
    out->base_count = manifest->base_count;
    for (uint32_t k = 0; k < manifest->generation_count && is_done; k++) {
        if (k > state->damaged && aof_manifest_run_of(manifest, k) != state->damaged) {
            printf("generation %" PRIu64 " is left out: it needs what is damaged\n", manifest->generations[k].number);
        } else {
            is_done = aof_manifest_add_copy(out, &manifest->generations[k]) != NULL;
        }
    }
    if (!is_done) {
        aof_manifest_destroy(out);
    }
    return is_done;
}

static int fix(const struct folder_state *state, const char *path, const char *prefix)
{
    char name[PATH_MAX];
    struct aof_manifest manifest;
    struct aof_recovery recovery;
    const struct aof_recovery_options options = {.salvages = true, .warn = print_warning};
    if (state->damaged == state->manifest.generation_count) {
        printf("nothing in the logs can be repaired\n");
        return 2;
    }
    snprintf(name, sizeof name, "%s/%s%s", path, prefix, AOF_MANIFEST_NAME);
    if (!end_with_damaged(state, &manifest)) {
        printf("no memory\n");
        return 2;
    }
    if (!set_aside(name)) {
        aof_manifest_destroy(&manifest);
        return 2;
    }
    const enum aof_recovery_status status = aof_recovery_open_manifest(&recovery, &manifest, state->files, &options);
    const int error = status == AOF_RECOVERY_OK ? aof_run_seal(&recovery, state->files) : status == AOF_RECOVERY_SYSTEM ? recovery.error : ENOMEM;
    if (error != 0) {
        printf("%s: %s\n", path, strerror(error));
    } else {
        print_cut(&recovery);
        printf("%s: the new manifest ends the logs there; the logs are as they were\n", path);
    }
    aof_recovery_close(&recovery);
    return error == 0 ? 0 : 2;
}

int folder_check(const char *path, enum log_detail detail, bool with_fix)
{
    const char *fault;
    uint32_t line;
    struct aof_folder *folder = aof_folder_open_only_log(path);
    if (folder == NULL) {
        printf("%s: %s\n", path, errno == ENOTUNIQ ? SEVERAL_LOGS : strerror(errno));
        return 2;
    }
    const struct aof_files files = aof_folder_files(folder);
    struct folder_state state = {.files = &files, .is_good = true};
    const int error = aof_files_read_manifest(&files, &state.manifest, &fault, &line);
    int exit_status = 1;
    if (error != 0) {
        printf("%s: line %u: DAMAGE: %s\n", AOF_MANIFEST_NAME, line, fault != NULL ? fault : strerror(error));
        exit_status = with_fix ? 2 : 1;
    } else {
        check_bases(&state, path, folder);
        check_generations(&state, detail);
        check_cut(&state);
        exit_status = state.is_good ? 0 : with_fix ? fix(&state, path, aof_folder_prefix(folder)) : 1;
        printf("%s: %s\n", path, state.is_good ? "good" : with_fix && exit_status == 0 ? "repaired" : "NOT good");
        aof_manifest_destroy(&state.manifest);
    }
    aof_folder_close(folder);
    return exit_status;
}
