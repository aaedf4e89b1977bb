/* stream_info.c - what streams, groups and consumers are like: XINFO. A full report that is long is replied in steps, with the
 * stream pinned.
 *
 * Threads    The holder of the key's baton.
 * Memory     A job is the connection thread's own block.  */
#include "cmd/stream/stream_private.h"
#include "cmd/stream/stream_rows.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

enum { FULL_COUNT_DEFAULT = 10, PARTS_PER_LOOK = 16 };

static void reply_name(struct reply *reply, const char *name)
{
    reply_bulk_string(reply, name);
}

static void reply_named_id(struct reply *reply, const char *name, struct stream_id id)
{
    reply_name(reply, name);
    reply_stream_id(reply, id);
}

static void reply_named_integer(struct reply *reply, const char *name, uint64_t value)
{
    reply_name(reply, name);
    reply_integer(reply, (int64_t)value);
}

static void reply_named_text(struct reply *reply, const char *name, struct bytes text)
{
    reply_name(reply, name);
    reply_bulk(reply, text);
}

/* How many entries are still to be delivered to a group, where that is known. */
static bool group_lag(const struct stream *stream, const struct stream_group *group, int64_t *out)
{
    int64_t read = group->entries_read;
    if (stream->entries_added == 0) {
        *out = 0;
        return true;
    }
    if (read == STREAM_READ_UNKNOWN || stream_has_tombstones_behind(stream, group->last_id)) {
        read = stream_entries_read_at(stream, group->last_id);
    }
    *out = (int64_t)(stream->entries_added - (uint64_t)read);
    return read != STREAM_READ_UNKNOWN;
}

static void reply_group_counters(struct reply *reply, const struct stream *stream, const struct stream_group *group)
{
    int64_t lag;
    reply_named_id(reply, "last-delivered-id", group->last_id);
    reply_name(reply, "entries-read");
    if (group->entries_read == STREAM_READ_UNKNOWN) {
        reply_null(reply);
    } else {
        reply_integer(reply, group->entries_read);
    }
    reply_name(reply, "lag");
    if (group_lag(stream, group, &lag)) {
        reply_integer(reply, lag);
    } else {
        reply_null(reply);
    }
}

/* --- finding --- */

/* The stream at argv[2]; NULL: replied why not. */
static struct entry *find_stream(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 2));
    if (entry == NULL) {
        reply_error(exec->reply, ERROR_NO_KEY);
        return NULL;
    }
    return check_stream(exec, entry) ? entry : NULL;
}

/* --- CONSUMERS, GROUPS --- */

static void command_consumers(struct exec *exec)
{
    struct entry *entry = find_stream(exec);
    if (entry == NULL) {
        return;
    }
    const struct stream_group *group = stream_find_group(entry_stream(entry), exec->argv[3]);
    if (group == NULL) {
        reply_no_group_of_key(exec, exec->argv[2], exec->argv[3]);
        return;
    }
    reply_array(exec->reply, group->consumer_count);
    for (uint32_t i = 0; i < group->consumer_count; i++) {
        const struct stream_consumer *consumer = group->consumers[i];
        const int64_t idle_ms = exec->now_ms - consumer->seen_ms;
        reply_map(exec->reply, 3);
        reply_named_text(exec->reply, "name", stream_consumer_name(consumer));
        reply_named_integer(exec->reply, "pending", consumer->pending.count);
        reply_named_integer(exec->reply, "idle", idle_ms < 0 ? 0 : (uint64_t)idle_ms);
    }
}

static void command_groups(struct exec *exec)
{
    struct entry *entry = find_stream(exec);
    if (entry == NULL) {
        return;
    }
    const struct stream *stream = entry_stream(entry);
    reply_array(exec->reply, stream->group_count);
    for (uint32_t i = 0; i < stream->group_count; i++) {
        const struct stream_group *group = stream->groups[i];
        reply_map(exec->reply, 6);
        reply_named_text(exec->reply, "name", stream_group_name(group));
        reply_named_integer(exec->reply, "consumers", group->consumer_count);
        reply_named_integer(exec->reply, "pending", group->pending.count);
        reply_group_counters(exec->reply, stream, group);
    }
}

/* --- STREAM --- */

static void reply_stream_head(struct reply *reply, const struct stream *stream)
{
    reply_named_integer(reply, "length", stream->length);
    reply_named_integer(reply, "radix-tree-keys", stream->nodes.count);
    reply_named_integer(reply, "radix-tree-nodes", stream_radix_nodes(stream));
    reply_named_id(reply, "last-generated-id", stream->last_id);
    reply_named_id(reply, "max-deleted-entry-id", stream->max_deleted_id);
    reply_named_integer(reply, "entries-added", stream->entries_added);
    reply_named_id(reply, "recorded-first-entry-id", stream->first_id);
}

static void reply_edge(struct reply *reply, const char *name, const struct stream *stream, bool is_last)
{
    struct stream_walk walk;
    struct stream_entry entry;
    reply_name(reply, name);
    stream_walk_begin(&walk, stream, STREAM_ID_MIN, STREAM_ID_MAX, is_last);
    if (stream_walk_next(&walk, &entry)) {
        reply_stream_entry(reply, &entry);
    } else {
        reply_null(reply);
    }
}

static void reply_short_report(struct reply *reply, const struct stream *stream)
{
    reply_map(reply, 10);
    reply_stream_head(reply, stream);
    reply_named_integer(reply, "groups", stream->group_count);
    reply_edge(reply, "first-entry", stream, false);
    reply_edge(reply, "last-entry", stream, true);
}

/* --- STREAM ... FULL: the head, then part after part --- */

enum part { PART_ENTRY, PART_GROUP, PART_GROUP_PENDING, PART_CONSUMER, PART_CONSUMER_PENDING, PART_END };

struct full_report {
    struct job job;
    struct pin pin;
    const struct stream *stream;
    uint64_t count;             /* of entries in each list */
    enum part part;             /* the next one */
    struct stream_walk entries;
    uint32_t group_at, consumer_at;
    struct id_cursor pending;
    uint64_t left;              /* in the list that is being replied */
    bool is_begun;
};

static uint64_t at_most(uint64_t count, uint64_t most)
{
    return count < most ? count : most;
}

static void begin_report(struct full_report *report, struct reply *reply)
{
    const struct stream *stream = report->stream;
    reply_map(reply, 9);
    reply_stream_head(reply, stream);
    reply_name(reply, "entries");
    report->left = at_most(stream->length, report->count);
    reply_array(reply, report->left);
    stream_walk_begin(&report->entries, stream, STREAM_ID_MIN, STREAM_ID_MAX, false);
    report->is_begun = true;
}

static void reply_entry_part(struct full_report *report, struct reply *reply)
{
    struct stream_entry entry;
    if (report->left > 0 && stream_walk_next(&report->entries, &entry)) {
        reply_stream_entry(reply, &entry);
        report->left--;
        return;
    }
    reply_name(reply, "groups");
    reply_array(reply, report->stream->group_count);
    report->part = report->stream->group_count > 0 ? PART_GROUP : PART_END;
}

static void reply_group_part(struct full_report *report, struct reply *reply)
{
    const struct stream_group *group = report->stream->groups[report->group_at];
    reply_map(reply, 7);
    reply_named_text(reply, "name", stream_group_name(group));
    reply_group_counters(reply, report->stream, group);
    reply_named_integer(reply, "pel-count", group->pending.count);
    reply_name(reply, "pending");
    report->left = at_most(group->pending.count, report->count);
    report->pending = id_tree_first(&group->pending);
    reply_array(reply, report->left);
    report->part = PART_GROUP_PENDING;
}

static void next_group(struct full_report *report)
{
    report->group_at++;
    report->part = report->group_at < report->stream->group_count ? PART_GROUP : PART_END;
}

static void reply_group_pending_part(struct full_report *report, struct reply *reply)
{
    const struct stream_group *group = report->stream->groups[report->group_at];
    if (report->left > 0) {
        const struct stream_nack *nack = id_cursor_value(&group->pending, report->pending);
        reply_array(reply, 4);
        reply_stream_id(reply, id_cursor_id(report->pending));
        reply_bulk(reply, stream_consumer_name(nack->consumer));
        reply_integer(reply, nack->delivery_ms);
        reply_integer(reply, (int64_t)nack->delivery_count);
        id_cursor_next(&report->pending);
        report->left--;
        return;
    }
    reply_name(reply, "consumers");
    reply_array(reply, group->consumer_count);
    report->consumer_at = 0;
    report->part = PART_CONSUMER;
    if (group->consumer_count == 0) {
        next_group(report);
    }
}

static void reply_consumer_part(struct full_report *report, struct reply *reply)
{
    const struct stream_group *group = report->stream->groups[report->group_at];
    const struct stream_consumer *consumer = group->consumers[report->consumer_at];
    reply_map(reply, 4);
    reply_named_text(reply, "name", stream_consumer_name(consumer));
    reply_named_integer(reply, "seen-time", (uint64_t)consumer->seen_ms);
    reply_named_integer(reply, "pel-count", consumer->pending.count);
    reply_name(reply, "pending");
    report->left = at_most(consumer->pending.count, report->count);
    report->pending = id_tree_first(&consumer->pending);
    reply_array(reply, report->left);
    report->part = PART_CONSUMER_PENDING;
}

static void reply_consumer_pending_part(struct full_report *report, struct reply *reply)
{
    const struct stream_group *group = report->stream->groups[report->group_at];
    if (report->left > 0) {
        const struct stream_id id = id_cursor_id(report->pending);
        const struct stream_nack *nack = stream_find_pending(group, id);
        reply_array(reply, 3);
        reply_stream_id(reply, id);
        reply_integer(reply, nack->delivery_ms);
        reply_integer(reply, (int64_t)nack->delivery_count);
        id_cursor_next(&report->pending);
        report->left--;
        return;
    }
    report->part = PART_CONSUMER;
    if (++report->consumer_at == group->consumer_count) {
        next_group(report);
    }
}

/* Replies parts until the end (true), or until a job's step is over. */
static bool reply_parts(struct full_report *report, struct exec *exec)
{
    static void (*const parts[])(struct full_report *, struct reply *) = {
        [PART_ENTRY] = reply_entry_part,
        [PART_GROUP] = reply_group_part,
        [PART_GROUP_PENDING] = reply_group_pending_part,
        [PART_CONSUMER] = reply_consumer_part,
        [PART_CONSUMER_PENDING] = reply_consumer_pending_part,
    };
    if (!report->is_begun) {
        begin_report(report, exec->reply);
    }
    for (unsigned i = 1; report->part != PART_END; i++) {
        parts[report->part](report, exec->reply);
        if (exec->job != NULL && i % PARTS_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return false;
        }
    }
    return true;
}

static enum job_status report_step(struct job *job, struct exec *exec)
{
    return reply_parts((struct full_report *)job, exec) ? JOB_DONE : JOB_MORE;
}

static void report_destroy(struct job *job, struct exec *exec)
{
    struct full_report *report = (struct full_report *)job;
    exec_unpin(exec, &report->pin);
    thread_free(MEM_CLIENT, report, sizeof *report);
}

static void start_job(struct exec *exec, struct entry *entry, const struct full_report *report)
{
    struct full_report *copy = thread_alloc(MEM_CLIENT, sizeof *copy);
    if (copy == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    *copy = *report;
    copy->job = (struct job){report_step, report_destroy, (int32_t)exec->shard->number};
    if (exec_pin(exec, exec_key(exec, 2), entry, &copy->pin)) {
        exec_start_job(exec, &copy->job);
    } else {
        report_destroy(&copy->job, exec);
    }
}

/* Is the report little enough for one step? */
static bool is_short(const struct full_report *report)
{
    const struct stream *stream = report->stream;
    struct stream_walk walk;
    uint64_t parts = 0;
    stream_walk_begin(&walk, stream, STREAM_ID_MIN, STREAM_ID_MAX, false);
    for (uint32_t i = 0; i < stream->group_count && parts <= STREAM_SHORT_ENTRIES; i++) {
        const struct stream_group *group = stream->groups[i];
        /* A consumer's pending entries are at most the group's. */
        parts += 1 + 2 * at_most(group->pending.count, report->count) + group->consumer_count;
    }
    return parts <= STREAM_SHORT_ENTRIES && stream_walk_is_short(&walk, report->count);
}

/* Redis's answer to words that do not fit. */
static bool refuse_words(struct exec *exec)
{
    reply_errorf(exec->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try XINFO HELP.",
                 (int)(exec->argv[1].len > 128 ? 128 : exec->argv[1].len), exec->argv[1].data);
    return false;
}

/* FULL and its COUNT; *count: of entries in each list. */
static bool read_full(struct exec *exec, uint64_t *count)
{
    int64_t number = FULL_COUNT_DEFAULT;
    if ((exec->argc != 4 && exec->argc != 6) || !bytes_equal_ignore_case(exec->argv[3], BYTES("FULL"))) {
        return refuse_words(exec);
    }
    if (exec->argc == 6) {
        if (!bytes_equal_ignore_case(exec->argv[4], BYTES("COUNT"))) {
            return refuse_words(exec);
        }
        if (!exec_int64_argument(exec, 5, &number)) {
            return false;
        }
    }
    *count = number < 0 ? FULL_COUNT_DEFAULT : number == 0 ? UINT64_MAX : (uint64_t)number;
    return true;
}

static void command_stream(struct exec *exec)
{
    struct entry *entry = find_stream(exec);
    if (entry == NULL) {
        return;
    }
    struct full_report report = {.stream = entry_stream(entry)};
    if (exec->argc == 3) {
        reply_short_report(exec->reply, report.stream);
    } else if (read_full(exec, &report.count)) {
        if (!is_short(&report)) {
            start_job(exec, entry, &report);
        } else if (!reply_parts(&report, exec)) {
            return;
        }
    }
}

#define INFO_ROW .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {2, 2, 1}, .since = "5.0.0", .group = "stream"

static const struct command_spec xinfo_subcommands[] = {
    {.name = "consumers", .run = command_consumers, INFO_ROW, .arity = 4, .complexity = "O(N), N the consumers",
     .summary = "Lists the consumers of a group.", .syntax = "key group", .tips = "nondeterministic_output",
     .key_flags = "RO access"},
    {.name = "groups", .run = command_groups, INFO_ROW, .arity = 3, .complexity = "O(N), N the groups",
     .summary = "Lists the consumer groups of a stream.", .syntax = "key", .key_flags = "RO access"},
    {COMMAND_HELP_ROW, .since = "5.0.0", .group = "stream"},
    {.name = "stream", .run = command_stream, INFO_ROW, .arity = -3,
     .complexity = "O(N), N the nodes of the stream, and what is returned",
     .summary = "Tells about a stream, with FULL about its groups and consumers as well.",
     .syntax = "key [FULL [COUNT count]]", .key_flags = "RO access"},
    {0},
};

const struct command_spec stream_info_commands[] = {
    {.name = "xinfo", .arity = -2, .since = "5.0.0", .group = "stream", .complexity = "Depends on the subcommand",
     .summary = "Information about streams.", .subcommands = xinfo_subcommands},
    {0},
};
