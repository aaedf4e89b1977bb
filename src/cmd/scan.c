/* scan.c - commands over all keys of a database: KEYS, SCAN, RANDOMKEY.
 *
 * All are jobs: one shard after the other, one slice after the other, so that nobody waits for them.
 *
 * Threads    The connection's; each step holds the baton of the shard that it looks at.
 * Memory     A job is the connection thread's own block; names are copied into the reply as they are seen.
 * Invariant  A cursor is shard number x 2^KEYSPACE_CURSOR_BITS + the keyspace's own; 0 begins and ends. A key that is there
 *            throughout is seen at least once, since it never changes its shard.
 * Limits     SCAN_SLICE_KEYS keys between two looks at the clock.  */
#include "cmd/scan.h"

#include "base/clock.h"
#include "base/glob.h"
#include "base/number.h"
#include "cmd/commands.h"
#include "cmd/option.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum { SCAN_SLICE_KEYS = 64, SCAN_COUNT_DEFAULT = 10 };

static struct keyspace *job_keyspace(const struct job *job, const struct exec *exec)
{
    return &exec->server->shards[job->shard].databases[exec->db];
}

/* --- which keys are wanted --- */

/* Words of argv by their places, 0 for none: between the handler and a job's steps the words themselves move. */
struct filter {
    uint32_t pattern_at;
    uint32_t type_at;
};

static uint32_t pattern_place(const struct exec *exec, uint32_t index)
{
    return bytes_equal(exec->argv[index], BYTES("*")) ? 0 : index;
}

static bool filter_takes(const struct filter *filter, const struct exec *exec, const struct entry *entry)
{
    if (filter->type_at != 0) {
        struct bytes name = bytes_of_string(value_type_name(entry_type(entry)));
        if (!bytes_equal_ignore_case(exec->argv[filter->type_at], name)) {
            return false;
        }
    }
    return filter->pattern_at == 0 || glob_match(exec->argv[filter->pattern_at], entry_key(entry), false);
}

/* --- KEYS --- */

struct keys_job {
    struct job job;
    struct filter filter;
    struct exec *exec;    /* of the running step */
    uint64_t cursor;
    size_t mark;
    size_t count;
    bool is_begun;
};

static void keys_visit(struct entry *entry, void *arg)
{
    struct keys_job *keys = arg;
    if (filter_takes(&keys->filter, keys->exec, entry)) {
        reply_bulk(keys->exec->reply, entry_key(entry));
        keys->count++;
    }
}

static enum job_status keys_step(struct job *job, struct exec *exec)
{
    struct keys_job *keys = (struct keys_job *)job;
    keys->exec = exec;
    if (!keys->is_begun) {
        keys->is_begun = true;
        keys->mark = reply_deferred_begin(exec->reply);
    }
    do {
        keyspace_scan(job_keyspace(job, exec), &keys->cursor, SCAN_SLICE_KEYS, exec->now_ms, keys_visit, keys);
    } while (keys->cursor != 0 && !exec_slice_is_over(exec));
    if (keys->cursor != 0) {
        return JOB_MORE;
    }
    job->shard++;
    if ((uint32_t)job->shard < exec->server->shard_count) {
        return JOB_MORE;
    }
    reply_deferred_end(exec->reply, keys->mark, '*', keys->count);
    return JOB_DONE;
}

static void keys_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_CLIENT, job, sizeof(struct keys_job));
}

static void command_keys(struct exec *exec)
{
    struct keys_job *keys = thread_alloc_zeroed(MEM_CLIENT, sizeof *keys);
    if (keys == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    keys->job = (struct job){keys_step, keys_destroy, 0};
    keys->filter.pattern_at = pattern_place(exec, 1);
    exec_start_job(exec, &keys->job);
}

/* --- SCAN --- */

struct scan_job {
    struct job job;
    struct filter filter;
    const struct exec *exec; /* of the running step */
    uint64_t cursor;      /* the keyspace's */
    uint64_t wanted;      /* keys still to be visited */
    uint64_t visited;     /* by the running call of keyspace_scan */
    struct buffer names;  /* bulk strings, ready for the reply: the cursor comes before them */
    uint64_t count;
    bool is_broken;       /* memory was refused */
};

static void scan_append_name(struct scan_job *scan, struct bytes name)
{
    char digits[INT64_TEXT_MAX];
    struct bytes len = {digits, uint64_format(name.len, digits)};
    if (!buffer_append(&scan->names, BYTES("$")) || !buffer_append(&scan->names, len) ||
        !buffer_append(&scan->names, BYTES("\r\n")) || !buffer_append(&scan->names, name) ||
        !buffer_append(&scan->names, BYTES("\r\n"))) {
        scan->is_broken = true;
        return;
    }
    scan->count++;
}

static void scan_visit(struct entry *entry, void *arg)
{
    struct scan_job *scan = arg;
    scan->visited++;
    if (filter_takes(&scan->filter, scan->exec, entry)) {
        scan_append_name(scan, entry_key(entry));
    }
}

static void scan_reply(struct scan_job *scan, struct exec *exec, uint64_t cursor)
{
    if (scan->is_broken) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    char digits[INT64_TEXT_MAX];
    reply_array(exec->reply, 2);
    reply_bulk(exec->reply, (struct bytes){digits, uint64_format(cursor, digits)});
    reply_array(exec->reply, scan->count);
    reply_raw(exec->reply, buffer_bytes(&scan->names));
}

static enum job_status scan_step(struct job *job, struct exec *exec)
{
    struct scan_job *scan = (struct scan_job *)job;
    scan->exec = exec;
    do {
        size_t ask = scan->wanted < SCAN_SLICE_KEYS ? (size_t)scan->wanted : SCAN_SLICE_KEYS;
        scan->visited = 0;
        keyspace_scan(job_keyspace(job, exec), &scan->cursor, ask, exec->now_ms, scan_visit, scan);
        scan->wanted -= scan->visited < scan->wanted ? scan->visited : scan->wanted;
    } while (scan->cursor != 0 && scan->wanted > 0 && !exec_slice_is_over(exec));
    if (scan->cursor == 0) {
        job->shard++;
    }
    bool is_end = (uint32_t)job->shard == exec->server->shard_count;
    if (!is_end && scan->wanted > 0 && !scan->is_broken) {
        return JOB_MORE;
    }
    scan_reply(scan, exec, is_end ? 0 : scan_cursor_join((uint32_t)job->shard, scan->cursor));
    return JOB_DONE;
}

static void scan_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    struct scan_job *scan = (struct scan_job *)job;
    buffer_release(&scan->names);
    thread_free(MEM_CLIENT, scan, sizeof *scan);
}

uint64_t scan_cursor_join(uint32_t shard, uint64_t keyspace_cursor)
{
    assert(keyspace_cursor >> KEYSPACE_CURSOR_BITS == 0);
    return (uint64_t)shard << KEYSPACE_CURSOR_BITS | keyspace_cursor;
}

bool scan_cursor_parse(struct bytes text, uint64_t *out)
{
    size_t at = 0;
    const char *nul = text.len == 0 ? NULL : memchr(text.data, '\0', text.len);
    if (nul != NULL) {
        text.len = (size_t)(nul - text.data);
    }
    bool is_negative = false;
    if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        is_negative = text.data[0] == '-';
        at = 1;
        if (text.len == 1) {
            return false;
        }
    }
    uint64_t value = 0;
    for (; at < text.len; at++) {
        unsigned digit = (unsigned char)text.data[at] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *out = is_negative ? 0 - value : value;
    return true;
}

enum scan_flag { SCAN_MATCH = 1 << 0, SCAN_COUNT = 1 << 1, SCAN_TYPE = 1 << 2 };

static const struct option scan_options[] = {
    {"MATCH", .sets = SCAN_MATCH, .has_value = true},
    {"COUNT", .sets = SCAN_COUNT, .has_value = true},
    {"TYPE", .sets = SCAN_TYPE, .has_value = true},
    {0},
};

/* Reads COUNT's value; replies the error. */
static bool scan_read_count(struct exec *exec, uint32_t index, uint64_t *out)
{
    int64_t count;
    if (!exec_int64_argument(exec, index, &count)) {
        return false;
    }
    if (count < 1) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    *out = (uint64_t)count;
    return true;
}

/* Reads argv[2...]; replies the error. */
static bool scan_read_options(struct exec *exec, struct filter *filter, uint64_t *count)
{
    struct option_walk walk = {.at = 2};
    while (option_next(exec, scan_options, &walk)) {
        if (walk.option->sets == SCAN_COUNT && !scan_read_count(exec, walk.value, count)) {
            return false;
        }
        if (walk.option->sets == SCAN_MATCH) {
            filter->pattern_at = pattern_place(exec, walk.value);
        }
        if (walk.option->sets == SCAN_TYPE) {
            filter->type_at = walk.value;
        }
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return true;
}

static void command_scan(struct exec *exec)
{
    uint64_t cursor;
    if (!scan_cursor_parse(exec->argv[1], &cursor)) {
        reply_error(exec->reply, "ERR invalid cursor");
        return;
    }
    struct filter filter = {0};
    uint64_t count = SCAN_COUNT_DEFAULT;
    if (!scan_read_options(exec, &filter, &count)) {
        return;
    }
    uint64_t shard = cursor >> KEYSPACE_CURSOR_BITS;
    struct scan_job *scan = thread_alloc_zeroed(MEM_CLIENT, sizeof *scan);
    if (scan == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    scan->filter = filter;
    scan->names = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    scan->wanted = count;
    if (shard >= exec->server->shard_count) { /* never handed out: nothing is left */
        scan_reply(scan, exec, 0);
        scan_destroy(&scan->job, exec);
        return;
    }
    scan->job = (struct job){scan_step, scan_destroy, (int32_t)shard};
    scan->cursor = cursor & ((UINT64_C(1) << KEYSPACE_CURSOR_BITS) - 1);
    exec_start_job(exec, &scan->job);
}

/* --- RANDOMKEY --- */

struct random_job {
    struct job job;
    uint64_t state;
    uint32_t shards_left;
};

/* splitmix64: spreads a clock's bits over the word. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* A shard, as likely as it has keys. */
static uint32_t random_shard(const struct exec *exec, uint64_t random)
{
    const struct server *server = exec->server;
    uint64_t total = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        total += __atomic_load_n(&server->shards[i].databases[exec->db].key_count, __ATOMIC_RELAXED);
    }
    uint64_t at = total == 0 ? 0 : random % total;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        uint64_t count = __atomic_load_n(&server->shards[i].databases[exec->db].key_count, __ATOMIC_RELAXED);
        if (at < count) {
            return i;
        }
        at -= count;
    }
    return 0;
}

static enum job_status random_step(struct job *job, struct exec *exec)
{
    struct random_job *choice = (struct random_job *)job;
    struct entry *entry = keyspace_random(job_keyspace(job, exec), &choice->state, exec->now_ms);
    if (entry != NULL) {
        reply_bulk(exec->reply, entry_key(entry));
        return JOB_DONE;
    }
    choice->shards_left--;
    if (choice->shards_left == 0) {
        reply_null(exec->reply);
        return JOB_DONE;
    }
    job->shard = (int32_t)(((uint32_t)job->shard + 1) % exec->server->shard_count);
    return JOB_MORE;
}

static void random_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_CLIENT, job, sizeof(struct random_job));
}

static void command_randomkey(struct exec *exec)
{
    struct random_job *choice = thread_alloc_zeroed(MEM_CLIENT, sizeof *choice);
    if (choice == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    choice->state = mix(clock_ticks());
    choice->shards_left = exec->server->shard_count;
    choice->job = (struct job){random_step, random_destroy, (int32_t)random_shard(exec, mix(choice->state))};
    exec_start_job(exec, &choice->job);
}

const struct command_spec scan_commands[] = {
    {.name = "keys", .run = command_keys, .arity = 2, .scope = SCOPE_SESSION, .flags = COMMAND_READONLY, .since = "1.0.0",
     .group = "generic", .acl = "dangerous", .complexity = "O(N), N the keys of the database",
     .summary = "Returns all keys whose names match a pattern.", .syntax = "pattern"},
    {.name = "randomkey", .run = command_randomkey, .arity = 1, .scope = SCOPE_SESSION, .flags = COMMAND_READONLY,
     .since = "1.0.0", .group = "generic", .complexity = "O(1)", .summary = "Returns the name of some key.", .syntax = ""},
    {.name = "scan", .run = command_scan, .arity = -2, .scope = SCOPE_SESSION, .flags = COMMAND_READONLY, .since = "2.8.0",
     .group = "generic", .complexity = "O(1) a call; O(N) for all N keys",
     .summary = "Returns some keys and a cursor to go on from.",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]"},
    {0},
};
