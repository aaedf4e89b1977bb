/* object.c - OBJECT: how a value is kept and when it was last used.
 *
 * Threads    The holder of the key's baton.
 * Read on    data/access.h.  */
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/key/key_rows.h"
#include "cmd/key/object.h"
#include "data/access.h"
#include "exec/exec.h"
#include "shard/server.h"

enum {
    SHARED_INTEGER_MAX = 9999,        /* Redis keeps one object for each integer from 0 to here */
    SHARED_REFERENCE_COUNT = INT32_MAX,
};

uint32_t object_idle_seconds(uint32_t access, int64_t now_ms)
{
    return access_idle_seconds(access, access_seconds(now_ms));
}

uint32_t object_access_of_idle(int64_t idle_seconds, int64_t now_ms)
{
    return (uint32_t)((uint64_t)(now_ms / 1000) - (uint64_t)idle_seconds) & ACCESS_SECONDS_MASK;
}

uint32_t object_access_of_frequency(uint32_t frequency, int64_t now_ms)
{
    return access_make_lfu(access_minutes(now_ms), frequency);
}

enum { POLICY_HAS_LRU = 1 << 0, POLICY_HAS_LFU = 1 << 1 };

static const uint8_t policy_traits[] = {
    [POLICY_NOEVICTION] = 0,
    [POLICY_ALLKEYS_LRU] = POLICY_HAS_LRU,
    [POLICY_ALLKEYS_LFU] = POLICY_HAS_LFU,
    [POLICY_ALLKEYS_RANDOM] = 0,
    [POLICY_VOLATILE_LRU] = POLICY_HAS_LRU,
    [POLICY_VOLATILE_LFU] = POLICY_HAS_LFU,
    [POLICY_VOLATILE_RANDOM] = 0,
    [POLICY_VOLATILE_TTL] = 0,
};

static uint8_t policy_trait(const struct exec *exec)
{
    return policy_traits[atomic_load_explicit(&exec->server->config->maxmemory_policy, memory_order_relaxed)];
}

bool object_policy_is_lfu(const struct exec *exec)
{
    return (policy_trait(exec) & POLICY_HAS_LFU) != 0;
}

/* The entry of argv[2]; replies null when there is none. */
static struct entry *object_find(struct exec *exec)
{
    struct entry *entry = exec_find_quietly(exec, exec_key(exec, 2));
    if (entry == NULL) {
        reply_null(exec->reply);
    }
    return entry;
}

static void object_encoding(struct exec *exec)
{
    struct entry *entry = object_find(exec);
    if (entry != NULL) {
        reply_bulk_string(exec->reply, entry_encoding_name(entry));
    }
}

static void object_freq(struct exec *exec)
{
    struct entry *entry = object_find(exec);
    if (entry == NULL) {
        return;
    }
    if (!object_policy_is_lfu(exec)) {
        reply_error(exec->reply,
                    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when "
                    "switching between policies at runtime LRU and LFU data will take some time to adjust.");
        return;
    }
    const uint32_t decay = (uint32_t)atomic_load_explicit(&exec->server->config->lfu_decay_time, memory_order_relaxed);
    reply_integer(exec->reply, access_counter(entry_access(entry), access_minutes(exec->now_ms), decay));
}

static void object_idletime(struct exec *exec)
{
    struct entry *entry = object_find(exec);
    if (entry == NULL) {
        return;
    }
    if (object_policy_is_lfu(exec)) {
        reply_error(exec->reply,
                    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching "
                    "between policies at runtime LRU and LFU data will take some time to adjust.");
        return;
    }
    reply_integer(exec->reply, object_idle_seconds(entry_access(entry), exec->now_ms));
}

/* No value is shared here; the figure is the one that Redis gives, where small integers share one object unless each needs
 * an access field of its own.  */
static void object_refcount(struct exec *exec)
{
    struct entry *entry = object_find(exec);
    if (entry == NULL) {
        return;
    }
    int64_t number;
    bool is_small = entry_type(entry) == VALUE_STRING && entry_integer(entry, &number) && number >= 0 &&
                    number <= SHARED_INTEGER_MAX;
    bool has_limit = atomic_load_explicit(&exec->server->config->maxmemory, memory_order_relaxed) != 0;
    bool is_shared = is_small && !(has_limit && policy_trait(exec) != 0);
    reply_integer(exec->reply, is_shared ? SHARED_REFERENCE_COUNT : 1);
}

#define OBJECT_ROW .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {2, 2, 1}, .group = "generic", \
                   .complexity = "O(1)", .syntax = "key", .tips = "nondeterministic_output", .key_flags = "RO"

static const struct command_spec object_subcommands[] = {
    {.name = "encoding", .run = object_encoding, OBJECT_ROW, .since = "2.2.3",
     .summary = "Returns the name of the form in which a value is kept."},
    {.name = "freq", .run = object_freq, OBJECT_ROW, .since = "4.0.0",
     .summary = "Returns how often a value was used of late, on a logarithmic scale, under an LFU policy."},
    {COMMAND_HELP_ROW, .since = "6.2.0", .group = "generic"},
    {.name = "idletime", .run = object_idletime, OBJECT_ROW, .since = "2.2.3",
     .summary = "Returns how many seconds ago a value was last used."},
    {.name = "refcount", .run = object_refcount, OBJECT_ROW, .since = "2.2.3",
     .summary = "Returns how many references Redis would hold to a value."},
    {0},
};

const struct command_spec object_commands[] = {
    {.name = "object", .arity = -2, .since = "2.2.3", .group = "generic", .complexity = "By subcommand.",
     .summary = "Asks how a key's value is kept.", .subcommands = object_subcommands},
    {0},
};
