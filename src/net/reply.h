/* reply.h - writes one command's reply in RESP2 or RESP3.
 *
 * Threads    The one that runs the command.
 * Memory     Bytes go to the batch's shared buffer; a reply over REPLY_OWN_MIN moves to a buffer of its own, so that it is
 *            never copied again. When memory is refused the reply is marked broken, and its connection is closed.
 * Read on    the RESP specification: types +, -, :, $, *, and RESP3's _ , # ( = % ~ >.  */
#ifndef NET_REPLY_H
#define NET_REPLY_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPLY_OWN_MIN = 16384 };

/* Is the reply an error? COUNTED: it stands in errorstats already. */
enum reply_error { REPLY_FINE, REPLY_ERROR, REPLY_ERROR_COUNTED };

struct reply {
    struct buffer *out;    /* the shared buffer, or &own */
    struct buffer own;     /* unused (capacity 0) while the reply is small */
    size_t start;          /* where this reply begins in the shared buffer */
    uint8_t protocol;      /* 2 or 3 */
    bool is_broken;        /* memory was refused */
    uint8_t is_error;      /* enum reply_error: errorstats, rejected calls */
};

/* Starts a reply at the end of `shared`. */
void reply_begin(struct reply *reply, struct buffer *shared, uint8_t protocol);
/* Bytes written since reply_begin. */
size_t reply_len(const struct reply *reply);
/* Throws away what was written since reply_begin. */
void reply_rewind(struct reply *reply);

void reply_ok(struct reply *reply);
/* "+text"; text has no CR or LF. */
void reply_simple(struct reply *reply, struct bytes text);
/* "-text": the code and the message, "ERR syntax error"; CR and LF in it become spaces. */
void reply_error(struct reply *reply, const char *text);
void reply_errorf(struct reply *reply, const char *format, ...) PRINTF_LIKE(2, 3);
void reply_integer(struct reply *reply, int64_t value);
void reply_bulk(struct reply *reply, struct bytes value);
void reply_bulk_string(struct reply *reply, const char *text);
void reply_bulk_integer(struct reply *reply, int64_t value);
/* RESP2 "$-1", RESP3 "_". */
void reply_null(struct reply *reply);
/* RESP2 "*-1", RESP3 "_". */
void reply_null_array(struct reply *reply);
/* RESP2 a bulk string (double_format), RESP3 ",". */
void reply_double(struct reply *reply, double value);
/* The same of a number's text, which is told as it is. */
void reply_double_text(struct reply *reply, struct bytes number);
/* RESP2 ":1"/":0", RESP3 "#t"/"#f". */
void reply_bool(struct reply *reply, bool value);
/* RESP2 a bulk string, RESP3 "=len\r\nEXT:": `extension` has three letters. */
void reply_verbatim(struct reply *reply, const char *extension, struct bytes text);
/* Headers; the elements follow. A map of n pairs is an array of 2n in RESP2; a set an array. */
void reply_array(struct reply *reply, size_t count);
void reply_map(struct reply *reply, size_t pairs);
void reply_set(struct reply *reply, size_t count);
void reply_push(struct reply *reply, size_t count);
/* About so many bytes will follow: takes the room at once, so that a long reply is not copied as it grows. */
void reply_reserve(struct reply *reply, size_t bytes);
/* Protocol bytes as they are. */
void reply_raw(struct reply *reply, struct bytes bytes);

/* An aggregate whose length is known only afterwards: begin hands out a mark, end puts the header there (one memmove of what
 * was written since). `kind` is '*', '%' or '~'; for '%' count is pairs.  */
size_t reply_deferred_begin(struct reply *reply);
void reply_deferred_end(struct reply *reply, size_t mark, char kind, size_t count);

#endif
