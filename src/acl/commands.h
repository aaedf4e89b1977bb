/* commands.h - what rules and checks need of each row of the command table, worked out once at the start.
 *
 * Threads    Written before the threads start; then any thread reads.
 * Memory     thread_alloc, MEM_SERVER.  */
#ifndef ACL_COMMANDS_H
#define ACL_COMMANDS_H

#include "acl/key_flags.h"
#include "exec/exec.h"

enum acl_need { ACL_READ = 1, ACL_WRITE = 2 }; /* what is done with a key, or may be */

/* Which words of a command are channels. */
enum acl_channels {
    ACL_NO_CHANNELS,
    ACL_CHANNEL_FIRST,   /* argv[1]: PUBLISH */
    ACL_CHANNELS_ALL,    /* all words: SUBSCRIBE */
    ACL_CHANNEL_PATTERNS, /* all words, and they are patterns: PSUBSCRIBE */
};

struct acl_command {
    const struct command_spec *spec;
    uint32_t categories;             /* acl/category.h */
    uint8_t needs[KEY_SPECS_MAX];    /* enum acl_need together, of the keys of each specification */
    uint8_t spec_count;              /* key specifications; 0: it has no keys */
    uint8_t channels;                /* enum acl_channels */
    bool has_variable_flags;         /* needs[0] depends on the arguments */
    bool has_hidden_keys;            /* SORT: BY and GET name keys that are not among its words */
};

/* By the index of the row. */
struct acl_command_table {
    struct acl_command *rows;
    uint32_t count;
};

/* `specs`: `count` rows by their index. False: no memory; nothing to close. */
MUST_USE bool acl_commands_open(struct acl_command_table *commands, const struct command_spec *const *specs, uint32_t count);
void acl_commands_close(struct acl_command_table *commands);
/* "get", "config", "config|get", by the commands' own names, case ignored; NULL. O(commands). */
const struct acl_command *acl_command_find(const struct acl_command_table *commands, struct bytes name);
/* What specification flags as "RW access update" need. */
uint8_t acl_needs_of_flags(struct bytes flags);

#endif
