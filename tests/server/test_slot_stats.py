"""CLUSTER SLOT-STATS: keys and bytes of slots are those of the whole, in any order, and on each node its own."""

import pytest

from conftest import SHARDS
from harness.resp import Connection

SLOTS = 16384


def stats(connection, *words):
    """Slot, keys, bytes."""
    rows = connection.run("CLUSTER", "SLOT-STATS", *words)
    assert all(row[1][::2] == [b"key-count", b"memory-bytes"] for row in rows)
    return [(row[0], row[1][1], row[1][3]) for row in rows]


@pytest.mark.parametrize("shards", SHARDS)
def test_slots_have_all_keys_and_bytes(start, shards):
    server = start("--shard-ports", "yes", shards=shards)
    client = server.connect()
    client.pipeline([("SET", "key:%d" % number, "x" * (number % 300)) for number in range(3000)])
    client.pipeline([("RPUSH", "{list}%d" % (number % 40), "item" * 50) for number in range(2000)])
    client.pipeline([("EXPIRE", "key:%d" % number, "1000") for number in range(0, 3000, 7)])
    everything = stats(client, "SLOTSRANGE", 0, SLOTS - 1)
    assert [row[0] for row in everything] == list(range(SLOTS))
    assert sum(row[1] for row in everything) == client.run("DBSIZE") == 3040
    prefixes = client.run("MEMORY", "PREFIX")
    assert sum(row[2] for row in everything) == dict(zip(prefixes[::2], prefixes[1::2]))[b"bytes"]
    slot = client.run("CLUSTER", "KEYSLOT", "{list}0")
    assert stats(client, "ORDERBY", "key-count", "LIMIT", 1) == [everything[slot]]
    assert everything[slot][1] == client.run("CLUSTER", "COUNTKEYSINSLOT", slot) >= 40
    for place, metric in ((1, "key-count"), (2, "memory-bytes")):
        assert stats(client, "ORDERBY", metric, "LIMIT", 99) == sorted(everything, key=lambda row: (-row[place], row[0]))[:99]
    assert stats(client, "ORDERBY", "key-count", "ASC", "LIMIT", 99) == sorted(everything, key=lambda row: (row[1], row[0]))[:99]
    for first, last, node in client.run("CLUSTER", "SLOTS"):
        own = everything[first:last + 1]
        with Connection(server.host, node[1]) as node:
            assert stats(node, "ORDERBY", "key-count", "LIMIT", 9) == sorted(own, key=lambda row: (-row[1], row[0]))[:9]
            assert stats(node, "SLOTSRANGE", max(first - 9, 0), first + 1) == own[:2]
            assert stats(node, "SLOTSRANGE", last, SLOTS - 1) == own[-1:]
            assert last == SLOTS - 1 or stats(node, "SLOTSRANGE", last + 1, SLOTS - 1) == []
    client.run("SELECT", 1)
    assert stats(client, "ORDERBY", "key-count", "LIMIT", 1) == [(0, 0, 0)]
    assert client.run("MEMORY", "AUDIT") == b"OK"
