/* hash_scan.c - HSCAN.
 *
 * A small hash is replied as a whole, with cursor 0. In a large one a first walk counts what matches and finds the next cursor, a
 * second one replies; a long one does so in slices, while the hash is pinned.
 *
 * Threads    The holder of the key's baton.  */
#include "base/glob.h"
#include "cmd/hash_private.h"
#include "cmd/option.h"
#include "cmd/scan.h"
#include "mem/heap.h"
#include "shard/server.h"

enum { COUNT_DEFAULT = 10, COUNT_AT_ONCE_MAX = 500, COUNT_PER_LOOK = 32 };

/* What is asked for. */
struct request {
    uint64_t cursor;
    uint64_t count;
    uint32_t pattern_at; /* argv index; 0: every field */
};

static const struct option hscan_options[] = {
    {"MATCH", .sets = 1, .has_value = true},
    {"COUNT", .sets = 2, .has_value = true},
    {0},
};

/* Reads argv[3...]; replies the error. */
static bool read_options(struct exec *exec, struct request *request)
{
    struct option_walk walk = {.at = 3};
    request->count = COUNT_DEFAULT;
    while (option_next(exec, hscan_options, &walk)) {
        int64_t count = 1;
        if (walk.option->sets == 1) {
            request->pattern_at = bytes_equal(exec->argv[walk.value], BYTES("*")) ? 0 : walk.value;
            continue;
        }
        if (!exec_int64_argument(exec, walk.value, &count)) {
            return false;
        }
        if (count < 1) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
        request->count = (uint64_t)count;
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return true;
}

static void reply_header(struct reply *reply, uint64_t cursor, size_t pairs)
{
    char text[INT64_TEXT_MAX];
    reply_array(reply, 2);
    reply_bulk(reply, (struct bytes){text, uint64_format(cursor, text)});
    reply_array(reply, 2 * pairs);
}

/* --- one walk --- */

struct pass {
    const struct member_table *table;
    const struct bytes *pattern; /* NULL: every field */
    struct reply *reply;         /* NULL: only count */
    uint64_t cursor;
    uint64_t left;               /* fields still to visit */
    uint64_t visited;            /* in this call */
    uint64_t matches;
};

static bool is_wanted(const struct bytes *pattern, const struct item *field)
{
    char scratch[ITEM_SCRATCH];
    return pattern == NULL || glob_match(*pattern, item_text(field, scratch), false);
}

static void visit_pair(const struct item *field, const struct item *text, void *arg)
{
    struct pass *pass = arg;
    pass->visited++;
    if (!is_wanted(pass->pattern, field)) {
        return;
    }
    pass->matches++;
    if (pass->reply != NULL) {
        reply_item(pass->reply, field);
        reply_item(pass->reply, text);
    }
}

/* Goes on for some fields; false: the walk has ended. */
static bool pass_step(struct pass *pass)
{
    uint64_t count = pass->left < COUNT_PER_LOOK ? pass->left : COUNT_PER_LOOK;
    pass->visited = 0;
    pass->cursor = member_table_scan(pass->table, pass->cursor, count, visit_pair, pass);
    pass->left -= pass->visited < pass->left ? pass->visited : pass->left;
    return pass->cursor != 0 && pass->left > 0;
}

/* --- in slices --- */

struct hscan_job {
    struct job job;
    struct pin pin;
    struct request request;
    struct pass pass;
    bool is_replying;
};

static enum job_status hscan_step(struct job *job, struct exec *exec)
{
    struct hscan_job *scan = (struct hscan_job *)job;
    struct pass *pass = &scan->pass;
    pass->pattern = scan->request.pattern_at == 0 ? NULL : &exec->argv[scan->request.pattern_at];
    pass->reply = scan->is_replying ? exec->reply : NULL;
    while (pass_step(pass)) {
        if (exec_slice_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (scan->is_replying) {
        return JOB_DONE;
    }
    scan->is_replying = true;
    reply_header(exec->reply, pass->cursor, pass->matches);
    pass->cursor = scan->request.cursor;
    pass->left = scan->request.count;
    return JOB_MORE;
}

static void hscan_destroy(struct job *job, struct exec *exec)
{
    struct hscan_job *scan = (struct hscan_job *)job;
    exec_unpin(exec, &scan->pin);
    thread_free(MEM_CLIENT, scan, sizeof *scan);
}

static void start_scan(struct exec *exec, struct key key, struct entry *entry, const struct request *request)
{
    struct hscan_job *scan = thread_alloc_zeroed(MEM_CLIENT, sizeof *scan);
    if (scan == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (!exec_pin(exec, key, entry, &scan->pin)) {
        thread_free(MEM_CLIENT, scan, sizeof *scan);
        return;
    }
    scan->job = (struct job){hscan_step, hscan_destroy, (int32_t)exec->shard->number};
    scan->request = *request;
    scan->pass = (struct pass){.table = hash_table_of(entry), .cursor = request->cursor, .left = request->count};
    exec_start_job(exec, &scan->job);
}

/* --- the command --- */

static void scan_large(struct exec *exec, const struct entry *entry, const struct request *request)
{
    const struct bytes *pattern = request->pattern_at == 0 ? NULL : &exec->argv[request->pattern_at];
    const struct pass first = {
        .table = hash_table_of(entry), .pattern = pattern, .cursor = request->cursor, .left = request->count};
    struct pass pass = first;
    while (pass_step(&pass)) {
    }
    reply_header(exec->reply, pass.cursor, pass.matches);
    pass = first;
    pass.reply = exec->reply;
    while (pass_step(&pass)) {
    }
}

static void scan_small(struct exec *exec, const struct entry *entry, const struct request *request)
{
    const struct bytes *pattern = request->pattern_at == 0 ? NULL : &exec->argv[request->pattern_at];
    struct hash_walk walk;
    struct item field, text;
    size_t matches = 0;
    hash_walk_begin(&walk, entry);
    while (hash_walk_next(&walk, &field, &text)) {
        matches += is_wanted(pattern, &field);
    }
    reply_header(exec->reply, 0, matches);
    hash_walk_begin(&walk, entry);
    while (hash_walk_next(&walk, &field, &text)) {
        if (is_wanted(pattern, &field)) {
            reply_item(exec->reply, &field);
            reply_item(exec->reply, &text);
        }
    }
}

static void command_hscan(struct exec *exec)
{
    struct request request = {0};
    if (!scan_cursor_parse(exec->argv[2], &request.cursor)) {
        reply_error(exec->reply, "ERR invalid cursor");
        return;
    }
    struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (entry == NULL) {
        reply_header(exec->reply, 0, 0);
        return;
    }
    if (!check_hash(exec, entry) || !read_options(exec, &request)) {
        return;
    }
    if (!hash_is_large(entry)) {
        scan_small(exec, entry, &request);
        return;
    }
    request.cursor &= (UINT64_C(1) << MEMBER_CURSOR_BITS) - 1;
    if (request.count > COUNT_AT_ONCE_MAX && hash_count(entry) > COUNT_AT_ONCE_MAX) {
        start_scan(exec, key, entry, &request);
    } else {
        scan_large(exec, entry, &request);
    }
}

const struct command_spec hash_scan_commands[] = {
    {.name = "hscan", .run = command_hscan, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "2.8.0", .group = "hash", .complexity = "O(1) a call; O(N) for all N fields",
     .summary = "Returns some fields of a hash with their values, and a cursor to go on from.",
     .syntax = "key cursor [MATCH pattern] [COUNT count]", .tips = "nondeterministic_output"},
    {0},
};
