"""What bench/compare measures of connections that do not behave: floods, writing before reading, clients that do not log in, ends in masses."""

import socket
import threading
import time

from harness.crowd import WAYS, Crowd, kill_by_type, prepare
from harness.probe import worst_ping_ms
from harness.resp import Connection, encode, wait_until
from harness.sockets import client_count, possible_count

MIB = 1 << 20
SECONDS_MAX = 120
FLOOD_COMMANDS = 12_000_000
UNAUTHENTICATED_COUNT = 24
OTHERS = 2  # who gives orders, and who pings


class Peak:
    """The highest used_memory while it is entered, above what it was then."""

    def __init__(self, server):
        self.server = server
        self.bytes = 0
        self.must_end = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def _look(self):
        with self.server.connect() as control:
            before = int(control.info("memory")["used_memory"])
            while not self.must_end.is_set():
                self.bytes = max(self.bytes, int(control.info("memory")["used_memory"]) - before)
                time.sleep(0.003)

    def __enter__(self):
        self.thread.start()
        time.sleep(0.05)
        return self

    def __exit__(self, *unused):
        self.must_end.set()
        self.thread.join()


def flood(server, scale):
    """SETs after CLIENT REPLY OFF: (bytes sent, commands that were run of those sent, peak bytes, worst PING in ms)."""
    chunk = b"".join(encode("SET", "key:%05d" % number, "v" * 8) for number in range(1000))
    count = int(FLOOD_COMMANDS * scale) // 1000
    with server.connect(timeout=SECONDS_MAX) as connection, server.connect() as control:
        for _ in range(2):
            connection.send_raw(chunk)  # the keys are there before memory is looked at
            for _ in range(1000):
                connection.read()
        before = int(control.info("commandstats")["cmdstat_set"].split("calls=")[1].split(",")[0])

        def act():
            connection.send_raw(encode("CLIENT", "REPLY", "OFF"))
            for _ in range(count):
                connection.send_raw(chunk)
            connection.send_raw(encode("CLIENT", "REPLY", "ON"))
            connection.read()

        with Peak(server) as peak:
            worst = worst_ping_ms(server.port, act)
        ran = int(control.info("commandstats")["cmdstat_set"].split("calls=")[1].split(",")[0]) - before
    return count * len(chunk), "%d of %d" % (ran, count * 1000), peak.bytes, worst


def write_before_reading(server, path, count):
    """GETs of 100 bytes, all written before one reply is read: (seconds or what went wrong, peak bytes, bytes of the requests)."""
    request = encode("GET", "value") * count
    with server.connect() as control:
        control.run("SET", "value", "v" * 100)
    expected = (100 + len(b"$100\r\n\r\n")) * count
    began = time.monotonic()
    outcome = None
    with Connection(path or "127.0.0.1", server.port, timeout=10) as connection, Peak(server) as peak:
        try:
            connection.send_raw(request)
            while expected > 0:
                expected -= len(connection.socket.recv(MIB)) or expected + 1
        except socket.timeout:
            outcome = "stuck"
    took = "%.2f" % (time.monotonic() - began)
    return outcome or (took if expected == 0 else "cut"), peak.bytes, len(request)


def unauthenticated(server):
    """Connections that do not log in, flood and never read: (peak bytes of each, how many are left after 5 s)."""
    data = encode("GET", "x") * 3000
    crowd = [server.connect(authenticate=False, receive_buffer=4096) for _ in range(UNAUTHENTICATED_COUNT)]

    def send(connection):
        connection.socket.settimeout(2)
        try:
            for _ in range(100):
                connection.send_raw(data)
        except OSError:
            pass

    with Peak(server) as peak:
        threads = [threading.Thread(target=send, args=(connection,)) for connection in crowd]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(5)
        with server.connect() as control:
            left = client_count(control) - OTHERS
    for connection in crowd:
        connection.close()
    return peak.bytes / UNAUTHENTICATED_COUNT, left


def mass_close(server, way, count):
    """(seconds until all are gone, the worst PING of another connection meanwhile in ms)"""
    count = min(count, possible_count(count))
    with server.connect(timeout=SECONDS_MAX) as control:
        prepare(control, WAYS[way])
        with Crowd(server.port, count) as crowd:
            wait_until(lambda: client_count(control) > count, SECONDS_MAX, "all to come in")
            took = [0.0]

            def act():
                began = time.monotonic()
                WAYS[way](control, crowd)
                wait_until(lambda: client_count(control) <= OTHERS + 200, SECONDS_MAX, "all to end")
                took[0] = time.monotonic() - began

            worst = worst_ping_ms(server.port, act, reconnects=WAYS[way] is kill_by_type)
        control.run("CONFIG", "SET", "timeout", "0", "maxmemory-clients", "0")
    return took[0], worst
