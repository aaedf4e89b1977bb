/* key_lock.h - keys that jobs change over several steps, so that nobody sees half of it, or see at one moment. How jobs lock keys: exec_lock of exec/exec.h.
 *
 *   listed --pins of its keys are gone, and locks before it that it cannot share with--> granted --exec_unlock--> gone
 *
 * Each shard has a short list of locks, in the order in which they were asked for. A command that names a key of one waits, unless
 * both only read; so does a new pin. That keeps the order fair: what comes later does not pass a lock that waits.
 *
 * Threads    A lock's keys: who makes it. Lists: under the baton of the shard; a lock on several shards: under all batons.
 * Invariant  A granted lock has no key in common with another granted one, unless both are shared; pins on its keys are of
 *            readers, and only if it is shared.
 * Limits     Keys are told apart by their 64-bit hash, in all databases alike. Two locks of several keys are taken to have one in
 *            common.  */
#ifndef SHARD_KEY_LOCK_H
#define SHARD_KEY_LOCK_H

#include "base/attributes.h"
#include "data/keyspace.h"
#include "shard/server.h"

#include <stdbool.h>
#include <stdint.h>

enum key_lock_mode { KEY_LOCK_SHARED, KEY_LOCK_EXCLUSIVE };

struct key_lock {
    bool has_all;            /* it has all keys of its shards; else */
    uint64_t *hashes;        /* a table of `capacity` places, 0: empty; NULL: one key, */
    uint64_t only;
    uint64_t capacity;
    struct shard *shards;    /* that have it in their lists, one behind the other */
    uint32_t shard_count;    /* 0: it was not asked for */
    enum key_lock_mode mode;
    bool is_lifted;          /* with has_all: it has none for the moment; under the baton */
    bool is_granted;
    bool is_calm;            /* nothing has been changed under it yet, so that who counts or lists keys need not wait; under the batons */
    int64_t granted_ms;
};

/* For `keys_max` keys at most. False: no memory. */
MUST_USE bool key_lock_open(struct key_lock *lock, uint64_t keys_max, enum key_lock_mode mode);
/* For all keys, there or not, of the shards that it will be listed in: instead of open and add; there is nothing to close. */
void key_lock_open_all(struct key_lock *lock, enum key_lock_mode mode);
/* Each key once or more often. */
void key_lock_add(struct key_lock *lock, struct key key);
void key_lock_close(struct key_lock *lock);

/* It joins the lists of shards[0..count). False: no memory; it is in none. */
MUST_USE bool key_lock_list(struct key_lock *lock, struct shard *shards, uint32_t count);
/* It leaves them, granted or not. */
void key_lock_unlist(struct key_lock *lock);
/* No pin of its keys on the shard, and no lock before it that it cannot share with. */
MUST_USE bool key_lock_is_free(const struct key_lock *lock, struct shard *shard) REQUIRES(shard->baton);

/* A command may not write, or read, the key now. `is_inside`: one inside another, whose own lock is lifted, if it has one: it goes before locks
 * that wait.  */
bool shard_key_lock_stops(const struct shard *shard, uint64_t hash, bool is_write, bool is_inside) REQUIRES(shard->baton);
/* The shard has any lock that is not lifted, for a command that needs all keys; `is_inside`: the same. */
bool shard_has_lock_in_use(const struct shard *shard, bool is_inside) REQUIRES(shard->baton);
/* The key may not be pinned now. In a step of a job that may have pins already: only if the lock is granted, since one that is not may
 * wait for the job.  */
bool shard_key_lock_stops_pin(const struct shard *shard, uint64_t hash, bool is_in_step) REQUIRES(shard->baton);
/* A granted lock has the key. */
bool shard_key_is_locked(const struct shard *shard, uint64_t hash) REQUIRES(shard->baton);
/* A job is changing keys of the shard over several steps: a granted exclusive lock that is not calm. */
bool shard_has_half_done_change(const struct shard *shard) REQUIRES(shard->baton);
/* Under all batons: no job is half-way through its changes, and no statement through its rows. */
bool shards_changes_are_whole(const struct server *server);
/* A job has keys of the shard that nobody else may read: a granted exclusive lock. */
bool shard_has_hidden_keys(const struct shard *shard) REQUIRES(shard->baton);
/* A job has pinned or locked the key. */
bool shard_key_is_in_use(const struct shard *shard, uint64_t hash) REQUIRES(shard->baton);
/* A granted lock has the key, which had not expired when that was granted. */
bool shard_key_lock_keeps(const struct shard *shard, uint64_t hash, int64_t expiry_ms) REQUIRES(shard->baton);
/* The shard's list, when there is no lock (left). */
void key_locks_free(struct shard *shard);

#endif
