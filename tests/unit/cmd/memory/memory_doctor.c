/* memory_doctor.c - MEMORY DOCTOR's findings: each is provoked by figures over its limit, and is not there with healthy ones.  */
#include "cmd/memory/memory_private.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define MIB (INT64_C(1) << 20)

/* 100 MiB of data on two shards of a machine with 1 GiB: nothing to mend. */
static struct doctor_report healthy(void)
{
    struct doctor_report report = {
        .memory = {.used = 105 * MIB, .dataset = 100 * MIB, .overhead = 5 * MIB, .peak = 110 * MIB, .rss = 115 * MIB,
                   .active = 107 * MIB, .resident = 112 * MIB, .rss_gap_bytes = 5 * MIB, .rss_gap_ratio = 1.05,
                   .maxmemory = 512 * MIB, .clients = MIB},
        .system = {.machine_bytes = 1024 * MIB, .overcommit_mode = 0},
        .shard_count = 2,
        .shards = {{.walk = {.used_bytes = 50 * MIB, .committed_bytes = 52 * MIB, .areas = 800}, .used_bytes = 50 * MIB,
                    .commands = 600000},
                   {.walk = {.used_bytes = 50 * MIB, .committed_bytes = 52 * MIB, .areas = 800}, .used_bytes = 50 * MIB,
                    .commands = 500000}},
        .keys = {1, {{.bytes = 5 * MIB, .name_len = 3, .kind = "string", .name = "key"}}},
        .tables = {1, {{.bytes = 20 * MIB, .name_len = 4, .kind = "table", .name = "ns.t"}}},
        .key_count = 1000,
        .table_count = 1,
        .clients = 10,
        .policy = "noeviction",
        .is_evicting_nothing = true,
        .is_defrag_on = true,
    };
    report.memory.classes.class_bytes[MEM_TABLE_ROW] = 15 * MIB;
    return report;
}

static struct doctor_top one_table(int64_t bytes, uint64_t detail)
{
    return (struct doctor_top){
        1, {{.bytes = (uint64_t)bytes, .detail = detail, .name_len = 4, .kind = "table", .name = "ns.t"}}};
}

static void no_maxmemory(struct doctor_report *r)
{
    r->memory.maxmemory = 0;
}

static void maxmemory_over_machine(struct doctor_report *r)
{
    r->memory.maxmemory = 1025 * MIB;
}

static void maxmemory_over_group(struct doctor_report *r)
{
    r->system.group_limit_bytes = 511 * MIB;
}

static void group_far_away(struct doctor_report *r)
{
    r->system.group_limit_bytes = 600 * MIB;
}

static void nearly_full(struct doctor_report *r)
{
    r->memory.maxmemory = 110 * MIB;
}

static void full_cache(struct doctor_report *r)
{
    r->memory.maxmemory = 105 * MIB;
    r->is_evicting_nothing = false;
    r->policy = "allkeys-lru";
}

static void high_peak(struct doctor_report *r)
{
    r->memory.peak = 160 * MIB;
}

static void fragmented_heap(struct doctor_report *r)
{
    r->shards[1].walk = (struct heap_walk){
        .used_bytes = 20 * MIB, .committed_bytes = 31 * MIB, .areas = 496, .sparse_areas = 300};
}

static void fragmented_little(struct doctor_report *r)
{
    r->shards[1].walk = (struct heap_walk){.used_bytes = MIB, .committed_bytes = 5 * MIB, .areas = 80, .sparse_areas = 60};
}

static void resident_gap(struct doctor_report *r)
{
    r->memory.resident = 150 * MIB;
    r->memory.rss_gap_bytes = 43 * MIB;
    r->memory.rss_gap_ratio = 1.4;
}

static void big_key(struct doctor_report *r)
{
    r->keys.items[0].bytes = 11 * MIB;
}

static void heavy_index(struct doctor_report *r)
{
    r->heavy_indexes = one_table(9 * MIB, 6 * MIB);
}

static void small_heavy_index(struct doctor_report *r)
{
    r->heavy_indexes = one_table(9000, 6000);
}

static void sparse_table(struct doctor_report *r)
{
    r->sparse_tables = one_table(5 * MIB, 44000);
}

static void few_holes(struct doctor_report *r)
{
    r->sparse_tables = one_table(MIB / 2, 17000);
}

static void misfits(struct doctor_report *r)
{
    r->misfits[MISFIT_LARGE_FORM] = (struct doctor_misfits){
        .count = 7, .bytes = 2 * MIB, .all_count = 5, .all_bytes = MIB,
        .top = {1, {{.bytes = MIB, .name_len = 8, .kind = "hash", .name = "was big\n"}}}};
}

static void few_misfits(struct doctor_report *r)
{
    misfits(r);
    r->misfits[MISFIT_LARGE_FORM].bytes = MIB / 2;
    r->misfits[MISFIT_LARGE_FORM].all_bytes = MIB / 2;
}

static void many_misfits(struct doctor_report *r)
{
    misfits(r);
    r->misfits[MISFIT_LARGE_FORM].all_count = 30000;
    r->misfits[MISFIT_LARGE_FORM].all_bytes = 12 * MIB;
    r->sample_keys = 1024;
}

static void small_nodes(struct doctor_report *r)
{
    misfits(r);
    r->misfits[MISFIT_SMALL_NODES] = r->misfits[MISFIT_LARGE_FORM];
    r->misfits[MISFIT_LARGE_FORM] = (struct doctor_misfits){0};
}

static void deleted_entries(struct doctor_report *r)
{
    misfits(r);
    r->misfits[MISFIT_DELETED_ENTRIES] = r->misfits[MISFIT_LARGE_FORM];
    r->misfits[MISFIT_LARGE_FORM] = (struct doctor_misfits){0};
}

static void slow_reader(struct doctor_report *r)
{
    r->fed = (struct fed_clients){.count = 3, .waiting_bytes = 5 * MIB, .slowest_id = 17, .slowest_bytes = 4 * MIB};
}

static void quick_readers(struct doctor_report *r)
{
    r->fed = (struct fed_clients){.count = 3, .waiting_bytes = MIB, .slowest_id = 17, .slowest_bytes = MIB / 2};
}

static void uneven(struct doctor_report *r)
{
    r->shards[0].used_bytes = 80 * MIB;
    r->shards[1].used_bytes = 20 * MIB;
}

static void hot(struct doctor_report *r)
{
    r->shards[1].commands = 2000000;
}

static void hot_but_idle(struct doctor_report *r)
{
    r->shards[0].commands = 9;
    r->shards[1].commands = 9000;
}

static void fat_clients(struct doctor_report *r)
{
    r->memory.clients = 33 * MIB;
    r->memory.classes.class_bytes[MEM_OUTPUT_BUFFER] = 30 * MIB;
}

static void lasting_keys(struct doctor_report *r)
{
    r->policy = "volatile-ttl";
    r->is_policy_volatile = true;
    r->is_evicting_nothing = false;
    r->expiring_count = 700;
}

static void few_lasting_keys(struct doctor_report *r)
{
    lasting_keys(r);
    r->expiring_count = 950;
}

static void pending(struct doctor_report *r)
{
    r->memory.lazyfree_pending = 2;
}

static void swapped(struct doctor_report *r)
{
    r->system.swapped_bytes = 3 * MIB;
}

static void huge_pages(struct doctor_report *r)
{
    r->system.are_huge_pages_always = true;
}

static void strict_overcommit(struct doctor_report *r)
{
    r->system.overcommit_mode = 2;
    r->system.commit_limit_bytes = 900 * MIB;
    r->system.committed_bytes = 800 * MIB;
}

static void full_disk(struct doctor_report *r)
{
    r->log = (struct doctor_log){.error = ENOSPC, .error_seconds = 12, .is_held_back = true, .held_back_ms = 5000, .pending_bytes = 3 * MIB};
}

static void broken_disk(struct doctor_report *r)
{
    r->log = (struct doctor_log){.error = EIO, .error_seconds = 3, .held_back_ago_s = -1};
}

static void slow_disk(struct doctor_report *r)
{
    r->log = (struct doctor_log){.is_held_back = true, .held_back_ms = 200, .pending_bytes = 33 * MIB};
}

static void slow_disk_of_late(struct doctor_report *r)
{
    r->log = (struct doctor_log){.held_back_ms = 2500, .held_back_ago_s = 70, .pending_bytes = MIB};
}

static void slow_disk_long_ago(struct doctor_report *r)
{
    r->log = (struct doctor_log){.held_back_ms = 2500, .held_back_ago_s = 3601};
}

static void nothing(struct doctor_report *r)
{
    (void)r;
}

static const struct {
    void (*provoke)(struct doctor_report *report);
    const char *finding; /* a part of it; NULL: none is made */
    const char *figure, *command;
} rows[] = {
    {nothing, NULL, NULL, NULL},
    {no_maxmemory, "maxmemory is not set", "machine's 1.00G", "CONFIG SET maxmemory 768mb"},
    {maxmemory_over_machine, "the machine has only 1.00G", "maxmemory is 1.00G", "CONFIG SET maxmemory 768mb"},
    {maxmemory_over_group, "the control group has only 511.00M", "maxmemory is 512.00M", "CONFIG SET maxmemory 383mb"},
    {group_far_away, NULL, NULL, NULL},
    {nearly_full, "105.00M of maxmemory's 110.00M are used", "110.00M", "CONFIG SET maxmemory"},
    {full_cache, NULL, NULL, NULL},
    {high_peak, "The peak was 160.00M", "1.5 times", "MEMORY PURGE"},
    {fragmented_heap, "Fragmentation: 1 of 2 heaps hold 11.00M", "shard 1's: 31.00M", "MEMORY PURGE"},
    {fragmented_little, NULL, NULL, NULL},
    {resident_gap, "150.00M are resident, but only 107.00M", "43.00M", "MEMORY PURGE"},
    {big_key, "One key holds 11.00M, 11% of all data: key", "11.00M", "UNLINK"},
    {heavy_index, "The indexes of table ns.t take 9.00M", "6.00M", "DROP INDEX"},
    {small_heavy_index, NULL, NULL, NULL},
    {sparse_table, "Table ns.t has 44000 deleted rows", "5.00M", "TABLE.SELECT"},
    {few_holes, NULL, NULL, NULL},
    {misfits, "7 of the biggest hashes, sets and sorted sets would fit", "was\\x20big\\x0a", "RESTORE"},
    {few_misfits, NULL, NULL, NULL},
    {many_misfits, "About 30000 (by a sample of 1024 keys) hashes, sets and sorted sets would fit", "12.00M", "RESTORE"},
    {small_nodes, "7 of the biggest lists have nodes of a few short items", "2.00M", "CONFIG SET list-max-listpack-size -2"},
    {deleted_entries, "7 of the biggest streams hold more than three deleted entries", "2.00M", "XTRIM"},
    {uneven, "Shard 0 holds 80.00M", "1.6 times", "MEMORY TOP"},
    {hot, "Shard 1 ran 2000000 of the 2600000 commands", "1.5 times", "MONITOR"},
    {hot_but_idle, NULL, NULL, NULL},
    {fat_clients, "10 connections hold 33.00M", "30.00M of replies", "CLIENT LIST"},
    {slow_reader, "The slowest of 3 connections that are sent to unasked", "4.00M, all of them 5.00M", "CLIENT KILL ID 17"},
    {quick_readers, NULL, NULL, NULL},
    {lasting_keys, "maxmemory-policy volatile-ttl evicts only keys that expire", "300 of 1000 keys (30%)", "EXPIRE"},
    {few_lasting_keys, NULL, NULL, NULL},
    {pending, "2 dropped databases", "2", "by itself"},
    {swapped, "3.00M of this process are swapped out", "3.00M", "sysctl vm.swappiness=1"},
    {huge_pages, "Transparent huge pages", "2 MiB", "echo madvise"},
    {full_disk, "cannot be written since 12 s: No space left on device", "3.00M wait for it", "CONFIG GET dir"},
    {broken_disk, "cannot be written since 3 s: Input/output error", "each 5 s", "CONFIG SET appendonly no"},
    {slow_disk, "Writes wait for the disk now", "33.00M wait to be written", "no-appendfsync-on-rewrite yes"},
    {slow_disk_of_late, "the last time 70 s ago", "for 2.5 s", "LATENCY DOCTOR"},
    {slow_disk_long_ago, NULL, NULL, NULL},
    {strict_overcommit, "vm.overcommit_memory is 2", "900.00M", "sysctl vm.overcommit_memory=1"},
};

Test(memory_doctor, makes_each_finding_when_it_is_due_and_no_other)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct doctor_report report = healthy();
        struct buffer out = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
        rows[i].provoke(&report);
        cr_assert(doctor_write(&report, &out));
        cr_assert(buffer_append(&out, (struct bytes){"", 1}));
        const char *findings = strstr(buffer_bytes(&out).data, "Findings:\n");
        cr_assert_not_null(findings);
        if (rows[i].finding == NULL) {
            cr_assert_not_null(strstr(findings, "None: nothing to mend."), "row %zu: %s", i, findings);
        } else {
            cr_assert_not_null(strstr(findings, "\n1. "), "row %zu: %s", i, findings);
            cr_assert_null(strstr(findings, "\n2. "), "row %zu: %s", i, findings);
            cr_assert_not_null(strstr(findings, rows[i].finding), "row %zu: %s", i, findings);
            cr_assert_not_null(strstr(findings, rows[i].figure), "row %zu: %s", i, findings);
            cr_assert_not_null(strstr(findings, rows[i].command), "row %zu: %s", i, findings);
        }
        buffer_release(&out);
    }
}
