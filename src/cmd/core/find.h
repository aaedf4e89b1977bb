/* find.h - looking keys up, and what they have to be.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_FIND_H
#define CMD_FIND_H

#include "cmd/core/answers.h"
#include "cmd/core/effects.h"
#include "data/hash_expiry.h"
#include "data/value.h"
#include "exec/exec.h"

#include <stdbool.h>

/* exec_find_read without noting the access: commands that ask about a key do not keep it from being evicted. */
static inline struct entry *find_read_untouched(struct exec *exec, struct key key)
{
    bool was_no_touch = exec->is_no_touch;
    exec->is_no_touch = true;
    struct entry *entry = exec_find_read(exec, key);
    exec->is_no_touch = was_no_touch;
    return entry;
}

/* True when `entry` is of the type or NULL; otherwise replies WRONGTYPE. */
static inline bool check_type(struct exec *exec, const struct entry *entry, enum value_type type)
{
    if (LIKELY(entry == NULL || entry_type(entry) == type)) {
        return true;
    }
    reply_error(exec->reply, ERROR_WRONG_TYPE);
    return false;
}

/* What is at `key` once the fields of a hash whose time has come are gone, or hidden: `entry`, or NULL. For all that reads or changes fields. */
static inline struct entry *expire_fields(struct exec *exec, struct key key, struct entry *entry)
{
    return LIKELY(hash_timed(entry) == NULL) ? entry : hash_expire_due(exec_keyspace(exec, key), key, entry, exec->now_ms);
}

static inline bool check_string(struct exec *exec, const struct entry *entry)
{
    return check_type(exec, entry, VALUE_STRING);
}

/* Opens what is at `key` for writing, NONE when there is nothing; false: it is of another type, which was replied. */
static inline bool open_of_type(struct exec *exec, struct key key, enum value_type type, struct value *value)
{
    struct entry *entry = exec_find_write(exec, key);
    if (UNLIKELY(!check_type(exec, entry, type))) {
        return false;
    }
    value_open(value, exec_keyspace(exec, key), key, entry);
    return true;
}

/* The next keys of a command, from argv[first] on and `step` words apart, before argv[end]: at most KEY_BLOCK, so that they are fetched
 * from memory together and not one after the other. Returns how many.  */
enum { KEY_BLOCK = 16 };
static inline uint32_t load_keys(const struct exec *exec, uint32_t first, uint32_t end, uint32_t step, struct key keys[KEY_BLOCK])
{
    struct keyspace *spaces[KEY_BLOCK];
    uint32_t count = 0;
    for (uint32_t i = first; i < end && count < KEY_BLOCK; i += step) {
        keys[count] = exec_key(exec, i);
        spaces[count] = exec_keyspace(exec, keys[count]);
        keyspace_prefetch_bucket(spaces[count], keys[count].hash);
        count++;
    }
    for (uint32_t i = 0; i < count; i++) {
        keyspace_prefetch_entry(spaces[i], keys[i].hash);
    }
    return count;
}

/* Deletes a key that exists, the only change of the command, and reports it; DEL repeats it. */
static inline void delete_found(struct exec *exec, struct key key)
{
    keyspace_delete(exec_keyspace(exec, key), key, exec->now_ms);
    exec_changed(exec, key, EVENT_DEL);
    exec_effect_del(exec, exec->db, key);
}

#endif
