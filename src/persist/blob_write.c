/* blob_write.c - listpacks and intsets in the making; see blob_write.h.  */
#include "persist/blob_write.h"

#include "encoding/listpack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { INTSET_HEADER = 2 * sizeof(uint32_t) }; /* bytes an integer, count */

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

struct bytes blob_end_listpack(struct blob_writer *writer)
{
    struct buffer *bytes = &writer->bytes;
    assert(writer->count > 0);
    listpack_frame(bytes->data, bytes->len - LISTPACK_HEADER, writer->count);
    const struct bytes listpack = {bytes->data, bytes->len + 1};
    begin_anew(writer);
    return listpack;
}

bool blob_add_integer(struct blob_writer *writer, int64_t integer)
{
    if (writer->bytes.len == 0) {
        const char header[INTSET_HEADER] = {0};
        if (!buffer_append(&writer->bytes, (struct bytes){header, sizeof header})) {
            return false;
        }
    }
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
    memcpy(&integer, writer->bytes.data + INTSET_HEADER + at * sizeof integer, sizeof integer);
    return integer;
}

static uint32_t bytes_an_integer(int64_t least, int64_t most)
{
    if (least >= INT16_MIN && most <= INT16_MAX) {
        return sizeof(int16_t);
    }
    return least >= INT32_MIN && most <= INT32_MAX ? sizeof(int32_t) : sizeof(int64_t);
}

struct bytes blob_end_intset(struct blob_writer *writer)
{
    struct buffer *bytes = &writer->bytes;
    assert(writer->count > 0 && bytes->len == INTSET_HEADER + writer->count * sizeof(int64_t));
    qsort(bytes->data + INTSET_HEADER, writer->count, sizeof(int64_t), compare_integers);
    const uint32_t width = bytes_an_integer(integer_at(writer, 0), integer_at(writer, writer->count - 1));
    const uint32_t header[2] = {width, (uint32_t)writer->count};
    memcpy(bytes->data, header, sizeof header);
    for (size_t i = 0; width < sizeof(int64_t) && i < writer->count; i++) { /* low bytes come first */
        memmove(bytes->data + INTSET_HEADER + i * width, bytes->data + INTSET_HEADER + i * sizeof(int64_t), width);
    }
    const struct bytes intset = {bytes->data, INTSET_HEADER + writer->count * width};
    begin_anew(writer);
    return intset;
}
