/* defrag.c - when a shard's heap is worth a defragmentation cycle, and its steps; see defrag.h.  */
#include "shard/defrag.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>
#include <math.h>

enum {
    LOOK_MS = 250,           /* between two looks at the heap, */
    LOOK_PARTS = 200,        /* and so many times what a look took */
    LOOK_CPU_PERCENT = 5,    /* while it lasts */
    VAIN_WAIT_MIN_MS = 500,  /* the same after a cycle that gained little, and twice as long after each further one */
    VAIN_WAIT_MAX_MS = 32000,
    STEP_BLOCKS = 32,       /* looked at between two looks at the clock */
    STEP_US = 50,
    SPARSE_PERCENT_MIN = 50, /* pages used less than something between these two are drained: */
    SPARSE_PERCENT_MAX = 85,
    SPARSE_ABOVE_MEAN = 10,  /* so much more than the mean */
    PURGE_PERCENT_MAX = 97,
    PURGE_CYCLES_MAX = 3,
    SUCCESS_PERCENT_MIN = 25, /* of those pages gone: less is in vain */
};

static int64_t config_number(const _Atomic int64_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

static void add_relaxed(uint64_t *counter, uint64_t amount)
{
    __atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

static void set_running(struct defrag *defrag, bool is_running)
{
    __atomic_store_n(&defrag->is_running, is_running, __ATOMIC_RELAXED);
}

static uint64_t wasted_bytes(const struct defrag *defrag)
{
    return defrag->pages.committed_bytes - defrag->pages.used_bytes;
}

/* --- moving --- */

/* Goes on with the walk: through the databases, then the tables. True at its end. */
static bool walk_on(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    if (defrag->db >= (uint32_t)config_number(&shard->server->config->databases)) {
        const struct catalogue *catalogue = atomic_load_explicit(&shard->server->catalogue, memory_order_acquire);
        return catalogue_defrag_slice(catalogue, shard->number, &defrag->tables, STEP_BLOCKS);
    }
    if (keyspace_defrag_step(&shard->databases[defrag->db], &defrag->walk, STEP_BLOCKS)) {
        defrag->walk = (struct keyspace_defrag){0};
        defrag->db++;
    }
    return false;
}

static bool move_for_a_step(struct shard *shard)
{
    const uint64_t end = clock_ticks() + (uint64_t)(STEP_US * shard->server->ticks_per_us);
    bool is_done = false;
    while (!is_done && clock_ticks() < end) {
        is_done = walk_on(shard);
    }
    return is_done;
}

/* --- a cycle: looking, preparing, moving, closing --- */

/* Between the thresholds the effort rises from the least to the greatest, at first steeply (as the cube root): at a slow pace a
 * cycle would last so long that under load more gets lost meanwhile than it gains.  */
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
    const double share = percent <= lower ? 0 : (double)(percent - lower) / (double)(upper - lower);
    return (unsigned)((double)least + (double)(most - least) * cbrt(share));
}

/* By what is wasted now, not when the cycle began. */
static void set_effort(struct shard *shard)
{
    const uint64_t pages = heap_page_bytes_hint(shard->heap);
    const uint64_t used = (uint64_t)mem_counters_total(heap_counters(shard->heap));
    const unsigned percent = cpu_percent(shard->server->config, pages > used ? pages - used : 0, used);
    __atomic_store_n(&shard->defrag.cpu_percent, percent, __ATOMIC_RELAXED);
}

static unsigned sparse_percent(const struct defrag *defrag)
{
    if (defrag->is_purging) {
        return PURGE_PERCENT_MAX;
    }
    const unsigned percent = (unsigned)(defrag->pages.used_bytes * 100 / defrag->pages.committed_bytes) + SPARSE_ABOVE_MEAN;
    return percent < SPARSE_PERCENT_MIN ? SPARSE_PERCENT_MIN : percent > SPARSE_PERCENT_MAX ? SPARSE_PERCENT_MAX : percent;
}

static void begin_look(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    assert(defrag->stage == DEFRAG_IDLE);
    defrag->pages = (struct heap_walk){0};
    defrag->stage = DEFRAG_LOOKING;
    defrag->look_us = 0;
    defrag->freed_seen = heap_freed_steps(shard->heap);
}

/* All pages were looked at: is there enough to gain? */
static void decide(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    const struct config *config = shard->server->config;
    const uint64_t wasted = wasted_bytes(defrag);
    defrag->ignored = config_number(&config->active_defrag_ignore_bytes) / shard->server->shard_count;
    defrag->lower = config_number(&config->active_defrag_threshold_lower);
    defrag->is_at_rest =
        !defrag->is_purging && (wasted <= (uint64_t)defrag->ignored || wasted * 100 <= defrag->pages.used_bytes * (uint64_t)defrag->lower);
    if (defrag->is_at_rest) {
        defrag->stage = DEFRAG_IDLE;
        return;
    }
    defrag->wasted_before = wasted;
    set_effort(shard);
    __atomic_store_n(&defrag->busy_us_before, defrag->busy_us, __ATOMIC_RELAXED);
    const bool is_very_sparse = defrag->pages.committed_bytes > 2 * defrag->pages.used_bytes;
    heap_defrag_prepare(shard->heap, sparse_percent(defrag), defrag->is_purging || is_very_sparse);
    defrag->stage = DEFRAG_PREPARING;
    set_running(defrag, true);
}

static void begin_moving(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    if (!heap_defrag_is_on(shard->heap)) {
        defrag->is_at_rest = true; /* what is free is in no sparse page */
        defrag->stage = DEFRAG_IDLE;
        set_running(defrag, false);
        return;
    }
    defrag->walk = (struct keyspace_defrag){0};
    defrag->tables = (struct table_defrag){0};
    defrag->db = 0;
    defrag->stage = DEFRAG_MOVING;
}

/* All blocks were moved and all pages looked at again. */
static void close_cycle(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    const uint64_t wasted = wasted_bytes(defrag);
    const uint64_t gained = wasted < defrag->wasted_before ? defrag->wasted_before - wasted : 0;
    defrag->was_in_vain = heap_defrag_success(shard->heap) < SUCCESS_PERCENT_MIN;
    const int64_t longer_ms = defrag->vain_wait_ms == 0 ? VAIN_WAIT_MIN_MS : 2 * defrag->vain_wait_ms;
    defrag->vain_wait_ms = !defrag->was_in_vain ? 0 : longer_ms < VAIN_WAIT_MAX_MS ? longer_ms : VAIN_WAIT_MAX_MS;
    defrag->is_at_rest = false;
    defrag->freed_seen = heap_freed_steps(shard->heap);
    add_relaxed(&defrag->given_back_bytes, gained);
    add_relaxed(&defrag->cycles, 1);
    defrag->stage = DEFRAG_IDLE;
    set_running(defrag, false);
}

/* One step: a sub-heap, or a part of the walk. */
static void step(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    switch (defrag->stage) {
    case DEFRAG_IDLE:
        break;
    case DEFRAG_LOOKING:
        if (heap_walk_sub_heap(shard->heap, &defrag->pages)) {
            decide(shard);
        }
        break;
    case DEFRAG_PREPARING:
        if (heap_defrag_prepare_step(shard->heap)) {
            begin_moving(shard);
        }
        break;
    case DEFRAG_MOVING:
        assert(heap_defrag_is_on(shard->heap));
        if (move_for_a_step(shard)) {
            heap_defrag_end(shard->heap);
            defrag->pages = (struct heap_walk){0};
            defrag->stage = DEFRAG_CLOSING;
        }
        break;
    case DEFRAG_CLOSING:
        if (heap_walk_sub_heap(shard->heap, &defrag->pages)) {
            close_cycle(shard);
        }
        break;
    }
}

/* Microseconds that it took. */
static int64_t timed_step(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    baton_assert_held(&shard->baton);
    const bool is_look = defrag->stage == DEFRAG_LOOKING;
    const uint64_t start = clock_ticks();
    step(shard);
    const int64_t us = (int64_t)((double)(clock_ticks() - start) / shard->server->ticks_per_us) + 1;
    defrag->look_us += is_look ? us : 0;
    add_relaxed(&defrag->busy_us, (uint64_t)us);
    return us;
}

static void give_up(struct shard *shard)
{
    heap_defrag_end(shard->heap);
    shard->defrag.stage = DEFRAG_IDLE;
    shard->defrag.is_at_rest = false;
    set_running(&shard->defrag, false);
}

/* --- in the background --- */

/* When frees have come to rest with nothing to gain, the empty pages of the thread's buffers go back, once. */
static bool is_worth_a_look(struct shard *shard, int64_t now_ms)
{
    struct defrag *defrag = &shard->defrag;
    const struct config *config = shard->server->config;
    const int64_t since_ms = now_ms - defrag->looked_ms;
    if (since_ms >= 0 && (since_ms < LOOK_MS || since_ms * 1000 < defrag->look_us * LOOK_PARTS)) {
        return false;
    }
    if (defrag->is_at_rest && heap_freed_steps(shard->heap) == defrag->freed_seen &&
        defrag->ignored == config_number(&config->active_defrag_ignore_bytes) / shard->server->shard_count &&
        defrag->lower == config_number(&config->active_defrag_threshold_lower)) {
        if (!defrag->is_collected) {
            thread_heap_collect();
            defrag->is_collected = true;
        }
        return false;
    }
    defrag->is_collected = false;
    return since_ms < 0 || since_ms >= defrag->vain_wait_ms;
}

int64_t defrag_work(struct shard *shard, int64_t now_ms)
{
    struct defrag *defrag = &shard->defrag;
    if (defrag->is_purging) {
        return 0;
    }
    const bool is_on = config_number(&shard->server->config->activedefrag) != 0;
    if (!is_on) {
        if (defrag->stage != DEFRAG_IDLE) {
            give_up(shard);
        }
        return 0;
    }
    if (defrag->stage == DEFRAG_IDLE) {
        if (!is_worth_a_look(shard, now_ms)) {
            return 0;
        }
        defrag->looked_ms = now_ms;
        begin_look(shard);
    } else if (defrag->stage == DEFRAG_MOVING) {
        set_effort(shard);
    }
    const int64_t percent = defrag->stage == DEFRAG_LOOKING ? LOOK_CPU_PERCENT : (int64_t)defrag->cpu_percent;
    assert(percent > 0); /* since the cycle began: set_effort */
    const int64_t us = timed_step(shard);
    return defrag->stage == DEFRAG_IDLE ? 0 : us * (100 - percent) / percent + 1;
}

/* --- MEMORY PURGE --- */

void defrag_purge_begin(struct shard *shard)
{
    give_up(shard);
    shard->defrag.is_purging = true;
    shard->defrag.purge_cycles = 1;
    begin_look(shard);
}

bool defrag_purge_step(struct shard *shard)
{
    struct defrag *defrag = &shard->defrag;
    if (!defrag->is_purging) {
        return true;
    }
    const bool was_closing = defrag->stage == DEFRAG_CLOSING;
    timed_step(shard);
    if (defrag->stage != DEFRAG_IDLE) {
        return false;
    }
    if (!was_closing || defrag->was_in_vain || defrag->purge_cycles == PURGE_CYCLES_MAX) {
        defrag->is_purging = false;
        return true;
    }
    defrag->purge_cycles++;
    begin_look(shard);
    return false;
}

void defrag_purge_end(struct shard *shard)
{
    if (shard->defrag.is_purging) {
        give_up(shard);
        shard->defrag.is_purging = false;
    }
}
