/* key_lock.c - see key_lock.h.  */
#include "shard/key_lock.h"

#include "mem/heap.h"
#include "shard/pinned.h"

#include <assert.h>

enum { LOCKS_FIRST_CAPACITY = 8 };

/* --- the keys of a lock --- */

static uint64_t slot_value(uint64_t hash)
{
    return hash == 0 ? 1 : hash; /* 0 is an empty place */
}

bool key_lock_open(struct key_lock *lock, uint64_t keys_max, enum key_lock_mode mode)
{
    *lock = (struct key_lock){.mode = mode};
    if (keys_max <= 1) {
        return true;
    }
    uint64_t capacity = 4;
    while (capacity < keys_max * 2) {
        capacity *= 2;
    }
    lock->hashes = thread_alloc_zeroed(MEM_CLIENT, capacity * sizeof *lock->hashes);
    lock->capacity = capacity;
    return lock->hashes != NULL;
}

void key_lock_open_all(struct key_lock *lock, enum key_lock_mode mode)
{
    *lock = (struct key_lock){.mode = mode, .has_all = true};
}

void key_lock_close(struct key_lock *lock)
{
    assert(lock->shard_count == 0);
    if (lock->hashes != NULL) {
        thread_free(MEM_CLIENT, lock->hashes, lock->capacity * sizeof *lock->hashes);
        lock->hashes = NULL;
    }
}

/* Where the hash is, or would be. */
static uint64_t place_of(const struct key_lock *lock, uint64_t hash)
{
    uint64_t at = hash & (lock->capacity - 1);
    while (lock->hashes[at] != 0 && lock->hashes[at] != hash) {
        at = (at + 1) & (lock->capacity - 1);
    }
    return at;
}

void key_lock_add(struct key_lock *lock, struct key key)
{
    const uint64_t hash = slot_value(key.hash);
    assert(lock->shard_count == 0 && !lock->has_all); /* others look at its keys once it is listed */
    if (lock->hashes == NULL) {
        assert(lock->only == 0);
        lock->only = hash;
    } else {
        lock->hashes[place_of(lock, hash)] = hash;
    }
}

static bool covers(const struct key_lock *lock, uint64_t hash)
{
    if (lock->has_all) {
        return !lock->is_lifted;
    }
    hash = slot_value(hash);
    return lock->hashes == NULL ? lock->only == hash : lock->hashes[place_of(lock, hash)] != 0;
}

static bool have_common_key(const struct key_lock *a, const struct key_lock *b)
{
    if (a->has_all || b->has_all) {
        return !a->is_lifted && !b->is_lifted;
    }
    if (a->hashes == NULL) {
        return covers(b, a->only);
    }
    return b->hashes != NULL || covers(a, b->only);
}

/* --- a shard's list --- */

static bool make_room(struct shard *shard)
{
    if (shard->lock_count < shard->lock_capacity) {
        return true;
    }
    const uint32_t capacity = shard->lock_capacity == 0 ? LOCKS_FIRST_CAPACITY : 2 * shard->lock_capacity;
    struct key_lock **locks = thread_realloc(MEM_SERVER, shard->locks, shard->lock_capacity * sizeof(struct key_lock *),
                                             capacity * sizeof(struct key_lock *));
    if (locks == NULL) {
        return false;
    }
    shard->locks = locks;
    shard->lock_capacity = capacity;
    return true;
}

void key_locks_free(struct shard *shard)
{
    if (shard->locks != NULL) {
        thread_free(MEM_SERVER, shard->locks, shard->lock_capacity * sizeof(struct key_lock *));
    }
    shard->locks = NULL;
    shard->lock_capacity = 0;
}

bool shard_key_lock_stops(const struct shard *shard, uint64_t hash, bool is_write, bool is_inside)
{
    for (uint32_t i = 0; i < shard->lock_count; i++) {
        const struct key_lock *lock = shard->locks[i];
        const bool is_in_way = (lock->is_granted || !is_inside) && (is_write || lock->mode == KEY_LOCK_EXCLUSIVE);
        if (is_in_way && covers(lock, hash)) {
            return true;
        }
    }
    return false;
}

bool shard_key_lock_stops_pin(const struct shard *shard, uint64_t hash, bool is_in_step)
{
    for (uint32_t i = 0; i < shard->lock_count; i++) {
        const struct key_lock *lock = shard->locks[i];
        const bool is_in_way = lock->is_granted ? lock->mode == KEY_LOCK_EXCLUSIVE : !is_in_step;
        if (is_in_way && covers(lock, hash)) {
            return true;
        }
    }
    return false;
}

bool shard_key_lock_keeps(const struct shard *shard, uint64_t hash, int64_t expiry_ms)
{
    for (uint32_t i = 0; i < shard->lock_count; i++) {
        const struct key_lock *lock = shard->locks[i];
        if (lock->is_granted && lock->granted_ms <= expiry_ms && covers(lock, hash)) {
            return true;
        }
    }
    return false;
}

bool shard_key_is_locked(const struct shard *shard, uint64_t hash)
{
    return shard_key_lock_keeps(shard, hash, INT64_MAX);
}

/* Not the lock of the script that runs: what it calls may see what it has done. */
static bool is_in_the_way(const struct key_lock *lock)
{
    return lock->is_granted && lock->mode == KEY_LOCK_EXCLUSIVE && !lock->is_lifted;
}

bool shard_has_half_done_change(const struct shard *shard)
{
    bool has_any = false;
    for (uint32_t i = 0; i < shard->lock_count; i++) {
        has_any |= is_in_the_way(shard->locks[i]) && !shard->locks[i]->is_calm;
    }
    return has_any;
}

bool shards_changes_are_whole(const struct server *server)
{
    bool are_whole = true;
    for (uint32_t i = 0; i < server->shard_count && are_whole; i++) {
        const struct shard *shard = &server->shards[i];
        baton_assert_held(&shard->baton);
        are_whole = shard->changing_statements == 0 && !shard_has_half_done_change(shard);
    }
    return are_whole;
}

bool shard_has_lock_in_use(const struct shard *shard, bool is_inside)
{
    bool has_any = false;
    for (uint32_t i = 0; i < shard->lock_count; i++) {
        has_any |= !shard->locks[i]->is_lifted && (shard->locks[i]->is_granted || !is_inside);
    }
    return has_any;
}

bool shard_has_hidden_keys(const struct shard *shard)
{
    bool has_any = false;
    for (uint32_t i = 0; i < shard->lock_count; i++) {
        has_any |= is_in_the_way(shard->locks[i]);
    }
    return has_any;
}

bool shard_key_is_in_use(const struct shard *shard, uint64_t hash)
{
    return shard_has_pin(shard, hash) || shard_key_is_locked(shard, hash);
}

/* --- a lock in them --- */

bool key_lock_list(struct key_lock *lock, struct shard *shards, uint32_t count)
{
    assert(lock->shard_count == 0 && count > 0);
    for (uint32_t i = 0; i < count; i++) {
        baton_assert_held(&shards[i].baton);
        if (!make_room(&shards[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        assert(shards[i].lock_count < shards[i].lock_capacity);
        shards[i].locks[shards[i].lock_count++] = lock;
    }
    lock->shards = shards;
    lock->shard_count = count;
    return true;
}

void key_lock_unlist(struct key_lock *lock)
{
    for (uint32_t i = 0; i < lock->shard_count; i++) {
        struct shard *shard = &lock->shards[i];
        baton_assert_held(&shard->baton);
        uint32_t at = 0;
        while (shard->locks[at] != lock) {
            at++;
            assert(at < shard->lock_count);
        }
        shard->lock_count--;
        memmove(&shard->locks[at], &shard->locks[at + 1], (shard->lock_count - at) * sizeof(struct key_lock *));
    }
    lock->shard_count = 0;
    lock->is_granted = false;
}

bool key_lock_is_free(const struct key_lock *lock, struct shard *shard)
{
    bool is_pinned = false;
    baton_assert_held(&shard->baton);
    for (uint32_t i = 0; i < shard->pinned_count; i++) {
        is_pinned |= covers(lock, shard->pinned[i].hash);
    }
    for (uint32_t i = 0; shard->locks[i] != lock; i++) {
        assert(i + 1 < shard->lock_count); /* it is in the list */
        const struct key_lock *earlier = shard->locks[i];
        const bool is_shared = lock->mode == KEY_LOCK_SHARED && earlier->mode == KEY_LOCK_SHARED;
        if (!is_shared && have_common_key(lock, earlier)) {
            return false;
        }
    }
    return !is_pinned;
}
