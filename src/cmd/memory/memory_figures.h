/* memory_figures.h - the server's memory at one moment, from the exact counters: what INFO memory, MEMORY STATS and
 * MEMORY DOCTOR print.
 *
 * Threads    Any; no baton, unless the figures are to show no part of a command: then memory_figures_count is called under all, by itself
 *            (the rest asks the system). The counters are read once, so that the figures agree with each other: used is overhead plus
 *            dataset, and is the sum of the classes.  */
#ifndef CMD_MEMORY_FIGURES_H
#define CMD_MEMORY_FIGURES_H

#include "mem/heap.h"
#include "shard/server.h"

/* Bytes, and ratios between them. The types are those of the replies: every figure is an int64_t or a double. */
struct memory_figures {
    struct mem_counters classes;  /* shards and threads together */
    int64_t used, peak, startup, overhead, dataset;
    int64_t clients;              /* connections with their query and output buffers */
    int64_t scripts, replication, log_buffers;
    int64_t allocated, active, resident, rss; /* asked of the allocator; in pages with blocks; anonymous; all resident */
    int64_t system, maxmemory;
    int64_t frag_bytes, rss_gap_bytes, rss_overhead_bytes, fragmentation_bytes;
    double frag_ratio, rss_gap_ratio, rss_overhead_ratio, fragmentation_ratio;
    double peak_percent, dataset_percent;
    int64_t lazyfree_pending, lazyfreed;
};

/* One shard's heap. The holder of its baton. `walk` is zeroed when this build has no walk. Cost: 25 ns for each 64 KiB. */
void memory_walk_shard(struct shard *shard, struct heap_walk *walk) REQUIRES(shard->baton);

/* The first half: the counters. */
void memory_figures_count(struct server *server, struct memory_figures *out);
/* The second: the rest. `walks`: one for each shard, made just before. */
void memory_figures_derive(struct server *server, const struct heap_walk *walks, struct memory_figures *out);
/* Both. */
void memory_figures_read(struct server *server, const struct heap_walk *walks, struct memory_figures *out);

#endif
