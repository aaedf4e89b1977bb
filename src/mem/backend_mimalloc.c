/* backend_mimalloc.c - heaps of mimalloc 2 that may be used by whoever holds a lock.
 *
 * mimalloc 2 binds a heap's bookkeeping to the thread that made it: only there do its frees take the path without atomics,
 * and that thread's end would abandon the heap. So a custodian thread makes each heap and sleeps until the heap is
 * destroyed; all other threads use it under the shard's baton. Every free is then a "foreign" one (atomic, about 50 ns
 * dearer at worst), which is right from any thread.
 *
 * Source     experiments: 150M mixed operations by 4 threads on 4 heaps without corruption; tests/race/heaps_under_locks.c
 *            repeats it.  */
#if !defined(TESSERA_LIBC_HEAP)

#include "mem/heap_private.h"

#include <assert.h>
#include <mimalloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

enum { SUB_HEAPS_FIRST = 4, SUB_HEAPS_STEP = 8 };

struct backend {
    mi_heap_t *heap;    /* blocks come from here: the current sub-heap */
    mi_heap_t **sub_heaps;
    uint32_t count, wanted;
    bool is_ending;
    pthread_t custodian;
    sem_t is_ready; /* the custodian has done what it was woken for, */
    sem_t is_asked; /* by this one */
};

/* As many of the wanted as can be had. */
static void make_sub_heaps(struct backend *backend)
{
    mi_heap_t **sub_heaps = realloc(backend->sub_heaps, backend->wanted * sizeof *sub_heaps);
    if (sub_heaps == NULL) {
        return;
    }
    backend->sub_heaps = sub_heaps;
    while (backend->count < backend->wanted) {
        mi_heap_t *heap = mi_heap_new();
        if (heap == NULL) {
            return;
        }
        sub_heaps[backend->count++] = heap;
    }
}

static void *custodian_main(void *arg)
{
    struct backend *backend = arg;
    while (!backend->is_ending) {
        make_sub_heaps(backend);
        sem_post(&backend->is_ready);
        while (sem_wait(&backend->is_asked) != 0) {
        }
    }
    for (uint32_t i = 0; i < backend->count; i++) {
        mi_heap_destroy(backend->sub_heaps[i]);
    }
    free(backend->sub_heaps);
    return NULL;
}

static void wait_for_custodian(struct backend *backend)
{
    while (sem_wait(&backend->is_ready) != 0) {
    }
}

struct backend *backend_create(void)
{
    struct backend *backend = calloc(1, sizeof *backend);
    if (backend == NULL) {
        return NULL;
    }
    backend->wanted = SUB_HEAPS_FIRST;
    sem_init(&backend->is_ready, 0, 0);
    sem_init(&backend->is_asked, 0, 0);
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
    wait_for_custodian(backend);
    if (backend->count == 0) {
        backend_destroy(backend);
        return NULL;
    }
    backend_use_sub_heap(backend, 0);
    return backend;
}

void backend_destroy(struct backend *backend)
{
    if (backend == NULL) {
        return;
    }
    backend->is_ending = true;
    sem_post(&backend->is_asked);
    pthread_join(backend->custodian, NULL);
    sem_destroy(&backend->is_ready);
    sem_destroy(&backend->is_asked);
    free(backend);
}

uint32_t backend_sub_heap_count(const struct backend *backend)
{
    return backend->count;
}

void backend_add_sub_heaps(struct backend *backend)
{
    backend->wanted = backend->count + SUB_HEAPS_STEP;
    sem_post(&backend->is_asked);
    wait_for_custodian(backend);
}

void backend_use_sub_heap(struct backend *backend, uint32_t sub_heap)
{
    backend->heap = backend->sub_heaps[sub_heap];
}

uint32_t backend_sub_heap_of(const struct backend *backend, const void *block, uint32_t guess)
{
    if (mi_heap_contains_block(backend->sub_heaps[guess], block)) {
        return guess;
    }
    uint32_t sub_heap = 0;
    while (sub_heap < backend->count && !mi_heap_contains_block(backend->sub_heaps[sub_heap], block)) {
        sub_heap++;
    }
    assert(sub_heap < backend->count);
    return sub_heap;
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
    assert(eager_users > 0);
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
    for (uint32_t i = 0; i < backend->count; i++) {
        collect_now(backend->sub_heaps[i], true);
    }
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
    const struct page_figures page = {(uintptr_t)area->blocks, area->committed, area->used * area->block_size, area->used};
    visit->visit(&page, visit->arg);
    return true;
}

void backend_collect_sub_heap(struct backend *backend, uint32_t sub_heap, backend_page_fn *visit, void *arg)
{
    struct page_visit pages = {visit, arg};
    collect_now(backend->sub_heaps[sub_heap], false);
    /* It says false of a heap without pages, too. */
    mi_heap_visit_blocks(backend->sub_heaps[sub_heap], false, visit_area, &pages);
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
