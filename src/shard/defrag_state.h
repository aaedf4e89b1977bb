/* defrag_state.h - what a shard knows about its defragmentation; a part of struct shard. What works with it: defrag.h.
 *
 * Threads    Under the shard's baton; figures are read relaxed by any thread.  */
#ifndef SHARD_DEFRAG_STATE_H
#define SHARD_DEFRAG_STATE_H

#include "data/keyspace.h"
#include "mem/heap.h"
#include "table/table.h"

#include <stdbool.h>
#include <stdint.h>

enum defrag_stage {
    DEFRAG_IDLE,
    DEFRAG_LOOKING,   /* how much of the heap's pages is not used */
    DEFRAG_PREPARING, /* the sparse pages are marked */
    DEFRAG_MOVING,    /* blocks leave them */
    DEFRAG_CLOSING,   /* how much was gained */
};

struct defrag {
    enum defrag_stage stage;
    struct heap_walk pages;      /* looking, closing */
    struct keyspace_defrag walk; /* moving */
    uint32_t db;                 /* whose keyspace it is in; behind the last: the tables follow */
    struct table_defrag tables;
    bool is_running;             /* preparing to closing; read relaxed by any thread */
    bool is_purging;             /* it is MEMORY PURGE's */
    bool is_at_rest;             /* the last look found nothing to gain, */
    bool is_collected;           /* and in the quiet since then free pages went back */
    bool was_in_vain;            /* the last cycle gained little */
    int64_t vain_wait_ms;        /* so wait before the next look */
    unsigned cpu_percent;        /* of this cycle */
    int64_t look_us;             /* what the last look took */
    unsigned purge_cycles;       /* of this MEMORY PURGE */
    uint64_t freed_seen;         /* heap_freed_steps at the last look, */
    int64_t ignored, lower;      /* and the thresholds then */
    int64_t looked_ms;
    uint64_t wasted_before;      /* bytes of pages that were not used when the cycle began */
    uint64_t cycles;             /* since start; these four are read relaxed by any thread */
    uint64_t busy_us;
    uint64_t busy_us_before;     /* when the last cycle began */
    uint64_t given_back_bytes;
};

#endif
