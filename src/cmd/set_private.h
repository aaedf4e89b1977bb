/* set_private.h - what the files of the set commands share.  */
#ifndef CMD_SET_PRIVATE_H
#define CMD_SET_PRIVATE_H

#include "cmd/commands.h"
#include "cmd/find.h"
#include "cmd/limits.h"
#include "cmd/reply_item.h"
#include "data/set.h"

/* Work over more members than this goes in slices, which look at the clock after so many. */
enum { SET_SLICE_MIN = 500, SET_MEMBERS_PER_LOOK = 32 };

/* Bytes that all members of a table take in a reply, about. */
static inline size_t reply_size_hint(const struct member_table *table)
{
    enum { PROTOCOL_BYTES = 4 };
    return table->collection.bytes + PROTOCOL_BYTES * member_table_count(table);
}

/* True when `entry` is a set or NULL; otherwise replies WRONGTYPE. */
static inline bool check_set(struct exec *exec, const struct entry *entry)
{
    if (LIKELY(entry == NULL || entry_type(entry) == VALUE_SET)) {
        return true;
    }
    reply_error(exec->reply, ERROR_WRONG_TYPE);
    return false;
}

/* Opens the set at `key` for writing; nothing is in it when there is none. False: something else is there, which was replied. */
static inline bool open_set(struct exec *exec, struct key key, struct value *value)
{
    struct entry *entry = exec_find_write(exec, key);
    if (UNLIKELY(!check_set(exec, entry))) {
        return false;
    }
    value_open(value, exec_keyspace(exec, key), key, entry);
    return true;
}

/* Ends a write that took members out: reports `event`, and the key's end when nothing is left. */
static inline enum result close_after_removal(struct exec *exec, struct key key, struct value *value, const char *event)
{
    const bool is_empty = set_value_count(value) == 0;
    if (is_empty) {
        value_remove(value);
    }
    const enum result result = is_empty ? RESULT_OK : value_close(value);
    exec_changed(exec, key, event);
    if (is_empty) {
        exec_changed(exec, key, "del");
    }
    return result;
}

#endif
