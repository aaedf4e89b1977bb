/* member_scan.c - see member_scan.h.  */
#include "cmd/member_scan.h"

#include "base/glob.h"
#include "cmd/commands.h"
#include "cmd/option.h"
#include "cmd/scan.h"

enum { COUNT_DEFAULT = 10, SCAN_MATCH = 1, SCAN_COUNT = 2 };

static const struct option scan_options[] = {
    {"MATCH", .sets = SCAN_MATCH, .has_value = true},
    {"COUNT", .sets = SCAN_COUNT, .has_value = true},
    {0},
};

bool member_scan_read_cursor(struct exec *exec, struct member_scan *out)
{
    *out = (struct member_scan){.count = COUNT_DEFAULT};
    if (!scan_cursor_parse(exec->argv[2], &out->cursor)) {
        reply_error(exec->reply, "ERR invalid cursor");
        return false;
    }
    return true;
}

bool member_scan_read_options(struct exec *exec, struct member_scan *out)
{
    struct option_walk walk = {.at = 3};
    while (option_next(exec, scan_options, &walk)) {
        if (walk.option->sets == SCAN_MATCH) {
            out->pattern_at = bytes_equal(exec->argv[walk.value], BYTES("*")) ? 0 : walk.value;
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
