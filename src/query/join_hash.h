/* join_hash.h - where the rows of a table stand that a join looks for, by the hash of their keys; and what all of a join may take.
 *
 *     join_memory_take, entries by the caller --> join_hash_create for so many --> join_hash_add ... --> join_hash_find, ->next ...
 *
 * Buckets are in pages that are made when the first entry comes to one, so that no step takes long. Entries of a bucket are a chain; those
 * of other hashes stand in between.
 *
 * Threads    One until all entries are there; then any number, since nothing changes.
 * Memory     thread_alloc, class MEM_QUERY_BUFFER. Entries are the caller's, and lent until join_hash_release.  */
#ifndef QUERY_JOIN_HASH_H
#define QUERY_JOIN_HASH_H

#include "query/select_run.h"

#include <stdatomic.h>

/* Shared by all parts of a join. */
struct join_memory {
    _Atomic uint64_t used_bytes;
    uint64_t limit_bytes; /* 0: none */
};

/* So many bytes more are in use. False: that is more than the limit. Any thread. */
MUST_USE bool join_memory_take(struct join_memory *memory, uint64_t bytes);

struct join_entry {
    struct join_entry *next;
    uint64_t hash;
    struct row_ref row;
};

/* All zero: no entries. */
struct join_hash {
    struct join_entry ***pages;
    uint64_t page_count;
    uint64_t mask;
};

enum join_hash_result { JOIN_HASH_OK, JOIN_HASH_NO_MEMORY, JOIN_HASH_LIMIT };

/* For `count` entries. On anything but JOIN_HASH_OK *hash is all zero. */
MUST_USE enum join_hash_result join_hash_create(struct join_hash *hash, uint64_t count, struct join_memory *memory);
/* On anything but JOIN_HASH_OK the entry is not there. */
MUST_USE enum join_hash_result join_hash_add(struct join_hash *hash, struct join_entry *entry, struct join_memory *memory);
/* The first entry of the hash's chain; NULL: none. */
const struct join_entry *join_hash_find(const struct join_hash *hash, uint64_t of);
void join_hash_release(struct join_hash *hash);

#endif
