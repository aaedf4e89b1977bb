/* baton.c - one holder at a time, and only that thread passes for it.  */
#include "shard/baton.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>

static void *try_elsewhere(void *arg) NO_THREAD_SAFETY_ANALYSIS
{
    struct baton *baton = arg;
    cr_expect_not(baton_is_mine(baton));
    cr_expect_not(baton_try(baton));
    cr_expect_not(baton_try_for(baton, 3));
    return NULL;
}

Test(baton, is_held_by_the_thread_that_took_it) NO_THREAD_SAFETY_ANALYSIS
{
    struct baton baton = {0};
    cr_assert_not(baton_is_mine(&baton));
    cr_assert(baton_try(&baton));
    cr_assert(baton_is_mine(&baton));
    baton_assert_held(&baton);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, try_elsewhere, &baton), 0);
    pthread_join(thread, NULL);
    baton_release(&baton);
    cr_assert_not(baton_is_mine(&baton));
    baton_take(&baton);
    cr_assert_not(baton_try(&baton), "not twice, not even by its holder");
    baton_release(&baton);
}

static void *hold(void *arg) NO_THREAD_SAFETY_ANALYSIS
{
    baton_take(arg);
    return NULL;
}

/* A baton that another thread holds. */
static void hold_elsewhere(struct baton *baton)
{
    pthread_t thread;
    pthread_create(&thread, NULL, hold, baton);
    pthread_join(thread, NULL);
}

Test(baton, is_not_held_because_somebody_holds_it, .signal = SIGABRT)
{
    struct baton baton = {0};
    hold_elsewhere(&baton);
    baton_assert_held(&baton);
}

Test(baton, is_given_up_by_its_holder_only, .signal = SIGABRT) NO_THREAD_SAFETY_ANALYSIS
{
    struct baton baton = {0};
    hold_elsewhere(&baton);
    baton_release(&baton);
}

Test(baton, is_not_waited_for_by_its_holder, .signal = SIGABRT) NO_THREAD_SAFETY_ANALYSIS
{
    struct baton baton = {0};
    baton_take(&baton);
    baton_take(&baton);
}
