/* Any bytes as the logs of one run, two shards of two generations, in a folder in memory: recovery and replay end, and what is
 * found is the same twice; so is the state of an earlier moment, which is read again by its seals. The first byte says which
 * checksums are put right before (none, or those of all that looks like a header or frame), and which moment; the next four the
 * lengths of the logs, in 64 bytes.  */
#include "aof/replay.h"
#include "aof/until.h"
#include "base/crc32c.h"
#include "mem/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOGS = 4, PREFIX = 1 + LOGS };

struct log_bytes {
    char *bytes;
    size_t len;
};

struct memory {
    struct log_bytes logs[LOGS];
};

static uint64_t file_id(unsigned log)
{
    return 0x1111 * (log + 1);
}

static bool read_memory(void *context, uint64_t offset, char *into, size_t len)
{
    const struct log_bytes *log = context;
    assert(offset + len <= log->len);
    memcpy(into, log->bytes + offset, len);
    return true;
}

static int open_memory(void *context, const char *name, struct aof_source *out)
{
    struct memory *memory = context;
    unsigned generation;
    unsigned shard;
    if (sscanf(name, "log.%u.%u", &generation, &shard) != 2) {
        return ENOENT;
    }
    struct log_bytes *log = &memory->logs[(generation - 1) * 2 + shard];
    *out = (struct aof_source){log, log->len, read_memory};
    return 0;
}

static void close_memory(void *context, struct aof_source *source)
{
    (void)context;
    (void)source;
}

/* A header in front, and the right id and checksum wherever a frame may be. */
static void put_right(struct log_bytes *log, unsigned number)
{
    const struct aof_header header = {file_id(number), 1 + number / 2, number % 2, 2, 0};
    if (log->len >= AOF_HEADER_BYTES) {
        aof_header_write(&header, log->bytes);
    }
    for (size_t at = AOF_HEADER_BYTES; at + AOF_FRAME_BYTES <= log->len;) {
        char *frame_bytes = log->bytes + at;
        struct aof_frame frame;
        const uint64_t id = file_id(number);
        memcpy(frame_bytes + 8, &id, sizeof id);
        if (!aof_frame_read(frame_bytes, id, &frame) || frame.payload_len > log->len - at - AOF_FRAME_BYTES) {
            at += AOF_ALIGN;
            continue;
        }
        aof_frame_seal(frame_bytes, crc32c(0, (struct bytes){frame_bytes + AOF_FRAME_BYTES, frame.payload_len}));
        at += AOF_FRAME_BYTES + frame.payload_len;
    }
}

static bool make_manifest(struct aof_manifest *manifest)
{
    bool is_made = aof_manifest_create(manifest);
    for (unsigned k = 0; k < 2 && is_made; k++) {
        struct aof_generation *generation = aof_manifest_add(manifest, k + 1, 2);
        is_made = generation != NULL;
        for (unsigned i = 0; i < 2 && is_made; i++) {
            generation->logs[i].file_id = file_id(k * 2 + i);
            generation->logs[i].first = k == 0 ? 1 : 0;
        }
    }
    return is_made;
}

static uint32_t replay_generation(const struct aof_recovery *recovery, const struct aof_files *files, uint32_t at)
{
    struct aof_replay *replay;
    struct aof_record record;
    uint32_t sum = 0;
    bool goes_on = aof_replay_open(&replay, recovery, files, at) == AOF_REPLAY_RECORD;
    while (goes_on) {
        uint32_t log;
        goes_on = false;
        for (uint32_t i = 0; i < 2; i++) {
            enum aof_replay_status status;
            while ((status = aof_replay_next(replay, i, &record)) == AOF_REPLAY_RECORD) {
                for (uint32_t k = 0; k < record.count; k++) {
                    sum = crc32c(sum, record.words[k]);
                }
            }
            goes_on = goes_on || status == AOF_REPLAY_BARRIER;
        }
        goes_on = goes_on && aof_replay_barrier(replay, &record, &log) == AOF_REPLAY_RECORD;
    }
    aof_replay_close(replay);
    return sum;
}

static uint32_t recover(const struct aof_files *files, bool salvages)
{
    struct aof_manifest manifest;
    struct aof_recovery recovery;
    const struct aof_recovery_options options = {.salvages = salvages, .goes_on = true};
    const bool is_made = make_manifest(&manifest);
    assert(is_made);
    const enum aof_recovery_status status = aof_recovery_open_manifest(&recovery, &manifest, files, &options);
    uint32_t sum = (uint32_t)status;
    assert(!salvages || status == AOF_RECOVERY_OK);
    if (status == AOF_RECOVERY_OK) {
        sum ^= replay_generation(&recovery, files, 0);
        sum ^= replay_generation(&recovery, files, 1);
    }
    aof_recovery_close(&recovery);
    return sum;
}

/* What is found of a moment is found again in what was found. */
static void find_moment(const struct aof_files *files, int64_t until_ms)
{
    struct aof_manifest manifest;
    struct aof_until until;
    struct aof_until again;
    const struct aof_recovery_options options = {.until_ms = until_ms};
    const struct aof_recovery_options all = {.until_ms = INT64_MAX};
    const struct aof_recovery_options as_it_is = {0};
    const bool is_made = make_manifest(&manifest);
    assert(is_made);
    if (aof_until_find(&until, &manifest, files, &options) == AOF_RECOVERY_OK) {
        const enum aof_recovery_status status = aof_until_find(&again, &until.manifest, files, &all);
        assert(status == AOF_RECOVERY_OK && !again.is_past);
        assert(until.manifest.generation_count >= 1 && again.manifest.generation_count == until.manifest.generation_count);
        struct aof_recovery sealed;
        const enum aof_recovery_status opened = aof_recovery_open_manifest(&sealed, &again.manifest, files, &as_it_is);
        assert(opened == AOF_RECOVERY_OK);
        for (uint32_t k = 0; k < sealed.manifest.generation_count; k++) {
            replay_generation(&sealed, files, k);
        }
        aof_recovery_close(&sealed);
        aof_until_release(&until);
    }
    aof_manifest_destroy(&manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PREFIX) {
        return 0;
    }
    struct memory memory;
    const uint8_t *at = data + PREFIX;
    size_t left = size - PREFIX;
    for (unsigned i = 0; i < LOGS; i++) {
        const size_t wanted = i == LOGS - 1 ? left : (size_t)data[1 + i] * 64;
        const size_t len = wanted < left ? wanted : left;
        memory.logs[i] = (struct log_bytes){malloc(len + 1), len};
        assert(memory.logs[i].bytes != NULL);
        memcpy(memory.logs[i].bytes, at, len);
        at += len;
        left -= len;
        if ((data[0] & 1) != 0) {
            put_right(&memory.logs[i], i);
        }
    }
    const struct aof_files files = {.context = &memory, .open = open_memory, .close = close_memory};
    const uint32_t first = recover(&files, false);
    const uint32_t second = recover(&files, false);
    assert(first == second);
    recover(&files, true);
    find_moment(&files, data[0] < 2 ? INT64_MAX : data[0] / 2);
    for (unsigned i = 0; i < LOGS; i++) {
        free(memory.logs[i].bytes);
    }
    assert(thread_heaps_bytes() == 0);
    return 0;
}
