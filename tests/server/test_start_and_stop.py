"""Beginning and end of the server: ports, sockets, configuration files, signals. Without io_uring: test_io_engine.py."""

import os
import signal
import socket

import pytest

from harness.process import SLOWDOWN, StartError
from harness.resp import Closed, Connection, encode


def test_says_when_it_is_ready(start, shards):
    server = start(shards=shards)
    assert "Ready to accept connections" in server.output()


@pytest.mark.parametrize("words", [["SHUTDOWN"], ["SHUTDOWN", "NOSAVE"], ["SHUTDOWN", "NOW", "FORCE"]], ids=" ".join)
def test_shutdown_ends_it_cleanly(start, shards, words):
    server = start(shards=shards)
    with server.connect() as connection, server.connect() as other:
        other.run("SET", "a", "1")
        connection.send(*words)
        assert connection.read_to_end() == b""
        assert other.read_to_end() == b""
    assert server.process.wait(10 * SLOWDOWN) == 0
    server.problems = lambda: []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_clients_in_the_middle(start, shards, number):
    server = start(shards=shards)
    connections = [server.connect() for _ in range(8)]
    for connection in connections:
        connection.run("SET", "big", b"x" * 100000)
        connection.send_raw(encode("GET", "big") * 50 + b"*2\r\n$3\r\nGE")
    server.process.send_signal(number)
    assert server.process.wait(10 * SLOWDOWN) == 0
    for connection in connections:
        connection.read_to_end()
    server.problems = lambda: []


def test_a_wrong_shutdown_changes_nothing(client):
    assert client.call("SHUTDOWN", "BOGUS") == ("-", b"ERR syntax error")
    assert client.call("SHUTDOWN", "SAVE", "NOSAVE") == ("-", b"ERR syntax error")
    assert client.run("PING") == b"PONG"


def test_listens_on_a_unix_socket(start, shards, tmp_path):
    path = str(tmp_path / "tessera.sock")
    server = start("--unixsocket", path, "--unixsocketperm", "700", shards=shards)
    assert os.stat(path).st_mode & 0o777 == 0o700
    with Connection(path) as local, server.connect() as remote:
        assert local.run("SET", "a", "1") == b"OK"
        assert remote.run("GET", "a") == b"1"
        assert b"unixsocket" in local.run("CONFIG", "GET", "unixsocket")
    assert server.stop() == []
    assert not os.path.exists(path)
    server.problems = server.stop = lambda: []


def test_lives_on_a_unix_socket_alone(start, tmp_path):
    path = str(tmp_path / "tessera.sock")
    server = start("--port", "0", "--unixsocket", path)
    with server.connect() as connection:
        assert connection.run("PING") == b"PONG"


def test_listens_on_ipv6(start):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = start("--bind", "127.0.0.1", "::1")
    with Connection("::1", server.port) as sixth, server.connect() as fourth:
        assert sixth.run("SET", "a", "1") == b"OK"
        assert fourth.run("GET", "a") == b"1"
        assert b"[::1]:" in sixth.run("CLIENT", "INFO")


def test_an_absent_ipv6_address_marked_optional_is_passed_over(start):
    server = start("--bind", "127.0.0.1", "-::ffff:1")
    with server.connect() as connection:
        assert connection.run("PING") == b"PONG"


def test_reads_a_configuration_file_and_lets_the_command_line_win(start, tmp_path):
    path = tmp_path / "tessera.conf"
    path.write_text("# comment\n\nmaxclients 77\n  TIMEOUT 5  \nmaxmemory 10mb\nrequirepass \"a b\\x41\"\n")
    server = start(str(path), "--timeout", "9")
    server.password = "a bA"
    with server.connect() as connection:
        values = connection.run("CONFIG", "GET", "maxclients", "timeout", "maxmemory")
        assert dict(zip(values[::2], values[1::2])) == {
            b"maxclients": b"77", b"timeout": b"9", b"maxmemory": b"10485760"}


def test_config_rewrite_keeps_comments_and_is_read_again(start, tmp_path):
    path = tmp_path / "tessera.conf"
    path.write_text("# first comment\nmaxclients 77\n# second comment\n")
    server = start(str(path))
    with server.connect() as connection:
        assert connection.run("CONFIG", "SET", "maxclients", "88", "timeout", "30") == b"OK"
        assert connection.run("CONFIG", "REWRITE") == b"OK"
    text = path.read_text()
    assert text.startswith("# first comment\nmaxclients 88\n# second comment\n")
    assert "timeout 30" in text
    with start(str(path)).connect() as connection:
        values = connection.run("CONFIG", "GET", "maxclients", "timeout")
        assert dict(zip(values[::2], values[1::2])) == {b"maxclients": b"88", b"timeout": b"30"}


@pytest.mark.threads
def test_quit_and_kill_close_the_right_connection(server, client):
    with server.connect() as victim, server.connect() as leaver:
        number = victim.run("CLIENT", "ID")
        assert client.run("CLIENT", "KILL", "ID", number) == 1
        with pytest.raises(Closed):
            victim.call("PING")
        assert leaver.run("QUIT") == b"OK"
        with pytest.raises(Closed):
            leaver.read()
    assert client.run("PING") == b"PONG"
