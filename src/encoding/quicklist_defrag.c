/* quicklist_defrag.c - the nodes of a quicklist leave sparse pages.
 *
 * The list itself remembers which node comes next, and forgets it with the node: the way to node number n would be too long.  */
#include "encoding/quicklist_private.h"

struct collection *quicklist_defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit)
{
    struct quicklist *list = (struct quicklist *)collection;
    if (!cursor->is_inside) {
        list->defrag_next = list->ends[LIST_HEAD];
    }
    do {
        struct quicklist_node *node = list->defrag_next;
        if (node == NULL) {
            *cursor = (struct collection_cursor){0};
            list = collection_move_block(collection, list, sizeof *list, limit);
            break;
        }
        debug_assert(node->links[LIST_HEAD] != NULL || node == list->ends[LIST_HEAD]);
        list->defrag_next = node->links[LIST_TAIL];
        struct quicklist_node *moved = collection_move_block(collection, node, node_request(node), limit);
        if (moved != node) {
            node_relink(list, moved);
        }
        cursor->is_inside = true;
    } while (*limit > 0);
    debug_assert(collection_is_valid(&list->base));
    return &list->base;
}
