/* acl_private.h - what the files of ACL share.  */
#ifndef CMD_ACL_PRIVATE_H
#define CMD_ACL_PRIVATE_H

#include "exec/exec.h"

/* acl_show.c: what there is. */
command_fn command_acl_cat, command_acl_dryrun, command_acl_genpass, command_acl_getuser, command_acl_list, command_acl_users, command_acl_whoami;
/* acl_change.c */
command_fn command_acl_setuser, command_acl_deluser;
/* acl_file.c */
command_fn command_acl_load, command_acl_save;
/* acl_log.c */
command_fn command_acl_log;

/* acl_change.c: users have changed: connections of all threads follow. */
void acl_users_changed(struct exec *exec);

#endif
