/* rdb_value.h - one value as Redis's RDB files and DUMP have it, written and read in steps.
 *
 *   payload   type (1 byte) | value | version (2 bytes) | crc64 of all before it (8 bytes)
 *
 * Writing gives what redis-server 7.0 writes (RDB version 10), byte for byte where the order of the items is defined. Reading
 * takes all types that it takes, those of older versions, too; what does not fit its type to the last byte is refused.
 *
 * Threads    Under the baton of the shard that has the value.
 * Memory     Buffers and walks are from the thread's memory, values from the shard's heap.
 * Limits     A string within a collection is packed and unpacked in one go, at about 5 ns a byte; everything else goes by items, of
 *            which a long string has one for every 256 bytes.
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
/* RDB_BAD: version or checksum are wrong. A zeroed check begins. */
enum rdb_status rdb_check_step(struct rdb_check *check, struct bytes payload, size_t limit);

struct rdb_reader;

/* Builds values in `heap` within `limits`. NULL: refused. Gives: rdb_reader_destroy. */
MUST_USE struct rdb_reader *rdb_reader_create(struct heap *heap, const struct hash_secret *secret,
                                              const struct encoding_limits *limits);
/* Reads some more of a payload, whose footer nobody looks at: about `items` items. The bytes may have moved since the last step,
 * but are the same.  */
enum rdb_status rdb_reader_step(struct rdb_reader *reader, struct bytes payload, size_t items);
/* After RDB_DONE. True: the value is a string, lent from the payload or the reader. False: reader's value holds it. */
bool rdb_reader_string(const struct rdb_reader *reader, struct bytes payload, struct bytes *out);
/* The detached value that has been read so far: stays the reader's, except that value_store takes what is in it. */
struct value *rdb_reader_value(struct rdb_reader *reader);
/* Frees the reader, and its value unless that was stored. Under the baton of the heap's shard. NULL is allowed. */
void rdb_reader_destroy(struct rdb_reader *reader);

#endif
