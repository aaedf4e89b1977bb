/* set_all.c - SMEMBERS and SSCAN: whole sets, the big ones in steps.
 *
 * Threads    The holder of the key's baton; a big set is pinned meanwhile.
 * Read on    core/member_scan.h.  */
#include "cmd/core/member_scan.h"
#include "cmd/core/pinned_job.h"
#include "cmd/set/set_private.h"
#include "cmd/set/set_rows.h"

/* --- SMEMBERS --- */

struct all_job {
    struct pinned_job pinned;
    struct set_walk walk;
    bool is_begun;
};

static enum job_status all_step(struct job *job, struct exec *exec)
{
    struct all_job *all = (struct all_job *)job;
    if (!all->is_begun) {
        const struct member_table *table = all->walk.view.table;
        all->is_begun = true;
        reply_set(exec->reply, member_table_count(table));
        reply_reserve(exec->reply, reply_size_hint(table));
    }
    struct item member;
    for (unsigned i = 1; set_walk_next(&all->walk, &member); i++) {
        reply_item(exec->reply, &member);
        if (i % SET_MEMBERS_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return JOB_DONE;
}

static void start_all(struct exec *exec, struct key key, struct entry *entry)
{
    struct all_job *all = pinned_job_create(exec, key, entry, all_step, sizeof *all);
    if (all != NULL) {
        set_walk_begin(&all->walk, entry);
        exec_start_job(exec, &all->pinned.job);
    }
}

static void command_smembers(struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (!check_set(exec, entry)) {
        return;
    }
    if (entry == NULL) {
        reply_set(exec->reply, 0);
        return;
    }
    const uint64_t count = set_count(entry);
    if (set_is_large(entry) && count > SET_STEPS_MIN) {
        start_all(exec, key, entry);
        return;
    }
    reply_set(exec->reply, count);
    struct set_walk walk;
    struct item member;
    for (set_walk_begin(&walk, entry); set_walk_next(&walk, &member);) {
        reply_item(exec->reply, &member);
    }
}

/* --- SSCAN --- */

/* A small set is replied as a whole, with cursor 0. */
static void scan_small(struct exec *exec, const struct entry *entry, const struct member_scan *request)
{
    const struct bytes *pattern = member_scan_pattern(exec, request);
    struct set_walk walk;
    struct item member;
    size_t matches = 0;
    for (set_walk_begin(&walk, entry); set_walk_next(&walk, &member);) {
        matches += member_scan_is_wanted(pattern, &member);
    }
    member_scan_reply_header(exec->reply, 0, matches);
    for (set_walk_begin(&walk, entry); set_walk_next(&walk, &member);) {
        if (member_scan_is_wanted(pattern, &member)) {
            reply_item(exec->reply, &member);
        }
    }
}

static void command_sscan(struct exec *exec)
{
    struct member_scan request;
    struct entry *entry = member_scan_open(exec, VALUE_SET, &request);
    if (entry == NULL) {
        return;
    }
    if (set_is_large(entry)) {
        member_scan_reply_table(exec, entry, request, false);
    } else {
        scan_small(exec, entry, &request);
    }
}

const struct command_spec set_all_commands[] = {
    {.name = "smembers", .run = command_smembers, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(N), N the number of members",
     .summary = "Returns all members of a set.", .syntax = "key", .tips = "nondeterministic_output_order"},
    {.name = "sscan", .run = command_sscan, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "2.8.0", .group = "set", .complexity = "O(1) a call; O(N) for all N members",
     .summary = "Returns some members of a set, and a cursor to go on from.",
     .syntax = "key cursor [MATCH pattern] [COUNT count]", .tips = "nondeterministic_output"},
    {0},
};
