"""MEMORY TOP: the biggest keys, right whatever came, grew, shrank and went."""

import random

import pytest

from harness.process import SLOWDOWN
from harness.resp import wait_until

TYPES = (b"string", b"list", b"set", b"hash", b"zset", b"stream")


def top(client, *words):
    client.run("HELLO", 3)
    return client.run("MEMORY", "TOP", *words)


def sizes(client, names):
    """Bytes of each key by MEMORY USAGE, those that are there, the biggest first."""
    usage = zip(names, client.pipeline(["MEMORY", "USAGE", name] for name in names))
    return sorted((reply[1] for _, reply in usage if reply[0] == ":"), reverse=True)


def check(client, names, count=128, kind=None):
    """The list is what a scan of all keys finds."""
    rows = top(client, "COUNT", count, *(["TYPE", kind] if kind else []))
    assert [row[b"bytes"] for row in rows] == sizes(client, names)[:count]
    for row in rows:
        assert client.run("MEMORY", "USAGE", row[b"name"]) == row[b"bytes"]
        assert client.call("TYPE", row[b"name"])[1] == row[b"type"]
    return rows


@pytest.mark.parametrize("words", [
    ["COUNT"], ["COUNT", "1", "COUNT", "2"], ["TYPE"], ["NOTHING"], ["COUNT", "1", "x"], ["TYPE", "set", "TYPE", "set"]])
def test_wrong_words_are_syntax_errors(client, words):
    assert client.call("MEMORY", "TOP", *words) == ("-", b"ERR syntax error")


def test_counts_out_of_range_are_errors(client):
    for count in ("0", "-1", "129", "9223372036854775807"):
        assert client.call("MEMORY", "TOP", "COUNT", count) == ("-", b"ERR COUNT must be between 1 and 128")
    for count in ("x", "1.5", "", "9223372036854775808"):
        assert client.call("MEMORY", "TOP", "COUNT", count) == ("-", b"ERR value is not an integer or out of range")
    assert client.call("MEMORY", "TOP", "TYPE", "nothing") == ("-", b"ERR unknown type name")


def test_an_empty_server_has_no_big_keys(client):
    assert top(client) == []
    assert top(client, "TYPE", "table") == []


def test_every_type_is_found(client):
    text = "x" * 3000
    client.run("SET", "string", text * 6)
    client.run("RPUSH", "list", *[text] * 5)
    client.run("SADD", "set", *[text + str(number) for number in range(4)])
    client.run("HSET", "hash", "a", text, "b", text, "c", text)
    client.run("ZADD", "zset", 1, text, 2, text + "y")
    client.run("XADD", "stream", "1-1", "field", text)
    client.run("SELECT", 3)
    client.run("SET", "elsewhere", text * 7)
    client.run("SELECT", 0)
    rows = top(client)
    assert rows[0][b"name"] == b"elsewhere" and rows[0][b"db"] == 3 and rows[0][b"type"] == b"string"
    assert sorted(row[b"type"] for row in rows[1:]) == sorted(TYPES)
    for name in TYPES:
        found = top(client, "TYPE", name.upper())
        assert [row[b"name"] for row in found] == ([b"elsewhere"] if name == b"string" else []) + [name]
        client.run("SELECT", found[-1][b"db"])
        assert client.run("MEMORY", "USAGE", name) == found[-1][b"bytes"]
    client.run("HELLO", 2)
    assert client.run("MEMORY", "TOP", "COUNT", 1)[0][:2] == [b"name", b"elsewhere"]


def test_tables_are_in_it(client):
    client.run("TABLE.NAMESPACE.CREATE", "ns")
    for name, rows in (("ns.small", 10), ("ns.big", 800)):
        client.run("TABLE.SCHEMA.CREATE", name, "id:integer:hash", "text:string")
        client.pipeline(["TABLE.INSERT", name, "id=%d" % number, "text=%s" % ("t" * 50)] for number in range(rows))
    client.run("SET", "key", "value")
    rows = top(client, "TYPE", "table")
    assert [(row[b"name"], row[b"type"], row[b"db"]) for row in rows] == [(b"ns.big", b"table", 0), (b"ns.small", b"table", 0)]
    assert rows[0][b"bytes"] == client.run("MEMORY", "USAGE", "TABLE", "ns.big")
    assert [row[b"name"] for row in top(client)] == [b"ns.big", b"ns.small", b"key"]


def test_it_stays_right_after_the_biggest_are_deleted(client):
    generator = random.Random(5)
    count = int(6000 / min(SLOWDOWN, 4))
    names = ["key:%d" % number for number in range(count)]
    client.pipeline(["SET", name, "x" * generator.randrange(5000)] for name in names)
    for _ in range(4):
        rows = check(client, names)
        client.pipeline(["DEL", row[b"name"]] for row in rows)
        names = [name for name in names if name.encode() not in {row[b"name"] for row in rows}]
    client.run("FLUSHALL")
    client.pipeline(["SET", name, "x" * generator.randrange(20)] for name in names[:300])
    check(client, names)


def test_it_is_right_while_keys_grow_shrink_and_change_their_type(client):
    generator = random.Random(7)
    names = ["k%d" % number for number in range(int(900 / min(SLOWDOWN, 3)))]
    for _ in range(6):
        commands = []
        for _ in range(2000):
            name = generator.choice(names)
            size = generator.randrange(400)
            commands.append(generator.choice([
                ["SET", name, "x" * size], ["APPEND", name, "y" * size], ["DEL", name], ["HSET", name, "f%d" % size, "v" * size],
                ["RPUSH", name, "v" * size], ["LPOP", name], ["SADD", name, "m" * size], ["ZADD", name, size, "m%d" % size],
                ["EXPIRE", name, 1000], ["PERSIST", name], ["RENAME", name, generator.choice(names)],
                ["COPY", name, generator.choice(names), "REPLACE"], ["SETRANGE", name, size, "z"], ["SPOP", name],
                ["XADD", name, "*", "f", "v" * size]]))
        client.pipeline(commands)
        rows = check(client, names)
        for kind in TYPES:
            of_type = [name for name in names if client.call("TYPE", name)[1] == kind]
            check(client, of_type, kind=kind.decode())
        assert {row[b"type"] for row in rows} <= set(TYPES)


def test_it_follows_swapped_databases(client):
    client.pipeline(["SET", "key:%d" % number, "x" * number * 40] for number in range(700))
    client.run("SWAPDB", 0, 5)
    rows = top(client)
    assert [row[b"db"] for row in rows] == [5] * 10
    client.run("SET", "new", "x" * 100000)
    rows = top(client, "COUNT", 2)
    assert rows[0][b"name"] == b"new" and [row[b"db"] for row in rows] == [0, 5]


def test_expired_keys_are_not_in_it(client):
    client.run("SET", "gone", "x" * 1000, "PX", 1)
    client.run("SET", "here", "x")
    wait_until(lambda: client.run("EXISTS", "gone") == 0, 5 * SLOWDOWN)
    assert [row[b"name"] for row in top(client)] == [b"here"]


def test_the_background_finds_the_next_ones(client):
    count = int(20000 / SLOWDOWN)
    client.pipeline(["SET", "key:%d" % number, "x" * (number % 3000)] for number in range(count))
    before = client.run("HELLO", 3) and client.run("MEMORY", "STATS")[b"top.fills"]
    client.pipeline(["DEL", "key:%d" % number] for number in range(count) if number % 3000 > 1500)
    wait_until(lambda: client.run("MEMORY", "STATS")[b"top.fills"] > before, 10 * SLOWDOWN)
