"""TABLE.WATCH: EXEC gives null when a watched table has changed, whatever has changed it and on whatever shard; otherwise it runs."""

import pytest

from harness.process import SLOWDOWN
from harness.resp import ReplyError, encode
from harness.together import run_all

CLIENTS = 5
SUCCESSES = int(60 / min(SLOWDOWN, 4))
NULL = ("*", None)
MANY_ROWS = 3000  # an UPDATE of them goes in steps


@pytest.fixture
def ours(server):
    """A connection; in database 0 there is a table t.n of 8 rows, whose routing column puts them on all shards."""
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "id:integer:hash", "n:integer")
        connection.run("TABLE.SCHEMA.CREATE", "t.other", "id:integer:hash", "n:integer")
        for number in range(8):
            connection.run("TABLE.INSERT", "t.n", "id=%d" % number, "n=0")
        yield connection


@pytest.fixture
def other(server, ours):
    del ours
    with server.connect() as connection:
        yield connection


def execute(connection, *commands):
    """MULTI, the commands, EXEC: its reply."""
    connection.send_raw(b"".join(encode(*command) for command in (("MULTI",), *commands, ("EXEC",))))
    return [connection.read() for _ in range(len(commands) + 2)][-1]


CHANGES = {
    "insert": [("TABLE.INSERT", "t.n", "id=100", "n=1")],
    "update": [("TABLE.UPDATE", "t.n", "WHERE", "id=3", "SET", "n=1")],
    "update of all rows": [("TABLE.UPDATE", "t.n", "WHERE", "n=0", "SET", "n=1")],
    "a row that moves": [("TABLE.UPDATE", "t.n", "WHERE", "id=3", "SET", "id=4711")],
    "delete": [("TABLE.DELETE", "t.n", "WHERE", "id=3")],
    "add column": [("TABLE.SCHEMA.ALTER", "t.n", "ADD", "COLUMN", "m:integer")],
    "drop column": [("TABLE.SCHEMA.ALTER", "t.n", "DROP", "COLUMN", "n")],
    "add index": [("TABLE.SCHEMA.ALTER", "t.n", "ADD", "INDEX", "n")],
    "drop index": [("TABLE.SCHEMA.ALTER", "t.n", "DROP", "INDEX", "id")],
    "rename": [("TABLE.SCHEMA.ALTER", "t.n", "RENAME", "TO", "t.m")],
    "rename of another to it": [("TABLE.DROP", "t.n", "FORCE"), ("TABLE.SCHEMA.ALTER", "t.other", "RENAME", "TO", "t.n")],
    "drop": [("TABLE.DROP", "t.n", "FORCE")],
    "drop of the namespace": [("TABLE.NAMESPACE.DROP", "t", "FORCE")],
    "flushdb": [("FLUSHDB",)],
    "flushall": [("FLUSHALL",)],
    "swapdb": [("SWAPDB", "0", "3")],
    "drop and create again": [("TABLE.DROP", "t.n", "FORCE"), ("TABLE.SCHEMA.CREATE", "t.n", "id:integer:hash", "n:integer")],
}
NO_CHANGES = {
    "nothing": [],
    "reading": [("TABLE.SELECT", "t.n", "WHERE", "n=0"), ("TABLE.SCHEMA.VIEW", "t.n")],
    "another table": [("TABLE.INSERT", "t.other", "id=3", "n=1"), ("TABLE.DROP", "t.other", "FORCE")],
    "no row found": [("TABLE.UPDATE", "t.n", "WHERE", "n=77", "SET", "n=1"), ("TABLE.DELETE", "t.n", "WHERE", "n=77")],
    "a key of its name": [("SET", "t.n", "v"), ("DEL", "t.n")],
    "a table of another database": [("SELECT", "1"), ("TABLE.NAMESPACE.CREATE", "t"), ("TABLE.SCHEMA.CREATE", "t.n", "id:integer"),
                                    ("TABLE.INSERT", "t.n", "id=1"), ("FLUSHDB",)],
    "swapdb of others": [("SWAPDB", "4", "5")],
}


@pytest.mark.parametrize("what", CHANGES)
def test_exec_gives_null_after(ours, other, what):
    assert ours.run("TABLE.WATCH", "t.other", "t.n") == b"OK"
    for command in CHANGES[what]:
        assert other.call(*command)[0] != "-"
    assert execute(ours, ("SET", "k", "v")) == NULL
    assert ours.run("EXISTS", "k") == 0
    assert execute(ours, ("SET", "k", "v")) == ("*", [("+", b"OK")])  # the watch has ended


@pytest.mark.parametrize("what", NO_CHANGES)
def test_exec_runs_after(ours, other, what):
    ours.run("TABLE.WATCH", "t.n")
    for command in NO_CHANGES[what]:
        assert other.call(*command)[0] != "-"
    assert execute(ours, ("SET", "k", "v")) == ("*", [("+", b"OK")])


def test_a_table_that_is_not_there_is_watched_too(ours, other):
    ours.run("TABLE.WATCH", "t.late")
    assert execute(ours, ("PING",)) == ("*", [("+", b"PONG")])
    ours.run("TABLE.WATCH", "t.late")
    other.run("TABLE.SCHEMA.CREATE", "t.late", "id:integer")
    assert execute(ours, ("PING",)) == NULL
    with pytest.raises(ReplyError):
        ours.run("TABLE.WATCH", "nodot")


def test_a_key_and_a_table_are_watched_together(ours, other):
    for change in (("SET", "key", "v"), ("TABLE.DELETE", "t.n", "WHERE", "id=1")):
        ours.run("WATCH", "key")
        ours.run("TABLE.WATCH", "t.n")
        assert other.call(*change)[0] != "-"
        assert execute(ours, ("PING",)) == NULL


def test_own_changes_count_as_well(ours):
    ours.run("TABLE.WATCH", "t.n")
    ours.run("TABLE.UPDATE", "t.n", "WHERE", "id=1", "SET", "n=1")
    assert execute(ours, ("PING",)) == NULL


def test_is_refused_inside_multi(ours):
    ours.run("MULTI")
    assert ours.call("TABLE.WATCH", "t.n") == ("-", b"ERR WATCH inside MULTI is not allowed")
    ours.run("PING")
    assert ours.call("EXEC") == ("*", [("+", b"PONG")])


@pytest.mark.parametrize("end", [("UNWATCH",), ("DISCARD",), ("RESET",), ("EXEC",)])
def test_watches_end_with(ours, other, end):
    ours.run("TABLE.WATCH", "t.n", "t.n", "t.other")
    ours.run("WATCH", "key")
    assert b" watch=3\n" in ours.run("CLIENT", "INFO")
    if end[0] in ("DISCARD", "EXEC"):
        ours.run("MULTI")
    assert ours.call(*end)[0] != "-"
    assert b" watch=0\n" in ours.run("CLIENT", "INFO")
    other.run("TABLE.UPDATE", "t.n", "WHERE", "id=1", "SET", "n=1")
    assert execute(ours, ("PING",)) == ("*", [("+", b"PONG")])


def test_watches_end_with_their_connection(server, ours, other):
    """Nothing is left of them: the server is audited at its end."""
    del ours
    for _ in range(20):
        with server.connect() as connection:
            connection.run("TABLE.WATCH", "t.n", "t.other")
            connection.send("MULTI")
        other.run("TABLE.UPDATE", "t.n", "WHERE", "id=1", "SET", "n=1")


@pytest.mark.threads
def test_each_watched_update_that_succeeds_counts_once(server, ours):
    """Read, add one, write, by many: no increment is lost. A row of each of two shards or one, so that EXEC writes on several."""
    done = [0] * CLIENTS
    column = [name for kind, name in ours.call("TABLE.SELECT", "t.n", "WHERE", "id=2")[1][0][1]].index(b"n") + 1

    def count(number):
        with server.connect() as connection:
            while done[number] < SUCCESSES:
                connection.run("TABLE.WATCH", "t.n")
                row = connection.run("TABLE.SELECT", "t.n", "WHERE", "id=2")[0]
                value = int(row[column])
                reply = execute(connection, ("TABLE.UPDATE", "t.n", "WHERE", "id=2", "SET", "n=%d" % (value + 1)),
                                ("TABLE.UPDATE", "t.n", "WHERE", "id=5", "SET", "n=%d" % (value + 1)), ("SET", "count", value + 1))
                if reply != NULL:
                    assert reply[1][2] == ("+", b"OK")
                    done[number] += 1

    run_all(*[lambda number=number: count(number) for number in range(CLIENTS)])
    for number in (2, 5):
        row = ours.run("TABLE.SELECT", "t.n", "WHERE", "id=%d" % number)[0]
        assert int(row[column]) == sum(done) == CLIENTS * SUCCESSES
    assert ours.run("GET", "count") == b"%d" % sum(done)


@pytest.mark.threads
def test_what_exec_wrote_agrees_with_what_was_read(server, ours):
    """One client updates all rows, in steps, again and again; others write down the value that all rows have, and the number of rows that have
    it, if the table is as they saw it. So what is written down last was never older than what was written down before."""
    ours.send_raw(b"".join(encode("TABLE.INSERT", "t.n", "id=%d" % (100 + number), "n=0") for number in range(MANY_ROWS)))
    for _ in range(MANY_ROWS):
        assert ours.read()[0] != "-"
    rounds = 12
    rows = MANY_ROWS + 8

    def write():
        with server.connect() as connection:
            for number in range(rounds):
                assert connection.run("TABLE.UPDATE", "t.n", "WHERE", "n=%d" % number, "SET", "n=%d" % (number + 1)) == rows
            connection.run("SET", "stop", "1")

    def note():
        with server.connect() as connection:
            while not connection.run("EXISTS", "stop"):
                last = int(connection.run("GET", "seen") or 0)
                connection.run("TABLE.WATCH", "t.n")
                found = [number for number in range(last, rounds + 1) if connection.run("TABLE.SELECT", "t.n", "WHERE", "n=%d" % number)]
                if len(found) == 1:
                    reply = execute(connection, ("TABLE.SELECT", "t.n", "WHERE", "n=%d" % found[0]), ("SET", "seen", found[0]))
                    assert reply == NULL or len(reply[1][0][1]) == rows
                else:
                    connection.run("UNWATCH")

    run_all(write, note, note)
