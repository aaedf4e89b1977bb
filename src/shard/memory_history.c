/* memory_history.c - two rings of samples; see memory_history.h.  */
#include "shard/memory_history.h"

#include "shard/server.h"

#include <assert.h>
#include <pthread.h>

/* The next sample goes to `next`; `count` of those before it are there. */
struct ring {
    struct memory_sample *samples;
    uint32_t size, next, count;
};

struct memory_history {
    pthread_mutex_t lock;
    struct ring seconds, minutes;
    struct memory_sample samples[MEMORY_HISTORY_MAX];
};

struct memory_history *memory_history_create(void)
{
    struct memory_history *history = thread_alloc_zeroed(MEM_SERVER, sizeof *history);
    if (history != NULL) {
        pthread_mutex_init(&history->lock, NULL);
        history->seconds = (struct ring){.samples = history->samples, .size = MEMORY_HISTORY_SHORT};
        history->minutes = (struct ring){.samples = history->samples + MEMORY_HISTORY_SHORT, .size = MEMORY_HISTORY_LONG};
    }
    return history;
}

void memory_history_destroy(struct memory_history *history)
{
    if (history != NULL) {
        pthread_mutex_destroy(&history->lock);
        thread_free(MEM_SERVER, history, sizeof *history);
    }
}

static void ring_add(struct ring *ring, const struct memory_sample *sample)
{
    ring->samples[ring->next] = *sample;
    ring->next = (ring->next + 1) % ring->size;
    ring->count += ring->count < ring->size;
}

/* Sample `age` counted from the newest, 0. */
static const struct memory_sample *ring_at(const struct ring *ring, uint32_t age)
{
    assert(age < ring->count);
    return &ring->samples[(ring->next + ring->size - 1 - age) % ring->size];
}

void memory_history_add(struct memory_history *history, const struct memory_sample *sample)
{
    pthread_mutex_lock(&history->lock);
    ring_add(&history->seconds, sample);
    const int64_t minute = sample->wall_ms / MEMORY_HISTORY_LONG_MS;
    if (history->minutes.count == 0 || ring_at(&history->minutes, 0)->wall_ms / MEMORY_HISTORY_LONG_MS != minute) {
        ring_add(&history->minutes, sample);
    }
    pthread_mutex_unlock(&history->lock);
}

void memory_history_sample(struct server *server, int64_t wall_ms)
{
    struct mem_counters total = {0};
    struct mem_process process;
    struct memory_sample sample = {.wall_ms = wall_ms};
    thread_heaps_total(&total);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        mem_counters_add(&total, heap_counters(server->shards[i].heap));
    }
    mem_process_read(&process);
    sample.resident = (int64_t)process.resident_bytes;
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        sample.classes[i] = total.class_bytes[i];
        sample.used += total.class_bytes[i];
        sample.dataset += mem_class_is_dataset((enum mem_class)i) ? total.class_bytes[i] : 0;
    }
    memory_history_add(server->memory_history, &sample);
}

/* The last `limit` minutes before a moment. */
static uint32_t copy_minutes(const struct ring *minutes, int64_t before_ms, struct memory_sample *out, uint32_t limit)
{
    uint32_t young = 0, count = 0;
    while (young < minutes->count && ring_at(minutes, young)->wall_ms >= before_ms) {
        young++;
    }
    const uint32_t old = minutes->count - young < limit ? minutes->count - young : limit;
    for (uint32_t i = old; i-- > 0;) {
        out[count++] = *ring_at(minutes, young + i);
    }
    return count;
}

uint32_t memory_history_copy(struct memory_history *history, struct memory_sample *out, uint32_t limit)
{
    pthread_mutex_lock(&history->lock);
    const uint32_t seconds = history->seconds.count < limit ? history->seconds.count : limit;
    uint32_t count = 0;
    if (seconds == history->seconds.count && seconds > 0) {
        count = copy_minutes(&history->minutes, ring_at(&history->seconds, seconds - 1)->wall_ms, out, limit - seconds);
    }
    for (uint32_t i = seconds; i-- > 0;) {
        out[count++] = *ring_at(&history->seconds, i);
    }
    pthread_mutex_unlock(&history->lock);
    return count;
}
