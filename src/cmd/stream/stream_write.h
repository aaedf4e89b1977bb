/* stream_write.h - jobs that change streams in steps: their keys are pinned, so that no other command writes them.
 *
 * Readers may pin the same streams between two steps; then the job waits until they are done.
 *
 * Threads    Each step holds the batons of all keys.  */
#ifndef CMD_STREAM_WRITE_H
#define CMD_STREAM_WRITE_H

#include "cmd/stream/stream_private.h"

struct stream_job {
    struct job job;
    size_t bytes;        /* of the whole block */
    struct pin *pins;    /* of keys argv[first_key_at ...], at the end of the block */
    uint32_t pin_count;
    uint32_t first_key_at;
    void (*release)(struct stream_job *job); /* frees what the maker keeps besides; NULL: nothing */
};

/* A stream opened for one step. */
struct stream_write {
    struct value value;
    struct stream *stream;
};

enum stream_write_state {
    STREAM_WRITE_OPEN, /* the step ends by stream_value_close(&write->value) */
    STREAM_WRITE_WAIT, /* somebody reads it: JOB_WAIT */
    STREAM_WRITE_GONE, /* the key has expired meanwhile; the stream may be read, but not be changed */
};

/* A job of `size` bytes that begins with a struct stream_job, zeroed, whose keys are pinned: `key_count` from argv[first_key_at]
 * on, those that are there. The caller sets its step and starts it. NULL: nothing is to be done (replied, or retried later).  */
void *stream_job_create(struct exec *exec, size_t size, uint32_t first_key_at, uint32_t key_count);
/* The stream of the job's key number `index`, which was there when the job was made. */
enum stream_write_state stream_job_open(struct stream_job *job, struct exec *exec, uint32_t index, struct stream_write *out);
/* The same for reading. */
struct stream *stream_job_stream(const struct stream_job *job, uint32_t index);

#endif
