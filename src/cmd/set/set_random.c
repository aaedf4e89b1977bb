/* set_random.c - SRANDMEMBER.
 *
 * Threads    The holder of the key's baton.
 * Read on    core/member_random.h.  */
#include "cmd/core/member_random.h"
#include "cmd/set/set_private.h"
#include "cmd/set/set_rows.h"

struct set_source {
    struct random_source source;
    struct set_walk walk;
};

static void open_source(struct random_source *source, const struct entry *entry)
{
    const struct set_view view = set_view(entry);
    *source = (struct random_source){
        .count = set_view_count(&view), .large = view.table, .small = view.bytes, .items = view.is_intset ? 0 : 1};
}

static void begin_walk(struct random_source *source, const struct entry *entry)
{
    set_walk_begin(&((struct set_source *)source)->walk, entry);
}

static bool walk_next(struct random_source *source, struct random_member *out)
{
    return set_walk_next(&((struct set_source *)source)->walk, &out->member);
}

static uint64_t draw_place(const struct random_source *source, uint64_t *random_state)
{
    return member_table_random(source->large, random_state);
}

static void read_place(const struct random_source *source, uint64_t place, struct random_member *out)
{
    const struct set_view view = {.table = source->large, .bytes = source->small, .is_intset = source->items == 0};
    out->member = set_view_at(&view, place);
}

static void command_srandmember(struct exec *exec)
{
    static const struct random_kind kind = {
        .type = VALUE_SET, .source_bytes = sizeof(struct set_source), .at_once_max = SET_STEPS_MIN, .open = open_source,
        .walk_begin = begin_walk, .walk_next = walk_next, .draw = draw_place, .read = read_place,
    };
    struct set_source source;
    member_random_run(exec, &kind, &source.source);
}

const struct command_spec set_random_commands[] = {
    {.name = "srandmember", .run = command_srandmember, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(N), N the number of members replied",
     .summary = "Returns members of a set that are chosen at random.", .syntax = "key [count]",
     .tips = "nondeterministic_output"},
    {0},
};
