/* background.h - what a thread does besides commands: a table of tasks, each with a state of its own.
 *
 *   task                period          does
 *   lazy free           when there is   a step of what was taken out of the shard and is freed in steps
 *   unmap               when there is   long blocks that were freed go back to the system
 *   expiry              10 ms           removes keys whose time has come
 *   eviction            when due        keys go while there is too much memory: shard/evict.h
 *   defragmentation     as it says      a step of shard/defrag.h
 *   tables              as it says      rows leave sparse pages of tables: table/compaction.h
 *   biggest keys        200 ms          the list of them is filled when too few are left: data/key_top.h
 *   connections         hz              limits of connections: client/limits.h
 *   spare memory        hz              buffers that nobody needed go; levels for INFO, the peak of used_memory
 *   rates               100 ms          INFO's instantaneous_*; thread 0
 *   snapshots           as they say     a step of the own shard's part; thread 0 begins and ends them: snapshot/snapshot.h
 *   loading             while it goes   a share of the file, STEP_US of it: snapshot/loading.h
 *   log                 100 ms          the own shard's: syncs, marks; at the start it is repeated: appendonly/appendonly.h
 *   end                 20 ms           a last snapshot, when the server is to end; thread 0: snapshot/ending.h
 *   memory history      1 s             a sample of the server's memory; thread 0
 *
 * A new task is a row of background.c, and a member of struct background if it has a state.
 *
 * Threads    The thread's own, once a turn.
 * Limits     About 50 us for each task in a turn; a task that is due while another thread holds the shard is due again in the next turn.  */
#ifndef LOOP_BACKGROUND_H
#define LOOP_BACKGROUND_H

#include "table/compaction.h"

#include <stdbool.h>
#include <stdint.h>

struct thread;

enum { BACKGROUND_TASKS = 18 };

struct background {
    int64_t due_us[BACKGROUND_TASKS]; /* monotonic: not before; 0: in each turn */
    uint32_t each_turn;               /* 1 << task: it wants to run in the next turn */
    int64_t first_us;                 /* when the first of the others is due */
    struct {
        uint32_t db;                 /* where the next step begins */
        bool is_more;                /* the last one did not find the end of what is due */
    } expiry;
    struct {
        uint32_t put_off;            /* turns that were too long for it, in a row */
        bool is_running;             /* a cycle is running in the own shard */
    } defrag;
    struct table_compaction compaction;
};

/* Runs what is due. `turn_ticks`: when the turn began. Returns for how many microseconds the thread may sleep, as far as the tasks go; 0:
 * some want to go on at once.  */
int64_t background_run(struct thread *thread, struct background *background, uint64_t turn_ticks);

#endif
