/* hash_random.c - HRANDFIELD.
 *
 * Threads    The holder of the key's baton.
 * Read on    core/member_random.h.  */
#include "cmd/core/member_random.h"
#include "cmd/hash/hash_private.h"
#include "cmd/hash/hash_rows.h"

enum { AT_ONCE_MAX = 500 }; /* more fields are looked at in steps */

struct hash_source {
    struct random_source source;
    struct hash_walk walk;
};

static void open_source(struct random_source *source, const struct entry *entry)
{
    *source = (struct random_source){.count = hash_count(entry), .items = 2};
    if (hash_is_large(entry)) {
        source->large = hash_table_of(entry);
    } else {
        source->small = entry_packed(entry);
    }
}

static void begin_walk(struct random_source *source, const struct entry *entry)
{
    hash_walk_begin(&((struct hash_source *)source)->walk, entry);
}

static bool walk_next(struct random_source *source, struct random_member *out)
{
    return hash_walk_next(&((struct hash_source *)source)->walk, &out->member, &out->text);
}

static uint64_t draw_place(const struct random_source *source, uint64_t *random_state)
{
    return member_table_random(source->large, random_state);
}

static void read_place(const struct random_source *source, uint64_t place, struct random_member *out)
{
    if (source->large != NULL) {
        member_table_at(source->large, place, &out->member, &out->text);
        return;
    }
    size_t at = place;
    packed_next(source->small, &at, &out->member);
    packed_next(source->small, &at, &out->text);
}

static void reply_text(struct reply *reply, const struct random_member *field)
{
    reply_item(reply, &field->text);
}

static void command_hrandfield(struct exec *exec)
{
    static const struct random_kind kind = {
        .type = VALUE_HASH, .option = BYTES("WITHVALUES"), .source_bytes = sizeof(struct hash_source),
        .at_once_max = AT_ONCE_MAX, .open = open_source, .walk_begin = begin_walk, .walk_next = walk_next, .draw = draw_place,
        .read = read_place, .reply_extra = reply_text,
    };
    struct hash_source source;
    member_random_run(exec, &kind, &source.source);
}

const struct command_spec hash_random_commands[] = {
    {.name = "hrandfield", .run = command_hrandfield, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "6.2.0", .group = "hash", .complexity = "O(N), N the number of fields replied",
     .summary = "Returns fields of a hash that are chosen at random.", .syntax = "key [count [WITHVALUES]]",
     .tips = "nondeterministic_output"},
    {0},
};
