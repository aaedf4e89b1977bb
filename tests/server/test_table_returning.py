"""RETURNING: items of the rows that INSERT, UPDATE and DELETE add, change and remove, as SQLite tells them; all rows or none; jobs, EXEC, scripts."""

import random
import sqlite3

from harness.resp import error_of
from harness.saved import restart

FORM = ["id:integer:hash", "a:integer:btree", "b:integer", "w:float", "name:string:hash", "price:decimal(8,2)", "day:date", "key:uuid"]
NAMES = ["id", "a", "b", "w", "name"]
ITEMS = ["_id", "a", "b", "id", "w", "name", "a + b AS s", "coalesce(name, 'none') AS n", "CASE WHEN a > b THEN w END AS c", "a * 2 - id AS d"]
SETS = ["a = a + 1", "a = b", "b = a * 2 - 7", "w = w / 2", "name = name || '+'", "name = NULL", "id = id + 1000", "b = NULL", "a = 12", "name = 'x'"]
WHERE = ["", " WHERE a > 10", " WHERE b <= 5 AND a < 30", " WHERE id = 3", " WHERE name = 'n3'", " WHERE a IS NULL"]
BIG = 600  # rows: a change of them is a job
UUID = "550e8400-e29b-41d4-a716-446655440000"


def make(client, rows, *form):
    client.run("TABLE.NAMESPACE.CREATE", "t")
    client.run("TABLE.SCHEMA.CREATE", "t.t", *(form or FORM))
    rng = random.Random(rows)
    values = [(number, rng.randrange(-20, 50), rng.randrange(9), rng.randrange(100) / 4, "n%d" % (number % 5)) for number in range(rows)]
    client.run("TABLE.INSERT", "t.t", "COLUMNS", *NAMES, "VALUES", *[str(value) for row in values for value in row])
    return values


def plain(value):
    """A number as a float: SQLite returns a whole one of a REAL column as an integer."""
    if isinstance(value, bytes):
        value = value.decode()
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def in_any_order(rows):
    return sorted(([plain(value) for value in row] for row in rows), key=repr)


def told(reply):
    """Rows of [name, value, ...] as their values."""
    return in_any_order(row[1::2] for row in reply)


def test_they_are_what_sqlite_returns(server, shards):
    rng = random.Random(shards)
    everything = "TABLE.QUERY", "SELECT _id, id, a, b, w, name FROM t.t"
    with server.connect() as client, sqlite3.connect(":memory:") as other:
        other.execute("CREATE TABLE t (_id INTEGER PRIMARY KEY, id INTEGER, a INTEGER, b INTEGER, w REAL, name TEXT)")
        other.executemany("INSERT INTO t (id, a, b, w, name) VALUES (?, ?, ?, ?, ?)", make(client, 80))
        for round_number in range(48):
            items = rng.sample(ITEMS, rng.randrange(1, 5)) if rng.random() < 0.9 else ["*"]
            returning = " RETURNING " + ", ".join(items)
            if round_number % 4 == 0:
                rows = ", ".join("(%d, %d, NULL, %d.5)" % (rng.randrange(90), rng.randrange(40), rng.randrange(9))
                                 for _ in range(rng.randrange(1, 9)))
                sql = "INSERT INTO %s (id, a, name, w) VALUES " + rows
            elif round_number % 4 == 3:
                sql = "DELETE FROM %s" + rng.choice(WHERE[2:5])
            else:
                sql = "UPDATE %s SET " + ", ".join({word.split()[0]: word for word in rng.sample(SETS, 3)}.values()) + rng.choice(WHERE)
            rows = other.execute(sql % "t" + returning).fetchall()
            found = client.run("TABLE.QUERY", sql % "t.t" + returning)
            if items == ["*"]:
                found, rows = [row[:10] for row in found], [row[1:] for row in rows]
            assert told(found) == in_any_order(rows), sql
            assert told(client.run(*everything)) == in_any_order(other.execute("SELECT * FROM t")), sql
        assert client.run("MEMORY", "AUDIT") == b"OK"


def test_words_return_rows_as_they_become(server):
    with server.connect() as client:
        make(client, 3)
        change = ["TABLE.UPDATE", "t.t", "WHERE", "id=1", "SET"]
        assert client.run("TABLE.INSERT", "t.t", "id=7", "name=Ada", "key=" + UUID.upper(), "day=2024-02-29", "returning", "*") == [
            [b"id", 7, b"a", None, b"b", None, b"w", None, b"name", b"Ada", b"price", None, b"day", b"2024-02-29", b"key", UUID.encode()]]
        assert client.run("TABLE.INSERT", "t.t", "id=8", "price=1.5", "RETURNING", "_id", "price", "AS", "p", "id + 1") == [
            [b"_id", 5, b"p", b"1.50", b"id + 1", 9]]
        assert client.run("TABLE.INSERT", "t.t", "COLUMNS", "id", "name", "RETURNING", "name,", "id * 2,", "_id",
                          "VALUES", "9", "x", "10", "RETURNING") == [
            [b"name", b"x", b"id * 2", 18, b"_id", 6], [b"name", b"RETURNING", b"id * 2", 20, b"_id", 7]]
        assert client.run("TABLE.INSERT", "t.t", "COLUMNS", "id", "RETURNING", "id", "VALUES", "11") == [[b"id", 11]]
        # What SET gives, computed or not, moved to another shard or not; then as it was.
        assert client.run(*change, "a:=b", "b=5", "price=2", "key=" + UUID.replace("-", ""), "RETURNING", "price", "b", "key") == [
            [b"price", b"2.00", b"b", 5, b"key", UUID.encode()]]
        assert client.run(*change, "id:=id + 500", "name=NULL", "price:=price * 1.234", "w:=NULL",
                          "RETURNING", "id", "name", "price", "w", "_id") == [
            [b"id", 501, b"name", b"NULL", b"price", b"2.47", b"w", None, b"_id", 2]]
        assert client.run("TABLE.DELETE", "t.t", "WHERE", "id=501", "RETURNING", "id", "key") == [[b"id", 501, b"key", UUID.encode()]]
        assert client.run("TABLE.DELETE", "t.t", "WHERE", "id=501", "RETURNING", "id") == [] == client.run(*change, "b=1", "RETURNING", "*")
        assert client.run("TABLE.QUERY", "DELETE FROM t.t WHERE id >= ? RETURNING t.id + ? AS n", "10", "100") in (
            [[b"n", 110], [b"n", 111]], [[b"n", 111], [b"n", 110]])
        client.run("HELLO", "3")
        assert client.run("TABLE.UPDATE", "t.t", "WHERE", "id=8", "SET", "w=0.5", "RETURNING", "id", "a > 1 AS c", "id > 1 AS d") == [
            {b"id": 8, b"c": None, b"d": True}]
        # Columns of that name are columns.
        client.run("TABLE.SCHEMA.CREATE", "t.v", "returning:integer", "id:integer")
        assert client.run("TABLE.INSERT", "t.v", "COLUMNS", "id", "returning", "VALUES", "1", "2") == [b"1"]
        assert client.run("TABLE.DELETE", "t.v", "WHERE", "id=1", "AND", "returning", "=", "2", "RETURNING", "returning") == [{b"returning": 2}]


def test_a_mistake_changes_nothing(server):
    with server.connect() as client:
        make(client, BIG)
        client.run("TABLE.SCHEMA.CREATE", "t.u", "id:integer:primary", "a:integer")
        before = client.run("DEBUG", "DIGEST")
        many = [word for number in range(3000, 4200) for word in (str(number), "0" if number == 4199 else "1")]
        insert, delete, update = (["TABLE.%s" % name, "t.t"] for name in ("INSERT", "DELETE", "UPDATE"))
        for words, error in [
            ([*insert, "id=1", "a=0", "RETURNING", "1 / a"], "ERR division by zero, at line 1, column 10 (byte 9) of: SELECT 1 / a FROM"),
            ([*insert, "COLUMNS", "id", "a", "RETURNING", "id", "1 / a", "VALUES", "1", "1", "2", "0"], "ERR division by zero"),
            ([*insert, "COLUMNS", "id", "a", "RETURNING", "id", "1 / a", "VALUES", *many], "ERR division by zero"),
            ([*delete, "RETURNING", "1 / (id - 7)"], "ERR division by zero"),
            ([*delete, "WHERE", "id=7", "RETURNING", "1 / (id - 7)"], "ERR division by zero"),
            ([*update, "SET", "b=1", "RETURNING", "1 / (id - %d)" % (BIG - 1)], "ERR division by zero"),
            ([*update, "WHERE", "id<9", "SET", "id:=id + 1", "RETURNING", "1 / (id - 7)"], "ERR division by zero"),
            ([*update, "SET", "id:=id + 1", "RETURNING", "9223372036854775807 + id - 5"], "ERR the number is out of range"),
            (["TABLE.QUERY", "UPDATE t.t SET b = 0 RETURNING 7 / b"], "ERR division by zero, at line 1, column 34 (byte 33)"),
            (["TABLE.QUERY", "INSERT INTO t.t (id, a) VALUES (1, 1), (2, 0) RETURNING 7 / a"], "ERR division by zero, at line 1, column"),
            (["TABLE.QUERY", "INSERT INTO t.u (id, a) VALUES (1, 1), (1, 0) RETURNING id"], "ERR row 2: two rows of 't.u' would have '1'"),
            ([*insert, "id=1", "RETURNING"], "ERR an expression or * was expected"),
            ([*insert, "id=x", "RETURNING", "id"], "ERR 'x' is not an integer"),
            ([*insert, "RETURNING", "id"], "ERR "), ([*insert, "COLUMNS", "id", "RETURNING", "id"], "ERR 'VALUES' expected behind 'id'"),
            ([*delete, "RETURNING", "count(*)"], "ERR RETURNING takes items of a row"),
            ([*delete, "RETURNING", "DISTINCT", "id"], "ERR RETURNING takes"),
            ([*update, "SET", "RETURNING", "id"], "ERR "), ([*update, "SET", "a=1", "RETURNING", "nope"], "ERR there is no column nope"),
            ([*update, "SET", "a=1", "RETURNING", "id", "RETURNING", "a"], "ERR "), ([*update, "RETURNING", "id", "SET", "a=1"], "ERR "),
            (["TABLE.QUERY", "DELETE FROM t.t RETURNING sum(a)"], "ERR RETURNING takes items of a row"),
            (["TABLE.QUERY", "DELETE FROM t.t RETURNING u.a"], "ERR there is no column"),
        ]:
            assert error_of(client, *words).startswith(error), words
        assert client.run("DEBUG", "DIGEST") == before and client.run("MEMORY", "AUDIT") == b"OK"
        assert client.run(*insert, "id=1", "RETURNING", "_id") == [[b"_id", int(client.run("TABLE.INSERT", "t.t", "id=1")) - 1]]


def test_many_rows_in_exec_and_scripts(start, shards):
    server = start("--enable-debug-command", "yes", "--appendonly", "yes", "--appendfsync", "always", shards=shards)
    with server.connect() as client:
        make(client, BIG)
        update = ["TABLE.UPDATE", "t.t", "WHERE", "id>=0", "SET", "a:=id + 1", "RETURNING", "a"]
        insert = ["TABLE.INSERT", "t.t", "COLUMNS", "id", "a", "RETURNING", "_id", "id", "VALUES", *(str(number) for number in range(5000, 7200))]
        assert told(client.run(*update)) == in_any_order([number] for number in range(1, BIG + 1))
        assert client.run(*insert) == [[b"_id", BIG + 1 + at, b"id", 5000 + 2 * at] for at in range(1100)]
        assert len(client.run("TABLE.UPDATE", "t.t", "WHERE", "id<5000", "SET", "id:=id + 50000", "RETURNING", "id")) == BIG
        replies = client.pipeline([("MULTI",), insert, ("TABLE.DELETE", "t.t", "WHERE", "id<6000", "RETURNING", "id"),
                                   ("TABLE.DELETE", "t.t", "RETURNING", "1 / (id - 50007)"), ("EXEC",)])[-1][1]
        assert [(kind, kind == "*" and len(rows)) for kind, rows in replies] == [("*", 1100), ("*", 1000), ("-", False)]
        script = "local rows = redis.call('TABLE.DELETE', 't.t', 'WHERE', 'id>=50000', 'RETURNING', 'id'); return {#rows, rows[1][1]}"
        assert client.run("EVAL", script, "0") == [BIG, b"id"]
        assert len(client.run("TABLE.DELETE", "t.t", "RETURNING", "*")) == 1200 == len(client.run(*update)) + 1200
        client.run("TABLE.INSERT", "t.t", "id=1", "a=2", "RETURNING", "id")
        digest = client.run("DEBUG", "DIGEST")
    restart(server, 4 if shards == 1 else 1)
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == digest and client.run("TABLE.COUNT", "t.t") == 1


def test_returning_needs_to_read(server):
    with server.connect() as client, server.connect() as writer:
        make(client, 1)
        client.run("ACL", "SETUSER", "writer", "on", "nopass", "+@table", "%W~t.*")
        writer.run("AUTH", "writer", "")
        assert writer.run("TABLE.INSERT", "t.t", "COLUMNS", "id", "VALUES", "1") == [b"2"] and writer.run("TABLE.INSERT", "t.t", "id=1") == b"3"
        for words in (["id=1", "RETURNING", "id"], ["COLUMNS", "id", "RETURNING", "id", "VALUES", "1"]):
            assert writer.call("TABLE.INSERT", "t.t", *words)[1].startswith(b"NOPERM"), words
        assert writer.run("TABLE.INSERT", "t.t", "COLUMNS", "name", "VALUES", "RETURNING") == [b"4"]
