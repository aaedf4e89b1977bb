/* set_random.c - SRANDMEMBER.
 *
 * With a count of N > 0 different members are chosen: all; or, as long as N is a good part of them, each of a walk with the
 * probability (still wanted) / (still to come), which makes every choice equally likely (Knuth, algorithm 3.4.2 S); or, of a
 * large set, by drawing places until there are N different ones. With a negative count each draw is one of its own.
 *
 * Threads    The holder of the key's baton; a job pins its set, or reads a copy of a small one.
 * Limits     A reply to a negative count that is longer than REPEATED_REPLY_MAX ends its connection.  */
#include "base/clock.h"
#include "base/random.h"
#include "cmd/set_private.h"
#include "mem/heap.h"
#include "shard/server.h"

enum {
    DRAW_SHARE = 8, /* below one member in so many, places are drawn */
    REPEATED_REPLY_MAX = 1 << 30,
};

enum choice { CHOOSE_ALL, CHOOSE_SOME, CHOOSE_PLACES, CHOOSE_REPEATED };

/* Work on one set, that may go on in a later step. */
struct sample {
    enum choice choice;
    struct set_view view;
    uint64_t left;           /* members still to reply */
    uint64_t random_state;
    struct set_walk walk;    /* CHOOSE_ALL, CHOOSE_SOME */
    uint64_t to_come;        /* members before it */
    uint64_t *places;        /* CHOOSE_PLACES: those drawn, plus one; open addressing; 0: free */
    uint64_t place_capacity; /* a power of two, at least twice what is drawn */
};

/* `count` is not 0. */
static struct sample sample_plan(const struct entry *entry, int64_t count)
{
    struct sample sample = {.random_state = clock_ticks(), .view = set_view(entry)};
    const uint64_t members = set_view_count(&sample.view);
    if (count < 0) {
        sample.choice = CHOOSE_REPEATED;
        sample.left = 0 - (uint64_t)count;
        return sample;
    }
    sample.left = (uint64_t)count < members ? (uint64_t)count : members;
    sample.to_come = members;
    if (sample.left == members) {
        sample.choice = CHOOSE_ALL;
    } else if (sample.view.table == NULL || sample.left > members / DRAW_SHARE) {
        sample.choice = CHOOSE_SOME;
    } else {
        sample.choice = CHOOSE_PLACES;
    }
    return sample;
}

/* Members that it will look at, about. */
static uint64_t sample_cost(const struct sample *sample)
{
    return sample->choice == CHOOSE_SOME ? sample->to_come : sample->left;
}

/* After the view is what it will stay. False: memory refused. */
static bool sample_begin(struct sample *sample)
{
    set_walk_begin_view(&sample->walk, &sample->view);
    if (sample->choice != CHOOSE_PLACES) {
        return true;
    }
    sample->place_capacity = 4;
    while (sample->place_capacity < 2 * sample->left) {
        sample->place_capacity *= 2;
    }
    sample->places = thread_alloc_zeroed(MEM_CLIENT, sample->place_capacity * sizeof *sample->places);
    return sample->places != NULL;
}

static void sample_end(struct sample *sample)
{
    if (sample->places != NULL) {
        thread_free(MEM_CLIENT, sample->places, sample->place_capacity * sizeof *sample->places);
    }
}

/* True when the place was not drawn before; notes it. */
static bool note_place(struct sample *sample, uint64_t place)
{
    const uint64_t mask = sample->place_capacity - 1;
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

/* Looks at one member; true when it is chosen. */
static bool sample_next(struct sample *sample, struct item *member)
{
    if (sample->choice == CHOOSE_PLACES || sample->choice == CHOOSE_REPEATED) {
        const uint64_t place = set_view_random(&sample->view, &sample->random_state);
        *member = set_view_at(&sample->view, place);
        return sample->choice == CHOOSE_REPEATED || note_place(sample, place);
    }
    if (!set_walk_next(&sample->walk, member)) {
        sample->left = 0; /* never: a walk has as many members as were counted */
        return false;
    }
    const uint64_t to_come = sample->to_come--;
    return sample->choice == CHOOSE_ALL || random_below(&sample->random_state, to_come) < sample->left;
}

/* Replies some; false: all were replied. */
static bool sample_some(struct sample *sample, struct reply *reply)
{
    for (unsigned i = 0; i < SET_MEMBERS_PER_LOOK && sample->left > 0; i++) {
        struct item member;
        if (sample_next(sample, &member)) {
            reply_item(reply, &member);
            sample->left--;
        }
    }
    return sample->left > 0;
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
    struct sample_job *work = (struct sample_job *)job;
    if (!work->is_begun) {
        work->is_begun = true;
        reply_array(exec->reply, work->sample.left);
    }
    while (sample_some(&work->sample, exec->reply)) {
        if (work->sample.choice == CHOOSE_REPEATED && reply_len(exec->reply) > REPEATED_REPLY_MAX) {
            exec->reply->is_broken = true;
        }
        if (exec->reply->is_broken || exec_slice_is_over(exec)) {
            return JOB_MORE;
        }
    }
    exec_unpin(exec, &work->pin);
    return JOB_DONE;
}

static void free_sample(struct sample_job *work)
{
    sample_end(&work->sample);
    if (work->sample.view.bytes.data != NULL) {
        thread_free(MEM_CLIENT, (char *)(uintptr_t)work->sample.view.bytes.data, work->sample.view.bytes.len);
    }
    thread_free(MEM_CLIENT, work, sizeof *work);
}

static void sample_destroy(struct job *job, struct exec *exec)
{
    struct sample_job *work = (struct sample_job *)job;
    exec_unpin(exec, &work->pin);
    free_sample(work);
}

/* A copy of the bytes of a small set. False: memory refused; then the view is empty. */
static bool own_view(struct set_view *view)
{
    const struct bytes lent = view->bytes;
    view->bytes = (struct bytes){0};
    if (lent.data == NULL) {
        return true;
    }
    char *copy = thread_alloc(MEM_CLIENT, lent.len);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, lent.data, lent.len);
    view->bytes = (struct bytes){copy, lent.len};
    return true;
}

static void start_sample(struct exec *exec, struct key key, struct entry *entry, const struct sample *sample)
{
    struct sample_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    if (work == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    work->sample = *sample;
    work->job = (struct job){sample_step, sample_destroy, (int32_t)exec->shard->number};
    if (!own_view(&work->sample.view) || !sample_begin(&work->sample)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        free_sample(work);
        return;
    }
    if (set_is_large(entry) && !exec_pin(exec, key, entry, &work->pin)) {
        free_sample(work);
        return;
    }
    exec_start_job(exec, &work->job);
}

static void reply_sample(struct exec *exec, struct key key, struct entry *entry, int64_t count)
{
    struct sample sample = sample_plan(entry, count);
    if (sample_cost(&sample) > SET_SLICE_MIN && (sample.view.table != NULL || sample.choice == CHOOSE_REPEATED)) {
        start_sample(exec, key, entry, &sample);
        return;
    }
    if (!sample_begin(&sample)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    reply_array(exec->reply, sample.left);
    while (sample_some(&sample, exec->reply)) {
    }
    sample_end(&sample);
}

/* --- the command --- */

/* Reads argv[2]; replies the error. */
static bool read_count(struct exec *exec, int64_t *count)
{
    if (!exec_int64_argument(exec, 2, count)) {
        return false;
    }
    if (*count == INT64_MIN) {
        reply_error(exec->reply, "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
        return false;
    }
    return true;
}

static void command_srandmember(struct exec *exec)
{
    int64_t count = 0;
    if (exec->argc > 3) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    if (exec->argc == 3 && !read_count(exec, &count)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (!check_set(exec, entry)) {
        return;
    }
    if (exec->argc == 2 && entry != NULL) {
        uint64_t random_state = clock_ticks();
        const struct set_view view = set_view(entry);
        const struct item member = set_view_at(&view, set_view_random(&view, &random_state));
        reply_item(exec->reply, &member);
    } else if (exec->argc == 2) {
        reply_null(exec->reply);
    } else if (entry == NULL || count == 0) {
        reply_array(exec->reply, 0);
    } else {
        reply_sample(exec, key, entry, count);
    }
}

const struct command_spec set_random_commands[] = {
    {.name = "srandmember", .run = command_srandmember, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "set", .complexity = "O(N), N the number of members replied",
     .summary = "Returns members of a set that are chosen at random.", .syntax = "key [count]",
     .tips = "nondeterministic_output"},
    {0},
};
