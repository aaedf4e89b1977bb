/* string_condition.c - strings compared with texts and digests: DIGEST, DELEX, DELIFEQ, and the conditions of SET.
 *
 * Threads    The holder of the key's baton.
 * Limits     A comparison is one step: as long as a text that came with the command, or as the stored string for a digest.  */
#include "cmd/string/string_condition.h"

#include "base/text_digest.h"
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/string/string_rows.h"

enum condition_kind string_condition_kind(struct bytes word)
{
    static const struct {
        struct bytes name;
        enum condition_kind kind;
    } names[] = {
        {BYTES("IFEQ"), CONDITION_EQUAL}, {BYTES("IFNE"), CONDITION_NOT_EQUAL},
        {BYTES("IFDEQ"), CONDITION_DIGEST_EQUAL}, {BYTES("IFDNE"), CONDITION_DIGEST_NOT_EQUAL},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_equal_ignore_case(word, names[i].name)) {
            return names[i].kind;
        }
    }
    return CONDITION_NONE;
}

static bool is_of_digest(enum condition_kind kind)
{
    return kind == CONDITION_DIGEST_EQUAL || kind == CONDITION_DIGEST_NOT_EQUAL;
}

bool string_condition_read(struct exec *exec, enum condition_kind kind, uint32_t value, struct string_condition *out)
{
    *out = (struct string_condition){.kind = kind};
    if (!is_of_digest(kind)) {
        out->text = exec->argv[value];
        return true;
    }
    if (text_digest_parse(exec->argv[value], &out->digest)) {
        return true;
    }
    reply_error(exec->reply, "ERR must be exactly 16 hexadecimal characters");
    return false;
}

bool string_condition_holds(const struct string_condition *condition, const struct entry *entry)
{
    const bool wants_equal = condition->kind == CONDITION_EQUAL || condition->kind == CONDITION_DIGEST_EQUAL;
    if (entry == NULL) {
        return !wants_equal;
    }
    char scratch[STRING_SCRATCH];
    const struct bytes text = entry_string(entry, scratch);
    const bool is_equal = is_of_digest(condition->kind) ? text_digest(text) == condition->digest : bytes_equal(text, condition->text);
    return is_equal == wants_equal;
}

/* --- commands --- */

static void command_digest(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_string(exec, entry)) {
        return;
    }
    if (entry == NULL) {
        reply_null(exec->reply);
        return;
    }
    char scratch[STRING_SCRATCH];
    char digits[TEXT_DIGEST_LEN];
    text_digest_format(text_digest(entry_string(entry, scratch)), digits);
    reply_bulk(exec->reply, (struct bytes){digits, TEXT_DIGEST_LEN});
}

/* Deletes what is at argv[1], if the condition holds, and replies how many keys have gone. */
static void delete_if(struct exec *exec, struct entry *entry, const struct string_condition *condition)
{
    const bool is_wanted = entry != NULL && (condition->kind == CONDITION_NONE || string_condition_holds(condition, entry));
    if (is_wanted) {
        delete_found(exec, exec_key(exec, 1));
    }
    reply_integer(exec->reply, is_wanted);
}

static void command_delex(struct exec *exec)
{
    struct string_condition condition = {0};
    if (exec->argc != 2 && exec->argc != 4) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    if (exec->argc == 4) {
        const enum condition_kind kind = string_condition_kind(exec->argv[2]);
        if (kind == CONDITION_NONE) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return;
        }
        if (!string_condition_read(exec, kind, 3, &condition)) {
            return;
        }
    }
    struct entry *entry = exec_find_write(exec, exec_key(exec, 1));
    if (condition.kind != CONDITION_NONE && entry != NULL && entry_type(entry) != VALUE_STRING) {
        reply_error(exec->reply, "ERR Key should be of string type if conditions are specified");
        return;
    }
    delete_if(exec, entry, &condition);
}

static void command_delifeq(struct exec *exec)
{
    const struct string_condition condition = {.kind = CONDITION_EQUAL, .text = exec->argv[2]};
    struct entry *entry = exec_find_write(exec, exec_key(exec, 1));
    if (check_string(exec, entry)) {
        delete_if(exec, entry, &condition);
    }
}

const struct command_spec string_condition_commands[] = {
    {.name = "delex", .run = command_delex, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "8.4.0", .group = "string",
     .complexity = "O(1) for IFEQ and IFNE, O(N) for IFDEQ and IFDNE, N the length of the string",
     .summary = "Deletes a key, if its string is equal to a value or has a digest, or is and has not.",
     .syntax = "key [IFEQ value|IFNE value|IFDEQ digest|IFDNE digest]", .key_flags = "RW delete variable_flags"},
    {.name = "delifeq", .run = command_delifeq, .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "9.0.0", .group = "string", .complexity = "O(1)",
     .summary = "Deletes a key if its string is equal to a value.", .syntax = "key value", .key_flags = "RW access delete"},
    {.name = "digest", .run = command_digest, .arity = 2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "8.4.0", .group = "string", .complexity = "O(N), N the length of the string",
     .summary = "Returns the XXH3 hash of a string, as 16 hexadecimal digits.", .syntax = "key"},
    {0},
};
