/* rehearsal.h - a handshake with ourselves, before there are others.
 *
 * Some of what OpenSSL makes once for the process is made by the first handshake, and is never made any more if that is refused memory: all
 * later handshakes would fail. So the first one is at the start.  */
#ifndef TLS_REHEARSAL_H
#define TLS_REHEARSAL_H

#include "tls/context.h"

/* In memory, without certificates of clients. False: it did not come about, which another client's may all the same: with other ciphers. */
MUST_USE bool tls_rehearse(const struct tls_context *context);

#endif
