/* base_check.c - see base_check.h.  */
#include "checklog/base_check.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "survey/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* An empty file has no bytes to map. NULL: it is there. Otherwise what is wrong. */
static const char *map_file(const char *path, struct bytes *out)
{
    struct stat status;
    const char *fault = NULL;
    void *data = NULL;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return strerror(errno);
    }
    if (fstat(file, &status) != 0) {
        fault = strerror(errno);
    } else if (!S_ISREG(status.st_mode)) {
        fault = "this is no regular file";
    } else if (status.st_size > 0) {
        data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        fault = data == MAP_FAILED ? strerror(errno) : NULL;
    }
    *out = fault == NULL ? (struct bytes){data, (size_t)status.st_size} : (struct bytes){NULL, 0};
    close(file);
    return fault;
}

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
    const char *fault = map_file(path, &file);
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
    if (file.len > 0) {
        munmap((void *)(uintptr_t)file.data, file.len);
    }
    return is_whole;
}
