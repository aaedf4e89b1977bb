"""TABLE.QUERY: random statements of SQL against SQLite, on tables with different indexes and of different sizes; what is refused, and where it says
that it is; hostile texts; SQL inside transactions and scripts."""

import pytest

from harness.process import SLOWDOWN
from harness.resp import ReplyError, plain
from harness.twins import COLUMNS, Twins, text_of

TABLES = {"t.plain": ("none", "none", "none"), "t.hash": ("hash", "hash", "hash"), "t.btree": ("btree", "btree", "btree")}
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


class StatementTwins(Twins):
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
        rows = []
        for _ in range(self.rng.choice([1, 1, 2, 7])):
            row = self.row(20000 + self.rng.randrange(1000000))
            literals = ["NULL" if value is None else repr(value) for value in row]
            rows.append("(%s)" % ", ".join([literals[4], literals[0] + " + 0", literals[1], literals[3], literals[2]]))
        text = "INSERT INTO {table} (d, id, name, w, age) VALUES " + ", ".join(rows)
        self.sqlite.execute(text.format(table="t"))
        for reply in self.replies(text):
            assert isinstance(reply, bytes) if len(rows) == 1 else len(reply) == len(rows)


KINDS = ["rows"] * 4 + ["groups", "update", "insert"] * 2 + ["totals", "star", "arguments", "move", "delete"]


def run(server, seed, rows, steps):
    with server.connect() as connection:
        twins = StatementTwins(connection, TABLES, seed, rows)
        twins.run(KINDS, steps)
        twins.compare("SELECT * FROM {table} ORDER BY id")


@pytest.mark.parametrize("rows", [40, 1500])
def test_statements_mean_what_they_mean_to_sqlite(server, shards, rows):
    run(server, 10 * shards + rows, rows, STEPS if rows < 100 else STEPS // 4)


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.parametrize("rows", [0, 60, 3000])
def test_statements_mean_what_they_mean_to_sqlite_for_long(server, shards, rows):
    run(server, 1000 * shards + rows, rows, LONG_STEPS if rows < 100 else LONG_STEPS // 10)


# --- one server for all that follows a shop

@pytest.fixture
def shop(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "s")
        assert query(connection, "CREATE TABLE s.people (id INTEGER NOT NULL, name VARCHAR, age BIGINT DEFAULT 7, price NUMERIC(8, 2), "
                     "at TIMESTAMP DEFAULT '2024-01-01', raw BLOB, token UUID, more JSON, ok BOOLEAN)") == b"OK"
        yield connection


def query(connection, text, *arguments):
    return connection.run("TABLE.QUERY", text, *arguments)


def refusal(connection, text, *arguments):
    with pytest.raises(ReplyError) as refused:
        query(connection, text, *arguments)
    return str(refused.value)


# A statement, what is said of it, and at which character that is; None: of the statement as a whole.
REFUSED = [
    ("SELEC id FROM s.people", "was expected, not SELEC", 1),
    ("SELECT id FROM s.people WHERE", "", None),
    ("SELECT nope FROM s.people", "there is no column nope", 8),
    ("SELECT id FROM s.people WHERE nope = 1", "there is no column nope", 31),
    ("SELECT id FROM s.people WHERE age = 'x'", "cannot be compared", 35),
    ("SELECT id FROM s.people WHERE age", "a condition was expected", 31),
    ("SELECT id FROM s.people WHERE count(*) > 1", "an aggregate cannot stand here", 31),
    ("SELECT id FROM s.nobody", "there is no table s.nobody", 16),
    ("SELECT p.id FROM s.people AS x", "there is no column p.id", 8),
    ("SELECT people.id FROM s.people AS x", "there is no column people.id", 8),
    ("SELECT id FROM s.people UNION SELECT id FROM s.people", "UNION is not supported yet", 31),
    ("SELECT id FROM s.people WHERE id IN (SELECT 1)", "FROM is not supported yet", 38),
    ("SELECT 1", "FROM is not supported yet", 1),
    ("SELECT id FROM s.people LIMIT -1", "", None),
    ("SELECT id FROM s.people WHERE 1 / (id - 1) = 1", "division by zero", 33),
    ("SELECT 1 / (id - 1) FROM s.people", "division by zero", 10),
    ("INSERT INTO s.people (id, nope) VALUES (1, 2)", "there is no column nope", 27),
    ("INSERT INTO s.people (id, id) VALUES (1, 2)", "named twice", 27),
    ("INSERT INTO s.people (id, name) VALUES (1)", "2 values were expected here, not 1", 41),
    ("INSERT INTO s.people (id) VALUES (2), (3, 4)", "1 value was expected here, not 2", 40),
    ("INSERT INTO s.people (id) VALUES (2), (3), ('x')", "integer was expected", 45),
    ("INSERT INTO s.people (id) VALUES (2), (1 / 0)", "division by zero", 42),
    ("INSERT INTO s.people (id) VALUES (2), (NULL)", "'id' must have a value", 40),
    ("INSERT INTO s.people (id) VALUES (NULL)", "'id' must have a value", 35),
    ("INSERT INTO s.people (name) VALUES ('x')", "'id' must have a value", 37),
    ("INSERT INTO s.people (id) VALUES ('x')", "integer was expected", 35),
    ("INSERT INTO s.people (id) VALUES (age)", "no columns here", 35),
    ("INSERT INTO s.people (id, price) VALUES (1, 1234567.5)", "", 45),
    ("INSERT INTO s.people (id, more) VALUES (1, '{')", "", 44),
    ("INSERT INTO s.people (id) VALUES (1) ON CONFLICT (id) DO NOTHING", "ON CONFLICT takes one column, which is unique", 51),
    ("DELETE FROM s.people RETURNING sum(id)", "RETURNING takes items of a row", 32),
    ("UPDATE s.people SET nope = 1", "there is no column nope", 21),
    ("UPDATE s.people SET age = 1, age = 2", "two values", 30),
    ("UPDATE s.people SET age = name", "integer was expected", 27),
    ("UPDATE s.people SET id = NULL", "column 'id' must have a value", None),
    ("UPDATE s.people SET age = 1 / (id - 1)", "division by zero", 29),
    ("UPDATE s.people SET age = count(*)", "an aggregate cannot stand here", 27),
    ("SELECT id FROM s.people WHERE id = ?", "1 parameter, but 0 arguments were given", None),
    ("EXPLAIN DELETE FROM s.people", "EXPLAIN is for SELECT", None),
    ("CREATE TABLE s.people (id INTEGER)", "already exists", None),
    ("CREATE TABLE nowhere.t (id INTEGER)", "namespace does not exist", None),
    ("CREATE TABLE s.t (id NOTHING)", "no such type", 22),
    ("CREATE TABLE s.t (id INTEGER PRIMARY KEY, no INTEGER PRIMARY KEY)", "one 'primary' column at most", None),
    ("CREATE TABLE s.t (id INTEGER CHECK (id > 1))", "CHECK", 19),
    ("CREATE TABLE s.t (p DECIMAL(40))", "1 to 18 digits", 21),
    ("CREATE TABLE s.t (id INTEGER DEFAULT 'x')", "integer was expected", 38),
    ('CREATE TABLE s.t ("a:b" INTEGER)', "no colon", 19),
    ("CREATE TABLE s.t (a INTEGER, a INTEGER)", "already exists", None),
    ("ALTER TABLE s.people RENAME TO people", "", None),
    ("ALTER TABLE s.people DROP COLUMN nope", "column does not exist", None),
    ("CREATE INDEX ON s.people (id, name)", "an index has one column", 31),
    ("CREATE INDEX ON s.people (nope)", "column does not exist", None),
    ("DROP INDEX i ON s.people", "named by its column", 17),
    ("DROP TABLE s.nobody", "there is no table s.nobody", 12),
]


def test_a_refusal_says_what_and_where(shop):
    assert query(shop, "INSERT INTO s.people (id, name) VALUES (1, 'x')") == b"1"
    said = [(refusal(shop, text), text, reason, column) for text, reason, column in REFUSED]
    assert [each for each in said if not each[0].startswith("ERR ") or each[2] not in each[0]] == []
    assert [each for each in said if each[3] is not None and "column %d (" % each[3] not in each[0]] == []
    assert query(shop, "SELECT count(*) AS n, min(age) AS a FROM s.people") == [[b"n", 1, b"a", 7]]


def test_arguments_have_the_type_of_what_they_stand_beside(shop):
    token = "00112233-4455-6677-8899-aabbccddeeff"
    insert = "INSERT INTO s.people (id, name, price, raw, token, more, ok, age) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    query(shop, insert, "1", "O'Neill", "12.345", b"\x00\xff", token, '{"a": [1]}', "true", "-5")
    columns = b"id name age price at raw token more ok".split()
    values = [1, b"O'Neill", -5, b"12.35", b"2024-01-01T00:00:00Z", b"\x00\xff", token.encode(), b'{"a": [1]}', 1]
    assert query(shop, "SELECT * FROM s.people") == [[each for pair in zip(columns, values) for each in pair]]
    for condition, argument, count in [("id = ?", "1", 1), ("id < ?", "1.5", 1), ("name = ?", "O'Neill", 1), ("price = ?", "12.35", 1), ("price > ?", "12.349", 1),
                                       ("at > ?", "2024-01-01", 0), ("raw = ?", b"\x00\xff", 1), ("token = ?", token.upper(), 1), ("ok = ?", "TRUE", 1),
                                       ("ok AND name LIKE ?", "O'%", 1), ("id IN (?, 7)", "1", 1), ("? = 1", "1", 1), ("more -> 'a' = ?", "[1]", 1)]:
        assert query(shop, "SELECT count(*) AS n FROM s.people WHERE " + condition, argument) == [[b"n", count]], condition
    assert query(shop, "SELECT id FROM s.people LIMIT ? OFFSET ?", "5", "1") == []
    assert query(shop, "SELECT ? AS word FROM s.people", "07") == [[b"word", b"07"]]
    for text, argument, reason in [("id = ?", "x", "argument 1, 'x', is no number"), ("at = ?", "soon", "is no datetime"), ("token = ?", "1", "is no uuid"),
                                   ("ok = ?", "maybe\r\n", "is no boolean")]:
        assert reason in refusal(shop, "SELECT id FROM s.people WHERE " + text, argument)
    assert "LIMIT" in refusal(shop, "SELECT id FROM s.people LIMIT ?", "-1")
    assert "2 parameters, but 3 arguments" in refusal(shop, "SELECT $2 FROM s.people WHERE $1 = 'x'", "1", "2", "3")


def test_explain_names_indexes_conditions_and_shards(shop, shards):
    query(shop, "CREATE INDEX ON s.people (age)")
    query(shop, "CREATE INDEX by_name ON s.people (name) USING HASH")
    shop.pipeline([["TABLE.INSERT", "s.people", "id=%d" % number, "name=n%d" % (number % 50), "age=%d" % number] for number in range(400)])

    def lines(text):
        return [line.decode() for line in query(shop, "EXPLAIN SELECT id FROM s.people " + text)]
    told = lines("WHERE age BETWEEN 3 AND 9 AND length(name) = 2 AND (id = 1 OR id = 2) ORDER BY id LIMIT 3")
    assert told[:3] == ["table s.people, %d of %d shards" % (shards, shards), "conditions: age BETWEEN 3 AND 9",
                        "asked of each row: length(name) = 2 AND (id = 1 OR id = 2)"]
    assert len([line for line in told if "btree index on age" in line]) == shards and told[-2:] == ["sort", "limit 3 offset 0"]
    assert "hash index on name" in lines("WHERE name = 'n3'")[2] and "scan of" in lines("WHERE age + 1 = 3")[2]
    assert "2 values in" in lines("WHERE name IN ('n3', 'n4')")[2] and "row of an id" in lines("WHERE _id = 3")[2]
    assert lines("GROUP BY id")[-1] == "groups"
    assert lines("ORDER BY age DESC LIMIT 1")[1].endswith(" 1 rows in order") and "scan of" in lines("ORDER BY age DESC")[1]


def test_tables_and_indexes_come_and_go(shop):
    view = [[b"id", b"integer", b"none", b"notnull"], [b"name", b"string", b"none"], [b"age", b"integer", b"none", b"default=7"],
            [b"price", b"decimal(8,2)", b"none"], [b"at", b"datetime", b"none", b"default=2024-01-01T00:00:00Z"], [b"raw", b"blob", b"none"],
            [b"token", b"uuid", b"none"], [b"more", b"json", b"none"], [b"ok", b"boolean", b"none"]]
    assert shop.run("TABLE.SCHEMA.VIEW", "s.people", "FULL") == view
    assert query(shop, "CREATE TABLE IF NOT EXISTS s.people (other INTEGER)") == b"OK"
    for text in ("ALTER TABLE s.people ADD COLUMN w DOUBLE PRECISION", "ALTER TABLE s.people ADD w FLOAT"):
        try:
            assert query(shop, text) == b"OK"
            break
        except ReplyError:
            continue
    query(shop, "ALTER TABLE s.people DROP COLUMN raw")
    query(shop, "CREATE INDEX ON s.people (id) USING HASH")
    query(shop, "CREATE INDEX IF NOT EXISTS ON s.people (id)")
    view = [each for each in view if each[0] != b"raw"] + [[b"w", b"float", b"none"]]
    view[0][2] = b"hash"
    assert shop.run("TABLE.SCHEMA.VIEW", "s.people", "FULL") == view
    query(shop, "DROP INDEX ON s.people (id)")
    assert shop.run("TABLE.SCHEMA.VIEW", "s.people", "FULL")[0][2] == b"none"
    assert query(shop, "DROP TABLE s.people") == query(shop, "DROP TABLE IF EXISTS s.people") == b"OK"
    assert shop.run("TABLE.NAMESPACE.VIEW") == []


def test_transactions_scripts_and_the_log_take_sql(start, shards):
    server = start("--appendonly", "yes", shards=shards)
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "s")
        connection.run("MULTI")
        for text in ("CREATE TABLE s.t (id INTEGER, n INTEGER DEFAULT 7)", "INSERT INTO s.t (id) VALUES (1)", "INSERT INTO s.t (id) VALUES (2)",
                     "CREATE INDEX ON s.t (id) USING HASH", "UPDATE s.t SET n = n + id WHERE id < 10", "ALTER TABLE s.t ADD COLUMN z TEXT",
                     "SELECT id, n FROM s.t ORDER BY id DESC", "DELETE FROM s.t WHERE id + 1 = 2", "CREATE TABLE s.u (id INTEGER)", "DROP TABLE s.u"):
            assert query(connection, text) == b"QUEUED"
        rows = [[b"id", 2, b"n", 9], [b"id", 1, b"n", 8]]
        assert connection.run("EXEC") == [b"OK", b"1", b"2", b"OK", 2, b"OK", rows, 1, b"OK", b"OK"]
        script = "redis.call('TABLE.QUERY', 'CREATE TABLE s.v (a TEXT)'); return redis.call('TABLE.QUERY', 'SELECT n FROM s.t WHERE id = $1', ARGV[1])"
        assert connection.run("EVAL", script, "0", "2") == [[b"n", 9]]
        digest = connection.run("DEBUG", "DIGEST")
        connection.run("DEBUG", "LOADAOF")
        assert connection.run("DEBUG", "DIGEST") == digest
        assert query(connection, "SELECT * FROM s.t") == [[b"id", 2, b"n", 9, b"z", None]] and query(connection, "SELECT a FROM s.v") == []


def test_limits_of_scans_hold_for_sql_too(shop):
    shop.pipeline([["TABLE.INSERT", "s.people", "id=%d" % number] for number in range(50)])
    shop.run("CONFIG", "SET", "table-max-scan-rows", "20")
    for condition in ("id = 3", "id + 1 = 3"):
        assert "scan limit exceeded (max 20 rows)" in refusal(shop, "SELECT id FROM s.people WHERE " + condition)
    assert len(query(shop, "SELECT id FROM s.people")) == 50
    shop.run("CONFIG", "SET", "table-max-scan-rows", "0", "table-require-index", "yes")
    assert "non-indexed column" in refusal(shop, "SELECT id FROM s.people WHERE id = 3")
    assert "non-indexed column" in refusal(shop, "DELETE FROM s.people WHERE id IN (3, 4)")


def test_hostile_texts(shop):
    """Long, deep, wide, cut and odd texts get one error each, and nothing more."""
    deep = "SELECT id FROM s.people WHERE " + "(" * 20000 + "1" + ")" * 20000 + " = 1"
    nots = "SELECT id FROM s.people WHERE " + "NOT " * 20000 + "ok"
    wide = "SELECT id FROM s.people WHERE id IN (" + ",".join(map(str, range(20000))) + ")"
    many = "SELECT id FROM s.people WHERE " + " AND ".join("id <> %d" % number for number in range(2000))
    either = "SELECT id FROM s.people WHERE " + " OR ".join("id = %d" % number for number in range(2000))
    assert query(shop, wide) == query(shop, many) == query(shop, either) == []
    texts = [deep, nots, "x" * (1 << 20), "(" * (1 << 20), "SELECT '" + "y" * (1 << 20), "SELECT " + "1+" * 600 + "1 FROM s.people", "", " ", ";", "\0",
             "SELECT id FROM s.\"peo\0ple\"", "SELECT id FROM \"s.people\"", "SELECT id FROM s.people; SELECT 1", b"SELECT \xff\xfe FROM s.people",
             "SELECT id FROM " + "n" * 5000 + "." + "t" * 5000, "SELECT " + ",".join(["id"] * 5000) + " FROM s.people",
             "SELECT $40000 FROM s.people", "SELECT $1, ? FROM s.people"]
    for text in texts:
        said = refusal(shop, text)
        assert said.startswith("ERR ") and len(said) < 700 and "\n" not in said, said
    assert shop.run("PING") == b"PONG" and shop.run("MEMORY", "AUDIT") == b"OK"
