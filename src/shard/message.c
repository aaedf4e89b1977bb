/* message.c - see message.h.  */
#include "shard/message.h"

#include "shard/thread.h"

void thread_wake(struct thread *sender, struct thread *sleeper)
{
    if (sender == sleeper) {
        return;
    }
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&sleeper->is_asleep, memory_order_relaxed) &&
        atomic_exchange_explicit(&sleeper->is_asleep, false, memory_order_seq_cst)) {
        stat_add(&sender->stats.wakes_sent, 1);
        ring_wake(&sender->ring, &sleeper->ring);
    }
}

void message_send(struct thread *sender, struct thread *receiver, struct message *message)
{
    link_push(&receiver->mailbox, &message->link);
    if (sender != NULL) {
        thread_wake(sender, receiver);
    }
}

void messages_deliver(struct thread *thread)
{
    struct link *next;
    for (struct link *link = link_take_all(&thread->mailbox); link != NULL; link = next) {
        next = link->next;
        struct message *message = (struct message *)((char *)link - offsetof(struct message, link));
        message->deliver(thread, message);
    }
}
