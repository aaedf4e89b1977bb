"""Parameters of the log that say how it looks: appendfilename, aof-use-rdb-preamble, aof-timestamp-enabled."""

import os
import subprocess

import pytest

from harness import saved
from harness.process import SLOWDOWN, TESSERA, redis_command
from harness.resp import wait_until

SECONDS = 20 * SLOWDOWN
LOG = ("--appendonly", "yes", "--save", "", "--enable-debug-command", "yes")


def folder(server):
    return os.path.join(server.folder, "appendonlydir")


def names(server):
    return sorted(os.listdir(folder(server)))


def digest(client):
    return client.run("DEBUG", "DIGEST")


def fill(client, count=50):
    client.pipeline([("SET", "k:%d" % i, str(i)) for i in range(count)])
    assert client.run("WAITAOF", "1", "0", "0") == [1, 0]


def test_parameters_are_redis(start):
    names_of = ("appendfilename", "aof-use-rdb-preamble", "aof-timestamp-enabled", "appenddirname")
    with start(kind="tessera").connect() as ours, start(kind="redis").connect() as theirs:
        for name in names_of:
            assert ours.call("CONFIG", "GET", name) == theirs.call("CONFIG", "GET", name)
        for name, value in [("appendfilename", "x"), ("aof-use-rdb-preamble", "no"), ("aof-timestamp-enabled", "yes"),
                            ("aof-use-rdb-preamble", "maybe"), ("aof-timestamp-enabled", "")]:
            assert ours.call("CONFIG", "SET", name, value) == theirs.call("CONFIG", "SET", name, value)
        for name in names_of:
            assert ours.call("CONFIG", "GET", name) == theirs.call("CONFIG", "GET", name)


@pytest.mark.parametrize("value", ["a/b", "a\\b", ""])
def test_a_name_that_redis_refuses_is_refused_in_its_words(value):
    said = []
    for program in ([TESSERA], redis_command()):
        done = subprocess.run(program + ["--port", "0", "--appendfilename", value], capture_output=True, text=True, timeout=20 * SLOWDOWN, check=False)
        assert done.returncode == 1
        said.append((done.stderr + done.stdout).strip().splitlines()[-1])
    assert said[0] == said[1]


def test_files_begin_with_appendfilename(start, shards):
    server = start(*LOG, "--appendfilename", "jobs.aof", shards=shards)
    with server.connect() as client:
        fill(client)
        assert client.run("BGREWRITEAOF") == b"Background append only file rewriting started"
        saved.wait_for_fields(client, aof_rewrites=1, aof_rewrite_in_progress=0)
        fill(client, 60)
        before = digest(client)
    found = names(server)
    assert [name for name in found if not name.startswith("jobs.aof.")] == []
    assert "jobs.aof.tessera.manifest" in found and len([name for name in found if name.endswith(".rdb")]) == 1
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def test_a_log_of_another_name_is_left_alone_and_told_of(start):
    """As redis-server does: its files are those of its own name."""
    server = start(*LOG)
    with server.connect() as client:
        fill(client)
    saved.end(server)
    before = names(server)
    server.options += ["--appendfilename", "other"]
    server._start()
    with server.connect() as client:
        assert client.run("DBSIZE") == 0
        client.run("SET", "a", "1")
    assert "a log of another appendfilename, which is not read: tessera.manifest" in server.output()
    saved.end(server)
    assert [name for name in names(server) if not name.startswith("other.")] == before
    del server.options[-2:]
    server._start()
    with server.connect() as client:
        assert client.run("DBSIZE") == 50


def test_a_log_without_an_rdb_base_is_not_made_and_that_is_told_once(start):
    server = start(*LOG, "--aof-use-rdb-preamble", "no")
    wait_until(lambda: "aof-use-rdb-preamble no" in server.output(), SECONDS, "the notice")
    with server.connect() as client:
        fill(client)
        assert client.run("BGREWRITEAOF") == b"Background append only file rewriting started"
        saved.wait_for_fields(client, aof_rewrites=1, aof_rewrite_in_progress=0)
    assert server.output().count("aof-use-rdb-preamble no") == 1
    assert len([name for name in names(server) if name.endswith(".rdb")]) == 1


def test_config_rewrite_writes_them_and_they_are_read_again(start, tmp_path):
    path = tmp_path / "main.conf"
    path.write_text("appendfilename \"two words\"\nappendonly yes\n")
    server = start(str(path), "--enable-debug-command", "yes")
    with server.connect() as client:
        client.run("CONFIG", "SET", "aof-use-rdb-preamble", "no", "aof-timestamp-enabled", "yes")
        client.run("CONFIG", "REWRITE")
        fill(client)
    text = path.read_text()
    assert 'appendfilename "two words"\n' in text and "aof-use-rdb-preamble no\n" in text and "aof-timestamp-enabled yes\n" in text
    saved.restart(server)
    with server.connect() as client:
        assert client.run("CONFIG", "GET", "aof-timestamp-enabled", "aof-use-rdb-preamble") == [
            b"aof-timestamp-enabled", b"yes", b"aof-use-rdb-preamble", b"no"]
        assert client.run("DBSIZE") == 50
    assert "two words.tessera.manifest" in names(server)
