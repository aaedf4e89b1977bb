"""TABLE.INSERT of several rows: all of them or none, at one moment, however many words there are; what is refused, and how it is told; what lasts."""

import pytest

from harness.resp import encode, error_of, table_rows, wait_until
from harness.saved import restart

FORM = ["id:integer:hash", "name:string:btree", "price:decimal(8,2):btree", "state:string:default=new", "day:date"]
MANY = 1000  # rows of three words: more than one step does


@pytest.fixture(name="logged")
def logged_fixture(start, shards):
    return start("--enable-debug-command", "yes", "--appendonly", "yes", "--appendfsync", "always", shards=shards)


def make(client, *form):
    client.run("TABLE.NAMESPACE.CREATE", "t")
    client.run("TABLE.SCHEMA.CREATE", "t.t", *(form or FORM))


def insert(client, names, *values):
    return client.run("TABLE.INSERT", "t.t", "COLUMNS", *names.split(), "VALUES", *values)


def rows(client, *words):
    return table_rows(client, "t.t", *words)


def count(client):
    return client.run("TABLE.SELECT", "t.t", "COLUMNS", "count(*)")[0][1]


def many_values(first, size=MANY):
    return [word for number in range(first, first + size) for word in (str(number), "n%d" % (number % 50), "%d.25" % (number % 99))]


def test_rows_come_in_the_order_of_their_values(server):
    with server.connect() as client:
        make(client)
        assert insert(client, "name id", "Ada", "1", "NULL", "2", "", "3", "x=y", "4") == [b"1", b"2", b"3", b"4"]
        assert insert(client, "id", "5") == [b"5"]
        assert client.run("table.insert", "t.t", "columns", "id", "price", "day", "values",
                          "6", "1.5", "null", "NULL", "Null", "2024-02-29") == [b"6", b"7"]
        assert client.run("TABLE.INSERT", "t.t", "id=8", "name=VALUES") == b"8"
        assert rows(client) == [
            {b"id": b"1", b"name": b"Ada", b"state": b"new"}, {b"id": b"2", b"name": b"NULL", b"state": b"new"},
            {b"id": b"3", b"name": b"", b"state": b"new"}, {b"id": b"4", b"name": b"x=y", b"state": b"new"}, {b"id": b"5", b"state": b"new"},
            {b"id": b"6", b"price": b"1.50", b"state": b"new"}, {b"day": b"2024-02-29", b"state": b"new"},
            {b"id": b"8", b"name": b"VALUES", b"state": b"new"}]
        assert [row[b"id"] for row in rows(client, "WHERE", "name=x=y")] == [b"4"]
        # The word behind COLUMNS is a name, whatever it is.
        client.run("TABLE.SCHEMA.CREATE", "t.v", "values:integer:hash", "columns:string")
        assert client.run("TABLE.INSERT", "t.v", "COLUMNS", "values", "columns", "VALUES", "1", "VALUES", "2", "COLUMNS") == [b"1", b"2"]
        assert client.run("TABLE.INSERT", "t.v", "columns=x", "values=3") == b"3"


def test_a_mistake_takes_no_row_and_no_id(logged):
    with logged.connect() as client:
        make(client, *FORM, "must:boolean:notnull:default=1", "doc:json")
        insert(client, "id", "1", "2")
        before = client.run("DEBUG", "DIGEST")
        good = ["7", "a", "1.00"]
        for words, error in [
            (["COLUMNS"], "ERR 'VALUES' expected behind 'COLUMNS'"),
            (["COLUMNS", "id", "name"], "ERR 'VALUES' expected behind 'name'"),
            (["COLUMNS", "VALUES", "1"], "ERR unknown column 'VALUES'"),
            (["COLUMNS", "id", "nam", "VALUES", "1", "x"], "ERR unknown column 'nam'"),
            (["COLUMNS", "id", "name", "id", "VALUES", "1", "x", "2"], "ERR a column is given twice"),
            (["COLUMNS", "id", "VALUES"], "ERR row 1: a value expected behind 'VALUES'"),
            (["COLUMNS", "id", "name", "VALUES", "1", "x", "2"], "ERR row 2: a value expected behind '2'"),
            (["COLUMNS", "id", "VALUES", "1", "two"], "ERR row 2: 'two' is not an integer (column 'id')"),
            (["COLUMNS", "id", "doc", "VALUES", "1", "null", "2", "NULL", "3", "nul"], "ERR row 3: 'nul' is not a json (column 'doc')"),
            (["COLUMNS", "id", "name", "price", "VALUES", *good * 16, "7", "a", "1.234"],
             "ERR row 17: '1.234' is not a decimal(8,2) (column 'price')"),
            (["COLUMNS", "id", "must", "VALUES", "1", "true", "2", "NULL"], "ERR row 2: column 'must' must have a value"),
            (["COLUMNS", "id", "name", "price", "VALUES", *many_values(0), "7", "a", "1.234"],
             "ERR row %d: '1.234' is not a decimal(8,2) (column 'price')" % (MANY + 1)),
            (["COLUMNS", "id", "name", "price", "VALUES", *many_values(0), "7"], "ERR row %d: a value expected behind '7'" % (MANY + 1)),
        ]:
            assert error_of(client, "TABLE.INSERT", "t.t", *words) == error
        assert error_of(client, "TABLE.INSERT", "t.u", "COLUMNS", "a", "VALUES", "1", "2") == "ERR table schema does not exist"
        assert error_of(client, "TABLE.INSERT", "t.u", "COLUMNS", "a", "VALUES", *["1"] * MANY) == "ERR table schema does not exist"
        assert client.run("DEBUG", "DIGEST") == before
        assert insert(client, "id", "3", "4") == [b"3", b"4"]


def test_rows_last_and_are_told_each(logged, shards):
    with logged.connect() as client, logged.connect() as listener:
        make(client)
        client.run("CONFIG", "SET", "notify-keyspace-events", "T")
        listener.run("SUBSCRIBE", "__table@0__:t.t")
        assert insert(client, "id name price", *many_values(0, 20)) == [b"%d" % number for number in range(1, 21)]
        heard = {listener.read()[1][2][1] for _ in range(20)}
        assert heard == {b"insert %d" % number for number in range(1, 21)}
        listener.run("UNSUBSCRIBE")
        assert insert(client, "id name price", *many_values(20)) == [b"%d" % number for number in range(21, MANY + 21)]
        assert count(client) == MANY + 20
        assert [row[b"id"] for row in rows(client, "WHERE", "id=%d" % (MANY + 5))] == [b"%d" % (MANY + 5)]
        assert len(rows(client, "WHERE", "name=n7")) == len(range(7, MANY + 20, 50))
        digest = client.run("DEBUG", "DIGEST")
        replies = client.pipeline([("MULTI",), ("TABLE.INSERT", "t.t", "COLUMNS", "id", "VALUES", "-1", "-2"),
                                   ("TABLE.INSERT", "t.t", "COLUMNS", "id", "VALUES", "-1", "x"),
                                   ("TABLE.INSERT", "t.t", "COLUMNS", "id", "VALUES", *map(str, range(-MANY, -2))), ("EXEC",)])[-1][1]
        assert [kind for kind, _ in replies] == ["*", "-", "*"] and len(replies[2][1]) == MANY - 2
        assert client.run("EVAL", "return #redis.call('TABLE.INSERT', 't.t', 'COLUMNS', 'id', 'VALUES', '-7', '-8', '-9')", "0") == 3
        changed = client.run("DEBUG", "DIGEST")
        assert changed != digest
    restart(logged, 4 if shards == 1 else 1)
    with logged.connect() as client:
        assert client.run("DEBUG", "DIGEST") == changed


def test_sql_adds_many_rows(logged, shards):
    with logged.connect() as client:
        make(client)
        insert = "INSERT INTO t.t (id, name, price) VALUES "
        assert client.run("TABLE.QUERY", insert + "(1 + 1, 'a', 2.5), (?, NULL, ?), (4, upper(?), 0)", "3", "7.25", "x") == [b"1", b"2", b"3"]
        assert client.run("TABLE.QUERY", insert + "(5, 'b', 1)") == b"4"
        assert rows(client, "COLUMNS", "id", "name", "price", "state") == [
            {b"id": number, b"name": name, b"price": price, b"state": b"new"}
            for number, name, price in [(2, b"a", b"2.50"), (3, None, b"7.25"), (4, b"X", b"0.00"), (5, b"b", b"1.00")]]
        before = client.run("DEBUG", "DIGEST")
        many = ["(%s, '%s', %s)" % tuple(many_values(number, 1)) for number in range(MANY)]
        refused = client.call("TABLE.QUERY", insert + ", ".join(many) + ", (1 / 0, 'x', 1)")
        assert refused[0] == "-" and b"division by zero" in refused[1]
        assert client.run("DEBUG", "DIGEST") == before
        assert client.run("TABLE.QUERY", insert + ", ".join(many)) == [b"%d" % number for number in range(5, MANY + 5)]
        assert client.run("TABLE.COUNT", "t.t") == MANY + 4 and client.run("TABLE.COUNT", "t.t", "WHERE", "name=n7") == MANY // 50
        replies = client.pipeline([("MULTI",), ("TABLE.QUERY", insert + "(-1, '', 0), (-2, '', 0)"), ("TABLE.QUERY", insert + ", ".join(many)),
                                   ("EXEC",)])[-1][1]
        assert [len(ids) for _, ids in replies] == [2, MANY]
        assert client.run("EVAL", "return #redis.call('TABLE.QUERY', ARGV[1])", "0", insert + "(-3, '', 0), (-4, '', 0)") == 2
        changed = client.run("DEBUG", "DIGEST")
        assert client.run("MEMORY", "AUDIT") == b"OK"
    restart(logged, 4 if shards == 1 else 1)
    with logged.connect() as client:
        assert client.run("DEBUG", "DIGEST") == changed


def test_others_see_all_rows_or_none(server):
    with server.connect() as client, server.connect() as reader:
        make(client)
        seen = set()
        for number in range(4):
            client.send("TABLE.INSERT", "t.t", "COLUMNS", "id", "name", "price", "VALUES", *many_values(number * MANY))
            while not client.has_reply():
                seen.add(count(reader))
            client.read()
        assert seen <= {number * MANY for number in range(5)} and count(reader) == 4 * MANY


def test_a_connection_that_dies_leaves_all_rows_or_none(server):
    command = encode("TABLE.INSERT", "t.t", "COLUMNS", "id", "name", "price", "VALUES", *many_values(0, 4 * MANY))
    with server.connect() as client:
        make(client)
        for _ in range(4):
            before = count(client)
            with server.connect() as dying:
                dying.run("PING")
                dying.send_raw(command)
            wait_until(lambda: client.info()["connected_clients"] == "1", what="its end")
            assert count(client) in (before, before + 4 * MANY)
        client.run("TABLE.DELETE", "t.t")
        assert int(insert(client, "id", "1", "2")[0]) % 2 == 1
