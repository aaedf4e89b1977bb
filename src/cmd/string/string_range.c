/* string_range.c - parts of strings: lengths, ranges, appending.
 *
 * Threads    The holder of the key's baton.
 * Limits     No string grows beyond proto-max-bulk-len.  */
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/text_copy.h"
#include "cmd/string/string_patch.h"
#include "cmd/string/string_range.h"
#include "cmd/string/string_rows.h"
#include "cmd/string/string_work.h"
#include "shard/server.h"

static void command_strlen(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (check_string(exec, entry)) {
        reply_integer(exec->reply, entry == NULL ? 0 : (int64_t)entry_string_len(entry));
    }
}

struct bytes string_range_clip(struct bytes text, int64_t first, int64_t last)
{
    static const struct bytes none = BYTES("");
    int64_t len = (int64_t)text.len;
    if (len == 0 || (first < 0 && last < 0 && first > last)) {
        return none;
    }
    if (first < 0) {
        first = first < -len ? 0 : first + len;
    }
    if (last < 0) {
        last = last < -len ? 0 : last + len;
    }
    if (last >= len) {
        last = len - 1;
    }
    if (first > last) {
        return none;
    }
    return (struct bytes){text.data + first, (size_t)(last - first + 1)};
}

static void command_getrange(struct exec *exec)
{
    int64_t first, last;
    if (!exec_int64_argument(exec, 2, &first) || !exec_int64_argument(exec, 3, &last)) {
        return;
    }
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_string(exec, entry)) {
        return;
    }
    char scratch[STRING_SCRATCH];
    struct bytes text = entry == NULL ? BYTES("") : entry_string(entry, scratch);
    string_reply_text(exec, entry, string_range_clip(text, first, last));
}

/* Ends APPEND and SETRANGE: reports the change and replies the new length, or the error. */
static void finish_write(struct exec *exec, struct key key, enum result result, size_t len, enum event event)
{
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, key, event);
    reply_integer(exec->reply, (int64_t)len);
}

static void command_append(struct exec *exec)
{
    struct key key = exec_key(exec, 1);
    struct bytes tail = exec->argv[2];
    struct entry *existing = exec_find_write(exec, key);
    if (!check_string(exec, existing)) {
        return;
    }
    if (tail.len > TEXT_AT_ONCE_MAX) {
        string_patch_start(exec, &(struct string_patch){.word = 2, .is_append = true, .event = EVENT_APPEND});
        return;
    }
    struct keyspace *ks = exec_keyspace(exec, key);
    size_t len = tail.len;
    enum result result;
    if (existing == NULL) {
        result = keyspace_put_string(ks, key, NULL, tail, EXPIRY_CLEAR, KEYSPACE_NO_EXPIRY);
    } else if (string_check_length(exec, entry_string_len(existing), tail.len)) {
        result = keyspace_string_append(ks, key, existing, tail, &len);
    } else {
        return;
    }
    finish_write(exec, key, result, len, EVENT_APPEND);
}

static void command_setrange(struct exec *exec)
{
    int64_t offset;
    struct bytes patch = exec->argv[3];
    if (!exec_int64_argument(exec, 2, &offset)) {
        return;
    }
    if (offset < 0) {
        reply_error(exec->reply, "ERR offset is out of range");
        return;
    }
    struct key key = exec_key(exec, 1);
    struct entry *existing = exec_find_write(exec, key);
    if (!check_string(exec, existing)) {
        return;
    }
    if (patch.len == 0) {
        reply_integer(exec->reply, existing == NULL ? 0 : (int64_t)entry_string_len(existing));
        return;
    }
    if (!string_check_length(exec, (uint64_t)offset, patch.len)) {
        return;
    }
    if (patch.len > TEXT_AT_ONCE_MAX) {
        string_patch_start(exec, &(struct string_patch){.word = 3, .offset = (size_t)offset, .event = EVENT_SETRANGE});
        return;
    }
    size_t len = 0;
    enum result result = keyspace_string_set_range(exec_keyspace(exec, key), key, existing, (size_t)offset, patch, &len);
    finish_write(exec, key, result, len, EVENT_SETRANGE);
}

const struct command_spec string_range_commands[] = {
    {.name = "append", .run = command_append, .arity = 3, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1}, .since = "2.0.0", .group = "string",
     .complexity = "O(1) amortized, for values that are short against the string",
     .summary = "Adds bytes to the end of a string, which is made when there is none.", .syntax = "key value",
     .key_flags = "RW insert"},
    {.name = "getrange", .run = command_getrange, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "2.4.0", .group = "string", .complexity = "O(N), N the bytes returned",
     .summary = "Returns the part of a string between two positions; negative ones count from the end.",
     .syntax = "key start end"},
    {.name = "setrange", .run = command_setrange, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "2.2.0", .group = "string", .complexity = "O(M), M the length of the value",
     .summary = "Overwrites a string from a position on, with zero bytes between its end and there.",
     .syntax = "key offset value"},
    {.name = "strlen", .run = command_strlen, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "2.2.0", .group = "string", .complexity = "O(1)",
     .summary = "Returns how many bytes a string has.", .syntax = "key", .key_flags = "RO"},
    {.name = "substr", .run = command_getrange, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "string", .complexity = "O(N), N the bytes returned",
     .summary = "The old name of GETRANGE.", .syntax = "key start end"},
    {0},
};
