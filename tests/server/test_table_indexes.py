"""Whatever indexes a table has, a statement finds the same rows: random statements with ranges against SQLite, each on tables that hold the
same rows and differ in their indexes only. Building, replacing and dropping indexes, restarts, and what SCHEMA.VIEW tells of them."""

import random
import sqlite3

import pytest

from harness.process import SLOWDOWN
from harness.resp import ReplyError, plain
from harness.saved import restart

COLUMNS = {"id": "integer", "name": "string", "score": "float", "born": "date", "note": "string"}
KINDS = ("none", "hash", "btree")
# The same rows in each: without indexes, with one kind only, with both kinds, with others that come and go.
TABLES = {
    "t.none": dict.fromkeys(COLUMNS, "none"),
    "t.hash": dict.fromkeys(COLUMNS, "hash"),
    "t.btree": dict.fromkeys(COLUMNS, "btree"),
    "t.mixed": {"id": "hash", "name": "btree", "score": "none", "born": "btree", "note": "hash"},
    "t.altered": dict.fromkeys(COLUMNS, "none"),
}
OPERATORS = ("=", "=", "<", "<=", ">", ">=", "!=", "between", "between")
STEPS = 150
LONG_STEPS = int(2000 / SLOWDOWN)


def words_of(kinds):
    return ["%s:%s:%s" % (name, kind, kinds[name]) for name, kind in COLUMNS.items()]


class Twins:
    """Our tables and SQLite's one, which are told the same."""

    def __init__(self, connection, rng):
        self.connection = connection
        self.rng = rng
        self.kinds = {table: dict(kinds) for table, kinds in TABLES.items()}
        self.rows = 0
        self.sqlite = sqlite3.connect(":memory:")
        self.sqlite.text_factory = bytes
        self.sqlite.execute("CREATE TABLE t (row INTEGER PRIMARY KEY, id INTEGER, name BLOB, score REAL, born INTEGER, note BLOB)")
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        for table, kinds in self.kinds.items():
            connection.run("TABLE.SCHEMA.CREATE", table, *words_of(kinds))

    # --- values: as our word, and as SQLite's value

    def value(self, column):
        rng = self.rng
        if column == "id":
            number = rng.choice([rng.randrange(400), rng.randrange(400), rng.randrange(-5, 5), 2**63 - 1, -2**63])
            return b"%d" % number, number
        if column == "score":
            number = rng.choice([rng.randrange(-80, 80) / 8, 0.0, -0.0, 1e300, -1e-300, float("inf"), float("-inf")])
            return repr(number).encode(), number
        if column == "born":
            day = rng.randrange(1, 29)
            month = rng.randrange(1, 13)
            year = rng.choice([1, 1970, 2000, 2000, 2001, 9999])
            return b"%04d-%02d-%02d" % (year, month, day), (year * 12 + month) * 31 + day
        if column == "name":
            text = b"name%02d" % rng.randrange(40)
        else:
            text = rng.choice([b"", b"a", b"https://example.com/" * rng.randrange(1, 16)]) + bytes(
                rng.choice(b"ab\x00\xff") for _ in range(rng.randrange(5)))
        return text, text

    def same(self, *words):
        """The reply to a command on every table, which must be one."""
        replies = [plain(reply) for reply in self.connection.pipeline((words[0], table, *words[1:]) for table in self.kinds)]
        first = replies[0]
        for table, reply in zip(self.kinds, replies):
            assert reply == first, "%s, indexed %r: %r" % (table, self.kinds[table], words)
        return first

    # --- conditions

    def condition(self):
        """Words of ours, SQLite's text and values."""
        column = self.rng.choice(list(COLUMNS))
        operator = self.rng.choice(OPERATORS)
        ours, theirs = self.value(column)
        if operator != "between":
            return [column, operator, ours], "%s %s ?" % (column, operator), [theirs]
        ours_too, theirs_too = self.value(column)
        low, high = self.rng.choice([">", ">="]), self.rng.choice(["<", "<="])
        return ([column, low, ours, "AND", column, high, ours_too],
                "%s %s ? AND %s %s ?" % (column, low, column, high), [theirs, theirs_too])

    def where(self):
        words, text, values = self.condition()
        while self.rng.random() < 0.4:
            joint = self.rng.choice(["AND", "AND", "OR"])
            more, more_text, more_values = self.condition()
            if self.rng.random() < 0.3:
                words, text = ["(", *words, ")"], "(%s)" % text
            words, text, values = [*words, joint, *more], "%s %s %s" % (text, joint, more_text), values + more_values
        return words, text, values

    # --- statements

    def insert(self):
        chosen = [column for column in COLUMNS if self.rng.random() < 0.85] or ["id"]
        pairs = [(column, *self.value(column)) for column in chosen]
        self.rows += 1
        reply = self.same("TABLE.INSERT", *(column.encode() + b"=" + ours for column, ours, _ in pairs))
        assert reply == b"%d" % self.rows
        self.sqlite.execute("INSERT INTO t (row, %s) VALUES (%s)" % (", ".join(chosen), ", ".join("?" * (len(chosen) + 1))),
                            [self.rows] + [theirs for _, _, theirs in pairs])

    def update(self):
        words, text, values = self.where()
        column = self.rng.choice(list(COLUMNS))
        ours, theirs = self.value(column)
        count = self.same("TABLE.UPDATE", "WHERE", *words, "SET", column.encode() + b"=" + ours)
        assert count == self.sqlite.execute("UPDATE t SET %s = ? WHERE %s" % (column, text), [theirs] + values).rowcount, words

    def delete(self):
        words, text, values = self.where()
        count = self.sqlite.execute("SELECT count(*) FROM t WHERE %s" % text, values).fetchone()[0]
        if count < 40:
            assert self.same("TABLE.DELETE", "WHERE", *words) == count, words
            self.sqlite.execute("DELETE FROM t WHERE %s" % text, values)

    def select(self):
        words, text, values = self.where()
        found = self.same("TABLE.SELECT", "WHERE", *words)
        wanted = self.sqlite.execute("SELECT id, name, note FROM t WHERE %s ORDER BY row" % text, values).fetchall()
        mine = [dict(zip(row[::2], row[1::2])) for row in found]
        assert [(row.get(b"id"), row.get(b"name"), row.get(b"note")) for row in mine] == [
            (None if number is None else b"%d" % number, name, note) for number, name, note in wanted], words

    def alter(self):
        column = self.rng.choice(list(COLUMNS))
        kind = self.rng.choice(KINDS)
        if kind == "none":
            self.connection.run("TABLE.SCHEMA.ALTER", "t.altered", "DROP", "INDEX", column)
        else:
            self.connection.run("TABLE.SCHEMA.ALTER", "t.altered", "ADD", "INDEX", column + ":" + kind)
        self.kinds["t.altered"][column] = kind

    def step(self):
        kinds = [self.select, self.select, self.select, self.insert, self.insert, self.insert, self.update, self.delete, self.alter]
        self.rng.choice(kinds)()

    def check_views(self):
        for table, kinds in self.kinds.items():
            view = self.connection.run("TABLE.SCHEMA.VIEW", table, "FULL")
            assert {name.decode(): kind.decode() for name, _, kind in view} == kinds


def run(server, seed, rows, steps):
    with server.connect() as connection:
        twins = Twins(connection, random.Random(seed))
        for _ in range(rows):
            twins.insert()
        for step in range(steps):
            twins.step()
            if step % 50 == 0:
                assert connection.run("MEMORY", "AUDIT") == b"OK", "seed %d, step %d" % (seed, step)
        twins.check_views()
        for table in twins.kinds:
            connection.run("TABLE.DELETE", table)
            assert connection.run("TABLE.SELECT", table) == []
        assert connection.run("MEMORY", "AUDIT") == b"OK"


def test_the_indexes_of_a_table_never_change_a_result(server, shards):
    run(server, 4 * shards, 200, STEPS)


@pytest.mark.slow
@pytest.mark.heavy
def test_the_indexes_of_a_table_never_change_a_result_for_long(server, shards):
    run(server, 1000 + shards, 800, LONG_STEPS)


# --- building

def fill(connection, table, count):
    for number in range(0, count, 500):
        connection.pipeline([["TABLE.INSERT", table, "id=%d" % (each * 7919 % count), "name=name%d" % (each % 100), "note=n%d" % each]
                             for each in range(number, min(number + 500, count))])


def test_indexes_are_built_replaced_and_dropped_on_many_rows(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "id:integer", "name:string", "note:string")
        fill(connection, "t.n", 3000)
        questions = [["WHERE", "id>=100", "AND", "id<130"], ["WHERE", "name=name7", "AND", "id<900"],
                     ["WHERE", "note>n299", "AND", "note<=n2995"], ["WHERE", "name<name11"]]
        wanted = [connection.run("TABLE.SELECT", "t.n", *question) for question in questions]
        assert len(wanted[0]) == 30 and all(wanted)
        for kind in ("btree", "hash", "btree", "none", "hash", "none", "btree"):
            for column in ("id", "name", "note"):
                words = ("DROP", "INDEX", column) if kind == "none" else ("ADD", "INDEX", column + ":" + kind)
                connection.run("TABLE.SCHEMA.ALTER", "t.n", *words)
            assert connection.run("TABLE.SCHEMA.VIEW", "t.n", "FULL") == [
                [b"id", b"integer", kind.encode()], [b"name", b"string", kind.encode()], [b"note", b"string", kind.encode()]]
            assert [connection.run("TABLE.SELECT", "t.n", *question) for question in questions] == wanted
            assert connection.run("MEMORY", "AUDIT") == b"OK"
            bytes_of_index = connection.run("MEMORY", "USAGE", "TABLE", "t.n", "INDEX", "id")
            assert (bytes_of_index == 0) == (kind == "none")


def test_an_index_of_the_right_kind_is_there_after_a_restart(server):
    question = ("TABLE.SELECT", "t.n", "WHERE", "id>=100", "AND", "id<130")
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "id:integer:btree", "name:string:hash", "note:string")
        fill(connection, "t.n", 1200)
        connection.run("TABLE.SCHEMA.ALTER", "t.n", "ADD", "INDEX", "note:btree")
        wanted = connection.run(*question)
        assert len(wanted) == 30
        connection.run("SAVE")
    restart(server)
    with server.connect() as connection:
        assert [row[2] for row in connection.run("TABLE.SCHEMA.VIEW", "t.n", "FULL")] == [b"btree", b"hash", b"btree"]
        assert connection.run(*question) == wanted
        assert connection.run("MEMORY", "AUDIT") == b"OK"


# --- plans that can be seen from outside

def test_a_range_is_not_a_scan_for_the_limits(start, shards):
    server = start("--table-max-scan-rows", "100", shards=shards)
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        for table, kind in (("t.hash", "hash"), ("t.btree", "btree")):
            connection.run("TABLE.SCHEMA.CREATE", table, "id:integer:" + kind, "name:string", "note:string")
            fill(connection, table, 2000)
        with pytest.raises(ReplyError):
            connection.run("TABLE.SELECT", "t.hash", "WHERE", "id<50")
        assert len(connection.run("TABLE.SELECT", "t.btree", "WHERE", "id<50")) == 50
        assert len(connection.run("TABLE.SELECT", "t.btree", "WHERE", "id>=0")) == 2000, "rows of a single condition do not count"
        assert len(connection.run("TABLE.SELECT", "t.btree", "WHERE", "id>=10", "AND", "id<60")) == 50
        with pytest.raises(ReplyError):
            connection.run("TABLE.SELECT", "t.btree", "WHERE", "id>=0", "AND", "note=n1")


def test_schema_view_tells_the_kind_when_it_is_asked(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "a:integer:hash", "b:string:btree", "c:date")
        assert connection.run("TABLE.SCHEMA.VIEW", "t.n") == [
            [b"a", b"integer", b"true"], [b"b", b"string", b"true"], [b"c", b"date", b"false"]]
        assert connection.run("TABLE.SCHEMA.VIEW", "t.n", "full") == [
            [b"a", b"integer", b"hash"], [b"b", b"string", b"btree"], [b"c", b"date", b"none"]]
        for words in (("WHOLE",), ("FULL", "FULL")):
            with pytest.raises(ReplyError):
                connection.run("TABLE.SCHEMA.VIEW", "t.n", *words)
