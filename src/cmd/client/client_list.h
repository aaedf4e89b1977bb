/* client_list.h - the CLIENT subcommands that look at connections of all threads.  */
#ifndef CMD_CLIENT_LIST_H
#define CMD_CLIENT_LIST_H

#include "exec/exec.h"

command_fn command_client_info, command_client_list, command_client_kill, command_client_unblock;

#endif
