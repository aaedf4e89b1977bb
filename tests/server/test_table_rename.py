"""A table gets another name: its rows, ids, indexes and options stay, for whoever reads, writes, watches or waits; log, snapshot and rights."""

import pytest

from harness import saved
from harness.process import SLOWDOWN
from harness.resp import error_of, table_rows
from harness.together import run_all

COLUMNS = ("n:integer:primary:auto", "name:string:unique", "size:integer:btree:default=7")
ROWS = 300
ROUNDS = int(60 / min(SLOWDOWN, 4))


def rename(name, new):
    return "TABLE.SCHEMA.ALTER", name, "RENAME", "TO", new


def make(client, name="a.t", count=ROWS):
    for namespace in ("a", "b"):
        client.call("TABLE.NAMESPACE.CREATE", namespace)
    client.run("TABLE.SCHEMA.CREATE", name, *COLUMNS)
    client.pipeline([("TABLE.INSERT", name, "name=n%d" % number) for number in range(count)])


def test_all_but_the_name_stays(client):
    make(client)
    view = client.run("TABLE.SCHEMA.VIEW", "a.t", "FULL")
    before = table_rows(client, "a.t")
    info = client.run("TABLE.INFO", "a.t")
    assert client.run(*rename("a.t", "b.u")) == b"OK"
    assert table_rows(client, "b.u") == before and client.run("TABLE.SCHEMA.VIEW", "b.u", "FULL") == view
    assert client.run("TABLE.INFO", "b.u")[:2] == info[:2]
    assert client.run("TABLE.NAMESPACE.VIEW") == [b"b:u"]
    assert error_of(client, "TABLE.SELECT", "a.t") and "two rows of 'b.u'" in error_of(client, "TABLE.INSERT", "b.u", "name=n7")
    assert client.run("TABLE.QUERY", "ALTER TABLE b.u RENAME TO w") == b"OK"
    assert int(client.run("TABLE.INSERT", "b.w", "name=more", "size=1000")) > int(before[-1][b"n"])
    assert client.run("TABLE.QUERY", "SELECT name FROM b.w WHERE size > 7") == [[b"name", b"more"]]
    assert client.run(*rename("b.w", "a.t")) == b"OK" and client.run("TABLE.COUNT", "a.t") == ROWS + 1
    assert client.run("MEMORY", "AUDIT") == b"OK"


def test_refusals_leave_it_as_it_is(client):
    make(client, count=3)
    client.run("TABLE.SCHEMA.CREATE", "b.u", "x:integer")
    for new in ("b.u", "a.t", "c.t", "t", "b.", "b." + "x" * 65):
        assert error_of(client, *rename("a.t", new)).startswith("ERR "), new
    assert error_of(client, *rename("a.nope", "a.other")).startswith("ERR ")
    for new in ("t", "\"\"", "x" * 65, "x" * 200):
        assert error_of(client, "TABLE.QUERY", "ALTER TABLE a.t RENAME TO " + new).startswith("ERR "), new
    assert client.run("TABLE.COUNT", "a.t") == 3 and client.run("MEMORY", "AUDIT") == b"OK"


def test_log_and_snapshot(start, shards):
    server = start("--enable-debug-command", "yes", "--appendonly", "yes", shards=shards)
    with server.connect() as client:
        make(client)
        saves = saved.begin_slow_save(client)
        digest = client.run("DEBUG", "DIGEST")
        client.run(*rename("a.t", "b.u"))
        client.run("TABLE.UPDATE", "b.u", "WHERE", "n<100", "SET", "size:=size+n")
        make(client)
        client.run("TABLE.DELETE", "a.t", "WHERE", "n>50")
        left = client.run("TABLE.COUNT", "a.t")
        client.run("TABLE.QUERY", "ALTER TABLE a.t RENAME TO v")
        client.run(*rename("b.u", "a.t"))
        client.run("TABLE.INSERT", "a.t", "name=last")
        saved.end_slow_save(client, saves)
        with saved.loaded(server, {1: 3}.get(shards, 1), options=("--appendonly", "no", "--enable-debug-command", "yes")) as other:
            assert other.run("DEBUG", "DIGEST") == digest, "a snapshot has the name of its moment"
        digest = client.run("DEBUG", "DIGEST")
        client.run("DEBUG", "LOADAOF")
        assert client.run("DEBUG", "DIGEST") == digest
    saved.restart(server)
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == digest
        assert [client.run("TABLE.COUNT", name) for name in ("a.t", "a.v")] == [ROWS + 1, left]
        assert client.run("MEMORY", "AUDIT") == b"OK"


def test_prepared_statements_events_and_transactions(server, client):
    make(client, count=3)
    client.run("TABLE.PREPARE", "count", "SELECT count(*) AS n FROM a.t")
    client.run("CONFIG", "SET", "notify-keyspace-events", "KEAT")
    with server.connect() as listener:
        listener.run("PSUBSCRIBE", "__table@0__:*")
        client.run(*rename("a.t", "b.u"))
        said = [listener.read()[1] for _ in range(2)]
        assert [[text for _, text in message[2:]] for message in said] == [[b"__table@0__:a.t", b"renamed_from"], [b"__table@0__:b.u", b"renamed_to"]]
    assert "there is no table a.t" in error_of(client, "TABLE.EXECUTE", "count")
    replies = client.pipeline([("MULTI",), ("TABLE.QUERY", "ALTER TABLE b.u RENAME TO v"), ("TABLE.INSERT", "b.v", "name=x"), ("TABLE.COUNT", "b.v"),
                               ("EXEC",)])[-1][1]
    assert [kind for kind, _ in replies] == ["+", "$", ":"] and replies[2] == (":", 4)
    assert client.run("TABLE.EXISTS", "b.v", "WHERE", "name=x") == 1


def test_rights_are_asked_for_both_names(server, client):
    make(client, count=3)
    client.run("ACL", "SETUSER", "one", "on", "nopass", "+@all", "~a.*")
    with server.connect() as one:
        one.run("AUTH", "one", "")
        for words in (rename("a.t", "b.t"), rename("b.t", "a.t")):
            assert one.call(*words)[1].startswith(b"NOPERM")
        assert one.run(*rename("a.t", "a.u")) == b"OK"
        assert one.run("TABLE.QUERY", "ALTER TABLE a.u RENAME TO t") == b"OK"


@pytest.mark.threads
def test_others_write_meanwhile(server, client):
    """Whoever writes finds the table under the one name or under the other; no row and no id is lost or given twice."""
    make(client, count=0)
    ids = [[] for _ in range(3)]

    def write(number):
        def run():
            with server.connect() as connection:
                for step in range(ROUNDS):
                    calls = [("TABLE.INSERT", name, "name=%d-%d-%d" % (number, step, at), "size=1") for at in range(5) for name in ("a.t", "b.u")]
                    ids[number].extend(int(reply) for kind, reply in connection.pipeline(calls) if kind == "$")
        return run

    def move():
        with server.connect() as connection:
            for _ in range(ROUNDS):
                connection.pipeline([rename("a.t", "b.u"), ("PING",), rename("b.u", "a.t")])
    run_all(move, *(write(number) for number in range(3)))
    told = sorted(number for numbers in ids for number in numbers)
    found = sorted(int(row[b"n"]) for row in table_rows(client, "a.t"))
    assert told == found == sorted(set(found)) and found
    assert client.run("MEMORY", "AUDIT") == b"OK"
