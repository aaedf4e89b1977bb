"""Nobody waits long for somebody else's command.

While one connection runs a long command, harness/probe.py measures what PINGs take; the worst must stay under the limit. A noisy
machine gets several tries: the best counts.
"""

import time

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
        idle = worst_ping_ms(server.port, lambda: time.sleep(0.1))
        figures.append((worst_ping_ms(server.port, action), idle))
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
