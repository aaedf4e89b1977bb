"""INSERT of several rows, computed SET, DELETE of all rows and ORDER BY with LIMIT, of tables with unique and auto columns."""

import pytest

from harness.process import SLOWDOWN
from harness.resp import error_of, table_rows
from harness.saved import restart
from harness.together import run_all

COLUMNS = ("id:integer:primary", "mail:string:unique", "code:integer:btree:unique", "note:string")
MANY = 700  # rows of three words: an INSERT of them goes in steps
WRITERS = 4


def refused(value, column, row=None):
    return "ERR %stwo rows of 's.t' would have '%s' in column '%s', which is unique" % ("" if row is None else "row %d: " % row, value, column)


def rows(client, *words):
    return table_rows(client, "s.t", *words)


def column(client, name, *words):
    return [int(row[name]) for row in rows(client, *words)]


def insert_words(numbers):
    return ("TABLE.INSERT", "s.t", "COLUMNS", "id", "mail", "code", "VALUES",
            *(word for number in numbers for word in (str(number), "m%d" % number, str(number))))


def insert_sql(numbers):
    return ("TABLE.QUERY", "INSERT INTO s.t (id, mail, code) VALUES " + ", ".join("(%d, 'm%d', %d)" % (number, number, number) for number in numbers))


def make(client, *columns):
    client.run("TABLE.NAMESPACE.CREATE", "s")
    client.run("TABLE.SCHEMA.CREATE", "s.t", *(columns or COLUMNS))


@pytest.mark.parametrize("insert", (insert_words, insert_sql), ids=("words", "sql"))
def test_rows_come_together_or_not_at_all(client, insert):
    make(client)
    assert len(client.run(*insert(range(3)))) == 3
    before = rows(client)
    assert error_of(client, *insert([10, 11, 2, 12])) == refused(2, "id", 3), "a row that is there"
    assert error_of(client, *insert([10, 11, 12, 11])) == refused(11, "id", 4), "one of its own"
    assert error_of(client, *insert([*range(10, MANY + 10), 1])) == refused(1, "id", MANY + 1)
    assert error_of(client, *insert([*range(10, MANY + 10), 400])) == refused(400, "id", MANY + 1)
    last = client.run("TABLE.INSERT", "s.t", "id=-1", "mail=" + "x" * 300, "code=-1")
    for values, name, shown in ((["5", "m1", "5"], "mail", "m1"), (["5", "a", "1"], "code", 1), (["5", "x" * 300, "5"], "mail", "x" * 64 + "...")):
        assert error_of(client, *insert_words([20]), *values) == refused(shown, name, 2)
    assert error_of(client, *insert([2])) == refused(2, "id")
    client.run("TABLE.DELETE", "s.t", "WHERE", "id=-1")
    assert rows(client) == before and int(last) > 3 and client.run("MEMORY", "AUDIT") == b"OK"
    assert len(client.run(*insert(range(3, MANY)))) == MANY - 3
    assert sorted(column(client, b"code")) == list(range(MANY))
    replies = client.pipeline([("MULTI",), insert([1000, 1001]), insert([1002, 1001]), insert([1002, 1003]), ("EXEC",)])[-1][1]
    assert [kind for kind, _ in replies] == ["*", "-", "*"]
    script = "return redis.pcall(unpack(ARGV))"
    assert refused(1003, "id", 2) in error_of(client, "EVAL", script, "0", *insert([1004, 1003]))
    assert len(client.run("EVAL", script, "0", *insert([1004, 1005]))) == 2


def test_auto_columns_get_numbers(start, shards):
    server = start("--enable-debug-command", "yes", "--appendonly", "yes", shards=shards)
    with server.connect() as client:
        make(client, "n:integer:primary:auto", "name:string:unique", "must:integer:notnull:default=1")
        insert = ("TABLE.INSERT", "s.t", "COLUMNS", "n", "name", "VALUES")
        assert client.run(*insert, "NULL", "a", "10", "b", "NULL", "c") == [b"1", b"2", b"11"]
        assert client.run("TABLE.INSERT", "s.t", "COLUMNS", "name", "VALUES", "d", "e") == [b"12", b"13"]
        assert client.run("TABLE.QUERY", "INSERT INTO s.t (name) VALUES ('f'), ('g')") == [b"14", b"15"]
        assert client.run("TABLE.QUERY", "INSERT INTO s.t (n, name) VALUES (NULL, 'h'), (50, 'i')") == [b"16", b"17"]
        assert error_of(client, *insert, "NULL", "j", "NULL", "a") == refused("a", "name", 2)
        after = int(client.run("TABLE.INSERT", "s.t", "COLUMNS", "name", "VALUES", "k")[0])
        assert after > 50
        assert sorted(column(client, b"n")) == [1, 10, 11, 12, 13, 14, 15, 16, 50, after]
        many = [word for number in range(MANY * 2) for word in ("w%d" % number, "2")]
        assert len(client.run("TABLE.INSERT", "s.t", "COLUMNS", "name", "must", "VALUES", *many)) == MANY * 2
        digest = client.run("DEBUG", "DIGEST")
    restart(server)
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == digest
        assert int(client.run("TABLE.INSERT", "s.t", "name=last")) == after + MANY * 2 + 1


def test_computed_set_is_checked_like_any(client):
    make(client)
    client.run(*insert_words(range(6)))
    before = rows(client)
    update = ("TABLE.UPDATE", "s.t")
    assert error_of(client, *update, "WHERE", "id=2", "SET", "code:=code+1") == refused(3, "code")
    assert error_of(client, *update, "SET", "code:=100+code%5") == refused(100, "code")
    assert error_of(client, *update, "WHERE", "id=2", "SET", "note:=mail", "mail=m3") == refused("m3", "mail"), "a value beside a computed one"
    assert error_of(client, *update, "WHERE", "id>3", "SET", "note:=mail", "mail=new") == refused("new", "mail")
    assert error_of(client, "TABLE.QUERY", "UPDATE s.t SET mail = 'new' WHERE length(mail) = 2") == refused("new", "mail")
    assert rows(client) == before
    assert client.run(*update, "SET", "id:=id-100", "code:=code+10", "mail:=mail||'!'", "note=x") == 6
    assert client.run(*update, "WHERE", "code=10", "SET", "note:=mail", "mail=m1") == 1
    assert sorted(column(client, b"code")) == list(range(10, 16)) and sorted(column(client, b"id")) == list(range(-100, -94))


def test_a_table_that_was_emptied_takes_the_values_again(client):
    make(client)
    for delete in (("TABLE.DELETE", "s.t"), ("TABLE.QUERY", "DELETE FROM s.t")):
        assert len(client.run(*insert_words(range(MANY)))) == MANY
        assert client.run(*delete) == MANY
        assert client.run("MEMORY", "AUDIT") == b"OK"
    assert len(client.run(*insert_sql(range(MANY)))) == MANY
    assert error_of(client, *insert_words([MANY, 5])) == refused(5, "id", 2)
    for words, numbers in ((("ORDER", "BY", "code", "LIMIT", "3"), [0, 1, 2]), (("ORDER", "BY", "code", "DESC", "LIMIT", "2"), [MANY - 1, MANY - 2]),
                           (("WHERE", "code>9", "ORDER", "BY", "code", "LIMIT", "2"), [10, 11])):
        assert column(client, b"code", "COLUMNS", "code", *words) == numbers
    assert column(client, b"code", "COLUMNS", "code", "WHERE", "code=77", "ORDER", "BY", "code", "LIMIT", "5") == [77]


@pytest.mark.threads
def test_of_many_who_insert_rows_together_one_wins_each_value(server, client):
    """Each statement has values of its own order, shared with others: it has all its rows, or none."""
    make(client)
    statements = int(120 / min(SLOWDOWN, 4))
    wins = [[] for _ in range(WRITERS)]

    def write(number):
        def run():
            with server.connect() as connection:
                sets = [[1000 * number + 10000 + value, value, value + 1, value + 2] for value in range(statements)]
                calls = [(insert_words, insert_sql)[value % 2](numbers[::1 if number % 2 else -1]) for value, numbers in enumerate(sets)]
                for numbers, (kind, reply) in zip(sets, connection.pipeline(calls)):
                    assert kind == "*" and len(reply) == 4 or b"which is unique" in reply, reply
                    wins[number].extend(numbers if kind == "*" else [])
        return run
    run_all(*(write(number) for number in range(WRITERS)))
    won = sorted(value for numbers in wins for value in numbers)
    assert won == sorted(column(client, b"id")) == sorted(set(won))
    assert won == sorted(column(client, b"code")) and len(won) > statements
    assert client.run("MEMORY", "AUDIT") == b"OK"
