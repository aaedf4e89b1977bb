"""TABLE.PREPARE, EXECUTE, DEALLOCATE: statements by name, on one connection; schemas that change meanwhile; transactions, scripts, rights, memory."""

import pytest

from harness.resp import ReplyError, plain


@pytest.fixture
def shop(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "s")
        query(connection, "CREATE TABLE s.users (id INTEGER PRIMARY KEY, name TEXT)")
        query(connection, "CREATE TABLE s.orders (id INTEGER, user INTEGER)")
        query(connection, "INSERT INTO s.users (id, name) VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Eve')")
        query(connection, "INSERT INTO s.orders (id, user) VALUES (1, 1), (2, 1), (3, 3)")
        yield connection


def query(connection, text, *arguments):
    return connection.run("TABLE.QUERY", text, *arguments)


def prepare(connection, name, text):
    assert connection.run("TABLE.PREPARE", name, text) == b"OK"


def execute(connection, name, *arguments):
    return connection.run("TABLE.EXECUTE", name, *map(str, arguments))


def refused(connection, said, *words):
    with pytest.raises(ReplyError) as error:
        connection.run(*words)
    assert said in str(error.value), (words, str(error.value))


STATEMENTS = {
    "one": ("SELECT name FROM s.users WHERE id = ?", ["1"]),
    "many": ("SELECT id + $1 AS n FROM s.users WHERE id > $2 ORDER BY id DESC", ["10", "1"]),
    "groups": ("SELECT user, count(*) AS n FROM s.orders GROUP BY user HAVING count(*) > ? ORDER BY user", ["0"]),
    "joined": ("SELECT u.name, o.id FROM s.users AS u JOIN s.orders AS o ON o.user = u.id WHERE o.id < ? ORDER BY o.id", ["3"]),
    "explained": ("EXPLAIN SELECT name FROM s.users WHERE id = 1", []),
    "add": ("INSERT INTO s.orders (id, user) VALUES (?, ?)", ["7", "2"]),
    "add two": ("INSERT INTO s.orders (id, user) VALUES (?, 2), (9, 3)", ["8"]),
    "change": ("UPDATE s.users SET name = ? WHERE id = ?", ["Zoe", "3"]),
    "take": ("DELETE FROM s.orders WHERE id = ?", ["9"]),
    "all": ("SELECT * FROM s.users", None),
}


def test_a_statement_does_what_its_text_does(shop, server):
    """The same on a connection that prepares them, after a text of another was tried, and on one that sends the text; all in one pipeline, too."""
    for name, (text, arguments) in STATEMENTS.items():
        if arguments is None:
            refused(shop, "no statement can be named ALL", "TABLE.PREPARE", name, text)
            continue
        prepare(shop, name, "DELETE FROM s.nowhere")
        prepare(shop, name, text)
        if text.startswith(("SELECT", "EXPLAIN")):
            assert execute(shop, name, *arguments) == query(shop, text, *arguments), text
    assert int(execute(shop, "add", 7, 2)) > 0 and len(execute(shop, "add two", 8)) == 2
    assert execute(shop, "change", "Zoe", 3) == 1 and execute(shop, "take", 9) == 1
    replies = shop.pipeline([["TABLE.PREPARE", "sum", "SELECT sum(id) AS n FROM s.orders"], ["TABLE.EXECUTE", "add", "100", "1"], ["TABLE.EXECUTE", "sum"],
                             ["TABLE.PREPARE", "sum", "SELECT count(*) AS n FROM s.orders"], ["TABLE.EXECUTE", "sum"], ["TABLE.DEALLOCATE", "sum"],
                             ["TABLE.EXECUTE", "sum"]])
    assert plain(replies[2]) == [[b"n", 121]] and plain(replies[4]) == [[b"n", 6]] and replies[5] == ("+", b"OK"), replies
    assert replies[6] == ("-", b"ERR this connection has no prepared statement 'sum'")
    with server.connect() as other:
        refused(other, "no prepared statement 'one'", "TABLE.EXECUTE", "one", "1")
        assert query(other, "SELECT name FROM s.users WHERE id = 3") == [[b"name", b"Zoe"]]
    assert shop.run("MEMORY", "AUDIT") == b"OK"


def test_what_is_refused(shop):
    refused(shop, "line 1, column 8", "TABLE.PREPARE", "bad", "SELECT FROM s.users")
    refused(shop, "1 to 128 bytes", "TABLE.PREPARE", "", "SELECT id FROM s.users")
    refused(shop, "1 to 128 bytes", "TABLE.PREPARE", "x" * 129, "SELECT id FROM s.users")
    refused(shop, "16777216 bytes", "TABLE.PREPARE", "long", "SELECT id FROM s.users WHERE name = '%s'" % ("x" * (9 << 20)))
    refused(shop, "no prepared statement 'bad'", "TABLE.EXECUTE", "bad")
    refused(shop, "no prepared statement 'bad'", "TABLE.DEALLOCATE", "bad")
    prepare(shop, "one", STATEMENTS["one"][0])
    refused(shop, "line 1, column 8", "TABLE.PREPARE", "one", "SELECT FROM s.users")
    refused(shop, "1 parameter, but 2 arguments were given", "TABLE.EXECUTE", "one", "1", "2")
    refused(shop, "'x', is no number", "TABLE.EXECUTE", "one", "x")
    refused(shop, "not allowed from script", "EVAL", "return redis.call('TABLE.EXECUTE', 'one', '1')", "0")
    assert execute(shop, "one", 2) == [[b"name", b"Bob"]]
    assert shop.run("TABLE.DEALLOCATE", "one") == b"OK"
    for number in range(256):
        prepare(shop, "s%d" % number, "SELECT name FROM s.users WHERE id = %d" % (number % 4))
    refused(shop, "can have 256", "TABLE.PREPARE", "more", "SELECT id FROM s.users")
    assert [execute(shop, "s%d" % number) for number in (254, 9, 255)] == [[[b"name", b"Bob"]], [[b"name", b"Ada"]], [[b"name", b"Eve"]]]
    assert shop.run("MEMORY", "AUDIT") == b"OK"


def test_schemas_may_change(shop):
    prepare(shop, "star", "SELECT * FROM s.users WHERE id = 1")
    prepare(shop, "late", "SELECT city FROM s.users WHERE id = 1")
    refused(shop, "there is no column city", "TABLE.EXECUTE", "late")
    query(shop, "ALTER TABLE s.users ADD COLUMN city TEXT")
    query(shop, "UPDATE s.users SET city = 'Oslo'")
    assert execute(shop, "late") == [[b"city", b"Oslo"]]
    assert execute(shop, "star") == [[b"id", 1, b"name", b"Ada", b"city", b"Oslo"]]
    query(shop, "DROP TABLE s.users")
    refused(shop, "there is no table s.users", "TABLE.EXECUTE", "star")
    query(shop, "CREATE TABLE s.users (id TEXT)")
    query(shop, "INSERT INTO s.users (id) VALUES ('1')")
    refused(shop, "cannot be compared", "TABLE.EXECUTE", "star")


def test_transactions_and_rights(shop, server):
    """After MULTI the text is queued, whatever becomes of the name; a user needs the command, and the tables of the text."""
    prepare(shop, "add", STATEMENTS["add"][0])
    prepare(shop, "joined", STATEMENTS["joined"][0])
    shop.run("MULTI")
    assert shop.run("TABLE.EXECUTE", "add", "20", "2") == b"QUEUED" and shop.run("TABLE.EXECUTE", "joined", "2") == b"QUEUED"
    assert shop.run("TABLE.EXECUTE", "add", "21") == b"QUEUED"
    _, replies = shop.call("EXEC")
    assert plain(replies[1]) == [[b"name", b"Ada", b"id", 1]] and b"2 parameters, but 1 argument was given" in replies[2][1]
    for words in (["TABLE.PREPARE", "x", "SELECT id FROM s.users"], ["TABLE.DEALLOCATE", "ALL"], ["TABLE.EXECUTE", "nobody"]):
        shop.run("MULTI")
        refused(shop, "no prepared statement" if words[0] == "TABLE.EXECUTE" else "not allowed inside a transaction", *words)
        refused(shop, "EXECABORT", "EXEC")
    shop.run("ACL", "SETUSER", "eve", "on", "nopass", "+@all", "~s.users")
    with server.connect() as eve:
        prepare(eve, "joined", STATEMENTS["joined"][0])
        prepare(eve, "one", STATEMENTS["one"][0])
        assert execute(eve, "one", 1) == [[b"name", b"Ada"]]
        eve.run("AUTH", "eve", "x")
        refused(eve, "NOPERM", "TABLE.EXECUTE", "joined", "3")
        assert execute(eve, "one", 1) == [[b"name", b"Ada"]]
        shop.run("ACL", "SETUSER", "eve", "-table.execute")
        refused(eve, "NOPERM", "TABLE.EXECUTE", "one", "1")


def test_statements_end_with_reset_all_and_the_connection(shop, server):
    """Their memory is the connection's, and it is counted there."""
    def total():
        return int(dict(part.split(b"=", 1) for part in other.run("CLIENT", "INFO").split()).get(b"tot-mem"))
    text = "SELECT id FROM s.users WHERE name IN (%s)" % ", ".join("'%d'" % number for number in range(5000))
    with server.connect() as other:
        before = total()
        for ending in (["TABLE.DEALLOCATE", "ALL"], ["TABLE.DEALLOCATE", "long"], ["RESET"]):
            prepare(other, "long", text)
            assert total() > before + 400000
            assert execute(other, "long") == []
            other.run(*ending)
            assert total() < before + 100000
            refused(other, "no prepared statement", "TABLE.EXECUTE", "long")
        prepare(other, "long", text)
        prepare(other, "change", "UPDATE s.orders SET id = id + ?")
        other.pipeline([["TABLE.EXECUTE", "change", "1"], ["TABLE.EXECUTE", "long"]])
        other.send("TABLE.EXECUTE", "long")
        assert shop.run("MEMORY", "AUDIT") == b"OK"
    assert shop.run("MEMORY", "AUDIT") == b"OK"
