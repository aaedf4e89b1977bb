/* link.h - a stack of links that any thread pushes to and one takes from at once, oldest first: mailboxes and inboxes.
 *
 * Plain C11 atomics instead of Concurrency Kit's stack, whose assembly ThreadSanitizer cannot follow: here it checks every
 * hand-over that the server makes. Taking all at once leaves no room for the ABA problem.
 *
 * Threads    link_push, link_is_empty: any. link_take_all: any; each link is handed to exactly one taker.  */
#ifndef SHARD_LINK_H
#define SHARD_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next;
};

struct link_stack {
    _Atomic(struct link *) newest;
};

/* A full barrier: what the pusher looks at afterwards is ordered against a taker who found the stack without it. */
static inline void link_push(struct link_stack *stack, struct link *link)
{
    struct link *newest = atomic_load_explicit(&stack->newest, memory_order_relaxed);
    do {
        link->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&stack->newest, &newest, link, memory_order_seq_cst,
                                                    memory_order_relaxed));
}

/* All links, the oldest first; NULL: none. */
static inline struct link *link_take_all(struct link_stack *stack)
{
    struct link *newest = atomic_exchange_explicit(&stack->newest, NULL, memory_order_seq_cst);
    struct link *oldest = NULL;
    while (newest != NULL) {
        struct link *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static inline bool link_is_empty(const struct link_stack *stack)
{
    return atomic_load_explicit(&stack->newest, memory_order_seq_cst) == NULL;
}

#endif
