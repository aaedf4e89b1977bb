/* snapshot_copy.c - see snapshot_copy.h, snapshot_copy_private.h.  */
#include "base/clock.h"
#include "mem/heap.h"
#include "snapshot/saver.h"
#include "snapshot/snapshot_copy_private.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct snapshot_copy *snapshot_copy_create(const char *folder, const char *name)
{
    struct snapshot_copy *copy = thread_alloc_zeroed(MEM_SNAPSHOT, sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    copy->has_name = folder != NULL;
    copy->fd = -1;
    snprintf(copy->folder, sizeof copy->folder, "%s", folder == NULL ? "." : folder);
    snprintf(copy->name, sizeof copy->name, "%s", name);
    atomic_store_explicit(&copy->holders, 1, memory_order_relaxed);
    return copy;
}

void snapshot_copy_hear_cut(struct snapshot_copy *copy, void (*at_cut)(void *context, struct thread *thread), void *context)
{
    copy->at_cut = at_cut;
    copy->cut_context = context;
}

void snapshot_copy_hold(struct snapshot_copy *copy)
{
    atomic_fetch_add_explicit(&copy->holders, 1, memory_order_relaxed);
}

/* --- the last one --- */

static void *close_main(void *arg)
{
    close((int)(intptr_t)arg);
    return NULL;
}

/* On a thread of its own; without one, here. */
static void close_elsewhere(int fd)
{
    pthread_attr_t attributes;
    pthread_t unused;
    bool is_started = false;
    if (pthread_attr_init(&attributes) == 0) {
        is_started = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                     pthread_create(&unused, &attributes, close_main, (void *)(intptr_t)fd) == 0;
        pthread_attr_destroy(&attributes);
    }
    if (!is_started) {
        close(fd);
    }
}

void snapshot_copy_release(struct snapshot_copy *copy)
{
    if (copy == NULL || atomic_fetch_sub_explicit(&copy->holders, 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (copy->fd >= 0) {
        close_elsewhere(copy->fd);
    }
    thread_free(MEM_SNAPSHOT, copy, sizeof *copy);
}

/* --- what who asked may know --- */

enum copy_state snapshot_copy_state(const struct snapshot_copy *copy)
{
    return (enum copy_state)atomic_load_explicit(&copy->state, memory_order_acquire);
}

void snapshot_copy_cancel(struct snapshot_copy *copy)
{
    atomic_store_explicit(&copy->is_cancelled, true, memory_order_relaxed);
}

/* What comes with the cut and with the end is read by its state: finished_ms and what follows may be written meanwhile. */
struct copy_figures snapshot_copy_figures(const struct snapshot_copy *copy)
{
    const enum copy_state state = snapshot_copy_state(copy);
    struct copy_figures figures = {0};
    if (state == COPY_DONE) {
        return copy->figures;
    }
    if (state == COPY_RUNNING) {
        figures.keys = copy->figures.keys;
        figures.rows = copy->figures.rows;
        figures.started_ms = copy->figures.started_ms;
    }
    return figures;
}

int snapshot_copy_fd(const struct snapshot_copy *copy)
{
    assert(snapshot_copy_state(copy) == COPY_DONE && !copy->has_name);
    return copy->fd;
}

const char *snapshot_copy_error(const struct snapshot_copy *copy)
{
    assert(snapshot_copy_state(copy) == COPY_FAILED);
    return copy->error;
}

/* --- the snapshots --- */

static void enter(struct snapshot_copy *copy, enum copy_state state)
{
    assert((int)state > atomic_load_explicit(&copy->state, memory_order_relaxed));
    atomic_store_explicit(&copy->state, (int)state, memory_order_release);
}

void snapshot_copy_begin(struct thread *thread, struct snapshot_copy *copy, const struct copy_figures *figures)
{
    copy->figures = *figures;
    if (copy->at_cut != NULL) {
        copy->at_cut(copy->cut_context, thread);
    }
    enter(copy, COPY_RUNNING);
}

static void fail(struct snapshot_copy *copy, const char *what, int error)
{
    snprintf(copy->error, sizeof copy->error, "%s%s%s", what, what[0] == 0 ? "" : ": ", strerror(error));
    enter(copy, COPY_FAILED);
}

void snapshot_copy_end(struct snapshot_copy *copy, struct saver *saver, int error)
{
    if (saver != NULL && saver_state(saver) == SAVER_DONE) {
        copy->figures.finished_ms = clock_wall_ms();
        copy->figures.bytes = saver_written_bytes(saver);
        copy->figures.checksum = saver_checksum(saver);
        copy->fd = copy->has_name ? -1 : saver_take_file(saver);
        enter(copy, COPY_DONE);
    } else if (saver != NULL && saver_state(saver) == SAVER_FAILED) {
        const char *what = saver_failed_at(saver, &error);
        fail(copy, what, error);
    } else {
        fail(copy, "", error);
    }
    snapshot_copy_release(copy);
}

void copy_queue_add(struct copy_queue *queue, struct snapshot_copy *copy)
{
    snapshot_copy_hold(copy);
    copy->next = NULL;
    if (queue->last == NULL) {
        queue->first = copy;
    } else {
        queue->last->next = copy;
    }
    queue->last = copy;
}

struct snapshot_copy *copy_queue_take(struct copy_queue *queue)
{
    struct snapshot_copy *copy = queue->first;
    if (copy != NULL) {
        queue->first = copy->next;
        queue->last = queue->first == NULL ? NULL : queue->last;
    }
    return copy;
}

void copy_queue_fail(struct copy_queue *queue, bool all)
{
    struct copy_queue kept = {0};
    struct snapshot_copy *copy;
    while ((copy = copy_queue_take(queue)) != NULL) {
        if (all || atomic_load_explicit(&copy->is_cancelled, memory_order_relaxed)) {
            snapshot_copy_end(copy, NULL, ECANCELED);
        } else {
            copy_queue_add(&kept, copy);
            snapshot_copy_release(copy); /* the queue had held it already */
        }
    }
    *queue = kept;
}
