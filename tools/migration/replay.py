"""Commands of an AOF, run on a server in their order, in a pipeline; what the server refuses is told with its place.

A key whose deadline is over, or soon will be, must stay until all is loaded: a later command may still change it, or take the
deadline away. Such deadlines are put off by PUT_OFF_MS, and brought back at the end.
"""

import time

from .aof_file import BadCommand, Torn, read_all
from .copy import FATAL
from .endpoint import Refused
from .wire import ErrorReply, encode

PUT_OFF_MS = 1 << 52
SOON_MS = 24 * 3600 * 1000
BATCH_COMMANDS, BATCH_BYTES = 1000, 1 << 20
SCAN_COUNT = 1000


class Deadlines:
    """Puts deadlines off that may come while files are loaded."""

    def __init__(self):
        self.latest = time.time_ns() // 1000000 + SOON_MS
        self.count = 0

    def put_off(self, deadline):
        if deadline >= self.latest:
            return deadline
        self.count += 1
        return max(deadline, 0) + PUT_OFF_MS

    def put_off_command(self, name, command):
        """The bytes of a command, with another deadline where it has one that comes soon."""
        if name in (b"PEXPIREAT", b"EXPIREAT") and len(command.spans) >= 3:
            words = command.words()
            return self._with_deadline(command, words, 2, b"PXAT" if name == b"PEXPIREAT" else b"EXAT", b"PEXPIREAT")
        if name in (b"SET", b"GETEX") and len(command.spans) > 3:
            words = command.words()
            for at in range(2, len(words) - 1):
                if words[at].upper() in (b"PXAT", b"EXAT"):
                    return self._with_deadline(command, words, at + 1, words[at].upper(), None)
        if name == b"RESTORE" and len(command.spans) > 4:
            words = command.words()
            if b"ABSTTL" in [word.upper() for word in words[4:]] and words[2] != b"0":
                return self._with_deadline(command, words, 2, b"PXAT", None)
        return command.raw

    def _with_deadline(self, command, words, at, unit, name):
        try:
            deadline = int(words[at]) * (1000 if unit == b"EXAT" else 1)
        except ValueError:
            return command.raw
        later = self.put_off(deadline)
        if later == deadline:
            return command.raw
        words[at] = b"%d" % later
        if name is not None:
            words[0] = name
        elif unit == b"EXAT":
            words[at - 1] = b"PXAT"
        return encode(*words)

    def bring_back(self, target, databases):
        """Gives the deadlines their places; keys whose time is over end. Gives how many there were."""
        if not self.count:
            return 0
        found = 0
        connection = target.connect(timeout=600)
        for database in databases:
            connection.run("SELECT", database)
            cursor = b"0"
            while True:
                cursor, keys = connection.run("SCAN", cursor, "COUNT", SCAN_COUNT)
                replies = connection.pipeline([encode("PEXPIRETIME", key) for key in keys])
                late = [encode("PEXPIREAT", key, reply - PUT_OFF_MS) for key, reply in zip(keys, replies)
                        if PUT_OFF_MS <= reply < PUT_OFF_MS + self.latest]
                connection.pipeline(late)
                found += len(late)
                if cursor == b"0":
                    break
        return found


class Replay:
    """Runs the commands of files. `known`: the names of the server's commands, in upper case."""

    def __init__(self, target, known, deadlines, failures, progress):
        self.target, self.known = target, known
        self.connection = None
        self.deadlines, self.failures, self.progress = deadlines, failures, progress
        self.database = 0
        self.databases = {0}
        self.path = ""
        self.batch, self.batch_bytes = [], 0   # (bytes, what is told of them)
        self.sent = []                         # what is told of the batch whose replies are still to come
        self.transaction = None                # commands since MULTI
        self.commands = self.dropped = 0
        self.done_at = 0

    def run(self, path, data, at, until):
        """Runs a file from `at` on. Gives (whether the time `until` has come, where a torn command or transaction begins or None).
        A transaction without its EXEC is left out, and each file begins in database 0, as in Redis."""
        self.path, self.done_at, self.database = path, at, 0
        self.connection = self.target.connect(timeout=600)
        torn = None
        try:
            for kind, what in read_all(data, at):
                if kind == "command":
                    self._take(what)
                elif until is not None and what > until:
                    self._flush_all()
                    return True, None
        except Torn as error:
            torn = error.at
        except BadCommand:
            self._flush_all()
            raise
        self._flush_all()
        begun, self.transaction = self.transaction, None
        return False, begun[0][2].at if begun else torn

    def _take(self, command):
        name = command.word(0).upper()
        if name == b"SELECT":
            self.database = int(command.word(1))
            self.check_database(self.database)
        if name == b"MULTI":
            self.transaction = []
        told = (name, self.database, command)
        if self.transaction is None:
            self._add([told])
            return
        self.transaction.append(told)
        if name == b"EXEC":
            transaction, self.transaction = self.transaction, None
            self._add(transaction)

    def check_database(self, database):
        """A database that the server lacks would put all that follows into another one: Refused."""
        if database not in self.databases:
            self.target.connect(database).close()
            self.databases.add(database)

    def _add(self, rows):
        """A command, or a whole transaction, without those that the server does not know."""
        for name, database, command in rows:
            if name not in self.known:
                self._failed(name, database, command, "unknown command")
                continue
            data = self.deadlines.put_off_command(name, command)
            self.batch.append((data, (name, database, command)))
            self.batch_bytes += len(data)
        if len(self.batch) >= BATCH_COMMANDS or self.batch_bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self):
        """Sends the batch, then reads the replies of the one before."""
        batch, self.batch, self.batch_bytes = self.batch, [], 0
        if batch:
            self.connection.send(b"".join(data for data, _ in batch))
        before, self.sent = self.sent, [told for _, told in batch]
        queued = None
        for told in before:
            reply = self.connection.read()
            queued = self._check(told, reply, queued)
        if before:
            end = before[-1][2].end
            self.progress.add(end - self.done_at)
            self.done_at = end

    def _flush_all(self):
        self._flush()
        self._flush()

    def _check(self, told, reply, queued):
        """Looks at a reply; `queued` are the commands since MULTI, whose replies come in EXEC's."""
        name = told[0]
        self.commands += 1
        if name == b"MULTI" and reply == b"OK":
            return []
        if queued is None:
            self._check_one(told, reply)
            return None
        if name != b"EXEC":
            queued.append(told)
            return queued
        if isinstance(reply, ErrorReply) or reply is None:
            for one in queued:
                self._failed(*one, "EXEC: %s" % reply)
            return None
        for one, inner in zip(queued, reply):
            self._check_one(one, inner)
        return None

    def _check_one(self, told, reply):
        if isinstance(reply, ErrorReply):
            if reply.code in FATAL:
                raise Refused("%s, byte %d: %s: %s" % (self.path, told[2].at, told[0].decode("utf-8", "replace"), reply))
            self._failed(*told, str(reply))

    def _failed(self, name, database, command, reason):
        key = command.word(1) if len(command.spans) > 1 else b""
        self.failures.add("%s not loaded" % name.decode("utf-8", "replace"), [(database, key, reason)],
                          place="%s, byte %d" % (self.path, command.at))
