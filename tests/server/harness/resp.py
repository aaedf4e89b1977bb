"""RESP2 and RESP3 as the wire has it: replies keep their types, so that `+OK` and `$2 OK` differ.

A reply is a tuple (type, value): type is the first byte of the reply as a one-letter string; value is bytes for
`+ - $ = , (`, an int for `:`, a bool for `#`, a list of replies for `* ~ >`, a list of pairs for `%`, and None for every null
(`$-1`, `*-1`, `_`).
"""

import select
import socket
import time


class ProtocolError(Exception):
    """The server sent what is not RESP."""


class Closed(Exception):
    """The server closed the connection."""


def encode(*words):
    """One command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if isinstance(word, str):
            word = word.encode()
        elif not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


DOLLAR = ord("$")


class _Incomplete(Exception):
    pass


def _parse_items(data, at, count):
    """`count` replies in a row; the way of most, bulk strings, is short."""
    items = []
    size = len(data)
    for _ in range(count):
        if at < size and data[at] == DOLLAR:
            end = data.find(b"\r\n", at)
            length = int(data[at + 1:end]) if end > 0 else -1
            if 0 <= length and end + length + 4 <= size and data[end + 2 + length] == 13:
                items.append(("$", bytes(data[end + 2:end + 2 + length])))
                at = end + length + 4
                continue
        item, at = _parse(data, at)
        items.append(item)
    return items, at


def _parse(data, at):
    end = data.find(b"\r\n", at)
    if end < 0:
        raise _Incomplete
    kind = chr(data[at])
    line = bytes(data[at + 1:end])
    at = end + 2
    if kind in "+-,(":
        return (kind, line), at
    if kind == ":":
        return (kind, int(line)), at
    if kind == "#":
        return (kind, line == b"t"), at
    if kind == "_":
        return (kind, None), at
    if kind in "$=":
        length = int(line)
        if length < 0:
            return (kind, None), at
        if len(data) < at + length + 2:
            raise _Incomplete
        if data[at + length:at + length + 2] != b"\r\n":
            raise ProtocolError("bulk string without its end")
        return (kind, bytes(data[at:at + length])), at + length + 2
    if kind in "*~>%":
        count = int(line)
        if count < 0:
            return (kind, None), at
        items, at = _parse_items(data, at, 2 * count if kind == "%" else count)
        if kind == "%":
            items = list(zip(items[::2], items[1::2]))
        return (kind, items), at
    raise ProtocolError("reply starts with %r" % (kind + line.decode("latin1"))[:80])


def parse(data, at=0):
    """The reply at `at` and where the next one begins, or (None, at) when it is not complete."""
    try:
        return _parse(data, at)
    except _Incomplete:
        return None, at


def parse_pairs(ours, theirs):
    """The replies in two servers' bytes, as pairs; equal bytes are parsed once. One of a pair is None when only the other
    side has a reply."""
    pairs = []
    mine = other = 0
    while mine < len(ours) or other < len(theirs):
        reply, end = _parse(ours, mine) if mine < len(ours) else (None, mine)
        count = end - mine
        if count > 0 and theirs[other:other + count] == ours[mine:end]:
            pairs.append((reply, reply))
            other += count
        else:
            second, other = _parse(theirs, other) if other < len(theirs) else (None, other)
            pairs.append((reply, second))
        mine = end
    return pairs


def plain(reply):
    """The reply's value without its types: bytes, int, None, lists, dicts. Errors are raised."""
    kind, value = reply
    if kind == "-":
        raise ReplyError(value.decode("utf-8", "replace"))
    if value is None:
        return None
    if kind in "*~>":
        return [plain(item) for item in value]
    if kind == "%":
        return {plain(key): plain(item) for key, item in value}
    return value


class ReplyError(Exception):
    """An error reply, from Connection.run."""


class Connection:
    """A raw connection. `host` with a slash is a unix socket's path."""

    def __init__(self, host, port=0, timeout=30.0, receive_buffer=None):
        if "/" in host:
            self.socket = socket.socket(socket.AF_UNIX)
            address = host
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            address = (host, port)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        if "/" not in host:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, *words):
        self.socket.sendall(encode(*words))

    def _receive(self):
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed
        self.received += data

    def has_reply(self):
        """Is the next reply there already?"""
        while select.select([self.socket], [], [], 0)[0]:
            self._receive()
        return bool(self.received) and parse(self.received)[0] is not None

    def read(self):
        """The next reply, typed."""
        while True:
            if self.received:
                reply, used = parse(self.received)
                if reply is not None:
                    del self.received[:used]
                    return reply
            self._receive()

    def read_until(self, ending):
        """All bytes up to and including `ending`, which must end what was received."""
        while not self.received.endswith(ending):
            self._receive()
        data = bytes(self.received)
        self.received.clear()
        return data

    def read_to_end(self):
        """Everything until the server closes the connection."""
        try:
            while True:
                self._receive()
        except Closed:
            data = bytes(self.received)
            self.received.clear()
            return data

    def is_silent(self, seconds):
        """True when nothing comes for that long."""
        if self.received:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self._receive()
            return False
        except socket.timeout:
            return True
        except Closed:
            return False
        finally:
            self.socket.settimeout(before)

    def call(self, *words):
        """Sends a command and gives its typed reply."""
        self.send(*words)
        return self.read()

    def run(self, *words):
        """Sends a command and gives its plain reply; an error reply is raised."""
        return plain(self.call(*words))

    def pipeline(self, commands):
        """Sends many commands at once and gives their typed replies."""
        commands = list(commands)
        self.send_raw(b"".join(encode(*words) for words in commands))
        return [self.read() for _ in commands]

    def info(self, section="everything"):
        """INFO as a dict of str."""
        text = self.run("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def error_of(connection, *words):
    """The text of the error with which the command must be answered."""
    try:
        reply = connection.run(*words)
    except ReplyError as error:
        return str(error)
    raise AssertionError("%r was answered with %r, which is no error" % (words, reply))


def table_rows(connection, table, *words):
    """The rows of TABLE.SELECT as mappings."""
    return [dict(zip(row[::2], row[1::2])) for row in connection.run("TABLE.SELECT", table, *words)]


def wait_until(condition, seconds=5.0, what="the condition"):
    """Waits until `condition()` is true and gives its value. It is asked often at first: most conditions come about soon."""
    end = time.monotonic() + seconds
    pause = 0.0002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("%s did not come about in %g s" % (what, seconds))
        time.sleep(pause)
        pause = min(2 * pause, 0.005)
