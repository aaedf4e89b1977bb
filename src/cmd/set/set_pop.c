/* set_pop.c - SPOP.
 *
 * A few members are drawn and removed one by one. Where only few stay, or many go, a walk chooses each with the probability
 * (still to go) / (still to come), and those that stay are put into a new set, which takes the old one's place: at once, or, for a
 * large set, in a job that changes nothing before its last step. As in Redis, few that stay get the encoding of a new set.
 *
 * Threads    The holder of the key's baton; a job pins the set.  */
#include "base/clock.h"
#include "base/random.h"
#include "cmd/core/effects.h"
#include "cmd/core/name_list.h"
#include "cmd/core/pinned_job.h"
#include "cmd/set/set_private.h"
#include "cmd/set/set_rows.h"

enum {
    FEW_STAY = 5,         /* few stay when they are not more than one for so many that go */
    DRAWN_MAX = 10000,    /* more are not removed one by one: 2 ms */
};

/* --- how to repeat it --- */

/* The members that have gone, for those who listen to effects. */
struct gone {
    struct name_list names;
    bool is_whole; /* all that have gone are in it */
};

static void note_gone(struct gone *gone, const struct item *member)
{
    char scratch[ITEM_SCRATCH];
    gone->is_whole = gone->is_whole && name_list_add(&gone->names, item_text(member, scratch));
}

/* After the report of the change: SREM of those that have gone, in pieces, or else what is left. */
static void give_gone(struct exec *exec, struct key key, const struct gone *gone)
{
    enum { KEY_WORDS = 2, PIECE = 64 };
    if (!gone->is_whole) {
        exec_effect_value(exec, exec->db, key);
        return;
    }
    struct bytes words[KEY_WORDS + PIECE] = {BYTES("SREM"), key.name};
    struct name_reader reader = {0};
    uint32_t count = KEY_WORDS;
    while (name_list_read(&gone->names, &reader, &words[count])) {
        count++;
        if (count == KEY_WORDS + PIECE) {
            exec_effect(exec, key, words, count);
            count = KEY_WORDS;
        }
    }
    if (count > KEY_WORDS) {
        exec_effect(exec, key, words, count);
    }
}

/* --- by a walk --- */

/* Members leave, others stay. */
struct pop {
    struct set_walk walk;
    uint64_t count;          /* that go */
    uint64_t to_go;
    uint64_t to_come;
    uint64_t random_state;
    struct encoding_limits limits;
    struct value stay;       /* detached */
    struct gone gone;
};

static void pop_begin(struct pop *pop, struct exec *exec, struct key key, const struct entry *entry, uint64_t count)
{
    struct keyspace *ks = exec_keyspace(exec, key);
    *pop = (struct pop){.count = count, .to_go = count, .to_come = set_count(entry)};
    pop->random_state = clock_ticks();
    pop->limits = exec_limits(exec);
    const bool few_stay = (pop->to_come - count) * FEW_STAY <= count;
    if (!few_stay && set_encoding(entry) != ENCODING_INTSET) {
        pop->limits.set_max_intset_entries = 0; /* the encoding stays */
    }
    pop->gone.is_whole = exec_wants_effects(exec) && count <= pop->to_come - count;
    set_walk_begin(&pop->walk, entry);
    value_open_detached_for(&pop->stay, ks);
}

static void pop_release(struct pop *pop)
{
    value_remove(&pop->stay);
    name_list_release(&pop->gone.names);
}

/* Looks at some members; RESULT_OK and *is_done false: there are more. */
static enum result pop_some(struct pop *pop, struct reply *reply, bool *is_done)
{
    struct item member;
    for (unsigned i = 0; i < SET_MEMBERS_PER_LOOK; i++) {
        if (!set_walk_next(&pop->walk, &member)) {
            *is_done = true;
            return RESULT_OK;
        }
        if (random_below(&pop->random_state, pop->to_come--) < pop->to_go) {
            reply_item(reply, &member);
            note_gone(&pop->gone, &member);
            pop->to_go--;
            continue;
        }
        bool is_new;
        const enum result result = set_add(&pop->stay, &pop->limits, &member, &is_new);
        if (result != RESULT_OK) {
            return result;
        }
    }
    *is_done = false;
    return RESULT_OK;
}

/* Puts what stays in the place of the set. */
static enum result pop_end(struct pop *pop, struct exec *exec, struct key key, struct entry *entry)
{
    struct keyspace *ks = exec_keyspace(exec, key);
    const bool is_empty = set_value_count(&pop->stay) == 0;
    if (is_empty) {
        keyspace_delete(ks, key, exec->now_ms);
    } else {
        const enum result result = value_store_with_expiry(&pop->stay, ks, key, entry, keyspace_expiry_ms(ks, entry));
        if (result != RESULT_OK) {
            return result;
        }
    }
    exec_changed_by(exec, key, EVENT_SPOP, pop->count);
    if (is_empty) {
        exec_event(exec, key, EVENT_DEL);
    }
    give_gone(exec, key, &pop->gone);
    return RESULT_OK;
}

static void reply_refusal(struct exec *exec, enum result result)
{
    reply_rewind(exec->reply);
    reply_result_error(exec->reply, result);
}

static void pop_at_once(struct exec *exec, struct key key, struct entry *entry, uint64_t count)
{
    struct pop pop;
    bool is_done = false;
    enum result result = RESULT_OK;
    pop_begin(&pop, exec, key, entry, count);
    reply_set(exec->reply, count);
    while (result == RESULT_OK && !is_done) {
        result = pop_some(&pop, exec->reply, &is_done);
    }
    if (result == RESULT_OK) {
        result = pop_end(&pop, exec, key, entry);
    }
    if (UNLIKELY(result != RESULT_OK)) {
        reply_refusal(exec, result);
    }
    pop_release(&pop);
}

/* --- in steps --- */

struct pop_job {
    struct pinned_job pinned;
    struct pop pop;
    bool is_begun, is_walked;
};

static enum job_status fail(struct pop_job *work, struct exec *exec, enum result result)
{
    reply_refusal(exec, result);
    pop_release(&work->pop);
    exec_unpin(exec, &work->pinned.pin);
    return JOB_DONE;
}

/* Other readers may still be at it; the pin keeps writers away until they are done. A set whose time came meanwhile is gone. */
static enum job_status end_step(struct pop_job *work, struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    if (work->pinned.pin.collection->pins > 1) {
        exec_wait_for(exec, work->pinned.pin.shard, WAIT_KEY, key.hash, WAIT_HOLDING);
        return JOB_WAIT;
    }
    exec_unpin(exec, &work->pinned.pin);
    struct entry *entry = exec_find_write(exec, key);
    const enum result result = entry == NULL ? RESULT_OK : pop_end(&work->pop, exec, key, entry);
    if (result != RESULT_OK) {
        return fail(work, exec, result);
    }
    pop_release(&work->pop);
    return JOB_DONE;
}

static enum job_status pop_step(struct job *job, struct exec *exec)
{
    struct pop_job *work = (struct pop_job *)job;
    if (!work->is_begun) {
        work->is_begun = true;
        reply_set(exec->reply, work->pop.to_go);
    }
    while (!work->is_walked) {
        const enum result result = pop_some(&work->pop, exec->reply, &work->is_walked);
        if (result != RESULT_OK) {
            return fail(work, exec, result);
        }
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return end_step(work, exec);
}

static void pop_destroy(struct job *job, struct exec *exec)
{
    pop_release(&((struct pop_job *)job)->pop);
    pinned_job_destroy(job, exec);
}

static void start_pop(struct exec *exec, struct key key, struct entry *entry, uint64_t count)
{
    struct pop_job *work = pinned_job_create(exec, key, entry, pop_step, sizeof *work);
    if (work == NULL) {
        return;
    }
    work->pinned.job.destroy = pop_destroy;
    pop_begin(&work->pop, exec, key, entry, count);
    exec_start_job(exec, &work->pinned.job);
}

/* --- the command --- */

/* Draws `count` members, fewer than there are unless it is one, and removes them. */
static void draw(struct exec *exec, struct key key, struct entry *entry, uint64_t count)
{
    uint64_t random_state = clock_ticks();
    struct gone gone = {.is_whole = exec_wants_effects(exec)};
    struct value value;
    enum result result = RESULT_OK;
    value_open(&value, exec_keyspace(exec, key), key, entry);
    for (uint64_t i = 0; i < count && result == RESULT_OK; i++) {
        const struct set_view view = set_view(value.entry);
        const struct item member = set_view_at(&view, set_view_random(&view, &random_state));
        bool was_there;
        reply_item(exec->reply, &member);
        note_gone(&gone, &member);
        result = set_remove(&value, &member, &was_there);
    }
    const enum result closed = close_after_removal(exec, key, &value, EVENT_SPOP, count);
    result = result == RESULT_OK ? closed : result;
    gone.is_whole = gone.is_whole && result == RESULT_OK;
    give_gone(exec, key, &gone);
    name_list_release(&gone.names);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_refusal(exec, result);
    }
}

static void pop_count(struct exec *exec, struct key key, struct entry *entry, uint64_t wanted)
{
    const uint64_t members = set_count(entry);
    const uint64_t count = wanted < members ? wanted : members;
    const bool few_stay = (members - count) * FEW_STAY <= count;
    if (!few_stay && count <= DRAWN_MAX) {
        reply_set(exec->reply, count);
        draw(exec, key, entry, count);
    } else if (set_is_large(entry) && members > SET_STEPS_MIN) {
        start_pop(exec, key, entry, count);
    } else {
        pop_at_once(exec, key, entry, count);
    }
}

static void command_spop(struct exec *exec)
{
    int64_t count = 0;
    if (exec->argc > 3) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    if (exec->argc == 3 && (!int64_parse(exec->argv[2], &count) || count < 0)) {
        reply_error(exec->reply, "ERR value is out of range, must be positive");
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_set(exec, entry)) {
        return;
    }
    if (exec->argc == 2 && entry != NULL) {
        draw(exec, key, entry, 1);
    } else if (exec->argc == 2) {
        reply_null(exec->reply);
    } else if (entry == NULL || count == 0) {
        reply_set(exec->reply, 0);
    } else {
        pop_count(exec, key, entry, (uint64_t)count);
    }
}

const struct command_spec set_pop_commands[] = {
    {.name = "spop", .run = command_spop, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(N), N the number of members removed",
     .summary = "Removes members of a set that are chosen at random, and returns them.", .syntax = "key [count]",
     .tips = "nondeterministic_output", .key_flags = "RW access delete"},
    {0},
};
