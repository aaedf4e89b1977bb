/* zset_random.c - ZRANDMEMBER. A place of a large sorted set is a rank.
 *
 * Threads    The holder of the key's baton.
 * Read on    core/member_random.h.  */
#include "base/random.h"
#include "cmd/core/member_random.h"
#include "cmd/zset/zset_private.h"
#include "cmd/zset/zset_rows.h"

enum { AT_ONCE_MAX = 200 }; /* more members are looked at in steps */

struct zset_source {
    struct random_source source;
    struct zset_walk walk;
};

static void open_source(struct random_source *source, const struct entry *entry)
{
    *source = (struct random_source){.count = zset_count(entry), .items = 2};
    if (entry_form(entry) == VALUE_FORM_ZSET) {
        source->large = score_set_of(entry_collection(entry));
    } else {
        source->small = entry_packed(entry);
    }
}

static void begin_walk(struct random_source *source, const struct entry *entry)
{
    zset_walk_begin(&((struct zset_source *)source)->walk, entry, 0);
}

static bool walk_next(struct random_source *source, struct random_member *out)
{
    return zset_walk_next(&((struct zset_source *)source)->walk, &out->member, &out->score);
}

static uint64_t draw_place(const struct random_source *source, uint64_t *random_state)
{
    return random_below(random_state, source->count);
}

static void read_place(const struct random_source *source, uint64_t place, struct random_member *out)
{
    if (source->large != NULL) {
        const struct score_item found = score_set_at(source->large, place);
        out->member = item_of_text(found.member);
        out->score = found.score;
        return;
    }
    struct zset_walk walk;
    walk.run = source->small;
    walk.at = place;
    zset_walk_next(&walk, &out->member, &out->score);
}

static void reply_score(struct reply *reply, const struct random_member *member)
{
    reply_double(reply, member->score);
}

static void command_zrandmember(struct exec *exec)
{
    static const struct random_kind kind = {
        .type = VALUE_ZSET, .option = BYTES("WITHSCORES"), .source_bytes = sizeof(struct zset_source),
        .at_once_max = AT_ONCE_MAX, .open = open_source, .walk_begin = begin_walk, .walk_next = walk_next, .draw = draw_place,
        .read = read_place, .reply_extra = reply_score,
    };
    struct zset_source source;
    member_random_run(exec, &kind, &source.source);
}

const struct command_spec zset_random_commands[] = {
    {.name = "zrandmember", .run = command_zrandmember, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "6.2.0", .group = "sorted-set", .complexity = "O(M*log(N)), M the members returned",
     .summary = "Returns members of a sorted set that are chosen at random.", .syntax = "key [count [WITHSCORES]]",
     .tips = "nondeterministic_output"},
    {0},
};
