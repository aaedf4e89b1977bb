/* exec.c - what handlers call: keys and keyspaces, reports of changes, scratch memory, jobs.  */
#include "exec/exec.h"

#include "base/clock.h"
#include "exec/call.h"
#include "exec/executor.h"
#include "exec/scratch.h"
#include "shard/access_clock.h"

#include <assert.h>
#include <string.h>

/* --- notices --- */

__attribute__((noinline)) static void tell_notice(const struct exec *exec, uint32_t db, const struct key *key, enum event event)
{
    struct shard *shard = exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key->name);
    baton_assert_held(&shard->baton);
    const struct change notice = {exec->thread, shard, key->name, key->hash, db, event, 0};
    effects_report_notice(&exec->server->effects, &notice);
}

bool exec_wants_notices(const struct exec *exec)
{
    return UNLIKELY((effects_wanted(&exec->server->effects) & LISTEN_ANY_NOTICES) != 0);
}

static inline void report_notice(const struct exec *exec, uint32_t db, const struct key *key, enum event event)
{
    if (exec_wants_notices(exec)) {
        tell_notice(exec, db, key, event);
    }
}

void exec_notice_in(const struct exec *exec, uint32_t db, struct key key, enum event event)
{
    report_notice(exec, db, &key, event);
}

/* --- keys --- */

struct key exec_key_of(const struct exec *exec, struct bytes name)
{
    return (struct key){name, hash_bytes(&exec->server->secret, name)};
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

/* Notes the access; writes only when something has changed, so that hot keys' cache lines stay clean. */
static void note_access(const struct exec *exec, struct entry *entry)
{
    const uint32_t before = entry_access(entry);
    const uint32_t after = access_clock_after_use(&exec->thread->access, before);
    if (UNLIKELY(after != before) && !exec->is_no_touch) {
        entry_set_access(entry, after);
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
        report_notice(exec, exec->db, &key, EVENT_KEYMISS);
    }
    return entry;
}

struct entry *exec_find_quietly(struct exec *exec, struct key key)
{
    struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    struct thread_stats *stats = &exec->thread->stats;
    stat_add(entry != NULL ? &stats->keyspace_hits : &stats->keyspace_misses, 1);
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

/* A key is handed on by its address where it is seldom looked at: GCC would load it in pieces right after the caller has stored it in others,
 * which stalls, and costs SET 3 % of its time.  */
__attribute__((noinline)) static struct shard *find_shard(const struct exec *exec, const struct key *key)
{
    return server_shard_of_key(exec->server, key->name);
}

static inline struct shard *shard_of(const struct exec *exec, const struct key *key)
{
    return LIKELY(exec->shard != NULL) ? exec->shard : find_shard(exec, key);
}

/* Something was changed: if somebody asks how to repeat it, the command's words are owed. */
static inline void owe_effects(struct exec *exec)
{
    if (exec->effects == EFFECTS_NONE) {
        exec->effects = EFFECTS_OWED;
    }
}

__attribute__((noinline)) static void tell_listeners(struct exec *exec, struct shard *shard, uint32_t db, const struct key *key,
                                                     enum event event)
{
    baton_assert_held(&shard->baton);
    owe_effects(exec);
    if ((effects_wanted(&exec->server->effects) & LISTEN_ANY_CHANGES) != 0) {
        const struct change change = {exec->thread, shard, key->name, key->hash, db, event, 0};
        effects_report_change(&exec->server->effects, &change);
    }
}

static inline void report_event(struct exec *exec, struct shard *shard, uint32_t db, const struct key *key, enum event event)
{
    if (UNLIKELY(effects_wanted(&exec->server->effects) != 0)) {
        tell_listeners(exec, shard, db, key, event);
    }
}

static inline void count_and_report(struct exec *exec, uint32_t db, const struct key *key, enum event event, uint64_t count)
{
    struct shard *shard = shard_of(exec, key);
    stat_add(&shard->changes, count);
    report_event(exec, shard, db, key, event);
}

void exec_changed_in(struct exec *exec, uint32_t db, struct key key, enum event event)
{
    count_and_report(exec, db, &key, event, 1);
}

void exec_changed(struct exec *exec, struct key key, enum event event)
{
    count_and_report(exec, exec->db, &key, event, 1);
}

void exec_changed_by(struct exec *exec, struct key key, enum event event, uint64_t count)
{
    count_and_report(exec, exec->db, &key, event, count);
}

void exec_event_in(struct exec *exec, uint32_t db, struct key key, enum event event)
{
    report_event(exec, shard_of(exec, &key), db, &key, event);
}

void exec_event(struct exec *exec, struct key key, enum event event)
{
    exec_event_in(exec, exec->db, key, event);
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

/* Words that begin with the name by which a client called a command that has been renamed: the same with its own name. NULL: no memory. */
static const struct bytes *words_with_own_name(struct exec *exec, const struct bytes *words, uint32_t count)
{
    struct bytes *own = exec_scratch(exec, count * sizeof *own);
    if (own != NULL) {
        const struct command_spec *named = exec->spec->parent == NULL ? exec->spec : exec->spec->parent;
        memcpy(own, words, count * sizeof *own);
        own[0] = bytes_of_string(named->name);
    }
    return own;
}

/* `shard` NULL: all. */
static void report_effect(struct exec *exec, struct shard *shard, uint32_t db, const struct bytes *words, uint32_t count)
{
    if (UNLIKELY(exec->server->config->renames != NULL) && exec->argv != NULL && words[0].data == exec->argv[0].data) {
        words = words_with_own_name(exec, words, count);
        if (words == NULL) {
            effects_report_lost(&exec->server->effects, exec->thread);
            return;
        }
    }
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
        struct shard *shard = shard_of(exec, &key);
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

void exec_effect_lost(struct exec *exec)
{
    exec->effects = EFFECTS_GIVEN;
    effects_report_lost(&exec->server->effects, exec->thread);
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

void exec_reply_always(struct exec *exec)
{
    assert(exec->call != NULL);
    exec->call->is_silent = false;
}

void exec_reply_nothing(struct exec *exec)
{
    assert(exec->call != NULL);
    exec->call->is_silent = true;
}

void exec_close_after_reply(struct exec *exec)
{
    assert(exec->call != NULL);
    exec->call->ends_connection = true;
}

void *exec_scratch(struct exec *exec, size_t size)
{
    return scratch_take(exec->thread->executor, size);
}

/* --- waiting and routes --- */

void exec_routes_changed(struct exec *exec)
{
    atomic_fetch_add_explicit(&exec->server->route_version, 1, memory_order_release);
}

void exec_start_job(struct exec *exec, struct job *job)
{
    assert(exec->job == NULL);
    exec->job = job;
}

bool exec_step_is_over(const struct exec *exec)
{
    return clock_ticks() >= exec->thread->executor->step_ends_ticks;
}
