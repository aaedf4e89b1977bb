"""What clients do wrong, or by malice: the server lives, its memory stays bounded, and others are served."""

import socket
import time

import pytest

from harness.process import SLOWDOWN, StartError
from harness.resp import Closed, Connection, encode, wait_until

MEGABYTE = 1 << 20


def used_memory(connection):
    return int(connection.info("memory")["used_memory"])


def is_closed(connection, seconds=5.0):
    """True when the server closes the connection within that time; what it sends before is thrown away."""
    connection.socket.settimeout(seconds * SLOWDOWN)
    try:
        connection.read_to_end()
        return True
    except socket.timeout:
        return False


@pytest.mark.parametrize("sent, text", [
    pytest.param(b"a" * 70000, b"too big inline request", id="inline"),
    pytest.param(b"*" + b"1" * 70000, b"too big mbulk count string", id="multibulk"),
    pytest.param(b"*1\r\n$" + b"1" * 70000, b"too big bulk count string", id="bulk"),
])
def test_a_line_without_end_is_refused(start, sent, text):
    server = start()
    with server.connect() as connection:
        connection.send_raw(sent)
        assert connection.read() == ("-", b"ERR Protocol error: " + text)
        assert connection.read_to_end() == b""


def test_a_nul_in_an_inline_command_is_refused_before_the_line_ends(server, client):
    client.send_raw(b"ECHO word\r\nECHO word\x00 more")
    assert client.read() == ("$", b"word")
    assert client.read() == ("-", b"ERR Protocol error: NUL byte in inline request")
    assert client.read_to_end() == b""


@pytest.mark.parametrize("sent, text", [
    pytest.param(b"*11\r\n", b"unauthenticated multibulk length", id="multibulk"),
    pytest.param(b"*1\r\n$16385\r\n", b"unauthenticated bulk length", id="bulk"),
])
def test_unauthenticated_clients_may_send_little(start, sent, text):
    server = start("--requirepass", "secret")
    with server.connect(authenticate=False) as unauthenticated:
        assert unauthenticated.call("GET", "a") == ("-", b"NOAUTH Authentication required.")
        unauthenticated.send_raw(sent)
        assert unauthenticated.read() == ("-", b"ERR Protocol error: " + text)
        assert unauthenticated.read_to_end() == b""


def test_a_full_house_turns_newcomers_away(start, shards):
    server = start("--maxclients", "10", shards=shards)
    connections = [server.connect() for _ in range(10)]
    for connection in connections:
        assert connection.run("PING") == b"PONG"
    late = Connection(server.host, server.port)
    assert late.read() == ("-", b"ERR max number of clients reached")
    assert late.read_to_end() == b""
    assert connections[3].run("PING") == b"PONG"
    connections.pop().close()

    def a_newcomer_is_served():
        with server.connect() as newcomer:
            try:
                return newcomer.call("PING") == ("+", b"PONG")
            except (Closed, OSError):
                return False

    wait_until(a_newcomer_is_served)
    for connection in connections:
        connection.close()
    wait_until(a_newcomer_is_served)


@pytest.mark.threads
def test_a_client_that_never_reads_costs_little(server, client):
    client.run("SET", "big", b"x" * MEGABYTE)
    used_before = used_memory(client)
    resident_before = server.resident_bytes()
    lazy = server.connect(receive_buffer=4096)
    lazy.send_raw(encode("GET", "big") * 200)
    used_most = resident_most = 0
    end = time.monotonic() + 1.0 * SLOWDOWN
    while time.monotonic() < end:
        used_most = max(used_most, used_memory(client) - used_before)
        resident_most = max(resident_most, server.resident_bytes() - resident_before)
    assert used_most < 32 * MEGABYTE
    assert resident_most < 32 * MEGABYTE or SLOWDOWN > 1
    lazy.close()
    wait_until(lambda: used_memory(client) - used_before < MEGABYTE // 4, what="giving the memory back")


@pytest.mark.slow
@pytest.mark.threads
def test_a_slow_reader_gets_every_byte(server, client):
    count = 200 if SLOWDOWN == 1 else 50
    client.run("SET", "big", b"x" * MEGABYTE)
    with server.connect(receive_buffer=4096) as slow:
        slow.send_raw(encode("GET", "big") * count + encode("ECHO", "end"))
        for _ in range(count):
            kind, value = slow.read()
            assert kind == "$" and len(value) == MEGABYTE
        assert slow.read() == ("$", b"end")


def test_half_commands_wait_without_harm(server, client):
    before = used_memory(client)
    whole = encode("SET", "half", "value")
    halves = [server.connect() for _ in range(len(whole) - 1)]
    for sent, connection in enumerate(halves, 1):
        connection.send_raw(whole[:sent])
    assert client.run("EXISTS", "half") == 0
    assert used_memory(client) - before < len(halves) * 40000
    for sent, connection in enumerate(halves[::2], 1):
        connection.send_raw(whole[sent * 2 - 1:])
        assert connection.read() == ("+", b"OK")
    for connection in halves:
        connection.close()
    assert client.run("GET", "half") == b"value"


def test_an_announced_giant_costs_nothing_until_it_comes(server, client):
    used_before = used_memory(client)
    resident_before = server.resident_bytes()
    liars = [server.connect() for _ in range(20)]
    for liar in liars:
        liar.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$536870912\r\nonly this")
    assert client.run("PING") == b"PONG"
    time.sleep(0.05 * SLOWDOWN)  # style: nothing tells when bytes that are not answered have been read
    assert used_memory(client) - used_before < 4 * MEGABYTE
    assert server.resident_bytes() - resident_before < 8 * MEGABYTE
    for liar in liars:
        liar.close()
    wait_until(lambda: used_memory(client) - used_before < 65536, what="giving the memory back")


@pytest.mark.slow
@pytest.mark.threads
def test_ten_thousand_connections_come_and_go(server, client):
    count = int(10000 / SLOWDOWN)
    before = used_memory(client)
    for number in range(count):
        with server.connect() as visitor:
            if number % 3 == 0:
                visitor.send_raw(encode("PING"))
            elif number % 3 == 1:
                assert visitor.run("PING") == b"PONG"
    # The last one may have left before it was accepted.
    wait_until(lambda: int(client.info("stats")["total_connections_received"]) > count, what="accepting all visitors")
    wait_until(lambda: client.info("clients")["connected_clients"] == "1", what="forgetting the visitors")
    wait_until(lambda: used_memory(client) - before < 65536, what="giving the memory back")


def test_many_connections_at_once(server, client):
    def come_and_go():
        crowd = [server.connect() for _ in range(500)]
        for member in crowd:
            member.send_raw(encode("PING"))
        for member in crowd:
            assert member.read() == ("+", b"PONG")
        assert client.info("clients")["connected_clients"] == "501"
        for member in crowd:
            member.close()
        wait_until(lambda: client.info("clients")["connected_clients"] == "1", what="forgetting them")

    # What threads keep for the next crowd is small and bounded.
    start = used_memory(client)
    for _ in range(4):
        come_and_go()
    wait_until(lambda: used_memory(client) - start < MEGABYTE // 2, what="giving the memory back")


def test_an_idle_client_is_sent_away_after_the_timeout(start):
    server = start("--timeout", "1")
    with server.connect() as idle, server.connect() as busy:
        began = time.monotonic()
        while time.monotonic() - began < 0.7:
            assert busy.run("PING") == b"PONG"
            time.sleep(0.05)
        assert is_closed(idle, 5.0)
        assert time.monotonic() - began > 0.9


def test_a_query_beyond_its_limit_ends_the_connection(start):
    server = start("--client-query-buffer-limit", "1mb")
    with server.connect() as connection, server.connect() as other:
        try:
            connection.send_raw(b"*2\r\n$3\r\nGET\r\n$8000000\r\n" + b"x" * 4000000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert is_closed(connection)
        assert other.run("PING") == b"PONG"


def test_replies_beyond_their_limit_end_a_connection_that_does_not_read(start):
    server = start("--client-output-buffer-limit", "normal 1mb 0 0")
    with server.connect(receive_buffer=4096) as connection, server.connect() as other:
        assert connection.run("SET", "big", b"x" * 8 * MEGABYTE) == b"OK"
        connection.send_raw(encode("GET", "big") * 4)
        wait_until(lambda: other.info("clients")["connected_clients"] == "1", what="closing it")


def test_a_bulk_longer_than_proto_max_bulk_len_is_refused(start):
    server = start("--proto-max-bulk-len", "1mb")
    with server.connect() as connection:
        assert connection.run("SET", "a", b"x" * MEGABYTE) == b"OK"
        assert connection.call("APPEND", "a", "x") == (
            "-", b"ERR string exceeds maximum allowed size (proto-max-bulk-len)")
        connection.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1048577\r\n")
        assert connection.read() == ("-", b"ERR Protocol error: invalid bulk length")
        assert connection.read_to_end() == b""


def test_full_memory_refuses_writes_and_nothing_else(start, shards):
    server = start("--maxmemory-policy", "noeviction", shards=shards)
    with server.connect() as client:
        keys = ["key:%d" % number for number in range(200)]
        for key in keys:
            assert client.run("SET", key, b"x" * 10000) == b"OK"
        client.run("CONFIG", "SET", "maxmemory", used_memory(client) - MEGABYTE)
        refused = ("-", b"OOM command not allowed when used memory > 'maxmemory'.")
        assert client.call("SET", "new", "value") == refused
        assert client.call("APPEND", keys[0], "x") == refused
        assert client.run("STRLEN", keys[0]) == 10000
        assert client.run("DEL", *keys) == len(keys)
        assert client.run("SET", "new", "value") == b"OK"


@pytest.mark.parametrize("lines, bad_line", [
    (["maxclients 100", "", "# a comment", "no-such-option yes"], 4),
    (["port 0", "maxclients many"], 2),
    (["databases 4", "timeout"], 2),
    (['requirepass "unbalanced'], 1),
    (["maxmemory 10parsecs"], 1),
    (["maxmemory-policy sometimes"], 1),
])
def test_a_mistake_in_the_configuration_stops_the_start(start, tmp_path, lines, bad_line):
    path = tmp_path / "tessera.conf"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(StartError) as error:
        start(str(path))
    assert error.value.status not in (0, None)
    output = error.value.output
    assert lines[bad_line - 1].split()[0] in output
    assert str(bad_line) in output


def test_an_unknown_option_of_the_command_line_stops_the_start(start):
    with pytest.raises(StartError) as error:
        start("--no-such-option", "yes")
    assert error.value.status not in (0, None)
    assert "no-such-option" in error.value.output
