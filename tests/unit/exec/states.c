/* states.c - the drawings of call.h and window.h: which changes are allowed, and that others are caught.  */
#include "exec/call.h"
#include "exec/window.h"
#include "shard/shard_set.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { CALL_STATES = CALL_ABROAD + 1 };

/* A row for each state: those to which it may change. */
static const unsigned drawn[CALL_STATES] = {
    [CALL_READY] = CALL_FROM(CALL_PLACED) | CALL_FROM(CALL_QUEUED) | CALL_FROM(CALL_DONE) | CALL_FROM(CALL_DEFERRED) |
                   CALL_FROM(CALL_WAITING) | CALL_FROM(CALL_REROUTE) | CALL_FROM(CALL_STARTED) | CALL_FROM(CALL_ABROAD),
    [CALL_PLACED] = CALL_FROM(CALL_QUEUED),
    [CALL_QUEUED] = CALL_FROM(CALL_DONE) | CALL_FROM(CALL_DEFERRED) | CALL_FROM(CALL_WAITING) | CALL_FROM(CALL_REROUTE) |
                    CALL_FROM(CALL_STARTED),
    [CALL_DONE] = 0,
    [CALL_DEFERRED] = CALL_FROM(CALL_PLACED) | CALL_FROM(CALL_QUEUED) | CALL_FROM(CALL_DONE) | CALL_FROM(CALL_DEFERRED) |
                      CALL_FROM(CALL_WAITING) | CALL_FROM(CALL_REROUTE) | CALL_FROM(CALL_STARTED) | CALL_FROM(CALL_ABROAD),
    [CALL_WAITING] = CALL_FROM(CALL_PLACED) | CALL_FROM(CALL_QUEUED) | CALL_FROM(CALL_DONE) | CALL_FROM(CALL_DEFERRED) |
                     CALL_FROM(CALL_WAITING) | CALL_FROM(CALL_REROUTE) | CALL_FROM(CALL_STARTED) | CALL_FROM(CALL_ABROAD),
    [CALL_REROUTE] = CALL_FROM(CALL_PLACED) | CALL_FROM(CALL_QUEUED) | CALL_FROM(CALL_DONE) | CALL_FROM(CALL_DEFERRED) |
                     CALL_FROM(CALL_WAITING) | CALL_FROM(CALL_REROUTE) | CALL_FROM(CALL_STARTED) | CALL_FROM(CALL_ABROAD),
    [CALL_STARTED] = CALL_FROM(CALL_JOB) | CALL_FROM(CALL_DONE) | CALL_FROM(CALL_DEFERRED),
    [CALL_JOB] = CALL_FROM(CALL_DONE),
    [CALL_ABROAD] = CALL_FROM(CALL_DONE) | CALL_FROM(CALL_STARTED),
};

Test(states, a_call_changes_as_drawn)
{
    for (unsigned from = 0; from < CALL_STATES; from++) {
        for (unsigned to = 0; to < CALL_STATES; to++) {
            const bool is_allowed = (call_states_before((enum call_state)to) & CALL_FROM(from)) != 0;
            cr_assert_eq(is_allowed, (drawn[from] & CALL_FROM(to)) != 0, "from %u to %u", from, to);
        }
    }
}

Test(states, an_answered_call_never_runs_again, .signal = SIGABRT)
{
    struct call call = {.state = CALL_DONE};
    call_enter(&call, CALL_QUEUED);
}

Test(states, a_window_is_parked_and_resumed_again_and_again)
{
    struct window window = {.state = WINDOW_IN_ROUND};
    for (int i = 0; i < 3; i++) {
        window_enter(&window, WINDOW_PARKED);
        window_enter(&window, WINDOW_RESUMED);
    }
    cr_assert_eq(window.state, WINDOW_RESUMED);
}

Test(states, a_window_with_calls_in_a_batch_is_not_parked, .signal = SIGABRT)
{
    struct window window = {.state = WINDOW_IN_ROUND, .queued = 1};
    window_enter(&window, WINDOW_PARKED);
}

Test(states, a_cut_holds_on_its_shard_and_on_those_that_share_its_bit)
{
    struct window window = {0};
    window_cut(&window, 70);
    for (uint32_t shard = 0; shard < SHARD_COUNT_MAX; shard++) {
        cr_assert_eq(window_is_cut(&window, shard), shard % 64 == 6, "shard %u", shard);
    }
    window.is_spread = true; /* strict order: on all shards */
    window_cut(&window, 0);
    for (uint32_t shard = 0; shard < SHARD_COUNT_MAX; shard++) {
        cr_assert(window_is_cut(&window, shard));
    }
}
