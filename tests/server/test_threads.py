"""Several connections at once: what commands on many shards promise, seen from outside while others write."""

import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import Closed, encode, plain, wait_until
from harness.together import run_all

pytestmark = pytest.mark.threads

ROUNDS = int(1500 / SLOWDOWN) + 20


def at_once(server, *workers):
    """Runs each worker(connection) in a thread with a connection of its own; the first failure is raised."""
    def run(worker):
        with server.connect() as connection:
            worker(connection)

    run_all(*[lambda worker=worker: run(worker) for worker in workers])


def test_no_increment_is_lost(server, client):
    def worker(connection):
        for start in range(0, ROUNDS, 20):
            replies = connection.pipeline(("INCR", "counter:%d" % (number % 5)) for number in range(start, start + 20))
            assert all(kind == ":" for kind, _ in replies)

    at_once(server, *[worker] * 6)
    done = (ROUNDS + 19) // 20 * 20 * 6
    assert sum(int(client.run("GET", "counter:%d" % number)) for number in range(5)) == done


def test_replies_come_in_the_order_of_commands(server):
    def worker(connection):
        for number in range(ROUNDS // 50 + 1):
            commands = []
            expected = []
            for step in range(100):
                commands += [("SET", "k:%d" % step, "%d:%d" % (number, step)), ("ECHO", "%d" % step)]
                expected += [b"OK", b"%d" % step]
            commands.append(["MGET"] + ["nothing:%d" % step for step in range(30)])
            expected.append([None] * 30)
            assert [plain(reply) for reply in connection.pipeline(commands)] == expected

    at_once(server, *[worker] * 4)


def test_pipelines_go_on_after_pauses(server, client):
    """What a pause lets through may still wait for a shard when the pause is over: MEMORY AUDIT holds each for a while."""
    is_over = threading.Event()
    client.pipeline(("SET", "filler:%d" % number, "v") for number in range(int(100_000 / SLOWDOWN)))

    def worker(connection):
        for number in range(ROUNDS // 20 + 1):
            replies = connection.pipeline(command for step in range(25) for command in
                                          (("GET", "nothing:%d" % step), ("SET", "k:%d" % (number * 25 + step), "v")))
            assert [plain(reply) for reply in replies] == [None, b"OK"] * 25

    def repeat(*words):
        with server.connect() as connection:
            while not is_over.is_set():
                assert connection.run(*words) == b"OK"

    others = [threading.Thread(target=repeat, args=words) for words in (("CLIENT", "PAUSE", 1, "WRITE"), ("MEMORY", "AUDIT"))]
    for other in others:
        other.start()
    try:
        at_once(server, *[worker] * 4)
    finally:
        is_over.set()
        for other in others:
            other.join()


def test_commands_on_one_key_never_pass_each_other(server):
    def worker(number):
        def run(connection):
            for step in range(ROUNDS // 30 + 1):
                key = "own:%d:%d" % (number, step % 7)
                commands = [("SET", key, ""), *(("APPEND", key, "%d," % turn) for turn in range(30)), ("GET", key)]
                assert connection.pipeline(commands)[-1] == ("$", b"".join(b"%d," % turn for turn in range(30)))
        return run

    at_once(server, *map(worker, range(4)))


def test_mget_never_sees_half_an_mset(server):
    keys = ["part:%d" % number for number in range(8)]

    def writer(connection):
        for number in range(ROUNDS):
            connection.run("MSET", *(word for key in keys for word in (key, number)))

    def reader(connection):
        for _ in range(ROUNDS):
            assert len(set(connection.run("MGET", *keys))) == 1

    at_once(server, writer, writer, reader, reader)


def test_a_renamed_key_is_always_in_one_place(server, client):
    client.run("SET", "here", "1")

    def mover(connection):
        for _ in range(ROUNDS):
            connection.call("RENAME", "here", "there")
            connection.call("RENAME", "there", "here")

    def observer(connection):
        for _ in range(ROUNDS):
            assert connection.run("EXISTS", "here", "there") == 1

    at_once(server, mover, mover, observer, observer)


def test_swapdb_is_one_moment_for_all_shards(server, client):
    keys = ["key:%d" % number for number in range(12)]
    client.run("MSET", *(word for key in keys for word in (key, "zero")))
    client.run("SELECT", "1")
    client.run("MSET", *(word for key in keys for word in (key, "one")))

    def swapper(connection):
        for _ in range(ROUNDS // 4):
            assert connection.run("SWAPDB", "0", "1") == b"OK"

    def observer(connection):
        for _ in range(ROUNDS):
            assert len(set(connection.run("MGET", *keys))) == 1

    at_once(server, swapper, observer, observer)


def test_scan_finds_what_is_there_throughout(server, client):
    stable = {b"stable:%d" % number for number in range(2000)}
    client.run("MSET", *(word for key in stable for word in (key, "x")))
    is_over = threading.Event()

    def grower(connection):
        number = 0
        while not is_over.is_set():
            names = ["passing:%d" % (number + step) for step in range(500)]
            connection.run("MSET", *(word for name in names for word in (name, "y")))
            connection.run("DEL", *names[::2])
            if number and number % 5000 == 0:
                connection.run("DEL", *("passing:%d" % old for old in range(max(0, number - 5000), number)))
            number += 500

    def scanner(connection):
        try:
            for count in ("10", "100", "1000") if SLOWDOWN == 1 else ("100",):
                seen = set()
                cursor = b"0"
                while True:
                    cursor, names = connection.run("SCAN", cursor, "COUNT", count)
                    seen.update(names)
                    if cursor == b"0":
                        break
                assert stable <= seen
        finally:
            is_over.set()

    at_once(server, grower, scanner)


def test_keys_dbsize_and_flushall_amid_writes(server, client):
    def writer(connection):
        for number in range(ROUNDS):
            connection.run("SET", "w:%d" % (number % 300), "x" * (number % 100))

    def looker(connection):
        for _ in range(ROUNDS // 10):
            assert len(connection.run("KEYS", "w:*")) <= 300
            assert 0 <= connection.run("DBSIZE") <= 300

    def flusher(connection):
        for number in range(ROUNDS // 30):
            assert connection.run("FLUSHALL", "ASYNC" if number % 2 else "SYNC") == b"OK"

    at_once(server, writer, writer, looker, flusher)
    client.run("FLUSHALL")
    assert client.run("DBSIZE") == 0


def test_expiry_and_writes_do_not_meet_badly(server, client):
    def writer(connection):
        for number in range(ROUNDS):
            connection.run("SET", "e:%d" % (number % 100), "x", "PX", 1 + number % 5)
            connection.call("PERSIST", "e:%d" % (number * 7 % 100))
            connection.call("PEXPIRE", "e:%d" % (number * 3 % 100), "2")

    at_once(server, writer, writer, writer)
    for number in range(100):
        client.run("PEXPIRE", "e:%d" % number, "1")
    while client.run("DBSIZE"):
        pass


def test_connections_that_vanish_in_the_middle_harm_nobody(server, client):
    def rude(number):
        def run(_):
            for step in range(ROUNDS // 40 + 1):
                connection = server.connect()
                try:
                    connection.send_raw(b"".join(b"*3\r\n$3\r\nSET\r\n$6\r\nr:%04d\r\n$4\r\n%04d\r\n" % (turn, step)
                                                 for turn in range(200)) + b"*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n*1\r\n")
                    if (number + step) % 2:
                        connection.read()
                except (Closed, OSError):
                    pass
                connection.close()
        return run

    def polite(connection):
        for _ in range(ROUNDS):
            assert connection.run("PING") == b"PONG"

    at_once(server, rude(0), rude(1), polite)
    assert client.run("PING") == b"PONG"


def test_a_silent_connection_that_is_killed_while_a_shard_is_busy_is_freed(server, client):
    """Nothing is left to be sent, and its receive has ended before its commands come back from the shard."""
    is_over = threading.Event()
    client.pipeline(("SET", "filler:%d" % number, "v") for number in range(int(100_000 / SLOWDOWN)))

    def audit():
        with server.connect() as connection:
            while not is_over.is_set():
                assert connection.run("MEMORY", "AUDIT") == b"OK"

    auditor = threading.Thread(target=audit)
    auditor.start()
    try:
        for _ in range(ROUNDS // 10):
            with server.connect() as silent:
                number = silent.run("CLIENT", "ID")
                silent.send("CLIENT", "REPLY", "OFF")
                silent.send_raw(b"".join(encode("SET", "k:%d" % step, "v") for step in range(20)))
                client.call("CLIENT", "KILL", "ID", number)
    finally:
        is_over.set()
        auditor.join()
    wait_until(lambda: client.info("clients")["connected_clients"] == "1", 5 * SLOWDOWN)


def test_rows_inserted_from_many_connections_are_all_there(server, client):
    client.run("TABLE.NAMESPACE.CREATE", "ns")
    client.run("TABLE.SCHEMA.CREATE", "ns.rows", "who:integer:hash", "text:string")
    count = ROUNDS // 4
    row_ids = []

    def inserter(number):
        def run(connection):
            replies = connection.pipeline(
                ("TABLE.INSERT", "ns.rows", "who=%d" % number, "text=row %d" % turn) for turn in range(count))
            row_ids.extend(plain(reply) for reply in replies)
        return run

    def reader(connection):
        for _ in range(ROUNDS // 20):
            for row in connection.run("TABLE.SELECT", "ns.rows", "WHERE", "who=1"):
                assert row[:2] == [b"who", b"1"] and len(row) == 4

    at_once(server, *map(inserter, range(4)), reader)
    assert len(set(row_ids)) == len(row_ids) == count * 4
    assert len(client.run("TABLE.SELECT", "ns.rows")) == count * 4
    assert client.run("TABLE.DELETE", "ns.rows", "WHERE", "who=1") == count
    assert len(client.run("TABLE.SELECT", "ns.rows", "WHERE", "who=1")) == 0


def test_an_update_of_a_whole_table_is_seen_whole(server, client):
    client.run("TABLE.NAMESPACE.CREATE", "ns")
    client.run("TABLE.SCHEMA.CREATE", "ns.rows", "id:integer:hash", "state:integer")
    client.pipeline(("TABLE.INSERT", "ns.rows", "id=%d" % number, "state=0") for number in range(200))

    def updater(connection):
        for number in range(ROUNDS // 10):
            assert connection.run("TABLE.UPDATE", "ns.rows", "SET", "state=%d" % number) == 200

    def reader(connection):
        for _ in range(ROUNDS // 10):
            assert len({row[3] for row in connection.run("TABLE.SELECT", "ns.rows")}) == 1

    at_once(server, updater, reader, reader)


def test_schema_changes_amid_queries(server, client):
    client.run("TABLE.NAMESPACE.CREATE", "ns")

    def changer(connection):
        for number in range(ROUNDS // 40 + 2):
            name = "ns.t%d" % (number % 3)
            connection.call("TABLE.SCHEMA.CREATE", name, "id:integer", "name:string")
            connection.pipeline(("TABLE.INSERT", name, "id=%d" % turn, "name=x") for turn in range(30))
            connection.call("TABLE.SCHEMA.ALTER", name, "ADD", "INDEX", "id:hash")
            connection.call("TABLE.SCHEMA.ALTER", name, "ADD", "COLUMN", "more:float")
            connection.call("TABLE.SCHEMA.ALTER", name, "DROP", "INDEX", "id")
            connection.call("TABLE.SCHEMA.ALTER", name, "DROP", "COLUMN", "more")
            connection.call("TABLE.DROP", name, "FORCE")

    def reader(connection):
        for number in range(ROUNDS // 4):
            kind, value = connection.call("TABLE.SELECT", "ns.t%d" % (number % 3), "WHERE", "id=7")
            assert kind == "*" or value.startswith(b"ERR ")

    at_once(server, changer, changer, reader, reader)


def test_256_shards_work_together(start):
    """The most that there may be."""
    keys = ["key:%d" % number for number in range(4000)]
    with start(shards=256).connect() as client:
        assert client.run("MSET", *[word for key in keys for word in (key, "of " + key)]) == b"OK"
        infos = client.info("shards")
        per_shard = [int(infos["shard%d" % number].split(",")[0].split("=")[1]) for number in range(256)]
        assert sum(per_shard) == len(keys) and min(per_shard) > 0
        assert client.run("MGET", *keys) == [b"of " + key.encode() for key in keys]
        replies = client.pipeline([("APPEND", key, "!") for key in keys] + [("GET", key) for key in keys])
        assert [plain(reply) for reply in replies[len(keys) :]] == [b"of " + key.encode() + b"!" for key in keys]
        assert client.run("CLIENT", "LIST").count(b"id=") == 1
        assert client.run("DBSIZE") == len(keys)
        assert client.run("FLUSHALL") == b"OK"
        assert client.run("DBSIZE") == 0
