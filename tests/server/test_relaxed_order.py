"""`pipeline-order relaxed`: the commands of a pipeline on different shards pass each other, and no two pipelines wait for each other.

What has run ahead of an earlier command keeps nothing that others may wait for: neither keys that it has pinned nor its place in a queue.
DEBUG HOLD pins a key for some time, as a job that reads it in steps does.
"""

import socket
from contextlib import ExitStack, contextmanager

import pytest

from harness.process import SLOWDOWN
from harness.resp import encode, wait_until
from test_fairness import fill_hash, pins, waiters

RELAXED = ("--enable-debug-command", "yes", "--pipeline-order", "relaxed")
HOLD_MS = int(1000 * SLOWDOWN)
FIELDS = int(20_000 / SLOWDOWN) // 1000 * 1000
ELEMENTS = int(300_000 / SLOWDOWN) // 1000 * 1000
LONG_WORDS = 20_000  # of a command that locks its keys
# On 2 and 4 shards their keys are apart.
HERE, THERE = "{b}", "{a}"


@contextmanager
def held(server, *keys):
    """The keys are pinned; for HOLD_MS, the end of which the end of the block waits for."""
    with ExitStack() as stack:
        watcher = stack.enter_context(server.connect())
        holders = [stack.enter_context(server.connect()) for _ in keys]
        for holder, key in zip(holders, keys):
            holder.send("DEBUG", "HOLD", key, HOLD_MS)
        wait_until(lambda: pins(watcher) == len(keys), 10 * SLOWDOWN, "the holds")
        yield
        for holder in holders:
            assert holder.read() == ("+", b"OK")


def send_pipeline(connection, *commands):
    connection.send_raw(b"".join(encode(*command) for command in commands))


def see_it_run(watcher, waiting):
    """So many wait, and all that was sent before has been tried once on each shard."""
    wait_until(lambda: waiters(watcher)[0] >= waiting, 10 * SLOWDOWN, "waiters")
    watcher.run("CLIENT", "LIST")  # each thread has ended the turn in which it was
    for tag in (HERE, THERE):
        watcher.run("GET", tag + "absent")


def read_all(connection, count):
    try:
        return [connection.read() for _ in range(count)]
    except socket.timeout:
        pytest.fail("it waits for ever")


@pytest.fixture
def relaxed(start, shards):
    if shards == 1:
        pytest.skip("one shard has one order")
    return start(*RELAXED, shards=shards)


@pytest.mark.threads
def test_a_job_behind_a_call_that_waits_keeps_no_pins(relaxed):
    with relaxed.connect() as ahead, relaxed.connect() as writer, relaxed.connect() as watcher:
        fill_hash(watcher, THERE + "h", FIELDS)
        with held(relaxed, HERE):
            send_pipeline(ahead, ("SET", HERE, "x"), ("HGETALL", THERE + "h"))
            see_it_run(watcher, 1)
            assert writer.run("HSET", THERE + "h", "new", "1") == 1
            assert pins(watcher) == 1, "the writer was served while the first call waits"
            assert waiters(watcher)[0] == 1
        assert ahead.read() == ("+", b"OK")
        assert ("$", b"new") in ahead.read()[1], "the job began after the first call"


def test_a_job_behind_a_call_is_not_waited_for_by_the_same_call(relaxed):
    """MSET of very many keys locks them when nobody reads them: here the job behind SET, which waits for MSET's lock."""
    with relaxed.connect() as ahead, relaxed.connect() as locking, relaxed.connect() as watcher:
        fill_hash(watcher, THERE + "h", FIELDS)
        with held(relaxed, HERE):
            send_pipeline(ahead, ("SET", HERE, "x"), ("HGETALL", THERE + "h"))
            see_it_run(watcher, 1)
            pairs = [word for number in range(LONG_WORDS // 2) for word in ("k%d" % number, number)]
            locking.send("MSET", HERE, "m", THERE + "h", "m", *pairs)
            see_it_run(watcher, 2)
        assert read_all(locking, 1) == [("+", b"OK")]
        replies = read_all(ahead, 2)
        assert replies[0] == ("+", b"OK")
        assert replies[1][0] == "-", "MSET came first, and made it a string"
        assert watcher.run("GET", HERE) == b"x"


@pytest.mark.heavy
@pytest.mark.threads
def test_a_call_behind_a_job_keeps_no_place_in_a_queue(relaxed):
    """It could not try when it is told: SORT is not done before the key of its result is free, and so long a reader would wait."""
    with ExitStack() as stack:
        ahead, writer, reader, holder, watcher = (stack.enter_context(relaxed.connect()) for _ in range(5))
        for start in range(0, ELEMENTS, 1000):
            watcher.run("RPUSH", HERE + "list", *range(start, start + 1000))
        fill_hash(watcher, THERE, FIELDS)
        with held(relaxed, THERE):
            send_pipeline(ahead, ("SORT", HERE + "list", "STORE", HERE), ("HSET", THERE, "new", "1"))
            wait_until(lambda: pins(watcher) == 2, 10 * SLOWDOWN, "SORT's beginning")
            holder.send("DEBUG", "HOLD", HERE, 4 * HOLD_MS)
            wait_until(lambda: pins(watcher) == 3, 10 * SLOWDOWN, "the hold")
            writer.send("SET", HERE, "x")  # SORT will come behind it
            reader.send("HGETALL", THERE)
            wait_until(lambda: waiters(watcher)[0] >= 2, 10 * SLOWDOWN, "the wait for SORT's key")
        assert len(reader.read()[1]) in (2 * FIELDS, 2 * FIELDS + 2)
        assert pins(watcher) == 1, "the reader was served while SORT waits"
        assert read_all(holder, 1) == read_all(writer, 1) == [("+", b"OK")]
        assert read_all(ahead, 2) == [(":", ELEMENTS), (":", 1)]


# A destination on the shard where FLUSHALL waits, and sources elsewhere: they would be pinned first.
TWO_PINS = {
    "COPY": ("COPY", THERE + "h", HERE + "to"),
    "SORT": ("SORT", THERE + "l", "STORE", HERE + "to"),
    "BITOP": ("BITOP", "NOT", HERE + "to", THERE + "s"),
    "SUNIONSTORE": ("SUNIONSTORE", HERE + "to", THERE + "m", THERE + "n"),
    "ZUNIONSTORE": ("ZUNIONSTORE", HERE + "to", "2", THERE + "z", THERE + "y"),
    "ZRANGESTORE": ("ZRANGESTORE", HERE + "to", THERE + "z", "0", "-1"),
    "GEOSEARCHSTORE": ("GEOSEARCHSTORE", HERE + "to", THERE + "g", "FROMLONLAT", "0", "0", "BYRADIUS", "9000", "km"),
    "RENAME": ("RENAME", THERE + "h2", HERE + "to"),
    "XREAD": ("XREAD", "STREAMS", THERE + "x", HERE + "x", "0", "0"),
}


def fill_sources(connection):
    numbers = range(20_000)  # fewer fields are copied at once
    for key in ("h", "h2"):
        connection.run("HSET", THERE + key, *[word for number in numbers for word in (number, number)])
    connection.run("RPUSH", THERE + "l", *numbers)
    for tag in (HERE, THERE):
        connection.pipeline([("XADD", tag + "x", "*", "f", "v")] * 3000)
    connection.run("SETRANGE", THERE + "s", 10_000_000, "x")
    for key in ("m", "n"):
        connection.run("SADD", THERE + key, *["%s%d" % (key, number) for number in numbers])
    for key in ("z", "y"):
        connection.run("ZADD", THERE + key, *[word for number in numbers for word in (number, "%s%d" % (key, number))])
    connection.run("GEOADD", THERE + "g", *[word for number in numbers for word in (number / 1000, number / 1000, number)])


@pytest.mark.heavy
@pytest.mark.parametrize("name", TWO_PINS)
def test_flushall_and_a_job_of_two_pins_do_not_wait_for_each_other(start, shards, name):
    """The second pin is refused, since FLUSHALL waits for those that are there: the first one is given up."""
    if shards == 1:
        pytest.skip("one shard refuses the first pin, too")
    server = start("--enable-debug-command", "yes", shards=shards)
    with server.connect() as flushing, server.connect() as job, server.connect() as watcher:
        fill_sources(watcher)
        with held(server, HERE + "z"):
            flushing.send("FLUSHALL")
            wait_until(lambda: waiters(watcher)[0] == 1, 10 * SLOWDOWN, "FLUSHALL's wait")
            job.send(*TWO_PINS[name])
            wait_until(lambda: waiters(watcher)[0] == 2, 10 * SLOWDOWN, "the job's wait")
            assert pins(watcher) == 1, "it has kept a pin while it waits"
        assert read_all(flushing, 1) == [("+", b"OK")]
        read_all(job, 1)
        assert waiters(watcher)[0] == 0 and pins(watcher) == 0
