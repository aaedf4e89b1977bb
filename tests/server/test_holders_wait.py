"""Whoever has pinned a key, or locked a table, and waits for others to give it up comes before those who wait for that one."""

import socket

import pytest

from harness.process import SLOWDOWN
from harness.resp import encode, wait_until

ROUNDS = 12
ITEMS = [str(number % 100) + "-item" for number in range(int(30_000 / SLOWDOWN))]
FIELDS = [word for number in range(int(20_000 / SLOWDOWN)) for word in (number, number)]
MEMBERS = range(int(20_000 / SLOWDOWN))
ROWS = int(6000 / min(SLOWDOWN, 3))  # an index over more than 1024 takes steps
TABLE = [("TABLE.NAMESPACE.CREATE", "s"), ("TABLE.SCHEMA.CREATE", "s.t", "id:integer:hash", "name:string", "size:integer")] + \
    [("TABLE.INSERT", "s.t", "id=%d" % number, "size=%d" % (number % 10), "name=n%d" % number) for number in range(ROWS)]
UPDATE = ("TABLE.UPDATE", "s.t", "WHERE", "size=3", "SET", "name=x")

# What is there, and who comes one behind the other: first the one that will hold, then a reader, a writer, and a reader behind that one.
CROWDS = {
    "LREM": ([("RPUSH", "l", *ITEMS)], [("LREM", "l", "0", "7-item"), ("LRANGE", "l", "0", "-1"), ("RPUSH", "l", "x"),
                                        ("LRANGE", "l", "0", "9999"), ("RPUSH", "l", "y")]),
    "RENAME": ([("HSET", "{a}h", *FIELDS)], [("RENAME", "{a}h", "{b}d"), ("HGETALL", "{a}h"), ("HSET", "{a}h", "k", "v"),
                                             ("HGETALL", "{a}h"), ("HSET", "{a}h", "k", "w")]),
    "SPOP": ([("SADD", "t", *MEMBERS)], [("SPOP", "t", str(len(MEMBERS) // 2)), ("SMEMBERS", "t"), ("SADD", "t", "x"),
                                         ("SMEMBERS", "t"), ("SADD", "t", "y")]),
    "ZREMRANGE": ([("ZADD", "z", *[word for number in MEMBERS for word in (number, number)])],
                  [("ZPOPMIN", "z", str(len(MEMBERS) // 2)), ("ZRANGE", "z", "0", "-1"), ("ZADD", "z", "1", "x"),
                   ("ZRANGE", "z", "0", "-1"), ("ZADD", "z", "1", "y")]),
    "ADD INDEX": (TABLE, [("TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "name"), ("TABLE.SELECT", "s.t"), UPDATE,
                          ("TABLE.SELECT", "s.t", "WHERE", "size=4"), UPDATE, ("TABLE.INSERT", "s.t", "id=1")]),
}


@pytest.mark.heavy
@pytest.mark.parametrize("crowd", CROWDS)
def test_nobody_waits_for_ever(server, crowd):
    before, commands = CROWDS[crowd]
    with server.connect() as control:
        for _ in range(ROUNDS):
            control.run("FLUSHALL")
            assert all(reply[0] != "-" for reply in control.pipeline(before))
            clients = [server.connect() for _ in commands]
            for client in clients:
                assert client.run("PING") == b"PONG"
            for client, command in zip(clients, commands):
                client.send_raw(encode(*command))
            for client, command in zip(clients, commands):
                try:
                    client.read()
                except socket.timeout:
                    pytest.fail("%r waits for ever" % (command,))
                client.close()


STORES = {
    "SUNIONSTORE": ("SUNIONSTORE", "{a}d", "{a}few", "{a}many"),
    "SDIFFSTORE": ("SDIFFSTORE", "{a}d", "{a}many", "{a}few"), "ZUNIONSTORE": ("ZUNIONSTORE", "{a}d", "2", "{a}few", "{a}many"),
    "ZDIFFSTORE": ("ZDIFFSTORE", "{a}d", "2", "{a}many", "{a}few"),
}


@pytest.mark.heavy
@pytest.mark.parametrize("name", STORES)
def test_a_store_that_may_not_pin_its_destination_has_only_been_lent_small_sources(start, shards, name):
    """A small source stands in its entry, and is copied for the job only when the destination is pinned: here FLUSHALL is before it."""
    server = start("--enable-debug-command", "yes", shards=shards)
    with server.connect() as holder, server.connect() as flushing, server.connect() as storer, server.connect() as control:
        for _ in range(2):
            control.run("SET", "{a}held", "x")
            control.run("SADD", "{a}few", "m", "n", "m1", "m2")
            control.run("SADD", "{a}many", *["m%d" % number for number in range(20_000)])
            holder.send("DEBUG", "HOLD", "{a}held", int(200 * SLOWDOWN))
            wait_until(lambda: b"pins=1" in control.run("INFO", "shards"), 10 * SLOWDOWN, "the hold")
            flushing.send("FLUSHALL")
            wait_until(lambda: b"waiters=1" in control.run("INFO", "shards"), 10 * SLOWDOWN, "FLUSHALL's wait")
            storer.send(*STORES[name])
            wait_until(lambda: b"waiters=2" in control.run("INFO", "shards"), 10 * SLOWDOWN, "the store's wait")
            assert control.run("SCARD", "{a}few") == 4
            assert sorted(control.run("SMEMBERS", "{a}few")) == [b"m", b"m1", b"m2", b"n"]
            assert (holder.read(), flushing.read()) == (("+", b"OK"), ("+", b"OK"))
            assert storer.read()[0] == ":"


def test_a_word_that_only_looks_like_a_key_of_another_shard_is_not_waited_for(server):
    """MEMORY USAGE TABLE runs on one shard, and the word TABLE is a key of perhaps another, where a long MSET has locked some."""
    pairs = [word for number in range(40_000) for word in ("k%d" % number, "x")]
    with server.connect() as writer, server.connect() as client:
        client.pipeline(TABLE[:3])
        client.run("SET", "schema:s.t", "no table")
        for _ in range(ROUNDS):
            writer.send("MSET", *pairs)
            for _ in range(300):
                assert client.run("MEMORY", "USAGE", "TABLE", "s.t") > 0
                assert client.run("MEMORY", "USAGE", "schema:s.t") > 0
            assert writer.read() == ("+", b"OK")
