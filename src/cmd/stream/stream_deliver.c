/* stream_deliver.c - entries for the consumers of groups: XREADGROUP. Much is delivered in steps, with the streams pinned.
 *
 * With CLAIM what is pending in the group, and was idle for so long, comes first: the longest idle first (stream_idle.h).
 *
 * Threads    The holder of the batons of all keys.  */
#include "cmd/stream/stream_effect.h"
#include "cmd/stream/stream_idle.h"
#include "cmd/stream/stream_read.h"
#include "cmd/stream/stream_rows.h"
#include "cmd/stream/stream_write.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum {
    ENTRIES_PER_LOOK = 16,
    CLAIM_LOOK_MS_MIN = 10, /* so often a client that is blocked is looked for entries that have become idle, at most */
};

/* Where a consumer reads: what is new in the group (">"), or what is pending for it behind an id. */
struct position {
    struct stream_id behind;
    bool is_history;
    bool is_claiming;          /* what was delivered at claim_until_ms or before comes first */
    int64_t claim_until_ms;
};

/* One stream being read for a consumer. */
struct delivery {
    struct stream *stream;
    struct stream_group *group;
    struct stream_consumer *consumer;
    struct idle_list idle;     /* what is claimed before that */
    struct stream_walk walk;   /* what is new */
    struct stream_id next;     /* history: the first id that may come */
    uint64_t left;             /* entries at most */
    bool is_history;
    bool is_noack;
    bool is_claiming;          /* the entries are told with their idle times and numbers of deliveries */
};

/* --- one entry --- */

/* As Redis keeps the group's counter of what it has read. */
static void advance_group(struct stream_group *group, const struct stream *stream, struct stream_id id)
{
    if (stream_id_compare(id, group->last_id) <= 0) {
        return;
    }
    if (group->entries_read != STREAM_READ_UNKNOWN && !stream_has_tombstones_behind(stream, id)) {
        group->entries_read = (int64_t)((uint64_t)group->entries_read + 1); /* XGROUP SETID may have set any */
    } else if (stream->entries_added > 0) {
        group->entries_read = stream_entries_read_at(stream, id);
    }
    group->last_id = id;
}

/* The entry that has been idle for longest becomes the consumer's. `effect` NULL: it is replied only. */
static bool deliver_idle(struct exec *exec, struct delivery *delivery, struct group_effect *effect, enum result *result)
{
    struct stream_walk walk;
    struct stream_entry entry;
    const struct stream_id id = idle_list_take(&delivery->idle);
    const struct stream_nack *known = stream_find_pending(delivery->group, id);
    assert(known != NULL); /* nobody else has changed the stream since the list was made */
    const int64_t idle_ms = exec->now_ms - known->delivery_ms;
    const struct stream_nack nack = {exec->now_ms, known->delivery_count + 1, delivery->consumer};
    if (effect != NULL) {
        *result = stream_set_pending(delivery->stream, delivery->group, id, &nack);
        if (*result != RESULT_OK) {
            return false;
        }
        group_effect_delivered(effect, id, &nack);
    }
    stream_walk_begin(&walk, delivery->stream, id, id, false);
    const bool is_there = stream_walk_next(&walk, &entry);
    assert(is_there);
    (void)is_there;
    reply_stream_delivered(exec->reply, &entry, idle_ms, nack.delivery_count - 1);
    delivery->left--;
    return true;
}

/* The next new entry: false at the end. `effect` NULL: it is replied only. */
static bool deliver_new(struct exec *exec, struct delivery *delivery, struct group_effect *effect, enum result *result)
{
    struct stream_entry entry;
    if (delivery->left == 0 || !stream_walk_next(&delivery->walk, &entry)) {
        return false;
    }
    if (effect != NULL) {
        const struct stream_nack nack = {exec->now_ms, 1, delivery->consumer};
        if (!delivery->is_noack) {
            *result = stream_set_pending(delivery->stream, delivery->group, entry.id, &nack);
        }
        if (*result != RESULT_OK) {
            return false;
        }
        advance_group(delivery->group, delivery->stream, entry.id);
        if (!delivery->is_noack) {
            group_effect_delivered(effect, entry.id, &nack);
        }
    }
    if (delivery->is_claiming) {
        reply_stream_delivered(exec->reply, &entry, 0, 0);
    } else {
        reply_stream_entry(exec->reply, &entry);
    }
    delivery->left--;
    return true;
}

/* The next entry that is pending for the consumer: without its fields when it was deleted. */
static bool deliver_history(struct exec *exec, struct delivery *delivery, struct group_effect *effect)
{
    const struct id_cursor cursor = id_tree_at_least(&delivery->consumer->pending, delivery->next);
    if (delivery->left == 0 || cursor.leaf == NULL) {
        return false;
    }
    const struct stream_id id = id_cursor_id(cursor);
    if (!reply_stream_entry_at(exec->reply, delivery->stream, id)) {
        reply_array(exec->reply, 2);
        reply_stream_id(exec->reply, id);
        reply_null_array(exec->reply);
    } else if (effect != NULL) {
        struct stream_nack *nack = stream_find_pending(delivery->group, id);
        nack->delivery_ms = exec->now_ms;
        nack->delivery_count++;
        group_effect_delivered(effect, id, nack);
    }
    delivery->next = id;
    delivery->left = stream_id_increment(&delivery->next) ? delivery->left - 1 : 0;
    return true;
}

static bool deliver_one(struct exec *exec, struct delivery *delivery, struct group_effect *effect, enum result *result)
{
    if (delivery->is_history) {
        return deliver_history(exec, delivery, effect);
    }
    if (delivery->idle.count > 0 && delivery->left > 0) {
        return deliver_idle(exec, delivery, effect, result);
    }
    return deliver_new(exec, delivery, effect, result);
}

/* --- one stream --- */

/* Is there anything to reply for this stream? False: *next_ms is when the first of what is pending was delivered; INT64_MAX: nothing is
 * pending, or CLAIM is not said.  */
static bool has_something(struct stream_place place, const struct position *position, int64_t *next_ms)
{
    struct stream_id top;
    *next_ms = INT64_MAX;
    if (position->is_history) {
        return true;
    }
    if (stream_edge_id(place.stream, true, &top) && stream_id_compare(top, place.group->last_id) > 0) {
        return true;
    }
    return position->is_claiming && idle_is_any(place, position->claim_until_ms, next_ms);
}

/* Sets up what will be delivered, but for what is claimed; the consumer is set later. */
static void plan_delivery(struct delivery *delivery, const struct position *position, const struct read_words *words)
{
    struct stream_id first = position->is_history ? position->behind : delivery->group->last_id;
    stream_id_increment(&first);
    delivery->is_history = position->is_history;
    delivery->is_noack = words->is_noack;
    delivery->is_claiming = position->is_claiming;
    delivery->left = words->count;
    delivery->next = first;
    if (!position->is_history) {
        stream_walk_begin(&delivery->walk, delivery->stream, first, STREAM_ID_MAX, false);
    }
}

/* Finds what will be claimed; delivery->idle is to be released. */
static enum result plan_claims(struct delivery *delivery, const struct position *position)
{
    const struct stream_place place = {delivery->stream, delivery->group};
    return position->is_claiming ? idle_list_make(place, position->claim_until_ms, &delivery->idle) : RESULT_OK;
}

/* How many entries the delivery will reply, when nothing comes between. O(leaves) or O(nodes). */
static uint64_t count_delivery(const struct delivery *delivery)
{
    const uint64_t there = delivery->is_history
                               ? id_tree_count_from(&delivery->consumer->pending, delivery->next)
                               : delivery->idle.count + stream_count(delivery->stream, delivery->walk.first, delivery->walk.last);
    return delivery->left < there ? delivery->left : there;
}

static bool is_short(const struct delivery *delivery, struct bytes consumer_name)
{
    if (!delivery->is_history) {
        return stream_walk_is_short(&delivery->walk, delivery->left) &&
               (!delivery->is_claiming || delivery->left <= STREAM_SHORT_ENTRIES ||
                delivery->group->pending.count <= STREAM_SHORT_ENTRIES);
    }
    const struct stream_consumer *consumer = stream_find_consumer(delivery->group, consumer_name);
    return delivery->left <= STREAM_SHORT_ENTRIES || consumer == NULL || consumer->pending.count <= STREAM_SHORT_ENTRIES;
}

/* --- all streams at once --- */

/* One for each key, behind them. */
static const struct bytes *words_ids(const struct exec *exec, const struct read_words *words)
{
    return exec->argv + words->streams_at + words->stream_count;
}

/* The stream of key number `index` with its group, which were there just now. */
static struct entry *find_place(struct exec *exec, const struct read_words *words, uint32_t index, struct delivery *out)
{
    const struct key key = exec_key(exec, words->streams_at + index);
    struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    *out = (struct delivery){.stream = NULL};
    if (entry != NULL) {
        out->stream = entry_stream(entry);
        out->group = stream_find_group(out->stream, exec->argv[words->group_at]);
    }
    return entry;
}

static enum result touch_consumer(struct exec *exec, const struct read_words *words, uint32_t index,
                                  struct delivery *delivery)
{
    const struct stream_place place = {delivery->stream, delivery->group};
    return stream_touch_consumer(exec, exec_key(exec, words->streams_at + index), place,
                                 exec->argv[words->group_at + 1], &delivery->consumer);
}

/* Delivers from one stream. *served: it had something to reply. */
static enum result deliver_stream(struct exec *exec, const struct read_words *words, uint32_t index,
                                  const struct position *position, bool *served)
{
    struct delivery delivery;
    struct value value;
    int64_t next_ms;
    struct entry *entry = find_place(exec, words, index, &delivery);
    *served = false;
    if (entry == NULL) {
        return RESULT_OK;
    }
    *served = has_something((struct stream_place){delivery.stream, delivery.group}, position, &next_ms);
    if (!*served) {
        return RESULT_OK;
    }
    const struct key key = exec_key(exec, words->streams_at + index);
    struct group_effect effect;
    group_effect_begin(&effect, exec, key, delivery.group);
    value_open(&value, exec_keyspace(exec, key), key, entry);
    enum result result = plan_claims(&delivery, position);
    if (result == RESULT_OK) {
        result = touch_consumer(exec, words, index, &delivery);
    }
    if (result == RESULT_OK) {
        group_effect_seen(&effect, delivery.consumer);
        size_t replied = 0;
        plan_delivery(&delivery, position, words);
        reply_stream_name(exec, words->streams_at + index);
        const size_t mark = reply_deferred_begin(exec->reply);
        while (deliver_one(exec, &delivery, &effect, &result)) {
            replied++;
        }
        reply_deferred_end(exec->reply, mark, '*', replied);
        exec_count_changes(exec, 1);
    }
    idle_list_release(&delivery.idle);
    group_effect_end(&effect);
    stream_value_close(&value);
    return result;
}

static void deliver_at_once(struct exec *exec, const struct read_words *words, const struct position *positions)
{
    size_t served_count = 0;
    const size_t mark = reply_deferred_begin(exec->reply);
    for (uint32_t i = 0; i < words->stream_count; i++) {
        bool is_served;
        const enum result result = deliver_stream(exec, words, i, &positions[i], &is_served);
        if (UNLIKELY(result != RESULT_OK)) {
            reply_rewind(exec->reply);
            reply_result_error(exec->reply, result);
            return;
        }
        served_count += is_served;
    }
    assert(served_count > 0); /* has_any */
    reply_deferred_end(exec->reply, mark, exec->reply->protocol == 2 ? '*' : '%', served_count);
}

/* --- in steps --- */

struct delivery_job {
    struct stream_job stream_job;
    struct read_words words;
    uint32_t at;              /* the stream that is read */
    bool is_open;             /* its header is written */
    bool has_mark;            /* the outer header is written at the end: several streams */
    size_t mark, served_count;
    struct delivery delivery;
    struct position positions[];
};

/* Writes the header of the stream at work->at; false: it has nothing. */
static bool begin_stream(struct exec *exec, struct delivery_job *work, struct stream *stream, bool can_write)
{
    struct delivery *delivery = &work->delivery;
    const struct position *position = &work->positions[work->at];
    const struct stream_place place = {stream, stream_find_group(stream, exec->argv[work->words.group_at])};
    int64_t next_ms;
    idle_list_release(&delivery->idle);
    *delivery = (struct delivery){.stream = stream, .group = place.group};
    if (!can_write || !has_something(place, position, &next_ms)) {
        return false;
    }
    if (plan_claims(delivery, position) != RESULT_OK || touch_consumer(exec, &work->words, work->at, delivery) != RESULT_OK) {
        exec->reply->is_broken = true;
        return false;
    }
    plan_delivery(delivery, position, &work->words);
    delivery->left = count_delivery(delivery);
    if (!work->has_mark && work->served_count == 0) {
        reply_streams(exec->reply, 1);
    }
    reply_stream_name(exec, work->words.streams_at + work->at);
    reply_array(exec->reply, delivery->left);
    work->served_count++;
    return true;
}

/* Delivers from the stream at work->at. False: the step is over. */
static bool deliver_until(struct exec *exec, struct delivery_job *work, struct group_effect *effect)
{
    enum result result = RESULT_OK;
    for (unsigned i = 1; deliver_one(exec, &work->delivery, effect, &result); i++) {
        if (i % ENTRIES_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return false;
        }
    }
    if (result != RESULT_OK) {
        exec->reply->is_broken = true; /* the header said more */
    }
    if (effect != NULL) {
        exec_count_changes(exec, 1);
    }
    return true;
}

static bool deliver_some(struct exec *exec, struct delivery_job *work, bool can_write)
{
    if (!can_write) {
        return deliver_until(exec, work, NULL);
    }
    struct group_effect effect;
    const struct key key = exec_key(exec, work->words.streams_at + work->at);
    group_effect_begin(&effect, exec, key, work->delivery.group);
    group_effect_seen(&effect, work->delivery.consumer);
    const bool is_done = deliver_until(exec, work, &effect);
    group_effect_end(&effect);
    return is_done;
}

static enum job_status end_delivery(struct exec *exec, struct delivery_job *work)
{
    if (work->has_mark && work->served_count > 0) {
        reply_deferred_end(exec->reply, work->mark, exec->reply->protocol == 2 ? '*' : '%', work->served_count);
    } else if (work->served_count == 0) {
        reply_rewind(exec->reply);
        reply_null_array(exec->reply); /* it was there when the job began */
    }
    return JOB_DONE;
}

static enum job_status delivery_step(struct job *job, struct exec *exec)
{
    struct delivery_job *work = (struct delivery_job *)job;
    if (work->words.stream_count > 1 && !work->has_mark) {
        work->mark = reply_deferred_begin(exec->reply);
        work->has_mark = true;
    }
    for (; work->at < work->words.stream_count; work->at++, work->is_open = false) {
        struct stream_write write;
        if (work->stream_job.pins[work->at].collection == NULL) {
            continue;
        }
        const enum stream_write_state state = stream_job_open(&work->stream_job, exec, work->at, &write);
        const bool can_write = state == STREAM_WRITE_OPEN;
        if (state == STREAM_WRITE_WAIT) {
            return JOB_WAIT;
        }
        bool is_done = true;
        if (!work->is_open) {
            work->is_open = begin_stream(exec, work, stream_job_stream(&work->stream_job, work->at), can_write);
        }
        if (work->is_open) {
            is_done = deliver_some(exec, work, can_write);
        }
        if (can_write) {
            stream_value_close(&write.value);
        }
        if (!is_done) {
            return JOB_MORE;
        }
    }
    return end_delivery(exec, work);
}

static void delivery_release(struct stream_job *job)
{
    idle_list_release(&((struct delivery_job *)job)->delivery.idle);
}

static void start_job(struct exec *exec, const struct read_words *words, const struct position *positions)
{
    const size_t positions_bytes = words->stream_count * sizeof *positions;
    struct delivery_job *work =
        stream_job_create(exec, sizeof *work + positions_bytes, words->streams_at, words->stream_count);
    if (work == NULL) {
        return;
    }
    work->stream_job.job.step = delivery_step;
    work->stream_job.release = delivery_release;
    work->words = *words;
    memcpy(work->positions, positions, positions_bytes);
    exec_start_job(exec, &work->stream_job.job);
}

/* --- XREADGROUP --- */

/* The client was blocked for this key. False: it has nothing to wait for any more, which is replied. */
static bool is_still_there(struct exec *exec, const struct read_words *words, const struct entry *entry)
{
    const bool is_stream = entry != NULL && entry_type(entry) == VALUE_STREAM;
    if (is_stream && stream_find_group(entry_stream(entry), exec->argv[words->group_at]) != NULL) {
        return true;
    }
    reply_error(exec->reply, is_stream ? "NOGROUP the consumer group this client was blocked on no longer exists"
                                       : "UNBLOCKED the stream key no longer exists");
    return false;
}

/* Where argv[streams_at + index] is to be read; false: the error was replied. */
static bool read_position(struct exec *exec, const struct read_words *words, uint32_t index, struct position *out)
{
    const uint32_t id_at = words->streams_at + words->stream_count + index;
    const struct bytes name = exec->argv[words->streams_at + index];
    struct entry *entry = exec_find_read(exec, exec_key(exec, words->streams_at + index));
    if (exec_is_for_blocked(exec) && !is_still_there(exec, words, entry)) {
        return false;
    }
    if (!check_stream(exec, entry)) {
        return false;
    }
    if (entry == NULL || stream_find_group(entry_stream(entry), exec->argv[words->group_at]) == NULL) {
        reply_no_group(exec, name, exec->argv[words->group_at], " in XREADGROUP with GROUP option");
        return false;
    }
    *out = (struct position){.behind = STREAM_ID_MAX};
    if (bytes_equal(exec->argv[id_at], BYTES("$"))) {
        reply_error(exec->reply, "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of "
                                 "this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID "
                                 "would just return an empty result set.");
        return false;
    }
    if (bytes_equal(exec->argv[id_at], BYTES("+"))) {
        reply_error(exec->reply, "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of "
                                 "this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID "
                                 "would just return an empty result set.");
        return false;
    }
    if (!bytes_equal(exec->argv[id_at], BYTES(">")) && !exec_stream_id(exec, id_at, &out->behind)) {
        return false;
    }
    out->is_history = stream_id_compare(out->behind, STREAM_ID_MAX) != 0;
    out->is_claiming = words->is_claiming && !out->is_history;
    out->claim_until_ms = exec->now_ms - words->claim_idle_ms;
    return true;
}

/* Is it little enough to be done in one step? */
static bool is_all_short(struct exec *exec, const struct read_words *words, const struct position *positions)
{
    for (uint32_t i = 0; i < words->stream_count; i++) {
        struct delivery delivery;
        if (find_place(exec, words, i, &delivery) == NULL) {
            continue;
        }
        plan_delivery(&delivery, &positions[i], words);
        if (!is_short(&delivery, exec->argv[words->group_at + 1])) {
            return false;
        }
    }
    return words->stream_count <= STREAM_SHORT_ENTRIES;
}

/* When an entry that was delivered at `delivery_ms` may be claimed; what will be delivered from now on may not be before that either. */
static int64_t claim_look_ms(const struct exec *exec, const struct read_words *words, int64_t delivery_ms)
{
    const int64_t first_ms = delivery_ms < exec->now_ms ? delivery_ms : exec->now_ms;
    const int64_t soonest_ms = exec->now_ms + (delivery_ms == INT64_MAX ? CLAIM_LOOK_MS_MIN : 1);
    int64_t look_ms;
    if (__builtin_add_overflow(first_ms, words->claim_idle_ms, &look_ms)) {
        return INT64_MAX;
    }
    return look_ms > soonest_ms ? look_ms : soonest_ms;
}

/* Is there anything to reply? False: *look_ms is when there may be something that was idle for long enough; 0: never. */
static bool has_any(struct exec *exec, const struct read_words *words, const struct position *positions, int64_t *look_ms)
{
    int64_t first_ms = INT64_MAX;
    for (uint32_t i = 0; i < words->stream_count; i++) {
        struct delivery delivery;
        int64_t next_ms;
        if (find_place(exec, words, i, &delivery) == NULL) {
            continue;
        }
        if (has_something((struct stream_place){delivery.stream, delivery.group}, &positions[i], &next_ms)) {
            return true;
        }
        first_ms = next_ms < first_ms ? next_ms : first_ms;
    }
    *look_ms = words->is_claiming ? claim_look_ms(exec, words, first_ms) : 0;
    return false;
}

static void command_xreadgroup(struct exec *exec)
{
    struct read_words words;
    int64_t look_ms;
    if (!read_words_parse(exec, true, &words)) {
        return;
    }
    struct position *positions = exec_scratch(exec, words.stream_count * sizeof *positions);
    if (positions == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    for (uint32_t i = 0; i < words.stream_count; i++) {
        if (!read_position(exec, &words, i, &positions[i])) {
            return;
        }
    }
    if (!has_any(exec, &words, positions, &look_ms)) {
        read_nothing(exec, &words, words_ids(exec, &words), look_ms);
    } else if (is_all_short(exec, &words, positions)) {
        deliver_at_once(exec, &words, positions);
    } else {
        start_job(exec, &words, positions);
    }
}

static const struct command_key_spec group_keys[] = {
    {.flags = "RO access", .keyword = "STREAMS", .index = 4, .search = KEYS_RANGE, .last = -1, .step = 1, .limit = 2},
    {0},
};

const struct command_spec stream_deliver_commands[] = {
    {.name = "xreadgroup", .run = command_xreadgroup, .arity = -7, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_BLOCKING | COMMAND_MOVABLE_KEYS, .since = "5.0.0", .group = "stream",
     .complexity = "O(N log P), N the entries returned, P those pending in the group; with CLAIM O(P + N log P)",
     .summary = "Delivers new entries to a group's consumer, or returns again what is pending for it.",
     .syntax = "GROUP group consumer [COUNT count] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...]",
     .key_specs = group_keys},
    {0},
};
