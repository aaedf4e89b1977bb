"""MEMORY DOCTOR over the wire: findings that real data provoke, and a clean bill for healthy ones."""

import os
import re

import pytest

from harness.process import SLOWDOWN

HEALTHY = {
    "proc/meminfo": "MemTotal: 8388608 kB\nCommitLimit: 1 kB\nCommitted_AS: 1 kB\n",
    "proc/self/status": "VmSwap: 0 kB\n",
    "proc/self/cgroup": "0::/\n",
    "proc/sys/vm/overcommit_memory": "0\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
}


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Writes files in place of /proc and /sys; servers started afterwards read them."""
    def put(path, text):
        full = tmp_path / path
        os.makedirs(full.parent, exist_ok=True)
        full.write_text(text)

    for path, text in HEALTHY.items():
        put(path, text)
    monkeypatch.setenv("TESSERA_SYSTEM_ROOT", str(tmp_path))
    return put


@pytest.fixture
def client(system, start, shards):
    """A connection to a server with maxmemory on a healthy machine."""
    with start("--maxmemory", "4gb", shards=shards).connect() as connection:
        connection.run("HELLO", 3)
        yield connection


CLEAN = "None: nothing to mend.\n"


def findings(client):
    """The findings' texts. A sanitizer's memory is not the server's."""
    lines = client.run("MEMORY", "DOCTOR").decode().split("Findings:\n")[1].splitlines(True)
    if client.info("memory")["mem_allocator"] == "libc":
        lines = [line for line in lines if "lie in pages with blocks" not in line] or [CLEAN]
    return "".join(re.sub("^[0-9]+[.] ", "", line) for line in lines)


def fill(client, count, size=100):
    for first in range(0, count, 500):
        client.pipeline(["SET", "key:%d" % number, "v" * size] for number in range(first, min(count, first + 500)))


def test_healthy_data_gets_a_clean_bill(client):
    fill(client, 3000)
    client.pipeline(["HSET", "hash:%d" % number, "a", "1", "b", "2"] for number in range(500))
    client.pipeline(["ZADD", "zset", number, "member:%d" % number] for number in range(1000))
    client.run("TABLE.NAMESPACE.CREATE", "ns")
    client.run("TABLE.SCHEMA.CREATE", "ns.t", "id:integer:hash", "text:string")
    client.pipeline(["TABLE.INSERT", "ns.t", "id=%d" % number, "text=text of %d" % number] for number in range(1000))
    assert findings(client) == CLEAN


@pytest.mark.parametrize("path, text, finding", [
    ("proc/meminfo", "MemTotal: 2097152 kB\n", "but the machine has only 2.00G"),
    ("sys/fs/cgroup/memory.max", "1073741824\n", "but the control group has only 1.00G"),
    ("proc/self/status", "VmSwap: 5120 kB\n", "5.00M of this process are swapped out"),
    ("proc/sys/vm/overcommit_memory", "2\n", "vm.overcommit_memory is 2"),
    ("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n", "Transparent huge pages are on"),
])
def test_the_machine_is_looked_at(system, client, path, text, finding):
    assert findings(client) == CLEAN
    system(path, text)
    assert finding in findings(client) and findings(client).count("\n") == 1


def test_maxmemory_is_asked_for(client):
    client.run("CONFIG", "SET", "maxmemory", 0)
    assert "maxmemory is not set" in findings(client) and "CONFIG SET maxmemory 6144mb" in findings(client)


def test_big_keys_and_the_peak_are_named(client):
    client.run("SET", "big", "x" * 20_000_000)
    assert "One key holds 19." in findings(client)
    client.run("DEL", "big")
    assert "One key" not in findings(client) and "The peak was" in findings(client)


def test_collections_that_were_big_once_are_named(client):
    for number in range(60):
        client.run("HSET", "hash:%d" % number, *[word for field in range(600) for word in ("field%d" % field, "v")])
    assert findings(client) == CLEAN
    for number in range(60):
        client.run("HDEL", "hash:%d" % number, *["field%d" % field for field in range(20, 600)])
        assert client.run("OBJECT", "ENCODING", "hash:%d" % number) == b"hashtable"
    assert "60 of the biggest hashes, sets and sorted sets would fit their small form" in findings(client)
    for number in range(60):
        dump = client.run("DUMP", "hash:%d" % number)
        client.run("RESTORE", "hash:%d" % number, 0, dump, "REPLACE")
        assert client.run("OBJECT", "ENCODING", "hash:%d" % number) == b"listpack"
    assert findings(client) == CLEAN


def test_keys_without_a_ttl_are_counted_when_the_policy_needs_one(client):
    fill(client, 1000, 10)
    client.run("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    assert "volatile-lru evicts only keys that expire, but 1000 of 1000 keys (100%) have no TTL" in findings(client)
    client.pipeline(["EXPIRE", "key:%d" % number, 10000] for number in range(950))
    assert findings(client) == CLEAN


def test_heavy_indexes_are_named(client):
    count = 50000
    client.run("TABLE.NAMESPACE.CREATE", "ns")
    client.run("TABLE.SCHEMA.CREATE", "ns.t", "a:integer:hash", "b:integer:btree", "c:integer:btree")
    for first in range(0, count, 500):
        client.pipeline(["TABLE.INSERT", "ns.t", "a=%d" % (number % 100), "b=%d" % number, "c=%d" % number]
                        for number in range(first, first + 500))
    assert "The indexes of table ns.t take" in findings(client)


def test_deleted_rows_are_counted(client):
    count = 40000
    client.run("TABLE.NAMESPACE.CREATE", "ns")
    client.run("TABLE.SCHEMA.CREATE", "ns.t", "id:integer", "part:integer", "text:string")
    for first in range(0, count, 500):
        client.pipeline(["TABLE.INSERT", "ns.t", "id=%d" % number, "part=%d" % (number // 4 % 5), "text=%s" % ("t" * 100)]
                        for number in range(first, first + 500))
    assert findings(client) == CLEAN
    client.run("TABLE.DELETE", "ns.t", "WHERE", "part>=3")
    found = findings(client)
    assert "Table ns.t has" in found and "deleted rows" in found, found


def test_a_hot_and_uneven_shard_is_named(system, start):
    with start("--maxmemory", "4gb", shards=4).connect() as client:
        client.run("HELLO", 3)
        fill(client, 12000, 10)
        assert findings(client) == CLEAN
        count = int(40000 / SLOWDOWN) + 15000
        for first in range(0, count, 500):
            client.pipeline(["SET", "{tag}%d" % number, "v" * 1000] for number in range(first, first + 500))
        found = findings(client)
        assert "commands that came for one shard" in found and "times the shards' mean" in found, found
