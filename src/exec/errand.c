/* errand.c - see errand.h.  */
#include "exec/errand.h"

#include "exec/exec.h"
#include "exec/executor.h"
#include "exec/stepper.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ERRAND_EVENT = 1 };

/* --- at home --- */

static void end(struct errand *errand)
{
    struct server *server = errand->server;
    close(errand->done_fd);
    errand->destroy(errand);
    atomic_fetch_sub_explicit(&server->errand_count, 1, memory_order_relaxed);
}

/* Its eventfd can be read. */
static void is_back(struct ring_owner *owner, const struct ring_event *event)
{
    struct errand *errand = (struct errand *)owner;
    struct thread *thread = errand->home;
    assert(event->kind == ERRAND_EVENT && errand->is_away && thread->executor->abroad_count > 0);
    if (!atomic_load_explicit(&errand->has_run, memory_order_acquire)) {
        ring_await(&thread->ring, errand->done_fd, ERRAND_EVENT, owner); /* the wait itself was refused or ended */
        return;
    }
    uint64_t unused;
    (void)!read(errand->done_fd, &unused, sizeof unused);
    thread->executor->abroad_count--;
    errand->is_away = false;
    if (errand->waiting == NULL) {
        end(errand);
    } else {
        stepper_go_on(errand->waiting);
    }
}

enum result errand_open(struct exec *exec, struct errand *errand)
{
    struct server *server = exec->server;
    if (atomic_fetch_add_explicit(&server->errand_count, 1, memory_order_relaxed) >= ERRANDS_MAX) {
        atomic_fetch_sub_explicit(&server->errand_count, 1, memory_order_relaxed);
        return RESULT_NOT_FOUND;
    }
    errand->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (errand->done_fd < 0) {
        atomic_fetch_sub_explicit(&server->errand_count, 1, memory_order_relaxed);
        return RESULT_SYSTEM;
    }
    errand->ring_owner.on_event = is_back;
    errand->server = server;
    errand->home = exec->thread;
    return RESULT_OK;
}

void errand_cancel(struct errand *errand)
{
    if (errand->is_away && !errand->is_cancelled) {
        errand->is_cancelled = true;
        errand->cancel(errand);
    }
}

void errand_release(struct errand *errand)
{
    errand->waiting = NULL;
    if (errand->is_away) {
        errand_cancel(errand);
    } else {
        end(errand);
    }
}

void exec_send_errand(struct exec *exec, struct errand *errand)
{
    assert(exec->job != NULL && !errand->is_away && errand->home == exec->thread);
    exec->errand = errand;
}

/* --- its thread --- */

static void *errand_main(void *arg)
{
    struct errand *errand = arg;
    const int done_fd = errand->done_fd;
    pthread_setname_np(pthread_self(), "errand");
    errand->run(errand);
    atomic_store_explicit(&errand->has_run, true, memory_order_release);
    (void)!write(done_fd, &(uint64_t){1}, sizeof(uint64_t)); /* from here on it is home's */
    return NULL;
}

bool errand_go(struct thread *thread, struct errand *errand, struct stepper *waiting)
{
    pthread_attr_t attributes;
    pthread_t unused;
    atomic_store_explicit(&errand->has_run, false, memory_order_relaxed);
    errand->has_failed = pthread_attr_init(&attributes) != 0;
    if (!errand->has_failed) {
        errand->has_failed = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) != 0 ||
                             pthread_create(&unused, &attributes, errand_main, errand) != 0;
        pthread_attr_destroy(&attributes);
    }
    if (errand->has_failed) {
        return false;
    }
    errand->waiting = waiting;
    errand->is_away = true;
    thread->executor->abroad_count++;
    ring_await(&thread->ring, errand->done_fd, ERRAND_EVENT, &errand->ring_owner);
    return true;
}
