/* blob.h - collections that an RDB value holds as one string: listpack, ziplist, zipmap, intset; read item by item.
 *
 * The bytes come from outside: nothing in them is believed before it was compared with how many bytes there are.
 *
 *   ziplist   total bytes (4), offset of the last entry (4), entries (2, 65535: count them), entries, FF
 *             entry: length of the one before (1, or FE and 4), then
 *               00nnnnnn text | 01nnnnnn n text | 10 n n n n text (high byte first) | C0 D0 E0 F0 FE: integer of 2, 4, 8, 3, 1
 *               bytes (low byte first) | F1 .. FD: 0 .. 12
 *   zipmap    pairs (1, 254: count them), per pair: length, text, length, spare bytes (1), text, spare; FF
 *             length: 1 byte, or FE and 4 (low byte first)
 *   intset    bytes an integer (4: 2, 4 or 8), count (4), integers in ascending order
 *   listpack  encoding/listpack.h
 *
 * Threads    Any; items are lent from the bytes.  */
#ifndef PERSIST_BLOB_H
#define PERSIST_BLOB_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "encoding/item.h"

#include <stdbool.h>
#include <stdint.h>

enum blob_form { BLOB_TEXT, BLOB_LISTPACK, BLOB_ZIPLIST, BLOB_ZIPMAP, BLOB_INTSET };

enum blob_step { BLOB_ITEM, BLOB_END, BLOB_BAD };

/* Where reading stands. The bytes are handed in with each call, since they may move in between. */
struct blob_cursor {
    enum blob_form form;
    size_t at;
    uint64_t seen;       /* items so far */
    uint64_t previous;   /* ziplist: length of the entry before; intset: the integer before */
};

/* Checks the header. BLOB_TEXT: the whole string is one item. */
MUST_USE bool blob_begin(struct blob_cursor *cursor, enum blob_form form, struct bytes blob);
/* BLOB_ITEM: the next item. BLOB_END: all was well formed to the last byte. Text that is an integer's may come as either. */
enum blob_step blob_next(struct blob_cursor *cursor, struct bytes blob, struct item *out);

#endif
