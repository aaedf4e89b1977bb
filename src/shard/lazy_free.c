/* lazy_free.c - see lazy_free.h.  */
#include "shard/lazy_free.h"

#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>
#include <stdint.h>

struct lazy_free_item {
    struct lazy_free_item *next;
    lazy_free_fn *free_step;
    void *thing;
    uint64_t bytes; /* left of what was expected to become free */
};

/* In the order of their coming: what is freed may add more of its own (a database its large collections). */
struct lazy_free {
    struct lazy_free_item *first, *last;
};

struct lazy_free *lazy_free_create(void)
{
    return thread_alloc_zeroed(MEM_SERVER, sizeof(struct lazy_free));
}

static void remove_first(struct lazy_free *lazy_free)
{
    struct lazy_free_item *item = lazy_free->first;
    lazy_free->first = item->next;
    if (item->next == NULL) {
        lazy_free->last = NULL;
    }
    thread_free(MEM_SERVER, item, sizeof *item);
}

static void count(uint64_t *counter, uint64_t amount)
{
    __atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

void lazy_free_destroy(struct lazy_free *lazy_free)
{
    if (lazy_free == NULL) {
        return;
    }
    while (lazy_free->first != NULL) {
        if (lazy_free->first->free_step(lazy_free->first->thing, SIZE_MAX)) {
            remove_first(lazy_free);
        }
    }
    thread_free(MEM_SERVER, lazy_free, sizeof *lazy_free);
}

void lazy_free_add(struct shard *shard, lazy_free_fn *free_step, void *thing, uint64_t bytes)
{
    struct lazy_free_item *item = thread_alloc(MEM_SERVER, sizeof *item);
    if (item == NULL) {
        while (!free_step(thing, SIZE_MAX)) {
        }
        count(&shard->lazyfreed, 1);
        return;
    }
    *item = (struct lazy_free_item){.free_step = free_step, .thing = thing, .bytes = bytes};
    if (shard->lazy_free->first == NULL) {
        shard->lazy_free->first = item;
    } else {
        shard->lazy_free->last->next = item;
    }
    shard->lazy_free->last = item;
    count(&shard->lazyfree_pending, 1);
    count(&shard->lazyfree_bytes, bytes);
}

bool lazy_free_is_empty(const struct shard *shard)
{
    return shard->lazy_free->first == NULL;
}

bool lazy_free_is_empty_hint(const struct shard *shard)
{
    return __atomic_load_n(&shard->lazyfree_pending, __ATOMIC_RELAXED) == 0;
}

bool lazy_free_step(struct shard *shard, size_t limit)
{
    baton_assert_held(&shard->baton);
    struct lazy_free_item *item = shard->lazy_free->first;
    if (item == NULL) {
        return false;
    }
    const int64_t before = mem_counters_total(heap_counters(shard->heap));
    const bool is_gone = item->free_step(item->thing, limit);
    const int64_t freed = before - mem_counters_total(heap_counters(shard->heap));
    uint64_t settled = item->bytes;
    if (!is_gone && (freed <= 0 || (uint64_t)freed < settled)) {
        settled = freed <= 0 ? 0 : (uint64_t)freed;
    }
    assert(settled <= shard->lazyfree_bytes); /* the sum over all items */
    item->bytes -= settled;
    count(&shard->lazyfree_bytes, -settled);
    if (is_gone) {
        assert(shard->lazy_free->first == item); /* what it has added stands behind it */
        assert(shard->lazyfree_pending > 0);
        remove_first(shard->lazy_free);
        count(&shard->lazyfree_pending, -UINT64_C(1));
        count(&shard->lazyfreed, 1);
    }
    return shard->lazy_free->first != NULL;
}
