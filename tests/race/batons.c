/* Race test: batons and link stacks as run.c uses them. Threads add to plain counters, one shard at a time or several taken in
 * ascending order, and hand notes over when a shard is held: every note is run exactly once, by a holder.
 *
 * Bounded by count. Exit status 0: passed. */
#include "shard/baton.h"
#include "shard/link.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHARDS = 3, THREADS = 4, ROUNDS = 400000 };

struct note {
    struct link link;
    uint64_t amount;
    _Atomic bool is_run;
};

static struct {
    struct baton baton;
    struct link_stack inbox;
    uint64_t sum; /* under the baton */
} shards[SHARDS];

static void drain(int shard)
{
    struct link *next;
    for (struct link *link = link_take_all(&shards[shard].inbox); link != NULL; link = next) {
        struct note *note = (struct note *)link;
        next = link->next;
        shards[shard].sum += note->amount;
        atomic_store_explicit(&note->is_run, true, memory_order_release);
    }
}

static void release(int shard) NO_THREAD_SAFETY_ANALYSIS
{
    do {
        drain(shard);
        baton_release(&shards[shard].baton);
    } while (!link_is_empty(&shards[shard].inbox) && baton_try(&shards[shard].baton));
}

/* Runs in place, or hands over and waits until a holder has run it: with nobody waking anybody, a lost note hangs. */
static void add_one(int shard, struct note *note) NO_THREAD_SAFETY_ANALYSIS
{
    if (link_is_empty(&shards[shard].inbox) && baton_try(&shards[shard].baton)) {
        shards[shard].sum += 1;
        release(shard);
        return;
    }
    note->amount = 1;
    atomic_store_explicit(&note->is_run, false, memory_order_relaxed);
    link_push(&shards[shard].inbox, &note->link);
    if (baton_try(&shards[shard].baton)) {
        release(shard);
    }
    while (!atomic_load_explicit(&note->is_run, memory_order_acquire)) {
        sched_yield();
    }
}

static void add_all(void) NO_THREAD_SAFETY_ANALYSIS
{
    for (int i = 0; i < SHARDS; i++) {
        baton_take(&shards[i].baton);
    }
    for (int i = 0; i < SHARDS; i++) {
        shards[i].sum += 1;
    }
    for (int i = SHARDS; i-- > 0;) {
        release(i);
    }
}

static void *worker(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg + 1;
    struct note note;
    for (int i = 0; i < ROUNDS; i++) {
        if (rand_r(&seed) % 16 == 0) {
            add_all();
        } else {
            for (int shard = 0; shard < SHARDS; shard++) {
                add_one(shard, &note);
            }
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int wrong = 0;
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, worker, (void *)i);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < SHARDS; i++) {
        wrong += shards[i].sum != (uint64_t)THREADS * ROUNDS;
        printf("shard %d: %llu of %llu\n", i, (unsigned long long)shards[i].sum, (unsigned long long)THREADS * ROUNDS);
    }
    return wrong == 0 ? 0 : 1;
}
