"""The files of an AOF, in order, and the commands in one of them."""

import os
import shlex

CRLF = b"\r\n"
LINE_MAX = 64
WORDS_MAX = 1 << 24


class Torn(Exception):
    """The file ends in the middle of a command that begins at `at`."""

    def __init__(self, at):
        super().__init__("ends in the middle of what begins at byte %d" % at)
        self.at = at


class BadCommand(Exception):
    """What stands at `at` is no command."""

    def __init__(self, at, why):
        super().__init__("byte %d: %s" % (at, why))
        self.at = at


def manifest_files(path):
    """The files that a manifest names: the base first, then what came later. ValueError: it cannot be understood."""
    base, later = [], []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                continue
            words = shlex.split(line)
            fields = dict(zip(words[::2], words[1::2]))
            if not {"file", "seq", "type"} <= set(fields) or os.path.basename(fields["file"]) != fields["file"]:
                raise ValueError("line %d: %s" % (number, line.strip()))
            if fields["type"] == "b":
                base.append((0, fields["file"]))
            elif fields["type"] == "i":
                later.append((int(fields["seq"]), fields["file"]))
            elif fields["type"] != "h":
                raise ValueError("line %d: the unknown type %s" % (number, fields["type"]))
    if len(base) > 1 or sorted(later) != later:
        raise ValueError("two bases, or sequence numbers that do not ascend")
    return [os.path.join(os.path.dirname(path), name) for _, name in base + later]


def find_files(path):
    """The files of an AOF by its folder, its manifest, or the one file of an old one."""
    if os.path.isdir(path):
        manifests = sorted(name for name in os.listdir(path) if name.endswith(".manifest"))
        if len(manifests) != 1:
            raise ValueError("%d manifests in %s: name one of them, or a file" % (len(manifests), path))
        path = os.path.join(path, manifests[0])
    return manifest_files(path) if path.endswith(".manifest") else [path]


class Command:
    """One command: `raw` is its bytes in the file, words are cut out when they are asked for."""
    __slots__ = ("data", "at", "end", "spans")

    def __init__(self, data, at, end, spans):
        self.data, self.at, self.end, self.spans = data, at, end, spans

    @property
    def raw(self):
        return self.data[self.at:self.end]

    def word(self, number):
        start, end = self.spans[number]
        return self.data[start:end]

    def words(self):
        return [self.data[start:end] for start, end in self.spans]


def _number(data, at, size, mark):
    """(the number of a line that begins with `mark`, where the next line begins)."""
    if at >= size:
        raise Torn(at)
    end = data.find(CRLF, at, min(at + LINE_MAX, size))
    if data[at] != mark:
        raise BadCommand(at, "%r is no command" % bytes(data[at:at + 16]))
    if end < 0:
        if at + LINE_MAX >= size:
            raise Torn(at)
        raise BadCommand(at, "a number without an end")
    digits = data[at + 1:end]
    if not digits.isdigit():
        raise BadCommand(at, "%r is no number" % bytes(digits))
    return int(digits), end + 2


def read_command(data, at, size):
    begin = at
    try:
        count, at = _number(data, at, size, 42)
        if not 1 <= count <= WORDS_MAX:
            raise BadCommand(begin, "a command of %d words" % count)
        spans = []
        for _ in range(count):
            length, at = _number(data, at, size, 36)
            end = at + length
            if end + 2 > size:
                raise Torn(begin)
            if data[end:end + 2] != CRLF:
                raise BadCommand(end, "a word without its end")
            spans.append((at, end))
            at = end + 2
    except Torn:
        raise Torn(begin) from None
    return Command(data, begin, at, spans)


def read_annotation(data, at, size):
    """A line that begins with #: (the time of #TS:, or None; where the next thing begins)."""
    end = data.find(CRLF, at, size)
    if end < 0:
        raise Torn(at)
    text = data[at:end]
    seconds = int(text[4:]) if text[:4] == b"#TS:" and text[4:].isdigit() else None
    return seconds, end + 2


def read_all(data, at):
    """Yields ("time", seconds) and ("command", Command)."""
    size = len(data)
    while at < size:
        if data[at] == 35:
            seconds, at = read_annotation(data, at, size)
            if seconds is not None:
                yield "time", seconds
        else:
            command = read_command(data, at, size)
            at = command.end
            yield "command", command
