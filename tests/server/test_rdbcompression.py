"""`rdbcompression`: files and payloads have packed texts, or plain ones, byte for byte as redis-server's where there is an order."""

import os

import pytest

from harness import saved
from harness.process import Server
from test_save import digest

LONG = 200000          # written in steps
CHUNKS = 1 << 20       # packed, too, more than a chunk of the file: the value ends where a chunk ends
OWN_BYTES = 400        # what our head, and the index of chunks, may have more than redis-server's file


def text(number, length):
    """Some repetition, so that it can be packed, but not to nothing."""
    words = b"".join(b"%d:%d " % (number, i * i) for i in range(length // 8))
    return words[:length].ljust(length, b".")


# One item of each is long: what makes the payload has to stop in the middle of it.
LONG_VALUES = [
    [b"SET", b"string", text(1, LONG)],
    [b"RPUSH", b"list", b"first", text(2, LONG), b"third", text(3, 20000), text(4, LONG)],
    [b"SADD", b"set", text(5, LONG)],
    [b"HSET", b"hash", text(6, LONG), text(7, CHUNKS)],
    [b"ZADD", b"zset", b"1.5", text(8, LONG), b"2", b"short", b"3", text(9, LONG)],
    [b"XADD", b"stream", b"1-1", b"field", text(10, LONG)],
]


def fill(client):
    client.pipeline(LONG_VALUES)
    client.pipeline([(b"SET", b"key:%d" % i, text(i, 90)) for i in range(3000)])
    client.pipeline([(b"HSET", b"small:%d" % i, b"field", text(i, 60), b"other", text(i + 1, 60)) for i in range(500)])
    client.run("FUNCTION", "LOAD", "#!lua name=kept\nredis.register_function('kept', function() return 7 end)" + " --" + "x" * 200)


@pytest.fixture(scope="module")
def redis():
    """A redis-server with the same data."""
    server = Server("redis", 1)
    with server.connect() as client:
        fill(client)
    yield server
    server.stop()


def size_with(server, client, value):
    client.run("CONFIG", "SET", "rdbcompression", value)
    assert client.run("SAVE") == b"OK"
    return os.path.getsize(saved.path(server))


def test_files_are_packed_or_plain_and_no_longer_than_those_of_redis(start, shards, redis):
    server = start(*saved.OPTIONS, shards=shards)
    with server.connect() as client, redis.connect() as other:
        assert client.call("CONFIG", "GET", "rdbcompression") == other.call("CONFIG", "GET", "rdbcompression")
        fill(client)
        sizes = {}
        for value in ("no", "yes"):
            sizes[value] = size_with(server, client, value)
            assert sizes[value] <= size_with(redis, other, value) + OWN_BYTES + 30 * shards, value
            with saved.loaded(server, 3, kind="redis" if value == "yes" else "tessera") as loaded:
                assert digest(loaded) == digest(client)
        assert sizes["yes"] < 0.9 * sizes["no"]
        assert client.call("CONFIG", "SET", "rdbcompression", "perhaps")[0] == "-"


def test_payloads_follow_it_to_the_byte(start, redis):
    server = start(*saved.OPTIONS)
    with server.connect() as client, redis.connect() as other:
        fill(client)
        for value in ("no", "yes"):
            for side in (client, other):
                side.run("CONFIG", "SET", "rdbcompression", value)
            for command in LONG_VALUES + [(b"SET", b"key:1"), (b"HSET", b"small:1")]:
                assert client.run("DUMP", command[1]) == other.run("DUMP", command[1]), (value, command[1])
            assert client.run("FUNCTION", "DUMP") == other.run("FUNCTION", "DUMP"), value


def test_pages_of_tables_follow_it(start, shards):
    server = start(*saved.OPTIONS, "--rdbcompression", "no", shards=shards)
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "n")
        client.run("TABLE.SCHEMA.CREATE", "n.t", "a:string", "b:string")
        client.pipeline([("TABLE.INSERT", "n.t", "a=" + "row " * 10, "b=%d" % i) for i in range(2000)])
        for i in range(20):     # pages that are longer than what is packed
            client.run("TABLE.INSERT", "n.t", b"a=" + text(i, 30000), b"b=x")
        then, sizes = digest(client), {}
        for value in ("no", "yes"):
            sizes[value] = size_with(server, client, value)
            with saved.loaded(server, 2) as loaded:
                assert digest(loaded) == then
        assert sizes["yes"] < sizes["no"] - 2000 * 20
