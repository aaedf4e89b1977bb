"""SET col:=expression: computed from the row as it was, as SQLite computes it; words that are values stay values; all rows or none."""

import random
import sqlite3

import pytest

from harness.resp import ReplyError
from harness.saved import restart

FORM = ["id:integer:hash", "a:integer:btree", "b:integer", "w:float:btree", "name:string:hash", "price:decimal(8,2)", "day:date"]
SETS = ["a:=a + 1", "a:=b", "b:=a", "b:=b * 3 - a", "w:=w / 2 + a", "w:=-w", "name:=name || '+' || CAST(a AS TEXT)", "name:=substr(name, 1, 4)",
        "a:=CASE WHEN a > b THEN a - b ELSE b END", "b:=_id % 7", "w:=1e3", "a=12", "b=-1", "name=a*b", "id:=id + 1000",
        "a=NULL", "w:=NULL", "name:=NULL", "b:=CASE WHEN a > 10 THEN b END", "name=NULL"]
WHERE = [[], ["a>10"], ["name=n3"], ["b<=5"], ["id=3"]]


def make(client, rows):
    rng = random.Random(rows)
    client.run("TABLE.NAMESPACE.CREATE", "t")
    client.run("TABLE.SCHEMA.CREATE", "t.t", *FORM)
    values = [(number, rng.randrange(-20, 50), rng.randrange(9), rng.randrange(100) / 4, "n%d" % (number % 5)) for number in range(rows)]
    client.run("TABLE.INSERT", "t.t", "COLUMNS", "id", "a", "b", "w", "name", "VALUES", *[str(value) for row in values for value in row])
    return values


def error_of(client, *words):
    with pytest.raises(ReplyError) as caught:
        client.run("TABLE.UPDATE", "t.t", *words)
    return str(caught.value)


def column(client, name, *where):
    return [row[1] for row in client.run("TABLE.SELECT", "t.t", "COLUMNS", name, *where)]


def test_they_are_what_sqlite_computes(server, shards):
    rng = random.Random(shards)
    with server.connect() as client, sqlite3.connect(":memory:") as other:
        values = make(client, 60)
        other.execute("CREATE TABLE t (_id INTEGER PRIMARY KEY, id INTEGER, a INTEGER, b INTEGER, w REAL, name TEXT)")
        other.executemany("INSERT INTO t (id, a, b, w, name) VALUES (?, ?, ?, ?, ?)", values)
        for _ in range(30):
            sets = {word.split("=")[0].rstrip(":"): word for word in rng.sample(SETS, rng.randrange(1, 4))}.values()
            where = rng.choice(WHERE)
            sql = ", ".join(word.replace(":=", " = ") if ":=" in word or word == "a=NULL" else "%s = '%s'" % tuple(word.split("=")) for word in sets)
            condition = " WHERE " + where[0].replace("=n3", "='n3'") if where else ""
            changed = other.execute("UPDATE t SET " + sql + condition).rowcount
            assert client.run("TABLE.UPDATE", "t.t", *(["WHERE"] + where if where else []), "SET", *sets) == changed, (where, sets)
            wanted = [list(row) for row in other.execute("SELECT id, a, b, w, name FROM t ORDER BY _id")]
            found = client.run("TABLE.SELECT", "t.t", "COLUMNS", "id", "a", "b", "w", "name")
            assert [[row[1], row[3], row[5], row[7] and float(row[7]), row[9] and row[9].decode()] for row in found] == wanted, (where, sets)
        assert client.run("MEMORY", "AUDIT") == b"OK"
        assert client.run("TABLE.COUNT", "t.t", "WHERE", "a>10") == other.execute("SELECT count(*) FROM t WHERE a > 10").fetchone()[0]


def test_a_value_stays_a_value_and_a_mistake_changes_nothing(server):
    with server.connect() as client:
        make(client, 2500)  # an UPDATE of them is a job
        one = ["WHERE", "id=7", "SET"]
        assert client.run("TABLE.UPDATE", "t.t", *one, "name=a+1", "day=2024-01-01", "price=1.10") == 1
        assert client.run("TABLE.UPDATE", "t.t", *one, "price:=price * 1.5", "day:=CAST('2024-01-02' AS DATE)") == 1
        assert client.run("TABLE.SELECT", "t.t", "COLUMNS", "name", "day", "price", "WHERE", "id=7") == [
            [b"name", b"a+1", b"day", b"2024-01-02", b"price", b"1.65"]]
        for word, value in [("name=:=1", b":=1"), ("name=b:=2", b"b:=2"), ("name==1", b"=1"), ("name:='x' || \"name\"", b"x=1")]:
            client.run("TABLE.UPDATE", "t.t", *one, word)
            assert column(client, "name", "WHERE", "id=7") == [value]
        client.run("TABLE.UPDATE", "t.t", "WHERE", "id=2400", "SET", "b=100", "a=9223372036854775807")
        before = client.run("DEBUG", "DIGEST")
        for words, error in [
            (["SET", "a:=a / (b - 100)"], "ERR division by zero, at line 1, column 10 (byte 9) of: SELECT a / (b - 100)"),
            (["WHERE", "b=100", "SET", "b=1", "a:=a + 1"], "ERR the number is out of range, at line 1, column 10 (byte 9) of: SELECT a + 1"),
            (["SET", "a:=a + 1"], "ERR the number is out of range, at line 1, column 10 (byte 9) of: SELECT a + 1"),
            (["SET", "nope:=1"], "ERR unknown column 'nope' in 'nope:=1'"), (["SET", "a:=1", "a=2"], "ERR a column is given twice"),
            (["SET", "a:=x + 1"], "ERR there is no column x, at line 1, column 8 (byte 7) of: SELECT x + 1"), (["SET", "a:="], "ERR "),
            (["SET", "a:=1, 2"], "ERR one expression was expected"), (["SET", "a:=1 FROM t.t"], "ERR one expression was expected"),
            (["SET", "a:=?"], "ERR one expression was expected"), (["SET", "a:=count(*)"], "ERR an aggregate cannot stand here"),
            (["SET", "a:=name"], "integer was expected"), (["SET", "a:=1 AS x"], "ERR one expression was expected"), (["SET", ":=1"], "ERR "),
        ]:
            assert error in error_of(client, *words), words
        assert client.run("DEBUG", "DIGEST") == before
        assert client.run("TABLE.UPDATE", "t.t", "WHERE", "id<2400", "SET", "a:=a + 1000000", "b:=a") == 2400
        assert client.run("TABLE.COUNT", "t.t", "WHERE", "a>=999980") == 2401
        assert client.run("MEMORY", "AUDIT") == b"OK"


def test_computed_rows_last(start, shards):
    server = start("--enable-debug-command", "yes", "--appendonly", "yes", "--appendfsync", "always", shards=shards)
    with server.connect() as client:
        make(client, 500)
        client.run("TABLE.UPDATE", "t.t", "SET", "id:=id * 3 + 1", "name:=name || name", "b=4")  # rows go to other shards
        replies = client.pipeline([("MULTI",), ("TABLE.UPDATE", "t.t", "WHERE", "id=301", "SET", "a:=b * 2"),
                                   ("TABLE.UPDATE", "t.t", "SET", "w:=w + 1"), ("TABLE.UPDATE", "t.t", "SET", "w:=1 / 0"), ("EXEC",)])[-1][1]
        assert [kind for kind, _ in replies] == [":", ":", "-"]
        # They go to the shards of rows without a value.
        client.run("TABLE.UPDATE", "t.t", "WHERE", "id", "IN", "(", "304", "307", ")", "SET", "id=null", "name:=NULL", "a=5000")
        client.run("TABLE.UPDATE", "t.t", "WHERE", "b=4", "AND", "id>400", "SET", "w=NULL", "b:=NULL")
        assert client.run("TABLE.COUNT", "t.t", "WHERE", "id", "IS", "NULL") == 2 and column(client, "name", "WHERE", "a=5000") == [None, None]
        script = "return redis.call('TABLE.UPDATE', 't.t', 'WHERE', 'id=301', 'SET', 'a:=a * 10')"
        assert client.run("EVAL", script, "0") == 1 and column(client, "a", "WHERE", "id=301") == [80]
        digest = client.run("DEBUG", "DIGEST")
    restart(server, 4 if shards == 1 else 1)
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == digest


def test_a_column_that_must_have_a_value_keeps_it(server):
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "t")
        client.run("TABLE.SCHEMA.CREATE", "t.t", "id:integer:primary", "a:integer:notnull", "u:integer:unique",
                   "s:string", "j:json", "d:date:default=2024-01-01")
        client.run("TABLE.INSERT", "t.t", "COLUMNS", "id", "a", "u", "s", "j", "VALUES", *"1 1 1 x {} 2 2 2 y []".split())
        before = client.run("DEBUG", "DIGEST")
        for words in (["a=NULL"], ["u=9", "a=null"], ["id=NULL"], ["s=z", "a:=NULL"], ["id:=NULL"], ["u:=7", "a:=CASE WHEN u < 2 THEN 1 END"]):
            assert "column '%s' must have a value" % ("id" if "id" in words[0] else "a") in error_of(client, "SET", *words), words
        assert client.run("DEBUG", "DIGEST") == before
        assert client.run("TABLE.UPDATE", "t.t", "SET", "u=NULL", "s=NULL", "d=NULL", "j=null") == 2  # any number of rows may have none
        whole = [[b"id", b"%d" % at, b"a", b"%d" % at, b"s", b"NULL", b"j", b"null"] for at in (1, 2)]  # a text of these types, not a null
        assert client.run("TABLE.SELECT", "t.t") == whole and client.run("TABLE.UPDATE", "t.t", "SET", "s:=NULL", "j=NULL") == 2
        assert client.run("TABLE.SELECT", "t.t") == [row[:4] for row in whole]
        assert client.run("TABLE.QUERY", "UPDATE t.t SET a = 7, u = NULL, s = CASE id WHEN 1 THEN ? END", "NULL") == 2
        assert client.run("TABLE.SELECT", "t.t") == [[b"id", b"1", b"a", b"7", b"s", b"NULL"], [b"id", b"2", b"a", b"7"]]
        assert client.run("MEMORY", "AUDIT") == b"OK"
