"""The columns of a table, as TABLE.SCHEMA.VIEW tells them and TABLE.SCHEMA.CREATE takes them."""

from .server import run

ROW_ID = "_id"  # the row's id, where no column has this name


class Column:
    """One column; all texts are bytes as text. `index` is hash, btree or none; `options` are words as default=7."""

    def __init__(self, name, kind, index="none", options=()):
        self.name, self.kind, self.index, self.options = name, kind, index, list(options)

    def word(self):
        """As TABLE.SCHEMA.CREATE takes it."""
        return ":".join([self.name, self.kind, self.index] + self.options)

    def base_kind(self):
        """The type without its digits: `decimal` of `decimal(10,2)`."""
        return self.kind.partition("(")[0]

    def default(self):
        """None: there is none."""
        found = [option for option in self.options if option.startswith("default=")]
        return found[0][len("default="):] if found else None

    def is_unique(self):
        return "unique" in self.options or self.is_primary()

    def is_primary(self):
        return "primary" in self.options


def read_schema(connection, table):
    """The columns of a table that exists; Refused if it does not."""
    reply = run(connection, "TABLE.SCHEMA.VIEW", table.encode("latin-1"), "FULL")
    return [Column(*(word.decode("latin-1") for word in row[:3]), [word.decode("latin-1") for word in row[3:]]) for row in reply]


def has_row_ids(columns):
    """Whether `_id` is the row's id, and not a column."""
    return all(column.name != ROW_ID for column in columns)


def create_table(connection, table, words):
    """Makes a table of words as `age:integer:btree`, and its namespace if there is none yet."""
    namespace = table.partition(".")[0].encode("latin-1")
    reply = connection.call("TABLE.NAMESPACE.CREATE", namespace)
    if reply != b"OK" and "exists" not in str(reply):
        run(connection, "TABLE.NAMESPACE.CREATE", namespace)
    run(connection, "TABLE.SCHEMA.CREATE", table.encode("latin-1"), *(word.encode("latin-1") for word in words))


def row_count(connection, table):
    return run(connection, "TABLE.SELECT", table.encode("latin-1"), "COLUMNS", "count(*)")[0][1]
