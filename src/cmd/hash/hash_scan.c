/* hash_scan.c - HSCAN. A small hash is replied as a whole, with cursor 0.
 *
 * Threads    The holder of the key's baton.
 * Read on    core/member_scan.h.  */
#include "cmd/core/member_scan.h"
#include "cmd/hash/hash_private.h"
#include "cmd/hash/hash_rows.h"

static void scan_small(struct exec *exec, const struct entry *entry, const struct member_scan *request)
{
    const struct bytes *pattern = member_scan_pattern(exec, request);
    struct hash_walk walk;
    struct item field, text;
    size_t matches = 0;
    hash_walk_begin(&walk, entry);
    while (hash_walk_next(&walk, &field, &text)) {
        matches += member_scan_is_wanted(pattern, &field);
    }
    member_scan_reply_header(exec->reply, 0, request->is_without_values ? matches : 2 * matches);
    hash_walk_begin(&walk, entry);
    while (hash_walk_next(&walk, &field, &text)) {
        if (!member_scan_is_wanted(pattern, &field)) {
            continue;
        }
        reply_item(exec->reply, &field);
        if (!request->is_without_values) {
            reply_item(exec->reply, &text);
        }
    }
}

static void command_hscan(struct exec *exec)
{
    struct member_scan request;
    struct entry *entry = member_scan_open(exec, VALUE_HASH, &request);
    if (entry == NULL) {
        return;
    }
    if (hash_is_large(entry)) {
        member_scan_reply_table(exec, entry, request, !request.is_without_values);
    } else {
        scan_small(exec, entry, &request);
    }
}

const struct command_spec hash_scan_commands[] = {
    {.name = "hscan", .run = command_hscan, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "2.8.0", .group = "hash", .complexity = "O(1) a call; O(N) for all N fields",
     .summary = "Returns some fields of a hash with their values, and a cursor to go on from.",
     .syntax = "key cursor [MATCH pattern] [COUNT count] [NOVALUES]", .tips = "nondeterministic_output"},
    {0},
};
