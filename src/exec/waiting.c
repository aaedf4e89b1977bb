/* waiting.c - see waiting.h.  */
#include "exec/waiting.h"

#include "base/clock.h"
#include "exec/window.h"
#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>

static void ticket_free(struct ticket *ticket)
{
    thread_free(MEM_CLIENT, ticket, sizeof *ticket);
}

static void deliver(struct thread *thread, struct message *message)
{
    struct ticket *ticket = (struct ticket *)((char *)message - offsetof(struct ticket, message));
    assert(thread == ticket->home);
    if (ticket->is_given_up) {
        ticket_free(ticket);
        return;
    }
    /* Whoever runs the call elsewhere, since its window goes on for another reason, may see that it is told, and free the ticket. */
    ticket_told_fn *const told = ticket->told;
    void *const owner = ticket->owner;
    atomic_store_explicit(&ticket->is_told, true, memory_order_release);
    told(thread, owner);
}

static void call_ticket(struct waiter *waiter, void *caller)
{
    struct ticket *ticket = (struct ticket *)waiter;
    message_send(caller, ticket->home, &ticket->message);
}

static bool is_for(const struct ticket *ticket, const struct shard *shard, uint32_t kind, uint64_t number)
{
    const struct wait_subject *subject = &ticket->waiter.subject;
    return ticket->shard == shard && subject->kind == kind && subject->number == number;
}

struct ticket *ticket_wait(const struct exec *exec, struct ticket *ticket, struct thread *home, ticket_told_fn *told, void *owner)
{
    const struct exec_wait *wait = &exec->wait;
    struct shard *shard = wait->shard;
    assert(shard != NULL); /* whoever waits has said for what: exec_wait_for */
    baton_assert_held(&shard->baton);
    if (ticket != NULL && is_for(ticket, shard, wait->kind, wait->number)) {
        atomic_store_explicit(&ticket->is_told, false, memory_order_relaxed);
        waits_stay(&ticket->waiter);
        return ticket;
    }
    const int64_t since_us = ticket != NULL ? ticket->waiter.since_us : clock_monotonic_us();
    if (ticket != NULL) {
        ticket_leave(ticket, exec->thread);
    }
    ticket = thread_alloc_zeroed(MEM_CLIENT, sizeof *ticket);
    if (ticket == NULL) {
        return NULL;
    }
    ticket->waiter.call = call_ticket;
    ticket->waiter.group = wait->group;
    ticket->message.deliver = deliver;
    ticket->home = home;
    ticket->shard = shard;
    ticket->told = told;
    ticket->owner = owner;
    const struct wait_subject subject = {wait->number, wait->kind};
    if (!waits_join(&shard->waits, &ticket->waiter, subject, since_us)) {
        ticket_free(ticket);
        return NULL;
    }
    return ticket;
}

void ticket_leave(struct ticket *ticket, struct thread *thread)
{
    baton_assert_held(&ticket->shard->baton);
    assert(ticket_is_told(ticket)); /* no message is under way */
    waits_leave(&ticket->waiter, clock_monotonic_us(), thread);
    ticket_free(ticket);
}

void ticket_give_up(struct ticket *ticket, struct thread *thread)
{
    struct shard *shard = ticket->shard;
    assert(thread == ticket->home);
    baton_take(&shard->baton);
    const bool is_message_under_way = ticket->waiter.is_called && !ticket_is_told(ticket);
    waits_leave(&ticket->waiter, clock_monotonic_us(), thread);
    shard_release(thread, shard);
    ticket->is_given_up = true;
    if (!is_message_under_way) {
        ticket_free(ticket);
    }
}

bool window_has_told_call(const struct window *window)
{
    for (uint32_t i = window->flushed; i < window->count; i++) {
        const struct ticket *ticket = window->calls[i].ticket;
        if (ticket != NULL && ticket_is_told(ticket)) {
            return true;
        }
    }
    return false;
}

void window_leave_queues(struct thread *thread, struct window *window, uint32_t from)
{
    for (uint32_t i = from; i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (LIKELY(call->ticket == NULL)) {
            continue;
        }
        ticket_give_up(call->ticket, thread);
        call->ticket = NULL;
        if (call->state == CALL_WAITING) {
            call_enter(call, CALL_DEFERRED);
        }
    }
}

/* --- what handlers and steps ask --- */

void exec_wait_for(struct exec *exec, struct shard *shard, enum wait_kind kind, uint64_t number, enum wait_group group)
{
    baton_assert_held(&shard->baton);
    exec->must_wait = true;
    exec->wait = (struct exec_wait){shard, number, (uint8_t)kind, (uint8_t)group};
}

bool exec_must_queue(const struct exec *exec, const struct shard *shard, enum wait_kind kind, uint64_t number, enum wait_group group)
{
    if (LIKELY(!waits_any(&shard->waits)) || exec->depth > 0) {
        return false; /* inside another command nobody waits */
    }
    const struct ticket *ticket = exec->ticket;
    const struct wait_subject subject = {number, kind};
    if (ticket == NULL || !ticket_is_told(ticket)) {
        return waits_has_others(&shard->waits, subject, group);
    }
    if (is_for(ticket, shard, kind, number)) {
        return false; /* its turn */
    }
    return waits_has_others_before(&shard->waits, subject, group, ticket->waiter.since_us);
}

void exec_call_waiters(const struct exec *exec, struct shard *shard, enum wait_kind kind, uint64_t number)
{
    baton_assert_held(&shard->baton);
    waiters_call(exec->thread, shard, kind, number);
}
