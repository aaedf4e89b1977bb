"""Tables that the module RedisTABLE keeps in a Redis, copied into a Tessera server. The module need not be loaded.

What a table t (NAMESPACE.TABLE) is there:

    until 1.0      from 1.1       type
    schema:t       schema:{t}     hash    column -> type
    idx:meta:t     {t}:idx:meta   set     the indexed columns
    rows:t         {t}:rows       set     the ids of the rows
    t:<id>         {t}:<id>       hash    column -> value; what is missing is null
    table:t:id     {t}:id         string  the highest id so far

Other keys of indexes say nothing that is not in the rows. Rows keep their ids.
"""

import argparse
import fnmatch
import os

from migration.endpoint import Refused, databases
from migration.migrate import SCAN_COUNT, add_endpoint_options, asked, endpoints
from migration.progress import Progress
from migration.wire import ErrorReply, Lost, encode

from .load import ALL_TAKEN, SOME_REFUSED, count_text
from .schema import ROW_ID, Column, create_table
from .send import ApplyWords, Sender
from .server import TIMEOUT_SECONDS, Stopped, ended, run, say, shown

PREFIX = b"schema:"
KINDS = ("string", "integer", "float", "date")


class Table:
    """One table of the source, by the key of its schema. `name` is bytes."""

    def __init__(self, database, key):
        self.database, self.key = database, key
        self.name = key[len(PREFIX):]
        if self.name[:1] == b"{" and self.name[-1:] == b"}":
            tag, self.name = self.name, self.name[1:-1]
            self.indexes, self.rows, self.counter = tag + b":idx:meta", tag + b":rows", tag + b":id"
            self.row_prefix = tag + b":"
        else:
            self.indexes, self.rows, self.counter = b"idx:meta:" + self.name, b"rows:" + self.name, b"table:%b:id" % self.name
            self.row_prefix = self.name + b":"

    def text(self):
        return self.name.decode("latin-1")


class Seen:
    """Ids that were met: SSCAN may tell of one twice. A bit for each id up to the highest."""

    def __init__(self):
        self.bits = bytearray()

    def is_new(self, number):
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self.bits):
            self.bits.extend(bytes(place + 1 - len(self.bits)))
        if self.bits[place] & bit:
            return False
        self.bits[place] |= bit
        return True


def parser(description, epilog):
    words = argparse.ArgumentParser(description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_endpoint_options(words, is_from=True)
    words.add_argument("--db", type=int, action="append", metavar="N", help="only this database (may be given again; default: all)")
    words.add_argument("--table", action="append", metavar="PATTERN", help="only tables like this, as 'shop.*' (may be given again)")
    return words


# --- what there is ---

def scan(connection, command, *options):
    """All elements that SCAN, or SSCAN with its key, tells of, in lists: `command` has the words in front of the cursor."""
    cursor = b"0"
    while True:
        cursor, found = run(connection, *command, cursor, *options, "COUNT", SCAN_COUNT)
        yield found
        if cursor == b"0":
            return


def tables_of(connection, database, patterns):
    """The tables of a database. Keys of the same form that are no hashes are namespaces."""
    keys = sorted({key for found in scan(connection, ("SCAN",), "MATCH", "schema:*") for key in found})
    types = connection.pipeline([encode("TYPE", key) for key in keys])
    for key, kind in zip(keys, types):
        table = Table(database, key)
        is_wanted = not patterns or any(fnmatch.fnmatchcase(table.name, os.fsencode(pattern)) for pattern in patterns)
        if kind == b"hash" and b"." in table.name and is_wanted:
            yield table


def columns_of(connection, table):
    """Columns in the order in which the hash has them: as declared, in all but very wide tables."""
    fields = run(connection, "HGETALL", table.key)
    indexed = set(run(connection, "SMEMBERS", table.indexes))
    for name, kind in zip(fields[::2], fields[1::2]):
        known = kind.decode("latin-1").lower()
        if known not in KINDS:
            say("%s: column %s has the unknown type %s: a string" % (shown(table.name), shown(name), shown(kind)))
            known = "string"
        yield Column(name.decode("latin-1"), known, "hash" if name in indexed else "none")


# --- copying ---

class Copy:
    """The copy of one table; `gone` rows were deleted meanwhile."""

    def __init__(self, source, target, table):
        self.source, self.target, self.table = source, target, table
        self.gone = self.highest = 0
        columns = list(columns_of(source, table))
        create_table(target, table.text(), [column.word() for column in columns])
        self.names = [column.name.encode("latin-1") for column in columns]
        self.words = ApplyWords(table.text(), [ROW_ID] + [column.name for column in columns])
        self.progress = Progress(shown(table.name), run(source, "SCARD", table.rows), "rows")
        self.sender = Sender(target, self.progress, None, "row", say)

    def rows(self):
        """(id as text, values as bytes as text or None) of each row."""
        seen = Seen()
        for found in scan(self.source, ("SSCAN", self.table.rows)):
            ids = [word for word in found if word.isdigit() and seen.is_new(int(word))]
            replies = self.source.pipeline([encode("HGETALL", self.table.row_prefix + word) for word in ids])
            for word, reply in zip(ids, replies):
                if isinstance(reply, ErrorReply):
                    self.sender.refuse(word.decode(), reply)
                elif not reply:
                    self.gone += 1
                else:
                    row = dict(zip(reply[::2], reply[1::2]))
                    values = [row.get(name) for name in self.names]
                    yield word.decode(), [value if value is None else value.decode("latin-1") for value in values]

    def run(self):
        for word, values in self.rows():
            self.highest = max(self.highest, int(word))
            text = self.words.text([word] + values)
            self.sender.add(word, text, len(text))
        self.sender.finish()
        self._keep_counter()
        self.progress.end()
        if self.gone:
            say("%s: %d rows were deleted meanwhile" % (shown(self.table.name), self.gone))

    def _keep_counter(self):
        """The ids of rows that are deleted are not given again."""
        counter = run(self.source, "GET", self.table.counter)
        if counter is not None and counter.isdigit() and int(counter) > self.highest:
            for action in ("INSERT", "DELETE"):
                run(self.target, "TABLE.APPLY", self.table.name, counter, action)


def found_tables(source, numbers, patterns):
    found = []
    for number in numbers:
        connection = source.connect(number, TIMEOUT_SECONDS)
        found += tables_of(connection, number, patterns)
        connection.close()
    return found


def check_target(target, tables):
    """Refused, before anything is made, where the target has one of the tables."""
    for table in tables:
        connection = target.connect(table.database)
        reply = connection.call("TABLE.SCHEMA.VIEW", table.name)
        connection.close()
        if not isinstance(reply, ErrorReply):
            raise Refused("%s: database %d has a table %s already: --table leaves tables out, TABLE.DROP removes one"
                          % (target, table.database, shown(table.name)))


def copy_table(source, target, table):
    """(rows that were taken, rows that were refused)"""
    ours, theirs = source.connect(table.database, TIMEOUT_SECONDS), target.connect(table.database, TIMEOUT_SECONDS)
    copy = Copy(ours, theirs, table)
    try:
        copy.run()
    except (Refused, Lost, Stopped):
        say("%s is not whole, and should be dropped: %d rows or more are there" % (shown(table.name), copy.sender.taken))
        raise
    ours.close()
    theirs.close()
    return copy.sender.taken, copy.sender.refused


def copy_tables(options):
    """The exit status."""
    source, target = endpoints(options, is_from=True)
    numbers = options.db or sorted(asked(source, databases) or {0: 0})
    tables = found_tables(source, numbers, options.table)
    check_target(target, tables)
    results = [copy_table(source, target, table) for table in tables]
    taken, refused = sum(row[0] for row in results), sum(row[1] for row in results)
    say("%s copied, of %d tables%s" % (count_text(taken), len(tables), "; %s refused" % count_text(refused) if refused else ""))
    return SOME_REFUSED if refused else ALL_TAKEN


def main(description, epilog):
    options = parser(description, epilog).parse_args()
    return ended(lambda: copy_tables(options), "stopped by a signal")
