/* stream.c - streams as a whole: XDEL XLEN XSETID.
 *
 * Threads    The holder of the key's baton.  */
#include "cmd/stream/stream_private.h"
#include "cmd/stream/stream_rows.h"
#include "exec/exec.h"
#include "shard/server.h"

/* Opens the stream at argv[1] for a change. False: replied, with `absent` when there is no such key (NULL: 0). */
static bool open_existing(struct exec *exec, const char *absent, struct value *value, struct stream **out)
{
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_stream(exec, entry)) {
        return false;
    }
    if (entry == NULL) {
        if (absent == NULL) {
            reply_integer(exec->reply, 0);
        } else {
            reply_error(exec->reply, absent);
        }
        return false;
    }
    value_open(value, exec_keyspace(exec, key), key, entry);
    *out = entry_stream(entry);
    return true;
}

static void command_xlen(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (check_stream(exec, entry)) {
        reply_integer(exec->reply, entry == NULL ? 0 : (int64_t)entry_stream(entry)->length);
    }
}

static void command_xdel(struct exec *exec)
{
    struct value value;
    struct stream *stream;
    if (!open_existing(exec, NULL, &value, &stream)) {
        return;
    }
    const uint32_t id_count = exec->argc - 2;
    const struct stream_id *ids = exec_stream_ids(exec, 2, exec->argc);
    if (ids == NULL) {
        return;
    }
    int64_t deleted = 0;
    uint32_t done = 0;
    while (done < id_count) {
        const enum result result = stream_delete(stream, ids[done]);
        if (result == RESULT_NO_MEMORY) {
            break;
        }
        deleted += result == RESULT_OK;
        done++;
    }
    if (deleted > 0) {
        exec_changed(exec, value.key, EVENT_XDEL);
        exec_count_changes(exec, (uint64_t)deleted - 1);
        exec_effect(exec, value.key, exec->argv, 2 + done);
    }
    stream_value_close(&value);
    reply_integer(exec->reply, deleted);
}

static bool refuse(struct exec *exec, const char *error)
{
    reply_error(exec->reply, error);
    return false;
}

/* ENTRIESADDED and MAXDELETEDID. */
struct set_id_words {
    int64_t entries_added; /* -1: not given */
    struct stream_id id, max_deleted_id;
};

static bool read_set_id_option(struct exec *exec, uint32_t at, struct set_id_words *out)
{
    const bool has_more = at + 1 < exec->argc;
    if (has_more && bytes_equal_ignore_case(exec->argv[at], BYTES("ENTRIESADDED"))) {
        if (!exec_int64_argument(exec, at + 1, &out->entries_added)) {
            return false;
        }
        return out->entries_added >= 0 || refuse(exec, "ERR entries_added must be positive");
    }
    if (has_more && bytes_equal_ignore_case(exec->argv[at], BYTES("MAXDELETEDID"))) {
        if (!exec_stream_id(exec, at + 1, &out->max_deleted_id)) {
            return false;
        }
        return stream_id_compare(out->id, out->max_deleted_id) >= 0 ||
               refuse(exec, "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
    }
    return refuse(exec, ERROR_SYNTAX);
}

/* Why the stream cannot have that last id; NULL: it can. */
static const char *set_id_error(const struct stream *stream, const struct set_id_words *words)
{
    struct stream_id top;
    if (!stream_edge_id(stream, true, &top)) {
        return NULL;
    }
    if (stream_id_compare(words->id, top) < 0) {
        return "ERR The ID specified in XSETID is smaller than the target stream top item";
    }
    if (words->entries_added != -1 && stream->length > (uint64_t)words->entries_added) {
        return "ERR The entries_added specified in XSETID is smaller than the target stream length";
    }
    return NULL;
}

static void command_xsetid(struct exec *exec)
{
    struct set_id_words words = {.entries_added = -1};
    struct value value;
    struct stream *stream;
    if (!exec_stream_id(exec, 2, &words.id)) {
        return;
    }
    for (uint32_t at = 3; at < exec->argc; at += 2) {
        if (!read_set_id_option(exec, at, &words)) {
            return;
        }
    }
    if (!open_existing(exec, ERROR_NO_KEY, &value, &stream)) {
        return;
    }
    const char *error = set_id_error(stream, &words);
    if (error != NULL) {
        reply_error(exec->reply, error);
        return;
    }
    stream_set_last_id(stream, words.id);
    if (words.entries_added != -1) {
        stream->entries_added = (uint64_t)words.entries_added;
    }
    if (!stream_id_is_zero(words.max_deleted_id)) {
        stream->max_deleted_id = words.max_deleted_id;
    }
    stream_value_close(&value);
    exec_changed(exec, value.key, EVENT_XSETID);
    reply_ok(exec->reply);
}

#define STREAM_ROW .scope = SCOPE_KEYS, .keys = {1, 1, 1}, .since = "5.0.0", .group = "stream"

const struct command_spec stream_commands[] = {
    {.name = "xdel", .run = command_xdel, STREAM_ROW, .arity = -3, .flags = COMMAND_WRITE | COMMAND_FAST,
     .complexity = "O(log N) for each id", .summary = "Deletes entries and returns how many there were.",
     .syntax = "key id [id ...]", .key_flags = "RW delete"},
    {.name = "xlen", .run = command_xlen, STREAM_ROW, .arity = 2, .flags = COMMAND_READONLY | COMMAND_FAST,
     .complexity = "O(1)", .summary = "Returns how many entries a stream has.", .syntax = "key", .key_flags = "RO"},
    {.name = "xsetid", .run = command_xsetid, STREAM_ROW, .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .complexity = "O(1)",
     .summary = "Sets the last id and the counters of a stream.",
     .syntax = "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]", .key_flags = "RW update"},
    {0},
};
