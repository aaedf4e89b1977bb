/* reader.h - the frames of one log, and what comes behind the last valid one.
 *
 * The file is read in windows; of a frame longer than that the checksum is computed first, piece by piece, so that memory is
 * asked for only by a length that was found to be true.
 *
 * Threads    One at a time; several readers at once.
 * Memory     A window of 1 MiB or the longest frame, class MEM_SNAPSHOT.  */
#ifndef AOF_READER_H
#define AOF_READER_H

#include "aof/format.h"
#include "mem/buffer.h"

/* A file, or what a test takes for one. */
struct aof_source {
    void *context;
    uint64_t bytes; /* of the file */
    /* Fills `into`: all of it, since offset + len <= bytes. False: errno. */
    bool (*read)(void *context, uint64_t offset, char *into, size_t len);
};

struct aof_reader {
    struct aof_source source;
    struct aof_header header;
    uint64_t offset;  /* of the next frame */
    uint64_t limit;   /* no frame ends behind it */
    uint64_t next;    /* the next frame's sequence; 0: any */
    struct buffer window;
    uint64_t window_offset;
    const char *fault; /* of AOF_READ_BAD */
};

enum aof_read_status {
    AOF_READ_OK,
    AOF_READ_END,       /* no valid frame there; aof_reader_tail looks why */
    AOF_READ_BAD,       /* the header is not one */
    AOF_READ_SYSTEM,    /* errno */
    AOF_READ_NO_MEMORY,
};

/* Reads the header. Borrows the source's context until close. `next`: the sequence of the first frame; 0: whatever it has. */
MUST_USE enum aof_read_status aof_reader_open(struct aof_reader *reader, const struct aof_source *source, uint64_t next);
/* The next frame; its payload is lent until the next call. */
MUST_USE enum aof_read_status aof_reader_next(struct aof_reader *reader, struct aof_frame *out, struct bytes *payload);
void aof_reader_close(struct aof_reader *reader);

/* What lies behind the last valid frame. */
struct aof_tail {
    uint64_t bytes;          /* up to the last that is not zero; 0: the log ends as it should */
    uint64_t frames;         /* valid ones of this file, later in sequence */
    uint64_t records;        /* in these */
    uint64_t durable;        /* the largest that they know */
    uint64_t known_at;       /* offset of the frame that knows it */
    uint64_t first_sequence; /* of the first of them; 0: none */
};
/* After AOF_READ_END, of a reader that knows which sequence is missing. AOF_READ_BAD: there is too much that looks like
 * frames. */
MUST_USE enum aof_read_status aof_reader_tail(struct aof_reader *reader, struct aof_tail *out);
/* The tail is *torn*, as a crash leaves it: no frame knows that the missing one was on disk. Else the log is damaged. */
bool aof_tail_is_torn(const struct aof_reader *reader, const struct aof_tail *tail);

#endif
