/* record.h - the records in a frame's payload.
 *
 *     record    length of the rest, varint | kind u8, 0x80: with a unit | [unit varint] | body
 *     effects   db varint | count varint | count times: length varint, bytes
 *     ends      count varint | count times: shard varint, sequence varint
 *
 * A varint has 7 bits a byte, the lowest first; 0x80 says that more follow. A length of 0 ends the payload: zeros follow, up to
 * 7.
 *
 * The records of a *unit* (effect/effect.h) in one log carry its number, all stand in one frame, and a UNIT END closes them. It
 * names all participants with the sequence of the frame that each has its records of the unit in. So what a unit needs is known
 * from any of its participants, and nobody looks for numbers of units in other logs; the list of shards alone would not say that.
 *
 * A FLUSH END makes whole frames belong together, whatever is in them: so what survives a crash is the state of one moment, over all shards, without
 * waiting for a disk at each change.
 *
 * Threads    Any; pure functions. Memory: aof_records_open borrows the payload; what a record points to lies in it.  */
#ifndef AOF_RECORD_H
#define AOF_RECORD_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum aof_kind {
    AOF_EFFECT = 1,        /* of this log's shard */
    AOF_EFFECT_OF_ALL = 2, /* of all shards: each log has it, as part of the same unit; a barrier (replay.h) */
    AOF_UNIT_END = 3,
    AOF_FLUSH_END = 4, /* of frames that are closed at one moment: as a UNIT END, of what stands in them */
};

/* It names participants, and has no words. */
static inline bool aof_kind_ends(enum aof_kind kind)
{
    return kind == AOF_UNIT_END || kind == AOF_FLUSH_END;
}

struct aof_participant {
    uint32_t shard;
    uint64_t sequence; /* of its frame with the unit's records */
};

struct aof_record {
    enum aof_kind kind;
    uint64_t unit; /* 0: none; 0 of AOF_EFFECT only */
    uint32_t db;
    uint32_t count; /* of words or participants */
    const struct bytes *words;
    const struct aof_participant *participants; /* of ends: all, this log's shard included; ascending shards */
};

/* How many bytes aof_record_write will write; 0: over the limit of a record (2^48 bytes). */
uint64_t aof_record_bytes(const struct aof_record *record);
/* `total`: what aof_record_bytes says. Returns the end. */
char *aof_record_write(const struct aof_record *record, uint64_t total, char *out);

/* Reads the records of a payload one after the other. Zeros are an empty one. */
struct aof_records {
    struct bytes rest;
    struct buffer words;        /* struct bytes[], of the last record */
    struct buffer participants; /* struct aof_participant[] */
    const char *fault;          /* of AOF_RECORDS_BAD: what is wrong, for people */
};

enum aof_records_status { AOF_RECORDS_OK, AOF_RECORDS_END, AOF_RECORDS_BAD, AOF_RECORDS_NO_MEMORY };

void aof_records_open(struct aof_records *records, struct bytes payload);
/* The next record: lent until the next call. With `is_brief` only UNIT ENDs are looked into, and of others kind and unit. */
MUST_USE enum aof_records_status aof_records_next(struct aof_records *records, bool is_brief, struct aof_record *out);
/* Frees the memory; zeros are allowed. */
void aof_records_close(struct aof_records *records);

#endif
