"""MIGRATE: to redis-server, from it, and to another Tessera; and to targets that do not behave."""

import os
import socket
import threading

import pytest

from harness.process import SLOWDOWN, free_port
from harness.probe import worst_ping_ms
from harness.refusals import has_refusals
from harness.resp import Closed, encode, wait_until
from harness.together import run_all
from test_effects import Feed

VALUES = {
    "string": [["SET", "string", "x" * 3_000_000]],
    "list": [["RPUSH", "list", *["item:%d" % i for i in range(at, at + 1000)]] for at in range(0, 20000, 1000)],
    "set": [["SADD", "set", *["member:%d" % i for i in range(at, at + 1000)]] for at in range(0, 20000, 1000)],
    "hash": [["HSET", "hash", *["word:%d" % i for i in range(at, at + 1000)]] for at in range(0, 20000, 1000)],
    "zset": [["ZADD", "zset", *[word for i in range(at, at + 1000) for word in (i, "m:%d" % i)]] for at in range(0, 20000, 1000)],
    "stream": [["XADD", "stream", "%d-1" % i, "field", "value:%d" % i] for i in range(1, 5000)],
    "number": [["SET", "number", "12"]],
    "small": [["HSET", "small", "a", "1", "b", "2"]],
}
READERS = {"string": ["GET"], "list": ["LRANGE", 0, -1], "set": ["SMEMBERS"], "hash": ["HGETALL"],
           "zset": ["ZRANGE", 0, -1, "WITHSCORES"], "stream": ["XRANGE", "-", "+"], "number": ["GET"], "small": ["HGETALL"]}
KEYS = ["key:%d" % number for number in range(300)]


def read_all(connection):
    found = {}
    for name, (reader, *rest) in READERS.items():
        found[name] = connection.run(reader, name, *rest)
    for name in ("set", "hash", "small"):
        found[name] = sorted(found[name])
    return found


def migrate(connection, target, key, *rest, db=0, timeout=10000):
    return connection.call("MIGRATE", "127.0.0.1", target if isinstance(target, int) else target.port, key, db, timeout, *rest)


OK = ("+", b"OK")


class Target:
    """Whoever connects is given to `serve` in a thread of its own."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = bytearray()
        self.connected = threading.Event()
        self.must_end = threading.Event()
        self.serve = serve
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.must_end.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def _run(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            with peer:
                self.connected.set()
                try:
                    self.serve(self, peer)
                except OSError:
                    pass

    def read_until(self, peer, text, count=1):
        while self.received.count(text) < count:
            data = peer.recv(65536)
            if not data:
                raise OSError
            self.received += data


def say_nothing(target, _):
    target.must_end.wait()


def greet(target, peer):
    target.read_until(peer, b"SELECT")
    peer.sendall(b"+OK\r\n")


# --- with well-behaved servers ---


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["redis", "tessera"])
def test_values_of_every_type_arrive(start, shards, kind):
    ours, other = start(shards=shards), start(shards=2, kind=kind)
    with ours.connect() as source, other.connect() as target:
        for commands in VALUES.values():
            source.pipeline(commands)
        before = read_all(source)
        for name in VALUES:
            assert migrate(source, other, name) == OK
        assert source.run("DBSIZE") == 0
        assert read_all(target) == before
        for name in VALUES:
            assert migrate(target, ours, name) == OK
        assert target.run("DBSIZE") == 0
        assert read_all(source) == before
        assert migrate(source, other, "", "KEYS", *VALUES) == OK
        assert source.run("DBSIZE") == 0
        assert read_all(target) == before


def test_many_keys_of_all_shards(start, shards):
    ours, other = start(shards=shards), start(kind="redis")
    with ours.connect() as source, other.connect() as target:
        source.pipeline([["SET", key, key * 500] for key in KEYS])
        assert migrate(source, other, "", "COPY", "KEYS", *KEYS, "absent", KEYS[0], db=3)[1].startswith(
            b"ERR Target instance replied with error: BUSYKEY")  # one is named twice
        assert source.run("DBSIZE") == len(KEYS)
        assert migrate(source, other, "", "COPY", "REPLACE", "KEYS", *KEYS, "absent", db=3) == OK
        assert source.run("DBSIZE") == len(KEYS)
        assert migrate(source, other, "", "REPLACE", "KEYS", *KEYS, KEYS[0], "absent", db=3) == OK
        assert source.run("DBSIZE") == 0
        target.run("SELECT", 3)
        assert target.run("MGET", *KEYS) == [(key * 500).encode() for key in KEYS]
        assert migrate(source, other, "", "KEYS", *KEYS, db=3) == ("+", b"NOKEY")


def test_keys_that_are_refused_stay(start, shards):
    ours, other = start(shards=shards), start(kind="redis")
    with ours.connect() as source, other.connect() as target:
        source.pipeline([["SET", key, "mine"] for key in KEYS])
        target.pipeline([["SET", key, "theirs"] for key in KEYS[::3]])
        reply = migrate(source, other, "", "KEYS", *KEYS)
        assert reply == ("-", b"ERR Target instance replied with error: BUSYKEY Target key name already exists.")
        assert sorted(source.run("KEYS", "*")) == sorted(key.encode() for key in KEYS[::3])
        assert target.run("DBSIZE") == len(KEYS)


def test_times_are_carried_over(start, shards):
    ours, other = start(shards=shards), start(kind="redis")
    with ours.connect() as source, other.connect() as target:
        source.run("SET", "k", "v", "PX", 500_000)
        source.run("SET", "gone", "v", "PX", 1)
        assert migrate(source, other, "k") == OK
        assert 400_000 < target.run("PTTL", "k") <= 500_000
        wait_until(lambda: source.run("EXISTS", "gone") == 0)
        assert migrate(source, other, "gone") == ("+", b"NOKEY")


def test_passwords(start, shards):
    ours, other = start(shards=shards), start("--requirepass", "secret", kind="redis")
    with ours.connect() as source, other.connect() as target:
        source.run("SET", "k", "v")
        assert migrate(source, other, "k") == ("-", b"ERR Target instance replied with error: NOAUTH Authentication required.")
        wrong = b"ERR Target instance replied with error: WRONGPASS invalid username-password pair or user is disabled."
        assert migrate(source, other, "k", "AUTH", "wrong") == ("-", wrong)
        assert migrate(source, other, "k", "AUTH2", "nobody", "secret") == ("-", wrong)
        assert source.run("GET", "k") == b"v"
        assert migrate(source, other, "k", "COPY", "AUTH", "secret") == OK
        assert migrate(source, other, "k", "REPLACE", "AUTH2", "default", "secret") == OK
        assert source.run("EXISTS", "k") == 0 and target.run("GET", "k") == b"v"


def test_a_database_that_the_target_does_not_have(start, shards):
    ours, other = start(shards=shards), start(kind="redis")
    with ours.connect() as source, other.connect() as target:
        source.run("SET", "k", "v")
        assert migrate(source, other, "k", db=99) == ("-", b"ERR Target instance replied with error: ERR DB index is out of range")
        assert source.run("GET", "k") == b"v"
        assert target.run("DBSIZE") == 0  # redis-server's MIGRATE would have put it into database 0


ERRORS = [
    ["h"], ["h", "p", "k", "0"], ["127.0.0.1", "PORT", "nokey", "0", "100"], ["127.0.0.1", "PORT", "nokey", "x", "100"],
    ["127.0.0.1", "PORT", "nokey", "0", "y"], ["127.0.0.1", "PORT", "nokey", "0", "100", "bar"],
    ["127.0.0.1", "PORT", "nokey", "0", "100", "auth"], ["127.0.0.1", "PORT", "nokey", "0", "100", "auth2", "a"],
    ["127.0.0.1", "PORT", "nokey", "0", "100", "copy", "keys", "a"], ["127.0.0.1", "PORT", "nokey", "0", "100", "keys"],
    ["127.0.0.1", "PORT", "", "0", "100", "keys"], ["127.0.0.1", "PORT", "", "0", "100", "keys", "nokey", "none"],
    ["127.0.0.1", "REFUSED", "k", "0", "100"], ["127.0.0.1", "REFUSED", "k", "0", "-1"], ["127.0.0.1", "REFUSED", "k", "0", "0"],
    ["no.such.host.invalid", "PORT", "k", "0", "5000"], ["127.0.0.1", "-1", "k", "0", "100"], ["127.0.0.1", "0", "k", "0", "100"],
    ["127.0.0.1", "PORT", "k", "99", "1000"],
    ["127.0.0.1", "PORT", "k", "9999999999999999999", "100"], ["127.0.0.1", "PORT", "k", "0", "100", "auth", "x"],
    ["127.0.0.1", "PORT", "k", "0", "100", "COPY", "REPLACE"],
]


def test_replies_are_redis_servers(start, shards):
    """Also what COMMAND says of it."""
    sides = [start(shards=shards).connect(), start(kind="redis").connect()]
    other, refused = start(kind="redis"), free_port()
    for words in ERRORS:
        words = [{"PORT": str(other.port), "REFUSED": str(refused)}.get(word, word) for word in words]
        for side in sides:
            side.run("SET", "k", "v")
        ours, theirs = (side.call("MIGRATE", *words) for side in sides)
        assert ours == theirs, words
    for command in (["GETKEYS", "MIGRATE", "h", 1, "a", 0, 1], ["GETKEYS", "MIGRATE", "h", 1, "", 0, 1, "KEYS", "a", "b"],
                    ["GETKEYSANDFLAGS", "MIGRATE", "h", 1, "", 0, 1, "AUTH", "keys", "KEYS", "a", "b"]):
        ours, theirs = (side.call("COMMAND", *command) for side in sides)
        assert ours == theirs, command
    for side in sides:
        side.close()


def test_itself(start, shards):
    ours = start(shards=shards)
    with ours.connect() as source:
        source.run("SET", "k", "v")
        assert migrate(source, ours, "k", db=1, timeout=200) == ("-", b"IOERR error or timeout reading to target instance")
        assert source.run("GET", "k") == b"v"


def test_not_inside_a_transaction_or_script(start, shards):
    ours = start(shards=shards)
    with ours.connect() as source:
        source.run("SET", "k", "v")
        source.send_raw(encode("MULTI") + encode("MIGRATE", "127.0.0.1", ours.port, "k", 0, 10) + encode("SET", "j", "1") + encode("EXEC"))
        assert [source.read()[0] for _ in range(3)] == ["+"] * 3
        (kind, text), second = source.read()[1]
        assert kind == "-" and b"MIGRATE cannot be run inside" in text and second == OK
        reply = source.call("EVAL", "return redis.call('MIGRATE', '127.0.0.1', 1, KEYS[1], 0, 10)", 1, "k")
        assert reply[0] == "-" and b"MIGRATE cannot be run inside" in reply[1]
        assert source.run("GET", "k") == b"v"


# --- what others see of it ---


def test_it_is_told(start, shards):
    """Keyspace events, watchers, and clients' caches."""
    ours, other = start("--notify-keyspace-events", "KA", shards=shards), start(kind="redis")
    with ours.connect() as source, ours.connect() as watcher, ours.connect() as listener:
        source.run("MSET", "a", 1, "b", 2)
        listener.run("PSUBSCRIBE", "__keyspace*")
        watcher.run("WATCH", "a")
        assert migrate(source, other, "", "KEYS", "a", "b") == OK
        told = [listener.read()[1] for _ in range(2)]
        assert sorted((item[2][1], item[3][1]) for item in told) == [(b"__keyspace@0__:a", b"del"), (b"__keyspace@0__:b", b"del")]
        watcher.run("MULTI")
        watcher.run("PING")
        assert watcher.run("EXEC") is None


def test_its_effect_is_del(start, shards):
    """Of the keys that the target has taken, and of no others."""
    ours, other = start("--enable-debug-command", "yes", shards=shards), start(kind="redis")
    feed = Feed(ours)
    with other.connect() as target:
        feed.client.run("MSET", "{x}a", 1, "{x}b", 2)
        target.run("SET", "{x}b", 1)
        feed.effects_since()
        assert migrate(feed.client, other, "{x}a", "COPY") == OK
        assert feed.effects_since() == []
        assert migrate(feed.client, other, "", "KEYS", "{x}b", "{x}c")[0] == "-"
        assert feed.effects_since() == []
        assert migrate(feed.client, other, "{x}a", "REPLACE") == OK
        assert feed.effects_since() == [[b"DEL", b"{x}a"]]
    feed.close()


def test_passwords_are_hidden(start, shards):
    ours = start(shards=shards)
    with ours.connect() as source, ours.connect() as monitor:
        monitor.run("MONITOR")
        source.call("MIGRATE", "h", 1, "", 0, 1, "COPY", "AUTH2", "usersword", "secretword", "KEYS", "auth", "shown")
        line = monitor.read()[1]
        assert b"usersword" not in line and b"secretword" not in line and b"shown" in line


def other_keys(count=20):
    return ["beside:%d" % number for number in range(count)]


@pytest.mark.heavy
def test_others_are_served_while_the_target_is_silent(start, shards):
    """Other keys, of the same shard, too; who names the key waits, and gets it as it was."""
    ours = start(shards=shards)
    with Target(say_nothing) as target, ours.connect() as source, ours.connect() as other, ours.connect() as waiting:
        source.run("SET", "k", "v")
        source.send("MIGRATE", "127.0.0.1", target.port, "k", 0, int(1500 * SLOWDOWN))
        assert target.connected.wait(10)
        waiting.send("APPEND", "k", "w")
        for name in other_keys():
            assert other.run("SET", name, 1) == b"OK" and other.run("GET", name) == b"1"
        assert other.run("DBSIZE") == len(other_keys()) + 1
        assert not waiting.has_reply()
        assert source.read() == ("-", b"IOERR error or timeout reading to target instance")
        assert waiting.read() == (":", 2)
        assert other.run("GET", "k") == b"vw"


@pytest.mark.timing
def test_nobody_waits_long_while_large_keys_go(start, shards):
    ours, other = start(shards=shards), start(kind="redis")
    with ours.connect() as source:
        for commands in VALUES.values():
            source.pipeline(commands)

        def go():
            assert migrate(source, other, "", "KEYS", *VALUES) == OK
        assert worst_ping_ms(ours.port, go, pid=ours.process.pid) < 20 * SLOWDOWN


@pytest.mark.threads
def test_each_change_is_on_one_side(start, shards):
    """Clients that count go on where the key is: no increment is lost, none seen twice."""
    ours, theirs = start(shards=shards), start(shards=2)
    sides = [ours, theirs]
    rounds = int(60 / min(SLOWDOWN, 4))
    done = [0, 0, 0]
    is_over = threading.Event()

    def count(number):
        with ours.connect() as here, theirs.connect() as there:
            while not is_over.is_set():
                for side in (here, there):
                    reply = side.call("EVAL", "if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('INCR', KEYS[1]) end", 1, "n")
                    done[number] += reply[0] == ":"

    def move():
        with ours.connect() as here, theirs.connect() as there:
            here.run("SET", "n", 0)
            for number in range(2 * rounds):
                source = (here, there)[number % 2]
                assert migrate(source, sides[1 - number % 2], "n") == OK
            is_over.set()

    run_all(move, *[lambda number=number: count(number) for number in range(len(done))])
    with ours.connect() as here, theirs.connect() as there:
        assert int(here.run("GET", "n")) == sum(done) and there.run("EXISTS", "n") == 0


# --- with targets that do not behave ---


def hang_up_after_two(target, peer):
    """Takes two keys of a batch, and goes."""
    greet(target, peer)
    target.read_until(peer, b"RESTORE", 3)
    peer.sendall(b"+OK\r\n+OK\r\n")


def reply_with(text):
    def serve(target, peer):
        greet(target, peer)
        target.read_until(peer, b"RESTORE")
        peer.sendall(text)
        target.must_end.wait()
    return serve


def endless(target, peer):
    greet(target, peer)
    while not target.must_end.is_set():
        peer.sendall(b"x" * 65536)


def refuse_at_once(_, peer):
    peer.sendall(b"-ERR max number of clients reached\r\n")


READING = ("-", b"IOERR error or timeout reading to target instance")


@pytest.mark.parametrize("serve", [reply_with(text) for text in (
    b"", b"garbage\r\n", b"+OKAY\r\n", b":1\r\n", b"-\r\n", b"\r\n", b"$2\r\nOK\r\n", b"+O", b"\0\0\0\n", b"+" + b"x" * 5000 + b"\r\n")] + [endless])
def test_only_ok_is_taken_for_ok(start, shards, serve):
    ours = start(shards=shards)
    with Target(serve) as target, ours.connect() as source:
        source.run("SET", "k", "v")
        assert migrate(source, target.port, "k", timeout=300) == READING
        assert source.run("GET", "k") == b"v"


def test_a_connection_that_ends_half_way(start, shards):
    ours = start(shards=shards)
    with Target(hang_up_after_two) as target, ours.connect() as source:
        source.run("MSET", "a", 1, "b", 2, "c", 3, "d", 4)
        assert migrate(source, target.port, "", "KEYS", "a", "b", "c", "d") == READING
        assert source.run("MGET", "a", "b", "c", "d") == [None, None, b"3", b"4"]


def test_a_target_that_refuses_the_connection(start, shards):
    ours = start(shards=shards)
    with Target(refuse_at_once) as target, ours.connect() as source:
        source.run("SET", "k", "v")
        reply = migrate(source, target.port, "k")
        assert reply[0] == "-" and (reply[1].startswith(b"IOERR error or timeout") or b"max number of clients" in reply[1])
        assert source.run("GET", "k") == b"v"


def test_a_target_that_takes_nothing(start, shards):
    """A payload larger than what sockets hold."""
    def serve(target, peer):
        greet(target, peer)
        target.must_end.wait()

    ours = start(shards=shards)
    with Target(serve) as target, ours.connect() as source:
        source.run("SET", "k", os.urandom(30_000_001))
        assert migrate(source, target.port, "k", timeout=300) == ("-", b"IOERR error or timeout writing to target instance")
        assert source.run("STRLEN", "k") == 30_000_001


@pytest.mark.parametrize("says_ok", [False, True])
def test_a_client_that_vanishes(start, shards, says_ok):
    """What the target takes is deleted, whether or not the client is still there; what it does not take stays."""
    may_go_on = threading.Event()

    def serve(target, peer):
        greet(target, peer)
        target.read_until(peer, b"RESTORE")
        may_go_on.wait()
        if says_ok:
            peer.sendall(b"+OK\r\n")

    ours = start(shards=shards)
    with Target(serve) as target, ours.connect() as other:
        other.run("SET", "k", "v")
        with ours.connect() as source:
            source.send("MIGRATE", "127.0.0.1", target.port, "k", 0, 20000)
            assert target.connected.wait(10)
        may_go_on.set()
        assert other.run("GET", "k") == (None if says_ok else b"v")
        wait_until(lambda: other.info("clients")["connected_clients"] == "1")


@pytest.mark.parametrize("way", ["SHUTDOWN", "CLIENT"])
def test_the_end_does_not_wait_for_the_target(start, shards, way):
    """The server's end, which the fixture waits for, too; and CLIENT KILL, which leaves the job to its time-out."""
    ours = start(shards=shards)
    with Target(say_nothing) as target, ours.connect() as source, ours.connect() as other:
        source.run("SET", "k", "v")
        number = source.run("CLIENT", "ID")
        source.send("MIGRATE", "127.0.0.1", target.port, "k", 0, 500 if way == "CLIENT" else 3_600_000)
        assert target.connected.wait(10)
        if way == "CLIENT":
            assert other.run("CLIENT", "KILL", "ID", number) == 1
            assert other.run("GET", "k") == b"v"
        else:
            other.send("SHUTDOWN")
            assert ours.process.wait(10 * SLOWDOWN) == 0
            ours.restart_after_kill()
    with pytest.raises((Closed, OSError)):
        source.run("PING")


def test_more_than_may_go_at_a_time(start, shards):
    """Forty clients and a silent target: sixteen go at a time, and all get their replies."""
    ours = start(shards=shards)
    with Target(say_nothing) as target, ours.connect() as other:
        clients = [ours.connect() for _ in range(40)]
        for number, client in enumerate(clients):
            client.run("SET", "key:%d" % number, 1)
        for number, client in enumerate(clients):
            client.send("MIGRATE", "127.0.0.1", target.port, "key:%d" % number, 0, 200)
        assert other.run("SET", "beside", 1) == b"OK"
        for client in clients:
            assert client.read() == READING
            client.close()
        assert other.run("DBSIZE") == 41


# --- without memory ---


def stop_refusing(server):
    """The refusal that is left may meet the connection that takes it back."""
    def is_taken_back():
        try:
            with server.connect() as control:
                return control.call("DEBUG", "REFUSE-MEMORY", -1, "ALL")[0] == ":"
        except (Closed, OSError):
            return False
    wait_until(is_taken_back)


@pytest.mark.heavy
def test_memory_that_is_refused(start, shards):
    """Each request for memory once: the key is on one side at least, and on one only if the reply is OK."""
    ours, other = start("--enable-debug-command", "yes", shards=shards), start(kind="redis")
    if not has_refusals(ours):
        pytest.skip("a build without refusals")
    members = ["member:%d" % number for number in range(3000)]
    with other.connect() as target:
        for number in range(60):
            with ours.connect() as source:
                source.run("SADD", "{x}s", *members)
                source.run("SET", "{x}small", "v")
                target.run("FLUSHALL")
                source.send_raw(encode("DEBUG", "REFUSE-MEMORY", number, "ALL") +
                                encode("MIGRATE", "127.0.0.1", other.port, "", 0, 10000, "KEYS", "{x}small", "{x}s"))
                try:
                    source.read()
                    reply = source.read()
                except Closed:
                    reply = None
            stop_refusing(ours)
            with ours.connect() as source:
                here = source.run("EXISTS", "{x}s", "{x}small")
                assert here + target.run("EXISTS", "{x}s", "{x}small") >= 2
                assert reply != OK or here == 0
                source.run("DEL", "{x}s", "{x}small")


# --- WAITAOF ---


def test_waitaof(start, shards):
    ours = start(shards=shards)
    with ours.connect() as client, ours.connect() as other:
        assert client.run("WAITAOF", 0, 0, 0) == [0, 0]
        assert client.run("WAITAOF", 0, 1, 20) == [0, 0]
        for words, error in ((["1", "0", "0"], b"ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."),
                             (["2", "0", "0"], b"ERR value is out of range, value must between 0 and 1"),
                             (["x", "0", "0"], b"ERR value is not an integer or out of range"),
                             (["0", "-1", "0"], b"ERR value is out of range, must be positive"),
                             (["0", "x", "0"], b"ERR value is out of range, must be positive"),
                             (["1", "0", "-1"], b"ERR timeout is negative"),
                             (["0", "0", "x"], b"ERR timeout is not an integer or out of range")):
            assert client.call("WAITAOF", *words) == ("-", error)
        number = client.run("CLIENT", "ID")
        client.send("WAITAOF", 0, 1, 0)
        wait_until(lambda: other.info("clients")["blocked_clients"] == "1")
        assert not client.has_reply()
        assert other.run("CLIENT", "UNBLOCK", number) == 1
        assert client.read() == ("*", [(":", 0), (":", 0)])
        client.send_raw(encode("MULTI") + encode("WAITAOF", 0, 1, 0) + encode("EXEC"))
        assert [client.read() for _ in range(3)][2] == ("*", [("*", [(":", 0), (":", 0)])])
        assert client.run("EVAL", "return redis.call('WAITAOF', 0, 1, 0)", 0) == [0, 0]
