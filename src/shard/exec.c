/* exec.c - what handlers call: keys and keyspaces, reports of changes, scratch memory, jobs and visits.  */
#include "shard/exec.h"

#include "base/clock.h"
#include "base/slot.h"
#include "data/access.h"
#include "mem/heap.h"
#include "shard/thread_private.h"

#include <assert.h>

/* --- keys --- */

struct key exec_key(const struct exec *exec, uint32_t index)
{
    struct bytes name = exec->argv[index];
    if (LIKELY((int32_t)index == exec->spec->keys.first && exec->first_key_hash != 0)) {
        return (struct key){name, exec->first_key_hash};
    }
    return exec_key_of(exec, name);
}

struct key exec_key_of(const struct exec *exec, struct bytes name)
{
    return (struct key){name, hash_bytes(&exec->server->secret, name)};
}

struct shard *server_shard_of_key(const struct server *server, struct bytes key)
{
    if (server->shard_count == 1) {
        return &server->shards[0];
    }
    return &server->shards[slot_to_shard(slot_of_key(key), server->shard_count)];
}

struct keyspace *exec_keyspace_in(const struct exec *exec, struct key key, uint32_t db)
{
    struct shard *shard = exec->shard;
    if (UNLIKELY(shard == NULL)) {
        shard = server_shard_of_key(exec->server, key.name);
    }
    baton_assert_held(&shard->baton);
    return &shard->databases[db];
}

struct keyspace *exec_keyspace(const struct exec *exec, struct key key)
{
    return exec_keyspace_in(exec, key, exec->db);
}

static uint32_t access_after_use(struct thread *thread, uint32_t access)
{
    if (LIKELY(!thread->is_lfu)) {
        return thread->access_now;
    }
    const uint32_t minutes = thread->access_now >> ACCESS_COUNTER_BITS;
    const uint32_t counter = access_counter(access, minutes, thread->lfu_decay_minutes);
    return access_make_lfu(minutes, access_counter_raised(counter, thread->lfu_log_factor, &thread->lfu_random));
}

/* Notes the access; writes only when something has changed, so that hot keys' cache lines stay clean. */
static void note_access(const struct exec *exec, struct entry *entry)
{
    const uint32_t before = entry_access(entry);
    const uint32_t after = access_after_use(exec->thread, before);
    if (UNLIKELY(after != before) && !exec->is_no_touch) {
        entry_set_access(entry, after);
    }
}

void shard_note_access(struct thread *thread, struct shard *shard)
{
    if (LIKELY(shard->initial_access == thread->access_now)) {
        return;
    }
    shard->initial_access = thread->access_now;
    const uint32_t databases = (uint32_t)atomic_load_explicit(&thread->server->config->databases, memory_order_relaxed);
    for (uint32_t i = 0; i < databases; i++) {
        shard->databases[i].initial_access = thread->access_now;
    }
}

struct entry *exec_find_read(struct exec *exec, struct key key)
{
    struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    struct thread_stats *stats = &exec->thread->stats;
    if (LIKELY(entry != NULL)) {
        stat_add(&stats->keyspace_hits, 1);
        note_access(exec, entry);
    } else {
        stat_add(&stats->keyspace_misses, 1);
    }
    return entry;
}

struct entry *exec_find_write(struct exec *exec, struct key key)
{
    struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    if (entry != NULL) {
        note_access(exec, entry);
    }
    return entry;
}

/* --- reports --- */

static struct shard *shard_of(const struct exec *exec, struct key key)
{
    return exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key.name);
}

/* Something was changed: if somebody asks how to repeat it, the command's words are owed. */
static inline void owe_effects(struct exec *exec)
{
    if (exec->effects == EFFECTS_NONE) {
        exec->effects = EFFECTS_OWED;
    }
}

void exec_changed_in(struct exec *exec, uint32_t db, struct key key, enum event event)
{
    struct shard *shard = shard_of(exec, key);
    stat_add(&shard->changes, 1);
    const uint32_t wanted = effects_wanted(&exec->server->effects);
    if (LIKELY(wanted == 0)) {
        return;
    }
    baton_assert_held(&shard->baton);
    owe_effects(exec);
    if ((wanted & LISTEN_ANY_CHANGES) != 0) {
        const struct change change = {exec->thread, shard, key.name, key.hash, db, event, 0};
        effects_report_change(&exec->server->effects, &change);
    }
}

void exec_changed(struct exec *exec, struct key key, enum event event)
{
    exec_changed_in(exec, exec->db, key, event);
}

void exec_count_changes(struct exec *exec, uint64_t count)
{
    struct shard *shard = exec->shard != NULL ? exec->shard : &exec->server->shards[0];
    stat_add(&shard->changes, count);
    if (UNLIKELY(effects_wanted(&exec->server->effects) != 0)) {
        owe_effects(exec);
    }
}

bool exec_wants_effects(const struct exec *exec)
{
    return UNLIKELY((effects_wanted(&exec->server->effects) & LISTEN_ANY_EFFECTS) != 0);
}

/* `shard` NULL: all. */
static void report_effect(struct exec *exec, struct shard *shard, uint32_t db, const struct bytes *words, uint32_t count)
{
    if (exec->unit == 0 && exec->is_spread) {
        exec->unit = effects_new_unit(&exec->server->effects);
    }
    const struct effect effect = {exec->thread, shard, db, count, words, exec->unit};
    effects_report_effect(&exec->server->effects, &effect);
}

void exec_effect_in(struct exec *exec, uint32_t db, struct key key, const struct bytes *words, uint32_t count)
{
    exec->effects = EFFECTS_GIVEN;
    if (exec_wants_effects(exec)) {
        struct shard *shard = shard_of(exec, key);
        baton_assert_held(&shard->baton);
        report_effect(exec, shard, db, words, count);
    }
}

void exec_effect(struct exec *exec, struct key key, const struct bytes *words, uint32_t count)
{
    exec_effect_in(exec, exec->db, key, words, count);
}

void exec_effect_none(struct exec *exec)
{
    exec->effects = EFFECTS_GIVEN;
}

void exec_begin_unit(const struct exec *exec)
{
    struct server *server = exec->server;
    if (exec->shard != NULL || !exec_wants_effects(exec)) {
        return;
    }
    const uint64_t unit = effects_new_unit(&server->effects);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        baton_assert_held(&server->shards[i].baton);
        server->shards[i].unit = unit;
    }
}

void exec_end_unit(const struct exec *exec)
{
    for (uint32_t i = 0; exec->shard == NULL && i < exec->server->shard_count; i++) {
        exec->server->shards[i].unit = 0;
    }
}

void exec_report_words(struct exec *exec)
{
    assert(exec->effects == EFFECTS_OWED);
    exec->effects = EFFECTS_GIVEN;
    if (exec_wants_effects(exec)) {
        assert(!exec->is_spread); /* the handler should have said what is done on each shard */
        report_effect(exec, exec->shard, exec->db, exec->argv, exec->argc);
    }
}

bool exec_is_past(const struct exec *exec, int64_t expiry_ms)
{
    const struct shard *shard = exec->shard != NULL ? exec->shard : &exec->server->shards[0];
    return expiry_ms <= exec->now_ms && !shard->owner.is_expiry_off;
}

/* What no command does: the key goes because its time has come, or to make room. */
void shard_report_loss(struct shard *shard, const struct keyspace *ks, struct key key, enum event event)
{
    const struct effects *effects = &shard->server->effects;
    const uint32_t wanted = effects_wanted(effects);
    if (LIKELY(wanted == 0)) {
        return;
    }
    baton_assert_held(&shard->baton);
    struct thread *thread = thread_self();
    const uint32_t db = (uint32_t)(ks - shard->databases);
    if ((wanted & LISTEN_ANY_CHANGES) != 0) {
        effects_report_change(effects, &(struct change){thread, shard, key.name, key.hash, db, event, 0});
    }
    if ((wanted & LISTEN_ANY_EFFECTS) != 0) {
        const struct bytes words[] = {BYTES("DEL"), key.name};
        effects_report_effect(effects, &(struct effect){thread, shard, db, 2, words, 0});
    }
}

void shard_report_row(struct shard *shard, uint32_t db, struct bytes table, uint64_t row, enum event event)
{
    baton_assert_held(&shard->baton);
    const struct change change = {
        .thread = thread_self(), .shard = shard, .key = table, .hash = hash_bytes(&shard->server->secret, table),
        .db = db,                .event = event, .row = row,
    };
    effects_report_change(&shard->server->effects, &change);
}

void shard_report_effect(struct shard *shard, uint32_t db, const struct bytes *words, uint32_t count)
{
    baton_assert_held(&shard->baton);
    const struct effect effect = {thread_self(), shard, db, count, words, shard->unit};
    effects_report_effect(&shard->server->effects, &effect);
}

void shard_key_expired(void *context, struct keyspace *ks, uint64_t hash, const struct entry *entry)
{
    shard_report_loss(context, ks, (struct key){entry_key(entry), hash}, EVENT_EXPIRED);
}

void exec_close_after_reply(struct exec *exec)
{
    exec->must_close = true;
}

/* --- scratch: blocks that grow, emptied after each command --- */

static size_t block_bytes(size_t capacity)
{
    return sizeof(struct scratch_block) + capacity;
}

void *exec_scratch(struct exec *exec, size_t size)
{
    struct thread *thread = exec->thread;
    if (size > PTRDIFF_MAX - SCRATCH_BLOCK_BYTES) {
        return NULL;
    }
    size = (size + 15) & ~(size_t)15;
    struct scratch_block *block = thread->scratch;
    if (block == NULL || block->capacity - block->used < size) {
        size_t capacity = size > SCRATCH_BLOCK_BYTES ? size : SCRATCH_BLOCK_BYTES;
        block = thread_alloc(MEM_SERVER, block_bytes(capacity));
        if (block == NULL) {
            return NULL;
        }
        *block = (struct scratch_block){.next = thread->scratch, .capacity = capacity};
        thread->scratch = block;
    }
    void *memory = (char *)(block + 1) + block->used;
    block->used += size;
    return memory;
}

bool scratch_open(struct thread *thread)
{
    struct scratch_block *block = thread_alloc(MEM_SERVER, block_bytes(SCRATCH_BLOCK_BYTES));
    if (block != NULL) {
        *block = (struct scratch_block){.capacity = SCRATCH_BLOCK_BYTES};
    }
    thread->scratch = block;
    return block != NULL;
}

/* Keeps one block of the usual size. */
void scratch_reset(struct thread *thread)
{
    struct scratch_block *block = thread->scratch;
    while (block != NULL && (block->next != NULL || block->capacity > SCRATCH_BLOCK_BYTES)) {
        struct scratch_block *next = block->next;
        thread_free(MEM_SERVER, block, block_bytes(block->capacity));
        block = next;
    }
    if (block != NULL) {
        block->used = 0;
    }
    thread->scratch = block;
}

void scratch_free(struct thread *thread)
{
    scratch_reset(thread);
    if (thread->scratch != NULL) {
        thread_free(MEM_SERVER, thread->scratch, block_bytes(thread->scratch->capacity));
        thread->scratch = NULL;
    }
}

/* --- waiting and routes --- */

void exec_wait_and_retry(struct exec *exec)
{
    exec->must_wait = true;
}

void exec_wake_waiters(struct exec *exec)
{
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        struct thread *thread = server_thread(exec->server, i);
        atomic_store_explicit(&thread->must_retry_waiters, true, memory_order_seq_cst);
        thread_wake(exec->thread, thread);
    }
}

void exec_start_job(struct exec *exec, struct job *job)
{
    assert(exec->job == NULL);
    exec->job = job;
}

bool exec_slice_is_over(const struct exec *exec)
{
    return clock_ticks() >= exec->thread->step_ends_ticks;
}
