"""Configuration files of Redis's: directives that are no parameters here, renamed commands, systemd, and the system's log."""

import os
import socket
import subprocess

import pytest

from harness.process import END_WITH_TESTS, SLOWDOWN, TESSERA, WRAPPER, StartError

# What Redis 7.2, 7.4 and 8 have beyond 7.0, which the tests run beside; and what charts for Kubernetes and images write.
NEWER = """
locale-collate ""
set-max-listpack-entries 128
set-max-listpack-value 64
cluster-announce-human-nodename ""
hide-user-data-from-log yes
max-new-connections-per-cycle 10
max-new-tls-connections-per-cycle 1
cluster-compatibility-sample-ratio 0
repl-rdb-channel no
replica-full-sync-buffer-limit 0
"""

REFUSED = [
    ("replicaof 10.0.0.1 6379", "cannot be a replica"),
    ("loadmodule /usr/lib/redis/modules/redisbloom.so", "no modules"),
    ("cluster-enabled yes", "no cluster mode"),
    ("min-replicas-to-write 1", "no replicas"),
    ("shutdown-on-sigterm nosave", "only the default"),
    ("supervised upstart", "upstart is not supported"),
]


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def write(folder, text):
    path = folder / "redis.conf"
    path.write_text(text)
    return str(path)


@pytest.mark.slow
def test_a_file_with_every_parameter_of_redis_starts_the_server(start, tmp_path):
    with start(kind="redis").connect() as theirs:
        reply = [word.decode() for word in theirs.run("CONFIG", "GET", "*")]
    assert len(reply) > 300
    lines = ["%s %s" % (name, quoted(value)) for name, value in zip(reply[::2], reply[1::2])]
    server = start(write(tmp_path, "\n".join(lines) + NEWER))
    notices = [line for line in server.output().splitlines() if "No effect here: " in line]
    for name in ("always-show-logo", "lazyfree-lazy-user-del", "repl-diskless-sync", "set-max-listpack-value"):
        assert len([line for line in notices if name in line]) == 1, name
    with server.connect() as client:
        assert client.call("CONFIG", "SET", "io-threads", "4") == (
            "-", b"ERR CONFIG SET failed (possibly related to argument 'io-threads') - it has no effect here: "
                 b"each shard has a thread: see shards and shard-affinity")
        assert client.run("CONFIG", "GET", "io-threads") == []


@pytest.mark.parametrize("line, why", REFUSED, ids=lambda text: text.split()[0])
def test_what_would_be_dangerous_to_ignore_is_refused(tmp_path, line, why):
    path = write(tmp_path, "hz 20\n%s\n" % line)
    ended = subprocess.run(WRAPPER + [TESSERA, path], capture_output=True, text=True, timeout=20 * SLOWDOWN, check=False)
    assert ended.returncode == 1
    assert "at line 2\n>>> '%s'" % line in ended.stderr and why in ended.stderr


def test_check_config_says_what_has_no_effect(tmp_path):
    path = write(tmp_path, "always-show-logo yes\nset-proc-title yes\nsanitize-dump-payload no\n")
    ended = subprocess.run(WRAPPER + [TESSERA, "--check-config", path], capture_output=True, text=True, timeout=20 * SLOWDOWN, check=False)
    assert ended.returncode == 0 and ended.stderr == ""
    assert ended.stdout.splitlines() == [
        "no effect: always-show-logo, set-proc-title: the process keeps its title, and the log has no logo",
        "no effect: sanitize-dump-payload: a file's payload is always checked before it is used",
        "tessera-server: the configuration is good"]


# --- renamed commands ---

RENAMED = """
rename-command FLUSHALL ""
rename-command GET fetch
rename-command SET GET
rename-command Del Set
rename-command XADD 5f4dcc3b5aa765d61d8327deb882cf995f4dcc3b5aa765d61d8327deb882cf99
rename-command EVAL run
rename-command CONFIG ops
"""
XADD = "5F4DCC3B5AA765D61D8327DEB882CF995F4DCC3B5AA765D61D8327DEB882CF99"
CALLS = [
    ["FLUSHALL"], ["flushall", "ASYNC"], ["GET", "a", "1"], ["get", "b", "2", "EX", "1000"], ["FETCH", "a"], ["fetch"], ["GET", "a"],
    ["DEL", "a"], ["SET", "b"], ["Fetch", "b"], ["XADD", "s", "*", "f", "v"], [XADD, "s", "1-1", "f", "v"], ["XLEN", "s"],
    ["EVAL", "return 1", "0"], ["run", "return redis.call('fetch', KEYS[1])", "1", "a"], ["run", "return redis.call('del', KEYS[1])", "1", "a"],
    ["run", "return redis.call('get', KEYS[1], 'x')", "1", "c"], ["fetch", "c"], ["MULTI"], ["GET", "d", "4"], ["DEL", "d"], ["EXEC"], ["MULTI"], ["GET", "d", "4"],
    ["SET", "c"], ["EXEC"], ["CONFIG", "GET", "hz"], ["OPS", "GET", "hz"], ["ops", "NONE"], ["COMMAND", "GETKEYS", "fetch", "a"],
    ["COMMAND", "GETKEYS", "GET", "a", "b"], ["COMMAND", "GETKEYS", "EVAL", "x", "1", "a"],
]


def test_renamed_commands_are_what_redis_makes_of_them(start, shards, tmp_path):
    path = write(tmp_path, RENAMED)
    ours, theirs = start(path, shards=shards), start(path, kind="redis")
    with ours.connect() as client, theirs.connect() as other:
        for words in CALLS:
            assert client.call(*words) == other.call(*words), words


def test_the_log_is_repeated_whatever_commands_are_called(start, shards, tmp_path):
    path = write(tmp_path, RENAMED + "appendonly yes\nappendfsync always\n")
    server = start(path, shards=shards)
    with server.connect() as client:
        for words in CALLS:
            client.call(*words)
        client.run(XADD, "s", "NOMKSTREAM", "MAXLEN", "5", "*", "f", "v")
        client.run("GET", "gone", "1")
        client.run("SET", "gone")
        digest = client.run("DEBUG", "DIGEST")
        assert digest != b"0" * 40
    server.restart_after_kill()
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == digest
        assert client.run("DEBUG", "RELOAD") == b"OK"
        assert client.run("DEBUG", "DIGEST") == digest
    write(tmp_path, "appendonly yes\nrename-command SET \"\"\n")
    server.restart_after_kill()
    with server.connect() as client:
        assert client.run("DEBUG", "DIGEST") == digest and client.run("GET", "d") == b"4"


@pytest.mark.parametrize("text", ["rename-command NONE a\n", "rename-command GET set\n", "rename-command GET a\nrename-command GET b\n"])
def test_impossible_renames_end_the_start(start, tmp_path, text):
    for kind in ("tessera", "redis"):
        with pytest.raises(StartError) as refusal:
            start(write(tmp_path, text), kind=kind)
        assert "No such command in rename-command" in refusal.value.output or "Target command name already exists" in refusal.value.output


# --- systemd and the system's log ---

def datagrams(path):
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    found.bind(str(path))
    found.settimeout(20 * SLOWDOWN)
    return found


@pytest.mark.parametrize("mode", ["systemd", "auto"])
def test_systemd_hears_when_the_server_is_ready_and_when_it_stops(start, tmp_path, monkeypatch, mode):
    with datagrams(tmp_path / "notify") as notify:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        server = start("--supervised", mode, "--daemonize", "yes")
        assert notify.recv(4096).startswith(b"READY=1\n")
        with server.connect() as client:
            assert b"process_supervised:systemd\r\n" in client.run("INFO", "server")
        assert server.problems() == [] and server.stop() == []
        assert notify.recv(4096).startswith(b"STOPPING=1\n")
        server.problems = server.stop = lambda: []


def test_systemd_is_asked_for_time_while_the_server_loads_and_saves_at_its_end(start, tmp_path, monkeypatch):
    with datagrams(tmp_path / "notify") as notify:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def asked(status):
            assert notify.recv(4096).startswith(b"EXTEND_TIMEOUT_USEC=30000000\nSTATUS=" + status)

        def behind_the_rest_of(status):
            said = notify.recv(4096)
            while b"STATUS=" + status in said:
                said = notify.recv(4096)
            return said

        server = start("--supervised", "systemd", "--save", "3600 1", "--key-load-delay", "50000")
        assert notify.recv(4096).startswith(b"READY=1\n")
        with server.connect() as client:
            client.pipeline([("SET", "key:%d" % i, "1") for i in range(100)])
            client.run("SAVE")
        server.kill()
        server._start("loading ")
        asked(b"Loading: 0.0 of 0.0 MB")
        asked(b"Loading: ")
        with server.connect() as client:
            client.run("CONFIG", "SET", "key-load-delay", "0")
            said = {behind_the_rest_of(b"Loading: "), notify.recv(4096)}
            assert said == {b"READY=1\nSTATUS=Ready to accept connections", b"STATUS=Ready to accept connections"}
            client.run("CONFIG", "SET", "rdb-key-save-delay", "20000")
            client.run("SET", "more", "1")
            server.process.terminate()
            asked(b"Saving before the end")
            client.run("CONFIG", "SET", "rdb-key-save-delay", "0")
            assert behind_the_rest_of(b"Saving before the end").startswith(b"STOPPING=1\n")
        assert server.process.wait(20 * SLOWDOWN) == 0
        server.problems = lambda: []


def test_supervised_without_systemd_is_no_obstacle(start, monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    server = start("--supervised", "systemd")
    assert "there is no NOTIFY_SOCKET" in server.output()
    with server.connect() as client:
        assert b"process_supervised:no\r\n" in client.run("INFO", "server")


def test_lines_of_the_log_go_to_the_systems_log_too(tmp_path):
    own_dev = "mount -t tmpfs none /dev && touch /dev/log && mount --bind \"$0\" /dev/log"
    inside = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    with datagrams(tmp_path / "log") as log:
        path = str(tmp_path / "log")
        if subprocess.run(inside + [own_dev, path], capture_output=True, check=False).returncode != 0:
            pytest.skip("this machine allows no mounts of one's own")
        options = ["--port", "0", "--unixsocket", str(tmp_path / "socket"), "--shards", "1", "--save", "", "--dir", str(tmp_path),
                   "--syslog-enabled", "yes", "--syslog-ident", "tess-1", "--syslog-facility", "local3"]
        server = subprocess.Popen(END_WITH_TESTS + inside + [own_dev + " && exec \"$@\"", path, TESSERA] + options, stdout=subprocess.DEVNULL)
        try:
            line = log.recv(4096)
            while b"Ready to accept connections" not in line:
                line = log.recv(4096)
            notice_of_local3 = (19 << 3) + 5
            assert line.startswith(b"<%d>" % notice_of_local3) and b"tess-1[%d]: Ready" % server.pid in line
        finally:
            server.terminate()
            assert server.wait(20 * SLOWDOWN) == 0
    assert os.path.exists(tmp_path / "socket") is False
