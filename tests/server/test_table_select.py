"""TABLE.SELECT with COLUMNS, GROUP BY, HAVING, ORDER BY, LIMIT and OFFSET: random statements against SQLite, on tables with different indexes and
of different sizes; both forms of lists; what is refused, and that nothing is told of a row before one that fails."""

import random

import pytest

from harness.process import SLOWDOWN
from harness.resp import ReplyError, plain
from harness.twins import Twins, text_of

TABLES = {"t.plain": ("none", "none", "none"), "t.hash": ("hash", "none", "hash"), "t.btree": ("btree", "none", "btree")}
STEPS = 120
LONG_STEPS = int(3000 / SLOWDOWN)
SCALARS = ["id", "age", "name", "w", "d", "age + id", "age * 2 - 1", "w * 2", "w + age", "length(name)", "upper(name)", "coalesce(age, -1)",
           "abs(age - 30)", "substr(name, 2, 2)", "name || '!'", "CASE WHEN age > 30 THEN 'old' ELSE name END", "age % 7", "7",
           "age BETWEEN 20 AND 30", "name IN ('n1', 'n2')"]
AGGREGATES = ["count(*)", "count(age)", "count(DISTINCT name)", "sum(age)", "sum(w)", "avg(age)", "avg(w)", "min(name)", "max(name)", "min(d)",
              "max(w)", "sum(age + id)", "sum(DISTINCT age)", "count(*) * 2 + 1", "max(length(name))", "min(age) - max(age)"]
GROUPS = ["name", "age", "d", "age % 5", "length(name)", "w > 10", "substr(name, 1, 1)"]


class ClauseTwins(Twins):
    # --- parts of a statement: our words, SQLite's text

    def where(self):
        rng = self.rng
        conditions = [("id", "<", rng.randrange(3000)), ("age", ">=", rng.randrange(18, 70)), ("name", "=", "n%d" % rng.randrange(30)),
                      ("w", ">", rng.randrange(0, 50)), ("d", "<", "2024-06-15"), ("age", "=", rng.randrange(18, 70)), ("id", ">", -1)]
        chosen = rng.sample(conditions, rng.choice([0, 0, 1, 1, 2]))
        if not chosen:
            return [], ""
        joint = rng.choice(["AND", "OR"])
        words = []
        for column, operator, value in chosen:
            words += [joint] * bool(words) + [column, operator, str(value)]
        return ["WHERE", *words], " WHERE " + (" %s " % joint).join("%s %s '%s'" % each if isinstance(each[2], str) else "%s %s %s" % each for each in chosen)

    def listed(self, elements):
        """Words of a list in one of both forms; an element is a text, or several words."""
        words = []
        comma = self.rng.choice(["", ","])
        for element in elements:
            if words:
                words[-1] += comma
            words += [element] if isinstance(element, str) else element
        return words

    def order(self, expressions):
        """Each of them, in some direction. Ours, SQLite's."""
        elements, texts = [], []
        for expression in expressions:
            direction = self.rng.choice([[], ["ASC"], ["DESC"], ["DESC", "NULLS", "FIRST"], ["ASC", "NULLS", "LAST"]])
            elements.append([expression, *direction])
            texts.append(" ".join([expression, *direction]))
        return ["ORDER", "BY", *self.listed(elements)], " ORDER BY " + ", ".join(texts)

    def limit(self):
        rng = self.rng
        if rng.random() < 0.5:
            return [], ""
        words = ["LIMIT", str(rng.choice([0, 1, 3, 10, 100, 10000]))]
        if rng.random() < 0.5:
            words += ["OFFSET", str(rng.choice([0, 1, 7, 50, 5000]))]
        return words, " " + " ".join(words)

    # --- statements

    def compare(self, items, words, text, is_distinct=False):
        columns = ["COLUMNS"] + ["DISTINCT"] * is_distinct + self.listed(items)
        query = "SELECT " + "DISTINCT " * is_distinct + ", ".join(items) + " FROM t" + text
        wanted = [[text_of(value) for value in row] for row in self.sqlite.execute(query)]
        for table, rows in self.same(columns + words, query):
            assert [row[1::2] for row in rows] == wanted, (self.seed, table, query, columns + words)

    def same(self, words, query):
        replies = self.connection.pipeline(["TABLE.SELECT", table, *words] for table in TABLES)
        assert not any(kind == "-" for kind, _ in replies), (self.seed, query, replies)
        return [(table, plain(reply)) for table, reply in zip(TABLES, replies)]

    def rows(self):
        items = self.rng.sample(SCALARS, self.rng.randrange(1, 5))
        where, where_text = self.where()
        limit, limit_text = self.limit()
        order, order_text = self.order(self.rng.sample(SCALARS[:14], self.rng.randrange(0, 3)) + ["id"])
        if not limit and self.rng.random() < 0.3:
            order, order_text = [], " ORDER BY rowid"
        self.compare(items, where + order + limit, where_text + order_text + limit_text)

    def first_rows(self):
        """Few of an order, which an index may know."""
        where, where_text = self.where()
        column = self.rng.choice(["id", "age"])
        order, order_text = self.order([column] + self.rng.choice([[], ["name"], ["w", "d"]]) + ["id"])
        most, begin = self.rng.choice([1, 2, 10, 60]), self.rng.choice([0, 0, 5])
        limit = ["LIMIT", str(most), "OFFSET", str(begin)]
        self.compare(["id", column, "name"], where + order + limit, where_text + order_text + " " + " ".join(limit))

    def distinct(self):
        items = self.rng.sample([each for each in SCALARS if each not in ("7",)], self.rng.randrange(1, 4))
        where, where_text = self.where()
        limit, limit_text = self.limit()
        order, order_text = self.order(items)
        self.compare(items, where + order + limit, where_text + order_text + limit_text, is_distinct=True)

    def groups(self):
        keys = self.rng.sample(GROUPS, self.rng.randrange(0, 3))
        items = self.rng.sample(AGGREGATES, self.rng.randrange(1, 4)) + keys
        self.rng.shuffle(items)
        where, where_text = self.where()
        group, group_text = ["GROUP", "BY", *self.listed(keys)], " GROUP BY " + ", ".join(keys)
        having, having_text = [], ""
        if self.rng.random() < 0.4:
            condition = self.rng.choice(["count(*) > 3", "sum(age) IS NOT NULL", "max(w) > 20 AND count(*) < 50", "min(name) <> 'n1'"])
            having, having_text = ["HAVING", *condition.split()], " HAVING " + condition
        if not keys:
            group, group_text, having, having_text = [], "", [], ""
        order, order_text = self.order(self.rng.sample(AGGREGATES, self.rng.randrange(0, 2)) + keys)
        limit, limit_text = self.limit()
        if not keys:
            order, order_text = [], ""
        self.compare(items, where + group + having + order + limit, where_text + group_text + having_text + order_text + limit_text)

    def groups_without_order(self):
        """They come in the order of their keys."""
        keys = self.rng.sample(GROUPS, self.rng.randrange(1, 3))
        self.compare(keys + ["count(*)"], ["GROUP", "BY", *self.listed(keys)], " GROUP BY %s ORDER BY %s" % ((", ".join(keys),) * 2))

    def enough(self):
        """LIMIT without ORDER BY: as many rows as there are, each of those that match."""
        where, where_text = self.where()
        most = self.rng.choice([0, 1, 5, 300])
        found = {row[0] for row in self.sqlite.execute("SELECT id FROM t" + where_text)}
        for table, rows in self.same(["COLUMNS", "id", *where, "LIMIT", str(most)], where_text):
            mine = [row[1] for row in rows]
            assert len(mine) == len(set(mine)) == min(most, len(found)) and set(mine) <= found, (self.seed, table, where, most)


KINDS = ["rows", "groups", "first_rows"] * 2 + ["distinct", "groups_without_order", "enough"]


def run(server, seed, rows, steps):
    with server.connect() as connection:
        ClauseTwins(connection, TABLES, seed, rows).run(KINDS, steps)


@pytest.mark.parametrize("rows", [40, 1500])
def test_clauses_mean_what_they_mean_to_sqlite(server, shards, rows):
    run(server, 10 * shards + rows, rows, STEPS if rows < 100 else STEPS // 4)


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.parametrize("rows", [0, 60, 3000])
def test_clauses_mean_what_they_mean_to_sqlite_for_long(server, shards, rows):
    run(server, 1000 * shards + rows, rows, LONG_STEPS if rows < 100 else LONG_STEPS // 10)


# --- what a reply looks like

@pytest.fixture
def people(server):
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "s")
        connection.run("TABLE.SCHEMA.CREATE", "s.people", "id:integer:hash", "name:string", "my-col:integer", "order:integer", "w:float")
        for number in range(1, 6):
            connection.run("TABLE.INSERT", "s.people", "id=%d" % number, "name=p%d" % number, "my-col=%d" % (number % 2), "order=%d" % -number)
        yield connection


def test_names_and_types_of_items(people):
    words = ("TABLE.SELECT", "s.people", "COLUMNS", "name", "AS", "who", "id * 2", "AS", "double id", "w", "count(*)", "GROUP", "BY", "name", "id", "w",
             "LIMIT", "1")
    assert people.run(*words) == [[b"who", b"p1", b"double id", 2, b"w", None, b"count(*)", 1]]
    assert people.run("TABLE.SELECT", "s.people", "COLUMNS", "_id", "my-col", "id / 2.0", "name = 'p1'", "LIMIT", "1") == [
        [b"_id", 1, b"my-col", 1, b"id / 2.0", b"0.5", b"name = 'p1'", 1]]
    people.run("HELLO", "3")
    kinds = people.call("TABLE.SELECT", "s.people", "COLUMNS", "id", "id / 2.0", "name", "w", "LIMIT", "1")[1][0]
    assert kinds[0] == "%" and [value[0] for _, value in kinds[1]] == [":", ",", "$", "_"]
    assert people.run("TABLE.SELECT", "s.people", "COLUMNS", "id / 2.0", "AS", "half", "name = 'p1'", "AS", "is", "w", "LIMIT", "1") == [
        {b"half": b"0.5", b"is": True, b"w": None}]


def test_a_column_may_have_any_name(people):
    assert people.run("TABLE.SELECT", "s.people", "COLUMNS", "order", "ORDER", "BY", "my-col", "order", "LIMIT", "2") == [
        [b"order", -4], [b"order", -2]]
    assert people.run("TABLE.SELECT", "s.people", "COLUMNS", '"order" * 2', "AS", "o", "WHERE", "order=-3") == [[b"o", -6]]


def test_whole_rows_in_order(people):
    rows = people.run("TABLE.SELECT", "s.people", "WHERE", "id>1", "ORDER", "BY", "id", "DESC", "LIMIT", "2", "OFFSET", "1")
    assert rows == [[b"id", b"4", b"name", b"p4", b"my-col", b"0", b"order", b"-4"],
                           [b"id", b"3", b"name", b"p3", b"my-col", b"1", b"order", b"-3"]]


REFUSED = {
    "COLUMNS": "expression",
    "COLUMNS nope": "there is no column nope",
    "COLUMNS name count(*)": "neither in GROUP BY",
    "COLUMNS count(name,id)": "",
    "COLUMNS sum(name)": "not for values of this type",
    "COLUMNS sum(sum(id))": "an aggregate cannot stand here",
    "COLUMNS id WHERE id>0 GROUP BY sum(id)": "an aggregate cannot stand in GROUP BY",
    "COLUMNS * GROUP BY id": "not a star",
    "COLUMNS DISTINCT *": "not a star",
    "GROUP BY id": "the items are to be named",
    "COLUMNS id ORDER BY 3": "no item of this number",
    "COLUMNS id ORDER BY": "expression",
    "COLUMNS id LIMIT": "",
    "COLUMNS id LIMIT -1": "",
    "COLUMNS id LIMIT x": "",
    "COLUMNS id HAVING name": "",
    "COLUMNS DISTINCT id ORDER BY name": "with DISTINCT it must be one of the items",
    "COLUMNS ? LIMIT 1": "",
    "COLUMNS id UNION": "",
    "COLUMNS (SELECT": "",
    "COLUMNS name+1": "",
    "COLUMNS id ORDER BY id LIMIT 1 ORDER BY id": "",
    "COLUMNS id LIMIT 1 WHERE id=1": "",
    "COLUMNS 1/(id-3)": "division by zero",
    "COLUMNS id ORDER BY 1/(id-3)": "",
    "COLUMNS id*9223372036854775807": "out of range",
    "COLUMNS sum(id*4000000000000000000) WHERE id<3": "",
}


def test_what_makes_no_sense_is_refused_as_a_whole(people):
    for clauses, reason in REFUSED.items():
        with pytest.raises(ReplyError) as refused:
            people.run("TABLE.SELECT", "s.people", *clauses.split())
        assert str(refused.value).startswith("ERR ") and reason in str(refused.value), clauses
        assert people.run("PING") == b"PONG"


def test_words_cannot_bring_another_table(people):
    people.run("TABLE.SCHEMA.CREATE", "s.secret", "id:integer")
    for item in ("id FROM s.secret --", 'id FROM "s"."secret" --', "id FROM s.people UNION SELECT id FROM s.secret --",
                 "(SELECT id FROM s.secret)", "id FROM s.people, s.secret --", "1 --"):
        with pytest.raises(ReplyError):
            people.run("TABLE.SELECT", "s.people", "COLUMNS", item)


def test_a_row_that_fails_leaves_no_part_of_a_reply(server, shards):
    """The last of many rows fails, when others have been told."""
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "id:integer:hash")
        connection.pipeline([["TABLE.INSERT", "t.n", "id=%d" % number] for number in range(3000)])
        replies = connection.pipeline([["TABLE.SELECT", "t.n", "COLUMNS", "10 / (id - 2999)"], ["PING"],
                                       ["TABLE.SELECT", "t.n", "COLUMNS", "count(*)"]])
        assert replies[0][0] == "-" and b"division by zero" in replies[0][1]
        assert [plain(reply) for reply in replies[1:]] == [b"PONG", [[b"count(*)", 3000]]]


def made_values(rng):
    """Keys of groups: texts of all lengths around 15 bytes, numbers near each other and far apart, and few and many of them."""
    return {"few": rng.randrange(-3, 4), "many": rng.randrange(4000), "wide": rng.choice([-2**62, 2**62, 0, 1, rng.randrange(2**40)]),
            "text": "k" * rng.randrange(20) + str(rng.randrange(3)), "paid": rng.choice(["true", "false"]), "price": "%d.%02d" % (rng.randrange(5), rng.randrange(100))}


def aggregated(rows, key):
    """What count(*), count(few), sum(few), min(wide), max(wide) and max(price) are, by the key's value."""
    groups = {}
    for row in rows:
        groups.setdefault(row.get(key), []).append(row)
    return {value: (len(members), *(function([row[column] for row in members if column in row] or [None]) for function, column in (
        (lambda all_of: len(all_of) - (all_of == [None]), "few"), (lambda all_of: None if all_of == [None] else sum(all_of), "few"),
        (min, "wide"), (max, "wide"), (max, "price")))) for value, members in groups.items()}


def test_groups_by_one_column_of_any_type(server, shards):
    rng = random.Random(shards)
    items = ["count(*)", "count(few)", "sum(few)", "min(wide)", "max(wide)", "max(price)"]
    rows = [{name: value for name, value in made_values(rng).items() if rng.random() > 0.1} for _ in range(2500)]
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.g", "few:integer", "many:integer", "wide:integer", "text:string", "paid:boolean", "price:decimal(8,2)")
        connection.pipeline([["TABLE.INSERT", "t.g", *("%s=%s" % pair for pair in row.items())] for row in rows])
        for key in ("few", "many", "wide", "text", "paid", "price"):
            told = connection.run("TABLE.SELECT", "t.g", "COLUMNS", key, *items, "GROUP", "BY", key)
            found = {row[1]: tuple(row[3::2]) for row in told}
            expected = {text_of({"true": 1, "false": 0}.get(value, value)): tuple(map(text_of, rest)) for value, rest in aggregated(rows, key).items()}
            assert len(told) == len(found) and found == expected, key
        for most in (1, 30):
            first = sorted(rows, key=lambda row: row.get("wide", -2**63))[:most]
            told = connection.run("TABLE.SELECT", "t.g", "COLUMNS", "wide", "ORDER", "BY", "wide", "LIMIT", str(most))
            assert [row[1] for row in told] == [row.get("wide") for row in first]
        assert connection.run("TABLE.SELECT", "t.g", "COLUMNS", "count(few)", "count(*)", "WHERE", "few>0", "OR", "text=k0") == [
            [b"count(few)", sum("few" in row for row in rows if row.get("few", 0) > 0 or row.get("text") == "k0"),
             b"count(*)", sum(row.get("few", 0) > 0 or row.get("text") == "k0" for row in rows)]]
        assert connection.run("MEMORY", "AUDIT") == b"OK"


def test_items_of_all_types(server):
    uuids = ["00112233-4455-6677-8899-aabbccddeeff", "ff112233-4455-6677-8899-aabbccddeeff"]
    with server.connect() as connection:
        connection.run("TABLE.NAMESPACE.CREATE", "t")
        connection.run("TABLE.SCHEMA.CREATE", "t.n", "id:integer:hash", "paid:boolean", "at:datetime", "price:decimal(10,2)", "raw:blob", "token:uuid", "more:json")
        for number in range(4):
            connection.run("TABLE.INSERT", "t.n", "id=%d" % number, "paid=%s" % (number % 2 == 1), "at=2024-05-0%dT12:00:00Z" % (number + 1),
                           "price=%d.25" % number, b"raw=\x00%d" % number, "token=" + uuids[number % 2], 'more={"a": %d}' % number)
        assert connection.run("TABLE.SELECT", "t.n", "COLUMNS", "paid", "at", "price * 2", "raw", "token", "more -> 'a'", "WHERE", "id=3") == [
            [b"paid", 1, b"at", b"2024-05-04T12:00:00Z", b"price * 2", b"6.50", b"raw", b"\x003", b"token", uuids[1].encode(), b"more -> 'a'", b"3"]]
        assert connection.run("TABLE.SELECT", "t.n", "COLUMNS", "paid", "sum(price)", "min(at)", "max(token)", "GROUP", "BY", "paid") == [
            [b"paid", 0, b"sum(price)", b"2.50", b"min(at)", b"2024-05-01T12:00:00Z", b"max(token)", uuids[0].encode()],
            [b"paid", 1, b"sum(price)", b"4.50", b"min(at)", b"2024-05-02T12:00:00Z", b"max(token)", uuids[1].encode()]]
        assert connection.run("TABLE.SELECT", "t.n", "COLUMNS", "id", "ORDER", "BY", "token", "DESC", "price", "DESC", "LIMIT", "3") == [
            [b"id", 3], [b"id", 1], [b"id", 2]]
