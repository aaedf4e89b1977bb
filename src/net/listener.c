/* listener.c - see listener.h.  */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Whoever accepts is told when nobody is left, and need not ask first. */
enum { LISTENER_TYPE = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK };

static int listen_on(const struct addrinfo *address, int backlog)
{
    int fd = socket(address->ai_family, LISTENER_TYPE, 0);
    if (fd < 0) {
        return -1;
    }
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, backlog) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* One word of `bind`. */
static enum listen_outcome add_address(struct listeners *listeners, const char *word, const char *port, int backlog,
                                       int32_t shard, char error[256])
{
    bool is_optional = word[0] == '-';
    const char *host = word + is_optional;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_family = AF_UNSPEC};
    if (strcmp(host, "*") == 0) {
        hints.ai_family = AF_INET;
        host = NULL;
    } else if (strcmp(host, "::*") == 0) {
        hints.ai_family = AF_INET6;
        host = NULL;
    }
    struct addrinfo *found = NULL;
    int refused = getaddrinfo(host, port, &hints, &found);
    if (refused != 0) {
        snprintf(error, 256, "cannot resolve bind address '%s': %s", word, gai_strerror(refused));
        return is_optional ? LISTEN_OK : LISTEN_REFUSED;
    }
    int fd = listen_on(found, backlog);
    int why = errno;
    freeaddrinfo(found);
    if (fd < 0) {
        snprintf(error, 256, "cannot listen on %s port %s: %s", word, port, strerror(why));
        /* An optional address may not exist here; a port in use is a mistake all the same. */
        if (is_optional && (why == EADDRNOTAVAIL || why == EAFNOSUPPORT || why == EPROTONOSUPPORT)) {
            return LISTEN_OK;
        }
        return why == EADDRINUSE ? LISTEN_IN_USE : LISTEN_REFUSED;
    }
    if (listeners->count == LISTENERS_MAX) {
        close(fd);
        snprintf(error, 256, "more than %d listening addresses", LISTENERS_MAX);
        return LISTEN_REFUSED;
    }
    listeners->all[listeners->count++] = (struct listener){.fd = fd, .shard = shard};
    return LISTEN_OK;
}

enum listen_outcome listeners_add_tcp(struct listeners *listeners, const char *bind_addresses, uint16_t port, int backlog,
                                      int32_t shard, char error[256])
{
    char words[1024], port_text[8];
    snprintf(words, sizeof words, "%s", bind_addresses);
    snprintf(port_text, sizeof port_text, "%u", port);
    uint32_t before = listeners->count;
    snprintf(error, 256, "no bind address is given");
    char *rest = NULL;
    for (char *word = strtok_r(words, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
        enum listen_outcome outcome = add_address(listeners, word, port_text, backlog, shard, error);
        if (outcome != LISTEN_OK) {
            return outcome;
        }
    }
    return listeners->count > before ? LISTEN_OK : LISTEN_REFUSED;
}

/* Does somebody listen on the socket file? A dead process's is refused; a connection that cannot be had at once (EAGAIN: the
 * backlog is full) has a listener all the same.  */
static bool is_unix_path_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, LISTENER_TYPE, 0);
    if (fd < 0) {
        return false;
    }
    bool is_alive = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN;
    close(fd);
    return is_alive;
}

enum listen_outcome listeners_add_unix(struct listeners *listeners, const char *path, uint32_t mode, int backlog,
                                       char error[256])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path || listeners->count == LISTENERS_MAX) {
        snprintf(error, 256, "unixsocket path is longer than %zu bytes", sizeof address.sun_path - 1);
        return LISTEN_REFUSED;
    }
    strcpy(address.sun_path, path);
    if (is_unix_path_alive(&address)) {
        snprintf(error, 256, "cannot listen on %s: %s", path, strerror(EADDRINUSE));
        return LISTEN_IN_USE;
    }
    unlink(path);
    int fd = socket(AF_UNIX, LISTENER_TYPE, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, backlog) != 0) {
        int why = errno;
        snprintf(error, 256, "cannot listen on %s: %s", path, strerror(why));
        if (fd >= 0) {
            close(fd);
        }
        return why == EADDRINUSE ? LISTEN_IN_USE : LISTEN_REFUSED;
    }
    if (mode != 0) {
        chmod(path, (mode_t)mode);
    }
    strcpy(listeners->unix_path, path);
    listeners->all[listeners->count++] = (struct listener){.fd = fd, .shard = LISTENER_ANY_SHARD, .is_unix = true};
    return LISTEN_OK;
}

void listeners_close(struct listeners *listeners)
{
    /* First the file: as long as the socket lives, nobody else puts a file of his own in its place. */
    if (listeners->unix_path[0] != 0) {
        unlink(listeners->unix_path);
    }
    for (uint32_t i = 0; i < listeners->count; i++) {
        close(listeners->all[i].fd);
    }
    *listeners = (struct listeners){0};
}

static void name_text(int fd, const struct sockaddr_storage *name, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (name->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)name;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(out, size, "%s:%u", host, ntohs(v4->sin_port));
    } else if (name->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)name;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(out, size, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else if (name->ss_family == AF_UNIX) {
        struct sockaddr_un own = {0};
        socklen_t len = sizeof own;
        getsockname(fd, (struct sockaddr *)&own, &len);
        snprintf(out, size, "%s:0", own.sun_path);
    } else {
        snprintf(out, size, "?:0");
    }
}

void socket_peer_text(int fd, char *out, size_t size)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    getpeername(fd, (struct sockaddr *)&name, &len);
    name_text(fd, &name, out, size);
}

void socket_local_text(int fd, char *out, size_t size)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    getsockname(fd, (struct sockaddr *)&name, &len);
    name_text(fd, &name, out, size);
}

bool socket_peer_is_local(int fd)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    if (getpeername(fd, (struct sockaddr *)&name, &len) != 0) {
        return false;
    }
    if (name.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&name;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    if (name.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&name;
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
    }
    return name.ss_family == AF_UNIX;
}

void socket_tune(int fd, int keepalive_seconds)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (keepalive_seconds > 0) {
        int interval = keepalive_seconds / 3 > 0 ? keepalive_seconds / 3 : 1;
        int probes = 3;
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_seconds, sizeof keepalive_seconds);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    }
}

void socket_abort_at_close(int fd)
{
    struct linger abort_at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_at_once, sizeof abort_at_once);
}
