/* name_list.c - bulk strings in blocks.
 *
 * Threads    One at a time.
 * Limits     Blocks double from NAME_BLOCK_FIRST to NAME_BLOCK_MAX; a name longer than that has a block of its own.  */
#include "cmd/core/name_list.h"

#include "base/number.h"
#include "mem/heap.h"

#include <assert.h>

enum { NAME_BLOCK_FIRST = 1024, NAME_BLOCK_MAX = 65536, BULK_FRAME_MAX = 1 + INT64_TEXT_MAX + 2 + 2 };

struct name_block {
    struct name_block *next;
    size_t size; /* of the block, this head included */
    size_t len;  /* bytes in data */
    char data[];
};

static size_t block_room(const struct name_block *block)
{
    return block == NULL ? 0 : block->size - sizeof *block - block->len;
}

/* Appends an empty block with room for `needed` bytes. */
static bool add_block(struct name_list *list, size_t needed)
{
    size_t size = list->last == NULL ? NAME_BLOCK_FIRST : 2 * list->last->size;
    size = size < NAME_BLOCK_MAX ? size : NAME_BLOCK_MAX;
    size_t least = sizeof(struct name_block) + needed;
    size = size > least ? size : least;
    struct name_block *block = thread_alloc(MEM_OUTPUT_BUFFER, size);
    if (block == NULL) {
        return false;
    }
    *block = (struct name_block){.size = size};
    if (list->last == NULL) {
        list->first = block;
    } else {
        list->last->next = block;
    }
    list->last = block;
    return true;
}

bool name_list_add(struct name_list *list, struct bytes name)
{
    if (name.len > PTRDIFF_MAX / 2) {
        return false;
    }
    size_t needed = BULK_FRAME_MAX + name.len;
    if (block_room(list->last) < needed && !add_block(list, needed)) {
        return false;
    }
    struct name_block *block = list->last;
    char *at = block->data + block->len;
    *at++ = '$';
    at += uint64_format(name.len, at);
    memcpy(at, "\r\n", 2);
    at += 2;
    if (name.len > 0) {
        memcpy(at, name.data, name.len);
        at += name.len;
    }
    memcpy(at, "\r\n", 2);
    at += 2;
    size_t len = (size_t)(at - block->data);
    assert(sizeof *block + len <= block->size);
    list->bytes += len - block->len;
    block->len = len;
    list->count++;
    return true;
}

static void drop_first(struct name_list *list)
{
    struct name_block *block = list->first;
    list->first = block->next;
    if (list->first == NULL) {
        list->last = NULL;
    }
    thread_free(MEM_OUTPUT_BUFFER, block, block->size);
}

bool name_list_move_block(struct name_list *list, struct reply *reply)
{
    struct name_block *block = list->first;
    if (block == NULL) {
        return false;
    }
    reply_raw(reply, (struct bytes){block->data, block->len});
    list->bytes -= block->len;
    drop_first(list);
    return true;
}

/* "$5\r\nhello\r\n" at `frame`; *out is "hello". Returns the frame's length. */
static size_t read_frame(const char *frame, struct bytes *out)
{
    size_t len = 0;
    const char *at = frame + 1;
    for (; *at != '\r'; at++) {
        len = 10 * len + (size_t)(*at - '0');
    }
    *out = (struct bytes){at + 2, len};
    return (size_t)(at + 2 - frame) + len + 2;
}

bool name_list_read(const struct name_list *list, struct name_reader *reader, struct bytes *out)
{
    if (reader->seen == list->count) {
        return false;
    }
    if (reader->block == NULL) {
        reader->block = list->first;
    } else if (reader->at == reader->block->len) {
        reader->block = reader->block->next;
        reader->at = 0;
    }
    reader->at += read_frame(reader->block->data + reader->at, out);
    reader->seen++;
    assert(reader->at <= reader->block->len);
    return true;
}

void name_list_release(struct name_list *list)
{
    while (list->first != NULL) {
        drop_first(list);
    }
    *list = (struct name_list){0};
}
