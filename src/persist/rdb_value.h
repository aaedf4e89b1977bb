/* rdb_value.h - one value as Redis's RDB files and DUMP have it, written and read in steps.
 *
 *   payload   type (1 byte) | value | version (2 bytes) | crc64 of all before it (8 bytes)
 *   file      type | the key's name | value                                 rdb_file.h
 *
 * Writing gives what redis-server 7.0 writes (RDB version 10), byte for byte where the order of the items is defined; a hash some of whose
 * fields have times is written as Redis 7.4 does (type 24), and then a payload says version 12. Reading
 * takes the types of all versions up to RDB_VERSION_READ_MAX; what does not fit its type to the last byte is refused.
 *
 * Threads    Under the baton of the shard that has the value.
 * Memory     Buffers and walks are from the thread's memory, values from the shard's heap.
 * Limits     A string within a collection is unpacked in one go, at about 2 ns a byte; everything else goes by items, of which a text has one
 *            more for every 256 bytes. A text below RDB_LONG_TEXT_MIN is packed in one go, too. (rdbcompression: struct encoding_limits.)
 * Read on    rdb_format.h (numbers), rdb_string.h (lengths and strings), blob.h (collections in one string).  */
#ifndef PERSIST_RDB_VALUE_H
#define PERSIST_RDB_VALUE_H

#include "base/attributes.h"
#include "data/value.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum rdb_status {
    RDB_MORE,
    RDB_DONE,
    RDB_BAD,       /* the payload is damaged */
    RDB_NO_MEMORY,
};

/* --- writing --- */

struct rdb_writer;

/* For the value of `entry`, which stays as it is until the end (what stands outside of it is pinned, or all in one step). NULL: refused.
 * The limits say how long a list's nodes may be. Gives: rdb_writer_destroy.  */
MUST_USE struct rdb_writer *rdb_writer_create(const struct entry *entry, const struct encoding_limits *limits);
/* The same for a file: the output is the type, `name` (lent until the first step), and the value, without footer, and `out` may hold other things
 * before the first step.  */
MUST_USE struct rdb_writer *rdb_writer_create_for_file(const struct entry *entry, const struct encoding_limits *limits, struct bytes name);
/* Between two steps: may the output so far be taken out of `out`, and the next step go on with an empty one? For files only. */
bool rdb_writer_may_move(const struct rdb_writer *writer);
/* Writes some more of the payload: about `items` items, or a node. RDB_DONE: it is complete with its footer. `out` was empty at
 * the first step.  */
enum rdb_status rdb_writer_step(struct rdb_writer *writer, struct buffer *out, size_t items);
/* NULL is allowed. */
void rdb_writer_destroy(struct rdb_writer *writer);

/* --- reading --- */

/* Looks at a footer, `limit` bytes a step. */
struct rdb_check {
    size_t at;
    uint64_t crc;
};
/* RDB_BAD: the version is above RDB_VERSION_READ_MAX, or the checksum is wrong. A zeroed check begins. */
enum rdb_status rdb_check_step(struct rdb_check *check, struct bytes payload, size_t limit);

struct rdb_reader;

/* Builds values in `heap` within `limits`. NULL: refused. Gives: rdb_reader_destroy. */
MUST_USE struct rdb_reader *rdb_reader_create(struct heap *heap, const struct hash_secret *secret,
                                              const struct encoding_limits *limits);
/* Reads some more of a payload, whose footer nobody looks at: about `items` items. The bytes may have moved since the last step,
 * but are the same.  */
enum rdb_status rdb_reader_step(struct rdb_reader *reader, struct bytes payload, size_t items);

/* Begins a file's value, whose type stands apart from it, in a reader that is new or has read others: one whose last value was
 * stored keeps its room for the next, and what was not stored is freed.  */
void rdb_reader_begin(struct rdb_reader *reader, uint8_t type);
/* The same as rdb_reader_step for such a value: these bytes, all of them, without type and footer. */
enum rdb_status rdb_reader_step_value(struct rdb_reader *reader, struct bytes value, size_t items);

/* Why, after RDB_BAD. */
enum rdb_refusal {
    RDB_REFUSAL_DAMAGED,
    RDB_REFUSAL_EMPTY,         /* well formed, but a collection without items: Redis leaves such a key of a file out */
    RDB_REFUSAL_MODULE,
    RDB_REFUSAL_TYPE,          /* another type than those that exist here */
};
enum rdb_refusal rdb_reader_refusal(const struct rdb_reader *reader);
/* "the collection is empty" */
const char *rdb_refusal_text(enum rdb_refusal refusal);

/* After RDB_DONE. True: the value is a string, lent from the bytes (of payload or value) or the reader. False: reader's value
 * holds it.  */
bool rdb_reader_string(const struct rdb_reader *reader, struct bytes bytes, struct bytes *out);
/* The detached value that has been read so far: stays the reader's, except that value_store takes what is in it. */
struct value *rdb_reader_value(struct rdb_reader *reader);
/* Frees the reader, and its value unless that was stored. Under the baton of the heap's shard. NULL is allowed. */
void rdb_reader_destroy(struct rdb_reader *reader);

#endif
