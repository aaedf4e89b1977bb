/* cells.h - one column's values in one page of rows.
 *
 * Integers, dates, booleans, moments and decimals are kept as differences to a base, in the fewest bytes of 1, 2, 4, 8 that hold all of the page's;
 * a value that does not fit widens the page's cells. Strings and other texts lie one behind the other in an arena that belongs to the
 * page's column; longer ones have a block of their own.
 *
 * Layout     block   values[capacity] of `width` bytes each, padded to 8; then one bit a row: it has a value
 *            arena   one record a value: length (0 .. CELLS_INLINE_MAX) and the bytes; or LONG, length (4), pointer (8);
 *                    values[slot] is the record's offset
 *
 * Threads    Under the slice's baton; reading also by a statement that has the slice locked.
 * Invariant  C1 a row without its bit is null, and its value bytes mean nothing; C2 arena_live is the sum of the lengths of
 *            the records that have a bit, <= arena_used <= arena_capacity; C3 long_count of those are long; C4 base is 0
 *            when width is 8.
 * Read on    page.h.  */
#ifndef TABLE_CELLS_H
#define TABLE_CELLS_H

#include "mem/heap.h"
#include "table/typed_value.h"

enum {
    PAGE_ROWS = 240, /* 240 rows of 2, 4 and 8 bytes and their bits just fit 512, 1024 and 2048 bytes */
    PAGE_WORDS = 4,  /* of 64 bits, a bit a row */
    CELLS_INLINE_MAX = 127,
};

enum cells_kind { CELLS_NONE, CELLS_INTEGER, CELLS_FLOAT, CELLS_TEXT };

struct cells {
    void *block; /* NULL: every row is null */
    union {
        int64_t base;
        char *arena;
    };
    uint16_t arena_capacity, arena_used, arena_live;
    uint8_t kind : 4; /* enum cells_kind */
    uint8_t width : 4;
    uint8_t long_count;
};

_Static_assert(sizeof(struct cells) == 24, "three words a column and page");

/* What cells need to know about the page around them. */
struct cells_host {
    struct heap *heap;
    uint64_t *row_bytes; /* the slice's counter: sum of its MEM_TABLE_ROW blocks */
    uint32_t capacity;   /* rows of the page */
};

static inline size_t cells_bits_offset(uint32_t width, uint32_t capacity)
{
    return ((size_t)width * capacity + 7) & ~(size_t)7;
}

/* The bits of the rows that have a value, (capacity + 63) / 64 words; NULL: none has. */
static inline uint64_t *cells_bits(const struct cells *cells, uint32_t capacity)
{
    return cells->block == NULL ? NULL : (uint64_t *)((char *)cells->block + cells_bits_offset(cells->width, capacity));
}

static inline bool cells_has_value(const struct cells *cells, uint32_t capacity, uint32_t slot)
{
    return cells->block != NULL && (cells_bits(cells, capacity)[slot / 64] >> (slot % 64) & 1) != 0;
}

/* Two hints: first where the value stands, then (it reads that) where its text does. Inlined by force: gcc takes a function
 * that only prefetches for one without effect, and drops calls of it.  */
__attribute__((always_inline)) static inline void cells_prefetch(const struct cells *cells, uint32_t capacity, uint32_t slot)
{
    if (cells->block != NULL) {
        __builtin_prefetch((const char *)cells->block + (size_t)cells->width * slot);
        __builtin_prefetch(cells_bits(cells, capacity) + slot / 64);
    }
}

__attribute__((always_inline)) static inline void cells_prefetch_text(const struct cells *cells, uint32_t slot)
{
    if (cells->kind == CELLS_TEXT && cells->arena != NULL) {
        __builtin_prefetch(cells->arena + ((const uint16_t *)cells->block)[slot]);
    }
}

/* The value of a row, null if it has none; text is lent until the page changes. */
struct typed_value cells_get(const struct cells *cells, uint32_t capacity, uint32_t slot);
/* The integer of a row that has a value. */
int64_t cells_integer(const struct cells *cells, uint32_t slot);
/* The text of a row that has a value. */
struct bytes cells_text(const struct cells *cells, uint32_t slot);

/* A write in two halves, so that a row's writes all happen or none does: prepare makes room for this value in this row (and
 * for nothing else) and may be refused; commit then writes and cannot fail; abandon gives the room for a long string back.  */
struct cells_write {
    const struct typed_value *value; /* not null; borrowed until commit */
    uint16_t slot;
    uint8_t type;                    /* enum column_type */
    bool adopts_text;                /* the text's own long block is taken over, not copied: moving a row */
    void *long_block;                /* NULL at first */
};

MUST_USE bool cells_prepare(struct cells *cells, const struct cells_host *host, struct cells_write *write);
void cells_commit(struct cells *cells, const struct cells_host *host, struct cells_write *write);
void cells_abandon(const struct cells_host *host, struct cells_write *write);

/* Makes a row null. */
void cells_clear(struct cells *cells, const struct cells_host *host, uint32_t slot);
/* The same when a long text was taken over by other cells (adopts_text): it is not freed. */
void cells_clear_adopted(struct cells *cells, uint32_t capacity, uint32_t slot);

/* A copy of the block for a page of `capacity` rows (more than now), to be taken by cells_take_block once every column of
 * the page has one. NULL: no memory. Not for cells without a block.  */
void *cells_copy_block(const struct cells *cells, const struct cells_host *host, uint32_t capacity) MUST_USE;
void cells_take_block(struct cells *cells, const struct cells_host *host, void *block);
void cells_free_block(const struct cells *cells, const struct cells_host *host, void *block, uint32_t capacity);

/* Frees everything; the cells are CELLS_NONE afterwards. */
void cells_release(struct cells *cells, const struct cells_host *host);

/* Defragmentation: hands the blocks to heap_move_within, long strings from row *slot on. True at the end; otherwise *slot is
 * where to go on. *slot 0 begins.  */
MUST_USE bool cells_move(struct cells *cells, const struct cells_host *host, uint32_t *slot, size_t *limit);

/* Bytes of all blocks, counted again; false: C1-C4 do not hold. */
MUST_USE bool cells_audit(const struct cells *cells, uint32_t capacity, uint64_t *bytes);

#endif
