/* zset_scan.c - ZSCAN.
 *
 * A small sorted set is replied as a whole, with cursor 0. In a large one a first pass counts what matches and finds the next
 * cursor, a second one replies; a long call goes in slices, while the sorted set is pinned.
 *
 * Threads    The holder of the key's baton.  */
#include "base/glob.h"
#include "cmd/option.h"
#include "cmd/scan.h"
#include "cmd/zset_private.h"
#include "mem/heap.h"
#include "shard/server.h"

enum { COUNT_DEFAULT = 10, COUNT_AT_ONCE_MAX = 200, WORK_PER_LOOK = 64 };

struct request {
    uint64_t cursor;
    uint64_t count;
    uint32_t pattern_at; /* argv index; 0: every member */
};

enum { SCAN_MATCH = 1, SCAN_COUNT = 2 };
static const struct option zscan_options[] = {
    {"MATCH", .sets = SCAN_MATCH, .has_value = true},
    {"COUNT", .sets = SCAN_COUNT, .has_value = true},
    {0},
};

/* Reads argv[3...]; replies the error. */
static bool read_options(struct exec *exec, struct request *request)
{
    struct option_walk walk = {.at = 3};
    request->count = COUNT_DEFAULT;
    while (option_next(exec, zscan_options, &walk)) {
        int64_t count = 1;
        if (walk.option->sets == SCAN_MATCH) {
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

static void reply_header(struct reply *reply, uint64_t cursor, size_t members)
{
    char text[INT64_TEXT_MAX];
    reply_array(reply, 2);
    reply_bulk(reply, (struct bytes){text, uint64_format(cursor, text)});
    reply_array(reply, 2 * members);
}

static bool is_wanted(const struct bytes *pattern, const struct item *member)
{
    char scratch[ITEM_SCRATCH];
    return pattern == NULL || glob_match(*pattern, item_text(member, scratch), false);
}

/* Scores are bulk strings here in RESP3, too. A listpack of Redis has integers up to 2^62, which are shown as such. */
static void reply_pair(struct reply *reply, const struct item *member, double score, bool is_listpack)
{
    const double integer_max = (double)(INT64_C(1) << 62);
    char text[DOUBLE_TEXT_MAX];
    reply_item(reply, member);
    if (is_listpack && score >= -integer_max && score <= integer_max && score == (double)(int64_t)score) {
        reply_bulk_integer(reply, (int64_t)score);
    } else {
        reply_bulk(reply, (struct bytes){text, double_format(score, text)});
    }
}

/* --- large --- */

/* A call: counted first, then replied. */
struct pass {
    struct score_scan scan;
    const struct bytes *pattern; /* NULL: every member */
    struct reply *reply;         /* NULL: only count */
    uint64_t matches;
    bool is_listpack;            /* by its name */
};

static void visit(const struct score_item *found, void *arg)
{
    struct pass *pass = arg;
    const struct item member = item_of_text(found->member);
    if (!is_wanted(pass->pattern, &member)) {
        return;
    }
    pass->matches++;
    if (pass->reply != NULL) {
        reply_pair(pass->reply, &member, found->score, pass->is_listpack);
    }
}

struct zscan_job {
    struct job job;
    struct pin pin;
    struct request request;
    const struct score_set *set;
    struct pass pass;
    bool is_replying;
};

static enum job_status zscan_step(struct job *job, struct exec *exec)
{
    struct zscan_job *work = (struct zscan_job *)job;
    struct pass *pass = &work->pass;
    pass->pattern = work->request.pattern_at == 0 ? NULL : &exec->argv[work->request.pattern_at];
    pass->reply = work->is_replying ? exec->reply : NULL;
    while (score_scan_step(&pass->scan, WORK_PER_LOOK, visit, pass)) {
        if (exec_slice_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (work->is_replying) {
        return JOB_DONE;
    }
    work->is_replying = true;
    reply_header(exec->reply, pass->scan.cursor, pass->matches);
    score_scan_begin(&pass->scan, work->set, work->request.cursor, work->request.count);
    return JOB_MORE;
}

static void zscan_destroy(struct job *job, struct exec *exec)
{
    struct zscan_job *work = (struct zscan_job *)job;
    exec_unpin(exec, &work->pin);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

static void start_scan(struct exec *exec, struct key key, struct entry *entry, const struct request *request)
{
    struct zscan_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    if (work == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (!exec_pin(exec, key, entry, &work->pin)) {
        thread_free(MEM_CLIENT, work, sizeof *work);
        return;
    }
    work->job = (struct job){zscan_step, zscan_destroy, (int32_t)exec->shard->number};
    work->request = *request;
    work->set = score_set_of(entry_collection(entry));
    work->pass.is_listpack = entry_collection(entry)->encoding == ENCODING_LISTPACK;
    score_scan_begin(&work->pass.scan, work->set, request->cursor, request->count);
    exec_start_job(exec, &work->job);
}

/* Replies at once, unless it is much work: then false, and nothing is replied. */
static bool scan_large(struct exec *exec, const struct entry *entry, const struct request *request)
{
    const struct score_set *set = score_set_of(entry_collection(entry));
    struct pass pass = {.pattern = request->pattern_at == 0 ? NULL : &exec->argv[request->pattern_at],
                        .is_listpack = entry_collection(entry)->encoding == ENCODING_LISTPACK};
    score_scan_begin(&pass.scan, set, request->cursor, request->count);
    if (request->count > COUNT_AT_ONCE_MAX || score_scan_step(&pass.scan, 2 * COUNT_AT_ONCE_MAX, visit, &pass)) {
        return false;
    }
    reply_header(exec->reply, pass.scan.cursor, pass.matches);
    score_scan_begin(&pass.scan, set, request->cursor, request->count);
    pass.reply = exec->reply;
    while (score_scan_step(&pass.scan, SIZE_MAX, visit, &pass)) {
    }
    return true;
}

/* --- small --- */

static void scan_small(struct exec *exec, const struct entry *entry, const struct request *request)
{
    const struct bytes *pattern = request->pattern_at == 0 ? NULL : &exec->argv[request->pattern_at];
    struct zset_walk walk;
    struct item member;
    double score;
    size_t matches = 0;
    zset_walk_begin(&walk, entry, 0);
    while (zset_walk_next(&walk, &member, &score)) {
        matches += is_wanted(pattern, &member);
    }
    reply_header(exec->reply, 0, matches);
    zset_walk_begin(&walk, entry, 0);
    while (zset_walk_next(&walk, &member, &score)) {
        if (is_wanted(pattern, &member)) {
            reply_pair(exec->reply, &member, score, true);
        }
    }
}

static void command_zscan(struct exec *exec)
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
    if (!check_zset(exec, entry) || !read_options(exec, &request)) {
        return;
    }
    if (entry_form(entry) != VALUE_FORM_ZSET) {
        scan_small(exec, entry, &request);
        return;
    }
    request.cursor &= (UINT64_C(1) << SCORE_CURSOR_BITS) - 1;
    if (!scan_large(exec, entry, &request)) {
        start_scan(exec, key, entry, &request);
    }
}

const struct command_spec zset_scan_commands[] = {
    {.name = "zscan", .run = command_zscan, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "2.8.0", .group = "sorted-set", .complexity = "O(1) a call; O(N) for all N members",
     .summary = "Returns some members of a sorted set with their scores, and a cursor to go on from.",
     .syntax = "key cursor [MATCH pattern] [COUNT count]", .tips = "nondeterministic_output"},
    {0},
};
