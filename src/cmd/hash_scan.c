/* hash_scan.c - HSCAN.
 *
 * A small hash is replied as a whole, with cursor 0. In a large one a first walk counts what matches and finds the next cursor, a
 * second one replies; a long one does so in slices, while the hash is pinned.
 *
 * Threads    The holder of the key's baton.  */
#include "cmd/hash_private.h"
#include "cmd/member_scan.h"
#include "mem/heap.h"
#include "shard/server.h"

enum { COUNT_AT_ONCE_MAX = 500, COUNT_PER_LOOK = 32 };

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

static void visit_pair(const struct item *field, const struct item *text, void *arg)
{
    struct pass *pass = arg;
    pass->visited++;
    if (!member_scan_is_wanted(pass->pattern, field)) {
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
    struct member_scan request;
    struct pass pass;
    bool is_replying;
};

static enum job_status hscan_step(struct job *job, struct exec *exec)
{
    struct hscan_job *scan = (struct hscan_job *)job;
    struct pass *pass = &scan->pass;
    pass->pattern = member_scan_pattern(exec, &scan->request);
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
    member_scan_reply_header(exec->reply, pass->cursor, 2 * pass->matches);
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

static void start_scan(struct exec *exec, struct key key, struct entry *entry, const struct member_scan *request)
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

static void scan_large(struct exec *exec, const struct entry *entry, const struct member_scan *request)
{
    const struct bytes *pattern = member_scan_pattern(exec, request);
    const struct pass first = {
        .table = hash_table_of(entry), .pattern = pattern, .cursor = request->cursor, .left = request->count};
    struct pass pass = first;
    while (pass_step(&pass)) {
    }
    member_scan_reply_header(exec->reply, pass.cursor, 2 * pass.matches);
    pass = first;
    pass.reply = exec->reply;
    while (pass_step(&pass)) {
    }
}

static void scan_small(struct exec *exec, const struct entry *entry, const struct member_scan *request)
{
    const struct bytes *pattern = member_scan_pattern(exec, request);
    struct hash_walk walk;
    struct item field, text;
    size_t matches = 0;
    hash_walk_begin(&walk, entry);
    while (hash_walk_next(&walk, &field, &text)) {
        matches += member_scan_is_wanted(pattern, &field);
    }
    member_scan_reply_header(exec->reply, 0, 2 * matches);
    hash_walk_begin(&walk, entry);
    while (hash_walk_next(&walk, &field, &text)) {
        if (member_scan_is_wanted(pattern, &field)) {
            reply_item(exec->reply, &field);
            reply_item(exec->reply, &text);
        }
    }
}

static void command_hscan(struct exec *exec)
{
    struct member_scan request;
    if (!member_scan_read_cursor(exec, &request)) {
        return;
    }
    struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (entry == NULL) {
        member_scan_reply_header(exec->reply, 0, 0);
        return;
    }
    if (!check_hash(exec, entry) || !member_scan_read_options(exec, &request)) {
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
