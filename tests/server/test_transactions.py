"""Transactions of many connections: nobody sees a part of one, none is lost, none is run twice; and what they have is given back."""

import random
import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import encode, wait_until
from harness.together import run_all

CLIENTS = 6
ROUNDS = int(400 / min(SLOWDOWN, 4))
ACCOUNTS = ["account:%d" % number for number in range(8)]  # on all shards
DEBUG = ("--enable-debug-command", "yes")


def transaction(connection, *commands):
    """The reply of EXEC."""
    connection.send_raw(encode("MULTI") + b"".join(encode(*command) for command in commands) + encode("EXEC"))
    assert connection.read() == ("+", b"OK")
    for _ in commands:
        assert connection.read() == ("+", b"QUEUED")
    return connection.read()


@pytest.mark.threads
def test_a_sum_over_all_shards_stays_the_same(server):
    with server.connect() as connection:
        connection.run("MSET", *[word for name in ACCOUNTS for word in (name, 100)])

    def move(seed):
        rng = random.Random(seed)
        with server.connect() as connection:
            for _ in range(ROUNDS):
                source, target = rng.sample(ACCOUNTS, 2)
                reply = transaction(connection, ("DECRBY", source, 3), ("INCRBY", target, 3), ("INCR", "moves"))
                assert [kind for kind, _ in reply[1]] == [":"] * 3

    def look():
        with server.connect() as connection:
            for _ in range(ROUNDS):
                found = transaction(connection, *[("GET", name) for name in ACCOUNTS])[1]
                assert sum(int(value) for _, value in found) == 100 * len(ACCOUNTS)
                assert sum(map(int, connection.run("MGET", *ACCOUNTS))) == 100 * len(ACCOUNTS)

    run_all(*[lambda seed=seed: move(seed) for seed in range(CLIENTS - 2)], look, look)
    with server.connect() as connection:
        assert connection.run("GET", "moves") == b"%d" % ((CLIENTS - 2) * ROUNDS)


@pytest.mark.threads
def test_each_watched_increment_that_succeeds_counts_once(server):
    done = [0] * CLIENTS

    def count(number):
        with server.connect() as connection:
            while done[number] < ROUNDS // 4:
                connection.run("WATCH", "counter", "beside")
                value = int(connection.run("GET", "counter") or 0)
                if transaction(connection, ("SET", "counter", value + 1), ("SET", "beside", value)) != ("*", None):
                    done[number] += 1

    run_all(*[lambda number=number: count(number) for number in range(CLIENTS)])
    with server.connect() as connection:
        assert connection.run("GET", "counter") == b"%d" % sum(done)


def test_exec_waits_as_a_whole_for_a_key_that_is_read_in_steps(start, shards):
    server = start(*DEBUG, shards=shards)
    with server.connect() as holder, server.connect() as ours, server.connect() as other:
        other.run("SET", "held", "before")
        holder.send("DEBUG", "HOLD", "held", int(400 * SLOWDOWN))
        wait_until(lambda: b"pins=1" in other.run("INFO", "shards"), 10 * SLOWDOWN, "the hold")
        ours.send_raw(encode("MULTI") + encode("SET", "first", "x") + encode("APPEND", "held", "+") + encode("EXEC"))
        wait_until(lambda: b"waiters=1" in other.run("INFO", "shards"), 10 * SLOWDOWN, "EXEC's wait")
        assert other.run("EXISTS", "first") == 0
        assert holder.read() == ("+", b"OK")
        assert [ours.read() for _ in range(4)][-1] == ("*", [("+", b"OK"), (":", 7)])


def test_tables_and_keys_change_together(start, shards):
    server = start(*DEBUG, shards=shards)
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "s")
        connection.run("TABLE.SCHEMA.CREATE", "s.t", "id:integer:hash", "n:integer")
        reply = transaction(connection, ("TABLE.INSERT", "s.t", "id=1", "n=5"), ("SET", "k", "v"),
                            ("TABLE.UPDATE", "s.t", "WHERE", "id=1", "SET", "n=6"), ("TABLE.SELECT", "s.t", "WHERE", "id=1"))
        assert reply[0] == "*" and len(reply[1]) == 4 and [part for part in reply[1] if part[0] == "-"] == []
        assert connection.run("GET", "k") == b"v"
    stop = threading.Event()

    def write():
        with server.connect() as connection:
            for number in range(ROUNDS):
                assert transaction(connection, ("SET", "number", number), ("TABLE.UPDATE", "s.t", "WHERE", "id=1", "SET", "n=%d" % number),
                                   ("SET", "again", number))[1][0] == ("+", b"OK")
        stop.set()

    def read():
        with server.connect() as connection:
            while not stop.is_set():
                number, rows, again = transaction(connection, ("GET", "number"), ("TABLE.SELECT", "s.t", "WHERE", "id=1"),
                                                  ("GET", "again"))[1]
                assert number == again
                if number != ("$", None):
                    assert number[1] in repr(rows).encode()

    run_all(write, read)


def test_what_changes_the_tables_there_are_is_refused(client):
    client.run("MULTI")
    assert client.call("TABLE.NAMESPACE.CREATE", "s") == ("-", b"ERR Command not allowed inside a transaction")
    assert client.call("EXEC")[1].startswith(b"EXECABORT")


def test_expiry_and_eviction_are_seen_by_watch(start, shards):
    server = start("--maxmemory-policy", "allkeys-lru", shards=shards)
    with server.connect() as ours, server.connect() as other:
        other.run("SET", "short", "x", "PX", 30)
        other.run("SET", "long", "x" * 1000)
        for key, end in (("short", lambda: None), ("long", lambda: other.run("CONFIG", "SET", "maxmemory", "1"))):
            ours.run("WATCH", key)
            end()
            wait_until(lambda: other.call("DBSIZE")[1] == (1 if key == "short" else 0), 10 * SLOWDOWN, "the end of " + key)
            assert transaction(ours, ("PING",)) == ("*", None)
        other.run("CONFIG", "SET", "maxmemory", "0")


def test_a_transaction_without_memory_is_refused_as_a_whole(start, shards):
    server = start("--maxmemory-policy", "noeviction", shards=shards)
    with server.connect() as connection:
        connection.run("SET", "k", "1")
        connection.run("CONFIG", "SET", "maxmemory", "1")
        reply = transaction(connection, ("DEL", "k"), ("SET", "other", "x"))
        assert reply[0] == "-" and reply[1].startswith(b"EXECABORT Transaction discarded because of: OOM"), reply
        assert connection.run("GET", "k") == b"1"
        assert transaction(connection, ("DEL", "k")) == ("*", [(":", 1)])
        connection.run("CONFIG", "SET", "maxmemory", "0")


def test_a_queue_has_a_limit(start, shards):
    server = start("--client-query-buffer-limit", "1mb", shards=shards)
    with server.connect() as connection, server.connect() as other:
        connection.run("MULTI")
        replies = []
        for _ in range(3000):
            reply = connection.call("SET", "k", "x" * 1000)
            replies.append(reply)
            if reply[0] == "-":
                break
        assert len(replies) < 1500 and replies[-1][1] == b"ERR the transaction is longer than client-query-buffer-limit"
        assert other.run("EXISTS", "k") == 0


@pytest.mark.threads
def test_clients_that_vanish_leave_nothing(server):
    rng = random.Random(3)
    for number in range(int(200 / min(SLOWDOWN, 4))):
        connection = server.connect()
        words = [encode("WATCH", "a", "b", "c"), encode("MULTI")] + [encode("SET", "k%d" % key, "x" * 500) for key in range(20)]
        words += [encode("EXEC")]
        data = b"".join(words[:rng.randrange(1, len(words) + 1)])
        connection.send_raw(data[:rng.randrange(1, len(data) + 1)])
        connection.close()
    with server.connect() as connection:
        wait_until(lambda: b"connected_clients:1\r\n" in connection.run("INFO", "clients"), 10 * SLOWDOWN, "their end")
        assert connection.run("SET", "a", "x") == b"OK"


def test_a_monitor_sees_the_commands_when_they_run(server):
    with server.connect() as monitor, server.connect() as ours, server.connect() as other:
        assert monitor.run("MONITOR") == b"OK"
        transaction(ours, ("SET", "a", "1"), ("GET", "b"))
        ours.run("WATCH", "a")
        other.run("SET", "a", "2")
        assert transaction(ours, ("SET", "a", "3")) == ("*", None)
        lines = [monitor.read()[1].split(b"] ", 1)[1] for _ in range(8)]
        assert lines == [b'"MULTI"', b'"SET" "a" "1"', b'"GET" "b"', b'"EXEC"', b'"WATCH" "a"', b'"SET" "a" "2"', b'"MULTI"', b'"EXEC"']


def test_client_list_tells_of_it(server):
    def fields(connection, number):
        line = next(line for line in connection.run("CLIENT", "LIST").split(b"\n") if line.startswith(b"id=%d " % number))
        return dict(field.split(b"=", 1) for field in line.split(b" "))

    with server.connect() as ours, server.connect() as other:
        number = ours.run("CLIENT", "ID")
        ours.run("WATCH", "a", "b")
        assert (fields(other, number)[b"multi"], fields(other, number)[b"watch"]) == (b"-1", b"2")
        ours.run("MULTI")
        ours.run("SET", "a", "x" * 1000)
        found = fields(other, number)
        assert (found[b"multi"], found[b"flags"]) == (b"1", b"x") and int(found[b"multi-mem"]) > 1000
        other.run("SET", "b", "1")
        assert fields(other, number)[b"flags"] == b"xd"
        ours.run("DISCARD")
        assert (fields(other, number)[b"multi"], fields(other, number)[b"watch"]) == (b"-1", b"0")


def test_commands_that_look_at_all_shards_run_inside(server):
    with server.connect() as client:
        assert transaction(client, ("CONFIG", "RESETSTAT"), ("INFO",), ("DBSIZE",))[0] == "*"
        for words in (("WATCH", "a", "b"), ("UNWATCH",), ("WATCH", "a"), ("CONFIG", "RESETSTAT")):
            assert client.run("DEBUG", "INSIDE", *words) == b"OK"


def test_dbsize_sees_no_part_of_a_transaction(server):
    keys = ["k%d" % number for number in range(20)]
    pairs = [word for key in keys for word in (key, "x")]
    done = threading.Event()

    def write():
        with server.connect() as connection:
            for _ in range(ROUNDS):
                transaction(connection, ("FLUSHDB",), ("MSET", *pairs), ("RENAME", "k1", "other"), ("RENAME", "other", "k1"))
                connection.run("DEL", *keys)
                connection.run("MSET", *pairs)
        done.set()

    def read():
        with server.connect() as connection:
            while not done.is_set():
                assert connection.run("DBSIZE") in (0, len(keys))

    run_all(write, read)


def test_what_was_watched_is_given_back(server):
    with server.connect() as control:
        before = int(control.info("memory")["used_memory"])
        with server.connect() as client:
            for start in range(0, 20_000, 1000):
                client.run("WATCH", *["k%d" % number for number in range(start, start + 1000)])
            assert int(control.info("memory")["used_memory"]) > before + 20_000 * 60
        wait_until(lambda: int(control.info("memory")["used_memory"]) < before + 100_000, 10 * SLOWDOWN, "the memory")


def test_client_list_shows_that_a_watched_key_has_changed(server):
    """The flag d is there before MULTI, too, and goes with UNWATCH."""
    with server.connect() as watcher, server.connect() as writer:
        watcher.run("WATCH", "k")
        seen = [b" flags=N " in watcher.run("CLIENT", "INFO")]
        writer.run("SET", "k", "v")
        seen += [b" flags=d " in watcher.run("CLIENT", "INFO"), b" flags=d " in writer.run("CLIENT", "LIST")]
        watcher.run("UNWATCH")
        assert seen + [b" flags=N " in watcher.run("CLIENT", "INFO")] == [True] * 4


def test_nothing_is_kept_for_a_transaction_that_cannot_run(server):
    """Commands behind an error, or behind a change of a watched key, are answered QUEUED, and only that."""
    with server.connect() as client, server.connect() as writer:
        for change in ((client, "NOSUCH"), (writer, "SET", "k", "v")):
            client.run("WATCH", "k")
            client.run("MULTI")
            assert client.run("SET", "a", "1") == b"QUEUED"
            change[0].call(*change[1:])
            assert client.run("SET", "a", "2") == b"QUEUED"
            assert [line for line in writer.run("CLIENT", "LIST").split(b"\n") if b" multi=1 " in line]
            assert client.call("EXEC") in (("*", None), ("-", b"EXECABORT Transaction discarded because of previous errors."))
