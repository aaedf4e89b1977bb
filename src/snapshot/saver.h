/* saver.h - the thread that writes the file of a snapshot, while the shards go on: they push chunks, it writes them one behind the other.
 *
 *   OPENING --temporary file is there--> OPEN --saver_go--> WRITING --all queues closed--> DONE: the file has its name, and is on the disk
 *        \______________________________________\_________________\--> FAILED: the temporary file is gone, what had the name before is as it was
 *
 * Each shard has queues of its own. A chunk either ends with the end of a record of the file, or says that the record goes on in the next chunk of
 * the same queue: until then no other queue is written. At the end the thread adds where the chunks are (an AUX field, for loading in parallel),
 * the end mark and the checksum; then fsync, rename, and fsync of the directory.
 *
 * Threads    saver_start, saver_destroy: one at a time. saver_push, saver_close: whoever holds the baton of the queue's shard. The others: any.
 * Memory     Chunks are MEM_SNAPSHOT, of the pushing thread; the saver takes and frees them.
 * Invariant  V1 the file under its own name is always a whole snapshot: it is replaced by rename, after fsync of what replaces it. V2 a failure is final:
 *            nothing is written after it, and fsync is not tried again.
 * Source     fsync(2), rename(2); Rebello et al., "Can Applications Recover from fsync Failures?" (2020).  */
#ifndef SNAPSHOT_SAVER_H
#define SNAPSHOT_SAVER_H

#include "base/attributes.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct saver;

enum saver_state { SAVER_OPENING, SAVER_OPEN, SAVER_WRITING, SAVER_DONE, SAVER_FAILED };

/* Queue 0 is the head's; behind it each shard has SAVER_SHARD_QUEUES. */
enum { SAVER_CHUNK_BYTES = 1 << 18, SAVER_NAME_MAX = 256, SAVER_SHARD_QUEUES = 2 };

struct saver_options {
    const char *folder;     /* where the file goes; lent until saver_start returns, as the name */
    const char *name;       /* of the file in it */
    const char *home;       /* NULL, or `folder` is ".": its absolute path, for when it was removed, and is there again */
    uint32_t queue_count;   /* the first of them is written to its end before any other */
    bool has_checksum;      /* rdbchecksum */
    bool is_unnamed;        /* the file never gets its name, and is not on the disk for sure: saver_take_file */
};

/* Starts the thread. NULL: no memory, or no thread; errno. Gives: saver_destroy. */
MUST_USE struct saver *saver_start(const struct saver_options *options);
/* Waits until the thread has ended, cancelling it if it has not. NULL is allowed. */
void saver_destroy(struct saver *saver);

enum saver_state saver_state(const struct saver *saver);
/* OPEN becomes WRITING: chunks come from now on. */
void saver_go(struct saver *saver);
/* It fails soon, with ECANCELED, unless it is done. */
void saver_cancel(struct saver *saver);

/* Takes the buffer's memory, and leaves it empty. `is_open`: its last record goes on in the queue's next chunk, which alone may have no bytes: it ends
 * the record. False: no memory, nothing was taken. */
MUST_USE bool saver_push(struct saver *saver, uint32_t queue, struct buffer *chunk, bool is_open);
/* Nothing more comes from this queue. */
void saver_close(struct saver *saver, uint32_t queue);

/* Bytes that were pushed and not written yet. */
uint64_t saver_waiting_bytes(const struct saver *saver);
/* A record of this queue is in the file up to its middle, and its next chunk is not there yet: nothing else is written before it comes, however much
 * waits. Any thread. */
bool saver_waits_for(const struct saver *saver, uint32_t queue);
uint64_t saver_written_bytes(const struct saver *saver);
/* Of SAVER_DONE: the checksum at the end of the file. */
uint64_t saver_checksum(const struct saver *saver);
/* Of SAVER_DONE, with is_unnamed, once: the file, for reading; gives. */
int saver_take_file(struct saver *saver);
/* Of SAVER_FAILED: what could not be done ("write", "fsync" ...), and errno. */
const char *saver_failed_at(const struct saver *saver, int *error);

#endif
