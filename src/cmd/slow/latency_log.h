/* latency_log.h - when something took longer than latency-monitor-threshold: the newest samples of each kind of event.
 *
 * Threads    Any; it locks itself. Only slow events come here.
 * Limits     LATENCY_EVENTS_MAX kinds of events, LATENCY_SAMPLES_MAX samples each; a second's worst is one sample.  */
#ifndef CMD_LATENCY_LOG_H
#define CMD_LATENCY_LOG_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct latency_log;

enum { LATENCY_EVENTS_MAX = 16, LATENCY_SAMPLES_MAX = 160, LATENCY_EVENT_NAME_MAX = 31 };

struct latency_sample {
    int64_t seconds; /* wall clock */
    int64_t ms;
};

/* One kind of event: a copy for whoever asks. */
struct latency_event {
    char name[LATENCY_EVENT_NAME_MAX + 1];
    int64_t worst_ms; /* since it was reset */
    size_t count;     /* > 0 */
    struct latency_sample samples[LATENCY_SAMPLES_MAX]; /* oldest first */
};

/* NULL: no memory. */
struct latency_log *latency_log_create(void);
void latency_log_destroy(struct latency_log *log);

/* Adds a sample of now. A kind beyond LATENCY_EVENTS_MAX is not kept. */
void latency_log_add(struct latency_log *log, const char *event, int64_t ms);
void latency_log_add_at(struct latency_log *log, const char *event, int64_t ms, int64_t seconds);
/* Copies the kind with that name (case ignored); false: it has no samples. */
MUST_USE bool latency_log_find(struct latency_log *log, struct bytes event, struct latency_event *out);
/* Copies kind number `index`; false: there are no more. Kinds keep their numbers until they are reset. */
MUST_USE bool latency_log_at(struct latency_log *log, size_t index, struct latency_event *out);
/* Forgets a kind; false: it has no samples. */
bool latency_log_forget(struct latency_log *log, struct bytes event);
/* Forgets all; returns how many kinds there were. */
size_t latency_log_clear(struct latency_log *log);

#endif
