"""Long reads of collections go in steps, and nobody notices: what they reply is one moment of the collection.

A writer changes two distant members (or all of them) in one command, again and again, while readers fetch the whole collection
in one step after the other. Each reply must show both changes or none. Meanwhile keys expire, are deleted, flushed and
overwritten, and readers die in the middle.
"""

import threading
import time

import pytest

from harness.process import SLOWDOWN

pytestmark = pytest.mark.threads

STEP = 500
ITEMS = int(40 / SLOWDOWN ** 0.5) * STEP
SECONDS = 1.0
PATIENCE_SECONDS = 60.0
EACH_AT_LEAST = 3


def fill(client, key="big"):
    """Collections of ITEMS items under <key>:hash, <key>:set ... in which `a` and `z` always hold the same number."""
    for start in range(0, ITEMS, STEP):
        part = range(start, start + STEP)
        client.run("HSET", key + ":hash", *[word for i in part for word in ("field:%08d" % i, "value:%d" % i)])
        client.run("SADD", key + ":set", *["member:%08d" % i for i in part])
        client.run("ZADD", key + ":zset", *[word for i in part for word in (i + 10, "member:%08d" % i)])
        client.run("RPUSH", key + ":list", *["item:%08d" % i for i in part])
    client.run("HSET", key + ":hash", "a", "0", "z", "0")
    client.run("SADD", key + ":set", "a0", "z0")
    client.run("ZADD", key + ":zset", "0", "a", "0", "z")


def as_map(reply):
    return reply if isinstance(reply, dict) else dict(zip(reply[0::2], reply[1::2]))


def check_hash(reply):
    seen = as_map(reply)
    assert len(seen) == ITEMS + 2
    assert seen[b"a"] == seen[b"z"]


def check_set(reply):
    members = [member for member in reply if member[:1] in (b"a", b"z")]
    assert len(reply) == ITEMS + 2 and len(members) == 2
    assert len({member[1:] for member in members}) == 1, members


def check_zset(reply):
    seen = as_map(reply)
    assert len(seen) == ITEMS + 2
    assert seen[b"a"] == seen[b"z"]


def check_list(reply):
    """The items in their order, perhaps turned by one."""
    items = [b"item:%08d" % i for i in range(ITEMS)]
    assert reply in (items, items[-1:] + items[:-1])


def write_hash(client, number):
    client.run("HSET", "big:hash", "a", str(number), "z", str(number))


def write_set(client, number):
    """Members have no values: the whole set is replaced."""
    client.run("DEL", "pair")
    client.run("SADD", "pair", "a%d" % number, "z%d" % number)
    client.run("SUNIONSTORE", "big:set", "base:set", "pair")


def write_zset(client, number):
    client.run("ZADD", "big:zset", str(number), "a", str(number), "z")


def write_list(client, number):
    client.run("RPOPLPUSH", "big:list", "big:list")
    client.run("LMOVE", "big:list", "big:list", "LEFT", "RIGHT")


CASES = {
    "HGETALL": (("HGETALL", "big:hash"), check_hash, write_hash),
    "SMEMBERS": (("SMEMBERS", "big:set"), check_set, write_set),
    "SUNION": (("SUNION", "big:set", "nothing"), check_set, write_set),
    "ZRANGE": (("ZRANGE", "big:zset", "0", "-1", "WITHSCORES"), check_zset, write_zset),
    "LRANGE": (("LRANGE", "big:list", "0", "-1"), check_list, write_list),
}


@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES)
def test_a_reply_is_one_moment(server, case):
    command, check, write = CASES[case]
    with server.connect() as client:
        fill(client)
        client.run("SMOVE", "big:set", "base:set", "a0")
        client.run("SMOVE", "big:set", "base:set", "z0")
        client.run("SUNIONSTORE", "base:set", "big:set")
        client.run("SADD", "big:set", "a0", "z0")
    start = time.monotonic()
    failures = []
    reads, writes = [0, 0], [0]

    def goes_on():
        took = time.monotonic() - start
        has_enough = min(reads + writes) >= EACH_AT_LEAST
        return not failures and took < PATIENCE_SECONDS and (took < SECONDS or not has_enough)

    def reader(number):
        try:
            with server.connect() as client:
                while goes_on():
                    check(client.run(*command))
                    reads[number] += 1
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    def writer():
        try:
            with server.connect() as client:
                while goes_on():
                    write(client, writes[0] + 1)
                    writes[0] += 1
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=reader, args=(i,)) for i in range(2)] + [threading.Thread(target=writer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    assert min(reads + writes) >= EACH_AT_LEAST, "readers %s, writes %s: somebody starved" % (reads, writes)


def test_a_reader_that_dies_leaves_no_pin(server):
    with server.connect() as client:
        fill(client)
        for _ in range(20):
            dying = server.connect()
            dying.send("HGETALL", "big:hash")
            dying.send("SMEMBERS", "big:set")
            dying.close()
        assert client.run("HSET", "big:hash", "a", "1") == 0
        assert client.run("DEL", "big:hash", "big:set") == 2


def test_flush_and_delete_wait_for_readers(server):
    for last in (("FLUSHALL",), ("DEL", "big:hash"), ("SET", "big:hash", "x"), ("RENAME", "big:zset", "big:hash"),
                 ("PEXPIRE", "big:hash", "1"), ("UNLINK", "big:hash"), ("FLUSHDB", "ASYNC")):
        with server.connect() as client, server.connect() as reader:
            client.run("FLUSHALL")
            fill(client)
            for _ in range(3):
                reader.send("HGETALL", "big:hash")
            client.run(*last)
            for _ in range(3):
                kind, reply = reader.read()
                assert len(reply) in (0, 2 * ITEMS + 4) if kind == "*" else reply.startswith(b"WRONGTYPE"), (last, reply)


def test_a_key_that_expires_is_read_to_its_end(server):
    with server.connect() as client, server.connect() as reader:
        fill(client)
        for i in range(10):
            client.run("COPY", "big:hash", "{big:hash}copy")
            client.run("PEXPIRE", "{big:hash}copy", str(3 + i))
            while True:
                reply = reader.run("HGETALL", "{big:hash}copy")
                assert len(reply) in (0, 2 * ITEMS + 4)
                if len(reply) == 0:
                    break
