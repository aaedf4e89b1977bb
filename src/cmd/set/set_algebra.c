/* set_algebra.c - intersection, union and difference: replied, counted or stored.
 *
 * An intersection walks its smallest set and asks the others, a difference walks its first one; a union walks all,
 * and asks those before when it is only counted.
 *
 * Threads    The holder of the keys' batons.
 * Memory     What an intersection replies is kept until its number is known; what a union or a difference replies
 *            is a set in the first key's heap; what is stored, a value in the target's. Sources and job are the thread's own.
 * Limits     Members are looked up ALGEBRA_BATCH at a time, so that their memory is fetched together.
 * Read on    set_algebra_job.c.  */
#include "cmd/set/set_algebra.h"

#include "exec/exec.h"
#include "cmd/core/store.h"
#include "shard/server.h"

enum { ALGEBRA_BATCH = 16 };

/* A union that is counted alone counts a member in the first set that has it; a union that is made sees itself what is new. */
static bool asks_others(const struct algebra *algebra)
{
    return algebra->operation != OPERATION_UNION || algebra->output == OUTPUT_COUNT;
}

static bool is_in_result(const struct algebra *algebra, uint64_t hash, const struct item *member)
{
    if (!asks_others(algebra)) {
        return true;
    }
    const bool is_wanted = algebra->operation == OPERATION_INTERSECTION;
    const uint32_t asked = algebra->operation == OPERATION_UNION ? algebra->walked : algebra->source_count;
    for (uint32_t i = 0; i < asked; i++) {
        const struct algebra_source *source = &algebra->sources[i];
        if (i != algebra->walked && !source->is_missing && set_view_contains(&source->view, hash, member) != is_wanted) {
            return false;
        }
    }
    return true;
}

/* False: memory refused. */
static bool put_out(struct algebra *algebra, struct exec *exec, const struct item *member)
{
    char scratch[ITEM_SCRATCH];
    bool is_new = true;
    bool is_done = true;
    switch (algebra->output) {
    case OUTPUT_REPLY:
        reply_item(exec->reply, member);
        break;
    case OUTPUT_NAMES:
        is_done = name_list_add(&algebra->names, item_text(member, scratch));
        break;
    case OUTPUT_TABLE:
        is_done = member_table_put(algebra->table, member, NULL, &is_new) == RESULT_OK;
        algebra->has_text = algebra->has_text || !item_is_integer(member);
        break;
    case OUTPUT_VALUE:
    case OUTPUT_STORE:
        is_done = set_add(&algebra->result, &algebra->limits, member, &is_new) == RESULT_OK;
        break;
    case OUTPUT_COUNT:
        break;
    }
    algebra->count += is_done && is_new;
    return is_done;
}

struct batch {
    struct item members[ALGEBRA_BATCH];
    uint64_t hashes[ALGEBRA_BATCH];
    unsigned count;
};

/* The next members of the walk, and what will be asked of the other sets on its way into the cache. */
static void fill_batch(struct algebra *algebra, const struct exec *exec, struct batch *batch)
{
    for (batch->count = 0; batch->count < ALGEBRA_BATCH; batch->count++) {
        struct item *member = &batch->members[batch->count];
        if (!set_walk_next(&algebra->walk, member)) {
            return;
        }
        algebra->has_text = algebra->has_text || (algebra->is_subtraction && !item_is_integer(member));
        if (!asks_others(algebra)) {
            continue;
        }
        const uint64_t hash = member_hash(&exec->server->secret, member);
        batch->hashes[batch->count] = hash;
        for (uint32_t i = 0; i < algebra->source_count; i++) {
            const struct member_table *table = algebra->sources[i].view.table;
            if (table != NULL && i != algebra->walked) {
                member_table_prefetch(table, hash);
            }
        }
    }
}

/* Goes to the next source that has to be walked; false: there is none. */
static bool next_source(struct algebra *algebra)
{
    if (algebra->is_walking) {
        if (algebra->operation != OPERATION_UNION) {
            return false;
        }
        algebra->walked++;
    }
    while (algebra->walked < algebra->source_count && algebra->sources[algebra->walked].is_missing) {
        algebra->walked++;
    }
    if (algebra->walked == algebra->source_count) {
        return false;
    }
    set_walk_begin_view(&algebra->walk, &algebra->sources[algebra->walked].view);
    algebra->is_walking = true;
    return true;
}

enum algebra_progress algebra_step(struct algebra *algebra, struct exec *exec)
{
    struct batch batch;
    fill_batch(algebra, exec, &batch);
    for (unsigned i = 0; i < batch.count; i++) {
        if (!is_in_result(algebra, batch.hashes[i], &batch.members[i])) {
            continue;
        }
        if (!put_out(algebra, exec, &batch.members[i])) {
            return ALGEBRA_REFUSED;
        }
        if (algebra->limit != 0 && algebra->count == algebra->limit) {
            return ALGEBRA_DONE;
        }
    }
    return batch.count < ALGEBRA_BATCH && !next_source(algebra) ? ALGEBRA_DONE : ALGEBRA_MORE;
}

bool algebra_begin(struct algebra *algebra)
{
    return next_source(algebra);
}

static const enum event store_events[] = {
    [OPERATION_INTERSECTION] = EVENT_SINTERSTORE,
    [OPERATION_UNION] = EVENT_SUNIONSTORE,
    [OPERATION_DIFFERENCE] = EVENT_SDIFFSTORE,
};

/* --- results --- */

void algebra_store(struct algebra *algebra, struct exec *exec)
{
    const struct key key = exec_key(exec, algebra->target_at);
    struct keyspace *ks = exec_keyspace(exec, key);
    struct entry *existing = exec_find_write(exec, key);
    if (algebra->count == 0) {
        if (existing != NULL) {
            delete_found(exec, key);
        }
        reply_integer(exec->reply, 0);
        return;
    }
    enum result result = RESULT_OK;
    const uint64_t intset_max = (uint64_t)algebra->limits.set_max_intset_entries;
    if (algebra->is_subtraction && (algebra->has_text || algebra->first_count > intset_max)) {
        result = set_make_hashtable(&algebra->result);
    }
    if (result == RESULT_OK) {
        result = value_store(&algebra->result, ks, key, existing);
    }
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, key, store_events[algebra->operation]);
    give_stored(exec, key, algebra->is_late);
    reply_integer(exec->reply, (int64_t)algebra->count);
}

bool algebra_prepare(struct algebra *algebra, struct exec *exec)
{
    const uint32_t at = algebra->output == OUTPUT_STORE ? algebra->target_at : algebra->sources_at;
    struct keyspace *ks = exec_keyspace(exec, exec_key(exec, at));
    algebra->limits = exec_limits(exec);
    if (algebra->output == OUTPUT_STORE || algebra->output == OUTPUT_VALUE) {
        value_open_detached_for(&algebra->result, ks);
    }
    if (algebra->output == OUTPUT_TABLE) {
        algebra->table = member_table_create(ks->heap, ks->secret, &member_set_type, ENCODING_HASHTABLE);
        return algebra->table != NULL;
    }
    return true;
}

void algebra_release_output(struct algebra *algebra, struct exec *exec)
{
    name_list_release(&algebra->names);
    if (algebra->output == OUTPUT_STORE || algebra->output == OUTPUT_VALUE) {
        value_remove(&algebra->result);
    }
    if (algebra->table != NULL) {
        keyspace_lazy_free(exec_keyspace(exec, exec_key(exec, algebra->sources_at)), member_table_collection(algebra->table));
        algebra->table = NULL;
    }
}

/* --- at once --- */

static void reply_value(const struct value *value, struct reply *reply)
{
    reply_set(reply, set_value_count(value));
    if (value->entry == NULL) {
        return;
    }
    struct set_walk walk;
    struct item member;
    for (set_walk_begin(&walk, value->entry); set_walk_next(&walk, &member);) {
        reply_item(reply, &member);
    }
}

/* The table is the set that Redis would have made an intset: in ascending order, then. */
bool algebra_reply_integers(struct algebra *algebra, struct exec *exec)
{
    struct value sorted;
    struct member_walk walk;
    struct item member;
    enum result result = RESULT_OK;
    bool is_new;
    value_open_detached(&sorted, algebra->table->collection.heap, algebra->table->secret);
    member_walk_begin(&walk, algebra->table);
    while (result == RESULT_OK && member_walk_next(&walk, &member, NULL)) {
        result = set_add(&sorted, &algebra->limits, &member, &is_new);
    }
    if (result == RESULT_OK) {
        reply_value(&sorted, exec->reply);
    }
    value_remove(&sorted);
    return result == RESULT_OK;
}

void algebra_run_at_once(struct algebra *algebra, struct exec *exec)
{
    size_t mark = 0;
    if (!algebra_prepare(algebra, exec)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (algebra->output == OUTPUT_REPLY) {
        mark = reply_deferred_begin(exec->reply);
    }
    enum algebra_progress progress = algebra_begin(algebra) ? ALGEBRA_MORE : ALGEBRA_DONE;
    while (progress == ALGEBRA_MORE) {
        progress = algebra_step(algebra, exec);
    }
    if (progress == ALGEBRA_REFUSED) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    } else if (algebra->output == OUTPUT_REPLY) {
        reply_deferred_end(exec->reply, mark, '~', algebra->count);
    } else if (algebra->output == OUTPUT_VALUE) {
        reply_value(&algebra->result, exec->reply);
    } else if (algebra->output == OUTPUT_STORE) {
        algebra_store(algebra, exec);
    } else {
        reply_integer(exec->reply, (int64_t)algebra->count);
    }
    algebra_release_output(algebra, exec);
}
