/* ordered_index.h - the rows of one slice in the order of a column's values: the ordered index of one column.
 *
 * A B+tree whose inner nodes know how many keys are below each child, so that the number of rows in a range, and the row at any
 * rank, cost a descent. Rows with the same value stand in the order of their numbers. Values are not copied (ordered_node.h): a row of a
 * string column costs 8 bytes and what the nodes have to spare, however long the string is, a row of an integer column 5 to 12.
 *
 * What an index is asked for are ranks, 0 .. count - 1: a range is two of them, and whoever goes through it keeps the next one. They stay
 * good while the index is not changed. Whoever lets others change it in between keeps the value and the row's number instead, and asks
 * for their rank again.
 *
 * Texts are compared in the cells of their rows. So whatever has a row's key in the index needs the row's old value in its
 * cell until ordered_index_begin_change or _remove, and its new one from ordered_index_put or _end_change on.
 *
 * Threads    Under the slice's baton; reading also by a statement that has the slice locked.
 * Invariant  O1 keys ascend, over all leaves; O2 all leaves are at the same depth; O3 no node but a root leaf is empty, and an inner root
 *            has two children at least; O4 the key of an inner node's item is the least one below it, and `below` the number of
 *            those; O5 bytes is the sum of the nodes' blocks; O6 count the keys.
 * Limits     2^32 rows.
 * Read on    docs/design/ordered-index.md.  */
#ifndef TABLE_ORDERED_INDEX_H
#define TABLE_ORDERED_INDEX_H

#include "table/ordered_node.h"

enum { ORDERED_HEIGHT_MAX = 12 };

/* The way to a key: its leaf is nodes[0]. */
struct ordered_path {
    struct ordered_node *nodes[ORDERED_HEIGHT_MAX + 1];
    uint8_t at[ORDERED_HEIGHT_MAX + 1];
};

struct ordered_index {
    struct ordered_node *root; /* NULL: empty */
    uint64_t count;
    uint64_t bytes;            /* read relaxed by any thread */
    uint16_t slot;             /* of the column's cells */
    uint8_t type;              /* enum column_type */
    uint8_t height;            /* 0: the root is a leaf */
    struct ordered_path ready; /* where room was made for a key, until it is put there or something else changes */
};

/* What an index needs to know about the slice around it. */
struct index_host {
    struct heap *heap;
    struct page *const *pages; /* by id */
    const struct hash_secret *secret; /* for hash indexes */
};

void ordered_index_init(struct ordered_index *index, enum column_type type, uint32_t slot);

/* --- changing: values are not null --- */

/* Makes room for a key that is not there; false: no memory, and nothing that anyone sees has changed. The next change of this index must
 * be ordered_index_put or ordered_index_begin_change with that key, or none of them. O(log n).  */
MUST_USE bool ordered_index_prepare(struct ordered_index *index, const struct index_host *host, const struct typed_value *value,
                                    uint32_t row);
/* Adds the key that room was made for. */
void ordered_index_put(struct ordered_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row);
/* Removes a key that is there. O(log n); never needs memory. */
void ordered_index_remove(struct ordered_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row);

/* A key that is there gets another row's number; that row has the same value in its cell already. False: the key would have to stand elsewhere, or
 * is at the edge of its leaf; nothing changed. O(log n); never needs memory, and can be taken back.  */
MUST_USE bool ordered_index_renumber(struct ordered_index *index, const struct index_host *host, const struct typed_value *value,
                                     uint32_t row, uint32_t new_row);

/* A row gets another value, for which room was made: begin, write the cell, end. `old`: null, the row is not in the index. */
struct ordered_change {
    struct ordered_path from;
    bool has_from;
    bool was_first; /* in its leaf */
};
void ordered_index_begin_change(struct ordered_index *index, const struct index_host *host, const struct typed_value *old,
                                uint32_t row, struct ordered_change *change);
void ordered_index_end_change(struct ordered_index *index, const struct index_host *host, const struct typed_value *value,
                              uint32_t row, struct ordered_change *change);

/* Building: adds a leaf of `count` keys (1 .. ORDERED_APPEND_MAX), ascending and behind all that are there. numbers: of the values
 * (ordered_number); not read for texts. False: no memory, nothing changed. O(count).  */
enum { ORDERED_APPEND_MAX = LEAF_KEYS_MAX - LEAF_KEYS_MAX / 16 };
MUST_USE bool ordered_index_append(struct ordered_index *index, const struct index_host *host, const uint64_t *numbers,
                                   const uint32_t *rows, uint32_t count);

/* --- asking --- */

/* How many keys stand before (value, row). Row 0: less than the value; ROW_PAST_ALL: not greater. O(log n). */
uint64_t ordered_index_rank(const struct ordered_index *index, struct page *const *pages, const struct typed_value *value,
                            uint64_t row);

/* One end of a range. */
struct ordered_bound {
    const struct typed_value *value; /* NULL: open */
    bool is_inclusive;
};
/* The keys with ranks first .. end - 1; first == end: none. */
struct ordered_range {
    uint64_t first, end;
};
/* The keys between two bounds. A descent, or two when the range is not within one leaf. */
struct ordered_range ordered_index_range(const struct ordered_index *index, struct page *const *pages, struct ordered_bound lower,
                                         struct ordered_bound upper);

enum ordered_direction { ORDERED_UP, ORDERED_DOWN };
/* Copies the numbers of up to `max` (> 0) rows, from the one at `rank` on (< count) upwards or downwards: as many as its leaf has
 * there. Returns how many, at least one. O(log n + returned).  */
size_t ordered_index_rows(const struct ordered_index *index, uint64_t rank, enum ordered_direction direction, uint32_t *rows,
                          size_t max);

/* --- the whole tree --- */

/* Defragmentation: hands the leaf with *rank, and the nodes above it, to heap_move_within; *rank 0 begins. True: it was the last
 * leaf; otherwise *rank is where to go on. O(log n).  */
MUST_USE bool ordered_index_move(struct ordered_index *index, struct heap *heap, uint64_t *rank, size_t *limit);

/* Frees about `limit` nodes; true when the index is empty. */
MUST_USE bool ordered_index_free(struct ordered_index *index, struct heap *heap, size_t limit);

/* Walks all nodes, adding their bytes to *bytes and the keys to *count. False: O1-O4 do not hold, as far as the nodes themselves show;
 * with `deep` by the texts, too, which are read row by row.  */
MUST_USE bool ordered_index_audit(const struct ordered_index *index, struct page *const *pages, bool deep, uint64_t *bytes,
                                  uint64_t *count);

#endif
