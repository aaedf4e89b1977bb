/* background.c - see background.h.  */
#include "loop/background.h"

#include "appendonly/appendonly.h"
#include "base/clock.h"
#include "client/clients.h"
#include "client/feed.h"
#include "client/limits.h"
#include "data/hash_expiry.h"
#include "data/key_top.h"
#include "exec/block_serve.h"
#include "exec/pending.h"
#include "exec/round.h"
#include "exec/waiting.h"
#include "mem/heap.h"
#include "shard/access_clock.h"
#include "shard/defrag.h"
#include "shard/evict.h"
#include "shard/inbox.h"
#include "shard/lazy_free.h"
#include "shard/memory_history.h"
#include "shard/server.h"
#include "shard/thread.h"
#include "shard/totals.h"
#include "snapshot/ending.h"
#include "snapshot/loading.h"
#include "snapshot/snapshot.h"
#include "table/compaction.h"
#include "tracking/tracking.h"

#include <assert.h>

enum {
    STEP_US = 50,
    BUSY_US = 1000,                 /* another thread held the shard: tried again so much later */
    TURN_UNMAP_BYTES = 1 << 20,     /* of long blocks that were freed, given back in a turn */
    EXPIRE_US = 10000,
    TOP_FILL_US = 10000,            /* between two steps of 50 us: half a percent of a core */
    TOP_IDLE_US = 200000,           /* between two looks whether enough of the biggest keys are known */
    TOP_STEP = 64,
    DEFRAG_IDLE_US = 250000,        /* between two looks whether the heap is worth a defragmentation cycle */
    DEFRAG_TURN_US = 200,           /* it is put off in longer turns, */
    DEFRAG_PUT_OFF_MAX = 8,         /* but not for ever */
    COMPACT_IDLE_US = 100000,       /* between two looks at all tables */
    COMPACT_LOOK_US = 5000,         /* between two looks at some of many */
    COMPACT_ROWS = 16,              /* moved between two looks at the clock */
    /* Things freed between two looks at the clock: few, since each may be the last of its page, and giving that back takes 10 us. */
    LAZY_FREE_LIMIT = 8,
    EXPIRE_STEP = 8,
};

/* What a task answers: in so many microseconds it is due again, for which the thread is woken; or one of these. */
enum { AT_ONCE = 0, EACH_TURN = -1 };

/* What the tasks are given. */
struct run {
    struct thread *thread;
    struct background *background;
    uint64_t turn_ticks;
};

static uint64_t step_end(const struct thread *thread)
{
    return clock_ticks() + (uint64_t)(STEP_US * thread->server->ticks_per_us);
}

/* `hz` times a second. */
static int64_t hz_us(const struct thread *thread)
{
    return 1000000 / atomic_load_explicit(&thread->server->config->hz, memory_order_relaxed);
}

/* --- what was freed --- */

static int64_t run_lazy_free(const struct run *run)
{
    struct thread *thread = run->thread;
    struct shard *shard = thread->shard;
    if (lazy_free_is_empty_hint(shard)) {
        return EACH_TURN;
    }
    if (!baton_try(&shard->baton)) {
        return AT_ONCE;
    }
    const uint64_t end = step_end(thread);
    bool is_more = true;
    while (is_more && clock_ticks() < end) {
        is_more = lazy_free_step(shard, LAZY_FREE_LIMIT);
    }
    shard_release(thread, shard);
    return is_more ? AT_ONCE : EACH_TURN;
}

static int64_t unmap(const struct run *run)
{
    (void)run;
    return thread_heap_unmap_step(TURN_UNMAP_BYTES) ? AT_ONCE : EACH_TURN;
}

/* --- keys that go --- */

/* True when the step ended before what is due. */
static bool expire_database(struct thread *thread, struct keyspace *ks, uint64_t end)
{
    while (keyspace_expire_due(ks, thread->now_ms, EXPIRE_STEP) == EXPIRE_STEP) {
        if (clock_ticks() >= end) {
            return true;
        }
    }
    while (hash_expire_fields(ks, thread->now_ms, EXPIRE_STEP) >= EXPIRE_STEP) {
        if (clock_ticks() >= end) {
            return true;
        }
    }
    return false;
}

/* One step, going on with the database after the one where the last step ended. True: it ended before what is due. */
static bool expire_databases(struct thread *thread, struct background *background)
{
    struct shard *shard = thread->shard;
    baton_assert_held(&shard->baton);
    uint64_t end = clock_ticks() + (uint64_t)(STEP_US * thread->server->ticks_per_us);
    uint32_t databases = (uint32_t)atomic_load_explicit(&thread->server->config->databases, memory_order_relaxed);
    bool is_more = false;
    for (uint32_t i = 0; i < databases && !is_more; i++) {
        uint32_t db = background->expiry.db;
        assert(db < databases);
        if (shard->databases[db].expiring_count > 0 || shard->databases[db].timed_hashes.count > 0) {
            is_more = expire_database(thread, &shard->databases[db], end);
        }
        background->expiry.db = (db + 1) % databases;
    }
    return is_more;
}

static bool any_expiring(const struct thread *thread)
{
    int64_t databases = atomic_load_explicit(&thread->server->config->databases, memory_order_relaxed);
    for (int64_t i = 0; i < databases; i++) {
        const struct keyspace *ks = &thread->shard->databases[i];
        if (__atomic_load_n(&ks->expiring_count, __ATOMIC_RELAXED) > 0 || __atomic_load_n(&ks->timed_hashes.count, __ATOMIC_RELAXED) > 0) {
            return true;
        }
    }
    return false;
}

static int64_t expire_keys(const struct run *run)
{
    struct thread *thread = run->thread;
    struct background *background = run->background;
    struct shard *shard = thread->shard;
    if (!any_expiring(thread)) {
        background->expiry.is_more = false;
        return hz_us(thread);
    }
    if (!baton_try(&shard->baton)) {
        return background->expiry.is_more ? AT_ONCE : BUSY_US;
    }
    const uint64_t start = clock_ticks();
    shard_note_access(thread, shard);
    const bool is_more = !shard->is_expiry_off && expire_databases(thread, background);
    stat_add(&thread->stats.expiry_ticks, clock_ticks() - start);
    stat_add(&thread->stats.expiry_cuts, is_more);
    shard_release(thread, shard);
    background->expiry.is_more = is_more;
    return is_more ? AT_ONCE : EXPIRE_US;
}

static int64_t evict(const struct run *run)
{
    return evict_in_background(run->thread) ? AT_ONCE : EACH_TURN;
}

/* --- the heap --- */

/* Long steps in one turn would add up; but not for ever, if all turns are long. */
static bool is_defrag_put_off(const struct run *run)
{
    const double us = (double)(clock_ticks() - run->turn_ticks) / run->thread->server->ticks_per_us;
    uint32_t *put_off = &run->background->defrag.put_off;
    const bool is_put_off = us > DEFRAG_TURN_US && *put_off < DEFRAG_PUT_OFF_MAX;
    *put_off = is_put_off ? *put_off + 1 : 0;
    return is_put_off;
}

static int64_t defragment(const struct run *run)
{
    struct thread *thread = run->thread;
    struct shard *shard = thread->shard;
    if (is_defrag_put_off(run) || !baton_try(&shard->baton)) {
        return run->background->defrag.is_running ? 1 : EACH_TURN;
    }
    const int64_t wait_us = defrag_work(shard, thread->now_ms);
    run->background->defrag.is_running = wait_us > 0;
    shard_release(thread, shard);
    return wait_us > 0 ? wait_us : DEFRAG_IDLE_US;
}

/* Tables: rows leave sparse pages. Steps come the faster the more there is to gain. */
static int64_t compact_tables(const struct run *run)
{
    struct thread *thread = run->thread;
    struct shard *shard = thread->shard;
    struct table_compaction *state = &run->background->compaction;
    if (!baton_try(&shard->baton)) {
        return BUSY_US;
    }
    const struct catalogue *catalogue = atomic_load_explicit(&thread->server->catalogue, memory_order_acquire);
    const uint64_t start = clock_ticks();
    const uint64_t end = step_end(thread);
    enum compaction_status status;
    do {
        status = catalogue_compact(catalogue, shard->number, state, COMPACT_ROWS);
    } while (status == COMPACTION_WORKED && clock_ticks() < end);
    shard_release(thread, shard);
    if (status != COMPACTION_WORKED) {
        return status == COMPACTION_NONE ? COMPACT_IDLE_US : COMPACT_LOOK_US;
    }
    const int64_t us = (int64_t)((double)(clock_ticks() - start) / thread->server->ticks_per_us) + 1;
    return us * (100 - (int64_t)state->percent) / (int64_t)state->percent + 1;
}

/* Fills the list of the biggest keys in steps when too few of them are left. */
static int64_t tend_top(const struct run *run)
{
    struct thread *thread = run->thread;
    struct shard *shard = thread->shard;
    if (!baton_try(&shard->baton)) {
        return BUSY_US;
    }
    const uint64_t end = step_end(thread);
    while (!key_top_fill_step(shard->top, TOP_STEP) && clock_ticks() < end) {
    }
    key_top_tend(shard->top, thread->now_ms);
    const bool is_filling = shard->top->fill_types != 0;
    shard_release(thread, shard);
    return is_filling ? TOP_FILL_US : TOP_IDLE_US;
}

/* --- connections and figures --- */

static int64_t check_connections(const struct run *run)
{
    struct thread *thread = run->thread;
    pending_update(thread);
    clients_check(thread);
    feeds_check(thread);
    stat_add(&thread->stats.crons, 1);
    return hz_us(thread);
}

static int64_t tend_caches(const struct run *run)
{
    return tracking_tend(run->thread) ? AT_ONCE : hz_us(run->thread);
}

static int64_t trim_spare(const struct run *run)
{
    struct thread *thread = run->thread;
    struct chunk_pool *chunks = &thread->clients->chunks;
    chunk_pool_trim(chunks);
    rounds_trim(thread);
    __atomic_store_n(&thread->stats.spare_bytes, chunk_pool_spare_bytes(chunks) + rounds_spare_bytes(thread), __ATOMIC_RELAXED);
    __atomic_store_n(&thread->stats.cq_overflows, thread->ring.overflows, __ATOMIC_RELAXED);
    server_used_bytes(thread->server);
    return hz_us(thread);
}

static int64_t sample_rates(const struct run *run)
{
    server_sample_rates(run->thread->server, clock_monotonic_us() / 1000);
    return RATE_SAMPLE_MS * 1000;
}

static int64_t sample_memory(const struct run *run)
{
    memory_history_sample(run->thread->server, run->thread->now_ms);
    return MEMORY_HISTORY_SHORT_MS * 1000;
}

/* --- who waits --- */

/* Behind the tasks that free: what they have freed may be enough. */
static int64_t call_memory_waiters(const struct run *run)
{
    struct thread *thread = run->thread;
    struct shard *shard = thread->shard;
    if (LIKELY(__atomic_load_n(&shard->waits.of_kind[WAIT_MEMORY], __ATOMIC_RELAXED) == 0)) {
        return EACH_TURN;
    }
    if (baton_try(&shard->baton)) {
        waiters_call(thread, shard, WAIT_MEMORY, 0);
        shard_release(thread, shard);
    }
    return BUSY_US;
}

static int64_t serve_blocked(const struct run *run)
{
    return block_serve_late(run->thread) ? BUSY_US : EACH_TURN;
}

/* --- snapshots --- */

static int64_t save(const struct run *run)
{
    return snapshots_work(run->thread);
}

static int64_t tend_log(const struct run *run)
{
    return appendonly_work(run->thread);
}

static int64_t end(const struct run *run)
{
    return ending_work(run->thread);
}

/* A loading that begins later (DEBUG RELOAD) is seen in the next turn. */
static int64_t load(const struct run *run)
{
    if (LIKELY(!server_is_loading(run->thread->server))) {
        return EACH_TURN;
    }
    return loading_work(run->thread);
}

/* --- all of them --- */

static const struct {
    const char *name;
    int64_t (*run)(const struct run *run);
    bool is_for_thread_0; /* once for the server */
} tasks[] = {
    {"lazy free", run_lazy_free, false},
    {"unmap", unmap, false},
    {"expiry", expire_keys, false},
    {"eviction", evict, false},
    {"waiting for memory", call_memory_waiters, false},
    {"blocked clients", serve_blocked, false},
    {"defragmentation", defragment, false},
    {"tables", compact_tables, false},
    {"biggest keys", tend_top, false},
    {"connections", check_connections, false},
    {"clients' caches", tend_caches, false},
    {"spare memory", trim_spare, false},
    {"snapshots", save, false},
    {"loading", load, false},
    {"log", tend_log, false},
    {"end", end, true},
    {"rates", sample_rates, true},
    {"memory history", sample_memory, true},
};
_Static_assert(sizeof tasks / sizeof tasks[0] == BACKGROUND_TASKS, "each task has a due time");

enum { ALL_TASKS = (1 << BACKGROUND_TASKS) - 1 };

/* True: it wants to go on at once. */
static bool run_task(const struct run *run, int task, int64_t now_us)
{
    struct background *background = run->background;
    const uint32_t bit = UINT32_C(1) << task;
    const int64_t wish_us = tasks[task].run(run);
    assert(wish_us >= EACH_TURN);
    background->due_us[task] = wish_us == EACH_TURN ? 0 : now_us + wish_us;
    background->each_turn = wish_us <= 0 ? background->each_turn | bit : background->each_turn & ~bit;
    return wish_us == AT_ONCE;
}

int64_t background_run(struct thread *thread, struct background *background, uint64_t turn_ticks)
{
    const struct run run = {thread, background, turn_ticks};
    const int64_t now_us = clock_monotonic_us();
    const bool is_time = now_us >= background->first_us; /* for one of those that do not run in each turn: all are looked at */
    int64_t first_us = is_time ? INT64_MAX : background->first_us;
    bool is_busy = false;
    for (uint32_t left = is_time ? ALL_TASKS : background->each_turn; left != 0; left &= left - 1) {
        const int task = __builtin_ctz(left);
        if (background->due_us[task] <= now_us && (!tasks[task].is_for_thread_0 || thread->number == 0)) {
            is_busy |= run_task(&run, task, now_us);
        }
        const int64_t due_us = background->due_us[task];
        first_us = due_us > now_us && due_us < first_us ? due_us : first_us;
    }
    assert(first_us > now_us);
    background->first_us = first_us;
    return is_busy ? 0 : first_us - now_us;
}
