"""Clients that send faster than their commands run, write before they read, never read, or have not logged in.

Input is taken as fast as it is run; a client that does not take its replies is read on, so that its own writes end.
"""

import contextlib
import socket
import subprocess
import threading
import time

import pytest

from harness.process import SLOWDOWN
from harness.resp import Closed, Connection, encode, wait_until

KIB, MIB = 1 << 10, 1 << 20
# What waits of one connection: 64 KiB and one command; its room may be twice that.
WAITING_MAX = 64 * KIB + 64
PATIENCE = 60 * SLOWDOWN


def scaled(count):
    return int(count / SLOWDOWN)


def field(line, name):
    return int(line.split(" %s=" % name)[1].split()[0])


def client_line(connection, name):
    for line in connection.run("CLIENT", "LIST").decode().splitlines():
        if " name=%s " % name in line:
            return line
    return None


class Watch:
    """Looks at CLIENT LIST and used_memory while something runs; `waiting_max`, `memory_max` and `used_max` are the worst."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.waiting_max = self.total_max = self.used_max = 0
        self.looks = 0
        self.must_end = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def _look(self):
        with self.server.connect() as connection:
            while not self.must_end.is_set():
                line = client_line(connection, self.name)
                if line is not None:
                    self.looks += 1
                    self.waiting_max = max(self.waiting_max, field(line, "qbuf"))
                    self.total_max = max(self.total_max, field(line, "tot-mem"))
                self.used_max = max(self.used_max, int(connection.info("memory")["used_memory"]))
                time.sleep(0.002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.must_end.set()
        self.thread.join()


@pytest.mark.threads
def test_a_pipeline_without_replies_runs_to_its_end(server, client):
    """Commands arrive faster than they run: none is lost, and they do not pile up."""
    rounds, keys = 40, 2000
    chunk = b"".join(encode("SET", "key:%06d" % number, "v" * 8) for number in range(keys))
    total = scaled(rounds * 40)
    client.run("CLIENT", "SETNAME", "flood")
    with Watch(server, "flood") as watch:
        client.send_raw(encode("CLIENT", "REPLY", "OFF"))
        for _ in range(total):
            client.send_raw(chunk)
        client.send_raw(encode("INCR", "the end") + encode("CLIENT", "REPLY", "ON"))
        assert client.read() == ("+", b"OK")
    assert client.run("GET", "the end") == b"1"
    assert client.run("DBSIZE") == keys + 1
    with server.connect() as other:
        stats = other.info("commandstats")
    assert int(stats["cmdstat_set"].split("calls=")[1].split(",")[0]) == total * keys
    assert watch.looks > 0
    assert watch.waiting_max <= WAITING_MAX


@pytest.mark.parametrize("size", [100, 20_000, 300_000])
def test_what_waits_is_64_kib_and_one_command(server, client, size):
    client.run("CLIENT", "SETNAME", "flood")
    chunk = encode("SET", "key", "v" * size)
    count = scaled(100 * MIB) // len(chunk)
    with Watch(server, "flood") as watch:
        client.send_raw(encode("CLIENT", "REPLY", "OFF"))
        for _ in range(count // 100 + 1):
            client.send_raw(chunk * 100)
        client.send_raw(encode("CLIENT", "REPLY", "ON"))
        assert client.read() == ("+", b"OK")
    assert watch.looks > 0
    assert watch.waiting_max <= WAITING_MAX + len(chunk)


@pytest.mark.threads
def test_redis_cli_pipe_is_not_cut_by_a_low_query_limit(start, shards):
    server = start("--client-query-buffer-limit", "1mb", shards=shards)
    keys = scaled(300_000)
    data = b"".join(encode("SET", "key:%012d" % number, "x" * 16) for number in range(keys))
    found = subprocess.run(["redis-cli", "-p", str(server.port), "--pipe"], input=data, capture_output=True,
                           timeout=PATIENCE, check=False)
    assert found.returncode == 0, found
    assert b"errors: 0, replies: %d" % keys in found.stdout
    with server.connect() as connection:
        assert connection.run("DBSIZE") == keys


def write_then_read(connection, count, size):
    """Sends `count` GETs as a blocking client does, and only then reads."""
    request = encode("GET", "value")
    sent = request * count
    connection.socket.settimeout(PATIENCE)
    connection.send_raw(sent)
    reply = b"$%d\r\n%s\r\n" % (size, b"v" * size)
    expected = len(reply) * count
    got = 0
    while got < expected:
        data = connection.socket.recv(MIB)
        assert data, "closed after %d of %d bytes" % (got, expected)
        got += len(data)
    assert got == expected
    return len(sent)


@pytest.mark.threads
@pytest.mark.parametrize("count", [30_000, 400_000])
@pytest.mark.parametrize("is_unix", [False, True], ids=["tcp", "unix"])
def test_who_writes_before_it_reads_is_served(start, shards, tmp_path, is_unix, count):
    path = str(tmp_path / "socket")
    server = start("--unixsocket", path, shards=shards)
    count = scaled(count)
    with server.connect() as control:
        control.run("SET", "value", "v" * 100)
        before = int(control.info("memory")["used_memory"])
        with Connection(path if is_unix else "127.0.0.1", server.port) as connection:
            connection.run("CLIENT", "SETNAME", "writer")
            with Watch(server, "writer") as watch:
                sent = write_then_read(connection, count, 100)
        assert watch.used_max - before <= sent + 4 * MIB


def test_redis_py_over_a_unix_socket_with_a_long_pipeline(start, tmp_path):
    redis = pytest.importorskip("redis")
    path = str(tmp_path / "socket")
    server = start("--unixsocket", path)
    client = redis.Redis(unix_socket_path=path, socket_timeout=PATIENCE)
    client.set("value", "v" * 100)
    pipeline = client.pipeline(transaction=False)
    for _ in range(scaled(30_000)):
        pipeline.get("value")
    assert pipeline.execute() == [b"v" * 100] * scaled(30_000)
    client.close()
    assert server.is_alive()


def never_read(server, count, size, requests):
    """Connections that ask for `requests` values of `size` and never read."""
    silent = []
    for _ in range(count):
        connection = server.connect(receive_buffer=4096)
        connection.send_raw(encode("GET", "value") * requests)
        silent.append(connection)
    return silent


def settled_growth(control, before):
    """used_memory's growth when it has stopped growing."""
    last = -1
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        growth = int(control.info("memory")["used_memory"]) - before
        if growth == last:
            return growth
        last = growth
        time.sleep(0.2)
    raise AssertionError("it grows on and on: %d" % last)


def test_a_client_that_never_reads_large_replies_costs_little(server, client):
    client.run("SET", "value", "v" * 1_000_000)
    before = int(client.info("memory")["used_memory"])
    silent = never_read(server, 1, 1_000_000, 200)
    assert settled_growth(client, before) < 4 * MIB
    silent[0].close()


def test_many_that_never_read_stay_within_clients_pending_limit(start, shards):
    limit, count, size = 16 * MIB, 50, 200_000
    server = start("--clients-pending-limit", str(limit), shards=shards)
    with server.connect() as control:
        control.run("SET", "value", "v" * size)
        before = int(control.info("memory")["used_memory"])
        silent = never_read(server, count, size, 200)
        growth = settled_growth(control, before)
        # A reply each may come on top: who has taken all of its replies may always run a command. So may the commands that wait.
        assert growth <= limit + count * (size + 64 * KIB + 64 * KIB)
        for connection in silent:
            connection.close()
        assert control.run("PING") == b"PONG"


def send_quietly(connection, data):
    """Until it is sent, or the server has closed the connection."""
    try:
        connection.send_raw(data)
    except OSError:
        pass


def test_one_that_never_reads_is_closed_when_others_need_the_room(start):
    """Over clients-pending-limit nobody is read ahead: who has not taken a reply for two seconds gives way, with a word in the log."""
    server = start("--clients-pending-limit", "16mb")
    with server.connect() as control, server.connect(timeout=PATIENCE, receive_buffer=4096) as hoarder:
        control.run("SET", "value", "v" * 100)
        before = int(control.info("memory")["used_memory"])
        sender = threading.Thread(target=send_quietly, args=(hoarder, encode("GET", "value") * (40 * MIB // 24)))
        sender.start()
        wait_until(lambda: int(control.info("memory")["used_memory"]) > before + 14 * MIB, PATIENCE, "the hoard")
        with Connection("127.0.0.1", server.port) as writer:
            write_then_read(writer, scaled(300_000), 100)
        wait_until(lambda: "clients-pending-limit: closing client" in server.output(), PATIENCE, "its end")
        sender.join()


@pytest.mark.parametrize("options", [("--maxmemory", "40mb"), ("--clients-pending-limit", "1mb")], ids=["maxmemory", "limit"])
def test_short_replies_that_nobody_reads_yet_do_not_stop_writes(start, shards, options):
    """A bulk load as many clients do it: all commands first, then the replies. Their requests would not fit."""
    server = start(*options, shards=shards)
    count = scaled(400_000)
    with server.connect() as connection:
        connection.socket.settimeout(PATIENCE)
        connection.send_raw(encode("SET", "key", "v" * 200) * count)
        left = 5 * count
        while left > 0:
            data = connection.socket.recv(MIB)
            assert data, "closed with %d bytes to come" % left
            left -= len(data)


@pytest.mark.threads
@pytest.mark.parametrize("count,commands", [(300, 1), (30, 20_000)])
def test_paused_clients_do_not_keep_others_from_being_served(server, client, count, commands):
    """Each thread has 128 receive buffers: who waits must not keep one."""
    with contextlib.ExitStack() as stack:
        paused = [stack.enter_context(server.connect()) for _ in range(count)]
        client.run("CLIENT", "PAUSE", "600000", "WRITE")
        for connection in paused:
            connection.socket.settimeout(0.05)
            try:
                connection.send_raw(encode("INCR", "x") * commands)
            except socket.timeout:
                pass
        with server.connect() as newcomer:
            assert newcomer.run("GET", "x") is None
        assert client.run("CLIENT", "UNPAUSE") == b"OK"
        for connection in paused:
            connection.socket.settimeout(PATIENCE)
            assert connection.read()[0] == ":"


def test_many_that_write_and_never_read_leave_receive_buffers_for_others(start):
    server = start("--clients-pending-limit", "4mb")
    with server.connect() as control, contextlib.ExitStack() as stack:
        control.run("SET", "value", "v" * 1000)
        for number in range(0, 20_000, 1000):
            control.run("HSET", "hash", *(word for field in range(number, number + 1000) for word in ("f%d" % field, "v")))
        flood = (encode("HGETALL", "hash") + encode("SET", "a", "b") * 30_000) * 4
        for _ in range(20):
            connection = stack.enter_context(server.connect(receive_buffer=4096))
            connection.socket.settimeout(0.05)
            try:
                connection.send_raw(flood)
            except socket.timeout:
                pass
        for _ in range(20):
            with server.connect(timeout=PATIENCE) as newcomer:
                assert newcomer.run("PING") == b"PONG"
                assert newcomer.run("SET", "k", "v" * 100_000) == b"OK"


def test_the_timeout_ends_clients_that_take_no_replies(start, shards):
    server = start(shards=shards)
    with server.connect() as control:
        control.run("SET", "value", "v" * 1_000_000)
        silent = never_read(server, 5, 1_000_000, 20)
        control.run("CONFIG", "SET", "timeout", "1")
        end = time.monotonic() + PATIENCE
        while int(control.info("clients")["connected_clients"]) > 1:
            assert time.monotonic() < end, control.run("CLIENT", "LIST")
            time.sleep(0.1)
        for connection in silent:
            connection.close()


def test_a_command_of_many_words_may_be_longer_than_the_query_limit(start):
    server = start("--client-query-buffer-limit", "1mb")
    with server.connect() as connection:
        words = [word for number in range(100_000) for word in ("key:%06d" % number, "v" * 8)]
        assert connection.run("MSET", *words) == b"OK"
        assert connection.run("DBSIZE") == 100_000
        assert connection.run("SET", "k", "v" * (MIB - 100)) == b"OK"


def test_read_ahead_ends_at_the_query_limit_with_an_error(start):
    server = start("--client-query-buffer-limit", "2mb")
    with server.connect() as control, server.connect(receive_buffer=4096) as connection:
        control.run("SET", "value", "v" * 100_000)
        request = encode("GET", "value")
        connection.socket.settimeout(PATIENCE)
        writer = threading.Thread(target=lambda: connection.send_raw(request * (16 * MIB // len(request))), daemon=True)
        writer.start()
        received = bytearray()
        while True:
            data = connection.socket.recv(MIB)
            if not data:
                break
            received += data
            del received[:-1000]
            time.sleep(0.001)
        writer.join()
        assert received.endswith(b"\r\n")
        assert b"-ERR client-query-buffer-limit reached" in received
        assert "client-query-buffer-limit: closing client" in server.output()
        assert int(control.info("stats")["client_query_buffer_limit_disconnections"]) == 1


def test_one_command_beyond_the_query_limit_gets_an_error(start):
    server = start("--client-query-buffer-limit", "1mb")
    with server.connect() as connection:
        connection.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\n" + b"v" * 8_000_000 + b"\r\n")
        assert connection.read() == ("-", b"ERR client-query-buffer-limit reached: more is waiting than this client may send ahead")
        with pytest.raises(Closed):
            connection.read()


class UnauthenticatedFlood:
    """A connection that does not log in; it sends without reading until the server closes it or takes no more."""

    def __init__(self, server, data):
        self.connection = server.connect(authenticate=False, receive_buffer=4096)
        self.connection.socket.settimeout(0.3 * SLOWDOWN)
        self.data = data
        self.is_closed = False

    def send(self):
        try:
            for _ in range(200):
                self.connection.socket.send(self.data)
        except socket.timeout:
            pass
        except OSError:
            self.is_closed = True


@pytest.mark.parametrize("data", [encode("GET", "x") * 3000, b"PING\r\n" * 9000, encode("AUTH", "wrong") * 2000],
                         ids=["get", "inline", "auth"])
def test_unauthenticated_clients_that_flood_and_never_read_are_closed(start, shards, data):
    server = start("--requirepass", "secret", shards=shards)
    count = 24
    with server.connect() as control:
        before = int(control.info("memory")["used_memory"])
        floods = [UnauthenticatedFlood(server, data) for _ in range(count)]
        threads = [threading.Thread(target=flood.send) for flood in floods]
        for thread in threads:
            thread.start()
        used_max = 0
        while any(thread.is_alive() for thread in threads):
            used_max = max(used_max, int(control.info("memory")["used_memory"]))
            time.sleep(0.01)
        # 64 KiB of input each and the connection itself; the rest is what the threads need to work at all.
        assert used_max - before <= count * 72 * KIB + 2 * MIB
        end = time.monotonic() + PATIENCE
        while "connected_clients:1\r" not in control.run("INFO", "clients").decode():
            assert time.monotonic() < end, control.run("CLIENT", "LIST")
            time.sleep(0.05)
        for flood in floods:
            flood.connection.close()


def test_an_unauthenticated_client_that_reads_is_answered(start):
    server = start("--requirepass", "secret")
    with server.connect(authenticate=False) as connection:
        replies = connection.pipeline([("GET", "x")] * 5000 + [("AUTH", "secret"), ("SET", "k", "v")])
        assert replies[:5000] == [("-", b"NOAUTH Authentication required.")] * 5000
        assert replies[5000:] == [("+", b"OK"), ("+", b"OK")]
