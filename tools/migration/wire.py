"""RESP2 for tools that send and read much: commands as bytes, replies as plain values.

A reply is bytes, an int, None, a list, or an ErrorReply, which is returned, not raised: in a pipeline each command has its own.
"""

import socket

RELAY_BYTES = 1 << 20
BUFFER_BYTES = 1 << 18
LENGTH_MAX = 1 << 33


class Lost(Exception):
    """The connection ended, or what came is not RESP."""


class ErrorReply(Exception):
    """An error that a server replied; str() is its text."""

    def __init__(self, line):
        super().__init__(line.decode("utf-8", "replace"))
        self.code = line.split(b" ", 1)[0]


def encode(*words):
    """One command. Words are bytes, str or int."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)


class Connection:
    """A connection by blocking calls. `name` is how messages call the server."""

    def __init__(self, sock, name):
        self.socket = sock
        self.name = name
        self.file = sock.makefile("rb", BUFFER_BYTES)

    def close(self):
        try:
            self.file.close()
            self.socket.close()
        except OSError:
            pass

    def _lost(self, why):
        return Lost("%s: %s" % (self.name, why))

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise self._lost(error) from error

    def _line(self):
        try:
            line = self.file.readline(1 << 20)
        except (OSError, ValueError) as error:
            raise self._lost(error) from error
        if line[-2:] != b"\r\n":
            raise self._lost("the connection was closed" if line[-1:] != b"\n" else "not RESP: %r" % line[:80])
        return line

    def _number(self, line):
        """The number of a line; a length that no server can mean is refused before anything is allocated."""
        try:
            number = int(line[1:-2])
        except ValueError:
            raise self._lost("not RESP: %r" % line[:80]) from None
        if line[:1] != b":" and number > LENGTH_MAX:
            raise self._lost("a length of %d" % number)
        return number

    def take(self, count):
        """So many bytes of a bulk string that read_bulk_length has begun."""
        try:
            data = self.file.read(count)
        except (OSError, ValueError) as error:
            raise self._lost(error) from error
        if len(data) != count:
            raise self._lost("the connection was closed")
        return data

    def take_some(self, count):
        """At least one byte, at most so many: what has come."""
        try:
            data = self.file.read1(count)
        except (OSError, ValueError) as error:
            raise self._lost(error) from error
        if not data:
            raise self._lost("the connection was closed")
        return data

    def read(self):
        """The next reply."""
        line = self._line()
        kind = line[:1]
        if kind == b"$":
            length = self._number(line)
            if length < 0:
                return None
            data = self.take(length)
            self.take(2)
            return data
        if kind == b"+":
            return line[1:-2]
        if kind == b":":
            return self._number(line)
        if kind == b"*":
            count = self._number(line)
            return [self.read() for _ in range(count)] if count >= 0 else None
        if kind == b"-":
            return ErrorReply(line[1:-2])
        raise self._lost("not RESP: %r" % line[:80])

    def read_bulk_length(self):
        """The length of a bulk string, whose bytes and \\r\\n are the caller's to take; or any other reply as (None, reply)."""
        line = self._line()
        if line[:1] == b"$":
            length = self._number(line)
            return (length, None) if length >= 0 else (None, None)
        if line[:1] == b"-":
            return None, ErrorReply(line[1:-2])
        raise self._lost("an unexpected reply: %r" % line[:80])

    def call(self, *words):
        self.send(encode(*words))
        return self.read()

    def run(self, *words):
        """As call, but an error is raised."""
        reply = self.call(*words)
        if isinstance(reply, ErrorReply):
            raise reply
        return reply

    def pipeline(self, commands):
        """Sends encoded commands together, gives their replies."""
        self.send(b"".join(commands))
        return [self.read() for _ in commands]


def open_socket(host, port, unix, timeout):
    if unix:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        sock.connect(unix)
        return sock
    sock = socket.create_connection((host, port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
