/* hash_all.c - HGETALL, HKEYS, HVALS: whole hashes, the big ones in steps.
 *
 * Threads    The holder of the key's baton; a big hash is pinned meanwhile.  */
#include "cmd/core/pinned_job.h"
#include "cmd/hash/hash_private.h"
#include "cmd/hash/hash_rows.h"

/* What is wanted of each field. */
enum wanted { WANTED_FIELD = 1 << 0, WANTED_TEXT = 1 << 1 };

static void reply_header(struct reply *reply, unsigned wanted, size_t count)
{
    if (wanted == (WANTED_FIELD | WANTED_TEXT)) {
        reply_map(reply, count);
    } else {
        reply_array(reply, count);
    }
}

static inline void reply_pair(struct reply *reply, unsigned wanted, const struct item *field, const struct item *text)
{
    if ((wanted & WANTED_FIELD) != 0) {
        reply_item(reply, field);
    }
    if ((wanted & WANTED_TEXT) != 0) {
        reply_item(reply, text);
    }
}

/* --- in steps --- */

struct all_job {
    struct pinned_job pinned;
    struct hash_walk walk;
    uint64_t count;
    unsigned wanted;
    bool is_begun;
};

static enum job_status all_step(struct job *job, struct exec *exec)
{
    struct all_job *all = (struct all_job *)job;
    if (!all->is_begun) {
        all->is_begun = true;
        reply_header(exec->reply, all->wanted, all->count);
    }
    struct item field, text;
    for (unsigned i = 1; hash_walk_next(&all->walk, &field, &text); i++) {
        reply_pair(exec->reply, all->wanted, &field, &text);
        if (i % HASH_FIELDS_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return JOB_DONE;
}

static void start_all(struct exec *exec, struct key key, struct entry *entry, unsigned wanted)
{
    struct all_job *all = pinned_job_create(exec, key, entry, all_step, sizeof *all);
    if (all == NULL) {
        return;
    }
    all->wanted = wanted;
    all->count = hash_shown_count(entry);
    hash_walk_begin(&all->walk, entry);
    exec_start_job(exec, &all->pinned.job);
}

/* --- the commands --- */

static void reply_all(struct exec *exec, unsigned wanted)
{
    struct key key = exec_key(exec, 1);
    struct entry *entry;
    if (!find_hash(exec, &entry)) {
        return;
    }
    if (entry == NULL) {
        reply_header(exec->reply, wanted, 0);
        return;
    }
    uint64_t count = hash_shown_count(entry);
    if (hash_is_large(entry) && hash_count(entry) > HASH_STEPS_MIN) {
        start_all(exec, key, entry, wanted);
        return;
    }
    reply_header(exec->reply, wanted, count);
    struct hash_walk walk;
    hash_walk_begin(&walk, entry);
    struct item field, text;
    while (hash_walk_next(&walk, &field, &text)) {
        reply_pair(exec->reply, wanted, &field, &text);
    }
}

static void command_hgetall(struct exec *exec)
{
    reply_all(exec, WANTED_FIELD | WANTED_TEXT);
}

static void command_hkeys(struct exec *exec)
{
    reply_all(exec, WANTED_FIELD);
}

static void command_hvals(struct exec *exec)
{
    reply_all(exec, WANTED_TEXT);
}

#define ALL_ROW .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1}, .since = "2.0.0", \
                .group = "hash", .complexity = "O(N), N the number of fields", .syntax = "key", \
                .tips = "nondeterministic_output_order"

const struct command_spec hash_all_commands[] = {
    {.name = "hgetall", .run = command_hgetall, ALL_ROW, .summary = "Returns all fields of a hash with their values."},
    {.name = "hkeys", .run = command_hkeys, ALL_ROW, .summary = "Returns all fields of a hash."},
    {.name = "hvals", .run = command_hvals, ALL_ROW, .summary = "Returns the values of all fields of a hash."},
    {0},
};
