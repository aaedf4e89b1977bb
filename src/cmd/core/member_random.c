/* member_random.c - samples of collections; see member_random.h.
 *
 * With a count of N > 0 different members are chosen: as long as N is a good part of them, each of a walk with the probability
 * (still wanted) / (still to come), which makes every choice equally likely (Knuth, algorithm 3.4.2 S); or, of a large
 * collection, by drawing places until there are N different ones. With a negative count each draw is one of its own.  */
#include "cmd/core/member_random.h"

#include "base/clock.h"
#include "base/random.h"
#include "cmd/core/find.h"
#include "cmd/core/pinned_job.h"
#include "cmd/core/reply_item.h"
#include "encoding/packed.h"
#include "mem/heap.h"

#include <assert.h>

enum {
    DRAW_SHARE = 8,       /* below one member in so many, places are drawn */
    COPIED_DRAWS_MIN = 5, /* so many draws from a small collection pay for finding the offsets of all */
    LOOKS_PER_CLOCK = 32, /* members looked at between two looks at the clock */
    REPEATED_REPLY_MAX = 1 << 30,
};

enum choice { CHOOSE_WALK, CHOOSE_PLACES, CHOOSE_REPEATED };

/* Work on one collection, that may go on in a later step. */
struct sample {
    const struct random_kind *kind;
    struct random_source *source;
    enum choice choice;
    bool has_extra;
    uint64_t left;           /* members still to reply */
    uint64_t to_come;        /* CHOOSE_WALK: members before it */
    uint64_t random_state;
    uint64_t *places;        /* CHOOSE_PLACES: those drawn, plus one; open addressing; 0: free */
    uint64_t place_capacity; /* a power of two, at least twice what is drawn */
    uint32_t *copy;          /* CHOOSE_REPEATED, small: the offset of each packed member, then the bytes; or NULL */
    size_t copy_bytes;
};

/* --- choosing --- */

/* `count` is not 0. */
static void plan_sample(struct sample *sample, int64_t count)
{
    const struct random_source *source = sample->source;
    sample->random_state = clock_ticks();
    if (count < 0) {
        sample->choice = CHOOSE_REPEATED;
        sample->left = 0 - (uint64_t)count;
        return;
    }
    sample->left = (uint64_t)count < source->count ? (uint64_t)count : source->count;
    sample->to_come = source->count;
    const bool is_walk = source->large == NULL || source->is_walked || sample->left > source->count / DRAW_SHARE;
    sample->choice = is_walk ? CHOOSE_WALK : CHOOSE_PLACES;
}

static bool make_places(struct sample *sample)
{
    sample->place_capacity = 4;
    while (sample->place_capacity < 2 * sample->left) {
        sample->place_capacity *= 2;
    }
    sample->places = thread_alloc_zeroed(MEM_CLIENT, sample->place_capacity * sizeof *sample->places);
    return sample->places != NULL;
}

static bool copy_small(struct sample *sample)
{
    struct random_source *source = sample->source;
    const uint64_t offset_count = source->items == 0 ? 0 : source->count;
    const size_t offset_bytes = offset_count * sizeof *sample->copy;
    sample->copy_bytes = offset_bytes + source->small.len;
    sample->copy = thread_alloc(MEM_CLIENT, sample->copy_bytes);
    if (sample->copy == NULL) {
        return false;
    }
    size_t at = 0;
    for (uint64_t i = 0; i < offset_count; i++) {
        sample->copy[i] = (uint32_t)at;
        at = packed_skip(source->small, at, source->items);
    }
    source->small.data = memcpy((char *)sample->copy + offset_bytes, source->small.data, source->small.len);
    return true;
}

/* When the sample is planned and its source stands where it will stay. False: memory refused. */
static bool begin_sample(struct sample *sample, const struct entry *entry)
{
    switch (sample->choice) {
    case CHOOSE_WALK:
        sample->kind->walk_begin(sample->source, entry);
        return true;
    case CHOOSE_PLACES:
        return make_places(sample);
    case CHOOSE_REPEATED:
        return sample->source->large != NULL || sample->left < COPIED_DRAWS_MIN || copy_small(sample);
    }
    return false;
}

static void end_sample(struct sample *sample)
{
    if (sample->places != NULL) {
        thread_free(MEM_CLIENT, sample->places, sample->place_capacity * sizeof *sample->places);
    }
    if (sample->copy != NULL) {
        thread_free(MEM_CLIENT, sample->copy, sample->copy_bytes);
    }
}

static uint64_t draw_place(struct sample *sample)
{
    const struct random_source *source = sample->source;
    if (source->large != NULL) {
        return sample->kind->draw(source, &sample->random_state);
    }
    const uint64_t index = random_below(&sample->random_state, source->count);
    if (source->items == 0) {
        return index;
    }
    return sample->copy != NULL ? sample->copy[index] : packed_skip(source->small, 0, source->items * index);
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
static bool next_member(struct sample *sample, struct random_member *out)
{
    if (sample->choice == CHOOSE_WALK) {
        const bool is_there = sample->kind->walk_next(sample->source, out);
        assert(is_there);
        const uint64_t to_come = sample->to_come--;
        return sample->left == to_come || random_below(&sample->random_state, to_come) < sample->left;
    }
    const uint64_t place = draw_place(sample);
    /* Read before it is noted: the cache misses of both overlap (SRANDMEMBER of 5,000 of 100,000 members). */
    sample->kind->read(sample->source, place, out);
    return sample->choice == CHOOSE_REPEATED || note_place(sample, place);
}

/* --- replies --- */

static void reply_header(const struct sample *sample, struct reply *reply)
{
    reply_array(reply, sample->has_extra && reply->protocol == 2 ? 2 * sample->left : sample->left);
}

/* Looks at some members and replies those that are chosen; false: all were replied. */
static bool reply_some(struct sample *sample, struct reply *reply)
{
    for (unsigned i = 0; i < LOOKS_PER_CLOCK && sample->left > 0; i++) {
        struct random_member chosen;
        if (!next_member(sample, &chosen)) {
            continue;
        }
        sample->left--;
        if (sample->has_extra && reply->protocol == 3) {
            reply_array(reply, 2);
        }
        reply_item(reply, &chosen.member);
        if (sample->has_extra) {
            sample->kind->reply_extra(reply, &chosen);
        }
    }
    return sample->left > 0;
}

struct sample_job {
    struct pinned_job pinned;
    struct sample sample;
    bool is_begun;
    _Alignas(16) char source[];
};

static enum job_status sample_step(struct job *job, struct exec *exec)
{
    struct sample_job *work = (struct sample_job *)job;
    struct sample *sample = &work->sample;
    if (!work->is_begun) {
        work->is_begun = true;
        reply_header(sample, exec->reply);
    }
    while (reply_some(sample, exec->reply)) {
        if (sample->choice == CHOOSE_REPEATED && reply_len(exec->reply) > REPEATED_REPLY_MAX) {
            exec->reply->is_broken = true;
        }
        if (exec->reply->is_broken) {
            return JOB_DONE;
        }
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return JOB_DONE;
}

static void sample_destroy(struct job *job, struct exec *exec)
{
    end_sample(&((struct sample_job *)job)->sample);
    pinned_job_destroy(job, exec);
}

static void start_sample(struct exec *exec, struct key key, struct entry *entry, const struct sample *sample)
{
    const size_t source_bytes = sample->kind->source_bytes;
    struct entry *pinned = sample->source->large != NULL ? entry : NULL;
    struct sample_job *work = pinned_job_create(exec, key, pinned, sample_step, sizeof *work + source_bytes);
    if (work == NULL) {
        return;
    }
    work->pinned.job.destroy = sample_destroy;
    work->sample = *sample;
    work->sample.source = memcpy(work->source, sample->source, source_bytes);
    if (!begin_sample(&work->sample, entry)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        sample_destroy(&work->pinned.job, exec);
        return;
    }
    exec_start_job(exec, &work->pinned.job);
}

static void reply_sample(struct exec *exec, struct key key, struct entry *entry, struct sample *sample)
{
    const uint64_t looks = sample->choice == CHOOSE_WALK ? sample->to_come : sample->left;
    if (looks > sample->kind->at_once_max && (sample->source->large != NULL || sample->choice == CHOOSE_REPEATED)) {
        start_sample(exec, key, entry, sample);
        return;
    }
    if (!begin_sample(sample, entry)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    reply_header(sample, exec->reply);
    while (reply_some(sample, exec->reply)) {
    }
    end_sample(sample);
}

static void reply_single(struct exec *exec, struct sample *sample)
{
    struct random_member chosen;
    sample->random_state = clock_ticks();
    sample->kind->read(sample->source, draw_place(sample), &chosen);
    reply_item(exec->reply, &chosen.member);
}

/* --- the command --- */

/* Reads argv[2] and argv[3]; replies the error. */
static bool read_count(struct exec *exec, struct bytes option, int64_t *count, bool *has_extra)
{
    if (exec->argc > 3 && option.len == 0) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    if (!exec_int64_argument(exec, 2, count)) {
        return false;
    }
    if (*count == INT64_MIN) {
        reply_error(exec->reply, "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
        return false;
    }
    *has_extra = exec->argc == 4 && bytes_equal_ignore_case(exec->argv[3], option);
    if (exec->argc > 3 && !*has_extra) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    if (*has_extra && (*count < -(INT64_MAX / 2) || *count > INT64_MAX / 2)) {
        reply_error(exec->reply, "ERR value is out of range");
        return false;
    }
    return true;
}

void member_random_run(struct exec *exec, const struct random_kind *kind, struct random_source *source)
{
    struct sample sample = {.kind = kind, .source = source};
    const bool is_single = exec->argc == 2;
    int64_t count = 1;
    if (!is_single && !read_count(exec, kind->option, &count, &sample.has_extra)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (!check_type(exec, entry, kind->type)) {
        return;
    }
    entry = expire_fields(exec, key, entry);
    if (UNLIKELY(hash_timed(entry) != NULL) && hash_shown_count(entry) == 0) {
        entry = NULL;
    }
    if (entry == NULL && is_single) {
        reply_null(exec->reply);
    } else if (entry == NULL || count == 0) {
        reply_array(exec->reply, 0);
    } else if (is_single) {
        kind->open(source, entry);
        reply_single(exec, &sample);
    } else {
        kind->open(source, entry);
        plan_sample(&sample, count);
        reply_sample(exec, key, entry, &sample);
    }
}
