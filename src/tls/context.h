/* context.h - what TLS connections begin with: certificate, key, authorities, protocols, ciphers, and the sessions that can be resumed.
 *
 * A context never changes. Other parameters make another one, which takes its place in struct tls; connections keep theirs to their end.
 *
 * Threads    Any, but for tls_create and tls_destroy.
 * Memory     A context lives while somebody holds it.  */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include "base/attributes.h"
#include "tls/library.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct bio_method_st; /* OpenSSL's */
struct config;
struct config_proposal;
struct ssl_ctx_st;

struct tls_context {
    _Atomic uint32_t holders;
    struct ssl_ctx_st *ssl;
    struct bio_method_st *method; /* pipe.h */
    bool has_named_users;         /* tls-auth-clients-user CN */
};

/* Reads the files that the parameters name. Reads them all before it returns, so they may change afterwards. Gives a context with one holder;
 * NULL: `error` has a sentence for the user.  */
struct tls_context *tls_context_create(const struct config *config, const struct config_proposal *proposal, char error[TLS_ERROR_MAX]) MUST_USE;
struct tls_context *tls_context_hold(struct tls_context *context);
/* The last holder frees it. NULL: nothing. */
void tls_context_drop(struct tls_context *context);

/* The server's. */
struct tls;

/* Without a context. NULL: no memory. */
struct tls *tls_create(void) MUST_USE;
void tls_destroy(struct tls *tls);
/* The context of connections that begin now, held for the caller; NULL: there is none. */
struct tls_context *tls_hold_context(struct tls *tls) MUST_USE;
/* Takes the context: it is that of connections that begin from now on. */
void tls_set_context(struct tls *tls, struct tls_context *context);
/* Whoever changes parameters of TLS has the change to itself between these. False: another has begun one and not ended it. */
MUST_USE bool tls_begin_change(struct tls *tls);
void tls_end_change(struct tls *tls);

#endif
