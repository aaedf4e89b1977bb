/* log.c - the log by itself: nanoseconds a record and a byte. Nothing is written to a disk.
 *
 *   bench-log          medians of 9 runs  */
#include "aof/reader.h"
#include "aof/unit.h"
#include "base/crc32c.h"
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 9, RECORDS = 1000000, UNITS = 200000, GROUP = 50 };

static void bench_crc(const char *name, uint32_t (*crc)(uint32_t, struct bytes), size_t len)
{
    static char text[1 << 20];
    double times[RUNS];
    const unsigned rounds = (unsigned)((256 << 20) / len / 8);
    uint32_t sum = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        const int64_t start = cpu_ns();
        for (unsigned i = 0; i < rounds; i++) {
            sum = crc(sum, (struct bytes){text, len});
        }
        times[run] = (double)(cpu_ns() - start) / rounds / (double)len;
    }
    printf("%-40s %8zu bytes: %7.3f ns a byte (%08x)\n", name, len, median(times, RUNS), sum);
}

/* Takes the frame as if it had been written and synced. */
static void settle(struct aof_writer *writer)
{
    struct aof_write write;
    if (aof_writer_take(writer, writer->synced, 0, &write) == AOF_WRITE) {
        aof_writer_written(writer, (int64_t)write.bytes.len);
        if (aof_writer_take_sync(writer)) {
            aof_writer_synced(writer, 0);
        }
    }
}

static void bench_append(size_t len, unsigned group)
{
    static char text[1 << 16];
    double times[RUNS];
    const struct aof_header header = {.file_id = 1, .generation = 1, .shard = 0, .shard_count = 1};
    const struct bytes words[] = {BYTES("SET"), BYTES("key:000000012345"), {text, len}};
    const struct aof_record record = {.kind = AOF_EFFECT, .count = 3, .words = words};
    const unsigned count = len > 10000 ? RECORDS / 100 : len > 1000 ? RECORDS / 10 : RECORDS;
    for (unsigned run = 0; run < RUNS; run++) {
        struct aof_writer writer;
        aof_writer_open(&writer, &header, 0, AOF_HEADER_BYTES, 0);
        const int64_t start = cpu_ns();
        for (unsigned i = 0; i < count; i++) {
            if (!aof_writer_append(&writer, &record)) {
                abort();
            }
            if (i % group == group - 1) {
                settle(&writer);
            }
        }
        times[run] = (double)(cpu_ns() - start) / count;
        aof_writer_close(&writer);
    }
    printf("%-40s %8zu bytes: %7.1f ns a record, %u a frame\n", "SET, appended and framed", len, median(times, RUNS), group);
}

static void bench_units(unsigned group)
{
    double times[RUNS];
    const struct bytes words[] = {BYTES("SET"), BYTES("key:000000012345"), BYTES("value")};
    for (unsigned run = 0; run < RUNS; run++) {
        struct aof_writer writers[2];
        struct aof_writer *const both[] = {&writers[0], &writers[1]};
        struct aof_cut *cut = aof_cut_create(2);
        uint32_t moved[2];
        for (uint32_t i = 0; i < 2; i++) {
            const struct aof_header header = {.file_id = 1 + i, .generation = 1, .shard = i, .shard_count = 2};
            aof_writer_open(&writers[i], &header, 0, AOF_HEADER_BYTES, 0);
        }
        const int64_t start = cpu_ns();
        for (unsigned unit = 1; unit <= UNITS; unit++) {
            const struct aof_record record = {.kind = AOF_EFFECT, .unit = unit, .count = 3, .words = words};
            if (!aof_writer_append(&writers[0], &record) || !aof_writer_append(&writers[1], &record) || !aof_unit_end(both, 2, unit, cut)) {
                abort();
            }
            if (unit % group == 0) {
                for (uint32_t i = 0; i < 2; i++) {
                    settle(&writers[i]);
                    aof_cut_durable(cut, i, writers[i].synced, moved);
                }
            }
        }
        times[run] = (double)(cpu_ns() - start) / UNITS;
        aof_writer_close(&writers[0]);
        aof_writer_close(&writers[1]);
        aof_cut_destroy(cut);
    }
    printf("%-40s                 %7.1f ns a unit, %u a frame\n", "unit of 2 shards, to its commit", median(times, RUNS), group);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const size_t lens[] = {64, 256, 1024, 4096, 1 << 20};
    for (unsigned i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        bench_crc("crc32c", crc32c, lens[i]);
    }
    bench_crc("crc32c by tables", crc32c_by_tables, 4096);
    bench_append(64, 1);
    bench_append(64, GROUP);
    bench_append(64, 1000);
    bench_append(4096, GROUP);
    bench_append(65536, GROUP);
    bench_units(GROUP);
    bench_units(1000);
    return 0;
}
