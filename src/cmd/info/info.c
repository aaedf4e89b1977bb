/* info.c - INFO: which sections are wanted, and their text as one reply; METRICS, the same figures for Prometheus.
 *
 * Sections are rows, each with the function that writes it. Some want every shard's heap walked: then a job visits the shards
 * one by one, each for a moment under its baton, and writes the text afterwards. Keys and memory are counted at one moment, under all batons
 * while no command is half done, so that they show no part of one. METRICS does not wait for that: who watches the server is to see it at work.
 *
 * Threads    The connection's own; other counters are read relaxed.
 * Limits     A walk costs a shard 25 ns for each 64 KiB of its heap (0.4 ms a GiB).
 * Read on    info_server.c, info_memory.c, info_stats.c, info_shards.c, info_tables.c; docs/COMPATIBILITY.md, "INFO".  */
#include "cmd/core/answers.h"
#include "cmd/info/info_rows.h"
#include "cmd/info/info_sections.h"
#include "cmd/info/info_tables.h"

#include "base/number.h"
#include "exec/exec.h"

enum { INFO_TEXT_START = 8192 };

struct section {
    const char *name, *title;
    info_section_fn *write;
    bool is_default;  /* in a plain INFO */
    bool wants_walks, wants_moment, wants_tables;
};

/* In the order of the reply. */
static const struct section sections[] = {
    {"server", "Server", info_write_server, true, false, false, false},
    {"clients", "Clients", info_write_clients, true, false, false, false},
    {"memory", "Memory", info_write_memory, true, true, true, false},
    {"persistence", "Persistence", info_write_persistence, true, false, false, false},
    {"stats", "Stats", info_write_stats, true, false, false, false},
    {"replication", "Replication", info_write_replication, true, false, false, false},
    {"cpu", "CPU", info_write_cpu, true, false, false, false},
    {"modules", "Modules", NULL, true, false, false, false},
    {"commandstats", "Commandstats", info_write_commandstats, false, false, false, false},
    {"errorstats", "Errorstats", info_write_errorstats, true, false, false, false},
    {"latencystats", "Latencystats", info_write_latencystats, false, false, false, false},
    {"cluster", "Cluster", info_write_cluster, true, false, false, false},
    {"keyspace", "Keyspace", info_write_keyspace, true, false, true, false},
    {"shards", "Shards", info_write_shards, false, true, false, false},
    {"tables", "Tables", info_write_tables, false, false, false, true},
};

enum { SECTION_COUNT = sizeof sections / sizeof sections[0] };

_Static_assert(SECTION_COUNT < 32, "a set of sections has 32 bits");

/* --- which sections --- */

/* A set of sections: bit i stands for sections[i]. */
static uint32_t sections_all(void)
{
    return (UINT32_C(1) << SECTION_COUNT) - 1;
}

static uint32_t sections_default(void)
{
    uint32_t set = 0;
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        set |= (uint32_t)sections[i].is_default << i;
    }
    return set;
}

static uint32_t sections_by_name(struct bytes name)
{
    if (bytes_equal_ignore_case(name, BYTES("default"))) {
        return sections_default();
    }
    if (bytes_equal_ignore_case(name, BYTES("all")) || bytes_equal_ignore_case(name, BYTES("everything"))) {
        return sections_all();
    }
    if (bytes_equal_ignore_case(name, BYTES("module_list"))) {
        name = BYTES("modules");
    }
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        if (bytes_equal_ignore_case(name, bytes_of_string(sections[i].name))) {
            return UINT32_C(1) << i;
        }
    }
    return 0; /* as Redis: an unknown name adds nothing */
}

static uint32_t sections_wanted(const struct exec *exec)
{
    if (exec->argc == 1) {
        return sections_default();
    }
    uint32_t set = 0;
    for (uint32_t i = 1; i < exec->argc; i++) {
        set |= sections_by_name(exec->argv[i]);
    }
    return set;
}

/* What the sections of the set want. */
static struct section wants_of(uint32_t set)
{
    struct section wants = {0};
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        if ((set >> i & 1) != 0) {
            wants.wants_walks |= sections[i].wants_walks;
            wants.wants_moment |= sections[i].wants_moment;
            wants.wants_tables |= sections[i].wants_tables;
        }
    }
    return wants;
}

/* --- the reply --- */

struct info_job {
    struct job job;
    uint32_t sections;
    bool has_walks;
    bool is_counted;          /* walks and moment are behind: tables come next, or the text */
    bool is_metrics;
    uint32_t shard_count;
    struct info_tables tables;
    struct memory_figures memory;
    struct buffer keyspace;   /* the section's text */
    bool is_refused;          /* memory was, for that or for the tables */
    struct heap_walk walks[]; /* one a shard */
};

/* `job` NULL when no section of `set` wants anything of it. */
static void reply_info(struct exec *exec, uint32_t set, struct info_job *job)
{
    struct info info = {.server = exec->server, .now_ms = exec->now_ms, .text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER)};
    if (job != NULL) {
        info.keyspace = buffer_bytes(&job->keyspace);
        info.tables = &job->tables;
    }
    if (job != NULL && job->has_walks) {
        memory_figures_derive(exec->server, job->walks, &job->memory);
        info.walks = job->walks;
        info.memory = &job->memory;
    }
    info.is_metrics = job != NULL && job->is_metrics;
    info.is_refused = !buffer_reserve(&info.text, INFO_TEXT_START) || (job != NULL && job->is_refused);
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        if ((set >> i & 1) == 0) {
            continue;
        }
        if (!info.is_metrics) {
            info_printf(&info, "%s# %s\r\n", info.text.len > 0 ? "\r\n" : "", sections[i].title);
        }
        info.section = sections[i].name;
        if (sections[i].write != NULL) {
            sections[i].write(&info);
        }
    }
    if (info.is_refused) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
    } else {
        reply_verbatim(exec->reply, "txt", buffer_bytes(&info.text));
    }
    buffer_release(&info.text);
}

static size_t info_job_bytes(uint32_t shard_count)
{
    return sizeof(struct info_job) + shard_count * sizeof(struct heap_walk);
}

/* The batons of the next step: shard 0's for tables, else none, for the text. */
static enum job_status end_counting(struct info_job *job)
{
    job->is_counted = true;
    job->job.shard = wants_of(job->sections).wants_tables ? 0 : JOB_NO_SHARD;
    return JOB_MORE;
}

static enum job_status look_at_tables(struct info_job *job, const struct shard *shard)
{
    baton_assert_held(&shard->baton);
    job->is_refused |= !info_tables_look(&job->tables, job->is_metrics ? METRIC_TABLES_MAX : INFO_TABLES_MAX, shard);
    job->job.shard = JOB_NO_SHARD;
    return JOB_MORE;
}

/* Under all batons. Memory is counted before any is taken for text: what is told must not depend on the telling. */
static enum job_status look_at_moment(struct info_job *job, struct exec *exec)
{
    if (!job->is_metrics && wants_of(job->sections).wants_moment && exec_waits_for_changes(exec)) {
        return JOB_WAIT;
    }
    if (job->has_walks) {
        memory_figures_count(exec->server, &job->memory);
    }
    if ((job->sections & sections_by_name(BYTES("keyspace"))) != 0) {
        struct info info = {.server = exec->server, .is_metrics = job->is_metrics, .text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER)};
        info_look_at_keyspace(&info);
        job->keyspace = info.text;
        job->is_refused |= info.is_refused;
    }
    return end_counting(job);
}

static enum job_status info_job_step(struct job *job, struct exec *exec)
{
    struct info_job *info_job = (struct info_job *)job;
    if (job->shard == JOB_NO_SHARD) {
        reply_info(exec, info_job->sections, info_job);
        return JOB_DONE;
    }
    if (job->shard == JOB_ALL_SHARDS) {
        return look_at_moment(info_job, exec);
    }
    if (info_job->is_counted) {
        return look_at_tables(info_job, exec->shard);
    }
    baton_assert_held(&exec->shard->baton);
    memory_walk_shard(exec->shard, &info_job->walks[job->shard]);
    job->shard++;
    if ((uint32_t)job->shard == exec->server->shard_count) {
        job->shard = JOB_ALL_SHARDS;
    }
    return JOB_MORE;
}

static void info_job_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    struct info_job *info_job = (struct info_job *)job;
    buffer_release(&info_job->keyspace);
    info_tables_release(&info_job->tables);
    thread_free(MEM_SERVER, job, info_job_bytes(info_job->shard_count));
}

static void start_job(struct exec *exec, uint32_t set, bool is_metrics)
{
    const struct section wants = wants_of(set);
    struct info_job *job = thread_alloc_zeroed(MEM_SERVER, info_job_bytes(exec->server->shard_count));
    if (job == NULL) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
        return;
    }
    job->job = (struct job){.step = info_job_step, .destroy = info_job_destroy, .shard = wants.wants_walks ? 0 : JOB_ALL_SHARDS};
    job->sections = set;
    job->has_walks = wants.wants_walks;
    job->is_metrics = is_metrics;
    job->keyspace = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    job->tables = INFO_TABLES_EMPTY;
    job->shard_count = exec->server->shard_count;
    if (!wants.wants_walks && !wants.wants_moment) {
        (void)end_counting(job);
    }
    exec_start_job(exec, &job->job);
}

static void info_run(struct exec *exec)
{
    const uint32_t set = sections_wanted(exec);
    const struct section wants = wants_of(set);
    if (!wants.wants_walks && !wants.wants_moment && !wants.wants_tables) {
        reply_info(exec, set, NULL);
    } else {
        start_job(exec, set, false);
    }
}

static void metrics_run(struct exec *exec)
{
    start_job(exec, sections_all(), true);
}

const struct command_spec info_commands[] = {
    {
        .name = "info",
        .run = info_run,
        .waits = exec_waits_for_changes,
        .arity = -1,
        .scope = SCOPE_SESSION,
        .flags = COMMAND_LOADING | COMMAND_STALE,
        .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
        .since = "1.0.0",
        .group = "server",
        .acl = "dangerous",
        .complexity = "O(1), and 25 ns for each 64 KiB of memory when memory or shards are asked for.",
        .summary = "Tells the server's state, its counters and its memory, by sections.",
        .syntax = "[section [section ...]]",
    },
    {
        .name = "metrics",
        .run = metrics_run,
        .arity = 1,
        .scope = SCOPE_SESSION,
        .flags = COMMAND_LOADING | COMMAND_STALE,
        .tips = "nondeterministic_output",
        .since = "1.0.0",
        .group = "server",
        .acl = "dangerous",
        .complexity = "O(N), N the number of commands that were called, and of tables with their indexes; and 25 ns for each 64 KiB of memory.",
        .summary = "Tells all figures of INFO, how long commands take, and what classes and tables need, as text for Prometheus.",
    },
    {0},
};
