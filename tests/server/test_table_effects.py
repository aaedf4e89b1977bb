"""What happens to rows is repeated by TABLE.APPLY: on any number of shards, in the middle of statements that take long, too."""

import pytest

from harness.process import SLOWDOWN
from harness.resp import parse, plain, wait_until
from replay import Replay

ROWS = int(4000 / SLOWDOWN)
ROUNDS = 2
SCHEMA = ("TABLE.SCHEMA.CREATE", "s.t", "id:integer:hash", "name:string:hash", "size:integer", "f:float", "d:date")


def commands_of(effects):
    found, at = [], 0
    while at < len(effects):
        command, at = parse(effects, at)
        found.append([word.decode("latin-1") for word in plain(command)])
    return found


@pytest.fixture(name="replay", params=((1, 2), (2, 3), (3, 1)))
def replay_fixture(request):
    replay = Replay(*request.param)
    try:
        yield replay
    finally:
        problems = replay.end()
    assert problems == []


def repeat(replay):
    """Sends the second server what has happened since; both must be the same then."""
    effects = replay.play([], False)
    assert replay.apply(effects) == []
    digests = replay.digests()
    assert digests[0] == digests[1], replay.differing_keys()
    return [words for words in commands_of(effects) if words[0] == "TABLE.APPLY"]


def test_words(replay):
    client = replay.sender
    client.pipeline([("TABLE.NAMESPACE.CREATE", "s"), SCHEMA])
    repeat(replay)
    client.run("TABLE.INSERT", "s.t", "id=1", b"name=\x00AT\r\n", "f=-0", "d=2024-02-29")
    client.run("TABLE.INSERT", "s.t", "size=3", "name=")
    client.run("TABLE.UPDATE", "s.t", "WHERE", "id=1", "SET", "size=9", "name=x")
    client.run("TABLE.UPDATE", "s.t", "WHERE", "size=9", "SET", "id=2")
    client.run("TABLE.UPDATE", "s.t", "WHERE", "size=3", "SET", "f=0.1")
    assert client.run("TABLE.UPDATE", "s.t", "WHERE", "size=77", "SET", "f=0.1") == 0
    client.run("TABLE.UPDATE", "s.t", "WHERE", "f=0.1", "SET", "size=NULL", "name:=NULL")
    client.run("TABLE.UPDATE", "s.t", "WHERE", "f=0.1", "SET", "f=NULL", "name=NULL")
    client.run("TABLE.DELETE", "s.t")
    start = ["TABLE.APPLY", "s.t"]
    effects = repeat(replay)
    assert effects[:3] == [start + ["1", "INSERT", "id", "1", "name", "\x00AT\r\n", "f", "-0", "d", "2024-02-29"],
                           start + ["2", "INSERT", "name", "", "size", "3"],
                           start + ["1", "UPDATE", "AT", "1", "SET", "size", "9", "name", "x"]]
    if len(effects) == 9:
        assert effects[3] == start + ["1", "UPDATE", "AT", "1", "SET", "id", "2"]
    else:  # it has gone to another shard
        assert effects[3:6] == [start + ["1", "MOVE"], start + ["1", "LEAVE", "AT", "1"],
                                start + ["1", "ARRIVE", "id", "2", "name", "x", "size", "9", "f", "-0", "d", "2024-02-29"]]
    assert effects[-5:] == [start + ["2", "UPDATE", "SET", "f", "0.1"], start + ["2", "UPDATE", "NULL", "name", "NULL", "size"],
                            start + ["2", "UPDATE", "NULL", "f", "SET", "name", "NULL"], start + ["1", "DELETE", "AT", "2"],
                            start + ["2", "DELETE"]]


def test_rows_of_a_routing_column_that_was_dropped(replay):
    client = replay.sender
    client.pipeline([("TABLE.NAMESPACE.CREATE", "s"), SCHEMA])
    client.pipeline([("TABLE.INSERT", "s.t", "id=%d" % number, "size=%d" % (number % 10)) for number in range(500)])
    client.run("TABLE.SCHEMA.ALTER", "s.t", "DROP", "COLUMN", "id")
    client.pipeline([("TABLE.INSERT", "s.t", "size=%d" % (number % 10)) for number in range(100)])
    client.run("TABLE.UPDATE", "s.t", "WHERE", "size<3", "SET", "name=x")
    client.run("TABLE.DELETE", "s.t", "WHERE", "size>7")
    effects = repeat(replay)
    assert sum(words[3:4] == ["UPDATE"] for words in effects) == 3 * 60
    assert sum(words[3:4] == ["DELETE"] for words in effects) == 2 * 60
    # Whoever goes on with the copy gives ids that are no row's.
    assert replay.sink.run("TABLE.INSERT", "s.t", "size=1") == b"601"


def disturbances(client):
    """What others do while a statement is under way."""
    yield lambda: None
    yield lambda: client.run("SWAPDB", "0", "1")
    yield lambda: client.run("TABLE.DROP", "s.t", "FORCE")
    yield lambda: client.run("FLUSHALL")


UPDATES = ("TABLE.UPDATE", "s.t", "SET", "name=changed", "size=5")
SAME_ID = ("TABLE.UPDATE", "s.t", "WHERE", "size<50", "SET", "id=7")
DELETES = ("TABLE.DELETE", "s.t", "WHERE", "size<70")
EMPTIES = ("TABLE.DELETE", "s.t")


@pytest.mark.heavy
@pytest.mark.parametrize("statement, dies", (
    pytest.param(UPDATES, False, id="updates"), pytest.param(SAME_ID, True, id="same-id-dying"),
    pytest.param(DELETES, False, id="deletes"), pytest.param(EMPTIES, True, id="empties-dying"),
    pytest.param(EMPTIES, False, id="empties", marks=pytest.mark.slow), pytest.param(UPDATES, True, id="updates-dying", marks=pytest.mark.slow),
    pytest.param(SAME_ID, False, id="same-id", marks=pytest.mark.slow),
    pytest.param(DELETES, True, id="deletes-dying", marks=pytest.mark.slow)))
def test_statements_in_steps(replay, statement, dies):
    client, other = replay.senders[:2]
    statement_rows = [("TABLE.INSERT", "s.t", "id=%d" % number, "name=n%d" % (number % 99), "size=%d" % (number % 100))
                      for number in range(ROWS)]
    for disturb in disturbances(other):
        for wait in range(ROUNDS):
            client.run("FLUSHALL")
            client.pipeline([("TABLE.NAMESPACE.CREATE", "s"), SCHEMA])
            client.pipeline(statement_rows)
            writer = replay.source.connect()
            writer.run("PING")
            writer.send(*statement)
            for _ in range(4 * wait):
                other.run("PING")
            disturb()
            if dies:
                writer.close()
                wait_until(lambda: other.run("CLIENT", "LIST").count(b"\n") == len(replay.senders) + 1)
            else:
                writer.read()
                writer.close()
            # Under the name that a dropped table had there may be another one soon.
            other.run("SELECT", "0")
            repeat(replay)


def test_apply_reads_its_words(client):
    apply = ("TABLE.APPLY", "s.t")
    assert client.call(*apply, "1", "INSERT")[1] == b"ERR table schema does not exist"
    client.pipeline([("TABLE.NAMESPACE.CREATE", "s"), SCHEMA])
    assert client.run(*apply, "5", "INSERT", "id", "3", "size", "1") == b"OK"
    assert client.run("TABLE.INSERT", "s.t", "id=1") == b"6"
    for words, error in ((("0", "INSERT"), b"ERR a row id is a number from 1"), (("x", "DELETE"), b"ERR a row id is a number from 1"),
                         (("7", "PUT"), b"ERR syntax error"), (("7", "INSERT", "id"), b"ERR invalid column or type"),
                         (("7", "INSERT", "id", "x"), b"ERR invalid column or type"),
                         (("7", "INSERT", "no", "1"), b"ERR invalid column or type"),
                         (("7", "INSERT", "id", "1", "id", "1"), b"ERR a column is given twice"),
                         (("5", "INSERT", "id", "3"), b"ERR row already exists"),
                         (("5", "UPDATE", "AT", "3"), b"ERR missing SET"), (("5", "UPDATE", "AT", "3", "SET"), b"ERR missing SET"),
                         (("5", "UPDATE", "AT", "x", "SET", "size", "1"), b"ERR invalid column or type"),
                         (("5", "UPDATE", "AT", "3", "NULL"), b"ERR missing SET"),
                         (("5", "UPDATE", "AT", "3", "NULL", "no"), b"ERR invalid column or type"),
                         (("5", "UPDATE", "AT", "3", "NULL", "size", "SET", "size", "1"), b"ERR a column is given twice"),
                         (("5", "UPDATE", "AT", "3", "NULL", "size", "SET"), b"ERR missing SET"),
                         (("9", "UPDATE", "AT", "3", "SET", "size", "1"), b"ERR row does not exist"),
                         (("9", "DELETE", "AT", "3"), b"ERR row does not exist"),
                         (("5", "DELETE", "AT", "3", "x"), b"ERR syntax error")):
        assert client.call(*apply, *words) == ("-", error), words
    assert client.run(*apply, "5", "UPDATE", "AT", "3", "SET", "id", "4", "name", "x") == b"OK"
    assert client.run("TABLE.SELECT", "s.t", "WHERE", "id=4") == [[b"id", b"4", b"name", b"x", b"size", b"1"]]
    assert client.run(*apply, "5", "UPDATE", "AT", "4", "NULL", "size", "NULL", "id", "SET", "name", "y") == b"OK"
    assert client.run(*apply, "5", "UPDATE", "NULL", "name", "SET", "id", "4") == b"OK"
    assert client.run("TABLE.SELECT", "s.t", "WHERE", "id=4") == [[b"id", b"4"]]
    assert client.run(*apply, "5", "DELETE", "AT", "4") == b"OK"
    assert client.run("TABLE.SELECT", "s.t") == [[b"id", b"1"]]
    assert client.run("MEMORY", "AUDIT") == b"OK"
