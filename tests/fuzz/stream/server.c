/* server.c - see server.h.
 *
 * The server is its own main, compiled under another name (tests/CMakeLists.txt): no part of it is a stand-in. It listens at a socket of the file
 * system, in a directory that is emptied before each start.  */
#include "stream/server.h"

#include "base/clock.h"
#include "tls/library.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { START_MS = 60000, STOP_SECONDS = 120, DROP_BYTES = 1 << 16, BETWEEN_MS = 2 };

int server_main(int argc, char **argv);
void stream_count_tls_memory(void);

static char directory[64];
static char socket_path[80];
static pthread_t server_thread;

/* OpenSSL takes these functions once only, and server_main asks for them at each start. */
void stream_count_tls_memory(void)
{
    static bool is_done;
    if (!is_done) {
        tls_library_count_memory();
        is_done = true;
    }
}

static __attribute__((noreturn)) void give_up(const char *text)
{
    fprintf(stderr, "cmd_stream: %s\n", text);
    abort();
}

static int64_t now_ms(void)
{
    return clock_monotonic_us() / 1000;
}

/* --- the server --- */

static void *run_server(void *unused)
{
    char *words[] = {"tessera-server", "--port", "0", "--unixsocket", socket_path, "--dir", directory, "--shards", "1", "--save", "",
                     "--logfile", "/dev/null", "--maxmemory", "64mb", "--proto-max-bulk-len", "1mb", "--enable-debug-command", "yes",
                     "--databases", "4", "--lua-time-limit", "20", "--appendonly", "yes", "--appendfsync", "no",
                     "--rename-command", "MIGRATE", "", NULL};
    (void)unused;
    (void)server_main((int)(sizeof words / sizeof words[0]) - 1, words);
    return NULL;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    return place->level == 0 ? 0 : remove(path);
}

static void empty_directory(void)
{
    (void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* It stays behind: the fuzzer ends without a chance to remove it. tools/fuzz removes TMPDIR. */
static void make_directory(void)
{
    const char *parent = getenv("TMPDIR");
    const int len = snprintf(directory, sizeof directory, "%s/tessera-stream-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (len >= (int)sizeof directory || mkdtemp(directory) == NULL) {
        give_up("no directory can be made in TMPDIR, or its name is too long");
    }
    snprintf(socket_path, sizeof socket_path, "%s/socket", directory);
}

void stream_server_start(void)
{
    if (socket_path[0] == 0) {
        make_directory();
    }
    empty_directory();
    if (pthread_create(&server_thread, NULL, run_server, NULL) != 0) {
        give_up("no thread for the server");
    }
    const int64_t end_ms = now_ms() + START_MS;
    int fd;
    while ((fd = stream_connect()) < 0) {
        if (now_ms() > end_ms) {
            give_up("the server does not start");
        }
        usleep(500);
    }
    close(fd);
}

void stream_server_stop(void)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += STOP_SECONDS;
    (void)pthread_kill(server_thread, SIGTERM);
    if (pthread_timedjoin_np(server_thread, NULL, &end) != 0) {
        give_up("the server does not stop");
    }
}

/* --- connections --- */

int stream_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, socket_path, sizeof socket_path);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void stream_clients_init(struct stream_clients *clients)
{
    for (unsigned i = 0; i < STREAM_CLIENTS; i++) {
        clients->fds[i] = -1;
    }
}

/* Takes one portion of what was sent to it; the end of the connection closes it. */
static void drop_portion(int *fd)
{
    static char dropped[DROP_BYTES];
    const ssize_t got = recv(*fd, dropped, sizeof dropped, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        close(*fd);
        *fd = -1;
    }
}

/* Waits until something has come, or `sender` (-1: none) can be sent to. 0: neither within the time. */
static int drop_replies(struct stream_clients *clients, int sender, int timeout_ms)
{
    struct pollfd polled[STREAM_CLIENTS];
    for (unsigned i = 0; i < STREAM_CLIENTS; i++) {
        const short events = clients->fds[i] == sender ? POLLIN | POLLOUT : POLLIN;
        polled[i] = (struct pollfd){.fd = clients->fds[i], .events = events};
    }
    const int ready = poll(polled, STREAM_CLIENTS, timeout_ms);
    for (unsigned i = 0; ready > 0 && i < STREAM_CLIENTS; i++) {
        if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            drop_portion(&clients->fds[i]);
        }
    }
    return ready;
}

static bool are_open(const struct stream_clients *clients)
{
    bool is_any = false;
    for (unsigned i = 0; i < STREAM_CLIENTS; i++) {
        is_any |= clients->fds[i] >= 0;
    }
    return is_any;
}

void stream_clients_send(struct stream_clients *clients, unsigned number, struct bytes text)
{
    int *fd = &clients->fds[number];
    while (are_open(clients) && drop_replies(clients, -1, BETWEEN_MS) > 0) {
    }
    *fd = *fd < 0 ? stream_connect() : *fd;
    while (*fd >= 0 && text.len > 0) {
        const ssize_t sent = send(*fd, text.data, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            text = (struct bytes){text.data + sent, text.len - (size_t)sent};
        } else if (drop_replies(clients, *fd, STREAM_QUIET_MS) == 0) {
            return; /* the server does not read on: a command waits */
        }
    }
}

void stream_clients_end(struct stream_clients *clients)
{
    for (unsigned i = 0; i < STREAM_CLIENTS; i++) {
        if (clients->fds[i] >= 0) {
            (void)shutdown(clients->fds[i], SHUT_WR);
        }
    }
    while (are_open(clients) && drop_replies(clients, -1, STREAM_QUIET_MS) > 0) {
    }
    for (unsigned i = 0; i < STREAM_CLIENTS; i++) {
        if (clients->fds[i] >= 0) {
            close(clients->fds[i]);
        }
    }
}

/* libFuzzer's timer interrupts what waits. */
static bool has_come(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    int ready;
    do {
        ready = poll(&polled, 1, STREAM_ANSWER_MS);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

bool stream_ask(int fd, const char *command, char line[STREAM_LINE_MAX])
{
    const size_t len = strlen(command);
    if (send(fd, command, len, MSG_NOSIGNAL) != (ssize_t)len) {
        return false;
    }
    for (size_t at = 0; at < STREAM_LINE_MAX - 1; at++) {
        if (!has_come(fd) || recv(fd, line + at, 1, MSG_DONTWAIT) != 1) {
            return false;
        }
        if (line[at] == '\n') {
            line[at] = 0;
            return true;
        }
    }
    return false;
}
