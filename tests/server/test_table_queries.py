"""Queries in the expressions of a SELECT: what they give, what is refused, indexes, limits, transactions, rights. Their meaning beside SQLite's:
test_table_join.py."""

import pytest

from harness.resp import ReplyError, plain


@pytest.fixture
def shop(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "s")
        query(connection, "CREATE TABLE s.users (id INTEGER PRIMARY KEY, name TEXT, born DATE)")
        query(connection, "CREATE TABLE s.orders (id INTEGER, user INTEGER, price DECIMAL(8, 2), day DATE)")
        query(connection, "INSERT INTO s.users (id, name, born) VALUES (1, 'Ada', '2001-02-03'), (2, 'Bob', '2002-02-03'), (3, 'Eve', NULL)")
        query(connection, "INSERT INTO s.orders (id, user, price, day) VALUES (1, 1, 2.50, '2001-02-03'), (2, 1, 4, NULL), (3, 3, 1, NULL)")
        yield connection


def query(connection, text, *arguments):
    return connection.run("TABLE.QUERY", text, *arguments)


def values(connection, text, *arguments):
    return [row[1] for row in query(connection, text, *arguments)]


def refused(connection, said, text, *arguments):
    with pytest.raises(ReplyError) as error:
        query(connection, text, *arguments)
    assert said in str(error.value), (text, str(error.value))


GIVEN = [
    ("SELECT name FROM s.users WHERE id IN (SELECT user FROM s.orders WHERE price > ?) ORDER BY id", ["2"], [b"Ada"]),
    ("SELECT name FROM s.users WHERE id NOT IN (SELECT user FROM s.orders)", [], [b"Bob"]),
    ("SELECT name FROM s.users WHERE born IN (SELECT day FROM s.orders)", [], [b"Ada"]),
    ("SELECT name FROM s.users WHERE born NOT IN (SELECT day FROM s.orders)", [], []),
    ("SELECT name FROM s.users WHERE born NOT IN (SELECT day FROM s.orders WHERE id > 9)", [], [b"Ada", b"Bob", b"Eve"]),
    ("SELECT name FROM s.users WHERE '2001-02-03' IN (SELECT day FROM s.orders) AND id > ?", ["2"], [b"Eve"]),
    ("SELECT id FROM s.orders WHERE price = (SELECT max(price) FROM s.orders)", [], [2]),
    ("SELECT id FROM s.orders WHERE price = (SELECT max(price) FROM s.orders WHERE id > 9)", [], []),
    ("SELECT (SELECT name FROM s.users WHERE id = $1) || '!' AS n FROM s.orders WHERE id = $1", ["3"], [b"Eve!"]),
    ("SELECT id FROM s.users WHERE EXISTS (SELECT * FROM s.orders WHERE user = 2) OR id = 3", [], [3]),
    ("SELECT count(*) FROM s.users WHERE EXISTS (SELECT * FROM s.orders WHERE user = 1 LIMIT 0)", [], [0]),
    ("SELECT count(*) FROM s.users WHERE id IN (SELECT user FROM s.orders LIMIT 0)", [], [0]),
    ("SELECT id FROM s.users", [], [1, 2, 3]),
    ("SELECT id FROM s.users WHERE 1 IN (SELECT id FROM s.orders)", [], [1, 2, 3]),
]
REFUSED = [
    ("SELECT id FROM s.users WHERE id IN (SELECT id, user FROM s.orders)", "the query has to have one column, at line 1, column 37"),
    ("SELECT id FROM s.users WHERE id = (SELECT id FROM s.orders)", "the query gives more than one row, at line 1, column 35"),
    ("SELECT id FROM s.users WHERE id IN (SELECT name FROM s.users)", "cannot be compared"),
    ("SELECT id FROM s.users WHERE id IN (SELECT name FROM s.users WHERE id > 9)", "cannot be compared"),
    ("SELECT id FROM s.users WHERE (SELECT id FROM s.users WHERE id = 1)", "a condition was expected"),
    ("SELECT id FROM s.users WHERE id IN (SELECT id FROM s.nobody)", "there is no table s.nobody, at line 1, column 52"),
    ("SELECT id FROM s.users AS u WHERE EXISTS (SELECT id FROM s.orders AS o WHERE o.user = u.id)", "there is no column u.id, at line 1, column 87"),
    ("SELECT id FROM s.users WHERE id IN (SELECT user FROM s.orders UNION SELECT 1 FROM s.users)", "UNION is not supported yet"),
    ("SELECT id FROM s.users WHERE EXISTS (SELECT 1)", "SELECT without FROM is not supported yet"),
    ("SELECT id FROM s.users WHERE id IN (SELECT 1 / (id - 1) FROM s.orders)", "division by zero"),
    ("EXPLAIN SELECT id FROM s.users WHERE id IN (SELECT user FROM s.orders)", "EXPLAIN is not for queries in a query yet"),
    ("UPDATE s.users SET id = 4 WHERE id IN (SELECT user FROM s.orders)", "a query can stand in a SELECT of TABLE.QUERY only"),
    ("DELETE FROM s.users WHERE EXISTS (SELECT user FROM s.orders)", "a query can stand in a SELECT of TABLE.QUERY only"),
    ("INSERT INTO s.users (id) VALUES ((SELECT max(id) FROM s.users))", "a query can stand in a SELECT of TABLE.QUERY only"),
]


def test_what_queries_give_and_what_is_refused(shop):
    for text, arguments, wanted in GIVEN:
        assert values(shop, text, *arguments) == wanted, text
    for text, said in REFUSED:
        refused(shop, said, text)
    assert shop.run("TABLE.PREPARE", "q", GIVEN[0][0]) == b"OK"
    assert [row[1] for row in shop.run("TABLE.EXECUTE", "q", "0.5")] == [b"Ada", b"Eve"]
    assert shop.run("MEMORY", "AUDIT") == b"OK"


def test_rights_transactions_and_limits(shop, server):
    text = GIVEN[0][0]
    shop.run("ACL", "SETUSER", "eve", "on", "nopass", "+@all", "~s.users")
    with server.connect() as connection:
        connection.run("AUTH", "eve", "x")
        refused(connection, "NOPERM", text, "1")
        refused(connection, "NOPERM", "SELECT id FROM s.users WHERE id = 1 AND EXISTS (SELECT id FROM s.users WHERE name IN (SELECT name FROM s.other))")
    shop.run("MULTI")
    query(shop, "INSERT INTO s.orders (id, user, price) VALUES (7, 2, 9)")
    query(shop, text, "5")
    query(shop, REFUSED[1][0])
    _, replies = shop.call("EXEC")
    assert plain(replies[1]) == [[b"name", b"Bob"]] and b"more than one row" in replies[2][1]
    assert shop.run("EVAL", "return redis.call('TABLE.QUERY', ARGV[1], '5')", "0", text) == [[b"name", b"Bob"]]
    query(shop, "CREATE TABLE s.many (id INTEGER, s TEXT)")
    query(shop, "CREATE INDEX ON s.many (id)")
    shop.pipeline([["TABLE.INSERT", "s.many", "COLUMNS", "id", "s", "VALUES"] + [word for each in range(at, at + 500) for word in (str(each), "text %d" % each)]
                   for at in range(0, 15000, 500)])
    assert values(shop, "SELECT count(*) FROM s.many WHERE id IN (SELECT id FROM s.many WHERE id % 3 = 0) AND s NOT IN (SELECT s FROM s.many WHERE id % 2 = 0)") == [2500]
    assert values(shop, "SELECT id FROM s.many WHERE id IN (SELECT user FROM s.orders WHERE price < 5) ORDER BY id") == [1, 3]
    shop.run("CONFIG", "SET", "table-require-index", "yes")
    assert values(shop, "SELECT id FROM s.many WHERE id IN (SELECT id FROM s.users WHERE id = 2)") == [2]  # looked up by the index
    shop.run("CONFIG", "SET", "table-require-index", "no")
    shop.run("CONFIG", "SET", "table-join-memory", "300kb")
    refused(shop, "the statement takes more than table-join-memory (307200 bytes)", "SELECT count(*) FROM s.users WHERE name IN (SELECT s FROM s.many)")
    assert shop.run("MEMORY", "AUDIT") == b"OK"
    with server.connect() as leaving:
        leaving.send("TABLE.QUERY", "SELECT count(*) FROM s.many WHERE id IN (SELECT x.id FROM s.many AS x JOIN s.many AS y ON x.id < y.id)")
    assert shop.run("TABLE.DROP", "s.many", "FORCE") == b"OK"
    assert shop.run("MEMORY", "AUDIT") == b"OK"
