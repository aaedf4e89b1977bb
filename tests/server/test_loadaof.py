"""DEBUG LOADAOF: all data are taken out and made again from the log, and nothing that was acknowledged is lost."""

import threading

import pytest

from harness import saved
from harness.process import SLOWDOWN
from harness.resp import wait_until
from test_append_only import ALWAYS, EVERY_SECOND, digest, figures, fill, wait_for, wait_until_expired

SECONDS = 20 * SLOWDOWN


def load_again(client):
    assert client.call("DEBUG", "LOADAOF") == ("+", b"OK")


@pytest.mark.parametrize("fsync", ["always", pytest.param("everysec", marks=pytest.mark.slow), pytest.param("no", marks=pytest.mark.slow)])
def test_data_tables_and_functions_are_the_same(start, shards, fsync):
    server = start(*EVERY_SECOND, "--appendfsync", fsync, shards=shards)
    with server.connect() as client:
        fill(client)
        wait_until_expired(client)
        before = digest(client)
        for _ in range(2):
            load_again(client)
            assert digest(client) == before
        assert client.run("FCALL", "put", "1", "f", "2") == b"OK"
        assert client.run("TABLE.INSERT", "s.t", "id=7") == b"61"
        before = digest(client)
        assert client.run("BGREWRITEAOF") == b"Background append only file rewriting started"
        wait_for(client, aof_rewrites=1, aof_rewrite_in_progress=0)
        load_again(client)
        assert digest(client) == before
        client.run("CONFIG", "SET", "appendfsync", "always")  # what is written from now on is on the disk when it is answered, and what was before
        client.run("SET", "later", "1")
        before = digest(client)
        assert int(figures(client)["rdb_changes_since_last_save"]) == 1
    assert server.output().count("The log was loaded by DEBUG LOADAOF") == 3
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def test_what_is_not_in_the_log_goes(start):
    """As in redis-server: it shows whether the log has all."""
    server = start(*EVERY_SECOND, shards=2)
    with server.connect() as client:
        client.run("SET", "a", "1")
        client.run("CONFIG", "SET", "appendonly", "no")
        wait_for(client, aof_enabled=0)
        assert client.call("DEBUG", "LOADAOF")[0] == "-"  # redis-server ends itself
        assert client.run("GET", "a") == b"1"


def test_an_empty_log(start, shards):
    server = start(*ALWAYS, shards=shards)
    with server.connect() as client:
        load_again(client)
        assert client.run("DBSIZE") == 0
        client.run("SET", "a", "1")
        load_again(client)
        assert client.run("GET", "a") == b"1"


class Writer(threading.Thread):
    """Counts up, alone or over two keys at once, until it is told to stop; knows the last number that was acknowledged."""

    def __init__(self, server, name):
        super().__init__()
        self.client, self.name_of_key, self.is_over = server.connect(), name, threading.Event()
        self.acknowledged, self.refusals, self.problem = 0, 0, None

    def step(self):
        keys = ["%s:%d" % (self.name_of_key, i) for i in range(2)]
        replies = self.client.pipeline([("INCR", keys[0]), ("MULTI",), ("INCR", keys[0]), ("INCR", keys[1]), ("EXEC",)])
        refused = [reply for reply in replies if reply[0] == "-"]
        self.refusals += bool(refused)
        if replies[0][0] == ":":
            self.acknowledged = max(self.acknowledged, replies[0][1])
        if replies[-1][0] == "*":
            self.acknowledged = max(self.acknowledged, replies[-1][1][0][1])
        if [reply for reply in refused if not reply[1].startswith((b"LOADING", b"EXECABORT", b"ERR EXEC without MULTI"))]:
            self.problem = refused

    def run(self):
        try:
            while not self.is_over.is_set() and self.problem is None:
                self.step()
        except Exception as error:  # the test says it
            self.problem = error


@pytest.mark.threads
@pytest.mark.parametrize("options", [ALWAYS, pytest.param(EVERY_SECOND, marks=pytest.mark.slow)], ids=["always", "everysec"])
def test_under_load_nothing_acknowledged_is_lost(start, shards, options):
    server = start(*options, shards=shards)
    writers = [Writer(server, "w%d" % i) for i in range(6)]
    for writer in writers:
        writer.start()
    with server.connect() as client:
        try:
            for _ in range(5):
                counts = [writer.acknowledged for writer in writers]
                wait_until(lambda: all(writer.problem or writer.acknowledged > count for writer, count in zip(writers, counts)), SECONDS, "writes")
                load_again(client)
        finally:
            for writer in writers:
                writer.is_over.set()
            for writer in writers:
                writer.join()
        assert [writer.problem for writer in writers if writer.problem is not None] == []
        for writer in writers:
            assert int(client.run("GET", writer.name_of_key + ":0")) >= writer.acknowledged > 0
        before = digest(client)
        load_again(client)
        assert digest(client) == before
        assert client.run("WAITAOF", "1", "0", "0") == [1, 0]
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def test_commands_in_steps_are_over_before_and_blocked_clients_stay(start, shards):
    server = start(*EVERY_SECOND, shards=shards)
    with server.connect() as client, server.connect() as held, server.connect() as waiting, server.connect() as loading:
        client.run("SET", "held", "x" * 1000)
        waiting.send("BLPOP", "list", "0")
        wait_until(lambda: b"blocked_clients:1" in client.run("INFO", "clients"), SECONDS, "the client to be blocked")
        held.send("DEBUG", "HOLD", "held", "400")
        wait_until(lambda: "pins=1," in client.run("INFO", "shards").decode(), SECONDS, "the pin")
        loading.send("DEBUG", "LOADAOF")
        assert held.read() == ("+", b"OK")
        assert loading.read() == ("+", b"OK")
        assert client.run("GET", "held") == b"x" * 1000
        client.run("RPUSH", "list", "a")
        assert waiting.read() == ("*", [("$", b"list"), ("$", b"a")])


def test_a_client_that_goes_leaves_a_server_that_works(start, shards):
    server = start(*EVERY_SECOND, shards=shards)
    with server.connect() as client:
        client.run("SET", "a", "1")
        for _ in range(5):
            with server.connect() as going:
                going.send("DEBUG", "LOADAOF")
        wait_until(lambda: b"connected_clients:1\r\n" in client.run("INFO", "clients"), SECONDS, "the others to be gone")
        wait_until(lambda: client.call("DEBUG", "LOADAOF") == ("+", b"OK"), SECONDS, "a turn, when what they have begun is over")
        wait_until(lambda: client.call("GET", "a") == ("$", b"1"), SECONDS, "the data")
    saved.restart(server)  # a connection that is being closed may begin one still
    with server.connect() as client:
        assert client.run("GET", "a") == b"1"


@pytest.mark.slow
def test_others_are_answered_loading_and_see_how_far_it_is(start):
    server = start(*EVERY_SECOND, shards=2)
    with server.connect() as client, server.connect() as other:
        client.pipeline([("SET", "k:%d" % i, "v") for i in range(2000)])
        client.run("BGREWRITEAOF")
        wait_for(client, aof_rewrites=1, aof_rewrite_in_progress=0)
        client.pipeline([("SET", "l:%d" % i, "v") for i in range(2000)])
        client.run("CONFIG", "SET", "key-load-delay", "1000")
        client.send("DEBUG", "LOADAOF")
        wait_until(lambda: figures(other)["loading"] == "1", SECONDS, "loading")
        found = figures(other)
        assert other.call("GET", "k:1")[1].startswith(b"LOADING")
        assert int(found["loading_total_bytes"]) > 2 * 2000 * 5
        assert 0 <= int(found["loading_loaded_bytes"]) <= int(found["loading_total_bytes"])
        assert 0 <= float(found["loading_loaded_perc"]) <= 100
        other_client = server.connect()
        other_client.close()
        wait_until(lambda: figures(other)["loading"] == "0", 60 * SLOWDOWN, "the end of loading")
        assert client.read() == ("+", b"OK")
        assert other.run("DBSIZE") == 4000


def test_a_log_that_cannot_be_read_changes_nothing(start):
    """The manifest is damaged: the data stay."""
    server = start(*ALWAYS, shards=2)
    with server.connect() as client:
        fill(client)
        wait_until_expired(client)
        before = digest(client)
        path = server.folder + "/appendonlydir/tessera.manifest"
        with open(path, "rb") as file:
            text = file.read()
        with open(path, "wb") as file:
            file.write(text[:-3])
        assert client.call("DEBUG", "LOADAOF")[1].startswith(b"ERR Error trying to load the log: the log is damaged")
        assert digest(client) == before
        client.run("SET", "a", "1")
        with open(path, "wb") as file:
            file.write(text)
        load_again(client)
        assert client.run("GET", "a") == b"1"
    saved.restart(server)
