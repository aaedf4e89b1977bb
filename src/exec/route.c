/* route.c - see route.h.  */
#include "exec/route.h"

#include "base/slot.h"
#include "exec/command_keys.h"
#include "exec/finish.h"
#include "exec/transaction_route.h"
#include "shard/epoch.h"

/* SCOPE_KEYS where the row has key specifications. A call without any key is wrong: some shard replies so. */
static void route_by_key_specs(const struct thread *thread, struct call *call)
{
    const struct server *server = thread->server;
    struct key_walk walk;
    uint32_t index;
    key_walk_begin(&walk, call->spec, call->argv, call->argc);
    call->shard = 0;
    call->first_key_hash = 0;
    if (!key_walk_next(&walk, &index)) {
        return;
    }
    call->first_key_hash = hash_bytes(&server->secret, call->argv[index]);
    if (server->shard_count == 1) {
        return;
    }
    call->shard = slot_to_shard(slot_of_key(call->argv[index]), server->shard_count);
    while (!call->is_exclusive && key_walk_next(&walk, &index)) {
        call->is_exclusive = slot_to_shard(slot_of_key(call->argv[index]), server->shard_count) != call->shard;
    }
}

/* SCOPE_KEYS: the shard, when all keys are on one; otherwise the call is exclusive. */
static void route_by_keys(const struct thread *thread, struct call *call)
{
    const struct server *server = thread->server;
    const struct command_keys *keys = &call->spec->keys;
    if (UNLIKELY(call->spec->key_specs != NULL)) {
        route_by_key_specs(thread, call);
        return;
    }
    if (UNLIKELY(keys->first == 0 || (uint32_t)keys->first >= call->argc)) {
        call->is_exclusive = true;
        call->first_key_hash = 0;
        return;
    }
    call->first_key_hash = hash_bytes(&server->secret, call->argv[keys->first]);
    call->shard = 0;
    if (server->shard_count == 1) {
        return;
    }
    call->shard = slot_to_shard(slot_of_key(call->argv[keys->first]), server->shard_count);
    int32_t last = keys->last >= 0 ? keys->last : (int32_t)call->argc + keys->last;
    for (int32_t i = keys->first + keys->step; i <= last && i < (int32_t)call->argc; i += keys->step) {
        if (slot_to_shard(slot_of_key(call->argv[i]), server->shard_count) != call->shard) {
            call->is_exclusive = true;
            return;
        }
    }
}

static void route_by_function(struct thread *thread, struct call *call)
{
    struct exec exec;
    struct reply unused = {0};
    exec_prepare(&exec, thread, call, &unused);
    call->is_routed = true;
    call->is_exclusive = false;
    call->first_key_hash = 0;
    epoch_enter(thread);
    call->route_version = server_route_version(thread->server);
    int32_t shard = call->spec->route(&exec);
    epoch_leave(thread);
    call->routed = exec.routed;
    call->routed_number = exec.routed_number;
    call->routed_of = exec.routed_of;
    if (shard == ROUTE_ALL) {
        call->is_exclusive = true;
        call->routed = NULL;
        return;
    }
    assert(shard >= 0 && (uint32_t)shard < thread->server->shard_count);
    call->shard = (uint32_t)shard;
}

static void route_by_scope(struct thread *thread, struct call *call)
{
    switch ((enum command_scope)call->spec->scope) {
    case SCOPE_KEYS:
        assert(false);
        break;
    case SCOPE_ROUTED:
        route_by_function(thread, call);
        break;
    case SCOPE_TRANSACTION:
        transaction_route(thread->server, call);
        break;
    case SCOPE_INSTANT:
    case SCOPE_SESSION:
    case SCOPE_SESSION_KEYS:
    case SCOPE_ALL:
    case SCOPE_SCRIPT:
        call->first_key_hash = 0;
        call->is_exclusive = call->spec->scope != SCOPE_INSTANT;
        break;
    }
}

void call_route(struct thread *thread, struct call *call)
{
    if (LIKELY(call->spec->scope == SCOPE_KEYS)) {
        route_by_keys(thread, call);
    } else {
        route_by_scope(thread, call);
    }
}

struct shard_set call_key_shards(const struct server *server, const struct call *call)
{
    struct shard_set set = {0};
    struct key_walk walk;
    uint32_t index;
    key_walk_begin(&walk, call->spec, call->argv, call->argc);
    while (key_walk_next(&walk, &index)) {
        shard_set_add(&set, slot_to_shard(slot_of_key(call->argv[index]), server->shard_count));
    }
    return set;
}
