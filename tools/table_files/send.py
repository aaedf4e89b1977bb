"""Rows go to the server as pipelined commands, some batches ahead of their replies; what is refused is told by its place."""

import collections

from migration.copy import FATAL
from migration.endpoint import Refused
from migration.wire import ErrorReply, Lost

from .server import Stopped

BATCH_ROWS, BATCH_BYTES = 1000, 1 << 18
AHEAD = 3  # batches that wait for their replies: those fit into the buffers of the connection
SHOWN_MAX = 50


class TooMany(Exception):
    """More rows were refused than allowed."""


class InsertWords:
    """Rows as TABLE.INSERT: the server gives ids; a null takes the column's default. Texts are bytes as text."""

    def __init__(self, table, names):
        self.table = bulk("TABLE.INSERT") + bulk(table)
        self.prefixes = [(name + "=", len(name) + 1) for name in names]

    def text(self, values):
        """The command of one row; None: it has no value, and TABLE.INSERT takes no such rows."""
        words = ["$%d\r\n%s%s\r\n" % (size + len(value), prefix, value)
                 for (prefix, size), value in zip(self.prefixes, values) if value is not None]
        return "*%d\r\n%s%s" % (len(words) + 2, self.table, "".join(words)) if words else None


class ApplyWords:
    """Rows as TABLE.APPLY, with their ids: the first name and value are those of the id. A null stays one."""

    def __init__(self, table, names):
        self.table = bulk("TABLE.APPLY") + bulk(table)
        self.names = [bulk(name) for name in names[1:]]

    def text(self, values):
        words = [name + "$%d\r\n%s\r\n" % (len(value), value) for name, value in zip(self.names, values[1:]) if value is not None]
        return "*%d\r\n%s%s$6\r\nINSERT\r\n%s" % (2 * len(words) + 4, self.table, bulk(values[0]), "".join(words))


def bulk(text):
    return "$%d\r\n%s\r\n" % (len(text), text)


class Sender:
    """Of `sent` rows `taken` are in the table. `refused` rows are not, by the server or by refuse(); `errors_max` None: any number may be.

    `place` says what numbers are: "line 7: ..."; `tell` gets the sentence of each refusal, for the first ones. A signal calls
    `interrupt`: rows are never left half sent.
    """

    def __init__(self, connection, progress, errors_max, place, tell):
        self.connection, self.progress, self.errors_max, self.place, self.tell = connection, progress, errors_max, place, tell
        self.sent = self.taken = self.refused = 0
        self.last = None  # the place of the last row that was sent
        self.fatal = None  # why no more rows can be taken
        self.is_talking = self.is_interrupted = False
        self.texts, self.places, self.bytes = [], [], 0
        self.waiting = collections.deque()  # of (places, size) of batches

    def add(self, place, text, size):
        """One command, bytes as text; `size` bytes of the file are done with it."""
        self.texts.append(text)
        self.places.append(place)
        self.bytes += size
        if len(self.texts) >= BATCH_ROWS or self.bytes >= BATCH_BYTES:
            self._talk(self._send)

    def refuse(self, place, reason):
        """A row that does not even become a command. If it is one too many, those before it are sent."""
        self._count_refusal(place, reason)
        if self.texts and self._has_too_many():
            self._talk(self._send)
        self._check()

    def finish(self):
        """Sends what is left and reads all replies."""
        if self.texts:
            self._talk(self._send)
        while self.waiting:
            self._talk(self._take_replies)

    def settle(self):
        """Reads the replies of all that was sent, so that `taken` is exact, and gives up what was not sent. Raises Lost only."""
        self.texts, self.places, self.bytes = [], [], 0
        while self.waiting:
            self._take_replies()

    def unknown(self):
        """How many rows were sent without a reply so far."""
        return sum(len(places) for places, _ in self.waiting)

    def interrupt(self):
        """Ends the work by Stopped: now, or when what is under way is sent and read. The second time it ends it anyway."""
        if not self.is_talking or self.is_interrupted:
            raise Stopped
        self.is_interrupted = True

    def _talk(self, step):
        self.is_talking = True
        step()
        self.is_talking = False
        self._check()

    def _check(self):
        if self.fatal is not None:
            raise Refused("the server takes no more rows: %s" % self.fatal)
        if self._has_too_many():
            raise TooMany
        if self.is_interrupted:
            raise Stopped

    def _has_too_many(self):
        return self.errors_max is not None and self.refused > self.errors_max

    def _count_refusal(self, place, reason):
        self.refused += 1
        if self.refused <= SHOWN_MAX:
            self.tell("%s %s: %s" % (self.place, place, reason))
        elif self.refused == SHOWN_MAX + 1:
            self.tell("... more are counted, not shown")

    def _send(self):
        batch = "".join(self.texts).encode("latin-1")
        places, size = self.places, self.bytes
        self.texts, self.places, self.bytes = [], [], 0
        self.waiting.append((places, size))
        self.sent += len(places)
        self.last = places[-1]
        self.connection.send(batch)
        while len(self.waiting) > AHEAD:
            self._take_replies()

    def _take_replies(self):
        """Of the oldest batch."""
        places, size = self.waiting[0]
        taken_before = self.taken
        for at, place in enumerate(places):
            try:
                reply = self.connection.read()
            except Lost:
                self.waiting[0] = (places[at:], size)
                raise
            if not isinstance(reply, ErrorReply):
                self.taken += 1
                continue
            self._count_refusal(place, reply)
            if reply.code in FATAL:
                self.fatal = reply
        self.waiting.popleft()
        self.progress.add(self.taken - taken_before, size)
