"""TLS: commands through it, handshakes that fail, and parameters that change while connections go on."""

import random
import shutil
import socket
import ssl
import subprocess
import time

import pytest

from harness.process import SLOWDOWN, StartError, free_port
from harness.refusals import Refuser, has_refusals, request_numbers
from harness.resp import Closed, Connection, ReplyError, encode, wait_until
from harness.tls import Certificates, TlsConnection, hello, plain_socket, send_and_end

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(start, shards, certificates):
    """secure(*options): a server that listens for TLS, too, on its tls_port."""

    def start_secure(*options):
        port = free_port()
        server = start(*certificates.options(port), *options, shards=shards)
        server.tls_port = port
        return server

    return start_secure


def failed(server):
    with server.connect() as client:
        return int(client.info("stats")["tls_handshakes_failed"])


@pytest.mark.parametrize("version", VERSIONS)
def test_commands_go_through_tls(secure, certificates, version):
    server = secure()
    context = certificates.context(version=VERSIONS[version])
    with TlsConnection(context, server.tls_port) as client, server.connect() as plain:
        assert client.socket.version() == "TLSv" + version
        assert client.run("SET", "k", "v") == b"OK" and plain.run("GET", "k") == b"v"
        assert [value for _, value in client.pipeline([("GET", "k")] * 1000)] == [b"v"] * 1000
        for size in (16 * 1024 - 40, 16 * 1024, 100_000, 3_000_000):  # records end within commands and words
            value = (b"%d-" % size) * (size // 8)
            assert client.run("SET", "long", value) == b"OK"
            assert client.run("GET", "long") == value and plain.run("GET", "long") == value
        for byte in encode("GET", "k"):  # a record for each byte of a command
            client.send_raw(bytes([byte]))
        assert client.read() == ("$", b"v")
        assert client.pipeline([("SET", "k:%d" % i, "x" * i) for i in range(3000)]) == [("+", b"OK")] * 3000
        assert b"laddr=127.0.0.1:%d " % server.tls_port in client.run("CLIENT", "LIST")


def test_what_is_sent_unasked_goes_through_tls(secure, certificates):
    server = secure()
    context = certificates.context()

    def connect():
        return TlsConnection(context, server.tls_port)

    with connect() as client, connect() as waiting, connect() as listener, connect() as monitor, server.connect() as plain:
        listener.run("SUBSCRIBE", "news")
        assert monitor.run("MONITOR") == b"OK"
        waiting.send("BLPOP", "list", "0")
        wait_until(lambda: b"flags=b" in plain.run("CLIENT", "LIST"))
        assert client.run("PUBLISH", "news", "x" * 40_000) == 1
        assert listener.read()[1][2] == ("$", b"x" * 40_000)
        assert client.run("RPUSH", "list", "a") == 1 and waiting.read()[1][1] == ("$", b"a")
        wait_until(lambda: b'"RPUSH" "list" "a"' in monitor.read()[1])
        number = int(waiting.run("CLIENT", "ID"))
        assert plain.run("CLIENT", "KILL", "ID", number) == 1
        with pytest.raises(Closed):
            waiting.run("PING")
        assert client.run("CLIENT", "INFO").startswith(b"id=")


def test_both_sides_say_that_they_end(secure, certificates):
    server = secure()
    context = certificates.context()
    with TlsConnection(context, server.tls_port) as client:
        assert client.run("QUIT") == b"OK" and client.ends_cleanly()
    assert send_and_end(context, server.tls_port, encode("PING") * 500) == b"+PONG\r\n" * 500
    with TlsConnection(context, server.tls_port) as client:  # it goes without a word
        client.send_raw(encode("SET", "k", "v"))
        client.socket.shutdown(socket.SHUT_WR)
    with server.connect() as plain:
        wait_until(lambda: plain.run("GET", "k") == b"v")
        wait_until(lambda: plain.info("clients")["connected_clients"] == "1")


def test_who_reads_nothing_has_limits(secure, certificates):
    server = secure("--client-output-buffer-limit", "normal 4mb 0 0")
    with TlsConnection(certificates.context(), server.tls_port, receive_buffer=4096) as client, server.connect() as plain:
        plain.run("SET", "k", "x" * 1_000_000)
        client.send_raw(encode("GET", "k") * 30)
        wait_until(lambda: plain.info("clients")["connected_clients"] == "1" or
                   int(plain.info("stats")["total_net_output_bytes"]) > 0)
        client.run("PING")  # all replies are there in the end: nobody runs further ahead than the limit of unsent replies
        plain.run("CONFIG", "SET", "client-output-buffer-limit", "normal 100kb 0 0")
        client.send_raw(encode("GET", "k") * 30)
        wait_until(lambda: plain.info("clients")["connected_clients"] == "1")


def test_handshakes_that_fail_are_counted(secure, certificates, tmp_path):
    server = secure()
    other = Certificates(tmp_path)
    strangers = [certificates.context(name=None), certificates.context(name=None, version=VERSIONS["1.2"]), other.context(authority=certificates.ca)]
    for count, context in enumerate(strangers, 1):
        with pytest.raises((ssl.SSLError, Closed, ConnectionError)):  # with TLS 1.3 the client hears of it when it reads
            with TlsConnection(context, server.tls_port) as client:
                client.run("PING")
        wait_until(lambda: failed(server) == count)
    whole = hello(certificates.context())
    for garbage in (b"PING\r\n", encode("SET", "k", "v"), b"\0" * 5000, whole[:60] + b"\xff" * 5000, b"GET / HTTP/1.1\r\n\r\n"):
        with plain_socket(server.tls_port) as stranger:
            stranger.sendall(garbage)
            while stranger.recv(1000):
                pass
    wait_until(lambda: failed(server) == 8)
    with server.connect() as plain:
        plain.run("CONFIG", "SET", "tls-handshake-timeout", 100)
    with plain_socket(server.tls_port) as silent, plain_socket(server.tls_port) as slow, plain_socket(server.tls_port) as gone:
        slow.sendall(whole[:20])
        gone.sendall(whole)
        gone.close()
        wait_until(lambda: failed(server) == 10, seconds=5 * SLOWDOWN)  # silent and slow took too long; who has gone is no failure
        assert silent.recv(1) == b"" and slow.recv(1) == b""
    with server.connect() as plain:
        plain.run("CONFIG", "SET", "tls-handshake-timeout", 10_000)
    assert "Error accepting a client connection: " in server.output()
    with TlsConnection(certificates.context(), server.tls_port) as client, Connection("127.0.0.1", server.port) as mistaken:
        assert client.run("PING") == b"PONG"
        mistaken.send_raw(whole + b"\r\n")  # TLS on the plain port
        mistaken.read_to_end()
        assert client.run("PING") == b"PONG"
        wait_until(lambda: client.info("clients")["connected_clients"] == "1")


def test_a_handshake_may_come_byte_by_byte(secure, certificates):
    server = secure()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = certificates.context().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")

    def send():
        for byte in outgoing.read():
            peer.sendall(bytes([byte]))

    with plain_socket(server.tls_port) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                send()
                incoming.write(peer.recv(100_000))
        client.write(encode("PING"))  # with the end of the handshake
        send()
        received = b""
        while received != b"+PONG\r\n":
            incoming.write(peer.recv(100_000))
            try:
                received += client.read(100)
            except ssl.SSLWantReadError:
                pass


def test_parameters_change_without_a_dropped_connection(secure, certificates):
    server = secure()
    context = certificates.context()
    second = certificates.make("second")
    with TlsConnection(context, server.tls_port) as old, server.connect() as plain:
        before = old.socket.getpeercert()["subject"]
        for words in (("tls-cert-file", "/none"), ("tls-cert-file", second[0]), ("tls-ca-cert-file", ""), ("tls-protocols", "SSLv2"),
                      ("tls-ciphers", "none"), ("hz", "20", "tls-key-file", second[1])):
            kind, text = plain.call("CONFIG", "SET", *words)
            assert kind == "-" and b"argument '%s') - Unable to update TLS configuration: " % words[-2].encode() in text
        assert plain.run("CONFIG", "GET", "hz", "tls-ciphers") == [b"hz", b"10", b"tls-ciphers", b""]
        assert plain.run("CONFIG", "SET", "tls-cert-file", second[0], "tls-key-file", second[1], "tls-protocols", "TLSv1.2") == b"OK"
        assert old.run("PING") == b"PONG"
        with pytest.raises(ssl.SSLError):
            TlsConnection(context, server.tls_port)
        with TlsConnection(certificates.context(version=VERSIONS["1.2"]), server.tls_port) as new:
            assert new.socket.getpeercert()["subject"] != before and new.run("PING") == b"PONG"
        plain.run("CONFIG", "SET", "tls-auth-clients", "no")
        with TlsConnection(certificates.context(name=None, version=VERSIONS["1.2"]), server.tls_port) as unknown:
            assert unknown.run("PING") == b"PONG" and old.run("PING") == b"PONG"


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_are_resumed(secure, certificates, version):
    server = secure()
    context = certificates.context(version=VERSIONS[version])

    def session_of(client):
        client.run("PING")  # TLS 1.3 tells of sessions behind the handshake
        return client.socket.session

    with TlsConnection(context, server.tls_port) as client:
        session = session_of(client)
    with TlsConnection(context, server.tls_port, session=session) as client, server.connect() as plain:
        session = session_of(client)
        assert client.socket.session_reused and plain.info("stats")["tls_handshakes_resumed"] == "1"
        plain.run("CONFIG", "SET", "tls-session-caching", "no")
        with TlsConnection(context, server.tls_port, session=session) as other:
            other.run("PING")
            assert not other.socket.session_reused
        assert plain.run("CONFIG", "RESETSTAT") == b"OK" and plain.info("stats")["tls_handshakes"] == "0"


def test_users_by_certificate(secure, certificates):
    server = secure("--tls-auth-clients-user", "CN", "--tls-auth-clients", "optional")
    with server.connect() as plain:
        plain.run("ACL", "SETUSER", "client", "on", "~a*", "+@all")
        plain.run("ACL", "SETUSER", "sleeper", "off", "~*", "+@all")
        plain.run("ACL", "SETUSER", "default", "-flushall")
    for name, user in (("client", b"client"), ("sleeper", b"default"), ("nobody", b"default"), (None, b"default")):
        with TlsConnection(certificates.context(name=name), server.tls_port) as client:
            assert client.run("ACL", "WHOAMI") == user
            assert client.call("GET", "b")[0] == ("-" if user == b"client" else "$")
    context = certificates.context(name="client")
    with TlsConnection(context, server.tls_port) as client:
        session = client.run("PING") and client.socket.session
    with TlsConnection(context, server.tls_port, session=session) as client, server.connect() as plain:
        assert client.socket.session_reused and client.run("ACL", "WHOAMI") == b"client"
        plain.run("ACL", "DELUSER", "client")
        with pytest.raises(Closed):
            client.run("PING")


def test_only_tls_and_shard_ports(start, shards, certificates):
    port = free_port(following=shards)
    server = start(*certificates.options(port), "--shard-ports", "yes", shards=shards)
    with TlsConnection(certificates.context(), port) as client:
        slots = client.run("CLUSTER", "SLOTS")
        assert [node[2][1] for node in slots] == [port + 1 + i for i in range(shards)]
        assert client.info("server")["tcp_port"] == str(server.port)
    for i in range(shards):
        with TlsConnection(certificates.context(), port + 1 + i) as client:
            assert client.run("CLUSTER", "MYID") == slots[i][2][2] and client.run("PING") == b"PONG"


def test_a_start_without_what_tls_needs_says_so(start, certificates, tmp_path):
    locked = str(tmp_path / "locked.key")
    certificate, key = certificates.make("server")
    subprocess.run(["openssl", "ec", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked], check=True, capture_output=True)
    port = free_port()
    full = ["--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", locked, "--tls-ca-cert-file", certificates.ca]
    for words, why in ((full[:2], "No tls-cert-file"), (full[:4], "No tls-key-file"), (full, "Failed to load private key"),
                       (full[:2] + certificates.options(port)[2:6], "Either tls-ca-cert-file or tls-ca-cert-dir"),
                       (full + ["--tls-key-file-pass", "wrong"], "Failed to load private key")):
        with pytest.raises(StartError) as error:
            start(*words)
        assert why in error.value.output
    server = start(*full, "--tls-key-file-pass", "secret")
    words = ["redis-cli", "-p", str(port), "--tls", "--cacert", certificates.ca]
    for more, output in ((["--cert", certificate, "--key", key, "PING"], "PONG\n"), (["PING"], "Error")):
        ended = subprocess.run(words + more, capture_output=True, text=True, timeout=20 * SLOWDOWN, check=False)
        assert output in ended.stdout + ended.stderr
    assert server.is_alive()


def test_many_handshakes_at_once(secure, certificates):
    server = secure()
    count, message = 100, hello(certificates.context())
    with server.connect() as plain:
        strangers = [plain_socket(server.tls_port) for _ in range(count)]
        for stranger in strangers:
            stranger.sendall(message)
        begun = time.monotonic()
        assert plain.run("PING") == b"PONG"
        assert time.monotonic() - begun < SLOWDOWN
        for stranger in strangers:
            assert stranger.recv(5) != b""
            stranger.close()
        wait_until(lambda: plain.info("clients")["connected_clients"] == "1")


def test_a_refusal_of_memory_ends_a_connection_at_most(secure, certificates):
    server = secure()
    context = certificates.context()
    if not has_refusals(server):
        pytest.skip("this build has no DEBUG REFUSE-MEMORY")
    refuser = Refuser(server)
    numbers = request_numbers(random.Random(1))
    while refuser.refusals == 0 or was_refused:
        if refuser.refuse_after(next(numbers)):
            try:
                with TlsConnection(context, server.tls_port) as client:
                    assert client.run("SET", "k", "x" * 20_000) == b"OK"
                    assert client.run("GET", "k") == b"x" * 20_000
                    client.run("CONFIG", "SET", "tls-key-file", certificates.path("server.key"))
            except (ssl.SSLError, Closed, ReplyError, ConnectionError):
                pass
        was_refused = refuser.was_refused()
    assert refuser.refusals > 30
    with TlsConnection(context, server.tls_port) as client:
        assert client.run("PING") == b"PONG" and client.run("MEMORY", "AUDIT") == b"OK"
