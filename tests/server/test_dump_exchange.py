"""What one of redis-server and this server dumps the other restores, and then has the same in it."""

import os
import random

import pytest

from differential import READERS
from families import FAMILIES, load
from families.arguments import KEYS, Group, words
from harness import comparisons
from harness.process import SLOWDOWN, Server
from harness.transcript import show

TYPES = ["string", "list", "set", "hash", "zset", "stream", "hyperloglog", "geo"]
ROUNDS = max(1, int(int(os.environ.get("TESSERA_EXCHANGE_ROUNDS", "8")) / SLOWDOWN))
COMMANDS = 300
# A collection so big that it is written and read in steps.
BIG = {
    "list": [[b"RPUSH", b"a", *[b"item:%d" % i for i in range(at, at + 1000)]] for at in range(0, 20000, 1000)],
    "set": [[b"SADD", b"a", *[b"member:%d" % i for i in range(at, at + 1000)]] for at in range(0, 20000, 1000)],
    "hash": [[b"HSET", b"a", *[b"word:%d" % i for i in range(at, at + 1000)]] for at in range(0, 20000, 1000)],
    "zset": [[b"ZADD", b"a", *[word for i in range(at, at + 1000) for word in (b"%d" % (i * 7919 % 20011), b"member:%d" % i)]]
             for at in range(0, 20000, 1000)],
    "stream": [[b"XADD", b"a", b"%d-1" % i, b"field", b"value:%d" % i] for i in range(1, 5000)] +
              [[b"XGROUP", b"CREATE", b"a", b"g", b"0"], [b"XREADGROUP", b"GROUP", b"g", b"c", b"COUNT", b"3000", b"STREAMS", b"a", b">"],
               [b"XREADGROUP", b"GROUP", b"g", b"d", b"COUNT", b"1000", b"STREAMS", b"a", b">"], [b"XACK", b"a", b"g", b"7-1"]],
}


def some_commands(family, rng):
    """Random commands of a family; without what would block or differ."""
    rows = [row for row in load(family).ROWS if not isinstance(row[1], Group)]
    for row in rng.choices(rows, [row[0] for row in rows], k=COMMANDS):
        yield [word for part in row[1:] for word in words(part, rng)]


def same(mine, other, command):
    """Both sides read the same; hash tables have no order."""
    return comparisons.agree(comparisons.RULES, command, mine, other) or comparisons.same_elements(mine, other)


def exchange(sender, pair, key):
    """Restores what `sender` dumps on both sides and reads it there. Gives what differs."""
    payload = sender.call(b"DUMP", key)
    if payload[1] is None:
        return
    for side in pair:
        reply = side.call(b"RESTORE", b"copy", b"0", payload[1], b"REPLACE")
        if reply != ("+", b"OK"):
            yield "RESTORE of %s: %s" % (show(payload), show(reply))
            return
    readers = [[b"TYPE", b"copy"], [b"OBJECT", b"ENCODING", b"copy"], [b"XINFO", b"STREAM", b"copy", b"FULL", b"COUNT", b"0"]]
    readers += [[reader[0], b"copy", *reader[1:]] for reader in READERS]
    for command in readers:
        ours, theirs = (side.call(*command) for side in pair)
        if not same(ours, theirs, command):
            yield "%s\n  tessera: %s\n  redis:   %s" % (b" ".join(command).decode(), show(ours)[:2000], show(theirs)[:2000])


@pytest.fixture
def pair(start, shards):
    ours = start("--enable-debug-command", "yes", shards=shards).connect()
    theirs = Server("redis", 1)
    with ours, theirs.connect() as connection:
        yield ours, connection
    assert theirs.stop() == []


@pytest.mark.heavy
@pytest.mark.parametrize("family", [name for name in TYPES if name in FAMILIES])
def test_payloads_go_both_ways(pair, family):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    for number in range(ROUNDS):
        rng = random.Random("%s:%s:%d" % (seed, family, number))
        for side in pair:
            side.call(b"FLUSHALL")
        for command in some_commands(family, rng):
            for side in pair:
                side.call(*command)
        found = [text for sender in pair for key in KEYS for text in exchange(sender, pair, key)]
        assert not found, "seed %s, round %d: %s" % (seed, number, found[0])


@pytest.mark.heavy
@pytest.mark.parametrize("kind", BIG)
def test_big_payloads_go_both_ways(pair, kind):
    for command in BIG[kind]:
        for side in pair:
            side.call(*command)
    found = [text for sender in pair for text in exchange(sender, pair, b"a")]
    assert not found, found[0]
