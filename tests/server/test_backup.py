"""Copies of the data of one moment: SYNC, as redis-cli --rdb wants it, and BACKUP with its tools."""

import hashlib
import os
import random
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading

import pytest

from harness.process import SLOWDOWN
from harness.rdb import crc64
from harness.resp import wait_until
from harness.tools import run_tool

WAIT_SECONDS = 20 * SLOWDOWN
OK = ("+", b"OK")
PAIRS = 8


def fill(client, rng=random.Random(5)):
    """Some of each type, in two databases; a long value, and rows of a table."""
    for db in (0, 3):
        client.run("SELECT", db)
        client.pipeline([("SET", "string:%d" % i, "value %d" % i) for i in range(500)])
        client.run("SET", "long", rng.randbytes(300_000))
        client.run("SET", "number", 17, "EX", 1000)
        for i in range(20):
            client.run("RPUSH", "list:%d" % i, *range(1 + i * 30))
            client.run("HSET", "hash:%d" % i, *["%d" % j for j in range(2 + 40 * i)])
            client.run("SADD", "set:%d" % i, *["m%d" % j for j in range(1 + 40 * i)])
            client.run("ZADD", "zset:%d" % i, *[word for j in range(1 + 20 * i) for word in (j, "m%d" % j)])
            client.run("XADD", "stream:%d" % i, "1-1", "field", i)
    client.run("SELECT", 0)


def fill_with_noise(client, megabytes):
    for i in range(2 * megabytes):
        client.run("SET", "noise:%d" % i, random.randbytes(1 << 19))


def fill_with_many(client):
    for at in range(0, 60000, 1000):
        client.pipeline([("SET", "many:%d" % i, i) for i in range(at, at + 1000)])


def save_slowly(client):
    """A minute, for that many keys on one shard."""
    client.run("CONFIG", "SET", "rdb-key-save-delay", "1000")


def save_fast(client):
    client.run("CONFIG", "SET", "rdb-key-save-delay", "0")


def digest(client):
    return client.run("DEBUG", "DIGEST")


def redis_cli_rdb(server, path):
    return subprocess.run(["redis-cli", "-p", str(server.port), "--rdb", path], capture_output=True, timeout=60 * SLOWDOWN, check=False, text=True)


def wait_for_data(client):
    wait_until(lambda: client.info("persistence")["loading"] == "0", WAIT_SECONDS, "the data")


def load(start, path, kind="redis", **more):
    """A server that has loaded the file."""
    server = start("--dir", os.path.dirname(path), "--dbfilename", os.path.basename(path), "--enable-debug-command", "yes", kind=kind, **more)
    with server.connect() as client:
        wait_for_data(client)
    return server


def ask_sync(server, **more):
    connection = server.connect(**more)
    connection.send_raw(b"SYNC\r\n")
    return connection


def file_of(answer):
    """The file that an answer to SYNC brings, which is all there is but newlines."""
    head, rest = answer.lstrip(b"\n").split(b"\r\n", 1)
    assert head[:1] == b"$" and int(head[1:]) == len(rest), head
    assert rest[:5] == b"REDIS"
    return rest


def files_without_name(server):
    """What the server has open that no directory has."""
    folder = "/proc/%d/fd" % server.process.pid
    found = 0
    for fd in os.listdir(folder):
        try:
            found += os.readlink(os.path.join(folder, fd)).endswith(".rdb (deleted)")
        except FileNotFoundError:
            pass
    return found


def wait_for_no_copy(server, client):
    wait_until(lambda: files_without_name(server) == 0 and client.info("persistence")["rdb_bgsave_in_progress"] == "0", WAIT_SECONDS,
               "the end of the copy")


def limit_files(server, limit):
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


# --- SYNC ---

def test_redis_cli_gets_a_file_that_redis_loads(start, shards, tmp_path):
    server = start(shards=shards)
    path = str(tmp_path / "copy.rdb")
    with server.connect() as client:
        fill(client)
        before = client.info("persistence")
        done = redis_cli_rdb(server, path)
        assert done.returncode == 0, done.stderr
        after = client.info("persistence")
        for field in ("rdb_changes_since_last_save", "rdb_last_save_time", "rdb_saves", "rdb_last_bgsave_status"):
            assert before[field] == after[field], field
        assert int(after["rdb_changes_since_last_save"]) > 0
        assert sorted(os.listdir(server.folder)) == ["output.txt"]
        for kind in ("redis", "tessera"):
            with load(start, path, kind).connect() as other:
                assert digest(other) == digest(client)
        wait_for_no_copy(server, client)


def test_an_empty_server_and_one_with_a_password(start, tmp_path):
    server = start("--requirepass", "secret")
    path = str(tmp_path / "copy.rdb")
    assert redis_cli_rdb(server, path).returncode != 0
    with server.connect(authenticate=False) as stranger:
        assert stranger.call("SYNC")[1].startswith(b"NOAUTH")
    done = subprocess.run(["redis-cli", "-p", str(server.port), "-a", "secret", "--rdb", path], capture_output=True, timeout=60 * SLOWDOWN, check=False)
    assert done.returncode == 0
    with load(start, path).connect() as other:
        assert other.run("DBSIZE") == 0


@pytest.mark.threads
def test_a_file_under_writes_is_one_moment(start, shards, tmp_path):
    server = start(shards=shards)
    must_end = threading.Event()

    def write(number):
        with server.connect() as connection:
            while not must_end.is_set():
                connection.pipeline([("MULTI",), ("INCR", "left:%d" % number), ("INCR", "right:%d" % number), ("RPUSH", "list:%d" % number, "x"), ("EXEC",)])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(PAIRS)]
    with server.connect() as client:
        fill_with_noise(client, 4)
        for writer in writers:
            writer.start()
        try:
            answers = []
            for _ in range(3):
                least = int(client.run("INCR", "counted"))
                with ask_sync(server) as connection:
                    answers.append((least, file_of(connection.read_to_end())))
        finally:
            must_end.set()
            for writer in writers:
                writer.join()
    for number, (least, data) in enumerate(answers):
        path = str(tmp_path / ("copy%d.rdb" % number))
        with open(path, "wb") as file:
            file.write(data)
        with load(start, path).connect() as other:
            assert int(other.run("GET", "counted")) == least
            for pair in range(PAIRS):
                left = other.run("GET", "left:%d" % pair)
                assert left == other.run("GET", "right:%d" % pair)
                assert int(left or 0) == other.run("LLEN", "list:%d" % pair)


@pytest.mark.slow
@pytest.mark.heavy
def test_a_client_that_stops_reading_is_closed(start, shards):
    server = start("--repl-timeout", "1", shards=shards)
    with server.connect() as client:
        fill_with_noise(client, 24)
        used = int(client.info("memory")["used_memory"])
        with ask_sync(server, receive_buffer=65536) as connection:
            wait_until(lambda: b"flags=S" in client.run("CLIENT", "LIST"), WAIT_SECONDS, "a client that is sent a file")
            wait_until(lambda: files_without_name(server) == 1, WAIT_SECONDS, "the file")
            wait_until(lambda: b"flags=S" not in client.run("CLIENT", "LIST"), WAIT_SECONDS, "the end of the client")
            assert len(connection.read_to_end()) < 20 << 20
        wait_for_no_copy(server, client)
        assert int(client.info("memory")["used_memory"]) < used + (4 << 20)
        assert "it takes nothing" in server.output()


@pytest.mark.slow
@pytest.mark.heavy
def test_a_slow_client_gets_all_of_it_and_little_is_kept(start, shards):
    server = start("--client-output-buffer-limit", "normal 100000 100000 1", shards=shards)
    with server.connect() as client:
        fill_with_noise(client, 24)
        used = int(client.info("memory")["used_memory"])
        with ask_sync(server, receive_buffer=65536) as connection:
            wait_until(lambda: files_without_name(server) == 1, WAIT_SECONDS, "the file")
            most = 0
            data = bytearray()
            while part := connection.socket.recv(1 << 16):
                data += part
                if len(data) >> 20 != (len(data) - len(part)) >> 20:
                    most = max(most, int(client.info("memory")["used_memory"]))
            assert used < most < used + (4 << 20)
            assert len(file_of(bytes(data))) > 24 << 20
        wait_for_no_copy(server, client)


@pytest.mark.parametrize("how", ["reset", "end"])
def test_a_client_that_dies_leaves_nothing(start, shards, how):
    server = start(shards=shards)
    with server.connect() as client:
        fill_with_noise(client, 24)
        connection = ask_sync(server, receive_buffer=65536)
        wait_until(lambda: files_without_name(server) == 1, WAIT_SECONDS, "the file")
        connection._receive()
        if how == "reset":
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        wait_for_no_copy(server, client)


def test_a_client_that_dies_while_the_file_is_made_ends_it(start, shards):
    server = start(shards=shards)
    with server.connect() as client:
        fill_with_many(client)
        save_slowly(client)
        connection = ask_sync(server)
        connection.read_until(b"\n")
        assert client.info("persistence")["rdb_bgsave_in_progress"] == "1"
        connection.close()
        wait_for_no_copy(server, client)
        save_fast(client)
        assert client.call("SAVE") == OK


@pytest.mark.heavy
@pytest.mark.threads
def test_several_at_once(start, shards, tmp_path):
    server = start(shards=shards)
    with server.connect() as client:
        fill(client)
        connections = [ask_sync(server) for _ in range(20)]
        files = [file_of(connection.read_to_end()) for connection in connections]
        for connection in connections:
            connection.close()
        path = str(tmp_path / "copy.rdb")
        with open(path, "wb") as file:
            file.write(files[-1])
        with load(start, path).connect() as other:
            assert digest(other) == digest(client)
        wait_for_no_copy(server, client)


def test_sync_waits_for_a_save_and_a_save_does_not_wait_for_it(start, shards):
    server = start(shards=shards)
    with server.connect() as client:
        fill_with_many(client)
        save_slowly(client)
        client.run("BGSAVE")
        with ask_sync(server) as connection:
            assert connection.read_until(b"\n") == b"\n"
            save_fast(client)
            assert client.call("BGSAVE", "CANCEL")[0] == "+"
            file_of(connection.read_to_end())
        save_slowly(client)
        with ask_sync(server) as connection:
            wait_until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == "1", WAIT_SECONDS, "the copy")
            assert client.call("BGSAVE") == ("-", b"ERR Background save already in progress")
            assert client.call("BGSAVE", "CANCEL")[0] == "-"
        wait_for_no_copy(server, client)


def test_the_end_of_the_server_does_not_wait(start, shards):
    server = start("--save", "3600 1", shards=shards)
    with server.connect() as client:
        fill_with_many(client)
        save_slowly(client)
        connections = [ask_sync(server) for _ in range(2)]
        connections[0].read_until(b"\n")
        save_fast(client)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(WAIT_SECONDS) == 0
    for connection in connections:
        connection.read_to_end()
        connection.close()
    assert "dump.rdb" in os.listdir(server.folder)
    server._start()
    with server.connect() as client:
        wait_for_data(client)
        assert client.run("DBSIZE") == 60000


def test_a_disk_that_is_full_ends_a_copy_and_nothing_else(start, shards):
    server = start("--save", "3600 100000", shards=shards)
    with server.connect() as client:
        fill_with_noise(client, 4)
        limit_files(server, 1 << 20)
        with ask_sync(server) as connection:
            answer = connection.read_to_end().lstrip(b"\n")
            assert answer.startswith(b"-ERR the data could not be written: writing: File too large"), answer
        assert client.info("persistence")["rdb_last_bgsave_status"] == "ok"
        assert client.call("SET", "key", "value") == OK
        limit_files(server, resource.RLIM_INFINITY)
        with ask_sync(server) as connection:
            file_of(connection.read_to_end())
        wait_for_no_copy(server, client)


def test_sync_in_resp3_gives_the_same_file(start, shards, tmp_path):
    server = start(shards=shards)
    path = str(tmp_path / "copy.rdb")
    with server.connect() as client, server.connect() as other:
        fill(client)
        other.run("HELLO", "3")
        other.send_raw(b"SYNC\r\n")
        with open(path, "wb") as file:
            file.write(file_of(other.read_to_end()))
        with load(start, path, "redis").connect() as loaded:
            assert digest(loaded) == digest(client)


def test_who_is_told_of_keys_meanwhile_gets_no_broken_file(start):
    """In RESP3 another client's invalidations would stand in the middle of the file."""
    server = start("--rdb-key-save-delay", "1000000")
    with server.connect() as client, server.connect() as other:
        client.pipeline([("SET", "key:%d" % i, "1") for i in range(100)])
        other.run("HELLO", "3")
        number = other.run("CLIENT", "ID")
        other.send_raw(b"SYNC\r\n")
        wait_until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == "1", WAIT_SECONDS, "the copy")
        client.run("CLIENT", "TRACKING", "ON", "REDIRECT", number)
        client.run("CONFIG", "SET", "rdb-key-save-delay", "0")
        assert b"REDIS" not in other.read_to_end()
        assert "broken off" in server.output()


LIBRARY = "#!lua name=%s\nredis.register_function('%s', function() return 7 end)" + " -- words" * 40


def functions_of(client):
    return sorted(map(repr, client.run("FUNCTION", "LIST", "WITHCODE")))


@pytest.mark.parametrize("compression", ["yes", "no"])
def test_redis_cli_gets_functions_alone(start, shards, tmp_path, compression):
    server = start("--rdbcompression", compression, shards=shards)
    path = str(tmp_path / "functions.rdb")
    with server.connect() as client:
        fill(client)
        for name in ("one", "two"):
            client.run("FUNCTION", "LOAD", "REPLACE", LIBRARY % (name, name))
        done = subprocess.run(["redis-cli", "-p", str(server.port), "--functions-rdb", path], capture_output=True, timeout=60 * SLOWDOWN, check=False)
        assert done.returncode == 0, done.stderr
        for kind in ("redis", "tessera"):
            with load(start, path, kind).connect() as other:
                assert other.run("DBSIZE") == 0
                assert functions_of(other) == functions_of(client)
        assert client.info("persistence")["rdb_bgsave_in_progress"] == "0"


def test_what_is_filtered(start):
    """Nothing, with an empty list; the wish that was said last is that of this connection, and of one file."""
    server = start()
    with server.connect() as client:
        client.run("SET", "a-key", "1")
        client.run("FUNCTION", "LOAD", LIBRARY % ("one", "one"))
    for filters, has_functions, has_keys in (
            ([], True, True), (["functions"], True, False), (["FUNCTIONS functions"], True, False), ([""], False, False), (["", "functions"], True, False),
            (["functions", ""], False, False), (["functions", "data"], True, False)):
        with server.connect() as client, server.connect() as stranger:
            for text in filters:
                assert client.call("REPLCONF", "rdb-only", "1", "rdb-filter-only", text)[0] == ("-" if text == "data" else "+")
            for connection, expected in ((stranger, (True, True)), (client, (has_functions, has_keys))):
                connection.send_raw(b"SYNC\r\n")
                file = file_of(connection.read_to_end())
                assert (b"name=one" in file, b"a-key" in file) == expected, filters
                assert struct.unpack("<Q", file[-8:])[0] == crc64(file[:-8])


def test_what_sync_and_its_kin_refuse(start):
    server = start()
    with server.connect() as client:
        assert client.call("PSYNC", "?", "-1")[1].startswith(b"NOMASTERLINK ")
        assert client.call("REPLCONF") == OK
        assert client.call("REPLCONF", "capa", "eof", "CAPA", "psync2", "rdb-only", "1") == OK
        for words in (["capa"], ["rdb-only", "2"], ["rdb-only", "x"], ["listening-port", "1"], ["ack", "1"], ["rdb-filter-only"],
                      ["rdb-filter-only", "data"], ["rdb-filter-only", "functions data"]):
            assert client.call("REPLCONF", *words)[0] == "-", words
        client.run("MULTI")
        assert client.call("SYNC")[0] == "-"
        assert client.call("EXEC")[0] == "-"
        client.run("HELLO", "3")
        client.run("CLIENT", "TRACKING", "ON")
        assert client.call("SYNC")[0] == "-"
        client.run("HELLO", "2")
        client.run("MONITOR")
        assert client.call("SYNC")[0] == "-"
    with server.connect() as client:
        client.send_raw(b"PING\r\nSYNC\r\nSET behind it\r\n")
        answer = client.read_to_end()
        assert answer.startswith(b"+PONG\r\n")
        file_of(answer[7:])
    with server.connect() as client:
        assert client.run("EXISTS", "behind") == 0


def test_a_replica_does_not_ask_for_files_again_and_again(start):
    server = start()
    redis = start(kind="redis")
    with server.connect() as client, redis.connect() as replica:
        replica.run("REPLICAOF", "127.0.0.1", server.port)
        wait_until(lambda: "cmdstat_psync" in client.info("commandstats"), WAIT_SECONDS, "PSYNC")
        wait_until(lambda: int(client.info("commandstats")["cmdstat_psync"].split(",")[0][6:]) > 1, WAIT_SECONDS, "another one")
        assert "cmdstat_sync" not in client.info("commandstats")


# --- BACKUP ---

def status_of(client):
    words = client.run("BACKUP", "STATUS")
    return {words[i].decode(): words[i + 1] for i in range(0, len(words), 2)}


def wait_for_backup(client, state=b"done"):
    status = wait_until(lambda: status_of(client)["state"] in (b"done", b"failed") and status_of(client), WAIT_SECONDS, "the end of the backup")
    assert status["state"] == state, status
    return status


def back_up(client, name):
    assert client.call("BACKUP", "START", "TO", name) == ("+", b"Backup started")
    return wait_for_backup(client)


def manifest_of(folder):
    with open(os.path.join(folder, "manifest"), encoding="ascii") as file:
        return dict(line.rstrip("\n").split(" ", 1) for line in file)


def test_backup_and_restore_drill(start, shards, tmp_path):
    server = start(shards=shards)
    target = str(tmp_path / "restored")
    with server.connect() as client:
        fill(client)
        client.run("TABLE.NAMESPACE.CREATE", "ns")
        client.run("TABLE.SCHEMA.CREATE", "ns.t", "name:string:hash", "n:integer:none")
        for i in range(300):
            client.run("TABLE.INSERT", "ns.t", "name=x%d" % i, "n=%d" % i)
        then = digest(client)
        before = client.info("persistence")
        code, output = run_tool("backup", "127.0.0.1:%d" % server.port, "monday")
        assert code == 0, output
        after = client.info("persistence")
        for field in ("rdb_changes_since_last_save", "rdb_last_save_time", "rdb_saves"):
            assert before[field] == after[field], field
        client.run("FLUSHALL")
    folder = os.path.join(server.folder, "monday")
    assert sorted(os.listdir(folder)) == ["dump.rdb", "manifest"]
    manifest = manifest_of(folder)
    with open(os.path.join(folder, "dump.rdb"), "rb") as file:
        data = file.read()
    assert (int(manifest["bytes"]), manifest["sha1"]) == (len(data), hashlib.sha1(data).hexdigest())
    assert int(manifest["crc64"], 16) == int.from_bytes(data[-8:], "little") != 0
    assert (manifest["keys"], manifest["rows"]) == (str(2 * 602), "300")
    assert run_tool("restore", folder)[0] == 0
    assert not os.path.exists(target)
    code, output = run_tool("restore", folder, target)
    assert code == 0, output
    assert os.listdir(target) == ["dump.rdb"]
    assert run_tool("restore", folder, target)[0] == 2
    with load(start, os.path.join(target, "dump.rdb"), "tessera", shards=3).connect() as other:
        assert digest(other) == then
    assert run_tool("backup", "127.0.0.1:%d" % server.port, "monday")[0] == 1
    assert manifest_of(folder) == manifest


@pytest.mark.slow
@pytest.mark.heavy
def test_a_damaged_backup_is_found(start, tmp_path):
    server = start()
    with server.connect() as client:
        fill(client)
        back_up(client, "whole")
    whole = os.path.join(server.folder, "whole")
    size = os.path.getsize(os.path.join(whole, "dump.rdb"))
    rng = random.Random(3)
    for number in range(40):
        folder, target = str(tmp_path / ("damaged%d" % number)), str(tmp_path / ("target%d" % number))
        shutil.copytree(whole, folder)
        path = os.path.join(folder, rng.choice(["dump.rdb", "manifest"]))
        with open(path, "r+b") as file:
            if number % 4 == 0:
                file.truncate(rng.randrange(os.path.getsize(path)))
            elif number % 4 == 1:
                file.seek(0, 2)
                file.write(b"\n")
            else:
                at = rng.randrange(os.path.getsize(path))
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << rng.randrange(8)]))
        code, output = run_tool("restore", folder, target)
        assert code == 1, (number, path, output)
        assert not os.path.exists(target) or os.listdir(target) == []
    os.unlink(os.path.join(whole, "manifest"))
    assert run_tool("restore", whole)[0] == 1
    assert run_tool("restore", whole + "-not-there")[0] == 2
    assert size > 0


def test_directories_that_are_refused(start, tmp_path):
    server = start()
    with server.connect() as client:
        os.mkdir(os.path.join(server.folder, "full"))
        with open(os.path.join(server.folder, "full", "file"), "w", encoding="ascii") as file:
            file.write("mine")
        for name in ("", "/tmp/x", "..", "../x", "a/../b", "a//b", "a/", ".", "./a", "a\0b", "x" * 2000, "not/there", "output.txt", "full"):
            assert client.call("BACKUP", "START", "TO", name)[0] == "-", name
        assert sorted(os.listdir(server.folder)) == ["full", "output.txt"]
        assert os.listdir(os.path.join(server.folder, "full")) == ["file"]
        os.mkdir(os.path.join(server.folder, "empty"))
        back_up(client, "empty")
        back_up(client, "empty2")
        os.mkdir(os.path.join(server.folder, "full", "below"))
        back_up(client, "full/below/it")
        assert client.call("BACKUP", "START") == ("+", b"Backup started")
        assert wait_for_backup(client)["directory"].startswith(b"backup-2")
        for words in (["START", "x"], ["START", "TO"], ["START", "IN", "x"], ["STATUS", "x"], ["CANCEL"], ["x"], []):
            assert client.call("BACKUP", *words)[0] == "-", words


def test_one_backup_at_a_time_which_can_be_cancelled(start, shards):
    server = start(shards=shards)
    with server.connect() as client:
        assert status_of(client)["state"] == b"none"
        fill_with_many(client)
        save_slowly(client)
        with server.connect() as other:
            assert other.call("BACKUP", "START", "TO", "first") == ("+", b"Backup started")
        assert status_of(client)["state"] == b"writing"
        assert status_of(client)["keys"] == 60000
        assert client.call("BACKUP", "START", "TO", "second")[0] == "-"
        assert client.call("BGSAVE")[0] == "-"
        assert client.call("BGSAVE", "CANCEL")[0] == "-"
        with ask_sync(server) as connection:
            assert connection.read_until(b"\n") == b"\n"
            assert client.call("BACKUP", "CANCEL") == OK
            assert b"ancel" in wait_for_backup(client, b"failed")["error"]
            save_fast(client)
            file_of(connection.read_to_end())
        assert os.listdir(server.folder) == ["output.txt"]
        back_up(client, "first")
        save_slowly(client)
        client.send("BACKUP", "START", "TO", "third")
        client.send("BACKUP", "STATUS")
        assert client.read() == ("+", b"Backup started")
        client.read()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(WAIT_SECONDS) == 0
    assert sorted(os.listdir(server.folder)) == ["first", "output.txt"]
    server._start()


def test_a_disk_that_is_full_leaves_no_backup(start, shards):
    server = start(shards=shards)
    with server.connect() as client:
        fill_with_noise(client, 4)
        limit_files(server, 1 << 20)
        client.call("BACKUP", "START", "TO", "full")
        assert b"File too large" in wait_for_backup(client, b"failed")["error"]
        assert "full" not in os.listdir(server.folder)
        limit_files(server, resource.RLIM_INFINITY)
        assert back_up(client, "full")["bytes"] > 4 << 20
        assert run_tool("restore", os.path.join(server.folder, "full"))[0] == 0


@pytest.mark.threads
def test_a_backup_under_writes_is_one_moment(start, shards, tmp_path):
    server = start("--rdbchecksum", "no", shards=shards)
    must_end = threading.Event()

    def write(number):
        with server.connect() as connection:
            while not must_end.is_set():
                connection.pipeline([("MULTI",), ("INCR", "left:%d" % number), ("INCR", "right:%d" % number), ("EXEC",)])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(PAIRS)]
    with server.connect() as client:
        fill_with_noise(client, 4)
        for writer in writers:
            writer.start()
        try:
            status = back_up(client, "b")
        finally:
            must_end.set()
            for writer in writers:
                writer.join()
    folder = os.path.join(server.folder, "b")
    assert manifest_of(folder)["crc64"] == "0" * 16
    assert run_tool("restore", folder, str(tmp_path))[0] == 0
    with load(start, str(tmp_path / "dump.rdb")).connect() as other:
        assert other.run("DBSIZE") == status["keys"]
        for pair in range(PAIRS):
            assert other.run("GET", "left:%d" % pair) == other.run("GET", "right:%d" % pair)
