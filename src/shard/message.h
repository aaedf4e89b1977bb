/* message.h - what one thread hands to another: it is delivered between two of the receiver's turns.
 *
 * Threads    message_send, thread_wake: any shard thread. messages_deliver: the receiver.
 * Memory     A message is embedded in the sender's structure, and lent from message_send until `deliver` runs on the receiver.
 * Invariant  A thread that sleeps has declared it before its last look at its mailbox and its shard's inbox, so whoever adds to
 *            either afterwards sees the declaration and wakes it.  */
#ifndef SHARD_MESSAGE_H
#define SHARD_MESSAGE_H

#include "shard/link.h"

struct thread;

struct message {
    struct link link;
    void (*deliver)(struct thread *receiver, struct message *message);
};

/* Puts the message into the mailbox; wakes the receiver when it sleeps. `sender` NULL: not from a shard thread (the caller wakes). */
void message_send(struct thread *sender, struct thread *receiver, struct message *message);
/* Wakes it through the sender's ring, at the end of the sender's turn; only when it has declared that it sleeps. */
void thread_wake(struct thread *sender, struct thread *sleeper);
/* Delivers what is in the thread's mailbox, the oldest first. */
void messages_deliver(struct thread *thread);

#endif
