/* effects.h - how to repeat a change, in words that several families need.
 *
 * For handlers whose own words would not do (shard/exec.h, "the report of a change"). Each is called right after its change, in the
 * same step, for the key that was changed. Without listeners nothing is made.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_EFFECTS_H
#define CMD_EFFECTS_H

#include "shard/exec.h"

/* The key has now what it has, its expiry included: SET for a string, RESTORE for everything else, DEL when there is nothing.
 * Cost: O(the value), in one step.  */
void exec_effect_value(struct exec *exec, uint32_t db, struct key key);
/* SET key text, and PXAT expiry_ms unless that is KEYSPACE_NO_EXPIRY. */
void exec_effect_set(struct exec *exec, uint32_t db, struct key key, struct bytes text, int64_t expiry_ms);
/* Memory was refused in the middle, at argv[count]: the words before it are what was done. */
void exec_effect_begun(struct exec *exec, struct key key, uint32_t count);
/* DEL key. */
void exec_effect_del(struct exec *exec, uint32_t db, struct key key);
/* NAME key number, as LPOP k 3. */
void exec_effect_number(struct exec *exec, struct key key, struct bytes name, int64_t number);
/* PEXPIREAT key expiry_ms, which is absolute; PERSIST key for KEYSPACE_NO_EXPIRY. */
void exec_effect_expiry(struct exec *exec, struct key key, int64_t expiry_ms);

#endif
