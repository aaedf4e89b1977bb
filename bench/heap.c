/* heap.c - what a shard's heap costs by itself, and for how long one call of it stops the shard: the longest of all calls, the least
 * of several repeats (the work is always the same, the machine's noise is not). No network. The phases run in one thread, as
 * in a server with one shard, or each in a new one, which is the worst that several shards can do.
 *
 *     build/release/bench/bench-heap [MiB ...]        (default: 400)  */
#include "base/clock.h"
#include "base/random.h"
#include "mem/heap.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { REPEATS = 3 };

struct slot {
    void *block;
    uint32_t size;
};

struct bench {
    struct heap *heap;
    struct slot *slots;
    size_t count;
    uint64_t random;
    uint64_t longest; /* ticks */
    long switches;    /* how often another took the processor away */
};

/* The longest call during which the processor was not taken away. */
static void note(struct bench *bench, uint64_t ticks)
{
    if (ticks <= bench->longest) {
        return;
    }
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    if (usage.ru_nivcsw == bench->switches) {
        bench->longest = ticks;
    }
    bench->switches = usage.ru_nivcsw;
}

static uint32_t random_size(struct bench *bench, uint32_t most)
{
    return 16 + (uint32_t)random_below(&bench->random, most - 16);
}

static void put(struct bench *bench, size_t at, uint32_t size)
{
    struct slot *slot = &bench->slots[at];
    const uint64_t began = clock_ticks();
    heap_free(bench->heap, MEM_STRING, slot->block, slot->size);
    slot->block = NULL;
    if (size > 0) {
        slot->block = heap_alloc(bench->heap, MEM_STRING, size);
        if (slot->block == NULL) {
            abort();
        }
        memset(slot->block, 1, 16);
    }
    note(bench, clock_ticks() - began);
    slot->size = size;
}

static void load(struct bench *bench, uint32_t most)
{
    for (size_t i = 0; i < bench->count; i++) {
        put(bench, i, random_size(bench, most));
    }
}

static void churn(struct bench *bench, uint32_t most)
{
    for (size_t i = 0; i < bench->count; i++) {
        put(bench, random_below(&bench->random, bench->count), random_size(bench, most));
    }
}

static void free_at_random(struct bench *bench, uint32_t most)
{
    (void)most;
    for (size_t i = 0; i < bench->count; i++) {
        put(bench, random_below(&bench->random, bench->count), 0);
    }
}

static void free_in_order(struct bench *bench, uint32_t most)
{
    (void)most;
    for (size_t i = 0; i < bench->count; i++) {
        put(bench, i, 0);
    }
}

struct phase {
    const char *name;
    void (*run)(struct bench *bench, uint32_t most);
};

static const struct phase phases[] = {
    {"load", load},   {"churn", churn},           {"free in order", free_in_order}, {"load again", load},
    {"churn", churn}, {"free at random", free_at_random}, {"load, a third over", load},     {"free in order", free_in_order},
};
enum { PHASES = sizeof phases / sizeof phases[0] };

struct run {
    struct bench *bench;
    void (*phase)(struct bench *bench, uint32_t most);
    uint32_t most;
};

static void *run_main(void *arg)
{
    const struct run *run = arg;
    run->bench->switches = -1;
    run->phase(run->bench, run->most);
    return NULL;
}

static void run_phase(struct run run, bool is_thread_new)
{
    pthread_t thread;
    if (!is_thread_new) {
        run_main(&run);
    } else if (pthread_create(&thread, NULL, run_main, &run) != 0 || pthread_join(thread, NULL) != 0) {
        abort();
    }
}

static void measure(uint64_t bytes, uint32_t most, bool is_thread_new)
{
    const double ticks_per_us = clock_ticks_per_us_measure();
    double ns[PHASES], longest_us[PHASES], resident_mib[PHASES];
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        struct bench bench = {.heap = heap_create(), .random = 1};
        bench.count = bytes / ((most + 16) / 2);
        bench.slots = calloc(bench.count, sizeof *bench.slots);
        for (int i = 0; i < PHASES; i++) {
            bench.longest = 0;
            const uint64_t began = clock_ticks();
            run_phase((struct run){&bench, phases[i].run, most}, is_thread_new);
            const double each = (double)(clock_ticks() - began) / ticks_per_us * 1000 / (double)bench.count;
            const double longest = (double)bench.longest / ticks_per_us;
            struct mem_process process;
            mem_process_read(&process);
            ns[i] = repeat == 0 || each < ns[i] ? each : ns[i];
            longest_us[i] = repeat == 0 || longest < longest_us[i] ? longest : longest_us[i];
            resident_mib[i] = (double)process.anonymous_bytes / (1 << 20);
        }
        heap_destroy(bench.heap);
        free(bench.slots);
    }
    for (int i = 0; i < PHASES; i++) {
        printf("%6llu MiB of blocks to %6u, %s: %-20s %7.1f ns a call, longest %8.1f us, resident %6.0f MiB\n",
               (unsigned long long)(bytes >> 20), most, is_thread_new ? "threads" : "thread", phases[i].name, ns[i],
               longest_us[i], resident_mib[i]);
    }
}

int main(int argc, char **argv)
{
    static const uint32_t mosts[] = {160, 2000, 100000};
    for (int i = 1; i == 1 || i < argc; i++) {
        const uint64_t bytes = (argc > 1 ? strtoull(argv[i], NULL, 10) : 400) << 20;
        for (size_t j = 0; j < sizeof mosts / sizeof mosts[0]; j++) {
            measure(bytes, mosts[j], false);
            measure(bytes, mosts[j], true);
        }
    }
    return 0;
}
