"""ADD COLUMN with a default: all rows that are there get it, at once or in steps, whoever else writes, and whether the client stays or not."""

import pytest

from harness.process import SLOWDOWN
from harness.resp import ReplyError, table_rows
from harness.saved import restart
from harness.together import run_all

MANY_ROWS = 1200
ALTER = ("TABLE.SCHEMA.ALTER", "c.t")
LONG = "long text " * 40


def make(client, count):
    client.run("TABLE.NAMESPACE.CREATE", "c")
    client.run("TABLE.SCHEMA.CREATE", "c.t", "id:integer:primary", "note:string")
    client.pipeline(("TABLE.INSERT", "c.t", "id=%d" % number, "note=n%d" % number) for number in range(count))


def rows(client, *words):
    return table_rows(client, "c.t", *words)


def values(client, column):
    return [row.get(column) for row in rows(client)]


def filled(client, column):
    """How many rows have a value there, as a scan says."""
    return client.run("TABLE.SELECT", "c.t", "COLUMNS", "count(%s)" % column)[0][1]


@pytest.mark.parametrize("count", (30, MANY_ROWS), ids=("few", "many"))
def test_rows_get_the_default(client, count):
    make(client, count + 20)
    client.run("TABLE.DELETE", "c.t", "WHERE", "id>=%d" % count)
    for word, value in (("state:string:notnull:default=new", b"new"), ("text:blob:default=" + LONG, LONG.encode()), ("n:integer:default=-7", b"-7"),
                        ("price:decimal(6,2):default=9.5:notnull", b"9.50")):
        assert client.run(*ALTER, "ADD", "COLUMN", word) == b"OK"
        assert values(client, word.split(":")[0].encode()) == [value] * count
    assert client.run("TABLE.UPDATE", "c.t", "WHERE", "n=-7", "AND", "id<10", "SET", "n=5", "state=old", "text=") == 10
    client.run("TABLE.INSERT", "c.t", "id=-1")
    client.run(*ALTER, "ADD", "INDEX", "state:btree")
    assert len(rows(client, "WHERE", "state=old")) == 10 and len(rows(client, "WHERE", "state=new")) == count - 9
    for column in ("text", "n"):
        client.run(*ALTER, "DROP", "COLUMN", column)
    client.run(*ALTER, "ADD", "COLUMN", "again:integer:default=3")
    assert values(client, b"again") == [b"3"] * (count + 1)
    with pytest.raises(ReplyError, match="^ERR column already exists$"):
        client.run(*ALTER, "ADD", "COLUMN", "again:integer:default=4")


@pytest.mark.threads
def test_whoever_writes_meanwhile(server, client):
    make(client, MANY_ROWS)
    rounds = max(3, int(20 / SLOWDOWN))

    def alter():
        with server.connect() as connection:
            for number in range(rounds):
                connection.run(*ALTER, "ADD", "COLUMN", "c%d:string:notnull:default=v%d" % (number, number))
                assert filled(connection, "c%d" % number) >= MANY_ROWS
                if number > 0:
                    connection.run(*ALTER, "DROP", "COLUMN", "c%d" % (number - 1))

    def write(writer):
        def run():
            with server.connect() as connection:
                for number in range(10 * rounds):
                    row = 10000 * (writer + 1) + number
                    replies = connection.pipeline([("TABLE.INSERT", "c.t", "id=%d" % row, "note=w"),
                                                   ("TABLE.UPDATE", "c.t", "WHERE", "id=%d" % row, "SET", "note=x"), ("TABLE.SELECT", "c.t", "WHERE", "id=5")])
                    assert [kind for kind, _ in replies] == ["$", ":", "*"]
        return run
    run_all(alter, write(0), write(1))
    assert values(client, b"c%d" % (rounds - 1)) == [b"v%d" % (rounds - 1)] * (MANY_ROWS + 20 * rounds)


def test_a_client_that_goes_leaves_all_or_nothing(server, client):
    make(client, MANY_ROWS)
    for number in range(12):
        column = "c%d" % number
        with server.connect() as other:
            other.send(*ALTER, "ADD", "COLUMN", column + ":string:default=there")
        reply = client.call(*ALTER, "ADD", "COLUMN", column + ":string")  # its cells must be empty if the other one's was given up
        assert reply in (("+", b"OK"), ("-", b"ERR column already exists"))
        assert filled(client, column) == (0 if reply[0] == "+" else MANY_ROWS)
        assert client.run("MEMORY", "AUDIT") == b"OK"


@pytest.mark.parametrize("options", ((), ("--appendonly", "yes")), ids=("snapshot", "log"))
def test_a_restart_keeps_it(start, shards, options):
    server = start("--enable-debug-command", "yes", *options, shards=shards)
    with server.connect() as client:
        make(client, 300)
        client.run(*ALTER, "ADD", "COLUMN", "state:string:notnull:default=new")
        client.run("TABLE.UPDATE", "c.t", "WHERE", "id<100", "SET", "state=old")
        client.run("TABLE.SCHEMA.ALTER", "c.t", "DROP", "COLUMN", "note")
        digest = client.run("DEBUG", "DIGEST")
        if not options:
            client.run("SAVE")
    restart(server)
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == digest
        assert len(rows(client, "WHERE", "state=old")) == 100
