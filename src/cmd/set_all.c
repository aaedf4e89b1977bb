/* set_all.c - SMEMBERS and SSCAN: whole sets, the big ones in slices.
 *
 * Threads    The holder of the key's baton; a big set is pinned meanwhile.
 * Read on    scan.h for what a cursor may be.  */
#include "base/glob.h"
#include "cmd/option.h"
#include "cmd/scan.h"
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

enum { SCAN_COUNT_DEFAULT = 10 };

struct request {
    uint64_t cursor;
    uint64_t count;
    uint32_t pattern_at; /* argv index; 0: every member */
};

static const struct option scan_options[] = {
    {"MATCH", .sets = 1, .has_value = true},
    {"COUNT", .sets = 2, .has_value = true},
    {0},
};

/* Reads argv[3...]; replies the error. */
static bool read_options(struct exec *exec, struct request *request)
{
    struct option_walk walk = {.at = 3};
    request->count = SCAN_COUNT_DEFAULT;
    while (option_next(exec, scan_options, &walk)) {
        if (walk.option->sets == 1) {
            request->pattern_at = bytes_equal(exec->argv[walk.value], BYTES("*")) ? 0 : walk.value;
            continue;
        }
        int64_t count;
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

static void reply_header(struct reply *reply, uint64_t cursor, size_t count)
{
    char text[INT64_TEXT_MAX];
    reply_array(reply, 2);
    reply_bulk(reply, (struct bytes){text, uint64_format(cursor, text)});
    reply_array(reply, count);
}

/* A scan of some members: once to count what matches and to find the next cursor, once more to reply. */
struct pass {
    struct set_view view;
    struct bytes pattern; /* data NULL: every member */
    struct reply *reply;  /* NULL: only count */
    uint64_t cursor;
    uint64_t left;        /* members still to visit */
    uint64_t visited;     /* in this call */
    uint64_t matches;
};

static void visit_member(const struct item *member, void *arg)
{
    struct pass *pass = arg;
    char scratch[ITEM_SCRATCH];
    pass->visited++;
    if (pass->pattern.data != NULL && !glob_match(pass->pattern, item_text(member, scratch), false)) {
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

static struct pass pass_begin(const struct exec *exec, const struct set_view *view, const struct request *request)
{
    struct pass pass = {.view = *view, .cursor = request->cursor, .left = request->count};
    if (request->pattern_at != 0) {
        pass.pattern = exec->argv[request->pattern_at];
    }
    return pass;
}

struct scan_job {
    struct job job;
    struct pin pin;
    struct request request;
    struct pass pass;
    bool is_replying;
};

static enum job_status scan_step(struct job *job, struct exec *exec)
{
    struct scan_job *scan = (struct scan_job *)job;
    struct pass *pass = &scan->pass;
    if (scan->request.pattern_at != 0) {
        pass->pattern = exec->argv[scan->request.pattern_at]; /* it may have moved */
    }
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
    reply_header(exec->reply, pass->cursor, pass->matches);
    *pass = pass_begin(exec, &pass->view, &scan->request);
    return JOB_MORE;
}

static void scan_destroy(struct job *job, struct exec *exec)
{
    struct scan_job *scan = (struct scan_job *)job;
    exec_unpin(exec, &scan->pin);
    thread_free(MEM_CLIENT, scan, sizeof *scan);
}

static void start_scan(struct exec *exec, struct key key, struct entry *entry, const struct request *request)
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

static void scan_at_once(struct exec *exec, const struct entry *entry, const struct request *request)
{
    const struct set_view view = set_view(entry);
    struct pass pass = pass_begin(exec, &view, request);
    while (pass_step(&pass)) {
    }
    reply_header(exec->reply, pass.cursor, pass.matches);
    pass = pass_begin(exec, &view, request);
    pass.reply = exec->reply;
    while (pass_step(&pass)) {
    }
}

static void command_sscan(struct exec *exec)
{
    struct request request = {0};
    if (!scan_cursor_parse(exec->argv[2], &request.cursor)) {
        reply_error(exec->reply, "ERR invalid cursor");
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (entry == NULL) {
        reply_header(exec->reply, 0, 0);
        return;
    }
    if (!check_set(exec, entry) || !read_options(exec, &request)) {
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
