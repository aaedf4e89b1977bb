/* cluster_slot_stats.c - CLUSTER SLOT-STATS: how many keys the slots have, and how many bytes.
 *
 * A job walks over the keys of one shard after the other in steps. Nothing is counted by slot meanwhile, so commands pay nothing for it.
 *
 *   shards, one after the other --> order (a heap, the next slot on top) --> reply, some slots a step
 *
 * Memory     16 bytes for each slot that may be replied, and 2 for its place in the order, the connection thread's own.
 * Limits     Keys that come or go meanwhile may be missed, and a key whose place in the table moves may count twice, as with SCAN.
 * Cost       O(keys of the shards), some 100 ns a key.  */
#include "base/number.h"
#include "base/slot.h"
#include "client/session.h"
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/server/cluster_node.h"
#include "cmd/server/cluster_slot_stats.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"
#include "shard/thread_stats.h"

#include <assert.h>

enum { SCAN_KEYS = 64, SLOTS_PER_LOOK = 32 };

enum metric { METRIC_KEY_COUNT, METRIC_MEMORY_BYTES, METRIC_COUNT };
static const char *const metric_names[METRIC_COUNT] = {"key-count", "memory-bytes"};

/* What was asked. */
struct slot_stats_words {
    uint32_t first, end;   /* slots [first, end) */
    bool is_ordered;
    enum metric metric;
    bool is_ascending;
    uint32_t limit;
};

struct slot_figures {
    uint64_t values[METRIC_COUNT];
};

struct slot_stats {
    struct job job;
    size_t size;           /* of this block */
    struct slot_stats_words words;
    uint32_t shard;        /* being walked over */
    uint64_t cursor;
    bool is_begun;         /* the reply */
    uint32_t left;         /* slots to be replied */
    uint32_t waiting;      /* slots in the order */
    uint16_t *order;       /* a heap; without ORDERBY not used */
    struct slot_figures figures[];
};

/* --- the walk --- */

static void visit_key(struct entry *entry, void *arg)
{
    struct slot_stats *stats = arg;
    const uint32_t slot = slot_of_key(entry_key(entry));
    if (slot < stats->words.first || slot >= stats->words.end) {
        return;
    }
    struct slot_figures *figures = &stats->figures[slot - stats->words.first];
    figures->values[METRIC_KEY_COUNT]++;
    figures->values[METRIC_MEMORY_BYTES] += entry_memory_bytes(entry);
}

/* Goes on in the shard whose baton is held; behind the last one there is none to be held any more. */
static void walk_some(struct slot_stats *stats, struct exec *exec)
{
    struct keyspace *keyspace = &exec->shard->databases[exec->db];
    do {
        keyspace_scan(keyspace, &stats->cursor, SCAN_KEYS, exec->now_ms, visit_key, stats);
    } while (stats->cursor != 0 && !exec_step_is_over(exec));
    if (stats->cursor != 0) {
        return;
    }
    const bool is_last = stats->shard == slot_to_shard((uint16_t)(stats->words.end - 1), exec->server->shard_count);
    stats->shard++;
    stats->job.shard = is_last ? JOB_NO_SHARD : (int32_t)stats->shard;
}

/* --- the order --- */

/* Does slot number `a` come before `b`? Of two that are equal the lower one does. */
static bool comes_before(const struct slot_stats *stats, uint16_t a, uint16_t b)
{
    const uint64_t left = stats->figures[a].values[stats->words.metric];
    const uint64_t right = stats->figures[b].values[stats->words.metric];
    if (left == right) {
        return a < b;
    }
    return stats->words.is_ascending == (left < right);
}

static void sink(struct slot_stats *stats, uint32_t at)
{
    uint16_t *order = stats->order;
    const uint16_t slot = order[at];
    for (uint32_t child = 2 * at + 1; child < stats->waiting; child = 2 * at + 1) {
        child += child + 1 < stats->waiting && comes_before(stats, order[child + 1], order[child]);
        if (!comes_before(stats, order[child], slot)) {
            break;
        }
        order[at] = order[child];
        at = child;
    }
    order[at] = slot;
}

static void put_in_order(struct slot_stats *stats)
{
    for (uint32_t i = 0; i < stats->waiting; i++) {
        stats->order[i] = (uint16_t)i;
    }
    for (uint32_t i = stats->waiting / 2; i > 0; i--) {
        sink(stats, i - 1);
    }
}

/* The number of the next slot in the reply, from words.first on. */
static uint32_t take_next(struct slot_stats *stats)
{
    assert(stats->waiting > 0);
    if (!stats->words.is_ordered) {
        return stats->words.end - stats->words.first - stats->waiting--;
    }
    const uint16_t slot = stats->order[0];
    stats->order[0] = stats->order[--stats->waiting];
    sink(stats, 0);
    return slot;
}

/* --- the reply --- */

static void begin_reply(struct slot_stats *stats, struct exec *exec)
{
    stats->waiting = stats->words.end - stats->words.first;
    stats->left = stats->words.limit < stats->waiting ? stats->words.limit : stats->waiting;
    reply_array(exec->reply, stats->left);
    if (stats->words.is_ordered) {
        put_in_order(stats);
    }
    stats->is_begun = true;
}

static void reply_slot(struct reply *reply, uint32_t slot, const struct slot_figures *figures)
{
    reply_array(reply, 2);
    reply_integer(reply, slot);
    reply_map(reply, METRIC_COUNT);
    for (int i = 0; i < METRIC_COUNT; i++) {
        reply_bulk_string(reply, metric_names[i]);
        reply_integer(reply, (int64_t)figures->values[i]);
    }
}

static enum job_status slot_stats_step(struct job *job, struct exec *exec)
{
    struct slot_stats *stats = (struct slot_stats *)job;
    if (job->shard != JOB_NO_SHARD) {
        walk_some(stats, exec);
        return JOB_MORE;
    }
    if (!stats->is_begun) {
        begin_reply(stats, exec);
    }
    while (stats->left > 0) {
        const uint32_t slot = take_next(stats);
        reply_slot(exec->reply, stats->words.first + slot, &stats->figures[slot]);
        stats->left--;
        if (stats->left % SLOTS_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return JOB_DONE;
}

static void slot_stats_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, ((struct slot_stats *)job)->size);
}

static void start_job(struct exec *exec, const struct slot_stats_words *words)
{
    const uint32_t count = words->end - words->first;
    const size_t order_at = sizeof(struct slot_stats) + count * sizeof(struct slot_figures);
    const size_t size = order_at + count * sizeof(uint16_t);
    struct slot_stats *stats = thread_alloc_zeroed(MEM_SERVER, size);
    if (stats == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    stats->size = size;
    stats->words = *words;
    stats->order = (uint16_t *)((char *)stats + order_at);
    stats->shard = slot_to_shard((uint16_t)words->first, exec->server->shard_count);
    stats->job = (struct job){.step = slot_stats_step, .destroy = slot_stats_destroy, .shard = (int32_t)stats->shard};
    exec_start_job(exec, &stats->job);
}

/* --- words --- */

static bool read_slot(struct exec *exec, uint32_t index, uint32_t *out)
{
    int64_t slot;
    if (!int64_parse(exec->argv[index], &slot) || slot < 0 || slot >= SLOT_COUNT) {
        reply_error(exec->reply, "ERR Invalid or out of range slot");
        return false;
    }
    *out = (uint32_t)slot;
    return true;
}

/* SLOTSRANGE start end, among the slots that the node has. */
static bool read_range(struct exec *exec, struct slot_stats_words *out)
{
    uint32_t start, last;
    if (exec->argc != 5) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    if (!read_slot(exec, 3, &start) || !read_slot(exec, 4, &last)) {
        return false;
    }
    if (start > last) {
        reply_errorf(exec->reply, "ERR Start slot number %u is greater than end slot number %u", start, last);
        return false;
    }
    out->first = start > out->first ? start : out->first;
    out->end = last + 1 < out->end ? last + 1 : out->end;
    return true;
}

enum { ORDER_LIMIT = 1, ORDER_ASC = 2, ORDER_DESC = 4 };
static const struct option order_options[] = {
    {"LIMIT", .sets = ORDER_LIMIT, .excludes = ORDER_LIMIT, .has_value = true},
    {"ASC", .sets = ORDER_ASC, .excludes = ORDER_ASC | ORDER_DESC},
    {"DESC", .sets = ORDER_DESC, .excludes = ORDER_ASC | ORDER_DESC},
    {0},
};

/* ORDERBY metric [LIMIT limit] [ASC|DESC] */
static bool read_order(struct exec *exec, struct slot_stats_words *out)
{
    int metric = 0;
    while (metric < METRIC_COUNT && !bytes_equal_ignore_case(exec->argv[3], bytes_of_string(metric_names[metric]))) {
        metric++;
    }
    if (metric == METRIC_COUNT) {
        reply_error(exec->reply, "ERR Unrecognized sort metric for ORDERBY.");
        return false;
    }
    out->is_ordered = true;
    out->metric = (enum metric)metric;
    struct option_walk walk = {.at = 4};
    while (option_next(exec, order_options, &walk)) {
        int64_t limit = 1;
        if (walk.option->sets == ORDER_LIMIT) {
            if (!int64_parse(exec->argv[walk.value], &limit) || limit < 1 || limit > SLOT_COUNT) {
                reply_errorf(exec->reply, "ERR Limit has to lie in between 1 and %d (maximum number of slots).", SLOT_COUNT);
                return false;
            }
            out->limit = (uint32_t)limit;
        }
    }
    out->is_ascending = (walk.flags & ORDER_ASC) != 0;
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return true;
}

void command_cluster_slot_stats(struct exec *exec)
{
    struct slot_stats_words words = {.end = SLOT_COUNT, .limit = SLOT_COUNT};
    if (!cluster_check_enabled(exec)) {
        return;
    }
    if (exec->session->is_shard_port) {
        words.first = cluster_first_slot(exec->server, thread_number(exec->thread));
        words.end = cluster_first_slot(exec->server, thread_number(exec->thread) + 1);
    }
    bool is_read = false;
    if (bytes_equal_ignore_case(exec->argv[2], BYTES("SLOTSRANGE"))) {
        is_read = read_range(exec, &words);
    } else if (bytes_equal_ignore_case(exec->argv[2], BYTES("ORDERBY"))) {
        is_read = read_order(exec, &words);
    } else {
        reply_error(exec->reply, ERROR_SYNTAX);
    }
    if (is_read && words.first >= words.end) {
        reply_array(exec->reply, 0); /* none of the range is this node's */
    } else if (is_read) {
        start_job(exec, &words);
    }
}
