/* earliest.c - see earliest.h.  */
#include "checklog/earliest.h"

#include "base/number.h"
#include "checklog/span.h"
#include "mem/heap.h"
#include "persist/rdb_file.h"

enum { HEAD_BYTES = 64 << 10 };

/* `ctime` of the bytes an RDB file begins with. False: it has none there. */
static bool find_ctime(struct bytes head, int64_t *seconds)
{
    struct rdb_scan scan;
    struct rdb_item item;
    bool is_found = false;
    bool goes_on = rdb_scan_begin(&scan, head);
    while (goes_on && !is_found) {
        goes_on = rdb_scan_next(&scan, &item) == RDB_SCAN_ITEM && item.kind == RDB_ITEM_AUX;
        is_found = goes_on && bytes_equal(item.aux.name, BYTES("ctime")) && int64_parse(item.aux.value, seconds) && *seconds >= 0;
    }
    rdb_scan_release(&scan);
    return is_found && *seconds < INT64_MAX / 1000 - 1;
}

static bool read_ctime(const struct aof_files *files, const char *name, int64_t *seconds)
{
    struct aof_source source;
    if (files->open(files->context, name, &source) != 0) {
        return false;
    }
    const size_t len = source.bytes < HEAD_BYTES ? (size_t)source.bytes : HEAD_BYTES;
    char *head = len == 0 ? NULL : thread_alloc(MEM_SNAPSHOT, len);
    const bool is_found = head != NULL && source.read(source.context, 0, head, len) && find_ctime((struct bytes){head, len}, seconds);
    thread_free(MEM_SNAPSHOT, head, len);
    files->close(files->context, &source);
    return is_found;
}

/* When the logs of the first generation were made, all of them. */
static int64_t made_ms(const struct aof_files *files, const struct aof_generation *generation)
{
    int64_t made = INT64_MIN;
    for (uint32_t i = 0; i < generation->shard_count; i++) {
        struct aof_source source;
        struct aof_reader reader;
        if (files->open(files->context, generation->logs[i].name, &source) != 0) {
            continue;
        }
        const bool is_read = aof_reader_open(&reader, &source, 0) == AOF_READ_OK;
        const bool is_that_log = is_read && reader.header.file_id == generation->logs[i].file_id;
        made = is_that_log && reader.header.wall_ms > made ? reader.header.wall_ms : made;
        aof_reader_close(&reader);
        files->close(files->context, &source);
    }
    return made;
}

int64_t earliest_moment(const struct aof_files *files, const struct aof_manifest *manifest)
{
    int64_t second = INT64_MIN;
    struct span first = {0};
    const struct aof_generation *generation = &manifest->generations[0];
    if (manifest->base_count == 0) {
        return made_ms(files, generation);
    }
    for (uint32_t i = 0; i < manifest->base_count; i++) {
        int64_t seconds;
        if (read_ctime(files, manifest->bases[i].name, &seconds)) {
            second = seconds > second ? seconds : second;
        }
    }
    for (uint32_t i = 0; i < generation->shard_count; i++) {
        span_add_first(&first, files, &generation->logs[i]);
    }
    if (second == INT64_MIN) {
        return first.frames > 0 ? first.earliest_ms : made_ms(files, generation);
    }
    const int64_t from = second * 1000;
    return first.frames > 0 && first.earliest_ms >= from && first.earliest_ms < from + 999 ? first.earliest_ms : from + 999;
}
