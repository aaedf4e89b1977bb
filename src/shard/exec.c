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

void exec_changed(struct exec *exec, struct key key, const char *event)
{
    (void)event; /* subscribers to keyspace events come with pub/sub */
    struct shard *shard = exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key.name);
    stat_add(&shard->changes, 1);
}

void shard_report(struct shard *shard, uint32_t db, struct key key, const char *event)
{
    (void)shard; /* as above; Redis does not count it as a change, either */
    (void)db;
    (void)key;
    (void)event;
}

void exec_count_changes(struct exec *exec, uint64_t count)
{
    struct shard *shard = exec->shard != NULL ? exec->shard : &exec->server->shards[0];
    stat_add(&shard->changes, count);
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
