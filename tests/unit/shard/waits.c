/* Queues of waiters against a naive model: an array of queues, searched from the front. */
#include "mem/heap.h"
#include "shard/waits.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WAITERS = 300, SUBJECTS = 40, STEPS = 200000 };

struct person {
    struct waiter waiter;
    uint32_t called; /* times */
    int64_t since;   /* when it came */
    uint64_t ticket; /* its number among those who joined */
};

static void be_called(struct waiter *waiter, void *caller)
{
    struct person *person = (struct person *)waiter;
    person->called++;
    (*(uint32_t *)caller)++;
}

static struct wait_subject subject_of(unsigned number)
{
    return (struct wait_subject){number / 2 * UINT64_C(0x123456789), number % 2 == 0 ? WAIT_KEY : WAIT_TABLE};
}

static bool is_in(const struct person *person, struct wait_subject subject)
{
    return person->waiter.waits != NULL && person->waiter.subject.number == subject.number &&
           person->waiter.subject.kind == subject.kind;
}

/* Those who hold something come before the others, which stand by when they came. */
static int by_place(const void *a, const void *b)
{
    const struct person *one = *(struct person *const *)a, *other = *(struct person *const *)b;
    const bool is_holding = one->waiter.group == WAIT_HOLDING, is_other_holding = other->waiter.group == WAIT_HOLDING;
    if (is_holding != is_other_holding) {
        return is_holding ? -1 : 1;
    }
    if (!is_holding && one->since != other->since) {
        return one->since < other->since ? -1 : 1;
    }
    return one->ticket < other->ticket ? -1 : 1;
}

/* Whoever should be called now: the first in this order, and those of its group right behind it. Returns how many are there. */
static uint32_t model_queue(struct person *people, struct wait_subject subject, struct person *queue[WAITERS], uint32_t *called)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < WAITERS; i++) {
        if (is_in(&people[i], subject)) {
            queue[count++] = &people[i];
        }
    }
    qsort(queue, count, sizeof queue[0], by_place);
    *called = count > 0 ? 1 : 0;
    while (*called > 0 && *called < count && queue[0]->waiter.group != WAIT_ALONE &&
           queue[*called]->waiter.group == queue[0]->waiter.group) {
        (*called)++;
    }
    return count;
}

static void check_called(struct person *people, struct wait_subject subject)
{
    struct person *queue[WAITERS];
    uint32_t called;
    model_queue(people, subject, queue, &called);
    for (uint32_t i = 0; i < called; i++) {
        cr_assert(queue[i]->waiter.is_called, "waiter %u of the queue should have been called", i);
    }
}

static void check_others(const struct waits *waits, struct person *people, struct wait_subject subject, enum wait_group group,
                         int64_t since)
{
    struct person *queue[WAITERS];
    uint32_t called;
    const uint32_t count = model_queue(people, subject, queue, &called);
    bool expected = false, expected_before = false;
    for (uint32_t i = 0; i < count; i++) {
        const bool is_other = group == WAIT_ALONE || queue[i]->waiter.group != group;
        const bool is_before = queue[i]->waiter.group == WAIT_HOLDING || (group != WAIT_HOLDING && queue[i]->since <= since);
        expected |= is_other;
        expected_before |= is_other && is_before;
    }
    cr_assert_eq(waits_has_others(waits, subject, group), expected);
    cr_assert_eq(waits_has_others_before(waits, subject, group, since), expected_before);
}

Test(waits, serves_each_queue_in_the_order_of_arrival)
{
    const unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
    cr_assert_not_null(thread_heap_register());
    static struct person people[WAITERS];
    struct waits waits = {0};
    uint32_t calls = 0;
    uint64_t ticket = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        struct person *person = &people[rand() % WAITERS];
        const struct wait_subject subject = subject_of((unsigned)rand() % SUBJECTS);
        if (person->waiter.waits == NULL) {
            person->waiter.group = (uint8_t)(rand() % WAIT_GROUPS);
            person->waiter.call = be_called;
            person->ticket = ++ticket;
            person->since = rand() % 3 == 0 ? rand() % (int64_t)(step + 1) : (int64_t)step; /* some have waited elsewhere before */
            cr_assert(waits_join(&waits, &person->waiter, subject, person->since));
        } else if (rand() % 2 == 0) {
            const struct wait_subject left = person->waiter.subject;
            struct person *queue[WAITERS];
            uint32_t called;
            model_queue(people, left, queue, &called);
            const bool was_called = person->waiter.is_called || queue[0] == person;
            waits_leave(&person->waiter, (int64_t)step, &calls);
            if (was_called) {
                check_called(people, left);
            }
        } else if (person->waiter.is_called) {
            waits_stay(&person->waiter);
        } else {
            waits_call(&waits, subject, &calls);
            check_called(people, subject);
        }
        check_others(&waits, people, subject, (enum wait_group)(rand() % WAIT_GROUPS), rand() % (int64_t)(step + 1));
    }
    uint64_t waiting = 0;
    for (unsigned i = 0; i < WAITERS; i++) {
        waiting += people[i].waiter.waits != NULL;
    }
    cr_assert_eq(waits.waiter_count, waiting);
    cr_assert_gt(calls, 0u);
    for (unsigned i = 0; i < WAITERS; i++) {
        if (people[i].waiter.waits != NULL) {
            waits_leave(&people[i].waiter, STEPS, &calls);
        }
    }
    cr_assert_eq(waits.queue_count, 0u);
    waits_close(&waits);
}

Test(waits, knows_who_has_waited_longest)
{
    cr_assert_not_null(thread_heap_register());
    struct waits waits = {0};
    uint32_t calls = 0;
    struct person first = {.waiter.call = be_called}, second = {.waiter.call = be_called};
    cr_assert_eq(waits_longest_now_us(&waits, 100), 0);
    cr_assert(waits_join(&waits, &first.waiter, subject_of(1), 100));
    cr_assert(waits_join(&waits, &second.waiter, subject_of(2), 150));
    cr_assert_eq(waits_longest_now_us(&waits, 400), 300);
    struct person holding = {.waiter = {.call = be_called, .group = WAIT_HOLDING}};
    cr_assert(waits_join(&waits, &holding.waiter, subject_of(1), 200));
    cr_assert_eq(waits_longest_now_us(&waits, 400), 300);
    waits_leave(&holding.waiter, 400, &calls);
    waits_leave(&first.waiter, 400, &calls);
    cr_assert_eq(waits_longest_now_us(&waits, 400), 250);
    waits_leave(&second.waiter, 400, &calls);
    cr_assert_eq(waits.longest_us, 300u);
    waits_close(&waits);
}
