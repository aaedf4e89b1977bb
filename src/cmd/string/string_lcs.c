/* string_lcs.c - LCS: what two strings have in common.
 *
 * Small strings are compared at once, in scratch memory; larger ones by a job that copies both first, pinned if that takes steps, and
 * then needs no shard.
 *
 * Threads    The holder of the keys' batons; the job's copies and comparison: the connection's thread, without a baton.
 * Limits     The table that Redis would keep, 4 bytes a cell, must fit proto-max-bulk-len.
 * Read on    lcs.h.  */
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/option.h"
#include "cmd/string/lcs.h"
#include "cmd/string/string_rows.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum {
    LCS_INLINE_CELLS = 16384, /* about 30 us */
    LCS_STEP_CELLS = 4096,   /* between two looks at the clock */
    LCS_STEP_BYTES = 16384,  /* the same, copying */
    LCS_COPY_AT_ONCE_MAX = 262144,
};

enum lcs_flag { LCS_LEN = 1 << 0, LCS_IDX = 1 << 1, LCS_MINMATCHLEN = 1 << 2, LCS_WITHMATCHLEN = 1 << 3 };

static const struct option lcs_options[] = {
    {"IDX", .sets = LCS_IDX},
    {"LEN", .sets = LCS_LEN},
    {"WITHMATCHLEN", .sets = LCS_WITHMATCHLEN},
    {"MINMATCHLEN", .sets = LCS_MINMATCHLEN, .has_value = true},
    {0},
};

struct request {
    uint32_t flags;
    uint64_t match_len_min;
};

enum phase { PHASE_TABLE, PHASE_WALK };

/* One comparison under way. */
struct comparison {
    struct lcs lcs;
    struct request request;
    enum phase phase;
    size_t mark;       /* IDX: of the deferred array of ranges */
    size_t count;      /* IDX: ranges in it */
    char *text;        /* neither LEN nor IDX: the subsequence, filled from its end */
    size_t text_at;
};

static bool wants_path(const struct request *request)
{
    return (request->flags & LCS_IDX) != 0 || (request->flags & LCS_LEN) == 0;
}

static bool wants_text(const struct request *request)
{
    return (request->flags & (LCS_LEN | LCS_IDX)) == 0;
}

/* --- replying --- */

static void reply_range(struct comparison *comparison, struct reply *reply, const struct lcs_range *range)
{
    size_t length = range->a_last - range->a_first + 1;
    bool has_length = (comparison->request.flags & LCS_WITHMATCHLEN) != 0;
    if (length < comparison->request.match_len_min) {
        return;
    }
    reply_array(reply, has_length ? 3 : 2);
    reply_array(reply, 2);
    reply_integer(reply, (int64_t)range->a_first);
    reply_integer(reply, (int64_t)range->a_last);
    reply_array(reply, 2);
    reply_integer(reply, (int64_t)range->b_first);
    reply_integer(reply, (int64_t)range->b_last);
    if (has_length) {
        reply_integer(reply, (int64_t)length);
    }
    comparison->count++;
}

/* After the table: starts the reply, or gives all of it. True when it is complete. */
static bool begin_reply(struct comparison *comparison, struct reply *reply)
{
    uint32_t length = lcs_length(&comparison->lcs);
    if (!wants_path(&comparison->request)) {
        reply_integer(reply, length);
        return true;
    }
    if (wants_text(&comparison->request)) {
        comparison->text_at = length;
        return false;
    }
    reply_map(reply, 2);
    reply_bulk_string(reply, "matches");
    comparison->mark = reply_deferred_begin(reply);
    return false;
}

static void end_reply(struct comparison *comparison, struct reply *reply)
{
    uint32_t length = lcs_length(&comparison->lcs);
    if (wants_text(&comparison->request)) {
        assert(comparison->text_at == 0);
        reply_bulk(reply, (struct bytes){comparison->text, length});
        return;
    }
    reply_deferred_end(reply, comparison->mark, '*', comparison->count);
    reply_bulk_string(reply, "len");
    reply_integer(reply, length);
}

static void take_range(struct comparison *comparison, struct reply *reply, const struct lcs_range *range)
{
    if (!wants_text(&comparison->request)) {
        reply_range(comparison, reply, range);
        return;
    }
    size_t length = range->a_last - range->a_first + 1;
    assert(length <= comparison->text_at);
    comparison->text_at -= length;
    memcpy(comparison->text + comparison->text_at, comparison->lcs.a.data + range->a_first, length);
}

/* Goes on by about `steps` cells. True when the reply is complete. */
static bool compare_some(struct comparison *comparison, struct reply *reply, size_t steps)
{
    if (comparison->phase == PHASE_TABLE) {
        if (!lcs_run(&comparison->lcs, steps)) {
            return false;
        }
        if (begin_reply(comparison, reply)) {
            return true;
        }
        comparison->phase = PHASE_WALK;
    }
    struct lcs_range range;
    enum lcs_walk found = LCS_RANGE;
    while (found == LCS_RANGE && steps > 0) {
        found = lcs_walk_back(&comparison->lcs, &steps, &range);
        if (found == LCS_RANGE) {
            take_range(comparison, reply, &range);
        }
    }
    if (found != LCS_END) {
        return false;
    }
    end_reply(comparison, reply);
    return true;
}

/* --- at once, or as a job --- */

/* Bytes that a comparison works in: the table's, then the text's. */
static size_t work_bytes(const struct request *request, struct bytes a, struct bytes b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    return lcs_memory_bytes(a.len, b.len, wants_path(request)) + (wants_text(request) ? shorter : 0);
}

static void comparison_init(struct comparison *comparison, const struct request *request, struct bytes a, struct bytes b,
                            char *memory)
{
    *comparison = (struct comparison){.request = *request};
    lcs_init(&comparison->lcs, a, b, wants_path(request), memory);
    comparison->text = memory + lcs_memory_bytes(a.len, b.len, wants_path(request));
}

/*   COPY    both strings are copied; long ones are pinned, and it takes steps
 *   UNPIN
 *   COMPARE  */
struct lcs_job {
    struct job job;
    struct request request;
    struct comparison comparison;
    int32_t shard;                    /* that has both keys, or JOB_ALL_SHARDS */
    struct pin pins[2];
    struct bytes from[2], to[2];      /* the strings, and their copies in this block */
    size_t copied[2];
    size_t size;                      /* of this block: memory, then both strings */
    _Alignas(uint32_t) char memory[];
};

static enum job_status lcs_step(struct job *job, struct exec *exec)
{
    struct lcs_job *lcs = (struct lcs_job *)job;
    while (!compare_some(&lcs->comparison, exec->reply, LCS_STEP_CELLS)) {
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return JOB_DONE;
}

static void unpin_both(struct lcs_job *lcs, struct exec *exec)
{
    exec_unpin(exec, &lcs->pins[0]);
    exec_unpin(exec, &lcs->pins[1]);
}

static void begin_comparison(struct lcs_job *lcs)
{
    comparison_init(&lcs->comparison, &lcs->request, lcs->to[0], lcs->to[1], lcs->memory);
    lcs->job.step = lcs_step;
    lcs->job.shard = JOB_NO_SHARD;
}

static enum job_status unpin_step(struct job *job, struct exec *exec)
{
    struct lcs_job *lcs = (struct lcs_job *)job;
    unpin_both(lcs, exec);
    begin_comparison(lcs);
    return JOB_MORE;
}

/* Copies up to `most` bytes more. True: both strings are copied. */
static bool copy_some(struct lcs_job *lcs, size_t most)
{
    for (unsigned i = 0; i < 2; i++) {
        const size_t left = lcs->from[i].len - lcs->copied[i];
        const size_t some = left < most ? left : most;
        if (some > 0) {
            memcpy((char *)(uintptr_t)lcs->to[i].data + lcs->copied[i], lcs->from[i].data + lcs->copied[i], some);
        }
        lcs->copied[i] += some;
        most -= some;
        if (some < left) {
            return false;
        }
    }
    return true;
}

static enum job_status copy_step(struct job *job, struct exec *exec)
{
    struct lcs_job *lcs = (struct lcs_job *)job;
    while (!copy_some(lcs, LCS_STEP_BYTES)) {
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    job->step = unpin_step;
    job->shard = lcs->shard;
    return JOB_MORE;
}

static void lcs_destroy(struct job *job, struct exec *exec)
{
    unpin_both((struct lcs_job *)job, exec);
    thread_free(MEM_CLIENT, job, ((struct lcs_job *)job)->size);
}

/* Both must be long strings, or short enough to be copied now. False: the command waits. */
static bool pin_both(struct lcs_job *lcs, struct exec *exec, struct entry *const entries[2])
{
    for (unsigned i = 0; i < 2; i++) {
        const bool is_long = entries[i] != NULL && entry_long_string(entries[i]) != NULL;
        if (!is_long) {
            memcpy((char *)(uintptr_t)lcs->to[i].data, lcs->from[i].data, lcs->from[i].len);
            lcs->copied[i] = lcs->from[i].len;
        } else if (!exec_pin(exec, exec_key(exec, 1 + i), entries[i], &lcs->pins[i])) {
            return false;
        }
    }
    return true;
}

#define ERROR_LCS_REFUSED "ERR Insufficient memory, failed allocating transient memory for LCS"

static void compare_as_job(struct exec *exec, const struct request *request, struct entry *const entries[2],
                           const struct bytes texts[2])
{
    size_t work = work_bytes(request, texts[0], texts[1]);
    size_t size = sizeof(struct lcs_job) + work + texts[0].len + texts[1].len;
    struct lcs_job *lcs = thread_alloc(MEM_CLIENT, size);
    if (lcs == NULL) {
        reply_error(exec->reply, ERROR_LCS_REFUSED);
        return;
    }
    *lcs = (struct lcs_job){.job = {copy_step, lcs_destroy, JOB_NO_SHARD},
                            .request = *request,
                            .shard = exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number,
                            .from = {texts[0], texts[1]},
                            .to = {{lcs->memory + work, texts[0].len}, {lcs->memory + work + texts[0].len, texts[1].len}},
                            .size = size};
    if (texts[0].len + texts[1].len <= LCS_COPY_AT_ONCE_MAX) {
        (void)copy_some(lcs, SIZE_MAX);
        begin_comparison(lcs);
    } else if (!pin_both(lcs, exec, entries)) {
        lcs_destroy(&lcs->job, exec);
        return;
    }
    exec_start_job(exec, &lcs->job);
}

static void compare_at_once(struct exec *exec, const struct request *request, struct bytes a, struct bytes b)
{
    char *memory = exec_scratch(exec, work_bytes(request, a, b));
    if (memory == NULL) {
        reply_error(exec->reply, ERROR_LCS_REFUSED);
        return;
    }
    struct comparison comparison;
    comparison_init(&comparison, request, a, b, memory);
    while (!compare_some(&comparison, exec->reply, SIZE_MAX)) {
    }
}

/* --- the command --- */

static bool read_options(struct exec *exec, struct request *request)
{
    struct option_walk walk = {.at = 3};
    int64_t match_len_min = 0;
    while (option_next(exec, lcs_options, &walk)) {
        if (walk.option->has_value && !exec_int64_argument(exec, walk.value, &match_len_min)) {
            return false;
        }
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    if ((walk.flags & LCS_LEN) != 0 && (walk.flags & LCS_IDX) != 0) {
        reply_error(exec->reply, "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    *request = (struct request){walk.flags, match_len_min < 0 ? 0 : (uint64_t)match_len_min};
    return true;
}

/* Redis's limits: on each length, and on the table that it would keep. */
static bool check_lengths(struct exec *exec, size_t a_len, size_t b_len)
{
    if (a_len >= UINT32_MAX - 1 || b_len >= UINT32_MAX - 1) {
        reply_error(exec->reply, "ERR String too long for LCS");
        return false;
    }
    int64_t limit = atomic_load_explicit(&exec->server->config->proto_max_bulk_len, memory_order_relaxed);
    uint64_t table;
    if (__builtin_mul_overflow((uint64_t)(a_len + 1) * (b_len + 1), sizeof(uint32_t), &table) || table > (uint64_t)limit) {
        reply_error(exec->reply, "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
        return false;
    }
    return true;
}

static bool is_string(const struct entry *entry)
{
    return entry == NULL || entry_type(entry) == VALUE_STRING;
}

static struct bytes string_of(const struct entry *entry, char scratch[STRING_SCRATCH])
{
    return entry == NULL ? BYTES("") : entry_string(entry, scratch);
}

static void command_lcs(struct exec *exec)
{
    struct key a_key = exec_key(exec, 1);
    bool are_strings = is_string(exec_find_read(exec, a_key));
    struct entry *b_entry = exec_find_read(exec, exec_key(exec, 2));
    if (!are_strings || !is_string(b_entry)) {
        reply_error(exec->reply, "ERR The specified keys must contain string values");
        return;
    }
    struct request request;
    if (!read_options(exec, &request)) {
        return;
    }
    /* Looked up once more: finding the second key may have removed something. */
    struct entry *a_entry = keyspace_find(exec_keyspace(exec, a_key), a_key, exec->now_ms);
    char a_scratch[STRING_SCRATCH], b_scratch[STRING_SCRATCH];
    const struct bytes texts[2] = {string_of(a_entry, a_scratch), string_of(b_entry, b_scratch)};
    if (!check_lengths(exec, texts[0].len, texts[1].len)) {
        return;
    }
    if ((uint64_t)texts[0].len * texts[1].len <= LCS_INLINE_CELLS) {
        compare_at_once(exec, &request, texts[0], texts[1]);
    } else {
        compare_as_job(exec, &request, (struct entry *[2]){a_entry, b_entry}, texts);
    }
}

const struct command_spec string_lcs_commands[] = {
    {.name = "lcs", .run = command_lcs, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 2, 1},
     .since = "7.0.0", .group = "string", .complexity = "O(N*M), N and M the lengths of the strings",
     .summary = "Returns the longest common subsequence of two strings, its length, or where its parts stand.",
     .syntax = "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]"},
    {0},
};
