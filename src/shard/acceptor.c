/* acceptor.c - see acceptor.h.
 *
 * poll(2) watches the listening sockets, a signalfd, and the eventfd by which server_stop wakes this thread. A connection goes to
 * its shard port's thread, or to the thread with the fewest; there it arrives as mail. The ring only wakes threads: a request that
 * waits in a ring outlives a killed process for up to 220 ms and would hold the listening socket that long.  */
#include "shard/acceptor.h"

#include "mem/heap.h"
#include "shard/log.h"
#include "shard/thread_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    ACCEPT_RETRY_US = 100000,
    ACCEPT_BATCH = 256, /* from one listener, until signals and other listeners are looked at */
    POLL_MS_MAX = 1000,
};

enum polled { POLLED_SIGNAL, POLLED_STOP, POLLED_LISTENERS };

struct acceptor {
    struct server *server;
    struct ring ring;
    const struct listeners *listeners;
    struct pollfd polled[POLLED_LISTENERS + LISTENERS_MAX];
};

/* A new connection on its way to its thread. */
struct newcomer {
    struct mail mail;
    int fd;
    bool is_unix, is_shard_port;
};

static void refuse(int fd, const char *text)
{
    ssize_t sent = send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    close(fd);
}

static void newcomer_arrives(struct thread *thread, struct mail *mail)
{
    struct newcomer *newcomer = (struct newcomer *)((char *)mail - offsetof(struct newcomer, mail));
    struct server *server = thread->server;
    struct connection *connection = NULL;
    if (atomic_load_explicit(&server->is_stopping, memory_order_relaxed) == 0) {
        connection = connection_create(thread, newcomer->fd);
    }
    if (connection == NULL) {
        close(newcomer->fd);
        atomic_fetch_sub_explicit(&thread->connection_count, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(&server->clients_current, 1, memory_order_relaxed);
    } else {
        connection->session.is_unix = newcomer->is_unix;
        connection->session.is_shard_port = newcomer->is_shard_port;
        connection->session.is_authenticated =
            atomic_load_explicit(&server->config->has_password, memory_order_relaxed) == 0;
    }
    thread_free(MEM_CLIENT, newcomer, sizeof *newcomer);
}

static struct thread *choose_thread(struct server *server, const struct listener *listener)
{
    if (listener->shard >= 0) {
        return server_thread(server, (uint32_t)listener->shard);
    }
    struct thread *best = server_thread(server, 0);
    for (uint32_t i = 1; i < server->shard_count; i++) {
        struct thread *thread = server_thread(server, i);
        if (atomic_load_explicit(&thread->connection_count, memory_order_relaxed) <
            atomic_load_explicit(&best->connection_count, memory_order_relaxed)) {
            best = thread;
        }
    }
    return best;
}

/* Protected mode: without a password, and listening wherever it can, the server answers only this machine. */
static bool is_forbidden(struct server *server, int fd)
{
    const struct config *config = server->config;
    return atomic_load_explicit(&config->protected_mode, memory_order_relaxed) != 0 &&
           atomic_load_explicit(&config->has_password, memory_order_relaxed) == 0 && !socket_peer_is_local(fd);
}

static void admit(struct acceptor *acceptor, const struct listener *listener, int fd)
{
    struct server *server = acceptor->server;
    int64_t max = atomic_load_explicit(&server->config->maxclients, memory_order_relaxed);
    if (is_forbidden(server, fd)) {
        stat_add(&acceptor->server->rejected_connections, 1);
        refuse(fd, "-DENIED Tessera is running in protected mode: it has no password and answers only this machine. Set "
                   "requirepass, or turn protected-mode off if every host that can reach it may use it.\r\n");
        return;
    }
    if ((int64_t)atomic_load_explicit(&server->clients_current, memory_order_relaxed) >= max) {
        stat_add(&acceptor->server->rejected_connections, 1);
        refuse(fd, "-ERR max number of clients reached\r\n");
        return;
    }
    struct newcomer *newcomer = thread_alloc(MEM_CLIENT, sizeof *newcomer);
    if (newcomer == NULL) {
        refuse(fd, "-ERR out of memory\r\n");
        return;
    }
    if (!listener->is_unix) {
        socket_tune(fd, (int)atomic_load_explicit(&server->config->tcp_keepalive, memory_order_relaxed));
    }
    struct thread *thread = choose_thread(server, listener);
    *newcomer = (struct newcomer){.mail = {.deliver = newcomer_arrives},
                                  .fd = fd,
                                  .is_unix = listener->is_unix,
                                  .is_shard_port = listener->shard >= 0};
    atomic_fetch_add_explicit(&server->clients_current, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&thread->connection_count, 1, memory_order_relaxed);
    mail_send(NULL, thread, &newcomer->mail);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_exchange_explicit(&thread->is_asleep, false, memory_order_seq_cst)) {
        ring_post(&acceptor->ring, &thread->ring, EVENT_WAKE, NULL, 0);
    }
}

/* Errors of the one connection that was next, not of accepting: accept(2). */
static bool is_of_one_connection(int error)
{
    static const int errors[] = {EINTR,     ECONNABORTED, ENETDOWN,   EPROTO,     ENOPROTOOPT,
                                 EHOSTDOWN, ENONET,       EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, EPERM};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (error == errors[i]) {
            return true;
        }
    }
    return false;
}

/* Takes in what waits at one listener, ACCEPT_BATCH at most. Gives 0, or why it could not go on. */
static int accept_from(struct acceptor *acceptor, const struct listener *listener)
{
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(acceptor, listener, fd);
        } else if (errno == EAGAIN) {
            return 0;
        } else if (!is_of_one_connection(errno)) {
            return errno;
        }
    }
    return 0;
}

static void accept_all(struct acceptor *acceptor)
{
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < acceptor->listeners->count; i++) {
        if (acceptor->polled[POLLED_LISTENERS + i].revents != 0) {
            error = accept_from(acceptor, &acceptor->listeners->all[i]);
        }
    }
    if (error != 0) {
        log_write(acceptor->server->config, LOG_LEVEL_WARNING, "Accepting client connection: %s", strerror(error));
        /* Out of descriptors: the next try is after a pause, not at once. */
        usleep(ACCEPT_RETRY_US);
    }
}

/* --- the loop --- */

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void read_signal(struct acceptor *acceptor)
{
    struct signalfd_siginfo info;
    if (read(acceptor->polled[POLLED_SIGNAL].fd, &info, sizeof info) == (ssize_t)sizeof info) {
        log_write(acceptor->server->config, LOG_LEVEL_WARNING, "Received %s, stopping",
                  info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
        server_stop(acceptor->server);
    }
}

/* Submits the wake-ups; a completion tells only of one that failed, whose thread wakes by itself soon. */
static void send_wakes(struct acceptor *acceptor)
{
    struct ring_event events[TURN_EVENTS];
    ring_turn(&acceptor->ring, 0);
    while (ring_events(&acceptor->ring, events, TURN_EVENTS) > 0) {
    }
}

static void loop(struct acceptor *acceptor)
{
    const nfds_t all = POLLED_LISTENERS + acceptor->listeners->count;
    while (atomic_load_explicit(&acceptor->server->is_stopping, memory_order_relaxed) == 0) {
        if (poll(acceptor->polled, all, POLL_MS_MAX) < 0) {
            continue; /* EINTR: revents say nothing */
        }
        if (acceptor->polled[POLLED_SIGNAL].revents != 0) {
            read_signal(acceptor);
        }
        accept_all(acceptor);
        send_wakes(acceptor);
    }
}

static void poll_everything(struct acceptor *acceptor)
{
    acceptor->polled[POLLED_SIGNAL] = (struct pollfd){.fd = open_signals(), .events = POLLIN};
    acceptor->polled[POLLED_STOP] = (struct pollfd){.fd = acceptor->server->stop_fd, .events = POLLIN};
    for (uint32_t i = 0; i < acceptor->listeners->count; i++) {
        acceptor->polled[POLLED_LISTENERS + i] = (struct pollfd){.fd = acceptor->listeners->all[i].fd, .events = POLLIN};
    }
}

bool acceptor_run(struct server *server, const struct listeners *listeners)
{
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    if (acceptor == NULL || !ring_open(&acceptor->ring, 0)) {
        free(acceptor);
        return false;
    }
    acceptor->server = server;
    acceptor->listeners = listeners;
    poll_everything(acceptor);
    loop(acceptor);
    /* The threads may sleep: each is woken to see that the server stops. */
    for (uint32_t i = 0; i < server->shard_count; i++) {
        ring_post(&acceptor->ring, &server_thread(server, i)->ring, EVENT_WAKE, NULL, 0);
    }
    send_wakes(acceptor);
    ring_close(&acceptor->ring);
    close(acceptor->polled[POLLED_SIGNAL].fd);
    free(acceptor);
    return true;
}
