/* rdb_write_list.c - a list as nodes of listpacks, as if it had been pushed item by item to the tail of a list of redis-server's.
 *
 * Redis decides by an estimate whether an item still fits into a node: so does this, from the items alone.  */
#include "persist/rdb_write_private.h"

#include "encoding/listpack.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"

enum {
    NODE_ITEM_OVERHEAD = 8,    /* Redis's estimate of what an item takes besides its text */
    NODE_SAFE_BYTES = 8192,    /* more are not allowed when items are limited instead of bytes */
    NODE_BYTES_FIRST = 4096,   /* the limit that -1 means; -2 twice as much, and so on */
    NODE_LEVELS = 5,
};

void rdb_list_begin(struct rdb_writer *writer, const struct entry *entry, const struct encoding_limits *limits)
{
    struct list_writer *list = &writer->walk.list;
    writer->kind = WRITE_LIST;
    list->node_limit = limits->list_max_listpack_size;
    list->is_counting = true;
    list_walk_begin(&list->walks[0], entry, 0, LIST_HEAD);
    list_walk_begin(&list->walks[1], entry, 0, LIST_HEAD);
}

void rdb_list_end(struct rdb_writer *writer)
{
    if (writer->kind == WRITE_LIST) {
        list_walk_end(&writer->walk.list.walks[0]);
        list_walk_end(&writer->walk.list.walks[1]);
    }
}

static size_t text_len(const struct item *item)
{
    char scratch[ITEM_SCRATCH];
    return item_text(item, scratch).len;
}

/* True when `item` goes into the node in the making. */
static bool node_takes(const struct list_writer *list, const struct item *item)
{
    const size_t bytes = list->node_bytes + text_len(item) + NODE_ITEM_OVERHEAD;
    if (list->node_limit < 0) {
        const int64_t level = list->node_limit < -NODE_LEVELS ? NODE_LEVELS : -list->node_limit;
        return bytes <= (size_t)NODE_BYTES_FIRST << (level - 1);
    }
    const uint64_t limit = list->node_limit == 0 ? 1 : (uint64_t)list->node_limit;
    return bytes <= NODE_SAFE_BYTES && list->node_items < limit;
}

/* Ends the node in the making: it is counted, or written. */
static bool node_end(struct rdb_writer *writer, struct buffer *out)
{
    struct list_writer *list = &writer->walk.list;
    list->node_items = 0;
    if (list->is_counting) {
        list->nodes++;
        return true;
    }
    return rdb_write_length(out, RDB_NODE_PACKED) && rdb_put_text(writer, out, blob_end_listpack(&writer->blob));
}

/* The item that comes next, or before it the end of a node that has no room for it. */
static bool list_add(struct rdb_writer *writer, struct buffer *out)
{
    struct list_writer *list = &writer->walk.list;
    if (list->node_items > 0 && !node_takes(list, &list->item)) {
        return node_end(writer, out);
    }
    if (list->node_items == 0) {
        list->node_bytes = LISTPACK_EMPTY;
    }
    list->node_bytes += listpack_entry_size(&list->item);
    list->node_items++;
    list->has_item = false;
    return list->is_counting || blob_add_item(&writer->blob, &list->item);
}

enum rdb_status rdb_list_step(struct rdb_writer *writer, struct buffer *out)
{
    struct list_writer *list = &writer->walk.list;
    while (rdb_takes_item(writer)) {
        struct list_walk *walk = &list->walks[list->is_counting ? 0 : 1];
        list->has_item = list->has_item || list_walk_next(walk, &list->item);
        if (list->has_item) {
            if (!list_add(writer, out)) {
                return RDB_NO_MEMORY;
            }
            continue;
        }
        if (list_walk_is_refused(walk) || (list->node_items > 0 && !node_end(writer, out))) {
            return RDB_NO_MEMORY;
        }
        if (!list->is_counting) {
            return RDB_DONE;
        }
        list->is_counting = false;
        if (!rdb_write_length(out, list->nodes)) {
            return RDB_NO_MEMORY;
        }
    }
    return RDB_MORE;
}
