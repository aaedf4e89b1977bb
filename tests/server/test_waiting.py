"""Nobody waits long for somebody else's command.

While one connection runs a long command, a process of its own sends PING after PING. What a PING took, less the time that the
prober itself stood in the kernel's run queue (the machine's noise, not the server's doing), must stay under the limit. A noisy
machine gets several tries: the best counts.
"""

import multiprocessing
import time

import pytest

from harness.process import SLOWDOWN
from harness.resp import Connection, encode

LIMIT_MS = 5.0
TRIES = 5
KEYS = int(1_000_000 / SLOWDOWN)
ROWS = int(100_000 / SLOWDOWN)


def waited_in_run_queue():
    with open("/proc/self/schedstat", encoding="ascii") as file:
        return int(file.read().split()[1]) / 1e9


def probe(port, began, must_end, result):
    """In a process of its own: PINGs until told to end; sends back the worst in milliseconds."""
    worst = 0.0
    with Connection("127.0.0.1", port) as connection:
        connection.run("PING")
        began.set()
        while not must_end.is_set():
            queued = waited_in_run_queue()
            start = time.perf_counter()
            connection.run("PING")
            took = time.perf_counter() - start
            worst = max(worst, took - (waited_in_run_queue() - queued))
            time.sleep(0.0003)
    result.send(worst * 1000)


def worst_ping_ms(port, action):
    """The worst PING while `action` runs."""
    began, must_end = multiprocessing.Event(), multiprocessing.Event()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    prober = multiprocessing.Process(target=probe, args=(port, began, must_end, sender))
    prober.start()
    try:
        began.wait(10)
        action()
    finally:
        must_end.set()
        prober.join(30)
    return receiver.recv()


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
