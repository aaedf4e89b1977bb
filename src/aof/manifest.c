/* manifest.c - the list in memory, and as text.
 *
 * Read on    manifest_read.c for the way back.  */
#include "aof/manifest.h"

#include "base/crc32c.h"
#include "base/number.h"
#include "mem/heap.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static size_t generations_bytes(void)
{
    return AOF_GENERATIONS_MAX * sizeof(struct aof_generation);
}

static size_t logs_bytes(uint32_t shard_count)
{
    return shard_count * sizeof(struct aof_log);
}

bool aof_manifest_create(struct aof_manifest *manifest)
{
    *manifest = (struct aof_manifest){.generations = thread_alloc_zeroed(MEM_SERVER, generations_bytes())};
    return manifest->generations != NULL;
}

void aof_manifest_destroy(struct aof_manifest *manifest)
{
    if (manifest->generations != NULL) {
        aof_manifest_drop(manifest, manifest->generation_count);
        thread_free(MEM_SERVER, manifest->generations, generations_bytes());
    }
    *manifest = (struct aof_manifest){0};
}

struct aof_generation *aof_manifest_add(struct aof_manifest *manifest, uint64_t number, uint32_t shard_count)
{
    const uint32_t count = manifest->generation_count;
    assert(shard_count > 0 && shard_count <= AOF_SHARDS_MAX);
    assert(count == 0 || manifest->generations[count - 1].number < number);
    if (count == AOF_GENERATIONS_MAX) {
        return NULL;
    }
    struct aof_generation *generation = &manifest->generations[count];
    *generation = (struct aof_generation){number, shard_count, thread_alloc_zeroed(MEM_SERVER, logs_bytes(shard_count))};
    if (generation->logs == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < shard_count; i++) {
        aof_log_name(number, i, generation->logs[i].name);
    }
    manifest->generation_count++;
    return generation;
}

struct aof_generation *aof_manifest_add_copy(struct aof_manifest *manifest, const struct aof_generation *from)
{
    struct aof_generation *generation = aof_manifest_add(manifest, from->number, from->shard_count);
    if (generation != NULL) {
        memcpy(generation->logs, from->logs, logs_bytes(from->shard_count));
    }
    return generation;
}

void aof_manifest_drop(struct aof_manifest *manifest, uint32_t count)
{
    assert(count <= manifest->generation_count);
    for (uint32_t i = 0; i < count; i++) {
        thread_free(MEM_SERVER, manifest->generations[i].logs, logs_bytes(manifest->generations[i].shard_count));
    }
    manifest->generation_count -= count;
    memmove(manifest->generations, manifest->generations + count, manifest->generation_count * sizeof *manifest->generations);
}

static bool is_empty(const struct aof_generation *generation)
{
    for (uint32_t i = 0; i < generation->shard_count; i++) {
        if (generation->logs[i].end_offset != AOF_HEADER_BYTES) {
            return false;
        }
    }
    return true;
}

void aof_manifest_drop_empty(struct aof_manifest *manifest)
{
    while (manifest->generation_count > 0 && is_empty(&manifest->generations[manifest->generation_count - 1])) {
        manifest->generation_count--;
        const struct aof_generation *last = &manifest->generations[manifest->generation_count];
        thread_free(MEM_SERVER, last->logs, logs_bytes(last->shard_count));
    }
}

uint32_t aof_manifest_run_of(const struct aof_manifest *manifest, uint32_t at)
{
    assert(at < manifest->generation_count);
    while (at > 0 && manifest->generations[at].logs[0].first == 0) {
        at--;
    }
    return at;
}

uint32_t aof_manifest_last_run(const struct aof_manifest *manifest)
{
    return manifest->generation_count == 0 ? 0 : aof_manifest_run_of(manifest, manifest->generation_count - 1);
}

bool aof_manifest_copy(const struct aof_manifest *from, struct aof_manifest *to)
{
    if (!aof_manifest_create(to)) {
        return false;
    }
    memcpy(to->bases, from->bases, sizeof to->bases);
    to->base_count = from->base_count;
    for (uint32_t i = 0; i < from->generation_count; i++) {
        if (aof_manifest_add_copy(to, &from->generations[i]) == NULL) {
            aof_manifest_destroy(to);
            return false;
        }
    }
    return true;
}

void aof_log_name(uint64_t generation, uint32_t shard, char out[AOF_NAME_MAX + 1])
{
    snprintf(out, AOF_NAME_MAX + 1, "log.%" PRIu64 ".%" PRIu32, generation, shard);
}

void aof_base_name(uint64_t generation, char out[AOF_NAME_MAX + 1])
{
    snprintf(out, AOF_NAME_MAX + 1, "base.%" PRIu64 ".rdb", generation);
}

static bool is_number_until(const char *text, const char *end, uint64_t *out)
{
    return end != NULL && uint64_parse((struct bytes){text, (size_t)(end - text)}, out);
}

bool aof_own_name(const char *name, uint64_t *generation)
{
    char own[AOF_NAME_MAX + 1] = "";
    uint64_t shard = 0;
    if (strncmp(name, "log.", 4) == 0) {
        const char *point = strchr(name + 4, '.');
        if (is_number_until(name + 4, point, generation) && is_number_until(point + 1, point + strlen(point), &shard) && shard < AOF_SHARDS_MAX) {
            aof_log_name(*generation, (uint32_t)shard, own);
        }
    } else if (strncmp(name, "base.", 5) == 0 && is_number_until(name + 5, strchr(name + 5, '.'), generation)) {
        aof_base_name(*generation, own);
    }
    return own[0] != 0 && strcmp(name, own) == 0;
}

bool aof_manifest_names(const struct aof_manifest *manifest, const char *name)
{
    bool is_named = false;
    for (uint32_t i = 0; i < manifest->base_count; i++) {
        is_named |= strcmp(manifest->bases[i].name, name) == 0;
    }
    for (uint32_t k = 0; k < manifest->generation_count && !is_named; k++) {
        for (uint32_t i = 0; i < manifest->generations[k].shard_count; i++) {
            is_named |= strcmp(manifest->generations[k].logs[i].name, name) == 0;
        }
    }
    return is_named;
}

static bool write_log(const struct aof_log *log, uint32_t shard, struct buffer *out)
{
    if (!buffer_append_format(out, "log %" PRIu32 " %s %016" PRIx64, shard, log->name, log->file_id)) {
        return false;
    }
    const bool is_first = log->first != 0;
    if (!(is_first ? buffer_append_format(out, " first %" PRIu64, log->first) : buffer_append(out, BYTES(" follows")))) {
        return false;
    }
    if (log->end_offset != 0 && !buffer_append_format(out, " end %" PRIu64 " %" PRIu64, log->end, log->end_offset)) {
        return false;
    }
    return buffer_append(out, BYTES("\n"));
}

static bool write_generation(const struct aof_generation *generation, struct buffer *out)
{
    bool is_done = buffer_append_format(out, "generation %" PRIu64 " shards %" PRIu32 "\n", generation->number, generation->shard_count);
    for (uint32_t i = 0; i < generation->shard_count && is_done; i++) {
        is_done = write_log(&generation->logs[i], i, out);
    }
    return is_done;
}

bool aof_manifest_write(const struct aof_manifest *manifest, struct buffer *out)
{
    const size_t start = out->len;
    bool is_done = buffer_append(out, BYTES("tessera-log 1\n"));
    for (uint32_t i = 0; i < manifest->base_count && is_done; i++) {
        is_done = buffer_append_format(out, "base %s %" PRIu64 "\n", manifest->bases[i].name, manifest->bases[i].bytes);
    }
    for (uint32_t i = 0; i < manifest->generation_count && is_done; i++) {
        is_done = write_generation(&manifest->generations[i], out);
    }
    if (is_done) {
        const uint32_t crc = crc32c(0, (struct bytes){out->data + start, out->len - start});
        is_done = buffer_append_format(out, "crc32c %08" PRIx32 "\n", crc);
    }
    return is_done;
}
