/* introspect.h - what COMMAND's files share.  */
#ifndef CMD_INTROSPECT_H
#define CMD_INTROSPECT_H

#include "exec/exec.h"

/* command_keys.c */
/* Replies the words of a text (NULL: none) as a set of simple strings. */
void reply_word_set(struct reply *reply, struct bytes text);
/* The same as bulk strings. */
void reply_bulk_set(struct reply *reply, struct bytes text);

/* COMMAND's handlers: command_info.c, command_docs.c, command_keys.c. */
command_fn command_command, command_command_info, command_command_docs, command_command_getkeys,
    command_command_getkeysandflags;

#endif
