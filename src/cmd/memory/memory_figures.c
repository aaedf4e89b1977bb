/* memory_figures.c - reads the counters and the process's figures, and derives the rest.  */
#include "cmd/memory/memory_figures.h"

#include <string.h>

void memory_walk_shard(struct shard *shard, struct heap_walk *walk)
{
    if (!heap_walk(shard->heap, walk)) {
        *walk = (struct heap_walk){0};
    }
}

static double ratio(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* The classes, and what is a sum of some of them. */
void memory_figures_count(struct server *server, struct memory_figures *out)
{
    *out = (struct memory_figures){0};
    thread_heaps_total(&out->classes);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        mem_counters_add(&out->classes, heap_counters(server->shards[i].heap));
    }
    const int64_t *bytes = out->classes.class_bytes;
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        *(mem_class_is_dataset((enum mem_class)i) ? &out->dataset : &out->overhead) += bytes[i];
    }
    out->used = out->dataset + out->overhead;
    out->clients = bytes[MEM_CLIENT] + bytes[MEM_QUERY_BUFFER] + bytes[MEM_OUTPUT_BUFFER];
    out->scripts = bytes[MEM_SCRIPT];
    out->replication = bytes[MEM_REPLICATION];
    out->log_buffers = bytes[MEM_LOG_BUFFER];
}

/* What the allocator and the system hold for it. A thread's own pages cannot be walked from another thread: its blocks
 * count as they are.  */
static void read_process(struct server *server, const struct heap_walk *walks, struct memory_figures *out)
{
    struct mem_process process;
    mem_process_read(&process);
    out->allocated = out->used;
    out->active = out->used;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        if (walks[i].committed_bytes > walks[i].used_bytes) {
            out->active += (int64_t)(walks[i].committed_bytes - walks[i].used_bytes);
        }
    }
    out->rss = (int64_t)process.resident_bytes;
    out->resident = (int64_t)process.anonymous_bytes;
    out->system = (int64_t)mem_system_bytes();
    out->frag_bytes = out->active - out->allocated;
    out->frag_ratio = ratio(out->active, out->allocated);
    out->rss_gap_bytes = out->resident - out->active;
    out->rss_gap_ratio = ratio(out->resident, out->active);
    out->rss_overhead_bytes = out->rss - out->resident;
    out->rss_overhead_ratio = ratio(out->rss, out->resident);
    out->fragmentation_bytes = out->rss - out->used;
    out->fragmentation_ratio = ratio(out->rss, out->used);
}

void memory_figures_derive(struct server *server, const struct heap_walk *walks, struct memory_figures *out)
{
    read_process(server, walks, out);
    /* Also notes a new peak. */
    const int64_t used_now = server_used_bytes(server);
    const int64_t peak = atomic_load_explicit(&server->used_bytes_peak, memory_order_relaxed);
    out->peak = peak > out->used ? peak : out->used;
    out->peak = out->peak > used_now ? out->peak : used_now;
    out->peak_percent = 100 * ratio(out->used, out->peak);
    out->startup = server->startup_used_bytes;
    const int64_t since_start = out->used - out->startup;
    out->dataset_percent = 100 * ratio(out->dataset, since_start > out->dataset ? since_start : out->dataset);
    out->maxmemory = atomic_load_explicit(&server->config->maxmemory, memory_order_relaxed);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        out->lazyfree_pending += (int64_t)__atomic_load_n(&server->shards[i].lazyfree_pending, __ATOMIC_RELAXED);
        out->lazyfreed += (int64_t)__atomic_load_n(&server->shards[i].lazyfreed, __ATOMIC_RELAXED);
    }
}

void memory_figures_read(struct server *server, const struct heap_walk *walks, struct memory_figures *out)
{
    memory_figures_count(server, out);
    memory_figures_derive(server, walks, out);
}
