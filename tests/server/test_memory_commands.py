"""MEMORY: exact figures over the wire, Redis's fields and errors."""

import re

import pytest

from harness.process import SLOWDOWN
from harness.resp import wait_until


@pytest.fixture
def other(start):
    """A connection to redis-server."""
    with start(kind="redis").connect() as connection:
        yield connection


@pytest.mark.heavy
@pytest.mark.parametrize("words", [
    ["MEMORY"], ["MEMORY", "NOTHING"], ["MEMORY", "USAGE"], ["MEMORY", "USAGE", "a", "b"], ["MEMORY", "USAGE", "a", "SAMPLES"],
    ["MEMORY", "USAGE", "a", "SAMPLES", "x"], ["MEMORY", "USAGE", "a", "SAMPLES", "-1"],
    ["MEMORY", "USAGE", "a", "NOTHING", "1"], ["MEMORY", "USAGE", "missing"], ["memory", "usage", "missing", "samples", "3"],
    ["MEMORY", "USAGE", "missing", "SAMPLES", "3", "SAMPLES", "0"], ["MEMORY", "STATS", "x"], ["MEMORY", "DOCTOR", "x"],
    ["MEMORY", "PURGE"], ["MEMORY", "PURGE", "x"], ["MEMORY", "MALLOC-STATS", "x"], ["MEMORY", "HELP", "x"], ["MEMORY", ""],
    ["MEMORY", "USAGE", ""], ["MEMORY", "USAGE", "list"], ["MEMORY", "USAGE", "missing", "SAMPLES", "9223372036854775808"],
    ["MEMORY", "USAGE", "missing", "SAMPLES", "9223372036854775807"], ["MEMORY", "USAGE", "missing", "SAMPLES", ""],
    ["MEMORY", "USAGE", "missing", "SAMPLES", "1.5"], ["MEMORY", "USAGE\r\n", "a"], ["MEMORY", "x" * 200, "a"]])
def test_errors_and_simple_replies_are_redis(client, other, words):
    for protocol in (2, 3):
        client.run("HELLO", protocol)
        other.run("HELLO", protocol)
        assert client.call(*words) == other.call(*words)


@pytest.mark.parametrize("words,text", [
    (["AUDIT", "x"], b"ERR wrong number of arguments for 'memory|audit' command"),
    (["TOP", "COUNT"], b"ERR syntax error"),
    (["TOP", "COUNT", "0"], b"ERR COUNT must be between 1 and 128"),
    (["TOP", "COUNT", "129"], b"ERR COUNT must be between 1 and 128"),
    (["TOP", "COUNT", "x"], b"ERR value is not an integer or out of range"),
    (["TOP", "NOTHING", "1"], b"ERR syntax error"),
    (["TOP", "TYPE", "nothing"], b"ERR unknown type name"),
    (["HISTORY", "COUNT"], b"ERR syntax error"),
    (["HISTORY", "COUNT", "-1"], b"ERR COUNT must be between 1 and 2040"),
    (["HISTORY", "COUNT", "2041"], b"ERR COUNT must be between 1 and 2040"),
    (["HISTORY", "2"], b"ERR syntax error"),
    (["STATS", "ALL"], b"ERR wrong number of arguments for 'memory|stats' command"),
])
def test_wrong_words_of_own_subcommands_are_errors(client, words, text):
    assert client.call("MEMORY", *words) == ("-", text)
    assert client.call("MEMORY", "AUDIT") == ("+", b"OK")


def shape(reply):
    """A typed reply's structure: types, and the names of maps."""
    kind, value = reply
    if kind == "%":
        return {name[1].decode(): shape(inner) for name, inner in value}
    return kind


def test_stats_has_redis_fields_of_redis_types(client, other):
    for connection in (client, other):
        connection.run("HELLO", 3)
        connection.run("SET", "a", "1")
        connection.run("SELECT", 3)
        connection.run("SET", "b", "1", "EX", "100")
    ours, theirs = shape(client.call("MEMORY", "STATS")), shape(other.call("MEMORY", "STATS"))
    assert {name: ours.get(name) for name in theirs} == theirs
    assert [name for name in ours if name in theirs] == list(theirs)


def test_stats_is_a_flat_array_in_resp2(client, other):
    client.run("SET", "a", "1")
    other.run("SET", "a", "1")
    ours, theirs = client.run("MEMORY", "STATS"), other.run("MEMORY", "STATS")
    names = theirs[0::2]
    assert [name for name in ours[0::2] if name in names] == names
    our_map, their_map = dict(zip(ours[0::2], ours[1::2])), dict(zip(theirs[0::2], theirs[1::2]))
    for name in names:
        assert isinstance(our_map[name], type(their_map[name])), name
    assert our_map[b"db.0"][0::2] == their_map[b"db.0"][0::2]


def stats(client):
    client.run("HELLO", 3)
    return client.run("MEMORY", "STATS")


def test_usage_of_all_keys_is_what_the_classes_say(client):
    for number in range(300):
        client.run("SET", "key:%d" % number, "v" * (number * 7))
        if number % 3 == 0:
            client.run("EXPIRE", "key:%d" % number, 1000)
    for number in range(50):
        client.run("APPEND", "key:%d" % number, "more" * number)
    usage = sum(client.run("MEMORY", "USAGE", "key:%d" % number) for number in range(300))
    figures = stats(client)
    assert figures[b"type.string"] == figures[b"class.string"][b"bytes"] == usage
    assert figures[b"dataset.bytes"] == usage
    assert figures[b"keys.count"] == 300
    assert figures[b"total.allocated"] == sum(
        value[b"bytes"] for name, value in figures.items() if name.startswith(b"class."))
    shards = [value for name, value in figures.items() if name.startswith(b"shard.")]
    assert sum(shard[b"keys.count"] for shard in shards) == 300
    assert sum(shard[b"dataset.bytes"] for shard in shards) == usage


def make_table(client, rows):
    client.run("TABLE.NAMESPACE.CREATE", "ns")
    client.run("TABLE.SCHEMA.CREATE", "ns.people", "id:integer:hash", "name:string", "age:integer")
    client.pipeline(["TABLE.INSERT", "ns.people", "id=%d" % number, "name=name of %d" % number, "age=%d" % (number % 90)]
                    for number in range(rows))


def test_usage_of_tables_is_what_the_classes_say(client):
    make_table(client, 1000)
    table = client.run("MEMORY", "USAGE", "TABLE", "ns.people")
    index = client.run("MEMORY", "USAGE", "TABLE", "ns.people", "INDEX", "id")
    schema = client.run("MEMORY", "USAGE", "schema:ns.people")
    figures = stats(client)
    parts = figures[b"table.ns.people"]
    assert parts[b"rows.count"] == 1000
    assert parts[b"total.bytes"] == table == parts[b"rows.bytes"] + parts[b"indexes.bytes"] + parts[b"schema.bytes"]
    assert parts[b"indexes.bytes"] == index == figures[b"class.table_index"][b"bytes"]
    assert parts[b"rows.bytes"] == figures[b"class.table_row"][b"bytes"]
    assert parts[b"schema.bytes"] == schema > 0
    assert client.run("MEMORY", "USAGE", "TABLE", "ns.people", "INDEX", "age") == 0
    client.run("SET", "schema:ns.people", "a key hides it")
    assert client.run("MEMORY", "USAGE", "schema:ns.people") != schema


@pytest.mark.parametrize("words,text", [
    (["TABLE", "ns.nothing"], b"ERR table schema does not exist"),
    (["TABLE", "ns.people", "INDEX", "nothing"], b"ERR column does not exist"),
    (["TABLE", "ns.people", "INDEX"], b"ERR syntax error"),
    (["TABLE", "ns.people", "KEY", "id"], b"ERR syntax error"),
    (["NOTABLE", "ns.people"], b"ERR syntax error"),
])
def test_usage_of_what_is_not_there_is_an_error(client, words, text):
    make_table(client, 1)
    assert client.call("MEMORY", "USAGE", *words) == ("-", text)


def test_a_key_named_table_can_be_asked_for(client):
    client.run("SET", "TABLE", "x")
    assert client.run("MEMORY", "USAGE", "TABLE") > 0
    assert client.run("MEMORY", "USAGE", "TABLE", "SAMPLES", "5") > 0
    assert client.run("MEMORY", "USAGE", "schema:ns.nothing") is None


def test_asking_changes_nothing(client):
    client.run("SET", "a", "1")
    before = client.info("stats")
    client.run("MEMORY", "USAGE", "a")
    client.run("MEMORY", "USAGE", "nothing")
    after = client.info("stats")
    assert [before[name] for name in ("keyspace_hits", "keyspace_misses")] == [
        after[name] for name in ("keyspace_hits", "keyspace_misses")]


def test_stats_tells_columns_apart(client):
    client.run("TABLE.NAMESPACE.CREATE", "ns")
    for name in ("ns.a", "ns.b"):
        client.run("TABLE.SCHEMA.CREATE", name, "id:integer:hash", "text:string", "empty:string", "long:string:btree")
    client.pipeline(["TABLE.INSERT", "ns.a", "id=%d" % number, "text=some text %d" % number, "long=%s" % ("x" * 300)]
                    for number in range(2000))
    client.run("TABLE.DELETE", "ns.a", "WHERE", "id<20")
    figures = stats(client)
    parts = figures[b"table.ns.a"]
    columns = parts[b"columns"]
    assert list(columns) == [b"id", b"text", b"empty", b"long"]
    assert columns[b"empty"] == {b"bytes": 0} and set(columns[b"text"]) == {b"bytes"}
    for name in (b"id", b"long"):
        assert columns[name][b"index.bytes"] == client.run("MEMORY", "USAGE", "TABLE", "ns.a", "INDEX", name)
    assert sum(column.get(b"index.bytes", 0) for column in columns.values()) == parts[b"indexes.bytes"]
    of_rows = parts[b"row-ids.bytes"] + sum(column[b"bytes"] for column in columns.values())
    assert 1980 * 300 < columns[b"long"][b"bytes"] < of_rows < parts[b"rows.bytes"] < of_rows * 1.1 + 10000
    assert parts[b"rows.count"] == 1980 and 0 <= parts[b"rows.deleted"] <= 20
    assert figures[b"table.ns.b"][b"rows.count"] == 0


def test_stats_has_figures_of_databases_shards_and_clients(client):
    client.run("SET", "a", "x" * 1000)
    client.run("SET", "b", "1", "EX", "1000")
    client.run("SELECT", 2)
    client.run("RPUSH", "c", "1")
    figures = stats(client)
    assert figures[b"keyspace.0"] == {b"keys.count": 2, b"dataset.bytes": figures[b"type.string"]}
    assert figures[b"keyspace.2"] == {b"keys.count": 1, b"dataset.bytes": figures[b"type.list"]}
    shards = [value for name, value in figures.items() if name.startswith(b"shard.")]
    assert sum(shard[b"expires.count"] for shard in shards) == 1
    assert sum(shard[b"commands"] for shard in shards) == 3
    for shard in shards:
        assert shard[b"allocator.resident"] >= shard[b"allocator.active"] >= shard[b"allocator.allocated"] >= 0
        assert float(shard[b"allocator.fragmentation"]) >= 0
    assert figures[b"clients.count"] == 1 and figures[b"clients.connections"] > 0
    assert figures[b"clients.normal"] == sum(
        figures[b"clients." + name] for name in (b"connections", b"query-buffers", b"output-buffers"))


def test_stats_goes_on_while_tables_come_and_go(server, client):
    client.run("TABLE.NAMESPACE.CREATE", "ns")
    for number in range(40):
        client.run("TABLE.SCHEMA.CREATE", "ns.t%02d" % number, "id:integer:hash")
        client.pipeline(["TABLE.INSERT", "ns.t%02d" % number, "id=%d" % row] for row in range(50))
    with server.connect() as changer:
        for turn in range(30):
            changer.send("TABLE.SCHEMA.DROP", "ns.t%02d" % turn, "FORCE")
            changer.send("TABLE.SCHEMA.ALTER", "ns.t39", "ADD", "COLUMN", "c%d:string" % turn)
            names = [name for name in stats(client) if name.startswith(b"table.")]
            assert names == sorted(names) and len(names) >= 10
            changer.read()
            changer.read()


DATA_CLASSES = (b"key_table", b"expiry_index", b"string", b"table_row", b"table_index", b"catalogue")


def fill_and_flush(client):
    """Gives the bytes of the data classes when full and after FLUSHALL, and those of all classes then."""
    for number in range(3000):
        client.run("SET", "key:%d" % number, "v" * number, "EX", 1000)
    make_table(client, 500)
    full = stats(client)
    client.run("FLUSHALL")
    wait_until(lambda: client.info("memory")["lazyfree_pending_objects"] == "0", 5 * SLOWDOWN)
    assert client.call("MEMORY", "AUDIT") == ("+", b"OK")
    after = stats(client)
    everything = {name: figure[b"bytes"] for name, figure in after.items() if name.startswith(b"class.")}
    return [{name: figures[b"class." + name][b"bytes"] for name in DATA_CLASSES} for figures in (full, after)] + [everything]


def test_everything_comes_back_after_flushall(client):
    client.run("CONFIG", "SET", "slowlog-log-slower-than", -1)  # its entries are memory, too
    before = stats(client)
    full, first, everything = fill_and_flush(client)
    assert all(full[name] > first[name] for name in DATA_CLASSES)
    assert first == {name: before[b"class." + name][b"bytes"] for name in DATA_CLASSES}
    for _ in range(3):
        _, again, everything_again = fill_and_flush(client)
        assert again == first
        assert everything_again == everything


def test_audit_agrees_while_others_write(server, client):
    with server.connect() as writer:
        for turn in range(20):
            for number in range(200):
                writer.send("SET", "key:%d" % (number * turn), "v" * (number * turn % 777))
            assert client.call("MEMORY", "AUDIT") == ("+", b"OK")
            for number in range(200):
                writer.read()


def test_doctor_names_what_is_big_and_what_is_wrong(client):
    client.run("SET", "big one\n", "x" * 20_000_000)
    for number in range(100):
        client.run("SET", "key:%d" % number, "v")
    make_table(client, 100)
    client.run("HELLO", 3)
    kind, text = client.call("MEMORY", "DOCTOR")
    assert kind == "="
    text = text.decode()
    assert "101 keys and 1 tables" in text
    assert re.search(r"Biggest keys:\n +19\.\d\dM  string  big\\x20one\\x0a\n", text), text
    assert re.search(r"Biggest tables:\n +\S+  table   ns\.people\n", text), text
    assert "maxmemory is not set" in text
    assert "One key holds 19." in text
    client.run("CONFIG", "SET", "maxmemory", "100mb")
    client.run("DEL", "big one\n")
    assert "maxmemory is not set" not in client.run("MEMORY", "DOCTOR").decode()


def test_malloc_stats_is_a_text(client):
    client.run("HELLO", 3)
    kind, text = client.call("MEMORY", "MALLOC-STATS")
    assert kind == "=" and len(text) > 100


def test_purge_gives_memory_back(server, client):
    count = int(40000 / SLOWDOWN)
    for first in range(0, count, 1000):
        client.pipeline(["SET", "key:%d" % number, "v" * 1000] for number in range(first, first + 1000))
    full = server.resident_bytes()
    client.run("FLUSHALL")
    wait_until(lambda: client.info("memory")["lazyfree_pending_objects"] == "0", 5 * SLOWDOWN)
    assert client.run("MEMORY", "PURGE") == b"OK"
    if SLOWDOWN == 1:
        assert full - server.resident_bytes() > count * 1000 * 0.7


def test_help_lists_every_subcommand(client):
    text = b"\n".join(client.run("MEMORY", "HELP"))
    for name in (b"AUDIT", b"DOCTOR", b"HELP", b"HISTORY", b"MALLOC-STATS", b"PREFIX", b"PURGE", b"STATS", b"TOP", b"USAGE"):
        assert b"\n" + name in text
