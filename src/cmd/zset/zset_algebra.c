/* zset_algebra.c - ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD.
 *
 * All are one machine: sources (sorted sets, or sets whose members have the score 1), an operation that goes over them member by
 * member into a detached sorted set, and an end that replies or stores it. When there is little to do it runs at once in the
 * handler; otherwise the same steps are a job.
 *
 * Threads    The holder of the batons of all keys.
 * Memory     The run is a block of the thread. In a job all keys are pinned: large sources are read where they are, small ones
 *            are copied at the start. The result is in the heap of the destination's shard, or of the first key's.  */
#include "cmd/core/answers.h"
#include "cmd/core/command_name.h"
#include "cmd/core/find.h"
#include "cmd/core/limits.h"
#include "cmd/core/store.h"
#include "cmd/core/reply_item.h"
#include "cmd/zset/zset_rows.h"
#include "data/set.h"
#include "data/zset.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    ALGEBRA_DIRECT_ITEMS = 1000, /* members of all sources together that are gone over in the handler */
    ALGEBRA_LOOK_ITEMS = 32,     /* between two looks at the clock */
};

enum operation { OPERATION_UNION, OPERATION_INTER, OPERATION_DIFF };
enum aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };
enum phase { PHASE_COMBINE, PHASE_REPLY_HEAD, PHASE_REPLY, PHASE_STORE };

/* What a command wants. */
struct algebra_kind {
    enum operation operation;
    bool is_stored;  /* argv[1] is the destination */
    bool is_counted; /* ZINTERCARD */
    enum event event;
};

/* One input. A small one is `entry`, the key's own or that of `copy`; a large one is `scores` or `members`. */
struct source {
    uint32_t key_index;          /* in argv */
    uint32_t order;              /* among the keys as they were given */
    const struct entry *entry;
    struct score_set *scores;
    struct member_table *members;
    bool is_set;
    double weight;
    uint64_t count;
    struct pin pin;
    struct value copy;           /* in a job */
};

struct algebra {
    struct job job;
    const struct algebra_kind *kind;
    bool is_direct;              /* in the handler: no looks at the clock */
    bool has_scores;             /* WITHSCORES */
    enum aggregate aggregate;
    enum phase phase;
    int64_t limit;               /* ZINTERCARD's; 0: none */
    struct encoding_limits limits; /* while the result is made; see use_large_form */
    bool is_large_form;
    struct pin pin;              /* of the destination, or of nothing but the result's shard */
    struct value result;
    bool is_late;                /* the sources may have changed since the result was made of them */
    uint64_t counted;            /* ZINTERCARD's answer */
    uint32_t at_source;          /* the source that is walked */
    bool is_walking;
    union {
        struct zset_walk zset;
        struct set_walk set;
        struct score_walk scores;
        struct member_walk members;
    } walk;
    struct zset_walk reply_walk;
    uint32_t source_count;
    struct source sources[];
};

static size_t algebra_bytes(uint32_t source_count)
{
    return sizeof(struct algebra) + source_count * sizeof(struct source);
}

/* --- sources --- */

static void source_begin_walk(struct algebra *run, const struct source *source)
{
    if (source->scores != NULL) {
        score_walk_begin(&run->walk.scores, source->scores, 0);
    } else if (source->members != NULL) {
        member_walk_begin(&run->walk.members, source->members);
    } else if (source->is_set) {
        set_walk_begin(&run->walk.set, source->entry);
    } else {
        zset_walk_begin(&run->walk.zset, source->entry, 0);
    }
}

static bool source_next(struct algebra *run, const struct source *source, struct item *member, double *score)
{
    *score = 1;
    if (source->scores != NULL) {
        struct score_item item;
        if (!score_walk_next(&run->walk.scores, &item)) {
            return false;
        }
        *member = item_of_text(item.member);
        *score = item.score;
        return true;
    }
    if (source->members != NULL) {
        return member_walk_next(&run->walk.members, member, NULL);
    }
    return source->is_set ? set_walk_next(&run->walk.set, member) : zset_walk_next(&run->walk.zset, member, score);
}

/* True when the source has the member; then its score. */
static bool source_find(const struct source *source, struct bytes member, double *score)
{
    *score = 1;
    if (source->count == 0) {
        return false;
    }
    if (source->is_set) {
        const struct item item = set_member(member);
        return source->members != NULL ? member_table_find(source->members, &item, NULL) : set_contains(source->entry, &item);
    }
    if (source->scores == NULL) {
        return zset_score(source->entry, member, score);
    }
    struct score_place place;
    if (!score_set_find(source->scores, member, &place)) {
        return false;
    }
    *score = place.score;
    return true;
}

/* Looks the key up. False: it holds another type, which was replied. */
static bool source_open(struct exec *exec, struct source *source)
{
    const struct key key = exec_key(exec, source->key_index);
    const struct entry *entry = exec_find_read(exec, key);
    source->weight = 1;
    if (entry == NULL) {
        return true;
    }
    if (entry_type(entry) != VALUE_SET && entry_type(entry) != VALUE_ZSET) {
        reply_error(exec->reply, ERROR_WRONG_TYPE);
        return false;
    }
    source->is_set = entry_type(entry) == VALUE_SET;
    source->count = source->is_set ? set_count(entry) : zset_count(entry);
    if (!form_is_apart(entry_form(entry))) {
        source->entry = entry;
    } else if (source->is_set) {
        source->members = member_table_of(entry_collection(entry));
    } else {
        source->scores = score_set_of(entry_collection(entry));
    }
    return true;
}

/* Smallest first; equal ones as they were given. */
static int compare_sources(const void *a, const void *b)
{
    const struct source *x = a;
    const struct source *y = b;
    if (x->count != y->count) {
        return x->count < y->count ? -1 : 1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

/* --- combining --- */

/* A product or sum that is not a number counts as 0. */
static double or_zero(double score)
{
    return isnan(score) ? 0 : score;
}

static double aggregate(enum aggregate how, double a, double b)
{
    switch (how) {
    case AGGREGATE_SUM:
        return or_zero(a + b);
    case AGGREGATE_MIN:
        return b < a ? b : a;
    case AGGREGATE_MAX:
        return b > a ? b : a;
    }
    return a;
}

static enum result add_to_union(struct algebra *run, struct bytes member, double score)
{
    struct zset_place place;
    if (!zset_find(&run->result, member, &place)) {
        return zset_add(&run->result, &run->limits, &place, score);
    }
    const double sum = aggregate(run->aggregate, place.score, score);
    if (sum != place.score) {
        return zset_move(&run->result, &place, sum);
    }
    if (signbit(sum) == signbit(place.score)) {
        return RESULT_OK;
    }
    /* -0 becomes 0: for a sorted set that is no move. */
    const enum result result = zset_remove(&run->result, &place);
    return result == RESULT_OK ? zset_put(&run->result, &run->limits, member, sum) : result;
}

/* Takes a member of the first source: into the result if all others have it. */
static enum result add_to_inter(struct algebra *run, struct bytes member, double found)
{
    double score = or_zero(found * run->sources[0].weight);
    for (uint32_t i = 1; i < run->source_count; i++) {
        double other;
        if (!source_find(&run->sources[i], member, &other)) {
            return RESULT_OK;
        }
        score = aggregate(run->aggregate, score, other * run->sources[i].weight);
    }
    run->counted++;
    return run->kind->is_counted ? RESULT_OK : zset_put(&run->result, &run->limits, member, score);
}

/* Takes a member of the first source: into the result if no other has it. */
static enum result add_to_diff(struct algebra *run, struct bytes member, double score)
{
    for (uint32_t i = 1; i < run->source_count; i++) {
        double other;
        if (source_find(&run->sources[i], member, &other)) {
            return RESULT_OK;
        }
    }
    return run->sources[0].is_set ? zset_put(&run->result, &run->limits, member, score)
                                  : zset_append(&run->result, &run->limits, member, score);
}

static enum result add_member(struct algebra *run, const struct source *source, struct bytes member, double score)
{
    switch (run->kind->operation) {
    case OPERATION_UNION:
        return add_to_union(run, member, or_zero(score * source->weight));
    case OPERATION_INTER:
        return add_to_inter(run, member, score);
    case OPERATION_DIFF:
        return add_to_diff(run, member, score);
    }
    return RESULT_OK;
}

/* The last source that is walked, plus one: the others are only asked. */
static uint32_t walked_sources(const struct algebra *run)
{
    if (run->kind->operation == OPERATION_UNION) {
        return run->source_count;
    }
    return run->sources[0].count == 0 ? 0 : 1;
}

static bool is_over(const struct algebra *run, const struct exec *exec)
{
    return !run->is_direct && exec_step_is_over(exec);
}

/* Goes over some members. *is_done: over all of them. */
static enum result combine(struct algebra *run, struct exec *exec, bool *is_done)
{
    struct item member;
    double score;
    char scratch[ITEM_SCRATCH];
    *is_done = false;
    for (unsigned i = 1; run->at_source < walked_sources(run); i++) {
        const struct source *source = &run->sources[run->at_source];
        if (!run->is_walking && source->count > 0) {
            source_begin_walk(run, source);
        }
        run->is_walking = source->count > 0 && source_next(run, source, &member, &score);
        if (!run->is_walking) {
            run->at_source++;
            continue;
        }
        const enum result result = add_member(run, source, item_text(&member, scratch), score);
        if (result != RESULT_OK) {
            return result;
        }
        if (run->limit > 0 && run->counted == (uint64_t)run->limit) {
            break;
        }
        if (i % ALGEBRA_LOOK_ITEMS == 0 && is_over(run, exec)) {
            return RESULT_OK;
        }
    }
    *is_done = true;
    return RESULT_OK;
}

/* --- the end --- */

static void reply_head(struct algebra *run, struct exec *exec)
{
    const uint64_t count = run->result.entry == NULL ? 0 : zset_value_count(&run->result);
    reply_array(exec->reply, run->has_scores && exec->reply->protocol == 2 ? 2 * count : count);
    if (count > 0) {
        zset_walk_begin(&run->reply_walk, run->result.entry, 0);
    }
}

static enum job_status reply_members(struct algebra *run, struct exec *exec)
{
    struct item member;
    double score;
    if (run->result.entry == NULL) {
        return JOB_DONE;
    }
    for (unsigned i = 1; zset_walk_next(&run->reply_walk, &member, &score); i++) {
        if (run->has_scores && exec->reply->protocol > 2) {
            reply_array(exec->reply, 2);
        }
        reply_item(exec->reply, &member);
        if (run->has_scores) {
            reply_double(exec->reply, score);
        }
        if (i % ALGEBRA_LOOK_ITEMS == 0 && is_over(run, exec)) {
            return JOB_MORE;
        }
    }
    return JOB_DONE;
}

static void store_result(struct algebra *run, struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    struct keyspace *ks = exec_keyspace(exec, key);
    struct entry *existing = exec_find_write(exec, key);
    if (run->result.entry == NULL) {
        if (existing != NULL) {
            delete_found(exec, key);
        }
        reply_integer(exec->reply, 0);
        return;
    }
    const uint64_t count = zset_value_count(&run->result);
    const struct encoding_limits limits = exec_limits(exec);
    enum result result = run->is_large_form ? zset_settle(&run->result, &limits) : RESULT_OK;
    if (result == RESULT_OK) {
        result = value_store(&run->result, ks, key, existing);
    }
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, key, run->kind->event);
    give_stored(exec, key, run->is_late);
    reply_integer(exec->reply, (int64_t)count);
}

static void unpin_sources(struct algebra *run, struct exec *exec)
{
    for (uint32_t i = 0; i < run->source_count; i++) {
        exec_unpin(exec, &run->sources[i].pin);
    }
}

/* Are all sources of a job still there, and pinned? */
static bool sources_stand(const struct algebra *run, const struct exec *exec)
{
    for (uint32_t i = 0; i < run->source_count; i++) {
        const struct source *source = &run->sources[i];
        if (source->pin.shard == NULL || (source->count > 0 && !pinned_stands(exec, exec_key(exec, source->key_index)))) {
            return false;
        }
    }
    return true;
}

static enum job_status store(struct algebra *run, struct exec *exec)
{
    run->is_late = !run->is_direct && !sources_stand(run, exec);
    unpin_sources(run, exec);
    if (!exec_claim(exec, exec_key(exec, 1), &run->pin)) {
        return JOB_WAIT;
    }
    exec_unpin(exec, &run->pin);
    store_result(run, exec);
    return JOB_DONE;
}

static enum phase phase_after_combining(const struct algebra *run)
{
    return run->kind->is_stored ? PHASE_STORE : PHASE_REPLY_HEAD;
}

static enum job_status algebra_step(struct job *job, struct exec *exec)
{
    struct algebra *run = (struct algebra *)job;
    if (run->phase == PHASE_COMBINE) {
        bool is_done;
        const enum result result = combine(run, exec, &is_done);
        if (result != RESULT_OK) {
            reply_result_error(exec->reply, result);
            return JOB_DONE;
        }
        if (!is_done) {
            return JOB_MORE;
        }
        run->phase = phase_after_combining(run);
    }
    if (run->phase == PHASE_STORE) {
        return store(run, exec);
    }
    if (run->kind->is_counted) {
        reply_integer(exec->reply, (int64_t)run->counted);
        return JOB_DONE;
    }
    if (run->phase == PHASE_REPLY_HEAD) {
        reply_head(run, exec);
        run->phase = PHASE_REPLY;
    }
    return reply_members(run, exec);
}

static void algebra_destroy(struct job *job, struct exec *exec)
{
    struct algebra *run = (struct algebra *)job;
    unpin_sources(run, exec);
    exec_unpin(exec, &run->pin);
    for (uint32_t i = 0; i < run->source_count; i++) {
        if (run->sources[i].copy.entry != NULL) {
            value_remove(&run->sources[i].copy);
        }
    }
    if (run->result.entry != NULL) {
        value_remove(&run->result);
    }
    thread_free(MEM_CLIENT, run, algebra_bytes(run->source_count));
}

/* --- the arguments --- */

/* True when argv[index] is this word, case ignored. */
static bool is_word(const struct exec *exec, uint32_t index, const char *word)
{
    return bytes_equal_ignore_case(exec->argv[index], bytes_of_string(word));
}

static bool read_weights(struct exec *exec, struct algebra *run, uint32_t first)
{
    for (uint32_t i = 0; i < run->source_count; i++) {
        if (!double_parse(exec->argv[first + i], &run->sources[i].weight)) {
            reply_error(exec->reply, "ERR weight value is not a float");
            return false;
        }
    }
    return true;
}

static bool read_aggregate(struct exec *exec, struct algebra *run, uint32_t index)
{
    static const char *const names[] = {[AGGREGATE_SUM] = "SUM", [AGGREGATE_MIN] = "MIN", [AGGREGATE_MAX] = "MAX"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (is_word(exec, index, names[i])) {
            run->aggregate = (enum aggregate)i;
            return true;
        }
    }
    reply_error(exec->reply, ERROR_SYNTAX);
    return false;
}

static bool read_limit(struct exec *exec, struct algebra *run, uint32_t index)
{
    if (int64_parse(exec->argv[index], &run->limit) && run->limit >= 0) {
        return true;
    }
    reply_error(exec->reply, "ERR LIMIT can't be negative");
    return false;
}

/* Reads one option at *at, which moves behind it; replies the error. */
static bool read_option(struct exec *exec, struct algebra *run, uint32_t *at)
{
    const struct algebra_kind *kind = run->kind;
    const uint32_t left = exec->argc - *at;
    const uint32_t value = *at + 1;
    const bool has_weights = kind->operation != OPERATION_DIFF && !kind->is_counted;
    if (has_weights && left > run->source_count && is_word(exec, *at, "WEIGHTS")) {
        *at += 1 + run->source_count;
        return read_weights(exec, run, value);
    }
    if (has_weights && left >= 2 && is_word(exec, *at, "AGGREGATE")) {
        *at += 2;
        return read_aggregate(exec, run, value);
    }
    if (!kind->is_stored && !kind->is_counted && is_word(exec, *at, "WITHSCORES")) {
        *at += 1;
        run->has_scores = true;
        return true;
    }
    if (kind->is_counted && left >= 2 && is_word(exec, *at, "LIMIT")) {
        *at += 2;
        return read_limit(exec, run, value);
    }
    reply_error(exec->reply, ERROR_SYNTAX);
    return false;
}

/* The number of sources; replies the error. */
static bool read_source_count(struct exec *exec, uint32_t index, uint32_t *out)
{
    int64_t count;
    if (!exec_int64_argument(exec, index, &count)) {
        return false;
    }
    if (count < 1) {
        char name[COMMAND_NAME_MAX];
        command_full_name(exec->spec, name);
        reply_errorf(exec->reply, "ERR at least 1 input key is needed for '%s' command", name);
        return false;
    }
    if (count > (int64_t)exec->argc - (int64_t)index - 1) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    *out = (uint32_t)count;
    return true;
}

/* Looks the sources up and reads the options behind them; replies the error. */
static bool read_arguments(struct exec *exec, struct algebra *run, uint32_t first)
{
    for (uint32_t i = 0; i < run->source_count; i++) {
        run->sources[i].key_index = first + i;
        run->sources[i].order = i;
        if (!source_open(exec, &run->sources[i])) {
            return false;
        }
    }
    uint32_t at = first + run->source_count;
    while (at < exec->argc) {
        if (!read_option(exec, run, &at)) {
            return false;
        }
    }
    if (run->kind->operation != OPERATION_DIFF) {
        qsort(run->sources, run->source_count, sizeof run->sources[0], compare_sources);
    }
    return true;
}

/* --- the beginning --- */

/* A small sorted set cannot hold -0, but Redis replies it, and adds with it until it stores the result. So where one may come up
 * the result is made in the large form.  */
static void use_large_form(struct algebra *run)
{
    for (uint32_t i = 0; i < run->source_count; i++) {
        run->is_large_form |= run->sources[i].weight != 1 || run->sources[i].scores != NULL;
    }
    if (run->is_large_form) {
        run->limits.zset_max_listpack_entries = 0;
    }
}

/* Pins all keys and copies what stands in entries. False: it must wait, or memory was refused, which was replied. */
static bool prepare_job(struct exec *exec, struct algebra *run, uint32_t first_key)
{
    const struct key key = exec_key(exec, first_key);
    struct entry *existing = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    if (!exec_pin(exec, key, run->kind->is_stored ? existing : NULL, &run->pin)) {
        return false;
    }
    for (uint32_t i = 0; i < run->source_count; i++) {
        struct source *source = &run->sources[i];
        const struct key source_key = exec_key(exec, source->key_index);
        struct keyspace *ks = exec_keyspace(exec, source_key);
        struct entry *entry = keyspace_find(ks, source_key, exec->now_ms);
        if (!exec_pin(exec, source_key, entry, &source->pin)) {
            return false;
        }
        if (source->entry == NULL) {
            continue;
        }
        if (value_clone(&source->copy, ks->heap, ks->secret, source->entry) != RESULT_OK) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
            return false;
        }
        source->entry = source->copy.entry;
    }
    run->job = (struct job){algebra_step, algebra_destroy, exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number};
    return true;
}

static bool is_little(const struct algebra *run)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < run->source_count; i++) {
        total += run->sources[i].count;
    }
    return total <= ALGEBRA_DIRECT_ITEMS;
}

static void run_algebra(struct exec *exec, const struct algebra_kind *kind)
{
    const uint32_t count_index = kind->is_stored ? 2 : 1;
    uint32_t source_count;
    if (!read_source_count(exec, count_index, &source_count)) {
        return;
    }
    struct algebra *run = thread_alloc_zeroed(MEM_CLIENT, algebra_bytes(source_count));
    if (run == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    const uint32_t first_key = kind->is_stored ? 1 : count_index + 1;
    struct keyspace *ks = exec_keyspace(exec, exec_key(exec, first_key));
    run->kind = kind;
    run->limits = exec_limits(exec);
    run->source_count = source_count;
    value_open_detached_for(&run->result, ks);
    bool is_job = false;
    if (read_arguments(exec, run, count_index + 1)) {
        use_large_form(run);
        run->is_direct = is_little(run);
        is_job = !run->is_direct && prepare_job(exec, run, first_key);
    }
    if (is_job) {
        exec_start_job(exec, &run->job);
        return;
    }
    if (run->is_direct) {
        const enum job_status status = algebra_step(&run->job, exec);
        assert(status == JOB_DONE);
    }
    algebra_destroy(&run->job, exec);
}

static void command_zunion(struct exec *exec)
{
    static const struct algebra_kind kind = {.operation = OPERATION_UNION};
    run_algebra(exec, &kind);
}

static void command_zinter(struct exec *exec)
{
    static const struct algebra_kind kind = {.operation = OPERATION_INTER};
    run_algebra(exec, &kind);
}

static void command_zdiff(struct exec *exec)
{
    static const struct algebra_kind kind = {.operation = OPERATION_DIFF};
    run_algebra(exec, &kind);
}

static void command_zintercard(struct exec *exec)
{
    static const struct algebra_kind kind = {.operation = OPERATION_INTER, .is_counted = true};
    run_algebra(exec, &kind);
}

static void command_zunionstore(struct exec *exec)
{
    static const struct algebra_kind kind = {.operation = OPERATION_UNION, .is_stored = true, .event = EVENT_ZUNIONSTORE};
    run_algebra(exec, &kind);
}

static void command_zinterstore(struct exec *exec)
{
    static const struct algebra_kind kind = {.operation = OPERATION_INTER, .is_stored = true, .event = EVENT_ZINTERSTORE};
    run_algebra(exec, &kind);
}

static void command_zdiffstore(struct exec *exec)
{
    static const struct algebra_kind kind = {.operation = OPERATION_DIFF, .is_stored = true, .event = EVENT_ZDIFFSTORE};
    run_algebra(exec, &kind);
}

static const struct command_key_spec read_key_specs[] = {
    {.flags = "RO access", .index = 1, .search = KEYS_COUNTED, .first = 1, .step = 1},
    {0},
};

static const struct command_key_spec store_key_specs[] = {
    {.flags = "OW update", .index = 1, .search = KEYS_RANGE, .step = 1},
    {.flags = "RO access", .index = 2, .search = KEYS_COUNTED, .first = 1, .step = 1},
    {0},
};

#define ALGEBRA_READ .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_MOVABLE_KEYS, .arity = -3, .group = "sorted-set", \
                     .key_specs = read_key_specs
#define ALGEBRA_STORE .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_MOVABLE_KEYS, .arity = -4, \
                      .keys = {1, 1, 1}, .group = "sorted-set", .key_specs = store_key_specs
#define SYNTAX_WEIGHTS "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]"
#define COST_UNION "O(N)+O(M*log(M)), N the members of all sources, M those of the result"
#define COST_INTER "O(N*K)+O(M*log(M)), N the members of the smallest source, K the sources, M the members of the result"
#define COST_DIFF "O(N*K), N the members of the first source, K the sources"

const struct command_spec zset_algebra_commands[] = {
    {.name = "zdiff", .run = command_zdiff, ALGEBRA_READ, .since = "6.2.0", .complexity = COST_DIFF,
     .summary = "Returns the members of the first sorted set that are in none of the others.",
     .syntax = "numkeys key [key ...] [WITHSCORES]"},
    {.name = "zdiffstore", .run = command_zdiffstore, ALGEBRA_STORE, .since = "6.2.0", .complexity = COST_DIFF,
     .summary = "Stores the members of the first sorted set that are in none of the others.",
     .syntax = "destination numkeys key [key ...]"},
    {.name = "zinter", .run = command_zinter, ALGEBRA_READ, .since = "6.2.0", .complexity = COST_INTER,
     .summary = "Returns the members that all of the sorted sets have, with scores made of theirs.",
     .syntax = SYNTAX_WEIGHTS " [WITHSCORES]"},
    {.name = "zintercard", .run = command_zintercard, ALGEBRA_READ, .since = "7.0.0",
     .complexity = "O(N*K), N the members of the smallest source, K the sources",
     .summary = "Counts the members that all of the sorted sets have, up to a limit if wanted.",
     .syntax = "numkeys key [key ...] [LIMIT limit]"},
    {.name = "zinterstore", .run = command_zinterstore, ALGEBRA_STORE, .since = "2.0.0", .complexity = COST_INTER,
     .summary = "Stores the members that all of the sorted sets have, with scores made of theirs.",
     .syntax = "destination " SYNTAX_WEIGHTS},
    {.name = "zunion", .run = command_zunion, ALGEBRA_READ, .since = "6.2.0", .complexity = COST_UNION,
     .summary = "Returns the members that any of the sorted sets has, with scores made of theirs.",
     .syntax = SYNTAX_WEIGHTS " [WITHSCORES]"},
    {.name = "zunionstore", .run = command_zunionstore, ALGEBRA_STORE, .since = "2.0.0", .complexity = COST_UNION,
     .summary = "Stores the members that any of the sorted sets has, with scores made of theirs.",
     .syntax = "destination " SYNTAX_WEIGHTS},
    {0},
};
