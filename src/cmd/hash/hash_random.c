/* hash_random.c - HRANDFIELD.
 *
 * Threads    The holder of the key's baton.
 * Read on    core/member_random.h.  */
#include "cmd/core/member_random.h"
#include "cmd/hash/hash_private.h"
#include "cmd/hash/hash_rows.h"

#include <assert.h>

enum { DRAWS_MAX = 10000 }; /* while the field that is drawn is hidden */
enum { AT_ONCE_MAX = 500 }; /* more fields are looked at in steps */

struct hash_source {
    struct random_source source;
    struct hash_walk walk;
    const struct timed_table *timed; /* some fields are hidden, */
    int64_t hidden_ms;               /* those before this moment; NULL: none is */
};

static void open_source(struct random_source *source, const struct entry *entry)
{
    struct hash_source *hash = (struct hash_source *)source;
    const struct timed_table *timed = hash_timed(entry);
    *source = (struct random_source){.count = timed == NULL ? hash_count(entry) : hash_shown_count(entry), .items = 2};
    hash->timed = timed != NULL && timed->hidden_ms != 0 ? timed : NULL;
    source->is_walked = hash->timed != NULL;
    hash->hidden_ms = timed != NULL ? timed->hidden_ms : 0;
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

/* True when what is at the place may be seen. */
static bool is_shown(const struct hash_source *hash, uint64_t place)
{
    struct item field;
    char scratch[ITEM_SCRATCH];
    member_table_at(hash->source.large, place, &field, NULL);
    const int64_t time_ms = timed_table_time(hash->timed, item_text(&field, scratch));
    return time_ms == TIMED_NONE || time_ms >= hash->hidden_ms;
}

/* Where nearly all fields are hidden, the first one that is not. */
static uint64_t first_shown(const struct hash_source *hash)
{
    struct member_walk walk;
    struct item field;
    uint64_t place;
    member_walk_begin(&walk, hash->source.large);
    do {
        const bool is_there = member_walk_next(&walk, &field, NULL);
        assert(is_there);
        place = walk.place - 1; /* behind which the walk stands now */
    } while (!is_shown(hash, place));
    return place;
}

static uint64_t draw_place(const struct random_source *source, uint64_t *random_state)
{
    const struct hash_source *hash = (const struct hash_source *)source;
    uint64_t place = member_table_random(source->large, random_state);
    for (unsigned draws = 1; UNLIKELY(hash->timed != NULL) && !is_shown(hash, place); draws++) {
        if (draws == DRAWS_MAX) {
            return first_shown(hash);
        }
        place = member_table_random(source->large, random_state);
    }
    return place;
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
