/* memory_doctor.c - MEMORY DOCTOR: looks at every shard, the biggest keys and all tables, and hands what it found to
 * memory_doctor_text.c.
 *
 * A job asks each shard's list of biggest keys (data/key_top.h), so that no scan is needed, looks at the first keys in the order
 * of their hashes, which are a random sample of all, and walks the tables' pages in steps.
 * TESSERA_SYSTEM_ROOT in the environment stands in front of /proc and /sys, for tests.
 *
 * Cost       O(shards + tables' pages), and a few microseconds for each of the biggest collections and each of the sample.  */
#include "cmd/core/answers.h"
#include "cmd/core/limits.h"
#include "cmd/memory/memory_private.h"

#include "appendonly/appendonly.h"
#include "client/sessions.h"
#include "data/key_top.h"
#include "exec/exec.h"

#include <assert.h>
#include <stdlib.h>

enum {
    DOCTOR_FILL_KEYS = 64,
    DOCTOR_SAMPLE_KEYS = 512, /* of each database in each shard */
    DOCTOR_SAMPLE_STEP = 8,
    DOCTOR_SAMPLE_MISFITS = 8, /* fewer of a kind are chance */
    DOCTOR_SPARSE_SHARE = 4, /* tables are listed as sparse when more than a quarter of their rows' bytes is in deleted ones */
};

struct doctor_job {
    struct job job;
    struct doctor_report report;
    struct heap_walk walks[SHARD_COUNT_MAX];
    struct memory_table_walk tables;
    uint32_t type; /* of keys, the next one in this shard */
    struct doctor_sample {
        uint32_t db;          /* being looked at */
        uint64_t cursor;
        uint64_t keys;        /* of this database, so far; and which of them are misfits */
        uint64_t misfit_count[MISFIT_COUNT], misfit_bytes[MISFIT_COUNT];
    } sample;
    bool are_keys_done;
};

/* --- the biggest --- */

static bool item_is_in(const struct doctor_top *top, const struct doctor_item *item)
{
    for (uint32_t i = 0; i < top->count; i++) {
        const struct doctor_item *other = &top->items[i];
        if (other->db == item->db && other->name_len == item->name_len &&
            memcmp(other->name, item->name, sizeof item->name) == 0) {
            return true;
        }
    }
    return false;
}

static void top_add(struct doctor_top *top, struct doctor_item item, struct bytes name)
{
    if (top->count == DOCTOR_TOP_COUNT && item.bytes <= top->items[DOCTOR_TOP_COUNT - 1].bytes) {
        return;
    }
    item.name_len = (uint32_t)name.len;
    memcpy(item.name, name.data, name.len < sizeof item.name ? name.len : sizeof item.name);
    if (item_is_in(top, &item)) {
        return; /* a scan may show a key twice */
    }
    top->count += top->count < DOCTOR_TOP_COUNT;
    uint32_t at = top->count - 1;
    for (; at > 0 && top->items[at - 1].bytes < item.bytes; at--) {
        top->items[at] = top->items[at - 1];
    }
    top->items[at] = item;
}

/* --- keys --- */

static void look_at_key(struct doctor_report *report, const struct key_top_item *item, const struct entry *entry,
                        const struct encoding_limits *limits)
{
    const struct doctor_item found = {
        .bytes = item->bytes,
        .db = item->db,
        .kind = value_type_name(entry_type(entry)),
    };
    top_add(&report->keys, found, entry_key(entry));
    const enum memory_misfit kind = memory_misfit(entry, limits);
    if (kind != MISFIT_NONE) {
        struct doctor_misfits *misfits = &report->misfits[kind];
        misfits->count++;
        misfits->bytes += item->bytes;
        top_add(&misfits->top, found, entry_key(entry));
    }
}

/* The biggest keys of one type, or a step of the walk that finds them. False: the latter. */
static bool look_at_type(struct doctor_job *doctor, struct exec *exec)
{
    struct key_top *top = exec->shard->top;
    struct key_top_item items[KEY_TOP_COUNT_MAX];
    const struct encoding_limits limits = exec_limits(exec);
    const enum value_type type = (enum value_type)doctor->type;
    uint32_t count;
    if (!key_top_read(top, type, exec->now_ms, KEY_TOP_COUNT_MAX, items, &count)) {
        while (!key_top_fill_step(top, DOCTOR_FILL_KEYS) && !exec_step_is_over(exec)) {
        }
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = key_top_find(top, items[i].hash, items[i].db, exec->now_ms);
        if (entry != NULL) {
            look_at_key(&doctor->report, &items[i], entry, &limits);
        }
    }
    return true;
}

struct sample_visit {
    struct doctor_job *doctor;
    const struct encoding_limits *limits;
};

static void look_at_sample_key(struct entry *entry, void *arg)
{
    const struct sample_visit *visit = arg;
    struct doctor_sample *sample = &visit->doctor->sample;
    const enum memory_misfit kind = memory_misfit(entry, visit->limits);
    const struct doctor_item found = {
        .bytes = entry_memory_bytes(entry),
        .db = sample->db,
        .kind = value_type_name(entry_type(entry)),
    };
    sample->keys++;
    if (kind != MISFIT_NONE) {
        sample->misfit_count[kind]++;
        sample->misfit_bytes[kind] += found.bytes;
        top_add(&visit->doctor->report.misfits[kind].top, found, entry_key(entry));
    }
}

/* What the sample says of all keys of the database that it is from; it is ready for the next one then. One or two of a kind in a
 * part of the keys say nothing of the rest. */
static void end_sample(struct doctor_report *report, struct doctor_sample *sample, uint64_t key_count)
{
    const bool is_part = sample->cursor != 0 && sample->keys < key_count;
    const double factor = is_part ? (double)key_count / (double)sample->keys : 1;
    for (int kind = 0; kind < MISFIT_COUNT; kind++) {
        if (!is_part || sample->misfit_count[kind] >= DOCTOR_SAMPLE_MISFITS) {
            report->misfits[kind].all_count += factor * (double)sample->misfit_count[kind];
            report->misfits[kind].all_bytes += factor * (double)sample->misfit_bytes[kind];
        }
    }
    report->sample_keys += sample->keys;
    *sample = (struct doctor_sample){.db = sample->db + 1};
}

/* True: all databases of this shard were looked at. */
static bool look_at_sample(struct doctor_job *doctor, struct exec *exec)
{
    struct doctor_sample *sample = &doctor->sample;
    const struct encoding_limits limits = exec_limits(exec);
    struct sample_visit visit = {doctor, &limits};
    const int64_t databases = atomic_load_explicit(&exec->server->config->databases, memory_order_relaxed);
    while (sample->db < databases) {
        struct keyspace *ks = &exec->shard->databases[sample->db];
        keyspace_scan(ks, &sample->cursor, DOCTOR_SAMPLE_STEP, exec->now_ms, look_at_sample_key, &visit);
        if (sample->cursor == 0 || sample->keys >= DOCTOR_SAMPLE_KEYS) {
            end_sample(&doctor->report, sample, ks->key_count);
        }
        if (exec_step_is_over(exec)) {
            return false;
        }
    }
    *sample = (struct doctor_sample){0};
    return true;
}

/* True: this shard is done. */
static bool look_at_shard(struct doctor_job *doctor, struct exec *exec)
{
    struct shard *shard = exec->shard;
    struct doctor_report *report = &doctor->report;
    for (; doctor->type < VALUE_TYPE_COUNT; doctor->type++) {
        if (exec_step_is_over(exec) || !look_at_type(doctor, exec)) {
            return false;
        }
    }
    if (!look_at_sample(doctor, exec)) {
        return false;
    }
    doctor->type = 0;
    baton_assert_held(&shard->baton);
    struct doctor_shard *out = &report->shards[shard->number];
    memory_walk_shard(shard, &out->walk);
    doctor->walks[shard->number] = out->walk;
    out->used_bytes = mem_counters_total(heap_counters(shard->heap));
    out->commands = shard->calls;
    const int64_t databases = atomic_load_explicit(&exec->server->config->databases, memory_order_relaxed);
    for (int64_t db = 0; db < databases; db++) {
        report->key_count += shard->databases[db].key_count;
        report->expiring_count += shard->databases[db].expiring_count;
    }
    return true;
}

/* --- tables --- */

static void look_at_table(uint32_t db, const struct table *table, const struct table_walk *sum, void *arg)
{
    struct doctor_report *report = arg;
    struct table_memory memory;
    table_memory(table, &memory);
    struct doctor_item item = {
        .bytes = memory.row_bytes + memory.index_bytes + memory.catalogue_bytes,
        .db = db,
        .kind = "table",
    };
    report->table_count++;
    top_add(&report->tables, item, table_name(table));
    if (memory.index_bytes > memory.row_bytes) {
        item.detail = memory.row_bytes;
        item.bytes = memory.index_bytes;
        top_add(&report->heavy_indexes, item, table_name(table));
    }
    if (sum->hole_bytes * DOCTOR_SPARSE_SHARE > memory.row_bytes) {
        item.detail = sum->slots - sum->rows;
        item.bytes = sum->hole_bytes;
        top_add(&report->sparse_tables, item, table_name(table));
    }
}

/* --- the job: shards from the last to the first, then the tables --- */

static void look_at_log(const struct server *server, struct doctor_log *out)
{
    struct appendonly_figures figures;
    appendonly_figures(server, &figures);
    *out = (struct doctor_log){
        .error = figures.error,
        .error_seconds = figures.error_seconds,
        .is_held_back = figures.is_held_back,
        .held_back_ms = figures.held_back_ms,
        .held_back_ago_s = figures.held_back_ago_s,
        .pending_bytes = (int64_t)figures.pending_bytes,
    };
}

static void reply_report(struct exec *exec, struct doctor_job *doctor)
{
    struct doctor_report *report = &doctor->report;
    const struct config *config = exec->server->config;
    const int64_t policy = atomic_load_explicit(&config->maxmemory_policy, memory_order_relaxed);
    const char *root = getenv("TESSERA_SYSTEM_ROOT");
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    memory_figures_read(exec->server, doctor->walks, &report->memory);
    mem_system_read(root == NULL ? "" : root, &report->system);
    report->shard_count = exec->server->shard_count;
    server_total_fed(exec->server, &report->fed);
    look_at_log(exec->server, &report->log);
    report->clients = atomic_load_explicit(&exec->server->clients_current, memory_order_relaxed);
    report->policy = config_policy_name(config);
    report->is_policy_volatile = policy == POLICY_VOLATILE_LRU || policy == POLICY_VOLATILE_LFU ||
                                 policy == POLICY_VOLATILE_RANDOM || policy == POLICY_VOLATILE_TTL;
    report->is_evicting_nothing = policy == POLICY_NOEVICTION;
    report->is_defrag_on = atomic_load_explicit(&config->activedefrag, memory_order_relaxed) != 0;
    if (doctor_write(report, &text)) {
        reply_verbatim(exec->reply, "txt", buffer_bytes(&text));
    } else {
        reply_error(exec->reply, ERROR_NO_MEMORY);
    }
    buffer_release(&text);
}

static enum job_status doctor_step(struct job *job, struct exec *exec)
{
    struct doctor_job *doctor = (struct doctor_job *)job;
    if (job->shard == JOB_NO_SHARD) {
        reply_report(exec, doctor); /* reads files: without a baton */
        return JOB_DONE;
    }
    if (!doctor->are_keys_done) {
        if (!look_at_shard(doctor, exec)) {
            return JOB_MORE;
        }
        if (job->shard > 0) {
            job->shard--;
            return JOB_MORE;
        }
        doctor->are_keys_done = true;
        doctor->tables.is_new = true;
    }
    if (memory_table_walk_step(&doctor->tables, job, exec, look_at_table, &doctor->report)) {
        job->shard = JOB_NO_SHARD;
    }
    return JOB_MORE;
}

static void doctor_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, sizeof(struct doctor_job));
}

void memory_doctor_run(struct exec *exec)
{
    struct doctor_job *doctor = thread_alloc_zeroed(MEM_SERVER, sizeof *doctor);
    if (doctor == NULL) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
        return;
    }
    doctor->job = (struct job){
        .step = doctor_step,
        .destroy = doctor_destroy,
        .shard = (int32_t)exec->server->shard_count - 1,
    };
    exec_start_job(exec, &doctor->job);
}
