"""Rows whose unique values other rows have: ONCONFLICT of TABLE.INSERT; ON CONFLICT, OR IGNORE and OR REPLACE of SQL, against SQLite."""

import random
import sqlite3

import pytest

from harness import saved
from harness.process import SLOWDOWN
from harness.resp import error_of, table_rows
from harness.together import run_all

COLUMNS = ("id:integer:primary", "mail:string:unique", "code:integer:btree:unique", "n:integer:notnull:default=5")
STEPS = int(1200 / SLOWDOWN)
MANY = 900  # rows of four values: an INSERT of them goes in steps
WRITERS = 4
CLAUSES = ["ON CONFLICT DO NOTHING", "ON CONFLICT (id) DO NOTHING", "ON CONFLICT (mail) DO NOTHING", "ON CONFLICT (code) DO NOTHING",
           "ON CONFLICT (id) DO UPDATE SET n = n + excluded.n", "ON CONFLICT (mail) DO UPDATE SET n = excluded.code, code = excluded.code",
           "ON CONFLICT (code) DO UPDATE SET mail = excluded.mail || t.mail, n = t.n * 2 WHERE excluded.n > t.n",
           "ON CONFLICT (mail) DO UPDATE SET id = excluded.id, n = 0", "ON CONFLICT (id) DO UPDATE SET id = t.id + 20, code = NULL",
           "ON CONFLICT (id) DO UPDATE SET mail = NULL, n = CASE WHEN excluded.n > 90 THEN NULL ELSE 3 END", "ON CONFLICT DO UPDATE SET n = n + 1000"]


def query(client, text, *arguments):
    return client.run("TABLE.QUERY", text, *arguments)


def rows(client, *words):
    return [{name.decode(): value.decode() for name, value in row.items()} for row in table_rows(client, "s.t", *words)]


def make(client, *columns):
    client.run("TABLE.NAMESPACE.CREATE", "s")
    client.run("TABLE.SCHEMA.CREATE", "s.t", *(columns or COLUMNS))


def told(client):
    return [row[1::2] for row in query(client, "SELECT id, mail, code, n FROM s.t ORDER BY id")]


def row_id(client, number):
    return query(client, "SELECT _id FROM s.t WHERE id = ?", str(number))[0][1]


def literal(value):
    return "NULL" if value is None else "'%s'" % value if isinstance(value, str) else str(value)


def statement(rng):
    values = [(rng.randrange(40), rng.choice([None, "m%d" % rng.randrange(30)]), rng.choice([None, rng.randrange(30)]),
               rng.choice([None, 7, 50, rng.randrange(100)] if rng.random() < 0.3 else [7, 50, rng.randrange(100)]))
              for _ in range(rng.choice([1, 1, 2, 5, 12]))]
    clause = rng.choice(CLAUSES)
    if clause.startswith("ON CONFLICT DO UPDATE"):  # of several rows that it could change SQLite does not say which
        values = [(row[0], None, None, row[3]) for row in values]
    rows_text = ", ".join("(" + ", ".join(literal(value) for value in row) + ")" for row in values)
    kind = rng.choice(["INSERT OR IGNORE INTO", "INSERT OR REPLACE INTO"] + ["INSERT INTO"] * 6)
    return "%s s.t (id, mail, code, n) VALUES %s %s" % (kind, rows_text, clause if kind == "INSERT INTO" else "")


def test_random_statements_do_what_sqlite_does(client):
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    make(client)
    other = sqlite3.connect(":memory:", isolation_level=None)
    other.execute("ATTACH ':memory:' AS s")
    other.execute("CREATE TABLE s.t (id INTEGER PRIMARY KEY, mail TEXT UNIQUE, code INTEGER UNIQUE, n INTEGER NOT NULL DEFAULT 5)")
    refused = 0
    for step in range(STEPS):
        text = statement(rng) if step % 40 else "DELETE FROM s.t WHERE id % 3 <> 0"
        try:
            other.execute(text)
            wanted = "done"
        except sqlite3.IntegrityError as error:
            wanted = str(error)
        kind, reply = client.pipeline([("TABLE.QUERY", text)])[0]
        assert (kind != "-") == (wanted == "done"), (seed, text, wanted, reply)
        refused += kind == "-"
        expected = [[value.encode() if isinstance(value, str) else value for value in row]
                    for row in other.execute("SELECT id, mail, code, n FROM s.t ORDER BY id")]
        assert told(client) == expected, (seed, text, wanted)
    assert 0 < refused < STEPS / 2
    assert client.run("MEMORY", "AUDIT") == b"OK"


def test_words(client):
    make(client)
    insert = ("TABLE.INSERT", "s.t")
    assert client.run(*insert, "id=1", "mail=a", "ONCONFLICT", "IGNORE") == [b"1"]
    assert client.run(*insert, "id=1", "mail=b", "onconflict", "ignore") == []
    assert "two rows" in error_of(client, *insert, "id=1", "ONCONFLICT", "ERROR")
    assert rows(client) == [{"id": "1", "mail": "a", "n": "5"}]
    columns = (*insert, "COLUMNS", "id", "mail", "n")
    assert client.run(*columns, "ONCONFLICT", "UPDATE", "n:=n+excluded.n", "mail=z", "RETURNING", "n", "VALUES", "1", "q", "10") == [[b"n", 15]]
    assert client.run(*columns, "ONCONFLICT", "UPDATE", "n:=n+excluded.n", "mail:=NULL", "RETURNING", "id", "n", "mail",
                      "VALUES", "1", "q", "10", "2", "r", "1", "1", "s", "100", "2", "r", "3") == [[b"id", 1, b"n", 125, b"mail", None],
                                                                                                  [b"id", 2, b"n", 4, b"mail", None]]
    assert len(client.run(*columns, "ONCONFLICT", "REPLACE", "VALUES", "1", "x", "1", "2", "x", "2", "3", "y", "3")) == 2
    assert sorted((row["id"], row["mail"]) for row in rows(client)) == [("2", "x"), ("3", "y")]
    expected = "ERR 'IGNORE', 'REPLACE', 'UPDATE' or 'ERROR' expected"
    assert error_of(client, *insert, "id=1", "ONCONFLICT") == expected + " behind 'ONCONFLICT'"
    assert error_of(client, *insert, "id=1", "ONCONFLICT", "FOO").startswith(expected + ", not")
    for words in (("UPDATE",), ("UPDATE", "nope=1"), ("UPDATE", "n=x"), ("UPDATE", "n=NULL"), ("UPDATE", "n:=excluded.nope"),
                  ("UPDATE", "n:=excluded._id"),
                  ("UPDATE", "n=1", "n=2"), ("IGNORE", "foo"), ("UPDATE", "n:=1/0", "RETURNING")):
        assert error_of(client, *insert, "id=3", "ONCONFLICT", *words).startswith("ERR "), words
    assert client.run(*columns, "ONCONFLICT", "UPDATE", "n=77", "VALUES", "3", "x", "1") == [b"%d" % row_id(client, 3)], "the first column counts"
    assert client.run(*insert, "id=3", "ONCONFLICT", "UPDATE", "n=3") != []
    assert "zero" in error_of(client, *columns, "ONCONFLICT", "UPDATE", "n:=1/(n-3)", "VALUES", "9", "9", "9", "3", "3", "3")
    assert sorted(row["id"] for row in rows(client)) == ["2", "3"]


def test_a_column_may_have_the_name_of_the_clause(client):
    make(client, "onconflict:integer:primary", "ignore:integer")
    assert len(client.run("TABLE.INSERT", "s.t", "COLUMNS", "ignore", "onconflict", "VALUES", "1", "2")) == 1
    assert client.run("TABLE.INSERT", "s.t", "onconflict=2", "ONCONFLICT", "IGNORE") == []


def test_refusals_of_sql(client):
    make(client)
    insert = "INSERT INTO s.t (id, n) VALUES (1, 2) ON CONFLICT "
    for clause, reason in (("(n) DO NOTHING", "takes one column, which is unique"), ("(id, mail) DO NOTHING", "takes one column"),
                           ("(nope) DO NOTHING", "there is no column nope"), ("DO UPDATE SET nope = 1", "there is no column nope"),
                           ("DO UPDATE SET n = 1, n = 2", "two values"), ("DO UPDATE SET n = other.n", "other"),
                           ("DO UPDATE SET n = excluded.x", "x"),
                           ("DO UPDATE SET n = 'a'", ""), ("DO UPDATE SET n = n WHERE n", "")):
        said = error_of(client, "TABLE.QUERY", insert + clause)
        assert said.startswith("ERR ") and reason in said, said
    assert rows(client) == []
    assert error_of(client, "TABLE.QUERY", "INSERT OR REPLACE INTO s.t (id, n) VALUES (1, 2) ON CONFLICT DO NOTHING").startswith("ERR ")
    assert query(client, "INSERT OR IGNORE INTO s.t (id, n) VALUES (?, ?)", "1", "2") == [b"1"]
    insert = "INSERT INTO s.t (id, n) VALUES (1, 4) ON CONFLICT "
    assert query(client, insert + "(id) DO UPDATE SET n = n + excluded.n + ? RETURNING n", "100") == [[b"n", 106]]
    assert query(client, insert + "(id) DO UPDATE SET n = 7 WHERE t.n < ? RETURNING n", "1") == []


def big(clause, numbers):
    return "INSERT INTO s.t (id, mail, code, n) VALUES %s %s" % (
        ", ".join("(%d, 'mail %d', %d, %d)" % (number, number, number, number) for number in numbers), clause)


def test_many_rows_in_steps_are_all_or_nothing_and_repeated_by_the_log(start, shards):
    server = start("--enable-debug-command", "yes", "--appendonly", "yes", shards=shards)
    with server.connect() as client:
        make(client)
        assert len(query(client, big("", range(MANY)))) == MANY
        before = told(client)
        update = "ON CONFLICT (id) DO UPDATE SET n = n + 1, mail = t.mail || '!' || excluded.mail"
        again = [*range(MANY - 100, MANY + 100), *range(0, MANY)]
        assert "two rows" in error_of(client, "TABLE.QUERY", big("ON CONFLICT (id) DO UPDATE SET n = n + 1, code = 5", again))
        assert "two rows" in error_of(client, "TABLE.QUERY", big("ON CONFLICT (mail) DO NOTHING", [5000, *again]).replace("'mail 100'", "'other'"))
        assert told(client) == before and client.run("MEMORY", "AUDIT") == b"OK"
        assert query(client, big("ON CONFLICT DO NOTHING", range(MANY))) == []
        assert len(query(client, big(update, again))) == MANY + 100
        expected = [[number, b"mail %d%s" % (number, b"!mail %d" % number * count), number, number + count]
                    for number in range(MANY + 100) for count in [(number >= MANY - 100) + (number < MANY) - (number >= MANY)]]
        assert told(client) == expected
        assert len(query(client, big("ON CONFLICT (id) DO UPDATE SET id = t.id + 10000, code = NULL", range(0, MANY, 2)))) == MANY / 2
        assert len(query(client, big("", range(0, MANY, 2)).replace("INSERT", "INSERT OR REPLACE"))) == MANY / 2
        assert len(query(client, big("", range(MANY)).replace("INSERT", "INSERT OR REPLACE") + " RETURNING id")) == MANY
        assert client.run("MEMORY", "AUDIT") == b"OK"
        digest = client.run("DEBUG", "DIGEST")
        rows_before = told(client)
        client.run("DEBUG", "LOADAOF")
        assert client.run("DEBUG", "DIGEST") == digest
    saved.restart(server)
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == digest and told(client) == rows_before
        assert client.run("MEMORY", "AUDIT") == b"OK"


def test_a_snapshot_shows_the_rows_as_they_were_when_it_began(start, shards):
    server = start("--enable-debug-command", "yes", shards=shards)
    with server.connect() as client:
        make(client)
        query(client, big("", range(MANY)))
        digest = client.run("DEBUG", "DIGEST")
        saves = saved.begin_slow_save(client)
        for first, clause in ((0, "ON CONFLICT (id) DO UPDATE SET n = n + 1, mail = t.mail || excluded.mail"),
                              (100, "ON CONFLICT DO REPLACE"), (300, "ON CONFLICT (id) DO UPDATE SET id = t.id + 10000, mail = NULL, code = NULL"),
                              (MANY, "ON CONFLICT DO NOTHING")):
            assert len(query(client, big(clause, [*range(first, first + 100), first]))) in (100, 101)
            assert "zero" in error_of(client, "TABLE.QUERY", big("ON CONFLICT (code) DO UPDATE SET n = n / (code - 700)", range(500, 701)))
        saved.end_slow_save(client, saves)
        assert client.run("MEMORY", "AUDIT") == b"OK" and client.run("DEBUG", "DIGEST") != digest
        with saved.loaded(server, {1: 3}.get(shards, 1)) as other:
            assert other.run("DEBUG", "DIGEST") == digest


def test_in_transactions_and_scripts(client):
    make(client)
    upsert = ("TABLE.QUERY", "INSERT INTO s.t (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1")
    words = ("TABLE.INSERT", "s.t", "id=1", "n=1", "ONCONFLICT", "UPDATE", "n:=n+1")
    assert client.pipeline([("MULTI",), upsert, words, ("EXEC",)])[-1][1] == [("*", [("$", b"1")])] * 2
    assert client.run("EVAL", "redis.call(unpack(ARGV)); return redis.call(unpack(ARGV))", "0", *words) == [b"1"]
    assert [row["n"] for row in rows(client)] == ["4"]


@pytest.mark.threads
def test_counters_of_many_clients_lose_nothing(server, client):
    make(client)
    steps = int(150 / min(SLOWDOWN, 4))

    def write(number):
        def run():
            with server.connect() as connection:
                rng = random.Random(number)
                for kind, reply in connection.pipeline([upsert(rng) for _ in range(steps)]):
                    assert kind == "*", reply
        return run

    def upsert(rng):
        keys = rng.sample(range(8), 3)
        if rng.random() < 0.5:
            words = (word for key in keys for word in (str(key), "1"))
            return ("TABLE.INSERT", "s.t", "COLUMNS", "id", "n", "ONCONFLICT", "UPDATE", "n:=n+1", "VALUES", *words)
        values = ", ".join("(%d, 1)" % key for key in keys)
        return ("TABLE.QUERY", "INSERT INTO s.t (id, n) VALUES %s ON CONFLICT (id) DO UPDATE SET n = n + excluded.n" % values)
    run_all(*(write(number) for number in range(WRITERS)))
    assert sum(int(row["n"]) for row in rows(client)) == WRITERS * steps * 3
    assert client.run("MEMORY", "AUDIT") == b"OK"
