"""TABLE.COUNT and TABLE.EXISTS: what SELECT finds is counted; limits, mistakes, transactions, scripts, and who waits."""

import pytest

from harness.resp import ReplyError

FORM = ["id:integer:hash", "name:string:btree", "size:integer", "limit:integer"]
ROWS = 2500  # a scan of them is a job
CONDITIONS = ["id=7", "id=-1", "size=3", "size=99", "size>90", "name=n7", "name LIKE n1%", "name>n4 AND size<3", "id IN ( 1 2 9999 )",
              "id=4 OR size=5", "limit IS NULL", "limit IS NOT NULL", "NOT size=3", "_id=12", "_id>2400", "id=7 AND size=8"]


def make(client):
    client.run("TABLE.NAMESPACE.CREATE", "t")
    client.run("TABLE.SCHEMA.CREATE", "t.t", *FORM)
    client.run("TABLE.INSERT", "t.t", "COLUMNS", "id", "name", "size", "VALUES",
               *[word for number in range(ROWS) for word in (str(number), "n%d" % (number % 50), str(number % 100))])
    assert client.run("TABLE.COUNT", "t.t") == ROWS


def check(client, condition):
    found = len(client.run("TABLE.SELECT", "t.t", "COLUMNS", "_id", "WHERE", *condition.split()))
    assert client.run("TABLE.COUNT", "t.t", "WHERE", *condition.split()) == found, condition
    assert client.run("TABLE.EXISTS", "t.t", "WHERE", *condition.split()) == (found > 0), condition


def test_they_count_what_select_finds(server):
    with server.connect() as client:
        make(client)
        for condition in CONDITIONS:
            check(client, condition)
        client.run("HELLO", "3")
        assert client.call("TABLE.COUNT", "t.t", "WHERE", "size=3") == (":", ROWS // 100)
        assert client.call("TABLE.EXISTS", "t.t") == (":", 1)
        client.run("HELLO", "2")
        for words, error in [
            (["t.u"], "ERR table schema does not exist"), (["t.t", "COLUMNS", "id"], "ERR syntax error"),
            (["t.t", "WHERE", "id=1", "LIMIT", "1"], "ERR syntax error"), (["t.t", "WHERE", "nope=1"], "ERR unknown column 'nope' in 'nope=1'"),
            (["t.t", "WHERE", "id=x"], "ERR 'x' is not an integer (column 'id')"), (["t.t", "id=1"], "ERR syntax error"),
        ]:
            for command in ("TABLE.COUNT", "TABLE.EXISTS"):
                with pytest.raises(ReplyError) as caught:
                    client.run(command, *words)
                assert str(caught.value) == error
        client.run("CONFIG", "SET", "table-max-scan-rows", "100")
        assert client.run("TABLE.COUNT", "t.t") == ROWS and client.run("TABLE.EXISTS", "t.t") == 1
        assert client.run("TABLE.COUNT", "t.t", "WHERE", "id=7") == 1
        for command in ("TABLE.COUNT", "TABLE.EXISTS"):
            assert client.call(command, "t.t", "WHERE", "size=3")[1].startswith(b"ERR query scan limit exceeded (max 100 rows)")
        client.run("CONFIG", "SET", "table-max-scan-rows", "0")
        client.run("TABLE.DELETE", "t.t", "WHERE", "size>=50")
        assert client.run("TABLE.COUNT", "t.t") == ROWS / 2
        for condition in CONDITIONS[:4]:
            check(client, condition)
        client.run("TABLE.DELETE", "t.t")
        assert client.run("TABLE.COUNT", "t.t") == client.run("TABLE.EXISTS", "t.t") == 0
        assert client.run("TABLE.COUNT", "t.t", "WHERE", "size<5") == client.run("TABLE.EXISTS", "t.t", "WHERE", "size<5") == 0
        assert client.run("MEMORY", "AUDIT") == b"OK"


def test_they_see_whole_statements(server):
    with server.connect() as client, server.connect() as reader:
        make(client)
        replies = client.pipeline([("MULTI",), ("TABLE.COUNT", "t.t"), ("TABLE.INSERT", "t.t", "id=-5", "size=-5"), ("TABLE.COUNT", "t.t"),
                                   ("TABLE.EXISTS", "t.t", "WHERE", "size=-5"), ("TABLE.COUNT", "t.t", "WHERE", "size<3"), ("EXEC",)])[-1][1]
        assert [value for _, value in replies] == [ROWS, b"%d" % (ROWS + 1), ROWS + 1, 1, 3 * ROWS // 100 + 1]
        script = ("return {redis.call('TABLE.COUNT', 't.t'), redis.call('TABLE.COUNT', 't.t', 'WHERE', 'size=3'), "
                  "redis.call('TABLE.EXISTS', 't.t', 'WHERE', 'id=-4')}")
        assert client.run("EVAL_RO", script, "0") == [ROWS + 1, ROWS // 100, 0]
        client.run("TABLE.DELETE", "t.t", "WHERE", "id=-5")
        seen = set()
        for size in range(3):  # every row goes to another value, in steps
            client.send("TABLE.UPDATE", "t.t", "SET", "limit=%d" % size)
            while not client.has_reply():
                seen |= {reader.run("TABLE.COUNT", "t.t"), reader.run("TABLE.COUNT", "t.t", "WHERE", "limit=%d" % size) or ROWS}
            assert client.read()[1] == ROWS
        assert seen <= {ROWS}
