"""Rows of CSV (RFC 4180), read by Python's csv module: quotes, line ends within them, CR, LF or both.

What that module does not tell is whether a field stood in quotes, and this makes the difference between a null and an empty text. So a
record that has a field equal to the text of nulls, and quotes, is looked at again.
"""

import csv
import functools
import re

from migration.endpoint import Refused

VALUE_BYTES_MAX = 1 << 30
LINE_BYTES_MAX = (1 << 31) - 1


class Lines:
    """The lines of a file; `record` has those of the current record, `bytes` counts all."""

    def __init__(self, file):
        self.file, self.record, self.bytes = file, [], 0

    def __iter__(self):
        for line in iter(functools.partial(self.file.readline, LINE_BYTES_MAX), ""):
            if len(line) == LINE_BYTES_MAX:
                raise Refused("a line of more than 2 GiB: this is no CSV, and no JSON lines")
            self.bytes += len(line)
            self.record.append(line)
            yield line


class Nulls:
    """Tells nulls from texts: a field without quotes that is `null`."""

    def __init__(self, delimiter, null):
        self.null = null
        self.sign = '"%s"' % null
        self.field = re.compile(r'("[^"]*(?:""[^"]*)*")?[^%s\r\n]*' % re.escape(delimiter))

    def _are_quoted(self, text):
        """For each field of a record whether it stands in quotes."""
        found, at = [], 0
        while True:
            match = self.field.match(text, at)
            found.append(match.group(1) is not None)
            at = match.end() + 1
            if match.end() >= len(text) or text[match.end()] in "\r\n":
                return found

    def marked(self, values, record):
        """The values with None for nulls; `record` has their lines."""
        if self.null not in values:
            return values
        text = "".join(record)
        if self.sign not in text:
            return [None if value == self.null else value for value in values]
        return [None if value == self.null and not is_quoted else value
                for value, is_quoted in zip(values, self._are_quoted(text))]


def records(lines, delimiter=",", null="", fields=None):
    """(first line, values or None, what is wrong or None) of each record of `lines` (Lines). Values are texts or None. Lines without
    anything are passed over, but where records have one field, as the first one has or `fields` says: there they are that field."""
    csv.field_size_limit(VALUE_BYTES_MAX)
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    nulls = Nulls(delimiter, null)
    while True:
        lines.record.clear()
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, None, "not CSV: %s" % error
            continue
        if not values:
            if fields != 1:
                continue
            values = [""]
        fields = fields or len(values)
        yield line, nulls.marked(values, lines.record), None


def checked_delimiter(word):
    delimiter = {"tab": "\t", "\\t": "\t"}.get(word, word)
    if len(delimiter) != 1 or delimiter in '"\r\n' or ord(delimiter) > 127:
        raise Refused("--delimiter %s: one character is wanted, or tab" % word)
    return delimiter
