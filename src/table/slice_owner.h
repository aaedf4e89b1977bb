/* slice_owner.h - who is told of what happens to the rows of a slice.
 *
 * Threads    Under the baton of the slice's shard; for a row that moves, under both shards'.  */
#ifndef TABLE_SLICE_OWNER_H
#define TABLE_SLICE_OWNER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row_change; /* slice.h */
struct table_slice;

/* What a slice tells the shard that it is part of. Each function may be NULL. */
struct slice_owner {
    void *context;
    /* The rows with the numbers first .. end - 1, of one page, are going to be changed or removed, or to get other numbers, or to lose
     * their values of a column: what they were is still there. Numbers that have no row, or whose row was told already, may be among
     * them. A page's numbers are all told before they can become other rows'.  */
    void (*before_change)(void *context, const struct table_slice *slice, uint32_t first, uint32_t end);
    /* A dropped table's slice is to be freed, of which nothing is told any more. False: not yet; what is still to be done with its rows was
     * done with about `limit` of them, and with SIZE_MAX all of it is.  */
    bool (*may_free)(void *context, const struct table_slice *slice, size_t limit);
    /* A row was added; or it is being changed or removed, which nothing can refuse any more. */
    void (*changed)(void *context, const struct row_change *change);
    const _Atomic uint32_t *wants; /* 0 there: nobody listens, and `changed` is not called; read relaxed. NULL: it always is */
};

#endif
