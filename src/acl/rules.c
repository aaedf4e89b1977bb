/* rules.c - see rules.h.  */
#include "acl/rules.h"

#include "acl/command_rules.h"

#include <ctype.h>

/* --- patterns --- */

/* Bytes that stand for themselves, before the first that may not. */
static uint32_t count_plain(struct bytes text)
{
    uint32_t count = 0;
    while (count < text.len && memchr("*?[\\", text.data[count], 4) == NULL) {
        count++;
    }
    return count;
}

static bool has_space(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (isspace((unsigned char)text.data[i]) || text.data[i] == '\0') {
            return true;
        }
    }
    return false;
}

/* A pattern that is there already allows more from now on. */
static enum acl_rule_result add_pattern(struct acl_selector *selector, struct buffer *patterns, struct bytes text, uint8_t needs)
{
    if (has_space(text)) {
        return ACL_RULE_SYNTAX;
    }
    for (size_t i = 0; i < acl_pattern_count(patterns); i++) {
        if (bytes_equal(acl_pattern_text(selector, acl_pattern_at(patterns, i)), text)) {
            acl_pattern_at(patterns, i)->needs |= needs;
            return ACL_RULE_OK;
        }
    }
    if (text.len > UINT32_MAX - selector->texts.len) {
        return ACL_RULE_SYNTAX;
    }
    struct acl_pattern pattern = {.at = (uint32_t)selector->texts.len, .len = (uint32_t)text.len, .plain_len = count_plain(text), .needs = needs};
    pattern.is_prefix = pattern.plain_len + 1 == pattern.len && text.data[pattern.plain_len] == '*';
    const bool is_added = buffer_append(&selector->texts, text) && buffer_append(patterns, (struct bytes){(const char *)&pattern, sizeof pattern});
    return is_added ? ACL_RULE_OK : ACL_RULE_NO_MEMORY;
}

/* ~pattern, %R~pattern, %W~pattern, %RW~pattern */
static enum acl_rule_result apply_key_pattern(struct acl_selector *selector, struct bytes rule)
{
    if (selector->flags & ACL_ALL_KEYS) {
        return ACL_RULE_KEYS_ARE_ALL;
    }
    uint8_t needs = rule.data[0] == '~' ? ACL_READ | ACL_WRITE : 0;
    size_t at = rule.data[0] == '~' ? 0 : 1;
    for (; at < rule.len && rule.data[at] != '~'; at++) {
        const int letter = toupper((unsigned char)rule.data[at]);
        const uint8_t need = letter == 'R' ? ACL_READ : letter == 'W' ? ACL_WRITE : 0;
        if (need == 0 || (needs & need) != 0) {
            return ACL_RULE_SYNTAX;
        }
        needs |= need;
    }
    if (at == rule.len || needs == 0) {
        return ACL_RULE_SYNTAX;
    }
    return add_pattern(selector, &selector->keys, (struct bytes){rule.data + at + 1, rule.len - at - 1}, needs);
}

static enum acl_rule_result apply_channel_pattern(struct acl_selector *selector, struct bytes rule)
{
    if (selector->flags & ACL_ALL_CHANNELS) {
        return ACL_RULE_CHANNELS_ARE_ALL;
    }
    return add_pattern(selector, &selector->channels, (struct bytes){rule.data + 1, rule.len - 1}, 0);
}

/* --- words --- */

static enum acl_rule_result all_keys(struct acl_selector *selector)
{
    selector->flags |= ACL_ALL_KEYS;
    selector->keys.len = 0;
    return ACL_RULE_OK;
}

static enum acl_rule_result reset_keys(struct acl_selector *selector)
{
    selector->flags &= ~(uint32_t)ACL_ALL_KEYS;
    selector->keys.len = 0;
    return ACL_RULE_OK;
}

static enum acl_rule_result all_channels(struct acl_selector *selector)
{
    selector->flags |= ACL_ALL_CHANNELS;
    selector->channels.len = 0;
    return ACL_RULE_OK;
}

static enum acl_rule_result reset_channels(struct acl_selector *selector)
{
    selector->flags &= ~(uint32_t)ACL_ALL_CHANNELS;
    selector->channels.len = 0;
    return ACL_RULE_OK;
}

static enum acl_rule_result no_commands(struct acl_selector *selector)
{
    selector->flags &= ~(uint32_t)(ACL_ALL_COMMANDS | ACL_BEGINS_WITH_ALL);
    selector->commands.len = selector->rules.len = selector->first_arguments.len = 0;
    return ACL_RULE_OK;
}

static const struct {
    const char *word;
    enum acl_rule_result (*apply)(struct acl_selector *selector);
} words[] = {
    {"allkeys", all_keys},           {"~*", all_keys},     {"resetkeys", reset_keys}, {"allchannels", all_channels}, {"&*", all_channels},
    {"resetchannels", reset_channels}, {"nocommands", no_commands}, {"-@all", no_commands},
};

enum acl_rule_result acl_selector_apply(struct acl_selector *selector, const struct acl_command_table *commands, struct bytes rule)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (bytes_equal_ignore_case(rule, bytes_of_string(words[i].word))) {
            return words[i].apply(selector);
        }
    }
    if (bytes_equal_ignore_case(rule, BYTES("allcommands")) || bytes_equal_ignore_case(rule, BYTES("+@all"))) {
        return acl_allow_all_commands(selector, commands);
    }
    switch (rule.len == 0 ? '\0' : rule.data[0]) {
    case '~':
    case '%':
        return apply_key_pattern(selector, rule);
    case '&':
        return apply_channel_pattern(selector, rule);
    case '+':
    case '-':
        return acl_apply_command_rule(selector, commands, rule);
    default:
        return ACL_RULE_SYNTAX;
    }
}
