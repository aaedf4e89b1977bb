"""The two engines of the loop: which one is chosen, and that epoll's does what io_uring's does. tools/test --all runs all server tests on both."""

import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import process
from harness.process import Server, StartError
from harness.resp import encode, wait_until

FORBID = [sys.executable, os.path.join(os.path.dirname(process.__file__), "forbid_uring.py")]


class ForbiddenServer(Server):
    """A server that may not use io_uring, whatever it is told to use."""

    def _command(self):
        return FORBID + [word for word in super()._command() if word not in ("--io-engine", process.IO_ENGINE)] + self.engine_words

    def __init__(self, *engine_words, **more):
        self.engine_words = list(engine_words)
        super().__init__(**more)


@pytest.fixture
def forbidden():
    servers = []

    def start(*engine_words, **more):
        servers.append(ForbiddenServer(*engine_words, **more))
        return servers[-1]

    yield start
    problems = [problem for server in servers for problem in server.problems() + server.stop()]
    assert problems == []


def at_once(works):
    """Runs (function, arguments...) side by side; what one of them raises is raised."""
    with ThreadPoolExecutor(len(works)) as pool:
        for ended in [pool.submit(*work) for work in works]:
            ended.result()


def engine_of(client):
    return client.run("CONFIG", "GET", "io-engine")[1].decode(), b"multiplexing_api:epoll\r" in client.run("INFO", "server")


@pytest.mark.skipif(process.IO_ENGINE != "", reason="the engine is chosen")
def test_io_uring_is_used_where_it_can_be(client):
    assert engine_of(client) == ("io_uring", False)


def test_epoll_is_used_when_asked_for(start):
    with start("--io-engine", "epoll").connect() as client:
        assert engine_of(client) == ("epoll", True)
        assert client.call("CONFIG", "SET", "io-engine", "io_uring")[0] == "-"


@pytest.mark.parametrize("words", [(), ("--io-engine", "auto")])
def test_where_io_uring_is_forbidden_auto_is_epoll(forbidden, words):
    server = forbidden(*words, shards=2)
    with server.connect() as client:
        assert engine_of(client) == ("epoll", True)
        client.run("MSET", *[word for number in range(100) for word in ("k%d" % number, number)])
        assert client.run("MGET", *["k%d" % number for number in range(100)]) == [b"%d" % number for number in range(100)]
    lines = [line for line in server.output().splitlines() if "io_uring is forbidden" in line]
    assert len(lines) == 1 and lines[0].endswith("epoll is used (io-engine)")


@pytest.mark.skipif(bool(process.WRAPPER), reason="valgrind forwards the system calls itself")
def test_where_io_uring_is_forbidden_it_cannot_be_asked_for():
    with pytest.raises(StartError) as error:
        ForbiddenServer("--io-engine", "io_uring")
    assert "io_uring is forbidden here" in error.value.output and "io-engine auto or epoll" in error.value.output


def test_the_log_is_written_without_io_uring(forbidden):
    server = forbidden(shards=2, options=("--appendonly", "yes", "--appendfsync", "always"))

    def write(first):
        with server.connect() as client:
            for number in range(first, first + 100):
                assert client.run("SET", "k%d" % number, number) == b"OK"

    at_once([(write, first) for first in range(0, 400, 100)])
    server.restart_after_kill()
    with server.connect() as client:
        assert client.run("DBSIZE") == 400
        assert client.run("MGET", *["k%d" % number for number in range(400)]) == [b"%d" % number for number in range(400)]


@pytest.mark.threads
def test_connections_of_every_kind_come_and_go(start):
    """Floods, clients that never read, clients that end in the middle of a command or of a reply, on epoll's engine."""
    server = start("--io-engine", "epoll", shards=2)
    with server.connect() as client:
        client.run("SET", "big", b"x" * 3000000)
    flood = encode("SET", "k", "x" * 1000) * 2000

    def be_answered():
        with server.connect() as connection:
            connection.send_raw(flood)
            for _ in range(2000):
                assert connection.read() == ("+", b"OK")
            assert connection.run("GET", "big") == b"x" * 3000000

    def vanish(number):
        for _ in range(20):
            with socket.create_connection((server.host, server.port)) as connection:
                connection.sendall((encode("GET", "big") * 3, flood[: number * 777 + 5], b"*1\r\n$4\r\nPI")[number % 3])

    def send_the_end_at_once():
        for _ in range(50):
            with socket.create_connection((server.host, server.port)) as connection:
                connection.sendall(encode("PING") * 3)
                connection.shutdown(socket.SHUT_WR)
                text = b""
                while len(text) < 21:
                    more = connection.recv(100)
                    assert more
                    text += more
                assert text == b"+PONG\r\n" * 3 and connection.recv(1) == b""

    at_once([(be_answered,)] * 3 + [(vanish, number) for number in range(6)] + [(send_the_end_at_once,)])
    with server.connect() as client:
        wait_until(lambda: b"connected_clients:1\r" in client.run("INFO", "clients"))
