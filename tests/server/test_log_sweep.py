"""Files of the log's folder that no manifest names go at a start, and nothing else does."""

import os

import pytest

from harness import saved
from harness.process import StartError

LOG = ("--appendonly", "yes", "--save", "", "--enable-debug-command", "yes")


def folder(server):
    return os.path.join(server.folder, "appendonlydir")


LEFT = ["log.900.0", "log.900.1", "base.900.rdb", "temp-4711-base.901.rdb"]
FOREIGN = ["log.900", "log.900.x", "log.0900.0", "log.1.2.3", "base.rdb", "base.900.rdb.gz", "base.x.rdb", "notes.txt", "temp-x-base.1.rdb", "temp-1-dump.rdb",
           "jobs.log.900.0"]


def make(server, names):
    for name in names:
        with open(os.path.join(folder(server), name), "wb") as file:
            file.write(b"x")


def filled_and_ended(start, shards, *options):
    server = start(*LOG, *options, shards=shards)
    with server.connect() as client:
        client.pipeline([("SET", "k:%d" % i, "v") for i in range(50)])
        before = client.run("DEBUG", "DIGEST")
    saved.end(server)
    return server, before


def test_files_that_no_manifest_names_go_at_the_start(start, shards):
    server, before = filled_and_ended(start, shards)
    make(server, LEFT + FOREIGN)
    server._start()
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == before
    there = set(os.listdir(folder(server)))
    assert there & set(LEFT) == set() and set(FOREIGN) <= there
    line = [line for line in server.output().splitlines() if "no manifest names them" in line]
    assert len(line) == 1 and all(name in line[0] for name in LEFT) and "(4 files)" in line[0]
    saved.restart(server)
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == before
    assert "no manifest names" not in server.output()


def test_files_of_an_own_name_go_too(start):
    server, before = filled_and_ended(start, 2, "--appendfilename", "jobs")
    make(server, ["jobs." + name for name in LEFT[:3]] + ["temp-4711-jobs.base.901.rdb"] + LEFT)
    server._start()
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == before
    there = set(os.listdir(folder(server)))
    assert set(LEFT) <= there and [name for name in there if name.startswith("jobs.") and "90" in name] == []


def test_nothing_goes_beside_a_manifest_that_a_repair_has_set_aside(start):
    server, before = filled_and_ended(start, 2)
    make(server, LEFT + ["tessera.manifest.before-fix"])
    server._start()
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == before
    assert set(LEFT) <= set(os.listdir(folder(server)))
    assert "4 files that no manifest names: they stay" in server.output()


def test_nothing_goes_where_the_log_cannot_be_loaded(start):
    server, _ = filled_and_ended(start, 1)
    make(server, LEFT)
    path = os.path.join(folder(server), "tessera.manifest")
    with open(path, "r+b") as file:
        text = file.read()
        file.seek(0)
        file.write(text.replace(b"log 1", b"log 2", 1)[:-2])
    with pytest.raises(StartError):
        server._start()
    assert set(LEFT) <= set(os.listdir(folder(server)))
    with open(path, "wb") as file:
        file.write(text)
    server._start()
