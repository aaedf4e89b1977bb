/* blob_write.c - listpacks and intsets in the making; see blob_write.h.  */
#include "persist/blob_write.h"

#include "encoding/listpack.h"
#include "persist/rdb_string.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void blob_writer_release(struct blob_writer *writer)
{
    buffer_release(&writer->bytes);
    writer->count = 0;
}

static void begin_anew(struct blob_writer *writer)
{
    writer->bytes.len = 0;
    writer->count = 0;
}

bool blob_add_item(struct blob_writer *writer, const struct item *item)
{
    struct buffer *bytes = &writer->bytes;
    if (bytes->len == 0) {
        if (!buffer_reserve(bytes, LISTPACK_HEADER)) {
            return false;
        }
        bytes->len = LISTPACK_HEADER;
    }
    if (!buffer_reserve(bytes, listpack_entry_size(item) + 1)) { /* and the end byte */
        return false;
    }
    bytes->len += listpack_write_entry(bytes->data + bytes->len, item);
    writer->count++;
    return true;
}

bool blob_end_listpack(struct blob_writer *writer, struct buffer *out)
{
    struct buffer *bytes = &writer->bytes;
    assert(writer->count > 0);
    listpack_frame(bytes->data, bytes->len - LISTPACK_HEADER, writer->count);
    const struct bytes listpack = {bytes->data, bytes->len + 1};
    begin_anew(writer);
    return rdb_write_text(out, listpack);
}

bool blob_add_integer(struct blob_writer *writer, int64_t integer)
{
    if (!buffer_append(&writer->bytes, (struct bytes){(const char *)&integer, sizeof integer})) {
        return false;
    }
    writer->count++;
    return true;
}

static int compare_integers(const void *a, const void *b)
{
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static int64_t integer_at(const struct blob_writer *writer, size_t at)
{
    int64_t integer;
    memcpy(&integer, writer->bytes.data + at * sizeof integer, sizeof integer);
    return integer;
}

static uint32_t bytes_an_integer(int64_t least, int64_t most)
{
    if (least >= INT16_MIN && most <= INT16_MAX) {
        return sizeof(int16_t);
    }
    return least >= INT32_MIN && most <= INT32_MAX ? sizeof(int32_t) : sizeof(int64_t);
}

bool blob_end_intset(struct blob_writer *writer, struct buffer *out)
{
    assert(writer->count > 0 && writer->bytes.len == writer->count * sizeof(int64_t));
    qsort(writer->bytes.data, writer->count, sizeof(int64_t), compare_integers);
    const uint32_t width = bytes_an_integer(integer_at(writer, 0), integer_at(writer, writer->count - 1));
    const uint32_t header[2] = {width, (uint32_t)writer->count};
    struct buffer intset = BUFFER_EMPTY(MEM_CLIENT);
    bool is_written = buffer_reserve(&intset, sizeof header + writer->count * width) &&
                      buffer_append(&intset, (struct bytes){(const char *)header, sizeof header});
    for (size_t i = 0; is_written && i < writer->count; i++) {
        is_written = buffer_append(&intset, (struct bytes){writer->bytes.data + i * sizeof(int64_t), width});
    }
    is_written = is_written && rdb_write_text(out, buffer_bytes(&intset));
    buffer_release(&intset);
    begin_anew(writer);
    return is_written;
}
