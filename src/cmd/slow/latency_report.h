/* latency_report.h - latency samples as pictures and sentences: LATENCY GRAPH and LATENCY DOCTOR.  */
#ifndef CMD_LATENCY_REPORT_H
#define CMD_LATENCY_REPORT_H

#include "cmd/slow/latency_log.h"
#include "mem/buffer.h"

/* Appends the picture of one kind of event. False: no memory. */
MUST_USE bool latency_append_graph(const struct latency_event *event, int64_t now_seconds, struct buffer *out);

/* What the doctor looks at besides the samples. */
struct latency_doctor {
    int64_t threshold_ms;          /* latency-monitor-threshold */
    int64_t slowlog_slower_than_us;
};
/* Appends the report. False: no memory. */
MUST_USE bool latency_append_diagnosis(struct latency_log *log, const struct latency_doctor *doctor, struct buffer *out);

#endif
