/* Parts of jobs on threads that take turns only when the test says so. */
#include "exec/part_run.h"

#include "base/clock.h"
#include "exec/exec.h"
#include "exec/executor.h"
#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/message.h"
#include "shard/thread.h"

#include <criterion/criterion.h>

enum { SHARDS = 3, HOME = 0, STEPS = 4 };

struct test_part {
    struct part part;
    uint32_t steps, wanted, fails_at;
    uint32_t steps_by[SHARDS];
    bool is_quick;
    void (*inside)(void); /* called in the middle of its first step */
};

static struct server server;
static struct shard shards[SHARDS];
static struct inbox inboxes[SHARDS];
static struct thread threads[SHARDS];
static struct thread *pointers[SHARDS];
static struct executor executors[SHARDS];
static struct test_part parts[SHARDS];
static struct stepper stepper;
static struct job job;
static struct exec exec;

/* Each step takes as long as a step may, but for quick ones. */
static enum part_status step_part(struct part *base, struct thread *thread)
{
    struct test_part *part = (struct test_part *)base;
    cr_assert(!base->takes_baton || baton_is_mine(&shards[base->shard].baton));
    if (part->steps == 0 && part->inside != NULL) {
        part->inside();
    }
    if (part->steps == part->fails_at) {
        return PART_FAILED;
    }
    while (!part->is_quick && !part_step_is_over(thread)) {
    }
    part->steps_by[thread->number]++;
    return ++part->steps == part->wanted ? PART_DONE : PART_MORE;
}

static void set_up(void)
{
    server = (struct server){.shards = shards, .shard_count = SHARDS, .threads = pointers, .inboxes = inboxes, .ticks_per_us = 1000};
    for (uint32_t i = 0; i < SHARDS; i++) {
        shards[i] = (struct shard){.number = i, .server = &server};
        executors[i] = (struct executor){.resume_ms = INT64_MAX};
        threads[i] = (struct thread){.server = &server, .shard = &shards[i], .number = i, .executor = &executors[i]};
        pointers[i] = &threads[i];
        parts[i] = (struct test_part){.part = {.step = step_part, .shard = i, .takes_baton = i == 1}, .wanted = STEPS,
                                      .fails_at = UINT32_MAX};
    }
    stepper = (struct stepper){0};
    exec = (struct exec){.server = &server, .thread = &threads[HOME], .job = &job};
}

static void start(void)
{
    cr_assert(exec_start_parts(&exec, &parts[0].part, SHARDS, sizeof parts[0], PARTS_MAY_BE_SHORT));
}

static enum step_status home_step(void)
{
    return parts_step(&threads[HOME], exec.parts, &stepper);
}

static bool take_turn(uint32_t number)
{
    messages_deliver(&threads[number]);
    return steppers_step(&threads[number]);
}

static void end(void)
{
    (void)parts_end(&threads[HOME], exec.parts);
    exec.parts = NULL;
}

/* All offers come back, and nobody has anything left to do. */
static void check_all_home(void)
{
    for (uint32_t i = SHARDS; i-- > 0;) {
        (void)take_turn(i);
    }
    messages_deliver(&threads[HOME]);
    for (uint32_t i = 0; i < SHARDS; i++) {
        cr_assert_eq(executors[i].abroad_count, 0);
        cr_assert_null(executors[i].steppers);
    }
}

TestSuite(part_run, .init = set_up);

Test(part_run, ends_though_nobody_takes_up_the_offers)
{
    start();
    int steps = 0;
    while (home_step() != STEP_ENDED) {
        steps++;
    }
    cr_assert_eq(steps + 1, SHARDS * STEPS, "no step finds nothing to do");
    for (uint32_t i = 0; i < SHARDS; i++) {
        cr_assert_eq(parts[i].steps_by[HOME], STEPS);
    }
    cr_assert_eq(executors[HOME].abroad_count, SHARDS - 1);
    end();
    check_all_home();
}

Test(part_run, offers_nothing_of_a_job_that_is_short)
{
    for (uint32_t i = 0; i < SHARDS; i++) {
        parts[i].is_quick = true;
    }
    server.ticks_per_us = 1e9; /* as long as it may take here */
    start();
    cr_assert_eq(home_step(), STEP_ENDED);
    end();
    cr_assert(link_is_empty(&threads[1].mailbox) && link_is_empty(&threads[2].mailbox));
    check_all_home();
}

Test(part_run, offers_at_once_what_is_long)
{
    cr_assert(exec_start_parts(&exec, &parts[0].part, SHARDS, sizeof parts[0], PARTS_LONG));
    (void)take_turn(2);
    cr_assert_eq(parts[2].steps_by[2], 1);
    end(); /* before its own thread has taken a step */
    cr_assert_eq(executors[HOME].abroad_count, SHARDS - 1);
    check_all_home();
}

Test(part_run, stays_when_all_offers_are_back_before_its_own_thread_begins)
{
    parts[1].is_quick = parts[2].is_quick = true;
    cr_assert(exec_start_parts(&exec, &parts[0].part, SHARDS, sizeof parts[0], PARTS_LONG));
    for (int i = 0; i < STEPS; i++) {
        (void)take_turn(1);
        (void)take_turn(2);
    }
    messages_deliver(&threads[HOME]);
    cr_assert_eq(executors[HOME].abroad_count, 0);
    while (home_step() != STEP_ENDED) {
    }
    cr_assert_eq(parts[0].steps, STEPS);
    end();
    check_all_home();
}

Test(part_run, is_run_by_the_threads_of_its_shards)
{
    start();
    cr_assert_eq(home_step(), STEP_MORE);
    for (int i = 0; i < STEPS; i++) {
        (void)take_turn(1);
        (void)take_turn(2);
    }
    cr_assert_eq(parts[1].steps_by[1], STEPS);
    cr_assert_eq(parts[2].steps_by[2], STEPS);
    cr_assert_eq(threads[1].stats.part_steps, STEPS);
    while (home_step() != STEP_ENDED) {
    }
    cr_assert_eq(parts[0].steps_by[HOME], STEPS);
    end();
    check_all_home();
}

Test(part_run, leaves_a_failed_job_at_once)
{
    parts[1].fails_at = 1;
    start();
    cr_assert_eq(home_step(), STEP_MORE);
    (void)take_turn(1);
    (void)take_turn(1);
    cr_assert_eq(home_step(), STEP_ENDED);
    end();
    cr_assert_eq(parts[0].steps, 1);
    check_all_home();
    cr_assert_eq(parts[2].steps, 0, "an offer that comes too late is not taken up");
}

Test(part_run, gives_up_parts_in_the_middle)
{
    start();
    cr_assert_eq(home_step(), STEP_MORE);
    (void)take_turn(1);
    end();
    const uint32_t steps = parts[1].steps;
    check_all_home();
    cr_assert_eq(parts[1].steps, steps);
    cr_assert_eq(parts[2].steps, 0);
}

/* Home has nothing to do but wait for the part under way. */
static void wait_at_home(void)
{
    enum step_status status;
    while ((status = home_step()) == STEP_MORE) {
    }
    cr_assert_eq(status, STEP_WAIT);
    stepper.is_waiting = true;
}

Test(part_run, tells_home_that_waits_for_the_step_under_way)
{
    server.ticks_per_us = 1;
    parts[2].inside = wait_at_home;
    start();
    cr_assert_eq(home_step(), STEP_MORE);
    while (parts[1].steps < STEPS) {
        (void)take_turn(1);
    }
    while (parts[2].steps == 0) { /* such a short turn may be over before its first step */
        (void)take_turn(2);
    }
    cr_assert(stepper.is_waiting);
    messages_deliver(&threads[HOME]);
    cr_assert(!stepper.is_waiting, "home was told");
    while (home_step() != STEP_ENDED) {
    }
    cr_assert_eq(parts[2].steps, STEPS);
    end();
    check_all_home();
}

static void turn_of_the_other(void)
{
    cr_assert(!take_turn(2), "it does not look again and again");
    cr_assert_eq(executors[2].resume_ms, threads[2].now_ms + 1);
}

Test(part_run, is_left_alone_while_home_works_on_it)
{
    parts[2].inside = turn_of_the_other;
    start();
    while (home_step() != STEP_ENDED) {
    }
    cr_assert_eq(parts[2].steps_by[HOME], STEPS);
    end();
    threads[2].now_ms += 1;
    check_all_home();
}

Test(part_run, goes_home_when_the_server_stops)
{
    start();
    cr_assert_eq(home_step(), STEP_MORE);
    (void)take_turn(1);
    messages_deliver(&threads[2]);
    steppers_leave(&threads[1]);
    steppers_leave(&threads[2]);
    messages_deliver(&threads[HOME]);
    cr_assert_eq(executors[HOME].abroad_count, 0);
    end();
    check_all_home();
}

Test(part_run, runs_inside_another_command_under_its_batons)
{
    executors[HOME].step_ends_ticks = 0;
    start();
    cr_assert(!parts_run_inside(&threads[HOME], exec.parts), "one takes a baton that is not held");
    cr_assert_eq(parts[0].steps, 0);
    baton_take(&shards[1].baton);
    cr_assert(parts_run_inside(&threads[HOME], exec.parts));
    baton_release(&shards[1].baton);
    end();
    for (uint32_t i = 0; i < SHARDS; i++) {
        cr_assert_eq(parts[i].steps, STEPS);
    }
    check_all_home();
}
