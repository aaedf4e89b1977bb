/* timed_table.h - a large hash some of whose fields have times: a member table, and the fields in the order of their times.
 *
 *   struct timed_table     table       fields and values, as in any large hash
 *                          times       struct score_set: each field with a time, its milliseconds as the score; NULL: none has one
 *                          due         its place in the heap of its keyspace
 *
 * It is a struct member_table to whoever only reads: finding, walks, scans and random fields work as they do there. Whoever removes a field
 * or replaces its value calls timed_table_clear besides.
 *
 * A field whose time has come stays until it is removed. hidden_ms says before which moment fields count as gone meanwhile: it is for what
 * could not be removed at once, since there is much of it or since a job reads the hash.
 *
 * Threads    Under the baton of the shard whose heap it is in.
 * Memory     The times count in the collection's bytes. docs/design/hash-field-expiry.md has bytes a field.
 * Invariant  H1 every field of `times` is in the table; H2 `times` is NULL or not empty; and those of member_table.h.
 * Limits     Times are 0 .. TIMED_MS_MAX, which a double holds exactly.  */
#ifndef ENCODING_TIMED_TABLE_H
#define ENCODING_TIMED_TABLE_H

#include "base/bytes.h"
#include "encoding/due_heap.h"
#include "encoding/member_table.h"
#include "encoding/score_set.h"

enum { TIMED_NONE = -1 };
#define TIMED_MS_MAX ((INT64_C(1) << 46) - 1) /* Redis's limit */

struct timed_table {
    struct member_table table; /* the first */
    struct score_set *times;
    int64_t hidden_ms;         /* fields whose time is before it count as gone; 0: none */
    struct due due;            /* the keyspace's, as the next: data/hash_expiry.h */
    uint64_t key_hash;         /* while `due` is linked: of the key that has the hash */
};

/* member_table_create with it makes an empty one; MEM_HASH. */
extern const struct collection_type timed_table_type;

static inline struct timed_table *timed_table_of(struct collection *collection)
{
    return (struct timed_table *)collection;
}

/* Takes the leaves of a hash's table, which nobody has pinned, and frees it. NULL: refused, and it is as before. O(1). */
MUST_USE struct timed_table *timed_table_convert(struct member_table *table);

/* A field's time in ms, or TIMED_NONE. O(log n). */
int64_t timed_table_time(const struct timed_table *timed, struct bytes field);
/* Sets the time of a field that is there (`time_ms` in the limits). RESULT_NO_MEMORY: as before. O(log n). */
MUST_USE enum result timed_table_set(struct timed_table *timed, struct bytes field, int64_t time_ms);
/* Takes a field's time away. True: it had one. O(log n). */
bool timed_table_clear(struct timed_table *timed, struct bytes field);

/* The first time, or INT64_MAX. O(log n). */
int64_t timed_table_earliest(const struct timed_table *timed);
/* How many fields have a time; how many of these are before `time_ms`. O(log n). */
uint64_t timed_table_timed(const struct timed_table *timed);
uint64_t timed_table_before(const struct timed_table *timed, int64_t time_ms);
/* The first fields, lent, as far as their times are before `time_ms`, at most `limit`. Returns how many. */
uint32_t timed_table_first(const struct timed_table *timed, int64_t time_ms, struct bytes *fields, uint32_t limit);
/* Removes the first `count` fields by time, with their values. Never refused. */
void timed_table_remove_first(struct timed_table *timed, const struct bytes *fields, uint32_t count);

/* Counts the field, which is there, as gone? */
bool timed_table_hides(const struct timed_table *timed, struct bytes field);

#endif
