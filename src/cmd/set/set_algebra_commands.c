/* set_algebra_commands.c - SINTER SUNION SDIFF, their STORE and CARD forms.
 *
 * Where little is to be walked that is done at once, reading the sets where they are. Otherwise a job does it: sets apart are
 * pinned, those in entries are copied (and their keys pinned, too), so that the result is that of one moment.
 *
 * Threads    The holder of the keys' batons.
 * Read on    set_algebra.c, set_algebra_job.c.  */
#include "cmd/core/option.h"
#include "cmd/set/set_algebra.h"
#include "cmd/set/set_algebra_job.h"
#include "cmd/set/set_rows.h"

enum { ALGEBRA_AT_ONCE_MAX = 1000 };

/* As Redis weighs it: asking for each member of the first set in half of the others, or going over all of them. */
static void plan_subtraction(struct algebra *algebra)
{
    const struct algebra_source *first = &algebra->sources[0];
    uint64_t asked = 0;
    uint64_t walked = 0;
    if (first->is_missing) {
        return;
    }
    algebra->first_count = set_view_count(&first->view);
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        const struct algebra_source *source = &algebra->sources[i];
        asked += source->is_missing ? 0 : algebra->first_count;
        walked += source->is_missing ? 0 : set_view_count(&source->view);
    }
    algebra->is_subtraction = asked / 2 > walked;
}

/* How many members will be walked, about; says which source, too. */
static uint64_t plan_walk(struct algebra *algebra)
{
    uint64_t walked = 0;
    uint64_t smallest = UINT64_MAX;
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        const struct algebra_source *source = &algebra->sources[i];
        const uint64_t count = source->is_missing ? 0 : set_view_count(&source->view);
        walked += count;
        if (count < smallest && algebra->operation == OPERATION_INTERSECTION) {
            smallest = count;
            algebra->walked = i;
        }
        if (i == 0 && algebra->operation == OPERATION_DIFFERENCE) {
            return count;
        }
    }
    return algebra->operation == OPERATION_INTERSECTION ? smallest : walked;
}

/* What a union or difference replies is made a set first: integers come in ascending order, as from Redis. */
static void choose_output(struct algebra *algebra, bool is_job)
{
    if (algebra->output == OUTPUT_REPLY && algebra->operation != OPERATION_INTERSECTION) {
        algebra->output = is_job ? OUTPUT_TABLE : OUTPUT_VALUE;
    } else if (algebra->output == OUTPUT_REPLY && is_job) {
        algebra->output = OUTPUT_NAMES;
    }
}

/* Looks up all sources; replies WRONGTYPE. */
static bool find_sources(struct algebra *algebra, struct exec *exec, bool *has_missing)
{
    *has_missing = false;
    for (uint32_t i = 0; i < algebra->source_count; i++) {
        const struct entry *entry = exec_find_read(exec, exec_key(exec, algebra->sources_at + i));
        if (!check_set(exec, entry)) {
            return false;
        }
        struct algebra_source *source = &algebra->sources[i];
        *source = (struct algebra_source){.is_missing = entry == NULL};
        *has_missing = *has_missing || entry == NULL;
        if (entry != NULL) {
            source->view = set_view(entry);
        }
    }
    return true;
}

static void run(struct algebra *algebra, struct exec *exec)
{
    bool has_missing;
    algebra->sources = exec_scratch(exec, algebra->source_count * sizeof *algebra->sources);
    if (algebra->sources == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (!find_sources(algebra, exec, &has_missing)) {
        return;
    }
    if (has_missing && algebra->operation == OPERATION_INTERSECTION) {
        algebra->source_count = 0;
    }
    if (algebra->operation == OPERATION_DIFFERENCE) {
        plan_subtraction(algebra);
    }
    const bool is_job = algebra->source_count > 0 && plan_walk(algebra) > ALGEBRA_AT_ONCE_MAX;
    choose_output(algebra, is_job);
    if (is_job) {
        algebra_start_job(algebra, exec);
        return;
    }
    if (algebra->operation == OPERATION_DIFFERENCE && algebra->sources[0].is_missing) {
        algebra->source_count = 0;
    }
    algebra_run_at_once(algebra, exec);
}

static void run_reply(struct exec *exec, enum algebra_operation operation)
{
    struct algebra algebra = {.operation = operation, .output = OUTPUT_REPLY, .sources_at = 1, .source_count = exec->argc - 1};
    run(&algebra, exec);
}

static void run_store(struct exec *exec, enum algebra_operation operation)
{
    struct algebra algebra = {.operation = operation, .output = OUTPUT_STORE, .target_at = 1, .sources_at = 2,
                              .source_count = exec->argc - 2};
    run(&algebra, exec);
}

static void command_sinter(struct exec *exec)
{
    run_reply(exec, OPERATION_INTERSECTION);
}

static void command_sunion(struct exec *exec)
{
    run_reply(exec, OPERATION_UNION);
}

static void command_sdiff(struct exec *exec)
{
    run_reply(exec, OPERATION_DIFFERENCE);
}

static void command_sinterstore(struct exec *exec)
{
    run_store(exec, OPERATION_INTERSECTION);
}

static void command_sunionstore(struct exec *exec)
{
    run_store(exec, OPERATION_UNION);
}

static void command_sdiffstore(struct exec *exec)
{
    run_store(exec, OPERATION_DIFFERENCE);
}

/* Reads "numkeys key ... [LIMIT limit]"; replies the error. */
static bool read_card_words(struct exec *exec, struct algebra *algebra)
{
    int64_t number;
    if (!int64_parse(exec->argv[1], &number) || number < 1) {
        reply_error(exec->reply, "ERR numkeys should be greater than 0");
        return false;
    }
    if (number > (int64_t)exec->argc - 2) {
        reply_error(exec->reply, "ERR Number of keys can't be greater than number of args");
        return false;
    }
    algebra->source_count = (uint32_t)number;
    static const struct option options[] = {{"LIMIT", .sets = 1, .has_value = true}, {0}};
    struct option_walk walk = {.at = 2 + algebra->source_count};
    while (option_next(exec, options, &walk)) {
        int64_t limit;
        if (!int64_parse(exec->argv[walk.value], &limit) || limit < 0) {
            reply_error(exec->reply, "ERR LIMIT can't be negative");
            return false;
        }
        algebra->limit = (uint64_t)limit;
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return true;
}

static void run_count(struct exec *exec, enum algebra_operation operation)
{
    struct algebra algebra = {.operation = operation, .output = OUTPUT_COUNT, .sources_at = 2};
    if (read_card_words(exec, &algebra)) {
        run(&algebra, exec);
    }
}

static void command_sintercard(struct exec *exec)
{
    run_count(exec, OPERATION_INTERSECTION);
}

static void command_sdiffcard(struct exec *exec)
{
    run_count(exec, OPERATION_DIFFERENCE);
}

static void command_sunioncard(struct exec *exec)
{
    run_count(exec, OPERATION_UNION);
}

static const struct command_key_spec update_keys[] = {
    {.flags = "RW update", .index = 1},
    {.flags = "RO access", .index = 2, .last = -1, .step = 1},
    {0},
};
static const struct command_key_spec overwrite_keys[] = {
    {.flags = "OW update", .index = 1},
    {.flags = "RO access", .index = 2, .last = -1, .step = 1},
    {0},
};
static const struct command_key_spec counted_keys[] = {
    {.flags = "RO access", .index = 1, .search = KEYS_COUNTED, .count_index = 0, .first = 1, .step = 1},
    {0},
};

#define REPLY_ROW                                                                                                              \
    .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, -1, 1}, .since = "1.0.0", .group = "set",         \
    .syntax = "key [key ...]", .tips = "nondeterministic_output_order"
#define STORE_ROW                                                                                                              \
    .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM, .keys = {1, -1, 1}, .since = "1.0.0",          \
    .group = "set", .syntax = "destination key [key ...]"
#define CARD_ROW                                                                                                               \
    .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_MOVABLE_KEYS, .group = "set",                        \
    .syntax = "numkeys key [key ...] [LIMIT limit]", .key_specs = counted_keys
#define INTERSECTION_COST "O(N*M), N the members of the smallest set, M the number of sets"
#define SUM_COST "O(N), N the members of all sets"
#define DIFFERENCE_COST "O(N*M), N the members of the first set, M the number of sets"

const struct command_spec set_algebra_commands[] = {
    {.name = "sinter", .run = command_sinter, REPLY_ROW, .complexity = INTERSECTION_COST,
     .summary = "Returns the members that all of the sets have."},
    {.name = "sunion", .run = command_sunion, REPLY_ROW, .complexity = SUM_COST,
     .summary = "Returns the members that any of the sets has."},
    {.name = "sdiff", .run = command_sdiff, REPLY_ROW, .complexity = DIFFERENCE_COST,
     .summary = "Returns the members of the first set that no other has."},
    {.name = "sinterstore", .run = command_sinterstore, STORE_ROW, .complexity = INTERSECTION_COST,
     .summary = "Stores the members that all of the sets have.", .key_specs = update_keys},
    {.name = "sunionstore", .run = command_sunionstore, STORE_ROW, .complexity = SUM_COST,
     .summary = "Stores the members that any of the sets has.", .key_specs = overwrite_keys},
    {.name = "sdiffstore", .run = command_sdiffstore, STORE_ROW, .complexity = DIFFERENCE_COST,
     .summary = "Stores the members of the first set that no other has.", .key_specs = overwrite_keys},
    {.name = "sintercard", .run = command_sintercard, CARD_ROW, .since = "7.0.0", .complexity = INTERSECTION_COST,
     .summary = "Counts the members that all of the sets have."},
    {.name = "sdiffcard", .run = command_sdiffcard, CARD_ROW, .since = "8.10.0", .complexity = DIFFERENCE_COST,
     .summary = "Counts the members of the first set that no other has."},
    {.name = "sunioncard", .run = command_sunioncard, CARD_ROW, .since = "8.10.0",
     .complexity = "O(N*M), N the members of all sets, M the number of sets",
     .summary = "Counts the members that any of the sets has."},
    {0},
};
