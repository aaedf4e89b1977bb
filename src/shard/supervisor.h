/* supervisor.h - systemd, when it has started the server and wants to hear from it (`supervised systemd` or `auto`).
 *
 * Sent is what sd_notify(3) describes, to the socket that NOTIFY_SOCKET names; libsystemd does it.
 * Threads    Any.  */
#ifndef SHARD_SUPERVISOR_H
#define SHARD_SUPERVISOR_H

#include "config/config.h"

enum { SUPERVISOR_EXTENSION_S = 30, SUPERVISOR_STATUS_MAX = 200 };

/* Is the server supervised? `systemd` and `auto` both need the socket. */
bool supervisor_is_there(const struct config *config);
/* The data is loaded and commands are taken. Nothing where nobody supervises, as with the next. */
void supervisor_say_ready(struct config *config);
void supervisor_say_stopping(struct config *config);
/* The state that the server is in may take SUPERVISOR_EXTENSION_S from now on, also beyond TimeoutStartSec or TimeoutStopSec; `status` is what
 * `systemctl status` shows: a line of SUPERVISOR_STATUS_MAX bytes at most.  */
void supervisor_ask_for_time(struct config *config, const char *status);
/* What has asked for time is over, and the server runs. */
void supervisor_say_running(struct config *config);

#endif
