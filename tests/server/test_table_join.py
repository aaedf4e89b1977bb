"""SELECT over several tables: random joins against SQLite, with indexes and without; names, refusals, limits; transactions, scripts, locks, rights."""

import random
import sqlite3
import threading

import pytest

from harness.process import SLOWDOWN
from harness.resp import ReplyError, plain
from harness.twins import text_of

COLUMNS = {"a": ("id", "k", "s", "w"), "b": ("id", "k", "s", "d"), "c": ("id", "k", "f")}
TYPES = {"id": "integer", "k": "integer", "s": "string", "w": "float", "d": "date", "f": "float"}
INDEXES = {"i": {"id": ":hash", "k": ":btree", "s": ":hash"}, "p": {}}
STEPS = 250
LONG_STEPS = int(4000 / SLOWDOWN)
# What joins x.k to what was there before, and what is asked besides.
ON = ["{x}.k = {y}.k", "{y}.k = {x}.id", "{x}.id + 1 = {y}.k", "{x}.k = {y}.k AND {x}.id < {y}.id", "{x}.k = {y}.k AND {x}.id > {n}",
      "{x}.k = {y}.id AND {y}.k > 2", "{x}.id = {y}.id", "{x}.id < {y}.k AND {y}.id < 6", "{x}.k = {y}.k AND 1 = 1", "{x}.k % 3 = {y}.k % 3 AND {x}.k = 4"]
SAME_TEXT = ["{x}.s = {y}.s", "upper({x}.s) = upper({y}.s) AND {x}.k = {y}.k", "{x}.s = {y}.s AND {x}.s LIKE 's%'"]
WHERE = ["{x}.k = {n}", "{x}.id < {n}", "{x}.k IS NULL", "{x}.k IS NOT NULL", "{x}.id % 2 = 0", "{x}.k IN (1, 3, {n})", "{x}.k + {y}.k > {n}",
         "({x}.k = {n} OR {y}.k = 3)", "{x}.k BETWEEN 1 AND {n}", "coalesce({x}.k, -1) <> coalesce({y}.k, -1)", "NOT {x}.k > {y}.k"]
# The same with queries, which name nothing of what is around them.
QUERIES = ["{x}.k IN (SELECT k FROM {space}b WHERE id < {n})", "{x}.id NOT IN (SELECT k FROM {space}c)", "{x}.id NOT IN (SELECT id FROM {space}a WHERE id > {n})",
           "{x}.k NOT IN (SELECT k FROM {space}a WHERE id < 0)", "{x}.k IN (SELECT f FROM {space}c WHERE id > {n})", "EXISTS (SELECT * FROM {space}c WHERE k = {n} AND id > 30)",
           "NOT EXISTS (SELECT id FROM {space}a WHERE k = {n} AND id < 20)", "{x}.k = (SELECT max(k) FROM {space}c WHERE id < {n})",
           "{x}.id > (SELECT id FROM {space}b ORDER BY id LIMIT 1 OFFSET {n})", "{x}.k = (SELECT k FROM {space}b WHERE id < 0)",
           "({x}.k IN (SELECT k FROM {space}a WHERE s IN (SELECT s FROM {space}b WHERE k < {n})) OR {y}.k = {n})",
           "{x}.id IN (SELECT t.id FROM {space}a AS t JOIN {space}b AS u ON t.k = u.k WHERE u.id IN (SELECT k FROM {space}c GROUP BY k HAVING count(*) > 1))"]


class JoinTwins:
    """Tables i.a, i.b, i.c with indexes, p.a, p.b, p.c without, and SQLite's a, b, c, which have the same rows."""

    def __init__(self, connection, seed, rows, is_b_large=False):
        self.connection = connection
        self.is_b_large = is_b_large
        self.seed = seed
        self.rng = random.Random(seed)
        self.sqlite = sqlite3.connect(":memory:")
        self.sqlite.execute("PRAGMA case_sensitive_like = ON")
        for space, indexes in INDEXES.items():
            connection.run("TABLE.NAMESPACE.CREATE", space)
            for table, columns in COLUMNS.items():
                connection.run("TABLE.SCHEMA.CREATE", "%s.%s" % (space, table), *("%s:%s%s" % (each, TYPES[each], indexes.get(each, "")) for each in columns))
        for table, columns in COLUMNS.items():
            count = 900 if is_b_large and table == "b" else self.rng.randrange(rows // 2, rows + 1)
            made = [self.row(number, columns) for number in range(count)]
            self.sqlite.execute("CREATE TABLE %s (%s)" % (table, ", ".join(columns)))
            self.sqlite.executemany("INSERT INTO %s VALUES (%s)" % (table, ", ".join("?" * len(columns))), made)
            for space in INDEXES:
                connection.pipeline([["TABLE.INSERT", "%s.%s" % (space, table)] + ["%s=%s" % pair for pair in zip(columns, row) if pair[1] is not None]
                                     for row in made])

    def row(self, number, columns):
        rng = self.rng
        values = {"id": number, "k": rng.choice([rng.randrange(12), rng.randrange(12), rng.randrange(12), 2 ** 63 - 1, -2 ** 63]) if rng.random() < 0.9 else 0,
                  "s": rng.choice(["", "s%d" % rng.randrange(6), "S1"]), "w": rng.randrange(-9, 9) / 4, "d": "2024-01-%02d" % rng.randrange(1, 9),
                  "f": float(rng.randrange(12))}
        return [values[each] if each == "id" or rng.random() > 0.15 else None for each in columns]

    def source(self):
        """Names of tables, and FROM."""
        rng = self.rng
        tables = [(rng.choice("abc"), name) for name in ("x", "y", "z")[:rng.choice([1, 2, 2, 3])]]
        if self.is_b_large:
            large = rng.randrange(len(tables))
            tables = [("b" if at == large else rng.choice("ac"), name) for at, (_, name) in enumerate(tables)]
        text = "{space}%s AS x" % tables[0][0]
        for at in range(1, len(tables)):
            table, name = tables[at]
            before, other = rng.choice(tables[:at])
            small = ["{x}.k = {y}.k AND {x}.k < 9"] if table == "c" or before == "c" else SAME_TEXT
            on = rng.choice(ON + small).replace("{x}", name).replace("{y}", other).replace("{n}", str(rng.randrange(12)))
            text += rng.choice([" JOIN ", " INNER JOIN ", " LEFT JOIN ", " LEFT OUTER JOIN "]) + "{space}%s AS %s ON %s" % (table, name, on)
        return tables, text

    def where(self, tables):
        rng = self.rng
        parts = []
        for part in rng.sample(WHERE, rng.choice([0, 1, 1, 2])) + rng.sample(QUERIES, rng.choice([0, 0, 0, 1, 1, 2])):
            name, other = (rng.choice(tables)[1] for _ in range(2))
            part = part.replace("{x}", name).replace("{y}", other).replace("{n}", str(rng.randrange(12)))
            parts.append(part if "+" not in part else "abs(%s.id) + abs(%s.id) > 9" % (name, other))
        return " WHERE " + rng.choice([" AND ", " AND ", " OR "]).join(parts) if parts else ""

    def compare(self, text, is_ordered, *arguments):
        wanted = [[text_of(value) for value in row] for row in self.sqlite.execute(text.replace("{space}", ""), arguments)]
        for space in INDEXES:
            rows = self.connection.run("TABLE.QUERY", text.replace("{space}", space + "."), *map(str, arguments))
            rows = [row[1::2] for row in rows]
            assert (rows if is_ordered else sorted(rows, key=repr)) == (wanted if is_ordered else sorted(wanted, key=repr)), (self.seed, space, text)

    def statement(self):
        rng = self.rng
        tables, source = self.source()
        ids = [name + ".id" for _, name in tables]
        kind = rng.randrange(5)
        if kind == 0:
            last = tables[-1][1]
            self.compare("SELECT count(*), min(x.id), sum(%s.id), count(DISTINCT %s.k) FROM " % (last, last) + source + self.where(tables), True)
        elif kind == 1:
            last = tables[-1][1]
            having = rng.choice(["count(*) > 1", "max(x.id) IN (SELECT id FROM {space}b WHERE k < 7)"])
            self.compare("SELECT %s.k, count(*), max(x.id) FROM " % last + source + self.where(tables) + " GROUP BY %s.k HAVING %s ORDER BY %s.k" % (last, having, last), True)
        elif kind == 2:
            order = [each + rng.choice(["", " DESC"]) for each in rng.sample(ids, len(ids))]
            value = rng.choice(["x.k", "(SELECT min(id) FROM {space}c)", "x.id IN (SELECT k FROM {space}b) IS NULL"])
            self.compare("SELECT x.k, " + value + ", " + ", ".join(ids) + " FROM " + source + self.where(tables) + " ORDER BY " + ", ".join(order) +
                         rng.choice(["", " LIMIT 5", " LIMIT 20 OFFSET 3"]), True)
        elif kind == 3:
            self.compare("SELECT DISTINCT x.k, %s.k FROM " % tables[-1][1] + source + self.where(tables), False)
        else:
            self.compare("SELECT *, x.id + 1 AS n, %s.* FROM " % tables[-1][1] + source + self.where(tables), False)


def run(server, seed, rows, steps, is_b_large=False):
    with server.connect() as connection:
        twins = JoinTwins(connection, seed, rows, is_b_large)
        print("seed", seed)
        for _ in range(steps):
            twins.statement()
        twins.compare("SELECT x.id, y.id FROM {space}a AS x JOIN {space}b AS y ON x.k = y.k WHERE x.id > ? AND y.s = ?", False, 3, "s1")
        assert connection.run("MEMORY", "AUDIT") == b"OK"


def test_joins_mean_what_they_mean_to_sqlite(server, shards):
    run(server, 7 * shards, 40, STEPS)


def test_a_large_table_is_looked_up_by_its_indexes(server, shards):
    run(server, 11 * shards, 8, STEPS // 3, is_b_large=True)
    with server.connect() as connection:
        lines = query(connection, "EXPLAIN SELECT y.id FROM i.b AS y JOIN i.a AS x ON x.k = y.k WHERE y.d > '2023-01-01' AND x.id = 2")
        assert lines[0].startswith(b"table i.a") and lines[-1] == b"joined by 1 key, each row by an index: x.k = y.k", lines
        lines = query(connection, "EXPLAIN SELECT y.id FROM p.b AS y JOIN p.a AS x ON x.k = y.k WHERE x.id = 2")
        assert lines[0].startswith(b"table p.b") and lines[-1] == b"joined by 1 key: x.k = y.k", lines


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.parametrize("rows", [0, 12, 60])
def test_joins_mean_what_they_mean_to_sqlite_for_long(server, shards, rows):
    run(server, 1000 * shards + rows, rows, LONG_STEPS)


@pytest.mark.slow
@pytest.mark.heavy
def test_a_large_table_is_looked_up_by_its_indexes_for_long(server, shards):
    run(server, 1000 * shards, 12, LONG_STEPS // 3, is_b_large=True)


# --- one server for all that follows a shop

@pytest.fixture
def shop(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "s")
        query(connection, "CREATE TABLE s.users (id INTEGER PRIMARY KEY, name TEXT)")
        query(connection, "CREATE TABLE s.orders (id INTEGER, user INTEGER, price DECIMAL(8, 2), at DATE)")
        query(connection, "INSERT INTO s.users (id, name) VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Eve')")
        query(connection, "INSERT INTO s.orders (id, user, price, at) VALUES (1, 1, 2.50, '2024-01-01'), (2, 1, 4, '2024-02-01'), (3, 3, 1, NULL), (4, NULL, 9, NULL)")
        yield connection


def query(connection, text, *arguments):
    return connection.run("TABLE.QUERY", text, *arguments)


JOINED = "FROM s.users AS u JOIN s.orders AS o ON o.user = u.id"
REFUSED = [
    ("SELECT id " + JOINED, "several tables have a column of this name", 8),
    ("SELECT u.id " + JOINED + " WHERE id = 1", "several tables have a column of this name", None),
    ("SELECT _id " + JOINED, "several tables have a column of this name", 8),
    ("SELECT x.id " + JOINED, "there is no column x.id", 8),
    ("SELECT x.* " + JOINED, "the star is of another table", 8),
    ("SELECT u.id FROM s.users AS u JOIN s.nobody AS o ON o.user = u.id", "there is no table s.nobody", 36),
    ("SELECT u.id FROM s.users AS u JOIN s.orders AS u ON u.user = u.id", "two tables have the same name", 36),
    ("SELECT u.id FROM s.users JOIN s.users ON id = id", "two tables have the same name", 31),
    ("SELECT u.id FROM s.users AS u JOIN s.orders AS o ON o.id = v.id JOIN s.users AS v ON v.id = u.id", "ON names a table that comes later", None),
    ("SELECT u.id FROM s.users AS u JOIN s.orders AS o ON o.user", "a condition was expected", None),
    ("SELECT u.id FROM s.users AS u JOIN s.orders AS o ON o.user = u.name", "cannot be compared", None),
    ("SELECT u.id FROM s.users AS u JOIN s.orders AS o ON count(*) = 1", "an aggregate cannot stand here", None),
    ("SELECT u.id, 1 / (o.id - 1) " + JOINED, "division by zero", 16),
    ("SELECT u.id " + JOINED + " AND 1 / (o.id - u.id) = 1", "division by zero", None),
    ("SELECT o.id " + JOINED + " WHERE u.id = ?", "1 parameter, but 0 arguments were given", None),
    ("SELECT u.id FROM s.users AS u" + "".join(" JOIN s.users AS u%d ON u.id = u%d.id" % (each, each) for each in range(16)), "too many tables (max 16)", None),
]


def test_what_is_refused(shop):
    for text, said, column in REFUSED:
        with pytest.raises(ReplyError) as refused:
            query(shop, text)
        assert said in str(refused.value) and (column is None or "column %d " % column in str(refused.value)), (text, str(refused.value))
    assert shop.run("MEMORY", "AUDIT") == b"OK"


def test_names_and_replies(shop, shards):
    assert query(shop, "SELECT name, price " + JOINED + " WHERE u.id = 1 ORDER BY price DESC") == [[b"name", b"Ada", b"price", b"4.00"], [b"name", b"Ada", b"price", b"2.50"]]
    assert query(shop, "SELECT * " + JOINED + " WHERE o.id = 3") == [[b"u.id", 3, b"name", b"Eve", b"o.id", 3, b"user", 3, b"price", b"1.00", b"at", None]]
    assert query(shop, "SELECT users.name, s.orders.id FROM s.users LEFT JOIN s.orders ON orders.user = users.id WHERE orders.id IS NULL") == [[b"name", b"Bob", b"id", None]]
    assert query(shop, "SELECT u.name, count(o.id) AS n, sum(price) FROM s.users AS u LEFT JOIN s.orders AS o ON o.user = u.id AND o.at > '2024-01-15' GROUP BY u.name "
                 "HAVING n < 2 ORDER BY n DESC, u.name LIMIT 2") == [[b"name", b"Ada", b"n", 1, b"sum(price)", b"4.00"], [b"name", b"Bob", b"n", 0, b"sum(price)", None]]
    lines = query(shop, "EXPLAIN SELECT u.name FROM s.users AS u LEFT JOIN s.orders AS o ON o.user = u.id AND o.id > 1 AND length(name) > o.id WHERE u.id = 2 AND o.id IS NULL")
    assert lines[0] == b"table s.users, 1 of %d shards" % shards and lines[1] == b"conditions: u.id = 2", lines
    assert lines[3] == b"table s.orders, %d of %d shards" % (shards, shards) and lines[4] == b"conditions: o.id > 1", lines
    assert lines[-1] == b"left joined by 1 key: o.user = u.id AND length(name) > o.id AND o.id IS NULL", lines


def test_as_many_tables_as_there_may_be(shop):
    """Rows of all but the first are looked up by an index; then none is, since all are of one size."""
    query(shop, "CREATE TABLE s.many (id INTEGER PRIMARY KEY)")
    shop.run("TABLE.INSERT", "s.many", "COLUMNS", "id", "VALUES", *map(str, range(900)))
    for first, rows in (("users", 3), ("many", 900)):
        text = "SELECT count(*) AS n FROM s.%s AS t0" % first + "".join(" JOIN s.many AS t%d ON t%d.id = t%d.id" % (at, at, at - 1) for at in range(1, 16))
        assert query(shop, text) == [[b"n", rows]]
        assert (b"each row by an index" in b"".join(query(shop, "EXPLAIN " + text))) == (rows == 3)


def test_transactions_scripts_and_rights(shop, server):
    text = "SELECT u.name, o.id " + JOINED + " WHERE o.id = 9"
    shop.run("MULTI")
    query(shop, "INSERT INTO s.orders (id, user) VALUES (9, 2)")
    query(shop, text)
    query(shop, "SELECT nope " + JOINED)
    _, replies = shop.call("EXEC")
    assert plain(replies[1]) == [[b"name", b"Bob", b"id", 9]] and replies[2][0] == "-" and b"no column nope" in replies[2][1]
    assert shop.run("EVAL", "return redis.call('TABLE.QUERY', ARGV[1])", "0", text) == [[b"name", b"Bob", b"id", 9]]
    shop.run("ACL", "SETUSER", "eve", "on", "nopass", "+@all", "~s.users")
    with server.connect() as connection:
        connection.run("AUTH", "eve", "x")
        with pytest.raises(ReplyError, match="NOPERM"):
            query(connection, text)
    shop.run("SELECT", "1")
    with pytest.raises(ReplyError, match="no table s.users"):
        query(shop, text)


def test_memory_is_bounded_and_others_are_served(shop, server):
    """A join of everything with everything meets table-join-memory; while it works others are answered, and writers of both tables wait."""
    query(shop, "CREATE TABLE s.many (id INTEGER)")
    shop.pipeline([["TABLE.INSERT", "s.many"] + ["COLUMNS", "id", "VALUES"] + [str(number) for number in range(at, at + 500)] for at in range(0, 1000, 500)])
    every = "FROM s.many AS x JOIN s.many AS y ON x.id <> y.id OR x.id = y.id"
    shop.run("CONFIG", "SET", "table-join-memory", "1mb")
    for text in ("SELECT x.id, y.id " + every, "SELECT x.id, y.id, count(*) " + every + " GROUP BY x.id, y.id", "SELECT x.id " + every + " ORDER BY y.id"):
        with pytest.raises(ReplyError, match="table-join-memory \\(1048576 bytes\\)"):
            query(shop, text)
    shop.run("CONFIG", "SET", "table-join-memory", "8kb")
    with pytest.raises(ReplyError, match="table-join-memory"):
        query(shop, "SELECT count(*) FROM s.many AS x JOIN s.many AS y ON x.id = y.id")
    shop.run("CONFIG", "SET", "table-join-memory", "256mb")
    assert query(shop, "SELECT x.id " + every + " ORDER BY x.id DESC LIMIT 1") == [[b"id", 999]]
    counted = []
    with server.connect() as other:
        thread = threading.Thread(target=lambda: counted.append(query(shop, "SELECT count(*) AS n " + every)))
        thread.start()
        pings = 0
        while thread.is_alive():
            assert other.run("PING") == b"PONG"
            pings += 1
        thread.join()
        assert counted == [[[b"n", 1000000]]] and pings > 2
        assert other.run("MEMORY", "AUDIT") == b"OK"


def test_texts_that_conditions_make_are_gone_with_the_next_row(shop):
    """One row of the first table meets many: all texts together are more than a join may hold at a time."""
    query(shop, "CREATE TABLE s.long (s TEXT)")
    query(shop, "CREATE TABLE s.short (id INTEGER, t TEXT)")
    query(shop, "CREATE INDEX ON s.short (t)")
    shop.run("TABLE.INSERT", "s.long", "s=" + "x" * (4 << 20))
    shop.run("TABLE.INSERT", "s.short", "COLUMNS", "id", "t", "VALUES", *[word for each in range(300) for word in (str(each), "t%d" % (each % 2))])
    assert query(shop, "SELECT count(*) AS n FROM s.long LEFT JOIN s.short ON s || t > 'x'") == [[b"n", 300]]
    text = "SELECT count(*) AS n FROM s.long JOIN s.short ON t = substr(s, 1, 0) || 't1' AND s || t > 'x'"
    assert query(shop, text) == [[b"n", 150]] and b"each row by an index" in b"".join(query(shop, "EXPLAIN " + text))
    assert shop.run("MEMORY", "AUDIT") == b"OK"


def test_a_table_may_go_and_a_client_may_leave_meanwhile(shop, server):
    query(shop, "CREATE TABLE s.many (id INTEGER)")
    shop.run("TABLE.INSERT", "s.many", "COLUMNS", "id", "VALUES", *map(str, range(900)))
    text = "SELECT count(*) FROM s.many AS x JOIN s.many AS y ON x.id <> y.id + 1 JOIN s.users AS u ON u.id < y.id"
    with server.connect() as leaving:
        leaving.send("TABLE.QUERY", text)
        leaving.send("PING")
    with server.connect() as other:
        other.send("TABLE.QUERY", text)
        assert shop.run("TABLE.DROP", "s.many", "FORCE") == b"OK"
        assert shop.run("MEMORY", "AUDIT") == b"OK"
