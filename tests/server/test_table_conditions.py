"""The conditions of SELECT, UPDATE and DELETE: random trees of all their forms against SQLite, on tables that hold the same rows and differ in
their indexes; what is looked up without a scan; which word an error names."""

import random
import sqlite3

import pytest

from harness.process import SLOWDOWN
from harness.resp import ReplyError, error_of, plain

COLUMNS = {"id": "integer", "n": "integer", "m": "integer", "f": "float", "s": "string", "t": "string", "d": "date"}
TABLES = {
    "t.none": dict.fromkeys(COLUMNS, "none"),
    "t.hash": dict.fromkeys(COLUMNS, "hash"),
    "t.btree": dict.fromkeys(COLUMNS, "btree"),
    "t.mixed": {"id": "none", "n": "hash", "m": "btree", "f": "none", "s": "btree", "t": "hash", "d": "btree"},
}
OPERATORS = ("=", "!=", "<>", "<", "<=", ">", ">=")
EXTREMES = (2**63 - 1, -2**63, 2**53, 2**53 + 1, 0, -1)
TEXTS = ("", "a", "b", "ab", "abc", "abcabc", "A", "Ab", "AND", "OR", "(", "COLUMN", "NULL", "a%", "a_c", "a\\", "é", "éa", "aéb", "x y", "'", "IN")
PATTERNS = ("a%", "ab%", "%b", "%", "_", "__", "a_c", "%b%", "a\\%", "a\\_c", "é%", "_a", "a_b", "abc", "", "%a%b%", "ab%c", "a\\\\", "A%")
LISTED_APART = {")", ","}
FOLLOWERS = {"AND", "OR", ")", "SET", "COLUMN"}
SELECTS = 120
LONG_SELECTS = int(400 / SLOWDOWN)


class Maker:
    """Random conditions: our words, and what SQLite is asked."""

    def __init__(self, rng):
        self.rng = rng

    def value(self, column):
        """As our word, and as SQLite's value."""
        rng = self.rng
        if column in ("id", "n", "m", "_id"):
            number = rng.choice(EXTREMES) if rng.random() < 0.1 else rng.randrange(-10, 60)
            return str(number), number
        if column == "f":
            number = float(rng.choice(EXTREMES)) if rng.random() < 0.1 else rng.randrange(-20, 120) / 2
            return repr(number), number
        if column == "d":
            day = "%04d-%02d-%02d" % (rng.choice((1, 2023, 2024, 2024, 2025, 9999)), rng.randrange(1, 13), rng.choice((1, 2, 28)))
            return day, day
        text = rng.choice(TEXTS)
        return text, text

    def loose(self, column, operator):
        """What is no value of the column, but a place among its values."""
        rng = self.rng
        if column in ("n", "m", "id", "_id"):
            word = rng.choice(("29.5", "-0.5", "1e1", "2.95e1", "300e-1", "1e30", "-1e30", "+7.0", "7.", ".5", "9223372036854775807.5",
                               "-9223372036854775808.5", "9223372036854775808"))
            return word, int(float(word)) if float(word) == int(float(word)) and abs(float(word)) < 2**53 else float(word)
        if column == "d" and operator in ("<", "<=", ">", ">="):
            word = self.rng.choice(("2024", "2023", "2024-02", "2025-01", "0001"))
            return word, (word + "-01-01")[:10]
        return self.value(column)

    def compared(self):
        rng = self.rng
        column = rng.choice(list(COLUMNS) + ["_id"])
        operator = rng.choice(OPERATORS)
        word, theirs = self.loose(column, operator) if rng.random() < 0.2 else self.value(column)
        form = rng.randrange(4)
        if form == 0 and word[:1] not in "=<>":
            words = [column + operator + word]
        elif form == 1 and word not in FOLLOWERS:
            words = [column + operator, word]
        elif form == 2 and word != "":
            words = [column, operator + word]
        else:
            words = [column, operator, word]
        if isinstance(theirs, float) and column in ("n", "m", "id", "_id") and abs(theirs) >= 2**63:
            # SQLite takes a float as big as 2^63 for the integer below; what is above, or below, all integers is told by a bound.
            theirs = 1e30 if theirs > 0 else -1e30
        return words, "%s %s ?" % (sql(column), operator), [theirs]

    def between(self):
        column = self.rng.choice(list(COLUMNS) + ["_id"])
        (low, low_too), (high, high_too) = self.value(column), self.value(column)
        no = ["NOT"] if self.rng.random() < 0.3 else []
        return ([column, *no, "BETWEEN", low, "AND", high], "%s %s BETWEEN ? AND ?" % (sql(column), "".join(no)), [low_too, high_too])

    def listed(self):
        rng = self.rng
        column = rng.choice(list(COLUMNS) + ["_id"])
        pairs = [self.value(column) for _ in range(rng.choice((1, 2, 3, 5, 9, 20, 100)))]
        pairs = [pair for pair in pairs if pair[0] not in LISTED_APART] or [("1", 1)]
        no = ["NOT"] if rng.random() < 0.3 else []
        words = [word for pair in pairs for word in (pair[0], *([","] if rng.random() < 0.2 else []))]
        return ([column, *no, "in", "(", *words, ")"], "%s %s IN (%s)" % (sql(column), "".join(no), ", ".join("?" * len(pairs))),
                [theirs for _, theirs in pairs])

    def like(self):
        column = self.rng.choice(("s", "t"))
        pattern = self.rng.choice(PATTERNS)
        no = ["not"] if self.rng.random() < 0.3 else []
        return [column, *no, "LIKE", pattern], "%s %s LIKE ? ESCAPE '\\'" % (sql(column), "".join(no)), [pattern]

    def null(self):
        column = self.rng.choice(list(COLUMNS))
        no = ["NOT"] if self.rng.random() < 0.5 else []
        return [column, "IS", *no, "NULL"], "%s IS %s NULL" % (sql(column), "".join(no)), []

    def columns(self):
        left, right = self.rng.choice((("n", "m"), ("m", "n"), ("n", "f"), ("f", "m"), ("s", "t"), ("t", "s"), ("f", "f"), ("d", "d"), ("n", "_id")))
        operator = self.rng.choice(OPERATORS)
        return [left, operator, "COLUMN", right], "%s %s %s" % (sql(left), operator, sql(right)), []

    def tree(self, depth):
        rng = self.rng
        if depth == 0 or rng.random() < 0.3:
            forms = (self.compared, self.compared, self.between, self.listed, self.like, self.null, self.columns)
            words, text, values = rng.choice(forms)()
            text = "(%s)" % text
        else:
            words, text, values = self.tree(depth - 1)
            for _ in range(rng.randrange(3)):
                more, more_text, more_values = self.tree(depth - 1)
                joint = rng.choice(("AND", "OR"))
                words, text, values = ["(", *words, ")", joint, "(", *more, ")"], "((%s) %s (%s))" % (text, joint, more_text), values + more_values
            words = ["(", *words, ")"]
        if rng.random() < 0.25:
            return ["NOT", *words], "(NOT %s)" % text, values
        return words, text, values

    def chain(self):
        """Joined without parentheses: AND binds tighter for both."""
        words, text, values = self.tree(0)
        for _ in range(self.rng.randrange(5)):
            joint = self.rng.choice(("AND", "or", "and"))
            more, more_text, more_values = self.tree(0)
            words, text, values = [*words, joint, *more], "%s %s %s" % (text, joint, more_text), values + more_values
        return words, text, values

    def where(self):
        return self.chain() if self.rng.random() < 0.3 else self.tree(self.rng.randrange(4))


def sql(column):
    return "row" if column == "_id" else column


class Twins:
    def __init__(self, connection, rng, rows):
        self.connection = connection
        self.rng = rng
        self.maker = Maker(rng)
        self.sqlite = sqlite3.connect(":memory:")
        self.sqlite.execute("PRAGMA case_sensitive_like=ON")
        self.sqlite.execute("CREATE TABLE t (row INTEGER PRIMARY KEY, id INTEGER, n INTEGER, m INTEGER, f REAL, s TEXT, t TEXT, d TEXT)")
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        for table, kinds in TABLES.items():
            connection.run("TABLE.SCHEMA.CREATE", table, *("%s:%s:%s" % (name, kind, kinds[name]) for name, kind in COLUMNS.items()))
        self.fill(rows)

    def fill(self, rows):
        commands = []
        for row in range(1, rows + 1):
            chosen = [column for column in COLUMNS if column != "id" and self.rng.random() < 0.85]
            pairs = [("id", str(row), row)] + [(column, *self.maker.value(column)) for column in chosen]
            commands += [["TABLE.INSERT", table, *("%s=%s" % pair[:2] for pair in pairs)] for table in TABLES]
            self.sqlite.execute("INSERT INTO t (row, %s) VALUES (%s)" % (", ".join(pair[0] for pair in pairs), ", ".join("?" * (len(pairs) + 1))),
                                [row] + [pair[2] for pair in pairs])
        for first in range(0, len(commands), 400):
            self.connection.pipeline(commands[first:first + 400])

    def select(self):
        words, text, values = self.maker.where()
        wanted = [row for row, in self.sqlite.execute("SELECT id FROM t WHERE %s ORDER BY row" % text, values)]
        for table, reply in zip(TABLES, self.connection.pipeline(["TABLE.SELECT", table, "WHERE", *words] for table in TABLES)):
            found = [int(dict(zip(row[::2], row[1::2]))[b"id"]) for row in plain(reply)]
            assert found == wanted, "%s: %r, %s, %r" % (table, words, text, values)

    def update(self):
        words, text, values = self.maker.where()
        column = self.rng.choice(("n", "m", "f", "s", "t", "d"))
        word, theirs = self.maker.value(column)
        count = self.sqlite.execute("UPDATE t SET %s = ? WHERE %s" % (column, text), [theirs, *values]).rowcount
        replies = self.connection.pipeline(["TABLE.UPDATE", table, "WHERE", *words, "SET", column + "=" + word] for table in TABLES)
        assert list(map(plain, replies)) == [count] * len(TABLES), words

    def delete(self):
        words, text, values = self.maker.where()
        count = self.sqlite.execute("SELECT count(*) FROM t WHERE %s" % text, values).fetchone()[0]
        if count < 20:
            self.sqlite.execute("DELETE FROM t WHERE %s" % text, values)
            replies = self.connection.pipeline(["TABLE.DELETE", table, "WHERE", *words] for table in TABLES)
            assert list(map(plain, replies)) == [count] * len(TABLES), words


def run(server, seed, rows, selects):
    with server.connect() as connection:
        twins = Twins(connection, random.Random(seed), rows)
        for number in range(selects):
            twins.select()
            if number % 8 == 0:
                twins.update()
            if number % 12 == 0:
                twins.delete()
        assert connection.run("MEMORY", "AUDIT") == b"OK"


def test_random_conditions_find_what_sqlite_finds(server, shards):
    run(server, 70 + shards, 150, SELECTS)


@pytest.mark.slow
@pytest.mark.heavy
def test_random_conditions_find_what_sqlite_finds_for_long(server, shards):
    run(server, 7000 + shards, 1200, LONG_SELECTS)


# --- what is no scan

ANSWERED = [
    (("_id=77",), 1), (("_id", "=", "5000"), 0), (("_id=77", "AND", "note=y"), 0), (("_id", "IN", "(", "1", "2000", "7777", ")"), 2),
    (("size", "BETWEEN", "10", "AND", "19"), 10), (("name", "LIKE", "name003%"), 10), (("name", "LIKE", "name003%", "AND", "note=x"), 10),
    (("name", "LIKE", "name00%0"), None), (("name", "LIKE", "name003%7"), 1), (("name", "LIKE", "%7"), None),
    (("id", "IN", "(", "3", "30", "31", ")"), 2), (("size", "IN", "(", *map(str, range(64)), ")"), 64),
    (("size", "IN", "(", *map(str, range(65)), ")"), None), (("NOT", "(", "size<10", "OR", "size>12", ")"), 3),
    (("id", "IS", "NULL"), None), (("_id>1990",), None), (("id", "NOT", "IN", "(", "3", ")"), None),
    (("id", "=", "COLUMN", "size"), None), (("id", "=", "COLUMN", "size", "AND", "size<5"), 1), (("size>1994.5",), 5),
]


def test_what_an_index_answers_is_no_scan(start, shards):
    """2,000 rows, of which a statement may look at 50."""
    with start("--table-max-scan-rows", "50", shards=shards).connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "id:integer:hash", "name:string:btree", "size:integer:btree", "note:string")
        for first in range(0, 2000, 500):
            connection.pipeline(["TABLE.INSERT", "t.n", "id=%d" % (number * 3), "name=name%04d" % number, "size=%d" % number, "note=x"]
                                for number in range(first, first + 500))
        for words, count in ANSWERED:
            if count is None:
                with pytest.raises(ReplyError, match="scan limit"):
                    connection.run("TABLE.SELECT", "t.n", "WHERE", *words)
            else:
                assert len(connection.run("TABLE.SELECT", "t.n", "WHERE", *words)) == count, words


# --- errors

ERRORS = [
    (("WHERE", "agee>3"), "ERR unknown column 'agee' in 'agee>3'"),
    (("WHERE", "agee", "=", "3"), "ERR unknown column 'agee'"),
    (("WHERE", "age=abc"), "ERR 'abc' is not an integer (column 'age')"),
    (("WHERE", "age", "IN", "(", "1", "x", ")"), "ERR 'x' is not an integer (column 'age')"),
    (("WHERE", "born=2024"), "ERR '2024' is not a date (column 'born')"),
    (("WHERE", "(", "name=Ada"), "ERR ')' expected behind 'name=Ada'"),
    (("WHERE", "name=Ada", "foo"), "ERR 'AND' or 'OR' expected, not 'foo'"),
    (("WHERE", "name=Ada", "AND"), "ERR a condition expected behind 'AND'"),
    (("WHERE",), "ERR a condition expected behind 'WHERE'"),
    (("WHERE", "age", "BETWEEN", "1", "2"), "ERR 'AND' expected, not '2'"),
    (("WHERE", "age", "IN", "1"), "ERR '(' expected, not '1'"),
    (("WHERE", "age", "IS", "5"), "ERR 'NULL' expected, not '5'"),
    (("WHERE", "age", "LIKE", "1%"), "ERR LIKE is for columns of strings, which 'age' is not"),
    (("WHERE", "name", "LIKE", "a\\"), "ERR nothing stands behind the last backslash of 'a\\'"),
    (("WHERE", "age", "=", "COLUMN", "name"), "ERR columns 'age' and 'name' cannot be compared"),
    (("WHERE", "age", "IN", "(", *["1"] * 10001, ")"), "ERR too many values (max 10000)"),
    (("WHERE", "age=" + "x" * 70), "ERR '%s...' is not an integer (column 'age')" % ("x" * 64)),
    (("WHERE", "age=" + "x" * 63 + "éé"), "ERR '%s...' is not an integer (column 'age')" % ("x" * 63)),
    (("WHERE", "age=\r\n\x00"), "ERR '\\x0d\\x0a\\x00' is not an integer (column 'age')"),
]


def test_errors_name_the_word(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "age:integer:hash", "name:string", "born:date")
        for words, text in ERRORS:
            assert error_of(connection, "TABLE.SELECT", "t.n", *words) == text
            assert error_of(connection, "TABLE.DELETE", "t.n", *words) == text
            if "expected behind" not in text:  # in an UPDATE the words go on with SET
                assert error_of(connection, "TABLE.UPDATE", "t.n", *words, "SET", "age=1") == text


def test_conditions_end_at_set(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "s:string", "n:integer")
        connection.pipeline([["TABLE.INSERT", "t.n", "s=", "n=1"], ["TABLE.INSERT", "t.n", "s=COLUMN", "n=2"], ["TABLE.INSERT", "t.n", "s=SET"]])
        assert connection.run("TABLE.UPDATE", "t.n", "WHERE", "s=", "SET", "n=5") == 1
        assert connection.run("TABLE.UPDATE", "t.n", "WHERE", "s", "=", "COLUMN", "SET", "n=6") == 1
        assert connection.run("TABLE.UPDATE", "t.n", "WHERE", "s", "=", "SET", "SET", "n=7") == 1
        assert connection.run("TABLE.UPDATE", "t.n", "WHERE", "n", "IN", "(", "5", "6", ")", "SET", "n=8") == 2
        assert [row[1::2] for row in connection.run("TABLE.SELECT", "t.n")] == [[b"", b"8"], [b"COLUMN", b"8"], [b"SET", b"7"]]
        with pytest.raises(ReplyError, match="unknown column '_id'"):
            connection.run("TABLE.UPDATE", "t.n", "SET", "_id=7")


def test_a_column_may_be_named_as_the_row_id(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "_id:string", "not:integer")
        connection.pipeline([["TABLE.INSERT", "t.n", "_id=x", "not=5"], ["TABLE.INSERT", "t.n", "_id=1", "not=6"]])
        assert [row[1] for row in connection.run("TABLE.SELECT", "t.n", "WHERE", "_id=1")] == [b"1"]
        assert [row[1] for row in connection.run("TABLE.SELECT", "t.n", "WHERE", "not", "=", "5")] == [b"x"]
        assert [row[1] for row in connection.run("TABLE.SELECT", "t.n", "WHERE", "NOT", "not=5")] == [b"1"]
