/* option.c - the optional words of a command, read by a table.
 *
 * Threads    Any.  */
#include "cmd/core/option.h"

bool option_next(const struct exec *exec, const struct option *rows, struct option_walk *walk)
{
    if (walk->at >= exec->argc) {
        return false;
    }
    struct bytes word = exec->argv[walk->at];
    bool has_next = walk->at + 1 < exec->argc;
    for (const struct option *row = rows; row->name != NULL; row++) {
        if (!bytes_equal_ignore_case(word, bytes_of_string(row->name))) {
            continue;
        }
        if ((walk->flags & row->excludes) != 0 || (row->has_value && !has_next)) {
            return false;
        }
        walk->option = row;
        walk->flags |= row->sets;
        walk->value = walk->at + 1;
        walk->at += row->has_value ? 2 : 1;
        return true;
    }
    return false;
}
