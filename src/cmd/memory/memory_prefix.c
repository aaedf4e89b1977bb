/* memory_prefix.c - MEMORY PREFIX: keys and bytes of the selected database by the beginnings of their names.
 *
 * A job scans one shard after the other in steps and counts into a table of bounded size; between two steps, without a baton,
 * it is thinned out when it is full. MEMORY STATS shows how far such jobs are.
 *
 * Limits     PREFIX_COUNT_MAX rows in the answer; names and rows as in prefix_table.h. Keys that come or go meanwhile may be
 *            missed, and a key whose place in the table moves may count twice, as with SCAN.
 * Cost       O(keys), some 100 ns a key.  */
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/memory/memory_private.h"
#include "cmd/memory/prefix_table.h"

#include "data/keyspace.h"
#include "exec/exec.h"

enum {
    PREFIX_COUNT_DEFAULT = 100,
    PREFIX_COUNT_MAX = 1000,
    PREFIX_DEPTH_MAX = 32,
    PREFIX_DELIMITER_MAX = 16,
    PREFIX_SCAN_KEYS = 32,
};

struct prefix_job {
    struct job job;
    struct prefix_table *table;
    struct server *server;
    int32_t shard;           /* being scanned; behind the last: the reply follows */
    uint64_t cursor;
    uint32_t depth, limit;
    uint64_t keys_expected;
    uint64_t keys_seen, bytes_seen;
    uint8_t delimiter_len;
    char delimiter[PREFIX_DELIMITER_MAX];
};

static void look_at_key(struct entry *entry, void *arg)
{
    struct prefix_job *prefix = arg;
    const uint64_t bytes = entry_memory_bytes(entry);
    const struct bytes delimiter = {prefix->delimiter, prefix->delimiter_len};
    prefix_table_add(prefix->table, prefix_of(entry_key(entry), delimiter, prefix->depth), bytes);
    prefix->keys_seen++;
    prefix->bytes_seen += bytes;
}

/* Until the step is over, the table is full or the shard is done. True: it is done. */
static bool scan_step(struct prefix_job *prefix, struct exec *exec)
{
    struct keyspace *ks = &exec->shard->databases[exec->db];
    do {
        if (exec_step_is_over(exec) || prefix_table_is_full(prefix->table)) {
            return false;
        }
        keyspace_scan(ks, &prefix->cursor, PREFIX_SCAN_KEYS, exec->now_ms, look_at_key, prefix);
    } while (prefix->cursor != 0);
    return true;
}

/* --- the reply --- */

static void write_pair(struct reply *reply, const char *name, uint64_t value)
{
    reply_bulk_string(reply, name);
    reply_integer(reply, (int64_t)value);
}

static void write_reply(struct prefix_job *prefix, struct reply *reply)
{
    const struct prefix_row *rows;
    struct prefix_row other;
    bool is_exact;
    const uint32_t count = prefix_table_finish(prefix->table, prefix->limit, &rows, &other, &is_exact);
    reply_map(reply, 5);
    write_pair(reply, "keys", prefix->keys_seen);
    write_pair(reply, "bytes", prefix->bytes_seen);
    write_pair(reply, "exact", is_exact);
    reply_bulk_string(reply, "prefixes");
    reply_array(reply, count);
    for (uint32_t i = 0; i < count; i++) {
        reply_map(reply, 3);
        reply_bulk_string(reply, "prefix");
        reply_bulk(reply, (struct bytes){rows[i].name, rows[i].name_len});
        write_pair(reply, "keys", rows[i].keys);
        write_pair(reply, "bytes", rows[i].bytes);
    }
    reply_bulk_string(reply, "other");
    reply_map(reply, 2);
    write_pair(reply, "keys", other.keys);
    write_pair(reply, "bytes", other.bytes);
}

/* --- the job --- */

static enum job_status prefix_step(struct job *job, struct exec *exec)
{
    struct prefix_job *prefix = (struct prefix_job *)job;
    if (job->shard == JOB_NO_SHARD) {
        if ((uint32_t)prefix->shard == exec->server->shard_count) {
            write_reply(prefix, exec->reply);
            return JOB_DONE;
        }
        prefix_table_thin_out(prefix->table);
        job->shard = prefix->shard;
        return JOB_MORE;
    }
    const uint64_t seen_before = prefix->keys_seen;
    const bool is_done = scan_step(prefix, exec);
    atomic_fetch_add_explicit(&exec->server->prefix_keys_seen, prefix->keys_seen - seen_before, memory_order_relaxed);
    if (is_done) {
        prefix->shard++;
        const bool is_last = (uint32_t)prefix->shard == exec->server->shard_count;
        job->shard = is_last ? JOB_NO_SHARD : prefix->shard;
    } else if (prefix_table_is_full(prefix->table)) {
        job->shard = JOB_NO_SHARD;
    }
    return JOB_MORE;
}

static void prefix_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    struct prefix_job *prefix = (struct prefix_job *)job;
    atomic_fetch_sub_explicit(&prefix->server->prefix_jobs, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&prefix->server->prefix_keys_expected, prefix->keys_expected, memory_order_relaxed);
    atomic_fetch_sub_explicit(&prefix->server->prefix_keys_seen, prefix->keys_seen, memory_order_relaxed);
    prefix_table_destroy(prefix->table);
    thread_free(MEM_SERVER, prefix, sizeof *prefix);
}

enum { PREFIX_DELIMITER = 1, PREFIX_DEPTH = 2, PREFIX_COUNT = 4 };
static const struct option prefix_options[] = {
    {"DELIM", .sets = PREFIX_DELIMITER, .excludes = PREFIX_DELIMITER, .has_value = true},
    {"DEPTH", .sets = PREFIX_DEPTH, .excludes = PREFIX_DEPTH, .has_value = true},
    {"COUNT", .sets = PREFIX_COUNT, .excludes = PREFIX_COUNT, .has_value = true},
    {0},
};

/* False: replied. */
static bool read_option(struct exec *exec, const struct option_walk *walk, struct prefix_job *out)
{
    int64_t number;
    const struct bytes word = exec->argv[walk->value];
    switch (walk->option->sets) {
    case PREFIX_DELIMITER:
        if (word.len == 0 || word.len > PREFIX_DELIMITER_MAX) {
            reply_errorf(exec->reply, "ERR DELIM must have 1 to %d bytes", PREFIX_DELIMITER_MAX);
            return false;
        }
        memcpy(out->delimiter, word.data, word.len);
        out->delimiter_len = (uint8_t)word.len;
        return true;
    case PREFIX_DEPTH:
        if (!memory_count_argument(exec, walk->value, PREFIX_DEPTH_MAX, &number)) {
            return false;
        }
        out->depth = (uint32_t)number;
        return true;
    default:
        if (!memory_count_argument(exec, walk->value, PREFIX_COUNT_MAX, &number)) {
            return false;
        }
        out->limit = (uint32_t)number;
        return true;
    }
}

static void start_job(struct exec *exec, const struct prefix_job *read)
{
    struct server *server = exec->server;
    struct prefix_job *prefix = thread_alloc(MEM_SERVER, sizeof *prefix);
    struct prefix_table *table = prefix_table_create(&server->secret);
    if (prefix == NULL || table == NULL) {
        prefix_table_destroy(table);
        thread_free(MEM_SERVER, prefix, sizeof *prefix);
        reply_error(exec->reply, ERROR_NO_MEMORY);
        return;
    }
    *prefix = *read;
    prefix->job = (struct job){.step = prefix_step, .destroy = prefix_destroy, .shard = 0};
    prefix->table = table;
    prefix->server = server;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        prefix->keys_expected += __atomic_load_n(&server->shards[i].databases[exec->db].key_count, __ATOMIC_RELAXED);
    }
    atomic_fetch_add_explicit(&server->prefix_jobs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&server->prefix_keys_expected, prefix->keys_expected, memory_order_relaxed);
    exec_start_job(exec, &prefix->job);
}

void memory_prefix_run(struct exec *exec)
{
    struct prefix_job read = {.depth = 1, .limit = PREFIX_COUNT_DEFAULT, .delimiter_len = 1, .delimiter = ":"};
    struct option_walk walk = {.at = 2};
    while (option_next(exec, prefix_options, &walk)) {
        if (!read_option(exec, &walk, &read)) {
            return;
        }
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    start_job(exec, &read);
}
