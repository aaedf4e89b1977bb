"""MEMORY USAGE of every type and form is exact: the classes of keys shrink by it when the key goes, to the byte."""

import pytest

from harness.resp import wait_until

TYPES = (b"string", b"list", b"set", b"hash", b"zset", b"stream")


def data_bytes(client):
    """Bytes of all keys, once nothing is left to be freed in the background."""
    wait_until(lambda: client.info("memory")["lazyfree_pending_objects"] == "0", what="nothing left for lazy free")
    figures = client.run("MEMORY", "STATS")
    return sum(figures[b"type." + name] for name in TYPES)


def pairs(items, make):
    return [word for i in range(items) for word in make(i)]


def in_parts(client, command, key, words, step=2000):
    for start in range(0, len(words), step):
        client.run(command, key, *words[start:start + step])


BUILDERS = {
    "list": ("RPUSH", lambda n: ["item:%d" % i for i in range(n)]),
    "list of long items": ("RPUSH", lambda n: [("%d:" % i) * 3000 for i in range(min(n, 20))]),
    "list of integers": ("LPUSH", lambda n: [str(i * 1000003) for i in range(n)]),
    "set": ("SADD", lambda n: ["member:%d" % i for i in range(n)]),
    "set of integers": ("SADD", lambda n: [str(i * 7) for i in range(n)]),
    "set of long members": ("SADD", lambda n: ["%d" % i * 100 for i in range(1, n + 1)]),
    "hash": ("HSET", lambda n: pairs(n, lambda i: ("field:%d" % i, "value:%d" % i))),
    "hash of long values": ("HSET", lambda n: pairs(n, lambda i: ("f%d" % i, "v" * (i % 3000)))),
    "zset": ("ZADD", lambda n: pairs(n, lambda i: (str(i * 0.25), "member:%d" % i))),
    "zset of one score": ("ZADD", lambda n: pairs(n, lambda i: ("1", "m" * (i % 400) + str(i)))),
}
SIZES = (1, 10, 128, 129, 513, 6000)


@pytest.mark.parametrize("what", BUILDERS)
def test_usage_is_what_deletion_gives_back(client, what):
    command, make = BUILDERS[what]
    client.run("HELLO", 3)
    for size in SIZES:
        key = "key:%d" % size
        before = data_bytes(client)
        in_parts(client, command, key, make(size))
        usage = client.run("MEMORY", "USAGE", key)
        assert data_bytes(client) - before == usage, (what, size)
        client.run("PEXPIRE", key, "10000000")
        usage = client.run("MEMORY", "USAGE", key)
        assert data_bytes(client) - before == usage, (what, size, "with expiry")
        client.run("COPY", key, "{%s}copy" % key)
        copy = client.run("MEMORY", "USAGE", "{%s}copy" % key)
        assert data_bytes(client) - before == usage + copy, (what, size, "with a copy")
        client.run("RENAME", "{%s}copy" % key, key)
        assert data_bytes(client) - before == client.run("MEMORY", "USAGE", key), (what, size, "renamed over")
        client.run("DEL", key)
        assert data_bytes(client) == before, (what, size, "deleted")


def test_usage_of_a_stream_is_what_deletion_gives_back(client):
    client.run("HELLO", 3)
    before = data_bytes(client)
    client.pipeline(["XADD", "s", "%d-1" % i, "temperature", str(i), "place", "x" * (i % 50)] for i in range(1, 3000))
    assert data_bytes(client) - before == client.run("MEMORY", "USAGE", "s")
    client.run("XGROUP", "CREATE", "s", "readers", "0")
    for reader in ("one", "two", "three"):
        client.run("XREADGROUP", "GROUP", "readers", reader, "COUNT", "700", "STREAMS", "s", ">")
    assert data_bytes(client) - before == client.run("MEMORY", "USAGE", "s")
    client.run("XTRIM", "s", "MAXLEN", "100")
    client.run("XACK", "s", "readers", *["%d-1" % i for i in range(1, 500)])
    assert data_bytes(client) - before == client.run("MEMORY", "USAGE", "s")
    client.run("XGROUP", "DESTROY", "s", "readers")
    assert data_bytes(client) - before == client.run("MEMORY", "USAGE", "s")
    client.run("DEL", "s")
    assert data_bytes(client) == before


def test_a_collection_that_shrinks_gives_back(client):
    """A large collection whose members go one by one needs no more in the end than a few members do."""
    client.run("HELLO", 3)
    for what in ("list", "set", "hash", "zset"):
        command, make = BUILDERS[what]
        words = make(20000)
        in_parts(client, command, what, words)
        full = client.run("MEMORY", "USAGE", what)
        remove = {"list": None, "set": "SREM", "hash": "HDEL", "zset": "ZREM"}[what]
        if remove is None:
            client.run("LTRIM", what, "0", "9")
        else:
            names = words if what == "set" else words[0::2] if what == "hash" else words[1::2]
            in_parts(client, remove, what, names[10:])
        left = client.run("MEMORY", "USAGE", what)
        assert left < full / 100, "%s: %d bytes of %d are left" % (what, left, full)


@pytest.mark.parametrize("command", ["DEL", "UNLINK", "RENAME", "FLUSHALL"])
def test_a_very_long_string_is_freed_in_steps(client, command):
    """It is freed lazily, as a large collection is, and comes back to the byte."""
    client.run("HELLO", "3")
    empty = data_bytes(client)
    before = int(client.info()["lazyfreed_objects"])
    client.run("SET", "key", b"x" * (9 << 20))
    assert client.run("MEMORY", "USAGE", "key") > 9 << 20
    client.run(*{"RENAME": ("HSET", "other", "f", "v"), "FLUSHALL": ("FLUSHALL", "ASYNC")}.get(command, (command, "key")))
    if command == "RENAME":
        client.run("RENAME", "other", "key")
        client.run("DEL", "key")
    assert data_bytes(client) == empty
    assert int(client.info()["lazyfreed_objects"]) > before
