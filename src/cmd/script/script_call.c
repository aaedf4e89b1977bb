/* script_call.c - see script_call.h.  */
#include "cmd/script/script_call.h"

#include "base/number.h"
#include "client/feed.h"
#include "client/monitor.h"
#include "exec/pin.h"
#include "script/engine.h"
#include "script/runs.h"
#include "shard/pinned.h"
#include "shard/server.h"

const struct command_key_spec script_write_keys[] = {
    {.flags = "RW access update", .index = 2, .search = KEYS_COUNTED, .first = 1, .step = 1},
    {0},
};
const struct command_key_spec script_read_keys[] = {
    {.flags = "RO access", .index = 2, .search = KEYS_COUNTED, .first = 1, .step = 1},
    {0},
};

bool script_is_read_only(const struct exec *exec)
{
    return (exec->spec->flags & COMMAND_READONLY) != 0;
}

bool script_undeclared_need_all(const struct server *server)
{
    return atomic_load_explicit(&server->config->script_undeclared_keys, memory_order_relaxed) == UNDECLARED_LOCK_ALL;
}

bool script_read_key_count(struct exec *exec, const char *not_a_number, uint32_t *out)
{
    int64_t count;
    if (!int64_parse(exec->argv[2], &count)) {
        reply_error(exec->reply, not_a_number);
        return false;
    }
    if (count > (int64_t)exec->argc - SCRIPT_FIRST_KEY) {
        reply_error(exec->reply, "ERR Number of keys can't be greater than number of args");
        return false;
    }
    if (count < 0) {
        reply_error(exec->reply, "ERR Number of keys can't be negative");
        return false;
    }
    *out = (uint32_t)count;
    return true;
}

/* --- waiting --- */

bool script_waits_for_any(struct exec *exec)
{
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        struct shard *shard = &exec->server->shards[i];
        baton_assert_held(&shard->baton);
        if (shard_job_pins(shard) > 0 || shard->lock_count > 0) {
            exec_wait_for(exec, shard, WAIT_PINS, 0, WAIT_ALONE);
            return true;
        }
    }
    return false;
}

/* The keys that it names are looked at as if it wrote them, unless it cannot. */
static bool waits_for_own(struct exec *exec)
{
    const struct command_spec *spec = exec->spec;
    struct command_spec writing = *spec;
    writing.flags |= script_is_read_only(exec) ? 0 : COMMAND_WRITE;
    exec->spec = &writing;
    const bool waits = exec_waits_for_keys(exec);
    exec->spec = spec;
    return waits;
}

static bool holds_all(const struct server *server)
{
    bool is_held = true;
    for (uint32_t i = 0; i < server->shard_count && is_held; i++) {
        is_held = baton_is_mine(&server->shards[i].baton);
    }
    return is_held;
}

bool script_must_wait(struct exec *exec, bool keeps_to_keys)
{
    if (exec->depth > 0) {
        return false; /* EXEC has asked for all: script_waits_for_any */
    }
    return !keeps_to_keys && holds_all(exec->server) ? script_waits_for_any(exec) : waits_for_own(exec);
}

void script_feed_monitors(const struct exec *exec)
{
    if (feed_is_wanted(exec->server, FEED_MONITOR)) {
        monitor_feed_words(exec->thread, &(struct monitored){exec->session, NULL, exec->spec, exec->argv, exec->argc});
    }
}

void script_kill(struct exec *exec, bool of_functions)
{
    switch (script_runs_kill(exec->server->scripts->runs, of_functions)) {
    case KILL_DONE:
        reply_ok(exec->reply);
        break;
    case KILL_NONE_RUNS:
        reply_error(exec->reply, "NOTBUSY No scripts in execution right now.");
        break;
    case KILL_OTHER_KIND:
        reply_errorf(exec->reply, "BUSY Redis is busy running a script. You can only call %s KILL or SHUTDOWN NOSAVE.", of_functions ? "SCRIPT" : "FUNCTION");
        break;
    case KILL_HAS_WRITTEN:
        reply_error(exec->reply, "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the "
                                 "script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.");
        break;
    }
}
