/* transaction.h - MULTI: commands that were queued to run as one, and the keys that are watched for it.
 *
 * A connection's session has a transaction from MULTI, or WATCH, on. EXEC takes it along: then the call has it. transaction_run.h
 * runs it.
 *
 * Threads    The connection's, holding no baton.
 * Memory     thread_alloc, MEM_CLIENT. The session's, then the call's.
 * Invariant  T1 a transaction is its session's or one call's, never both's, except while that call is being routed.
 * Source     Redis 7.0, multi.c.  */
#ifndef EXEC_TRANSACTION_H
#define EXEC_TRANSACTION_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "shard/watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command_spec;

struct queued_command {
    const struct command_spec *spec; /* of a container: the subcommand */
    struct bytes *words;             /* one block with their bytes behind them */
    uint32_t word_count;
    size_t block_bytes;
    const char *refusal;             /* the user may not run it any more: EXEC replies this error in its place; NULL: it may */
};

struct transaction {
    struct queued_command *commands;
    uint32_t count, capacity;
    uint32_t flags;                  /* enum command_flag: of all commands together */
    size_t bytes;                    /* of the commands' blocks */
    bool is_open;                    /* MULTI was said */
    bool is_aborted;                 /* a command could not be queued: EXEC will refuse */
    bool has_run;                    /* EXEC has begun to run the commands */
    struct watcher watcher;
};

/* Are commands being queued? NULL: no. */
static inline bool transaction_is_open(const struct transaction *transaction)
{
    return transaction != NULL && transaction->is_open;
}

/* EXEC will run nothing, whatever else is queued: so nothing is kept. A moment old, but it stays so. */
static inline bool transaction_is_lost(const struct transaction *transaction)
{
    return transaction->is_aborted || watcher_is_marked(&transaction->watcher);
}

/* All 0. NULL: no memory. */
struct transaction *transaction_create(void) MUST_USE;
/* With its watches, whose shards' batons it takes one after the other. NULL: nothing. */
void transaction_destroy(struct transaction *transaction);
/* Adds a command, whose words are copied. False: no memory; the transaction is aborted then. */
MUST_USE bool transaction_queue(struct transaction *transaction, const struct command_spec *spec, const struct bytes *words,
                                uint32_t word_count);
/* What it takes in all. NULL: 0. */
size_t transaction_memory_bytes(const struct transaction *transaction);

#endif
