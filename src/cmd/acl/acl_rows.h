/* acl_rows.h - the commands about users: a family.  */
#ifndef CMD_ACL_ROWS_H
#define CMD_ACL_ROWS_H

#include "exec/exec.h"

extern const struct command_spec acl_commands[]; /* acl.c: ACL */

#endif
