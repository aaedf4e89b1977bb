/* zset_scan.c - ZSCAN.
 *
 * A small sorted set is replied as a whole, with cursor 0. In a large one a first pass counts what matches and finds the next
 * cursor, a second one replies; a long call goes in steps, while the sorted set is pinned.
 *
 * Threads    The holder of the key's baton.  */
#include "cmd/core/member_scan.h"
#include "cmd/core/pinned_job.h"
#include "cmd/zset/zset_private.h"
#include "cmd/zset/zset_rows.h"

enum { COUNT_AT_ONCE_MAX = 200, WORK_PER_LOOK = 64 };

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
    if (!member_scan_is_wanted(pass->pattern, &member)) {
        return;
    }
    pass->matches++;
    if (pass->reply != NULL) {
        reply_pair(pass->reply, &member, found->score, pass->is_listpack);
    }
}

struct zscan_job {
    struct pinned_job pinned;
    struct member_scan request;
    const struct score_set *set;
    struct pass pass;
    bool is_replying;
};

static enum job_status zscan_step(struct job *job, struct exec *exec)
{
    struct zscan_job *work = (struct zscan_job *)job;
    struct pass *pass = &work->pass;
    pass->pattern = member_scan_pattern(exec, &work->request);
    pass->reply = work->is_replying ? exec->reply : NULL;
    while (score_scan_step(&pass->scan, WORK_PER_LOOK, visit, pass)) {
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (work->is_replying) {
        return JOB_DONE;
    }
    work->is_replying = true;
    member_scan_reply_header(exec->reply, pass->scan.cursor, 2 * pass->matches);
    score_scan_begin(&pass->scan, work->set, work->request.cursor, work->request.count);
    return JOB_MORE;
}

static void start_scan(struct exec *exec, struct key key, struct entry *entry, const struct member_scan *request)
{
    struct zscan_job *work = pinned_job_create(exec, key, entry, zscan_step, sizeof *work);
    if (work == NULL) {
        return;
    }
    work->request = *request;
    work->set = score_set_of(entry_collection(entry));
    work->pass.is_listpack = entry_collection(entry)->encoding == ENCODING_LISTPACK;
    score_scan_begin(&work->pass.scan, work->set, request->cursor, request->count);
    exec_start_job(exec, &work->pinned.job);
}

/* Replies at once, unless it is much work: then false, and nothing is replied. */
static bool scan_large(struct exec *exec, const struct entry *entry, const struct member_scan *request)
{
    const struct score_set *set = score_set_of(entry_collection(entry));
    struct pass pass = {.pattern = member_scan_pattern(exec, request),
                        .is_listpack = entry_collection(entry)->encoding == ENCODING_LISTPACK};
    score_scan_begin(&pass.scan, set, request->cursor, request->count);
    if (request->count > COUNT_AT_ONCE_MAX || score_scan_step(&pass.scan, 2 * COUNT_AT_ONCE_MAX, visit, &pass)) {
        return false;
    }
    member_scan_reply_header(exec->reply, pass.scan.cursor, 2 * pass.matches);
    score_scan_begin(&pass.scan, set, request->cursor, request->count);
    pass.reply = exec->reply;
    while (score_scan_step(&pass.scan, SIZE_MAX, visit, &pass)) {
    }
    return true;
}

/* --- small --- */

static void scan_small(struct exec *exec, const struct entry *entry, const struct member_scan *request)
{
    const struct bytes *pattern = member_scan_pattern(exec, request);
    struct zset_walk walk;
    struct item member;
    double score;
    size_t matches = 0;
    zset_walk_begin(&walk, entry, 0);
    while (zset_walk_next(&walk, &member, &score)) {
        matches += member_scan_is_wanted(pattern, &member);
    }
    member_scan_reply_header(exec->reply, 0, 2 * matches);
    zset_walk_begin(&walk, entry, 0);
    while (zset_walk_next(&walk, &member, &score)) {
        if (member_scan_is_wanted(pattern, &member)) {
            reply_pair(exec->reply, &member, score, true);
        }
    }
}

static void command_zscan(struct exec *exec)
{
    struct member_scan request;
    struct entry *entry = member_scan_open(exec, VALUE_ZSET, &request);
    if (entry == NULL) {
        return;
    }
    if (entry_form(entry) != VALUE_FORM_ZSET) {
        scan_small(exec, entry, &request);
        return;
    }
    request.cursor &= (UINT64_C(1) << SCORE_CURSOR_BITS) - 1;
    if (!scan_large(exec, entry, &request)) {
        start_scan(exec, exec_key(exec, 1), entry, &request);
    }
}

const struct command_spec zset_scan_commands[] = {
    {.name = "zscan", .run = command_zscan, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "2.8.0", .group = "sorted-set", .complexity = "O(1) a call; O(N) for all N members",
     .summary = "Returns some members of a sorted set with their scores, and a cursor to go on from.",
     .syntax = "key cursor [MATCH pattern] [COUNT count]", .tips = "nondeterministic_output"},
    {0},
};
