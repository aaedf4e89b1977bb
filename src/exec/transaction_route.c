/* transaction_route.c - see transaction_route.h.  */
#include "exec/transaction_route.h"

#include "base/slot.h"
#include "exec/call.h"
#include "exec/command_keys.h"
#include "exec/exec.h"
#include "exec/pin.h"
#include "exec/transaction.h"
#include "shard/server.h"

static bool has_anything_to_run(const struct transaction *transaction)
{
    return transaction_is_open(transaction) && !transaction->is_aborted;
}

/* Adds the shard of the command's keys. False: it needs the session, or its keys are on several shards, so that a job of it asks for all
 * of them; then it gets all.  */
static bool add_command_shard(const struct server *server, const struct queued_command *command, struct shard_set *set)
{
    uint32_t shard = SHARD_NONE;
    struct key_walk walk;
    uint32_t index;
    if (command->spec->scope != SCOPE_KEYS || words_lock_keys(command->spec, command->word_count)) {
        return false;
    }
    key_walk_begin(&walk, command->spec, command->words, command->word_count);
    while (key_walk_next(&walk, &index)) {
        const uint32_t where = slot_to_shard(slot_of_key(command->words[index]), server->shard_count);
        if (shard != SHARD_NONE && shard != where) {
            return false;
        }
        shard = where;
        shard_set_add(set, shard);
    }
    return true;
}

/* Does the command touch no shard? */
static bool needs_no_shard(const struct queued_command *command)
{
    return command->spec->scope == SCOPE_INSTANT;
}

struct shard_set transaction_shards(const struct server *server, const struct transaction *transaction)
{
    struct shard_set set = {0};
    if (!has_anything_to_run(transaction)) {
        return set;
    }
    for (const struct watch *watch = transaction->watcher.first; watch != NULL; watch = watch_next(watch)) {
        shard_set_add(&set, watch_shard(watch)->number);
    }
    for (uint32_t i = 0; i < transaction->count; i++) {
        const struct queued_command *command = &transaction->commands[i];
        if (!needs_no_shard(command) && !add_command_shard(server, command, &set)) {
            return shard_set_of_first(server->shard_count);
        }
    }
    return set;
}

static bool needs_session(const struct transaction *transaction)
{
    bool is_needed = false;
    for (uint32_t i = 0; i < transaction->count && !is_needed; i++) {
        is_needed = transaction->commands[i].spec->scope != SCOPE_KEYS;
    }
    return is_needed;
}

void transaction_route(const struct server *server, struct call *call)
{
    const struct transaction *transaction = call->transaction;
    call->first_key_hash = 0;
    call->shard = 0;
    call->is_exclusive = true;
    if (!has_anything_to_run(transaction) || needs_session(transaction)) {
        return;
    }
    const struct shard_set set = transaction_shards(server, transaction);
    const uint32_t first = shard_set_next(&set, 0);
    if (first != SHARD_NONE && shard_set_next(&set, first + 1) == SHARD_NONE) {
        call->shard = first;
        call->is_exclusive = false;
    }
}
