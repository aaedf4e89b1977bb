"""A table into a file, from start to end: the words of the command line, the pages, what the user is told."""

import argparse
import contextlib
import os
import sys

from migration.endpoint import Refused
from migration.progress import Progress

from . import server
from .csv_rows import checked_delimiter
from .pages import Pages
from .schema import ROW_ID, Column, has_row_ids, read_schema
from .server import INCOMPLETE, ended, say
from .writers import CsvWriter, JsonWriter, SchemaWriter, SqlWriter

DONE = 0
BUFFER_BYTES = 1 << 18
FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".sql": "sql"}


def parser(description, epilog):
    words = argparse.ArgumentParser(description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("table", help="NAMESPACE.TABLE")
    words.add_argument("file", nargs="?", default="-", help="where to; - is the standard output, and the default")
    server.add_options(words)
    words.add_argument("--format", choices=("csv", "jsonl", "sql", "schema"),
                       help="(default: by the name of the file, csv otherwise); schema: the commands that make the table, for redis-cli")
    words.add_argument("--delimiter", default=",", metavar="CHARACTER", help="between the fields of CSV, or tab (default %(default)s)")
    words.add_argument("--null", default="", metavar="TEXT", help="what stands for a null in CSV (default: nothing at all)")
    words.add_argument("--name", help="what SQL calls the table (default: TABLE of NAMESPACE.TABLE)")
    words.add_argument("--ids", action="store_true", help="the row ids, too, as a first column _id")
    words.add_argument("--one-moment", action="store_true",
                       help="all rows as they are at one moment, by one SELECT: the server holds the whole reply")
    return words


def writer_of(options, table, columns):
    form = options.format or FORMATS.get(os.path.splitext(options.file)[1].lower(), "csv")
    if form == "schema":
        return SchemaWriter(columns, table)
    if options.ids and not has_row_ids(columns):
        raise Refused("--ids: the table has a column _id of its own")
    columns = [Column(ROW_ID, "integer")] * options.ids + columns
    if form == "csv":
        return CsvWriter(columns, checked_delimiter(options.delimiter), server.from_command_line(options.null))
    if form == "jsonl":
        return JsonWriter(columns)
    return SqlWriter(columns, server.from_command_line(options.name) if options.name else table.partition(".")[2])


class Output:
    """The standard output, a device or a pipe; or a file that gets its name only when it is whole."""

    def __init__(self, path):
        self.path = self.part = None
        if path == "-":
            self.file = sys.stdout.buffer
            return
        path = os.path.realpath(path)
        if os.path.isfile(path) or not os.path.exists(path):
            self.path, self.part = path, path + ".part"
        try:
            self.file = open(self.part or path, "wb", BUFFER_BYTES)
        except OSError as error:
            raise Refused("%s: %s" % (path, error.strerror)) from None

    def write(self, data):
        self.file.write(data)

    def finish(self):
        self.file.flush()
        if self.path:
            os.fsync(self.file.fileno())
            self.file.close()
            os.replace(self.part, self.path)

    def give_up(self):
        if self.file is not sys.stdout.buffer:
            with contextlib.suppress(OSError):
                self.file.close()
        if self.part:
            os.unlink(self.part)


def write_rows(pages, writer, output, drops_id):
    progress = Progress("dumped", pages.count, "rows")
    for values in pages.rows():
        if drops_id:
            del values[0]
        data = writer.row(values)
        output.write(data)
        progress.add(1, len(data))
    progress.end()


def dump(options):
    """The exit status."""
    table = server.checked_table(options.table)
    connection = server.endpoint(options).connect(options.db)
    columns = read_schema(connection, table)
    writer = writer_of(options, table, columns)
    output = Output(options.file)
    try:
        output.write(writer.begin())
        if writer.takes_rows:
            pages = Pages(connection, table, columns, options.one_moment)
            write_rows(pages, writer, output, pages.has_ids and not options.ids)
        output.write(writer.end())
        output.finish()
    except BaseException:
        output.give_up()
        raise
    return DONE


def dump_or_tell(options):
    """The exit status; what keeps the file from being written is said."""
    try:
        return dump(options)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        say("whoever read the rows went away")
    except OSError as error:
        say("%s: %s" % (options.file, error.strerror))
    return INCOMPLETE


def main(description, epilog):
    options = parser(description, epilog).parse_args()
    result = "the rows so far are no whole table" if options.file == "-" else "%s was not written" % options.file
    return ended(lambda: dump_or_tell(options), "stopped by a signal: " + result)
