/* backend_mimalloc.c - heaps of mimalloc 2 that may be used by whoever holds a lock.
 *
 * mimalloc 2 binds a heap's bookkeeping to the thread that made it: only there do its frees take the path without atomics,
 * and that thread's end would abandon the heap. So a custodian thread makes each heap and sleeps until the heap is
 * destroyed; all other threads use it under the shard's baton. Every free is then a "foreign" one (atomic, about 50 ns
 * dearer at worst), which is right from any thread.
 *
 * Source     experiments: 150M mixed operations by 4 threads on 4 heaps without corruption; tests/race/custodian.c repeats it.  */
#if !defined(TESSERA_LIBC_HEAP)

#include "mem/heap_private.h"

#include <mimalloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

struct backend {
    mi_heap_t *heap;    /* blocks come from here */
    mi_heap_t *resting; /* and came from here before the last backend_swap */
    pthread_t custodian;
    sem_t is_ready;
    sem_t must_end;
};

static void *custodian_main(void *arg)
{
    struct backend *backend = arg;
    backend->heap = mi_heap_new();
    backend->resting = mi_heap_new();
    sem_post(&backend->is_ready);
    while (sem_wait(&backend->must_end) != 0) {
    }
    if (backend->heap != NULL) {
        mi_heap_destroy(backend->heap);
    }
    if (backend->resting != NULL) {
        mi_heap_destroy(backend->resting);
    }
    return NULL;
}

struct backend *backend_create(void)
{
    struct backend *backend = calloc(1, sizeof *backend);
    if (backend == NULL) {
        return NULL;
    }
    sem_init(&backend->is_ready, 0, 0);
    sem_init(&backend->must_end, 0, 0);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    int refused = pthread_create(&backend->custodian, &attributes, custodian_main, backend);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (refused != 0) {
        free(backend);
        return NULL;
    }
    while (sem_wait(&backend->is_ready) != 0) {
    }
    if (backend->heap == NULL || backend->resting == NULL) {
        backend_destroy(backend);
        return NULL;
    }
    return backend;
}

void backend_destroy(struct backend *backend)
{
    if (backend == NULL) {
        return;
    }
    sem_post(&backend->must_end);
    pthread_join(backend->custodian, NULL);
    sem_destroy(&backend->is_ready);
    sem_destroy(&backend->must_end);
    free(backend);
}

void *backend_alloc(struct backend *backend, size_t size, bool is_zeroed)
{
    if (backend == NULL) {
        return is_zeroed ? mi_zalloc(size) : mi_malloc(size);
    }
    return is_zeroed ? mi_heap_zalloc(backend->heap, size) : mi_heap_malloc(backend->heap, size);
}

void *backend_realloc(struct backend *backend, void *block, size_t new_size)
{
    return backend == NULL ? mi_realloc(block, new_size) : mi_heap_realloc(backend->heap, block, new_size);
}

void backend_free(void *block)
{
    mi_free(block);
}

static long decommit_delay_ms; /* written once, before the first use */
static pthread_once_t decommit_delay_once = PTHREAD_ONCE_INIT;

static void read_decommit_delay(void)
{
    decommit_delay_ms = mi_option_get(mi_option_decommit_delay);
}

static pthread_mutex_t eager_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned eager_users; /* under the lock */

/* While anybody is eager, pages that become free go back to the system at once. By default the allocator keeps free pages for
 * 25 ms and then looks again only when their segment is used, which may be never. For a shard's heap that is wrong:
 * what is found here is mostly what FLUSHALL and mass deletions left. It stays right for the threads' own buffers, which come
 * and go all the time (a 1 MB reply would cost 0.6 ms more), so the option is 0 only meanwhile. The option is read at each
 * free of a page, also by other threads: theirs in this moment go back at once, too, which is harmless.  */
void backend_eager_begin(void)
{
    pthread_once(&decommit_delay_once, read_decommit_delay);
    pthread_mutex_lock(&eager_lock);
    if (eager_users++ == 0) {
        mi_option_set(mi_option_decommit_delay, 0);
    }
    pthread_mutex_unlock(&eager_lock);
}

void backend_eager_end(void)
{
    pthread_mutex_lock(&eager_lock);
    if (--eager_users == 0) {
        mi_option_set(mi_option_decommit_delay, decommit_delay_ms);
    }
    pthread_mutex_unlock(&eager_lock);
}

/* Frees pages whose blocks are all free, eagerly. */
static void collect_now(mi_heap_t *heap, bool is_forced)
{
    backend_eager_begin();
    mi_heap_collect(heap, is_forced);
    backend_eager_end();
}

void backend_collect(struct backend *backend)
{
    if (backend == NULL) {
        collect_now(mi_heap_get_default(), true);
        return;
    }
    collect_now(backend->heap, true);
    collect_now(backend->resting, true);
}

void backend_settle(struct backend *backend)
{
    collect_now(backend->heap, false);
    collect_now(backend->resting, false);
}

static bool walk_area(const mi_heap_t *heap, const mi_heap_area_t *area, void *block, size_t block_size, void *arg)
{
    (void)heap;
    (void)block;
    (void)block_size;
    struct heap_walk *walk = arg;
    uint64_t used = (uint64_t)area->used * area->block_size;
    walk->areas++;
    walk->used_blocks += area->used;
    walk->used_bytes += used;
    walk->committed_bytes += area->committed;
    walk->sparse_areas += used * 2 < area->committed;
    return true;
}

bool backend_walk(struct backend *backend, struct heap_walk *out)
{
    /* Frees wait in lists of their pages until the heap collects them. */
    backend_settle(backend);
    /* It says false of a heap without pages, too. */
    mi_heap_visit_blocks(backend->heap, false, walk_area, out);
    mi_heap_visit_blocks(backend->resting, false, walk_area, out);
    return true;
}

void backend_swap(struct backend *backend)
{
    mi_heap_t *heap = backend->heap;
    backend->heap = backend->resting;
    backend->resting = heap;
}

struct page_visit {
    backend_page_fn *visit;
    void *arg;
};

static bool visit_area(const mi_heap_t *heap, const mi_heap_area_t *area, void *block, size_t block_size, void *arg)
{
    (void)heap;
    (void)block;
    (void)block_size;
    const struct page_visit *visit = arg;
    visit->visit((uintptr_t)area->blocks, area->committed, area->used * area->block_size, visit->arg);
    return true;
}

void backend_visit_pages(struct backend *backend, bool is_resting, backend_page_fn *visit, void *arg)
{
    struct page_visit pages = {visit, arg};
    mi_heap_t *heap = is_resting ? backend->resting : backend->heap;
    collect_now(heap, false);
    mi_heap_visit_blocks(heap, false, visit_area, &pages);
}

void backend_process_read(struct mem_process *out)
{
    size_t elapsed, user, system, rss, peak_rss, committed, peak_committed, faults;
    mi_process_info(&elapsed, &user, &system, &rss, &peak_rss, &committed, &peak_committed, &faults);
    out->allocator_committed_bytes = committed;
    out->allocator_peak_committed_bytes = peak_committed;
}

const char *mem_allocator_name(void)
{
    return mi_version() == 209 ? "mimalloc-2.0.9" : "mimalloc-2";
}

#endif
