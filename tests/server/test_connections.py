"""Ten thousand connections: idle, slow, rude and half closed ones, over TCP and a unix socket; and no descriptors left for more."""

import contextlib
import os
import re

import pytest

from harness.process import IO_ENGINE, SLOWDOWN
from harness.resp import encode, wait_until
from harness.sockets import TIMEOUT, Sockets, client_count, limit_files, possible_count, wait_for_clients

COUNT = int(10_000 / SLOWDOWN)
# Of a connection: docs/BENCHMARKS.md. Epoll's engine keeps 64 bytes of it.
IDLE_BYTES = 864 if IO_ENGINE == "epoll" else 800
LEFT_BYTES = 256 * 1024  # what threads may keep for the next connections
LONG_COUNT, LONG_COMMANDS, LONG_BYTES = 20, 40, 100_000


@pytest.fixture(name="count")
def fixture_count():
    """COUNT, or what the limit of open files allows: then the test has run, and is shown as skipped besides."""
    possible = possible_count(COUNT)
    yield possible
    if possible < COUNT:
        pytest.skip("only %d of %d connections: too few open files are allowed" % (possible, COUNT))


@pytest.fixture(params=["tcp", "unix"], name="place")
def fixture_place(request):
    return request.param


@pytest.fixture(name="hall")
def fixture_hall(start, shards, tmp_path, count):
    """A server with room for a crowd. Redis would answer 127.0.0.2 with DENIED."""
    return start("--maxclients", count + 100, "--unixsocket", tmp_path / "s", "--protected-mode", "no", shards=shards)


def used_bytes(control):
    return int(control.info("memory")["used_memory"])


@contextlib.contextmanager
def crowd_of(server, count, place):
    """A crowd, a connection beside it, and the memory that was used before. When the crowd is gone, the server answers as before, and its memory is back."""
    with server.connect() as control:
        used_bytes(control)
        before = used_bytes(control)
        with Sockets(server, count, place) as crowd:
            wait_for_clients(control, count + 1)
            yield crowd, control, before
        wait_for_clients(control, 1)
        control.run("FLUSHALL")
        wait_until(lambda: used_bytes(control) - before < LEFT_BYTES, TIMEOUT, "memory as before")


@pytest.mark.threads
def test_idle_connections_cost_little(hall, count, place):
    with crowd_of(hall, count, place) as (crowd, control, before):
        crowd.ping()
        assert control.run("PING") == b"PONG"
        if hall.kind == "tessera" and SLOWDOWN == 1:
            wait_until(lambda: used_bytes(control) - before <= count * IDLE_BYTES, TIMEOUT, "%d bytes each" % IDLE_BYTES)
        crowd.close()


def test_connections_that_send_byte_by_byte_are_answered(hall, count, place):
    with crowd_of(hall, count, place) as (crowd, control, _):
        crowd.trickle(encode("PING"))
        assert control.run("PING") == b"PONG"
        crowd.expect(b"+PONG\r\n")


@pytest.mark.threads
def test_connections_that_are_reset_in_the_middle_of_commands_are_gone(hall, count, place):
    """A third has sent a part of a command, a third whole ones and a part, a third has not read its replies."""
    part = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$100\r\nabc"
    with crowd_of(hall, count, place) as (crowd, control, _):
        control.run("SET", "value", "x" * 4000)
        crowd.send(part, crowd.sockets[0::3])
        crowd.send(encode("SET", "a", "b") * 10 + part, crowd.sockets[1::3])
        crowd.send(encode("GET", "value") * 3, crowd.sockets[2::3])
        crowd.reset()
        assert control.run("PING") == b"PONG"
        wait_for_clients(control, 1)
        assert control.run("DEL", "key") == 0


def test_what_half_closed_connections_have_sent_is_answered(hall, count, place):
    """All whole commands; what was cut off at the end is not; then the server closes."""
    with crowd_of(hall, count, place) as (crowd, control, _):
        crowd.send(encode("SET", "k", "v") + encode("GET", "k") + b"*2\r\n$3\r\nGE")
        crowd.half_close()
        crowd.expect(b"+OK\r\n$1\r\nv\r\n")
        crowd.expect_end()
        wait_for_clients(control, 1)


def test_a_connection_that_is_half_closed_from_the_start_is_answered_and_closed(hall, place):
    """As of `echo PING | nc -N`: command and end are there before the server looks."""
    with hall.connect() as control:
        for _ in range(50):
            with Sockets(hall, 1, place) as crowd:
                crowd.send(encode("PING"))
                crowd.half_close()
                crowd.expect(b"+PONG\r\n")
                crowd.expect_end()
        wait_for_clients(control, 1)


def test_long_replies_reach_half_closed_connections(hall, place):
    """Far more than the sockets' buffers hold, so that commands wait for the client to read. Redis closes before that."""
    if hall.kind == "redis":
        pytest.skip("redis-server drops replies that are not sent when the client has ended its side")
    with crowd_of(hall, LONG_COUNT, place) as (crowd, control, _):
        control.run("SET", "value", "x" * LONG_BYTES)
        crowd.send(encode("GET", "value") * LONG_COMMANDS + encode("SET", "end", "1") + b"*1\r\n")
        crowd.half_close()
        reply = b"$%d\r\n%s\r\n" % (LONG_BYTES, b"x" * LONG_BYTES)
        for _ in range(LONG_COMMANDS):
            crowd.expect(reply)
        crowd.expect(b"+OK\r\n")
        crowd.expect_end()


def limit_with_room(server, room):
    """The limit of files under which the server has just `room` descriptors free, wherever its own ones left gaps."""
    looks = [{int(name) for name in os.listdir("/proc/%d/fd" % server.process.pid)} for _ in range(5)]
    taken = set.intersection(*looks)  # without what is open for a moment only
    free = sorted(set(range(len(taken) + room)) - taken)
    return free[room - 1] + 1


@pytest.mark.heavy
def test_without_descriptors_connections_wait_and_the_log_says_so_once(start, tmp_path):
    """Even in a log file, which needs a descriptor itself. Each that goes lets the next one in."""
    room, waiting = 40, 20
    server = start("--unixsocket", tmp_path / "s", "--logfile", tmp_path / "log", shards=2)
    if server.kind == "redis":
        pytest.skip("redis-server writes a line for each try")

    def lines(text):
        return len(re.findall("Accepting connections " + text, server.output()))

    with server.connect() as control:
        control.run("PING")
        limit = limit_files(server, limit_with_room(server, room))
        with Sockets(server, room + waiting) as crowd:
            everybody = list(crowd.sockets)
            # Listeners take turns: as long as there is room, the unix socket would get a place before those who wait at the port.
            wait_until(lambda: lines("is paused") == 1, TIMEOUT, "a line")
            with Sockets(server, 1, "unix") as last:
                crowd.send(encode("PING"))
                last.send(encode("PING"))
                crowd.expect(b"+PONG\r\n", everybody[:room])
                assert client_count(control) == room + 1
                for number in range(waiting):
                    everybody[number].close()
                    crowd.expect(b"+PONG\r\n", [everybody[room + number]])
                everybody[waiting].close()
                last.expect(b"+PONG\r\n")
        wait_for_clients(control, 1)
        limit_files(server, limit)
        wait_until(lambda: lines("goes on") == 1, TIMEOUT, "the line that it goes on")
        assert lines("is paused") == 1
        with Sockets(server, room + waiting) as crowd:
            crowd.ping()
    assert lines("") == 2
