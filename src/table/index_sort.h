/* index_sort.h - sorts rows by their values, in steps, for an index that is built: by bytes of the values, not by comparing them.
 *
 * Numbers have their keys at once. Of texts only what tells them apart is read: for each stretch of rows whose texts agree so far, how
 * far they agree, and the seven bytes behind that; the stretch is sorted by these, and what still agrees is a stretch again.
 *
 *   each stretch   COMMON --> LOAD --> COUNT --> SCATTER (for each byte that differs) --> RUNS --> its stretches, then the one around it
 *   numbers                            begin there, and end before RUNS
 *
 * Threads    One at a time; texts are read as the slice's (ordered_node.h).
 * Memory     The items are the caller's; thread_alloc, class MEM_QUERY_BUFFER, 16 bytes for each level of stretches.
 * Invariant  Items with the same value keep their order.  */
#ifndef TABLE_INDEX_SORT_H
#define TABLE_INDEX_SORT_H

#include "table/ordered_node.h"

struct sort_item {
    uint64_t key; /* numbers: the value, or its hash. Texts: for the sort alone */
    uint32_t row;
};

/* Items whose texts agree in their first `agreed` bytes. */
struct sort_stretch {
    uint32_t first, end;
    uint32_t at;     /* up to here its own stretches have been dealt with */
    uint32_t agreed;
};

struct index_sort {
    struct sort_item *items, *spare; /* lent by the caller: `count` each; the result is in `items` */
    uint32_t count;
    struct key_source source;
    struct sort_stretch stretch;     /* the one that is worked on */
    struct sort_stretch *outer;      /* those around it */
    uint32_t depth, depth_capacity;
    uint8_t stage;
    uint8_t pass;                    /* SCATTER: the byte of the keys */
    uint32_t at;                     /* of the stage's walk over the stretch */
    uint64_t differing;              /* bits in which the keys of the stretch differ */
    uint32_t places[8][256];         /* COUNT: how many; SCATTER: where the next one goes */
};

/* Begins; source.is_text says whether items have their keys. */
void index_sort_begin(struct index_sort *sort, struct key_source source, struct sort_item *items, struct sort_item *spare,
                      uint32_t count);
enum sort_status { SORT_MORE, SORT_DONE, SORT_NO_MEMORY };
/* Goes on for about `work` items. */
enum sort_status index_sort_step(struct index_sort *sort, uint32_t work);
void index_sort_release(struct index_sort *sort);

#endif
