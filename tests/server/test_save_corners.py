"""Corners of saving and loading: modules' data, keys that are there twice, how keys were used, save points, directories that change or go."""

import contextlib
import os
import shutil
import struct
import subprocess

import pytest

from harness import rdb, saved
from harness.process import Server
from test_load import outcome, seal
from test_save import digest

MODULE_ID = b"\x81\xb5\xeb\x2d\xfa\xdc\xa9\x78\x03"   # of "test-type", as in tests/fuzz/rdb_seeds.py
MODULE_END = b"\x00"
MODULE_KEY = b"\x07\x03key" + MODULE_ID + b"\x02\x05\x03abcd\x04" + bytes(8) + b"\x05\x01z" + MODULE_END
MODULE_AUX = b"\xf7" + MODULE_ID + b"\x02\x02\x01\x01\x05\x02xy" + MODULE_END
KEY = b"\x00\x05plain\x04text"


def file_of(*items):
    return seal(b"REDIS0010" + b"".join(items) + b"\xff" + bytes(8))


# ---- what is in a file ----

@pytest.mark.parametrize("item, what", [(MODULE_KEY, "the key 'key'"), (MODULE_AUX, "the module")], ids=["key", "aux"])
def test_data_of_modules_are_refused_by_name_or_left_out_and_counted(start, shards, tmp_path, item, what):
    data = file_of(b"\xfe\x00", item, KEY)
    with open(tmp_path / "dump.rdb", "wb") as file:
        file.write(data)
    options = ("--dir", tmp_path, *saved.OPTIONS)
    with pytest.raises(Exception) as raised:
        Server("tessera", shards, options)
    assert what in str(raised.value) and "module" in str(raised.value) and "rdb-skip-module-data" in str(raised.value)
    server = start(*options, "--rdb-skip-module-data", "yes", shards=shards)
    with server.connect() as client:
        assert client.run("KEYS", "*") == [b"plain"]
        assert "1 modules' items" in server.output()
        assert client.run("SAVE") == b"OK"     # the file that replaces it has none
    server = start(*options, shards=shards)
    with server.connect() as client:
        assert client.run("GET", "plain") == b"text"


def test_a_key_that_is_there_twice_is_refused(tmp_path):
    other = b"\x00\x05other\x01x"
    long = b"\x00\x05plain" + rdb.text(b"x" * 100)
    twice = [(KEY, KEY), (KEY, other, long), (KEY, other, b"\xfc" + struct.pack("<Q", 33 * 10**12) + KEY)]
    for items in twice:
        assert outcome(tmp_path, file_of(b"\xfe\x00", *items), 2) is None, items
    assert outcome(tmp_path, file_of(b"\xfe\x00", KEY, other, b"\xfe\x01", KEY), 2) is not None


@pytest.mark.parametrize("policy, word, option, least, most", [
    ("allkeys-lru", "IDLETIME", ("IDLETIME", "100000"), 100000, 100600),
    ("allkeys-lfu", "FREQ", ("FREQ", "77"), 77, 77)])
def test_how_keys_were_used_survives_a_restart(start, shards, policy, word, option, least, most):
    server = start("--maxmemory-policy", policy, "--lfu-decay-time", "0", shards=shards)
    with server.connect() as client:
        client.run("SET", "source", "text")
        client.run("RPUSH", "long", *["item " * 8] * 2000)      # written in steps
        for key in ("source", "long"):
            client.run("RESTORE", "used:" + key, "0", client.run("DUMP", key), *option)
        client.run("SAVE")
    saved.restart(server, {1: 3, 2: 1, 4: 2}.get(shards, 1))
    with server.connect() as client:
        assert all(least <= client.run("OBJECT", word, "used:" + key) <= most for key in ("source", "long"))
    with saved.loaded(server, kind="redis", options=("--maxmemory-policy", policy, "--lfu-decay-time", "0")) as client:
        assert all(least <= client.run("OBJECT", word, "used:" + key) <= most for key in ("source", "long"))


# ---- save points and places, changed at run time ----

class WithoutOwnSave(Server):
    """Without the harness's `--save ""`, which would take the file's lines back."""

    def _command(self):
        words = super()._command()
        at = words.index("--save")
        return words[:at] + words[at + 2:]


def test_save_lines_of_a_file_add_up(tmp_path):
    path = tmp_path / "server.conf"
    path.write_text("save 3600 100\nenable-protected-configs yes\nsave 1000 7\nsave 1 3\n", encoding="ascii")
    server = WithoutOwnSave("tessera", 1, (path,))
    try:
        with server.connect() as client:
            assert client.run("CONFIG", "GET", "save") == [b"save", b"3600 100 1000 7 1 3"]
            client.pipeline([("SET", "key:%d" % i, "1") for i in range(2)])
            assert saved.persistence(client)["rdb_changes_since_last_save"] == "2"
            client.run("SET", "third", "1")             # the last point is due, in a second at most
            saved.wait_for_fields(client, rdb_saves=1, rdb_changes_since_last_save=0)
            client.run("CONFIG", "SET", "save", "3600 100 1000 50")
            client.pipeline([("SET", "key:%d" % i, "1") for i in range(20)])
            client.run("CONFIG", "SET", "save", "3600 1 1 20")      # what is due by then is due now
            saved.wait_for_fields(client, rdb_saves=2, rdb_changes_since_last_save=0)
            client.run("CONFIG", "SET", "save", "")
            client.run("SET", "last", "1")
        saved.end(server)                               # no save points: no last snapshot
        server._start()
        with server.connect() as client:
            assert client.run("EXISTS", "third", "last") == 1
    finally:
        server.stop()


def test_the_file_goes_where_it_is_said_at_run_time(start, shards, tmp_path):
    places = [tmp_path / name for name in ("first", "second")]
    for place in places:
        place.mkdir()
    server = start(*saved.OPTIONS, "--enable-protected-configs", "yes", shards=shards)
    with server.connect() as client:
        client.pipeline([("SET", "key:%d" % i, "1") for i in range(300)])
        saves = saved.begin_slow_save(client)           # a save that runs keeps its place
        client.run("CONFIG", "SET", "dir", places[0], "dbfilename", "one.rdb")
        saved.end_slow_save(client, saves)
        assert os.path.exists(saved.path(server)) and not os.listdir(places[0])
        client.run("SET", "more", "1")
        client.run("SAVE")
        client.run("CONFIG", "SET", "dir", places[1])
        assert client.run("CONFIG", "GET", "dir") == [b"dir", str(places[1]).encode()]
        client.run("SET", "most", "1")
        client.run("SAVE")
        assert [os.listdir(place) for place in places] == [["one.rdb"]] * 2
        assert client.call("CONFIG", "SET", "dir", tmp_path / "missing")[0] == "-"
        assert client.call("CONFIG", "SET", "dir", places[0], "hz", "ten")[0] == "-"
        assert client.call("CONFIG", "SET", "dbfilename", "a/b")[0] == "-"
        then = digest(client)
    for place, count in zip(places, (301, 302)):
        other = start("--dir", place, "--dbfilename", "one.rdb", *saved.OPTIONS, shards=shards)
        with other.connect() as client:
            assert client.run("DBSIZE") == count
            assert place == places[0] or digest(client) == then


# ---- places that go, and that are full ----

def refused(client):
    return client.call("SET", "b", "2")[1].startswith(b"MISCONF")


def test_a_directory_that_is_removed_and_made_again(start, shards, tmp_path):
    place = tmp_path / "data"
    place.mkdir()
    server = start("--dir", place, "--save", "3600 1000000", *saved.OPTIONS, shards=shards)
    with server.connect() as client:
        client.run("SET", "a", "1")
        client.run("SAVE")
        shutil.rmtree(place)
        client.call("BGSAVE")
        saved.wait_for_fields(client, rdb_last_bgsave_status="err", rdb_bgsave_in_progress=0)
        saved.wait_until(lambda: refused(client))
        assert client.call("SAVE")[0] == "-"
        assert client.run("GET", "a") == b"1"
        place.mkdir()
        client.run("SAVE")
        assert saved.persistence(client)["rdb_last_bgsave_status"] == "ok"
        saved.wait_until(lambda: client.call("SET", "b", "2") == ("+", b"OK"))
        assert os.listdir(place) == ["dump.rdb"]
        client.run("SAVE")
        then = digest(client)
    other = start("--dir", place, *saved.OPTIONS, shards=shards)
    with other.connect() as client:
        assert digest(client) == then


@contextlib.contextmanager
def small_disk(place, size):
    """A file system of so many bytes; the test is skipped where none may be mounted."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % size, "tmpfs", place], stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        pytest.skip("no file system may be mounted here: %s" % done.stderr.decode().strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_that_is_full(start, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    with small_disk(place, 1 << 20):
        server = start("--dir", place, "--save", "3600 1000000", *saved.OPTIONS, shards=2)
        with server.connect() as client:
            client.run("SET", "a", "1")
            client.run("SAVE")
            whole = (place / "dump.rdb").read_bytes()
            client.pipeline([("SET", "key:%d" % i, os.urandom(10000)) for i in range(200)])
            assert client.call("SAVE")[0] == "-"
            saved.wait_for_fields(client, rdb_last_bgsave_status="err")
            assert "No space left on device" in server.output()
            assert os.listdir(place) == ["dump.rdb"] and (place / "dump.rdb").read_bytes() == whole
            saved.wait_until(lambda: refused(client))
            subprocess.run(["mount", "-o", "remount,size=%d" % (1 << 23), place], check=True)
            client.run("SAVE")
            saved.wait_until(lambda: client.call("SET", "b", "2") == ("+", b"OK"))
            client.run("SAVE")
            then = digest(client)
        other = start("--dir", place, *saved.OPTIONS)
        with other.connect() as client:
            assert digest(client) == then


# ---- databases and tables that are emptied meanwhile ----

FILL = """
for i = 1, 1500 do redis.call('SET', ARGV[1] .. ':' .. i, i .. string.rep('x', 50), 'EX', 100000) end
for i = 1, 2000 do redis.call('HSET', ARGV[1] .. ':hash', i, i .. string.rep('y', 40)) end
for i = 1, 2000 do redis.call('RPUSH', ARGV[1] .. ':list', i .. string.rep('z', 40)) end
redis.call('SET', ARGV[1] .. ':long', string.rep('text ', 50000))
"""
EMPTY = {
    "flushall": [("FLUSHALL",)], "async": [("FLUSHALL", "ASYNC")], "one": [("FLUSHDB", "ASYNC"), ("SET", "old:1", "new"), ("FLUSHDB",)],
    "swapped": [("SWAPDB", "0", "3"), ("FLUSHDB", "ASYNC"), ("SWAPDB", "0", "5"), ("SWAPDB", "3", "0"), ("FLUSHDB", "SYNC")],
    "transaction": [("MULTI",), ("SET", "old:1", "new"), ("FLUSHALL",), ("SET", "old:1", "newer"), ("EXEC",)],
    "script": [("EVAL", "redis.call('DEL', 'old:2'); redis.call('FLUSHDB'); redis.call('SET', 'old:2', 'new')", "0")],
}


@pytest.mark.heavy
@pytest.mark.threads
@pytest.mark.parametrize("way", [pytest.param(way, marks=() if way in ("flushall", "one") else pytest.mark.slow) for way in EMPTY])
def test_what_is_emptied_meanwhile_is_in_the_file(start, shards, way):
    server = start(*saved.OPTIONS, shards=shards)
    with server.connect() as client:
        for db in ("3", "0"):
            client.run("SELECT", db)
            client.run("EVAL", FILL, "0", "old")
            client.run("TABLE.NAMESPACE.CREATE", "n")
            client.run("TABLE.SCHEMA.CREATE", "n.t", "a:string:hash", "b:integer")
            client.pipeline([("TABLE.INSERT", "n.t", "a=row %d" % i, "b=%d" % i) for i in range(3000)])
        then = digest(client)
        for big_first in (False, True):
            saves = saved.begin_slow_save(client)
            if big_first:       # some are pinned already
                client.run("HSET", "old:hash", "1", "changed")
                client.run("HSET", "old:hash", "1", "1" + "y" * 40)
            if way == "flushall" and not big_first:
                client.run("TABLE.UPDATE", "n.t", "WHERE", "a=row 7", "SET", "b=8")
                client.run("TABLE.DROP", "n.t", "FORCE")
                client.run("TABLE.SCHEMA.CREATE", "n.t", "a:string", "b:integer")
            client.pipeline(EMPTY[way])
            client.run("EVAL", FILL, "0", "old")
            saved.end_slow_save(client, saves)
            assert client.run("MEMORY", "AUDIT") == b"OK"
            with saved.loaded(server, {1: 3, 2: 1, 4: 2}.get(shards, 1)) as other:
                assert digest(other) == then
            then = digest(client)


def test_a_save_that_is_given_up_lets_what_was_emptied_go(start, shards):
    server = start(*saved.OPTIONS, shards=shards)
    with server.connect() as client:
        client.run("EVAL", FILL, "0", "old")
        empty = saved.begin_slow_save(client)
        client.run("FLUSHALL", "ASYNC")
        client.call("BGSAVE", "CANCEL")
        saved.wait_for_fields(client, rdb_bgsave_in_progress=0)
        saved.wait_until(lambda: client.info("memory")["lazyfree_pending_objects"] == "0")
        assert client.run("MEMORY", "AUDIT") == b"OK" and empty == 0
        assert client.run("DBSIZE") == 0
