"""Plays tests/server/*.resp: what a client sends and what it must see. The format is in tests/README.md."""

import re
import shlex
import time

from .process import SLOWDOWN, Server
from .resp import Closed, ProtocolError, encode

RETRY_SECONDS = 5.0

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b"}


class FormatError(Exception):
    """The transcript itself is wrong: line number and reason."""


def unquote(text, line_number):
    """Splits words as redis-cli does: "..." with \\n \\r \\t \\a \\b \\xHH \\" \\\\, '...' with \\' only."""
    words = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return words
        word = bytearray()
        while at < len(text) and not text[at].isspace():
            quote = text[at]
            if quote not in "\"'":
                word += text[at].encode()
                at += 1
                continue
            at += 1
            while at < len(text) and text[at] != quote:
                if text[at] == "\\" and at + 1 < len(text) and (quote == '"' or text[at + 1] == "'"):
                    if text[at + 1] == "x":
                        word.append(int(text[at + 2:at + 4], 16))
                        at += 4
                        continue
                    word += ESCAPES.get(text[at + 1], text[at + 1]).encode()
                    at += 2
                    continue
                word += text[at].encode()
                at += 1
            if at == len(text):
                raise FormatError("line %d: a quote is not closed" % line_number)
            at += 1
        words.append(bytes(word))


def show(reply, indent=""):
    """A reply in the notation of transcripts."""
    kind, value = reply
    if value is None:
        return indent + ("nil-array" if kind == "*" else "nil")
    if kind in "*~>":
        return "\n".join(["%s%s%d" % (indent, kind, len(value))] + [show(item, indent + "  ") for item in value])
    if kind == "%":
        lines = ["%s%%%d" % (indent, len(value))]
        for key, item in value:
            lines += [show(key, indent + "  "), show(item, indent + "  ")]
        return "\n".join(lines)
    if kind == ":":
        return "%s:%d" % (indent, value)
    if kind == "#":
        return indent + ("#t" if value else "#f")
    text = value.decode("latin1")
    if (kind in "$=" and not re.fullmatch(r"[!#-~][ -~]*", text)) or text != text.strip() or re.fullmatch(r"/.*/", text):
        text = '"%s"' % "".join(
            {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}.get(c) or
            (c if " " <= c <= "~" else "\\x%02x" % ord(c)) for c in text)
    return indent + kind + text


class Expected:
    """One reply as a transcript states it."""

    def __init__(self, lines):
        """Takes the first lines of `lines`, a list of (line number, text), and removes them."""
        if not lines:
            raise FormatError("a reply ends too early")
        self.line_number, text = lines.pop(0)
        text = text.strip()
        self.kind = text[:1]
        self.rest = text[1:]
        self.is_unordered = False
        self.items = []
        if text in ("?", "nil", "nil-array"):
            self.kind = text
        elif self.kind in "*~>%":
            match = re.fullmatch(r"(\d+)( unordered)?", self.rest)
            if not match:
                raise FormatError("line %d: not a count: %s" % (self.line_number, text))
            self.is_unordered = bool(match.group(2)) or self.kind in "~%"
            count = int(match.group(1))
            for _ in range(count):
                item = Expected(lines)
                self.items.append((item, Expected(lines)) if self.kind == "%" else item)
        elif self.kind not in "+-:$=,(#":
            raise FormatError("line %d: not a reply: %s" % (self.line_number, text))

    def matches(self, reply):
        kind, value = reply
        if self.kind == "?":
            return True
        if self.kind == "nil":
            return value is None and kind in "$_"
        if self.kind == "nil-array":
            return value is None and kind in "*_"
        if kind != self.kind or value is None:
            return False
        if kind == "%":
            return self._matches_some_order([(key, item) for key, item in value])
        if kind in "*~>":
            if self.is_unordered:
                return self._matches_some_order(value)
            return len(value) == len(self.items) and all(
                item.matches(part) for item, part in zip(self.items, value))
        if kind == ":":
            return self._matches_integer(value)
        if kind == "#":
            return self.rest == ("t" if value else "f")
        return self._matches_text(value)

    def _matches_some_order(self, parts):
        left = list(parts)
        if len(left) != len(self.items):
            return False
        for item in self.items:
            for index, part in enumerate(left):
                if (item[0].matches(part[0]) and item[1].matches(part[1])) if isinstance(item, tuple) else item.matches(part):
                    del left[index]
                    break
            else:
                return False
        return True

    def _matches_integer(self, value):
        if self.rest == "?":
            return True
        span = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", self.rest)
        if span:
            return int(span.group(1)) <= value <= int(span.group(2))
        return self.rest == str(value)

    def _matches_text(self, value):
        if len(self.rest) >= 2 and self.rest[0] == self.rest[-1] == "/":
            return re.fullmatch(self.rest[1:-1].encode("latin1"), value, re.DOTALL) is not None
        if self.rest.startswith('"'):
            words = unquote(self.rest, self.line_number)
            return len(words) == 1 and words[0] == value
        return self.rest.encode() == value


class Transcript:
    """A file's directives and steps. Steps are (line number, verb, payload, expected replies)."""

    def __init__(self, path):
        self.path = path
        self.only = None
        self.protocol = 2
        self.options = []
        self.steps = []
        with open(path, encoding="utf-8") as file:
            self._parse(file.read().split("\n"))

    def _parse(self, lines):
        replies = None
        for number, line in enumerate(lines, 1):
            if line.startswith("< ") or line == "<":
                if replies is None:
                    raise FormatError("line %d: a reply without a command" % number)
                replies.append((number, line[2:]))
            elif line.startswith("> "):
                replies = []
                self.steps.append((number, "send", unquote(line[2:], number), replies))
            elif line.startswith("@"):
                replies = self._parse_directive(number, line[1:])
            elif line.strip() and not line.startswith("#"):
                raise FormatError("line %d: starts with none of > < @ #" % number)
        self.steps = [(number, verb, payload, self._expectations(texts)) for number, verb, payload, texts in self.steps]

    @staticmethod
    def _expectations(lines):
        expected = []
        lines = list(lines)
        while lines:
            expected.append(Expected(lines))
        return expected

    def _parse_directive(self, number, text):
        verb, _, rest = text.partition(" ")
        if verb == "only" and rest in ("tessera", "redis"):
            self.only = rest
        elif verb == "protocol" and rest in ("2", "3"):
            self.protocol = int(rest)
        elif verb == "options":
            self.options += shlex.split(rest)
        elif verb in ("raw", "connection", "closed", "retry", "read"):
            payload = b"".join(unquote(rest, number)) if verb == "raw" else rest.strip()
            self.steps.append((number, verb, payload, replies := []))
            return replies
        else:
            raise FormatError("line %d: no such directive: @%s" % (number, text))
        return None

    def play(self, kind, shards=1):
        """Plays the file to a server of its own; gives the list of what was wrong."""
        server = Server(kind, shards, self.options + (["--enable-debug-command", "yes"] if kind == "redis" else []))
        try:
            player = _Player(self, server)
            player.run()
            wrong = player.wrong + server.problems()
        finally:
            at_end = server.stop()
        return wrong + at_end


class _Player:
    def __init__(self, transcript, server):
        self.transcript = transcript
        self.server = server
        self.wrong = []
        self.connections = {}
        self.current = ""
        self.is_retried = False

    def _connection(self):
        if self.current not in self.connections:
            connection = self.server.connect(timeout=20 * SLOWDOWN)
            if self.transcript.protocol == 3:
                connection.run("HELLO", "3")
            self.connections[self.current] = connection
        return self.connections[self.current]

    def _complain(self, number, text):
        self.wrong.append("%s:%d: %s" % (self.transcript.path, number, text))

    def _compare(self, number, expected, what):
        for item in expected:
            reply = self._connection().read()
            if not item.matches(reply):
                self._complain(item.line_number, "%s\nanswered\n%s" % (what, show(reply, "< ").replace("\n", "\n<")))

    def _retry(self, words, expected):
        """Repeats a command until its reply is the expected one; the last try is the one that counts."""
        end = time.monotonic() + RETRY_SECONDS * SLOWDOWN
        while time.monotonic() < end:
            if expected[0].matches(self._connection().call(*words)):
                return
            time.sleep(0.01)
        self._complain(expected[0].line_number, "did not come about in %g s" % RETRY_SECONDS)

    def _step(self, number, verb, payload, expected):
        if verb == "connection":
            self.current = payload
            return
        if verb == "retry":
            self.is_retried = True
            return
        if verb == "send" and self.is_retried:
            self.is_retried = False
            self._retry(payload, expected)
            return
        if verb == "closed":
            rest = self._connection().read_to_end()
            if rest:
                self._complain(number, "more before the end: %r" % rest)
            del self.connections[self.current]
            return
        if verb == "send":
            self._connection().send_raw(encode(*payload))
        elif verb == "raw":
            self._connection().send_raw(payload)
        self._compare(number, expected, "%s %s" % (verb, payload))

    def run(self):
        for step in self.transcript.steps:
            try:
                self._step(*step)
            except (Closed, OSError, ProtocolError) as error:
                self._complain(step[0], "%s: %s" % (type(error).__name__, error or "by the server"))
                break
        for connection in self.connections.values():
            connection.close()
