/* debug.c - DEBUG DIGEST, DIGEST-VALUE, EFFECTS, HOLD, INSIDE, OBJECT, SET-ACTIVE-EXPIRE, SET-EXPIRY, SLEEP, SNAPSHOT-DIGEST: for tests of the
 * server and of clients; REFUSE-MEMORY in builds with debug asserts.
 *
 * One command as in Redis, with subcommands of its own: each is one step of a job under the batons that it needs. Whether a
 * connection may use it says enable-debug-command.  */
#include "base/number.h"
#include "client/session.h"
#include "client/sessions.h"
#include "cmd/core/answers.h"
#include "cmd/digest/digest_steps.h"
#include "cmd/digest/snapshot_digest.h"
#include "cmd/persistence/reload.h"
#include "cmd/server/allowed.h"
#include "cmd/server/effect_feed.h"
#include "cmd/server/server_rows.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { DEBUG_SLEEP_SECONDS_MAX = 86400, DEBUG_HOLD_MS_MAX = 60000 };

struct debug_job {
    struct job job;
    struct timespec sleep;
    bool is_expiry_off;
    int64_t refuse_after;
    struct pin pin;      /* HOLD */
    uint32_t hold_ms;
    bool refuses_any;
};

static void destroy_job(struct job *job, struct exec *exec)
{
    exec_unpin(exec, &((struct debug_job *)job)->pin);
    thread_free(MEM_SERVER, job, sizeof(struct debug_job));
}

/* --- SLEEP --- */

/* style: the one place that holds batons across a system call, since stopping everything is what was asked for. */
static enum job_status sleep_step(struct job *job, struct exec *exec)
{
    struct timespec left = ((struct debug_job *)job)->sleep;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    reply_ok(exec->reply);
    return JOB_DONE;
}

static bool prepare_sleep(struct exec *exec, struct debug_job *debug)
{
    double seconds;
    if (!double_parse(exec->argv[2], &seconds) || !(seconds >= 0 && seconds <= DEBUG_SLEEP_SECONDS_MAX)) {
        reply_error(exec->reply, ERROR_NOT_FLOAT);
        return false;
    }
    debug->sleep.tv_sec = (time_t)seconds;
    debug->sleep.tv_nsec = (long)((seconds - (double)debug->sleep.tv_sec) * 1e9);
    return true;
}

/* --- OBJECT --- */

/* Bytes of the string in Redis's snapshot format, uncompressed: small integers and lengths have short forms. */
static size_t snapshot_bytes(const struct entry *entry)
{
    int64_t number;
    size_t len = entry_string_len(entry);
    if (entry_integer(entry, &number) && number >= INT32_MIN && number <= INT32_MAX) {
        return number >= INT8_MIN && number <= INT8_MAX ? 2 : number >= INT16_MIN && number <= INT16_MAX ? 3 : 5;
    }
    return len + (len < 64 ? 1 : len < 16384 ? 2 : 5);
}

static enum job_status object_step(struct job *job, struct exec *exec)
{
    (void)job;
    struct key key = exec_key(exec, 2);
    struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    if (entry == NULL) {
        reply_error(exec->reply, ERROR_NO_KEY);
        return JOB_DONE;
    }
    enum { CLOCK_BITS = 24 };
    uint32_t clock = (uint32_t)(exec->now_ms / 1000) & ((1U << CLOCK_BITS) - 1);
    uint32_t idle_seconds = (clock - entry_access(entry)) & ((1U << CLOCK_BITS) - 1);
    size_t serialized = entry_type(entry) == VALUE_STRING ? snapshot_bytes(entry) : entry_memory_bytes(entry);
    char text[256];
    snprintf(text, sizeof text, "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%u lru_seconds_idle:%u",
             (void *)entry, entry_encoding_name(entry), serialized, entry_access(entry), idle_seconds);
    reply_simple(exec->reply, bytes_of_string(text));
    return JOB_DONE;
}

static bool prepare_object(struct exec *exec, struct debug_job *debug)
{
    debug->job.shard = (int32_t)server_shard_of_key(exec->server, exec->argv[2])->number;
    return true;
}

/* --- SET-ACTIVE-EXPIRE --- */

static enum job_status set_active_expire_step(struct job *job, struct exec *exec)
{
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        exec->server->shards[i].is_expiry_off = ((struct debug_job *)job)->is_expiry_off;
    }
    reply_ok(exec->reply);
    return JOB_DONE;
}

static bool prepare_set_active_expire(struct exec *exec, struct debug_job *debug)
{
    int64_t is_on;
    if (!exec_int64_argument(exec, 2, &is_on)) {
        return false;
    }
    debug->is_expiry_off = is_on == 0;
    return true;
}

/* --- SET-EXPIRY --- */

static enum job_status set_expiry_step(struct job *job, struct exec *exec)
{
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        exec->server->shards[i].owner.is_expiry_off = ((struct debug_job *)job)->is_expiry_off;
    }
    reply_ok(exec->reply);
    return JOB_DONE;
}

/* --- EFFECTS --- */

static enum job_status effects_step(struct job *job, struct exec *exec)
{
    (void)job;
    reply_ok(exec->reply);
    effect_feed_begin(exec);
    return JOB_DONE;
}

/* --- HOLD --- */

/* Pins the key, as a job that reads it does, and gives it up when the time is over. */
static enum job_status hold_step(struct job *job, struct exec *exec)
{
    struct debug_job *debug = (struct debug_job *)job;
    if (debug->pin.shard == NULL) {
        if (!exec_pin(exec, exec_key(exec, 2), NULL, &debug->pin)) {
            return JOB_WAIT;
        }
        exec->pause_ms = debug->hold_ms;
        return JOB_PAUSE;
    }
    exec_unpin(exec, &debug->pin);
    reply_ok(exec->reply);
    return JOB_DONE;
}

static bool prepare_hold(struct exec *exec, struct debug_job *debug)
{
    int64_t hold_ms;
    if (!exec_int64_argument(exec, 3, &hold_ms)) {
        return false;
    }
    if (hold_ms < 0 || hold_ms > DEBUG_HOLD_MS_MAX) {
        reply_errorf(exec->reply, "ERR a key is held for up to %d ms", DEBUG_HOLD_MS_MAX);
        return false;
    }
    debug->hold_ms = (uint32_t)hold_ms;
    debug->job.shard = (int32_t)server_shard_of_key(exec->server, exec->argv[2])->number;
    return true;
}

/* --- INSIDE --- */

/* The words behind INSIDE are a command of their own, for which this one holds all batons. */
static enum job_status inside_step(struct job *job, struct exec *exec)
{
    (void)job;
    enum { FIRST_WORD = 2 };
    const uint32_t count = exec->argc - FIRST_WORD;
    struct bytes *words = exec_scratch(exec, count * sizeof *words);
    if (words == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return JOB_DONE;
    }
    memcpy(words, exec->argv + FIRST_WORD, count * sizeof *words);
    struct buffer buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    struct reply reply;
    reply_begin(&reply, &buffer, exec->reply->protocol);
    exec_run_inside(exec, words, count, &reply);
    reply_raw(exec->reply, buffer_bytes(reply.out));
    exec->reply->is_broken |= reply.is_broken;
    buffer_release(&reply.own);
    buffer_release(&buffer);
    return JOB_DONE;
}

/* --- REFUSE-MEMORY --- */

#if defined(TESSERA_DEBUG_ASSERT)
/* The reply says what the last one came to: -1, a request was refused. */
static enum job_status refuse_memory_step(struct job *job, struct exec *exec)
{
    const struct debug_job *debug = (const struct debug_job *)job;
    if (debug->refuses_any) {
        reply_integer(exec->reply, any_heap_refuse_left());
        any_heap_refuse_after(debug->refuse_after);
    } else {
        reply_integer(exec->reply, thread_heap_refuse_left());
        thread_heap_refuse_after(debug->refuse_after);
    }
    return JOB_DONE;
}

static bool prepare_refuse_memory(struct exec *exec, struct debug_job *debug)
{
    debug->refuses_any = exec->argc == 4 && bytes_equal_ignore_case(exec->argv[3], BYTES("ALL"));
    if (exec->argc > 4 || (exec->argc == 4 && !debug->refuses_any)) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return exec_int64_argument(exec, 2, &debug->refuse_after);
}
#endif

/* --- the command --- */

static const struct debug_row {
    const char *name, *syntax, *summary;
    int16_t arity; /* all words: as in struct command_spec */
    enum job_status (*step)(struct job *job, struct exec *exec);
    int32_t shard;
    bool (*prepare)(struct exec *exec, struct debug_job *debug); /* reads the argument; false: replied an error. NULL: nothing to read */
    void (*start)(struct exec *exec); /* instead of a step: a handler that starts a job of its own */
} debug_rows[] = {
    {"DIGEST", "", "Tells what all data are, in 40 digits.", 2, digest_step, JOB_ALL_SHARDS, NULL, NULL},
    {"DIGEST-VALUE", "[<key> ...]", "The same of single values, without their names.", -2, digest_value_step, JOB_ALL_SHARDS,
     NULL, NULL},
    {"EFFECTS", "", "Sends from now on, as commands, how to repeat each change of data on an empty server.", 2, effects_step,
     JOB_ALL_SHARDS, NULL, NULL},
    {"HOLD", "<key> <milliseconds>", "Pins a key for some time: whoever writes it waits.", 4, hold_step, JOB_NO_SHARD,
     prepare_hold, NULL},
    {"INSIDE", "<command> [<arg> ...]", "Runs a command inside this one, which holds all shards.", -3, inside_step,
     JOB_ALL_SHARDS, NULL, NULL},
    {"LOADAOF", "", "Takes all data out, and loads them from the log.", 2, NULL, JOB_NO_SHARD, NULL, command_debug_loadaof},
    {"OBJECT", "<key>", "Tells how a key's value is kept.", 3, object_step, JOB_NO_SHARD, prepare_object, NULL},
    {"RELOAD", "[NOSAVE]", "Saves all data, takes them out, and loads what was saved; or (NOSAVE) the last file.", -2, NULL,
     JOB_NO_SHARD, NULL, command_debug_reload},
#if defined(TESSERA_DEBUG_ASSERT)
    {"REFUSE-MEMORY", "<n> [ALL]", "Refuses this thread, or all, the n+1st request for memory from now on; -1 none.", -3,
     refuse_memory_step, JOB_NO_SHARD, prepare_refuse_memory, NULL},
#endif
    {"SET-ACTIVE-EXPIRE", "<0|1>", "Turns the removal of expired keys that nobody asks for off or on.", 3,
     set_active_expire_step, JOB_ALL_SHARDS, prepare_set_active_expire, NULL},
    {"SET-EXPIRY", "<0|1>", "Turns expiry off or on: without it keys go only when a command says so, as for the effects of another "
                            "server.", 3, set_expiry_step, JOB_ALL_SHARDS, prepare_set_active_expire, NULL},
    {"SLEEP", "<seconds>", "Stops all shards for some seconds; fractions are allowed.", 3, sleep_step,
     JOB_ALL_SHARDS, prepare_sleep, NULL},
    {"SNAPSHOT-DIGEST", "<BEGIN|END>", "BEGIN tells DIGEST and remembers the moment; END tells what DIGEST was then.", 3,
     snapshot_digest_step, JOB_ALL_SHARDS, NULL, NULL},
};
enum { DEBUG_ROW_COUNT = sizeof debug_rows / sizeof debug_rows[0] };

static void reply_debug_help(struct reply *reply)
{
    char line[128];
    reply_array(reply, 1 + 2 * DEBUG_ROW_COUNT + 2);
    reply_simple(reply, BYTES("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (size_t i = 0; i < DEBUG_ROW_COUNT; i++) {
        snprintf(line, sizeof line, "%s%s%s", debug_rows[i].name, *debug_rows[i].syntax == '\0' ? "" : " ", debug_rows[i].syntax);
        reply_simple(reply, bytes_of_string(line));
        snprintf(line, sizeof line, "    %s", debug_rows[i].summary);
        reply_simple(reply, bytes_of_string(line));
    }
    reply_simple(reply, BYTES("HELP"));
    reply_simple(reply, BYTES("    Lists the subcommands."));
}

static void start_debug_job(struct exec *exec, const struct debug_row *row)
{
    struct debug_job *debug = thread_alloc_zeroed(MEM_SERVER, sizeof *debug);
    if (debug == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    debug->job = (struct job){.step = row->step, .destroy = destroy_job, .shard = row->shard};
    if (row->prepare == NULL || row->prepare(exec, debug)) {
        exec_start_job(exec, &debug->job);
    } else {
        destroy_job(&debug->job, exec);
    }
}

static bool has_as_many_words(const struct exec *exec, const struct debug_row *row)
{
    return row->arity >= 0 ? exec->argc == (uint32_t)row->arity : exec->argc >= (uint32_t)-row->arity;
}

static void command_debug(struct exec *exec)
{
    if (!is_allowed_to(exec, &exec->server->config->enable_debug_command)) {
        reply_error(exec->reply, "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
                                 "can run it from a local connection, otherwise you need to set this option in the "
                                 "configuration file, and then restart the server.");
        return;
    }
    if (exec->argc == 2 && bytes_equal_ignore_case(exec->argv[1], BYTES("HELP"))) {
        reply_debug_help(exec->reply);
        return;
    }
    for (size_t i = 0; i < DEBUG_ROW_COUNT; i++) {
        const struct debug_row *row = &debug_rows[i];
        if (!bytes_equal_ignore_case(exec->argv[1], bytes_of_string(row->name)) || !has_as_many_words(exec, row)) {
            continue;
        }
        if (row->start != NULL) {
            row->start(exec);
        } else {
            start_debug_job(exec, row);
        }
        return;
    }
    reply_errorf(exec->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try DEBUG HELP.",
                 (int)(exec->argv[1].len > 128 ? 128 : exec->argv[1].len), exec->argv[1].data);
}

const struct command_spec debug_commands[] = {
    {.name = "debug", .run = command_debug, .arity = -2, .scope = SCOPE_SESSION,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE, .since = "1.0.0", .group = "server",
     .complexity = "Depends on the subcommand.", .summary = "Commands for tests of the server and of clients."},
    {0},
};
