"""Tables of ours, with different indexes, and one of SQLite's, which have the same rows: statements mean the same to both."""

import random
import sqlite3

COLUMNS = ("id", "name", "age", "w", "d")


def text_of(value):
    """As RESP2 tells a value of SQLite's: an integer, or a text."""
    if isinstance(value, float):
        return repr(value).removesuffix(".0").encode()
    return value.encode() if isinstance(value, str) else value


class Twins:
    """`tables`: the kind of index that id, name and age have, by the table's name, all in the namespace t."""

    def __init__(self, connection, tables, seed, rows):
        self.connection = connection
        self.tables = tables
        self.rng = random.Random(seed)
        self.seed = seed
        self.sqlite = sqlite3.connect(":memory:")
        self.sqlite.execute("PRAGMA case_sensitive_like = ON")
        self.sqlite.execute("CREATE TABLE t (id INTEGER, name TEXT, age INTEGER, w REAL, d TEXT)")
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        for table, (first, second, third) in tables.items():
            connection.run("TABLE.SCHEMA.CREATE", table, "id:integer:" + first, "name:string:" + second, "age:integer:" + third, "w:float", "d:date")
        made = [self.row(number) for number in range(rows)]
        self.sqlite.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", made)
        for table in tables:
            connection.pipeline([["TABLE.INSERT", table] + ["%s=%s" % pair for pair in zip(COLUMNS, row) if pair[1] is not None] for row in made])

    def row(self, number):
        rng = self.rng
        values = [number, "n%d" % rng.randrange(30), rng.randrange(18, 70), rng.randrange(-80, 400) / 8,
                  "2024-%02d-%02d" % (rng.randrange(1, 13), rng.randrange(1, 28))]
        return [values[0]] + [None if rng.random() < 0.12 else value for value in values[1:]]

    def run(self, kinds, steps):
        """Statements of those kinds: names of methods."""
        print("seed", self.seed)
        for _ in range(steps):
            getattr(self, self.rng.choice(kinds))()
        assert self.connection.run("MEMORY", "AUDIT") == b"OK"
