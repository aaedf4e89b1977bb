"""Rows as files: CSV, JSON lines, SQL, and the commands that make the table. Rows come as lists of bytes, None for a null.

A writer has begin(), row(values) and end(), which give bytes; and `takes_rows`.
"""

import base64
import re
from json.encoder import encode_basestring

from .json_rows import BYTES_NAME

SQL_ROWS = 100  # rows of one INSERT
TRUTH = {b"1": b"true", b"0": b"false"}
PLAIN_WORD = re.compile(rb"[\x21\x23-\x26\x28-\x5b\x5d-\x7e]+")  # needs no quotes in redis-cli


def is_text(value):
    """Whether it is UTF-8."""
    if value.isascii():
        return True
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class CsvWriter:
    """RFC 4180 with line ends of LF. Text stands in quotes where it must, and where it would be taken for a null: the empty text."""

    takes_rows = True

    def __init__(self, columns, delimiter=",", null=""):
        self.columns = columns
        self.delimiter, self.null = delimiter.encode(), null.encode("latin-1")
        self.needs_quotes = re.compile(rb'[%b"\r\n]' % re.escape(self.delimiter)).search
        self.truth_places = [place for place, column in enumerate(columns) if column.kind == "boolean"]

    def _field(self, value):
        if value is None:
            return self.null
        if value == self.null or self.needs_quotes(value):
            return b'"%b"' % value.replace(b'"', b'""')
        return value

    def begin(self):
        names = [column.name.encode("latin-1") for column in self.columns]
        return self.delimiter.join(map(self._field, names)) + b"\n"

    def row(self, values):
        for place in self.truth_places:
            values[place] = TRUTH.get(values[place])
        return self.delimiter.join(map(self._field, values)) + b"\n"

    def end(self):
        return b""


# --- JSON lines ---

def json_text(value):
    if is_text(value):
        return encode_basestring(value.decode("utf-8")).encode("utf-8")
    return b'{"%b": "%b"}' % (BYTES_NAME.encode(), base64.b64encode(value))


def json_float(value):
    """Infinite numbers are texts; zero keeps its sign, which an integer would lose."""
    if value == b"-0":
        return b"-0.0"
    return b'"%b"' % value if b"inf" in value else value


class JsonWriter:
    """One object a line; json_rows.py says how values are written."""

    takes_rows = True
    ways = {"integer": bytes, "decimal": bytes, "float": json_float, "boolean": TRUTH.get}

    def __init__(self, columns):
        self.parts = []
        for column in columns:
            name = json_text(column.name.encode("latin-1"))
            self.parts.append((b"%b: " % name, self.ways.get(column.base_kind(), json_text)))

    def begin(self):
        return b""

    def row(self, values):
        members = [name + (way(value) if value is not None else b"null") for (name, way), value in zip(self.parts, values)]
        return b"{%b}\n" % b", ".join(members)

    def end(self):
        return b""


# --- SQL ---

def sql_name(name):
    return b'"%b"' % name.replace(b'"', b'""')


def sql_bytes(value):
    return b"X'%b'" % value.hex().encode()


def sql_text(value):
    if b"\0" in value or not is_text(value):
        return b"CAST(%b AS TEXT)" % sql_bytes(value)
    return b"'%b'" % value.replace(b"'", b"''")


def sql_float(value):
    return value.replace(b"inf", b"9e999")


class SqlWriter:
    """CREATE TABLE, INSERTs of many rows, CREATE INDEX, in one transaction, as SQLite reads it."""

    takes_rows = True
    kinds = {"string": "TEXT", "integer": "BIGINT", "float": "DOUBLE PRECISION", "date": "DATE", "boolean": "BOOLEAN",
             "datetime": "TIMESTAMP", "blob": "BLOB", "uuid": "UUID", "json": "TEXT"}
    ways = {"integer": bytes, "decimal": bytes, "float": sql_float, "boolean": TRUTH.get, "blob": sql_bytes}

    def __init__(self, columns, name):
        self.columns, self.table = columns, name.encode("latin-1")
        self.name = sql_name(self.table)
        self.row_ways = [self.ways.get(column.base_kind(), sql_text) for column in columns]
        self.waiting = []

    @staticmethod
    def _is_unique(column):
        """SQLite keeps decimals as doubles: two that differ may be one there."""
        return column.is_unique() and column.base_kind() != "decimal"

    def _column(self, column, way):
        words = [sql_name(column.name.encode("latin-1")), self.kinds.get(column.base_kind(), column.kind.upper()).encode()]
        default = column.default()
        if "notnull" in column.options or column.is_primary():
            words.append(b"NOT NULL")
        if self._is_unique(column):
            words.append(b"PRIMARY KEY" if column.is_primary() else b"UNIQUE")
        if default is not None:
            default = default.encode("latin-1")
            words.append(b"DEFAULT (%b)" % (default if column.kind == "boolean" else way(default)))
        return b"  " + b" ".join(words)

    def begin(self):
        columns = b",\n".join(map(self._column, self.columns, self.row_ways))
        return b"BEGIN;\nCREATE TABLE %b (\n%b\n);\n" % (self.name, columns)

    def row(self, values):
        texts = [way(value) if value is not None else b"NULL" for way, value in zip(self.row_ways, values)]
        self.waiting.append(b"(%b)" % b", ".join(texts))
        return self._flush() if len(self.waiting) == SQL_ROWS else b""

    def _flush(self):
        rows, self.waiting = self.waiting, []
        return b"INSERT INTO %b VALUES\n%b;\n" % (self.name, b",\n".join(rows)) if rows else b""

    def _indexes(self):
        for column in self.columns:
            if column.index != "none" and not self._is_unique(column):
                name = column.name.encode("latin-1")
                index = sql_name(b"%b_%b" % (self.table, name))
                yield b"CREATE INDEX %b ON %b (%b);\n" % (index, self.name, sql_name(name))

    def end(self):
        return self._flush() + b"".join(self._indexes()) + b"COMMIT;\n"


# --- the table itself ---

def redis_cli_word(word):
    """A word as redis-cli reads it from a line."""
    if PLAIN_WORD.fullmatch(word):
        return word
    letters = [b"\\x%02x" % byte if byte < 32 or byte > 126 or byte in b'"\\' else bytes([byte]) for byte in word]
    return b'"%b"' % b"".join(letters)


class SchemaWriter:
    """TABLE.NAMESPACE.CREATE and TABLE.SCHEMA.CREATE, for redis-cli."""

    takes_rows = False

    def __init__(self, columns, table):
        self.words = [word.encode("latin-1") for word in [table] + [column.word() for column in columns]]
        self.namespace = table.partition(".")[0].encode("latin-1")

    def begin(self):
        return b"TABLE.NAMESPACE.CREATE %b\nTABLE.SCHEMA.CREATE %b\n" % (
            redis_cli_word(self.namespace), b" ".join(map(redis_cli_word, self.words)))

    def end(self):
        return b""
