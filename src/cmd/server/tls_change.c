/* tls_change.c - see tls_change.h.  */
#include "cmd/server/tls_change.h"

#include "shard/server.h"
#include "tls/context.h"

#include <stdio.h>

/* Without a port for TLS nothing uses the parameters: they are only kept. */
static bool prepare(struct config_preparation *preparation, const struct config_proposal *proposal, char reason[256])
{
    struct tls_change *change = (struct tls_change *)preparation;
    struct server *server = change->server;
    char error[TLS_ERROR_MAX];
    if (atomic_load_explicit(&server->config->tls_port, memory_order_relaxed) == 0) {
        return true;
    }
    if (!tls_begin_change(server->tls)) {
        snprintf(reason, 256, "another change of TLS parameters is under way");
        return false;
    }
    change->context = tls_context_create(server->config, proposal, error);
    if (change->context == NULL) {
        tls_end_change(server->tls);
        snprintf(reason, 256, "Unable to update TLS configuration: %.200s", error);
        return false;
    }
    return true;
}

void tls_change_begin(struct tls_change *change, struct server *server)
{
    *change = (struct tls_change){.preparation = {.prefix = "tls-", .prepare = prepare}, .server = server};
}

void tls_change_end(struct tls_change *change)
{
    if (change->context != NULL) {
        tls_set_context(change->server->tls, change->context);
        change->context = NULL;
        tls_end_change(change->server->tls);
    }
}
