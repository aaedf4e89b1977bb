/* hash_private.h - what the files of the hash commands share.  */
#ifndef CMD_HASH_PRIVATE_H
#define CMD_HASH_PRIVATE_H

#include "cmd/commands.h"
#include "cmd/reply_item.h"
#include "data/hash_value.h"

/* A hash with more fields than this is replied in slices. */
enum { HASH_SLICE_MIN = 500 };
/* A slice looks at the clock after so many fields. */
enum { HASH_FIELDS_PER_LOOK = 32 };

/* True when `entry` is a hash or NULL; otherwise replies WRONGTYPE. */
static inline bool check_hash(struct exec *exec, const struct entry *entry)
{
    if (LIKELY(entry == NULL || entry_type(entry) == VALUE_HASH)) {
        return true;
    }
    reply_error(exec->reply, ERROR_WRONG_TYPE);
    return false;
}

/* Opens the hash at `key` for writing, NONE when there is none; false: something else is there, which was replied. */
static inline bool open_hash(struct exec *exec, struct key key, struct value *value)
{
    struct entry *entry = exec_find_write(exec, key);
    if (UNLIKELY(!check_hash(exec, entry))) {
        return false;
    }
    value_open(value, exec_keyspace(exec, key), key, entry);
    return true;
}

/* Ends a write to which memory was refused, or not: closes the value; false: refused, which was replied. */
static inline bool close_hash(struct exec *exec, struct value *value, enum result result)
{
    enum result closed = value_close(value);
    result = result == RESULT_OK ? closed : result;
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return false;
    }
    return true;
}

#endif
