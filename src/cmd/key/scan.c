/* scan.c - commands over all keys of a database: SCAN, RANDOMKEY, and the row of KEYS, which is in keys.c.
 *
 * SCAN is a job: one shard after the other, one step after the other, so that nobody waits for it. It may see a part of a command; RANDOMKEY
 * looks at all shards at one moment.
 *
 * Threads    The connection's; each step holds the baton of the shard that it looks at.
 * Memory     A job is the connection thread's own block; names are put by in blocks and moved into the reply at the end, when
 *            their number is known.
 * Invariant  A key that is there throughout is seen at least once, since it never changes its shard.
 * Limits     SCAN_STEP_KEYS keys between two looks at the clock.  */
#include "base/clock.h"
#include "base/glob.h"
#include "base/number.h"
#include "base/random.h"
#include "cmd/core/answers.h"
#include "cmd/core/name_list.h"
#include "cmd/core/option.h"
#include "cmd/core/scan_cursor.h"
#include "cmd/key/key_rows.h"
#include "cmd/key/keys.h"
#include "cmd/key/shards_in_sight.h"
#include "mem/heap.h"

#include <assert.h>

enum { SCAN_STEP_KEYS = 64, SCAN_COUNT_DEFAULT = 10 };

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

static bool pattern_takes(const struct filter *filter, const struct exec *exec, const struct entry *entry)
{
    return filter->pattern_at == 0 || glob_match(exec->argv[filter->pattern_at], entry_key(entry), false);
}

static bool type_takes(const struct filter *filter, const struct exec *exec, const struct entry *entry)
{
    return filter->type_at == 0 ||
           bytes_equal_ignore_case(exec->argv[filter->type_at], bytes_of_string(value_type_name(entry_type(entry))));
}

/* --- SCAN --- */

enum phase { PHASE_COLLECT, PHASE_REPLY };

/* Keys whose time has come, found by a call of keyspace_scan. What does not fit goes in time. */
struct overdue {
    uint32_t count;
    struct entry *entries[SCAN_STEP_KEYS];
};

struct scan_job {
    struct job job;
    struct filter filter;
    struct exec *exec;       /* of the running step */
    struct overdue *overdue; /* of the running step */
    enum phase phase;
    bool is_broken;          /* memory was refused */
    uint64_t cursor;         /* the keyspace's */
    uint64_t wanted;         /* keys still to be visited */
    uint64_t visited;        /* by the running call of keyspace_scan */
    struct name_list names;
    uint32_t end_shard;   /* the first that is not looked at any more */
};

static void list_name(struct scan_job *scan, const struct entry *entry)
{
    if (type_takes(&scan->filter, scan->exec, entry) && !name_list_add(&scan->names, entry_key(entry))) {
        scan->is_broken = true;
    }
}

static void scan_visit(struct entry *entry, void *arg)
{
    struct scan_job *scan = arg;
    struct overdue *overdue = scan->overdue;
    scan->visited++;
    if (!pattern_takes(&scan->filter, scan->exec, entry)) {
        return;
    }
    const int64_t expiry_ms = keyspace_expiry_ms(job_keyspace(&scan->job, scan->exec), entry);
    if (LIKELY(expiry_ms == KEYSPACE_NO_EXPIRY || expiry_ms >= scan->exec->now_ms)) {
        list_name(scan, entry);
    } else if (overdue->count < SCAN_STEP_KEYS) {
        overdue->entries[overdue->count++] = entry;
    }
}

/* As Redis does: an expired key that the pattern takes is removed, of whatever type. While nothing expires (CLIENT PAUSE) it is replied. */
static void settle_overdue(struct scan_job *scan, struct keyspace *keyspace)
{
    const struct overdue *overdue = scan->overdue;
    for (uint32_t i = 0; i < overdue->count; i++) {
        const struct key key = exec_key_of(scan->exec, entry_key(overdue->entries[i]));
        const struct entry *living = keyspace_find(keyspace, key, scan->exec->now_ms);
        if (living != NULL) {
            list_name(scan, living);
        }
    }
}

/* Writes what comes before the names. */
static void begin_reply(struct scan_job *scan, struct reply *reply, uint64_t cursor)
{
    char digits[INT64_TEXT_MAX];
    reply_array(reply, 2);
    reply_bulk(reply, (struct bytes){digits, uint64_format(cursor, digits)});
    reply_array(reply, scan->names.count);
    reply_reserve(reply, scan->names.bytes);
}

static enum job_status reply_step(struct scan_job *scan, struct exec *exec)
{
    while (name_list_move_block(&scan->names, exec->reply)) {
        if (scan->names.bytes > 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return JOB_DONE;
}

/* Looks at keys of the job's shard. True when enough were seen, or the last shard's end; then *cursor is the next one. */
static bool collect_some(struct scan_job *scan, struct exec *exec, uint64_t *cursor)
{
    struct job *job = &scan->job;
    struct keyspace *keyspace = job_keyspace(job, exec);
    struct overdue overdue;
    scan->exec = exec;
    scan->overdue = &overdue;
    do {
        size_t ask = scan->wanted < SCAN_STEP_KEYS ? (size_t)scan->wanted : SCAN_STEP_KEYS;
        scan->visited = overdue.count = 0;
        keyspace_scan(keyspace, &scan->cursor, ask, BEFORE_ALL_EXPIRIES_MS, scan_visit, scan);
        settle_overdue(scan, keyspace);
        scan->wanted -= scan->visited < scan->wanted ? scan->visited : scan->wanted;
    } while (scan->cursor != 0 && scan->wanted > 0 && !exec_step_is_over(exec));
    if (scan->cursor == 0) {
        job->shard++;
    }
    bool is_end = (uint32_t)job->shard == scan->end_shard;
    *cursor = is_end ? 0 : scan_cursor_join((uint32_t)job->shard, scan->cursor);
    return is_end || scan->wanted == 0 || scan->is_broken;
}

static enum job_status scan_step(struct job *job, struct exec *exec)
{
    struct scan_job *scan = (struct scan_job *)job;
    uint64_t cursor;
    if (scan->phase == PHASE_REPLY) {
        return reply_step(scan, exec);
    }
    if (!collect_some(scan, exec, &cursor)) {
        return JOB_MORE;
    }
    job->shard = JOB_NO_SHARD; /* it may be beyond the last one */
    if (scan->is_broken) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return JOB_DONE;
    }
    begin_reply(scan, exec->reply, cursor);
    scan->phase = PHASE_REPLY;
    return reply_step(scan, exec);
}

static void scan_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    struct scan_job *scan = (struct scan_job *)job;
    name_list_release(&scan->names);
    thread_free(MEM_CLIENT, scan, sizeof *scan);
}

/* A job from `shard` on, which the caller completes and starts; NULL: no memory, which was replied. */
static struct scan_job *scan_create(struct exec *exec, uint32_t shard)
{
    struct scan_job *scan = thread_alloc_zeroed(MEM_CLIENT, sizeof *scan);
    if (scan == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return NULL;
    }
    scan->job = (struct job){scan_step, scan_destroy, (int32_t)shard};
    scan->end_shard = shards_in_sight(exec).end;
    return scan;
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
    struct shards_in_sight range = shards_in_sight(exec);
    uint64_t shard = cursor == 0 ? range.first : cursor >> KEYSPACE_CURSOR_BITS;
    if (shard < range.first || shard >= range.end) { /* never handed out: nothing is left */
        reply_array(exec->reply, 2);
        reply_bulk(exec->reply, BYTES("0"));
        reply_array(exec->reply, 0);
        return;
    }
    struct scan_job *scan = scan_create(exec, (uint32_t)shard);
    if (scan != NULL) {
        scan->filter = filter;
        scan->wanted = count;
        scan->cursor = cursor & ((UINT64_C(1) << KEYSPACE_CURSOR_BITS) - 1);
        exec_start_job(exec, &scan->job);
    }
}

/* --- RANDOMKEY --- */

struct random_job {
    struct job job;
    uint64_t state;
    uint32_t first_shard, shard_count;
};

static uint64_t key_count(const struct random_job *choice, const struct exec *exec, uint32_t i)
{
    return exec->server->shards[choice->first_shard + i].databases[exec->db].key_count;
}

/* A shard, as likely as it has keys. */
static uint32_t random_shard(struct random_job *choice, const struct exec *exec)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < choice->shard_count; i++) {
        total += key_count(choice, exec, i);
    }
    uint64_t at = total == 0 ? 0 : random_below(&choice->state, total);
    uint32_t shard = 0;
    while (shard + 1 < choice->shard_count && at >= key_count(choice, exec, shard)) {
        at -= key_count(choice, exec, shard);
        shard++;
    }
    return shard;
}

/* Under all batons, and nothing is half done: so that a key is given if there is one at this moment. */
static enum job_status random_step(struct job *job, struct exec *exec)
{
    struct random_job *choice = (struct random_job *)job;
    if (exec_waits_for_changes(exec)) {
        return JOB_WAIT;
    }
    const uint32_t first = random_shard(choice, exec);
    for (uint32_t i = 0; i < choice->shard_count; i++) {
        const uint32_t number = choice->first_shard + (first + i) % choice->shard_count;
        struct shard *shard = &exec->server->shards[number];
        baton_assert_held(&shard->baton);
        struct entry *entry = keyspace_random(&shard->databases[exec->db], &choice->state, exec->now_ms);
        if (entry != NULL) {
            reply_bulk(exec->reply, entry_key(entry));
            return JOB_DONE;
        }
    }
    reply_null(exec->reply);
    return JOB_DONE;
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
    const struct shards_in_sight range = shards_in_sight(exec);
    choice->state = clock_ticks();
    choice->first_shard = range.first;
    choice->shard_count = range.end - range.first;
    choice->job = (struct job){random_step, random_destroy, JOB_ALL_SHARDS};
    exec_start_job(exec, &choice->job);
}

const struct command_spec scan_commands[] = {
    {.name = "keys", .run = command_keys, .waits = exec_waits_for_changes, .arity = 2, .scope = SCOPE_SESSION, .flags = COMMAND_READONLY, .since = "1.0.0",
     .group = "generic", .acl = "dangerous", .complexity = "O(N), N the keys of the database",
     .summary = "Returns all keys whose names match a pattern.", .syntax = "pattern",
     .tips = "request_policy:all_shards nondeterministic_output_order"},
    {.name = "randomkey", .run = command_randomkey, .waits = exec_waits_for_changes, .arity = 1, .scope = SCOPE_SESSION, .flags = COMMAND_READONLY,
     .since = "1.0.0", .group = "generic", .complexity = "O(1)", .summary = "Returns the name of some key.", .syntax = "",
     .tips = "request_policy:all_shards nondeterministic_output"},
    {.name = "scan", .run = command_scan, .arity = -2, .scope = SCOPE_SESSION, .flags = COMMAND_READONLY, .since = "2.8.0",
     .group = "generic", .complexity = "O(1) a call; O(N) for all N keys",
     .summary = "Returns some keys and a cursor to go on from.",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]",
     .tips = "nondeterministic_output request_policy:special"},
    {0},
};
