/* latency_log.c - samples of slow events, a ring for each kind.  */
#include "cmd/slow/latency_log.h"
#include "base/clock.h"
#include "mem/heap.h"

#include <pthread.h>
#include <stdio.h>

struct kind {
    char name[LATENCY_EVENT_NAME_MAX + 1];
    int64_t worst_ms;
    size_t count; /* up to LATENCY_SAMPLES_MAX */
    size_t next;  /* where the next sample goes */
    struct latency_sample samples[LATENCY_SAMPLES_MAX];
};

struct latency_log {
    pthread_mutex_t lock;
    size_t kind_count;
    struct kind kinds[LATENCY_EVENTS_MAX];
};

struct latency_log *latency_log_create(void)
{
    struct latency_log *log = thread_alloc_zeroed(MEM_SERVER, sizeof *log);
    if (log != NULL) {
        pthread_mutex_init(&log->lock, NULL);
    }
    return log;
}

void latency_log_destroy(struct latency_log *log)
{
    if (log == NULL) {
        return;
    }
    pthread_mutex_destroy(&log->lock);
    thread_free(MEM_SERVER, log, sizeof *log);
}

/* Under the lock. NULL: none. */
static struct kind *find_kind(struct latency_log *log, struct bytes name)
{
    for (size_t i = 0; i < log->kind_count; i++) {
        if (bytes_equal_ignore_case(name, bytes_of_string(log->kinds[i].name))) {
            return &log->kinds[i];
        }
    }
    return NULL;
}

static struct kind *make_kind(struct latency_log *log, const char *name)
{
    if (log->kind_count == LATENCY_EVENTS_MAX) {
        return NULL;
    }
    struct kind *kind = &log->kinds[log->kind_count++];
    *kind = (struct kind){0};
    snprintf(kind->name, sizeof kind->name, "%s", name);
    return kind;
}

static void add_sample(struct kind *kind, int64_t ms, int64_t seconds)
{
    struct latency_sample *last = &kind->samples[(kind->next + LATENCY_SAMPLES_MAX - 1) % LATENCY_SAMPLES_MAX];
    kind->worst_ms = ms > kind->worst_ms ? ms : kind->worst_ms;
    if (kind->count > 0 && last->seconds == seconds) {
        last->ms = ms > last->ms ? ms : last->ms;
        return;
    }
    kind->samples[kind->next] = (struct latency_sample){seconds, ms};
    kind->next = (kind->next + 1) % LATENCY_SAMPLES_MAX;
    kind->count += kind->count < LATENCY_SAMPLES_MAX;
}

void latency_log_add_at(struct latency_log *log, const char *event, int64_t ms, int64_t seconds)
{
    pthread_mutex_lock(&log->lock);
    struct kind *kind = find_kind(log, bytes_of_string(event));
    kind = kind != NULL ? kind : make_kind(log, event);
    if (kind != NULL) {
        add_sample(kind, ms, seconds);
    }
    pthread_mutex_unlock(&log->lock);
}

void latency_log_add(struct latency_log *log, const char *event, int64_t ms)
{
    latency_log_add_at(log, event, ms, clock_wall_ms() / 1000);
}

static void copy_kind(const struct kind *kind, struct latency_event *out)
{
    memcpy(out->name, kind->name, sizeof out->name);
    out->worst_ms = kind->worst_ms;
    out->count = kind->count;
    size_t first = (kind->next + LATENCY_SAMPLES_MAX - kind->count) % LATENCY_SAMPLES_MAX;
    for (size_t i = 0; i < kind->count; i++) {
        out->samples[i] = kind->samples[(first + i) % LATENCY_SAMPLES_MAX];
    }
}

bool latency_log_find(struct latency_log *log, struct bytes event, struct latency_event *out)
{
    pthread_mutex_lock(&log->lock);
    const struct kind *kind = find_kind(log, event);
    if (kind != NULL) {
        copy_kind(kind, out);
    }
    pthread_mutex_unlock(&log->lock);
    return kind != NULL;
}

bool latency_log_at(struct latency_log *log, size_t index, struct latency_event *out)
{
    pthread_mutex_lock(&log->lock);
    bool is_there = index < log->kind_count;
    if (is_there) {
        copy_kind(&log->kinds[index], out);
    }
    pthread_mutex_unlock(&log->lock);
    return is_there;
}

bool latency_log_forget(struct latency_log *log, struct bytes event)
{
    pthread_mutex_lock(&log->lock);
    struct kind *kind = find_kind(log, event);
    if (kind != NULL) {
        log->kind_count--;
        size_t behind = log->kind_count - (size_t)(kind - log->kinds);
        memmove(kind, kind + 1, behind * sizeof *kind);
    }
    pthread_mutex_unlock(&log->lock);
    return kind != NULL;
}

size_t latency_log_clear(struct latency_log *log)
{
    pthread_mutex_lock(&log->lock);
    size_t count = log->kind_count;
    log->kind_count = 0;
    pthread_mutex_unlock(&log->lock);
    return count;
}
