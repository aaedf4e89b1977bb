/* selector_allows.c - see selector.h: what a selector allows. Every command of a restricted user comes by here.  */
#include "acl/selector.h"

#include "base/glob.h"

static inline bool pattern_matches(const struct acl_selector *selector, const struct acl_pattern *pattern, struct bytes text)
{
    const char *own = selector->texts.data + pattern->at;
    if (text.len < pattern->plain_len || memcmp(own, text.data, pattern->plain_len) != 0) {
        return false;
    }
    if (pattern->is_prefix) {
        return true;
    }
    if (pattern->plain_len == pattern->len) {
        return text.len == pattern->len;
    }
    return glob_match((struct bytes){own, pattern->len}, text, false);
}

static inline const struct acl_pattern *first_pattern(const struct buffer *patterns)
{
    return (const struct acl_pattern *)(const void *)patterns->data;
}

static inline const struct acl_pattern *behind_patterns(const struct buffer *patterns)
{
    return first_pattern(patterns) + patterns->len / sizeof(struct acl_pattern);
}

static bool allows_first_argument(const struct acl_selector *selector, const struct command_spec *spec, struct bytes argument)
{
    const struct acl_first_argument *arguments = (const struct acl_first_argument *)(const void *)selector->first_arguments.data;
    for (size_t i = 0; i < selector->first_arguments.len / sizeof *arguments; i++) {
        const struct bytes allowed = {selector->texts.data + arguments[i].at, arguments[i].len};
        if (arguments[i].command == spec->index && bytes_equal_ignore_case(allowed, argument)) {
            return true;
        }
    }
    return false;
}

bool acl_selector_allows_command(const struct acl_selector *selector, const struct command_spec *spec, const struct bytes *argv, uint32_t argc)
{
    if ((selector->flags & ACL_ALL_COMMANDS) != 0 || (spec->flags & COMMAND_NO_AUTH) != 0) {
        return true;
    }
    const uint64_t *bits = (const uint64_t *)(const void *)selector->commands.data;
    if (selector->commands.len > 0 && (bits[spec->index / 64] >> (spec->index % 64) & 1) != 0) {
        return true;
    }
    return argc > 1 && allows_first_argument(selector, spec, argv[1]);
}

bool acl_selector_allows_key(const struct acl_selector *selector, struct bytes key, uint8_t needs)
{
    if ((selector->flags & ACL_ALL_KEYS) != 0) {
        return true;
    }
    const struct acl_pattern *end = behind_patterns(&selector->keys);
    for (const struct acl_pattern *pattern = first_pattern(&selector->keys); pattern < end; pattern++) {
        if ((pattern->needs & needs) == needs && pattern_matches(selector, pattern, key)) {
            return true;
        }
    }
    return false;
}

bool acl_selector_allows_all_reads(const struct acl_selector *selector)
{
    if ((selector->flags & ACL_ALL_KEYS) != 0) {
        return true;
    }
    const struct acl_pattern *end = behind_patterns(&selector->keys);
    for (const struct acl_pattern *pattern = first_pattern(&selector->keys); pattern < end; pattern++) {
        if ((pattern->needs & ACL_READ) != 0 && pattern->is_prefix && pattern->plain_len == 0) {
            return true;
        }
    }
    return false;
}

bool acl_selector_allows_channel(const struct acl_selector *selector, struct bytes channel, bool is_pattern)
{
    if ((selector->flags & ACL_ALL_CHANNELS) != 0) {
        return true;
    }
    const struct acl_pattern *end = behind_patterns(&selector->channels);
    for (const struct acl_pattern *pattern = first_pattern(&selector->channels); pattern < end; pattern++) {
        const struct bytes text = acl_pattern_text(selector, pattern);
        if (is_pattern ? bytes_equal(text, channel) : pattern_matches(selector, pattern, channel)) {
            return true;
        }
    }
    return false;
}
