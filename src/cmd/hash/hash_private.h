/* hash_private.h - what the files of the hash commands share.  */
#ifndef CMD_HASH_PRIVATE_H
#define CMD_HASH_PRIVATE_H

#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/reply_item.h"
#include "data/hash_value.h"
#include "exec/exec.h"

/* A hash with more fields than this is replied in steps. */
enum { HASH_STEPS_MIN = 500 };
/* A step looks at the clock after so many fields. */
enum { HASH_FIELDS_PER_LOOK = 32 };

/* find.h, for hashs. */
static inline bool check_hash(struct exec *exec, const struct entry *entry)
{
    return check_type(exec, entry, VALUE_HASH);
}

static inline bool open_hash(struct exec *exec, struct key key, struct value *value)
{
    return open_of_type(exec, key, VALUE_HASH, value);
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
