/* acceptor.c - see acceptor.h.
 *
 * poll(2) watches the listening sockets, a signalfd, and the eventfd by which server_stop wakes this thread. A connection goes to
 * its shard port's thread, or to the thread with the fewest; there it arrives as a message. The ring only wakes threads: a request that
 * waits in a ring outlives a killed process for up to 220 ms and would hold the listening socket that long.
 *
 * Out of descriptors (or memory for one), connections wait in the sockets' backlogs:
 *
 *   OPEN --refused, a line--> PAUSED --a try is not refused--> PROBATION --calm for ACCEPT_CALM_MS, a line--> OPEN
 *                               ^------------------refused---------'
 *
 * Invariant  A1 listening sockets are polled unless PAUSED, when all of them are tried every ACCEPT_RETRY_MS. A2 the log has at most
 *            two lines in ACCEPT_CALM_MS. A3 there is a spare descriptor whenever one can be had, so that a log file can be opened
 *            when connections have all the others.  */
#include "loop/acceptor.h"

#include "base/clock.h"
#include "client/lifetime.h"
#include "loop/patience.h"
#include "loop/worker.h"
#include "mem/heap.h"
#include "shard/log.h"
#include "shard/message.h"
#include "shard/server.h"
#include "snapshot/ending.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    ACCEPT_RETRY_MS = 50,
    ACCEPT_CALM_MS = 5000,
    ACCEPT_BATCH = 256, /* from one listener, until signals and other listeners are looked at */
    POLL_MS_MAX = 1000,
    HIGH_FD_MAX = 65536,
    WAKE_EVENTS = 32,
};

enum polled { POLLED_SIGNAL, POLLED_STOP, POLLED_INSIDE, POLLED_LISTENERS };

enum accept_state { ACCEPT_OPEN, ACCEPT_PAUSED, ACCEPT_PROBATION };

struct acceptor {
    struct server *server;
    struct ring ring;
    const struct listeners *listeners;
    struct pollfd polled[POLLED_LISTENERS + LISTENERS_MAX];
    int spare_fd;                  /* -1: none */
    enum accept_state state;       /* changed by accept_was_refused and accept_went_well */
    int64_t paused_ms, refused_ms; /* monotonic: the first and the last refusal since the state was OPEN */
    struct patience patience;
};

/* A new connection on its way to its thread. */
struct newcomer {
    struct message message;
    int fd;
    bool is_unix, is_shard_port, is_tls;
    char name[ACCEPTOR_NAME_MAX]; /* of the session; empty: none */
};

/* Who wants TLS would not understand the text. */
static void refuse(const struct listener *listener, int fd, const char *text)
{
    if (!listener->is_tls) {
        ssize_t sent = send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
    }
    close(fd);
}

static void newcomer_arrives(struct thread *thread, struct message *message)
{
    struct newcomer *newcomer = (struct newcomer *)((char *)message - offsetof(struct newcomer, message));
    struct server *server = thread->server;
    struct connection *connection = NULL;
    if (atomic_load_explicit(&server->is_stopping, memory_order_relaxed) == 0) {
        connection = connection_create(thread, newcomer->fd);
    }
    if (connection == NULL) {
        close(newcomer->fd);
        const uint32_t of_thread = atomic_fetch_sub_explicit(&thread->clients->connection_count, 1, memory_order_relaxed);
        const uint32_t of_server = atomic_fetch_sub_explicit(&server->clients_current, 1, memory_order_relaxed);
        assert(of_thread > 0); /* admit has counted it */
        assert(of_server > 0);
    } else {
        connection->session.is_unix = newcomer->is_unix;
        connection->session.is_shard_port = newcomer->is_shard_port;
        if (newcomer->is_tls) {
            connection_use_tls(connection);
        }
        if (!buffer_append(&connection->session.name, bytes_of_string(newcomer->name))) {
            buffer_release(&connection->session.name); /* without memory it has no name */
        }
    }
    thread_free(MEM_CLIENT, newcomer, sizeof *newcomer);
}

static struct thread *choose_thread(struct server *server, int32_t shard)
{
    if (shard >= 0) {
        return server_thread(server, (uint32_t)shard);
    }
    struct thread *best = server_thread(server, 0);
    for (uint32_t i = 1; i < server->shard_count; i++) {
        struct thread *thread = server_thread(server, i);
        if (atomic_load_explicit(&thread->clients->connection_count, memory_order_relaxed) <
            atomic_load_explicit(&best->clients->connection_count, memory_order_relaxed)) {
            best = thread;
        }
    }
    return best;
}

/* Protected mode: without a password, and listening wherever it can, the server answers only this machine. */
bool acceptor_forbids(const struct server *server, int fd)
{
    const struct config *config = server->config;
    return atomic_load_explicit(&config->protected_mode, memory_order_relaxed) != 0 &&
           atomic_load_explicit(&config->has_password, memory_order_relaxed) == 0 && !socket_peer_is_local(fd);
}

/* `shard`: whose thread is to have it, or LISTENER_ANY_SHARD. False: no memory, and nothing has been done. */
static bool hand_over(struct acceptor *acceptor, const struct newcomer *like, int32_t shard)
{
    struct server *server = acceptor->server;
    struct newcomer *newcomer = thread_alloc(MEM_CLIENT, sizeof *newcomer);
    if (newcomer == NULL) {
        return false;
    }
    *newcomer = *like;
    newcomer->message = (struct message){.deliver = newcomer_arrives};
    struct thread *thread = choose_thread(server, shard);
    atomic_fetch_add_explicit(&server->clients_current, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&thread->clients->connection_count, 1, memory_order_relaxed);
    message_send(NULL, thread, &newcomer->message);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_exchange_explicit(&thread->is_asleep, false, memory_order_seq_cst)) {
        ring_wake(&acceptor->ring, &thread->ring);
    }
    return true;
}

static void admit(struct acceptor *acceptor, const struct listener *listener, int fd)
{
    struct server *server = acceptor->server;
    int64_t max = atomic_load_explicit(&server->config->maxclients, memory_order_relaxed);
    if (acceptor_forbids(server, fd)) {
        stat_add(&acceptor->server->rejected_connections, 1);
        refuse(listener, fd, "-DENIED Tessera is running in protected mode: it has no password and answers only this machine. Set "
                   "requirepass, or turn protected-mode off if every host that can reach it may use it.\r\n");
        return;
    }
    if ((int64_t)atomic_load_explicit(&server->clients_current, memory_order_relaxed) >= max) {
        stat_add(&acceptor->server->rejected_connections, 1);
        refuse(listener, fd, "-ERR max number of clients reached\r\n");
        return;
    }
    const struct newcomer newcomer = {.fd = fd, .is_unix = listener->is_unix, .is_shard_port = listener->shard >= 0, .is_tls = listener->is_tls};
    if (!listener->is_unix) {
        socket_tune(fd, (int)atomic_load_explicit(&server->config->tcp_keepalive, memory_order_relaxed));
    }
    if (!hand_over(acceptor, &newcomer, listener->shard)) {
        refuse(listener, fd, "-ERR out of memory\r\n");
    }
}

/* Connections of the server to itself: maxclients does not count for them, since whoever watches the server is to see it full, too. */
static void admit_inside(struct acceptor *acceptor)
{
    if (acceptor->polled[POLLED_INSIDE].revents == 0) {
        return;
    }
    struct acceptor_inside inside;
    while (read(acceptor->polled[POLLED_INSIDE].fd, &inside, sizeof inside) == (ssize_t)sizeof inside) {
        struct newcomer newcomer = {.fd = inside.fd, .is_unix = true};
        memcpy(newcomer.name, inside.name, sizeof newcomer.name);
        if (!hand_over(acceptor, &newcomer, LISTENER_ANY_SHARD)) {
            close(inside.fd);
        }
    }
}

/* --- accepting --- */

static int64_t monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

static int open_spare(const struct server *server)
{
    return fcntl(server->stop_fd, F_DUPFD_CLOEXEC, 0);
}

/* With the spare descriptor free, for `logfile`. */
static void say(struct acceptor *acceptor, const char *text)
{
    if (acceptor->spare_fd >= 0) {
        close(acceptor->spare_fd);
    }
    log_write(acceptor->server->config, LOG_LEVEL_WARNING, "%s", text);
    acceptor->spare_fd = open_spare(acceptor->server);
}

static void accept_was_refused(struct acceptor *acceptor, int error)
{
    acceptor->refused_ms = monotonic_ms();
    if (acceptor->state == ACCEPT_OPEN) {
        char text[256];
        snprintf(text, sizeof text, "Accepting connections is paused with %u clients: %s",
                 atomic_load_explicit(&acceptor->server->clients_current, memory_order_relaxed), strerror(error));
        say(acceptor, text);
        acceptor->paused_ms = acceptor->refused_ms;
    }
    acceptor->state = ACCEPT_PAUSED;
}

static void accept_went_well(struct acceptor *acceptor)
{
    assert(acceptor->state != ACCEPT_OPEN);
    assert(acceptor->refused_ms >= acceptor->paused_ms);
    if (acceptor->state == ACCEPT_PAUSED) {
        acceptor->state = ACCEPT_PROBATION;
    }
    const int64_t now_ms = monotonic_ms();
    if (acceptor->state == ACCEPT_PROBATION && now_ms - acceptor->refused_ms >= ACCEPT_CALM_MS) {
        char text[256];
        snprintf(text, sizeof text, "Accepting connections goes on; it was paused for %.1f s",
                 (double)(acceptor->refused_ms - acceptor->paused_ms) / 1000);
        say(acceptor, text);
        acceptor->state = ACCEPT_OPEN;
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
    const bool is_retry = acceptor->state == ACCEPT_PAUSED;
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < acceptor->listeners->count; i++) {
        if (is_retry || acceptor->polled[POLLED_LISTENERS + i].revents != 0) {
            error = accept_from(acceptor, &acceptor->listeners->all[i]);
        }
    }
    if (error != 0) {
        accept_was_refused(acceptor, error);
    } else if (acceptor->state != ACCEPT_OPEN) {
        accept_went_well(acceptor);
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
        if (ending_takes_time(acceptor->server)) {
            (void)ending_ask(acceptor->server->ending, ending_wants_save(acceptor->server->config), false);
        } else {
            server_stop(acceptor->server);
        }
    }
}

/* Submits the wake-ups; a completion tells only of one that failed, whose thread wakes by itself soon. */
static void send_wakes(struct acceptor *acceptor)
{
    struct ring_event events[WAKE_EVENTS];
    ring_turn(&acceptor->ring, 0);
    while (ring_events(&acceptor->ring, events, WAKE_EVENTS) > 0) {
    }
}

_Static_assert((int)POLL_MS_MAX <= (int)PATIENCE_MS, "patience_look is called often enough");

static void loop(struct acceptor *acceptor)
{
    const nfds_t all = POLLED_LISTENERS + acceptor->listeners->count;
    while (atomic_load_explicit(&acceptor->server->is_stopping, memory_order_relaxed) == 0) {
        patience_look(&acceptor->patience, acceptor->server);
        const bool is_paused = acceptor->state == ACCEPT_PAUSED;
        const int ready = poll(acceptor->polled, is_paused ? POLLED_LISTENERS : all, is_paused ? ACCEPT_RETRY_MS : POLL_MS_MAX);
        if (ready < 0) {
            continue; /* EINTR: revents say nothing */
        }
        if (acceptor->polled[POLLED_SIGNAL].revents != 0) {
            read_signal(acceptor);
        }
        admit_inside(acceptor);
        accept_all(acceptor);
        send_wakes(acceptor);
    }
}

static void poll_everything(struct acceptor *acceptor, int inside_fd)
{
    assert(acceptor->listeners->count <= LISTENERS_MAX);
    acceptor->polled[POLLED_SIGNAL] = (struct pollfd){.fd = open_signals(), .events = POLLIN};
    acceptor->polled[POLLED_STOP] = (struct pollfd){.fd = acceptor->server->stop_fd, .events = POLLIN};
    acceptor->polled[POLLED_INSIDE] = (struct pollfd){.fd = inside_fd, .events = POLLIN};
    for (uint32_t i = 0; i < acceptor->listeners->count; i++) {
        acceptor->polled[POLLED_LISTENERS + i] = (struct pollfd){.fd = acceptor->listeners->all[i].fd, .events = POLLIN};
    }
}

/* Each time that the kernel makes the process's table of descriptors larger, every accept waits some ms, and of 10,000 connections
 * at once some would overflow the backlog and try again after seconds: a descriptor of a high number makes all the room now.  */
static void make_room_for_descriptors(const struct server *server)
{
    const int64_t clients = atomic_load_explicit(&server->config->maxclients, memory_order_relaxed);
    const int highest = fcntl(server->stop_fd, F_DUPFD_CLOEXEC, clients < HIGH_FD_MAX ? (int)clients : HIGH_FD_MAX);
    if (highest >= 0) {
        close(highest);
    }
}

bool acceptor_run(struct server *server, const struct listeners *listeners, int inside_fd)
{
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    if (acceptor == NULL || !ring_open(&acceptor->ring, ring_engine_of(server), 0)) {
        free(acceptor);
        return false;
    }
    acceptor->server = server;
    acceptor->listeners = listeners;
    acceptor->spare_fd = open_spare(server);
    make_room_for_descriptors(server);
    poll_everything(acceptor, inside_fd);
    loop(acceptor);
    /* The threads may sleep: each is woken to see that the server stops. */
    for (uint32_t i = 0; i < server->shard_count; i++) {
        ring_wake(&acceptor->ring, &server_thread(server, i)->ring);
    }
    send_wakes(acceptor);
    ring_close(&acceptor->ring);
    ring_forget(&acceptor->ring);
    close(acceptor->polled[POLLED_SIGNAL].fd);
    if (acceptor->spare_fd >= 0) {
        close(acceptor->spare_fd);
    }
    free(acceptor);
    return true;
}
