"""Auto columns: the row's id where no number is given, on however many shards, before and after a restart."""

import pytest

from harness.process import SLOWDOWN
from harness.resp import error_of
from harness.saved import restart
from harness.together import run_all

INSERT = ("TABLE.INSERT", "a.t")
ABOVE = 1 << 62  # such numbers do not count


def numbers(client, *words):
    return [int(dict(zip(row[::2], row[1::2]))[b"n"]) for row in client.run("TABLE.SELECT", "a.t", *words)]


def make(client, *columns):
    client.run("TABLE.NAMESPACE.CREATE", "a")
    client.run("TABLE.SCHEMA.CREATE", "a.t", *columns)


@pytest.mark.parametrize("column", ("n:integer:primary:auto", "n:integer:auto:btree:unique", "n:integer:auto"))
def test_a_row_takes_its_id(client, column):
    make(client, column, "name:string:hash")
    assert [client.run(*INSERT, "name=x") for _ in range(3)] == [b"1", b"2", b"3"]
    client.run(*INSERT, "n=10", "name=x")
    client.run(*INSERT, "n=7", "name=x")
    assert client.run(*INSERT, "name=y") == b"12"
    client.run("TABLE.UPDATE", "a.t", "WHERE", "n=12", "SET", "n=40")
    for words in (("-5",), ("0",), (ABOVE + 1,)):
        client.run(*INSERT, "n=%s" % words)
    last = client.run(*INSERT, "name=z")
    assert last == b"44"
    assert client.run("TABLE.QUERY", "INSERT INTO a.t (name) VALUES ('q')") == b"45"
    assert client.run("TABLE.QUERY", "INSERT INTO a.t (n, name) VALUES (NULL, 'q')") == b"46"
    client.pipeline([("MULTI",), (*INSERT, "name=m"), (*INSERT, "name=m"), ("EXEC",)])
    assert client.run("EVAL", "return redis.call('TABLE.INSERT', 'a.t', 'name=' .. ARGV[1])", "0", "s") == b"49"
    assert sorted(numbers(client)) == [-5, 0, 1, 2, 3, 7, 10, 40, 44, 45, 46, 47, 48, 49, ABOVE + 1]
    assert numbers(client, "WHERE", "n=48") == [48]


def test_numbers_end(client):
    make(client, "n:integer:primary:auto", "m:integer")
    client.run(*INSERT, "n=%d" % ABOVE)
    no_more = "ERR there is no further number for the 'auto' column"
    assert error_of(client, *INSERT, "m=1") == no_more
    assert error_of(client, "TABLE.QUERY", "INSERT INTO a.t (m) VALUES (1)") == no_more
    client.run(*INSERT, "n=5")
    assert sorted(numbers(client)) == [5, ABOVE]


def test_schemas(client):
    make(client, "n:integer:primary:auto", "m:integer")
    assert client.run("TABLE.SCHEMA.VIEW", "a.t", "FULL") == [[b"n", b"integer", b"hash", b"primary", b"auto"], [b"m", b"integer", b"none"]]
    client.run("TABLE.QUERY", "CREATE TABLE a.u (n INTEGER PRIMARY KEY AUTOINCREMENT, m INTEGER)")
    assert client.run("TABLE.SCHEMA.VIEW", "a.u", "FULL") == client.run("TABLE.SCHEMA.VIEW", "a.t", "FULL")
    two = "ERR 'auto' is for one column of a table, an integer without a default"
    assert error_of(client, "TABLE.QUERY", "CREATE TABLE a.v (n INTEGER AUTO DEFAULT 5)") == two
    assert error_of(client, "TABLE.SCHEMA.ALTER", "a.t", "ADD", "COLUMN", "o:integer:auto") == two
    client.run(*INSERT, "m=1")
    client.run("TABLE.SCHEMA.ALTER", "a.t", "DROP", "COLUMN", "n")
    client.run("TABLE.QUERY", "ALTER TABLE a.t ADD COLUMN n INTEGER AUTO")
    assert client.run(*INSERT, "m=2") == b"2"
    assert numbers(client, "WHERE", "m=2") == [2]


@pytest.mark.threads
def test_many_at_once_take_numbers_that_differ(server, client):
    make(client, "n:integer:primary:auto", "writer:integer:unique", "m:integer")
    count = int(200 / min(SLOWDOWN, 4))
    replies = []

    def write(number):
        def run():
            with server.connect() as connection:
                replies.extend(reply for _, reply in connection.pipeline((*INSERT, "m=%d" % number) for _ in range(count)))
        return run
    run_all(*(write(number) for number in range(4)))
    assert sorted(numbers(client)) == sorted(int(reply) for reply in replies) == list(range(1, 4 * count + 1))


@pytest.mark.parametrize("options", ((), ("--appendonly", "yes")), ids=("snapshot", "log"))
def test_a_restart_keeps_the_last_number(start, shards, options):
    server = start("--enable-debug-command", "yes", *options, shards=shards)
    with server.connect() as client:
        make(client, "n:integer:primary:auto", "m:integer")
        client.run(*INSERT, "m=1")
        client.run(*INSERT, "n=100")
        client.run("TABLE.UPDATE", "a.t", "WHERE", "n=100", "SET", "n=200")
        client.run("TABLE.DELETE", "a.t", "WHERE", "n=200")
        view, digest = client.run("TABLE.SCHEMA.VIEW", "a.t", "FULL"), client.run("DEBUG", "DIGEST")
        if not options:
            client.run("SAVE")
    restart(server)
    with server.connect() as client:
        assert client.run("TABLE.SCHEMA.VIEW", "a.t", "FULL") == view
        assert client.run("DEBUG", "DIGEST") == digest
        assert client.run(*INSERT, "m=2") == b"201"
        assert sorted(numbers(client)) == [1, 201]
