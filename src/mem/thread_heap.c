/* thread_heap.c - a thread's own memory: network buffers, connections, scratch.
 *
 * Threads    Any. Each thread writes only its own counters; a block that travels makes one thread's figure grow and another's
 *            fall below zero, and the sum stays exact.
 * style:     the registry and the thread's pointer are the process's: allocation has no argument to carry them in.  */
#include "mem/heap.h"
#include "mem/heap_private.h"
#include "mem/remap.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { THREADS_MAX = 320, MAP_PAGE_BYTES = 4096 }; /* 256 shards, the main thread, and some */

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mem_counters *registry[THREADS_MAX]; /* written under registry_lock, before the count; never taken back */
static _Atomic int registry_count;
static struct mem_counters *left_over[THREADS_MAX]; /* records of threads that have ended, for the next ones; under registry_lock */
static int left_over_count;
static pthread_key_t end_of_thread;
static pthread_once_t end_of_thread_once = PTHREAD_ONCE_INIT;
static struct mem_counters unregistered; /* written under registry_lock, read relaxed */
static _Thread_local struct mem_counters *own;

/* A mapping that is given back in steps: this stands at its start. */
struct lazy_mapping {
    struct lazy_mapping *next;
    size_t bytes;
};
static _Thread_local struct lazy_mapping *lazy_mappings;
static _Thread_local bool is_lazy;

#if defined(TESSERA_DEBUG_ASSERT)
static _Thread_local int64_t refuse_after = -1;
static _Atomic int64_t refuse_any_after = -1; /* of what all threads ask for */

void thread_heap_refuse_after(int64_t allocations)
{
    refuse_after = allocations;
}

int64_t thread_heap_refuse_left(void)
{
    return refuse_after;
}

void any_heap_refuse_after(int64_t allocations)
{
    atomic_store(&refuse_any_after, allocations);
}

int64_t any_heap_refuse_left(void)
{
    const int64_t left = atomic_load(&refuse_any_after);
    return left < 0 ? -1 : left; /* it goes on below -1 when two threads ask at the same time */
}

bool thread_refuses(void)
{
    if (UNLIKELY(refuse_after >= 0)) {
        return --refuse_after < 0;
    }
    if (LIKELY(atomic_load_explicit(&refuse_any_after, memory_order_relaxed) < 0)) {
        return false;
    }
    return atomic_fetch_sub(&refuse_any_after, 1) == 0;
}
#endif

/* The thread ends. Its record stays registered, with what it has counted, until another thread counts on in it: the sum is what is exact. What else
 * the thread frees at its end is counted as of one that has none.  */
static void leave_record(void *counters)
{
    own = NULL;
    pthread_mutex_lock(&registry_lock);
    assert(left_over_count < THREADS_MAX);
    left_over[left_over_count++] = counters;
    pthread_mutex_unlock(&registry_lock);
}

static void make_key(void)
{
    const int refused = pthread_key_create(&end_of_thread, leave_record);
    assert(refused == 0);
}

/* Under registry_lock. NULL: no memory, or THREADS_MAX threads have one. */
static struct mem_counters *take_record(void)
{
    if (left_over_count > 0) {
        return left_over[--left_over_count];
    }
    const int count = registry_count;
    struct mem_counters *counters =
        count == THREADS_MAX ? NULL : aligned_alloc(CACHE_LINE_BYTES, (sizeof *counters + 63) & ~(size_t)63);
    if (counters != NULL) {
        memset(counters, 0, sizeof *counters);
        registry[count] = counters;
        registry_count = count + 1;
    }
    return counters;
}

struct mem_counters *thread_heap_register(void)
{
    if (own != NULL) {
        return own;
    }
    (void)pthread_once(&end_of_thread_once, make_key);
    pthread_mutex_lock(&registry_lock);
    own = take_record();
    pthread_mutex_unlock(&registry_lock);
    if (own != NULL) {
        (void)pthread_setspecific(end_of_thread, own); /* without memory the record is not used again */
    }
    return own;
}

static void count(enum mem_class which, int64_t bytes, int64_t blocks)
{
    if (LIKELY(own != NULL)) {
        mem_count(own, which, bytes, blocks);
        return;
    }
    pthread_mutex_lock(&registry_lock);
    mem_count(&unregistered, which, bytes, blocks);
    pthread_mutex_unlock(&registry_lock);
}

/* From HEAP_DIRECT_MIN on blocks are mapped directly, so that a growing reply is not copied again and again. */
size_t thread_block_bytes(size_t size)
{
    return size < HEAP_DIRECT_MIN ? heap_block_bytes(size) : (size + MAP_PAGE_BYTES - 1) & ~(size_t)(MAP_PAGE_BYTES - 1);
}

static void *map(size_t bytes)
{
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

static void *alloc_any(enum mem_class which, size_t size, bool is_zeroed)
{
    assert(size > 0);
    if (size > PTRDIFF_MAX || thread_refuses()) {
        return NULL;
    }
    void *block = LIKELY(size < HEAP_DIRECT_MIN) ? backend_alloc(NULL, size, is_zeroed) : map(thread_block_bytes(size));
    if (LIKELY(block != NULL)) {
        count(which, (int64_t)thread_block_bytes(size), 1);
    }
    return block;
}

void *thread_alloc(enum mem_class which, size_t size)
{
    return alloc_any(which, size, false);
}

void *thread_alloc_zeroed(enum mem_class which, size_t size)
{
    return alloc_any(which, size, true);
}

static void *resize_mapping(void *block, size_t old_bytes, size_t new_bytes)
{
    void *moved = old_bytes == new_bytes ? block : remap(block, old_bytes, new_bytes);
    return moved == MAP_FAILED ? NULL : moved;
}

static void *realloc_by_copy(enum mem_class which, void *block, size_t old_size, size_t new_size)
{
    void *moved = thread_alloc(which, new_size);
    if (moved != NULL) {
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
        thread_free(which, block, old_size);
    }
    return moved;
}

void *thread_realloc(enum mem_class which, void *block, size_t old_size, size_t new_size)
{
    if (block == NULL) {
        return thread_alloc(which, new_size);
    }
    assert(old_size > 0 && new_size > 0);
    if (new_size > PTRDIFF_MAX || (new_size > old_size && thread_refuses())) {
        return NULL;
    }
    bool was_mapped = old_size >= HEAP_DIRECT_MIN;
    if (was_mapped != (new_size >= HEAP_DIRECT_MIN)) {
        return realloc_by_copy(which, block, old_size, new_size);
    }
    void *moved = was_mapped ? resize_mapping(block, thread_block_bytes(old_size), thread_block_bytes(new_size))
                             : backend_realloc(NULL, block, new_size);
    if (moved != NULL) {
        count(which, (int64_t)thread_block_bytes(new_size) - (int64_t)thread_block_bytes(old_size), 0);
    }
    return moved;
}

static void unmap(void *block, size_t bytes)
{
    if (!is_lazy || bytes < THREAD_LAZY_MIN_BYTES) {
        munmap(block, bytes);
        return;
    }
    struct lazy_mapping *mapping = block;
    *mapping = (struct lazy_mapping){lazy_mappings, bytes};
    lazy_mappings = mapping;
    count(MEM_SERVER, (int64_t)bytes, 1);
}

void thread_heap_be_lazy(void)
{
    is_lazy = true;
}

bool thread_heap_unmap_step(size_t bytes)
{
    struct lazy_mapping *mapping = lazy_mappings;
    assert(bytes > 0 && bytes % MAP_PAGE_BYTES == 0);
    if (mapping == NULL) {
        return false;
    }
    if (mapping->bytes <= bytes) {
        lazy_mappings = mapping->next;
        count(MEM_SERVER, -(int64_t)mapping->bytes, -1);
        munmap(mapping, mapping->bytes);
    } else {
        mapping->bytes -= bytes;
        count(MEM_SERVER, -(int64_t)bytes, 0);
        munmap((char *)mapping + mapping->bytes, bytes);
    }
    return lazy_mappings != NULL;
}

void thread_free(enum mem_class which, void *block, size_t size)
{
    if (block == NULL) {
        return;
    }
    assert(size > 0);
    count(which, -(int64_t)thread_block_bytes(size), -1);
    if (LIKELY(size < HEAP_DIRECT_MIN)) {
        backend_free(block);
    } else {
        unmap(block, thread_block_bytes(size));
    }
}

void thread_heaps_total(struct mem_counters *into)
{
    mem_counters_add(into, &unregistered);
    const int count = registry_count;
    for (int i = 0; i < count; i++) {
        mem_counters_add(into, registry[i]);
    }
}

int64_t thread_heaps_bytes(void)
{
    int64_t total = mem_counters_total(&unregistered);
    const int count = registry_count;
    for (int i = 0; i < count; i++) {
        total += mem_counters_total(registry[i]);
    }
    return total;
}

void mem_process_read(struct mem_process *out)
{
    *out = (struct mem_process){0};
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    unsigned long long size_pages = 0, resident_pages = 0, file_pages = 0;
    if (got > 0) {
        text[got] = 0;
        if (sscanf(text, "%llu %llu %llu", &size_pages, &resident_pages, &file_pages) == 3) {
            out->resident_bytes = resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
            out->anonymous_bytes = (resident_pages - file_pages) * (uint64_t)sysconf(_SC_PAGESIZE);
        }
    }
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        out->peak_resident_bytes = (uint64_t)usage.ru_maxrss * 1024;
    }
    backend_process_read(out);
}

uint64_t mem_system_bytes(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    return pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void thread_heap_collect(void)
{
    backend_collect(NULL);
}
