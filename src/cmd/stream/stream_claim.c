/* stream_claim.c - pending entries for another consumer: XCLAIM XAUTOCLAIM. Long searches go in steps, with the stream pinned.
 *
 * Threads    The holder of the key's baton.
 * Memory     What an automatic claim found is put by until the reply, in scratch or in blocks of the job's.  */
#include "cmd/stream/stream_effect.h"
#include "cmd/stream/stream_private.h"
#include "cmd/stream/stream_rows.h"
#include "cmd/stream/stream_write.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

enum {
    CLAIM_SHORT = 500,         /* so many are claimed in one step */
    CLAIM_ATTEMPTS = 10,       /* entries looked at for each that is wanted */
    CLAIM_COUNT_DEFAULT = 100,
    CLAIM_PER_LOOK = 16,
    CLAIM_IDS_FIRST = 64,
};

/* The group argv[2] of the stream at argv[1], which `entry` is. False: replied. */
static bool find_group(struct exec *exec, const struct entry *entry, struct stream_place *out)
{
    if (!check_stream(exec, entry)) {
        return false;
    }
    out->stream = entry == NULL ? NULL : entry_stream(entry);
    out->group = out->stream == NULL ? NULL : stream_find_group(out->stream, exec->argv[2]);
    if (out->group == NULL) {
        reply_no_group(exec, exec->argv[1], exec->argv[2], "");
    }
    return out->group != NULL;
}

static bool read_number(struct exec *exec, uint32_t index, const char *error, int64_t *out)
{
    if (!int64_parse(exec->argv[index], out)) {
        reply_error(exec->reply, error);
        return false;
    }
    return true;
}

/* --- XCLAIM --- */

struct claim_words {
    int64_t idle_min_ms;
    int64_t delivery_ms;      /* -1: now */
    int64_t retry_count;      /* negative: counted up */
    struct stream_id last_id;
    bool is_forced, is_just_id;
    uint32_t id_count;
    const struct stream_id *ids;
};

/* Ids up to the first word that is none. */
static bool read_ids(struct exec *exec, struct claim_words *out)
{
    struct stream_id *ids = exec_scratch(exec, (exec->argc - 5) * sizeof *ids);
    if (ids == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    struct stream_id_word word;
    while (5 + out->id_count < exec->argc && stream_id_parse(exec->argv[5 + out->id_count], STREAM_ID_PLAIN, 0, &word)) {
        ids[out->id_count++] = word.id;
    }
    out->ids = ids;
    return true;
}

/* The option at argv[*at], which becomes its last word. */
static bool read_option(struct exec *exec, uint32_t *at, struct claim_words *out)
{
    const struct bytes word = exec->argv[*at];
    const bool has_more = *at + 1 < exec->argc;
    if (bytes_equal_ignore_case(word, BYTES("FORCE"))) {
        out->is_forced = true;
        return true;
    }
    if (bytes_equal_ignore_case(word, BYTES("JUSTID"))) {
        out->is_just_id = true;
        return true;
    }
    if (has_more && bytes_equal_ignore_case(word, BYTES("IDLE"))) {
        if (!read_number(exec, ++*at, "ERR Invalid IDLE option argument for XCLAIM", &out->delivery_ms)) {
            return false;
        }
        out->delivery_ms = (int64_t)((uint64_t)exec->now_ms - (uint64_t)out->delivery_ms);
        return true;
    }
    if (has_more && bytes_equal_ignore_case(word, BYTES("TIME"))) {
        return read_number(exec, ++*at, "ERR Invalid TIME option argument for XCLAIM", &out->delivery_ms);
    }
    if (has_more && bytes_equal_ignore_case(word, BYTES("RETRYCOUNT"))) {
        return read_number(exec, ++*at, "ERR Invalid RETRYCOUNT option argument for XCLAIM", &out->retry_count);
    }
    if (has_more && bytes_equal_ignore_case(word, BYTES("LASTID"))) {
        return exec_stream_id(exec, ++*at, &out->last_id);
    }
    reply_errorf(exec->reply, "ERR Unrecognized XCLAIM option '%.*s'", (int)strnlen(word.data, word.len), word.data);
    return false;
}

/* argv[4...]. */
static bool read_claim(struct exec *exec, struct claim_words *out)
{
    *out = (struct claim_words){.delivery_ms = -1, .retry_count = -1};
    if (!read_number(exec, 4, "ERR Invalid min-idle-time argument for XCLAIM", &out->idle_min_ms) || !read_ids(exec, out)) {
        return false;
    }
    for (uint32_t at = 5 + out->id_count; at < exec->argc; at++) {
        if (!read_option(exec, &at, out)) {
            return false;
        }
    }
    if (out->delivery_ms == -1 || out->delivery_ms < 0 || out->delivery_ms > exec->now_ms) {
        out->delivery_ms = exec->now_ms;
    }
    return true;
}

/* One id. RESULT_OK: it is the consumer's now, and in the reply; RESULT_NOT_FOUND: it is not. */
static enum result claim_one(struct exec *exec, struct stream_place place, const struct claim_words *words,
                             struct stream_id id, struct group_effect *effect)
{
    const struct stream_nack *known = stream_find_pending(place.group, id);
    if (!stream_has(place.stream, id)) {
        if (stream_remove_pending(place.stream, place.group, id)) {
            group_effect_removed(effect, id);
            exec_count_changes(exec, 1);
        }
        return RESULT_NOT_FOUND;
    }
    if (known == NULL && !words->is_forced) {
        return RESULT_NOT_FOUND;
    }
    if (known != NULL && words->idle_min_ms > 0 && exec->now_ms - known->delivery_ms < words->idle_min_ms) {
        return RESULT_NOT_FOUND;
    }
    struct stream_consumer *consumer;
    enum result result = stream_touch_consumer(exec, exec_key(exec, 1), place, exec->argv[3], &consumer);
    if (result != RESULT_OK) {
        return result;
    }
    group_effect_seen(effect, consumer);
    struct stream_nack nack = {words->delivery_ms, known == NULL ? 1 : known->delivery_count, consumer};
    if (words->retry_count >= 0) {
        nack.delivery_count = (uint64_t)words->retry_count;
    } else if (!words->is_just_id) {
        nack.delivery_count++;
    }
    result = stream_set_pending(place.stream, place.group, id, &nack);
    if (result != RESULT_OK) {
        return result;
    }
    group_effect_delivered(effect, id, &nack);
    exec_count_changes(exec, 1);
    if (words->is_just_id) {
        reply_stream_id(exec->reply, id);
        return RESULT_OK;
    }
    return reply_stream_entry_at(exec->reply, place.stream, id) ? RESULT_OK : RESULT_NOT_FOUND;
}

/* *is_any: an entry was claimed, or one that is deleted is not pending any more. */
static enum result claim_all(struct exec *exec, struct stream_place place, const struct claim_words *words,
                             struct group_effect *effect, bool *is_any)
{
    const size_t mark = reply_deferred_begin(exec->reply);
    const uint64_t pending_before = place.group->pending.count;
    size_t claimed = 0;
    for (uint32_t i = 0; i < words->id_count; i++) {
        const enum result result = claim_one(exec, place, words, words->ids[i], effect);
        if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
            return result;
        }
        claimed += result == RESULT_OK;
    }
    *is_any = claimed > 0 || place.group->pending.count < pending_before;
    reply_deferred_end(exec->reply, mark, '*', claimed);
    return RESULT_OK;
}

static void command_xclaim(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    struct stream_place place;
    struct claim_words words;
    struct value value;
    if (!find_group(exec, entry, &place) || !read_claim(exec, &words)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    value_open(&value, exec_keyspace(exec, key), key, entry);
    struct group_effect effect;
    group_effect_begin(&effect, exec, key, place.group);
    const bool is_moved = stream_id_compare(words.last_id, place.group->last_id) > 0;
    if (is_moved) {
        place.group->last_id = words.last_id;
        group_effect_moved(&effect);
    }
    bool is_any = false;
    const enum result result = claim_all(exec, place, &words, &effect, &is_any);
    if (is_moved) {
        exec_count_changes(exec, !is_any); /* as Redis counts it: together with what was claimed */
    }
    group_effect_end(&effect);
    stream_value_close(&value);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, result);
    }
}

/* --- XAUTOCLAIM --- */

/* Ids that are put by. */
struct id_list {
    struct stream_id *ids;
    uint64_t count, capacity;
};

struct auto_claim {
    int64_t idle_min_ms;
    struct stream_id next;   /* the first id that is still to be looked at */
    uint64_t left;           /* entries that may still go into the reply */
    uint64_t attempts_left;
    bool is_just_id;
    bool is_over;            /* no pending entry is left: the cursor is 0-0 */
    struct id_list claimed, deleted;
};

static bool list_has_room(struct id_list *list)
{
    if (list->count < list->capacity) {
        return true;
    }
    const uint64_t capacity = list->capacity == 0 ? CLAIM_IDS_FIRST : 2 * list->capacity;
    struct stream_id *ids = thread_realloc(MEM_CLIENT, list->ids, list->capacity * sizeof *ids, capacity * sizeof *ids);
    if (ids == NULL) {
        return false;
    }
    list->ids = ids;
    list->capacity = capacity;
    return true;
}

static void list_release(struct id_list *list)
{
    if (list->ids != NULL) {
        thread_free(MEM_CLIENT, list->ids, list->capacity * sizeof *list->ids);
    }
    *list = (struct id_list){0};
}

static void claim_release(struct auto_claim *claim)
{
    list_release(&claim->claimed);
    list_release(&claim->deleted);
}

/* Claims the pending entry at `cursor`, or takes it out when the stream does not have it any more. */
static enum result auto_claim_one(struct exec *exec, struct stream_place place, struct auto_claim *claim,
                                  struct id_cursor cursor, struct group_effect *effect)
{
    const struct stream_id id = id_cursor_id(cursor);
    const struct stream_nack *known = id_cursor_value(&place.group->pending, cursor);
    if (!list_has_room(&claim->claimed) || !list_has_room(&claim->deleted)) {
        return RESULT_NO_MEMORY;
    }
    if (!stream_has(place.stream, id)) {
        stream_remove_pending(place.stream, place.group, id);
        group_effect_removed(effect, id);
        claim->deleted.ids[claim->deleted.count++] = id;
    } else if (claim->idle_min_ms > 0 && exec->now_ms - known->delivery_ms < claim->idle_min_ms) {
        return RESULT_OK;
    } else {
        struct stream_consumer *consumer;
        enum result result = stream_touch_consumer(exec, exec_key(exec, 1), place, exec->argv[3], &consumer);
        if (result != RESULT_OK) {
            return result;
        }
        group_effect_seen(effect, consumer);
        const struct stream_nack nack = {exec->now_ms, known->delivery_count + !claim->is_just_id, consumer};
        result = stream_set_pending(place.stream, place.group, id, &nack);
        if (result != RESULT_OK) {
            return result;
        }
        group_effect_delivered(effect, id, &nack);
        claim->claimed.ids[claim->claimed.count++] = id;
    }
    claim->left--;
    exec_count_changes(exec, 1);
    return RESULT_OK;
}

static enum result claim_until(struct exec *exec, struct stream_place place, struct auto_claim *claim,
                               struct group_effect *effect, bool *is_done)
{
    *is_done = false;
    for (unsigned i = 1; claim->attempts_left > 0 && claim->left > 0 && !claim->is_over; i++) {
        const struct id_cursor cursor = id_tree_at_least(&place.group->pending, claim->next);
        if (cursor.leaf == NULL) {
            claim->is_over = true;
            break;
        }
        claim->attempts_left--;
        claim->next = id_cursor_id(cursor);
        claim->is_over = !stream_id_increment(&claim->next);
        const enum result result = auto_claim_one(exec, place, claim, cursor, effect);
        if (result != RESULT_OK) {
            return result;
        }
        if (exec->job != NULL && i % CLAIM_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return RESULT_OK;
        }
    }
    *is_done = true;
    return RESULT_OK;
}

/* Goes on claiming; a job until its step is over. RESULT_OK and *is_done: all that was wanted was done. */
static enum result claim_some(struct exec *exec, struct stream_place place, struct auto_claim *claim, bool *is_done)
{
    struct group_effect effect;
    group_effect_begin(&effect, exec, exec_key(exec, 1), place.group);
    const enum result result = claim_until(exec, place, claim, &effect, is_done);
    group_effect_end(&effect);
    return result;
}

static void reply_claim_head(struct exec *exec, struct stream_place place, const struct auto_claim *claim)
{
    const struct id_cursor cursor = id_tree_at_least(&place.group->pending, claim->next);
    reply_array(exec->reply, 3);
    reply_stream_id(exec->reply, claim->is_over || cursor.leaf == NULL ? STREAM_ID_MIN : id_cursor_id(cursor));
    reply_array(exec->reply, claim->claimed.count);
}

static void reply_claimed(struct exec *exec, const struct stream *stream, const struct auto_claim *claim, uint64_t index)
{
    const struct stream_id id = claim->claimed.ids[index];
    if (claim->is_just_id) {
        reply_stream_id(exec->reply, id);
    } else if (!reply_stream_entry_at(exec->reply, stream, id)) {
        reply_null(exec->reply);
    }
}

static void reply_deleted(struct exec *exec, const struct auto_claim *claim)
{
    reply_array(exec->reply, claim->deleted.count);
    for (uint64_t i = 0; i < claim->deleted.count; i++) {
        reply_stream_id(exec->reply, claim->deleted.ids[i]);
    }
}

/* Everything in one step. */
static void claim_at_once(struct exec *exec, struct entry *entry, struct stream_place place, struct auto_claim *claim)
{
    struct value value;
    bool is_done;
    const struct key key = exec_key(exec, 1);
    value_open(&value, exec_keyspace(exec, key), key, entry);
    const enum result result = claim_some(exec, place, claim, &is_done);
    stream_value_close(&value);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
    } else {
        reply_claim_head(exec, place, claim);
        for (uint64_t i = 0; i < claim->claimed.count; i++) {
            reply_claimed(exec, place.stream, claim, i);
        }
        reply_deleted(exec, claim);
    }
    claim_release(claim);
}

/* --- in steps: first claimed, then replied --- */

struct claim_job {
    struct stream_job stream_job;
    struct auto_claim claim;
    bool is_claimed;
    uint64_t replied;
};

static enum job_status reply_step(struct claim_job *work, struct exec *exec)
{
    const struct stream *stream = stream_job_stream(&work->stream_job, 0);
    while (work->replied < work->claim.claimed.count) {
        reply_claimed(exec, stream, &work->claim, work->replied++);
        if (work->replied % CLAIM_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    reply_deleted(exec, &work->claim);
    return JOB_DONE;
}

static enum job_status claim_step(struct job *job, struct exec *exec)
{
    struct claim_job *work = (struct claim_job *)job;
    struct stream_write write;
    if (work->is_claimed) {
        return reply_step(work, exec);
    }
    const enum stream_write_state state = stream_job_open(&work->stream_job, exec, 0, &write);
    if (state == STREAM_WRITE_WAIT) {
        return JOB_WAIT;
    }
    if (state == STREAM_WRITE_GONE) {
        reply_no_group(exec, exec->argv[1], exec->argv[2], "");
        return JOB_DONE;
    }
    const struct stream_place place = {write.stream, stream_find_group(write.stream, exec->argv[2])};
    bool is_done = false;
    const enum result result = claim_some(exec, place, &work->claim, &is_done);
    stream_value_close(&write.value);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return JOB_DONE;
    }
    if (is_done) {
        reply_claim_head(exec, place, &work->claim);
        work->is_claimed = true;
    }
    return JOB_MORE;
}

static void claim_job_release(struct stream_job *job)
{
    claim_release(&((struct claim_job *)job)->claim);
}

static void start_job(struct exec *exec, const struct auto_claim *claim)
{
    struct claim_job *work = stream_job_create(exec, sizeof *work, 1, 1);
    if (work != NULL) {
        work->stream_job.job.step = claim_step;
        work->stream_job.release = claim_job_release;
        work->claim = *claim;
        exec_start_job(exec, &work->stream_job.job);
    }
}

/* COUNT's value. Redis takes as much as 16 bytes an entry at once, and refuses what the machine does not have. */
static bool read_claim_count(struct exec *exec, uint32_t index, int64_t *out)
{
    const int64_t count_max = INT64_MAX / (int64_t)sizeof(struct stream_id);
    if (!int64_parse(exec->argv[index], out) || *out < 1 || *out > count_max) {
        reply_error(exec->reply, "ERR COUNT must be > 0");
        return false;
    }
    return true;
}

/* argv[4...]; *count: COUNT. */
static bool read_auto_claim(struct exec *exec, struct auto_claim *out, int64_t *count)
{
    *out = (struct auto_claim){.is_over = false};
    *count = CLAIM_COUNT_DEFAULT;
    if (!read_number(exec, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM", &out->idle_min_ms) ||
        !exec_stream_interval_start(exec, 5, &out->next)) {
        return false;
    }
    for (uint32_t at = 6; at < exec->argc; at++) {
        if (at + 1 < exec->argc && bytes_equal_ignore_case(exec->argv[at], BYTES("COUNT"))) {
            if (!read_claim_count(exec, ++at, count)) {
                return false;
            }
        } else if (bytes_equal_ignore_case(exec->argv[at], BYTES("JUSTID"))) {
            out->is_just_id = true;
        } else {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

static void command_xautoclaim(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    struct stream_place place;
    struct auto_claim claim;
    int64_t count;
    if (!read_auto_claim(exec, &claim, &count) || !find_group(exec, entry, &place)) {
        return;
    }
    if ((uint64_t)count > mem_system_bytes() / sizeof(struct stream_id)) {
        reply_error(exec->reply, "ERR Insufficient memory, failed allocating transient memory, COUNT too high.");
        return;
    }
    claim.left = (uint64_t)count;
    claim.attempts_left = (uint64_t)count * CLAIM_ATTEMPTS;
    const uint64_t pending = place.group->pending.count;
    const bool is_short = (claim.left < pending ? claim.left : pending) <= CLAIM_SHORT &&
                          (claim.attempts_left < pending ? claim.attempts_left : pending) <= CLAIM_SHORT * CLAIM_ATTEMPTS;
    if (is_short) {
        claim_at_once(exec, entry, place, &claim);
    } else {
        start_job(exec, &claim);
    }
}

#define CLAIM_ROW                                                                                                              \
    .arity = -6, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST, .keys = {1, 1, 1}, .group = "stream",             \
    .tips = "nondeterministic_output"

const struct command_spec stream_claim_commands[] = {
    {.name = "xautoclaim", .run = command_xautoclaim, CLAIM_ROW, .since = "6.2.0",
     .complexity = "O(N log P), N the entries looked at, P those pending in the group",
     .summary = "Gives pending entries that were idle for some time to a consumer, from an id on.",
     .syntax = "key group consumer min-idle-time start [COUNT count] [JUSTID]", .key_flags = "RW delete"},
    {.name = "xclaim", .run = command_xclaim, CLAIM_ROW, .since = "5.0.0",
     .complexity = "O(log P) for each id, P the entries pending in the group",
     .summary = "Gives pending entries that were idle for some time to a consumer, by their ids.",
     .syntax = "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] "
               "[FORCE] [JUSTID] [LASTID last-id]",
     .key_flags = "RW update"},
    {0},
};
