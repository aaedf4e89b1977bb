/* keyspace.h - one database's keys in one shard: find, put, delete, expire, scan.
 *
 * Threads    All of it under the shard's baton, except the counters said to be readable by any thread.
 * Memory     Entries are the keyspace's; what is lent (struct entry *, bytes of a value) is valid until the next call that
 *            may write to the same keyspace.
 * Invariant  K1 every entry is in the dictionary exactly once; K2 an entry has an expiry exactly when the expiry index
 *            holds it; K3 entry_bytes is the sum of entry_memory_bytes over the entries; K6 a hash is in timed_hashes exactly when
 *            one of its fields has a time.
 * Limits     Keys below 4 GiB (RESULT_TOO_LONG).
 * Read on    dict.h (the table), entry.h (the layout of one key), expiry.h (the index); keyspace.c, keyspace_string.c,
 *            keyspace_walk.c.  */
#ifndef DATA_KEYSPACE_H
#define DATA_KEYSPACE_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"
#include "data/dict.h"
#include "data/entry.h"
#include "data/expiry.h"
#include "encoding/collection.h"
#include "encoding/due_heap.h"
#include "mem/heap.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct collection;
struct key_top;
struct keyspace;

struct key {
    struct bytes name;
    uint64_t hash; /* hash_bytes(secret, name) */
};

/* What a keyspace tells and asks the shard that it is part of. Each function may be NULL. */
struct keyspace_owner {
    void *context;
    /* Takes a collection over KEYSPACE_LAZY_FREE_BYTES whose key is gone, to free it in steps; NULL: it is freed at once. */
    void (*lazy_free)(void *context, struct collection *collection);
    /* The time of a key has come: it is removed after the return. */
    void (*expired)(void *context, struct keyspace *ks, uint64_t hash, const struct entry *entry);
    /* The time of these fields of a hash has come: they are removed after the return, with the key if it has no others (`is_last`). */
    void (*fields_expired)(void *context, struct keyspace *ks, struct key key, const struct bytes *fields, uint32_t count, bool is_last);
    /* A new key has joined. Called while `hears_of_new` is set, which any thread may do; read relaxed. */
    void (*joined)(void *context, struct keyspace *ks, uint64_t hash, const struct entry *entry);
    _Atomic bool hears_of_new;
    /* What a key has is about to be changed, replaced, moved or removed, its expiry included, and is still there in `entry`;
     * NULL: a new key is about to join. Called before the first change of the key in each step that changes it; perhaps again
     * in the same step, when some of it has changed, and perhaps for a change that is then refused. It must not touch the
     * keyspace. (Access fields, the places of blocks and the forms of values are no change.)  */
    void (*before_change)(void *context, struct keyspace *ks, uint64_t hash, struct bytes name, const struct entry *entry);
    /* All keys are about to be taken out at once into `remains`, where they stay as they are until they are freed: instead of before_change for
     * each. Nothing of theirs is pinned from then on. */
    void (*before_detach)(void *context, struct keyspace *ks, struct keyspace *remains);
    /* Such remains are to be freed. False: not yet; what is still to be done with their keys was done with about `limit` of them, and with SIZE_MAX all
     * of it is. May be NULL. */
    bool (*may_free)(void *context, const struct keyspace *remains, size_t limit);
    /* True when a job has locked the key with that hash at a time when it had not expired: it stays, for the job. */
    bool (*keeps)(void *context, uint64_t hash, int64_t expiry_ms);
    /* No key expires by itself: whoever applies the effects of another server is told of each expiry as a deletion. */
    bool is_expiry_off;
};

/* Who wants to know which entries become big: key_top.h. */
enum { KEYSPACE_WATCH_KINDS = 16 }; /* of entries: their head has 4 bits for it */
struct keyspace_watch {
    uint64_t floors[KEYSPACE_WATCH_KINDS]; /* bytes, by kind of entry */
    void (*note)(struct keyspace *ks, const struct entry *entry); /* the entry has passed its floor upwards */
};

struct keyspace {
    struct heap *heap;
    const struct hash_secret *secret;
    struct dict dict;
    struct expiry_index expiry;
    struct due_heap timed_hashes; /* hashes some of whose fields have times: hash_expiry.h */
    uint64_t key_count;        /* written under the baton, read relaxed by any thread; so are the five below */
    uint64_t expiring_count;
    uint64_t entry_bytes;      /* exact: K3 */
    uint64_t expired_total;    /* keys removed because their time had come, since start */
    uint64_t expired_fields_total; /* the same of fields of hashes */
    uint64_t ttl_sum_hint_ms;  /* mean TTL of a recent sample, for INFO keyspace's avg_ttl; 0 unknown */
    uint32_t initial_access;   /* what the access field of a new entry starts with; kept up to date by the eviction policy */
    uint32_t number;           /* among the shard's, for key_top.h */
    uint32_t owner_tag;        /* the owner's own; goes where the keys go when databases are swapped */
    const struct keyspace_watch *watch;
    struct key_top *top;       /* the watch's own; NULL: nobody asks for the biggest keys */
    const struct keyspace_owner *owner; /* lent; never NULL */
    int64_t sampled_ms;        /* when ttl_sum_hint_ms was last touched */
    uint64_t sample_cursor;
};

enum { KEYSPACE_NO_EXPIRY = -1, KEYSPACE_LAZY_FREE_BYTES = 16384 };

/* With an owner that wants nothing. */
void keyspace_init(struct keyspace *ks, struct heap *heap, const struct hash_secret *secret);
/* About so many keys are going to come into this empty keyspace (dict_expect); and no more of them will. */
static inline void keyspace_expect(struct keyspace *ks, uint64_t keys)
{
    dict_expect(&ks->dict, keys);
}

static inline void keyspace_expect_no_more(struct keyspace *ks)
{
    dict_expect_no_more(&ks->dict);
}

/* Takes a collection whose key is gone: it is freed lazily if it is big, else at once. */
void keyspace_lazy_free(struct keyspace *ks, struct collection *collection);
/* Frees every entry at once. O(keys): for shutdown and tests. */
void keyspace_clear(struct keyspace *ks);

/* The entry, or NULL when there is none or its time has come (then it is removed, too, unless a job has pinned it; as in Redis, a
 * key lives through the millisecond of its expiry). Touches nothing else.  */
struct entry *keyspace_find(struct keyspace *ks, struct key key, int64_t now_ms);
/* The entry, or NULL when there is none. One whose time has come and that nobody has removed yet counts as any other, and stays. */
struct entry *keyspace_peek(const struct keyspace *ks, struct key key);
/* Two hints for a batch: first all buckets, then all entries (the second reads the buckets). They change nothing. */
__attribute__((always_inline)) static inline void keyspace_prefetch_bucket(const struct keyspace *ks, uint64_t hash)
{
    dict_prefetch_bucket(&ks->dict, hash);
}

__attribute__((always_inline)) static inline void keyspace_prefetch_entry(const struct keyspace *ks, uint64_t hash)
{
    dict_prefetch_element(&ks->dict, hash);
}

/* --- strings --- */

enum expiry_mode { EXPIRY_CLEAR, EXPIRY_KEEP, EXPIRY_SET };

/* In all of these `value`, `tail` and `patch` must not be lent from the entry that they change.
 *
 * Stores `value` as SET does: as an integer when its text is one, otherwise as it is. Replaces whatever `existing` (the
 * result of keyspace_find for this key in this step; NULL when absent) was, of any type. `expiry_ms` (absolute, wall
 * clock) counts for EXPIRY_SET only. An existing block of the same size is reused in place.  */
MUST_USE enum result keyspace_put_string(struct keyspace *ks, struct key key, struct entry *existing, struct bytes value,
                                         enum expiry_mode mode, int64_t expiry_ms);
/* Stores `value` as text even when it is an integer's; keeps the expiry of `existing` (INCRBYFLOAT). */
MUST_USE enum result keyspace_put_text(struct keyspace *ks, struct key key, struct entry *existing, struct bytes value);
/* The same for an integer; keeps the expiry of `existing` (INCR). */
MUST_USE enum result keyspace_put_integer(struct keyspace *ks, struct key key, struct entry *existing, int64_t value);
/* APPEND to an existing string (the caller made sure of the type and the total length). The result is kept as a raw
 * string with room to grow. *new_len: bytes afterwards.  */
MUST_USE enum result keyspace_string_append(struct keyspace *ks, struct key key, struct entry *existing,
                                            struct bytes tail, size_t *new_len);
/* SETRANGE (and SETBIT): `existing` NULL makes the key; zero-pads up to offset. patch.len > 0. */
MUST_USE enum result keyspace_string_set_range(struct keyspace *ks, struct key key, struct entry *existing,
                                               size_t offset, struct bytes patch, size_t *new_len);

/* A string whose bytes are changed in place (SETBIT, BITFIELD, HyperLogLogs). Lent until the next call that may write to the
 * keyspace.  */
struct raw_string;
struct open_string {
    struct raw_string *raw;
    char *data;
    size_t len;  /* keyspace_string_set_len */
    size_t room; /* bytes that may be written: what was asked for, or more */
};
/* Opens the key's string (`existing` NULL: a new, empty one) with room for `room` bytes, at least its own length: it is a raw
 * string from now on. What lies between its len and the `room` asked for is 0. RESULT_NO_MEMORY, RESULT_TOO_LONG: as before.  */
MUST_USE enum result keyspace_string_open(struct keyspace *ks, struct key key, struct entry *existing, size_t room,
                                          struct open_string *out);
/* `len` <= open->room. */
void keyspace_string_set_len(struct open_string *open, size_t len);
/* A raw string of `room` zero bytes that is no key's yet (BITOP): its len is 0. It must be stored or discarded. */
MUST_USE enum result keyspace_string_create(struct keyspace *ks, size_t room, struct open_string *out);
/* Gives it to `key` in place of `existing` (of any type; NULL: none), with an expiry as keyspace_put_string. On RESULT_OK it is
 * taken.  */
MUST_USE enum result keyspace_string_store(struct keyspace *ks, struct key key, struct entry *existing,
                                           struct open_string *string, enum expiry_mode mode, int64_t expiry_ms);
/* A very long one is freed lazily. */
void keyspace_string_discard(struct keyspace *ks, struct open_string *string);

/* --- keys --- */

/* True when there was one. The name may be the entry's own. */
bool keyspace_delete(struct keyspace *ks, struct key key, int64_t now_ms);
/* Sets (absolute ms) or with KEYSPACE_NO_EXPIRY removes the expiry. The entry may move: *entry is the new place. */
MUST_USE enum result keyspace_set_expiry(struct keyspace *ks, struct entry **entry, int64_t expiry_ms);
/* Absolute milliseconds, or KEYSPACE_NO_EXPIRY: exact whatever the wall clock did since it was set. */
int64_t keyspace_expiry_ms(const struct keyspace *ks, const struct entry *entry);
/* Copies value and expiry of `source`, which is in `from` (any keyspace, also another shard's), to `key` of `ks`, replacing what is
 * there. The caller holds both batons.  */
MUST_USE enum result keyspace_copy_from(struct keyspace *ks, struct key key, const struct keyspace *from,
                                        const struct entry *source, int64_t now_ms);
/* Moves value and expiry of `from_key`, which is there, to `key` of `ks`, replacing what is there and removing `from_key`. The
 * caller holds both batons. A long value changes hands within a heap, O(1); otherwise it is copied.  */
MUST_USE enum result keyspace_move_from(struct keyspace *ks, struct key key, struct keyspace *from, struct key from_key,
                                        int64_t now_ms);
/* A key chosen at random among the living; NULL when there is none (or a thousand picks were all expired: those are gone
 * now).  */
struct entry *keyspace_random(struct keyspace *ks, uint64_t *random_state, int64_t now_ms);

/* Calls `visit` for keys from *cursor on, in the order of the table, until at least `count` were visited or the end came.
 * *cursor starts at 0 and is 0 again at the end; every key that is there throughout is visited at least once, whatever is
 * inserted, deleted, split or merged between the calls (see dict.h for what the cursor holds, KEYSPACE_CURSOR_BITS of it).
 * Expired keys are skipped, but count; with BEFORE_ALL_EXPIRIES_MS for `now_ms` no key has expired. `visit` must not change the keyspace.
 * Cost O(count + one bucket chain).  */
enum { KEYSPACE_CURSOR_BITS = DICT_CURSOR_BITS };
#define BEFORE_ALL_EXPIRIES_MS INT64_MIN
typedef void keyspace_visit_fn(struct entry *entry, void *arg);
void keyspace_scan(struct keyspace *ks, uint64_t *cursor, size_t count, int64_t now_ms, keyspace_visit_fn *visit, void *arg);

/* Visits every key once, also those that keyspace_peek finds and keyspace_find does not. `visit` must not change the keyspace.
 * O(keys), in one step: for checking.  */
void keyspace_visit_all(struct keyspace *ks, keyspace_visit_fn *visit, void *arg);

/* Removes up to `limit` keys whose time has come. Returns how many were removed; fewer than limit: nothing due is left. Cheap
 * when nothing is due: call it often.  */
size_t keyspace_expire_due(struct keyspace *ks, int64_t now_ms, size_t limit);
/* No key expires before this; INT64_MAX when none will. The earliest expiry itself, unless keys that would have been earlier
 * were deleted or given another TTL since keyspace_expire_due last looked. O(1).  */
int64_t keyspace_next_expiry_ms(const struct keyspace *ks);

/* --- emptying without a pause --- */

/* Takes everything out of `ks` in O(1), leaving it empty, into *remains (FLUSHALL, FLUSHDB). */
void keyspace_detach(struct keyspace *ks, struct keyspace *remains);
/* Frees up to `limit` entries and index blocks of detached remains. True when all is freed, tables included. */
MUST_USE bool keyspace_free_step(struct keyspace *remains, size_t limit);

/* --- defragmentation: see mem/heap.h --- */

/* How far a walk has come; all 0 starts. */
struct keyspace_defrag {
    uint64_t elements;               /* cursor of the dictionary */
    struct collection_cursor inner;  /* within the collection of the entry `at` of the batch there */
    uint64_t segments;
    struct expiry_cursor expiries;
    uint32_t at;
    uint8_t stage;
};
/* Moves what stands in sparse pages: entries, long strings, the blocks of collections that nobody has pinned, then the
 * dictionary's segments and the expiry index. About `limit` blocks are looked at. True at the end. What comes, goes or moves in
 * the table between the steps may be left out.  */
bool keyspace_defrag_step(struct keyspace *ks, struct keyspace_defrag *state, size_t limit);

/* Walks everything at once and checks K1-K3 and the structures' own invariants. Adds what it saw to *seen. False and a
 * one-line text in `finding` when one fails. Used by MEMORY AUDIT. Cost O(keys): 0.2 to 0.4 us each.  */
struct keyspace_tally {
    uint64_t keys, expiring, entry_bytes, table_bytes, expiry_bytes;
};
MUST_USE bool keyspace_audit(struct keyspace *ks, struct keyspace_tally *seen, char finding[200]);
/* Bytes of the dictionary's segments and directory, and of the expiry index: O(1). */
uint64_t keyspace_table_bytes(const struct keyspace *ks);
uint64_t keyspace_expiry_bytes(const struct keyspace *ks);

#endif
