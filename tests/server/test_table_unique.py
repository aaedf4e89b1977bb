"""Unique and primary columns: no two rows have the same value there, whoever writes them, on however many shards, in steps or at once, before and
after a restart; and a statement that is refused for it has changed nothing."""

import random

import pytest

from harness.process import SLOWDOWN
from harness.resp import error_of, table_rows
from harness.saved import restart
from harness.together import run_all

MANY_ROWS = 3000  # an UPDATE of them, or an index of them, goes in steps
COLUMNS = ("id:integer:primary", "mail:string:unique", "code:integer:btree:unique", "note:string")
WRITERS = 6
STEPS = int(400 / SLOWDOWN)


def refused(table, value, column):
    return "ERR two rows of '%s' would have '%s' in column '%s', which is unique" % (table, value, column)


def rows(client, *words):
    return table_rows(client, "s.t", *words)


def no_value_is_there_twice(client, columns=("id", "mail", "code")):
    found = rows(client)
    for column in columns:
        values = [row[column.encode()] for row in found if column.encode() in row]
        assert len(values) == len(set(values)), column
        for value in values[:50]:  # as its index says, too
            assert len(rows(client, "WHERE", column, "=", value)) == 1
    return found


@pytest.fixture
def table(client):
    client.run("TABLE.NAMESPACE.CREATE", "s")
    client.run("TABLE.SCHEMA.CREATE", "s.t", *COLUMNS)
    return client


def test_what_is_refused(table):
    insert = ("TABLE.INSERT", "s.t")
    assert table.run(*insert, "id=1", "mail=a", "code=10") == b"1"
    table.run(*insert, "id=2")
    table.run(*insert, "id=3")  # nulls are no values
    assert error_of(table, *insert, "id=1") == refused("s.t", 1, "id")
    assert error_of(table, *insert, "id=4", "mail=a") == refused("s.t", "a", "mail")
    assert error_of(table, *insert, "id=4", "code=+010") == refused("s.t", 10, "code")
    assert error_of(table, *insert, "mail=b") == "ERR column 'id' must have a value"
    table.run(*insert, "id=4", "mail=\r\n" + "x" * 300)
    assert error_of(table, *insert, "id=5", "mail=\r\n" + "x" * 300) == refused("s.t", "\\x0d\\x0a" + "x" * 62 + "...", "mail")
    before = rows(table)
    update = ("TABLE.UPDATE", "s.t")
    assert error_of(table, *update, "WHERE", "id=2", "SET", "mail=a") == refused("s.t", "a", "mail")
    assert error_of(table, *update, "SET", "mail=z") == refused("s.t", "z", "mail")
    assert error_of(table, *update, "SET", "note=n", "code=77") == refused("s.t", 77, "code")
    assert error_of(table, *update, "WHERE", "id=2", "SET", "id=3") == refused("s.t", 3, "id")
    assert rows(table) == before
    assert table.run(*update, "WHERE", "id=1", "SET", "mail=a", "code=10", "id=1") == 1, "its own values"
    assert table.run(*update, "WHERE", "id=99", "SET", "mail=a") == 0
    assert table.run(*update, "SET", "note=n") == 4
    assert table.run(*update, "WHERE", "id=2", "SET", "id=20", "mail=b") == 1
    table.run("TABLE.DELETE", "s.t", "WHERE", "id=1")
    table.run(*insert, "id=1", "mail=a", "code=10")
    no_value_is_there_twice(table)


def test_sql(table):
    query = lambda *words: table.run("TABLE.QUERY", *words)  # noqa: E731
    for number in range(6):
        query("INSERT INTO s.t (id, mail, code) VALUES (?, ?, ?)", number, "m%d" % number, 10 * number)
    before = rows(table)
    assert error_of(table, "TABLE.QUERY", "INSERT INTO s.t (id, mail) VALUES (9, 'm3')") == refused("s.t", "m3", "mail")
    assert error_of(table, "TABLE.QUERY", "UPDATE s.t SET mail = substr(mail, 1, 1)") == refused("s.t", "m", "mail")
    assert error_of(table, "TABLE.QUERY", "UPDATE s.t SET code = code + 10 WHERE id = 2") == refused("s.t", 30, "code")
    # Its neighbour has the value now, although it would get another one.
    assert error_of(table, "TABLE.QUERY", "UPDATE s.t SET code = code + 10 WHERE id IN (2, 3)") == refused("s.t", 30, "code")
    assert error_of(table, "TABLE.QUERY", "UPDATE s.t SET mail = 'new' || mail, code = id % 5 + 100") == refused("s.t", 100, "code")
    assert rows(table) == before
    assert query("UPDATE s.t SET mail = mail || '!', code = code + 1, id = id - 100") == 6
    assert [row[b"mail"] for row in rows(table)] == [b"m%d!" % number for number in range(6)]
    # CREATE TABLE, CREATE UNIQUE INDEX and ADD COLUMN make the same columns.
    query("CREATE TABLE s.u (id INTEGER PRIMARY KEY, mail VARCHAR UNIQUE, code INTEGER, note VARCHAR)")
    query("CREATE UNIQUE INDEX ON s.u (code)")
    assert table.run("TABLE.SCHEMA.VIEW", "s.u", "FULL") == table.run("TABLE.SCHEMA.VIEW", "s.t", "FULL")
    query("INSERT INTO s.u (id, code) VALUES (1, 5)")
    query("ALTER TABLE s.u ADD COLUMN more DATE UNIQUE")
    query("INSERT INTO s.u (id, more) VALUES (2, '2024-01-01')")
    assert error_of(table, "TABLE.QUERY", "INSERT INTO s.u (id, more) VALUES (3, '2024-01-01')") == refused("s.u", "2024-01-01", "more")


def test_what_schemas_say(table):
    assert table.run("TABLE.SCHEMA.VIEW", "s.t", "FULL") == [
        [b"id", b"integer", b"hash", b"primary"], [b"mail", b"string", b"hash", b"unique"], [b"code", b"integer", b"btree", b"unique"],
        [b"note", b"string", b"none"]]
    for words, error in (
            (("a:integer:unique:none",), "ERR a column that is 'unique' or 'primary' has an index, 'hash' or 'btree'"),
            (("a:integer:primary", "b:integer:primary"), "ERR a table has one 'primary' column at most"),
            (("a:integer:unique:unique",), "ERR an option of a column is given twice")):
        assert error_of(table, "TABLE.SCHEMA.CREATE", "s.bad", *words) == error
    words = [b":".join(row) for row in table.run("TABLE.SCHEMA.VIEW", "s.t", "FULL")]
    table.run("TABLE.SCHEMA.CREATE", "s.again", *words)
    assert table.run("TABLE.SCHEMA.VIEW", "s.again", "FULL") == table.run("TABLE.SCHEMA.VIEW", "s.t", "FULL")
    alter = ("TABLE.SCHEMA.ALTER", "s.t")
    table.run("TABLE.INSERT", "s.t", "id=1", "mail=a")
    assert error_of(table, *alter, "DROP", "INDEX", "id") == "ERR the index of the 'primary' column cannot be dropped"
    assert error_of(table, *alter, "ADD", "COLUMN", "x:integer:primary") == "ERR a table has one 'primary' column at most"
    table.run(*alter, "ADD", "INDEX", "mail:btree")  # the other kind, and as unique as before
    table.run(*alter, "ADD", "INDEX", "id:btree")
    assert error_of(table, "TABLE.INSERT", "s.t", "id=2", "mail=a") == refused("s.t", "a", "mail")
    assert error_of(table, "TABLE.INSERT", "s.t", "id=1") == refused("s.t", 1, "id")
    table.run(*alter, "ADD", "INDEX", "mail:unique")
    table.run("TABLE.APPLY", "s.t", "70", "INSERT", "id", "70", "mail", "a")  # checks nothing
    assert error_of(table, *alter, "ADD", "INDEX", "mail:unique") == "ERR two rows of 's.t' have 'a' in column 'mail', so that it cannot be unique"
    assert table.run("TABLE.SCHEMA.VIEW", "s.t", "FULL")[1] == [b"mail", b"string", b"btree", b"unique"]
    table.run("TABLE.DELETE", "s.t", "WHERE", "id=70")
    table.run(*alter, "DROP", "INDEX", "mail")
    table.run("TABLE.INSERT", "s.t", "id=2", "mail=a")
    assert table.run("TABLE.SCHEMA.VIEW", "s.t", "FULL")[1] == [b"mail", b"string", b"none"]
    table.run(*alter, "DROP", "COLUMN", "id")  # rows are anywhere now
    table.run("TABLE.INSERT", "s.t", "code=5")
    assert error_of(table, "TABLE.INSERT", "s.t", "code=5") == refused("s.t", 5, "code")


@pytest.mark.parametrize("count", (40, MANY_ROWS), ids=("few", "many"))
def test_an_index_becomes_unique_only_where_no_value_is_there_twice(table, count):
    table.run("TABLE.SCHEMA.CREATE", "s.a", "id:integer:hash", "n:integer", "b:integer:btree")
    table.pipeline(("TABLE.INSERT", "s.a", "id=%d" % number, "n=%d" % number, "b=%d" % number) for number in range(count))
    table.run("TABLE.INSERT", "s.a", "id=-1")
    table.run("TABLE.INSERT", "s.a", "id=-2", "n=%d" % (count // 2), "b=%d" % (count // 2))
    alter = ("TABLE.SCHEMA.ALTER", "s.a", "ADD", "INDEX")
    for word, column in (("n:unique", "n"), ("n:btree:unique", "n"), ("n:unique:hash", "n"), ("b:unique", "b"), ("b:hash:unique", "b")):
        before = table.run("TABLE.SCHEMA.VIEW", "s.a", "FULL")
        assert error_of(table, *alter, word) == "ERR two rows of 's.a' have '%d' in column '%s', so that it cannot be unique" % (count // 2, column)
        assert table.run("TABLE.SCHEMA.VIEW", "s.a", "FULL") == before
        assert table.run("MEMORY", "AUDIT") == b"OK"
    table.run("TABLE.DELETE", "s.a", "WHERE", "id=-2")
    for word in ("n:unique", "b:unique", "n:btree", "id:unique"):
        table.run(*alter, word)
    assert table.run("TABLE.SCHEMA.VIEW", "s.a", "FULL") == [
        [b"id", b"integer", b"hash", b"unique"], [b"n", b"integer", b"btree", b"unique"], [b"b", b"integer", b"btree", b"unique"]]
    assert error_of(table, "TABLE.INSERT", "s.a", "id=-3", "n=%d" % (count - 1)) == refused("s.a", count - 1, "n")
    for word in ("n:unique:unique", "n:", "n:x", "n:none:unique", "n:hash:btree"):
        assert error_of(table, *alter, word) == "ERR index must be 'hash', 'btree', 'none' (or deprecated 'true'/'false')", word


def test_a_long_update_is_all_or_nothing(table):
    table.pipeline(("TABLE.INSERT", "s.t", "id=%d" % number, "mail=m%d" % number, "code=%d" % number) for number in range(MANY_ROWS))
    before = rows(table)
    last = MANY_ROWS - 1
    assert error_of(table, "TABLE.UPDATE", "s.t", "SET", "code=-1") == refused("s.t", -1, "code")
    for sets, value, column in (("code = CASE WHEN id = %d THEN -1 ELSE -1 - id END" % last, -1, "code"),
                                ("mail = CASE WHEN id = 7 THEN 'm8' ELSE mail || '!' END", "m8", "mail"),
                                ("id = CASE WHEN id = %d THEN 0 ELSE id END" % last, 0, "id"),
                                ("note = 'changed', mail = 'm8'", "m8", "mail")):
        assert error_of(table, "TABLE.QUERY", "UPDATE s.t SET " + sets) == refused("s.t", value, column)
    assert rows(table) == before
    assert table.run("TABLE.QUERY", "UPDATE s.t SET code = code + 100000, mail = mail || 'x', id = -1 - id") == MANY_ROWS
    found = no_value_is_there_twice(table)
    assert {row[b"code"] for row in found} == {b"%d" % (100000 + number) for number in range(MANY_ROWS)}


def test_transactions_and_scripts(table):
    table.run("TABLE.INSERT", "s.t", "id=1", "mail=a")
    replies = table.pipeline([("MULTI",), ("TABLE.INSERT", "s.t", "id=2", "mail=b"), ("TABLE.INSERT", "s.t", "id=3", "mail=b"),
                              ("TABLE.UPDATE", "s.t", "WHERE", "id=2", "SET", "mail=a"), ("TABLE.DELETE", "s.t", "WHERE", "id=1"),
                              ("TABLE.UPDATE", "s.t", "WHERE", "id=2", "SET", "mail=a"), ("EXEC",)])
    assert [kind for kind, _ in replies[-1][1]] == ["$", "-", "-", ":", ":"]
    script = "return redis.call('TABLE.INSERT', 's.t', 'id=' .. ARGV[1], 'mail=' .. ARGV[2])"
    table.run("EVAL", script, "0", "9", "new")
    assert refused("s.t", "a", "mail") in error_of(table, "EVAL", script, "0", "10", "a")
    assert sorted(row[b"mail"] for row in rows(table)) == [b"a", b"new"]


@pytest.mark.threads
@pytest.mark.parametrize("how", ("insert", "update"))
def test_of_many_who_write_a_value_one_wins(server, table, how):
    count = int(400 / min(SLOWDOWN, 4))
    wins = []

    def words(row, value):
        if how == "insert":
            return "TABLE.INSERT", "s.t", "id=%d" % row, "mail=m%d" % value, "code=%d" % (value // 2)
        return "TABLE.UPDATE", "s.t", "WHERE", "id=%d" % row, "SET", "mail=m%d" % value, "code=%d" % (value // 2)

    def write(number):
        commands = [words(number * 1000 + value, value) for value in range(count)]

        def run():
            with server.connect() as connection:
                wins.append(sum(kind != "-" for kind, _ in connection.pipeline(commands)))
        return run
    if how == "update":
        table.pipeline(("TABLE.INSERT", "s.t", "id=%d" % (number * 1000 + value)) for number in range(WRITERS) for value in range(count))
    run_all(*(write(number) for number in range(WRITERS)))
    found = no_value_is_there_twice(table)
    assert sum(wins) == sum(b"mail" in row for row in found) == count // 2


@pytest.mark.threads
def test_nothing_is_there_twice_whatever_is_done_at_once(server, table):
    """Small statements, statements in steps, indexes that come and go: of few values."""
    table.pipeline(("TABLE.INSERT", "s.t", "id=%d" % number, "mail=x%d" % number, "note=n%d" % (number % 7)) for number in range(1, 600))

    kinds = set()

    def statement(rng):
        value = rng.randrange(40)
        return rng.choice([
            ("TABLE.INSERT", "s.t", "id=%d" % rng.randrange(-40, 0), "mail=m%d" % value, "code=%d" % value),
            ("TABLE.UPDATE", "s.t", "WHERE", "id=%d" % rng.randrange(-40, 40), "SET", "code=%d" % value, "mail=m%d" % value),
            ("TABLE.UPDATE", "s.t", "WHERE", "code=%d" % value, "SET", "id=%d" % rng.randrange(-40, 0)),
            ("TABLE.UPDATE", "s.t", "WHERE", "note=n3", "AND", "id<10", "SET", "mail=m%d" % value),
            ("TABLE.DELETE", "s.t", "WHERE", "code=%d" % value),
            ("TABLE.QUERY", "UPDATE s.t SET code = code + 1 WHERE code >= 35 AND id < 0"),
            ("TABLE.QUERY", "UPDATE s.t SET mail = 'm' || substr(mail, 2), code = code % 20 WHERE note = 'n5' AND id < 60 AND code IS NOT NULL"),
            ("TABLE.QUERY", "UPDATE s.t SET note = CASE note WHEN 'n3' THEN 'n5' ELSE 'n3' END WHERE id > 0"),
            ("TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", rng.choice(["mail:hash", "mail:btree", "code:hash", "code:btree", "note:hash"])),
        ])

    def write(number):
        def run():
            rng = random.Random(number)
            with server.connect() as connection:
                for _ in range(STEPS // 8):
                    kinds.update(kind for kind, _ in connection.pipeline(statement(rng) for _ in range(8)))
        return run
    run_all(*(write(number) for number in range(WRITERS)))
    assert len(no_value_is_there_twice(table)) > 500 and kinds == {"-", "$", ":", "+"}


@pytest.mark.parametrize("options", ((), ("--appendonly", "yes")), ids=("snapshot", "log"))
def test_a_restart_keeps_it(start, shards, options):
    server = start("--enable-debug-command", "yes", *options, shards=shards)
    with server.connect() as client:
        client.run("TABLE.NAMESPACE.CREATE", "s")
        client.run("TABLE.SCHEMA.CREATE", "s.t", *COLUMNS)
        client.run("TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "note:unique")
        for number in range(20):
            client.run("TABLE.INSERT", "s.t", "id=%d" % number, "mail=m%d" % number, "note=%d" % number)
        client.run("TABLE.QUERY", "UPDATE s.t SET id = id + 100, note = 'n' || note")
        view, digest = client.run("TABLE.SCHEMA.VIEW", "s.t", "FULL"), client.run("DEBUG", "DIGEST")
        if not options:
            client.run("SAVE")
    restart(server)
    with server.connect() as client:
        assert client.run("TABLE.SCHEMA.VIEW", "s.t", "FULL") == view
        assert client.run("DEBUG", "DIGEST") == digest
        assert error_of(client, "TABLE.INSERT", "s.t", "id=119") == refused("s.t", 119, "id")
        assert error_of(client, "TABLE.INSERT", "s.t", "id=5", "note=n7") == refused("s.t", "n7", "note")
        client.run("TABLE.INSERT", "s.t", "id=5", "mail=m20")
