/* buffer.h - a growing run of bytes in the thread's own memory, counted by class; used for what comes from and goes to
 * the network.
 *
 * Threads    One owner at a time; it may be handed from thread to thread.
 * Invariant  len <= capacity; data is NULL exactly when capacity is 0.  */
#ifndef MEM_BUFFER_H
#define MEM_BUFFER_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/class.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct buffer {
    char *data;
    size_t len;
    size_t capacity;
    enum mem_class which;
};

#define BUFFER_EMPTY(class_of_it) ((struct buffer){NULL, 0, 0, (class_of_it)})

/* Makes room for `more` bytes behind len; grows by doubling up to 1 MiB, then by a quarter. False: refused, unchanged. */
MUST_USE bool buffer_reserve_slow(struct buffer *buffer, size_t more);
/* The same, but not more room than that (and what the allocator rounds up). */
MUST_USE bool buffer_reserve_exactly(struct buffer *buffer, size_t more);

MUST_USE static inline bool buffer_reserve(struct buffer *buffer, size_t more)
{
    debug_assert(buffer->len <= buffer->capacity);
    if (LIKELY(buffer->capacity - buffer->len >= more)) {
        return true;
    }
    return buffer_reserve_slow(buffer, more);
}

/* Appends; false: refused, unchanged. */
MUST_USE static inline bool buffer_append(struct buffer *buffer, struct bytes text)
{
    if (UNLIKELY(!buffer_reserve(buffer, text.len))) {
        return false;
    }
    if (text.len > 0) {
        memcpy(buffer->data + buffer->len, text.data, text.len);
    }
    buffer->len += text.len;
    return true;
}

MUST_USE bool buffer_append_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
MUST_USE bool buffer_append_format_list(struct buffer *buffer, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

/* Drops the first `count` bytes (<= len), moving the rest. */
void buffer_consume(struct buffer *buffer, size_t count);
/* Frees the memory; the buffer is empty and usable afterwards. */
void buffer_release(struct buffer *buffer);
/* Gives back capacity above `keep` if the content fits into it. */
void buffer_shrink(struct buffer *buffer, size_t keep);

/* Where the byte `at` (<= len) is or would be: NULL in a buffer without memory, to which C adds nothing, not even 0. The addition alone, compiled. */
static inline char *buffer_at(const struct buffer *buffer, size_t at)
{
    return at == 0 ? buffer->data : buffer->data + at;
}

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return (struct bytes){buffer->data, buffer->len};
}

#endif
