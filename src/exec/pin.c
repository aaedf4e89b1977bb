/* pin.c - keys that jobs read in slices: writers wait until they are read. See exec.h and pin.h.
 *
 * Each shard has a short list of what is pinned. A writing command whose keys are on it is not run: it waits as for a locked
 * table, and marks the key as wanted, so that no new reader comes before it.
 *
 * Threads    Under the baton of the shard.
 * Invariant  A collection's `pins` is the number of its lines in its shard's list.
 * Limits     Keys are told apart by their 64-bit hash, in all databases alike: a writer may wait for another key's pin, never
 *            pass its own.  */
#include "exec/pin.h"

#include "data/value.h"
#include "encoding/collection.h"
#include "exec/call.h"
#include "exec/command_keys.h"
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

static bool is_wanted(const struct shard *shard, uint64_t hash)
{
    for (uint32_t i = 0; i < shard->pinned_count; i++) {
        if (shard->pinned[i].hash == hash && shard->pinned[i].is_wanted) {
            return true;
        }
    }
    return false;
}

bool exec_pin(struct exec *exec, struct key key, struct entry *entry, struct pin *out)
{
    struct shard *shard = exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key.name);
    baton_assert_held(&shard->baton);
    *out = (struct pin){0};
    if (is_wanted(shard, key.hash) || !make_room(shard)) {
        if (exec->job == NULL) {
            exec_wait_and_retry(exec);
        }
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
    struct shard *shard = exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key.name);
    baton_assert_held(&shard->baton);
    for (uint32_t i = 0; i < shard->pinned_count; i++) {
        shard->pinned[i].is_wanted |= shard->pinned[i].hash == key.hash;
    }
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
    const bool was_wanted = is_wanted(shard, pin->hash);
    shard->pinned[at] = shard->pinned[--shard->pinned_count];
    if (pin->collection != NULL) {
        assert(pin->collection->pins > 0);
        pin->collection->pins--;
    }
    *pin = (struct pin){0};
    if (was_wanted) {
        exec_wake_waiters(exec);
    }
}

/* --- writers --- */

struct pin_search {
    const struct server *server;
    const struct call *call;
    bool is_found;
};

static void look_for_pin(uint32_t index, void *arg)
{
    struct pin_search *search = arg;
    const struct bytes name = search->call->argv[index];
    const struct shard *shard = server_shard_of_key(search->server, name);
    const uint64_t hash = shard->pinned_count == 0 ? 0 : hash_bytes(&search->server->secret, name);
    for (uint32_t i = 0; i < shard->pinned_count; i++) {
        if (shard->pinned[i].hash == hash) {
            shard->pinned[i].is_wanted = true;
            search->is_found = true;
        }
    }
}

bool call_waits_for_pin(const struct server *server, const struct call *call)
{
    if ((call->spec->flags & COMMAND_WRITE) == 0) {
        return false;
    }
    struct pin_search search = {server, call, false};
    command_keys_visit(call->spec, call->argv, call->argc, look_for_pin, &search);
    return search.is_found;
}
