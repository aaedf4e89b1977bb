/* memory_doctor.c - MEMORY DOCTOR: looks at every shard, key and table, and hands what it found to memory_doctor_text.c.
 *
 * A job scans the keys of one shard after the other in slices, so that nobody waits for it; keys that come or go meanwhile may
 * be missed. Tables carry running totals and are read at the end.
 *
 * Cost       O(keys), some 100 ns a key.  */
#include "cmd/commands.h"
#include "cmd/memory_private.h"

#include "table/table.h"

#include <assert.h>

enum { DOCTOR_SCAN_KEYS = 64 };

struct doctor_job {
    struct job job;
    struct doctor_report report;
    uint32_t db;      /* being scanned */
    uint64_t cursor;
};

/* --- the biggest --- */

static bool item_is_in(const struct doctor_top *top, const struct doctor_item *item)
{
    for (uint32_t i = 0; i < top->count; i++) {
        const struct doctor_item *other = &top->items[i];
        if (other->db == item->db && other->name_len == item->name_len && memcmp(other->name, item->name, sizeof item->name) == 0) {
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

static void look_at_key(struct entry *entry, void *arg)
{
    struct doctor_job *doctor = arg;
    const struct doctor_item item = {
        .bytes = entry_memory_bytes(entry),
        .db = doctor->db,
        .kind = value_type_name(entry_type(entry)),
    };
    top_add(&doctor->report.keys, item, entry_key(entry));
}

/* Scans until the slice is over. True: this shard's databases are done. */
static bool scan_slice(struct doctor_job *doctor, struct exec *exec)
{
    const int64_t databases = atomic_load_explicit(&exec->server->config->databases, memory_order_relaxed);
    while (doctor->db < databases) {
        struct keyspace *ks = &exec->shard->databases[doctor->db];
        do {
            if (exec_slice_is_over(exec)) {
                return false;
            }
            keyspace_scan(ks, &doctor->cursor, DOCTOR_SCAN_KEYS, exec->now_ms, look_at_key, doctor);
        } while (doctor->cursor != 0);
        doctor->report.key_count += ks->key_count;
        doctor->db++;
    }
    doctor->db = 0;
    return true;
}

/* --- tables --- */

static void look_at_table(uint32_t db, const struct table *table, void *arg)
{
    struct doctor_report *report = arg;
    struct table_memory memory;
    table_memory(table, &memory);
    struct doctor_item item = {
        .bytes = memory.row_bytes + memory.index_bytes + memory.catalogue_bytes,
        .detail = memory.index_bytes,
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
}

/* --- the job: shards from the last to the first, since the last step reads the tables under shard 0's baton --- */

static void reply_report(struct exec *exec, struct doctor_report *report)
{
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    catalogue_visit(atomic_load_explicit(&exec->server->catalogue, memory_order_acquire), look_at_table, report);
    memory_figures_read(exec->server, report->walks, &report->memory);
    if (doctor_write(exec->server, report, &text)) {
        reply_verbatim(exec->reply, "txt", buffer_bytes(&text));
    } else {
        reply_error(exec->reply, ERROR_NO_MEMORY);
    }
    buffer_release(&text);
}

static enum job_status doctor_step(struct job *job, struct exec *exec)
{
    struct doctor_job *doctor = (struct doctor_job *)job;
    if (!scan_slice(doctor, exec)) {
        return JOB_MORE;
    }
    baton_assert_held(&exec->shard->baton);
    memory_walk_shard(exec->shard, &doctor->report.walks[job->shard]);
    if (job->shard > 0) {
        job->shard--;
        return JOB_MORE;
    }
    reply_report(exec, &doctor->report);
    return JOB_DONE;
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
