/* Unit tests of net/ring with both engines: what is requested of sockets and files, and what is told of it. io_uring's are skipped where it is
 * forbidden.  */
#include "net/ring.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BUFFERS = 8, EVENTS_MAX = 64, TURN_US = 20000, TURNS_MAX = 500 };
enum kind { KIND_READ = 1, KIND_SEND, KIND_CANCEL, KIND_WRITE, KIND_SYNC };

static enum ring_engine engines[] = {RING_URING, RING_EPOLL};

struct fixture {
    struct ring ring;
    struct ring_owner owner;
    int ours, theirs; /* a pair of sockets */
    struct ring_event events[EVENTS_MAX];
    uint32_t count;
    size_t received;
    char text[1 << 20]; /* what was received */
};

static bool open_fixture(struct fixture *f, enum ring_engine engine)
{
    int pair[2];
    if (!ring_open(&f->ring, engine, BUFFERS)) {
        cr_assert_eq(engine, RING_URING);
        return false;
    }
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    f->ours = pair[0];
    f->theirs = pair[1];
    return true;
}

static struct fixture *fixture_of(enum ring_engine engine)
{
    struct fixture *f = calloc(1, sizeof *f);
    cr_assert_not_null(f);
    if (!open_fixture(f, engine)) {
        cr_skip_test("io_uring is not to be had here");
    }
    return f;
}

static void close_fixture(struct fixture *f)
{
    cr_assert_eq(f->ring.buffers_lent, 0);
    ring_close(&f->ring);
    ring_forget(&f->ring);
    close(f->ours);
    if (f->theirs >= 0) {
        close(f->theirs);
    }
    free(f);
}

/* A turn: its events are added to those that are there; received bytes are put by. */
static void turn(struct fixture *f, int64_t timeout_us)
{
    ring_turn(&f->ring, timeout_us);
    const uint32_t count = ring_events(&f->ring, f->events + f->count, EVENTS_MAX - f->count);
    for (uint32_t i = f->count; i < f->count + count; i++) {
        const struct ring_event *event = &f->events[i];
        if (event->has_buffer) {
            cr_assert_gt(event->result, 0);
            memcpy(f->text + f->received, ring_buffer(&f->ring, event->buffer), (size_t)event->result);
            f->received += (size_t)event->result;
            ring_buffer_return(&f->ring, event->buffer);
        }
    }
    f->count += count;
}

/* The first event of the kind that has come or comes: it is taken out. */
static struct ring_event await(struct fixture *f, enum kind kind)
{
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        for (uint32_t i = 0; i < f->count; i++) {
            if (f->events[i].owner != NULL && f->events[i].kind == kind) {
                const struct ring_event event = f->events[i];
                memmove(f->events + i, f->events + i + 1, (f->count - i - 1) * sizeof *f->events);
                f->count--;
                cr_assert_eq(event.owner, &f->owner);
                return event;
            }
        }
        turn(f, TURN_US);
    }
    cr_assert_fail("no event of kind %d came", (int)kind);
    return (struct ring_event){0};
}

static void expect_nothing(struct fixture *f)
{
    for (int i = 0; i < 3; i++) {
        turn(f, 1000);
    }
    for (uint32_t i = 0; i < f->count; i++) {
        cr_assert_null(f->events[i].owner);
    }
    f->count = 0;
}

ParameterizedTestParameters(ring, what_comes_is_received_until_the_end)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, what_comes_is_received_until_the_end)
{
    struct fixture *f = fixture_of(*engine);
    ring_receive(&f->ring, f->ours, KIND_READ, &f->owner);
    expect_nothing(f);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(write(f->theirs, "hello", 5), 5);
        const struct ring_event event = await(f, KIND_READ);
        cr_assert_eq(event.result, 5);
        cr_assert(event.has_buffer);
        cr_assert(!event.is_last);
    }
    cr_assert_eq(memcmp(f->text, "hellohellohello", 15), 0);
    cr_assert_eq(write(f->theirs, "bye", 3), 3);
    close(f->theirs);
    f->theirs = -1;
    struct ring_event event = await(f, KIND_READ);
    cr_assert_eq(event.result, 3);
    event = await(f, KIND_READ);
    cr_assert_eq(event.result, 0);
    cr_assert(event.is_last);
    cr_assert(!event.has_buffer);
    expect_nothing(f);
    close_fixture(f);
}

/* The end of what was sent is there together with the last bytes. */
ParameterizedTestParameters(ring, an_end_behind_bytes_is_told)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, an_end_behind_bytes_is_told)
{
    for (int is_early = 0; is_early < 2; is_early++) {
        struct fixture *f = fixture_of(*engine);
        if (!is_early) {
            ring_receive(&f->ring, f->ours, KIND_READ, &f->owner);
        }
        cr_assert_eq(write(f->theirs, "bye", 3), 3);
        cr_assert_eq(shutdown(f->theirs, SHUT_WR), 0);
        if (is_early) {
            ring_receive(&f->ring, f->ours, KIND_READ, &f->owner);
        }
        cr_assert_eq(await(f, KIND_READ).result, 3);
        const struct ring_event event = await(f, KIND_READ);
        cr_assert_eq(event.result, 0);
        cr_assert(event.is_last);
        close_fixture(f);
    }
}

ParameterizedTestParameters(ring, more_than_a_turn_takes_arrives_in_order)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, more_than_a_turn_takes_arrives_in_order)
{
    enum { TOTAL = 1 << 19 };
    struct fixture *f = fixture_of(*engine);
    char *sent = malloc(TOTAL);
    cr_assert_not_null(sent);
    for (int i = 0; i < TOTAL; i++) {
        sent[i] = (char)(i * 31 >> 3);
    }
    size_t given = 0;
    cr_assert_eq(fcntl(f->theirs, F_SETFL, O_NONBLOCK), 0);
    ring_receive(&f->ring, f->ours, KIND_READ, &f->owner);
    while (f->received < TOTAL) {
        const ssize_t written = write(f->theirs, sent + given, TOTAL - given);
        given += written > 0 ? (size_t)written : 0;
        const struct ring_event event = await(f, KIND_READ);
        if (event.is_last) {
            cr_assert_eq(event.result, -ENOBUFS);
            ring_receive(&f->ring, f->ours, KIND_READ, &f->owner);
        }
    }
    cr_assert_eq(memcmp(f->text, sent, TOTAL), 0);
    ring_cancel(&f->ring, f->ours, KIND_READ, &f->owner, KIND_CANCEL);
    (void)await(f, KIND_CANCEL);
    free(sent);
    close_fixture(f);
}

ParameterizedTestParameters(ring, one_receive_is_one)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, one_receive_is_one)
{
    struct fixture *f = fixture_of(*engine);
    cr_assert_eq(write(f->theirs, "first", 5), 5);
    ring_receive_once(&f->ring, f->ours, KIND_READ, &f->owner);
    struct ring_event event = await(f, KIND_READ);
    cr_assert_eq(event.result, 5);
    cr_assert(event.is_last);
    cr_assert_eq(write(f->theirs, "second", 6), 6);
    expect_nothing(f);
    ring_receive_once(&f->ring, f->ours, KIND_READ, &f->owner);
    cr_assert_eq(await(f, KIND_READ).result, 6);
    ring_receive_once(&f->ring, f->ours, KIND_READ, &f->owner); /* nothing is there yet */
    expect_nothing(f);
    cr_assert_eq(write(f->theirs, "third", 5), 5);
    event = await(f, KIND_READ);
    cr_assert_eq(event.result, 5);
    cr_assert(event.is_last);
    close_fixture(f);
}

ParameterizedTestParameters(ring, a_receive_goes_where_its_caller_says)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, a_receive_goes_where_its_caller_says)
{
    struct fixture *f = fixture_of(*engine);
    char room[8] = "........";
    cr_assert_eq(write(f->theirs, "abcdefg", 7), 7);
    ring_receive_into(&f->ring, f->ours, room, 4, KIND_READ, &f->owner);
    struct ring_event event = await(f, KIND_READ);
    cr_assert_eq(event.result, 4);
    cr_assert(event.is_last);
    cr_assert(!event.has_buffer);
    cr_assert_eq(memcmp(room, "abcd....", 8), 0);
    expect_nothing(f); /* the rest waits for the next one */
    ring_receive_into(&f->ring, f->ours, room + 4, 4, KIND_READ, &f->owner);
    cr_assert_eq(await(f, KIND_READ).result, 3);
    cr_assert_eq(memcmp(room, "abcdefg.", 8), 0);
    ring_receive_into(&f->ring, f->ours, room, 8, KIND_READ, &f->owner); /* nothing is there yet */
    expect_nothing(f);
    cr_assert_eq(write(f->theirs, "hi", 2), 2);
    cr_assert_eq(await(f, KIND_READ).result, 2);
    cr_assert_eq(memcmp(room, "hicdefg.", 8), 0);
    ring_receive_into(&f->ring, f->ours, room, 8, KIND_READ, &f->owner);
    ring_cancel(&f->ring, f->ours, KIND_READ, &f->owner, KIND_CANCEL);
    event = await(f, KIND_READ);
    cr_assert_eq(event.result, -ECANCELED);
    cr_assert(event.is_last);
    (void)await(f, KIND_CANCEL);
    ring_receive_into(&f->ring, f->ours, room, 8, KIND_READ, &f->owner);
    close(f->theirs);
    f->theirs = -1;
    event = await(f, KIND_READ);
    cr_assert_eq(event.result, 0);
    cr_assert(!event.has_buffer);
    cr_assert_eq(f->ring.buffers_lent, 0);
    close_fixture(f);
}

ParameterizedTestParameters(ring, without_buffers_a_receive_ends)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, without_buffers_a_receive_ends)
{
    struct fixture *f = fixture_of(*engine);
    uint16_t kept[BUFFERS];
    ring_receive(&f->ring, f->ours, KIND_READ, &f->owner);
    for (int i = 0; i < BUFFERS; i++) {
        struct ring_event event;
        cr_assert_eq(write(f->theirs, "x", 1), 1);
        do {
            ring_turn(&f->ring, TURN_US);
        } while (ring_events(&f->ring, &event, 1) == 0);
        cr_assert(event.has_buffer);
        kept[i] = event.buffer;
    }
    cr_assert_eq(f->ring.buffers_lent, BUFFERS);
    cr_assert_eq(write(f->theirs, "late", 4), 4);
    struct ring_event event = await(f, KIND_READ);
    cr_assert_eq(event.result, -ENOBUFS);
    cr_assert(event.is_last);
    for (int i = 0; i < BUFFERS; i++) {
        ring_buffer_return(&f->ring, kept[i]);
    }
    ring_receive(&f->ring, f->ours, KIND_READ, &f->owner);
    cr_assert_eq(await(f, KIND_READ).result, 4);
    ring_cancel(&f->ring, f->ours, KIND_READ, &f->owner, KIND_CANCEL);
    event = await(f, KIND_READ);
    cr_assert_eq(event.result, -ECANCELED);
    cr_assert(event.is_last);
    (void)await(f, KIND_CANCEL);
    ring_cancel(&f->ring, f->ours, KIND_READ, &f->owner, KIND_CANCEL); /* there is none any more */
    (void)await(f, KIND_CANCEL);
    expect_nothing(f);
    close_fixture(f);
}

ParameterizedTestParameters(ring, what_is_sent_arrives_and_waits_for_room)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, what_is_sent_arrives_and_waits_for_room)
{
    struct fixture *f = fixture_of(*engine);
    struct iovec pieces[2] = {{"ab", 2}, {"cde", 3}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    char text[65536];
    ring_send_message(&f->ring, f->ours, &message, KIND_SEND, &f->owner);
    cr_assert_eq(await(f, KIND_SEND).result, 5);
    cr_assert_eq(read(f->theirs, text, sizeof text), 5);
    cr_assert_eq(memcmp(text, "abcde", 5), 0);
    static char block[32768];
    bool waits = false;
    while (!waits) { /* until the socket is full */
        ring_send(&f->ring, f->ours, block, sizeof block, KIND_SEND, &f->owner);
        turn(f, 0);
        turn(f, 1000);
        waits = f->count == 0;
        f->count = 0;
    }
    ring_receive(&f->ring, f->ours, KIND_READ, &f->owner); /* goes on while the send waits */
    cr_assert_eq(write(f->theirs, "in", 2), 2);
    cr_assert_eq(await(f, KIND_READ).result, 2);
    while (read(f->theirs, text, sizeof text) == (ssize_t)sizeof text) {
    }
    cr_assert_gt(await(f, KIND_SEND).result, 0);
    close(f->theirs);
    f->theirs = -1;
    struct ring_event event;
    do {
        event = await(f, KIND_READ);
    } while (!event.is_last);
    ring_send(&f->ring, f->ours, block, sizeof block, KIND_SEND, &f->owner);
    cr_assert_eq(await(f, KIND_SEND).result, -EPIPE);
    close_fixture(f);
}

ParameterizedTestParameters(ring, a_send_that_waits_ends_with_its_socket)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, a_send_that_waits_ends_with_its_socket)
{
    struct fixture *f = fixture_of(*engine);
    static char block[32768];
    bool waits = false;
    while (!waits) {
        ring_send(&f->ring, f->ours, block, sizeof block, KIND_SEND, &f->owner);
        turn(f, 0);
        turn(f, 1000);
        waits = f->count == 0;
        f->count = 0;
    }
    cr_assert_eq(shutdown(f->ours, SHUT_RDWR), 0);
    cr_assert_lt(await(f, KIND_SEND).result, 0);
    close_fixture(f);
}

ParameterizedTestParameters(ring, a_descriptor_that_can_be_read_is_told_once)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, a_descriptor_that_can_be_read_is_told_once)
{
    struct fixture *f = fixture_of(*engine);
    const int fd = eventfd(0, EFD_CLOEXEC);
    ring_await(&f->ring, fd, KIND_READ, &f->owner);
    expect_nothing(f);
    cr_assert_eq(eventfd_write(fd, 1), 0);
    const struct ring_event event = await(f, KIND_READ);
    cr_assert_eq(event.result & POLLIN, POLLIN);
    cr_assert(event.is_last);
    expect_nothing(f);
    close(fd);
    close_fixture(f);
}

ParameterizedTestParameters(ring, files_are_written_and_synced)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, files_are_written_and_synced)
{
    struct fixture *f = fixture_of(*engine);
    char path[] = "/tmp/tessera-ring-XXXXXX", text[8] = "";
    const int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    ring_write(&f->ring, fd, "abc", 3, 2, true, KIND_WRITE, &f->owner);
    ring_sync(&f->ring, fd, KIND_SYNC, &f->owner);
    cr_assert_eq(await(f, KIND_WRITE).result, 3);
    cr_assert_eq(await(f, KIND_SYNC).result, 0);
    ring_write_durable(&f->ring, fd, "de", 2, 0, KIND_WRITE, &f->owner);
    cr_assert_eq(await(f, KIND_WRITE).result, 2);
    cr_assert_eq(pread(fd, text, sizeof text, 0), 5);
    cr_assert_eq(memcmp(text, "deabc", 5), 0);
    const int read_only = open(path, O_RDONLY | O_CLOEXEC);
    ring_write(&f->ring, read_only, "abc", 3, 0, true, KIND_WRITE, &f->owner);
    ring_sync(&f->ring, read_only, KIND_SYNC, &f->owner);
    cr_assert_eq(await(f, KIND_WRITE).result, -EBADF);
    cr_assert_eq(await(f, KIND_SYNC).result, -ECANCELED);
    ring_sync(&f->ring, fd, KIND_SYNC, &f->owner); /* a new chain */
    cr_assert_eq(await(f, KIND_SYNC).result, 0);
    close(read_only);
    close(fd);
    unlink(path);
    close_fixture(f);
}

/* --- wake-ups --- */

struct sleeper {
    struct ring ring;
    enum ring_engine engine;
    _Atomic bool is_open;
    uint32_t owned; /* events that had an owner */
};

static void *sleep_once(void *arg)
{
    struct sleeper *sleeper = arg;
    struct ring_event events[EVENTS_MAX];
    cr_assert(ring_open(&sleeper->ring, sleeper->engine, BUFFERS));
    atomic_store(&sleeper->is_open, true);
    ring_turn(&sleeper->ring, 30000000);
    const uint32_t count = ring_events(&sleeper->ring, events, EVENTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        sleeper->owned += events[i].owner != NULL;
    }
    ring_close(&sleeper->ring);
    return NULL;
}

ParameterizedTestParameters(ring, another_thread_is_woken)
{
    return cr_make_param_array(enum ring_engine, engines, 2);
}

ParameterizedTest(enum ring_engine *engine, ring, another_thread_is_woken)
{
    struct fixture *f = fixture_of(*engine);
    struct ring waker;
    struct sleeper sleeper = {.engine = *engine};
    pthread_t thread;
    struct timespec before, after;
    cr_assert(ring_open(&waker, *engine, 0));
    clock_gettime(CLOCK_MONOTONIC, &before);
    cr_assert_eq(pthread_create(&thread, NULL, sleep_once, &sleeper), 0);
    while (!atomic_load(&sleeper.is_open)) {
        usleep(1000);
    }
    ring_wake(&waker, &sleeper.ring);
    ring_turn(&waker, 0);
    pthread_join(thread, NULL);
    ring_wake(&waker, &sleeper.ring); /* it has closed it, and may still be woken */
    ring_turn(&waker, 0);
    ring_forget(&sleeper.ring);
    clock_gettime(CLOCK_MONOTONIC, &after);
    cr_assert_lt(after.tv_sec - before.tv_sec, 20);
    cr_assert_eq(sleeper.owned, 0);
    ring_close(&waker);
    ring_forget(&waker);
    close_fixture(f);
}
