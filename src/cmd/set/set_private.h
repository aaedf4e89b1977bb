/* set_private.h - what the files of the set commands share.  */
#ifndef CMD_SET_PRIVATE_H
#define CMD_SET_PRIVATE_H

#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/limits.h"
#include "cmd/core/reply_item.h"
#include "data/set.h"
#include "exec/exec.h"

/* Work over more members than this goes in steps, which look at the clock after so many. */
enum { SET_STEPS_MIN = 500, SET_MEMBERS_PER_LOOK = 32 };

/* Bytes that all members of a table take in a reply, about. */
static inline size_t reply_size_hint(const struct member_table *table)
{
    enum { PROTOCOL_BYTES = 4 };
    return table->collection.bytes + PROTOCOL_BYTES * member_table_count(table);
}

/* find.h, for sets. */
static inline bool check_set(struct exec *exec, const struct entry *entry)
{
    return check_type(exec, entry, VALUE_SET);
}

static inline bool open_set(struct exec *exec, struct key key, struct value *value)
{
    return open_of_type(exec, key, VALUE_SET, value);
}

/* Ends a write that took `count` members out: reports `event`, and the key's end when nothing is left. */
static inline enum result close_after_removal(struct exec *exec, struct key key, struct value *value, enum event event,
                                              uint64_t count)
{
    const bool is_empty = set_value_count(value) == 0;
    if (is_empty) {
        value_remove(value);
    }
    const enum result result = is_empty ? RESULT_OK : value_close(value);
    exec_changed_by(exec, key, event, count);
    if (is_empty) {
        exec_event(exec, key, EVENT_DEL);
    }
    return result;
}

#endif
