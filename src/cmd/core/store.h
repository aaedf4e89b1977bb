/* store.h - jobs that replace a key at their end.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_STORE_H
#define CMD_STORE_H

#include "cmd/core/effects.h"
#include "data/value.h"
#include "exec/exec.h"

/* True when somebody else's job reads the collection at `key`: it must be done before that is replaced (JOB_WAIT). `own`: the
 * pin of the caller, which may be on it, too; NULL: none.  */
static inline bool destination_is_read(struct exec *exec, struct key key, const struct pin *own)
{
    return !exec_claim(exec, key, own);
}

/* Is something still at `key`, which a job has pinned? It may have expired; nobody has put anything else there. */
static inline bool pinned_stands(const struct exec *exec, struct key key)
{
    return keyspace_find(exec_keyspace(exec, key), key, exec->now_ms) != NULL;
}

/* How to repeat what was stored at `key`: by the command's words where all keys are on one shard and the sources are what the
 * result was made of; by the result otherwise. `is_late`: they may have changed since then.  */
static inline void give_stored(struct exec *exec, struct key key, bool is_late)
{
    if (exec->is_spread || is_late) {
        exec_effect_value(exec, exec->db, key);
    }
}

#endif
