/* main.c - tessera-check-log: what a log, a folder of logs, or an append-only file of Redis has in it, and what of it is damaged.
 *
 * Exit status: 0 good, or repaired; 1 not good; 2 it could not be looked at or repaired.  */
#include "aof/files.h"
#include "base/time_text.h"
#include "checklog/folder_check.h"
#include "checklog/folder_list.h"
#include "checklog/folder_restore.h"
#include "checklog/redis_check.h"
#include "mem/heap.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "Usage: tessera-check-log [--frames | --records] [--fix] FOLDER | FILE\n"
    "       tessera-check-log --list FOLDER\n"
    "       tessera-check-log --until TIME --out NEWFOLDER FOLDER\n"
    "\n"
    "Shows the logs of a folder with a " AOF_MANIFEST_NAME ", where each ends, the cut over all of them, and what is damaged, with file\n"
    "and offset. A log may be shown by itself. Append-only files of Redis, alone or in a folder with their manifest, are checked, too.\n"
    "\n"
    "  --frames    a line for each frame\n"
    "  --records   and one for each record\n"
    "  --fix       leaves out what is damaged, and all that needs it; what is changed is copied aside before\n"
    "  --list      the earliest and the latest moment that can be restored, and how many bytes are needed\n"
    "  --until     copies to the folder of --out, which is new or empty, what was there at TIME: what the logs say was written at or\n"
    "              before it; a command over several shards of which one part came later is left out whole, and what follows it there.\n"
    "              FOLDER is only read: it may be a copy. TIME: 2026-10-05T14:30:00+02:00, 2026-10-05 12:30:00.250 (without a zone: UTC),\n"
    "              or seconds since 1970, 1791203400.25. Where the clock was set back, a log ends at the first frame that is later.\n"
    "\n"
    "Only when no server uses the folder. Exit status: 0 good, or repaired; 1 not good; 2 it could not be looked at or repaired.\n";

struct request {
    const char *path;
    enum log_detail detail;
    bool with_fix, is_list;
    bool is_told; /* what is wrong with the options */
    const char *out;
    int64_t until_ms; /* 0: none */
};

/* The first bytes of a file; less: it has less, or cannot be read. */
static size_t read_start(const char *path, char *out, size_t len)
{
    FILE *file = fopen(path, "rbe");
    const size_t got = file == NULL ? 0 : fread(out, 1, len, file);
    if (file != NULL) {
        fclose(file);
    }
    return got;
}

static bool begins_with(const char *path, const char *text)
{
    char start[16];
    const size_t len = strlen(text);
    return read_start(path, start, len) == len && memcmp(start, text, len) == 0;
}

/* The manifest of Redis in the folder: a name that ends with .manifest, and lines that begin with "file ". */
static bool find_redis_manifest(const char *path, char out[PATH_MAX])
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool is_found = false;
    while (folder != NULL && !is_found && (entry = readdir(folder)) != NULL) {
        const size_t len = strlen(entry->d_name);
        const size_t end = strlen(".manifest");
        is_found = len > end && strcmp(entry->d_name + len - end, ".manifest") == 0 &&
                   snprintf(out, PATH_MAX, "%s/%s", path, entry->d_name) < PATH_MAX && begins_with(out, "file ");
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return is_found;
}

static int check_folder(const struct request *request)
{
    char name[PATH_MAX];
    char prefix[AOF_PREFIX_MAX + 1];
    if (aof_folder_find_logs(request->path, prefix) > 0) {
        return folder_check(request->path, request->detail, request->with_fix);
    }
    if (find_redis_manifest(request->path, name)) {
        return redis_check_manifest(name, request->with_fix);
    }
    printf("%s: neither a " AOF_MANIFEST_NAME " nor a manifest of Redis is there\n", request->path);
    return 2;
}

static int check_file(const struct request *request)
{
    if (begins_with(request->path, "TSLOG")) {
        return log_check_file(request->path, request->detail, request->with_fix);
    }
    if (begins_with(request->path, "tessera-log ")) {
        printf("%s: a manifest: name its folder\n", request->path);
        return 2;
    }
    if (begins_with(request->path, "file ")) {
        return redis_check_manifest(request->path, request->with_fix);
    }
    return redis_check_file(request->path, request->with_fix);
}

/* --until TIME, --out FOLDER. False: it is neither, or what follows is none; that has been said. */
static bool read_value(const char *name, const char *value, struct request *out)
{
    if (strcmp(name, "--out") == 0 && value != NULL) {
        out->out = value;
        return true;
    }
    if (strcmp(name, "--until") != 0 || value == NULL) {
        return false;
    }
    if (!time_parse(bytes_of_string(value), &out->until_ms) || out->until_ms == 0) {
        printf("%s: this is no time: 2026-10-05T14:30:00+02:00, 2026-10-05 12:30 (UTC), or seconds since 1970\n", value);
        out->is_told = true;
        return false;
    }
    return true;
}

static bool options_fit(const struct request *request)
{
    const bool is_restore = request->out != NULL;
    const bool is_check = request->with_fix || request->detail != DETAIL_NONE;
    return request->path != NULL && (request->until_ms != 0) == is_restore && is_check + is_restore + request->is_list <= 1;
}

/* False: the usage is to be shown, unless it has been said what is wrong. */
static bool read_options(int argc, char **argv, struct request *out)
{
    bool has_words = true; /* no "--" yet */
    for (int i = 1; i < argc; i++) {
        if (!has_words || argv[i][0] != '-') {
            if (out->path != NULL) {
                return false;
            }
            out->path = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            has_words = false;
        } else if (strcmp(argv[i], "--fix") == 0) {
            out->with_fix = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            out->is_list = true;
        } else if (strcmp(argv[i], "--frames") == 0) {
            out->detail = DETAIL_FRAMES;
        } else if (strcmp(argv[i], "--records") == 0) {
            out->detail = DETAIL_RECORDS;
        } else if (read_value(argv[i], i + 1 < argc ? argv[i + 1] : NULL, out)) {
            i++;
        } else {
            return false;
        }
    }
    return options_fit(out);
}

int main(int argc, char **argv)
{
    struct stat stat_of_path;
    struct request request = {.path = NULL, .detail = DETAIL_NONE};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (!read_options(argc, argv, &request)) {
        if (!request.is_told) {
            fputs(usage, stderr);
        }
        return 2;
    }
    (void)thread_heap_register();
    if (request.is_list) {
        return folder_list(request.path);
    }
    if (request.out != NULL) {
        return folder_restore(request.path, request.out, request.until_ms);
    }
    if (stat(request.path, &stat_of_path) != 0) {
        printf("%s: %s\n", request.path, strerror(errno));
        return 2;
    }
    return S_ISDIR(stat_of_path.st_mode) ? check_folder(&request) : check_file(&request);
}
