"""TABLE.QUERY: random statements of SQL against SQLite, on tables with different indexes and of different sizes; what is refused, and where it says
that it is; hostile texts; SQL inside transactions and scripts."""

import random
import sqlite3

import pytest

from harness.process import SLOWDOWN
from harness.resp import ReplyError, plain

TABLES = {"t.plain": ("none", "none", "none"), "t.hash": ("hash", "hash", "hash"), "t.btree": ("btree", "btree", "btree")}
COLUMNS = ("id", "name", "age", "w", "d")
STEPS = 60
LONG_STEPS = int(3000 / SLOWDOWN)
SCALARS = ["id", "age", "name", "w", "d", "age + id", "w * 2", "length(name)", "upper(name)", "coalesce(age, -1)", "abs(age - 30)",
           "substr(name, 2, 2)", "name || '!'", "CASE WHEN age > 30 THEN 'old' ELSE name END", "age % 7", "7"]
AGGREGATES = ["count(*)", "count(age)", "count(DISTINCT name)", "sum(age)", "avg(w)", "min(name)", "max(d)", "sum(age + id)", "min(age) - max(age)"]
CONDITIONS = ["id < {n}", "{n} > id", "age = {a}", "age <> {a}", "age >= {a} ", "name = '{s}'", "'{s}' <= name", "w > {f}", "w = {a}", "age < {f}",
              "d < '2024-06-15'", "age BETWEEN {a} AND 50", "age NOT BETWEEN {a} AND 50", "id BETWEEN 3 AND {n}", "name IN ('{s}', 'n3', 'n4')",
              "age NOT IN ({a}, 20, 21)", "age IN ({a}, 20.5)", "name LIKE '{s}%'", "name NOT LIKE '%1'", "name LIKE 'n_'", "age IS NULL",
              "name IS NOT NULL", "age % 5 = 2", "age + id > {n}", "length(name) = 2", "NOT age > {a}", "(age = {a} OR name = '{s}')", "age = id",
              "coalesce(age, 20) = 20", "(w > {f} AND age < {a} OR d IS NULL)", "CASE WHEN age > {a} THEN w > 1 ELSE name > 'n2' END", "age <= w",
              "substr(name, 1, 2) = '{s}'", "id / 7 = 3", "age = NULL", "NOT (name = '{s}' AND age > 20)"]


def text_of(value):
    """As RESP2 tells a value of SQLite's: an integer, or a text."""
    if isinstance(value, float):
        return repr(value).removesuffix(".0").encode()
    return value.encode() if isinstance(value, str) else value


class Twins:
    """Our tables and SQLite's one, which have the same rows."""

    def __init__(self, connection, seed, rows):
        self.connection = connection
        self.rng = random.Random(seed)
        self.seed = seed
        self.sqlite = sqlite3.connect(":memory:")
        self.sqlite.execute("PRAGMA case_sensitive_like = ON")
        self.sqlite.execute("CREATE TABLE t (id INTEGER, name TEXT, age INTEGER, w REAL, d TEXT)")
        self.next_id = rows
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        for table, (first, second, third) in TABLES.items():
            connection.run("TABLE.SCHEMA.CREATE", table, "id:integer:" + first, "name:string:" + second, "age:integer:" + third, "w:float", "d:date")
        made = [self.row(number) for number in range(rows)]
        self.sqlite.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", made)
        for table in TABLES:
            connection.pipeline([["TABLE.INSERT", table] + ["%s=%s" % pair for pair in zip(COLUMNS, row) if pair[1] is not None] for row in made])

    def row(self, number):
        rng = self.rng
        values = [number, "n%d" % rng.randrange(30), rng.randrange(18, 70), rng.randrange(-80, 400) / 8,
                  "2024-%02d-%02d" % (rng.randrange(1, 13), rng.randrange(1, 28))]
        return [values[0]] + [None if rng.random() < 0.12 else value for value in values[1:]]

    # --- parts of a statement

    def where(self):
        rng = self.rng
        parts = [part.format(n=rng.randrange(3000), a=rng.randrange(18, 70), s="n%d" % rng.randrange(30), f=rng.randrange(0, 400) / 8)
                 for part in rng.sample(CONDITIONS, rng.choice([0, 1, 1, 2, 2, 3]))]
        return " WHERE " + rng.choice([" AND ", " AND ", " OR "]).join(parts) if parts else ""

    def order(self, expressions):
        directions = ["", " ASC", " DESC", " DESC NULLS FIRST", " ASC NULLS LAST"]
        return " ORDER BY " + ", ".join(each + self.rng.choice(directions) for each in expressions) if expressions else ""

    def limit(self):
        rng = self.rng
        return rng.choice(["", "", " LIMIT %d" % rng.choice([0, 1, 3, 100]), " LIMIT %d OFFSET %d" % (rng.choice([1, 10, 1000]), rng.choice([0, 1, 50]))])

    # --- statements

    def replies(self, text, *arguments):
        replies = self.connection.pipeline(["TABLE.QUERY", text.format(table=table), *arguments] for table in TABLES)
        assert not any(kind == "-" for kind, _ in replies), (self.seed, text, arguments, replies)
        return [plain(reply) for reply in replies]

    def compare(self, text):
        wanted = [[text_of(value) for value in row] for row in self.sqlite.execute(text.format(table="t"))]
        for table, rows in zip(TABLES, self.replies(text)):
            assert [row[1::2] for row in rows] == wanted, (self.seed, table, text)

    def rows(self):
        items = self.rng.sample(SCALARS, self.rng.randrange(1, 5))
        order = self.order(self.rng.sample(SCALARS[:15], self.rng.randrange(0, 3)) + ["id"])
        self.compare("SELECT " + ", ".join(items) + " FROM {table}" + self.where() + order + self.limit())

    def star(self):
        self.compare("SELECT *, x.age + 1 AS y FROM {table} AS x" + self.where() + " ORDER BY x.id")

    def groups(self):
        key = self.rng.choice(["name", "age", "d", "age % 5", "length(name)"])
        items = self.rng.sample(AGGREGATES, self.rng.randrange(1, 4)) + [key]
        having = self.rng.choice(["", " HAVING count(*) > 3", " HAVING max(w) > 20 AND count(*) < 50"])
        self.compare("SELECT " + ", ".join(items) + " FROM {table}" + self.where() + " GROUP BY " + key + having + self.order([key]) + self.limit())

    def totals(self):
        self.compare("SELECT " + ", ".join(self.rng.sample(AGGREGATES, 3)) + " FROM {table}" + self.where())

    def arguments(self):
        """Parameters instead of literals."""
        rng = self.rng
        values = [rng.randrange(18, 70), "n%d" % rng.randrange(30), rng.randrange(0, 400) / 8, "2024-%02d-01" % rng.randrange(1, 13), rng.randrange(0, 40)]
        text = "SELECT id, age + $1, w FROM {table} WHERE (age > $1 OR name = $2 OR w < $3) AND d >= $4 ORDER BY id LIMIT $5"
        wanted = [[text_of(value) for value in row] for row in self.sqlite.execute(text.format(table="t").replace("$", "?"), values)]
        for table, rows in zip(TABLES, self.replies(text, *map(str, values))):
            assert [row[1::2] for row in rows] == wanted, (self.seed, table, text, values)

    # --- changes

    def change(self, text):
        wanted = self.sqlite.execute(text.format(table="t")).rowcount
        assert self.replies(text) == [wanted] * len(TABLES), (self.seed, text)

    def update(self):
        sets = self.rng.sample(["age = age + 1", "w = w * 2 - age", "name = name || 'x'", "name = substr(name, 1, 3)", "age = 33", "w = 1.5", "w = id",
                                "d = '2024-05-05'", "age = length(coalesce(name, ''))"], self.rng.randrange(1, 3))
        if len({each.split()[0] for each in sets}) == len(sets):
            present = " AND ".join("%s IS NOT NULL" % column for column in COLUMNS)
            where = self.where()
            self.change("UPDATE {table} SET " + ", ".join(sets) + (" WHERE " + present if not where else where.replace(" WHERE ", " WHERE (", 1) + ") AND " + present))

    def move(self):
        """The column that names the shard gets another value."""
        self.change("UPDATE {table} SET id = id + 10000 WHERE id % 11 = 3 AND id < 10000")

    def delete(self):
        self.change("DELETE FROM {table} WHERE id %% 17 = %d AND age > %d" % (self.rng.randrange(17), self.rng.randrange(18, 70)))

    def insert(self):
        row = self.row(self.next_id)
        self.next_id += 1
        text = "INSERT INTO {table} (d, id, name, w, age) VALUES (%s)"
        self.sqlite.execute(text.format(table="t") % "?, ?, ?, ?, ?", [row[4], row[0], row[1], row[3], row[2]])
        literals = ["NULL" if value is None else repr(value) for value in row]
        self.replies(text % ", ".join([literals[4], literals[0] + " + 0", literals[1], literals[3], literals[2]]))


def run(server, seed, rows, steps):
    print("seed", seed)
    with server.connect() as connection:
        twins = Twins(connection, seed, rows)
        kinds = [twins.rows] * 4 + [twins.groups] * 2 + [twins.totals, twins.star, twins.arguments, twins.update, twins.update, twins.move, twins.delete,
                                                       twins.insert, twins.insert]
        for _ in range(steps):
            twins.rng.choice(kinds)()
        twins.compare("SELECT * FROM {table} ORDER BY id")
        assert connection.run("MEMORY", "AUDIT") == b"OK"


@pytest.mark.parametrize("rows", [40, 1500])
def test_statements_mean_what_they_mean_to_sqlite(server, shards, rows):
    run(server, 10 * shards + rows, rows, STEPS if rows < 100 else STEPS // 4)


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.parametrize("rows", [0, 60, 3000])
def test_statements_mean_what_they_mean_to_sqlite_for_long(server, shards, rows):
    run(server, 1000 * shards + rows, rows, LONG_STEPS if rows < 100 else LONG_STEPS // 10)
