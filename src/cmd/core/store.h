/* store.h - jobs that replace a key at their end.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_STORE_H
#define CMD_STORE_H

#include "data/value.h"
#include "exec/exec.h"

/* True when somebody else's job reads the collection at `key`: it must be done before that is replaced (JOB_WAIT). `own`: the
 * pin of the caller, which may be on it, too; NULL: none.  */
static inline bool destination_is_read(const struct exec *exec, struct key key, const struct pin *own)
{
    const struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    if (entry == NULL || !form_is_apart(entry_form(entry))) {
        return false;
    }
    const struct collection *collection = entry_collection(entry);
    return collection->pins > (own != NULL && own->collection == collection ? 1u : 0u);
}

#endif
