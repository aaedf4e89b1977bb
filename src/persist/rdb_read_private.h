/* rdb_read_private.h - a reader's insides, for rdb_read.c and rdb_read_stream.c.  */
#ifndef PERSIST_RDB_READ_PRIVATE_H
#define PERSIST_RDB_READ_PRIVATE_H

#include "encoding/lzf_steps.h"
#include "persist/blob.h"
#include "persist/rdb_string.h"
#include "persist/rdb_value.h"

/* Of what a type is made: strings one after the other, or strings that hold many items each. */
struct read_plan {
    /* Reads one element and adds it; NULL: there is no such type, or it is a stream. */
    enum rdb_status (*add)(struct rdb_reader *reader, struct rdb_input *input);
    uint8_t blob;          /* enum blob_form; BLOB_TEXT: each string is an item */
    bool has_count;        /* how many strings there are comes first; otherwise one */
    bool has_containers;   /* before each string: whether it is an item or a listpack */
    bool has_binary_score;
    bool is_made_large;    /* a sorted set that only its end makes small: a small one cannot hold -0 */
    bool has_least_expiry; /* of times of fields: 8 bytes come first */
    bool is_stream, is_old_stream;
    bool has_active_time;  /* of a stream's consumers */
    bool ignores_lengths;  /* items may be longer than the limits of small encodings, as in Redis */
};

struct rdb_reader {
    struct value value;            /* what was read so far */
    struct encoding_limits limits; /* while it is read */
    struct encoding_limits final_limits;
    const struct read_plan *plan;  /* NULL: the type was not read yet */
    bool is_typed;                 /* the type stands apart from the bytes: */
    uint8_t type;
    enum rdb_refusal refusal;      /* of what was refused */
    size_t at;                     /* in the payload or value: what comes next */
    uint64_t least_expiry_ms;      /* of fields, when the plan has one */
    uint64_t left;                 /* strings, or elements of them, still to come */
    bool is_in_blob;               /* items are taken from: */
    bool is_unpacked;              /* rooms[0], or the payload */
    size_t blob_at, blob_len;
    struct blob_cursor cursor;
    struct buffer rooms[2];        /* unpacked strings: of one element there are two at most */
    bool is_string;                /* the value is the string in the blob's place */
    struct lzf_unpacker unpacker;  /* of a string: of packed_len bytes at packed_at in the payload, when packed_from > 0 */
    size_t packed_at, packed_len, packed_from;
    char digits[ITEM_SCRATCH];
    struct stream_reader *stream;  /* NULL: it is none, or not begun */
};

/* What a result of lower rooms means here. */
static inline enum rdb_status rdb_status_of_result(enum result result)
{
    return result == RESULT_OK ? RDB_DONE : result == RESULT_NO_MEMORY ? RDB_NO_MEMORY : RDB_BAD;
}

/* Goes on with a stream: RDB_DONE when it is whole. */
enum rdb_status rdb_read_stream_step(struct rdb_reader *reader, struct rdb_input *input, size_t items);
/* Frees what is only needed while it is read, before the value is freed or stored. */
void rdb_read_stream_end(struct rdb_reader *reader);

#endif
