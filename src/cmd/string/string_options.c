/* string_options.c - options read by rows, and times made absolute.
 *
 * Threads    The holder of the keys' batons.  */
#include "cmd/string/string_options.h"

#include "cmd/core/answers.h"

bool string_read_options(struct exec *exec, uint32_t first, const struct option *rows, struct set_request *request)
{
    struct option_walk walk = {.at = first};
    while (option_next(exec, rows, &walk)) {
        if ((walk.option->sets & SET_COMPARES) != 0) {
            request->compare_index = walk.value;
        } else if (walk.option->has_value) {
            request->time_index = walk.value;
        }
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    request->flags = walk.flags;
    return true;
}

bool string_read_time(struct exec *exec, struct set_request *request)
{
    if ((request->flags & SET_TIME) == 0) {
        return true;
    }
    int64_t time;
    if (!exec_int64_argument(exec, request->time_index, &time)) {
        return false;
    }
    bool is_bad = time <= 0;
    if ((request->flags & SET_SECONDS) != 0) {
        is_bad |= __builtin_mul_overflow(time, 1000, &time);
    }
    if ((request->flags & SET_ABSOLUTE) == 0) {
        is_bad |= __builtin_add_overflow(time, exec->now_ms, &time);
    }
    if (is_bad) {
        reply_errorf(exec->reply, "ERR invalid expire time in '%s' command", exec->spec->name);
        return false;
    }
    request->expiry_ms = time;
    return true;
}
