/* function_payload.h - libraries as FUNCTION DUMP writes them, which redis-server 7.0 reads, and back.
 *
 *     F5, a string (rdb_string.h) that is a library's code | F5 ... | version (2 bytes), crc64 of all before it (8), low byte first
 *
 * Threads    Any.
 * Source     The RDB format of Redis 7.0.  */
#ifndef SCRIPT_FUNCTION_PAYLOAD_H
#define SCRIPT_FUNCTION_PAYLOAD_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/buffer.h"

struct config;
struct function_set;

/* Codes are packed unless `rdbcompression` is no. The first is for a file: without version and checksum. False: no memory; what was written is of no use. */
MUST_USE bool function_payload_write_libraries(struct buffer *out, const struct function_set *set, const struct config *config);
MUST_USE bool function_payload_write(struct buffer *out, const struct function_set *set, const struct config *config);

enum function_payload_status {
    FUNCTION_PAYLOAD_MORE,       /* the code of a library was read */
    FUNCTION_PAYLOAD_END,
    FUNCTION_PAYLOAD_DAMAGED,    /* version or checksum */
    FUNCTION_PAYLOAD_NO_LIBRARY, /* something else stands there */
    FUNCTION_PAYLOAD_OLD,        /* a library as release candidates of 7.0 wrote it */
    FUNCTION_PAYLOAD_CUT,        /* the code makes no sense */
    FUNCTION_PAYLOAD_NO_MEMORY,
};

struct function_payload {
    struct bytes bytes; /* without its end */
    size_t at;
    struct buffer room; /* of unpacked code */
};

/* FUNCTION_PAYLOAD_MORE: it is whole. Whatever it returns, the caller calls function_payload_release. */
MUST_USE enum function_payload_status function_payload_begin(struct function_payload *payload, struct bytes bytes);
/* The next library's code, lent until the next call. */
MUST_USE enum function_payload_status function_payload_next(struct function_payload *payload, struct bytes *code);
void function_payload_release(struct function_payload *payload);

#endif
