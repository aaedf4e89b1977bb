/* text_copy.h - a long text that becomes a string of its own, in steps of a job, before a key gets it.
 *
 * Threads    Begin and the end: under the baton of the keyspace's shard. Steps: without, too.
 * Memory     The new string is in the keyspace's heap, and nobody's until it is stored; a key must be pinned meanwhile.  */
#ifndef CMD_TEXT_COPY_H
#define CMD_TEXT_COPY_H

#include "exec/exec.h"

/* Longer texts are copied by a job: into new memory that takes some 0.8 ms. */
enum { TEXT_AT_ONCE_MAX = 1024 * 1024 };

struct text_copy {
    struct keyspace *ks;       /* NULL: not begun, or ended */
    struct open_string string; /* its len is 0 until the end */
    size_t at;                 /* bytes copied */
};

/* RESULT_NO_MEMORY: nothing is kept. */
MUST_USE enum result text_copy_begin(struct text_copy *copy, struct keyspace *ks, size_t len);
/* Goes on with `text`, which may have moved, but is the same, until the step is over. True: all of it is copied. */
bool text_copy_run(struct text_copy *copy, struct exec *exec, struct bytes text);
/* Makes the finished string `key`'s, in place of `existing`. Otherwise it is as before. */
MUST_USE enum result text_copy_store(struct text_copy *copy, struct key key, struct entry *existing, enum expiry_mode mode,
                                     int64_t expiry_ms);
/* Ends it at any time. Does nothing when it has ended. */
void text_copy_discard(struct text_copy *copy);

#endif
