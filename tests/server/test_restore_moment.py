"""tools/restore --until: a server starts from the folder that it makes, and has the data of that moment."""

import os
import time

import pytest

from conftest import KIND
from harness import saved
from harness.process import BUILD
from harness.tools import run_tool

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--enable-debug-command", "yes")
CHECK_LOG = {"TESSERA_CHECK_LOG": os.path.join(BUILD, "tessera-check-log")}
ROWS = 40

pytestmark = pytest.mark.skipif(KIND != "tessera", reason="the log is not Redis's")

STAGES = [  # each changes what the ones before have made
    [("TABLE.NAMESPACE.CREATE", "s"), ("TABLE.SCHEMA.CREATE", "s.t", "id:integer:hash", "name:string:btree"), ("MSET", "a", "1", "b", "1", "c", "1"),
     *[("TABLE.INSERT", "s.t", "id=%d" % i, "name=n%d" % (i % 5)) for i in range(ROWS)]],
    [("MULTI",), ("INCR", "a"), ("INCR", "b"), ("RPUSH", "l", "x", "y"), ("EXEC",), ("TABLE.UPDATE", "s.t", "WHERE", "name=n1", "SET", "name=moved", "id=77"),
     ("EVAL", "redis.call('SET', KEYS[1], 's') return redis.call('DEL', KEYS[2])", "2", "d", "c")],
    [("TABLE.DELETE", "s.t", "WHERE", "name=n2"), ("RENAME", "l", "m"), ("SET", "t", "1", "EX", "1000"), ("XADD", "x", "*", "f", "v")],
    [("FLUSHALL",), ("SET", "after", "1")],
]


def digest(server):
    with server.connect() as client:
        return client.run("DEBUG", "DIGEST")


def wait_for_another_moment():
    """Gives the moment, ms; what is written after this has a later one."""
    now = int(time.time() * 1000)
    while int(time.time() * 1000) <= now + 1:
        time.sleep(0.0005)
    return now


def write_stages(server):
    """[(moment, digest)] after each stage; the log is rewritten after the first one."""
    moments = []
    with server.connect() as client:
        for number, commands in enumerate(STAGES):
            assert [reply for reply in client.pipeline(commands) if reply[0] == "-"] == []
            if number == 0:
                client.run("BGREWRITEAOF")
                saved.wait_for_fields(client, aof_rewrite_in_progress=0, aof_rewrites=1)
                client.run("SET", "behind-the-base", "1")
            moments.append((wait_for_another_moment(), client.run("DEBUG", "DIGEST")))
    return moments


def restore(server, moment, target):
    return run_tool("restore", os.path.join(server.folder, "appendonlydir"), target, "--until", "%d.%03d" % divmod(moment, 1000), environment=CHECK_LOG)


def test_a_server_starts_from_a_moment_and_goes_on(start, shards, tmp_path):
    server = start(*ALWAYS, shards=shards)
    moments = write_stages(server)
    for number, (moment, then) in enumerate(moments[:-1]):
        folder = tmp_path / str(number)
        folder.mkdir()
        status, output = restore(server, moment, folder / "appendonlydir")
        assert status == 0, output
        restored = start(*ALWAYS, "--dir", folder, shards=1 + number)
        assert digest(restored) == then, (number, output)
    with restored.connect() as client:
        assert client.run("INCR", "goes-on") == 1
    later = digest(restored)
    restored.restart_after_kill()
    assert digest(restored) == later
    assert digest(server) == moments[-1][1]
    assert restore(server, moments[0][0] - 10**7, tmp_path / "too-early")[0] == 2
