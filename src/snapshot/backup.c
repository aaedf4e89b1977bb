/* backup.c - see backup.h.  */
#include "snapshot/backup.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "shard/log.h"
#include "shard/server.h"
#include "snapshot/backup_files.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { POLL_US = 2000 };

struct backups {
    struct server *server;
    pthread_mutex_t lock;
    pthread_t handle;
    bool has_thread;             /* to be joined */
    bool is_stopped;             /* the server ends */
    struct snapshot_copy *copy;  /* while it is asked for; the thread holds it */
    struct backup_status status;
    _Atomic bool is_cancelled;   /* changed under the lock */
};

struct backups *backups_create(struct server *server)
{
    struct backups *backups = thread_alloc_zeroed(MEM_SNAPSHOT, sizeof *backups);
    if (backups != NULL) {
        backups->server = server;
        pthread_mutex_init(&backups->lock, NULL);
    }
    return backups;
}

static bool is_under_way(const struct backups *backups)
{
    const enum backup_state state = backups->status.state;
    return state != BACKUP_NONE && state != BACKUP_DONE && state != BACKUP_FAILED;
}

/* --- the thread --- */

static void enter(struct backups *backups, enum backup_state state)
{
    pthread_mutex_lock(&backups->lock);
    backups->status.state = state;
    pthread_mutex_unlock(&backups->lock);
}

/* Its place in the queue, unless it was cancelled before. NULL: *what and errno. */
static struct snapshot_copy *ask(struct backups *backups, const struct backup_folder *folder, const char **what)
{
    struct snapshot_copy *copy = snapshot_copy_create(folder->path, BACKUP_DATA_FILE);
    *what = "allocating";
    errno = ENOMEM;
    pthread_mutex_lock(&backups->lock);
    if (copy != NULL && atomic_load_explicit(&backups->is_cancelled, memory_order_relaxed)) {
        snapshot_copy_release(copy);
        copy = NULL;
        *what = "cancelled";
        errno = ECANCELED;
    }
    if (copy != NULL) {
        backups->copy = copy;
        backups->status.state = BACKUP_WAITING;
        snapshots_ask(backups->server->snapshots, copy);
    }
    pthread_mutex_unlock(&backups->lock);
    return copy;
}

static bool wait_for(struct backups *backups, struct snapshot_copy *copy, struct copy_figures *figures)
{
    enum copy_state state;
    while ((state = snapshot_copy_state(copy)) != COPY_DONE && state != COPY_FAILED) {
        if (state == COPY_RUNNING) {
            enter(backups, BACKUP_WRITING);
        }
        usleep(POLL_US);
    }
    pthread_mutex_lock(&backups->lock);
    *figures = backups->status.figures = snapshot_copy_figures(copy);
    backups->copy = NULL;
    if (state == COPY_FAILED) {
        snprintf(backups->status.error, sizeof backups->status.error, "%s", snapshot_copy_error(copy));
    } else {
        backups->status.state = BACKUP_CHECKING;
    }
    pthread_mutex_unlock(&backups->lock);
    return state == COPY_DONE;
}

/* False: status.error, or *what and errno. */
static bool make(struct backups *backups, const struct backup_folder *folder, const char **what)
{
    struct copy_figures figures;
    unsigned char digest[SHA1_BYTES];
    struct snapshot_copy *copy = ask(backups, folder, what);
    if (copy == NULL) {
        return false;
    }
    const bool is_there = wait_for(backups, copy, &figures);
    snapshot_copy_release(copy);
    return is_there && backup_file_check(folder, &figures, &backups->is_cancelled, digest, what) &&
           backup_manifest_write(folder, &figures, digest, what);
}

static void end(struct backups *backups, bool is_good, const char *what, int error)
{
    struct backup_status *status = &backups->status;
    pthread_mutex_lock(&backups->lock);
    if (!is_good && status->error[0] == 0) {
        snprintf(status->error, sizeof status->error, "%s%s%s", what, error == 0 ? "" : ": ", error == 0 ? "" : strerror(error));
    }
    if (is_good) {
        log_write(backups->server->config, LOG_LEVEL_NOTICE, "Backup to %s is done: %.1f MB", status->directory, (double)status->figures.bytes / 1e6);
    } else {
        log_write(backups->server->config, LOG_LEVEL_WARNING, "Backup to %s has failed: %s", status->directory, status->error);
    }
    status->state = is_good ? BACKUP_DONE : BACKUP_FAILED;
    pthread_mutex_unlock(&backups->lock);
}

static void *backup_main(void *arg)
{
    struct backups *backups = arg;
    struct backup_folder folder;
    const char *what = "";
    thread_heap_register();
    bool is_good = backup_folder_open(&folder, backups->status.directory, &what);
    int error = errno;
    if (is_good) {
        is_good = make(backups, &folder, &what);
        error = errno;
        if (!is_good) {
            backup_folder_clear(&folder);
        }
    }
    end(backups, is_good, what, error);
    return NULL;
}

/* --- what others call --- */

/* Relative, and nothing in it leads out of `dir` by itself. */
static const char *wrong_path(struct bytes path)
{
    if (path.len == 0 || path.len >= BACKUP_PATH_MAX || memchr(path.data, 0, path.len) != NULL) {
        return "the directory's name is empty, too long, or has a NUL byte";
    }
    if (path.data[0] == '/') {
        return "the directory is named relative to `dir`";
    }
    for (size_t at = 0; at < path.len;) {
        const char *slash = memchr(path.data + at, '/', path.len - at);
        const size_t end = slash == NULL ? path.len : (size_t)(slash - path.data);
        if (end - at == 0 || (end - at == 1 && path.data[at] == '.') || (end - at == 2 && memcmp(path.data + at, "..", 2) == 0)) {
            return "the directory's name has an empty part, or . or ..";
        }
        at = end + 1;
    }
    return path.data[path.len - 1] == '/' ? "the directory's name ends with a slash" : NULL;
}

static bool start_locked(struct backups *backups, struct bytes directory, char error[BACKUP_ERROR_MAX])
{
    if (backups->is_stopped || is_under_way(backups)) {
        snprintf(error, BACKUP_ERROR_MAX, backups->is_stopped ? "the server ends" : "a backup is under way already");
        return false;
    }
    if (backups->has_thread) {
        pthread_join(backups->handle, NULL); /* it has said its last word */
        backups->has_thread = false;
    }
    struct backup_status *status = &backups->status;
    *status = (struct backup_status){.number = status->number + 1, .state = BACKUP_PREPARING};
    memcpy(status->directory, directory.data, directory.len);
    atomic_store_explicit(&backups->is_cancelled, false, memory_order_relaxed);
    const int refused = pthread_create(&backups->handle, NULL, backup_main, backups);
    backups->has_thread = refused == 0;
    if (refused != 0) {
        snprintf(error, BACKUP_ERROR_MAX, "no thread: %s", strerror(refused));
        snprintf(status->error, sizeof status->error, "%s", error);
        status->state = BACKUP_FAILED;
    }
    return refused == 0;
}

bool backups_start(struct backups *backups, struct bytes directory, uint64_t *number, char error[BACKUP_ERROR_MAX])
{
    const char *wrong = wrong_path(directory);
    if (wrong != NULL) {
        snprintf(error, BACKUP_ERROR_MAX, "%s", wrong);
        return false;
    }
    pthread_mutex_lock(&backups->lock);
    const bool is_started = start_locked(backups, directory, error);
    *number = backups->status.number;
    pthread_mutex_unlock(&backups->lock);
    return is_started;
}

static bool cancel_locked(struct backups *backups)
{
    const bool is_there = is_under_way(backups);
    atomic_store_explicit(&backups->is_cancelled, true, memory_order_relaxed);
    if (backups->copy != NULL) {
        snapshot_copy_cancel(backups->copy);
    }
    return is_there;
}

bool backups_cancel(struct backups *backups)
{
    pthread_mutex_lock(&backups->lock);
    const bool is_there = cancel_locked(backups);
    pthread_mutex_unlock(&backups->lock);
    return is_there;
}

void backups_stop(struct backups *backups)
{
    pthread_mutex_lock(&backups->lock);
    backups->is_stopped = true;
    (void)cancel_locked(backups);
    pthread_mutex_unlock(&backups->lock);
}

void backups_destroy(struct backups *backups)
{
    if (backups == NULL) {
        return;
    }
    if (backups->has_thread) {
        pthread_join(backups->handle, NULL);
    }
    pthread_mutex_destroy(&backups->lock);
    thread_free(MEM_SNAPSHOT, backups, sizeof *backups);
}

void backups_status(struct backups *backups, struct backup_status *out)
{
    pthread_mutex_lock(&backups->lock);
    *out = backups->status;
    if (backups->copy != NULL) {
        out->figures = snapshot_copy_figures(backups->copy);
    }
    pthread_mutex_unlock(&backups->lock);
}
