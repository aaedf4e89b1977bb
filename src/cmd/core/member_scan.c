/* member_scan.c - see member_scan.h.
 *
 * A member table is walked twice: once to count what matches and to find the next cursor, once more to reply.  */
#include "cmd/core/member_scan.h"

#include "base/glob.h"
#include "cmd/core/find.h"
#include "cmd/core/option.h"
#include "cmd/core/pinned_job.h"
#include "cmd/core/reply_item.h"
#include "cmd/core/scan_cursor.h"
#include "data/hash_value.h"
#include "encoding/member_table.h"

enum { COUNT_DEFAULT = 10, SCAN_MATCH = 1, SCAN_COUNT = 2, SCAN_NOVALUES = 4 };
enum { COUNT_AT_ONCE_MAX = 500, COUNT_PER_LOOK = 32 }; /* members: more go in steps, which look at the clock after so many */

static const struct option scan_options[] = {
    {"MATCH", .sets = SCAN_MATCH, .has_value = true},
    {"COUNT", .sets = SCAN_COUNT, .has_value = true},
    {"NOVALUES", .sets = SCAN_NOVALUES},
    {0},
};

/* argv[3...]; replies the error. */
static bool read_options(struct exec *exec, enum value_type type, struct member_scan *out)
{
    struct option_walk walk = {.at = 3};
    while (option_next(exec, scan_options, &walk)) {
        if (walk.option->sets == SCAN_MATCH) {
            out->pattern_at = bytes_equal(exec->argv[walk.value], BYTES("*")) ? 0 : walk.value;
            continue;
        }
        if (walk.option->sets == SCAN_NOVALUES) {
            if (type != VALUE_HASH) {
                reply_error(exec->reply, "ERR NOVALUES option can only be used in HSCAN");
                return false;
            }
            out->is_without_values = true;
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
        out->count = (uint64_t)count;
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return true;
}

struct entry *member_scan_open(struct exec *exec, enum value_type type, struct member_scan *out)
{
    *out = (struct member_scan){.count = COUNT_DEFAULT};
    if (!scan_cursor_parse(exec->argv[2], &out->cursor)) {
        reply_error(exec->reply, "ERR invalid cursor");
        return NULL;
    }
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (entry == NULL) {
        member_scan_reply_header(exec->reply, 0, 0);
        return NULL;
    }
    /* Redis reads the options only when it has found the key. */
    if (!check_type(exec, entry, type) || !read_options(exec, type, out)) {
        return NULL;
    }
    entry = expire_fields(exec, exec_key(exec, 1), entry);
    if (entry == NULL) {
        member_scan_reply_header(exec->reply, 0, 0);
    }
    return entry;
}

const struct bytes *member_scan_pattern(const struct exec *exec, const struct member_scan *scan)
{
    return scan->pattern_at == 0 ? NULL : &exec->argv[scan->pattern_at];
}

bool member_scan_is_wanted(const struct bytes *pattern, const struct item *member)
{
    char scratch[ITEM_SCRATCH];
    return pattern == NULL || glob_match(*pattern, item_text(member, scratch), false);
}

void member_scan_reply_header(struct reply *reply, uint64_t cursor, size_t items)
{
    char text[INT64_TEXT_MAX];
    reply_array(reply, 2);
    reply_bulk(reply, (struct bytes){text, uint64_format(cursor, text)});
    reply_array(reply, items);
}

/* --- member tables --- */

/* One walk. */
struct pass {
    const struct member_table *table;
    const struct bytes *pattern; /* NULL: every member */
    struct reply *reply;         /* NULL: only count */
    const struct timed_table *timed; /* a hash some of whose fields are hidden; NULL: nothing is */
    int64_t hidden_ms;           /* of the beginning of the command: both walks see the same */
    bool has_texts;
    uint64_t cursor;
    uint64_t left;               /* members still to visit */
    uint64_t visited;            /* in this call */
    uint64_t items;              /* of the reply */
};

static struct pass begin_pass(const struct member_table *table, const struct member_scan *scan, bool has_texts)
{
    return (struct pass){.table = table, .has_texts = has_texts, .cursor = scan->cursor, .left = scan->count};
}

static bool is_hidden(const struct pass *pass, const struct item *member)
{
    char scratch[ITEM_SCRATCH];
    const int64_t time_ms = timed_table_time(pass->timed, item_text(member, scratch));
    return time_ms != TIMED_NONE && time_ms < pass->hidden_ms;
}

static void visit_member(const struct item *member, const struct item *text, void *arg)
{
    struct pass *pass = arg;
    pass->visited++;
    if (!member_scan_is_wanted(pass->pattern, member) || (UNLIKELY(pass->timed != NULL) && is_hidden(pass, member))) {
        return;
    }
    pass->items += pass->has_texts ? 2 : 1;
    if (pass->reply == NULL) {
        return;
    }
    reply_item(pass->reply, member);
    if (pass->has_texts) {
        reply_item(pass->reply, text);
    }
}

/* Goes on for some members; false: the walk has ended. */
static bool pass_step(struct pass *pass)
{
    const uint64_t count = pass->left < COUNT_PER_LOOK ? pass->left : COUNT_PER_LOOK;
    pass->visited = 0;
    pass->cursor = member_table_scan(pass->table, pass->cursor, count, visit_member, pass);
    pass->left -= pass->visited < pass->left ? pass->visited : pass->left;
    return pass->cursor != 0 && pass->left > 0;
}

struct scan_job {
    struct pinned_job pinned;
    struct member_scan request;
    struct pass pass;
    bool is_replying;
};

static enum job_status scan_step(struct job *job, struct exec *exec)
{
    struct scan_job *scan = (struct scan_job *)job;
    struct pass *pass = &scan->pass;
    pass->pattern = member_scan_pattern(exec, &scan->request);
    pass->reply = scan->is_replying ? exec->reply : NULL;
    while (pass_step(pass)) {
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (scan->is_replying) {
        return JOB_DONE;
    }
    scan->is_replying = true;
    member_scan_reply_header(exec->reply, pass->cursor, pass->items);
    pass->cursor = scan->request.cursor;
    pass->left = scan->request.count;
    return JOB_MORE;
}

static void reply_at_once(struct exec *exec, const struct member_scan *scan, struct pass pass)
{
    pass.pattern = member_scan_pattern(exec, scan);
    struct pass again = pass;
    while (pass_step(&pass)) {
    }
    member_scan_reply_header(exec->reply, pass.cursor, pass.items);
    again.reply = exec->reply;
    while (pass_step(&again)) {
    }
}

void member_scan_reply_table(struct exec *exec, struct entry *entry, struct member_scan scan, bool has_texts)
{
    const struct member_table *table = member_table_of(entry_collection(entry));
    scan.cursor &= (UINT64_C(1) << MEMBER_CURSOR_BITS) - 1;
    struct pass pass = begin_pass(table, &scan, has_texts);
    const struct timed_table *timed = hash_timed(entry);
    if (UNLIKELY(timed != NULL) && timed->hidden_ms != 0) {
        pass.timed = timed;
        pass.hidden_ms = timed->hidden_ms;
    }
    if (scan.count <= COUNT_AT_ONCE_MAX || member_table_count(table) <= COUNT_AT_ONCE_MAX) {
        reply_at_once(exec, &scan, pass);
        return;
    }
    struct scan_job *work = pinned_job_create(exec, exec_key(exec, 1), entry, scan_step, sizeof *work);
    if (work != NULL) {
        work->request = scan;
        work->pass = pass;
        exec_start_job(exec, &work->pinned.job);
    }
}
