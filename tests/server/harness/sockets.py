"""Thousands of connections at once: raw sockets, blocking with a time limit, without a thread or an object each.

TCP sockets leave from addresses of 127.0.0.0/8, chosen at random: one address has some 28,000 ports, and other tests go on at the
same time. At the end they are reset, so that no port is kept in TIME_WAIT; close() ends them in an orderly way.
"""

import random
import resource
import socket
import struct
import time

from .process import SLOWDOWN, allow_files
from .resp import encode, wait_until

SOURCE_SHARE = 5000
SPARE_FILES = 200
TIMEOUT = int(30 * SLOWDOWN)
IP_BIND_ADDRESS_NO_PORT = 24
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


def possible_count(wanted):
    """How many connections this process and a server that it starts may have, up to `wanted`."""
    return min(wanted, allow_files(wanted + SPARE_FILES) - SPARE_FILES)


class Sockets:
    """`count` connections to a server, over its unix socket or TCP."""

    def __init__(self, server, count, place="tcp", host=None):
        self.server = server
        self.host = host or server.host
        self.place = place
        self.sockets = []
        self.sources = "127.%d.%d." % (random.randrange(1, 255), random.randrange(255))
        try:
            for number in range(count):
                self.sockets.append(self._connect(number))
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reset()

    def _connect(self, number):
        if self.place == "unix":
            made = socket.socket(socket.AF_UNIX)
            address = self.server.socket_path
        else:
            made = socket.socket()
            made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            made.bind((self.sources + str(1 + number // SOURCE_SHARE), 0))
            address = (self.host, self.server.port)
        try:
            # Not settimeout, under which a unix socket does not wait for room in the backlog.
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                made.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", TIMEOUT, 0))
            made.connect(address)
        except BaseException:
            made.close()
            raise
        return made

    def send(self, data, sockets=None):
        """To all, or to some."""
        for one in self.sockets if sockets is None else sockets:
            one.sendall(data)

    def expect(self, data, sockets=None):
        """Each receives just this, for the time being."""
        for one in self.sockets if sockets is None else sockets:
            received = one.recv(len(data))
            while 0 < len(received) < len(data):
                more = one.recv(len(data) - len(received))
                if not more:
                    break
                received += more
            assert received == data, received[:200]

    def expect_end(self):
        """The server has closed them all, and has sent nothing more."""
        for one in self.sockets:
            try:
                assert one.recv(1) == b""
            except ConnectionResetError:
                pass

    def ping(self, sockets=None):
        self.send(encode("PING"), sockets)
        self.expect(b"+PONG\r\n", sockets)

    def trickle(self, data, seconds=0.0):
        """Sends `data` byte by byte: every `seconds` each connection sends its next one, or waits for its turn to begin: they
        are at different places of it."""
        length = len(data)
        for step in range(2 * length - 1):
            due = time.monotonic() + seconds
            for number, one in enumerate(self.sockets):
                at = step - number % length
                if 0 <= at < length:
                    one.sendall(data[at:at + 1])
            time.sleep(max(0.0, due - time.monotonic()))

    def half_close(self):
        for one in self.sockets:
            one.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes all of them so that the server gets a reset, whatever is under way."""
        for one in self.sockets:
            if one.fileno() >= 0:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self.close()

    def close(self):
        for one in self.sockets:
            one.close()
        self.sockets = []


def client_count(control):
    return int(control.info("clients")["connected_clients"])


def wait_for_clients(control, count):
    """Until the server has so many clients, the asking one included."""
    wait_until(lambda: client_count(control) == count, TIMEOUT, "%d clients" % count)


def limit_files(server, count):
    """Sets the limit of open files of a running server. Gives the limit before."""
    before, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (count, hard))
    return before
