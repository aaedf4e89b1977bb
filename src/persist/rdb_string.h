/* rdb_string.h - lengths and strings as RDB writes them, the two things that everything else is made of.
 *
 *   length   00nnnnnn | 01nnnnnn n | 80 and 4 bytes | 81 and 8 bytes (high byte first)
 *   string   length and text | C0 C1 C2: an integer of 1, 2, 4 bytes (low byte first), meaning its decimal text |
 *            C3, length of the packed bytes, length of the text, packed bytes (LZF)
 *
 * Threads    Any.
 * Memory     Nothing is allocated when reading, except by rdb_text_unpack and rdb_read_item.  */
#ifndef PERSIST_RDB_STRING_H
#define PERSIST_RDB_STRING_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/result.h"
#include "encoding/item.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* --- reading: false means that the bytes are cut off or make no sense; then nothing has moved that matters --- */

/* What is left to be read. */
struct rdb_input {
    struct bytes bytes;
    size_t at;
};

static inline size_t rdb_left(const struct rdb_input *input)
{
    return input->bytes.len - input->at;
}

/* `len` bytes as they are, lent. */
MUST_USE bool rdb_read_raw(struct rdb_input *input, size_t len, struct bytes *out);
MUST_USE bool rdb_read_byte(struct rdb_input *input, uint8_t *out);
/* 8 bytes, low byte first: a time, an id, the bits of a double. */
MUST_USE bool rdb_read_word(struct rdb_input *input, uint64_t *out);
MUST_USE bool rdb_read_length(struct rdb_input *input, uint64_t *out);

struct rdb_text {
    struct bytes bytes; /* the text; LZF: the packed bytes, both lent from the input; integer: data is NULL */
    int64_t integer;
    size_t packed_from; /* LZF: the length of the text, never more than these bytes can become; otherwise 0 */
};

MUST_USE bool rdb_read_text(struct rdb_input *input, struct rdb_text *out);
/* The text's length. */
size_t rdb_text_len(const struct rdb_text *text);
/* Unpacks LZF into `room` (what was there is lost) and makes *text plain: lent from the room. Others stay as they are.
 * RESULT_SYNTAX: the packed bytes are damaged.  */
MUST_USE enum result rdb_text_unpack(struct rdb_text *text, struct buffer *room);
/* A string as an item, lent from the input, or from `room`, where LZF is unpacked (what was there is lost). RESULT_SYNTAX: cut off or
 * damaged.  */
MUST_USE enum result rdb_read_item(struct rdb_input *input, struct buffer *room, struct item *out);

/* --- writing: false means that memory was refused; then what was written is of no use --- */

MUST_USE bool rdb_write_byte(struct buffer *out, uint8_t byte);
MUST_USE bool rdb_write_word(struct buffer *out, uint64_t word);
MUST_USE bool rdb_write_length(struct buffer *out, uint64_t length);
/* rdbcompression: are texts of more than 20 bytes packed, if that is shorter? */
enum rdb_packing { RDB_PACKED, RDB_PLAIN };
/* As redis-server does: short integers as integers, also those that are written as text. */
MUST_USE bool rdb_write_text(struct buffer *out, struct bytes text, enum rdb_packing packing);
MUST_USE bool rdb_write_integer(struct buffer *out, int64_t integer);
/* The same for a long text that is packed in steps behind the end of `out`. First makes room: *packed is where the packed bytes go,
 * at most *room. Then writes what stands before them, and moves them up if that is shorter than thought: they are output when
 * the caller adds to out->len.  */
enum { RDB_LONG_TEXT_MIN = 32768 };
MUST_USE bool rdb_reserve_packed(struct buffer *out, struct bytes text, char **packed, size_t *room);
void rdb_write_packed_head(struct buffer *out, size_t packed, size_t packed_from);
/* Bytes that are packed already. */
MUST_USE bool rdb_write_packed(struct buffer *out, struct bytes packed, size_t packed_from);

#endif
