/* stepper.h - what goes on in steps on a thread, a little in each turn: jobs, and parts of the jobs of other threads.
 *
 * Threads    The thread itself.
 * Memory     A stepper is embedded in its maker's structure, and lent from stepper_add until stepper_remove.
 * Invariant  Steppers have their steps in turn: who had none in this turn is the first in the next one.
 * Limits     TURN_STEPS_US in a turn, and one step more; one step a stepper at most.  */
#ifndef EXEC_STEPPER_H
#define EXEC_STEPPER_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

struct executor;
struct thread;

enum step_status {
    STEP_MORE,  /* at once, in this turn or the next one */
    STEP_WAIT,  /* until stepper_go_on */
    STEP_PAUSE, /* until resume_ms, which the step has set */
    STEP_ENDED, /* it was removed, and may be gone */
};

struct stepper {
    enum step_status (*step)(struct thread *thread, struct stepper *stepper);
    /* The server stops, and no step follows: removes it. NULL: whoever ends its connection does. */
    void (*leave)(struct thread *thread, struct stepper *stepper);
    struct stepper *previous, *next;
    bool is_waiting;
    int64_t resume_ms; /* wall: it pauses until then */
};

void stepper_add(struct executor *executor, struct stepper *stepper);
void stepper_remove(struct executor *executor, struct stepper *stepper);
/* What it waited for is there. */
static inline void stepper_go_on(struct stepper *stepper)
{
    stepper->is_waiting = false;
}

/* Steps for one turn. Returns true when some want to go on at once. */
bool steppers_step(struct thread *thread);
/* How long the thread may sleep for those that pause; INT64_MAX: none does. */
int64_t steppers_pause_ms(const struct thread *thread);
/* Those that can leave do. */
void steppers_leave(struct thread *thread);

#endif
