/* inside.c - a command that runs inside another, under the batons that the outer one holds: exec_run_inside of exec.h.
 *
 * It goes the way of a call (choose, route, run, count), but never waits: what would have to is answered with an error, and a
 * job's steps follow each other at once.
 *
 * Threads    The outer command's.
 * Invariant  No baton is taken or given up here.  */
#include "base/clock.h"
#include "base/number.h"
#include "exec/command_choose.h"
#include "exec/command_index.h"
#include "exec/command_keys.h"
#include "exec/exec.h"
#include "exec/finish.h"
#include "exec/inside.h"
#include "exec/part_run.h"
#include "exec/pin.h"
#include "exec/route.h"
#include "exec/scratch.h"
#include "exec/tracked.h"
#include "shard/access_clock.h"

#include <assert.h>

#define ERROR_NOT_HELD "ERR a command inside another may only use the shards that the outer one holds"
#define ERROR_TOO_DEEP "ERR too many commands inside each other"
#define ERROR_WOULD_WAIT "TRYAGAIN what the command needs is being read or changed in steps by another one"

/* --- which batons --- */

static bool holds(const struct server *server, uint32_t shard)
{
    return baton_is_mine(&server->shards[shard].baton);
}

static bool holds_all(const struct server *server)
{
    bool is_held = true;
    for (uint32_t i = 0; i < server->shard_count && is_held; i++) {
        is_held = holds(server, i);
    }
    return is_held;
}

static bool holds_keys(const struct server *server, const struct call *call)
{
    struct key_walk walk;
    uint32_t index;
    key_walk_begin(&walk, call->spec, call->argv, call->argc);
    bool is_held = true;
    while (is_held && key_walk_next(&walk, &index)) {
        is_held = holds(server, server_shard_of_key(server, call->argv[index])->number);
    }
    return is_held;
}

static bool holds_for_job(const struct server *server, int32_t shard)
{
    return shard == JOB_ALL_SHARDS ? holds_all(server) : shard == JOB_NO_SHARD || holds(server, (uint32_t)shard);
}

/* Does the outer command hold what the call needs? */
static bool holds_for_call(const struct server *server, const struct call *call)
{
    switch ((enum command_scope)call->spec->scope) {
    case SCOPE_KEYS:
        return call->is_exclusive ? holds_keys(server, call) : holds(server, call->shard);
    case SCOPE_ROUTED:
        return call->is_exclusive ? holds_all(server) : holds(server, call->shard);
    case SCOPE_ALL:
    case SCOPE_SCRIPT:
        return holds_all(server);
    case SCOPE_SESSION_KEYS:
        return holds_keys(server, call);
    case SCOPE_INSTANT:
    case SCOPE_SESSION:
    case SCOPE_TRANSACTION: /* it has none */
        break;
    }
    return true;
}

/* --- running --- */

/* New keys of the shards that it may touch begin with this moment. */
static void note_access(const struct exec *exec)
{
    for (uint32_t i = 0; i < exec->server->shard_count && exec->shard == NULL; i++) {
        if (holds(exec->server, i)) {
            struct shard *shard = &exec->server->shards[i];
            baton_assert_held(&shard->baton);
            shard_note_access(exec->thread, shard);
        }
    }
    if (exec->shard != NULL) {
        baton_assert_held(&exec->shard->baton);
        shard_note_access(exec->thread, exec->shard);
    }
}

static void report_owed(struct exec *exec)
{
    if (exec->effects == EFFECTS_OWED) {
        exec_report_words(exec);
    }
}

/* Those that a job has started, one behind the other. False: one needs a baton that is not held. */
static bool run_parts(struct exec *exec)
{
    const bool are_run = parts_run_inside(exec->thread, exec->parts);
    (void)parts_end(exec->thread, exec->parts); /* what they took is counted with the command */
    exec->parts = NULL;
    return are_run;
}

/* The steps of a job that a handler has left, one behind the other. */
static enum inside_outcome run_job(struct exec *exec)
{
    struct executor *executor = exec->thread->executor;
    struct job *job = exec->job;
    enum job_status status = JOB_MORE;
    bool is_held = true;
    executor->step_ends_ticks = UINT64_MAX; /* no step ends for the time's sake */
    while (status == JOB_MORE && !exec->reply->is_broken) {
        is_held = holds_for_job(exec->server, job->shard);
        if (!is_held) {
            break;
        }
        exec->shard = job->shard >= 0 ? &exec->server->shards[job->shard] : NULL;
        const struct scratch_mark mark = scratch_mark(executor);
        status = job->step(job, exec);
        report_owed(exec);
        if (status == JOB_PARTS) {
            is_held = run_parts(exec);
            status = is_held ? JOB_MORE : JOB_WAIT;
        }
        scratch_return_to(executor, mark);
    }
    if (status != JOB_DONE) {
        exec->session = NULL; /* it ends in the middle */
        exec->shard = NULL;
    }
    job->destroy(job, exec);
    if (status == JOB_DONE || exec->reply->is_broken) {
        return INSIDE_RAN;
    }
    reply_rewind(exec->reply);
    return is_held ? INSIDE_WOULD_WAIT : INSIDE_NOT_HELD;
}

enum inside_outcome inside_run(struct exec *exec, const struct call *call)
{
    if (!holds_for_call(exec->server, call)) {
        return INSIDE_NOT_HELD;
    }
    if (exec_waits_for_pins(exec)) {
        return INSIDE_WOULD_WAIT;
    }
    note_access(exec);
    call->spec->run(exec);
    if (exec->must_wait) {
        reply_rewind(exec->reply);
        return INSIDE_WOULD_WAIT;
    }
    if (exec->job != NULL) {
        return run_job(exec);
    }
    report_owed(exec);
    return INSIDE_RAN;
}

/* --- counting --- */

/* Of a bulk string, or of the head of an array: a sign, a number, a line's end. */
static size_t head_bytes(size_t number)
{
    char digits[INT64_TEXT_MAX];
    return 1 + uint64_format(number, digits) + 2;
}

/* The command as a client would have sent it. */
static size_t request_bytes(const struct call *call)
{
    size_t bytes = head_bytes(call->argc);
    for (uint32_t i = 0; i < call->argc; i++) {
        bytes += head_bytes(call->argv[i].len) + call->argv[i].len + 2;
    }
    return bytes;
}

static void count(struct thread *thread, struct call *call, const struct reply *reply, const struct session *session)
{
    call->request_bytes = request_bytes(call);
    call->reply_len = reply_len(reply);
    call->is_error = reply->is_error != REPLY_FINE;
    if (call->is_error) {
        call_count_error(thread, reply);
    }
    call_count(thread, call);
    if (call_is_costly(thread, call)) {
        call_report_costly(thread, call, session);
    }
}

/* What the inner command has done to the session and the data is the outer one's, too. */
static void take_over(struct exec *outer, const struct exec *inner, const struct call *call)
{
    if (inner->effects == EFFECTS_GIVEN) {
        outer->effects = EFFECTS_GIVEN;
    }
    if (outer->call != NULL) {
        outer->call->ends_connection |= call->ends_connection;
    }
}

void exec_run_chosen_inside(struct exec *outer, const struct command_spec *spec, struct bytes *words, uint32_t word_count, struct reply *reply)
{
    struct thread *thread = outer->thread;
    struct executor *executor = thread->executor;
    struct call call = {.spec = spec, .argv = words, .argc = word_count, .db = outer->db, .protocol = reply->protocol, .is_no_touch = outer->is_no_touch};
    assert(outer->effects != EFFECTS_OWED); /* they come before those of the inner command */
    if (outer->depth == EXEC_DEPTH_MAX) {
        reply_error(reply, ERROR_TOO_DEEP);
        return;
    }
    call_route(thread, &call);
    if (outer->unit == 0 && exec_wants_effects(outer)) {
        outer->unit = effects_new_unit(&outer->server->effects);
    }
    thread->logged.unit.next = outer->unit; /* rows of tables and keys that are lost belong to it, too */
    struct exec exec;
    exec_prepare(&exec, thread, &call, reply);
    exec.depth = (uint8_t)(outer->depth + 1);
    exec.now_ms = outer->now_ms;
    exec.unit = outer->unit;
    exec.is_out_of_memory = false;
    exec.session = call.spec->scope == SCOPE_KEYS ? NULL : outer->session;
    exec.shard = call.is_exclusive || call.spec->scope == SCOPE_INSTANT ? NULL : &outer->server->shards[call.shard];
    const uint64_t step_ends_ticks = executor->step_ends_ticks;
    const struct scratch_mark mark = scratch_mark(executor);
    const uint64_t before = clock_ticks();
    const enum inside_outcome outcome = inside_run(&exec, &call);
    if (outcome != INSIDE_RAN) {
        reply_error(reply, outcome == INSIDE_NOT_HELD ? ERROR_NOT_HELD : ERROR_WOULD_WAIT);
    }
    tracked_inside(&exec);
    call.ticks = clock_ticks() - before;
    scratch_return_to(executor, mark);
    executor->step_ends_ticks = step_ends_ticks;
    count(thread, &call, reply, outer->session);
    take_over(outer, &exec, &call);
}

void exec_run_inside(struct exec *outer, struct bytes *words, uint32_t word_count, struct reply *reply)
{
    struct thread *thread = outer->thread;
    const struct command_spec *spec;
    assert(word_count > 0 && reply_len(reply) == 0);
    if (command_choose(server_find_command(outer->server, words[0]), words, word_count, reply, &spec)) {
        exec_run_chosen_inside(outer, spec, words, word_count, reply);
        return;
    }
    call_count_error(thread, reply);
    if (spec != NULL) {
        stat_add(&thread->command_stats[spec->index].rejected, 1);
    }
}
