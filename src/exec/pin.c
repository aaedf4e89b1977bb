/* pin.c - keys that jobs read in slices: writers wait until they are read. See exec.h and pin.h.
 *
 * Each shard has a short list of what is pinned. A writing command whose keys are on it is not run: it waits in the key's queue, and
 * no new reader comes before it.
 *
 * Threads    Under the baton of the shard.
 * Invariant  A collection's `pins` is the number of its lines in its shard's list.
 * Limits     Keys are told apart by their 64-bit hash, in all databases alike: a writer may wait for another key's pin, never
 *            pass its own.  */
#include "exec/pin.h"

#include "data/value.h"
#include "encoding/collection.h"
#include "exec/command_keys.h"
#include "exec/waiting.h"
#include "mem/heap.h"
#include "shard/pinned.h"

#include <assert.h>

enum { PINNED_FIRST_CAPACITY = 8 };

static bool make_room(struct shard *shard)
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

static struct shard *shard_of(const struct exec *exec, struct key key)
{
    struct shard *shard = exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key.name);
    baton_assert_held(&shard->baton);
    return shard;
}

bool exec_pin(struct exec *exec, struct key key, struct entry *entry, struct pin *out)
{
    struct shard *shard = shard_of(exec, key);
    *out = (struct pin){0};
    if (exec_must_queue(exec, shard, WAIT_KEY, key.hash, WAIT_WITH_READERS)) {
        exec_wait_for(exec, shard, WAIT_KEY, key.hash, WAIT_WITH_READERS);
        return false;
    }
    if (exec_must_queue(exec, shard, WAIT_PINS, 0, WAIT_WITH_READERS)) {
        exec_wait_for(exec, shard, WAIT_PINS, 0, WAIT_WITH_READERS);
        return false;
    }
    if (!make_room(shard)) {
        exec_wait_for(exec, shard, WAIT_MEMORY, 0, WAIT_WITH_READERS);
        return false;
    }
    const bool is_apart = entry != NULL && form_is_apart(entry_form(entry));
    struct collection *collection = is_apart ? entry_collection(entry) : NULL;
    shard->pinned[shard->pinned_count++] = (struct pinned){.hash = key.hash, .collection = collection};
    if (collection != NULL) {
        collection->pins++;
    }
    *out = (struct pin){shard, collection, key.hash};
    return true;
}

bool exec_claim(struct exec *exec, struct key key, const struct pin *own)
{
    const struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    if (entry == NULL || !form_is_apart(entry_form(entry))) {
        return true;
    }
    const struct collection *collection = entry_collection(entry);
    if (collection->pins <= (own != NULL && own->collection == collection ? 1u : 0u)) {
        return true;
    }
    exec_wait_for(exec, shard_of(exec, key), WAIT_KEY, key.hash, WAIT_HOLDING);
    return false;
}

void exec_unpin(struct exec *exec, struct pin *pin)
{
    struct shard *shard = pin->shard;
    if (shard == NULL) {
        return;
    }
    baton_assert_held(&shard->baton);
    uint32_t at = 0;
    while (shard->pinned[at].hash != pin->hash || shard->pinned[at].collection != pin->collection) {
        at++;
        assert(at < shard->pinned_count);
    }
    shard->pinned[at] = shard->pinned[--shard->pinned_count];
    if (pin->collection != NULL) {
        assert(pin->collection->pins > 0);
        pin->collection->pins--;
    }
    waiters_call(exec->thread, shard, WAIT_KEY, pin->hash);
    if (shard->pinned_count == 0) {
        waiters_call(exec->thread, shard, WAIT_PINS, 0);
    }
    *pin = (struct pin){0};
}

/* --- writers --- */

static bool is_pinned(const struct shard *shard, uint64_t hash)
{
    return shard->pinned_count > 0 && shard_has_pin(shard, hash);
}

bool exec_waits_for_pins(struct exec *exec)
{
    if ((exec->spec->flags & COMMAND_WRITE) == 0) {
        return false;
    }
    struct key_walk walk;
    uint32_t index;
    key_walk_begin(&walk, exec->spec, exec->argv, exec->argc);
    while (!exec->must_wait && key_walk_next(&walk, &index)) {
        const struct bytes name = exec->argv[index];
        struct shard *shard = server_shard_of_key(exec->server, name);
        if (shard->pinned_count == 0 && !waits_any(&shard->waits)) {
            continue;
        }
        const uint64_t hash = hash_bytes(&exec->server->secret, name);
        if (is_pinned(shard, hash) || exec_must_queue(exec, shard, WAIT_KEY, hash, WAIT_WITH_WRITERS)) {
            exec_wait_for(exec, shard, WAIT_KEY, hash, WAIT_WITH_WRITERS);
        }
    }
    return exec->must_wait;
}
