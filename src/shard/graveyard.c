/* graveyard.c - see graveyard.h.  */
#include "shard/graveyard.h"

#include "mem/heap.h"
#include "shard/server.h"

#include <stdint.h>

struct grave {
    struct grave *next;
    graveyard_free_fn *free_slice;
    void *thing;
    uint64_t bytes; /* left of what was expected to become free */
};

/* In the order of burial: what is freed may bury more of its own (a database its large collections). */
struct graveyard {
    struct grave *first, *last;
};

struct graveyard *graveyard_create(void)
{
    return thread_alloc_zeroed(MEM_SERVER, sizeof(struct graveyard));
}

static void remove_first(struct graveyard *graveyard)
{
    struct grave *grave = graveyard->first;
    graveyard->first = grave->next;
    if (grave->next == NULL) {
        graveyard->last = NULL;
    }
    thread_free(MEM_SERVER, grave, sizeof *grave);
}

static void count(uint64_t *counter, uint64_t amount)
{
    __atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

void graveyard_destroy(struct graveyard *graveyard)
{
    if (graveyard == NULL) {
        return;
    }
    while (graveyard->first != NULL) {
        if (graveyard->first->free_slice(graveyard->first->thing, SIZE_MAX)) {
            remove_first(graveyard);
        }
    }
    thread_free(MEM_SERVER, graveyard, sizeof *graveyard);
}

void graveyard_bury(struct shard *shard, graveyard_free_fn *free_slice, void *thing, uint64_t bytes)
{
    struct grave *grave = thread_alloc(MEM_SERVER, sizeof *grave);
    if (grave == NULL) {
        while (!free_slice(thing, SIZE_MAX)) {
        }
        count(&shard->lazyfreed, 1);
        return;
    }
    *grave = (struct grave){.free_slice = free_slice, .thing = thing, .bytes = bytes};
    if (shard->graveyard->first == NULL) {
        shard->graveyard->first = grave;
    } else {
        shard->graveyard->last->next = grave;
    }
    shard->graveyard->last = grave;
    count(&shard->lazyfree_pending, 1);
    count(&shard->buried_bytes, bytes);
}

bool graveyard_is_empty(const struct shard *shard)
{
    return shard->graveyard->first == NULL;
}

bool graveyard_is_empty_hint(const struct shard *shard)
{
    return __atomic_load_n(&shard->lazyfree_pending, __ATOMIC_RELAXED) == 0;
}

bool graveyard_work(struct shard *shard, size_t limit)
{
    struct grave *grave = shard->graveyard->first;
    if (grave == NULL) {
        return false;
    }
    const int64_t before = mem_counters_total(heap_counters(shard->heap));
    const bool is_gone = grave->free_slice(grave->thing, limit);
    const int64_t freed = before - mem_counters_total(heap_counters(shard->heap));
    uint64_t settled = grave->bytes;
    if (!is_gone && (freed <= 0 || (uint64_t)freed < settled)) {
        settled = freed <= 0 ? 0 : (uint64_t)freed;
    }
    grave->bytes -= settled;
    count(&shard->buried_bytes, -settled);
    if (is_gone) {
        remove_first(shard->graveyard);
        count(&shard->lazyfree_pending, -UINT64_C(1));
        count(&shard->lazyfreed, 1);
    }
    return shard->graveyard->first != NULL;
}
