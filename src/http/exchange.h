/* exchange.h - one client of the HTTP port: its requests one after the other, and what they are answered with.
 *
 *   READING --a page with a question--> ASKING --the server has answered, or does not--> WRITING --kept alive--> READING
 *      |---any other, or a bad one-------------------------------------------------------->'  '--not kept----> LINGERING --> gone
 *
 * While it is READING and nothing of a request has come it is idle. LINGERING drops what the client still sends, so that it can read the answer
 * to the end before the connection is reset.
 *
 * Threads    The HTTP thread.
 * Memory     MEM_SERVER; exchange_destroy.
 * Limits     Milliseconds for a whole request, a whole answer, and to linger: below; for the server's answer: question.ask_ms.  */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "http/answer.h"
#include "http/question.h"
#include "http/request.h"
#include "mem/buffer.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    EXCHANGE_IDLE_MS = 30000,
    EXCHANGE_READ_MS = 5000, /* from the first byte of a request to its last; the first request: from the connection's begin */
    EXCHANGE_WRITE_MS = 10000,
    EXCHANGE_LINGER_MS = 1000,
};

/* What the server's end of the house does for HTTP. All are called on the HTTP thread. */
struct http_hooks {
    void *context;
    /* As question_names.name_of. */
    const char *(*command_name)(void *context, const char *own);
    /* A new connection to the server, as a client has it, that does not block; -1: none can be had. `name`: for CLIENT LIST. */
    int (*connect)(void *context, const char *name);
    /* Why the server does not serve data now, in a few words; NULL: it does. */
    const char *(*not_ready)(void *context);
    /* May this client not be told the server's figures (protected mode)? */
    bool (*is_forbidden)(void *context, int fd);
    /* Is this host, as a request has it, a name by which people come here? */
    bool (*is_own_name)(void *context, struct bytes host);
};

enum exchange_state { EXCHANGE_READING, EXCHANGE_ASKING, EXCHANGE_WRITING, EXCHANGE_LINGERING, EXCHANGE_GONE };

struct exchange {
    const struct http_hooks *hooks;
    enum exchange_state state;   /* changed by exchange_enter */
    int fd, server_fd;           /* server_fd -1: it asks nothing */
    int64_t end_ms;              /* monotonic: what it does now ends then at the latest */
    bool is_head, is_kept_alive;
    const struct question *question; /* the one that is asked, or was the last */
    struct answer_walk walk;     /* over `received` */
    size_t sent;                 /* of `asked` or `output` */
    size_t input_len;
    struct buffer asked, received, output;
    char input[HTTP_REQUEST_MAX + 1]; /* one more: a head of HTTP_REQUEST_MAX bytes can be told from a longer one */
};

/* Takes `fd`, which does not block. NULL: no memory; the caller's `fd` is as it was. */
struct exchange *exchange_create(const struct http_hooks *hooks, int fd, int64_t now_ms);
void exchange_destroy(struct exchange *exchange);
/* What it waits for. */
struct pollfd exchange_awaits(const struct exchange *exchange);
/* Goes on as far as it can; `is_ready`: what it waits for has come. False: it is gone, exchange_destroy is next. */
MUST_USE bool exchange_go_on(struct exchange *exchange, bool is_ready, int64_t now_ms);
/* Nothing of a request has come. */
bool exchange_is_idle(const struct exchange *exchange);

#endif
