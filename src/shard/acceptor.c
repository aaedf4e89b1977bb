/* acceptor.c - see acceptor.h.
 *
 * Each listening socket has one multishot accept. A connection goes to its shard port's thread, or to the thread with the
 * fewest; there it arrives as mail. The ring also reads a signalfd and the eventfd by which server_stop wakes this thread.  */
#include "shard/acceptor.h"

#include "mem/heap.h"
#include "shard/log.h"
#include "shard/thread_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { ACCEPT_RETRY_US = 100000 };

struct acceptor {
    struct server *server;
    struct ring ring;
    const struct listeners *listeners;
    int signal_fd;
    struct signalfd_siginfo signal;
    uint64_t stop_count;
    struct thread_stats *stats;
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

static void accepted(struct acceptor *acceptor, const struct ring_event *event)
{
    const struct listener *listener = event->owner;
    if (event->result >= 0) {
        admit(acceptor, listener, event->result);
    } else if (event->result != -ECANCELED) {
        log_write(acceptor->server->config, LOG_LEVEL_WARNING, "Accepting client connection: %s",
                  strerror(-event->result));
        /* Out of descriptors: the next try is after a pause, not at once. */
        usleep(ACCEPT_RETRY_US);
    }
    if (event->is_last) {
        ring_accept(&acceptor->ring, listener->fd, EVENT_ACCEPT, event->owner);
    }
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static void loop(struct acceptor *acceptor)
{
    struct server *server = acceptor->server;
    struct ring_event events[TURN_EVENTS];
    while (atomic_load_explicit(&server->is_stopping, memory_order_relaxed) == 0) {
        ring_turn(&acceptor->ring, 1000 * 1000);
        uint32_t count = ring_events(&acceptor->ring, events, TURN_EVENTS);
        for (uint32_t i = 0; i < count; i++) {
            if (events[i].kind == EVENT_ACCEPT) {
                accepted(acceptor, &events[i]);
            } else if (events[i].kind == EVENT_SIGNAL && events[i].owner == acceptor) {
                log_write(server->config, LOG_LEVEL_WARNING, "Received %s, stopping",
                          acceptor->signal.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
                server_stop(server);
            }
        }
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
    acceptor->signal_fd = open_signals();
    for (uint32_t i = 0; i < listeners->count; i++) {
        ring_accept(&acceptor->ring, listeners->all[i].fd, EVENT_ACCEPT, (void *)(uintptr_t)&listeners->all[i]);
    }
    ring_read(&acceptor->ring, acceptor->signal_fd, &acceptor->signal, sizeof acceptor->signal, EVENT_SIGNAL, acceptor);
    ring_read(&acceptor->ring, server->stop_fd, &acceptor->stop_count, sizeof acceptor->stop_count, EVENT_SIGNAL, NULL);
    loop(acceptor);
    /* The threads may sleep: each is woken to see that the server stops. */
    for (uint32_t i = 0; i < server->shard_count; i++) {
        ring_post(&acceptor->ring, &server_thread(server, i)->ring, EVENT_WAKE, NULL, 0);
    }
    ring_turn(&acceptor->ring, 0);
    ring_close(&acceptor->ring);
    close(acceptor->signal_fd);
    free(acceptor);
    return true;
}
