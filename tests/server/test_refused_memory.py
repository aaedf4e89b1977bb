"""Each single request for memory of a command is refused once: the command may fail and its connection may end, but nothing is lost,
leaked or locked.

DEBUG REFUSE-MEMORY n, in builds with debug asserts only, refuses the thread its n+1st request from then on. The same command is
tried with n = 0, 1, 2 ... until it asks for no more than n.
"""

import os
import random

import pytest

from differential import batch_steps
from families import FAMILIES, load
from families.arguments import KEYS
from harness.process import SLOWDOWN
from harness.resp import Closed, encode, parse, plain
from replay import MARKER_KEY, Replay

COMMANDS = int(os.environ.get("TESSERA_REFUSED_COMMANDS", "150"))
REQUESTS_MAX = 60
SEED = 7
CLOSED = object()


class Refusing:
    """Runs commands with refusals; connects again when the server has closed the connection."""

    def __init__(self, server):
        self.server = server
        self.connection = server.connect()
        self.refusals = 0

    def again(self):
        self.connection.close()
        self.connection = self.server.connect()

    def call(self, *words):
        try:
            return self.connection.call(*words)
        except (Closed, ConnectionResetError, BrokenPipeError):
            self.again()
            return CLOSED

    def refuse(self, words, allowed):
        """Runs the command with a refusal after `allowed` requests. False: it asked for fewer."""
        try:
            self.connection.send_raw(encode("DEBUG", "REFUSE-MEMORY", str(allowed)) + encode(*words))
            self.connection.read()
            self.connection.read()
        except (Closed, ConnectionResetError, BrokenPipeError):  # also while it is sent: the server had no memory to receive it
            self.again()
        left = self.call("DEBUG", "REFUSE-MEMORY", "-1")
        if left is CLOSED:
            left = self.call("DEBUG", "REFUSE-MEMORY", "-1")
        was_refused = left[1] == -1
        self.refusals += was_refused
        return was_refused


def refuse_each(refusing, words):
    for allowed in range(REQUESTS_MAX):
        if not refusing.refuse(words, allowed):
            return


@pytest.fixture(scope="module")
def has_refusals(request):
    from harness.process import Server  # one look is enough for all tests
    server = Server("tessera", 1)
    with server.connect() as connection:
        is_there = connection.call("DEBUG", "REFUSE-MEMORY", "-1")[0] == ":"
    server.stop()
    if not is_there:
        pytest.skip("this build has no DEBUG REFUSE-MEMORY")


LONG_TEXT = b"some text " * 120_000  # over all the sizes from which on a command is a job
NAMES = [b"member:%d" % i for i in range(2100)]
PAIRS = [word for name in NAMES for word in (name, b"value")]
LONG_JOBS = (
    ("GET", "{k}a"), ("GETRANGE", "{k}a", "1", "-1"), ("SET", "{k}b", LONG_TEXT), ("SET", "{k}b", LONG_TEXT, "GET"),
    ("GETSET", "{k}b", LONG_TEXT),
    ("SETEX", "{k}b", "1000", LONG_TEXT), ("GETEX", "{k}b", "EX", "1000"), ("APPEND", "{k}b", LONG_TEXT),
    ("SETRANGE", "{k}b", "5", LONG_TEXT),
    ("SETRANGE", "{k}new", "5", LONG_TEXT), ("BITCOUNT", "{k}a"), ("BITOP", "XOR", "{k}c", "{k}a", "{k}b", "{k}one"),
    ("COPY", "{k}a", "{k}c", "REPLACE"),
    ("DUMP", "{k}a"), ("RESTORE", "{k}c", "0", None, "REPLACE"), ("LCS", "{k}a", "{k}one"), ("MGET", "{k}a", "{k}b", "{k}one"),
    ("MSET", "{k}b", LONG_TEXT, "{k}c", "x"), ("MSETNX", "{k}x", LONG_TEXT, "{k}y", "x"), ("GETDEL", "{k}b"),
    ("SADD", "{k}set", *NAMES), ("SMISMEMBER", "{k}set", *NAMES), ("SREM", "{k}set", *NAMES[1:]), ("HSET", "{k}hash", *PAIRS),
    ("HMGET", "{k}hash", *NAMES),
    ("HDEL", "{k}hash", *NAMES), ("ZADD", "{k}zset", *[word for name in NAMES for word in (b"1", name)]),
    ("ZREM", "{k}zset", *NAMES),
    ("RPUSH", "{k}list", *NAMES), ("LPUSH", "{k}list", *NAMES), ("MSET", *PAIRS), ("MGET", *NAMES), ("EXISTS", *NAMES),
    ("DEL", *NAMES),
    ("MSETNX", *PAIRS), ("UNLINK", *NAMES))


@pytest.mark.heavy
@pytest.mark.usefixtures("has_refusals")
def test_a_refusal_in_a_long_job_leaves_nothing_broken(start, shards):
    server = start(shards=shards)
    refusing = Refusing(server)
    with server.connect() as other:
        for words in LONG_JOBS:
            other.run("MSET", "{k}a", LONG_TEXT, "{k}b", LONG_TEXT[1:], "{k}one", "a")
            payload = other.run("DUMP", "{k}a")
            before = refusing.refusals
            refuse_each(refusing, [payload if word is None else word for word in words])
            assert refusing.refusals > before, words[0]
            # Nothing is locked: each key can be written and deleted at once.
            assert other.run("APPEND", "{k}a", "x") > 0
            assert other.call("DEL", *["{k}" + name for name in ("a", "b", "c", "d", "x", "y", "one", "new")])[0] == ":"
            assert other.run("MEMORY", "AUDIT") == b"OK"
        assert other.run("FLUSHALL") == b"OK"
        assert other.run("MEMORY", "AUDIT") == b"OK"


@pytest.mark.usefixtures("has_refusals")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_refusal_leaves_nothing_broken(start, shards, family):
    server = start(shards=shards)
    commands = [command for step in batch_steps(family, SEED, 0, {}) for command in step.commands if command]
    random.Random(SEED).shuffle(commands)
    refusing = Refusing(server)
    for command in commands[:int(COMMANDS / min(SLOWDOWN, 3))]:
        refuse_each(refusing, command)
    assert refusing.refusals > 0
    with server.connect() as other:
        # Nothing is locked: each key can be deleted at once.
        for key in getattr(load(family), "KEYS", KEYS):
            assert other.call("DEL", key)[0] == ":"
        assert other.run("FLUSHALL") == b"OK"
        assert other.run("MEMORY", "AUDIT") == b"OK"


@pytest.mark.usefixtures("has_refusals")
@pytest.mark.parametrize("words", [("DEBUG", "DIGEST"), ("DEBUG", "DIGEST-VALUE", "list", "key")], ids=lambda words: words[1])
def test_a_digest_without_memory_is_an_error_and_no_other_digest(start, shards, words):
    server = start("--list-max-listpack-size", "30", "--list-compress-depth", "1", shards=shards)
    refusing = Refusing(server)
    refusing.call("RPUSH", "list", *["item:%d" % i for i in range(300)])
    refusing.call("SET", "key", "value")
    right = refusing.call(*words)
    right = right[1] if right[0] == "*" else [right]
    for allowed in range(REQUESTS_MAX):
        refusing.connection.send_raw(encode("DEBUG", "REFUSE-MEMORY", str(allowed)) + encode(*words))
        try:
            refusing.connection.read()
            reply = refusing.connection.read()
            digests = reply[1] if reply[0] == "*" else [reply]
            assert all(digest[0] == "-" or digest == expected for digest, expected in zip(digests, right))
        except (Closed, ConnectionResetError):
            refusing.again()
        if refusing.call("DEBUG", "REFUSE-MEMORY", "-1") != (":", -1):
            break
        refusing.refusals += 1
    assert refusing.refusals > 3


@pytest.mark.usefixtures("has_refusals")
def test_a_configuration_without_memory_is_an_error_and_no_shorter_one(start, shards):
    refusing = Refusing(start(shards=shards))
    right = refusing.call("CONFIG", "GET", "*")
    for allowed in range(REQUESTS_MAX):
        refusing.connection.send_raw(encode("DEBUG", "REFUSE-MEMORY", str(allowed)) + encode("CONFIG", "GET", "*"))
        try:
            refusing.connection.read()
            reply = refusing.connection.read()
            assert reply == right or reply[0] == "-", allowed
        except (Closed, ConnectionResetError):
            refusing.again()
        if refusing.call("DEBUG", "REFUSE-MEMORY", "-1") != (":", -1):
            break
        refusing.refusals += 1
    assert refusing.refusals > 0


# Writes of many words, and what is there before: refused memory, some have done a part of it.
LONG = ["%d:%s" % (number, "x" * 40) for number in range(400)]
SCORED = [word for number, name in enumerate(LONG) for word in (str(number), name)]
PLACED = [word for number, name in enumerate(LONG) for word in ("%.2f" % (number / 10), "1", name)]
PARTIAL = {
    "SADD": (None, LONG),
    "SREM": (["SADD", "k", *LONG], LONG[:300]),
    "HSET": (None, SCORED),
    "HDEL": (["HSET", "k", *[word for name in LONG for word in (name, "v")]], LONG[:300]),
    "ZADD": (None, SCORED),
    "ZREM": (["ZADD", "k", *SCORED], LONG[:300]),
    "GEOADD": (None, PLACED),
    "RPUSH": (None, LONG),
}


class RefusingReplay(Replay):
    """A replay of writes that are refused memory."""

    def __init__(self):
        super().__init__(1, 1)

    def refuse(self, words, allowed):
        """Runs a command with a refusal after `allowed` requests; gives its effects and whether it asked for so many."""
        self.sender.send_raw(encode("DEBUG", "REFUSE-MEMORY", str(allowed)) + encode(*words))
        self.sender.read()
        self.sender.read()
        was_refused = self.sender.call("DEBUG", "REFUSE-MEMORY", "-1")[1] == -1
        self.markers += 1
        marker = encode("SET", MARKER_KEY, str(self.markers))
        self.sender.send_raw(marker)
        self.sender.read()
        return self.feed.read_until(marker), was_refused

    def again(self):
        """New connections, where a refusal has ended some, and empty servers."""
        for connection in (*self.senders, self.feed):
            connection.close()
        self.senders = [self.source.connect() for _ in self.senders]
        self.sender = self.senders[0]
        self.feed = self.source.connect()
        self.sender.run("DEBUG", "REFUSE-MEMORY", "-1")
        self.sender.run("FLUSHALL")
        self.sink.run("FLUSHALL")
        self.feed.run("DEBUG", "EFFECTS")


def refuse_in_the_middle(replay, name, before, words):
    """Gives how often a part of the words was done, and reported."""
    parts = 0
    for allowed in range(REQUESTS_MAX):
        try:
            replay.apply(replay.play([[b"DEL", b"k"]] + ([before] if before else []), False))
            effects, was_refused = replay.refuse([name, "k", *words], allowed)
        except (Closed, ConnectionResetError, BrokenPipeError):
            replay.again()
            continue
        if not was_refused:
            break
        command, _ = parse(effects, 0)
        parts += plain(command)[0] == name.encode() and len(command[1]) < 2 + len(words)
        assert replay.apply(effects) == []
        digests = replay.digests()
        assert digests[0] == digests[1], replay.differing_keys()
    return parts


@pytest.mark.heavy
@pytest.mark.usefixtures("has_refusals")
def test_a_write_refused_in_the_middle_is_repeated_as_far_as_it_came():
    replay = RefusingReplay()
    try:
        parts = {name: refuse_in_the_middle(replay, name, *row) for name, row in PARTIAL.items()}
    finally:
        problems = replay.end()
    assert problems == []
    assert parts["SADD"] > 0 and parts["HSET"] > 0 and parts["ZADD"] > 0 and parts["GEOADD"] > 0, parts
    assert parts["RPUSH"] == 0, "a push is done as a whole or not"
