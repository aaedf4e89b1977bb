"""Whoever has pinned a key, or locked a table, and waits for others to give it up comes before those who wait for that one."""

import socket

import pytest

from harness.process import SLOWDOWN
from harness.resp import encode

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
