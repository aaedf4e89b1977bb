"""Each change of a key is announced before it is made: what all keys were at one moment can be told long after it."""

import os
import random

import pytest

from differential import SENTINEL, SENTINEL_REPLY
from families import FAMILIES
from harness.process import SLOWDOWN
from harness.resp import encode
from replay import batch_commands

COMMANDS = int(os.environ.get("TESSERA_SNAPSHOT_COMMANDS", "5000"))
SEED = os.environ.get("TESSERA_SNAPSHOT_SEED", "12")
CONNECTIONS = 3
EVICTION_ROOM = 1 << 18


def send_at_once(connections, commands):
    """Deals the commands out to the connections, which send theirs at once, and waits for all replies."""
    for i, connection in enumerate(connections):
        connection.send_raw(b"".join(encode(*command) for command in commands[i::len(connections)]) + encode("ECHO", SENTINEL))
    for connection in connections:
        connection.read_until(SENTINEL_REPLY)


def limit_memory(client, rng):
    """Now and then so little memory that keys go."""
    limit = int(client.info("memory")["used_memory"]) + EVICTION_ROOM if rng.random() < 0.3 else 0
    client.run("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", limit)


@pytest.mark.slow
@pytest.mark.threads
@pytest.mark.parametrize("family", FAMILIES)
def test_a_moment_is_told_after_it(start, shards, family):
    server = start("--enable-debug-command", "yes", "--activedefrag", "yes", shards=shards)
    rng = random.Random("%s:%s" % (SEED, family))
    connections = [server.connect() for _ in range(CONNECTIONS)]
    client = server.connect()
    changed = batch = sent = 0
    while sent < COMMANDS / SLOWDOWN:
        then = client.run("DEBUG", "SNAPSHOT-DIGEST", "BEGIN")
        for _ in range(rng.choice([1, 1, 3])):
            commands = batch_commands(family, SEED, batch)
            limit_memory(client, rng)
            send_at_once(connections, commands)
            batch += 1
            sent += len(commands)
        client.run("CONFIG", "SET", "maxmemory", "0")
        now = client.run("DEBUG", "DIGEST")
        assert client.run("DEBUG", "SNAPSHOT-DIGEST", "END") == then, "seed %s, batch %d" % (SEED, batch)
        changed += now != then
    assert changed > 0
    for connection in connections + [client]:
        connection.close()


def test_databases_that_are_emptied_and_swapped_are_told_as_they_were(start, shards):
    server = start("--enable-debug-command", "yes", shards=shards)
    with server.connect() as client:
        for db in (0, 1, 2):
            client.run("SELECT", db)
            for i in range(50):
                client.run("SET", "key:%d" % i, "%d of %d" % (i, db))
        then = client.run("DEBUG", "SNAPSHOT-DIGEST", "BEGIN")
        client.run("SET", "key:1", "other")         # in database 2
        client.run("SWAPDB", "0", "2")
        client.run("SET", "key:1", "other")         # was in database 0
        client.run("SET", "key:new", "other")
        client.run("FLUSHDB")
        client.run("SET", "key:2", "other")
        client.run("SWAPDB", "2", "1")
        client.run("MOVE", "key:2", "1")
        client.run("FLUSHALL", "ASYNC")
        client.run("SET", "key:3", "other")
        assert client.run("DEBUG", "SNAPSHOT-DIGEST", "END") == then


def test_there_is_one_snapshot_at_a_time(start):
    server = start("--enable-debug-command", "yes")
    with server.connect() as client:
        assert client.call("DEBUG", "SNAPSHOT-DIGEST", "END")[0] == "-"
        assert client.call("DEBUG", "SNAPSHOT-DIGEST", "BEGIN") == ("+", b"0" * 40)
        assert client.call("DEBUG", "SNAPSHOT-DIGEST", "BEGIN")[0] == "-"
        assert client.call("DEBUG", "SNAPSHOT-DIGEST", "x")[0] == "-"
        assert client.call("DEBUG", "SNAPSHOT-DIGEST", "END") == ("+", b"0" * 40)
        assert client.call("DEBUG", "SNAPSHOT-DIGEST", "END")[0] == "-"
