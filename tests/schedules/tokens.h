/* tokens.h - what blocked clients of a schedule wait for: a number of tokens on each shard, put there and taken one by one.
 *
 * It watches the order: a client that is served came before all others that wait on that shard. (One that takes a token without having been
 * blocked may pass those for whom the shard's thread still has to look.)
 *
 * Threads    Under the baton of the shard, except where it says otherwise.  */
#ifndef SCHEDULES_TOKENS_H
#define SCHEDULES_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

enum { TOKENS_CLIENTS_MAX = 16 };

/* Before a schedule: none. */
void tokens_reset(void);

void tokens_put(uint32_t shard, uint32_t count);
/* False: there is none. */
bool tokens_take(uint32_t shard);

/* The client is blocked by its command `place` since now. Then tokens_await for each of its shards, under the batons of all. */
void tokens_block(uint32_t client, uint32_t place);
void tokens_await(uint32_t client, uint32_t shard);
/* It is served by what was put on the shard. */
void tokens_serve(uint32_t client, uint32_t shard);
/* It does not wait any more. At home, without a baton. */
void tokens_leave(uint32_t client);

#endif
