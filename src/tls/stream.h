/* stream.h - TLS of one connection: what was received in, text out; text in, what is to be sent out. It moves no bytes itself.
 *
 *     received --feed--> [OpenSSL] --read--> text
 *     text ----write---> [OpenSSL] --------> cipher (an output, whose bytes the owner sends)
 *
 *   HANDSHAKE --step says DONE--> OPEN --end--> ENDED
 *       \                          |
 *        `--- FAILED <-------------'     what is in `cipher` may still be sent: the alert that says why
 *
 * Threads    Its connection's.
 * Memory     The stream, MEM_CLIENT; `early`, MEM_QUERY_BUFFER; `cipher`, MEM_OUTPUT_BUFFER, by chunks of the pool.
 * Invariant  What was fed is consumed when a step or read says TLS_WANTS_MORE. The library's list of errors is empty between two calls.  */
#ifndef TLS_STREAM_H
#define TLS_STREAM_H

#include "tls/context.h"
#include "tls/pipe.h"

struct ssl_st; /* OpenSSL's */

enum { TLS_RECORD_BYTES = 16384 }; /* text of one record at most: what one read gives */

enum tls_phase { TLS_HANDSHAKE, TLS_OPEN, TLS_ENDED, TLS_FAILED };

enum tls_outcome {
    TLS_DONE,        /* the handshake is over; text was read */
    TLS_WANTS_MORE,  /* of what is received */
    TLS_PEER_ENDS,   /* it has said that it sends no more */
    TLS_IS_WRONG,    /* tls_error_take says why */
};

struct tls_stream {
    struct ssl_st *ssl;           /* made by the first step of the handshake */
    struct tls_context *context;  /* held */
    struct tls_pipe pipe;
    size_t under_way;             /* text whose records are in pipe.cipher */
    struct buffer early;          /* received before the handshake was over: the owner's */
    uint8_t phase;                /* enum tls_phase */
};

/* Takes the context. `pool` stays as long as the stream does. NULL: no memory; the context is still the caller's. */
struct tls_stream *tls_stream_create(struct tls_context *context, struct chunk_pool *pool) MUST_USE;
/* NULL is allowed. No send of `cipher` may be under way. */
void tls_stream_destroy(struct tls_stream *stream);

/* Received bytes, lent until they are consumed. What was fed before must have been. */
void tls_stream_feed(struct tls_stream *stream, struct bytes received);
/* A step of the handshake with what was fed: TLS_DONE (some of it may be left to be read), TLS_WANTS_MORE, TLS_IS_WRONG. Costs up to a
 * signature with the server's key, and the check of a client's certificate.  */
MUST_USE enum tls_outcome tls_stream_step(struct tls_stream *stream);
/* Was a session resumed? After the handshake. */
bool tls_stream_is_resumed(const struct tls_stream *stream);
/* The common name in the client's certificate, which was checked. False: there is none, or it does not fit or has a byte 0. */
MUST_USE bool tls_stream_common_name(const struct tls_stream *stream, char *out, size_t size);

/* May text be read to where what is fed begins? Text is shorter than its records: it overtakes them only when one had begun before. */
bool tls_stream_is_between_records(const struct tls_stream *stream);
/* Up to TLS_RECORD_BYTES of text; `capacity` > 0. TLS_DONE: *len bytes of it; every other outcome: none. */
MUST_USE enum tls_outcome tls_stream_read(struct tls_stream *stream, char *out, size_t capacity, size_t *len);
/* There may be more to read without feeding. */
bool tls_stream_has_more(const struct tls_stream *stream);

/* Puts text into records, all of it; adds it to under_way. False: no memory, or the stream has failed. */
MUST_USE bool tls_stream_write(struct tls_stream *stream, struct bytes text);
/* `sent` bytes of `cipher` have been. Returns how much text all of whose records are gone with that: under_way, or 0. */
size_t tls_stream_sent(struct tls_stream *stream, size_t sent);
/* Says that no more comes, once, if it is open. True: `cipher` has it. */
MUST_USE bool tls_stream_end(struct tls_stream *stream);
/* Its own memory, without the library's. */
size_t tls_stream_memory_bytes(const struct tls_stream *stream);

#endif
