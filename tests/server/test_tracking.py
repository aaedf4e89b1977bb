"""Client-side caching: connections that redirect, caches under races, the differential family `tracking`, limits and memory."""

import os
import random
import re
import threading
import time

import pytest

from conftest import KIND
from families import load
from families.arguments import words
from harness.process import SLOWDOWN, Server
from harness.refusals import ENDS, Refuser, has_refusals
from harness.resp import encode, wait_until

SECONDS = 2.0
STEPS = int(os.environ.get("TESSERA_DIFFERENTIAL_COUNT", 1500 / min(SLOWDOWN, 5)))
CHANNEL = b"__redis__:invalidate"


def begin(server, *options, protocol=3):
    connection = server.connect()
    if protocol == 3:
        connection.run("HELLO", "3")
    assert connection.run("CLIENT", "TRACKING", "ON", *options) == b"OK"
    return connection


def keys_of(push):
    """The keys that a message names; None: all."""
    kind, parts = push
    if kind == ">":
        assert parts[0] == ("$", b"invalidate"), push
        names = parts[1]
    else:
        assert parts[:2] == [("$", b"message"), ("$", CHANNEL)], push
        names = parts[2]
    return None if names[1] is None else [name for _, name in names[1]]


def told(connection, pong=("+", b"PONG")):
    """What is there until a PING is answered."""
    connection.send("PING")
    messages = []
    while True:
        reply = connection.read()
        if reply == pong:
            return messages
        messages.append(keys_of(reply))


def figures(server, section):
    with server.connect() as connection:
        text = connection.run("INFO", section).decode()
    return {name: int(number) for name, number in re.findall(r"(tracking_\w+):(\d+)", text)}


# ---- redirection ----

SUBSCRIBED_PONG = ("*", [("$", b"pong"), ("$", b"")])


def subscriber(server):
    connection = server.connect()
    number = connection.run("CLIENT", "ID")
    assert connection.run("SUBSCRIBE", CHANNEL) == [b"subscribe", CHANNEL, 1]
    return connection, number


def test_messages_go_to_a_subscriber(server):
    with server.connect() as writer:
        receiver, number = subscriber(server)
        reader = begin(server, "REDIRECT", number, protocol=2)
        assert reader.run("CLIENT", "GETREDIR") == number
        assert reader.run("CLIENT", "TRACKINGINFO") == [b"flags", [b"on"], b"redirect", number, b"prefixes", []]
        assert ("redir=%d " % number).encode() in reader.run("CLIENT", "INFO")
        assert reader.run("GET", "k") is None
        writer.run("SET", "k", "1")
        assert told(receiver, SUBSCRIBED_PONG) == [[b"k"]]
        reader.run("SET", "k", "2")
        assert told(receiver, SUBSCRIBED_PONG) == []
        reader.run("GET", "k")
        reader.run("SET", "k", "2")
        writer.run("FLUSHALL")
        assert told(receiver, SUBSCRIBED_PONG) == [[b"k"], None]
        assert receiver.run("UNSUBSCRIBE")[0] == b"unsubscribe"
        reader.run("GET", "k")
        writer.run("SET", "k", "3")
        assert told(receiver) == []  # RESP2 without subscriptions: there is no way to say it
        assert reader.run("PING") == b"PONG"


def test_a_receiver_in_resp3_needs_no_subscription(server):
    with server.connect() as writer, server.connect() as receiver:
        receiver.run("HELLO", "3")
        reader = begin(server, "BCAST", "PREFIX", "a", "REDIRECT", receiver.run("CLIENT", "ID"), protocol=2)
        writer.run("MSET", "a", "1", "b", "2")
        assert told(receiver) == [[b"a"]]
        assert b" flags=tB " in reader.run("CLIENT", "INFO")


def test_a_receiver_that_has_gone(server):
    with server.connect() as writer:
        receiver, number = subscriber(server)
        readers = [begin(server, "REDIRECT", number, protocol=protocol) for protocol in (3, 2)]
        for reader in readers:
            reader.run("GET", "k")
        receiver.close()
        wait_until(lambda: b"id=%d " % number not in writer.run("CLIENT", "LIST"))
        writer.run("SET", "k", "1")
        assert readers[0].read() == (">", [("$", b"tracking-redir-broken"), (":", number)])
        for reader in readers:
            wait_until(lambda: b" flags=tR " in reader.run("CLIENT", "INFO"))  # noqa: B023
            info = reader.run("CLIENT", "TRACKINGINFO")
            flags = info[b"flags"] if isinstance(info, dict) else info[1]
            assert flags == [b"on", b"broken_redirect"]
            assert reader.run("CLIENT", "GETREDIR") == number
            assert reader.call("CLIENT", "TRACKING", "ON", "REDIRECT", number)[0] == "-"
            assert reader.run("CLIENT", "TRACKING", "ON") == b"OK"
            assert b" flags=t " in reader.run("CLIENT", "INFO")


# ---- the table ----

def test_too_many_keys(server):
    reader = begin(server)
    reader.run("CONFIG", "SET", "tracking-table-max-keys", "10")
    for number in range(100):
        reader.send("GET", "k%d" % number)
    seen = []
    while sum(reply[0] != ">" for reply in seen) < 100:  # how many pushes come between is the server's
        seen.append(reader.read())
    names = {keys_of(reply)[0] for reply in seen if reply[0] == ">"}
    names |= {keys[0] for keys in told(reader)}
    wait_until(lambda: figures(server, "stats")["tracking_total_keys"] <= 10)
    with server.connect() as writer:
        for number in range(100):
            writer.run("SET", "k%d" % number, "x")
    names |= {keys[0] for keys in told(reader)}
    assert names == {b"k%d" % number for number in range(100)}


def test_figures(server):
    first, second = begin(server), begin(server)
    third = begin(server, "BCAST", "PREFIX", "a", "PREFIX", "b")
    fourth = begin(server, "BCAST", "PREFIX", "a")
    first.run("MGET", "x", "y", "z")
    second.run("MGET", "x", "y", "y")
    assert figures(server, "clients") == {"tracking_clients": 4}
    expected = {"tracking_total_keys": 3, "tracking_total_items": 5, "tracking_total_prefixes": 2}
    assert figures(server, "stats") == expected
    third.close()
    fourth.close()
    wait_until(lambda: figures(server, "stats")["tracking_total_prefixes"] == 0)
    second.run("SET", "x", "1")
    assert figures(server, "stats") == dict(expected, tracking_total_keys=2, tracking_total_items=3, tracking_total_prefixes=0)


@pytest.mark.skipif(KIND == "redis", reason="redis-server keeps keys of clients that have gone")
def test_keys_go_when_nobody_tracks(server):
    readers = [begin(server) for _ in range(20)]
    for number, reader in enumerate(readers):
        for start in range(0, 2000, 100):
            reader.run("MGET", *["k%d" % (key + number * 7) for key in range(start, start + 100)])
    assert figures(server, "stats")["tracking_total_keys"] == 2000 + 19 * 7
    for reader in readers:
        reader.close()
    wait_until(lambda: figures(server, "stats")["tracking_total_keys"] == 0)
    assert figures(server, "stats")["tracking_total_items"] == 0


def test_keys_that_expire_or_are_evicted(start, shards):
    server = start("--maxmemory-policy", "allkeys-random", shards=shards)
    reader = begin(server)
    with server.connect() as writer:
        writer.run("SET", "short", "1", "PX", "30")
        reader.run("GET", "short")
        assert keys_of(reader.read()) == [b"short"]
        names = [b"k%d" % number for number in range(200)]
        for name in names:
            writer.run("SET", name, "x" * 2000)
            reader.run("GET", name)
        writer.run("CONFIG", "SET", "maxmemory", "1")
        writer.call("SET", "more", "x")
        wait_until(lambda: writer.run("DBSIZE") == 0)
        gone = {keys_of(reader.read())[0] for _ in names}
        assert gone == set(names)
        writer.run("CONFIG", "SET", "maxmemory", "0")


# ---- order and races ----

def test_a_message_is_not_before_the_reply_that_it_makes_invalid(server):
    """Pipelines of reads, while others write: what a client has at the end by the order of its replies and messages is what is there."""
    reader = begin(server)
    names = ["k%d" % number for number in range(20)]
    stop = threading.Event()

    def write(seed):
        rng = random.Random(seed)
        with server.connect() as connection:
            while not stop.is_set():
                connection.run("INCR", rng.choice(names))

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    cache = {}
    rng = random.Random(7)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        asked = [rng.choice(names) for _ in range(16)]
        reader.send_raw(b"".join(encode("GET", name) for name in asked))
        while asked:
            reply = reader.read()
            if reply[0] == ">":
                for name in keys_of(reply):
                    cache.pop(name.decode(), None)
            else:
                cache[asked.pop(0)] = reply[1]
    stop.set()
    for thread in threads:
        thread.join()
    for keys in told(reader):
        for name in keys:
            cache.pop(name.decode(), None)
    with server.connect() as connection:
        for name, value in cache.items():
            assert connection.call("GET", name)[1] == value


MODES = [[], ["OPTIN"], ["OPTOUT"], ["NOLOOP"], ["BCAST"], ["BCAST", "PREFIX", "k", "PREFIX", "big"]]  # all of them are told of every key of the test


@pytest.mark.threads
@pytest.mark.parametrize("order", ["strict", "relaxed"])
def test_no_cache_is_stale_when_all_is_quiet(start, shards, order):
    """Caching clients of every mode read and write at random; what they have in the end is what is there."""
    server = start(*(["--pipeline-order", order] if KIND == "tessera" else []), shards=shards)
    names = [b"k%d" % number for number in range(40)] + [b"big"]
    with server.connect() as connection:
        for first in range(0, 3000, 500):
            connection.run("RPUSH", "big", *["x" * 40] * 500)
    caches = []

    def live(number):
        mode = MODES[number % len(MODES)]
        rng = random.Random(number)
        connection = begin(server, *mode)
        cache = {}
        caches.append((connection, cache))

        def drop(push):
            keys = keys_of(push)
            for name in list(cache) if keys is None else keys:
                cache.pop(name, None)

        def call(*command):
            connection.send(*command)
            while True:
                reply = connection.read()
                if reply[0] != ">":
                    return reply
                drop(reply)

        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            name = rng.choice(names)
            kind = rng.random()
            if mode == ["OPTIN"]:
                call("CLIENT", "CACHING", "YES")
            if kind < 0.5:
                cache[name] = (call("LRANGE", name, "0", "-1") if name == b"big" else call("GET", name))[1]
            elif kind < 0.6:
                asked = [rng.choice(names[:-1]) for _ in range(3)]
                values = call("MGET", *asked)[1]
                cache.update((key, value) for key, (_, value) in zip(asked, values))
            elif name == b"big":
                call("LSET", "big", "-1", rng.random())
                cache.pop(name, None)
            elif kind < 0.62:
                call("FLUSHDB") if number == 0 else call("DEL", name)
                cache.clear()
            elif kind < 0.7:
                call("SET", name, rng.random(), "PX", "5")
                cache.pop(name, None)
            else:
                call("SET", name, rng.random())
                cache.pop(name, None)

    threads = [threading.Thread(target=live, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with server.connect() as connection:
        def is_quiet():
            return not any(connection.run("PTTL", name) >= 0 for name in names[:-1])

        wait_until(is_quiet)
        for other, cache in caches:
            for keys in told(other):
                for name in list(cache) if keys is None else keys:
                    cache.pop(name, None)
            for name, value in cache.items():
                there = connection.call("LRANGE", name, "0", "-1") if name == b"big" else connection.call("GET", name)
                assert there[1] == value, name


@pytest.mark.skipif(KIND == "redis", reason="Tessera's DEBUG REFUSE-MEMORY")
@pytest.mark.parametrize("mode", ["read", "broadcast", "redirected"])
def test_refused_memory(server, mode):
    """One request for memory is refused while a key is read, or changed: nobody keeps the old value without being told, or closed."""
    if not has_refusals(server):
        pytest.skip("a build without debug asserts")
    subscriber(server)[0].close()  # what channels keep is there
    refuser = Refuser(server)
    number = 0
    is_refused = True
    while is_refused and number < 200:
        refuser.prepare([("SET", "k", "old")])
        receiver, identity = subscriber(server)
        options = {"read": [], "broadcast": ["BCAST"], "redirected": ["REDIRECT", identity]}[mode]
        reader = begin(server, *options)
        is_refused = False
        if refuser.refuse_after(number):
            value = refuser.attempt(("GET", "k"), reader)
            written = refuser.attempt(("SET", "k", "new"))
            is_refused = refuser.was_refused()
            if value == ("$", b"old") and written == ("+", b"OK"):
                wait_until(lambda: is_told_or_closed(reader, receiver, mode))  # noqa: B023
        reader.close()
        receiver.close()
        number += 1
    assert number > 3
    refuser.check_end()


def is_told_or_closed(reader, receiver, mode):
    try:
        messages = told(receiver, SUBSCRIBED_PONG) if mode == "redirected" else told(reader)
    except ENDS:
        return True
    return any(keys is None or b"k" in keys for keys in messages)


# ---- as redis-server does ----

class Side:
    """One server with connections that track: in RESP3, in RESP2 by a subscriber; and one that does not."""

    def __init__(self, kind, shards):
        self.server = Server(kind, shards)
        self.subscriber, number = subscriber(self.server)
        self.connections = [begin(self.server), begin(self.server, "NOLOOP"), begin(self.server, "BCAST"),
                            begin(self.server, "REDIRECT", number, protocol=2), self.server.connect()]

    def step(self, number, commands):
        """What each connection is told of the commands."""
        connection = self.connections[number]
        own = []
        for command in commands:
            connection.send(*command)
            reply = connection.read()
            while reply[0] == ">":
                own.append(keys_of(reply))
                reply = connection.read()
        messages = [told(other) for other in self.connections] + [told(self.subscriber, SUBSCRIBED_PONG)]
        messages[number] = own + messages[number]
        return [normal(keys) for keys in messages]

    def end(self):
        problems = self.server.problems() + self.server.stop()
        for connection in self.connections:
            connection.close()
        return problems


def normal(messages):
    """The keys in any order: those of one command that are broadcast may come in several messages, and a key then twice."""
    return sorted({"(all)" if keys is None else repr(name) for keys in messages for name in (keys or [None])})


def random_step(rng, rows):
    """One row; or one behind CLIENT CACHING; or a transaction, which that may stand before or in."""
    def row(is_in_transaction=False):
        chosen = rng.choices(rows, [row[0] for row in rows])[0]
        while is_in_transaction and chosen[1:3] == (b"CLIENT", b"TRACKING"):
            chosen = rng.choices(rows, [row[0] for row in rows])[0]  # redis-server tells what was changed before it in the transaction, too
        return [word for part in chosen[1:] for word in words(part, rng)]

    kind = rng.random()
    caching = [[b"CLIENT", b"CACHING", rng.choice([b"YES", b"NO"])]]
    if kind < 0.7:
        return [row()]
    if kind < 0.85:
        return caching + [row() for _ in range(rng.randrange(1, 3))]
    commands = [[b"MULTI"]] + [row(True) for _ in range(rng.randrange(5))] + [[rng.choice([b"EXEC", b"EXEC", b"EXEC", b"DISCARD"])]]
    return (caching if rng.random() < 0.4 else []) + commands + ([row()] if rng.random() < 0.3 else [])


@pytest.mark.skipif(KIND == "redis", reason="compares with redis-server")
def test_differential(shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    rng = random.Random(seed)
    rows = load("tracking").ROWS
    ours, theirs = Side("tessera", shards), Side("redis", 1)
    history = []
    try:
        for _ in range(STEPS):
            commands = random_step(rng, rows)
            number = rng.randrange(len(ours.connections))
            history.append((number, commands))
            mine, other = ours.step(number, commands), theirs.step(number, commands)
            assert mine == other, "seed %s, step %d: %r\n%r\n%r" % (seed, len(history), history[-8:], mine, other)
    finally:
        problems = ours.end()
        theirs.end()
    assert not problems
