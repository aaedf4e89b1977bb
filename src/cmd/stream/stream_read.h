/* stream_read.h - what XREAD and XREADGROUP share: their words.
 *
 * Threads    Any; nothing is kept.  */
#ifndef CMD_STREAM_READ_H
#define CMD_STREAM_READ_H

#include "cmd/stream/stream_private.h"

struct read_words {
    uint64_t count;         /* entries of each stream; UINT64_MAX: all */
    bool is_group;          /* XREADGROUP */
    bool is_blocking;
    int64_t timeout_ms;
    bool is_noack;
    bool is_claiming;       /* CLAIM: pending entries that were idle for claim_idle_ms come first */
    int64_t claim_idle_ms;  /* not negative */
    uint32_t group_at;      /* argv index of the group's name, the consumer's behind it; 0: none */
    uint32_t streams_at;    /* of the first key */
    uint32_t stream_count;
};

/* Reads argv[1] up to the keys; false: the error was replied. */
bool read_words_parse(struct exec *exec, bool is_group, struct read_words *out);
/* No stream has anything: the command waits, or replies so. `ids`: one a stream, in place of the words'; NULL: none. `look_ms`: when
 * there may be something without a change (wall, milliseconds); 0: never.  */
void read_nothing(struct exec *exec, const struct read_words *words, const struct bytes *ids, int64_t look_ms);
/* The array of streams in RESP2, their map in RESP3. */
void reply_streams(struct reply *reply, size_t count);
/* The name of argv[index], before its entries. */
void reply_stream_name(struct exec *exec, uint32_t index);

#endif
