/* http.h - the HTTP port: a thread of its own that answers /metrics, /livez and /readyz, and with the memory explorer.
 *
 * It asks the server as any client does, over a connection of its own for each request, so that users and their rights are the server's business
 * alone, and no shard thread ever waits for a client of HTTP.
 *
 * Threads    http_start, http_stop: the main thread. Hooks: the HTTP thread.
 * Memory     MEM_SERVER.
 * Limits     HTTP_CLIENTS_MAX connections: another one takes the place of the one that has been idle the longest, or waits.
 * Read on    exchange.h  */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "http/exchange.h"
#include "net/listener.h"

enum {
    HTTP_CLIENTS_MAX = 16,
    HTTP_LISTENERS_MAX = 32,
    HTTP_FILES = 2 + HTTP_LISTENERS_MAX + 3 * HTTP_CLIENTS_MAX, /* descriptors, those of the server's ends among them */
};

struct http;

/* Answers from now on. `listeners` (HTTP_LISTENERS_MAX at most) and what the hooks need stay until http_stop. NULL: no memory, descriptor or
 * thread; errno. */
struct http *http_start(const struct listeners *listeners, const struct http_hooks *hooks);
/* Ends the thread, whatever it does, and closes its connections; the listeners stay open. NULL is allowed. */
void http_stop(struct http *http);

#endif
