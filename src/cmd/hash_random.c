/* hash_random.c - HRANDFIELD.
 *
 * With a count of N > 0 different fields are chosen: all; or, when N is a good part of them, each of a walk with the probability
 * (still wanted) / (still to come), which makes every choice equally likely (Knuth, algorithm 3.4.2 S); or, of a large hash, by
 * drawing places until there are N different ones. With a negative count each draw is one of its own.
 *
 * Threads    The holder of the key's baton; a big hash is pinned meanwhile, a small one that is asked for much is copied.  */
#include "base/clock.h"
#include "base/random.h"
#include "cmd/hash_private.h"
#include "cmd/option.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum {
    AT_ONCE_MAX = 500,    /* more fields are looked at in slices */
    DRAWS_PER_LOOK = 16,
    DRAW_SHARE = 8,       /* below one in so many, places are drawn */
};

enum choice { CHOOSE_WALK, CHOOSE_PLACES, CHOOSE_REPEATED };

/* Work on one hash, that may go on in a later step. */
struct sample {
    enum choice choice;
    bool has_texts;
    uint64_t left;               /* fields still to reply */
    uint64_t random_state;
    const struct member_table *table; /* large; NULL: small */
    struct bytes run;            /* small */
    struct hash_walk walk;       /* CHOOSE_WALK */
    uint64_t to_come;            /* and what is before it */
    uint64_t *places;            /* CHOOSE_PLACES: those drawn plus one, open addressing; 0: free */
    uint64_t place_capacity;     /* a power of two, at least twice what is drawn */
    uint32_t *offsets;           /* CHOOSE_REPEATED, small: of each field; count of them, then what the copy takes */
    uint64_t count;
};

static void reply_one(const struct sample *sample, struct reply *reply, const struct item *field, const struct item *text)
{
    if (sample->has_texts && reply->protocol == 3) {
        reply_array(reply, 2);
    }
    reply_item(reply, field);
    if (sample->has_texts) {
        reply_item(reply, text);
    }
}

static void reply_header(const struct sample *sample, struct reply *reply)
{
    reply_array(reply, sample->has_texts && reply->protocol == 2 ? 2 * sample->left : sample->left);
}

/* One step of CHOOSE_WALK. */
static void walk_one(struct sample *sample, struct reply *reply)
{
    struct item field, text;
    bool is_there = hash_walk_next(&sample->walk, &field, &text);
    assert(is_there);
    if (random_below(&sample->random_state, sample->to_come) < sample->left) {
        reply_one(sample, reply, &field, &text);
        sample->left--;
    }
    sample->to_come--;
}

/* True when the place was not drawn before; notes it. */
static bool note_place(struct sample *sample, uint64_t place)
{
    uint64_t mask = sample->place_capacity - 1;
    uint64_t state = place;
    uint64_t at = random_next(&state) & mask;
    while (sample->places[at] != 0) {
        if (sample->places[at] == place + 1) {
            return false;
        }
        at = (at + 1) & mask;
    }
    sample->places[at] = place + 1;
    return true;
}

static void draw_one(struct sample *sample, struct reply *reply)
{
    struct item field, text;
    if (sample->table == NULL) {
        uint64_t which = random_below(&sample->random_state, sample->count);
        size_t at = sample->offsets[which];
        packed_next(sample->run, &at, &field);
        packed_next(sample->run, &at, &text);
    } else {
        uint64_t place = member_table_random(sample->table, &sample->random_state);
        if (sample->choice == CHOOSE_PLACES && !note_place(sample, place)) {
            return;
        }
        member_table_at(sample->table, place, &field, &text);
    }
    reply_one(sample, reply, &field, &text);
    sample->left--;
}

/* --- making and ending one --- */

static void sample_release(struct sample *sample)
{
    thread_free(MEM_CLIENT, sample->places, sample->place_capacity * sizeof *sample->places);
    if (sample->offsets != NULL) {
        thread_free(MEM_CLIENT, sample->offsets, sample->count * sizeof *sample->offsets + sample->run.len);
    }
}

/* A copy of a small hash with the place of each field. */
static bool copy_small(struct sample *sample, struct bytes run)
{
    sample->offsets = thread_alloc(MEM_CLIENT, sample->count * sizeof *sample->offsets + run.len);
    if (sample->offsets == NULL) {
        return false;
    }
    char *copy = (char *)(sample->offsets + sample->count);
    memcpy(copy, run.data, run.len);
    sample->run = (struct bytes){copy, run.len};
    size_t at = 0;
    for (uint64_t i = 0; i < sample->count; i++) {
        sample->offsets[i] = (uint32_t)at;
        at = packed_skip(run, at, 2);
    }
    return true;
}

/* `count`: as asked for, not 0. False: memory refused. */
static bool sample_begin(struct sample *sample, const struct entry *entry, int64_t count, bool has_texts)
{
    *sample = (struct sample){.random_state = clock_ticks(), .has_texts = has_texts, .count = hash_count(entry)};
    sample->table = hash_is_large(entry) ? hash_table_of(entry) : NULL;
    if (count < 0) {
        sample->choice = CHOOSE_REPEATED;
        sample->left = 0 - (uint64_t)count;
        return sample->table != NULL || copy_small(sample, entry_packed(entry));
    }
    sample->left = (uint64_t)count < sample->count ? (uint64_t)count : sample->count;
    if (sample->table == NULL || sample->left > sample->count / DRAW_SHARE) {
        sample->choice = CHOOSE_WALK;
        sample->to_come = sample->count;
        hash_walk_begin(&sample->walk, entry);
        return true;
    }
    sample->choice = CHOOSE_PLACES;
    sample->place_capacity = 4;
    while (sample->place_capacity < 2 * sample->left) {
        sample->place_capacity *= 2;
    }
    sample->places = thread_alloc_zeroed(MEM_CLIENT, sample->place_capacity * sizeof *sample->places);
    return sample->places != NULL;
}

/* Steps that it will take, about. */
static uint64_t sample_steps(const struct sample *sample)
{
    return sample->choice == CHOOSE_WALK ? sample->to_come : sample->left;
}

/* --- in slices --- */

struct sample_job {
    struct job job;
    struct pin pin;
    struct sample sample;
    bool is_begun;
};

static enum job_status sample_step(struct job *job, struct exec *exec)
{
    struct sample *sample = &((struct sample_job *)job)->sample;
    if (!((struct sample_job *)job)->is_begun) {
        ((struct sample_job *)job)->is_begun = true;
        reply_header(sample, exec->reply);
    }
    for (unsigned i = 1; sample->left > 0; i++) {
        if (sample->choice == CHOOSE_WALK) {
            walk_one(sample, exec->reply);
        } else {
            draw_one(sample, exec->reply);
        }
        if (i % DRAWS_PER_LOOK == 0 && exec_slice_is_over(exec)) {
            return exec->reply->is_broken ? JOB_DONE : JOB_MORE;
        }
    }
    return JOB_DONE;
}

static void sample_destroy(struct job *job, struct exec *exec)
{
    struct sample_job *work = (struct sample_job *)job;
    exec_unpin(exec, &work->pin);
    sample_release(&work->sample);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

/* Takes the sample. */
static void start_sample(struct exec *exec, struct key key, struct entry *entry, struct sample *sample)
{
    struct sample_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    if (work == NULL) {
        sample_release(sample);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    work->sample = *sample;
    if (sample->table != NULL && !exec_pin(exec, key, entry, &work->pin)) {
        sample_release(sample);
        thread_free(MEM_CLIENT, work, sizeof *work);
        return;
    }
    work->job = (struct job){sample_step, sample_destroy, (int32_t)exec->shard->number};
    exec_start_job(exec, &work->job);
}

/* --- the command --- */

static void reply_single(struct exec *exec, const struct entry *entry)
{
    uint64_t state = clock_ticks();
    struct item field;
    if (hash_is_large(entry)) {
        const struct member_table *table = hash_table_of(entry);
        member_table_at(table, member_table_random(table, &state), &field, NULL);
    } else {
        struct bytes run = entry_packed(entry);
        size_t at = packed_skip(run, 0, 2 * random_below(&state, hash_count(entry)));
        packed_next(run, &at, &field);
    }
    reply_item(exec->reply, &field);
}

static void reply_sample(struct exec *exec, struct key key, struct entry *entry, int64_t count, bool has_texts)
{
    if (entry == NULL || count == 0) {
        reply_array(exec->reply, 0);
        return;
    }
    struct sample sample;
    if (!sample_begin(&sample, entry, count, has_texts)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (sample_steps(&sample) > AT_ONCE_MAX && (sample.table != NULL || sample.choice == CHOOSE_REPEATED)) {
        start_sample(exec, key, entry, &sample);
        return;
    }
    reply_header(&sample, exec->reply);
    while (sample.left > 0) {
        if (sample.choice == CHOOSE_WALK) {
            walk_one(&sample, exec->reply);
        } else {
            draw_one(&sample, exec->reply);
        }
    }
    sample_release(&sample);
}

/* Reads argv[2] and argv[3]; replies the error. */
static bool read_count(struct exec *exec, int64_t *count, bool *has_texts)
{
    if (!exec_int64_argument(exec, 2, count)) {
        return false;
    }
    if (*count == INT64_MIN) {
        reply_error(exec->reply, "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
        return false;
    }
    *has_texts = exec->argc == 4 && bytes_equal_ignore_case(exec->argv[3], BYTES("withvalues"));
    if (exec->argc > 3 && !*has_texts) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    if (*has_texts && (*count < -(INT64_MAX / 2) || *count > INT64_MAX / 2)) {
        reply_error(exec->reply, "ERR value is out of range");
        return false;
    }
    return true;
}

static void command_hrandfield(struct exec *exec)
{
    int64_t count = 0;
    bool has_texts = false;
    if (exec->argc > 2 && !read_count(exec, &count, &has_texts)) {
        return;
    }
    struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (!check_hash(exec, entry)) {
        return;
    }
    if (exec->argc > 2) {
        reply_sample(exec, key, entry, count, has_texts);
    } else if (entry == NULL) {
        reply_null(exec->reply);
    } else {
        reply_single(exec, entry);
    }
}

const struct command_spec hash_random_commands[] = {
    {.name = "hrandfield", .run = command_hrandfield, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "6.2.0", .group = "hash", .complexity = "O(N), N the number of fields replied",
     .summary = "Returns fields of a hash that are chosen at random.", .syntax = "key [count [WITHVALUES]]",
     .tips = "nondeterministic_output"},
    {0},
};
