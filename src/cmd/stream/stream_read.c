/* stream_read.c - reading entries: XRANGE XREVRANGE XREAD. Long ranges are read in steps, with their streams pinned.
 *
 * Threads    The holder of the batons of all keys.
 * Memory     A job's sources are the connection thread's own.  */
#include "cmd/stream/stream_read.h"
#include "cmd/stream/stream_rows.h"

#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

enum { ENTRIES_PER_LOOK = 16 };

/* --- ranges, read at once or in steps --- */

struct source {
    struct stream_walk walk;
    uint64_t count;     /* entries at most */
    uint32_t key_at;
    struct pin pin;
};

struct reading {
    struct job job;
    bool has_names;     /* XREAD: the key's name before its entries */
    bool is_begun;      /* the header of sources[at] is written */
    uint32_t at, source_count;
    struct source sources[];
};

static size_t reading_bytes(uint32_t source_count)
{
    return sizeof(struct reading) + source_count * sizeof(struct source);
}

static void reply_at_once(struct exec *exec, const struct reading *reading)
{
    for (uint32_t i = 0; i < reading->source_count; i++) {
        struct stream_walk walk = reading->sources[i].walk;
        struct stream_entry entry;
        uint64_t left = reading->sources[i].count;
        size_t replied = 0;
        if (reading->has_names) {
            reply_stream_name(exec, reading->sources[i].key_at);
        }
        const size_t mark = reply_deferred_begin(exec->reply);
        for (; left > 0 && stream_walk_next(&walk, &entry); left--) {
            reply_stream_entry(exec->reply, &entry);
            replied++;
        }
        reply_deferred_end(exec->reply, mark, '*', replied);
    }
}

static void begin_source(struct exec *exec, struct reading *reading, struct source *source)
{
    const struct stream_walk *walk = &source->walk;
    const uint64_t there = stream_count(walk->stream, walk->first, walk->last);
    if (reading->has_names) {
        reply_stream_name(exec, source->key_at);
    }
    source->count = source->count < there ? source->count : there;
    reply_array(exec->reply, source->count);
    reading->is_begun = true;
}

static enum job_status reading_step(struct job *job, struct exec *exec)
{
    struct reading *reading = (struct reading *)job;
    for (; reading->at < reading->source_count; reading->at++, reading->is_begun = false) {
        struct source *source = &reading->sources[reading->at];
        struct stream_entry entry;
        if (!reading->is_begun) {
            if (reading->at == 0 && reading->has_names) {
                reply_streams(exec->reply, reading->source_count);
            }
            begin_source(exec, reading, source);
        }
        for (unsigned i = 1; source->count > 0 && stream_walk_next(&source->walk, &entry); i++) {
            reply_stream_entry(exec->reply, &entry);
            source->count--;
            if (i % ENTRIES_PER_LOOK == 0 && exec_step_is_over(exec)) {
                return JOB_MORE;
            }
        }
    }
    return JOB_DONE;
}

static void reading_destroy(struct job *job, struct exec *exec)
{
    struct reading *reading = (struct reading *)job;
    for (uint32_t i = 0; i < reading->source_count; i++) {
        exec_unpin(exec, &reading->sources[i].pin);
    }
    thread_free(MEM_CLIENT, reading, reading_bytes(reading->source_count));
}

/* Pins all sources; false: a writer waits for one of them. */
static bool pin_sources(struct exec *exec, struct reading *reading)
{
    for (uint32_t i = 0; i < reading->source_count; i++) {
        struct source *source = &reading->sources[i];
        const struct key key = exec_key(exec, source->key_at);
        struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
        if (!exec_pin(exec, key, entry, &source->pin)) {
            return false;
        }
    }
    return true;
}

static void start_job(struct exec *exec, const struct reading *reading)
{
    const size_t bytes = reading_bytes(reading->source_count);
    struct reading *copy = thread_alloc(MEM_CLIENT, bytes);
    if (copy == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    memcpy(copy, reading, bytes);
    copy->job = (struct job){reading_step, reading_destroy,
                             exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number};
    if (!pin_sources(exec, copy)) {
        reading_destroy(&copy->job, exec);
        return;
    }
    exec_start_job(exec, &copy->job);
}

static void run_reading(struct exec *exec, const struct reading *reading)
{
    bool is_short = true;
    for (uint32_t i = 0; i < reading->source_count; i++) {
        is_short = is_short && stream_walk_is_short(&reading->sources[i].walk, reading->sources[i].count);
    }
    if (!is_short || reading->source_count > STREAM_SHORT_ENTRIES) {
        start_job(exec, reading);
        return;
    }
    if (reading->has_names) {
        reply_streams(exec->reply, reading->source_count);
    }
    reply_at_once(exec, reading);
}

/* A reading without sources yet, in scratch; NULL: no memory, which was replied. */
static struct reading *make_reading(struct exec *exec, uint32_t source_max)
{
    struct reading *reading = exec_scratch(exec, reading_bytes(source_max));
    if (reading == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return NULL;
    }
    *reading = (struct reading){.source_count = 0};
    return reading;
}

/* --- XRANGE --- */

/* COUNT; UINT64_MAX: not given. */
static bool read_count(struct exec *exec, uint64_t *out)
{
    *out = UINT64_MAX;
    for (uint32_t at = 4; at < exec->argc; at += 2) {
        int64_t count;
        if (at + 1 >= exec->argc || !bytes_equal_ignore_case(exec->argv[at], BYTES("COUNT"))) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
        if (!exec_int64_argument(exec, at + 1, &count)) {
            return false;
        }
        *out = count < 0 ? 0 : (uint64_t)count;
    }
    return true;
}

static void reply_range(struct exec *exec, bool is_reverse)
{
    struct stream_interval range;
    uint64_t count;
    if (is_reverse && !exec_stream_interval(exec, 3, 2, &range)) {
        return;
    }
    if (!is_reverse && !exec_stream_interval(exec, 2, 3, &range)) {
        return;
    }
    if (!read_count(exec, &count)) {
        return;
    }
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (entry == NULL) {
        reply_array(exec->reply, 0);
        return;
    }
    if (!check_stream(exec, entry)) {
        return;
    }
    if (count == 0) {
        reply_null_array(exec->reply);
        return;
    }
    struct reading *reading = make_reading(exec, 1);
    if (reading == NULL) {
        return;
    }
    reading->source_count = 1;
    reading->sources[0] = (struct source){.key_at = 1, .count = count};
    stream_walk_begin(&reading->sources[0].walk, entry_stream(entry), range.first, range.last, is_reverse);
    run_reading(exec, reading);
}

static void command_xrange(struct exec *exec)
{
    reply_range(exec, false);
}

static void command_xrevrange(struct exec *exec)
{
    reply_range(exec, true);
}

/* --- the words of XREAD and XREADGROUP --- */

static bool refuse(struct exec *exec, const char *error)
{
    reply_error(exec->reply, error);
    return false;
}

static bool read_count_word(struct exec *exec, uint32_t index, struct read_words *out)
{
    int64_t count;
    if (!exec_int64_argument(exec, index, &count)) {
        return false;
    }
    out->count = count <= 0 ? UINT64_MAX : (uint64_t)count;
    return true;
}

static bool read_streams(struct exec *exec, uint32_t first, struct read_words *out)
{
    const uint32_t count = exec->argc - first;
    if (count % 2 != 0) {
        reply_error(exec->reply, "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
        return false;
    }
    out->streams_at = first;
    out->stream_count = count / 2;
    return true;
}

/* As XREADGROUP of Redis reads it: the error for a number that is none says nothing of a range. */
static bool read_claim_word(struct exec *exec, uint32_t index, struct read_words *out)
{
    if (!int64_parse(exec->argv[index], &out->claim_idle_ms)) {
        return refuse(exec, "ERR min-idle-time is not an integer");
    }
    out->is_claiming = true;
    return out->claim_idle_ms >= 0 || refuse(exec, "ERR min-idle-time must be a positive integer");
}

/* The option at argv[*at], which becomes its last word. */
static bool read_option(struct exec *exec, uint32_t *at, struct read_words *out)
{
    const struct bytes word = exec->argv[*at];
    const uint32_t more = exec->argc - *at - 1;
    if (more >= 1 && bytes_equal_ignore_case(word, BYTES("BLOCK"))) {
        out->is_blocking = true;
        return exec_timeout_ms_argument(exec, ++*at, &out->timeout_ms);
    }
    if (more >= 1 && bytes_equal_ignore_case(word, BYTES("COUNT"))) {
        return read_count_word(exec, ++*at, out);
    }
    if (more >= 2 && bytes_equal_ignore_case(word, BYTES("GROUP"))) {
        out->group_at = *at + 1;
        *at += 2;
        return out->is_group ||
               refuse(exec, "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
    }
    if (more >= 1 && bytes_equal_ignore_case(word, BYTES("CLAIM"))) {
        return out->is_group ? read_claim_word(exec, ++*at, out)
                             : refuse(exec, "ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.");
    }
    if (bytes_equal_ignore_case(word, BYTES("NOACK"))) {
        out->is_noack = true;
        return out->is_group ||
               refuse(exec, "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
    }
    return refuse(exec, ERROR_SYNTAX);
}

bool read_words_parse(struct exec *exec, bool is_group, struct read_words *out)
{
    *out = (struct read_words){.count = UINT64_MAX, .is_group = is_group};
    for (uint32_t at = 1; at < exec->argc; at++) {
        if (at + 1 < exec->argc && bytes_equal_ignore_case(exec->argv[at], BYTES("STREAMS"))) {
            if (!read_streams(exec, at + 1, out)) {
                return false;
            }
            break;
        }
        if (!read_option(exec, &at, out)) {
            return false;
        }
    }
    if (out->streams_at == 0) {
        return refuse(exec, ERROR_SYNTAX);
    }
    return !is_group || out->group_at != 0 || refuse(exec, "ERR Missing GROUP option for XREADGROUP");
}

void read_nothing(struct exec *exec, const struct read_words *words, const struct bytes *ids, int64_t look_ms)
{
    const struct block block = {.first_key = words->streams_at, .key_count = words->stream_count, .ids = ids, .type = VALUE_STREAM,
                                .ends_without = words->is_group, .timeout_ms = words->timeout_ms, .look_ms = look_ms};
    if (!words->is_blocking || !exec_block(exec, &block)) {
        reply_null_array(exec->reply);
    }
}

void reply_streams(struct reply *reply, size_t count)
{
    if (reply->protocol == 2) {
        reply_array(reply, count);
    } else {
        reply_map(reply, count);
    }
}

void reply_stream_name(struct exec *exec, uint32_t index)
{
    if (exec->reply->protocol == 2) {
        reply_array(exec->reply, 2);
    }
    reply_bulk(exec->reply, exec->argv[index]);
}

/* --- XREAD --- */

/* Where to read argv[streams_at + i] from: behind *out. */
static bool read_position(struct exec *exec, const struct read_words *words, uint32_t i, struct stream_id *out)
{
    const uint32_t id_at = words->streams_at + words->stream_count + i;
    struct entry *entry = exec_find_read(exec, exec_key(exec, words->streams_at + i));
    if (!check_stream(exec, entry)) {
        return false;
    }
    if (bytes_equal(exec->argv[id_at], BYTES("$"))) {
        *out = entry == NULL ? STREAM_ID_MIN : entry_stream(entry)->last_id;
        return true;
    }
    if (bytes_equal(exec->argv[id_at], BYTES("+"))) { /* the last entry that is there, and not one that was deleted */
        if (entry == NULL || !stream_edge_id(entry_stream(entry), true, out)) {
            *out = STREAM_ID_MIN;
        } else {
            stream_id_decrement(out);
        }
        return true;
    }
    if (bytes_equal(exec->argv[id_at], BYTES(">"))) {
        return refuse(exec, "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> "
                            "option.");
    }
    return exec_stream_id(exec, id_at, out);
}

/* "$" means what was the last id when the command came. */
static void block_read(struct exec *exec, const struct read_words *words, const struct stream_id *positions)
{
    struct bytes *ids = exec_scratch(exec, words->stream_count * sizeof *ids);
    for (uint32_t i = 0; ids != NULL && i < words->stream_count; i++) {
        char *text = exec_scratch(exec, STREAM_ID_TEXT_MAX);
        if (text == NULL) {
            ids = NULL;
            break;
        }
        ids[i] = (struct bytes){text, stream_id_format(positions[i], text)};
    }
    if (ids == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    read_nothing(exec, words, ids, 0);
}

static void command_xread(struct exec *exec)
{
    struct read_words words;
    if (!read_words_parse(exec, false, &words)) {
        return;
    }
    struct reading *reading = make_reading(exec, words.stream_count);
    if (reading == NULL) {
        return;
    }
    struct stream_id *positions = exec_scratch(exec, words.stream_count * sizeof *positions);
    if (positions == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    for (uint32_t i = 0; i < words.stream_count; i++) {
        if (!read_position(exec, &words, i, &positions[i])) {
            return;
        }
    }
    reading->has_names = true;
    for (uint32_t i = 0; i < words.stream_count; i++) {
        const struct key key = exec_key(exec, words.streams_at + i);
        struct entry *entry = exec_find_read(exec, key); /* a second use, or miss, as in Redis */
        struct stream_id top;
        if (entry == NULL || !stream_edge_id(entry_stream(entry), true, &top) ||
            stream_id_compare(top, positions[i]) <= 0) {
            continue;
        }
        struct source *source = &reading->sources[reading->source_count++];
        *source = (struct source){.key_at = words.streams_at + i, .count = words.count};
        stream_id_increment(&positions[i]);
        stream_walk_begin(&source->walk, entry_stream(entry), positions[i], STREAM_ID_MAX, false);
    }
    if (reading->source_count == 0) {
        block_read(exec, &words, positions);
    } else {
        run_reading(exec, reading);
    }
}

#define RANGE_ROW                                                                                                              \
    .arity = -4, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1}, .since = "5.0.0", .group = "stream",       \
    .complexity = "O(N), N the entries returned"

static const struct command_key_spec read_keys[] = {
    {.flags = "RO access", .keyword = "STREAMS", .index = 1, .search = KEYS_RANGE, .last = -1, .step = 1, .limit = 2},
    {0},
};

const struct command_spec stream_read_commands[] = {
    {.name = "xrange", .run = command_xrange, RANGE_ROW, .summary = "Returns the entries between two ids.",
     .syntax = "key start end [COUNT count]"},
    {.name = "xrevrange", .run = command_xrevrange, RANGE_ROW,
     .summary = "Returns the entries between two ids, the last one first.", .syntax = "key end start [COUNT count]"},
    {.name = "xread", .run = command_xread, .arity = -4, .scope = SCOPE_KEYS,
     .flags = COMMAND_READONLY | COMMAND_BLOCKING | COMMAND_MOVABLE_KEYS, .since = "5.0.0", .group = "stream",
     .complexity = "O(N), N the entries returned",
     .summary = "Returns what was added to streams behind the ids that are named.",
     .syntax = "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]", .key_specs = read_keys},
    {0},
};
