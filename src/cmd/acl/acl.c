/* acl.c - the rows of ACL.
 *
 * What changes users needs no baton: the set has a lock (acl/users.h), and each thread's connections follow before it runs more commands.  */
#include "cmd/acl/acl_private.h"
#include "cmd/acl/acl_rows.h"
#include "cmd/core/answers.h"

#define FOR_ALL (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)
#define ACL_ROW .scope = SCOPE_INSTANT, .since = "6.0.0", .group = "server"

static const struct command_spec acl_subcommands[] = {
    {.name = "cat", .run = command_acl_cat, .arity = -2, .flags = FOR_ALL, ACL_ROW, .complexity = "O(N), N the number of commands",
     .summary = "Lists the categories of commands, or the commands of one.", .syntax = "[category]"},
    {.name = "deluser", .run = command_acl_deluser, .arity = -3, .flags = COMMAND_ADMIN | FOR_ALL, ACL_ROW,
     .complexity = "O(N), N the number of users and of their connections",
     .summary = "Deletes users, and closes their connections.", .syntax = "username [username ...]"},
    {.name = "dryrun", .run = command_acl_dryrun, .arity = -4, .flags = COMMAND_ADMIN | FOR_ALL, .scope = SCOPE_INSTANT, .since = "7.0.0",
     .group = "server", .complexity = "O(1)", .summary = "Says whether a user may run a command, without running it.",
     .syntax = "username command [arg [arg ...]]"},
    {.name = "genpass", .run = command_acl_genpass, .arity = -2, .flags = FOR_ALL, ACL_ROW, .complexity = "O(1)",
     .summary = "Returns a random password in hexadecimal digits, of 256 bits or as many as are asked for.", .syntax = "[bits]"},
    {.name = "getuser", .run = command_acl_getuser, .arity = 3, .flags = COMMAND_ADMIN | FOR_ALL, ACL_ROW,
     .complexity = "O(N), N the number of the user's rules", .summary = "Returns a user's flags, passwords and rules.", .syntax = "username"},
    {COMMAND_HELP_ROW, .since = "6.0.0", .group = "server"},
    {.name = "list", .run = command_acl_list, .arity = 2, .flags = COMMAND_ADMIN | FOR_ALL, ACL_ROW, .complexity = "O(N), N the number of users",
     .summary = "Returns all users as lines of a configuration file."},
    {.name = "load", .run = command_acl_load, .arity = 2, .flags = COMMAND_ADMIN | FOR_ALL, .scope = SCOPE_SESSION, .since = "6.0.0",
     .group = "server", .complexity = "O(N), N the number of users and of their connections",
     .summary = "Reads the file of users again; connections of users that are gone or changed are closed."},
    {.name = "log", .run = command_acl_log, .arity = -2, .flags = COMMAND_ADMIN | FOR_ALL, ACL_ROW,
     .complexity = "O(N), N the number of entries returned", .summary = "Returns what users were refused of late, or forgets it.",
     .syntax = "[count|RESET]"},
    {.name = "save", .run = command_acl_save, .arity = 2, .flags = COMMAND_ADMIN | FOR_ALL, .scope = SCOPE_SESSION, .since = "6.0.0",
     .group = "server", .complexity = "O(N), N the number of users", .summary = "Writes the users into the file that aclfile names."},
    {.name = "setuser", .run = command_acl_setuser, .arity = -3, .flags = COMMAND_ADMIN | FOR_ALL, ACL_ROW,
     .complexity = "O(N), N the number of rules, and of connections",
     .summary = "Makes a user, or changes one: all rules are applied, or none.", .syntax = "username [rule [rule ...]]"},
    {.name = "users", .run = command_acl_users, .arity = 2, .flags = COMMAND_ADMIN | FOR_ALL, ACL_ROW, .complexity = "O(N), N the number of users",
     .summary = "Returns the names of all users."},
    {.name = "whoami", .run = command_acl_whoami, .arity = 2, .flags = FOR_ALL, ACL_ROW, .complexity = "O(1)",
     .summary = "Returns the name of the connection's user."},
    {0},
};

const struct command_spec acl_commands[] = {
    {.name = "acl", .arity = -2, .since = "6.0.0", .group = "server", .complexity = "Depends on the subcommand.",
     .summary = "Commands about users and what they may do.", .subcommands = acl_subcommands},
    {0},
};
