/* sort.c - SORT and SORT_RO: the elements of a list, set or sorted set in order, and what keys named after them hold.
 *
 * Phases: collect copies of the elements; weigh them (BY, scores); sort; put out (reply or store). A short sort does all of
 * them in the handler. A longer one is a job, with the sorted key pinned while it collects; its result is a detached list,
 * which becomes the destination at the end.
 *
 * A job that looks up other keys (BY, GET) sees them and the sorted key at one moment. Which keys those are is not known before, so it locks
 * all keys (shared: whoever reads goes on, whoever writes waits) from its first look to its last one. Who has a lock may wait for
 * nothing else, so what GET gives for a result to be stored is fetched first (SORT_FETCHES), and the destination pinned when the lock is gone.
 *
 * Threads    The holder of the key's baton; of all, when BY, GET or STORE reach further.
 * Memory     The vector is the thread's own; the detached list lies in the destination's heap, and pins that key.
 * Limits     SORT_INLINE_MAX elements in a handler; SORT_STEP of them between two looks at the clock.
 * Read on    sort_vector.h, sort_pattern.h.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/core/effects.h"
#include "cmd/core/find.h"
#include "cmd/core/limits.h"
#include "cmd/core/option.h"
#include "cmd/sort/sort_pattern.h"
#include "cmd/sort/sort_rows.h"
#include "cmd/sort/sort_vector.h"
#include "data/list.h"
#include "data/set.h"
#include "data/zset.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum { SORT_INLINE_MAX = 256, SORT_STEP = 16, SORT_MERGE_STEP = 256, SORT_SEEK_NODES = 64 };

/* --- options --- */

enum sort_flag {
    SORT_ASC = 1 << 0,
    SORT_DESC = 1 << 1,
    SORT_ALPHA = 1 << 2,
    SORT_LIMIT = 1 << 3,
    SORT_STORE = 1 << 4,
    SORT_BY = 1 << 5,
    SORT_GET = 1 << 6,
};

static const struct option sort_options[] = {
    {"ASC", .sets = SORT_ASC},
    {"DESC", .sets = SORT_DESC},
    {"ALPHA", .sets = SORT_ALPHA},
    {"STORE", .sets = SORT_STORE, .has_value = true},
    {"BY", .sets = SORT_BY, .has_value = true},
    {"GET", .sets = SORT_GET, .has_value = true},
    {0},
};

/* What is asked for. Words by their places: they move between the steps of a job. */
struct sort_request {
    bool is_descending;
    bool is_alpha;
    bool is_unsorted;      /* BY a constant */
    uint32_t by_at;        /* 0: the elements themselves */
    uint32_t store_at;     /* 0: a reply */
    uint32_t get_count;
    bool has_lookups;      /* other keys are looked up */
    int64_t limit_first, limit_count; /* as given */
};

/* Takes the next option of SORT, LIMIT included. False: no word is left, or one that fits nothing; or LIMIT's numbers are none:
 * then the error is replied, and *is_refused.  */
static bool next_option(struct exec *exec, struct option_walk *walk, struct sort_request *request, bool *is_refused)
{
    if (walk->at < exec->argc && bytes_equal_ignore_case(exec->argv[walk->at], BYTES("LIMIT")) && exec->argc - walk->at > 2) {
        *is_refused = !exec_int64_argument(exec, walk->at + 1, &request->limit_first) ||
                      !exec_int64_argument(exec, walk->at + 2, &request->limit_count);
        walk->at += 3;
        walk->option = NULL;
        return !*is_refused;
    }
    return option_next(exec, sort_options, walk);
}

static void note_option(const struct exec *exec, const struct option_walk *walk, struct sort_request *request)
{
    switch ((enum sort_flag)walk->option->sets) {
    case SORT_ASC: request->is_descending = false; break;
    case SORT_DESC: request->is_descending = true; break;
    case SORT_ALPHA: request->is_alpha = true; break;
    case SORT_STORE: request->store_at = walk->value; break;
    case SORT_GET:
        request->get_count++;
        request->has_lookups = request->has_lookups || sort_is_pattern(exec->argv[walk->value]);
        break;
    case SORT_BY:
        request->by_at = walk->value;
        request->is_unsorted = request->is_unsorted || !sort_is_pattern(exec->argv[walk->value]);
        break;
    case SORT_LIMIT: break;
    }
}

/* Reads argv[2...]; replies the error. */
static bool read_request(struct exec *exec, struct sort_request *out)
{
    const bool is_readonly = (exec->spec->flags & COMMAND_READONLY) != 0;
    struct option_walk walk = {.at = 2};
    bool is_refused = false;
    *out = (struct sort_request){.limit_count = -1};
    while (next_option(exec, &walk, out, &is_refused)) {
        if (walk.option != NULL && is_readonly && walk.option->sets == SORT_STORE) {
            walk.at = 2;
            break;
        }
        if (walk.option != NULL) {
            note_option(exec, &walk, out);
        }
    }
    if (walk.at < exec->argc && !is_refused) {
        reply_error(exec->reply, ERROR_SYNTAX);
    }
    out->has_lookups = out->has_lookups || (out->by_at != 0 && !out->is_unsorted);
    return walk.at == exec->argc && !is_refused;
}

/* --- a sort under way --- */

enum sort_phase { SORT_LOCKS, SORT_COLLECTS, SORT_WEIGHS, SORT_ORDERS, SORT_FETCHES, SORT_PUTS_OUT, SORT_ENDS, SORT_FREES };

struct sort {
    struct job job;
    int32_t shard;             /* where the keys are: one shard's number, or JOB_ALL_SHARDS */
    struct sort_request request;
    enum sort_phase phase;
    struct key_lock lock;      /* of all keys */
    bool is_locked;
    enum sort_order order;
    struct sort_vector vector;
    /* collecting */
    enum value_type type;
    uint64_t wanted;           /* elements yet to be collected */
    struct pin pin;            /* of the sorted key, while it is being read in steps */
    union {
        struct list_walk list;
        struct set_walk set;
        struct zset_walk zset;
    } walk;
    bool has_walk;
    /* weighing */
    uint32_t at;
    bool has_bad_score;
    struct sort_vector fetched; /* what is to be stored, by GET */
    /* putting out: ranks */
    uint32_t rank, end;
    bool has_header;
    struct value result;       /* STORE */
    struct pin result_pin;
    bool has_result;
};

static bool step_is_over(const struct exec *exec)
{
    return exec->job != NULL && exec_step_is_over(exec);
}

static void end_walk(struct sort *sort, struct exec *exec)
{
    if (sort->has_walk && sort->type == VALUE_LIST) {
        list_walk_end(&sort->walk.list);
    }
    sort->has_walk = false;
    exec_unpin(exec, &sort->pin);
}

/* All keys that are looked up have been. */
static void unlock(struct sort *sort, struct exec *exec)
{
    if (sort->is_locked) {
        exec_unlock(exec, &sort->lock);
        sort->is_locked = false;
    }
}

static void drop_result(struct sort *sort, struct exec *exec)
{
    if (sort->has_result) {
        value_remove(&sort->result);
        sort->has_result = false;
    }
    exec_unpin(exec, &sort->result_pin);
}

/* Nothing of the keyspace is held any more: only the vector is left to be freed. */
static enum job_status give_up(struct sort *sort, struct exec *exec, const char *error)
{
    end_walk(sort, exec);
    drop_result(sort, exec);
    unlock(sort, exec);
    if (error != NULL) {
        reply_error(exec->reply, error);
    }
    sort->phase = SORT_FREES;
    return JOB_MORE;
}

/* --- collecting --- */

/* The ranks that LIMIT leaves of `count` elements. */
static void limit_range(const struct sort_request *request, uint64_t count, uint64_t *first, uint64_t *end)
{
    *first = request->limit_first < 0 ? 0 : (uint64_t)request->limit_first;
    *first = *first < count ? *first : count;
    const uint64_t left = count - *first;
    *end = *first + (request->limit_count < 0 || (uint64_t)request->limit_count > left ? left : (uint64_t)request->limit_count);
}

static bool walk_next(struct sort *sort, struct item *item)
{
    double score;
    switch (sort->type) {
    case VALUE_LIST: return list_walk_next(&sort->walk.list, item);
    case VALUE_SET: return set_walk_next(&sort->walk.set, item);
    default:
        return sort->request.is_unsorted && sort->request.is_descending ? zset_walk_previous(&sort->walk.zset, item, &score)
                                                                         : zset_walk_next(&sort->walk.zset, item, &score);
    }
}

static uint64_t element_count(const struct entry *entry)
{
    switch (entry_type(entry)) {
    case VALUE_LIST: return list_count(entry);
    case VALUE_SET: return set_count(entry);
    default: return zset_count(entry);
    }
}

/* Begins the walk. Where the type has an order that is to be kept, it goes over those elements only that are wanted. */
static void begin_walk(struct sort *sort, const struct entry *entry)
{
    const uint64_t count = element_count(entry);
    const bool is_backward = sort->request.is_unsorted && sort->request.is_descending;
    uint64_t first, end;
    limit_range(&sort->request, count, &first, &end);
    sort->type = entry_type(entry);
    sort->has_walk = true;
    if (sort->type == VALUE_SET || !sort->request.is_unsorted) {
        sort->rank = (uint32_t)first;
        sort->end = (uint32_t)end;
        sort->wanted = count;
        first = 0;
    } else {
        sort->end = (uint32_t)(end - first);
        sort->wanted = end - first;
    }
    switch (sort->type) {
    case VALUE_LIST:
        list_walk_begin(&sort->walk.list, entry, is_backward && first < count ? count - 1 - first : first,
                        is_backward ? LIST_TAIL : LIST_HEAD);
        break;
    case VALUE_SET: set_walk_begin(&sort->walk.set, entry); break;
    default: zset_walk_begin(&sort->walk.zset, entry, is_backward ? count - first : first); break;
    }
}

/* Where the elements, or what GET gives for them, go. */
static enum sort_phase phase_of_output(const struct sort *sort)
{
    return sort->is_locked && sort->request.store_at != 0 && sort->request.get_count > 0 ? SORT_FETCHES : SORT_PUTS_OUT;
}

static enum job_status collect(struct sort *sort, struct exec *exec)
{
    while (sort->type == VALUE_LIST && !list_walk_seek(&sort->walk.list, SORT_SEEK_NODES)) {
        if (step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    while (sort->wanted > 0) {
        struct item item;
        char scratch[ITEM_SCRATCH];
        if (!walk_next(sort, &item) || !sort_vector_add(&sort->vector, item_text(&item, scratch))) {
            return give_up(sort, exec, ERROR_NO_MEMORY);
        }
        sort->wanted--;
        if (sort->wanted % SORT_STEP == 0 && sort->pin.shard != NULL && step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    end_walk(sort, exec);
    sort->phase = sort->request.is_unsorted ? phase_of_output(sort) : SORT_WEIGHS;
    return JOB_MORE;
}

/* --- weighing and sorting --- */

/* False: memory was refused. */
static bool weigh(struct sort *sort, struct exec *exec, const struct sort_pattern *by, uint32_t index)
{
    struct sort_element *element = &sort->vector.elements[index];
    struct bytes text = element->text;
    char scratch[ITEM_SCRATCH];
    const enum sort_found found = by == NULL ? SORT_FOUND : sort_pattern_find(exec, by, text, scratch, &text);
    if (found != SORT_FOUND) {
        return found == SORT_FOUND_NOTHING;
    }
    if (by != NULL && !sort_vector_weigh(&sort->vector, index, text)) { /* a copy: a NUL follows it */
        return false;
    }
    if (!sort->request.is_alpha) {
        double score = 0;
        sort->has_bad_score = !sort_score_parse(by == NULL ? text : element->weight, &score) || sort->has_bad_score;
        element->score = score;
    }
    return true;
}

static enum sort_order order_of(const struct sort_request *request)
{
    if (!request->is_alpha) {
        return SORT_BY_SCORE;
    }
    if (request->by_at == 0) {
        return request->store_at == 0 ? SORT_BY_TEXT : SORT_BY_TEXT_EXACT;
    }
    return request->store_at == 0 ? SORT_BY_WEIGHT : SORT_BY_WEIGHT_EXACT;
}

static enum job_status weigh_all(struct sort *sort, struct exec *exec)
{
    const bool has_by = sort->request.by_at != 0;
    const bool is_needed = has_by || !sort->request.is_alpha;
    struct sort_pattern by = {0};
    if (has_by) {
        by = sort_pattern_parse(exec->argv[sort->request.by_at]);
    }
    for (; is_needed && sort->at < sort->vector.count; sort->at++) {
        if (sort->at % SORT_STEP == 0 && step_is_over(exec)) {
            return JOB_MORE;
        }
        if (!weigh(sort, exec, has_by ? &by : NULL, sort->at)) {
            return give_up(sort, exec, ERROR_NO_MEMORY);
        }
    }
    if (sort->has_bad_score) {
        return give_up(sort, exec, "ERR One or more scores can't be converted into double");
    }
    if (!sort_vector_begin(&sort->vector)) {
        return give_up(sort, exec, ERROR_NO_MEMORY);
    }
    if (sort->request.get_count == 0) {
        unlock(sort, exec);
    }
    sort->order = order_of(&sort->request);
    sort->phase = SORT_ORDERS;
    return JOB_MORE;
}

static enum job_status put_in_order(struct sort *sort, struct exec *exec)
{
    while (!sort_vector_run(&sort->vector, sort->order, sort->request.is_descending, SORT_MERGE_STEP)) {
        if (step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    sort->phase = phase_of_output(sort);
    return JOB_MORE;
}

/* --- putting out --- */

static bool begin_result(struct sort *sort, struct exec *exec)
{
    struct key key = exec_key_of(exec, exec->argv[sort->request.store_at]);
    struct keyspace *ks = exec_keyspace(exec, key);
    if (exec->job != NULL && !exec_pin(exec, key, NULL, &sort->result_pin)) {
        return false;
    }
    value_open_detached_for(&sort->result, ks);
    sort->has_result = true;
    return true;
}

/* One element of the result; NULL: there is none. False: memory was refused. */
static bool put_text(struct sort *sort, struct exec *exec, const struct bytes *text)
{
    if (sort->phase == SORT_FETCHES) {
        return sort_vector_add(&sort->fetched, text == NULL ? BYTES("") : *text);
    }
    if (!sort->has_result) {
        if (text == NULL) {
            reply_null(exec->reply);
        } else {
            reply_bulk(exec->reply, *text);
        }
        return true;
    }
    const struct encoding_limits limits = exec_limits(exec);
    return list_push(&sort->result, &limits, LIST_TAIL, text == NULL ? BYTES("") : *text) == RESULT_OK;
}

/* The element of a rank, or what GET's patterns give for it. */
static bool put_element(struct sort *sort, struct exec *exec, uint32_t rank)
{
    const struct bytes element = sort_vector_at(&sort->vector, rank)->text;
    if (sort->request.get_count == 0) {
        return put_text(sort, exec, &element);
    }
    struct option_walk walk = {.at = 2};
    struct sort_request unused;
    bool is_refused = false;
    while (next_option(exec, &walk, &unused, &is_refused)) {
        if (walk.option == NULL || walk.option->sets != SORT_GET) {
            continue;
        }
        const struct sort_pattern pattern = sort_pattern_parse(exec->argv[walk.value]);
        char scratch[ITEM_SCRATCH];
        struct bytes text;
        const enum sort_found found = sort_pattern_find(exec, &pattern, element, scratch, &text);
        if (found == SORT_FOUND_NO_MEMORY || !put_text(sort, exec, found == SORT_FOUND ? &text : NULL)) {
            return false;
        }
    }
    return true;
}

static uint64_t texts_of(const struct sort_request *request, uint64_t elements)
{
    return elements * (request->get_count == 0 ? 1 : request->get_count);
}

/* What is to be stored is put by, so that the lock can be given up before the destination is waited for. */
static enum job_status fetch(struct sort *sort, struct exec *exec)
{
    const uint64_t texts = texts_of(&sort->request, sort->end - sort->rank);
    if (sort->fetched.capacity == 0) {
        sort->at = sort->rank;
        if (!sort_vector_reserve(&sort->fetched, texts)) {
            return give_up(sort, exec, ERROR_NO_MEMORY);
        }
    }
    for (; sort->at < sort->end; sort->at++) {
        if (sort->at % SORT_STEP == 0 && step_is_over(exec)) {
            return JOB_MORE;
        }
        if (!put_element(sort, exec, sort->at)) {
            return give_up(sort, exec, ERROR_NO_MEMORY);
        }
    }
    unlock(sort, exec);
    sort->phase = SORT_PUTS_OUT;
    return JOB_MORE;
}

/* The element of a rank, or one of those that were fetched. */
static bool put_next(struct sort *sort, struct exec *exec, uint32_t at)
{
    return sort->fetched.count > 0 ? put_text(sort, exec, &sort->fetched.elements[at].text) : put_element(sort, exec, at);
}

static enum job_status put_out(struct sort *sort, struct exec *exec)
{
    const bool is_fetched = sort->fetched.count > 0;
    const uint32_t end = is_fetched ? sort->fetched.count : sort->end;
    if (!sort->has_header) {
        if (sort->request.store_at != 0 && !begin_result(sort, exec)) {
            return JOB_WAIT;
        }
        if (sort->request.store_at == 0) {
            reply_array(exec->reply, texts_of(&sort->request, sort->end - sort->rank));
        }
        sort->has_header = true;
        sort->at = is_fetched ? 0 : sort->rank;
    }
    for (; sort->at < end; sort->at++) {
        if (sort->at % SORT_STEP == 0 && step_is_over(exec)) {
            return JOB_MORE;
        }
        if (!put_next(sort, exec, sort->at)) {
            if (!sort->has_result) {
                reply_rewind(exec->reply);
            }
            return give_up(sort, exec, ERROR_NO_MEMORY);
        }
    }
    unlock(sort, exec);
    sort->phase = sort->request.store_at == 0 ? SORT_FREES : SORT_ENDS;
    return JOB_MORE;
}

/* Makes the result the destination. It is repeated by its value: what it was made of has been given up since, may be on other
 * shards, and equal weights leave elements in the order of a set, which is another one on another server.  */
static enum job_status store_result(struct sort *sort, struct exec *exec)
{
    struct key key = exec_key_of(exec, exec->argv[sort->request.store_at]);
    if (!exec_claim(exec, key, NULL)) {
        return JOB_WAIT;
    }
    struct entry *existing = exec_find_write(exec, key);
    const uint64_t stored = texts_of(&sort->request, sort->end - sort->rank);
    if (stored > 0) {
        const enum result result = value_store(&sort->result, exec_keyspace(exec, key), key, existing);
        if (result != RESULT_OK) {
            return give_up(sort, exec, result_error_text(result));
        }
        sort->has_result = false;
        exec_changed_by(exec, key, EVENT_SORTSTORE, stored);
        exec_effect_value(exec, exec->db, key);
    } else if (existing != NULL) {
        delete_found(exec, key);
    }
    reply_integer(exec->reply, (int64_t)stored);
    return give_up(sort, exec, NULL);
}

/* --- beginning --- */

/* Begins with what `entry` holds (NULL: nothing). False: the sort is given up; replied, or it waits. */
static bool begin_sort(struct sort *sort, struct exec *exec, struct entry *entry)
{
    sort->phase = sort->request.is_unsorted ? phase_of_output(sort) : SORT_WEIGHS;
    if (entry == NULL) {
        return true;
    }
    if (sort->request.is_unsorted && entry_type(entry) == VALUE_SET && sort->request.store_at != 0) {
        sort->request.is_unsorted = false; /* so that the same list is stored everywhere */
        sort->request.is_alpha = true;
        sort->request.by_at = 0;
    }
    begin_walk(sort, entry);
    sort->phase = SORT_COLLECTS;
    if (!sort_vector_reserve(&sort->vector, sort->wanted)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    const bool is_far = sort->type == VALUE_LIST && list_node_count(entry) > SORT_SEEK_NODES;
    const bool is_long = sort->wanted > SORT_INLINE_MAX || is_far;
    if (is_long && form_is_apart(entry_form(entry))) {
        const struct key key = exec_key(exec, 1);
        if (!sort->is_locked) {
            return exec_pin(exec, key, entry, &sort->pin);
        }
        if (!exec_pin_locked(exec, key, entry, &sort->pin)) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
            return false;
        }
    }
    return true; /* a long one in its entry is copied in this step, in one go: it may expire before the next */
}

static bool check_sortable(struct exec *exec, const struct entry *entry)
{
    const enum value_type type = entry == NULL ? VALUE_LIST : entry_type(entry);
    if (type != VALUE_LIST && type != VALUE_SET && type != VALUE_ZSET) {
        reply_error(exec->reply, ERROR_WRONG_TYPE);
        return false;
    }
    return true;
}

/* The lock is granted, or waited for. Then the sort begins, with what is there now. */
static enum job_status lock_all(struct sort *sort, struct exec *exec)
{
    sort->is_locked = true; /* or asked for */
    if (!exec_lock(exec, &sort->lock)) {
        return JOB_WAIT;
    }
    exec->now_ms = sort->lock.granted_ms;
    const struct key key = exec_key(exec, 1);
    struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    if (!check_sortable(exec, entry) || !begin_sort(sort, exec, entry)) {
        return give_up(sort, exec, NULL);
    }
    if (sort->phase == SORT_COLLECTS && sort->pin.shard == NULL) {
        return collect(sort, exec); /* in one go: what stands in its entry may move before the next step */
    }
    return JOB_MORE;
}

/* --- all phases --- */

/* Whose baton the phase needs: none where only the vector is looked at. */
static int32_t shard_of_phase(const struct sort *sort)
{
    const struct sort_request *request = &sort->request;
    const bool is_own_work = (sort->phase == SORT_WEIGHS && request->by_at == 0 && !sort->is_locked) || sort->phase == SORT_ORDERS ||
                             (sort->phase == SORT_PUTS_OUT && request->get_count == 0 && request->store_at == 0) ||
                             sort->phase == SORT_FREES;
    return is_own_work ? JOB_NO_SHARD : sort->shard;
}

static enum job_status sort_step(struct job *job, struct exec *exec)
{
    struct sort *sort = (struct sort *)job;
    enum job_status status = JOB_MORE;
    if (sort->lock.is_granted) {
        exec->now_ms = sort->lock.granted_ms;
    }
    do {
        const int32_t shard = shard_of_phase(sort);
        if (exec->job != NULL && job->shard != shard) {
            job->shard = shard;
            return JOB_MORE;
        }
        switch (sort->phase) {
        case SORT_LOCKS: status = lock_all(sort, exec); break;
        case SORT_COLLECTS: status = collect(sort, exec); break;
        case SORT_WEIGHS: status = weigh_all(sort, exec); break;
        case SORT_ORDERS: status = put_in_order(sort, exec); break;
        case SORT_FETCHES: status = fetch(sort, exec); break;
        case SORT_PUTS_OUT: status = put_out(sort, exec); break;
        case SORT_ENDS: status = store_result(sort, exec); break;
        case SORT_FREES:
            status = sort_vector_release(&sort->vector, SORT_STEP) && sort_vector_release(&sort->fetched, SORT_STEP) ? JOB_DONE
                                                                                                                    : JOB_MORE;
            break;
        }
    } while (status == JOB_MORE && !step_is_over(exec));
    return status;
}

static void sort_destroy(struct job *job, struct exec *exec)
{
    struct sort *sort = (struct sort *)job;
    end_walk(sort, exec);
    drop_result(sort, exec);
    unlock(sort, exec);
    sort_vector_release(&sort->vector, SIZE_MAX);
    sort_vector_release(&sort->fetched, SIZE_MAX);
    thread_free(MEM_CLIENT, sort, sizeof *sort);
}

/* Runs a sort that has begun, here or as a job. */
static void run_sort(struct sort *sort, struct exec *exec)
{
    const bool is_long = sort->wanted > SORT_INLINE_MAX || sort->pin.shard != NULL;
    if (!is_long) {
        enum job_status status = JOB_MORE;
        while (status != JOB_DONE) {
            status = sort_step(&sort->job, exec);
            assert(status != JOB_WAIT);
        }
        sort_destroy(&sort->job, exec);
        return;
    }
    if (sort->pin.shard == NULL) {
        collect(sort, exec);
    }
    if (sort->phase == SORT_FREES) { /* refused */
        sort_destroy(&sort->job, exec);
        return;
    }
    exec_start_job(exec, &sort->job);
}

/* Other keys are looked up in more than one step; or in one while somebody is changing keys in steps. Inside another command nobody comes
 * between the steps.  */
static bool needs_lock(const struct sort *sort, const struct exec *exec, const struct entry *entry)
{
    if (entry == NULL || !sort->request.has_lookups || exec->depth > 0) {
        return false;
    }
    bool is_needed = element_count(entry) > SORT_INLINE_MAX || (sort->type == VALUE_LIST && list_node_count(entry) > SORT_SEEK_NODES);
    const uint32_t first = exec->shard != NULL ? exec->shard->number : 0;
    const uint32_t end = exec->shard != NULL ? first + 1 : exec->server->shard_count;
    for (uint32_t i = first; i < end && !is_needed; i++) {
        const struct shard *shard = &exec->server->shards[i];
        baton_assert_held(&shard->baton);
        is_needed = shard_has_hidden_keys(shard);
    }
    return is_needed;
}

static void command_sort(struct exec *exec)
{
    struct sort_request request;
    if (!read_request(exec, &request)) {
        return;
    }
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_sortable(exec, entry) || (request.has_lookups && exec->depth > 0 && exec_waits_for_hidden_keys(exec))) {
        return;
    }
    const enum value_type type = entry == NULL ? VALUE_LIST : entry_type(entry);
    struct sort *sort = thread_alloc_zeroed(MEM_CLIENT, sizeof *sort);
    if (sort == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    sort->request = request;
    sort->type = type;
    sort->shard = exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number;
    sort->job = (struct job){sort_step, sort_destroy, sort->shard};
    if (needs_lock(sort, exec, entry)) {
        key_lock_open_all(&sort->lock, KEY_LOCK_SHARED);
        sort->phase = SORT_LOCKS;
        exec_start_job(exec, &sort->job);
        return;
    }
    if (!begin_sort(sort, exec, entry)) {
        sort_destroy(&sort->job, exec);
        return;
    }
    run_sort(sort, exec);
}

/* The key's shard, while nothing reaches further. */
static int32_t route_sort(struct exec *exec)
{
    const struct shard *shard = server_shard_of_key(exec->server, exec->argv[1]);
    if (exec->server->shard_count == 1) {
        return 0;
    }
    for (uint32_t i = 2; i + 1 < exec->argc; i++) {
        const struct bytes word = exec->argv[i];
        const struct bytes value = exec->argv[i + 1];
        const bool names_keys = bytes_equal_ignore_case(word, BYTES("BY")) || bytes_equal_ignore_case(word, BYTES("GET"));
        if ((names_keys && sort_is_pattern(value)) ||
            (bytes_equal_ignore_case(word, BYTES("STORE")) && server_shard_of_key(exec->server, value) != shard)) {
            return ROUTE_ALL;
        }
    }
    return (int32_t)shard->number;
}

static const struct command_key_spec sort_keys[] = {
    {.flags = "RO access", .index = 1, .search = KEYS_RANGE, .step = 1},
    {.flags = "RO access", .is_unknown = true},
    {.flags = "OW update", .keyword = "STORE", .index = 2, .search = KEYS_RANGE, .step = 1, .is_unknown = true},
    {0},
};

static const struct command_key_spec sort_ro_keys[] = {
    {.flags = "RO access", .index = 1, .search = KEYS_RANGE, .step = 1},
    {.flags = "RO access", .is_unknown = true},
    {0},
};

#define SORT_ROW                                                                                                               \
    .run = command_sort, .route = route_sort, .waits = exec_waits_for_hidden_keys, .arity = -2, .scope = SCOPE_ROUTED, .keys = {1, 1, 1}, .group = "generic",       \
    .acl = "set sortedset list dangerous -keyspace",                                                                           \
    .complexity = "O(N+M*log(M)), N the elements of the key, M those that are sorted"

const struct command_spec sort_commands[] = {
    {.name = "sort", SORT_ROW, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_MOVABLE_KEYS, .since = "1.0.0",
     .summary = "Sorts the elements of a list, set or sorted set; replies or stores them, or what keys named after them hold.",
     .syntax = "key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA] [STORE destination]",
     .key_specs = sort_keys},
    {.name = "sort_ro", SORT_ROW, .flags = COMMAND_READONLY | COMMAND_MOVABLE_KEYS, .since = "7.0.0",
     .summary = "Sorts the elements of a list, set or sorted set, and replies them, or what keys named after them hold.",
     .syntax = "key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA]", .key_specs = sort_ro_keys},
    {0},
};
