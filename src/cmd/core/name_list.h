/* name_list.h - bulk strings put by until their number is known, then moved into a reply.
 *
 * In blocks, so that however many there are, nothing is copied to grow: adding and moving take bounded steps.
 *
 * Threads    One at a time.
 * Memory     The thread's own, MEM_OUTPUT_BUFFER; name_list_release gives it back.  */
#ifndef CMD_NAME_LIST_H
#define CMD_NAME_LIST_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "net/reply.h"

#include <stdbool.h>
#include <stdint.h>

struct name_block;

/* All zero: empty. */
struct name_list {
    struct name_block *first, *last;
    uint64_t count;
    size_t bytes; /* of protocol that are in it */
};

/* Copies the name. False: memory was refused, nothing has changed. */
MUST_USE bool name_list_add(struct name_list *list, struct bytes name);
/* Writes the oldest block (at most 64 KiB, or one longer name) to the reply and frees it. False: there was none. Who wrote
 * the array's header has called reply_reserve(reply, list->bytes) before, too.  */
bool name_list_move_block(struct name_list *list, struct reply *reply);
/* Reads without taking out: the next name, lent by the list. All zero: the first is next. False: there are no more. */
struct name_reader {
    const struct name_block *block; /* NULL: not begun, or at the end */
    size_t at;
    uint64_t seen;
};
bool name_list_read(const struct name_list *list, struct name_reader *reader, struct bytes *out);
void name_list_release(struct name_list *list);

#endif
