/* rules.h - rules change a selector: `+get`, `-@dangerous`, `~key*`, `%R~key*`, `&channel*` and those that stand in rules.c.
 *
 * Threads    As selector.h.  */
#ifndef ACL_RULES_H
#define ACL_RULES_H

#include "acl/selector.h"

/* One rule. After an error the selector is as it was, except after ACL_RULE_NO_MEMORY, when it can only be released. */
enum acl_rule_result acl_selector_apply(struct acl_selector *selector, const struct acl_command_table *commands, struct bytes rule);

#endif
