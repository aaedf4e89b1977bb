/* key.c - commands on whole keys of any type: delete, ask, rename, copy, move.
 *
 * Threads    The holder of the keys' batons; the keys may live in several shards.
 * Read on    expire.c, object.c, scan.c.  */
#include "cmd/commands.h"
#include "cmd/find.h"
#include "cmd/option.h"

#define ERROR_SAME_OBJECT "ERR source and destination objects are the same"

static void command_del(struct exec *exec)
{
    struct key keys[KEY_BLOCK];
    int64_t deleted = 0;
    for (uint32_t i = 1; i < exec->argc; i += KEY_BLOCK) {
        uint32_t count = load_keys(exec, i, 1, keys);
        for (uint32_t j = 0; j < count; j++) {
            if (keyspace_delete(exec_keyspace(exec, keys[j]), keys[j], exec->now_ms)) {
                exec_changed(exec, keys[j], "del");
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

/* --- RENAME, COPY, MOVE: from one place to another --- */

struct place {
    struct key key;
    uint32_t db;
    struct keyspace *ks;
};

static struct place place_of(const struct exec *exec, struct key key, uint32_t db)
{
    return (struct place){key, db, exec_keyspace_in(exec, key, db)};
}

static bool is_same_place(const struct place *a, const struct place *b)
{
    return a->db == b->db && bytes_equal(a->key.name, b->key.name);
}

/* Reports a change in any database. */
static void changed_at(struct exec *exec, const struct place *place, const char *event)
{
    uint32_t db = exec->db;
    exec->db = place->db;
    exec_changed(exec, place->key, event);
    exec->db = db;
}

/* Moves `from`, which exists, over whatever is at `to`. False: refused, which was replied. */
static bool move_place(struct exec *exec, const struct place *from, const struct place *to, const char *from_event,
                       const char *to_event)
{
    enum result result = keyspace_move_from(to->ks, to->key, from->ks, from->key, exec->now_ms);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return false;
    }
    changed_at(exec, from, from_event);
    changed_at(exec, to, to_event);
    return true;
}

/* Renames argv[1] to argv[2] unless that exists and must not be replaced. False: replied an error; otherwise *is_renamed. */
static bool rename_key(struct exec *exec, bool may_replace, bool *is_renamed)
{
    struct place from = place_of(exec, exec_key(exec, 1), exec->db);
    struct place to = place_of(exec, exec_key(exec, 2), exec->db);
    if (exec_find_write(exec, from.key) == NULL) {
        reply_error(exec->reply, ERROR_NO_KEY);
        return false;
    }
    *is_renamed = false;
    if (is_same_place(&from, &to) || (!may_replace && exec_find_write(exec, to.key) != NULL)) {
        return true;
    }
    *is_renamed = true;
    return move_place(exec, &from, &to, "rename_from", "rename_to");
}

static void command_rename(struct exec *exec)
{
    bool is_renamed;
    if (rename_key(exec, true, &is_renamed)) {
        reply_ok(exec->reply);
    }
}

static void command_renamenx(struct exec *exec)
{
    bool is_renamed;
    if (rename_key(exec, false, &is_renamed)) {
        reply_integer(exec->reply, is_renamed);
    }
}

enum copy_flag { COPY_DB = 1 << 0, COPY_REPLACE = 1 << 1 };

static const struct option copy_options[] = {
    {"DB", .sets = COPY_DB, .has_value = true},
    {"REPLACE", .sets = COPY_REPLACE},
    {0},
};

/* Reads COPY's options; replies the error. */
static bool copy_read_options(struct exec *exec, uint32_t *db, bool *may_replace)
{
    struct option_walk walk = {.at = 3};
    *db = exec->db;
    while (option_next(exec, copy_options, &walk)) {
        if (walk.option->has_value && !exec_database_argument(exec, walk.value, NULL, db)) {
            return false;
        }
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    *may_replace = (walk.flags & COPY_REPLACE) != 0;
    return true;
}

static void command_copy(struct exec *exec)
{
    uint32_t db;
    bool may_replace;
    if (!copy_read_options(exec, &db, &may_replace)) {
        return;
    }
    struct place from = place_of(exec, exec_key(exec, 1), exec->db);
    struct place to = place_of(exec, exec_key(exec, 2), db);
    if (is_same_place(&from, &to)) {
        reply_error(exec->reply, ERROR_SAME_OBJECT);
        return;
    }
    bool is_taken = !may_replace && keyspace_find(to.ks, to.key, exec->now_ms) != NULL;
    struct entry *source = exec_find_read(exec, from.key);
    if (source == NULL || is_taken) {
        reply_integer(exec->reply, 0);
        return;
    }
    enum result result = keyspace_copy_from(to.ks, to.key, source, exec->now_ms);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    changed_at(exec, &to, "copy_to");
    reply_integer(exec->reply, 1);
}

static void command_move(struct exec *exec)
{
    uint32_t db;
    if (!exec_database_argument(exec, 2, NULL, &db)) {
        return;
    }
    if (db == exec->db) {
        reply_error(exec->reply, ERROR_SAME_OBJECT);
        return;
    }
    struct key key = exec_key(exec, 1);
    struct place from = place_of(exec, key, exec->db);
    struct place to = place_of(exec, key, db);
    if (exec_find_write(exec, key) == NULL || keyspace_find(to.ks, key, exec->now_ms) != NULL) {
        reply_integer(exec->reply, 0);
    } else if (move_place(exec, &from, &to, "move_from", "move_to")) {
        reply_integer(exec->reply, 1);
    }
}

#define SUM_OF_SHARDS "request_policy:multi_shard response_policy:agg_sum"

const struct command_spec key_commands[] = {
    {.name = "copy", .run = command_copy, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 2, 1}, .since = "6.2.0", .group = "generic", .complexity = "O(N), N the size of the value",
     .summary = "Copies a key with its value and expiry to another name or database.",
     .syntax = "source destination [DB destination-db] [REPLACE]", .key_flags = "RO access|OW update"},
    {.name = "del", .run = command_del, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE, .keys = {1, -1, 1},
     .since = "1.0.0", .group = "generic", .complexity = "O(N), N the number of keys",
     .summary = "Deletes keys and returns how many there were.", .syntax = "key [key ...]",
     .tips = SUM_OF_SHARDS, .key_flags = "RM delete"},
    {.name = "exists", .run = command_exists, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, -1, 1}, .since = "1.0.0", .group = "generic", .complexity = "O(N), N the number of keys",
     .summary = "Counts how many of the named keys exist; a key named twice counts twice.", .syntax = "key [key ...]",
     .tips = SUM_OF_SHARDS, .key_flags = "RO"},
    {.name = "move", .run = command_move, .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "generic", .complexity = "O(1)",
     .summary = "Moves a key to another database unless it exists there.", .syntax = "key db",
     .key_flags = "RW access update"},
    {.name = "rename", .run = command_rename, .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE, .keys = {1, 2, 1},
     .since = "1.0.0", .group = "generic", .complexity = "O(1) within a shard, else O(N), N the size of the value",
     .summary = "Gives a key another name, replacing a key of that name.", .syntax = "key newkey",
     .key_flags = "RW access delete|OW update"},
    {.name = "renamenx", .run = command_renamenx, .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 2, 1}, .since = "1.0.0", .group = "generic",
     .complexity = "O(1) within a shard, else O(N), N the size of the value",
     .summary = "Gives a key another name unless a key of that name exists.", .syntax = "key newkey",
     .key_flags = "RW access delete|OW insert"},
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
