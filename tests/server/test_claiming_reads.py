"""XREADGROUP ... CLAIM (Redis 8.4): what is pending, and was idle for so long, is delivered first. Expected replies: redis.io, and Redis's tests."""

import time

import pytest

from harness.process import SLOWDOWN
from harness.resp import plain
from test_blocking import run, wait_blocked

MANY = 1500     # more than are delivered in one step


def fill(connection, count=2, key="s"):
    """A stream of `count` entries with a group g that has had none of them."""
    connection.run("DEL", key)
    for number in range(1, count + 1):
        connection.run("XADD", key, "%d-0" % number, "f", "v%d" % number)
    connection.run("XGROUP", "CREATE", key, "g", "0")


def read(connection, *words, consumer="c", key="s", position=">"):
    """The entries of one stream."""
    reply = connection.run("XREADGROUP", "GROUP", "g", consumer, *words, "STREAMS", key, position)
    return None if reply is None else reply[0][1]


def told(entries):
    """Ids and numbers of deliveries."""
    return [(entry[0].decode(), entry[3]) for entry in entries]


def pending(connection, key="s"):
    return [(entry[0].decode(), entry[1].decode(), entry[3]) for entry in connection.run("XPENDING", key, "g", "-", "+", "10000")]


def set_idle(connection, key, number, idle_ms):
    connection.run("XCLAIM", key, "g", "c", "0", "%d-0" % number, "IDLE", idle_ms, "JUSTID")


def test_idle_entries_come_first(client):
    fill(client)
    assert read(client, "COUNT", "1") == [[b"1-0", [b"f", b"v1"]]]
    set_idle(client, "s", 1, 5000)
    first, second = read(client, "CLAIM", "4000", consumer="d")
    assert first[:2] == [b"1-0", [b"f", b"v1"]] and 5000 <= first[2] < 5000 + 60000 and first[3] == 1
    assert second == [b"2-0", [b"f", b"v2"], 0, 0]
    assert pending(client) == [("1-0", "d", 2), ("2-0", "d", 1)]
    assert read(client, "CLAIM", "4000") is None
    assert told(read(client, "CLAIM", "0", consumer="e")) == [("1-0", 2), ("2-0", 1)]


def test_the_longest_idle_comes_first(client):
    fill(client, 6)
    read(client)
    for number, idle in ((1, 20000), (2, 50000), (3, 2000), (4, 40000), (5, 40000), (6, 1000)):
        set_idle(client, "s", number, idle)
    # 4-0 and 5-0 may have been set in different milliseconds: then 4-0 is older, too.
    assert told(read(client, "CLAIM", "10000", "COUNT", "3", consumer="d")) == [("2-0", 1), ("4-0", 1), ("5-0", 1)]
    assert told(read(client, "COUNT", "10", "CLAIM", "10000", consumer="d")) == [("1-0", 1)]
    assert read(client, "CLAIM", "9223372036854775807") is None


def test_count_is_shared_with_what_is_new(client):
    fill(client, 5)
    read(client, "COUNT", "2")
    assert told(read(client, "COUNT", "4", "CLAIM", "0")) == [("1-0", 1), ("2-0", 1), ("3-0", 0), ("4-0", 0)]
    assert told(read(client, "COUNT", "1", "CLAIM", "0")) == [("1-0", 2)]


def test_noack_holds_for_what_is_new(client):
    fill(client)
    read(client, "COUNT", "1")
    assert told(read(client, "NOACK", "CLAIM", "0")) == [("1-0", 1), ("2-0", 0)]
    assert pending(client) == [("1-0", "c", 2)]


def test_history_ignores_it(client):
    fill(client)
    read(client)
    assert read(client, "CLAIM", "0", position="0") == [[b"1-0", [b"f", b"v1"]], [b"2-0", [b"f", b"v2"]]]
    assert read(client, "CLAIM", "0", consumer="other", position="0") == []
    assert read(client, "BLOCK", "0", "CLAIM", "0", consumer="other", position="5") == []


def test_several_streams(client):
    for key in ("s", "t", "u"):
        fill(client, 2, key)
    for key in ("s", "t"):
        read(client, "COUNT", "1", key=key)
    set_idle(client, "t", 1, 5000)
    reply = client.run("XREADGROUP", "GROUP", "g", "d", "CLAIM", "4000", "STREAMS", "s", "t", "u", ">", ">", "0")
    assert [(key, [entry[0] for entry in entries]) for key, entries in reply] == [
        (b"s", [b"2-0"]), (b"t", [b"1-0", b"2-0"]), (b"u", [])]
    assert told(reply[1][1]) == [("1-0", 1), ("2-0", 0)]


def test_deleted_entries_stay_pending(client):
    fill(client, 3)
    read(client)
    client.run("XDEL", "s", "2-0")
    assert told(read(client, "CLAIM", "0")) == [("1-0", 1), ("3-0", 1)]
    client.run("XTRIM", "s", "MAXLEN", "0")
    assert read(client, "CLAIM", "0") is None
    assert [entry[0] for entry in pending(client)] == ["1-0", "2-0", "3-0"]


def test_a_group_that_was_set_back(client):
    """An entry comes as a pending one, and then as a new one."""
    fill(client)
    read(client)
    client.run("XGROUP", "SETID", "s", "g", "0")
    assert told(read(client, "CLAIM", "0")) == [("1-0", 1), ("2-0", 1), ("1-0", 0), ("2-0", 0)]
    assert pending(client) == [("1-0", "c", 1), ("2-0", "c", 1)]


NOT_A_NUMBER = "ERR min-idle-time is not an integer"


def test_errors(client):
    fill(client)
    for value in ("x", "5.5", "+10", "-0", "10e", "GROUP"):
        assert run(client, "XREADGROUP GROUP g c CLAIM %s STREAMS s >" % value) == NOT_A_NUMBER
    assert run(client, "XREADGROUP GROUP g c CLAIM -1 STREAMS s >") == "ERR min-idle-time must be a positive integer"
    assert run(client, "XREADGROUP GROUP g c CLAIM STREAMS s >") == NOT_A_NUMBER
    assert run(client, "XREADGROUP GROUP none c CLAIM 0 STREAMS s >").startswith("NOGROUP No such key 's' or consumer group 'none'")
    assert run(client, "XREAD CLAIM 0 STREAMS s 0") == "ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead."
    assert told(client.run(*"XREADGROUP CLAIM 5 GROUP g c CLAIM 0 STREAMS s >".split())[0][1]) == [("1-0", 0), ("2-0", 0)]


@pytest.mark.parametrize("count", ((), ("COUNT", str(MANY + 100))), ids=("all", "count"))
def test_in_steps(client, count):
    fill(client, 2 * MANY)
    read(client, "COUNT", str(MANY))
    entries = read(client, *count, "CLAIM", "0", consumer="d")
    new = MANY if not count else 100
    assert told(entries) == [("%d-0" % number, 1 if number <= MANY else 0) for number in range(1, MANY + new + 1)]
    assert [entry[1] for entry in entries] == [[b"f", b"v%d" % number] for number in range(1, MANY + new + 1)]
    assert pending(client) == [("%d-0" % number, "d", 2 if number <= MANY else 1) for number in range(1, MANY + new + 1)]


def test_resp3(client):
    client.run("HELLO", "3")
    fill(client, 1)
    client.send(*"XREADGROUP GROUP g c CLAIM 0 STREAMS s >".split())
    assert client.read() == ("%", [(("$", b"s"), ("*", [("*", [("$", b"1-0"), ("*", [("$", b"f"), ("$", b"v1")]), (":", 0), (":", 0)])]))])


# --- blocked ---

BLOCKED = "XREADGROUP GROUP g d BLOCK 0 CLAIM %d STREAMS s >"


def test_an_entry_becomes_idle_meanwhile(server):
    with server.connect() as ours, server.connect() as other:
        fill(other, 1)
        read(other)
        began = time.monotonic()
        ours.send(*(BLOCKED % 300).split())
        wait_blocked(other, 1)
        assert told(plain(ours.read())[0][1]) == [("1-0", 1)]
        assert 0.25 <= time.monotonic() - began < 2 * SLOWDOWN
        assert pending(other) == [("1-0", "d", 2)]
        wait_blocked(other, 0)


def test_an_entry_becomes_pending_meanwhile(server):
    """Nothing was pending when the client came; who reads it first keeps it for so long."""
    with server.connect() as ours, server.connect() as other:
        other.run("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
        other.send(*"XREADGROUP GROUP g first BLOCK 0 STREAMS s >".split())
        with server.connect() as looker:
            wait_blocked(looker, 1)
            ours.send(*(BLOCKED % 200).split())
            wait_blocked(looker, 2)
            looker.run("XADD", "s", "1-0", "f", "v")
            assert plain(other.read()) == [[b"s", [[b"1-0", [b"f", b"v"]]]]]
            assert told(plain(ours.read())[0][1]) == [("1-0", 1)]
            assert pending(looker) == [("1-0", "d", 2)]


@pytest.mark.parametrize("act, entries", (("XADD s 2-0 f v", [("2-0", 0)]), ("XCLAIM s g c 0 1-0 IDLE 999999 JUSTID", [("1-0", 1)])))
def test_what_else_ends_it(server, act, entries):
    idle = 600000 if act.startswith("XADD") else 2000
    with server.connect() as ours, server.connect() as other:
        fill(other, 1)
        read(other)
        ours.send(*(BLOCKED % idle).split())
        wait_blocked(other, 1)
        other.run(*act.split())
        assert told(plain(ours.read())[0][1]) == entries


def test_the_time_is_over_first(server):
    with server.connect() as ours, server.connect() as other:
        fill(other, 1)
        read(other)
        for idle in (60000, 9223372036854775807):
            began = time.monotonic()
            assert read(ours, "BLOCK", "60", "CLAIM", str(idle), consumer="d") is None
            assert 0.06 <= time.monotonic() - began < 2 * SLOWDOWN
        assert [entry[1] for entry in pending(other)] == ["c"]


def test_one_of_two_gets_it(server):
    """The other one waits until the entry has been idle again for so long."""
    with server.connect() as one, server.connect() as two, server.connect() as other:
        fill(other, 1)
        read(other)
        for connection in (one, two):
            connection.send(*(BLOCKED % 200).split())
        wait_blocked(other, 2)
        counts = sorted(told(plain(connection.read())[0][1])[0][1] for connection in (one, two))
        assert counts == [1, 2]
        assert pending(other) == [("1-0", "d", 3)]


def test_several_streams_of_which_one_becomes_idle(server):
    with server.connect() as ours, server.connect() as other:
        for key in ("s", "t", "u"):
            fill(other, 1, key)
            read(other, key=key)
        for key in ("s", "u"):
            other.run("XACK", key, "g", "1-0")
        ours.send(*"XREADGROUP GROUP g d BLOCK 0 CLAIM 200 STREAMS s t u > > >".split())
        wait_blocked(other, 1)
        assert [key for key, _ in plain(ours.read())] == [b"t"]


def test_who_goes_away_leaves_nothing(server):
    with server.connect() as other:
        fill(other, 1)
        read(other)
        for number in range(20):
            connection = server.connect()
            connection.send(*(BLOCKED % (20 + number)).split())
            if number % 2 == 0:
                wait_blocked(other, 1)
            connection.close()
            other.run("XCLAIM", "s", "g", "c", "0", "1-0", "JUSTID")
        wait_blocked(other, 0)


def test_inside_transactions_and_scripts(client):
    fill(client, 1)
    client.run("MULTI")
    client.run(*"XREADGROUP GROUP g c CLAIM 5000 BLOCK 0 STREAMS s >".split())
    client.run(*(BLOCKED % 5000).split())
    assert client.run("EXEC") == [[[b"s", [[b"1-0", [b"f", b"v1"], 0, 0]]]], None]
    assert told(client.run("EVAL", "return redis.call('XREADGROUP', 'GROUP', 'g', 'd', 'CLAIM', '0', 'STREAMS', KEYS[1], '>')", "1", "s")
                [0][1]) == [("1-0", 1)]
