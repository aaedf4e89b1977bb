/* tls_at_start.h - what TLS connections begin with, if there is a tls-port.
 *
 * Threads    The main thread, before the others start.  */
#ifndef SERVER_TLS_AT_START_H
#define SERVER_TLS_AT_START_H

#include "config/config.h"
#include "tls/context.h"

/* Reads the files that the parameters name, if there is a port for TLS. NULL: `error` says what is wrong. Gives: tls_destroy. */
struct tls *tls_at_start(struct config *config, char error[TLS_ERROR_MAX]) MUST_USE;

#endif
