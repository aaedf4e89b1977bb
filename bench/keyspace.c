/* keyspace.c - what the keyspace costs by itself: bytes a key at several sizes, nanoseconds an operation with the hints that a
 * batch gives. No network, one thread.
 *
 *     build/release/bench/bench-keyspace [keys ...]        (default: 100000 300000 1000000 1500000)  */
#include "base/clock.h"
#include "data/keyspace.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 64, NAME_LEN = 14, VALUE_LEN = 8, REPEATS = 3 };
static const int64_t now_ms = INT64_C(1700000000000);

struct bench {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
    size_t count;
    int64_t ttl_ms; /* -1: none */
    uint64_t random;
};

static uint64_t next_random(struct bench *bench)
{
    bench->random ^= bench->random << 13;
    bench->random ^= bench->random >> 7;
    bench->random ^= bench->random << 17;
    return bench->random;
}

typedef void operation_fn(struct bench *bench, struct key key);

static void put(struct bench *bench, struct key key)
{
    char value[VALUE_LEN];
    const uint64_t random = next_random(bench) | UINT64_C(0x8080808080808080); /* no integer */
    memcpy(value, &random, sizeof value);
    struct entry *existing = keyspace_find(&bench->ks, key, now_ms);
    const enum expiry_mode mode = bench->ttl_ms < 0 ? EXPIRY_CLEAR : EXPIRY_SET;
    if (keyspace_put_string(&bench->ks, key, existing, (struct bytes){value, sizeof value}, mode, now_ms + bench->ttl_ms) !=
        RESULT_OK) {
        abort();
    }
}

static void find(struct bench *bench, struct key key)
{
    char scratch[STRING_SCRATCH];
    struct entry *entry = keyspace_find(&bench->ks, key, now_ms);
    if (entry == NULL || entry_string(entry, scratch).len == 0) {
        abort();
    }
}

static void miss(struct bench *bench, struct key key)
{
    key.hash = ~key.hash;
    if (keyspace_find(&bench->ks, key, now_ms) != NULL) {
        abort();
    }
}

static void erase(struct bench *bench, struct key key)
{
    if (!keyspace_delete(&bench->ks, key, now_ms)) {
        abort();
    }
}

/* As the server does it: hash the names of a batch, then both hints, then the operations. */
static void run_batch(struct bench *bench, operation_fn *operation, char (*names)[NAME_LEN + 1], size_t count)
{
    struct key keys[BATCH];
    for (size_t i = 0; i < count; i++) {
        keys[i].name = (struct bytes){names[i], NAME_LEN};
        keys[i].hash = hash_bytes(&bench->secret, keys[i].name);
        keyspace_prefetch_bucket(&bench->ks, keys[i].hash);
    }
    for (size_t i = 0; i < count; i++) {
        keyspace_prefetch_entry(&bench->ks, keys[i].hash);
    }
    for (size_t i = 0; i < count; i++) {
        operation(bench, keys[i]);
    }
}

/* As many operations as there are keys. Returns ns each; making the names is not in it. */
static double run(struct bench *bench, operation_fn *operation, bool is_random)
{
    int64_t spent_ns = 0;
    for (size_t done = 0; done < bench->count; done += BATCH) {
        char names[BATCH][NAME_LEN + 1];
        const size_t batch = bench->count - done < BATCH ? bench->count - done : BATCH;
        for (size_t i = 0; i < batch; i++) {
            const size_t which = is_random ? next_random(bench) % bench->count : done + i;
            snprintf(names[i], sizeof names[i], "key:%010zu", which);
        }
        const int64_t start_ns = clock_monotonic_ns();
        run_batch(bench, operation, names, batch);
        spent_ns += clock_monotonic_ns() - start_ns;
    }
    return (double)spent_ns / (double)bench->count;
}

static double best_run(struct bench *bench, operation_fn *operation)
{
    double best = run(bench, operation, true);
    for (int i = 1; i < REPEATS; i++) {
        const double again = run(bench, operation, true);
        best = again < best ? again : best;
    }
    return best;
}

static void bench_size(size_t count, int64_t ttl_ms)
{
    struct bench bench = {.heap = heap_create(), .count = count, .ttl_ms = ttl_ms, .random = 88172645463325252};
    if (bench.heap == NULL || !hash_secret_draw(&bench.secret)) {
        abort();
    }
    keyspace_init(&bench.ks, bench.heap, &bench.secret);
    struct mem_process before;
    struct mem_process after;
    mem_process_read(&before);
    const double load_ns = run(&bench, put, false);
    mem_process_read(&after);
    const double used = (double)mem_counters_total(heap_counters(bench.heap)) / (double)count;
    const double resident = (double)(after.resident_bytes - before.resident_bytes) / (double)count;
    const double find_ns = best_run(&bench, find);
    const double miss_ns = best_run(&bench, miss);
    const double put_ns = best_run(&bench, put);
    const double erase_ns = run(&bench, erase, false);
    printf("%9zu %4s %8.2f %8.2f %8.1f %8.1f %8.1f %8.1f %8.1f\n", count, ttl_ms < 0 ? "no" : "yes", used, resident, load_ns,
           find_ns, miss_ns, put_ns, erase_ns);
    heap_destroy(bench.heap);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {100000, 300000, 1000000, 1500000};
    printf("     keys  ttl used/key  rss/key  load ns  find ns  miss ns  over ns  del ns\n");
    for (size_t i = 0; i < (argc > 1 ? (size_t)argc - 1 : sizeof sizes / sizeof sizes[0]); i++) {
        const size_t count = argc > 1 ? strtoull(argv[i + 1], NULL, 10) : sizes[i];
        bench_size(count, -1);
        bench_size(count, 3600000);
    }
    return 0;
}
