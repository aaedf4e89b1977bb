"""The file that is loaded: CSV or JSON lines, with a byte order mark or without, or the standard input."""

import codecs
import io
import itertools
import os
import sys

from migration.endpoint import Refused

from . import csv_rows, json_rows
from .server import from_command_line

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
BUFFER_BYTES = 1 << 20


class Source:
    """`names` are the columns of CSV, once records() was called; `lines.bytes` is how much was read. Options: --format and so on."""

    def __init__(self, options):
        self.path = options.file
        form = options.format or FORMATS.get(os.path.splitext(self.path)[1].lower(), "csv")
        self.is_csv = form == "csv"
        self.delimiter = csv_rows.checked_delimiter(options.delimiter)
        self.null = from_command_line(options.null)
        self.first_line = options.from_line
        self.has_header = self.is_csv and options.columns is None
        self.lines = None
        self.names = None if options.columns is None else from_command_line(options.columns).split(",")
        if not self.is_csv and self.names is not None:
            raise Refused("--columns is for CSV: JSON lines have their names")

    def size(self):
        """In bytes; None: it is no plain file."""
        return os.path.getsize(self.path) if os.path.isfile(self.path) else None

    def records(self):
        """Opens the file and reads its header; gives (line, values of CSV or object of JSON, what is wrong or None)."""
        self.lines = csv_rows.Lines(self._open())
        if self.is_csv:
            found = csv_rows.records(self.lines, self.delimiter, self.null, None if self.has_header else len(self.names))
            if self.has_header:
                self._read_header(found)
        else:
            found = json_rows.records(self.lines)
        return itertools.dropwhile(lambda record: record[0] < self.first_line, found)

    def _open(self):
        try:
            file = open(self.path, "rb", BUFFER_BYTES) if self.path != "-" else sys.stdin.buffer
        except OSError as error:
            raise Refused("%s: %s" % (self.path, error.strerror)) from None
        mark = file.peek(3)[:3]
        if mark[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise Refused("%s is UTF-16: UTF-8 is wanted (iconv -f UTF-16 -t UTF-8)" % self.path)
        if mark == codecs.BOM_UTF8:
            file.read(len(mark))
        return io.TextIOWrapper(file, encoding="latin-1", newline="")

    def _read_header(self, records):
        line, values, error = next(records, (1, None, "the file is empty: the names of the columns are wanted"))
        if error is not None:
            raise Refused("line %d: %s" % (line, error))
        self.names = [name or "" for name in values]
