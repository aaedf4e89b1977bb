/* tls_at_start.c - see tls_at_start.h.  */
#include "server/tls_at_start.h"

#include "shard/log.h"
#include "tls/rehearsal.h"

#include <stdio.h>

struct beginning {
    struct config_preparation preparation; /* first */
    const struct config *config;
    struct tls_context *context;
};

static bool make_context(struct config_preparation *preparation, const struct config_proposal *proposal, char reason[256])
{
    struct beginning *beginning = (struct beginning *)preparation;
    beginning->context = tls_context_create(beginning->config, proposal, reason);
    return beginning->context != NULL;
}

struct tls *tls_at_start(struct config *config, char error[TLS_ERROR_MAX])
{
    struct beginning beginning = {.preparation = {.prepare = make_context}, .config = config};
    struct tls *tls = tls_create();
    if (tls == NULL) {
        snprintf(error, TLS_ERROR_MAX, "out of memory");
        return NULL;
    }
    if (atomic_load_explicit(&config->tls_port, memory_order_relaxed) == 0) {
        return tls;
    }
    if (!config_prepare(config, &beginning.preparation, error)) {
        tls_destroy(tls);
        return NULL;
    }
    if (!tls_rehearse(beginning.context)) {
        log_write(config, LOG_LEVEL_WARNING, "TLS: a client with OpenSSL's usual protocols and ciphers cannot connect");
    }
    tls_set_context(tls, beginning.context);
    return tls;
}
