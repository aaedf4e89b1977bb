/* stepper.c - see stepper.h.  */
#include "exec/stepper.h"

#include "base/clock.h"
#include "exec/executor.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>
#include <stddef.h>

enum { TURN_STEPS_US = 200 };

void stepper_add(struct executor *executor, struct stepper *stepper)
{
    stepper->previous = executor->steppers_last;
    stepper->next = NULL;
    if (executor->steppers_last == NULL) {
        executor->steppers = stepper;
    } else {
        executor->steppers_last->next = stepper;
    }
    executor->steppers_last = stepper;
}

void stepper_remove(struct executor *executor, struct stepper *stepper)
{
    if (stepper->previous == NULL) {
        assert(executor->steppers == stepper);
        executor->steppers = stepper->next;
    } else {
        stepper->previous->next = stepper->next;
    }
    if (stepper->next == NULL) {
        executor->steppers_last = stepper->previous;
    } else {
        stepper->next->previous = stepper->previous;
    }
}

static void note_pause(struct executor *executor, const struct stepper *stepper)
{
    executor->resume_ms = stepper->resume_ms < executor->resume_ms ? stepper->resume_ms : executor->resume_ms;
}

/* One step; whoever goes on stands behind all others then. */
static enum step_status take_step(struct thread *thread, struct stepper *stepper)
{
    struct executor *executor = thread->executor;
    const enum step_status status = stepper->step(thread, stepper);
    if (status == STEP_ENDED) {
        return status;
    }
    stepper->is_waiting = status == STEP_WAIT;
    if (UNLIKELY(status == STEP_PAUSE)) {
        note_pause(executor, stepper);
    }
    stepper_remove(executor, stepper);
    stepper_add(executor, stepper);
    return status;
}

bool steppers_step(struct thread *thread)
{
    struct executor *executor = thread->executor;
    executor->resume_ms = INT64_MAX;
    if (LIKELY(executor->steppers == NULL)) {
        return false;
    }
    const uint64_t end = clock_ticks() + (uint64_t)(TURN_STEPS_US * thread->server->ticks_per_us);
    const struct stepper *last = executor->steppers_last; /* those behind it have had their step */
    bool some_want_more = false;
    bool is_last = false;
    struct stepper *next;
    for (struct stepper *stepper = executor->steppers; stepper != NULL && !is_last; stepper = next) {
        next = stepper->next;
        is_last = stepper == last;
        if (stepper->is_waiting) {
            continue;
        }
        if (stepper->resume_ms > thread->now_ms) {
            note_pause(executor, stepper);
            continue;
        }
        if (clock_ticks() >= end) {
            return true;
        }
        some_want_more = take_step(thread, stepper) == STEP_MORE || some_want_more;
    }
    return some_want_more;
}

int64_t steppers_pause_ms(const struct thread *thread)
{
    const struct executor *executor = thread->executor;
    if (LIKELY(executor->resume_ms == INT64_MAX)) {
        return INT64_MAX;
    }
    const int64_t left_ms = executor->resume_ms - thread->now_ms;
    return left_ms > 0 ? left_ms : 0;
}

void steppers_leave(struct thread *thread)
{
    struct stepper *next;
    for (struct stepper *stepper = thread->executor->steppers; stepper != NULL; stepper = next) {
        next = stepper->next;
        if (stepper->leave != NULL) {
            stepper->leave(thread, stepper);
        }
    }
}
