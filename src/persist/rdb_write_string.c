/* rdb_write_string.c - a long string: packed in steps, or written as it is.
 *
 *   BEGIN -> PACK -> SEND
 *               \--> PLAIN    it would not become shorter, or there is no memory to pack it
 *
 * Memory     The text is lent until the end (its string is pinned). It is packed behind the end of the output.  */
#include "encoding/lzf_steps.h"
#include "persist/rdb_string.h"
#include "persist/rdb_write_private.h"

enum { BYTES_AN_ITEM = 256 }; /* 1 us */

void rdb_string_begin(struct rdb_writer *writer, struct bytes text)
{
    writer->kind = WRITE_LONG_STRING;
    writer->walk.string = (struct string_writer){.text = text};
}

void rdb_string_end(struct rdb_writer *writer)
{
    if (writer->kind == WRITE_LONG_STRING) {
        lzf_packer_destroy(writer->walk.string.packer);
        writer->walk.string.packer = NULL;
    }
}

static enum rdb_status begin_plain(struct string_writer *string, struct buffer *out)
{
    lzf_packer_destroy(string->packer);
    string->packer = NULL;
    string->state = WRITING_PLAIN;
    string->at = 0;
    return rdb_status_of(rdb_write_length(out, string->text.len) && buffer_reserve(out, string->text.len), RDB_MORE);
}

static enum rdb_status pack(struct string_writer *string, struct buffer *out, size_t bytes)
{
    char *packed;
    size_t room, len;
    if (!rdb_reserve_packed(out, string->text, &packed, &room)) {
        return RDB_NO_MEMORY;
    }
    switch (lzf_packer_step(string->packer, packed, room, bytes, &len)) {
    case LZF_MORE:
        return RDB_MORE;
    case LZF_UNFIT:
        return begin_plain(string, out);
    case LZF_DONE:
        break;
    }
    rdb_write_packed_head(out, len, string->text.len);
    string->state = WRITING_SEND;
    string->at = len;
    return RDB_MORE;
}

static enum rdb_status send(struct string_writer *string, struct buffer *out, size_t bytes)
{
    const size_t some = string->at < bytes ? string->at : bytes;
    out->len += some;
    string->at -= some;
    return string->at == 0 ? RDB_DONE : RDB_MORE;
}

static enum rdb_status write_plain(struct string_writer *string, struct buffer *out, size_t bytes)
{
    const size_t left = string->text.len - string->at;
    const size_t some = left < bytes ? left : bytes;
    if (!buffer_append(out, (struct bytes){string->text.data + string->at, some})) {
        return RDB_NO_MEMORY;
    }
    string->at += some;
    return string->at == string->text.len ? RDB_DONE : RDB_MORE;
}

static enum rdb_status write_some(struct string_writer *string, struct buffer *out, size_t bytes)
{
    switch (string->state) {
    case WRITING_BEGIN:
        string->packer = lzf_packer_create(string->text);
        string->state = WRITING_PACK;
        return string->packer == NULL ? begin_plain(string, out) : RDB_MORE;
    case WRITING_PACK:
        return pack(string, out, bytes);
    case WRITING_SEND:
        return send(string, out, bytes);
    default:
        return write_plain(string, out, bytes);
    }
}

enum rdb_status rdb_string_step(struct rdb_writer *writer, struct buffer *out, size_t items)
{
    struct string_writer *string = &writer->walk.string;
    const bool is_all = items > string->text.len / BYTES_AN_ITEM;
    const size_t bytes = is_all ? string->text.len : items * BYTES_AN_ITEM;
    enum rdb_status status;
    do {
        status = write_some(string, out, bytes);
    } while (is_all && status == RDB_MORE);
    return status;
}
