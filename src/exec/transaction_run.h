/* transaction_run.h - EXEC: the queued commands run as one.
 *
 * They run one after the other inside EXEC (exec_run_inside), under the batons of all shards that any of them, or a watched key, needs. So
 * nobody sees a part of it. When all is on one shard the call goes there like any other of one shard. A command that would have to wait
 * for a job (a pinned or locked key, a locked table) is found before the first one runs: then EXEC waits as a whole.
 *
 * Threads    Whoever runs the call, under the batons that transaction_route.h names.
 * Source     Redis 7.0, multi.c.  */
#ifndef EXEC_TRANSACTION_RUN_H
#define EXEC_TRANSACTION_RUN_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

struct buffer;
struct exec;

/* EXEC's handler. transaction_begin replies the head of the array, or an error, or null when a watched key has changed; false: there is nothing
 * to run, or exec_wait_for was called. Then transaction_run_command runs commands 0 .. transaction_count - 1 in exec->db; `replies`, empty
 * at first, is room that is used again.  */
MUST_USE bool transaction_begin(struct exec *exec);
uint32_t transaction_count(const struct exec *exec);
void transaction_run_command(struct exec *exec, uint32_t number, uint8_t protocol, struct buffer *replies);

#endif
