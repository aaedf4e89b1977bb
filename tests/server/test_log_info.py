"""INFO's fields of the log, beside redis-server's; rewrites and saves that wait for each other; how far loading is."""

import os

import pytest

from harness import saved
from harness.process import SLOWDOWN
from harness.resp import wait_until

SECONDS = 20 * SLOWDOWN
LOG = ("--appendonly", "yes", "--save", "", "--enable-debug-command", "yes")
ONLY_OURS = {"aof_frames", "aof_fsyncs"}


def figures(client):
    return saved.persistence(client)


def test_info_has_redis_fields_of_the_log(start):
    with start(*LOG).connect() as ours, start(*LOG, kind="redis").connect() as theirs:
        for client in (ours, theirs):
            client.run("SET", "a", "1")
            client.run("BGREWRITEAOF")
            saved.wait_until(lambda: figures(client)["aof_rewrite_in_progress"] == "0")
            client.run("SET", "a", "2")
        mine, redis = figures(ours), figures(theirs)
        fields = [name for name in redis if name.startswith("aof_")]
        assert [name for name in mine if name.startswith("aof_") and name not in ONLY_OURS] == fields
        same = ("aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled", "aof_current_rewrite_time_sec", "aof_last_bgrewrite_status",
                "aof_rewrites_consecutive_failures", "aof_last_write_status", "aof_pending_rewrite", "aof_delayed_fsync")
        assert {name: mine[name] for name in same} == {name: redis[name] for name in same}
        assert int(mine["aof_last_rewrite_time_sec"]) <= 5 * SLOWDOWN
        assert int(mine["aof_current_size"]) > int(mine["aof_base_size"]) > 0


@pytest.mark.parametrize("kind", ["tessera", "redis"])
def test_a_rewrite_waits_for_a_save(start, kind):
    server = start(*LOG, kind=kind)
    with server.connect() as client:
        client.pipeline([("SET", "k:%d" % i, "v") for i in range(1000)])
        rewrites = int(figures(client)["aof_rewrites"])
        client.run("CONFIG", "SET", "rdb-key-save-delay", "1000000")
        client.run("BGSAVE")
        assert client.run("BGREWRITEAOF") == b"Background append only file rewriting scheduled"
        found = figures(client)
        assert (found["rdb_bgsave_in_progress"], found["aof_rewrite_in_progress"]) == ("1", "0")
        assert (found["aof_rewrite_scheduled"], found["aof_pending_rewrite"]) == ("1", "1")
        assert client.run("BGREWRITEAOF") == b"Background append only file rewriting scheduled"
        client.run("CONFIG", "SET", "rdb-key-save-delay", "0")
        if kind == "tessera":
            assert client.run("BGSAVE", "CANCEL") == b"Background saving cancelled"
        else:
            with open("/proc/%d/task/%d/children" % (server.process.pid, server.process.pid), encoding="ascii") as file:
                os.kill(int(file.read().split()[0]), 10)
        wait_until(lambda: figures(client)["aof_rewrite_scheduled"] == "0" and int(figures(client)["aof_rewrites"]) > rewrites and
                   figures(client)["aof_rewrite_in_progress"] == "0", SECONDS, "the rewrite")


@pytest.mark.parametrize("kind", ["tessera", "redis"])
def test_a_save_waits_for_a_rewrite(start, kind):
    server = start(*LOG, kind=kind)
    with server.connect() as client:
        client.pipeline([("SET", "k:%d" % i, "v") for i in range(1000)])
        client.run("CONFIG", "SET", "rdb-key-save-delay", "1000" if kind == "redis" else "1000000")
        client.run("BGREWRITEAOF")
        wait_until(lambda: figures(client)["aof_rewrite_in_progress"] == "1" and
                   (kind == "redis" or figures(client)["current_save_keys_total"] != "0"), SECONDS, "the base")
        assert client.call("BGSAVE")[1].startswith(b"ERR Another child process is active (AOF?): can't BGSAVE right now.")
        assert figures(client)["rdb_bgsave_in_progress"] == "0" and figures(client)["rdb_current_bgsave_time_sec"] == "-1"
        assert int(figures(client)["aof_current_rewrite_time_sec"]) >= 0
        assert client.call("BGREWRITEAOF")[1] == b"ERR Background append only file rewriting already in progress"
        assert client.run("BGSAVE", "SCHEDULE") == b"Background saving scheduled"
        assert figures(client).get("rdb_bgsave_scheduled", "1") == "1"  # redis-server does not show it
        client.run("CONFIG", "SET", "rdb-key-save-delay", "0")
        wait_until(lambda: figures(client)["rdb_bgsave_in_progress"] == "0" and figures(client)["rdb_saves"] == "1", SECONDS, "the save")


@pytest.mark.parametrize("kind", ["tessera", "redis"])
def test_in_a_transaction_a_rewrite_is_scheduled(start, kind):
    with start(*LOG, kind=kind).connect() as client:
        rewrites = int(figures(client)["aof_rewrites"])
        replies = client.pipeline([("MULTI",), ("SET", "a", "1"), ("BGREWRITEAOF",), ("EXEC",)])
        assert replies[-1] == ("*", [("+", b"OK"), ("+", b"Background append only file rewriting scheduled")])
        wait_until(lambda: int(figures(client)["aof_rewrites"]) > rewrites, SECONDS, "the rewrite")


def test_the_start_says_how_far_it_is(start):
    """The base by INFO, and the log behind it; the whole of both is what is to be loaded."""
    server = start(*LOG, shards=2)
    with server.connect() as client:
        client.pipeline([("SET", "k:%d" % i, "v") for i in range(1000)])
        client.run("BGREWRITEAOF")
        saved.wait_for_fields(client, aof_rewrites=1, aof_rewrite_in_progress=0)
        client.pipeline([("SET", "l:%d" % i, "v") for i in range(1000)])
        assert client.run("WAITAOF", "1", "0", "0") == [1, 0]
    saved.end(server)
    server.options += ["--key-load-delay", "2000"]
    server._start(ready="loading /")
    with server.connect() as client:
        found = figures(client)
        assert found["loading"] == "1" and int(found["loading_total_bytes"]) > 1000 * 20
        assert int(found["loading_loaded_bytes"]) <= int(found["loading_total_bytes"]) and int(found["loading_eta_seconds"]) >= 0
        client.run("CONFIG", "SET", "key-load-delay", "0")
        saved.wait_for_fields(client, loading=0)
        assert client.run("DBSIZE") == 2000
