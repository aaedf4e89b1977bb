/* tls_change.h - CONFIG SET of parameters of TLS: what connections begin with from then on, made before anything is changed.
 *
 * Threads    Any; two changes at once are not possible, the second one is refused.  */
#ifndef CMD_SERVER_TLS_CHANGE_H
#define CMD_SERVER_TLS_CHANGE_H

#include "config/config.h"

struct server;
struct tls_context;

struct tls_change {
    struct config_preparation preparation; /* for config_set */
    struct server *server;
    struct tls_context *context;           /* what was prepared; NULL: nothing */
};

void tls_change_begin(struct tls_change *change, struct server *server);
/* Behind config_set, which has succeeded if something was prepared. */
void tls_change_end(struct tls_change *change);

#endif
