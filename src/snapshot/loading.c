/* loading.c - see loading.h.  */
#include "snapshot/loading.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "persist/crc64.h"
#include "persist/rdb_value.h"
#include "shard/inbox.h"
#include "shard/limits.h"
#include "shard/log.h"
#include "shard/thread.h"
#include "shard/supervisor.h"
#include "snapshot/load_keys.h"
#include "snapshot/load_tables.h"
#include "snapshot/saved_tables.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STEP_US = 2000,
    POLL_US = 500,
    SUM_BYTES = 1 << 20,   /* between two looks at the clock */
    END_BYTES = 8,         /* of the checksum */
};

/* --- opening --- */

static enum loading_phase phase_of(const struct loading *loading)
{
    return (enum loading_phase)atomic_load_explicit(&loading->phase, memory_order_acquire);
}

static size_t loading_size(const struct server *server)
{
    return sizeof(struct loading) + server->shard_count * sizeof(struct share);
}

/* NULL: it is mapped. Else why not; errno ENOENT: there is none. */
static const char *map_file(const char *name, struct bytes *out)
{
    struct stat state;
    const char *fault = NULL;
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return strerror(errno);
    }
    void *memory = MAP_FAILED;
    if (fstat(fd, &state) != 0) {
        fault = strerror(errno);
    } else if (!S_ISREG(state.st_mode)) {
        fault = S_ISDIR(state.st_mode) ? "it is a directory" : "it is no regular file";
    } else if (state.st_size == 0) {
        fault = "it is empty, which no RDB file is";
    } else if ((memory = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
        fault = strerror(errno);
    } else {
        (void)madvise(memory, (size_t)state.st_size, MADV_SEQUENTIAL);
        *out = (struct bytes){memory, (size_t)state.st_size};
    }
    close(fd);
    errno = EINVAL; /* it is there */
    return fault;
}

/* The shards' shares of the checksum. */
static void divide_sum(struct loading *loading)
{
    const uint64_t count = loading->server->shard_count;
    const uint64_t len = loading->file.len < END_BYTES ? 0 : loading->file.len - END_BYTES;
    for (uint64_t i = 0; i < count; i++) {
        struct share *share = &loading->shares[i];
        share->sum_from = share->sum_at = len / count * i;
        share->sum_to = i + 1 == count ? len : len / count * (i + 1);
    }
}

static struct loading *create(struct server *server, const char *name, struct bytes file)
{
    struct loading *loading = thread_alloc_zeroed(MEM_SNAPSHOT, loading_size(server));
    if (loading == NULL) {
        return NULL;
    }
    loading->server = server;
    snprintf(loading->name, sizeof loading->name, "%s", name);
    loading->file = file;
    loading->total_bytes = file.len;
    loading->started_ms = loading->now_ms = clock_wall_ms();
    loading->skips_modules = limit_load(&server->config->rdb_skip_module_data) != 0;
    loading->chunks = chunk_index_find(file);
    loading->is_by_chunk = loading->chunks.count > 0 && loading->chunks.shards == server->shard_count;
    atomic_store(&loading->threads_left, server->shard_count);
    divide_sum(loading);
    return loading;
}

enum loading_opened loading_open(struct server *server, const char *name, char error[LOADING_ERROR_MAX])
{
    struct bytes file;
    const char *fault = map_file(name, &file);
    if (fault != NULL) {
        const bool is_there = errno != ENOENT;
        snprintf(error, LOADING_ERROR_MAX, "%.700s cannot be loaded: %.200s", name, fault);
        return is_there ? LOADING_REFUSED : LOADING_NO_FILE;
    }
    struct rdb_scan scan;
    const bool is_rdb = rdb_scan_begin(&scan, file);
    struct loading *loading = is_rdb ? create(server, name, file) : NULL;
    if (loading == NULL) {
        if (is_rdb) {
            snprintf(error, LOADING_ERROR_MAX, "%.700s cannot be loaded: out of memory", name);
        } else {
            snprintf(error, LOADING_ERROR_MAX, "%.700s cannot be loaded: %.180s (at byte %llu); tools/check-rdb looks at it", name, scan.fault.sentence,
                     (unsigned long long)scan.fault.at);
        }
        munmap((void *)(uintptr_t)file.data, file.len);
    }
    rdb_scan_release(&scan);
    if (loading == NULL) {
        return LOADING_REFUSED;
    }
    snprintf(loading->name, sizeof loading->name, "%s", name);
    loading->previous = atomic_load_explicit(&server->loading, memory_order_relaxed);
    atomic_store_explicit(&server->loading, loading, memory_order_release);
    atomic_fetch_or_explicit(&server->refusals, REFUSE_WHILE_LOADING, memory_order_release);
    log_write(server->config, LOG_LEVEL_NOTICE, "Loading %s: %.1f MB", name, (double)file.len / 1e6);
    return LOADING_OPENED;
}

enum loading_opened loading_open_again(struct server *server, const char *name, char error[LOADING_ERROR_MAX])
{
    assert(!server_is_loading(server));
    const enum loading_opened opened = loading_open(server, name, error);
    if (opened == LOADING_OPENED) {
        atomic_load_explicit(&server->loading, memory_order_relaxed)->keeps_existing = true;
    }
    return opened;
}

void loading_be_followed(struct server *server)
{
    atomic_load_explicit(&server->loading, memory_order_relaxed)->is_followed = true;
}

bool loading_is_over(const struct server *server)
{
    const struct loading *loading = atomic_load_explicit(&server->loading, memory_order_acquire);
    return loading == NULL || phase_of(loading) == LOADING_OVER;
}

void loading_end(struct server *server)
{
    atomic_store_explicit(&server->last_save_ms, clock_wall_ms(), memory_order_relaxed);
    atomic_fetch_and_explicit(&server->refusals, ~(uint32_t)REFUSE_WHILE_LOADING, memory_order_release);
}

static void release_file(struct loading *loading)
{
    if (loading->file.data != NULL) {
        munmap((void *)(uintptr_t)loading->file.data, loading->file.len);
        loading->file = (struct bytes){0};
    }
}

static void release_parts(struct loading *loading)
{
    release_file(loading);
    if (loading->tables != NULL) {
        thread_free(MEM_SNAPSHOT, loading->tables, loading->table_capacity * sizeof *loading->tables);
        loading->tables = NULL;
    }
    for (uint32_t i = 0; i < loading->function_count; i++) {
        thread_free(MEM_SNAPSHOT, (void *)(uintptr_t)loading->functions[i].data, loading->functions[i].len + 1);
    }
    if (loading->functions != NULL) {
        thread_free(MEM_SNAPSHOT, loading->functions, loading->function_capacity * sizeof *loading->functions);
        loading->functions = NULL;
    }
    loading->table_count = loading->function_count = 0;
}

/* What the threads were in the middle of when the server was ended. */
static void release_shares(struct loading *loading)
{
    for (uint32_t i = 0; i < loading->server->shard_count; i++) {
        struct share *share = &loading->shares[i];
        struct shard *shard = &loading->server->shards[i];
        if (share->has_scan) {
            rdb_scan_release(&share->scan);
        }
        if (share->reader != NULL && baton_try(&shard->baton)) {
            rdb_reader_destroy(share->reader);
            baton_release(&shard->baton);
        }
    }
}

void loading_destroy(struct loading *loading)
{
    while (loading != NULL) {
        struct loading *previous = loading->previous;
        release_shares(loading);
        release_parts(loading);
        thread_free(MEM_SNAPSHOT, loading, loading_size(loading->server));
        loading = previous;
    }
}

/* --- phases --- */

static void enter(struct loading *loading, enum loading_phase phase)
{
    atomic_store_explicit(&loading->threads_left, loading->server->shard_count, memory_order_relaxed);
    atomic_store_explicit(&loading->phase, (int)phase, memory_order_release);
}

/* The thread's part of the phase is over. True: it was the last one. */
static bool leave(struct loading *loading, struct share *share)
{
    share->left = (int)phase_of(loading) + 1;
    return atomic_fetch_sub_explicit(&loading->threads_left, 1, memory_order_acq_rel) == 1;
}

static void check_sum(struct loading *loading)
{
    struct rdb_scan scan;
    uint64_t stored = 0;
    if (loading->file.len < RDB_FILE_HEADER + 1 + END_BYTES || !rdb_scan_begin(&scan, loading->file)) {
        loading_fail(loading, 0, "it is cut off");
    }
    const bool has_sum = scan.version >= 5;
    rdb_scan_release(&scan);
    memcpy(&stored, loading->file.data + loading->file.len - END_BYTES, END_BYTES);
    uint64_t crc = 0;
    for (uint32_t i = 0; i < loading->server->shard_count; i++) {
        const struct share *share = &loading->shares[i];
        crc = crc64_combine(crc, share->crc, share->sum_to - share->sum_from);
    }
    if (has_sum && stored != 0 && stored != crc && limit_load(&loading->server->config->rdbchecksum) != 0) {
        loading_fail(loading, loading->file.len - END_BYTES, "its checksum is wrong, so it is damaged or cut off");
    }
}

static void sum_up(struct loading *loading, struct share *share, uint64_t end_ticks)
{
    while (share->sum_at < share->sum_to && clock_ticks() < end_ticks) {
        const uint64_t left = share->sum_to - share->sum_at;
        const uint64_t len = left < SUM_BYTES ? left : SUM_BYTES;
        share->crc = crc64(share->crc, (struct bytes){loading->file.data + share->sum_at, len});
        share->sum_at += len;
    }
    if (share->sum_at == share->sum_to && leave(loading, share)) {
        check_sum(loading);
        enter(loading, LOADING_HEAD);
    }
}

/* A copy, with room for the pointer to it. */
static void note_function(struct loading *loading, uint64_t at, struct bytes code)
{
    if (loading->function_count == loading->function_capacity) {
        const uint32_t capacity = 2 * loading->function_capacity + 8;
        struct bytes *more = thread_alloc(MEM_SNAPSHOT, capacity * sizeof *more);
        if (more == NULL) {
            loading_fail(loading, at, "there is no memory");
        }
        if (loading->functions != NULL) {
            memcpy(more, loading->functions, loading->function_count * sizeof *more);
            thread_free(MEM_SNAPSHOT, loading->functions, loading->function_capacity * sizeof *more);
        }
        loading->functions = more;
        loading->function_capacity = capacity;
    }
    char *copy = thread_alloc(MEM_SNAPSHOT, code.len + 1);
    if (copy == NULL) {
        loading_fail(loading, at, "there is no memory");
    }
    memcpy(copy, code.data, code.len);
    loading->functions[loading->function_count++] = (struct bytes){copy, code.len};
}

/* The head is over. An index that does not begin here would pass over keys: then all is read as if there were none. */
static void end_head(struct loading *loading, uint64_t at)
{
    loading->head_end = at;
    if (loading->is_by_chunk && chunk_index_at(&loading->chunks, 0).offset != at) {
        loading->is_by_chunk = false;
    }
}

/* The first chunk begins here. */
static bool is_at_chunk(const struct loading *loading, uint64_t at)
{
    return loading->is_by_chunk && chunk_index_at(&loading->chunks, 0).offset == at;
}

/* A size in the head is that of the database before it. */
static void expect_everywhere(const struct loading *loading, uint64_t db, uint64_t keys)
{
    for (uint32_t i = 0; i < loading->server->shard_count && db < (uint64_t)limit_load(&loading->server->config->databases); i++) {
        load_expect(loading, &loading->server->shards[i], (uint32_t)db, keys);
    }
}

/* Tables, libraries and sizes, up to the first chunk or key. */
static void read_head(struct thread *thread, struct loading *loading)
{
    struct rdb_scan scan;
    struct rdb_item item;
    enum rdb_scan_status status = RDB_SCAN_OVER;
    bool is_head = rdb_scan_begin(&scan, loading->file);
    uint64_t end = loading->file.len, db = 0;
    while (is_head && (end = scan.at, !is_at_chunk(loading, end)) && (status = rdb_scan_next(&scan, &item)) == RDB_SCAN_ITEM) {
        if (item.kind == RDB_ITEM_AUX && bytes_equal(item.aux.name, SAVED_NAMESPACE_FIELD)) {
            load_namespace(thread, loading, item.at, item.aux.value);
        } else if (item.kind == RDB_ITEM_AUX && bytes_equal(item.aux.name, SAVED_TABLE_FIELD)) {
            load_table(thread, loading, item.at, item.aux.value);
        } else if (item.kind == RDB_ITEM_FUNCTION) {
            note_function(loading, item.at, item.code);
        } else if (item.kind == RDB_ITEM_SELECT_DB) {
            db = item.database;
        } else if (item.kind == RDB_ITEM_RESIZE_DB) {
            expect_everywhere(loading, db, item.counts.keys);
        }
        is_head = item.kind != RDB_ITEM_KEY && !(item.kind == RDB_ITEM_AUX && bytes_equal(item.aux.name, SAVED_ROWS_FIELD));
    }
    if (status == RDB_SCAN_BAD || status == RDB_SCAN_NO_MEMORY) {
        loading_fail(loading, scan.fault.at, status == RDB_SCAN_BAD ? scan.fault.sentence : "there is no memory");
    }
    rdb_scan_release(&scan);
    end_head(loading, end);
}

static void load_end(struct thread *thread, struct loading *loading)
{
    char error[LOADING_ERROR_MAX];
    const struct snapshot_hooks *hooks = snapshots_hooks(loading->server->snapshots);
    shards_take_all(thread);
    load_tables_end(loading);
    for (uint32_t i = 0; i < loading->function_count; i++) {
        if (!hooks->load_function(thread, loading->functions[i], error)) {
            loading_fail(loading, 0, error);
        }
    }
    shards_release_all(thread);
}

void loading_say_ready(const struct server *server)
{
    log_write(server->config, LOG_LEVEL_NOTICE, "Ready to accept connections on port %lld", (long long)limit_load(&server->config->port));
    supervisor_say_ready(server->config);
}

static void end(struct thread *thread, struct loading *loading)
{
    load_end(thread, loading);
    release_parts(loading);
    struct loading_figures figures;
    loading_figures(loading->server, &figures);
    log_write(loading->server->config, LOG_LEVEL_NOTICE,
              "Done loading: %llu keys and %llu rows in %.3f seconds; left out: %llu keys whose time was over, %llu empty, %llu modules' items",
              (unsigned long long)figures.keys, (unsigned long long)figures.rows, (double)(clock_wall_ms() - loading->started_ms) / 1000,
              (unsigned long long)figures.expired, (unsigned long long)figures.empty, (unsigned long long)figures.module_items);
    enter(loading, LOADING_OVER);
    if (loading->is_followed) {
        return;
    }
    loading_end(loading->server);
    if (!loading->keeps_existing) {
        loading_say_ready(loading->server);
    }
}

int64_t loading_work(struct thread *thread)
{
    struct server *server = thread->server;
    if (LIKELY(!server_is_loading(server))) {
        return POLL_US;
    }
    struct loading *loading = atomic_load_explicit(&server->loading, memory_order_acquire);
    if (loading == NULL) {
        return POLL_US; /* the server loads a log without a base */
    }
    struct share *share = &loading->shares[thread->number];
    const uint64_t end_ticks = clock_ticks() + (uint64_t)(STEP_US * server->ticks_per_us);
    const bool is_first = thread->number == 0;
    const int64_t delay_us = limit_load(&server->config->key_load_delay);
    switch (phase_of(loading)) {
    case LOADING_CHECKSUM:
        if (share->left > LOADING_CHECKSUM) {
            return POLL_US;
        }
        sum_up(loading, share, end_ticks);
        return 0;
    case LOADING_HEAD:
        if (!is_first) {
            return POLL_US;
        }
        shards_take_all(thread);
        read_head(thread, loading);
        shards_release_all(thread);
        enter(loading, LOADING_KEYS);
        return 0;
    case LOADING_KEYS:
        if (share->left > LOADING_KEYS || (delay_us > 0 && clock_monotonic_us() < share->resume_us)) {
            return POLL_US;
        }
        share->resume_us = clock_monotonic_us() + delay_us;
        if (load_share(thread, loading, share, end_ticks, delay_us > 0) && leave(loading, share)) {
            enter(loading, LOADING_FUNCTIONS);
        }
        return 0;
    case LOADING_FUNCTIONS:
        if (is_first) {
            end(thread, loading);
        }
        return POLL_US;
    case LOADING_OVER:
        break;
    }
    return POLL_US;
}

/* --- figures --- */

void loading_figures(const struct server *server, struct loading_figures *out)
{
    const struct loading *loading = atomic_load_explicit(&server->loading, memory_order_acquire);
    *out = (struct loading_figures){0};
    if (loading == NULL) {
        return;
    }
    out->is_loading = server_is_loading(server);
    out->started_ms = loading->started_ms;
    out->total_bytes = loading->total_bytes;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct share *share = &loading->shares[i];
        out->loaded_bytes += __atomic_load_n(&share->bytes, __ATOMIC_RELAXED);
        out->keys += __atomic_load_n(&share->keys, __ATOMIC_RELAXED);
        out->expired += __atomic_load_n(&share->expired, __ATOMIC_RELAXED);
        out->empty += __atomic_load_n(&share->empty, __ATOMIC_RELAXED);
        out->rows += __atomic_load_n(&share->rows, __ATOMIC_RELAXED);
        out->module_items += __atomic_load_n(&share->module_items, __ATOMIC_RELAXED);
    }
    if (phase_of(loading) >= LOADING_KEYS && !loading->is_by_chunk) { /* it may change before; then nothing is loaded yet */
        out->loaded_bytes /= server->shard_count;
    }
}
