/* slice.h - a table's rows in one shard, and their indexes.
 *
 * Pages stand in a list, in the order in which they were begun; rows are added at its end only, so that row ids mostly ascend
 * along the list (always while is_ordered: rows that came from another shard, or passed one another on their way here, break
 * that). A row's number is its page's id and its slot:
 * it names the row in the indexes, and changes only when slice_tidy, slice_compact, or an insert into a slice without locks, rewrites pages.
 *
 * A statement that goes on in steps locks the slice. While it is locked for reading nobody changes rows, pages or
 * indexes, and the statement may read them without the baton; while it is locked for writing nobody else reads either.
 *
 * Threads    Under the baton of its shard, with that exception. row_count, row_bytes, slot_count, compact_moved and the indexes' bytes are read relaxed
 *            by any thread.
 * Memory     Everything comes from the shard's heap: the nodes of indexes as MEM_TABLE_INDEX, all else as MEM_TABLE_ROW,
 *            counted in row_bytes and, the nodes of ids, in ids.bytes.
 * Invariant  L1 every page holds at least one row or is pending; L2 an index holds exactly the rows with a value in its
 *            column; L3 row_bytes is the sum of the blocks; L4 with is_ordered, ids ascend along pages and slots; L5 a
 *            reader and a writer never lock it at once; L6 of slice_ids.c. L2 and L6 not while is_emptying.
 * Read on    page.h, column_index.h; gather.h finds rows.  */
#ifndef TABLE_SLICE_H
#define TABLE_SLICE_H

#include "table/column_index.h"
#include "table/page.h"
#include "table/schema.h"
#include "table/slice_owner.h"
#include "table/table.h"

struct assignment {
    uint32_t column;
    struct typed_value value; /* of the column's type; null: the row has none there afterwards */
};

enum row_event {
    ROW_INSERTED,
    ROW_UPDATED,
    ROW_DELETED,
    ROW_LEFT,    /* an update gives the row another routing value: it goes from this slice ... */
    ROW_ARRIVED, /* ... and then it is in this one */
};

/* What happens to one row. All is borrowed until the owner returns. */
struct row_change {
    const struct table_slice *slice;
    const struct schema *schema;
    enum row_event event;
    uint64_t id;
    const struct typed_value *values;   /* INSERTED, ARRIVED: one for each column */
    const struct assignment *set; /* UPDATED */
    size_t set_count;
    struct typed_value routing;         /* UPDATED, DELETED, LEFT: the value of the routing column until now; null: it has none */
};

struct table_slice {
    struct heap *heap;
    const struct slice_owner *owner; /* lent; never NULL */
    const struct table *table; /* whose it is; NULL: of none, or of one that was dropped */
    const struct hash_secret *secret;
    struct page **pages;      /* by id; NULL: the id is free */
    uint32_t pages_capacity;
    uint32_t pages_end;       /* above the highest id in use */
    uint32_t pages_hint;      /* no id below is free */
    uint32_t page_count;
    uint32_t first, last;     /* of the list; PAGE_NONE */
    uint32_t pending;         /* first page to be tidied; PAGE_NONE */
    uint32_t reader_count;    /* statements that have it locked for reading */
    bool is_write_locked;
    bool is_ordered;
    bool is_emptying;         /* slice_empty is at work: the indexes are not what L2 and L6 say */
    bool is_cleaning;         /* a dropped column's cells are being freed, up to page id cleaning_next */
    bool is_dropped;          /* whoever cleans frees all of it */
    uint8_t id_shift;         /* 1 << id_shift ids are a block; set before the first row */
    uint16_t cleaning_slot;
    uint32_t cleaning_next;
    uint16_t index_count;     /* one more than the schema's while an index is built */
    uint16_t index_capacity;
    uint64_t row_count, row_bytes;
    uint64_t slot_count;      /* the sum of the pages' capacities */
    uint32_t compact_from;    /* the page whose rows slice_compact moves next; PAGE_NONE: no round of it is going on */
    uint32_t compact_into;    /* the page right before it, which it fills; PAGE_NONE: none */
    uint64_t compact_vain;    /* free slots that the last round has left, or fewer, if fewer were seen since */
    uint64_t compact_moved;   /* rows that were moved by it. Written relaxed */
    uint8_t compact_share;    /* of 256 slots of a page: with so many free ones it is sparse, in this round */
    uint64_t last_id;         /* of the rows at the end of the list */
    uint64_t highest_id;      /* that a row ever had here, or that its auto column ever had, up to COLUMN_AUTO_MAX */
    _Atomic uint64_t *last_row_id; /* the table's counter; NULL: none */
    struct column_index *indexes;
    struct hash_index ids;    /* blocks of row ids and the pages that have some of them: slice_ids.c */
    uint64_t noted_entry;     /* of ids: the last one entered; NO_ENTRY */
};

enum { ID_SHIFT_LEAST = 8 };

/* The counter of ids is `id` at least from now on. Any thread. */
static inline void row_id_raise(_Atomic uint64_t *counter, uint64_t id)
{
    uint64_t last = atomic_load_explicit(counter, memory_order_relaxed);
    while (last < id && !atomic_compare_exchange_weak_explicit(counter, &last, id, memory_order_relaxed, memory_order_relaxed)) {
    }
}

static inline struct page *slice_page_of(const struct table_slice *slice, uint32_t row)
{
    debug_assert(row_page(row) < slice->pages_end);
    return slice->pages[row_page(row)];
}

/* An empty slice with the indexes of the schema. NULL: no memory. */
struct table_slice *slice_create(struct heap *heap, const struct hash_secret *secret, const struct schema *schema) MUST_USE;
/* Frees about `limit` blocks; true when all is gone, the slice itself included. It is locked by nobody. */
MUST_USE bool slice_free(struct table_slice *slice, size_t limit);

/* --- rows --- */

/* The value in a column's cells; text is lent until the page changes. */
struct typed_value slice_value(const struct table_slice *slice, uint32_t row, uint32_t slot);
uint64_t slice_row_id(const struct table_slice *slice, uint32_t row);
/* The number of the row with this id; ROW_NONE: it is not in this slice. O(log rows), and a look at a page or two: about a
 * microsecond.  */
uint32_t slice_find_row(const struct table_slice *slice, uint64_t id);

/* Adds a row; `values` has one for each column of the schema, of the column's type or null. All or nothing:
 * TABLE_NO_MEMORY, TABLE_FULL. Row numbers change only when nobody has it locked for writing.  */
MUST_USE enum table_result slice_insert(struct table_slice *slice, const struct schema *schema, uint64_t id,
                                        const struct typed_value *values);

/* The same for a row of several that come together or not at all: nobody is told of it yet, and *row is its number. Until slice_tell_inserted or
 * slice_take_back was called for each of them the slice stays locked for writing.  */
MUST_USE enum table_result slice_add(struct table_slice *slice, const struct schema *schema, uint64_t id, const struct typed_value *values,
                                     uint32_t *row);
/* The row has come to stay. */
void slice_tell_inserted(const struct table_slice *slice, const struct schema *schema, uint32_t row);
/* Removes such a row, as if it had never been there; its page may be left to slice_tidy. `highest_id`: the slice's, before the first of them. */
void slice_take_back(struct table_slice *slice, const struct schema *schema, uint32_t row, uint64_t highest_id);

/* slice_add for a new version of a row of the table, with the id of that: slice_take_back or slice_supersede follows. */
MUST_USE enum table_result slice_add_version(struct table_slice *slice, const struct schema *schema, uint64_t id, const struct typed_value *values,
                                             uint32_t *row);
/* The row at the end of the list: that which was added last. There is one. */
uint32_t slice_last_row(const struct table_slice *slice);
/* A row that was added with slice_add_version becomes a row that is there, of this slice or another's (`from`, `old`), with the same id: of that one
 * nothing stays, and it is told that it was given `set`, or that it has moved. Cannot fail. Row numbers stay.  */
void slice_supersede(struct table_slice *from, uint32_t old, struct table_slice *slice, uint32_t row, const struct schema *schema,
                     const struct assignment *set, size_t set_count);

/* Gives a row new values, or nulls, in some columns, each named once. All or nothing: TABLE_NO_MEMORY. Row numbers stay. */
MUST_USE enum table_result slice_update(struct table_slice *slice, const struct schema *schema, uint32_t row,
                                        const struct assignment *set, size_t set_count);

/* Gives a row of `from` to the slice `to` of another shard, with its id and `values`, which may be lent from `from`. All or nothing:
 * TABLE_NO_MEMORY, TABLE_FULL.  */
MUST_USE enum table_result slice_move_row(struct table_slice *from, uint32_t row, struct table_slice *to,
                                          const struct schema *schema, const struct typed_value *values);

/* Removes a row. Its page may be left to slice_tidy; other row numbers stay. */
void slice_delete(struct table_slice *slice, const struct schema *schema, uint32_t row);

/* Removes all rows, page by page, and then frees the indexes as wholes: about `limit` pages or nodes. True when it is done. The slice is locked
 * for writing until then; who asks for a row by an index in between finds nothing good. Never needs memory. Cost: a few nanoseconds a row,
 * and what the owner takes to hear of each.  */
bool slice_empty(struct table_slice *slice, const struct schema *schema, size_t limit);

/* Frees empty pages and rewrites sparse ones that deletions have left, `limit` pages at most. True when none is left.
 * Row numbers change. Cost: up to PAGE_ROWS / 2 rows moved for a page.  */
bool slice_tidy(struct table_slice *slice, const struct schema *schema, size_t limit);

/* Slots of pages that have no row and will get none, where deletions were. */
uint64_t slice_free_slots(const struct table_slice *slice);
/* True: slice_compact may be called and is worth while, since more than an eighth of the slots is free. False also while somebody keeps old
 * states of rows, whose pages it would touch.  */
bool slice_wants_compaction(struct table_slice *slice);
/* Moves about `limit` rows or looks at as many pages: sparse pages give their rows to fewer ones. True at the end of a round, also of one that
 * memory was refused to. Row numbers change; slice_may_write. Cost: a row is read, written, and renumbered in its indexes.  */
bool slice_compact(struct table_slice *slice, const struct schema *schema, size_t limit);

/* Defragmentation (mem/heap.h): hands the blocks of pages and indexes to heap_move_within. True at the end, or when a statement
 * has it locked. What comes, goes or moves between two calls may be left out.  */
MUST_USE bool slice_defrag(struct table_slice *slice, struct slice_defrag *state, size_t *limit);

/* --- indexes and columns, for ALTER --- */

/* Adds an empty index for the column at the end, to be filled by index_builder.h. False: no memory. */
MUST_USE bool slice_add_index(struct table_slice *slice, enum index_kind kind, const struct column *column);
/* Takes index `at` out; those behind it move up. The caller frees its nodes. */
struct column_index slice_take_index(struct table_slice *slice, uint32_t at);
/* The last index takes the place of index `at`, which is returned; the caller frees its nodes. */
struct column_index slice_replace_index(struct table_slice *slice, uint32_t at);

/* Begins to free a dropped column's cells; not while is_cleaning. */
void slice_begin_cleaning(struct table_slice *slice, uint32_t slot);
/* Goes on with it over about `limit` pages; true when it is done. Allowed under a statement's lock: its schema does not
 * have the column any more.  */
MUST_USE bool slice_clean(struct table_slice *slice, size_t limit);

/* --- locks of statements --- */

static inline bool slice_may_read(const struct table_slice *slice)
{
    return !slice->is_write_locked;
}

static inline bool slice_may_write(const struct table_slice *slice)
{
    return !slice->is_write_locked && slice->reader_count == 0;
}

/* Who may lock it, and in which order, is the caller's care. A slice that may be read, or written, is locked at once. */
void slice_lock_read(struct table_slice *slice);
void slice_unlock_read(struct table_slice *slice);
void slice_lock_write(struct table_slice *slice);
void slice_unlock_write(struct table_slice *slice);

/* --- checking --- */

/* table_audit's work: O(pages + nodes). */
MUST_USE bool slice_audit(const struct table_slice *slice, const struct schema *schema, struct table_memory *found,
                          char finding[200]);
/* Every row is in every index of its values, and L1-L5: O(rows log rows). For tests. */
bool slice_is_valid(const struct table_slice *slice, const struct schema *schema);

#endif
