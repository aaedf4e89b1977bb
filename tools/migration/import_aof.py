"""An import of an AOF from start to end: the command line, each file in turn, what the user is told, the exit status."""

import argparse
import mmap
import os
import signal
import sys
import time

from .aof_file import BadCommand, find_files
from .copy import FATAL
from .crc64 import crc64, joined
from .endpoint import Abilities, Endpoint, Refused, databases, parse_address, password_for, payload_version
from .payload import BadValue, is_known_everywhere, lowered_value, read_string, sealed
from .pool import Pool
from .progress import Failures, Progress
from .rdb_file import HEADER, MAGIC, VERSION_MAX, BadFile, RdbFile
from .replay import Deadlines, Replay
from .wire import RELAY_BYTES, ErrorReply, Lost, encode

TASK_KEYS, TASK_BYTES = 500, 1 << 20
BIG_BYTES = 8 << 20
SEGMENT = 16 << 20
DONE, DIFFERENT, INCOMPLETE = 0, 1, 2


class Stopped(Exception):
    """SIGINT or SIGTERM."""


def say(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def mapped(path):
    """A file's bytes; an empty one cannot be mapped."""
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


# --- the keys of an RDB file, by workers ---

class Loader:
    """worker([Key, ...]) -> (keys loaded, bytes, failures): RESTORE from the file's own bytes; SET for plain strings."""

    def __init__(self, path, target, version, bulk_bytes):
        self.data = mapped(path)
        self.connection = target.connect(timeout=600)
        self.version, self.bulk_bytes = min(version, VERSION_MAX), bulk_bytes
        self.database = 0

    def __call__(self, keys):
        failures, commands, sent, size = [], [], [], 0
        for key in keys:
            size += key.end - key.start
            if key.database != self.database:
                commands.append(encode("SELECT", key.database))
                sent.append(None)
                self.database = key.database
            try:
                command = self._command(key)
            except BadValue as error:
                failures.append((key.database, key.name, str(error)))
                continue
            if command is None:
                self._finish(commands, sent, failures)
                commands, sent = [], []
                self._send_big(key)
                self._check(key, self.connection.read(), failures)
                continue
            commands.append(command)
            sent.append(key)
        self._finish(commands, sent, failures)
        return len(keys) - len(failures), size, failures

    def _finish(self, commands, sent, failures):
        for key, reply in zip(sent, self.connection.pipeline(commands)):
            self._check(key, reply, failures)

    def _check(self, key, reply, failures):
        if not isinstance(reply, ErrorReply):
            return
        if key is None or reply.code in FATAL:
            raise Refused("%s refuses keys: %s" % (self.connection.name, reply))
        failures.append((key.database, key.name, "RESTORE: %s" % reply))

    def _command(self, key):
        """The command that makes the key; None: it is big, and goes in pieces."""
        length = key.end - key.start
        has_access = key.idle is not None or key.freq is not None
        if length > self.bulk_bytes - 16:
            raise BadValue("%d bytes, more than proto-max-bulk-len of the target (%d)" % (length, self.bulk_bytes))
        if length > BIG_BYTES and is_known_everywhere(key.kind):
            return None
        value = self.data[key.start:key.end]
        if key.kind == 0 and value[0] < 0xc3 and not has_access:
            words = [b"SET", key.name, read_string(value, 0)[0]]
            return encode(*words, *([b"PXAT", key.deadline] if key.deadline is not None else []))
        payload = sealed(lowered_value(bytes([key.kind]) + value, self.version), self.version)
        return encode(b"RESTORE", key.name, key.deadline or 0, payload, *self._options(key))

    @staticmethod
    def _options(key):
        options = [b"REPLACE"]
        if key.deadline is not None:
            options.append(b"ABSTTL")
        if key.freq is not None:
            options += [b"FREQ", key.freq]
        elif key.idle is not None:
            options += [b"IDLETIME", key.idle]
        return options

    def _send_big(self, key):
        options = self._options(key)
        head = encode(b"RESTORE", key.name, key.deadline or 0)
        first, version = bytes([key.kind]), self.version.to_bytes(2, "little")
        self.connection.send(b"*%d%b$%d\r\n%b" % (4 + len(options), head[head.index(b"\r\n"):], key.end - key.start + 11, first))
        crc = crc64(first)
        for at in range(key.start, key.end, RELAY_BYTES):
            piece = self.data[at:min(at + RELAY_BYTES, key.end)]
            crc = crc64(piece, crc)
            self.connection.send(piece)
        tail = encode(*options)
        self.connection.send(version + crc64(version, crc).to_bytes(8, "little") + tail[tail.index(b"\r\n"):])


def checksum(path, end, workers):
    """The checksum of a file's first bytes, by several processes."""
    parts = {}

    def make():
        data = mapped(path)
        return lambda task: (task[0], crc64(data[task[0]:task[1]]))
    with Pool(workers, make, lambda result: parts.update([result])) as pool:
        for at in range(0, end, SEGMENT):
            pool.submit((at, min(at + SEGMENT, end)))
        pool.drain()
    crc = 0
    for at in sorted(parts):
        crc = joined(crc, parts[at], min(at + SEGMENT, end) - at)
    return crc


class Import:
    """One run over all files."""

    def __init__(self, options, files):
        host, port, path = parse_address(options.to)
        self.target = Endpoint(host, port, path, None, password_for("TESSERA_PASSWORD", options.askpass, "Tessera"))
        self.options, self.files = options, files
        self.version = payload_version(self.target)
        self.bulk_bytes = Abilities(self.target).bulk_bytes
        connection = self.target.connect()
        if databases(connection) != {} and not options.add:
            raise Refused("%s has keys already; --add loads on top of them" % self.target)
        known = {name.upper() for name in connection.run("COMMAND", "LIST")}
        connection.close()
        self.failures = Failures(options.failed)
        self.deadlines = Deadlines()
        self.keys = self.expired = self.libraries = 0
        self.left_out = set()
        self.progress = Progress("loaded", sum(os.path.getsize(file) for file in files), "bytes")
        self.replay = Replay(self.target, known, self.deadlines, self.failures, self.progress)

    def run(self):
        """Loads all files; gives (path, byte) of a tail that was cut off, or None."""
        torn = None
        try:
            for path in self.files:
                data = mapped(path)
                at = self.load_rdb(path, data, path == self.files[-1]) if data[:5] == MAGIC else 0
                if 0 < at < len(data) and path == self.options.path and path.endswith(".rdb"):
                    say("%s: %d bytes behind the end of the RDB file are left out, as Redis does" % (path, len(data) - at))
                    break
                is_over, torn_at = self.replay.run(path, data, at, self.options.until)
                if is_over:
                    break
                if torn_at is not None:
                    torn = path, torn_at
                    if path != self.files[-1]:
                        raise Refused("%s ends in the middle of a command or transaction (byte %d), and is not the last file"
                                      % torn)
        finally:
            self.progress.end()
            self.deadlines.bring_back(self.target, self.replay.databases)
        return torn

    def load_rdb(self, path, data, is_last):
        """Loads the RDB file at the front of a file. Gives where the commands begin."""
        rdb = RdbFile(data)
        self._check_rdb(path, rdb)
        is_alone = is_last and rdb.end == len(data)
        left = rdb.end

        def take(result):
            nonlocal left
            count, size, failures = result
            self.keys += count
            left -= size
            self.progress.add(size)
            self.failures.add("not loaded", failures, place=path)
        make = lambda: Loader(path, self.target, self.version, self.bulk_bytes)  # noqa: E731
        with Pool(self.options.workers, make, take) as pool:
            for keys in self._tasks(rdb, is_alone):
                pool.submit(keys)
            pool.drain()
        self.progress.add(left)
        return rdb.end

    def _check_rdb(self, path, rdb):
        """Finds damage before anything is loaded. An RDB file alone that has the right checksum need not be walked."""
        size = len(rdb.data)
        workers = self.options.workers
        if rdb.version >= 5 and size > HEADER + 8 and checksum(path, size - 8, workers) == rdb.told_at(size - 8):
            rdb.end = size
            return
        for _ in rdb.things():
            pass
        if rdb.checksum and checksum(path, rdb.checked, workers) != rdb.checksum:
            raise BadFile(rdb.checked, "the checksum of the RDB file is wrong: its bytes have changed since it was written")

    def _tasks(self, rdb, is_alone):
        """Keys in heaps for one worker each. Libraries and scripts are loaded here."""
        keys, size = [], 0
        now = time.time_ns() // 1000000
        for kind, what in rdb.things():
            if kind != "key":
                self._load_other(kind, what)
                continue
            if what.deadline is not None:
                if is_alone and what.deadline <= now:
                    self.expired += 1
                    continue
                if not is_alone:
                    what.deadline = self.deadlines.put_off(what.deadline)
            self.replay.check_database(what.database)
            keys.append(what)
            size += what.end - what.start
            if len(keys) >= TASK_KEYS or size >= TASK_BYTES:
                yield keys
                keys, size = [], 0
        if keys:
            yield keys

    def _load_other(self, kind, what):
        if kind == "module":
            if what not in self.left_out:
                self.failures.add("not loaded", [(0, b"", "data of the module type %s" % what)])
            self.left_out.add(what)
            return
        words = ("FUNCTION", "LOAD", "REPLACE") if kind == "function" else ("SCRIPT", "LOAD")
        connection = self.target.connect()
        reply = connection.call(*words, what)
        connection.close()
        if isinstance(reply, ErrorReply):
            self.failures.add("%s not loaded" % kind, [(0, what[:60], str(reply))])
        elif kind == "function":
            self.libraries += 1


def parser(description, epilog):
    words = argparse.ArgumentParser(description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("path", metavar="DIR|FILE", help="the folder of an AOF, its manifest, one old AOF, or an RDB file")
    words.add_argument("--to", default="127.0.0.1:6379", metavar="HOST:PORT",
                       help="the server, or its unix socket (default %(default)s)")
    words.add_argument("--askpass", action="store_true", help="asks for its password (environment TESSERA_PASSWORD)")
    words.add_argument("--add", action="store_true", help="loads although the server has keys")
    words.add_argument("--until", type=int, metavar="SECONDS",
                       help="up to this time (Unix), by aof-timestamp-enabled's annotations")
    words.add_argument("--strict", action="store_true", help="a tail that is cut off is an error (aof-load-truncated no)")
    words.add_argument("--workers", type=int, default=max(2, min(8, os.cpu_count() or 2)), help="processes (default %(default)s)")
    words.add_argument("--failed", metavar="FILE", help="a file for what was not loaded")
    return words


def conclude(work, torn, strict):
    replay, failures = work.replay, work.failures
    failures.show()
    if torn is not None:
        say("%s: cut off at byte %d, in the middle of a command or transaction; what is behind it was left out" % torn)
    say("%s keys and %d libraries from RDB, %s commands%s" % (
        format(work.keys, ","), work.libraries, format(replay.commands, ","),
        ", %s keys left out because their time is over" % format(work.expired, ",") if work.expired else ""))
    if failures.count:
        say("%s were not loaded" % format(failures.count, ","))
    return DIFFERENT if failures.count or (torn is not None and strict) else DONE


def _stop(*_):
    raise Stopped


def main(description, epilog):
    """The exit status."""
    options = parser(description, epilog).parse_args()
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    name = os.path.basename(sys.argv[0])
    work = None
    try:
        work = Import(options, find_files(options.path))
        return conclude(work, work.run(), options.strict)
    except BadFile as error:
        say("\n%s: an RDB file is damaged: %s" % (name, error))
    except BadCommand as error:
        say("\n%s: %s, %s" % (name, work.replay.path if work else options.path, error))
    except (Refused, Lost, OSError, ValueError) as error:
        say("\n%s: %s" % (name, error))
    except Stopped:
        say("\n%s: stopped" % name)
    if work is not None and work.keys + work.replay.commands:
        work.failures.show()
        say("Not complete: %s keys from RDB and %s commands were loaded. None may run twice: FLUSHALL before the next try."
            % (format(work.keys, ","), format(work.replay.commands, ",")))
    return INCOMPLETE
