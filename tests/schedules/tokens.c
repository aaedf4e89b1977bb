/* tokens.c - see tokens.h.  */
#include "tokens.h"

#include "scheduler.h"

#include <stdatomic.h>
#include <string.h>

static struct {
    uint32_t count;                          /* of tokens */
    uint32_t turn;                           /* the number of who comes next */
    struct {
        uint32_t turn, blocked;              /* its number here; by which command, as in `blocked` below */
    } waiters[TOKENS_CLIENTS_MAX];
} shards[SCHEDULE_THREADS_MAX];

/* Each client's command that is blocked, from 1 on; 0: none. */
static _Atomic uint32_t blocked[TOKENS_CLIENTS_MAX];

void tokens_reset(void)
{
    memset(shards, 0, sizeof shards);
    for (uint32_t i = 0; i < TOKENS_CLIENTS_MAX; i++) {
        atomic_store_explicit(&blocked[i], 0, memory_order_relaxed);
    }
}

void tokens_put(uint32_t shard, uint32_t count)
{
    shards[shard].count += count;
}

bool tokens_take(uint32_t shard)
{
    const bool is_there = shards[shard].count > 0;
    shards[shard].count -= is_there;
    return is_there;
}

static uint32_t blocked_command(uint32_t client)
{
    return atomic_load_explicit(&blocked[client], memory_order_relaxed);
}

void tokens_block(uint32_t client, uint32_t place)
{
    atomic_store_explicit(&blocked[client], place + 1, memory_order_relaxed);
}

void tokens_await(uint32_t client, uint32_t shard)
{
    shards[shard].waiters[client].turn = ++shards[shard].turn;
    shards[shard].waiters[client].blocked = blocked_command(client);
}

void tokens_serve(uint32_t client, uint32_t shard)
{
    for (uint32_t i = 0; i < TOKENS_CLIENTS_MAX; i++) {
        const bool waits = blocked_command(i) != 0 && shards[shard].waiters[i].blocked == blocked_command(i);
        if (waits && shards[shard].waiters[i].turn < shards[shard].waiters[client].turn) {
            schedule_fail("client %u is served on shard %u before client %u, which came first", client, shard, i);
        }
    }
    tokens_leave(client);
}

void tokens_leave(uint32_t client)
{
    atomic_store_explicit(&blocked[client], 0, memory_order_relaxed);
}
