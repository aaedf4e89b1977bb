/* key.c - commands on whole keys of any type: delete them, ask about them.
 *
 * Threads    The holder of the keys' batons; the keys may live in several shards.
 * Read on    key_move.c (rename, copy, move), expire.c, object.c, scan.c.  */
#include "cmd/core/find.h"
#include "cmd/key/key_rows.h"

static void command_del(struct exec *exec)
{
    struct key keys[KEY_BLOCK];
    int64_t deleted = 0;
    for (uint32_t i = 1; i < exec->argc; i += KEY_BLOCK) {
        uint32_t count = load_keys(exec, i, 1, keys);
        for (uint32_t j = 0; j < count; j++) {
            if (keyspace_delete(exec_keyspace(exec, keys[j]), keys[j], exec->now_ms)) {
                exec_changed(exec, keys[j], EVENT_DEL);
                if (exec->is_spread) {
                    exec_effect_del(exec, exec->db, keys[j]);
                }
                deleted++;
            }
        }
    }
    reply_integer(exec->reply, deleted);
}

static void command_exists(struct exec *exec)
{
    int64_t found = 0;
    for (uint32_t i = 1; i < exec->argc; i++) {
        found += find_read_untouched(exec, exec_key(exec, i)) != NULL;
    }
    reply_integer(exec->reply, found);
}

static void command_touch(struct exec *exec)
{
    int64_t found = 0;
    exec->is_no_touch = false; /* touching is what the command is for */
    for (uint32_t i = 1; i < exec->argc; i++) {
        found += exec_find_read(exec, exec_key(exec, i)) != NULL;
    }
    reply_integer(exec->reply, found);
}

static void command_type(struct exec *exec)
{
    struct entry *entry = find_read_untouched(exec, exec_key(exec, 1));
    const char *name = entry == NULL ? "none" : value_type_name(entry_type(entry));
    reply_simple(exec->reply, bytes_of_string(name));
}

#define SUM_OF_SHARDS "request_policy:multi_shard response_policy:agg_sum"

const struct command_spec key_commands[] = {
    {.name = "del", .run = command_del, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE, .keys = {1, -1, 1},
     .since = "1.0.0", .group = "generic", .complexity = "O(N), N the number of keys",
     .summary = "Deletes keys and returns how many there were.", .syntax = "key [key ...]",
     .tips = SUM_OF_SHARDS, .key_flags = "RM delete"},
    {.name = "exists", .run = command_exists, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, -1, 1}, .since = "1.0.0", .group = "generic", .complexity = "O(N), N the number of keys",
     .summary = "Counts how many of the named keys exist; a key named twice counts twice.", .syntax = "key [key ...]",
     .tips = SUM_OF_SHARDS, .key_flags = "RO"},
    {.name = "touch", .run = command_touch, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, -1, 1}, .since = "3.2.1", .group = "generic", .complexity = "O(N), N the number of keys",
     .summary = "Marks keys as used just now and returns how many exist.", .syntax = "key [key ...]",
     .tips = SUM_OF_SHARDS, .key_flags = "RO"},
    {.name = "type", .run = command_type, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "generic", .complexity = "O(1)",
     .summary = "Returns the name of the type that a key holds, or none.", .syntax = "key", .key_flags = "RO"},
    {.name = "unlink", .run = command_del, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, -1, 1}, .since = "4.0.0", .group = "generic", .complexity = "O(N), N the number of keys",
     .summary = "Deletes keys and returns how many there were, as DEL does.", .syntax = "key [key ...]",
     .tips = SUM_OF_SHARDS, .key_flags = "RM delete"},
    {0},
};
