/* saver.c - see saver.h.  */
#include "snapshot/saver.h"

#include "mem/heap.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"
#include "snapshot/chunk_index.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUEUE_NONE UINT32_MAX

enum {
    SYNC_BYTES = 1 << 22, /* written between two requests to begin with the disk: the fsync at the end has little left to do */
};

struct chunk {
    struct chunk *next;
    struct buffer bytes;
    bool is_open;
};

struct queue {
    struct chunk *first, *last;
    bool is_closed;
};

struct saver {
    pthread_t handle;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct queue *queues;            /* under the lock */
    uint32_t queue_count;
    bool has_checksum, is_unnamed;
    _Atomic int state;               /* release by whoever changes it */
    _Atomic bool is_cancelled;
    _Atomic uint64_t waiting_bytes, written_bytes;
    _Atomic uint32_t open_queue;     /* see saver_waits_for; QUEUE_NONE */
    const char *failed_at;           /* before the state is FAILED */
    int error;
    /* the thread's own */
    int folder, fd;
    uint64_t crc, synced;
    uint64_t checksum;               /* as the file has it */
    struct chunk_index index;
    char name[SAVER_NAME_MAX];
    char temporary[SAVER_NAME_MAX + 32];
    char path[PATH_MAX], home[PATH_MAX]; /* home: "" none */
};

/* --- the thread --- */

static bool fail(struct saver *saver, const char *what, int error)
{
    if (saver->failed_at == NULL) {
        saver->failed_at = what;
        saver->error = error;
    }
    return false;
}

static void enter(struct saver *saver, enum saver_state state)
{
    pthread_mutex_lock(&saver->lock);
    atomic_store_explicit(&saver->state, state, memory_order_release);
    pthread_cond_broadcast(&saver->changed);
    pthread_mutex_unlock(&saver->lock);
}

static bool is_cancelled(struct saver *saver)
{
    return atomic_load_explicit(&saver->is_cancelled, memory_order_relaxed) && !fail(saver, "cancelled", ECANCELED);
}

/* A working directory that was removed is gone for good, but another one may have its name: it becomes the working one, for all threads. */
static void go_home(struct saver *saver)
{
    struct stat state;
    if (saver->home[0] == 0 || fstat(saver->folder, &state) != 0 || state.st_nlink > 0) {
        return;
    }
    const int again = open(saver->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0) {
        return;
    }
    if (fchdir(again) == 0) {
        close(saver->folder);
        saver->folder = again;
    } else {
        close(again);
    }
}

static bool open_files(struct saver *saver)
{
    saver->folder = open(saver->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (saver->folder < 0) {
        return fail(saver, "opening the directory", errno);
    }
    go_home(saver);
    saver->fd = openat(saver->folder, saver->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (saver->fd < 0) {
        return fail(saver, "opening the temporary file", errno);
    }
    return !saver->is_unnamed || unlinkat(saver->folder, saver->temporary, 0) == 0 || fail(saver, "unlinking the temporary file", errno);
}

/* Asks the disk to begin with what was written; that it is there, only fsync says. */
static void begin_sync(struct saver *saver, uint64_t written)
{
    if (written - saver->synced >= SYNC_BYTES) {
        (void)sync_file_range(saver->fd, (off_t)saver->synced, (off_t)(written - saver->synced), SYNC_FILE_RANGE_WRITE);
        saver->synced = written;
    }
}

static bool write_bytes(struct saver *saver, struct bytes bytes)
{
    if (saver->has_checksum) {
        saver->crc = crc64(saver->crc, bytes);
    }
    while (bytes.len > 0) {
        const ssize_t written = write(saver->fd, bytes.data, bytes.len);
        if (written < 0 && errno != EINTR) {
            return fail(saver, "writing", errno);
        }
        if (written > 0) {
            bytes.data += written;
            bytes.len -= (size_t)written;
            const uint64_t before = atomic_fetch_add_explicit(&saver->written_bytes, (uint64_t)written, memory_order_relaxed);
            begin_sync(saver, before + (uint64_t)written);
        }
    }
    return true;
}

/* The queue that comes next: the first one until it is closed; the one whose record is open; else around. */
static uint32_t next_queue(const struct saver *saver, uint32_t last, bool is_open)
{
    const struct queue *head = &saver->queues[0];
    if (is_open || head->first != NULL || !head->is_closed) {
        return is_open ? last : 0;
    }
    for (uint32_t i = 1; i <= saver->queue_count; i++) {
        const uint32_t at = (last + i) % saver->queue_count;
        if (saver->queues[at].first != NULL) {
            return at;
        }
    }
    return last;
}

static bool all_closed(const struct saver *saver)
{
    for (uint32_t i = 0; i < saver->queue_count; i++) {
        if (!saver->queues[i].is_closed || saver->queues[i].first != NULL) {
            return false;
        }
    }
    return true;
}

/* Waits for a chunk. NULL: there will be none, or the save was cancelled. */
static struct chunk *take_chunk(struct saver *saver, uint32_t *queue, bool is_open)
{
    struct chunk *chunk = NULL;
    pthread_mutex_lock(&saver->lock);
    for (;;) {
        *queue = next_queue(saver, *queue, is_open);
        struct queue *from = &saver->queues[*queue];
        chunk = from->first;
        if (chunk != NULL) {
            from->first = chunk->next;
            from->last = from->first == NULL ? NULL : from->last;
            break;
        }
        if (atomic_load_explicit(&saver->is_cancelled, memory_order_relaxed) || all_closed(saver)) {
            break;
        }
        atomic_store_explicit(&saver->open_queue, is_open ? *queue : QUEUE_NONE, memory_order_relaxed);
        pthread_cond_wait(&saver->changed, &saver->lock);
    }
    atomic_store_explicit(&saver->open_queue, QUEUE_NONE, memory_order_relaxed);
    pthread_mutex_unlock(&saver->lock);
    return chunk;
}

static void free_chunk(struct saver *saver, struct chunk *chunk)
{
    atomic_fetch_sub_explicit(&saver->waiting_bytes, chunk->bytes.len, memory_order_relaxed);
    buffer_release(&chunk->bytes);
    thread_free(MEM_SNAPSHOT, chunk, sizeof *chunk);
}

static bool write_chunks(struct saver *saver)
{
    bool is_good = true;
    bool is_open = false;
    uint32_t queue = 0;
    struct chunk *chunk;
    while (is_good && (chunk = take_chunk(saver, &queue, is_open)) != NULL) {
        const uint64_t at = atomic_load_explicit(&saver->written_bytes, memory_order_relaxed);
        is_good = !is_cancelled(saver);
        if (is_good && !is_open && queue > 0 && !chunk_index_add(&saver->index, at, (queue - 1) / SAVER_SHARD_QUEUES)) {
            is_good = fail(saver, "allocating", ENOMEM);
        }
        is_open = chunk->is_open;
        is_good = is_good && write_bytes(saver, buffer_bytes(&chunk->bytes));
        free_chunk(saver, chunk);
    }
    assert(!is_good || !is_open || atomic_load(&saver->is_cancelled));
    return is_good && !is_cancelled(saver);
}

static bool write_end(struct saver *saver)
{
    const uint64_t at = atomic_load_explicit(&saver->written_bytes, memory_order_relaxed);
    struct buffer end = BUFFER_EMPTY(MEM_SNAPSHOT);
    bool is_good = (chunk_index_write(&saver->index, at, (saver->queue_count - 1) / SAVER_SHARD_QUEUES, &end) && rdb_write_byte(&end, RDB_OP_END)) ||
                   fail(saver, "allocating", ENOMEM);
    is_good = is_good && write_bytes(saver, buffer_bytes(&end));
    end.len = 0;
    saver->checksum = saver->has_checksum ? saver->crc : 0;
    is_good = is_good && (rdb_write_word(&end, saver->checksum) || fail(saver, "allocating", ENOMEM));
    is_good = is_good && write_bytes(saver, buffer_bytes(&end));
    buffer_release(&end);
    return is_good;
}

/* The name means the new file, and will after a crash. */
static bool replace(struct saver *saver)
{
    if (fsync(saver->fd) != 0) {
        return fail(saver, "fsync", errno);
    }
    const int closed = close(saver->fd);
    saver->fd = -1;
    if (closed != 0) {
        return fail(saver, "close", errno);
    }
    if (renameat(saver->folder, saver->temporary, saver->folder, saver->name) != 0) {
        return fail(saver, "rename", errno);
    }
    return fsync(saver->folder) == 0 || fail(saver, "fsync of the directory", errno);
}

static void clean_up(struct saver *saver, bool is_good)
{
    if (saver->fd >= 0 && !(is_good && saver->is_unnamed)) {
        close(saver->fd);
        saver->fd = -1;
    }
    if (!is_good && saver->folder >= 0) {
        (void)unlinkat(saver->folder, saver->temporary, 0);
    }
    if (saver->folder >= 0) {
        close(saver->folder);
    }
    chunk_index_release(&saver->index);
}

static void wait_until_writing(struct saver *saver)
{
    pthread_mutex_lock(&saver->lock);
    while (atomic_load_explicit(&saver->state, memory_order_relaxed) == SAVER_OPEN &&
           !atomic_load_explicit(&saver->is_cancelled, memory_order_relaxed)) {
        pthread_cond_wait(&saver->changed, &saver->lock);
    }
    pthread_mutex_unlock(&saver->lock);
}

static void *saver_main(void *arg)
{
    struct saver *saver = arg;
    thread_heap_register();
    bool is_good = open_files(saver);
    if (is_good) {
        enter(saver, SAVER_OPEN);
        wait_until_writing(saver);
        is_good = write_chunks(saver) && write_end(saver) && !is_cancelled(saver) && (saver->is_unnamed || replace(saver));
    }
    clean_up(saver, is_good);
    enter(saver, is_good ? SAVER_DONE : SAVER_FAILED);
    return NULL;
}

/* --- what others call --- */

struct saver *saver_start(const struct saver_options *options)
{
    assert(options->queue_count >= 1);
    struct saver *saver = thread_alloc_zeroed(MEM_SNAPSHOT, sizeof *saver);
    struct queue *queues = thread_alloc_zeroed(MEM_SNAPSHOT, options->queue_count * sizeof *queues);
    if (saver != NULL && queues != NULL) {
        saver->queues = queues;
        saver->queue_count = options->queue_count;
        saver->has_checksum = options->has_checksum;
        saver->is_unnamed = options->is_unnamed;
        saver->folder = saver->fd = -1;
        saver->index = CHUNK_INDEX_EMPTY;
        atomic_init(&saver->open_queue, QUEUE_NONE);
        snprintf(saver->path, sizeof saver->path, "%s", options->folder);
        snprintf(saver->home, sizeof saver->home, "%s", options->home == NULL ? "" : options->home);
        snprintf(saver->name, sizeof saver->name, "%s", options->name);
        snprintf(saver->temporary, sizeof saver->temporary, "temp-%d-%s", (int)getpid(), options->name);
        pthread_mutex_init(&saver->lock, NULL);
        pthread_cond_init(&saver->changed, NULL);
        const int refused = pthread_create(&saver->handle, NULL, saver_main, saver);
        if (refused == 0) {
            return saver;
        }
        errno = refused;
    } else {
        errno = ENOMEM;
    }
    thread_free(MEM_SNAPSHOT, saver, sizeof *saver);
    thread_free(MEM_SNAPSHOT, queues, options->queue_count * sizeof *queues);
    return NULL;
}

void saver_destroy(struct saver *saver)
{
    if (saver == NULL) {
        return;
    }
    saver_cancel(saver);
    pthread_join(saver->handle, NULL);
    if (saver->fd >= 0) {
        close(saver->fd);
    }
    for (uint32_t i = 0; i < saver->queue_count; i++) {
        while (saver->queues[i].first != NULL) {
            struct chunk *chunk = saver->queues[i].first;
            saver->queues[i].first = chunk->next;
            free_chunk(saver, chunk);
        }
    }
    pthread_mutex_destroy(&saver->lock);
    pthread_cond_destroy(&saver->changed);
    thread_free(MEM_SNAPSHOT, saver->queues, saver->queue_count * sizeof *saver->queues);
    thread_free(MEM_SNAPSHOT, saver, sizeof *saver);
}

enum saver_state saver_state(const struct saver *saver)
{
    return (enum saver_state)atomic_load_explicit(&saver->state, memory_order_acquire);
}

void saver_go(struct saver *saver)
{
    assert(saver_state(saver) == SAVER_OPEN);
    enter(saver, SAVER_WRITING);
}

void saver_cancel(struct saver *saver)
{
    pthread_mutex_lock(&saver->lock);
    atomic_store_explicit(&saver->is_cancelled, true, memory_order_relaxed);
    pthread_cond_broadcast(&saver->changed);
    pthread_mutex_unlock(&saver->lock);
}

bool saver_push(struct saver *saver, uint32_t queue, struct buffer *bytes, bool is_open)
{
    assert(queue < saver->queue_count);
    assert(bytes->len > 0 || !is_open);
    struct chunk *chunk = thread_alloc(MEM_SNAPSHOT, sizeof *chunk);
    if (chunk == NULL) {
        return false;
    }
    *chunk = (struct chunk){.bytes = *bytes, .is_open = is_open};
    *bytes = (struct buffer)BUFFER_EMPTY(bytes->which);
    atomic_fetch_add_explicit(&saver->waiting_bytes, chunk->bytes.len, memory_order_relaxed);
    pthread_mutex_lock(&saver->lock);
    struct queue *to = &saver->queues[queue];
    assert(!to->is_closed);
    if (to->last == NULL) {
        to->first = chunk;
    } else {
        to->last->next = chunk;
    }
    to->last = chunk;
    pthread_cond_signal(&saver->changed);
    pthread_mutex_unlock(&saver->lock);
    return true;
}

void saver_close(struct saver *saver, uint32_t queue)
{
    assert(queue < saver->queue_count);
    pthread_mutex_lock(&saver->lock);
    saver->queues[queue].is_closed = true;
    pthread_cond_signal(&saver->changed);
    pthread_mutex_unlock(&saver->lock);
}

uint64_t saver_waiting_bytes(const struct saver *saver)
{
    return atomic_load_explicit(&saver->waiting_bytes, memory_order_relaxed);
}

bool saver_waits_for(const struct saver *saver, uint32_t queue)
{
    return atomic_load_explicit(&saver->open_queue, memory_order_relaxed) == queue;
}

uint64_t saver_written_bytes(const struct saver *saver)
{
    return atomic_load_explicit(&saver->written_bytes, memory_order_relaxed);
}

uint64_t saver_checksum(const struct saver *saver)
{
    assert(saver_state(saver) == SAVER_DONE);
    return saver->checksum;
}

int saver_take_file(struct saver *saver)
{
    assert(saver_state(saver) == SAVER_DONE && saver->is_unnamed);
    const int fd = saver->fd;
    saver->fd = -1;
    return fd;
}

const char *saver_failed_at(const struct saver *saver, int *error)
{
    assert(saver_state(saver) == SAVER_FAILED);
    *error = saver->error;
    return saver->failed_at;
}
