/* selector.h - one set of permissions: commands, key patterns, channel patterns. A user has one of its own, and may have more.
 *
 * Rules (rules.h) make it.
 *
 * Threads    Whoever makes it; once it belongs to a user that others see it is never changed.
 * Memory     buffers of MEM_SERVER.
 * Invariant  S1 a selector for all keys (channels) has no patterns of them; S2 `rules` begins without a space and names no command twice.
 * Source     Redis 7.0 and 7.2, acl.c: what rules mean, and how they are written down.  */
#ifndef ACL_SELECTOR_H
#define ACL_SELECTOR_H

#include "acl/commands.h"
#include "mem/buffer.h"

/* What became of a rule. */
enum acl_rule_result {
    ACL_RULE_OK,
    ACL_RULE_SYNTAX,
    ACL_RULE_UNKNOWN_COMMAND,
    ACL_RULE_KEYS_ARE_ALL,
    ACL_RULE_CHANNELS_ARE_ALL,
    ACL_RULE_ARGUMENT_OF_SUBCOMMAND,
    ACL_RULE_NO_SUCH_PASSWORD,
    ACL_RULE_BAD_HASH,
    ACL_RULE_NO_MEMORY,
};
/* Redis's words for it. */
const char *acl_rule_text(enum acl_rule_result result);

enum acl_selector_flag {
    ACL_ALL_KEYS = 1 << 0,
    ACL_ALL_CHANNELS = 1 << 1,
    ACL_ALL_COMMANDS = 1 << 2,    /* +@all and nothing behind it */
    ACL_BEGINS_WITH_ALL = 1 << 3, /* `rules` come behind +@all, else behind -@all */
};

struct acl_pattern {
    uint32_t at, len;   /* its text, in `texts` */
    uint32_t plain_len; /* bytes before the first one that is special; len: none is */
    uint8_t needs;      /* enum acl_need together: what it allows */
    bool is_prefix;     /* behind plain_len there is only "*" */
};

struct acl_first_argument {
    uint32_t command; /* index of a row */
    uint32_t at, len; /* the argument, in `texts` */
};

struct acl_selector {
    uint32_t flags;                /* enum acl_selector_flag */
    struct buffer commands;        /* uint64_t: bit i is the row with index i; empty: none */
    struct buffer rules;           /* "+get -config|set" */
    struct buffer texts;           /* of patterns and arguments */
    struct buffer keys, channels;  /* struct acl_pattern, each text once */
    struct buffer first_arguments; /* struct acl_first_argument: of commands whose bit is clear */
};

#define ACL_SELECTOR_EMPTY                                                                                                     \
    ((struct acl_selector){0, BUFFER_EMPTY(MEM_SERVER), BUFFER_EMPTY(MEM_SERVER), BUFFER_EMPTY(MEM_SERVER),                   \
                           BUFFER_EMPTY(MEM_SERVER), BUFFER_EMPTY(MEM_SERVER), BUFFER_EMPTY(MEM_SERVER)})

void acl_selector_release(struct acl_selector *selector);
/* `out` is overwritten. False: no memory; there is nothing to release. */
MUST_USE bool acl_selector_copy(const struct acl_selector *selector, struct acl_selector *out);

static inline size_t acl_pattern_count(const struct buffer *patterns)
{
    return patterns->len / sizeof(struct acl_pattern);
}
static inline struct acl_pattern *acl_pattern_at(const struct buffer *patterns, size_t index)
{
    return (struct acl_pattern *)(void *)patterns->data + index;
}
static inline struct bytes acl_pattern_text(const struct acl_selector *selector, const struct acl_pattern *pattern)
{
    return (struct bytes){selector->texts.data + pattern->at, pattern->len};
}

/* Appends all its rules, so that they make the same selector again: "~a* resetchannels -@all +get". False: no memory. */
MUST_USE bool acl_selector_describe(const struct acl_selector *selector, struct buffer *out);
/* Its parts, as ACL GETUSER shows them. */
MUST_USE bool acl_selector_describe_commands(const struct acl_selector *selector, struct buffer *out);
MUST_USE bool acl_selector_describe_keys(const struct acl_selector *selector, struct buffer *out);
MUST_USE bool acl_selector_describe_channels(const struct acl_selector *selector, struct buffer *out);

/* --- what it allows --- */

/* Everything, whatever commands there are. */
static inline bool acl_selector_is_unrestricted(const struct acl_selector *selector)
{
    const uint32_t all = ACL_ALL_KEYS | ACL_ALL_CHANNELS | ACL_ALL_COMMANDS;
    return (selector->flags & all) == all;
}
bool acl_selector_allows_command(const struct acl_selector *selector, const struct command_spec *spec, const struct bytes *argv, uint32_t argc);
/* A key, or a table by its name; `needs`: enum acl_need together. */
bool acl_selector_allows_key(const struct acl_selector *selector, struct bytes key, uint8_t needs);
/* Reading of any key. */
bool acl_selector_allows_all_reads(const struct acl_selector *selector);
/* `is_pattern`: a subscription to a pattern, which is only what the user's rules name. */
bool acl_selector_allows_channel(const struct acl_selector *selector, struct bytes channel, bool is_pattern);

#endif
