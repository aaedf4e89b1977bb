/* metrics_port.c - see metrics_port.h.  */
#include "server/metrics_port.h"

#include "config/config.h"
#include "http/host.h"
#include "loop/acceptor.h"
#include "snapshot/loading.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64 };

void metrics_port_init(struct metrics_port *port)
{
    port->listeners = (struct listeners){0};
    port->inside_fds[0] = port->inside_fds[1] = -1;
    port->server = NULL;
    port->http = NULL;
}

enum listen_outcome metrics_port_open(struct metrics_port *port, struct config *config, char error[256])
{
    char bind[1024];
    const int64_t number = atomic_load_explicit(&config->metrics_port, memory_order_relaxed);
    if (number == 0) {
        return LISTEN_OK;
    }
    config_text_copy(config, &config->metrics_bind, bind, sizeof bind);
    return listeners_add_tcp(&port->listeners, bind, (uint16_t)number, BACKLOG, LISTENER_ANY_SHARD, error);
}

/* --- hooks: the HTTP thread --- */

static int connect_inside(void *context, const char *name)
{
    const struct metrics_port *port = context;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return -1;
    }
    struct acceptor_inside inside = {.fd = pair[1]};
    (void)snprintf(inside.name, sizeof inside.name, "%s", name);
    if (write(port->inside_fds[1], &inside, sizeof inside) != (ssize_t)sizeof inside) { /* whole or not at all: it is less than PIPE_BUF */
        close(pair[0]);
        close(pair[1]);
        return -1;
    }
    return pair[0];
}

static const char *command_name(void *context, const char *own)
{
    return config_command_name(((const struct metrics_port *)context)->server->config, own);
}

static const char *not_ready(void *context)
{
    const struct server *server = ((const struct metrics_port *)context)->server;
    if (atomic_load_explicit(&server->is_stopping, memory_order_relaxed) != 0 ||
        atomic_load_explicit(&server->is_end_paused, memory_order_acquire)) {
        return "shutting down";
    }
    return server_is_loading(server) ? "loading" : NULL;
}

static bool is_forbidden(void *context, int fd)
{
    return acceptor_forbids(((const struct metrics_port *)context)->server, fd);
}

static bool is_own_name(void *context, struct bytes host)
{
    struct config *config = ((const struct metrics_port *)context)->server->config;
    char names[CONFIG_METRICS_HOSTS_SIZE];
    config_text_copy(config, &config->metrics_hosts, names, sizeof names);
    return host_is_one_of(host, bytes_of_string(names));
}

/* --- start and end --- */

bool metrics_port_start(struct metrics_port *port, struct server *server)
{
    if (port->listeners.count == 0) {
        return true;
    }
    port->server = server;
    if (pipe2(port->inside_fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        return false;
    }
    const struct http_hooks hooks = {
        .context = port,
        .command_name = command_name,
        .connect = connect_inside,
        .not_ready = not_ready,
        .is_forbidden = is_forbidden,
        .is_own_name = is_own_name,
    };
    port->http = http_start(&port->listeners, &hooks);
    return port->http != NULL;
}

void metrics_port_stop(struct metrics_port *port)
{
    http_stop(port->http);
    port->http = NULL;
    struct acceptor_inside inside;
    while (port->inside_fds[0] >= 0 && read(port->inside_fds[0], &inside, sizeof inside) == (ssize_t)sizeof inside) {
        close(inside.fd);
    }
    for (int i = 0; i < 2; i++) {
        if (port->inside_fds[i] >= 0) {
            close(port->inside_fds[i]);
            port->inside_fds[i] = -1;
        }
    }
}

void metrics_port_close(struct metrics_port *port)
{
    listeners_close(&port->listeners);
}
