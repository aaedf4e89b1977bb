"""SAVE and its kin, the end of the server, and disks that fail."""

import os
import resource
import signal
import threading

import pytest

from harness import saved
from harness.process import Server
from harness.resp import Closed
from test_save import digest

UNLIMITED = resource.RLIM_INFINITY


def limit_files(server, limit_bytes):
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit_bytes, UNLIMITED))


# ---- commands ----

def test_commands_of_saving_reply_as_those_of_redis(start):
    pair = [start("--rdb-key-save-delay", "1000000", kind=kind) for kind in ("tessera", "redis")]
    clients = [server.connect() for server in pair]

    def both(*words):
        replies = [client.call(*words) for client in clients]
        assert replies[0] == replies[1], words
        return replies[0]

    for i in range(100):
        both("SET", "key:%d" % i, "1")
    assert both("BGSAVE") == ("+", b"Background saving started")
    assert both("BGSAVE")[0] == "-"
    assert both("SAVE")[0] == "-"
    assert both("BGSAVE", "SCHEDULE")[0] == "-"
    assert both("BGSAVE", "nothing")[0] == "-"
    assert both("BGSAVE", "SCHEDULE", "more")[0] == "-"
    assert both("SAVE", "more")[0] == "-"
    both("MULTI")
    both("SAVE")
    both("BGSAVE")
    both("EXEC")
    both("EVAL", "return redis.call('SAVE')", "0")
    both("EVAL", "return redis.call('BGSAVE')", "0")
    fields = [saved.persistence(client) for client in clients]
    assert set(fields[1]) <= set(fields[0])
    for name in ("rdb_bgsave_in_progress", "rdb_changes_since_last_save", "rdb_last_bgsave_status", "loading"):
        assert fields[0][name] == fields[1][name], name
    for client in clients:
        client.close()


def test_a_transaction_saves_what_it_leaves(server, client):
    assert client.pipeline([("MULTI",), ("SET", "a", "1"), ("BGSAVE",), ("SET", "b", "2"), ("EXEC",)])[-1] == (
        "*", [("+", b"OK"), ("+", b"Background saving scheduled"), ("+", b"OK")])
    saved.wait_for_fields(client, rdb_saves=1, rdb_bgsave_in_progress=0, rdb_changes_since_last_save=0)
    with saved.loaded(server) as other:
        assert other.run("MGET", "a", "b") == [b"1", b"2"]


def test_a_save_is_cancelled(server, client):
    assert client.call("BGSAVE", "CANCEL")[0] == "-"
    client.pipeline([("SET", "key:%d" % i, "1") for i in range(500)])
    saved.begin_slow_save(client)
    assert client.run("BGSAVE", "CANCEL") == b"Background saving cancelled"
    saved.wait_for_fields(client, rdb_bgsave_in_progress=0, rdb_bgsave_scheduled=0, rdb_saves=0, rdb_last_bgsave_status="ok")
    assert not saved.temporary_files(server) and not os.path.exists(saved.path(server))
    assert " * Saving the database was cancelled\n" in server.output() and "has failed" not in server.output()
    client.run("CONFIG", "SET", "rdb-key-save-delay", "0")
    assert client.run("BGSAVE", "SCHEDULE") == b"Background saving started"
    saved.wait_for_fields(client, rdb_saves=1, rdb_bgsave_in_progress=0)


def test_info_says_how_far_a_save_is_and_how_long_it_will_take(start):
    server = start(*saved.OPTIONS)
    with server.connect() as client:
        client.pipeline([("SET", "key:%d" % i, "1") for i in range(200)])
        before = saved.persistence(client)
        assert (before["current_fork_perc"], before["rdb_current_bytes_per_sec"], before["rdb_current_eta_seconds"]) == ("0.00", "0", "-1")
        saves = saved.begin_slow_save(client, 20000)
        found = []
        saved.wait_until(lambda: found.append(saved.persistence(client)) or int(found[-1]["current_save_keys_processed"]) >= 20)
        done = int(found[-1]["current_save_keys_processed"])
        assert found[-1]["current_save_keys_total"] == "200" and done < 200
        assert found[-1]["current_fork_perc"] == "%.2f" % (100 * done / 200)
        assert int(found[-1]["rdb_current_eta_seconds"]) >= 0
        saved.end_slow_save(client, saves)


def test_a_big_value_counts_when_it_is_written(start):
    server = start(*saved.OPTIONS)
    with server.connect() as client:
        for first in range(0, 300000, 10000):
            client.run("RPUSH", "big", *["%d" % i for i in range(first, first + 10000)])
        saves = saved.begin_slow_save(client, 1)
        found = []
        saved.wait_until(lambda: found.append(saved.persistence(client)) or found[-1]["rdb_bgsave_in_progress"] == "0")
        counted = [(int(fields["current_save_keys_processed"]), int(fields["rdb_current_waiting_bytes"]) + int(fields["rdb_current_file_bytes"]))
                   for fields in found if fields["rdb_bgsave_in_progress"] == "1"]
        assert all(count == 0 or size > 100000 for count, size in counted), counted
        saved.end_slow_save(client, saves)


def test_save_points_come_from_file_command_line_and_config_set(start):
    server = start("--save", "1 1", "--save", "100 50")
    with server.connect() as client:
        assert client.run("CONFIG", "GET", "save") == [b"save", b"1 1 100 50"]
        client.run("SET", "a", "1")
        saved.wait_for_fields(client, rdb_saves=1, rdb_changes_since_last_save=0)
        for text in ("3600 1", "", "1 100000", "20 10 30 5"):
            client.run("CONFIG", "SET", "save", text)
            assert client.run("CONFIG", "GET", "save") == [b"save", text.encode()]
        for text in ("1", "a b", "1 1 1", "-1 1", "0 1"):
            assert client.call("CONFIG", "SET", "save", text)[0] == "-", text


# ---- the end ----

class Writer(threading.Thread):
    """INCRs a key of its own until the connection ends; knows what was acknowledged."""

    def __init__(self, server, number):
        super().__init__()
        self.connection, self.key, self.acknowledged = server.connect(), "writer:%d" % number, 0

    def run(self):
        try:
            while True:
                reply = self.connection.call("INCR", self.key)
                if reply[0] != ":":
                    break
                self.acknowledged = reply[1]
        except (OSError, Closed):
            pass
        self.connection.close()


ENDS = {"sigterm": None, "shutdown": ["SHUTDOWN"], "save": ["SHUTDOWN", "SAVE"], "now": ["SHUTDOWN", "NOW", "FORCE"]}


@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("way", ENDS)
@pytest.mark.parametrize("is_saving", [False, True], ids=["idle", "saving"])
def test_what_was_acknowledged_is_there_after_the_end(start, shards, way, is_saving):
    server = start("--save", "3600 1000000", *saved.OPTIONS, shards=shards)
    client = server.connect()
    client.pipeline([("SET", "key:%d" % i, "1") for i in range(500)])
    writers = [Writer(server, i) for i in range(4)]
    for writer in writers:
        writer.start()
    if is_saving:
        saved.begin_slow_save(client, 500)
    saved.wait_until(lambda: all(writer.acknowledged > 20 for writer in writers))
    if ENDS[way] is None:
        server.process.send_signal(signal.SIGTERM)
    else:
        client.send(*ENDS[way])
    saved.ended(server)
    for writer in writers:
        writer.join()
    client.close()
    assert not saved.temporary_files(server)
    saved.restart(server)
    with server.connect() as client:
        assert [int(client.run("GET", writer.key)) for writer in writers] == [writer.acknowledged for writer in writers]
        client.run("CONFIG", "SET", "save", "")


class Counter(threading.Thread):
    """INCRs a key of its own until it is told to stop; each answer is one more than the one before."""

    def __init__(self, server, number):
        super().__init__()
        self.connection, self.key, self.acknowledged = server.connect(), "counter:%d" % number, 0
        self.is_over, self.wrong = False, []

    def run(self):
        while not self.is_over and not self.wrong:
            reply = self.connection.call("INCR", self.key)
            if reply == (":", self.acknowledged + 1):
                self.acknowledged += 1
            else:
                self.wrong.append((reply, self.acknowledged))
        self.connection.close()


@pytest.mark.threads
def test_reload_loses_nothing_that_is_acknowledged(start, shards):
    server = start(*saved.OPTIONS, shards=shards)
    counters = [Counter(server, i) for i in range(4)]
    with server.connect() as client:
        client.pipeline([("SET", "key:%d" % i, "1") for i in range(20000)])
        for counter in counters:
            counter.start()
        saved.wait_until(lambda: all(counter.acknowledged > 20 for counter in counters))
        for _ in range(2):
            assert client.run("DEBUG", "RELOAD") == b"OK"
        for counter in counters:
            counter.is_over = True
        for counter in counters:
            counter.join()
        assert [counter.wrong for counter in counters] == [[]] * 4
        assert [int(client.run("GET", counter.key)) for counter in counters] == [counter.acknowledged for counter in counters]
        assert client.run("DBSIZE") == 20004


def test_reload_waits_for_a_save_that_runs_and_readers_wait_for_the_data(start):
    server = start(*saved.OPTIONS)
    with server.connect() as client, server.connect() as other, server.connect() as reader:
        client.pipeline([("SET", "key:%d" % i, "1") for i in range(500)])
        saved.begin_slow_save(client)
        other.send("DEBUG", "RELOAD")
        assert client.run("SET", "more", "1") == b"OK" and not other.has_reply()
        client.run("CONFIG", "SET", "key-load-delay", "2000", "rdb-key-save-delay", "0")
        saved.wait_until(lambda: b"loading:1" in client.run("INFO", "persistence"))
        assert reader.run("GET", "more") == b"1"
        assert other.read() == ("+", b"OK")
        assert client.run("DBSIZE") == 501


@pytest.mark.threads
def test_pausing_clients_does_not_let_writers_pass_the_end(start):
    server = start("--save", "3600 1000000", *saved.OPTIONS)
    with server.connect() as client, server.connect() as other:
        client.pipeline([("SET", "key:%d" % i, "1") for i in range(500)])
        client.run("CONFIG", "SET", "rdb-key-save-delay", "1000000")
        client.send("SHUTDOWN")
        saved.wait_for_fields(other, rdb_bgsave_in_progress=1)
        other.run("CLIENT", "PAUSE", "1", "WRITE")
        other.run("CLIENT", "UNPAUSE")
        other.send("INCR", "later")
        client_2 = server.connect()
        for _ in range(20):
            client_2.run("PING")
        assert not other.has_reply()
        assert client_2.run("SHUTDOWN", "ABORT") == b"OK"
        assert client.read()[0] == "-"
        assert other.read() == (":", 1)
        client_2.run("CONFIG", "SET", "save", "", "rdb-key-save-delay", "0")
        saved.wait_for_fields(client_2, rdb_bgsave_in_progress=0)
        client_2.close()


def test_the_end_without_save_points_saves_nothing(start):
    for words in (None, ["SHUTDOWN"], ["SHUTDOWN", "NOSAVE"]):
        server = Server("tessera", 1, ("--save", "3600 1") if words == ["SHUTDOWN", "NOSAVE"] else ())
        with server.connect() as client:
            client.run("SET", "a", "1")
            if words is None:
                server.process.send_signal(signal.SIGTERM)
            else:
                client.send(*words)
            saved.ended(server)
        assert os.listdir(server.folder) == ["output.txt"]
        server.stop()


# ---- failing disks ----

@pytest.mark.parametrize("way", ["sigterm", "shutdown"])
def test_a_server_that_cannot_save_stays_up_and_ends_by_force(start, way):
    server = Server("tessera", 1, ("--save", "3600 1"))
    with server.connect() as client:
        client.run("SET", "a", "1")
        limit_files(server, 10)
        if way == "sigterm":
            server.process.send_signal(signal.SIGTERM)
            saved.wait_for_fields(client, rdb_last_bgsave_status="err")
        else:
            assert client.call("SHUTDOWN") == ("-", b"ERR Errors trying to SHUTDOWN. Check logs.")
        assert client.run("GET", "a") == b"1"
        assert not saved.temporary_files(server)
        client.send("SHUTDOWN", "FORCE")
        saved.ended(server)
    assert not os.path.exists(saved.path(server))
    server.stop()


@pytest.mark.heavy
@pytest.mark.parametrize("fault", ["limit", "name"])
def test_a_failing_disk_is_told_and_recovered_from(start, shards, fault):
    server = start("--save", "3600 1000000", *saved.OPTIONS, shards=shards)
    with server.connect() as client, server.connect() as queued:
        client.run("SET", "a", "1")
        queued.pipeline([("MULTI",), ("SET", "a", "1")])
        client.run("SAVE")
        whole = open(saved.path(server), "rb").read()
        if fault == "limit":
            limit_files(server, 20)
        else:
            os.rename(saved.path(server), saved.path(server, "whole"))
            os.mkdir(saved.path(server))
        try:
            assert client.call("SAVE")[0] == "-"
            client.call("BGSAVE")
            saved.wait_for_fields(client, rdb_last_bgsave_status="err", rdb_bgsave_in_progress=0)
            saved.wait_until(lambda: client.call("SET", "b", "2")[1].startswith(b"MISCONF"))
            assert client.call("EVAL", "return redis.call('SET', 'b', '2')", "0")[1].find(b"MISCONF") >= 0
            assert client.call("PING")[1].startswith(b"MISCONF")
            assert queued.call("EXEC")[1].startswith(b"EXECABORT Transaction discarded because of: MISCONF")
            assert client.run("GET", "a") == b"1"
            client.run("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
            assert client.call("SET", "b", "2") == ("+", b"OK")
            client.run("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes")
            assert client.call("SET", "b", "2")[0] == "-"
            client.run("CONFIG", "SET", "save", "")
            saved.wait_until(lambda: client.call("SET", "b", "2") == ("+", b"OK"))
        finally:
            limit_files(server, UNLIMITED)
            if fault == "name":
                os.rmdir(saved.path(server))
                os.rename(saved.path(server, "whole"), saved.path(server))
        assert open(saved.path(server), "rb").read() == whole
        assert not saved.temporary_files(server)
        client.run("CONFIG", "SET", "save", "1 1")
        saved.wait_for_fields(client, rdb_last_bgsave_status="ok")
        saved.wait_until(lambda: client.call("SET", "c", "2") == ("+", b"OK"))
        client.run("CONFIG", "SET", "save", "")
        client.run("SAVE")
        then = digest(client)
    with saved.loaded(server) as other:
        assert digest(other) == then
