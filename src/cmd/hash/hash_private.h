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

/* How a command counts times of fields. */
struct time_kind {
    int64_t unit_ms;
    bool is_absolute; /* since 1970; otherwise from now on */
};

/* find.h, for hashs. */
static inline bool check_hash(struct exec *exec, const struct entry *entry)
{
    return check_type(exec, entry, VALUE_HASH);
}

static inline bool open_hash(struct exec *exec, struct key key, struct value *value)
{
    struct entry *entry = exec_find_write(exec, key);
    if (UNLIKELY(!check_hash(exec, entry))) {
        return false;
    }
    value_open(value, exec_keyspace(exec, key), key, expire_fields(exec, key, entry));
    return true;
}

/* The hash at argv[1]; false: replied that it is something else. *out NULL: there is none. */
static inline bool find_hash(struct exec *exec, struct entry **out)
{
    const struct key key = exec_key(exec, 1);
    *out = exec_find_read(exec, key);
    if (UNLIKELY(!check_hash(exec, *out))) {
        return false;
    }
    *out = expire_fields(exec, key, *out);
    return true;
}

/* hash.c: replies the values of argv[from] up to `end`. `entry`: NULL: there is none. */
void reply_hash_fields(struct exec *exec, const struct entry *entry, uint32_t from, uint32_t end);

#define HASH_BAD_COUNT "ERR Number of fields must be a positive integer"
/* hash.c: FIELDS numfields field ... from argv[at] to the end. False: something is wrong, which was replied; `count_error`: of the number. */
bool hash_check_fields(struct exec *exec, uint32_t at, const char *count_error);

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
