/* span.h - the frames of logs that count: how many, and of which time.  */
#ifndef CHECKLOG_SPAN_H
#define CHECKLOG_SPAN_H

#include "aof/files.h"

struct span {
    uint64_t frames, records, bytes;
    int64_t earliest_ms, latest_ms; /* if there are frames */
};

/* Adds all logs of a generation of a manifest that is all sealed. False: it has said what is wrong. */
MUST_USE bool span_add_generation(struct span *span, const struct aof_files *files, const struct aof_manifest *manifest, uint32_t at);
void span_add_span(struct span *span, const struct span *more);
/* The first frame of a log, if it has any that can be read; bytes and the rest of the log are not looked at. */
void span_add_first(struct span *span, const struct aof_files *files, const struct aof_log *log);

#endif
