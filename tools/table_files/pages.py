"""All rows of a table in the order of their ids, a page after the other: neither this process nor the server holds more than two pages.

A page is a SELECT of a range of ids. While one is read here, the server works on the next. How many ids a page has follows from how many
bytes the last one took. Behind a page without rows the next id is asked for: it may be far away, since numbers of auto columns are ids.
"""

from migration.endpoint import Refused
from migration.wire import ErrorReply, Lost, encode

from .schema import ROW_ID, has_row_ids
from .server import run

FIRST_IDS = 1000
PAGE_BYTES = 4 << 20
GROWTH = 8  # a page has at most so many times the ids of the one before
READ_BYTES = 1 << 18
EMPTY_REPLY = len(b"*0\r\n")
COLON = ord(":")


class _Short(Exception):
    """More bytes are needed: so many, where that is known."""

    def __init__(self, count=0):
        super().__init__()
        self.count = count


class RowReader:
    """Rows of replies to SELECT with COLUMNS, of which each has the same names: so these are skipped, not read."""

    def __init__(self, connection, names):
        self.connection = connection
        self.labels = [b"$%d\r\n%b\r\n" % (len(name), name) for name in names]
        self.labels[0] = b"*%d\r\n%b" % (2 * len(names), self.labels[0])
        self.data, self.at = b"", 0
        self.bytes = 0

    def rows(self):
        """Each row of one reply as a list of bytes, None for a null. Refused: the reply is an error."""
        for _ in range(self._count()):
            yield self._whole(self._row)

    def _count(self):
        line = self._whole(self._line)
        if line[:1] == b"-":
            raise Refused("TABLE.SELECT: %s" % ErrorReply(line[1:]))
        if line[:1] != b"*":
            raise Lost("%s: an unexpected reply: %r" % (self.connection.name, line[:80]))
        return int(line[1:])

    def _whole(self, parse):
        """What `parse` gives, when all its bytes are there."""
        while True:
            try:
                return parse()
            except _Short as short:
                self._fill(short.count)

    def _fill(self, count):
        """`count` bytes more, which are sure to come; 0: some, as they come."""
        more = self.connection.take(count) if count else self.connection.take_some(READ_BYTES)
        self.data, self.at = self.data[self.at:] + more, 0

    def _line(self):
        end = self.data.find(b"\r\n", self.at)
        if end < 0:
            raise _Short
        line = self.data[self.at:end]
        self._move_to(end + 2)
        return line

    def _move_to(self, at):
        self.bytes += at - self.at
        self.at = at

    def _row(self):
        data, at = self.data, self.at
        row = []
        for label in self.labels:
            if not data.startswith(label, at):
                self._check(label, at)
            at += len(label)
            end = data.find(b"\r\n", at)
            if end < 0:
                raise _Short
            if data[at] == COLON:
                row.append(data[at + 1:end])
                at = end + 2
                continue
            length = int(data[at + 1:end])
            at = end + 2
            if length < 0:
                row.append(None)
                continue
            row.append(data[at:at + length])
            at += length + 2
            if at > len(data):
                raise _Short(at - len(data))
        self._move_to(at)
        return row

    def _check(self, label, at):
        """The label is not there whole: more bytes are needed, or this is no such row."""
        if label.startswith(self.data[at:at + len(label)]):
            raise _Short
        raise Lost("%s: an unexpected row: %r" % (self.connection.name, self.data[self.at:self.at + 80]))


class Pages:
    """rows() gives those that are there when it begins, and are there yet when their page is read. `count` is how many it begins with.

    is_one_moment  one SELECT: all rows as they are at one moment, but the server makes the reply as a whole, which takes its memory
    Rows are lists of bytes; the first value is the id, where the table has ids (schema.has_row_ids).
    """

    def __init__(self, connection, table, columns, is_one_moment):
        self.connection, self.table = connection, table.encode("latin-1")
        self.has_ids = has_row_ids(columns)
        self.is_one_moment = is_one_moment or not self.has_ids
        names = [column.name.encode("latin-1") for column in columns]
        self.items = [b'"%b"' % name.replace(b'"', b'""') for name in names]
        if self.has_ids:
            names, self.items = [ROW_ID.encode()] + names, [ROW_ID.encode()] + self.items
        self.reader = RowReader(connection, names)
        self.count, self.first, self.last = self._figures()

    def _figures(self):
        """How many rows, the lowest and the highest id."""
        bounds = ("min(_id)", "max(_id)") if self.has_ids else ("count(*)", "count(*)")
        return tuple(run(self.connection, "TABLE.SELECT", self.table, "COLUMNS", "count(*)", *bounds)[0][1::2])

    def _ask(self, *conditions):
        self.connection.send(encode(b"TABLE.SELECT", self.table, b"COLUMNS", *self.items, *conditions))

    def rows(self):
        if self.is_one_moment:
            self._ask()
            yield from self.reader.rows()
        elif self.count:
            yield from self._pages()

    def _ask_page(self, at, ids):
        """Gives where the next page begins."""
        self._ask("WHERE", "_id", "BETWEEN", at, "AND", min(at + ids - 1, self.last))
        return at + ids

    def _next_id(self, at):
        """The lowest id from `at` on; one behind the last if there is none. No page may be under way."""
        found = run(self.connection, "TABLE.SELECT", self.table, "COLUMNS", "min(_id)", "WHERE", "_id", ">=", at)[0][1]
        return self.last + 1 if found is None else found

    def _pages(self):
        asked = []  # how many ids the pages have that were asked for and not read
        at, ids, is_gap = self.first, FIRST_IDS, False
        while asked or at <= self.last:
            if is_gap and not asked:
                at, ids, is_gap = self._next_id(at), FIRST_IDS, False
            while len(asked) < 2 and at <= self.last and not is_gap:
                asked.append(ids)
                at = self._ask_page(at, ids)
            if asked:
                before = self.reader.bytes
                yield from self.reader.rows()
                size = self.reader.bytes - before
                ids = next_ids(asked.pop(0), size)
                is_gap = is_gap or size <= EMPTY_REPLY


def next_ids(ids, size):
    """How many ids a page should have when one of `ids` ids took `size` bytes."""
    wanted = ids * PAGE_BYTES // max(size, 1)
    return max(1, min(wanted, ids * GROWTH))
