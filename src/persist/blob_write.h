/* blob_write.h - collections that an RDB value holds as one string, in the making: listpack and intset. blob.h reads them.
 *
 * A string's length comes first, so all of it is collected here before it is written. A writer makes one blob after the other, each of
 * one form from its first item on.
 *
 * Threads    Any, one at a time.
 * Memory     A buffer of the thread's memory, kept from blob to blob.  */
#ifndef PERSIST_BLOB_WRITE_H
#define PERSIST_BLOB_WRITE_H

#include "base/attributes.h"
#include "encoding/item.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct blob_writer {
    struct buffer bytes; /* listpack: header and entries, without the end byte; intset: header, and int64_t each */
    size_t count;        /* items in it */
};

#define BLOB_WRITER_EMPTY ((struct blob_writer){.bytes = BUFFER_EMPTY(MEM_CLIENT)})

void blob_writer_release(struct blob_writer *writer);

/* Adding: false when memory was refused; then the writer can only be released. What an end gives is the blob, lent until more is added. */

/* Adds an item to a listpack, as text or integer, as it is. */
MUST_USE bool blob_add_item(struct blob_writer *writer, const struct item *item);
/* Completes the listpack, and begins anew. One item at least was added. */
MUST_USE struct bytes blob_end_listpack(struct blob_writer *writer);
/* Adds an integer to an intset, in any order, none twice. */
MUST_USE bool blob_add_integer(struct blob_writer *writer, int64_t integer);
/* Sorts the integers, makes them an intset, as wide as the widest needs, and begins anew. O(n log n).  */
MUST_USE struct bytes blob_end_intset(struct blob_writer *writer);

#endif
