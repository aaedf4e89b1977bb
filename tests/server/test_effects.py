"""What DEBUG EFFECTS sends for strings and keys: words that do the same again later, elsewhere, and on each shard alone.

replay.py shows that the effects of random commands make the same data; here stands which effects they are.
"""

import pytest

from harness.resp import Closed, encode, parse, plain
from test_long_copies import FILLERS, fill

MARKER = (b"SET", b"effects:marker", b"1")


class Feed:
    def __init__(self, server):
        self.server = server
        self.client = server.connect()
        self.join()

    def join(self):
        self.feed = self.server.connect()
        self.feed.run("DEBUG", "EFFECTS")

    def effects_since(self):
        """Of all commands since the last call; each a list of words."""
        self.client.run(*MARKER)
        text = self.feed.read_until(encode(*MARKER))
        effects = []
        at = 0
        while at < len(text):
            effect, at = parse(text, at)
            effects.append(plain(effect))
        assert effects.pop() == list(MARKER)
        return effects

    def close(self):
        self.client.close()
        self.feed.close()


@pytest.fixture
def feed(start, shards):
    feed = Feed(start("--enable-debug-command", "yes", shards=shards))
    yield feed
    feed.close()


def words(text):
    return [word.encode() for word in text.split()]


def wanted(effects, client, key):
    """The rows' words, with the key's expiry in the places of <time>."""
    time = b"%d" % client.run("PEXPIRETIME", key)
    return [[time if word == b"<time>" else word for word in words(effect)] for effect in effects]


# Commands before, the command, its effects.
ROWS = [
    ([], "SET a 1", ["SET a 1"]),
    ([], "SET a 1 EX 100", ["SET a 1 PXAT <time>"]),
    (["SET a 0"], "SET a 1 XX GET PX 100000", ["SET a 1 PXAT <time>"]),
    ([], "SET a 1 XX", []),
    ([], "SET a 1 EXAT 9999999999", ["SET a 1 PXAT 9999999999000"]),
    ([], "SETEX a 100 v", ["SET a v PXAT <time>"]),
    ([], "PSETEX a 100000 v", ["SET a v PXAT <time>"]),
    (["SET a v"], "GETEX a EX 100", ["PEXPIREAT a <time>"]),
    (["SET a v"], "GETEX a PXAT 1", ["DEL a"]),
    (["SET a v EX 100"], "GETEX a PERSIST", ["PERSIST a"]),
    (["SET a v"], "GETEX a", []),
    (["SET a v"], "GETDEL a", ["DEL a"]),
    (["SET a 10.5 EX 100"], "INCRBYFLOAT a 0.1", ["SET a 10.6 KEEPTTL"]),
    (["SET a 1"], "INCREX a BYINT 2", ["SET a 3"]),
    (["SET a 1 EX 100"], "INCREX a PX 5000 ENX", ["SET a 2 PXAT <time>"]),
    (["SET a 1 EX 100"], "INCREX a BYFLOAT 0.5 PERSIST", ["SET a 1.5"]),
    (["SET a 1"], "INCREX a UBOUND 1 EX 5", []),
    (["SET a 1"], "EXPIRE a 100", ["PEXPIREAT a <time>"]),
    (["SET a 1"], "PEXPIRE a 100000 NX", ["PEXPIREAT a <time>"]),
    (["SET a 1"], "EXPIREAT a 9999999999", ["PEXPIREAT a 9999999999000"]),
    (["SET a 1"], "EXPIRE a 100 XX", []),
    (["SET a 1"], "EXPIRE a -1", ["DEL a"]),
    (["SET a 1"], "PEXPIREAT a 5", ["DEL a"]),
    (["SET a 1 EX 100"], "PERSIST a", ["PERSIST a"]),
    (["SET a 1"], "MOVE a 3", ["MOVE a 3"]),
    ([], "PFADD a x", ["PFADD a x"]),
    (["PFADD a x"], "PFADD a x", []),
    (["PFADD a x", "PFCOUNT a"], "PFCOUNT a", []),
    (["SET a abc"], "BITFIELD a OVERFLOW FAIL SET u8 80 256", ["BITFIELD a OVERFLOW FAIL SET u8 80 256"]),
    ([], "MSETEX 2 a 1 {a}b 2 NX EX 100", ["MSETEX 2 a 1 {a}b 2 PXAT <time>"]),
    (["SET a 0 EX 100"], "MSETEX 1 a 1 XX KEEPTTL", ["MSETEX 1 a 1 KEEPTTL"]),
    (["SET a 0"], "MSETEX 2 {a}b 1 a 2 NX", []),
    ([], "FLUSHALL", ["FLUSHALL"]),
    ([], "SWAPDB 1 2", ["SWAPDB 1 2"]),
]

# The same for keys of several shards: where all are on one, the command's own words, but for an empty result.
SPREAD_ROWS = [
    ([], "MSET a 1 b 2", ["SET a 1", "SET b 2"]),
    ([], "MSETNX a 1 b 2", ["SET a 1", "SET b 2"]),
    (["SET b 1"], "MSETNX a 1 b 2", []),
    ([], "MSETEX 2 a 1 b 2 PX 100000", ["SET a 1 PXAT <time>", "SET b 2 PXAT <time>"]),
    ([], "MSETEX 2 a 1 b 2 KEEPTTL", ["SET a 1 KEEPTTL", "SET b 2 KEEPTTL"]),
    ([], "MSETEX 2 a 1 b 2", ["SET a 1", "SET b 2"]),
    (["SET a 1"], "MSETEX 2 a 1 b 2 XX", []),
    (["SET a 1", "SET b 2"], "DEL a b c", ["DEL a", "DEL b"]),
    (["SET a 1", "SET b 2"], "UNLINK b", ["UNLINK b"]),
    (["SET a v EX 100"], "COPY a b", ["SET b v PXAT <time>"]),
    (["SET a abc"], "BITOP NOT b a", ["SET b \x9e\x9d\x9c"]),
    (["SET b abc"], "BITOP NOT b a", ["DEL b"]),
    (["SET b v"], "RENAME b a", ["SET a v", "DEL b"]),
    (["SET b v"], "RENAMENX b a", ["SET a v", "DEL b"]),
    (["SET b v", "SET a w"], "RENAMENX b a", []),
]


@pytest.mark.heavy
@pytest.mark.parametrize("before,command,effects", ROWS, ids=[row[1] for row in ROWS])
def test_effects_are_words_that_do_the_same_again(feed, before, command, effects):
    for words_before in before:
        feed.client.run(*words(words_before))
    feed.effects_since()
    reply = feed.client.call(*words(command))
    assert reply[0] != "-", reply
    assert feed.effects_since() == wanted(effects, feed.client, "a")


@pytest.mark.parametrize("before,command,effects", SPREAD_ROWS, ids=[row[1] for row in SPREAD_ROWS])
def test_effects_over_shards_are_of_one_shard_each(feed, shards, before, command, effects):
    for words_before in before:
        feed.client.run(*words(words_before))
    feed.effects_since()
    reply = feed.client.call(*words(command))
    assert reply[0] != "-", reply
    if shards == 1 and effects and not effects[0].startswith("DEL b"):
        effects = [command.replace("PX 100000", "PXAT <time>")]
    given = [[word.decode("latin-1").encode() for word in effect] for effect in feed.effects_since()]
    assert given == wanted(effects, feed.client, "a")


@pytest.mark.parametrize("command", ["COPY source {a}copy", "RENAME source {a}copy"])
@pytest.mark.parametrize("kind", [kind for kind in FILLERS if kind != "stream"])
def test_a_big_value_that_goes_to_another_shard_is_told_as_a_whole(feed, shards, kind, command):
    client = feed.client
    fill(client, "source", kind)
    client.run("PEXPIRE", "source", "100000000")
    value, time = client.run("DEBUG", "DIGEST-VALUE", "source"), client.run("PEXPIRETIME", "source")
    feed.effects_since()
    client.run(*words(command))
    effects = feed.effects_since()
    if shards == 1:
        assert effects == [words(command)]
        return
    assert effects[0][:3] == words("RESTORE {a}copy %d" % time) and effects[0][4:] == words("REPLACE ABSTTL")
    assert effects[1:] == ([words("DEL source")] if command.startswith("RENAME") else [])
    client.run("RESTORE", "again", time, effects[0][3], "ABSTTL")
    assert client.run("DEBUG", "DIGEST-VALUE", "{a}copy", "again") == value * 2


PAIRS = [("key:%d" % i, ("%d:" % i) * 50) for i in range(40)]
REQUESTS_MAX = 60


# More words than one step takes, and a value that is long: both are jobs.
MANY_PAIRS = [("{many}%d" % i, "%d" % i) for i in range(1100)]
LONG_PAIRS = [("{many}a", "short"), ("{many}b", "x" * (1024 * 1024 + 1)), ("{many}c", "short")]


@pytest.mark.parametrize("pairs", [MANY_PAIRS, LONG_PAIRS], ids=["many", "long"])
def test_msetex_in_steps_is_told_as_one(feed, pairs):
    client = feed.client
    flat = [word for pair in pairs for word in pair]
    values = [value.encode() for _, value in pairs]
    names = [key for key, _ in pairs]
    count = str(len(pairs))
    client.run("SET", names[-1], "old")
    feed.effects_since()
    assert client.run("MSETEX", count, *flat, "NX", "EX", "100") == 0
    assert client.run("MSETEX", count, *flat, "XX") == 0
    assert client.run("EXISTS", *names) == 1 and feed.effects_since() == []
    assert client.run("MSETEX", count, *flat, "EX", "100") == 1
    time = client.run("PEXPIRETIME", names[0])
    assert feed.effects_since() == [[word.encode() for word in ("MSETEX", count, *flat, "PXAT", str(time))]]
    assert client.run("MGET", *names) == values
    assert client.run("MSETEX", count, *flat, "KEEPTTL", "XX") == 1
    assert {client.run("PEXPIRETIME", name) for name in names[-3:]} == {time}
    assert feed.effects_since() == [[word.encode() for word in ("MSETEX", count, *flat, "KEEPTTL")]]


def keys_told(effect):
    return effect[2:2 + 2 * int(effect[1]):2] if effect[0] == b"MSETEX" else effect[1::2] if effect[0] == b"MSET" else effect[1:2]


def refused_mset(feed, command, allowed):
    """The keys that MSET or MSETEX has made, and what was told of them, when it was refused memory after `allowed` requests."""
    feed.client.run("FLUSHALL")
    feed.effects_since()
    feed.client.run("DEBUG", "REFUSE-MEMORY", allowed)
    counted = [str(len(PAIRS))] if command == "MSETEX" else []
    options = ["EX", "100"] if command == "MSETEX" else []
    reply = feed.client.call(command, *counted, *[word for pair in PAIRS for word in pair], *options)
    feed.client.call("DEBUG", "REFUSE-MEMORY", "-1")  # it may be the one that is refused
    made = [key for key, _ in PAIRS if feed.client.run("EXISTS", key)]
    told = [word for effect in feed.effects_since() if effect[0] in (b"SET", b"MSET", b"MSETEX") for word in keys_told(effect)]
    return reply, made, [key.decode() for key in told]


@pytest.mark.parametrize("command", ["MSET", "MSETEX"])
def test_what_mset_has_done_before_a_refusal_is_told(feed, command):
    if feed.client.call("DEBUG", "REFUSE-MEMORY", "-1")[0] == "-":
        pytest.skip("this build has no DEBUG REFUSE-MEMORY")
    parts = 0
    for allowed in range(REQUESTS_MAX):
        try:
            reply, made, told = refused_mset(feed, command, allowed)
        except Closed:
            feed.close()
            feed.client = feed.server.connect()
            feed.client.run("DEBUG", "REFUSE-MEMORY", "-1")
            feed.join()
            continue
        assert told == made, reply
        parts += 0 < len(made) < len(PAIRS)
    assert parts > 0
