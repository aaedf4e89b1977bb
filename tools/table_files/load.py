"""A file into a table, from start to end: the words of the command line, the columns, the rows, what the user is told."""

import argparse
import itertools
import signal

from migration.endpoint import Refused
from migration.progress import Progress
from migration.wire import ErrorReply, Lost

from . import server
from .guess import Guess, kinds_of_json, kinds_of_text
from .json_rows import BadValue, Rows
from .schema import ROW_ID, Column, create_table, has_row_ids, read_schema, row_count
from .send import ApplyWords, InsertWords, Sender, TooMany
from .server import INCOMPLETE, Stopped, ended, say, shown
from .source import Source

ALL_TAKEN, SOME_REFUSED = 0, 1
SAMPLE_ROWS, SAMPLE_BYTES = 10_000, 64 << 20


def count_text(rows):
    return "1 row is" if rows == 1 else "%s rows are" % format(rows, ",")


# --- the command line ---

def parser(description, epilog):
    words = argparse.ArgumentParser(description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("table", help="NAMESPACE.TABLE")
    words.add_argument("file", help="the file; - is the standard input")
    server.add_options(words)
    words.add_argument("--format", choices=("csv", "jsonl"), help="(default: by the name of the file, csv otherwise)")
    words.add_argument("--columns", metavar="A,B,...", help="the columns of a CSV file that has no header")
    words.add_argument("--delimiter", default=",", metavar="CHARACTER", help="between the fields of CSV, or tab (default %(default)s)")
    words.add_argument("--null", default="", metavar="TEXT",
                       help="what stands for a null in CSV, without quotes (default: nothing at all); null takes the column's default")
    words.add_argument("--from-line", type=int, default=1, metavar="N", help="passes over rows that begin on an earlier line")
    words.add_argument("--errors", default="0", metavar="N|all", help="goes on until more than N rows were refused (default 0)")
    words.add_argument("--create", action="store_true", help="makes the table, with types that the rows show")
    words.add_argument("--sample", default=str(SAMPLE_ROWS), metavar="N|all",
                       help="with --create: how many rows are looked at (default %(default)s); all reads the file twice")
    words.add_argument("--type", action="append", default=[], metavar="COL:TYPE[:OPTION...]",
                       help="with --create: what this column is, as in TABLE.SCHEMA.CREATE")
    words.add_argument("--index", action="append", default=[], metavar="COL[:btree|hash]",
                       help="with --create: an index; the first hash column is the routing column")
    words.add_argument("--ids", action="store_true",
                       help="keeps the row ids of the column _id, by TABLE.APPLY: into an empty table that nobody else writes to")
    return words


def number_or_all(option, word):
    """A number; None: all."""
    if word == "all":
        return None
    if not word.isdigit():
        raise Refused("%s %s: a number is wanted, or all" % (option, word))
    return int(word)


def by_column(words):
    """Words as COL:REST from the command line as {column: rest or None}."""
    pairs = (server.from_command_line(word).partition(":") for word in words)
    return {name: rest if colon else None for name, colon, rest in pairs}


# --- a new table ---

def guess_types(source, records):
    """{column: type} by these records; those with a mistake say nothing."""
    guess = Guess(kinds_of_text if source.is_csv else kinds_of_json)
    for _, values, error in records:
        if error is None and not source.is_csv:
            guess.take(values.keys(), values.values())
        elif error is None and len(values) == len(source.names):
            guess.take(source.names, values)
    kinds = guess.kinds()
    return {name: kinds.get(name, "string") for name in source.names} if source.is_csv else kinds


def sample_of(source, records, rows_max):
    """The first records, as a list."""
    found = []
    for record in itertools.islice(records, rows_max):
        found.append(record)
        if source.lines.bytes > SAMPLE_BYTES:
            break
    return found


def column_words(kinds, options):
    """Words of TABLE.SCHEMA.CREATE, of guessed types, --type and --index."""
    given, indexes = by_column(options.type), by_column(options.index)
    for option, named in (("--type", given), ("--index", indexes)):
        for name in named:
            if name not in kinds:
                raise Refused("%s %s: the file has no such column" % (option, shown(name)))
    words = []
    for name, kind in kinds.items():
        word = "%s:%s" % (name, given.get(name) or kind)
        words.append(word + (":" + (indexes[name] or "hash") if name in indexes else ""))
    return words


def make_table(connection, table, source, options):
    """Makes the table by a look at the file. Gives the records to load."""
    rows_max = number_or_all("--sample", options.sample)
    records = source.records()
    if rows_max is None:
        if source.size() is None:
            raise Refused("--sample all reads the file twice: %s is no file" % options.file)
        kinds = guess_types(source, records)
        records = source.records()
    else:
        sample = sample_of(source, records, rows_max)
        kinds = guess_types(source, sample)
        records = itertools.chain(sample, records)
    kinds.pop(ROW_ID, None)
    if not kinds:
        raise Refused("%s has no columns" % options.file)
    words = column_words(kinds, options)
    create_table(connection, table, words)
    say("made: TABLE.SCHEMA.CREATE %s %s" % (shown(table), " ".join(map(shown, words))))
    return records


# --- rows ---

def checked_names(source, columns, keeps_ids):
    """The names of the file's columns, and which of them are loaded, as places: the row id comes first. JSON has the table's columns."""
    names = source.names if source.is_csv else [ROW_ID] * keeps_ids + [column.name for column in columns]
    known = {column.name for column in columns}
    has_ids = has_row_ids(columns)
    if keeps_ids and not has_ids:
        raise Refused("--ids: the table has a column _id of its own")
    if keeps_ids and ROW_ID not in names:
        raise Refused("--ids: the file has no column _id")
    for place, name in enumerate(names):
        if name not in known and not (name == ROW_ID and has_ids):
            raise Refused("the table has no column '%s', which the file has" % shown(name))
        if name in names[:place]:
            raise Refused("the file has the column '%s' twice" % shown(name))
    places = [place for place, name in enumerate(names) if name in known]
    return names, ([names.index(ROW_ID)] if keeps_ids else []) + places


class Loader:
    """Records to commands. Without --ids a column `_id` of the file is passed over, where it is the row's id."""

    def __init__(self, source, columns, table, keeps_ids, sender):
        self.source, self.sender, self.keeps_ids = source, sender, keeps_ids
        self.names, self.places = checked_names(source, columns, keeps_ids)
        self.is_in_order = self.places == list(range(len(self.names)))
        self.words = (ApplyWords if keeps_ids else InsertWords)(table, [self.names[place] for place in self.places])
        self.objects = None
        if not source.is_csv:
            row_id = [Column(ROW_ID, "integer")] * keeps_ids
            self.objects = Rows(row_id + columns, () if keeps_ids or not has_row_ids(columns) else (ROW_ID,))

    def _values(self, values):
        if self.objects is not None:
            return self.objects.row(values)
        if len(values) != len(self.names):
            raise BadValue("%d fields, but %d columns" % (len(values), len(self.names)))
        return values if self.is_in_order else [values[place] for place in self.places]

    def _command(self, values):
        values = self._values(values)
        if self.keeps_ids and not (values[0] or "").isdigit():
            raise BadValue("no row id")
        text = self.words.text(values)
        if text is None:
            raise BadValue("all its values are null")
        return text

    def load(self, records):
        sender, lines = self.sender, self.source.lines
        done = 0
        for line, values, error in records:
            try:
                if error is not None:
                    raise BadValue(error)
                text = self._command(values)
            except BadValue as wrong:
                sender.refuse(line, wrong)
                continue
            sender.add(line, text, lines.bytes - done)
            done = lines.bytes
        sender.finish()


# --- from start to end ---

def tell_incomplete(sender, table, reason):
    say(reason)
    try:
        sender.settle()
    except Lost:
        pass
    rows = count_text(sender.taken)
    if sender.last is None:
        say("no row was loaded")
    elif sender.unknown():
        say("%s in %s; up to %d more may be, of lines up to %d" % (rows, shown(table), sender.unknown(), sender.last))
    else:
        say("%s in %s: of the lines up to %d all but those named. --from-line %d goes on behind them"
            % (rows, shown(table), sender.last, sender.last + 1))
    return INCOMPLETE


def has_repeated_values(connection, table, columns):
    """Rows with ids come by TABLE.APPLY, which does not look at unique columns: looks, and says which has a value twice."""
    has_some = False
    for column in columns:
        if column.is_unique():
            reply = connection.call("TABLE.SCHEMA.ALTER", table.encode("latin-1"), "ADD", "INDEX", column.name.encode("latin-1") + b":unique")
            if isinstance(reply, ErrorReply):
                say("all rows are loaded, but: %s" % reply)
                has_some = True
    return has_some


def load(options):
    """The exit status. Refused: nothing was loaded."""
    table = server.checked_table(options.table)
    source = Source(options)
    errors_max = number_or_all("--errors", options.errors)
    if not options.create and (options.type or options.index):
        raise Refused("--type and --index are for --create")
    connection = server.endpoint(options).connect(options.db)
    records = make_table(connection, table, source, options) if options.create else source.records()
    columns = read_schema(connection, table)
    progress = Progress("loaded", None, "rows", source.size())
    sender = Sender(connection, progress, errors_max, "line", say)
    loader = Loader(source, columns, table, options.ids, sender)
    if options.ids and row_count(connection, table):
        raise Refused("--ids: the table has rows already")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sender.interrupt())
    try:
        loader.load(records)
    except TooMany:
        return tell_incomplete(sender, table, "stopped: %s refused, and --errors allows %d" % (count_text(sender.refused), errors_max))
    except Stopped:
        return tell_incomplete(sender, table, "stopped by a signal")
    except (Refused, Lost) as error:
        return tell_incomplete(sender, table, str(error))
    progress.end()
    if options.ids and has_repeated_values(connection, table, columns):
        return INCOMPLETE
    if sender.refused:
        say("%s refused" % count_text(sender.refused))
    return SOME_REFUSED if sender.refused else ALL_TAKEN


def main(description, epilog):
    options = parser(description, epilog).parse_args()
    return ended(lambda: load(options), "stopped by a signal: no row was loaded")
