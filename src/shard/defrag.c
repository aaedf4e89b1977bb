/* defrag.c - when a shard's heap is worth a round of defragmentation, and its slices; see defrag.h.  */
#include "shard/defrag.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum {
    LOOK_MS = 250,           /* between two looks at the heap */
    VAIN_WAIT_MIN_MS = 500,  /* the same after a round that gained little, and twice as long after each further one */
    VAIN_WAIT_MAX_MS = 32000,
    SLICE_BLOCKS = 32,       /* looked at between two looks at the clock */
    SLICE_US = 50,
    SPARSE_PERCENT_MAX = 85, /* pages used less are drained */
    PURGE_PERCENT_MAX = 97,
    PURGE_ROUNDS_MAX = 3,
    GAIN_PERCENT_MIN = 25,   /* of what was wasted: less is in vain */
};

static int64_t config_number(const _Atomic int64_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

static void add_relaxed(uint64_t *counter, uint64_t amount)
{
    __atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

/* --- rounds --- */

static uint64_t wasted_bytes(const struct shard *shard, uint64_t *used)
{
    struct heap_walk walk;
    *used = 0;
    if (!heap_walk(shard->heap, &walk)) {
        return 0;
    }
    *used = walk.used_bytes;
    return walk.committed_bytes - walk.used_bytes;
}

static bool round_begin(struct shard *shard, unsigned used_percent_max)
{
    struct defrag *defrag = &shard->defrag;
    if (heap_defrag_begin(shard->heap, used_percent_max) == 0) {
        return false;
    }
    defrag->walk = (struct keyspace_defrag){0};
    defrag->tables = (struct table_defrag){0};
    defrag->db = 0;
    __atomic_store_n(&defrag->busy_us_before, defrag->busy_us, __ATOMIC_RELAXED);
    __atomic_store_n(&defrag->is_running, true, __ATOMIC_RELAXED);
    return true;
}

static void round_end(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    heap_defrag_end(shard->heap);
    uint64_t used;
    /* What is empty goes back with this; heap_collect would stop the shard for 20 ms after 300 MB were deleted. */
    const uint64_t wasted = wasted_bytes(shard, &used);
    const uint64_t gained = wasted < defrag->wasted_before ? defrag->wasted_before - wasted : 0;
    defrag->was_in_vain = gained * 100 < defrag->wasted_before * GAIN_PERCENT_MIN;
    const int64_t longer_ms = defrag->vain_wait_ms == 0 ? VAIN_WAIT_MIN_MS : 2 * defrag->vain_wait_ms;
    defrag->vain_wait_ms = !defrag->was_in_vain ? 0 : longer_ms < VAIN_WAIT_MAX_MS ? longer_ms : VAIN_WAIT_MAX_MS;
    defrag->is_at_rest = false;
    add_relaxed(&defrag->given_back_bytes, gained);
    add_relaxed(&defrag->rounds, 1);
    __atomic_store_n(&defrag->is_running, false, __ATOMIC_RELAXED);
    defrag->is_purging = false;
    defrag->settles_seen = heap_settles(shard->heap);
}

/* Goes on with the walk: through the databases, then the tables. True at its end. */
static bool walk_on(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    if (defrag->db >= (uint32_t)config_number(&shard->server->config->databases)) {
        const struct catalogue *catalogue = atomic_load_explicit(&shard->server->catalogue, memory_order_acquire);
        return catalogue_defrag_slice(catalogue, shard->number, &defrag->tables, SLICE_BLOCKS);
    }
    if (keyspace_defrag_slice(&shard->databases[defrag->db], &defrag->walk, SLICE_BLOCKS)) {
        defrag->walk = (struct keyspace_defrag){0};
        defrag->db++;
    }
    return false;
}

/* A slice of the walk; true at its end. */
static bool round_slice(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    const uint64_t start = clock_ticks();
    const uint64_t end = start + (uint64_t)(SLICE_US * shard->server->ticks_per_us);
    uint64_t now = start;
    bool is_done = false;
    while (!is_done && now < end) {
        is_done = walk_on(shard);
        now = clock_ticks();
    }
    add_relaxed(&defrag->busy_us, (uint64_t)((double)(now - start) / shard->server->ticks_per_us));
    return is_done;
}

/* --- in the background --- */

/* Between the thresholds the effort rises from the least to the greatest. */
static unsigned cpu_percent(const struct config *config, uint64_t wasted, uint64_t used)
{
    const int64_t lower = config_number(&config->active_defrag_threshold_lower);
    const int64_t upper = config_number(&config->active_defrag_threshold_upper);
    const int64_t least = config_number(&config->active_defrag_cycle_min);
    const int64_t most = config_number(&config->active_defrag_cycle_max);
    const int64_t percent = (int64_t)(wasted * 100 / (used + 1));
    if (percent >= upper || upper <= lower || most <= least) {
        return (unsigned)most;
    }
    return (unsigned)(least + (most - least) * (percent - lower) / (upper - lower));
}

/* Begins a round when there is enough to gain. When frees have come to rest with nothing to gain, the empty pages of
 * the thread's buffers go back, once.  */
static void look(struct shard *shard, int64_t now_ms)
{
    struct defrag *defrag = &shard->defrag;
    const struct config *config = shard->server->config;
    const uint64_t settles = heap_settles(shard->heap);
    const uint64_t new_settles = settles - defrag->settles_seen;
    const int64_t ignored = config_number(&config->active_defrag_ignore_bytes) / shard->server->shard_count;
    const int64_t lower = config_number(&config->active_defrag_threshold_lower);
    if (defrag->is_at_rest && new_settles == 0 && ignored == defrag->ignored && lower == defrag->lower) {
        if (!defrag->is_collected) {
            thread_heap_collect();
            defrag->is_collected = true;
        }
        return;
    }
    defrag->is_collected = false;
    if (now_ms - defrag->looked_ms < defrag->vain_wait_ms) {
        return;
    }
    defrag->looked_ms = now_ms;
    defrag->settles_seen = settles;
    uint64_t used;
    const uint64_t wasted = wasted_bytes(shard, &used);
    defrag->ignored = ignored;
    defrag->lower = lower;
    defrag->is_at_rest = wasted <= (uint64_t)ignored || wasted * 100 <= used * (uint64_t)lower;
    if (defrag->is_at_rest) {
        return;
    }
    defrag->wasted_before = wasted;
    __atomic_store_n(&defrag->cpu_percent, cpu_percent(config, wasted, used), __ATOMIC_RELAXED);
    defrag->is_at_rest = !round_begin(shard, SPARSE_PERCENT_MAX);
}

int64_t defrag_work(struct shard *shard, int64_t now_ms)
{
    struct defrag *defrag = &shard->defrag;
    if (defrag->is_purging) {
        return 0;
    }
    const bool is_on = config_number(&shard->server->config->activedefrag) != 0;
    if (!defrag->is_running) {
        if (is_on && (now_ms - defrag->looked_ms >= LOOK_MS || now_ms < defrag->looked_ms)) {
            look(shard, now_ms);
        }
        return defrag->is_running ? 1 : 0;
    }
    if (!is_on || round_slice(shard)) {
        round_end(shard);
        return 0;
    }
    return SLICE_US * (100 - (int64_t)defrag->cpu_percent) / (int64_t)defrag->cpu_percent + 1;
}

/* --- MEMORY PURGE --- */

static void purge_round(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    uint64_t used;
    defrag->wasted_before = wasted_bytes(shard, &used);
    defrag->is_purging = round_begin(shard, PURGE_PERCENT_MAX);
    defrag->purge_rounds++;
}

void defrag_purge_begin(struct shard *shard)
{
    if (shard->defrag.is_running) {
        round_end(shard);
    }
    shard->defrag.purge_rounds = 0;
    purge_round(shard);
}

bool defrag_purge_slice(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    if (!defrag->is_purging) {
        return true;
    }
    if (!round_slice(shard)) {
        return false;
    }
    round_end(shard);
    if (defrag->was_in_vain || defrag->purge_rounds == PURGE_ROUNDS_MAX) {
        return true;
    }
    purge_round(shard);
    return !defrag->is_purging;
}

void defrag_purge_end(struct shard *shard)
{
    if (shard->defrag.is_purging) {
        round_end(shard);
    }
}
