"""Ports and socket files that are in use at the start: what a killed process leaves behind, and what others hold."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness.process import END_WITH_TESTS, SLOWDOWN, TESSERA, WRAPPER, StartError, allow_files, free_port
from harness.resp import Connection, wait_until

MANY_CLIENTS = 3000
SPARE_FILES = 200
SECONDS = 20 * SLOWDOWN
RETRIES = re.compile(r"in use; trying again for \d+ ms")


def connect_many(server, count):
    """`count` connections that have been answered."""
    connections = []
    for _ in range(count):
        connections.append(wait_until(lambda: try_to_connect(server), SECONDS, "a connection"))
    for connection in connections:
        connection.send("PING")
    for connection in connections:
        assert connection.read() == ("+", b"PONG")
    return connections


def try_to_connect(server):
    """A connection, or None: on a unix socket a full backlog refuses at once."""
    try:
        return server.connect()
    except BlockingIOError:
        return None


@pytest.mark.heavy
@pytest.mark.parametrize("place", ["tcp", "unix"])
@pytest.mark.parametrize("clients, rounds", [(0, 25), (MANY_CLIENTS, 3)])
def test_a_killed_server_starts_again_at_once(start, tmp_path, place, clients, rounds):
    """Without a second try: nothing of a killed process holds its port when it has been waited for."""
    if clients + SPARE_FILES > allow_files(clients + SPARE_FILES):
        pytest.skip("too few open files are allowed for %d clients" % clients)
    options = ["--port", "0", "--unixsocket", tmp_path / "s"] if place == "unix" else []
    server = start("--bind-retry-ms", "0", *options, shards=2)
    for _ in range(rounds):
        with contextlib.ExitStack() as stack:
            for connection in connect_many(server, clients):
                stack.enter_context(connection)
            server.restart_after_kill()
            with server.connect() as connection:
                assert connection.run("PING") == b"PONG"


def test_a_killed_server_starts_again_on_all_its_shard_ports(start):
    server = start("--bind-retry-ms", "0", "--shard-ports", "yes", shards=4)
    for _ in range(5):
        with Connection("127.0.0.1", server.port + 4) as connection:
            assert connection.run("PING") == b"PONG"
            server.restart_after_kill()


class Starting:
    """A server that is on its way; `holder` is what stands in it, until it is closed."""

    def __init__(self, folder, *words):
        self.path = str(folder / "output.txt")
        with open(self.path, "wb") as output:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                END_WITH_TESTS + WRAPPER + [
                    TESSERA, "--save", "", "--dir", str(folder), "--bind", "127.0.0.1", "--shards", "2", *words],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def output(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def wait_for_retry(self):
        wait_until(lambda: RETRIES.search(self.output()), SECONDS, "the line that it tries again")

    def wait_for_readiness(self):
        wait_until(lambda: "Ready to accept" in self.output(), SECONDS, "readiness")


@pytest.fixture
def holder():
    """A listening socket of somebody else."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", free_port()))
        held.listen()
        yield held


def test_a_port_in_use_is_waited_for(tmp_path, holder):
    port = holder.getsockname()[1]
    with Starting(tmp_path, "--port", str(port), "--bind-retry-ms", "600000") as server:
        server.wait_for_retry()
        holder.close()
        server.wait_for_readiness()
        with Connection("127.0.0.1", port) as connection:
            assert connection.run("CONFIG", "GET", "bind-retry-ms") == [b"bind-retry-ms", b"600000"]
        assert len(RETRIES.findall(server.output())) == 1


def test_the_wait_for_a_port_in_use_is_two_seconds_and_ends_with_the_reason(start):
    server = start()
    began = time.monotonic()
    with pytest.raises(StartError) as error:
        start("--port", str(server.port))
    assert time.monotonic() - began >= 2
    assert error.value.status == 1
    assert len(RETRIES.findall(error.value.output)) == 1
    assert "cannot listen on 127.0.0.1 port %d: Address already in use\n" % server.port in error.value.output


def test_the_reason_is_in_a_log_file_too(start, tmp_path):
    server = start()
    log = tmp_path / "log"
    with pytest.raises(StartError):
        start("--port", server.port, "--bind-retry-ms", "0", "--logfile", log)
    assert "cannot listen on 127.0.0.1 port %d" % server.port in log.read_text()
    assert not RETRIES.search(log.read_text())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_for_a_port(tmp_path, holder, number):
    with Starting(tmp_path, "--port", str(holder.getsockname()[1]), "--bind-retry-ms", "600000") as server:
        server.wait_for_retry()
        server.process.send_signal(number)
        assert server.process.wait(SECONDS) == 0
        assert "Received %s, stopping" % number.name in server.output()


def test_a_socket_file_is_not_taken_from_a_living_server(start, tmp_path):
    path = str(tmp_path / "s")
    first = start("--unixsocket", path)
    with pytest.raises(StartError) as error:
        start("--unixsocket", path, "--bind-retry-ms", "100")
    assert error.value.status == 1
    assert "cannot listen on %s: Address already in use\n" % path in error.value.output
    with Connection(path) as connection:
        assert connection.info("server")["process_id"] == str(first.process.pid)


def test_a_socket_file_is_taken_over_when_the_living_server_ends(start, tmp_path):
    path = str(tmp_path / "s")
    first = start("--port", "0", "--unixsocket", path)
    with Starting(tmp_path, "--port", "0", "--unixsocket", path, "--bind-retry-ms", "600000") as second:
        second.wait_for_retry()
        assert first.stop() == []
        first.problems = first.stop = lambda: []
        second.wait_for_readiness()
        with Connection(path) as connection:
            assert connection.info("server")["process_id"] == str(second.process.pid)
            second.process.terminate()
            assert second.process.wait(SECONDS) == 0
    assert not os.path.exists(path)


def test_a_socket_file_that_nobody_listens_on_is_replaced(start, tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    assert os.path.exists(path)
    start("--unixsocket", path, "--bind-retry-ms", "0")
    with Connection(path) as connection:
        assert connection.run("PING") == b"PONG"
