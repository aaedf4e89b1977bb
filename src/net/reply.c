/* reply.c - RESP2 and RESP3, written straight into the output buffer.
 *
 * Threads    The one that runs the command.
 * Memory     Each function reserves its space once (reply_space) and then only writes. reply_space_slow is the one place that
 *            grows a buffer, moves a reply to its own buffer, and marks a reply as broken.
 * Invariant  out == &own exactly when own.capacity > 0; then the shared buffer ends at `start` as far as this reply goes.
 * Read on    reply.h; the RESP specification.  */
#include "net/reply.h"

#include "base/number.h"

#include <assert.h>
#include <stdarg.h>

/* A type byte, the longest integer, CR LF. */
enum { HEADER_MAX = 1 + INT64_TEXT_MAX + 2, COPY_INLINE_MAX = 16 };

static const char digit_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354"
    "555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

void reply_begin(struct reply *reply, struct buffer *shared, uint8_t protocol)
{
    assert(protocol == 2 || protocol == 3);
    *reply = (struct reply){
        .out = shared,
        .own = BUFFER_EMPTY(shared->which),
        .start = shared->len,
        .protocol = protocol,
    };
}

static inline bool reply_is_own(const struct reply *reply)
{
    return reply->out == &reply->own;
}

size_t reply_len(const struct reply *reply)
{
    return reply_is_own(reply) ? reply->own.len : reply->out->len - reply->start;
}

/* Where this reply's first byte is. */
static char *reply_first(struct reply *reply)
{
    return buffer_at(reply->out, reply_is_own(reply) ? 0 : reply->start);
}

void reply_rewind(struct reply *reply)
{
    reply->out->len = reply_is_own(reply) ? 0 : reply->start;
    reply->is_error = REPLY_FINE;
}

/* Moves what was written so far to `own`, with room for `more`. */
static bool reply_move_to_own(struct reply *reply, size_t more)
{
    struct buffer *shared = reply->out;
    assert(!reply_is_own(reply));
    assert(shared->len >= reply->start);
    const struct bytes so_far = {reply_first(reply), shared->len - reply->start};
    if (more > SIZE_MAX - so_far.len || !buffer_reserve(&reply->own, so_far.len + more)) {
        return false;
    }
    const bool is_copied = buffer_append(&reply->own, so_far);
    assert(is_copied);
    shared->len = reply->start;
    reply->out = &reply->own;
    return true;
}

/* Room for `more` bytes behind out->len, or NULL: the reply is broken. */
static __attribute__((noinline)) char *reply_space_slow(struct reply *reply, size_t more)
{
    if (reply->is_broken) {
        return NULL;
    }
    const size_t len = reply_len(reply);
    const bool must_move = !reply_is_own(reply) && (len > REPLY_OWN_MIN || more > REPLY_OWN_MIN - len);
    if (must_move ? !reply_move_to_own(reply, more) : !buffer_reserve(reply->out, more)) {
        reply->is_broken = true;
        return NULL;
    }
    return buffer_at(reply->out, reply->out->len);
}

/* The same; a reply that is small and fits into what is there, the usual case, passes two comparisons. For one in a buffer
 * of its own len - start means nothing: whatever it gives, there is room when the first comparison says so. */
static inline char *reply_space(struct reply *reply, size_t more)
{
    const struct buffer *out = reply->out;
    if (LIKELY(out->capacity - out->len >= more && out->len - reply->start + more <= REPLY_OWN_MIN)) {
        return buffer_at(out, out->len);
    }
    return reply_space_slow(reply, more);
}

/* Ends what reply_space began: the bytes up to `end` are written. */
static inline void reply_advance(struct reply *reply, const char *end)
{
    reply->out->len = (size_t)(end - reply->out->data);
    assert(reply->out->len <= reply->out->capacity);
}

static inline char *put_crlf(char *at)
{
    memcpy(at, "\r\n", 2);
    return at + 2;
}

/* memcpy for values: the short ones, which are most, without a call. */
static inline char *put_bytes(char *at, struct bytes text)
{
    const char *from = text.data;
    const size_t len = text.len;
    if (LIKELY(len <= COPY_INLINE_MAX)) {
        if (len >= 8) {
            uint64_t first, last;
            memcpy(&first, from, 8);
            memcpy(&last, from + len - 8, 8);
            memcpy(at, &first, 8);
            memcpy(at + len - 8, &last, 8);
        } else if (len >= 4) {
            uint32_t first, last;
            memcpy(&first, from, 4);
            memcpy(&last, from + len - 4, 4);
            memcpy(at, &first, 4);
            memcpy(at + len - 4, &last, 4);
        } else if (len > 0) {
            at[0] = from[0];
            at[len / 2] = from[len / 2];
            at[len - 1] = from[len - 1];
        }
        return at + len;
    }
    memcpy(at, from, len);
    return at + len;
}

static char *put_decimal_long(char *at, uint64_t value)
{
    char text[INT64_TEXT_MAX];
    size_t left = sizeof(text);
    while (value >= 100) {
        left -= 2;
        memcpy(text + left, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        left -= 2;
        memcpy(text + left, digit_pairs + value * 2, 2);
    } else {
        text[--left] = (char)('0' + value);
    }
    memcpy(at, text + left, sizeof(text) - left);
    return at + sizeof(text) - left;
}

static inline char *put_decimal(char *at, uint64_t value)
{
    if (LIKELY(value < 10)) {
        *at = (char)('0' + value);
        return at + 1;
    }
    if (LIKELY(value < 100)) {
        memcpy(at, digit_pairs + value * 2, 2);
        return at + 2;
    }
    return put_decimal_long(at, value);
}

static inline char *put_header(char *at, char kind, uint64_t value)
{
    *at = kind;
    return put_crlf(put_decimal(at + 1, value));
}

/* A whole reply of constant bytes. */
static inline void reply_constant(struct reply *reply, struct bytes text)
{
    char *at = reply_space(reply, text.len);
    if (LIKELY(at != NULL)) {
        memcpy(at, text.data, text.len);
        reply_advance(reply, at + text.len);
    }
}

void reply_reserve(struct reply *reply, size_t bytes)
{
    (void)reply_space(reply, bytes); /* a refusal marks the reply as broken */
}

void reply_raw(struct reply *reply, struct bytes bytes)
{
    char *at = reply_space(reply, bytes.len);
    if (LIKELY(at != NULL)) {
        reply_advance(reply, put_bytes(at, bytes));
    }
}

void reply_ok(struct reply *reply)
{
    reply_constant(reply, BYTES("+OK\r\n"));
}

/* One line: the type byte, the text, CR LF. */
static void reply_line(struct reply *reply, char kind, struct bytes text)
{
    char *at = reply_space(reply, text.len + HEADER_MAX);
    if (LIKELY(at != NULL)) {
        *at = kind;
        reply_advance(reply, put_crlf(put_bytes(at + 1, text)));
    }
}

void reply_simple(struct reply *reply, struct bytes text)
{
    debug_assert(text.len == 0 || memchr(text.data, '\n', text.len) == NULL);
    debug_assert(text.len == 0 || memchr(text.data, '\r', text.len) == NULL);
    reply_line(reply, '+', text);
}

static void replace_line_ends(char *text, const char *end)
{
    for (; text < end; text++) {
        if (*text == '\r' || *text == '\n') {
            *text = ' ';
        }
    }
}

void reply_error(struct reply *reply, const char *text)
{
    const struct bytes message = bytes_of_string(text);
    reply->is_error = REPLY_ERROR;
    reply_line(reply, '-', message);
    if (!reply->is_broken) {
        char *end = reply->out->data + reply->out->len - 2;
        replace_line_ends(end - message.len, end);
    }
}

void reply_errorf(struct reply *reply, const char *format, ...)
{
    struct buffer message = BUFFER_EMPTY(reply->out->which);
    va_list arguments;
    va_start(arguments, format);
    const bool is_made = buffer_append_format_list(&message, format, arguments);
    va_end(arguments);
    reply->is_error = REPLY_ERROR;
    if (is_made) {
        /* The format ended it with a NUL behind its length. */
        reply_error(reply, message.data);
    } else {
        reply->is_broken = true;
    }
    buffer_release(&message);
}

void reply_integer(struct reply *reply, int64_t value)
{
    char *at = reply_space(reply, HEADER_MAX);
    if (UNLIKELY(at == NULL)) {
        return;
    }
    *at++ = ':';
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        *at++ = '-';
        magnitude = -magnitude;
    }
    reply_advance(reply, put_crlf(put_decimal(at, magnitude)));
}

void reply_bulk(struct reply *reply, struct bytes value)
{
    char *at = reply_space(reply, value.len + HEADER_MAX + 2);
    if (UNLIKELY(at == NULL)) {
        return;
    }
    reply_advance(reply, put_crlf(put_bytes(put_header(at, '$', value.len), value)));
}

void reply_bulk_string(struct reply *reply, const char *text)
{
    reply_bulk(reply, bytes_of_string(text));
}

void reply_bulk_integer(struct reply *reply, int64_t value)
{
    char text[INT64_TEXT_MAX];
    reply_bulk(reply, (struct bytes){text, int64_format(value, text)});
}

void reply_null(struct reply *reply)
{
    reply_constant(reply, reply->protocol == 2 ? BYTES("$-1\r\n") : BYTES("_\r\n"));
}

void reply_null_array(struct reply *reply)
{
    reply_constant(reply, reply->protocol == 2 ? BYTES("*-1\r\n") : BYTES("_\r\n"));
}

void reply_double_text(struct reply *reply, struct bytes number)
{
    if (reply->protocol == 2) {
        reply_bulk(reply, number);
    } else {
        reply_line(reply, ',', number);
    }
}

void reply_double(struct reply *reply, double value)
{
    char text[DOUBLE_TEXT_MAX];
    reply_double_text(reply, (struct bytes){text, double_format(value, text)});
}

void reply_bool(struct reply *reply, bool value)
{
    if (reply->protocol == 2) {
        reply_constant(reply, value ? BYTES(":1\r\n") : BYTES(":0\r\n"));
    } else {
        reply_constant(reply, value ? BYTES("#t\r\n") : BYTES("#f\r\n"));
    }
}

void reply_verbatim(struct reply *reply, const char *extension, struct bytes text)
{
    assert(strlen(extension) == 3);
    if (reply->protocol == 2) {
        reply_bulk(reply, text);
        return;
    }
    enum { PREFIX = 4 };
    char *at = reply_space(reply, text.len + HEADER_MAX + PREFIX + 2);
    if (UNLIKELY(at == NULL)) {
        return;
    }
    at = put_header(at, '=', text.len + PREFIX);
    memcpy(at, extension, PREFIX - 1);
    at[PREFIX - 1] = ':';
    reply_advance(reply, put_crlf(put_bytes(at + PREFIX, text)));
}

/* What an aggregate's header says: RESP2 knows only arrays, in which a map's pairs count twice. */
struct aggregate {
    char kind;
    size_t count;
};

static inline struct aggregate aggregate_for(const struct reply *reply, char kind, size_t count)
{
    if (reply->protocol == 2) {
        assert(count <= SIZE_MAX / 2);
        return (struct aggregate){'*', kind == '%' ? count * 2 : count};
    }
    return (struct aggregate){kind, count};
}

static inline void reply_aggregate(struct reply *reply, char kind, size_t count)
{
    char *at = reply_space(reply, HEADER_MAX);
    if (LIKELY(at != NULL)) {
        const struct aggregate header = aggregate_for(reply, kind, count);
        reply_advance(reply, put_header(at, header.kind, header.count));
    }
}

void reply_array(struct reply *reply, size_t count)
{
    reply_aggregate(reply, '*', count);
}

void reply_map(struct reply *reply, size_t pairs)
{
    reply_aggregate(reply, '%', pairs);
}

void reply_set(struct reply *reply, size_t count)
{
    reply_aggregate(reply, '~', count);
}

void reply_push(struct reply *reply, size_t count)
{
    reply_aggregate(reply, '>', count);
}

/* A mark is an offset from the reply's first byte, so that it survives the move to another buffer. */
size_t reply_deferred_begin(struct reply *reply)
{
    return reply_len(reply);
}

void reply_deferred_end(struct reply *reply, size_t mark, char kind, size_t count)
{
    assert(kind == '*' || kind == '%' || kind == '~');
    if (reply->is_broken || reply_space(reply, HEADER_MAX) == NULL) {
        return;
    }
    const struct aggregate aggregate = aggregate_for(reply, kind, count);
    char header[HEADER_MAX];
    const size_t header_len = (size_t)(put_header(header, aggregate.kind, aggregate.count) - header);
    const size_t len = reply_len(reply);
    assert(mark <= len);
    char *at = reply_first(reply) + mark;
    memmove(at + header_len, at, len - mark);
    memcpy(at, header, header_len);
    reply->out->len += header_len;
    assert(reply->out->len <= reply->out->capacity);
}
