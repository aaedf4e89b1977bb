/* folder_list.c - see folder_list.h.  */
#include "checklog/folder_list.h"

#include "base/time_text.h"
#include "checklog/base_check.h"
#include "checklog/moment.h"
#include "checklog/span.h"

#include <inttypes.h>
#include <stdio.h>

static bool list_files(const struct moment_source *source, const struct aof_manifest *manifest, struct span *all)
{
    char from[TIME_TEXT_MAX];
    char to[TIME_TEXT_MAX];
    for (uint32_t i = 0; i < manifest->base_count; i++) {
        if (!base_check_in(source->path, source->folder, &manifest->bases[i])) {
            return false;
        }
        all->bytes += manifest->bases[i].bytes;
    }
    for (uint32_t k = 0; k < manifest->generation_count; k++) {
        struct span span = {0};
        const struct aof_generation *generation = &manifest->generations[k];
        if (!span_add_generation(&span, &source->files, manifest, k)) {
            return false;
        }
        printf("generation %" PRIu64 ": %u shards, %" PRIu64 " frames, %" PRIu64 " records, %" PRIu64 " bytes", generation->number,
               generation->shard_count, span.frames, span.records, span.bytes);
        if (span.frames > 0) {
            printf(", %s to %s", time_format(span.earliest_ms, from), time_format(span.latest_ms, to));
        }
        putchar('\n');
        span_add_span(all, &span);
    }
    return true;
}

static void list_moments(const struct moment_source *source, const struct span *all, int64_t until_ms)
{
    char text[TIME_TEXT_MAX];
    const bool is_known = source->earliest_ms != INT64_MIN;
    int64_t latest_ms = all->frames > 0 && all->latest_ms < until_ms ? all->latest_ms : until_ms;
    if (until_ms == INT64_MAX && all->frames == 0) {
        latest_ms = source->earliest_ms;
    }
    latest_ms = latest_ms < source->earliest_ms ? source->earliest_ms : latest_ms;
    printf("earliest: %s\n", is_known ? time_format(source->earliest_ms, text) : "not known");
    printf("latest: %s\n", is_known || all->frames > 0 ? time_format(latest_ms, text) : "not known");
    printf("bytes: %" PRIu64 "\n", all->bytes);
}

int folder_list(const char *path)
{
    struct moment_source source;
    struct aof_until until;
    struct span all = {0};
    int64_t latest_ms = INT64_MAX;
    int exit_status = moment_open(path, &source);
    if (exit_status != EXIT_GOOD) {
        return exit_status;
    }
    const enum aof_recovery_status status = moment_find_latest(&source, &latest_ms, &until);
    if (status == AOF_RECOVERY_OK) {
        const bool is_listed = list_files(&source, &until.manifest, &all);
        exit_status = is_listed && latest_ms == INT64_MAX ? EXIT_GOOD : EXIT_DAMAGED;
        if (is_listed) {
            list_moments(&source, &all, latest_ms);
        }
        aof_until_release(&until);
    } else {
        exit_status = status == AOF_RECOVERY_DAMAGE ? EXIT_DAMAGED : EXIT_REFUSED;
    }
    moment_close(&source);
    return exit_status;
}
