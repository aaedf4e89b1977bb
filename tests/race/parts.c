/* Race test: parts of jobs (src/exec/part_run.c) on threads that deliver messages and take steps as a shard thread's turn does. Each
 * thread starts one job after the other; each job's parts count in plain fields, some under the batons of their shards. Jobs run to their
 * end, fail in the middle, or are given up in the middle; then nobody touches their parts any more, and the memory is reused at once.
 *
 * Bounded by count. Exit status 0: passed. */
#include "base/clock.h"
#include "exec/exec.h"
#include "exec/executor.h"
#include "exec/part_run.h"
#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/message.h"
#include "shard/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 4, JOBS = 3000, STEPS_MAX = 60, NO_FAILURE = STEPS_MAX + 1, STEP_SPINS = 200 };

struct test_part {
    struct part part;
    uint32_t steps, wanted, fails_at;
    bool is_failed;
    char *result; /* grows on whichever thread steps */
    uint64_t check;
};

static struct server server;
static struct shard shards[SHARDS];
static struct inbox inboxes[SHARDS];
static struct thread threads[SHARDS];
static struct thread *thread_pointers[SHARDS];
static struct executor executors[SHARDS];
static uint64_t shard_sums[SHARDS]; /* under the batons */
static _Atomic uint32_t threads_done;
static _Atomic int mistakes;

static void expect(bool is_right, const char *what)
{
    if (!is_right) {
        atomic_fetch_add(&mistakes, 1);
        fprintf(stderr, "wrong: %s\n", what);
    }
}

static enum part_status step_part(struct part *base, struct thread *thread)
{
    struct test_part *part = (struct test_part *)base;
    if (part->steps == part->fails_at) {
        part->is_failed = true;
        return PART_FAILED;
    }
    for (volatile int i = 0; i < STEP_SPINS; i++) {
    }
    if (base->takes_baton) {
        shard_sums[base->shard]++;
    }
    part->result = thread_realloc(MEM_SERVER, part->result, part->steps * 8, (part->steps + 1) * 8);
    memset(part->result + part->steps * 8, (int)thread->number, 8);
    part->check += ++part->steps;
    return part->steps == part->wanted ? PART_DONE : PART_MORE;
}

/* What a turn does, but for sleeping. */
static void take_turn(struct thread *thread)
{
    thread->now_ms = clock_wall_ms();
    messages_deliver(thread);
    (void)steppers_step(thread);
}

static void prepare(struct test_part *parts, uint32_t count, unsigned *seed, bool may_fail)
{
    memset(parts, 0, count * sizeof *parts);
    for (uint32_t i = 0; i < count; i++) {
        parts[i].part = (struct part){.step = step_part, .shard = i, .takes_baton = rand_r(seed) % 2 == 0};
        parts[i].wanted = 1 + (uint32_t)rand_r(seed) % STEPS_MAX;
        parts[i].fails_at = may_fail && rand_r(seed) % 4 == 0 ? (uint32_t)rand_r(seed) % STEPS_MAX : NO_FAILURE;
    }
}

static void check_part(struct test_part *part, bool is_complete)
{
    expect(!is_complete || part->steps == part->wanted, "a part that is done has had all of its steps");
    expect(part->check == (uint64_t)part->steps * (part->steps + 1) / 2, "no step of a part is lost");
    if (part->steps > 0) {
        thread_free(MEM_SERVER, part->result, part->steps * 8);
    }
}

/* Gives the steps under batons in *sums. */
static void run_job(struct thread *thread, unsigned *seed, uint64_t sums[SHARDS])
{
    struct test_part *parts = malloc(SHARDS * sizeof *parts); /* the next job's may stand at the same place */
    const int kind = rand_r(seed) % 4;
    uint32_t steps_left = kind == 1 ? (uint32_t)rand_r(seed) % 20 : UINT32_MAX;
    struct job job = {0};
    struct exec exec = {.server = &server, .thread = thread, .job = &job};
    struct stepper stepper = {0};
    bool has_failed = false;
    prepare(parts, SHARDS, seed, kind == 2);
    if (!exec_start_parts(&exec, &parts[0].part, SHARDS, sizeof parts[0], rand_r(seed) % 2 == 0 ? PARTS_LONG : PARTS_MAY_BE_SHORT)) {
        abort();
    }
    enum step_status status = STEP_MORE;
    while (status != STEP_ENDED && steps_left-- > 0) {
        status = parts_step(thread, exec.parts, &stepper);
        stepper.is_waiting = status == STEP_WAIT;
        do {
            take_turn(thread);
            if (stepper.is_waiting) {
                sched_yield();
            }
        } while (stepper.is_waiting);
    }
    (void)parts_end(thread, exec.parts);
    for (uint32_t i = 0; i < SHARDS; i++) {
        has_failed = has_failed || parts[i].is_failed;
    }
    for (uint32_t i = 0; i < SHARDS; i++) {
        sums[i] += parts[i].part.takes_baton ? parts[i].steps : 0;
        check_part(&parts[i], status == STEP_ENDED && !has_failed);
    }
    memset(parts, 0xff, SHARDS * sizeof *parts);
    free(parts);
}

static uint64_t sums_of[SHARDS][SHARDS];

static void *worker(void *arg)
{
    struct thread *thread = arg;
    unsigned seed = thread->number + 1;
    thread_heap_register();
    for (int i = 0; i < JOBS; i++) {
        run_job(thread, &seed, sums_of[thread->number]);
    }
    atomic_fetch_add(&threads_done, 1);
    while (atomic_load(&threads_done) < SHARDS || thread->executor->abroad_count > 0) {
        take_turn(thread);
        steppers_leave(thread);
        sched_yield();
    }
    atomic_fetch_add(&threads_done, 1);
    while (atomic_load(&threads_done) < 2 * SHARDS) { /* what is still on its way goes home */
        take_turn(thread);
        steppers_leave(thread);
        sched_yield();
    }
    expect(thread->executor->steppers == NULL, "nobody is left");
    return NULL;
}

static void set_up(void)
{
    server = (struct server){.shards = shards, .shard_count = SHARDS, .threads = thread_pointers, .inboxes = inboxes};
    server.ticks_per_us = 20; /* steps and offers come soon */
    for (uint32_t i = 0; i < SHARDS; i++) {
        shards[i].number = i;
        shards[i].server = &server;
        thread_pointers[i] = &threads[i];
        threads[i].server = &server;
        threads[i].shard = &shards[i];
        threads[i].number = i;
        threads[i].executor = &executors[i];
        executors[i].resume_ms = INT64_MAX;
    }
}

int main(void)
{
    pthread_t handles[SHARDS];
    uint64_t foreign = 0;
    set_up();
    for (uint32_t i = 0; i < SHARDS; i++) {
        pthread_create(&handles[i], NULL, worker, &threads[i]);
    }
    for (uint32_t i = 0; i < SHARDS; i++) {
        pthread_join(handles[i], NULL);
    }
    for (uint32_t shard = 0; shard < SHARDS; shard++) {
        uint64_t wanted = 0;
        for (uint32_t i = 0; i < SHARDS; i++) {
            wanted += sums_of[i][shard];
        }
        expect(shard_sums[shard] == wanted, "steps under a baton do not get lost");
        foreign += threads[shard].stats.part_steps;
    }
    printf("%llu steps by the threads of the shards\n", (unsigned long long)foreign);
    expect(foreign > 0, "some steps are run by other threads");
    return atomic_load(&mistakes) == 0 ? 0 : 1;
}
