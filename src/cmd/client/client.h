/* client.h - names and modes of a session, as several commands set them.  */
#ifndef CMD_CLIENT_H
#define CMD_CLIENT_H

#include "base/bytes.h"
#include "mem/buffer.h"

#include <stdbool.h>

struct exec;

/* A name is printable without spaces and at most SESSION_NAME_MAX long. False: replied why not. */
bool client_check_name(struct exec *exec, struct bytes name);
/* Replaces a text of the session; an empty one takes no memory. False: replied that memory is out, nothing changed. */
bool client_set_text(struct exec *exec, struct buffer *field, struct bytes text);
/* Turns MONITOR on or off for exec->session and keeps the counts of monitors right. */
void client_set_monitor(struct exec *exec, bool is_monitor);

#endif
