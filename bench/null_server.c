/* null_server.c - the floor of the network path: a RESP server that stores nothing.
 *
 * Answers GET with a constant and every other command with +OK, and parses no more than it must. What a real server costs above
 * it is its own work; what this one costs is the kernel's and io_uring's. bench/compare runs it next to the real servers.
 *
 * Usage      null_server PORT [THREADS]
 * Threads    Each has a ring, a listening socket (SO_REUSEPORT) and its connections; they share nothing.
 * Limits     A command must fit into INPUT_MAX bytes. A client that does not read its replies is dropped.
 * Read on    docs/ARCHITECTURE.md, "The loop": the same ring calls, with a server around them.  */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    THREADS_MAX = 16,
    RECEIVE_BUFFERS = 1024, /* a power of two: the provided buffer ring */
    RECEIVE_BYTES = 16384,
    INPUT_MAX = 1 << 20,
    OUTPUT_MAX = 1 << 20,
    RING_ENTRIES = 2048,
    COMPLETION_ENTRIES = 8192,
    COMPLETIONS_PER_TURN = 512,
};

enum completion { ACCEPTED, RECEIVED, SENT };

struct output {
    char *data;
    size_t len;
};

struct connection {
    int fd;
    bool is_sending;  /* one send at a time */
    bool is_dirty;    /* in the list of connections with something to send */
    bool is_closed;   /* freed when its send is back */
    char *input;      /* the beginning of a command whose end has not come */
    size_t input_len;
    struct output filling, flying;
    struct connection *next_dirty;
};

struct worker {
    pthread_t thread;
    struct io_uring ring;
    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    int listener;
    struct connection *dirty;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *must_allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        die("calloc");
    }
    return memory;
}

/* The completion's kind sits in the top byte of user_data, the connection's address below it. */
static uint64_t tag(enum completion kind, struct connection *connection)
{
    return (uint64_t)kind << 56 | (uint64_t)(uintptr_t)connection;
}

static struct io_uring_sqe *next_sqe(struct worker *worker)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&worker->ring);
    if (sqe == NULL) {
        io_uring_submit(&worker->ring);
        sqe = io_uring_get_sqe(&worker->ring);
    }
    assert(sqe != NULL);
    return sqe;
}

/* ---- parsing ---- */

/* Reads digits up to CR LF. Returns what follows, or NULL when the line is not complete. */
static const char *read_number(const char *at, const char *end, size_t *out)
{
    size_t number = 0;
    for (; at < end && *at != '\r'; at++) {
        number = number * 10 + (size_t)(*at - '0');
    }
    *out = number;
    return end - at >= 2 ? at + 2 : NULL;
}

/* Skips one command. Returns what follows, or NULL when it is not complete; `first` is its name's first letter. */
static const char *skip_command(const char *at, const char *end, char *first)
{
    if (*at != '*') { /* inline */
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        *first = *at;
        return newline == NULL ? NULL : newline + 1;
    }
    size_t words;
    at = read_number(at + 1, end, &words);
    for (size_t i = 0; i < words && at != NULL; i++) {
        size_t len;
        at = at < end ? read_number(at + 1, end, &len) : NULL;
        if (at == NULL || (size_t)(end - at) < len + 2) {
            return NULL;
        }
        if (i == 0) {
            *first = *at;
        }
        at += len + 2;
    }
    return at;
}

/* Answers all complete commands; returns how many bytes they took. */
static size_t answer(struct connection *connection, const char *data, size_t len)
{
    static const char value[] = "$3\r\nxxx\r\n", ok[] = "+OK\r\n";
    const char *at = data, *end = data + len;
    struct output *out = &connection->filling;
    while (at < end && out->len + sizeof value <= OUTPUT_MAX) {
        char first = 0;
        const char *next = skip_command(at, end, &first);
        if (next == NULL) {
            break;
        }
        bool is_get = (first | 0x20) == 'g';
        size_t reply_len = is_get ? sizeof value - 1 : sizeof ok - 1;
        memcpy(out->data + out->len, is_get ? value : ok, reply_len);
        out->len += reply_len;
        at = next;
    }
    return (size_t)(at - data);
}

/* Takes what was received: answers what is complete, keeps the rest. False: the connection must go. */
static bool feed(struct connection *connection, const char *data, size_t len)
{
    if (connection->input_len == 0) {
        size_t used = answer(connection, data, len);
        data += used;
        len -= used;
    }
    if (connection->input_len + len > INPUT_MAX) {
        return false;
    }
    memcpy(connection->input + connection->input_len, data, len);
    connection->input_len += len;
    if (connection->input_len > len) {
        size_t used = answer(connection, connection->input, connection->input_len);
        connection->input_len -= used;
        memmove(connection->input, connection->input + used, connection->input_len);
    }
    return connection->filling.len + RECEIVE_BYTES < OUTPUT_MAX;
}

/* ---- connections ---- */

static struct connection *connection_create(int fd)
{
    struct connection *connection = must_allocate(sizeof *connection);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->fd = fd;
    connection->input = must_allocate(INPUT_MAX);
    connection->filling.data = must_allocate(OUTPUT_MAX);
    connection->flying.data = must_allocate(OUTPUT_MAX);
    return connection;
}

/* Closes it; its memory goes when no send and no list refers to it any more. */
static void connection_close(struct connection *connection)
{
    if (!connection->is_closed) {
        connection->is_closed = true;
        shutdown(connection->fd, SHUT_RDWR);
        close(connection->fd);
    }
    if (connection->is_sending || connection->is_dirty) {
        return;
    }
    free(connection->input);
    free(connection->filling.data);
    free(connection->flying.data);
    free(connection);
}

static void start_receiving(struct worker *worker, struct connection *connection)
{
    struct io_uring_sqe *sqe = next_sqe(worker);
    io_uring_prep_recv_multishot(sqe, connection->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe->buf_group = 0;
    io_uring_sqe_set_data64(sqe, tag(RECEIVED, connection));
}

static void start_accepting(struct worker *worker)
{
    struct io_uring_sqe *sqe = next_sqe(worker);
    io_uring_prep_multishot_accept(sqe, worker->listener, NULL, NULL, 0);
    io_uring_sqe_set_data64(sqe, tag(ACCEPTED, NULL));
}

static void mark_dirty(struct worker *worker, struct connection *connection)
{
    if (connection->filling.len > 0 && !connection->is_dirty && !connection->is_sending) {
        connection->is_dirty = true;
        connection->next_dirty = worker->dirty;
        worker->dirty = connection;
    }
}

static void send_all(struct worker *worker)
{
    struct connection *next;
    for (struct connection *connection = worker->dirty; connection != NULL; connection = next) {
        next = connection->next_dirty;
        connection->is_dirty = false;
        if (connection->is_closed) {
            connection_close(connection);
            continue;
        }
        struct output full = connection->filling;
        connection->filling = connection->flying;
        connection->filling.len = 0;
        connection->flying = full;
        connection->is_sending = true;
        struct io_uring_sqe *sqe = next_sqe(worker);
        io_uring_prep_send(sqe, connection->fd, full.data, full.len, MSG_WAITALL | MSG_NOSIGNAL);
        io_uring_sqe_set_data64(sqe, tag(SENT, connection));
    }
    worker->dirty = NULL;
}

/* ---- the loop ---- */

static void give_buffer_back(struct worker *worker, uint32_t number)
{
    io_uring_buf_ring_add(worker->buffer_ring, worker->buffers + (size_t)number * RECEIVE_BYTES, RECEIVE_BYTES,
                          (uint16_t)number, io_uring_buf_ring_mask(RECEIVE_BUFFERS), 0);
    io_uring_buf_ring_advance(worker->buffer_ring, 1);
}

static void on_received(struct worker *worker, struct connection *connection, const struct io_uring_cqe *cqe)
{
    bool is_good = cqe->res > 0 || cqe->res == -ENOBUFS;
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        uint32_t number = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        if (cqe->res > 0) {
            is_good = feed(connection, worker->buffers + (size_t)number * RECEIVE_BYTES, (size_t)cqe->res);
        }
        give_buffer_back(worker, number);
    }
    bool is_last = !(cqe->flags & IORING_CQE_F_MORE);
    if (!is_good && !is_last) {
        shutdown(connection->fd, SHUT_RDWR); /* the receive's own end comes next */
        return;
    }
    if (!is_good) {
        connection_close(connection);
        return;
    }
    if (is_last) {
        start_receiving(worker, connection);
    }
    mark_dirty(worker, connection);
}

static void on_completion(struct worker *worker, const struct io_uring_cqe *cqe)
{
    enum completion kind = (enum completion)(cqe->user_data >> 56);
    struct connection *connection = (struct connection *)(uintptr_t)(cqe->user_data & ((1ULL << 56) - 1));
    if (kind == ACCEPTED) {
        if (cqe->res >= 0) {
            start_receiving(worker, connection_create(cqe->res));
        }
        if (!(cqe->flags & IORING_CQE_F_MORE)) {
            start_accepting(worker);
        }
    } else if (kind == RECEIVED) {
        on_received(worker, connection, cqe);
    } else {
        connection->is_sending = false;
        if (connection->is_closed) {
            connection_close(connection);
        } else {
            mark_dirty(worker, connection);
        }
    }
}

static void open_ring(struct worker *worker)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETION_ENTRIES,
    };
    int status = io_uring_queue_init_params(RING_ENTRIES, &worker->ring, &params);
    if (status < 0) {
        errno = -status;
        die("io_uring_setup");
    }
    io_uring_register_ring_fd(&worker->ring);
    worker->buffers = must_allocate((size_t)RECEIVE_BUFFERS * RECEIVE_BYTES);
    void *ring_memory = NULL;
    if (posix_memalign(&ring_memory, 4096, RECEIVE_BUFFERS * sizeof(struct io_uring_buf)) != 0) {
        die("posix_memalign");
    }
    worker->buffer_ring = ring_memory;
    struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)ring_memory, .ring_entries = RECEIVE_BUFFERS};
    if (io_uring_register_buf_ring(&worker->ring, &registration, 0) != 0) {
        die("io_uring_register_buf_ring");
    }
    io_uring_buf_ring_init(worker->buffer_ring);
    for (uint32_t i = 0; i < RECEIVE_BUFFERS; i++) {
        give_buffer_back(worker, i);
    }
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    open_ring(worker);
    start_accepting(worker);
    for (;;) {
        send_all(worker);
        io_uring_submit_and_wait(&worker->ring, 1);
        struct io_uring_cqe *cqes[COMPLETIONS_PER_TURN];
        unsigned count;
        while ((count = io_uring_peek_batch_cqe(&worker->ring, cqes, COMPLETIONS_PER_TURN)) > 0) {
            for (unsigned i = 0; i < count; i++) {
                on_completion(worker, cqes[i]);
            }
            io_uring_cq_advance(&worker->ring, count);
        }
    }
    return NULL;
}

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0) {
        die("listen");
    }
    return fd;
}

int main(int argc, char **argv)
{
    long port = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    long threads = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    if (argc > 3 || port < 1 || port > UINT16_MAX || threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: null_server PORT [THREADS]\n");
        return 2;
    }
    static struct worker workers[THREADS_MAX];
    for (long i = 0; i < threads; i++) {
        workers[i].listener = listen_on((uint16_t)port);
        if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) != 0) {
            die("pthread_create");
        }
    }
    puts("Ready to accept connections");
    fflush(stdout);
    pthread_join(workers[0].thread, NULL);
    return 0;
}
