/* set_all.c - SMEMBERS and SSCAN: whole sets, the big ones in slices.
 *
 * Threads    The holder of the key's baton; a big set is pinned meanwhile.
 * Read on    member_scan.h.  */
#include "cmd/member_scan.h"
#include "cmd/set_private.h"
#include "mem/heap.h"
#include "shard/server.h"

/* --- SMEMBERS --- */

struct all_job {
    struct job job;
    struct pin pin;
    struct set_walk walk;
    bool is_begun;
};

static enum job_status all_step(struct job *job, struct exec *exec)
{
    struct all_job *all = (struct all_job *)job;
    if (!all->is_begun) {
        const struct member_table *table = all->walk.view.table;
        all->is_begun = true;
        reply_set(exec->reply, member_table_count(table));
        reply_reserve(exec->reply, reply_size_hint(table));
    }
    struct item member;
    for (unsigned i = 1; set_walk_next(&all->walk, &member); i++) {
        reply_item(exec->reply, &member);
        if (i % SET_MEMBERS_PER_LOOK == 0 && exec_slice_is_over(exec)) {
            return JOB_MORE;
        }
    }
    exec_unpin(exec, &all->pin);
    return JOB_DONE;
}

static void all_destroy(struct job *job, struct exec *exec)
{
    struct all_job *all = (struct all_job *)job;
    exec_unpin(exec, &all->pin);
    thread_free(MEM_CLIENT, all, sizeof *all);
}

static void start_all(struct exec *exec, struct key key, struct entry *entry)
{
    struct all_job *all = thread_alloc_zeroed(MEM_CLIENT, sizeof *all);
    if (all == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (!exec_pin(exec, key, entry, &all->pin)) {
        thread_free(MEM_CLIENT, all, sizeof *all);
        return;
    }
    all->job = (struct job){all_step, all_destroy, (int32_t)exec->shard->number};
    set_walk_begin(&all->walk, entry);
    exec_start_job(exec, &all->job);
}

static void command_smembers(struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (!check_set(exec, entry)) {
        return;
    }
    if (entry == NULL) {
        reply_set(exec->reply, 0);
        return;
    }
    const uint64_t count = set_count(entry);
    if (set_is_large(entry) && count > SET_SLICE_MIN) {
        start_all(exec, key, entry);
        return;
    }
    reply_set(exec->reply, count);
    struct set_walk walk;
    struct item member;
    for (set_walk_begin(&walk, entry); set_walk_next(&walk, &member);) {
        reply_item(exec->reply, &member);
    }
}

/* --- SSCAN --- */

/* A scan of some members: once to count what matches and to find the next cursor, once more to reply. */
struct pass {
    struct set_view view;
    const struct bytes *pattern; /* NULL: every member */
    struct reply *reply;  /* NULL: only count */
    uint64_t cursor;
    uint64_t left;        /* members still to visit */
    uint64_t visited;     /* in this call */
    uint64_t matches;
};

static void visit_member(const struct item *member, void *arg)
{
    struct pass *pass = arg;
    pass->visited++;
    if (!member_scan_is_wanted(pass->pattern, member)) {
        return;
    }
    pass->matches++;
    if (pass->reply != NULL) {
        reply_item(pass->reply, member);
    }
}

/* Goes on for some members; false: done. */
static bool pass_step(struct pass *pass)
{
    const uint64_t count = pass->left < SET_MEMBERS_PER_LOOK ? pass->left : SET_MEMBERS_PER_LOOK;
    pass->visited = 0;
    pass->cursor = set_view_scan(&pass->view, pass->cursor, count, visit_member, pass);
    pass->left -= pass->visited < pass->left ? pass->visited : pass->left;
    return pass->cursor != 0 && pass->left > 0;
}

static struct pass pass_begin(const struct exec *exec, const struct set_view *view, const struct member_scan *request)
{
    return (struct pass){
        .view = *view, .pattern = member_scan_pattern(exec, request), .cursor = request->cursor, .left = request->count};
}

struct scan_job {
    struct job job;
    struct pin pin;
    struct member_scan request;
    struct pass pass;
    bool is_replying;
};

static enum job_status scan_step(struct job *job, struct exec *exec)
{
    struct scan_job *scan = (struct scan_job *)job;
    struct pass *pass = &scan->pass;
    pass->pattern = member_scan_pattern(exec, &scan->request); /* it may have moved */
    pass->reply = scan->is_replying ? exec->reply : NULL;
    while (pass_step(pass)) {
        if (exec_slice_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (scan->is_replying) {
        exec_unpin(exec, &scan->pin);
        return JOB_DONE;
    }
    scan->is_replying = true;
    member_scan_reply_header(exec->reply, pass->cursor, pass->matches);
    *pass = pass_begin(exec, &pass->view, &scan->request);
    return JOB_MORE;
}

static void scan_destroy(struct job *job, struct exec *exec)
{
    struct scan_job *scan = (struct scan_job *)job;
    exec_unpin(exec, &scan->pin);
    thread_free(MEM_CLIENT, scan, sizeof *scan);
}

static void start_scan(struct exec *exec, struct key key, struct entry *entry, const struct member_scan *request)
{
    struct scan_job *scan = thread_alloc_zeroed(MEM_CLIENT, sizeof *scan);
    if (scan == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (!exec_pin(exec, key, entry, &scan->pin)) {
        thread_free(MEM_CLIENT, scan, sizeof *scan);
        return;
    }
    const struct set_view view = set_view(entry);
    scan->job = (struct job){scan_step, scan_destroy, (int32_t)exec->shard->number};
    scan->request = *request;
    scan->pass = pass_begin(exec, &view, request);
    exec_start_job(exec, &scan->job);
}

static void scan_at_once(struct exec *exec, const struct entry *entry, const struct member_scan *request)
{
    const struct set_view view = set_view(entry);
    struct pass pass = pass_begin(exec, &view, request);
    while (pass_step(&pass)) {
    }
    member_scan_reply_header(exec->reply, pass.cursor, pass.matches);
    pass = pass_begin(exec, &view, request);
    pass.reply = exec->reply;
    while (pass_step(&pass)) {
    }
}

static void command_sscan(struct exec *exec)
{
    struct member_scan request;
    if (!member_scan_read_cursor(exec, &request)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (entry == NULL) {
        member_scan_reply_header(exec->reply, 0, 0);
        return;
    }
    if (!check_set(exec, entry) || !member_scan_read_options(exec, &request)) {
        return;
    }
    request.cursor &= (UINT64_C(1) << SET_CURSOR_BITS) - 1;
    if (set_is_large(entry) && request.count > SET_SLICE_MIN && set_count(entry) > SET_SLICE_MIN) {
        start_scan(exec, key, entry, &request);
    } else {
        scan_at_once(exec, entry, &request);
    }
}

const struct command_spec set_all_commands[] = {
    {.name = "smembers", .run = command_smembers, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(N), N the number of members",
     .summary = "Returns all members of a set.", .syntax = "key", .tips = "nondeterministic_output_order"},
    {.name = "sscan", .run = command_sscan, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "2.8.0", .group = "set", .complexity = "O(1) a call; O(N) for all N members",
     .summary = "Returns some members of a set, and a cursor to go on from.",
     .syntax = "key cursor [MATCH pattern] [COUNT count]", .tips = "nondeterministic_output"},
    {0},
};
