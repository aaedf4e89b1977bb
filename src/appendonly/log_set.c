/* log_set.c - see log_set.h.  */
#include "appendonly/log_set.h"

#include "base/clock.h"
#include "shard/inbox.h"
#include "shard/key_lock.h"
#include "shard/log.h"
#include "shard/thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void appendonly_file_name(const struct appendonly *appendonly, const char *name, char out[APPENDONLY_NAME_MAX + 1])
{
    snprintf(out, APPENDONLY_NAME_MAX + 1, "%s%s", appendonly->prefix, name);
}

void appendonly_path(const struct appendonly *appendonly, const char *name, char out[APPENDONLY_PATH_BYTES])
{
    snprintf(out, APPENDONLY_PATH_BYTES, "%s/%s%s", appendonly->path, appendonly->prefix, name);
}

bool appendonly_draw_headers(struct appendonly *appendonly, struct aof_header *out)
{
    const uint32_t count = appendonly->server->shard_count;
    appendonly->last_generation++;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (struct aof_header){.generation = appendonly->last_generation, .shard = i, .shard_count = count, .wall_ms = clock_wall_ms()};
        if (!aof_draw_file_id(&out[i].file_id)) {
            return false;
        }
    }
    return true;
}

/* --- the folder --- */

bool appendonly_refuse(char error[APPENDONLY_ERROR_MAX], const char *path, const char *why)
{
    snprintf(error, APPENDONLY_ERROR_MAX, "the log's directory %.200s: %s", path, why);
    return false;
}

static bool ends_with(const char *text, const char *ending)
{
    const size_t len = strlen(text), ending_len = strlen(ending);
    return len >= ending_len && strcmp(text + len - ending_len, ending) == 0;
}

/* A manifest of Redis's has one of these names, in the directory that Redis calls by the same name. */
static bool has_redis_log(const char *path)
{
    DIR *folder = opendir(path);
    bool is_found = false;
    for (const struct dirent *entry; folder != NULL && !is_found && (entry = readdir(folder)) != NULL;) {
        is_found = ends_with(entry->d_name, ".manifest") && !ends_with(entry->d_name, AOF_MANIFEST_NAME);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return is_found;
}

/* A log with more than its header, by its name. */
static bool is_log_with_frames(int folder, const char *prefix, const char *name)
{
    struct stat state;
    const size_t len = strlen(prefix);
    return strncmp(name, prefix, len) == 0 && strncmp(name + len, "log.", 4) == 0 && fstatat(folder, name, &state, AT_SYMLINK_NOFOLLOW) == 0 && state.st_size > AOF_HEADER_BYTES;
}

/* Logs are there, and no manifest that says which of them count: they may be all that is left of somebody's data. (Of a start that was cut off
 * there are headers only.) */
static bool has_logs_without_manifest(const struct appendonly *appendonly)
{
    char manifest[APPENDONLY_PATH_BYTES];
    appendonly_path(appendonly, AOF_MANIFEST_NAME, manifest);
    DIR *folder = access(manifest, F_OK) == 0 ? NULL : opendir(appendonly->path);
    bool is_found = false;
    for (const struct dirent *entry; folder != NULL && !is_found && (entry = readdir(folder)) != NULL;) {
        is_found = is_log_with_frames(dirfd(folder), appendonly->prefix, entry->d_name);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return is_found;
}

bool appendonly_check_folder(const struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX])
{
    if (has_redis_log(appendonly->path)) {
        return appendonly_refuse(error, appendonly->path, "it has a log of Redis's; tools/import-aof takes that over");
    }
    if (has_logs_without_manifest(appendonly)) {
        return appendonly_refuse(error, appendonly->path, "it has logs, and no " AOF_MANIFEST_NAME " that says what of them counts; move them away to begin anew");
    }
    return true;
}

static void choose_prefix(struct appendonly *appendonly)
{
    struct config *config = appendonly->server->config;
    config_text_copy(config, &config->appendfilename, appendonly->prefix, sizeof appendonly->prefix - 1);
    const bool is_default = strcmp(appendonly->prefix, CONFIG_APPENDFILENAME) == 0;
    strcpy(appendonly->prefix + (is_default ? 0 : strlen(appendonly->prefix)), is_default ? "" : ".");
}

/* Where appendfilename has become another the old log is left aside, as Redis does: that is told. */
static void tell_of_other_logs(const struct appendonly *appendonly)
{
    char found[AOF_PREFIX_MAX + 1], path[APPENDONLY_PATH_BYTES];
    appendonly_path(appendonly, AOF_MANIFEST_NAME, path);
    if (aof_folder_find_logs(appendonly->path, found) > 0 && access(path, F_OK) != 0) {
        log_write(appendonly->server->config, LOG_LEVEL_WARNING, "The log's directory has a log of another appendfilename, which is not read: %s%s", found,
                  AOF_MANIFEST_NAME);
    }
}

bool appendonly_open_folder(struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX])
{
    struct config *config = appendonly->server->config;
    char name[256], cwd[3800];
    choose_prefix(appendonly);
    config_text_copy(config, &config->appenddirname, name, sizeof name);
    if (getcwd(cwd, sizeof cwd) == NULL) {
        return appendonly_refuse(error, name, strerror(errno));
    }
    snprintf(appendonly->path, sizeof appendonly->path, "%s/%s", cwd, name);
    if (mkdir(appendonly->path, 0755) != 0 && errno != EEXIST) {
        return appendonly_refuse(error, appendonly->path, strerror(errno));
    }
    appendonly->lock_fd = open(appendonly->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (appendonly->lock_fd < 0) {
        return appendonly_refuse(error, appendonly->path, strerror(errno));
    }
    if (flock(appendonly->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return appendonly_refuse(error, appendonly->path, errno == EWOULDBLOCK ? "another server uses it" : strerror(errno));
    }
    appendonly->folder = aof_folder_open(appendonly->path, appendonly->prefix);
    if (appendonly->folder == NULL) {
        return appendonly_refuse(error, appendonly->path, strerror(errno));
    }
    appendonly->files = aof_folder_files(appendonly->folder);
    tell_of_other_logs(appendonly);
    return true;
}

void appendonly_close_folder(struct appendonly *appendonly)
{
    aof_folder_close(appendonly->folder);
    appendonly->folder = NULL;
    if (appendonly->lock_fd >= 0) {
        close(appendonly->lock_fd);
    }
    appendonly->lock_fd = -1;
}

void appendonly_note_generations(struct appendonly *appendonly, const struct aof_manifest *manifest)
{
    if (manifest->generation_count > 0) {
        appendonly->last_generation = manifest->generations[manifest->generation_count - 1].number;
    }
}

/* Of a log that is to begin: so there never are logs without a manifest. */
static bool write_first_manifest(const struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX])
{
    const struct aof_manifest none = {0};
    const int failed = aof_files_replace_manifest(&appendonly->files, &none);
    return failed == 0 || appendonly_refuse(error, appendonly->path, strerror(failed));
}

/* What an earlier log has left: its files go when the new base is there. One that cannot be read stays where it is, and is replaced. */
static bool read_manifest(struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX])
{
    const char *fault;
    uint32_t line;
    const int failed = aof_files_read_manifest(&appendonly->files, &appendonly->manifest, &fault, &line);
    if (failed == 0) {
        appendonly_note_generations(appendonly, &appendonly->manifest);
        return true;
    }
    if (failed != ENOENT) {
        return appendonly_refuse(error, appendonly->path, fault != NULL ? fault : strerror(failed));
    }
    return write_first_manifest(appendonly, error) &&
           (aof_manifest_create(&appendonly->manifest) || appendonly_refuse(error, appendonly->path, "out of memory"));
}

/* Somebody has deleted it: it is made again. */
static bool folder_is_gone(const struct appendonly *appendonly)
{
    struct stat state;
    return fstat(appendonly->lock_fd, &state) == 0 && state.st_nlink == 0;
}

static bool take_folder(struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX])
{
    const bool is_first = appendonly->folder == NULL;
    appendonly_close_folder(appendonly);
    const bool is_taken = appendonly_open_folder(appendonly, error) && appendonly_check_folder(appendonly, error) &&
                          (is_first ? read_manifest(appendonly, error) : write_first_manifest(appendonly, error));
    if (!is_taken) {
        appendonly_close_folder(appendonly); /* the next try begins anew */
    }
    return is_taken;
}

bool appendonly_take_folder(struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX])
{
    pthread_mutex_lock(&appendonly->folder_lock);
    const bool is_taken = appendonly->folder != NULL || take_folder(appendonly, error);
    pthread_mutex_unlock(&appendonly->folder_lock);
    return is_taken;
}

bool appendonly_retake_folder(struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX])
{
    pthread_mutex_lock(&appendonly->folder_lock);
    const bool is_taken = (appendonly->folder != NULL && !folder_is_gone(appendonly)) || take_folder(appendonly, error);
    pthread_mutex_unlock(&appendonly->folder_lock);
    return is_taken;
}

/* --- what all logs are like --- */

int appendonly_error(const struct appendonly *appendonly)
{
    int error = 0;
    for (uint32_t i = 0; i < appendonly->server->shard_count && error == 0; i++) {
        error = __atomic_load_n(&appendonly->logs[i].error, __ATOMIC_RELAXED);
    }
    return error;
}

bool appendonly_has_failed(const struct appendonly *appendonly)
{
    bool has_any = false;
    for (uint32_t i = 0; i < appendonly->server->shard_count; i++) {
        has_any |= __atomic_load_n(&appendonly->logs[i].has_failed, __ATOMIC_RELAXED);
    }
    return has_any;
}

uint64_t appendonly_bytes_now(const struct appendonly *appendonly)
{
    uint64_t bytes = __atomic_load_n(&appendonly->start_bytes, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < appendonly->server->shard_count; i++) {
        bytes += __atomic_load_n(&appendonly->logs[i].written_bytes, __ATOMIC_RELAXED);
    }
    return bytes;
}

void appendonly_tell_acknowledges(struct appendonly *appendonly)
{
    const bool acknowledges = server_acknowledges_log(appendonly->server);
    if (acknowledges != appendonly->did_acknowledge) {
        appendonly->did_acknowledge = acknowledges;
        atomic_fetch_add_explicit(&appendonly->server->logged.moves, 1, memory_order_seq_cst);
    }
}

void appendonly_be_named(struct appendonly *appendonly)
{
    atomic_store_explicit(&appendonly->server->logged.counts, true, memory_order_release);
}

void appendonly_lift(struct appendonly *appendonly, uint32_t shard, bool is_lifted)
{
    if (appendonly->reload_locks != NULL) {
        appendonly->reload_locks[shard].is_lifted = is_lifted;
    }
}

/* --- on and off --- */

void appendonly_replace_cut(struct appendonly *appendonly, struct aof_cut *cut)
{
    aof_cut_destroy(appendonly->cut);
    appendonly->cut = cut;
}

void appendonly_turn_on(struct thread *thread, struct appendonly *appendonly)
{
    struct server *server = thread->server;
    if (appendonly_state(appendonly) == APPENDONLY_OFF) {
        effects_want(&server->effects, appendonly->listener, LISTEN_EFFECTS);
        atomic_store_explicit(&appendonly->state, APPENDONLY_ON, memory_order_release);
    }
}

void appendonly_turn_off(struct thread *thread, struct appendonly *appendonly)
{
    struct server *server = thread->server;
    shards_take_all(thread);
    effects_want(&server->effects, appendonly->listener, 0);
    atomic_store_explicit(&appendonly->state, APPENDONLY_OFF, memory_order_release);
    atomic_store_explicit(&server->logged.counts, false, memory_order_release);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        baton_assert_held(&server->shards[i].baton);
        shard_log_turn_off(thread, &appendonly->logs[i]);
    }
    shards_release_all(thread);
    log_write(server->config, LOG_LEVEL_NOTICE, "The log is off: its files stay as they are");
}
