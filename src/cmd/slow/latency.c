/* latency.c - LATENCY LATEST, HISTORY, RESET, GRAPH, DOCTOR, HISTOGRAM.  */
#include "base/clock.h"
#include "cmd/core/answers.h"
#include "cmd/core/command_name.h"
#include "cmd/slow/latency_log.h"
#include "cmd/slow/latency_report.h"
#include "cmd/slow/slow_rows.h"
#include "exec/exec.h"
#include "shard/server.h"
#include "shard/thread_stats.h"

static void command_latency_latest(struct exec *exec)
{
    struct latency_log *log = exec->server->latency_log;
    struct latency_event event;
    size_t count = 0;
    size_t mark = reply_deferred_begin(exec->reply);
    for (; latency_log_at(log, count, &event); count++) {
        const struct latency_sample *latest = &event.samples[event.count - 1];
        reply_array(exec->reply, 4);
        reply_bulk_string(exec->reply, event.name);
        reply_integer(exec->reply, latest->seconds);
        reply_integer(exec->reply, latest->ms);
        reply_integer(exec->reply, event.worst_ms);
    }
    reply_deferred_end(exec->reply, mark, '*', count);
}

static void command_latency_history(struct exec *exec)
{
    struct latency_event event = {.count = 0};
    if (!latency_log_find(exec->server->latency_log, exec->argv[2], &event)) {
        reply_array(exec->reply, 0);
        return;
    }
    reply_array(exec->reply, event.count);
    for (size_t i = 0; i < event.count; i++) {
        reply_array(exec->reply, 2);
        reply_integer(exec->reply, event.samples[i].seconds);
        reply_integer(exec->reply, event.samples[i].ms);
    }
}

static void command_latency_reset(struct exec *exec)
{
    struct latency_log *log = exec->server->latency_log;
    if (exec->argc == 2) {
        reply_integer(exec->reply, (int64_t)latency_log_clear(log));
        return;
    }
    int64_t count = 0;
    for (uint32_t i = 2; i < exec->argc; i++) {
        count += latency_log_forget(log, exec->argv[i]);
    }
    reply_integer(exec->reply, count);
}

static void reply_text(struct exec *exec, bool is_complete, struct buffer *text)
{
    if (is_complete) {
        reply_verbatim(exec->reply, "txt", buffer_bytes(text));
    } else {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
    buffer_release(text);
}

static void command_latency_graph(struct exec *exec)
{
    struct latency_event event;
    if (!latency_log_find(exec->server->latency_log, exec->argv[2], &event)) {
        reply_errorf(exec->reply, "ERR No samples available for event '%.*s'", (int)exec->argv[2].len, exec->argv[2].data);
        return;
    }
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    bool is_complete = latency_append_graph(&event, clock_wall_ms() / 1000, &text);
    reply_text(exec, is_complete, &text);
}

static void command_latency_doctor(struct exec *exec)
{
    const struct config *config = exec->server->config;
    const struct latency_doctor doctor = {
        .threshold_ms = atomic_load_explicit(&config->latency_monitor_threshold, memory_order_relaxed),
        .slowlog_slower_than_us = atomic_load_explicit(&config->slowlog_log_slower_than, memory_order_relaxed),
    };
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    bool is_complete = latency_append_diagnosis(exec->server->latency_log, &doctor, &text);
    reply_text(exec, is_complete, &text);
}

/* --- HISTOGRAM --- */

/* The end of a bucket as Redis's histograms name it: they keep two digits, so that the end is a 128th above the power of two. */
static int64_t bucket_us(unsigned bucket)
{
    int64_t ns = INT64_C(1024) << bucket;
    return (ns + ns / 128 - 1) / 1000;
}

/* One command's figures of all threads. Returns false, and replies nothing, when it was never called. */
static bool reply_histogram(struct exec *exec, const struct command_spec *spec)
{
    uint64_t counts[COMMAND_LATENCY_BUCKETS] = {0};
    uint64_t total = 0;
    for (uint32_t t = 0; t < exec->server->shard_count; t++) {
        const struct command_stats *stats = &thread_command_stats(server_thread(exec->server, t))[spec->index];
        for (unsigned b = 0; b < COMMAND_LATENCY_BUCKETS; b++) {
            uint32_t count = __atomic_load_n(&stats->latency[b], __ATOMIC_RELAXED);
            counts[b] += count;
            total += count;
        }
    }
    if (total == 0) {
        return false;
    }
    char name[COMMAND_NAME_MAX];
    command_full_name(spec, name);
    reply_bulk_string(exec->reply, name);
    reply_map(exec->reply, 2);
    reply_bulk_string(exec->reply, "calls");
    reply_integer(exec->reply, (int64_t)total);
    reply_bulk_string(exec->reply, "histogram_usec");
    size_t mark = reply_deferred_begin(exec->reply);
    size_t pairs = 0;
    uint64_t so_far = 0;
    for (unsigned b = 0; b < COMMAND_LATENCY_BUCKETS; b++) {
        so_far += counts[b];
        if (counts[b] > 0) {
            reply_integer(exec->reply, bucket_us(b));
            reply_integer(exec->reply, (int64_t)so_far);
            pairs++;
        }
    }
    reply_deferred_end(exec->reply, mark, '%', pairs);
    return true;
}

static size_t reply_histograms_below(struct exec *exec, const struct command_spec *spec)
{
    size_t count = reply_histogram(exec, spec);
    for (const struct command_spec *row = spec->subcommands; row != NULL && row->name != NULL; row++) {
        count += reply_histogram(exec, row);
    }
    return count;
}

static void command_latency_histogram(struct exec *exec)
{
    const struct server *server = exec->server;
    size_t count = 0;
    size_t mark = reply_deferred_begin(exec->reply);
    if (exec->argc == 2) {
        for (uint32_t i = 0; i < server->command_count; i++) {
            count += reply_histogram(exec, server->commands[i]);
        }
    }
    for (uint32_t i = 2; i < exec->argc; i++) {
        const struct command_spec *spec = command_find_full(server, exec->argv[i]);
        count += spec == NULL ? 0 : reply_histograms_below(exec, spec);
    }
    reply_deferred_end(exec->reply, mark, '%', count);
}

#define LATENCY_FLAGS (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)
#define ASK_ALL_NODES "nondeterministic_output request_policy:all_nodes response_policy:special"

static const struct command_spec latency_subcommands[] = {
    {.name = "doctor", .run = command_latency_doctor, .arity = 2, .scope = SCOPE_SESSION, .flags = LATENCY_FLAGS,
     .since = "2.8.13", .group = "server", .complexity = "O(1)", .summary = "Tells what was slow and what may help.",
     .tips = ASK_ALL_NODES},
    {.name = "graph", .run = command_latency_graph, .arity = 3, .scope = SCOPE_SESSION, .flags = LATENCY_FLAGS,
     .since = "2.8.13", .group = "server", .complexity = "O(1)", .summary = "Draws the samples of an event.",
     .syntax = "event", .tips = ASK_ALL_NODES},
    {COMMAND_HELP_ROW, .since = "2.8.13", .group = "server"},
    {.name = "histogram", .run = command_latency_histogram, .arity = -2, .scope = SCOPE_SESSION, .flags = LATENCY_FLAGS,
     .since = "7.0.0", .group = "server", .complexity = "O(N), N the number of commands that were called",
     .summary = "Returns how often commands took how long.", .syntax = "[command [command ...]]", .tips = ASK_ALL_NODES},
    {.name = "history", .run = command_latency_history, .arity = 3, .scope = SCOPE_SESSION, .flags = LATENCY_FLAGS,
     .since = "2.8.13", .group = "server", .complexity = "O(1)", .summary = "Returns the samples of an event.",
     .syntax = "event", .tips = ASK_ALL_NODES},
    {.name = "latest", .run = command_latency_latest, .arity = 2, .scope = SCOPE_SESSION, .flags = LATENCY_FLAGS,
     .since = "2.8.13", .group = "server", .complexity = "O(1)", .summary = "Returns the latest sample of every event.",
     .tips = ASK_ALL_NODES},
    {.name = "reset", .run = command_latency_reset, .arity = -2, .scope = SCOPE_SESSION, .flags = LATENCY_FLAGS,
     .since = "2.8.13", .group = "server", .complexity = "O(1)", .summary = "Forgets the samples of some or all events.",
     .syntax = "[event [event ...]]", .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {0},
};

const struct command_spec latency_commands[] = {
    {.name = "latency", .arity = -2, .since = "2.8.13", .group = "server", .complexity = "Depends on the subcommand.",
     .summary = "Commands about events that took long.", .subcommands = latency_subcommands},
    {0},
};
