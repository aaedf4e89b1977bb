"""The log of changes: what was acknowledged is there after a kill; rewriting, turning it on and off, files that are damaged, disks that fail."""

import glob
import os
import resource
import signal
import socket
import subprocess
import time

import pytest

from harness import saved
from harness.process import SLOWDOWN, TESSERA, Server, StartError
from harness.resp import Closed, encode, wait_until

SECONDS = 20 * SLOWDOWN
ALWAYS = ("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--enable-debug-command", "yes")
EVERY_SECOND = ("--appendonly", "yes", "--save", "", "--enable-debug-command", "yes")
TABLE = [("TABLE.NAMESPACE.CREATE", "s"), ("TABLE.SCHEMA.CREATE", "s.t", "id:integer:hash", "name:string:btree", "size:integer")]
LIBRARY = "#!lua name=lib\nredis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)"


def folder(server):
    return os.path.join(server.folder, "appendonlydir")


def logs(server):
    """The files of the last generation, in the order of their shards."""
    names = glob.glob(os.path.join(folder(server), "log.*"))
    last = max(int(name.split(".")[-2]) for name in names)
    return sorted(name for name in names if int(name.split(".")[-2]) == last)


def figures(client):
    return saved.persistence(client)


def wait_for(client, **fields):
    wait_until(lambda: all(figures(client)[name] == str(value) for name, value in fields.items()), SECONDS, "%r" % fields)


def digest(client):
    return client.run("DEBUG", "DIGEST")


def fill(client):
    """Something of all kinds, most of it over several shards."""
    replies = client.pipeline([
        ("SET", "a", "1"), ("MSET", *[word for i in range(50) for word in ("k:%d" % i, str(i))]), ("DEL", "k:1", "k:2", "k:3", "nobody"),
        ("RPUSH", "l", *map(str, range(200))), ("LPOP", "l", "7"), ("SADD", "s", "x", "y", "z"), ("SPOP", "s"), ("HSET", "h", "f", "v", "g", "w"),
        ("HINCRBYFLOAT", "h", "n", "0.1"), ("ZADD", "z", "1", "a", "2.5", "b"), ("ZUNIONSTORE", "zz", "2", "z", "s"), ("XADD", "x", "*", "f", "v"),
        ("XGROUP", "CREATE", "x", "g", "0"), ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "x", ">"), ("SET", "t", "1", "EX", "1000"),
        ("SET", "gone", "1", "PX", "1"), ("RENAME", "k:4", "k:five"), ("COPY", "l", "m", "DB", "3"), ("PFADD", "p", "a", "b"),
        ("SETRANGE", "r", "5000", "x"), ("SORT", "l", "STORE", "sorted"), ("FUNCTION", "LOAD", LIBRARY), ("FCALL", "put", "1", "f", "1"),
        ("EVAL", "redis.call('SET', KEYS[1], redis.call('TIME')[1]) return redis.call('INCR', KEYS[2])", "2", "e1", "e2"),
        ("MULTI",), ("INCR", "i:1"), ("INCR", "i:2"), ("TABLE.NAMESPACE.VIEW",), ("EXEC",), *TABLE,
        *[("TABLE.INSERT", "s.t", "id=%d" % i, "name=n%d" % (i % 7), "size=%d" % i) for i in range(60)],
        ("TABLE.UPDATE", "s.t", "WHERE", "size<30", "SET", "id=1000", "name=moved"), ("TABLE.DELETE", "s.t", "WHERE", "name=n3"),
        ("TABLE.SCHEMA.ALTER", "s.t", "ADD", "INDEX", "size:hash"), ("SWAPDB", "0", "3"), ("SET", "after", "1"), ("SWAPDB", "0", "3"),
        ("SET", "last", "1")])
    errors = [reply for reply in replies if reply[0] == "-"]
    assert errors == []


def wait_until_expired(client):
    wait_until(lambda: client.run("EXISTS", "gone") == 0, SECONDS, "the key to expire")


@pytest.mark.parametrize("fsync", ["always", "everysec", "no"])
def test_a_killed_server_has_all_that_was_acknowledged(start, shards, fsync):
    server = start(*EVERY_SECOND, "--appendfsync", fsync, shards=shards)
    with server.connect() as client:
        fill(client)
        wait_until_expired(client)
        before = digest(client)
        if fsync == "everysec":
            assert client.run("WAITAOF", "1", "0", "0") == [1, 0]
        elif fsync == "no":  # what is written from now on is on the disk when it is answered, and what was before
            assert client.pipeline([("CONFIG", "SET", "appendfsync", "always"), ("SET", "now", "1")])[1] == ("+", b"OK")
            before = digest(client)
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before
        assert client.run("FCALL", "put", "1", "f", "2") == b"OK"
        assert client.run("TABLE.INSERT", "s.t", "id=7") == b"61"
        assert client.run("TABLE.SELECT", "s.t", "WHERE", "size=58") != []
        before = digest(client)
    saved.restart(server)
    with server.connect() as client:
        assert digest(client) == before


def test_the_number_of_shards_may_change(start):
    server = start(*ALWAYS, shards=4)
    with server.connect() as client:
        fill(client)
        wait_until_expired(client)
        before = digest(client)
    for shards in (1, 3, 2):
        saved.restart(server, shards)
        with server.connect() as client:
            assert digest(client) == before
            client.run("INCR", "starts")
            before = digest(client)


def test_rows_that_move_between_shards_again_and_again(start):
    """Each shard's log is repeated by itself: LEAVE and ARRIVE of a row come to the same in either order."""
    server = start(*ALWAYS, shards=4)
    with server.connect() as client:
        client.pipeline(TABLE + [("TABLE.INSERT", "s.t", "id=%d" % i, "size=%d" % i) for i in range(40)])
        for turn in range(25):
            client.run("TABLE.UPDATE", "s.t", "WHERE", "size<%d" % (40 - turn), "SET", "id=%d" % (turn * 7919))
            client.run("TABLE.UPDATE", "s.t", "WHERE", "size=%d" % turn, "SET", "name=turn-%d" % turn)
        client.run("TABLE.DELETE", "s.t", "WHERE", "size=39")
        before = digest(client)
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def test_blocked_clients_and_scripts_that_pause_are_logged(start, shards):
    server = start(*ALWAYS, shards=shards)
    with server.connect() as client, server.connect() as waiting, server.connect() as script:
        waiting.send("BLMOVE", "from", "to", "LEFT", "RIGHT", "0")
        wait_until(lambda: b"blocked_clients:1" in client.run("INFO", "clients"), SECONDS, "the client to be blocked")
        assert client.run("RPUSH", "from", "x") == 1
        assert waiting.read() == ("$", b"x")
        script.send("EVAL", "for i = 1, 200000 do redis.call('INCR', KEYS[1 + i % 2]) end return 'done'", "2", "c1", "c2")
        assert script.read() == ("$", b"done")
        before = digest(client)
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before
        assert client.run("GET", "c1") == b"100000"


HEADER_BYTES = 64
LOOP = "for i = 1, ARGV[1] do redis.call('INCR', KEYS[1]) end return 'done'"
LOOPS = int(2000000 / SLOWDOWN)  # a second, about


def test_what_was_written_before_a_script_that_pauses_does_not_wait_for_it(start, shards):
    """Else the changes of a client on the script's shard would be lost, and later ones on other shards would not."""
    server = start(*EVERY_SECOND, shards=shards)
    names = ["k:%d" % i for i in range(16)]
    with server.connect() as client:
        client.send_raw(b"".join(encode("SET", name, "1") for name in names) + encode("EVAL", LOOP, "1", names[0], str(100 * LOOPS)))
        for _ in names:
            assert client.read() == ("+", b"OK")
        wait_until(lambda: all(used_bytes(path) > HEADER_BYTES for path in logs(server)), SECONDS, "all logs to be written")
        server.kill()
    server._start()
    with server.connect() as client:
        assert client.run("MGET", *names) == [b"1"] * len(names)


def test_a_statement_that_goes_on_while_a_script_has_paused(start):
    server = start(*EVERY_SECOND, shards=2)
    rows = int(1500 / SLOWDOWN)
    with server.connect() as client, server.connect() as other:
        client.pipeline(TABLE + [("TABLE.INSERT", "s.t", "id=%d" % i, "name=a", "size=%d" % i) for i in range(rows)])
        for turn in range(2):
            other.send("TABLE.UPDATE", "s.t", "WHERE", "size>=0", "SET", "id=%d" % turn)  # they move
            assert client.run("EVAL", LOOP, "1", "loops", str(LOOPS // 20)) == b"done"
            assert other.read() == (":", rows)
        before = digest(client)
        assert client.run("WAITAOF", "1", "0", "0") == [1, 0]
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def waits_for_script(connection, key):
    connection.send("GET", key)
    if connection.is_silent(0.05):
        return True
    connection.read()
    return False


@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_of_a_script_that_the_end_of_the_server_cuts_off_nothing_is_left(start, shards, fsync):
    server = start(*EVERY_SECOND, "--appendfsync", fsync, shards=shards)
    names = ["k:%d" % i for i in range(8)]
    loop = "for i = 1, ARGV[1] do redis.call('INCR', KEYS[i % 8 + 1]) end"
    with server.connect() as client, server.connect() as other:
        assert client.run("MSET", *[word for name in names for word in (name, "7")]) == b"OK"
        client.send("EVAL", loop, "8", *names, str(100 * LOOPS))
        wait_until(lambda: waits_for_script(other, names[0]), SECONDS, "the script to have its shards")
        saved.restart(server)
    with server.connect() as client:
        assert client.run("MGET", *names) == [b"7"] * len(names)


def test_the_log_is_turned_off_while_a_script_has_paused(start, shards):
    server = start(*EVERY_SECOND, shards=shards)
    with server.connect() as client, server.connect() as other:
        client.send("EVAL", LOOP, "1", "loops", str(LOOPS))
        other.run("CONFIG", "SET", "appendonly", "no")
        wait_for(other, aof_enabled=0)
        assert client.read() == ("$", b"done")
        assert client.run("GET", "loops") == b"%d" % LOOPS


def test_a_rewrite_under_load_loses_nothing(start, shards):
    server = start(*EVERY_SECOND, "--auto-aof-rewrite-percentage", "0", shards=shards)
    with server.connect() as client:
        fill(client)
        wait_until_expired(client)
        for rewrites in range(1, 4):
            assert client.run("BGREWRITEAOF") == b"Background append only file rewriting started"
            step = 0
            while figures(client)["aof_rewrites"] != str(rewrites):
                step += 1
                client.pipeline([("INCR", "step:%d" % (step % 50)), ("RPUSH", "l", "x" * 50), ("MSET", "ma", str(step), "mb", str(step))])
            wait_for(client, aof_rewrite_in_progress=0)
            names = os.listdir(folder(server))
            assert len([name for name in names if name.startswith("base.")]) == 1
            assert len([name for name in names if name.startswith("log.")]) == shards
        before = digest(client)
        assert client.run("WAITAOF", "1", "0", "0") == [1, 0]
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def test_the_log_is_rewritten_by_itself(start):
    server = start(*EVERY_SECOND, "--auto-aof-rewrite-min-size", "200kb", shards=2)
    with server.connect() as client:
        while figures(client)["aof_rewrites"] == "0":
            client.pipeline([("SET", "k", "x" * 1000)] * 50)
        wait_for(client, aof_rewrite_in_progress=0)
        assert int(figures(client)["aof_base_size"]) < 10000


def test_it_is_turned_on_and_off_while_the_server_runs(start, shards):
    server = start("--save", "", "--enable-debug-command", "yes", shards=shards)
    with server.connect() as client:
        fill(client)
        wait_until_expired(client)
        assert client.call("BGREWRITEAOF")[0] == "-"
        for _ in range(2):
            client.run("INCR", "turns")
            client.run("CONFIG", "SET", "appendonly", "yes")
            wait_for(client, aof_enabled=1, aof_rewrite_in_progress=0)
            client.run("CONFIG", "SET", "appendfsync", "always")
            client.run("INCR", "turns")
            client.run("CONFIG", "SET", "appendonly", "no")
            wait_for(client, aof_enabled=0)
            client.run("INCR", "not-logged")
            client.run("DEL", "not-logged")
        client.run("CONFIG", "SET", "appendonly", "yes")
        wait_for(client, aof_enabled=1, aof_rewrite_in_progress=0)
        client.run("SET", "logged", "1")
        before = digest(client)
        assert client.run("WAITAOF", "1", "0", "0") == [1, 0]
    server.options += list(EVERY_SECOND[:2])
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def test_reload_gives_the_log_a_new_base(start, shards):
    server = start(*EVERY_SECOND, shards=shards)
    with server.connect() as client:
        fill(client)
        wait_until_expired(client)
        client.run("DEBUG", "RELOAD")
        wait_for(client, aof_rewrite_in_progress=0, aof_rewrites=1)
        client.run("SET", "later", "1")
        before = digest(client)
        assert client.run("WAITAOF", "1", "0", "0") == [1, 0]
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def named_base(server):
    """What the base has that the manifest names; None: there is none, or it has just been replaced."""
    with open(os.path.join(folder(server), "tessera.manifest"), encoding="ascii") as file:
        names = [line.split()[1] for line in file if line.startswith("base ")]
    try:
        with open(os.path.join(folder(server), names[0]), "rb") as file:
            return file.read()
    except (IndexError, FileNotFoundError):
        return None


def test_no_base_is_made_of_data_that_are_being_loaded(start):
    """The rewrite behind a reload may still have to begin when the next one takes the data out."""
    server = start(*EVERY_SECOND, "--key-load-delay", "2000")
    with server.connect() as client:
        client.pipeline([("SET", "key:%d" % i, "1") for i in range(50)])
        for _ in range(5):
            client.run("DEBUG", "RELOAD")
            base = named_base(server)
            assert base is None or base.count(b"key:") == 50
        wait_for(client, aof_rewrite_in_progress=0)


def test_the_last_snapshot_becomes_the_first_base(start):
    """redis-server would start empty, and write an empty log."""
    server = start("--enable-debug-command", "yes", shards=2)
    with server.connect() as client:
        fill(client)
        wait_until_expired(client)
        before = digest(client)
        client.run("SAVE")
    server.options += list(EVERY_SECOND)
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before
        client.run("SET", "more", "1")
        before = digest(client)
        assert client.run("WAITAOF", "1", "0", "0") == [1, 0]
    os.unlink(saved.path(server))
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def failed_start(server):
    with pytest.raises(StartError) as failed:
        saved.restart(server)
    return failed.value.output


def stopped_with_log(start, shards=2):
    server = start(*ALWAYS, shards=shards)
    with server.connect() as client:
        for i in range(100):
            client.run("SET", "k:%d" % i, "v%d" % i)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    return server


def used_bytes(path):
    """Up to the last byte that is not zero."""
    with open(path, "rb") as file:
        return len(file.read().rstrip(b"\0"))


def test_a_torn_end_is_cut_and_told(start):
    server = stopped_with_log(start, shards=1)
    path = logs(server)[0]
    os.truncate(path, used_bytes(path) - 3)
    saved.restart(server)
    assert "end was cut" in server.output()
    with server.connect() as client:
        assert client.run("GET", "k:50") == b"v50"


def test_damage_in_the_middle_stops_the_start(start):
    server = stopped_with_log(start, shards=1)
    path = logs(server)[0]
    used = used_bytes(path)
    with open(path, "r+b") as file:
        file.seek(used // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    output = failed_start(server)
    assert "the log is damaged" in output and os.path.basename(path) in output and "check-log" in output
    with open(path, "r+b") as file:
        file.seek(used // 2)
        file.write(byte)
    saved.restart(server)
    with server.connect() as client:
        assert client.run("DBSIZE") == 100


def test_a_second_server_may_not_have_the_same_log(start):
    server = start(*ALWAYS, shards=1)
    other = subprocess.run([TESSERA, "--port", "0", "--unixsocket", server.folder + "/other", "--dir", server.folder, *ALWAYS[:2]],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * SLOWDOWN, check=False)
    assert other.returncode == 1 and "another server uses it" in other.stderr


def test_a_directory_with_a_log_of_redis_is_refused(start):
    server = start("--save", "", shards=1)
    os.mkdir(folder(server))
    with open(os.path.join(folder(server), "appendonly.aof.manifest"), "wb") as file:
        file.write(b"file appendonly.aof.1.incr.aof seq 1 type i\n")
    server.options += list(EVERY_SECOND)
    assert "import-aof" in failed_start(server)
    os.unlink(os.path.join(folder(server), "appendonly.aof.manifest"))
    saved.restart(server)


def test_logs_without_a_manifest_are_refused(start):
    server = stopped_with_log(start)
    os.unlink(os.path.join(folder(server), "tessera.manifest"))
    before = {name: os.path.getsize(name) for name in glob.glob(os.path.join(folder(server), "*"))}
    assert "no tessera.manifest" in failed_start(server)
    assert {name: os.path.getsize(name) for name in before} == before
    server.options = ["--save", ""]
    saved.restart(server)
    with server.connect() as client:
        assert client.call("CONFIG", "SET", "appendonly", "yes")[1].endswith(b"Unable to turn on AOF. Check server logs.")


def test_a_log_that_cannot_begin_is_not_on(start):
    server = start("--save", "", shards=2)
    with open(folder(server), "wb") as file, server.connect() as client:
        file.write(b"in the way")
        reply = client.call("CONFIG", "SET", "appendonly", "yes")
        assert reply == ("-", b"ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs.")
        assert client.run("CONFIG", "GET", "appendonly") == [b"appendonly", b"no"]
        os.unlink(folder(server))
        assert client.run("CONFIG", "SET", "appendonly", "yes") == b"OK"
        client.run("SET", "k", "v")
        assert client.run("WAITAOF", "1", "0", "0") == [1, 0]
    server.options = list(EVERY_SECOND)
    server.restart_after_kill()
    with server.connect() as client:
        assert client.run("GET", "k") == b"v"


def test_more_databases_than_there_are(start):
    server = start(*ALWAYS, "--databases", "64", shards=2)
    with server.connect() as client:
        client.pipeline([("SELECT", "40"), ("SET", "k", "v")])
    server.options += ["--databases", "16"]
    assert "has changes of database 40, and `databases` is 16" in failed_start(server)
    server.options += ["--databases", "41"]
    saved.restart(server)
    with server.connect() as client:
        assert client.pipeline([("SELECT", "40"), ("GET", "k")])[1] == ("$", b"v")


@pytest.mark.parametrize("what", ["a file", "the directory"])
def test_what_was_deleted_is_made_again(start, what):
    server = start(*ALWAYS, shards=2)
    with server.connect() as client:
        fill(client)
        wait_until_expired(client)
        for name in logs(server) if what == "a file" else glob.glob(os.path.join(folder(server), "*")):
            os.unlink(name)
        if what == "the directory":
            os.rmdir(folder(server))
        wait_for(client, aof_rewrites=1)
        wait_until(lambda: client.call("SET", "k", "w") == ("+", b"OK"), SECONDS, "writes to go on")
        before = digest(client)
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


@pytest.mark.heavy
@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_a_full_disk_refuses_writes_until_there_is_room(start, fsync):
    server = start(*EVERY_SECOND, "--appendfsync", fsync, shards=2)
    with server.connect() as client, server.connect() as other:
        client.run("SET", "k", "v")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (3 << 20, resource.RLIM_INFINITY))
        refused = None
        step = 0
        while refused is None:
            step += 1
            try:
                reply = client.call("SET", "big:%d" % step, os.urandom(200000))  # a new base is too large, too
            except (Closed, ConnectionResetError, socket.timeout):  # neither acknowledged nor refused
                break
            refused = reply if reply[0] == "-" else None
        wait_until(lambda: other.call("SET", "k", "w")[1].startswith(b"MISCONF Errors writing to the AOF file"), SECONDS, "writes to be refused")
        assert other.run("GET", "k") == b"v"
        assert figures(other)["aof_last_write_status"] == "err"
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_until(lambda: other.call("SET", "k", "w") == ("+", b"OK"), SECONDS, "writes to go on")
        before = digest(other)
        assert other.run("WAITAOF", "1", "0", "0") == [1, 0]
        wait_for(other, aof_last_write_status="ok")
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


def limit_files(server, limit_bytes):
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))


def fill_disk(client):
    """How many writes were acknowledged."""
    count = 0
    while client.call("SET", "big:%d" % count, os.urandom(100000)) == ("+", b"OK"):
        count += 1
    return count


@pytest.mark.parametrize("way", ["sigterm", "shutdown", "nosave"])
def test_a_server_whose_log_cannot_be_written_stays_up(start, way):
    server = start(*EVERY_SECOND, shards=2)
    with server.connect() as client:
        limit_files(server, 1 << 20)
        acknowledged = fill_disk(client)
        if way == "sigterm":
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: "goes on: the log cannot be written to its end" in server.output(), SECONDS, "the end to be refused")
        else:
            words = ["SHUTDOWN"] if way == "shutdown" else ["SHUTDOWN", "NOSAVE", "NOW"]
            assert client.call(*words) == ("-", b"ERR Errors trying to SHUTDOWN. Check logs.")
        assert client.run("DBSIZE") == acknowledged
        limit_files(server, resource.RLIM_INFINITY)
        wait_until(lambda: client.call("SET", "k", "v") == ("+", b"OK"), SECONDS, "writes to go on")
        client.send("SHUTDOWN", "NOSAVE")
        saved.ended(server)
    saved.restart(server)
    with server.connect() as client:
        assert client.run("DBSIZE") == acknowledged + 1


def test_a_server_whose_log_cannot_be_written_ends_by_force():
    server = Server("tessera", 1, EVERY_SECOND)
    with server.connect() as client:
        limit_files(server, 1 << 20)
        fill_disk(client)
        assert client.call("SHUTDOWN")[0] == "-"
        client.send("SHUTDOWN", "FORCE")
        saved.ended(server)
    assert "ends by force, though the log cannot be written" in server.output()
    server.stop()


@pytest.mark.threads
def test_many_clients_of_a_log_are_answered_in_order(start, shards):
    server = start(*ALWAYS, shards=shards)
    clients = [server.connect() for _ in range(12)]
    for turn in range(20):
        for number, client in enumerate(clients):
            client.send_raw(b"".join(encode("SET", "c%d:%d" % (number, i), str(turn)) + encode("GET", "c%d:%d" % (number, i)) for i in range(8)))
        for client in clients:
            for _ in range(8):
                assert client.read() == ("+", b"OK")
                assert client.read() == ("$", b"%d" % turn)
    with server.connect() as client:
        before = digest(client)
    for client in clients:
        client.close()
    server.restart_after_kill()
    with server.connect() as client:
        assert digest(client) == before


LONG = {  # what empties it, what is done, how much of it there is, and how much that can be
    "keys": ([("FLUSHALL",)], ("MSET", *[word for i in range(60000) for word in ("k:%d" % i, "v")]), ("DBSIZE",), (0, 60000)),
    "elements": ([("DEL", "l")], ("RPUSH", "l", *map(str, range(100000))), ("LLEN", "l"), (0, 100000)),
    "rows": ([("TABLE.UPDATE", "s.t", "SET", "size=0")], ("TABLE.UPDATE", "s.t", "SET", "size=1"), ("TABLE.SELECT", "s.t", "WHERE", "size=1"), (0, 20000)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", LONG)
def test_a_command_of_many_steps_is_there_as_a_whole_or_not_at_all(start, shards, kind):
    empty, command, count, allowed = LONG[kind]
    server = start(*EVERY_SECOND, "--appendfsync", "always", shards=shards)
    with server.connect() as client:
        if kind == "rows":
            client.pipeline([*TABLE, *[("TABLE.INSERT", "s.t", "id=%d" % i, "size=0") for i in range(allowed[1])]])
        begun = time.monotonic()
        client.run(*command)
        duration = time.monotonic() - begun
    for share in (0.3, 0.5, 0.7, 0.9):
        with server.connect() as client:
            client.pipeline(empty)
            client.send(*command)
            time.sleep(duration * share)  # the moment of the kill, somewhere in the command
            server.restart_after_kill()
        with server.connect() as client:
            reply = client.run(*count)
            assert (len(reply) if isinstance(reply, list) else reply) in allowed


def test_a_base_that_is_damaged_stops_the_start_and_is_named(start):
    server = start("--enable-debug-command", "yes")
    with server.connect() as client:
        client.run("SET", "key", "value")
        client.run("SAVE")
    server.options += list(EVERY_SECOND)
    saved.restart(server)
    saved.end(server)
    base, = glob.glob(os.path.join(folder(server), "base.*"))
    with open(base, "rb") as file:
        data = file.read()
    for bad in (data[:-12] + b"?" + data[-11:], b"REDIX" + data[5:], b""):
        with open(base, "wb") as file:
            file.write(bad)
        output = failed_start(server)
        assert os.path.basename(base) in output and "No such file" not in output, output
        assert "check-rdb" in output or bad == b"", output
    with open(base, "wb") as file:
        file.write(data)
    saved.restart(server)
    with server.connect() as client:
        assert client.run("GET", "key") == b"value"
