/* memory_history.c - MEMORY HISTORY: the samples that thread 0 takes, the oldest first (shard/memory_history.h).
 *
 * Threads    The connection's; no baton. Cost: O(COUNT).  */
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/memory/memory_private.h"

#include "exec/exec.h"
#include "shard/memory_history.h"

enum { HISTORY_COUNT_DEFAULT = 60, HISTORY_FIELDS = 4 };

static void write_pair(struct reply *reply, const char *name, int64_t value)
{
    reply_bulk_string(reply, name);
    reply_integer(reply, value);
}

static void write_sample(struct reply *reply, const struct memory_sample *sample)
{
    reply_map(reply, HISTORY_FIELDS + MEM_CLASS_COUNT);
    write_pair(reply, "time", sample->wall_ms);
    write_pair(reply, "used", sample->used);
    write_pair(reply, "resident", sample->resident);
    write_pair(reply, "dataset", sample->dataset);
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        write_pair(reply, mem_class_name((enum mem_class)i), sample->classes[i]);
    }
}

void memory_history_run(struct exec *exec)
{
    static const struct option options[] = {{"COUNT", .sets = 1, .excludes = 1, .has_value = true}, {0}};
    int64_t limit = HISTORY_COUNT_DEFAULT;
    struct option_walk walk = {.at = 2};
    while (option_next(exec, options, &walk)) {
        if (!memory_count_argument(exec, walk.value, MEMORY_HISTORY_MAX, &limit)) {
            return;
        }
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    struct memory_sample *samples = exec_scratch(exec, (size_t)limit * sizeof *samples);
    if (samples == NULL) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
        return;
    }
    const uint32_t count = memory_history_copy(exec->server->memory_history, samples, (uint32_t)limit);
    reply_array(exec->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        write_sample(exec->reply, &samples[i]);
    }
}
