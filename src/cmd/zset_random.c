/* zset_random.c - ZRANDMEMBER.
 *
 * With a count of N > 0 different members are chosen. Of a large sorted set those at the ranks p(0) .. p(N-1), where p is a
 * random permutation of all ranks: a Feistel network over the next power of four, entered again until it gives a rank (Black
 * and Rogaway, "Ciphers with arbitrary finite domains", 2002); so nothing need be kept of what was drawn. Of a small one each
 * member is taken with the probability (still wanted) / (still to come) (Knuth, algorithm 3.4.2 S). With a negative count each
 * draw is one of its own.
 *
 * Threads    The holder of the key's baton; a big sorted set is pinned meanwhile, a small one that is asked for much copied.  */
#include "base/clock.h"
#include "cmd/zset_private.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum { AT_ONCE_MAX = 200, DRAWS_PER_LOOK = 16, FEISTEL_ROUNDS = 4 };

/* splitmix64 (Steele, Lea, Flood, 2014). */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* 0 .. end - 1; the bias is below end / 2^64. */
static uint64_t random_below(uint64_t *state, uint64_t end)
{
    *state = mix(*state);
    return (uint64_t)((unsigned __int128)*state * end >> 64);
}

enum choice { CHOOSE_ALL, CHOOSE_WALK, CHOOSE_RANKS, CHOOSE_REPEATED };

/* Work on one sorted set, that may go on in a later step. */
struct sample {
    enum choice choice;
    bool has_scores;
    uint64_t left;               /* members still to reply */
    uint64_t drawn;
    uint64_t count;              /* of the sorted set */
    uint64_t seed, random_state;
    unsigned half_bits;          /* CHOOSE_RANKS: of a rank */
    const struct score_set *set; /* large; NULL: small */
    struct zset_walk walk;       /* CHOOSE_ALL, CHOOSE_WALK */
    uint32_t *offsets;           /* CHOOSE_REPEATED, small: of each member; behind them a copy of the run */
    struct bytes run;
};

static uint64_t feistel(const struct sample *sample, uint64_t x)
{
    const uint64_t mask = (UINT64_C(1) << sample->half_bits) - 1;
    uint64_t left = x >> sample->half_bits, right = x & mask;
    for (uint64_t round = 0; round < FEISTEL_ROUNDS; round++) {
        const uint64_t next = left ^ (mix(right ^ mix(sample->seed + round)) & mask);
        left = right;
        right = next;
    }
    return left << sample->half_bits | right;
}

/* p(i), for i < count. */
static uint64_t permuted_rank(const struct sample *sample, uint64_t i)
{
    do {
        i = feistel(sample, i);
    } while (i >= sample->count);
    return i;
}

static void reply_one(struct sample *sample, struct reply *reply, const struct item *member, double score)
{
    if (sample->has_scores && reply->protocol == 3) {
        reply_array(reply, 2);
    }
    reply_item(reply, member);
    if (sample->has_scores) {
        reply_double(reply, score);
    }
    sample->left--;
}

static void reply_header(const struct sample *sample, struct reply *reply)
{
    reply_array(reply, sample->has_scores && reply->protocol == 2 ? 2 * sample->left : sample->left);
}

static void walk_one(struct sample *sample, struct reply *reply)
{
    struct item member = {0};
    double score = 0;
    const bool is_there = zset_walk_next(&sample->walk, &member, &score);
    assert(is_there);
    const uint64_t to_come = sample->count - sample->drawn++;
    if (sample->choice == CHOOSE_ALL || random_below(&sample->random_state, to_come) < sample->left) {
        reply_one(sample, reply, &member, score);
    }
}

/* The pair at an offset of the copied run, read as a walk does. */
static void copied_one(struct sample *sample, struct reply *reply, uint64_t which)
{
    struct zset_walk walk = {.run = sample->run, .at = sample->offsets[which]};
    struct item member = {0};
    double score = 0;
    zset_walk_next(&walk, &member, &score);
    reply_one(sample, reply, &member, score);
}

static void draw_one(struct sample *sample, struct reply *reply)
{
    if (sample->choice <= CHOOSE_WALK) {
        walk_one(sample, reply);
        return;
    }
    const uint64_t rank = sample->choice == CHOOSE_RANKS ? permuted_rank(sample, sample->drawn)
                                                         : random_below(&sample->random_state, sample->count);
    sample->drawn++;
    if (sample->set == NULL) {
        copied_one(sample, reply, rank);
        return;
    }
    const struct score_item found = score_set_at(sample->set, rank);
    const struct item member = item_of_text(found.member);
    reply_one(sample, reply, &member, found.score);
}

/* --- making and ending one --- */

static size_t copy_bytes(const struct sample *sample)
{
    return sample->count * sizeof *sample->offsets + sample->run.len;
}

static void sample_release(struct sample *sample)
{
    if (sample->offsets != NULL) {
        thread_free(MEM_CLIENT, sample->offsets, copy_bytes(sample));
    }
}

/* A copy of a small sorted set with the place of each member. */
static bool copy_small(struct sample *sample, struct bytes run)
{
    sample->run = run;
    sample->offsets = thread_alloc(MEM_CLIENT, copy_bytes(sample));
    if (sample->offsets == NULL) {
        return false;
    }
    char *copy = (char *)(sample->offsets + sample->count);
    memcpy(copy, run.data, run.len);
    sample->run.data = copy;
    size_t at = 0;
    for (uint64_t i = 0; i < sample->count; i++) {
        sample->offsets[i] = (uint32_t)at;
        at = packed_skip(run, at, 2);
    }
    return true;
}

/* `count`: as asked for, not 0. False: memory refused. */
static bool sample_begin(struct sample *sample, const struct entry *entry, int64_t count, bool has_scores)
{
    *sample = (struct sample){.seed = mix(clock_ticks()), .has_scores = has_scores, .count = zset_count(entry)};
    sample->random_state = mix(sample->seed);
    sample->set = entry_form(entry) == VALUE_FORM_ZSET ? score_set_of(entry_collection(entry)) : NULL;
    if (count < 0) {
        sample->choice = CHOOSE_REPEATED;
        sample->left = 0 - (uint64_t)count;
        return sample->set != NULL || copy_small(sample, entry_packed(entry));
    }
    sample->left = (uint64_t)count < sample->count ? (uint64_t)count : sample->count;
    sample->choice = sample->left == sample->count ? CHOOSE_ALL : sample->set == NULL ? CHOOSE_WALK : CHOOSE_RANKS;
    if (sample->choice != CHOOSE_RANKS) {
        zset_walk_begin(&sample->walk, entry, 0);
        return true;
    }
    sample->half_bits = 1;
    while (UINT64_C(1) << 2 * sample->half_bits < sample->count) {
        sample->half_bits++;
    }
    return true;
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
        reply_header(&work->sample, exec->reply);
    }
    for (unsigned i = 1; work->sample.left > 0; i++) {
        draw_one(&work->sample, exec->reply);
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
    if (sample->set != NULL && !exec_pin(exec, key, entry, &work->pin)) {
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
    struct zset_walk walk;
    struct item member = {0};
    double score;
    zset_walk_begin(&walk, entry, random_below(&state, zset_count(entry)));
    zset_walk_next(&walk, &member, &score);
    reply_item(exec->reply, &member);
}

static void reply_sample(struct exec *exec, struct key key, struct entry *entry, int64_t count, bool has_scores)
{
    if (entry == NULL || count == 0) {
        reply_array(exec->reply, 0);
        return;
    }
    struct sample sample;
    if (!sample_begin(&sample, entry, count, has_scores)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (sample.left > AT_ONCE_MAX && (sample.set != NULL || sample.choice == CHOOSE_REPEATED)) {
        start_sample(exec, key, entry, &sample);
        return;
    }
    reply_header(&sample, exec->reply);
    while (sample.left > 0) {
        draw_one(&sample, exec->reply);
    }
    sample_release(&sample);
}

/* Reads argv[2] and argv[3]; replies the error. */
static bool read_count(struct exec *exec, int64_t *count, bool *has_scores)
{
    if (!exec_int64_argument(exec, 2, count)) {
        return false;
    }
    if (*count == INT64_MIN) {
        reply_error(exec->reply, "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
        return false;
    }
    *has_scores = exec->argc == 4 && bytes_equal_ignore_case(exec->argv[3], BYTES("withscores"));
    if (exec->argc > 3 && !*has_scores) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    if (*has_scores && (*count < -(INT64_MAX / 2) || *count > INT64_MAX / 2)) {
        reply_error(exec->reply, "ERR value is out of range");
        return false;
    }
    return true;
}

static void command_zrandmember(struct exec *exec)
{
    int64_t count = 0;
    bool has_scores = false;
    if (exec->argc > 2 && !read_count(exec, &count, &has_scores)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    if (!check_zset(exec, entry)) {
        return;
    }
    if (exec->argc > 2) {
        reply_sample(exec, key, entry, count, has_scores);
    } else if (entry == NULL) {
        reply_null(exec->reply);
    } else {
        reply_single(exec, entry);
    }
}

const struct command_spec zset_random_commands[] = {
    {.name = "zrandmember", .run = command_zrandmember, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "6.2.0", .group = "sorted-set", .complexity = "O(M*log(N)), M the members returned",
     .summary = "Returns members of a sorted set that are chosen at random.", .syntax = "key [count [WITHSCORES]]",
     .tips = "nondeterministic_output"},
    {0},
};
