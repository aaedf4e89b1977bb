/* stream_group.c - consumer groups: XGROUP.
 *
 * Threads    The holder of the key's baton.
 * Memory     A job is the connection thread's own block; a destroyed group is freed lazily.  */
#include "cmd/stream/stream_effect.h"
#include "cmd/stream/stream_private.h"
#include "cmd/stream/stream_rows.h"
#include "cmd/stream/stream_write.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

enum { REMOVED_AT_ONCE = 500, REMOVED_PER_LOOK = 16 };

/* --- words and finding --- */

/* The words behind "<subcommand> key group". */
struct group_words {
    bool may_make_stream;
    int64_t entries_read;
};

/* The shared answer of Redis for words that no subcommand takes. */
static bool refuse_words(struct exec *exec)
{
    reply_errorf(exec->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try XGROUP HELP.",
                 (int)(exec->argv[1].len > 128 ? 128 : exec->argv[1].len), exec->argv[1].data);
    return false;
}

/* argv[5...] of CREATE and SETID. */
static bool read_options(struct exec *exec, bool is_create, struct group_words *out)
{
    *out = (struct group_words){.entries_read = STREAM_READ_UNKNOWN};
    uint32_t at = 5;
    while (at < exec->argc) {
        if (is_create && bytes_equal_ignore_case(exec->argv[at], BYTES("MKSTREAM"))) {
            out->may_make_stream = true;
            at++;
        } else if (at + 1 < exec->argc && bytes_equal_ignore_case(exec->argv[at], BYTES("ENTRIESREAD"))) {
            if (!exec_int64_argument(exec, at + 1, &out->entries_read)) {
                return false;
            }
            if (out->entries_read < 0 && out->entries_read != STREAM_READ_UNKNOWN) {
                reply_error(exec->reply, "ERR value for ENTRIESREAD must be positive or -1");
                return false;
            }
            at += 2;
        } else {
            return refuse_words(exec);
        }
    }
    return true;
}

static bool refuse_absent_key(struct exec *exec)
{
    reply_error(exec->reply, "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use "
                             "the MKSTREAM option to create an empty stream automatically.");
    return false;
}

/* The stream at argv[2]. False: replied. */
static bool find_stream(struct exec *exec, struct entry **entry)
{
    *entry = exec_find_write(exec, exec_key(exec, 2));
    return check_stream(exec, *entry) && (*entry != NULL || refuse_absent_key(exec));
}

/* The group argv[3] of the stream at argv[2]. False: replied. */
static bool find_group(struct exec *exec, struct entry **entry, struct stream_place *out)
{
    if (!find_stream(exec, entry)) {
        return false;
    }
    out->stream = entry_stream(*entry);
    out->group = stream_find_group(out->stream, exec->argv[3]);
    if (out->group == NULL) {
        reply_no_group_of_key(exec, exec->argv[2], exec->argv[3]);
        return false;
    }
    return true;
}

static void open_value(struct exec *exec, struct entry *entry, struct value *value)
{
    const struct key key = exec_key(exec, 2);
    value_open(value, exec_keyspace(exec, key), key, entry);
}

/* --- CREATE and SETID --- */

/* argv[4]: an id, or "$" for the stream's last one (stream NULL: 0-0). */
static bool read_last_id(struct exec *exec, const struct stream *stream, enum stream_id_form form, struct stream_id *out)
{
    struct stream_id_word word;
    if (bytes_equal(exec->argv[4], BYTES("$"))) {
        *out = stream == NULL ? STREAM_ID_MIN : stream->last_id;
        return true;
    }
    if (!stream_id_parse(exec->argv[4], form, 0, &word)) {
        reply_error(exec->reply, ERROR_BAD_STREAM_ID);
        return false;
    }
    *out = word.id;
    return true;
}

static void command_create(struct exec *exec)
{
    struct group_words words;
    if (!read_options(exec, true, &words)) {
        return;
    }
    const struct key key = exec_key(exec, 2);
    struct entry *entry = exec_find_write(exec, key);
    struct stream_id last_id;
    if (!check_stream(exec, entry) || (entry == NULL && !words.may_make_stream && !refuse_absent_key(exec))) {
        return;
    }
    if (exec->argc > 8) {
        refuse_words(exec);
        return;
    }
    if (!read_last_id(exec, entry == NULL ? NULL : entry_stream(entry), STREAM_ID_PLAIN, &last_id)) {
        return;
    }
    struct value value;
    struct stream *stream;
    struct stream_group *group;
    enum result result = stream_value_open(&value, exec_keyspace(exec, key), key, entry, &stream);
    if (result == RESULT_OK) {
        result = stream_create_group(stream, exec->argv[3], last_id, words.entries_read, &group);
        if (result != RESULT_OK && value.is_new) {
            value_remove(&value);
        } else {
            const enum result closed = value_close(&value);
            result = result == RESULT_OK ? closed : result;
        }
    }
    if (result == RESULT_EXISTS) {
        reply_error(exec->reply, "BUSYGROUP Consumer Group name already exists");
    } else if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
    } else {
        exec_changed(exec, key, EVENT_XGROUP_CREATE);
        reply_ok(exec->reply);
    }
}

static void command_setid(struct exec *exec)
{
    struct group_words words;
    struct entry *entry;
    struct stream_place place;
    struct stream_id last_id;
    if (!read_options(exec, false, &words) || !find_group(exec, &entry, &place)) {
        return;
    }
    if (exec->argc != 5 && exec->argc != 7) {
        refuse_words(exec);
        return;
    }
    if (!read_last_id(exec, place.stream, STREAM_ID_WITH_ENDS, &last_id)) {
        return;
    }
    place.group->last_id = last_id;
    place.group->entries_read = words.entries_read;
    exec_changed(exec, exec_key(exec, 2), EVENT_XGROUP_SETID);
    reply_ok(exec->reply);
}

/* --- DESTROY and CREATECONSUMER --- */

static void command_destroy(struct exec *exec)
{
    struct entry *entry;
    if (!find_stream(exec, &entry)) {
        return;
    }
    struct stream *stream = entry_stream(entry);
    struct stream_group *group = stream_find_group(stream, exec->argv[3]);
    if (group == NULL) {
        reply_integer(exec->reply, 0);
        return;
    }
    struct value value;
    struct stream *remains;
    open_value(exec, entry, &value);
    stream_destroy_group(stream, group, &remains);
    stream_value_close(&value);
    stream_value_lazy_free(value.ks, remains);
    exec_changed(exec, value.key, EVENT_XGROUP_DESTROY);
    reply_integer(exec->reply, 1);
}

static void command_createconsumer(struct exec *exec)
{
    struct entry *entry;
    struct stream_place place;
    struct value value;
    struct stream_consumer *consumer;
    if (!find_group(exec, &entry, &place)) {
        return;
    }
    open_value(exec, entry, &value);
    const enum result result = stream_create_consumer(place.stream, place.group, exec->argv[4], exec->now_ms, &consumer);
    stream_value_close(&value);
    if (result != RESULT_OK && result != RESULT_EXISTS) {
        reply_result_error(exec->reply, result);
        return;
    }
    if (result == RESULT_OK) {
        struct group_effect effect;
        group_effect_begin(&effect, exec, value.key, place.group);
        group_effect_seen(&effect, consumer);
        exec_changed(exec, value.key, EVENT_XGROUP_CREATECONSUMER);
        group_effect_end(&effect);
    }
    reply_integer(exec->reply, result == RESULT_OK);
}

/* --- DELCONSUMER: at once, or in steps when much is pending --- */

struct removal {
    struct stream_job stream_job;
    struct stream_consumer *consumer;
    int64_t pending_count;
};

/* Makes the consumer's entries no longer pending; a job until its step is over. `effect` NULL: the command's words say it all. */
static void remove_pending(struct exec *exec, struct stream_place place, const struct stream_consumer *consumer,
                           struct group_effect *effect)
{
    for (unsigned i = 1; consumer->pending.count > 0; i++) {
        const struct stream_id id = id_cursor_id(id_tree_first(&consumer->pending));
        stream_remove_pending(place.stream, place.group, id);
        if (effect != NULL) {
            group_effect_removed(effect, id);
        }
        if (exec->job != NULL && i % REMOVED_PER_LOOK == 0 && exec_step_is_over(exec)) {
            break;
        }
    }
}

static void end_removal(struct exec *exec, struct stream_place place, struct stream_consumer *consumer, int64_t pending_count)
{
    stream_destroy_consumer(place.stream, place.group, consumer);
    exec_changed(exec, exec_key(exec, 2), EVENT_XGROUP_DELCONSUMER);
    reply_integer(exec->reply, pending_count);
}

/* One step. A client may go between two of them, so each says what it did. True: the consumer is gone. */
static bool remove_some(struct exec *exec, struct stream_place place, const struct removal *removal)
{
    struct group_effect effect;
    const struct key key = exec_key(exec, 2);
    group_effect_begin(&effect, exec, key, place.group);
    remove_pending(exec, place, removal->consumer, &effect);
    group_effect_end(&effect);
    if (removal->consumer->pending.count > 0) {
        return false;
    }
    end_removal(exec, place, removal->consumer, removal->pending_count);
    exec_effect(exec, key, exec->argv, exec->argc);
    return true;
}

static enum job_status removal_step(struct job *job, struct exec *exec)
{
    struct removal *removal = (struct removal *)job;
    struct stream_write write;
    const enum stream_write_state state = stream_job_open(&removal->stream_job, exec, 0, &write);
    if (state == STREAM_WRITE_WAIT) {
        return JOB_WAIT;
    }
    if (state == STREAM_WRITE_GONE) {
        reply_integer(exec->reply, removal->pending_count);
        return JOB_DONE;
    }
    const struct stream_place place = {write.stream, stream_find_group(write.stream, exec->argv[3])};
    const bool is_done = remove_some(exec, place, removal);
    stream_value_close(&write.value);
    return is_done ? JOB_DONE : JOB_MORE;
}

static void start_removal(struct exec *exec, struct stream_consumer *consumer)
{
    struct removal *removal = stream_job_create(exec, sizeof *removal, 2, 1);
    if (removal != NULL) {
        removal->stream_job.job.step = removal_step;
        removal->consumer = consumer;
        removal->pending_count = (int64_t)consumer->pending.count;
        exec_start_job(exec, &removal->stream_job.job);
    }
}

static void command_delconsumer(struct exec *exec)
{
    struct entry *entry;
    struct stream_place place;
    struct value value;
    if (!find_group(exec, &entry, &place)) {
        return;
    }
    struct stream_consumer *consumer = stream_find_consumer(place.group, exec->argv[4]);
    if (consumer == NULL) {
        reply_integer(exec->reply, 0);
        return;
    }
    if (consumer->pending.count > REMOVED_AT_ONCE) {
        start_removal(exec, consumer);
        return;
    }
    const int64_t pending_count = (int64_t)consumer->pending.count;
    open_value(exec, entry, &value);
    remove_pending(exec, place, consumer, NULL);
    end_removal(exec, place, consumer, pending_count);
    stream_value_close(&value);
}

#define GROUP_ROW .scope = SCOPE_KEYS, .keys = {2, 2, 1}, .since = "5.0.0", .group = "stream"

static const struct command_spec xgroup_subcommands[] = {
    {.name = "create", .run = command_create, GROUP_ROW, .arity = -5, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .complexity = "O(log N), N the groups", .summary = "Makes a consumer group that reads from behind an id on.",
     .syntax = "key group (id|$) [MKSTREAM] [ENTRIESREAD entries-read]", .key_flags = "RW insert"},
    {.name = "createconsumer", .run = command_createconsumer, .scope = SCOPE_KEYS, .keys = {2, 2, 1}, .since = "6.2.0",
     .group = "stream", .arity = 5, .flags = COMMAND_WRITE | COMMAND_DENYOOM, .complexity = "O(log N), N the consumers",
     .summary = "Makes a consumer in a group.", .syntax = "key group consumer", .key_flags = "RW insert"},
    {.name = "delconsumer", .run = command_delconsumer, GROUP_ROW, .arity = 5, .flags = COMMAND_WRITE,
     .complexity = "O(N), N the entries pending for it",
     .summary = "Removes a consumer with its pending entries, and returns how many they were.",
     .syntax = "key group consumer", .key_flags = "RW delete"},
    {.name = "destroy", .run = command_destroy, GROUP_ROW, .arity = 4, .flags = COMMAND_WRITE,
     .complexity = "O(N), N the consumers; the pending entries are freed later",
     .summary = "Removes a consumer group.", .syntax = "key group", .key_flags = "RW delete"},
    {COMMAND_HELP_ROW, .since = "5.0.0", .group = "stream"},
    {.name = "setid", .run = command_setid, GROUP_ROW, .arity = -5, .flags = COMMAND_WRITE, .complexity = "O(1)",
     .summary = "Sets the id behind which a group goes on reading.",
     .syntax = "key group (id|$) [ENTRIESREAD entries-read]", .key_flags = "RW update"},
    {0},
};

const struct command_spec stream_group_commands[] = {
    {.name = "xgroup", .arity = -2, .since = "5.0.0", .group = "stream", .complexity = "Depends on the subcommand",
     .summary = "Consumer groups.", .subcommands = xgroup_subcommands},
    {0},
};
