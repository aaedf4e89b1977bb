/* expiry.h - which key expires when: the entries with a TTL in the order of their expiry.
 *
 * A B+tree (Bayer and McCreight, 1972) ordered by (expiry, address of the entry). Its leaves hold nothing but addresses, in
 * no order: the expiry stands in the entry, and is read only when a leaf overflows. Inner nodes hold the lower bound of each
 * child. So a key costs about 8.5 bytes when the TTL is always the same, and about 10 when TTLs are random.
 *
 *   inner   1,024 bytes: count | 42 bounds of 16 bytes | 42 children      bound 0 is not used: it is minus infinity
 *   leaf      512 bytes: count, capacity | 63 addresses                   a tree of one leaf begins with 7, 15, 31
 *
 * Inserting overflows as a B*-tree does (a full leaf gives to its neighbour before it splits), and where keys come in the
 * order of their expiry the full leaf stays full and the new key starts the next one.
 *
 * Threads    Under the baton of the shard.
 * Memory     Entries are borrowed while they are in. An entry that moves or changes its expiry leaves first and comes back.
 * Invariant  X1 every entry lies within the bounds above it; X2 count is the sum over the leaves, bytes the sum of the
 *            blocks; X3 no entry expires before earliest_ms; X4 every 4-byte expiry is within 24 days of reference_ms.
 * Limits     EXPIRY_HEIGHT_MAX levels: more entries than memory can hold.  */
#ifndef DATA_EXPIRY_H
#define DATA_EXPIRY_H

#include "base/attributes.h"
#include "mem/heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry;

enum {
    EXPIRY_LEAF_MAX = 63,
    EXPIRY_INNER_MAX = 42,
    EXPIRY_HEIGHT_MAX = 12,
    EXPIRY_REFERENCE_STEP_MS = 3600 * 1000,
};

struct expiry_index {
    void *root;            /* a leaf when height is 0; NULL without entries */
    uint64_t count;
    uint64_t bytes;        /* as the allocator counts */
    struct heap *heap;
    int64_t earliest_ms;   /* never after the earliest expiry; INT64_MAX without entries */
    int64_t last_put_ms;   /* the key inserted last: how a run of rising ones is seen; the entry may be gone */
    uintptr_t last_put_address;
    int64_t reference_ms;  /* what the 4-byte expiries of the entries are relative to: a wall clock of late */
    uint32_t height;       /* inner levels */
};

/* Blocks that an insertion may need, allocated before anything is changed. */
struct expiry_spare {
    void *leaf;
    void *inner[EXPIRY_HEIGHT_MAX];
    uint32_t leaf_capacity;
    uint32_t inner_count;
};

void expiry_init(struct expiry_index *index, struct heap *heap);

/* Takes what expiry_insert(expiry_ms, entry) could need, also when one expiry_remove comes between. False: refused, nothing is
 * kept. `entry` is only an address here. Cost O(log n).  */
MUST_USE bool expiry_reserve(struct expiry_index *index, int64_t expiry_ms, const struct entry *entry,
                             struct expiry_spare *spare);
/* Adds an entry whose expiry is already written; takes the spare. */
void expiry_insert(struct expiry_index *index, int64_t expiry_ms, const struct entry *entry, struct expiry_spare *spare);
/* For a reservation that is not used. */
void expiry_release(struct expiry_index *index, struct expiry_spare *spare);
/* Takes out an entry that is there under this expiry. */
void expiry_remove(struct expiry_index *index, int64_t expiry_ms, const struct entry *entry);

/* The entries of the first leaf, in no order: all others expire no earlier than each of them. Returns how many. */
size_t expiry_first(const struct expiry_index *index, struct entry *out[EXPIRY_LEAF_MAX]);

/* Up to `limit` entries that stand together in a leaf picked at random, nearly evenly. 0: there are none, and only then.
 * *random_state: any number, moved on.  */
size_t expiry_sample(const struct expiry_index *index, uint64_t *random_state, struct entry **out, size_t limit);

/* Frees up to *limit blocks and counts them off it. The entries may be gone already. True when all is freed. */
MUST_USE bool expiry_free_step(struct expiry_index *index, size_t *limit);

/* Defragmentation (mem/heap.h): hands blocks that stand in sparse pages to heap_move, from the key `cursor` on (all 0 starts), about
 * `limit` leaves looked at. True at the end; the cursor is all 0 again.  */
struct expiry_cursor {
    int64_t expiry_ms;
    uintptr_t address;
};
bool expiry_move_blocks(struct expiry_index *index, struct expiry_cursor *cursor, size_t limit);

/* Moves the reference when it is an hour away from the clock and no entry would be misread. */
void expiry_move_reference(struct expiry_index *index, int64_t now_ms);
static inline void expiry_note_time(struct expiry_index *index, int64_t now_ms)
{
    const uint64_t distance = (uint64_t)now_ms - (uint64_t)index->reference_ms + EXPIRY_REFERENCE_STEP_MS;
    if (UNLIKELY(distance > 2 * (uint64_t)EXPIRY_REFERENCE_STEP_MS)) {
        expiry_move_reference(index, now_ms);
    }
}

/* Walks everything; visit (may be NULL) sees each entry. NULL when X1-X3 hold, otherwise what does not. */
typedef void expiry_visit_fn(struct entry *entry, void *arg);
const char *expiry_fault(const struct expiry_index *index, expiry_visit_fn *visit, void *arg);
/* For debug asserts, after a change: a long index is walked after some changes only (base/check.h). */
bool expiry_is_valid(const struct expiry_index *index);

#endif
