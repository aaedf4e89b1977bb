/* selector.c - see selector.h: made, copied, freed, written down.  */
#include "acl/selector.h"

const char *acl_rule_text(enum acl_rule_result result)
{
    static const char *const texts[] = {
        [ACL_RULE_OK] = "",
        [ACL_RULE_SYNTAX] = "Syntax error",
        [ACL_RULE_UNKNOWN_COMMAND] = "Unknown command or category name in ACL",
        [ACL_RULE_KEYS_ARE_ALL] = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. "
                                  "Try 'resetkeys' to start with an empty list of patterns",
        [ACL_RULE_CHANNELS_ARE_ALL] = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. "
                                      "Try 'resetchannels' to start with an empty list of channels",
        [ACL_RULE_ARGUMENT_OF_SUBCOMMAND] = "Allowing first-arg of a subcommand is not supported",
        [ACL_RULE_NO_SUCH_PASSWORD] = "The password you are trying to remove from the user does not exist",
        [ACL_RULE_BAD_HASH] = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
        [ACL_RULE_NO_MEMORY] = "out of memory",
    };
    return texts[result];
}

/* --- as a whole --- */

enum { BUFFER_COUNT = 6 };

static void list_buffers(struct acl_selector *selector, struct buffer *out[BUFFER_COUNT])
{
    out[0] = &selector->commands;
    out[1] = &selector->rules;
    out[2] = &selector->texts;
    out[3] = &selector->keys;
    out[4] = &selector->channels;
    out[5] = &selector->first_arguments;
}

void acl_selector_release(struct acl_selector *selector)
{
    struct buffer *buffers[BUFFER_COUNT];
    list_buffers(selector, buffers);
    for (size_t i = 0; i < BUFFER_COUNT; i++) {
        buffer_release(buffers[i]);
    }
    selector->flags = 0;
}

bool acl_selector_copy(const struct acl_selector *selector, struct acl_selector *out)
{
    struct acl_selector source = *selector; /* its buffers are only read */
    struct buffer *from[BUFFER_COUNT], *to[BUFFER_COUNT];
    *out = ACL_SELECTOR_EMPTY;
    out->flags = selector->flags;
    list_buffers(&source, from);
    list_buffers(out, to);
    for (size_t i = 0; i < BUFFER_COUNT; i++) {
        if (!buffer_append(to[i], buffer_bytes(from[i]))) {
            acl_selector_release(out);
            return false;
        }
    }
    return true;
}

/* --- written down --- */

static const char *key_mark(uint8_t needs)
{
    return needs == ACL_READ ? "%R~" : needs == ACL_WRITE ? "%W~" : "~";
}

static bool describe_patterns(const struct acl_selector *selector, const struct buffer *patterns, bool are_keys, struct buffer *out)
{
    bool is_done = true;
    for (size_t i = 0; i < acl_pattern_count(patterns) && is_done; i++) {
        const struct acl_pattern *pattern = acl_pattern_at(patterns, i);
        is_done = (i == 0 || buffer_append(out, BYTES(" "))) && buffer_append(out, bytes_of_string(are_keys ? key_mark(pattern->needs) : "&")) &&
                  buffer_append(out, acl_pattern_text(selector, pattern));
    }
    return is_done;
}

bool acl_selector_describe_keys(const struct acl_selector *selector, struct buffer *out)
{
    return selector->flags & ACL_ALL_KEYS ? buffer_append(out, BYTES("~*")) : describe_patterns(selector, &selector->keys, true, out);
}

bool acl_selector_describe_channels(const struct acl_selector *selector, struct buffer *out)
{
    return selector->flags & ACL_ALL_CHANNELS ? buffer_append(out, BYTES("&*")) : describe_patterns(selector, &selector->channels, false, out);
}

bool acl_selector_describe_commands(const struct acl_selector *selector, struct buffer *out)
{
    return buffer_append(out, selector->flags & ACL_BEGINS_WITH_ALL ? BYTES("+@all") : BYTES("-@all")) &&
           (selector->rules.len == 0 || buffer_append(out, BYTES(" "))) && buffer_append(out, buffer_bytes(&selector->rules));
}

bool acl_selector_describe(const struct acl_selector *selector, struct buffer *out)
{
    const size_t before = out->len;
    return acl_selector_describe_keys(selector, out) && (out->len == before || buffer_append(out, BYTES(" "))) &&
           (selector->flags & ACL_ALL_CHANNELS || buffer_append(out, BYTES("resetchannels "))) && acl_selector_describe_channels(selector, out) &&
           ((selector->flags & ACL_ALL_CHANNELS) == 0 && selector->channels.len == 0 ? true : buffer_append(out, BYTES(" "))) &&
           acl_selector_describe_commands(selector, out);
}
