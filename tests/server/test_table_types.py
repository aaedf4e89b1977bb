"""Types and options of columns: what each takes, how it is shown, how it is compared, with and without indexes; what survives a restart by
a snapshot and by the log, on another number of shards; what is refused, with nothing left behind."""

import itertools
import random
import re
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from harness.process import SLOWDOWN, Server, StartError
from harness.resp import error_of, table_rows
from harness.saved import OPTIONS, path, restart
from replay import Replay

BAD_VALUE = re.compile(r"ERR .* is not an? .* \(column 'v'\)", re.DOTALL)
KINDS = ("none", "hash", "btree")

# type: (what is given, how it is shown)
GOOD = {
    "boolean": [("true", "true"), ("FALSE", "false"), ("1", "true"), ("0", "false")],
    "datetime": [("2024-05-01T12:30:00Z", "2024-05-01T12:30:00Z"), ("2024-05-01 12:30:00", "2024-05-01T12:30:00Z"),
                 ("2024-05-01T12:30:00.250000+02:00", "2024-05-01T10:30:00.25Z"), ("2024-05-01T00:30-0130", "2024-05-01T02:00:00Z"),
                 ("2024-02-29", "2024-02-29T00:00:00Z"), ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
                 ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"), ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z")],
    "decimal": [("1.5", "1.500000"), ("-0.000001", "-0.000001"), ("999999999999.999999", "999999999999.999999"), ("1e3", "1000.000000")],
    "decimal(10,2)": [("19.99", "19.99"), ("-7", "-7.00"), ("+007.10", "7.10"), ("1.2300", "1.23"), ("99999999.99", "99999999.99")],
    "decimal(18,0)": [("999999999999999999", "999999999999999999"), ("-999999999999999999", "-999999999999999999"), ("5.0", "5")],
    "decimal(18,18)": [("0.000000000000000001", "0.000000000000000001"), ("-.5", "-0.500000000000000000")],
    "blob": [(b"\x00\xff\r\n" * 5, b"\x00\xff\r\n" * 5), (b"", b""), (b"x" * 70000, b"x" * 70000)],
    "uuid": [("550E8400-E29B-41D4-A716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
             ("550e8400e29b41d4a716446655440001", "550e8400-e29b-41d4-a716-446655440001")],
    "json": [(' {"a": [1, 2.5e-3, null]} ', ' {"a": [1, 2.5e-3, null]} '), ("17", "17"), ('"x"', '"x"'),
             ('["' + "y" * 500 + '"]', '["' + "y" * 500 + '"]')],
}
BAD = {
    "boolean": ["", "yes", "2", "tru", "true ", "nul"],
    "datetime": ["", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-05-01T24:00:00Z", "2024-05-01T12:60:00Z", "2024-05-01T12:30:60Z",
                 "2024-05-01T12:30:00.1234567Z", "2024-05-01T12:30:00.", "2024-05-01T12:30:00+24:00", "2024-05-01T12:30:00ZZ",
                 "2024-05-01 ", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z", "1714566600"],
    "decimal": ["", "1.1234567", "1000000000000", "1234567890123456789", "0.1234567890123456789", "1,5", "1.5.2", "e5", "nan", "inf", "0x1"],
    "decimal(10,2)": ["0.001", "19.999", "100000000", "-100000000.00", "1e8", "1e-3", "1e99999999999", "9" * 19, "9" * 400],
    "decimal(18,0)": ["1000000000000000000", "9223372036854775808", "0.5"],
    "decimal(18,18)": ["1", "0.0000000000000000001"],
    "uuid": ["", "550e8400-e29b-41d4-a716-44665544000", "550e8400-e29b-41d4-a716-4466554400000", "550e8400-e29b-41d4-a716-44665544000g",
             "550e8400-e29b41d4-a716-446655440000-", "{550e8400-e29b-41d4-a716-446655440000}"],
    "json": ["", '{"a":', "{'a': 1}", "[1,]", "tru", "1 2", "01", '"\x01"', "[" * 513 + "]" * 513, b'"\xff'],
}


def encoded(value):
    return value if isinstance(value, bytes) else value.encode()


def make(client, *columns, table="t.t"):
    client.call("TABLE.NAMESPACE.CREATE", "t")
    client.run("TABLE.SCHEMA.CREATE", table, *columns)


def test_values_are_taken_shown_and_found(client):
    for number, ((form, values), kind) in enumerate(itertools.product(GOOD.items(), KINDS)):
        table = "t.t%d" % number
        make(client, "n:integer", "v:%s:%s" % (form, kind), table=table)
        for at, (given, _) in enumerate(values):
            client.run("TABLE.INSERT", table, "n=%d" % at, b"v=" + encoded(given))
        assert table_rows(client, table) == [{b"n": b"%d" % at, b"v": encoded(shown)} for at, (_, shown) in enumerate(values)]
        for given, shown in values:
            same = [at for at, (_, other) in enumerate(values) if other == shown]
            for word in (given, shown):
                assert [int(row[b"n"]) for row in table_rows(client, table, "WHERE", b"v=" + encoded(word))] == same, (form, word)
                assert len(table_rows(client, table, "WHERE", "v", "!=", encoded(word))) == len(values) - len(same)
        for bad in BAD.get(form, []):
            for words in (("TABLE.INSERT", table, b"v=" + encoded(bad)), ("TABLE.UPDATE", table, "SET", b"v=" + encoded(bad)),
                          ("TABLE.SELECT", table, "WHERE", b"v=" + encoded(bad))):
                assert BAD_VALUE.fullmatch(error_of(client, *words)), (form, bad)
        assert client.run("TABLE.UPDATE", table, "WHERE", "n=0", "SET", b"v=" + encoded(values[-1][0])) == 1
        assert client.run("TABLE.INSERT", table, "n=9") == b"%d" % (len(values) + 1), "mistakes take no row"
        assert table_rows(client, table, "WHERE", "n=9") == [{b"n": b"9"}]


# ---- order: as Python has it ----

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def some_moment(rng):
    moment = EPOCH + timedelta(seconds=rng.randrange(-10**6, 10**6), microseconds=rng.choice([0, 0, 1, 999999]))
    return moment.isoformat().replace("+00:00", "Z"), moment


def some_decimal(rng):
    number = Decimal(rng.randrange(-3000, 3000)) / 100
    return str(number), number


def some_uuid(rng):
    value = uuid.UUID(int=rng.choice([rng.getrandbits(128), rng.randrange(50), rng.randrange(50) << 120]))
    return str(value), value.bytes


def some_blob(rng):
    value = bytes(rng.choice(b"\x00a\xff") for _ in range(rng.choice([0, 1, 2, 3, 140])))
    return value, value


def some_json(rng):
    value = rng.choice(['{"a": %d}', "[%d]", "%d"]) % rng.randrange(9)
    return value, value.encode()


def some_boolean(rng):
    value = rng.random() < 0.5
    return str(value).lower(), value


MAKERS = {"datetime": some_moment, "decimal(9,2)": some_decimal, "uuid": some_uuid, "blob": some_blob, "json": some_json,
          "boolean": some_boolean}
COMPARE = {"=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
           ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}


def test_order_is_that_of_the_type_whatever_the_index(client):
    rng = random.Random(20240501)
    client.run("TABLE.NAMESPACE.CREATE", "t")
    for number, (form, maker) in enumerate(MAKERS.items()):
        tables = {kind: "t.%s%d" % (kind, number) for kind in KINDS}
        given = [maker(rng) for _ in range(int(120 / SLOWDOWN) + 20)]
        for kind, table in tables.items():
            client.run("TABLE.SCHEMA.CREATE", table, "v:%s:%s" % (form, kind), "n:integer:hash")
            client.pipeline(("TABLE.INSERT", table, b"v=" + encoded(word), "n=%d" % at) for at, (word, _) in enumerate(given))
        for operator, compare in COMPARE.items():
            for word, value in (given[0], maker(rng)):
                expected = [at for at, (_, other) in enumerate(given) if compare(other, value)]
                for table in tables.values():
                    found = table_rows(client, table, "WHERE", "v", operator, encoded(word))
                    assert [int(row[b"n"]) for row in found] == expected, (form, operator, word)
        # Values that change, rows that go, indexes that come: the same rows are found.
        new, value = maker(rng)
        for table in tables.values():
            client.run("TABLE.UPDATE", table, "WHERE", "n<10", "SET", b"v=" + encoded(new))
            client.run("TABLE.DELETE", table, "WHERE", "n>=15", "AND", "n<20")
        given = [(at, value if at < 10 else other) for at, (_, other) in enumerate(given) if not 15 <= at < 20]
        for kind in ("btree", "hash"):
            client.run("TABLE.SCHEMA.ALTER", tables["none"], "ADD", "INDEX", "v:" + kind)
            for table, operator in itertools.product(tables.values(), (">", "=")):
                found = sorted(int(row[b"n"]) for row in table_rows(client, table, "WHERE", "v", operator, encoded(new)))
                assert found == [at for at, other in given if COMPARE[operator](other, value)], (form, table, kind)


def test_small_values_take_little_memory(start):
    """A boolean and a decimal that hardly varies take a byte a row; a uuid its 16, one for its length, two for its place."""
    with start(shards=1).connect() as client:
        sizes = {}
        client.run("TABLE.NAMESPACE.CREATE", "t")
        for form, value in (("integer", "7"), ("boolean", "true"), ("decimal(10,2)", "123456.07"), ("datetime", "2024-05-01T12:30:00Z"),
                            ("uuid", "550e8400-e29b-41d4-a716-446655440000")):
            client.run("TABLE.SCHEMA.CREATE", "t." + form.split("(")[0], "v:" + form)
            client.pipeline([("TABLE.INSERT", "t." + form.split("(")[0], "v=" + value)] * 4800)
            sizes[form] = client.run("MEMORY", "USAGE", "TABLE", "t." + form.split("(")[0]) / 4800
        assert sizes["boolean"] == sizes["decimal(10,2)"] == sizes["datetime"] == sizes["integer"]
        assert sizes["uuid"] - sizes["integer"] < 24


# ---- options ----

def test_options_are_shown_in_full_only(client):
    make(client, "id:integer:hash:notnull", "at:datetime:default=2024-05-01T12:30:00Z:btree", "price:DECIMAL(10,2):notnull:default=1.5",
         "plain:decimal", 'doc:json:default={"a":{"b":1}}', "text:string:default=", "raw:blob", "open:boolean:default=1:false",
         b"any:blob:default=\x00\xff:notnull", "key:uuid:default=00112233445566778899AABBCCDDEEFF")
    assert client.run("TABLE.SCHEMA.VIEW", "t.t") == [
        [b"id", b"integer", b"true"], [b"at", b"datetime", b"true"], [b"price", b"decimal(10,2)", b"false"],
        [b"plain", b"decimal(18,6)", b"false"], [b"doc", b"json", b"false"], [b"text", b"string", b"false"], [b"raw", b"blob", b"false"],
        [b"open", b"boolean", b"false"], [b"any", b"blob", b"false"], [b"key", b"uuid", b"false"]]
    assert client.run("TABLE.SCHEMA.VIEW", "t.t", "FULL") == [
        [b"id", b"integer", b"hash", b"notnull"], [b"at", b"datetime", b"btree", b"default=2024-05-01T12:30:00Z"],
        [b"price", b"decimal(10,2)", b"none", b"notnull", b"default=1.50"], [b"plain", b"decimal(18,6)", b"none"],
        [b"doc", b"json", b"none", b'default={"a":{"b":1}}'], [b"text", b"string", b"none", b"default="], [b"raw", b"blob", b"none"],
        [b"open", b"boolean", b"none", b"default=true"], [b"any", b"blob", b"none", b"notnull", b"default=\x00\xff"],
        [b"key", b"uuid", b"none", b"default=00112233-4455-6677-8899-aabbccddeeff"]]
    # What FULL tells makes the same table again.
    words = [b":".join(row) for row in client.run("TABLE.SCHEMA.VIEW", "t.t", "FULL")]
    client.run("TABLE.SCHEMA.CREATE", "t.again", *words)
    assert client.run("TABLE.SCHEMA.VIEW", "t.again", "FULL") == client.run("TABLE.SCHEMA.VIEW", "t.t", "FULL")


NOT_YET = "ERR options 'ref' and 'check' do not exist yet"
BAD_AUTO = "ERR 'auto' is for one column of a table, an integer without a default"
BAD_OPTION = ("ERR option must be an index ('hash', 'btree', 'none', or deprecated 'true'/'false'), 'notnull', 'unique', 'primary', 'auto' or "
              "'default=<value>'")
BAD_DEFAULT = "ERR the default is no value of the column's type, or longer than 64 KiB"
BAD_DIGITS = "ERR decimal(digits,behind-the-point) takes 1 to 18 digits, and 0 to as many behind the point"
NO_INDEX = "ERR a column that is 'unique' or 'primary' has an index, 'hash' or 'btree'"
TWICE = "ERR an option of a column is given twice"
BAD_TYPE = ("ERR type must be 'string', 'integer', 'float', 'date', 'boolean', 'datetime', 'decimal', 'blob', 'uuid' or 'json'")


BAD_COLUMNS = [
    ("a:bool", BAD_TYPE), ("a:integer(5)", BAD_TYPE), ("a:decimals", BAD_TYPE), ("a:decimal(19)", BAD_DIGITS),
    ("a:decimal(5,6)", BAD_DIGITS), ("a:decimal(5", BAD_DIGITS), ("a:decimal(5,2)x", BAD_DIGITS), ("a:decimal(0,0)", BAD_DIGITS),
    ("a:integer:primary:none", NO_INDEX), ("a:integer:none:unique", NO_INDEX), ("a:float:notnull:auto", BAD_AUTO), ("a:integer:ref(t.t)", NOT_YET),
    ("a:integer:check(a>5)", NOT_YET), ("a:integer:default=5:unique:auto", BAD_AUTO), ("a:integer:index", BAD_OPTION),
    ("a:integer:hash:", BAD_OPTION), ("a:integer:default", BAD_OPTION), ("a:integer:not null", BAD_OPTION),
    ("a:integer:hash:hash", TWICE), ("a:integer:notnull:NOTNULL", TWICE), ("a:integer:btree:default=5:none", TWICE),
    ("a:integer:default=x", BAD_DEFAULT), ("a:integer:default=5:default=6", BAD_DEFAULT), ("a:boolean:default=maybe", BAD_DEFAULT),
    ('a:json:default={"a":', BAD_DEFAULT), ("a:datetime:default=2023-02-29", BAD_DEFAULT), ("a:decimal(3,1):default=100", BAD_DEFAULT),
    ("a:string:default=" + "x" * 65537, BAD_DEFAULT)]


def test_bad_columns_leave_nothing(start):
    with start(shards=1).connect() as client:
        make(client, "id:integer")
        for word, error in BAD_COLUMNS:
            assert error_of(client, "TABLE.SCHEMA.CREATE", "t.new", "id:integer", word) == error, word
            assert error_of(client, "TABLE.SCHEMA.VIEW", "t.new") == "ERR table schema does not exist"
            assert error_of(client, "TABLE.SCHEMA.ALTER", "t.t", "ADD", "COLUMN", word) == error, word
        assert client.run("TABLE.SCHEMA.VIEW", "t.t") == [[b"id", b"integer", b"false"]]


def test_defaults_and_columns_that_must_have_a_value(client):
    make(client, "id:integer:hash:notnull", "state:string:notnull:default=new", "price:decimal(6,2):default=9.99:btree", "note:string")
    assert error_of(client, "TABLE.INSERT", "t.t", "note=x") == "ERR column 'id' must have a value"
    assert client.run("TABLE.INSERT", "t.t", "id=1") == b"1", "the refused one took no id"
    client.run("TABLE.INSERT", "t.t", "id=2", "state=", "price=1")
    assert table_rows(client, "t.t") == [{b"id": b"1", b"state": b"new", b"price": b"9.99"}, {b"id": b"2", b"state": b"", b"price": b"1.00"}]
    assert [row[b"id"] for row in table_rows(client, "t.t", "WHERE", "price>5")] == [b"1"]
    assert [row[b"id"] for row in table_rows(client, "t.t", "WHERE", "state=new")] == [b"1"]
    assert client.pipeline([("MULTI",), ("TABLE.INSERT", "t.t", "note=y"), ("TABLE.INSERT", "t.t", "id=3"), ("EXEC",)])[-1][1][0][0] == "-"
    assert len(table_rows(client, "t.t")) == 3
    # A default is a copy: it outlives the schema that gave it.
    client.run("TABLE.SCHEMA.ALTER", "t.t", "DROP", "COLUMN", "note")
    client.run("TABLE.SCHEMA.ALTER", "t.t", "ADD", "INDEX", "state")
    client.run("TABLE.INSERT", "t.t", "id=4")
    assert table_rows(client, "t.t", "WHERE", "id=4") == [{b"id": b"4", b"state": b"new", b"price": b"9.99"}]
    client.run("TABLE.SCHEMA.ALTER", "t.t", "DROP", "COLUMN", "state")
    assert client.run("TABLE.SCHEMA.VIEW", "t.t", "FULL") == [[b"id", b"integer", b"hash", b"notnull"],
                                                              [b"price", b"decimal(6,2)", b"btree", b"default=9.99"]]


def test_a_routing_column_with_a_default_names_the_shard(client):
    make(client, "key:uuid:hash:default=00112233445566778899aabbccddeeff", "n:integer")
    client.pipeline([("TABLE.INSERT", "t.t", "n=%d" % number) for number in range(20)])
    client.pipeline([("TABLE.INSERT", "t.t", "n=%d" % number, "key=%032x" % number) for number in range(20)])
    assert len(table_rows(client, "t.t", "WHERE", "key=00112233-4455-6677-8899-AABBCCDDEEFF")) == 20
    for number in range(20):
        assert [row[b"n"] for row in table_rows(client, "t.t", "WHERE", "key=%032x" % number)] == [b"%d" % number]
    assert client.run("TABLE.UPDATE", "t.t", "WHERE", "n=7", "SET", "key=%032x" % 999) == 2
    assert len(table_rows(client, "t.t", "WHERE", "key=%032x" % 999)) == 2


def test_columns_are_added(client):
    needs_default = "ERR a column with 'notnull' and without a default cannot be added to a table that has rows"
    index_later = "ERR a column with a default and an index cannot be added to a table that has rows: ADD INDEX comes afterwards"
    make(client, "id:integer:hash")
    alter = ("TABLE.SCHEMA.ALTER", "t.t", "ADD", "COLUMN")
    client.run(*alter, "early:string:default=e")
    client.run("TABLE.INSERT", "t.t", "id=1")
    assert error_of(client, *alter, "a:integer:notnull") == needs_default
    for word in ("a:integer:default=5:btree", "a:integer:unique:default=5"):
        assert error_of(client, *alter, word) == index_later
    for form in ("boolean", "datetime:btree", "decimal(4,1):hash", "blob", "uuid:btree", "json:hash"):
        client.run(*alter, form.split(":")[0].split("(")[0] + ":" + form)
    client.run("TABLE.UPDATE", "t.t", "SET", "boolean=1", "datetime=2024-05-01", "decimal=7", "blob=x", "uuid=%032x" % 5, "json=[]")
    row = {b"id": b"1", b"early": b"e", b"boolean": b"true", b"datetime": b"2024-05-01T00:00:00Z", b"decimal": b"7.0", b"blob": b"x",
           b"uuid": b"00000000-0000-0000-0000-000000000005", b"json": b"[]"}
    for condition in ("boolean=true", "datetime>2024-04-30", "decimal=7", "uuid<=%032x" % 5, "json=[]", "blob=x"):
        assert table_rows(client, "t.t", "WHERE", condition) == [row], condition
    client.run("TABLE.DELETE", "t.t")
    client.run(*alter, "late:integer:notnull")
    assert error_of(client, "TABLE.INSERT", "t.t", "id=1") == "ERR column 'late' must have a value"


# ---- what lasts ----

COLUMNS = ["key:uuid:hash:notnull", "open:boolean:default=true", "at:datetime:btree", "price:decimal(10,2):btree:notnull:default=0.5",
           "raw:blob:hash", "doc:json", b"any:blob:default=\x00\xff\x00", "plain:decimal:default=1e3", "name:string:default=12345"]


def fill(client, count=200):
    client.run("TABLE.NAMESPACE.CREATE", "t")
    client.run("TABLE.SCHEMA.CREATE", "t.t", *COLUMNS)
    client.run("TABLE.SCHEMA.CREATE", "t.old", "id:integer:hash", "text:string", "f:float", "d:date")
    client.pipeline([("TABLE.INSERT", "t.t", "key=%032x" % (number % 50), "at=2024-05-01T12:30:%02d.%06d" % (number % 60, number),
                      "price=%d.%02d" % (number - 90, number % 100), b"raw=" + bytes([number % 256]) * number, 'doc={"n": %d}' % number)
                     for number in range(count)])
    client.pipeline([("TABLE.INSERT", "t.t", "key=%032x" % number, "open=0") for number in range(20)])
    client.run("TABLE.INSERT", "t.old", "id=1", "text=x", "f=5e-324", "d=2024-02-29")
    client.run("TABLE.UPDATE", "t.t", "WHERE", "price<-80", "SET", "at=1969-12-31T23:59:59.999999Z", "open=false")
    client.run("TABLE.UPDATE", "t.t", "WHERE", "doc={\"n\": 7}", "SET", "key=ffffffff-ffff-ffff-ffff-ffffffffffff")
    client.run("TABLE.DELETE", "t.t", "WHERE", "price=10.00")


def state(client):
    return (client.run("DEBUG", "DIGEST"), table_rows(client, "t.t"), table_rows(client, "t.old"), client.run("TABLE.SCHEMA.VIEW", "t.t", "FULL"),
            table_rows(client, "t.t", "WHERE", "price>5.25", "AND", "at<2024-05-01T12:30:30Z"), table_rows(client, "t.t", "WHERE", "key=%032x" % 3))


@pytest.mark.parametrize("way", ("snapshot", "log", pytest.param("rewritten log", marks=pytest.mark.slow)))
def test_tables_last(start, shards, way):
    log = ("--appendonly", "no" if way == "snapshot" else "yes")
    server = start(*OPTIONS, *log, shards=shards)
    with server.connect() as client:
        fill(client)
        if way == "snapshot":
            client.run("SAVE")
        elif way == "rewritten log":
            client.run("BGREWRITEAOF")
        before = state(client)
        assert len(before[1]) == 219 and before[4] and before[5]
    restart(server, {1: 3, 2: 1, 4: 2}[shards])
    with server.connect() as client:
        assert state(client) == before
        assert error_of(client, "TABLE.INSERT", "t.t", "open=1") == "ERR column 'key' must have a value"


@pytest.mark.parametrize("shards", ((2, 3), pytest.param((1, 2), marks=pytest.mark.slow), pytest.param((3, 1), marks=pytest.mark.slow)))
def test_changes_are_repeated_on_other_shards(shards):
    replay = Replay(*shards)
    try:
        fill(replay.sender, 60)
        assert replay.apply(replay.play([], False)) == []
        digests = replay.digests()
        assert digests[0] == digests[1], replay.differing_keys()
    finally:
        problems = replay.end()
    assert problems == []


def test_the_digest_tells_types_and_options_apart(start):
    with start(*OPTIONS).connect() as client:
        seen = set()
        client.run("TABLE.NAMESPACE.CREATE", "t")
        for column in ("a:decimal(10,2)", "a:decimal(10,3)", "a:decimal(9,2)", "a:blob", "a:string", "a:json", "a:string:notnull",
                       "a:string:default=", "a:string:default=x", "a:string:default=x:notnull", "a:string:default=notnull"):
            client.run("TABLE.SCHEMA.CREATE", "t.t", column)
            seen.add(client.run("DEBUG", "DIGEST"))
            client.run("TABLE.DROP", "t.t", "FORCE")
        assert len(seen) == 11


# ---- files of other versions ----

def changed(server, old, new):
    """The snapshot with some bytes of its definition of a table changed; its checksum is none."""
    with open(path(server), "rb") as file:
        data = file.read()
    assert data.count(old) == 1
    with open(path(server), "wb") as file:
        file.write(data.replace(old, new)[:-8] + bytes(8))


LATER = [
    (b"\x04flag\x04\x00\x00", b"\x04flag\x63\x00\x00", "a column of a type that this version does not know"),
    (b"\x04flag\x04\x00\x00", b"\x04flag\x04\x63\x00", "an index of a kind that this version does not know"),
    (b"\x04flag\x04\x00\x00\x01\x05\x017", b"\x04flag\x04\x00\x00\x02\x05\x017", "options of a version that this version does not know"),
    (b"\x04flag\x04\x00\x00\x01\x05\x017", b"\x04flag\x04\x00\x00\x01\x45\x017", "an option that this version does not know"),
    (b"\x04flag\x04\x00\x00\x01\x05\x017", b"\x04flag\x04\x00\x00\x01\x05\x01x", "a table's field is damaged"),
    (b"\x04flag\x04\x00\x00\x01\x05\x017", b"\x04flag\x04\x00\x00\x01\x0d\x017", "a table's field is damaged"),  # unique, without an index
    (b"\x04flag\x04\x00\x00\x01\x05\x017", b"\x04flag\x04\x00\x00\x01\x25\x017", "a table's field is damaged")]  # auto, with a default


def test_a_file_of_a_later_version_is_refused_with_its_reason(start):
    server = start(*OPTIONS, "--rdbcompression", "no", shards=1)
    with server.connect() as client:
        make(client, "n:integer:notnull:default=7", "flag:boolean")
        client.run("TABLE.INSERT", "t.t", "flag=1")
        client.run("SAVE")
    with open(path(server), "rb") as file:
        data = file.read()
    for old, new, message in LATER:
        assert data.count(old) == 1
        with open(path(server), "wb") as file:
            file.write(data.replace(old, new)[:-8] + bytes(8))  # the checksum is none
        with pytest.raises(StartError) as caught:
            Server("tessera", 1, ("--dir", server.folder, *OPTIONS))
        assert message in caught.value.output
