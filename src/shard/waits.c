/* waits.c - see waits.h.  */
#include "shard/waits.h"

#include "base/check.h"
#include "mem/heap.h"

#include <assert.h>
#include <string.h>

enum { FIRST_PLACES = 16, QUEUES_PER_PLACE = 2 };

static uint32_t place_of(const struct waits *waits, struct wait_subject subject)
{
    uint64_t mixed = (subject.number ^ (uint64_t)subject.kind << 56) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32) & (waits->place_count - 1);
}

static bool is_same(struct wait_subject a, struct wait_subject b)
{
    return a.number == b.number && a.kind == b.kind;
}

static struct waiter *first_of(const struct waits *waits, struct wait_subject subject)
{
    struct waiter *first = waits->place_count == 0 ? NULL : waits->queues[place_of(waits, subject)];
    while (first != NULL && !is_same(first->subject, subject)) {
        first = first->next_queue;
    }
    return first;
}

static void count_waiter(struct waits *waits, uint32_t kind, int64_t change)
{
    assert(change > 0 || waits->of_kind[kind] > 0);
    __atomic_store_n(&waits->waiter_count, waits->waiter_count + (uint64_t)change, __ATOMIC_RELAXED);
    __atomic_store_n(&waits->of_kind[kind], waits->of_kind[kind] + (uint64_t)change, __ATOMIC_RELAXED);
}

static uint64_t queue_count_of(const struct waiter *first)
{
    uint64_t count = 0;
    for (unsigned group = 0; group < WAIT_GROUPS; group++) {
        count += first->in_group[group];
    }
    return count;
}

/* Does the waiter stand before one of `group` that came at `since_us` and joins now? */
static bool goes_before(const struct waiter *waiter, uint8_t group, int64_t since_us)
{
    return waiter->group == WAIT_HOLDING || (group != WAIT_HOLDING && waiter->since_us <= since_us);
}

/* W2; all wait for the same, and in_group counts them. */
static bool queue_is_valid(const struct waiter *first)
{
    uint32_t in_group[WAIT_GROUPS] = {0};
    const struct waiter *waiter = first;
    do {
        assert(waiter->waits == first->waits);
        assert(is_same(waiter->subject, first->subject));
        assert(waiter->next->previous == waiter);
        assert(waiter == first || goes_before(waiter->previous, waiter->group, waiter->since_us));
        in_group[waiter->group]++;
        waiter = waiter->next;
    } while (waiter != first);
    assert(memcmp(in_group, first->in_group, sizeof in_group) == 0);
    return true;
}

static bool queue_is_valid_if_due(const struct waits *waits, const struct waiter *first)
{
    return !check_is_due(queue_count_of(first) * sizeof *first, waits->waiter_count) || queue_is_valid(first);
}

/* --- the table of queues --- */

static void put_queue(struct waits *waits, struct waiter *first)
{
    struct waiter **place = &waits->queues[place_of(waits, first->subject)];
    first->next_queue = *place;
    *place = first;
}

/* The place that points to the queue's first waiter. */
static struct waiter **link_to(struct waits *waits, const struct waiter *first)
{
    struct waiter **link = &waits->queues[place_of(waits, first->subject)];
    while (*link != first) {
        assert(*link != NULL);
        link = &(*link)->next_queue;
    }
    return link;
}

static bool grow(struct waits *waits, uint32_t place_count)
{
    struct waiter **queues = thread_alloc_zeroed(MEM_SERVER, place_count * sizeof *queues);
    if (queues == NULL) {
        return false;
    }
    struct waits old = *waits;
    waits->queues = queues;
    waits->place_count = place_count;
    for (uint32_t i = 0; i < old.place_count; i++) {
        struct waiter *next;
        for (struct waiter *first = old.queues[i]; first != NULL; first = next) {
            next = first->next_queue;
            put_queue(waits, first);
        }
    }
    thread_free(MEM_SERVER, old.queues, old.place_count * sizeof *queues);
    return true;
}

void waits_close(struct waits *waits)
{
    assert(waits->waiter_count == 0 && waits->queue_count == 0);
    thread_free(MEM_SERVER, waits->queues, waits->place_count * sizeof *waits->queues);
    waits->queues = NULL;
    waits->place_count = 0;
}

/* --- calling --- */

static void call_one(struct waiter *waiter, void *caller)
{
    if (!waiter->is_called) {
        waiter->is_called = true;
        waiter->call(waiter, caller);
    }
}

/* The first one, and those right behind it that may go with it. */
static void call_first(struct waiter *first, void *caller)
{
    struct waiter *waiter = first;
    do {
        call_one(waiter, caller);
        waiter = waiter->next;
    } while (waiter != first && first->group != WAIT_ALONE && waiter->group == first->group);
}

void waits_call(struct waits *waits, struct wait_subject subject, void *caller)
{
    if (LIKELY(!waits_any(waits))) {
        return;
    }
    struct waiter *first = first_of(waits, subject);
    if (first != NULL) {
        call_first(first, caller);
    }
}

/* --- joining and leaving --- */

/* Behind whom the waiter goes: searched from the end, where newcomers go. NULL: it becomes the first. */
static struct waiter *place_in(struct waiter *first, const struct waiter *waiter)
{
    struct waiter *behind = first->previous;
    while (!goes_before(behind, waiter->group, waiter->since_us)) {
        if (behind == first) {
            return NULL;
        }
        behind = behind->previous;
    }
    return behind;
}

static void link_behind(struct waiter *waiter, struct waiter *behind)
{
    waiter->previous = behind;
    waiter->next = behind->next;
    behind->next->previous = waiter;
    behind->next = waiter;
}

/* Gives the first one. */
static struct waiter *join_queue(struct waits *waits, struct waiter *waiter, struct waiter *first)
{
    struct waiter *behind = place_in(first, waiter);
    if (behind != NULL) {
        link_behind(waiter, behind);
        return first;
    }
    link_behind(waiter, first->previous);
    *link_to(waits, first) = waiter;
    waiter->next_queue = first->next_queue;
    memmove(waiter->in_group, first->in_group, sizeof waiter->in_group);
    return waiter;
}

bool waits_join(struct waits *waits, struct waiter *waiter, struct wait_subject subject, int64_t since_us)
{
    assert(waiter->waits == NULL && waiter->call != NULL);
    assert(subject.kind < WAIT_KINDS && waiter->group < WAIT_GROUPS);
    if (waits->queue_count >= QUEUES_PER_PLACE * waits->place_count &&
        !grow(waits, waits->place_count == 0 ? FIRST_PLACES : 2 * waits->place_count) && waits->place_count == 0) {
        return false;
    }
    waiter->waits = waits;
    waiter->subject = subject;
    waiter->since_us = since_us;
    waiter->is_called = false;
    struct waiter *first = first_of(waits, subject);
    if (first == NULL) {
        waiter->next = waiter->previous = waiter;
        memset(waiter->in_group, 0, sizeof waiter->in_group);
        put_queue(waits, waiter);
        first = waiter;
        waits->queue_count++;
    } else {
        first = join_queue(waits, waiter, first);
    }
    first->in_group[waiter->group]++;
    count_waiter(waits, subject.kind, 1);
    debug_assert(queue_is_valid_if_due(waits, first));
    return true;
}

void waits_leave(struct waiter *waiter, int64_t now_us, void *caller)
{
    struct waits *waits = waiter->waits;
    assert(waits != NULL);
    const uint64_t waited_us = now_us > waiter->since_us ? (uint64_t)(now_us - waiter->since_us) : 0;
    if (waited_us > waits->longest_us) {
        __atomic_store_n(&waits->longest_us, waited_us, __ATOMIC_RELAXED);
    }
    const struct wait_subject subject = waiter->subject;
    const bool is_last = waiter->next == waiter;
    struct waiter *first = first_of(waits, subject);
    assert(first != NULL); /* W1 */
    assert(first->in_group[waiter->group] > 0);
    first->in_group[waiter->group]--;
    if (first == waiter) {
        struct waiter **link = link_to(waits, waiter);
        *link = is_last ? waiter->next_queue : waiter->next;
        waiter->next->next_queue = waiter->next_queue;
        memmove(waiter->next->in_group, waiter->in_group, sizeof waiter->in_group);
    }
    const struct waiter *rest = first == waiter ? waiter->next : first;
    waits->queue_count -= is_last;
    waiter->next->previous = waiter->previous;
    waiter->previous->next = waiter->next;
    waiter->next = waiter->previous = NULL;
    waiter->waits = NULL;
    count_waiter(waits, subject.kind, -1);
    debug_assert(is_last || queue_is_valid_if_due(waits, rest));
    if (!is_last && (waiter->is_called || first == waiter)) {
        waits_call(waits, subject, caller);
    }
}

void waits_stay(struct waiter *waiter)
{
    assert(waiter->waits != NULL);
    waiter->is_called = false;
}

/* --- questions --- */

static bool may_go_together(uint32_t a, uint32_t b)
{
    return a == b && a != WAIT_ALONE;
}

/* `first` may be NULL. */
static bool queue_has_others(const struct waiter *first, enum wait_group group)
{
    bool has_others = false;
    for (unsigned other = 0; other < WAIT_GROUPS && first != NULL; other++) {
        has_others |= !may_go_together(other, group) && first->in_group[other] > 0;
    }
    return has_others;
}

bool waits_has_others(const struct waits *waits, struct wait_subject subject, enum wait_group group)
{
    return waits_any(waits) && queue_has_others(first_of(waits, subject), group);
}

bool waits_has_others_before(const struct waits *waits, struct wait_subject subject, enum wait_group group, int64_t since_us)
{
    const struct waiter *first = waits_any(waits) ? first_of(waits, subject) : NULL;
    if (!queue_has_others(first, group)) {
        return false;
    }
    const struct waiter *waiter = first;
    while (goes_before(waiter, (uint8_t)group, since_us)) {
        if (!may_go_together(waiter->group, group)) {
            return true;
        }
        waiter = waiter->next;
        if (waiter == first) {
            break;
        }
    }
    return false;
}

/* The one that came first: the first of the queue, or the first that is not HOLDING. */
static const struct waiter *first_to_come(const struct waiter *first)
{
    const struct waiter *waiter = first;
    while (waiter->group == WAIT_HOLDING && waiter->next != first) {
        waiter = waiter->next;
    }
    return waiter->since_us < first->since_us ? waiter : first;
}

int64_t waits_longest_now_us(const struct waits *waits, int64_t now_us)
{
    int64_t longest_us = 0;
    for (uint32_t i = 0; i < waits->place_count; i++) {
        for (const struct waiter *first = waits->queues[i]; first != NULL; first = first->next_queue) {
            const int64_t waited_us = now_us - first_to_come(first)->since_us;
            longest_us = waited_us > longest_us ? waited_us : longest_us;
        }
    }
    return longest_us;
}
