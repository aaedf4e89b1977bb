/* command_rules.c - see command_rules.h.  */
#include "acl/command_rules.h"

#include "acl/category.h"

#include <ctype.h>

/* --- bits --- */

static uint64_t *bits_of(struct acl_selector *selector)
{
    return (uint64_t *)(void *)selector->commands.data;
}

/* A word for each 64 rows. False: no memory. */
static bool make_bits(struct acl_selector *selector, const struct acl_command_table *commands)
{
    const size_t bytes = (commands->count + 63) / 64 * sizeof(uint64_t);
    if (selector->commands.len == bytes) {
        return true;
    }
    if (!buffer_reserve_exactly(&selector->commands, bytes - selector->commands.len)) {
        return false;
    }
    memset(selector->commands.data, 0, bytes);
    selector->commands.len = bytes;
    return true;
}

static void set_bit(struct acl_selector *selector, uint32_t index, bool is_allowed)
{
    const uint64_t bit = UINT64_C(1) << (index % 64);
    if (is_allowed) {
        bits_of(selector)[index / 64] |= bit;
    } else {
        bits_of(selector)[index / 64] &= ~bit;
        selector->flags &= ~(uint32_t)ACL_ALL_COMMANDS;
    }
}

static void forget_first_arguments(struct acl_selector *selector, uint32_t command)
{
    struct acl_first_argument *arguments = (struct acl_first_argument *)(void *)selector->first_arguments.data;
    size_t kept = 0;
    for (size_t i = 0; i < selector->first_arguments.len / sizeof *arguments; i++) {
        if (arguments[i].command != command) {
            arguments[kept++] = arguments[i];
        }
    }
    selector->first_arguments.len = kept * sizeof *arguments;
}

/* A command with all its subcommands. */
static void set_command(struct acl_selector *selector, const struct command_spec *spec, bool is_allowed)
{
    set_bit(selector, spec->index, is_allowed);
    forget_first_arguments(selector, spec->index);
    for (const struct command_spec *below = spec->subcommands; below != NULL && below->name != NULL; below++) {
        set_bit(selector, below->index, is_allowed);
    }
}

/* In the order of the rows a container stands before its subcommands: so one that is in the category brings all of them, as in Redis. */
static void set_category(struct acl_selector *selector, const struct acl_command_table *commands, uint32_t category, bool is_allowed)
{
    for (uint32_t i = 0; i < commands->count; i++) {
        if ((commands->rows[i].categories & category) != 0) {
            set_command(selector, commands->rows[i].spec, is_allowed);
        }
    }
}

enum acl_rule_result acl_allow_all_commands(struct acl_selector *selector, const struct acl_command_table *commands)
{
    if (!make_bits(selector, commands)) {
        return ACL_RULE_NO_MEMORY;
    }
    memset(selector->commands.data, 0xff, selector->commands.len);
    selector->rules.len = selector->first_arguments.len = 0;
    selector->flags |= ACL_ALL_COMMANDS | ACL_BEGINS_WITH_ALL;
    return ACL_RULE_OK;
}

/* --- the text of the rules --- */

/* Does the rule `name` make `old` (both without sign) one that says nothing any more? The same, or of a subcommand of it. */
static bool overrides(struct bytes name, struct bytes old)
{
    return old.len >= name.len && memcmp(old.data, name.data, name.len) == 0 && (old.len == name.len || old.data[name.len] == '|');
}

static void drop_overridden(struct buffer *rules, struct bytes name)
{
    size_t kept = 0, at = 0;
    while (at < rules->len) {
        const char *space = memchr(rules->data + at, ' ', rules->len - at);
        const size_t len = space == NULL ? rules->len - at : (size_t)(space - rules->data) - at;
        if (!overrides(name, (struct bytes){rules->data + at + 1, len - 1})) {
            if (kept > 0) {
                rules->data[kept++] = ' ';
            }
            memmove(rules->data + kept, rules->data + at, len);
            kept += len;
        }
        at += len + (space != NULL);
    }
    rules->len = kept;
}

/* Puts the rule behind the others, in lower case, in place of those that it makes needless. */
static enum acl_rule_result note_rule(struct acl_selector *selector, struct bytes rule)
{
    struct buffer *rules = &selector->rules;
    if (!buffer_reserve(rules, rule.len + 1)) {
        return ACL_RULE_NO_MEMORY;
    }
    char *lower = rules->data + rules->len + 1; /* behind all that is kept */
    for (size_t i = 0; i < rule.len; i++) {
        lower[i] = (char)tolower((unsigned char)rule.data[i]);
    }
    drop_overridden(rules, (struct bytes){lower + 1, rule.len - 1});
    if (rules->len > 0) {
        rules->data[rules->len++] = ' ';
    }
    memmove(rules->data + rules->len, lower, rule.len);
    rules->len += rule.len;
    return ACL_RULE_OK;
}

/* --- rules --- */

/* +select|0 and the like: a command without subcommands, allowed with one first argument only. */
static enum acl_rule_result allow_first_argument(struct acl_selector *selector, const struct command_spec *spec, struct bytes argument)
{
    if (argument.len == 0) {
        return ACL_RULE_SYNTAX;
    }
    const struct acl_first_argument entry = {.command = spec->index, .at = (uint32_t)selector->texts.len, .len = (uint32_t)argument.len};
    const bool is_added = selector->texts.len + argument.len <= UINT32_MAX && buffer_append(&selector->texts, argument) &&
                          buffer_append(&selector->first_arguments, (struct bytes){(const char *)&entry, sizeof entry});
    return is_added ? ACL_RULE_OK : ACL_RULE_NO_MEMORY;
}

static enum acl_rule_result apply_category(struct acl_selector *selector, const struct acl_command_table *commands, struct bytes name,
                                           bool is_allowed)
{
    const uint32_t category = acl_category_find(name);
    if (category == 0) {
        return ACL_RULE_UNKNOWN_COMMAND;
    }
    set_category(selector, commands, category, is_allowed);
    return ACL_RULE_OK;
}

/* The last '|' of a name; NULL: there is none. */
static const char *last_bar(struct bytes name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.data[i - 1] == '|') {
            return name.data + i - 1;
        }
    }
    return NULL;
}

static enum acl_rule_result apply_command(struct acl_selector *selector, const struct acl_command_table *commands, struct bytes name, bool is_allowed)
{
    const struct acl_command *found = acl_command_find(commands, name);
    if (found != NULL) {
        set_command(selector, found->spec, is_allowed);
        return ACL_RULE_OK;
    }
    const char *bar = last_bar(name);
    if (!is_allowed || bar == NULL) {
        return ACL_RULE_UNKNOWN_COMMAND;
    }
    const size_t len = (size_t)(bar - name.data);
    const struct acl_command *outer = acl_command_find(commands, (struct bytes){name.data, len});
    if (outer == NULL || outer->spec->subcommands != NULL) {
        return ACL_RULE_UNKNOWN_COMMAND;
    }
    if (outer->spec->parent != NULL) {
        return ACL_RULE_ARGUMENT_OF_SUBCOMMAND;
    }
    return allow_first_argument(selector, outer->spec, (struct bytes){bar + 1, name.len - len - 1});
}

enum acl_rule_result acl_apply_command_rule(struct acl_selector *selector, const struct acl_command_table *commands, struct bytes rule)
{
    const struct bytes name = {rule.data + 1, rule.len - 1};
    const bool is_allowed = rule.data[0] == '+';
    if (name.len == 0 || memchr(name.data, ' ', name.len) != NULL) {
        return ACL_RULE_UNKNOWN_COMMAND;
    }
    if (!make_bits(selector, commands)) {
        return ACL_RULE_NO_MEMORY;
    }
    const enum acl_rule_result result = name.data[0] == '@'
                                            ? apply_category(selector, commands, (struct bytes){name.data + 1, name.len - 1}, is_allowed)
                                            : apply_command(selector, commands, name, is_allowed);
    return result == ACL_RULE_OK ? note_rule(selector, rule) : result;
}
