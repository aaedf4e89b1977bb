"""An RDB file, or one at the front of an AOF: which keys are in it, and where their values are. Versions 1 to 12.

    "REDIS" version (4 digits), then things that begin with an opcode or a type, up to EOF, and a checksum from version 5 on

A value is not read, only its end is found: its bytes are what DUMP would give without the footer.
"""

import struct

from .payload import BadValue, module_name, read_length, read_string, skip_module_things, skip_string, skip_value

MAGIC = b"REDIS"
HEADER = 9
VERSION_MAX = 12
SLOT_INFO, FUNCTION, FUNCTION_EARLY, MODULE_AUX, IDLE, FREQ, AUX, RESIZE = 244, 245, 246, 247, 248, 249, 250, 251
DEADLINE_MS, DEADLINE, SELECT, EOF = 252, 253, 254, 255


class BadFile(Exception):
    """A file that cannot be read on: where and why."""

    def __init__(self, at, why):
        super().__init__("byte %d: %s" % (at, why))
        self.at = at


class Key:
    """A key in the file; its value is data[start:end] behind a type. deadline in ms, idle in s, freq: None where there is none."""
    __slots__ = ("database", "name", "kind", "start", "end", "deadline", "idle", "freq")

    def __init__(self, database, kind, deadline, idle, freq):
        self.database, self.kind, self.deadline, self.idle, self.freq = database, kind, deadline, idle, freq
        self.name = b""
        self.start = self.end = 0


class RdbFile:
    """things() gives, in the file's order, ("key", Key), ("function", code), ("script", code) and ("module", name); then
    `end` is where the file ends, and `checksum` what it says of the bytes up to `checked` (0: nothing)."""

    def __init__(self, data):
        self.data = data
        self.end = self.checked = self.checksum = 0
        if data[:5] != MAGIC or not data[5:9].isdigit():
            raise BadFile(0, "no RDB file")
        self.version = int(data[5:9])
        if not 1 <= self.version <= VERSION_MAX:
            raise BadFile(5, "an RDB file of version %d; those up to %d are known" % (self.version, VERSION_MAX))

    def things(self):
        at = HEADER
        try:
            for at, thing in self._things():
                if thing is not None:
                    yield thing
        except (IndexError, struct.error):
            raise BadFile(at, "the RDB file ends in the middle") from None
        except BadValue as error:
            raise BadFile(at, str(error)) from None

    def _things(self):
        data, at = self.data, HEADER
        database, deadline, idle, freq = 0, None, None, None
        while True:
            code = data[at]
            at += 1
            if code < SLOT_INFO:
                key = Key(database, code, deadline, idle, freq)
                at = self._read_key(key, at)
                yield at, ("key", key)
                deadline = idle = freq = None
            elif code == DEADLINE_MS:
                deadline, at = struct.unpack_from("<q", data, at)[0], at + 8
            elif code == DEADLINE:
                deadline, at = struct.unpack_from("<i", data, at)[0] * 1000, at + 4
            elif code == IDLE:
                idle, at = read_length(data, at)
            elif code == FREQ:
                freq, at = data[at], at + 1
            elif code == SELECT:
                database, at = read_length(data, at)
            elif code == EOF:
                self._finish(at)
                return
            else:
                at, thing = self._read_other(code, at)
                yield at, thing

    def _read_key(self, key, at):
        key.name, key.start = read_string(self.data, at)
        key.end = skip_value(key.kind, self.data, key.start)
        return key.end

    def _read_other(self, code, at):
        """What is neither a key nor said of one: (where the next thing begins, thing or None)."""
        data = self.data
        if code in (RESIZE, SLOT_INFO):
            for _ in range(2 if code == RESIZE else 3):
                _, at = read_length(data, at)
            return at, None
        if code == AUX:
            name, at = read_string(data, at)
            if name != b"lua":
                return skip_string(data, at), None
            script, at = read_string(data, at)
            return at, ("script", script)
        if code == FUNCTION:
            text, at = read_string(data, at)
            return at, ("function", text)
        if code == MODULE_AUX:
            number, at = read_length(data, at)
            return skip_module_things(data, at), ("module", module_name(number))
        raise BadFile(at - 1, "the opcode %d, of a version between releases" % code)

    def _finish(self, at):
        self.checked = at
        self.end = at
        if self.version >= 5:
            self.checksum = self.told_at(at)
            self.end = at + 8

    def told_at(self, at):
        """The checksum that stands at a place."""
        return struct.unpack_from("<Q", self.data, at)[0]
