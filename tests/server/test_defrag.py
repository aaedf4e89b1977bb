"""Memory is given back: defragmentation after mass deletions, in the background and by MEMORY PURGE.

All figures are counted from the empty server's, which has worked before where little data is left: its code and network buffers
are resident then (4 MiB). Resident memory is read from /proc, so that waiting needs no command.
"""

import random
import threading
import time

import pytest

from harness.process import SLOWDOWN
from harness.resp import Closed, encode, plain, wait_until

KEYS = 200_000
ROWS = 100_000
GIANT = 40_000          # members of each big collection
KEPT = 0.1
BATCH = 1000
MIB = 1 << 20

giants = ("giant:list", "giant:set", "giant:hash", "giant:zset", "giant:stream")


def play(connection, commands):
    """Runs many commands; an error reply fails the test."""
    batch = []

    def flush():
        connection.send_raw(b"".join(batch))
        for _ in batch:
            kind, value = connection.read()
            assert kind != "-", value
        batch.clear()

    for words in commands:
        batch.append(encode(*words))
        if len(batch) == BATCH:
            flush()
    flush()


class Figures:
    """used_memory and resident bytes above those of the empty server."""

    def __init__(self, server, connection):
        self.server = server
        self.connection = connection
        self.used_before = self._used()
        self.resident_before = server.resident_bytes()

    def _used(self):
        return int(self.connection.info("memory")["used_memory"])

    def used(self):
        return self._used() - self.used_before

    def resident(self):
        return self.server.resident_bytes() - self.resident_before

    def ratio(self):
        return self.resident() / self.used()

    def wait_for_resident(self, most, seconds):
        """Waits without a command; gives how long it took."""
        start = time.monotonic()
        while self.resident() > most:
            passed = time.monotonic() - start
            assert passed < seconds, "%.1f MiB resident after %.1f s, wanted %.1f" % (self.resident() / MIB, passed, most / MIB)
            time.sleep(0.02)
        return time.monotonic() - start


def purge(connection):
    assert connection.run("MEMORY", "PURGE") == b"OK"


# --- all types, against a model ---


def text_of(number):
    return "%d:" % number + "abcdefghij" * (number * 7919 % 101 if number % 7 == 0 else number % 20)


def members_of(number):
    return [text_of(number + i) for i in range(300 if number % 997 == 0 else 3 + number % 11)]


def creation(number):
    """The command that makes key number `number`; what kind it is depends on the number."""
    key, kind = "key:%d" % number, number % 8
    members = members_of(number)
    if kind < 2:
        return ["SET", key, text_of(number)]
    if kind == 2:
        return ["SET", key, text_of(number), "EX", "100000"]
    if kind == 3:
        return ["HSET", key] + [word for i, member in enumerate(members) for word in (i, member)]
    if kind == 4:
        return ["SADD", key] + members
    if kind == 5:
        return ["ZADD", key] + [word for i, member in enumerate(members) for word in (i % 5, member)]
    if kind == 6:
        return ["RPUSH", key] + members
    return ["XADD", key, "1-%d" % (number + 1)] + [word for i, member in enumerate(members) for word in (i, member)]


def reading(number):
    key = "key:%d" % number
    return (["GET", key], ["GET", key], ["GET", key], ["HGETALL", key], ["SMEMBERS", key],
            ["ZRANGE", key, "0", "-1", "WITHSCORES"], ["LRANGE", key, "0", "-1"], ["XRANGE", key, "-", "+"])[number % 8]


def pairs(words):
    return dict(zip(words[::2], words[1::2]))


def check_key(number, reply):
    kind, members = number % 8, [member.encode() for member in members_of(number)]
    if kind < 3:
        assert reply == text_of(number).encode()
    elif kind == 3:
        assert pairs(reply) == {b"%d" % i: member for i, member in enumerate(members)}
    elif kind == 4:
        assert sorted(reply) == sorted(members)
    elif kind == 5:
        assert pairs(reply) == {member: b"%d" % (i % 5) for i, member in enumerate(members)}
    elif kind == 6:
        assert reply == members
    else:
        assert [entry[0] for entry in reply] == [b"1-%d" % (number + 1)]
        assert pairs(reply[0][1]) == {b"%d" % i: member for i, member in enumerate(members)}


def giant_commands():
    for i in range(GIANT):
        member = text_of(i)
        yield ["RPUSH", giants[0], member]
        yield ["SADD", giants[1], member]
        yield ["HSET", giants[2], member, i]
        yield ["ZADD", giants[3], i * 7919 % 1009, member]
        yield ["XADD", giants[4], "%d-1" % (i + 1), "f", member]


def giant_removals(kept):
    for i in range(GIANT):
        if i not in kept:
            member = text_of(i)
            yield ["LREM", giants[0], "1", member]
            yield ["SREM", giants[1], member]
            yield ["HDEL", giants[2], member]
            yield ["ZREM", giants[3], member]
            yield ["XDEL", giants[4], "%d-1" % (i + 1)]


class Model:
    """What is in the server: the numbers of keys, rows, and members of the giants."""

    def __init__(self, connection, keys=KEYS, rows=ROWS):
        self.connection = connection
        self.keys, self.rows = list(range(keys)), list(range(rows))
        self.members = set(range(GIANT))
        self.random = random.Random(4)
        play(connection, (creation(number) for number in self.keys))
        play(connection, giant_commands())
        play(connection, [["TABLE.NAMESPACE.CREATE", "ns"],
                          ["TABLE.SCHEMA.CREATE", "ns.t", "id:integer:hash", "name:string:hash", "note:string", "n:integer"]])
        play(connection, (["TABLE.INSERT", "ns.t", "id=%d" % i, "name=%s" % text_of(i % 1000),
                           "note=%s" % (text_of(i) * 3), "n=%d" % i] for i in self.rows))

    def _split(self, numbers):
        kept = [number for number in numbers if self.random.random() < KEPT]
        keep = set(kept)
        return kept, [number for number in numbers if number not in keep]

    def remove_most(self):
        self.keys, gone = self._split(self.keys)
        play(self.connection, (["DEL", "key:%d" % number] for number in gone))
        self.rows, gone = self._split(self.rows)
        play(self.connection, (["TABLE.DELETE", "ns.t", "WHERE", "id=%d" % number] for number in gone))
        self.members = set(self._split(sorted(self.members))[0])
        play(self.connection, giant_removals(self.members))

    def check(self):
        run = self.connection.run
        for start in range(0, len(self.keys), BATCH):
            numbers = self.keys[start:start + BATCH]
            self.connection.send_raw(b"".join(encode(*reading(number)) for number in numbers))
            for number in numbers:
                check_key(number, plain(self.connection.read()))
        members = [text_of(i).encode() for i in sorted(self.members)]
        assert run("LRANGE", giants[0], "0", "-1") == members
        assert sorted(run("SMEMBERS", giants[1])) == sorted(members)
        assert pairs(run("HGETALL", giants[2])) == {text_of(i).encode(): b"%d" % i for i in self.members}
        assert pairs(run("ZRANGE", giants[3], "0", "-1", "WITHSCORES")) == {
            text_of(i).encode(): b"%d" % (i * 7919 % 1009) for i in self.members}
        assert [entry[1][1] for entry in run("XRANGE", giants[4], "-", "+")] == members
        self.check_rows()
        assert run("MEMORY", "AUDIT") == b"OK"

    def check_rows(self):
        rows = self.connection.run("TABLE.SELECT", "ns.t", "WHERE", "n>=0")
        found = sorted(int(pairs(row)[b"id"]) for row in rows)
        assert found == self.rows
        for row in rows[::17]:
            row = pairs(row)
            number = int(row[b"id"])
            assert row[b"note"] == (text_of(number) * 3).encode() and row[b"name"] == text_of(number % 1000).encode()
            by_index = self.connection.run("TABLE.SELECT", "ns.t", "WHERE", "id=%d" % number)
            assert [int(pairs(one)[b"n"]) for one in by_index] == [number]


# --- the tests ---


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.parametrize("count", [1, 2])
def test_a_mass_deletion_of_everything_is_given_back(start, count):
    server = start(shards=count)
    with server.connect() as connection:
        figures = Figures(server, connection)
        model = Model(connection)
        loaded = figures.used()
        model.remove_most()
        used = figures.used()
        ratio = figures.ratio()
        seconds = figures.wait_for_resident(1.5 * used, 10)
        in_background = figures.ratio()
        purge(connection)
        print("loaded %.1f MiB, left %.1f: %.2f x resident, %.2f x after %.1f s, %.2f x after PURGE" % (
            loaded / MIB, used / MIB, ratio, in_background, seconds, figures.ratio()))
        assert figures.ratio() <= 1.2
        model.check()


def warm_up(connection):
    play(connection, (creation(number) for number in range(20_000)))
    play(connection, (["DEL", "key:%d" % number] for number in range(20_000)))
    purge(connection)


def fill_and_delete(connection, keys=120_000):
    play(connection, (creation(number) for number in range(keys)))
    kept = set(random.Random(5).sample(range(keys), keys // 10))
    play(connection, (["DEL", "key:%d" % number] for number in range(keys) if number not in kept))
    return kept


def check_kept(connection, kept):
    for number in sorted(kept):
        check_key(number, connection.run(*reading(number)))


def hits(connection):
    return int(connection.info("stats")["active_defrag_hits"])


@pytest.mark.timing
@pytest.mark.parametrize("setting", [("activedefrag", "no"), ("active-defrag-threshold-lower", "1000"),
                                     ("active-defrag-ignore-bytes", "1gb")])
def test_the_configuration_is_obeyed(start, setting):
    server = start("--" + setting[0], setting[1])
    defaults = {"activedefrag": "yes", "active-defrag-threshold-lower": "10", "active-defrag-ignore-bytes": "2mb"}
    with server.connect() as connection:
        warm_up(connection)
        figures = Figures(server, connection)
        kept = fill_and_delete(connection)
        time.sleep(1.5)
        assert hits(connection) == 0
        assert connection.info("memory")["active_defrag_running"] == "0"
        assert figures.ratio() > 1.5
        connection.run("CONFIG", "SET", setting[0], defaults[setting[0]])
        figures.wait_for_resident(1.5 * figures.used(), 10)
        assert hits(connection) > 0
        check_kept(connection, kept)


@pytest.mark.timing
def test_no_ends_a_cycle_that_is_running(start):
    server = start("--active-defrag-cycle-min", "1", "--active-defrag-cycle-max", "1", "--activedefrag", "no")
    with server.connect() as connection:
        kept = fill_and_delete(connection)
        connection.run("CONFIG", "SET", "activedefrag", "yes")
        wait_until(lambda: connection.info("memory")["active_defrag_running"] == "1", what="a defragmentation cycle")
        connection.run("CONFIG", "SET", "activedefrag", "no")
        wait_until(lambda: connection.info("memory")["active_defrag_running"] == "0", what="its end")
        before = hits(connection)
        time.sleep(0.3)
        assert hits(connection) == before
        check_kept(connection, kept)


@pytest.mark.heavy
def test_several_clients_purge_at_once(server):
    with server.connect() as connection, server.connect() as second, server.connect() as third:
        kept = fill_and_delete(connection, 20_000)
        for _ in range(5):
            for one in (connection, second, third):
                one.send("MEMORY", "PURGE")
            for one in (connection, second, third):
                assert one.read() in (("+", b"OK"), ("$", b"OK"))
        check_kept(connection, kept)


def test_a_client_may_die_during_its_purge(server):
    with server.connect() as connection:
        kept = fill_and_delete(connection, 20_000)
        for delay in range(12):
            with server.connect() as other:
                other.send("MEMORY", "PURGE")
                time.sleep(delay * 0.0005)
        purge(connection)
        check_kept(connection, kept)


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.threads
def test_large_replies_are_right_while_everything_moves(server):
    """HGETALL and the like take many steps; other keys come and go, purges move all that they can."""
    members = [text_of(i).encode() for i in range(int(20_000 / min(SLOWDOWN, 4)))]
    failures = []
    must_end = threading.Event()
    with server.connect() as connection:
        play(connection, (["SADD", "s", member] for member in members))
        play(connection, (["HSET", "h", member, i] for i, member in enumerate(members)))
        play(connection, (["ZADD", "z", i, member] for i, member in enumerate(members)))
        play(connection, (["RPUSH", "l", member] for member in members))
        play(connection, (["XADD", "x", "%d-1" % (i + 1), "f", member] for i, member in enumerate(members)))

        def read():
            try:
                with server.connect() as reader:
                    while not must_end.is_set():
                        assert sorted(reader.run("SMEMBERS", "s")) == sorted(members)
                        assert pairs(reader.run("HGETALL", "h")) == {m: b"%d" % i for i, m in enumerate(members)}
                        assert reader.run("ZRANGE", "z", "0", "-1") == members
                        assert reader.run("LRANGE", "l", "0", "-1") == members
                        assert [entry[1][1] for entry in reader.run("XRANGE", "x", "-", "+")] == members
            except (AssertionError, OSError, Closed) as error:
                failures.append(error)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        end = time.monotonic() + 4
        while time.monotonic() < end and not failures:
            kept = fill_and_delete(connection, 3000)
            purge(connection)
            check_kept(connection, kept)
            play(connection, (["DEL", "key:%d" % number] for number in kept))
            play(connection, [["SADD", "s2", *members[:500]], ["SREM", "s2", *members[:450]]])
        must_end.set()
        for reader in readers:
            reader.join()
        assert not failures, failures[0]


@pytest.mark.slow
@pytest.mark.timing
def test_expired_keys_are_given_back(start):
    """99 % of what they took, within 5 s of their expiry."""
    keys = 300_000
    server = start(shards=2)
    with server.connect() as connection:
        warm_up(connection)
        figures = Figures(server, connection)
        now_ms = int(time.time() * 1000)
        expiry_ms = now_ms + 9000
        play(connection, (["SET", "key:%d" % i, "value of key %d" % i, "PXAT", expiry_ms] for i in range(keys)))
        assert time.time() * 1000 < expiry_ms, "loading took too long for this test"
        loaded_used, loaded_resident = figures.used(), figures.resident()
        time.sleep(max(0.0, expiry_ms / 1000 - time.time()))
        figures.wait_for_resident(loaded_resident * 0.06, 5)
        wait_until(lambda: figures.used() <= loaded_used * 0.01, seconds=max(0.1, expiry_ms / 1000 + 5 - time.time()))
        print("loaded %.1f MiB, resident %.1f; %.2f and %.2f are left" % (
            loaded_used / MIB, loaded_resident / MIB, figures.used() / MIB, figures.resident() / MIB))


def keys_one_by_one(count):
    return ((["SET", "key:%d" % i, text_of(i)] for i in range(count)), (["DEL", "key:%d" % i] for i in range(count)))


def rows_one_by_one(count):
    return ((["TABLE.INSERT", "ns.t", "id=%d" % i, "note=%s" % text_of(i)] for i in range(count)),
            (["TABLE.DELETE", "ns.t", "WHERE", "id=%d" % i] for i in range(count)))


def members_one_by_one(add, remove):
    def words(i):
        member = text_of(i)
        return {"SADD": [member], "HSET": [member, "v"], "ZADD": [i, member]}[add]

    return lambda count: (([add, "big"] + words(i) for i in range(count)),
                          ([remove, "big", text_of(i)] for i in range(count)))


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.parametrize("make, count", [(keys_one_by_one, 300_000), (rows_one_by_one, 100_000),
                                         (members_one_by_one("SADD", "SREM"), 300_000),
                                         (members_one_by_one("HSET", "HDEL"), 300_000),
                                         (members_one_by_one("ZADD", "ZREM"), 200_000)],
                         ids=["keys", "rows", "set", "hash", "zset"])
def test_what_is_deleted_one_by_one_is_given_back(start, make, count):
    """used_memory to within 1 %, resident to within 5 % of what was added."""
    server = start(shards=1)
    with server.connect() as connection:
        play(connection, [["TABLE.NAMESPACE.CREATE", "ns"], ["TABLE.SCHEMA.CREATE", "ns.t", "id:integer:hash", "note:string"]])
        warm_up(connection)
        figures = Figures(server, connection)
        added, removed = make(count)
        play(connection, added)
        used, resident = figures.used(), figures.resident()
        play(connection, removed)
        seconds = figures.wait_for_resident(0.05 * resident, 10)
        print("added %.1f MiB, resident %.1f; left after %.1f s: %.3f and %.3f" % (
            used / MIB, resident / MIB, seconds, figures.used() / MIB, figures.resident() / MIB))
        assert figures.used() <= 0.01 * used
