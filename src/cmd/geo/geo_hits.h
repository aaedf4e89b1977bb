/* geo_hits.h - what a search has found, and its order by distance.
 *
 * Ties come in the order that redis-server gives them: all hits are sorted stably; of the first few of many, the order is that of
 * a quicksort which leaves out the parts that are not asked for. Both go in steps.
 *
 * Threads    One at a time.
 * Memory     The thread's own; geo_hits_release gives it back. Members are borrowed.
 * Read on    J. Bentley, D. McIlroy: Engineering a Sort Function (1993).  */
#ifndef CMD_GEO_HITS_H
#define CMD_GEO_HITS_H

#include "base/attributes.h"
#include "encoding/item.h"

#include <stdbool.h>
#include <stdint.h>

struct geo_hit {
    struct item member;
    double distance_m;
    double score;
};

struct geo_range {
    size_t first, count;
};

enum { GEO_RANGES_MAX = 128 }; /* the shorter range is sorted first, so that 64 are enough */

/* All zero: empty. */
struct geo_hits {
    struct geo_hit *hits;
    size_t count, capacity;
    bool is_descending;
    bool is_begun;            /* sorting */
    /* all of them: runs of `width` are in order, those before `merged` of twice that; merged into `spare` */
    struct geo_hit *spare;
    size_t width, merged;
    /* the first `wanted`: what is still to be partitioned */
    size_t wanted;
    struct geo_range ranges[GEO_RANGES_MAX];
    unsigned range_count;
};

/* False: memory was refused. */
MUST_USE bool geo_hits_add(struct geo_hits *hits, const struct geo_hit *hit);
/* Sorts so that the first `wanted` are right, or goes on with it: moves about `steps` hits, but partitions a range in one go.
 * True: they are in order. *is_refused: no memory.  */
MUST_USE bool geo_hits_sort(struct geo_hits *hits, size_t wanted, size_t steps, bool *is_refused);
void geo_hits_release(struct geo_hits *hits);

#endif
