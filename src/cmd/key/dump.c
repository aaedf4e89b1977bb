/* dump.c - DUMP and RESTORE: a value as bytes that redis-server understands, and back.
 *
 * Threads    The holder of the key's baton.
 * Memory     A big payload is written into the thread's memory first, since its length comes first in the reply; a big value is
 *            read into a detached one, in the key's shard, and stored when it is whole.
 * Read on    persist/rdb_value.h.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/core/bulk_steps.h"
#include "cmd/core/find.h"
#include "cmd/core/limits.h"
#include "cmd/core/option.h"
#include "cmd/core/text_copy.h"
#include "cmd/key/key_rows.h"
#include "cmd/key/object.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "persist/rdb_value.h"
#include "shard/server.h"

enum {
    DUMP_DIRECT_BYTES = 65536,    /* values up to this size are written and read in one step */
    DUMP_STEP_ITEMS = 32,         /* between two looks at the clock */
    DUMP_STEP_BYTES = 16384,
};

static bool is_direct(const struct entry *entry)
{
    return entry_value_apart(entry) == NULL || entry_memory_bytes(entry) <= DUMP_DIRECT_BYTES;
}

/* --- DUMP --- */

struct dump_job {
    struct job job;
    struct pin pin;
    struct rdb_writer *writer; /* NULL: the payload is complete */
    struct buffer payload;
    struct bulk_steps sending; /* of the payload */
};

/* A string is pinned to the end: it is read without the baton, which is then taken back. */
static enum job_status end_job(struct dump_job *dump)
{
    if (dump->pin.shard != NULL) {
        dump->job.shard = (int32_t)dump->pin.shard->number;
    }
    return JOB_DONE;
}

static enum job_status dump_step(struct job *job, struct exec *exec)
{
    struct dump_job *dump = (struct dump_job *)job;
    if (dump->writer == NULL) {
        return bulk_steps_run(&dump->sending, exec) ? end_job(dump) : JOB_MORE;
    }
    enum rdb_status status;
    do {
        status = rdb_writer_step(dump->writer, &dump->payload, DUMP_STEP_ITEMS);
    } while (status == RDB_MORE && !exec_step_is_over(exec));
    if (status == RDB_MORE) {
        return JOB_MORE;
    }
    rdb_writer_destroy(dump->writer);
    dump->writer = NULL;
    if (dump->pin.raw == NULL) {
        exec_unpin(exec, &dump->pin);
        job->shard = JOB_NO_SHARD;
    }
    if (status != RDB_DONE) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return end_job(dump);
    }
    dump->sending.text = buffer_bytes(&dump->payload);
    return JOB_MORE;
}

static void dump_destroy(struct job *job, struct exec *exec)
{
    struct dump_job *dump = (struct dump_job *)job;
    rdb_writer_destroy(dump->writer);
    exec_unpin(exec, &dump->pin);
    buffer_release(&dump->payload);
    thread_free(MEM_CLIENT, dump, sizeof *dump);
}

static void dump_in_steps(struct exec *exec, struct key key, struct entry *entry, struct rdb_writer *writer)
{
    struct dump_job *dump = thread_alloc_zeroed(MEM_CLIENT, sizeof *dump);
    if (dump == NULL) {
        rdb_writer_destroy(writer);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    dump->job = (struct job){dump_step, dump_destroy, (int32_t)exec->shard->number};
    dump->writer = writer;
    dump->payload = BUFFER_EMPTY(MEM_CLIENT);
    if (exec_pin(exec, key, entry, &dump->pin)) {
        dump->job.shard = dump->pin.raw != NULL ? JOB_NO_SHARD : dump->job.shard;
        exec_start_job(exec, &dump->job);
    } else {
        dump_destroy(&dump->job, exec);
    }
}

static void dump_at_once(struct exec *exec, struct rdb_writer *writer)
{
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    if (rdb_writer_step(writer, &payload, SIZE_MAX) == RDB_DONE) {
        reply_bulk(exec->reply, buffer_bytes(&payload));
    } else {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
    rdb_writer_destroy(writer);
    buffer_release(&payload);
}

static void command_dump(struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (entry == NULL) {
        reply_null(exec->reply);
        return;
    }
    const struct encoding_limits limits = exec_limits(exec);
    struct rdb_writer *writer = rdb_writer_create(entry, &limits);
    if (writer == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    } else if (is_direct(entry)) {
        dump_at_once(exec, writer);
    } else {
        dump_in_steps(exec, key, entry, writer);
    }
}

/* --- RESTORE --- */

enum { RESTORE_KEY = 1, RESTORE_TIME = 2, RESTORE_PAYLOAD = 3, RESTORE_OPTIONS = 4 };

enum restore_flag {
    RESTORE_REPLACE = 1 << 0,
    RESTORE_ABSTTL = 1 << 1,
    RESTORE_IDLETIME = 1 << 2,
    RESTORE_FREQ = 1 << 3,
};

static const struct option restore_options[] = {
    {"REPLACE", .sets = RESTORE_REPLACE},
    {"ABSTTL", .sets = RESTORE_ABSTTL},
    {"IDLETIME", .sets = RESTORE_IDLETIME, .excludes = RESTORE_FREQ, .has_value = true},
    {"FREQ", .sets = RESTORE_FREQ, .excludes = RESTORE_IDLETIME, .has_value = true},
    {0},
};

struct restore_request {
    uint32_t flags;
    int64_t idle_seconds, frequency; /* with the flags */
    int64_t time_ms;                 /* 0: none */
};

#define ERROR_DUMP_FORMAT "ERR Bad data format"
#define ERROR_DUMP_CHECKSUM "ERR DUMP payload version or checksum are wrong"

static bool read_idle_time(struct exec *exec, uint32_t index, int64_t *out)
{
    if (!exec_int64_argument(exec, index, out)) {
        return false;
    }
    if (*out < 0) {
        reply_error(exec->reply, "ERR Invalid IDLETIME value, must be >= 0");
        return false;
    }
    return true;
}

static bool read_frequency(struct exec *exec, uint32_t index, int64_t *out)
{
    if (!exec_int64_argument(exec, index, out)) {
        return false;
    }
    if (*out < 0 || *out > UINT8_MAX) {
        reply_error(exec->reply, "ERR Invalid FREQ value, must be >= 0 and <= 255");
        return false;
    }
    return true;
}

/* Reads argv[4...]; replies the error. */
static bool restore_read_options(struct exec *exec, struct restore_request *request)
{
    struct option_walk walk = {.at = RESTORE_OPTIONS};
    while (option_next(exec, restore_options, &walk)) {
        if (walk.option->sets == RESTORE_IDLETIME && !read_idle_time(exec, walk.value, &request->idle_seconds)) {
            return false;
        }
        if (walk.option->sets == RESTORE_FREQ && !read_frequency(exec, walk.value, &request->frequency)) {
            return false;
        }
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    request->flags = walk.flags;
    return true;
}

/* Reads and checks all but the payload; replies the error. */
static bool restore_read_request(struct exec *exec, struct restore_request *request)
{
    if (!restore_read_options(exec, request)) {
        return false;
    }
    if ((request->flags & RESTORE_REPLACE) == 0 && exec_find_write(exec, exec_key(exec, RESTORE_KEY)) != NULL) {
        reply_result_error(exec->reply, RESULT_EXISTS);
        return false;
    }
    if (!exec_int64_argument(exec, RESTORE_TIME, &request->time_ms)) {
        return false;
    }
    if (request->time_ms < 0) {
        reply_error(exec->reply, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    return true;
}

/* What was read. */
struct restored {
    struct rdb_reader *reader;
    struct text_copy *copy; /* of a long string; NULL: none was made */
};

/* Stores what was read at the key, in place of `existing`. */
static enum result restore_store(struct exec *exec, struct key key, struct entry *existing, const struct restored *what,
                                 int64_t expiry_ms)
{
    struct keyspace *ks = exec_keyspace(exec, key);
    struct bytes text;
    if (!rdb_reader_string(what->reader, exec->argv[RESTORE_PAYLOAD], &text)) {
        return value_store_with_expiry(rdb_reader_value(what->reader), ks, key, existing, expiry_ms);
    }
    const enum expiry_mode mode = expiry_ms == KEYSPACE_NO_EXPIRY ? EXPIRY_CLEAR : EXPIRY_SET;
    if (what->copy != NULL) {
        return text_copy_store(what->copy, key, existing, mode, expiry_ms);
    }
    return keyspace_put_string(ks, key, existing, text, mode, expiry_ms);
}

/* Gives the key the idle time or frequency that the policy keeps. */
static void restore_access(struct exec *exec, struct key key, const struct restore_request *request)
{
    struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    if (entry == NULL) {
        return;
    }
    const bool is_lfu = object_policy_is_lfu(exec);
    if (is_lfu && (request->flags & RESTORE_FREQ) != 0) {
        entry_set_access(entry, object_access_of_frequency((uint32_t)request->frequency, exec->now_ms));
    } else if (!is_lfu && (request->flags & RESTORE_IDLETIME) != 0) {
        entry_set_access(entry, object_access_of_idle(request->idle_seconds, exec->now_ms));
    }
}

/* The words with an absolute time: RESTORE key time payload options ... ABSTTL. */
static void report_restored(struct exec *exec, struct key key, int64_t expiry_ms)
{
    exec_changed(exec, key, EVENT_RESTORE);
    if (expiry_ms == KEYSPACE_NO_EXPIRY || !exec_wants_effects(exec)) {
        return;
    }
    struct bytes *words = exec_scratch(exec, (exec->argc + 1) * sizeof *words);
    if (words == NULL) {
        exec_effect_lost(exec);
        return;
    }
    char digits[INT64_TEXT_MAX];
    memcpy(words, exec->argv, exec->argc * sizeof *words);
    words[RESTORE_TIME] = (struct bytes){digits, int64_format(expiry_ms, digits)};
    words[exec->argc] = BYTES("ABSTTL");
    exec_effect(exec, key, words, exec->argc + 1);
}

/* The value is read: the key gets it, unless its time has come already. */
static void restore_finish(struct exec *exec, const struct restore_request *request, const struct restored *what)
{
    const struct key key = exec_key(exec, RESTORE_KEY);
    struct entry *existing = exec_find_write(exec, key);
    int64_t expiry_ms = KEYSPACE_NO_EXPIRY;
    bool is_over = false;
    if (request->time_ms != 0) {
        const int64_t base_ms = (request->flags & RESTORE_ABSTTL) != 0 ? 0 : exec->now_ms;
        is_over = __builtin_add_overflow(request->time_ms, base_ms, &expiry_ms) || exec_is_past(exec, expiry_ms);
    }
    if (is_over) {
        if (existing != NULL) {
            delete_found(exec, key);
        }
        reply_ok(exec->reply);
        return;
    }
    const enum result result = restore_store(exec, key, existing, what, expiry_ms);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    if (existing != NULL) {
        exec_notice_in(exec, exec->db, key, EVENT_NEW); /* replaced, but a new key to Redis */
    }
    restore_access(exec, key, request);
    report_restored(exec, key, expiry_ms);
    reply_ok(exec->reply);
}

static void reply_read_error(struct exec *exec, enum rdb_status status)
{
    if (status == RDB_BAD) {
        reply_error(exec->reply, ERROR_DUMP_FORMAT);
    } else {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
}

static struct rdb_reader *create_reader(struct exec *exec)
{
    const struct encoding_limits limits = exec_limits(exec);
    struct keyspace *ks = exec_keyspace(exec, exec_key(exec, RESTORE_KEY));
    struct rdb_reader *reader = rdb_reader_create(ks->heap, ks->secret, &limits);
    if (reader == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    } else {
        rdb_reader_value(reader)->home = ks;
    }
    return reader;
}

/* --- in steps --- */

struct restore_job {
    struct job job;
    struct pin pin; /* of the key, so that it stays as it was when the request was checked */
    struct restore_request request;
    struct rdb_check check;
    bool is_checked, is_read, is_copied;
    struct rdb_reader *reader;
    struct text_copy copy;
};

/* Goes on with the checksum, then with the value: RDB_DONE when it is complete. Replies errors. */
static enum rdb_status restore_some(struct restore_job *restore, struct exec *exec)
{
    const struct bytes payload = exec->argv[RESTORE_PAYLOAD];
    if (!restore->is_checked) {
        const enum rdb_status status = rdb_check_step(&restore->check, payload, DUMP_STEP_BYTES);
        if (status == RDB_BAD) {
            reply_error(exec->reply, ERROR_DUMP_CHECKSUM);
        }
        restore->is_checked = status == RDB_DONE;
        return status == RDB_DONE ? RDB_MORE : status;
    }
    const enum rdb_status status = rdb_reader_step(restore->reader, payload, DUMP_STEP_ITEMS);
    if (status != RDB_MORE && status != RDB_DONE) {
        reply_read_error(exec, status);
    }
    return status;
}

/* A long string is copied before its key gets it. JOB_DONE: is_copied, or memory was refused, which was replied. */
static enum job_status restore_copy(struct restore_job *restore, struct exec *exec)
{
    struct bytes text;
    if (!rdb_reader_string(restore->reader, exec->argv[RESTORE_PAYLOAD], &text) || text.len <= TEXT_AT_ONCE_MAX) {
        restore->is_copied = true;
        return JOB_DONE;
    }
    struct text_copy *copy = &restore->copy;
    if (copy->ks == NULL &&
        text_copy_begin(copy, exec_keyspace(exec, exec_key(exec, RESTORE_KEY)), text.len) != RESULT_OK) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return JOB_DONE;
    }
    restore->is_copied = text_copy_run(copy, exec, text);
    return restore->is_copied ? JOB_DONE : JOB_MORE;
}

static enum job_status restore_step(struct job *job, struct exec *exec)
{
    struct restore_job *restore = (struct restore_job *)job;
    while (!restore->is_read) {
        const enum rdb_status status = restore_some(restore, exec);
        if (status != RDB_MORE && status != RDB_DONE) {
            return JOB_DONE;
        }
        restore->is_read = status == RDB_DONE;
        if (!restore->is_read && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (!restore->is_copied) {
        const enum job_status status = restore_copy(restore, exec);
        if (status != JOB_DONE || !restore->is_copied) {
            return status;
        }
    }
    if (!exec_claim(exec, exec_key(exec, RESTORE_KEY), &restore->pin)) {
        return JOB_WAIT;
    }
    exec_unpin(exec, &restore->pin);
    const struct restored what = {restore->reader, restore->copy.ks != NULL ? &restore->copy : NULL};
    restore_finish(exec, &restore->request, &what);
    return JOB_DONE;
}

static void restore_destroy(struct job *job, struct exec *exec)
{
    struct restore_job *restore = (struct restore_job *)job;
    rdb_reader_destroy(restore->reader);
    text_copy_discard(&restore->copy);
    exec_unpin(exec, &restore->pin);
    thread_free(MEM_CLIENT, restore, sizeof *restore);
}

static void restore_in_steps(struct exec *exec, const struct restore_request *request)
{
    struct restore_job *restore = thread_alloc_zeroed(MEM_CLIENT, sizeof *restore);
    if (restore == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    restore->job = (struct job){restore_step, restore_destroy, (int32_t)exec->shard->number};
    restore->request = *request;
    restore->reader = create_reader(exec);
    const struct key key = exec_key(exec, RESTORE_KEY);
    struct entry *existing = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    if (restore->reader != NULL && exec_pin(exec, key, existing, &restore->pin)) {
        exec_start_job(exec, &restore->job);
    } else {
        restore_destroy(&restore->job, exec);
    }
}

static void restore_at_once(struct exec *exec, const struct restore_request *request)
{
    const struct bytes payload = exec->argv[RESTORE_PAYLOAD];
    struct rdb_check check = {0};
    if (rdb_check_step(&check, payload, SIZE_MAX) != RDB_DONE) {
        reply_error(exec->reply, ERROR_DUMP_CHECKSUM);
        return;
    }
    struct rdb_reader *reader = create_reader(exec);
    if (reader == NULL) {
        return;
    }
    const enum rdb_status status = rdb_reader_step(reader, payload, SIZE_MAX);
    if (status == RDB_DONE) {
        restore_finish(exec, request, &(struct restored){reader, NULL});
    } else {
        reply_read_error(exec, status);
    }
    rdb_reader_destroy(reader);
}

static void command_restore(struct exec *exec)
{
    struct restore_request request = {0};
    if (!restore_read_request(exec, &request)) {
        return;
    }
    if (exec->argv[RESTORE_PAYLOAD].len > DUMP_DIRECT_BYTES) {
        restore_in_steps(exec, &request);
    } else {
        restore_at_once(exec, &request);
    }
}

const struct command_spec dump_commands[] = {
    {.name = "dump", .run = command_dump, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "2.6.0", .group = "generic", .complexity = "O(N), N the size of the value",
     .summary = "Returns a key's value as bytes for RESTORE.", .syntax = "key", .tips = "nondeterministic_output"},
    {.name = "restore", .run = command_restore, .arity = -4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "2.6.0", .group = "generic", .acl = "dangerous",
     .complexity = "O(N), N the size of the value; O(N*log(N)) for sorted sets",
     .summary = "Makes a key from bytes that DUMP returned.",
     .syntax = "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]", .key_flags = "OW update"},
    {0},
};
