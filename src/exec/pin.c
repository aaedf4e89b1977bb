/* pin.c - keys that jobs read in steps: writers wait until they are read. See exec.h and pin.h.
 *
 * Each shard has a short list of what is pinned. A writing command whose keys are on it is not run: it waits in the key's queue, and
 * no new reader comes before it.
 *
 * Threads    Under the baton of the shard.
 * Invariant  The `pins` of a collection or raw string are the number of its lines in its shard's list.
 * Limits     Keys are told apart by their 64-bit hash, in all databases alike: a writer may wait for another key's pin, never
 *            pass its own.  */
#include "exec/pin.h"

#include "data/value.h"
#include "encoding/collection.h"
#include "exec/command_keys.h"
#include "exec/waiting.h"
#include "mem/heap.h"
#include "shard/key_lock.h"
#include "shard/pinned.h"

#include <assert.h>

enum { PINNED_FIRST_CAPACITY = 8 };

static bool make_room(struct shard *shard) REQUIRES(shard->baton)
{
    if (shard->pinned_count < shard->pinned_capacity) {
        return true;
    }
    const uint32_t capacity = shard->pinned_capacity == 0 ? PINNED_FIRST_CAPACITY : 2 * shard->pinned_capacity;
    struct pinned *pinned = thread_alloc(MEM_SERVER, capacity * sizeof *pinned);
    if (pinned == NULL) {
        return false;
    }
    if (shard->pinned_count > 0) {
        memcpy(pinned, shard->pinned, shard->pinned_count * sizeof *pinned);
    }
    if (shard->pinned != NULL) {
        thread_free(MEM_SERVER, shard->pinned, shard->pinned_capacity * sizeof *shard->pinned);
    }
    shard->pinned = pinned;
    shard->pinned_capacity = capacity;
    return true;
}

/* INFO reads it relaxed. */
static void set_pinned_count(struct shard *shard, uint32_t count) REQUIRES(shard->baton)
{
    __atomic_store_n(&shard->pinned_count, count, __ATOMIC_RELAXED);
}

static struct shard *shard_of(const struct exec *exec, struct key key)
{
    return exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key.name);
}

/* Counts a pin of what stands outside of the entry, if anything does. False: it cannot have more. */
static bool pin_value(const struct entry *entry, struct pin *pin)
{
    if (form_is_apart(entry_form(entry))) {
        pin->collection = entry_collection(entry);
        pin->collection->pins++;
        return true;
    }
    struct raw_string *raw = entry_long_string(entry);
    if (raw != NULL && !raw_string_pin(raw)) {
        return false;
    }
    pin->raw = raw;
    return true;
}

static const void *pinned_value(const struct pin *pin)
{
    return pin->collection != NULL ? (const void *)pin->collection : pin->raw;
}

/* False: memory was refused, or the value cannot have more pins. */
static bool put_pin(struct shard *shard, struct key key, const struct entry *entry, struct pin *out) REQUIRES(shard->baton)
{
    *out = (struct pin){0};
    if (!make_room(shard) || (entry != NULL && !pin_value(entry, out))) {
        return false;
    }
    out->shard = shard;
    out->hash = key.hash;
    shard->pinned[shard->pinned_count] = (struct pinned){.hash = key.hash, .value = pinned_value(out)};
    set_pinned_count(shard, shard->pinned_count + 1);
    return true;
}

bool pin_put(struct shard *shard, struct key key, const struct entry *entry, struct pin *out)
{
    baton_assert_held(&shard->baton);
    if (!put_pin(shard, key, entry, out)) {
        return false;
    }
    out->is_guarded = true;
    shard->guarded_pins++;
    return true;
}

bool exec_pin(struct exec *exec, struct key key, struct entry *entry, struct pin *out)
{
    struct shard *shard = shard_of(exec, key);
    baton_assert_held(&shard->baton);
    *out = (struct pin){0};
    if (exec_must_queue(exec, shard, WAIT_KEY, key.hash, WAIT_WITH_READERS)) {
        exec_wait_for(exec, shard, WAIT_KEY, key.hash, WAIT_WITH_READERS);
        return false;
    }
    if (exec_must_queue(exec, shard, WAIT_PINS, 0, WAIT_WITH_READERS)) {
        exec_wait_for(exec, shard, WAIT_PINS, 0, WAIT_WITH_READERS);
        return false;
    }
    if (shard_key_lock_stops_pin(shard, key.hash, exec->job != NULL || exec->depth > 0)) {
        exec_wait_for(exec, shard, WAIT_LOCKS, 0, WAIT_WITH_READERS);
        return false;
    }
    if (!put_pin(shard, key, entry, out)) {
        exec_wait_for(exec, shard, WAIT_MEMORY, 0, WAIT_WITH_READERS);
        return false;
    }
    return true;
}

bool exec_pin_locked(struct exec *exec, struct key key, struct entry *entry, struct pin *out)
{
    struct shard *shard = shard_of(exec, key);
    baton_assert_held(&shard->baton);
    assert(shard_key_is_locked(shard, key.hash));
    return put_pin(shard, key, entry, out);
}

bool exec_claim(struct exec *exec, struct key key, const struct pin *own)
{
    struct shard *shard = shard_of(exec, key);
    baton_assert_held(&shard->baton);
    if (shard_key_is_locked(shard, key.hash)) {
        exec_wait_for(exec, shard, WAIT_LOCKS, 0, WAIT_WITH_READERS);
        return false;
    }
    /* Also one that has expired: it is in the way until it has been read. */
    const struct entry *entry = keyspace_peek(exec_keyspace(exec, key), key);
    if (entry == NULL) {
        return true;
    }
    const bool is_own = own != NULL && own->shard != NULL && pinned_value(own) == entry_value_apart(entry);
    if (entry_pins(entry) <= (is_own ? 1u : 0u)) {
        return true;
    }
    exec_wait_for(exec, shard, WAIT_KEY, key.hash, WAIT_HOLDING);
    return false;
}

void exec_unpin(struct exec *exec, struct pin *pin)
{
    pin_give_up(exec->thread, pin);
}

void pin_give_up(struct thread *thread, struct pin *pin)
{
    struct shard *shard = pin->shard;
    if (shard == NULL) {
        return;
    }
    baton_assert_held(&shard->baton);
    shard->guarded_pins -= pin->is_guarded;
    uint32_t at = 0;
    while (shard->pinned[at].hash != pin->hash || shard->pinned[at].value != pinned_value(pin)) {
        at++;
        assert(at < shard->pinned_count);
    }
    set_pinned_count(shard, shard->pinned_count - 1);
    shard->pinned[at] = shard->pinned[shard->pinned_count];
    if (pin->collection != NULL) {
        assert(pin->collection->pins > 0);
        pin->collection->pins--;
    } else if (pin->raw != NULL) {
        raw_string_unpin(pin->raw);
    }
    waiters_call(thread, shard, WAIT_KEY, pin->hash);
    if (shard_job_pins(shard) == 0) {
        waiters_call(thread, shard, WAIT_PINS, 0);
    }
    if (UNLIKELY(shard->lock_count > 0)) {
        waiters_call(thread, shard, WAIT_LOCKS, 0);
    }
    *pin = (struct pin){0};
}

/* --- writers --- */

static bool is_pinned(const struct shard *shard, uint64_t hash) REQUIRES(shard->baton)
{
    return shard->pinned_count > 0 && shard_has_pin(shard, hash);
}

/* The shard is being saved: a big value is pinned until it is written. True: the command waits for memory. (The key in the selected database: whoever
 * writes it in another one replaces it.)  */
static bool is_guarded(struct exec *exec, struct shard *shard, struct key key) REQUIRES(shard->baton)
{
    if (LIKELY(shard->guard_count == 0) || !shard->guard(shard, exec->db, key, exec->depth == 0)) {
        return false;
    }
    exec_wait_for(exec, shard, WAIT_MEMORY, 0, WAIT_WITH_WRITERS);
    return true;
}

bool exec_waits_for_pins(struct exec *exec)
{
    return !words_lock_keys(exec->spec, exec->argc) && exec_waits_for_keys(exec);
}

bool exec_waits_for_keys(struct exec *exec)
{
    const bool is_write = (exec->spec->flags & COMMAND_WRITE) != 0;
    struct key_walk walk;
    uint32_t index;
    key_walk_begin(&walk, exec->spec, exec->argv, exec->argc);
    while (!exec->must_wait && key_walk_next(&walk, &index)) {
        const struct bytes name = exec->argv[index];
        struct shard *shard = server_shard_of_key(exec->server, name);
        if (exec->shard != NULL && shard != exec->shard) {
            continue; /* no key: its route, which knows the command better than the walk, has named one shard */
        }
        if (shard->lock_count == 0 && (!is_write || ((shard->pinned_count | shard->guard_count) == 0 && !waits_any(&shard->waits)))) {
            continue;
        }
        baton_assert_held(&shard->baton);
        const uint64_t hash = hash_bytes(&exec->server->secret, name);
        if (is_write && is_guarded(exec, shard, (struct key){name, hash})) {
            break;
        }
        if (shard_key_lock_stops(shard, hash, is_write, exec->depth > 0)) {
            exec_wait_for(exec, shard, WAIT_LOCKS, 0, WAIT_WITH_READERS);
        } else if (is_write && (is_pinned(shard, hash) || exec_must_queue(exec, shard, WAIT_KEY, hash, WAIT_WITH_WRITERS))) {
            exec_wait_for(exec, shard, WAIT_KEY, hash, WAIT_WITH_WRITERS);
        }
    }
    return exec->must_wait;
}
