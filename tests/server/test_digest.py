"""DEBUG DIGEST and DEBUG DIGEST-VALUE: redis-server's for keys; for tables the same however they came about."""

import os
import random

import pytest

from differential import Pair, batch_steps
from families import FAMILIES, load
from families.arguments import KEYS
from harness.process import SLOWDOWN, Server
from harness.resp import encode, wait_until
from harness.transcript import show
from test_dump_exchange import BIG

BATCHES = max(2, int(int(os.environ.get("TESSERA_DIGEST_BATCHES", "6")) / SLOWDOWN))
DEBUG = ("--enable-debug-command", "yes")
ZEROS = b"0" * 40


def digest(connection):
    return connection.run("DEBUG", "DIGEST")


# ---- keys: as redis-server has them ----

@pytest.fixture
def pair(start, shards):
    """A connection to this server and one to redis-server."""
    ours = start(*DEBUG, shards=shards).connect()
    theirs = Server("redis", 1, DEBUG)
    with ours, theirs.connect() as connection:
        yield ours, connection
    assert theirs.stop() == []


def both(pair, *words):
    """The reply that both servers must give."""
    ours, theirs = (side.call(*words) for side in pair)
    assert ours == theirs, "%r\n  tessera: %s\n  redis:   %s" % (words, show(ours)[:2000], show(theirs)[:2000])
    return ours


def fill(pair, commands):
    commands = list(commands)
    for side in pair:
        assert [reply for reply in side.pipeline(commands) if reply[0] == "-"] == []


@pytest.mark.heavy
@pytest.mark.parametrize("family", FAMILIES)
def test_random_data_have_the_same_digests_as_in_redis(family, shards):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    module = load(family)
    pair = Pair(family, shards)
    sides = (pair.ours.connection, pair.theirs.connection)
    seen = set()
    try:
        for batch in range(BATCHES):
            where = "family %s, seed %s, batch %d" % (family, seed, batch)
            found = pair.play(batch_steps(family, seed, batch, ()), 2, pair.configs[batch % len(pair.configs)])
            assert not found, "%s: %r" % (where, found[0])
            for database in getattr(module, "DATABASES", (b"0",)):
                assert [side.run("SELECT", database) for side in sides] == [b"OK", b"OK"]
                keys = getattr(module, "KEYS", KEYS)
                ours, theirs = (side.run("DEBUG", "DIGEST-VALUE", *keys) for side in sides)
                assert list(zip(keys, ours)) == list(zip(keys, theirs)), where
            ours, theirs = map(digest, sides)
            assert ours == theirs, where
            seen.add(ours)
    finally:
        problems = pair.end()
    assert problems == []
    assert len(seen) > 1


WORDS = [b"%d" % i for i in range(400)] + [b"word:%d" % i for i in range(400)]
MEMBERS = [word for pair in zip(WORDS[:400], WORDS[400:]) for word in pair]
# Small and large, as far as encodings differ.
VALUES = {
    "string": [[b"SET", b"int", b"-12345"], [b"SET", b"embedded", b"x\x00y"], [b"SET", b"empty", b""],
               [b"SET", b"long", b"z" * 300_000], [b"APPEND", b"appended", b"ab"], [b"APPEND", b"appended", b"cd"],
               [b"SETRANGE", b"padded", b"100", b"end"], [b"INCRBYFLOAT", b"float", b"1.5"], [b"SETBIT", b"bits", b"77", b"1"],
               [b"PFADD", b"sparse", b"a", b"b"], [b"PFADD", b"dense", *WORDS]],
    "list": [[b"RPUSH", b"few", b"1", b"a", b"", b"1"], [b"RPUSH", b"many", *WORDS], [b"RPUSH", b"long", b"q" * 20_000, b"r"],
             [b"RPUSH", b"order", b"a", b"b"], [b"RPUSH", b"redro", b"b", b"a"]],
    "set": [[b"SADD", b"numbers", b"1", b"-70000", b"5000000000"], [b"SADD", b"many-numbers", *[b"%d" % i for i in range(2000)]],
            [b"SADD", b"words", b"a", b"b", b"1"], [b"SADD", b"many-words", *WORDS]],
    "hash": [[b"HSET", b"few", b"f", b"v", b"1", b"2", b"", b""], [b"HSET", b"many", *WORDS], [b"HSET", b"long", b"f", b"v" * 3000]],
    "zset": [[b"ZADD", name, b"1", b"one", b"-0.0", b"zero", b"0.1", b"1", b"inf", b"+", b"-inf", b"-", b"1e300", b"big",
              b"3.0000000000000004", b"near", b"-5e-324", b"tiny", b"9007199254740993", b"odd", *more]
             for name, more in ((b"few", []), (b"many", MEMBERS), (b"long", [b"7", b"m" * 3000]))],
    "stream": [[b"XADD", b"few", b"1-1", b"f", b"v"], [b"XADD", b"few", b"1-2", b"f", b"w"],
               [b"XADD", b"few", b"5-0", b"g", b"7", b"h", b""], [b"XDEL", b"few", b"1-2"],
               [b"XADD", b"last", b"18446744073709551615-18446744073709551615", b"f", b"v"],
               *[[b"XADD", b"many", b"%d-1" % i, b"f", b"%d" % i, b"g", b"x"] for i in range(1, 1500)],
               [b"XTRIM", b"many", b"MINID", b"77"], *[[b"XDEL", b"many", b"%d-1" % i] for i in range(300, 900, 7)],
               [b"XGROUP", b"CREATE", b"many", b"group", b"0"],
               [b"XREADGROUP", b"GROUP", b"group", b"c", b"STREAMS", b"many", b">"],
               [b"XGROUP", b"CREATE", b"none", b"group", b"$", b"MKSTREAM"]],
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("options", [[], [b"list-max-listpack-size", b"30", b"list-compress-depth", b"1",
                                          b"hash-max-listpack-entries", b"0", b"zset-max-listpack-entries", b"0",
                                          b"set-max-intset-entries", b"0", b"stream-node-max-entries", b"3"]],
                         ids=["small-and-large", "all-large"])
def test_every_encoding_has_the_same_digest_as_in_redis(pair, kind, options):
    if options:
        both(pair, b"CONFIG", b"SET", *options)
    fill(pair, VALUES[kind])
    keys = sorted({command[2] if command[0].startswith(b"XGROUP") else command[1] for command in VALUES[kind]
                   if command[0] != b"XREADGROUP"})
    plain = both(pair, b"DEBUG", b"DIGEST-VALUE", *keys)
    whole = both(pair, b"DEBUG", b"DIGEST")
    assert len(set(plain[1])) == len(keys) and (("+", ZEROS) not in plain[1])
    for seconds in (b"1000", b"2000"):
        fill(pair, ([b"EXPIRE", key, seconds] for key in keys))
        expiring = both(pair, b"DEBUG", b"DIGEST-VALUE", *keys)
        assert not set(expiring[1]) & set(plain[1])
    assert both(pair, b"DEBUG", b"DIGEST") != whole
    fill(pair, ([b"PERSIST", key] for key in keys))
    assert both(pair, b"DEBUG", b"DIGEST") == whole


@pytest.mark.heavy
@pytest.mark.parametrize("kind", BIG)
def test_big_collections_have_the_same_digest_as_in_redis(pair, kind):
    fill(pair, BIG[kind])
    both(pair, b"DEBUG", b"DIGEST-VALUE", b"a")
    assert both(pair, b"DEBUG", b"DIGEST") != ("+", ZEROS)


def test_databases_count(pair):
    assert both(pair, "DEBUG", "DIGEST") == ("+", ZEROS)
    seen = [both(pair, "DEBUG", "DIGEST")]
    for commands in ([("SELECT", 3)], [("SET", "a", "1")], [("SELECT", 9), ("SET", "a", "1")], [("SET", "b", "1")],
                     [("SWAPDB", 3, 9)], [("MOVE", "a", 15)]):
        fill(pair, commands)
        seen.append(both(pair, "DEBUG", "DIGEST"))
    assert seen[0] == seen[1] and len(set(seen)) == len(seen) - 1
    fill(pair, [("FLUSHALL",)])
    assert both(pair, "DEBUG", "DIGEST") == ("+", ZEROS)


def test_keys_whose_time_has_come_count_until_they_are_removed(pair):
    fill(pair, [("DEBUG", "SET-ACTIVE-EXPIRE", "0"), ("SET", "stays", "v"), ("PEXPIRE", "stays", "100000000")])
    without = both(pair, "DEBUG", "DIGEST")
    fill(pair, [("SET", "a", "v", "PX", "1"), ("SET", "b", "v", "PX", "1"), ("RPUSH", "list", "x"), ("PEXPIRE", "list", "1")])
    began = [side.run("TIME") for side in pair]
    before = both(pair, "DEBUG", "DIGEST")
    for side, (seconds, micros) in zip(pair, began):
        end = int(seconds) * 10**6 + int(micros) + 20_000
        wait_until(lambda: (lambda now: int(now[0]) * 10**6 + int(now[1]) > end)(side.run("TIME")), what="20 ms")
    assert both(pair, "DEBUG", "DIGEST") == before != without
    assert ZEROS not in [value for _, value in both(pair, "DEBUG", "DIGEST-VALUE", "a", "b", "list")[1]]
    assert both(pair, "DEBUG", "DIGEST-VALUE", "nosuch", "a")[1][0] == ("+", ZEROS)
    for key in ("a", "b", "list"):
        assert both(pair, "EXISTS", key) == (":", 0)
    assert both(pair, "DEBUG", "DIGEST") == without


def test_words_too_many_or_too_few(pair):
    both(pair, "DEBUG", "DIGEST", "x")
    both(pair, "DEBUG", "DIGEST-VALUE")
    both(pair, "debug", "digest")
    both(pair, "debug", "digest-value", "x", "x", "")


def seen_during(writer, reader, commands):
    """The digests that `reader` gets while `writer` runs these commands, sent at once."""
    writer.send_raw(b"".join(encode(*words) for words in commands))
    seen = set()
    replies = 0
    while replies < len(commands):
        seen.add(digest(reader))
        while replies < len(commands) and not writer.is_silent(0.0001):
            assert writer.read()[0] != "-"
            replies += 1
    return seen


@pytest.mark.threads
def test_shows_one_moment_of_keys_on_several_shards(start, shards):
    server = start(*DEBUG, shards=shards)
    keys = ["key:%d" % i for i in range(16)]
    with server.connect() as writer, server.connect() as reader:
        states = [["MSET", *[word for key in keys for word in (key, value)]] for value in ("0", "1")]
        allowed = set()
        for state in states:
            writer.run(*state)
            allowed.add(digest(reader))
        assert len(allowed) == 2
        assert seen_during(writer, reader, states * int(2000 / SLOWDOWN)) <= allowed


# ---- tables ----

ROWS = 700


def row_words(i):
    """The values of row i in the end: some null, some empty, some long, few that differ in one column."""
    words = ["id=%d" % (i % 90), "size=%r" % (i / 8)]
    words += ["name=%s" % ["", "n%d" % (i % 7), "long" * 60 + str(i)][i % 3]] if i % 4 else []
    words += ["day=20%02d-03-%02d" % (i % 100, 1 + i % 28)] if i % 5 else []
    return words


def row_is_deleted(i):
    return i % 11 == 3 or 300 <= i < 500


def fill_straight(connection):
    """Row after row as it is in the end; those that do not stay go at once."""
    connection.run("TABLE.NAMESPACE.CREATE", "shop")
    connection.run("TABLE.NAMESPACE.CREATE", "empty")
    for table in ("shop.a", "shop.b"):
        connection.run("TABLE.SCHEMA.CREATE", table, "id:integer:hash", "name:string:btree", "size:float", "day:date:hash")
        for i in range(ROWS):
            connection.run("TABLE.INSERT", table, *row_words(i))
            if row_is_deleted(i):
                connection.run("TABLE.DELETE", table, "WHERE", "size=%r" % (i / 8))
    connection.run("SELECT", "5")
    connection.run("TABLE.NAMESPACE.CREATE", "shop")
    connection.run("TABLE.SCHEMA.CREATE", "shop.a", "x:string")


def other_value(word):
    return word.split("=")[0] + "=" + ("2001-01-01" if word.startswith("day") else "7")


def fill_crosswise(connection):
    """Both tables at once, in pipelines, with other values first; values, columns and indexes come and go, rows move to other
    shards, and what does not stay goes at the end."""
    tables = ("shop.b", "shop.a")
    connection.run("SELECT", "5")
    connection.run("TABLE.NAMESPACE.CREATE", "shop")
    connection.run("TABLE.SCHEMA.CREATE", "shop.a", "x:string:hash", "gone:integer")
    connection.run("TABLE.SCHEMA.ALTER", "shop.a", "DROP", "COLUMN", "gone")
    connection.run("TABLE.SCHEMA.ALTER", "shop.a", "DROP", "INDEX", "x")
    connection.run("SELECT", "0")
    connection.run("TABLE.NAMESPACE.CREATE", "shop")
    for table in tables:
        connection.run("TABLE.SCHEMA.CREATE", table, "number:integer:hash", "id:integer", "name:string", "size:float:hash")
        connection.run("TABLE.SCHEMA.ALTER", table, "ADD", "COLUMN", "day:date")
    inserts = [["TABLE.INSERT", table, "number=%d" % i, *map(other_value, row_words(i))] for i in range(ROWS) for table in tables]
    assert {reply[0] for reply in connection.pipeline(inserts)} == {"$"}
    updates = [["TABLE.UPDATE", table, "WHERE", "number=%d" % i, "SET", *row_words(i)]
               for i in reversed(range(ROWS)) for table in tables]
    assert set(connection.pipeline(updates)) == {(":", 1)}
    for table in tables:
        moves = [["TABLE.UPDATE", table, "WHERE", "number=%d" % i, "SET", "number=%d" % (i + 10**6)] for i in range(ROWS)]
        assert set(connection.pipeline(moves)) == {(":", 1)}
        connection.run("TABLE.DELETE", table, "WHERE", "number>=%d" % (10**6 + 300), "AND", "number<%d" % (10**6 + 500))
        for i in filter(row_is_deleted, range(ROWS)):
            connection.run("TABLE.DELETE", table, "WHERE", "number=%d" % (10**6 + i))
        connection.run("TABLE.SCHEMA.ALTER", table, "DROP", "COLUMN", "number")
        connection.run("TABLE.SCHEMA.ALTER", table, "DROP", "INDEX", "size")
        for word in ("name:btree", "day", "id"):
            connection.run("TABLE.SCHEMA.ALTER", table, "ADD", "INDEX", word)
    connection.run("TABLE.NAMESPACE.CREATE", "empty")


def test_tables_have_one_digest_on_any_number_of_shards_however_they_came_about(start):
    seen = {}
    for shards in (1, 2, 4):
        for fill_tables in (fill_straight, fill_crosswise):
            with start(*DEBUG, shards=shards).connect() as connection:
                fill_tables(connection)
                seen[shards, fill_tables.__name__] = digest(connection)
                connection.run("SELECT", "0")
                rows = connection.run("TABLE.SELECT", "shop.a")
                assert len(rows) == ROWS - sum(map(row_is_deleted, range(ROWS)))
    assert len(set(seen.values())) == 1, seen


# Each makes a small table, and each another one: (columns, inserted rows, commands afterwards).
COLUMNS = ["a:string", "b:string", "n:integer:hash"]
TABLE_ROWS = [["a=ab", "b=c", "n=1"], ["a=x", "n=2"], ["a=y", "b=", "n=3"]]
CHANGES = {
    "nothing": (COLUMNS, TABLE_ROWS, []),
    "value": (COLUMNS, [["a=ab", "b=c", "n=11"], *TABLE_ROWS[1:]], []),
    "value in the neighbour": (COLUMNS, [["a=a", "b=bc", "n=1"], *TABLE_ROWS[1:]], []),
    "values of two rows exchanged": (COLUMNS, [["a=x", "b=c", "n=1"], ["a=ab", "n=2"], TABLE_ROWS[2]], []),
    "rows exchanged": (COLUMNS, [TABLE_ROWS[1], TABLE_ROWS[0], TABLE_ROWS[2]], []),
    "null instead of a value": (COLUMNS, [["b=c", "n=1"], *TABLE_ROWS[1:]], []),
    "null instead of the empty string": (COLUMNS, [*TABLE_ROWS[:2], ["a=y", "n=3"]], []),
    "the empty string instead of null": (COLUMNS, [TABLE_ROWS[0], ["a=x", "b=", "n=2"], TABLE_ROWS[2]], []),
    "row more": (COLUMNS, [*TABLE_ROWS, TABLE_ROWS[0]], []),
    "row less": (COLUMNS, TABLE_ROWS[:2], []),
    "row came and went": (COLUMNS, [*TABLE_ROWS, ["n=99"]], [["TABLE.DELETE", "s.t", "WHERE", "n=99"]]),
    "update": (COLUMNS, TABLE_ROWS, [["TABLE.UPDATE", "s.t", "WHERE", "n=2", "SET", "b=new"]]),
    "column's name": ([COLUMNS[0], "c:string", COLUMNS[2]], [[word.replace("b=", "c=") for word in row] for row in TABLE_ROWS], []),
    "column's type": ([*COLUMNS[:2], "n:string:hash"], TABLE_ROWS, []),
    "columns' order": ([COLUMNS[1], COLUMNS[0], COLUMNS[2]], TABLE_ROWS, []),
    "column more": (COLUMNS, TABLE_ROWS, [["TABLE.SCHEMA.ALTER", "s.t", "ADD", "COLUMN", "c:string"]]),
    "column less": (COLUMNS, TABLE_ROWS, [["TABLE.SCHEMA.ALTER", "s.t", "DROP", "COLUMN", "b"]]),
    "index more": (COLUMNS, TABLE_ROWS, [["TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "a"]]),
    "index of another kind": (COLUMNS, TABLE_ROWS, [["TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "a:btree"]]),
    "index less": (COLUMNS, TABLE_ROWS, [["TABLE.SCHEMA.ALTER", "s.t", "DROP", "INDEX", "n"]]),
    "namespace more": (COLUMNS, TABLE_ROWS, [["TABLE.NAMESPACE.CREATE", "r"]]),
    "table more": (COLUMNS, TABLE_ROWS, [["TABLE.SCHEMA.CREATE", "s.u", "a:string"]]),
    "no table": (COLUMNS, TABLE_ROWS, [["TABLE.DROP", "s.t", "FORCE"]]),
    "database": (COLUMNS, TABLE_ROWS, [["SWAPDB", "0", "1"]]),
    "key": (COLUMNS, TABLE_ROWS, [["SET", "s.t", "1"]]),
    "no namespace": (COLUMNS, TABLE_ROWS, [["TABLE.NAMESPACE.DROP", "s", "FORCE"]]),
}


def build(connection, columns, rows, commands):
    connection.run("FLUSHALL")
    connection.run("TABLE.NAMESPACE.CREATE", "s")
    connection.run("TABLE.SCHEMA.CREATE", "s.t", *columns)
    for number, row in enumerate(rows, 1):
        assert connection.run("TABLE.INSERT", "s.t", *row) == b"%d" % number
    for command in commands:
        connection.run(*command)
    return digest(connection)


def test_every_change_of_a_table_changes_the_digest(start, shards):
    with start(*DEBUG, shards=shards).connect() as connection:
        seen = {name: build(connection, *change) for name, change in CHANGES.items()}
        again = {name: build(connection, *change) for name, change in CHANGES.items()}
    assert seen == again
    assert len(set(seen.values())) == len(seen), sorted(seen.items(), key=lambda entry: entry[1])
    assert seen["no namespace"] == ZEROS


def test_keys_count_as_without_tables_once_those_are_gone(start, shards):
    with start(*DEBUG, shards=shards).connect() as connection:
        connection.run("SET", "key", "value")
        before = digest(connection)
        connection.run("TABLE.NAMESPACE.CREATE", "s")
        connection.run("TABLE.SCHEMA.CREATE", "s.t", "a:string")
        connection.run("TABLE.INSERT", "s.t", "a=1")
        assert digest(connection) != before
        connection.run("TABLE.NAMESPACE.DROP", "s", "FORCE")
        assert digest(connection) == before


@pytest.mark.threads
def test_shows_no_statement_half_done(start, shards):
    server = start(*DEBUG, shards=shards)
    count = int(20000 / SLOWDOWN)
    with server.connect() as writer, server.connect() as reader:
        writer.run("TABLE.NAMESPACE.CREATE", "s")
        writer.run("TABLE.SCHEMA.CREATE", "s.t", "a:integer", "b:integer")
        writer.pipeline(["TABLE.INSERT", "s.t", "a=%d" % i, "b=0"] for i in range(count))
        updates = [["TABLE.UPDATE", "s.t", "SET", "b=%d" % value] for value in (1, 0)]
        allowed = set()
        for update in updates:
            assert writer.run(*update) == count
            allowed.add(digest(reader))
        assert len(allowed) == 2
        assert seen_during(writer, reader, updates * 30) <= allowed
