/* memory_doctor_text.c - MEMORY DOCTOR's report: the total, the biggest keys and tables, and findings with advice.
 *
 * A finding is a row: a function that looks at the figures and, if something is wrong, says what, how much, and what to
 * do. To add one, write the function and its row.
 *
 * Threads    Any; reads the report and relaxed counters.  */
#include "cmd/memory_private.h"

#include "base/number.h"

#include <stdarg.h>

#define MIB (INT64_C(1) << 20)

/* From when on something is a finding. Ratios are noise while little memory is used. */
static const struct {
    int64_t small_bytes, frag_bytes, client_bytes, client_mean_bytes, big_key_bytes, index_bytes, shard_bytes;
    double frag_ratio, sparse_share, peak_ratio, big_key_share, full_share, uneven_ratio;
} limits = {
    .small_bytes = 5 * MIB,
    .frag_bytes = 10 * MIB,
    .client_bytes = 32 * MIB,
    .client_mean_bytes = 200 * 1024,
    .big_key_bytes = 10 * MIB,
    .index_bytes = MIB,
    .shard_bytes = 10 * MIB,
    .frag_ratio = 1.4,
    .sparse_share = 0.25,
    .peak_ratio = 1.5,
    .big_key_share = 0.1,
    .full_share = 0.9,
    .uneven_ratio = 1.5,
};

struct doctor {
    struct server *server;
    const struct doctor_report *report;
    struct buffer *out;
    bool is_refused;
    unsigned findings;
};

/* A number of bytes for people; the text lives in `scratch`. */
struct human {
    char text[32];
};

static struct human human(int64_t bytes)
{
    struct human scratch;
    memory_size_format_human(bytes > 0 ? (uint64_t)bytes : 0, scratch.text);
    return scratch;
}

PRINTF_LIKE(2, 3) static void say(struct doctor *doctor, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    doctor->is_refused |= !buffer_append_format_list(doctor->out, format, arguments);
    va_end(arguments);
}

static void begin_finding(struct doctor *doctor)
{
    doctor->findings++;
    say(doctor, "%u. ", doctor->findings);
}

/* A name as it is where it can be printed; "..." when only its beginning is known. */
static void say_name(struct doctor *doctor, const struct doctor_item *item)
{
    const size_t len = item->name_len < DOCTOR_NAME_MAX ? item->name_len : DOCTOR_NAME_MAX;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)item->name[i];
        say(doctor, c > ' ' && c < 0x7f ? "%c" : "\\x%02x", c);
    }
    say(doctor, "%s", item->name_len > len ? "..." : "");
    if (item->db != 0) {
        say(doctor, " (database %u)", item->db);
    }
}

/* --- findings --- */

static void find_maxmemory(struct doctor *doctor)
{
    const struct memory_figures *memory = &doctor->report->memory;
    if (memory->maxmemory == 0) {
        begin_finding(doctor);
        say(doctor, "maxmemory is not set: the server may take all of the machine's %s. Set one that leaves room for buffers: "
                    "CONFIG SET maxmemory %lldmb.\n",
            human(memory->system).text, (long long)(memory->system / MIB * 3 / 4));
    } else if (memory->system > 0 && memory->maxmemory > memory->system) {
        begin_finding(doctor);
        say(doctor, "maxmemory is %s, but the machine has only %s: it would swap, or the process be killed, before writes are "
                    "refused. Lower it: CONFIG SET maxmemory %lldmb.\n",
            human(memory->maxmemory).text, human(memory->system).text, (long long)(memory->system / MIB * 3 / 4));
    } else if ((double)memory->used > limits.full_share * (double)memory->maxmemory) {
        begin_finding(doctor);
        say(doctor, "%s of maxmemory's %s are used: beyond it writes are refused. Raise it with CONFIG SET maxmemory, or delete "
                    "or expire keys.\n",
            human(memory->used).text, human(memory->maxmemory).text);
    }
}

static void find_peak(struct doctor *doctor)
{
    const struct memory_figures *memory = &doctor->report->memory;
    if (memory->peak < limits.small_bytes || (double)memory->peak < limits.peak_ratio * (double)memory->used) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "The peak was %s, %.1f times what is used now. If resident memory (%s) has not come down, MEMORY PURGE gives free "
                "pages back.\n",
        human(memory->peak).text, (double)memory->peak / (double)memory->used, human(memory->rss).text);
}

static void find_fragmentation(struct doctor *doctor)
{
    const struct memory_figures *memory = &doctor->report->memory;
    uint64_t areas = 0, sparse = 0;
    for (uint32_t i = 0; i < doctor->server->shard_count; i++) {
        areas += doctor->report->walks[i].areas;
        sparse += doctor->report->walks[i].sparse_areas;
    }
    const bool is_fragmented = memory->fragmentation_ratio > limits.frag_ratio;
    const bool is_sparse = (double)sparse > limits.sparse_share * (double)areas;
    if (memory->used < limits.small_bytes || memory->fragmentation_bytes < limits.frag_bytes || !(is_fragmented || is_sparse)) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "Fragmentation: %s resident for %s used (ratio %.2f); %llu of the heaps' %llu areas are less than half full. "
                "MEMORY PURGE gives back what is wholly free.\n",
        human(memory->rss).text, human(memory->used).text, memory->fragmentation_ratio, (unsigned long long)sparse,
        (unsigned long long)areas);
}

static void find_big_keys(struct doctor *doctor)
{
    const struct doctor_top *keys = &doctor->report->keys;
    const double share = limits.big_key_share * (double)doctor->report->memory.dataset;
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct doctor_item *item = &keys->items[i];
        if (item->bytes < (uint64_t)limits.big_key_bytes || (double)item->bytes < share) {
            return;
        }
        begin_finding(doctor);
        say(doctor, "One key holds %s, %.0f%% of all data: ", human((int64_t)item->bytes).text,
            100 * (double)item->bytes / (double)doctor->report->memory.dataset);
        say_name(doctor, item);
        say(doctor, ". It lives on one shard as a whole; split it over several keys, and remove it with UNLINK.\n");
    }
}

static void find_heavy_indexes(struct doctor *doctor)
{
    const struct doctor_top *tables = &doctor->report->heavy_indexes;
    for (uint32_t i = 0; i < tables->count; i++) {
        const struct doctor_item *item = &tables->items[i];
        if (item->bytes < (uint64_t)limits.index_bytes) {
            return;
        }
        begin_finding(doctor);
        say(doctor, "The indexes of table ");
        say_name(doctor, item);
        say(doctor, " take %s, more than its rows (%s). MEMORY USAGE TABLE <table> INDEX <column> tells which; drop those that "
                    "no query needs with TABLE.SCHEMA.ALTER <table> DROP INDEX <column>.\n",
            human((int64_t)item->bytes).text, human((int64_t)item->detail).text);
    }
}

static void find_uneven_shards(struct doctor *doctor)
{
    const struct server *server = doctor->server;
    int64_t sum = 0, greatest = 0;
    uint32_t greatest_shard = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const int64_t used = mem_counters_total(heap_counters(server->shards[i].heap));
        sum += used;
        if (used > greatest) {
            greatest = used;
            greatest_shard = i;
        }
    }
    const double mean = (double)sum / server->shard_count;
    if (greatest < limits.shard_bytes || (double)greatest < limits.uneven_ratio * mean) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "Shard %u holds %s, %.1f times the shards' mean of %s. Look for big keys and for many keys with one {hash tag}.\n",
        greatest_shard, human(greatest).text, (double)greatest / mean, human((int64_t)mean).text);
}

static void find_clients(struct doctor *doctor)
{
    const struct memory_figures *memory = &doctor->report->memory;
    const uint32_t connected = atomic_load_explicit(&doctor->server->clients_current, memory_order_relaxed);
    const int64_t mean = connected > 0 ? memory->clients / connected : 0;
    if (memory->clients < limits.client_bytes && (memory->clients < limits.small_bytes || mean < limits.client_mean_bytes)) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "%u connections hold %s, %s each: %s of commands not yet run and %s of replies not yet read. CLIENT LIST shows "
                "which (qbuf, omem); client-output-buffer-limit bounds them.\n",
        connected, human(memory->clients).text, human(mean).text,
        human(memory->classes.class_bytes[MEM_QUERY_BUFFER]).text, human(memory->classes.class_bytes[MEM_OUTPUT_BUFFER]).text);
}

static void find_lazyfree(struct doctor *doctor)
{
    const struct memory_figures *memory = &doctor->report->memory;
    if (memory->lazyfree_pending > 0) {
        begin_finding(doctor);
        say(doctor, "%lld dropped databases or tables are still being freed in the background: used memory will fall by itself.\n",
            (long long)memory->lazyfree_pending);
    }
}

typedef void find_fn(struct doctor *doctor);

static find_fn *const finders[] = {
    find_maxmemory,     find_peak,          find_fragmentation, find_big_keys,
    find_heavy_indexes, find_uneven_shards, find_clients,       find_lazyfree,
};

/* --- the report --- */

static void say_top(struct doctor *doctor, const char *title, const struct doctor_top *top)
{
    if (top->count == 0) {
        return;
    }
    say(doctor, "%s:\n", title);
    for (uint32_t i = 0; i < top->count; i++) {
        say(doctor, "  %10s  %-7s ", human((int64_t)top->items[i].bytes).text, top->items[i].kind);
        say_name(doctor, &top->items[i]);
        say(doctor, "\n");
    }
}

bool doctor_write(struct server *server, const struct doctor_report *report, struct buffer *out)
{
    struct doctor doctor = {.server = server, .report = report, .out = out};
    const struct memory_figures *memory = &report->memory;
    say(&doctor, "Used: %s (%lld bytes): %s of data in %llu keys and %llu tables, %s of overhead. Resident: %s. Peak: %s.\n",
        human(memory->used).text, (long long)memory->used, human(memory->dataset).text,
        (unsigned long long)report->key_count, (unsigned long long)report->table_count, human(memory->overhead).text,
        human(memory->rss).text, human(memory->peak).text);
    say_top(&doctor, "Biggest keys", &report->keys);
    say_top(&doctor, "Biggest tables", &report->tables);
    say(&doctor, "Findings:\n");
    for (unsigned i = 0; i < sizeof finders / sizeof finders[0]; i++) {
        finders[i](&doctor);
    }
    if (doctor.findings == 0) {
        say(&doctor, "None: nothing to mend.\n");
    }
    return !doctor.is_refused;
}
