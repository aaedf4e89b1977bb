"""Files that are loaded at the start: damaged and foreign ones end it with one sentence, and nothing is served before all is there."""

import os
import random
import re
import struct

import pytest

from harness import rdb, saved
from harness.process import READY, SLOWDOWN, Server, StartError
from harness.rdb import crc64
from test_save import digest

FLIPS = int(os.environ.get("TESSERA_LOAD_FLIPS", "60"))
SEED = int(os.environ.get("TESSERA_LOAD_SEED", "14"))
CRC_BYTES = 8
PLACE_BYTES = 28   # of the last AUX, which says where the index of chunks is; then FF and the checksum


def make_file(start, shards):
    """The path of a small file with something of everything, and its digest."""
    server = start(*saved.OPTIONS, shards=shards)
    with server.connect() as client:
        for i in range(40):
            client.run("SET", "key:%d" % i, "text %d" % i)
        client.run("HSET", "hash", "a", "1", "b", "2")
        client.run("RPUSH", "list", "a", "b", "c")
        client.run("XADD", "stream", "1-1", "a", "b")
        client.run("ZADD", "zset", "1.5", "a")
        client.run("EVAL", "for i = 1, 2000 do redis.call('RPUSH', 'big', i .. ':' .. string.rep('x', 20)) end", "0")
        client.run("TABLE.NAMESPACE.CREATE", "n")
        client.run("TABLE.SCHEMA.CREATE", "n.t", "a:string", "b:integer", "c:date", "d:float")
        for i in range(20):
            client.run("TABLE.INSERT", "n.t", "a=row%d" % i, "b=%d" % i, "c=2020-01-02", "d=0.5")
        client.run("SELECT", "3")
        client.run("SET", "key", "in database 3", "EX", "10000")
        client.run("FUNCTION", "LOAD", "#!lua name=kept\nredis.register_function('kept', function() return 7 end)")
        client.run("SAVE")
        return saved.path(server), digest(client)


def seal(data):
    """With the checksum that belongs to it."""
    return data[:-CRC_BYTES] + struct.pack("<Q", crc64(data[:-CRC_BYTES]))


def outcome(folder, data, shards, options=()):
    """What a server says that starts with this file: its digest, or its refusal."""
    with open(os.path.join(folder, "tried.rdb"), "wb") as file:
        file.write(data)
    try:
        server = Server("tessera", shards, ("--dir", folder, "--dbfilename", "tried.rdb", *saved.OPTIONS, *options))
    except StartError as error:
        assert error.status == 1, error.output
        assert error.output.count("cannot be loaded") == 1, error.output
        assert re.search(r"tried\.rdb.*at byte \d+", error.output), error.output
        return None
    with server.connect() as client:
        found = digest(client)
    assert not server.stop()
    return found


def test_a_damaged_file_is_refused(start, shards, tmp_path):
    path, _ = make_file(start, shards)
    data = open(path, "rb").read()
    rng = random.Random(SEED)
    for _ in range(int(FLIPS / 4 / SLOWDOWN) + 1):
        at = rng.randrange(len(data))
        assert outcome(tmp_path, data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:], shards) is None, at
    for at in {1, 8, 9, 10, len(data) - 9, len(data) - 8, len(data) - 1, rng.randrange(len(data))}:
        assert outcome(tmp_path, data[:at], shards) is None, at
    for foreign in (b"hello, world: no RDB file at all", b"REDIS0099" + data[9:], b"\0" * 100):
        assert outcome(tmp_path, foreign, shards) is None, foreign[:20]


def test_a_file_that_is_made_up_never_crashes_the_start(start, shards, tmp_path):
    """The checksum is right: what is inside decides."""
    path, _ = make_file(start, shards)
    data = open(path, "rb").read()
    rng = random.Random(SEED + 1)
    for _ in range(int(FLIPS / SLOWDOWN) + 1):
        at = rng.randrange(9, len(data) - CRC_BYTES)
        outcome(tmp_path, seal(data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]), shards)


def test_an_index_of_chunks_that_is_wrong_loses_nothing(start, shards, tmp_path):
    path, then = make_file(start, shards)
    data = open(path, "rb").read()
    place = len(data) - CRC_BYTES - 1 - 12
    rows = struct.unpack("<Q", data[place:place + 8])[0]
    end = data.index(b"tessera-chunks", rows) + len(b"tessera-chunks")
    first = end + (1 if data[end] < 64 else 2)    # behind the length
    assert outcome(tmp_path, data, shards) == then
    count = (len(data) - CRC_BYTES - 1 - PLACE_BYTES - first) // 12
    assert count >= shards
    for gone in range(count):   # all that this chunk has would be passed over
        index = data[first:first + 12 * gone] + data[first + 12 * gone + 12:first + 12 * count]
        text = rdb.length(len(index)) + index
        assert outcome(tmp_path, seal(data[:end] + text + data[first + 12 * count:]), shards) in (None, then), gone
    rng = random.Random(SEED + 2)
    for number in range(count):
        at = first + 12 * number
        offset = struct.unpack("<Q", data[at:at + 8])[0]
        for wrong in (offset + 1, offset + 2, offset + rng.randrange(200), max(offset - rng.randrange(200), 1), len(data)):
            found = outcome(tmp_path, seal(data[:at] + struct.pack("<Q", wrong) + data[at + 8:]), shards)
            assert found in (None, then), (number, offset, wrong)
    for start_of, text in ((place, b"\xff" * 8), (place, struct.pack("<Q", rows + 1)), (place + 8, b"\xff" * 4), (first + 8, b"\x09")):
        found = outcome(tmp_path, seal(data[:start_of] + text + data[start_of + len(text):]), shards)
        assert found in (None, then), (start_of, text)


@pytest.mark.threads
def test_clients_are_told_that_data_are_being_loaded(start, shards):
    server = start("--enable-debug-command", "yes", shards=shards)
    with server.connect() as client:
        client.pipeline([("SET", "key:%d" % i, "1") for i in range(3000)])
        client.run("SAVE")
    server.options += ["--key-load-delay", "1000", "--save", "1 1"]
    saved.end(server)
    server._start("loading ")
    with server.connect() as client:
        for words in (("GET", "a"), ("SET", "a", "1"), ("SAVE",), ("BGSAVE",), ("DBSIZE",), ("EVAL", "return 1", "0"), ("TABLE.SELECT", "n.t")):
            assert client.call(*words) == ("-", b"LOADING Redis is loading the dataset in memory"), words
        fields = saved.persistence(client)
        assert fields["loading"] == "1" and 0 <= float(fields["loading_loaded_perc"]) <= 100
        assert int(fields["loading_total_bytes"]) == os.path.getsize(saved.path(server))
        assert READY not in server.output().lower()
    whole = open(saved.path(server), "rb").read()
    saved.end(server)
    assert open(saved.path(server), "rb").read() == whole
    server._start("loading ")
    with server.connect() as client:
        client.send("SHUTDOWN")
        saved.ended(server)
    assert open(saved.path(server), "rb").read() == whole
    server._start("loading ")
    with server.connect() as client:
        client.run("CONFIG", "SET", "key-load-delay", "0", "save", "")
        saved.wait_for_fields(client, loading=0, rdb_last_load_keys_loaded=3000)
        assert client.run("DBSIZE") == 3000
        saved.wait_until(lambda: READY in server.output().lower())


def test_what_is_over_is_left_out_and_counted(start, shards):
    server = start(*saved.OPTIONS, shards=shards)
    with server.connect() as client:
        client.run("DEBUG", "SET-EXPIRY", "0")
        client.run("SET", "kept", "1", "EX", "1000")
        client.run("SET", "over", "1", "PXAT", "1000")
        client.run("SAVE")
    saved.restart(server)
    with server.connect() as client:
        assert client.run("KEYS", "*") == [b"kept"]
        found = saved.persistence(client)
        assert (found["rdb_last_load_keys_loaded"], found["rdb_last_load_keys_expired"]) == ("1", "1")


def test_more_databases_than_there_are_and_a_missing_file(start, shards, tmp_path):
    path, then = make_file(start, shards)
    assert outcome(tmp_path, open(path, "rb").read(), shards, ("--databases", "3")) is None
    assert outcome(tmp_path, open(path, "rb").read(), shards, ("--databases", "4")) == then


def test_what_is_no_file_of_data_is_refused_with_its_reason(tmp_path):
    (tmp_path / "empty.rdb").touch()
    (tmp_path / "folder.rdb").mkdir()
    for name, reason in (("empty.rdb", "it is empty, which no RDB file is"), ("folder.rdb", "it is a directory")):
        with pytest.raises(StartError) as failed:
            Server("tessera", 1, ("--dir", str(tmp_path), "--dbfilename", name))
        assert failed.value.status == 1
        assert failed.value.output.count("%s cannot be loaded: %s" % (name, reason)) == 1


def test_keys_without_idle_times_are_as_old_as_the_load(start, shards):
    server = start(*saved.OPTIONS, shards=shards)
    keys = ["key:%d" % i for i in range(40)]
    with server.connect() as client:
        client.pipeline([("SET", key, "1") for key in keys])
        client.run("SAVE")
    saved.restart(server)
    with server.connect() as client:
        assert max(client.run("OBJECT", "IDLETIME", key) for key in keys) < 60 * SLOWDOWN
        client.run("DEBUG", "RELOAD")
        assert max(client.run("OBJECT", "IDLETIME", key) for key in keys) < 60 * SLOWDOWN
