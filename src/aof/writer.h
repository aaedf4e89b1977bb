/* writer.h - one shard's log while it is written: says what is to be done with the file, and is told how it went.
 *
 *     write side     IDLE --take--> WRITING --all written--> IDLE
 *                                   WRITING --a part--> REST --take--> WRITING
 *                                   WRITING --no space--> FULL --aof_writer_retry--> CUT --take--> CUTTING --done--> REST
 *     fsync side     IDLE --take_sync--> SYNCING --done--> IDLE
 *     zeros side     IDLE --take_zeros--> ZEROING --done, or not--> IDLE
 *     the whole      OPEN --aof_writer_finish--> FINISHED; either --any other error, a gap--> FAILED, for good
 *
 * One write and one fsync are under way at most; records gather in the open frame meanwhile, so a frame is what came while the
 * one before it was being written: a group commit. It never calls the system: whoever drives it (a ring, plain calls, a
 * simulated disk) asks for what is to be done, does it, and tells the result. When to ask for an fsync is the caller's policy.
 *
 * A failed fsync is final: the kernel may have dropped what it could not write, and says so only once. So is any error of a
 * write but "no space", after which the file is cut back to the last good frame and the same frame is written again at the same
 * place. The way out of FAILED is a new generation, from a base taken after it.
 *
 * Threads    All under the baton of the shard, but what take gave, which is the caller's until it tells the result.
 * Memory     Two buffers of class MEM_LOG_BUFFER, contiguous; what is over AOF_BUFFER_KEPT goes back when frames do not need it. One more while a unit
 *            is set apart.
 * Invariant  synced <= written <= closed; written is the last frame all of which is in the file.  */
#ifndef AOF_WRITER_H
#define AOF_WRITER_H

#include "aof/format.h"
#include "aof/record.h"
#include "mem/buffer.h"

enum {
    AOF_BUFFER_KEPT = 1 << 20,     /* always */
    AOF_BUFFER_KEPT_MAX = 16 << 20, /* while frames need a quarter of it: fresh pages cost more than what is written to them */
    AOF_SUM_BYTES = 4096,  /* of a payload are summed up at once, while they are in the cache */
    AOF_ZERO_ALIGN = 4096,
};

enum aof_write_state { AOF_WRITE_IDLE, AOF_WRITING, AOF_WRITE_REST, AOF_WRITE_FULL, AOF_WRITE_CUT, AOF_CUTTING };

/* Fields are read by whoever has the baton, and written by writer.c. */
struct aof_writer {
    struct aof_header header;
    struct aof_writer *previous; /* of the same shard; its frames must be on disk before ours are written. NULL: none, or
                                  * aof_writer_take has seen that they are */
    struct buffer open;          /* the open frame: room for its header, then records; empty without any */
    struct buffer under_way;     /* the closed frame that is being written; else empty */
    size_t summed_len;           /* of the open frame: payload_crc has its payload up to there */
    uint32_t payload_crc;
    uint32_t record_count;       /* of the open frame */
    uint64_t open_unit;          /* its records have begun in the open frame and not ended; 0: none */
    size_t unit_from;            /* where they begin, while it is open, */
    uint32_t unit_from_count;    /* and how many records are before them */
    struct buffer apart;         /* records of a unit that has paused: they come back with its end */
    uint64_t apart_unit;         /* 0: none */
    uint32_t apart_count;
    enum aof_write_state write_state;
    bool is_syncing, is_zeroing, is_finished;
    bool has_gap;                /* FAILED, a record is missing: no frame is closed any more */
    bool has_error;              /* FAILED, by the disk: nothing is written or synced any more */
    int error;                   /* errno: why FAILED, or the last lack of space */
    uint64_t closed, written, syncing, synced; /* sequences of frames */
    uint64_t told_durable, told_committed;     /* by the last closed frame */
    uint64_t last_with_records;  /* of the closed frames */
    uint64_t end;                /* where the frame under way begins; else where the next one will */
    size_t under_way_done;       /* bytes of it that are in the file */
    uint64_t zeros_end;          /* up to there the file has been prepared */
    uint64_t zeros_from;         /* while ZEROING: from there on */
    uint64_t zeros_piece;        /* 0: it is not prepared */
};

/* FAILED */
static inline bool aof_writer_has_failed(const struct aof_writer *writer)
{
    return writer->has_gap || writer->has_error;
}

enum aof_todo {
    AOF_NOTHING,
    AOF_WRITE, /* `bytes` at `offset`; then aof_writer_written */
    AOF_TRUNCATE, /* the file to `offset` bytes; then aof_writer_truncated */
};

struct aof_write {
    uint64_t offset;
    struct bytes bytes; /* lent until aof_writer_written */
};

/* The file has its header, on disk, and nothing behind it but zeros up to `zeros_end` (or nothing: AOF_HEADER_BYTES). `last`:
 * the sequence before its first frame's; after a log that has failed, and is finished, its aof_writer_open_sequence.
 * `zeros_piece`: how many bytes are prepared ahead at once, a multiple of AOF_ZERO_ALIGN; 0: none.  */
void aof_writer_open(struct aof_writer *writer, const struct aof_header *header, uint64_t last, uint64_t zeros_end, uint64_t zeros_piece);
/* The same for a file that goes on where `previous` ends, at one moment of all shards: `previous` is finished, and lent until
 * writer->previous is NULL: aof_writer_take has found that its frames are on disk, or aof_writer_forget_previous was called. What
 * `previous` waits for itself stays lent as long. No FAILED one ever lets go: then only a base does.  */
void aof_writer_follow(struct aof_writer *writer, const struct aof_header *header, struct aof_writer *previous, uint64_t zeros_end,
                       uint64_t zeros_piece);
/* A finished base has all that was in it: its frames need not be written. */
void aof_writer_forget_previous(struct aof_writer *writer);
/* Nothing is under way. Frees the buffers. */
void aof_writer_close(struct aof_writer *writer);

/* Adds a record to the open frame. False: no memory, or it had FAILED before; now it has. One unit at a time: its records end
 * with a UNIT END before another unit's begin; records without a unit may stand between. Not after aof_writer_finish. Some
 * 35 ns for a SET of 64 bytes, to its frame (bench-log).  */
MUST_USE bool aof_writer_append(struct aof_writer *writer, const struct aof_record *record);
/* The open unit, if there is one, goes on later, and its records with it: they leave the open frame, which need not wait for them, and come to the one
 * that is open when the unit ends. Nobody else has appended since it began. Another unit may begin and end meanwhile. Without memory: FAILED.  */
void aof_writer_set_apart(struct aof_writer *writer);
/* The open unit, or the one that is set apart, never ends: its records go. */
void aof_writer_drop_unit(struct aof_writer *writer);
/* The sequence of the frame that the next record goes into. */
static inline uint64_t aof_writer_open_sequence(const struct aof_writer *writer)
{
    return writer->closed + 1;
}
/* aof_writer_take would close the open frame now. */
bool aof_writer_is_ready(const struct aof_writer *writer);
/* Bytes of the open frame and of the one under way; what is set apart waits for its unit, not for the disk. */
uint64_t aof_writer_pending_bytes(const struct aof_writer *writer);
/* What is to be done next; closes the open frame if nothing is under way. `committed`: aof_cut_committed of the shard. */
enum aof_todo aof_writer_take(struct aof_writer *writer, uint64_t committed, int64_t wall_ms, struct aof_write *out);
/* The same, and if there is no record at all an empty frame is closed, if it would tell a reader that more is durable or
 * committed than the last one did: before a pause or the end, so that damage to the last frame is known from a torn tail. None
 * when finished: the next frame is another file's.  */
enum aof_todo aof_writer_take_mark(struct aof_writer *writer, uint64_t committed, int64_t wall_ms, struct aof_write *out);
/* `result`: bytes, or -errno. */
void aof_writer_written(struct aof_writer *writer, int64_t result);
/* `error`: errno, or 0. */
void aof_writer_truncated(struct aof_writer *writer, int error);
/* There may be space again. Nothing unless FULL. */
void aof_writer_retry(struct aof_writer *writer);

/* True: an fdatasync of the file is to be done now, then aof_writer_synced. It covers what has been written by now. */
MUST_USE bool aof_writer_take_sync(struct aof_writer *writer);
void aof_writer_synced(struct aof_writer *writer, int error);

/* True: zeros are to be written there, best by a way that leaves no dirty pages for the next fdatasync to write (O_DIRECT); then
 * aof_writer_zeroed. Frames that would reach there wait meanwhile, so ask early: there are fewer than half a piece of zeros
 * left.  */
MUST_USE bool aof_writer_take_zeros(struct aof_writer *writer, uint64_t *offset, uint64_t *len);
/* `error` is no failure: nothing is prepared from now on. */
void aof_writer_zeroed(struct aof_writer *writer, int error);

/* No more records will come. */
void aof_writer_finish(struct aof_writer *writer);
/* A record is missing (memory was refused before it came here): FAILED, the open frame is dropped. What is under way may still
 * end well. */
void aof_writer_fail(struct aof_writer *writer, int error);
/* Everything that was appended is on disk, here and in the files before. */
bool aof_writer_is_synced(const struct aof_writer *writer);

#endif
