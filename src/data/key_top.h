/* key_top.h - the biggest keys of a shard, by type, without a scan: a list of candidates that changes keep up to date.
 *
 * Each type has a floor. Whoever changes the bytes of an entry compares them with it (keyspace_private.h, keyspace_note_size); an
 * entry that passes it upwards joins the list. A full list is looked through: what is gone or small leaves, and the floor rises
 * to the biggest one that left. What is deleted or shrinks is found out when the list is read. When too few are left above the
 * floor, it falls to 0 and a walk over all keys, in steps, fills the list again.
 *
 * Threads    Under the baton of the shard.
 * Memory     One block of the shard's heap, MEM_SERVER; it stays the same size.
 * Invariant  Every entry with more bytes than its type's floor is in that type's list; during a fill of the type: every one that
 *            the walk has passed.
 * Limits     KEY_TOP_COUNT_MAX keys of a type are known to be the biggest.  */
#ifndef DATA_KEY_TOP_H
#define DATA_KEY_TOP_H

#include "data/keyspace.h"

enum {
    KEY_TOP_COUNT_MAX = 128,  /* so many may be asked for */
    KEY_TOP_SLOTS = 512,      /* of a list, a power of two */
    KEY_TOP_FULL = 320,       /* candidates that make a list full */
    KEY_TOP_KEEP = 192,       /* of these stay when it is looked through */
};

/* A name in a database. `hash` 0: an empty slot. */
struct key_top_slot {
    uint64_t hash;
    uint64_t number; /* the database's */
};

struct key_top {
    struct keyspace_watch watch;    /* of all databases; a kind's floor is that of its type */
    struct heap *heap;
    struct keyspace *databases;
    uint32_t database_count;
    uint32_t fill_types;            /* bits: which types the walk fills; 0: none is under way */
    uint32_t fill_db;
    uint32_t check_type;            /* next for key_top_tend */
    uint64_t fill_cursor;
    uint64_t fills;                 /* since start; read relaxed by any thread */
    struct key_top_list {
        uint64_t floor;
        uint32_t count;
        struct key_top_slot slots[KEY_TOP_SLOTS]; /* by hash, open addressing */
    } lists[VALUE_TYPE_COUNT];
};

/* Makes the list for `databases` and tells them of it; they must be empty. NULL: no memory. Gives: key_top_destroy, when the
 * keyspaces have no entries any more.  */
struct key_top *key_top_create(struct heap *heap, struct keyspace *databases, uint32_t database_count) MUST_USE;
void key_top_destroy(struct key_top *top);
/* After the contents of databases a and b changed places, structures and all. */
void key_top_swapped(struct key_top *top, uint32_t a, uint32_t b);

/* One of the biggest keys. */
struct key_top_item {
    uint64_t bytes;
    uint64_t hash;
    uint32_t db;
};

/* True: `out` has the `limit` biggest keys of the type (fewer when there are fewer), the biggest first, and *count says how
 * many; 1 <= limit <= KEY_TOP_COUNT_MAX. False: too few are known: key_top_fill_step until it says true, then ask again. Cost: a
 * search for each candidate, KEY_TOP_FULL at most.  */
MUST_USE bool key_top_read(struct key_top *top, enum value_type type, int64_t now_ms, uint32_t limit,
                           struct key_top_item out[KEY_TOP_COUNT_MAX], uint32_t *count);
/* The entry of an item, or NULL when it is gone. */
struct entry *key_top_find(const struct key_top *top, uint64_t hash, uint32_t db, int64_t now_ms);
/* Goes on with the walk, `limit` keys or a few more. True when none is under way any more. */
MUST_USE bool key_top_fill_step(struct key_top *top, size_t limit);
/* Looks whether one type (each in turn) has too few candidates left, and begins a walk then. */
void key_top_tend(struct key_top *top, int64_t now_ms);

#endif
