/* base_check.c - see base_check.h.  */
#include "checklog/base_check.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "survey/survey.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static void print_result(const struct survey *survey, const char *name)
{
    printf("%s: a base, %" PRIu64 " bytes, an RDB file: %" PRIu64 " keys, %" PRIu64 " libraries\n", name, survey->file_bytes, survey->keys,
           survey->libraries);
    for (uint64_t i = 0; i < survey->fault_count && i < SURVEY_FAULTS_MAX; i++) {
        printf("%s: offset %" PRIu64 ": DAMAGE: %s\n", name, (uint64_t)survey->faults[i].at, survey->faults[i].sentence);
    }
    if (survey->fault_count > SURVEY_FAULTS_MAX) {
        printf("%s: and %" PRIu64 " more\n", name, survey->fault_count - SURVEY_FAULTS_MAX);
    }
}

bool base_check(const char *path, const char *name)
{
    struct bytes file;
    const struct survey_options options = {.reads_values = true, .now_ms = clock_wall_ms()};
    const char *fault = survey_map_file(path, &file);
    if (fault != NULL) {
        printf("%s: %s\n", name, fault);
        return false;
    }
    struct survey *survey = thread_alloc_zeroed(MEM_SERVER, sizeof *survey);
    const bool is_done = survey != NULL && survey_run(survey, file, &options) == SURVEY_DONE;
    const bool is_whole = is_done && survey->fault_count == 0;
    if (is_done) {
        print_result(survey, name);
    } else {
        printf("%s: no memory\n", name);
    }
    if (survey != NULL) {
        thread_free(MEM_SERVER, survey, sizeof *survey);
    }
    survey_unmap_file(file);
    return is_whole;
}

bool base_check_in(const char *path, const struct aof_folder *folder, const struct aof_base *base)
{
    char name[PATH_MAX];
    struct stat status;
    snprintf(name, sizeof name, "%s/%s%s", path, aof_folder_prefix(folder), base->name);
    const bool has_bytes = stat(name, &status) != 0 || (uint64_t)status.st_size == base->bytes;
    if (!has_bytes) {
        printf("%s: DAMAGE: it has %" PRIu64 " bytes, the manifest says %" PRIu64 "\n", base->name, (uint64_t)status.st_size, base->bytes);
    }
    return base_check(name, base->name) && has_bytes;
}
