/* key.c - commands on whole keys of any type: delete them, ask about them.
 *
 * Threads    The holder of the keys' batons; the keys may live in several shards.
 * Read on    key_move.c (rename, copy, move), expire.c, object.c, scan.c.  */
#include "cmd/core/find.h"
#include "cmd/core/words.h"
#include "cmd/key/key_rows.h"

/* What is done with a few keys; returns how many count. */
typedef int64_t key_block_fn(struct exec *exec, uint32_t from, uint32_t end);

static int64_t delete_keys(struct exec *exec, uint32_t from, uint32_t end)
{
    struct key keys[KEY_BLOCK];
    int64_t deleted = 0;
    for (uint32_t i = from; i < end; i += KEY_BLOCK) {
        uint32_t count = load_keys(exec, i, end, 1, keys);
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
    return deleted;
}

static int64_t count_keys(struct exec *exec, uint32_t from, uint32_t end)
{
    int64_t found = 0;
    for (uint32_t i = from; i < end; i++) {
        found += find_read_untouched(exec, exec_key(exec, i)) != NULL;
    }
    return found;
}

static int64_t touch_keys(struct exec *exec, uint32_t from, uint32_t end)
{
    int64_t found = 0;
    exec->is_no_touch = false; /* touching is what the command is for */
    for (uint32_t i = from; i < end; i++) {
        found += exec_find_read(exec, exec_key(exec, i)) != NULL;
    }
    return found;
}

struct key_words {
    struct words words;
    key_block_fn *block;
};

static bool run_words(struct words *words, struct exec *exec, uint32_t end)
{
    words->tally.count += ((struct key_words *)words)->block(exec, words->at, end);
    words->at = end;
    return true;
}

static void finish_words(struct words *words, struct exec *exec)
{
    reply_tally(exec, &words->tally);
}

static const struct words_kind delete_kind = {
    .size = sizeof(struct key_words), .mode = KEY_LOCK_EXCLUSIVE, .are_keys = true, .run = run_words, .finish = finish_words};
static const struct words_kind count_kind = {
    .size = sizeof(struct key_words), .mode = KEY_LOCK_SHARED, .are_keys = true, .run = run_words, .finish = finish_words};

/* Does it with all keys, and replies how many count. */
static void do_with_keys(struct exec *exec, key_block_fn *block, const struct words_kind *kind)
{
    if (words_are_many(exec)) {
        const struct key_words work = {.words = {.first = 1, .step = 1}, .block = block};
        words_start(exec, kind, &work.words);
        return;
    }
    reply_integer(exec->reply, block(exec, 1, exec->argc));
}

static void command_del(struct exec *exec)
{
    do_with_keys(exec, delete_keys, &delete_kind);
}

static void command_exists(struct exec *exec)
{
    do_with_keys(exec, count_keys, &count_kind);
}

static void command_touch(struct exec *exec)
{
    do_with_keys(exec, touch_keys, &count_kind);
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
     .tips = SUM_OF_SHARDS, .key_flags = "RM delete",
     .locks_when_long = true},
    {.name = "exists", .run = command_exists, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, -1, 1}, .since = "1.0.0", .group = "generic", .complexity = "O(N), N the number of keys",
     .summary = "Counts how many of the named keys exist; a key named twice counts twice.", .syntax = "key [key ...]",
     .tips = SUM_OF_SHARDS, .key_flags = "RO",
     .locks_when_long = true},
    {.name = "touch", .run = command_touch, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, -1, 1}, .since = "3.2.1", .group = "generic", .complexity = "O(N), N the number of keys",
     .summary = "Marks keys as used just now and returns how many exist.", .syntax = "key [key ...]",
     .tips = SUM_OF_SHARDS, .key_flags = "RO",
     .locks_when_long = true},
    {.name = "type", .run = command_type, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "generic", .complexity = "O(1)",
     .summary = "Returns the name of the type that a key holds, or none.", .syntax = "key", .key_flags = "RO"},
    {.name = "unlink", .run = command_del, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, -1, 1}, .since = "4.0.0", .group = "generic", .complexity = "O(N), N the number of keys",
     .summary = "Deletes keys and returns how many there were, as DEL does.", .syntax = "key [key ...]",
     .tips = SUM_OF_SHARDS, .key_flags = "RM delete",
     .locks_when_long = true},
    {0},
};
