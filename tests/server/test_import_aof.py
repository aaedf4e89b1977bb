"""tools/import-aof: what redis-server wrote into its append-only files, and what is wrong with some, comes to a running server."""

import glob
import os
import random
import re
import shutil
import struct
import time

import pytest

from harness import rdb
from harness.resp import encode, wait_until
from harness.tools import run_tool
from test_moving import FAR, LIBRARY, NEWER, address, digest, fill, target_of_tests

from migration.aof_file import BadCommand, Torn, read_all  # noqa: E402  (test_moving puts tools/ into the path)
from migration.payload import BadValue, lowered_value  # noqa: E402
from migration.rdb_file import BadFile, RdbFile  # noqa: E402

pytestmark = pytest.mark.heavy

AOF_OPTIONS = ("--enable-debug-command", "yes", "--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", 0)


def import_aof(path, target, *words):
    return run_tool("import-aof", path, "--to", address(target), *words)


def logging_redis(start, *options):
    return start(*AOF_OPTIONS, *options, kind="redis")


def rewrite(connection):
    connection.run("BGREWRITEAOF")
    wait_until(lambda: connection.info("persistence")["aof_rewrite_in_progress"] == "0"
               and connection.info("persistence")["aof_rewrite_scheduled"] == "0", 20, "the end of the rewrite")


def copied_files(server, tmp_path):
    """The AOF as it is now: without a crash nothing is buffered when a reply is there."""
    target = str(tmp_path / "aof")
    shutil.copytree(os.path.join(server.folder, "appendonlydir"), target)
    return target


def write_more(connection):
    """Commands that the incremental file has behind the base."""
    connection.run("SELECT", 3)
    connection.run("APPEND", "app:3:number", "7")
    connection.run("MULTI")
    connection.run("SET", "in-transaction", 1)
    connection.run("INCR", "in-transaction")
    connection.run("EXEC")
    connection.run("EVAL", "redis.call('SET', KEYS[1], 'script'); redis.call('SET', KEYS[2], 'two')", 2, "one", "two")
    connection.run("SPOP", "app:3:set-large", 5)
    connection.run("XADD", "app:3:stream-large", "*", "a", "b")
    connection.run("SET", "soon", "x", "PX", 3_000_000)
    connection.run("SET", "ended", "x", "PX", 1)
    connection.run("GETEX", "soon", "PXAT", FAR)


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_base_and_increments(start, shards, tmp_path, preamble):
    source = logging_redis(start, "--aof-use-rdb-preamble", preamble, "--aof-timestamp-enabled", "yes")
    target = target_of_tests(start, shards)
    with source.connect() as connection:
        fill(connection)
        connection.run("FUNCTION", "LOAD", LIBRARY % ("mine", "f"))
        rewrite(connection)
        write_more(connection)
        wait_until(lambda: connection.run("EXISTS", "ended") == 0)
    path = copied_files(source, tmp_path)
    status, output = import_aof(path, target)
    assert status == 0, output
    assert digest(target) == digest(source)
    with target.connect() as connection:
        assert connection.run("FCALL", "f", 0) == 1
        connection.run("SELECT", 3)
        assert connection.run("PEXPIRETIME", "soon") == FAR
        assert connection.run("PEXPIRETIME", "app:3:deadline") == FAR
        assert connection.run("GET", "in-transaction") == b"2"
        assert connection.run("XPENDING", "app:3:stream-large", "group")[0] == 4


@pytest.mark.slow
def test_one_old_file(start, tmp_path):
    """Before Redis 7: one file, an RDB file at its front or none."""
    source, target = logging_redis(start), target_of_tests(start)
    with source.connect() as connection:
        fill(connection)
        rewrite(connection)
        write_more(connection)
    folder = copied_files(source, tmp_path)
    path = str(tmp_path / "appendonly.aof")
    with open(path, "wb") as file:
        for part in sorted(glob.glob(folder + "/*.aof") + glob.glob(folder + "/*.rdb"), key=lambda name: ".incr." in name):
            with open(part, "rb") as piece:
                file.write(piece.read())
    status, output = import_aof(path, target)
    assert status == 0, output
    assert digest(target) == digest(source)


def write_aof(path, *commands, head=b"", tail=b""):
    with open(str(path), "wb") as file:
        file.write(head + b"".join(encode(*words) for words in commands) + tail)
    return str(path)


@pytest.mark.slow
def test_a_torn_tail_is_left_out(start, tmp_path):
    for tail in (b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$10\r\nabc", b"*", b"*2\r\n$3\r\n"):
        target = target_of_tests(start)
        path = write_aof(tmp_path / "a.aof", ["SELECT", 0], ["SET", "a", 1], tail=tail)
        status, output = import_aof(path, target)
        assert (status, "cut off at byte 50" in output) == (0, True), output
        with target.connect() as connection:
            assert connection.run("KEYS", "*") == [b"a"]
            connection.run("FLUSHALL")
        assert import_aof(path, target, "--strict")[0] == 1


@pytest.mark.slow
def test_an_open_transaction_is_left_out(start, tmp_path):
    target = target_of_tests(start)
    path = write_aof(tmp_path / "a.aof", ["SET", "a", 1], ["MULTI"], ["SET", "a", 2], ["SET", "b", 2])
    status, output = import_aof(path, target)
    assert (status, "cut off at byte 27" in output) == (0, True), output
    with target.connect() as connection:
        assert connection.run("MGET", "a", "b") == [b"1", None]


@pytest.mark.slow
def test_damage_in_the_middle_stops(start, tmp_path):
    target = target_of_tests(start)
    path = write_aof(tmp_path / "a.aof", ["SET", "a", 1], tail=b"\0\0\0" + encode("SET", "b", 1))
    status, output = import_aof(path, target)
    assert (status, "a.aof, byte 27" in output, "FLUSHALL" in output) == (2, True, True), output


@pytest.mark.slow
def test_a_torn_file_that_is_not_the_last_stops(start, tmp_path):
    target = target_of_tests(start)
    write_aof(tmp_path / "x.1.incr.aof", ["SET", "a", 1], tail=b"*1\r\n$3")
    write_aof(tmp_path / "x.2.incr.aof", ["SET", "a", 2])
    manifest = tmp_path / "x.manifest"
    manifest.write_text("file x.1.incr.aof seq 1 type i\nfile x.2.incr.aof seq 2 type i\n")
    status, output = import_aof(tmp_path, target)
    assert (status, "not the last file" in output) == (2, True), output
    manifest.write_text("file x.2.incr.aof seq 2 type i\nfile x.1.incr.aof seq 1 type i\n")
    status, output = import_aof(manifest, target)
    assert (status, "do not ascend" in output) == (2, True), output


@pytest.mark.slow
def test_what_the_server_lacks_is_named(start, tmp_path):
    target = target_of_tests(start)
    path = write_aof(tmp_path / "a.aof", ["SET", "a", 1], ["JSON.SET", "doc", "$", "{}"], ["LPUSH", "a", 1], ["MULTI"],
                     ["SET", "b", 1], ["TS.ADD", "series", 1, 1], ["SADD", "b", 1], ["SET", "c", 1], ["EXEC"], ["SET", "d", 1])
    status, output = import_aof(path, target, "--failed", tmp_path / "failed.txt")
    assert status == 1, output
    for text in ('byte 27: JSON.SET not loaded: database 0, key "doc": unknown command',
                 'LPUSH not loaded: database 0, key "a": WRONGTYPE', 'SADD not loaded: database 0, key "b": WRONGTYPE',
                 'TS.ADD not loaded: database 0, key "series": unknown command'):
        assert text in output, output
    assert len((tmp_path / "failed.txt").read_text().splitlines()) == 4
    with target.connect() as connection:
        assert sorted(connection.run("KEYS", "*")) == [b"a", b"b", b"c", b"d"]


@pytest.mark.slow
def test_deadlines_that_are_over_end_keys_at_the_end_only(start, tmp_path):
    """What was written to a key before its time was over must not make a new key of it; who lost the deadline lives."""
    past = int(time.time()) - 1000
    target = target_of_tests(start)
    path = write_aof(tmp_path / "a.aof", ["SET", "gone", 1], ["PEXPIREAT", "gone", past * 1000], ["INCR", "gone"],
                     ["SET", "saved", 1, "PXAT", past * 1000], ["PERSIST", "saved"], ["SET", "moved", 1, "EXAT", past],
                     ["RENAME", "moved", "renamed"], ["SET", "later", 1], ["EXPIREAT", "later", past], ["PEXPIREAT", "later", FAR],
                     ["SET", "again", 1, "PXAT", past * 1000], ["SET", "again", 2],
                     ["SET", "soon", 1, "PXAT", (past + 10_000) * 1000])
    status, output = import_aof(path, target)
    assert status == 0, output
    with target.connect() as connection:
        wait_until(lambda: connection.run("DBSIZE") == 4)
        assert connection.run("MGET", "saved", "later", "again", "soon") == [b"1", b"1", b"2", b"1"]
        found = [connection.run("PEXPIRETIME", key) for key in ("saved", "later", "again", "soon")]
        assert found == [-1, FAR, -1, (past + 10_000) * 1000]


@pytest.mark.slow
def test_until(start, tmp_path):
    target = target_of_tests(start)
    pieces = b"".join(b"#TS:%d\r\n" % time_ + encode("SET", "t%d" % time_, 1) for time_ in (1000, 1005, 1010))
    path = write_aof(tmp_path / "a.aof", head=pieces)
    assert import_aof(path, target, "--until", 1007)[0] == 0
    with target.connect() as connection:
        assert sorted(connection.run("KEYS", "*")) == [b"t1000", b"t1005"]


@pytest.mark.slow
def test_a_server_with_keys_is_left_alone(start, tmp_path):
    target = target_of_tests(start)
    path = write_aof(tmp_path / "a.aof", ["INCR", "a"])
    assert import_aof(path, target)[0] == 0
    status, output = import_aof(path, target)
    assert (status, "has keys already" in output) == (2, True), output
    assert import_aof(path, target, "--add")[0] == 0
    with target.connect() as connection:
        assert connection.run("GET", "a") == b"2"


@pytest.mark.slow
def test_a_database_that_is_not_there(start, tmp_path):
    target = target_of_tests(start, 1, "--databases", 4)
    path = write_aof(tmp_path / "a.aof", ["SELECT", 7], ["SET", "a", 1])
    status, output = import_aof(path, target)
    assert (status, "SELECT 7" in output) == (2, True), output


@pytest.mark.slow
def test_no_memory(start, tmp_path):
    target = target_of_tests(start, 1, "--maxmemory", "16mb", "--maxmemory-policy", "noeviction")
    path = write_aof(tmp_path / "a.aof", *(["SET", "k%d" % i, "x" * 50_000] for i in range(600)))
    status, output = import_aof(path, target)
    assert (status, "OOM" in output, "Not complete" in output) == (2, True, True), output


# --- RDB files ---

def rdb_file(version, *things, checked=True):
    data = b"REDIS%04d" % version + b"".join(things) + b"\xff"
    if version < 5:
        return data
    return data + struct.pack("<Q", rdb.crc64(data) if checked else 0)


def key_of(name, value, head=b""):
    return head + value[:1] + rdb.text(name) + value[1:]


def values_of_all_types():
    pairs = [(b"f", b"v"), (b"g", b"12")]
    scores = [(b"m", 1.5), (b"n", float("inf"))]
    return {
        b"string": rdb.string(rdb.text(b"text")), b"number": rdb.string(rdb.number_text(-3000)),
        b"packed": rdb.string(rdb.packed_text(b"abc" * 30)), b"list": rdb.plain_list([b"a", b"b"]),
        b"set": rdb.plain_set([b"a", b"b"]), b"old-zset": rdb.old_zset(scores), b"hash": rdb.plain_hash(pairs),
        b"zset": rdb.plain_zset(scores), b"zipmap": rdb.blob(9, rdb.zipmap(pairs)),
        b"ziplist": rdb.blob(10, rdb.ziplist([b"a", b"1"])),
        b"intset": rdb.blob(11, rdb.intset([1, 2, 70000])), b"zset-ziplist": rdb.blob(12, rdb.ziplist([b"m", b"1"])),
        b"hash-ziplist": rdb.blob(13, rdb.ziplist([b"f", b"v"])), b"quicklist": rdb.old_quicklist([[b"a"], [b"b", b"c"]]),
        b"hash-listpack": rdb.blob(16, rdb.listpack([b"f", b"v"])), b"zset-listpack": rdb.blob(17, rdb.listpack([b"m", b"1"])),
        b"quicklist2": rdb.quicklist([[b"a", b"b"], b"c" * 100]),
    }


@pytest.mark.slow
def test_an_rdb_file_of_every_type(start, tmp_path):
    target = target_of_tests(start)
    values = values_of_all_types()
    things = [b"\xfa" + rdb.text(b"redis-ver") + rdb.text(b"7.4.0"), b"\xf5" + rdb.text((LIBRARY % ("mine", "f")).encode()),
              b"\xfe\x00", b"\xfb\x10\x00", b"\xf4\x01\x02\x03"]
    things += [key_of(name, value) for name, value in values.items()]
    things += [key_of(b"timed", values[b"string"], b"\xfc" + struct.pack("<Q", FAR)),
               key_of(b"over", values[b"string"], b"\xfd" + struct.pack("<I", 1000)),
               key_of(b"idle", values[b"hash"], b"\xf8" + rdb.length(500)),
               b"\xfe\x05", key_of(b"fifth", values[b"list"], b"\xf9\x07")]
    path = tmp_path / "dump.rdb"
    path.write_bytes(rdb_file(12, *things))
    status, output = import_aof(path, target)
    assert status == 0, output
    assert "1 keys left out because their time is over" in output
    with target.connect() as connection:
        assert connection.run("DBSIZE") == len(values) + 2
        assert connection.run("PEXPIRETIME", "timed") == FAR
        assert connection.run("OBJECT", "IDLETIME", "idle") >= 500
        assert connection.run("GET", "packed") == b"abc" * 30
        assert connection.run("GET", "number") == b"-3000"
        for name, value in values.items():
            assert connection.run("RESTORE", "direct", 0, rdb.seal(value), "REPLACE") == b"OK"
            assert connection.run("DEBUG", "DIGEST-VALUE", name) == connection.run("DEBUG", "DIGEST-VALUE", "direct"), name
        connection.run("SELECT", 5)
        assert connection.run("LRANGE", "fifth", 0, -1) == [b"a", b"b"]


def test_newer_types_and_modules(start, tmp_path):
    target = target_of_tests(start)
    module = b"\xf7" + rdb.length(0x81b4a1c2d3e4f000) + b"\x02\x01\x05" + rdb.text(b"x") + b"\x00"
    path = tmp_path / "dump.rdb"
    path.write_bytes(rdb_file(12, module, b"\xfe\x00", *(key_of(name, value) for name, value in NEWER.items())))
    status, output = import_aof(path, target)
    assert status == 1
    assert 'key "timed"' not in output, output
    assert 'key "module": a value of the module type' in output
    assert "data of the module type" in output and "2 were not loaded" in output, output
    with target.connect() as connection:
        keys = set(connection.run("KEYS", "*")) - {b"timed"}  # whose only field's time is over
        assert sorted(keys) == [b"hash", b"packed", b"set", b"stream", b"string"]


def test_damaged_rdb_files_load_nothing(start, tmp_path):
    target = target_of_tests(start)
    good = rdb_file(10, b"\xfe\x00", *(key_of(name, value) for name, value in values_of_all_types().items()))
    path = tmp_path / "dump.rdb"
    for damaged in (good[:len(good) // 2], good[:40] + bytes([good[40] ^ 4]) + good[41:], good[:-1], b"REDIS0099" + good[9:],
                    b"REDIS", good[:9] + b"\x00\x81" + b"\xff" * 8 + b"abc"):
        path.write_bytes(damaged)
        status, output = import_aof(path, target)
        assert status == 2, output
        with target.connect() as connection:
            assert connection.run("DBSIZE") == 0


def read_whole(data):
    """Reads a file's bytes as the tool does, and makes a payload of each value. Gives how many things were in it."""
    count = at = 0
    if data[:5] == b"REDIS":
        file = RdbFile(data)
        for kind, what in file.things():
            count += 1
            if kind == "key":
                try:
                    lowered_value(bytes([what.kind]) + data[what.start:what.end], 10)
                except BadValue:
                    pass
        at = file.end
    return count + sum(1 for _ in read_all(data, at))


@pytest.mark.slow
def test_mutated_files_are_read_or_refused():
    """Whatever bytes change, go, or come: a refusal, never another error, and never a loop without an end."""
    values = {**values_of_all_types(), **NEWER}
    keys = [key_of(name, value) for name, value in values.items()]
    whole = rdb_file(12, b"\xfa" + rdb.text(b"a") + rdb.text(b"b"), b"\xfe\x00", *keys)
    whole += b"#TS:1000\r\n" + encode("MULTI") + encode("SET", "a", "b" * 70) + encode("EXEC")
    assert read_whole(whole) == len(values) + 4
    rng = random.Random(os.environ.get("TESSERA_SEED", "7"))
    refused = 0
    for _ in range(20_000):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(9, len(data))
            other = rng.choice((b"", b"\xff", b"\x81\xff\xff", rng.randbytes(1), rng.randbytes(9)))
            data[at:at + rng.choice((0, 1, 1, 4))] = other
        try:
            read_whole(bytes(data[:rng.randrange(9, len(data)) if rng.random() < 0.2 else None]))
        except (BadFile, BadCommand, Torn):
            refused += 1
    assert 5_000 < refused < 20_000


@pytest.mark.slow
def test_bytes_behind_an_rdb_file(start, tmp_path):
    target = target_of_tests(start)
    path = tmp_path / "dump.rdb"
    path.write_bytes(rdb_file(9, key_of(b"a", rdb.string(rdb.text(b"1")))) + b"more")
    status, output = import_aof(path, target)
    assert (status, "4 bytes behind the end" in output) == (0, True), output


@pytest.mark.slow
def test_big_values(start, tmp_path):
    """More than go through as one command, with and without compression."""
    target = target_of_tests(start)
    data = os.urandom(9 << 20)
    members = [b"member:%d" % i for i in range(600_000)]
    path = tmp_path / "dump.rdb"
    keys = key_of(b"string", rdb.string(rdb.text(data))), key_of(b"list", rdb.plain_list(members))
    path.write_bytes(rdb_file(9, b"\xfe\x00", *keys, checked=False))
    status, output = import_aof(path, target)
    assert status == 0, output
    with target.connect() as connection:
        assert connection.run("GET", "string") == data
        assert connection.run("LLEN", "list") == len(members)
        assert connection.run("LINDEX", "list", -1) == members[-1]
