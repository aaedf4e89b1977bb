/* command_rules.h - rules about commands: +get -config|set +@read +select|0. This room's own.
 *
 * Threads    As selector.h.  */
#ifndef ACL_COMMAND_RULES_H
#define ACL_COMMAND_RULES_H

#include "acl/selector.h"

/* +@all */
enum acl_rule_result acl_allow_all_commands(struct acl_selector *selector, const struct acl_command_table *commands);
/* A rule that begins with + or -, but not +@all or -@all. */
enum acl_rule_result acl_apply_command_rule(struct acl_selector *selector, const struct acl_command_table *commands, struct bytes rule);

#endif
