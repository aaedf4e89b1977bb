/* walk.h - over the nodes of an expression, by their links: no recursion, no stack, no memory.
 *
 *     struct sql_walk walk = sql_walk_begin(root);
 *     while (sql_walk_next(&walk)) {
 *         ... walk.node, walk.event
 *     }
 *
 * Each node is entered before its children and left after them; a leaf is entered and left. After a child that is not the last one its
 * parent is come by: walk.child is that child, walk.index how many come before it.
 *
 * Threads    Any; a tree may be walked by several at once.
 * Invariant  The number of steps is at most three a node.  */
#ifndef SQL_WALK_H
#define SQL_WALK_H

#include "sql/tree.h"

enum sql_walk_event { SQL_WALK_BEGIN, SQL_WALK_ENTER, SQL_WALK_BETWEEN, SQL_WALK_LEAVE };

struct sql_walk {
    struct sql_node *root, *node, *child;
    enum sql_walk_event event;
    bool is_skipping;
};

/* `root` may have parents and neighbours: these are not walked over. */
static inline struct sql_walk sql_walk_begin(struct sql_node *root)
{
    return (struct sql_walk){.root = root, .node = root, .event = SQL_WALK_BEGIN};
}

/* The node that was just entered is left next, and its children are not walked over. */
static inline void sql_walk_skip(struct sql_walk *walk)
{
    walk->is_skipping = true;
}

/* False: everything was walked over. */
static inline bool sql_walk_next(struct sql_walk *walk)
{
    struct sql_node *node = walk->node;
    switch (walk->event) {
    case SQL_WALK_BEGIN:
        walk->event = SQL_WALK_ENTER;
        return true;
    case SQL_WALK_ENTER:
        if (node->first == NULL || walk->is_skipping) {
            walk->is_skipping = false;
            walk->event = SQL_WALK_LEAVE;
        } else {
            walk->node = node->first;
        }
        return true;
    case SQL_WALK_BETWEEN:
        walk->node = walk->child->next;
        walk->event = SQL_WALK_ENTER;
        return true;
    case SQL_WALK_LEAVE:
        break;
    }
    if (node == walk->root) {
        return false;
    }
    walk->node = node->parent;
    walk->child = node;
    walk->event = node->next != NULL ? SQL_WALK_BETWEEN : SQL_WALK_LEAVE;
    return true;
}

#endif
