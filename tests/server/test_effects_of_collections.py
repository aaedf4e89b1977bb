"""The words that repeat what a command on collections has done, as DEBUG EFFECTS sends them, where they are not its own."""

import binascii

import pytest

from harness.resp import encode, parse, plain

SHARDS = 2
SLOTS = 16384
MARKER = (b"SET", b"marker", b"end")


def key_on(shard, name):
    """A key of this name on a shard."""
    for number in range(1000):
        key = b"%s%d" % (name, number)
        if binascii.crc_hqx(key, 0) % SLOTS * SHARDS // SLOTS == shard:
            return key
    raise AssertionError("no such key")


A, B = key_on(0, b"a"), key_on(1, b"b")      # on different shards
X, Y = b"{tag}x", b"{tag}y"                  # on the same one

# What is there, the command, its effects; RESTORE stands for all of its words behind the key.
ROWS = (
    ("hash", [], ["HINCRBYFLOAT", X, "f", "0.1"], [["HSET", X, "f", "0.1"]]),
    ("push", [], ["RPUSH", X, "1", "2"], [["RPUSH", X, "1", "2"]]),
    ("pop of the first", [["RPUSH", Y, "1", "2", "3"]], ["LMPOP", "2", X, Y, "RIGHT", "COUNT", "2"], [["RPOP", Y, "2"]]),
    ("pop of more than there are", [["RPUSH", Y, "1", "2"]], ["LMPOP", "2", X, Y, "LEFT", "COUNT", "9"], [["LPOP", Y, "2"]]),
    ("move on one shard", [["RPUSH", X, "1", "2"]], ["LMOVE", X, Y, "LEFT", "RIGHT"], [["LMOVE", X, Y, "LEFT", "RIGHT"]]),
    ("move to another", [["RPUSH", A, "1", "2"]], ["LMOVE", A, B, "LEFT", "RIGHT"], [["RPUSH", B, "1"], ["LPOP", A]]),
    ("move of the last", [["RPUSH", A, "1"]], ["RPOPLPUSH", A, B], [["LPUSH", B, "1"], ["RPOP", A]]),
    ("member moved", [["SADD", A, "1", "m"]], ["SMOVE", A, B, "m"], [["SREM", A, "m"], ["SADD", B, "m"]]),
    ("member that was there", [["SADD", A, "m"], ["SADD", B, "m"]], ["SMOVE", A, B, "m"], [["SREM", A, "m"]]),
    ("drawn", [["SADD", X, "m"]], ["SPOP", X], [["SREM", X, "m"]]),
    ("all drawn", [["SADD", X, "m", "n"]], ["SPOP", X, "5"], [["DEL", X]]),
    ("few stay", [["SADD", X, *"abcdefghij"]], ["SPOP", X, "9"], [["RESTORE", X]]),
    ("union on one shard", [["SADD", X, "m"]], ["SUNIONSTORE", Y, X], [["SUNIONSTORE", Y, X]]),
    ("union of two", [["SADD", A, "m"]], ["SUNIONSTORE", B, A], [["RESTORE", B]]),
    ("nothing in common", [["SADD", X, "m"]], ["SINTERSTORE", X, X, Y], [["DEL", X]]),
    ("first of those there", [["ZADD", Y, "1", "m", "2", "n"]], ["ZMPOP", "2", X, Y, "MAX"], [["ZPOPMAX", Y, "1"]]),
    ("scores summed", [["ZADD", A, "1", "m"]], ["ZUNIONSTORE", B, "2", A, B], [["RESTORE", B]]),
    ("range by members", [["ZADD", X, "1", "m", "1", "n"]], ["ZREMRANGEBYLEX", X, "[m", "[m"], [["ZREMRANGEBYLEX", X, "[m", "[m"]]),
    ("the same without order", [["ZADD", X, "1", "m", "2", "n"]], ["ZREMRANGEBYLEX", X, "[m", "[m"],
     [["ZREMRANGEBYRANK", X, "0", "0"]]),
    ("stored by members", [["ZADD", X, "1", "m", "2", "n"]], ["ZRANGESTORE", Y, X, "[m", "[m", "BYLEX"], [["RESTORE", Y]]),
    ("stored by ranks", [["ZADD", X, "1", "m"]], ["ZRANGESTORE", Y, X, "0", "-1"], [["ZRANGESTORE", Y, X, "0", "-1"]]),
    ("places", [["GEOADD", X, "1", "1", "m"]], ["GEOSEARCHSTORE", Y, X, "FROMLONLAT", "1", "1", "BYRADIUS", "1", "km"],
     [["RESTORE", Y]]),
    ("sorted", [["RPUSH", X, "2", "1"]], ["SORT", X, "STORE", Y], [["RESTORE", Y]]),
    ("nothing sorted", [["SET", Y, "v"]], ["SORT", X, "STORE", Y], [["DEL", Y]]),
    ("fields got and deleted", [["HSET", X, "f", "1"]], ["HGETDEL", X, "FIELDS", "2", "f", "g"], [["HDEL", X, "f", "g"]]),
    ("no field got", [["HSET", X, "f", "1"]], ["HGETDEL", X, "FIELDS", "1", "g"], []),
    ("stored if equal", [["SET", X, "v"]], ["SET", X, "w", "IFEQ", "v"], [["SET", X, "w", "IFEQ", "v"]]),
    ("deleted if not equal", [["SET", X, "v"]], ["DELEX", X, "IFNE", "w"], [["DEL", X]]),
    ("not deleted", [["SET", X, "v"]], ["DELIFEQ", X, "w"], []),
    ("nothing changed", [["SADD", X, "m"]], ["SADD", X, "m"], []),
)


def as_words(words):
    return [word.encode() if isinstance(word, str) else word for word in words]


def effects_of(server, before, command):
    """The effects of the command alone, without what follows the key of RESTORE."""
    with server.connect() as connection, server.connect() as feed:
        for words in before:
            connection.run(*words)
        feed.run("DEBUG", "EFFECTS")
        connection.call(*command)
        connection.run(*MARKER)
        data = feed.read_until(encode(*MARKER))[:-len(encode(*MARKER))]
    found = []
    at = 0
    while at < len(data):
        value, at = parse(data, at)
        words = plain(value)
        found.append(words[:2] if words[0] == b"RESTORE" else words)
    return found


@pytest.mark.heavy
@pytest.mark.parametrize("name, before, command, effects", ROWS, ids=[row[0] for row in ROWS])
def test_an_effect_stands_for_its_shard(start, name, before, command, effects):
    server = start("--enable-debug-command", "yes", shards=SHARDS)
    assert effects_of(server, before, command) == [as_words(words) for words in effects], name


def drawn(server, size, count):
    """Draws so many of a set of `size`; gives the members that SREM names, and the number of its effects."""
    with server.connect() as connection:
        connection.run("SADD", X, *[b"m%d" % number for number in range(size)])
        before = set(connection.run("SMEMBERS", X))
        effects = effects_of(server, [], ["SPOP", X, str(count)])
        after = set(connection.run("SMEMBERS", X))
    assert {words[0] for words in effects} == {b"SREM"}
    assert before - after == {member for words in effects for member in words[2:]}
    return effects


@pytest.mark.parametrize("size, count", [(1000, 200), (30000, 12000)], ids=["one by one", "as a job"])
def test_drawn_members_are_named_in_bounded_pieces(start, size, count):
    server = start("--enable-debug-command", "yes", shards=SHARDS)
    effects = drawn(server, size, count)
    assert sum(len(words) - 2 for words in effects) == count
    assert max(len(words) for words in effects) <= 66
