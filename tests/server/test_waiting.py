"""Nobody waits long for somebody else's command.

While one connection runs a long command, harness/probe.py measures what PINGs take; the worst must stay under the limit. A noisy
machine gets several tries: the best counts.
"""

import re
import threading
import time
from contextlib import ExitStack

import pytest

from harness.process import SLOWDOWN
from harness.probe import worst_ping_ms
from harness.resp import encode

LIMIT_MS = 5.0
TRIES = 5
KEYS = int(1_000_000 / SLOWDOWN)
ROWS = int(100_000 / SLOWDOWN)


def assert_nobody_waits(server, prepare, action):
    """Prepares, acts and measures until one try is within the limit; the figures go into the failure's text."""
    figures = []
    for _ in range(TRIES):
        prepare()
        pid = server.process.pid
        idle = worst_ping_ms(server.port, lambda: time.sleep(0.1), pid=pid)
        figures.append((worst_ping_ms(server.port, action, pid=pid), idle))
        if figures[-1][0] <= LIMIT_MS:
            return
    pytest.fail("worst PING in ms (and on the idle server): " + ", ".join("%.1f (%.1f)" % pair for pair in figures))


def fill(connection, count):
    """SETs keys 0 .. count-1, unless they are there."""
    if connection.run("DBSIZE") >= count:
        return
    size = 1000
    for start in range(0, count, size):
        words = [b"MSET"]
        for number in range(start, start + size):
            words += [b"key:%012d" % number, b"v%07d" % number]
        assert connection.call(*words) == ("+", b"OK")


def read_all(connection, *words):
    """Sends a command and reads its reply's bytes without looking at them."""
    connection.send_raw(encode(*words) + encode("ECHO", "the end of it"))
    return connection.read_until(b"$13\r\nthe end of it\r\n")


@pytest.fixture
def connection(server):
    with server.connect() as connected:
        yield connected


@pytest.mark.slow
@pytest.mark.timing
def test_keys_and_flushall_over_a_million_keys(server, connection):
    fill(connection, KEYS)
    assert_nobody_waits(server, lambda: None, lambda: read_all(connection, "KEYS", "*"))
    assert_nobody_waits(server, lambda: fill(connection, KEYS), lambda: read_all(connection, "FLUSHALL"))
    assert connection.run("DBSIZE") == 0


@pytest.mark.slow
@pytest.mark.timing
def test_a_select_of_a_whole_table_and_its_drop(server, connection):
    def prepare():
        connection.run("FLUSHALL")
        connection.run("TABLE.NAMESPACE.CREATE", "big")
        connection.run("TABLE.SCHEMA.CREATE", "big.table", "id:integer:hash", "name:string", "score:integer")
        for start in range(0, ROWS, 1000):
            connection.pipeline(("TABLE.INSERT", "big.table", "id=%d" % number, "name=name-%d" % number,
                                 "score=%d" % (number % 100)) for number in range(start, start + 1000))

    prepare()
    assert_nobody_waits(server, lambda: None, lambda: read_all(connection, "TABLE.SELECT", "big.table"))
    assert_nobody_waits(
        server, lambda: None,
        lambda: read_all(connection, "TABLE.UPDATE", "big.table", "WHERE", "score<50", "SET", "score=7"))
    assert_nobody_waits(server, prepare, lambda: read_all(connection, "TABLE.DROP", "big.table", "FORCE"))


ELEMENTS = int(100_000 / SLOWDOWN)


def fill_collections(connection):
    """A hash, two sets, a sorted set, a list and a stream of ELEMENTS each."""
    connection.run("FLUSHALL")
    for start in range(0, ELEMENTS, 1000):
        names = [b"member%08d" % number for number in range(start, start + 1000)]
        connection.run("HSET", "hash", *(word for name in names for word in (name, b"value of it")))
        connection.run("SADD", "set", *names)
        connection.run("SADD", "other", *(name[::-1] for name in names))
        connection.run("ZADD", "zset", *(word for name in names for word in (int(name[6:]) % 977, name)))
        connection.run("RPUSH", "list", *("item" for _ in names))
        connection.pipeline(("XADD", "stream", "%d-1" % (int(name[6:]) + 1), "field", name) for name in names)


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.parametrize("words", (
    ("HGETALL", "hash"), ("SMEMBERS", "set"), ("SUNION", "set", "other"), ("SINTERSTORE", "new", "set", "set"),
    ("ZRANGE", "zset", "0", "-1", "WITHSCORES"), ("ZUNIONSTORE", "new", "2", "zset", "set"), ("COPY", "zset", "new"),
    ("DEL", "hash", "set", "zset"), ("ZREMRANGEBYRANK", "zset", "10", "-10"), ("ZPOPMIN", "zset", str(ELEMENTS // 2)),
    ("COPY", "stream", "new"), ("XTRIM", "stream", "MAXLEN", "10"), ("LREM", "list", "0", "item"), ("LTRIM", "list", "10", "-10"),
    ("LPOP", "list", str(ELEMENTS // 2))), ids=lambda words: words[0])
def test_commands_over_whole_collections(server, connection, words):
    def act():
        reply = read_all(connection, *words)
        assert not reply.startswith(b"-"), reply

    assert_nobody_waits(server, lambda: fill_collections(connection), act)


def listed(client, number):
    """The fields of CLIENT LIST of the client with that id."""
    lines = client.run("CLIENT", "LIST", "ID", str(number)).decode().splitlines()
    return dict(field.split("=", 1) for field in lines[0].split(" "))


@pytest.mark.threads
def test_a_client_whose_commands_wait_is_not_read_without_end(server):
    command = encode("SET", "k", "x" * 4000)
    count = (16 << 20) // len(command)
    with server.connect() as client, server.connect() as paused:
        number = paused.run("CLIENT", "ID")
        client.run("CLIENT", "PAUSE", "600000", "WRITE")
        sender = threading.Thread(target=lambda: [paused.send_raw(command) for _ in range(count)])
        sender.start()
        waiting, before = 0, -1
        while waiting != before or waiting == 0:
            before = waiting
            time.sleep(0.3 * SLOWDOWN)
            waiting = int(listed(client, number)["qbuf"])
        # What one receive brought may come on top, 512 KiB at most: docs/ARCHITECTURE.md, "Backpressure".
        assert 1 << 14 <= waiting <= (1 << 17) + (1 << 19)
        client.run("CLIENT", "UNPAUSE")
        assert all(paused.read() == ("+", b"OK") for _ in range(count))
        sender.join()


def test_client_list_tells_how_much_of_a_query_buffer_is_free(server):
    """Also of clients whose bytes are still in the thread's receive buffers."""
    with server.connect() as client, ExitStack() as stack:
        others = [stack.enter_context(server.connect()) for _ in range(8)]
        assert all(other.run("PING") == b"PONG" for other in others)
        for _ in range(100):
            for other in others:
                other.send_raw(b"PING\r\n" * 1000)
            free = [int(size) for size in re.findall(rb"qbuf-free=([0-9]+)", client.run("CLIENT", "LIST"))]
            assert len(free) == 9 and max(free) < 1 << 20
            for other in others:
                assert all(other.read() == ("+", b"PONG") for _ in range(1000))
