"""MEMORY DOCTOR over the wire: findings that real data provoke, and a clean bill for healthy ones."""

import os
import re

import pytest

from harness.process import SLOWDOWN
from harness.resp import wait_until

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
def server_of_doctor(system, start, shards):
    """A server with maxmemory on a healthy machine."""
    return start("--maxmemory", "4gb", shards=shards)


@pytest.fixture
def client(server_of_doctor):
    with server_of_doctor.connect() as connection:
        connection.run("HELLO", 3)
        yield connection


def drain(monitor):
    """Reads what is there."""
    monitor.socket.setblocking(False)
    try:
        while monitor.socket.recv(1 << 20):
            pass
    except BlockingIOError:
        pass


CLEAN = "None: nothing to mend.\n"


def findings(client):
    """The findings' texts, when nothing waits to be freed. A sanitizer's memory is not the server's."""
    wait_until(lambda: client.info("memory")["lazyfree_pending_objects"] == "0", 5 * SLOWDOWN)
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


def chunks(items, size=500):
    return [items[start:start + size] for start in range(0, len(items), size)]


def test_all_types_small_and_large_get_a_clean_bill(client):
    names = ["member:%06d" % number for number in range(3000)]
    for small in range(300):
        few = names[small:small + 5]
        client.pipeline([
            ["SET", "string:%d" % small, "v"], ["SETBIT", "bits:%d" % small, 1000, 1], ["INCR", "number:%d" % small],
            ["RPUSH", "list:%d" % small, *few], ["SADD", "set:%d" % small, *few], ["SADD", "intset:%d" % small, 1, 2, 3],
            ["HSET", "hash:%d" % small, *[word for name in few for word in (name, "v")]], ["PFADD", "log:%d" % small, *few],
            ["ZADD", "zset:%d" % small, *[word for name in few for word in (1, name)]],
            ["XADD", "stream:%d" % small, "*", "field", "value"], ["GEOADD", "geo:%d" % small, 13, 38, "Palermo"]])
    for large in range(4):
        client.run("SET", "large:string:%d" % large, "v" * 200_000)
        client.run("SETBIT", "large:bits:%d" % large, 1_000_000, 1)
        for part in chunks(names):
            client.run("RPUSH", "large:list:%d" % large, *part)
            client.run("RPUSH", "large:list:long:%d" % large, *[name * 40 for name in part])
            client.run("SADD", "large:set:%d" % large, *part)
            client.run("SADD", "large:intset:%d" % large, *[int(name[7:]) for name in part])
            client.run("HSET", "large:hash:%d" % large, *[word for name in part for word in (name, "v")])
            client.run("ZADD", "large:zset:%d" % large, *[word for name in part for word in (int(name[7:]), name)])
            client.run("PFADD", "large:log:%d" % large, *part)
            client.pipeline(["XADD", "large:stream:%d" % large, "*", "field", name] for name in part)
        client.run("XTRIM", "large:stream:%d" % large, "MAXLEN", 2000)
        client.run("XDEL", "large:stream:%d" % large, client.run("XRANGE", "large:stream:%d" % large, "-", "+", "COUNT", 1)[0][0])
        client.run("LTRIM", "large:list:%d" % large, 100, -100)
    assert findings(client) == CLEAN


def test_lists_of_small_nodes_are_named(client):
    words = [str(number) * 3 for number in range(100, 1100)]
    for number in range(8):
        client.run("RPUSH", "good:%d" % number, *words)
    assert findings(client) == CLEAN
    client.run("CONFIG", "SET", "list-max-listpack-size", 1)
    for number in range(8):
        client.run("RPUSH", "bad:%d" % number, *words)
        client.run("RPUSH", "long items:%d" % number, *[word * 50 for word in words[:50]])
    found = findings(client)
    assert "8 of the biggest lists have nodes of a few short items" in found and "The first is bad:" in found, found
    before = client.run("MEMORY", "USAGE", "bad:0")
    client.run("CONFIG", "SET", "list-max-listpack-size", -2)
    for number in range(8):
        dump = client.run("DUMP", "bad:%d" % number)
        client.run("RESTORE", "bad:%d" % number, 0, dump, "REPLACE")
    assert client.run("MEMORY", "USAGE", "bad:0") < before / 2
    client.run("CONFIG", "RESETSTAT")  # the peak
    assert findings(client) == CLEAN


def test_streams_of_deleted_entries_are_named(client):
    ids = ["%d-1" % (number * 1000) for number in range(1, 4001)]
    for name in ("stream", "other"):
        client.pipeline(["XADD", name, entry, "field", "value of it"] for entry in ids)
    for part in chunks([entry for number, entry in enumerate(ids) if number % 2]):
        client.run("XDEL", "other", *part)
    assert findings(client) == CLEAN
    for part in chunks([entry for number, entry in enumerate(ids) if number % 10]):
        client.run("XDEL", "stream", *part)
    found = findings(client)
    assert "1 of the biggest streams hold more than three deleted entries for each that lives" in found, found
    assert "The first is stream." in found
    before = client.run("MEMORY", "USAGE", "stream")
    for entry, words in client.run("XRANGE", "stream", "-", "+"):
        client.run("XADD", "copy", entry, *words)
    client.run("RENAME", "copy", "stream")
    assert client.run("MEMORY", "USAGE", "stream") < before / 4 and client.run("XLEN", "stream") == 400
    client.run("CONFIG", "RESETSTAT")  # the peak
    assert findings(client) == CLEAN


def test_misfits_that_are_not_among_the_biggest_are_found_by_a_sample(client):
    """4,000 small hashes that were big once, below 600 healthy ones: no list of the biggest has them."""
    client.run("CONFIG", "SET", "hash-max-listpack-entries", 4)
    client.pipeline(["HSET", "was:big:%d" % number, *"a 1 b 2 c 3 d 4 e 5".split()] for number in range(4000))
    client.run("CONFIG", "SET", "hash-max-listpack-entries", 128)
    client.pipeline(["HSET", "fine:%d" % number, *[word for field in range(200) for word in ("f%d" % field, "v")]]
                    for number in range(600))
    found = findings(client)
    about = re.match(r"About (\d+) \(by a sample of (\d+) keys\) hashes, sets and sorted sets would fit their small form", found)
    assert about, found
    assert 3500 < int(about[1]) < 4500 and int(about[2]) < 4600
    assert "The first is was:big:" in found
    client.pipeline(["DEL", "was:big:%d" % number] for number in range(4000))
    client.run("CONFIG", "RESETSTAT")  # the peak
    assert findings(client) == CLEAN


def test_slow_monitors_are_named(server_of_doctor):
    with server_of_doctor.connect() as client, server_of_doctor.connect(receive_buffer=4096) as slow, \
            server_of_doctor.connect() as quick:
        client.run("HELLO", 3)
        number = slow.run("CLIENT", "ID")
        assert quick.run("MONITOR") == b"OK" and slow.run("MONITOR") == b"OK"

        def unread(connection_id):
            return int(re.search(rb"omem=([0-9]+)", client.run("CLIENT", "LIST", "ID", connection_id))[1])

        assert findings(client) == CLEAN
        while unread(number) < 2_000_000:
            client.pipeline(["ECHO", "x" * 10000] for _ in range(10))
            drain(quick)
        end = "The slowest of 2 connections that are sent to unasked (MONITOR) has not read "
        wait_until(lambda: end in findings(client), 5 * SLOWDOWN)
        assert "CLIENT KILL ID %d closes it" % number in findings(client)
        client.run("CLIENT", "KILL", "ID", number)
        wait_until(lambda: end not in findings(client), 5 * SLOWDOWN)
        client.run("CONFIG", "RESETSTAT")  # the peak
        assert findings(client) == CLEAN


def test_client_buffers_are_named(server_of_doctor):
    with server_of_doctor.connect() as client, server_of_doctor.connect() as large:
        client.run("HELLO", 3)
        size = 6 << 20
        large.send_raw(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % size + b"x" * (size - 10))
        wait_until(lambda: "2 connections hold" in findings(client), 5 * SLOWDOWN)
        assert "CLIENT LIST shows which" in findings(client)
        large.send_raw(b"x" * 10 + b"\r\n")
        assert len(large.read()[1]) == size

        def is_clean():
            client.run("CONFIG", "RESETSTAT")  # the peak, which stays while the buffers are not given back yet
            return findings(client) == CLEAN

        wait_until(is_clean, 5 * SLOWDOWN)


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
