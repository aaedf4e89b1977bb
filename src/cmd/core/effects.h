/* effects.h - how to repeat a change, in words that several families need.
 *
 * For handlers whose own words would not do (exec/exec.h, "the report of a change"). Each is called right after its change,
 * in the same step, for the key that was changed. Without listeners nothing is made.
 *
 * A job that has made or moved a large value over several shards writes the payload of RESTORE beforehand, in steps, while the value
 * is pinned or detached:
 *
 *   struct effect_payload payload = EFFECT_PAYLOAD_EMPTY;
 *   ... effect_payload_step until it is true, in steps; the change and its report; exec_effect_payload ...
 *   effect_payload_release(&payload)
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_EFFECTS_H
#define CMD_EFFECTS_H

#include "mem/buffer.h"
#include "exec/exec.h"

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

struct rdb_writer;
/* The value of an entry as RESTORE takes it, written in steps. */
struct effect_payload {
    struct rdb_writer *writer; /* NULL: not begun, or complete */
    struct buffer bytes;
    bool is_complete;
};
#define EFFECT_PAYLOAD_EMPTY ((struct effect_payload){.bytes = BUFFER_EMPTY(MEM_CLIENT)})

/* In a step of a job whose keys are on several shards: writes until the step is over. True: it is complete, or not wanted (nobody
 * listens, or memory was refused: exec_effect_payload sees to it). `entry`, not a string's, is the same in all steps and does not
 * change meanwhile.  */
MUST_USE bool effect_payload_step(struct effect_payload *payload, struct exec *exec, const struct entry *entry);
/* exec_effect_value for a key that has just got the value that was written. An incomplete payload is not looked at. */
void exec_effect_payload(struct exec *exec, uint32_t db, struct key key, const struct effect_payload *payload);
void effect_payload_release(struct effect_payload *payload);

#endif
