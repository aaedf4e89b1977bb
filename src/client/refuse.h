/* refuse.h - a connection that is over a limit ends with an error.
 *
 * Threads    The connection's.  */
#ifndef CLIENT_REFUSE_H
#define CLIENT_REFUSE_H

#include "client/connection.h"

/* Its window, with the jobs in it, unless others work for it. */
void connection_drop_window(struct connection *connection);
/* An error that ends it: sent behind the replies so far; then it lingers. `text` with code, without CR LF. */
void connection_refuse(struct connection *connection, const char *text);

#endif
