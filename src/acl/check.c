/* check.c - see check.h.
 *
 * Keys are those that exec/command_keys.h walks over: every word that a handler may take for a key, even in a call that is wrong.  */
#include "acl/check.h"

#include "exec/command_keys.h"

/* One call under check. */
struct check {
    const struct acl_command *command;
    const struct bytes *argv;
    uint32_t argc;
    const struct acl_selector *selector;
    struct acl_denial *denial;
    bool is_allowed; /* of tables so far */
};

static enum acl_outcome deny(struct check *check, enum acl_outcome outcome, struct bytes object)
{
    check->denial->outcome = outcome;
    check->denial->object = object;
    return outcome;
}

/* --- keys --- */

/* What is done with the keys that the walk is at. The walk's row is the one of their range, or the one behind it. */
static uint8_t needs_at(const struct check *check, const struct key_walk *walk, uint32_t index)
{
    const struct acl_command *command = check->command;
    const struct command_spec *spec = command->spec;
    size_t at;
    if (walk->row != NULL) {
        at = (size_t)(walk->row - spec->key_specs);
        at -= at > 0 && spec->key_specs[at - 1].keyword == NULL && walk->search == UINT32_MAX;
    } else {
        const uint32_t first = (uint32_t)spec->keys.first, step = spec->keys.step > 0 ? (uint32_t)spec->keys.step : 1;
        at = (index - first) / step;
    }
    at = at < command->spec_count ? at : command->spec_count - 1u;
    if (at == 0 && command->has_variable_flags) {
        return acl_needs_of_flags(bytes_of_string(command_variable_flags(spec, check->argv, check->argc)));
    }
    return command->needs[at];
}

static enum acl_outcome check_keys(struct check *check)
{
    struct key_walk walk;
    uint32_t index;
    key_walk_begin(&walk, check->command->spec, check->argv, check->argc);
    while (key_walk_next(&walk, &index)) {
        if (!acl_selector_allows_key(check->selector, check->argv[index], needs_at(check, &walk, index))) {
            return deny(check, ACL_DENIED_KEY, check->argv[index]);
        }
    }
    return ACL_ALLOWED;
}

/* SORT with BY a pattern, or with GET, reads keys that no word names: the user must be allowed to read all. */
static enum acl_outcome check_hidden_keys(struct check *check)
{
    if (acl_selector_allows_all_reads(check->selector)) {
        return ACL_ALLOWED;
    }
    for (uint32_t i = 2; i + 1 < check->argc; i++) {
        const struct bytes word = check->argv[i], value = check->argv[i + 1];
        if (bytes_equal_ignore_case(word, BYTES("GET"))) {
            return deny(check, ACL_DENIED_GET, BYTES(""));
        }
        if (bytes_equal_ignore_case(word, BYTES("BY")) && value.len > 0 && memchr(value.data, '*', value.len) != NULL) {
            return deny(check, ACL_DENIED_BY, BYTES(""));
        }
        const bool has_value = bytes_equal_ignore_case(word, BYTES("BY")) || bytes_equal_ignore_case(word, BYTES("STORE"));
        i += bytes_equal_ignore_case(word, BYTES("LIMIT")) ? 2 : has_value;
    }
    return ACL_ALLOWED;
}

/* --- tables --- */

static void check_table(struct bytes table, uint32_t needs, void *arg)
{
    struct check *check = arg;
    const uint8_t own = (uint8_t)((needs & TABLE_IS_READ ? ACL_READ : 0) | (needs & TABLE_IS_WRITTEN ? ACL_WRITE : 0));
    if (!check->is_allowed || acl_selector_allows_key(check->selector, table, own)) {
        return;
    }
    const size_t len = table.len < ACL_OBJECT_MAX ? table.len : ACL_OBJECT_MAX;
    memcpy(check->denial->text, table.data, len);
    check->is_allowed = false;
    deny(check, ACL_DENIED_KEY, (struct bytes){check->denial->text, len});
}

static enum acl_outcome check_tables(struct check *check)
{
    const struct command_spec *spec = check->command->spec;
    if (spec->names_table && check->argc > 1 && !acl_selector_allows_key(check->selector, check->argv[1], check->command->needs[0])) {
        return deny(check, ACL_DENIED_KEY, check->argv[1]);
    }
    check->is_allowed = true;
    if (spec->tables != NULL && !spec->tables(check->argv, check->argc, check_table, check)) {
        return deny(check, ACL_DENIED_NO_MEMORY, BYTES(""));
    }
    return check->is_allowed ? ACL_ALLOWED : ACL_DENIED_KEY;
}

/* --- channels --- */

static enum acl_outcome check_channels(struct check *check)
{
    const enum acl_channels channels = (enum acl_channels)check->command->channels;
    const uint32_t end = channels == ACL_NO_CHANNELS ? 0 : channels == ACL_CHANNEL_FIRST && check->argc > 2 ? 2 : check->argc;
    for (uint32_t i = 1; i < end; i++) {
        if (!acl_selector_allows_channel(check->selector, check->argv[i], channels == ACL_CHANNEL_PATTERNS)) {
            return deny(check, ACL_DENIED_CHANNEL, check->argv[i]);
        }
    }
    return ACL_ALLOWED;
}

/* --- all together --- */

static enum acl_outcome check_selector(struct check *check)
{
    const struct acl_selector *selector = check->selector;
    const struct command_spec *spec = check->command->spec;
    if (!acl_selector_allows_command(selector, spec, check->argv, check->argc)) {
        return deny(check, ACL_DENIED_COMMAND, BYTES(""));
    }
    enum acl_outcome outcome = ACL_ALLOWED;
    if ((selector->flags & ACL_ALL_KEYS) == 0) {
        outcome = check->command->spec_count > 0 && !spec->names_table ? check_keys(check) : ACL_ALLOWED;
        if (outcome == ACL_ALLOWED && (spec->names_table || spec->tables != NULL)) {
            outcome = check_tables(check);
        }
        if (outcome == ACL_ALLOWED && check->command->has_hidden_keys) {
            outcome = check_hidden_keys(check);
        }
    }
    return outcome == ACL_ALLOWED && (selector->flags & ACL_ALL_CHANNELS) == 0 ? check_channels(check) : outcome;
}

enum acl_outcome acl_check(const struct acl_user *user, const struct acl_command_table *commands, const struct command_spec *spec,
                           const struct bytes *argv, uint32_t argc, struct acl_denial *denial)
{
    struct acl_denial other;
    struct check check = {.command = &commands->rows[spec->index], .argv = argv, .argc = argc};
    enum acl_outcome furthest = ACL_ALLOWED;
    for (size_t i = 0; i < acl_user_selector_count(user); i++) {
        check.selector = acl_user_selector(user, i);
        check.denial = i == 0 ? denial : &other;
        const enum acl_outcome outcome = check_selector(&check);
        if (outcome == ACL_ALLOWED) {
            return ACL_ALLOWED;
        }
        if (i > 0 && outcome > furthest) {
            *denial = other;
            if (other.object.data == other.text) {
                denial->object.data = denial->text;
            }
        }
        furthest = outcome > furthest ? outcome : furthest;
    }
    return furthest;
}

bool acl_allows_channel(const struct acl_user *user, struct bytes channel, bool is_pattern)
{
    for (size_t i = 0; i < acl_user_selector_count(user); i++) {
        if (acl_selector_allows_channel(acl_user_selector(user, i), channel, is_pattern)) {
            return true;
        }
    }
    return false;
}
