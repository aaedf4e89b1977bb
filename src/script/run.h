/* run.h - a script runs, inside of the call that asked for it.
 *
 * Its commands run one after the other under the batons that the call holds. What the script returns, or the error that ended it, is the
 * call's reply.
 *
 * Threads    The connection's, which has the Lua state.
 * Invariant  When script_run returns, the Lua stack is as it was but for the function, which is gone; the session has its database back.
 * Source     Redis 7.0's documentation of scripts and of the Lua API.  */
#ifndef SCRIPT_RUN_H
#define SCRIPT_RUN_H

#include "base/bytes.h"
#include "mem/buffer.h"
#include "script/runs.h"

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

struct exec;
struct script_state;

/* What runs: the function on top of the Lua stack. */
struct script_task {
    const char *name;                /* in error texts: the SHA-1, or the name of a function */
    uint32_t flags;                  /* enum script_flag of registry.h */
    bool is_read_only;               /* EVAL_RO and the like */
    bool is_function;                /* FCALL's: FUNCTION KILL ends it */
    bool has_globals;                /* KEYS and ARGV are globals; else they are the function's two arguments */
    uint32_t first_key, key_count;   /* words of the command; arguments are all behind them */
};

/* One that runs now. */
struct script_run {
    struct exec *exec;
    const struct script_task *task;
    bool is_read_only;
    bool allows_oom;                 /* what needs memory may run, though there is none */
    bool has_written;                /* a command that writes was called: the script cannot be killed */
    struct script_entry entry;
    uint32_t session_db;             /* the connection's, which it does not change */
    uint8_t protocol;                /* redis.setresp */
    struct buffer words, texts, replies; /* of the command that it calls: used again and again */
    struct buffer reply_own;         /* a long reply, while its value is made */
};

void script_run(struct exec *exec, struct script_state *state, const struct script_task *task);
/* Before the first script_run of a state, in a protected call. */
void script_open_handler(lua_State *lua);

#endif
