"""Whoever waits is served first come first served, is not starved, and costs nothing while it waits.

DEBUG HOLD pins a key for some time, as a job that reads it in steps does. `python3 tests/server/test_fairness.py` prints the table.
"""

import random
import re
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest

from harness.process import SLOWDOWN, Server, allow_files
from harness.resp import encode, wait_until

DEBUG = ("--enable-debug-command", "yes", "--maxclients", "15000")
CLIENTS = 64
CROWD = 10_000
HOLD_MS = int(1500 * SLOWDOWN)
# Of one core, of a crowd that waits.
CPU_SHARE_MAX = 0.01
# A writer among endless readers waits for those that have begun, and no more.
READERS = 16
FIELDS = int(50_000 / SLOWDOWN)
WRITES = 30
# Jobs over several sorted sets, in an order of their own each: each waits for keys that others wait for, too.
SORTED_SETS = [b"sorted:%d" % number for number in range(6)]
SCORES = int(1500 / SLOWDOWN)
STORERS = 8
STORES = 40
STORE_ROUNDS = int(8 / SLOWDOWN) + 1


def waiters(connection):
    """How many calls and jobs wait now, and the longest wait of those that were served, in microseconds."""
    text = connection.run("INFO", "shards").decode()
    return (sum(map(int, re.findall(r",waiters=(\d+)", text))),
            max(map(int, re.findall(r",longest_wait_usec=(\d+)", text))))


def pins(connection):
    """How many keys are pinned now."""
    return sum(map(int, re.findall(r",pins=(\d+)", connection.run("INFO", "shards").decode())))


@contextmanager
def held(server, key):
    """The key is pinned; until HOLD_MS are over, which the end of the block waits for."""
    with server.connect() as holder, server.connect() as watcher:
        holder.send("DEBUG", "HOLD", key, HOLD_MS)
        wait_until(lambda: pins(watcher) == 1, 10 * SLOWDOWN, "the hold")
        yield
        assert holder.read() == ("+", b"OK")


def send_in_order(server, connections, commands):
    """Each connection sends its command when the one before it is seen to wait."""
    with server.connect() as watcher:
        for connection, command in zip(connections, commands):
            before = waiters(watcher)[0]
            connection.send(*command)
            wait_until(lambda: waiters(watcher)[0] > before, 10 * SLOWDOWN, "a waiter more")


def order_of_service(server, kind):
    """The numbers of the clients in the order in which they were served; they came as 0, 1, 2 ..."""
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(CLIENTS)]
        prepare, command, read = KINDS[kind]
        asking = stack.enter_context(server.connect())
        prepare(asking)
        with held(server, "{k}"):
            send_in_order(server, connections, [command(number) for number in range(CLIENTS)])
        for connection in connections:
            assert connection.read()[0] != "-"
        return read(asking)


def fill_hash(connection, key, fields):
    for start in range(0, fields, 1000):
        connection.run("HSET", key, *[word for field in range(start, start + 1000) for word in (field, field)])


# What is made first, what client N sends to the held key, and how the order is read afterwards.
KINDS = {
    "one key": (lambda connection: connection.run("DEL", "{k}"), lambda number: ("RPUSH", "{k}", number),
                lambda connection: [int(word) for word in connection.run("LRANGE", "{k}", 0, -1)]),
}


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_writers_are_served_in_the_order_of_their_arrival(start, kind):
    """On one shard thread. On several those that are told together run at the same time, each thread's in their order."""
    server = start(*DEBUG, shards=1)
    assert order_of_service(server, kind) == list(range(CLIENTS))


@pytest.mark.heavy
def test_all_writers_are_served_on_several_threads(start, shards):
    server = start(*DEBUG, shards=shards)
    assert sorted(order_of_service(server, "one key")) == list(range(CLIENTS))
    with server.connect() as connection:
        assert waiters(connection)[0] == 0


@pytest.mark.heavy
def test_a_reader_in_steps_waits_behind_a_writer(start, shards):
    """HGETALL of a large hash would pin it once more: it comes behind the writer that waits, and sees what it wrote."""
    server = start(*DEBUG, shards=shards)
    with server.connect() as writer, server.connect() as reader, server.connect() as asking:
        fill_hash(asking, "{k}", FIELDS // 1000 * 1000)
        with held(server, "{k}"):
            writer.send("HSET", "{k}", "new", "1")
            wait_until(lambda: waiters(asking)[0] == 1, 10 * SLOWDOWN, "the writer's wait")
            reader.send("HGETALL", "{k}")
            wait_until(lambda: waiters(asking)[0] == 2, 10 * SLOWDOWN, "the reader's wait")
        assert writer.read() == (":", 1)
        assert ("$", b"new") in reader.read()[1]


def write_among_readers(server, readers=READERS):
    """Milliseconds that each write took while `readers` connections read the whole hash again and again."""
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(readers)]
        writer = stack.enter_context(server.connect())
        fill_hash(writer, "{h}", FIELDS // 1000 * 1000)
        for connection in connections:
            connection.send_raw(encode("HLEN", "{h}"))
            connection.read()
        times = []
        reads = encode("HGETALL", "{h}") * 3
        for connection in connections:
            connection.send_raw(reads)
        for number in range(WRITES):
            began = time.monotonic()
            writer.run("HSET", "{h}", "0", number)
            times.append((time.monotonic() - began) * 1000)
            # The readers are kept busy: whoever has answered is asked again.
            for connection in connections:
                connection.socket.setblocking(False)
                try:
                    while connection.socket.recv(1 << 20):
                        pass
                except BlockingIOError:
                    pass
                connection.socket.settimeout(30)
                connection.send_raw(encode("HGETALL", "{h}"))
        return times


@pytest.mark.slow
@pytest.mark.heavy
def test_endless_readers_do_not_starve_a_writer(start, shards):
    server = start(*DEBUG, shards=shards)
    times = write_among_readers(server)
    assert len(times) == WRITES
    assert max(times) < 5000 * SLOWDOWN


def cpu_of_a_crowd(server, count):
    """CPU seconds a second of the server while `count` clients wait for one key, without what it takes with nobody there."""
    def share(seconds):
        began, used = time.monotonic(), server.cpu_seconds()
        time.sleep(seconds)
        return (server.cpu_seconds() - used) / (time.monotonic() - began)
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(count)]
        asking = stack.enter_context(server.connect())
        holder = stack.enter_context(server.connect())
        idle = share(1)
        holder.send("DEBUG", "HOLD", "{crowd}", int(12000 * SLOWDOWN))
        wait_until(lambda: pins(asking) == 1, 10 * SLOWDOWN, "the hold")
        for connection in connections:
            connection.send("INCR", "{crowd}")
        wait_until(lambda: waiters(asking)[0] == count, 5 * SLOWDOWN, "the crowd")
        waiting = share(3)
        assert waiters(asking)[0] == count
        assert sorted(connection.read()[1] for connection in connections) == list(range(1, count + 1))
        holder.read()
        return waiting - idle


@pytest.mark.slow
@pytest.mark.timing
def test_ten_thousand_that_wait_cost_nothing(start, shards):
    if allow_files(2 * CROWD) < CROWD + 200:
        pytest.skip("too few open files are allowed here")
    assert cpu_of_a_crowd(start(*DEBUG, shards=shards), CROWD) < CPU_SHARE_MAX


def main():
    allow_files(2 * CROWD)
    print("| shards | order of 64 writers of one key | a write among %d endless readers, ms: median, worst | CPU of %d that wait, of a core |"
          % (READERS, CROWD))
    print("|---|---|---|---|")
    for shards in (1, 2, 4):
        server = Server("tessera", shards, DEBUG)
        order = order_of_service(server, "one key")
        inversions = sum(order[i] > order[i + 1] for i in range(len(order) - 1))
        times = sorted(write_among_readers(server))
        share = cpu_of_a_crowd(server, CROWD)
        print("| %d | %d of %d out of order | %.1f, %.1f | %.2f %% |"
              % (shards, inversions, CLIENTS, times[len(times) // 2], times[-1], 100 * share))
        sys.exit("\n".join(server.stop())) if server.problems() else server.stop()


def stores(rng):
    """Commands that read three keys in steps and store; two of them read what others store."""
    for _ in range(STORES):
        command = rng.choice([b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE"])
        target = rng.choice(SORTED_SETS) if command == b"ZUNIONSTORE" else b"stored:%d" % rng.randrange(3)
        yield (command, target, b"3", *rng.sample(SORTED_SETS, 3))


@pytest.mark.heavy
def test_jobs_that_wait_for_several_keys_do_not_send_each_other_from_queue_to_queue(server, shards):
    rng = random.Random("several keys %d" % shards)
    with ExitStack() as stack:
        storers = [stack.enter_context(server.connect()) for _ in range(STORERS)]
        for name in SORTED_SETS:
            storers[0].run("ZADD", name, *[word for score in range(SCORES) for word in (b"%d" % score, b"m%d" % score)])
        for _ in range(STORE_ROUNDS):
            for storer in storers:
                storer.send_raw(b"".join(encode(*words) for words in stores(rng)))
            for storer in storers:
                replies = [storer.read() for _ in range(STORES)]
                assert [reply for reply in replies if reply[0] != ":"] == []


if __name__ == "__main__":
    main()
