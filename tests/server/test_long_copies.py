"""COPY and RENAME of big collections go in steps: what they leave is one moment of the source, whatever is done meanwhile."""

import threading

import pytest

from harness.process import SLOWDOWN

pytestmark = pytest.mark.threads

ITEMS = int(20_000 / SLOWDOWN ** 0.5)
FILLERS = {
    "hash": ("HSET", lambda i: ("field:%08d" % i, "value:%d" % i)),
    "set": ("SADD", lambda i: ("member:%08d" % i,)),
    "zset": ("ZADD", lambda i: (str(i * 7 % 1000), "member:%08d" % i)),
    "list": ("RPUSH", lambda i: ("item:%08d" % i,)),
    "stream": ("XADD", lambda i: ("%d-1" % (i + 1), "field", "value:%d" % i)),
}
READERS = {"hash": ("HGETALL",), "set": ("SMEMBERS",), "zset": ("ZRANGE", "0", "-1", "WITHSCORES"), "list": ("LRANGE", "0", "-1"),
           "stream": ("XRANGE", "-", "+")}


def fill(client, key, kind):
    name, words = FILLERS[kind]
    if kind == "stream":
        client.pipeline([(name, key) + words(i) for i in range(ITEMS)])
        client.run("XGROUP", "CREATE", key, "group", "0")
        client.run("XREADGROUP", "GROUP", "group", "one", "COUNT", str(ITEMS // 2), "STREAMS", key, ">")
        return
    for start in range(0, ITEMS, 500):
        client.run(name, key, *[word for i in range(start, min(start + 500, ITEMS)) for word in words(i)])


def pairs(flat):
    return dict(zip(flat[0::2], flat[1::2]))


def read(client, key, kind):
    """All of it; hashes and sets have no order of their own."""
    reply = client.run(READERS[kind][0], key, *READERS[kind][1:])
    if kind == "hash":
        return len(reply), sorted(pairs(reply).items())
    return sorted(reply) if kind == "set" else reply


@pytest.mark.heavy
@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.slow) if kind == "stream" else kind for kind in FILLERS])
def test_a_big_copy_equals_its_source(server, kind):
    with server.connect() as client:
        fill(client, "source", kind)
        client.run("PEXPIRE", "source", "100000000")
        expected = read(client, "source", kind)
        for i in range(8):
            target = "target:%d" % i
            assert client.run("COPY", "source", target) == 1
            assert client.run("COPY", "source", target) == 0
            assert read(client, target, kind) == expected
            assert 0 < client.run("PTTL", target) <= 100000000
            assert client.run("OBJECT", "ENCODING", target) == client.run("OBJECT", "ENCODING", "source")
            if kind == "stream":
                assert client.run("XINFO", "GROUPS", target) == client.run("XINFO", "GROUPS", "source")
                assert client.run("XPENDING", target, "group") == client.run("XPENDING", "source", "group")
            client.run("SET", "x", "1")
            client.run("RENAME", target, "x")
            assert client.run("EXISTS", target) == 0
            assert client.run("RENAMENX", "x", "y:%d" % i) == 1
            assert read(client, "y:%d" % i, kind) == expected
            assert client.run("COPY", "source", "source", "DB", "1", "REPLACE") == 1


def test_a_copy_is_one_moment(server):
    with server.connect() as client:
        fill(client, "source", "hash")
        client.run("HSET", "source", "a", "0", "z", "0")
        is_over = threading.Event()
        failures = []

        def write():
            try:
                with server.connect() as writer:
                    number = 1
                    while not is_over.is_set():
                        writer.run("HSET", "source", "a", str(number), "z", str(number))
                        number += 1
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)
        thread = threading.Thread(target=write)
        thread.start()
        try:
            for i in range(20):
                client.run("COPY", "source", "target:%d" % (i % 5), "REPLACE")
                reply = client.run("HGETALL", "target:%d" % (i % 5))
                seen = reply if isinstance(reply, dict) else pairs(reply)
                assert len(seen) == ITEMS + 2
                assert seen[b"a"] == seen[b"z"]
        finally:
            is_over.set()
            thread.join()
        assert not failures, failures[0]


def test_what_happens_to_the_source_meanwhile_happens_before_or_after(server):
    changes = (("FLUSHALL",), ("DEL", "source"), ("SET", "source", "x"), ("PEXPIRE", "source", "1"), ("SWAPDB", "0", "1"),
               ("RENAME", "source", "other"), ("SET", "target", "x"), ("FLUSHDB", "ASYNC"))
    with server.connect() as client, server.connect() as copier:
        for change in changes:
            for command in (("COPY", "source", "target"), ("RENAME", "source", "target")):
                client.run("FLUSHALL")
                fill(client, "source", "set")
                copier.send(*command)
                client.call(*change)
                reply = copier.read()[1]
                assert reply in (0, 1, b"OK") or "no such key" in str(reply), (change, command, reply)
                for database in (0, 1):
                    client.run("SELECT", database)
                    count = client.call("SCARD", "target")[1]
                    if client.run("TYPE", "target") == b"set":  # not before: it may have the source's time, which ends
                        assert count == ITEMS
                client.run("SELECT", 0)


def test_a_copier_that_dies_leaves_nothing(server):
    with server.connect() as client:
        fill(client, "source", "set")
        for i in range(20):
            dying = server.connect()
            dying.send("COPY", "source", "target:%d" % i)
            dying.send("RENAME", "source", "source")
            dying.close()
        assert client.run("SADD", "source", "one more") == 1
        for i in range(20):
            assert client.run("DEL", "target:%d" % i) in (0, 1)
