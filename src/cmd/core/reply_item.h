/* reply_item.h - items of collections as bulk strings.  */
#ifndef CMD_REPLY_ITEM_H
#define CMD_REPLY_ITEM_H

#include "encoding/item.h"
#include "net/reply.h"

static inline void reply_item(struct reply *reply, const struct item *item)
{
    if (item_is_integer(item)) {
        reply_bulk_integer(reply, item->integer);
    } else {
        reply_bulk(reply, (struct bytes){item->data, item->len});
    }
}

#endif
