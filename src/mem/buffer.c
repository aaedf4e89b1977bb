/* buffer.c - growing, shrinking and freeing what buffer.h's inline functions fill.
 *
 * Memory     The block is asked for with the size that the allocator gives anyway (thread_block_bytes), so that its slack is
 *            used and `capacity` is both what is counted and what may be written.
 * Read on    heap.h, "a thread's own memory".  */
#include "mem/buffer.h"

#include "mem/heap.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { BUFFER_FIRST_BYTES = 64, BUFFER_DOUBLING_MAX = 1024 * 1024 };

static bool buffer_is_valid(const struct buffer *buffer)
{
    assert(buffer->len <= buffer->capacity);
    assert((buffer->data == NULL) == (buffer->capacity == 0));
    return true;
}

/* What a full buffer of `capacity` bytes grows to when nobody asks for more. */
static size_t capacity_after(size_t capacity)
{
    if (capacity < BUFFER_FIRST_BYTES) {
        return BUFFER_FIRST_BYTES;
    }
    return capacity < BUFFER_DOUBLING_MAX ? capacity * 2 : capacity + capacity / 4;
}

MUST_USE static bool buffer_resize(struct buffer *buffer, size_t capacity)
{
    char *data = thread_realloc(buffer->which, buffer->data, buffer->capacity, capacity);
    if (data == NULL) {
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    assert(buffer_is_valid(buffer));
    return true;
}

bool buffer_reserve_slow(struct buffer *buffer, size_t more)
{
    assert(buffer->len <= buffer->capacity);
    if (buffer->capacity - buffer->len >= more) {
        return true;
    }
    if (more > (size_t)PTRDIFF_MAX / 2 - buffer->len) {
        return false;
    }
    const size_t needed = buffer->len + more;
    const size_t grown = capacity_after(buffer->capacity);
    if (buffer_resize(buffer, thread_block_bytes(needed > grown ? needed : grown))) {
        return true;
    }
    /* Growing ahead was refused: what is needed may still fit. */
    return grown > needed && buffer_resize(buffer, thread_block_bytes(needed));
}

bool buffer_reserve_exactly(struct buffer *buffer, size_t more)
{
    if (buffer->capacity - buffer->len >= more) {
        return true;
    }
    return more <= (size_t)PTRDIFF_MAX / 2 - buffer->len && buffer_resize(buffer, thread_block_bytes(buffer->len + more));
}

bool buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const bool is_done = buffer_append_format_list(buffer, format, arguments);
    va_end(arguments);
    return is_done;
}

bool buffer_append_format_list(struct buffer *buffer, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    const size_t space = buffer->capacity - buffer->len;
    const int len = vsnprintf(space > 0 ? buffer->data + buffer->len : NULL, space, format, arguments);
    assert(len >= 0);
    bool is_done = true;
    if ((size_t)len >= space) { /* the closing NUL needs a byte, too */
        is_done = buffer_reserve(buffer, (size_t)len + 1);
        if (is_done) {
            (void)vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, again);
        }
    }
    va_end(again);
    buffer->len += is_done ? (size_t)len : 0;
    debug_assert(buffer_is_valid(buffer));
    return is_done;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    assert(count <= buffer->len);
    if (count > 0 && count < buffer->len) {
        memmove(buffer->data, buffer->data + count, buffer->len - count);
    }
    buffer->len -= count;
}

void buffer_release(struct buffer *buffer)
{
    assert(buffer_is_valid(buffer));
    thread_free(buffer->which, buffer->data, buffer->capacity);
    *buffer = BUFFER_EMPTY(buffer->which);
}

void buffer_shrink(struct buffer *buffer, size_t keep)
{
    if (buffer->capacity <= keep || buffer->len > keep) {
        return;
    }
    if (keep == 0) {
        buffer_release(buffer);
        return;
    }
    const size_t capacity = thread_block_bytes(keep);
    if (capacity < buffer->capacity) {
        /* Refused: the buffer keeps its capacity, which is no harm. */
        (void)!buffer_resize(buffer, capacity);
    }
}
