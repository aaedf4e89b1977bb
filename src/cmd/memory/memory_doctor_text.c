/* memory_doctor_text.c - MEMORY DOCTOR's report: the total, the biggest keys and tables, and findings with advice.
 *
 * A finding is a row: a function that looks at the figures and, if something is wrong, says what, how much, and what to
 * do. To add one, write the function and its row.
 *
 * Threads    Any; reads the report.  */
#include "cmd/memory/memory_private.h"

#include "base/number.h"
#include "client/sessions.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define MIB (INT64_C(1) << 20)

/* From when on something is a finding. Ratios are noise while little memory is used. */
static const struct {
    int64_t small_bytes, frag_bytes, gap_bytes, client_bytes, client_mean_bytes, big_key_bytes, index_bytes, shard_bytes;
    int64_t hole_bytes, misfit_bytes, swapped_bytes, fed_bytes, held_back_ms, held_back_ago_s;
    uint64_t commands, lasting_keys;
    double frag_ratio, gap_ratio, peak_ratio, big_key_share, full_share, uneven_ratio, misfit_share, lasting_share;
} limits = {
    .small_bytes = 5 * MIB,
    .frag_bytes = 10 * MIB,
    .gap_bytes = 32 * MIB,
    .client_bytes = 32 * MIB,
    .client_mean_bytes = 200 * 1024,
    .big_key_bytes = 10 * MIB,
    .index_bytes = MIB,
    .shard_bytes = 10 * MIB,
    .hole_bytes = MIB,
    .misfit_bytes = 16 * 1024,
    .swapped_bytes = MIB,
    .fed_bytes = MIB,
    .held_back_ms = 1000,
    .held_back_ago_s = 3600,
    .commands = 10000,
    .lasting_keys = 100,
    .frag_ratio = 1.4,
    .gap_ratio = 1.3,
    .peak_ratio = 1.5,
    .big_key_share = 0.1,
    .full_share = 0.9,
    .uneven_ratio = 1.5,
    .misfit_share = 0.01,
    .lasting_share = 0.1,
};

struct doctor {
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

/* Three quarters of what there is. */
static long long advised_mib(const struct doctor *doctor)
{
    return (long long)(mem_system_limit(&doctor->report->system) / (uint64_t)MIB * 3 / 4);
}

static void find_maxmemory(struct doctor *doctor)
{
    const struct memory_figures *memory = &doctor->report->memory;
    const struct mem_system *system = &doctor->report->system;
    const int64_t limit = (int64_t)mem_system_limit(system);
    const bool is_of_group = system->group_limit_bytes > 0 && (uint64_t)limit == system->group_limit_bytes;
    const char *whose = is_of_group ? "control group" : "machine";
    if (memory->maxmemory == 0) {
        begin_finding(doctor);
        say(doctor, "maxmemory is not set: the server may take all of the %s's %s. Set one that leaves room for buffers: "
                    "CONFIG SET maxmemory %lldmb.\n",
            whose, human(limit).text, advised_mib(doctor));
    } else if (limit > 0 && memory->maxmemory > limit) {
        begin_finding(doctor);
        say(doctor, "maxmemory is %s, but the %s has only %s: it would swap, or the process be killed, before writes are "
                    "refused. Lower it: CONFIG SET maxmemory %lldmb.\n",
            human(memory->maxmemory).text, whose, human(limit).text, advised_mib(doctor));
    } else if (doctor->report->is_evicting_nothing && (double)memory->used > limits.full_share * (double)memory->maxmemory) {
        begin_finding(doctor);
        say(doctor, "%s of maxmemory's %s are used: beyond it writes are refused. Raise it with CONFIG SET maxmemory, delete "
                    "or expire keys, or let them be evicted: CONFIG SET maxmemory-policy allkeys-lru.\n",
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
    say(doctor, "The peak was %s, %.1f times what is used now. If resident memory (%s) has not come down, MEMORY PURGE gives "
                "free pages back; MEMORY HISTORY tells when it was.\n",
        human(memory->peak).text, (double)memory->peak / (double)memory->used, human(memory->rss).text);
}

/* Heap by heap: the one that wastes most is named. */
static void find_fragmentation(struct doctor *doctor)
{
    const struct doctor_report *report = doctor->report;
    int64_t wasted = 0, worst_wasted = 0;
    uint32_t worst = 0, count = 0;
    for (uint32_t i = 0; i < report->shard_count; i++) {
        const struct heap_walk *walk = &report->shards[i].walk;
        const int64_t own = (int64_t)(walk->committed_bytes - walk->used_bytes);
        if (own < limits.frag_bytes || (double)walk->committed_bytes < limits.frag_ratio * (double)walk->used_bytes) {
            continue;
        }
        count++;
        wasted += own;
        if (own > worst_wasted) {
            worst_wasted = own;
            worst = i;
        }
    }
    if (count == 0) {
        return;
    }
    const struct heap_walk *walk = &report->shards[worst].walk;
    begin_finding(doctor);
    say(doctor, "Fragmentation: %u of %u heaps hold %s that no block uses. The worst is shard %u's: %s of pages for %s of "
                "blocks (ratio %.2f), %llu of its %llu areas less than half full. MEMORY PURGE moves the blocks together%s.\n",
        count, report->shard_count, human(wasted).text, worst, human((int64_t)walk->committed_bytes).text,
        human((int64_t)walk->used_bytes).text, (double)walk->committed_bytes / (double)(walk->used_bytes + 1),
        (unsigned long long)walk->sparse_areas, (unsigned long long)walk->areas,
        report->is_defrag_on ? "" : "; CONFIG SET activedefrag yes does so by itself");
}

/* What the process keeps beyond the pages with blocks. */
static void find_resident_gap(struct doctor *doctor)
{
    const struct memory_figures *memory = &doctor->report->memory;
    if (memory->rss_gap_bytes < limits.gap_bytes || memory->rss_gap_ratio < limits.gap_ratio) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "%s are resident, but only %s lie in pages with blocks (ratio %.2f): the allocator keeps %s. MEMORY PURGE "
                "gives it back.\n",
        human(memory->resident).text, human(memory->active).text, memory->rss_gap_ratio, human(memory->rss_gap_bytes).text);
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
        say(doctor, " take %s, more than its rows (%s). MEMORY USAGE TABLE <table> INDEX <column> tells which; drop those "
                    "that no query needs with TABLE.SCHEMA.ALTER <table> DROP INDEX <column>.\n",
            human((int64_t)item->bytes).text, human((int64_t)item->detail).text);
    }
}

static void find_sparse_tables(struct doctor *doctor)
{
    const struct doctor_top *tables = &doctor->report->sparse_tables;
    for (uint32_t i = 0; i < tables->count; i++) {
        const struct doctor_item *item = &tables->items[i];
        if ((int64_t)item->bytes < limits.hole_bytes) {
            return;
        }
        begin_finding(doctor);
        say(doctor, "Table ");
        say_name(doctor, item);
        say(doctor, " has %llu deleted rows between those that live: %s. Pages less than half full are joined with their "
                    "neighbours when something is deleted from them; copying the rest into a new table (TABLE.SELECT, "
                    "TABLE.INSERT) gives back all of it.\n",
            (unsigned long long)item->detail, human((int64_t)item->bytes).text);
    }
}

static const struct {
    const char *what, *why, *advice;
} misfit_texts[MISFIT_COUNT] = {
    [MISFIT_LARGE_FORM] = {"hashes, sets and sorted sets would fit their small form, but are kept as tables",
                           "they were bigger once, or the limits (*-max-listpack-*, set-max-intset-entries) lower",
                           "Write it anew: DUMP it, then RESTORE it with REPLACE"},
    [MISFIT_SMALL_NODES] = {"lists have nodes of a few short items, each with a head as long as they are",
                            "they were made with a small list-max-listpack-size",
                            "CONFIG SET list-max-listpack-size -2, then DUMP it and RESTORE it with REPLACE"},
    [MISFIT_DELETED_ENTRIES] = {"streams hold more than three deleted entries for each that lives",
                                "XDEL only marks them, and a block is freed with the last of its entries",
                                "Cut off its old end (XTRIM), or copy what lives (XRANGE, XADD) to a new stream and RENAME that"},
};

static void find_misfits_of(struct doctor *doctor, enum memory_misfit kind)
{
    const struct doctor_report *report = doctor->report;
    const struct doctor_misfits *misfits = &report->misfits[kind];
    const bool is_reckoned = misfits->all_bytes > (double)misfits->bytes;
    const int64_t bytes = is_reckoned ? (int64_t)misfits->all_bytes : (int64_t)misfits->bytes;
    if (bytes < limits.misfit_bytes || (double)bytes < limits.misfit_share * (double)report->memory.dataset) {
        return;
    }
    begin_finding(doctor);
    if (is_reckoned) {
        say(doctor, "About %.0f (by a sample of %llu keys) ", misfits->all_count, (unsigned long long)report->sample_keys);
    } else {
        say(doctor, "%llu of the biggest ", (unsigned long long)misfits->count);
    }
    say(doctor, "%s (%s): %s. The first is ", misfit_texts[kind].what, human(bytes).text, misfit_texts[kind].why);
    say_name(doctor, &misfits->top.items[0]);
    say(doctor, ". %s.\n", misfit_texts[kind].advice);
}

static void find_misfits(struct doctor *doctor)
{
    for (int kind = MISFIT_NONE + 1; kind < MISFIT_COUNT; kind++) {
        find_misfits_of(doctor, (enum memory_misfit)kind);
    }
}

static void find_uneven_shards(struct doctor *doctor)
{
    const struct doctor_report *report = doctor->report;
    int64_t sum = 0;
    uint32_t greatest = 0;
    for (uint32_t i = 0; i < report->shard_count; i++) {
        sum += report->shards[i].used_bytes;
        greatest = report->shards[i].used_bytes > report->shards[greatest].used_bytes ? i : greatest;
    }
    const int64_t used = report->shards[greatest].used_bytes;
    const double mean = (double)sum / report->shard_count;
    if (used < limits.shard_bytes || (double)used < limits.uneven_ratio * mean) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "Shard %u holds %s, %.1f times the shards' mean of %s. Look for big keys (MEMORY TOP) and for many keys with "
                "one {hash tag}.\n",
        greatest, human(used).text, (double)used / mean, human((int64_t)mean).text);
}

static void find_hot_shard(struct doctor *doctor)
{
    const struct doctor_report *report = doctor->report;
    uint64_t sum = 0;
    uint32_t hottest = 0;
    for (uint32_t i = 0; i < report->shard_count; i++) {
        sum += report->shards[i].commands;
        hottest = report->shards[i].commands > report->shards[hottest].commands ? i : hottest;
    }
    const uint64_t commands = report->shards[hottest].commands;
    const double mean = (double)sum / report->shard_count;
    if (sum < limits.commands || (double)commands < limits.uneven_ratio * mean) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "Shard %u ran %llu of the %llu commands that came for one shard, %.1f times the mean. Look with MONITOR for "
                "keys that are asked for again and again, and for many keys with one {hash tag}; spread them over several "
                "names.\n",
        hottest, (unsigned long long)commands, (unsigned long long)sum, (double)commands / mean);
}

static void find_lasting_keys(struct doctor *doctor)
{
    const struct doctor_report *report = doctor->report;
    const uint64_t expiring = report->expiring_count < report->key_count ? report->expiring_count : report->key_count;
    const uint64_t lasting = report->key_count - expiring;
    if (!report->is_policy_volatile || lasting < limits.lasting_keys ||
        (double)lasting < limits.lasting_share * (double)report->key_count) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "maxmemory-policy %s evicts only keys that expire, but %llu of %llu keys (%.0f%%) have no TTL: they stay when "
                "memory is short. Give them one (EXPIRE), or CONFIG SET maxmemory-policy allkeys-lru.\n",
        report->policy, (unsigned long long)lasting, (unsigned long long)report->key_count,
        100 * (double)lasting / (double)report->key_count);
}

static void find_huge_pages(struct doctor *doctor)
{
    if (doctor->report->system.are_huge_pages_always) {
        begin_finding(doctor);
        say(doctor, "Transparent huge pages are on for everything: a page of 2 MiB stays resident for the sake of one block, "
                    "so freed memory does not go back. Turn them off: echo madvise > "
                    "/sys/kernel/mm/transparent_hugepage/enabled.\n");
    }
}

static void find_overcommit(struct doctor *doctor)
{
    const struct mem_system *system = &doctor->report->system;
    if (system->overcommit_mode == 2) {
        begin_finding(doctor);
        say(doctor, "vm.overcommit_memory is 2: the system promises no more than %s to all processes together (%s are "
                    "promised), and may refuse memory while there is some. Allow more: sysctl vm.overcommit_memory=1.\n",
            human((int64_t)system->commit_limit_bytes).text, human((int64_t)system->committed_bytes).text);
    }
}

static void find_swap(struct doctor *doctor)
{
    const struct mem_system *system = &doctor->report->system;
    if ((int64_t)system->swapped_bytes >= limits.swapped_bytes) {
        begin_finding(doctor);
        say(doctor, "%s of this process are swapped out: whoever needs them waits for the disk. Lower maxmemory (CONFIG SET "
                    "maxmemory %lldmb), or keep the system from it: sysctl vm.swappiness=1.\n",
            human((int64_t)system->swapped_bytes).text, advised_mib(doctor));
    }
}

static void find_clients(struct doctor *doctor)
{
    const struct memory_figures *memory = &doctor->report->memory;
    const uint32_t connected = doctor->report->clients;
    const int64_t mean = connected > 0 ? memory->clients / connected : 0;
    if (memory->clients < limits.client_bytes && (memory->clients < limits.small_bytes || mean < limits.client_mean_bytes)) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "%u connections hold %s, %s each: %s of commands not yet run and %s of replies not yet read. CLIENT LIST "
                "shows which (qbuf, omem); client-output-buffer-limit bounds them.\n",
        connected, human(memory->clients).text, human(mean).text,
        human(memory->classes.class_bytes[MEM_QUERY_BUFFER]).text, human(memory->classes.class_bytes[MEM_OUTPUT_BUFFER]).text);
}

static void find_slow_readers(struct doctor *doctor)
{
    const struct fed_clients *fed = &doctor->report->fed;
    if ((int64_t)fed->slowest_bytes < limits.fed_bytes) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "The slowest of %llu connections that are sent to unasked (MONITOR) has not read %s, all of them %s: that grows "
                "with every command. CLIENT KILL ID %llu closes it; client-output-buffer-limit pubsub bounds them.\n",
        (unsigned long long)fed->count, human((int64_t)fed->slowest_bytes).text, human((int64_t)fed->waiting_bytes).text,
        (unsigned long long)fed->slowest_id);
}

static void find_lazyfree(struct doctor *doctor)
{
    const struct memory_figures *memory = &doctor->report->memory;
    if (memory->lazyfree_pending > 0) {
        begin_finding(doctor);
        say(doctor, "%lld dropped databases, tables or large collections are still being freed in the background: used memory "
                    "will fall by itself.\n",
            (long long)memory->lazyfree_pending);
    }
}

static void find_unwritten_log(struct doctor *doctor)
{
    const struct doctor_log *log = &doctor->report->log;
    if (log->error == 0) {
        return;
    }
    begin_finding(doctor);
    say(doctor, "The log of changes cannot be written since %lld s: %s. Writes are refused with MISCONF, reads go on. ", (long long)log->error_seconds,
        strerror(log->error));
    if (log->error == ENOSPC || log->error == EDQUOT || log->error == EFBIG) {
        say(doctor, "Make room where CONFIG GET dir says (or raise the limit): the same frame is tried again each second, and %s wait for it.\n",
            human(log->pending_bytes).text);
    } else {
        say(doctor, "A new base and new files are tried each 5 s. If the disk stays broken, mend it or move the data: CONFIG SET appendonly no lets "
                    "writes go on without a log.\n");
    }
}

/* Writes have waited: now, or of late. */
static void find_slow_disk(struct doctor *doctor)
{
    const struct doctor_log *log = &doctor->report->log;
    const bool is_of_late = log->held_back_ms >= limits.held_back_ms && log->held_back_ago_s >= 0 && log->held_back_ago_s <= limits.held_back_ago_s;
    if (log->error != 0 || (!log->is_held_back && !is_of_late)) {
        return;
    }
    begin_finding(doctor);
    if (log->is_held_back) {
        say(doctor, "Writes wait for the disk now: ");
    } else {
        say(doctor, "Writes waited for the disk, the last time %lld s ago: ", (long long)log->held_back_ago_s);
    }
    say(doctor, "the log has grown faster than it could be written, for %.1f s since the start; %s wait to be written. LATENCY DOCTOR and "
                "aof_delayed_fsync tell how slow the disk is; no-appendfsync-on-rewrite yes and fewer rewrites "
                "(auto-aof-rewrite-percentage) leave more of it to the log.\n",
        (double)log->held_back_ms / 1000, human(log->pending_bytes).text);
}

typedef void find_fn(struct doctor *doctor);

static find_fn *const finders[] = {
    find_maxmemory,     find_peak,     find_fragmentation, find_resident_gap, find_big_keys,     find_heavy_indexes,
    find_sparse_tables, find_misfits,  find_uneven_shards, find_hot_shard,    find_clients,      find_slow_readers,
    find_lasting_keys,  find_lazyfree, find_swap,          find_huge_pages,   find_overcommit,   find_unwritten_log,
    find_slow_disk,
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

bool doctor_write(const struct doctor_report *report, struct buffer *out)
{
    struct doctor doctor = {.report = report, .out = out};
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
