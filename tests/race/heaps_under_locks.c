/* Race test: heaps that custodian threads made, used by whichever thread holds the heap's lock (mem/heap.h). Every block is
 * filled with a value that is checked when it is freed or grown; at the end the counters are zero.
 *
 * Runs TEST_SECONDS (default 2). Exit status 0: passed. */
#include "mem/heap.h"
#include "shard/baton.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEAPS = 4, THREADS = 4, BLOCKS = 2000, STEP = 50 };

struct slot {
    unsigned char *block;
    size_t size;
};

static struct shard_like {
    struct baton baton;
    struct heap *heap;
    struct slot slots[BLOCKS];
} shards[HEAPS];

static _Atomic uint64_t operations, damaged;
static time_t end;

static void check(const struct slot *slot, unsigned char mark)
{
    if (slot->block[0] != mark || slot->block[slot->size - 1] != mark) {
        atomic_fetch_add(&damaged, 1);
    }
}

static void step(struct shard_like *shard, unsigned *seed)
{
    unsigned index = (unsigned)rand_r(seed) % BLOCKS;
    struct slot *slot = &shard->slots[index];
    unsigned char mark = (unsigned char)index;
    if (slot->block == NULL) {
        slot->size = rand_r(seed) % 256 == 0 ? 100000 + (size_t)rand_r(seed) % 600000 : 8 + (size_t)rand_r(seed) % 300;
        slot->block = heap_alloc(shard->heap, MEM_STRING, slot->size);
    } else if (rand_r(seed) % 4 == 0) {
        check(slot, mark);
        size_t grown = slot->size + (size_t)rand_r(seed) % 100 + 1;
        slot->block = heap_realloc(shard->heap, MEM_STRING, slot->block, slot->size, grown);
        slot->size = grown;
    } else {
        check(slot, mark);
        heap_free(shard->heap, MEM_STRING, slot->block, slot->size);
        slot->block = NULL;
        return;
    }
    if (slot->block == NULL) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    slot->block[0] = slot->block[slot->size - 1] = mark;
}

static void *worker(void *arg) NO_THREAD_SAFETY_ANALYSIS
{
    unsigned seed = (unsigned)(uintptr_t)arg + 1;
    while (time(NULL) < end) {
        struct shard_like *shard = &shards[(unsigned)rand_r(&seed) % HEAPS];
        baton_take(&shard->baton);
        for (int i = 0; i < STEP; i++) {
            step(shard, &seed);
        }
        if (rand_r(&seed) % 512 == 0) {
            heap_collect(shard->heap);
        }
        baton_release(&shard->baton);
        atomic_fetch_add(&operations, STEP);
    }
    return NULL;
}

int main(void)
{
    const char *seconds = getenv("TEST_SECONDS");
    pthread_t threads[THREADS];
    int64_t left = 0;
    end = time(NULL) + (seconds == NULL ? 2 : atoi(seconds));
    for (int i = 0; i < HEAPS; i++) {
        shards[i].heap = heap_create();
    }
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, worker, (void *)i);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < HEAPS; i++) {
        struct heap_walk walk;
        int64_t counted = mem_counters_total(heap_counters(shards[i].heap));
        if (heap_walk(shards[i].heap, &walk) && (int64_t)walk.used_bytes != counted) {
            fprintf(stderr, "heap %d: the walk finds %llu bytes, the counters %lld\n", i,
                    (unsigned long long)walk.used_bytes, (long long)counted);
            left++;
        }
        for (int b = 0; b < BLOCKS; b++) {
            heap_free(shards[i].heap, MEM_STRING, shards[i].slots[b].block, shards[i].slots[b].size);
        }
        left += mem_counters_total(heap_counters(shards[i].heap));
        heap_destroy(shards[i].heap);
    }
    printf("%llu operations, %llu damaged blocks, %lld bytes left\n", (unsigned long long)operations,
           (unsigned long long)damaged, (long long)left);
    return damaged == 0 && left == 0 && operations > 0 ? 0 : 1;
}
