/* rdb_write_text.c - a long text, of its own or within a collection: packed in steps, or written as it is.
 *
 *   NONE -> BEGIN -> PACK -> SEND  -> NONE
 *              \--------\--> PLAIN -> NONE    it is not to be packed, would not become shorter, or there is no memory to pack it
 *
 * Memory     The text is lent until the end (its value is pinned, or it stands in the writer's blob). It is packed behind the end of the output.  */
#include "encoding/lzf_steps.h"
#include "persist/rdb_write_private.h"

#include <assert.h>

void rdb_text_begin(struct rdb_writer *writer, struct bytes text)
{
    assert(writer->text.state == TEXT_NONE && text.len >= RDB_LONG_TEXT_MIN);
    writer->text = (struct text_writer){.state = TEXT_BEGIN, .text = text};
}

void rdb_text_end(struct rdb_writer *writer)
{
    lzf_packer_destroy(writer->text.packer);
    writer->text = (struct text_writer){.state = TEXT_NONE};
}

bool rdb_put_text(struct rdb_writer *writer, struct buffer *out, struct bytes text)
{
    if (text.len >= RDB_LONG_TEXT_MIN) {
        rdb_text_begin(writer, text);
        return true;
    }
    const size_t cost = text.len / RDB_BYTES_AN_ITEM;
    writer->left -= cost < writer->left ? cost : writer->left;
    return rdb_write_text(out, text, writer->packing);
}

bool rdb_put_item(struct rdb_writer *writer, struct buffer *out, const struct item *item)
{
    return item_is_integer(item) ? rdb_write_integer(out, item->integer)
                                 : rdb_put_text(writer, out, (struct bytes){item->data, item->len});
}

/* A file's output is taken away as it grows; that of DUMP stays, and has room for all at once. */
static enum rdb_status begin_plain(struct rdb_writer *writer, struct buffer *out)
{
    struct text_writer *text = &writer->text;
    lzf_packer_destroy(text->packer);
    text->packer = NULL;
    text->state = TEXT_PLAIN;
    text->at = 0;
    return rdb_status_of(rdb_write_length(out, text->text.len) && (writer->is_for_file || buffer_reserve(out, text->text.len)), RDB_MORE);
}

static enum rdb_status begin(struct rdb_writer *writer, struct buffer *out)
{
    struct text_writer *text = &writer->text;
    text->packer = writer->packing == RDB_PLAIN ? NULL : lzf_packer_create(text->text);
    text->state = TEXT_PACK;
    return text->packer == NULL ? begin_plain(writer, out) : RDB_MORE;
}

static enum rdb_status pack(struct rdb_writer *writer, struct buffer *out, size_t bytes)
{
    struct text_writer *text = &writer->text;
    char *packed;
    size_t room, len;
    if (!rdb_reserve_packed(out, text->text, &packed, &room)) {
        return RDB_NO_MEMORY;
    }
    switch (lzf_packer_step(text->packer, packed, room, bytes, &len)) {
    case LZF_MORE:
        return RDB_MORE;
    case LZF_UNFIT:
        return begin_plain(writer, out);
    case LZF_DONE:
        break;
    }
    rdb_write_packed_head(out, len, text->text.len);
    text->state = TEXT_SEND;
    text->at = len;
    return RDB_MORE;
}

static enum rdb_status send(struct text_writer *text, struct buffer *out, size_t bytes)
{
    const size_t some = text->at < bytes ? text->at : bytes;
    out->len += some;
    text->at -= some;
    return text->at == 0 ? RDB_DONE : RDB_MORE;
}

static enum rdb_status write_plain(struct text_writer *text, struct buffer *out, size_t bytes)
{
    const size_t left = text->text.len - text->at;
    const size_t some = left < bytes ? left : bytes;
    if (!buffer_append(out, (struct bytes){text->text.data + text->at, some})) {
        return RDB_NO_MEMORY;
    }
    text->at += some;
    return text->at == text->text.len ? RDB_DONE : RDB_MORE;
}

enum rdb_status rdb_text_step(struct rdb_writer *writer, struct buffer *out, size_t items)
{
    struct text_writer *text = &writer->text;
    const size_t bytes = items > text->text.len / RDB_BYTES_AN_ITEM ? text->text.len : items * RDB_BYTES_AN_ITEM;
    enum rdb_status status = RDB_MORE;
    switch (text->state) {
    case TEXT_NONE:
        return RDB_DONE;
    case TEXT_BEGIN:
        return begin(writer, out);
    case TEXT_PACK:
        return pack(writer, out, bytes);
    case TEXT_SEND:
        status = send(text, out, bytes);
        break;
    case TEXT_PLAIN:
        status = write_plain(text, out, bytes);
        break;
    }
    if (status == RDB_DONE) {
        rdb_text_end(writer);
    }
    return status;
}
